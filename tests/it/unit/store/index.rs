use proptest::prelude::*;
use wtcheck::id::{Lsn, PageId, TableId, Version};
use wtcheck::store::index::*;
use wtcheck::store::supply::{ABOUT, ENCRYPTED, LENGTH_ONLY, LONE};

fn row(table: TableId, page: PageId, lsn: Lsn) -> Row {
    Row {
        table,
        page,
        lsn,
        backlink_lsn: Lsn(0),
        base_lsn: Lsn(0),
        locator: 0,
        len: 1,
        flags: 0,
        seal: Seal::default(),
    }
}

#[test]
fn ranges_and_look_ups() {
    let index = Index::new(vec![
        row(TableId(9), PageId(1), Lsn(4)),
        row(TableId(2), PageId(100), Lsn(7)),
        row(TableId(2), PageId(100), Lsn(3)),
        row(TableId(2), PageId(101), Lsn(5)),
        row(TableId(u64::MAX), PageId(1), Lsn(9)),
    ]);
    assert_eq!(index.table(TableId(2)), 0..3);
    assert!(index.table(TableId(3)).is_empty());
    assert_eq!(index.page(TableId(2), PageId(100)), 0..2);
    assert!(
        index.page(TableId(2), PageId(99)).is_empty()
            && index.page(TableId(2), PageId(102)).is_empty()
            && index.page(TableId(3), PageId(1)).is_empty()
    );
    assert_eq!(index.find(TableId(2), PageId(100), Lsn(7)), Some(1));
    assert_eq!(index.find(TableId(2), PageId(100), Lsn(6)), None);
    assert_eq!(index.tables(), vec![2, 9, u64::MAX]);
    assert_eq!(index.pages().collect::<Vec<_>>(), vec![0..2, 2..3, 3..4, 4..5]);
}

#[test]
fn pages_are_found_by_list_and_by_search_alike() {
    let dense: Vec<Row> = (0..500).map(|i| row(TableId(7), PageId(100 + i * 7 % 90), Lsn(1000 - i))).collect();
    let sparse: Vec<Row> = (0..50).map(|i| row(TableId(8), PageId(i * 1_000_000 + u64::MAX / 2), Lsn(i))).collect();
    let wide: Vec<Row> = (0..50).map(|i| row(TableId(9), PageId(i << 40), Lsn(i))).collect();
    let index = Index::new(dense.into_iter().chain(sparse).chain(wide).collect());
    let packed = |at: usize| matches!(index.tables[at].body, Body::Packed(..));
    assert!(packed(0) && packed(1) && !packed(2));
    let pages = (90..200).map(|p| (7, p)).chain((0..60).map(|i| (8, i * 500_000 + u64::MAX / 2)));
    let wide_pages = (0..60).map(|i| (9, i << 39));
    for (table, page) in pages.chain(wide_pages).chain([(7, 0), (7, u64::MAX), (8, 0)]) {
        let expected: Vec<Row> =
            index.rows().iter().filter(|r| (r.table, r.page) == (TableId(table), PageId(page))).collect();
        assert_eq!(index.slice(index.page(TableId(table), PageId(page))).to_vec(), expected, "{table} {page}");
        for r in expected {
            assert_eq!(index.find(TableId(table), PageId(page), r.lsn).and_then(|at| index.get(at)), Some(r));
        }
    }
}

/// Flags of engines, of nobody, and of what dumps have less than the rows.
const FLAGS: [u32; 9] = [0, 1, 2, 3, 0x1_0002, 77, LENGTH_ONLY | ABOUT, LENGTH_ONLY | ENCRYPTED | 2, LONE];

