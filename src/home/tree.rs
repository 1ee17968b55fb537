//! Walk one tree of a local file: verify every block, collect what it occupies, and apply the rules
//! that need more than one page.
//!
//! Internal pages are read in tree order by one thread, while the leaves found so far are judged on
//! the others; their results are taken in tree order again. A block that an earlier walk of the same file
//! has verified is not added up a second time.

use super::block::Headers;
use super::fault::Opaque;
use super::fault::{Fact, Fault, FaultKind, Note, fold};
use super::leaves::{self, Bound, Leaf, LeafTask};
use super::seen::Seen;
use super::shape::{Shape, breach, breaches, generation, load};
use super::space::Units;
use crate::format::checkpoint_list::CheckpointEntry;
use crate::format::local::{DATA_OFFSET, LocalAddress};
use crate::format::page_header::PageType;
use crate::format::{Class, local_image};
use crate::page::cell::{CellKind, Times};
use crate::page::internal::{self, Separator};
use crate::page::rules::{self, Breaches, Broken, Page, Rule};
use crate::page::windows;
use crate::page::{Depth, RowCounts};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// Levels of a tree; the engine's trees stay below ten. Bounds what a hostile file makes the walk keep.
const MAX_LEVELS: usize = 64;
/// Faults of one walk that are kept; a file with more is damaged all over.
const MAX_FAULTS: usize = 10_000;
/// Leaves of a batch.
const BATCH_LEAVES: usize = 2048;
/// Bytes of a batch.
const BATCH_BYTES: u64 = 64 << 20;

/// What a walk found.
#[derive(Debug)]
pub struct Walked {
    /// Units of all blocks but the root.
    pub units: Units,
    /// Units of internal pages among them.
    pub internal: Units,
    /// Units of overflow items among them.
    pub overflow: Units,
    /// Bytes of those blocks.
    pub bytes: u64,
    /// Pages by type, the root included.
    pub by_type: Types,
    /// Children that a fast truncate deleted.
    pub deleted_children: u64,
    pub depth: u64,
    /// Rows, if leaves were decoded.
    pub rows: Option<RowCounts>,
    /// Cells of all leaves, by their headers.
    pub entries: u64,
    /// Records of the history store by the file id that no file has.
    pub unowned: BTreeMap<u32, u64>,
    /// Every page was found, so the sums are exact.
    pub complete: bool,
    /// Pages that were found and could not be read; their rows are not counted.
    pub unread: u64,
    /// Content could not be looked into, and why.
    pub opaque: Option<Opaque>,
    pub faults: Vec<Fault>,
}

/// Pages by type.
#[derive(Debug, Clone, Default)]
pub struct Types {
    known: [u64; 8],
    unknown: u64,
}

impl Types {
    /// One more page; `None` if its type is not known.
    pub fn add(&mut self, kind: Option<PageType>) {
        match kind.and_then(|k| self.known.get_mut(usize::from(k.byte()))) {
            Some(n) => *n += 1,
            None => self.unknown += 1,
        }
    }

    /// Those that occur, in words.
    pub fn words(&self) -> BTreeMap<&'static str, u64> {
        let types = (0_u8..).zip(self.known).filter_map(|(byte, n)| Some((PageType::from_byte(byte)?.name(), n)));
        types.chain([("unknown", self.unknown)]).filter(|(_, n)| *n > 0).collect()
    }
}

/// One page on the way down.
struct Frame {
    children: std::vec::IntoIter<Child>,
    /// What lies behind the last child.
    upper: Option<Bound>,
    /// The next child, taken out to see its separator.
    next: Option<Child>,
}

/// A child not yet visited.
struct Child {
    bound: Option<Bound>,
    address: Option<LocalAddress>,
    kind: CellKind,
    times: Times,
    truncated: bool,
    parent: LocalAddress,
    /// Write generation of the parent.
    generation: u64,
}

/// A child whose range another block of the tree has.
struct Disputed {
    child: Child,
    address: LocalAddress,
    upper: Option<Bound>,
    level: usize,
}

