//! The page log of a simulation, in memory: LSNs, puts that replace, discards (spec 10.1, 10.2.4).

use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::edit::NewRow;
use crate::store::{FLAG_DELTA, FLAG_DISCARDED};
use std::collections::HashMap;

/// How a block links to the ones before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    pub(super) backlink: Lsn,
    /// 0 for a full image.
    pub(super) base: Lsn,
    /// Checksum of the block it follows.
    pub(super) checksum: u32,
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct Log {
    rows: Vec<NewRow>,
    /// Where the delta of a (table, page, backlink) is.
    deltas: HashMap<Version, usize>,
    lsn: Lsn,
    bytes: u64,
    puts: u64,
    discards: u64,
}

/// Puts, their bytes, and discards so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) puts: u64,
    pub(super) bytes: u64,
    pub(super) discards: u64,
}

impl Log {
    pub(super) fn next_lsn(&mut self) -> Lsn {
        self.lsn = Lsn(self.lsn.get().saturating_add(1));
        self.lsn
    }

    /// Put a block. A second delta with the same backlink takes the place of the first.
    pub(super) fn put(&mut self, (table, page): (TableId, PageId), link: Link, flags: u32, data: Vec<u8>) -> Lsn {
        let lsn = self.next_lsn();
        self.puts += 1;
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        let (backlink_lsn, base_lsn) = (link.backlink, link.base);
        let row = NewRow { table, page, lsn, backlink_lsn, base_lsn, flags, checkpoint_id: 0, data };
        if flags & FLAG_DELTA != 0
            && let Some(first) = self.deltas.insert(Version::new(table, page, backlink_lsn), self.rows.len())
            && let Some(first) = self.rows.get_mut(first)
        {
            // An LSN of 0 is never assigned: it marks what is gone.
            first.lsn = Lsn::NONE;
            first.data = Vec::new();
        }
        self.rows.push(row);
        lsn
    }

    /// Discard a page: the record names its newest block, and the base if that is a delta.
    pub(super) fn discard(&mut self, (table, page): (TableId, PageId), newest: Lsn, base: Lsn) {
        let lsn = self.next_lsn();
        self.discards += 1;
        let flags = FLAG_DELTA | FLAG_DISCARDED;
        let base_lsn = if base == 0 { newest } else { base };
        let data = Vec::new();
        self.rows.push(NewRow { table, page, lsn, backlink_lsn: newest, base_lsn, flags, checkpoint_id: 0, data });
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { puts: self.puts, bytes: self.bytes, discards: self.discards }
    }

    /// The rows there are in the end, and the last LSN assigned.
    pub(super) fn finish(self) -> (Vec<NewRow>, Lsn) {
        (self.rows.into_iter().filter(|r| r.lsn != 0).collect(), self.lsn)
    }
}

impl Traffic {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            puts: self.puts.saturating_sub(before.puts),
            bytes: self.bytes.saturating_sub(before.bytes),
            discards: self.discards.saturating_sub(before.discards),
        }
    }
}
