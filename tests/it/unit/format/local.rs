use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::int::write_vuint;
use wtcheck::format::local::*;

const COOKIE: &str = "018e81e4f7dc19e29081e47bcef2b99281e470c9eed09181e4219ad4aee3011fc0cfc0";

fn address(offset: u64, checksum: u32) -> Option<LocalAddress> {
    Some(LocalAddress { offset, size: 4096, checksum, object: None })
}

/// A list block with the given data.
fn block(data: &str) -> Vec<u8> {
    let mut out = vec![0; DATA_OFFSET];
    out.extend_from_slice(&hex::decode(data).unwrap());
    out.resize(out.len().next_multiple_of(4096), 0);
    out
}

#[test]
fn descriptors_of_16_1() {
    for (head, alloc) in [("41d8010001000000d80823b700000000", 4096_u32), ("41d8010001000000190c65a400000000", 512)] {
        let mut file = hex::decode(head).unwrap();
        file.resize(alloc as usize, 0);
        assert_eq!(allocation_size(&file).unwrap(), alloc);
        assert_eq!(encode_descriptor(alloc).unwrap(), file);
        file.extend_from_slice(&[0x77; 5000]);
        assert_eq!(allocation_size(&file).unwrap(), alloc);
        assert_eq!(allocation_size(&file[..alloc as usize - 1]).unwrap_err().class, Class::Io);
        file[alloc as usize - 1] = 1;
        assert_eq!(allocation_size(&file).unwrap_err().class, Class::Io);
    }
    for alloc in [1024, 16_384, 1 << 20] {
        assert_eq!(allocation_size(&encode_descriptor(alloc).unwrap()).unwrap(), alloc);
    }
    assert!(encode_descriptor(4095).is_none());
    let mut file = encode_descriptor(512).unwrap();
    file[6] = 1;
    assert_eq!(descriptor(&file).unwrap_err().class, Class::Unsupported);
    file[0] = 0;
    assert_eq!(descriptor(&file).unwrap_err().class, Class::Invalid);
    assert_eq!(descriptor(&[0x41, 0xd8]).unwrap_err().class, Class::Invalid);
}

#[test]
fn checkpoint_cookie_of_16_5() {
    let bytes = hex::decode(COOKIE).unwrap();
    let want = LocalCheckpoint {
        version: 1,
        root: address(61_440, 0xf7dc_3a22),
        alloc: address(69_632, 0x7bcf_12f9),
        avail: address(77_824, 0x70ca_0f10),
        discard: address(73_728, 0x219a_f4ee),
        file_size: 81_920,
        checkpoint_size: 4096,
        object: None,
    };
    assert_eq!(LocalCheckpoint::decode(&bytes, 4096).unwrap(), want);
    assert_eq!(want.encode(4096).unwrap(), bytes);
    for cut in 0..bytes.len() {
        assert_eq!(LocalCheckpoint::decode(&bytes[..cut], 4096).unwrap_err().class, Class::Invalid, "{cut}");
    }
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(LocalCheckpoint::decode(&other, 4096).unwrap_err().class, Class::Unsupported);
    // Tiered: flag and id, for all four addresses.
    let mut tiered = bytes.clone();
    tiered.extend_from_slice(&[0x01, 0x85]);
    let got = LocalCheckpoint::decode(&tiered, 4096).unwrap();
    assert_eq!((got.object, got.root.unwrap().object, got.discard.unwrap().object), (Some(5), Some(5), Some(5)));
    assert_eq!(got.encode(4096).unwrap(), tiered);
    for tail in [&[0x00][..], &[0x02, 0x85], &[0x01], &[0x01, 0x85, 0x00]] {
        let longer = [&bytes, tail].concat();
        assert_eq!(LocalCheckpoint::decode(&longer, 4096).unwrap_err().class, Class::Invalid, "{tail:?}");
    }
}

#[test]
fn addresses_of_16_4() {
    assert_eq!(
        LocalAddress::decode(&hex::decode("8e81e4f7dc19e2").unwrap(), 4096).unwrap(),
        address(61_440, 0xf7dc_3a22)
    );
    assert_eq!(LocalAddress::decode(&[0x80; 3], 512).unwrap(), None);
    // Of size 0 the rest is ignored, even if absurd.
    assert_eq!(
        LocalAddress::decode(&hex::decode("e8ffffffffffffdfbf80e8ffffffffffffdfbf").unwrap(), 512).unwrap(),
        None
    );
    let tiered = LocalAddress { offset: 512, size: 1024, checksum: 7, object: Some(9) };
    assert_eq!(LocalAddress::decode(&tiered.encode(512).unwrap(), 512).unwrap(), Some(tiered));
    let cookie = |offset: u64, size: u64, checksum: u64| {
        let mut out = Vec::new();
        for v in [offset, size, checksum] {
            write_vuint(&mut out, v);
        }
        out
    };
    let limit = u64::from(MAX_BLOCK / 4096);
    assert!(LocalAddress::decode(&cookie(0, limit, 0), 4096).is_ok());
    for bad in [
        cookie(0, limit + 1, 0),
        cookie(0, u64::MAX, 0),
        cookie(u64::MAX, 1, 0),
        cookie(u64::MAX / 4096, 1, 0),
        cookie(0, 1, 1 << 32),
    ] {
        assert_eq!(LocalAddress::decode(&bad, 4096).unwrap_err().class, Class::Invalid);
    }
    for alloc in [0, 1, 511, 4095, 256, 1 << 28] {
        assert!(LocalAddress::decode(&[0x80; 3], alloc).is_err());
    }
    for (offset, size) in [(0, 4096), (4096, 0), (4097, 4096), (4096, 1)] {
        assert!(LocalAddress { offset, size, checksum: 0, object: None }.encode(4096).is_err());
    }
}

