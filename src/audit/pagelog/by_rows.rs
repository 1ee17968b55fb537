//! What the rows of a table say by themselves, where its pages cannot be looked into: chains, discards, live pages,
//! bytes, growth. Which pages a checkpoint reaches, and whether sizes are right, they do not say.

use super::Opened;
use super::fact::Fact;
use crate::audit::finding::{Code, Finding, Place};
use crate::audit::result::{GrownPage, TableByRows};
use crate::id::{Lsn, TableId};
use crate::pagelog::fault::{self, Fault, FaultKind};
use crate::store::{Row, Rows};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Pages named as those that take most.
const GREATEST: usize = 5;

/// Judge the rows of a table.
pub fn judge(opened: &Opened<'_>, table: TableId, findings: &mut Vec<Finding>) -> TableByRows {
    let index = &opened.index;
    let range = index.table(table);
    let mut out = TableByRows {
        table_id: table,
        versions: range.len() as u64,
        first_lsn: index.slice(range.clone()).iter().map(|r| r.lsn).min(),
        last_lsn: index.slice(range.clone()).iter().map(|r| r.lsn).max(),
        ..TableByRows::default()
    };
    let mut greatest = BinaryHeap::new();
    let mut start = range.start;
    while start < range.end {
        let Some(first) = index.get(start) else { break };
        let page = index.page(table, first.page);
        let end = page.end.max(start.saturating_add(1)).min(range.end);
        let rows = index.slice(start..end);
        let bytes = rows.iter().map(|r| u64::from(r.len)).sum();
        judge_page(opened, rows, bytes, &mut out, findings);
        greatest.push(Reverse((bytes, first.page, rows.iter().len() as u64)));
        if greatest.len() > GREATEST {
            greatest.pop();
        }
        start = end;
    }
    let mut pages: Vec<_> = greatest.into_iter().map(|Reverse(page)| page).collect();
    pages.sort_unstable_by(|a, b| b.cmp(a));
    out.greatest = pages.into_iter().map(|(bytes, page_id, versions)| GrownPage { page_id, versions, bytes }).collect();
    out
}

fn judge_page(opened: &Opened<'_>, rows: Rows<'_>, bytes: u64, out: &mut TableByRows, findings: &mut Vec<Finding>) {
    out.pages += 1;
    out.bytes = out.bytes.saturating_add(bytes);
    let mut discarded = false;
    for row in rows.iter() {
        match (row.is_discard(), row.is_delta()) {
            (true, _) => out.discard_records += 1,
            (_, true) => out.deltas += 1,
            _ => out.full_images += 1,
        }
        out.written_after_discard += u64::from(discarded && !row.is_discard());
        discarded = row.is_discard();
    }
    let rows: Vec<Row> = rows.iter().collect();
    let Some(newest) = rows.last() else { return };
    if newest.is_discard() {
        out.discarded_pages += 1;
        return;
    }
    out.live_pages += 1;
    let chain = chain(&rows);
    out.live_bytes = out.live_bytes.saturating_add(chain.iter().map(|r| u64::from(r.len)).sum());
    let base = chain.first().filter(|r| r.is_full()).map(|r| r.lsn);
    let complete = base.is_some() && chain.iter().skip(1).all(|r| Some(r.base_lsn) == base);
    // What was asked for alone may have its image elsewhere.
    let known = !rows.iter().any(Row::is_lone) && !opened.is_partial(newest.table);
    if !complete {
        if known {
            out.broken_chains += 1;
            findings.push(broken(newest, &chain));
        }
        return;
    }
    // Of two deltas that follow the same block only one is in the chain: the other was put, and given up.
    let links: HashMap<(Lsn, Lsn), Lsn> =
        chain.iter().filter(|r| r.is_delta()).map(|r| ((r.backlink_lsn, r.base_lsn), r.lsn)).collect();
    for row in rows.iter().filter(|r| r.is_delta()) {
        if links.get(&(row.backlink_lsn, row.base_lsn)).is_some_and(|own| *own != row.lsn) {
            let fact = Fact::DuplicateDelta { bytes: row.len };
            findings.push(Finding::of(Code::DuplicateDelta, place(row), fact.into()));
        }
    }
}

/// The newest chain, by the links alone: the oldest block that they lead to first.
fn chain(rows: &[Row]) -> Vec<&Row> {
    let mut out = Vec::new();
    let mut at = rows.len().checked_sub(1);
    while let Some(here) = at
        && let Some(row) = rows.get(here)
    {
        out.push(row);
        if !row.is_delta() {
            break;
        }
        // Links lead back, so this ends.
        let before = rows.partition_point(|r| r.lsn < row.backlink_lsn);
        let found = rows.get(before).is_some_and(|r| r.lsn == row.backlink_lsn && !r.is_discard());
        at = Some(before).filter(|before| found && *before < here);
    }
    out.reverse();
    out
}

fn place(row: &Row) -> Place {
    Place { table_id: Some(row.table), page_id: Some(row.page), lsn: Some(row.lsn), ..Place::default() }
}

/// The finding for a chain whose links do not lead to a full image.
fn broken(newest: &Row, chain: &[&Row]) -> Finding {
    let deltas = fault::Lsns::of(chain.iter().map(|r| r.lsn));
    let fault = Fault::new(FaultKind::ChainBroken, newest.key(), fault::Fact::NoBase { base: newest.base_lsn, deltas });
    Finding::of(Code::ChainBroken, place(newest), Fact::Fault { fault, pages: None }.into())
}
