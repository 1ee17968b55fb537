use wtcheck::decode::bytes::*;

#[test]
fn each_way() {
    let key = b"user 42\0\x1b";
    assert_eq!(show(key, Show::None, false), "9 bytes");
    assert_eq!(show(key, Show::Redacted, false), "xxxx 99..");
    assert_eq!(show(key, Show::Hex, false), "75736572203432001b");
    assert_eq!(show(key, Show::Bson, false), r#""user 42\x00\x1b""#);
    assert_eq!(show(&[7; 70], Show::Hex, false), format!("{} and 6 more bytes", "07".repeat(64)));
    let document = [0x0c, 0, 0, 0, 0x10, b'a', 0, 1, 0, 0, 0, 0];
    assert_eq!(show(&document, Show::Bson, false), r#"{"a":1}"#);
    let nested = [0x0d, 0, 0, 0, 0x03, b'a', 0, 0xff, 0xff, 0xff, 0x7f, 0, 0];
    assert!(show(&nested, Show::Bson, false).starts_with('"'));
}
