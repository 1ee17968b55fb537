use CandidateKind::*;
use wtcheck::audit::pagelog::account::*;
use wtcheck::id::{Lsn, PageId, TableId};

fn list(items: &[(CandidateKind, u64)]) -> Vec<Candidate> {
    items
        .iter()
        .map(|(kind, bytes)| Candidate {
            kind: *kind,
            table: TableId(25),
            page: PageId(1),
            lsn: Lsn(1),
            bytes: *bytes,
            times: 1,
            lsns: vec![],
        })
        .collect()
}

#[test]
fn orphans_first_then_the_fewest_others() {
    let c = list(&[(Orphan, 509), (Orphan, 930), (ObsoleteChain, 1421), (ObsoleteChain, 77), (Root, 366)]);
    assert_eq!(explain(1439, &c), Explanation { used: vec![0, 1], residual: 0 });
    assert_eq!(explain(1439 + 1421, &c), Explanation { used: vec![0, 1, 2], residual: 0 });
    assert_eq!(explain(1439 + 366, &c), Explanation { used: vec![0, 1, 4], residual: 0 });
    assert_eq!(explain(1439 + 1421 + 77 + 366, &c).residual, 0);
    // One orphan was never counted.
    assert_eq!(explain(509, &c), Explanation { used: vec![0], residual: 0 });
    // Unexplained rests are shown, not guessed.
    assert_eq!(explain(1439 + 5, &c), Explanation { used: vec![0, 1], residual: 5 });
    assert_eq!(explain(7, &c), Explanation { used: vec![], residual: 7 });
    assert_eq!(explain(366, &list(&[(Root, 300), (Root, 366)])), Explanation { used: vec![1], residual: 0 });
}

#[test]
fn every_kind_explains_alone_what_it_fits() {
    for kind in [Orphan, ObsoleteChain, DroppedTable, Root, DuplicateDelta, Superseded] {
        assert_eq!(explain(4242, &list(&[(kind, 17), (kind, 4242)])).residual, 0, "{kind:?}");
    }
}

#[test]
fn the_search_is_bounded() {
    let many: Vec<_> = (0..400_u64).map(|i| (ObsoleteChain, 1000 + 2 * i)).collect();
    let e = explain(100_001, &list(&many));
    assert_eq!(e.residual, 100_001);
    // Half of very many equal ones would fit: no subset is singled out, and the search stays shallow.
    let equal: Vec<_> = (0..200_000).map(|_| (ObsoleteChain, 100)).collect();
    assert_eq!(explain(10_000_000, &list(&equal)).residual, 10_000_000);
    assert_eq!(explain(20_000_000, &list(&equal)).residual, 0);
}
