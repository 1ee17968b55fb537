//! Every checkpoint of a store in one pass: when each difference began, and in which window its blocks were put.
//!
//! Of a page log the newest checkpoint is audited, which gives the class of every row. The older ones are added up
//! with what they share read once ([`memo`]). Of a home the audit reads every checkpoint anyway ([`home`]).

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod home;
pub mod memo;
pub mod result;

use crate::audit::pagelog::reach::{self, Marks};
use crate::audit::pagelog::{Opened, account, distinct_tables, evidence, misplaced, run_on, sizes};
use crate::audit::result::{Audit, SizeMeaning, Verdict};
use crate::audit::{self, AuditError, Progress, Silent, minus};
use crate::format::completion;
use crate::format::generation::{self, Generation};
use crate::id::{Lsn, TableId};
use crate::page::Depth;
use crate::pagelog::catalog::{self, Catalog, Checkpoint, SHARED_METADATA, Tree};
use crate::pagelog::walk;
use crate::pickup::policy::Policy;
use crate::pickup::replay::{self, ReplayError};
use crate::store::{BlockReader, Index, StoreError};
use memo::Memos;
pub use result::{
    Change, History, OrphanAt, PickUp, Record, TableWritten, Total, TreeAt, TreeHistory, TreeState, Written,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How to look at it.
pub struct Options<'o> {
    pub jobs: usize,
    /// Take this generation instead of the one the evidence gives.
    pub assume: Option<Generation>,
    /// Which trees, by URI; the shared metadata is always read.
    pub tables: Option<&'o dyn Fn(&str) -> bool>,
}

/// The history of a page log, and the audit of its newest checkpoint.
pub fn run(
    opened: &Opened<'_>,
    home: &str,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<(History, Audit), AuditError> {
    // Which rows are reachable, and what they add up to, is known from the internal pages.
    let audited = audit::Options {
        depth: Depth::Quick,
        jobs: options.jobs,
        assume: options.assume,
        tables: options.tables,
        ..audit::Options::default()
    };
    let (audit, _) = run_on(opened, home, &audited, progress)?;
    progress.phase("adding up older checkpoints", Some(opened.completions.len() as u64));
    let mut work = Work::new(opened, options, &audit)?;
    for at in 0..opened.completions.len() {
        work.record(at)?;
        progress.count(at as u64 + 1, "record");
    }
    let pickups = pickups(opened, home, options, progress)?;
    for (record, pickup) in work.records.iter_mut().zip(pickups) {
        record.keystore_lsn = record.keystore_lsn.or(pickup.1);
        record.pickup = Some(pickup.0);
    }
    let history = work.finish();
    Ok((history, audit))
}

/// A tree as it was at the last record that names it.
struct Line {
    /// Position in the list of trees.
    at: usize,
    last: TreeAt,
    known: Option<Known>,
}

/// The last time that a difference was known.
#[derive(Clone, Copy)]
struct Known {
    off: i64,
    record: Lsn,
    root: Option<Lsn>,
}

struct Work<'a> {
    opened: &'a Opened<'a>,
    options: &'a Options<'a>,
    audit: &'a Audit,
    reader: Box<dyn BlockReader + Send + 'a>,
    memos: Memos<'a>,
    /// A key page of version 2 was seen.
    key_v2: bool,
    records: Vec<Record>,
    trees: Vec<TreeHistory>,
    lines: HashMap<(String, TableId), Line>,
    uris: HashMap<TableId, String>,
    changes: Vec<Change>,
    /// The total of the database.
    total: Option<Known>,
    /// The last record whose list of trees is whole.
    listed: Option<Lsn>,
    wrong: bool,
    unchecked: bool,
}

