//! Judge one leaf of a local file: its block, and, where asked for or needed to find its overflow
//! items, its cells.

use super::block::Headers;
use super::fault::Opaque;
use super::fault::{Fact, Fault, FaultKind, Note};
use super::lost::{self, Bounds, KeyText, LostRows};
use super::seen::Seen;
use super::shape::{self, Shape, breach, breaches};
use crate::format::block::FLAG_DATA_CHECKSUM;
use crate::format::local::LocalAddress;
use crate::format::pack;
use crate::format::page_header::PageType;
use crate::format::{Class, local_image};
use crate::mongo::document::Document;
use crate::page::cell::{CellKind, Times};
use crate::page::history::{self, HistoryKey, HistoryValue};
use crate::page::leaf::{self, Row, Value};
use crate::page::rules::{self, Breaches, Broken, OverflowRef, Page, Rule};
use crate::page::what::{Clash, Part, What};
use crate::page::windows;
use crate::page::{Depth, RowCounts};
use std::collections::BTreeMap;

/// File ids without a file that are counted one by one.
const MAX_UNOWNED: usize = 1000;
/// Bytes of a history-store value that hold its times.
const HISTORY_HEADER: usize = 32;

/// What separates a page from its neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    Key(Vec<u8>),
    /// A key in an overflow item.
    Overflow(LocalAddress),
    Record(u64),
}

/// One leaf to judge.
#[derive(Debug)]
pub(super) struct LeafTask {
    pub address: LocalAddress,
    /// Its first key is not below this.
    pub lower: Option<Bound>,
    /// Its last key is below this.
    pub upper: Option<Bound>,
    /// Kind of its address cell.
    pub kind: CellKind,
    /// The aggregate of its address cell.
    pub times: Times,
    /// A fast truncate deleted its rows.
    pub truncated: bool,
    pub parent: LocalAddress,
    /// Write generation of the parent.
    pub generation: u64,
    /// The block was verified before.
    pub known: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// Page type, if known.
    pub kind: Option<PageType>,
    pub verified: bool,
    /// False if overflow items may have been missed.
    pub complete: bool,
    pub opaque: Option<Opaque>,
    pub rows: Option<RowCounts>,
    /// Cells, by the page's header.
    pub entries: u64,
    /// Records of the history store by the file id that no file has.
    pub unowned: BTreeMap<u32, u64>,
    pub overflows: Vec<Overflow>,
    pub faults: Vec<Fault>,
    pub first_version: Option<LastVersion>,
    pub last_version: Option<LastVersion>,
}

/// An overflow item and what is wrong with it.
#[derive(Debug)]
pub(super) struct Overflow {
    pub address: LocalAddress,
    pub faults: Vec<Fault>,
}

/// A record of the history store, as far as its neighbour needs it.
#[derive(Debug, Clone)]
pub(super) struct LastVersion {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl LastVersion {
    fn of(key: &[u8], value: &[u8]) -> Self {
        Self { key: key.to_vec(), value: value.get(..HISTORY_HEADER).unwrap_or(value).to_vec() }
    }

