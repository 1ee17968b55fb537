//! What the workers of a walk do: read and decode pages, look where children lead, and take in the
//! leaves that need no closer look. They keep no order; [`super::walk`] does.

use super::catalog::{SHARED_METADATA, Tree};
use super::chain::{self, Chain};
use super::fault::{Fact, Fault, FaultKind, Wanted};
use super::page::{self, Checks, Kids, Loaded, Look, Scratch};
use super::seal;
use super::walk::{Bits, FIRST_PAGE_ID, LeafSums, MAX_DEPTH, Options, Visited};
use crate::format::FormatError;
use crate::format::cookie::Cookie;
use crate::format::page_header::{PageHeader, PageType};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::cell::{CellKind, Times};
use crate::page::delta::{Above, Child, Children, Summary};
use crate::page::plain_child::{Entry, PlainChild};
use crate::page::{Depth, RowCounts};
use crate::store::index::View;
use crate::store::{BlockReader, FLAG_DISCARDED, Index, Row};
use std::ops::Range;
use std::sync::Arc;

/// The separators around a page: its keys lie from the first (inclusive) to the second (exclusive).
/// Only a deep walk carries them.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    pub(super) low: Option<Arc<[u8]>>,
    pub(super) high: Option<Arc<[u8]>>,
    pub(super) parent: Option<Box<Parent>>,
}

/// What the page above, or the checkpoint above a root, says of a page.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    /// The aggregate of the address cell, where it is to be compared with what is below.
    pub(super) times: Option<Times>,
    /// The write generation of the page above.
    pub(super) generation: Option<u64>,
}

impl Bounds {
    /// How closely to look at a page within these bounds.
    fn look(&self, depth: Depth, kind: CellKind) -> Look<'_> {
        if depth != Depth::Deep {
            return Look::Structure;
        }
        let parent = self.parent.as_deref();
        Look::Rules(Above {
            times: parent.and_then(|p| p.times.as_ref()),
            generation: parent.and_then(|p| p.generation),
            no_overflow: kind == CellKind::AddrLeafNoOverflow,
        })
    }
}

/// A page waiting to be read.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) page: Visited,
    pub(super) bounds: Bounds,
    /// Position in the arena of internal pages; its parent for a leaf.
    pub(super) node: usize,
}

pub(super) enum Task {
    Internal { tree: usize, pending: Pending },
    Leaves { tree: usize, leaves: Vec<Pending> },
}

/// Where a cookie leads in the index.
#[derive(Default)]
pub(super) struct Located {
    pub(super) rows: (usize, usize),
    pub(super) chain: Option<Chain>,
    pub(super) faults: Vec<Fault>,
    pub(super) vouched: bool,
}

impl Located {
    pub(super) fn new(index: &Index, table: TableId, cookie: &Cookie) -> Self {
        let mut faults = Vec::new();
        let range = index.page(table, cookie.page_id);
        let chain = chain::resolve_in(index, range.clone(), table, cookie, &mut faults);
        Self { rows: (range.start, range.end), chain, faults, vouched: false }
    }
}

/// A child address as a worker found it.
pub(super) struct Found {
    pub(super) cookie: Result<Cookie, FormatError>,
    pub(super) located: Located,
    pub(super) kind: CellKind,
    pub(super) overflow: bool,
    /// Index into the leaves of the task, for overflow items.
    pub(super) leaf: usize,
    pub(super) bounds: Bounds,
}

impl Found {
    /// Decode an address and look where it leads; anything but a plain address is an overflow item.
    pub(super) fn new(index: &Index, table: TableId, cookie: &[u8], kind: CellKind, leaf: usize) -> Self {
        Self::of(index, table, Cookie::decode(cookie), kind, leaf)
    }

