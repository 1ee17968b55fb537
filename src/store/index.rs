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
    /// What was noted of the data in passing.
    pub seal: Seal,
}

/// What an inspection of a row's data left behind; its meaning is the inspector's. All zero: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seal {
    /// A checksum of the block.
    pub checksum: u32,
    /// A checksum of the block before it.
    pub previous: u32,
    /// The inspector's judgement.
    pub state: u16,
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
    tables: Vec<Table>,
}

/// The rows of one table, and where each page starts in them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    id: u64,
    rows: Range<usize>,
    /// The lowest page id.
    first_page: u64,
    /// For each page id from `first_page` on, and one behind the last: the position of its first row,
    /// counted from the start of the table. Empty if the ids are too sparse, or the table too large.
    starts: Vec<u32>,
}

impl Table {
    /// Look at the rows of one table. Page ids are handed out one by one, so in any real store a
    /// list by id is both small and the fastest way to a page.
    fn new(all: &[Row], rows: Range<usize>) -> Self {
        let own = all.get(rows.clone()).unwrap_or_default();
        let id = own.first().map_or(0, |r| r.table);
        let first_page = own.first().map_or(0, |r| r.page);
        let span = own.last().map_or(0, |r| r.page.saturating_sub(first_page));
        let dense =
            usize::try_from(span).ok().filter(|span| *span / 8 <= own.len() && u32::try_from(own.len()).is_ok());
        let mut starts = Vec::new();
        if let Some(span) = dense {
            starts.reserve_exact(span.saturating_add(2));
            for (at, row) in (0_u32..).zip(own) {
                let page = usize::try_from(row.page.saturating_sub(first_page)).unwrap_or(usize::MAX);
                // Ids without rows share the start of the next one that has some.
                while starts.len() <= page {
                    starts.push(at);
                }
            }
            starts.push(u32::try_from(own.len()).unwrap_or(u32::MAX));
        }
        Self { id, rows, first_page, starts }
    }

    /// Positions of a page's rows.
    fn page(&self, all: &[Row], page: u64) -> Range<usize> {
        let from_start = |at: usize| self.rows.start.saturating_add(at);
        if self.starts.is_empty() {
            let own = all.get(self.rows.clone()).unwrap_or_default();
            let start = own.partition_point(|r| r.page < page);
            let end = own.partition_point(|r| r.page <= page);
            return from_start(start)..from_start(end);
        }
        let slot = page.checked_sub(self.first_page).and_then(|p| usize::try_from(p).ok());
        let pair = slot.and_then(|s| self.starts.get(s..s.checked_add(2)?));
        match pair {
            Some([start, end]) => {
                from_start(usize::try_from(*start).unwrap_or(0))..from_start(usize::try_from(*end).unwrap_or(0))
            }
            _ => self.rows.end..self.rows.end,
        }
    }
}

impl Index {
    /// Sort rows into an index.
    #[must_use]
    pub fn new(mut rows: Vec<Row>) -> Self {
        // Stores deliver runs that are already sorted; the stable sort takes advantage of them.
        rows.sort_by_key(Row::key);
        rows.shrink_to_fit();
        let mut tables = Vec::new();
        let mut start = 0;
        while let Some(first) = rows.get(start) {
            let id = first.table;
            let len = rows.get(start..).unwrap_or_default().partition_point(|r| r.table == id);
            let end = start.saturating_add(len);
            tables.push(Table::new(&rows, start..end));
            start = end;
        }
        Self { rows, tables }
    }

    fn table_entry(&self, table: u64) -> Option<&Table> {
        let at = self.tables.binary_search_by_key(&table, |t| t.id).ok()?;
        self.tables.get(at)
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
        self.table_entry(table).map_or(self.rows.len()..self.rows.len(), |t| t.rows.clone())
    }

    /// Positions of a page's rows, ascending by LSN.
    #[must_use]
    pub fn page(&self, table: u64, page: u64) -> Range<usize> {
        self.table_entry(table).map_or(self.rows.len()..self.rows.len(), |t| t.page(&self.rows, page))
    }

    /// Position of one row.
    #[must_use]
    pub fn find(&self, table: u64, page: u64, lsn: u64) -> Option<usize> {
        let range = self.page(table, page);
        let at = self.slice(range.clone()).binary_search_by_key(&lsn, |r| r.lsn).ok()?;
        Some(range.start.saturating_add(at))
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
        self.tables.iter().map(|t| t.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: u64, page: u64, lsn: u64) -> Row {
        Row { table, page, lsn, backlink_lsn: 0, base_lsn: 0, locator: 0, len: 1, flags: 0, seal: Seal::default() }
    }

    #[test]
    fn ranges_and_look_ups() {
        let index = Index::new(vec![row(9, 1, 4), row(2, 100, 7), row(2, 100, 3), row(2, 101, 5), row(u64::MAX, 1, 9)]);
        assert_eq!(index.table(2), 0..3);
        assert!(index.table(3).is_empty());
        assert_eq!(index.page(2, 100), 0..2);
        assert!(index.page(2, 99).is_empty() && index.page(2, 102).is_empty() && index.page(3, 1).is_empty());
        assert_eq!(index.find(2, 100, 7), Some(1));
        assert_eq!(index.find(2, 100, 6), None);
        assert_eq!(index.tables(), vec![2, 9, u64::MAX]);
        assert_eq!(index.pages().collect::<Vec<_>>(), vec![0..2, 2..3, 3..4, 4..5]);
    }

    #[test]
    fn pages_are_found_by_list_and_by_search_alike() {
        let dense: Vec<Row> = (0..500).map(|i| row(7, 100 + i * 7 % 90, 1000 - i)).collect();
        let sparse: Vec<Row> = (0..50).map(|i| row(8, i * 1_000_000 + u64::MAX / 2, i)).collect();
        let index = Index::new(dense.into_iter().chain(sparse).collect());
        assert!(!index.tables[0].starts.is_empty() && index.tables[1].starts.is_empty());
        let pages = (90..200).map(|p| (7, p)).chain((0..60).map(|i| (8, i * 500_000 + u64::MAX / 2)));
        for (table, page) in pages.chain([(7, 0), (7, u64::MAX), (8, 0)]) {
            let expected: Vec<Row> =
                index.rows().iter().filter(|r| (r.table, r.page) == (table, page)).copied().collect();
            assert_eq!(index.slice(index.page(table, page)), expected, "{table} {page}");
            for r in expected {
                assert_eq!(index.find(table, page, r.lsn).map(|at| index.rows()[at]), Some(r));
            }
        }
    }
}
