//! One reader of pages for both families: cells, keys, time windows, rules, and what leaf and internal
//! pages hold. A fast way stands in front of the careful one; property tests hold them equal.
//!
//! Pure functions of bytes, as in [`crate::format`]: no I/O, no printing, no panic.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod cell;
pub mod cell_kind;
pub mod delta;
pub mod fast_cell;
pub mod fixed;
pub mod form;
pub mod header;
pub mod history;
pub mod internal;
mod keys;
pub mod leaf;
pub mod old_delta;
pub mod plain_child;
pub mod rules;
pub mod what;
pub mod windows;

/// How much of each page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Internal pages only; leaf chains are checked in the index.
    Quick,
    /// Every block's checksum; cells of internal pages only.
    Normal,
    /// Every cell.
    Deep,
}

impl Depth {
    /// In a word, for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Deep => "deep",
        }
    }
}

/// What was found in a leaf at [`Depth::Deep`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct RowCounts {
    /// Keys after merging.
    pub keys: u64,
    /// Keys whose value has no stop time.
    pub live: u64,
}
