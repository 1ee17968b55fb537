//! The index of a page log: every row, sorted by (table, page, LSN), without page data.

use super::{FLAG_DELTA, FLAG_DISCARDED};
use std::ops::Range;

/// One row of the page log without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Table (btree) id.
    pub table: u64,
    /// Page id.
    pub page: u64,
    /// LSN of this row.
    pub lsn: u64,
    /// LSN of the block this one follows; see spec 10.1 for its meaning per kind.
    pub backlink_lsn: u64,
    /// LSN of the chain's full image; 0 for a full image.
    pub base_lsn: u64,
    /// Where the data is, in terms of the store that made the index.
    pub locator: u64,
    /// Stored length in bytes.
    pub len: u32,
    /// Page-log flags (10.1).
    pub flags: u32,
}

impl Row {
    /// A discard record: no page version.
    #[must_use]
    pub fn is_discard(&self) -> bool {
        self.flags & FLAG_DISCARDED != 0
    }

    /// A delta.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        !self.is_discard() && self.flags & FLAG_DELTA != 0
    }

    /// A full image.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.flags & (FLAG_DISCARDED | FLAG_DELTA) == 0
    }

    fn key(&self) -> (u64, u64, u64) {
        (self.table, self.page, self.lsn)
    }
}

/// All rows, sorted by (table, page, LSN). Positions in it serve as compact row ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    rows: Vec<Row>,
}

impl Index {
    /// Sort rows into an index.
    #[must_use]
    pub fn new(mut rows: Vec<Row>) -> Self {
        // Stores deliver runs that are already sorted; the stable sort takes advantage of them.
        rows.sort_by_key(Row::key);
        rows.shrink_to_fit();
        Self { rows }
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if the page log has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row at a position.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Row> {
        self.rows.get(at)
    }

    /// The rows of a range of positions.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> &[Row] {
        self.rows.get(range).unwrap_or_default()
    }

    /// Positions of a table's rows.
    #[must_use]
    pub fn table(&self, table: u64) -> Range<usize> {
        let start = self.rows.partition_point(|r| r.table < table);
        let end = self.rows.partition_point(|r| r.table <= table);
        start..end
    }

    /// Positions of a page's rows, ascending by LSN.
    #[must_use]
    pub fn page(&self, table: u64, page: u64) -> Range<usize> {
        let start = self.rows.partition_point(|r| (r.table, r.page) < (table, page));
        let len = self.rows.get(start..).unwrap_or_default().partition_point(|r| (r.table, r.page) == (table, page));
        start..start.saturating_add(len)
    }

    /// Position of one row.
    #[must_use]
    pub fn find(&self, table: u64, page: u64, lsn: u64) -> Option<usize> {
        self.rows.binary_search_by_key(&(table, page, lsn), Row::key).ok()
    }

    /// Position ranges of each page in turn.
    pub fn pages(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut start = 0;
        std::iter::from_fn(move || {
            let first = self.rows.get(start)?;
            let len = self
                .rows
                .get(start..)
                .unwrap_or_default()
                .iter()
                .take_while(|r| (r.table, r.page) == (first.table, first.page))
                .count();
            let range = start..start.saturating_add(len);
            start = range.end;
            Some(range)
        })
    }

    /// The table ids that have rows, ascending.
    #[must_use]
    pub fn tables(&self) -> Vec<u64> {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(row) = self.rows.get(at) {
            out.push(row.table);
            at = self.table(row.table).end;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: u64, page: u64, lsn: u64) -> Row {
        Row { table, page, lsn, backlink_lsn: 0, base_lsn: 0, locator: 0, len: 1, flags: 0 }
    }

    #[test]
    fn ranges_and_look_ups() {
        let index = Index::new(vec![row(9, 1, 4), row(2, 100, 7), row(2, 100, 3), row(2, 101, 5), row(u64::MAX, 1, 9)]);
        assert_eq!(index.table(2), 0..3);
        assert_eq!(index.table(3), 3..3);
        assert_eq!(index.page(2, 100), 0..2);
        assert_eq!(index.page(2, 99), 0..0);
        assert_eq!(index.find(2, 100, 7), Some(1));
        assert_eq!(index.find(2, 100, 6), None);
        assert_eq!(index.tables(), vec![2, 9, u64::MAX]);
        assert_eq!(index.pages().collect::<Vec<_>>(), vec![0..2, 2..3, 3..4, 4..5]);
    }
}
