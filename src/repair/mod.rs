//! Repair: a plan first, then its application to a copy or in place, with an undo journal.
//!
//! Audit tells what is wrong; [`pagelog::propose`] makes a [`plan`] of it that a person reviews,
//! [`pagelog::changes`] works out every record that plan comes down to, and an audit judges the outcome on
//! an [`pagelog::overlay`] before a byte is written. [`mod@apply`] writes the [`journal`], then the records,
//! then audits again; or goes back. Homes of local block files take the same way by [`home`] and
//! [`crate::home::edit`].

pub mod apply;
pub mod copy;
mod hand;
pub mod home;
pub mod identity;
pub mod journal;
pub mod judge;
pub mod pagelog;
pub mod plan;
mod reserve;
pub mod undo;

use crate::audit::AuditError;
use crate::format::FormatError;
use crate::home::edit::EditError;
use crate::id::Lsn;
use crate::output::OutputError;
use crate::pagelog::rewrite::CannotRewrite;
use crate::store::StoreError;
use crate::subject::NoStore;
use crate::words::text::shell;
use std::path::Path;

/// Why a repair was not planned, applied or undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// It would not be safe, or not be possible. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// A repair was begun and could neither be finished nor taken back. Says how to go on.
    #[error("{0}")]
    HalfDone(String),
    /// A plan or journal that cannot be read.
    #[error("{path}: {reason}")]
    Document {
        /// The file.
        path: String,
        /// What is wrong with it, with line and column where known.
        reason: String,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no store.
    #[error(transparent)]
    Subject(#[from] NoStore),
    /// A result cannot be written where it was to be.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The store cannot be audited.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl From<CannotRewrite> for RepairError {
    fn from(e: CannotRewrite) -> Self {
        Self::Refused(e.to_string())
    }
}

impl From<EditError> for RepairError {
    fn from(e: EditError) -> Self {
        match e {
            EditError::Io { path, reason } => Self::Io { path: path.display().to_string(), reason },
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<FormatError> for RepairError {
    fn from(e: FormatError) -> Self {
        Self::Refused(e.to_string())
    }
}

/// What a plan may hold.
#[derive(Default)]
pub struct Options<'o> {
    /// Only these findings; all if empty.
    pub only: Vec<crate::audit::finding::Code>,
    /// Only these trees, by URI.
    pub tables: Option<&'o dyn Fn(&str) -> bool>,
    /// Orphans must be so many LSNs older than the checkpoint.
    pub min_age: u64,
    /// Completion records to drop.
    pub drop_completion: Vec<Lsn>,
    /// As many orphans are allowed although they outnumber the live versions by half.
    pub max_orphans: Option<u64>,
}

impl Options<'_> {
    fn is_code(&self, code: crate::audit::finding::Code) -> bool {
        self.only.is_empty() || self.only.contains(&code)
    }

    fn is_table(&self, uri: &str) -> bool {
        self.tables.is_none_or(|wanted| wanted(uri))
    }
}

/// Findings by code.
fn counts(audit: &crate::audit::result::Audit) -> std::collections::BTreeMap<String, u64> {
    audit.totals.findings.iter().map(|(name, n)| ((*name).to_string(), *n)).collect()
}

/// The tool and its version.
fn made_by() -> String {
    format!("wtcheck {}", env!("CARGO_PKG_VERSION"))
}

/// What takes a repair back. A journal that lies elsewhere does not say by its place which store it is of.
pub fn undo_command(journal: &Path, directory: &Path) -> String {
    let full = |path: &Path| std::fs::canonicalize(path).ok();
    let inside = full(crate::scratch::directory_of(journal)) == full(directory);
    match inside {
        true => format!("wtcheck repair undo {}", shell(journal)),
        false => format!("wtcheck repair undo {} --dir {}", shell(journal), shell(directory)),
    }
}

/// An action in a few words.
pub fn describe(what: &plan::What) -> String {
    use plan::What;
    match what {
        What::SetSize { tree, from, to, .. } => format!("set size= of {tree} from {from} to {to}"),
        What::SetDatabaseSize { from, to } => format!("set database_size from {from} to {to}"),
        What::Discard { table_id, page_id, bytes, .. } => {
            format!("discard page {page_id} of table {table_id}, {bytes} bytes")
        }
        What::Withdraw { table_id, page_id, lsns, bytes, .. } => {
            let lsns: Vec<String> = lsns.iter().map(Lsn::to_string).collect();
            format!("withdraw page {page_id} of table {table_id} at LSN {}, {bytes} bytes", lsns.join(", "))
        }
        What::AbandonUnfinished { above_lsn, rows, bytes } => {
            format!("abandon unfinished work above LSN {above_lsn}: {rows} rows, {bytes} bytes")
        }
        What::DropCompletion { lsns, falls_back_to_lsn } => {
            let lsns: Vec<String> = lsns.iter().map(Lsn::to_string).collect();
            format!("drop the completion record at LSN {}, fall back to LSN {falls_back_to_lsn}", lsns.join(", "))
        }
        What::SetFileSize { file, checkpoint, from, to, .. } => {
            format!("set size= of {checkpoint} of {file} from {from} to {to}")
        }
        What::RebuildTurtle { .. } => "rebuild WiredTiger.turtle".to_string(),
        What::RenameTurtle { from, to } => format!("rename {from} to {to}"),
        What::RestoreMetadata { from, .. } => format!("put {from} back as WiredTiger.wt, with a turtle that fits it"),
        What::RebuildMetadata { tables, .. } => {
            format!("rebuild WiredTiger.wt and WiredTiger.turtle, with {tables} tables")
        }
        What::RebuildFirstBlock { file, .. } => format!("rebuild the first block of {file}"),
        What::FlipBit { file, offset, byte, bit, .. } => {
            format!("flip bit {bit} of byte {byte} of the block at {offset} of {file}")
        }
    }
}
