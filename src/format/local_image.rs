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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::page_header::{FLAG_COMPRESSED, FLAG_ENCRYPTED};
    use crate::format::{Class, reader::Reader};

    fn block(mem_size: u32) -> (PageHeader, Vec<u8>) {
        let header =
            PageHeader { recno: 0, write_gen: 1, mem_size, entries: 2, type_byte: 7, flags: 4, unused: 0, version: 1 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend((0..472_u32).map(|i| i.to_le_bytes()[0]));
        bytes.resize(512, 0);
        (header, bytes)
    }

    #[test]
    fn stored_plain_or_compressed_the_image_is_the_same() {
        let (header, bytes) = block(500);
        let image = plain(&bytes, &header, None).unwrap();
        assert!(matches!(image, Cow::Borrowed(b) if b == &bytes[..500]));
        for c in [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4] {
            let mut stored = compress::compress(c, &bytes[..500]);
            stored[25] |= FLAG_COMPRESSED;
            stored.resize(1024, 0);
            let header = PageHeader::read(&mut Reader::new(&stored)).unwrap();
            for known in [Some(c), None] {
                assert_eq!(plain(&stored, &header, known).unwrap()[64..], bytes[64..500], "{c:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_opened_is_refused() {
        let (header, bytes) = block(513);
        assert_eq!(plain(&bytes, &header, None).unwrap_err().class, Class::Invalid);
        let small = PageHeader { mem_size: 39, ..header };
        assert_eq!(plain(&bytes, &small, None).unwrap_err().class, Class::Invalid);
        let secret = PageHeader { mem_size: 500, flags: FLAG_ENCRYPTED, ..header };
        assert_eq!(plain(&bytes, &secret, None).unwrap_err().class, Class::Unsupported);
        let unknown = PageHeader { mem_size: 500, flags: FLAG_COMPRESSED, ..header };
        assert_eq!(plain(&bytes, &unknown, None).unwrap_err().class, Class::Unsupported);
        assert!(plain(&bytes, &unknown, Some(Compressor::Snappy)).is_err());
    }
}
