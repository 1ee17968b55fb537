//! Deltas of June 2025: entries of a form of their own, not cells that alternate.

use super::cell::{Cell, CellKind, TS_MAX, TXN_MAX, Times};
use super::internal;
use super::leaf::{Row, Value};
use super::rules::{Breaches, Page, Rule};
use super::what::{What, misordered};
use super::windows;
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// Flag of a leaf entry: the key is deleted.
pub const LEAF_DELETE: u8 = 0x40;
/// Flag of an internal entry: the child is gone.
const CHILD_GONE: u8 = 0x01;

/// The times a leaf entry may carry, in this order, by the flag that announces each.
mod times {
    pub(super) const START_TXN: u8 = 0x01;
    pub(super) const START_TS: u8 = 0x02;
    pub(super) const DURABLE_START: u8 = 0x04;
    pub(super) const STOP_TXN: u8 = 0x08;
    pub(super) const STOP_TS: u8 = 0x10;
    pub(super) const DURABLE_STOP: u8 = 0x20;
}

/// An entry of a leaf delta.
#[derive(Debug, Clone, Copy)]
pub struct LeafEntry<'a> {
    /// Offset of its first byte.
    pub at: usize,
    /// Offset behind its last one.
    pub end: usize,
    pub flags: u8,
    /// The window of the value.
    pub times: Times,
    pub key: &'a [u8],
    /// Offset behind the key.
    pub key_end: usize,
    /// The value; `None` deletes the key.
    pub value: Option<&'a [u8]>,
}

/// An entry of an internal delta.
#[derive(Debug, Clone, Copy)]
pub struct ChildEntry<'a> {
    /// Offset of its first byte.
    pub at: usize,
    /// Offset behind its last one.
    pub end: usize,
    pub flags: u8,
    pub key: Cell<'a>,
    /// The address cell; `None` removes the child.
    pub address: Option<Cell<'a>>,
}

/// Entries from an offset on, each told where the one before ended. Stops after the first error.
fn entries<'a, T>(
    plain: &'a [u8],
    start: usize,
    read: impl Fn(&'a [u8], usize) -> Result<(T, usize)>,
) -> impl Iterator<Item = Result<T>> {
    let mut at = start;
    std::iter::from_fn(move || {
        if at >= plain.len() {
            return None;
        }
        let next = read(plain, at);
        at = next.as_ref().map_or(plain.len(), |(_, end)| *end);
        Some(next.map(|(entry, _)| entry))
    })
}

/// The entries of a leaf delta: `plain` is exactly `mem_size` bytes, the entries begin at `start`.
pub fn leaf_entries(plain: &[u8], start: usize) -> impl Iterator<Item = Result<LeafEntry<'_>>> {
    entries(plain, start, |plain, at| leaf_entry(plain, at).map(|e| (e, e.end)))
}

/// The entries of an internal delta; `flags` are the page header's.
pub fn child_entries(plain: &[u8], start: usize, flags: u8) -> impl Iterator<Item = Result<ChildEntry<'_>>> {
    entries(plain, start, move |plain, at| child_entry(plain, at, flags).map(|e| (e, e.end)))
}

fn leaf_entry(plain: &[u8], at: usize) -> Result<LeafEntry<'_>> {
    let mut r = Reader::at(plain, at)?;
    let flags = r.u8()?;
    let mut read = |bit: u8, default: u64| if flags & bit != 0 { r.vuint() } else { Ok(default) };
    let mut window = Times::EMPTY;
    let delete = flags & LEAF_DELETE != 0;
    if !delete {
        window.start_txn = read(times::START_TXN, 0)?;
        window.start_ts = read(times::START_TS, 0)?;
        window.durable_start_ts = read(times::DURABLE_START, window.start_ts)?;
        window.stop_txn = read(times::STOP_TXN, TXN_MAX)?;
        window.stop_ts = read(times::STOP_TS, TS_MAX)?;
        window.durable_stop_ts = read(times::DURABLE_STOP, if window.stop_ts == TS_MAX { 0 } else { window.stop_ts })?;
    }
    let key_len = r.vlen()?;
    let value_len = if delete { 0 } else { r.vlen()? };
    let key = r.take(key_len)?;
    let key_end = r.pos();
    let value = r.take(value_len)?;
    let value = (!delete).then_some(value);
    Ok(LeafEntry { at, end: r.pos(), flags, times: window, key, key_end, value })
}

