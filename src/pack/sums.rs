//! Which checksum a block had and which it has, and what a reference to it becomes.
//!
//! Checksums are computed, not kept: the old checksum of a short value would let everyone test guesses
//! of it. A reference that held holds again, one that did not does not, whatever its number was.

use crate::format::int::write_vuint;

/// Values from which on a packed number has bytes behind its first that can be leading zeros.
pub const PACKED_BASE: u32 = 8256;

/// The checksums of one block, before and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// In the header, before.
    pub old: u32,
    /// What the bytes added up to.
    pub old_computed: u32,
    /// In the header, now.
    pub new: u32,
    /// What the bytes add up to.
    pub new_computed: u32,
}

/// The new checksum for an old one that a block had or should have had.
pub fn exact(all: &[Sums], old: u32) -> Option<u32> {
    let stored = all.iter().find(|s| s.old == old).map(|s| s.new);
    stored.or_else(|| all.iter().find(|s| s.old_computed == old).map(|s| s.new_computed))
}

/// As `exact`, or a checksum that none of the blocks has.
pub fn renewed(all: &[Sums], old: u32) -> u32 {
    exact(all, old).unwrap_or_else(|| {
        let taken = |c: &u32| all.iter().any(|s| s.new == *c || s.new_computed == *c);
        others(all.first().map_or(0, |s| s.new)).find(|c| !taken(c)).unwrap_or(0)
    })
}

/// Checksums other than this one, all packed into five bytes.
pub fn others(sum: u32) -> impl Iterator<Item = u32> {
    (1..1000_u32).map(move |n| (sum ^ n.wrapping_mul(0x9e37_79b9)) | 0x4000_0000).filter(move |c| *c != sum)
}

/// Bytes of a packed checksum.
pub fn packed_len(sum: u32) -> usize {
    match sum.checked_sub(PACKED_BASE) {
        None if sum < 64 => 1,
        None => 2,
        Some(payload) => {
            let bytes = (u32::BITS - payload.leading_zeros()).div_ceil(8).max(1);
            1 + usize::try_from(bytes).unwrap_or(4)
        }
    }
}

/// A checksum packed into so many bytes, with leading zeros if need be; readers accept those.
pub fn packed(sum: u32, len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write_vuint(&mut out, u64::from(sum));
    if out.len() == len {
        return Some(out);
    }
    let payload = u64::from(sum.checked_sub(PACKED_BASE)?);
    let bytes = len.checked_sub(1).filter(|n| (1..=8).contains(n) && out.len() < len)?;
    let mut padded = vec![0xe0 | u8::try_from(bytes).ok()?];
    padded.extend_from_slice(&payload.to_be_bytes()[8 - bytes..]);
    Some(padded)
}
