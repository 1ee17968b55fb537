//! What MongoDB calls the files: collections, indexes and their sizes (its `_mdb_catalog` and
//! `sizeStorer` tables).
//!
//! Pure: the rows come from the caller. Broken documents are counted, and what stands before the
//! damage is used. Names are as stored; whoever shows them must escape them.

use crate::mongo::document::{Document, Value};
use std::collections::BTreeMap;

/// Prefix of the metadata key of a file.
const FILE: &str = "file:";
/// Endings of the files that hold a table.
const ENDINGS: [&str; 3] = [".wt", ".wt_stable", ".wt_ingest"];
/// Files that are not in the catalog.
const SPECIAL: [(&str, What); 4] = [
    ("_mdb_catalog", What::Catalog),
    ("sizeStorer", What::SizeStorer),
    ("WiredTiger", What::Metadata),
    ("WiredTigerHS", What::HistoryStore),
];

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Documents of a collection.
    Collection,
    /// An index of a collection.
    Index,
    /// MongoDB's catalog of collections and indexes.
    Catalog,
    /// Numbers of documents and bytes per collection.
    SizeStorer,
    /// The engine's metadata.
    Metadata,
    /// The engine's history store.
    HistoryStore,
}

/// What a file is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub what: What,
    /// `db.collection`; empty for files that belong to none.
    pub namespace: String,
    pub index: Option<String>,
    /// UUID of the collection.
    pub uuid: Option<[u8; 16]>,
}

/// The names of a home.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub idents: BTreeMap<String, Name>,
    pub rows: u64,
    /// Rows that are no whole BSON document.
    pub broken: u64,
    /// Rows without ident, such as the catalog's feature document.
    pub without_ident: u64,
    /// Idents that more than one entry of the catalog claims. The first one stands.
    pub duplicates: Vec<String>,
}

impl Names {
    /// Read the values of the rows of `_mdb_catalog.wt`.
    pub fn from_catalog<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut out = Self::default();
        for row in rows {
            out.add(row);
        }
        out
    }

    /// Read the value of one row.
    pub fn add(&mut self, value: &[u8]) {
        let (row, whole) = Row::read(value);
        self.rows = self.rows.saturating_add(1);
        self.broken = self.broken.saturating_add(u64::from(!whole));
        if whole && row.ident.is_none() && row.indexes.is_empty() {
            self.without_ident = self.without_ident.saturating_add(1);
        }
        let namespace = row.ns.or(row.md_ns).unwrap_or_default();
        let name = |what, index: Option<&str>| Name {
            what,
            namespace: namespace.to_owned(),
            index: index.map(str::to_owned),
            uuid: row.uuid,
        };
        if let Some(ident) = row.ident {
            self.insert(ident, name(What::Collection, None));
        }
        for (index, ident) in row.indexes {
            self.insert(ident, name(What::Index, Some(index)));
        }
    }

    fn insert(&mut self, ident: &str, name: Name) {
        if self.idents.contains_key(ident) {
            self.duplicates.push(ident.to_owned());
        } else {
            self.idents.insert(ident.to_owned(), name);
        }
    }

    /// Every ident of the catalog with its name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.idents.iter().map(|(ident, name)| (ident.as_str(), name))
    }

    /// The name of an ident (`collection-0--7234567890123456789`), the special ones included.
    pub fn get(&self, ident: &str) -> Option<Name> {
        if let Some((_, what)) = SPECIAL.iter().find(|(special, _)| *special == ident) {
            return Some(Name { what: *what, namespace: String::new(), index: None, uuid: None });
        }
        self.idents.get(ident).cloned()
    }

    /// The name of a file (`collection-0--7234567890123456789.wt`, also with `file:` before it).
    pub fn for_file(&self, file: &str) -> Option<Name> {
        let file = file.strip_prefix(FILE).unwrap_or(file);
        let ident = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))?;
        self.get(ident)
    }
}

/// The fields of a catalog row that matter, as far as they could be read.
#[derive(Debug, Default)]
struct Row<'a> {
    ident: Option<&'a str>,
    ns: Option<&'a str>,
    md_ns: Option<&'a str>,
    uuid: Option<[u8; 16]>,
    indexes: Vec<(&'a str, &'a str)>,
}

impl<'a> Row<'a> {
    /// The row, and whether it was read to its end.
    fn read(value: &'a [u8]) -> (Self, bool) {
        let mut row = Self::default();
        let whole = Document::new(value).is_ok_and(|d| row.fields(d).is_some());
        (row, whole)
    }

    /// `None` where the document is broken.
    fn fields(&mut self, document: Document<'a>) -> Option<()> {
        each(document, |key, value| {
            match key {
                "ident" => self.ident = text(&value)?,
                "ns" => self.ns = text(&value)?,
                "idxIdent" => {
                    let Some(indexes) = value.document() else { return Some(()) };
                    each(indexes, |index, value| {
                        if let Some(ident) = text(&value)? {
                            self.indexes.push((index, ident));
                        }
                        Some(())
                    })?;
                }
                "md" => {
                    let Some(md) = value.document() else { return Some(()) };
                    each(md, |key, value| {
                        match key {
                            "ns" => self.md_ns = text(&value)?,
                            "options" => {
                                let Some(options) = value.document() else { return Some(()) };
                                each(options, |key, value| {
                                    if key == "uuid" {
                                        self.uuid = value.uuid();
                                    }
                                    Some(())
                                })?;
                            }
                            _ => {}
                        }
                        Some(())
                    })?;
                }
                _ => {}
            }
            Some(())
        })
    }
}

/// The sizes MongoDB keeps of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Size {
    /// Documents. Not exact after a crash.
    pub records: i64,
    /// Bytes of them.
    pub bytes: i64,
}

/// The rows of `sizeStorer.wt`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Size by URI (`table:collection-0--7234567890123456789`).
    pub by_uri: BTreeMap<String, Size>,
    /// Rows that could not be read.
    pub broken: u64,
}

impl Sizes {
    /// Read rows of `sizeStorer.wt`: key and value.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut out = Self::default();
        for (key, value) in rows {
            match (std::str::from_utf8(key), size(value)) {
                (Ok(uri), Some(size)) => {
                    out.by_uri.insert(uri.to_owned(), size);
                }
                _ => out.broken = out.broken.saturating_add(1),
            }
        }
        out
    }

    /// The size of the table with this ident.
    pub fn for_ident(&self, ident: &str) -> Option<Size> {
        self.by_uri.get(&format!("table:{ident}")).copied()
    }
}

fn size(value: &[u8]) -> Option<Size> {
    let (mut records, mut bytes) = (None, None);
    each(Document::new(value).ok()?, |key, value| {
        match key {
            "numRecords" => records = integer(&value),
            "dataSize" => bytes = integer(&value),
            _ => {}
        }
        Some(())
    })?;
    Some(Size { records: records?, bytes: bytes? })
}

/// Call `visit` with every field of a document; `None` where the document is broken or `visit` says so.
fn each<'a>(document: Document<'a>, mut visit: impl FnMut(&'a str, Value<'a>) -> Option<()>) -> Option<()> {
    for element in document.elements() {
        let element = element.ok()?;
        visit(std::str::from_utf8(element.name).ok()?, element.value)?;
    }
    Some(())
}

/// A text; `Some(None)` for another type, `None` if it is not UTF-8.
fn text<'a>(value: &Value<'a>) -> Option<Option<&'a str>> {
    match value {
        Value::String(text) => std::str::from_utf8(text).ok().map(Some),
        _ => Some(None),
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int64(n) => Some(*n),
        Value::Int32(n) => Some(i64::from(*n)),
        _ => None,
    }
}
