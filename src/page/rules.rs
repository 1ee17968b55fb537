//! The page rules of local files (spec 17.6, 16.2): what a broken rule is, the rules of a block's
//! headers and tail, and what the rules of internal pages ([`super::internal`]), leaf pages
//! ([`super::leaf`], [`super::fixed`]) and overflow items share.
//!
//! Pure functions of one block or one page. What needs two pages is left to the tree walk, except
//! the comparisons of time windows with the parent's ([`super::windows`]).

use super::cell::{Cell, CellKind};
use crate::format::block::{FLAG_DATA_CHECKSUM, LOCAL_HEADER_LEN, LocalBlockHeader, SKIP_LEN};
use crate::format::compress::MAX_MEM_SIZE;
use crate::format::local::{DATA_OFFSET, LocalAddress};
use crate::format::page_header::{self, PageHeader, PageType};
use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// Broken rules of one page that are told; more are only counted.
pub const MAX_BROKEN: usize = 8;
/// Broken rules of one kind that are told.
const MAX_OF_A_RULE: usize = 2;

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The page type is unknown, or not the one wanted.
    Type,
    /// A record number where none may be, none where one must be, or one out of sequence.
    RecordNumber,
    /// Page or block flags.
    Flags,
    /// Page version.
    Version,
    /// An unused header byte that is not zero.
    Unused,
    /// `mem_size` and `disk_size` do not go together.
    Size,
    /// Non-zero or unexpected bytes behind the data.
    Tail,
    /// The number of entries.
    Entries,
    /// A cell that cannot be decoded, or that has a part it may not have.
    Cell,
    /// A cell of a type that the page may not hold.
    CellType,
    /// Keys and values, or keys and addresses, do not alternate.
    Alternation,
    /// A prefix longer than the previous key.
    Prefix,
    /// An address that cannot be decoded, or that names no block.
    Address,
    /// An address behind the end of the file.
    AddressBeyondEnd,
    /// Keys out of order.
    Order,
    /// A time window or aggregate that contradicts itself.
    Window,
    /// Page-delete information that contradicts the aggregate.
    Truncation,
    /// A value copy that refers to no value of the page.
    Copy,
    /// Equal neighbours of a column store that should have been one run.
    Run,
    /// Bitmap, auxiliary header or filler of a fixed-length column page.
    Bitmap,
}

impl Rule {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::RecordNumber => "record-number",
            Self::Flags => "flags",
            Self::Version => "version",
            Self::Unused => "unused",
            Self::Size => "size",
            Self::Tail => "tail",
            Self::Entries => "entries",
            Self::Cell => "cell",
            Self::CellType => "cell-type",
            Self::Alternation => "alternation",
            Self::Prefix => "prefix",
            Self::Address => "address",
            Self::AddressBeyondEnd => "address-beyond-end",
            Self::Order => "order",
            Self::Window => "window",
            Self::Truncation => "truncation",
            Self::Copy => "copy",
            Self::Run => "run",
            Self::Bitmap => "bitmap",
        }
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// Offset in the plain page (of the stored block for header and tail rules).
    pub at: usize,
    /// What is wrong, in words.
    pub message: String,
}

impl Broken {
    /// A broken rule at an offset.
    pub fn new(rule: Rule, at: usize, message: impl Into<String>) -> Self {
        Self { rule, at, message: message.into() }
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "byte {}: {}", self.at, self.message)
    }
}

/// The broken rules of a page, in the order of their discovery; the first few of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaches {
    /// Those that are told, at most [`MAX_BROKEN`].
    pub list: Vec<Broken>,
    /// How many more there were.
    pub more: u64,
}

impl Breaches {
    /// No rule is broken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a rule of this kind is broken.
    #[must_use]
    pub fn has(&self, rule: Rule) -> bool {
        self.list.iter().any(|b| b.rule == rule)
    }

