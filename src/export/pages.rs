//! The versions of one page, and the addresses in them: what can be said of a page without any other.

use super::table::{Edge, Text, Version};
use crate::format::cookie::{Cookie, Layout};
use crate::format::image::{Era, Image};
use crate::format::page_header::PageType;
use crate::id::{self, Lsn, TableId};
use crate::page::cell::CellKind;
use crate::page::delta::{self, Body, LeafValue};
use crate::page::plain_child::Entry;
use crate::pagelog::catalog::{KEY_TABLE, SPECIAL_PAGE};
use crate::pagelog::chain::{self, Chain};
use crate::pagelog::fault::{Fault, FaultKind};
use crate::pagelog::page::{self, Checks, Compression, Kids, Loaded, Look, Scratch};
use crate::store::{BlockReader, Index, Row, StoreError};
use std::collections::HashMap;
use std::io;
use std::ops::Range;

/// Blocks of a chain that are read; the engine stops at 33. A longer one is broken.
const LONGEST_CHAIN: usize = 256;

/// Bytes and rows that are read together; a page with more is read row by row.
const BATCH_BYTES: u64 = 4 << 20;
const BATCH_ROWS: usize = 1 << 14;

/// The page that starts at a position.
fn page_at(index: &Index, start: usize, end: usize) -> Option<Range<usize>> {
    let row = index.get(start).filter(|_| start < end)?;
    let page = index.page(row.table, row.page);
    Some(start..page.end.clamp(start + 1, end))
}

/// Takes what is found.
pub trait Rows {
    /// A row of the page log.
    fn version(&mut self, version: Version) -> io::Result<()>;
    /// An address.
    fn edge(&mut self, edge: Edge) -> io::Result<()>;
}

/// What all pages of an export share.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub index: &'a Index,
    /// The header layout of the store.
    pub era: Era,
    /// Name of the generation.
    pub generation: &'static str,
    /// The table of turtle pages.
    pub turtle_table: TableId,
    /// How the images of a table are compressed; tables not in it: unknown.
    pub compression: &'a HashMap<TableId, Compression>,
}

/// Reads pages, one after the other.
pub struct Pages<'a> {
    ground: Ground<'a>,
    blocks: Blocks<'a>,
    scratch: Scratch,
    /// A block of the chain at hand has overflow items.
    overflow: bool,
    /// Blocks that could not be read.
    pub unreadable: u64,
}

/// Blocks by position: some pages' at a time, read together; of a page that is too large for that, those of
/// the chain at hand, each read once however many versions stand on it.
struct Blocks<'a> {
    index: &'a Index,
    reader: Box<dyn BlockReader + Send + 'a>,
    /// Positions whose blocks were read together, and what they hold: places in `bytes`.
    batch: Range<usize>,
    found: Vec<Result<Range<usize>, String>>,
    bytes: Vec<u8>,
    rows: Vec<Row>,
    /// Blocks read one by one.
    held: Vec<(usize, Result<Vec<u8>, String>)>,
    spare: Vec<Vec<u8>>,
}

impl<'a> Blocks<'a> {
    fn new(index: &'a Index, reader: Box<dyn BlockReader + Send + 'a>) -> Self {
        Self {
            index,
            reader,
            batch: 0..0,
            found: Vec::new(),
            bytes: Vec::new(),
            rows: Vec::new(),
            held: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Read what `positions` hold.
    fn fetch(&mut self, positions: Range<usize>) {
        let Self { index, reader, found, bytes, rows, .. } = self;
        bytes.clear();
        rows.clear();
        rows.extend(index.slice(positions.clone()));
        found.clear();
        found.resize(rows.len(), Ok(0..0));
        reader.read_all(rows, &mut |place, read| {
            let start = bytes.len();
            if let Some(slot) = found.get_mut(place) {
                *slot = read.map_err(|e| e.to_string()).map(|block| {
                    bytes.extend_from_slice(block);
                    start..bytes.len()
                });
            }
        });
        self.batch = positions;
    }

    fn clear(&mut self) {
        self.spare.extend(self.held.drain(..).filter_map(|(_, block)| block.ok()));
    }

    fn get(&mut self, at: usize, row: &Row) -> Result<&[u8], &str> {
        if let Some(found) = at.checked_sub(self.batch.start).and_then(|place| self.found.get(place)) {
            return match found {
                Ok(range) => Ok(self.bytes.get(range.clone()).unwrap_or_default()),
                Err(reason) => Err(reason),
            };
        }
        let place = match self.held.iter().position(|(held, _)| *held == at) {
            Some(place) => place,
            None => {
                if self.held.len() > LONGEST_CHAIN {
                    // The oldest is in no window any more.
                    self.spare.extend(self.held.remove(0).1.ok());
                }
                let mut bytes = self.spare.pop().unwrap_or_default();
                let block = self.reader.read(row, &mut bytes).map(|()| bytes).map_err(|e| e.to_string());
                self.held.push((at, block));
                self.held.len() - 1
            }
        };
        self.held[place].1.as_deref().map_err(String::as_str)
    }
}

impl BlockReader for Blocks<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.clear();
        let damaged = |reason: &str| StoreError::Damaged { path: Default::default(), reason: reason.to_string() };
        let at = self.index.find(row.table, row.page, row.lsn).ok_or_else(|| damaged("no such row"))?;
        out.extend_from_slice(self.get(at, row).map_err(damaged)?);
        Ok(())
    }
}

