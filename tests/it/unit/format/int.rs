use proptest::prelude::*;
use wtcheck::format::Result;
use wtcheck::format::int::*;
use wtcheck::format::reader::Reader;

fn vuint(bytes: &[u8]) -> Result<Vuint> {
    let mut r = Reader::new(bytes);
    let v = read_vuint(&mut r)?;
    assert!(r.is_empty(), "all of {bytes:02x?} is used");
    Ok(v)
}

#[test]
fn unsigned_vectors_of_14_1() {
    for (value, hex) in [
        (0, "80"),
        (1, "81"),
        (63, "bf"),
        (64, "c000"),
        (319, "c0ff"),
        (8255, "dfff"),
        (8256, "e100"),
        (8257, "e101"),
        (8511, "e1ff"),
        (8512, "e20100"),
        (4_294_967_295, "e4ffffdfbf"),
        (4_294_967_296, "e4ffffdfc0"),
        (u64::MAX, "e8ffffffffffffdfbf"),
    ] {
        let bytes = hex::decode(hex).unwrap();
        assert_eq!(vuint(&bytes).unwrap(), Vuint { value, canonical: true }, "{hex}");
        let mut out = Vec::new();
        write_vuint(&mut out, value);
        assert_eq!(hex::encode(out), hex);
    }
}

#[test]
fn signed_vectors_of_14_1() {
    for (value, hex) in [
        (0, "80"),
        (-1, "7f"),
        (-64, "40"),
        (-65, "3fff"),
        (-8256, "2000"),
        (-8257, "16dfbf"),
        (-8511, "16dec1"),
        (-8512, "16dec0"),
        (-65536, "160000"),
        (-65537, "15feffff"),
        (i64::MIN, "108000000000000000"),
    ] {
        let bytes = hex::decode(hex).unwrap();
        assert_eq!(Reader::new(&bytes).vint().unwrap(), value, "{hex}");
        let mut out = Vec::new();
        write_vint(&mut out, value);
        assert_eq!(hex::encode(out), hex);
    }
}

#[test]
fn nibble_vectors_of_14_1() {
    for (first, second, hex) in [
        (0, 0, "00"),
        (1, 0, "01"),
        (0, 1, "10"),
        (1, 1, "11"),
        (2, 1, "12"),
        (7, 7, "77"),
        (8, 0, "0800"),
        (8, 1, "0801"),
        (9, 8, "0908"),
        (71, 0, "7f00"),
        (72, 0, "8800"),
    ] {
        let bytes = hex::decode(hex).unwrap();
        let mut r = Reader::new(&bytes);
        assert_eq!(read_nibble_pair(&mut r).unwrap(), (first, second), "{hex}");
        assert!(r.is_empty(), "{hex} is used whole");
        let mut out = Vec::new();
        write_nibble_pair(&mut out, first, second);
        assert_eq!(hex::encode(out), hex);
    }
}

#[test]
fn forms_the_engine_never_writes_are_flagged_or_refused() {
    assert_eq!(vuint(&[0xe0]).unwrap(), Vuint { value: 8256, canonical: false });
    assert_eq!(vuint(&[0xe2, 0, 1]).unwrap(), Vuint { value: 8257, canonical: false });
    for bad in ["e9000000000000000001", "ef", "e8ffffffffffffffff", "00", "7f", "f0", "c0", "e2ff", ""] {
        assert_eq!(vuint(&hex::decode(bad).unwrap()).unwrap_err().class, wtcheck::format::Class::Invalid, "{bad}");
    }
    assert!(Reader::new(&[0x19]).vint().is_err());
    assert!(read_nibble_pair(&mut Reader::new(&[0xff; 40])).is_err());
}

proptest! {
    #[test]
    fn unsigned_round_trip(v: u64) {
        let mut out = Vec::new();
        write_vuint(&mut out, v);
        prop_assert_eq!(vuint(&out).unwrap(), Vuint { value: v, canonical: true });
    }

    #[test]
    fn signed_round_trip_and_order(a: i64, b: i64) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        write_vint(&mut x, a);
        write_vint(&mut y, b);
        prop_assert_eq!(Reader::new(&x).vint().unwrap(), a);
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
    }

    #[test]
    fn nibble_round_trip(a: u64, b: u64) {
        let mut out = Vec::new();
        write_nibble_pair(&mut out, a, b);
        prop_assert_eq!(read_nibble_pair(&mut Reader::new(&out)).unwrap(), (a, b));
    }

    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = read_vuint(&mut Reader::new(&bytes));
        let _ = read_vint(&mut Reader::new(&bytes));
        let _ = read_nibble_pair(&mut Reader::new(&bytes));
    }
}
