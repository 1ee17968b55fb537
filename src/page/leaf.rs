//! Leaf pages: every row in order, what a page holds in numbers, and the
//! rules that a page can be judged by without its parent. Row leaves of both families, deltas of the
//! current form among them, and variable-length column leaves here; fixed-length ones in
//! `fixed`.

use super::cell::{Cell, CellKind, Cells, Times};
use super::delta::{self, PayloadForm};
use super::fast_cell;
use super::form::{self, Addresses};
use super::keys::Keys;
use super::rules::{Bounds, Breaches, OverflowRef, Page, Rule};
use super::what::{Wanted, What};
use super::windows;
use crate::format::local::LocalAddress;
use crate::format::page_header::{self, PageType};

/// Overflow items of one page that are kept; a page that the engine wrote has a few thousand cells.
const MAX_OVERFLOWS: usize = 1 << 20;

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<B = Bounds> {
    /// What bounds overflow addresses.
    pub bounds: B,
    /// Build the keys, give the rows, and apply every rule. Otherwise only cells are decoded: numbers,
    /// overflow addresses, and the rules that follow from cell types.
    pub deep: bool,
    /// Keys ascend in byte order; false for a table with a collator of its own.
    pub byte_order: bool,
    /// Bits of a value of a fixed-length column store; `None` takes the first width that fits.
    pub fixed_width: Option<u8>,
}

impl<B> Options<B> {
    /// Every rule, byte order, width unknown.
    pub fn deep(bounds: B) -> Self {
        Self { bounds, deep: true, byte_order: true, fixed_width: None }
    }

    /// Numbers and overflow addresses.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn quick(bounds: B) -> Self {
        Self { deep: false, ..Self::deep(bounds) }
    }
}

/// The value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a, A = LocalAddress> {
    /// No value cell: the empty value.
    Empty,
    /// On the page; copies are followed.
    Inline(&'a [u8]),
    /// In an overflow item; `None` if its address may not be followed.
    Overflow(Option<A>),
    /// A deleted value of a column store (type 4).
    Deleted,
    /// A value of a fixed-length column store.
    Number(u8),
    /// Of a delta: the key is removed.
    Gone,
    /// A copy that refers to no value, or a payload that says nothing; the page breaks [`Rule::Copy`] or
    /// [`Rule::Payload`].
    Unknown,
}

/// One row, or one run of equal records.
#[derive(Debug, Clone, Copy)]
pub struct Row<'k, 'a, A = LocalAddress> {
    /// Offset of the row's first cell in the plain page; of the byte that holds the value if it is a
    /// fixed-length column without window.
    pub at: usize,
    /// The full key of a row store; `None` in column stores, and if it could not be built.
    pub key: Option<&'k [u8]>,
    /// The overflow item that is the key, if it is one and its address may be followed.
    pub item: Option<A>,
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    /// The (first) record number in column stores, else 0.
    pub recno: u64,
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    /// Records, 1 in row stores.
    pub run: u64,
    pub value: Value<'a, A>,
    pub times: Times,
}

/// What a leaf page holds.
#[derive(Debug, Clone)]
pub struct Leaf<A = LocalAddress> {
    /// Rows of a row store, records of a column store.
    pub rows: u64,
    /// Those without a stop time, prepared ones included.
    pub live: u64,
    /// Those with a stop time.
    pub stopped: u64,
    /// Deleted records of a column store (type 4).
    pub deleted: u64,
    /// Those whose start or stop is prepared.
    pub prepared: u64,
    /// Key cells with a prefix.
    pub prefix_keys: u32,
    pub copies: u32,
    /// Overflow items referred to, in the order of the cells.
    pub overflows: Vec<OverflowRef<A>>,
    /// The first key of a row store that could be built or resolved. Only in the deep pass.
    pub first_key: Option<Vec<u8>>,
    /// The last one, likewise.
    pub last_key: Option<Vec<u8>>,
    /// Of a delta: the form of its first payload.
    pub payload: Option<PayloadForm>,
    /// Broken rules.
    pub breaches: Breaches,
}

