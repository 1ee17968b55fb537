//! Variable-length integers and nibble-packed version pairs.

use super::reader::Reader;
use super::{FormatError, Result};

/// Upper bound (exclusive) of the one-byte class.
const ONE_BYTE: u64 = 64;
/// First value behind the two-byte class.
const MULTI: u64 = 8256;
/// Longest payload of the multi-byte class: a 64-bit number.
const MAX_PAYLOAD: u8 = 8;

/// A decoded unsigned integer, and whether the engine would have written it this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vuint {
    pub value: u64,
    /// False for forms that decode but are never written (`E0`, leading zero bytes).
    pub canonical: bool,
}

/// Read an unsigned integer: first byte gives the class, payload is big-endian.
///
/// More than eight payload bytes and sums above 2^64-1 are refused, although the engine wraps.
#[inline]
pub fn read_vuint(r: &mut Reader<'_>) -> Result<Vuint> {
    let at = r.pos();
    let first = r.u8()?;
    match first {
        0x80..=0xbf => Ok(Vuint { value: u64::from(first & 0x3f), canonical: true }),
        0xc0..=0xdf => {
            let low = r.u8()?;
            let value = (u64::from(first & 0x1f) << 8 | u64::from(low)) + ONE_BYTE;
            Ok(Vuint { value, canonical: true })
        }
        0xe0..=0xef => {
            let n = first & 0x0f;
            if n > MAX_PAYLOAD {
                return Err(FormatError::invalid(format!("integer of {n} bytes at offset {at}")));
            }
            let payload = r.take(usize::from(n))?;
            let number = payload.iter().fold(0_u64, |acc, b| acc << 8 | u64::from(*b));
            let value = number
                .checked_add(MULTI)
                .ok_or_else(|| FormatError::invalid(format!("integer at offset {at} exceeds 64 bits")))?;
            // 8256 itself is written as E1 00, the one legal leading zero.
            let canonical = n != 0 && (payload.first() != Some(&0) || n == 1);
            Ok(Vuint { value, canonical })
        }
        _ => Err(FormatError::invalid(format!("byte 0x{first:02x} at offset {at} does not start an unsigned integer"))),
    }
}

/// Append the engine's form of an unsigned integer.
pub fn write_vuint(out: &mut Vec<u8>, value: u64) {
    if value < ONE_BYTE {
        out.push(0x80 | low_byte(value));
    } else if value < MULTI {
        let v = value - ONE_BYTE;
        out.push(0xc0 | low_byte(v >> 8));
        out.push(low_byte(v));
    } else {
        let payload = (value - MULTI).to_be_bytes();
        let skip = payload.iter().take_while(|b| **b == 0).count().min(7);
        let tail = payload.get(skip..).unwrap_or_default();
        out.push(0xe0 | low_byte(tail.len() as u64));
        out.extend_from_slice(tail);
    }
}

/// Read a signed integer: the non-negative classes are those of [`read_vuint`].
pub fn read_vint(r: &mut Reader<'_>) -> Result<i64> {
    let at = r.pos();
    let first = r.peek().ok_or_else(|| FormatError::invalid(format!("integer wanted at offset {at}, nothing left")))?;
    match first {
        0x80..=0xef => {
            let v = read_vuint(r)?.value;
            i64::try_from(v).map_err(|_| FormatError::invalid(format!("signed integer at offset {at} exceeds 63 bits")))
        }
        0x40..=0x7f => {
            r.u8()?;
            Ok(i64::from(first & 0x3f) - 64)
        }
        0x20..=0x3f => {
            r.u8()?;
            let low = r.u8()?;
            Ok((i64::from(first & 0x1f) << 8 | i64::from(low)) - 8256)
        }
        0x10..=0x1f => {
            r.u8()?;
            let dropped = first & 0x0f;
            let n = MAX_PAYLOAD
                .checked_sub(dropped)
                .ok_or_else(|| FormatError::invalid(format!("nibble {dropped} at offset {at} is above 8")))?;
            let payload = r.take(usize::from(n))?;
            let bits = payload.iter().fold(u64::MAX, |acc, b| acc << 8 | u64::from(*b));
            Ok(i64::from_ne_bytes(bits.to_ne_bytes()))
        }
        _ => Err(FormatError::invalid(format!("byte 0x{first:02x} at offset {at} does not start a signed integer"))),
    }
}

/// Append the engine's form of a signed integer.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn write_vint(out: &mut Vec<u8>, value: i64) {
    if let Ok(v) = u64::try_from(value) {
        write_vuint(out, v);
    } else if value >= -64 {
        out.push(0x40 | low_byte((value + 64).unsigned_abs()));
    } else if value >= -8256 {
        let v = (value + 8256).unsigned_abs();
        out.push(0x20 | low_byte(v >> 8));
        out.push(low_byte(v));
    } else {
        let bytes = value.to_be_bytes();
        let dropped = bytes.iter().take_while(|b| **b == 0xff).count();
        out.push(0x10 | low_byte(dropped as u64));
        out.extend_from_slice(bytes.get(dropped..).unwrap_or_default());
    }
}

/// Read two nibble-packed numbers. Consumes whole bytes, also when the nibble count is odd.
pub fn read_nibble_pair(r: &mut Reader<'_>) -> Result<(u64, u64)> {
    let mut nibbles = Nibbles { byte: None };
    let first = nibbles.number(r)?;
    let second = nibbles.number(r)?;
    Ok((first, second))
}

/// Append two nibble-packed numbers.
pub fn write_nibble_pair(out: &mut Vec<u8>, first: u64, second: u64) {
    let mut nibbles = Vec::with_capacity(4);
    for mut x in [first, second] {
        loop {
            let chunk = low_byte(x) & 0x7;
            x >>= 3;
            if x == 0 {
                nibbles.push(chunk);
                break;
            }
            nibbles.push(chunk | 0x8);
            x -= 1;
        }
    }
    for pair in nibbles.chunks(2) {
        let low = pair.first().copied().unwrap_or(0);
        let high = pair.get(1).copied().unwrap_or(0);
        out.push(low | high << 4);
    }
}

/// The high nibble still to be read, if any.
struct Nibbles {
    byte: Option<u8>,
}

impl Nibbles {
    fn next(&mut self, r: &mut Reader<'_>) -> Result<u8> {
        if let Some(high) = self.byte.take() {
            return Ok(high);
        }
        let byte = r.u8()?;
        self.byte = Some(byte >> 4);
        Ok(byte & 0x0f)
    }

    fn number(&mut self, r: &mut Reader<'_>) -> Result<u64> {
        // 22 chunks of three bits fill 64 bits; more cannot be a number.
        let mut value = 0_u64;
        for index in 0..22_u32 {
            let chunk = self.next(r)?;
            let digit = u64::from(chunk & 0x7) + u64::from(index > 0);
            let shift = 3 * index;
            let part = digit.checked_shl(shift).filter(|p| p >> shift == digit);
            value = part
                .and_then(|p| value.checked_add(p))
                .ok_or_else(|| FormatError::invalid("nibble-packed number exceeds 64 bits"))?;
            if chunk & 0x8 == 0 {
                return Ok(value);
            }
        }
        Err(FormatError::invalid("nibble-packed number has no end"))
    }
}

/// The lowest eight bits.
fn low_byte(v: u64) -> u8 {
    v.to_le_bytes().first().copied().unwrap_or(0)
}
