//! What an audit says of a local directory, beside what every audit says: schema 1 of the JSON.

use crate::home::directory::Way;
use crate::home::fault::Opaque;
use crate::home::wtlog::State;
use crate::page::RowCounts;
use serde::Serialize;
use std::collections::BTreeMap;

/// The local part of an audit.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LocalInfo {
    /// Version text of the engine that wrote the directory.
    pub version: Option<String>,
    /// The first and the last release of MongoDB that carries that engine.
    pub mongodb: Option<(&'static str, &'static str)>,
    /// What the catalog was read from.
    pub catalog: CatalogInfo,
    /// Every block file, by name.
    pub files: Vec<FileInfo>,
    /// Log files.
    pub log: LogInfo,
    /// What could not be looked into, in words; checksums and space accounting hold all the same.
    pub not_checked: Vec<NotKnown>,
}

/// Where the list of files comes from.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CatalogInfo {
    /// `turtle`: the usual way; `backup`: the list of a backup copy, which has no turtle; `recovery`: the metadata's own copy, because the turtle is of no use;
    /// `files`: every file on its own, because there is no metadata.
    pub source: Way,
    /// Every row of the metadata was read.
    pub complete: bool,
    /// Rows of the metadata by the word before their colon.
    pub rows: BTreeMap<String, u64>,
    /// A turtle to put in place, where the one there is of no use.
    pub proposed_turtle: Option<String>,
}

/// One block file.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FileInfo {
    /// Name below the home.
    pub file: String,
    /// `file:` URI.
    pub uri: String,
    /// MongoDB's name for it.
    pub namespace: Option<String>,
    /// MongoDB's name of the index.
    pub index: Option<String>,
    /// Documents as MongoDB's size storer has them.
    pub documents: Option<i64>,
    /// File id of the metadata.
    pub id: Option<u64>,
    /// `row`, `column-variable`, `column-fixed`.
    pub kind: &'static str,
    /// `turtle`, `metadata`, `log` (a row that recovery takes from there), or `recovery` (the file's own copy).
    pub source: &'static str,
    /// Allocation size.
    pub allocation_size: u32,
    /// Compressor in the configuration.
    pub compressor: Option<String>,
    /// Encryptor in the configuration, or recognised.
    pub encryptor: Option<String>,
    /// Bytes of the file.
    pub physical_size: u64,
    /// Bytes of the file at the newest checkpoint.
    pub file_size: Option<u64>,
    /// Where its bytes belong; null if not even the newest checkpoint could be read.
    pub space: Option<SpaceInfo>,
    /// Checkpoints, oldest first.
    pub checkpoints: Vec<LocalCheckpointInfo>,
    /// The copy of the newest checkpoint in the file.
    pub recovery: Option<RecoveryInfo>,
}

/// Where the bytes of a file belong; the six classes add up to `file_size`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct SpaceInfo {
    /// The description block.
    pub description: u64,
    /// Reachable from the newest checkpoint, its root included.
    pub tree: u64,
    /// Blocks of extent lists, of all checkpoints.
    pub extent_list: u64,
    /// Free for new writes.
    pub available: u64,
    /// Not in the newest checkpoint, kept for older ones.
    pub discarded: u64,
    /// Belongs to nothing.
    pub lost: u64,
    /// Booked twice; not a class of its own.
    pub overlapping: u64,
    /// Behind the newest checkpoint's end; not part of `file_size`.
    pub beyond_checkpoint: u64,
    /// Something could not be read, so the classes may be off.
    pub uncertain: bool,
}

/// A block's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct BlockInfo {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Checksum.
    pub checksum: u32,
}

/// One checkpoint of a file.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LocalCheckpointInfo {
    /// Name.
    pub name: String,
    /// Order.
    pub order: i64,
    /// Seconds since 1970.
    pub time: u64,
    /// Write generation.
    pub write_gen: u64,
    /// The cookie, hex; empty if nothing was ever written.
    pub cookie: String,
    /// Root page.
    pub root: Option<BlockInfo>,
    /// Alloc list block.
    pub alloc: Option<BlockInfo>,
    /// Avail list block.
    pub avail: Option<BlockInfo>,
    /// Discard list block.
    pub discard: Option<BlockInfo>,
    /// Bytes of the file at this checkpoint.
    pub file_size: u64,
    /// Size in the cookie: all blocks of the tree but the root.
    pub checkpoint_size: u64,
    /// `size=`.
    pub published_size: u64,
    /// All blocks of the tree, the root included.
    pub recomputed_size: u64,
    /// Published minus recomputed.
    pub difference: i64,
    /// Pages.
    pub pages: LocalPages,
    /// Rows, where leaves were decoded.
    pub rows: Option<RowCounts>,
    /// Entries and bytes of the avail list, its own block taken out.
    pub available: Option<ListInfo>,
    /// False: some page could not be read, so the sums are lower bounds.
    pub complete: bool,
}

/// An extent list in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ListInfo {
    /// Extents.
    pub extents: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Pages of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LocalPages {
    /// All of them.
    pub reachable: u64,
    /// By type, in words.
    pub by_type: BTreeMap<&'static str, u64>,
    /// Children that a fast truncate deleted, still counted above.
    pub deleted_children: u64,
    /// Levels, the root's included.
    pub depth: u64,
}

/// The copy of a checkpoint in the file itself.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct RecoveryInfo {
    /// Where it lies: the avail block.
    pub offset: u64,
    /// Its generation.
    pub generation: u64,
    /// It equals the metadata's cookie; null where there is nothing to compare it with.
    pub agrees: Option<bool>,
}

/// Logs.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LogInfo {
    /// Log files.
    pub files: Vec<LogFileInfo>,
    /// LSN of the last checkpoint record, `file,offset`.
    pub last_checkpoint: Option<String>,
    /// Commits behind it.
    pub commits_after_checkpoint: u64,
    /// The engine will replay them.
    pub needs_recovery: bool,
    /// Records cannot be read without the key.
    pub encrypted: bool,
    /// What recovery would do.
    pub state: Option<State>,
}

/// One log file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LogFileInfo {
    /// Name below the home.
    pub file: String,
    /// Bytes.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// Bytes in use; the rest is pre-allocated.
    pub used: u64,
}

/// What an audit of a home cannot know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKnown {
    /// A file alone, without a home around it.
    NoHome,
    /// A backup of chosen tables.
    PartialBackup,
    MetadataEncrypted,
    /// The metadata could not be read in full.
    MetadataInPart,
    /// Trees live in a page log, which is not in the directory.
    PageLogElsewhere {
        /// How many.
        trees: usize,
    },
    /// The records of the log are encrypted.
    LogEncrypted,
    Cells {
        /// How many files.
        files: u64,
        why: Opaque,
    },
}

/// For programs it is the sentence that people get.
impl Serialize for NotKnown {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
