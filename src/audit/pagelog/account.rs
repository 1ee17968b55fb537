//! Accounting: published against recomputed sizes, and which known leaks (docs/ACCOUNTING.md) explain a
//! difference, to the byte.

use super::classify::Class;
use crate::id::{Lsn, PageId, TableId};
use crate::store::Index;
use serde::Serialize;
use std::ops::Range;

/// The allowance of `database_size` for pages that no tree tracks: 1 MiB.
pub const BUFFER: u64 = 1 << 20;

/// Bound on the subset search; beyond it a difference counts as unexplained.
const SEARCH_STEPS: u32 = 200_000;
/// Bound on the size of a subset, and so on the depth of the search. More candidates than this that
/// fit only in part explain nothing anyone could check.
const LARGEST_SUBSET: usize = 32;

/// Most restarts that a difference is explained by. A small root would explain any number by enough of them,
/// and a total that loses a root at every restart runs below 0 soon.
const MOST_RESTARTS: u64 = 8;

/// A row or chain whose bytes a tree's total may still contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// What kind of leak it would be.
    pub kind: CandidateKind,
    /// Table.
    #[serde(rename = "table_id")]
    pub table: TableId,
    /// Page id; 0 for a whole table.
    #[serde(rename = "page_id")]
    pub page: PageId,
    /// LSN that identifies it: the orphan's own, the failed image's, the root's.
    pub lsn: Lsn,
    /// Bytes, all in all.
    pub bytes: u64,
    /// How often its own bytes are in them: more than once for a root that every restart counted.
    pub times: u64,
    /// LSNs of the blocks concerned.
    pub lsns: Vec<Lsn>,
}

/// Kinds of leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CandidateKind {
    /// An orphan.
    Orphan,
    /// A chain given up after a failed full image.
    ObsoleteChain,
    /// A root counted twice (before 2026-03-04).
    #[serde(rename = "root-counted-twice")]
    Root,
    /// A root that restarts took off a total, or added to it, although it held something else.
    #[serde(rename = "root-at-restart")]
    SeededRoot,
    /// A delta left over from a failed reconciliation.
    DuplicateDelta,
    /// A chain superseded by a full image and never subtracted.
    #[serde(rename = "superseded-chain")]
    Superseded,
    /// A table that was dropped, in the database's total.
    DroppedTable,
}

/// Which candidates explain a difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Positions in the list of candidates.
    pub used: Vec<usize>,
    /// What is left of the difference.
    pub residual: u64,
}

/// Explain `difference` bytes by candidates. Orphans are certain evidence and are tried first, all
/// of them; then the ambiguous kinds, fewest first. An inexact match explains only the orphans.
pub fn explain(difference: u64, candidates: &[Candidate]) -> Explanation {
    let of = |kinds: &[CandidateKind]| -> Vec<usize> {
        (0..candidates.len()).filter(|i| kinds.contains(&candidates[*i].kind) && candidates[*i].bytes > 0).collect()
    };
    use CandidateKind::*;
    let orphans = of(&[Orphan]);
    let orphan_bytes: u64 = orphans.iter().map(|i| candidates[*i].bytes).sum();
    if let Some(rest) = difference.checked_sub(orphan_bytes) {
        let pools = [&[][..], &[ObsoleteChain], &[DroppedTable], &[Root], &[ObsoleteChain, Root], &[DuplicateDelta]];
        for pool in pools.map(of) {
            if let Some(mut used) = subset(rest, &pool, candidates) {
                used.extend(&orphans);
                used.sort_unstable();
                return Explanation { used, residual: 0 };
            }
        }
    }
    // Orphans that were never counted may be among them: any subset that fits.
    for pool in [of(&[Orphan]), of(&[Orphan, ObsoleteChain, Root])] {
        if let Some(used) = subset(difference, &pool, candidates) {
            return Explanation { used, residual: 0 };
        }
    }
    // A superseded chain is ordinary; one alone or two that fit to the byte still say something.
    if let Some(rest) = difference.checked_sub(orphan_bytes) {
        let pool = of(&[Superseded]);
        if let Some(mut used) = subset(rest, &pool, candidates).filter(|u| u.len() <= 2) {
            used.extend(&orphans);
            used.sort_unstable();
            return Explanation { used, residual: 0 };
        }
        return Explanation { used: orphans, residual: rest };
    }
    Explanation { used: Vec::new(), residual: difference }
}

/// Explain a difference, of either sign, by the roots of a tree: each restart of an older build took the root's
/// size for what the total had of it. The same root at some restarts, or the roots of some checkpoints.
pub fn explain_by_restarts(difference: u64, roots: &[Candidate]) -> Option<Vec<Candidate>> {
    let seeded = |c: &Candidate, times: u64| Candidate {
        kind: CandidateKind::SeededRoot,
        bytes: c.bytes.saturating_mul(times),
        times,
        ..c.clone()
    };
    if difference == 0 {
        return None;
    }
    let repeated = |times: u64| roots.iter().find(|c| c.bytes.checked_mul(times) == Some(difference));
    if let Some(once) = repeated(1) {
        return Some(vec![seeded(once, 1)]);
    }
    let all: Vec<usize> = (0..roots.len()).filter(|i| roots.get(*i).is_some_and(|c| c.bytes > 0)).collect();
    if let Some(used) = subset(difference, &all, roots) {
        return Some(used.into_iter().filter_map(|i| roots.get(i)).map(|c| seeded(c, 1)).collect());
    }
    (2..=MOST_RESTARTS).find_map(|times| repeated(times).map(|c| vec![seeded(c, times)]))
}