    /// Note a broken rule. The message is only built if it is told.
    #[cold]
    pub fn add(&mut self, rule: Rule, at: usize, message: impl FnOnce() -> String) {
        let same = self.list.iter().filter(|b| b.rule == rule).count();
        if self.list.len() < MAX_BROKEN && same < MAX_OF_A_RULE {
            self.list.push(Broken { rule, at, message: message() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// The rules of a block that need no cell (17.6, 2 to 6): `stored` is the whole block, `page` and
/// `block` are its headers. The first broken rule; checksums are the caller's business.
#[must_use]
pub fn header(stored: &[u8], page: &PageHeader, block: &LocalBlockHeader) -> Option<Broken> {
    header_rules(stored, page, block).err()
}

/// Offsets of header fields.
mod at {
    pub(super) const RECNO: usize = 0;
    pub(super) const MEM_SIZE: usize = 16;
    pub(super) const ENTRIES: usize = 20;
    pub(super) const TYPE: usize = 24;
    pub(super) const FLAGS: usize = 25;
    pub(super) const UNUSED: usize = 26;
    pub(super) const VERSION: usize = 27;
    pub(super) const DISK_SIZE: usize = 28;
    pub(super) const BLOCK_FLAGS: usize = 36;
    pub(super) const BLOCK_UNUSED: usize = 37;
}

fn header_rules(stored: &[u8], page: &PageHeader, block: &LocalBlockHeader) -> std::result::Result<(), Broken> {
    let kind = PageType::from_byte(page.type_byte).filter(|t| *t != PageType::Invalid);
    let kind = kind.ok_or_else(|| Broken::new(Rule::Type, at::TYPE, format!("page type {}", page.type_byte)))?;
    let broken = |rule, at, message: String| Err(Broken::new(rule, at, format!("{} page: {message}", kind.name())));
    let column = matches!(kind, PageType::ColumnFixed | PageType::ColumnInternal | PageType::ColumnVariable);
    if column && page.recno == 0 {
        return broken(Rule::RecordNumber, at::RECNO, "record number 0".into());
    }
    if !column && page.recno != 0 {
        return broken(Rule::RecordNumber, at::RECNO, format!("record number {}, there must be none", page.recno));
    }
    if page.flags & !allowed_flags(kind) != 0
        || page.flags & VALUE_FLAGS == VALUE_FLAGS
        || block.flags & !FLAG_DATA_CHECKSUM != 0
    {
        let at = if block.flags & !FLAG_DATA_CHECKSUM != 0 { at::BLOCK_FLAGS } else { at::FLAGS };
        return broken(Rule::Flags, at, format!("page flags {:#04x}, block flags {:#04x}", page.flags, block.flags));
    }
    if page.unused != 0 {
        return broken(Rule::Unused, at::UNUSED, format!("unused page header byte is {:#04x}", page.unused));
    }
    if block.unused != [0; 3] {
        return broken(Rule::Unused, at::BLOCK_UNUSED, format!("unused block header bytes are {:02x?}", block.unused));
    }
    if page.version > 1 {
        return broken(Rule::Version, at::VERSION, format!("version {}", page.version));
    }
    let disk_size = usize::try_from(block.disk_size).unwrap_or(usize::MAX);
    if disk_size != stored.len() || disk_size < SKIP_LEN {
        return broken(Rule::Size, at::DISK_SIZE, format!("disk_size {disk_size}, the block has {}", stored.len()));
    }
    let mem_size = usize::try_from(page.mem_size).unwrap_or(usize::MAX);
    let limit = if page.is_compressed() { usize::try_from(MAX_MEM_SIZE).unwrap_or(usize::MAX) } else { disk_size };
    let least = if page.is_compressed() { SKIP_LEN } else { DATA_OFFSET };
    if mem_size < least {
        return broken(Rule::Size, at::MEM_SIZE, format!("mem_size {mem_size} is smaller than the headers"));
    }
    if mem_size > limit {
        return broken(Rule::Size, at::MEM_SIZE, format!("mem_size {mem_size} exceeds the limit of {limit} bytes"));
    }
    let data = mem_size.saturating_sub(DATA_OFFSET);
    if let Some(message) = entries(kind, page.entries, data) {
        return broken(Rule::Entries, at::ENTRIES, message);
    }
    // Behind an avail list lies recovery data (16.9); where a stream ends only its decoder knows.
    if kind != PageType::BlockManager && !page.is_compressed() && !page.is_encrypted() {
        let tail = stored.get(mem_size..).unwrap_or_default();
        if !all_zero(tail) {
            let at = tail.iter().position(|b| *b != 0).map_or(mem_size, |n| mem_size.saturating_add(n));
            return broken(Rule::Tail, at, format!("non-zero bytes behind mem_size {mem_size}"));
        }
    }
    Ok(())
}

/// Row leaf: all values empty, no value empty.
const VALUE_FLAGS: u8 = page_header::FLAG_EMPTY_VALUES_ALL | page_header::FLAG_EMPTY_VALUES_NONE;
/// Any tree page may be compressed or encrypted; 0x10 is historic.
const ANY_FLAGS: u8 = page_header::FLAG_COMPRESSED | page_header::FLAG_ENCRYPTED | 0x10;

/// The flags a page of a type may have (04.3, 17.1). List blocks are never compressed or encrypted.
fn allowed_flags(kind: PageType) -> u8 {
    match kind {
        PageType::BlockManager | PageType::Invalid => 0,
        PageType::RowLeaf => ANY_FLAGS | VALUE_FLAGS,
        PageType::RowInternal | PageType::ColumnInternal => ANY_FLAGS | page_header::FLAG_FAST_TRUNCATE,
        PageType::ColumnFixed | PageType::ColumnVariable | PageType::Overflow => ANY_FLAGS,
    }
}

/// What the entries field alone shows wrong, with `data` bytes behind the headers.
fn entries(kind: PageType, entries: u32, data: usize) -> Option<String> {
    let n = usize::try_from(entries).unwrap_or(usize::MAX);
    let fits = match kind {
        PageType::Overflow | PageType::BlockManager => n == data,
        // At least one bit each.
        PageType::ColumnFixed => n.div_ceil(8) <= data,
        _ => n <= data,
    };
    match (n, fits) {
        (0, _) => Some("no entries".into()),
        (_, false) => Some(format!("{n} entries do not go with {data} bytes of data")),
        _ => None,
    }
}

/// Whether every byte is zero, many at a time.
fn all_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().all(|b| b.iter().fold(0, |any, b| any | b) == 0) && rest.iter().all(|b| *b == 0)
}

/// A plain page: exactly `mem_size` bytes, headers included.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The bytes.
    pub plain: &'a [u8],
    /// Its page header.
    pub header: PageHeader,
    /// Its type.
    pub kind: PageType,
}

impl<'a> Page<'a> {
    /// Read the header of a plain image (see [`crate::format::local_image::plain`]). EINVAL if the type is
    /// unknown or the bytes are not `mem_size` many.
    pub fn new(plain: &'a [u8]) -> Result<Self> {
        let mut r = Reader::new(plain);
        let header = PageHeader::read(&mut r)?;
        r.take(LOCAL_HEADER_LEN)?;
        let kind = header.page_type()?;
        if usize::try_from(header.mem_size) != Ok(plain.len()) {
            let message = format!("mem_size {} of a page of {} bytes", header.mem_size, plain.len());
            return Err(FormatError::invalid(message));
        }
        Ok(Self { plain, header, kind })
    }
}

/// What bounds the addresses of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Allocation size of the file.
    pub alloc: u32,
    /// No block may end behind this: the file size of the last checkpoint (16.4). `u64::MAX` judges
    /// no address that way.
    pub file_size: u64,
}

/// An overflow item that a page refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverflowRef {
    /// Offset of the cell.
    pub at: usize,
    /// A key, not a value.
    pub key: bool,
    /// Where the item lies.
    pub address: LocalAddress,
}

/// The address in a cell, if it may be followed; else why not is noted.
pub(super) fn address(cell: &Cell<'_>, bounds: Bounds, breaches: &mut Breaches) -> Option<LocalAddress> {
    match LocalAddress::decode(cell.data, bounds.alloc) {
        Ok(Some(a)) if a.end() <= bounds.file_size => Some(a),
        Ok(Some(a)) => {
            breaches.add(Rule::AddressBeyondEnd, cell.offset, || {
                format!("address {}-{} lies behind the end of the file ({})", a.offset, a.end(), bounds.file_size)
            });
            None
        }
        Ok(None) => {
            breaches.add(Rule::Address, cell.offset, || "the address names no block".into());
            None
        }
        Err(e) => {
            breaches.add(Rule::Address, cell.offset, || e.message);
            None
        }
    }
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
        breaches.add(Rule::Entries, at::ENTRIES, || {
            format!("the header states {} entries, the data ends after {done}", page.header.entries)
        });
        return None;
    }
    match Cell::read(page.plain, at, page.header.flags) {
        Ok(cell) => Some(cell),
        Err(e) => {
            // Types from 13 on stand in no local page, whether they can be decoded or not.
            let foreign = page.plain.get(at).is_some_and(|b| b & 0x3 == 0 && b >> 4 >= 13);
            let rule = if foreign { Rule::CellType } else { Rule::Cell };
            breaches.add(rule, at, || format!("cell {}: {}", done.saturating_add(1), e.message));
            None
        }
    }
}

