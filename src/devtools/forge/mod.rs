//! Forge page-log homes of any size, with faults of choice (spec 07, 10.2, 11.4).
//!
//! The pages are made as they are written: what stays in memory is 40 bytes a page, to fill its
//! parent's cell. Beside the store comes the truth about it, from the forge's own books: what every
//! tree publishes and really has, and what each fault left where. The same specification gives the
//! same bytes.

mod pagelog;
mod rows;
mod spec;
mod tree;

pub use spec::{Fault, Planned, Spec};

use crate::audit::pagelog::account::BUFFER;
use crate::format::completion::Completion;
use crate::format::crc::crc32c;
use crate::format::generation::Generation;
use crate::format::key_page;
use crate::id::{Lsn, PageId, TableId};
use crate::pagelog::catalog::{KEY_TABLE, SHARED_HISTORY, SHARED_METADATA, SPECIAL_PAGE};
use crate::scenario::random::Rng;
use pagelog::{Link, Log};
use rows::{LeafRows, Values, key_of};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use tree::{KeyValue, Mishap, Tree};

/// When all of it takes place, in seconds.
const TIME: u64 = 1_783_503_208;
/// Index of the first user table; its id is the index times 8 plus the namespace 1 (07.4).
const FIRST_INDEX: u64 = 3;
/// Rows of the shared metadata on a page.
const METADATA_ROWS: usize = 24;
/// Length of the key that a key page holds.
const KEY_BYTES: usize = 32;

/// Why a store could not be forged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeError {
    /// SQLite refused.
    #[error("the databases cannot be written: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file system refused.
    #[error("{path}: {error}")]
    Io {
        /// What was to be made.
        path: PathBuf,
        /// Why it could not be.
        error: std::io::Error,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Spec(String),
}

/// A tree as it really is.
#[derive(Debug, Clone, Serialize)]
pub struct TreeTruth {
    /// Its name in the metadata.
    pub uri: String,
    /// Its id.
    pub table_id: TableId,
    /// The size the newest checkpoint publishes.
    pub published_size: u64,
    /// The bytes of its reachable pages.
    pub true_size: u64,
    /// Reachable leaves.
    pub leaves: u64,
}

/// Something a fault left or made.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// The fault.
    pub fault: Fault,
    /// Code of the finding that names it, or class of the row if it is no finding.
    pub code: &'static str,
    /// Table.
    pub table_id: Option<TableId>,
    /// Page.
    pub page_id: Option<PageId>,
    /// LSN.
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
    /// What it should be.
    pub true_database_size: u64,
    /// User tables.
    pub trees: Vec<TreeTruth>,
    /// What the faults left.
    pub traces: Vec<Trace>,
}

/// Forge a store in a directory that must not exist. `tell` is called with the rows written so far.
pub fn forge(home: &Path, spec: &Spec, tell: &dyn Fn(u64)) -> Result<Truth, ForgeError> {
    spec.check()?;
    let kv_home = home.join("kv_home");
    let made = std::fs::create_dir(home).map_err(|error| ForgeError::Io { path: home.to_path_buf(), error });
    made.and_then(|()| std::fs::create_dir(&kv_home).map_err(|error| ForgeError::Io { path: kv_home.clone(), error }))?;
    let mut forge = Forge::new(spec, Log::new(&kv_home, spec.generation), tell);
    for checkpoint in 0..spec.checkpoints {
        forge.checkpoint(checkpoint)?;
    }
    forge.finish()
}

struct Forge<'a> {
    spec: &'a Spec,
    log: Log,
    tell: &'a dyn Fn(u64),
    rng: Rng,
    values: Values,
    tables: Vec<Tree>,
    metadata: Tree,
    turtle: Lsn,
    key_lsn: Option<Lsn>,
    completions: Vec<(Lsn, u64, String)>,
    database_size: Option<u64>,
    true_size: u64,
    traces: Vec<Trace>,
}

