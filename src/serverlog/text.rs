//! What is told of a server log as a whole.

use super::source::{Encoding, Packing};
use serde::Serialize;

/// A log that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogFile {
    /// As it was named.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Its bytes, unpacked.
    pub bytes: u64,
    pub packing: Packing,
    pub encoding: Encoding,
    /// It ends in the middle of a line or of a packed stream.
    pub cut: bool,
}
