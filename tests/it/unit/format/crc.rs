use wtcheck::format::crc::*;

#[test]
fn a_single_flipped_bit_is_found_and_two_are_not() {
    let bytes: Vec<u8> = (0..300_u32).map(|i| (i * 7 % 251) as u8).collect();
    let wanted = crc32c_zeroed(&bytes, 32);
    for at in [0, 1, 31, 36, 170, 299] {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(find_flipped_bit(&damaged, 32, wanted), Some((at, bit)));
            damaged[(at + 50) % 300] ^= 1;
            assert_eq!(find_flipped_bit(&damaged, 32, wanted), None);
        }
    }
}

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
