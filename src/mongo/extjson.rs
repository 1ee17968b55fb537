//! Extended JSON v2 of BSON documents, straight from their bytes (spec 21.10).
//!
//! Field order and fields of the same name are kept. Nothing recurses; documents nested deeper than
//! [`super::MAX_DEPTH`] are refused.

pub use super::json_text::{Mode, string};

use super::MAX_DEPTH;
use super::document::{Document, Element, Elements, Value};
use super::json_text as json;
use crate::format::{FormatError, Result};
use std::collections::HashSet;

/// Names that readers of Extended JSON take for types, the older forms included.
const WRAPPERS: [&[u8]; 19] = [
    b"$binary",
    b"$code",
    b"$date",
    b"$dbPointer",
    b"$maxKey",
    b"$minKey",
    b"$numberDecimal",
    b"$numberDouble",
    b"$numberInt",
    b"$numberLong",
    b"$oid",
    b"$options",
    b"$regex",
    b"$regularExpression",
    b"$scope",
    b"$symbol",
    b"$timestamp",
    b"$undefined",
    b"$uuid",
];

/// What a reader of the text cannot know: whether the same BSON comes back, types included for the canonical form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// A field is named like a type (`$oid`).
    pub wrapper_names: bool,
    /// Two fields of one document have the same name; most readers keep the last.
    pub same_names: bool,
    /// A text or a name is not UTF-8; U+FFFD stands in its place.
    pub not_utf8: bool,
    /// Something else is not as it was: names in an array that do not count from 0, options of a regular
    /// expression that were not sorted, a decimal or a NaN of unusual bits.
    pub other: bool,
}

impl Notes {
    /// Whether the text reads back as the same document.
    pub fn reversible(self) -> bool {
        self == Self::default()
    }

    /// What holds of either.
    pub fn and(self, other: Self) -> Self {
        Self {
            wrapper_names: self.wrapper_names || other.wrapper_names,
            same_names: self.same_names || other.same_names,
            not_utf8: self.not_utf8 || other.not_utf8,
            other: self.other || other.other,
        }
    }
}

/// Append the text of the document that fills `document`. Nothing is appended where it is broken.
///
/// # Errors
/// If the document is broken or nested too deep, with the place in bytes.
pub fn write(document: &[u8], mode: Mode, out: &mut Vec<u8>) -> Result<Notes> {
    value(&Value::Document(Document::new(document)?), mode, out)
}

/// The same as [`write()`], to a stream: one document, no line end behind it.
///
/// # Errors
/// The outer of the stream; the inner as of [`write()`], and nothing was written then.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn write_to(document: &[u8], mode: Mode, mut to: impl std::io::Write) -> std::io::Result<Result<Notes>> {
    let mut out = Vec::new();
    let notes = write(document, mode, &mut out);
    if notes.is_ok() {
        to.write_all(&out)?;
    }
    Ok(notes)
}

/// Append the text of one value. Nothing is appended where it is broken.
///
/// # Errors
/// As of [`write()`].
pub fn value(value: &Value<'_>, mode: Mode, out: &mut Vec<u8>) -> Result<Notes> {
    let before = out.len();
    let mut writer = Writer { out, mode, notes: Notes::default(), open: Vec::new() };
    let result = writer.all(value);
    let notes = writer.notes;
    if result.is_err() {
        out.truncate(before);
    }
    result.map(|()| notes)
}

