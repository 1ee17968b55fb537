//! What is told of a server log as a whole.

use super::source::{Encoding, Packing};
use serde::Serialize;

/// A log that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LogFile {
    /// As it was named.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Its bytes, unpacked.
    pub bytes: u64,
    pub packing: Packing,
    pub encoding: Encoding,
    /// A packed stream ends before its end, or does not go on as it should.
    pub cut: bool,
    /// Its last line does not end in a line feed.
    pub open: bool,
}
