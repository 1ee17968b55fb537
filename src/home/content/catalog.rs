//! The tables of a home as the rows of its metadata have them: which files and columns each is made of.

use crate::format::config::{Config, Kind};
use std::collections::BTreeMap;

/// A table, an index, or a file without a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `table:NAME`, `index:TABLE:NAME`, `file:NAME`.
    pub uri: String,
    pub parts: Parts,
    pub key_format: String,
    pub value_format: String,
    /// Names of the columns, those of the key first; empty where they have none.
    pub columns: Vec<String>,
    /// Its rows in the metadata, its own first, then those of what it is made of.
    pub config: Vec<String>,
    /// Column groups with names, and indexes: URI, rows.
    pub made_of: Vec<(String, Vec<String>)>,
}

/// What a table is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// One file.
    File(String),
    /// Column groups in the order of the table: file, and the columns that it has.
    Groups(Vec<(String, Vec<String>)>),
    /// An index: its file, and the table whose rows it leads to.
    Index { file: String, table: String, columns: Vec<String> },
    /// Something that is not read here.
    Foreign(Foreign),
}

/// Why a table is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Foreign {
    /// A log-structured merge tree: its chunks are files of their own.
    Lsm,
    /// Objects in a bucket.
    Tiered,
    /// Of another type.
    Type,
    /// Its rows in the metadata are not all there.
    Incomplete,
}

/// The tables of a metadata, by URI; files that belong to none come last.
pub fn tables(rows: &BTreeMap<String, String>) -> Vec<Table> {
    let mut out = Vec::new();
    let mut used = std::collections::BTreeSet::new();
    for (uri, text) in rows {
        let Some(name) = uri.strip_prefix("table:") else { continue };
        let table = table(uri, name, text, rows);
        match &table.parts {
            Parts::File(file) => {
                used.insert(file.clone());
            }
            Parts::Groups(groups) => used.extend(groups.iter().map(|(file, _)| file.clone())),
            _ => {}
        }
        out.push(table);
    }
    for (uri, text) in rows.iter().filter(|(uri, _)| uri.starts_with("index:")) {
        let table = index(uri, text, rows);
        if let Parts::Index { file, .. } = &table.parts {
            used.insert(file.clone());
            let owner = out.iter_mut().find(|t: &&mut Table| Some(t.uri.as_str()) == owner(uri).as_deref());
            if let Some(owner) = owner {
                owner.made_of.push((uri.clone(), table.config.clone()));
            }
        }
        out.push(table);
    }
    let alone = |(uri, text): (&String, &String)| {
        let file = uri.strip_prefix("file:").filter(|f| !used.contains(*f))?;
        let config = Config::parse(text).ok();
        let get = |key: &str| text_of(config.as_ref(), key);
        Some(Table {
            uri: uri.clone(),
            parts: Parts::File(file.to_string()),
            key_format: get("key_format"),
            value_format: get("value_format"),
            columns: Vec::new(),
            config: vec![text.clone()],
            made_of: Vec::new(),
        })
    };
    let files: Vec<Table> = rows.iter().filter_map(alone).collect();
    out.extend(files);
    out
}

fn text_of(config: Option<&Config<'_>>, key: &str) -> String {
    config.and_then(|c| c.get(key)).map(|v| v.as_str().to_string()).unwrap_or_default()
}

/// The words of a list: `(a,b,c)`.
fn words(config: Option<&Config<'_>>, key: &str) -> Vec<String> {
    let Some(value) = config.and_then(|c| c.get(key)).filter(|v| v.kind == Kind::Struct) else { return Vec::new() };
    value.config().map(|c| c.entries().iter().map(|e| e.key.to_string()).collect()).unwrap_or_default()
}

/// The file that a row names as its source.
fn source(text: &str) -> Result<String, Foreign> {
    let config = Config::parse(text).map_err(|_| Foreign::Incomplete)?;
    let source = text_of(Some(&config), "source");
    match source.split_once(':') {
        Some(("file", file)) => Ok(file.to_string()),
        Some(("lsm", _)) => Err(Foreign::Lsm),
        Some(("tiered" | "object" | "tier", _)) => Err(Foreign::Tiered),
        Some(_) => Err(Foreign::Type),
        None => Err(Foreign::Incomplete),
    }
}

fn table(uri: &str, name: &str, text: &str, rows: &BTreeMap<String, String>) -> Table {
    let config = Config::parse(text).ok();
    let get = |key: &str| text_of(config.as_ref(), key);
    let (groups, columns) = (words(config.as_ref(), "colgroups"), words(config.as_ref(), "columns"));
    let mut texts = vec![text.to_string()];
    let mut made_of = Vec::new();
    let mut take = |key: String| -> Result<(String, Vec<String>), Foreign> {
        let text = rows.get(&key).ok_or(Foreign::Incomplete)?;
        let file = source(text)?;
        texts.push(text.clone());
        texts.extend(rows.get(&format!("file:{file}")).cloned());
        if !groups.is_empty() {
            let own = std::iter::once(text.clone()).chain(rows.get(&format!("file:{file}")).cloned());
            made_of.push((key, own.collect()));
        }
        let own = Config::parse(text).ok();
        Ok((file, words(own.as_ref(), "columns")))
    };
    let parts = if groups.is_empty() {
        take(format!("colgroup:{name}")).map(|(file, _)| Parts::File(file))
    } else {
        groups.iter().map(|group| take(format!("colgroup:{name}:{group}"))).collect::<Result<_, _>>().map(Parts::Groups)
    };
    // A table of one file in a form that has no row for its only column group.
    let parts = parts.unwrap_or_else(Parts::Foreign);
    Table {
        uri: uri.to_string(),
        parts,
        key_format: get("key_format"),
        value_format: get("value_format"),
        columns,
        config: texts,
        made_of,
    }
}

/// The table that an index is of.
fn owner(uri: &str) -> Option<String> {
    uri.split(':').nth(1).map(|name| format!("table:{name}"))
}

fn index(uri: &str, text: &str, rows: &BTreeMap<String, String>) -> Table {
    let config = Config::parse(text).ok();
    let get = |key: &str| text_of(config.as_ref(), key);
    let name = uri.split(':').nth(1).unwrap_or_default();
    let columns = words(config.as_ref(), "columns");
    let mut texts = vec![text.to_string()];
    let parts = match source(text) {
        Ok(file) => {
            texts.extend(rows.get(&format!("file:{file}")).cloned());
            Parts::Index { file, table: format!("table:{name}"), columns: columns.clone() }
        }
        Err(why) => Parts::Foreign(why),
    };
    Table {
        uri: uri.to_string(),
        parts,
        key_format: get("key_format"),
        value_format: get("value_format"),
        columns,
        config: texts,
        made_of: Vec::new(),
    }
}
