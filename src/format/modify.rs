//! Changes to a part of a value, as the history store and the wtlog hold them.
//!
//! Little-endian 64-bit numbers: how many changes, then length, offset and size of each; behind them the
//! data of all, in the same order. A change puts its data in the place of `size` bytes at `offset`; each is
//! made to the result of the one before.

use super::reader::Reader;
use super::{FormatError, Result};

/// Largest value that a change may make: the engine's own limit is 4 GB, no row in a cache is near this.
const MAX_VALUE: usize = 512 << 20;
/// Bytes of the numbers of one change.
const NUMBERS: usize = 24;

/// The value after the changes. `text`: a NUL-terminated string, whose changes do not see the NUL, and whose gaps are
/// filled with spaces.
///
/// EINVAL for changes that do not add up, or that would make a value above 512 MB.
pub fn apply(value: &[u8], changes: &[u8], text: bool) -> Result<Vec<u8>> {
    let mut r = Reader::new(changes);
    let count = usize::try_from(r.u64le()?).ok().filter(|n| n.saturating_mul(NUMBERS) <= r.remaining());
    let count = count.ok_or_else(|| FormatError::invalid("more changes than the bytes can hold"))?;
    let data_at = count.saturating_mul(NUMBERS).saturating_add(r.pos());
    let mut data = Reader::at(changes, data_at)?;
    let ended = text && value.last() == Some(&0);
    let value = if ended { value.get(..value.len().saturating_sub(1)).unwrap_or_default() } else { value };
    let mut out = value.to_vec();
    for _ in 0..count {
        let (length, offset, size) = (r.u64le()?, r.u64le()?, r.u64le()?);
        let length = usize::try_from(length).map_err(|_| FormatError::invalid("a change longer than the value"))?;
        let new = data.take(length)?;
        let offset = usize::try_from(offset).ok().filter(|at| at.saturating_add(length) <= MAX_VALUE);
        let offset = offset.ok_or_else(|| FormatError::invalid("a change far past the end of the value"))?;
        if out.len() < offset {
            out.resize(offset, if text { b' ' } else { 0 });
        }
        let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(offset).min(out.len());
        if out.len().saturating_sub(end.saturating_sub(offset)).saturating_add(length) > MAX_VALUE {
            return Err(FormatError::invalid("the changes make a value that is over the limit"));
        }
        out.splice(offset..end, new.iter().copied());
    }
    if !data.is_empty() {
        return Err(FormatError::invalid(format!("{} bytes after the changes", data.remaining())));
    }
    if ended {
        out.push(0);
    }
    Ok(out)
}
