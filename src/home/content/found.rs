//! What comes out of a part of a tree: rows by their keys, and what cannot be had of it.

use super::fetch::Why;
use super::walk::{LeafAt, Range};
use crate::format::int::write_vuint;
use crate::format::local::LocalAddress;

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    Bytes(&'a [u8]),
    Record(u64),
}

impl Key<'_> {
    /// As it is packed.
    pub fn packed(&self) -> Vec<u8> {
        match self {
            Key::Bytes(bytes) => bytes.to_vec(),
            Key::Record(record) => {
                let mut out = Vec::new();
                write_vuint(&mut out, *record);
                out
            }
        }
    }
}

/// Rows that are there and cannot be shown.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The block that has them.
    pub address: Option<LocalAddress>,
    pub range: Range,
    /// It is a page of rows; else one with all below it.
    pub leaf: bool,
    /// At least and at most so many rows, by the page's own header: damaged, too, as a rule.
    pub stated: Option<(u64, u64)>,
    pub why: Why,
    /// Single rows of a page, by their keys; of others the range says all.
    pub rows: u64,
    /// The first of these rows.
    pub key: Option<Vec<u8>>,
}

/// What became of a part of the tree.
#[derive(Debug, Default)]
pub struct Outcome {
    pub rows: u64,
    pub losses: Vec<Loss>,
    /// Blocks in which a flipped bit was put right.
    pub mended: Vec<LocalAddress>,
    /// Rows whose keys are out of place: what they say of themselves.
    pub aside: Vec<(Vec<u8>, Vec<u8>)>,
    /// Blocks and bytes read.
    pub read: (u64, u64),
    /// The page is to be made piece by piece.
    pub(super) long: Option<Box<Long>>,
}

/// A page with more records than are made at once.
#[derive(Debug)]
pub struct Long {
    pub(super) leaf: LeafAt,
    pub(super) last: bool,
    /// Its first record, and the one behind its last.
    pub(super) first: u64,
    pub(super) end: u64,
    /// So many at a time.
    pub(super) step: u64,
}

/// What takes the rows of one part of the tree: many are filled at the same time.
pub trait Take: Default + Send {}
impl<T: Default + Send> Take for T {}
