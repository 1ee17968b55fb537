//! A dump of a table: JSON lines, one a page, each with all entries of the page at or below an LSN.

use super::json::{Boxed, Bytes, Number};
use super::{Content, Entry, EntryKind, Malformed, Piece};
use crate::id::{Lsn, PageId, TableId, Version};
use serde::Deserialize;
use std::collections::HashSet;

#[derive(Deserialize)]
struct Line {
    page_id: Number,
    entries: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    lsn: Place,
    #[serde(default)]
    metadata: Metadata,
    entry: Option<Bytes>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    domain_id: Option<Number>,
    lsn: Number,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    flags: Boxed,
    table_id: Boxed,
    page_id: Boxed,
    backlink_lsn: Boxed,
    base_lsn: Boxed,
}

/// One line. Where it is JSON, each entry stands for itself.
pub fn line(bytes: &[u8]) -> Piece {
    let line: Line = match serde_json::from_slice(bytes) {
        Ok(line) => line,
        Err(e) => return Piece { entries: Vec::new(), faults: vec![Malformed::Json(e.to_string())] },
    };
    let page = PageId(line.page_id.0);
    let mut out = Piece::default();
    let mut seen = HashSet::new();
    for record in line.entries {
        match entry(page, record) {
            Ok(entry) if !seen.insert(entry.at) => {
                out.faults.push(Malformed::Twice { page, lsn: entry.at.lsn });
            }
            Ok(entry) => out.entries.push(entry),
            Err(fault) => out.faults.push(fault),
        }
    }
    out
}

fn entry(page: PageId, record: Record) -> Result<Entry, Malformed> {
    let Metadata { flags, table_id, page_id, backlink_lsn, base_lsn } = record.metadata;
    let need = |value: Boxed, name: &'static str| value.0.ok_or(Malformed::Lacks(name));
    let other = PageId(need(page_id, "page_id")?);
    if other != page {
        return Err(Malformed::OtherPage { page, other });
    }
    let table = TableId(need(table_id, "table_id")?);
    let kind = EntryKind::from_number(need(flags, "flags")?);
    // A page that is gone has no bytes; of any other an absent entry is not an empty one.
    let bytes = match (record.entry, kind) {
        (Some(bytes), _) => bytes.0,
        (None, EntryKind::Tombstone | EntryKind::CheckpointEnd | EntryKind::Other(_)) => Vec::new(),
        (None, _) => return Err(Malformed::Lacks("entry")),
    };
    Ok(Entry {
        log: record.lsn.domain_id.map(|n| n.0),
        at: Version::new(table, page, Lsn(record.lsn.lsn.0)),
        backlink: Lsn(backlink_lsn.0.unwrap_or(0)),
        base: Lsn(base_lsn.0.unwrap_or(0)),
        kind,
        content: Content::Bytes(bytes),
        stored: None,
    })
}
