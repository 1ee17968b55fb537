//! KeyStrings: the keys of index tables, which sort as the values do (spec 21.7).
//!
//! A key is its fields one after the other, without names, then `04`, then for most indexes a record id
//! ([`super::record_id`]). All bytes of a descending field are inverted. What the order does not need, above all
//! whether an equal number was an int or a double, stands apart: the TypeBits.

use super::MAX_DEPTH;
use super::key_number;
use super::key_reader::{BitReader, KeyReader};
use super::key_value::{KeyValue, KeyVersion};
use crate::format::{FormatError, Result};

/// What stands behind the last field.
const END: u8 = 0x04;
/// Fields of one key; mongod allows 32 in an index.
const MAX_FIELDS: usize = 64;
/// Values of one key, nested ones included: a bound of what is taken of memory.
const MAX_VALUES: usize = 1 << 20;

/// What must be known to read a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub version: KeyVersion,
    /// Whether each field descends. Further fields ascend.
    pub descending: Vec<bool>,
    /// Whether a key has exactly these fields. Not in wildcard and text indexes.
    pub exact: bool,
    /// Whether texts are sort keys of a collation, which nobody can turn back.
    pub collated: bool,
}

/// The fields of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    pub values: Vec<KeyValue>,
    /// One past the `04`, in bytes: what stands from here on is a record id.
    pub end: usize,
}

/// Read the fields of a key.
///
/// `type_bits`: those of the key, from their first byte on, empty for zeros; `None` if they are not known, then
/// each number has the type that fits.
///
/// # Errors
/// If the key is cut off, has other fields than the shape tells, or does not fit the type bits.
pub fn decode(key: &[u8], shape: &Shape, type_bits: Option<&[u8]>) -> Result<Fields> {
    let mut bits = type_bits.map(BitReader::at_front).transpose()?.map(|(bits, _)| bits);
    let mut reader = Decoder::new(key, shape.version, shape.collated, bits.as_mut());
    let mut values = Vec::new();
    loop {
        let complete = shape.exact && values.len() == shape.descending.len();
        if (complete || !shape.exact) && reader.key.peek() == Some(END) {
            reader.key.skip(1)?;
            return Ok(Fields { values, end: reader.key.at() });
        }
        if complete || values.len() >= MAX_FIELDS {
            return Err(reader.key.broken("more fields than the index has"));
        }
        let inverted = shape.descending.get(values.len()).copied().unwrap_or(false);
        values.push(reader.value(inverted)?);
    }
}

/// Read the one value that a record id of a clustered collection is: version 1, ascending, without `04` and
/// without TypeBits.
///
/// # Errors
/// If it is cut off, or more follows.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn clustered(id: &[u8], collated: bool) -> Result<KeyValue> {
    let mut reader = Decoder::new(id, KeyVersion::V1, collated, None);
    let value = reader.value(false)?;
    if reader.key.left() > 0 {
        return Err(reader.key.broken("more than one value"));
    }
    Ok(value)
}

struct Decoder<'a, 'b> {
    key: KeyReader<'a>,
    version: KeyVersion,
    collated: bool,
    bits: Option<&'b mut BitReader<'a>>,
    left: usize,
}

impl<'a, 'b> Decoder<'a, 'b> {
    fn new(key: &'a [u8], version: KeyVersion, collated: bool, bits: Option<&'b mut BitReader<'a>>) -> Self {
        Self { key: KeyReader::new(key), version, collated, bits, left: MAX_VALUES }
    }

    fn value(&mut self, inverted: bool) -> Result<KeyValue> {
        let type_byte = self.key.byte(inverted)?;
        self.value_of(type_byte, inverted, 0)
    }

    fn value_of(&mut self, type_byte: u8, inverted: bool, depth: usize) -> Result<KeyValue> {
        self.left = self.left.checked_sub(1).ok_or_else(|| self.key.broken("too many values"))?;
        if depth > MAX_DEPTH {
            return Err(self.key.broken("values nested too deep"));
        }
        let key = &mut self.key;
        Ok(match type_byte {
            0x0a => KeyValue::MinKey,
            0x0f => KeyValue::Undefined,
            0x14 => KeyValue::Null,
            number if key_number::is_number(number) => {
                let bits = self.bits.as_deref_mut();
                KeyValue::Number(key_number::read(key, number, inverted, self.version, bits)?)
            }
            0x3c => {
                let symbol = self.bits.as_mut().map(|bits| bits.bits(1)).transpose()? == Some(1);
                let text = key.string(inverted)?;
                match (self.collated, symbol) {
                    (true, _) => KeyValue::SortKey(text),
                    (false, true) => KeyValue::Symbol(text),
                    (false, false) => KeyValue::String(text),
                }
            }
            0x46 => KeyValue::Object(self.object(inverted, depth)?),
            0x50 => {
                let mut values = Vec::new();
                loop {
                    match self.key.byte(inverted)? {
                        0 => break,
                        type_byte => values.push(self.value_of(type_byte, inverted, depth.saturating_add(1))?),
                    }
                }
                KeyValue::Array(values)
            }
            0x5a => {
                let length = match key.byte(inverted)? {
                    0xff => key.length(inverted)?,
                    short => usize::from(short),
                };
                let subtype = key.byte(inverted)?;
                KeyValue::Binary { subtype, bytes: key.take(length, inverted)? }
            }
            0x64 => KeyValue::ObjectId(key.fixed(inverted)?),
            0x6e => KeyValue::Bool(false),
            0x6f => KeyValue::Bool(true),
            0x78 => KeyValue::Date(i64::from_be_bytes(key.fixed(inverted)?) ^ i64::MIN),
            0x82 => {
                let seconds = u32::from_be_bytes(key.fixed(inverted)?);
                KeyValue::Timestamp { seconds, increment: u32::from_be_bytes(key.fixed(inverted)?) }
            }
            0x8c => KeyValue::Regex { pattern: key.cstring(inverted)?, options: key.cstring(inverted)? },
            0x96 => {
                let length = key.length(inverted)?;
                KeyValue::DbPointer { namespace: key.take(length, inverted)?, id: key.fixed(inverted)? }
            }
            0xa0 => KeyValue::Code(key.string(inverted)?),
            0xaa => {
                let code = key.string(inverted)?;
                KeyValue::CodeWithScope { code, scope: self.object(inverted, depth)? }
            }
            0xf0 => KeyValue::MaxKey,
            other => {
                let at = self.key.at().saturating_sub(1);
                return Err(FormatError::invalid(format!("unknown type {other:#04x} at byte {at} of a key")));
            }
        })
    }

    /// For each field: a byte for all types that sort as one, name, the real type byte, value. Then a zero.
    fn object(&mut self, inverted: bool, depth: usize) -> Result<Vec<(Vec<u8>, KeyValue)>> {
        let mut fields = Vec::new();
        while self.key.byte(inverted)? != 0 {
            let name = self.key.cstring(inverted)?;
            let type_byte = self.key.byte(inverted)?;
            fields.push((name, self.value_of(type_byte, inverted, depth.saturating_add(1))?));
        }
        Ok(fields)
    }
}
