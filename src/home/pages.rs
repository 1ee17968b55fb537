//! New versions of the pages of a row store on the way to rows that change, as blocks to be appended to
//! its file. Cells that do not change are copied byte for byte.

use super::block::Headers;
use super::leaves;
use super::refusal::{EditError, Result};
use super::shape::{self, Shape};
use crate::format::block::{FLAG_DATA_CHECKSUM, LocalBlockHeader};
use crate::format::compress::{self, Compressor};
use crate::format::int::write_vuint;
use crate::format::local::{DATA_OFFSET, Extent, ExtentList, LocalAddress, MAX_BLOCK, Recovery};
use crate::format::local_image;
use crate::format::page_header::{self, FLAG_COMPRESSED, PageHeader, PageType};
use crate::page::cell::{self, Cell, CellKind, Cells, KeyBuilder, Times};
use std::collections::{BTreeMap, BTreeSet};

/// Levels of a tree; the engine's trees stay below ten.
const MAX_LEVELS: usize = 64;
/// Shorter pages are never compressed.
const LEAST_COMPRESSED: usize = 128;
/// The key of the first child of a page, which means nothing.
const NO_KEY: &[u8] = &[0];

/// A block that was made.
#[derive(Debug, Clone)]
pub struct Block {
    /// Where it will lie.
    pub(super) address: LocalAddress,
    pub kind: PageType,
    /// Keys of the changed rows in it.
    pub(super) keys: Vec<Vec<u8>>,
}

/// Blocks in the order in which they will stand behind the end of the file.
#[derive(Debug)]
pub(super) struct Output {
    alloc: u32,
    /// Where the next block begins.
    at: u64,
    /// Everything from the end of the file on.
    pub(super) bytes: Vec<u8>,
    /// The last write generation given.
    pub(super) generation: u64,
    pub(super) blocks: Vec<Block>,
}

/// Properties that a page shares with the one it replaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Like {
    pub(super) page: PageHeader,
    /// The checksum covers all of it.
    pub(super) full: bool,
    pub(super) compressor: Option<Compressor>,
}

impl Output {
    /// Nothing so far: blocks begin `gap` bytes behind the end of the file, which is at `at`.
    pub(super) fn new(alloc: u32, at: u64, gap: usize, generation: u64) -> Self {
        let begin = at.saturating_add(u64::try_from(gap).unwrap_or(u64::MAX));
        Self { alloc, at: begin, bytes: vec![0; gap], generation, blocks: Vec::new() }
    }

    /// Where the next block begins.
    pub(super) fn end(&self) -> u64 {
        self.at
    }

    /// Bytes on disk of a block with so many stored ones.
    pub(super) fn disk_size(&self, stored: usize) -> Result<u32> {
        let size = u32::try_from(stored).ok().and_then(|n| n.checked_next_multiple_of(self.alloc));
        size.filter(|n| *n <= MAX_BLOCK)
            .ok_or_else(|| EditError::Refused(format!("a page of {stored} bytes is too large to be written")))
    }

    /// A page with these cells, or an overflow item with these bytes.
    pub(super) fn page(
        &mut self,
        like: &Like,
        entries: usize,
        cells: &[u8],
        keys: Vec<Vec<u8>>,
    ) -> Result<LocalAddress> {
        self.generation = self.generation.checked_add(1).ok_or_else(no_generation)?;
        let too_large = || EditError::Refused(format!("a page of {} bytes is too large to be written", cells.len()));
        let header = PageHeader {
            write_gen: self.generation,
            mem_size: u32::try_from(DATA_OFFSET.saturating_add(cells.len())).map_err(|_| too_large())?,
            entries: u32::try_from(entries).map_err(|_| too_large())?,
            flags: like.page.flags & !FLAG_COMPRESSED,
            ..like.page
        };
        let plain = image(&header, cells);
        let compressor = like.compressor.filter(|_| plain.len() >= LEAST_COMPRESSED);
        // What the compressor cannot take comes back as it is.
        let stored = compressor.map(|c| {
            let flagged = PageHeader { flags: header.flags | FLAG_COMPRESSED, ..header };
            let plain = image(&flagged, cells);
            Some(compress::compress(c, &plain)).filter(|stored| *stored != plain)
        });
        let kind = header.page_type()?;
        match stored.flatten() {
            Some(stored) => self.put(stored, like.full, kind, keys),
            // The checksum of a page that was compressed may have covered its beginning only.
            None => self.put(plain, like.full || like.compressor.is_some(), kind, keys),
        }
    }

