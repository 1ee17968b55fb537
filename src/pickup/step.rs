//! The steps of a pick-up, in their order (`docs/PICKUP.md`), and what was seen of each.

use super::code::Code;
use serde::{Serialize, Serializer};
use std::fmt;

/// A step. Those whose failure is only an exhausted machine (copying the text, memory) are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    MetadataLsn,
    MetadataChecksum,
    DatabaseSize,
    Versions,
    Encoding,
    /// Publish the metadata LSN as pending.
    Pending,
    /// Wait in the background for sessions that hold older snapshots.
    Defer,
    Order,
    FetchTurtle,
    Checksum,
    ParseTurtle,
    /// Adopt the write generation.
    WriteGeneration,
    LoadKey,
    /// Save the local entry of the shared metadata, and point it at the new checkpoint.
    SaveEntry,
    Merge,
    /// Publish: installed LSN, timestamps, database size, next file id.
    Finalize,
}

impl Step {
    /// All, in order: name in tables and programs, place in `docs/PICKUP.md`, what it does.
    pub const TABLE: [(Self, &'static str, &'static str, &'static str); 16] = [
        (Self::MetadataLsn, "metadata_lsn", "outer step 2", "read metadata_lsn"),
        (Self::MetadataChecksum, "metadata_checksum", "outer step 3", "read metadata_checksum"),
        (Self::DatabaseSize, "database_size", "outer step 4", "read database_size"),
        (Self::Versions, "versions", "outer step 5", "check the record's versions"),
        (Self::Encoding, "encoding", "outer step 6", "adopt the encoding of stable values"),
        (Self::Pending, "pending", "outer step 7", "publish the LSN as pending"),
        (Self::Defer, "defer", "outer step 8", "wait for older snapshots"),
        (Self::Order, "order", "install steps 1, 2", "compare with the installed checkpoint"),
        (Self::FetchTurtle, "fetch-turtle", "install step 4", "fetch the turtle page"),
        (Self::Checksum, "checksum", "install step 5", "check the turtle page's checksum"),
        (Self::ParseTurtle, "parse-turtle", "install step 6", "parse the turtle page"),
        (Self::WriteGeneration, "write-generation", "install step 7", "adopt the write generation"),
        (Self::LoadKey, "keystore", "install step 8", "load the encryption key"),
        (Self::SaveEntry, "save-entry", "install step 9", "point the local metadata at the checkpoint"),
        (Self::Merge, "merge", "install step 10", "merge the shared metadata into the local"),
        (Self::Finalize, "finalize", "install step 11", "publish the checkpoint"),
    ];

    /// All, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.into_iter().map(|row| row.0)
    }

    /// The step behind this one.
    pub fn next(self) -> Option<Self> {
        Self::all().find(|s| *s > self)
    }

    /// Its name in tables and programs.
    pub fn name(self) -> &'static str {
        Self::TABLE[self as usize].1
    }

    /// Its place in `docs/PICKUP.md`.
    pub fn place(self) -> &'static str {
        Self::TABLE[self as usize].2
    }

    /// What it does, in words.
    pub fn words(self) -> &'static str {
        Self::TABLE[self as usize].3
    }

    /// Steps that need pages from the page log, and so live page servers.
    pub fn reads_pages(self) -> bool {
        matches!(self, Self::FetchTurtle | Self::LoadKey | Self::SaveEntry | Self::Merge)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What was seen of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Done {
    /// Which.
    pub step: Step,
    /// Its return code.
    pub code: Code,
    /// What it found, adopted or missed, in words.
    pub note: String,
    /// Lines the engine logs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}
