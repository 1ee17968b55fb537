//! Every row of the page log into one class.

use crate::audit::result::ClassTotal;
use crate::id::{Lsn, PageId, TableId};
use crate::store::{Index, Row};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Class {
    /// Not yet judged.
    #[default]
    Unjudged,
    /// Reached from the audited checkpoint.
    Live,
    /// Reached from an older checkpoint only.
    Kept,
    /// Reached from a newer checkpoint only (when an older one is audited).
    Newer,
    /// Written after the tree's root, or after the completion record.
    After,
    /// Older than a full image of the page that is no orphan.
    Superseded,
    /// The page has a later discard record that covers it.
    Discarded,
    DiscardRecord,
    /// Remains of a failed delta.
    DuplicateDelta,
    /// Reached by nothing and covered by nothing.
    Orphan,
    /// A key page newer than the one the audited checkpoint embeds.
    KeyNotEmbedded,
    /// Could not be judged.
    Undetermined,
}

impl Class {
    /// The classes of the contract, in the order of the report, and the name of each.
    pub const NAMES: [(Self, &'static str); 10] = [
        (Self::Live, "live"),
        (Self::Kept, "kept-for-older-checkpoint"),
        (Self::Superseded, "superseded"),
        (Self::Discarded, "discarded"),
        (Self::DiscardRecord, "discard-record"),
        (Self::DuplicateDelta, "duplicate-delta"),
        (Self::Orphan, "orphan"),
        (Self::KeyNotEmbedded, "key-page-not-embedded"),
        (Self::After, "after-newest-checkpoint"),
        (Self::Undetermined, "undetermined"),
    ];

    /// The name in the contract.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(class, _)| *class == self).map_or("not-judged", |(_, name)| name)
    }

    fn is_reached(self) -> bool {
        matches!(self, Self::Live | Self::Kept | Self::Newer)
    }
}

/// What is known of a table at the audited checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct TableFacts {
    /// Rows above it are later work.
    pub frontier: Lsn,
    /// Pages below some unreadable page may have been missed: nothing can be called an orphan.
    pub lost: bool,
}

/// What the classification stands on besides the marks of the walks.
#[derive(Debug)]
pub struct Basis {
    /// LSN of the audited completion record.
    pub completion_lsn: Lsn,
    /// LSN of the newest completion record there is, usable or not.
    pub newest_completion: Lsn,
    /// Facts by table; tables not in it belong to no tree of any checkpoint.
    pub tables: HashMap<TableId, TableFacts>,
    /// Facts of tables that no checkpoint names. They are lost if some metadata could not be read:
    /// it may have named them.
    pub unknown: TableFacts,
    /// The table of turtle pages.
    pub turtle_table: TableId,
    /// The table of key pages.
    pub key_table: TableId,
    /// LSN of the key page the audited checkpoint embeds.
    pub embedded_key: Lsn,
    /// Whether this generation writes discard records; without them a freed page and a leaked one look alike.
    pub discards: bool,
    /// Pages referenced at an LSN for which there is no row at all: (table, page) to that LSN.
    /// What they replaced is superseded although the image that did it is gone.
    pub missing: HashMap<(TableId, PageId), Lsn>,
    /// Only the newest checkpoint was walked: tables it does not name are not judged.
    pub newest_only: bool,
    /// The checkpoint before the audited one is not there, and may need rows up to here.
    pub unknown_before: Lsn,
    /// Pages (table, page) that lack blocks: nothing of them can be called an orphan.
    pub holed: HashSet<(TableId, PageId)>,
}

/// Judge every row that the walks have not marked.
pub fn classify(index: &Index, class: &mut [Class], basis: &Basis) {
    let mut rows = Vec::new();
    for page in index.pages() {
        let class = &mut class[page.clone()];
        // What is reached stays what it is, whatever its row says; most pages have nothing else.
        if class.iter().all(|c| matches!(c, Class::Live | Class::Kept)) {
            continue;
        }
        rows.clear();
        rows.extend(index.slice(page));
        let Some(first) = rows.first() else { continue };
        let special = [basis.turtle_table, basis.key_table].contains(&first.table);
        if special && first.page == crate::pagelog::catalog::SPECIAL_PAGE {
            classify_special(&rows, class, basis);
        } else {
            classify_page(&rows, class, basis);
        }
    }
}

