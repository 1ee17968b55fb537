//! Walking trees from their roots, on all cores, in bounded memory.
//!
//! One thread keeps the order: it hands out tasks (an internal page, or a run of leaf addresses from
//! one parent) to workers that only read and decode, and merges what they found in the order in
//! which it handed it out. So the outcome does not depend on the number of workers, every page is
//! marked before it is read, and a cycle or a second parent cannot make the walk read a page twice.
//!
//! The order is the same at every depth too: all leaves of the internal pages read so far come before the
//! next internal pages. Of two references to a page the first one in this order counts. Workers that take
//! in leaves themselves keep no order; where that would matter the walk says so, and is done again.

use super::catalog::Tree;
use super::chain::Chain;
use super::fault::{Fact, Fault, FaultKind, Note};
use super::page::{self, Checks, Compression, Scratch};
pub(crate) use super::worker::next_page_id;
use super::worker::{Bounds, Ground, Located, Outcome, Parent, Pending, Task, Worker, compares, loaded, reads_leaf};
use crate::format::FormatError;
use crate::format::cookie::{Cookie, Layout};
pub use crate::format::pagelog_ids::FIRST_PAGE_ID;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::cell::CellKind;
use crate::page::windows::above_root;
use crate::page::{Depth, RowCounts};
use crate::store::{Index, PageLog, StoreError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};

/// Deepest level that is still followed.
pub const MAX_DEPTH: usize = 64;
/// Leaf addresses a task carries.
const LEAVES_PER_TASK: usize = 64;
/// Tasks in flight.
const TASKS_PER_ROUND: usize = 64;

/// A page reached by the walk, the first time it is reached.
#[derive(Debug, Clone, Copy)]
pub struct Visited {
    /// The cookie that names it.
    pub cookie: Cookie,
    /// Its blocks in the index; `None` if they are missing.
    pub chain: Option<Chain>,
    /// Positions of the page's rows, from the first to behind the last.
    pub rows: (usize, usize),
    /// What its address cell says; internal for a root.
    pub kind: CellKind,
    pub overflow: bool,
    /// Levels above it; 0 for the root.
    pub level: usize,
    /// It, or a page above it, is fast-truncated: stored, but freed with its parent's next write.
    pub deleted: bool,
    /// Its cookie was read from a damaged page: it counts if the page log confirms it, and is no
    /// proof of anything otherwise.
    pub suspect: bool,
    /// The seals of its blocks prove it sound: it need not be read for its checksums' sake.
    pub vouched: bool,
    /// Its chain does not link; what its blocks say is kept, but something may be missing.
    pub broken: bool,
}

/// Receives what a walk finds, in tree order.
pub trait Visitor {
    /// A page is reached.
    fn page(&mut self, tree: usize, page: &Visited);
    /// A page turned out to be a leaf although a root or an internal page was expected.
    fn leaf_root(&mut self, _tree: usize) {}
    /// Leaves were passed that needed no closer look.
    fn leaves(&mut self, _tree: usize, _sums: &LeafSums) {}
    /// Rows of a leaf were counted.
    fn rows(&mut self, _tree: usize, _counts: RowCounts) {}
    /// Children of an internal page could not be (fully) found: pages below it may be missed.
    fn subtree_lost(&mut self, _tree: usize) {}
    /// Something is wrong.
    fn fault(&mut self, tree: usize, fault: Fault);
    /// Blocks were read: their number and bytes, for progress.
    fn progress(&mut self, _blocks: u64, _bytes: u64) {}
}

/// A bit for each row of an index, shared between threads.
#[derive(Debug)]
pub struct Bits(Vec<AtomicU64>);

impl Clone for Bits {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|word| AtomicU64::new(word.load(Ordering::Relaxed))).collect())
    }
}