    fn of(index: &Index, table: TableId, cookie: Result<Cookie, FormatError>, kind: CellKind, leaf: usize) -> Self {
        let mut located = cookie.as_ref().map(|c| Located::new(index, table, c)).unwrap_or_default();
        let overflow = !kind.is_addr();
        // Other leaves may lead to overflow pages, so their cells matter.
        if let (Ok(cookie), Some(chain), true) =
            (&cookie, located.chain, overflow || kind == CellKind::AddrLeafNoOverflow)
        {
            located.vouched = located.faults.is_empty() && seal::vouches(index, chain, cookie, overflow);
        }
        Self { cookie, located, kind, overflow, leaf, bounds: Bounds::default() }
    }
}

#[derive(Default)]
pub(super) struct Outcome {
    pub(super) plain_leaves: LeafSums,
    pub(super) faults: Vec<Fault>,
    pub(super) children: Vec<Found>,
    pub(super) rows: RowCounts,
    pub(super) leaf_root: bool,
    /// An internal page was damaged: what was found below it is suspect, and something may be missing.
    pub(super) damaged: bool,
    pub(super) blocks: u64,
    pub(super) bytes: u64,
}

/// What all workers of a walk share.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) index: &'a Index,
    pub(super) trees: &'a [Tree],
    pub(super) options: Options<'a>,
    /// Set on a page's first row once the page is reached.
    pub(super) seen: &'a Bits,
}

/// A worker with its own way to the bytes.
pub(super) struct Worker<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) reader: Box<dyn BlockReader + Send + 'a>,
    pub(super) scratch: Scratch,
}