impl<A> Leaf<A> {
    pub(super) fn new(form: super::form::Form) -> Self {
        Self {
            rows: 0,
            live: 0,
            stopped: 0,
            deleted: 0,
            prepared: 0,
            prefix_keys: 0,
            copies: 0,
            overflows: Vec::new(),
            first_key: None,
            last_key: None,
            payload: None,
            breaches: Breaches::of(form),
        }
    }

    /// Count a row or a run.
    #[inline(always)]
    pub(super) fn count(&mut self, times: &Times, run: u64, deleted: bool) {
        self.rows = self.rows.saturating_add(run);
        let kind = match (deleted, times.is_stopped()) {
            (true, _) => &mut self.deleted,
            (_, true) => &mut self.stopped,
            _ => &mut self.live,
        };
        *kind = kind.saturating_add(run);
        if times.prepared {
            self.prepared = self.prepared.saturating_add(run);
        }
    }

    /// Take in an overflow item, if it may be followed.
    fn refer(&mut self, at: usize, key: bool, address: Option<A>) {
        let Some(address) = address else { return };
        if self.overflows.len() < MAX_OVERFLOWS {
            self.overflows.push(OverflowRef { at, key, address });
        } else {
            self.breaches.add(Rule::Entries, at, || What::TooManyItems(MAX_OVERFLOWS));
        }
    }
}

/// Reads the item of an overflow key; `None` if it cannot be had.
pub type Resolve<'r, A = LocalAddress> = dyn FnMut(&A) -> Option<Vec<u8>> + 'r;

/// Read a leaf page of any type.
///
/// In the deep pass `row` gets every row, and `resolve` is asked for overflow keys; a key it does not
/// know is not judged. The quick pass calls neither.
pub fn leaf<'a, B: Addresses>(
    page: &Page<'a>,
    options: &Options<B>,
    resolve: &mut Resolve<'_, B::Address<'a>>,
    row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>),
) -> Leaf<B::Address<'a>> {
    let mut out = Leaf::new(page.form);
    match page.kind {
        PageType::RowLeaf => RowWalk::new(page, options, &mut out).run(resolve, row),
        PageType::ColumnVariable => ColumnWalk::new(page, options, &mut out).run(row),
        PageType::ColumnFixed => super::fixed::records(page, options, &mut out, row),
        found => out.breaches.add(Rule::Type, 24, || What::Instead { found, wanted: Wanted::Leaf }),
    }
    out
}

/// The numbers and overflow addresses of a leaf page, as fast as they can be had.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn quick(page: &Page<'_>, bounds: Bounds) -> Leaf {
    leaf(page, &Options::quick(bounds), &mut |_| None, &mut |_| {})
}

/// What both kinds of cell pages do with value cells.
struct Values<'p, 'a, B> {
    page: &'p Page<'a>,
    options: &'p Options<B>,
    /// Offsets of the value cells so far; only kept once a page has shown a copy.
    starts: Option<Vec<usize>>,
}

