//! What a simulation of accounting comes to: every attempt, every table, everything failures left.

use super::scenario::{Retry, Verb};
use crate::id::{Lsn, PageId, TableId};
use crate::model::account::Rule;
pub use crate::model::engine::Published;
use crate::model::fault::{Fail, Form};
pub use crate::model::tree::RemainsKind;
use serde::Serialize;

/// The outcome.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// Name of the scenario.
    pub scenario: String,
    /// The rule of accounting.
    pub accounting: Rule,
    /// Where random choices started.
    pub seed: u64,
    /// Attempts, in order; a step that is repeated has one for each time.
    pub attempts: Vec<Attempt>,
    /// The last checkpoint that completed.
    pub checkpoint: Published,
    /// All tables.
    pub tables: Vec<TableOutcome>,
    /// What failures left behind, oldest first.
    pub remains: Vec<Remains>,
    /// Bytes published that belong to no page: of all tables.
    pub leaked: i64,
    /// Bytes that tables leaked after the last checkpoint.
    pub leaked_since: i64,
    /// What the other rule would have published.
    pub other: Option<Other>,
}

/// One time a step was carried out.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// The step, from 1.
    pub step: u64,
    /// Which time, from 1.
    pub time: u64,
    /// What it did.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// The table; of a checkpoint the one whose root failed.
    pub table: Option<String>,
    /// Leaves reconciled; of a checkpoint those that were dirty.
    pub leaves: u64,
    /// As what they were to be written.
    #[serde(rename = "as")]
    pub form: Option<Form>,
    /// Where it failed.
    pub fail: Fail,
    /// When it was tried again.
    pub retry: Option<Retry>,
    /// Pages that were to be written as deltas and became full images.
    pub full_instead: u64,
    /// Pages without a change, which were skipped.
    pub unchanged: u64,
    /// Blocks the page log took.
    pub puts: u64,
    /// Their bytes.
    pub bytes_put: u64,
    /// Discard records.
    pub discards: u64,
    /// Running total before: of the table, or of all tables.
    pub bytes_total_before: u64,
    /// Running total after.
    pub bytes_total_after: u64,
    /// What the total has too many afterwards.
    pub leaked: i64,
}

/// A table at the last checkpoint.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TableOutcome {
    /// Name.
    pub name: String,
    /// URI of its tree.
    pub uri: String,
    /// Id of its tree.
    pub table_id: TableId,
    /// It was dropped before the last checkpoint, which does not name it.
    pub dropped: bool,
    /// `size=` of the last checkpoint.
    pub published_size: u64,
    /// Stored bytes of its pages there.
    pub true_size: u64,
    /// The difference.
    pub leaked: i64,
    /// What it leaked after that.
    pub leaked_since: i64,
}

/// What the page log tells of it at the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// An orphan under the id of a page in use.
    OrphanImage,
    /// An orphan under an id that no checkpoint refers to.
    OrphanPage,
    /// A chain behind which a failed full image was discarded.
    ObsoleteChain,
    /// A legal remainder.
    DuplicateDelta,
    /// None: the retry took the place of the row.
    Replaced,
    /// None: the page was written anew, and the row looks like any older one.
    Superseded,
    /// It lies behind the last checkpoint.
    AfterCheckpoint,
}

/// Something a failure left behind.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Remains {
    /// The step, from 1.
    pub step: u64,
    /// Name of the table.
    pub table: String,
    /// Id of its tree.
    pub table_id: TableId,
    /// What it is.
    pub kind: RemainsKind,
    /// Page id.
    pub page_id: PageId,
    /// LSN: of the row; of a chain, of the full image that failed.
    pub lsn: Lsn,
    /// Bytes of the row or chain.
    pub bytes: u64,
    /// The bytes of it that the total keeps.
    pub counted: u64,
    /// What tells of it.
    pub evidence: Evidence,
}

/// The other rule, for comparison.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Other {
    /// The rule.
    pub accounting: Rule,
    /// `database_size`.
    pub database_size: u64,
    /// Bytes published that belong to no page.
    pub leaked: i64,
    /// `size=` of the tables, in the same order.
    pub published_sizes: Vec<u64>,
}

impl Outcome {
    /// Whether the accounting leaks.
    pub fn leaks(&self) -> bool {
        self.leaked != 0 || self.leaked_since != 0
    }

    /// Take in what the other rule comes to.
    pub(super) fn compare(&mut self, other: &Self) {
        self.other = Some(Other {
            accounting: other.accounting,
            database_size: other.checkpoint.database_size,
            leaked: other.leaked,
            published_sizes: other.tables.iter().map(|t| t.published_size).collect(),
        });
    }
}
