use proptest::prelude::*;
use wtcheck::format::page_header::PageHeader;
use wtcheck::format::reader::Reader;
use wtcheck::pack::page::*;
use wtcheck::pack::relabel::*;
use wtcheck::page::cell::Cell;

fn plain(bytes: &[u8], delta: Option<bool>) -> Plain<'_> {
    let header = PageHeader::read(&mut Reader::new(bytes)).unwrap();
    Plain { bytes, start: 44, header, delta }
}

fn scrubbed(bytes: &[u8], delta: Option<bool>) -> Vec<u8> {
    let page = plain(bytes, delta);
    let mut keys = Vec::new();
    collect(page, &mut |k| keys.push(k.into()), &mut |_| {});
    let content = Content {
        keys: &Keys::new(keys, &Form::Bytes, Alphabet::default()),
        values: &Values::bytes(),
        cookie: &|old, _| Some(old.to_vec()),
        item_is_key: false,
        width: None,
        alphabet: Alphabet::default(),
        attempt: 0,
        first_key_is_free: false,
    };
    replaced(page, &content).0
}

#[test]
fn example_of_03_8() {
    let bytes = hex::decode("00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c").unwrap();
    let new = scrubbed(&bytes, None);
    assert_eq!(new[..44], bytes[..44]);
    assert_eq!(new[44..], *b"\x15aaaaa\x0fvvv\x16\x02baaaa\x8c\x08\x90\x80\x86vvvvvv\x19baaaaa\x0fvvv");
}

#[test]
fn what_is_no_cell_stays_none_and_is_not_carried_over() {
    let mut bytes = vec![0; 44];
    (bytes[16], bytes[20], bytes[24]) = (120, 4, 7);
    bytes.extend_from_slice(b"\x09ab\x0bcd");
    for bad in [&b"\xe0secret secret"[..], b"\x50\xe8\x7f\xff\xff\xff\xff\xff\xff\xffsecret", b"\xfdsecret"] {
        let mut page = bytes.clone();
        page.extend_from_slice(bad);
        for len in [page.len(), 160] {
            page.resize(len, b's');
            if bad[0] == 0xfd && len > 80 {
                continue;
            }
            let new = scrubbed(&page, None);
            assert!(!new.windows(6).any(|w| w == b"secret"), "{bad:?}");
            assert!(Cell::read(&new, 50, 0).is_err(), "{bad:?} {len}");
        }
    }
}

proptest! {
    #[test]
    fn any_content_keeps_its_length(
        cells in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u8..9, delta in 0_usize..3, flags: u8,
    ) {
        let mut bytes = vec![0; 44];
        (bytes[20], bytes[24], bytes[25]) = (4, kind, flags);
        bytes.extend_from_slice(&cells);
        let new = scrubbed(&bytes, [None, Some(false), Some(true)][delta]);
        prop_assert_eq!(new.len(), bytes.len());
    }
}