    /// An extent list, with recovery data if it is an avail list. Always plain, its checksum over all of it.
    pub(super) fn list(&mut self, extents: Vec<Extent>, recovery: Option<Recovery>) -> Result<LocalAddress> {
        let stored = list_image(extents, recovery)?;
        self.put(stored, true, PageType::BlockManager, Vec::new())
    }

    /// Pad, sum and append a block.
    fn put(&mut self, mut stored: Vec<u8>, full: bool, kind: PageType, keys: Vec<Vec<u8>>) -> Result<LocalAddress> {
        let size = self.disk_size(stored.len())?;
        stored.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        let flags = if full { FLAG_DATA_CHECKSUM } else { 0 };
        let mut header = LocalBlockHeader { disk_size: size, checksum: 0, flags, unused: [0; 3] };
        put_header(&mut stored, &header);
        header.checksum = header.compute_checksum(&stored);
        put_header(&mut stored, &header);
        let address = LocalAddress { offset: self.at, size, checksum: header.checksum, object: None };
        self.at = address.end();
        self.bytes.extend_from_slice(&stored);
        self.blocks.push(Block { address, kind, keys });
        Ok(address)
    }
}

/// The block of an extent list, not padded. `mem_size` ends before the recovery data.
pub(super) fn list_image(extents: Vec<Extent>, recovery: Option<Recovery>) -> Result<Vec<u8>> {
    let end_value = u64::from(recovery.is_some());
    let mut list = ExtentList { extents, end: 0, end_value, recovery, recovery_error: None };
    let all = list.encode();
    list.recovery = None;
    let entries = list.encode().len();
    let too_long = || EditError::Refused(format!("an extent list of {entries} bytes is too large to be written"));
    let header = PageHeader {
        recno: 0,
        write_gen: 0,
        mem_size: u32::try_from(DATA_OFFSET.saturating_add(entries)).map_err(|_| too_long())?,
        entries: u32::try_from(entries).map_err(|_| too_long())?,
        type_byte: PageType::BlockManager.byte(),
        flags: 0,
        unused: 0,
        version: 1,
    };
    Ok(image(&header, &all))
}

/// A plain page whose block header is still to come.
fn image(header: &PageHeader, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(DATA_OFFSET.saturating_add(data.len()));
    header.write(&mut out);
    out.resize(DATA_OFFSET, 0);
    out.extend_from_slice(data);
    out
}

fn put_header(block: &mut [u8], header: &LocalBlockHeader) {
    let mut bytes = Vec::with_capacity(DATA_OFFSET - page_header::HEADER_LEN);
    bytes.extend_from_slice(&header.disk_size.to_le_bytes());
    bytes.extend_from_slice(&header.checksum.to_le_bytes());
    bytes.push(header.flags);
    bytes.extend_from_slice(&header.unused);
    if let Some(place) = block.get_mut(page_header::HEADER_LEN..DATA_OFFSET) {
        place.copy_from_slice(&bytes);
    }
}

/// A page as it is.
pub(super) struct Loaded {
    pub(super) headers: Headers,
    pub(super) plain: Vec<u8>,
    compressor: Option<Compressor>,
}

impl Loaded {
    /// Read a block in which nothing may be wrong.
    pub(super) fn read(shape: &Shape<'_>, address: &LocalAddress) -> Result<Self> {
        let (mut buffer, mut faults) = (Vec::new(), Vec::new());
        let stored = shape::load(shape, address, false, &mut buffer, &mut faults);
        if let Some(fault) = faults.first() {
            return Err(damaged(shape, address, &fault.to_string()));
        }
        let stored = stored.ok_or_else(|| damaged(shape, address, "it cannot be read"))?;
        let headers = Headers::read(stored)?;
        let compressor = shape.entry.compression().or_else(|| compress::detect(stored));
        let plain = local_image::plain(stored, &headers.page, compressor)?.into_owned();
        Ok(Self { headers, plain, compressor: compressor.filter(|_| headers.page.is_compressed()) })
    }

