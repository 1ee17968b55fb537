//! The steps of a pick-up, in their order (`docs/PICKUP.md`), and what was seen of each.

use super::code::Code;
use serde::{Serialize, Serializer};
use std::fmt;

/// A step. Those whose failure is only an exhausted machine (copying the text, memory) are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Read `metadata_lsn`.
    MetadataLsn,
    /// Read `metadata_checksum`.
    MetadataChecksum,
    /// Read `database_size`.
    DatabaseSize,
    /// Read `version` and `compatible_version`.
    Versions,
    /// Adopt the encoding of stable values.
    Encoding,
    /// Publish the metadata LSN as pending.
    Pending,
    /// Wait in the background for sessions that hold older snapshots.
    Defer,
    /// Compare with the installed checkpoint.
    Order,
    /// Fetch the turtle page.
    FetchTurtle,
    Checksum,
    ParseTurtle,
    /// Adopt the write generation.
    WriteGeneration,
    /// Load the encryption key.
    LoadKey,
    /// Save the local entry of the shared metadata, and point it at the new checkpoint.
    SaveEntry,
    /// Merge the shared metadata into the local.
    Merge,
    /// Publish: installed LSN, timestamps, database size, next file id.
    Finalize,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 16] = [
        Self::MetadataLsn,
        Self::MetadataChecksum,
        Self::DatabaseSize,
        Self::Versions,
        Self::Encoding,
        Self::Pending,
        Self::Defer,
        Self::Order,
        Self::FetchTurtle,
        Self::Checksum,
        Self::ParseTurtle,
        Self::WriteGeneration,
        Self::LoadKey,
        Self::SaveEntry,
        Self::Merge,
        Self::Finalize,
    ];

    /// The step behind this one.
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|s| *s == self)?;
        Self::ALL.get(at + 1).copied()
    }

    /// Its name in tables and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::MetadataLsn => "metadata_lsn",
            Self::MetadataChecksum => "metadata_checksum",
            Self::DatabaseSize => "database_size",
            Self::Versions => "versions",
            Self::Encoding => "encoding",
            Self::Pending => "pending",
            Self::Defer => "defer",
            Self::Order => "order",
            Self::FetchTurtle => "fetch-turtle",
            Self::Checksum => "checksum",
            Self::ParseTurtle => "parse-turtle",
            Self::WriteGeneration => "write-generation",
            Self::LoadKey => "keystore",
            Self::SaveEntry => "save-entry",
            Self::Merge => "merge",
            Self::Finalize => "finalize",
        }
    }

    /// Its place in `docs/PICKUP.md`.
    pub fn place(self) -> &'static str {
        match self {
            Self::MetadataLsn => "outer step 2",
            Self::MetadataChecksum => "outer step 3",
            Self::DatabaseSize => "outer step 4",
            Self::Versions => "outer step 5",
            Self::Encoding => "outer step 6",
            Self::Pending => "outer step 7",
            Self::Defer => "outer step 8",
            Self::Order => "install steps 1, 2",
            Self::FetchTurtle => "install step 4",
            Self::Checksum => "install step 5",
            Self::ParseTurtle => "install step 6",
            Self::WriteGeneration => "install step 7",
            Self::LoadKey => "install step 8",
            Self::SaveEntry => "install step 9",
            Self::Merge => "install step 10",
            Self::Finalize => "install step 11",
        }
    }

    /// What it does, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MetadataLsn => "read metadata_lsn",
            Self::MetadataChecksum => "read metadata_checksum",
            Self::DatabaseSize => "read database_size",
            Self::Versions => "check the record's versions",
            Self::Encoding => "adopt the encoding of stable values",
            Self::Pending => "publish the LSN as pending",
            Self::Defer => "wait for older snapshots",
            Self::Order => "compare with the installed checkpoint",
            Self::FetchTurtle => "fetch the turtle page",
            Self::Checksum => "check the turtle page's checksum",
            Self::ParseTurtle => "parse the turtle page",
            Self::WriteGeneration => "adopt the write generation",
            Self::LoadKey => "load the encryption key",
            Self::SaveEntry => "point the local metadata at the checkpoint",
            Self::Merge => "merge the shared metadata into the local",
            Self::Finalize => "publish the checkpoint",
        }
    }

    /// Steps that need pages from the page log, and so live page servers.
    pub fn reads_pages(self) -> bool {
        matches!(self, Self::FetchTurtle | Self::LoadKey | Self::Merge)
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
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
