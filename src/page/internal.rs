//! Internal pages: the children in order, and the rules that a page can be
//! judged by without its children. Of both families, deltas of the current form among them.

use super::cell::{Cell, CellKind, Times, Truncate};
use super::form::{self, Addresses, Form};
use super::rules::{Breaches, OverflowRef, Page, Rule};
use super::what::{Wanted, What, misordered};
use super::windows;
use crate::format::local::LocalAddress;
use crate::format::page_header::PageType;

/// What separates a child from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator<'a, A = LocalAddress> {
    /// The 0th key of a row page: minus infinity, whatever its bytes.
    First,
    /// A key of a row page: not above the first key of the child, above the last of the one before.
    Key(&'a [u8]),
    /// A key in an overflow item; `None` if its address may not be followed.
    Overflow(Option<A>),
    /// The child's first record number, column pages.
    Record(u64),
}

/// One child of an internal page.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a, A = LocalAddress> {
    /// Offset of the address cell in the plain page.
    pub at: usize,
    /// Number of the child, from 0.
    pub index: u32,
    /// What separates it from the child before.
    pub separator: Separator<'a, A>,
    /// The bytes of the key cell, whatever they mean; none on a column page.
    pub key: &'a [u8],
    /// The key cell names an overflow item.
    pub key_is_item: bool,
    /// Kind of the address cell; [`CellKind::AddrGone`] only in a delta.
    pub kind: CellKind,
    /// The aggregate of the cell.
    pub times: Times,
    /// Page-delete information of a deleted child. Such a child is still there.
    pub truncate: Option<Truncate>,
    /// Where it lies; `None` if the address may not be followed, which is noted.
    pub address: Option<A>,
}

/// What an internal page holds.
#[derive(Debug, Clone)]
pub struct Internal<A = LocalAddress> {
    pub children: u32,
    /// Deleted ones among them.
    pub deleted: u32,
    pub overflows: Vec<OverflowRef<A>>,
    /// Broken rules.
    pub breaches: Breaches,
}

/// Give every child of an internal page to `child`, and judge the page.
///
/// `byte_order` is false for a table with a collator of its own: the order of keys is not judged then.
pub fn children<'a, B: Addresses>(
    page: &Page<'a>,
    bounds: B,
    byte_order: bool,
    child: &mut dyn FnMut(&Child<'a, B::Address<'a>>),
) -> Internal<B::Address<'a>> {
    let out = Internal { children: 0, deleted: 0, overflows: Vec::new(), breaches: Breaches::of(page.form) };
    let mut walk = Walk { page, bounds, byte_order, out };
    let end = match page.kind {
        PageType::RowInternal => walk.rows(child),
        PageType::ColumnInternal if page.form == Form::Local => walk.columns(child),
        found => {
            walk.out.breaches.add(Rule::Type, 24, || What::Instead { found, wanted: Wanted::Internal });
            None
        }
    };
    if let Some(end) = end {
        form::end_of_cells(page, end, &mut walk.out.breaches);
    }
    walk.out
}

/// A key that waits for its address.
struct Waiting<'a, A> {
    separator: Separator<'a, A>,
    key: &'a [u8],
    is_item: bool,
}

struct Walk<'p, 'a, B: Addresses> {
    page: &'p Page<'a>,
    bounds: B,
    byte_order: bool,
    out: Internal<B::Address<'a>>,
}

