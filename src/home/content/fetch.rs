//! One page of a local file for those who want its rows: fetched, verified, made plain, a single flipped bit put
//! right in memory.

use crate::format::local::LocalAddress;
use crate::format::page_header::PageHeader;
use crate::format::{Class, local_image};
use crate::home::block::Headers;
use crate::home::entry::FileEntry;
use crate::home::fault::Opaque;
use crate::home::shape::{self, Shape};
use crate::page::Depth;
use crate::page::rules::Page;
use crate::store::blockfile::BlockFile;

/// Why a page gives no rows, or not all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The file ends before the block does.
    BeyondEnd,
    /// The system did not give it.
    Unread,
    /// Its checksum does not hold.
    Checksum,
    /// It cannot be decompressed.
    Compression,
    /// It needs a key.
    Encrypted,
    /// Its compressor is not one of ours.
    Compressor,
    /// Its values are Huffman codes of a table that only the application has.
    Huffman,
    /// It is not the kind of page that belongs there.
    PageType,
    /// Its cells cannot all be read.
    Cells,
    /// An overflow item of it cannot be read.
    Item,
    /// Its address says nothing.
    Address,
    /// The versions of a row in the history store cannot be read.
    History,
    /// A change in the history store or the log does not fit the value.
    Change,
    /// The tree leads to it twice, and its rows belong to the other place.
    Twice,
    /// It has rows of another range: what belongs there is gone.
    Misplaced,
    /// Keys that do not ascend: of those that are out of place nothing is sure.
    Order,
    /// It is not in the page log.
    Missing,
    /// No dump has its bytes.
    NotSupplied,
    /// A column group has no such row.
    ColumnGroup,
}

impl Why {
    /// It is not known to be damaged: it could not be looked at.
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::Unread | Self::Encrypted | Self::Compressor | Self::Huffman | Self::NotSupplied)
    }
}

/// A page that was read.
#[derive(Debug)]
pub struct Plain {
    pub header: PageHeader,
    pub bytes: Vec<u8>,
    /// A flipped bit was put right.
    pub mended: bool,
}

impl Plain {
    /// The page in it.
    pub fn page(&self) -> Result<Page<'_>, Why> {
        Page::new(&self.bytes).map_err(|_| Why::PageType)
    }
}

/// A tree's own shape.
pub fn shape<'s>(file: &'s BlockFile, entry: &'s FileEntry, end: u64) -> Shape<'s> {
    Shape { file, entry, end, depth: Depth::Deep, ids: None, progress: &|_, _| () }
}

/// Read one page.
pub fn read(shape: &Shape<'_>, address: &LocalAddress) -> Result<Plain, Why> {
    let (mut buffer, mut faults) = (Vec::new(), Vec::new());
    let Some(stored) = shape::load(shape, address, false, &mut buffer, &mut faults) else {
        return Err(match faults.first().map(|f| f.kind) {
            Some(crate::home::fault::FaultKind::BeyondPhysical) => Why::BeyondEnd,
            Some(crate::home::fault::FaultKind::Unreadable) => Why::Unread,
            _ => Why::Checksum,
        });
    };
    let headers = Headers::read(stored).map_err(|_| Why::PageType)?;
    match local_image::plain(stored, &headers.page, shape.entry.compression()) {
        Ok(plain) => Ok(Plain { header: headers.page, bytes: plain.into_owned(), mended: !faults.is_empty() }),
        Err(e) if e.class == Class::Unsupported && headers.page.is_encrypted() => Err(Why::Encrypted),
        Err(e) if e.class == Class::Unsupported => Err(Why::Compressor),
        Err(_) => Err(Why::Compression),
    }
}

impl From<Opaque> for Why {
    fn from(opaque: Opaque) -> Self {
        match opaque {
            Opaque::Encrypted => Self::Encrypted,
            Opaque::UnknownCompressor => Self::Compressor,
            Opaque::Huffman => Self::Huffman,
        }
    }
}
