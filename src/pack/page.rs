//! The plain form of a page or delta with other keys, values and checksums in cookies.
//!
//! The new page begins as zeros. Headers, cell descriptors, lengths, time windows and cookies are
//! carried over; keys and values get others of the same length. What cannot be decoded stays zero,
//! behind a cell that cannot be decoded either.

use super::bson::{self, Fields};
use super::relabel::{Alphabet, Form, Keys};
use super::text;
use crate::format::page_header::{PageHeader, PageType};
use crate::format::reader::Reader;
use crate::page::cell::{Cell, CellKind, Cells};
use crate::page::delta::{self, PayloadForm};
use crate::page::old_delta;
use std::collections::{HashMap, HashSet};

/// A byte that begins no cell (type 14).
const NO_CELL: u8 = 0xe0;

/// What the values of a tree are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Columns, or just bytes.
    Form(Form, String),
    /// Configuration texts of metadata.
    Metadata,
    Documents(Fields),
}

impl Values {
    /// Just bytes.
    pub fn bytes() -> Self {
        Self::Form(Form::Bytes, String::new())
    }

    /// Other bytes for a value. `number`: neighbours that must differ have different ones. `left`: a number that
    /// the values of a page share; each takes of it what it has room for.
    pub fn replaced(
        &self,
        value: &[u8],
        number: u64,
        left: &mut u64,
        alphabet: Alphabet,
        cookie: &Recook<'_>,
    ) -> Vec<u8> {
        match self {
            Self::Metadata => metadata_value(value, left, cookie),
            Self::Documents(fields) => bson::document(value, fields, alphabet, left)
                .unwrap_or_else(|| Form::Bytes.filled(value, number.saturating_add(*left), alphabet)),
            Self::Form(form, _) => form.filled(value, number.saturating_add(*left), alphabet),
        }
    }
}

/// A row of metadata: its text where it is one, else bytes that are none either.
pub fn metadata_value(value: &[u8], left: &mut u64, cookie: &Recook<'_>) -> Vec<u8> {
    let body = value.strip_suffix(&[0]).unwrap_or(value);
    let plain = |b: &u8| b.is_ascii_graphic() || *b >= 0x80 || matches!(b, b' ' | b'\n' | b'\t');
    let text = std::str::from_utf8(body).ok().filter(|t| t.bytes().all(|b| plain(&b)));
    match text.filter(|t| crate::format::config::Config::parse(t).is_ok()) {
        Some(text) => {
            let mut new = text::rewritten(text, &|old| cookie(old, Some(text)));
            text::vary(&mut new, left);
            let mut out = new.into_bytes();
            out.resize(value.len(), 0);
            out
        }
        None => vec![b'('; value.len()],
    }
}

/// Another cookie for a cookie, of its length; with the metadata text it stands in, if it does.
pub type Recook<'a> = dyn Fn(&[u8], Option<&str>) -> Option<Vec<u8>> + 'a;

/// The plain bytes of one stored page or delta.
#[derive(Clone, Copy)]
pub struct Plain<'a> {
    /// `mem_size` bytes.
    pub bytes: &'a [u8],
    /// Where its cells begin.
    pub start: usize,
    pub header: PageHeader,
    /// A delta, and whether in the form of June 2025.
    pub delta: Option<bool>,
}

/// What a page's content becomes.
pub struct Content<'a> {
    pub keys: &'a Keys,
    pub values: &'a Values,
    pub cookie: &'a Recook<'a>,
    /// The item of an overflow page is a key.
    pub item_is_key: bool,
    /// Bits of a record of a fixed-width column store.
    pub width: Option<u8>,
    pub alphabet: Alphabet,
    /// Another number gives another checksum, where there are values to put it into.
    pub attempt: u64,
    /// The first key of an internal page, which means nothing, may be used for that as well.
    pub first_key_is_free: bool,
}

/// Keys and cells that were replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Replaced {
    /// Stored blocks that were rewritten.
    pub blocks: u64,
    /// Keys, as often as they are stored.
    pub keys: u64,
    /// Values, as often as they are stored.
    pub values: u64,
    /// Blocks of which only the headers could be kept.
    pub headers_only: u64,
}

impl Replaced {
    pub fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.keys += other.keys;
        self.values += other.values;
        self.headers_only += other.headers_only;
    }
}

