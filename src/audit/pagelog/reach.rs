//! Reachability: mark the rows that checkpoints reach, and add up what the audited one reaches.

use super::classify::Class;
use super::{Opened, Progress};
use crate::audit::finding::{Code, Finding, Place, Remedy, Severity};
use crate::audit::result::PageCounts;
use crate::coverage::Unchecked;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::cell::CellKind;
use crate::page::{Depth, RowCounts};
use crate::pagelog::catalog::{Catalog, Checkpoint, SHARED_METADATA, Tree};
use crate::pagelog::fault::{Fact, Fault, FaultKind, Note};
use crate::pagelog::walk::{self, Bits, LeafSums, Options, Outcomes, Visited, Visitor};
use crate::store::{FLAG_DELTA, FLAG_DISCARDED, Index, StoreError};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Versions of a table that are named as not supplied.
const NAMED: usize = 20;

/// The marks of all walks of one audit.
pub struct Marks {
    /// The class of each row, by position.
    pub class: Vec<Class>,
    /// Positions of newest blocks whose page version was entered. A row can be reached as an older
    /// block of a newer version without its own version, and what lies below that, being entered.
    entered: Bits,
    /// Pages (table, page) that a checkpoint needs and that lack blocks: what is left of them may
    /// have been superseded by what is gone.
    pub holed: HashSet<(TableId, PageId)>,
    /// Files that the system did not let be read where other checkpoints were walked.
    pub unread: Vec<(String, Unchecked)>,
}

impl Marks {
    /// No marks yet.
    pub fn new(index: &Index) -> Self {
        Self {
            class: vec![Class::Unjudged; index.len()],
            entered: Bits::new(index.len()),
            holed: HashSet::new(),
            unread: Vec::new(),
        }
    }
}

impl Marks {
    /// Take in the rows whose bits the workers of a walk have set.
    fn take_in(&mut self, index: &Index, reached: &Bits, mark: Class) {
        for at in reached.ones() {
            if self.class[at] == Class::Unjudged {
                self.class[at] = mark;
            }
            // A row that is the newest block of a version the audited checkpoint reached counts as entered.
            let is_full = |(_, flags): (u32, u32)| flags & (FLAG_DELTA | FLAG_DISCARDED) == 0;
            if mark == Class::Live
                && index.len_and_flags(at + 1).is_none_or(|next| !reached.get(at + 1) || is_full(next))
            {
                self.entered.set(at);
            }
        }
    }
}

/// What was reached of one tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct TreeSums {
    /// The system did not give all of it, so that its sums say nothing.
    pub unread: bool,
    /// Sum of cookie sizes.
    pub cookie_bytes: u64,
    /// The part of it below fast-truncated addresses.
    pub deleted_bytes: u64,
    /// Sum of stored lengths.
    pub physical_bytes: u64,
    pub pages: PageCounts,
    /// Rows, deep audits only.
    pub rows: RowCounts,
    /// Every page could be read.
    pub complete: bool,
    /// Pages below an unreadable one may have been missed.
    pub lost: bool,
    /// Some cookies carry the length of their newest block only.
    pub old_sizes: bool,
}

impl TreeSums {
    /// Of a tree of which nothing was met yet.
    pub fn none() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// Note what a walk does not see: a root that cannot be decoded, and a file that was not read.
    pub fn limit(&mut self, opened: &Opened<'_>, catalog: &Catalog, tree: &Tree) {
        if catalog.root_is_unreadable(tree) {
            (self.lost, self.complete) = (true, false);
        }
        let there_is_none = tree.root.is_none() && catalog.complete;
        if (opened.is_unread(tree.table) && !there_is_none) || (tree.uri == SHARED_METADATA && opened.hides_metadata())
        {
            self.unread = true;
        }
    }
}

/// The outcome of walking the audited checkpoint.
pub struct Reached {
    /// By position in the list of trees.
    pub trees: Vec<TreeSums>,
    /// Faults with the position of their tree.
    pub faults: Vec<(usize, Fault)>,
    /// Pages of which nothing is there: (table, page) to the LSN that was wanted.
    pub missing: HashMap<(TableId, PageId), Lsn>,
    /// Versions that were needed and that no dump has, some of each table, and how many there are of it.
    pub not_supplied: BTreeMap<TableId, (u64, Vec<Version>)>,
}