impl Worker<'_> {
    /// Read and decode what a task asks for.
    pub(super) fn perform(&mut self, task: &Task) -> Outcome {
        let trees = self.ground.trees;
        let mut out = Outcome::default();
        match task {
            Task::Internal { tree, pending } => self.internal(&trees[*tree], pending, &mut out),
            Task::Leaves { tree, leaves } => {
                for (at, pending) in leaves.iter().enumerate() {
                    self.leaf(&trees[*tree], pending, at, &mut out);
                }
            }
        }
        out
    }

    /// Fetch a page's blocks and count them.
    fn fetch(&mut self, pending: &Pending, out: &mut Outcome) -> Option<PageHeader> {
        let chain = pending.page.chain?;
        let index = self.ground.index;
        // The cookie speaks of its own block; what is left of a broken chain may end before it.
        let own =
            index.get(chain.newest).is_some_and(|r| r.lsn == pending.page.cookie.lsn || pending.page.cookie.lsn == 0);
        let checks = Checks {
            newest: (own && !pending.page.suspect).then_some(pending.page.cookie.checksum),
            linked: !pending.page.broken,
        };
        let header = page::read(
            &mut *self.reader,
            index,
            &pending.page.cookie,
            checks,
            chain,
            &mut self.scratch,
            &mut out.faults,
        );
        out.blocks += chain.positions().count() as u64;
        out.bytes += chain.stored_bytes(index);
        header
    }

    /// Read an internal page and look where its children are.
    fn internal(&mut self, tree: &Tree, pending: &Pending, out: &mut Outcome) {
        let ground = self.ground;
        let options = ground.options;
        let header = self.fetch(pending, out);
        out.damaged = header.is_none() || pending.page.broken || out.faults.iter().any(|f| !f.recovered);
        let Some(header) = header else { return };
        let loaded = loaded(tree, &pending.page.cookie);
        match header.page_type() {
            Ok(t) if t.is_internal() => {
                let deep = options.depth == Depth::Deep;
                let siblings = Siblings::new(ground, tree, pending);
                let sound = !out.damaged;
                let (found, sums) = (&mut out.children, &mut out.plain_leaves);
                let look = pending.bounds.look(options.depth, pending.page.kind);
                let decoded = page::with_kids(&self.scratch, loaded, look, &mut out.faults, |kids| match kids {
                    Kids::Entries(entries) => {
                        for entry in &entries.list {
                            match entry {
                                Entry::Plain(plain) => siblings.plain(plain, sound, found, sums),
                                Entry::Other(at) => {
                                    if let Some(child) = entries.others.get(*at) {
                                        siblings.child(child, Bounds::default(), sound, found, sums);
                                    }
                                }
                            }
                        }
                        true
                    }
                    Kids::Merged(children) => {
                        let separators = deep.then(|| separators(children, &pending.bounds, compares(tree)));
                        let sound = sound && children.lost().is_none();
                        for (at, child) in children.list.iter().enumerate() {
                            let bounds = separators.as_ref().and_then(|s| s.get(at)).cloned().unwrap_or_default();
                            siblings.child(child, bounds, sound, found, sums);
                        }
                        children.lost().is_none()
                    }
                });
                out.damaged |= decoded != Some(true);
            }
            // A root may be a lone leaf; below a root the address cell was wrong.
            Ok(_) if pending.page.level == 0 => {
                out.leaf_root = true;
                self.count_rows(tree, pending, 0, out);
            }
            Ok(t) => out.faults.push(type_fault(loaded, Wanted::Internal, t)),
            Err(_) => {}
        }
    }

    /// Read a leaf or an overflow page; `at` is its place in the task.
    fn leaf(&mut self, tree: &Tree, pending: &Pending, at: usize, out: &mut Outcome) {
        let page = &pending.page;
        // Only a plain leaf address (type 2) may lead to overflow pages, so only there cells matter.
        let may_overflow = page.kind == CellKind::AddrLeaf || page.kind == CellKind::AddrDeleted;
        let Some(header) = self.fetch(pending, out) else { return };
        let loaded = loaded(tree, &page.cookie);
        match header.page_type() {
            Ok(t) if page.overflow && t != PageType::Overflow => {
                out.faults.push(type_fault(loaded, Wanted::Overflow, t));
            }
            Ok(t) if t.is_internal() => {
                out.faults.push(type_fault(loaded, Wanted::Leaf, t));
            }
            Ok(_) if !page.overflow && (self.ground.options.depth == Depth::Deep || may_overflow) => {
                self.count_rows(tree, pending, at, out);
            }
            _ => page::check_streams(&self.scratch, loaded, &mut out.faults),
        }
    }

    /// Decode a leaf: count its rows, find its overflow items, check its keys.
    fn count_rows(&mut self, tree: &Tree, pending: &Pending, at: usize, out: &mut Outcome) {
        let Ground { index, options, .. } = self.ground;
        let loaded = loaded(tree, &pending.page.cookie);
        let mut faults = Vec::new();
        let look = pending.bounds.look(options.depth, pending.page.kind);
        let range = page::with_summary(&self.scratch, loaded, look, &mut faults, |leaf| {
            out.rows.keys += leaf.rows.keys;
            out.rows.live += leaf.rows.live;
            for (key, cookie) in &leaf.overflows {
                let kind = if *key { CellKind::KeyOverflow } else { CellKind::ValueOverflow };
                out.children.push(Found::new(index, tree.table, cookie, kind, at));
            }
            check_bounds(leaf, &pending.bounds, loaded.place)
        });
        if let Some(range) = range.flatten() {
            // A page in a wrong place does not go with the times of the cell above it either.
            faults.retain(|f| f.kind != FaultKind::Undecodable || !f.recovered);
            faults.push(range);
        }
        // Damage shows at every depth; key order is the business of a deep audit only.
        faults.retain(|f| options.depth == Depth::Deep || !matches!(f.kind, FaultKind::KeyOrder | FaultKind::KeyRange));
        let known = out.faults.iter().any(|f| f.page == loaded.place.page);
        out.faults.extend(faults.into_iter().filter(|f| !known || f.kind.is_unchecked()));
    }
}

pub(super) fn loaded(tree: &Tree, cookie: &Cookie) -> Loaded {
    Loaded {
        place: Version::new(tree.table, cookie.page_id, cookie.lsn),
        era: page::era_of(cookie),
        compression: tree.compression,
    }
}

/// Whether a page below the internal ones is read at all.
pub(super) fn reads_leaf(depth: Depth, page: &Visited) -> bool {
    match depth {
        // Only these may lead to overflow pages.
        Depth::Quick => matches!(page.kind, CellKind::AddrLeaf | CellKind::AddrDeleted) && !page.overflow,
        Depth::Normal => !page.vouched,
        Depth::Deep => true,
    }
}