/// What [`visit`] meets.
enum Met<'a, 'k> {
    /// A cell; of a key its whole bytes, if they could be built.
    Cell(Cell<'a>, Option<&'k [u8]>),
    /// Plain structure: from, to.
    Structure(usize, usize),
    /// A key of a June 2025 leaf delta: from, to.
    Key(usize, usize),
    Value(usize, usize),
}

/// Walk the content; answers where it can no longer be decoded, if so.
fn visit<'a>(page: Plain<'a>, each: &mut dyn FnMut(Met<'a, '_>)) -> Option<usize> {
    match (page.delta, page.header.page_type()) {
        (Some(true), Ok(PageType::RowLeaf)) => visit_old_leaf(page, each),
        (Some(true), Ok(PageType::RowInternal)) => visit_old_internal(page, each),
        (_, Ok(PageType::Overflow | PageType::ColumnFixed | PageType::BlockManager)) => None,
        _ => visit_cells(page, each),
    }
}

fn visit_cells<'a>(page: Plain<'a>, each: &mut dyn FnMut(Met<'a, '_>)) -> Option<usize> {
    let mut at = page.start;
    let mut full: Vec<u8> = Vec::new();
    let mut known = true;
    for cell in Cells::new(page.bytes, page.start, page.header.flags) {
        let Ok(cell) = cell else { return Some(at) };
        at = cell.end;
        if cell.kind != CellKind::Key {
            each(Met::Cell(cell, None));
            continue;
        }
        let prefix = usize::from(cell.prefix);
        known = prefix == 0 || (known && prefix <= full.len());
        if known {
            full.truncate(prefix);
            full.extend_from_slice(cell.data);
        }
        each(Met::Cell(cell, known.then_some(&full)));
    }
    (at < page.bytes.len()).then_some(at)
}

fn visit_old_internal<'a>(page: Plain<'a>, each: &mut dyn FnMut(Met<'a, '_>)) -> Option<usize> {
    let mut at = page.start;
    while at < page.bytes.len() {
        let flags = page.bytes.get(at).copied().unwrap_or_default();
        let Ok(key) = Cell::read(page.bytes, at + 1, page.header.flags) else { return Some(at) };
        each(Met::Structure(at, at + 1));
        at = key.end;
        each(Met::Cell(key, Some(key.data)));
        if flags & 0x01 == 0 {
            let Ok(address) = Cell::read(page.bytes, at, page.header.flags) else { return Some(at) };
            at = address.end;
            each(Met::Cell(address, None));
        }
    }
    None
}

fn visit_old_leaf<'a>(page: Plain<'a>, each: &mut dyn FnMut(Met<'a, '_>)) -> Option<usize> {
    let mut at = page.start;
    while at < page.bytes.len() {
        let Some((key, value, next)) = old_leaf_entry(page.bytes, at) else { return Some(at) };
        each(Met::Structure(at, key));
        each(Met::Key(key, value));
        each(Met::Value(value, next));
        at = next;
    }
    None
}

/// Where key, value and the next entry begin.
fn old_leaf_entry(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let mut r = Reader::at(bytes, at).ok()?;
    let flags = r.u8().ok()?;
    let delete = flags & old_delta::LEAF_DELETE != 0;
    if !delete {
        for bit in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20] {
            if flags & bit != 0 {
                r.vuint().ok()?;
            }
        }
    }
    let key_len = r.vlen().ok()?;
    let value_len = if delete { 0 } else { r.vlen().ok()? };
    let key = r.pos();
    r.take(key_len).ok()?;
    let value = r.pos();
    r.take(value_len).ok()?;
    Some((key, value, r.pos()))
}

/// What a page holds, for the replacement of a whole tree: its keys, and the cookies of overflow keys.
pub fn collect(page: Plain<'_>, key: &mut dyn FnMut(&[u8]), overflow_key: &mut dyn FnMut(&[u8])) {
    visit(page, &mut |met| match met {
        Met::Cell(_, Some(full)) => key(full),
        Met::Cell(cell, None) if cell.kind == CellKind::KeyOverflow => overflow_key(cell.data),
        Met::Key(from, to) => key(&page.bytes[from..to]),
        _ => {}
    });
}

/// The cookies a page holds.
pub fn cookies(page: Plain<'_>, each: &mut dyn FnMut(&[u8])) {
    visit(page, &mut |met| match met {
        Met::Cell(cell, _)
            if !matches!(cell.kind, CellKind::Key | CellKind::Value | CellKind::ValueCopy | CellKind::Deleted) =>
        {
            each(cell.data);
        }
        _ => {}
    });
}

