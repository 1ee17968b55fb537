//! New versions of the pages on the way from changed rows to the root of a row-store tree in a page
//! log.
//!
//! Every page that changes is written anew as a full image under its own page id, behind the image
//! it replaces; a page that outgrows the limit is split, and the root takes a fresh page id, as it
//! does in every checkpoint. Pages beside that way are not touched, and not read.

use super::catalog::Tree;
use super::chain;
use super::page::{self, Checks, Compression, Loaded, Scratch};
use crate::format::block::{COMBINED_LEN, FLAG_DATA_CHECKSUM};
use crate::format::compress::{self, Compressor};
use crate::format::cookie::{Cookie, Layout};
use crate::format::image::{self, Era, Image, NewImage};
use crate::format::page_header::{
    FLAG_COMPRESSED, FLAG_EMPTY_VALUES_ALL, FLAG_EMPTY_VALUES_NONE, FLAG_FAST_TRUNCATE, PageHeader, PageType,
};
use crate::id::{Lsn, PageId, Version};
use crate::page::cell::{self, CellKind, Times, Truncate};
use crate::page::delta::LeafValue;
use crate::store::edit::NewRow;
use crate::store::{BlockReader, Index, Row};
use std::collections::BTreeMap;

/// Levels no real tree has.
const MAX_DEPTH: usize = 64;
/// Page-log flag of a compressed block.
const ROW_COMPRESSED: u32 = 0x1;
/// Shorter shared prefixes are not worth a prefix cell.
const PREFIX_MIN: usize = 4;

/// Why a tree was not rewritten.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotRewrite(String);

/// Largest plain image of a page before it is split.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of a leaf page: `leaf_page_max`.
    pub leaf: usize,
    /// Of an internal page: `internal_page_max`.
    pub internal: usize,
}

impl Default for Limits {
    /// The engine's defaults.
    fn default() -> Self {
        Self { leaf: 32 << 10, internal: 4 << 10 }
    }
}

/// What numbers the new pages get; each is the next one to be given out.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    pub lsn: Lsn,
    pub page_id: PageId,
    pub write_gen: u64,
    /// Checkpoint id; only the layouts that have one use it.
    pub checkpoint_id: u64,
}

/// What a rewrite comes to.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// New page versions, children before parents.
    pub rows: Vec<NewRow>,
    pub root: Cookie,
    /// Cookies of the versions that were replaced; the old root is the last one.
    pub replaced: Vec<Cookie>,
    /// Cookies of the new versions; the new root is the last one.
    pub written: Vec<Cookie>,
    /// The numbers after it.
    pub counters: Counters,
}

/// A page that now stands where one stood, or beside it.
struct Placed {
    /// First key; of the first page in the place of an old one the old separator stays.
    key: Vec<u8>,
    cookie: Cookie,
    kind: CellKind,
    times: Times,
}

/// A cell of an internal page to be written.
struct Branch {
    key: Vec<u8>,
    kind: CellKind,
    times: Times,
    truncate: Option<Truncate>,
    cookie: Vec<u8>,
}

/// A row of a leaf page to be written.
struct Leaf {
    key: Vec<u8>,
    value: Vec<u8>,
    times: Times,
}

/// How the page replaced was stored, and where it lies.
struct Old {
    cookie: Cookie,
    era: Era,
    header: PageHeader,
    compressor: Option<Compressor>,
    full_checksum: bool,
    prefixes: bool,
    /// LSN of the newest full image under this page id.
    image_lsn: Lsn,
    /// The newest row under this page id is a delta.
    ends_in_delta: bool,
}

/// Rewrites one tree.
pub struct Rewriter<'a> {
    index: &'a Index,
    reader: &'a mut dyn BlockReader,
    tree: &'a Tree,
    limits: Limits,
    counters: Counters,
    stays: &'a dyn Fn(&Row) -> bool,
    rows: Vec<NewRow>,
    replaced: Vec<Cookie>,
    written: Vec<Cookie>,
}

impl<'a> Rewriter<'a> {
    /// Of a tree. `stays` says which rows of the store will be there afterwards.
    pub fn new(
        index: &'a Index,
        reader: &'a mut dyn BlockReader,
        tree: &'a Tree,
        (limits, counters): (Limits, Counters),
        stays: &'a dyn Fn(&Row) -> bool,
    ) -> Self {
        let (rows, replaced, written) = (Vec::new(), Vec::new(), Vec::new());
        Self { index, reader, tree, limits, counters, stays, rows, replaced, written }
    }

