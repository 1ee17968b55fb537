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
            return Err(FormatError::invalid(format!("{} bytes behind the counter", r.remaining())));
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
    pub fn recno(&self) -> Result<u64> {
        let mut r = Reader::new(self.key);
        let recno = r.vuint()?;
        if r.is_empty() { Ok(recno) } else { Err(FormatError::invalid("the key is no record number")) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::cell::Cell;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut page =
            hex::decode("41828c6b65793030303030303030008a80 8c788ac00b8ae3011b4780bd948a83".replace(' ', "")).unwrap();
        page.extend_from_slice(b"checkpoints history");
        page.resize(page.len() + 58 - 19, b'.');
        page
    }

    #[test]
    fn example_of_17_4() {
        let page = sample();
        let key_cell = Cell::read(&page, 0, 0).unwrap();
        let cell = Cell::read(&page, key_cell.end, 0).unwrap();
        assert_eq!(cell.end, page.len());
        let key = HistoryKey::decode(key_cell.data).unwrap();
        assert_eq!((key.btree_id, key.key, key.start_ts, key.counter), (2, &b"key00000000\0"[..], 10, 0));
        assert_eq!(key.encode(), key_cell.data);
        let value = HistoryValue::decode(cell.data).unwrap();
        assert_eq!((value.stop_ts, value.durable_start_ts, value.update), (20, 10, Update::Standard));
        assert!(value.value.starts_with(b"checkpoints"));
        assert_eq!(times_fit(&key, &value, &cell.times), Ok(()));
        // A start that everybody saw is 0 in the cell only.
        let visible = Times { start_ts: 0, durable_start_ts: 0, ..cell.times };
        assert_eq!(times_fit(&key, &value, &visible), Ok(()));
        assert!(times_fit(&HistoryKey { start_ts: 21, ..key }, &value, &visible).is_err());
        assert!(times_fit(&key, &HistoryValue { durable_start_ts: 9, ..value }, &visible).is_err());
        assert!(times_fit(&key, &HistoryValue { stop_ts: 19, ..value }, &visible).is_err());
        for times in [Times { start_ts: 9, ..visible }, Times { durable_start_ts: 11, ..visible }] {
            assert!(times_fit(&key, &value, &times).is_err());
        }
    }

    #[test]
    fn versions_of_one_key_follow_each_other() {
        let key = HistoryKey { btree_id: 2, key: b"k", start_ts: 10, counter: 0 };
        let value = HistoryValue { stop_ts: 20, durable_start_ts: 10, update: Update::Standard, value: b"" };
        let at = |start_ts, counter| HistoryKey { start_ts, counter, ..key };
        let fit = |older, newer: HistoryKey<'_>| versions_fit((&key, older), (&newer, &value));
        assert_eq!(fit(&value, at(20, 0)), Ok(()));
        assert!(fit(&value, at(9, 0)).is_err());
        assert!(fit(&value, key).is_err());
        let short = HistoryValue { stop_ts: 10, ..value };
        assert_eq!(fit(&short, at(10, 1)), Ok(()));
        assert_eq!(fit(&value, HistoryKey { key: b"l", start_ts: 1, ..key }), Ok(()));
        assert_eq!(fit(&value, HistoryKey { btree_id: 3, start_ts: 1, ..key }), Ok(()));
        assert_eq!(HistoryKey { key: &[0x81], ..key }.recno().unwrap(), 1);
        assert!(HistoryKey { key: &[0x81, 0x81], ..key }.recno().is_err());
    }

    #[test]
    fn damaged_records_are_refused() {
        for hex in ["", "82", "828c61", "e4ffffdfc0816b8a80", "82816b8a8000"] {
            assert!(HistoryKey::decode(&hex::decode(hex).unwrap()).is_err(), "{hex}");
        }
        for hex in ["", "948a", "948a82", "948a85"] {
            assert!(HistoryValue::decode(&hex::decode(hex).unwrap()).is_err(), "{hex}");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip(btree_id: u32, key: Vec<u8>, start_ts: u64, counter: u64) {
            let key = HistoryKey { btree_id, key: &key, start_ts, counter };
            let packed = key.encode();
            prop_assert_eq!(HistoryKey::decode(&packed).unwrap(), key);
        }
    }
}
