//! The rows of one database in 24 bytes each.
//!
//! A page log is regular: rows link to rows of the same page a few steps back, flags take a handful of
//! values, lengths stay below 16 MB. A `Record` holds a row in that form, and [`Segment`] keeps
//! whatever row does not fit it whole, beside the records. Nothing is lost either way.
//!
//! A segment is made in two steps: first the keys of all rows, in order, then what the rows hold, in
//! any order and from any thread. So a store can be read in the order in which it lies on the disk,
//! and nothing is ever sorted or held twice.

use super::{Row, Seal};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::supply;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// Flags that fit a record, by their code; the last code means that the row does not.
const FLAGS: [u32; 7] = [0, 0x1, 0x2, 0x3, 0x1_0000, 0x1_0002, 0x1_0003];
/// The code of a row that is kept whole.
const ODD: u32 = 7;
const FLAGS_MASK: u32 = 0b111;
/// The row's contents are there.
const FILLED: u32 = 1 << 3;
/// The previous checksum is that of the row before; else 0.
const PREVIOUS: u32 = 1 << 4;
const STATE_SHIFT: u32 = 5;
const STATE_MASK: u32 = 0b11;
/// The place of the checksum holds marks of [`supply`]: there are no bytes to have one.
const MARKED: u32 = 1 << 7;
/// The bits above are the length.
const LEN_SHIFT: u32 = 8;
const MAX_LEN: u32 = u32::MAX >> LEN_SHIFT;

/// Links count rows back in the same page; 0 stands for LSN 0.
const MAX_BACKLINK: u16 = 31;
const BASE_SHIFT: u32 = 5;
const MAX_BASE: u16 = 63;
const TYPE_SHIFT: u32 = 11;
const MAX_TYPE: u16 = 15;

/// A row, but for what its segment knows.
#[derive(Debug, Default)]
struct Record {
    /// Low half of the LSN.
    lsn_low: u32,
    /// Page id above the table's lowest.
    page: u32,
    /// Low half of the locator.
    locator: u32,
    /// Length, flags, and what became of the row.
    len: AtomicU32,
    checksum: AtomicU32,
    /// Which of the segment's high halves of LSNs: they count from 0, or are seconds.
    lsn_high: u16,
    /// Links and page type.
    links: AtomicU16,
}

/// The key of a row and where its data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Table (btree) id.
    pub table: TableId,
    pub page: PageId,
    pub lsn: Lsn,
    /// As in [`Row::locator`].
    pub locator: u64,
}

impl Key {
    fn of(row: &Row) -> Self {
        Self { table: row.table, page: row.page, lsn: row.lsn, locator: row.locator }
    }
}

/// One table's part of a segment.
#[derive(Debug)]
struct Part {
    table: TableId,
    first_page: u64,
    records: Range<usize>,
    starts: Starts,
}

impl Part {
    fn page_of(&self, record: &Record) -> PageId {
        PageId(self.first_page.wrapping_add(u64::from(record.page)))
    }
}

/// Where pages start: the place of the first row of every sixteenth page id, from the lowest on. Page ids
/// are handed out one by one, so in any real store this is both small and the fastest way to a page.
#[derive(Debug, Default)]
struct Starts {
    /// Counted from the start of the part. Empty if the ids are too sparse.
    places: Vec<u32>,
}

/// Page ids that share an entry of [`Starts`].
const STRIDE: u32 = 16;

impl Starts {
    fn new(pages: impl ExactSizeIterator<Item = u32> + DoubleEndedIterator + Clone) -> Self {
        let span = pages.clone().next_back().unwrap_or(0);
        let len = pages.len();
        let mut places = Vec::new();
        if usize::try_from(span / STRIDE).is_ok_and(|span| span / 8 <= len) && u32::try_from(len).is_ok() {
            places.reserve_exact(usize::try_from(span / STRIDE).unwrap_or(0).saturating_add(2));
            for (at, page) in (0_u32..).zip(pages) {
                let slot = usize::try_from(page / STRIDE).unwrap_or(usize::MAX);
                // Ids without rows share the start of the next one that has some.
                while places.len() <= slot {
                    places.push(at);
                }
            }
            places.push(u32::try_from(len).unwrap_or(u32::MAX));
        }
        Self { places }
    }