    fn like(&self) -> Like {
        let full = self.headers.block.flags & FLAG_DATA_CHECKSUM != 0;
        Like { page: self.headers.page, full, compressor: self.compressor }
    }

    /// The bytes of its cells.
    fn data(&self) -> &[u8] {
        self.plain.get(DATA_OFFSET..).unwrap_or_default()
    }

    fn cells(&self) -> Cells<'_> {
        Cells::new(&self.plain, DATA_OFFSET, self.headers.page.flags)
    }

    fn raw(&self, cell: &Cell<'_>) -> &[u8] {
        self.plain.get(cell.offset..cell.end).unwrap_or_default()
    }
}

/// A page that does not follow the rules.
pub(super) fn damaged(shape: &Shape<'_>, address: &LocalAddress, what: &str) -> EditError {
    EditError::Refused(format!(
        "{} is itself damaged, at {}+{}: {what}",
        shape.entry.name, address.offset, address.size
    ))
}

/// A hostile page may leave no number for the next one.
pub(super) fn no_generation() -> EditError {
    EditError::Refused("the write generations are used up".to_string())
}

/// A page that takes the place of another, or of a part of it.
struct Part {
    /// The key cell that separates it from the part before; of the first part nothing.
    key: Vec<u8>,
    /// The kind of cell that leads to it.
    kind: CellKind,
    address: LocalAddress,
}

/// A child of a new internal page: both cells.
struct Entry {
    key: Vec<u8>,
    address: Vec<u8>,
}

/// A row of a leaf as it is.
struct OldRow<'a> {
    key_cell: Cell<'a>,
    key: Vec<u8>,
    value: Option<Cell<'a>>,
}

/// A row of a new leaf.
struct NewRow<'a> {
    /// The key cell as it was.
    raw_key: &'a [u8],
    key: Vec<u8>,
    /// The key is an overflow item.
    key_item: bool,
    /// The value cell; empty if there is none.
    value: Vec<u8>,
    /// The value is an overflow item.
    value_item: bool,
    /// The value is a new one.
    changed: bool,
}

/// Writes new versions of the pages that lead to changed rows.
pub(super) struct Rewriter<'r> {
    pub(super) shape: &'r Shape<'r>,
    /// New values by key.
    pub(super) values: &'r BTreeMap<Vec<u8>, Vec<u8>>,
    /// Largest leaf and largest internal page, headers included.
    pub(super) limits: (usize, usize),
    /// What was made.
    pub(super) out: Output,
    /// Keys of the rows that were found.
    pub(super) found: BTreeSet<Vec<u8>>,
}