    /// What is wrong between this record and the next.
    pub(super) fn conflict(&self, next: &Self) -> Option<Clash> {
        let (older, newer) = (HistoryKey::decode(&self.key).ok()?, HistoryKey::decode(&next.key).ok()?);
        let (from, to) = (HistoryValue::decode(&self.value).ok()?, HistoryValue::decode(&next.value).ok()?);
        history::versions_fit((&older, &from), (&newer, &to)).err()
    }
}

/// Judge a leaf.
pub(super) fn judge(shape: &Shape<'_>, task: &LeafTask, seen: &Seen, buffer: &mut Vec<u8>) -> Leaf {
    let deep = shape.depth == Depth::Deep;
    // Only these may refer to overflow items, which are part of the tree.
    let items = matches!(task.kind, CellKind::AddrLeaf | CellKind::AddrDeleted);
    let mut out = Leaf { kind: shape.entry.leaf_type(), complete: true, ..Leaf::default() };
    if shape.depth == Depth::Quick && !items {
        return out;
    }
    let before = out.faults.len();
    let stored = shape::load(shape, &task.address, task.known, buffer, &mut out.faults);
    if !task.known {
        (shape.progress)(1, u64::from(task.address.size));
    }
    let mended = out.faults.len() > before;
    let Some((stored, headers)) = stored.and_then(|s| Headers::read(s).ok().map(|h| (s, h))) else {
        out.complete = !items;
        return out;
    };
    if let Ok(kind) = headers.page.page_type() {
        out.kind = Some(kind);
    }
    out.entries = u64::from(headers.page.entries);
    let mut sound = true;
    if let Some(broken) = rules::header(stored, &headers.page, &headers.block) {
        let fault = breach(&task.address, broken, true);
        out.faults.push(match wrong_type(shape, task, &headers) {
            Some((wanted, found)) => fault.with(Note::InPlaceOf { wanted, found }),
            None => fault,
        });
        sound = false;
    }
    if let Some((wanted, found)) = wrong_type(shape, task, &headers).filter(|_| sound) {
        out.faults.push(Fault::at(FaultKind::Header, &task.address, Fact::PageType { wanted, found }));
        sound = false;
    }
    if headers.page.write_gen >= task.generation && shape.entry.orders_generations {
        out.faults.push(shape::generation(&task.address, headers.page.write_gen, task.generation));
    }
    out.verified = sound && !mended;
    // A checksum of 64 bytes leaves the stream to vouch for the rest.
    let partial = headers.page.is_compressed() && headers.block.flags & FLAG_DATA_CHECKSUM == 0;
    if deep || items || partial {
        content(shape, task, (stored, &headers), sound, seen, &mut out);
    }
    out
}

/// A page type that does not go with the tree or with the address cell: what belongs there, if it is known,
/// and what is there.
fn wrong_type(shape: &Shape<'_>, task: &LeafTask, headers: &Headers) -> Option<(Option<PageType>, PageType)> {
    let kind = headers.page.page_type().ok()?;
    let wanted = shape.entry.leaf_type();
    if wanted.is_none_or(|w| w == kind) && rules::leads_to(task.kind, kind) {
        return None;
    }
    Some((wanted, kind))
}

/// Decode the cells. `sound`: the headers break no rule.
fn content(
    shape: &Shape<'_>,
    task: &LeafTask,
    (stored, headers): (&[u8], &Headers),
    sound: bool,
    seen: &Seen,
    out: &mut Leaf,
) {
    let deep = shape.depth == Depth::Deep;
    let items = matches!(task.kind, CellKind::AddrLeaf | CellKind::AddrDeleted);
    let plain = match local_image::plain(stored, &headers.page, shape.entry.compression()) {
        Ok(plain) => plain,
        Err(e) if e.class == Class::Unsupported => {
            match alien(shape, headers, &task.address) {
                Some(fault) => out.faults.push(fault),
                None => out.opaque = Some(Opaque::UnknownCompressor),
            }
            out.complete = !items;
            return;
        }
        Err(e) => {
            if sound {
                let fact = Fact::Undecodable { item: false, error: e };
                out.faults.push(Fault::at(FaultKind::Undecodable, &task.address, fact));
            }
            out.complete = !items;
            out.verified = false;
            return;
        }
    };
    let Ok(page) = Page::new(&plain) else { return };
    let known_type = shape.entry.leaf_type().is_none_or(|w| w == page.kind);
    if !(deep || items) || !known_type {
        out.complete &= known_type || !items;
        return;
    }
    let options = leaf::Options {
        bounds: shape.bounds(),
        deep,
        byte_order: shape.entry.byte_order,
        fixed_width: shape.entry.fixed_width,
    };
    let mut pairs = Pairs::new(shape, task);
    let mut resolve = |address: &LocalAddress| item(shape, address);
    let found = leaf::leaf(&page, &options, &mut resolve, &mut |row| pairs.row(row));
    out.overflows = found.overflows.iter().map(|o| read_item(shape, o, task, seen)).collect();
    if deep {
        // Every record of the history store is in use, though each has an end.
        // A removed record of a fixed-length column store is one of value 0.
        let all = shape.entry.is_history_store() || page.kind == PageType::ColumnFixed;
        let live = if all { found.rows } else { found.live };
        out.rows = Some(RowCounts { keys: found.rows, live: if task.truncated { 0 } else { live } });
        pairs.bounds(&page, &found);
    }
    let plain_block = !headers.page.is_compressed();
    let lost = |b: &Broken| matches!(b.rule, Rule::Cell | Rule::CellType | Rule::Entries | Rule::Type | Rule::Tail);
    out.complete &= !(items && found.breaches.list.iter().any(lost));
    let told = !found.breaches.is_empty() && !sound;
    if !told {
        breaches(&task.address, found.breaches, plain_block, &mut out.faults);
    }
    breaches(&task.address, pairs.found, plain_block, &mut out.faults);
    out.unowned = pairs.unowned;
    (out.first_version, out.last_version) = (pairs.first, pairs.last);
}

/// The rules that need the parent or the neighbour.
struct Pairs<'p, 's> {
    shape: &'p Shape<'s>,
    task: &'p LeafTask,
    windows: bool,
    history: bool,
    /// Formats of keys and values, where they say more than "bytes".
    formats: (Option<&'p str>, Option<&'p str>),
    first: Option<LastVersion>,
    last: Option<LastVersion>,
    unowned: BTreeMap<u32, u64>,
    found: Breaches,
}

impl<'p, 's> Pairs<'p, 's> {
    fn new(shape: &'p Shape<'s>, task: &'p LeafTask) -> Self {
        Self {
            shape,
            task,
            windows: shape.entry.compares_windows(),
            history: shape.entry.is_history_store(),
            formats: match shape.entry.huffman {
                true => (None, None),
                false => (format(&shape.entry.key_format, "r"), format(&shape.entry.value_format, "t")),
            },
            first: None,
            last: None,
            unowned: BTreeMap::new(),
            found: Breaches::default(),
        }
    }

