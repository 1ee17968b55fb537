//! A b-tree of leaves below one root: its pages in memory, and how they are written, fail, and are
//! counted (spec 04, 06.3, 11.1, 11.4).

use super::account::Account;
use super::outcome::RemainsKind;
use super::pagelog::{Link, Log};
use super::scenario::{Fail, Form, Rule};
use crate::format::block::COMBINED_LEN;
use crate::format::compress::Compressor;
use crate::format::cookie::Cookie;
use crate::format::image::{self, Image, NewImage};
use crate::format::page_header::{FLAG_EMPTY_VALUES_NONE, FLAG_FAST_TRUNCATE, PageHeader, PageType};
use crate::format::pagelog_ids::{FIRST_PAGE_ID, MAX_DELTAS};
use crate::id::{Lsn, PageId, TableId};
use crate::page::cell::{self, CellKind, Times};
use crate::scenario::random::Rng;
use crate::store::FLAG_DELTA;
use std::collections::BTreeSet;

/// Page-log flag of a compressed block (10.1).
const ROW_COMPRESSED: u32 = 0x1;
/// A delta's flag byte of an update (04.5.1, `Bu`).
const DELTA_UPDATE: u8 = 0;

/// A block of a page in the page log.
#[derive(Debug, Clone, Copy)]
struct Block {
    lsn: Lsn,
    bytes: u32,
    checksum: u32,
}

/// A row: key and value.
pub(super) type KeyValue = (Vec<u8>, Vec<u8>);

#[derive(Debug, Default)]
struct Leaf {
    rows: Vec<KeyValue>,
    /// Rows that differ from what the page log has.
    changed: BTreeSet<usize>,
    dirty: bool,
    /// 0: none yet, or given up.
    page: PageId,
    chain: Vec<Block>,
    /// What the total holds of this page as far as the engine remembers.
    owed: u64,
    /// An image nobody knows lies above the chain: a delta would seem to stand on it.
    full_next: bool,
    /// As what it was last tried.
    form: Option<Form>,
}

impl Leaf {
    fn new(rows: Vec<KeyValue>) -> Self {
        Self { rows, dirty: true, ..Self::default() }
    }

    fn first_key(&self) -> &[u8] {
        self.rows.first().map(|r| r.0.as_slice()).unwrap_or_default()
    }

    fn bytes(&self) -> u64 {
        self.chain.iter().map(|b| u64::from(b.bytes)).sum()
    }

    /// Newest block, base of a chain with deltas or 0.
    fn ends(&self) -> Option<(Block, Lsn)> {
        let (first, last) = (self.chain.first()?, self.chain.last()?);
        Some((*last, if self.chain.len() > 1 { first.lsn } else { Lsn::NONE }))
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    page: PageId,
    block: Block,
}

impl Root {
    fn bytes(root: Option<Self>) -> u64 {
        root.map_or(0, |r| u64::from(r.block.bytes))
    }
}

/// A checkpoint entry of the tree (07.6).
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    addr: String,
    order: u64,
    pub(super) size: u64,
    pub(super) true_size: u64,
    /// LSN of its root; rows of the tree above it are later work.
    pub(super) root_lsn: Lsn,
    write_gen: u64,
    next_page: PageId,
}

/// Something left behind, as the tree knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) kind: RemainsKind,
    pub(super) page: PageId,
    pub(super) lsn: Lsn,
    pub(super) bytes: u64,
    pub(super) counted: u64,
}

/// How an attempt to reconcile a leaf went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) failed: bool,
    pub(super) full_instead: bool,
    pub(super) unchanged: bool,
}

/// The tree.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) uri: String,
    pub(super) table: TableId,
    compressor: Option<Compressor>,
    rule: Rule,
    leaves: Vec<Leaf>,
    next_page: PageId,
    write_gen: u64,
    account: Account,
    root: Option<Root>,
    /// The root has to be written.
    dirty: bool,
    /// The root of the checkpoint before, while a checkpoint runs.
    before: Option<Root>,
    pub(super) entry: Entry,
    pub(super) left: Vec<Left>,
    /// Pages that completed checkpoints refer to.
    pub(super) reached: BTreeSet<PageId>,
}