impl<'a> Work<'a> {
    fn new(opened: &'a Opened<'a>, options: &'a Options<'a>, audit: &'a Audit) -> Result<Self, StoreError> {
        let readers = (0..options.jobs.max(1)).map(|_| opened.store.reader());
        let readers = readers.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Self {
            opened,
            options,
            audit,
            reader: opened.store.reader()?,
            memos: Memos::new(&opened.index, readers),
            key_v2: audit.keystore.pages.iter().any(|p| p.version == Some(2)),
            records: Vec::new(),
            trees: Vec::new(),
            lines: HashMap::new(),
            uris: HashMap::new(),
            changes: Vec::new(),
            total: None,
            listed: None,
            wrong: false,
            unchecked: !audit.coverage.allows_clean() || audit.verdict == Verdict::Incomplete,
        })
    }

    fn record(&mut self, at: usize) -> Result<(), AuditError> {
        let Some(row) = self.opened.completions.get(at) else { return Ok(()) };
        let text = completion::parse(&row.text).ok();
        let mut record = Record {
            number: at as u64 + 1,
            lsn: row.lsn,
            lsn_time: row.lsn.time(),
            metadata_lsn: text.as_ref().map(|t| t.metadata_lsn),
            timestamp: None,
            keystore_lsn: None,
            not_checked: None,
            published_size: text.as_ref().and_then(|t| t.database_size),
            recomputed_size: None,
            difference: None,
            difference_of_total: None,
            trees: 0,
            trees_not_checked: 0,
            orphans: Total::default(),
            written: Written::default(),
            written_by_table: Vec::new(),
            pickup: None,
        };
        match catalog::open(&self.opened.index, &mut *self.reader, row) {
            Ok(checkpoint) => self.checkpoint(&checkpoint, &mut record)?,
            Err(refusal) => {
                self.unchecked = true;
                record.not_checked = Some(refusal);
            }
        }
        self.records.push(record);
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, record: &mut Record) -> Result<(), AuditError> {
        record.timestamp = Some(format!("{:x}", checkpoint.turtle.timestamp));
        record.keystore_lsn = checkpoint.turtle.key_provider.as_ref().map(|k| k.lsn);
        let index = &self.opened.index;
        let mut catalog = catalog::read(index, &mut *self.reader, checkpoint);
        distinct_tables(&mut catalog);
        misplaced::relocate(index, &mut *self.reader, &mut catalog);
        let whole = catalog.complete && !catalog.has_unreadable_rows();
        let all = catalog.trees.len();
        let sum =
            catalog.trees.iter().filter_map(|t| t.entry.as_ref()).fold(0, |sum: u64, e| sum.saturating_add(e.size));
        self.uris.extend(catalog.trees.iter().map(|t| (t.table, t.uri.clone())));
        if let Some(wanted) = self.options.tables {
            catalog.trees.retain(|t| t.uri == SHARED_METADATA || wanted(&t.uri));
        }
        let found = match &self.audit.checkpoint {
            Some(c) if c.lsn == checkpoint.lsn => self.newest(checkpoint, &catalog),
            _ => self.older(checkpoint, &catalog)?,
        };
        record.trees = catalog.trees.len() as u64;
        let not_checked = found.iter().filter(|f| f.0.state != TreeState::Checked).count() as u64;
        record.trees_not_checked = not_checked.saturating_add(u64::from(!whole));
        self.unchecked |= record.trees_not_checked > 0;
        let recomputed = found.iter().fold(account::BUFFER, |sum, f| sum.saturating_add(f.0.recomputed_size));
        if whole && not_checked == 0 && catalog.trees.len() == all {
            record.recomputed_size = Some(recomputed);
            record.difference = record.published_size.map(|p| minus(p, recomputed));
        }
        let sized = found.iter().all(|f| f.1 != SizeMeaning::RootPageId);
        if whole && sized {
            let right = sum.saturating_add(account::BUFFER);
            record.difference_of_total = record.published_size.map(|p| minus(p, right));
        }
        if let Some(off) = record.difference_of_total {
            let before = self.total.replace(Known { off, record: record.lsn, root: None });
            self.change(record, None, before, off);
        }
        for (tree, (at, _)) in catalog.trees.iter().zip(&found) {
            self.tree(record, tree, *at);
        }
        if whole {
            let named: HashSet<(&str, TableId)> = catalog.trees.iter().map(|t| (t.uri.as_str(), t.table)).collect();
            for (key, line) in &mut self.lines {
                let there = named.contains(&(key.0.as_str(), key.1)) || line.last.state == TreeState::Gone;
                let Some(tree) = self.trees.get_mut(line.at).filter(|_| !there) else { continue };
                line.last = TreeAt { state: TreeState::Gone, ..nothing(record.lsn) };
                line.known = None;
                tree.checkpoints.push(line.last);
            }
            self.listed = Some(record.lsn);
        }
        Ok(())
    }

    /// The trees of the checkpoint that was audited.
    fn newest(&self, checkpoint: &Checkpoint, catalog: &Catalog) -> Vec<(TreeAt, SizeMeaning)> {
        use crate::audit::finding::Code;
        let sized = [Code::SizeInflated, Code::SizeDeflated, Code::SizeDoubleRoot];
        let findings = self.audit.findings.iter().filter(|f| sized.contains(&f.code));
        let wrong: HashSet<&str> = findings.filter_map(|f| f.place.uri.as_deref()).collect();
        let one = |tree: &Tree| {
            let Some(info) = self.audit.trees.iter().find(|t| t.uri == tree.uri && t.table_id == tree.table) else {
                return (nothing(checkpoint.lsn), SizeMeaning::BytesTotal);
            };
            let state = if info.complete { TreeState::Checked } else { TreeState::InPart };
            let at = TreeAt {
                lsn: checkpoint.lsn,
                state,
                root_lsn: tree.root.map(|r| r.lsn),
                published_size: info.published_size,
                recomputed_size: info.recomputed_size,
                difference: info.difference,
                wrong: wrong.contains(info.uri.as_str()),
                pages: info.pages.reachable,
            };
            (at, info.published_size_meaning)
        };
        catalog.trees.iter().map(one).collect()
    }

    /// The trees of another one.
    fn older(&mut self, checkpoint: &Checkpoint, catalog: &Catalog) -> Result<Vec<(TreeAt, SizeMeaning)>, AuditError> {
        let (detected, _) = generation::detect(&evidence(self.opened, Some(checkpoint), self.key_v2));
        let generation = self.options.assume.unwrap_or(detected);
        let keeps = generation.keeps_sizes() && checkpoint.completion.database_size.is_some();
        let sums = self.memos.sums(&catalog.trees);
        let odd: Vec<Tree> =
            catalog.trees.iter().zip(&sums).filter(|(_, s)| s.is_none()).map(|(t, _)| t.clone()).collect();
        let mut walked = Vec::new().into_iter();
        if !odd.is_empty() {
            let how = walk::Options { depth: Depth::Quick, jobs: self.options.jobs, entered: None, marks: None };
            let mut marks = Marks::new(&self.opened.index);
            walked = reach::walk_audited(self.opened, &odd, checkpoint, how, &mut marks, &Silent)?.trees.into_iter();
        }
        let mut out = Vec::with_capacity(sums.len());
        for (tree, sums) in catalog.trees.iter().zip(sums) {
            let mut sums = sums.or_else(|| walked.next()).unwrap_or_default();
            sums.limit(self.opened, catalog, tree);
            let compared = sizes::compare(keeps, tree, &sums);
            let state = match (sums.unread, sums.complete) {
                (true, _) => TreeState::NotChecked,
                (false, true) => TreeState::Checked,
                (false, false) => TreeState::InPart,
            };
            let at = TreeAt {
                lsn: checkpoint.lsn,
                state,
                root_lsn: tree.root.map(|r| r.lsn),
                published_size: tree.entry.as_ref().map(|e| e.size),
                recomputed_size: sums.cookie_bytes,
                difference: compared.difference,
                wrong: compared.wrong,
                pages: sums.pages.reachable,
            };
            out.push((at, compared.meaning));
        }
        Ok(out)
    }

    /// Enter a tree at a record.
    fn tree(&mut self, record: &Record, tree: &Tree, at: TreeAt) {
        let key = (tree.uri.clone(), tree.table);
        let next = self.trees.len();
        let new = !self.lines.contains_key(&key);
        let line = self.lines.entry(key).or_insert(Line { at: next, last: at, known: None });
        if new {
            let (uri, table_id) = (tree.uri.clone(), tree.table);
            self.trees.push(TreeHistory { uri, table_id, checkpoints: vec![at] });
        } else if !line.last.is_as(&at)
            && let Some(known) = self.trees.get_mut(line.at)
        {
            known.checkpoints.push(at);
        }
        // A tree that the record before did not have was right then: it was not there.
        let absent = new || line.last.state == TreeState::Gone;
        let created = self.listed.filter(|_| absent).map(|record| Known { off: 0, record, root: None });
        line.last = at;
        let Some(off) = at.off() else { return };
        let before = line.known.or(created);
        line.known = Some(Known { off, record: record.lsn, root: at.root_lsn });
        self.change(record, Some(tree), before, off);
    }

    /// Note that a difference is another than before.
    fn change(&mut self, record: &Record, tree: Option<&Tree>, before: Option<Known>, off: i64) {
        self.wrong |= off != 0;
        let from = before.map_or(0, |b| b.off);
        if from == off {
            return;
        }
        let mut change = Change {
            uri: tree.map(|t| t.uri.clone()),
            table_id: tree.map(|t| t.table),
            record: record.number,
            lsn: record.lsn,
            lsn_time: record.lsn_time,
            from,
            to: off,
            after: before.map(|b| b.record),
            after_time: None,
            upto: record.lsn,
            orphans: Vec::new(),
        };
        if let Some(tree) = tree.filter(|_| off > from) {
            self.orphans_of(&mut change, tree, before);
        }
        change.after_time = change.after.and_then(Lsn::time);
        self.changes.push(change);
    }

    /// The orphans of a tree that were put between its root at the checkpoint before and its root at this one: what
    /// lies behind a root is no part of the size beside it.
    fn orphans_of(&self, change: &mut Change, tree: &Tree, before: Option<Known>) {
        let upto = tree.root.map_or(change.upto, |r| r.lsn);
        let since = before.map_or(Lsn::NONE, |b| b.root.unwrap_or(b.record));
        let mut early = false;
        for (at, orphan) in self.audit.orphans.iter().enumerate() {
            if orphan.table_id == tree.table && orphan.lsn > since && orphan.lsn <= upto {
                change.orphans.push(at);
                early |= before.is_some_and(|b| orphan.lsn <= b.record);
            }
        }
        // What was put while the checkpoint before was being completed is no part of its tree.
        change.after = change.after.map(|after| if early { since } else { after });
    }

    fn finish(mut self) -> History {
        let lsns: Vec<Lsn> = self.records.iter().map(|r| r.lsn).collect();
        for (at, total) in written(&self.opened.index, &lsns).into_iter().enumerate() {
            let Some(record) = self.records.get_mut(at) else { continue };
            for (table_id, written) in total {
                record.written = sum(record.written, written);
                let uri = self.uris.get(&table_id).cloned();
                record.written_by_table.push(TableWritten { table_id, uri, written });
            }
        }
        let mut orphans = Vec::with_capacity(self.audit.orphans.len());
        for orphan in &self.audit.orphans {
            let record = lsns.partition_point(|lsn| *lsn < orphan.lsn);
            if let Some(record) = self.records.get_mut(record) {
                record.orphans.count += 1;
                record.orphans.bytes = record.orphans.bytes.saturating_add(orphan.bytes);
            }
            orphans.push(OrphanAt { orphan: orphan.clone(), record_lsn: lsns.get(record).copied() });
        }
        self.trees.sort_by(|a, b| (&a.uri, a.table_id).cmp(&(&b.uri, b.table_id)));
        self.changes.sort_by(|a, b| (a.lsn, &a.uri, a.table_id).cmp(&(b.lsn, &b.uri, b.table_id)));
        let verdict = match (self.wrong || !orphans.is_empty(), self.unchecked || self.records.is_empty()) {
            (true, _) => Verdict::Findings,
            (false, true) => Verdict::Incomplete,
            (false, false) => Verdict::Clean,
        };
        let coverage = self.audit.coverage.clone();
        History { changes: self.changes, records: self.records, trees: self.trees, orphans, coverage, verdict }
    }
}

