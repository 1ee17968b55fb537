//! Stored blocks, disaggregated and classic, as documents.

use super::cells::{CellInfo, CellList};
use super::cookies::CheckpointInfo;
use super::view::{Addresses, FLIP_SEARCH, LISTED, Problem, Sum, View, era_name};
use crate::format::block::{self, LocalBlockHeader};
use crate::format::compress::{self, Compressor};
use crate::format::image::{Era, Image};
use crate::format::local::{self, ExtentList};
use crate::format::local_image;
use crate::format::page_header::{self, PageHeader, PageType};
use crate::format::reader::Reader;
use crate::format::{Class, FormatError, Result};
use crate::page::delta::{self, Body};
use crate::page::what::What;
use serde::Serialize;
use std::borrow::Cow;

/// A page header.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PageHeaderInfo {
    /// Page type in words.
    #[serde(rename = "type")]
    pub page_type: String,
    /// The type byte.
    pub type_byte: u8,
    /// First record number of a column-store page.
    pub recno: u64,
    /// Write generation.
    pub write_gen: u64,
    /// Uncompressed bytes, headers included.
    pub mem_size: u32,
    /// Cells, or data bytes of overflow and block-manager pages.
    pub entries: u32,
    /// Flags.
    pub flags: u8,
    /// Flags in words.
    pub flag_names: Vec<String>,
    /// The unused byte.
    pub unused: u8,
    /// Version.
    pub version: u8,
}

impl From<&PageHeader> for PageHeaderInfo {
    fn from(h: &PageHeader) -> Self {
        let name = PageType::from_byte(h.type_byte);
        Self {
            page_type: name.map_or_else(|| format!("unknown {}", h.type_byte), |t| t.name().to_string()),
            type_byte: h.type_byte,
            recno: h.recno,
            write_gen: h.write_gen,
            mem_size: h.mem_size,
            entries: h.entries,
            flags: h.flags,
            flag_names: words(
                h.flags,
                &[
                    (page_header::FLAG_COMPRESSED, "compressed"),
                    (page_header::FLAG_EMPTY_VALUES_ALL, "all values empty"),
                    (page_header::FLAG_EMPTY_VALUES_NONE, "no value empty"),
                    (page_header::FLAG_ENCRYPTED, "encrypted"),
                    (0x10, "historic 0x10"),
                    (page_header::FLAG_FAST_TRUNCATE, "fast truncate"),
                ],
            ),
            unused: h.unused,
            version: h.version,
        }
    }
}

/// Flags in words; bits without a word in hexadecimal.
fn words(flags: u8, known: &[(u8, &str)]) -> Vec<String> {
    let mut out: Vec<String> = known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, w)| (*w).into()).collect();
    let rest = flags & !known.iter().fold(0, |all, (bit, _)| all | bit);
    if rest != 0 {
        out.push(format!("unknown {rest:#04x}"));
    }
    out
}

/// A block header of either storage.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum BlockHeaderInfo {
    /// Disaggregated.
    Disaggregated {
        /// `db` base image, `dd` delta.
        magic: String,
        /// Writer version.
        version: u8,
        /// Minimum reader version.
        compatible_version: u8,
        /// Page and block header together.
        header_size: u8,
        /// Checksum of the block before this one.
        previous_checksum: Sum,
        /// Flags.
        flags: u8,
        /// Flags in words.
        flag_names: Vec<String>,
        /// June 2025 layout only.
        #[serde(skip_serializing_if = "Option::is_none")]
        reconciliation_id: Option<u8>,
    },
    /// Classic.
    Classic {
        /// Bytes on disk.
        disk_size: u32,
        /// Flags.
        flags: u8,
        /// Flags in words.
        flag_names: Vec<String>,
    },
}

