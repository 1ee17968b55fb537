//! Where the bytes live: page-log stores behind one small trait.
//!
//! A store hands out its *index* (every row of the page log, without the page data), the completion
//! records, and page data one block at a time. It knows nothing of pages or trees. Everything is
//! opened read-only and nothing beside the source is created. Only the ledgers
//! of [`edit`], which a repair asks for by name, open a store for writing, and only
//! [`palite::create`] makes one.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod blockfile;
pub mod edit;
pub mod files;
pub mod gathered;
pub mod hold;
pub mod index;
pub mod live;
pub mod open;
pub mod palite;
pub mod palm;
pub mod supply;
mod unread;

pub use files::{entries, only_file, read_regular_file, regular_file};
pub use index::{Index, Row, Rows, Seal};
pub use open::{Located, OpenOptions, locate, open, open_at};
pub use unread::UnreadLog;

use crate::below::Odd;
use crate::coverage::Unchecked;
use crate::id::{Lsn, PageId, TableId, Version};
use gathered::Gathered;
use std::path::{Path, PathBuf};

/// Row flag: the block is a delta.
pub const FLAG_DELTA: u32 = 0x2;
/// Row flag: the row is a discard record (PALite only).
pub const FLAG_DISCARDED: u32 = 0x1_0000;

/// Which kind of store a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// SQLite databases under `kv_home/`.
    Palite,
    /// An LMDB environment under `kv_home/`.
    Palm,
    /// Block files of a local home (16).
    Local,
}

impl StoreKind {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Palite => "PALite (SQLite) page log",
            Self::Palm => "PALM (LMDB) page log",
            Self::Local => "local block files",
        }
    }
}

/// Why a store could not be opened or read. Every variant says what and where; the command line adds what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory holds no page log.
    #[error("{path}: {reason}")]
    NoPageLog {
        /// The directory as given.
        path: PathBuf,
        /// What was looked for, and what is there instead.
        reason: String,
    },
    /// A file of the store is there but cannot be opened or is not what its name says.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system did not give the bytes of a file, or the names of a directory.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's number of the error, where it is known.
        errno: Option<i32>,
        /// The system's words, or the database library's.
        error: String,
    },
    /// The structure of a database file is damaged.
    #[error("{path}: damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The database library's or reader's words.
        reason: String,
    },
    /// Somebody else's file might be behind it.
    #[error("{path} {odd}")]
    Odd {
        /// The file.
        path: PathBuf,
        /// What is odd about it.
        odd: Odd,
    },
    /// It may be read but not written.
    #[error("{path} cannot be opened for writing: {error}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: String,
    },
    /// A database whose schema is not an engine's: a write might do something else than it says.
    #[error("{path} cannot be written to: {reason}")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is in it.
        reason: String,
    },
    /// A PALM store, and a build that has no writer for it.
    #[error("{path} cannot be written to: this build of wtcheck reads PALM stores only")]
    NoWriter {
        /// The directory.
        path: PathBuf,
    },
    /// A dump has the length of a block, and not its bytes.
    #[error("only its length was supplied")]
    NotSupplied(Version),
    /// Another process holds the store.
    #[error("{path}: in use: {reason}")]
    InUse {
        /// The file that is locked.
        path: PathBuf,
        /// By whom, as far as the system tells.
        reason: String,
    },
}

impl StoreError {
    /// An I/O error.
    pub fn io(path: &Path, e: &std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), errno: e.raw_os_error(), error: e.to_string() }
    }

    /// The name of the file and what the system says, if the system is what failed.
    pub fn unread(&self) -> Option<(String, Unchecked)> {
        let Self::Io { path, errno, error } = self else { return None };
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Some((name, Unchecked::Io { errno: *errno, error: error.clone() }))
    }
}

/// A completion record as it lies in the store (7.5.1), not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionRow {
    /// LSN of the record itself, greater than its `metadata_lsn`.
    pub lsn: Lsn,
    /// Checkpoint timestamp the page log was given.
    pub timestamp: u64,
    /// Checkpoint id, PALM only.
    pub checkpoint_id: Option<u64>,
    pub text: Vec<u8>,
}

/// A part of a store that could not be read. The rest is still served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the store's directory where possible.
    pub file: String,
    /// The library's or reader's words, with a page number or offset where known.
    pub reason: String,
    /// Which tables may have lost rows because of it.
    pub affects: Affected,
    /// They were not read (the system did not give the bytes, or their layout is not known): nothing is known to
    /// be wrong with them.
    pub io: Option<Unchecked>,
}