/// What a block says of itself.
#[derive(Default)]
struct Own {
    checksum: Option<u32>,
    computed: Option<u32>,
    previous: Option<u32>,
    write_gen: Option<u64>,
    page_type: Option<PageType>,
    overflow: bool,
    /// Its checksum is right, its headers hold, its stream unpacks; `None` for what is no page.
    usable: Option<bool>,
    readable: bool,
}

impl<'a> Pages<'a> {
    /// A reader of its own for each thread.
    pub fn new(ground: Ground<'a>, reader: Box<dyn BlockReader + Send + 'a>) -> Self {
        let blocks = Blocks::new(ground.index, reader);
        Self { ground, blocks, scratch: Scratch::default(), overflow: false, unreadable: 0 }
    }

    /// Take pages that follow each other: the positions of their rows.
    pub fn pages(&mut self, positions: Range<usize>, out: &mut dyn Rows, done: &mut dyn FnMut(u64)) -> io::Result<()> {
        let index = self.ground.index;
        let mut start = positions.start;
        while start < positions.end {
            // As many whole pages as fit, and one at least.
            let mut pages: Vec<Range<usize>> = Vec::new();
            let mut bytes = 0_u64;
            while let Some(page) = page_at(index, start, positions.end) {
                let own = page.clone().filter_map(|at| index.len_and_flags(at)).map(|(len, _)| u64::from(len));
                let more = bytes.saturating_add(own.sum());
                let rows = page.end - pages.first().map_or(page.start, |p| p.start);
                if !pages.is_empty() && (more > BATCH_BYTES || rows > BATCH_ROWS) {
                    break;
                }
                bytes = more;
                start = page.end;
                pages.push(page);
            }
            let Some((first, last)) = pages.first().zip(pages.last()) else { break };
            let rows = last.end - first.start;
            if bytes <= BATCH_BYTES && rows <= BATCH_ROWS {
                self.blocks.fetch(first.start..last.end);
            }
            for page in pages {
                done(page.len() as u64);
                self.page(page, out)?;
            }
        }
        Ok(())
    }

    /// Take one page: the positions of its rows.
    fn page(&mut self, rows: Range<usize>, out: &mut dyn Rows) -> io::Result<()> {
        let mut base = None;
        for at in rows.clone() {
            let Some(row) = self.ground.index.get(at) else { continue };
            if row.is_full() {
                base = Some(at);
                self.blocks.clear();
                self.overflow = false;
            }
            let first = base.unwrap_or(rows.start).max(at.saturating_sub(LONGEST_CHAIN));
            self.row(&row, first..at + 1, base, out)?;
        }
        self.blocks.clear();
        self.overflow = false;
        Ok(())
    }

    /// The cookie that would name a row as the newest block of its page.
    fn cookie(&self, row: &Row, base: Option<usize>) -> Cookie {
        let base = base.and_then(|at| self.ground.index.lsn(at)).unwrap_or(row.base_lsn);
        match self.ground.era {
            Era::Current if row.is_full() => Cookie::new(row.page, row.lsn, Lsn::NONE, row.len, 0),
            Era::Current => Cookie::new(row.page, row.lsn, base, row.len, 0),
            Era::June2025 => Cookie { layout: Layout::L3, ..Cookie::new(row.page, row.lsn, Lsn::NONE, row.len, 0) },
        }
    }

