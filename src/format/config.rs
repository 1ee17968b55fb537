//! Configuration strings, the text format of all metadata.
//!
//! The parse borrows from the text and goes one level deep; a nested structure is parsed when
//! asked for. Every value keeps its exact text, because the same characters are a number, a
//! hexadecimal timestamp or a name depending on the key.

use super::{FormatError, Result};

/// Deepest nesting of brackets. Real metadata stays below ten; the bound keeps a re-parse of every
/// level of a hostile text cheap.
pub const MAX_DEPTH: usize = 64;

/// Longest text that is parsed. A megabyte of metadata is already absurd, and each two bytes of a hostile
/// text can take the room of an entry.
pub const MAX_TEXT: usize = 16 << 20;

/// Most digits of a hexadecimal 64-bit number.
const HEX_DIGITS: usize = 16;

/// One level of a configuration string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config<'a> {
    entries: Vec<Entry<'a>>,
}

/// A key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key, without quotes if it was quoted. Empty for a bracketed structure that stands where
    /// a key is expected.
    pub key: &'a str,
    /// The value; `true` if the key has none.
    pub value: Value<'a>,
}

/// A value with its exact text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// The text: without quotes for a string (escapes are kept), with the brackets for a structure.
    pub text: &'a str,
    /// What the text looks like.
    pub kind: Kind,
}

/// What a value looks like. A hexadecimal number may look like a [`Kind::Number`] or a [`Kind::Id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Decimal digits, optionally signed, optionally with a size suffix.
    Number,
    /// `true`, `false`, or a key without value.
    Bool,
    /// Text in double quotes.
    String,
    /// Any other bare text, also the empty text of `key=`.
    Id,
    /// Anything in brackets, JSON in braces among it.
    Struct,
}

impl<'a> Config<'a> {
    /// Parse one level of `text`.
    pub fn parse(text: &'a str) -> Result<Self> {
        Self::parse_to(text).map_err(|(_, e)| e)
    }

    /// As [`Config::parse`]; an error comes with the byte it is met at.
    pub fn parse_to(text: &'a str) -> std::result::Result<Self, (usize, FormatError)> {
        if text.len() > MAX_TEXT {
            let message = format!("configuration text of {} bytes, more than {MAX_TEXT}", text.len());
            return Err((MAX_TEXT, FormatError::invalid(message)));
        }
        let mut scan = Scanner { text, bytes: text.as_bytes(), pos: 0 };
        let mut entries = Vec::new();
        loop {
            scan.skip(|b| is_space(b) || b == b',');
            if scan.peek().is_none() {
                return Ok(Self { entries });
            }
            entries.push(scan.entry().map_err(|e| (scan.pos, e))?);
            scan.skip(is_space);
            if !matches!(scan.peek(), None | Some(b',')) {
                return Err((scan.pos, scan.error("comma expected")));
            }
        }
    }

    /// Parse bytes: UTF-8, optionally with the one trailing NUL that metadata values carry.
    pub fn parse_bytes(bytes: &'a [u8]) -> Result<Self> {
        Self::parse(text_of(bytes)?)
    }

    /// All entries in the order of the text.
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// The value of `key`; of repeated keys the last wins.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.entries.iter().rev().find(|e| e.key == key).map(|e| e.value)
    }
}

impl<'a> Value<'a> {
    /// A decimal number with optional size suffix.
    pub fn i64(&self) -> Result<i64> {
        let (negative, magnitude) = self.number()?;
        let value = i128::from(magnitude);
        i64::try_from(if negative { -value } else { value }).map_err(|_| self.error("number exceeds 64 bits"))
    }

    /// A decimal number that must not be negative.
    pub fn u64(&self) -> Result<u64> {
        match self.number()? {
            (true, 1..) => Err(self.error("number is negative")),
            (_, magnitude) => Ok(magnitude),
        }
    }

    /// The bits of a 64-bit number that may be printed signed (`-1` for the largest timestamp).
    pub fn u64_printed_signed(&self) -> Result<u64> {
        match self.number()? {
            (false, magnitude) => Ok(magnitude),
            (true, _) => self.i64().map(i64::cast_unsigned),
        }
    }

    /// Bare hexadecimal digits, as used for timestamps and checksums.
    pub fn hex_u64(&self) -> Result<u64> {
        if self.text.is_empty() || self.text.len() > HEX_DIGITS {
            return Err(self.error("1 to 16 hexadecimal digits wanted"));
        }
        // from_str_radix alone would accept a sign.
        if !self.text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.error("not a hexadecimal number"));
        }
        u64::from_str_radix(self.text, 16).map_err(|_| self.error("not a hexadecimal number"))
    }

    /// A boolean: `true`, `false`, a key without value, or the numbers 0 and 1.
    pub fn bool(&self) -> Result<bool> {
        match (self.kind, self.text) {
            (Kind::Bool, "true") | (Kind::Number, "1") => Ok(true),
            (Kind::Bool, "false") | (Kind::Number, "0") => Ok(false),
            _ => Err(self.error("not a boolean")),
        }
    }

    /// The text, whatever the kind; the quotes of a string are not part of it.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The entries of a structure, one level.
    pub fn config(&self) -> Result<Config<'a>> {
        if self.kind != Kind::Struct {
            return Err(self.error("not a structure"));
        }
        let inner = self.text.len().checked_sub(1).and_then(|end| self.text.get(1..end));
        Config::parse(inner.ok_or_else(|| self.error("not a structure"))?)
    }

    /// Sign and magnitude, suffix applied.
    fn number(&self) -> Result<(bool, u64)> {
        let Some((negative, digits, shift)) = split_number(self.text).filter(|_| self.kind == Kind::Number) else {
            return Err(self.error("not a number"));
        };
        let too_large = || self.error("number exceeds 64 bits");
        let value: u64 = digits.parse().map_err(|_| too_large())?;
        Ok((negative, value.checked_mul(1 << shift).ok_or_else(too_large)?))
    }

    fn error(&self, what: &str) -> FormatError {
        FormatError::invalid(format!("{what}: `{}`", shorten(self.text)))
    }
}