/// Rows as stores hold them, with all that is irregular now and then.
fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let odd = |regular: std::ops::Range<u64>| prop_oneof![9 => regular, 1 => any::<u64>()];
    let row = (
        (prop_oneof![Just(2_u64), Just(10), Just(27), any::<u64>()], odd(100..140), odd(1..60)),
        (odd(0..60), odd(0..60), odd(0..1000)),
        (prop_oneof![Just(0_u32), Just(5000), any::<u32>()], prop::sample::select(FLAGS.to_vec())),
        (any::<u32>(), prop_oneof![Just(0_u32), 1..4_u32], prop_oneof![Just(0_u16), Just(0x701), any::<u16>()]),
    );
    let row = row.prop_map(|((table, page, lsn), (backlink_lsn, base_lsn, locator), (len, flags), seal)| Row {
        table: TableId(table),
        page: PageId(page),
        lsn: Lsn(lsn),
        backlink_lsn: Lsn(backlink_lsn),
        base_lsn: Lsn(base_lsn),
        locator,
        len,
        flags,
        seal: Seal { checksum: seal.0 % 4, previous: seal.1, state: seal.2 },
    });
    prop::collection::vec(row, 0..120)
}

proptest! {
    #[test]
    fn no_row_is_lost_or_changed(rows in any_rows()) {
        let index = Index::new(rows.clone());
        let mut sorted = rows;
        sorted.sort_by_key(Row::key);
        prop_assert_eq!(index.rows().to_vec(), sorted.clone());
        let mut behind: Vec<Row> = index.rows().iter().rev().collect();
        behind.reverse();
        prop_assert_eq!(&behind, &sorted);
        for (at, row) in sorted.iter().enumerate() {
            prop_assert_eq!(index.get(at), Some(*row));
            prop_assert_eq!(index.lsn(at), Some(row.lsn));
            prop_assert_eq!(index.len_and_flags(at), Some((row.len, row.flags)));
            prop_assert!(index.page(row.table, row.page).contains(&at));
            prop_assert!(index.table(row.table).contains(&at));
            prop_assert!(index.pages().any(|page| page == index.page(row.table, row.page)));
            let found = index.find(row.table, row.page, row.lsn).and_then(|at| index.get(at));
            prop_assert_eq!(found.map(|r| r.key()), Some(row.key()));
        }
        prop_assert_eq!(index.get(sorted.len()), None);
        prop_assert_eq!(index.pages().map(|p| p.len()).sum::<usize>(), sorted.len());
        prop_assert_eq!(index.highest_lsn(), sorted.iter().map(|r| r.lsn).max());
        prop_assert!(index.lens().eq(sorted.iter().map(|r| r.len)));
    }

    /// What is filled in any order, from any thread, is what sorting makes of it.
    #[test]
    fn filling_a_frame_is_sorting(rows in any_rows(), seed in any::<u64>()) {
        let mut rows: Vec<Row> =
            rows.into_iter().map(|r| Row { table: TableId(9), page: PageId(r.page.get() % 9), lsn: Lsn(r.lsn.get() % 900), ..r }).collect();
        rows.sort_by_key(Row::key);
        rows.dedup_by_key(|r| r.key());
        let mut keys = packed::Keys::new(0, 1);
        for r in &rows {
            keys.push(packed::Key { table: r.table, page: r.page, lsn: r.lsn, locator: r.locator });
        }
        let frame = keys.finish().unwrap();
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|r| (r.lsn.get() ^ r.page.get()).wrapping_mul(seed | 1).rotate_left(17));
        std::thread::scope(|scope| {
            for half in shuffled.chunks(shuffled.len() / 2 + 1) {
                let frame = &frame;
                scope.spawn(move || half.iter().for_each(|row| assert!(frame.fill(row))));
            }
        });
        for row in &rows {
            assert!(!frame.fill(row), "a row is filled once");
        }
        let index = Index::of(vec![frame.finish().unwrap()], Vec::new());
        prop_assert_eq!(index.rows().to_vec(), rows);
    }
}

