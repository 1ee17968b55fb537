//! An entry of an index table: its fields, and the documents it leads to (spec 21.6).

use super::key_reader::BitReader;
use super::key_value::{KeyValue, KeyVersion};
use super::keystring::{self, Shape};
use super::record_id::{self, Form, RecordId};
use crate::format::{FormatError, Result};

/// Where the record id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In the value, with the TypeBits behind it: `_id_`, and unique indexes up to MongoDB 4.0.
    Value,
    /// Behind the fields; the value is the TypeBits.
    Key,
}

/// What `formatVersion` in the engine's metadata of an index table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexFormat {
    pub version: KeyVersion,
    /// One layout for all entries; else it depends on the entry.
    pub layout: Option<Layout>,
}

/// What the `formatVersion` of an index means.
///
/// # Errors
/// ENOTSUP for one that no released mongod writes; mongod stops there.
pub fn format(format_version: u32) -> Result<IndexFormat> {
    let (version, layout) = match format_version {
        6 | 11 => (KeyVersion::V0, None),
        8 | 12 => (KeyVersion::V1, None),
        13 => (KeyVersion::V0, Some(Layout::Key)),
        14 => (KeyVersion::V1, Some(Layout::Key)),
        other => return Err(FormatError::unsupported(format!("formatVersion {other} of an index"))),
    };
    Ok(IndexFormat { version, layout })
}

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub fields: Vec<KeyValue>,
    /// The rows of the collection; more than one only in an old unique index while it was built.
    pub ids: Vec<RecordId>,
    pub layout: Layout,
}

/// Read an entry. `shape.version` is that of [`format()`]; `form` that of the collection.
///
/// # Errors
/// If key or value are broken, or fit neither layout.
pub fn entry(format: IndexFormat, shape: &Shape, form: Form, key: &[u8], value: &[u8]) -> Result<Entry> {
    // No record id has room in an empty value.
    let layout = match format.layout {
        Some(layout) => layout,
        None if value.is_empty() => Layout::Key,
        None if keystring::decode(key, shape, None)?.end == key.len() => Layout::Value,
        None => Layout::Key,
    };
    match layout {
        Layout::Key => in_key(shape, form, key, value),
        Layout::Value => in_value(shape, key, value),
    }
}

fn in_key(shape: &Shape, form: Form, key: &[u8], value: &[u8]) -> Result<Entry> {
    let fields = keystring::decode(key, shape, Some(value))?;
    let (id, before) = record_id::at_end(form, key.get(fields.end..).unwrap_or_default())?;
    if before != 0 {
        return Err(FormatError::invalid(format!("{before} bytes between the fields of a key and its record id")));
    }
    Ok(Entry { fields: fields.values, ids: vec![id], layout: Layout::Key })
}

fn in_value(shape: &Shape, key: &[u8], value: &[u8]) -> Result<Entry> {
    let mut ids = Vec::new();
    let mut first_bits = None;
    let mut rest = value;
    while ids.is_empty() || !rest.is_empty() {
        let (id, taken) = record_id::long_at_front(rest)?;
        ids.push(RecordId::Long(id));
        rest = rest.get(taken..).unwrap_or_default();
        let bits = rest;
        let (_, taken) = BitReader::at_front(rest)?;
        first_bits = first_bits.or(Some(bits));
        rest = rest.get(taken..).unwrap_or_default();
    }
    let fields = keystring::decode(key, shape, first_bits)?;
    if fields.end != key.len() {
        return Err(FormatError::invalid(format!("a key continues at byte {}, past its end", fields.end)));
    }
    Ok(Entry { fields: fields.values, ids, layout: Layout::Value })
}
