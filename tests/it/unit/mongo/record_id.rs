use proptest::prelude::*;
use wtcheck::mongo::record_id::*;

/// The other way round.
pub fn long(id: i64) -> Vec<u8> {
    let id = u64::try_from(id).unwrap();
    let bits = 64 - id.leading_zeros();
    let n = if bits <= 10 { 0 } else { (bits - 10).div_ceil(8) };
    let first = id >> (5 + 8 * n);
    let mut out = vec![u8::try_from(u64::from(n) << 5 | first).unwrap()];
    out.extend((0..n).rev().map(|i| (id >> (5 + 8 * i)) as u8));
    out.push(u8::try_from((id & 0x1f) << 3 | u64::from(n)).unwrap());
    out
}

fn text(id: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    let mut length = id.len();
    out.push((length & 0x7f) as u8);
    length >>= 7;
    while length > 0 {
        out.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    out
}

#[test]
fn long_ids_of_the_table() {
    let table = [
        (0, "0000"),
        (1, "0008"),
        (31, "00f8"),
        (1023, "1ff8"),
        (1024, "202001"),
        (262_143, "3ffff9"),
        (262_144, "40200002"),
        (i64::MAX, "e3ffffffffffffffff"),
    ];
    for (id, bytes) in table {
        let bytes = hex::decode(bytes).unwrap();
        assert_eq!(long(id), bytes);
        assert_eq!(long_at_front(&bytes).unwrap(), (id, bytes.len()), "{id}");
        assert_eq!(long_at_end(&bytes).unwrap(), (id, 0), "{id}");
    }
    for broken in ["", "00", "0009", "2020", "202002", "ffffffffffffffffff", "e7ffffffffffffffff"] {
        assert!(long_at_front(&hex::decode(broken).unwrap()).is_err(), "{broken}");
    }
}

#[test]
fn lengths_of_texts() {
    let table = [(12, "0c"), (127, "7f"), (128, "0081"), (300, "2c82"), (16_384, "008081")];
    for (length, bytes) in table {
        let id = vec![0x64; length];
        let all = [&id[..], &hex::decode(bytes).unwrap()].concat();
        assert_eq!(text(&id), all);
        assert_eq!(text_at_end(&all).unwrap(), (&id[..], 0), "{length}");
    }
    for broken in ["", "01", "81", "0181", "0080808080"] {
        assert!(text_at_end(&hex::decode(broken).unwrap()).is_err(), "{broken}");
    }
}

#[test]
fn reserved_ids() {
    assert!(RecordId::Long(i64::MAX - 1_048_576).reserved());
    assert!(!RecordId::Long(i64::MAX - 1_048_577).reserved());
    assert!(RecordId::Text(vec![0xff]).reserved());
    assert!(!RecordId::Text(vec![0x64]).reserved());
}

proptest! {
    #[test]
    fn long_ids_come_back_and_sort(a in 0..=i64::MAX, b in 0..=i64::MAX, shift in 0_u32..63, before in any::<[u8; 3]>()) {
        let (a, b) = (a >> shift, b >> shift);
        prop_assert_eq!(long(a).cmp(&long(b)), a.cmp(&b));
        let all = [&before[..], &long(a)].concat();
        prop_assert_eq!(at_end(Form::Long, &all).unwrap(), (RecordId::Long(a), 3));
        let all = [&long(a)[..], &before].concat();
        prop_assert_eq!(long_at_front(&all).unwrap(), (a, all.len() - 3));
    }

    #[test]
    fn texts_come_back(id in proptest::collection::vec(any::<u8>(), 0..400), before in any::<[u8; 3]>()) {
        let all = [&before[..], &text(&id)].concat();
        prop_assert_eq!(at_end(Form::Text, &all).unwrap(), (RecordId::Text(id), 3));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let _ = (long_at_front(&bytes), long_at_end(&bytes), text_at_end(&bytes));
    }
}
