//! Tools to make stores and to injure them, for tests, benchmarks and trying `wtcheck` out. Not part of
//! `wtcheck` itself: `wtcheck-dev` and this module exist with the cargo feature `devtools` only.

pub mod damage;
pub mod forge;

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// There is none.
    #[error(transparent)]
    Subject(#[from] crate::subject::NoStore),
    /// It cannot be audited.
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    /// It cannot be copied.
    #[error(transparent)]
    Copy(#[from] crate::repair::RepairError),
    /// The file system refused.
    #[error("{path}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Impossible(String),
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DevError + '_ {
    |error| DevError::Io { path: path.to_path_buf(), error }
}