/// The last of the stated cells must end where the data does.
pub(super) fn end_of_cells(page: &Page<'_>, end: usize, breaches: &mut Breaches) {
    let left = page.plain.len().saturating_sub(end);
    if left != 0 {
        breaches.add(Rule::Tail, end, || format!("{left} unexpected bytes behind the last cell"));
    }
}

/// A cell that the page type forbids, or that has no place in local files.
pub(super) fn illegal(page: &Page<'_>, cell: &Cell<'_>, breaches: &mut Breaches) {
    breaches.add(Rule::CellType, cell.offset, || format!("{} on a {} page", kind_name(cell.kind), page.kind.name()));
}

/// The item of an overflow page (17.2).
pub fn overflow_item<'a>(page: &Page<'a>) -> std::result::Result<&'a [u8], Broken> {
    if page.kind != PageType::Overflow {
        return Err(Broken::new(
            Rule::Type,
            at::TYPE,
            format!("{} page instead of an overflow page", page.kind.name()),
        ));
    }
    let item = page.plain.get(DATA_OFFSET..).unwrap_or_default();
    match entries(page.kind, page.header.entries, item.len()) {
        Some(message) => Err(Broken::new(Rule::Entries, at::ENTRIES, message)),
        None => Ok(item),
    }
}

/// Whether an address cell of this kind may lead to a page of that type (17.6, logical rule 6). The
/// record-number layout of column stores asks for the form without overflow items (17.3).
#[must_use]
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

