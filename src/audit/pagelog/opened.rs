//! A page log that is open: its index, its records, and what of it could not be read or was not supplied.

use crate::audit::Progress;
use crate::format::image::Era;
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::Checkpoint;
use crate::pagelog::seal;
use crate::store::{CompletionRow, Index, Inspect, Layout, Own, PageLog, Problem, Row, StoreError, StoreKind};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store with its index: what every page-log verb starts from.
pub struct Opened<'s> {
    pub store: &'s dyn PageLog,
    pub index: Index,
    /// What of it could not be read.
    pub problems: Vec<Problem>,
    /// Its files and counters.
    pub layout: Layout,
    /// Its completion records, ascending by LSN.
    pub completions: Vec<CompletionRow>,
}

/// Read index and completion records. With `verify` every block is read in passing and verified in
/// itself, so that an audit of that depth need not read leaves a second time.
pub fn open<'s>(store: &'s dyn PageLog, verify: bool, progress: &dyn Progress) -> Result<Opened<'s>, StoreError> {
    progress
        .phase(if verify { "reading and verifying the page log" } else { "reading the index of the page log" }, None);
    let era = match store.kind() {
        StoreKind::Palm => Era::June2025,
        StoreKind::Palite | StoreKind::Local => Era::Current,
    };
    if let (true, Ok(layout)) = (verify, store.layout()) {
        // What is read are the files, and little of them is not data.
        progress.of_bytes(layout.files.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes)));
    }
    let read = AtomicU64::new(0);
    let inspect = |row: &Row, bytes: &[u8]| {
        read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        seal::seal(era, row, bytes)
    };
    let inspect = verify.then_some(&inspect as &Inspect<'_>);
    opened(store, store.index(inspect, &|rows| progress.at(rows, read.load(Ordering::Relaxed)))?)
}

/// As [`open`] without verifying, with the rows of some pages only.
pub fn open_part<'s>(store: &'s dyn PageLog, own: &Own<'_>, progress: &dyn Progress) -> Result<Opened<'s>, StoreError> {
    progress.phase("reading the index of the page log", None);
    opened(store, store.index_of(own, &|rows| progress.at(rows, 0))?)
}

fn opened(store: &dyn PageLog, (index, mut problems): (Index, Vec<Problem>)) -> Result<Opened<'_>, StoreError> {
    let (completions, more) = store.completions()?;
    for problem in more {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let layout = store.layout()?;
    Ok(Opened { store, index, problems, layout, completions })
}

impl Opened<'_> {
    /// Rows of this table may be missing: a file is damaged, or not all of it was supplied.
    pub fn is_partial(&self, table: TableId) -> bool {
        self.is_damaged(table) || self.is_part(table)
    }

    /// Rows of this table may be missing because a file is damaged.
    pub fn is_damaged(&self, table: TableId) -> bool {
        self.problems.iter().chain(&self.layout.absent).any(|p| p.affects.covers(table))
    }

    /// What the checkpoint before the audited one needs is freed behind the audited one only. Where no dump has its
    /// turtle page, rows up to this LSN may be needed by it.
    pub fn unknown_before(&self, audited: &Checkpoint, others: &[Checkpoint]) -> Lsn {
        let turtle = self.index.get(audited.turtle_at).filter(|_| self.layout.gathered.is_some());
        let before = match turtle.map(|t| (t.is_lone(), t.backlink_lsn)) {
            None => return Lsn::NONE,
            // It may have been left out.
            Some((true, Lsn::NONE)) => audited.completion.metadata_lsn,
            Some((_, before)) => before,
        };
        if others.iter().any(|c| c.completion.metadata_lsn == before) { Lsn::NONE } else { before }
    }

    /// Tables with pages of which other versions may exist than those that were asked for.
    pub fn lone_tables(&self) -> HashSet<TableId> {
        let rows = self.layout.gathered.iter().flat_map(|_| self.index.rows());
        rows.filter(Row::is_lone).map(|row| row.table).collect()
    }

    /// Pages of this table may exist that are in no dump.
    pub fn is_part(&self, table: TableId) -> bool {
        self.layout.gathered.as_ref().is_some_and(|g| g.is_part(table))
    }

    /// A page version may exist that is in no dump.
    pub fn may_lack(&self, table: TableId, lsn: Lsn) -> bool {
        self.layout.gathered.as_ref().is_some_and(|g| g.may_lack(table, lsn))
    }

    /// Nothing of this table is in any dump.
    pub fn lacks(&self, table: TableId) -> bool {
        self.layout.gathered.as_ref().is_some_and(|g| g.lacks(table))
    }

    /// Rows of this table may be missing because the system did not give the bytes of a file.
    pub fn is_unread(&self, table: TableId) -> bool {
        self.problems.iter().any(|p| p.io.is_some() && p.affects.covers(table)) || self.lacks(table)
    }

    /// The shared metadata may lie in a file that the system did not give. Its table is known by its rows alone.
    pub fn hides_metadata(&self) -> bool {
        self.problems
            .iter()
            .any(|p| p.io.is_some() && crate::format::pagelog_ids::METADATA_TABLES.iter().any(|t| p.affects.covers(*t)))
            || crate::format::pagelog_ids::METADATA_TABLES.iter().all(|t| self.lacks(*t))
    }

    /// The system did not give all rows and records.
    pub fn has_unread(&self) -> bool {
        self.problems.iter().any(|p| p.io.is_some() && p.affects.any_table())
    }
}