impl Tree {
    pub(super) fn new(uri: String, table: TableId, compressor: Option<Compressor>, rule: Rule) -> Self {
        Self {
            uri,
            table,
            compressor,
            rule,
            leaves: Vec::new(),
            next_page: FIRST_PAGE_ID,
            write_gen: 0,
            account: Account::new(rule),
            root: None,
            dirty: true,
            before: None,
            entry: Entry::default(),
            left: Vec::new(),
            reached: BTreeSet::new(),
        }
    }

    /// Rows to begin with, in key order, on leaves of a size.
    pub(super) fn fill(&mut self, rows: impl Iterator<Item = KeyValue>, leaf_bytes: usize) {
        let mut page: Vec<KeyValue> = Vec::new();
        let mut size = COMBINED_LEN;
        for row in rows {
            let cells = cells_of(&row).len();
            if !page.is_empty() && size.saturating_add(cells) > leaf_bytes {
                self.leaves.push(Leaf::new(std::mem::take(&mut page)));
                size = COMBINED_LEN;
            }
            size = size.saturating_add(cells);
            page.push(row);
        }
        if !page.is_empty() {
            self.leaves.push(Leaf::new(page));
        }
    }

    /// Other rows on the only leaf.
    pub(super) fn set_rows(&mut self, rows: Vec<KeyValue>) {
        match self.leaves.first_mut() {
            Some(leaf) if leaf.rows == rows => {}
            Some(leaf) => {
                leaf.rows = rows;
                leaf.dirty = true;
            }
            None => self.leaves.push(Leaf::new(rows)),
        }
    }

    pub(super) fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// Rows on a leaf.
    pub(super) fn row_count(&self, leaf: usize) -> usize {
        self.leaves.get(leaf).map_or(0, |l| l.rows.len())
    }

    /// Leaves that a checkpoint has to write.
    pub(super) fn dirty_count(&self) -> u64 {
        self.leaves.iter().filter(|l| l.dirty).count() as u64
    }

    pub(super) fn total(&self) -> u64 {
        self.account.total()
    }

    /// What the total holds that nothing will ever take off.
    pub(super) fn leaked(&self) -> i64 {
        let owed: u64 = self.leaves.iter().map(|l| l.owed).sum();
        signed(self.account.total(), owed.saturating_add(Root::bytes(self.root)))
    }

    /// Change rows of a leaf.
    pub(super) fn change(&mut self, leaf: usize, rows: usize, rng: &mut Rng) {
        let Some(leaf) = self.leaves.get_mut(leaf) else { return };
        for at in rng.pick(rows, leaf.rows.len()) {
            if let Some((_, value)) = leaf.rows.get_mut(at) {
                *value = rng.value(value.len());
                leaf.changed.insert(at);
                leaf.dirty = true;
            }
        }
    }

    /// Reconcile a leaf.
    pub(super) fn reconcile(&mut self, log: &mut Log, at: usize, form: Form, fail: Fail) -> Tried {
        let Some(leaf) = self.leaves.get_mut(at) else { return Tried::default() };
        if !leaf.dirty {
            return Tried { unchanged: true, ..Tried::default() };
        }
        leaf.form = Some(form);
        let full = leaf.page == 0 || leaf.full_next || leaf.chain.len() > MAX_DELTAS || leaf.changed.is_empty();
        // The leaf is out of the tree while it is written.
        let mut leaf = std::mem::take(leaf);
        let written = match form {
            Form::Split => self.split(log, &leaf, fail),
            Form::Delta if !full => self.write_delta(log, &mut leaf, fail).then(Vec::new),
            Form::Full | Form::Delta => self.write_full(log, &mut leaf, fail).then(Vec::new),
        };
        match &written {
            Some(_) => self.account.wrap_up(),
            None => self.account.give_up(),
        }
        let failed = written.is_none();
        match written {
            Some(parts) if !parts.is_empty() => {
                self.leaves.splice(at..=at, parts);
                self.dirty = true;
            }
            done => {
                if done.is_some() {
                    leaf.dirty = false;
                    leaf.changed.clear();
                    self.dirty = true;
                }
                if let Some(slot) = self.leaves.get_mut(at) {
                    *slot = leaf;
                }
            }
        }
        Tried { failed, full_instead: form == Form::Delta && full, unchanged: false }
    }

