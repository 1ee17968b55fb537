//! Trees over a page log: resolve a page (base image and deltas), find its children, walk a tree on
//! all cores, list the trees of a checkpoint, and make new versions of pages.

mod broken;
pub mod catalog;
pub mod chain;
pub mod fault;
pub mod page;
pub mod rewrite;
pub mod scan;
pub mod seal;
pub mod walk;
mod worker;

#[cfg_attr(not(feature = "devtools"), allow(unused_imports))]
pub use chain::Chain;
#[cfg_attr(not(feature = "devtools"), allow(unused_imports))]
pub use fault::{Fault, FaultKind};