/// Tables that may have lost rows to a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affected {
    Table(TableId),
    /// Every table whose id leaves this remainder: a shard.
    Remainder {
        /// The number of shards.
        modulus: u64,
        /// This shard's number.
        remainder: u64,
    },
    /// Any table.
    All,
    /// No table: only counters. They hide nothing.
    Counters,
    /// No table: completion records, or a file that is not read.
    None,
}

impl Affected {
    /// Whether rows of `table` may be missing.
    pub fn covers(self, table: TableId) -> bool {
        match self {
            Self::Table(t) => t == table,
            Self::Remainder { modulus, remainder } => table.get().checked_rem(modulus) == Some(remainder),
            Self::All => true,
            Self::Counters | Self::None => false,
        }
    }

    /// Whether rows of some table may be missing.
    pub fn any_table(self) -> bool {
        !matches!(self, Self::Counters | Self::None)
    }
}

/// What a store says of its own layout; evidence for the generation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The files of the store with their sizes, in name order, relative to the store's directory.
    pub files: Vec<(String, u64)>,
    /// The directory they lie in.
    pub dir: PathBuf,
    /// What else lies there, by name.
    pub others: Vec<String>,
    /// True for PALite's 17 shard files (since 2026-03-31), false for one file per table.
    pub sharded: bool,
    /// Committed frames were read from a write-ahead log.
    pub from_wal: bool,
    /// The LSN counter: last assigned LSN (PALite) or next LSN minus one (PALM).
    pub lsn_counter: Option<Lsn>,
    /// The id of the checkpoint that was completed last, by the store's counters (PALM).
    pub last_completed: Option<u64>,
    /// What it was gathered from, if it was.
    pub gathered: Option<Gathered>,
    /// Files the store's own lists expect and that are not there. They may never have been written;
    /// they matter if a checkpoint needs their tables.
    pub absent: Vec<Problem>,
}

/// Looks at the data of each row while the index is read, and says what to keep of it.
pub type Inspect<'a> = dyn Fn(&Row, &[u8]) -> Seal + Sync + 'a;

/// Which pages, by table and page id, a reader wants the rows of.
pub type Own<'a> = dyn Fn(TableId, PageId) -> bool + Sync + 'a;

/// A page log: rows, completion records, page data.
pub trait PageLog: Send + Sync {
    fn kind(&self) -> StoreKind;

    /// Files and counters, for the report and the generation.
    fn layout(&self) -> Result<Layout, StoreError>;

    /// Every row of the page log without its data, and the parts that could not be read.
    ///
    /// Reading goes on behind damage as far as the store allows; `progress` is called with the
    /// number of rows found so far, from any thread. With `inspect` the data of every row is read
    /// in passing and shown to it once; a row whose data cannot be read keeps an empty seal.
    fn index(
        &self,
        inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError>;

    /// As [`PageLog::index`] without an inspection, for the rows of some pages only: memory, and where the
    /// store allows it time, follow these.
    fn index_of(&self, own: &Own<'_>, progress: &(dyn Fn(u64) + Sync)) -> Result<(Index, Vec<Problem>), StoreError> {
        let (index, problems) = self.index(None, progress)?;
        Ok((Index::new(index.rows().iter().filter(|r| own(r.table, r.page)).collect()), problems))
    }

    /// All completion records, ascending by LSN, and what of them could not be read.
    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError>;

    /// A reader of page data. One per thread; cheap enough to make a handful.
    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError>;
}

/// Takes the place of a row among those asked for, and its bytes.
pub type PutBlock<'a> = dyn FnMut(usize, Result<&[u8], StoreError>) + 'a;

/// Reads the data of single rows.
pub trait BlockReader {
    /// Replace the content of `out` by the stored bytes of `row`.
    ///
    /// The length must equal `row.len`; a store whose row has changed since the index answers
    /// [`StoreError::Damaged`].
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError>;

    /// Read several rows, in whatever order is fastest: `put` gets the place of each in `rows`, once, and its
    /// bytes.
    fn read_all(&mut self, rows: &[Row], put: &mut PutBlock<'_>) {
        let mut bytes = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let read = self.read(row, &mut bytes);
            put(place, read.map(|()| bytes.as_slice()));
        }
    }
}

impl<R: BlockReader + ?Sized> BlockReader for &mut R {
    fn read(&mut self, row: &Row, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        (**self).read(row, buffer)
    }
}
