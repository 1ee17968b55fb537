//! The sums of a tree at many checkpoints, each subtree read once.
//!
//! Checkpoints share most of their pages. A page version never changes, so what lies below an internal page is
//! the same at every checkpoint that reaches this version of it: it is added up when it is met first, and kept.
//! Only internal pages, and leaves that may lead to overflow pages, are kept; other leaves are one look into the
//! index. Where anything is odd there is no sum, and the caller walks the tree as an audit does.

use crate::audit::pagelog::reach::TreeSums;
use crate::format::cookie::Cookie;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::cell::CellKind;
use crate::page::delta::Child;
use crate::page::plain_child::Entry;
use crate::pagelog::catalog::Tree;
use crate::pagelog::chain::{self, Chain};
use crate::pagelog::page::{self, Checks, Kids, Loaded, Look, Scratch};
use crate::pagelog::walk::MAX_DEPTH;
use crate::store::{BlockReader, Index};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

/// Ids of tree pages begin at 100.
const FIRST_IDS: usize = 128;

/// A page version that others hang below.
struct Node {
    /// What lies below it.
    below: TreeSums,
    /// Its nodes, in [`Memo::kids`].
    kids: Range<usize>,
    /// The last walk that met it.
    met: u32,
    /// All below it was looked at.
    done: bool,
    /// It turned out to be a leaf.
    leaf: bool,
    /// Something is wrong with it, or below it.
    odd: bool,
}

/// A child that may have others below it.
struct Kid {
    cookie: Cookie,
    kind: CellKind,
}

/// The version of a leaf that was met last: a full image that was found sound in the index.
#[derive(Clone, Copy, Default)]
struct Image {
    lsn: Lsn,
    size: u32,
    /// Position of the page's first row.
    start: u32,
}

/// What was added up so far of all trees. Each tree has pages of its own, so they are added up side by side.
pub struct Memos<'i> {
    index: &'i Index,
    tables: HashMap<TableId, Memo<'i>>,
    /// One a thread.
    readers: Vec<Box<dyn BlockReader + Send + 'i>>,
}

impl<'i> Memos<'i> {
    /// With as many threads as there are readers.
    pub fn new(index: &'i Index, readers: Vec<Box<dyn BlockReader + Send + 'i>>) -> Self {
        Self { index, tables: HashMap::new(), readers }
    }

    /// What each tree of a checkpoint adds up to; `None` where something about it is odd. Their tables are distinct.
    pub fn sums(&mut self, trees: &[Tree]) -> Vec<Option<TreeSums>> {
        let mut work = Vec::with_capacity(trees.len());
        for (at, tree) in trees.iter().enumerate() {
            let memo = self.tables.remove(&tree.table).unwrap_or_else(|| Memo::new(self.index, tree.table));
            work.push((at, tree, memo));
        }
        // The greatest is taken first.
        work.sort_by_key(|(_, _, memo)| memo.holder.len());
        let threads = self.readers.len().min(work.len());
        let (queue, done) = (Mutex::new(work), Mutex::new(Vec::with_capacity(trees.len())));
        let one = |reader: &mut (dyn BlockReader + Send)| {
            while let Some((at, tree, mut memo)) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                let sums = memo.sums(reader, tree);
                if let Ok(mut done) = done.lock() {
                    done.push((at, tree.table, sums, memo));
                }
            }
        };
        match self.readers.split_first_mut() {
            Some((own, others)) => std::thread::scope(|scope| {
                for reader in others.iter_mut().take(threads.saturating_sub(1)) {
                    scope.spawn(|| one(&mut **reader));
                }
                one(&mut **own);
            }),
            None => return vec![None; trees.len()],
        }
        let mut out = vec![None; trees.len()];
        for (at, table, sums, memo) in done.into_inner().unwrap_or_default() {
            if let Some(slot) = out.get_mut(at) {
                *slot = sums;
            }
            self.tables.insert(table, memo);
        }
        out
    }

    /// Pages that were read.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn read(&self) -> u64 {
        self.tables.values().map(|memo| memo.read).sum()
    }
}

/// What was added up of the trees of one table.
struct Memo<'i> {
    index: &'i Index,
    /// Position of the table's first row.
    base: usize,
    nodes: Vec<Node>,
    kids: Vec<u32>,
    /// By position of the newest block.
    known: HashMap<usize, u32>,
    /// By place of a page's first row in the table: the node that listed a version of it last, counted from 1.
    holder: Vec<u32>,
    /// Leaves by page id: most of them are what they were at the checkpoint before.
    images: Vec<Image>,
    /// Pages that moved from one node to another in this walk: both of them.
    moved: Vec<(u32, u32)>,
    /// Counts walks, this one too.
    walks: u32,
    /// A page was met twice: every checkpoint is walked anew.
    crossed: bool,
    /// The walk that goes on met a page twice.
    twice: bool,
    scratch: Scratch,
    /// Pages that were read.
    read: u64,
}

