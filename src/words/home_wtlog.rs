//! The words for what is not as it should be with a log. Nothing reads them back.

use crate::home::wtlog::{Tail, What};
use std::fmt;

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings { error: e } => write!(f, "the journal settings cannot be read: {}", e.message),
            Self::OtherDirectory { read } => {
                write!(f, "there are journal files here too; only those in {} are read", read.display())
            }
            Self::FileHeader { error: e } => write!(f, "{e}"),
            Self::RecordHeader { message } | Self::Padding { message } => f.write_str(message),
            Self::Record { error: e } => write!(f, "the record cannot be read: {e}"),
            Self::PreviousLsn { found, expected } => {
                write!(f, "previous LSN is {found}, but the previous journal file ends at {expected}")
            }
            Self::NoPreviousLsn => f.write_str("no previous LSN in the first record"),
            Self::Missing { more: 0 } => f.write_str("missing from the sequence of journal files"),
            Self::Missing { more } => write!(f, "missing from the sequence of journal files, with {more} more"),
            Self::NeededMissing { lsn } => {
                write!(f, "missing, and recovery starts in it, at {lsn}: the engine refuses to open the directory")
            }
            Self::End { end, tail } => {
                let tail = match tail {
                    Tail::Nothing => "",
                    Tail::Continued => " (the next journal file continues here)",
                    Tail::Followed => ", and a valid record follows it",
                    Tail::NewerFiles => ", but newer journal files exist",
                };
                write!(f, "{end}{tail}")
            }
            Self::CheckpointTarget { lsn } => {
                write!(f, "the checkpoint record points to {lsn}, but no earlier record starts there")
            }
        }
    }
}
