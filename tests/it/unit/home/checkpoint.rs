use wtcheck::format::local::{Extent, LocalAddress};
use wtcheck::home::checkpoint::*;

fn extents(list: &[(u64, u64)]) -> Vec<Extent> {
    list.iter().map(|(offset, size)| Extent { offset: *offset, size: *size }).collect()
}

#[test]
fn an_avail_list_may_descend_once() {
    let (one, two, three) = ((4096, 4096), (8192, 4096), (12288, 4096));
    let cases = [
        (vec![one, two], false, true),
        (vec![two, one], false, false),
        (vec![two, one], true, true),
        (vec![two, one, three], true, true),
        (vec![three, two, one], true, false),
        (vec![one, one], true, false),
        (vec![(4096, 8192), two], true, false),
        (vec![], true, true),
    ];
    for (list, avail, sound) in cases {
        assert_eq!(out_of_order(&extents(&list), avail).is_none(), sound, "{list:?}");
    }
}

#[test]
fn the_lists_own_block_is_taken_out() {
    let block = LocalAddress { offset: 8192, size: 4096, checksum: 0, object: None };
    let got = |list: &[(u64, u64)]| without(&extents(list), &block);
    assert_eq!(got(&[(4096, 12288)]), extents(&[(4096, 4096), (12288, 4096)]));
    assert_eq!(got(&[(8192, 4096)]), extents(&[]));
    assert_eq!(got(&[(4096, 4096), (12288, 4096)]), extents(&[(4096, 4096), (12288, 4096)]));
}
