//! Rows that nobody can read any more, in the terms of whoever misses them: keys, and how many at least and at most.

use crate::format::local::DATA_OFFSET;
use crate::format::pack::{Column, Format};
use crate::format::page_header::{FLAG_EMPTY_VALUES_ALL, FLAG_EMPTY_VALUES_NONE, PageHeader, PageType};
use serde::{Deserialize, Serialize};

/// A key as bytes, and as what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeyText {
    /// As it is packed, in hexadecimal digits.
    pub hex: String,
    /// A key that is one number: a record id of MongoDB, a record number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i128>,
    /// A key that is one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl KeyText {
    /// A packed key of this format; the separators of a tree may be cut off anywhere.
    pub fn of(format: &str, bytes: &[u8]) -> Self {
        let format_of = Format::parse(format).ok();
        let columns = format_of.as_ref().and_then(|f| f.unpack(bytes).ok());
        let (mut number, mut text) = (None, None);
        match columns.as_deref() {
            Some([Column::Signed(n)]) => number = Some(i128::from(*n)),
            Some([Column::Unsigned(n)]) => number = Some(i128::from(*n)),
            Some([Column::Text(t)]) => text = std::str::from_utf8(t).ok().map(str::to_string),
            None if format == "S" => {
                text = std::str::from_utf8(bytes.strip_suffix(&[0]).unwrap_or(bytes)).ok().map(str::to_string);
            }
            _ => {}
        }
        Self { hex: hex::encode(bytes), number, text }
    }

    /// A record number.
    pub fn record(record: u64) -> Self {
        let mut packed = Vec::new();
        crate::format::int::write_vuint(&mut packed, record);
        Self { hex: hex::encode(packed), number: Some(i128::from(record)), text: None }
    }
}

/// At least and at most so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Bounds {
    pub least: u64,
    /// Not known if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

impl Bounds {
    /// Both of two.
    pub fn and(self, other: Self) -> Self {
        let most = self.most.zip(other.most).map(|(a, b)| a.saturating_add(b));
        Self { least: self.least.saturating_add(other.least), most }
    }

    pub fn exactly(n: u64) -> Self {
        Self { least: n, most: Some(n) }
    }
}

/// The rows of a page that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LostRows {
    /// Their keys are not below this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<KeyText>,
    /// Their keys are below this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<KeyText>,
    pub rows: Bounds,
    /// They are documents of MongoDB.
    pub documents: bool,
}

/// At most so many rows on a page of a row store that is not compressed: a row has two cells, and a cell a byte.
pub fn most_on(size: u32) -> u64 {
    u64::from(size).saturating_sub(u64::try_from(DATA_OFFSET).unwrap_or(0)) / 2
}

/// Record numbers and record ids have no more rows than there are numbers between two of them.
pub fn narrowed(rows: Bounds, from: Option<&KeyText>, to: Option<&KeyText>) -> Bounds {
    let width = from.zip(to).and_then(|(a, b)| b.number?.checked_sub(a.number?));
    match width.and_then(|w| u64::try_from(w).ok()) {
        Some(width) => {
            Bounds { least: rows.least.min(width), most: Some(rows.most.map_or(width, |most| most.min(width))) }
        }
        None => rows,
    }
}

/// At least and at most so many rows, by a page's header.
pub fn rows_of(header: &PageHeader) -> Option<(u64, u64)> {
    let entries = u64::from(header.entries);
    match header.page_type().ok()? {
        PageType::RowLeaf if header.flags & FLAG_EMPTY_VALUES_ALL != 0 => Some((entries, entries)),
        PageType::RowLeaf if header.flags & FLAG_EMPTY_VALUES_NONE != 0 => Some((entries / 2, entries / 2)),
        // A key has a value or none.
        PageType::RowLeaf => Some((entries.div_ceil(2), entries)),
        PageType::ColumnFixed => Some((entries, entries)),
        // A cell may be a run of any length.
        _ => None,
    }
}
