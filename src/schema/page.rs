//! One page, row by row and block by block: `wtcheck page`.

use super::audit::FindingDocument;
use crate::decode::block::Block;
use crate::decode::merged::MergedPage;
use crate::id::{Lsn, PageId, TableId};
use serde::Serialize;

/// A page of a page log.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct PageReport<'a> {
    pub(crate) schema_version: u32,
    pub(crate) uri: Option<&'a str>,
    pub(crate) table_id: TableId,
    pub(crate) page_id: PageId,
    pub(crate) cookie: Option<String>,
    pub(crate) cookie_hex: Option<String>,
    pub(crate) rows: Vec<RowInfo>,
    pub(crate) findings: Vec<FindingDocument<'a>>,
    pub(crate) blocks: Vec<Block>,
    /// The page put together, where it has deltas and all of its blocks are sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merged: Option<MergedPage>,
    pub(crate) turtle: Option<String>,
    pub(crate) key: Option<Result<KeyInfo, String>>,
    pub(crate) exit_code: u8,
}

/// A row of the page.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct RowInfo {
    pub(crate) lsn: Lsn,
    pub(crate) kind: &'static str,
    pub(crate) class: &'static str,
    pub(crate) backlink_lsn: Lsn,
    pub(crate) base_lsn: Lsn,
    pub(crate) bytes: u32,
    pub(crate) flags: u32,
    pub(crate) shown: bool,
}

/// The header of a key page.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct KeyInfo {
    pub(crate) layout: String,
    pub(crate) version: u8,
    pub(crate) header_size: u8,
    pub(crate) payload_bytes: usize,
    pub(crate) timestamp: Option<String>,
    pub(crate) checksum: String,
}
