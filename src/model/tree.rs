//! A b-tree as the engine writes it: of each page what its parent's cell says of it, how it is written,
//! fails, and is counted.

use super::account::{Account, Entry, Rule, signed};
use super::fault::{Deed, Fail, Fault, Form, Role};
use super::pagelog::Log;
use crate::format::compress::Compressor;
use crate::format::cookie::Cookie;
use crate::format::generation::Generation;
use crate::format::image::{self, Image, NewImage};
use crate::format::int;
use crate::format::page_header::{FLAG_EMPTY_VALUES_NONE, FLAG_FAST_TRUNCATE, PageHeader, PageType};
use crate::format::pagelog_ids::{FIRST_PAGE_ID, MAX_DELTAS};
use crate::id::{Lsn, PageId, TableId};
use crate::page::cell::{self, CellKind, Times, Truncate};
use crate::store::FLAG_DELTA;
use serde::Serialize;

/// Page-log flag of a compressed block.
const ROW_COMPRESSED: u32 = 0x1;
/// A delta's flag byte of an update.
const DELTA_UPDATE: u8 = 0;
/// When all of it takes place, in seconds: the same steps give the same bytes.
pub(super) const TIME: u64 = 1_783_503_208;

/// A page, as far as its parent has to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// 0: none yet, or given up.
    pub id: PageId,
    /// The newest block.
    pub lsn: Lsn,
    /// The full image; the newest block itself if there are no deltas.
    pub base: Lsn,
    /// Stored length of all blocks: what the total holds of this page as far as the engine remembers.
    size: u32,
    /// Stored length of the newest block.
    newest: u32,
    checksum: u32,
    deltas: u8,
    /// Written since its parent was.
    dirty: bool,
    /// An image nobody knows lies above the chain: a delta would seem to stand on it.
    full_next: bool,
}

fn bytes(page: Option<Page>) -> u64 {
    page.map_or(0, |p| u64::from(p.size))
}

/// What kind of thing a failure left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RemainsKind {
    /// A full image whose cookie was never packed.
    Image,
    /// A delta whose cookie was never packed.
    Delta,
    /// A chain whose page id was given up.
    Chain,
    /// The root of a checkpoint that failed; its bytes are not counted.
    Root,
}

/// Something a failure left behind.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    pub kind: RemainsKind,
    pub page: PageId,
    /// LSN: of the row; of a chain, of the full image that failed.
    pub lsn: Lsn,
    /// Bytes of the row or chain.
    pub bytes: u64,
    /// The bytes of it that the total keeps.
    pub counted: u64,
}

/// Whether something was written. What failed may have left something.
pub type Written = Result<(), Option<Left>>;

#[derive(Debug)]
pub struct Tree {
    /// Its name in the metadata.
    pub uri: String,
    pub table: TableId,
    generation: Generation,
    compressor: Option<Compressor>,
    fanout: usize,
    /// Leaves in key order. Those without an id are not written yet.
    pub leaves: Vec<Page>,
    /// Internal pages below the root, lowest level first.
    levels: Vec<Vec<Page>>,
    root: Option<Page>,
    /// The root of the checkpoint before, while a checkpoint runs.
    before: Option<Page>,
    next_page: PageId,
    write_gen: u64,
    /// The running total.
    pub account: Account,
    /// The root has to be written.
    dirty: bool,
    /// The newest checkpoint.
    pub entry: Entry,
    /// What is done to the addresses of leaves, and to their parents, when these are next written.
    pub strikes: Vec<(usize, Fault)>,
}

/// A row: key and value.
pub type Row<'r> = (&'r [u8], &'r [u8]);

/// Rows of the first half of a leaf that is split.
pub fn half(rows: usize) -> usize {
    rows.div_ceil(2).max(1)
}

/// The cells of a row on a leaf.
pub fn write_row(cells: &mut Vec<u8>, (key, value): Row<'_>) {
    cell::write_key(cells, 0, key);
    cell::write_value(cells, &Times::EMPTY, value);
}

