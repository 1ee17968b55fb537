//! Fixed-length column leaves: a bitmap of values, and behind it an optional list of the
//! records that have a time window.

use super::cell::{CellKind, Times};
use super::form::{self, Addresses, Page};
use super::leaf::{Leaf, Options, Row, Value};
use super::rules::{Broken, Rule};
use super::what::What;
use super::windows;
use crate::format::reader::Reader;

/// Widths of a value in bits.
const WIDTHS: std::ops::RangeInclusive<u8> = 1..=8;
/// The only version of the auxiliary header.
const AUX_VERSION: u8 = 1;

/// Read a fixed-length column leaf: every record to `row` in the deep pass, numbers into `out`.
pub(super) fn records<'a, B: Addresses>(
    page: &Page<'a>,
    options: &Options<B>,
    out: &mut Leaf<B::Address<'a>>,
    row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>),
) {
    let layout = match options.fixed_width {
        Some(width) => Layout::read(page, width),
        None => guess(page),
    };
    let layout = match layout {
        Ok(layout) => layout,
        Err(broken) => {
            out.breaches.add(broken.rule, broken.at, || broken.what);
            return;
        }
    };
    let records = u64::from(page.header.entries);
    if page.header.recno.checked_add(records).is_none() {
        let recno = page.header.recno;
        out.breaches.add(Rule::RecordNumber, 0, || What::RecordsEnd { records, recno });
        return;
    }
    let mut walk = Walk { page, options, out, layout, next: 0 };
    let cells = layout.cells;
    let read_all = cells.is_none_or(|(first, pairs)| walk.windows(first, pairs, row));
    walk.plain_until(if read_all { records } else { walk.next }, row);
}

/// Where the parts of a page are.
#[derive(Debug, Clone, Copy)]
struct Layout {
    width: u8,
    /// Offset of the first cell, and the number of pairs.
    cells: Option<(usize, u64)>,
}

impl Layout {
    fn read(page: &Page<'_>, width: u8) -> Result<Self, Broken> {
        if !WIDTHS.contains(&width) {
            return Err(Broken::new(Rule::Bitmap, page.start, What::Width(width)));
        }
        let bits = u64::from(page.header.entries).saturating_mul(u64::from(width));
        let bitmap = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
        let aux = page.start.saturating_add(bitmap);
        let size = page.plain.len();
        let Some(rest) = page.plain.get(aux..) else {
            return Err(Broken::new(Rule::Bitmap, page.start, What::BitmapSize { bitmap, mem_size: size }));
        };
        if rest.first().is_none_or(|b| *b == 0) {
            return match rest.iter().position(|b| *b != 0) {
                None => Ok(Self { width, cells: None }),
                Some(n) => Err(Broken::new(Rule::Tail, aux.saturating_add(n), What::BehindBitmap)),
            };
        }
        let cells = aux_header(rest).map_err(|what| Broken::new(Rule::Bitmap, aux, what))?;
        Ok(Self { width, cells: Some((aux.saturating_add(cells.0), cells.1)) })
    }

    /// Value `i` of the bitmap and the offset of its first byte. Zero outside the page.
    fn value(&self, page: &Page<'_>, i: u64) -> (usize, u8) {
        let byte = |bit: u64| {
            let at = usize::try_from(bit / 8).unwrap_or(usize::MAX).saturating_add(page.start);
            (at, page.plain.get(at).copied().unwrap_or(0))
        };
        let first = i.saturating_mul(u64::from(self.width));
        let (at, whole) = byte(first);
        if self.width == 8 {
            return (at, whole);
        }
        let mut value = 0_u8;
        for bit in first..first.saturating_add(u64::from(self.width)) {
            value = value << 1 | (byte(bit).1 >> (bit % 8) & 1);
        }
        (at, value)
    }
}

/// The auxiliary header at the start of `bytes`: distance to the first cell, number of pairs.
fn aux_header(bytes: &[u8]) -> Result<(usize, u64), What> {
    let mut r = Reader::new(bytes);
    let version = r.u8().map_err(What::Entry)?;
    if version != AUX_VERSION {
        return Err(What::AuxVersion(version));
    }
    let numbers = r.vuint().and_then(|pairs| r.vuint().map(|distance| (pairs, distance)));
    let (pairs, distance) = numbers.map_err(What::AuxHeader)?;
    let gap = usize::try_from(distance).ok().and_then(|d| bytes.get(r.pos()..d).map(|gap| (d, gap)));
    match gap {
        Some((d, gap)) if gap.iter().all(|b| *b == 0) => Ok((d, pairs)),
        Some(_) => Err(What::AuxGap),
        None => Err(What::AuxDistance(distance)),
    }
}

