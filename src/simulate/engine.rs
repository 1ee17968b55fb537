//! Carries a scenario out step by step: tables, reconciliations, checkpoints, and the metadata and
//! completion records that checkpoints publish (spec 07.5 to 07.8).

use super::outcome::{Attempt, Evidence, Outcome, Published, Remains, RemainsKind, TableOutcome};
use super::pagelog::{Link, Log};
use super::scenario::{Fail, Form, Leaves, MAX_ATTEMPTS, MAX_LOG_BYTES, Retry, Rule, Scenario, Step, Verb, Wrong};
use super::tree::{KeyValue, Left, Tree};
use super::{Simulated, tree};
use crate::audit::pagelog::account::BUFFER;
use crate::format::completion::{Completion, READER_VERSION};
use crate::format::crc::crc32c;
use crate::format::key_page;
use crate::format::pagelog_ids::{HISTORY_TABLE, KEY_TABLE, METADATA_TABLES, SPECIAL_PAGE, TURTLE_TABLES};
use crate::id::{Lsn, PageId, TableId};
use crate::pagelog::catalog::{SHARED_HISTORY, SHARED_METADATA};
use crate::scenario::random::Rng;
use crate::store::edit::NewRow;
use crate::store::palite::create::NewStore;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The tables of the newest layout: turtle pages and shared metadata.
const TURTLE_TABLE: TableId = TURTLE_TABLES[0];
const METADATA: TableId = METADATA_TABLES[0];
/// Index of the first user table; its id is the index times 8 plus the namespace 1 (07.4).
const FIRST_INDEX: u64 = 3;
/// When all simulations take place, in seconds: the same scenario gives the same bytes.
const TIME: u64 = 1_783_503_208;
/// Length of the key that a key page holds.
const KEY_BYTES: usize = 32;

/// One table of the scenario.
struct Table {
    name: String,
    tree: Tree,
    /// Named by the last checkpoint.
    published: bool,
    dropped: bool,
    /// By position in the tree's remains: the step that left it.
    steps: Vec<u64>,
}

impl Table {
    /// Note that this step left what is new among the remains.
    fn note(&mut self, step: u64) {
        self.steps.resize(self.tree.left.len(), step);
    }
}

struct Engine {
    log: Log,
    rng: Rng,
    tables: Vec<Table>,
    history: Tree,
    metadata: Tree,
    turtle: Lsn,
    key_lsn: Option<Lsn>,
    completions: Vec<(Lsn, u64, String)>,
    last: Published,
    attempts: Vec<Attempt>,
    tried: u64,
}

/// Run a scenario.
pub(super) fn run(scenario: &Scenario, rule: Rule) -> Result<Simulated, Wrong> {
    let mut engine = Engine::new(scenario, rule);
    for (at, step) in scenario.steps.iter().enumerate() {
        match step.verb {
            Verb::Reconcile => engine.reconcile(at, step)?,
            Verb::Checkpoint => engine.checkpoint(at, step)?,
            Verb::Drop => engine.drop_table(at, step),
        }
    }
    Ok(engine.finish(scenario.seed, rule))
}

/// The number people know a step by.
fn number(at: usize) -> u64 {
    (at as u64).saturating_add(1)
}

impl Engine {
    fn new(scenario: &Scenario, rule: Rule) -> Self {
        let mut rng = Rng::new(scenario.seed);
        let mut log = Log::default();
        let mut tables = Vec::new();
        for (table, index) in scenario.tables.iter().zip(FIRST_INDEX..) {
            let uri = format!("file:{}.wt_stable", table.name);
            let mut tree = Tree::new(uri, TableId(index * 8 + 1), table.compressor(), rule);
            let length = usize::try_from(table.value_bytes).unwrap_or(usize::MAX);
            let rows = (0..table.rows).map(|n| (format!("row-{n:08}").into_bytes(), rng.value(length)));
            tree.fill(rows, usize::try_from(table.leaf_bytes).unwrap_or(usize::MAX));
            tables.push(Table { name: table.name.clone(), tree, published: false, dropped: false, steps: Vec::new() });
        }
        let key_lsn = scenario.key_page.then(|| {
            let page = key_page::encode_v2(&rng.value(KEY_BYTES), timestamp(0));
            log.put((KEY_TABLE, SPECIAL_PAGE), Link::default(), 0, page)
        });
        let own = |uri: &str, table| Tree::new(uri.to_string(), table, None, rule);
        Self {
            log,
            rng,
            tables,
            history: own(SHARED_HISTORY, HISTORY_TABLE),
            metadata: own(SHARED_METADATA, METADATA),
            turtle: Lsn(0),
            key_lsn,
            completions: Vec::new(),
            last: Published::default(),
            attempts: Vec::new(),
            tried: 0,
        }
    }

