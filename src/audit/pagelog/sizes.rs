//! Sizes of trees and of the database: compare, explain, report.

use super::account::{self, Candidate, CandidateKind};
use super::classify::Class;
use super::fact::{DatabaseSize, Dropped, Fact, TreeSize};
use super::reach::{Reached, TreeSums};
use crate::audit::finding::{Code, Finding, Place};
use crate::audit::minus;
use crate::audit::result::{DatabaseInfo, SizeMeaning, TreeInfo};
use crate::format::generation::Generation;
use crate::format::pagelog_turtle::{Turtle, TurtleForm};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::pagelog::catalog::{Catalog, Checkpoint, Tree};
use crate::store::Index;
use std::collections::{BTreeMap, HashSet};

/// Leaks of builds of before mid 2026 that leave no trace in the page log.
const LEAKS_BEFORE_MID_2026: [&str; 8] =
    ["WT-16402", "WT-16027", "WT-16641", "WT-16518", "WT-16661", "WT-16662", "WT-16983", "WT-16965"];
/// Turtle pages of this version are written since June 2026.
const TURTLE_OF_JUNE_2026: u32 = 3;

/// Whether the writer of a turtle page is of before mid 2026. Where the page does not say, nothing is known.
fn is_leaky(turtle: &Turtle) -> bool {
    match turtle.form {
        TurtleForm::V1 => true,
        TurtleForm::V2 => turtle.version.is_some_and(|v| v < TURTLE_OF_JUNE_2026),
        TurtleForm::Spring | TurtleForm::Legacy | TurtleForm::LegacyKey => false,
    }
}

/// Everything the judgement stands on.
pub struct Input<'a> {
    pub index: &'a Index,
    /// The class of every row.
    pub class: &'a [Class],
    pub audited: &'a Checkpoint,
    /// Its trees, those asked for.
    pub catalog: &'a Catalog,
    /// Its trees, all of them.
    pub all_trees: &'a [Tree],
    /// The other checkpoints and their trees.
    pub older: &'a [(&'a Checkpoint, Catalog)],
    pub reached: &'a Reached,
    pub generation: Generation,
}

/// The judgement.
pub struct Judged {
    pub trees: Vec<TreeInfo>,
    pub database: DatabaseInfo,
    pub findings: Vec<Finding>,
    /// Orphans (table, page, LSN) whose bytes are in a published size.
    pub explained: HashSet<Version>,
}

/// Judge all trees and the database.
pub fn judge(input: &Input<'_>) -> Judged {
    let mut out = Judged {
        trees: Vec::new(),
        database: DatabaseInfo { buffer: account::BUFFER, ..DatabaseInfo::default() },
        findings: Vec::new(),
        explained: HashSet::new(),
    };
    for (tree, sums) in input.catalog.trees.iter().zip(&input.reached.trees) {
        let info = judge_tree(input, tree, sums, &mut out);
        out.trees.push(info);
    }
    judge_database(input, &mut out);
    out
}

fn place(tree: &Tree) -> Place {
    Place { uri: Some(tree.uri.clone()), table_id: Some(tree.table), ..Place::default() }
}

