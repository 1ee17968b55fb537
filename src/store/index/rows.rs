//! Views of an index: the rows of a table, and rows that follow each other.

use super::{Index, Row, Table};
use crate::id::{Lsn, PageId};
use std::ops::Range;

/// The rows of one table. Positions are those of the index.
#[derive(Debug, Clone, Copy)]
pub struct View<'i> {
    pub(super) index: &'i Index,
    pub(super) table: &'i Table,
}

impl View<'_> {
    /// Positions of a page's rows, ascending by LSN.
    pub fn page(&self, page: PageId) -> Range<usize> {
        self.table.page(&self.index.segments, page)
    }

    /// Among the positions of a page, that of the row with an LSN.
    pub fn find(&self, page: Range<usize>, lsn: Lsn) -> Option<usize> {
        let segments = &self.index.segments;
        let at = self.table.first_from(segments, page.clone(), lsn);
        (page.contains(&at) && self.table.lsn(segments, at) == Some(lsn)).then_some(at)
    }

    /// The row at a position of this table.
    pub fn row(&self, at: usize) -> Option<Row> {
        self.table.row(&self.index.segments, at)
    }

    /// Its stored length and flags.
    pub fn len_and_flags(&self, at: usize) -> Option<(u32, u32)> {
        self.table.len_and_flags(&self.index.segments, at)
    }
}

/// Some rows of an index that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'i> {
    pub(super) index: &'i Index,
    /// The table of the first one.
    pub(super) table: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'i> Rows<'i> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// True if there is none.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The row at a place among these.
    pub fn get(&self, at: usize) -> Option<Row> {
        let at = self.start.checked_add(at).filter(|at| *at < self.end)?;
        // Most ranges lie in one table.
        self.index.row_in(self.table, at).or_else(|| self.index.get(at))
    }

    pub fn first(&self) -> Option<Row> {
        self.get(0)
    }

    pub fn last(&self) -> Option<Row> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The rows in turn.
    pub fn iter(&self) -> Iter<'i> {
        let Self { index, table, start, end } = *self;
        Iter { index, start, end, table }
    }

    /// As a list of their own.
    pub fn to_vec(self) -> Vec<Row> {
        self.iter().collect()
    }

    /// Among rows of one page: the place of the first one at or above an LSN.
    pub fn first_from(&self, lsn: Lsn) -> usize {
        let Some(table) = self.index.tables.get(self.table) else { return 0 };
        table.first_from(&self.index.segments, self.start..self.end, lsn).saturating_sub(self.start)
    }
}

impl<'i> IntoIterator for Rows<'i> {
    type Item = Row;
    type IntoIter = Iter<'i>;

    fn into_iter(self) -> Iter<'i> {
        self.iter()
    }
}

/// Yields rows in turn, from both ends.
#[derive(Debug, Clone)]
pub struct Iter<'i> {
    index: &'i Index,
    start: usize,
    end: usize,
    /// The table `start` lies in, or one before it.
    table: usize,
}

impl Iterator for Iter<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.start >= self.end {
            return None;
        }
        loop {
            if let Some(row) = self.index.row_in(self.table, self.start) {
                self.start = self.start.saturating_add(1);
                return Some(row);
            }
            self.table = self.table.checked_add(1).filter(|t| *t < self.index.tables.len())?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.end.saturating_sub(self.start);
        (len, Some(len))
    }

    fn nth(&mut self, n: usize) -> Option<Row> {
        self.start = self.start.saturating_add(n).min(self.end);
        self.next()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Row> {
        if self.start >= self.end {
            return None;
        }
        self.end = self.end.saturating_sub(1);
        self.index.get(self.end)
    }
}

impl ExactSizeIterator for Iter<'_> {}
