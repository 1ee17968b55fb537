//! A table of a scenario: its rows in memory, above the tree that says how they are written.

use super::outcome::{Evidence, Remains, TableOutcome};
use super::scenario;
use crate::format::block::COMBINED_LEN;
use crate::id::{Lsn, PageId};
use crate::model::account::{Rule, signed};
use crate::model::engine::Engine;
use crate::model::fault::{Fail, Form};
use crate::model::pagelog::Log;
use crate::model::tree::{self, Left, RemainsKind, Tree};
use crate::scenario::random::Rng;
use crate::store::edit::NewRow;
use std::collections::{BTreeSet, HashMap, HashSet};

#[derive(Debug, Default)]
struct Leaf {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Rows that differ from what the page log has.
    changed: BTreeSet<usize>,
    dirty: bool,
    /// As what it was last tried.
    form: Option<Form>,
}

/// How an attempt to reconcile a leaf went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) failed: bool,
    pub(super) full_instead: bool,
    pub(super) unchanged: bool,
}

/// One table of the scenario.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) tree: Tree,
    leaves: Vec<Leaf>,
    /// Named by the last checkpoint.
    pub(super) published: bool,
    pub(super) dropped: bool,
    /// Pages that completed checkpoints refer to.
    reached: BTreeSet<PageId>,
    remains: Vec<Remains>,
}

impl Table {
    /// With its first rows, in key order, on leaves of its size.
    pub(super) fn new(table: &scenario::Table, rule: Rule, engine: &mut Engine, rng: &mut Rng) -> Self {
        let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let mut leaves: Vec<Leaf> = Vec::new();
        let mut size = usize::MAX;
        for n in 0..table.rows {
            let row = (format!("row-{n:08}").into_bytes(), rng.value(bytes(table.value_bytes)));
            let mut cells = Vec::new();
            tree::write_row(&mut cells, (&row.0, &row.1));
            if size.saturating_add(cells.len()) > bytes(table.leaf_bytes) {
                leaves.push(Leaf { dirty: true, ..Leaf::default() });
                size = COMBINED_LEN;
            }
            size = size.saturating_add(cells.len());
            if let Some(leaf) = leaves.last_mut() {
                leaf.rows.push(row);
            }
        }
        // Leaves of one root, however many.
        let tree = engine.table(&table.name, usize::MAX).with(table.compressor(), rule, leaves.len());
        let (reached, remains) = (BTreeSet::new(), Vec::new());
        Self { name: table.name.clone(), tree, leaves, published: false, dropped: false, reached, remains }
    }

    pub(super) fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// Rows on a leaf.
    pub(super) fn row_count(&self, leaf: usize) -> usize {
        self.leaves.get(leaf).map_or(0, |l| l.rows.len())
    }

    /// Leaves that a checkpoint has to write.
    pub(super) fn dirty_count(&self) -> u64 {
        self.leaves.iter().filter(|l| l.dirty).count() as u64
    }

    pub(super) fn change(&mut self, leaf: usize, rows: usize, rng: &mut Rng) {
        let Some(leaf) = self.leaves.get_mut(leaf) else { return };
        for at in rng.pick(rows, leaf.rows.len()) {
            if let Some((_, value)) = leaf.rows.get_mut(at) {
                *value = rng.value(value.len());
                leaf.changed.insert(at);
                leaf.dirty = true;
            }
        }
    }

    /// Reconcile a leaf.
    pub(super) fn reconcile(&mut self, log: &mut Log, at: usize, form: Form, fail: Fail, step: u64) -> Tried {
        let Some(leaf) = self.leaves.get_mut(at) else { return Tried::default() };
        if !leaf.dirty {
            return Tried { unchanged: true, ..Tried::default() };
        }
        leaf.form = Some(form);
        let full_instead = form == Form::Delta && (leaf.changed.is_empty() || !self.tree.takes_delta(at));
        let form = if full_instead { Form::Full } else { form };
        let rows = leaf.rows.iter().enumerate().filter(|(n, _)| form != Form::Delta || leaf.changed.contains(n));
        let rows: Vec<_> = rows.map(|(_, (key, value))| (key.as_slice(), value.as_slice())).collect();
        let written = self.tree.write(log, at, form, &rows, fail);
        if written.is_ok() && form == Form::Split {
            let parts = leaf.rows.chunks(tree::half(leaf.rows.len()));
            let parts: Vec<Leaf> = parts.map(|rows| Leaf { rows: rows.to_vec(), ..Leaf::default() }).collect();
            self.leaves.splice(at..=at, parts);
        } else if written.is_ok() {
            leaf.dirty = false;
            leaf.changed.clear();
        }
        let failed = written.is_err();
        self.note(step, written.err().flatten());
        Tried { failed, full_instead, unchanged: false }
    }