impl Bits {
    /// So many bits, all clear.
    pub fn new(len: usize) -> Self {
        Self((0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether a bit is set.
    pub fn get(&self, at: usize) -> bool {
        self.0[at / 64].load(Ordering::Relaxed) & 1 << (at % 64) != 0
    }

    /// The positions of all bits that are set.
    pub fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = bits.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit as usize)
            })
        })
    }

    /// Set a bit; answers whether it was set before.
    pub fn set(&self, at: usize) -> bool {
        self.0[at / 64].fetch_or(1 << (at % 64), Ordering::Relaxed) & 1 << (at % 64) != 0
    }
}

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// How much to read.
    pub depth: Depth,
    /// Worker threads, at least 1.
    pub jobs: usize,
    /// Page versions, by their newest block, that an earlier walk entered: they and all below them
    /// are passed over.
    pub entered: Option<&'o Bits>,
    /// Leaves that need no closer look are not handed to the visitor one by one: the workers set the
    /// bits of their rows here, and the visitor gets their sums.
    pub marks: Option<&'o Bits>,
}

/// Sums over the leaves below one internal page that needed no closer look.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeafSums {
    pub pages: u64,
    /// Sum of cookie sizes.
    pub cookie_bytes: u64,
    /// Sum of stored lengths.
    pub physical_bytes: u64,
    pub deltas: u64,
    /// Some cookie does not carry the length of its whole chain.
    pub old_sizes: bool,
    /// Levels above them.
    pub level: usize,
    /// They lie below a fast-truncated address.
    pub deleted: bool,
}

/// An internal page that was reached, for tracing the way up.
///
/// There is one for each internal page of a walk, so it holds of the cookie only what reading needs.
struct Node {
    page: PageId,
    lsn: Lsn,
    base_lsn: Lsn,
    size: u32,
    checksum: u32,
    layout: Layout,
    tree: usize,
    parent: Option<usize>,
    chain: Option<Chain>,
}

impl Node {
    fn new(tree: usize, parent: Option<usize>, cookie: &Cookie, chain: Option<Chain>) -> Self {
        let Cookie { page_id: page, lsn, base_lsn, size, checksum, layout, .. } = *cookie;
        Self { page, lsn, base_lsn, size, checksum, layout, tree, parent, chain }
    }

    fn cookie(&self) -> Cookie {
        Cookie { layout: self.layout, ..Cookie::new(self.page, self.lsn, self.base_lsn, self.size, self.checksum) }
    }
}

/// What became of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcomes {
    /// The visitor got what there is.
    Settled,
    /// A page has two references, and workers have taken in leaves: which of the two counts was left to
    /// chance. What the visitor got is void; the walk is to be done again without [`Options::marks`].
    Unsettled,
}