    /// Replace the values of the given keys, all of which must be there.
    pub fn replace(mut self, values: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Rewritten, CannotRewrite> {
        let root = self.tree.root.ok_or_else(|| self.cannot("it has no root"))?;
        let wanted: Vec<(&[u8], &[u8])> = values.iter().map(|(k, v)| (k.as_slice(), v.as_slice())).collect();
        let mut top = self.page(root, &wanted, 0, true)?;
        let model = self.old(root)?;
        let mut levels = 0;
        // A root that was split gets a new root above it, which may have to be split in turn.
        while top.len() > 1 {
            levels += 1;
            if levels > MAX_DEPTH {
                return Err(self.cannot("it would become too deep"));
            }
            let branches = top.into_iter().map(Branch::from).collect();
            top = self.write_internal(&model, branches, true)?;
        }
        let root = top.pop().map(|p| p.cookie).ok_or_else(|| self.cannot("nothing was written"))?;
        let Self { rows, replaced, written, counters, .. } = self;
        Ok(Rewritten { rows, root, replaced, written, counters })
    }

    fn cannot(&self, why: impl std::fmt::Display) -> CannotRewrite {
        CannotRewrite(format!("{} cannot be rewritten: {why}", self.tree.uri))
    }

    /// Read a page into `scratch`, whole and without a fault.
    fn load(&mut self, cookie: &Cookie, scratch: &mut Scratch) -> Result<(PageHeader, Loaded), CannotRewrite> {
        let mut faults = Vec::new();
        let chain = chain::resolve(self.index, self.tree.table, cookie, &mut faults);
        let header = chain.and_then(|c| {
            page::read(&mut *self.reader, self.index, cookie, Checks::all(cookie), c, scratch, &mut faults)
        });
        let place = Version::new(self.tree.table, cookie.page_id, cookie.lsn);
        match (header, faults.first()) {
            (Some(header), None) => {
                let loaded = Loaded { place, era: page::era_of(cookie), compression: self.tree.compression };
                Ok((header, loaded))
            }
            (_, Some(fault)) => Err(self.cannot(format!("page {}: {}", cookie.page_id, fault))),
            (None, None) => Err(self.cannot(format!("page {} is missing", cookie.page_id))),
        }
    }

    /// How the version a cookie names was stored.
    fn old(&mut self, cookie: Cookie) -> Result<Old, CannotRewrite> {
        let mut scratch = Scratch::default();
        let (header, loaded) = self.load(&cookie, &mut scratch)?;
        let base = scratch.blocks().next().unwrap_or_default();
        let image = Image::parse(base, Some(loaded.era)).map_err(|e| self.cannot(e))?;
        if image.is_encrypted() {
            return Err(self.cannot("it is encrypted"));
        }
        if image.block.version > crate::format::block::VERSION || cookie.unknown_flags != 0 || cookie.version != 0 {
            return Err(self.cannot("it was written by a version newer than this wtcheck knows"));
        }
        let configured = match self.tree.compression {
            Compression::Known(c) => c,
            Compression::Unknown | Compression::Unsupported => None,
        };
        let compressor = image.is_compressed().then(|| configured.or_else(|| compress::detect(base))).flatten();
        if image.is_compressed() && compressor.is_none() {
            return Err(self.cannot("it is compressed by an unknown compressor"));
        }
        let full_checksum = image.block.flags & FLAG_DATA_CHECKSUM != 0;
        let plain = image.plain(compressor).map_err(|e| self.cannot(e))?;
        let prefixes = header.page_type() == Ok(PageType::RowLeaf)
            && cell::Cells::new(&plain, image.data_offset(), header.flags).flatten().any(|c| c.prefix > 0);
        let rows = self.index.slice(self.index.page(self.tree.table, cookie.page_id));
        let image_lsn = rows.iter().rev().find(|r| r.is_full() && (self.stays)(r)).map_or(Lsn::NONE, |r| r.lsn);
        let ends_in_delta = rows.iter().rev().find(|r| (self.stays)(r)).is_some_and(|r| r.is_delta());
        let era = loaded.era;
        Ok(Old { cookie, era, header, compressor, full_checksum, prefixes, image_lsn, ends_in_delta })
    }

    /// Write new versions of a page and of everything below it on the way to the wanted keys.
    fn page(
        &mut self,
        cookie: Cookie,
        wanted: &[(&[u8], &[u8])],
        depth: usize,
        root: bool,
    ) -> Result<Vec<Placed>, CannotRewrite> {
        if depth > MAX_DEPTH {
            return Err(self.cannot("it is too deep, or has a cycle"));
        }
        let old = self.old(cookie)?;
        let mut scratch = Scratch::default();
        let (header, loaded) = self.load(&cookie, &mut scratch)?;
        let written = match header.page_type() {
            Ok(PageType::RowLeaf) => {
                let leaves = self.leaves(&scratch, loaded, wanted)?;
                self.write_leaf(&old, leaves, root)?
            }
            Ok(PageType::RowInternal) => {
                let branches = self.branches(&scratch, loaded, wanted, depth)?;
                self.write_internal(&old, branches, root)?
            }
            Ok(other) => return Err(self.cannot(format!("page {} is a {} page", cookie.page_id, other.name()))),
            Err(e) => return Err(self.cannot(e)),
        };
        self.replaced.push(cookie);
        Ok(written)
    }

    /// The rows of a leaf with the new values in them.
    fn leaves(&self, scratch: &Scratch, loaded: Loaded, wanted: &[(&[u8], &[u8])]) -> Result<Vec<Leaf>, CannotRewrite> {
        let mut faults = Vec::new();
        let leaves = page::with_rows(scratch, loaded, &mut faults, |rows| {
            let mut out = Vec::with_capacity(rows.list.len());
            let mut left: BTreeMap<&[u8], &[u8]> = wanted.iter().copied().collect();
            for row in &rows.list {
                let LeafValue::Plain(value) = row.value else { return Err("a value is an overflow item".to_string()) };
                if row.overflow_key || row.times.prepared {
                    return Err("a key is an overflow item, or a value is prepared".to_string());
                }
                let new = left.remove(row.key.as_slice());
                if new.is_some() && row.times.is_stopped() {
                    return Err("a row to change is deleted".to_string());
                }
                out.push(Leaf { key: row.key.clone(), value: new.unwrap_or(value).to_vec(), times: row.times });
            }
            if left.is_empty() { Ok(out) } else { Err("a row to change is not where its key should be".to_string()) }
        });
        match (leaves, faults.first()) {
            (_, Some(fault)) => Err(self.cannot(fault)),
            (Some(Ok(leaves)), None) => Ok(leaves),
            (Some(Err(why)), None) => Err(self.cannot(why)),
            (None, None) => Err(self.cannot("a leaf page cannot be decoded")),
        }
    }

    /// The children of an internal page, those on the way already written anew.
    fn branches(
        &mut self,
        scratch: &Scratch,
        loaded: Loaded,
        wanted: &[(&[u8], &[u8])],
        depth: usize,
    ) -> Result<Vec<Branch>, CannotRewrite> {
        let mut faults = Vec::new();
        let old = page::with_children(scratch, loaded, &mut faults, |children| {
            let own = |c: &crate::page::delta::Child<'_>| Branch {
                key: c.key.to_vec(),
                kind: c.kind,
                times: c.times,
                truncate: c.truncate,
                cookie: c.cookie.to_vec(),
            };
            let plain = children.list.iter().all(|c| !c.overflow_key && !c.times.prepared);
            plain.then(|| children.list.iter().map(own).collect::<Vec<_>>())
        });
        let old = match (old.flatten(), faults.first()) {
            (_, Some(fault)) => return Err(self.cannot(fault)),
            (Some(list), None) if !list.is_empty() => list,
            _ => return Err(self.cannot("an internal page holds something that this version does not write")),
        };
        let mut out: Vec<Branch> = Vec::with_capacity(old.len());
        let mut left = wanted;
        let ends: Vec<Option<Vec<u8>>> =
            old.iter().skip(1).map(|b| Some(b.key.clone())).chain(std::iter::once(None)).collect();
        for (branch, end) in old.into_iter().zip(ends) {
            let mine = end.map_or(left.len(), |end| left.partition_point(|(k, _)| *k < end.as_slice()));
            let (mine, rest) = left.split_at(mine);
            left = rest;
            if mine.is_empty() {
                out.push(branch);
                continue;
            }
            if branch.kind == CellKind::AddrDeleted {
                return Err(self.cannot("a row to change is below a truncated page"));
            }
            let cookie = Cookie::decode(&branch.cookie).map_err(|e| self.cannot(e))?;
            for (at, new) in self.page(cookie, mine, depth + 1, false)?.into_iter().enumerate() {
                out.push(Branch {
                    // The first one stands where the old page stood; validity below has not changed.
                    key: if at == 0 { branch.key.clone() } else { new.key },
                    kind: branch.kind,
                    times: branch.times,
                    truncate: None,
                    cookie: new.cookie.encode(),
                });
            }
        }
        Ok(out)
    }

