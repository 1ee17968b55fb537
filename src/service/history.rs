//! Histories of pages with lengths only: the answers of a service's tests and administration.

use super::json::Number;
use super::{Content, Entry, EntryKind, Malformed, Piece};
use crate::id::{Lsn, PageId, TableId, Version};
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    metadata: Vec<Record>,
    #[serde(default, alias = "tableId")]
    table_id: Option<Number>,
    #[serde(default, alias = "pageId")]
    page_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    lsn: Number,
    #[serde(default)]
    backlink_lsn: Number,
    #[serde(default)]
    base_lsn: Number,
    #[serde(default)]
    flags: String,
    #[serde(default)]
    content_length: Number,
}

/// The history of a page.
pub fn answer(bytes: &[u8]) -> Piece {
    let mut out = Piece::default();
    let answer: Answer = match serde_json::from_slice(bytes) {
        Ok(answer) => answer,
        Err(e) => {
            out.faults.push(Malformed::Json(e.to_string()));
            return out;
        }
    };
    // The service leaves them to who asked; tools write them beside the answer.
    let (Some(table), Some(page)) = (answer.table_id, answer.page_id) else {
        out.faults.push(Malformed::Lacks(if answer.table_id.is_none() { "table id" } else { "page id" }));
        return out;
    };
    for record in answer.metadata {
        let kind = match record.flags.as_str() {
            // Zeros are left out.
            "" | "DELTA" => EntryKind::Delta,
            "FULL_IMAGE" => EntryKind::Image,
            "TOMBSTONE" => EntryKind::Tombstone,
            "CHECKPOINT_END" => EntryKind::CheckpointEnd,
            _ => EntryKind::Other(u64::MAX),
        };
        out.entries.push(Entry {
            log: None,
            at: Version::new(TableId(table.0), PageId(page.0), Lsn(record.lsn.0)),
            backlink: Lsn(record.backlink_lsn.0),
            base: Lsn(record.base_lsn.0),
            kind,
            content: Content::Length(record.content_length.0),
            stored: None,
        });
    }
    out
}
