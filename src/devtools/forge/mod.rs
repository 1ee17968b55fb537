//! Forge page-log homes of any size, with faults of choice.
//!
//! The pages are made as they are written: what stays in memory is 40 bytes a page, to fill its
//! parent's cell. Beside the store comes the truth about it, from the forge's own books: what every
//! tree publishes and really has, and what each fault left where. The same specification gives the
//! same bytes.

mod rows;
mod spec;

pub use crate::model::fault::Fault;
pub use spec::{Planned, Spec};

use super::{DevError, io_error};
use crate::audit::pagelog::account::BUFFER;
use crate::format::pagelog_ids::{KEY_TABLE, SPECIAL_PAGE};
use crate::id::{Lsn, PageId, TableId};
use crate::model::account::{Rule, signed};
use crate::model::engine::{Engine, KEY_BYTES, Published};
use crate::model::fault::{Deed, Fail, Fate, Form, Role};
use crate::model::pagelog::Log;
use crate::model::tree::Tree;
use crate::scenario::random::Rng;
use crate::store::palite::create::Writer;
use rows::{LeafRows, Values, key_of};
use serde::Serialize;
use std::collections::btree_map::{BTreeMap, Entry};
use std::path::Path;

/// A tree as it really is.
#[derive(Debug, Clone, Serialize)]
pub struct TreeTruth {
    /// Its name in the metadata.
    pub uri: String,
    pub table_id: TableId,
    /// The size the newest checkpoint publishes.
    pub published_size: u64,
    /// The bytes of its reachable pages.
    pub true_size: u64,
    pub leaves: u64,
}

/// Something a fault left or made.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    pub fault: Fault,
    /// Code of the finding that names it, or class of the row if it is no finding.
    pub code: &'static str,
    pub table_id: Option<TableId>,
    pub page_id: Option<PageId>,
    pub lsn: Option<Lsn>,
    /// Bytes that a published size is too high by because of it.
    pub counted: i64,
}

/// What was forged.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// The generation's name.
    pub generation: &'static str,
    /// Rows of the page log.
    pub rows: u64,
    /// Bytes of all pages.
    pub bytes: u64,
    /// LSN of the newest completion record.
    pub checkpoint_lsn: Lsn,
    /// `database_size` of the newest checkpoint, where the generation keeps one.
    pub database_size: Option<u64>,
    pub true_database_size: u64,
    /// User tables.
    pub trees: Vec<TreeTruth>,
    /// What the faults left.
    pub traces: Vec<Trace>,
}

/// Forge a store in a directory that must not exist. `tell` is called with the rows written so far.
pub fn forge(home: &Path, spec: &Spec, tell: &dyn Fn(u64)) -> Result<Truth, DevError> {
    spec.check()?;
    let kv_home = home.join("kv_home");
    for dir in [home, &kv_home] {
        std::fs::create_dir(dir).map_err(io_error(dir))?;
    }
    let mut engine = Engine::new(spec.generation, Log::into_store(Writer::new(&kv_home, spec.generation)?));
    engine.log.begin_behind(Lsn(spec.behind));
    let leaves = usize::try_from(spec.leaves()).map_err(|_| DevError::Impossible("too many leaves".into()))?;
    let mut tables: Vec<Tree> = (0..spec.tables)
        .map(|n| engine.table(&format!("forged{n:02}"), spec.fanout).with(spec.compressor, Rule::AtPut, leaves))
        .collect();
    let values = Values::new(spec.seed, spec.value_bytes());
    let (rng, traces) = (Rng::new(spec.seed), Vec::new());
    let mut forge = Forge { spec, engine, tell, rng, values: &values, leaves, number: 0, traces };
    let mut last = Published::default();
    for number in 0..spec.checkpoints {
        forge.number = number;
        forge.decide_fates(&mut tables);
        last = forge.checkpoint(&mut tables)?;
    }
    forge.finish(tables, last)
}

struct Forge<'a> {
    spec: &'a Spec,
    engine: Engine,
    tell: &'a dyn Fn(u64),
    rng: Rng,
    values: &'a Values,
    /// Of each table.
    leaves: usize,
    /// The checkpoint, from 0.
    number: u64,
    traces: Vec<Trace>,
}