    fn write_leaf(&mut self, old: &Old, leaves: Vec<Leaf>, root: bool) -> Result<Vec<Placed>, CannotRewrite> {
        let flags = leaf_flags(&leaves);
        let mut pages: Vec<(Vec<u8>, u32, Vec<u8>, Times)> = Vec::new();
        let mut current = LeafPage::new(old.prefixes);
        for leaf in &leaves {
            if current.count > 0 && COMBINED_LEN + current.with(leaf) > self.limits.leaf {
                pages.push(std::mem::replace(&mut current, LeafPage::new(old.prefixes)).finish());
            }
            current.push(leaf);
        }
        pages.push(current.finish());
        let kind = CellKind::AddrLeafNoOverflow;
        let mut out = Vec::with_capacity(pages.len());
        for (at, (cells, entries, key, times)) in pages.into_iter().enumerate() {
            let header = PageHeader { entries, flags, version: 1, ..old.header };
            let cookie = self.put(old, header, &cells, at == 0 && !root)?;
            out.push(Placed { key, cookie, kind, times });
        }
        Ok(out)
    }

    fn write_internal(&mut self, old: &Old, branches: Vec<Branch>, root: bool) -> Result<Vec<Placed>, CannotRewrite> {
        let mut pages: Vec<Vec<&Branch>> = Vec::new();
        let mut size = usize::MAX;
        for branch in &branches {
            let cell = branch_len(branch);
            match pages.last_mut() {
                // A page of one child would not shorten the level above it.
                Some(page) if size.saturating_add(cell) <= self.limits.internal || page.len() < 2 => {
                    size = size.saturating_add(cell);
                    page.push(branch);
                }
                _ => {
                    size = COMBINED_LEN + cell;
                    pages.push(vec![branch]);
                }
            }
        }
        let mut out = Vec::with_capacity(pages.len());
        for (at, page) in pages.into_iter().enumerate() {
            let mut cells = Vec::new();
            for (n, branch) in page.iter().enumerate() {
                // The 0th key of a page is never looked at; the engine keeps one byte of it.
                let key = if n == 0 { branch.key.get(..1).unwrap_or(&[0]) } else { &branch.key };
                cell::write_key(&mut cells, 0, key);
                cell::write_addr(&mut cells, branch.kind, &branch.times, branch.truncate, &branch.cookie);
            }
            let entries = u32::try_from(page.len() * 2).map_err(|e| self.cannot(e))?;
            // The flag says that deleted children carry when they were truncated.
            let bare = page.iter().any(|b| b.kind == CellKind::AddrDeleted && b.truncate.is_none());
            if bare && page.iter().any(|b| b.truncate.is_some()) {
                return Err(self.cannot("truncated pages are named in two forms on one page"));
            }
            let flags = if bare { 0 } else { FLAG_FAST_TRUNCATE };
            let type_byte = PageType::RowInternal.byte();
            let header = PageHeader { entries, type_byte, flags, version: 1, ..old.header };
            let times = page.iter().map(|b| b.times).reduce(widen).unwrap_or(Times::EMPTY);
            let key = page.first().map(|b| b.key.clone()).unwrap_or_default();
            let cookie = self.put(old, header, &cells, at == 0 && !root)?;
            out.push(Placed { key, cookie, kind: CellKind::AddrInternal, times });
        }
        Ok(out)
    }