impl<'a> Forge<'a> {
    fn new(spec: &'a Spec, log: Log, tell: &'a dyn Fn(u64)) -> Self {
        let modern = spec.generation >= Generation::February2026;
        let tables = (0..spec.tables).map(|n| {
            let table = if modern { (FIRST_INDEX + n) * 8 + 1 } else { 5 + 2 * n };
            let mut tree =
                Tree::new(format!("file:forged{n:02}.wt_stable"), TableId(table), spec.generation, spec.fanout);
            tree.compressor = spec.compressor;
            tree
        });
        Self {
            spec,
            log,
            tell,
            rng: Rng::new(spec.seed),
            values: Values::new(spec.seed, spec.value_bytes()),
            tables: tables.collect(),
            metadata: Tree::new(
                SHARED_METADATA.into(),
                if modern { TableId(10) } else { TableId(2) },
                spec.generation,
                100,
            ),
            turtle: Lsn(0),
            key_lsn: None,
            completions: Vec::new(),
            database_size: None,
            true_size: 0,
            traces: Vec::new(),
        }
    }

    fn turtle_table(&self) -> TableId {
        if self.spec.generation >= Generation::February2026 { TableId(2) } else { TableId(1) }
    }

    fn planned(&self, fault: Fault) -> u64 {
        self.spec.faults.iter().filter(|p| p.fault == fault).map(|p| p.times).sum()
    }

    fn checkpoint(&mut self, number: u64) -> Result<(), ForgeError> {
        let last = number + 1 == self.spec.checkpoints;
        if self.spec.generation >= Generation::February2026 && number.is_multiple_of(2) {
            self.key_lsn = Some(self.put_key(number)?);
        }
        let mut old_roots = Vec::new();
        let mut tables = std::mem::take(&mut self.tables);
        let count = tables.len() as u64;
        for (n, tree) in (0_u64..).zip(&mut tables) {
            let share = |times: u64| times / count + u64::from(n < times % count);
            self.write_table(tree, number, last, &share)?;
            old_roots.push(self.checkpoint_tree(tree)?);
        }
        if last {
            for _ in 0..self.planned(Fault::DoubleRoot) {
                let Some(tree) = tables.first_mut() else { break };
                let Some(old) = old_roots.first().copied().flatten() else { break };
                tree.drift += i64::from(old.size);
                self.traces.push(Trace {
                    fault: Fault::DoubleRoot,
                    code: Fault::DoubleRoot.code(),
                    table_id: Some(tree.table),
                    page_id: None,
                    lsn: None,
                    counted: i64::from(old.size),
                });
            }
            if self.planned(Fault::StaleKeystore) > 0 {
                // Committed before the checkpoint is complete, and not the one that it embeds.
                self.put_key(number + 1)?;
            }
        }
        self.publish(&mut tables, last)?;
        if last && self.planned(Fault::StaleKeystore) > 0 {
            // The finding is one of the checkpoint.
            let lsn = self.completions.last().map(|c| c.0);
            self.trace(Fault::StaleKeystore, Some(KEY_TABLE), Some(SPECIAL_PAGE), lsn, 0);
        }
        for (tree, old) in tables.iter().zip(old_roots) {
            if let Some(old) = old {
                self.log.discard((tree.table, old.page), old.lsn, Lsn::NONE)?;
            }
        }
        if last {
            self.in_flight(&mut tables)?;
        }
        self.tables = tables;
        (self.tell)(self.log.rows);
        Ok(())
    }

    fn trace(
        &mut self,
        fault: Fault,
        table_id: Option<TableId>,
        page_id: Option<PageId>,
        lsn: Option<Lsn>,
        counted: i64,
    ) {
        self.traces.push(Trace { fault, code: fault.code(), table_id, page_id, lsn, counted });
    }

    fn put_key(&mut self, number: u64) -> Result<Lsn, ForgeError> {
        let secret = self.rng.value(KEY_BYTES);
        let page = match self.spec.generation {
            Generation::July2026 => key_page::encode_v2(&secret, timestamp(number)),
            _ => key_page::encode_v1(&secret),
        };
        let link = Link { backlink: self.key_lsn.unwrap_or_default(), base: Lsn::NONE };
        self.log.put((KEY_TABLE, SPECIAL_PAGE), link, 0, &page)
    }

