//! The plain (decompressed) image of a block of a local file.
//!
//! Local blocks say in the page header, not in the block header, whether they are compressed or
//! encrypted; checksum and header rules are the caller's business (see [`crate::page::rules::header`]).

use super::compress::{self, Compressor};
use super::local::DATA_OFFSET;
use super::page_header::PageHeader;
use super::{FormatError, Result};
use std::borrow::Cow;

/// The uncompressed block, exactly `mem_size` bytes; borrowed if it is stored plain.
///
/// `compressor` is that of the file's configuration; without it the framing decides. An encrypted
/// block is ENOTSUP, a block that states a compressor nobody knows too.
pub fn plain<'a>(stored: &'a [u8], header: &PageHeader, compressor: Option<Compressor>) -> Result<Cow<'a, [u8]>> {
    if header.is_encrypted() {
        return Err(FormatError::unsupported("the block is encrypted"));
    }
    let mem_size = usize::try_from(header.mem_size).unwrap_or(usize::MAX);
    if mem_size < DATA_OFFSET {
        return Err(FormatError::invalid(format!("mem_size {mem_size} is smaller than the headers")));
    }
    if header.is_compressed() {
        let compressor = compressor
            .or_else(|| compress::detect(stored))
            .ok_or_else(|| FormatError::unsupported("the block is compressed by an unknown compressor"))?;
        return compress::decompress(compressor, stored, header.mem_size).map(Cow::Owned);
    }
    stored
        .get(..mem_size)
        .map(Cow::Borrowed)
        .ok_or_else(|| FormatError::invalid(format!("mem_size {mem_size} exceeds the {} bytes", stored.len())))
}
