use proptest::prelude::*;
use wtcheck::page::cell::{Cell, Times};
use wtcheck::page::history::*;

fn sample() -> Vec<u8> {
    let mut page =
        hex::decode("41828c6b65793030303030303030008a80 8c788ac00b8ae3011b4780bd948a83".replace(' ', "")).unwrap();
    page.extend_from_slice(b"checkpoints history");
    page.resize(page.len() + 58 - 19, b'.');
    page
}

#[test]
fn example_of_17_4() {
    let page = sample();
    let key_cell = Cell::read(&page, 0, 0).unwrap();
    let cell = Cell::read(&page, key_cell.end, 0).unwrap();
    assert_eq!(cell.end, page.len());
    let key = HistoryKey::decode(key_cell.data).unwrap();
    assert_eq!((key.btree_id, key.key, key.start_ts, key.counter), (2, &b"key00000000\0"[..], 10, 0));
    assert_eq!(key.encode(), key_cell.data);
    let value = HistoryValue::decode(cell.data).unwrap();
    assert_eq!((value.stop_ts, value.durable_start_ts, value.update), (20, 10, Update::Standard));
    assert!(value.value.starts_with(b"checkpoints"));
    assert_eq!(times_fit(&key, &value, &cell.times), Ok(()));
    // A start that everybody saw is 0 in the cell only.
    let visible = Times { start_ts: 0, durable_start_ts: 0, ..cell.times };
    assert_eq!(times_fit(&key, &value, &visible), Ok(()));
    assert!(times_fit(&HistoryKey { start_ts: 21, ..key }, &value, &visible).is_err());
    assert!(times_fit(&key, &HistoryValue { durable_start_ts: 9, ..value }, &visible).is_err());
    assert!(times_fit(&key, &HistoryValue { stop_ts: 19, ..value }, &visible).is_err());
    for times in [Times { start_ts: 9, ..visible }, Times { durable_start_ts: 11, ..visible }] {
        assert!(times_fit(&key, &value, &times).is_err());
    }
}

#[test]
fn versions_of_one_key_follow_each_other() {
    let key = HistoryKey { btree_id: 2, key: b"k", start_ts: 10, counter: 0 };
    let value = HistoryValue { stop_ts: 20, durable_start_ts: 10, update: Update::Standard, value: b"" };
    let at = |start_ts, counter| HistoryKey { start_ts, counter, ..key };
    let fit = |older, newer: HistoryKey<'_>| versions_fit((&key, older), (&newer, &value));
    assert_eq!(fit(&value, at(20, 0)), Ok(()));
    assert!(fit(&value, at(9, 0)).is_err());
    assert!(fit(&value, key).is_err());
    let short = HistoryValue { stop_ts: 10, ..value };
    assert_eq!(fit(&short, at(10, 1)), Ok(()));
    assert_eq!(fit(&value, HistoryKey { key: b"l", start_ts: 1, ..key }), Ok(()));
    assert_eq!(fit(&value, HistoryKey { btree_id: 3, start_ts: 1, ..key }), Ok(()));
    assert_eq!(HistoryKey { key: &[0x81], ..key }.recno().unwrap(), 1);
    assert!(HistoryKey { key: &[0x81, 0x81], ..key }.recno().is_err());
}

#[test]
fn damaged_records_are_refused() {
    for hex in ["", "82", "828c61", "e4ffffdfc0816b8a80", "82816b8a8000"] {
        assert!(HistoryKey::decode(&hex::decode(hex).unwrap()).is_err(), "{hex}");
    }
    for hex in ["", "948a", "948a82", "948a85"] {
        assert!(HistoryValue::decode(&hex::decode(hex).unwrap()).is_err(), "{hex}");
    }
}

proptest! {
    #[test]
    fn keys_round_trip(btree_id: u32, key: Vec<u8>, start_ts: u64, counter: u64) {
        let key = HistoryKey { btree_id, key: &key, start_ts, counter };
        let packed = key.encode();
        prop_assert_eq!(HistoryKey::decode(&packed).unwrap(), key);
    }
}
