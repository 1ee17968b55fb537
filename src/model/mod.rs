//! A model of the engine's write path to a page log: what `simulate` and the forge make stores with, and
//! the one list of what can be wrong with a store.
//!
//! Facts: what changes a tree's running total, what failed reconciliations leak and leave
//! behind, puts, discards and chains in the page log, roots and ids,
//! metadata and completion records, pages (02 to 04). The model knows no rows: whoever
//! has them hands them over as they are written, so that a tree takes 40 bytes a page.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]
// The forge uses all of it; simulate, which is always there, a part.
#![cfg_attr(not(feature = "devtools"), allow(dead_code))]

pub mod account;
pub mod engine;
pub mod fault;
pub mod pagelog;
pub mod tree;