    /// A full image under the page's id, or a fresh one. Whether it is past the wrap-up.
    fn write_full(&mut self, log: &mut Log, leaf: &mut Leaf, fail: Fail) -> bool {
        if fail == Fail::Put {
            return false;
        }
        let in_place = leaf.page != 0;
        // The image before it that the tree knows of; one that a failure left is not known to it.
        let link = match (in_place, leaf.chain.first(), leaf.chain.last()) {
            (true, Some(base), Some(newest)) => Link { backlink: base.lsn, base: Lsn::NONE, checksum: newest.checksum },
            _ => Link::default(),
        };
        let page = if in_place { leaf.page } else { self.new_page() };
        let block = self.put_leaf(log, page, &leaf.rows, link);
        let bytes = u64::from(block.bytes);
        self.account.wrote(bytes);
        match fail {
            Fail::AfterPut => {
                leaf.full_next = in_place;
                self.leave(RemainsKind::Image, page, block.lsn, bytes, bytes);
                false
            }
            Fail::AfterPack => {
                log.discard((self.table, page), block.lsn, Lsn::NONE);
                self.account.freed(bytes);
                let forgotten = leaf.owed.saturating_sub(self.account.still_owed(leaf.owed));
                if forgotten > 0 {
                    self.left.push(Left {
                        kind: RemainsKind::Chain,
                        page,
                        lsn: block.lsn,
                        bytes: forgotten,
                        counted: forgotten,
                    });
                }
                self.give_up_id(leaf);
                false
            }
            Fail::None | Fail::Put => {
                self.account.freed(leaf.owed);
                (leaf.page, leaf.chain, leaf.owed, leaf.full_next) = (page, vec![block], bytes, false);
                true
            }
        }
    }

    /// A delta on the page's chain. Whether it is past the wrap-up.
    fn write_delta(&mut self, log: &mut Log, leaf: &mut Leaf, fail: Fail) -> bool {
        let Some((newest, base)) = leaf.ends().filter(|_| fail != Fail::Put) else { return false };
        let base = if base == 0 { newest.lsn } else { base };
        let mut cells = Vec::new();
        let mut entries = 0_u32;
        for (key, value) in leaf.changed.iter().filter_map(|at| leaf.rows.get(*at)) {
            cell::write_key(&mut cells, 0, key);
            let payload: Vec<u8> = std::iter::once(DELTA_UPDATE).chain(value.iter().copied()).collect();
            cell::write_value(&mut cells, &Times::EMPTY, &payload);
            entries = entries.saturating_add(2);
        }
        let link = Link { backlink: newest.lsn, base, checksum: newest.checksum };
        let block = self.put(log, leaf.page, (PageType::RowLeaf, 0, entries), &cells, link);
        let bytes = u64::from(block.bytes);
        self.account.wrote(bytes);
        match fail {
            Fail::AfterPut => {
                self.leave(RemainsKind::Delta, leaf.page, block.lsn, bytes, bytes);
                false
            }
            Fail::AfterPack => {
                // The whole chain ends with it (11.4 D).
                log.discard((self.table, leaf.page), block.lsn, base);
                self.account.freed(leaf.owed.saturating_add(bytes));
                self.give_up_id(leaf);
                false
            }
            Fail::None | Fail::Put => {
                leaf.chain.push(block);
                leaf.owed = leaf.owed.saturating_add(bytes);
                true
            }
        }
    }

    /// Two leaves in the place of one, or nothing if it fails, which it does at the second block.
    fn split(&mut self, log: &mut Log, leaf: &Leaf, fail: Fail) -> Option<Vec<Leaf>> {
        let half = leaf.rows.len().div_ceil(2).max(1);
        let mut parts: Vec<Leaf> = Vec::new();
        let mut failed = fail == Fail::AfterPack;
        let last = leaf.rows.len().div_ceil(half).saturating_sub(1);
        for (n, rows) in leaf.rows.chunks(half).enumerate() {
            if n == last && fail == Fail::Put {
                failed = true;
                break;
            }
            let page = self.new_page();
            let block = self.put_leaf(log, page, rows, Link::default());
            let bytes = u64::from(block.bytes);
            self.account.wrote(bytes);
            if n == last && fail == Fail::AfterPut {
                self.leave(RemainsKind::Image, page, block.lsn, bytes, bytes);
                failed = true;
                break;
            }
            let (chain, owed) = (vec![block], bytes);
            parts.push(Leaf { rows: rows.to_vec(), page, chain, owed, ..Leaf::default() });
        }
        if failed {
            // The error path discards the blocks whose addresses it holds.
            for part in &parts {
                self.discard(log, part);
                self.account.freed(part.owed);
            }
            return None;
        }
        self.discard(log, leaf);
        self.account.freed(leaf.owed);
        Some(parts)
    }