#[test]
fn extent_lists_of_16_6() {
    let decode = |data: &str| ExtentList::decode(&block(data), 4096, 81_920);
    let e = |offset, size| Extent { offset, size };
    let alloc = decode("e2f51a80e26fc0cfc0e2cfc0cfc08080").unwrap();
    assert_eq!(alloc.extents, [e(36_864, 4096), e(61_440, 4096)]);
    assert_eq!((alloc.end, alloc.end_value, &alloc.recovery), (56, 0, &None));
    let avail = decode("e2f51a80e23fc0cfc0e28fc0cfc0e2afc0dfc08080").unwrap();
    assert_eq!(avail.extents, [e(24_576, 4096), e(45_056, 4096), e(53_248, 8192)]);
    let discard = decode("e2f51a80cfc0cfc08080").unwrap();
    assert_eq!((discard.extents.as_slice(), discard.end), ([e(4096, 4096)].as_slice(), 50));
    assert_eq!(hex::encode(discard.encode()), "e2f51a80cfc0cfc08080");
    let empty = decode("e2f51a808080").unwrap();
    assert!(empty.extents.is_empty());
    // An end value without the data behind it: the list is still good.
    let torn = decode("e2f51a808081").unwrap();
    assert!(torn.recovery.is_none() && torn.recovery_error.is_some());
    for (data, why) in [
        ("e2f51b808080", "magic"),
        ("e2f51a818080", "magic"),
        ("", "magic"),
        ("e2f51a80bfcfc08080", "below the first unit"),
        ("e2f51a80cfc1cfc08080", "unaligned offset"),
        ("e2f51a80cfc0cfc18080", "unaligned size"),
        ("e2f51a80e3011fc0cfc08080", "behind the end"),
        ("e2f51a80cfc0e8ffffffffffff0fc08080", "overflow"),
    ] {
        assert_eq!(decode(data).unwrap_err().class, Class::Invalid, "{why}");
    }
    assert_eq!(ExtentList::decode(&[0; 39], 4096, 81_920).unwrap_err().class, Class::Invalid);
    let unended = [vec![0; DATA_OFFSET], hex::decode("e2f51a80cfc0cfc0").unwrap()].concat();
    assert!(ExtentList::decode(&unended, 4096, 81_920).is_err());
}

#[test]
fn recovery_data_of_16_9() {
    let recovery = Recovery {
        generation: 302,
        file_size: 81_920,
        metadata: "encryption=(keyid=,name=),block_metadata_encrypted=false,block_metadata=[id=1,checkpoint=()]"
            .to_owned(),
        checkpoint_list: "checkpoint=(a=(order=1))".to_owned(),
        cookie: hex::decode("018e81e4f7dc19e29081e47bcef2b98080809181e4219ad4aee2cfc0cfc0").unwrap(),
    };
    assert_eq!(recovery.cookie.len(), 30);
    let list = ExtentList {
        extents: vec![Extent { offset: 24_576, size: 4096 }],
        end: 51,
        end_value: 1,
        recovery: Some(recovery.clone()),
        recovery_error: None,
    };
    let data = hex::encode(list.encode());
    assert!(data.contains("8081c0eee3011fc00000000000"), "{data}");
    let got = ExtentList::decode(&block(&data), 4096, 81_920).unwrap();
    assert_eq!(got, list);
    // The avail triplet and the file size are what the stored cookie lacks.
    let full = recovery.checkpoint(4096, address(77_824, 0x70ca_0f10).unwrap()).unwrap();
    assert_eq!(hex::encode(full.encode(4096).unwrap()), COOKIE);
    assert_eq!(recovery.file_metadata().unwrap(), Some("id=1,checkpoint=()"));
    let hidden = Recovery { metadata: "block_metadata_encrypted=true,block_metadata=[00ff]".to_owned(), ..recovery };
    assert_eq!(hidden.file_metadata().unwrap(), None);
}

prop_compose! {
    fn any_address()(unit in 1..1_u64 << 40, units in 1..1000_u32, checksum: u32) -> LocalAddress {
        LocalAddress { offset: unit * 512, size: units * 512, checksum, object: None }
    }
}

proptest! {
    #[test]
    fn checkpoint_round_trip(
        addresses in proptest::collection::vec(proptest::option::of(any_address()), 4),
        file_size: u64,
        checkpoint_size: u64,
        object: Option<u64>,
    ) {
        let with = |i: usize| addresses[i].map(|a| LocalAddress { object, ..a });
        let cp = LocalCheckpoint {
            version: 1, root: with(0), alloc: with(1), avail: with(2), discard: with(3), file_size, checkpoint_size, object,
        };
        prop_assert_eq!(LocalCheckpoint::decode(&cp.encode(512).unwrap(), 512).unwrap(), cp);
    }

    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..200), alloc in 0..5000_u32, size: u64) {
        for alloc in [alloc, 512, 4096] {
            let _ = descriptor(&bytes);
            let _ = allocation_size(&bytes);
            let _ = LocalAddress::decode(&bytes, alloc);
            let _ = LocalCheckpoint::decode(&bytes, alloc);
            let _ = LocalCheckpoint::decode(&[&[1], bytes.as_slice()].concat(), alloc);
            let _ = ExtentList::decode(&bytes, alloc, size);
            let mut list = block("e2f51a80cfc0cfc08081");
            list.truncate(50);
            list.extend_from_slice(&bytes);
            let _ = ExtentList::decode(&list, alloc, size);
        }
    }
}