    /// Where a page's rows may be, at most.
    fn around(&self, page: u32, len: usize) -> Range<usize> {
        if self.places.is_empty() {
            return 0..len;
        }
        let slot = usize::try_from(page / STRIDE).unwrap_or(usize::MAX);
        match self.places.get(slot..slot.saturating_add(2)) {
            Some([start, end]) => usize::try_from(*start).unwrap_or(0)..usize::try_from(*end).unwrap_or(0),
            _ => len..len,
        }
    }
}

/// The rows of some tables, sorted by (table, page, LSN).
#[derive(Debug, Default)]
pub struct Segment {
    records: Vec<Record>,
    parts: Vec<Part>,
    /// The high halves of LSNs that occur.
    highs: Vec<u32>,
    /// The high half of all locators.
    locators: u64,
    /// Rows that fit no record, by place.
    odd: HashMap<usize, Row>,
}

/// A segment in the making: the keys are known.
#[derive(Debug)]
pub struct Frame {
    segment: Segment,
    odd: Mutex<HashMap<usize, Row>>,
    /// Rows whose previous checksum could not be compared yet, as the row before was not filled.
    deferred: Mutex<Vec<(u32, u32)>>,
}

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Places by locator.
#[derive(Debug)]
pub struct Places {
    low: u32,
    places: Vec<u32>,
}

impl Places {
    fn of(&self, locator: u64) -> Option<usize> {
        let low = u32::try_from(locator & u64::from(u32::MAX)).ok()?;
        let place = self.places.get(usize::try_from(low.checked_sub(self.low)?).ok()?)?;
        (*place != NOWHERE).then(|| usize::try_from(*place).ok()).flatten()
    }
}

/// Gathers keys in order.
#[derive(Debug)]
pub struct Keys {
    segment: Segment,
    last: Option<Key>,
    /// The numbers of the high halves of LSNs, and the one met last.
    numbers: HashMap<u32, u16>,
    number: Option<(u32, u16)>,
    sound: bool,
}

impl Keys {
    /// For rows with locators of the same high half as `locator`; `most`: there can be no more.
    /// Memory is taken as rows come.
    pub fn new(locator: u64, most: usize) -> Self {
        let locators = locator & !u64::from(u32::MAX);
        let segment = Segment { records: Vec::with_capacity(most), locators, ..Segment::default() };
        Self { segment, last: None, numbers: HashMap::new(), number: None, sound: true }
    }

    /// The number of a high half of an LSN.
    fn high(&mut self, high: u32) -> Option<u16> {
        if let Some((_, number)) = self.number.filter(|(of, _)| *of == high) {
            return Some(number);
        }
        let number = match self.numbers.get(&high) {
            Some(number) => *number,
            None => {
                let number = u16::try_from(self.segment.highs.len()).ok()?;
                self.segment.highs.push(high);
                self.numbers.insert(high, number);
                number
            }
        };
        self.number = Some((high, number));
        Some(number)
    }

    /// Take the next key. Keys that do not ascend, or do not fit, spoil the whole.
    pub fn push(&mut self, key: Key) {
        self.sound &= self.try_push(key).is_some();
    }

    fn try_push(&mut self, key: Key) -> Option<()> {
        let ascends = self.last.is_none_or(|last| (last.table, last.page, last.lsn) < (key.table, key.page, key.lsn));
        if !ascends || !self.sound {
            return None;
        }
        self.push_any(key)
    }

    /// As [`Keys::push`], for keys known to be in order; equal ones may follow each other.
    fn push_any(&mut self, key: Key) -> Option<()> {
        let low = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
        let lsn_high = self.high(low(key.lsn.get() >> 32))?;
        let segment = &mut self.segment;
        let at = segment.records.len();
        if segment.parts.last().is_none_or(|p| p.table != key.table) {
            let starts = Starts::default();
            segment.parts.push(Part { table: key.table, first_page: key.page.get(), records: at..at, starts });
        }
        let part = segment.parts.last_mut()?;
        let page = u32::try_from(key.page.get().checked_sub(part.first_page)?).ok()?;
        // A row with another locator is one that its record does not fit.
        let record =
            Record { lsn_low: low(key.lsn.get()), lsn_high, page, locator: low(key.locator), ..Record::default() };
        part.records.end = at.checked_add(1)?;
        segment.records.push(record);
        self.last = Some(key);
        Some(())
    }