    /// Write one full image: in the place of the old page, or under a fresh page id.
    fn put(&mut self, old: &Old, header: PageHeader, cells: &[u8], in_place: bool) -> Result<Cookie, CannotRewrite> {
        let take = |slot: &mut u64| {
            let value = *slot;
            *slot = slot.saturating_add(1);
            value
        };
        let lsn = Lsn(take(&mut self.counters.lsn.0));
        let write_gen = take(&mut self.counters.write_gen);
        // What a full image behind a delta links to is not known of June 2025; a fresh page links to nothing.
        let in_place = in_place && (old.era == Era::Current || !old.ends_in_delta);
        let page_id = if in_place { old.cookie.page_id } else { PageId(take(&mut self.counters.page_id.0)) };
        let page = PageHeader { recno: 0, write_gen, flags: header.flags & !FLAG_COMPRESSED, unused: 0, ..header };
        let new = NewImage {
            previous_checksum: if in_place { old.cookie.checksum } else { 0 },
            compressor: old.compressor,
            era: old.era,
            checksum_all: Some(old.full_checksum),
            ..NewImage::new(page)
        };
        let (data, checksum) = image::build(&new, cells);
        let size = u32::try_from(data.len()).map_err(|e| self.cannot(e))?;
        let parsed = Image::parse(&data, Some(old.era)).map_err(|e| self.cannot(e))?;
        let flags = if parsed.is_compressed() { ROW_COMPRESSED } else { 0 };
        let mut cookie = Cookie::new(page_id, lsn, Lsn::NONE, size, checksum);
        if old.cookie.layout != Layout::V0 {
            cookie.layout = old.cookie.layout;
            cookie.checkpoint_id = Some(self.counters.checkpoint_id);
            cookie.reconciliation_id = Some(0);
        }
        self.rows.push(NewRow {
            table: self.tree.table,
            page: page_id,
            lsn,
            backlink_lsn: if in_place { old.image_lsn } else { Lsn::NONE },
            base_lsn: Lsn::NONE,
            flags,
            checkpoint_id: self.counters.checkpoint_id,
            data,
        });
        self.written.push(cookie);
        Ok(cookie)
    }
}

