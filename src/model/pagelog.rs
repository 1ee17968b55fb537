//! The page log of a model, in memory or on its way into a store: LSNs, puts that replace, discards.

use super::fault::Alter;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::edit::NewRow;
use crate::store::palite::create::Writer;
use crate::store::{FLAG_DELTA, FLAG_DISCARDED, StoreError};
use std::collections::HashMap;

/// Puts, their bytes, and discards so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub puts: u64,
    pub bytes: u64,
    pub discards: u64,
}

impl Traffic {
    /// What came after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            puts: self.puts.saturating_sub(before.puts),
            bytes: self.bytes.saturating_sub(before.bytes),
            discards: self.discards.saturating_sub(before.discards),
        }
    }
}

#[derive(Debug, Default)]
pub struct Log {
    /// Where rows go at once; without it they stay in memory.
    store: Option<Writer>,
    rows: Vec<NewRow>,
    /// Where the delta of a (table, page, backlink) is in memory.
    deltas: HashMap<Version, usize>,
    lsn: Lsn,
    /// What was put so far.
    pub traffic: Traffic,
    alter: Option<Alter>,
    failed: Option<StoreError>,
}

impl Log {
    pub fn into_store(store: Writer) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// Begin behind this LSN, not with 1.
    pub fn begin_behind(&mut self, lsn: Lsn) {
        self.lsn = lsn;
    }

    /// Assign an LSN.
    pub fn next_lsn(&mut self) -> Lsn {
        self.lsn = Lsn(self.lsn.get().saturating_add(1));
        self.lsn
    }

    /// The last LSN assigned.
    pub fn last_lsn(&self) -> Lsn {
        self.lsn
    }

    /// This happens to the next block, or completion record, on its way.
    pub fn strike(&mut self, alter: Option<Alter>) {
        self.alter = alter;
    }

    /// What becomes of bytes on their way; none if they are lost.
    pub(super) fn on_the_way(&mut self, mut data: Vec<u8>) -> Option<Vec<u8>> {
        let alter = self.alter.take();
        alter.is_none_or(|alter| alter(&mut data)).then_some(data)
    }

    /// Put a block, with its backlink and base. A second delta with the same backlink takes the place of the first.
    pub fn put(
        &mut self,
        (table, page): (TableId, PageId),
        (backlink_lsn, base_lsn): (Lsn, Lsn),
        flags: u32,
        data: Vec<u8>,
    ) -> Lsn {
        let lsn = self.next_lsn();
        if let Some(data) = self.on_the_way(data) {
            self.traffic.puts += 1;
            self.traffic.bytes = self.traffic.bytes.saturating_add(data.len() as u64);
            self.keep(NewRow { table, page, lsn, backlink_lsn, base_lsn, flags, checkpoint_id: 0, data });
        }
        lsn
    }

    /// Discard a page: the record names its newest block, and the full image.
    pub fn discard(&mut self, (table, page): (TableId, PageId), newest: Lsn, base: Lsn) {
        let lsn = self.next_lsn();
        self.traffic.discards += 1;
        let flags = FLAG_DELTA | FLAG_DISCARDED;
        let (backlink_lsn, base_lsn, data) = (newest, base, Vec::new());
        self.keep(NewRow { table, page, lsn, backlink_lsn, base_lsn, flags, checkpoint_id: 0, data });
    }

    fn keep(&mut self, row: NewRow) {
        match &mut self.store {
            Some(store) if self.failed.is_none() => self.failed = store.put(&row).err(),
            Some(_) => {}
            None => {
                let delta = row.flags & (FLAG_DELTA | FLAG_DISCARDED) == FLAG_DELTA;
                let place = Version::new(row.table, row.page, row.backlink_lsn);
                if delta
                    && let Some(first) = self.deltas.insert(place, self.rows.len())
                    && let Some(first) = self.rows.get_mut(first)
                {
                    // An LSN of 0 is never assigned: it marks what is gone.
                    first.lsn = Lsn::NONE;
                    first.data = Vec::new();
                }
                self.rows.push(row);
            }
        }
    }

    /// The first error of the store; nothing was written after it.
    pub fn check(&mut self) -> Result<(), StoreError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// End what goes into a store.
    pub fn finish(mut self, completions: &[(Lsn, u64, String)]) -> Result<(), StoreError> {
        self.check()?;
        self.store.map_or(Ok(()), |store| store.finish(completions, self.lsn))
    }

    /// The rows in memory.
    pub fn into_rows(self) -> Vec<NewRow> {
        self.rows.into_iter().filter(|r| r.lsn != 0).collect()
    }
}
