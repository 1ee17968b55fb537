//! A stored page image: page header, block header, data. Parsing, checksum, header
//! rules, and the plain (decompressed) form that cells are read from.

use super::block::{self, BlockHeader};
use super::compress::{self, Compressor};
use super::crc;
use super::page_header::{self, PageHeader};
use super::reader::Reader;
use super::{FormatError, Result};
use std::borrow::Cow;

/// Which header layout to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Since July 2025: one 44-byte layout for base images and deltas.
    Current,
    /// June 2025: reconciliation id in byte 12, deltas with a 20-byte page header.
    June2025,
}

/// A parsed image; borrows the stored bytes.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    bytes: &'a [u8],
    /// The header layout found.
    pub era: Era,
    /// Page header; for a June 2025 delta its 20-byte form.
    pub page: PageHeader,
    pub block: BlockHeader,
    block_offset: usize,
}

impl<'a> Image<'a> {
    /// Parse the headers. `era` is the caller's knowledge from the cookie, `None` for a lone image.
    pub fn parse(bytes: &'a [u8], era: Option<Era>) -> Result<Self> {
        let at = |offset: usize| bytes.get(offset).copied();
        // A June 2025 delta has its magic 20 bytes in and says 36.
        let old_delta = at(page_header::OLD_DELTA_HEADER_LEN) == Some(block::MAGIC_DELTA)
            && at(page_header::OLD_DELTA_HEADER_LEN + 3).map(usize::from) == Some(block::OLD_DELTA_COMBINED_LEN)
            && era != Some(Era::Current);
        let mut r = Reader::new(bytes);
        if old_delta {
            let page = PageHeader::read_old_delta(&mut r)?;
            let block = BlockHeader::read(&mut r, true)?;
            return Ok(Self {
                bytes,
                era: Era::June2025,
                page,
                block,
                block_offset: page_header::OLD_DELTA_HEADER_LEN,
            });
        }
        let page = PageHeader::read(&mut r)?;
        // Byte 41 is a flag byte in the old layout and always zero in the current one.
        let old = era.map_or_else(|| at(page_header::HEADER_LEN + 13).is_some_and(|b| b != 0), |e| e == Era::June2025);
        let block = BlockHeader::read(&mut r, old)?;
        let era = if old { Era::June2025 } else { Era::Current };
        Ok(Self { bytes, era, page, block, block_offset: page_header::HEADER_LEN })
    }

    /// The stored bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the magic byte says delta.
    pub fn is_delta(&self) -> bool {
        self.block.magic == block::MAGIC_DELTA
    }

    /// The checksum the image should carry.
    pub fn compute_checksum(&self) -> u32 {
        crc::crc32c_zeroed(self.covered(), self.block_offset + 4)
    }

    /// Where the checksum lies; the one of the block before follows it.
    pub fn checksum_offset(&self) -> usize {
        self.block_offset.saturating_add(4)
    }