    fn broken(&mut self, rule: Rule, at: usize, what: impl Into<What>) {
        self.found.add(rule, at, || what);
    }

    fn row(&mut self, row: &Row<'_, '_>) {
        if self.windows
            && let Err(words) = windows::value_fits(&row.times, &self.task.times)
        {
            self.broken(Rule::Window, row.at, words);
        }
        if self.history {
            self.version(row);
        } else {
            self.decodable(row);
        }
    }

    /// Keys and values against their formats; documents of MongoDB against BSON.
    fn decodable(&mut self, row: &Row<'_, '_>) {
        if let (Some(format), Some(key)) = (self.formats.0, row.key)
            && let Err(e) = pack::check(format, key)
            && e.class == Class::Invalid
        {
            let what = What::Format { part: Part::Key, format: format.to_string(), error: e };
            self.broken(Rule::Cell, row.at, what);
        }
        let documents = self.shape.entry.documents;
        if self.formats.1.is_none() && !documents {
            return;
        }
        let held;
        let value = match row.value {
            Value::Inline(bytes) => bytes,
            Value::Empty => &[],
            Value::Overflow(Some(address)) => match item(self.shape, &address) {
                Some(bytes) => {
                    held = bytes;
                    &held
                }
                None => return,
            },
            _ => return,
        };
        if let Some(format) = self.formats.1
            && let Err(e) = pack::check(format, value)
            && e.class == Class::Invalid
        {
            let what = What::Format { part: Part::Value, format: format.to_string(), error: e };
            self.broken(Rule::Cell, row.at, what);
        }
        if documents && !is_document(value) {
            self.broken(Rule::Cell, row.at, What::NoDocument);
        }
    }