    fn row(&mut self, row: &Row, window: Range<usize>, base: Option<usize>, out: &mut dyn Rows) -> io::Result<()> {
        let Ground { index, generation, .. } = self.ground;
        let cookie = self.cookie(row, base);
        let mut faults = Vec::new();
        let newest = window.end - 1;
        let chain =
            chain::resolve_in(index, window, row.table, &cookie, &mut faults).unwrap_or(Chain { base: newest, newest });
        let broken = faults
            .iter()
            .any(|f| matches!(f.kind, FaultKind::ChainBroken | FaultKind::DiscardedInUse | FaultKind::Missing));
        let own = if row.is_discard() { Own { readable: true, ..Own::default() } } else { self.own(newest, row) };
        self.overflow |= own.overflow;
        self.unreadable += u64::from(!own.readable);
        let mut version = Version {
            generation: Text::Borrowed(generation),
            table_id: row.table.get(),
            page_id: row.page.get(),
            lsn: row.lsn.get(),
            kind: Text::Borrowed(match (row.is_discard(), row.is_delta()) {
                (true, _) => "discard",
                (false, true) => "delta",
                (false, false) => "full",
            }),
            flags: row.flags.into(),
            backlink_lsn: row.backlink_lsn.get(),
            base_lsn: row.base_lsn.get(),
            bytes: row.len.into(),
            readable: own.readable,
            checksum: own.checksum.map(u64::from),
            checksum_computed: own.computed.map(u64::from),
            checksum_ok: own.checksum.map(|c| own.computed == Some(c)),
            checksum_repaired: false,
            previous_checksum: own.previous.map(u64::from),
            usable: own.usable,
            write_gen: own.write_gen,
            page_type: own.page_type.map(|t| Text::Borrowed(t.name())),
            chain_base_lsn: index.lsn(chain.base).unwrap_or(row.lsn).get(),
            chain_blocks: chain.positions().count() as u64,
            chain_bytes: chain.stored_bytes(index),
            chain_broken: broken,
            children: None,
            children_ok: None,
        };
        // Most rows are sound leaves without overflow items: nothing leads on from them.
        let ends_here = own.usable == Some(true) && own.page_type.is_some_and(|t| !t.is_internal()) && !self.overflow;
        if !row.is_discard() && !ends_here && !self.is_special(row) {
            self.addresses(row, &cookie, chain, broken, &mut version, out)?;
        }
        out.version(version)
    }

    /// Turtle and key pages are text and keys, no images.
    fn is_special(&self, row: &Row) -> bool {
        row.page == SPECIAL_PAGE && [self.ground.turtle_table, KEY_TABLE].contains(&row.table)
    }

    /// What the row's own block says.
    fn own(&mut self, at: usize, row: &Row) -> Own {
        let Ground { era, compression, .. } = self.ground;
        let special = self.is_special(row);
        let Ok(bytes) = self.blocks.get(at, row) else { return Own { usable: Some(false), ..Own::default() } };
        let mut own = Own { readable: true, ..Own::default() };
        if special {
            return own;
        }
        own.usable = Some(false);
        let Ok(image) = Image::parse(bytes, Some(era)) else { return own };
        let computed = image.compute_checksum();
        own.checksum = Some(image.block.checksum);
        own.computed = Some(computed);
        own.previous = Some(image.block.previous_checksum);
        own.write_gen = Some(image.page.write_gen);
        own.page_type = image.page.page_type().ok();
        let sound = computed == image.block.checksum
            && image.check_kind(row.is_delta()).is_ok()
            && image.check_headers().is_ok();
        own.usable = Some(sound);
        let old_delta = row.is_delta() && era == Era::June2025;
        if sound && own.page_type == Some(PageType::RowLeaf) && !old_delta {
            let compressor = match compression.get(&row.table) {
                Some(Compression::Known(some)) => *some,
                Some(Compression::Unsupported) if image.is_compressed() => return own,
                _ => None,
            };
            match image.plain(compressor) {
                Ok(plain) => {
                    let body = Body { plain: &plain, start: image.data_offset(), header: image.page, era: image.era };
                    own.overflow = delta::has_overflow(&body);
                }
                Err(_) => own.usable = Some(false),
            }
        }
        own
    }