/// A block's checksum.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ChecksumInfo {
    /// In the header.
    pub stored: Sum,
    /// Over the bytes.
    pub computed: Sum,
    /// They agree.
    pub holds: bool,
    /// Bytes the checksum covers, from the first one.
    pub covers: usize,
    /// The one flipped bit that explains the difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flipped_bit: Option<FlippedBit>,
}

/// A bit of an image.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FlippedBit {
    /// Offset of its byte.
    pub byte: usize,
    /// Its number; 0 is the lowest.
    pub bit: u8,
}

/// An extent list of a classic file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ExtentsInfo {
    /// Number of extents.
    pub total: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// The first [`LISTED`] of them.
    pub extents: Vec<ExtentInfo>,
    /// Second number of the end pair; recovery data follows unless it is 0.
    pub end_value: u64,
    /// Recovery data of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryInfo>,
}

/// A range of a file.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ExtentInfo {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// The copy of a checkpoint behind an avail list, texts by their length only: they hold names.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct RecoveryInfo {
    /// The checkpoint's write generation + 1.
    pub generation: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Bytes of the metadata text.
    pub metadata_bytes: usize,
    /// Bytes of the checkpoint list.
    pub checkpoint_list_bytes: usize,
    /// The cookie; it lacks the avail list and has the previous file size.
    pub checkpoint: Option<CheckpointInfo>,
}

/// Everything about one stored block.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Block {
    /// `base`, `delta`, `classic`, or `unknown` with a foreign magic byte; `None` if the headers could not be read.
    pub form: Option<&'static str>,
    /// The header layout of a disaggregated block: `current` or `2025-06`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<&'static str>,
    /// Stored bytes.
    pub stored_bytes: usize,
    /// Page header.
    pub page_header: Option<PageHeaderInfo>,
    /// Block header.
    pub block_header: Option<BlockHeaderInfo>,
    /// Checksum.
    pub checksum: Option<ChecksumInfo>,
    /// `plain`, `compressed` or `encrypted`.
    pub content: Option<&'static str>,
    /// The compressor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressor: Option<&'static str>,
    /// Where the data begins.
    pub data_offset: Option<usize>,
    /// Number of cells.
    pub cells_total: usize,
    /// The first [`LISTED`] cells.
    pub cells: Vec<CellInfo>,
    /// Bytes of an overflow item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_bytes: Option<usize>,
    /// An overflow item, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Extent list of a classic block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extents: Option<ExtentsInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// A block of either storage: classic if its header looks like one.
pub fn block(stored: &[u8], view: &View) -> Block {
    if looks_classic(stored) { classic(stored, view) } else { disaggregated(stored, view) }
}

/// Neither magic byte can be the low byte of a disk size, which is a multiple of 512.
fn looks_classic(stored: &[u8]) -> bool {
    let header = Reader::at(stored, page_header::HEADER_LEN).and_then(|mut r| LocalBlockHeader::read(&mut r));
    let old_delta = stored.get(page_header::OLD_DELTA_HEADER_LEN) == Some(&block::MAGIC_DELTA)
        && stored.get(page_header::OLD_DELTA_HEADER_LEN + 3).map(|b| usize::from(*b))
            == Some(block::OLD_DELTA_COMBINED_LEN);
    header.is_ok_and(|h| {
        h.disk_size != 0 && h.disk_size % local::ALLOCATION_SIZES.start() == 0 && h.unused == [0; 3] && !old_delta
    })
}

impl Block {
    fn new(stored: &[u8]) -> Self {
        Self { stored_bytes: stored.len(), ..Self::default() }
    }

