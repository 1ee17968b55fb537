use proptest::prelude::*;
use wtcheck::format::int::write_vuint;
use wtcheck::format::reader::Reader;
use wtcheck::pack::sums::*;

#[test]
fn references_that_held_hold_and_others_do_not() {
    let sound = Sums { old: 1, old_computed: 1, new: 10, new_computed: 10 };
    let field = Sums { old: 2, old_computed: 3, new: 20, new_computed: 30 };
    assert_eq!((renewed(&[sound], 1), renewed(&[field], 2), renewed(&[field], 3)), (10, 20, 30));
    for old in [0, 4, 5] {
        assert!(![10, 20, 30].contains(&renewed(&[sound, field], old)));
    }
}

proptest! {
    #[test]
    fn packed_numbers_read_back(sum: u32, len in 0_usize..10) {
        if let Some(bytes) = packed(sum, len) {
            prop_assert_eq!(bytes.len(), len);
            let mut r = Reader::new(&bytes);
            prop_assert_eq!(r.vuint(), Ok(u64::from(sum)));
            prop_assert!(r.is_empty());
        }
        prop_assert!(packed(sum, packed_len(sum)).is_some());
        let mut shortest = Vec::new();
        write_vuint(&mut shortest, u64::from(sum >> len));
        prop_assert_eq!(packed_len(sum >> len), shortest.len());
    }
}
