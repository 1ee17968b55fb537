//! Page content after merging a base image with its deltas (spec 04.5 to 04.7): children of internal
//! pages, rows of leaf pages. Knows all delta forms: current (`Bu`, `uB`) and June 2025.

use super::cell::{Cell, CellKind, Cells, KeyBuilder, TS_MAX, TXN_MAX, Times, Truncate};
use crate::format::image::Era;
use crate::format::page_header::PageHeader;
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};
use std::collections::BTreeMap;

/// Delta flag "is delete" of June 2025; its value since October 2025 is unconfirmed (15 U2).
pub const OLD_FLAG_DELETE: u8 = 0x40;

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

impl<'a> Body<'a> {
    fn cells(&self) -> Cells<'a> {
        Cells::new(self.plain, self.start, self.header.flags)
    }
}

/// The form of a leaf delta's payload (04.5.1).
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
}

/// Children of an internal page, and the first thing that was wrong with it.
///
/// What could be decoded is returned beside the error, so that an audit can go on below a damaged
/// page; each child cookie carries its own checksum, so nothing false can follow from it.
#[derive(Debug, Clone, Default)]
pub struct Children<'a> {
    /// The children in key order.
    pub list: Vec<Child<'a>>,
    /// The first violation.
    pub error: Option<FormatError>,
}

/// Merge an internal page (04.6): the first base key stays, newer deltas win, type 13 removes.
#[must_use]
pub fn children<'a>(base: &Body<'a>, deltas: &[Body<'a>]) -> Children<'a> {
    let mut error = None;
    let mut list = Vec::new();
    let mut room = Room::new();
    note(&mut error, read_pairs(base, false, &mut room, &mut |child| list.push(child)));
    if deltas.is_empty() {
        return Children { list, error };
    }
    let mut entries = list.into_iter();
    // The 0th key is truncated; real deltas repeat it as it stands to change the first child
    // (seen in stores of June 2025; 04.5.2 and 15 U10 expect a full image instead).
    let mut first = entries.next();
    let first_key = first.map(|c| c.key);
    let mut merged: BTreeMap<&[u8], Child<'a>> = entries.map(|c| (c.key, c)).collect();
    for delta in deltas {
        let mut apply = |child: Child<'a>| {
            if Some(child.key) == first_key {
                first = Some(child).filter(|c| c.kind != CellKind::AddrGone);
            } else if child.kind == CellKind::AddrGone {
                merged.remove(child.key);
            } else {
                merged.insert(child.key, child);
            }
        };
        note(&mut error, read_pairs(delta, true, &mut room, &mut apply));
    }
    Children { list: first.into_iter().chain(merged.into_values()).collect(), error }
}

/// Whether a leaf, or a leaf delta of the current era, has an overflow item, as far as it can be read.
#[must_use]
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

/// Keep the first error only.
fn note(slot: &mut Option<FormatError>, result: Result<()>) {
    if let (None, Err(e)) = (&slot, result) {
        *slot = Some(e);
    }
}

/// Read (key, address) pairs of an internal page or delta.
fn read_pairs<'a>(body: &Body<'a>, delta: bool, room: &mut Room, f: &mut dyn FnMut(Child<'a>)) -> Result<()> {
    if delta && body.era == Era::June2025 {
        return read_old_internal(body, room, f);
    }
    let mut key: Option<Cell<'a>> = None;
    let mut count = 0_u32;
    for cell in body.cells() {
        let cell = cell?;
        count = count.saturating_add(1);
        match (key.take(), cell.kind.is_key(), cell.kind.is_addr()) {
            (None, true, _) => key = Some(cell),
            (Some(k), _, true) => {
                room.take::<Child<'_>>(0)?;
                f(child(&k, &cell, delta)?);
            }
            _ => {
                return Err(FormatError::invalid(format!(
                    "internal page has a {:?} cell at offset {} where keys and addresses alternate",
                    cell.kind, cell.offset
                )));
            }
        }
    }
    if key.is_some() {
        return Err(FormatError::invalid("internal page ends with a key"));
    }
    if count != body.header.entries {
        return Err(FormatError::invalid(format!("page has {count} cells, its header says {}", body.header.entries)));
    }
    Ok(())
}