/// Rules that hold for every row, whatever table it is in.
fn common(row: &Row, class: Class, completion_lsn: Lsn) -> Option<Class> {
    match class {
        Class::Newer => Some(Class::After),
        reached if reached.is_reached() => Some(reached),
        _ if row.lsn > completion_lsn => Some(Class::After),
        _ if row.is_discard() => Some(Class::DiscardRecord),
        _ => None,
    }
}

/// Turtle and key pages: full images only, never orphans.
fn classify_special(rows: &[Row], class: &mut [Class], basis: &Basis) {
    for (row, class) in rows.iter().zip(class) {
        // A key page that only a newer checkpoint embeds was there already when this one completed.
        if *class == Class::Newer && row.table == basis.key_table && row.lsn <= basis.completion_lsn {
            *class = Class::Unjudged;
        }
        *class = common(row, *class, basis.completion_lsn).unwrap_or({
            if row.table == basis.key_table && row.lsn > basis.embedded_key {
                Class::KeyNotEmbedded
            } else {
                Class::Superseded
            }
        });
    }
}

fn classify_page(rows: &[Row], class: &mut [Class], basis: &Basis) {
    let Some(first) = rows.first() else { return };
    let facts = basis.tables.get(&first.table).copied();
    let TableFacts { frontier, lost } = facts.unwrap_or(basis.unknown);
    // Of a page whose other versions nobody asked for it is not known what became of this one.
    let lone = rows.iter().any(Row::is_lone);
    let lost = lost || lone || basis.holed.contains(&(first.table, first.page));
    let missing = basis.missing.get(&(first.table, first.page)).copied().unwrap_or_default();
    // Newest first: whether a row is superseded depends on what the newer ones turned out to be.
    for at in (0..rows.len()).rev() {
        let row = &rows[at];
        if let Some(known) = common(row, class[at], basis.completion_lsn) {
            class[at] = known;
            continue;
        }
        let later = later_images(rows, class, at);
        if row.lsn > frontier {
            class[at] = Class::After;
        } else if later != Later::Skipped
            && is_discarded(rows, at, if later == Later::Superseded { Lsn(u64::MAX) } else { basis.newest_completion })
        {
            class[at] = Class::Discarded;
        } else if later == Later::Superseded || row.lsn < missing || (facts.is_none() && basis.newest_only) {
            class[at] = Class::Superseded;
        } else if lost || !basis.discards || row.lsn <= basis.unknown_before {
            class[at] = Class::Undetermined;
        } else if row.is_delta() && chain_is_sound(rows, class, at) {
            class[at] = Class::DuplicateDelta;
        } else {
            class[at] = Class::Orphan;
        }
    }
    // A delta on an orphaned image is part of the orphan.
    for at in 0..rows.len() {
        if class[at] == Class::DuplicateDelta && !chain_is_sound(rows, class, at) {
            class[at] = Class::Orphan;
        }
    }
}

/// A later discard record covers the row: it names a block at or above it.
///
/// A discard frees what the tree knew of the page. An image that a failed reconciliation left above
/// the block it names was unknown to the tree, and stays leaked.
/// A discard above the newest completion record is unfinished work, which the store gives up: it
/// covers nothing that it alone would cover.
fn is_discarded(rows: &[Row], at: usize, upto: Lsn) -> bool {
    let row = &rows[at];
    let covers = |d: &Row| d.lsn > row.lsn && (d.backlink_lsn >= row.lsn || d.backlink_lsn == 0);
    rows[at + 1..].iter().any(|d| d.is_discard() && d.lsn <= upto && covers(d))
}

