//! Is a page log consistent, what leaks, by how much and why.
//!
//! An audit stands on one completion record. It walks every tree of that checkpoint, marks what
//! older checkpoints still need, judges every row of the page log, compares sizes, and looks at keys.

pub mod account;
pub mod by_rows;
mod choice;
pub mod classify;
pub mod fact;
pub mod inspect;
pub mod keystore;
pub mod ledger;
pub mod misplaced;
pub mod opened;
pub mod order;
pub mod reach;
pub mod sizes;
mod unchecked;

use super::finding::{Code, Finding, Place, Severity};
use super::result::{
    Audit, CheckpointInfo, DatabaseInfo, KeystoreInfo, OrphanInfo, OrphanReason, SCHEMA_VERSION, StoreInfo, Tool,
    Totals, Verdict,
};
use super::{AuditError, Options, Progress};
use crate::coverage::{Coverage, Unchecked};
use crate::format::generation::{self, Evidence, Generation};
use crate::id::{Lsn, TableId, Version};
use crate::page::Depth;
use crate::pagelog::catalog::{self, Catalog, Checkpoint, MetadataIssue, Tree};
use crate::pagelog::fault::{Fault, FaultKind};
use crate::pagelog::walk;
use crate::store::{Affected, BlockReader, CompletionRow, Index, Layout, PageLog, Problem, StoreKind};
pub(crate) use choice::checkpoint_name;
pub use choice::{Choice, choose};
use classify::{Basis, Class, TableFacts};
use fact::{Fact, Orphan};
pub use opened::{Opened, open, open_part};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What tells the generation of the formats: of the store, of the checkpoint audited, and of its keys.
pub fn evidence(opened: &Opened<'_>, audited: Option<&Checkpoint>, key_page_v2: bool) -> Evidence {
    let palm = opened.store.kind() == StoreKind::Palm;
    let gathered = opened.layout.gathered.is_some();
    // Its files are of our own making, and tell nothing.
    let sharded = opened.layout.sharded && !gathered;
    let mut out = Evidence { palm, sharded, gathered, key_page_v2, ..Evidence::default() };
    if let Some(audited) = audited {
        out.turtle = Some(audited.turtle.form);
        out.database_size = Some(audited.completion.database_size.is_some());
        out.old_cookie = audited.metadata.root.is_some_and(|c| c.layout != crate::format::cookie::Layout::V0);
    }
    out
}

