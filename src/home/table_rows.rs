//! Rows of tables, column groups and indexes around files whose rows are known.

use super::row_texts as texts;
use crate::format::config::Config;
use std::collections::{BTreeMap, BTreeSet};

/// Rows that are known, where all of their files are there, and a table of its own for every other file. `files`: the
/// row of each; `rows`: what is left or logged of other kinds.
pub(super) fn tables(files: &BTreeMap<&str, &str>, rows: &BTreeMap<&str, &str>) -> BTreeMap<String, String> {
    let source = |text: &str| {
        let config = Config::parse(text).ok()?;
        let source = config.get("source").map(|v| v.as_str().to_string())?;
        source.strip_prefix("file:").filter(|file| files.contains_key(*file)).map(str::to_string)
    };
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let mut claimed = BTreeSet::new();
    for (key, text) in rows.iter().filter(|(key, _)| key.starts_with("table:")) {
        let name = key.strip_prefix("table:").unwrap_or(key);
        let parts: Vec<(&str, &str)> = column_groups(name, text)
            .iter()
            .filter_map(|wanted| rows.get_key_value(wanted.as_str()).map(|(k, text)| (*k, *text)))
            .filter(|(_, text)| source(text).is_some())
            .collect();
        if parts.is_empty() || parts.len() < column_groups(name, text).len() {
            continue;
        }
        let index = format!("index:{name}:");
        let indexes = rows.range(index.as_str()..).take_while(|(k, _)| k.starts_with(&index));
        let indexes = indexes.map(|(k, text)| (*k, *text)).filter(|(_, text)| source(text).is_some());
        out.insert((*key).to_string(), (*text).to_string());
        for (key, text) in parts.iter().copied().chain(indexes) {
            claimed.extend(source(text));
            out.insert(key.to_string(), text.to_string());
        }
    }
    for (name, text) in files {
        let Some(table) = name.strip_suffix(".wt").filter(|_| !claimed.contains(*name)) else { continue };
        let Some((row, group)) = texts::table(text, name) else { continue };
        out.entry(format!("table:{table}")).or_insert(row);
        out.entry(format!("colgroup:{table}")).or_insert(group);
    }
    out
}

/// Keys of the column groups that a table is made of.
fn column_groups(table: &str, text: &str) -> Vec<String> {
    let Ok(config) = Config::parse(text) else { return Vec::new() };
    let named = config.get("colgroups").and_then(|v| v.config().ok()).unwrap_or_default();
    let names: Vec<String> = named.entries().iter().map(|g| format!("colgroup:{table}:{}", g.key)).collect();
    if names.is_empty() { vec![format!("colgroup:{table}")] } else { names }
}
