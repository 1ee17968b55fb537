//! What a dump of one table came to, for people, for programs, and for the dump that goes on where this one ended.

use super::form::Form;
use super::loss::{Bounds, Indexed, Lost};
use crate::home::content::replay::Stop;
pub use crate::mongo::layout::LeftOut;
use serde::{Deserialize, Serialize};

/// A table that was dumped, or could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TableReport {
    pub uri: String,
    /// `db.collection`, of MongoDB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What was written, below the directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Rows that were written, those from older checkpoints included.
    pub rows: u64,
    /// Bytes of the first file.
    pub bytes: u64,
    /// Blocks in which one flipped bit was put right, in memory.
    pub mended: u64,
    /// Where the first of them lie in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended_at: Vec<u64>,
    /// Values that are no documents, and rows whose keys are out of place: in a file of their own.
    pub apart: u64,
    /// Pages that stand in each other's place; their rows came out.
    #[serde(default)]
    pub disordered: u64,
    /// Lines of JSON from which a reader cannot make the same document again.
    #[serde(default)]
    pub irreversible: bool,
    /// The first thousand losses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    /// Losses that are not listed.
    pub more_lost: u64,
    /// Rows in all of them, at least and at most.
    pub lost_rows: Bounds,
    /// Rows that were taken from older checkpoints.
    pub older_rows: u64,
    /// Rows of pages that nothing leads to, in a file of their own.
    pub stray_rows: u64,
    /// Lost documents that an index still knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Indexed>,
    /// Indexes of the collection that are not in its metadata file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes_left_out: Vec<IndexLeftOut>,
    /// Nothing of it could be read, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
}

/// An index that a loaded collection will not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct IndexLeftOut {
    pub index: String,
    pub why: IndexWhy,
}

/// Why an index is not in the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IndexWhy {
    /// Its build was not finished.
    NotReady,
    /// The catalog does not say what it is.
    NoSpecification,
    /// It cannot be said as an index of the time series.
    Buckets,
}

/// Why a table gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Unread {
    /// A log-structured merge tree: its chunks are files of their own.
    Lsm,
    /// Objects in a bucket.
    Tiered,
    /// A type that this program does not know.
    Type,
    /// Rows of the metadata about it are missing.
    Metadata,
    /// Its columns do not go together.
    Columns,
    /// A file of it cannot be opened.
    File {
        file: String,
        /// The system's words.
        error: String,
    },
    /// No file may have its name.
    Name {
        /// What is wrong with it.
        error: String,
    },
    /// Another table has its name.
    Twice,
    /// It has no such checkpoint.
    NoCheckpoint,
}

/// A collection that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Skipped {
    pub namespace: String,
    pub why: LeftOut,
}

/// What a dump is of: one that goes on must be of the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Identity {
    /// As it was given.
    pub path: String,
    /// As it was given; `recovered` otherwise.
    pub at: String,
    /// Form of the files.
    #[serde(rename = "as")]
    pub form: Form,
    /// With rows of older checkpoints.
    pub older: bool,
    /// With rows of pages that nothing leads to.
    pub orphans: bool,
    /// Tables, namespaces and databases that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// With what mongodump leaves out.
    #[serde(default)]
    pub all: bool,
    /// Of what lies there: names, sizes and the turtle.
    pub fingerprint: String,
}

/// What a dump came to: also the file `wtcheck-dump.json` beside what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DumpReport {
    #[serde(flatten)]
    pub identity: Identity,
    /// Release of the engine that wrote the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The checkpoint of the page log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_lsn: Option<crate::id::Lsn>,
    /// The last mongod that ran here, by its own log of starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mongod: Option<String>,
    /// MongoDB's feature compatibility version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fcv: Option<String>,
    /// The stable timestamp, in hexadecimal digits: newer than this nothing is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<String>,
    /// Transactions that were replayed from the log.
    pub replayed: u64,
    /// What else to know about the state that is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    pub tables: Vec<TableReport>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Skipped>,
}

/// Something about the state that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The history store is in the metadata and not here: what is not stable could not be rolled back.
    HistoryMissing,
    /// The log could not be read from here on.
    LogEnds {
        /// File and offset.
        lsn: String,
        why: Stop,
    },
    /// Rows of the metadata could not be read: tables may be missing.
    MetadataIncomplete,
    /// The metadata is encrypted: tables and formats come from the files.
    MetadataEncrypted,
    /// The newest checkpoint of the page log cannot be used; an older one is shown.
    CheckpointUnusable {
        /// Of its completion record.
        lsn: crate::id::Lsn,
    },
    /// The turtle names a place in the log, and there is no log.
    LogMissing {
        /// File and offset.
        lsn: String,
    },
    /// An engine has put the metadata aside under this name: of so many files that are here it alone knows.
    MetadataSetAside { file: String, tables: u64 },
    /// The turtle or the metadata is damaged, and what is shown comes from copies of it.
    MetadataFromCopies,
    /// MongoDB's catalog is lost, or a part of it: names, options and indexes of collections.
    CatalogLost,
    /// Formats of this file were guessed.
    Guessed { file: String, key_format: String, value_format: String },
    /// Rows of tables that are kept in the page log of another directory are not here.
    InPageLog { tables: u64 },
    /// An unpacked image: its values are not the user's.
    Image,
    /// A member of a replica set: newer operations are in `local.oplog.rs`.
    Oplog,
    /// What a follower has put over the stable table, which the page log does not have.
    Ingest { file: String },
}

impl DumpReport {
    /// What is not in the dump is not known to be lost: it could not be read, and nothing else is wrong.
    pub fn is_only_unread(&self) -> bool {
        let table = |t: &TableReport| {
            let whole = t.apart == 0 && t.mended == 0 && t.disordered == 0 && t.more_lost == 0;
            let file = t.unread.as_ref().is_none_or(|u| matches!(u, Unread::File { .. } | Unread::NoCheckpoint));
            whole && file && t.lost.iter().all(|l| l.why.is_unchecked())
        };
        let note = |n: &Note| match n {
            Note::LogEnds { why, .. } => matches!(why, Stop::Unread | Stop::Encrypted),
            Note::HistoryMissing
            | Note::LogMissing { .. }
            | Note::MetadataIncomplete
            | Note::MetadataFromCopies
            | Note::MetadataSetAside { .. }
            | Note::CheckpointUnusable { .. }
            | Note::CatalogLost => false,
            _ => true,
        };
        self.has_losses() && self.tables.iter().all(table) && self.notes.iter().all(note)
    }

    /// Rows were lost, or a table.
    pub fn has_losses(&self) -> bool {
        let lossy = |t: &TableReport| {
            let unread = t.unread.as_ref().is_some_and(|u| *u != Unread::NoCheckpoint);
            !t.lost.is_empty() || t.mended > 0 || t.apart > 0 || t.disordered > 0 || unread
        };
        let cut = |n: &Note| {
            matches!(
                n,
                Note::HistoryMissing
                    | Note::LogEnds { .. }
                    | Note::LogMissing { .. }
                    | Note::MetadataIncomplete
                    | Note::MetadataFromCopies
                    | Note::MetadataSetAside { .. }
                    | Note::CheckpointUnusable { .. }
                    | Note::CatalogLost
            )
        };
        self.tables.iter().any(lossy) || self.notes.iter().any(cut)
    }
}