/// The plain values a page holds, for a search.
pub fn values(page: Plain<'_>, value: &mut dyn FnMut(&[u8])) {
    visit(page, &mut |met| match met {
        Met::Cell(cell, _) if cell.kind == CellKind::Value => value(cell.data),
        Met::Value(from, to) => value(&page.bytes[from..to]),
        _ => {}
    });
    if page.header.page_type() == Ok(PageType::Overflow) {
        value(page.bytes.get(page.start..).unwrap_or_default());
    }
}

/// The page with other content.
pub fn replaced(page: Plain<'_>, content: &Content<'_>) -> (Vec<u8>, Replaced) {
    let mut work = Work {
        page,
        content,
        out: vec![0; page.bytes.len()],
        counts: Replaced::default(),
        values: HashMap::new(),
        lengths: HashMap::new(),
        key_number: 0,
        left: content.attempt,
    };
    work.keep(0, page.start.min(page.bytes.len()));
    match page.header.page_type() {
        Ok(PageType::Overflow) => work.item(),
        Ok(PageType::ColumnFixed) => work.fixed(),
        // A list of extents has no user's bytes; whoever knows its place rewrites it.
        Ok(PageType::BlockManager) => {}
        _ => {
            let broken = visit(page, &mut |met| work.met(met));
            if let Some(at) = broken {
                work.no_cell(at);
            }
        }
    }
    work.counts.blocks = 1;
    (work.out, work.counts)
}

struct Work<'a, 'c> {
    page: Plain<'a>,
    content: &'c Content<'c>,
    out: Vec<u8>,
    counts: Replaced,
    /// Numbers of distinct values by their length: neighbours that differ must go on doing so.
    values: HashMap<&'a [u8], u64>,
    lengths: HashMap<usize, u64>,
    key_number: u64,
    /// What is left of the attempt's number.
    left: u64,
}

