//! The 28-byte page header, page types and flags, and the 20-byte delta header
//! of June 2025.

use super::reader::Reader;
use super::{FormatError, Result};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Length of the page header.
pub const HEADER_LEN: usize = 28;
/// Length of the delta header of June 2025.
pub const OLD_DELTA_HEADER_LEN: usize = 20;

/// Page header flag: compressed.
pub const FLAG_COMPRESSED: u8 = 0x01;
/// Page header flag: row leaf whose values are all empty.
pub const FLAG_EMPTY_VALUES_ALL: u8 = 0x02;
/// Page header flag: row leaf without empty values.
pub const FLAG_EMPTY_VALUES_NONE: u8 = 0x04;
/// Page header flag: encrypted.
pub const FLAG_ENCRYPTED: u8 = 0x08;
/// Page header flag: internal page whose deleted-address cells carry fast-truncate information.
pub const FLAG_FAST_TRUNCATE: u8 = 0x20;
/// All flags the format defines; 0x10 is historic.
const FLAGS_KNOWN: u8 = 0x3f;

/// Page types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PageType {
    /// Never written.
    Invalid,
    /// Extent lists of local files.
    BlockManager,
    /// Column store, fixed length, leaf.
    ColumnFixed,
    /// Column store, internal.
    ColumnInternal,
    /// Column store, variable length, leaf.
    ColumnVariable,
    /// Overflow item.
    Overflow,
    /// Row store, internal.
    RowInternal,
    /// Row store, leaf.
    RowLeaf,
}

impl PageType {
    /// From the byte in the header.
    pub fn from_byte(b: u8) -> Option<Self> {
        Some(match b {
            0 => Self::Invalid,
            1 => Self::BlockManager,
            2 => Self::ColumnFixed,
            3 => Self::ColumnInternal,
            4 => Self::ColumnVariable,
            5 => Self::Overflow,
            6 => Self::RowInternal,
            7 => Self::RowLeaf,
            _ => return None,
        })
    }

    /// The byte in the header.
    pub fn byte(self) -> u8 {
        match self {
            Self::Invalid => 0,
            Self::BlockManager => 1,
            Self::ColumnFixed => 2,
            Self::ColumnInternal => 3,
            Self::ColumnVariable => 4,
            Self::Overflow => 5,
            Self::RowInternal => 6,
            Self::RowLeaf => 7,
        }
    }

    /// The field's usual words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::BlockManager => "block manager",
            Self::ColumnFixed => "column fixed leaf",
            Self::ColumnInternal => "column internal",
            Self::ColumnVariable => "column variable leaf",
            Self::Overflow => "overflow",
            Self::RowInternal => "row internal",
            Self::RowLeaf => "row leaf",
        }
    }

    /// Internal pages hold address cells.
    pub fn is_internal(self) -> bool {
        matches!(self, Self::RowInternal | Self::ColumnInternal)
    }
}

/// A page header, or the fields of a June 2025 delta header in the same places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// First record number of a column-store page, else 0.
    pub recno: u64,
    pub write_gen: u64,
    /// Uncompressed size in bytes, headers included.
    pub mem_size: u32,
    /// Number of cells, or data length of overflow and block-manager pages.
    pub entries: u32,
    /// The type byte as stored.
    pub type_byte: u8,
    pub flags: u8,
    pub unused: u8,
    /// 0 original, 1 timestamps.
    pub version: u8,
}

/// The 28 bytes as they lie.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    recno: U64,
    write_gen: U64,
    mem_size: U32,
    entries: U32,
    type_byte: u8,
    flags: u8,
    unused: u8,
    version: u8,
}

impl PageHeader {
    /// Read the 28-byte header.
    pub fn read(r: &mut Reader<'_>) -> Result<Self> {
        let raw: RawHeader = zerocopy::transmute!(r.array::<HEADER_LEN>()?);
        Ok(Self {
            recno: raw.recno.get(),
            write_gen: raw.write_gen.get(),
            mem_size: raw.mem_size.get(),
            entries: raw.entries.get(),
            type_byte: raw.type_byte,
            flags: raw.flags,
            unused: raw.unused,
            version: raw.version,
        })
    }

    /// Read the 20-byte delta header of June 2025.
    pub fn read_old_delta(r: &mut Reader<'_>) -> Result<Self> {
        let write_gen = r.u64le()?;
        let mem_size = r.u32le()?;
        let entries = r.u32le()?;
        let version = r.u8()?;
        let type_byte = r.u8()?;
        let flags = r.u8()?;
        let unused = r.u8()?;
        Ok(Self { recno: 0, write_gen, mem_size, entries, type_byte, flags, unused, version })
    }

    /// Append the 20-byte delta header of June 2025; it has no record number.
    pub fn write_old_delta(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.write_gen.to_le_bytes());
        out.extend_from_slice(&self.mem_size.to_le_bytes());
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&[self.version, self.type_byte, self.flags, self.unused]);
    }

    /// Append the 28-byte header.
    pub fn write(&self, out: &mut Vec<u8>) {
        let raw = RawHeader {
            recno: self.recno.into(),
            write_gen: self.write_gen.into(),
            mem_size: self.mem_size.into(),
            entries: self.entries.into(),
            type_byte: self.type_byte,
            flags: self.flags,
            unused: self.unused,
            version: self.version,
        };
        out.extend_from_slice(raw.as_bytes());
    }

    /// The page type; EINVAL for a byte that names none.
    pub fn page_type(&self) -> Result<PageType> {
        PageType::from_byte(self.type_byte)
            .filter(|t| *t != PageType::Invalid)
            .ok_or_else(|| FormatError::invalid(format!("page type {}", self.type_byte)))
    }

    /// Whether the image is compressed.
    pub fn is_compressed(&self) -> bool {
        self.flags & FLAG_COMPRESSED != 0
    }

    /// Whether the image is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.flags & FLAG_ENCRYPTED != 0
    }

    /// The field rules that need no cell: type, record number, flags, unused byte, version.
    pub fn check(&self) -> Result<()> {
        let page_type = self.page_type()?;
        let column = matches!(page_type, PageType::ColumnFixed | PageType::ColumnInternal | PageType::ColumnVariable);
        if !column && self.recno != 0 {
            return Err(FormatError::invalid(format!("record number {} on a {} page", self.recno, page_type.name())));
        }
        if column && self.recno == 0 {
            return Err(FormatError::invalid(format!("record number 0 on a {} page", page_type.name())));
        }
        let both = FLAG_EMPTY_VALUES_ALL | FLAG_EMPTY_VALUES_NONE;
        if self.flags & both == both || self.flags & !FLAGS_KNOWN != 0 {
            return Err(FormatError::invalid(format!("page flags {:#04x}", self.flags)));
        }
        if self.unused != 0 {
            return Err(FormatError::invalid(format!("unused page header byte is {:#04x}", self.unused)));
        }
        if self.version > 1 {
            return Err(FormatError::invalid(format!("page version {}", self.version)));
        }
        Ok(())
    }
}
