//! Keys and values of the rows of forged leaves.

use crate::scenario::random::Rng;

/// Bytes that values are cut from.
const NOISE_BYTES: usize = 1 << 16;

/// The values of rows: cut from noise, so that a store is written as fast as it can be.
#[derive(Default)]
pub(super) struct Values {
    noise: Vec<u8>,
    bytes: usize,
    seed: u64,
}

impl Values {
    pub(super) fn new(seed: u64, bytes: usize) -> Self {
        let mut rng = Rng::new(seed);
        Self { noise: rng.value(NOISE_BYTES + bytes), bytes, seed }
    }

    pub(super) fn of(&self, row: u64, version: u64) -> &[u8] {
        let mixed = (row ^ version << 40 ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        let start = usize::try_from(mixed).unwrap_or(0) % NOISE_BYTES;
        self.noise.get(start..start + self.bytes).unwrap_or_default()
    }
}

/// The rows of a leaf at a version.
pub(super) struct LeafRows<'v> {
    values: &'v Values,
    keys: Vec<[u8; 16]>,
    first: u64,
    version: u64,
}

impl<'v> LeafRows<'v> {
    /// So many, from a first one on.
    pub(super) fn new(values: &'v Values, first: usize, rows: usize, version: u64) -> Self {
        let first = first as u64;
        let keys = (first..first + rows as u64).map(key_of).collect();
        Self { values, keys, first, version }
    }

    pub(super) fn list(&self) -> Vec<(&[u8], &[u8])> {
        (self.first..).zip(&self.keys).map(|(row, key)| (key.as_slice(), self.values.of(row, self.version))).collect()
    }
}

/// The key of a row; keys sort as rows do.
pub(super) fn key_of(row: u64) -> [u8; 16] {
    let mut key = *b"row-000000000000";
    let mut rest = row;
    for digit in key.iter_mut().rev().take(12) {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    key
}
