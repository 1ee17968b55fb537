//! What `wtcheck dump` wrote, and what there is to dump.

use crate::dump::report::DumpReport;
use serde::Serialize;

/// A dump in a directory.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Dumped<'a> {
    pub(crate) schema_version: u32,
    /// Where it was written.
    pub(crate) directory: String,
    #[serde(flatten)]
    pub(crate) report: &'a DumpReport,
    pub(crate) exit_code: u8,
}

/// What there is to dump.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Dumpable {
    pub(crate) schema_version: u32,
    pub(crate) path: String,
    pub(crate) tables: Vec<DumpableTable>,
    pub(crate) exit_code: u8,
}

/// One of them.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct DumpableTable {
    /// What to call it: a namespace, or the URI.
    pub(crate) name: String,
    pub(crate) uri: String,
    /// What it is to MongoDB.
    pub(crate) role: &'static str,
    /// The first file of it.
    pub(crate) file: Option<String>,
    pub(crate) key_format: String,
    pub(crate) value_format: String,
    /// Rows: counted, or as MongoDB counts them.
    pub(crate) rows: Option<u64>,
    /// They are MongoDB's own count, which is not exact after a crash.
    pub(crate) rows_stated: bool,
    /// Bytes of its files.
    pub(crate) bytes: u64,
}
