//! What a dump of a page service tells of a row, where it is less than the row itself: a length and no bytes, bytes that
//! the service has encrypted, a version without the others of its page. Kept in flags that no engine writes, and believed
//! only in a page log that was gathered.

use super::Row;

/// A length is known, and no bytes.
pub const LENGTH_ONLY: u32 = 1 << 30;
/// The length is what the service stores, and not to the byte what the engine wrote.
pub const ABOUT: u32 = 1 << 29;
/// There were bytes, which the service has encrypted.
pub const ENCRYPTED: u32 = 1 << 28;
/// One version of its page that was asked for: the others may not have been supplied.
pub const LONE: u32 = 1 << 27;
/// All of them.
pub const MARKS: u32 = LENGTH_ONLY | ABOUT | ENCRYPTED | LONE;
/// Longest block whose length is kept.
pub const LONGEST: u32 = i32::MAX.cast_unsigned();

/// The column `flags` of a row: what a page log keeps there, the marks, and the length that stands for its bytes.
pub fn stored(flags: u32, length: Option<u32>) -> i64 {
    match length {
        Some(length) => i64::from(length.min(LONGEST)) << 32 | i64::from(flags | LENGTH_ONLY),
        None => i64::from(flags),
    }
}

/// The flags of a row and the length that stands for its bytes; `None` if nobody stores such a number.
pub fn read(column: u64) -> Option<(u32, Option<u32>)> {
    let (low, high) = (u32::try_from(column & u64::from(u32::MAX)).ok()?, u32::try_from(column >> 32).ok()?);
    match (low & LENGTH_ONLY != 0, high) {
        (true, length) => Some((low, Some(length))),
        (false, 0) => Some((low, None)),
        (false, _) => None,
    }
}

impl Row {
    /// Its bytes are in the store.
    pub fn has_bytes(&self) -> bool {
        self.flags & LENGTH_ONLY == 0
    }

    /// Its length is not known to the byte.
    pub fn is_about(&self) -> bool {
        self.flags & ABOUT != 0
    }

    /// What the service has encrypted, and nobody decrypted.
    pub fn was_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// Other versions of its page may not have been supplied.
    pub fn is_lone(&self) -> bool {
        self.flags & LONE != 0
    }
}
