//! The cells that nearly every row is made of, read without the care that the rare
//! ones need: short keys and values, long keys, and values with a window.
//!
//! What this does not know, or what is damaged, is left to [`Cell::read`], which says why.

use super::cell::{Cell, CellKind, TS_MAX, Times};

/// Bytes that long keys and values without window subtract from their length.
const LENGTH_ADJUST: u64 = 64;
/// Smallest number of the multi-byte form.
const MULTI: u64 = 8256;

/// The cell at `at` if it is one of the frequent forms. Equal to what [`Cell::read`] gives.
#[inline(always)]
pub fn read(page: &[u8], at: usize) -> Option<Cell<'_>> {
    let first = *page.get(at)?;
    let mut next = at.checked_add(1)?;
    let mut times = Times::EMPTY;
    let (mut prefix, mut has_times, mut run) = (0, false, None);
    let mut kind = CellKind::Key;
    let length = match first & 0x3 {
        0x1 => usize::from(first >> 2),
        0x2 => {
            prefix = *page.get(next)?;
            next = next.checked_add(1)?;
            usize::from(first >> 2)
        }
        0x3 => {
            kind = CellKind::Value;
            usize::from(first >> 2)
        }
        _ => {
            let stored = match first {
                0x50 => vuint(page, &mut next)?.checked_add(LENGTH_ADJUST)?,
                0x70 => {
                    prefix = *page.get(next)?;
                    next = next.checked_add(1)?;
                    vuint(page, &mut next)?.checked_add(LENGTH_ADJUST)?
                }
                0x80 => {
                    kind = CellKind::Value;
                    vuint(page, &mut next)?.checked_add(LENGTH_ADJUST)?
                }
                0x8c => {
                    kind = CellKind::Value;
                    has_times = true;
                    times = window(page, &mut next)?;
                    run = Some(vuint(page, &mut next)?);
                    vuint(page, &mut next)?
                }
                _ => return None,
            };
            usize::try_from(stored).ok()?
        }
    };
    let end = next.checked_add(length)?;
    let data = page.get(next..end)?;
    Some(Cell { offset: at, end, kind, prefix, times, has_times, truncate: None, run, copy_distance: None, data })
}

/// The window of a value cell.
#[inline(always)]
fn window(page: &[u8], next: &mut usize) -> Option<Times> {
    let bits = *page.get(*next)?;
    *next = next.checked_add(1)?;
    if bits & 0x80 != 0 {
        return None;
    }
    let mut field = |bit: u8| if bits & bit == 0 { Some(None) } else { vuint(page, next).map(Some) };
    let start_ts = field(0x08)?.unwrap_or(0);
    let start_txn = field(0x20)?.unwrap_or(0);
    let durable_start_ts = start_ts.wrapping_add(field(0x02)?.unwrap_or(0));
    let stop_ts = field(0x10)?.map_or(TS_MAX, |v| start_ts.wrapping_add(v));
    let stop_txn = field(0x40)?.map_or(Times::EMPTY.stop_txn, |v| start_txn.wrapping_add(v));
    let durable_stop_ts = match field(0x04)? {
        Some(v) => stop_ts.wrapping_add(v),
        None if stop_ts == TS_MAX => 0,
        None => stop_ts,
    };
    let prepared = bits & 0x01 != 0;
    Some(Times { start_ts, start_txn, durable_start_ts, stop_ts, stop_txn, durable_stop_ts, prepared })
}

/// An unsigned integer with eight bytes behind its first; `None` leaves it to the careful reader.
#[inline(always)]
pub(super) fn vuint(page: &[u8], next: &mut usize) -> Option<u64> {
    let first = *page.get(*next)?;
    let after = next.checked_add(1)?;
    match first {
        0x80..=0xbf => {
            *next = after;
            Some(u64::from(first & 0x3f))
        }
        0xc0..=0xdf => {
            let low = *page.get(after)?;
            *next = after.checked_add(1)?;
            Some((u64::from(first & 0x1f) << 8 | u64::from(low)) + 64)
        }
        0xe1..=0xe8 => {
            let payload = page.get(after..)?.first_chunk::<8>()?;
            let n = u32::from(first & 0x0f);
            *next = after.checked_add(usize::from(first & 0x0f))?;
            (u64::from_be_bytes(*payload) >> (64 - 8 * n)).checked_add(MULTI)
        }
        _ => None,
    }
}
