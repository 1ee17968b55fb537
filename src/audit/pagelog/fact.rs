//! What an audit of a page log states, as fields. Its words are made in [`crate::words`].

use super::account::{Candidate, CandidateKind};
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{MetadataIssue, Refusal};
use crate::pagelog::fault::Fault;
use serde::Serialize;

/// What a finding about a page log states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "PageLogFact"))]
pub enum Fact {
    /// A checkpoint that cannot be stood on.
    Refused {
        /// LSN of its completion record.
        #[serde(rename = "completion_lsn")]
        record: Lsn,
        /// The record's text.
        text: String,
        /// Why.
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// A row of the shared metadata.
    Metadata(MetadataIssue),
    /// A database of the page log that cannot be read in full.
    Damaged {
        /// Why, in the words of the library or of the reader.
        error: String,
    },
    /// A tree's published size against the sum of its pages (I1).
    TreeSize(TreeSize),
    /// The database's published size against those of the trees and the buffer (I4).
    DatabaseSize(DatabaseSize),
    /// `size=` holds the root's page id.
    RootPageId {
        /// The number in `size=`.
        published: u64,
        /// What the pages add up to, bytes.
        recomputed: u64,
    },
    /// A chain that was given up, its bytes still counted.
    ObsoleteChain(Candidate),
    /// A row that nothing names.
    Orphan(Orphan),
    /// A delta that a retry made useless.
    DuplicateDelta {
        /// Stored bytes.
        bytes: u32,
    },
    /// The LSN counter against the rows and records.
    LsnCounter {
        /// The last LSN given out, by the counter.
        counter: Lsn,
        /// The highest LSN there is.
        #[serde(rename = "highest_lsn")]
        highest: Lsn,
    },
    /// The store's number of the last completed checkpoint against the completion records.
    LastCompleted {
        /// The checkpoint id that the store's counters name.
        #[serde(rename = "named_checkpoint_id")]
        named: u64,
        /// That of the newest completion record.
        #[serde(rename = "newest_checkpoint_id")]
        newest: u64,
        /// LSN of that record.
        #[serde(rename = "newest_completion_lsn")]
        record: Lsn,
    },
    /// No completion record at all.
    NoCompletion {
        /// The checkpoint id that the store's counters name, if there was one.
        #[serde(rename = "named_checkpoint_id")]
        named: Option<u64>,
    },
    /// A checkpoint that embeds an older key than the newest before it.
    StaleKey {
        /// The key it embeds.
        #[serde(rename = "found_key_lsn")]
        own: Lsn,
        /// The newest one before it.
        #[serde(rename = "expected_key_lsn")]
        newest: Lsn,
        /// LSN of its completion record.
        #[serde(rename = "completion_lsn")]
        record: Lsn,
        /// LSN of its turtle page.
        #[serde(rename = "metadata_lsn")]
        metadata: Lsn,
    },
    /// A key page that checkpoints embed and nobody has.
    KeyPageMissing {
        /// Its LSN.
        #[serde(rename = "key_lsn")]
        lsn: Lsn,
        /// LSNs of the completion records.
        #[serde(rename = "completion_lsns")]
        users: Vec<Lsn>,
    },
    /// A key page that breaks the rules of its header.
    KeyPageInvalid {
        /// What is wrong, in the decoder's or the system's words.
        error: String,
        /// LSNs of the completion records that embed it.
        #[serde(rename = "completion_lsns")]
        users: Vec<Lsn>,
    },
    /// A checkpoint that does not follow the one before it.
    NotAscending {
        /// What does not ascend.
        #[serde(flatten)]
        back: Back,
        /// LSN of the completion record of the one before.
        #[serde(rename = "previous_completion_lsn")]
        before: Lsn,
    },
    /// One key for a long time.
    KeyAge {
        /// LSN of the only key page.
        #[serde(rename = "key_lsn")]
        lsn: Lsn,
        /// When it was written, in seconds since 1970.
        since: u64,
        /// When the newest checkpoint was that embeds it.
        until: u64,
        /// Checkpoints that embed it.
        checkpoints: u64,
    },
    /// The root of a tree that lies under another id than the metadata gives the tree.
    UnderOtherId {
        /// The table that has it: the same page, LSN and checksum.
        #[serde(rename = "found_table_id")]
        found: TableId,
        /// Pages of the tree that were reached there.
        pages: u64,
        /// Their bytes, by their addresses.
        bytes: u64,
        /// All of the tree could be read there.
        whole: bool,
    },
    /// Pages in use whose ids were used before, and discarded.
    PageIdReused {
        /// How many of the table.
        pages: u64,
        /// LSN of the first one's discard record.
        #[serde(rename = "discard_lsn")]
        discard: Lsn,
        /// LSN that the image in use names as the one it follows.
        #[serde(rename = "backlink_lsn")]
        backlink: Lsn,
    },
    /// A table that no checkpoint's metadata names.
    UnlistedTable {
        /// Its rows.
        rows: u64,
        /// Their stored bytes.
        bytes: u64,
    },
    /// A fault of a page, told as the fault itself.
    #[serde(untagged)]
    Fault {
        /// What is wrong.
        #[serde(flatten)]
        fault: Fault,
        /// Pages of the tree that it stands for, where it only says that they could not be checked.
        #[serde(skip_serializing_if = "Option::is_none")]
        pages: Option<u64>,
    },
}

/// What does not ascend from a checkpoint to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "back", rename_all = "kebab-case")]
pub enum Back {
    /// The number of the shared metadata's checkpoint.
    Order {
        /// The number before.
        from: i64,
        /// The number now.
        to: i64,
    },
    /// Two checkpoints with one number, and different roots.
    SameOrder {
        /// The number.
        order: i64,
    },
    /// The schema epoch.
    SchemaEpoch {
        /// The epoch before.
        from: u64,
        /// The epoch now.
        to: u64,
    },
}

/// A tree's size. All numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeSize {
    /// `size=` of the checkpoint entry.
    pub published: u64,
    /// The sum of the sizes of its pages.
    pub recomputed: u64,
    /// Published minus recomputed.
    pub difference: i64,
    /// What of the difference is not explained.
    #[serde(rename = "residual_bytes")]
    pub residual: u64,
    /// What explains it.
    pub explained_by: Vec<Candidate>,
    /// The turtle page of the checkpoint is of builds that leaked in several ways that are known and leave no
    /// trace: those of before mid 2026.
    pub leaky_writer: bool,
}