/// Audit a store.
pub fn run(
    store: &dyn PageLog,
    home: &str,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<Audit, AuditError> {
    let opened = open(store, options.depth == Depth::Normal, progress)?;
    run_on(&opened, home, options, progress).map(|(audit, _)| audit)
}

/// Audit a store that is already open; also returns the class of every row, by position in the
/// index (empty if no checkpoint could be used).
pub fn run_on(
    opened: &Opened<'_>,
    home: &str,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<(Audit, Vec<Class>), AuditError> {
    let mut reader = opened.store.reader()?;
    let choice = choose(opened, &mut *reader, options.checkpoint.as_deref())?;
    let mut work = Work::new(opened, options, home);
    work.findings.extend(choice.findings);
    work.unchecked |= choice.unchecked;
    work.unread(choice.unread);
    work.turtles_not_supplied(&choice.not_supplied);
    let Some(audited) = choice.audited else {
        work.absent_files(|_| true);
        work.not_supplied([(catalog::turtle_table(&opened.index), None)]);
        // Damage that may hide the records is already reported; then nothing is known to be missing.
        if opened.completions.is_empty() {
            work.unchecked = true;
            // No dump holds one.
            if opened.problems.is_empty() && opened.layout.gathered.is_none() {
                let finding = Finding::of(
                    Code::CompletionMissing,
                    Place::default(),
                    Fact::NoCompletion { named: opened.layout.last_completed.filter(|id| *id > 0) }.into(),
                );
                work.findings.push(finding);
            }
        }
        work.by_rows(|_| false);
        return Ok((work.finish(), Vec::new()));
    };
    let class = work.audit(&mut *reader, &audited, &choice.others, progress)?;
    Ok((work.finish(), class))
}

/// An audit in the making.
struct Work<'a> {
    opened: &'a Opened<'a>,
    options: &'a Options<'a>,
    findings: Vec<Finding>,
    unchecked: bool,
    audit: Audit,
    evidence: Evidence,
    /// What stands before the names of files in the ledger.
    below: &'static str,
}

impl<'a> Work<'a> {
    fn new(opened: &'a Opened<'a>, options: &'a Options<'a>, home: &str) -> Self {
        let layout = &opened.layout;
        let kind = opened.store.kind();
        let evidence = evidence(opened, None, false);
        let mut findings: Vec<Finding> = opened.problems.iter().filter(|p| p.io.is_none()).map(damaged).collect();
        // What is damaged above several databases was met once for each.
        findings.dedup();
        let newest = opened.completions.iter().map(|c| c.lsn).max();
        let highest = opened.index.highest_lsn().max(newest).unwrap_or_default();
        findings.extend(counter_findings(layout, &opened.completions, highest));
        let audit = Audit {
            schema_version: SCHEMA_VERSION,
            tool: Tool::default(),
            store: StoreInfo {
                kind,
                home: home.to_string(),
                generation: "",
                generation_evidence: Vec::new(),
                tables: opened.index.tables().len() as u64,
                rows: opened.index.len() as u64,
                bytes: opened.index.lens().map(u64::from).sum(),
                completions: opened.completions.len() as u64,
                lsn_counter: layout.lsn_counter,
                from_wal: layout.from_wal,
                depth: options.depth,
                gathered: layout.gathered.is_some(),
                dumps: Vec::new(),
            },
            checkpoint: None,
            trees: Vec::new(),
            database: DatabaseInfo { buffer: account::BUFFER, ..DatabaseInfo::default() },
            versions: BTreeMap::new(),
            by_rows: Vec::new(),
            orphans: Vec::new(),
            keystore: KeystoreInfo::default(),
            findings: Vec::new(),
            coverage: Coverage::default(),
            totals: Totals::default(),
            verdict: Verdict::Incomplete,
            exit_code: 0,
            local: None,
        };
        let mut audit = audit;
        let below = ledger::below(home, &layout.dir);
        audit.coverage = ledger::of(opened, below);
        // Counters alone can be lost without anything going unjudged.
        let unchecked = opened.problems.iter().any(|p| p.affects.any_table());
        Self { opened, options, findings, unchecked, audit, evidence, below }
    }

    fn audit(
        &mut self,
        reader: &mut dyn BlockReader,
        audited: &Checkpoint,
        others: &[Checkpoint],
        progress: &dyn Progress,
    ) -> Result<Vec<Class>, AuditError> {
        let opened = self.opened;
        let index = &opened.index;
        let generation = self.checkpoint_facts(reader, audited, others);
        let mut catalog = catalog::read(index, reader, audited);
        let unread = !catalog.complete || catalog.trees.first().is_some_and(|t| opened.is_unread(t.table));
        distinct_tables(&mut catalog);
        let mut misplaced = misplaced::relocate(index, reader, &mut catalog);
        let total_trees: Vec<Tree> = catalog.trees.clone();
        if let Some(wanted) = self.options.tables {
            for tree in catalog.trees.iter().filter(|t| t.uri != catalog::SHARED_METADATA && !wanted(&t.uri)) {
                self.audit.coverage.not_checked(tree.uri.clone(), Unchecked::NotAsked);
            }
            catalog.trees.retain(|t| t.uri == catalog::SHARED_METADATA || wanted(&t.uri));
        }
        if catalog.trees.len() == 1
            && total_trees.len() > 1
            && self.options.tables.is_some_and(|wanted| !wanted(catalog::SHARED_METADATA))
        {
            let names = total_trees.iter().map(|t| t.uri.clone()).collect();
            return Err(AuditError::NoSuchTable { names });
        }
        // Their roots and tables explain sizes, whether or not they are walked.
        let mut older: Vec<(&Checkpoint, Catalog)> = Vec::with_capacity(others.len());
        for other in others {
            let mut trees = catalog::read(index, reader, other);
            misplaced.extend(misplaced::relocate(index, reader, &mut trees));
            older.push((other, trees));
        }

        let all = || older.iter().flat_map(|(_, c)| &c.trees).chain(&total_trees);
        let embeds = audited.turtle.key_provider.is_some();
        let keys = |p: &Problem| embeds && p.affects.covers(catalog::KEY_TABLE);
        self.absent_files(|p| keys(p) || all().any(|t| t.root.is_some() && p.affects.covers(t.table)));
        let hidden = opened.has_unread()
            || older.iter().map(|(_, c)| c).chain([&catalog]).any(|c| !c.complete || c.has_unreadable_rows());
        let unlisted =
            if hidden { Vec::new() } else { self.unlisted_tables(&all().map(|t| t.table).collect(), audited) };
        self.unlisted_findings(&unlisted, catalog.lacks_stable());
        self.metadata_findings(&mut catalog, &older, &unlisted, unread);

        let heads = [(catalog::KEY_TABLE, None)].into_iter().filter(|_| audited.turtle.key_provider.is_some());
        let trees = total_trees.iter().filter(|t| t.root.is_some()).map(|t| (t.table, Some(t.uri.clone())));
        self.not_supplied(heads.chain(trees));
        let mut marks = reach::Marks::new(index);
        let walk_options =
            walk::Options { depth: self.options.depth, jobs: self.options.jobs, entered: None, marks: None };
        progress.phase("walking the trees", None);
        let published = catalog.trees.iter().filter_map(|t| t.entry.as_ref()).map(|e| e.size);
        progress.of_bytes(published.fold(0, u64::saturating_add));
        let mut reached = reach::walk_audited(opened, &catalog.trees, audited, walk_options, &mut marks, progress)?;
        for (tree, sums) in catalog.trees.iter().zip(&mut reached.trees) {
            sums.limit(opened, &catalog, tree);
        }
        self.pages_not_supplied(&reached);
        mark_special(index, &mut marks.class, audited, Class::Live);
        progress.phase("marking what other checkpoints need", None);
        let mut facts = HashMap::new();
        for (at, tree) in catalog.trees.iter().enumerate() {
            let frontier = tree.root.map_or(audited.completion.metadata_lsn, |r| r.lsn);
            let lost = reached.trees[at].lost || opened.is_damaged(tree.table);
            facts.insert(tree.table, TableFacts { frontier, lost });
        }
        let walked = if self.options.newest_only { &[] } else { older.as_slice() };
        // Of dumps the checkpoint before the audited one counts: what only older ones need was freed since, in the
        // dumps, and pages that the service has given up are missed by nobody.
        let before = walked.iter().map(|(c, _)| c.lsn).filter(|lsn| *lsn < audited.lsn).max().unwrap_or_default();
        let counts = |checkpoint: &Checkpoint| opened.layout.gathered.is_none() || checkpoint.lsn >= before;
        for (checkpoint, other) in walked.iter().rev() {
            let holed = (!counts(checkpoint)).then(|| marks.holed.clone());
            let mark = if checkpoint.lsn > audited.lsn { Class::Newer } else { Class::Kept };
            mark_special(index, &mut marks.class, checkpoint, mark);
            let mut other = other.clone();
            distinct_tables(&mut other);
            if let Some(wanted) = self.options.tables {
                other.trees.retain(|t| t.uri == catalog::SHARED_METADATA || wanted(&t.uri));
            }
            let lost = reach::mark_other(opened, &other.trees, walk_options, mark, &mut marks)?;
            self.unread(std::mem::take(&mut marks.unread));
            for (tree, lost) in other.trees.iter().zip(lost) {
                // A table the audited checkpoint does not name was dropped: its own last root bounds it.
                let frontier = tree.root.map_or(Lsn::NONE, |r| r.lsn);
                let fact = facts.entry(tree.table).or_insert(TableFacts { frontier, lost: false });
                fact.lost |= counts(checkpoint) && (lost || other.root_is_unreadable(tree));
            }
            marks.holed = holed.unwrap_or(marks.holed);
        }
        // Rows of the table that was dropped lie among those of the tree, and nothing tells them apart.
        for table in misplaced.keys() {
            let frontier = audited.completion.metadata_lsn;
            facts.entry(*table).or_insert(TableFacts { frontier, lost: true }).lost = true;
        }
        let walked: Vec<&Catalog> = walked.iter().filter(|(c, _)| counts(c)).map(|(_, catalog)| catalog).collect();
        let all_lost = !catalog.complete || walked.iter().any(|c| !c.complete);
        let nameless = |c: &Catalog| c.has_unreadable_rows() || c.lacks_stable();
        let unnamed = all_lost || walked.into_iter().chain([&catalog]).any(nameless);
        if all_lost {
            facts.values_mut().for_each(|f| f.lost = true);
        }
        let unknown_before = if self.options.newest_only { Lsn::NONE } else { opened.unknown_before(audited, others) };
        let basis = Basis {
            completion_lsn: audited.lsn,
            newest_completion: opened.completions.last().map_or(audited.lsn, |c| c.lsn),
            tables: facts,
            unknown: TableFacts { frontier: audited.completion.metadata_lsn, lost: unnamed },
            turtle_table: index.get(audited.turtle_at).map_or(TableId::default(), |r| r.table),
            key_table: catalog::KEY_TABLE,
            embedded_key: audited.turtle.key_provider.as_ref().map_or(Lsn::NONE, |k| k.lsn),
            discards: generation.discards_pages(),
            missing: reached.missing.clone(),
            newest_only: self.options.newest_only,
            holed: marks.holed,
            unknown_before,
        };
        progress.phase("judging every page version", None);
        let mut class = marks.class;
        classify::classify(index, &mut class, &basis);
        self.checkpoint_not_supplied(&class, audited.turtle_at, unknown_before);
        let named: Vec<&Tree> = older.iter().flat_map(|(_, c)| &c.trees).chain(&total_trees).collect();
        self.skip_unselected(&mut class, &named);
        self.audit.versions = classify::totals(index, &class);

        self.fault_findings(&catalog, &reached);
        self.findings.extend(misplaced::findings(&misplaced, &catalog, &reached.trees));
        self.reused_ids(&class, &named);
        let judged = sizes::judge(&sizes::Input {
            index,
            class: &class,
            audited,
            catalog: &catalog,
            all_trees: &total_trees,
            older: &older,
            reached: &reached,
            generation,
        });
        self.audit.trees = judged.trees;
        self.audit.database = judged.database;
        self.findings.extend(judged.findings);
        self.orphans(&class, &total_trees, &older, &judged.explained);
        let walked: HashSet<TableId> = catalog
            .trees
            .iter()
            .zip(&reached.trees)
            .filter(|(_, sums)| !sums.lost)
            .map(|(tree, _)| tree.table)
            .collect();
        self.by_rows(|table| walked.contains(&table));
        self.unchecked |= reached.trees.iter().any(|t| t.lost) || !catalog.complete;
        Ok(class)
    }

    /// The checkpoint block, the keystore, and the generation.
    fn checkpoint_facts(
        &mut self,
        reader: &mut dyn BlockReader,
        audited: &Checkpoint,
        others: &[Checkpoint],
    ) -> Generation {
        let mut all: Vec<&Checkpoint> = others.iter().chain([audited]).collect();
        all.sort_by_key(|c| c.lsn);
        self.findings.extend(order::findings(&all));
        let keys = keystore::examine(self.opened, reader, &all);
        self.key_not_supplied(audited);
        self.findings.extend(keys.findings);
        self.unread(keys.unread);
        self.audit.keystore = keys.info;
        self.evidence = evidence(self.opened, Some(audited), keys.saw_v2);
        let (detected, mut words) = generation::detect(&self.evidence);
        let generation = self.options.assume.unwrap_or(detected);
        if generation != detected {
            words.push(format!("given on the command line; the evidence suggests {}", detected.name()));
        }
        self.audit.store.generation = generation.name();
        self.audit.store.generation_evidence = words;
        let hex = |t: u64| format!("{t:x}");
        self.audit.checkpoint = Some(CheckpointInfo {
            lsn: audited.lsn,
            lsn_time: audited.lsn.time(),
            metadata_lsn: audited.completion.metadata_lsn,
            metadata_lsn_time: audited.completion.metadata_lsn.time(),
            metadata_checksum: audited.completion.metadata_checksum.map(|c| format!("{c:x}")),
            database_size: audited.completion.database_size,
            version: audited.completion.version,
            compatible_version: audited.completion.compatible_version,
            timestamp: Some(hex(audited.turtle.timestamp)),
            oldest_timestamp: audited.turtle.oldest_timestamp.map(hex),
            keystore_lsn: audited.turtle.key_provider.as_ref().map(|k| k.lsn),
            name: checkpoint_name(audited).map(str::to_string),
        });
        generation
    }

    /// Tables with rows that no checkpoint's metadata names: work on a new table that is not yet
    /// part of a checkpoint, or rows that belong to nothing.
    fn unlisted_tables(&self, listed: &HashSet<TableId>, audited: &Checkpoint) -> Vec<TableId> {
        let index = &self.opened.index;
        let turtle_table = index.get(audited.turtle_at).map_or(TableId::default(), |r| r.table);
        let own = |t: &TableId| listed.contains(t) || [turtle_table, catalog::KEY_TABLE].contains(t);
        index.tables().into_iter().filter(|t| !own(t)).collect()
    }

    /// `lacking`: a table of the metadata has no stable file, which one of these may be.
    fn unlisted_findings(&mut self, unlisted: &[TableId], lacking: bool) {
        for table in unlisted {
            let rows = self.opened.index.slice(self.opened.index.table(*table));
            let bytes: u64 = rows.iter().map(|r| u64::from(r.len)).sum();
            let place = Place { table_id: Some(*table), lsn: rows.first().map(|r| r.lsn), ..Place::default() };
            let fact = Fact::UnlistedTable { rows: rows.len() as u64, bytes };
            let mut finding = Finding::of(Code::UnlistedTable, place, fact.into());
            finding.tickets.extend(lacking.then_some("WT-18093"));
            self.findings.push(finding);
        }
    }

    /// Pages in use under ids that were discarded before.
    fn reused_ids(&mut self, class: &[Class], named: &[&Tree]) {
        for reused in classify::reused(&self.opened.index, class) {
            let uri = named.iter().rev().find(|t| t.table == reused.table).map(|t| t.uri.clone());
            let place = Place {
                uri,
                table_id: Some(reused.table),
                page_id: Some(reused.page),
                lsn: Some(reused.lsn),
                ..Place::default()
            };
            let classify::Reused { pages, discard, backlink, .. } = reused;
            let fact = Fact::PageIdReused { pages, discard, backlink };
            self.findings.push(Finding::of(Code::PageIdReused, place, fact.into()));
        }
    }

    /// `unread`: a row may lie in what was not read.
    fn metadata_findings(
        &mut self,
        catalog: &mut Catalog,
        older: &[(&Checkpoint, Catalog)],
        tables: &[TableId],
        unread: bool,
    ) {
        for issue in &mut catalog.issues {
            if let MetadataIssue::MissingStable { stable, older_id, unlisted, .. } = issue {
                if unread {
                    continue;
                }
                let mut named = older.iter().rev().flat_map(|(_, c)| &c.trees);
                *older_id = named.find(|t| t.uri == *stable).map(|t| t.table);
                *unlisted = tables.to_vec();
            }
            let (code, table_id) = match issue {
                MetadataIssue::Row { .. } => (Code::MetadataInvalid, None),
                MetadataIssue::Cookie { table, .. } => (Code::CookieInvalid, Some(*table)),
                MetadataIssue::DuplicateId { id, .. } => (Code::DuplicateTreeId, Some(*id)),
                MetadataIssue::MissingStable { .. } => (Code::MissingStableFile, None),
            };
            let place = Place { uri: issue.uri().map(str::to_string), table_id, ..Place::default() };
            self.findings.push(Finding::of(code, place, Fact::Metadata(issue.clone()).into()));
        }
    }

    /// Faults of the walk as findings; what only could not be checked is counted once a tree.
    fn fault_findings(&mut self, catalog: &Catalog, reached: &reach::Reached) {
        let mut unchecked: BTreeMap<(usize, FaultKind), (u64, &Fault)> = BTreeMap::new();
        let crossed: HashSet<usize> = reached
            .faults
            .iter()
            .filter(|(_, f)| matches!(f.kind, FaultKind::Cycle | FaultKind::ReferencedTwice))
            .map(|(tree, _)| *tree)
            .collect();
        for (tree, fault) in &reached.faults {
            // A false reference brings a false separator with it; that is not a finding of its own.
            if fault.kind == FaultKind::KeyRange && crossed.contains(tree) {
                continue;
            }
            if let Some(unread) = &fault.unread {
                self.unread([unread.clone()]);
                continue;
            }
            // The ledger has tables of which there are lengths only.
            if fault.kind == FaultKind::LengthOnly {
                continue;
            }
            let spec = &catalog.trees[*tree];
            if fault.kind.is_unchecked() {
                unchecked.entry((*tree, fault.kind)).or_insert((0, fault)).0 += 1;
            } else {
                self.findings.push(reach::finding(&spec.uri, fault, None));
            }
        }
        for ((tree, _), (count, fault)) in unchecked {
            self.findings.push(reach::finding(&catalog.trees[tree].uri, fault, Some(count)));
        }
    }

    fn orphans(
        &mut self,
        class: &[Class],
        trees: &[Tree],
        older: &[(&Checkpoint, Catalog)],
        explained: &HashSet<Version>,
    ) {
        let index = &self.opened.index;
        let mut uris: HashMap<TableId, &str> = HashMap::new();
        for tree in older.iter().flat_map(|(_, c)| &c.trees).chain(trees) {
            uris.insert(tree.table, &tree.uri);
        }
        let of_class = |wanted: Class| {
            class.iter().enumerate().filter(move |(_, c)| **c == wanted).filter_map(|(at, _)| index.get(at))
        };
        for row in of_class(Class::Orphan) {
            let page = index.page(row.table, row.page);
            let used = class[page.clone()].iter().any(|c| matches!(c, Class::Live | Class::Kept));
            let reason = if used { OrphanReason::UnreferencedImage } else { OrphanReason::NeverReferenced };
            let uri = uris.get(&row.table).map(|u| (*u).to_string());
            let explains = explained.contains(&Version::new(row.table, row.page, row.lsn));
            let code = if used { Code::OrphanImage } else { Code::OrphanPage };
            let place = Place {
                uri: uri.clone(),
                table_id: Some(row.table),
                page_id: Some(row.page),
                lsn: Some(row.lsn),
                ..Place::default()
            };
            let rows = index.slice(page).iter().map(|r| r.lsn).collect();
            let fact =
                Fact::Orphan(Orphan { bytes: row.len, about: row.is_about(), explains, rows, listed: uri.is_some() });
            self.findings.push(Finding::of(code, place, fact.into()));
            self.audit.orphans.push(OrphanInfo {
                table_id: row.table,
                uri,
                page_id: row.page,
                lsn: row.lsn,
                lsn_time: row.lsn.time(),
                bytes: u64::from(row.len),
                reason,
                explains,
            });
        }
        for row in of_class(Class::DuplicateDelta) {
            let place = Place {
                uri: uris.get(&row.table).map(|u| (*u).to_string()),
                table_id: Some(row.table),
                page_id: Some(row.page),
                lsn: Some(row.lsn),
                ..Place::default()
            };
            let fact = Fact::DuplicateDelta { bytes: row.len };
            self.findings.push(Finding::of(Code::DuplicateDelta, place, fact.into()));
        }
    }

    /// Rows of trees that were not asked for are not part of this report.
    fn skip_unselected(&self, class: &mut [Class], all: &[&Tree]) {
        let Some(wanted) = self.options.tables else { return };
        for tree in all.iter().filter(|t| t.uri != catalog::SHARED_METADATA && !wanted(&t.uri)) {
            class[self.opened.index.table(tree.table)].fill(Class::Unjudged);
        }
    }

    fn finish(mut self) -> Audit {
        self.findings.sort_by(|a, b| {
            let key = |f: &Finding| {
                let p = &f.place;
                (std::cmp::Reverse(f.severity), f.code, p.uri.clone(), p.table_id, p.page_id, p.lsn)
            };
            key(a).cmp(&key(b))
        });
        if self.audit.store.generation.is_empty() {
            let (generation, words) = generation::detect(&self.evidence);
            self.audit.store.generation = self.options.assume.unwrap_or(generation).name();
            self.audit.store.generation_evidence = words;
        }
        let mut audit = self.audit;
        audit.totals = Totals::of(&self.findings);
        audit.verdict = Verdict::judge(&self.findings, &audit.coverage, self.unchecked);
        audit.exit_code = audit.verdict.exit_code();
        audit.findings = self.findings;
        audit
    }
}

/// The store's own counters against its rows and records. A counter above them is no finding: an LSN that was
/// given out and never written, or written and abandoned, leaves a gap.
fn counter_findings(layout: &Layout, completions: &[CompletionRow], highest: Lsn) -> Vec<Finding> {
    let mut out = Vec::new();
    if let Some(counter) = layout.lsn_counter.filter(|c| *c < highest) {
        let place = Place { lsn: Some(highest), ..Place::default() };
        out.push(Finding::of(Code::LsnCounterBehind, place, Fact::LsnCounter { counter, highest }.into()));
    }
    // A record gets its checkpoint's number and the counter follows at once, also when records are withdrawn.
    let newest = completions.iter().filter_map(|c| Some((c.checkpoint_id?, c.lsn))).max();
    if let (Some(named), Some((newest, record))) = (layout.last_completed, newest)
        && named != newest
    {
        let code = if named > newest { Code::CompletionMissing } else { Code::LsnCounterBehind };
        let fact = Fact::LastCompleted { named, newest, record };
        let place = Place { lsn: Some(record), ..Place::default() };
        out.push(Finding { severity: Severity::Warning, ..Finding::of(code, place, fact.into()) });
    }
    out
}

fn damaged(problem: &Problem) -> Finding {
    let table_id = match problem.affects {
        Affected::Table(t) => Some(t),
        _ => None,
    };
    let place = Place { file: Some(problem.file.clone()), table_id, ..Place::default() };
    Finding::of(Code::StoreDamaged, place, Fact::Damaged { error: problem.reason.clone() }.into())
}

/// Two trees on one table cannot be walked apart; the first keeps it. The finding names both.
pub(crate) fn distinct_tables(catalog: &mut Catalog) {
    let mut seen = HashSet::new();
    catalog.trees.retain(|t| seen.insert(t.table));
}

/// Mark a checkpoint's turtle page and key page.
fn mark_special(index: &Index, class: &mut [Class], checkpoint: &Checkpoint, mark: Class) {
    let key = checkpoint.turtle.key_provider.as_ref().and_then(|k| index.find(catalog::KEY_TABLE, k.page_id, k.lsn));
    for at in [Some(checkpoint.turtle_at), key].into_iter().flatten() {
        if class[at] == Class::Unjudged {
            class[at] = mark;
        }
    }
}