/// A cell kind in words.
fn kind_name(kind: CellKind) -> &'static str {
    match kind {
        CellKind::AddrDeleted => "address of a deleted child",
        CellKind::AddrInternal => "address of an internal page",
        CellKind::AddrLeaf => "address of a leaf page",
        CellKind::AddrLeafNoOverflow => "address of a leaf page without overflow items",
        CellKind::Deleted => "deleted value",
        CellKind::Key => "key",
        CellKind::KeyOverflow => "overflow key",
        CellKind::Value => "value",
        CellKind::ValueCopy => "value copy",
        CellKind::ValueOverflow => "overflow value",
        CellKind::ValueOverflowRemoved => "removed overflow value",
        CellKind::KeyOverflowRemoved => "removed overflow key",
        CellKind::AddrGone => "address that only deltas hold",
    }
}

/// Two neighbouring keys that are not in ascending order; `first` and `second` are one-based cells.
pub(super) fn misordered(first: u32, second: u32, low: &[u8], high: &[u8]) -> String {
    // Keys are the user's: where they part tells enough to find them.
    let same = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    if low == high {
        return format!("the keys of cells {first} and {second} are equal ({} bytes)", low.len());
    }
    format!("the keys of cells {first} and {second} are not in order: they part at byte {same}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row leaf with one pair, 512 bytes.
    fn sample() -> (Vec<u8>, PageHeader, LocalBlockHeader) {
        let page = PageHeader {
            recno: 0,
            write_gen: 5,
            mem_size: 46,
            entries: 2,
            type_byte: 7,
            flags: 4,
            unused: 0,
            version: 1,
        };
        let mut bytes = Vec::new();
        page.write(&mut bytes);
        bytes.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        bytes.extend_from_slice(b"\x09aa\x0bbb");
        bytes.resize(512, 0);
        let block = LocalBlockHeader::read(&mut Reader::at(&bytes, 28).unwrap()).unwrap();
        (bytes, page, block)
    }

    #[test]
    fn each_header_rule_refuses_its_violation() {
        let (bytes, page, block) = sample();
        assert_eq!(header(&bytes, &page, &block), None);
        let flags = |flags| PageHeader { flags, ..page };
        for (bad, rule) in [
            (PageHeader { type_byte: 0, ..page }, Rule::Type),
            (PageHeader { type_byte: 8, ..page }, Rule::Type),
            (PageHeader { recno: 1, ..page }, Rule::RecordNumber),
            // w44: a row leaf turned into a column leaf.
            (PageHeader { type_byte: 4, ..page }, Rule::RecordNumber),
            (flags(6), Rule::Flags),
            (flags(0x40), Rule::Flags),
            (flags(0x24), Rule::Flags),
            (PageHeader { type_byte: 6, ..page }, Rule::Flags),
            (PageHeader { unused: 1, ..page }, Rule::Unused),
            (PageHeader { version: 2, ..page }, Rule::Version),
            (PageHeader { mem_size: 39, ..page }, Rule::Size),
            // w43.
            (PageHeader { mem_size: 5046, ..page }, Rule::Size),
            (PageHeader { mem_size: 45, ..page }, Rule::Tail),
            (PageHeader { entries: 0, ..page }, Rule::Entries),
            (PageHeader { entries: 7, ..page }, Rule::Entries),
            (PageHeader { type_byte: 5, flags: 0, ..page }, Rule::Entries),
            (PageHeader { flags: 5, mem_size: 63, ..page }, Rule::Size),
            (PageHeader { flags: 5, mem_size: u32::MAX, ..page }, Rule::Size),
        ] {
            assert_eq!(header(&bytes, &bad, &block).map(|b| b.rule), Some(rule), "{bad:?}");
        }
        for (bad, rule) in [
            (LocalBlockHeader { flags: 3, ..block }, Rule::Flags),
            (LocalBlockHeader { unused: [0, 0, 1], ..block }, Rule::Unused),
            (LocalBlockHeader { disk_size: 1024, ..block }, Rule::Size),
        ] {
            assert_eq!(header(&bytes, &page, &bad).map(|b| b.rule), Some(rule), "{bad:?}");
        }
    }

    #[test]
    fn the_tail_must_be_zero_unless_it_means_something() {
        let (mut bytes, page, block) = sample();
        for at in [46, 47, 200, 511] {
            bytes[at] = 1;
            let broken = header(&bytes, &page, &block).unwrap();
            assert_eq!((broken.rule, broken.at), (Rule::Tail, at));
            bytes[at] = 0;
        }
        bytes[300] = 1;
        let list = PageHeader { type_byte: 1, flags: 0, entries: 6, ..page };
        assert_eq!(header(&bytes, &list, &block), None);
        let compressed = PageHeader { flags: 5, mem_size: 5000, ..page };
        assert_eq!(header(&bytes, &compressed, &block), None);
        let encrypted = PageHeader { flags: 12, ..page };
        assert_eq!(header(&bytes, &encrypted, &block), None);
    }

    #[test]
    fn overflow_example_of_17_2() {
        let mut bytes = hex::decode(
            "00000000000000000300000000000000ff070000d70700000500000000100000 41f8da9a01000000".replace(' ', ""),
        )
        .unwrap();
        bytes.extend_from_slice(b"K0000-Hn66vaMG");
        bytes.resize(4096, b'x');
        bytes[2047..].fill(0);
        let mut r = Reader::new(&bytes);
        let (page, block) = (PageHeader::read(&mut r).unwrap(), LocalBlockHeader::read(&mut r).unwrap());
        assert_eq!(header(&bytes, &page, &block), None);
        assert!(Page::new(&bytes).is_err(), "more than mem_size bytes");
        let page = Page::new(&bytes[..2047]).unwrap();
        let item = overflow_item(&page).unwrap();
        assert_eq!((item.len(), &item[..6]), (2007, &b"K0000-"[..]));
        let leaf = Page { kind: PageType::RowLeaf, ..page };
        assert_eq!(overflow_item(&leaf).unwrap_err().rule, Rule::Type);
        bytes[20] = 0xd6;
        assert_eq!(overflow_item(&Page::new(&bytes[..2047]).unwrap()).unwrap_err().rule, Rule::Entries);
    }

    #[test]
    fn breaches_are_capped_by_kind_and_in_all() {
        let mut all = Breaches::default();
        for n in 0..5 {
            all.add(Rule::Order, n, || "order".into());
        }
        assert_eq!((all.list.len(), all.more), (2, 3));
        for rule in [Rule::Cell, Rule::Window, Rule::Copy, Rule::Run] {
            all.add(rule, 0, || rule.name().into());
            all.add(rule, 1, || rule.name().into());
        }
        assert_eq!((all.list.len(), all.more), (MAX_BROKEN, 5));
        assert!(all.has(Rule::Window) && !all.has(Rule::Run) && !all.is_empty());
        assert_eq!(all.list[0].to_string(), "byte 0: order");
    }
}