/// Internal delta of June 2025: flag byte, key cell, and unless deleted an address cell (04.7).
fn read_old_internal<'a>(body: &Body<'a>, room: &mut Room, f: &mut dyn FnMut(Child<'a>)) -> Result<()> {
    let mut at = body.start;
    while at < body.plain.len() {
        room.take::<Child<'_>>(0)?;
        let flags = Reader::at(body.plain, at)?.u8()?;
        let key = Cell::read(body.plain, at.saturating_add(1), body.header.flags)?;
        if !key.kind.is_key() {
            return Err(FormatError::invalid(format!("internal delta has no key at offset {}", key.offset)));
        }
        if flags & 0x01 != 0 {
            f(Child {
                key: key.data,
                overflow_key: false,
                kind: CellKind::AddrGone,
                times: Times::EMPTY,
                truncate: None,
                cookie: &[],
            });
            at = key.end;
        } else {
            let addr = Cell::read(body.plain, key.end, body.header.flags)?;
            f(child(&key, &addr, true)?);
            at = addr.end;
        }
    }
    Ok(())
}

pub(super) fn child<'a>(key: &Cell<'a>, addr: &Cell<'a>, delta: bool) -> Result<Child<'a>> {
    if !addr.kind.is_addr() || (addr.kind == CellKind::AddrGone && !delta) {
        return Err(FormatError::invalid(format!("{:?} cell at offset {} is no child", addr.kind, addr.offset)));
    }
    if key.prefix != 0 {
        return Err(FormatError::invalid(format!(
            "prefix-compressed key on an internal page at offset {}",
            key.offset
        )));
    }
    Ok(Child {
        key: key.data,
        overflow_key: key.kind == CellKind::KeyOverflow,
        kind: addr.kind,
        times: addr.times,
        truncate: addr.truncate,
        cookie: addr.data,
    })
}

/// A leaf row's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafValue<'a> {
    /// The bytes.
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
    /// The value.
    pub value: LeafValue<'a>,
}

/// Rows of a leaf page, and the first thing that was wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Rows<'a> {
    /// The rows in key order.
    pub list: Vec<LeafRow<'a>>,
    /// The first violation.
    pub error: Option<FormatError>,
    /// Keys that do not ascend within the base image or a delta: their number, and the first one's offset.
    pub out_of_order: Option<(u64, usize)>,
    /// The payload form of the deltas, where there were any of the current era.
    pub form: Option<PayloadForm>,
}

/// Merge a row-store leaf page (04.6, 05.7).
#[must_use]
pub fn rows<'a>(base: &Body<'a>, deltas: &[Body<'a>]) -> Rows<'a> {
    let mut out = Rows::default();
    let mut room = Room::new();
    let result = read_leaf(base, &mut room, &mut out);
    note(&mut out.error, result);
    if deltas.is_empty() {
        return out;
    }
    let mut merged: BTreeMap<Vec<u8>, LeafRow<'a>> =
        std::mem::take(&mut out.list).into_iter().map(|r| (r.key.clone(), r)).collect();
    for delta in deltas {
        let result = read_leaf_delta(delta, &mut room, &mut out, &mut |key, change| {
            match change {
                Some((times, value)) => {
                    let row = LeafRow { key: key.clone(), overflow_key: false, times, value };
                    merged.insert(key, row);
                }
                None => {
                    merged.remove(&key);
                }
            };
        });
        note(&mut out.error, result);
    }
    out.list = merged.into_values().collect();
    out
}

/// Tracks that keys ascend; byte order is the order of every btree without a collator.
#[derive(Default)]
struct Order {
    previous: Option<Vec<u8>>,
}

impl Order {
    fn check(&mut self, key: &[u8], offset: usize, out: &mut Option<(u64, usize)>) {
        if self.previous.as_deref().is_some_and(|p| p >= key) {
            let (count, first) = out.unwrap_or((0, offset));
            *out = Some((count + 1, first));
        }
        let slot = self.previous.get_or_insert_default();
        slot.clear();
        slot.extend_from_slice(key);
    }
}

fn read_leaf<'a>(body: &Body<'a>, room: &mut Room, out: &mut Rows<'a>) -> Result<()> {
    let mut keys = KeyBuilder::default();
    let mut order = Order::default();
    let mut count = 0_u32;
    let mut open = false;
    for cell in body.cells() {
        let cell = cell?;
        count = count.saturating_add(1);
        if cell.kind.is_key() {
            let overflow_key = cell.kind != CellKind::Key;
            let key = if overflow_key { cell.data.to_vec() } else { keys.full(&cell)?.to_vec() };
            if !overflow_key {
                order.check(&key, cell.offset, &mut out.out_of_order);
            }
            room.take::<LeafRow<'_>>(key.len())?;
            // Until a value follows, the key stands for the empty value with the empty window.
            out.list.push(LeafRow { key, overflow_key, times: Times::EMPTY, value: LeafValue::Plain(&[]) });
            open = true;
        } else if cell.kind.is_value() && cell.kind != CellKind::Deleted {
            let row = out
                .list
                .last_mut()
                .filter(|_| open)
                .ok_or_else(|| FormatError::invalid(format!("value without a key at offset {}", cell.offset)))?;
            row.times = cell.times;
            row.value = leaf_value(body, &cell)?;
            open = false;
        } else {
            return Err(FormatError::invalid(format!("{:?} cell on a leaf page at offset {}", cell.kind, cell.offset)));
        }
    }
    if count != body.header.entries {
        return Err(FormatError::invalid(format!("page has {count} cells, its header says {}", body.header.entries)));
    }
    Ok(())
}