impl<'a, B: Addresses> Walk<'_, 'a, B> {
    /// Keys and addresses in turn. The end of the last cell, `None` if one could not be read.
    fn rows(&mut self, child: &mut dyn FnMut(&Child<'a, B::Address<'a>>)) -> Option<usize> {
        let mut at = self.page.start;
        let delta = self.page.form.is_delta();
        let mut waiting: Option<Waiting<'a, B::Address<'a>>> = None;
        // The last key whose bytes are known, and its cell number.
        let mut previous: Option<(&'a [u8], u32)> = None;
        let mut keys = 0_u32;
        for n in 0..self.page.header.entries {
            let cell = form::next_cell(self.page, at, n, &mut self.out.breaches)?;
            at = cell.end;
            let number = n.saturating_add(1);
            match cell.kind {
                CellKind::Key | CellKind::KeyOverflow => {
                    if waiting.is_some() {
                        self.alternation(cell.offset, What::TwoKeys);
                    }
                    if cell.prefix != 0 || cell.run.is_some() {
                        self.out.breaches.add(Rule::Cell, cell.offset, || What::InternalKeyParts(number));
                    }
                    let overflow = cell.kind == CellKind::KeyOverflow;
                    let key = if overflow {
                        let address = self.bounds.read(&cell, &mut self.out.breaches);
                        let found = address.map(|address| OverflowRef { at: cell.offset, key: true, address });
                        self.out.overflows.extend(found);
                        Separator::Overflow(address)
                    } else {
                        Separator::Key(cell.data)
                    };
                    // A delta holds keys only that are compared.
                    let first = keys == 0 && !delta;
                    keys = keys.saturating_add(1);
                    if !first && !overflow && self.byte_order {
                        if let Some((low, low_number)) = previous.filter(|(low, _)| *low >= cell.data) {
                            let what = || misordered(low_number, number, low, cell.data);
                            self.out.breaches.add(Rule::Order, cell.offset, what);
                        }
                        previous = Some((cell.data, number));
                    }
                    let separator = if first { Separator::First } else { key };
                    waiting = Some(Waiting { separator, key: cell.data, is_item: overflow });
                }
                kind if kind.is_addr() && (delta || kind != CellKind::AddrGone) => {
                    if cell.run.is_some() {
                        self.out.breaches.add(Rule::Cell, cell.offset, || What::RecordInRowStore(number));
                    }
                    match waiting.take() {
                        Some(key) => self.child(&cell, key, child),
                        None if n == 0 => self.alternation(cell.offset, What::AddressFirst),
                        None => self.alternation(cell.offset, What::TwoAddresses),
                    }
                }
                _ => form::illegal(self.page, &cell, &mut self.out.breaches),
            }
        }
        if waiting.is_some() && !self.out.breaches.has(Rule::Alternation) && !self.out.breaches.has(Rule::CellType) {
            let entries = self.page.header.entries;
            let what = || What::FewerAddresses { entries, keys };
            self.out.breaches.add(Rule::Entries, super::header::at::ENTRIES, what);
        }
        Some(at)
    }

    /// Addresses with record numbers.
    fn columns(&mut self, child: &mut dyn FnMut(&Child<'a, B::Address<'a>>)) -> Option<usize> {
        let mut at = self.page.start;
        let mut previous = None;
        for n in 0..self.page.header.entries {
            let cell = form::next_cell(self.page, at, n, &mut self.out.breaches)?;
            at = cell.end;
            if !cell.kind.is_addr() || cell.kind == CellKind::AddrGone {
                form::illegal(self.page, &cell, &mut self.out.breaches);
                continue;
            }
            let record = cell.run.unwrap_or(0);
            let (number, page) = (n.saturating_add(1), self.page.header.recno);
            let wrong = match previous {
                _ if record == 0 => Some(What::ChildWithoutRecord(number)),
                // The page keeps its number when its first children go.
                None if record < page => Some(What::FirstChildRecord { number, record, page }),
                Some(previous) if record <= previous => Some(What::RecordOrder { number, record, previous }),
                _ => None,
            };
            if let Some(wrong) = wrong {
                self.out.breaches.add(Rule::RecordNumber, cell.offset, || wrong);
            }
            previous = Some(record);
            self.child(&cell, Waiting { separator: Separator::Record(record), key: &[], is_item: false }, child);
        }
        Some(at)
    }

    fn child(
        &mut self,
        cell: &Cell<'a>,
        key: Waiting<'a, B::Address<'a>>,
        child: &mut dyn FnMut(&Child<'a, B::Address<'a>>),
    ) {
        let address = self.bounds.read(cell, &mut self.out.breaches);
        judge_times(cell, &mut self.out.breaches);
        let index = self.out.children;
        self.out.children = index.saturating_add(1);
        if cell.kind == CellKind::AddrDeleted {
            self.out.deleted = self.out.deleted.saturating_add(1);
        }
        child(&Child {
            at: cell.offset,
            index,
            separator: key.separator,
            key: key.key,
            key_is_item: key.is_item,
            kind: cell.kind,
            times: cell.times,
            truncate: cell.truncate,
            address,
        });
    }

    fn alternation(&mut self, at: usize, what: What) {
        self.out.breaches.add(Rule::Alternation, at, || what);
    }
}

/// The aggregate of an address cell in itself, and its page-delete information.
pub(super) fn judge_times(cell: &Cell<'_>, breaches: &mut Breaches) {
    if let Err(clash) = windows::aggregate(&cell.times) {
        breaches.add(Rule::Window, cell.offset, || clash);
    } else if let Some(Err(clash)) = cell.truncate.map(|t| windows::truncation(&cell.times, &t)) {
        breaches.add(Rule::Truncation, cell.offset, || clash);
    }
}