impl<'a, B: Addresses> Values<'_, 'a, B> {
    /// A value that is on the page.
    #[inline(always)]
    fn plain(
        &mut self,
        at: usize,
        data: &'a [u8],
        times: &Times,
        out: &mut Leaf<B::Address<'a>>,
    ) -> Value<'a, B::Address<'a>> {
        self.window(at, times, out);
        if let Some(starts) = &mut self.starts {
            starts.push(at);
        }
        if self.page.form.is_delta() { payload(at, data, out) } else { Value::Inline(data) }
    }

    /// The value in a cell of any kind, with what is wrong noted.
    fn read(&mut self, cell: &Cell<'a>, out: &mut Leaf<B::Address<'a>>) -> Value<'a, B::Address<'a>> {
        match cell.kind {
            CellKind::Value => return self.plain(cell.offset, cell.data, &cell.times, out),
            CellKind::ValueOverflow => {
                if let Some(starts) = &mut self.starts {
                    starts.push(cell.offset);
                }
                self.window(cell.offset, &cell.times, out);
                let address = self.options.bounds.read(cell, &mut out.breaches);
                out.refer(cell.offset, false, address);
                return Value::Overflow(address);
            }
            _ => self.window(cell.offset, &cell.times, out),
        }
        if cell.kind != CellKind::ValueCopy {
            return Value::Deleted;
        }
        out.copies = out.copies.saturating_add(1);
        if self.options.deep { self.copied(cell, out) } else { Value::Unknown }
    }

    #[inline(always)]
    fn window(&self, at: usize, times: &Times, out: &mut Leaf<B::Address<'a>>) {
        if self.options.deep
            && let Err(clash) = windows::value(times)
        {
            out.breaches.add(Rule::Window, at, || clash);
        }
    }

    /// What a copy refers to: a value cell before it on the page.
    fn copied(&mut self, cell: &Cell<'a>, out: &mut Leaf<B::Address<'a>>) -> Value<'a, B::Address<'a>> {
        let page = self.page;
        let starts = self.starts.get_or_insert_with(|| {
            let before = Cells::new(page.plain, page.start, page.header.flags).map_while(Result::ok);
            let before = before.take_while(|c| c.offset < cell.offset);
            let values = before.filter(|c| matches!(c.kind, CellKind::Value | CellKind::ValueOverflow));
            values.map(|c| c.offset).collect()
        });
        let distance = cell.copy_distance.unwrap_or(0);
        let target = usize::try_from(distance).ok().and_then(|d| cell.offset.checked_sub(d));
        let target = target.filter(|t| starts.binary_search(t).is_ok());
        match target.map(|t| Cell::read(page.plain, t, page.header.flags)) {
            Some(Ok(t)) if t.kind == CellKind::Value => Value::Inline(t.data),
            // The item is the other cell's; its address was judged there.
            Some(Ok(t)) => Value::Overflow(self.options.bounds.read(&t, &mut Breaches::default())),
            _ => {
                out.breaches.add(Rule::Copy, cell.offset, || What::CopyTarget(distance));
                Value::Unknown
            }
        }
    }
}

/// The value in the payload of a delta's value cell.
fn payload<'a, A>(at: usize, data: &'a [u8], out: &mut Leaf<A>) -> Value<'a, A> {
    match delta::split_payload(data) {
        Ok((form, flags, value)) => {
            out.payload.get_or_insert(form);
            let gone = delta::deletes(form, flags, value);
            match (flags, value.is_empty()) {
                (0, _) => {}
                (_, false) => out.breaches.add(Rule::Payload, at, || What::DeleteWithValue(flags)),
                (_, true) if gone && (form == PayloadForm::Ub || flags == delta::LEAF_DELETE) => {}
                (_, true) => out.breaches.add(Rule::Payload, at, || What::DeltaFlags(flags)),
            }
            if gone { Value::Gone } else { Value::Inline(value) }
        }
        Err(e) => {
            out.breaches.add(Rule::Payload, at, || What::Payload(e));
            Value::Unknown
        }
    }
}

/// A walk over a row leaf.
struct RowWalk<'p, 'a, B: Addresses> {
    page: &'p Page<'a>,
    options: &'p Options<B>,
    out: &'p mut Leaf<B::Address<'a>>,
    values: Values<'p, 'a, B>,
    keys: Keys,
    /// The overflow item that is the present key.
    item: Option<B::Address<'a>>,
}

impl<'p, 'a, B: Addresses> RowWalk<'p, 'a, B> {
    fn new(page: &'p Page<'a>, options: &'p Options<B>, out: &'p mut Leaf<B::Address<'a>>) -> Self {
        let values = Values { page, options, starts: None };
        Self { page, options, out, values, keys: Keys::default(), item: None }
    }

