//! The words for what is not as it should be with a log. Nothing reads them back.

use crate::home::wtlog::{Tail, What};
use std::fmt;

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings { error: e } => write!(f, "log settings not readable: {}", e.message),
            Self::OtherDirectory { read } => {
                write!(f, "log files there too; only those in {} are read", read.display())
            }
            Self::FileHeader { error: e } => write!(f, "{e}"),
            Self::RecordHeader { message } | Self::Padding { message } => f.write_str(message),
            Self::Record { error: e } => write!(f, "record not readable: {e}"),
            Self::PreviousLsn { found, expected } => {
                write!(f, "previous LSN is {found}, but the log before ends at {expected}")
            }
            Self::NoPreviousLsn => f.write_str("no previous LSN in the first record"),
            Self::Missing { more: 0 } => f.write_str("missing in the sequence of log files"),
            Self::Missing { more } => write!(f, "missing in the sequence of log files, with {more} more"),
            Self::NeededMissing { lsn } => {
                write!(f, "missing, and recovery begins in it, at {lsn}: the engine refuses to open the directory")
            }
            Self::End { end, tail } => {
                let tail = match tail {
                    Tail::Nothing => "",
                    Tail::Continued => " (the next log file continues here)",
                    Tail::Followed => ", and a good record follows it",
                    Tail::NewerFiles => ", but newer log files exist",
                };
                write!(f, "{end}{tail}")
            }
            Self::CheckpointTarget { lsn } => {
                write!(f, "the checkpoint record points to {lsn}, where no record before it is")
            }
        }
    }
}
