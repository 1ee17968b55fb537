//! What a service answers about one page at an LSN, as the tools print it (camel case, numbers as strings, zeros left
//! out) and as a fetched tree keeps it (snake case, numbers as numbers).

use super::json::{Bytes, Number};
use super::{Content, Entry, EntryKind, Malformed, Piece};
use crate::id::{Lsn, PageId, TableId, Version};
use serde::Deserialize;

/// A page with its deltas, oldest first.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Page {
    #[serde(alias = "logId")]
    log_id: Option<Number>,
    #[serde(alias = "tableId")]
    table_id: Option<Number>,
    #[serde(alias = "pageId")]
    page_id: Option<Number>,
    lsn: Number,
    #[serde(alias = "contents_b64")]
    contents: Bytes,
    #[serde(alias = "deltas_b64")]
    deltas: Vec<Bytes>,
    lsns: Vec<Number>,
    #[serde(alias = "backlinkLsns", alias = "backlink_lsns")]
    backlinks: Vec<Number>,
    #[serde(alias = "fullImageLsn")]
    full_image_lsn: Number,
    #[serde(alias = "fullImageBacklinkLsn")]
    full_image_backlink_lsn: Number,
}

#[derive(Deserialize)]
struct Answer {
    page: Page,
}

/// An answer, or a page of a fetched tree.
pub fn answer(bytes: &[u8]) -> Piece {
    let page = serde_json::from_slice::<Answer>(bytes).map(|a| a.page).or_else(|_| serde_json::from_slice(bytes));
    match page.map_err(|e: serde_json::Error| Malformed::Json(e.to_string())).and_then(entries) {
        Ok(entries) => Piece { entries, faults: Vec::new() },
        Err(fault) => Piece { entries: Vec::new(), faults: vec![fault] },
    }
}

/// The image and its deltas.
pub fn entries(page: Page) -> Result<Vec<Entry>, Malformed> {
    let need = |n: Option<Number>, name: &'static str| n.map(|n| n.0).ok_or(Malformed::Lacks(name));
    let table = TableId(need(page.table_id, "table id")?);
    let id = PageId(need(page.page_id, "page id")?);
    let log = page.log_id.map(|n| n.0);
    let entry = |lsn: u64, backlink: u64, base: u64, kind, bytes| Entry {
        log,
        at: Version::new(table, id, Lsn(lsn)),
        backlink: Lsn(backlink),
        base: Lsn(base),
        kind,
        content: Content::Bytes(bytes),
        stored: None,
    };
    let image_lsn = if page.full_image_lsn.0 == 0 { page.lsn.0 } else { page.full_image_lsn.0 };
    if image_lsn == 0 {
        return Err(Malformed::Lacks("LSN"));
    }
    // As many as there are deltas, or one more for the image before them.
    let of_deltas = |list: &[Number]| match list.len().checked_sub(page.deltas.len()) {
        Some(0) => Ok(0),
        Some(1) if !page.deltas.is_empty() => Ok(1),
        Some(_) if page.deltas.is_empty() => Ok(list.len()),
        _ => Err(Malformed::Counts(list.len(), page.deltas.len())),
    };
    let (skip, skip_links) = (of_deltas(&page.lsns)?, of_deltas(&page.backlinks)?);
    let mut out = vec![entry(image_lsn, page.full_image_backlink_lsn.0, 0, EntryKind::Image, page.contents.0)];
    let lsns = page.lsns.iter().skip(skip);
    let links = page.backlinks.iter().skip(skip_links);
    for ((bytes, lsn), link) in page.deltas.into_iter().zip(lsns).zip(links) {
        out.push(entry(lsn.0, link.0, image_lsn, EntryKind::Delta, bytes.0));
    }
    Ok(out)
}
