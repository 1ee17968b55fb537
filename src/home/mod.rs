//! Local (classic) homes: block files, their trees and space, logs and names.
//!
//! Knows how to read a home directory and walk its files; what is wrong is told as faults, which
//! [`crate::audit`] turns into findings. [`edit`] alone changes anything.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod block;
mod catalog;
pub mod chain;
pub mod change;
pub mod checkpoint;
pub mod content;
pub mod directory;
pub mod edit;
pub mod entry;
pub mod fault;
pub mod files;
mod fresh;
pub mod inventory;
mod leaves;
pub mod lost;
mod mongo_tables;
pub mod names;
pub mod pages;
pub mod rebuild;
pub mod recover;
mod refusal;
mod remains;
pub mod restore;
pub mod rewrite;
mod row_texts;
pub mod rows;
pub mod seen;
pub mod shape;
pub mod space;
mod table_rows;
pub mod tree;
pub mod wtlog;
mod wtlog_pass;

/// Bytes of both headers of a block.
pub const HEADERS: usize = crate::format::local::DATA_OFFSET;
