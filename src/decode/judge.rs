//! What happened to a block of a local file, as far as its bytes prove it.
//!
//! Everything said here follows from the bytes and the address that leads to them; where it does
//! not, nothing is said.

use super::block::FlippedBit;
use super::view::{FLIP_SEARCH, Sum};
use crate::format::block::{FLAG_DATA_CHECKSUM, LocalBlockHeader, SKIP_LEN};
use crate::format::crc::{crc32c_zeroed, find_flipped_bit};
use crate::format::local::{self, ALLOCATION_SIZES, DATA_OFFSET, MAX_BLOCK};
use crate::format::page_header::{self, PageHeader};
use crate::format::reader::Reader;
use crate::mongo::document::Document;
use crate::words::text::grouped;
use serde::Serialize;

/// Where the checksum lies.
const FIELD: usize = page_header::HEADER_LEN + 4;
/// Where the block flags lie.
const FLAGS: usize = page_header::HEADER_LEN + 8;
/// Where the disk size lies.
const DISK_SIZE: usize = page_header::HEADER_LEN;
/// Bytes of a sector, of the page cache and of most disks.
const SECTOR: usize = 4096;
/// The smallest unit of a file.
pub(super) const UNIT: usize = 512;
/// Most bytes whose checksums are computed in the search for other blocks.
const SEARCH: usize = 1 << 30;
/// Most zero runs and foreign blocks that are listed.
const LISTED_RUNS: usize = 16;
/// From here on, a flipped bit may fit by chance.
pub(super) const CHANCE: usize = 1 << 20;
/// Where a log file of the engine has its magic number, and the number.
const LOG_MAGIC: (usize, u32) = (16, 0x0010_1064);
/// How much of a block is looked at to tell what it looks like.
const LOOK: usize = 4096;

/// What is known of a block.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The bytes that are there, where each part begins in the block; no two parts touch.
    pub parts: &'a [(usize, &'a [u8])],
    /// Bytes of the block.
    pub size: usize,
    /// Where it lies in its file.
    pub offset: u64,
    /// The checksum its address has.
    pub expected: Option<u32>,
    /// Whether a checksum field of zero is the work of the engine, which compares the field, clears
    /// it and then computes; `None` if that is not known.
    pub cleared: Option<bool>,
}

impl<'a> Evidence<'a> {
    fn present(&self) -> usize {
        self.parts.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Every byte is there.
    pub(super) fn complete(&self) -> bool {
        self.present() >= self.size
    }

    /// The bytes from the first one on, as far as they are there.
    pub(super) fn head(&self) -> &'a [u8] {
        self.parts.first().filter(|(at, _)| *at == 0).map_or(&[], |(_, bytes)| *bytes)
    }

    /// Whether nothing but zeros is there, which then is the judgement.
    pub(super) fn all_zero(&self, out: &mut Judgement) -> bool {
        let present = grouped(self.present() as u64);
        let zero = self.present() > 0 && self.parts.iter().all(|(_, bytes)| bytes.iter().all(|b| *b == 0));
        if zero {
            out.verdict = Verdict::Zeros;
            out.judgement = if self.complete() {
                format!("all {present} bytes are zero: never written, or the write was lost")
            } else {
                format!("all {present} bytes that are present are zero")
            };
        }
        zero
    }
}

/// What happened to a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its checksum holds and is the expected one.
    Sound,
    /// All bytes that are there are zero.
    Zeros,
    /// One bit is wrong.
    FlippedBit,
    /// Only the checksum in the header is wrong.
    ChecksumField,
    /// Only the disk size in the header is wrong.
    SizeField,
    /// A valid block, but not the one that should be here.
    OtherBlock,
    /// Not a block, but something else.
    NotABlock,
    /// Whole sectors of it are zero.
    ZeroSectors,
    /// Another block, or the head of a file, begins inside of it.
    ForeignData,
    /// Damaged in more than one bit.
    Damaged,
    /// Too little of it is there.
    #[default]
    Unknown,
}

/// A flipped bit and where its byte lies in the file.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Flip {
    /// The bit.
    #[serde(flatten)]
    pub bit: FlippedBit,
    /// Offset of its byte in the file; a block of a page log lies in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<u64>,
}