/// What the full images above a row say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    /// There are none but orphans.
    None,
    /// One stands for the page, and for this row.
    Superseded,
    /// One stands for the page, written by a tree that did not know this row. What frees the page
    /// later does not take this row's bytes off the tree's total either.
    Skipped,
}

/// Look at the later full images that are no orphans.
fn later_images(rows: &[Row], class: &[Class], at: usize) -> Later {
    let row = &rows[at];
    let later = rows.iter().zip(class).skip(at + 1);
    let mut adopted = false;
    let mut skipped = false;
    let mut full = false;
    for (r, c) in later {
        if r.is_discard() || matches!(c, Class::Orphan | Class::DuplicateDelta) || r.lsn <= row.lsn {
            continue;
        }
        adopted |= r.backlink_lsn == row.lsn || r.base_lsn == row.lsn;
        if r.is_full() {
            // A full image names the full image it replaces. One that names an older image
            // was written by a tree that did not know this one.
            skipped |= row.is_full() && r.backlink_lsn != 0 && r.backlink_lsn < row.lsn && !full;
            full = true;
        }
    }
    match (full, skipped && !adopted) {
        (false, _) => Later::None,
        (true, false) => Later::Superseded,
        (true, true) => Later::Skipped,
    }
}

/// The full image a delta stands on is no orphan.
fn chain_is_sound(rows: &[Row], class: &[Class], at: usize) -> bool {
    let base = rows[at].base_lsn;
    rows.iter()
        .zip(class)
        .any(|(r, c)| r.is_full() && r.lsn == base && !matches!(c, Class::Orphan | Class::Undetermined))
        // Rows are judged newest first, so an older base may still be unjudged.
        || rows.iter().zip(class).any(|(r, c)| r.lsn == base && *c == Class::Unjudged)
}

/// Pages in use whose id was discarded before and used again.
#[derive(Debug, Clone, Copy)]
pub struct Reused {
    pub table: TableId,
    /// The first such page, its image in use, the discard record, and the LSN that the image follows.
    pub page: PageId,
    pub lsn: Lsn,
    pub discard: Lsn,
    pub backlink: Lsn,
    /// How many of the table.
    pub pages: u64,
}

/// The tables that have such pages: the image in use lies above a discard record, and names an image before it.
/// It is sound; but a page log need not list a page that was discarded once.
pub fn reused(index: &Index, class: &[Class]) -> Vec<Reused> {
    let mut out: BTreeMap<TableId, Reused> = BTreeMap::new();
    for page in index.pages() {
        let Some(class) = class.get(page.clone()) else { continue };
        if !class.contains(&Class::DiscardRecord) || !class.contains(&Class::Live) {
            continue;
        }
        let rows = index.slice(page).to_vec();
        let discard = rows.iter().find(|r| r.is_discard());
        let image = rows.iter().zip(class).find(|(r, c)| **c == Class::Live && r.is_full() && r.backlink_lsn != 0);
        if let (Some(discard), Some((image, _))) = (discard, image)
            && image.lsn > discard.lsn
            && image.backlink_lsn < discard.lsn
        {
            let (table, page, lsn) = (image.table, image.page, image.lsn);
            let first = Reused { table, page, lsn, discard: discard.lsn, backlink: image.backlink_lsn, pages: 0 };
            let entry = out.entry(table).or_insert(first);
            entry.pages = entry.pages.saturating_add(1);
        }
    }
    out.into_values().collect()
}

/// Rows and bytes by class; every class of the contract is present.
pub fn totals(index: &Index, class: &[Class]) -> BTreeMap<&'static str, ClassTotal> {
    let mut sums = [ClassTotal::default(); 16];
    for (len, class) in index.lens().zip(class) {
        let sum = &mut sums[*class as usize];
        sum.count += 1;
        sum.bytes += u64::from(len);
    }
    Class::NAMES.iter().map(|(class, name)| (*name, sums[*class as usize])).collect()
}
