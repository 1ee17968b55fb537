//! Packed keys and values: whether bytes are what a `key_format` or `value_format` says, and their columns.

use super::int::write_vuint;
use super::reader::Reader;
use super::{FormatError, Result};

/// Columns of a format that are looked at; the engine's own limit on columns is of that order.
const MAX_COLUMNS: usize = 10_000;

/// Check that `bytes` are one value of the format, and nothing behind it. A raw cursor stores strings as it gets
/// them, so the last one may lack its NUL.
///
/// ENOTSUP for a code that is not known, EINVAL for bytes that do not fit.
pub fn check(format: &str, bytes: &[u8]) -> Result<()> {
    let mut r = Reader::new(bytes);
    let mut codes = Codes { text: format.trim_start_matches(['@', '<', '>', '.']), columns: 0 };
    let mut last = None;
    while let Some((count, code)) = codes.next()? {
        take(&mut r, count, code, codes.text.is_empty()).map_err(|e| e.within(&format!("column {}", codes.columns)))?;
        last = Some(code);
    }
    match r.remaining() {
        0 => Ok(()),
        n => Err(FormatError::invalid(format!("{n} bytes after the last column ({})", last.unwrap_or('-')))),
    }
}

/// The codes of a format with their counts.
struct Codes<'a> {
    text: &'a str,
    columns: usize,
}

impl Codes<'_> {
    fn next(&mut self) -> Result<Option<(Option<usize>, char)>> {
        let digits = self.text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.text.split_at_checked(digits).unwrap_or((self.text, ""));
        let Some(code) = rest.chars().next() else {
            return if number.is_empty() { Ok(None) } else { Err(FormatError::unsupported("a count without a code")) };
        };
        self.text = rest.get(code.len_utf8()..).unwrap_or_default();
        self.columns = self.columns.saturating_add(1);
        if self.columns > MAX_COLUMNS {
            return Err(FormatError::unsupported(format!("more than {MAX_COLUMNS} columns")));
        }
        let count = match number {
            "" => None,
            _ => Some(number.parse().map_err(|_| FormatError::unsupported(format!("count {number}")))?),
        };
        Ok(Some((count, code)))
    }
}

/// Take the columns of one code. A count is a length for strings and bytes, a repetition for numbers.
fn take(r: &mut Reader<'_>, count: Option<usize>, code: char, last: bool) -> Result<()> {
    // A repetition of numbers takes a byte each, so the bytes bound the loop.
    let repeat = count.unwrap_or(1);
    match (code, count) {
        ('B' | 'b', _) => r.take(repeat).map(|_| ()),
        ('t', _) => r.take(1).map(|_| ()),
        ('I' | 'H' | 'L' | 'Q' | 'r', _) => (0..repeat).try_for_each(|_| r.vuint().map(|_| ())),
        ('i' | 'h' | 'l' | 'q', _) => (0..repeat).try_for_each(|_| r.vint().map(|_| ())),
        ('R', _) => (0..repeat).try_for_each(|_| r.take(8).map(|_| ())),
        ('S', None) => {
            let length = r.rest().iter().position(|b| *b == 0).or(last.then(|| r.remaining().saturating_sub(1)));
            let length = length.ok_or_else(|| FormatError::invalid("a string without its NUL"))?;
            r.take(length.saturating_add(1).min(r.remaining())).map(|_| ())
        }
        ('S' | 's' | 'u', Some(n)) => r.take(n).map(|_| ()),
        ('s', None) => r.take(1).map(|_| ()),
        ('u', None) if last => r.take(r.remaining()).map(|_| ()),
        ('u' | 'U', _) => {
            let n = r.vlen()?;
            r.take(n).map(|_| ())
        }
        ('x', _) => match r.take(repeat)?.iter().all(|b| *b == 0) {
            true => Ok(()),
            false => Err(FormatError::invalid("padding that is not zero")),
        },
        _ => Err(FormatError::unsupported(format!("code {code}"))),
    }
}

/// One column of a packed key or value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column<'a> {
    /// Codes `b h i l q`.
    Signed(i64),
    /// Codes `B H I L Q r t R`.
    Unsigned(u64),
    /// Code `S`, without its NUL; with a count, without the NULs behind it.
    Text(&'a [u8]),
    /// Codes `s`, `u` and `U`.
    Bytes(&'a [u8]),
}

/// A format taken apart once, for many values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    columns: Vec<(Option<usize>, char)>,
}