/// Append a document of those fields for which `keep` says so.
///
/// # Errors
/// As of [`write()`].
pub fn fields(
    document: Document<'_>,
    mode: Mode,
    keep: impl Fn(&Element<'_>) -> bool,
    out: &mut Vec<u8>,
) -> Result<Notes> {
    let before = out.len();
    let mut notes = Notes::default();
    let mut names = HashSet::new();
    let mut separator = b'{';
    for element in document.elements() {
        let written = element.and_then(|element| {
            if !keep(&element) {
                return Ok(());
            }
            out.push(separator);
            separator = b',';
            notes.not_utf8 |= !json::string(out, element.name);
            notes.same_names |= !names.insert(element.name);
            notes.wrapper_names |= WRAPPERS.contains(&element.name);
            out.push(b':');
            notes = notes.and(value(&element.value, mode, out)?);
            Ok(())
        });
        if let Err(error) = written {
            out.truncate(before);
            return Err(error);
        }
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(notes)
}

/// A document or an array that is not yet at its end.
#[derive(Debug)]
struct Open<'a> {
    elements: Elements<'a>,
    /// Number of fields so far.
    count: usize,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Array,
    Document(HashSet<&'a [u8]>),
    /// A document within `{"$code":…,"$scope":`.
    Scope(HashSet<&'a [u8]>),
}

struct Writer<'a, 'o> {
    out: &'o mut Vec<u8>,
    mode: Mode,
    notes: Notes,
    open: Vec<Open<'a>>,
}

impl<'a> Writer<'a, '_> {
    fn all(&mut self, value: &Value<'a>) -> Result<()> {
        self.value(value)?;
        while let Some(open) = self.open.last_mut() {
            let Some(element) = open.elements.next() else {
                let end: &[u8] = match open.kind {
                    Kind::Array => b"]",
                    Kind::Document(_) => b"}",
                    Kind::Scope(_) => b"}}",
                };
                self.out.extend_from_slice(end);
                self.open.pop();
                continue;
            };
            let element = element?;
            if open.count > 0 {
                self.out.push(b',');
            }
            match &mut open.kind {
                Kind::Array => self.notes.other |= !counts(element.name, open.count),
                Kind::Document(names) | Kind::Scope(names) => {
                    self.notes.same_names |= !names.insert(element.name);
                    self.notes.wrapper_names |= WRAPPERS.contains(&element.name);
                    self.notes.not_utf8 |= !json::string(self.out, element.name);
                    self.out.push(b':');
                }
            }
            open.count = open.count.saturating_add(1);
            self.value(&element.value)?;
        }
        Ok(())
    }

    fn enter(&mut self, document: Document<'a>, kind: Kind<'a>) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            let at = document.at();
            return Err(FormatError::invalid(format!("documents nested deeper than {MAX_DEPTH}, at byte {at}")));
        }
        self.open.push(Open { elements: document.elements(), count: 0, kind });
        Ok(())
    }

    fn value(&mut self, value: &Value<'a>) -> Result<()> {
        let (out, mode) = (&mut *self.out, self.mode);
        let utf8 = match *value {
            Value::Document(document) => {
                out.push(b'{');
                return self.enter(document, Kind::Document(HashSet::new()));
            }
            Value::Array(array) => {
                out.push(b'[');
                return self.enter(array, Kind::Array);
            }
            Value::CodeWithScope { code, scope } => {
                out.extend_from_slice(b"{\"$code\":");
                self.notes.not_utf8 |= !json::string(out, code);
                out.extend_from_slice(b",\"$scope\":{");
                return self.enter(scope, Kind::Scope(HashSet::new()));
            }
            Value::String(text) => json::string(out, text),
            Value::Code(code) => json::wrapped_string(out, "$code", code),
            Value::Symbol(symbol) => json::wrapped_string(out, "$symbol", symbol),
            Value::DbPointer { namespace, id } => json::db_pointer(out, namespace, id),
            ref value => {
                self.notes.other |= !plain(out, mode, value);
                true
            }
        };
        self.notes.not_utf8 |= !utf8;
        Ok(())
    }
}

/// Values that have no text in them. Answers whether they read back as the same bytes.
fn plain(out: &mut Vec<u8>, mode: Mode, value: &Value<'_>) -> bool {
    match *value {
        Value::Double(n) => {
            json::double(out, mode, n);
            return !n.is_nan() || n.to_bits() == f64::NAN.to_bits();
        }
        Value::Int32(n) => json::int32(out, mode, n),
        Value::Int64(n) => json::int64(out, mode, n),
        Value::Decimal(bytes) => return json::decimal(out, bytes),
        Value::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        Value::Date(millis) => json::date(out, mode, millis),
        Value::ObjectId(id) => json::object_id(out, id),
        Value::Timestamp { seconds, increment } => json::timestamp(out, seconds, increment),
        Value::Binary { subtype, bytes } => json::binary(out, subtype, bytes),
        Value::Regex { pattern, options } => return json::regex(out, pattern, options),
        Value::Undefined => out.extend_from_slice(json::UNDEFINED),
        Value::MinKey => out.extend_from_slice(json::MIN_KEY),
        Value::MaxKey => out.extend_from_slice(json::MAX_KEY),
        // The others are written where they are met.
        Value::Null
        | Value::String(_)
        | Value::Document(_)
        | Value::Array(_)
        | Value::DbPointer { .. }
        | Value::Code(_)
        | Value::Symbol(_)
        | Value::CodeWithScope { .. } => out.extend_from_slice(b"null"),
    }
    true
}

/// Whether the name is the number, written as mongod does.
fn counts(name: &[u8], number: usize) -> bool {
    let text = std::str::from_utf8(name).unwrap_or_default();
    let plain = text == "0" || !text.starts_with(['0', '+']);
    plain && text.parse() == Ok(number)
}
