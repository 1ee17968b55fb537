use proptest::prelude::*;
use wtcheck::page::cell::*;
use wtcheck::page::cell_kind::CellKind;

fn cells(hex: &str, flags: u8) -> Vec<(CellKind, u8, Vec<u8>, Times)> {
    let bytes = hex::decode(hex.replace(' ', "")).unwrap();
    Cells::new(&bytes, 0, flags).map(|c| c.unwrap()).map(|c| (c.kind, c.prefix, c.data.to_vec(), c.times)).collect()
}

#[test]
fn leaf_cells_of_05_13() {
    let all = cells("156170706c65 0f726564 16027269636f74 8c089080866f72616e6765 1962616e616e61 0f79656c", 4);
    let kinds: Vec<_> = all.iter().map(|c| (c.0, c.1, String::from_utf8(c.2.clone()).unwrap())).collect();
    let (k, v) = (CellKind::Key, CellKind::Value);
    let expected = [(k, 0, "apple"), (v, 0, "red"), (k, 2, "ricot"), (v, 0, "orange"), (k, 0, "banana"), (v, 0, "yel")];
    assert_eq!(kinds, expected.map(|(a, b, c)| (a, b, c.to_string())));
    assert_eq!(all[3].3, Times { start_ts: 16, durable_start_ts: 16, ..Times::EMPTY });
}

#[test]
fn internal_cells_of_05_13_and_04_8() {
    let all = cells("0500 308c00c026809494c013f56b071c 0d636174 308c00c027809595c1c00df0feca", 0x20);
    assert_eq!(
        all.iter().map(|c| c.0).collect::<Vec<_>>(),
        [CellKind::Key, CellKind::AddrLeafNoOverflow, CellKind::Key, CellKind::AddrLeafNoOverflow]
    );
    let delta = cells("0d636174 d080 0d646f67 380a90908c00c028809a9ac0ec04030201", 0);
    assert_eq!((delta[1].0, delta[1].2.len()), (CellKind::AddrGone, 0));
    assert_eq!((delta[3].3.start_ts, delta[3].3.durable_start_ts), (16, 32));
}

#[test]
fn local_examples_of_17_2_and_17_3() {
    // Deleted child with page-delete information.
    let bytes = hex::decode("080a8a8082a8a8878f81e4ea5c0f2c").unwrap();
    let cell = Cell::read(&bytes, 0, 0x20).unwrap();
    assert_eq!(cell.truncate, Some(Truncate { txn: 2, commit_ts: 40, durable_ts: 40 }));
    assert_eq!((cell.times.start_ts, cell.times.durable_start_ts, cell.data.len()), (10, 10, 7));
    // Prepared tombstone: an aggregate's durable stop is stored relative to "max".
    let bytes = hex::decode("38 2f 8a e23d92 80 9a 87 00000000000000".replace(' ', "")).unwrap();
    let cell = Cell::read(&bytes, 0, 0x20).unwrap();
    assert!(cell.times.prepared);
    assert_eq!((cell.times.stop_ts, cell.times.durable_stop_ts), (TS_MAX, 25));
    // Column internal address with a record number, and a value with a run length.
    let bytes = hex::decode("3c0294 81 87 9789e402b516f9".replace(' ', "")).unwrap();
    let cell = Cell::read(&bytes, 0, 0x20).unwrap();
    assert_eq!((cell.run, cell.times.durable_start_ts, cell.data.len()), (Some(1), 20, 7));
    let bytes = hex::decode("8c288ac0338886 72756e2d3000".replace(' ', "")).unwrap();
    let cell = Cell::read(&bytes, 0, 0).unwrap();
    assert_eq!((cell.run, cell.data, cell.times.start_txn), (Some(8), &b"run-0\0"[..], 115));
    // Dictionary copy and overflow value.
    let bytes = hex::decode("98288ae301191ec1a3").unwrap();
    assert_eq!(Cell::read(&bytes, 0, 0).unwrap().copy_distance, Some(483));
    let bytes = hex::decode("a8288ae3011903 87 808ce4cbb173ef".replace(' ', "")).unwrap();
    assert_eq!(Cell::read(&bytes, 0, 0).unwrap().kind, CellKind::ValueOverflow);
}

#[test]
fn impossible_cells_are_refused() {
    for hex in ["e0", "f0", "5480", "15", "80ff", "8880", "d880", "16", "50e8ffffffffffffdfbf", "8008"] {
        let bytes = hex::decode(hex).unwrap();
        assert!(Cell::read(&bytes, 0, 0).is_err(), "{hex}");
    }
    let mut keys = KeyBuilder::default();
    let page = hex::decode("0961621202").unwrap();
    let first = Cell::read(&page, 0, 0).unwrap();
    assert_eq!(keys.full(&first).unwrap(), b"ab");
    let long = Cell { prefix: 3, ..first };
    assert!(keys.full(&long).is_err());
}

fn times() -> impl Strategy<Value = Times> {
    (any::<[u64; 6]>(), any::<bool>(), 0_u8..64).prop_map(|(v, prepared, mask)| {
        let pick = |bit: u8, value: u64, default: u64| if mask & 1 << bit != 0 { value } else { default };
        let start_ts = pick(0, v[0], 0);
        let stop_ts = pick(3, v[3], TS_MAX);
        Times {
            start_ts,
            start_txn: pick(1, v[1], 0),
            durable_start_ts: pick(2, v[2], start_ts),
            stop_ts,
            stop_txn: pick(4, v[4], TXN_MAX),
            durable_stop_ts: pick(5, v[5], if stop_ts == TS_MAX { 0 } else { stop_ts }),
            prepared,
        }
    })
}

proptest! {
    #[test]
    fn values_round_trip(t in times(), value in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        write_value(&mut out, &t, &value);
        let cell = Cell::read(&out, 0, 0).unwrap();
        prop_assert_eq!((cell.times, cell.data, cell.end), (t, &value[..], out.len()));
    }

    #[test]
    fn addresses_round_trip(t in times(), deleted: bool, cookie in proptest::collection::vec(any::<u8>(), 3..60)) {
        let kind = if deleted { CellKind::AddrDeleted } else { CellKind::AddrInternal };
        let truncate = deleted.then_some(Truncate { txn: 1, commit_ts: 70, durable_ts: 9000 });
        let mut out = Vec::new();
        write_addr(&mut out, kind, &t, truncate, &cookie);
        let cell = Cell::read(&out, 0, 0x20).unwrap();
        prop_assert_eq!((cell.kind, cell.truncate, cell.data, cell.end), (kind, truncate, &cookie[..], out.len()));
        if cell.has_times {
            prop_assert_eq!(cell.times, t);
        }
    }

    #[test]
    fn keys_round_trip(prefix: u8, suffix in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        write_key(&mut out, prefix, &suffix);
        let cell = Cell::read(&out, 0, 0).unwrap();
        prop_assert_eq!((cell.kind, cell.prefix, cell.data, cell.end), (CellKind::Key, prefix, &suffix[..], out.len()));
    }

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300), flags: u8) {
        let mut keys = KeyBuilder::default();
        for cell in Cells::new(&bytes, 0, flags) {
            let Ok(cell) = cell else { break };
            prop_assert!(cell.end > cell.offset);
            let _ = (keys.full(&cell).map(<[u8]>::len), cell.cookie());
        }
    }
}
