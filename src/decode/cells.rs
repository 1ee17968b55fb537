//! Cells and delta entries as documents.

use super::cookies::AnyCookie;
use super::view::{Addresses, LISTED, Problem, View};
use crate::format::FormatError;
use crate::page::cell::{Cell, CellKind, Cells, KeyBuilder, TS_MAX, TXN_MAX, Times};
use crate::page::delta::{self, Body, PayloadForm};
use crate::page::old_delta::{self, ChildEntry, LeafEntry};
use serde::Serialize;

/// A time window, or the aggregate of an address cell; there the starts are oldest or newest of
/// everything below. `null` stops are none.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TimesInfo {
    /// Start timestamp; of an aggregate the oldest.
    pub start_ts: u64,
    /// Start transaction; of an aggregate the newest.
    pub start_txn: u64,
    /// Durable start timestamp; of an aggregate the newest.
    pub durable_start_ts: u64,
    /// Stop timestamp.
    pub stop_ts: Option<u64>,
    /// Stop transaction.
    pub stop_txn: Option<u64>,
    /// Durable stop timestamp.
    pub durable_stop_ts: u64,
    /// Prepared.
    pub prepared: bool,
}

impl From<&Times> for TimesInfo {
    fn from(t: &Times) -> Self {
        Self {
            start_ts: t.start_ts,
            start_txn: t.start_txn,
            durable_start_ts: t.durable_start_ts,
            stop_ts: (t.stop_ts != TS_MAX).then_some(t.stop_ts),
            stop_txn: (t.stop_txn != TXN_MAX).then_some(t.stop_txn),
            durable_stop_ts: t.durable_stop_ts,
            prepared: t.prepared,
        }
    }
}

impl std::fmt::Display for TimesInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "start {}", self.start_ts)?;
        if self.start_txn != 0 {
            write!(f, " txn {}", self.start_txn)?;
        }
        if self.durable_start_ts != self.start_ts {
            write!(f, " durable {}", self.durable_start_ts)?;
        }
        if self.stop_ts.is_some() || self.stop_txn.is_some() || self.durable_stop_ts != 0 {
            match self.stop_ts {
                Some(ts) => write!(f, ", stop {ts}")?,
                None => f.write_str(", stop max")?,
            }
            if let Some(txn) = self.stop_txn {
                write!(f, " txn {txn}")?;
            }
            if self.stop_ts != Some(self.durable_stop_ts) {
                write!(f, " durable {}", self.durable_stop_ts)?;
            }
        }
        if self.prepared { f.write_str(", prepared") } else { Ok(()) }
    }
}

/// What a delta does to a key.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Change {
    /// `update` or `delete`.
    pub action: &'static str,
    /// `Bu`, `uB` or `2025-06`; `None` in internal deltas, which have no payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<&'static str>,
    /// The delta flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u8>,
}

/// Fast-truncate information of a deleted child.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TruncateInfo {
    /// The truncating transaction.
    pub txn: u64,
    /// Its commit timestamp.
    pub commit_ts: u64,
    /// Its durable timestamp.
    pub durable_ts: u64,
}

/// One cell, or one half of an entry of a June 2025 delta.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CellInfo {
    /// Offset of its first byte in the plain image.
    pub offset: usize,
    /// Offset behind it.
    pub end: usize,
    /// Its kind.
    pub kind: &'static str,
    /// Bytes a key takes from the preceding one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u8>,
    /// Bytes of data: key suffix, value, or cookie. Of a delta payload the value alone.
    pub length: usize,
    /// Validity, if the cell carries any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimesInfo>,
    /// Fast-truncate information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<TruncateInfo>,
    /// Run length or record number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Distance back to the cell that holds the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_distance: Option<u64>,
    /// What a delta does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The cookie of address and overflow cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<AnyCookie>,
    /// Key (whole) or value, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What is wrong with its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl CellInfo {
    pub(super) fn bare(offset: usize, end: usize, kind: CellKind, length: usize) -> Self {
        Self { offset, end, kind: kind.name(), length, ..Self::default() }
    }

    /// A cell without its neighbours: a key shows its own suffix only.
    pub(super) fn new(cell: &Cell<'_>, addresses: Addresses, view: &View) -> Self {
        let mut out = Self::bare(cell.offset, cell.end, cell.kind, cell.data.len());
        out.prefix = (cell.prefix != 0).then_some(cell.prefix);
        out.times = cell.has_times.then(|| TimesInfo::from(&cell.times));
        out.truncate =
            cell.truncate.map(|t| TruncateInfo { txn: t.txn, commit_ts: t.commit_ts, durable_ts: t.durable_ts });
        out.run = cell.run;
        out.copy_distance = cell.copy_distance;
        match cell.kind {
            CellKind::Key | CellKind::Value => out.data = view.shown(cell.data),
            CellKind::Deleted | CellKind::ValueCopy | CellKind::AddrGone => {}
            _ => match AnyCookie::decode(cell.data, addresses) {
                Ok(c) => out.cookie = Some(c),
                Err(e) => out.problem = Some(e.into()),
            },
        }
        out
    }
}

