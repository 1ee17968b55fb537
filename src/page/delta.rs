//! Page content after merging a base image with its deltas: children of internal
//! pages, rows of leaf pages, of all delta forms: current (`Bu`, `uB`) and June 2025. The blocks are read
//! and judged by the readers of all pages; here their contents come together.

use super::RowCounts;
use super::cell::{Cell, CellKind, Times, Truncate};
use super::form::{Cookies, Form};
use super::internal;
use super::leaf::{self, Leaf, Options, Row, Value};
use super::old_delta;
use super::rules::{Breaches, Broken, Harm, Page, Rule, log_header};
use super::what::{Wanted, What};
use super::windows;
use crate::format::image::Era;
use crate::format::page_header::{PageHeader, PageType};
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};
use std::collections::BTreeMap;

/// Most memory that the rows or the children of one page may take. A cell of two bytes can stand for a key
/// of hundreds, and a block that is a stream of nothing else for half a gigabyte of such cells; a page that
/// the engine wrote has a few thousand rows.
const MAX_MERGED: usize = 256 << 20;

/// The plain (decompressed) form of one block of a chain.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// Exactly mem_size bytes.
    pub plain: &'a [u8],
    /// Where the cells start.
    pub start: usize,
    /// The block's page header.
    pub header: PageHeader,
    /// The block's header layout.
    pub era: Era,
}

/// Flag of a leaf delta's payload, where the flag byte comes first: the key is deleted.
pub const LEAF_DELETE: u8 = 0x1;

/// The form of a leaf delta's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadForm {
    /// Flag byte first, since 2026-02-17.
    Bu,
    /// Length, value, flag byte, from October 2025 on.
    Ub,
}

/// Split the payload of a leaf delta's value cell: form, delta flags, value.
pub fn split_payload(payload: &[u8]) -> Result<(PayloadForm, u8, &[u8])> {
    match payload.split_first() {
        None => Err(FormatError::invalid("leaf delta payload is empty")),
        Some((flags, value)) if *flags < 0x80 => Ok((PayloadForm::Bu, *flags, value)),
        Some(_) => {
            let mut r = Reader::new(payload);
            let n = r.vlen()?;
            let value = r.take(n)?;
            let flags = r.u8()?;
            if !r.is_empty() {
                return Err(FormatError::invalid(format!("leaf delta payload has {} bytes too many", r.remaining())));
            }
            Ok((PayloadForm::Ub, flags, value))
        }
    }
}

/// Whether the payload of a leaf delta deletes its key. Where the flag byte came last, its values are not known.
pub fn deletes(form: PayloadForm, flags: u8, value: &[u8]) -> bool {
    match form {
        PayloadForm::Bu => flags & LEAF_DELETE != 0,
        PayloadForm::Ub => flags != 0 && value.is_empty(),
    }
}

/// The broken rules of one block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Which block: 0 is the base image, 1 the first delta.
    pub block: usize,
    /// What is wrong with it.
    pub breaches: Breaches,
}

/// Keep the broken rules of a block, if there are any.
fn keep(broken: &mut Vec<Judged>, block: usize, breaches: Breaches) {
    if !breaches.is_empty() {
        broken.push(Judged { block, breaches });
    }
}

/// The first broken rule for which rows or children may be missing.
pub fn lost(broken: &[Judged]) -> Option<&Broken> {
    broken.iter().flat_map(|j| &j.breaches.list).find(|b| b.rule.harm() == Harm::Lost)
}

/// A child of an internal page after merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// The separator key; meaningless for the first child.
    pub key: &'a [u8],
    /// The separator is an overflow item, `key` its cookie.
    pub overflow_key: bool,
    /// Address kind; never [`CellKind::AddrGone`].
    pub kind: CellKind,
    /// Aggregated validity of everything below.
    pub times: Times,
    /// Fast-truncate information of a deleted child.
    pub truncate: Option<Truncate>,
    /// The cookie, not decoded.
    pub cookie: &'a [u8],
    /// Offset of the address cell in its block.
    pub at: usize,
    /// Which block the address is in: 0 is the base image.
    pub block: usize,
}