#[test]
fn rows_are_filled_by_locator_and_only_where_the_key_is_known() {
    let rows: Vec<Row> = (0..400_u32)
        .map(|n| {
            let i = u64::from(n);
            let (page, step) = (100 + i / 4, i % 4);
            let backlink_lsn = if step == 0 { 0 } else { 1000 + i - 1 };
            let base_lsn = if step == 0 { 0 } else { 1000 + i - step };
            let seal = Seal { checksum: 7 + n, previous: if step == 0 { 0 } else { 6 + n }, state: 1 };
            // The way the store was written is not the order of its keys.
            let locator = (3 << 48) + 50 + i * 37 % 400;
            Row {
                backlink_lsn: Lsn(backlink_lsn),
                base_lsn: Lsn(base_lsn),
                flags: if step == 0 { 0 } else { 2 },
                locator,
                seal,
                ..row(TableId(25 + i / 200), PageId(page), Lsn(1000 + i))
            }
        })
        .collect();
    let mut keys = packed::Keys::new(3 << 48, rows.len());
    rows.iter().for_each(|r| keys.push(packed::Key { table: r.table, page: r.page, lsn: r.lsn, locator: r.locator }));
    let frame = keys.finish().unwrap();
    let places = frame.places((3 << 48) + 50).unwrap();
    let mut by_locator = rows.clone();
    by_locator.sort_by_key(|r| r.locator);
    for row in &by_locator {
        assert_eq!(frame.key(&places, row.locator), Some(Version::new(row.table, row.page, row.lsn)));
        assert!(frame.fill_place(&places, row) && !frame.fill_place(&places, row));
    }
    assert_eq!(frame.key(&places, (3 << 48) + 450), None);
    assert_eq!(frame.key(&places, (3 << 48) + 49), None);
    let index = Index::of(vec![frame.finish().unwrap()], Vec::new());
    assert_eq!(index.rows().to_vec(), rows);
    // Locators far apart would make a list that is larger than the rows.
    let mut keys = packed::Keys::new(0, 2);
    (0..2).for_each(|i| {
        keys.push(packed::Key { table: TableId(1), page: PageId(1), lsn: Lsn(i), locator: i * 1_000_000 })
    });
    assert!(keys.finish().unwrap().places(0).is_none());
}

#[test]
fn regular_rows_are_packed_and_irregular_ones_kept_whole() {
    let regular: Vec<Row> = (0..1000)
        .map(|i| Row {
            lsn: Lsn(7_655_755_784_663_335_110 + (i % 4)),
            page: PageId(100 + i / 4),
            len: 9000,
            ..row(TableId(25), PageId(0), Lsn(0))
        })
        .collect();
    let index = Index::new(regular.clone());
    assert!(matches!(index.tables[0].body, Body::Packed(..)));
    assert_eq!(index.rows().to_vec(), regular);
    // A table in two segments is sorted out.
    let segment = |rows: &[Row]| packed::Segment::from_sorted(rows).unwrap();
    let both =
        Index::of(vec![segment(&regular[..300]), segment(&regular[300..])], vec![row(TableId(25), PageId(1), Lsn(1))]);
    assert_eq!(both.len(), 1001);
    assert_eq!(both.rows().to_vec()[1..], regular);
}

#[test]
fn a_frame_with_a_row_missing_or_keys_out_of_order_is_none() {
    let key = |page, lsn| packed::Key { table: TableId(25), page, lsn, locator: 0 };
    let keys = |list: &[(u64, u64)]| {
        let mut keys = packed::Keys::new(0, 8);
        list.iter().for_each(|(page, lsn)| keys.push(key(PageId(*page), Lsn(*lsn))));
        keys.finish()
    };
    assert!(keys(&[(1, 5), (1, 5)]).is_none() && keys(&[(1, 5), (1, 4)]).is_none());
    assert!(keys(&[(2, 1), (1, 5)]).is_none() && keys(&[(1, 5), (u64::MAX, 6)]).is_none());
    let frame = keys(&[(1, 5), (2, 4)]).unwrap();
    assert!(
        frame.fill(&row(TableId(25), PageId(1), Lsn(5)))
            && !frame.fill(&row(TableId(25), PageId(1), Lsn(6)))
            && !frame.fill(&row(TableId(26), PageId(1), Lsn(5)))
    );
    assert!(frame.finish().is_none());
}
