//! The versions of a key in the history store of a home, by key.
//!
//! The addresses of its leaves are read once; leaves are read when a key in them is asked for, and the last few
//! are kept, since neighbours in a table are neighbours here.

use super::fetch::{self, Why};
use super::version::{Standpoint, Version};
use super::walk::{self, Step};
use crate::format::int::write_vuint;
use crate::home::entry::FileEntry;
use crate::home::leaves::{self, Bound, item};
use crate::page::history::{HistoryKey, HistoryValue};
use crate::page::leaf::{Options, Value};
use crate::store::blockfile::BlockFile;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of leaves that are kept.
const MAX_KEPT: usize = 24 << 20;

/// Where older versions of rows are.
pub enum Older {
    /// There are none.
    None,
    /// In a history store that cannot be opened.
    Unread,
    Open(Box<History>),
}

impl Older {
    /// The versions of a key of a table, oldest first.
    pub fn versions(&self, id: Option<u64>, key: &[u8]) -> Result<Vec<Version>, Why> {
        match (self, id.and_then(|id| u32::try_from(id).ok())) {
            (Self::Unread, _) => Err(Why::History),
            (Self::Open(history), Some(id)) => history.versions(id, key),
            _ => Ok(Vec::new()),
        }
    }
}

/// The history store at one of its checkpoints.
pub struct History {
    file: BlockFile,
    entry: FileEntry,
    point: Standpoint,
    end: u64,
    leaves: Vec<Place>,
    cache: Mutex<VecDeque<(usize, Arc<Rows>)>>,
}

/// A part of its keys, from `from` on.
struct Place {
    from: Vec<u8>,
    /// `None`: what has these keys cannot be read.
    address: Option<crate::format::local::LocalAddress>,
}

/// The records of a leaf.
#[derive(Default)]
struct Rows {
    /// Key, value, window.
    rows: Vec<(Vec<u8>, Vec<u8>, crate::page::cell::Times)>,
    /// Every record was read.
    whole: bool,
    bytes: usize,
}

impl History {
    /// At this checkpoint cookie. `point` clears the ids of earlier runs.
    pub fn open(file: BlockFile, entry: FileEntry, cookie: &[u8], point: Standpoint) -> Self {
        let mut leaves = Vec::new();
        let end = {
            let mut steps = walk::Steps::new(&file, &entry, cookie, &point);
            for step in steps.by_ref() {
                let key = |bound: Option<Bound>| match bound {
                    Some(Bound::Key(key)) => key,
                    Some(Bound::Overflow(address)) => {
                        item(&fetch::shape(&file, &entry, u64::MAX), &address).unwrap_or_default()
                    }
                    _ => Vec::new(),
                };
                let (range, address) = match step {
                    Step::Leaf(leaf) => (leaf.range, Some(leaf.address)),
                    Step::Lost(lost) => (lost.range, None),
                    Step::Gone(_) => continue,
                };
                leaves.push(Place { from: key(range.lower), address });
            }
            steps.end()
        };
        Self { file, entry, point, end, leaves, cache: Mutex::default() }
    }

    /// The versions of a key of a table, oldest first.
    pub fn versions(&self, id: u32, key: &[u8]) -> Result<Vec<Version>, Why> {
        let mut prefix = Vec::with_capacity(key.len().saturating_add(12));
        write_vuint(&mut prefix, u64::from(id));
        write_vuint(&mut prefix, u64::try_from(key.len()).unwrap_or(u64::MAX));
        prefix.extend_from_slice(key);
        let mut out = Vec::new();
        let after = self.leaves.partition_point(|l| l.from.as_slice() <= prefix.as_slice());
        let first = after.saturating_sub(1);
        for (n, place) in self.leaves.iter().enumerate().skip(first) {
            if n > first && place.from > prefix && !place.from.starts_with(&prefix) {
                break;
            }
            let rows = self.rows(n, place);
            let begin = rows.rows.partition_point(|(k, _, _)| k.as_slice() < prefix.as_slice());
            let own = rows.rows.iter().skip(begin).take_while(|(k, _, _)| k.starts_with(&prefix));
            for (k, v, times) in own {
                let (Ok(k), Ok(v)) = (HistoryKey::decode(k), HistoryValue::decode(v)) else { return Err(Why::History) };
                if k.key == key && k.btree_id == id {
                    out.push(Version {
                        start_ts: k.start_ts,
                        counter: k.counter,
                        stop_ts: v.stop_ts,
                        durable_ts: v.durable_start_ts,
                        update: v.update,
                        value: v.value.to_vec(),
                        cell: *times,
                    });
                }
            }
            if !rows.whole {
                return Err(Why::History);
            }
        }
        out.sort_by_key(|v| (v.start_ts, v.counter));
        Ok(out)
    }

    fn rows(&self, n: usize, place: &Place) -> Arc<Rows> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = cache.iter().find(|(at, _)| *at == n) {
            return Arc::clone(rows);
        }
        // Others wait: they want the same leaf as a rule.
        let rows = Arc::new(self.read(place));
        cache.push_front((n, Arc::clone(&rows)));
        let mut kept = 0_usize;
        cache.retain(|(_, rows)| {
            kept = kept.saturating_add(rows.bytes);
            kept <= MAX_KEPT
        });
        rows
    }

    fn read(&self, place: &Place) -> Rows {
        let mut out = Rows { whole: true, ..Rows::default() };
        let shape = fetch::shape(&self.file, &self.entry, self.end);
        let read = place.address.ok_or(Why::Address).and_then(|address| fetch::read(&shape, &address));
        let Ok(plain) = read else { return Rows::default() };
        let Ok(page) = plain.page() else { return Rows::default() };
        let options = Options { bounds: shape.bounds(), deep: true, byte_order: false, fixed_width: None };
        let found = crate::page::leaf::leaf(&page, &options, &mut |a| leaves::item(&shape, a), &mut |row| {
            let value = match row.value {
                Value::Inline(bytes) => Some(bytes.to_vec()),
                Value::Overflow(Some(address)) => item(&shape, &address),
                _ => None,
            };
            match (row.key, value) {
                (Some(key), Some(value)) => {
                    out.bytes = out.bytes.saturating_add(key.len()).saturating_add(value.len());
                    let times = self.point.times(&row.times, plain.header.write_gen);
                    out.rows.push((key.to_vec(), value, times));
                }
                _ => out.whole = false,
            }
        });
        out.whole &= found.breaches.is_empty();
        out
    }
}