/// Walk all `trees` of one checkpoint. Trees must have distinct tables.
pub fn walk(
    store: &dyn PageLog,
    index: &Index,
    trees: &[Tree],
    options: Options<'_>,
    visitor: &mut dyn Visitor,
) -> Result<Outcomes, StoreError> {
    let seen = &Bits::new(index.len());
    let ground = Ground { index, trees, options, seen };
    let mut walker = Walker {
        index,
        trees,
        seen,
        absent: std::collections::HashSet::new(),
        nodes: Vec::new(),
        stack: Vec::new(),
        leaves: VecDeque::new(),
        twice: Vec::new(),
        unsettled: false,
        options,
        visitor,
    };
    for (tree, spec) in trees.iter().enumerate().rev() {
        if let Some(root) = spec.root {
            walker.root(tree, root);
        }
    }
    let jobs = options.jobs.max(1);
    // Readers are opened here so that a store that cannot be opened is an error, not a lost worker.
    let mut workers = Vec::with_capacity(jobs);
    for _ in 0..jobs {
        workers.push(Worker { ground, reader: store.reader()?, scratch: Scratch::default() });
    }
    let (work_tx, work_rx) = mpsc::channel::<(usize, Task)>();
    let (done_tx, done_rx) = mpsc::channel::<(usize, Task, Outcome)>();
    let work_rx = Mutex::new(work_rx);
    std::thread::scope(|scope| {
        let work_rx = &work_rx;
        let Some(mut own_worker) = workers.pop() else { return };
        for mut worker in workers {
            let done_tx = done_tx.clone();
            scope.spawn(move || {
                loop {
                    let next = work_rx.lock().map_or(None, |rx| rx.recv().ok());
                    let Some((at, task)) = next else { break };
                    let outcome = worker.perform(&task);
                    if done_tx.send((at, task, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done_tx);
        let workers = jobs - 1;
        while let Some(mut round) = walker.round() {
            let mut done: Vec<Option<(Task, Outcome)>> = round.iter().map(|_| None).collect();
            // This thread works too: it keeps its share and collects the others' afterwards.
            let own = round.len().div_ceil(workers + 1);
            let mut sent = 0;
            for (at, task) in round.drain(own..).enumerate() {
                if work_tx.send((own + at, task)).is_ok() {
                    sent += 1;
                }
            }
            for (at, task) in round.into_iter().enumerate() {
                let outcome = own_worker.perform(&task);
                done[at] = Some((task, outcome));
            }
            for _ in 0..sent {
                let Ok((at, task, outcome)) = done_rx.recv() else { break };
                done[at] = Some((task, outcome));
            }
            let mut next = Vec::new();
            for (task, outcome) in done.into_iter().flatten() {
                walker.merge(task, outcome, options.depth, &mut next);
            }
            next.reverse();
            walker.stack.extend(next);
        }
        drop(work_tx);
        if !walker.unsettled {
            walker.name_parents(&mut own_worker);
        }
    });
    Ok(if walker.unsettled { Outcomes::Unsettled } else { Outcomes::Settled })
}

struct Walker<'a> {
    index: &'a Index,
    trees: &'a [Tree],
    /// One bit per index row; set on a page's first row once the page is reached.
    seen: &'a Bits,
    /// Pages reached that have no row at all.
    absent: std::collections::HashSet<(usize, PageId)>,
    nodes: Vec<Node>,
    /// Internal pages to read.
    stack: Vec<Task>,
    /// Leaves to read before any further internal page.
    leaves: VecDeque<Task>,
    /// Pages with a second parent: tree, page, LSN of the second reference.
    twice: Vec<(usize, PageId, Lsn)>,
    /// See [`Outcomes::Unsettled`].
    unsettled: bool,
    options: Options<'a>,
    visitor: &'a mut dyn Visitor,
}

impl Walker<'_> {
    /// The tasks to hand out next, if there are any.
    fn round(&mut self) -> Option<Vec<Task>> {
        if self.unsettled {
            return None;
        }
        let leaves = self.leaves.len().min(TASKS_PER_ROUND);
        let round: Vec<Task> = if leaves > 0 {
            self.leaves.drain(..leaves).collect()
        } else {
            let keep = self.stack.len().saturating_sub(TASKS_PER_ROUND);
            self.stack.drain(keep..).rev().collect()
        };
        (!round.is_empty()).then_some(round)
    }

    fn root(&mut self, tree: usize, cookie: Cookie) {
        let located = Located::new(self.index, self.trees[tree].table, &cookie);
        let page = Visited {
            cookie,
            chain: located.chain,
            rows: located.rows,
            kind: CellKind::AddrInternal,
            overflow: false,
            level: 0,
            deleted: false,
            suspect: false,
            vouched: false,
            broken: false,
        };
        let mut bounds = Bounds::default();
        if self.options.depth == Depth::Deep {
            let entry = self.trees[tree].entry.as_ref().filter(|_| compares(&self.trees[tree]));
            bounds.parent = Some(Box::new(Parent { times: entry.map(above_root), generation: None }));
        }
        if let Some(task) = self.reach(tree, page, located.faults, bounds, None, None) {
            self.stack.push(task);
        }
    }

    /// Mark a page as reached; returns the task that reads it if it is internal, or `None` after
    /// adding it to `leaves`.
    fn reach(
        &mut self,
        tree: usize,
        mut page: Visited,
        faults: Vec<Fault>,
        bounds: Bounds,
        parent: Option<usize>,
        leaves: Option<&mut Vec<Pending>>,
    ) -> Option<Task> {
        let table = self.trees[tree].table;
        let cookie = page.cookie;
        let place = Version::new(table, cookie.page_id, cookie.lsn);
        if page.suspect && (page.chain.is_none() || !faults.is_empty()) {
            return None;
        }
        if let (Some(chain), Some(entered)) = (page.chain, self.options.entered)
            && entered.set(chain.newest)
        {
            return None;
        }
        page.broken = faults.iter().any(|f| matches!(f.kind, FaultKind::ChainBroken | FaultKind::DiscardedInUse));
        if self.is_second_reference(tree, &page, parent) {
            return None;
        }
        if let Some(parent) = parent {
            let above = self.nodes[parent].cookie();
            if cookie.lsn >= above.lsn && cookie.lsn != 0 {
                let fact = Fact::NotBelowParent { parent: above.page_id, lsn: above.lsn };
                self.visitor.fault(tree, Fault::new(FaultKind::ChildNewer, place, fact));
            }
        }
        if page.level > MAX_DEPTH {
            self.visitor.fault(tree, Fault::new(FaultKind::Undecodable, place, Fact::Levels { most: MAX_DEPTH }));
            return None;
        }
        self.check_page_id(tree, &cookie, place);
        if let Err(e) = cookie.check_consistency() {
            self.visitor.fault(tree, page::from_format(FaultKind::CookieInvalid, place, e));
        }
        for fault in faults {
            self.visitor.fault(tree, fault);
        }
        self.visitor.page(tree, &page);
        if page.chain.is_none() && page.kind == CellKind::AddrInternal {
            self.visitor.subtree_lost(tree);
        }
        page.chain?;
        if page.kind == CellKind::AddrInternal && !page.overflow {
            let node = self.nodes.len();
            self.nodes.push(Node::new(tree, parent, &cookie, page.chain));
            return Some(Task::Internal { tree, pending: Pending { page, bounds, node } });
        }
        if let Some(leaves) = leaves
            && reads_leaf(self.options.depth, &page)
        {
            leaves.push(Pending { page, bounds, node: parent.unwrap_or(0) });
        }
        None
    }

    /// Whether the page was reached before; reports the cycle or the second parent.
    fn is_second_reference(&mut self, tree: usize, page: &Visited, parent: Option<usize>) -> bool {
        let cookie = page.cookie;
        let (start, end) = page.rows;
        let fresh = if start == end { self.absent.insert((tree, cookie.page_id)) } else { !self.seen.set(start) };
        if fresh {
            return false;
        }
        self.unsettled |= self.options.marks.is_some();
        let Some(parent) = parent else { return true };
        let mut up = Some(parent);
        while let Some(node) = up {
            if self.nodes[node].page == cookie.page_id {
                let holder = self.nodes[parent].cookie();
                let place = Version::new(self.trees[tree].table, holder.page_id, holder.lsn);
                self.visitor.fault(tree, Fault::new(FaultKind::Cycle, place, Fact::Upward { cookie }));
                return true;
            }
            up = self.nodes[node].parent;
        }
        self.twice.push((tree, cookie.page_id, cookie.lsn));
        true
    }

    /// Ids of btree pages start at 100 and stay below next_page_id (I6).
    fn check_page_id(&mut self, tree: usize, cookie: &Cookie, place: Version) {
        let next = next_page_id(&self.trees[tree]);
        if cookie.page_id < FIRST_PAGE_ID || next.is_some_and(|n| cookie.page_id >= n) {
            self.visitor
                .fault(tree, Fault::new(FaultKind::PageIdRange, place, Fact::PageId { next: next.map(PageId) }));
        }
    }

    /// Take in what a worker found.
    fn merge(&mut self, task: Task, outcome: Outcome, depth: Depth, next: &mut Vec<Task>) {
        let (tree, parents) = match task {
            Task::Internal { tree, pending } => (tree, vec![pending]),
            Task::Leaves { tree, leaves } => (tree, leaves),
        };
        self.visitor.progress(outcome.blocks, outcome.bytes);
        if outcome.plain_leaves.pages > 0 {
            self.visitor.leaves(tree, &outcome.plain_leaves);
        }
        for fault in outcome.faults {
            self.visitor.fault(tree, fault);
        }
        if outcome.leaf_root {
            self.visitor.leaf_root(tree);
        }
        if outcome.damaged {
            self.visitor.subtree_lost(tree);
        }
        if depth == Depth::Deep && outcome.rows != RowCounts::default() {
            self.visitor.rows(tree, outcome.rows);
        }
        let mut leaves = Vec::new();
        for found in outcome.children {
            let Some(parent) = parents.get(found.leaf) else { continue };
            let place = Version::new(self.trees[tree].table, parent.page.cookie.page_id, parent.page.cookie.lsn);
            match found.cookie {
                Err(_) if outcome.damaged => {}
                Err(e) => {
                    self.visitor.subtree_lost(tree);
                    let unsupported = e.class == crate::format::Class::Unsupported;
                    let kind = if unsupported { FaultKind::CookieUnsupported } else { FaultKind::CookieInvalid };
                    self.visitor.fault(tree, page::from_format(kind, place, e).with(Note::InAddressCell));
                }
                Ok(cookie) if cookie.is_none() && outcome.damaged => {}
                Ok(cookie) if cookie.is_none() => {
                    self.visitor.subtree_lost(tree);
                    let nothing = FormatError::invalid("the address names no page");
                    let fault = page::from_format(FaultKind::CookieInvalid, place, nothing);
                    self.visitor.fault(tree, fault.with(Note::InAddressCell));
                }
                Ok(cookie) => {
                    let page = Visited {
                        cookie,
                        chain: found.located.chain,
                        rows: found.located.rows,
                        kind: found.kind,
                        overflow: found.overflow,
                        level: parent.page.level + 1,
                        deleted: parent.page.deleted || found.kind == CellKind::AddrDeleted,
                        suspect: outcome.damaged,
                        vouched: found.located.vouched && !outcome.damaged,
                        broken: false,
                    };
                    next.extend(self.reach(
                        tree,
                        page,
                        found.located.faults,
                        found.bounds,
                        Some(parent.node),
                        Some(&mut leaves),
                    ));
                    if leaves.len() >= LEAVES_PER_TASK {
                        self.leaves.push_back(Task::Leaves { tree, leaves: std::mem::take(&mut leaves) });
                    }
                }
            }
        }
        if !leaves.is_empty() {
            self.leaves.push_back(Task::Leaves { tree, leaves });
        }
    }

    /// Report pages with two parents, naming all parents. Rare, so the parents are looked up again
    /// instead of being remembered for every page.
    fn name_parents(&mut self, worker: &mut Worker<'_>) {
        if self.twice.is_empty() {
            return;
        }
        self.twice.sort_unstable();
        self.twice.dedup_by_key(|t| (t.0, t.1));
        let mut parents: Vec<Vec<PageId>> = self.twice.iter().map(|_| Vec::new()).collect();
        for node in &self.nodes {
            let (tree, cookie) = (node.tree, node.cookie());
            let spec = &self.trees[tree];
            if !self.twice.iter().any(|t| t.0 == tree) {
                continue;
            }
            let Some(chain) = node.chain else { continue };
            let mut ignored = Vec::new();
            let checks = Checks::all(&cookie);
            if page::read(&mut *worker.reader, self.index, &cookie, checks, chain, &mut worker.scratch, &mut ignored)
                .is_none()
            {
                continue;
            }
            let loaded = loaded(spec, &cookie);
            page::with_children(&worker.scratch, loaded, &mut ignored, |children| {
                for child in children.list.iter().filter_map(|c| Cookie::decode(c.cookie).ok()) {
                    if let Ok(at) = self.twice.binary_search_by_key(&(tree, child.page_id), |t| (t.0, t.1)) {
                        parents[at].push(node.page);
                        // Of several references the newest is told.
                        let lsn = &mut self.twice[at].2;
                        *lsn = child.lsn.max(*lsn);
                    }
                }
            });
        }
        for ((tree, page, lsn), mut parents) in std::mem::take(&mut self.twice).into_iter().zip(parents) {
            parents.sort_unstable();
            let place = Version::new(self.trees[tree].table, page, lsn);
            self.visitor.fault(tree, Fault::new(FaultKind::ReferencedTwice, place, Fact::References { parents }));
        }
    }
}

impl Tree {
    /// A tree for a walk that stands alone: a table and a root, nothing else known.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn bare(uri: &str, table: TableId, root: Cookie) -> Self {
        Self { uri: uri.to_string(), table, entry: None, root: Some(root), compression: Compression::Unknown }
    }
}