fn child_entry(plain: &[u8], at: usize, page_flags: u8) -> Result<ChildEntry<'_>> {
    let flags = Reader::at(plain, at)?.u8()?;
    let key = Cell::read(plain, at.saturating_add(1), page_flags)?;
    if !key.kind.is_key() {
        return Err(FormatError::invalid(format!("internal delta has no key at offset {}", key.offset)));
    }
    if flags & CHILD_GONE != 0 {
        return Ok(ChildEntry { at, end: key.end, flags, key, address: None });
    }
    let address = Cell::read(plain, key.end, page_flags)?;
    Ok(ChildEntry { at, end: address.end, flags, key, address: Some(address) })
}

/// Give every row of a leaf delta to `row`, and judge it.
pub(super) fn leaf<'a>(page: &Page<'a>, row: &mut dyn FnMut(&Row<'_, 'a, &'a [u8]>)) -> Breaches {
    let mut breaches = Breaches::of(page.form);
    let mut previous: Option<&[u8]> = None;
    let mut number = 0_u32;
    for entry in leaf_entries(page.plain, page.start) {
        number = number.saturating_add(1);
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                breaches.add(Rule::Cell, page.start, || What::Cell { number, error });
                return breaches;
            }
        };
        ordered(&mut previous, entry.key, number, entry.at, &mut breaches);
        if let Err(clash) = windows::value(&entry.times) {
            breaches.add(Rule::Window, entry.at, || clash);
        }
        let value = entry.value.map_or(Value::Gone, Value::Inline);
        row(&Row { at: entry.at, key: Some(entry.key), item: None, recno: 0, run: 1, value, times: entry.times });
    }
    count(page, number, &mut breaches);
    breaches
}

/// Give every key and address of an internal delta to `child`, and judge it.
pub(super) fn children<'a>(page: &Page<'a>, child: &mut dyn FnMut(&ChildEntry<'a>)) -> Breaches {
    let mut breaches = Breaches::of(page.form);
    let mut previous: Option<&[u8]> = None;
    let mut number = 0_u32;
    for entry in child_entries(page.plain, page.start, page.header.flags) {
        number = number.saturating_add(1);
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                breaches.add(Rule::Cell, page.start, || What::Cell { number, error });
                return breaches;
            }
        };
        if entry.key.prefix != 0 || entry.key.run.is_some() {
            breaches.add(Rule::Cell, entry.key.offset, || What::InternalKeyParts(number));
        }
        if let Some(address) = &entry.address {
            if !address.kind.is_addr() || address.kind == CellKind::AddrGone {
                super::form::illegal(page, address, &mut breaches);
                continue;
            }
            internal::judge_times(address, &mut breaches);
        }
        if entry.key.kind == CellKind::Key {
            ordered(&mut previous, entry.key.data, number, entry.at, &mut breaches);
        }
        child(&entry);
    }
    count(page, number, &mut breaches);
    breaches
}

fn ordered<'a>(previous: &mut Option<&'a [u8]>, key: &'a [u8], number: u32, at: usize, breaches: &mut Breaches) {
    if let Some(low) = previous.filter(|low| *low >= key) {
        breaches.add(Rule::Order, at, || misordered(number.saturating_sub(1), number, low, key));
    }
    *previous = Some(key);
}

/// The header counts the entries.
fn count(page: &Page<'_>, number: u32, breaches: &mut Breaches) {
    let stated = page.header.entries;
    if stated != number {
        breaches.add(Rule::Entries, page.start, || What::EntriesEnd { stated, read: number });
    }
}