/// Children of an internal page, and what was wrong with it.
///
/// What could be decoded is returned beside the broken rules, so that an audit can go on below a damaged
/// page; each child cookie carries its own checksum, so nothing false can follow from it.
#[derive(Debug, Clone, Default)]
pub struct Children<'a> {
    /// The children in key order.
    pub list: Vec<Child<'a>>,
    /// The broken rules, by block.
    pub broken: Vec<Judged>,
    /// The write generation of the newest block.
    pub generation: u64,
}

impl Children<'_> {
    /// The first reason why children may be missing.
    pub fn lost(&self) -> Option<&Broken> {
        lost(&self.broken)
    }

    /// Judge what needs more than the cells: the blocks' headers, and what the cell above says.
    pub fn judge(&mut self, base: &Body<'_>, deltas: &[Body<'_>], above: Above<'_>) {
        let mut broken = judge_headers(base, deltas, above);
        for judged in std::mem::take(&mut self.broken) {
            join(&mut broken, judged);
        }
        for child in self.list.iter().filter(|_| above.times.is_some()) {
            let fits = |above| windows::aggregate_fits(&child.times, child.truncate.as_ref(), above, None);
            if let Some(Err(clash)) = above.times.map(fits) {
                note(&mut broken, child.block, Rule::Window, child.at, clash);
            }
        }
        self.broken = broken;
    }
}

/// What the page above, or the checkpoint above a root, says of a page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Above<'t> {
    /// The aggregate, where times are to be compared with it.
    pub times: Option<&'t Times>,
    /// The write generation of the page above.
    pub generation: Option<u64>,
    /// The address cell says that there is no overflow item.
    pub no_overflow: bool,
}

/// The rules of the headers of all blocks of a page.
fn judge_headers(base: &Body<'_>, deltas: &[Body<'_>], above: Above<'_>) -> Vec<Judged> {
    let mut out = Vec::new();
    let mut previous: Option<u64> = None;
    for (body, block) in std::iter::once(base).chain(deltas).zip(0..) {
        let Ok(page) = Page::of_body(body, block > 0) else { continue };
        let mut breaches = Breaches::of(page.form);
        if let Some(broken) = log_header(&page) {
            breaches.add(broken.rule, broken.at, || broken.what);
        }
        let own = body.header.write_gen;
        if let Some(before) = previous.filter(|p| *p >= own) {
            breaches.add(Rule::Generation, 0, || What::GenerationOrder { own, before });
        }
        previous = Some(own);
        keep(&mut out, block, breaches);
    }
    if let (Some(own), Some(parent)) = (previous, above.generation)
        && own >= parent
    {
        note(&mut out, deltas.len(), Rule::Generation, 0, What::Generation { own, above: parent });
    }
    out
}

/// Add the broken rules of a block to those of the same block.
fn join(to: &mut Vec<Judged>, more: Judged) {
    match to.iter_mut().find(|j| j.block == more.block) {
        Some(judged) => append(&mut judged.breaches, more.breaches),
        None => to.push(more),
    }
}

/// Note a broken rule of a block.
fn note(broken: &mut Vec<Judged>, block: usize, rule: Rule, at: usize, what: impl Into<What>) {
    let judged = match broken.iter().position(|j| j.block == block) {
        Some(found) => broken.get_mut(found),
        None => {
            broken.push(Judged { block, breaches: Breaches::default() });
            broken.last_mut()
        }
    };
    if let Some(judged) = judged {
        judged.breaches.add(rule, at, || what);
    }
}