impl<'a> Work<'a, '_> {
    fn keep(&mut self, from: usize, to: usize) {
        self.out[from..to].copy_from_slice(&self.page.bytes[from..to]);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(slot) = self.out.get_mut(at..at + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    }

    fn met(&mut self, met: Met<'a, '_>) {
        match met {
            Met::Structure(from, to) => self.keep(from, to),
            Met::Key(from, to) => {
                let old = &self.page.bytes[from..to];
                self.key(from, old, Some(old), 0);
            }
            Met::Value(from, to) => self.value(from, &self.page.bytes[from..to]),
            Met::Cell(cell, full) => {
                let at = cell.end - cell.data.len();
                self.keep(cell.offset, at);
                match cell.kind {
                    CellKind::Key => self.key(at, cell.data, full, usize::from(cell.prefix)),
                    CellKind::Value => self.cell_value(at, cell.data),
                    CellKind::ValueCopy | CellKind::Deleted => {}
                    _ => self.cookie(at, cell.data),
                }
            }
        }
    }

    fn key(&mut self, at: usize, suffix: &[u8], full: Option<&[u8]>, prefix: usize) {
        self.counts.keys += 1;
        self.key_number += 1;
        let internal = matches!(self.page.header.page_type(), Ok(PageType::RowInternal));
        if self.content.first_key_is_free && self.content.attempt > 0 && internal && self.key_number == 1 {
            return self.put(at, &Form::Bytes.filled(suffix, self.content.attempt, self.content.alphabet));
        }
        let new = full.and_then(|f| self.content.keys.get(f)).and_then(|n| n.get(prefix..));
        match new.filter(|n| n.len() == suffix.len()) {
            Some(new) => {
                let new = new.to_vec();
                self.put(at, &new);
            }
            None => self.out[at..at + suffix.len()].fill(self.content.alphabet.key),
        }
    }

    /// A value cell's data; of a leaf delta with its flag byte and length.
    fn cell_value(&mut self, at: usize, data: &'a [u8]) {
        if self.page.delta.is_none() {
            return self.value(at, data);
        }
        let Ok((form, _, value)) = delta::split_payload(data) else {
            // Bytes that are no payload, as these.
            return self.out[at..at + data.len()].fill(0xff);
        };
        let from = match form {
            PayloadForm::Bu => 1,
            PayloadForm::Ub => data.len() - value.len() - 1,
        };
        self.keep(at, at + from);
        self.value(at + from, value);
        if form == PayloadForm::Ub {
            self.keep(at + data.len() - 1, at + data.len());
        }
    }

    fn value(&mut self, at: usize, value: &'a [u8]) {
        self.counts.values += 1;
        let mut number = 0;
        if self.page.header.page_type() == Ok(PageType::ColumnVariable) {
            let of_length = self.lengths.entry(value.len()).or_default();
            number += *self.values.entry(value).or_insert_with(|| {
                *of_length += 1;
                *of_length - 1
            });
        }
        let Content { values, alphabet, cookie, .. } = *self.content;
        let new = values.replaced(value, number, &mut self.left, alphabet, cookie);
        self.put(at, &new);
    }

    fn cookie(&mut self, at: usize, old: &[u8]) {
        let new = (self.content.cookie)(old, None).filter(|n| n.len() == old.len());
        // What is no cookie stays none: empty bytes and zeros are refused.
        if let Some(new) = new {
            self.put(at, &new);
        }
    }

    /// The item of an overflow page.
    fn item(&mut self) {
        let start = self.page.start;
        let item = self.page.bytes.get(start..).unwrap_or_default();
        if self.content.item_is_key {
            self.key(start, item, Some(item), 0);
        } else {
            self.value(start, item);
        }
    }

    /// A page of records of a fixed width: the records become zero, the windows stay.
    fn fixed(&mut self) {
        let Plain { bytes, start, header, .. } = self.page;
        self.counts.values += u64::from(header.entries);
        // Without the tree's width nothing tells the records from the windows.
        let Some(width) = self.content.width.map(usize::from).filter(|w| *w > 0) else { return };
        let records = usize::try_from(header.entries).unwrap_or(usize::MAX).saturating_mul(width).div_ceil(8);
        let end = start.saturating_add(records);
        let cells = aux_cells(bytes, end);
        // A removed record must be zero; those without windows may be anything.
        let mut windows = HashSet::new();
        for cell in Cells::new(bytes, cells.unwrap_or(bytes.len()), header.flags).map_while(Result::ok) {
            if cell.kind == CellKind::Key
                && let Ok(record) = Reader::new(cell.data).vuint()
            {
                let bit = usize::try_from(record).unwrap_or(usize::MAX).saturating_mul(width);
                windows.extend([bit / 8, bit.saturating_add(width - 1) / 8]);
            }
        }
        let whole = usize::try_from(header.entries).unwrap_or(usize::MAX).saturating_mul(width) / 8;
        let free = (0..whole.min(bytes.len())).filter(|byte| !windows.contains(byte));
        for (byte, number) in free.zip(self.content.attempt.to_le_bytes()) {
            self.put(start + byte, &[number]);
        }
        let Some(from) = cells else { return };
        self.keep(end, from);
        for cell in Cells::new(bytes, from, header.flags).map_while(Result::ok) {
            // The keys are offsets, the values have no bytes.
            let data = if cell.kind == CellKind::Key { cell.end } else { cell.end - cell.data.len() };
            self.keep(cell.offset, data);
        }
    }

    /// Nothing that could be decoded is at `at`.
    fn no_cell(&mut self, at: usize) {
        let Some(byte) = self.page.bytes.get(at).copied() else { return };
        let left = self.page.bytes.len() - at;
        // Types from 13 on are told apart from cells that do not fit.
        self.out[at] = match byte {
            b if b & 0x3 == 0 && b >> 4 >= 13 => b & 0xf0,
            _ if left < 64 => 0xfd,
            _ => 0x50,
        };
        if self.out[at] == 0x50 {
            // A key of nearly 2^64 bytes.
            self.put(at + 1, &[0xe8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        }
        if self.out[at] == 0xd0 {
            self.out[at] = NO_CELL;
        }
    }
}

/// Where the cells begin, if the header of the time windows stands at `at`.
fn aux_cells(bytes: &[u8], at: usize) -> Option<usize> {
    let mut r = Reader::at(bytes, at).ok()?;
    if r.u8().ok()? != 1 {
        return None;
    }
    r.vuint().ok()?;
    let distance = usize::try_from(r.vuint().ok()?).ok()?;
    let cells = at.checked_add(distance).filter(|c| *c >= r.pos() && *c <= bytes.len())?;
    bytes.get(r.pos()..cells)?.iter().all(|b| *b == 0).then_some(cells)
}
