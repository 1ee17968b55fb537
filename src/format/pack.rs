//! Packed keys and values: whether bytes are what a `key_format` or `value_format` says.

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
        n => Err(FormatError::invalid(format!("{n} bytes behind the last column ({})", last.unwrap_or('-')))),
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
