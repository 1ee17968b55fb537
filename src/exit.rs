//! Exit codes: API from the first release. The man page and `--help` print this table.

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

/// The table for `--help` and the man page.
pub const HELP: &str = "\
Exit codes:
  0   clean: nothing worse than a note
  1   findings: at least one warning or error
  2   the command line is wrong
  3   refused: the store is in use, was written by a version this one must not read, or is not the
      one a plan or journal is for; or a repair that did not help was rolled back. Nothing changed
  4   repaired, and audited again: clean
  5   repaired, and audited again: findings remain
  6   not enough could be read to judge, or the result could not be written
  70  a bug in wtcheck
If interrupted, it ends with the signal itself, which a shell shows as 130 (Ctrl-C), 143 (SIGTERM) or 129
(SIGHUP): nothing temporary is left behind, and no step of a repair or an undo half done.";