    fn problem(&mut self, problem: impl Into<Problem>) {
        let problem = problem.into();
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn sum(&mut self, stored: u32, computed: u32, covers: usize, flipped: impl FnOnce() -> Option<(usize, u8)>) {
        let holds = stored == computed;
        let flipped = if holds || covers > FLIP_SEARCH { None } else { flipped() };
        if !holds {
            self.problem(FormatError::io(format!("stored checksum {stored:08x}, computed {computed:08x}")));
        }
        if let Some((byte, bit)) = flipped {
            self.notes.push(format!(
                "a single flipped bit explains the checksum: byte {byte}, bit {bit}; what is shown is as stored"
            ));
        }
        self.checksum = Some(ChecksumInfo {
            stored: Sum(stored),
            computed: Sum(computed),
            holds,
            covers,
            flipped_bit: flipped.map(|(byte, bit)| FlippedBit { byte, bit }),
        });
    }

    /// Cells or item of a plain image.
    fn body(&mut self, body: &Body<'_>, delta: bool, addresses: Addresses, view: &View) {
        let Ok(page_type) = body.header.page_type() else { return };
        let list = match page_type {
            PageType::Overflow => {
                let length = usize::try_from(body.header.entries).unwrap_or(usize::MAX);
                let item = body.start.checked_add(length).and_then(|end| body.plain.get(body.start..end));
                match item {
                    Some(item) => {
                        self.item_bytes = Some(item.len());
                        self.item = view.shown(item);
                    }
                    None => self.problem(FormatError::invalid(format!("item of {length} bytes exceeds the page"))),
                }
                return;
            }
            PageType::Invalid | PageType::BlockManager | PageType::ColumnFixed => return,
            _ if delta && body.era == Era::June2025 => CellList::read_old_delta(body, page_type.is_internal(), view),
            _ => CellList::read(body.plain, body.start, body.header.flags, delta, addresses, view),
        };
        self.cells = list.cells;
        self.cells_total = list.total;
        list.problems.into_iter().for_each(|p| self.problem(p));
        if list.bad_content > 1 {
            self.notes.push(format!("{} cells have content that cannot be decoded", list.bad_content));
        }
        if self.cells_total > self.cells.len() {
            self.notes.push(format!("only the first {LISTED} of {} cells are listed", self.cells_total));
        }
        self.rules(body, delta, page_type);
    }

    /// Broken rules of the page.
    fn broken(&mut self, broken: Vec<delta::Judged>) {
        for b in broken.into_iter().flat_map(|j| j.breaches.list) {
            // What a cell is told of already is not told again.
            let error = match b.what {
                What::Cell { error, .. } | What::Entry(error) | What::Payload(error) | What::Header(error) => error,
                what if b.at == 0 => FormatError::invalid(what.to_string()),
                what => FormatError::invalid(format!("{what} (offset {})", b.at)),
            };
            self.problem(error);
        }
    }

    /// The rules of the page as a whole: alternation, number of cells, order of keys.
    fn rules(&mut self, body: &Body<'_>, delta: bool, page_type: PageType) {
        // A delta is judged on top of nothing.
        let nothing =
            Body { plain: &[], start: 0, header: PageHeader { entries: 0, ..body.header }, era: Era::Current };
        let (base, deltas) = if delta { (&nothing, std::slice::from_ref(body)) } else { (body, &[][..]) };
        match page_type {
            PageType::RowInternal => self.broken(delta::children(base, deltas).broken),
            PageType::RowLeaf => self.broken(delta::rows(base, deltas).broken),
            _ if usize::try_from(body.header.entries) != Ok(self.cells_total) && self.problems.is_empty() => {
                self.problem(FormatError::invalid(format!(
                    "page has {} cells, its header says {}",
                    self.cells_total, body.header.entries
                )));
            }
            _ => {}
        }
    }
}

/// A stored disaggregated image: base or delta, of the current layout or of June 2025.
pub fn disaggregated(stored: &[u8], view: &View) -> Block {
    let mut out = Block::new(stored);
    let image = match Image::parse(stored, view.era) {
        Ok(image) => image,
        Err(e) => {
            out.problem(e.within("headers"));
            return out;
        }
    };
    let delta = image.is_delta();
    let known = delta || image.block.magic == block::MAGIC_BASE;
    out.form = Some(match (known, delta) {
        (false, _) => "unknown",
        (_, true) => "delta",
        (_, false) => "base",
    });
    out.era = Some(era_name(image.era));
    out.page_header = Some((&image.page).into());
    let header = image.block;
    out.block_header = Some(BlockHeaderInfo::Disaggregated {
        magic: format!("{:02x}", header.magic),
        version: header.version,
        compatible_version: header.compatible_version,
        header_size: header.header_size,
        previous_checksum: Sum(header.previous_checksum),
        flags: header.flags,
        flag_names: words(
            header.flags,
            &[
                (block::FLAG_DATA_CHECKSUM, "data checksum"),
                (block::FLAG_ENCRYPTED, "encrypted"),
                (block::FLAG_COMPRESSED, "compressed"),
                (block::FLAG_MODIFIED, "modified"),
            ],
        ),
        reconciliation_id: header.reconciliation_id,
    });
    let covers = covered(header.flags, stored.len());
    out.sum(header.checksum, image.compute_checksum(), covers, || image.find_flipped_bit(header.checksum));
    // With this too wrong, it is no page at all, and more words about it would only mislead.
    let length = usize::from(header.header_size);
    if !known && length != block::OLD_DELTA_COMBINED_LEN && !block::COMBINED_LENS.contains(&length) {
        out.problem(FormatError::invalid(format!(
            "neither a disaggregated image (magic {:02x}) nor a block of a classic file",
            header.magic
        )));
        return out;
    }
    out.data_offset = Some(image.data_offset());
    out.content = Some(content(image.is_encrypted(), image.is_compressed()));
    let mirrored = [
        (header.flags & block::FLAG_COMPRESSED != 0) == image.page.is_compressed(),
        (header.flags & block::FLAG_ENCRYPTED != 0) == image.page.is_encrypted(),
    ];
    if mirrored.contains(&false) {
        out.notes.push("page and block header disagree about compression or encryption".to_string());
    }
    if header.flags & block::FLAG_MODIFIED != 0 {
        out.notes.push(
            "rewritten outside a normal write: it replaces the whole page, and cookies name its previous checksum"
                .to_string(),
        );
    }
    if let Err(e) = image.check_kind(delta) {
        let unsupported = e.class == Class::Unsupported;
        out.problem(e);
        // What a newer writer put behind its headers is anybody's guess.
        if unsupported {
            return out;
        }
    }
    if let Err(e) = image.check_headers() {
        out.problem(e);
    }
    if image.is_encrypted() {
        out.notes.push("the content is encrypted and cannot be shown".to_string());
        return out;
    }
    if image.is_compressed() {
        out.compressor = view.compressor.or_else(|| compress::detect(stored)).map(Compressor::name);
    }
    match image.plain(view.compressor) {
        Ok(plain) => {
            let body = Body { plain: &plain, start: image.data_offset(), header: image.page, era: image.era };
            out.body(&body, delta, Addresses::Disaggregated, view);
        }
        Err(e) => out.problem(e),
    }
    out
}

fn content(encrypted: bool, compressed: bool) -> &'static str {
    match (encrypted, compressed) {
        (true, _) => "encrypted",
        (false, true) => "compressed",
        (false, false) => "plain",
    }
}

