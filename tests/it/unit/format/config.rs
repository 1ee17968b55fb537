use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::config::*;

fn one(text: &str) -> Value<'_> {
    Config::parse(text).unwrap().get("k").unwrap()
}

#[test]
fn parts_are_found_where_they_were_cut_out() {
    let text = String::from("k=1,k=1,e=\"\"");
    let config = Config::parse(&text).unwrap();
    assert_eq!(range_of(&text, config.get("k").unwrap().text), Some(6..7));
    assert_eq!(range_of(&text, config.get("e").unwrap().text), Some(11..11));
    assert_eq!((range_of(&text[4..], &text[..1]), range_of(&text[..4], &text[3..8])), (None, None));
}

#[test]
fn values_change_in_place() {
    let text = "a=1, size=(b=2,size=7),\nb=\"x\",size=8,b=9";
    let fields = [("size", "12"), ("b", "y"), ("none", "4")];
    assert_eq!(with_values(text, &fields).unwrap(), "a=1, size=(b=2,size=7),\nb=\"x\",size=12,b=y");
    assert!(with_values("a=(", &fields).is_err() && with_values("b=,a=1", &fields).is_err());
}

#[test]
fn numbers_and_suffixes() {
    for (text, value) in [
        ("k=0", 0),
        ("k=123", 123),
        ("k=-5", -5),
        ("k=7b", 7),
        ("k=4KB", 4096),
        ("k=4k", 4096),
        ("k=10MB", 10 << 20),
        ("k=1m", 1 << 20),
        ("k=2g", 2 << 30),
        ("k=2GB", 2 << 30),
        ("k=3t", 3 << 40),
        ("k=3tb", 3 << 40),
        ("k=1p", 1 << 50),
        ("k=1PB", 1 << 50),
        ("k=-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(one(text).kind, Kind::Number, "{text}");
        assert_eq!(one(text).i64().unwrap(), value, "{text}");
    }
    assert_eq!(one("k=18446744073709551615").u64().unwrap(), u64::MAX);
    assert!(one("k=18446744073709551615").i64().is_err());
    assert!(one("k=18446744073709551616").u64().is_err());
    assert!(one("k=99999999999999pb").u64().is_err());
    assert!(one("k=-1").u64().is_err());
    assert_eq!(one("k=-0").u64().unwrap(), 0);
    assert_eq!(one("k=-1").u64_printed_signed().unwrap(), u64::MAX);
    assert_eq!(one("k=-11").u64_printed_signed().unwrap(), u64::MAX - 10);
    for text in ["k=\"1\"", "k=x", "k", "k=(1)", "k=", "k=-", "k=1x", "k=kb"] {
        assert_eq!(one(text).i64().unwrap_err().class, Class::Invalid, "{text}");
    }
}

#[test]
fn texts_come_out_exactly() {
    let config = Config::parse("WiredTigerCheckpoint.1=abc.def,a=-11,b=69e29c54,c=c0ffee12,d=7e5,e=12b").unwrap();
    let got: Vec<_> = config.entries().iter().map(|e| (e.key, e.value.text)).collect();
    assert_eq!(
        got,
        [
            ("WiredTigerCheckpoint.1", "abc.def"),
            ("a", "-11"),
            ("b", "69e29c54"),
            ("c", "c0ffee12"),
            ("d", "7e5"),
            ("e", "12b")
        ]
    );
    assert_eq!(config.get("b").unwrap().hex_u64().unwrap(), 0x69e2_9c54);
    assert_eq!(config.get("d").unwrap().hex_u64().unwrap(), 0x7e5);
    assert_eq!(config.get("e").unwrap().hex_u64().unwrap(), 0x12b);
    for text in ["k=", "k=-12", "k=+12", "k=0x12", "k=12345678901234567", "k=zzzz", "k", "k=(1)"] {
        assert_eq!(one(text).hex_u64().unwrap_err().class, Class::Invalid, "{text}");
    }
    assert_eq!(one("k=\"1f\"").hex_u64().unwrap(), 0x1f);
    assert_eq!(one("k=ffffffffffffffff").hex_u64().unwrap(), u64::MAX);
}

#[test]
fn structures_strings_and_booleans() {
    let text = "a=(x=1,y=[p,q],z=\")](\"),\n  \"x y\" = \"z\\\"q\" ,flag,f=false,t=true,list=[1,2],a=,,";
    let config = Config::parse(text).unwrap();
    assert_eq!(config.get("a").unwrap(), Value { text: "", kind: Kind::Id });
    let first = config.entries()[0].value;
    assert_eq!(first.kind, Kind::Struct);
    let inner = first.config().unwrap();
    assert_eq!(inner.get("x").unwrap().i64().unwrap(), 1);
    assert_eq!(inner.get("z").unwrap(), Value { text: ")](", kind: Kind::String });
    let list = inner.get("y").unwrap().config().unwrap();
    assert!(list.get("p").unwrap().bool().unwrap() && list.get("q").unwrap().bool().unwrap());
    assert_eq!(config.get("x y").unwrap().as_str(), "z\\\"q");
    assert!(config.get("flag").unwrap().bool().unwrap());
    assert!(!config.get("f").unwrap().bool().unwrap());
    assert!(config.get("t").unwrap().bool().unwrap());
    assert!(config.get("a").unwrap().bool().is_err());
    assert_eq!(config.get("list").unwrap().config().unwrap().entries()[1].key, "2");
    assert!(config.get("missing").is_none());
    let nested = Config::parse("((a=1),b=2)").unwrap();
    assert_eq!(nested.entries()[0].key, "");
    assert_eq!(nested.entries()[0].value.config().unwrap().entries()[0].value.text, "(a=1)");
}

#[test]
fn later_keys_win_and_empty_is_empty() {
    assert_eq!(one("k=1,k=2").i64().unwrap(), 2);
    assert!(Config::parse("").unwrap().entries().is_empty());
    assert!(Config::parse(" ,\n,").unwrap().entries().is_empty());
    assert_eq!(Config::parse_bytes(b"k=1\0").unwrap().get("k").unwrap().text, "1");
    assert!(Config::parse_bytes(b"k=\xff").is_err());
}

#[test]
fn malformed_texts_are_refused() {
    for text in ["=1", "a=(", "a=)", "a=(]", "a=\"x", "a b", "a=1 b=2", "a=b=c", "a(b)", "a=\"x\\", ")", "a=(\")"] {
        assert_eq!(Config::parse(text).unwrap_err().class, Class::Invalid, "{text}");
    }
    let deep = format!("a={}{}", "(".repeat(1_000_000), ")".repeat(1_000_000));
    assert!(Config::parse(&deep).is_err());
    let fits = format!("a={}{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    assert!(Config::parse(&fits).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Config::parse_bytes(&bytes);
    }

    #[test]
    fn any_syntax_parses_or_errs(text in "[a1=,()\\[\\]\"\\\\ \né-]{0,60}") {
        if let Ok(config) = Config::parse(&text) {
            for e in config.entries() {
                let _ = (e.value.i64(), e.value.u64(), e.value.hex_u64(), e.value.bool(), e.value.config());
            }
        }
    }

    #[test]
    fn what_is_written_is_read(pairs in proptest::collection::vec(("[a-z.]{1,9}", "[a-z0-9.]{1,9}"), 0..9)) {
        let text: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let text = text.join(",");
        let config = Config::parse(&text).unwrap();
        let got: Vec<_> = config.entries().iter().map(|e| (e.key.to_owned(), e.value.text.to_owned())).collect();
        prop_assert_eq!(got, pairs);
    }
}