/// Walk all trees of the audited checkpoint; the first walk of an audit.
pub fn walk_audited(
    opened: &Opened<'_>,
    trees: &[Tree],
    audited: &Checkpoint,
    options: Options<'_>,
    marks: &mut Marks,
    progress: &dyn Progress,
) -> Result<Reached, StoreError> {
    let start = TreeSums::none();
    let once = |reached: Option<&Bits>, marks: &mut Marks| {
        let mut visitor = Audited {
            opened,
            trees,
            metadata_lsn: audited.completion.metadata_lsn,
            marks,
            sums: vec![start; trees.len()],
            faults: Vec::new(),
            hidden: HashSet::new(),
            missing: HashMap::new(),
            not_supplied: BTreeMap::new(),
            progress,
            done: (0, 0),
        };
        let options = Options { marks: reached, ..options };
        let outcome = walk::walk(opened.store, &opened.index, trees, options, &mut visitor)?;
        let Audited { sums, mut faults, hidden, missing, not_supplied, .. } = visitor;
        // What is left of a chain breaks rules that the whole of it keeps.
        faults.retain(|(_, f)| !f.kind.is_about_content() || !hidden.contains(&(f.table, f.page)));
        Ok((outcome, Reached { trees: sums, faults, missing, not_supplied }))
    };
    let reached = Bits::new(opened.index.len());
    let (outcome, found) = once(Some(&reached), marks)?;
    if outcome == Outcomes::Settled {
        marks.take_in(&opened.index, &reached, Class::Live);
        return Ok(found);
    }
    *marks = Marks::new(&opened.index);
    Ok(once(None, marks)?.1)
}

struct Audited<'a> {
    opened: &'a Opened<'a>,
    trees: &'a [Tree],
    metadata_lsn: Lsn,
    marks: &'a mut Marks,
    sums: Vec<TreeSums>,
    faults: Vec<(usize, Fault)>,
    /// Pages whose rows may lie in what was not read: what is left of one tells nothing of its content.
    hidden: HashSet<(TableId, PageId)>,
    missing: HashMap<(TableId, PageId), Lsn>,
    not_supplied: BTreeMap<TableId, (u64, Vec<Version>)>,
    progress: &'a dyn Progress,
    done: (u64, u64),
}

impl Audited<'_> {
    /// A discard record of a reachable page: at or below the tree's frontier it is wrong; between there and
    /// the turtle page it may be the next checkpoint's work, which begins as soon as a tree's root is written.
    fn check_discard(&mut self, tree: usize, page: &Visited, newest: usize) {
        let index = &self.opened.index;
        let table = self.trees[tree].table;
        let frontier = self.trees[tree].root.map_or(self.metadata_lsn, |r| r.lsn);
        let later = index.slice(newest + 1..page.rows.1);
        let last = frontier.max(self.metadata_lsn);
        if let Some(discard) = later.iter().find(|r| r.is_discard() && r.lsn <= last) {
            let place = Version::new(table, page.cookie.page_id, page.cookie.lsn);
            let kind = if discard.lsn <= frontier { FaultKind::DiscardedInUse } else { FaultKind::DiscardedSoon };
            let fact = Fact::Discarded { discard: discard.lsn, root: frontier, metadata: self.metadata_lsn };
            let fault = Fault::new(kind, place, fact);
            self.fault(tree, if page.deleted { fault.with(Note::BelowDeleted) } else { fault });
        }
    }
}