impl Rewriter<'_> {
    /// The new root. A root is written in any case: each checkpoint has its own. `times`: the aggregate of
    /// the whole tree.
    pub(super) fn root(&mut self, old: &LocalAddress, times: &Times) -> Result<LocalAddress> {
        let loaded = Loaded::read(self.shape, old)?;
        let mut parts = match self.page(old, CellKind::AddrInternal, 0)? {
            Some(parts) => parts,
            None => {
                let entries = usize::try_from(loaded.headers.page.entries).unwrap_or(usize::MAX);
                return self.out.page(&loaded.like(), entries, loaded.data(), Vec::new());
            }
        };
        // Each round has at most half as many.
        while parts.len() > 1 {
            let mut entries = Vec::new();
            for part in parts {
                let mut address = Vec::new();
                cell::write_addr(&mut address, part.kind, times, None, &part.address.encode(self.shape.entry.alloc)?);
                entries.push(Entry { key: if part.key.is_empty() { no_key() } else { part.key }, address });
            }
            parts = self.write_internal(&loaded.like(), entries)?;
        }
        parts.first().map(|p| p.address).ok_or_else(|| damaged(self.shape, old, "the root has no children"))
    }

    /// New versions of a page, if anything below it changes.
    fn page(&mut self, address: &LocalAddress, kind: CellKind, level: usize) -> Result<Option<Vec<Part>>> {
        if level > MAX_LEVELS {
            return Err(damaged(self.shape, address, &format!("it is below {MAX_LEVELS} levels")));
        }
        let loaded = Loaded::read(self.shape, address)?;
        let wanted = if kind == CellKind::AddrInternal { PageType::RowInternal } else { PageType::RowLeaf };
        if loaded.headers.page.page_type()? != wanted {
            return Err(damaged(self.shape, address, &format!("it is not a {} page", wanted.name())));
        }
        match wanted {
            PageType::RowInternal => self.internal(address, &loaded, level),
            _ => self.leaf(address, &loaded),
        }
    }

    fn internal(&mut self, at: &LocalAddress, loaded: &Loaded, level: usize) -> Result<Option<Vec<Part>>> {
        let alloc = self.shape.entry.alloc;
        let mut entries = Vec::new();
        let mut changed = false;
        let mut key = None;
        for cell in loaded.cells() {
            let cell = cell?;
            let raw = loaded.raw(&cell);
            if cell.kind.is_key() {
                key = Some(raw.to_vec());
                continue;
            }
            let mut key = key.take().ok_or_else(|| damaged(self.shape, at, "an address has no key"))?;
            let parts = match cell.kind {
                // What a truncate deleted is deleted.
                CellKind::AddrDeleted => None,
                CellKind::AddrInternal | CellKind::AddrLeaf | CellKind::AddrLeafNoOverflow => {
                    let child = LocalAddress::decode(cell.data, alloc)?;
                    let child = child.ok_or_else(|| damaged(self.shape, at, "a child has no address"))?;
                    self.page(&child, cell.kind, level.saturating_add(1))?
                }
                _ => return Err(damaged(self.shape, at, "a cell that no internal page has")),
            };
            let Some(parts) = parts else {
                entries.push(Entry { key, address: raw.to_vec() });
                continue;
            };
            changed = true;
            let alone = parts.len() == 1;
            for part in parts {
                if !part.key.is_empty() {
                    key = part.key;
                }
                let cookie = part.address.encode(alloc)?;
                let address = if alone {
                    with_data(raw, cell.data, &cookie).ok_or_else(|| damaged(self.shape, at, "a malformed cell"))?
                } else {
                    // The aggregate of the whole bounds each part.
                    let mut address = Vec::new();
                    cell::write_addr(&mut address, part.kind, &cell.times, None, &cookie);
                    address
                };
                entries.push(Entry { key: std::mem::take(&mut key), address });
            }
        }
        if changed { self.write_internal(&loaded.like(), entries).map(Some) } else { Ok(None) }
    }

    /// Internal pages with these children, as few as have room for them.
    fn write_internal(&mut self, like: &Like, entries: Vec<Entry>) -> Result<Vec<Part>> {
        let sizes: Vec<usize> = entries.iter().map(|e| e.key.len().saturating_add(e.address.len())).collect();
        let mut entries = entries.into_iter();
        let mut parts = Vec::new();
        for count in partition(&sizes, self.limits.1.saturating_sub(DATA_OFFSET), 2) {
            let mut cells = Vec::new();
            let mut key = Vec::new();
            for (n, mut entry) in entries.by_ref().take(count).enumerate() {
                // The separator of a page's first child goes up, with its overflow item if it has one.
                if n == 0 && !parts.is_empty() {
                    key = std::mem::replace(&mut entry.key, no_key());
                }
                cells.extend_from_slice(&entry.key);
                cells.extend_from_slice(&entry.address);
            }
            let address = self.out.page(like, count.saturating_mul(2), &cells, Vec::new())?;
            parts.push(Part { key, kind: CellKind::AddrInternal, address });
        }
        Ok(parts)
    }

    fn leaf(&mut self, at: &LocalAddress, loaded: &Loaded) -> Result<Option<Vec<Part>>> {
        let rows = self.read_leaf(at, loaded)?;
        let hit =
            |row: &OldRow<'_>| self.values.contains_key(&row.key) && row.value.is_none_or(|v| !v.times.is_stopped());
        if !rows.iter().any(hit) {
            return Ok(None);
        }
        let mut new = Vec::with_capacity(rows.len());
        for row in rows {
            let changed = hit(&row);
            let OldRow { key_cell, key, value } = row;
            let mut row = NewRow {
                raw_key: loaded.raw(&key_cell),
                key,
                key_item: key_cell.kind == CellKind::KeyOverflow,
                value: Vec::new(),
                value_item: value.as_ref().is_some_and(|v| v.kind == CellKind::ValueOverflow),
                changed,
            };
            row.value = match self.values.get(&row.key).filter(|_| changed) {
                Some(bytes) => self.new_value(at, loaded, value.as_ref(), bytes)?,
                None => self.old_value(at, loaded, value.as_ref())?,
            };
            if changed && !self.found.insert(row.key.clone()) {
                return Err(damaged(self.shape, at, "a key occurs twice"));
            }
            new.push(row);
        }
        self.write_leaves(&loaded.like(), &new).map(Some)
    }

    fn read_leaf<'a>(&self, at: &LocalAddress, loaded: &'a Loaded) -> Result<Vec<OldRow<'a>>> {
        let mut rows: Vec<OldRow<'a>> = Vec::new();
        let mut keys = KeyBuilder::default();
        for cell in loaded.cells() {
            let cell = cell?;
            match cell.kind {
                CellKind::Key => {
                    rows.push(OldRow { key_cell: cell, key: keys.full(&cell)?.to_vec(), value: None });
                }
                CellKind::KeyOverflow => {
                    let address = LocalAddress::decode(cell.data, self.shape.entry.alloc)?;
                    let key = address.and_then(|a| leaves::item(self.shape, &a));
                    let key = key.ok_or_else(|| damaged(self.shape, at, "an overflow key cannot be read"))?;
                    rows.push(OldRow { key_cell: cell, key, value: None });
                }
                CellKind::Value | CellKind::ValueCopy | CellKind::ValueOverflow => {
                    let last = rows.last_mut().filter(|row| row.value.is_none());
                    last.ok_or_else(|| damaged(self.shape, at, "a value has no key"))?.value = Some(cell);
                }
                _ => return Err(damaged(self.shape, at, "a cell that no leaf has")),
            }
        }
        Ok(rows)
    }

    /// The cell of a value that changes.
    fn new_value(
        &mut self,
        at: &LocalAddress,
        loaded: &Loaded,
        old: Option<&Cell<'_>>,
        bytes: &[u8],
    ) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let Some(old) = old.filter(|c| c.kind == CellKind::ValueOverflow) else {
            cell::write_value(&mut out, &old.map_or(Times::EMPTY, |c| c.times), bytes);
            return Ok(out);
        };
        let alloc = self.shape.entry.alloc;
        let address = LocalAddress::decode(old.data, alloc)?;
        let address = address.ok_or_else(|| damaged(self.shape, at, "an overflow item has no address"))?;
        let item = Loaded::read(self.shape, &address)?;
        if item.headers.page.page_type()? != PageType::Overflow {
            return Err(damaged(self.shape, &address, "it is not an overflow page"));
        }
        let new = self.out.page(&item.like(), bytes.len(), bytes, Vec::new())?;
        with_data(loaded.raw(old), old.data, &new.encode(alloc)?)
            .ok_or_else(|| damaged(self.shape, at, "a malformed cell"))
    }

    /// The cell of a value that stays. A copy gets the value itself, for cells move.
    fn old_value(&self, at: &LocalAddress, loaded: &Loaded, old: Option<&Cell<'_>>) -> Result<Vec<u8>> {
        let Some(old) = old else { return Ok(Vec::new()) };
        if old.kind != CellKind::ValueCopy {
            return Ok(loaded.raw(old).to_vec());
        }
        let distance = old.copy_distance.and_then(|d| usize::try_from(d).ok());
        let target = distance.and_then(|d| old.offset.checked_sub(d)).filter(|t| *t >= DATA_OFFSET);
        let target = target.map(|t| Cell::read(&loaded.plain, t, loaded.headers.page.flags)).transpose()?;
        match target {
            Some(target) if target.kind == CellKind::Value => {
                let mut out = Vec::new();
                cell::write_value(&mut out, &old.times, target.data);
                Ok(out)
            }
            Some(target) if target.kind == CellKind::ValueOverflow => Err(EditError::Refused(format!(
                "the page at {} of {} has a copy of an overflow value, which this version does not write",
                at.offset, self.shape.entry.name
            ))),
            _ => Err(damaged(self.shape, at, "a copy does not refer to a value")),
        }
    }

    /// Leaves with these rows, as few as have room for them.
    fn write_leaves(&mut self, like: &Like, rows: &[NewRow<'_>]) -> Result<Vec<Part>> {
        let room = self.limits.0.saturating_sub(DATA_OFFSET);
        let as_is = rows.iter().fold(0_usize, |sum, r| sum.saturating_add(r.raw_key.len() + r.value.len()));
        let counts = if as_is <= room {
            vec![rows.len()]
        } else {
            // Any row may become the first of its page, with its key in full.
            let sizes: Vec<usize> = rows.iter().map(|r| whole_key(r).len().saturating_add(r.value.len())).collect();
            partition(&sizes, room, 1)
        };
        let mut rest = rows;
        let mut before: Option<&[u8]> = None;
        let mut parts = Vec::new();
        for count in counts {
            let (page, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = behind;
            let mut cells = Vec::new();
            let mut entries = 0_usize;
            // The first key on a page that is no overflow item has nothing to take a prefix from.
            let mut prefixes = false;
            for row in page {
                if row.key_item || prefixes {
                    cells.extend_from_slice(row.raw_key);
                } else {
                    cells.extend_from_slice(&whole_key(row));
                    prefixes = true;
                }
                cells.extend_from_slice(&row.value);
                entries = entries.saturating_add(if row.value.is_empty() { 1 } else { 2 });
            }
            let keys = page.iter().filter(|r| r.changed).map(|r| r.key.clone()).collect();
            let address = self.out.page(like, entries, &cells, keys)?;
            let items = page.iter().any(|r| r.key_item || r.value_item);
            let kind = if items { CellKind::AddrLeaf } else { CellKind::AddrLeafNoOverflow };
            let mut key = Vec::new();
            if let (Some(before), Some(first)) = (before, page.first()) {
                cell::write_key(&mut key, 0, separator(before, &first.key));
            }
            before = page.last().map(|r| r.key.as_slice());
            parts.push(Part { key, kind, address });
        }
        Ok(parts)
    }
}

/// The key cell of a row that stands on its own.
fn whole_key(row: &NewRow<'_>) -> Vec<u8> {
    if row.key_item {
        return row.raw_key.to_vec();
    }
    let mut out = Vec::new();
    cell::write_key(&mut out, 0, &row.key);
    out
}

/// The key cell of a first child.
pub(super) fn no_key() -> Vec<u8> {
    let mut out = Vec::new();
    cell::write_key(&mut out, 0, NO_KEY);
    out
}

/// The shortest beginning of `key` that is above `before`, which is below `key`.
pub fn separator<'k>(before: &[u8], key: &'k [u8]) -> &'k [u8] {
    let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
    key.get(..shared.saturating_add(1)).unwrap_or(key)
}

