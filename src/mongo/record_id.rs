//! Record ids as index tables store them (spec 21.6).
//!
//! They can be read from either end (long) or from the end (text), and sort as the ids do.

use crate::format::{FormatError, Result};

/// Ids from here on belong to metadata entries of wildcard indexes.
const RESERVED_FROM: i64 = i64::MAX - 1_048_576;
/// The first byte of texts that do.
const RESERVED_TEXT: u8 = 0xff;
/// Bits of the value in the first byte and in the last one, each.
const OUTER_BITS: u32 = 5;
/// The most bytes that the length of a text takes.
const MAX_LENGTH_BYTES: usize = 4;

/// The key of a collection's row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    /// Of a collection whose keys are numbers.
    Long(i64),
    /// Of a clustered collection: a KeyString of one value without an end.
    Text(Vec<u8>),
}

impl RecordId {
    /// Whether no document can have it.
    pub fn reserved(&self) -> bool {
        match self {
            Self::Long(id) => *id >= RESERVED_FROM,
            Self::Text(text) => text.first() == Some(&RESERVED_TEXT),
        }
    }
}

/// Which of the two a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Long,
    Text,
}

/// Read an id from the end of `bytes`; answers it and how many bytes stand before it.
///
/// # Errors
/// If `bytes` end in no such id.
pub fn at_end(form: Form, bytes: &[u8]) -> Result<(RecordId, usize)> {
    match form {
        Form::Long => long_at_end(bytes).map(|(id, before)| (RecordId::Long(id), before)),
        Form::Text => text_at_end(bytes).map(|(text, before)| (RecordId::Text(text.to_vec()), before)),
    }
}

/// Read a number from the front of `bytes`; answers it and how many bytes it took, 2 to 9.
///
/// First byte: number N of middle bytes in the upper 3 bits, the highest 5 bits of the value. N bytes. Last
/// byte: the lowest 5 bits of the value, N once more in the lower 3 bits.
///
/// # Errors
/// If `bytes` end before it does, the two counts differ, or the value is beyond 2^63 - 1.
pub fn long_at_front(bytes: &[u8]) -> Result<(i64, usize)> {
    let broken = |what: &str| FormatError::invalid(format!("a record id {what}"));
    let (first, rest) = bytes.split_first().ok_or_else(|| broken("of no bytes"))?;
    let count = usize::from(first >> OUTER_BITS);
    let middle = rest.get(..count).ok_or_else(|| broken("is cut off"))?;
    let last = rest.get(count).ok_or_else(|| broken("is cut off"))?;
    if usize::from(last & 7) != count {
        return Err(broken("whose two lengths differ"));
    }
    let mut value = u128::from(first & 0x1f);
    for byte in middle {
        value = value << 8 | u128::from(*byte);
    }
    value = value << OUTER_BITS | u128::from(last >> 3);
    let value = i64::try_from(value).map_err(|_| broken("beyond 2^63 - 1"))?;
    Ok((value, count.saturating_add(2)))
}

/// Read a number from the end of `bytes`; answers it and how many bytes stand before it.
///
/// # Errors
/// As of [`long_at_front`].
pub fn long_at_end(bytes: &[u8]) -> Result<(i64, usize)> {
    let last = bytes.last().ok_or_else(|| FormatError::invalid("a record id of no bytes"))?;
    let length = usize::from(last & 7).saturating_add(2);
    let before = bytes.len().checked_sub(length);
    let before = before.ok_or_else(|| FormatError::invalid("a record id is cut off at its front"))?;
    let (value, _) = long_at_front(bytes.get(before..).unwrap_or_default())?;
    Ok((value, before))
}

/// Read a text from the end of `bytes`; answers it and how many bytes stand before it.
///
/// The length stands behind the text, 7 bits a byte, lowest first; all but the first have the highest bit set.
///
/// # Errors
/// If the length is cut off, has more than 4 bytes, or is more than there is.
pub fn text_at_end(bytes: &[u8]) -> Result<(&[u8], usize)> {
    let broken = |what: &str| FormatError::invalid(format!("the length of a text record id {what}"));
    let (mut length, mut taken) = (0_usize, 0_usize);
    for byte in bytes.iter().rev().take(MAX_LENGTH_BYTES) {
        taken = taken.saturating_add(1);
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            let end = bytes.len().saturating_sub(taken);
            let before = end.checked_sub(length).ok_or_else(|| broken("is more than there is"))?;
            return Ok((bytes.get(before..end).unwrap_or_default(), before));
        }
    }
    Err(broken(if taken == MAX_LENGTH_BYTES { "has more than 4 bytes" } else { "is cut off" }))
}
