use proptest::prelude::*;
use wtcheck::page::cell::Cell;
use wtcheck::page::fast_cell::*;

#[test]
fn examples_of_05_13_and_17_4() {
    for hex in
        ["156170706c65", "0f726564", "16027269636f74", "8c089080866f72616e6765", "8c788ac00b8ae3011b4780818000000000"]
    {
        let bytes = hex::decode(hex).unwrap();
        let fast = read(&bytes, 0).unwrap();
        assert_eq!(fast, Cell::read(&bytes, 0, 0).unwrap(), "{hex}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_is_what_the_careful_reader_reads(
        head in prop::sample::select(vec![0x50_u8, 0x70, 0x80, 0x8c, 0x05, 0x06, 0x07]),
        bits: u8,
        numbers in prop::collection::vec(prop_oneof![0_u64..200, 8000..9000_u64, any::<u64>()], 0..9),
        tail in prop::collection::vec(any::<u8>(), 0..200),
        any_head: bool,
        any_byte: u8,
    ) {
        let mut bytes = vec![if any_head { any_byte } else { head }, bits];
        for n in numbers {
            wtcheck::format::int::write_vuint(&mut bytes, n);
        }
        bytes.extend(tail);
        if let Some(fast) = read(&bytes, 0) {
            prop_assert_eq!(Ok(fast), Cell::read(&bytes, 0, 0));
        }
    }
}