    fn run(mut self, resolve: &mut Resolve<'_, B::Address<'a>>, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) {
        let mut at = self.page.start;
        // Offset of the key that waits for its value.
        let mut waiting: Option<usize> = None;
        let mut keys = 0_u32;
        for n in 0..self.page.header.entries {
            let number = n.saturating_add(1);
            // Used field by field, so that no cell is put together for the usual row.
            if let Some(cell) = fast_cell::read(self.page.plain, at) {
                at = cell.end;
                if cell.kind == CellKind::Key {
                    self.begin(waiting.replace(cell.offset), row);
                    self.key(cell.offset, cell.prefix, cell.data, number);
                    keys = self.counted(keys);
                } else {
                    if cell.run.is_some_and(|run| run != 0) {
                        self.forbidden(cell.offset, What::RunInRowStore(number));
                    }
                    let value = self.values.plain(cell.offset, cell.data, &cell.times, self.out);
                    self.end(waiting.take(), value, &cell.times, cell.offset, row);
                }
                continue;
            }
            let Some(cell) = form::rare_cell(self.page, at, n, &mut self.out.breaches) else { return };
            at = cell.end;
            // A delta holds plain keys and plain values only.
            let kind = if self.page.form.is_delta() && !matches!(cell.kind, CellKind::Key | CellKind::Value) {
                CellKind::AddrGone
            } else {
                cell.kind
            };
            match kind {
                CellKind::Key | CellKind::KeyOverflow => {
                    self.begin(waiting.replace(cell.offset), row);
                    if cell.run.is_some() {
                        self.forbidden(cell.offset, What::KeyWithRun(number));
                    }
                    if cell.kind == CellKind::Key {
                        self.key(cell.offset, cell.prefix, cell.data, number);
                    } else {
                        self.overflow_key(&cell, number, resolve);
                    }
                    keys = self.counted(keys);
                }
                CellKind::Value | CellKind::ValueCopy | CellKind::ValueOverflow => {
                    if cell.run.is_some_and(|run| run != 0) {
                        self.forbidden(cell.offset, What::RunInRowStore(number));
                    }
                    let value = self.values.read(&cell, self.out);
                    self.end(waiting.take(), value, &cell.times, cell.offset, row);
                }
                _ => form::illegal(self.page, &cell, &mut self.out.breaches),
            }
        }
        self.begin(waiting, row);
        if self.options.deep {
            self.out.last_key = self.keys.last().map(<[u8]>::to_vec);
        }
        self.key_count(keys);
        form::end_of_cells(self.page, at, &mut self.out.breaches);
    }

    /// Before the next key: the one that waits has no value.
    #[inline(always)]
    fn begin(&mut self, waiting: Option<usize>, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) {
        if let Some(at) = waiting {
            if self.page.form.is_delta() {
                // What the delta does to the key is not known.
                return self.alternation(at, What::KeyWithoutValue);
            }
            self.row(at, Value::Empty, &Times::EMPTY, row);
        }
    }

    /// The key that waits has this value.
    #[inline(always)]
    fn end(
        &mut self,
        key: Option<usize>,
        v: Value<'a, B::Address<'a>>,
        times: &Times,
        at: usize,
        row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>),
    ) {
        match key {
            Some(at) => self.row(at, v, times, row),
            None if at == self.page.start => self.alternation(at, What::ValueFirst),
            None => self.alternation(at, What::TwoValues),
        }
    }

    /// Behind each key.
    #[inline(always)]
    fn counted(&mut self, keys: u32) -> u32 {
        if self.out.first_key.is_none() && self.options.deep {
            self.out.first_key = self.keys.current().map(<[u8]>::to_vec);
        }
        keys.saturating_add(1)
    }

    #[inline(always)]
    fn key(&mut self, at: usize, prefix: u8, data: &[u8], number: u32) {
        if prefix != 0 {
            self.out.prefix_keys = self.out.prefix_keys.saturating_add(1);
        }
        self.item = None;
        if self.options.deep {
            self.keys.push(at, prefix, data, number, self.options.byte_order, &mut self.out.breaches);
        }
    }

    fn overflow_key(&mut self, cell: &Cell<'a>, number: u32, resolve: &mut Resolve<'_, B::Address<'a>>) {
        let address = self.options.bounds.read(cell, &mut self.out.breaches);
        self.out.refer(cell.offset, true, address);
        self.item = address;
        if self.options.deep {
            let item = address.and_then(|a| resolve(&a));
            self.keys.push_item(item, cell.offset, number, self.options.byte_order, &mut self.out.breaches);
        }
    }

    #[inline(always)]
    fn row(
        &mut self,
        at: usize,
        value: Value<'a, B::Address<'a>>,
        times: &Times,
        row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>),
    ) {
        self.out.count(times, 1, false);
        if self.options.deep {
            row(&Row { at, key: self.keys.current(), item: self.item, recno: 0, run: 1, value, times: *times });
        }
    }

    /// The flags promise a number of keys. Not judged where cells were out of place.
    fn key_count(&mut self, keys: u32) {
        let flags = self.page.header.flags;
        let entries = self.page.header.entries;
        let promised = if flags & page_header::FLAG_EMPTY_VALUES_ALL != 0 {
            keys == entries
        } else {
            flags & page_header::FLAG_EMPTY_VALUES_NONE == 0 || u64::from(keys) * 2 == u64::from(entries)
        };
        let breaches = &mut self.out.breaches;
        if !promised && !breaches.has(Rule::Alternation) && !breaches.has(Rule::CellType) {
            breaches.add(Rule::Entries, super::header::at::ENTRIES, || What::KeyCount { keys, entries, flags });
        }
    }

    #[cold]
    fn alternation(&mut self, at: usize, what: What) {
        self.out.breaches.add(Rule::Alternation, at, || what);
    }

    #[cold]
    fn forbidden(&mut self, at: usize, what: What) {
        self.out.breaches.add(Rule::Cell, at, || what);
    }
}