    /// The bytes the checksum covers.
    fn covered(&self) -> &'a [u8] {
        let short = self.block.flags & block::FLAG_DATA_CHECKSUM == 0;
        self.bytes.get(..block::SKIP_LEN).filter(|_| short).unwrap_or(self.bytes)
    }

    /// The single bit whose flip explains a wrong checksum: offset in the image and bit number.
    pub fn find_flipped_bit(&self, wanted: u32) -> Option<(usize, u8)> {
        crc::find_flipped_bit(self.covered(), self.block_offset + 4, wanted)
    }

    /// Where the cells start: the size of both headers, as the block has it. Sizes out of range fall back to
    /// the layout's own.
    pub fn data_offset(&self) -> usize {
        let stored = usize::from(self.block.header_size);
        let natural = self.block_offset + block::HEADER_LEN;
        if natural == block::COMBINED_LEN && block::COMBINED_LENS.contains(&stored) && stored <= self.bytes.len() {
            stored
        } else {
            natural
        }
    }

    /// Encrypted by the engine; the cells cannot be read without the key.
    pub fn is_encrypted(&self) -> bool {
        self.block.flags & block::FLAG_ENCRYPTED != 0 || self.page.is_encrypted()
    }

    /// Compressed by the engine.
    pub fn is_compressed(&self) -> bool {
        self.block.flags & block::FLAG_COMPRESSED != 0 || self.page.is_compressed()
    }

    /// Magic and version rules of the reader walk.
    pub fn check_kind(&self, delta: bool) -> Result<()> {
        let expected = if delta { block::MAGIC_DELTA } else { block::MAGIC_BASE };
        if self.block.magic != expected {
            return Err(FormatError::invalid(format!(
                "magic 0x{:02x} doesn't match expected magic of 0x{expected:02x}",
                self.block.magic
            )));
        }
        if self.block.compatible_version > block::VERSION {
            return Err(FormatError::unsupported(format!(
                "compatible version {} of the block is newer than {}",
                self.block.compatible_version,
                block::VERSION
            )));
        }
        Ok(())
    }

    /// Byte 31: both headers together take 44 to 64 bytes, which compression leaves alone, and not more than
    /// the block has. Deltas of June 2025 have a byte of their own, and one value.
    fn check_header_size(&self) -> Result<()> {
        let stored = usize::from(self.block.header_size);
        let found = self.bytes.len();
        if self.block_offset != page_header::HEADER_LEN {
            let wanted = block::OLD_DELTA_COMBINED_LEN;
            return if stored == wanted {
                Ok(())
            } else {
                Err(FormatError::invalid(format!("header size {stored}, expected {wanted}")))
            };
        }
        if !block::COMBINED_LENS.contains(&stored) {
            let (least, most) = (block::COMBINED_LENS.start(), block::COMBINED_LENS.end());
            return Err(FormatError::invalid(format!("header size {stored} is not in {least} to {most}")));
        }
        if stored > found {
            return Err(FormatError::invalid(format!("header size {stored} exceeds the {found} bytes of the block")));
        }
        Ok(())
    }

    /// Re-written outside a normal write: it stands for the whole page, and must be all there is of it.
    pub fn is_modified(&self) -> bool {
        self.block.flags & block::FLAG_MODIFIED != 0
    }

    /// Header rules that hold for every stored image.
    pub fn check_headers(&self) -> Result<()> {
        self.page.check()?;
        self.check_header_size()?;
        if self.block.unused != [0; 3] {
            return Err(FormatError::invalid(format!("unused block header bytes are {:02x?}", self.block.unused)));
        }
        let mem_size = usize::try_from(self.page.mem_size).unwrap_or(usize::MAX);
        if mem_size < self.data_offset() {
            return Err(FormatError::invalid(format!("mem_size {mem_size} is smaller than the headers")));
        }
        if !self.is_compressed() && !self.is_encrypted() {
            let Some(tail) = self.bytes.get(mem_size..) else {
                return Err(FormatError::invalid(format!(
                    "mem_size {mem_size} exceeds the {} stored bytes of an uncompressed image",
                    self.bytes.len()
                )));
            };
            if tail.iter().any(|b| *b != 0) {
                return Err(FormatError::invalid(format!("non-zero bytes after mem_size {mem_size}")));
            }
        }
        Ok(())
    }

    /// The uncompressed image, headers included, exactly `mem_size` bytes.
    ///
    /// `compressor` is what the tree's configuration names; without it the framing decides.
    pub fn plain(&self, compressor: Option<Compressor>) -> Result<Cow<'a, [u8]>> {
        if self.is_encrypted() {
            return Err(FormatError::unsupported("the image is encrypted"));
        }
        if self.is_compressed() {
            let compressor = compressor
                .or_else(|| compress::detect(self.bytes))
                .ok_or_else(|| FormatError::unsupported("the image is compressed by an unknown compressor"))?;
            return compress::decompress(compressor, self.bytes, self.page.mem_size).map(Cow::Owned);
        }
        let mem_size = usize::try_from(self.page.mem_size).unwrap_or(usize::MAX);
        self.bytes.get(..mem_size).map(Cow::Borrowed).ok_or_else(|| {
            FormatError::invalid(format!("mem_size {mem_size} exceeds the {} stored bytes", self.bytes.len()))
        })
    }
}

