//! crc32c (Castagnoli), the only checksum of the formats (spec 01.6), and its form with the
//! checksum field taken as zero (03.3, 16.2).

/// crc32c of `bytes`, seed 0.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// crc32c of `bytes` with the four bytes at `field` taken as zero, without copying the image.
///
/// Bytes of the field that lie behind the end are simply absent.
#[must_use]
pub fn crc32c_zeroed(bytes: &[u8], field: usize) -> u32 {
    let field = field.min(bytes.len());
    let end = field.saturating_add(4).min(bytes.len());
    let (Some(head), Some(tail)) = (bytes.get(..field), bytes.get(end..)) else { return crc32c(bytes) };
    let zeros = [0_u8; 4];
    let sum = ::crc32c::crc32c_append(crc32c(head), zeros.get(..end.saturating_sub(field)).unwrap_or_default());
    ::crc32c::crc32c_append(sum, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_14_1() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_zeroed_field_equals_a_copy_with_zeros() {
        let bytes: Vec<u8> = (0..83).collect();
        for field in [0, 12, 32, 79, 81, 83, 200] {
            let mut copy = bytes.clone();
            for b in copy.iter_mut().skip(field).take(4) {
                *b = 0;
            }
            assert_eq!(crc32c_zeroed(&bytes, field), crc32c(&copy), "field {field}");
        }
    }
}
