//! BSON documents, field by field, borrowed, with the place of each field.
//!
//! Texts are handed out as bytes: mongod stores some that are not UTF-8. An error says where. All integers are
//! little-endian. The tests hold it against the `bson` crate.

use crate::format::{FormatError, Result};

/// Length, and the zero at the end.
const SMALLEST: usize = 5;
/// The old form of binary data, which has its length twice.
const BINARY_OLD: u8 = 2;
/// The UUIDs of collections.
const BINARY_UUID: u8 = 4;

/// A document or an array that fills its bytes: int32 length, fields, a zero. Its fields are read when asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    bytes: &'a [u8],
    /// Where it begins in what was given.
    at: usize,
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Element<'a> {
    /// Its name, without the zero.
    pub name: &'a [u8],
    pub value: Value<'a>,
    /// Where its type byte stands, in bytes from the front of the outermost document.
    pub at: usize,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Double(f64),
    String(&'a [u8]),
    Document(Document<'a>),
    Array(Document<'a>),
    /// The old form (subtype 2) without its inner length.
    Binary {
        subtype: u8,
        bytes: &'a [u8],
    },
    Undefined,
    ObjectId([u8; 12]),
    Bool(bool),
    /// Milliseconds since 1970.
    Date(i64),
    Null,
    Regex {
        pattern: &'a [u8],
        options: &'a [u8],
    },
    DbPointer {
        namespace: &'a [u8],
        id: [u8; 12],
    },
    Code(&'a [u8]),
    Symbol(&'a [u8]),
    CodeWithScope {
        code: &'a [u8],
        scope: Document<'a>,
    },
    Int32(i32),
    Timestamp {
        seconds: u32,
        increment: u32,
    },
    Int64(i64),
    /// As stored: little-endian.
    Decimal([u8; 16]),
    MinKey,
    MaxKey,
}

impl<'a> Value<'a> {
    /// A text, if it is one and UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        match self {
            Self::String(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// A document; not an array.
    pub fn document(&self) -> Option<Document<'a>> {
        match self {
            Self::Document(document) => Some(*document),
            _ => None,
        }
    }

    pub fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// What mongod takes for yes: true, or a number that is not zero.
    pub fn truthy(&self) -> bool {
        match self {
            Self::Bool(b) => *b,
            _ => self.number().is_some_and(|n| n != 0.0),
        }
    }

    /// int32, int64, or a whole double of at most 2^53.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Int32(n) => Some(i64::from(*n)),
            Self::Int64(n) => Some(*n),
            // Rust prints whole numbers of this size without an exponent.
            Self::Double(n) if n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0 => format!("{n:.0}").parse().ok(),
            _ => None,
        }
    }

    /// Any number but a decimal. An int64 beyond 2^53 is rounded.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int32(n) => Some(f64::from(*n)),
            #[allow(clippy::cast_precision_loss, reason = "only its sign and size are of interest")]
            Self::Int64(n) => Some(*n as f64),
            Self::Double(n) => Some(*n),
            _ => None,
        }
    }

    /// Binary data of subtype 4 with 16 bytes.
    pub fn uuid(&self) -> Option<[u8; 16]> {
        match self {
            Self::Binary { subtype: BINARY_UUID, bytes } => (*bytes).try_into().ok(),
            _ => None,
        }
    }
}

impl<'a> Document<'a> {
    /// The document that fills `bytes`.
    ///
    /// # Errors
    /// If the length in front is not that of `bytes`, or the zero at the end is missing.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let document = Self::first(bytes, 0)?;
        if document.bytes.len() != bytes.len() {
            let (says, is) = (document.bytes.len(), bytes.len());
            return Err(FormatError::invalid(format!("a document of {says} bytes occupies {is}")));
        }
        Ok(document)
    }

    /// The document at the front of `bytes`, which stand at `at`.
    fn first(bytes: &'a [u8], at: usize) -> Result<Self> {
        let length = bytes.first_chunk::<4>().map(|raw| i32::from_le_bytes(*raw));
        let length = length.ok_or_else(|| FormatError::invalid(format!("a document is cut off at byte {at}")))?;
        let whole = usize::try_from(length).ok().filter(|n| *n >= SMALLEST).and_then(|n| bytes.get(..n));
        let whole = whole.ok_or_else(|| {
            let has = bytes.len();
            FormatError::invalid(format!("a document at byte {at} says it has {length} bytes, there are {has}"))
        })?;
        if whole.last() != Some(&0) {
            return Err(FormatError::invalid(format!("the document at byte {at} does not end with a zero")));
        }
        Ok(Self { bytes: whole, at })
    }

    /// Length and last zero included.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where it begins in what was given.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Its fields, in the order they are stored in. The first error is the last item.
    pub fn elements(&self) -> Elements<'a> {
        Elements { bytes: self.bytes, at: self.at, pos: 4, done: false }
    }

    /// Whether all its fields can be read; those of documents in it are not looked at.
    pub fn is_whole(&self) -> bool {
        self.elements().all(|element| element.is_ok())
    }

    /// The first field of this name.
    ///
    /// # Errors
    /// If the document is broken before it.
    pub fn get(&self, name: &str) -> Result<Option<Value<'a>>> {
        for element in self.elements() {
            let element = element?;
            if element.name == name.as_bytes() {
                return Ok(Some(element.value));
            }
        }
        Ok(None)
    }
}

