//! Trees that are too large to keep: of each page only what its parent's cell says is in memory, the
//! content is made when it is written (spec 02, 03, 04, 06.3, 07.6).

use super::ForgeError;
use super::pagelog::{Link, Log};
use crate::format::compress::Compressor;
use crate::format::cookie::Cookie;
use crate::format::generation::Generation;
use crate::format::image::{self, Image, NewImage};
use crate::format::int;
use crate::format::page_header::{FLAG_EMPTY_VALUES_NONE, FLAG_FAST_TRUNCATE, PageHeader, PageType};
use crate::format::pagelog_ids::{FIRST_PAGE_ID, MAX_DELTAS};
use crate::id::{Lsn, PageId, TableId};
use crate::page::cell::{self, CellKind, Times};
use crate::store::FLAG_DELTA;

/// Page-log flag of a compressed block (10.1).
const ROW_COMPRESSED: u32 = 0x1;
/// A delta's flag byte of an update (04.5.1).
const DELTA_UPDATE: u8 = 0;

/// A row: key and value.
pub(super) type KeyValue = (Vec<u8>, Vec<u8>);

/// What a parent knows of a page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub(super) page: PageId,
    pub(super) lsn: Lsn,
    /// LSN of the full image; that of the page itself if there are no deltas.
    pub(super) base: Lsn,
    /// Stored length of all blocks.
    pub(super) size: u32,
    /// Stored length of the newest block.
    pub(super) newest: u32,
    pub(super) checksum: u32,
    pub(super) deltas: u8,
    /// Written since its parent was.
    pub(super) dirty: bool,
}

/// What is done to a block on its way to the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Nothing.
    #[default]
    None,
    /// One bit is flipped.
    Flip,
    /// It is not put at all; the tree does not know.
    Lost,
}

/// One tree.
pub(super) struct Tree {
    pub(super) uri: String,
    pub(super) table: TableId,
    pub(super) generation: Generation,
    pub(super) compressor: Option<Compressor>,
    pub(super) fanout: usize,
    pub(super) leaves: Vec<State>,
    /// Internal pages below the root, lowest level first.
    levels: Vec<Vec<State>>,
    pub(super) root: Option<State>,
    pub(super) next_page: PageId,
    write_gen: u64,
    order: u64,
    /// Bytes the published size is off.
    pub(super) drift: i64,
    /// Sizes in the cookies of these leaves are off.
    pub(super) lies: Vec<(usize, u32)>,
    /// These internal pages of the lowest level name their first child in place of their last.
    pub(super) doubled: Vec<usize>,
    /// Mishaps of internal pages of the lowest level, at the next checkpoint.
    pub(super) mishaps: Vec<(usize, Mishap)>,
    cells: Vec<u8>,
}

impl Tree {
    pub(super) fn new(uri: String, table: TableId, generation: Generation, fanout: usize) -> Self {
        Self {
            uri,
            table,
            generation,
            compressor: None,
            fanout: fanout.max(2),
            leaves: Vec::new(),
            levels: Vec::new(),
            root: None,
            next_page: FIRST_PAGE_ID,
            write_gen: 0,
            order: 0,
            drift: 0,
            lies: Vec::new(),
            doubled: Vec::new(),
            mishaps: Vec::new(),
            cells: Vec::new(),
        }
    }

    pub(super) fn new_page(&mut self) -> PageId {
        let page = self.next_page;
        self.next_page.0 += 1;
        page
    }

