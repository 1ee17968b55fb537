use proptest::prelude::*;
use wtcheck::format::cookie::*;
use wtcheck::format::{Class, Result};
use wtcheck::id::{Lsn, PageId};

fn decode(hex: &str) -> Result<Cookie> {
    Cookie::decode(&hex::decode(hex).unwrap())
}

#[test]
fn vectors_of_14_2() {
    for (hex, page, flags, lsn, base, size, sum) in [
        ("00c025808282bd21596019", 101, 0, 2, 0, 61, 0x1960_5921),
        ("00c025808484bd3d981d30", 101, 0, 4, 0, 61, 0x301d_983d),
        ("00c025808484bd1dbd547c", 101, 0, 4, 0, 61, 0x7c54_bd1d),
        (
            "00e311fbdc80e869e29c5affffe200e869e29c5affffe200c081e7fcf957",
            1_186_844,
            0,
            7_629_832_633_374_999_104,
            0,
            193,
            0x57f9_fce7,
        ),
        (
            "00c09880e869252cb0ffffdfc5e869252cb0ffffdfc5c00a5d4a4c25",
            216,
            0,
            7_576_511_086_841_561_093,
            0,
            74,
            0x254c_4a5d,
        ),
        ("00d05281c3dab2d34844332211", 4242, 1, 1050, 1000, 5000, 0x1122_3344),
        ("00c02680c00dc00dc1c0efbeadde", 102, 0, 77, 0, 512, 0xdead_beef),
        ("00c026809494c013f56b071c", 102, 0, 20, 0, 83, 0x1c07_6bf5),
        ("00c026819985c05a3e0079df", 102, 1, 25, 20, 154, 0xdf79_003e),
        ("00c025819e88c055357daac8", 101, 1, 30, 22, 149, 0xc8aa_7d35),
    ] {
        let c = decode(hex).unwrap();
        assert_eq!(
            (c.layout, c.page_id, c.flags, c.lsn, c.base_lsn, c.size, c.checksum),
            (Layout::V0, PageId(page), flags, Lsn(lsn), Lsn(base), size, sum),
            "{hex}"
        );
        c.check_consistency().unwrap();
        assert_eq!(hex::encode(c.encode()), hex);
    }
}

#[test]
fn negative_and_forward_cases_of_14_2() {
    for (hex, class) in [
        ("00c02680c00dc00dc1c0efbeadde85", Class::Invalid),
        ("11c02680c00dc00dc1c0efbeadde", Class::Unsupported),
        ("00c02680c00dc00d8001020304", Class::Invalid),
        ("008080c00dc00d8501020304", Class::Invalid),
        ("00c02680c00dc00e8501020304", Class::Invalid),
        ("00c02680c00dc00dc1c0efbead", Class::Invalid),
        ("", Class::Invalid),
        ("00", Class::Invalid),
    ] {
        assert_eq!(decode(hex).unwrap_err().class, class, "{hex}");
    }
    let newer = decode("01c02680c00dc00dc1c0efbeadde85").unwrap();
    assert_eq!((newer.version, newer.version_min, newer.trailing, newer.size), (1, 0, 1, 512));
    let flagged = decode("00c02682c00dc00d850102030489").unwrap();
    assert_eq!((flagged.flags, flagged.unknown_flags, flagged.trailing, flagged.size), (0, 2, 1, 5));
}

#[test]
fn older_layouts_of_14_2() {
    let l1 = decode("87c1c0e4dead9eaf").unwrap();
    assert_eq!((l1.layout, l1.page_id, l1.size, l1.checksum), (Layout::L1, PageId(7), 512, 0xdead_beef));
    let l2 = decode("c0268481c1c0e4dead9eaf").unwrap();
    assert_eq!(
        (l2.layout, l2.page_id, l2.checkpoint_id, l2.reconciliation_id),
        (Layout::L2, PageId(102), Some(4), Some(1))
    );
    let l3 = decode("c026c00d8481c1c0e4dead9eaf").unwrap();
    assert_eq!(
        (l3.layout, l3.page_id, l3.lsn, l3.size, l3.checksum),
        (Layout::L3, PageId(102), Lsn(77), 512, 0xdead_beef)
    );
    assert_eq!((l3.checkpoint_id, l3.reconciliation_id, l3.is_delta()), (Some(4), Some(1), None));
    assert!(decode("808080808080").unwrap().is_none());
    assert!(decode("80808080").is_err());
    for hex in ["87c1c0e4dead9eaf", "c0268481c1c0e4dead9eaf", "c026c00d8481c1c0e4dead9eaf"] {
        assert_eq!(hex::encode(decode(hex).unwrap().encode()), hex);
    }
}

#[test]
fn disagreeing_fields_are_inconsistent() {
    let mut c = Cookie::new(PageId(100), Lsn(50), Lsn(40), 10, 1);
    c.check_consistency().unwrap();
    c.flags = 0;
    assert!(c.check_consistency().is_err());
    assert!(Cookie::new(PageId(100), Lsn(50), Lsn(50), 10, 1).check_consistency().is_err());
}

proptest! {
    #[test]
    fn version_0_round_trip(page in 1_u64.., lsn in 1_u64.., base: u64, size in 1_u32.., sum: u32) {
        let c = Cookie::new(PageId(page), Lsn(lsn), Lsn(base % lsn), size, sum);
        prop_assert_eq!(Cookie::decode(&c.encode()).unwrap(), c);
    }

    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Cookie::decode(&bytes);
    }
}