    /// Victims among `n`, `times` of them, for each fault in turn.
    fn victims(&mut self, n: usize, faults: &[(Fault, u64)]) -> HashMap<usize, Fault> {
        let mut out = HashMap::new();
        for (fault, times) in faults {
            let mut left = *times;
            while left > 0 && out.len() < n {
                let at = self.rng.below(n);
                if let std::collections::hash_map::Entry::Vacant(slot) = out.entry(at) {
                    slot.insert(*fault);
                    left -= 1;
                }
            }
        }
        out
    }

    fn write_table(
        &mut self,
        tree: &mut Tree,
        number: u64,
        last: bool,
        share: &dyn Fn(u64) -> u64,
    ) -> Result<(), ForgeError> {
        let leaves = usize::try_from(self.spec.leaves()).map_err(|_| ForgeError::Spec("too many leaves".into()))?;
        let per_leaf = self.spec.rows_per_leaf();
        let values = std::mem::take(&mut self.values);
        let planned = |forge: &Self, fault| (fault, if last { share(forge.planned(fault)) } else { 0 });
        use Fault::*;
        let of_leaves = [OrphanImage, DuplicateDelta, FlipLeaf, MissingLeaf, DiscardInUse, CookieSize];
        let of_leaves: Vec<_> = of_leaves.iter().map(|f| planned(self, *f)).collect();
        let victims = self.victims(leaves, &of_leaves);
        for at in 0..leaves {
            let rows = LeafRows::new(&values, at, per_leaf, number);
            let victim = victims.get(&at).copied();
            match victim {
                _ if number == 0 => tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::None)?,
                Some(FlipLeaf) => {
                    tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::Flip)?;
                    self.trace_leaf(FlipLeaf, tree, at, 0);
                }
                Some(MissingLeaf) => {
                    tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::Lost)?;
                    self.trace_leaf(MissingLeaf, tree, at, 0);
                }
                Some(OrphanImage) => {
                    let (page, lsn, bytes) = tree.leak(&mut self.log, Some(at), rows.iter())?;
                    self.leaked(OrphanImage, tree, page, lsn, bytes);
                }
                Some(DuplicateDelta) => {
                    // On an image, so that the chain has room whatever came before.
                    tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::None)?;
                    let newer = LeafRows::one(&values, at, per_leaf, number + 1);
                    if let Some((lsn, bytes)) = tree.failed_delta(&mut self.log, at, newer.iter())? {
                        let page = tree.leaves.get(at).map_or(PageId::default(), |s| s.page);
                        self.leaked(DuplicateDelta, tree, page, lsn, bytes);
                    }
                }
                Some(DiscardInUse) => {
                    tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::None)?;
                    if let Some(state) = tree.leaves.get(at).copied() {
                        self.log.discard((tree.table, state.page), state.lsn, Lsn::NONE)?;
                    }
                    self.trace_leaf(DiscardInUse, tree, at, 0);
                }
                Some(CookieSize) => {
                    tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::None)?;
                    tree.lies.push((at, 100));
                    self.trace_leaf(CookieSize, tree, at, 0);
                }
                _ if (self.rng.below(100) as u64) < self.spec.churn => {
                    let one = LeafRows::one(&values, at, per_leaf, number);
                    let delta = self.rng.below(3) < 2;
                    if !(delta && tree.write_delta(&mut self.log, at, one.iter(), Mishap::None)?) {
                        tree.write_leaf(&mut self.log, at, rows.iter(), Mishap::None)?;
                    }
                }
                _ => {}
            }
            if at % 4096 == 0 {
                (self.tell)(self.log.rows);
            }
        }
        if last {
            for n in 0..share(self.planned(OrphanPage)) {
                let rows = LeafRows::new(&values, leaves + usize::try_from(n).unwrap_or(0), per_leaf, number);
                let (page, lsn, bytes) = tree.leak(&mut self.log, None, rows.iter())?;
                self.leaked(OrphanPage, tree, page, lsn, bytes);
            }
            for _ in 0..share(self.planned(DeflatedSize)) {
                tree.drift -= 4096;
                self.traces.push(Trace {
                    fault: DeflatedSize,
                    code: DeflatedSize.code(),
                    table_id: Some(tree.table),
                    page_id: None,
                    lsn: None,
                    counted: -4096,
                });
            }
            let internal = tree.lowest_internal();
            let planned = [planned(self, FlipInternal), planned(self, DoubleReference)];
            for (at, fault) in self.victims(internal, &planned) {
                // The page is written in any case, as one of its leaves is.
                let leaf = at * tree.fanout();
                let rows = LeafRows::new(&values, leaf, per_leaf, number);
                if !victims.contains_key(&leaf) {
                    tree.write_leaf(&mut self.log, leaf, rows.iter(), Mishap::None)?;
                }
                match fault {
                    FlipInternal => tree.mishaps.push((at, Mishap::Flip)),
                    _ => tree.doubled.push(at),
                }
                self.trace(fault, Some(tree.table), None, None, 0);
            }
        }
        self.values = values;
        Ok(())
    }

    fn trace_leaf(&mut self, fault: Fault, tree: &Tree, at: usize, counted: i64) {
        let state = tree.leaves.get(at);
        self.trace(fault, Some(tree.table), state.map(|s| s.page), state.map(|s| s.lsn), counted);
    }

    fn leaked(&mut self, fault: Fault, tree: &mut Tree, page: PageId, lsn: Lsn, bytes: u64) {
        let counted = i64::try_from(bytes).unwrap_or(i64::MAX);
        tree.drift += counted;
        self.trace(fault, Some(tree.table), Some(page), Some(lsn), counted);
    }

    fn checkpoint_tree(&mut self, tree: &mut Tree) -> Result<Option<tree::State>, ForgeError> {
        let per_leaf = self.spec.rows_per_leaf();
        tree.checkpoint(&mut self.log, &|leaf, out| out.extend_from_slice(&key_of((leaf * per_leaf) as u64)))
    }

    /// Write the shared metadata, the turtle page and the completion record.
    fn publish(&mut self, tables: &mut [Tree], last: bool) -> Result<(), ForgeError> {
        let generation = self.spec.generation;
        let modern = generation >= Generation::February2026;
        let short = last && self.planned(Fault::NextPageId) > 0;
        let rows = metadata_rows(tables, generation, short);
        if short && let Some(tree) = tables.first() {
            self.trace(Fault::NextPageId, Some(tree.table), None, None, 0);
        }
        let mut firsts = Vec::new();
        for (at, rows) in rows.chunks(METADATA_ROWS).enumerate() {
            firsts.push(rows.first().map(|r| r.0.clone()).unwrap_or_default());
            let rows = rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
            self.metadata.write_leaf(&mut self.log, at, rows, Mishap::None)?;
        }
        let key = |leaf: usize, out: &mut Vec<u8>| {
            out.extend_from_slice(firsts.get(leaf).map(Vec::as_slice).unwrap_or_default());
        };
        let old = self.metadata.checkpoint(&mut self.log, &key)?;
        let stamp = timestamp(self.completions.len() as u64);
        let list = self.metadata.checkpoint_list(TIME, self.metadata.next_page);
        let key = self.key_lsn.map(|l| format!(",\nkey_provider=(page.1=(page_id=1,lsn={l}),version=1)"));
        let key = key.unwrap_or_default();
        let first = timestamp(0);
        let turtle = match generation {
            Generation::June2025 | Generation::Autumn2025 => format!("{list}\ntimestamp={stamp:x}\n"),
            Generation::February2026 => {
                format!("checkpoint={list},\ntimestamp={stamp:x},\noldest_timestamp={first:x}{key}")
            }
            Generation::July2026 => format!(
                "version=2,compatible_version=1,\ncheckpoint={list},\ntimestamp={stamp:x},\n\
                 oldest_timestamp={first:x},\nlargest_file_id={}{key}",
                FIRST_INDEX + self.spec.tables - 1
            ),
        };
        let checksum = crc32c(turtle.as_bytes());
        let mut text = turtle.into_bytes();
        let damaged = last && self.planned(Fault::FlipTurtle) > 0;
        if damaged && let Some(byte) = text.iter_mut().rev().nth(2) {
            *byte ^= 0x01;
        }
        let backlink = if modern { self.turtle } else { Lsn(0) };
        let table = self.turtle_table();
        self.turtle = self.log.put((table, SPECIAL_PAGE), Link { backlink, base: Lsn::NONE }, 0, &text)?;
        if damaged {
            self.trace(Fault::FlipTurtle, Some(table), Some(SPECIAL_PAGE), Some(self.turtle), 0);
        }
        let published: u64 = tables.iter().map(Tree::published).sum();
        let real: u64 = tables.iter().map(Tree::true_size).sum();
        let own = self.metadata.true_size();
        self.true_size = BUFFER + real + own;
        self.database_size = modern.then_some(BUFFER + published + own);
        let version = if generation >= Generation::July2026 { 2 } else { 1 };
        let mut text = Completion {
            metadata_lsn: self.turtle,
            metadata_checksum: Some(checksum),
            database_size: self.database_size,
            version,
            compatible_version: version,
            has_versions: modern,
            id: None,
        }
        .to_text();
        let lsn = self.log.next_lsn();
        if last && self.planned(Fault::CutCompletion) > 0 {
            text.truncate("metadata_l".len());
            self.trace(Fault::CutCompletion, None, None, Some(lsn), 0);
        }
        self.completions.push((lsn, stamp, text));
        if let Some(old) = old {
            self.log.discard((self.metadata.table, old.page), old.lsn, Lsn::NONE)?;
        }
        Ok(())
    }

    /// Work of the next checkpoint, which never completes.
    fn in_flight(&mut self, tables: &mut [Tree]) -> Result<(), ForgeError> {
        for n in 0..self.planned(Fault::InFlight) {
            let at = usize::try_from(n).unwrap_or(0) % tables.len().max(1);
            let Some(tree) = tables.get_mut(at) else { break };
            let rows = LeafRows::new(&self.values, usize::try_from(n).unwrap_or(0), 1, 1 << 20);
            let (page, lsn, _) = tree.leak(&mut self.log, None, rows.iter())?;
            let table = tree.table;
            self.trace(Fault::InFlight, Some(table), Some(page), Some(lsn), 0);
        }
        Ok(())
    }

    fn finish(self) -> Result<Truth, ForgeError> {
        let Self { spec, log, tables, completions, database_size, true_size, traces, .. } = self;
        let trees = tables.iter().map(|t| TreeTruth {
            uri: t.uri.clone(),
            table_id: t.table,
            published_size: t.published(),
            true_size: t.true_size(),
            leaves: t.leaves.len() as u64,
        });
        let truth = Truth {
            generation: spec.generation.name(),
            rows: log.rows,
            bytes: log.bytes,
            checkpoint_lsn: completions.last().map_or(Lsn::NONE, |c| c.0),
            database_size,
            true_database_size: true_size,
            trees: trees.collect(),
            traces,
        };
        log.finish(&completions)?;
        Ok(truth)
    }
}

