//! What a record of a log file holds, made plain, and what lies around it.

use super::compress::{self, Compressor};
use super::reader::Reader;
use super::wtlog::{FIRST_RECORD, FLAG_COMPRESSED, FLAG_ENCRYPTED, HEADER_LEN, LogLsn, PAD_MARK, Record};
use super::{FormatError, Result};
use std::borrow::Cow;

/// Where a page header states the plain size, for [`compress::decompress`].
const MEM_SIZE_AT: usize = 16;

/// A body without compression.
#[derive(Debug, Clone)]
pub struct Plain<'a> {
    bytes: Cow<'a, [u8]>,
    from: usize,
    /// Offset in the record of the first byte behind the stored body, where the framing tells.
    stored_end: Option<usize>,
    compressor: Option<Compressor>,
}

impl Plain<'_> {
    /// The body.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }

    /// What the body was compressed with.
    pub fn compressor(&self) -> Option<Compressor> {
        self.compressor
    }
}

impl<'a> Record<'a> {
    /// The body as it is stored, padding included.
    pub fn stored(&self) -> &'a [u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }

    /// The place of the record in the log.
    pub fn lsn(&self, file: u32) -> LogLsn {
        LogLsn { file, offset: self.offset }
    }

    /// What the header says against the rules, in words.
    pub fn header_fault(&self) -> Option<String> {
        let h = self.header;
        if h.flags & !(FLAG_COMPRESSED | FLAG_ENCRYPTED) != 0 {
            return Some(format!("unknown record flags {:#x}", h.flags));
        }
        if h.unused != 0 {
            return Some(format!("unused header bytes are {:#x}", h.unused));
        }
        match (h.is_compressed(), h.mem_len) {
            (true, 0..=15) => Some(format!("compressed record with a plain length of {}", h.mem_len)),
            (false, 1..) => Some(format!("plain length {} on a record that is not compressed", h.mem_len)),
            _ => None,
        }
    }

    /// Length of the encrypted record without padding; `None` if it is not encrypted or the length
    /// is impossible.
    pub fn encrypted_len(&self) -> Option<usize> {
        let len = Reader::new(self.stored()).u32le().ok().and_then(|n| usize::try_from(n).ok())?;
        Some(len).filter(|n| self.header.is_encrypted() && (HEADER_LEN + 4..=self.bytes.len()).contains(n))
    }

    /// The body, decompressed if need be; with `compressor`, or with the one its framing shows.
    ///
    /// ENOTSUP for an encrypted record, EIO for a stream that does not decompress.
    pub fn plain(&self, compressor: Option<Compressor>) -> Result<Plain<'a>> {
        if self.header.is_encrypted() {
            return Err(FormatError::unsupported("the record is encrypted"));
        }
        if !self.header.is_compressed() {
            return Ok(Plain {
                bytes: Cow::Borrowed(self.bytes),
                from: HEADER_LEN,
                stored_end: None,
                compressor: None,
            });
        }
        let stored = self.stored();
        let header = u32::try_from(HEADER_LEN).unwrap_or_default();
        let want = self.header.mem_len.checked_sub(header).ok_or_else(|| FormatError::io("plain length below 16"))?;
        // Blocks and records differ only in the number of verbatim bytes, so a record is read as a block.
        let verbatim = u32::try_from(compress::VERBATIM).unwrap_or_default();
        let size = want.checked_add(verbatim).ok_or_else(|| FormatError::io("plain length too large"))?;
        let mut block = Vec::with_capacity(compress::VERBATIM.saturating_add(stored.len()));
        block.resize(MEM_SIZE_AT, 0);
        block.extend_from_slice(&size.to_le_bytes());
        block.resize(compress::VERBATIM, 0);
        block.extend_from_slice(stored);
        let compressor = compressor
            .or_else(|| compress::detect(&block))
            .ok_or_else(|| FormatError::io("compressed, with no framing of a known compressor"))?;
        if u64::from(want) > most_plain(compressor, stored.len()) {
            return Err(FormatError::io(format!("{} bytes of {} cannot hold {want}", stored.len(), compressor.name())));
        }
        let bytes = compress::decompress(compressor, &block, size)?;
        Ok(Plain {
            bytes: Cow::Owned(bytes),
            from: compress::VERBATIM,
            stored_end: stored_end(compressor, stored),
            compressor: Some(compressor),
        })
    }

    /// What is wrong with the padding, in words: zeros, and 0xAB at the end of two bytes or more.
    ///
    /// `used` bytes of the plain body are content (`Operations::offset` or `Body::used`). The
    /// two records at the head of a file have no mark and are not checked.
    pub fn padding_fault(&self, plain: &Plain<'_>, used: usize) -> Option<String> {
        let end = if plain.compressor.is_some() { plain.stored_end? } else { used.saturating_add(HEADER_LEN) };
        self.padding_fault_from(end)
    }

    /// The same for an encrypted record, of which only the length is known.
    pub fn encrypted_padding_fault(&self) -> Option<String> {
        match self.encrypted_len() {
            Some(end) => self.padding_fault_from(end),
            None if self.header.is_encrypted() => Some("impossible length of the encrypted body".to_owned()),
            None => None,
        }
    }

    fn padding_fault_from(&self, end: usize) -> Option<String> {
        let padding = self.bytes.get(end..)?;
        if self.offset <= FIRST_RECORD || padding.is_empty() {
            return None;
        }
        let (last, zeros) = padding.split_last()?;
        let mark = if zeros.is_empty() { 0 } else { PAD_MARK };
        if zeros.iter().any(|b| *b != 0) {
            return Some(format!("{} bytes of padding at record offset {end} are not zero", padding.len()));
        }
        (*last != mark).then(|| format!("padding ends with {last:#04x} instead of {mark:#04x}"))
    }
}

/// The most plain bytes a stream can stand for; what a header states beyond is not worth reserving.
fn most_plain(c: Compressor, stored: usize) -> u64 {
    let stored = u64::try_from(stored).unwrap_or(u64::MAX);
    let ratio = match c {
        // A copy of 64 bytes takes three (two with a short offset, for 11 bytes).
        Compressor::Snappy => 64,
        // Every byte of a long match adds 255.
        Compressor::Lz4 => 256,
        Compressor::Zlib => 1032,
        // A run-length block of 128 KiB takes four bytes.
        Compressor::Zstd => 32 << 10,
    };
    stored.saturating_mul(ratio).min(u64::from(compress::MAX_MEM_SIZE))
}

/// Offset in the record behind the compressed stream, for the framings that state its length.
fn stored_end(c: Compressor, stored: &[u8]) -> Option<usize> {
    let mut r = Reader::new(stored);
    let (prefix, len) = match c {
        Compressor::Snappy | Compressor::Zstd => (8, r.u64le().ok()?),
        Compressor::Lz4 => (16, u64::from(r.u32le().ok()?)),
        Compressor::Zlib => return None,
    };
    usize::try_from(len).ok()?.checked_add(prefix)?.checked_add(HEADER_LEN)
}
