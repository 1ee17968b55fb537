//! How MongoDB makes its tables: formats and application metadata of each file, out of the rows of its catalog.

use super::names::What;
use crate::mongo::document::{Document, Value};
use std::collections::BTreeMap;

/// The oplog, whose keys are timestamps.
const OPLOG: &str = "local.oplog.rs";

/// How a table is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) what: What,
    /// `key_format`; the value is `u` always.
    pub(super) key: &'static str,
    /// `app_metadata` of the file.
    pub(super) app_metadata: String,
    pub(super) prefix_compression: bool,
}

/// Tables by ident. `engine` is the release that wrote the home: which layout a unique index has depends on it.
pub(super) fn read<'a>(rows: impl IntoIterator<Item = &'a [u8]>, engine: (u32, u32)) -> BTreeMap<String, Shape> {
    let mut out = BTreeMap::new();
    for row in rows {
        // What is broken costs its own tables.
        let _ = add(&mut out, row, engine);
    }
    out
}

fn add(out: &mut BTreeMap<String, Shape>, row: &[u8], engine: (u32, u32)) -> Option<()> {
    let row = Document::new(row).ok()?;
    let md = field(row, "md")?.document()?;
    let text = |document, name| field(document, name).and_then(|v| v.text());
    let namespace = text(row, "ns").or_else(|| text(md, "ns")).unwrap_or_default();
    let options = field(md, "options").and_then(|o| o.document());
    let clustered = options.and_then(|o| field(o, "clusteredIndex"));
    let clustered = clustered.is_some_and(|v| v != Value::Bool(false));
    if let Some(ident) = text(row, "ident") {
        let oplog = if namespace == OPLOG { ",oplogKeyExtractionVersion=1" } else { "" };
        out.insert(
            ident.to_string(),
            Shape {
                what: What::Collection,
                key: if clustered { "u" } else { "q" },
                app_metadata: format!("(formatVersion=1{oplog})"),
                prefix_compression: false,
            },
        );
    }
    let idents = field(row, "idxIdent")?.document()?;
    let versions = versions(md, engine);
    for element in idents.elements() {
        let element = element.ok()?;
        let (Some(ident), Ok(name)) = (element.value.text(), std::str::from_utf8(element.name)) else { continue };
        let version = versions.get(name).copied().unwrap_or(8);
        out.insert(
            ident.to_string(),
            Shape {
                what: What::Index,
                key: "u",
                app_metadata: format!("(formatVersion={version})"),
                prefix_compression: true,
            },
        );
    }
    Some(())
}

/// A field, if the document can be read up to it.
fn field<'a>(document: Document<'a>, name: &str) -> Option<Value<'a>> {
    document.get(name).ok().flatten()
}

/// `formatVersion` of each index by its name.
fn versions(md: Document<'_>, engine: (u32, u32)) -> BTreeMap<String, u32> {
    let mut out = BTreeMap::new();
    let Some(Value::Array(indexes)) = field(md, "indexes") else { return out };
    for index in indexes.elements().map_while(Result::ok) {
        let Some(spec) = index.value.document().and_then(|i| field(i, "spec")).and_then(|s| s.document()) else {
            continue;
        };
        let Some(name) = field(spec, "name").and_then(|n| n.text()) else { continue };
        let unique = field(spec, "unique") == Some(Value::Bool(true)) && name != "_id_";
        // 4.2 has both layouts in a unique index, 6.0 the newer one only; `v: 1` has the numbers below.
        let version = match (unique, engine) {
            (false, _) => 8,
            (true, release) if release >= (11, 0) => 14,
            (true, release) if release >= (3, 2) => 12,
            (true, _) => 8,
        };
        let old = match version {
            8 => 6,
            other => other - 1,
        };
        let first = field(spec, "v").and_then(|v| v.integer()) == Some(1);
        out.insert(name.to_string(), if first { old } else { version });
    }
    out
}
