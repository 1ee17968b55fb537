//! The plan: what a repair would change, in a form that a person reads, edits and signs off.
//! YAML on disk.
//!
//! A plan is bound to a store by [`Identity`]. Everything in it is a statement of intent: which pages
//! and rows an action comes down to is computed anew, from the store, when it is applied.

use crate::id::{Lsn, PageId, TableId};
use crate::store::StoreKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the plan's form.
pub const PLAN_VERSION: u32 = 1;

/// A repair plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub plan_version: u32,
    /// Who made it: name and version.
    pub made_by: String,
    /// When: seconds since 1970.
    pub made_at: u64,
    /// The store it is for.
    pub store: Identity,
    /// What was healthy; a plan that saw nothing healthy is not applied.
    pub seen: Seen,
    /// Counts of findings by code, before.
    pub findings: BTreeMap<String, u64>,
    /// More than half of the live versions may be orphans: up to so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_orphans: Option<u64>,
    /// What to do.
    pub actions: Vec<Action>,
    /// What a repair does not do, and who can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
}

/// What identifies a store and the state it was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its directory, absolute.
    pub directory: String,
    /// Its kind.
    pub kind: StoreKind,
    /// Generation of its formats.
    pub generation: String,
    /// Last LSN assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn_counter: Option<Lsn>,
    /// LSN of the newest completion record, usable or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_completion_lsn: Option<Lsn>,
    /// LSN of the completion record the plan stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_on_lsn: Option<Lsn>,
    /// Over every row and record with its content, whatever file it lies in.
    pub fingerprint: String,
    /// Its files.
    pub files: Vec<FileIdentity>,
}

/// A file of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileIdentity {
    /// Name, relative to the store's directory.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Modification time: seconds and nanoseconds since 1970, `S.NNNNNNNNN`.
    pub modified: String,
    /// SHA-256 of its content, for the files that identify the store by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Counts of healthy things.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Usable checkpoints.
    pub checkpoints: u64,
    /// Trees of the checkpoint the plan stands on.
    pub trees: u64,
    /// Pages reached from it.
    pub live_pages: u64,
    /// Page versions (or blocks) of those pages.
    pub live_versions: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Orphaned versions.
    pub orphans: u64,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Action {
    /// What: `do` and the fields that belong to it.
    #[serde(flatten)]
    pub what: What,
    /// The finding behind it.
    pub code: String,
    /// Why, in words.
    pub why: String,
    /// Facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What it will write: pages, records, files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum What {
    /// Set `size=` of a tree's newest checkpoint in a page log.
    SetSize {
        /// Its URI.
        tree: String,
        /// Its table.
        table_id: TableId,
        /// Published now.
        from: u64,
        /// To be published.
        to: u64,
    },
    /// Set `database_size` of the completion record.
    SetDatabaseSize {
        /// Published now.
        from: u64,
        /// To be published.
        to: u64,
    },
    /// Write a discard record for a page that no checkpoint reaches.
    Discard {
        /// Its tree, if a checkpoint names the table.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<String>,
        /// Table.
        table_id: TableId,
        /// Page.
        page_id: PageId,
        /// Orphaned versions of it.
        lsns: Vec<Lsn>,
        /// Their bytes.
        bytes: u64,
    },
    /// Take out an image that a failed reconciliation left under a page in use.
    Withdraw {
        /// Its tree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<String>,
        /// Table.
        table_id: TableId,
        /// Page.
        page_id: PageId,
        /// Orphaned versions of it.
        lsns: Vec<Lsn>,
        /// Their bytes.
        bytes: u64,
    },
    /// Take out the rows of work that no checkpoint completed, as the engine does when it next leads.
    AbandonUnfinished {
        /// Rows above this LSN.
        above_lsn: Lsn,
        /// How many.
        rows: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Take out completion records that cannot be used.
    DropCompletion {
        /// LSNs of the records.
        lsns: Vec<Lsn>,
        /// The record that becomes the newest.
        falls_back_to_lsn: Lsn,
    },
    /// Set `size=` and the size in the checkpoint cookie of a local file's newest checkpoint.
    SetFileSize {
        /// The file.
        file: String,
        /// The checkpoint.
        checkpoint: String,
        /// `size=` now.
        from: u64,
        /// `size=` to be.
        to: u64,
        /// Size in the cookie now.
        cookie_from: u64,
        /// Size in the cookie to be.
        cookie_to: u64,
    },
    /// Write `WiredTiger.turtle` anew from the metadata file's own copy of its checkpoint.
    RebuildTurtle {
        /// Why the one there is of no use.
        instead_of: String,
        /// The new content.
        text: String,
    },
    /// Give the turtle its name, which an engine was kept from.
    RenameTurtle {
        /// Its name now.
        from: String,
        /// Its name to be.
        to: String,
    },
    /// Put metadata back that an engine has put aside, with a turtle that fits it.
    RestoreMetadata {
        /// Its name now.
        from: String,
        /// The name that the metadata made since is kept under.
        kept_as: String,
        /// Rows in it.
        rows: u64,
    },
    /// Make `WiredTiger.wt` and the turtle anew from the copies that the files carry themselves.
    RebuildMetadata {
        /// What is wrong with the one there is, or that there is none.
        instead_of: String,
        /// Tables in it.
        tables: u64,
        /// Rows in it.
        rows: u64,
        /// Files that are there, and in it are not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<LeftOut>,
        /// Files that go back under their names, from the ones that an engine has put them aside under.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        put_back: Vec<PutBack>,
    },
    /// Flip the one bit of a block in a local file that is wrong by its checksum.
    FlipBit {
        /// The file.
        file: String,
        /// Offset of the block in it.
        offset: u64,
        /// Bytes of the block.
        size: u32,
        /// Its checksum, as the address says that leads to it.
        checksum: u32,
        /// Byte of the block.
        byte: u64,
        /// Bit of the byte, 0 for the lowest.
        bit: u8,
    },
    /// Write the first block of a local file anew: it holds no rows and follows from the allocation size.
    RebuildFirstBlock {
        /// The file.
        file: String,
        /// Its allocation size.
        size: u32,
    },
}

/// A file that new metadata does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The file.
    pub file: String,
    /// Why.
    pub why: String,
}

/// A file that goes back under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutBack {
    /// Its name to be.
    pub file: String,
    /// Its name now.
    pub from: String,
}

/// What a repair leaves to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// The finding.
    pub code: String,
    /// Where, in words.
    pub place: String,
    /// What to do.
    pub advice: String,
}