impl<'a> Forge<'a> {
    fn is_last(&self) -> bool {
        self.number + 1 == self.spec.checkpoints
    }

    /// The faults of some kind, each as often as it falls to a table: all of them at the last checkpoint, on
    /// all tables in turn.
    fn planned(&self, table: u64, of: impl Fn(&Deed) -> bool) -> Vec<Fault> {
        let mut out = Vec::new();
        for Planned { fault, times } in self.spec.faults.iter().filter(|p| self.is_last() && of(&p.fault.row().deed)) {
            let share = times / self.spec.tables + u64::from(table < times % self.spec.tables);
            out.extend((0..share).map(|_| *fault));
        }
        out
    }

    fn progress(&mut self) -> Result<(), DevError> {
        let done = self.engine.log.traffic;
        (self.tell)(done.puts + done.discards);
        Ok(self.engine.log.check()?)
    }

    fn checkpoint(&mut self, tables: &mut [Tree]) -> Result<Published, DevError> {
        let ages = self.spec.faults.iter().any(|p| matches!(p.fault.row().deed, Deed::Ages));
        if self.spec.generation.keeps_sizes() && self.number.is_multiple_of(2) && (self.number == 0 || !ages) {
            self.engine.key_lsn = Some(self.put_key(self.number));
        }
        if ages && self.is_last() {
            self.engine.clock = 100 * 86_400;
        }
        for (n, tree) in (0..).zip(tables.iter_mut()) {
            self.write_table(tree, n)?;
            self.write_root(tree, n);
        }
        let mut once = self.planned(0, Deed::is_of_checkpoint);
        once.dedup();
        for fault in &once {
            match fault.row().deed {
                Deed::Puts(role, alter) => self.engine.strikes.push((role, alter)),
                Deed::Ages => {}
                Deed::Repeats => self.engine.metadata.repeat_order(),
                // Committed before the checkpoint is complete, and not the one that it embeds.
                _ => _ = self.put_key(self.number + 1),
            }
        }
        let published = self.engine.publish(tables.iter_mut().collect());
        for fault in once {
            let special = Some(SPECIAL_PAGE);
            let (table, page, lsn) = match fault.row().deed {
                Deed::Puts(Role::Metadata, _) => (Some(self.engine.metadata.table), None, None),
                Deed::Puts(Role::Turtle, _) => {
                    (Some(self.engine.turtle_table()), special, Some(published.metadata_lsn))
                }
                Deed::Puts(..) | Deed::Repeats => (None, None, Some(published.lsn)),
                Deed::Ages => (Some(KEY_TABLE), special, self.engine.key_lsn),
                // The finding is one of the checkpoint.
                _ => (Some(KEY_TABLE), special, Some(published.lsn)),
            };
            self.trace(fault, table, page, lsn, 0);
        }
        for (n, tree) in (0..).zip(tables.iter_mut()) {
            // Work of the next checkpoint, which never completes.
            for (leaf, fault) in self.planned(n, |deed| matches!(deed, Deed::Late)).into_iter().enumerate() {
                self.write(tree, leaf % self.leaves, Form::Full, self.number + 1);
                self.trace_leaf(fault, tree, leaf % self.leaves);
            }
        }
        self.progress()?;
        Ok(published)
    }

    /// What becomes of whole tables at the last checkpoint. They are not what is written there any more.
    fn decide_fates(&mut self, tables: &mut Vec<Tree>) {
        let mut kept = Vec::with_capacity(tables.len());
        for (n, tree) in (0..).zip(std::mem::take(tables)) {
            let fault = self.planned(n, |deed| matches!(deed, Deed::Table(_))).first().copied();
            let Some((fault, Deed::Table(fate))) = fault.map(|f| (f, f.row().deed)) else {
                kept.push(tree);
                continue;
            };
            match fate {
                Fate::DroppedTwice => {
                    let size = tree.entry.size;
                    self.engine.lost_bytes = self.engine.lost_bytes.saturating_add(size);
                    self.trace(fault, None, None, None, signed(0, size));
                    continue;
                }
                Fate::Unpublished => {
                    let new = self.engine.tree(tree.uri.clone(), self.spec.fanout);
                    let mut new = new.with(self.spec.compressor, Rule::AtPut, self.leaves);
                    for at in 0..self.leaves {
                        self.write(&mut new, at, Form::Full, self.number);
                    }
                    self.put_root(&mut new);
                }
                Fate::Resurrected => {}
            }
            self.engine.ghosts.push(tree.uri);
            self.trace(fault, None, None, None, 0);
        }
        *tables = kept;
    }