struct Walker<'w, 's> {
    shape: &'w Shape<'s>,
    seen: &'w Seen,
    out: Walked,
    batch: Vec<LeafTask>,
    /// References to a range that another block has, which may turn out not to be there.
    disputed: Vec<Disputed>,
    /// Blocks that are not what their references say: they get what no other block takes.
    failed: Vec<LocalAddress>,
    /// Internal pages that were read.
    inner: BTreeMap<u64, LocalAddress>,
    /// Last history-store record of the leaf before.
    history: Option<leaves::LastVersion>,
    root: LocalAddress,
}

/// Walk the tree below `root`.
pub fn walk(shape: &Shape<'_>, checkpoint: &CheckpointEntry, root: &LocalAddress, seen: &Seen) -> Walked {
    let deep = shape.depth == Depth::Deep;
    let out = Walked {
        units: Units::new(shape.entry.alloc, shape.file.len()),
        internal: Units::new(shape.entry.alloc, shape.file.len()),
        overflow: Units::new(shape.entry.alloc, shape.file.len()),
        bytes: 0,
        by_type: Types::default(),
        deleted_children: 0,
        depth: 0,
        rows: deep.then(RowCounts::default),
        entries: 0,
        unowned: BTreeMap::new(),
        complete: true,
        unread: 0,
        opaque: None,
        faults: Vec::new(),
    };
    let mut walker = Walker {
        shape,
        seen,
        out,
        batch: Vec::new(),
        disputed: Vec::new(),
        failed: Vec::new(),
        inner: BTreeMap::new(),
        history: None,
        root: *root,
    };
    walker.run(windows::above_root(checkpoint));
    walker.settle_failed();
    walker.settle_generations();
    walker.out
}

impl Walker<'_, '_> {
    fn run(&mut self, times: Times) {
        let root = self.root;
        let first = Child {
            bound: None,
            address: Some(root),
            kind: CellKind::AddrInternal,
            times,
            truncated: false,
            parent: root,
            generation: u64::MAX,
        };
        let mut stack = Vec::new();
        if let Some(frame) = self.page(&first, &root, None) {
            stack.push(frame);
        }
        self.out.depth = 1;
        self.walk(&mut stack);
        // What was disputed is free if the block that had it was not there after all.
        for d in std::mem::take(&mut self.disputed) {
            if self.claim(&d.address) {
                self.enter(d.child, d.address, d.upper, d.level, &mut stack);
                self.walk(&mut stack);
            } else {
                self.twice(&d.address, &d.child.parent);
            }
        }
        // What the disputed ones met in turn is not tried again.
        for d in std::mem::take(&mut self.disputed) {
            self.twice(&d.address, &d.child.parent);
        }
    }