/// What goes into a new image besides its cells.
#[derive(Debug, Clone, Copy)]
pub struct NewImage {
    /// Page header; `mem_size` and the compressed flag are filled in.
    pub page: PageHeader,
    /// Delta or base image.
    pub delta: bool,
    /// Checksum of the block this one follows, 0 for the first.
    pub previous_checksum: u32,
    /// Compress with this compressor, if that makes the image smaller; the compressed flags are then
    /// set in both headers.
    pub compressor: Option<Compressor>,
    /// The header layout to write.
    pub era: Era,
    /// Reconciliation id; June 2025 only.
    pub reconciliation_id: u8,
    /// Whether the checksum covers the whole image. `None`: unless it is compressed, as the engine does
    /// it now. An image that was to be compressed and was not is always covered whole.
    pub checksum_all: Option<bool>,
}

impl NewImage {
    /// A base image in the current layout, the first of its page, not compressed.
    pub fn new(page: PageHeader) -> Self {
        Self {
            page,
            delta: false,
            previous_checksum: 0,
            compressor: None,
            era: Era::Current,
            reconciliation_id: 0,
            checksum_all: None,
        }
    }

    /// Offset of the block header, and the combined length of both headers.
    fn lengths(&self) -> (usize, u8) {
        match (self.era, self.delta) {
            (Era::June2025, true) => (page_header::OLD_DELTA_HEADER_LEN, 36),
            _ => (page_header::HEADER_LEN, 44),
        }
    }

    /// Whether the checksum is to cover the whole image.
    fn covers_all(&self, compressed: bool) -> bool {
        match self.compressor {
            Some(_) if !compressed => true,
            _ => self.checksum_all.unwrap_or(!compressed),
        }
    }

    /// Both headers and the cells, still without checksum.
    fn assemble(&self, cells: &[u8], compressed: bool) -> Vec<u8> {
        let (offset, header_size) = self.lengths();
        let len = usize::from(header_size).saturating_add(cells.len());
        let mut page = self.page;
        page.mem_size = u32::try_from(len).unwrap_or(u32::MAX);
        page.flags &= !page_header::FLAG_COMPRESSED;
        let mut flags = 0;
        if compressed {
            page.flags |= page_header::FLAG_COMPRESSED;
            flags |= block::FLAG_COMPRESSED;
        }
        if self.covers_all(compressed) {
            flags |= block::FLAG_DATA_CHECKSUM;
        }
        let header = BlockHeader {
            magic: if self.delta { block::MAGIC_DELTA } else { block::MAGIC_BASE },
            version: block::VERSION,
            compatible_version: block::VERSION,
            header_size,
            checksum: 0,
            previous_checksum: self.previous_checksum,
            flags,
            reconciliation_id: (self.era == Era::June2025).then_some(self.reconciliation_id),
            unused: [0; 3],
        };
        let mut out = Vec::with_capacity(len);
        if offset == page_header::HEADER_LEN {
            page.write(&mut out);
        } else {
            page.write_old_delta(&mut out);
        }
        header.write(&mut out);
        out.extend_from_slice(cells);
        out
    }
}

/// Build a stored image around `cells`. Returns the bytes and their checksum.
pub fn build(new: &NewImage, cells: &[u8]) -> (Vec<u8>, u32) {
    let small = new.compressor.and_then(|c| {
        let plain = new.assemble(cells, true);
        let small = (plain.len() > block::SKIP_LEN).then(|| compress::compress(c, &plain));
        small.filter(|small| small.len() < plain.len())
    });
    let compressed = small.is_some();
    let mut bytes = small.unwrap_or_else(|| new.assemble(cells, false));
    let covered = if new.covers_all(compressed) { bytes.len() } else { block::SKIP_LEN.min(bytes.len()) };
    let field = new.lengths().0 + 4;
    let checksum = crc::seal(&mut bytes, field, covered);
    (bytes, checksum)
}
