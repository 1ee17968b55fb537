//! Where every byte of a local file belongs, as sets of allocation units.

use crate::format::local::{Extent, LocalAddress};
use roaring::RoaringTreemap;
use serde::Serialize;

/// Units beyond this are not accounted: sets of them could outgrow memory. 16 TiB at 4 KiB.
pub const MOST_UNITS: u64 = 1 << 32;

/// So few units are looked at one by one.
const FEW_UNITS: u64 = 1024;

/// A set of allocation units of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Units {
    set: RoaringTreemap,
    alloc: u64,
    /// Units from here on do not exist in the file.
    end: u64,
}

/// A run of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// Byte behind the last.
    pub end: u64,
}

impl Span {
    /// Bytes.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// No byte at all.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }
}

impl Units {
    /// An empty set for a file of `size` bytes (the last unit may be a part) with this allocation size.
    pub fn new(alloc: u32, size: u64) -> Self {
        let alloc = u64::from(alloc.max(1));
        Self { set: RoaringTreemap::new(), alloc, end: size.div_ceil(alloc).min(MOST_UNITS) }
    }

    /// An empty set for the same file.
    pub fn empty(&self) -> Self {
        Self { set: RoaringTreemap::new(), ..*self }
    }

    /// The units a range touches, cut at the end of the file.
    fn units(&self, offset: u64, size: u64) -> std::ops::Range<u64> {
        let end = offset.saturating_add(size).div_ceil(self.alloc);
        (offset / self.alloc).min(self.end)..end.min(self.end)
    }

    /// Bytes of the units that a range touches.
    pub fn width(&self, offset: u64, size: u64) -> u64 {
        let range = self.units(offset, size);
        range.end.saturating_sub(range.start) * self.alloc
    }

    /// Add a range of bytes; answers how many bytes were not in the set before.
    pub fn add(&mut self, offset: u64, size: u64) -> u64 {
        let units = self.units(offset, size);
        // Most blocks of small pages are one unit.
        if units.end == units.start.wrapping_add(1) {
            return u64::from(self.set.insert(units.start)) * self.alloc;
        }
        self.set.insert_range(units) * self.alloc
    }

    /// Add a block.
    pub fn add_block(&mut self, address: &LocalAddress) -> u64 {
        self.add(address.offset, u64::from(address.size))
    }

    /// Take a range out; answers how many bytes were in the set before.
    pub fn remove(&mut self, offset: u64, size: u64) -> u64 {
        self.set.remove_range(self.units(offset, size)) * self.alloc
    }

    /// Take out the extents of a list; answers how many bytes of them were not in the set.
    pub fn remove_extents(&mut self, extents: &[Extent]) -> u64 {
        let mut missing = 0_u64;
        for e in extents {
            let wanted = self.width(e.offset, e.size);
            missing = missing.saturating_add(wanted.saturating_sub(self.remove(e.offset, e.size)));
        }
        missing
    }

    /// Whether any unit of a range is in the set.
    pub fn touches(&self, offset: u64, size: u64) -> bool {
        let units = self.units(offset, size);
        if units.end.saturating_sub(units.start) <= FEW_UNITS {
            return units.into_iter().any(|unit| self.set.contains(unit));
        }
        let mut range = RoaringTreemap::new();
        range.insert_range(units);
        !self.set.is_disjoint(&range)
    }

    /// Add all of another set.
    pub fn join(&mut self, other: &Self) {
        self.set |= &other.set;
    }

    /// Take another set out.
    pub fn subtract(&mut self, other: &Self) {
        self.set -= &other.set;
    }

    /// What both sets have.
    pub fn common(&self, other: &Self) -> Self {
        Self { set: &self.set & &other.set, ..*self }
    }

    /// What this set has and the other has not.
    pub fn without(&self, other: &Self) -> Self {
        Self { set: &self.set - &other.set, ..*self }
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Bytes in the set; the last unit counts whole.
    pub fn bytes(&self) -> u64 {
        self.set.len().saturating_mul(self.alloc)
    }

    /// The runs of the set, ascending, neighbours joined.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        let alloc = self.alloc;
        let mut units = self.set.iter().peekable();
        std::iter::from_fn(move || {
            let first = units.next()?;
            let mut last = first;
            while units.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            Some(Span { start: first * alloc, end: (last + 1) * alloc })
        })
    }
}

/// What two things have one range. In the order of their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// An extent list and a tree.
    ListAndTree,
    /// Free space, twice.
    FreeTwice,
    /// Free space and an extent list.
    FreeAndList,
    /// Free space and an older checkpoint.
    FreeAndOlder,
    /// Free space and the newest checkpoint.
    FreeAndNewest,
    /// The description block.
    Description,
    /// Two extent lists.
    TwoLists,
}

impl std::fmt::Display for Overlap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ListAndTree => "an extent list and a tree",
            Self::FreeTwice => "free twice",
            Self::FreeAndList => "free, and in use by an extent list",
            Self::FreeAndOlder => "free, and in use by an older checkpoint",
            Self::FreeAndNewest => "free, and in use by the newest checkpoint",
            Self::Description => "the description block and something else",
            Self::TwoLists => "two extent lists",
        })
    }
}