    fn put_key(&mut self, time: u64) -> Lsn {
        let secret = self.rng.value(KEY_BYTES);
        self.engine.put_key(&secret, time)
    }

    fn trace(
        &mut self,
        fault: Fault,
        table_id: Option<TableId>,
        page_id: Option<PageId>,
        lsn: Option<Lsn>,
        counted: i64,
    ) {
        let code = fault.row().codes.first().copied().unwrap_or_default();
        self.traces.push(Trace { fault, code, table_id, page_id, lsn, counted });
    }

    fn trace_leaf(&mut self, fault: Fault, tree: &Tree, at: usize) {
        let page = tree.leaves.get(at);
        self.trace(fault, Some(tree.table), page.map(|p| p.id), page.map(|p| p.lsn), 0);
    }

    /// Victims among `n`, each of them once.
    fn victims(&mut self, n: usize, faults: Vec<Fault>) -> BTreeMap<usize, Fault> {
        let mut out = BTreeMap::new();
        for fault in faults {
            while out.len() < n {
                if let Entry::Vacant(slot) = out.entry(self.rng.below(n)) {
                    slot.insert(fault);
                    break;
                }
            }
        }
        out
    }

    fn rows(&self, leaf: usize, form: Form, version: u64) -> LeafRows<'a> {
        let per_leaf = self.spec.rows_per_leaf();
        // A delta changes the first row.
        LeafRows::new(self.values, leaf * per_leaf, if form == Form::Delta { 1 } else { per_leaf }, version)
    }

    /// Write a leaf. Nothing fails here.
    fn write(&mut self, tree: &mut Tree, at: usize, form: Form, version: u64) {
        let rows = self.rows(at, form, version);
        let _ = tree.write(&mut self.engine.log, at, form, &rows.list(), Fail::None);
    }

    fn write_table(&mut self, tree: &mut Tree, n: u64) -> Result<(), DevError> {
        // A last leaf that is alone under its parent has no neighbour to be taken for.
        let alone = self.leaves > 1 && self.leaves % self.spec.fanout == 1;
        let of_leaves = self.planned(n, Deed::is_of_leaf);
        let victims = self.victims(self.leaves - usize::from(alone), of_leaves);
        let of_parents = self.planned(n, Deed::is_of_parent);
        let parents = self.victims(tree.lowest_internal(), of_parents);
        tree.strikes.extend(parents.into_iter().map(|(parent, fault)| (parent * self.spec.fanout, fault)));
        for at in 0..self.leaves {
            match victims.get(&at) {
                _ if self.number == 0 => self.write(tree, at, Form::Full, self.number),
                Some(fault) => self.strike(tree, at, *fault),
                None if (self.rng.below(100) as u64) < self.spec.churn => {
                    let delta = self.rng.below(3) < 2 && tree.takes_delta(at);
                    self.write(tree, at, if delta { Form::Delta } else { Form::Full }, self.number);
                }
                None => {}
            }
            if at % 4096 == 0 {
                self.progress()?;
            }
        }
        Ok(())
    }

    /// Carry out a fault at a leaf.
    fn strike(&mut self, tree: &mut Tree, at: usize, fault: Fault) {
        let deed = fault.row().deed;
        if let Deed::Puts(Role::Leaf | Role::Base, alter) = deed {
            self.engine.log.strike(Some(alter));
        }
        // A delta goes on an image, so that the chain has room whatever came before.
        if !matches!(deed, Deed::Fails(Form::Full | Form::Split, _)) {
            self.write(tree, at, Form::Full, self.number);
        }
        match deed {
            Deed::Fails(form, fail) => {
                let rows = self.rows(at, form, self.number + 1);
                if let Err(Some(left)) = tree.write(&mut self.engine.log, at, form, &rows.list(), fail) {
                    self.trace(fault, Some(tree.table), Some(left.page), Some(left.lsn), signed(left.counted, 0));
                }
                if tree.leaves.get(at).is_some_and(|p| p.id == 0) {
                    self.write(tree, at, Form::Full, self.number);
                }
            }
            Deed::Discards | Deed::Truncates => {
                self.trace_leaf(fault, tree, at);
                self.discard(tree, at);
                if matches!(deed, Deed::Truncates) {
                    tree.strikes.push((at, fault));
                }
            }
            Deed::Reuses => {
                self.discard(tree, at);
                self.write(tree, at, Form::Full, self.number + 1);
                self.trace(fault, Some(tree.table), None, None, 0);
            }
            Deed::Puts(Role::Leaf, _) => self.trace_leaf(fault, tree, at),
            Deed::Puts(Role::Base, _) => {
                self.write(tree, at, Form::Delta, self.number + 1);
                self.trace(fault, Some(tree.table), None, None, 0);
            }
            _ => tree.strikes.push((at, fault)),
        }
    }

    fn discard(&mut self, tree: &Tree, at: usize) {
        let page = tree.leaves.get(at).copied().unwrap_or_default();
        self.engine.log.discard((tree.table, page.id), page.lsn, page.base);
    }

    /// Write a checkpoint's root, and do what is to be done to addresses, the total and the entry.
    fn write_root(&mut self, tree: &mut Tree, n: u64) {
        for (at, fault) in tree.strikes.clone().into_iter().filter(|s| !matches!(s.1.row().deed, Deed::Truncates)) {
            let address = matches!(fault.row().deed, Deed::Addressed(_)).then(|| tree.leaf_address(at));
            self.trace(fault, Some(tree.table), address.map(|a| a.page_id), address.map(|a| a.lsn), 0);
        }
        self.put_root(tree);
        for fault in self.planned(n, |deed| matches!(deed, Deed::Totals(_))) {
            let (before, old_root) = (tree.account.total(), tree.old_root_bytes());
            if let Deed::Totals(alter) = fault.row().deed {
                alter(&mut tree.account, old_root);
            }
            self.trace(fault, Some(tree.table), None, None, signed(tree.account.total(), before));
        }
        tree.enter();
        for fault in self.planned(n, |deed| matches!(deed, Deed::Lists(_))) {
            if let Deed::Lists(alter) = fault.row().deed {
                alter(&mut tree.entry);
            }
            self.trace(fault, Some(tree.listed_id()), None, None, 0);
        }
    }

    fn put_root(&mut self, tree: &mut Tree) {
        let per_leaf = self.spec.rows_per_leaf();
        let key = |leaf: usize, out: &mut Vec<u8>| out.extend_from_slice(&key_of((leaf * per_leaf) as u64));
        // Nothing fails here.
        let _ = tree.write_root(&mut self.engine.log, &key, Fail::None);
    }

    fn finish(self, tables: Vec<Tree>, last: Published) -> Result<Truth, DevError> {
        let Self { spec, engine, traces, .. } = self;
        let real: u64 = tables.iter().map(|t| t.entry.true_size).sum();
        let trees = tables.into_iter().map(|t| TreeTruth {
            published_size: t.entry.size,
            true_size: t.entry.true_size,
            leaves: t.leaves.len() as u64,
            uri: t.uri,
            table_id: t.table,
        });
        let truth = Truth {
            generation: spec.generation.name(),
            rows: engine.log.traffic.puts + engine.log.traffic.discards,
            bytes: engine.log.traffic.bytes,
            checkpoint_lsn: last.lsn,
            database_size: spec.generation.keeps_sizes().then_some(last.database_size),
            true_database_size: BUFFER + real + engine.metadata.entry.true_size,
            trees: trees.collect(),
            traces,
        };
        engine.log.finish(&engine.completions)?;
        Ok(truth)
    }
}