/// A range of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Run {
    /// Offset of the first byte in the block.
    pub at: usize,
    /// Bytes.
    pub bytes: usize,
}

/// Something that does not belong into a block.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Foreign {
    /// Where it begins in the block.
    pub at: usize,
    /// What it is.
    pub what: String,
}

/// What a block turned out to be.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// In one word.
    pub verdict: Verdict,
    /// In a sentence.
    pub judgement: String,
    /// The bit that explains all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flipped_bit: Option<Flip>,
    /// The checksum over the bytes, if all that it covers are there.
    pub computed: Option<Sum>,
    /// What stands here instead of a block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks_like: Option<String>,
    /// Whole sectors of zeros where the block should have content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zeros: Vec<Run>,
    /// What begins inside of the block and has a checksum that holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<Foreign>,
    /// The engine cleared the checksum field, which therefore was right.
    #[serde(skip)]
    pub cleared: bool,
    /// The header is one that a block can have.
    #[serde(skip)]
    pub plausible: bool,
    /// What else there is to know.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Judge a block.
pub fn judge(e: &Evidence<'_>) -> Judgement {
    let mut out = Judgement::default();
    let complete = e.complete();
    if e.all_zero(&mut out) {
        return out;
    }
    let head = e.head();
    let headers = headers(head);
    out.plausible = headers.is_some_and(|(p, b)| plausible(&p, &b));
    if let Some((page, block)) = headers
        && by_checksum(e, head, &page, &block, &mut out)
    {
        return out;
    }
    by_content(e, head, complete, &mut out);
    out
}

/// Page and block header of what may be a block.
fn headers(head: &[u8]) -> Option<(PageHeader, LocalBlockHeader)> {
    let mut r = Reader::new(head);
    PageHeader::read(&mut r).and_then(|p| LocalBlockHeader::read(&mut r).map(|b| (p, b))).ok()
}

/// Headers a block can have.
fn plausible(page: &PageHeader, block: &LocalBlockHeader) -> bool {
    page.check().is_ok()
        && block.unused == [0; 3]
        && block.flags & !FLAG_DATA_CHECKSUM == 0
        && block.disk_size != 0
        && block.disk_size.is_multiple_of(*ALLOCATION_SIZES.start())
        && block.disk_size <= MAX_BLOCK
}

fn covered(flags: u8, size: usize) -> usize {
    if flags & FLAG_DATA_CHECKSUM != 0 { size } else { SKIP_LEN.min(size) }
}

/// The headers of a block that lies at the beginning of `bytes` and whose checksum holds.
pub fn valid(bytes: &[u8]) -> Option<(PageHeader, LocalBlockHeader)> {
    let (page, block) = headers(bytes).filter(|(p, b)| plausible(p, b))?;
    let whole = bytes.get(..usize::try_from(block.disk_size).ok()?)?;
    (block.compute_checksum(whole) == block.checksum).then_some((page, block))
}

fn words(page: &PageHeader, block: &LocalBlockHeader) -> String {
    let name = page.page_type().map_or("unknown", page_header::PageType::name);
    format!("{name} of {} bytes, write generation {}", grouped(block.disk_size.into()), page.write_gen)
}

