//! What people take out of a production page service: dumps of tables as JSON lines, answers about single pages,
//! fetched trees, histories with lengths only. Each form becomes the same entries, which are rows of a page log.
//!
//! A dump comes from a stranger: every line stands for itself, what it lacks or has wrong is said with its place, and
//! the rest is taken.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod answer;
pub mod history;
pub mod json;
pub mod lines;
pub mod table;
pub mod tree;

use crate::format::block::is_service_encrypted;
use crate::id::{Lsn, PageId, TableId, Version};

/// What a record of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Image,
    Delta,
    /// The page was discarded.
    Tombstone,
    /// A checkpoint ended here: no version of a page.
    CheckpointEnd,
    /// A kind that is not known: counted, and left out.
    Other(u64),
}

impl EntryKind {
    /// By the number of the service.
    pub fn from_number(n: u64) -> Self {
        match n {
            0 => Self::Delta,
            1 => Self::Image,
            2 => Self::Tombstone,
            3 => Self::CheckpointEnd,
            n => Self::Other(n),
        }
    }
}

/// What a dump tells of the bytes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// How many there are.
    Length(u64),
}

/// A record of a page, in whatever form it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The log it is of, where the dump says so.
    pub log: Option<u64>,
    pub at: Version,
    /// The record before it.
    pub backlink: Lsn,
    /// The full image of its chain; none for a full image.
    pub base: Lsn,
    pub kind: EntryKind,
    pub content: Content,
    /// How long it is as the service stores it, where its plain bytes are known beside.
    pub stored: Option<u64>,
}

impl Entry {
    /// Put plain bytes in the place of encrypted ones.
    pub fn decrypted(&mut self, plain: Vec<u8>) {
        if let Content::Bytes(bytes) = &self.content {
            self.stored = u64::try_from(bytes.len()).ok().filter(|_| is_service_encrypted(bytes));
        }
        self.content = Content::Bytes(plain);
    }
}

/// Entries of one page or of several, as a piece of a dump gives them.
#[derive(Debug, Default)]
pub struct Piece {
    pub entries: Vec<Entry>,
    /// What was wrong with the rest of it.
    pub faults: Vec<Malformed>,
}

/// What is wrong with a piece of a dump.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("is not JSON from a page service: {0}")]
    Json(String),
    #[error("an entry has no {0}")]
    Lacks(&'static str),
    #[error("page {page} has an entry for page {other}")]
    OtherPage {
        /// Of the line.
        page: PageId,
        /// Of the entry.
        other: PageId,
    },
    #[error("page {page} has two entries at LSN {lsn}")]
    Twice {
        /// The page.
        page: PageId,
        /// Where.
        lsn: Lsn,
    },
    #[error("an entry for table {other} in a dump of table {table}")]
    OtherTable {
        /// Of the dump.
        table: TableId,
        /// Of the entry.
        other: TableId,
    },
    #[error("{0} LSNs for {1} deltas")]
    Counts(usize, usize),
    #[error("is longer than {0} bytes")]
    TooLong(u64),
    #[error("the decryptor: {0}")]
    Decryptor(String),
}
