use super::record_id::long;
use proptest::prelude::*;
use wtcheck::mongo::extjson::Mode;
use wtcheck::mongo::index_entry::{self, Layout, entry};
use wtcheck::mongo::key_json;
use wtcheck::mongo::key_value::{KeyValue, KeyVersion, Number};
use wtcheck::mongo::keystring::*;
use wtcheck::mongo::record_id::{Form, RecordId};

fn shape(version: KeyVersion, descending: &[bool]) -> Shape {
    Shape { version, descending: descending.to_vec(), exact: true, collated: false }
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn text(value: &KeyValue) -> String {
    let mut out = Vec::new();
    key_json::write(value, Mode::Canonical, &mut out);
    String::from_utf8(out).unwrap()
}

/// The one ascending field of a key.
fn one(version: KeyVersion, key: &str, bits: &str) -> String {
    let key = hex(key);
    let fields = decode(&key, &shape(version, &[false]), Some(&hex(bits))).unwrap();
    assert_eq!((fields.values.len(), fields.end), (1, key.len()));
    text(&fields.values[0])
}

#[test]
fn vectors_of_the_specification() {
    use KeyVersion::{V0, V1};
    let same = [
        ("645f1e0a2b3c4d5e6f70819203 04", "", r#"{"$oid":"5f1e0a2b3c4d5e6f70819203"}"#),
        ("2904", "", r#"{"$numberInt":"0"}"#),
        ("2b0204", "", r#"{"$numberInt":"1"}"#),
        ("2b0a04", "", r#"{"$numberInt":"5"}"#),
        ("2bfe04", "", r#"{"$numberInt":"127"}"#),
        ("2c010004", "", r#"{"$numberInt":"128"}"#),
        ("2b0a04", "02", r#"{"$numberLong":"5"}"#),
        ("2b0a04", "01", r#"{"$numberDouble":"5.0"}"#),
        ("27fd04", "", r#"{"$numberInt":"-1"}"#),
        ("26feff04", "", r#"{"$numberInt":"-128"}"#),
        ("2efffffffe04", "", r#"{"$numberInt":"2147483647"}"#),
        ("3140000000000000 04", "02", r#"{"$numberLong":"9007199254740992"}"#),
        ("3c61620004", "", r#""ab""#),
        ("3c6100ff620004", "", r#""a\u0000b""#),
        ("3c61620004", "01", r#"{"$symbol":"ab"}"#),
        ("0a04", "", r#"{"$minKey":1}"#),
        ("0f04", "", r#"{"$undefined":true}"#),
        ("1404", "", "null"),
        ("1e04", "01", r#"{"$numberDouble":"NaN"}"#),
        ("2904", "02", r#"{"$numberLong":"0"}"#),
        ("2904", "01", r#"{"$numberDouble":"0.0"}"#),
        ("6e04", "", "false"),
        ("6f04", "", "true"),
        ("f004", "", r#"{"$maxKey":1}"#),
        ("788000013bccd6d8c504", "", r#"{"$date":{"$numberLong":"1356351330501"}}"#),
        ("82000000050000000604", "", r#"{"$timestamp":{"t":5,"i":6}}"#),
        ("8c612f6200697800 04", "", r#"{"$regularExpression":{"pattern":"a/b","options":"ix"}}"#),
        ("5a0204010204", "", r#"{"$binary":{"base64":"AQI=","subType":"04"}}"#),
        ("a066282900 04", "", r#"{"$code":"f()"}"#),
        ("50 2b02 3c6100 50 00 00 04", "", r#"[{"$numberInt":"1"},"a",[]]"#),
        ("46 1e6100 2b02 6e6200 6f 00 04", "", r#"{"a":{"$numberInt":"1"},"b":true}"#),
        ("aa66282900 1e6100 2b02 00 04", "", r#"{"$code":"f()","$scope":{"a":{"$numberInt":"1"}}}"#),
        (
            "96 00000001 61 5f1e0a2b3c4d5e6f70819203 04",
            "",
            r#"{"$dbPointer":{"$ref":"a","$id":{"$oid":"5f1e0a2b3c4d5e6f70819203"}}}"#,
        ),
    ];
    for (key, bits, value) in same {
        for version in [V0, V1] {
            assert_eq!(one(version, key, bits), value, "{key}");
        }
    }
    assert_eq!(one(V1, "2b038000000000000004", "01"), r#"{"$numberDouble":"1.5"}"#);
    assert_eq!(one(V0, "2b030800000000000004", "01"), r#"{"$numberDouble":"1.5"}"#);
    assert_eq!(one(V0, "2904", "03"), r#"{"$numberDouble":"-0.0"}"#);
    assert_eq!(one(V1, "2904", "03"), r#"{"$numberDouble":"-0.0"}"#);
    // Raw doubles of version 0, with their sign; those of negative numbers inverted.
    let raw = |kind: &str, x: f64| {
        let bits = if x < 0.0 { !x.to_bits() } else { x.to_bits() };
        format!("{kind}{}04", hex::encode(bits.to_be_bytes()))
    };
    for (kind, x, says) in
        [("28", -0.25, "-0.25"), ("2a", 0.25, "0.25"), ("1f", -1e300, "-1E+300"), ("33", 1e300, "1E+300")]
    {
        assert_eq!(one(V0, &raw(kind, x), "01"), format!("{{\"$numberDouble\":\"{says}\"}}"));
    }
    let least = raw("1f", -(2_f64.powi(63)));
    assert_eq!(one(V0, &least, "02"), r#"{"$numberLong":"-9223372036854775808"}"#);
}

#[test]
fn a_descending_field_is_inverted() {
    let fields = decode(&hex("c39e9dff2b0204"), &shape(KeyVersion::V1, &[true, false]), Some(&[])).unwrap();
    assert_eq!(
        fields.values,
        [KeyValue::String(b"ab".to_vec()), KeyValue::Number(Number::Int32(1))],
        "and the next one is not"
    );
}

#[test]
fn decimals() {
    let says = |key: &str, bits: &str| one(KeyVersion::V1, key, bits);
    let decimal = |text: &str| format!("{{\"$numberDecimal\":\"{text}\"}}");
    // The type's two bits, then the low bits of the exponent, highest first, from bit 0 upward.
    let bits = |exponent: i32| {
        let stored = (6176 + exponent) & 63;
        let all = [1, 1].into_iter().chain((0..6).rev().map(|i| stored >> i & 1));
        let byte = all.enumerate().fold(0, |out, (i, bit)| out | bit << i);
        if byte >= 0x80 { format!("81{byte:02x}") } else { format!("{byte:02x}") }
    };
    assert_eq!(says("2b0a04", &bits(0)), decimal("5"));
    assert_eq!(says("2b0a04", &bits(-2)), decimal("5.00"));
    assert_eq!(says("2d0f424004", &bits(5)), decimal("5E+5"));
    assert_eq!(says("2b038000000000000004", &bits(-2)), decimal("1.50"));
    // 0.1 lies above the double below it, which rounds up to it.
    let below = 0x3fb9_9999_9999_9999_u64;
    let key = format!("2a{}04", hex::encode((below << 2 | 1).to_be_bytes()));
    assert_eq!(says(&key, &bits(-1)), decimal("0.1"));
    assert_eq!(says(&key, &bits(-20)), decimal("0.10000000000000000000"));
    // Beyond the doubles: its own bits. 1E+6000 at 34 digits.
    let high = (6000_u64 - 33 + 6176) << 49;
    let all = u128::from(high) << 64 | 10_u128.pow(33) | 1 << 127;
    let key = format!("33{}04", hex::encode(all.to_be_bytes()));
    assert_eq!(says(&key, &bits(6000)), decimal("1E+6000"));
    // Zeros by sign and exponent.
    assert_eq!(says("2904", "833b0801"), decimal("0E+1"));
    assert_eq!(says("2904", "830b0000"), decimal("0E-6176"));
    assert_eq!(says("2904", "832f0800"), decimal("-0"));
    // A continuation is skipped.
    let key = format!("2a{}0000000000000001 2b0204", hex::encode((below << 2 | 3).to_be_bytes()));
    let two = shape(KeyVersion::V1, &[false, false]);
    assert!(decode(&hex(&key), &two, Some(&[])).is_err(), "int32 has no room for it");
    let fields = decode(&hex(&key), &two, None).unwrap();
    assert!(matches!(fields.values[0], KeyValue::Number(Number::Decimal { about: true, .. })), "{fields:?}");
    assert_eq!(fields.values[1], KeyValue::Number(Number::Int32(1)));
}

#[test]
fn other_counts_of_fields() {
    let open = Shape { version: KeyVersion::V1, descending: Vec::new(), exact: false, collated: false };
    let key = hex("3c61002b0204 0008");
    let fields = decode(&key, &open, Some(&[])).unwrap();
    assert_eq!((fields.values.len(), fields.end), (2, 6));
    assert!(decode(&key, &shape(KeyVersion::V1, &[false]), Some(&[])).is_err(), "one field too many");
    assert!(decode(&key, &shape(KeyVersion::V1, &[false; 3]), Some(&[])).is_err(), "one too few");
}

#[test]
fn sort_keys_are_shown_as_hex() {
    let collated = Shape { collated: true, ..shape(KeyVersion::V1, &[false]) };
    let fields = decode(&hex("3c2a2c0004"), &collated, Some(&[])).unwrap();
    assert_eq!(text(&fields.values[0]), r#"{"$sortKey":"2a2c"}"#);
}

#[test]
fn clustered_ids() {
    assert_eq!(
        text(&clustered(&hex("645f1e0a2b3c4d5e6f70819203"), false).unwrap()),
        r#"{"$oid":"5f1e0a2b3c4d5e6f70819203"}"#
    );
    assert_eq!(text(&clustered(&hex("2b02"), false).unwrap()), r#"{"$numberInt":"1"}"#);
    assert!(clustered(&hex("2b0204"), false).is_err(), "no end stands there");
    assert!(clustered(&[], false).is_err());
}

#[test]
fn entries_of_both_layouts() {
    let one = shape(KeyVersion::V1, &[false]);
    let read = |version, form, key: &str, value: &str| {
        entry(index_entry::format(version).unwrap(), &one, form, &hex(key), &hex(value))
    };
    // `_id_`: the record id is the value, type bits behind it.
    let e = read(8, Form::Long, "2b0a04", "0008").unwrap();
    assert_eq!((e.layout, e.ids), (Layout::Value, vec![RecordId::Long(1)]));
    assert_eq!(e.fields, [KeyValue::Number(Number::Int32(5))]);
    let e = read(8, Form::Long, "2b0a04", "000802").unwrap();
    assert_eq!(e.fields, [KeyValue::Number(Number::Int64(5))]);
    // Several rows of an old unique index.
    let e = read(12, Form::Long, "2b0a04", "00080200f800").unwrap();
    assert_eq!(e.ids, [RecordId::Long(1), RecordId::Long(31)]);
    assert_eq!(e.fields, [KeyValue::Number(Number::Int64(5))]);
    // The record id in the key, the type bits in the value.
    for version in [8, 12, 14] {
        let e = read(version, Form::Long, "2b0a04202001", "01").unwrap();
        assert_eq!((e.layout, e.ids), (Layout::Key, vec![RecordId::Long(1024)]));
        assert_eq!(e.fields, [KeyValue::Number(Number::Double(5.0))]);
        let e = read(version, Form::Text, "2b0a042b0202", "").unwrap();
        assert_eq!(e.ids, [RecordId::Text(hex("2b02"))]);
    }
    assert!(read(14, Form::Long, "2b0a04", "").is_err(), "no record id");
    assert!(read(14, Form::Long, "2b0a04ff0008", "").is_err(), "something before it");
    assert!(read(8, Form::Long, "2b0a04", "00").is_err());
    for version in [0, 5, 7, 9, 10, 15] {
        assert!(index_entry::format(version).is_err(), "{version}");
    }
}

#[test]
fn deep_nesting_ends() {
    for open in ["50", "461e6100 46"] {
        let key = hex(&open.repeat(100_000));
        assert!(decode(&key, &shape(KeyVersion::V1, &[false]), None).is_err());
    }
    let deep = hex(&format!("{}{}04", "50".repeat(150), "00".repeat(150)));
    assert!(decode(&deep, &shape(KeyVersion::V1, &[false]), None).is_ok());
}

/// A number as version 1 has it, and its type bits.
fn number(n: &Number) -> (Vec<u8>, Vec<u8>) {
    let (negative, mut key, bits) = match *n {
        Number::Int32(n) => (n < 0, whole(u64::from(n.unsigned_abs())), vec![0, 0]),
        Number::Int64(i64::MIN) => (true, double(2_f64.powi(63)), vec![0, 1]),
        Number::Int64(n) => (n < 0, whole(n.unsigned_abs()), vec![0, 1]),
        Number::Double(n) if n.to_bits() == (-0.0_f64).to_bits() => (false, vec![0x29], vec![1, 1, 0, 0, 0]),
        Number::Double(n) => (n < 0.0, double(n.abs()), vec![1, 0]),
        Number::Decimal { .. } => unreachable!(),
    };
    if negative {
        key[0] = 0x29 - (key[0] - 0x29);
        key[1..].iter_mut().for_each(|b| *b = !*b);
    }
    (key, packed(&bits))
}

fn packed(bits: &[u8]) -> Vec<u8> {
    if bits.iter().all(|b| *b == 0) {
        return Vec::new();
    }
    let data: Vec<u8> =
        bits.chunks(8).map(|chunk| chunk.iter().enumerate().fold(0, |out, (i, bit)| out | bit << i)).collect();
    match data[..] {
        [byte] if byte < 0x80 => data,
        _ => [vec![0x80 | u8::try_from(data.len()).unwrap()], data].concat(),
    }
}

fn shifted(x: u64) -> Vec<u8> {
    let n = (64 - x.leading_zeros()).div_ceil(8) as usize;
    let mut out = vec![0x2a + n as u8];
    out.extend(&x.to_be_bytes()[8 - n..]);
    out
}

fn whole(x: u64) -> Vec<u8> {
    if x == 0 { vec![0x29] } else { shifted(x << 1) }
}

fn double(x: f64) -> Vec<u8> {
    let with = |kind: u8, x: u64| [vec![kind], x.to_be_bytes().to_vec()].concat();
    if x == 0.0 {
        vec![0x29]
    } else if x.is_infinite() {
        with(0x33, u64::MAX)
    } else if x >= 2_f64.powi(63) {
        with(0x33, (x.to_bits() & !(1 << 62)) << 1)
    } else if x.fract() == 0.0 {
        whole(x as u64)
    } else if x >= 1.0 {
        let mut out = shifted((x as u64) << 1 | 1);
        let missing = 9 - out.len() as u32;
        let all = (x * 256_f64.powi(missing as i32)) as u64;
        out.extend(&all.to_be_bytes()[8 - missing as usize..]);
        out
    } else if x >= 2_f64.powi(-255) {
        with(0x2a, x.to_bits() << 2)
    } else {
        with(0x2a, ((x * 2_f64.powi(256)).to_bits() << 1) + (1 << 62))
    }
}

/// A double that is no zero, as version 0 has it.
fn double_v0(x: f64) -> Vec<u8> {
    let size = x.abs();
    let mut key = if size < 1.0 || size >= 2_f64.powi(63) {
        let mut key = vec![if size < 1.0 { 0x2a } else { 0x33 }];
        key.extend(x.to_bits().to_be_bytes());
        key
    } else if size.fract() == 0.0 {
        whole(size as u64)
    } else {
        let mut key = shifted((size as u64) << 1 | 1);
        let missing = 52 - (size as u64).ilog2();
        let bytes = missing.div_ceil(8) as usize;
        let rest = size.to_bits() & ((1 << missing) - 1);
        key.extend(&rest.to_be_bytes()[8 - bytes..]);
        key
    };
    if x < 0.0 {
        key[0] = 0x29 - (key[0] - 0x29);
        key[1..].iter_mut().for_each(|b| *b = !*b);
    }
    key
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i32>().prop_map(Number::Int32),
        (-300..300).prop_map(Number::Int32),
        any::<i64>().prop_map(Number::Int64),
        (any::<i64>(), 0_u32..63).prop_map(|(n, shift)| Number::Int64(n >> shift)),
        Just(Number::Int64(i64::MIN)),
        any::<f64>().prop_filter("NaN", |n| !n.is_nan()).prop_map(Number::Double),
        (-1e6..1e6).prop_map(Number::Double),
        (any::<i32>(), 0..40).prop_map(|(n, e)| Number::Double(f64::from(n) / 2_f64.powi(e))),
        any::<u64>().prop_map(f64::from_bits).prop_filter("NaN", |n| !n.is_nan()).prop_map(Number::Double),
        prop_oneof![Just(0.0), Just(-0.0), Just(f64::INFINITY), Just(5e-324), Just(f64::MIN_POSITIVE)]
            .prop_map(Number::Double),
    ]
}

/// Compared as MongoDB does, where it can be said in `i128` and doubles.
fn order(a: &Number, b: &Number) -> Option<std::cmp::Ordering> {
    let exact = |n: &Number| match *n {
        Number::Int32(n) => Some(i128::from(n)),
        Number::Int64(n) => Some(i128::from(n)),
        Number::Double(n) if n.fract() == 0.0 && n.abs() < 1e30 => Some(n as i128),
        _ => None,
    };
    let near = |n: &Number| match *n {
        Number::Int32(n) => f64::from(n),
        Number::Int64(n) => n as f64,
        Number::Double(n) => n,
        Number::Decimal { .. } => unreachable!(),
    };
    match (exact(a), exact(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        // A fraction and a whole number that is not far apart: doubles have fractions below 2^53 only.
        _ => near(a).partial_cmp(&near(b)),
    }
}

fn inverted(key: &[u8]) -> Vec<u8> {
    key.iter().map(|b| !b).collect()
}

/// Bits, so that -0.0 and 0.0 differ.
fn same(a: &Number, b: &Number) -> bool {
    match (a, b) {
        (Number::Double(a), Number::Double(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn numbers_come_back_and_sort(a in numbers(), b in numbers()) {
        let ((key_a, bits), (key_b, _)) = (number(&a), number(&b));
        for (key, descending) in [(key_a.clone(), false), (inverted(&key_a), true)] {
            let key = [&key[..], &[4], &long(7)].concat();
            let fields = decode(&key, &shape(KeyVersion::V1, &[descending]), Some(&bits)).unwrap();
            prop_assert_eq!(fields.end, key.len() - 2);
            let KeyValue::Number(back) = &fields.values[0] else { panic!("{fields:?}") };
            prop_assert!(same(back, &a), "{back:?} {a:?}");
            // The end does not need the bits.
            prop_assert_eq!(decode(&key, &shape(KeyVersion::V1, &[descending]), None).unwrap().end, fields.end);
        }
        let key = |key: &[u8]| [key, &[4]].concat();
        prop_assert_eq!(Some(key(&key_a).cmp(&key(&key_b))), order(&a, &b));
    }
}

proptest! {
    #[test]
    fn doubles_of_version_0_come_back_and_sort(a in numbers(), b in numbers()) {
        let double = |n: &Number| match *n {
            Number::Double(n) if n != 0.0 => n,
            Number::Int32(n) => f64::from(n) + 0.3,
            _ => 0.7,
        };
        let (a, b) = (double(&a), double(&b));
        for (key, descending) in [(double_v0(a), false), (inverted(&double_v0(a)), true)] {
            let key = [&key[..], &[4]].concat();
            let fields = decode(&key, &shape(KeyVersion::V0, &[descending]), Some(&[1])).unwrap();
            prop_assert_eq!(&fields.values, &[KeyValue::Number(Number::Double(a))]);
            prop_assert_eq!(fields.end, key.len());
        }
        prop_assert_eq!(Some(double_v0(a).cmp(&double_v0(b))), a.partial_cmp(&b));
    }

    #[test]
    fn texts_come_back_and_sort(a in any::<Vec<u8>>(), b in any::<Vec<u8>>(), n in numbers()) {
        let key = |text: &[u8]| {
            let mut out = vec![0x3c];
            for byte in text {
                out.push(*byte);
                if *byte == 0 {
                    out.push(0xff);
                }
            }
            out.push(0);
            out
        };
        prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        let (number, _) = number(&n);
        let whole = [&inverted(&key(&a))[..], &number, &[4]].concat();
        let fields = decode(&whole, &shape(KeyVersion::V1, &[true, false]), None).unwrap();
        prop_assert_eq!(&fields.values[0], &KeyValue::String(a));
        prop_assert_eq!(fields.end, whole.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        key in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(4), 0x1e_u8..0x34, Just(0x46), Just(0x50)], 0..60),
        value in proptest::collection::vec(any::<u8>(), 0..12),
        descending in any::<[bool; 2]>(),
        exact in any::<bool>(),
    ) {
        for version in [KeyVersion::V0, KeyVersion::V1] {
            let shape = Shape { version, descending: descending.to_vec(), exact, collated: false };
            for fields in [decode(&key, &shape, None), decode(&key, &shape, Some(&value))].into_iter().flatten() {
                prop_assert!(fields.end <= key.len());
                fields.values.iter().for_each(|v| drop(text(v)));
            }
        }
        let _ = clustered(&key, false);
        for version in [6, 8, 11, 12, 13, 14] {
            let format = index_entry::format(version).unwrap();
            let shape = Shape { version: format.version, descending: descending.to_vec(), exact, collated: true };
            for form in [Form::Long, Form::Text] {
                let _ = entry(format, &shape, form, &key, &value);
            }
        }
    }
}
