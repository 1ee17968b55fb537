use wtcheck::page::cell_kind::*;

#[test]
fn every_type_is_its_own_number() {
    let all: Vec<_> = (0..=u8::MAX).filter_map(|n| Some((n, CellKind::from_number(n)?))).collect();
    assert_eq!(all.len(), 14);
    for (number, kind) in all {
        assert!(kind.number() == number || number == KEY_WITH_PREFIX, "{kind:?}");
        assert_eq!(kind.byte() >> 4, kind.number());
        assert_eq!(u8::from(kind.is_key()) + u8::from(kind.is_value()) + u8::from(kind.is_addr()), 1, "{kind:?}");
    }
}