/// A list of cells under construction.
#[derive(Debug, Default)]
pub struct CellList {
    /// The first [`LISTED`] of them.
    pub cells: Vec<CellInfo>,
    /// How many there are.
    pub total: usize,
    /// The first thing wrong of each sort: a cell, a prefix, a cookie.
    pub problems: Vec<Problem>,
    pub(super) bad_content: usize,
}

impl CellList {
    pub(super) fn push(&mut self, cell: CellInfo) {
        self.total += 1;
        if let Some(p) = &cell.problem {
            if self.bad_content == 0 {
                let message = format!("{} cell at offset {}: {}", cell.kind, cell.offset, p.message);
                self.problems.push(Problem { class: p.class, message });
            }
            self.bad_content += 1;
        }
        if self.cells.len() < LISTED {
            self.cells.push(cell);
        }
    }

    /// Cells of any page but a June 2025 delta. `delta`: value cells hold delta payloads.
    pub fn read(plain: &[u8], start: usize, flags: u8, delta: bool, addresses: Addresses, view: &View) -> Self {
        let mut out = Self::default();
        let mut keys = KeyBuilder::default();
        for cell in Cells::new(plain, start, flags) {
            let cell = match cell {
                Ok(cell) => cell,
                Err(e) => {
                    out.problems.push(e.into());
                    break;
                }
            };
            let mut info = CellInfo::new(&cell, addresses, view);
            match cell.kind {
                CellKind::Key => match keys.full(&cell) {
                    Ok(key) => info.data = view.shown(key),
                    Err(e) => info.problem = Some(e.into()),
                },
                CellKind::Value if delta => payload(&cell, view, &mut info),
                k if delta && k.is_addr() => {
                    let action = if k == CellKind::AddrGone { "delete" } else { "update" };
                    info.change = Some(Change { action, form: None, flags: None });
                }
                _ => {}
            }
            out.push(info);
        }
        out
    }

    /// Entries of a June 2025 delta, as a key cell and what belongs to it.
    pub(super) fn read_old_delta(body: &Body<'_>, internal: bool, view: &View) -> Self {
        let mut out = Self::default();
        let read = if internal {
            old_delta::child_entries(body.plain, body.start, body.header.flags)
                .try_for_each(|entry| entry.map(|e| out.old_internal(&e, view)))
        } else {
            old_delta::leaf_entries(body.plain, body.start).try_for_each(|entry| entry.map(|e| out.old_leaf(&e, view)))
        };
        if let Err(e) = read {
            out.problems.push(e.into());
        }
        out
    }

    fn old_internal(&mut self, entry: &ChildEntry<'_>, view: &View) {
        let action = if entry.address.is_none() { "delete" } else { "update" };
        let mut info = CellInfo::new(&entry.key, Addresses::Disaggregated, view);
        info.change = Some(Change { action, form: Some("2025-06"), flags: Some(entry.flags) });
        self.push(info);
        if let Some(address) = &entry.address {
            self.push(CellInfo::new(address, Addresses::Disaggregated, view));
        }
    }

    fn old_leaf(&mut self, entry: &LeafEntry<'_>, view: &View) {
        let mut info = CellInfo::bare(entry.at, entry.key_end, CellKind::Key, entry.key.len());
        info.data = view.shown(entry.key);
        let action = if entry.value.is_none() { "delete" } else { "update" };
        info.change = Some(Change { action, form: Some("2025-06"), flags: Some(entry.flags) });
        self.push(info);
        if let Some(value) = entry.value {
            let mut info = CellInfo::bare(entry.key_end, entry.end, CellKind::Value, value.len());
            info.times = (entry.times != Times::EMPTY).then(|| TimesInfo::from(&entry.times));
            info.data = view.shown(value);
            self.push(info);
        }
    }
}

/// What the value cell of a leaf delta says.
pub(super) fn payload(cell: &Cell<'_>, view: &View, info: &mut CellInfo) {
    match delta::split_payload(cell.data) {
        Ok((form, flags, value)) => {
            let action = if delta::deletes(form, flags, value) { "delete" } else { "update" };
            let form = match form {
                PayloadForm::Bu => "Bu",
                PayloadForm::Ub => "uB",
            };
            info.change = Some(Change { action, form: Some(form), flags: Some(flags) });
            info.length = value.len();
            info.data = view.shown(value);
        }
        Err(e) => info.problem = Some(e.into()),
    }
}

/// Cells without a page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CellsReport {
    /// How many there are.
    pub cells_total: usize,
    /// The first [`LISTED`] of them.
    pub cells: Vec<CellInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
}

/// Decode cells from the first byte to the last; `page_flags` are those of their page.
pub fn cells(raw: &[u8], page_flags: u8, addresses: Addresses, view: &View) -> CellsReport {
    let list = CellList::read(raw, 0, page_flags, false, addresses, view);
    let mut out = CellsReport { cells_total: list.total, cells: list.cells, problems: list.problems };
    if raw.is_empty() {
        out.problems.push(FormatError::invalid("no cells: the input is empty").into());
    }
    out
}
