//! What a dump could not give, in the terms of whoever misses it: ranges of keys, and how many rows at least and
//! at most.

use crate::home::content::fetch::Why;
use crate::home::content::rows::{Bound, Loss};
use crate::home::content::walk::Range;
use crate::home::entry::FileEntry;
pub use crate::home::lost::{Bounds, KeyText};
use crate::home::lost::{most_on, narrowed};
use serde::{Deserialize, Serialize};

/// Losses of a table that are listed one by one.
pub const MAX_LOST: usize = 1000;

/// Which part of a table is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A page of rows.
    Page,
    /// A page with pages below it.
    Branch,
    /// Single rows of a page.
    Rows,
    /// All of it.
    Table,
}

/// A part of a table that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Lost {
    pub part: Part,
    pub why: Why,
    /// File of the home, where it lies in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// First byte of the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Page and LSN in a page log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<(u64, u64)>,
    /// Its keys are not below this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<KeyText>,
    /// Its keys are below this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<KeyText>,
    pub rows: Bounds,
    /// What an older checkpoint has of it, and was taken from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
}

/// Rows that an older checkpoint still had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Older {
    /// Its name.
    pub checkpoint: String,
    pub rows: u64,
    /// Everything in the range could be read there.
    pub whole: bool,
    /// They are in what was written.
    pub taken: bool,
}

/// The bounds of a range as texts.
pub fn ends(entry: &FileEntry, range: &Range) -> (Option<KeyText>, Option<KeyText>) {
    let one = |bound: &Bound| match bound {
        Bound::Key(key) => Some(KeyText::of(&entry.key_format, key)),
        Bound::Record(record) => Some(KeyText::record(*record)),
        Bound::Overflow(_) => None,
    };
    (range.lower.as_ref().and_then(one), range.upper.as_ref().and_then(one))
}

impl Lost {
    /// A loss in a file of a home.
    pub fn of(entry: &FileEntry, loss: &Loss) -> Self {
        let (mut from, mut to) = ends(entry, &loss.range);
        let part = match (loss.leaf, loss.rows) {
            (false, _) => Part::Branch,
            (true, 0) => Part::Page,
            _ => Part::Rows,
        };
        let mut rows = match (part, loss.stated) {
            (Part::Rows, _) => Bounds::exactly(loss.rows),
            (_, Some((least, most))) => Bounds { least, most: Some(most) },
            (Part::Page, None) if entry.compressor.is_empty() && entry.key_format != "r" => {
                Bounds { least: 0, most: loss.address.map(|a| most_on(a.size)) }
            }
            _ => Bounds::default(),
        };
        if part == Part::Rows && loss.rows == 1 {
            let key = loss.key.as_ref().filter(|k| !k.is_empty()).map(|k| KeyText::of(&entry.key_format, k));
            if key.is_some() {
                (from, to) = (key.clone(), key);
            }
        } else if part == Part::Rows && loss.why == Why::Order {
            // They are somewhere in the page's range, or were.
        } else if loss.why == Why::Cells && loss.key.is_some() {
            // What stands before the damage was read.
            from = loss.key.as_ref().map(|k| KeyText::of(&entry.key_format, k));
        }
        if part != Part::Rows {
            rows = narrowed(rows, from.as_ref(), to.as_ref());
        }
        Self {
            part,
            why: loss.why,
            file: Some(entry.name.clone()),
            offset: loss.address.map(|a| a.offset),
            size: loss.address.map(|a| a.size),
            page: None,
            from,
            to,
            rows,
            older: None,
        }
    }
}

/// What an index says about the lost ranges of its collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Indexed {
    /// Its name.
    pub index: String,
    /// Entries that lead into the lost ranges: of `_id_` one a document.
    pub entries: u64,
    /// All of the index was read, and every entry.
    pub whole: bool,
    /// The first of the documents.
    pub documents: Vec<IndexedDocument>,
}

/// A document of which only its index entry is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct IndexedDocument {
    pub record: KeyText,
    /// The indexed fields, as canonical Extended JSON.
    pub fields: String,
}
