//! Values of keys as Extended JSON.
//!
//! A sort key, which no reader can turn back into its text, is `{"$sortKey":"HEX"}`; this is no type of
//! Extended JSON.

use super::json_text::{self as json, Mode};
use super::key_value::{KeyValue, Number};

/// Append a value. Answers whether it is exact: no sort key, no decimal of which only [about](Number::Decimal)
/// is known, no text that is not UTF-8.
pub fn write(value: &KeyValue, mode: Mode, out: &mut Vec<u8>) -> bool {
    match value {
        KeyValue::MinKey => out.extend_from_slice(json::MIN_KEY),
        KeyValue::MaxKey => out.extend_from_slice(json::MAX_KEY),
        KeyValue::Undefined => out.extend_from_slice(json::UNDEFINED),
        KeyValue::Null => out.extend_from_slice(b"null"),
        KeyValue::Number(number) => return write_number(number, mode, out),
        KeyValue::String(text) => return json::string(out, text),
        KeyValue::Symbol(text) => return json::wrapped_string(out, "$symbol", text),
        KeyValue::Code(text) => return json::wrapped_string(out, "$code", text),
        KeyValue::SortKey(bytes) => {
            json::wrapped_string(out, "$sortKey", hex::encode(bytes).as_bytes());
            return false;
        }
        KeyValue::Object(fields) => {
            return write_fields(fields.iter().map(|(name, value)| (name.as_slice(), value)), mode, out);
        }
        KeyValue::Array(values) => {
            let mut exact = true;
            out.push(b'[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                exact &= write(value, mode, out);
            }
            out.push(b']');
            return exact;
        }
        KeyValue::Binary { subtype, bytes } => json::binary(out, *subtype, bytes),
        KeyValue::ObjectId(id) => json::object_id(out, *id),
        KeyValue::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        KeyValue::Date(millis) => json::date(out, mode, *millis),
        KeyValue::Timestamp { seconds, increment } => json::timestamp(out, *seconds, *increment),
        KeyValue::Regex { pattern, options } => return json::regex(out, pattern, options),
        KeyValue::DbPointer { namespace, id } => return json::db_pointer(out, namespace, *id),
        KeyValue::CodeWithScope { code, scope } => {
            out.extend_from_slice(b"{\"$code\":");
            let text = json::string(out, code);
            out.extend_from_slice(b",\"$scope\":");
            let scope = write_fields(scope.iter().map(|(name, value)| (name.as_slice(), value)), mode, out);
            out.push(b'}');
            return text && scope;
        }
    }
    true
}

/// Append a document of names and values. Answers as [`write()`].
pub fn write_fields<'a>(fields: impl Iterator<Item = (&'a [u8], &'a KeyValue)>, mode: Mode, out: &mut Vec<u8>) -> bool {
    let mut exact = true;
    out.push(b'{');
    for (i, (name, value)) in fields.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        exact &= json::string(out, name);
        out.push(b':');
        exact &= write(value, mode, out);
    }
    out.push(b'}');
    exact
}

fn write_number(number: &Number, mode: Mode, out: &mut Vec<u8>) -> bool {
    match number {
        Number::Int32(n) => json::int32(out, mode, *n),
        Number::Int64(n) => json::int64(out, mode, *n),
        Number::Double(n) => json::double(out, mode, *n),
        Number::Decimal { text, about } => {
            json::decimal_text(out, text);
            return !about;
        }
    }
    true
}