fn leaf_value<'a>(body: &Body<'a>, cell: &Cell<'a>) -> Result<LeafValue<'a>> {
    match cell.kind {
        CellKind::ValueOverflow | CellKind::ValueOverflowRemoved => Ok(LeafValue::Overflow(cell.data)),
        CellKind::ValueCopy => {
            let target = cell
                .copy_distance
                .and_then(|d| usize::try_from(d).ok())
                .and_then(|d| cell.offset.checked_sub(d))
                .filter(|at| *at >= body.start && *at < cell.offset)
                .ok_or_else(|| FormatError::invalid(format!("value copy at offset {} points outside", cell.offset)))?;
            let source = Cell::read(body.plain, target, body.header.flags)?;
            match source.kind {
                CellKind::Value => Ok(LeafValue::Plain(source.data)),
                CellKind::ValueOverflow => Ok(LeafValue::Overflow(source.data)),
                k => Err(FormatError::invalid(format!("value copy at offset {} points at a {k:?} cell", cell.offset))),
            }
        }
        _ => Ok(LeafValue::Plain(cell.data)),
    }
}

/// What a delta does to one key: a new window and value, or a delete.
type Change<'a> = Option<(Times, LeafValue<'a>)>;

fn read_leaf_delta<'a>(
    body: &Body<'a>,
    room: &mut Room,
    out: &mut Rows<'a>,
    f: &mut dyn FnMut(Vec<u8>, Change<'a>),
) -> Result<()> {
    if body.era == Era::June2025 {
        return read_old_leaf(body, room, f);
    }
    let mut keys = KeyBuilder::default();
    let mut order = Order::default();
    let mut pending: Option<Vec<u8>> = None;
    let mut count = 0_u32;
    for cell in body.cells() {
        let cell = cell?;
        count = count.saturating_add(1);
        match pending.take() {
            None if cell.kind == CellKind::Key => {
                let key = keys.full(&cell)?.to_vec();
                order.check(&key, cell.offset, &mut out.out_of_order);
                pending = Some(key);
            }
            Some(key) if cell.kind == CellKind::Value => {
                let (form, flags, value) = split_payload(cell.data)?;
                out.form.get_or_insert(form);
                room.take::<LeafRow<'_>>(key.len().saturating_mul(2))?;
                let delete = flags != 0 && value.is_empty();
                f(key, (!delete).then_some((cell.times, LeafValue::Plain(value))));
            }
            _ => {
                return Err(FormatError::invalid(format!(
                    "leaf delta has a {:?} cell at offset {} where keys and values alternate",
                    cell.kind, cell.offset
                )));
            }
        }
    }
    if pending.is_some() || count != body.header.entries {
        return Err(FormatError::invalid(format!("delta has {count} cells, its header says {}", body.header.entries)));
    }
    Ok(())
}