/// The fields of a document, one after the other.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    pos: usize,
    done: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let at = self.at.saturating_add(self.pos);
        if self.pos.saturating_add(1) == self.bytes.len() {
            self.done = true;
            return None;
        }
        let element = self.element(at);
        self.done = element.is_err();
        Some(element)
    }
}

impl<'a> Elements<'a> {
    fn element(&mut self, at: usize) -> Result<Element<'a>> {
        let [kind] = self.fixed::<1>()?;
        let name = self.cstring()?;
        let value = self.value(kind, at)?;
        Ok(Element { name, value, at })
    }

    fn broken(&self, what: &str) -> FormatError {
        FormatError::invalid(format!("{what} at byte {}", self.at.saturating_add(self.pos)))
    }

    /// What is left before the zero of the document.
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..self.bytes.len().saturating_sub(1)).unwrap_or_default()
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let taken = self.rest().get(..n).ok_or_else(|| self.broken("a value is longer than its document"))?;
        self.pos = self.pos.saturating_add(n);
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.broken("a value is cut off"))
    }

    fn cstring(&mut self) -> Result<&'a [u8]> {
        let rest = self.rest();
        let n = rest.iter().position(|b| *b == 0).ok_or_else(|| self.broken("a name without a terminator"))?;
        self.pos = self.pos.saturating_add(n).saturating_add(1);
        Ok(rest.get(..n).unwrap_or_default())
    }

    fn length(&mut self) -> Result<usize> {
        let length = i32::from_le_bytes(self.fixed()?);
        usize::try_from(length).map_err(|_| self.broken("a negative length"))
    }

    /// A text with its length in front and a zero behind it.
    fn string(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        match self.take(length)?.split_last() {
            Some((0, text)) => Ok(text),
            _ => Err(self.broken("a text that does not end with a zero")),
        }
    }

    fn nested(&mut self) -> Result<Document<'a>> {
        let document = Document::first(self.rest(), self.at.saturating_add(self.pos))?;
        self.pos = self.pos.saturating_add(document.bytes.len());
        Ok(document)
    }

    fn value(&mut self, kind: u8, at: usize) -> Result<Value<'a>> {
        Ok(match kind {
            0x01 => Value::Double(f64::from_le_bytes(self.fixed()?)),
            0x02 => Value::String(self.string()?),
            0x03 => Value::Document(self.nested()?),
            0x04 => Value::Array(self.nested()?),
            0x05 => self.binary()?,
            0x06 => Value::Undefined,
            0x07 => Value::ObjectId(self.fixed()?),
            0x08 => match self.fixed()? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [_] => return Err(self.broken("a boolean that is neither 0 nor 1, before")),
            },
            0x09 => Value::Date(i64::from_le_bytes(self.fixed()?)),
            0x0a => Value::Null,
            0x0b => Value::Regex { pattern: self.cstring()?, options: self.cstring()? },
            0x0c => Value::DbPointer { namespace: self.string()?, id: self.fixed()? },
            0x0d => Value::Code(self.string()?),
            0x0e => Value::Symbol(self.string()?),
            0x0f => self.code_with_scope()?,
            0x10 => Value::Int32(i32::from_le_bytes(self.fixed()?)),
            0x11 => {
                let increment = u32::from_le_bytes(self.fixed()?);
                Value::Timestamp { seconds: u32::from_le_bytes(self.fixed()?), increment }
            }
            0x12 => Value::Int64(i64::from_le_bytes(self.fixed()?)),
            0x13 => Value::Decimal(self.fixed()?),
            0xff => Value::MinKey,
            0x7f => Value::MaxKey,
            other => return Err(FormatError::invalid(format!("unknown type {other:#04x} at byte {at}"))),
        })
    }

    fn binary(&mut self) -> Result<Value<'a>> {
        let length = self.length()?;
        let [subtype] = self.fixed()?;
        let mut bytes = self.take(length)?;
        if subtype == BINARY_OLD {
            let inner = bytes.split_first_chunk::<4>();
            let inner = inner.map(|(n, inner)| (usize::try_from(i32::from_le_bytes(*n)), inner));
            match inner {
                Some((Ok(n), inner)) if n == inner.len() => bytes = inner,
                _ => return Err(self.broken("two lengths of binary data differ, before")),
            }
        }
        Ok(Value::Binary { subtype, bytes })
    }

    /// int32 length of all, text, document.
    fn code_with_scope(&mut self) -> Result<Value<'a>> {
        let before = self.pos;
        let length = self.length()?;
        let code = self.string()?;
        let scope = self.nested()?;
        if self.pos.checked_sub(before) != Some(length) {
            return Err(self.broken("code with scope of another length, before"));
        }
        Ok(Value::CodeWithScope { code, scope })
    }
}