impl Tree {
    /// A tree without pages, with so many children on an internal page.
    pub fn new(uri: String, table: TableId, generation: Generation, fanout: usize) -> Self {
        Self {
            uri,
            table,
            generation,
            compressor: None,
            fanout: fanout.max(2),
            leaves: Vec::new(),
            levels: Vec::new(),
            root: None,
            before: None,
            next_page: FIRST_PAGE_ID,
            write_gen: 0,
            account: Account::new(Rule::AtPut),
            dirty: true,
            entry: Entry::default(),
            strikes: Vec::new(),
        }
    }

    /// Compressed, counted by a rule, and with so many leaves.
    pub fn with(self, compressor: Option<Compressor>, rule: Rule, leaves: usize) -> Self {
        Self { compressor, account: Account::new(rule), leaves: vec![Page::default(); leaves], ..self }
    }

    /// Whether a delta can be put on a leaf.
    pub fn takes_delta(&self, at: usize) -> bool {
        self.leaves.get(at).is_some_and(|p| p.id != 0 && !p.full_next && usize::from(p.deltas) < MAX_DELTAS)
    }

    /// All pages below the root, and the root.
    pub fn pages(&self) -> impl Iterator<Item = &Page> {
        self.leaves.iter().chain(self.levels.iter().flatten()).chain(&self.root)
    }

    /// Stored bytes of all pages.
    pub fn true_size(&self) -> u64 {
        self.pages().map(|p| u64::from(p.size)).sum()
    }

    /// What the total holds that nothing will ever take off.
    pub fn leaked(&self) -> i64 {
        signed(self.account.total(), self.true_size())
    }