    /// All keys are there; `None` if they were not in order or did not fit.
    pub fn finish(mut self) -> Option<Frame> {
        if !self.sound {
            return None;
        }
        self.segment.records.shrink_to_fit();
        let Segment { records, parts, .. } = &mut self.segment;
        for part in parts {
            let own = records.get(part.records.clone()).unwrap_or_default();
            part.starts = Starts::new(own.iter().map(|r| r.page));
        }
        Some(Frame { segment: self.segment, odd: Mutex::default(), deferred: Mutex::default() })
    }
}

impl Frame {
    /// Fill in what a row holds; answers whether its key is known and was not filled before.
    pub fn fill(&self, row: &Row) -> bool {
        let segment = &self.segment;
        let Some(part) = segment.part(row.table) else { return false };
        let page = segment.page(part, row.page);
        let at = segment.first_from(page.clone(), row.lsn);
        page.contains(&at) && segment.lsn(at) == Some(row.lsn) && self.fill_at(row, at, page.start)
    }

    /// Where each row is, by the low half of its locator above `low`: filling by place spares a search.
    /// `None` where locators are so far apart that the list would take too much memory.
    pub fn places(&self, low: u64) -> Option<Places> {
        let records = &self.segment.records;
        let low = u32::try_from(low & u64::from(u32::MAX)).ok()?;
        let highest = records.iter().map(|r| r.locator).max()?;
        let span = usize::try_from(highest.checked_sub(low)?).ok()?.checked_add(1)?;
        if span > records.len().saturating_add(records.len() / 4) || records.len() >= usize::try_from(NOWHERE).ok()? {
            return None;
        }
        let mut places = vec![NOWHERE; span];
        for (place, record) in (0_u32..).zip(records) {
            let slot = usize::try_from(record.locator.checked_sub(low)?).ok()?;
            *places.get_mut(slot)? = place;
        }
        Some(Places { low, places })
    }