fn judge_tree(input: &Input<'_>, tree: &Tree, sums: &TreeSums, out: &mut Judged) -> TreeInfo {
    let published = tree.entry.as_ref().map(|e| e.size);
    let keeps = input.generation.keeps_sizes() && input.audited.completion.database_size.is_some();
    let compared = compare(keeps, tree, sums);
    let mut info = TreeInfo {
        uri: tree.uri.clone(),
        table_id: tree.table,
        checkpoint: tree.entry.as_ref().map(|e| e.name.clone()),
        root_cookie: tree.entry.as_ref().map(|e| hex::encode(&e.addr)).unwrap_or_default(),
        published_size: published,
        published_size_meaning: compared.meaning,
        recomputed_size: sums.cookie_bytes,
        physical_size: sums.physical_bytes,
        difference: None,
        pages: sums.pages,
        rows: (sums.rows != Default::default()).then_some(sums.rows),
        complete: sums.complete,
    };
    if sums.unread {
        info.complete = false;
        return info;
    }
    let Some(published) = published else { return info };
    if info.published_size_meaning == SizeMeaning::RootPageId {
        // In a generation that kept no sizes this is the normal state; in a later one it is a leftover.
        if input.audited.completion.database_size.is_some() && tree.root.is_some() {
            let fact = Fact::RootPageId { published, recomputed: sums.cookie_bytes };
            out.findings.push(Finding::of(Code::SizeIsRootPageId, place(tree), fact.into()));
        }
        return info;
    }
    info.difference = compared.difference;
    if !compared.wrong {
        return info;
    }
    let recomputed = sums.cookie_bytes;
    if let Some(missing) = recomputed.checked_sub(published) {
        let restarts = account::explain_by_restarts(missing, &roots(input, tree));
        let residual = if restarts.is_some() { 0 } else { missing };
        let size = TreeSize {
            published,
            recomputed,
            difference: minus(published, recomputed),
            residual,
            explained_by: restarts.unwrap_or_default(),
            leaky_writer: false,
        };
        let seeded = size.is_explained();
        let mut finding = Finding::of(Code::SizeDeflated, place(tree), Fact::TreeSize(size).into());
        if seeded {
            finding.tickets.clear();
        }
        out.findings.push(finding);
        return info;
    }
    let difference = published - sums.cookie_bytes;
    let frontier = tree.root.map_or(input.audited.completion.metadata_lsn, |r| r.lsn);
    let mut candidates = account::candidates(input.index, input.class, tree.table, frontier);
    candidates.extend(roots(input, tree));
    let explanation = account::explain(difference, &candidates);
    let restarts = (explanation.residual != 0).then(|| account::explain_by_restarts(difference, &roots(input, tree)));
    let restarts = restarts.flatten().unwrap_or_default();
    let (used, residual): (Vec<&Candidate>, u64) = if restarts.is_empty() {
        (explanation.used.iter().filter_map(|i| candidates.get(*i)).collect(), explanation.residual)
    } else {
        (restarts.iter().collect(), 0)
    };
    let by_roots = residual == 0 && used.iter().all(|c| c.kind == CandidateKind::Root);
    let code = if by_roots { Code::SizeDoubleRoot } else { Code::SizeInflated };
    if by_roots {
        info.published_size_meaning = SizeMeaning::DoubleRoot;
    }
    let fact = Fact::TreeSize(TreeSize {
        published,
        recomputed: sums.cookie_bytes,
        difference: minus(published, sums.cookie_bytes),
        residual,
        explained_by: used.iter().map(|c| (*c).clone()).collect(),
        leaky_writer: residual != 0 && is_leaky(&input.audited.turtle),
    });
    let leaky = matches!(&fact, Fact::TreeSize(size) if size.leaky_writer);
    let mut finding = Finding::of(code, place(tree), fact.into());
    finding.tickets = tickets(&used, code);
    if leaky {
        finding.tickets.extend(LEAKS_BEFORE_MID_2026);
    }
    out.findings.push(finding);
    for c in used {
        match c.kind {
            CandidateKind::Orphan => {
                out.explained.insert(Version::new(tree.table, c.page, c.lsn));
            }
            CandidateKind::ObsoleteChain => out.findings.push(obsolete_chain(tree, c)),
            _ => {}
        }
    }
    info
}

/// A tree's published size beside what its pages add up to.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// What `size=` means, before any explanation.
    pub meaning: SizeMeaning,
    /// Published minus recomputed; `None` where there is nothing to compare.
    pub difference: Option<i64>,
    /// No build's way of counting comes to the published size.
    pub wrong: bool,
}

/// Compare; `keeps`: the generation keeps byte totals, and the checkpoint has one of the database.
pub fn compare(keeps: bool, tree: &Tree, sums: &TreeSums) -> Compared {
    let mut out = Compared { meaning: meaning(keeps, tree, sums), difference: None, wrong: false };
    let Some(published) = tree.entry.as_ref().map(|e| e.size) else { return out };
    if sums.unread || out.meaning == SizeMeaning::RootPageId {
        return out;
    }
    out.difference = Some(minus(published, sums.cookie_bytes));
    // Whether freed children are counted differs between builds, and cookies from before
    // January 2026 carry less than what was counted.
    let also_right = [
        (sums.deleted_bytes > 0).then(|| sums.cookie_bytes.saturating_sub(sums.deleted_bytes)),
        sums.old_sizes.then_some(sums.physical_bytes),
    ];
    let right = published == sums.cookie_bytes || also_right.contains(&Some(published));
    // Where pages were missed the sum is a lower bound: more than it proves nothing.
    let unproven = sums.lost && published > sums.cookie_bytes;
    out.wrong = !right && !unproven;
    out
}

/// What `size=` means for a tree, before any explanation.
fn meaning(keeps: bool, tree: &Tree, sums: &TreeSums) -> SizeMeaning {
    let size = tree.entry.as_ref().map_or(0, |e| e.size);
    let is_page_id = tree.root.is_some_and(|r| r.page_id == size) && size != sums.cookie_bytes;
    if is_page_id || (!keeps && tree.root.is_none() && size == 0) {
        SizeMeaning::RootPageId
    } else {
        SizeMeaning::BytesTotal
    }
}

/// The roots of this tree in all checkpoints that are known.
fn roots(input: &Input<'_>, tree: &Tree) -> Vec<Candidate> {
    let mut seen = HashSet::new();
    let others = input.older.iter().flat_map(|(_, c)| &c.trees).filter(|t| t.table == tree.table);
    others
        .chain([tree])
        .filter_map(|t| t.root)
        .filter(|r| seen.insert((r.page_id, r.lsn)))
        .map(|r| Candidate {
            kind: CandidateKind::Root,
            table: tree.table,
            page: r.page_id,
            lsn: r.lsn,
            bytes: u64::from(r.size),
            times: 1,
            lsns: vec![r.lsn],
        })
        .collect()
}