    /// Where a table is in the list; the scenario was checked.
    fn table(&self, step: &Step) -> usize {
        self.tables.iter().position(|t| Some(t.name.as_str()) == step.table.as_deref()).unwrap_or(usize::MAX)
    }

    fn reconcile(&mut self, at: usize, step: &Step) -> Result<(), Wrong> {
        let index = self.table(step);
        let form = step.form.unwrap_or(Form::Full);
        let picked = self.pick(at, step, index)?;
        let rows = usize::try_from(step.rows.unwrap_or(1)).unwrap_or(usize::MAX);
        for time in 1..=step.repeat.unwrap_or(1) {
            let Self { log, rng, tables, .. } = self;
            let Some(table) = tables.get_mut(index) else { return Ok(()) };
            let (traffic, before) = (log.traffic(), table.tree.total());
            let (mut full_instead, mut unchanged) = (0, 0);
            // From the last to the first: a split makes more leaves behind it.
            for leaf in picked.iter().rev() {
                if form == Form::Split && table.tree.row_count(*leaf) < 2 {
                    let reason = format!("leaf {leaf} of {} has one row left and cannot be split", table.name);
                    return Err(Wrong::step(at, Some("leaves"), reason));
                }
                table.tree.change(*leaf, rows, rng);
                let mut tried = table.tree.reconcile(log, *leaf, form, step.fail);
                full_instead += u64::from(tried.full_instead);
                unchanged += u64::from(tried.unchanged);
                if tried.failed && step.retry == Some(Retry::Now) {
                    tried = table.tree.reconcile(log, *leaf, form, Fail::None);
                    full_instead += u64::from(tried.full_instead);
                }
                self.tried += 1;
            }
            table.note(number(at));
            let done = log.traffic().since(traffic);
            let attempt = Attempt {
                step: number(at),
                time,
                verb: step.verb,
                table: Some(table.name.clone()),
                leaves: picked.len() as u64,
                form: Some(form),
                fail: step.fail,
                retry: (step.fail != Fail::None).then(|| step.retry.unwrap_or_default()),
                full_instead,
                unchanged,
                puts: done.puts,
                bytes_put: done.bytes,
                discards: done.discards,
                bytes_total_before: before,
                bytes_total_after: table.tree.total(),
                leaked: table.tree.leaked(),
            };
            self.attempts.push(attempt);
            self.within_limits(at)?;
        }
        Ok(())
    }

    /// The leaves a step is about, in ascending order.
    fn pick(&mut self, at: usize, step: &Step, index: usize) -> Result<Vec<usize>, Wrong> {
        let Some(table) = self.tables.get(index) else { return Ok(Vec::new()) };
        let there = table.tree.leaf_count();
        let few = |n: u64| {
            let leaves = if there == 1 { "1 leaf".to_string() } else { format!("{there} leaves") };
            let reason = format!("{n}: the table {} has {leaves} at this step", table.name);
            Wrong::step(at, Some("leaves"), reason)
        };
        let inside = |n: u64| usize::try_from(n).ok().filter(|n| *n < there);
        match step.leaves.as_ref().unwrap_or(&Leaves::Some(1)) {
            Leaves::All if there == 0 => Err(few(0)),
            Leaves::All => Ok((0..there).collect()),
            Leaves::These(list) => list.iter().map(|n| inside(*n).ok_or_else(|| few(*n))).collect(),
            Leaves::Some(n) => match inside(n.saturating_sub(1)) {
                Some(last) => Ok(self.rng.pick(last + 1, there)),
                None => Err(few(*n)),
            },
        }
    }

    fn within_limits(&self, at: usize) -> Result<(), Wrong> {
        if self.log.traffic().bytes > MAX_LOG_BYTES {
            let reason = format!("more than {MAX_LOG_BYTES} bytes are put into the page log by this step");
            return Err(Wrong::step(at, None, reason));
        }
        if self.tried > MAX_ATTEMPTS {
            return Err(Wrong::step(at, None, format!("more than {MAX_ATTEMPTS} attempts by this step")));
        }
        Ok(())
    }

    /// Running total of all tables that are there, and what of it is leaked.
    fn totals(&self) -> (u64, i64) {
        let there = || self.tables.iter().filter(|t| !t.dropped).map(|t| &t.tree);
        (there().map(Tree::total).sum(), there().map(Tree::leaked).sum())
    }