impl From<Placed> for Branch {
    fn from(p: Placed) -> Self {
        Self { key: p.key, kind: p.kind, times: p.times, truncate: None, cookie: p.cookie.encode() }
    }
}

/// Whether all or none of the values are empty.
fn leaf_flags(leaves: &[Leaf]) -> u8 {
    let empty = |l: &Leaf| l.value.is_empty() && l.times == Times::EMPTY;
    match (leaves.iter().all(empty), leaves.iter().any(empty)) {
        (true, _) => FLAG_EMPTY_VALUES_ALL,
        (false, false) => FLAG_EMPTY_VALUES_NONE,
        (false, true) => 0,
    }
}

fn branch_len(branch: &Branch) -> usize {
    let mut cell = Vec::new();
    cell::write_key(&mut cell, 0, &branch.key);
    cell::write_addr(&mut cell, branch.kind, &branch.times, branch.truncate, &branch.cookie);
    cell.len()
}

/// The aggregate of two: oldest start, newest everything else.
fn widen(a: Times, b: Times) -> Times {
    Times {
        start_ts: a.start_ts.min(b.start_ts),
        start_txn: a.start_txn.max(b.start_txn),
        durable_start_ts: a.durable_start_ts.max(b.durable_start_ts),
        stop_ts: a.stop_ts.max(b.stop_ts),
        stop_txn: a.stop_txn.max(b.stop_txn),
        durable_stop_ts: a.durable_stop_ts.max(b.durable_stop_ts),
        prepared: a.prepared || b.prepared,
    }
}

/// Cells of a leaf page in the making.
struct LeafPage {
    prefixes: bool,
    cells: Vec<u8>,
    count: u32,
    first: Vec<u8>,
    last: Vec<u8>,
    times: Option<Times>,
}

impl LeafPage {
    fn new(prefixes: bool) -> Self {
        Self { prefixes, cells: Vec::new(), count: 0, first: Vec::new(), last: Vec::new(), times: None }
    }

    fn encode(&self, leaf: &Leaf, out: &mut Vec<u8>) -> u32 {
        let shared = self.last.iter().zip(&leaf.key).take_while(|(a, b)| a == b).count();
        let prefix = u8::try_from(shared).unwrap_or(u8::MAX);
        let usable = self.prefixes && self.count > 0 && usize::from(prefix) >= PREFIX_MIN;
        let prefix = if usable { prefix } else { 0 };
        cell::write_key(out, prefix, leaf.key.get(usize::from(prefix)..).unwrap_or_default());
        if leaf.value.is_empty() && leaf.times == Times::EMPTY {
            return 1;
        }
        cell::write_value(out, &leaf.times, &leaf.value);
        2
    }

    /// Bytes of all cells with this row.
    fn with(&self, leaf: &Leaf) -> usize {
        let mut cell = Vec::new();
        self.encode(leaf, &mut cell);
        self.cells.len() + cell.len()
    }

    fn push(&mut self, leaf: &Leaf) {
        let mut cells = std::mem::take(&mut self.cells);
        self.count += self.encode(leaf, &mut cells);
        self.cells = cells;
        if self.first.is_empty() {
            self.first.clone_from(&leaf.key);
        }
        self.last.clone_from(&leaf.key);
        self.times = Some(self.times.map_or(leaf.times, |t| widen(t, leaf.times)));
    }

    /// Cells, their number, the first key, and what holds for all rows.
    fn finish(self) -> (Vec<u8>, u32, Vec<u8>, Times) {
        (self.cells, self.count, self.first, self.times.unwrap_or(Times::EMPTY))
    }
}