/// The text of stored metadata: UTF-8, one trailing NUL removed.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    std::str::from_utf8(bytes)
        .map_err(|e| FormatError::invalid(format!("text is not UTF-8 at byte {}", e.valid_up_to())))
}

/// Where a part of a text lies in it. `None` if it was not cut out of this text.
pub fn range_of(text: &str, part: &str) -> Option<std::ops::Range<usize>> {
    let at = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let range = at..at.checked_add(part.len())?;
    text.get(range.clone()).is_some_and(|found| found == part).then_some(range)
}

/// A text with something else in a range of it.
pub(crate) fn spliced(text: &str, range: &std::ops::Range<usize>, new: &str) -> String {
    let (head, tail) = (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
    format!("{head}{new}{tail}")
}

/// A text with other values for keys of its top level; every other byte stays. A key that is not there
/// is not added.
pub fn with_values(text: &str, fields: &[(&str, &str)]) -> Result<String> {
    let mut out = text.to_owned();
    for (key, new) in fields {
        let config = Config::parse(&out)?;
        let Some(old) = config.get(key) else { continue };
        let old = range_of(&out, old.text).ok_or_else(|| FormatError::invalid(format!("{key} has no value")))?;
        out = spliced(&out, &old, new);
    }
    Ok(out)
}

/// At most 40 characters of a text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    let mut out: String = text.chars().take(40).collect();
    if out.len() < text.len() {
        out.push_str("...");
    }
    out
}

/// Split `-12kb` into sign, digits and the power of two of the suffix.
fn split_number(text: &str) -> Option<(bool, &str, u32)> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let end = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let shift = match suffix.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    Some((negative, digits, shift))
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Tokens end only at ASCII bytes, so every slice lies on character boundaries.
struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn skip(&mut self, which: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&which) {
            self.pos += 1;
        }
    }

    fn error(&self, what: &str) -> FormatError {
        FormatError::invalid(format!("configuration text, byte {}: {what}", self.pos))
    }

    fn slice(&self, from: usize, to: usize) -> Result<&'a str> {
        self.text.get(from..to).ok_or_else(|| self.error("token splits a character"))
    }

    fn entry(&mut self) -> Result<Entry<'a>> {
        let key = self.value()?;
        if key.kind == Kind::Struct {
            return Ok(Entry { key: "", value: key });
        }
        self.skip(is_space);
        if self.peek() != Some(b'=') {
            return Ok(Entry { key: key.text, value: Value { text: "true", kind: Kind::Bool } });
        }
        self.pos += 1;
        self.skip(is_space);
        let value = match self.peek() {
            None | Some(b',') => Value { text: "", kind: Kind::Id },
            Some(_) => self.value()?,
        };
        Ok(Entry { key: key.text, value })
    }

    /// The token at the cursor, which is not at the end.
    fn value(&mut self) -> Result<Value<'a>> {
        match self.peek() {
            Some(b'"') => {
                let start = self.pos + 1;
                self.quoted()?;
                Ok(Value { text: self.slice(start, self.pos.saturating_sub(1))?, kind: Kind::String })
            }
            Some(b'(' | b'[' | b'{') => {
                let start = self.pos;
                self.brackets()?;
                Ok(Value { text: self.slice(start, self.pos)?, kind: Kind::Struct })
            }
            Some(b')' | b']' | b'}') => Err(self.error("closing bracket without an opening one")),
            Some(b'=') => Err(self.error("`=` without a key")),
            _ => {
                let start = self.pos;
                self.skip(|b| {
                    !is_space(b) && !matches!(b, b',' | b'=' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"')
                });
                let text = self.slice(start, self.pos)?;
                let kind = match text {
                    "true" | "false" => Kind::Bool,
                    _ if split_number(text).is_some() => Kind::Number,
                    _ => Kind::Id,
                };
                Ok(Value { text, kind })
            }
        }
    }

    /// Move behind the closing quote. A backslash protects the next byte.
    fn quoted(&mut self) -> Result<()> {
        self.pos += 1;
        loop {
            match self.peek() {
                None => return Err(self.error("string without closing quote")),
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(b'\\') => self.pos += 2,
                Some(_) => self.pos += 1,
            }
        }
    }

    /// Move behind the bracket that closes the one at the cursor.
    fn brackets(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error("bracket is never closed")),
                Some(b'"') => {
                    self.quoted()?;
                    continue;
                }
                Some(b'(') => open.push(b')'),
                Some(b'[') => open.push(b']'),
                Some(b'{') => open.push(b'}'),
                Some(b @ (b')' | b']' | b'}')) if open.pop() != Some(b) => {
                    return Err(self.error("brackets do not match"));
                }
                Some(_) => {}
            }
            if open.len() > MAX_DEPTH {
                return Err(self.error("brackets nested too deeply"));
            }
            self.pos += 1;
            if open.is_empty() {
                return Ok(());
            }
        }
    }
}