    /// The addresses in a version that may have some.
    fn addresses(
        &mut self,
        row: &Row,
        cookie: &Cookie,
        chain: Chain,
        broken: bool,
        version: &mut Version,
        out: &mut dyn Rows,
    ) -> io::Result<()> {
        let ground = self.ground;
        let checks = Checks { newest: None, linked: !broken };
        let mut faults = Vec::new();
        let header = page::read(&mut self.blocks, ground.index, cookie, checks, chain, &mut self.scratch, &mut faults);
        // What is wrong with the newest block's own checksum depends on who names it.
        let own_checksum = |f: &Fault| f.kind == FaultKind::Checksum && f.lsn == row.lsn;
        version.checksum_repaired = faults.iter().any(|f| own_checksum(f) && f.recovered);
        let Some(page_type) = header.and_then(|h| h.page_type().ok()) else {
            if version.page_type.as_deref().is_some_and(|name| name.contains("internal")) || header.is_some() {
                (version.children, version.children_ok) = (Some(0), Some(false));
            }
            return Ok(());
        };
        version.page_type = Some(Text::Borrowed(page_type.name()));
        let compression = ground.compression.get(&row.table).copied().unwrap_or_default();
        let loaded = Loaded { place: id::Version::new(row.table, row.page, row.lsn), era: ground.era, compression };
        let mut edges = Edges { row, generation: ground.generation, count: 0, out };
        if page_type.is_internal() {
            let mut ok = !broken && faults.iter().all(|f| f.recovered || own_checksum(f));
            let mut unread = Vec::new();
            let result =
                page::with_kids(&self.scratch, loaded, Look::Structure, &mut unread, |kids| -> io::Result<bool> {
                    match kids {
                        Kids::Entries(entries) => {
                            for entry in &entries.list {
                                match entry {
                                    Entry::Plain(plain) => {
                                        edges.cookie(&plain.cookie(), CellKind::AddrLeafNoOverflow)?
                                    }
                                    Entry::Other(at) => {
                                        if let Some(child) = entries.others.get(*at) {
                                            edges.child(child)?;
                                        }
                                    }
                                }
                            }
                            Ok(true)
                        }
                        Kids::Merged(children) => {
                            for child in &children.list {
                                edges.child(child)?;
                            }
                            Ok(children.lost().is_none())
                        }
                    }
                });
            ok &= match result {
                Some(result) => result?,
                None => false,
            };
            (version.children, version.children_ok) = (Some(edges.count), Some(ok));
        } else if page_type == PageType::RowLeaf {
            let mut unread = Vec::new();
            page::with_rows(&self.scratch, loaded, &mut unread, |rows| {
                rows.list.iter().try_for_each(|row| {
                    if row.overflow_key {
                        edges.bytes(&row.key, CellKind::KeyOverflow)?;
                    }
                    match row.value {
                        LeafValue::Overflow(cookie) => edges.bytes(cookie, CellKind::ValueOverflow),
                        LeafValue::Plain(_) => Ok(()),
                    }
                })
            })
            .transpose()?;
        }
        Ok(())
    }
}

/// Hands out the addresses of one version.
struct Edges<'e> {
    row: &'e Row,
    generation: &'static str,
    count: u64,
    out: &'e mut dyn Rows,
}

impl Edges<'_> {
    fn child(&mut self, child: &delta::Child<'_>) -> io::Result<()> {
        if child.overflow_key {
            self.bytes(child.key, CellKind::KeyOverflow)?;
        }
        self.bytes(child.cookie, child.kind)
    }

    fn bytes(&mut self, cookie: &[u8], kind: CellKind) -> io::Result<()> {
        match Cookie::decode(cookie) {
            // The "no address" of the older layouts.
            Ok(cookie) if cookie.is_none() => Ok(()),
            Ok(cookie) => self.cookie(&cookie, kind),
            Err(_) => self.put(None, kind),
        }
    }

    fn cookie(&mut self, cookie: &Cookie, kind: CellKind) -> io::Result<()> {
        self.put(Some(cookie), kind)
    }

    fn put(&mut self, cookie: Option<&Cookie>, kind: CellKind) -> io::Result<()> {
        let position = self.count;
        self.count += 1;
        self.out.edge(Edge {
            generation: Text::Borrowed(self.generation),
            table_id: self.row.table.get(),
            parent_page_id: self.row.page.get(),
            parent_lsn: self.row.lsn.get(),
            position,
            cell_type: Text::Borrowed(cell_type(kind)),
            child_page_id: cookie.map(|c| c.page_id.get()),
            child_lsn: cookie.map(|c| c.lsn.get()),
            child_base_lsn: cookie.map(|c| c.base_lsn.get()),
            child_is_delta: cookie.and_then(Cookie::is_delta),
            cookie_size: cookie.map(|c| c.size.into()),
            cookie_checksum: cookie.map(|c| c.checksum.into()),
        })
    }
}

fn cell_type(kind: CellKind) -> &'static str {
    match kind {
        CellKind::AddrInternal => "addr-internal",
        CellKind::AddrLeaf => "addr-leaf",
        CellKind::AddrLeafNoOverflow => "addr-leaf-no-overflow",
        CellKind::AddrDeleted => "addr-deleted",
        CellKind::KeyOverflow | CellKind::KeyOverflowRemoved => "key-overflow",
        _ => "value-overflow",
    }
}