/// Leaf delta of June 2025: flag byte, optional times, sizes, key, value (04.7).
fn read_old_leaf<'a>(body: &Body<'a>, room: &mut Room, f: &mut dyn FnMut(Vec<u8>, Change<'a>)) -> Result<()> {
    let mut r = Reader::at(body.plain, body.start)?;
    while !r.is_empty() {
        room.take::<LeafRow<'_>>(0)?;
        let flags = r.u8()?;
        if flags & OLD_FLAG_DELETE != 0 {
            let n = r.vlen()?;
            f(r.take(n)?.to_vec(), None);
            continue;
        }
        let mut read = |bit: u8, default: u64| if flags & bit != 0 { r.vuint() } else { Ok(default) };
        let start_txn = read(0x01, 0)?;
        let start_ts = read(0x02, 0)?;
        let durable_start_ts = read(0x04, start_ts)?;
        let stop_txn = read(0x08, TXN_MAX)?;
        let stop_ts = read(0x10, TS_MAX)?;
        let durable_stop_ts = read(0x20, if stop_ts == TS_MAX { 0 } else { stop_ts })?;
        let times =
            Times { start_ts, start_txn, durable_start_ts, stop_ts, stop_txn, durable_stop_ts, prepared: false };
        let key_len = r.vlen()?;
        let value_len = r.vlen()?;
        let key = r.take(key_len)?.to_vec();
        let value = r.take(value_len)?;
        f(key, Some((times, LeafValue::Plain(value))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cookie::Cookie;
    use crate::format::image::Image;
    use proptest::prelude::*;

    const LEAF: &str = "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c";
    const LEAF_DELTA: &str = "00000000000000000600000000000000470000000400000007000000dd01012c3e0079dff56b071c01000000156170706c658c08a0808600677265656e1d61707269636f740701";
    const ROOT: &str = "000000000000000005000000000000004e0000000400000006200001db01012c4bee285200000000010000000500308c00c026809494c013f56b071c0d636174308c00c027809595c1c00df0feca";
    const ROOT_DELTA: &str = "00000000000000000700000000000000470000000400000006000000dd01012c357daac84bee2852010000000d636174d0800d646f67380a90908c00c028809a9ac0ec04030201";

    fn body(bytes: &[u8]) -> Body<'_> {
        let image = Image::parse(bytes, None).unwrap();
        Body { plain: bytes, start: image.data_offset(), header: image.page, era: image.era }
    }

    #[test]
    fn internal_merge_of_06_7() {
        let (base, delta) = (hex::decode(ROOT).unwrap(), hex::decode(ROOT_DELTA).unwrap());
        let alone = children(&body(&base), &[]);
        assert_eq!(alone.error, None);
        let pages = |c: &Children<'_>| -> Vec<_> {
            c.list.iter().map(|c| Cookie::decode(c.cookie).unwrap()).map(|c| (c.page_id.get(), c.lsn.get())).collect()
        };
        assert_eq!(pages(&alone), [(102, 20), (103, 21)]);
        let merged = children(&body(&base), &[body(&delta)]);
        assert_eq!(merged.error, None);
        assert_eq!(pages(&merged), [(102, 20), (104, 26)]);
        assert_eq!((merged.list[1].key, merged.list[1].times.durable_start_ts), (&b"dog"[..], 32));
    }

    #[test]
    fn leaf_merge_of_04_8() {
        let (base, delta) = (hex::decode(LEAF).unwrap(), hex::decode(LEAF_DELTA).unwrap());
        let merged = rows(&body(&base), &[body(&delta)]);
        assert_eq!((merged.error, merged.out_of_order, merged.form), (None, None, Some(PayloadForm::Bu)));
        let shown: Vec<_> = merged.list.iter().map(|r| (r.key.clone(), r.value, r.times.start_ts)).collect();
        assert_eq!(
            shown,
            [(b"apple".to_vec(), LeafValue::Plain(b"green"), 32), (b"banana".to_vec(), LeafValue::Plain(b"yel"), 0)]
        );
    }

    #[test]
    fn payload_forms_of_14_7() {
        for (hex, form, flags, value) in [
            ("00677265656e", PayloadForm::Bu, 0, &b"green"[..]),
            ("85677265656e00", PayloadForm::Ub, 0, b"green"),
            ("01", PayloadForm::Bu, 1, b""),
            ("8001", PayloadForm::Ub, 1, b""),
        ] {
            assert_eq!(split_payload(&hex::decode(hex).unwrap()).unwrap(), (form, flags, value), "{hex}");
        }
        for hex in ["", "85677265656e", "8500", "81000001"] {
            assert!(split_payload(&hex::decode(hex).unwrap()).is_err(), "{hex}");
        }
    }

    #[test]
    fn what_follows_damage_is_kept_beside_the_error() {
        let mut base = hex::decode(ROOT).unwrap();
        let end = base.len() - 13;
        base[end] = 0x0f;
        let found = children(&body(&base), &[]);
        assert!(found.error.is_some());
        assert_eq!(found.list.len(), 1);
        let mut short = hex::decode(LEAF).unwrap();
        short[20] = 7;
        assert!(rows(&body(&short), &[]).error.is_some());
    }

    #[test]
    fn keys_out_of_order_are_counted() {
        let mut base = hex::decode(LEAF).unwrap();
        base[45] = b'z';
        assert_eq!(rows(&body(&base), &[]).out_of_order, Some((1, 72)));
    }

    proptest! {
        #[test]
        fn any_bytes_merge(a in proptest::collection::vec(any::<u8>(), 44..200), b in proptest::collection::vec(any::<u8>(), 36..200), old: bool) {
            let parse = |bytes| Image::parse(bytes, None).map(|i| i.page);
            if let (Ok(pa), Ok(pb)) = (parse(&a), parse(&b)) {
                let era = if old { Era::June2025 } else { Era::Current };
                let base = Body { plain: &a, start: 44, header: pa, era: Era::Current };
                let delta = Body { plain: &b, start: 36, header: pb, era };
                let _ = (children(&base, &[delta]), rows(&base, &[delta]));
            }
        }
    }
}