/// The rows of the shared metadata (07.7), in key order.
fn metadata_rows(tables: &[Tree], generation: Generation, short: bool) -> Vec<KeyValue> {
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for (n, tree) in tables.iter().enumerate() {
        let uri = &tree.uri;
        let name = uri.trim_start_matches("file:").trim_end_matches(".wt_stable");
        let next = if short && n == 0 { PageId(101) } else { tree.next_page };
        rows.insert(uri.clone(), tree.config(("u", "u"), TIME, next));
        let layered = format!(
            "ingest=\"file:{name}.wt_ingest\",key_format=u,log=(enabled=false),stable=\"{uri}\",value_format=u"
        );
        rows.insert(format!("layered:{name}"), layered);
        rows.insert(format!("colgroup:{name}"), format!("source=\"layered:{name}\",type=layered"));
        rows.insert(format!("table:{name}"), "colgroups=,columns=,key_format=u,value_format=u".to_string());
    }
    let history = if generation >= Generation::February2026 { 18 } else { 3 };
    let history = Tree::new(SHARED_HISTORY.into(), TableId(history), generation, 2);
    rows.insert(history.uri.clone(), history.config(("IuQQ", "QQQu"), TIME, PageId(0)));
    let ended = |text: String| (text + "\0").into_bytes();
    rows.into_iter().map(|(uri, text)| (ended(uri), ended(text))).collect()
}

/// A timestamp as MongoDB makes them: seconds and a counter.
fn timestamp(n: u64) -> u64 {
    TIME << 32 | n.saturating_add(1)
}
