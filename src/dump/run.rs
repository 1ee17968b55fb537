//! Dump one table: its rows into a stream, what is lost of it into a report.

use super::form::{Made, Writer};
use super::frame::{self, Digits};
use super::indexed;
use super::item::{Item, Role};
use super::loss::{Bounds, Lost, MAX_LOST, Older};
use super::report::TableReport;
use super::shelf::Shelf;
use super::streams::Streams;
use super::table::Source;
use crate::audit::Progress;
use crate::home::content::fetch::Why;
use crate::home::content::rows::{Content, Key, Loss, Outcome};
use crate::home::content::walk::Range;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// What to do about losses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rescue {
    /// Take the rows of lost ranges from older checkpoints.
    pub older: bool,
    /// Look for pages that nothing leads to.
    pub strays: bool,
}

/// Dump the rows of a table of a home. An error is one of the stream that is written.
pub fn table(
    shelf: &Shelf,
    item: &Item,
    source: &Source,
    writer: &Writer,
    rescue: Rescue,
    streams: Streams<'_>,
    progress: &dyn Progress,
) -> io::Result<TableReport> {
    let mut report = TableReport { uri: item.table.uri.clone(), ..TableReport::default() };
    let mut ranges: Vec<Range> = Vec::new();
    let mut failed: Option<io::Error> = None;
    let total = item.bytes;
    let mut misplaced: Vec<(Loss, Lost)> = Vec::new();
    let mut aside = Vec::new();
    let mut bytes = 0_u64;
    let row = |made: &mut Made, key: Key<'_>, value: &[u8]| writer.row(made, key, value);
    let (rows, apart) = (streams.rows, streams.apart);
    let _ = source.rows::<Made>(&row, &mut |made: Made, outcome: Outcome| {
        let written = put(rows, apart, &made, &mut report).and_then(|()| {
            bytes = bytes.saturating_add(outcome.read.1);
            progress.part(bytes, total);
            report.rows = report.rows.saturating_add(outcome.rows);
            report.mended = report.mended.saturating_add(outcome.mended.len() as u64);
            let room = MAX_LOST.saturating_sub(report.mended_at.len());
            report.mended_at.extend(outcome.mended.iter().take(room).map(|a| a.offset));
            for (key, value) in &outcome.aside {
                frame::row(&mut aside, Digits::Hex, Key::Bytes(key), value);
            }
            apart.write_all(&aside)?;
            report.apart = report.apart.saturating_add(outcome.aside.len() as u64);
            aside.clear();
            for loss in &outcome.losses {
                let mut lost = Lost::of(&source.lead.entry, loss);
                if loss.why == Why::Misplaced {
                    // What becomes of it is known once the whole tree was read.
                    misplaced.push((loss.clone(), lost));
                    continue;
                }
                report.lost_rows = if ranges.is_empty() { lost.rows } else { report.lost_rows.and(lost.rows) };
                // The range of single rows is their page's, most of which was read.
                let range = match (loss.rows, &loss.key) {
                    (1.., Some(key)) => single(key),
                    _ => loss.range.clone(),
                };
                lost.older = older(source, &range, writer, rescue.older, rows, apart, &mut report)?;
                ranges.push(range);
                if report.lost.len() < MAX_LOST {
                    report.lost.push(lost);
                } else {
                    report.more_lost = report.more_lost.saturating_add(1);
                }
            }
            Ok(())
        });
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                failed = Some(e);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(e) = failed {
        return Err(e);
    }
    // Pages that only stand in each other's place have come out all the same.
    let firsts: Vec<Vec<u8>> = misplaced.iter().filter_map(|(loss, _)| loss.key.clone()).collect();
    for (loss, lost) in misplaced {
        let own = source.lead.only_of(&loss.range);
        let order = source.lead.overlay.order();
        if firsts.iter().any(|key| own.has(key, order)) {
            report.disordered = report.disordered.saturating_add(1);
            continue;
        }
        report.lost_rows = if ranges.is_empty() { lost.rows } else { report.lost_rows.and(lost.rows) };
        ranges.push(loss.range.clone());
        if report.lost.len() < MAX_LOST {
            report.lost.push(lost);
        } else {
            report.more_lost = report.more_lost.saturating_add(1);
        }
    }
    if !ranges.is_empty() {
        if let Role::Collection { database, name } = &item.role {
            report.indexed = indexed::look(shelf, database, name, &source.lead, &ranges);
            if let Some(found) = report.indexed.as_ref().filter(|i| i.whole) {
                // One entry a document: what is not in the index was not there.
                report.lost_rows = Bounds::exactly(found.entries);
            }
        }
        if let (true, Some(out)) = (rescue.strays, streams.strays) {
            report.stray_rows = strays(&source.lead, &ranges, writer, out)?;
        }
    }
    Ok(report)
}

/// The range of one key.
fn single(key: &[u8]) -> Range {
    let mut behind = key.to_vec();
    behind.push(0);
    let bound = |key: Vec<u8>| Some(crate::home::content::rows::Bound::Key(key));
    Range { lower: bound(key.to_vec()), upper: bound(behind) }
}

fn put(rows: &mut dyn Write, apart: &mut dyn Write, made: &Made, report: &mut TableReport) -> io::Result<()> {
    rows.write_all(&made.bytes)?;
    report.bytes = report.bytes.saturating_add(made.bytes.len() as u64);
    if !made.apart.is_empty() {
        apart.write_all(&made.apart)?;
        report.apart = report.apart.saturating_add(made.rows_apart);
    }
    report.irreversible |= !made.notes.reversible();
    Ok(())
}

/// What the newest of the older checkpoints that has a range says of it; `take`: into the stream, too.
fn older(
    source: &Source,
    range: &Range,
    writer: &Writer,
    take: bool,
    rows: &mut dyn Write,
    apart: &mut dyn Write,
    report: &mut TableReport,
) -> io::Result<Option<Older>> {
    let content = &source.lead;
    // Column groups are put together of several files, and an older row of one says nothing about the others.
    if source.is_joined() {
        return Ok(None);
    }
    let others = content.entry.checkpoints.iter().rev().filter(|c| c.addr != content.cookie && !c.addr.is_empty());
    let mut best: Option<(Older, Vec<Made>)> = None;
    for checkpoint in others {
        let old = content.older(&checkpoint.addr, range);
        let (mut made, mut sum, mut whole) = (Vec::new(), 0_u64, true);
        let row = |made: &mut Made, key: Key<'_>, value: &[u8]| writer.row(made, key, value);
        let _ = old.rows::<Made>(&row, &mut |one, outcome| {
            made.push(one);
            sum = sum.saturating_add(outcome.rows);
            whole &= outcome.losses.is_empty();
            ControlFlow::Continue(())
        });
        let found = Older { checkpoint: checkpoint.name.clone(), rows: sum, whole, taken: take && sum > 0 };
        if best.as_ref().is_none_or(|(b, _)| found.rows > b.rows) && (sum > 0 || whole) {
            best = Some((found, made));
        }
        if whole {
            break;
        }
    }
    let Some((found, made)) = best else { return Ok(None) };
    if take {
        for one in &made {
            put(rows, apart, one, report)?;
        }
        report.rows = report.rows.saturating_add(found.rows);
        report.older_rows = report.older_rows.saturating_add(found.rows);
    }
    Ok(Some(found))
}

fn strays(content: &Content, ranges: &[Range], writer: &Writer, out: &mut dyn Write) -> io::Result<u64> {
    let mut failed = None;
    let found = content.strays(ranges, &mut |key, value| {
        if failed.is_some() {
            return;
        }
        let mut made = Made::default();
        writer.row(&mut made, key, value);
        failed = out.write_all(&made.bytes).err();
    });
    match failed {
        Some(e) => Err(e),
        None => Ok(found.rows),
    }
}
