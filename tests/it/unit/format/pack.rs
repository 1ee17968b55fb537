use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::pack::*;

#[test]
fn formats_and_bytes() {
    for (format, bytes, fits) in [
        ("S", &b"key\0"[..], true),
        ("S", b"key", true),
        ("S", b"key\0x", false),
        ("u", b"", true),
        ("u", b"anything", true),
        ("q", b"\x81", true),
        ("q", b"", false),
        ("SSi", b"a\0b\0\x85", true),
        ("SSi", b"a\0b\x85", false),
        ("Sq", b"city\0\x81", true),
        ("uB", b"\x82ab\x01", true),
        ("Bu", b"\x01ab", true),
        ("3S", b"ab\0", true),
        ("3s", b"ab", false),
        ("2i", b"\x81\x82", true),
        ("2i", b"\x81", false),
        ("8t", b"\x05", true),
        ("2x", b"\0\0", true),
        ("", b"", true),
        ("", b"x", false),
        ("IuQQ", b"\x82\x81k\x8a\x80", true),
    ] {
        assert_eq!(check(format, bytes).is_ok(), fits, "{format} {bytes:?}");
    }
    for format in ["Z", "9", "99999999999999999999999S"] {
        assert_eq!(check(format, b"x").unwrap_err().class, Class::Unsupported, "{format}");
    }
}

proptest! {
    #[test]
    fn anything_ends(format in "[0-9SsuUiqQIBbtxrR@]{0,12}", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = check(&format, &bytes);
    }
}
