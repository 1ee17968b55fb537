//! Cells: descriptor bytes, validity windows, every type, and an iterator over a page.

pub use super::cell_kind::CellKind;
use super::cell_kind::KEY_WITH_PREFIX;
use crate::format::cookie::Cookie;
use crate::format::reader::Reader;
use crate::format::{FormatError, Result, int};

/// Timestamp "max": no stop time.
pub const TS_MAX: u64 = u64::MAX;
/// Transaction id "max": not stopped (prints as -11 when signed).
pub const TXN_MAX: u64 = u64::MAX - 10;
/// Bytes that keys and plain values in long form subtract from their stored length.
const LENGTH_ADJUST: u64 = 64;

/// Second descriptor bits.
mod window {
    pub(super) const PREPARED: u8 = 0x01;
    pub(super) const DURABLE_START: u8 = 0x02;
    pub(super) const DURABLE_STOP: u8 = 0x04;
    pub(super) const START_TS: u8 = 0x08;
    pub(super) const STOP_TS: u8 = 0x10;
    pub(super) const START_TXN: u8 = 0x20;
    pub(super) const STOP_TXN: u8 = 0x40;
    pub(super) const UNUSED: u8 = 0x80;
}

/// Validity of a value (a time window) or of everything below an address (an aggregate).
///
/// For an aggregate read: oldest start timestamp, newest transaction, newest durable start, newest
/// stop timestamp, newest stop transaction, newest durable stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Start timestamp, or the oldest one.
    pub start_ts: u64,
    /// Start transaction, or the newest one.
    pub start_txn: u64,
    /// Durable start timestamp, or the newest one.
    pub durable_start_ts: u64,
    /// Stop timestamp, or the newest one; [`TS_MAX`] for none.
    pub stop_ts: u64,
    /// Stop transaction, or the newest one; [`TXN_MAX`] for none.
    pub stop_txn: u64,
    /// Durable stop timestamp, or the newest one.
    pub durable_stop_ts: u64,
    /// Prepared, or something below is.
    pub prepared: bool,
}

impl Times {
    /// The empty window: visible to everybody, never stopped.
    pub const EMPTY: Self = Self {
        start_ts: 0,
        start_txn: 0,
        durable_start_ts: 0,
        stop_ts: TS_MAX,
        stop_txn: TXN_MAX,
        durable_stop_ts: 0,
        prepared: false,
    };

    /// Whether the value was stopped (deleted or replaced) at some time.
    pub fn is_stopped(&self) -> bool {
        self.stop_ts != TS_MAX || self.stop_txn != TXN_MAX
    }

    /// Read the second descriptor and its integers. All arithmetic is modulo 2^64, as the writer's is.
    fn read(r: &mut Reader<'_>, aggregate: bool) -> Result<Self> {
        let at = r.pos();
        let bits = r.u8()?;
        if bits & window::UNUSED != 0 {
            return Err(FormatError::invalid(format!("second descriptor 0x{bits:02x} at offset {at}")));
        }
        let mut t = Self::EMPTY;
        t.prepared = bits & window::PREPARED != 0;
        if bits & window::START_TS != 0 {
            t.start_ts = r.vuint()?;
        }
        if bits & window::START_TXN != 0 {
            t.start_txn = r.vuint()?;
        }
        t.durable_start_ts = if bits & window::DURABLE_START != 0 {
            t.start_ts.wrapping_add(r.vuint()?)
        } else if aggregate {
            0
        } else {
            t.start_ts
        };
        if bits & window::STOP_TS != 0 {
            t.stop_ts = t.start_ts.wrapping_add(r.vuint()?);
        }
        if bits & window::STOP_TXN != 0 {
            t.stop_txn = t.start_txn.wrapping_add(r.vuint()?);
        }
        t.durable_stop_ts = if bits & window::DURABLE_STOP != 0 {
            t.stop_ts.wrapping_add(r.vuint()?)
        } else if aggregate || t.stop_ts == TS_MAX {
            0
        } else {
            t.stop_ts
        };
        Ok(t)
    }