impl<'i> Memo<'i> {
    fn new(index: &'i Index, table: TableId) -> Self {
        let rows = index.table(table);
        Self {
            index,
            base: rows.start,
            nodes: Vec::new(),
            kids: Vec::new(),
            known: HashMap::new(),
            holder: vec![0; rows.len()],
            // Page ids are dense; those that are not have no place here.
            images: vec![Image::default(); rows.len().saturating_add(FIRST_IDS)],
            moved: Vec::new(),
            walks: 0,
            crossed: false,
            twice: false,
            scratch: Scratch::default(),
            read: 0,
        }
    }

    /// What a tree adds up to; `None` if something about it is odd.
    fn sums(&mut self, reader: &mut dyn BlockReader, tree: &Tree) -> Option<TreeSums> {
        let Some(root) = tree.root else { return Some(TreeSums::none()) };
        if self.crossed {
            return None;
        }
        self.twice = false;
        self.moved.clear();
        let first = self.nodes.len();
        let (rows, chain) = self.locate(tree.table, &root)?;
        let node = self.node(reader, tree, &root, CellKind::AddrInternal, chain, 0);
        let walked = node.is_some_and(|node| self.meet(node, first, rows.start));
        if !walked || self.twice {
            // What was met twice now may be met as old at the next checkpoint.
            self.crossed = self.twice;
            return None;
        }
        let node = self.nodes.get(node? as usize).filter(|n| !n.odd)?;
        let mut out = node.below;
        self.own(&mut out, &root, chain);
        *if node.leaf { &mut out.pages.leaf } else { &mut out.pages.internal } += 1;
        out.pages.depth += 1;
        Some(out)
    }

    /// The rows of a page, and those of the version that a cookie names; `None` if anything is wrong with them.
    fn locate(&self, table: TableId, cookie: &Cookie) -> Option<(Range<usize>, Chain)> {
        let rows = self.index.page(table, cookie.page_id);
        let mut faults = Vec::new();
        let chain = chain::resolve_in(self.index, rows.clone(), table, cookie, &mut faults)?;
        (faults.is_empty() && !rows.is_empty()).then_some((rows, chain))
    }

    /// Add a page itself.
    fn own(&self, sums: &mut TreeSums, cookie: &Cookie, chain: Chain) {
        let stored = chain.stored_or(self.index, cookie.size);
        add_page(sums, u64::from(cookie.size), stored, chain.deltas() as u64);
    }

    /// A page is listed by a node. Within one checkpoint only one may list it.
    fn claim(&mut self, start: usize, node: u32) {
        let Some(holder) = start.checked_sub(self.base).and_then(|at| self.holder.get_mut(at)) else { return };
        let own = node.saturating_add(1);
        let before = std::mem::replace(holder, own);
        self.twice |= before == own;
        if let Some(before) = before.checked_sub(1)
            && self.moved.last() != Some(&(before, node))
        {
            self.moved.push((before, node));
        }
    }

