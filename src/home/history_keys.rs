//! Keys of the history store that their tables do not have: old versions of rows that nobody can reach, on which
//! the engine's verify ends.

use super::entry::FileEntry;
use super::rows::Scan;
use crate::page::history::HistoryKey;
use crate::store::blockfile::BlockFile;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

/// Keys that are remembered at most; a history store with more is not looked into.
const MOST_KEYS: usize = 2 << 20;

/// The keys that the history store has, by file id.
#[derive(Debug)]
pub struct HistoryKeys {
    state: RandomState,
    /// Record numbers of column stores, hashes of other keys: two keys of one hash make a missing one pass, and no
    /// other harm.
    keys: BTreeMap<u32, BTreeSet<u64>>,
}

impl HistoryKeys {
    /// Read the newest checkpoint of the history store; `None` if not all of it can be had. `is_column`: whether
    /// the file of an id is a column store.
    pub fn read(file: &BlockFile, entry: &FileEntry, is_column: &dyn Fn(u32) -> bool) -> Option<Self> {
        let mut out = Self { state: RandomState::new(), keys: BTreeMap::new() };
        let mut count = 0_usize;
        for page in Scan::keys(file, entry) {
            if !page.whole {
                return None;
            }
            for (record, _) in &page.rows {
                let key = HistoryKey::decode(record).ok()?;
                let number = if is_column(key.btree_id) { key.recno().ok()? } else { out.state.hash_one(key.key) };
                count = count.saturating_add(usize::from(out.keys.entry(key.btree_id).or_default().insert(number)));
                if count > MOST_KEYS {
                    return None;
                }
            }
        }
        Some(out)
    }

    /// Ids of files with records.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    /// How many keys of a table's records the table does not have; `None` if not all of the table can be had.
    pub fn missing(&self, id: u32, file: &BlockFile, entry: &FileEntry) -> Option<u64> {
        let Some(wanted) = self.keys.get(&id) else { return Some(0) };
        let mut left = wanted.clone();
        for page in Scan::keys(file, entry) {
            if !page.whole {
                return None;
            }
            for (key, _) in &page.rows {
                left.remove(&self.state.hash_one(key.as_slice()));
            }
            for (first, run) in page.records {
                let mut above = left.split_off(&first);
                left.append(&mut above.split_off(&first.saturating_add(run)));
            }
        }
        Some(left.len() as u64)
    }
}