    /// Walk what is below the frames of the stack.
    fn walk(&mut self, stack: &mut Vec<Frame>) {
        self.collect(stack);
        while !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            let (shape, seen) = (self.shape, self.seen);
            let judge =
                || batch.par_iter().map_init(Vec::new, |buffer, t| leaves::judge(shape, t, seen, buffer)).collect();
            let (results, ()): (Vec<_>, ()) = rayon::join(judge, || self.collect(stack));
            self.merge(batch, results);
        }
    }

    /// Go on through the tree until a batch of leaves is full or the tree is done.
    fn collect(&mut self, stack: &mut Vec<Frame>) {
        let mut bytes = 0_u64;
        while self.batch.len() < BATCH_LEAVES && bytes < BATCH_BYTES {
            let Some(frame) = stack.last_mut() else { return };
            let Some(child) = frame.next.take() else {
                stack.pop();
                continue;
            };
            frame.next = frame.children.next();
            let upper = frame.next.as_ref().map_or(frame.upper.clone(), |n| n.bound.clone());
            let Some(address) = child.address else {
                self.out.complete = false;
                continue;
            };
            let level = stack.len().saturating_add(1);
            if self.claim(&address) {
                bytes = bytes.saturating_add(u64::from(address.size));
                self.enter(child, address, upper, level, stack);
            } else if self.is_root(&address) || self.disputed.len() >= MAX_FAULTS {
                self.twice(&address, &child.parent);
            } else {
                self.disputed.push(Disputed { child, address, upper, level });
            }
        }
    }

    /// Go into a child that has its range.
    fn enter(
        &mut self,
        child: Child,
        address: LocalAddress,
        upper: Option<Bound>,
        level: usize,
        stack: &mut Vec<Frame>,
    ) {
        self.out.deleted_children += u64::from(child.kind == CellKind::AddrDeleted);
        self.out.depth = self.out.depth.max(level as u64);
        if child.kind != CellKind::AddrInternal {
            return self.leaf(child, address, upper);
        }
        self.out.internal.add_block(&address);
        if level >= MAX_LEVELS {
            let fact = Fact::Levels { most: MAX_LEVELS };
            self.out.faults.push(Fault::at(FaultKind::Undecodable, &address, fact));
            self.out.complete = false;
        } else if let Some(frame) = self.page(&child, &address, upper) {
            stack.push(frame);
        }
    }

    fn is_root(&self, address: &LocalAddress) -> bool {
        address.offset < self.root.end() && self.root.offset < address.end()
    }

    /// Take a block into the tree. False if it overlaps one that is there.
    fn claim(&mut self, address: &LocalAddress) -> bool {
        if self.is_taken(address) {
            return false;
        }
        self.out.units.add_block(address);
        self.out.bytes = self.out.bytes.saturating_add(u64::from(address.size));
        true
    }

    /// Some block of the tree has the range, or a part of it.
    fn is_taken(&self, address: &LocalAddress) -> bool {
        self.is_root(address) || self.out.units.touches(address.offset, u64::from(address.size))
    }

    /// Give a range up: the block is not what the reference to it says.
    fn release(&mut self, address: &LocalAddress) {
        self.out.units.remove(address.offset, u64::from(address.size));
        self.out.internal.remove(address.offset, u64::from(address.size));
        self.out.bytes = self.out.bytes.saturating_sub(u64::from(address.size));
        self.out.unread += 1;
        self.failed.push(*address);
    }

    /// Tell a second reference to a block, or to a part of one.
    fn twice(&mut self, address: &LocalAddress, parent: &LocalAddress) {
        let fact = Fact::Twice { root: self.is_root(address) };
        let mut fault = Fault::at(FaultKind::ReferencedTwice, address, fact);
        // A page that refers to itself is told too.
        fault.parent = Some(parent.offset);
        self.out.faults.push(fault);
    }

    /// Blocks that could not be verified belong to the tree all the same, unless sound ones lie there.
    fn settle_failed(&mut self) {
        let mut doubtful = HashSet::new();
        for address in std::mem::take(&mut self.failed) {
            if !self.claim(&address) {
                doubtful.insert(address.offset);
            }
        }
        self.out.complete &= doubtful.is_empty();
        for fault in self.out.faults.iter_mut().filter(|f| doubtful.contains(&f.offset)) {
            fault.notes.push(Note::SoundBlocksThere);
        }
    }

    /// An internal page that is older than several of its children is the one that is wrong.
    fn settle_generations(&mut self) {
        let mut by_parent: BTreeMap<u64, u64> = BTreeMap::new();
        let older = |f: &Fault| matches!(f.fact, Fact::Generation { .. });
        for fault in self.out.faults.iter().filter(|f| older(f)) {
            *by_parent.entry(fault.parent.unwrap_or(0)).or_default() += 1;
        }
        by_parent.retain(|_, n| *n > 1);
        if by_parent.is_empty() {
            return;
        }
        self.out.faults.retain(|f| !older(f) || !f.parent.is_some_and(|p| by_parent.contains_key(&p)));
        for (parent, children) in by_parent {
            let Some(address) = self.inner.get(&parent) else { continue };
            self.out.faults.push(Fault::at(FaultKind::Header, address, Fact::OlderThanChildren { children }));
        }
    }

    /// Read an internal page.
    fn page(&mut self, child: &Child, address: &LocalAddress, upper: Option<Bound>) -> Option<Frame> {
        let before = self.out.faults.len();
        let last = upper.clone();
        let frame = self.read_page(child, address, upper);
        if frame.is_none()
            && let Some(fault) = self.out.faults.get_mut(before)
        {
            let rows = leaves::lost_rows(self.shape, address, child.bound.as_ref(), last.as_ref(), false, false);
            fault.notes.push(Note::LostRows(rows));
        }
        fold(&mut self.out.faults, before);
        self.referenced_by(before, &child.parent);
        frame
    }

    fn read_page(&mut self, child: &Child, address: &LocalAddress, upper: Option<Bound>) -> Option<Frame> {
        let mut buffer = Vec::new();
        let shape = self.shape;
        let before = self.out.faults.len();
        let known = self.seen.has(address);
        let stored = load(shape, address, known, &mut buffer, &mut self.out.faults);
        (shape.progress)(1, u64::from(address.size));
        // A block is put among the verified ones even if it was mended: its fault is told once a walk.
        let sound = self.out.faults.len() == before;
        let Some(stored) = stored else {
            self.out.complete = false;
            if *address != self.root {
                self.release(address);
            }
            return None;
        };
        self.inner.insert(address.offset, *address);
        let headers = Headers::read(stored).ok()?;
        let kind = headers.page.page_type().ok();
        self.out.by_type.add(kind);
        if let Some(broken) = rules::header(stored, &headers.page, &headers.block) {
            self.out.faults.push(breach(address, broken, true));
        }
        let plain = match local_image::plain(stored, &headers.page, shape.entry.compression()) {
            Ok(plain) => plain,
            Err(e) if e.class == Class::Unsupported => {
                match leaves::alien(shape, &headers, address).filter(|_| *address != self.root) {
                    Some(fault) => self.out.faults.push(fault),
                    None if headers.page.is_encrypted() => self.out.opaque = Some(Opaque::Encrypted),
                    None => self.out.opaque = Some(Opaque::UnknownCompressor),
                }
                self.out.complete = false;
                return None;
            }
            Err(e) => {
                self.out.complete = false;
                let fact = Fact::Undecodable { item: false, error: e };
                self.out.faults.push(Fault::at(FaultKind::Undecodable, address, fact));
                return None;
            }
        };
        let wanted = shape.entry.internal_type();
        if let Some(found) = kind.filter(|k| wanted.is_some_and(|w| w != *k)) {
            self.out.faults.push(Fault::at(FaultKind::Header, address, Fact::PageType { wanted, found }));
            self.out.complete = false;
            return None;
        }
        if headers.page.write_gen >= child.generation && shape.entry.orders_generations {
            self.out.faults.push(generation(address, headers.page.write_gen, child.generation));
        }
        let Ok(page) = Page::new(&plain) else {
            self.out.complete = false;
            return None;
        };
        let stored_plain = !headers.page.is_compressed();
        let mut children = Vec::new();
        let mut late = Vec::new();
        let compare = shape.entry.compares_windows();
        let deep = shape.depth == Depth::Deep;
        let found = internal::children(&page, shape.bounds(), shape.entry.byte_order, &mut |c| {
            let verdict = match compare {
                true => windows::aggregate_fits(&c.times, c.truncate.as_ref(), &child.times, None),
                false => Ok(()),
            };
            if let Err(words) = verdict {
                late.push(Broken::new(Rule::Window, c.at, words));
            }
            // Separators are only compared with keys where leaves are decoded.
            let bound = match c.separator {
                _ if !deep => None,
                Separator::First => child.bound.clone(),
                Separator::Key(key) => Some(Bound::Key(key.to_vec())),
                Separator::Overflow(at) => at.map(Bound::Overflow),
                Separator::Record(n) => Some(Bound::Record(n)),
            };
            // Of a truncated child the aggregate excludes the delete; what is below is bounded by it.
            children.push(Child {
                bound,
                address: c.address,
                kind: c.kind,
                times: c.times,
                truncated: child.truncated || c.kind == CellKind::AddrDeleted,
                parent: *address,
                generation: headers.page.write_gen,
            });
        });
        for item in &found.overflows {
            self.overflow(&item.address, address);
        }
        // Cells that could not be read may have been children.
        self.out.complete &= !found.breaches.list.iter().any(|b| {
            matches!(b.rule, Rule::Cell | Rule::CellType | Rule::Alternation | Rule::Entries | Rule::Type | Rule::Tail)
        });
        breaches(address, found.breaches, stored_plain, &mut self.out.faults);
        let list = late.into_iter().take(rules::MAX_BROKEN).collect();
        breaches(address, Breaches { list, ..Breaches::default() }, stored_plain, &mut self.out.faults);
        if sound {
            self.seen.add(address);
        }
        let mut children = children.into_iter();
        let next = children.next();
        Some(Frame { children, upper, next })
    }

    /// An overflow key of an internal page.
    fn overflow(&mut self, address: &LocalAddress, parent: &LocalAddress) {
        if self.is_taken(address) {
            return self.twice(address, parent);
        }
        self.out.by_type.add(Some(PageType::Overflow));
        let known = self.seen.has(address);
        let before = self.out.faults.len();
        leaves::overflow(self.shape, address, known, &mut self.out.faults);
        if is_lost(self.out.faults.get(before..).unwrap_or_default()) {
            self.failed.push(*address);
        } else if self.claim(address) {
            self.out.overflow.add_block(address);
        }
        if self.out.faults.len() == before {
            self.seen.add(address);
        } else {
            self.referenced_by(before, parent);
        }
    }

    /// Say who refers to the block whose faults were added from `before` on.
    fn referenced_by(&mut self, before: usize, parent: &LocalAddress) {
        for fault in self.out.faults.iter_mut().skip(before).filter(|f| f.parent.is_none()) {
            *fault = fault.clone().below(parent);
        }
    }

    fn leaf(&mut self, child: Child, address: LocalAddress, upper: Option<Bound>) {
        self.batch.push(LeafTask {
            address,
            lower: child.bound,
            upper,
            kind: child.kind,
            times: child.times,
            truncated: child.truncated,
            parent: child.parent,
            generation: child.generation,
            known: self.seen.has(&address),
        });
    }

    /// Take the results of a batch in tree order.
    fn merge(&mut self, batch: Vec<LeafTask>, results: Vec<Leaf>) {
        for (task, mut leaf) in batch.into_iter().zip(results) {
            if is_lost(&leaf.faults) {
                self.release(&task.address);
            }
            let gone =
                |f: &&mut Fault| !f.mended && (is_lost(std::slice::from_ref(&**f)) || f.kind == FaultKind::Undecodable);
            if let Some(fault) = leaf.faults.iter_mut().find(gone) {
                let (lower, upper) = (task.lower.as_ref(), task.upper.as_ref());
                let rows = leaves::lost_rows(self.shape, &task.address, lower, upper, true, task.times == Times::EMPTY);
                fault.notes.push(Note::LostRows(rows));
            }
            self.out.by_type.add(leaf.kind);
            if let (Some(rows), Some(found)) = (&mut self.out.rows, leaf.rows) {
                rows.keys = rows.keys.saturating_add(found.keys);
                rows.live = rows.live.saturating_add(found.live);
            }
            self.out.entries = self.out.entries.saturating_add(leaf.entries);
            for (id, records) in leaf.unowned {
                *self.out.unowned.entry(id).or_default() += records;
            }
            self.out.complete &= leaf.complete;
            if self.out.opaque.is_none() {
                self.out.opaque = leaf.opaque;
            }
            if leaf.verified {
                self.seen.add(&task.address);
            }
            if let (Some(last), Some(first)) = (&self.history, &leaf.first_version)
                && let Some(words) = last.conflict(first)
            {
                leaf.faults.push(breach(&task.address, Broken::new(Rule::Window, DATA_OFFSET, words), false));
            }
            if leaf.last_version.is_some() {
                self.history = leaf.last_version;
            }
            let room = MAX_FAULTS.saturating_sub(self.out.faults.len());
            self.out.faults.extend(leaf.faults.into_iter().take(room).map(|f| f.below(&task.parent)));
            for item in leaf.overflows {
                if is_lost(&item.faults) {
                    self.failed.push(item.address);
                } else if self.claim(&item.address) {
                    self.out.overflow.add_block(&item.address);
                } else {
                    self.twice(&item.address, &task.address);
                    continue;
                }
                self.out.by_type.add(Some(PageType::Overflow));
                if item.faults.is_empty() {
                    self.seen.add(&item.address);
                }
                self.out.faults.extend(item.faults.into_iter().map(|f| f.below(&task.address)));
            }
        }
    }
}

/// The block could not be loaded: it is not what the reference to it says.
fn is_lost(faults: &[Fault]) -> bool {
    use FaultKind::{BeyondPhysical, Checksum, Unreadable};
    faults.iter().any(|f| matches!(f.kind, Checksum | BeyondPhysical | Unreadable) && !f.mended)
}