    /// The node of a page version, which is read if it is met for the first time; `None`: it leads to itself.
    fn node(
        &mut self,
        reader: &mut dyn BlockReader,
        tree: &Tree,
        cookie: &Cookie,
        kind: CellKind,
        chain: Chain,
        level: usize,
    ) -> Option<u32> {
        let wants_leaf = kind != CellKind::AddrInternal;
        if let Some(at) = self.known.get(&chain.newest) {
            let node = self.nodes.get_mut(*at as usize)?;
            if !node.done || (node.leaf != wants_leaf && level > 0) {
                self.twice = true;
                return None;
            }
            return Some(*at);
        }
        let at = u32::try_from(self.nodes.len()).ok().filter(|at| *at < u32::MAX - 1)?;
        self.known.insert(chain.newest, at);
        let kids = 0..0;
        self.nodes.push(Node { below: TreeSums::none(), kids, met: 0, done: false, leaf: wants_leaf, odd: false });
        let mut below = TreeSums::none();
        let mut list = Vec::new();
        let read = self.children(reader, tree, cookie, (at, kind, level), chain, &mut below, &mut list);
        let mut odd = read.is_none() || level >= MAX_DEPTH;
        let leaf = read.unwrap_or(wants_leaf);
        let mut kids = Vec::new();
        for kid in &list {
            if odd {
                break;
            }
            let overflow = !kid.kind.is_addr();
            let Some((rows, chain)) = self.locate(tree.table, &kid.cookie) else {
                odd = true;
                break;
            };
            self.claim(rows.start, at);
            let mut sums = TreeSums::none();
            if !overflow && kid.kind != CellKind::AddrLeafNoOverflow {
                let Some(node) = self.node(reader, tree, &kid.cookie, kid.kind, chain, level + 1) else {
                    odd = true;
                    break;
                };
                let Some(found) = self.nodes.get(node as usize) else { break };
                odd |= found.odd;
                sums = found.below;
                kids.push(node);
            }
            self.own(&mut sums, &kid.cookie, chain);
            match kid.kind {
                _ if overflow => sums.pages.overflow += 1,
                CellKind::AddrInternal => sums.pages.internal += 1,
                _ => sums.pages.leaf += 1,
            }
            if kid.kind == CellKind::AddrDeleted {
                sums.pages.deleted_children += 1;
                sums.deleted_bytes = sums.cookie_bytes;
            }
            sums.pages.depth += u64::from(!overflow);
            add(&mut below, &sums);
        }
        let start = self.kids.len();
        self.kids.append(&mut kids);
        let kids = start..self.kids.len();
        let node = self.nodes.get_mut(at as usize)?;
        *node = Node { below, kids, met: 0, done: true, leaf, odd };
        Some(at)
    }

    /// Read a page: plain leaves are added up, other children listed. Whether it is a leaf; `None` if it is odd.
    #[allow(clippy::too_many_arguments)]
    fn children(
        &mut self,
        reader: &mut dyn BlockReader,
        tree: &Tree,
        cookie: &Cookie,
        (node, kind, level): (u32, CellKind, usize),
        chain: Chain,
        below: &mut TreeSums,
        list: &mut Vec<Kid>,
    ) -> Option<bool> {
        self.read += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut faults = Vec::new();
        let header = page::read(reader, self.index, cookie, Checks::all(cookie), chain, &mut scratch, &mut faults);
        let place = Version::new(tree.table, cookie.page_id, cookie.lsn);
        let loaded = Loaded { place, era: page::era_of(cookie), compression: tree.compression };
        let internal = header.and_then(|h| h.page_type().ok()).map(|t| t.is_internal());
        let found = match (internal, kind) {
            (Some(true), CellKind::AddrInternal) => {
                page::with_kids(&scratch, loaded, Look::Structure, &mut faults, |kids| {
                    self.kids_of(&kids, tree.table, node, below, list)
                })
                .and_then(|sound| sound.then_some(false))
            }
            (Some(false), CellKind::AddrInternal) if level > 0 => None,
            (Some(false), _) => page::with_summary(&scratch, loaded, Look::Structure, &mut faults, |leaf| {
                let overflows = leaf.overflows.iter();
                let kid = |(key, cookie): &(bool, Vec<u8>)| {
                    let kind = if *key { CellKind::KeyOverflow } else { CellKind::ValueOverflow };
                    Some(Kid { cookie: Cookie::decode(cookie).ok().filter(|c| !c.is_none())?, kind })
                };
                overflows.map(kid).collect::<Option<Vec<Kid>>>()
            })
            .flatten()
            .map(|kids| {
                list.extend(kids);
                true
            }),
            _ => None,
        };
        self.scratch = scratch;
        found.filter(|_| faults.is_empty())
    }

