//! Give changed bytes the checksum they had: crc32c is linear, so that four bytes that mean nothing
//! suffice.

use wtcheck::format::crc::crc32c_zeroed;

/// Change the four bytes at `free` so that `bytes` have the checksum that is stored in them at `sum`.
pub(crate) fn mend(bytes: &mut [u8], free: usize, sum: usize) {
    let wanted = u32::from_le_bytes(bytes[sum..sum + 4].try_into().unwrap());
    bytes[free..free + 4].fill(0);
    let base = crc32c_zeroed(bytes, sum);
    // What each bit does to the sum, with the bits that do it, brought into echelon form.
    let mut rows: Vec<(u32, u32)> = Vec::new();
    for bit in 0..32 {
        let at = free + bit / 8;
        bytes[at] ^= 1 << (bit % 8);
        let (mut effect, mut bits) = (crc32c_zeroed(bytes, sum) ^ base, 1_u32 << bit);
        bytes[at] ^= 1 << (bit % 8);
        for (e, b) in &rows {
            if effect ^ e < effect {
                (effect, bits) = (effect ^ e, bits ^ b);
            }
        }
        assert_ne!(effect, 0, "every bit counts");
        rows.push((effect, bits));
        rows.sort_unstable_by_key(|r| std::cmp::Reverse(r.0));
    }
    let (mut left, mut bits) = (base ^ wanted, 0);
    for (e, b) in &rows {
        if left ^ e < left {
            (left, bits) = (left ^ e, bits ^ b);
        }
    }
    assert_eq!(left, 0);
    bytes[free..free + 4].copy_from_slice(&u32::to_le_bytes(bits));
    assert_eq!(crc32c_zeroed(bytes, sum), wanted);
}