    fn checkpoint(&mut self, at: usize, step: &Step) -> Result<(), Wrong> {
        let (traffic, (before, _)) = (self.log.traffic(), self.totals());
        let leaves = self.tables.iter().filter(|t| !t.dropped).map(|t| t.tree.dirty_count()).sum();
        let failing = step.table.as_ref().map(|_| self.table(step));
        let mut done = Vec::new();
        let mut failed = false;
        for (index, table) in self.tables.iter_mut().enumerate().filter(|t| !t.1.dropped) {
            table.tree.flush(&mut self.log);
            let fails = failing == Some(index);
            if !table.tree.is_dirty() {
                if fails {
                    let reason = format!("{} has not changed, so this checkpoint writes no root of it", table.name);
                    return Err(Wrong::step(at, Some("fail"), reason));
                }
                continue;
            }
            if !table.tree.write_root(&mut self.log, if fails { step.fail } else { Fail::None }) {
                failed = true;
                break;
            }
            done.push(index);
        }
        for index in &done {
            let Some(table) = self.tables.get_mut(*index) else { continue };
            if failed { table.tree.undo_root() } else { table.tree.enter() }
        }
        for table in &mut self.tables {
            table.note(number(at));
        }
        if !failed {
            self.publish();
        }
        let (after, leaked) = self.totals();
        let traffic = self.log.traffic().since(traffic);
        self.attempts.push(Attempt {
            step: number(at),
            time: 1,
            verb: step.verb,
            table: step.table.clone(),
            leaves,
            form: None,
            fail: step.fail,
            retry: None,
            full_instead: 0,
            unchanged: 0,
            puts: traffic.puts,
            bytes_put: traffic.bytes,
            discards: traffic.discards,
            bytes_total_before: before,
            bytes_total_after: after,
            leaked,
        });
        self.within_limits(at)
    }

    /// Write the shared metadata, the turtle page and the completion record; free the old roots.
    fn publish(&mut self) {
        if self.history.is_dirty() {
            // No history is ever kept here: a tree without a root (11.2).
            self.history.enter();
        }
        self.metadata.set_rows(self.metadata_rows());
        self.metadata.flush(&mut self.log);
        if self.metadata.is_dirty() && self.metadata.write_root(&mut self.log, Fail::None) {
            self.metadata.enter();
        }
        let stamp = timestamp(self.completions.len() as u64);
        let key = self.key_lsn.map(|l| format!(",\nkey_provider=(page.1=(page_id=1,lsn={l}),version=1)"));
        let turtle = format!(
            "version={READER_VERSION},compatible_version=1,\ncheckpoint={},\ntimestamp={stamp:x},\n\
             oldest_timestamp={:x},\nlargest_file_id={}{}",
            self.metadata.checkpoint_list(TIME),
            timestamp(0),
            FIRST_INDEX.saturating_add(self.tables.len() as u64).saturating_sub(1),
            key.unwrap_or_default()
        );
        let checksum = crc32c(turtle.as_bytes());
        let link = Link { backlink: self.turtle, ..Link::default() };
        self.turtle = self.log.put((TURTLE_TABLE, SPECIAL_PAGE), link, 0, turtle.into_bytes());
        for table in &mut self.tables {
            table.published = !table.dropped;
        }
        let sizes: u64 = self.tables.iter().filter(|t| t.published).map(|t| t.tree.entry.size).sum();
        let own = self.metadata.entry.size.saturating_add(self.history.entry.size);
        let completion = Completion {
            metadata_lsn: self.turtle,
            metadata_checksum: Some(checksum),
            database_size: Some(BUFFER.saturating_add(sizes).saturating_add(own)),
            version: READER_VERSION,
            compatible_version: READER_VERSION,
            has_versions: true,
            id: None,
        };
        let lsn = self.log.next_lsn();
        self.completions.push((lsn, stamp, completion.to_text()));
        let database_size = completion.database_size.unwrap_or_default();
        self.last = Published { lsn, metadata_lsn: self.turtle, database_size };
        for tree in self.tables.iter_mut().map(|t| &mut t.tree).chain([&mut self.metadata]) {
            tree.discard_old_root(&mut self.log);
        }
    }

    /// The rows of the shared metadata (07.7), in key order.
    fn metadata_rows(&self) -> Vec<KeyValue> {
        let mut rows: BTreeMap<String, String> = BTreeMap::new();
        for Table { name, tree, .. } in self.tables.iter().filter(|t| !t.dropped) {
            let uri = &tree.uri;
            rows.insert(uri.clone(), tree.config(("u", "u"), TIME));
            let layered = format!(
                "ingest=\"file:{name}.wt_ingest\",key_format=u,log=(enabled=false),stable=\"{uri}\",value_format=u"
            );
            rows.insert(format!("layered:{name}"), layered);
            rows.insert(format!("colgroup:{name}"), format!("source=\"layered:{name}\",type=layered"));
            rows.insert(format!("table:{name}"), "colgroups=,columns=,key_format=u,value_format=u".to_string());
        }
        rows.insert(self.history.uri.clone(), self.history.config(("IuQQ", "QQQu"), TIME));
        let ended = |text: String| (text + "\0").into_bytes();
        rows.into_iter().map(|(uri, text)| (ended(uri), ended(text))).collect()
    }