impl Format {
    /// ENOTSUP for a code that is not known, or more columns than the engine takes.
    pub fn parse(format: &str) -> Result<Self> {
        let mut codes = Codes { text: format.trim_start_matches(['@', '<', '>', '.']), columns: 0 };
        let mut columns = Vec::new();
        while let Some((count, code)) = codes.next()? {
            let repeats = matches!(code, 'b' | 'B' | 'h' | 'H' | 'i' | 'I' | 'l' | 'L' | 'q' | 'Q' | 'r' | 'R');
            match (repeats, count) {
                (true, Some(n)) if n.saturating_add(columns.len()) <= MAX_COLUMNS => {
                    columns.extend(std::iter::repeat_n((None, code), n));
                }
                (true, Some(_)) => return Err(FormatError::unsupported(format!("more than {MAX_COLUMNS} columns"))),
                _ if !"bBhHiIlLqQrRtsSuUx".contains(code) => {
                    return Err(FormatError::unsupported(format!("code {code}")));
                }
                _ => columns.push((count, code)),
            }
        }
        Ok(Self { columns })
    }

    /// How many columns a value has; padding is none.
    pub fn count(&self) -> usize {
        self.columns.iter().filter(|(_, code)| *code != 'x').count()
    }

    /// The columns of a packed value. EINVAL if it is no value of the format.
    pub fn unpack<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Column<'a>>> {
        let parts = self.split(bytes)?;
        let kept = self.columns.iter().zip(parts).filter(|((_, code), _)| *code != 'x');
        kept.map(|((_, code), part)| column(*code, part)).collect()
    }

    /// The packed bytes of each column, lengths before them left out.
    fn split<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>> {
        let mut r = Reader::new(bytes);
        let mut out = Vec::with_capacity(self.columns.len());
        for (n, (count, code)) in self.columns.iter().enumerate() {
            let last = n.saturating_add(1) == self.columns.len();
            if (*code == 'u' && count.is_none() && !last) || *code == 'U' {
                let n = r.vlen()?;
                out.push(r.take(n)?);
                continue;
            }
            let rest = r.rest();
            take(&mut r, *count, *code, last)?;
            let taken = rest.len().saturating_sub(r.remaining());
            out.push(rest.get(..taken).unwrap_or_default());
        }
        match r.remaining() {
            0 => Ok(out),
            n => Err(FormatError::invalid(format!("{n} bytes after the last column"))),
        }
    }

    /// Pack columns that [`Format::parts`] took out of other values, in this order.
    pub fn join(&self, parts: &[&[u8]]) -> Result<Vec<u8>> {
        if parts.len() != self.columns.len() {
            return Err(FormatError::invalid(format!("{} columns instead of {}", parts.len(), self.columns.len())));
        }
        let mut out = Vec::new();
        for (n, ((count, code), part)) in self.columns.iter().zip(parts).enumerate() {
            let last = n.saturating_add(1) == self.columns.len();
            if (*code == 'u' && count.is_none() && !last) || *code == 'U' {
                write_vuint(&mut out, u64::try_from(part.len()).unwrap_or(u64::MAX));
            }
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// The columns of a value as they can be packed again, by [`Format::join`] of another format with the same codes.
    pub fn parts<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>> {
        self.split(bytes)
    }
}

fn column(code: char, part: &[u8]) -> Result<Column<'_>> {
    let mut r = Reader::new(part);
    Ok(match code {
        // A signed byte is packed with its sign bit the other way round, so that it sorts.
        'b' => Column::Signed(i64::from(i16::from(r.u8()?) - 0x80)),
        'B' | 't' => Column::Unsigned(u64::from(r.u8()?)),
        'h' | 'i' | 'l' | 'q' => Column::Signed(r.vint()?),
        'H' | 'I' | 'L' | 'Q' | 'r' => Column::Unsigned(r.vuint()?),
        'R' => Column::Unsigned(r.u64le()?),
        'S' => {
            let end = part.iter().position(|b| *b == 0).unwrap_or(part.len());
            Column::Text(part.get(..end).unwrap_or_default())
        }
        _ => Column::Bytes(part),
    })
}