    /// A record of the history store.
    fn version(&mut self, row: &Row<'_, '_>) {
        let Some(key) = row.key else { return };
        let held;
        let value = match row.value {
            Value::Inline(bytes) => bytes,
            Value::Overflow(Some(address)) => match item(self.shape, &address) {
                Some(bytes) => {
                    held = bytes;
                    &held
                }
                None => return,
            },
            _ => return self.broken(Rule::Cell, row.at, What::HistoryWithoutValue),
        };
        let decoded = HistoryKey::decode(key).and_then(|k| HistoryValue::decode(value).map(|v| (k, v)));
        let (k, v) = match decoded {
            Ok(both) => both,
            Err(e) => return self.broken(Rule::Cell, row.at, What::HistoryRecord(e)),
        };
        if let Err(words) = history::times_fit(&k, &v, &row.times) {
            self.broken(Rule::Window, row.at, words);
        }
        if self.shape.ids.is_some_and(|ids| !ids.contains(&u64::from(k.btree_id)))
            && (self.unowned.len() < MAX_UNOWNED || self.unowned.contains_key(&k.btree_id))
        {
            *self.unowned.entry(k.btree_id).or_default() += 1;
        }
        let version = LastVersion::of(key, value);
        if let Some(words) = self.last.as_ref().and_then(|last| last.conflict(&version)) {
            self.broken(Rule::Window, row.at, words);
        }
        if self.first.is_none() {
            self.first = Some(version.clone());
        }
        self.last = Some(version);
    }

    /// The page against the separators around it.
    fn bounds(&mut self, page: &Page<'_>, found: &leaf::Leaf) {
        let (lower, upper) = (self.task.lower.as_ref(), self.task.upper.as_ref());
        // Of a record number 0 the header rules have told.
        if let Some(Bound::Record(first)) = lower.filter(|_| page.header.recno != 0) {
            let wrong = match page.kind {
                PageType::ColumnFixed => page.header.recno != *first,
                _ => page.header.recno < *first,
            };
            if wrong {
                self.broken(Rule::Order, 0, What::FirstRecord { record: page.header.recno, parent: *first });
            }
        }
        if let Some(Bound::Record(next)) = upper
            && page.header.recno.saturating_add(found.rows) > *next
        {
            let last = page.header.recno.saturating_add(found.rows).saturating_sub(1);
            self.broken(Rule::Order, 0, What::LastRecord { last, next: *next });
        }
        if !self.shape.entry.byte_order {
            return;
        }
        let shape = self.shape;
        let key = move |bound: Option<&Bound>| match bound {
            Some(Bound::Key(key)) => Some(key.clone()),
            Some(Bound::Overflow(address)) => item(shape, address),
            _ => None,
        };
        let below = key(lower).zip(found.first_key.as_ref()).is_some_and(|(lower, first)| *first < lower);
        let above = key(upper).zip(found.last_key.as_ref()).is_some_and(|(upper, last)| *last >= upper);
        if below || above {
            // A page in a wrong place does not go with the times of its parent's cell either.
            self.found.list.retain(|b| b.rule != Rule::Window);
        }
        if below {
            self.broken(Rule::Order, 0, What::BelowSeparator);
        }
        if above {
            self.broken(Rule::Order, 0, What::NotBelowNext);
        }
    }
}

/// A format that says more than "bytes", and that is no column store's.
fn format<'f>(format: &'f str, without: &str) -> Option<&'f str> {
    Some(format).filter(|f| !matches!(*f, "" | "u") && !f.ends_with(without))
}

/// Whether bytes are one whole BSON document, its own fields decodable.
fn is_document(bytes: &[u8]) -> bool {
    Document::new(bytes).is_ok_and(|d| d.is_whole())
}

/// A page below a plain one that cannot be what its flags say: a file is encrypted as a whole or not
/// at all, and compressed only by the compressor of its configuration.
pub(super) fn alien(shape: &Shape<'_>, headers: &Headers, address: &LocalAddress) -> Option<Fault> {
    let fault = |why| Some(Fault::at(FaultKind::Header, address, Fact::Alien { why }));
    if headers.page.is_encrypted() {
        return fault(Opaque::Encrypted);
    }
    let configured = !shape.entry.key_format.is_empty();
    if configured && shape.entry.compressor.is_empty() { fault(Opaque::UnknownCompressor) } else { None }
}