/// What a byte of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// The description block.
    Description,
    /// Reachable from the newest checkpoint.
    Tree,
    /// A block of an extent list of any checkpoint.
    ExtentList,
    /// Free for the next write.
    Available,
    /// Freed since, and kept because an older checkpoint still reaches it.
    Discarded,
    /// In no list and no tree: orphaned.
    Lost,
}

/// One checkpoint's part in the accounting.
#[derive(Debug)]
pub struct Part {
    /// What the lists say is live below the root. `None` if a list up to here could not be read.
    pub live: Option<Units>,
    /// What the walk reached, root excluded.
    pub tree: Units,
    /// Internal pages among it.
    pub internal: Units,
    /// Overflow items among it.
    pub overflow: Units,
    pub root: Option<LocalAddress>,
    /// The blocks of the lists.
    pub lists: Vec<LocalAddress>,
    /// Every page of the tree was found.
    pub complete: bool,
}

/// A file's bytes, each in one class.
#[derive(Debug)]
pub struct Account {
    /// Per class.
    pub uses: Vec<(Use, Units)>,
    /// Internal pages of the newest checkpoint, its root included.
    pub internal: Units,
    /// Overflow items of the newest checkpoint.
    pub overflow: Units,
    /// Free and in use at once, with what uses it.
    pub overlaps: Vec<(Span, Overlap)>,
    /// Every tree was walked in full and every list was read, so `lost` is certain.
    pub certain: bool,
}

impl Account {
    /// The units of a class.
    pub fn of(&self, what: Use) -> Option<&Units> {
        self.uses.iter().find(|(u, _)| *u == what).map(|(_, units)| units)
    }

    /// Bytes of a class.
    pub fn bytes(&self, what: Use) -> u64 {
        self.of(what).map_or(0, Units::bytes)
    }
}

/// Account for all units below `file_size`. `avail` is the last checkpoint's avail list without its own
/// block, `None` if it could not be read. The last part is the newest checkpoint.
pub fn account(alloc: u32, file_size: u64, parts: &[Part], avail: Option<&[Extent]>) -> Account {
    let none = Units::new(alloc, file_size);
    let mut overlaps = Vec::new();
    let mut description = none.empty();
    description.add(0, u64::from(alloc));
    let mut newest = none.empty();
    let mut older = none.empty();
    let mut lists = none.empty();
    let mut certain = avail.is_some();
    for (at, part) in parts.iter().enumerate() {
        certain &= part.complete && part.live.is_some();
        let into = if at + 1 == parts.len() { &mut newest } else { &mut older };
        into.join(&part.tree);
        // Where the walk missed something, what the lists say is live is not lost.
        if !part.complete
            && let Some(live) = &part.live
        {
            into.join(live);
        }
        if let Some(root) = &part.root {
            into.add_block(root);
        }
    }
    let mut trees = newest.clone();
    trees.join(&older);
    for list in parts.iter().flat_map(|p| &p.lists) {
        let (start, size) = (list.offset, u64::from(list.size));
        if trees.touches(start, size) {
            overlaps.push((Span { start, end: list.end() }, Overlap::ListAndTree));
        }
        if lists.add_block(list) < lists.width(start, size) {
            overlaps.push((Span { start, end: list.end() }, Overlap::TwoLists));
        }
    }
    let mut free = none.empty();
    for e in avail.unwrap_or_default() {
        let wanted = free.width(e.offset, e.size);
        if free.add(e.offset, e.size) < wanted {
            overlaps.push((Span { start: e.offset, end: e.offset.saturating_add(e.size) }, Overlap::FreeTwice));
        }
    }
    for (units, what) in
        [(&newest, Overlap::FreeAndNewest), (&older, Overlap::FreeAndOlder), (&lists, Overlap::FreeAndList)]
    {
        overlaps.extend(free.common(units).spans().map(|span| (span, what)));
    }
    let first = description.common(&trees).spans().chain(description.common(&free).spans()).next();
    overlaps.extend(first.map(|span| (span, Overlap::Description)));
    overlaps.sort();
    overlaps.dedup_by(|b, a| a.0 == b.0);

    // Each unit goes to the first class that claims it: what is in use is never called free.
    let mut rest = none.empty();
    rest.add(0, file_size);
    let mut uses = Vec::new();
    for (what, units) in [
        (Use::Description, description),
        (Use::Tree, newest),
        (Use::Discarded, older),
        (Use::ExtentList, lists),
        (Use::Available, free),
    ] {
        let mine = units.common(&rest);
        rest.subtract(&mine);
        uses.push((what, mine));
    }
    uses.push((Use::Lost, rest));
    let (mut internal, mut overflow) = (none.empty(), none.empty());
    if let Some(part) = parts.last() {
        internal.join(&part.internal);
        overflow.join(&part.overflow);
        if let Some(root) = &part.root {
            internal.add_block(root);
        }
    }
    Account { uses, internal, overflow, overlaps, certain }
}