fn nothing(lsn: Lsn) -> TreeAt {
    TreeAt {
        lsn,
        state: TreeState::NotChecked,
        root_lsn: None,
        published_size: None,
        recomputed_size: 0,
        difference: None,
        wrong: false,
        pages: 0,
    }
}

fn sum(a: Written, b: Written) -> Written {
    Written {
        versions: a.versions.saturating_add(b.versions),
        deltas: a.deltas.saturating_add(b.deltas),
        bytes: a.bytes.saturating_add(b.bytes),
        discard_records: a.discard_records.saturating_add(b.discard_records),
    }
}

/// What was put up to each record since the one before, by table; what lies behind the last record is no part of one.
fn written(index: &Index, records: &[Lsn]) -> Vec<BTreeMap<TableId, Written>> {
    let mut out = vec![BTreeMap::new(); records.len()];
    for row in index.rows() {
        let Some(tables) = out.get_mut(records.partition_point(|lsn| *lsn < row.lsn)) else { continue };
        let one = match row.is_discard() {
            true => Written { discard_records: 1, ..Written::default() },
            false => Written { versions: 1, deltas: row.is_delta().into(), bytes: row.len.into(), discard_records: 0 },
        };
        let total: &mut Written = tables.entry(row.table).or_default();
        *total = sum(*total, one);
    }
    out
}

/// Each record through the pick-up of a standby that drops what it cannot take, and the key each embeds.
fn pickups(
    opened: &Opened<'_>,
    home: &str,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<Vec<(PickUp, Option<Lsn>)>, AuditError> {
    let how = replay::Options { policies: vec![Policy::Skip], assume: options.assume, ..replay::Options::default() };
    let replay = match replay::run(opened, home, &how, progress) {
        Ok(replay) => replay,
        Err(ReplayError::Store(e)) => return Err(e.into()),
        // Of a checkpoint to have installed, and none was named.
        Err(_) => return Ok(Vec::new()),
    };
    let stale: HashSet<Lsn> = replay.refusals.iter().filter(|r| r.stale_keystore).map(|r| r.lsn).collect();
    let one = |r: replay::Record| {
        let pickup = PickUp {
            outcome: r.outcome,
            stale_keystore: stale.contains(&r.lsn),
            committed_keystore_lsn: r.committed_keystore_lsn,
            step: r.step,
            code: r.code,
            reason: r.reason,
        };
        (pickup, r.keystore_lsn)
    };
    Ok(replay.records.into_iter().map(one).collect())
}