/// What the checksums prove. False if they prove nothing.
fn by_checksum(
    e: &Evidence<'_>,
    head: &[u8],
    page: &PageHeader,
    block: &LocalBlockHeader,
    out: &mut Judgement,
) -> bool {
    let stored = block.checksum;
    let wanted = e.expected.unwrap_or(stored);
    let computed = head.get(..covered(block.flags, e.size)).map(|bytes| crc32c_zeroed(bytes, FIELD));
    // Of what is no block and has no address, it would mean nothing.
    out.computed = computed.filter(|_| out.plausible || e.expected.is_some()).map(Sum);
    if computed == Some(wanted) {
        out.cleared = e.cleared == Some(true) && stored == 0;
        let field = if out.cleared { 0 } else { stored ^ wanted };
        (out.verdict, out.judgement) = match field.count_ones() {
            0 => (Verdict::Sound, "the checksum is valid".to_string()),
            n => {
                let bits = if n == 1 { "one bit of it".to_string() } else { format!("{n} bits of it") };
                let what = format!(
                    "only the checksum in the header is wrong ({bits}): {} instead of {}; everything it covers is right",
                    Sum(stored),
                    Sum(wanted)
                );
                (Verdict::ChecksumField, what)
            }
        };
        return true;
    }
    let own_size = usize::try_from(block.disk_size).is_ok_and(|size| size == e.size);
    if valid(head).is_some() && (stored != wanted || !own_size) {
        out.verdict = Verdict::OtherBlock;
        out.judgement = format!(
            "a valid block, but not the expected one: {}, checksum {}; a write was misdirected or lost",
            words(page, block),
            Sum(stored)
        );
        return true;
    }
    if e.cleared != Some(false) && stored == 0 && wanted != 0 {
        out.cleared = true;
        out.notes.push(
            "the checksum field is zero because the engine clears it before it computes; it was the expected one"
                .to_string(),
        );
    }
    if let Some((byte, bit)) = flipped(head, e.size, wanted) {
        let file_offset = e.offset.saturating_add(byte as u64);
        out.verdict = Verdict::FlippedBit;
        out.flipped_bit = Some(Flip { bit: FlippedBit { byte, bit }, file_offset: Some(file_offset) });
        out.judgement = format!(
            "a single flipped bit explains it: bit {bit} of byte {}, which is byte {} of the file",
            grouped(byte as u64),
            grouped(file_offset)
        );
        if stored != wanted && !out.cleared {
            out.judgement.push_str(&format!("; the checksum in the header is wrong as well ({})", Sum(stored)));
        }
        if e.size > CHANCE && block.flags & FLAG_DATA_CHECKSUM != 0 {
            let odds = (1_u64 << 32) / (e.size as u64 * 8);
            out.notes.push(format!("with random damage to a block this large, one in {odds} looks like a flipped bit"));
        }
        return true;
    }
    if e.size > FLIP_SEARCH {
        out.notes
            .push(format!("the block is too large to search for a flipped bit ({} bytes)", grouped(e.size as u64)));
    }
    if e.expected.is_some() && !own_size && with_size(head, e.size, block.flags) == Some(wanted) {
        out.verdict = Verdict::SizeField;
        out.judgement = format!(
            "only the disk size in the header is wrong: {} instead of {}",
            grouped(block.disk_size.into()),
            grouped(e.size as u64)
        );
        return true;
    }
    false
}

/// The checksum if the disk size were right.
fn with_size(head: &[u8], size: usize, flags: u8) -> Option<u32> {
    let mut copy = head.get(..covered(flags, size))?.to_vec();
    copy.get_mut(DISK_SIZE..FIELD)?.copy_from_slice(&u32::try_from(size).ok()?.to_le_bytes());
    Some(crc32c_zeroed(&copy, FIELD))
}

/// The one bit whose flip gives the wanted checksum. The flags say what a checksum covers and may
/// themselves be what is wrong.
fn flipped(head: &[u8], size: usize, wanted: u32) -> Option<(usize, u8)> {
    let flags = *head.get(FLAGS)?;
    for covers in [size, SKIP_LEN] {
        let Some(bytes) = head.get(..covers).filter(|b| b.len() <= FLIP_SEARCH) else { continue };
        if let Some((byte, bit)) = find_flipped_bit(bytes, FIELD, wanted) {
            let right = if byte == FLAGS { flags ^ 1 << bit } else { flags };
            if covered(right, size) == covers {
                return Some((byte, bit));
            }
        }
    }
    None
}