    /// The discard record of a leaf that has a page.
    fn discard(&self, log: &mut Log, leaf: &Leaf) {
        if let Some((newest, base)) = leaf.ends().filter(|_| leaf.page != 0) {
            log.discard((self.table, leaf.page), newest.lsn, base);
        }
    }

    /// The page id was used up by a discard: the next write takes a fresh one (11.4 B, PR 14072).
    fn give_up_id(&self, leaf: &mut Leaf) {
        leaf.owed = self.account.still_owed(leaf.owed);
        leaf.page = PageId(0);
        leaf.chain.clear();
        leaf.full_next = false;
    }

    fn leave(&mut self, kind: RemainsKind, page: PageId, lsn: Lsn, bytes: u64, at_put: u64) {
        let counted = if self.rule == Rule::AtPut { at_put } else { 0 };
        self.left.push(Left { kind, page, lsn, bytes, counted });
    }

    fn new_page(&mut self) -> PageId {
        let page = self.next_page;
        self.next_page = PageId(self.next_page.get().saturating_add(1));
        page
    }

    fn put_leaf(&mut self, log: &mut Log, page: PageId, rows: &[KeyValue], link: Link) -> Block {
        let mut cells = Vec::new();
        for row in rows {
            cells.extend(cells_of(row));
        }
        let entries = u32::try_from(rows.len().saturating_mul(2)).unwrap_or(u32::MAX);
        self.put(log, page, (PageType::RowLeaf, FLAG_EMPTY_VALUES_NONE, entries), &cells, link)
    }

    /// Build a block and put it.
    fn put(
        &mut self,
        log: &mut Log,
        page: PageId,
        (page_type, flags, entries): (PageType, u8, u32),
        cells: &[u8],
        link: Link,
    ) -> Block {
        self.write_gen = self.write_gen.saturating_add(1);
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
        let (compressor, previous_checksum) = (self.compressor, link.checksum);
        let new = NewImage { delta, previous_checksum, compressor, ..NewImage::new(header) };
        let (data, checksum) = image::build(&new, cells);
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let compressed = Image::parse(&data, None).is_ok_and(|i| i.is_compressed());
        let row_flags = if compressed { ROW_COMPRESSED } else { 0 } | if delta { FLAG_DELTA } else { 0 };
        let lsn = log.put((self.table, page), link, row_flags, data);
        Block { lsn, bytes, checksum }
    }

    /// Write what is dirty below the root, as it was tried last.
    pub(super) fn flush(&mut self, log: &mut Log) {
        // From the last to the first: a split makes more leaves behind it.
        for at in (0..self.leaves.len()).rev() {
            let form = self.leaves.get(at).and_then(|l| l.form).unwrap_or(Form::Full);
            self.reconcile(log, at, form, Fail::None);
        }
    }

    /// Whether a checkpoint has to write the root.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Write the root of a checkpoint under a fresh page id, and count it in the place of the one
    /// before. Whether that went well.
    pub(super) fn write_root(&mut self, log: &mut Log, fail: Fail) -> bool {
        if fail == Fail::Put {
            return false;
        }
        let new = if self.leaves.is_empty() { None } else { Some(self.put_root(log)) };
        match (fail, new) {
            (Fail::AfterPut, Some(root)) => self.leave_root(root),
            (Fail::AfterPack, Some(root)) => log.discard((self.table, root.page), root.block.lsn, Lsn::NONE),
            _ => {}
        }
        if fail != Fail::None {
            return false;
        }
        self.account.root(Root::bytes(self.root), Root::bytes(new));
        self.before = std::mem::replace(&mut self.root, new);
        true
    }

