//! The small files of a dump: `COLLECTION.metadata.json` and `prelude.json` (spec 21.9).

use super::catalog::{BUCKETS, Collection, Kind};
use super::document::{Document, Element};
use super::extjson::{self, Mode, Notes};
use super::json_text;
use super::timeseries;
use crate::format::{FormatError, Result};

/// Options of a time series; the buckets have others, of mongod's own making.
const SERIES_OPTIONS: [&[u8]; 3] = [b"timeseries", b"expireAfterSeconds", b"collation"];
/// Options of a view.
const VIEW_OPTIONS: [&[u8]; 3] = [b"viewOn", b"pipeline", b"collation"];

/// The text of a `metadata.json`, and what is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// One line of canonical Extended JSON, without a line end.
    pub text: Vec<u8>,
    pub left_out: Vec<IndexLeftOut>,
    /// Where the text does not read back as what is stored, mongodump writes none.
    pub notes: Notes,
}

/// An index that is not in the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexLeftOut {
    /// Empty if it has none.
    pub name: String,
    pub why: Why,
}

/// Why an index is not in the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its build was not finished.
    NotReady,
    /// It has no specification.
    NoSpecification,
    /// It is one of buckets that cannot be said as one of the time series.
    Buckets,
}

/// The metadata of a collection of the catalog; of the buckets of a time series, that of the series.
///
/// # Errors
/// If the row has no name of a collection, or its options or a specification are broken.
pub fn of_collection(collection: &Collection<'_>) -> Result<Metadata> {
    let (_, name) = collection.names().ok_or_else(|| FormatError::not_found("a catalog row without a namespace"))?;
    let kind = collection.kind();
    let mut out = Metadata { text: vec![b'{'], left_out: Vec::new(), notes: Notes::default() };
    if let Some(options) = collection.raw_options {
        out.options(options, |element| match kind {
            Kind::Buckets => SERIES_OPTIONS.contains(&element.name),
            _ => element.name != b"uuid",
        })?;
    }
    out.indexes(collection)?;
    if let Some(uuid) = collection.options.uuid.filter(|_| kind != Kind::Buckets) {
        out.text.extend_from_slice(format!(",\"uuid\":\"{}\"", hex::encode(uuid)).as_bytes());
    }
    let (name, kind) = match kind {
        Kind::Buckets => (name.strip_prefix(BUCKETS).unwrap_or(name), "timeseries"),
        Kind::Timeseries => (name, "timeseries"),
        Kind::View => (name, "view"),
        Kind::Ordinary => (name, "collection"),
    };
    out.end(name, kind);
    Ok(out)
}

/// The metadata of a view, and its name (database, view), from its document in `system.views`.
///
/// A view on the buckets of a time series is no view of a user: `Ok(None)`.
///
/// # Errors
/// If the document is broken or has no `_id` of `db.view`.
pub fn of_view(document: &[u8]) -> Result<Option<(&str, &str, Metadata)>> {
    let document = Document::new(document)?;
    let id = document.get("_id")?.and_then(|v| v.text()).and_then(|id| id.split_once('.'));
    let (database, name) = id.ok_or_else(|| FormatError::not_found("a view without a name"))?;
    let on = document.get("viewOn")?.and_then(|v| v.text());
    if on.and_then(|on| on.strip_prefix(BUCKETS)) == Some(name) {
        return Ok(None);
    }
    let mut out = Metadata { text: vec![b'{'], left_out: Vec::new(), notes: Notes::default() };
    out.options(document, |element| VIEW_OPTIONS.contains(&element.name))?;
    out.text.extend_from_slice(b"\"indexes\":[]");
    out.end(name, "view");
    Ok(Some((database, name, out)))
}

/// `prelude.json`: the release of the server (`8.0.12`, or `unknown`) and this tool's.
pub fn prelude(server: Option<&str>, tool: &str) -> Vec<u8> {
    let mut out = b"{\"ServerVersion\":".to_vec();
    json_text::string(&mut out, server.unwrap_or("unknown").as_bytes());
    out.extend_from_slice(b",\"ToolVersion\":");
    json_text::string(&mut out, tool.as_bytes());
    out.push(b'}');
    out
}

impl Metadata {
    /// `"options":{…},`, or nothing where there are none.
    fn options(&mut self, options: Document<'_>, keep: impl Fn(&Element<'_>) -> bool) -> Result<()> {
        let mut text = Vec::new();
        let notes = extjson::fields(options, Mode::Canonical, keep, &mut text)?;
        if text != b"{}" {
            self.text.extend_from_slice(b"\"options\":");
            self.text.extend_from_slice(&text);
            self.text.push(b',');
            self.notes = self.notes.and(notes);
        }
        Ok(())
    }

    fn indexes(&mut self, collection: &Collection<'_>) -> Result<()> {
        let series = collection.options.timeseries.filter(|_| collection.kind() == Kind::Buckets);
        self.text.extend_from_slice(b"\"indexes\":[");
        let mut first = true;
        for index in &collection.indexes {
            let mut text = Vec::new();
            let written = match (index.ready, index.spec, series) {
                (Some(true), Some(_), Some(series)) => {
                    timeseries::specification(index, series, &mut text)?.ok_or(Why::Buckets)
                }
                (Some(true), Some(spec), None) => Ok(extjson::fields(spec, Mode::Canonical, |_| true, &mut text)?),
                (Some(true), None, _) => Err(Why::NoSpecification),
                _ => Err(Why::NotReady),
            };
            match written {
                Err(why) => {
                    self.left_out.push(IndexLeftOut { name: index.name.unwrap_or_default().to_owned(), why });
                }
                Ok(notes) => {
                    if !first {
                        self.text.push(b',');
                    }
                    first = false;
                    self.text.extend_from_slice(&text);
                    self.notes = self.notes.and(notes);
                }
            }
        }
        self.text.push(b']');
        Ok(())
    }

    fn end(&mut self, name: &str, kind: &str) {
        self.text.extend_from_slice(b",\"collectionName\":");
        json_text::string(&mut self.text, name.as_bytes());
        self.text.extend_from_slice(format!(",\"type\":\"{kind}\"}}").as_bytes());
    }
}
