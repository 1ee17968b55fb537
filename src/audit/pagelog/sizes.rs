//! Sizes of trees and of the database: compare, explain, report.

use super::account::{self, Candidate, CandidateKind};
use super::classify::Class;
use super::fact::{DatabaseSize, Dropped, Fact, TreeSize};
use super::reach::{Reached, TreeSums};
use crate::audit::finding::{Code, Finding, Place};
use crate::audit::minus;
use crate::audit::result::{DatabaseInfo, SizeMeaning, TreeInfo};
use crate::format::generation::Generation;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::pagelog::catalog::{Catalog, Checkpoint, Tree};
use crate::store::Index;
use std::collections::{BTreeMap, HashSet};

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
    let mut info = TreeInfo {
        uri: tree.uri.clone(),
        table_id: tree.table,
        checkpoint: tree.entry.as_ref().map(|e| e.name.clone()),
        root_cookie: tree.entry.as_ref().map(|e| hex::encode(&e.addr)).unwrap_or_default(),
        published_size: published,
        published_size_meaning: meaning(input, tree, sums),
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
    info.difference = Some(minus(published, sums.cookie_bytes));
    // Whether freed children are counted differs between builds, and cookies from before
    // January 2026 carry less than what was counted.
    let also_right = [
        (sums.deleted_bytes > 0).then(|| sums.cookie_bytes - sums.deleted_bytes),
        sums.old_sizes.then_some(sums.physical_bytes),
    ];
    if published == sums.cookie_bytes || also_right.contains(&Some(published)) {
        return info;
    }
    if published < sums.cookie_bytes {
        let (recomputed, residual) = (sums.cookie_bytes, sums.cookie_bytes - published);
        let difference = minus(published, recomputed);
        let fact = Fact::TreeSize(TreeSize { published, recomputed, difference, residual, explained_by: Vec::new() });
        out.findings.push(Finding::of(Code::SizeDeflated, place(tree), fact.into()));
        return info;
    }
    if sums.lost {
        // The sum is a lower bound: more than it proves nothing.
        return info;
    }
    let difference = published - sums.cookie_bytes;
    let frontier = tree.root.map_or(input.audited.completion.metadata_lsn, |r| r.lsn);
    let mut candidates = account::candidates(input.index, input.class, tree.table, frontier);
    candidates.extend(roots(input, tree));
    let explanation = account::explain(difference, &candidates);
    let used: Vec<&Candidate> = explanation.used.iter().map(|i| &candidates[*i]).collect();
    let by_roots = explanation.residual == 0 && used.iter().all(|c| c.kind == CandidateKind::Root);
    let code = if by_roots { Code::SizeDoubleRoot } else { Code::SizeInflated };
    if by_roots {
        info.published_size_meaning = SizeMeaning::DoubleRoot;
    }
    let fact = Fact::TreeSize(TreeSize {
        published,
        recomputed: sums.cookie_bytes,
        difference: minus(published, sums.cookie_bytes),
        residual: explanation.residual,
        explained_by: used.iter().map(|c| (*c).clone()).collect(),
    });
    let mut finding = Finding::of(code, place(tree), fact.into());
    finding.tickets = tickets(&used, code);
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

/// What `size=` means for a tree, before any explanation.
fn meaning(input: &Input<'_>, tree: &Tree, sums: &TreeSums) -> SizeMeaning {
    let keeps = input.generation.keeps_sizes() && input.audited.completion.database_size.is_some();
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
    if out.is_empty() {
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
    let (code, size) = if difference < 0 {
        (Code::DatabaseSizeDeflated, size(difference.unsigned_abs(), Vec::new()))
    } else if difference > 0 {
        let dropped = dropped_tables(input);
        let candidates: Vec<Candidate> = dropped.iter().map(whole_table).collect();
        let explanation = account::explain(difference.unsigned_abs(), &candidates);
        let used = explanation.used.iter().map(|i| dropped[*i].clone()).collect();
        (Code::DatabaseSizeInflated, size(explanation.residual, used))
    } else {
        return;
    };
    out.findings.push(Finding::of(code, place, Fact::DatabaseSize(size).into()));
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
    Candidate { kind, table: dropped.table_id, page, lsn: Lsn::NONE, bytes: dropped.bytes, lsns }
}
