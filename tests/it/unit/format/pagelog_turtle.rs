use proptest::prelude::*;
use wtcheck::format::Class;
use wtcheck::format::crc::crc32c;
use wtcheck::format::pagelog_turtle::*;
use wtcheck::id::{Lsn, PageId};

const ENTRY: &str = "addr=\"00c025808282bd21596019\",order=1,time=1766470626,size=101,newest_start_durable_ts=0,oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,write_gen=3,run_write_gen=1,next_page_id=102";

fn sample() -> String {
    format!(
        "version=2,compatible_version=1,\ncheckpoint=(WiredTigerCheckpoint.1=({ENTRY})),\ntimestamp=c0ffee12,\n\
         oldest_timestamp=c0ffee12,\nlargest_file_id=17,\nkey_provider=(page.1=(page_id=1,lsn=123),version=1)"
    )
}

#[test]
fn long_sample_of_14_5() {
    let text = sample();
    assert_eq!(text.len(), 427);
    assert_eq!(crc32c(text.as_bytes()), 0x3323_3555);
    let turtle = parse(text.as_bytes()).unwrap();
    assert_eq!(turtle.form, TurtleForm::V2);
    assert_eq!((turtle.version, turtle.compatible_version), (Some(2), Some(1)));
    assert_eq!((turtle.timestamp, turtle.oldest_timestamp), (0xc0ff_ee12, Some(0xc0ff_ee12)));
    assert_eq!((turtle.largest_file_id, turtle.schema_epoch, turtle.max_write_gen), (Some(17), None, None));
    assert_eq!(turtle.key_provider, Some(KeyReference { page_id: PageId(1), lsn: Lsn(123), version: 1 }));
    assert!(turtle.unknown.is_empty());
    assert_eq!(turtle.checkpoints.len(), 1);
    assert_eq!((turtle.checkpoints[0].size, turtle.checkpoints[0].next_page_id), (101, Some(102)));
}

#[test]
fn another_newest_checkpoint_in_every_form() {
    let entry = "addr=\"00\",order=7,time=1,size=101,write_gen=3";
    let first = "first=(addr=\"11\",order=1,time=1,size=5,write_gen=1)";
    let list = |name: &str, entry: &str| format!("({first},{name}=({entry}))");
    let old = list("WiredTigerCheckpoint.7", entry);
    let new = list("WiredTigerCheckpoint.8", "addr=\"ff\",order=8,time=1,size=9,write_gen=3");
    let legacy = |l: &str| l.replace(&format!("{first},"), "");
    for (text, want) in [
        (
            format!("version=2,compatible_version=1,\ncheckpoint={old},\ntimestamp=a1,order=3"),
            format!("version=2,compatible_version=1,\ncheckpoint={new},\ntimestamp=a1,order=3"),
        ),
        (format!("checkpoint={old},\ntimestamp=a1"), format!("checkpoint={new},\ntimestamp=a1")),
        (format!("{}\ntimestamp=a1", legacy(&old)), format!("{}\ntimestamp=a1", legacy(&new))),
        (format!("file:x\nid=1,checkpoint={old},z=2"), format!("file:x\nid=1,checkpoint={new},z=2")),
    ] {
        let fields = [("addr", "ff"), ("order", "8"), ("size", "9"), ("next_page_id", "5")];
        assert_eq!(with_newest(&text, "WiredTigerCheckpoint.8", &fields).unwrap(), want);
    }
    for text in ["", "checkpoint=()", "timestamp=1", "(WiredTigerCheckpoint.", "a:b\n"] {
        assert!(with_newest(text, "x", &[]).is_err(), "{text}");
    }
}