/// Merge an internal page: the first base key stays, newer deltas win, type 13 removes.
pub fn children<'a>(base: &Body<'a>, deltas: &[Body<'a>]) -> Children<'a> {
    let generation = deltas.last().unwrap_or(base).header.write_gen;
    let mut out = Children { generation, ..Children::default() };
    let mut room = Room::new();
    let mut list = Vec::new();
    read_children(base, 0, &mut room, &mut out.broken, &mut |child| list.push(child));
    if deltas.is_empty() {
        out.list = list;
        return out;
    }
    let mut entries = list.into_iter();
    // The 0th key is truncated; real deltas repeat it as it stands to change the first child
    // (seen in stores of June 2025; a full image was expected instead).
    let mut first = entries.next();
    let first_key = first.map(|c| c.key);
    let mut merged: BTreeMap<&[u8], Child<'a>> = entries.map(|c| (c.key, c)).collect();
    for (delta, block) in deltas.iter().zip(1..) {
        read_children(delta, block, &mut room, &mut out.broken, &mut |child| {
            if Some(child.key) == first_key {
                first = Some(child).filter(|c| c.kind != CellKind::AddrGone);
            } else if child.kind == CellKind::AddrGone {
                merged.remove(child.key);
            } else {
                merged.insert(child.key, child);
            }
        });
    }
    out.list = first.into_iter().chain(merged.into_values()).collect();
    out
}

/// Read the keys and addresses of one block.
fn read_children<'a>(
    body: &Body<'a>,
    block: usize,
    room: &mut Room,
    broken: &mut Vec<Judged>,
    f: &mut dyn FnMut(Child<'a>),
) {
    let Some(page) = page(body, block, broken) else { return };
    let mut full = false;
    let mut give = |child: Child<'a>| {
        full |= room.take::<Child<'_>>(0).is_err();
        if !full {
            f(child);
        }
    };
    let mut breaches = if page.form == Form::Delta(Era::June2025) && page.kind == PageType::RowInternal {
        old_delta::children(&page, &mut |entry| {
            let address = entry.address.as_ref();
            give(Child {
                key: entry.key.data,
                overflow_key: address.is_some() && entry.key.kind == CellKind::KeyOverflow,
                kind: address.map_or(CellKind::AddrGone, |a| a.kind),
                times: address.map_or(Times::EMPTY, |a| a.times),
                truncate: address.and_then(|a| a.truncate),
                cookie: address.map_or(&[], |a| a.data),
                at: address.map_or(entry.at, |a| a.offset),
                block,
            });
        })
    } else {
        let found = internal::children(&page, Cookies, true, &mut |c| {
            give(Child {
                key: c.key,
                overflow_key: c.key_is_item,
                kind: c.kind,
                times: c.times,
                truncate: c.truncate,
                cookie: c.address.unwrap_or_default(),
                at: c.at,
                block,
            });
        });
        found.breaches
    };
    if full {
        breaches.add(Rule::Entries, 0, || What::TooMuch(MAX_MERGED));
    }
    keep(broken, block, breaches);
}

/// The page in a block; `None` after noting why there is none.
pub fn page<'a>(body: &Body<'a>, block: usize, broken: &mut Vec<Judged>) -> Option<Page<'a>> {
    match Page::of_body(body, block > 0) {
        Ok(page) => Some(page),
        Err(e) => {
            let mut breaches = Breaches::default();
            breaches.add(Rule::Type, super::header::at::TYPE, || What::Header(e));
            keep(broken, block, breaches);
            None
        }
    }
}

/// Whether a leaf, or a leaf delta of the current era, has an overflow item, as far as it can be read.
pub fn has_overflow(body: &Body<'_>) -> bool {
    let mut at = body.start;
    while at < body.plain.len() {
        let fast = super::fast_cell::read(body.plain, at);
        let Some(cell) = fast.or_else(|| Cell::read(body.plain, at, body.header.flags).ok()) else { return false };
        if matches!(cell.kind, CellKind::KeyOverflow | CellKind::ValueOverflow) {
            return true;
        }
        at = cell.end;
    }
    false
}

/// What is left of [`MAX_MERGED`].
pub(super) struct Room(usize);

impl Room {
    pub(super) fn new() -> Self {
        Self(MAX_MERGED)
    }

    /// Take room for one entry and the bytes it owns.
    pub(super) fn take<T>(&mut self, bytes: usize) -> Result<()> {
        let wanted = size_of::<T>().saturating_add(bytes);
        let left = self.0.checked_sub(wanted);
        self.0 = left.ok_or_else(|| FormatError::invalid(format!("content of more than {MAX_MERGED} bytes")))?;
        Ok(())
    }
}

/// The child that a key cell and an address cell of a base image make, if they break no rule.
pub(super) fn child<'a>(key: &Cell<'a>, addr: &Cell<'a>) -> Option<Child<'a>> {
    let is_key = matches!(key.kind, CellKind::Key | CellKind::KeyOverflow);
    let is_addr = addr.kind.is_addr() && addr.kind != CellKind::AddrGone;
    if !is_key || !is_addr || key.prefix != 0 || key.run.is_some() || addr.run.is_some() {
        return None;
    }
    Some(Child {
        key: key.data,
        overflow_key: key.kind == CellKind::KeyOverflow,
        kind: addr.kind,
        times: addr.times,
        truncate: addr.truncate,
        cookie: addr.data,
        at: addr.offset,
        block: 0,
    })
}

