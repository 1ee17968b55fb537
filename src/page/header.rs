//! The rules of a page's headers and tail, and of overflow items.

use super::form::{Form, Page};
use super::rules::{Broken, Rule};
use super::what::{Wanted, What};
use crate::format::block::{FLAG_DATA_CHECKSUM, LocalBlockHeader, SKIP_LEN};
use crate::format::compress::MAX_MEM_SIZE;
use crate::format::local::DATA_OFFSET;
use crate::format::page_header::{self, PageHeader, PageType};

/// The rules of a local block that need no cell: `stored` is the whole block, `page` and
/// `block` are its headers. The first broken rule; checksums are the caller's business.
pub fn header(stored: &[u8], page: &PageHeader, block: &LocalBlockHeader) -> Option<Broken> {
    header_rules(stored, page, block).err()
}

/// Offsets of header fields.
pub(super) mod at {
    pub(in super::super) const RECNO: usize = 0;
    pub(in super::super) const MEM_SIZE: usize = 16;
    pub(in super::super) const ENTRIES: usize = 20;
    pub(in super::super) const TYPE: usize = 24;
    pub(in super::super) const FLAGS: usize = 25;
    pub(in super::super) const UNUSED: usize = 26;
    pub(in super::super) const VERSION: usize = 27;
    pub(in super::super) const DISK_SIZE: usize = 28;
    pub(in super::super) const BLOCK_FLAGS: usize = 36;
    pub(in super::super) const BLOCK_UNUSED: usize = 37;
}

fn header_rules(stored: &[u8], page: &PageHeader, block: &LocalBlockHeader) -> std::result::Result<(), Broken> {
    let kind = PageType::from_byte(page.type_byte).filter(|t| *t != PageType::Invalid);
    let kind = kind.ok_or_else(|| Broken::new(Rule::Type, at::TYPE, What::PageType(page.type_byte)))?;
    let broken = |rule, at, what: What| Err(Broken::new(rule, at, what));
    let column = matches!(kind, PageType::ColumnFixed | PageType::ColumnInternal | PageType::ColumnVariable);
    if column && page.recno == 0 {
        return broken(Rule::RecordNumber, at::RECNO, What::NoRecordNumber(kind));
    }
    if !column && page.recno != 0 {
        return broken(Rule::RecordNumber, at::RECNO, What::RecordNumber { kind, recno: page.recno });
    }
    if page.flags & !allowed_flags(kind) != 0
        || page.flags & VALUE_FLAGS == VALUE_FLAGS
        || block.flags & !FLAG_DATA_CHECKSUM != 0
    {
        let at = if block.flags & !FLAG_DATA_CHECKSUM != 0 { at::BLOCK_FLAGS } else { at::FLAGS };
        return broken(Rule::Flags, at, What::Flags { kind, page: page.flags, block: block.flags });
    }
    if page.unused != 0 {
        return broken(Rule::Unused, at::UNUSED, What::UnusedPageByte { kind, byte: page.unused });
    }
    if block.unused != [0; 3] {
        return broken(Rule::Unused, at::BLOCK_UNUSED, What::UnusedBlockBytes { kind, bytes: block.unused });
    }
    if page.version > 1 {
        return broken(Rule::Version, at::VERSION, What::Version { kind, version: page.version });
    }
    let disk_size = usize::try_from(block.disk_size).unwrap_or(usize::MAX);
    if disk_size != stored.len() || disk_size < SKIP_LEN {
        return broken(Rule::Size, at::DISK_SIZE, What::DiskSize { kind, stated: disk_size, stored: stored.len() });
    }
    let mem_size = usize::try_from(page.mem_size).unwrap_or(usize::MAX);
    let limit = if page.is_compressed() { usize::try_from(MAX_MEM_SIZE).unwrap_or(usize::MAX) } else { disk_size };
    let least = if page.is_compressed() { SKIP_LEN } else { DATA_OFFSET };
    if mem_size < least {
        return broken(Rule::Size, at::MEM_SIZE, What::MemSizeSmall { kind, mem_size });
    }
    if mem_size > limit {
        return broken(Rule::Size, at::MEM_SIZE, What::MemSizeLarge { kind, mem_size, limit });
    }
    let data = mem_size.saturating_sub(DATA_OFFSET);
    if let Some(what) = entries(kind, page.entries, data, Some(kind)) {
        return broken(Rule::Entries, at::ENTRIES, what);
    }
    // Behind an avail list lies recovery data; where a stream ends only its decoder knows.
    if kind != PageType::BlockManager && !page.is_compressed() && !page.is_encrypted() {
        let tail = stored.get(mem_size..).unwrap_or_default();
        if !all_zero(tail) {
            let at = tail.iter().position(|b| *b != 0).map_or(mem_size, |n| mem_size.saturating_add(n));
            return broken(Rule::Tail, at, What::BehindMemSize { kind, mem_size });
        }
    }
    Ok(())
}

