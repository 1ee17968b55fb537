use wtcheck::format::block::*;
use wtcheck::format::reader::Reader;

#[test]
fn both_layouts_round_trip() {
    let bytes = hex::decode("dd01012c3e0079dff56b071c01000000").unwrap();
    let now = BlockHeader::read(&mut Reader::new(&bytes), false).unwrap();
    assert_eq!((now.magic, now.checksum, now.previous_checksum, now.flags), (0xdd, 0xdf79_003e, 0x1c07_6bf5, 1));
    let old_bytes = hex::decode("db01012c010203040506070809010000").unwrap();
    let old = BlockHeader::read(&mut Reader::new(&old_bytes), true).unwrap();
    assert_eq!((old.flags, old.reconciliation_id), (1, Some(9)));
    for (header, bytes) in [(now, bytes), (old, old_bytes)] {
        let mut out = Vec::new();
        header.write(&mut out);
        assert_eq!(out, bytes);
    }
}