    /// The locators of all rows, in the order of keys.
    pub fn locators(&self) -> impl Iterator<Item = u64> + '_ {
        self.segment.records.iter().map(|r| self.segment.locators | u64::from(r.locator))
    }

    /// Table, page and LSN of the row with a locator.
    pub fn key(&self, places: &Places, locator: u64) -> Option<Version> {
        let at = places.of(locator)?;
        let part = self.segment.parts.get(self.segment.part_at(at))?;
        let record = self.segment.records.get(at)?;
        Some(Version::new(part.table, part.page_of(record), self.segment.lsn_of(record)))
    }

    /// As [`Frame::fill`], for a row whose key came from [`Frame::key`].
    pub fn fill_place(&self, places: &Places, row: &Row) -> bool {
        let Some(at) = places.of(row.locator) else { return false };
        // Links lead back a few rows; how far the page goes is found on the way.
        let page = |at: usize| self.segment.records.get(at).map(|r| r.page);
        let own = page(at);
        let part = self.segment.parts.get(self.segment.part_at(at)).map_or(0, |p| p.records.start);
        let mut first = at;
        while first > part && at.saturating_sub(first) < usize::from(MAX_BASE) && page(first.saturating_sub(1)) == own {
            first = first.saturating_sub(1);
        }
        self.fill_at(row, at, first)
    }

    /// Fill in the row at a place whose page starts at `first`.
    fn fill_at(&self, row: &Row, at: usize, first: usize) -> bool {
        let Some(record) = self.segment.records.get(at) else { return false };
        if record.len.load(Ordering::Relaxed) & FILLED != 0 {
            return false;
        }
        let Some((len, links)) = self.pack(row, at, first) else {
            lock(&self.odd).insert(at, *row);
            record.checksum.store(row.seal.checksum, Ordering::Relaxed);
            record.len.store(FILLED | ODD, Ordering::Release);
            return true;
        };
        let mut len = len;
        let checksum = if len & MARKED == 0 { row.seal.checksum } else { row.flags & supply::MARKS };
        record.checksum.store(checksum, Ordering::Relaxed);
        record.links.store(links, Ordering::Relaxed);
        if row.seal.previous != 0 {
            // Stores keep the order of writing, so the row before is there already, but for the seams
            // between the pieces in which a store is read.
            match (self.segment.checksum_before(at), u32::try_from(at)) {
                (Some(before), _) if before == row.seal.previous => len |= PREVIOUS,
                (None, Ok(place)) => lock(&self.deferred).push((place, row.seal.previous)),
                _ => {
                    lock(&self.odd).insert(at, *row);
                    len = FILLED | ODD;
                }
            }
        }
        record.len.store(len, Ordering::Release);
        true
    }

    /// The two packed words of a row; `None` if it does not fit.
    fn pack(&self, row: &Row, at: usize, first: usize) -> Option<(u32, u16)> {
        let segment = &self.segment;
        let marks = row.flags & supply::MARKS;
        let flags = u32::try_from(FLAGS.iter().position(|f| *f == row.flags & !supply::MARKS)?).ok()?;
        if marks != 0 && (row.has_bytes() || row.seal != Seal::default()) {
            return None;
        }
        let marked = if marks == 0 { 0 } else { MARKED };
        let record = segment.records.get(at)?;
        if row.len > MAX_LEN || row.locator != segment.locators | u64::from(record.locator) {
            return None;
        }
        let [state, page_type] = row.seal.state.to_le_bytes();
        if u32::from(state) > STATE_MASK || u16::from(page_type) > MAX_TYPE {
            return None;
        }
        let back = |lsn: Lsn, most: u16| -> Option<u16> {
            if lsn == 0 {
                return Some(0);
            }
            (1..=most).find(|n| {
                let place = at.checked_sub(usize::from(*n)).filter(|place| *place >= first);
                place.is_some_and(|place| segment.lsn(place) == Some(lsn))
            })
        };
        let (backlink, base) = (back(row.backlink_lsn, MAX_BACKLINK)?, back(row.base_lsn, MAX_BASE)?);
        let len = row.len << LEN_SHIFT | marked | u32::from(state) << STATE_SHIFT | FILLED | flags;
        Some((len, u16::from(page_type) << TYPE_SHIFT | base << BASE_SHIFT | backlink))
    }

    /// Every row is there; `None` if one is not.
    pub fn finish(self) -> Option<Segment> {
        let Self { mut segment, odd, deferred } = self;
        if segment.records.iter().any(|r| r.len.load(Ordering::Relaxed) & FILLED == 0) {
            return None;
        }
        segment.odd = odd.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (place, previous) in deferred.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let at = usize::try_from(place).ok()?;
            if segment.checksum_before(at) == Some(previous) {
                segment.records.get(at)?.len.fetch_or(PREVIOUS, Ordering::Relaxed);
            } else {
                let mut row = segment.row(segment.part_at(at), at)?;
                row.seal.previous = previous;
                segment.odd.insert(at, row);
                segment.records.get(at)?.len.store(FILLED | ODD, Ordering::Relaxed);
            }
        }
        Some(segment)
    }
}

