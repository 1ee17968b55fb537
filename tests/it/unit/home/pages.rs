use proptest::prelude::*;
use wtcheck::home::pages::*;

#[test]
fn separators_are_short_and_between() {
    for (before, key, wanted) in [("key0000199", "key0000200", "key00002"), ("a", "b", "b"), ("ab", "abc", "abc")] {
        let got = separator(before.as_bytes(), key.as_bytes());
        assert_eq!(got, wanted.as_bytes());
        assert!(got > before.as_bytes() && got <= key.as_bytes());
    }
}

#[test]
fn data_is_replaced_at_the_end_only() {
    let raw = hex::decode("388c0787010203040506ff").unwrap();
    let (old, new) = (hex::decode("010203040506ff").unwrap(), hex::decode("0102030405060708").unwrap());
    assert_eq!(hex::encode(with_data(&raw, &old, &new).unwrap()), "388c07880102030405060708");
    assert!(with_data(&raw, &new, &old).is_none());
}

proptest! {
    #[test]
    fn pages_are_filled_evenly(
        sizes in proptest::collection::vec(1..300_usize, 1..200), room in 1..2000_usize, least in 1..3_usize,
    ) {
        let counts = partition(&sizes, room, least);
        prop_assert_eq!(counts.iter().sum::<usize>(), sizes.len());
        prop_assert!(counts.len() == 1 || counts.iter().all(|n| *n >= least));
        // Fewer and fewer pages up to the root.
        prop_assert!(least == 1 || counts.len() == 1 || counts.len() <= sizes.len() / least);
        let mut rest = sizes.as_slice();
        for count in &counts {
            let (page, behind) = rest.split_at(*count);
            rest = behind;
            let bytes: usize = page.iter().sum();
            prop_assert!(bytes <= room || *count < 2 * least, "{bytes} of {room}");
        }
    }
}