/// Whether times are compared with those of the page above: nothing is in the metadata.
pub(super) fn compares(tree: &Tree) -> bool {
    tree.uri != SHARED_METADATA
}

/// The next page id a tree would hand out, where its checkpoint says.
pub(crate) fn next_page_id(tree: &Tree) -> Option<u64> {
    tree.entry.as_ref().and_then(|e| e.next_page_id).filter(|n| *n != 0)
}

/// The children of one internal page, and what is the same for all of them.
struct Siblings<'a> {
    ground: Ground<'a>,
    tree: &'a Tree,
    parent: &'a Pending,
    view: Option<View<'a>>,
    /// No address of this page can be of an ordinary leaf.
    too_deep: bool,
    next_page_id: Option<u64>,
}

impl<'a> Siblings<'a> {
    fn new(ground: Ground<'a>, tree: &'a Tree, parent: &'a Pending) -> Self {
        let too_deep = parent.page.level >= MAX_DEPTH;
        Self { ground, tree, parent, view: ground.index.view(tree.table), too_deep, next_page_id: next_page_id(tree) }
    }

    /// Take a child as its cells say it.
    fn child(&self, child: &Child<'_>, bounds: Bounds, sound: bool, out: &mut Vec<Found>, sums: &mut LeafSums) {
        let Ground { index, options, .. } = self.ground;
        if child.overflow_key {
            out.push(Found::new(index, self.tree.table, child.key, CellKind::KeyOverflow, 0));
        }
        // Most children are met here already, on all cores; the rest goes to the thread that orders.
        if options.entered.is_some_and(|entered| is_known(index, self.tree.table, child.cookie, entered)) {
            return;
        }
        let found = Found::new(index, self.tree.table, child.cookie, child.kind, 0);
        if !(sound && self.pass_leaf(&found, sums)) {
            out.push(Found { bounds, ..found });
        }
    }

    /// Take a plain child: what [`Siblings::child`] does, for one that most children are like.
    fn plain(&self, child: &PlainChild, sound: bool, out: &mut Vec<Found>, sums: &mut LeafSums) {
        let Ground { index, options, .. } = self.ground;
        if let Some(view) = self.view {
            let page = view.page(PageId(child.page));
            if let Some(at) = view.find(page.clone(), Lsn(child.lsn)) {
                if options.entered.is_some_and(|entered| entered.get(at)) {
                    return;
                }
                if sound && self.pass_image(child, at, &page, &view, sums) {
                    return;
                }
            }
        }
        out.push(Found::of(index, self.tree.table, Ok(child.cookie()), CellKind::AddrLeafNoOverflow, 0));
    }

    /// Take in a leaf that is one full image and needs no closer look.
    fn pass_image(
        &self,
        child: &PlainChild,
        at: usize,
        page: &Range<usize>,
        view: &View<'_>,
        sums: &mut LeafSums,
    ) -> bool {
        let deep_enough = |row: &Row| match self.ground.options.depth {
            Depth::Quick => true,
            Depth::Normal => seal::vouches_for_image(row, child.checksum),
            Depth::Deep => false,
        };
        let chain = Chain { base: at, newest: at };
        self.is_in_place(PageId(child.page), Lsn(child.lsn))
            && view.row(at).is_some_and(|row| chain::is_sound_image(&row, child.size) && deep_enough(&row))
            && self.take_in(chain, page, child.size, u64::from(child.size), sums)
    }

    /// Take in a leaf that needs no closer look: sound as far as this depth asks, reached for the first
    /// time, nothing odd about its cookie or its page. Everything else is for the visitor.
    fn pass_leaf(&self, found: &Found, sums: &mut LeafSums) -> bool {
        let (Ok(cookie), Some(chain)) = (&found.cookie, found.located.chain) else { return false };
        let deep_enough = match self.ground.options.depth {
            Depth::Quick => true,
            Depth::Normal => found.located.vouched,
            Depth::Deep => false,
        };
        let (start, end) = found.located.rows;
        deep_enough
            && found.kind == CellKind::AddrLeafNoOverflow
            && found.located.faults.is_empty()
            && self.is_in_place(cookie.page_id, cookie.lsn)
            && cookie.check_consistency().is_ok()
            && self.take_in(chain, &(start..end), cookie.size, chain.stored_or(self.ground.index, cookie.size), sums)
    }

