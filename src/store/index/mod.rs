//! The index of a page log: every row, sorted by (table, page, LSN), without page data.

pub mod packed;
pub mod rows;

pub use rows::{Rows, View};

use super::{FLAG_DELTA, FLAG_DISCARDED};
use crate::id::{Lsn, PageId, TableId, Version};
use packed::Segment;
use std::ops::Range;

/// One row of the page log without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Table (btree) id.
    pub table: TableId,
    pub page: PageId,
    /// LSN of this row.
    pub lsn: Lsn,
    /// LSN of the block this one follows; what that is depends on the kind.
    pub backlink_lsn: Lsn,
    /// LSN of the chain's full image; 0 for a full image.
    pub base_lsn: Lsn,
    /// Where the data is, in terms of the store that made the index.
    pub locator: u64,
    /// Stored length in bytes.
    pub len: u32,
    /// Page-log flags.
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
    pub fn is_discard(&self) -> bool {
        self.flags & FLAG_DISCARDED != 0
    }

    pub fn is_delta(&self) -> bool {
        !self.is_discard() && self.flags & FLAG_DELTA != 0
    }

    /// A full image.
    pub fn is_full(&self) -> bool {
        self.flags & (FLAG_DISCARDED | FLAG_DELTA) == 0
    }

    pub fn key(&self) -> Version {
        Version::new(self.table, self.page, self.lsn)
    }
}

/// All rows, sorted by (table, page, LSN). Positions in it serve as compact row ids.
///
/// It takes 24 bytes a row, and a quarter of a byte for each page id, where rows are regular ([`packed`]).
#[derive(Debug, Default)]
pub struct Index {
    pub tables: Vec<Table>,
    segments: Vec<Segment>,
    len: usize,
}

/// The rows of one table.
#[derive(Debug)]
pub struct Table {
    id: TableId,
    /// Position of the first row.
    start: usize,
    pub body: Body,
}

/// Where a table's rows are.
#[derive(Debug)]
pub enum Body {
    /// A segment, a part of it, and the part's places.
    Packed(usize, usize, Range<usize>),
    /// Rows that do not fit a segment.
    Plain(Vec<Row>),
}

impl Index {
    /// Sort rows into an index.
    pub fn new(mut rows: Vec<Row>) -> Self {
        // Stores deliver runs that are already sorted; the stable sort takes advantage of them.
        rows.sort_by_key(Row::key);
        match Segment::from_sorted(&rows) {
            Some(segment) => Self::join(vec![segment], Vec::new()),
            None => Self::of(Vec::new(), rows),
        }
    }

    /// Put segments and further rows together.
    pub fn of(mut segments: Vec<Segment>, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(Row::key);
        let mut plain = Vec::new();
        // A table at a time: one that does not fit is no reason to give up the others.
        for table in rows.chunk_by(|a, b| a.table == b.table) {
            match Segment::from_sorted(table) {
                Some(segment) => segments.push(segment),
                None => plain.push(table.to_vec()),
            }
        }
        Self::join(segments, plain)
    }

    /// `plain`: the rows of one table each, sorted.
    fn join(segments: Vec<Segment>, plain: Vec<Vec<Row>>) -> Self {
        let mut tables = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            for (part, (id, places)) in segment.tables().enumerate() {
                tables.push(Table { id, start: 0, body: Body::Packed(number, part, places) });
            }
        }
        for rows in plain {
            let Some(first) = rows.first() else { continue };
            tables.push(Table { id: first.table, start: 0, body: Body::Plain(rows) });
        }
        tables.sort_by_key(|t| t.id);
        if tables.windows(2).any(|pair| matches!(pair, [a, b] if a.id == b.id)) {
            // A table in two databases is no regular store: sort it all out row by row.
            return Self::mixed(&Self::counted(tables, segments));
        }
        Self::counted(tables, segments)
    }

    fn counted(mut tables: Vec<Table>, segments: Vec<Segment>) -> Self {
        let mut len = 0_usize;
        for table in &mut tables {
            table.start = len;
            len = len.saturating_add(table.len());
        }
        Self { tables, segments, len }
    }

    /// From an index some of whose tables come twice.
    fn mixed(twice: &Self) -> Self {
        let mut rows = twice.rows().to_vec();
        rows.sort_by_key(Row::key);
        let plain = rows.chunk_by(|a, b| a.table == b.table);
        let table = |rows: &[Row]| {
            rows.first().map(|first| Table { id: first.table, start: 0, body: Body::Plain(rows.to_vec()) })
        };
        Self::counted(plain.filter_map(table).collect(), Vec::new())
    }

    fn table_entry(&self, table: TableId) -> Option<&Table> {
        let at = self.tables.binary_search_by_key(&table, |t| t.id).ok()?;
        self.tables.get(at)
    }

    /// Which table a position lies in.
    fn table_at(&self, at: usize) -> usize {
        self.tables.partition_point(|t| t.start <= at).saturating_sub(1)
    }

    fn row_in(&self, table: usize, at: usize) -> Option<Row> {
        self.tables.get(table)?.row(&self.segments, at)
    }

    /// All rows.
    pub fn rows(&self) -> Rows<'_> {
        self.slice(0..self.len)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if the page log has no row.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row at a position.
    pub fn get(&self, at: usize) -> Option<Row> {
        self.row_in(self.table_at(at), at)
    }

    /// Stored length and flags of the row at a position: less work than the whole row.
    pub fn len_and_flags(&self, at: usize) -> Option<(u32, u32)> {
        self.tables.get(self.table_at(at))?.len_and_flags(&self.segments, at)
    }

    /// The rows of a range of positions; those that exist.
    pub fn slice(&self, range: Range<usize>) -> Rows<'_> {
        let start = range.start.min(self.len);
        Rows { index: self, table: self.table_at(start), start, end: range.end.clamp(start, self.len) }
    }

    /// Positions of a table's rows.
    pub fn table(&self, table: TableId) -> Range<usize> {
        self.table_entry(table).map_or(self.len..self.len, |t| t.start..t.start.saturating_add(t.len()))
    }

    /// Positions of a page's rows, ascending by LSN.
    pub fn page(&self, table: TableId, page: PageId) -> Range<usize> {
        self.table_entry(table).map_or(self.len..self.len, |t| t.page(&self.segments, page))
    }

    /// Position of one row.
    pub fn find(&self, table: TableId, page: PageId, lsn: Lsn) -> Option<usize> {
        let view = self.view(table)?;
        view.find(view.page(page), lsn)
    }

    /// One table's rows, for many look-ups in it.
    pub fn view(&self, table: TableId) -> Option<View<'_>> {
        self.table_entry(table).map(|table| View { index: self, table })
    }

    /// The LSN at a position.
    pub fn lsn(&self, at: usize) -> Option<Lsn> {
        self.tables.get(self.table_at(at))?.lsn(&self.segments, at)
    }

    /// Position ranges of each page in turn.
    pub fn pages(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.tables.iter().flat_map(|table| {
            let mut start = table.start;
            table.page_lens(&self.segments).map(move |len| {
                let range = start..start.saturating_add(len);
                start = range.end;
                range
            })
        })
    }

    /// The stored lengths of all rows in turn.
    pub fn lens(&self) -> impl Iterator<Item = u32> + '_ {
        self.tables.iter().flat_map(|table| {
            let end = table.start.saturating_add(table.len());
            (table.start..end).map(|at| table.len_and_flags(&self.segments, at).map_or(0, |(len, _)| len))
        })
    }

    pub fn highest_lsn(&self) -> Option<Lsn> {
        let of = |table: &Table| {
            let end = table.start.saturating_add(table.len());
            (table.start..end).filter_map(|at| table.lsn(&self.segments, at)).max()
        };
        self.tables.iter().filter_map(of).max()
    }

    /// The table ids that have rows, ascending.
    pub fn tables(&self) -> Vec<TableId> {
        self.tables.iter().map(|t| t.id).collect()
    }
}

