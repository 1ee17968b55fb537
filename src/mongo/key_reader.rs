//! The bytes of a KeyString and the bits of its TypeBits, one after the other.

use crate::format::{FormatError, Result};

/// The bytes of a key. `inverted`: all bits the other way round, as in a descending field.
#[derive(Debug)]
pub(super) struct KeyReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> KeyReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The next byte as it is stored, without taking it.
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn broken(&self, what: &str) -> FormatError {
        FormatError::invalid(format!("{what} at byte {} of a key", self.at))
    }

    fn raw(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n);
        let raw = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.broken("a value is cut off"))?;
        self.at = self.at.saturating_add(n);
        Ok(raw)
    }

    pub fn skip(&mut self, n: usize) -> Result<()> {
        self.raw(n).map(drop)
    }

    pub fn take(&mut self, n: usize, inverted: bool) -> Result<Vec<u8>> {
        Ok(self.raw(n)?.iter().map(|b| turned(*b, inverted)).collect())
    }

    pub fn fixed<const N: usize>(&mut self, inverted: bool) -> Result<[u8; N]> {
        let mut out = [0; N];
        for (to, from) in out.iter_mut().zip(self.raw(N)?) {
            *to = turned(*from, inverted);
        }
        Ok(out)
    }

    pub fn byte(&mut self, inverted: bool) -> Result<u8> {
        let [byte] = self.fixed(inverted)?;
        Ok(byte)
    }

    pub fn u64(&mut self, inverted: bool) -> Result<u64> {
        Ok(u64::from_be_bytes(self.fixed(inverted)?))
    }

    pub fn length(&mut self, inverted: bool) -> Result<usize> {
        let length = u32::from_be_bytes(self.fixed(inverted)?);
        usize::try_from(length).map_err(|_| self.broken("a length beyond what can be addressed"))
    }

    /// Bytes up to a zero.
    pub fn cstring(&mut self, inverted: bool) -> Result<Vec<u8>> {
        let end = turned(0, inverted);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let n = rest.iter().position(|b| *b == end).ok_or_else(|| self.broken("a text without a terminator"))?;
        let text = self.take(n, inverted)?;
        self.skip(1)?;
        Ok(text)
    }

    /// Bytes up to a zero that is not followed by `ff`; `00 ff` is a zero of the text.
    pub fn string(&mut self, inverted: bool) -> Result<Vec<u8>> {
        let mut text = self.cstring(inverted)?;
        while self.peek() == Some(turned(0xff, inverted)) {
            self.skip(1)?;
            text.push(0);
            text.extend(self.cstring(inverted)?);
        }
        Ok(text)
    }
}

fn turned(byte: u8, inverted: bool) -> u8 {
    if inverted { !byte } else { byte }
}

/// What the order does not need: which type an equal value had.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    /// Nothing if all bits are zero.
    data: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// TypeBits at the front of `bytes`; answers them and how many bytes they took. None at all are zeros.
    pub fn at_front(bytes: &'a [u8]) -> Result<(Self, usize)> {
        let cut = || FormatError::invalid("type bits are cut off");
        let Some((first, rest)) = bytes.split_first() else { return Ok((Self { data: &[], at: 0 }, 0)) };
        let (front, length) = match *first {
            0 => (1, 0),
            1..=0x7f => (0, 1),
            0x80 => {
                let length = rest.first_chunk::<4>().map(|raw| u32::from_le_bytes(*raw)).ok_or_else(cut)?;
                (5, usize::try_from(length).map_err(|_| cut())?)
            }
            short => (1, usize::from(short & 0x7f)),
        };
        let end = length.checked_add(front).ok_or_else(cut)?;
        let data = bytes.get(front..end).ok_or_else(cut)?;
        Ok((Self { data, at: 0 }, end))
    }

    /// The next `n` bits, the highest first.
    pub fn bits(&mut self, n: u32) -> Result<u16> {
        let mut out = 0;
        for _ in 0..n {
            out = out << 1 | self.bit()?;
        }
        Ok(out)
    }

    fn bit(&mut self) -> Result<u16> {
        if self.data.is_empty() {
            return Ok(0);
        }
        let byte = self.data.get(self.at / 8).ok_or_else(|| FormatError::invalid("fewer type bits than values"))?;
        let bit = byte >> (self.at % 8) & 1;
        self.at = self.at.saturating_add(1);
        Ok(u16::from(bit))
    }
}