fn tickets(used: &[&Candidate], code: Code) -> Vec<&'static str> {
    let mut out: Vec<&'static str> = used
        .iter()
        .flat_map(|c| match c.kind {
            CandidateKind::Orphan => &["WT-16660"][..],
            CandidateKind::ObsoleteChain => &["WT-17034", "WT-16864"][..],
            CandidateKind::Root => &["WT-16849"][..],
            _ => &[],
        })
        .copied()
        .collect();
    let restarts = used.iter().any(|c| c.kind == CandidateKind::SeededRoot);
    if out.is_empty() && !restarts {
        out = code.info().tickets.to_vec();
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn obsolete_chain(tree: &Tree, c: &Candidate) -> Finding {
    let place = Place { page_id: Some(c.page), lsn: Some(c.lsn), ..place(tree) };
    Finding::of(Code::ObsoleteChainUncounted, place, Fact::ObsoleteChain(c.clone()).into())
}

/// I4, on published sizes alone.
fn judge_database(input: &Input<'_>, out: &mut Judged) {
    let database = &mut out.database;
    database.published_size = input.audited.completion.database_size;
    database.sum_of_recomputed = out.trees.iter().map(|t| t.recomputed_size).sum();
    let legacy = out.trees.iter().any(|t| t.published_size_meaning == SizeMeaning::RootPageId);
    let sum: u64 = input.all_trees.iter().filter_map(|t| t.entry.as_ref()).fold(0, |acc, e| acc.saturating_add(e.size));
    database.sum_of_published = (!legacy).then_some(sum);
    let Some(published) = database.published_size else { return };
    let all_walked = out.trees.len() == input.all_trees.len();
    if all_walked && out.trees.iter().all(|t| t.complete) {
        let right = database.sum_of_recomputed.saturating_add(account::BUFFER);
        database.difference_from_recomputed = Some(minus(published, right));
    }
    if legacy || !input.catalog.complete || input.catalog.has_unreadable_rows() {
        return;
    }
    let right = sum.saturating_add(account::BUFFER);
    let difference = minus(published, right);
    database.difference = Some(difference);
    let place = Place { lsn: Some(input.audited.lsn), ..Place::default() };
    let (buffer, expected) = (account::BUFFER, right);
    let size =
        |residual, dropped| DatabaseSize { published, trees: sum, buffer, expected, difference, residual, dropped };
    let (code, tables) = match difference {
        0 => return,
        ..0 => (Code::DatabaseSizeDeflated, trimmed_tables(input)),
        _ => (Code::DatabaseSizeInflated, Vec::new()),
    };
    let tables = [dropped_tables(input), tables].concat();
    let candidates: Vec<Candidate> = tables.iter().map(whole_table).collect();
    let explanation = account::explain(difference.unsigned_abs(), &candidates);
    let used = explanation.used.iter().filter_map(|i| tables.get(*i)).cloned().collect();
    let size = size(explanation.residual, used);
    let subtracted_twice = code == Code::DatabaseSizeDeflated && size.is_explained();
    let mut finding = Finding::of(code, place, Fact::DatabaseSize(size).into());
    if subtracted_twice {
        finding.tickets = vec!["WT-18148"];
    }
    out.findings.push(finding);
}

/// Tables that the audited checkpoint names and of which no page is left: a drop trimmed them, and failed.
fn trimmed_tables(input: &Input<'_>) -> Vec<Dropped> {
    let gone = |t: &&Tree| t.root.is_some() && input.index.table(t.table).is_empty();
    let dropped = |t: &Tree| {
        let bytes = t.entry.as_ref()?.size;
        Some(Dropped { kind: CandidateKind::DroppedTable, uri: t.uri.clone(), table_id: t.table, bytes })
    };
    input.all_trees.iter().filter(gone).filter_map(dropped).collect()
}

/// Tables that an older checkpoint names and the audited one does not, with their last published size.
fn dropped_tables(input: &Input<'_>) -> Vec<Dropped> {
    let present: HashSet<(&str, TableId)> = input.all_trees.iter().map(|t| (t.uri.as_str(), t.table)).collect();
    let mut out: BTreeMap<(&str, TableId), u64> = BTreeMap::new();
    for (_, catalog) in input.older.iter().filter(|(c, _)| c.lsn < input.audited.lsn) {
        for tree in catalog.trees.iter().filter(|t| !present.contains(&(t.uri.as_str(), t.table))) {
            if let Some(entry) = &tree.entry {
                // Ascending by LSN: the last one stays.
                out.insert((&tree.uri, tree.table), entry.size);
            }
        }
    }
    out.into_iter()
        .map(|((uri, table_id), bytes)| Dropped { kind: CandidateKind::DroppedTable, uri: uri.into(), table_id, bytes })
        .collect()
}

fn whole_table(dropped: &Dropped) -> Candidate {
    let (kind, page, lsns) = (dropped.kind, PageId::default(), Vec::new());
    Candidate { kind, table: dropped.table_id, page, lsn: Lsn::NONE, bytes: dropped.bytes, times: 1, lsns }
}
