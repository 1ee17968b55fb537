//! Records of the history store, `WiredTigerHS.wt`: key_format IuQQ, value_format QQQu.
//!
//! The order of records is plain byte order of the packed key; the rules of its pages are those of
//! every row store.

use super::cell::Times;
use super::what::Clash;
use super::windows::Verdict;
use crate::format::int::write_vuint;
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// Btree id of the history store itself.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub const BTREE_ID: u32 = 1;

/// The key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryKey<'a> {
    /// The table's file id.
    pub btree_id: u32,
    /// The leaf key in that file, or a packed record number.
    pub key: &'a [u8],
    /// When this version began.
    pub start_ts: u64,
    /// Tells versions of one timestamp apart.
    pub counter: u64,
}

impl<'a> HistoryKey<'a> {
    /// Decode a whole key.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let id = r.vuint()?;
        let btree_id = u32::try_from(id).map_err(|_| FormatError::invalid(format!("btree id {id} exceeds 32 bits")))?;
        let n = r.vlen()?;
        let key = r.take(n)?;
        let (start_ts, counter) = (r.vuint()?, r.vuint()?);
        if !r.is_empty() {
            return Err(FormatError::invalid(format!("{} bytes after the counter", r.remaining())));
        }
        Ok(Self { btree_id, key, start_ts, counter })
    }

    /// The packed key.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_vuint(&mut out, u64::from(self.btree_id));
        // Lengths of what is in memory fit 64 bits.
        write_vuint(&mut out, u64::try_from(self.key.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(self.key);
        write_vuint(&mut out, self.start_ts);
        write_vuint(&mut out, self.counter);
        out
    }

    /// The user key as a record number, for column stores.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn recno(&self) -> Result<u64> {
        let mut r = Reader::new(self.key);
        let recno = r.vuint()?;
        if r.is_empty() { Ok(recno) } else { Err(FormatError::invalid("the key is not a record number")) }
    }
}

/// What a record's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Update {
    /// Type 1: a change against the next newer version.
    Modify,
    /// Type 3: a complete value.
    Standard,
    /// Type 4: no value.
    Tombstone,
}

/// The value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryValue<'a> {
    /// When this version ended.
    pub stop_ts: u64,
    /// When its start became durable.
    pub durable_start_ts: u64,
    pub update: Update,
    pub value: &'a [u8],
}

impl<'a> HistoryValue<'a> {
    /// Decode a whole value.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let (stop_ts, durable_start_ts) = (r.vuint()?, r.vuint()?);
        let update = match r.vuint()? {
            1 => Update::Modify,
            3 => Update::Standard,
            4 => Update::Tombstone,
            other => return Err(FormatError::invalid(format!("update type {other}"))),
        };
        Ok(Self { stop_ts, durable_start_ts, update, value: r.rest() })
    }
}

/// The times of one record: in itself, and against the window of its value cell, which repeats them
/// or says 0 for a start that was visible to everybody.
pub fn times_fit(key: &HistoryKey<'_>, value: &HistoryValue<'_>, cell: &Times) -> Verdict {
    let hold = |rule: bool, clash| if rule { Ok(()) } else { Err(clash) };
    hold(key.start_ts <= value.stop_ts, Clash::VersionStartAfterStop)?;
    hold(key.start_ts <= value.durable_start_ts, Clash::VersionStartAfterDurable)?;
    // A prepared transaction commits before it is durable, and the value has the later of the two.
    hold([cell.stop_ts, cell.durable_stop_ts].contains(&value.stop_ts), Clash::VersionStop)?;
    hold(cell.start_ts == 0 || cell.start_ts == key.start_ts, Clash::VersionStart)?;
    hold(cell.durable_start_ts == 0 || cell.durable_start_ts == value.durable_start_ts, Clash::VersionDurableStart)
}

/// Whether two neighbouring records go together. Those of different keys always do; versions of one
/// key ascend and do not overlap.
pub fn versions_fit(
    (older, older_value): (&HistoryKey<'_>, &HistoryValue<'_>),
    (newer, newer_value): (&HistoryKey<'_>, &HistoryValue<'_>),
) -> Verdict {
    if (older.btree_id, older.key) != (newer.btree_id, newer.key) {
        return Ok(());
    }
    if (older.start_ts, older.counter) >= (newer.start_ts, newer.counter) {
        return Err(Clash::VersionOrder);
    }
    if older_value.stop_ts > newer.start_ts.max(newer_value.durable_start_ts) {
        return Err(Clash::VersionOverlap);
    }
    Ok(())
}