#[test]
fn cases_of_14_5() {
    for (text, class) in [
        ("version=1,checkpoint=(),timestamp=c0ffee12,", Class::Invalid),
        ("compatible_version=1,checkpoint=(),timestamp=c0ffee12,", Class::Invalid),
        ("version=1,compatible_version=999,checkpoint=(),timestamp=c0ffee12,", Class::Unsupported),
        ("checkpoint=()", Class::Invalid),
        ("", Class::Invalid),
        // Beyond the table.
        ("version=-1,compatible_version=1,checkpoint=(),timestamp=1", Class::Invalid),
        ("version=2147483648,compatible_version=1,checkpoint=(),timestamp=1", Class::Invalid),
        ("version=4,compatible_version=1,unknown_key=foo,checkpoint=(),timestamp=1", Class::Invalid),
        ("version=4,compatible_version=1,base_write_gen=1,checkpoint=(),timestamp=1", Class::Invalid),
        ("version=5,compatible_version=5,checkpoint=(),timestamp=1", Class::Unsupported),
        ("version=4,compatible_version=1,checkpoint=(),timestamp=1,max_write_gen=0x1f", Class::Invalid),
        ("timestamp=1", Class::Invalid),
        ("checkpoint=(),timestamp=", Class::Invalid),
        ("checkpoint=(),timestamp=zzzz", Class::Invalid),
        ("checkpoint=(),timestamp=-1", Class::Invalid),
        ("checkpoint=(),timestamp=10000000000000000", Class::Invalid),
        ("checkpoint=(),timestamp=1,timestamp=1", Class::Invalid),
        ("checkpoint=,timestamp=1", Class::Invalid),
        ("checkpoint=(a=(addr=\"\",order=1,time=1)),timestamp=1", Class::Invalid),
        ("checkpoint=(),timestamp=1,key_provider=(version=1)", Class::Invalid),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err().class, class, "{text}");
    }
    let plain = parse(b"checkpoint=(),timestamp=c0ffee12,").unwrap();
    assert_eq!((plain.form, plain.version, plain.compatible_version), (TurtleForm::V1, None, None));
    assert!(plain.checkpoints.is_empty());
    // A key that is not known is taken from writers of every other version.
    for version in [1, 2, 3, 5] {
        let text = format!("version={version},compatible_version=1,unknown_key=foo,checkpoint=(),timestamp=c0ffee12,");
        let newer = parse(text.as_bytes()).unwrap();
        assert_eq!((newer.form, newer.timestamp), (TurtleForm::V2, 0xc0ff_ee12));
        assert_eq!(newer.unknown, [("unknown_key".to_owned(), "foo".to_owned())]);
        assert_eq!(parse_as(text.as_bytes(), version).unwrap_err().class, Class::Invalid);
    }
    let newest = parse(b"version=9,compatible_version=4,checkpoint=(),timestamp=c0ffee12,").unwrap();
    assert_eq!((newest.version, newest.compatible_version), (Some(9), Some(4)));
}

#[test]
fn legacy_cases_of_14_5() {
    let list = "(WiredTigerCheckpoint.1=(addr=\"00c025808282bd21596019\",order=1,time=1766470626))";
    let turtle = parse(format!("{list}\ntimestamp=c0ffee12").as_bytes()).unwrap();
    assert_eq!((turtle.form, turtle.timestamp), (TurtleForm::Legacy, 0xc0ff_ee12));
    assert_eq!((turtle.checkpoints[0].order, turtle.checkpoints[0].size), (1, 0));
    for tail in [
        "\ntimestamp=zzzz",
        "\ntimestamp=",
        "\ntimestamp=-1234",
        "\ntimestamp=123456789012345678901234567890",
        "\ntimestmp=c0ffee12",
        "\n",
        "",
    ] {
        assert_eq!(parse(format!("{list}{tail}").as_bytes()).unwrap_err().class, Class::Invalid, "{tail:?}");
    }
    let three = format!("{list}\ntimestamp=a\nkey_provider=((page.1=(page_id=1,lsn=5)),version=1)\n");
    let turtle = parse(three.as_bytes()).unwrap();
    assert_eq!(turtle.form, TurtleForm::LegacyKey);
    assert_eq!(turtle.key_provider, Some(KeyReference { page_id: PageId(1), lsn: Lsn(5), version: 1 }));
}

#[test]
fn pages_of_real_runs() {
    // Sums are those of the completion records that name the pages.
    let legacy = "(WiredTigerCheckpoint.4=(addr=\"00c02a80c1f1c1f1c02fd4731444\",order=4,time=1763641285,size=106,newest_start_durable_ts=0,oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,write_gen=13,run_write_gen=1,next_page_id=107))\ntimestamp=691f07c50000001a";
    let v1 = "checkpoint=(WiredTigerCheckpoint.4=(addr=\"00c02a80c1f2c1f2c02f65dbe190\",order=4,time=1771936599,size=7005,newest_start_durable_ts=0,oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,write_gen=14,run_write_gen=1,next_page_id=107)),\ntimestamp=699d9b570000000e,\noldest_timestamp=699d9a2b00000001,\nkey_provider=(page.1=(page_id=1,lsn=441),version=1)";
    for (text, sum, form, lsn) in
        [(legacy, 0x53e5_e35d, TurtleForm::Legacy, None), (v1, 0x580f_f2b8, TurtleForm::V1, Some(441))]
    {
        assert_eq!(crc32c(text.as_bytes()), sum);
        let turtle = parse(text.as_bytes()).unwrap();
        assert_eq!((turtle.form, turtle.key_provider.map(|k| k.lsn)), (form, lsn.map(Lsn)));
        assert_eq!(turtle.checkpoints[0].next_page_id, Some(107));
    }
}

