use wtcheck::format::cookie::Cookie;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::pagelog::chain::*;
use wtcheck::pagelog::fault::FaultKind;
use wtcheck::store::{FLAG_DELTA, FLAG_DISCARDED, Index, Row};

/// (lsn, backlink, base, flags, len)
fn index(rows: &[(u64, u64, u64, u32, u32)]) -> Index {
    Index::new(
        rows.iter()
            .map(|(lsn, backlink_lsn, base_lsn, flags, len)| Row {
                table: TableId(25),
                page: PageId(100),
                lsn: Lsn(*lsn),
                backlink_lsn: Lsn(*backlink_lsn),
                base_lsn: Lsn(*base_lsn),
                locator: 0,
                len: *len,
                flags: *flags,
                seal: Default::default(),
            })
            .collect(),
    )
}

fn kinds(rows: &[(u64, u64, u64, u32, u32)], cookie: Cookie) -> (Option<Chain>, Vec<FaultKind>) {
    let mut faults = Vec::new();
    let chain = resolve(&index(rows), TableId(25), &cookie, &mut faults);
    (chain, faults.into_iter().map(|f| f.kind).collect())
}

const D: u32 = FLAG_DELTA;
const BASE: (u64, u64, u64, u32, u32) = (20, 0, 0, 0, 83);

#[test]
fn sound_chains() {
    let rows = [BASE, (25, 20, 20, D, 71), (30, 25, 20, D, 9), (40, 20, 0, 0, 50)];
    let (chain, faults) = kinds(&rows, Cookie::new(PageId(100), Lsn(25), Lsn(20), 154, 0));
    assert_eq!((chain, faults), (Some(Chain { base: 0, newest: 1 }), vec![]));
    // The old meaning of size: the newest block alone.
    assert_eq!(kinds(&rows, Cookie::new(PageId(100), Lsn(30), Lsn(20), 9, 0)).1, []);
    assert_eq!(kinds(&rows, Cookie::new(PageId(100), Lsn(40), Lsn(0), 50, 0)).0, Some(Chain { base: 3, newest: 3 }));
}

#[test]
fn each_rule_of_10_2_5_is_reported() {
    use FaultKind::*;
    let delta = |base: u64| Cookie::new(PageId(100), Lsn(25), Lsn(base), 154, 0);
    for (rows, cookie, expected) in [
        (vec![BASE], delta(20), ChainBroken),
        (vec![BASE], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), Missing),
        (vec![], delta(20), Missing),
        (vec![BASE, (25, 19, 20, D, 71)], delta(20), ChainBroken),
        (vec![BASE, (25, 20, 19, D, 71)], delta(20), ChainBroken),
        (vec![BASE, (25, 20, 20, D, 71)], delta(19), ChainBroken),
        (vec![BASE, (25, 20, 20, D, 71)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
        (vec![(25, 20, 20, D, 71)], delta(20), ChainBroken),
        (vec![BASE, (25, 20, 20, D, 70)], delta(20), SizeMismatch),
        (vec![BASE, (25, 20, 20, D | FLAG_DISCARDED, 0)], delta(20), DiscardedInUse),
        (vec![BASE, (22, 20, 20, D | FLAG_DISCARDED, 0), (25, 20, 20, D, 71)], delta(20), DiscardedInUse),
        (vec![(25, 0, 7, 0, 154)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
        (vec![(25, 30, 0, 0, 154)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
    ] {
        assert!(kinds(&rows, cookie).1.contains(&expected), "{rows:?} {cookie}");
    }
    // What is left of a broken chain is still handed out.
    let rest = |rows: &[_], cookie| kinds(rows, cookie).0;
    assert_eq!(rest(&[BASE], delta(20)), Some(Chain { base: 0, newest: 0 }));
    let deltas = [(25, 20, 20, D, 71), (30, 25, 20, D, 9)];
    assert_eq!(rest(&deltas, Cookie::new(PageId(100), Lsn(30), Lsn(20), 9, 0)), Some(Chain { base: 0, newest: 1 }));
    let older = [(5, 0, 0, 0, 9), (25, 20, 20, D, 71)];
    assert_eq!(rest(&older, delta(20)), Some(Chain { base: 1, newest: 1 }));
    assert_eq!(
        rest(&[(20, 0, 0, FLAG_DISCARDED, 83)], Cookie::new(PageId(100), Lsn(20), Lsn(0), 83, 0)),
        Some(Chain { base: 0, newest: 0 })
    );
    let long: Vec<_> = (0..34_u64).map(|i| if i == 0 { (1, 0, 0, 0, 1) } else { (i + 1, i, 1, D, 1) }).collect();
    assert_eq!(kinds(&long, Cookie::new(PageId(100), Lsn(34), Lsn(1), 34, 0)).1, [ChainTooLong]);
    assert_eq!(kinds(&long, Cookie::new(PageId(100), Lsn(33), Lsn(1), 33, 0)).1, []);
}