    /// Write a leaf whole: under its own page id, or a new one.
    pub(super) fn write_leaf<'r>(
        &mut self,
        log: &mut Log,
        at: usize,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
        mishap: Mishap,
    ) -> Result<(), ForgeError> {
        let before = match self.leaves.get(at) {
            Some(state) => *state,
            None => {
                let page = self.new_page();
                State { page, ..State::default() }
            }
        };
        let (state, _) = self.leaf_image(log, before, rows, mishap)?;
        match self.leaves.get_mut(at) {
            Some(slot) => *slot = state,
            None => self.leaves.push(state),
        }
        Ok(())
    }

    /// Put a leaf image that the tree never hears of; answers its LSN and bytes.
    pub(super) fn leak<'r>(
        &mut self,
        log: &mut Log,
        on: Option<usize>,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<(PageId, Lsn, u64), ForgeError> {
        let before = match on.and_then(|at| self.leaves.get(at)) {
            Some(state) => *state,
            None => State { page: self.new_page(), ..State::default() },
        };
        let (state, _) = self.leaf_image(log, before, rows, Mishap::None)?;
        Ok((state.page, state.lsn, u64::from(state.size)))
    }

    fn leaf_image<'r>(
        &mut self,
        log: &mut Log,
        before: State,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
        mishap: Mishap,
    ) -> Result<(State, u32), ForgeError> {
        let mut cells = std::mem::take(&mut self.cells);
        cells.clear();
        let mut entries = 0;
        for (key, value) in rows {
            cell::write_key(&mut cells, 0, key);
            cell::write_value(&mut cells, &Times::EMPTY, value);
            entries += 2;
        }
        let written = self.full(log, before, (PageType::RowLeaf, FLAG_EMPTY_VALUES_NONE, entries), &cells, mishap);
        self.cells = cells;
        written.map(|state| (state, entries))
    }

    /// Write a delta with new values on a leaf, or answer false if its chain is full.
    pub(super) fn write_delta<'r>(
        &mut self,
        log: &mut Log,
        at: usize,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
        mishap: Mishap,
    ) -> Result<bool, ForgeError> {
        let Some(before) = self.leaves.get(at).copied().filter(|s| usize::from(s.deltas) < MAX_DELTAS) else {
            return Ok(false);
        };
        let state = self.delta(log, before, rows, mishap)?;
        if let Some(slot) = self.leaves.get_mut(at) {
            *slot = state;
        }
        Ok(true)
    }

    /// Put a delta that the tree forgets again; answers its LSN and bytes.
    pub(super) fn failed_delta<'r>(
        &mut self,
        log: &mut Log,
        at: usize,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<Option<(Lsn, u64)>, ForgeError> {
        let Some(before) = self.leaves.get(at).copied().filter(|s| usize::from(s.deltas) < MAX_DELTAS) else {
            return Ok(None);
        };
        let state = self.delta(log, before, rows, Mishap::None)?;
        Ok(Some((state.lsn, u64::from(state.newest))))
    }

    fn delta<'r>(
        &mut self,
        log: &mut Log,
        before: State,
        rows: impl Iterator<Item = (&'r [u8], &'r [u8])>,
        mishap: Mishap,
    ) -> Result<State, ForgeError> {
        let mut cells = Vec::new();
        let mut payload = Vec::new();
        let mut entries = 0;
        for (key, value) in rows {
            cell::write_key(&mut cells, 0, key);
            payload.clear();
            // 04.5.1: the flag byte came first since 2026-02-17; before, length and value.
            if self.generation < Generation::February2026 {
                int::write_vuint(&mut payload, value.len() as u64);
                payload.extend_from_slice(value);
                payload.push(DELTA_UPDATE);
            } else {
                payload.push(DELTA_UPDATE);
                payload.extend_from_slice(value);
            }
            cell::write_value(&mut cells, &Times::EMPTY, &payload);
            entries += 2;
        }
        let link = Link { backlink: before.lsn, base: before.base };
        let kind = (PageType::RowLeaf, 0, entries);
        let (lsn, len, checksum) = self.put(log, before.page, kind, &cells, link, before.checksum, mishap)?;
        Ok(State {
            lsn,
            size: before.size.saturating_add(len),
            newest: len,
            checksum,
            deltas: before.deltas + 1,
            dirty: true,
            ..before
        })
    }

    /// Write a full image of a page; `before.lsn` is 0 for a new one.
    fn full(
        &mut self,
        log: &mut Log,
        before: State,
        kind: (PageType, u8, u32),
        cells: &[u8],
        mishap: Mishap,
    ) -> Result<State, ForgeError> {
        // 10.2.5: a full image links to the full image it replaces.
        let link = Link { backlink: before.base, base: Lsn(0) };
        let (lsn, len, checksum) = self.put(log, before.page, kind, cells, link, before.checksum, mishap)?;
        Ok(State { page: before.page, lsn, base: lsn, size: len, newest: len, checksum, deltas: 0, dirty: true })
    }

    /// Build a block and put it: LSN, stored length, checksum.
    #[allow(clippy::too_many_arguments)]
    fn put(
        &mut self,
        log: &mut Log,
        page: PageId,
        (page_type, flags, entries): (PageType, u8, u32),
        cells: &[u8],
        link: Link,
        previous_checksum: u32,
        mishap: Mishap,
    ) -> Result<(Lsn, u32, u32), ForgeError> {
        self.write_gen += 1;
        let delta = link.base != 0;
        let header = PageHeader {
            recno: 0,
            write_gen: self.write_gen,
            mem_size: 0,
            entries,
            type_byte: page_type.byte(),
            flags,
            unused: 0,
            version: u8::from(!delta),
        };
        let new = NewImage { delta, previous_checksum, compressor: self.compressor, ..NewImage::new(header) };
        let (mut data, checksum) = image::build(&new, cells);
        let len = u32::try_from(data.len()).map_err(|_| ForgeError::Spec("a page of 4 GB".into()))?;
        let compressed = Image::parse(&data, None).is_ok_and(|i| i.is_compressed());
        let row_flags = if compressed { ROW_COMPRESSED } else { 0 } | if delta { FLAG_DELTA } else { 0 };
        if mishap == Mishap::Flip {
            // In the cells, not the headers: behind them the checksum alone can tell.
            let middle = data.len() / 2;
            if let Some(byte) = data.get_mut(middle) {
                *byte ^= 0x10;
            }
        }
        let lsn = match mishap {
            Mishap::Lost => log.next_lsn(),
            _ => log.put((self.table, page), link, row_flags, &data)?,
        };
        Ok((lsn, len, checksum))
    }

    /// The address of a page.
    fn cookie(&self, state: &State) -> Cookie {
        // 02.4: cumulative since January 2026, the newest block alone before.
        let size = if self.generation < Generation::February2026 { state.newest } else { state.size };
        let base = if state.deltas > 0 { state.base } else { Lsn(0) };
        Cookie::new(state.page, state.lsn, base, size, state.checksum)
    }

    /// Write all internal pages above dirty ones, and a new root; answers the root that was replaced.
    /// `key` makes the first key of a leaf.
    pub(super) fn checkpoint(
        &mut self,
        log: &mut Log,
        key: &dyn Fn(usize, &mut Vec<u8>),
    ) -> Result<Option<State>, ForgeError> {
        let old = self.root;
        self.order += 1;
        if self.leaves.is_empty() {
            return Ok(None);
        }
        let mut below = std::mem::take(&mut self.leaves);
        let mut levels = std::mem::take(&mut self.levels);
        let mut span = 1_usize;
        let mut level = 0;
        while below.len() > self.fanout {
            let mut own = if level < levels.len() { std::mem::take(&mut levels[level]) } else { Vec::new() };
            for (at, children) in below.chunks_mut(self.fanout).enumerate() {
                let mishap = match self.mishaps.iter().find(|(victim, _)| level == 0 && *victim == at) {
                    Some((_, mishap)) => *mishap,
                    None => Mishap::None,
                };
                if own.get(at).is_some() && mishap == Mishap::None && !children.iter().any(|c| c.dirty) {
                    continue;
                }
                let before = match own.get(at) {
                    Some(state) => *state,
                    None => State { page: self.new_page(), ..State::default() },
                };
                let first = at * self.fanout;
                let state = self.internal(log, before, children, (level, at, first, span), key, mishap)?;
                children.iter_mut().for_each(|c| c.dirty = false);
                if at < own.len() { own[at] = state } else { own.push(state) }
            }
            if level < levels.len() {
                levels[level] = below;
            } else {
                levels.push(below);
            }
            below = own;
            span = span.saturating_mul(self.fanout);
            level += 1;
        }
        // The level that the root stands on comes last.
        let page = self.new_page();
        let before = State { page, ..State::default() };
        let root = self.internal(log, before, &below, (level, usize::MAX, 0, span), key, Mishap::None)?;
        below.iter_mut().for_each(|c| c.dirty = false);
        levels.push(below);
        let mut levels = levels.into_iter();
        self.leaves = levels.next().unwrap_or_default();
        self.levels = levels.collect();
        self.root = Some(root);
        self.mishaps.clear();
        Ok(old)
    }

    fn internal(
        &mut self,
        log: &mut Log,
        before: State,
        children: &[State],
        (level, own, first, span): (usize, usize, usize, usize),
        key: &dyn Fn(usize, &mut Vec<u8>),
        mishap: Mishap,
    ) -> Result<State, ForgeError> {
        let mut cells = Vec::new();
        let mut text = Vec::new();
        let mut entries = 0;
        for (n, child) in children.iter().enumerate() {
            text.clear();
            key((first + n) * span, &mut text);
            // The 0th key of a page is never looked at; the engine keeps one byte of it.
            let separator = if n == 0 { text.get(..1).unwrap_or(&text) } else { &text };
            cell::write_key(&mut cells, 0, separator);
            let doubled = level == 0 && n + 1 == children.len() && self.doubled.contains(&own);
            let mut cookie = self.cookie(if doubled { &children[0] } else { child });
            if let Some((_, lie)) = self.lies.iter().find(|(leaf, _)| level == 0 && *leaf == first + n) {
                cookie.size = cookie.size.saturating_add(*lie);
            }
            let kind = if level == 0 { CellKind::AddrLeafNoOverflow } else { CellKind::AddrInternal };
            cell::write_addr(&mut cells, kind, &Times::EMPTY, None, &cookie.encode());
            entries += 2;
        }
        self.full(log, before, (PageType::RowInternal, FLAG_FAST_TRUNCATE, entries), &cells, mishap)
    }

    /// The bytes that the tree's reachable pages have.
    pub(super) fn true_size(&self) -> u64 {
        let all = self.leaves.iter().chain(self.levels.iter().flatten()).chain(&self.root);
        all.map(|s| u64::from(s.size)).sum()
    }

    /// What the checkpoint says it has.
    pub(super) fn published(&self) -> u64 {
        match self.root {
            // 07.6: the root's page id, by mistake.
            Some(root) if self.generation < Generation::February2026 => root.page.get(),
            _ => self.true_size().saturating_add_signed(self.drift),
        }
    }

    /// Internal pages of the lowest level that are no root.
    pub(super) fn lowest_internal(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    pub(super) fn fanout(&self) -> usize {
        self.fanout
    }

    /// The list of checkpoints in the metadata (07.6): only the newest is kept. `short` takes from the
    /// next page id.
    pub(super) fn checkpoint_list(&self, time: u64, next_page: PageId) -> String {
        let addr = self.root.map(|r| hex::encode(self.cookie(&r).encode())).unwrap_or_default();
        format!(
            "(WiredTigerCheckpoint.{0}=(addr=\"{addr}\",order={0},time={time},size={1},newest_start_durable_ts=0,\
             oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,\
             write_gen={2},run_write_gen=1,next_page_id={next_page}))",
            self.order,
            self.published(),
            self.write_gen.max(1),
        )
    }

    /// The row of the shared metadata (07.7).
    pub(super) fn config(&self, (key_format, value_format): (&str, &str), time: u64, next_page: PageId) -> String {
        let compressor = self.compressor.map_or("", Compressor::name);
        format!(
            "access_pattern_hint=none,allocation_size=4KB,block_compressor={compressor},block_manager=disagg,\
             checkpoint={},disaggregated=(page_log=palite),id={},key_format={key_format},\
             value_format={value_format},version=(major=2,minor=1)",
            self.checkpoint_list(time, next_page),
            self.table
        )
    }
}