/// What the content proves, whatever the checksum.
fn by_content(e: &Evidence<'_>, head: &[u8], complete: bool, out: &mut Judgement) {
    if !out.plausible {
        out.looks_like = looks_like(head);
    }
    let (used, exact) = used(head, e, out.plausible);
    let aligned = e.offset.is_multiple_of(SECTOR as u64) && e.size.is_multiple_of(SECTOR);
    out.zeros = zero_sectors(e, used, if aligned { SECTOR } else { UNIT });
    out.foreign = foreign(e);
    let wrong_header = (!out.plausible && head.len() >= DATA_OFFSET).then(|| match headers(head) {
        Some((p, b)) => format!(
            "not the header of a block: page type {}, disk size {}, block flags {:#04x}",
            p.type_byte, b.disk_size, b.flags
        ),
        None => String::new(),
    });
    if let Some(what) = &out.looks_like {
        out.verdict = Verdict::NotABlock;
        out.judgement = format!("not a block at all: it looks like {what}");
    } else if let Some(first) = out.foreign.first() {
        out.verdict = Verdict::ForeignData;
        out.judgement =
            format!("from byte {} onwards it holds something else: {}", grouped(first.at as u64), first.what);
    } else if let Some(first) = out.zeros.first().copied() {
        out.verdict = Verdict::ZeroSectors;
        let end = first.at + first.bytes;
        let from = grouped(first.at as u64);
        out.judgement = if end >= used && complete {
            format!("all zeros from byte {from} onwards, although its content extends to byte {}", grouped(used as u64))
        } else {
            format!("{} bytes starting at byte {from} are zero, in whole sectors", grouped(first.bytes as u64))
        };
        if out.zeros.len() > 1 {
            out.judgement.push_str(&format!("; {} such places", out.zeros.len()));
        }
        if !exact && first.at > 0 {
            out.notes.push("page content may itself be zero".to_string());
        }
    } else if wrong_header.is_some() && e.expected.is_none() {
        out.verdict = Verdict::NotABlock;
        out.judgement = "no block starts here".to_string();
    } else if !complete {
        out.verdict = Verdict::Unknown;
        out.judgement = "too little of it is there to judge".to_string();
    } else {
        out.verdict = Verdict::Damaged;
        out.judgement = "damaged in more than one bit; it is not known which bytes are wrong".to_string();
    }
    if let Some(header) = wrong_header
        && out.looks_like.is_none()
    {
        out.judgement.push_str(&format!("; {header}"));
    }
    let stored = headers(head).map(|(_, b)| b.checksum);
    if let (Some(stored), Some(wanted)) = (stored, e.expected)
        && out.plausible
        && stored != wanted
        && !out.cleared
    {
        out.notes.push(format!(
            "the header has the checksum {}, so this is another block that is damaged, or the header is",
            Sum(stored)
        ));
    }
}

/// How many bytes have content, by the header, and whether none of them are zeros of a page's own;
/// without a plausible header those up to the last byte that is not zero.
fn used(head: &[u8], e: &Evidence<'_>, plausible: bool) -> (usize, bool) {
    let last = || {
        let ends = e.parts.iter().filter_map(|(at, b)| b.iter().rposition(|b| *b != 0).map(|last| at + last + 1));
        ends.max().unwrap_or_default()
    };
    let Some((page, _)) = headers(head).filter(|_| plausible) else { return (last(), false) };
    let number =
        |at: usize| Reader::at(head, at).and_then(|mut r| r.u32le()).ok().and_then(|n| usize::try_from(n).ok());
    let length = if page.is_encrypted() {
        number(DATA_OFFSET)
    } else if page.is_compressed() {
        use crate::format::compress::{Compressor, detect};
        let behind = |frame: usize| number(SKIP_LEN).map(|n| n.saturating_add(SKIP_LEN + frame));
        match detect(head) {
            Some(Compressor::Snappy | Compressor::Zstd) => behind(8),
            Some(Compressor::Lz4) => behind(16),
            Some(Compressor::Zlib) | None => None,
        }
    } else {
        usize::try_from(page.mem_size).ok()
    };
    match length.filter(|n| (DATA_OFFSET..=e.size).contains(n)) {
        Some(n) => (n, page.is_encrypted() || page.is_compressed()),
        None => (last(), false),
    }
}

