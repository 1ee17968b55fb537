//! The checkpoints of a file: cookies, extent lists, and what the lists say is live.

use super::block;
use super::fault::{Fact, Fault, FaultKind, Note, Which};
use super::space::Units;
use crate::format::Class;
use crate::format::checkpoint_list::CheckpointEntry;
use crate::format::local::{Extent, ExtentList, LocalAddress, LocalCheckpoint};
use crate::format::page_header::PageType;
use crate::store::blockfile::BlockFile;

/// One checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    /// The metadata's words.
    pub entry: CheckpointEntry,
    /// The cookie; `None` for the empty one of a file without data, and for one that cannot be decoded.
    pub cookie: Option<LocalCheckpoint>,
    /// The cookie could not be decoded.
    pub undecodable: bool,
    /// Ranges allocated since the checkpoint before.
    pub alloc: List,
    /// Ranges free for new writes, without the list's own block.
    pub avail: List,
    /// Ranges freed since the checkpoint before.
    pub discard: List,
    /// What the lists up to here say is live below the root; `None` if one of them could not be read.
    pub live: Option<Units>,
    /// What is wrong with the cookie and the lists.
    pub faults: Vec<Fault>,
}

/// An extent list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// No block: nothing in it.
    Empty,
    /// Its extents, in the order of the block.
    Read(Vec<Extent>),
    /// It cannot be used.
    Unusable,
}

impl List {
    /// The extents; `None` if they are not known.
    pub fn extents(&self) -> Option<&[Extent]> {
        match self {
            Self::Empty => Some(&[]),
            Self::Read(extents) => Some(extents),
            Self::Unusable => None,
        }
    }
}

impl Checkpoint {
    /// The blocks of the lists.
    pub fn list_blocks(&self) -> impl Iterator<Item = LocalAddress> + '_ {
        self.cookie.iter().flat_map(|c| [c.alloc, c.avail, c.discard]).flatten()
    }
}

/// Read all checkpoints of a file, oldest first as in the metadata.
pub fn read(file: &BlockFile, alloc: u32, entries: &[CheckpointEntry]) -> Vec<Checkpoint> {
    let cookies: Vec<_> = entries
        .iter()
        .map(|e| if e.addr.is_empty() { Ok(None) } else { LocalCheckpoint::decode(&e.addr, alloc).map(Some) })
        .collect();
    // List blocks of kept checkpoints are rewritten behind their own end: the newest one bounds them.
    // If that is not known, the file itself does.
    let newest_end = match cookies.last() {
        Some(Err(_)) => Some(file.len()),
        _ => cookies.iter().rev().find_map(|c| c.as_ref().ok()?.as_ref().map(|c| c.file_size)),
    };
    let mut live = Some(Units::new(alloc, file.len()));
    let mut out = Vec::new();
    for (entry, cookie) in entries.iter().zip(cookies) {
        let mut faults = Vec::new();
        let undecodable = cookie.is_err();
        let cookie = cookie.unwrap_or_else(|e| {
            let kind = if e.class == Class::Unsupported { FaultKind::Header } else { FaultKind::Cookie };
            faults.push(Fault::new(kind, 0, 0, Fact::CheckpointCookie { error: e, addr: entry.addr.clone() }));
            None
        });
        let mut checkpoint = Checkpoint {
            entry: entry.clone(),
            undecodable,
            alloc: List::Empty,
            avail: List::Empty,
            discard: List::Empty,
            live: None,
            faults,
            cookie: None,
        };
        if let Some(c) = &cookie {
            let mut reader = Lists { file, alloc, bound: newest_end.unwrap_or(c.file_size), own: c.file_size };
            let faults = &mut checkpoint.faults;
            checkpoint.alloc = reader.read(Which::Alloc, c.alloc.as_ref(), faults);
            checkpoint.avail = reader.read(Which::Avail, c.avail.as_ref(), faults);
            checkpoint.discard = reader.read(Which::Discard, c.discard.as_ref(), faults);
            step(&mut live, &checkpoint.alloc, &checkpoint.discard, c, &mut checkpoint.faults);
        } else if undecodable {
            live = None;
        }
        checkpoint.live = live.clone();
        checkpoint.cookie = cookie;
        out.push(checkpoint);
    }
    out
}

/// V := V + alloc - discard - root.
fn step(live: &mut Option<Units>, alloc: &List, discard: &List, c: &LocalCheckpoint, faults: &mut Vec<Fault>) {
    let (Some(units), Some(alloc), Some(discard)) = (live.as_mut(), alloc.extents(), discard.extents()) else {
        *live = None;
        return;
    };
    for e in alloc {
        let new = units.add(e.offset, e.size);
        let wanted = units.width(e.offset, e.size);
        if new < wanted {
            let fact = Fact::AllocatedTwice { bytes: wanted.saturating_sub(new), extent: *e };
            faults.push(list_fault(c.alloc.as_ref(), fact));
        }
    }
    let missing = units.remove_extents(discard);
    if missing > 0 {
        faults.push(list_fault(c.discard.as_ref(), Fact::NeverAllocated { bytes: missing }));
    }
    if let Some(root) = &c.root {
        let size = u64::from(root.size);
        let (was, wanted) = (units.remove(root.offset, size), units.width(root.offset, size));
        if was < wanted {
            faults.push(Fault::at(FaultKind::Unallocated, root, Fact::RootUnlisted));
        }
    }
}