    /// Internal pages of the lowest level that are no root.
    pub fn lowest_internal(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Write a leaf: all its rows, or those that a delta changes.
    pub fn write(&mut self, log: &mut Log, at: usize, form: Form, rows: &[Row<'_>], fail: Fail) -> Written {
        let mut page = self.leaves.get(at).copied().unwrap_or_default();
        let written = match form {
            Form::Split => self.split(log, &page, rows, fail).map(Some),
            Form::Full | Form::Delta => self.rewrite(log, &mut page, form, rows, fail).map(|()| None),
        };
        match &written {
            Ok(_) => self.account.wrap_up(),
            Err(_) => self.account.give_up(),
        }
        self.dirty |= written.is_ok();
        match written {
            Ok(Some(parts)) => {
                self.leaves.splice(at..=at, parts);
                // All that follow have moved among their parents.
                self.leaves.iter_mut().skip(at).for_each(|p| p.dirty = true);
                Ok(())
            }
            written => {
                if let Some(slot) = self.leaves.get_mut(at) {
                    *slot = page;
                }
                written.map(|_| ())
            }
        }
    }

    /// A full image under the page's id, or a fresh one; or a delta on its chain.
    fn rewrite(&mut self, log: &mut Log, page: &mut Page, form: Form, rows: &[Row<'_>], fail: Fail) -> Written {
        if fail == Fail::Put {
            return Err(None);
        }
        let (delta, in_place) = (form == Form::Delta, page.id != 0);
        let id = if in_place { page.id } else { self.new_page() };
        let new = self.put_leaf(log, Page { id, ..*page }, delta, rows);
        self.account.wrote(u64::from(new.newest));
        match fail {
            Fail::AfterPut => {
                page.full_next |= in_place && !delta;
                Err(Some(self.left(if delta { RemainsKind::Delta } else { RemainsKind::Image }, new)))
            }
            Fail::AfterPack => {
                // With a delta the whole chain ends; an image takes off itself alone.
                log.discard((self.table, id), new.lsn, new.base);
                self.account.freed(u64::from(new.size));
                // The page id was used up by the discard: the next write takes a fresh one (PR 14072).
                let owed = self.account.still_owed(page.size);
                let forgotten = if delta { 0 } else { u64::from(page.size.saturating_sub(owed)) };
                *page = Page { size: owed, ..Page::default() };
                let left = Left { bytes: forgotten, counted: forgotten, ..self.left(RemainsKind::Chain, new) };
                Err((forgotten > 0).then_some(left))
            }
            Fail::None | Fail::Put => {
                self.account.freed(if delta { 0 } else { u64::from(page.size) });
                *page = new;
                Ok(())
            }
        }
    }

    /// Two leaves in the place of one; it fails at the second block.
    fn split(&mut self, log: &mut Log, page: &Page, rows: &[Row<'_>], fail: Fail) -> Result<Vec<Page>, Option<Left>> {
        let half = half(rows.len());
        let last = rows.len().div_ceil(half).saturating_sub(1);
        let (mut parts, mut left) = (Vec::new(), None);
        for (n, rows) in rows.chunks(half).enumerate() {
            if n == last && fail == Fail::Put {
                break;
            }
            let id = self.new_page();
            let new = self.put_leaf(log, Page { id, ..Page::default() }, false, rows);
            self.account.wrote(u64::from(new.size));
            if n == last && fail == Fail::AfterPut {
                left = Some(self.left(RemainsKind::Image, new));
                break;
            }
            parts.push(new);
        }
        // The error path discards the blocks whose addresses it holds; success, the page before.
        let freed = if fail == Fail::None { std::slice::from_ref(page) } else { parts.as_slice() };
        for page in freed {
            if page.id != 0 {
                log.discard((self.table, page.id), page.lsn, page.base);
            }
            self.account.freed(u64::from(page.size));
        }
        if fail == Fail::None { Ok(parts) } else { Err(left) }
    }

    fn left(&self, kind: RemainsKind, page: Page) -> Left {
        let bytes = u64::from(page.newest);
        let counts = kind != RemainsKind::Root && self.account.rule == Rule::AtPut;
        Left { kind, page: page.id, lsn: page.lsn, bytes, counted: if counts { bytes } else { 0 } }
    }

    fn new_page(&mut self) -> PageId {
        let page = self.next_page;
        self.next_page = PageId(page.get().saturating_add(1));
        page
    }

    fn put_leaf(&mut self, log: &mut Log, page: Page, delta: bool, rows: &[Row<'_>]) -> Page {
        let (mut cells, mut payload) = (Vec::new(), Vec::new());
        for (key, value) in rows {
            payload.clear();
            // The flag byte came first since 2026-02-17; before, length and value.
            if delta && self.generation < Generation::February2026 {
                int::write_vuint(&mut payload, value.len() as u64);
                payload.extend_from_slice(value);
                payload.push(DELTA_UPDATE);
            } else if delta {
                payload.push(DELTA_UPDATE);
                payload.extend_from_slice(value);
            }
            write_row(&mut cells, (key, if delta { &payload } else { value }));
        }
        let flags = if delta { 0 } else { FLAG_EMPTY_VALUES_NONE };
        self.put(log, page, delta, (PageType::RowLeaf, flags, rows.len()), &cells)
    }

    /// Build a block and put it on a page.
    fn put(
        &mut self,
        log: &mut Log,
        page: Page,
        delta: bool,
        (page_type, flags, rows): (PageType, u8, usize),
        cells: &[u8],
    ) -> Page {
        self.write_gen = self.write_gen.saturating_add(1);
        let header = PageHeader {
            recno: 0,
            write_gen: self.write_gen,
            mem_size: 0,
            entries: u32::try_from(rows.saturating_mul(2)).unwrap_or(u32::MAX),
            type_byte: page_type.byte(),
            flags,
            unused: 0,
            version: u8::from(!delta),
        };
        let (compressor, previous_checksum) = (self.compressor, page.checksum);
        let new = NewImage { delta, previous_checksum, compressor, ..NewImage::new(header) };
        let (data, checksum) = image::build(&new, cells);
        let newest = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let compressed = Image::parse(&data, None).is_ok_and(|i| i.is_compressed());
        let row_flags = if compressed { ROW_COMPRESSED } else { 0 } | if delta { FLAG_DELTA } else { 0 };
        // A full image links to the full image it replaces.
        let link = if delta { (page.lsn, page.base) } else { (page.base, Lsn::NONE) };
        let lsn = log.put((self.table, page.id), link, row_flags, data);
        let new = Page { id: page.id, lsn, base: lsn, size: newest, newest, checksum, dirty: true, ..Page::default() };
        if !delta {
            return new;
        }
        Page { base: page.base, size: page.size.saturating_add(newest), deltas: page.deltas.saturating_add(1), ..new }
    }

    fn cookie(&self, page: &Page) -> Cookie {
        // Cumulative since January 2026, the newest block alone before.
        let size = if self.generation < Generation::February2026 { page.newest } else { page.size };
        let base = if page.deltas > 0 { page.base } else { Lsn::NONE };
        Cookie::new(page.id, page.lsn, base, size, page.checksum)
    }

    /// The address that a parent has of its `n`th child, the first of which is leaf number `first`.
    fn address(&self, children: &[Page], first: usize, n: usize) -> Cookie {
        let cookie = |n: usize| self.cookie(&children.get(n).copied().unwrap_or_default());
        let mut own = cookie(n);
        for (at, fault) in &self.strikes {
            if *at == first.saturating_add(n)
                && let Deed::Addressed(alter) = fault.row().deed
            {
                alter(&mut own, &cookie(n.checked_sub(1).unwrap_or((n + 1).min(children.len().saturating_sub(1)))));
            }
        }
        own
    }

    /// Whether a leaf's parent has it as truncated.
    fn is_truncated(&self, at: usize) -> bool {
        self.strikes.iter().any(|(struck, fault)| *struck == at && matches!(fault.row().deed, Deed::Truncates))
    }

    /// The id that the metadata has of it.
    pub fn listed_id(&self) -> TableId {
        TableId(self.table.get().saturating_add(self.entry.moved))
    }

    /// The address that a leaf's parent has of it.
    pub fn leaf_address(&self, at: usize) -> Cookie {
        let n = at % self.fanout;
        let children = self.leaves.chunks(self.fanout).nth(at / self.fanout).unwrap_or_default();
        self.address(children, at - n, n)
    }

    /// Whether a checkpoint has to write the root.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Write the internal pages above dirty ones, and the root of a checkpoint under a fresh page id;
    /// count that in the place of the one before. `key` makes the first key of a leaf.
    pub fn write_root(&mut self, log: &mut Log, key: &dyn Fn(usize, &mut Vec<u8>), fail: Fail) -> Written {
        if fail == Fail::Put {
            return Err(None);
        }
        let new = if self.leaves.is_empty() { None } else { Some(self.put_internal(log, key)) };
        self.strikes.clear();
        match (fail, new) {
            (Fail::AfterPut, Some(root)) => return Err(Some(self.left(RemainsKind::Root, root))),
            (Fail::AfterPack, Some(root)) => log.discard((self.table, root.id), root.lsn, root.base),
            _ => {}
        }
        if fail != Fail::None {
            return Err(None);
        }
        self.account.root(bytes(self.root), bytes(new));
        self.before = std::mem::replace(&mut self.root, new);
        Ok(())
    }

    /// All internal pages above dirty ones, and a root, which is answered.
    fn put_internal(&mut self, log: &mut Log, key: &dyn Fn(usize, &mut Vec<u8>)) -> Page {
        let mut below = std::mem::take(&mut self.leaves);
        let mut levels = std::mem::take(&mut self.levels).into_iter();
        let mut done = Vec::new();
        // Leaves below a child.
        let mut span = 1_usize;
        while below.len() > self.fanout {
            let mut own = levels.next().unwrap_or_default();
            own.resize(below.len().div_ceil(self.fanout), Page::default());
            for (n, (page, children)) in own.iter_mut().zip(below.chunks_mut(self.fanout)).enumerate() {
                let struck = span == 1 && self.strikes.iter().any(|(at, _)| at / self.fanout == n);
                if page.id != 0 && !struck && !children.iter().any(|c| c.dirty) {
                    continue;
                }
                if page.id == 0 {
                    page.id = self.new_page();
                }
                let new = self.put_parent(log, *page, children, (n.saturating_mul(self.fanout), span), key);
                self.account.wrote(u64::from(new.size));
                self.account.freed(u64::from(page.size));
                self.account.wrap_up();
                children.iter_mut().for_each(|c| c.dirty = false);
                *page = new;
            }
            done.push(std::mem::replace(&mut below, own));
            span = span.saturating_mul(self.fanout);
        }
        let page = Page { id: self.new_page(), ..Page::default() };
        let root = self.put_parent(log, page, &below, (0, span), key);
        // The level that the root stands on comes last.
        done.push(below);
        let mut done = done.into_iter();
        self.leaves = done.next().unwrap_or_default();
        self.levels = done.collect();
        root
    }

    /// The parent of children that begin with number `first` of their level, each above `span` leaves.
    fn put_parent(
        &mut self,
        log: &mut Log,
        page: Page,
        children: &[Page],
        (first, span): (usize, usize),
        key: &dyn Fn(usize, &mut Vec<u8>),
    ) -> Page {
        let (mut cells, mut text) = (Vec::new(), Vec::new());
        let lowest = span == 1;
        for (n, child) in children.iter().enumerate() {
            text.clear();
            key(first.saturating_add(n).saturating_mul(span), &mut text);
            // The 0th key of a page is never looked at; the engine keeps one byte of it.
            let separator = if n == 0 { text.get(..1).unwrap_or(&text) } else { &text };
            cell::write_key(&mut cells, 0, separator);
            let cookie = if lowest { self.address(children, first, n) } else { self.cookie(child) };
            let truncated = lowest && self.is_truncated(first.saturating_add(n));
            let kind = match (lowest, truncated) {
                (true, true) => CellKind::AddrDeleted,
                (true, false) => CellKind::AddrLeafNoOverflow,
                (false, _) => CellKind::AddrInternal,
            };
            let when = TIME << 32 | 1;
            let truncate = truncated.then_some(Truncate { txn: 1, commit_ts: when, durable_ts: when });
            cell::write_addr(&mut cells, kind, &Times::EMPTY, truncate, &cookie.encode());
        }
        let mine = first..first.saturating_add(children.len());
        for (at, fault) in &self.strikes {
            if lowest
                && mine.contains(at)
                && let Deed::Puts(Role::Internal, alter) = fault.row().deed
            {
                log.strike(Some(alter));
            }
        }
        self.put(log, page, false, (PageType::RowInternal, FLAG_FAST_TRUNCATE, children.len()), &cells)
    }

    /// The checkpoint failed after this root was written: undo its transition. Nothing frees the root.
    pub fn undo_root(&mut self) -> Option<Left> {
        self.account.root(bytes(self.root), bytes(self.before));
        std::mem::replace(&mut self.root, self.before.take()).map(|root| self.left(RemainsKind::Root, root))
    }

    /// The checkpoint's roots are all written: make this one the tree's newest entry.
    pub fn enter(&mut self) {
        self.dirty = false;
        let size = match self.root {
            // The root's page id, by mistake.
            Some(root) if !self.generation.keeps_sizes() => root.id.get(),
            _ => self.account.total(),
        };
        self.entry = Entry {
            addr: self.root.map(|r| hex::encode(self.cookie(&r).encode())).unwrap_or_default(),
            order: self.entry.order.saturating_add(1),
            size,
            true_size: self.true_size(),
            root_lsn: self.root.map_or(Lsn::NONE, |r| r.lsn),
            write_gen: self.write_gen.max(1),
            next_page: self.next_page,
            moved: 0,
        };
    }

    /// Bytes of the root that a checkpoint replaced.
    pub fn old_root_bytes(&self) -> u64 {
        bytes(self.before)
    }

    /// The checkpoint completed: the root before it is freed.
    pub fn discard_old_root(&mut self, log: &mut Log) {
        if let Some(root) = self.before.take() {
            log.discard((self.table, root.id), root.lsn, root.base);
        }
    }

    /// The next checkpoint gets the number of this one.
    pub fn repeat_order(&mut self) {
        self.entry.order = self.entry.order.saturating_sub(1);
    }

    /// The list of checkpoints in the metadata: only the newest is kept.
    pub(super) fn checkpoint_list(&self) -> String {
        let e = &self.entry;
        format!(
            "(WiredTigerCheckpoint.{0}=(addr=\"{1}\",order={0},time={TIME},size={2},newest_start_durable_ts=0,\
             oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,\
             write_gen={3},run_write_gen=1,next_page_id={4}))",
            e.order, e.addr, e.size, e.write_gen, e.next_page
        )
    }

    /// The row of the shared metadata.
    pub(super) fn config(&self, (key_format, value_format): (&str, &str)) -> String {
        let compressor = self.compressor.map_or("", Compressor::name);
        format!(
            "access_pattern_hint=none,allocation_size=4KB,block_compressor={compressor},block_manager=disagg,\
             checkpoint={},disaggregated=(page_log=palite),id={},key_format={key_format},\
             value_format={value_format},version=(major=2,minor=1)",
            self.checkpoint_list(),
            self.listed_id()
        )
    }
}