fn covered(flags: u8, length: usize) -> usize {
    if flags & block::FLAG_DATA_CHECKSUM != 0 { length } else { length.min(block::SKIP_LEN) }
}

/// A block of a classic file.
pub fn classic(stored: &[u8], view: &View) -> Block {
    let mut out = Block::new(stored);
    let mut r = Reader::new(stored);
    let headers = PageHeader::read(&mut r).and_then(|p| LocalBlockHeader::read(&mut r).map(|b| (p, b)));
    let (header, local) = match headers {
        Ok(both) => both,
        Err(e) => {
            out.problem(e.within("headers"));
            return out;
        }
    };
    out.form = Some("classic");
    out.page_header = Some((&header).into());
    out.block_header = Some(BlockHeaderInfo::Classic {
        disk_size: local.disk_size,
        flags: local.flags,
        flag_names: words(local.flags, &[(block::FLAG_DATA_CHECKSUM, "data checksum")]),
    });
    out.data_offset = Some(local::DATA_OFFSET);
    let disk_size = usize::try_from(local.disk_size).unwrap_or(usize::MAX);
    let whole = stored.get(..disk_size).unwrap_or(stored);
    if stored.len() > disk_size {
        out.notes.push(format!("{} bytes after the block are ignored", stored.len() - disk_size));
    } else if stored.len() < disk_size {
        out.problem(FormatError::invalid(format!("{} bytes given, for a block of {disk_size}", stored.len())));
    }
    let covers = covered(local.flags, whole.len());
    let field = page_header::HEADER_LEN + 4;
    out.sum(local.checksum, local.compute_checksum(whole), covers, || {
        crate::format::crc::find_flipped_bit(whole.get(..covers).unwrap_or(whole), field, local.checksum)
    });
    if let Err(e) = header.check() {
        out.problem(e);
    }
    if local.unused != [0; 3] {
        out.problem(FormatError::invalid(format!("unused block header bytes are {:02x?}", local.unused)));
    }
    out.content = Some(content(header.is_encrypted(), header.is_compressed()));
    if header.is_encrypted() {
        out.notes.push("the content is encrypted and cannot be shown".to_string());
        return out;
    }
    if header.page_type() == Ok(PageType::BlockManager) {
        match extents(whole, view.alloc) {
            Ok((list, problem)) => {
                if list.total > list.extents.len() {
                    out.notes.push(format!("only the first {LISTED} of {} extents are listed", list.total));
                }
                out.extents = Some(list);
                problem.into_iter().for_each(|p| out.problem(p));
            }
            Err(e) => out.problem(e.within(&format!("with allocation size {}", view.alloc))),
        }
        return out;
    }
    match classic_plain(whole, &header, view, &mut out) {
        Ok(plain) => {
            let body = Body { plain: &plain, start: local::DATA_OFFSET, header, era: Era::Current };
            out.body(&body, false, Addresses::Classic(view.alloc), view);
        }
        Err(e) => out.problem(e),
    }
    out
}