impl Visitor for Audited<'_> {
    fn page(&mut self, tree: usize, page: &Visited) {
        if page.level == 0 && page.cookie.lsn >= self.metadata_lsn {
            // Roots are written before the turtle page that leads to them (I5).
            let place = Version::new(self.trees[tree].table, page.cookie.page_id, page.cookie.lsn);
            let fact = Fact::NotBelowTurtle { metadata: self.metadata_lsn };
            self.fault(tree, Fault::new(FaultKind::ChildNewer, place, fact));
        }
        let sums = &mut self.sums[tree];
        let size = u64::from(page.cookie.size);
        sums.cookie_bytes += size;
        sums.pages.reachable += 1;
        if !page.overflow {
            // An overflow item hangs below its leaf, but is no level of the tree.
            sums.pages.depth = sums.pages.depth.max(page.level as u64 + 1);
        }
        if page.deleted {
            sums.deleted_bytes += size;
        }
        sums.pages.deleted_children += u64::from(page.kind == CellKind::AddrDeleted);
        *match (page.overflow, page.kind) {
            (true, _) => &mut sums.pages.overflow,
            (false, CellKind::AddrInternal) => &mut sums.pages.internal,
            (false, _) => &mut sums.pages.leaf,
        } += 1;
        if page.chain.is_none() || page.broken {
            self.marks.holed.insert((self.trees[tree].table, page.cookie.page_id));
        }
        if let Some(chain) = page.chain {
            let stored = chain.stored_or(&self.opened.index, page.cookie.size);
            sums.physical_bytes += stored;
            sums.old_sizes |= stored != size;
            sums.pages.deltas += chain.deltas() as u64;
            self.marks.entered.set(chain.newest);
            for at in chain.positions() {
                self.marks.class[at] = Class::Live;
            }
            self.check_discard(tree, page, chain.newest);
        } else {
            self.missing.insert((self.trees[tree].table, page.cookie.page_id), page.cookie.lsn);
        }
    }

    fn leaves(&mut self, tree: usize, leaves: &LeafSums) {
        let sums = &mut self.sums[tree];
        sums.cookie_bytes += leaves.cookie_bytes;
        sums.physical_bytes += leaves.physical_bytes;
        sums.old_sizes |= leaves.old_sizes;
        sums.pages.reachable += leaves.pages;
        sums.pages.leaf += leaves.pages;
        sums.pages.deltas += leaves.deltas;
        sums.pages.depth = sums.pages.depth.max(leaves.level as u64 + 1);
        if leaves.deleted {
            sums.deleted_bytes += leaves.cookie_bytes;
        }
    }

    fn leaf_root(&mut self, tree: usize) {
        let pages = &mut self.sums[tree].pages;
        pages.internal = pages.internal.saturating_sub(1);
        pages.leaf += 1;
    }

    fn rows(&mut self, tree: usize, counts: RowCounts) {
        let rows = &mut self.sums[tree].rows;
        rows.keys += counts.keys;
        rows.live += counts.live;
    }

    fn subtree_lost(&mut self, tree: usize) {
        self.sums[tree].lost = true;
        self.sums[tree].complete = false;
    }

    fn fault(&mut self, tree: usize, fault: Fault) {
        use FaultKind::*;
        let unread = matches!(
            fault.kind,
            Missing
                | Checksum
                | Header
                | Undecodable
                | ChainBroken
                | CookieInvalid
                | CookieUnsupported
                | Unreadable
                | Unread
        );
        // A page that breaks a rule and was read all the same hides nothing.
        let read = fault.recovered && matches!(fault.kind, Header | Undecodable);
        if unread && !read {
            self.sums[tree].complete = false;
        }
        self.sums[tree].unread |= fault.unread.is_some();
        // Rows that a damaged file hides are not known to be missing.
        let partial = self.opened.is_partial(fault.table)
            || (self.trees[tree].uri == SHARED_METADATA && self.opened.hides_metadata());
        let partial = partial || (fault.kind == Missing && self.opened.may_lack(fault.table, fault.lsn));
        let hidden = matches!(fault.kind, Missing | ChainBroken) && partial;
        if hidden {
            self.hidden.insert((fault.table, fault.page));
            if self.opened.layout.gathered.is_some() && !self.opened.lacks(fault.table) {
                let (count, first) = self.not_supplied.entry(fault.table).or_default();
                *count += 1;
                if first.len() < NAMED {
                    first.push(fault.place());
                }
            }
        } else {
            self.faults.push((tree, fault));
        }
    }

    fn progress(&mut self, blocks: u64, bytes: u64) {
        self.done.0 += blocks;
        self.done.1 += bytes;
        self.progress.at(self.done.0, self.done.1);
    }
}

