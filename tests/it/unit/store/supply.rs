use wtcheck::store::supply::*;

#[test]
fn a_stored_number_is_read_back() {
    for flags in [0, 2, 0x1_0002] {
        for (marks, length) in [(0, None), (LONE, None), (ENCRYPTED | ABOUT, Some(4096)), (0, Some(0))] {
            let column = stored(flags | marks, length);
            let own = if length.is_some() { LENGTH_ONLY } else { 0 };
            assert_eq!(read(column.cast_unsigned()), Some((flags | marks | own, length)));
        }
    }
    // A length without the mark is nobody's.
    assert_eq!(read(1 << 32), None);
}
