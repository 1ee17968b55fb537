//! The leaves of a tree in order, each with the range of keys that it has, and what of the tree cannot be read with
//! the range that goes with it.

use super::fetch::{self, Why};
use super::version::Standpoint;
use crate::format::local::{LocalAddress, LocalCheckpoint};
use crate::home::entry::FileEntry;
use crate::home::leaves::Bound;
use crate::page::cell::{CellKind, Times};
use crate::page::internal::{self, Separator};
use crate::page::rules::{Broken, Rule};
use crate::store::blockfile::BlockFile;
use roaring::RoaringTreemap;

/// Levels of a tree; the engine's trees stay below ten.
const MAX_LEVELS: usize = 64;

/// Keys from `lower` on, up to `upper`; without a bound there is none on that side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    pub lower: Option<Bound>,
    pub upper: Option<Bound>,
}

/// A leaf to read.
#[derive(Debug, Clone)]
pub struct LeafAt {
    pub address: LocalAddress,
    pub range: Range,
    /// A rollback looks at it.
    pub visited: bool,
    /// The tree has led to it before.
    pub again: bool,
    /// Its cell says that no row in it has times: none is deleted, none will be rolled back.
    pub timeless: bool,
    /// Only these records of it, from the one up to the other.
    pub records: Option<(u64, u64)>,
}

/// A part of the tree that cannot be read.
#[derive(Debug, Clone)]
pub struct LostAt {
    /// Where it lies, if its address says so.
    pub address: Option<LocalAddress>,
    pub range: Range,
    /// It is one leaf; else an internal page, with all below it.
    pub leaf: bool,
    pub why: Why,
}

/// The next part of a tree.
#[derive(Debug, Clone)]
pub enum Step {
    Leaf(LeafAt),
    Lost(LostAt),
    /// A truncate deleted all that was here.
    Gone(Range),
}

struct Child {
    address: Option<LocalAddress>,
    kind: CellKind,
    lower: Option<Bound>,
    visited: bool,
    /// A truncate deleted its rows.
    gone: bool,
    timeless: bool,
}

struct Frame {
    children: std::vec::IntoIter<Child>,
    next: Option<Child>,
    upper: Option<Bound>,
}

/// Goes through a tree.
pub struct Steps<'a> {
    file: &'a BlockFile,
    entry: &'a FileEntry,
    point: &'a Standpoint,
    end: u64,
    stack: Vec<Frame>,
    /// What was met, in units of the allocation size: a cycle ends here.
    met: RoaringTreemap,
    first: Option<Step>,
}

impl<'a> Steps<'a> {
    /// From the root of a checkpoint cookie on. An empty cookie, or one without a root, has no leaves.
    pub fn new(file: &'a BlockFile, entry: &'a FileEntry, cookie: &[u8], point: &'a Standpoint) -> Self {
        let mut out =
            Self { file, entry, point, end: u64::MAX, stack: Vec::new(), met: RoaringTreemap::new(), first: None };
        if cookie.is_empty() {
            return out;
        }
        match LocalCheckpoint::decode(cookie, entry.alloc) {
            Ok(cookie) => {
                out.end = cookie.file_size;
                if let Some(root) = cookie.root {
                    let child = Child {
                        address: Some(root),
                        kind: CellKind::AddrInternal,
                        lower: None,
                        visited: true,
                        gone: false,
                        timeless: false,
                    };
                    out.first = out.enter(child, None);
                }
            }
            Err(_) => {
                let range = Range::default();
                out.first = Some(Step::Lost(LostAt { address: None, range, leaf: false, why: Why::Address }));
            }
        }
        out
    }

    /// Where addresses end: the file's size at the checkpoint.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Go into a child: a frame on the stack, or a step.
    fn enter(&mut self, child: Child, upper: Option<Bound>) -> Option<Step> {
        let Child { address, kind, lower, visited, gone, timeless } = child;
        let range = Range { lower, upper };
        let is_leaf = kind != CellKind::AddrInternal;
        let lost = |range, why| Some(Step::Lost(LostAt { address, range, leaf: is_leaf, why }));
        let Some(at) = address else { return lost(range, Why::Address) };
        if gone {
            return Some(Step::Gone(range));
        }
        let again = !self.met.insert(at.offset / u64::from(self.entry.alloc.max(1)));
        if is_leaf {
            // Each reference is an address cell of its own, so even these come to an end.
            return Some(Step::Leaf(LeafAt { address: at, range, visited, again, timeless, records: None }));
        }
        if again || self.stack.len() >= MAX_LEVELS {
            return lost(range, Why::Twice);
        }
        match self.children(&at, &range, visited) {
            Ok(frame) => {
                self.stack.push(frame);
                None
            }
            Err(why) => lost(range, why),
        }
    }

    fn children(&self, at: &LocalAddress, range: &Range, visited: bool) -> Result<Frame, Why> {
        let shape = fetch::shape(self.file, self.entry, self.end);
        let plain = fetch::read(&shape, at)?;
        let page = plain.page()?;
        if self.entry.internal_type().is_some_and(|wanted| wanted != page.kind) {
            return Err(Why::PageType);
        }
        let generation = page.header.write_gen;
        let mut children = Vec::new();
        let found = internal::children(&page, shape.bounds(), false, &mut |c| {
            let gone = c.kind == CellKind::AddrDeleted && self.point.truncated(c.truncate, generation);
            let lower = match c.separator {
                Separator::First => range.lower.clone(),
                // Records before the first that is left may come back.
                Separator::Record(_) if c.index == 0 => range.lower.clone(),
                Separator::Key(key) => Some(Bound::Key(key.to_vec())),
                Separator::Overflow(address) => address.map(Bound::Overflow),
                Separator::Record(record) => Some(Bound::Record(record)),
            };
            let times: &Times = &c.times;
            let visited = visited && self.point.visits(times, generation);
            let timeless = *times == Times::EMPTY && c.kind != CellKind::AddrDeleted;
            children.push(Child { address: c.address, kind: c.kind, lower, visited, gone, timeless });
        });
        // An address that leads nowhere costs its child only; windows and order cost nothing.
        let broken = |b: &Broken| {
            matches!(b.rule, Rule::Cell | Rule::CellType | Rule::Alternation | Rule::Entries | Rule::Type | Rule::Tail)
        };
        if found.children == 0 || found.breaches.list.iter().any(broken) {
            return Err(Why::Cells);
        }
        let mut children = children.into_iter();
        let next = children.next();
        Ok(Frame { children, next, upper: range.upper.clone() })
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(step) = self.first.take() {
            return Some(step);
        }
        loop {
            let frame = self.stack.last_mut()?;
            let Some(child) = frame.next.take() else {
                self.stack.pop();
                continue;
            };
            frame.next = frame.children.next();
            let upper = frame.next.as_ref().map_or(frame.upper.clone(), |n| n.lower.clone());
            if let Some(step) = self.enter(child, upper) {
                return Some(step);
            }
        }
    }
}
