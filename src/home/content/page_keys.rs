//! The keys of one page, before its rows are made: the first of them, those that are out of place, and runs of records
//! that are too long to be made at once.

use crate::format::page_header::PageType;
use crate::home::leaves::item;
use crate::home::shape::Shape;
use crate::page::cell::{CellKind, Cells};
use crate::page::form::Addresses;
use crate::page::leaf::Options;
use crate::page::rules::{Breaches, Page};

/// Bytes and records of a page of runs that are made at once.
const MAX_MADE: u64 = 32 << 20;
const MAX_AT_ONCE: u64 = 1 << 18;

/// First record, the one behind the last, and how many to make at a time, of a page whose runs are too long to be
/// made at once.
pub(super) fn long_runs(page: &Page<'_>) -> Option<(u64, u64, u64)> {
    if page.kind != PageType::ColumnVariable {
        return None;
    }
    let (mut records, mut bytes, mut longest) = (0_u64, 0_u64, 0_u64);
    let cells = Cells::new(page.plain, page.start, page.header.flags);
    for cell in cells.take(usize::try_from(page.header.entries).unwrap_or(usize::MAX)).map_while(Result::ok) {
        let run = cell.run.unwrap_or(0).max(1);
        // An overflow item may have any length; a copy that of what it copies.
        let own = match cell.kind {
            CellKind::ValueOverflow => 1 << 20,
            _ => u64::try_from(cell.data.len()).unwrap_or(u64::MAX).saturating_add(64),
        };
        longest = longest.max(own);
        records = records.saturating_add(run);
        bytes = bytes.saturating_add(own.saturating_mul(run));
    }
    let first = page.header.recno;
    let long = records > MAX_AT_ONCE || (bytes > MAX_MADE && records > 1024);
    let step = (MAX_MADE / longest.max(1)).clamp(1, MAX_AT_ONCE);
    long.then(|| (first, first.saturating_add(records), step))
}

/// The first key of a page, or its first record.
pub(super) fn first_key(page: &Page<'_>, options: &Options, shape: &Shape<'_>) -> Option<Vec<u8>> {
    if page.kind != PageType::RowLeaf {
        return Some(page.header.recno.to_be_bytes().to_vec());
    }
    let first = Cells::new(page.plain, page.start, page.header.flags).next()?.ok()?;
    match first.kind {
        CellKind::Key if first.prefix == 0 => Some(first.data.to_vec()),
        CellKind::KeyOverflow => options.bounds.read(&first, &mut Breaches::default()).and_then(|a| item(shape, &a)),
        _ => None,
    }
}

/// Offsets of the rows that must go for the keys of a page to ascend, as few as possible.
pub(super) fn disorder(page: &Page<'_>, options: &Options, shape: &Shape<'_>) -> Vec<usize> {
    if page.kind != PageType::RowLeaf {
        return Vec::new();
    }
    let mut keys: Vec<(usize, Vec<u8>)> = Vec::new();
    let _ = crate::page::leaf::leaf(page, options, &mut |a| item(shape, a), &mut |row| {
        keys.extend(row.key.map(|key| (row.at, key.to_vec())));
    });
    // The longest list of keys that ascend: of each length the smallest last key.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    let key = |n: usize| keys.get(n).map(|(_, key)| key.as_slice()).unwrap_or_default();
    for n in 0..keys.len() {
        let at = ends.partition_point(|end| key(*end) < key(n));
        before.push(at.checked_sub(1).and_then(|at| ends.get(at)).copied());
        match ends.get_mut(at) {
            Some(end) => *end = n,
            None => ends.push(n),
        }
    }
    let mut kept = vec![false; keys.len()];
    let mut next = ends.last().copied();
    while let Some(n) = next {
        if let Some(kept) = kept.get_mut(n) {
            *kept = true;
        }
        next = before.get(n).copied().flatten();
    }
    let mut out: Vec<usize> = keys.iter().zip(kept).filter(|(_, kept)| !kept).map(|((at, _), _)| *at).collect();
    out.sort_unstable();
    out
}
