//! A plain page of either family, what its addresses are, and what the readers of internal and leaf
//! pages share.

use super::cell::{Cell, CellKind};
use super::delta::Body;
use super::rules::{Breaches, Rule};
use super::what::What;
use crate::format::block::LOCAL_HEADER_LEN;
use crate::format::cookie::Cookie;
use crate::format::image::Era;
use crate::format::local::{DATA_OFFSET, LocalAddress};
use crate::format::page_header::{PageHeader, PageType};
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// What kind of block a page comes from, which decides the rules that hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A block of a local file.
    #[default]
    Local,
    /// A full image in a page log.
    Image(Era),
    /// A delta in a page log.
    Delta(Era),
}

impl Form {
    /// A delta, of whatever era.
    pub fn is_delta(self) -> bool {
        matches!(self, Self::Delta(_))
    }
}

/// A plain page: exactly `mem_size` bytes, headers included.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    pub plain: &'a [u8],
    pub header: PageHeader,
    pub kind: PageType,
    /// Where its data starts.
    pub start: usize,
    /// Where it comes from.
    pub form: Form,
}

impl<'a> Page<'a> {
    /// Read the header of a plain image of a local file (see [`crate::format::local_image::plain`]). EINVAL
    /// if the type is unknown or the bytes are not `mem_size` many.
    pub fn new(plain: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(plain);
        let header = PageHeader::read(&mut r)?;
        r.take(LOCAL_HEADER_LEN)?;
        let kind = header.page_type()?;
        if usize::try_from(header.mem_size) != Ok(plain.len()) {
            let message = format!("mem_size {} of a page of {} bytes", header.mem_size, plain.len());
            return Err(FormatError::invalid(message));
        }
        Ok(Self { plain, header, kind, start: DATA_OFFSET, form: Form::Local })
    }

    /// The page in a block of a page log. EINVAL if the type is unknown.
    pub fn of_body(body: &Body<'a>, delta: bool) -> Result<Self> {
        let form = if delta { Form::Delta(body.era) } else { Form::Image(body.era) };
        let kind = body.header.page_type()?;
        Ok(Self { plain: body.plain, header: body.header, kind, start: body.start, form })
    }
}

/// The addresses in the cells of a family.
pub trait Addresses: Copy {
    /// An address that may be followed.
    type Address<'a>: Copy + std::fmt::Debug;

    /// The address in a cell, if it may be followed; else why not is noted.
    fn read<'a>(&self, cell: &Cell<'a>, breaches: &mut Breaches) -> Option<Self::Address<'a>>;
}

/// What bounds the addresses of a local file's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Allocation size of the file.
    pub alloc: u32,
    /// No block may end behind this: the file size of the last checkpoint. `u64::MAX` judges
    /// no address that way.
    pub file_size: u64,
}

impl Addresses for Bounds {
    type Address<'a> = LocalAddress;

    fn read<'a>(&self, cell: &Cell<'a>, breaches: &mut Breaches) -> Option<LocalAddress> {
        match LocalAddress::decode(cell.data, self.alloc) {
            Ok(Some(a)) if a.end() <= self.file_size => Some(a),
            Ok(Some(a)) => {
                let file_size = self.file_size;
                breaches.add(Rule::AddressBeyondEnd, cell.offset, || What::BeyondEnd {
                    offset: a.offset,
                    end: a.end(),
                    file_size,
                });
                None
            }
            Ok(None) => {
                breaches.add(Rule::Address, cell.offset, || What::NoBlock);
                None
            }
            Err(e) => {
                breaches.add(Rule::Address, cell.offset, || What::Address(e));
                None
            }
        }
    }
}

/// The addresses of a page log: cookies, handed out as they lie. Whoever follows one decodes it, at every
/// depth, and tells what is wrong with it; a reader of cells only would tell it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies;

impl Addresses for Cookies {
    type Address<'a> = &'a [u8];

    fn read<'a>(&self, cell: &Cell<'a>, _: &mut Breaches) -> Option<&'a [u8]> {
        Some(cell.data)
    }
}

impl Cookies {
    /// What is wrong with the cookie of a cell, for those who follow none.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn judge(bytes: &[u8]) -> Option<What> {
        match Cookie::decode(bytes) {
            Ok(cookie) => cookie.check_consistency().err().map(What::Address),
            Err(e) => Some(What::Address(e)),
        }
    }
}

/// An overflow item that a page refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverflowRef<A = LocalAddress> {
    /// Offset of the cell.
    pub at: usize,
    pub key: bool,
    /// Where the item lies.
    pub address: A,
}

/// The next cell of `page` at `at`; `None` after noting why the rest cannot be read. `done` cells of
/// `entries` were read.
#[inline(always)]
pub(super) fn next_cell<'a>(page: &Page<'a>, at: usize, done: u32, breaches: &mut Breaches) -> Option<Cell<'a>> {
    super::fast_cell::read(page.plain, at).or_else(|| rare_cell(page, at, done, breaches))
}

/// A cell of a less frequent form, or none.
#[inline(never)]
pub(super) fn rare_cell<'a>(page: &Page<'a>, at: usize, done: u32, breaches: &mut Breaches) -> Option<Cell<'a>> {
    if at >= page.plain.len() {
        let stated = page.header.entries;
        breaches.add(Rule::Entries, super::header::at::ENTRIES, || What::EntriesEnd { stated, read: done });
        return None;
    }
    match Cell::read(page.plain, at, page.header.flags) {
        Ok(cell) => Some(cell),
        Err(error) => {
            // Types from 13 on stand in no image, whether they can be decoded or not.
            let foreign = page.plain.get(at).is_some_and(|b| b & 0x3 == 0 && b >> 4 >= CellKind::AddrGone.number());
            let rule = if foreign { Rule::CellType } else { Rule::Cell };
            breaches.add(rule, at, || What::Cell { number: done.saturating_add(1), error });
            None
        }
    }
}

/// The last of the stated cells must end where the data does.
pub(super) fn end_of_cells(page: &Page<'_>, end: usize, breaches: &mut Breaches) {
    let left = page.plain.len().saturating_sub(end);
    if left != 0 {
        breaches.add(Rule::Tail, end, || What::BehindCells(left));
    }
}

/// A cell that the page type forbids, or that has no place in such a block.
pub(super) fn illegal(page: &Page<'_>, cell: &Cell<'_>, breaches: &mut Breaches) {
    breaches.add(Rule::CellType, cell.offset, || What::IllegalCell { cell: cell.kind, kind: page.kind });
}

/// Whether an address cell of this kind may lead to a page of that type. The
/// record-number layout of column stores asks for the form without overflow items.
pub fn leads_to(cell: CellKind, child: PageType) -> bool {
    match child {
        PageType::RowInternal | PageType::ColumnInternal => cell == CellKind::AddrInternal,
        PageType::RowLeaf | PageType::ColumnVariable => {
            matches!(cell, CellKind::AddrLeaf | CellKind::AddrLeafNoOverflow | CellKind::AddrDeleted)
        }
        PageType::ColumnFixed => matches!(cell, CellKind::AddrLeafNoOverflow | CellKind::AddrDeleted),
        _ => false,
    }
}