/// Runs of whole sectors of zeros among the used bytes.
pub(super) fn zero_sectors(e: &Evidence<'_>, used: usize, sector: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, bytes) in e.parts {
        let mut start = at.next_multiple_of(sector);
        while start < used {
            let end = (start + sector).min(used);
            let Some(part) = bytes.get(start - at..end - at) else { break };
            if part.iter().all(|b| *b == 0) {
                match runs.last_mut() {
                    Some(run) if run.at + run.bytes == start => run.bytes += part.len(),
                    // What is left of the last sector must be worth being called one.
                    _ if part.len() < UNIT => {}
                    _ => runs.push(Run { at: start, bytes: part.len() }),
                }
            }
            start += sector;
        }
    }
    // The run at the end begins with its first zero.
    if let Some(run) = runs.last_mut()
        && run.at + run.bytes >= used
        && let Some((at, bytes)) = e.parts.iter().find(|(at, b)| (*at..at + b.len()).contains(&run.at))
    {
        let zeros = bytes[..run.at - at].iter().rev().take_while(|b| **b == 0).count();
        *run = Run { at: run.at - zeros, bytes: run.bytes + zeros };
    }
    runs.truncate(LISTED_RUNS);
    runs
}

/// Blocks and heads of files inside of the block, each proved by its own checksum.
fn foreign(e: &Evidence<'_>) -> Vec<Foreign> {
    let mut out = Vec::new();
    let mut budget = SEARCH;
    for (at, bytes) in e.parts {
        let mut start = (*at).max(UNIT).next_multiple_of(UNIT);
        while let Some(rest) = bytes.get(start - at..).filter(|r| r.len() >= DATA_OFFSET) {
            let mut step = UNIT;
            if let Some((p, b)) = headers(rest).filter(|(p, b)| plausible(p, b)) {
                budget = budget.saturating_sub(covered(b.flags, b.disk_size as usize).min(rest.len()));
                if valid(rest).is_some() {
                    out.push(Foreign { at: start, what: format!("a valid block: {}", words(&p, &b)) });
                    step = b.disk_size as usize;
                }
            } else if local::descriptor(rest).is_ok() {
                budget = budget.saturating_sub(rest.len());
                if local::allocation_size(rest).is_ok() {
                    out.push(Foreign { at: start, what: "the start of a WiredTiger file".to_string() });
                }
            }
            if budget == 0 || out.len() == LISTED_RUNS {
                return out;
            }
            start += step;
        }
    }
    out
}

/// What stands here instead of a block, where the first bytes tell.
pub(super) fn looks_like(head: &[u8]) -> Option<String> {
    let look = &head[..head.len().min(LOOK)];
    let first = *look.first().filter(|_| look.len() >= DATA_OFFSET)?;
    if head.iter().all(|b| *b == first) {
        return Some(format!("only the byte {first:02x}"));
    }
    if local::descriptor(look).is_ok() {
        return Some("the start of a WiredTiger file, its descriptor".to_string());
    }
    let number = |at: usize| Reader::at(look, at).and_then(|mut r| r.u32le()).ok();
    if number(LOG_MAGIC.0) == Some(LOG_MAGIC.1) {
        return Some("the start of a WiredTiger journal file".to_string());
    }
    const MAGICS: [(&[u8], &str); 9] = [
        (b"SQLite format 3\0", "the start of an SQLite database"),
        (b"\x1f\x8b\x08", "gzip data"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"\x7fELF", "a program (ELF)"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"%PDF-", "a PDF document"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ\0", "xz data"),
    ];
    if let Some((_, what)) = MAGICS.iter().find(|(magic, _)| look.starts_with(magic)) {
        return Some((*what).to_string());
    }
    if let Some(length) = bson_document(head) {
        return Some(format!("a BSON document of {} bytes", grouped(length as u64)));
    }
    let printable = |b: &&u8| (b' '..=b'~').contains(*b) || matches!(b, b'\n' | b'\r' | b'\t') || **b >= 0x80;
    let text = look.iter().filter(printable).count() * 100 >= look.len() * 95;
    // Bytes from 0x80 on are text only if they are UTF-8; the last character may be cut.
    let utf8 = std::str::from_utf8(look).map_or_else(|e| e.error_len().is_none(), |_| true);
    (text && utf8).then(|| "printable text".to_string())
}

/// The length of the BSON document at the beginning.
fn bson_document(head: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(*head.first_chunk()?)).ok()?;
    let document = head.get(..length).filter(|d| d.len() > 5)?;
    Document::new(document).is_ok_and(|d| d.is_whole()).then_some(length)
}
