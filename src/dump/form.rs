//! How a row is written: as a document, as JSON, as a line of a table, or as the engine's utility writes it.

use super::frame::{self, Digits};
use crate::format::pack::{Column, Format};
use crate::home::content::rows::Key;
use crate::mongo::extjson::{self, Mode, Notes};
use std::fmt::Write as _;

/// Bytes of the largest document.
const MAX_DOCUMENT: usize = 16 << 20;

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Documents, one after the other.
    Bson,
    /// A JSON text a line.
    Json,
    /// The engine's dump format, printable.
    Wt,
    /// The same in hexadecimal digits.
    WtHex,
    /// Columns with commas between.
    Csv,
}

impl Form {
    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Bson => "bson",
            Self::Json => "json",
            Self::Wt | Self::WtHex => "wt.dump",
            Self::Csv => "csv",
        }
    }
}

/// What is made of some rows.
#[derive(Debug, Default)]
pub struct Made {
    pub bytes: Vec<u8>,
    /// Values that are no documents, with their keys: a line each, in hexadecimal digits.
    pub apart: Vec<u8>,
    pub rows_apart: u64,
    /// What a reader of the JSON cannot know.
    pub notes: Notes,
}

/// Writes the rows of one table.
#[derive(Debug, Clone)]
pub struct Writer {
    form: Form,
    /// Values are documents of MongoDB.
    documents: bool,
    mode: Mode,
    key: Option<Format>,
    value: Option<Format>,
    /// Names of the columns, keys first.
    names: Vec<String>,
}

impl Writer {
    /// `columns`: names, keys first; without any they are key0, key1, …, value0, ….
    pub fn new(form: Form, documents: bool, mode: Mode, formats: (&str, &str), columns: &[String]) -> Self {
        let (key, value) = (Format::parse(formats.0).ok(), Format::parse(formats.1).ok());
        let numbered = |word: &str, format: &Option<Format>| {
            let n = format.as_ref().map_or(1, Format::count);
            (0..n).map(|i| format!("{word}{i}")).collect::<Vec<_>>()
        };
        let mut names = columns.to_vec();
        let wanted = numbered("key", &key).into_iter().chain(numbered("value", &value)).collect::<Vec<_>>();
        if names.len() != wanted.len() {
            names = wanted;
        }
        Self { form, documents, mode, key, value, names }
    }

    /// What stands before the first row.
    pub fn head(&self) -> Vec<u8> {
        match self.form {
            Form::Csv => {
                let mut out = Vec::new();
                for (n, name) in self.names.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    quoted(&mut out, name.as_bytes());
                }
                out.push(b'\n');
                out
            }
            _ => Vec::new(),
        }
    }

    /// Append a row.
    pub fn row(&self, made: &mut Made, key: Key<'_>, value: &[u8]) {
        match self.form {
            Form::WtHex => frame::row(&mut made.bytes, Digits::Hex, key, value),
            Form::Wt => frame::row(&mut made.bytes, Digits::Print, key, value),
            Form::Bson => {
                // Loading would end at a document that is larger than any may be.
                if is_document(value) && value.len() <= MAX_DOCUMENT {
                    made.bytes.extend_from_slice(value);
                } else {
                    apart(made, key, value);
                }
            }
            Form::Json if self.documents => match extjson::write(value, self.mode, &mut made.bytes) {
                Ok(notes) => {
                    made.bytes.push(b'\n');
                    made.notes = made.notes.and(notes);
                }
                Err(_) => apart(made, key, value),
            },
            Form::Json => {
                let mut names = self.names.iter();
                made.bytes.push(b'{');
                let mut first = true;
                let mut field = |out: &mut Vec<u8>, column: &Column<'_>| {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    let name = names.next().map(String::as_str).unwrap_or_default();
                    crate::mongo::extjson::string(out, name.as_bytes());
                    out.push(b':');
                    json(out, column);
                };
                each(self.key.as_ref(), key, |column| field(&mut made.bytes, column));
                columns(self.value.as_ref(), value, |column| field(&mut made.bytes, column));
                made.bytes.extend_from_slice(b"}\n");
            }
            Form::Csv => {
                let mut first = true;
                let mut field = |out: &mut Vec<u8>, column: &Column<'_>| {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    csv(out, column);
                };
                each(self.key.as_ref(), key, |column| field(&mut made.bytes, column));
                columns(self.value.as_ref(), value, |column| field(&mut made.bytes, column));
                made.bytes.push(b'\n');
            }
        }
    }
}

/// The frame of a document holds: its length is that of the value, and it ends in a zero.
pub fn is_document(value: &[u8]) -> bool {
    let length = value.first_chunk().map(|n| u32::from_le_bytes(*n));
    value.len() >= 5 && length.map(u64::from) == u64::try_from(value.len()).ok() && value.last() == Some(&0)
}

/// What is no document is kept apart.
fn apart(made: &mut Made, key: Key<'_>, value: &[u8]) {
    frame::row(&mut made.apart, Digits::Hex, Key::Bytes(&key.packed()), value);
    made.rows_apart = made.rows_apart.saturating_add(1);
}

fn each(format: Option<&Format>, key: Key<'_>, mut take: impl FnMut(&Column<'_>)) {
    match key {
        Key::Record(record) => take(&Column::Unsigned(record)),
        Key::Bytes(bytes) => columns(format, bytes, take),
    }
}

/// The columns of packed bytes; all of them as one where they do not fit the format.
fn columns(format: Option<&Format>, bytes: &[u8], mut take: impl FnMut(&Column<'_>)) {
    match format.and_then(|f| f.unpack(bytes).ok()) {
        Some(columns) => columns.iter().for_each(&mut take),
        None => take(&Column::Bytes(bytes)),
    }
}

fn json(out: &mut Vec<u8>, column: &Column<'_>) {
    match column {
        Column::Signed(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Column::Unsigned(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Column::Text(text) if std::str::from_utf8(text).is_ok() => {
            crate::mongo::extjson::string(out, text);
        }
        Column::Text(bytes) | Column::Bytes(bytes) => {
            let _ = write!(Text(out), "{{\"$hex\":\"{}\"}}", hex::encode(bytes));
        }
    }
}

fn csv(out: &mut Vec<u8>, column: &Column<'_>) {
    match column {
        Column::Signed(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Column::Unsigned(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Column::Text(text) if std::str::from_utf8(text).is_ok() => quoted(out, text),
        Column::Text(bytes) | Column::Bytes(bytes) => {
            out.extend_from_slice(b"0x");
            out.extend_from_slice(hex::encode(bytes).as_bytes());
        }
    }
}

/// A text of a CSV: in quotes where it has to be.
fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    let plain = !text.is_empty() && !text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
    // What is no text begins with 0x; a text that does is told apart by its quotes.
    if plain && !text.starts_with(b"0x") {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for b in text {
        if *b == b'"' {
            out.push(b'"');
        }
        out.push(*b);
    }
    out.push(b'"');
}

/// Formats into bytes.
struct Text<'o>(&'o mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}