    /// A failure of a step left something.
    fn note(&mut self, step: u64, left: Option<Left>) {
        self.remains.extend(left.map(|left| Remains {
            step,
            table: self.name.clone(),
            table_id: self.tree.table,
            kind: left.kind,
            page_id: left.page,
            lsn: left.lsn,
            bytes: left.bytes,
            counted: left.counted,
            evidence: Evidence::AfterCheckpoint,
        }));
    }

    /// Write what is dirty below the root, as it was tried last.
    pub(super) fn flush(&mut self, log: &mut Log, step: u64) {
        // From the last to the first: a split makes more leaves behind it.
        for at in (0..self.leaves.len()).rev() {
            let form = self.leaves.get(at).and_then(|l| l.form).unwrap_or(Form::Full);
            self.reconcile(log, at, form, Fail::None, step);
        }
    }

    /// Write the root of a checkpoint. Whether that went well.
    pub(super) fn write_root(&mut self, log: &mut Log, fail: Fail, step: u64) -> bool {
        let leaves = &self.leaves;
        let key = |leaf: usize, out: &mut Vec<u8>| {
            out.extend(leaves.get(leaf).and_then(|l| l.rows.first()).into_iter().flat_map(|row| &row.0));
        };
        let written = self.tree.write_root(log, &key, fail);
        let done = written.is_ok();
        self.note(step, written.err().flatten());
        done
    }

    /// The checkpoint failed behind this root.
    pub(super) fn undo_root(&mut self, step: u64) {
        let left = self.tree.undo_root();
        self.note(step, left);
    }

    /// The checkpoint's roots are all written.
    pub(super) fn enter(&mut self) {
        self.tree.enter();
        self.reached.extend(self.tree.pages().map(|p| p.id));
    }

    /// What it comes to, and what failures left of it.
    pub(super) fn finish(mut self, rows: &[NewRow]) -> (TableOutcome, Vec<Remains>) {
        let entry = &self.tree.entry;
        let (published_size, true_size) = if self.published { (entry.size, entry.true_size) } else { (0, 0) };
        let leaked = signed(published_size, true_size);
        let unknown: HashSet<Lsn> =
            self.remains.iter().filter(|r| r.kind == RemainsKind::Image).map(|r| r.lsn).collect();
        let full = |r: &&NewRow| r.table == self.tree.table && r.base_lsn == 0 && !unknown.contains(&r.lsn);
        // The newest full image of each page that the tree knows of: rows are in the order they were put.
        let known: HashMap<PageId, Lsn> = rows.iter().filter(full).map(|r| (r.page, r.lsn)).collect();
        let evidence: Vec<Evidence> = self.remains.iter().map(|r| self.evidence(r, rows, &known)).collect();
        self.remains.iter_mut().zip(evidence).for_each(|(r, evidence)| r.evidence = evidence);
        let outcome = TableOutcome {
            name: self.name,
            uri: self.tree.uri.clone(),
            table_id: self.tree.table,
            dropped: !self.published,
            published_size,
            true_size,
            leaked,
            leaked_since: if self.dropped { 0 } else { self.tree.leaked().saturating_sub(leaked) },
        };
        (outcome, self.remains)
    }

    /// What the page log tells of something a failure left.
    fn evidence(&self, left: &Remains, rows: &[NewRow], known: &HashMap<PageId, Lsn>) -> Evidence {
        if left.lsn > self.tree.entry.root_lsn {
            return Evidence::AfterCheckpoint;
        }
        match left.kind {
            RemainsKind::Chain => Evidence::ObsoleteChain,
            RemainsKind::Delta if rows.binary_search_by_key(&left.lsn, |r| r.lsn).is_err() => Evidence::Replaced,
            RemainsKind::Delta if known.get(&left.page_id).is_some_and(|image| *image > left.lsn) => {
                Evidence::Superseded
            }
            RemainsKind::Delta => Evidence::DuplicateDelta,
            RemainsKind::Image | RemainsKind::Root if self.reached.contains(&left.page_id) => Evidence::OrphanImage,
            RemainsKind::Image | RemainsKind::Root => Evidence::OrphanPage,
        }
    }
}
