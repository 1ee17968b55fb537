//! Why a home is not changed.

use crate::format::FormatError;
use std::path::PathBuf;

/// Result of an edit.
pub(super) type Result<T> = std::result::Result<T, EditError>;

/// Why a home was not changed, or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The edit cannot be made; says why.
    #[error("{0}")]
    Refused(String),
    /// What was made did not pass wtcheck's own check. Nothing was written.
    #[error("the new checkpoint was not written, because it does not pass wtcheck's own check: {0}")]
    Check(String),
    /// A file is on neither side of a change: someone else was here.
    #[error("{file}: {found}")]
    Changed {
        /// Name below the home.
        file: String,
        /// What was found.
        found: String,
    },
    /// The system refused.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl From<FormatError> for EditError {
    fn from(e: FormatError) -> Self {
        Self::Refused(e.to_string())
    }
}
