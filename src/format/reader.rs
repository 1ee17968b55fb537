//! A bounds-checked cursor over bytes; the only way decoders in this crate read.

use super::{FormatError, Result};

/// A cursor over a byte slice. Every read checks the bounds first; a short read is EINVAL.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    /// A cursor at `pos`, which may lie at the end but not behind it.
    pub fn at(bytes: &'a [u8], pos: usize) -> Result<Self> {
        if pos > bytes.len() {
            return Err(FormatError::invalid(format!("offset {pos} is past the end ({} bytes)", bytes.len())));
        }
        Ok(Self { bytes, pos })
    }

    /// Offset of the next byte.
    #[inline]
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Bytes not yet read.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.pos)
    }

    /// True at the end.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The unread bytes, without moving.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    /// The next byte, without moving.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.pos.checked_add(n).ok_or_else(|| self.short(n))?;
        let out = self.bytes.get(self.pos..end).ok_or_else(|| self.short(n))?;
        self.pos = end;
        Ok(out)
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        let byte = self.peek().ok_or_else(|| self.short(1))?;
        self.pos = self.pos.saturating_add(1);
        Ok(byte)
    }

    /// The error of a short read; kept out of the way of the reads that succeed.
    #[cold]
    fn short(&self, n: usize) -> FormatError {
        FormatError::invalid(format!("{n} bytes wanted at offset {}, {} left", self.pos, self.remaining()))
    }

    /// A 16-bit little-endian integer.
    pub fn u16le(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// A 32-bit little-endian integer.
    #[inline]
    pub fn u32le(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A 64-bit little-endian integer.
    #[inline]
    pub fn u64le(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// An unsigned variable-length integer.
    #[inline]
    pub fn vuint(&mut self) -> Result<u64> {
        super::int::read_vuint(self).map(|v| v.value)
    }

    /// A signed variable-length integer.
    pub fn vint(&mut self) -> Result<i64> {
        super::int::read_vint(self)
    }

    /// A variable-length integer used as a length: bounded by what is left to read.
    #[inline]
    pub fn vlen(&mut self) -> Result<usize> {
        let at = self.pos;
        let n = self.vuint()?;
        match usize::try_from(n) {
            Ok(n) if n <= self.remaining() => Ok(n),
            _ => Err(FormatError::invalid(format!(
                "length {n} at offset {at} exceeds the {} bytes left",
                self.remaining()
            ))),
        }
    }
}
