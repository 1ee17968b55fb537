//! `wtcheck` inspects WiredTiger data directories offline, above all those of disaggregated storage,
//! where pages live in a page log and a tree is a graph of address cookies.
//!
//! The library opens a [`Directory`], audits it, and goes through its pages and rows. It only reads. What the
//! program can beyond that, repairs above all, is there for the program.

// The modules are public for this project's own tests and tools, which need no documentation of theirs.
#![cfg_attr(feature = "devtools", allow(missing_docs))]

mod facade;
mod inside;

#[cfg(feature = "devtools")]
#[doc(hidden)]
pub use inside::*;
#[cfg(not(feature = "devtools"))]
pub(crate) use inside::*;

pub use facade::{Directory, Error, Page, Place, Row};
pub use inside::audit::finding::{Code, Finding, Severity};
pub use inside::audit::result::{Audit, Verdict};
pub use inside::page::Depth;

/// The program `wtcheck`: the command line of this process, and its exit code.
#[doc(hidden)]
#[must_use]
pub fn program() -> std::process::ExitCode {
    inside::cli::main()
}