    /// Whether a page with this id and LSN is where it may be.
    fn is_in_place(&self, page: PageId, lsn: Lsn) -> bool {
        lsn != 0
            && lsn < self.parent.page.cookie.lsn
            && !self.too_deep
            && page >= FIRST_PAGE_ID
            && self.next_page_id.is_none_or(|next| page < next)
    }

    /// Mark a leaf and add it up; false if it is not met for the first time, or a discard record follows it.
    fn take_in(&self, chain: Chain, page: &Range<usize>, size: u32, stored: u64, sums: &mut LeafSums) -> bool {
        let Ground { options, seen, .. } = self.ground;
        let (Some(marks), Some(view)) = (options.marks, self.view) else { return false };
        let is_discard = |at| view.len_and_flags(at).is_some_and(|(_, flags)| flags & FLAG_DISCARDED != 0);
        if (chain.newest + 1..page.end).any(is_discard) || seen.set(page.start) {
            return false;
        }
        if options.entered.is_some_and(|entered| entered.set(chain.newest)) {
            return true;
        }
        for at in chain.positions() {
            marks.set(at);
        }
        sums.pages += 1;
        sums.cookie_bytes += u64::from(size);
        sums.physical_bytes += stored;
        sums.deltas += chain.deltas() as u64;
        sums.old_sizes |= stored != u64::from(size);
        sums.level = self.parent.page.level + 1;
        sums.deleted = self.parent.page.deleted;
        true
    }
}

/// Whether an earlier walk entered the version a cookie names.
fn is_known(index: &Index, table: TableId, cookie: &[u8], entered: &Bits) -> bool {
    let Ok(cookie) = Cookie::decode(cookie) else { return false };
    index.find(table, cookie.page_id, cookie.lsn).is_some_and(|at| entered.get(at))
}

/// The bounds of each child: its own separator and the next one's; the outermost are the page's own.
/// `compared`: the times of what is below are compared with those of its address cell.
fn separators(children: &Children<'_>, page: &Bounds, compared: bool) -> Vec<Bounds> {
    let keys: Vec<Option<Arc<[u8]>>> =
        children.list.iter().map(|c| (!c.overflow_key).then(|| Arc::from(c.key))).collect();
    let cells = children.list.iter().enumerate();
    cells
        .map(|(at, child)| Bounds {
            // The 0th key means nothing.
            low: if at == 0 { page.low.clone() } else { keys[at].clone() },
            high: keys.get(at + 1).map_or_else(|| page.high.clone(), Clone::clone),
            parent: Some(Box::new(Parent {
                times: compared.then_some(child.times),
                generation: Some(children.generation),
            })),
        })
        .collect()
}

/// The keys of a leaf lie between the separators around it.
fn check_bounds(leaf: &Summary, bounds: &Bounds, place: Version) -> Option<Fault> {
    let above = |low: &[u8]| leaf.first_key.as_deref().is_some_and(|first| first < low);
    if bounds.low.as_deref().is_some_and(above) {
        return Some(Fault::new(FaultKind::KeyRange, place, Fact::BelowSeparator));
    }
    let below = |high: &[u8]| leaf.last_key.as_deref().is_some_and(|last| last >= high);
    if bounds.high.as_deref().is_some_and(below) {
        return Some(Fault::new(FaultKind::KeyRange, place, Fact::NotBelowNext));
    }
    None
}

fn type_fault(loaded: Loaded, wanted: Wanted, found: PageType) -> Fault {
    Fault::new(FaultKind::Header, loaded.place, Fact::PageType { wanted, found })
}
