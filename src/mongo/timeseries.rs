//! Indexes of the buckets of a time series, said as its user said them (spec 21.9).

use super::catalog::Index;
use super::document::{Document, Element, Value};
use super::extjson::{self, Mode, Notes};
use super::json_text;
use crate::format::{FormatError, Result};

/// The user's form, where mongod kept it.
const ORIGINAL: &str = "originalSpec";
const META: &str = "meta";
const MIN: &str = "control.min.";
const MAX: &str = "control.max.";

/// Append the specification of an index on the series; `false`, and nothing, where the one on the buckets cannot
/// be turned back.
pub(super) fn specification(index: &Index<'_>, series: Document<'_>, out: &mut Vec<u8>) -> Result<Option<Notes>> {
    let spec = index.spec.ok_or_else(|| FormatError::not_found("an index without a specification"))?;
    if let Some(Value::Document(original)) = spec.get(ORIGINAL)? {
        return extjson::value(&Value::Document(original), Mode::Canonical, out).map(Some);
    }
    // A filter names fields of the buckets.
    if index.partial {
        return Ok(None);
    }
    let Some(key) = index.key else { return Ok(None) };
    let meta = series.get("metaField")?.and_then(|v| v.text());
    let elements = key.elements().collect::<Result<Vec<_>>>()?;
    let Some(fields) = fields(&elements, meta) else { return Ok(None) };
    let before = out.len();
    let written = write(spec, &fields, out);
    if written.is_err() {
        out.truncate(before);
    }
    written.map(Some)
}

fn write(spec: Document<'_>, fields: &[(String, Value<'_>)], out: &mut Vec<u8>) -> Result<Notes> {
    let mut notes = Notes::default();
    for (i, element) in spec.elements().enumerate() {
        let element = element?;
        out.push(if i == 0 { b'{' } else { b',' });
        notes.not_utf8 |= !json_text::string(out, element.name);
        out.push(b':');
        if element.name != b"key" {
            notes = notes.and(extjson::value(&element.value, Mode::Canonical, out)?);
            continue;
        }
        for (i, (name, value)) in fields.iter().enumerate() {
            out.push(if i == 0 { b'{' } else { b',' });
            json_text::string(out, name.as_bytes());
            out.push(b':');
            notes = notes.and(extjson::value(value, Mode::Canonical, out)?);
        }
        out.push(b'}');
    }
    out.push(b'}');
    Ok(notes)
}

/// `None` where a field is no field of the series.
fn fields<'a>(elements: &[Element<'a>], meta: Option<&str>) -> Option<Vec<(String, Value<'a>)>> {
    let mut out = Vec::new();
    let mut rest = elements;
    while let Some((first, behind)) = rest.split_first() {
        let name = std::str::from_utf8(first.name).ok()?;
        rest = behind;
        if let Some(path) = name.strip_prefix(META)
            && (path.is_empty() || path.starts_with('.'))
        {
            out.push((format!("{}{path}", meta?), first.value));
            continue;
        }
        // One field of the series is two of the buckets.
        let (second, behind) = rest.split_first()?;
        rest = behind;
        let (ascends, also) = (first.value.number()? > 0.0, second.value.number()? > 0.0);
        let (low, high) = if ascends { (MIN, MAX) } else { (MAX, MIN) };
        let field = name.strip_prefix(low)?;
        let same = std::str::from_utf8(second.name).ok()?.strip_prefix(high) == Some(field);
        if !same || ascends != also || field.is_empty() {
            return None;
        }
        out.push((field.to_owned(), first.value));
    }
    (!out.is_empty()).then_some(out)
}
