use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::store::Affected;
use wtcheck::store::palm::*;

#[test]
fn page_key_vector() {
    let bytes = hex::decode(concat!(
        "000000000000000300000000000000d20000000000000001000000000000007e0000000000000000",
        "010000000000000001000000000000000000000000000000000000000000000000000000000000004223dc35bd260600",
    ))
    .unwrap();
    let key = decode_page_key(&bytes).unwrap();
    let expected = PageKey {
        table: TableId(3),
        page: PageId(210),
        lsn: Lsn(1),
        checkpoint_id: 126,
        is_delta: false,
        backlink_lsn: Lsn(1),
        base_lsn: Lsn(1),
        backlink_checkpoint_id: 0,
        base_checkpoint_id: 0,
        flags: 0,
        materialized_us: 0x0006_26BD_35DC_2342,
    };
    assert_eq!(key, expected);
    assert_eq!(encode_page_key(&key), bytes);
    assert!(decode_page_key(&bytes[..87]).is_err());
    assert!(decode_page_key(&[&bytes[..], &[0]].concat()).is_err());
    let mut odd = bytes.clone();
    odd[35] = 1;
    assert!(decode_page_key(&odd).unwrap().is_delta);
    odd[35] = 2;
    assert!(decode_page_key(&odd).unwrap_err().message.contains("is_delta is 2"));
    assert_eq!(table_of(&odd), Some(TableId(3)));
}

#[test]
fn checkpoint_key_vector() {
    let bytes = hex::decode("000000000000001104000000000000006400000000000000").unwrap();
    let expected = CheckpointKey { lsn: Lsn(17), checkpoint_id: 4, timestamp: 0x64 };
    assert_eq!(decode_checkpoint_key(&bytes).unwrap(), expected);
    assert_eq!(encode_checkpoint_key(&expected), bytes);
    assert!(decode_checkpoint_key(&bytes[1..]).is_err());
}

#[test]
fn problems_are_bounded() {
    let mut problems = Problems::default();
    for i in 0..5000 {
        problems.push(i.to_string(), Affected::Table(TableId(1)));
    }
    let list = problems.finish(Affected::All);
    assert_eq!(list.len(), MAX_PROBLEMS + 1);
    assert_eq!(list.last().map(|p| (p.reason.as_str(), p.affects)), Some(("and 4000 more problems", Affected::All)));
}