/// The smallest subset of `pool` that adds up to `target` exactly, within the search bound.
pub fn subset(target: u64, pool: &[usize], candidates: &[Candidate]) -> Option<Vec<usize>> {
    if target == 0 {
        return Some(Vec::new());
    }
    let mut pool: Vec<(u64, usize)> = pool.iter().map(|i| (candidates[*i].bytes, *i)).collect();
    pool.sort_unstable_by(|a, b| b.cmp(a));
    let mut steps = SEARCH_STEPS;
    // All together is the likeliest case and may be out of the search's reach.
    if pool.iter().map(|p| p.0).sum::<u64>() == target {
        return Some(pool.iter().map(|p| p.1).collect());
    }
    (1..=pool.len().min(LARGEST_SUBSET)).find_map(|size| {
        let mut used = Vec::with_capacity(size);
        (steps > 0 && pick(target, size, &pool, &mut used, &mut steps)).then_some(used)
    })
}

/// Depth is the subset's size, which the caller raises step by step within a fixed budget.
fn pick(target: u64, size: usize, pool: &[(u64, usize)], used: &mut Vec<usize>, steps: &mut u32) -> bool {
    if size == 0 {
        return target == 0;
    }
    for (at, (bytes, id)) in pool.iter().enumerate() {
        // Sorted largest first: the rest cannot reach the target any more.
        if bytes.saturating_mul(size as u64) < target {
            return false;
        }
        *steps = steps.saturating_sub(1);
        if *steps == 0 {
            return false;
        }
        if *bytes <= target {
            used.push(*id);
            if pick(target - bytes, size - 1, &pool[at + 1..], used, steps) {
                return true;
            }
            used.pop();
        }
    }
    false
}

/// Collect what a tree's total may still contain: orphans, given-up chains, failed deltas, and
/// superseded chains, from the rows of its table at or below the frontier.
pub fn candidates(index: &Index, class: &[Class], table: TableId, frontier: Lsn) -> Vec<Candidate> {
    let range = index.table(table);
    let mut out = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let Some(first) = index.get(start) else { break };
        let page = index.page(table, first.page);
        page_candidates(index, class, page.clone(), frontier, &mut out);
        start = page.end;
    }
    out
}

fn page_candidates(index: &Index, class: &[Class], page: Range<usize>, frontier: Lsn, out: &mut Vec<Candidate>) {
    let rows = &index.slice(page.clone()).to_vec();
    let class = &class[page];
    for (at, (row, c)) in rows.iter().zip(class).enumerate() {
        if row.lsn > frontier {
            break;
        }
        let single = |kind| Candidate {
            kind,
            table: row.table,
            page: row.page,
            lsn: row.lsn,
            bytes: u64::from(row.len),
            times: 1,
            lsns: vec![row.lsn],
        };
        match c {
            Class::Orphan => out.push(single(CandidateKind::Orphan)),
            Class::DuplicateDelta => out.push(single(CandidateKind::DuplicateDelta)),
            Class::DiscardRecord => {
                // The discard names a full image that no checkpoint reached, above an older chain.
                let failed = rows[..at].iter().position(|r| r.lsn == row.backlink_lsn && r.is_full());
                if let Some(failed) = failed.filter(|f| class[*f] == Class::Discarded)
                    && let Some(chain) = chain_before(rows, class, failed, row.page)
                {
                    let lsn = rows[failed].lsn;
                    out.push(Candidate { kind: CandidateKind::ObsoleteChain, lsn, ..chain });
                }
            }
            _ => {}
        }
        if row.is_full()
            && !matches!(c, Class::Orphan)
            && let Some(chain) = chain_before(rows, class, at, row.page)
        {
            out.push(Candidate { kind: CandidateKind::Superseded, lsn: row.lsn, ..chain });
        }
    }
}

/// The last chain before position `before`: its full image and the deltas that link to it.
fn chain_before(rows: &[crate::store::Row], class: &[Class], before: usize, page: PageId) -> Option<Candidate> {
    let base = (0..before).rev().find(|i| rows[*i].is_full() && class[*i] != Class::Orphan)?;
    if rows[base..before].iter().any(|r| r.is_discard()) {
        return None;
    }
    let mut lsns = vec![rows[base].lsn];
    let mut bytes = u64::from(rows[base].len);
    for row in &rows[base + 1..before] {
        if row.is_delta() && row.base_lsn == rows[base].lsn && lsns.last() == Some(&row.backlink_lsn) {
            lsns.push(row.lsn);
            bytes += u64::from(row.len);
        }
    }
    let table = rows[base].table;
    Some(Candidate { kind: CandidateKind::ObsoleteChain, table, page, lsn: Lsn::NONE, bytes, times: 1, lsns })
}
