//! Where a pick-up gets its pages from: a real store, or the page log of a scenario.

use crate::format::pagelog_turtle::Turtle;
use crate::id::Lsn;
use std::sync::Arc;

/// Why a page did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// No handle for the table (ENOTSUP).
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    NoTable,
    /// The page log answers that there is no such page.
    Missing(String),
    /// It is there but cannot be read as what it should be.
    Damaged(String),
    /// Nobody answers: try again later.
    Wait,
}

/// Rows of a shared metadata, by URI: those of the kinds that a merge takes.
pub type Rows = Arc<Vec<(String, String)>>;

/// Pages by LSN.
pub trait Source {
    /// The page at `metadata_lsn`, as it is stored.
    fn turtle(&mut self, metadata_lsn: Lsn) -> Result<Vec<u8>, Fetch>;

    /// The key page at an LSN, as it is stored.
    fn key_page(&mut self, lsn: Lsn) -> Result<Vec<u8>, Fetch>;

    /// The rows of the shared metadata that a turtle page names.
    fn metadata(&mut self, metadata_lsn: Lsn, turtle: &Turtle) -> Result<Rows, Fetch>;
}

/// Whether a row of the shared metadata takes part in a merge.
pub fn is_merged(uri: &str) -> bool {
    ["colgroup:", "file:", "layered:", "table:"].iter().any(|kind| uri.starts_with(kind))
}