/// The uncompressed block, exactly mem_size bytes.
fn classic_plain<'a>(whole: &'a [u8], header: &PageHeader, view: &View, out: &mut Block) -> Result<Cow<'a, [u8]>> {
    if header.is_compressed() {
        out.compressor = view.compressor.or_else(|| compress::detect(whole)).map(Compressor::name);
    }
    let plain = local_image::plain(whole, header, view.compressor)?;
    if let Cow::Borrowed(plain) = plain
        && whole.get(plain.len()..).is_some_and(|tail| tail.iter().any(|b| *b != 0))
    {
        out.problem(FormatError::invalid(format!("non-zero bytes after mem_size {}", header.mem_size)));
    }
    Ok(plain)
}

fn extents(whole: &[u8], alloc: u32) -> Result<(ExtentsInfo, Option<FormatError>)> {
    // The size of the file is not known here, so nothing bounds the entries.
    let list = ExtentList::decode(whole, alloc, u64::MAX)?;
    let recovery = list.recovery.as_ref().map(|r| RecoveryInfo {
        generation: r.generation,
        file_size: r.file_size,
        metadata_bytes: r.metadata.len(),
        checkpoint_list_bytes: r.checkpoint_list.len(),
        checkpoint: CheckpointInfo::decode(&r.cookie, alloc).ok(),
    });
    let info = ExtentsInfo {
        total: list.extents.len(),
        bytes: list.extents.iter().fold(0, |sum, e| sum.saturating_add(e.size)),
        extents: list.extents.iter().take(LISTED).map(|e| ExtentInfo { offset: e.offset, size: e.size }).collect(),
        end_value: list.end_value,
        recovery,
    };
    Ok((info, list.recovery_error))
}
