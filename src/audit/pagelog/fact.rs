//! What an audit of a page log states, as fields. Its words are made in [`crate::words`].

use super::account::Candidate;
use crate::id::Lsn;

/// What a finding about a page log states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
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
        highest: Lsn,
    },
    /// The store's number of the last completed checkpoint against the completion records.
    LastCompleted {
        /// The checkpoint id that the store's counters name.
        named: u64,
        /// That of the newest completion record.
        newest: u64,
        /// LSN of that record.
        record: Lsn,
    },
    /// No completion record at all.
    NoCompletion {
        /// The checkpoint id that the store's counters name, if there was one.
        named: Option<u64>,
    },
    /// A checkpoint that embeds an older key than the newest before it.
    StaleKey {
        /// The key it embeds.
        own: Lsn,
        /// The newest one before it.
        newest: Lsn,
        /// LSN of its completion record.
        record: Lsn,
        /// LSN of its turtle page.
        metadata: Lsn,
    },
    /// A key page that checkpoints embed and nobody has.
    KeyPageMissing {
        /// Its LSN.
        lsn: Lsn,
        /// LSNs of the completion records.
        users: Vec<Lsn>,
    },
    /// A key page that breaks the rules of its header.
    KeyPageInvalid {
        /// What is wrong, in the decoder's or the system's words.
        error: String,
        /// LSNs of the completion records that embed it.
        users: Vec<Lsn>,
    },
    /// A table that no checkpoint's metadata names.
    UnlistedTable {
        /// Its rows.
        rows: u64,
        /// Their stored bytes.
        bytes: u64,
    },
}

/// A tree's size. All numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeSize {
    /// `size=` of the checkpoint entry.
    pub published: u64,
    /// The sum of the sizes of its pages.
    pub recomputed: u64,
    /// What of the difference is not explained.
    pub residual: u64,
    /// What explains it.
    pub explained_by: Vec<Candidate>,
}

/// The database's size. All numbers are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSize {
    /// `database_size` of the completion record.
    pub published: u64,
    /// The sum of the trees' published sizes.
    pub trees: u64,
    /// What of the difference is not explained.
    pub residual: u64,
    /// Dropped tables whose last published sizes explain it, each with its URI.
    pub dropped: Vec<(String, Candidate)>,
}

/// A row that nothing names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Stored bytes.
    pub bytes: u32,
    /// Its bytes are in the tree's published size.
    pub explains: bool,
    /// LSNs of all rows of the page.
    pub rows: Vec<Lsn>,
    /// A checkpoint's metadata names the table.
    pub listed: bool,
}

impl TreeSize {
    /// Whether the difference is explained to the byte.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.residual == 0 && !self.explained_by.is_empty()
    }
}

impl DatabaseSize {
    /// What it should be.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.trees.saturating_add(super::account::BUFFER)
    }

    /// Whether the difference is explained to the byte.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.residual == 0 && !self.dropped.is_empty()
    }
}
