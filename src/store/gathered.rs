//! A page log that was gathered from dumps of a page service: what was supplied of it, and from where. What was not
//! supplied is not missing.

use super::StoreError;
use crate::id::{Lsn, TableId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file beside the databases that says so.
pub const FILE_NAME: &str = "wtcheck-gathered.json";
/// Version of its form.
pub const VERSION: u32 = 1;
/// Longest one that is read.
const LONGEST: u64 = 64 << 20;

/// Where the checkpoint to stand on comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The text was given.
    Given,
    /// A server's log had it.
    ServerLog,
    /// The newest turtle page: the size of the database is not known.
    NewestTurtle,
    /// There is none to stand on.
    Unknown,
}

/// What was supplied of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Supply {
    /// All pages of it, up to an LSN; else single pages.
    pub whole: bool,
    pub entries: u64,
    /// Blocks that the service has encrypted, and nobody decrypted: their lengths are kept.
    pub encrypted: u64,
    /// Others that have a length and no bytes.
    pub lengths: u64,
    /// The newest entry: what is newer may not have been supplied.
    pub highest_lsn: Lsn,
}

/// The least and the most that the service adds to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Overhead {
    pub least: u32,
    pub most: u32,
}

/// A dump that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct SourceInfo {
    /// As it was named.
    pub name: String,
    /// Its form: `table`, `page`, `history`, `summary`, `tree`.
    pub form: String,
    /// SHA-256 of the file; of a tree of its manifest.
    pub sha256: String,
    pub bytes: u64,
    /// Rows of a page log that it gave.
    pub entries: u64,
}

/// What a page log was gathered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Gathered {
    /// [`VERSION`].
    pub version: u32,
    pub made_by: String,
    /// The log of the service, where a dump names it.
    pub log: Option<u64>,
    pub checkpoint: Origin,
    pub sources: Vec<SourceInfo>,
    pub tables: BTreeMap<TableId, Supply>,
    /// Entries that are no version of a page, or of a kind that is not known.
    pub left_out: u64,
    /// What the service adds to each block, in bytes, where a block and its stored length are both known. Lengths are
    /// exact if it adds nothing.
    pub overhead: Option<Overhead>,
    /// Dumps contradict each other: how often. The entry that came first stays.
    pub conflicts: u64,
    /// Pieces that are damaged.
    pub malformed: u64,
    /// The first of both, in words.
    pub notes: Vec<String>,
}

impl Gathered {
    /// Whether the newest completion record is one that a node wrote. Those of older checkpoints, and of a newest turtle
    /// page, were made of their turtle pages.
    pub fn has_completion(&self) -> bool {
        matches!(self.checkpoint, Origin::Given | Origin::ServerLog)
    }

    /// Of a page log's directory, if it was gathered. Where that cannot be told, what nobody supplied would pass for
    /// missing: an error.
    pub fn read(kv_home: &Path) -> Result<Option<Self>, StoreError> {
        use std::io::{ErrorKind, Read};
        let path = kv_home.join(FILE_NAME);
        // Asked by its name: a directory that may be listed and not entered is told of by who opens its databases.
        let names = super::open::names(kv_home).map_err(|e| StoreError::io(kv_home, &e))?;
        if !names.iter().any(|name| name == FILE_NAME) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = super::regular_file(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
        match read {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| StoreError::io(&path, &e))?,
        };
        let unreadable = |reason: String| StoreError::Unreadable { path: path.clone(), reason };
        let found: Self = serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
        if found.version != VERSION {
            return Err(unreadable(format!("has version {}; this wtcheck reads version {VERSION}", found.version)));
        }
        Ok(Some(found))
    }

    /// Nothing of a table was supplied.
    pub fn lacks(&self, table: TableId) -> bool {
        !self.tables.contains_key(&table)
    }

    /// Single pages of a table were supplied, or none.
    pub fn is_part(&self, table: TableId) -> bool {
        self.tables.get(&table).is_none_or(|supply| !supply.whole)
    }

    /// A page version may exist that was not supplied: of a table in parts, or newer than its dump.
    pub fn may_lack(&self, table: TableId, lsn: Lsn) -> bool {
        self.tables.get(&table).is_none_or(|supply| !supply.whole || lsn > supply.highest_lsn)
    }
}