    /// Children of an internal page; false if one of them cannot be followed.
    fn kids_of(
        &mut self,
        kids: &Kids<'_, '_>,
        table: TableId,
        node: u32,
        below: &mut TreeSums,
        list: &mut Vec<Kid>,
    ) -> bool {
        let mut images = std::mem::take(&mut self.images);
        let mut odd = Vec::new();
        let mut other = |memo: &mut Self, images: &mut [Image], child: &Child<'_>, below: &mut TreeSums| {
            if child.overflow_key {
                let Some(cookie) = Cookie::decode(child.key).ok().filter(|c| !c.is_none()) else { return false };
                list.push(Kid { cookie, kind: CellKind::KeyOverflow });
            }
            let Some(cookie) = Cookie::decode(child.cookie).ok().filter(|c| !c.is_none()) else { return false };
            let image = cookie.is_delta() == Some(false) && cookie.base_lsn == 0 && cookie.lsn != 0;
            let plain = image && child.kind == CellKind::AddrLeafNoOverflow;
            if !(plain && memo.image(table, cookie.page_id, cookie.lsn, cookie.size, node, images, below)) {
                list.push(Kid { cookie, kind: child.kind });
            }
            true
        };
        let sound = match kids {
            Kids::Merged(children) => {
                children.list.iter().all(|child| other(self, &mut images, child, below)) && children.lost().is_none()
            }
            Kids::Entries(entries) => entries.list.iter().all(|entry| match entry {
                Entry::Other(at) => entries.others.get(*at).is_some_and(|child| other(self, &mut images, child, below)),
                Entry::Plain(c) => {
                    if !self.image(table, c.page.into(), c.lsn.into(), c.size, node, &mut images, below) {
                        odd.push(Kid { cookie: c.cookie(), kind: CellKind::AddrLeafNoOverflow });
                    }
                    true
                }
            }),
        };
        self.images = images;
        list.append(&mut odd);
        sound
    }

    /// Add a leaf that is one full image; false if the index does not have it so.
    #[allow(clippy::too_many_arguments)]
    fn image(
        &mut self,
        table: TableId,
        page: PageId,
        lsn: Lsn,
        size: u32,
        node: u32,
        images: &mut [Image],
        below: &mut TreeSums,
    ) -> bool {
        let known = usize::try_from(page.get()).ok().and_then(|page| images.get_mut(page));
        let start = match &known {
            Some(image) if image.lsn == lsn && image.size == size && lsn != 0 => image.start as usize,
            _ => {
                let Some(view) = self.index.view(table) else { return false };
                let rows = view.page(page);
                let row = view.find(rows.clone(), lsn).and_then(|at| view.row(at));
                if !row.is_some_and(|row| row.len == size && chain::is_sound_image(&row, size)) {
                    return false;
                }
                rows.start
            }
        };
        if let (Some(image), Ok(start)) = (known, u32::try_from(start)) {
            *image = Image { lsn, size, start };
        }
        self.claim(start, node);
        add_page(below, size.into(), size.into(), 0);
        below.pages.leaf += 1;
        below.pages.depth = below.pages.depth.max(1);
        true
    }

    /// Go over the nodes of a checkpoint; false if one is met twice, or is back from an older checkpoint.
    /// `first`: nodes from there on are new; `page`: position of the first row of the root's page.
    fn meet(&mut self, root: u32, first: usize, page: usize) -> bool {
        let before = self.walks;
        let is = |node: Option<&Node>| node.is_some_and(|n| before != 0 && n.met == before);
        if (root as usize) < first && is(self.nodes.get(root as usize)) {
            // The checkpoint before had the same root.
            return true;
        }
        self.walks = self.walks.saturating_add(1);
        let now = self.walks;
        let mut stack = vec![root];
        let mut sound = true;
        while let Some(at) = stack.pop() {
            let Some(node) = self.nodes.get_mut(at as usize) else { continue };
            if node.met == now {
                sound = false;
                continue;
            }
            sound &= at as usize >= first || node.met == before;
            node.met = now;
            stack.extend(self.kids.get(node.kids.clone()).unwrap_or_default());
        }
        let met = |at: u32| self.nodes.get(at as usize).is_some_and(|n| n.met == now);
        sound &= !self.moved.iter().any(|(from, to)| from != to && met(*from) && met(*to));
        // Nothing in a tree leads to the page of its root.
        sound &= !page.checked_sub(self.base).and_then(|at| self.holder.get(at)?.checked_sub(1)).is_some_and(met);
        self.twice |= !sound;
        sound
    }
}

fn add_page(sums: &mut TreeSums, size: u64, stored: u64, deltas: u64) {
    sums.cookie_bytes = sums.cookie_bytes.saturating_add(size);
    sums.physical_bytes = sums.physical_bytes.saturating_add(stored);
    sums.old_sizes |= stored != size;
    sums.pages.reachable += 1;
    sums.pages.deltas += deltas;
}

fn add(sums: &mut TreeSums, more: &TreeSums) {
    sums.cookie_bytes = sums.cookie_bytes.saturating_add(more.cookie_bytes);
    sums.deleted_bytes = sums.deleted_bytes.saturating_add(more.deleted_bytes);
    sums.physical_bytes = sums.physical_bytes.saturating_add(more.physical_bytes);
    sums.old_sizes |= more.old_sizes;
    let (pages, more) = (&mut sums.pages, &more.pages);
    pages.reachable += more.reachable;
    pages.internal += more.internal;
    pages.leaf += more.leaf;
    pages.overflow += more.overflow;
    pages.deleted_children += more.deleted_children;
    pages.deltas += more.deltas;
    pages.depth = pages.depth.max(more.depth);
}