fn list_fault(block: Option<&LocalAddress>, fact: Fact) -> Fault {
    let (offset, size) = block.map_or((0, 0), |b| (b.offset, b.size));
    Fault::new(FaultKind::Header, offset, size, fact)
}

struct Lists<'f> {
    file: &'f BlockFile,
    alloc: u32,
    /// End of the newest checkpoint, for the blocks of lists.
    bound: u64,
    /// End of this checkpoint, for entries.
    own: u64,
}

impl Lists<'_> {
    fn read(&mut self, which: Which, address: Option<&LocalAddress>, faults: &mut Vec<Fault>) -> List {
        let Some(address) = address else { return List::Empty };
        let fault = |kind, fact| Fault::at(kind, address, fact).with(Note::BlockOf(which));
        if address.end() > self.bound {
            let fact = Fact::ListBeyond { bound: self.bound, start: address.offset, end: address.end() };
            faults.push(fault(FaultKind::BeyondEnd, fact));
            return List::Unusable;
        }
        let mut buffer = Vec::new();
        let before = faults.len();
        let loaded = block::load(self.file, address, &mut buffer, faults);
        for f in faults.iter_mut().skip(before) {
            f.notes.push(Note::BlockOf(which));
        }
        let Some(stored) = loaded else { return List::Unusable };
        let rule = |faults: &mut Vec<Fault>, fact| faults.push(fault(FaultKind::Header, fact));
        let kind = block::Headers::read(stored).ok().map(|h| h.page);
        let is_list = kind.is_some_and(|p| p.page_type() == Ok(PageType::BlockManager));
        if !is_list {
            rule(faults, Fact::NoList { type_byte: kind.map_or(0, |p| p.type_byte) });
            return List::Unusable;
        }
        let list = match ExtentList::decode(stored, self.alloc, u64::MAX) {
            Ok(list) => list,
            Err(e) => {
                rule(faults, Fact::List { error: e });
                return List::Unusable;
            }
        };
        if let Some(mem_size) = kind.map(|p| p.mem_size).filter(|m| usize::try_from(*m) != Ok(list.end)) {
            rule(faults, Fact::ListSize { wanted: list.end, found: mem_size });
        }
        if let Some(e) = &list.recovery_error {
            rule(faults, Fact::Recovery { error: e.clone() });
        }
        let mut extents = list.extents;
        if let Some((at, previous)) = out_of_order(&extents, which == Which::Avail) {
            rule(faults, Fact::ListOrder { avail: which == Which::Avail, at, previous });
        }
        let end = |e: &Extent| e.offset.saturating_add(e.size);
        if let Some(beyond) = extents.iter().find(|e| end(e) > self.own) {
            let fact = Fact::ExtentBeyond { bound: self.own, start: beyond.offset, end: end(beyond) };
            faults.push(fault(FaultKind::BeyondEnd, fact));
            // A live set without them would call their blocks unallocated; free space they cannot be.
            extents.retain(|e| which != Which::Avail || end(e) <= self.own);
        }
        if which == Which::Avail {
            extents = without(&extents, address);
        }
        List::Read(extents)
    }
}

/// The first extent that breaks the order of its list, and the one before it. An avail list is two
/// ascending runs, so it may descend once.
pub fn out_of_order(extents: &[Extent], avail: bool) -> Option<(Extent, Extent)> {
    let mut descents = 0;
    extents.windows(2).find_map(|pair| {
        let [a, b] = pair else { return None };
        if b.offset >= a.offset.saturating_add(a.size) {
            return None;
        }
        descents += 1;
        let overlap = b.offset.saturating_add(b.size) > a.offset;
        (!avail || overlap || descents > 1).then_some((*b, *a))
    })
}

/// The extents without the bytes of a block (a list may contain its own block).
pub fn without(extents: &[Extent], block: &LocalAddress) -> Vec<Extent> {
    let mut out = Vec::with_capacity(extents.len() + 1);
    for e in extents {
        let end = e.offset.saturating_add(e.size);
        let head = Extent { offset: e.offset, size: block.offset.clamp(e.offset, end) - e.offset };
        let from = block.end().clamp(e.offset, end);
        let tail = Extent { offset: from, size: end - from };
        out.extend([head, tail].into_iter().filter(|part| part.size > 0));
    }
    out
}