/// A leaf row's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafValue<'a> {
    Plain(&'a [u8]),
    /// The cookie of an overflow page.
    Overflow(&'a [u8]),
}

/// A leaf row after merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow<'a> {
    /// The full key; for an overflow key its cookie.
    pub key: Vec<u8>,
    /// The key is an overflow item.
    pub overflow_key: bool,
    /// The value's time window.
    pub times: Times,
    pub value: LeafValue<'a>,
    /// Offset of the row in its block.
    pub at: usize,
    /// Which block it is in: 0 is the base image.
    pub block: usize,
}

/// Rows of a leaf page, and what was wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Rows<'a> {
    /// The rows in key order.
    pub list: Vec<LeafRow<'a>>,
    /// The broken rules, by block.
    pub broken: Vec<Judged>,
    /// The payload form of the deltas, where there were any of the current era.
    pub form: Option<PayloadForm>,
}

impl Rows<'_> {
    /// The first reason why rows may be missing.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn lost(&self) -> Option<&Broken> {
        lost(&self.broken)
    }
}

/// Merge a row-store leaf page.
pub fn rows<'a>(base: &Body<'a>, deltas: &[Body<'a>]) -> Rows<'a> {
    let mut out = Rows::default();
    let mut room = Room::new();
    let mut list = Vec::new();
    read_rows(base, 0, &mut room, &mut out, &mut |row, value| {
        let (key, overflow_key) = match (row.key, row.item) {
            // An overflow key is known by its cookie alone.
            (_, Some(cookie)) => (cookie, true),
            (Some(key), None) => (key, false),
            (None, None) => return,
        };
        if let Some(value) = value {
            list.push(LeafRow { key: key.to_vec(), overflow_key, times: row.times, value, at: row.at, block: 0 });
        }
    });
    if deltas.is_empty() {
        out.list = list;
        return out;
    }
    let mut merged: BTreeMap<Vec<u8>, LeafRow<'a>> = list.into_iter().map(|r| (r.key.clone(), r)).collect();
    for (delta, block) in deltas.iter().zip(1..) {
        read_rows(delta, block, &mut room, &mut out, &mut |row, value| {
            let Some(key) = row.key else { return };
            match value {
                Some(value) => {
                    let (times, at) = (row.times, row.at);
                    let row = LeafRow { key: key.to_vec(), overflow_key: false, times, value, at, block };
                    merged.insert(key.to_vec(), row);
                }
                None => {
                    merged.remove(key);
                }
            }
        });
    }
    out.list = merged.into_values().collect();
    out
}

/// A row of a page log's block.
type LogRow<'k, 'a> = Row<'k, 'a, &'a [u8]>;

/// Read the rows of one block; without a value the key is deleted.
fn read_rows<'a>(
    body: &Body<'a>,
    block: usize,
    room: &mut Room,
    out: &mut Rows<'a>,
    f: &mut dyn FnMut(&LogRow<'_, 'a>, Option<LeafValue<'a>>),
) {
    let Some(page) = page(body, block, &mut out.broken) else { return };
    let mut full = false;
    let copies = if block == 0 { 1 } else { 2 };
    let mut leaf = read_leaf(&page, &mut |row| {
        let owned = row.key.map_or(0, <[u8]>::len).saturating_mul(copies);
        full |= room.take::<LeafRow<'_>>(owned).is_err();
        if full {
            return;
        }
        match row.value {
            Value::Inline(value) => f(row, Some(LeafValue::Plain(value))),
            Value::Empty => f(row, Some(LeafValue::Plain(&[]))),
            Value::Overflow(cookie) => f(row, Some(LeafValue::Overflow(cookie.unwrap_or_default()))),
            Value::Gone => f(row, None),
            _ => {}
        }
    });
    if full {
        leaf.breaches.add(Rule::Entries, 0, || What::TooMuch(MAX_MERGED));
    }
    out.form = out.form.or(leaf.payload);
    keep(&mut out.broken, block, leaf.breaches);
}

/// Read a leaf block of any form.
fn read_leaf<'a>(page: &Page<'a>, row: &mut dyn FnMut(&LogRow<'_, 'a>)) -> Leaf<&'a [u8]> {
    match page.kind {
        PageType::RowLeaf if page.form == Form::Delta(Era::June2025) => {
            let mut out = Leaf::new(page.form);
            let mut counted = |r: &LogRow<'_, 'a>| {
                if !matches!(r.value, Value::Gone) {
                    out.count(&r.times, 1, false);
                }
                row(r);
            };
            let breaches = old_delta::leaf(page, &mut counted);
            Leaf { breaches, ..out }
        }
        PageType::RowLeaf => leaf::leaf(page, &Options::deep(Cookies), &mut |_| None, row),
        found => {
            let mut out = Leaf::new(page.form);
            out.breaches.add(Rule::Type, super::header::at::TYPE, || What::Instead { found, wanted: Wanted::Leaf });
            out
        }
    }
}

