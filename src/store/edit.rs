//! Changing a page log: edits in the page log's own terms, and the records they come down to.
//!
//! A caller states [`Edit`]s. A [`Ledger`] translates them into [`Change`]s: single records with
//! their content before and after, byte for byte. A change can be carried out in either direction,
//! and asked which side it is on, so that the same list serves to apply a repair, to undo it, and to
//! find out how far either got before the machine went down.

use super::StoreError;
use crate::id::{Lsn, PageId, TableId};
use serde::{Deserialize, Serialize};

/// A row to be put into the page log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// Table (btree) id.
    pub table: TableId,
    pub page: PageId,
    /// LSN; the caller assigns it.
    pub lsn: Lsn,
    /// LSN of the block this one follows.
    pub backlink_lsn: Lsn,
    /// LSN of the chain's full image; 0 for a full image.
    pub base_lsn: Lsn,
    /// Page-log flags.
    pub flags: u32,
    /// Checkpoint the row is written under; PALM only.
    pub checkpoint_id: u64,
    /// The stored block; empty for a discard record.
    pub data: Vec<u8>,
}

/// What is to be done to a page log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The last LSN assigned is now this one.
    Counter {
        last_lsn: Lsn,
    },
    Put(NewRow),
    /// Take a row out.
    Remove {
        table: TableId,
        page: PageId,
        lsn: Lsn,
    },
    /// Complete a checkpoint: this makes it the newest one.
    Complete {
        lsn: Lsn,
        /// Checkpoint timestamp kept beside the text.
        timestamp: u64,
        /// Checkpoint id, PALM only.
        checkpoint_id: Option<u64>,
        /// The completion text.
        text: String,
    },
    /// Take a completion record out.
    RemoveCompletion {
        lsn: Lsn,
    },
}

/// A value of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A signed integer.
    Integer(i64),
    /// The bits of a floating-point number.
    Real(u64),
    /// Text.
    Text(String),
    /// Bytes, in hex where they are written down.
    Blob(
        #[serde(with = "hex::serde")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        Vec<u8>,
    ),
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Field {
    /// Column, or `key` and `value` of a key-value store.
    #[serde(rename = "n")]
    pub name: String,
    /// Content.
    #[serde(rename = "v")]
    pub value: Value,
}

/// A record before and after. No `before`: it is put in; no `after`: it is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Change {
    /// Database file, relative to `kv_home`.
    pub file: String,
    /// Table of an SQLite database, or named database of an LMDB environment.
    pub set: String,
    /// All fields before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<Field>>,
    /// All fields after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<Field>>,
}

/// One of the two sides of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    /// As the change makes it.
    After,
}

/// What a record looks like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Before,
    After,
    /// Neither: someone else was here. Says what was found.
    Other(String),
}

/// A page log opened for changes, and held: nobody else gets at it meanwhile.
pub trait Ledger {
    /// Forget what was read, so that what comes next is read from the files. The store stays held.
    fn again(&mut self) -> Result<(), StoreError>;

    /// The records that edits come down to, read as they are now. Nothing is changed.
    ///
    /// Fails if a row to put is there already, or one to take out is not.
    fn translate(&mut self, edits: &[Edit]) -> Result<Vec<Change>, StoreError>;

    /// Which side a change is on.
    fn state(&mut self, change: &Change) -> Result<State, StoreError>;

    /// Bring changes to a side, in the order given. On return everything is durable. Changes that are
    /// there already are left alone.
    ///
    /// After a failure or a kill some changes at the front of the list are done and the others are not;
    /// a run of changes in one file is done as a whole or not at all.
    fn carry_out(&mut self, changes: &[Change], to: Side) -> Result<(), StoreError>;

    /// Bring changes to the side before, whatever their records look like now. Only for who has just
    /// made them, and holds the store: the medium may have made something else of what was written.
    fn take_back(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}
