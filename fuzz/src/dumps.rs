//! A fixture as a page service would dump it: a file of JSON lines for each table.

use crate::fixtures;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Entries of a page that are kept: enough for a chain, its tombstone and what it replaced.
const MOST: usize = 6;
/// Pages of a table that are kept.
const PAGES: usize = 24;

/// The dumps of a PALite fixture, by file name; of large tables a part.
#[must_use]
pub fn of(name: &str) -> Vec<(String, Vec<u8>)> {
    let (rows, _, _) = fixtures::palite(name);
    let mut tables: BTreeMap<u64, BTreeMap<u64, Vec<Value>>> = BTreeMap::new();
    for (row, data) in rows {
        let number = |n: u64| json!({ "val": { "LongVal": n } });
        let kind = if row.is_discard() { 2 } else { u64::from(row.is_full()) };
        let entry = json!({
            "lsn": { "domain_id": 1, "lsn": row.lsn.get() },
            "metadata": {
                "flags": number(kind),
                "table_id": number(row.table.get()),
                "page_id": number(row.page.get()),
                "backlink_lsn": number(row.backlink_lsn.get()),
                "base_lsn": number(row.base_lsn.get()),
            },
            "entry": data,
        });
        tables.entry(row.table.get()).or_default().entry(row.page.get()).or_default().push(entry);
    }
    let line = |(page, entries): (u64, Vec<Value>)| {
        let newest = entries.len().saturating_sub(MOST);
        json!({ "page_id": page, "entries": entries[newest..] }).to_string() + "\n"
    };
    let text = |pages: BTreeMap<u64, Vec<Value>>| pages.into_iter().take(PAGES).map(line).collect::<String>();
    tables.into_iter().map(|(table, pages)| (format!("table_{table}.jsonl"), text(pages).into_bytes())).collect()
}