    /// Append the second descriptor and its integers, the way the engine chooses them. Empty: nothing.
    fn write(&self, out: &mut Vec<u8>, aggregate: bool) {
        let mut bits = 0;
        let mut body = Vec::with_capacity(16);
        let mut field = |bit: u8, present: bool, value: u64| {
            if present {
                bits |= bit;
                int::write_vuint(&mut body, value);
            }
        };
        field(window::START_TS, self.start_ts != 0, self.start_ts);
        field(window::START_TXN, self.start_txn != 0, self.start_txn);
        let durable_start = if aggregate { self.durable_start_ts != 0 } else { self.durable_start_ts != self.start_ts };
        field(window::DURABLE_START, durable_start, self.durable_start_ts.wrapping_sub(self.start_ts));
        field(window::STOP_TS, self.stop_ts != TS_MAX, self.stop_ts.wrapping_sub(self.start_ts));
        field(window::STOP_TXN, self.stop_txn != TXN_MAX, self.stop_txn.wrapping_sub(self.start_txn));
        let default_stop = if aggregate || self.stop_ts == TS_MAX { 0 } else { self.stop_ts };
        let durable_stop = self.durable_stop_ts != default_stop;
        field(window::DURABLE_STOP, durable_stop, self.durable_stop_ts.wrapping_sub(self.stop_ts));
        if self.prepared {
            bits |= window::PREPARED;
        }
        out.push(bits);
        out.extend_from_slice(&body);
    }

    /// Whether a value cell with this window needs a second descriptor.
    fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }
}

/// Fast-truncate information of a deleted child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate {
    /// The truncating transaction.
    pub txn: u64,
    pub commit_ts: u64,
    /// Its durable timestamp.
    pub durable_ts: u64,
}

/// One cell, borrowing the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Offset of the first byte in the page.
    pub offset: usize,
    /// Offset behind the last byte.
    pub end: usize,
    pub kind: CellKind,
    /// Prefix count of a key: bytes taken from the preceding key.
    pub prefix: u8,
    /// Window or aggregate; the empty one if the cell carries none.
    pub times: Times,
    /// Whether the cell carries a second descriptor.
    pub has_times: bool,
    /// Fast-truncate information.
    pub truncate: Option<Truncate>,
    /// Run length or record number, if present.
    pub run: Option<u64>,
    /// Distance back to the cell whose data this one shares (type 9).
    pub copy_distance: Option<u64>,
    /// Key bytes (suffix), value bytes, or cookie.
    pub data: &'a [u8],
}

impl<'a> Cell<'a> {
    /// Read the cell at `offset`; `page_flags` are the page header's, for fast-truncate information.
    pub fn read(page: &'a [u8], offset: usize, page_flags: u8) -> Result<Self> {
        let mut r = Reader::at(page, offset)?;
        let first = r.u8()?;
        let length = usize::from(first >> 2);
        let mut cell = Self {
            offset,
            end: 0,
            kind: CellKind::Key,
            prefix: 0,
            times: Times::EMPTY,
            has_times: false,
            truncate: None,
            run: None,
            copy_distance: None,
            data: &[],
        };
        match first & 0x3 {
            0x1 => cell.data = r.take(length)?,
            0x2 => {
                cell.prefix = r.u8()?;
                cell.data = r.take(length)?;
            }
            0x3 => {
                cell.kind = CellKind::Value;
                cell.data = r.take(length)?;
            }
            _ => cell.read_long(&mut r, first, page_flags)?,
        }
        cell.end = r.pos();
        Ok(cell)
    }

    fn read_long(&mut self, r: &mut Reader<'a>, first: u8, page_flags: u8) -> Result<()> {
        self.kind = CellKind::from_number(first >> 4)
            .ok_or_else(|| FormatError::invalid(format!("cell type {} at offset {}", first >> 4, self.offset)))?;
        if first >> 4 == KEY_WITH_PREFIX {
            self.prefix = r.u8()?;
        }
        let windowed = self.kind.is_value() || (self.kind.is_addr() && self.kind != CellKind::AddrGone);
        if first & 0x08 != 0 {
            if !windowed {
                return Err(FormatError::invalid(format!("window on a cell that has none at offset {}", self.offset)));
            }
            self.has_times = true;
            self.times = Times::read(r, self.kind.is_addr())?;
        }
        if self.kind == CellKind::AddrDeleted && page_flags & crate::format::page_header::FLAG_FAST_TRUNCATE != 0 {
            self.truncate = Some(Truncate { txn: r.vuint()?, commit_ts: r.vuint()?, durable_ts: r.vuint()? });
        }
        if first & 0x04 != 0 {
            self.run = Some(r.vuint()?);
        }
        match self.kind {
            CellKind::Deleted => {}
            CellKind::ValueCopy => self.copy_distance = Some(r.vuint()?),
            CellKind::Key => self.data = take_adjusted(r)?,
            // A plain value long enough to need this form has 64 subtracted from its length.
            CellKind::Value if !self.has_times && self.run.unwrap_or(0) == 0 => self.data = take_adjusted(r)?,
            _ => {
                let n = r.vlen()?;
                self.data = r.take(n)?;
            }
        }
        Ok(())
    }