/// The database's size. All numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DatabaseSize {
    /// `database_size` of the completion record.
    pub published: u64,
    /// The sum of the trees' published sizes.
    #[serde(rename = "sum_of_published")]
    pub trees: u64,
    /// What the engine adds to that sum.
    pub buffer: u64,
    /// What it should be.
    pub expected: u64,
    /// Published minus expected.
    pub difference: i64,
    /// What of the difference is not explained.
    #[serde(rename = "residual_bytes")]
    pub residual: u64,
    /// Tables that were dropped, or whose pages are all gone, and whose last published sizes explain it.
    #[serde(rename = "explained_by")]
    pub dropped: Vec<Dropped>,
}

/// A table that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Dropped {
    /// [`CandidateKind::DroppedTable`].
    pub kind: CandidateKind,
    /// URI of its tree.
    pub uri: String,
    /// Its id.
    pub table_id: TableId,
    /// Its last published size.
    pub bytes: u64,
}

/// A row that nothing names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Orphan {
    /// Stored bytes.
    pub bytes: u32,
    /// They are not known to the byte.
    pub about: bool,
    /// Its bytes are in the tree's published size.
    pub explains: bool,
    /// LSNs of all rows of the page.
    #[serde(rename = "lsns")]
    pub rows: Vec<Lsn>,
    /// A checkpoint's metadata names the table.
    pub listed: bool,
}

impl TreeSize {
    /// Whether the difference is explained to the byte.
    pub fn is_explained(&self) -> bool {
        self.residual == 0 && !self.explained_by.is_empty()
    }
}

impl DatabaseSize {
    /// Whether the difference is explained to the byte.
    pub fn is_explained(&self) -> bool {
        self.residual == 0 && !self.dropped.is_empty()
    }
}