    fn drop_table(&mut self, at: usize, step: &Step) {
        let (before, _) = self.totals();
        let index = self.table(step);
        if let Some(table) = self.tables.get_mut(index) {
            table.dropped = true;
        }
        let (after, leaked) = self.totals();
        self.attempts.push(Attempt {
            step: number(at),
            time: 1,
            verb: step.verb,
            table: step.table.clone(),
            leaves: 0,
            form: None,
            fail: Fail::None,
            retry: None,
            full_instead: 0,
            unchanged: 0,
            puts: 0,
            bytes_put: 0,
            discards: 0,
            bytes_total_before: before,
            bytes_total_after: after,
            leaked,
        });
    }

    fn finish(self, seed: u64, rule: Rule) -> Simulated {
        let Self { log, tables, completions, last, attempts, .. } = self;
        let (rows, last_lsn) = log.finish();
        let mut remains: Vec<Remains> = Vec::new();
        let mut out = Vec::new();
        for Table { name, tree, published, dropped, steps } in tables {
            let (published_size, true_size) = if published { (tree.entry.size, tree.entry.true_size) } else { (0, 0) };
            let leaked = tree::signed(published_size, true_size);
            let known = known_images(&tree, &rows);
            remains.extend(tree.left.iter().zip(&steps).map(|(left, step)| Remains {
                step: *step,
                table: name.clone(),
                table_id: tree.table,
                kind: left.kind,
                page_id: left.page,
                lsn: left.lsn,
                bytes: left.bytes,
                counted: left.counted,
                evidence: evidence(left, &tree, &rows, &known),
            }));
            let leaked_since = if dropped { 0 } else { tree.leaked().saturating_sub(leaked) };
            out.push(TableOutcome {
                name,
                uri: tree.uri.clone(),
                table_id: tree.table,
                dropped: !published,
                published_size,
                true_size,
                leaked,
                leaked_since,
            });
        }
        remains.sort_by_key(|r| r.lsn);
        let outcome = Outcome {
            scenario: String::new(),
            accounting: rule,
            seed,
            attempts,
            checkpoint: last,
            leaked: out.iter().map(|t| t.leaked).sum(),
            leaked_since: out.iter().map(|t| t.leaked_since).sum(),
            tables: out,
            remains,
            other: None,
        };
        Simulated { outcome, store: NewStore { rows, completions, last_lsn } }
    }
}

/// The newest full image of each page of a tree that the tree knows of.
fn known_images(tree: &Tree, rows: &[NewRow]) -> HashMap<PageId, Lsn> {
    let unknown: HashSet<Lsn> = tree.left.iter().filter(|l| l.kind == RemainsKind::Image).map(|l| l.lsn).collect();
    let full = |r: &&NewRow| r.table == tree.table && r.base_lsn == 0 && !unknown.contains(&r.lsn);
    // Ascending by LSN, as they were put: the last one stays.
    rows.iter().filter(full).map(|r| (r.page, r.lsn)).collect()
}

/// What the page log tells of something a failure left.
fn evidence(left: &Left, tree: &Tree, rows: &[NewRow], known: &HashMap<PageId, Lsn>) -> Evidence {
    if left.lsn > tree.entry.root_lsn {
        return Evidence::AfterCheckpoint;
    }
    match left.kind {
        RemainsKind::Chain => Evidence::ObsoleteChain,
        RemainsKind::Delta if rows.binary_search_by_key(&left.lsn, |r| r.lsn).is_err() => Evidence::Replaced,
        RemainsKind::Delta if known.get(&left.page).is_some_and(|image| *image > left.lsn) => Evidence::Superseded,
        RemainsKind::Delta => Evidence::DuplicateDelta,
        RemainsKind::Image | RemainsKind::Root if tree.reached.contains(&left.page) => Evidence::OrphanImage,
        RemainsKind::Image | RemainsKind::Root => Evidence::OrphanPage,
    }
}

/// A timestamp as MongoDB makes them: seconds and a counter.
fn timestamp(n: u64) -> u64 {
    TIME << 32 | n.saturating_add(1)
}
