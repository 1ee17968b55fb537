use proptest::prelude::*;
use wtcheck::format::checkpoint_list::*;
use wtcheck::format::config::Config;
use wtcheck::format::{Class, Result};

const FULL: &str = "addr=\"00c025808282bd21596019\",order=1,time=1766470626,size=101,newest_start_durable_ts=0,\
    oldest_start_ts=0,newest_txn=0,newest_stop_durable_ts=0,newest_stop_ts=-1,newest_stop_txn=-11,prepare=0,\
    write_gen=3,run_write_gen=1,next_page_id=102";

fn list(text: &str) -> Result<Vec<CheckpointEntry>> {
    from_file_config(&Config::parse(text).unwrap())
}

#[test]
fn a_full_entry() {
    let got = list(&format!("id=7,checkpoint=(WiredTigerCheckpoint.1=({FULL})),checkpoint_lsn=(1,2)")).unwrap();
    assert_eq!(
        got,
        [CheckpointEntry {
            name: "WiredTigerCheckpoint.1".to_owned(),
            addr: hex::decode("00c025808282bd21596019").unwrap(),
            order: 1,
            time: 1_766_470_626,
            size: 101,
            write_gen: 3,
            run_write_gen: 1,
            next_page_id: Some(102),
            newest_start_durable_ts: 0,
            oldest_start_ts: 0,
            newest_txn: 0,
            newest_stop_durable_ts: 0,
            newest_stop_ts: TS_MAX,
            newest_stop_txn: TXN_MAX,
            prepare: false,
        }]
    );
}

#[test]
fn several_names_old_names_and_unknown_keys() {
    let old = FULL.replace("newest_start_durable_ts=0", "start_durable_ts=5,leaf_entry_ewma=1");
    let old = old.replace("newest_stop_durable_ts=0", "stop_durable_ts=-1").replace("prepare=0", "prepare=1");
    let got = list(&format!("checkpoint=(first=({FULL}),\"a b\"=({old}))")).unwrap();
    assert_eq!(got.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["first", "a b"]);
    assert_eq!((got[1].newest_start_durable_ts, got[1].newest_stop_durable_ts, got[1].prepare), (5, TS_MAX, true));
}

#[test]
fn empty_lists_and_empty_addresses() {
    for text in ["id=7", "checkpoint=", "checkpoint=()", "checkpoint=\"\""] {
        assert_eq!(list(text).unwrap(), [], "{text}");
    }
    let got = list("checkpoint=(a=(addr=\"\",order=1,time=1,size=0,write_gen=1))").unwrap();
    assert!(got[0].addr.is_empty());
    assert_eq!((got[0].run_write_gen, got[0].next_page_id), (0, None));
}

#[test]
fn every_required_key_is_required() {
    for key in ["addr", "order", "time", "size", "write_gen"] {
        let text = FULL.replace(&format!(",{key}="), ",x=");
        let text = if key == "addr" { text.replace("addr=", "x=") } else { text };
        let err = list(&format!("checkpoint=(a=({text}))")).unwrap_err();
        assert_eq!(err.class, Class::Invalid);
        assert!(err.message.contains(key), "{err}");
    }
    let value = Config::parse("c=(a=(addr=\"\",order=1,time=1))").unwrap();
    assert!(parse(value.get("c").unwrap()).is_err());
    let got = parse_lenient(value.get("c").unwrap()).unwrap();
    assert_eq!((got[0].size, got[0].write_gen), (0, 0));
    let value = Config::parse("c=(a=(addr=\"\",order=1))").unwrap();
    assert!(parse_lenient(value.get("c").unwrap()).is_err());
}

#[test]
fn the_newest_changes_and_nothing_else() {
    let text = format!("id=7,checkpoint=(a=({FULL}),WiredTigerCheckpoint.2=({FULL})),checkpoint_lsn=(1,2)");
    let got = with_newest(&text, &[("addr", "0102"), ("size", "8")]).unwrap();
    let changed = FULL.replace("00c025808282bd21596019", "0102").replace("size=101", "size=8");
    assert_eq!(got, format!("id=7,checkpoint=(a=({FULL}),WiredTigerCheckpoint.2=({changed})),checkpoint_lsn=(1,2)"));
    assert_eq!(with_newest(&got, &[("size", "101"), ("addr", "00c025808282bd21596019")]).unwrap(), text);
    let next = with_next(&text, "WiredTigerCheckpoint.3", &[("order", "3")], true).unwrap();
    let third = FULL.replace("order=1", "order=3");
    assert_eq!(next, format!("id=7,checkpoint=(a=({FULL}),WiredTigerCheckpoint.3=({third})),checkpoint_lsn=(1,2)"));
    let both = with_next(&text, "WiredTigerCheckpoint.3", &[("order", "3")], false).unwrap();
    assert_eq!(list(&both).unwrap().iter().map(|c| c.order).collect::<Vec<_>>(), [1, 1, 3]);
    assert_eq!(text_in(&next).unwrap(), format!("(a=({FULL}),WiredTigerCheckpoint.3=({third}))"));
    for bad in ["id=7", "checkpoint=", "checkpoint=()", "checkpoint=(a)", "checkpoint=(a=(addr=,size=))"] {
        assert!(with_newest(bad, &[("addr", "01")]).is_err(), "{bad}");
    }
    assert!(with_newest(&text, &[("sizes", "1")]).is_err());
    assert!(is_unnamed("WiredTigerCheckpoint.12") && is_unnamed("WiredTigerCheckpoint"));
    assert!(!is_unnamed("WiredTigerCheckpoints") && !is_unnamed("a.WiredTigerCheckpoint.1"));
}

#[test]
fn malformed_entries_are_refused() {
    for (from, to) in [
        ("size=101", "size=-1"),
        ("size=101", "size=abc"),
        ("size=101", "size=99999999999999999999999"),
        ("00c025", "0c025"),
        ("00c025", "zz"),
        ("order=1", "order=x"),
        ("time=1766470626", "time=-1"),
        ("next_page_id=102", "next_page_id=()"),
        ("prepare=0", "prepare=maybe"),
    ] {
        let err = list(&format!("checkpoint=(a=({}))", FULL.replace(from, to))).unwrap_err();
        assert_eq!(err.class, Class::Invalid, "{to}");
    }
    for text in ["checkpoint=x", "checkpoint", "checkpoint=(a)", "checkpoint=(a=1)", "checkpoint=((a=1))"] {
        assert_eq!(list(text).unwrap_err().class, Class::Invalid, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..FULL.len()) {
        let mut text = b"checkpoint=(a=(".to_vec();
        text.extend_from_slice(&FULL.as_bytes()[..cut]);
        text.extend_from_slice(&bytes);
        text.extend_from_slice(b"))");
        if let Ok(config) = Config::parse_bytes(&text) {
            let _ = from_file_config(&config);
            let _ = config.get("checkpoint").map(parse_lenient);
        }
    }
}
