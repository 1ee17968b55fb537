//! How MongoDB makes its tables: formats and application metadata of each file, out of the rows of its catalog.

use super::names::{What, document};
use bson::RawBsonRef;
use bson::raw::RawDocument;
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
    let row = document(row)?;
    let md = row.get_document("md").ok()?;
    let namespace = row.get_str("ns").or_else(|_| md.get_str("ns")).unwrap_or_default();
    let options = md.get_document("options").ok();
    let clustered = options.and_then(|o| o.get("clusteredIndex").ok().flatten());
    let clustered = clustered.is_some_and(|v| !matches!(v, RawBsonRef::Boolean(false)));
    if let Ok(ident) = row.get_str("ident") {
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
    let idents = row.get_document("idxIdent").ok()?;
    let versions = versions(md, engine);
    for element in idents.iter_elements() {
        let element = element.ok()?;
        let (Ok(RawBsonRef::String(ident)), name) = (element.value(), element.key().as_str()) else { continue };
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

/// `formatVersion` of each index by its name.
fn versions(md: &RawDocument, engine: (u32, u32)) -> BTreeMap<String, u32> {
    let mut out = BTreeMap::new();
    let Ok(indexes) = md.get_array("indexes") else { return out };
    for index in indexes.into_iter().map_while(Result::ok) {
        let RawBsonRef::Document(index) = index else { continue };
        let Ok(spec) = index.get_document("spec") else { continue };
        let Ok(name) = spec.get_str("name") else { continue };
        let number = |key: &str| match spec.get(key).ok().flatten() {
            Some(RawBsonRef::Int32(n)) => i64::from(n),
            Some(RawBsonRef::Int64(n)) => n,
            Some(RawBsonRef::Double(1.0)) => 1,
            _ => 0,
        };
        let unique = matches!(spec.get("unique").ok().flatten(), Some(RawBsonRef::Boolean(true))) && name != "_id_";
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
        out.insert(name.to_string(), if number("v") == 1 { old } else { version });
    }
    out
}
