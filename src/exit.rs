//! Exit codes: API from the first release. `cli/manual_pages.rs` says which of them each command has.

/// Nothing worse than a note.
pub const CLEAN: u8 = 0;
/// At least one warning or error.
pub const FINDINGS: u8 = 1;
/// The command line is wrong; clap's own code.
pub const USAGE: u8 = 2;
/// Refused: store in use, unknown version, stale plan. Nothing was changed, or it was taken back.
pub const REFUSED: u8 = 3;
/// Repaired, and audited again: clean.
pub const REPAIRED: u8 = 4;
/// Repaired, and audited again: findings remain.
pub const REPAIRED_PARTLY: u8 = 5;
/// Not enough could be read to judge, or the result could not be written.
pub const INCOMPLETE: u8 = 6;
/// A bug in wtcheck.
pub const BUG: u8 = 70;