/// What a leaf holds, without its rows.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Its rows after merging.
    pub rows: RowCounts,
    /// Cookies of overflow items; whether each is that of a key.
    pub overflows: Vec<(bool, Vec<u8>)>,
    /// The first key that is no overflow item.
    pub first_key: Option<Vec<u8>>,
    pub last_key: Option<Vec<u8>>,
    /// The broken rules, by block.
    pub broken: Vec<Judged>,
}

/// Read a leaf for its numbers, its overflow items and its broken rules, without keeping its rows where
/// there are no deltas. `above`: every rule is to be judged, with what the page above says.
pub fn summary(base: &Body<'_>, deltas: &[Body<'_>], above: Option<Above<'_>>) -> Summary {
    let times = above.and_then(|a| a.times);
    let mut out = if deltas.is_empty() { lone_image(base, times) } else { merged(base, deltas, times) };
    if let Some(above) = above {
        let mut broken = judge_headers(base, deltas, above);
        for judged in std::mem::take(&mut out.broken) {
            join(&mut broken, judged);
        }
        if above.no_overflow && !out.overflows.is_empty() {
            note(&mut broken, 0, Rule::Overflow, 0, What::OverflowBelow);
        }
        out.broken = broken;
    }
    out
}

fn lone_image(base: &Body<'_>, above: Option<&Times>) -> Summary {
    let mut out = Summary::default();
    let Some(page) = page(base, 0, &mut out.broken) else { return out };
    let mut unfit = Breaches::of(page.form);
    let mut leaf = read_leaf(&page, &mut |row| {
        if let Some(Err(clash)) = above.map(|above| windows::value_fits(&row.times, above)) {
            unfit.add(Rule::Window, row.at, || clash);
        }
    });
    out.rows = RowCounts { keys: leaf.rows, live: leaf.live };
    out.overflows = leaf.overflows.iter().map(|o| (o.key, o.address.to_vec())).collect();
    (out.first_key, out.last_key) = (leaf.first_key.take(), leaf.last_key.take());
    append(&mut leaf.breaches, unfit);
    keep(&mut out.broken, 0, leaf.breaches);
    out
}

pub fn merged(base: &Body<'_>, deltas: &[Body<'_>], above: Option<&Times>) -> Summary {
    let mut rows = rows(base, deltas);
    let mut out = Summary::default();
    for row in &rows.list {
        out.rows.keys += 1;
        out.rows.live += u64::from(!row.times.is_stopped());
        if let Some(Err(clash)) = above.map(|above| windows::value_fits(&row.times, above)) {
            note(&mut rows.broken, row.block, Rule::Window, row.at, clash);
        }
        if row.overflow_key {
            out.overflows.push((true, row.key.clone()));
        }
        if let LeafValue::Overflow(cookie) = row.value {
            out.overflows.push((false, cookie.to_vec()));
        }
    }
    let mut keys = rows.list.iter().filter(|r| !r.overflow_key).map(|r| &r.key);
    out.first_key = keys.next().cloned();
    out.last_key = keys.next_back().cloned().or_else(|| out.first_key.clone());
    out.broken = rows.broken;
    out
}

/// Add further broken rules of the same page.
fn append(to: &mut Breaches, more: Breaches) {
    for broken in more.list {
        to.add(broken.rule, broken.at, || broken.what);
    }
    to.more = to.more.saturating_add(more.more);
}