    fn put_root(&mut self, log: &mut Log) -> Root {
        let mut cells = Vec::new();
        let mut entries = 0_u32;
        for (n, leaf) in self.leaves.iter().enumerate() {
            let Some((newest, base)) = leaf.ends() else { continue };
            // The 0th key of a page is never looked at; the engine keeps one byte of it.
            let key = leaf.first_key();
            let key = if n == 0 { key.get(..1).unwrap_or(key) } else { key };
            cell::write_key(&mut cells, 0, key);
            let size = u32::try_from(leaf.bytes()).unwrap_or(u32::MAX);
            let cookie = Cookie::new(leaf.page, newest.lsn, base, size, newest.checksum).encode();
            cell::write_addr(&mut cells, CellKind::AddrLeafNoOverflow, &Times::EMPTY, None, &cookie);
            entries = entries.saturating_add(2);
        }
        let page = self.new_page();
        let kind = (PageType::RowInternal, FLAG_FAST_TRUNCATE, entries);
        let block = self.put(log, page, kind, &cells, Link::default());
        Root { page, block }
    }

    /// Nothing frees the root of a checkpoint that fails.
    fn leave_root(&mut self, root: Root) {
        let bytes = u64::from(root.block.bytes);
        self.left.push(Left { kind: RemainsKind::Root, page: root.page, lsn: root.block.lsn, bytes, counted: 0 });
    }

    /// The checkpoint failed after this root was written: undo its transition.
    pub(super) fn undo_root(&mut self) {
        self.account.root(Root::bytes(self.root), Root::bytes(self.before));
        if let Some(root) = std::mem::replace(&mut self.root, self.before.take()) {
            self.leave_root(root);
        }
    }

    /// The checkpoint's roots are all written: make this one the tree's newest entry.
    pub(super) fn enter(&mut self) {
        self.dirty = false;
        let leaves: u64 = self.leaves.iter().map(Leaf::bytes).sum();
        let addr =
            self.root.map(|r| Cookie::new(r.page, r.block.lsn, Lsn::NONE, r.block.bytes, r.block.checksum).encode());
        self.entry = Entry {
            addr: addr.map(hex::encode).unwrap_or_default(),
            order: self.entry.order.saturating_add(1),
            size: self.account.total(),
            true_size: leaves.saturating_add(Root::bytes(self.root)),
            root_lsn: self.root.map_or(Lsn::NONE, |r| r.block.lsn),
            write_gen: self.write_gen.max(1),
            next_page: self.next_page,
        };
        self.reached.extend(self.leaves.iter().map(|l| l.page).chain(self.root.map(|r| r.page)));
    }

    /// The checkpoint completed: the root before it is freed (06.3).
    pub(super) fn discard_old_root(&mut self, log: &mut Log) {
        if let Some(root) = self.before.take() {
            log.discard((self.table, root.page), root.block.lsn, Lsn::NONE);
        }
    }

    /// The list of checkpoints in the metadata (07.6): only the newest is kept.
    pub(super) fn checkpoint_list(&self, time: u64) -> String {
        let e = &self.entry;
        format!(
            "(WiredTigerCheckpoint.{0}=(addr=\"{1}\",order={0},time={time},size={2},newest_start_durable_ts=0,\
             oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,\
             write_gen={3},run_write_gen=1,next_page_id={4}))",
            e.order, e.addr, e.size, e.write_gen, e.next_page
        )
    }

    /// The row of the shared metadata (07.7).
    pub(super) fn config(&self, (key_format, value_format): (&str, &str), time: u64) -> String {
        let compressor = self.compressor.map_or("", Compressor::name);
        format!(
            "access_pattern_hint=none,allocation_size=4KB,block_compressor={compressor},block_manager=disagg,\
             checkpoint={},disaggregated=(page_log=palite),id={},key_format={key_format},\
             value_format={value_format},version=(major=2,minor=1)",
            self.checkpoint_list(time),
            self.table
        )
    }
}

fn cells_of((key, value): &KeyValue) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + value.len() + 8);
    cell::write_key(&mut out, 0, key);
    cell::write_value(&mut out, &Times::EMPTY, value);
    out
}

/// `a - b` with its sign.
pub(super) fn signed(a: u64, b: u64) -> i64 {
    let distance = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { distance } else { -distance }
}
