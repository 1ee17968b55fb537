//! crc32c (Castagnoli), the only checksum of the formats, and its form with the
//! checksum field taken as zero.

/// crc32c of `bytes`, seed 0.
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// crc32c of `bytes` with the four bytes at `field` taken as zero, without copying the image.
///
/// Bytes of the field that lie behind the end are simply absent.
pub fn crc32c_zeroed(bytes: &[u8], field: usize) -> u32 {
    let field = field.min(bytes.len());
    let end = field.saturating_add(4).min(bytes.len());
    let (Some(head), Some(tail)) = (bytes.get(..field), bytes.get(end..)) else { return crc32c(bytes) };
    let zeros = [0_u8; 4];
    let sum = ::crc32c::crc32c_append(crc32c(head), zeros.get(..end.saturating_sub(field)).unwrap_or_default());
    ::crc32c::crc32c_append(sum, tail)
}

/// Write the checksum of the first `covered` bytes into the field at `field`, and answer it.
pub fn seal(bytes: &mut [u8], field: usize, covered: usize) -> u32 {
    let checksum = crc32c_zeroed(bytes.get(..covered).unwrap_or(bytes), field);
    if let Some(slot) = bytes.get_mut(field..field.saturating_add(4)) {
        slot.copy_from_slice(&checksum.to_le_bytes());
    }
    checksum
}

/// The one bit of `bytes` whose flip turns their checksum (the field at `field` taken as zero) into
/// `wanted`, as byte offset and bit number; `None` if there is none outside the field.
///
/// crc32c is linear: flipping a bit changes the checksum by an amount that depends only on the bit's
/// distance from the end. Stepping that amount back byte by byte finds the bit in one pass.
pub fn find_flipped_bit(bytes: &[u8], field: usize, wanted: u32) -> Option<(usize, u8)> {
    let change = crc32c_zeroed(bytes, field) ^ wanted;
    let zero = crc32c(&[0]);
    // What flipping each bit of the last byte changes.
    let mut deltas = [1_u8, 2, 4, 8, 16, 32, 64, 128].map(|bit| crc32c(&[bit]) ^ zero);
    for offset in (0..bytes.len()).rev() {
        if !(field..field.saturating_add(4)).contains(&offset) {
            for (bit, delta) in (0_u8..).zip(&deltas) {
                if *delta == change {
                    return Some((offset, bit));
                }
            }
        }
        for delta in &mut deltas {
            *delta = step_zero_byte(*delta);
        }
    }
    None
}

/// The checksum register after one more zero byte, for a difference of registers.
fn step_zero_byte(mut register: u32) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    for _ in 0..8 {
        register = register >> 1 ^ if register & 1 == 0 { 0 } else { POLYNOMIAL };
    }
    register
}
