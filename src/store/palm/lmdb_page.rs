//! A page of an LMDB environment: its header, its nodes. See [`super::lmdb`] for the format.

use crate::format::reader::Reader;
use crate::format::{FormatError, Result};

/// Length of a page's header.
pub(super) const HEADER: usize = 16;

/// A slice of a file by 64-bit offset and length.
pub(super) fn slice(bytes: &[u8], at: u64, len: u64) -> Result<&[u8]> {
    let outside = || FormatError::invalid(format!("{len} bytes at offset {at} are outside the file ({})", bytes.len()));
    let start = usize::try_from(at).map_err(|_| outside())?;
    let end = usize::try_from(len).ok().and_then(|len| start.checked_add(len)).ok_or_else(outside)?;
    bytes.get(start..end).ok_or_else(outside)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) flags: u16,
    pub(super) lower: u16,
    pub(super) upper: u16,
}

impl Header {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let number = r.u64le()?;
        r.take(2)?;
        Ok(Self { number, flags: r.u16le()?, lower: r.u16le()?, upper: r.u16le()? })
    }

    /// The same four bytes read as the length of an overflow run.
    pub(super) fn run(&self) -> u64 {
        u64::from(self.lower) | u64::from(self.upper) << 16
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct TreePage<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) leaf: bool,
    pub(super) count: usize,
    pub(super) upper: usize,
}

/// A node before its data is interpreted.
pub(super) struct Node<'a> {
    pub(super) low: u32,
    pub(super) flags: u16,
    pub(super) key: &'a [u8],
    /// Offset of what follows the key, in the page.
    pub(super) data: usize,
}

impl<'a> TreePage<'a> {
    pub(super) fn node(&self, at: usize) -> Result<Node<'a>> {
        let slot = at.saturating_mul(2).saturating_add(HEADER);
        let offset = usize::from(Reader::at(self.bytes, slot)?.u16le()?);
        let wrong = |what: &str| FormatError::invalid(format!("node {at} at offset {offset}: {what}"));
        if offset < self.upper {
            return Err(wrong("outside the node area"));
        }
        let mut r = Reader::at(self.bytes, offset).map_err(|_| wrong("past the page"))?;
        let header = (r.u32le(), r.u16le(), r.u16le());
        let (Ok(low), Ok(flags), Ok(key_len)) = header else { return Err(wrong("header cut off by the page end")) };
        let key = r.take(usize::from(key_len)).map_err(|_| wrong("key runs past the page"))?;
        Ok(Node { low, flags, key, data: r.pos() })
    }
}
