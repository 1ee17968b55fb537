use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc};
use proptest::collection::vec;
use proptest::prelude::*;
use wtcheck::mongo::extjson::*;

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap()
}

fn write_text(document: &[u8], mode: Mode) -> (String, Notes) {
    let mut out = Vec::new();
    let notes = write(document, mode, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), notes)
}

/// The text of a field `a`, in both forms.
fn value_text(value: impl Into<Bson>) -> (String, String) {
    let document = bytes(&doc! { "a": value.into() });
    let inner = |mode| {
        let (text, _) = write_text(&document, mode);
        text.strip_prefix("{\"a\":").unwrap().strip_suffix('}').unwrap().to_owned()
    };
    (inner(Mode::Canonical), inner(Mode::Relaxed))
}

/// A document of one field with these bytes: type, then value.
fn raw(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = i32::try_from(value.len() + 8).unwrap();
    [&length.to_le_bytes()[..], &[kind], b"a\0", value, b"\0"].concat()
}

#[test]
fn values_of_the_specification() {
    let id = ObjectId::parse_str("5f1e0a2b3c4d5e6f70819203").unwrap();
    let binary = |subtype, bytes: &[u8]| Binary { subtype, bytes: bytes.to_vec() };
    let scope = JavaScriptCodeWithScope { code: "f()".into(), scope: doc! { "x": 1 } };
    let same: [(Bson, &str); 16] = [
        (Bson::String("a\"\\\n\t\u{1}\u{2028}é<&>".into()), r#""a\"\\\n\t\u0001\u2028é<&>""#),
        (true.into(), "true"),
        (Bson::Null, "null"),
        (Bson::Array(vec![Bson::Null, Bson::Document(doc! {})]), "[null,{}]"),
        (f64::NAN.into(), r#"{"$numberDouble":"NaN"}"#),
        (f64::NEG_INFINITY.into(), r#"{"$numberDouble":"-Infinity"}"#),
        ("1.50".parse::<Decimal128>().unwrap().into(), r#"{"$numberDecimal":"1.50"}"#),
        (id.into(), r#"{"$oid":"5f1e0a2b3c4d5e6f70819203"}"#),
        (binary(BinarySubtype::Generic, &[1, 2]).into(), r#"{"$binary":{"base64":"AQI=","subType":"00"}}"#),
        (binary(BinarySubtype::BinaryOld, &[1, 2]).into(), r#"{"$binary":{"base64":"AQI=","subType":"02"}}"#),
        (Timestamp { time: 5, increment: 6 }.into(), r#"{"$timestamp":{"t":5,"i":6}}"#),
        (Bson::JavaScriptCode("f()".into()), r#"{"$code":"f()"}"#),
        (Bson::Symbol("a".into()), r#"{"$symbol":"a"}"#),
        (Bson::MinKey, r#"{"$minKey":1}"#),
        (Bson::MaxKey, r#"{"$maxKey":1}"#),
        (Bson::Undefined, r#"{"$undefined":true}"#),
    ];
    for (value, text) in same {
        assert_eq!(value_text(value), (text.to_owned(), text.to_owned()));
    }
    let regex = Regex { pattern: "a/b".try_into().unwrap(), options: "ix".try_into().unwrap() };
    assert_eq!(value_text(regex).0, r#"{"$regularExpression":{"pattern":"a/b","options":"ix"}}"#);
    let both = value_text(scope);
    assert_eq!(both.0, r#"{"$code":"f()","$scope":{"x":{"$numberInt":"1"}}}"#);
    assert_eq!(both.1, r#"{"$code":"f()","$scope":{"x":1}}"#);
    let pointer = [&5_i32.to_le_bytes()[..], b"db.c\0", &id.bytes()].concat();
    assert_eq!(
        write_text(&raw(0x0c, &pointer), Mode::Canonical).0,
        r#"{"a":{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"5f1e0a2b3c4d5e6f70819203"}}}}"#
    );
    let (canonical, relaxed) = value_text(7_i32);
    assert_eq!((canonical.as_str(), relaxed.as_str()), (r#"{"$numberInt":"7"}"#, "7"));
    let (canonical, relaxed) = value_text(7_i64);
    assert_eq!((canonical.as_str(), relaxed.as_str()), (r#"{"$numberLong":"7"}"#, "7"));
}

/// As the Go driver, which mongodump is made with: `strconv.FormatFloat(f, 'G', -1, 64)`, and `.0`.
#[test]
fn doubles() {
    let cases = [
        (1.5, "1.5"),
        (2.0, "2.0"),
        (-0.0, "-0.0"),
        (0.0, "0.0"),
        (100_000.0, "100000.0"),
        (123_456.5, "123456.5"),
        (1_000_000.0, "1E+06"),
        (1_234_567.0, "1.234567E+06"),
        (-1.234_567_892_123_2e18, "-1.2345678921232E+18"),
        (1e300, "1E+300"),
        (0.0001, "0.0001"),
        (0.00012, "0.00012"),
        (0.000_01, "1E-05"),
        (5e-324, "5E-324"),
        (f64::MAX, "1.7976931348623157E+308"),
    ];
    for (n, text) in cases {
        assert_eq!(value_text(n), (format!("{{\"$numberDouble\":\"{text}\"}}"), text.to_owned()));
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), n.to_bits());
    }
}

#[test]
fn dates() {
    let relaxed = [
        (1_356_351_330_501, "2012-12-24T12:15:30.501Z"),
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
        (4_107_542_400_007, "2100-03-01T00:00:00.007Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ];
    for (millis, text) in relaxed {
        let (canonical, relaxed) = value_text(DateTime::from_millis(millis));
        assert_eq!(canonical, format!("{{\"$date\":{{\"$numberLong\":\"{millis}\"}}}}"));
        assert_eq!(relaxed, format!("{{\"$date\":\"{text}\"}}"));
    }
    for millis in [-1, 253_402_300_800_000, i64::MIN, i64::MAX] {
        let (canonical, relaxed) = value_text(DateTime::from_millis(millis));
        assert_eq!(canonical, relaxed);
    }
}

#[test]
fn what_does_not_read_back_is_told() {
    let notes = |document: &[u8]| write_text(document, Mode::Canonical).1;
    assert!(notes(&bytes(&doc! { "a": { "b": [1, { "$set": 1 }] } })).reversible());
    assert!(notes(&bytes(&doc! { "a": [{ "$oid": 1 }] })).wrapper_names);
    assert!(notes(&raw(0x02, b"\x03\0\0\0a\xff\0")).not_utf8);
    assert_eq!(write_text(&raw(0x02, b"\x03\0\0\0a\xff\0"), Mode::Relaxed).0, "{\"a\":\"a\u{fffd}\"}");
    assert!(notes(&raw(0x0b, b"a\0xi\0")).other, "options are sorted");
    assert!(notes(&raw(0x04, &raw(0x0a, b""))).other, "an array's name");
    assert!(notes(&raw(0x13, &[0xff; 16])).other, "a decimal NaN of other bits");
    let twice = [&11_i32.to_le_bytes()[..], b"\x0aa\0\x0aa\0\0"].concat();
    let (text, notes) = write_text(&twice, Mode::Canonical);
    assert_eq!(text, r#"{"a":null,"a":null}"#);
    assert!(notes.same_names && !notes.reversible());
    let order = write_text(&bytes(&doc! { "z": 1, "a": 2, "m": 3 }), Mode::Relaxed).0;
    assert_eq!(order, r#"{"z":1,"a":2,"m":3}"#);
}

fn nested(depth: usize, kind: u8) -> Vec<u8> {
    (1..depth).fold(b"\x05\0\0\0\0".to_vec(), |inner, _| raw(kind, &inner))
}

#[test]
fn depth_has_an_end() {
    for kind in [0x03, 0x04] {
        let mut out = b"before".to_vec();
        assert!(write(&nested(200, kind), Mode::Canonical, &mut out).is_ok());
        out.truncate(6);
        let error = write(&nested(201, kind), Mode::Canonical, &mut out).unwrap_err();
        assert!(error.message.contains("nested deeper than 200"), "{error}");
        assert_eq!(out, b"before", "nothing of it");
        assert!(write(&nested(50_000, kind), Mode::Canonical, &mut out).is_err());
    }
}

#[test]
fn errors_tell_the_place() {
    let error = |document: &[u8]| write(document, Mode::Canonical, &mut Vec::new()).unwrap_err().message;
    assert!(error(&[5, 0, 0]).contains("cut off at byte 0"));
    assert!(error(&[6, 0, 0, 0, 0]).contains("says it has 6 bytes, there are 5"));
    assert!(error(&[5, 0, 0, 0, 1]).contains("does not end with a zero"));
    assert!(error(&[5, 0, 0, 0, 0, 0]).contains("occupies 6"));
    assert!(error(&raw(0x20, b"")).contains("unknown type 0x20 at byte 4"));
    assert!(error(&raw(0x03, &raw(0x21, b""))).contains("at byte 11"), "{}", error(&raw(0x03, &raw(0x21, b""))));
    for (kind, value) in [
        (0x08, &b"\x02"[..]),
        (0x02, b"\0\0\0\0"),
        (0x02, b"\x02\0\0\0ab"),
        (0x02, b"\xff\xff\xff\xffa\0"),
        (0x05, b"\x05\0\0\0\x02\x02\0\0\0a"),
        (0x0f, b"\x0f\0\0\0\x01\0\0\0\0\x05\0\0\0\0"),
        (0x13, &[0; 15]),
        (0x03, b"\x04\0\0\0\0"),
    ] {
        error(&raw(kind, value));
    }
}

fn values() -> impl Strategy<Value = Bson> {
    let text = || "[^\0]{0,8}";
    let leaf = prop_oneof![
        any::<f64>().prop_map(Bson::Double),
        any::<u64>().prop_map(|n| Bson::Double(f64::from_bits(n))).prop_filter("NaN", |n| *n == n.clone()),
        "\\PC{0,12}|[\\x00-\\x7f]{0,8}".prop_map(Bson::String),
        any::<bool>().prop_map(Bson::Boolean),
        Just(Bson::Null),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<i64>().prop_map(|n| Bson::DateTime(DateTime::from_millis(n))),
        any::<[u8; 12]>().prop_map(|id| Bson::ObjectId(ObjectId::from_bytes(id))),
        (any::<u8>(), any::<Vec<u8>>())
            .prop_map(|(subtype, bytes)| Bson::Binary(Binary { subtype: subtype.into(), bytes })),
        any::<(u32, u32)>().prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        (text(), "i?m?s?x?").prop_map(|(pattern, options)| Bson::RegularExpression(Regex {
            pattern: pattern.try_into().unwrap(),
            options: options.try_into().unwrap(),
        })),
        text().prop_map(Bson::JavaScriptCode),
        text().prop_map(Bson::Symbol),
        (any::<i64>(), -6000..6000_i32)
            .prop_map(|(n, e)| Bson::Decimal128(format!("{n}E{e}").parse::<Decimal128>().unwrap())),
        prop_oneof![Just(Bson::MinKey), Just(Bson::MaxKey), Just(Bson::Undefined)],
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let document = || vec(("[^$\0][^\0]{0,3}", inner.clone()), 0..6).prop_map(|f| f.into_iter().collect());
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Bson::Array),
            document().prop_map(Bson::Document),
            ("[a-z()]{0,5}", document())
                .prop_map(|(code, scope)| Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope })),
        ]
    })
}

proptest! {
    #[test]
    fn documents_come_back(fields in vec(("[^$\0][^\0]{0,3}", values()), 0..8)) {
        let document: Document = fields.into_iter().collect();
        let (text, notes) = write_text(&bytes(&document), Mode::Canonical);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let back = Bson::try_from(json).unwrap();
        let Bson::Document(back) = back else { panic!("{back}") };
        if !notes.other {
            prop_assert_eq!(&back, &document, "{}", text);
            prop_assert!(notes.reversible());
        }
        let (text, _) = write_text(&bytes(&document), Mode::Relaxed);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn flipped_bytes_are_read_or_refused(value in values(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut document = bytes(&doc! { "a": value });
        let at = at.index(document.len());
        document[at] = to;
        let mut out = Vec::new();
        match write(&document, Mode::Canonical, &mut out) {
            Ok(_) => prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok()),
            Err(_) => prop_assert!(out.is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut document in vec(any::<u8>(), 5..80)) {
        let length = i32::try_from(document.len()).unwrap();
        document[..4].copy_from_slice(&length.to_le_bytes());
        *document.last_mut().unwrap() = 0;
        let _ = write(&document, Mode::Relaxed, &mut Vec::new());
    }
}

/// Bits of decimals: any, and those near where the text changes its form.
fn decimal_bits() -> impl Strategy<Value = u128> {
    let edges = [0_u128, 1, 9, 10, 10_u128.pow(33), 10_u128.pow(34) - 1, 10_u128.pow(34), (1 << 113) - 1];
    let coefficient = prop_oneof![
        0_u128..=1_000_000,
        any::<u128>().prop_map(|n| n >> 15),
        (0..edges.len()).prop_map(move |i| edges[i])
    ];
    let exponent = prop_oneof![Just(0_u128), 6130_u128..6190, 12_270_u128..12_292, 0_u128..16_384];
    let near = (coefficient, exponent, any::<bool>())
        .prop_map(|(c, e, negative)| u128::from(negative) << 127 | e << 113 | c & ((1 << 113) - 1));
    let special = (any::<bool>(), 0_u128..4, prop_oneof![Just(0_u128), any::<u128>().prop_map(|n| n >> 7)]).prop_map(
        |(negative, kind, rest)| u128::from(negative) << 127 | 0b11 << 125 | kind << 121 | rest & ((1 << 121) - 1),
    );
    prop_oneof![near, special, any::<u128>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// As the `bson` crate writes it; reversible exactly where that reads the same bits back.
    #[test]
    fn decimals_as_the_bson_crate_has_them(bits in decimal_bits()) {
        let stored = bits.to_le_bytes();
        let theirs = Decimal128::from_bytes(stored).to_string();
        let (text, notes) = write_text(&raw(0x13, &stored), Mode::Canonical);
        prop_assert_eq!(text, format!("{{\"a\":{{\"$numberDecimal\":\"{theirs}\"}}}}"));
        let back = theirs.parse::<Decimal128>().is_ok_and(|d| d.bytes() == stored);
        prop_assert_eq!(notes.reversible(), back, "{}", theirs);
    }
}