/// Verify an overflow item.
pub(super) fn overflow(shape: &Shape<'_>, address: &LocalAddress, known: bool, faults: &mut Vec<Fault>) {
    let mut buffer = Vec::new();
    let stored = shape::load(shape, address, known, &mut buffer, faults);
    if !known {
        (shape.progress)(1, u64::from(address.size));
    }
    let Some((stored, headers)) = stored.and_then(|s| Headers::read(s).ok().map(|h| (s, h))) else { return };
    if let Some(broken) = rules::header(stored, &headers.page, &headers.block) {
        faults.push(breach(address, broken, true));
        return;
    }
    match local_image::plain(stored, &headers.page, shape.entry.compression()) {
        Ok(plain) => {
            let item = Page::new(&plain).map_err(|e| Broken::new(Rule::Type, 0, What::Header(e)));
            if let Err(broken) = item.and_then(|p| rules::overflow_item(&p).map(|_| ())) {
                faults.push(breach(address, broken, !headers.page.is_compressed()));
            }
        }
        Err(e) if e.class == Class::Unsupported => faults.extend(alien(shape, &headers, address)),
        Err(e) => {
            faults.push(Fault::at(FaultKind::Undecodable, address, Fact::Undecodable { item: true, error: e }));
        }
    }
}

fn read_item(shape: &Shape<'_>, item: &OverflowRef, task: &LeafTask, seen: &Seen) -> Overflow {
    let mut faults = Vec::new();
    if task.kind == CellKind::AddrLeafNoOverflow {
        let fact = Fact::UnannouncedItem { at: item.address.offset };
        faults.push(Fault::at(FaultKind::Header, &task.address, fact));
    }
    // Items may be long, and a hostile leaf may name one of them a thousand times.
    if seen.has_item(&item.address) && shape::is_stated(shape, &item.address) {
        return Overflow { address: item.address, faults };
    }
    let before = faults.len();
    overflow(shape, &item.address, seen.has(&item.address), &mut faults);
    if faults.len() == before {
        seen.add_item(&item.address);
    }
    Overflow { address: item.address, faults }
}

/// The bytes of an overflow item; `None` if it cannot be had, which [`overflow`] tells.
pub(super) fn item(shape: &Shape<'_>, address: &LocalAddress) -> Option<Vec<u8>> {
    let mut buffer = Vec::new();
    let stored = shape::load(shape, address, false, &mut buffer, &mut Vec::new())?;
    let headers = Headers::read(stored).ok()?;
    let plain = local_image::plain(stored, &headers.page, shape.entry.compression()).ok()?;
    Some(rules::overflow_item(&Page::new(&plain).ok()?).ok()?.to_vec())
}

/// The rows of a page that is lost, between two separators. `is_leaf`: it has rows itself; else pages with rows. `timeless`: none of them
/// has times, so none is deleted.
pub(super) fn lost_rows(
    shape: &Shape<'_>,
    address: &LocalAddress,
    lower: Option<&Bound>,
    upper: Option<&Bound>,
    is_leaf: bool,
    timeless: bool,
) -> LostRows {
    let entry = shape.entry;
    let text = |bound: &Bound| match bound {
        Bound::Key(key) => Some(KeyText::of(&entry.key_format, key)),
        Bound::Record(record) => Some(KeyText::record(*record)),
        Bound::Overflow(_) => None,
    };
    let (from, to) = (lower.and_then(text), upper.and_then(text));
    let stated = is_leaf.then(|| shape::stated_rows(shape, address)).flatten();
    let rows = match stated {
        // Rows that are deleted are not lost.
        Some((least, most)) => Bounds { least: if timeless { least } else { 0 }, most: Some(most) },
        None if is_leaf && entry.compressor.is_empty() && entry.key_format != "r" => {
            Bounds { least: 0, most: Some(lost::most_on(address.size)) }
        }
        None => Bounds::default(),
    };
    let rows = lost::narrowed(rows, from.as_ref(), to.as_ref());
    LostRows { from, to, rows, documents: entry.documents }
}