/// A walk over a variable-length column leaf.
struct ColumnWalk<'p, 'a, B: Addresses> {
    page: &'p Page<'a>,
    options: &'p Options<B>,
    out: &'p mut Leaf<B::Address<'a>>,
    values: Values<'p, 'a, B>,
}

impl<'p, 'a, B: Addresses> ColumnWalk<'p, 'a, B> {
    fn new(page: &'p Page<'a>, options: &'p Options<B>, out: &'p mut Leaf<B::Address<'a>>) -> Self {
        Self { page, options, out, values: Values { page, options, starts: None } }
    }

    fn run(mut self, row: &mut dyn FnMut(&Row<'_, 'a, B::Address<'a>>)) {
        let mut at = self.page.start;
        let mut recno = self.page.header.recno;
        let mut previous: Option<(Value<'a, B::Address<'a>>, Times)> = None;
        for n in 0..self.page.header.entries {
            let Some(cell) = form::next_cell(self.page, at, n, &mut self.out.breaches) else { return };
            at = cell.end;
            let number = n.saturating_add(1);
            let legal = CellKind::is_value(cell.kind) && cell.kind != CellKind::ValueOverflowRemoved;
            if !legal {
                form::illegal(self.page, &cell, &mut self.out.breaches);
                previous = None;
                continue;
            }
            let run = cell.run.unwrap_or(0).max(1);
            let value = self.values.read(&cell, self.out);
            let deleted = matches!(value, Value::Deleted);
            self.out.count(&cell.times, run, deleted);
            if self.options.deep {
                if previous.is_some_and(|(last, times)| same(last, value) && (deleted || times == cell.times)) {
                    self.out.breaches.add(Rule::Run, cell.offset, || What::UnjoinedRuns(number));
                }
                previous = Some((value, cell.times));
                row(&Row { at: cell.offset, key: None, item: None, recno, run, value, times: cell.times });
            }
            match recno.checked_add(run) {
                Some(next) => recno = next,
                None => {
                    let what = || What::RunTooLong { number, run, recno };
                    self.out.breaches.add(Rule::RecordNumber, cell.offset, what);
                    // Every record behind it would be said to be wrong as well.
                    return;
                }
            }
        }
        form::end_of_cells(self.page, at, &mut self.out.breaches);
    }
}

/// Whether neighbours are equal as far as runs are concerned: both plain, or both deleted.
fn same<A>(a: Value<'_, A>, b: Value<'_, A>) -> bool {
    match (a, b) {
        (Value::Inline(a), Value::Inline(b)) => a == b,
        (Value::Deleted, Value::Deleted) => true,
        _ => false,
    }
}