/// The marks of a row without bytes.
fn marks(record: &Record, len: u32) -> u32 {
    if len & MARKED == 0 { 0 } else { record.checksum.load(Ordering::Relaxed) & supply::MARKS }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Segment {
    /// From rows in order; `None` if they do not fit.
    pub fn from_sorted(rows: &[Row]) -> Option<Self> {
        let mut keys = Keys::new(rows.first().map_or(0, |r| r.locator), rows.len());
        for row in rows {
            keys.push_any(Key::of(row))?;
        }
        let frame = keys.finish()?;
        let mut first = 0;
        let mut page = None;
        for (at, row) in rows.iter().enumerate() {
            if page != Some((row.table, row.page)) {
                page = Some((row.table, row.page));
                first = at;
            }
            if !frame.fill_at(row, at, first) {
                return None;
            }
        }
        frame.finish()
    }

    /// The tables, ascending, each with its places, in the order of their parts.
    pub(super) fn tables(&self) -> impl Iterator<Item = (TableId, Range<usize>)> + '_ {
        self.parts.iter().map(|p| (p.table, p.records.clone()))
    }

    fn part(&self, table: TableId) -> Option<&Part> {
        let at = self.parts.binary_search_by_key(&table, |p| p.table).ok()?;
        self.parts.get(at)
    }

    /// The part that holds a place.
    fn part_at(&self, at: usize) -> usize {
        self.parts.partition_point(|p| p.records.end <= at)
    }

    /// Places of a page of the table with this part.
    pub(super) fn places(&self, part: usize, page: PageId) -> Range<usize> {
        self.parts.get(part).map_or(0..0, |part| self.page(part, page))
    }

    fn page(&self, part: &Part, page: PageId) -> Range<usize> {
        let behind = part.records.end..part.records.end;
        let Some(page) = page.get().checked_sub(part.first_page) else { return part.records.start..part.records.start };
        let Ok(page) = u32::try_from(page) else { return behind };
        let own = self.records.get(part.records.clone()).unwrap_or_default();
        let around = part.starts.around(page, own.len());
        let near = own.get(around.clone()).unwrap_or_default();
        let start = near.partition_point(|r| r.page < page);
        let behind = near.get(start..).unwrap_or_default();
        // Few rows share a page; counting them reads on where the search has ended.
        let len = behind.iter().take(8).take_while(|r| r.page == page).count();
        let len = if len == 8 { behind.partition_point(|r| r.page <= page) } else { len };
        let start = part.records.start.saturating_add(around.start).saturating_add(start);
        start..start.saturating_add(len)
    }

    /// The first place in a page at or above an LSN.
    pub(super) fn first_from(&self, page: Range<usize>, lsn: Lsn) -> usize {
        let rows = self.records.get(page.clone()).unwrap_or_default();
        page.start.saturating_add(rows.partition_point(|r| self.lsn_of(r) < lsn))
    }

    #[inline]
    fn lsn_of(&self, record: &Record) -> Lsn {
        let high = self.highs.get(usize::from(record.lsn_high)).copied().unwrap_or(0);
        Lsn(u64::from(high) << 32 | u64::from(record.lsn_low))
    }

    /// The number of rows of each page in turn, of a part's places.
    pub(super) fn page_lens(&self, places: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let records = self.records.get(places).unwrap_or_default();
        records.chunk_by(|a, b| a.page == b.page).map(<[Record]>::len)
    }

    /// The LSN at a place.
    pub(super) fn lsn(&self, at: usize) -> Option<Lsn> {
        self.records.get(at).map(|r| self.lsn_of(r))
    }

    /// Length and flags at a place.
    pub(super) fn len_and_flags(&self, at: usize) -> Option<(u32, u32)> {
        let record = self.records.get(at)?;
        let len = record.len.load(Ordering::Relaxed);
        match usize::try_from(len & FLAGS_MASK).ok().and_then(|code| FLAGS.get(code)) {
            Some(flags) => Some((len >> LEN_SHIFT, *flags | marks(record, len))),
            None => self.odd.get(&at).map(|r| (r.len, r.flags)),
        }
    }

    /// The checksum of the row before a place; `None` if that is not filled.
    fn checksum_before(&self, at: usize) -> Option<u32> {
        let record = self.records.get(at.checked_sub(1)?)?;
        let len = record.len.load(Ordering::Acquire);
        let checksum = if len & MARKED == 0 { record.checksum.load(Ordering::Relaxed) } else { 0 };
        (len & FILLED != 0).then_some(checksum)
    }

    /// The row at a place of a part.
    #[inline]
    pub(super) fn row(&self, part: usize, at: usize) -> Option<Row> {
        let part = self.parts.get(part)?;
        let record = self.records.get(at)?;
        let len = record.len.load(Ordering::Relaxed);
        let Some(flags) = usize::try_from(len & FLAGS_MASK).ok().and_then(|code| FLAGS.get(code)) else {
            return self.odd.get(&at).copied();
        };
        let links = record.links.load(Ordering::Relaxed);
        let back = |n: u16| match n {
            0 => Lsn::NONE,
            n => at.checked_sub(usize::from(n)).and_then(|place| self.lsn(place)).unwrap_or_default(),
        };
        let previous = if len & PREVIOUS != 0 { self.checksum_before(at).unwrap_or(0) } else { 0 };
        let [state, ..] = (len >> STATE_SHIFT & STATE_MASK).to_le_bytes();
        let [page_type, _] = (links >> TYPE_SHIFT).to_le_bytes();
        Some(Row {
            table: part.table,
            page: part.page_of(record),
            lsn: self.lsn_of(record),
            backlink_lsn: back(links & MAX_BACKLINK),
            base_lsn: back(links >> BASE_SHIFT & MAX_BASE),
            locator: self.locators | u64::from(record.locator),
            len: len >> LEN_SHIFT,
            flags: *flags | marks(record, len),
            seal: Seal {
                checksum: if len & MARKED == 0 { record.checksum.load(Ordering::Relaxed) } else { 0 },
                previous,
                state: u16::from_le_bytes([state, page_type]),
            },
        })
    }
}
