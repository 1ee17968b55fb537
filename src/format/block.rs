//! Block headers: the 16 bytes of a disaggregated block and the 12 bytes of a local one.

use super::Result;
use super::reader::Reader;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Magic byte of a base image.
pub const MAGIC_BASE: u8 = 0xdb;
/// Magic byte of a delta.
pub const MAGIC_DELTA: u8 = 0xdd;
/// Newest block version this reader knows.
pub const VERSION: u8 = 1;
/// Length of the disaggregated block header.
pub const HEADER_LEN: usize = 16;
/// Combined length of page and block header as written since July 2025.
pub const COMBINED_LEN: usize = 44;
/// Combined lengths that readers take since September 2026; they read the data from there on.
pub const COMBINED_LENS: std::ops::RangeInclusive<usize> = COMBINED_LEN..=SKIP_LEN;
/// Combined length of the delta headers of June 2025.
pub const OLD_DELTA_COMBINED_LEN: usize = 36;
/// Bytes that compression leaves alone and that a short checksum covers.
pub const SKIP_LEN: usize = 64;
/// Length of the local block header.
pub const LOCAL_HEADER_LEN: usize = 12;

/// Block flag: the checksum covers the whole image.
pub const FLAG_DATA_CHECKSUM: u8 = 0x1;
/// How a page service that encrypts begins its own header, before the whole of a block.
pub const SERVICE_MAGIC: [u8; 4] = [0x60, 0xae, 0x6e, 0x6c];

/// Whether a page service has encrypted a block, so that nothing of it can be read.
pub fn is_service_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(&SERVICE_MAGIC)
}

/// Block flag: encrypted.
pub const FLAG_ENCRYPTED: u8 = 0x2;
/// Block flag: compressed.
pub const FLAG_COMPRESSED: u8 = 0x4;
/// Block flag: re-written outside a normal write. Such an image is all there is of its page, and the cookie's
/// checksum is that of the block it replaces.
pub const FLAG_MODIFIED: u8 = 0x8;

/// A disaggregated block header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// [`MAGIC_BASE`] or [`MAGIC_DELTA`].
    pub magic: u8,
    pub version: u8,
    /// Minimum reader version.
    pub compatible_version: u8,
    /// Page and block header together, in bytes.
    pub header_size: u8,
    /// crc32c of the image, this field zero.
    pub checksum: u32,
    /// Checksum of the block this one follows.
    pub previous_checksum: u32,
    /// Block flags; in the June 2025 layout taken from the next byte.
    pub flags: u8,
    /// Reconciliation id, June 2025 layout only.
    pub reconciliation_id: Option<u8>,
    /// The remaining bytes, zero in valid images.
    pub unused: [u8; 3],
}

/// The 16 bytes as they lie; what the last four mean depends on the layout.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    magic: u8,
    version: u8,
    compatible_version: u8,
    header_size: u8,
    checksum: U32,
    previous_checksum: U32,
    tail: [u8; 4],
}

impl BlockHeader {
    /// Read the 16 bytes. `old` selects the June 2025 meaning of bytes 12 and 13.
    pub fn read(r: &mut Reader<'_>, old: bool) -> Result<Self> {
        let raw: RawHeader = zerocopy::transmute!(r.array::<HEADER_LEN>()?);
        let [a, b, c, d] = raw.tail;
        let (flags, reconciliation_id, unused) = if old { (b, Some(a), [0, c, d]) } else { (a, None, [b, c, d]) };
        Ok(Self {
            magic: raw.magic,
            version: raw.version,
            compatible_version: raw.compatible_version,
            header_size: raw.header_size,
            checksum: raw.checksum.get(),
            previous_checksum: raw.previous_checksum.get(),
            flags,
            reconciliation_id,
            unused,
        })
    }

    /// Append the 16 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.magic, self.version, self.compatible_version, self.header_size]);
        out.extend_from_slice(&self.checksum.to_le_bytes());
        out.extend_from_slice(&self.previous_checksum.to_le_bytes());
        let [a, b, c] = self.unused;
        match self.reconciliation_id {
            Some(id) => out.extend_from_slice(&[id, self.flags, b, c]),
            None => out.extend_from_slice(&[self.flags, a, b, c]),
        }
    }
}

/// A local (classic) block header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalBlockHeader {
    /// Bytes on disk, a multiple of the allocation size.
    pub disk_size: u32,
    /// crc32c of the block or of its first 64 bytes, this field zero.
    pub checksum: u32,
    /// 0x1: the checksum covers all of `disk_size`.
    pub flags: u8,
    /// Zero in valid blocks.
    pub unused: [u8; 3],
}

impl LocalBlockHeader {
    /// Read the 12 bytes.
    pub fn read(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { disk_size: r.u32le()?, checksum: r.u32le()?, flags: r.u8()?, unused: r.array()? })
    }

    /// The checksum a local block should carry: `block` is all of its bytes on disk.
    pub fn compute_checksum(&self, block: &[u8]) -> u32 {
        let covered = if self.flags & FLAG_DATA_CHECKSUM != 0 { block.len() } else { SKIP_LEN.min(block.len()) };
        // The checksum field lies at 28 + 4.
        super::crc::crc32c_zeroed(block.get(..covered).unwrap_or(block), super::page_header::HEADER_LEN + 4)
    }
}