    /// The child or overflow cookie, for address and overflow cells.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn cookie(&self) -> Result<Cookie> {
        Cookie::decode(self.data)
    }
}

/// Length bytes of the long key form: stored length plus 64.
fn take_adjusted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let at = r.pos();
    let n = r.vuint()?.checked_add(LENGTH_ADJUST).and_then(|n| usize::try_from(n).ok());
    match n {
        Some(n) if n <= r.remaining() => r.take(n),
        _ => Err(FormatError::invalid(format!("cell length at offset {at} exceeds the {} bytes left", r.remaining()))),
    }
}

/// Iterates over the cells of a page from `start` to its end. Stops after the first error.
#[derive(Debug, Clone)]
pub struct Cells<'a> {
    page: &'a [u8],
    at: usize,
    flags: u8,
}

impl<'a> Cells<'a> {
    /// Cells of `page` (exactly mem_size bytes) from offset `start`; `flags` are the page header's.
    pub fn new(page: &'a [u8], start: usize, flags: u8) -> Self {
        Self { page, at: start, flags }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Result<Cell<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.page.len() {
            return None;
        }
        let cell = Cell::read(self.page, self.at, self.flags);
        // Every cell takes at least one byte, so the walk ends; after an error there is no next cell.
        self.at = cell.as_ref().map_or(self.page.len(), |c| c.end);
        Some(cell)
    }
}

/// Rebuilds full keys from prefix-compressed key cells.
#[derive(Debug, Clone, Default)]
pub struct KeyBuilder {
    previous: Vec<u8>,
}

impl KeyBuilder {
    /// The full key of a plain key cell; overflow keys neither take nor provide a prefix.
    pub fn full(&mut self, cell: &Cell<'_>) -> Result<&[u8]> {
        let prefix = usize::from(cell.prefix);
        if prefix > self.previous.len() {
            return Err(FormatError::invalid(format!(
                "prefix {prefix} at offset {} is longer than the previous key of {} bytes",
                cell.offset,
                self.previous.len()
            )));
        }
        self.previous.truncate(prefix);
        self.previous.extend_from_slice(cell.data);
        Ok(&self.previous)
    }
}

/// Append a key cell: short form where it fits, prefix-compressed if `prefix` > 0.
pub fn write_key(out: &mut Vec<u8>, prefix: u8, suffix: &[u8]) {
    match u8::try_from(suffix.len()) {
        Ok(n) if n < 64 => {
            out.push(n << 2 | if prefix == 0 { 0x1 } else { 0x2 });
            if prefix != 0 {
                out.push(prefix);
            }
        }
        _ => {
            out.push(if prefix == 0 { 0x50 } else { 0x70 });
            if prefix != 0 {
                out.push(prefix);
            }
            int::write_vuint(out, (suffix.len() as u64).saturating_sub(LENGTH_ADJUST));
        }
    }
    out.extend_from_slice(suffix);
}

/// Append a row-store value cell with its window.
pub fn write_value(out: &mut Vec<u8>, times: &Times, value: &[u8]) {
    if !times.is_empty() {
        out.push(0x8c);
        times.write(out, false);
        int::write_vuint(out, 0);
        int::write_vuint(out, value.len() as u64);
    } else {
        match u8::try_from(value.len()) {
            Ok(n) if n < 64 => out.push(n << 2 | 0x3),
            _ => {
                out.push(0x80);
                int::write_vuint(out, (value.len() as u64).saturating_sub(LENGTH_ADJUST));
            }
        }
    }
    out.extend_from_slice(value);
}

/// Append an address cell. A deleted one needs `truncate` on pages that carry it.
pub fn write_addr(out: &mut Vec<u8>, kind: CellKind, times: &Times, truncate: Option<Truncate>, cookie: &[u8]) {
    let windowed = !times.is_empty() && kind != CellKind::AddrGone;
    out.push(kind.byte() | if windowed { 0x08 } else { 0 });
    if windowed {
        times.write(out, true);
    }
    if let (CellKind::AddrDeleted, Some(t)) = (kind, truncate) {
        for v in [t.txn, t.commit_ts, t.durable_ts] {
            int::write_vuint(out, v);
        }
    }
    int::write_vuint(out, cookie.len() as u64);
    out.extend_from_slice(cookie);
}
