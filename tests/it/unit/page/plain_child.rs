use proptest::prelude::*;
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image::Era;
use wtcheck::format::page_header::PageHeader;
use wtcheck::id::{Lsn, PageId};
use wtcheck::page::cell::{self, CellKind, TS_MAX, TXN_MAX, Times};
use wtcheck::page::delta::{self, Body};
use wtcheck::page::plain_child::*;

/// The children as the careful reader has them, plain ones told by their cookies.
fn agree(bytes: &[u8], cells: u32) -> bool {
    let header = PageHeader {
        recno: 0,
        write_gen: 1,
        mem_size: u32::try_from(bytes.len()).unwrap(),
        entries: cells,
        type_byte: 6,
        flags: 0,
        unused: 0,
        version: 1,
    };
    let body = Body { plain: bytes, start: 0, header, era: Era::Current };
    let careful = delta::children(&body, &[]);
    let Some(fast) = entries(&body) else { return careful.lost().is_some() };
    assert!(careful.lost().is_none());
    assert_eq!(fast.list.len(), careful.list.len());
    for (entry, child) in fast.list.iter().zip(&careful.list) {
        match entry {
            Entry::Plain(plain) => {
                assert_eq!((child.kind, child.overflow_key), (CellKind::AddrLeafNoOverflow, false));
                assert_eq!(Cookie::decode(child.cookie), Ok(plain.cookie()));
            }
            Entry::Other(at) => assert_eq!(&fast.others[*at], child),
        }
    }
    true
}

fn any_cookie() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![Just(0_u64), 1..300_u64, 8000..9000_u64, any::<u64>()];
    let cookie = (number(), number(), prop::bool::ANY, any::<u32>(), any::<u32>());
    let cookie = cookie.prop_map(|(page, lsn, image, size, checksum)| {
        Cookie::new(PageId(page), Lsn(lsn), if image { Lsn(0) } else { Lsn(lsn / 2) }, size, checksum).encode()
    });
    prop_oneof![8 => cookie, 1 => prop::collection::vec(any::<u8>(), 0..30)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_fast_is_what_is_read_with_care(
        pairs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..90), any_cookie(), 0..9_u8, any::<u64>()), 0..12),
        more in 0..40_u32,
        flip in prop_oneof![4 => Just(None), 1 => any::<(prop::sample::Index, u8)>().prop_map(Some)],
    ) {
        let mut bytes = Vec::new();
        for (key, cookie, kind, ts) in &pairs {
            cell::write_key(&mut bytes, 0, key);
            let kind = match kind {
                0 => CellKind::AddrInternal,
                1 => CellKind::AddrLeaf,
                2 => CellKind::AddrDeleted,
                _ => CellKind::AddrLeafNoOverflow,
            };
            let stop_ts = if ts % 3 == 0 { *ts } else { TS_MAX };
            let stop_txn = if ts % 5 == 0 { ts / 7 } else { TXN_MAX };
            let times = Times { start_ts: ts / 2, durable_start_ts: ts / 2, stop_ts, stop_txn, ..Times::EMPTY };
            cell::write_addr(&mut bytes, kind, &times, None, cookie);
        }
        let cells = u32::try_from(pairs.len() * 2).unwrap() + u32::from(more == 0);
        if let (Some((at, bits)), false) = (flip, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        prop_assert!(agree(&bytes, cells));
    }
}
