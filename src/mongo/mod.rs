//! What mongod puts into a home, and the layout that its tools load back.
//!
//! Pure functions of bytes, as in [`crate::format`]: no I/O, no printing, no panic, bounded on hostile input.
//! What is read is borrowed from what was given. Names are as stored; whoever shows them must escape them.
//! Errors say where, in bytes from the front of what was given.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]
// No verb uses them yet.

pub mod catalog;
mod decimal;
pub mod document;
pub mod extjson;
pub mod index_entry;
mod json_text;
pub mod key_json;
mod key_number;
mod key_reader;
pub mod key_value;
pub mod keystring;
pub mod layout;
pub mod metadata;
pub mod record_id;
pub mod releases;
pub mod server;
mod timeseries;

/// Documents and keys nested deeper than this are refused; mongod stops at 180, its tools at about 200.
pub const MAX_DEPTH: usize = 200;
