use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::crc::{crc32c, crc32c_zeroed};
use wtcheck::format::key_page::*;

const V1: &str = "7774636801011000100000003a618c83deadbeefdeadbeefdeadbeefdeadbeef";
const V2: &str = "777463680201180010000000bdd088d601000000549ce269deadbeefdeadbeefdeadbeefdeadbeef";

fn payload() -> Vec<u8> {
    [0xde, 0xad, 0xbe, 0xef].repeat(4)
}

/// Put the right checksum into a page.
fn seal(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let sum = crc32c_zeroed(&bytes, at);
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn layout_a(payload: &[u8]) -> Vec<u8> {
    let mut out = b"wtch\x01\x0e".to_vec();
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    seal(out, 10)
}

fn layout_b(payload: &[u8]) -> Vec<u8> {
    let mut out = b"wtch\x01\x01\x10".to_vec();
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&[0; 5]);
    out.extend_from_slice(payload);
    seal(out, 11)
}

#[test]
fn vectors_of_14_4() {
    let bytes = hex::decode(V1).unwrap();
    let page = parse(&bytes).unwrap();
    let want = KeyPage {
        layout: KeyLayout::V1,
        version: 1,
        compatible_version: Some(1),
        header_size: 16,
        crypt_size: 16,
        checksum: 0x838c_613a,
        timestamp: None,
        payload_len: 16,
        payload_crc32c: crc32c(&payload()),
    };
    assert_eq!(page, want);
    assert_eq!(encode_v1(&payload()), bytes);

    let bytes = hex::decode(V2).unwrap();
    let page = parse(&bytes).unwrap();
    assert_eq!(
        page,
        KeyPage {
            layout: KeyLayout::V2,
            version: 2,
            header_size: 24,
            checksum: 0xd688_d0bd,
            timestamp: Some(0x69e2_9c54_0000_0001),
            ..want
        }
    );
    assert_eq!(encode_v2(&payload(), 0x69e2_9c54_0000_0001), bytes);
}

#[test]
fn early_layouts() {
    for len in [1, 2, 16, 255, 256, 512, 65_536] {
        let secret = vec![0x5a; len];
        let a = parse(&layout_a(&secret)).unwrap();
        assert_eq!((a.layout, a.header_size, a.compatible_version, a.payload_len), (KeyLayout::A, 14, None, len));
        let b = parse(&layout_b(&secret)).unwrap();
        assert_eq!((b.layout, b.header_size, b.compatible_version, b.payload_len), (KeyLayout::B, 16, Some(1), len));
        assert_eq!(a.payload_crc32c, b.payload_crc32c);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let pages = [hex::decode(V1).unwrap(), hex::decode(V2).unwrap(), layout_a(&payload()), layout_b(&payload())];
    for page in pages {
        for bit in 0..page.len() * 8 {
            let mut bad = page.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bad).unwrap_err().class, Class::Io, "bit {bit}");
        }
    }
}

#[test]
fn order_of_08_4() {
    // Too small, at every length.
    for len in 0..14 {
        assert_eq!(parse(&hex::decode(V1).unwrap()[..len]).unwrap_err().class, Class::Io);
    }
    let resealed = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = hex::decode(V1).unwrap();
        edit(&mut bytes);
        parse(&seal(bytes, 12))
    };
    // Header size below the minimum, above the item, payload length wrong.
    assert_eq!(resealed(&|b| b[6] = 15).unwrap_err().class, Class::Io);
    assert_eq!(resealed(&|b| b[6] = 33).unwrap_err().class, Class::Io);
    assert_eq!(resealed(&|b| b[8] = 15).unwrap_err().class, Class::Io);
    assert_eq!(resealed(&|b| b.push(0)).unwrap_err().class, Class::Io);
    // A newer compatible version is told before a wrong signature.
    assert_eq!(resealed(&|b| b[5] = 3).unwrap_err().class, Class::Unsupported);
    assert_eq!(
        resealed(&|b| {
            b[5] = 3;
            b[0] = b'x';
        })
        .unwrap_err()
        .class,
        Class::Unsupported
    );
    let wrong = resealed(&|b| b[0] = b'x').unwrap_err();
    assert_eq!(wrong.class, Class::Io);
    assert!(wrong.message.contains("signature"), "{wrong}");
    // Larger headers and newer versions are accepted.
    let larger = resealed(&|b| {
        b[4] = 9;
        b[6] = 32;
        b[8] = 0;
    })
    .unwrap();
    assert_eq!((larger.layout, larger.version, larger.payload_len), (KeyLayout::V2, 9, 0));
    assert_eq!(resealed(&|b| b[5] = 2).unwrap().compatible_version, Some(2));
}

proptest! {
    #[test]
    fn round_trip(payload in proptest::collection::vec(any::<u8>(), 0..600), timestamp: u64) {
        let one = parse(&encode_v1(&payload)).unwrap();
        prop_assert_eq!((one.layout, one.payload_len, one.payload_crc32c), (KeyLayout::V1, payload.len(), crc32c(&payload)));
        let two = parse(&encode_v2(&payload, timestamp)).unwrap();
        prop_assert_eq!((two.layout, two.timestamp, two.payload_len), (KeyLayout::V2, Some(timestamp), payload.len()));
    }

    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes);
        let mut signed = b"wtch".to_vec();
        signed.extend_from_slice(&bytes);
        if signed.len() >= 16 {
            let _ = parse(&seal(signed, 12));
        }
    }
}