/// Row leaf: all values empty, no value empty.
const VALUE_FLAGS: u8 = page_header::FLAG_EMPTY_VALUES_ALL | page_header::FLAG_EMPTY_VALUES_NONE;
/// Any tree page may be compressed or encrypted; 0x10 is historic.
const ANY_FLAGS: u8 = page_header::FLAG_COMPRESSED | page_header::FLAG_ENCRYPTED | 0x10;

/// The flags a delta may have.
const DELTA_FLAGS: u8 = page_header::FLAG_COMPRESSED | page_header::FLAG_ENCRYPTED;

/// The flags a page of a type may have. List blocks are never compressed or encrypted.
fn allowed_flags(kind: PageType) -> u8 {
    match kind {
        PageType::BlockManager | PageType::Invalid => 0,
        PageType::RowLeaf => ANY_FLAGS | VALUE_FLAGS,
        PageType::RowInternal | PageType::ColumnInternal => ANY_FLAGS | page_header::FLAG_FAST_TRUNCATE,
        PageType::ColumnFixed | PageType::ColumnVariable | PageType::Overflow => ANY_FLAGS,
    }
}

/// What the entries field alone shows wrong, with `data` bytes behind the headers. `named`: the page type,
/// where it is to be told.
pub fn entries(kind: PageType, entries: u32, data: usize, named: Option<PageType>) -> Option<What> {
    let n = usize::try_from(entries).unwrap_or(usize::MAX);
    let fits = match kind {
        PageType::Overflow | PageType::BlockManager => n == data,
        // At least one bit each.
        PageType::ColumnFixed => n.div_ceil(8) <= data,
        _ => n <= data,
    };
    match (n, fits) {
        (0, _) => Some(What::NoEntries(named)),
        (_, false) => Some(What::EntriesUnfit { kind: named, entries: n, data }),
        _ => None,
    }
}

/// The rules of a page log's block that need no cell and that depend on what kind of page it is. Those
/// that hold for every block of a page log alike ([`crate::format::image::Image::check_headers`]) are told
/// at every depth, before a block is decoded.
pub fn log_header(page: &Page<'_>) -> Option<Broken> {
    let kind = page.kind;
    if !matches!(kind, PageType::RowInternal | PageType::RowLeaf | PageType::Overflow) {
        return Some(Broken::new(Rule::Type, at::TYPE, What::FamilyType(kind)));
    }
    let allowed = if page.form.is_delta() { DELTA_FLAGS } else { allowed_flags(kind) };
    // The headers of June 2025 deltas are others.
    let field = |at| if page.form == Form::Delta(crate::format::image::Era::June2025) { 0 } else { at };
    if page.header.flags & !allowed != 0 {
        let what = What::Flags { kind, page: page.header.flags, block: 0 };
        return Some(Broken::new(Rule::Flags, field(at::FLAGS), what));
    }
    let data = page.plain.len().saturating_sub(page.start);
    entries(kind, page.header.entries, data, Some(kind)).map(|what| {
        let rule = if matches!(what, What::NoEntries(_)) { Rule::Empty } else { Rule::Entries };
        Broken::new(rule, field(at::ENTRIES), what)
    })
}

/// Whether every byte is zero, many at a time.
fn all_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().all(|b| b.iter().fold(0, |any, b| any | b) == 0) && rest.iter().all(|b| *b == 0)
}

/// The item of an overflow page.
pub fn overflow_item<'a>(page: &Page<'a>) -> std::result::Result<&'a [u8], Broken> {
    if page.kind != PageType::Overflow {
        return Err(Broken::new(Rule::Type, at::TYPE, What::Instead { found: page.kind, wanted: Wanted::Overflow }));
    }
    let item = page.plain.get(page.start..).unwrap_or_default();
    match entries(page.kind, page.header.entries, item.len(), None) {
        Some(what) => Err(Broken::new(Rule::Entries, at::ENTRIES, what)),
        None => Ok(item),
    }
}
