//! Is it consistent, what leaks, by how much, why, what is lost: audits of page logs ([`pagelog`]) and of
//! homes of block files ([`home`]), and what both share: findings, results, verdicts.

pub mod advice;
pub mod both;
pub mod finding;
pub mod harm;
pub mod home;
pub mod pagelog;
pub mod result;
mod steps;

use crate::format::generation::Generation;
use crate::id::Lsn;
use crate::page::Depth;
use crate::store::StoreError;

/// How an audit reports that it is alive.
pub trait Progress: Sync {
    /// A new phase begins; `total` rows or blocks, if known.
    fn phase(&self, name: &str, total: Option<u64>);
    /// So many rows or blocks of the phase are done, and bytes read in it.
    fn at(&self, done: u64, bytes: u64);
    /// So many bytes are to be read in the phase that has begun, as far as is known.
    fn of_bytes(&self, _total: u64) {}
    /// So many of something else are done; `what`: one of them.
    fn count(&self, done: u64, what: &str);
    /// So many bytes of so many of the phase are done.
    fn part(&self, done: u64, total: u64);
}

/// No progress.
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _name: &str, _total: Option<u64>) {}
    fn at(&self, _done: u64, _bytes: u64) {}
    fn count(&self, _done: u64, _what: &str) {}
    fn part(&self, _done: u64, _total: u64) {}
}

/// What to audit and how.
pub struct Options<'o> {
    /// LSN of a completion record or of its turtle page, or a checkpoint name; the newest if `None`.
    pub checkpoint: Option<String>,
    /// Do not walk older checkpoints.
    pub newest_only: bool,
    /// How much to read.
    pub depth: Depth,
    pub jobs: usize,
    /// Take this generation instead of the one the evidence gives.
    pub assume: Option<Generation>,
    /// Which trees, by URI; the shared metadata is always read.
    pub tables: Option<&'o dyn Fn(&str) -> bool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { checkpoint: None, newest_only: false, depth: Depth::Normal, jobs: 1, assume: None, tables: None }
    }
}

/// Why there is no audit at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `--checkpoint` names none.
    #[error("there is no checkpoint {wanted}; the store has completion records at LSN {available}")]
    NoSuchCheckpoint {
        /// As given.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// `--checkpoint` names none of a local home.
    #[error("there is no checkpoint {wanted:?}; the files have {available}")]
    NoSuchCheckpointName {
        /// As given.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// `--table` matches no tree: nothing would be checked.
    #[error("no tree matches; the checkpoint has {}", .names.join(", "))]
    NoSuchTable {
        /// The URIs there are.
        names: Vec<String>,
    },
    /// The newest completion record was written by a version this tool must not read.
    #[error("the completion record at LSN {lsn} cannot be read by this version: {reason}")]
    Unsupported {
        /// LSN of the record.
        lsn: Lsn,
        /// Why.
        reason: String,
    },
}

/// The one minus the other, as far as that goes.
pub(crate) fn minus(a: u64, b: u64) -> i64 {
    let distance = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { distance } else { -distance }
}