impl Table {
    fn len(&self) -> usize {
        match &self.body {
            Body::Packed(_, _, places) => places.len(),
            Body::Plain(rows) => rows.len(),
        }
    }

    /// The place in the segment of a position.
    fn place(&self, places: &Range<usize>, at: usize) -> Option<usize> {
        let place = places.start.checked_add(at.checked_sub(self.start)?)?;
        places.contains(&place).then_some(place)
    }

    fn row(&self, segments: &[Segment], at: usize) -> Option<Row> {
        match &self.body {
            Body::Packed(segment, part, places) => segments.get(*segment)?.row(*part, self.place(places, at)?),
            Body::Plain(rows) => rows.get(at.checked_sub(self.start)?).copied(),
        }
    }

    fn lsn(&self, segments: &[Segment], at: usize) -> Option<Lsn> {
        match &self.body {
            Body::Packed(segment, _, places) => segments.get(*segment)?.lsn(self.place(places, at)?),
            Body::Plain(rows) => rows.get(at.checked_sub(self.start)?).map(|r| r.lsn),
        }
    }

    fn len_and_flags(&self, segments: &[Segment], at: usize) -> Option<(u32, u32)> {
        match &self.body {
            Body::Packed(segment, _, places) => segments.get(*segment)?.len_and_flags(self.place(places, at)?),
            Body::Plain(rows) => rows.get(at.checked_sub(self.start)?).map(|r| (r.len, r.flags)),
        }
    }

    /// Positions of a page's rows.
    fn page(&self, segments: &[Segment], page: PageId) -> Range<usize> {
        match &self.body {
            Body::Packed(segment, part, own) => {
                let places = segments.get(*segment).map_or(0..0, |s| s.places(*part, page));
                let position = |place: usize| self.start.saturating_add(place.saturating_sub(own.start));
                position(places.start)..position(places.end)
            }
            Body::Plain(rows) => {
                let start = rows.partition_point(|r| r.page < page);
                let end = rows.partition_point(|r| r.page <= page);
                self.start.saturating_add(start)..self.start.saturating_add(end)
            }
        }
    }

    /// The number of rows of each page in turn.
    fn page_lens<'t>(&'t self, segments: &'t [Segment]) -> Box<dyn Iterator<Item = usize> + 't> {
        match &self.body {
            Body::Packed(segment, _, places) => match segments.get(*segment) {
                Some(segment) => Box::new(segment.page_lens(places.clone())),
                None => Box::new(std::iter::empty()),
            },
            Body::Plain(rows) => Box::new(rows.chunk_by(|a, b| a.page == b.page).map(<[Row]>::len)),
        }
    }

    /// The first position in a page's range at or above an LSN.
    fn first_from(&self, segments: &[Segment], page: Range<usize>, lsn: Lsn) -> usize {
        match &self.body {
            Body::Packed(segment, _, own) => {
                let to_place = |at: usize| own.start.saturating_add(at.saturating_sub(self.start));
                let places = to_place(page.start)..to_place(page.end);
                let found = segments.get(*segment).map_or(places.end, |s| s.first_from(places.clone(), lsn));
                page.start.saturating_add(found.saturating_sub(places.start))
            }
            Body::Plain(rows) => {
                let from = |at: usize| at.saturating_sub(self.start);
                let own = rows.get(from(page.start)..from(page.end)).unwrap_or_default();
                page.start.saturating_add(own.partition_point(|r| r.lsn < lsn))
            }
        }
    }
}