/// The first width whose layout holds; of a page without windows only one has the right length, but
/// for a handful of records.
fn guess(page: &Page<'_>) -> Result<Layout, Broken> {
    let fits = |layout: &Layout| {
        let Some((first, pairs)) = layout.cells else { return true };
        let cells = super::cell::Cells::new(page.plain, first, page.header.flags);
        let mut pairs = pairs.saturating_mul(2);
        for cell in cells {
            if cell.is_err() || pairs == 0 {
                return false;
            }
            pairs = pairs.saturating_sub(1);
        }
        pairs == 0
    };
    // Trailing zeros make a page of a small width look like one of a larger width, and windowless
    // zeros the other way round: exact lengths first, and of them those without bits behind the last value
    // (bulk loads of 2.9 and 3.2 leave some).
    let unlikely = |width: &u8| {
        let bits = u64::from(page.header.entries).saturating_mul(u64::from(*width));
        let end = usize::try_from(bits.div_ceil(8)).ok().and_then(|b| b.checked_add(page.start));
        let used = u32::try_from(bits % 8).unwrap_or(0);
        let last = end.and_then(|end| page.plain.get(end.checked_sub(1)?)).copied().unwrap_or(0);
        (end != Some(page.plain.len()), used != 0 && last >> used != 0)
    };
    let mut order: Vec<u8> = WIDTHS.collect();
    order.sort_by_key(unlikely);
    let found = order.into_iter().filter_map(|width| Layout::read(page, width).ok()).find(fits);
    found.ok_or_else(|| Broken::new(Rule::Bitmap, page.start, What::NoWidth))
}

struct Walk<'p, 'a, B: Addresses> {
    page: &'p Page<'a>,
    options: &'p Options<B>,
    out: &'p mut Leaf<B::Address<'a>>,
    layout: Layout,
    /// The next record to give, from 0.
    next: u64,
}

impl<'a, B: Addresses> Walk<'_, 'a, B> {
    /// The pairs of key and value cells. False if the rest of the records is unknown.
    fn windows(&mut self, first: usize, pairs: u64, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) -> bool {
        let mut at = first;
        // Entries of the header count records, not cells: what is read here is bounded by the page.
        for pair in 0..pairs {
            if at >= self.page.plain.len() {
                self.out.breaches.add(Rule::Entries, at, || What::WindowsEnd { stated: pairs, read: pair });
                return false;
            }
            let read = |at| super::cell::Cell::read(self.page.plain, at, self.page.header.flags);
            let both = read(at).and_then(|key| read(key.end).map(|value| (key, value)));
            let (key, value) = match both {
                Ok(both) => both,
                Err(error) => {
                    self.out.breaches.add(Rule::Cell, at, || What::WindowCell { pair, error });
                    return false;
                }
            };
            at = value.end;
            if key.kind != CellKind::Key || key.prefix != 0 || key.run.is_some() || value.kind != CellKind::Value {
                self.out.breaches.add(Rule::CellType, key.offset, || What::WindowPair(pair));
                return false;
            }
            let mut r = Reader::new(key.data);
            let offset = match r.vuint() {
                Ok(offset) if r.is_empty() => offset,
                _ => {
                    self.out.breaches.add(Rule::Cell, key.offset, || What::WindowOffset(pair));
                    return false;
                }
            };
            if offset < self.next || offset >= u64::from(self.page.header.entries) {
                self.out.breaches.add(Rule::RecordNumber, key.offset, || What::WindowOrder { pair, offset });
                return false;
            }
            if !value.data.is_empty() || value.run.unwrap_or(0) != 0 {
                self.out.breaches.add(Rule::Cell, value.offset, || What::WindowValue(pair));
            }
            if value.times == Times::EMPTY {
                self.out.breaches.add(Rule::Window, value.offset, || What::WindowEmpty(pair));
            } else if let Err(clash) = windows::value(&value.times) {
                self.out.breaches.add(Rule::Window, value.offset, || clash);
            }
            self.plain_until(offset, row);
            self.record(key.offset, &value.times, row);
        }
        form::end_of_cells(self.page, at, &mut self.out.breaches);
        true
    }

    /// The records before `end` that have no window.
    fn plain_until(&mut self, end: u64, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) {
        if self.options.deep {
            while self.next < end {
                let at = self.layout.value(self.page, self.next).0;
                self.record(at, &Times::EMPTY, row);
            }
        } else if let Some(n) = end.checked_sub(self.next) {
            self.out.count(&Times::EMPTY, n, false);
            self.next = end;
        }
    }

    fn record(&mut self, at: usize, times: &Times, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) {
        self.out.count(times, 1, false);
        if self.options.deep {
            let (_, value) = self.layout.value(self.page, self.next);
            let recno = self.page.header.recno.saturating_add(self.next);
            row(&Row { at, key: None, recno, run: 1, value: Value::Number(value), times: *times, item: None });
        }
        self.next = self.next.saturating_add(1);
    }
}