/// A cell with other data of the same meaning at its end. `None` if it does not end with its data.
pub fn with_data(raw: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let counted = |data: &[u8]| {
        let mut out = Vec::new();
        write_vuint(&mut out, u64::try_from(data.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(data);
        out
    };
    let mut out = raw.strip_suffix(counted(old).as_slice())?.to_vec();
    out.extend_from_slice(&counted(new));
    Some(out)
}

/// How many of the cells go on each page: as few pages as there can be, evenly filled, at least `least` a page.
pub fn partition(sizes: &[usize], room: usize, least: usize) -> Vec<usize> {
    let total = sizes.iter().fold(0_usize, |sum, n| sum.saturating_add(*n));
    if total <= room {
        return vec![sizes.len()];
    }
    let pages = total.div_ceil(room.max(1));
    let target = total.div_ceil(pages.max(1));
    let mut counts = Vec::new();
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for size in sizes {
        let enough = bytes >= target || bytes.saturating_add(*size) > room;
        if enough && count >= least {
            counts.push(count);
            (count, bytes) = (0, 0);
        }
        count = count.saturating_add(1);
        bytes = bytes.saturating_add(*size);
    }
    // The last page takes what it lacks from the one before, or goes into it.
    let lacks = least.saturating_sub(count);
    match counts.last_mut() {
        Some(before) if lacks > 0 && *before >= least.saturating_add(lacks) => {
            *before = before.saturating_sub(lacks);
            count = least;
        }
        Some(before) if lacks > 0 => {
            *before = before.saturating_add(count);
            return counts;
        }
        _ => {}
    }
    counts.push(count);
    counts
}