/// Mark what another checkpoint reaches: internal pages are read, leaves only marked. Returns for
/// each tree whether something below an unreadable page may have been missed.
pub fn mark_other(
    opened: &Opened<'_>,
    trees: &[Tree],
    options: Options<'_>,
    mark: Class,
    marks: &mut Marks,
) -> Result<Vec<bool>, StoreError> {
    // The same version has the same subtree: it was marked when it was reached first.
    let reached = Bits::new(opened.index.len());
    let once = |entered: &Bits, reached: Option<&Bits>| {
        let options = Options { depth: Depth::Quick, entered: Some(entered), marks: reached, ..options };
        let lost = vec![false; trees.len()];
        let mut visitor = Marker { trees, rows: Vec::new(), holed: Vec::new(), unread: Vec::new(), lost };
        let outcome = walk::walk(opened.store, &opened.index, trees, options, &mut visitor)?;
        Ok((outcome, visitor))
    };
    let before = marks.entered.clone();
    let (outcome, mut found) = once(&marks.entered, Some(&reached))?;
    if outcome == Outcomes::Settled {
        marks.take_in(&opened.index, &reached, mark);
    } else {
        marks.entered = before;
        found = once(&marks.entered, None)?.1;
    }
    for at in found.rows {
        let class = &mut marks.class[at];
        if *class == Class::Unjudged {
            *class = mark;
        }
    }
    marks.holed.extend(found.holed);
    marks.unread.extend(found.unread);
    Ok(found.lost)
}

/// What the walk of another checkpoint meets, to be marked once it is settled.
struct Marker<'a> {
    trees: &'a [Tree],
    rows: Vec<usize>,
    /// Pages that lack blocks: table, page.
    holed: Vec<(TableId, PageId)>,
    /// Files that the system did not let be read.
    unread: Vec<(String, Unchecked)>,
    lost: Vec<bool>,
}

impl Visitor for Marker<'_> {
    fn page(&mut self, tree: usize, page: &Visited) {
        if page.chain.is_none() || page.broken {
            self.holed.push((self.trees[tree].table, page.cookie.page_id));
        }
        self.rows.extend(page.chain.iter().flat_map(|c| c.positions()));
    }

    fn subtree_lost(&mut self, tree: usize) {
        self.lost[tree] = true;
    }

    fn fault(&mut self, _tree: usize, fault: Fault) {
        if let Some(unread) = fault.unread
            && !self.unread.iter().any(|(name, _)| *name == unread.0)
        {
            self.unread.push(unread);
        }
    }
}

/// The finding for a fault of a walk; `pages`: how many pages of the tree it stands for.
pub fn finding(uri: &str, fault: &Fault, pages: Option<u64>) -> Finding {
    let code = match fault.kind {
        FaultKind::Missing => Code::PageMissing,
        FaultKind::Checksum => Code::PageChecksum,
        FaultKind::Header => Code::PageHeader,
        FaultKind::Undecodable => Code::PageUndecodable,
        FaultKind::ChainBroken => Code::ChainBroken,
        FaultKind::ChainTooLong => Code::ChainTooLong,
        FaultKind::SizeMismatch => Code::CookieSizeMismatch,
        FaultKind::CookieInvalid => Code::CookieInvalid,
        FaultKind::CookieUnsupported => Code::CookieUnsupported,
        FaultKind::ChildNewer => Code::ChildNewerThanParent,
        FaultKind::Cycle => Code::PageCycle,
        FaultKind::ReferencedTwice => Code::PageReferencedTwice,
        FaultKind::PageIdRange => Code::PageIdOutOfRange,
        FaultKind::DiscardedInUse | FaultKind::DiscardedSoon => Code::DiscardedInUse,
        FaultKind::KeyOrder | FaultKind::KeyRange => Code::KeyOutOfOrder,
        FaultKind::Encrypted => Code::Encrypted,
        FaultKind::UnknownCompressor => Code::UnsupportedCompressor,
        // What the system did not give is in the ledger; a finding of it says where it was met.
        FaultKind::Unreadable | FaultKind::Unread | FaultKind::LengthOnly => Code::StoreDamaged,
    };
    let place = Place {
        uri: Some(uri.to_string()),
        table_id: Some(fault.table),
        page_id: Some(fault.page),
        lsn: Some(fault.lsn),
        ..Place::default()
    };
    let mut finding = Finding::of(code, place, super::fact::Fact::Fault { fault: fault.clone(), pages }.into());
    if fault.is_below_deleted() {
        finding.tickets.push("WT-17430");
    }
    if fault.kind == FaultKind::DiscardedSoon {
        finding.severity = Severity::Note;
        finding.remedy = Remedy::NextCheckpoint;
    }
    finding
}