#[test]
fn other_forms_and_keys() {
    let spring = format!("file:WiredTigerShared.wt_stable\nid=2,checkpoint=(WiredTigerCheckpoint.1=({ENTRY})),x=1");
    let turtle = parse(spring.as_bytes()).unwrap();
    assert_eq!((turtle.form, turtle.checkpoints.len(), turtle.timestamp), (TurtleForm::Spring, 1, 0));
    assert!(parse(b"file:WiredTigerShared.wt_stable\nid=2").is_err());
    for key in ["base_write_gen", "max_write_gen"] {
        let text = sample().replace("largest_file_id=17", &format!("schema_epoch=1f,largest_file_id=17,\n{key}=9"));
        let turtle = parse(text.as_bytes()).unwrap();
        assert_eq!((turtle.max_write_gen, turtle.schema_epoch), (Some(9), Some(0x1f)));
    }
}

#[test]
fn the_lines_of_version_4() {
    let text = format!(
        "version=4,compatible_version=1,\ncheckpoint=(WiredTigerCheckpoint.1=({ENTRY})),\ntimestamp=c0ffee12,\n\
         oldest_timestamp=c0ffee11,\nschema_epoch=1f,\nlargest_file_id=17,\nmax_write_gen=17,\n\
         key_provider=(page.1=(page_id=1,lsn=123),version=1)"
    );
    let turtle = parse(text.as_bytes()).unwrap();
    assert_eq!((turtle.version, turtle.compatible_version, turtle.form), (Some(4), Some(1), TurtleForm::V2));
    // Hexadecimal, decimal.
    assert_eq!((turtle.schema_epoch, turtle.max_write_gen), (Some(0x1f), Some(17)));
    assert_eq!((turtle.oldest_timestamp, turtle.largest_file_id), (Some(0xc0ff_ee11), Some(17)));
    assert_eq!(turtle.key_provider.map(|k| k.lsn), Some(Lsn(123)));
    let next = with_newest(&text, "WiredTigerCheckpoint.2", &[("order", "2")]).unwrap();
    assert_eq!(next, text.replace("WiredTigerCheckpoint.1=", "WiredTigerCheckpoint.2=").replace("order=1", "order=2"));
}

#[test]
fn key_references_of_14_5() {
    let want = KeyReference { page_id: PageId(1), lsn: Lsn(123), version: 1 };
    for text in [
        "(page.1=(page_id=1,lsn=123),version=1)",
        "((page.1=(page_id=1,lsn=123)),version=1)",
        "((page.1=(page_id=1,lsn=123),version=1))",
    ] {
        assert_eq!(parse_key_reference(text).unwrap(), want, "{text}");
    }
    for text in [
        "(page.1=(page_id=aaa,lsn=123),version=1)",
        "(page.1=(page_id=123,lsn=123),version=1)",
        "(page.1=(page_id=1,lsn=aaa),version=1)",
        "(page.1=(page_id=1),version=1)",
        "(page.1=(lsn=123),version=1)",
        "(page.1=(page_id=1,lsn=123))",
        "(page.1=(page_id=1,lsn=123),version=2)",
        "invalid_format",
        "",
        "()",
        "(page.1=(page_id=0,lsn=123),version=1)",
        "(page.1=(page_id=1,lsn=0),version=1)",
        "(page.1=(page_id=1,lsn=-5),version=1)",
        "(page.1=(page_id=1,lsn=123,x=1),version=1)",
        "(page.1=(page_id=1,lsn=123),version=1,x=1)",
        "(page.1=(page_id=1,lsn=123),version=1,version=1)",
        "(page.1=(page_id=1,page_id=1,lsn=123),version=1)",
        "(page.2=(page_id=1,lsn=123),version=1)",
        "(page.1=5,version=1)",
        "(((page.1=(page_id=1,lsn=123))),version=1)",
        "page.1=(page_id=1,lsn=123),version=1",
        "x=(page.1=(page_id=1,lsn=123),version=1)",
    ] {
        assert_eq!(parse_key_reference(text).unwrap_err().class, Class::Invalid, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..120), cut in 0..427_usize) {
        let _ = parse(&bytes);
        let mut text = sample().into_bytes();
        text.truncate(cut);
        text.extend_from_slice(&bytes);
        let _ = parse(&text);
    }

    #[test]
    fn any_reference_parses_or_errs(text in "[(),=.a1v]{0,40}") {
        let _ = parse_key_reference(&text);
    }

    #[test]
    fn one_changed_byte_never_panics(at in 0..427_usize, byte: u8) {
        let mut text = sample().into_bytes();
        text[at] = byte;
        let _ = parse(&text);
    }
}
