use wtcheck::format::local::{Extent, LocalAddress};
use wtcheck::home::space::*;

fn block(offset: u64, size: u32) -> LocalAddress {
    LocalAddress { offset, size, checksum: 0, object: None }
}

fn units(spans: &[(u64, u64)]) -> Units {
    let mut out = Units::new(512, 16 << 10);
    spans.iter().for_each(|(offset, size)| {
        out.add(*offset, *size);
    });
    out
}

#[test]
fn every_unit_has_one_class() {
    let part = |tree: &[(u64, u64)], root, lists: &[u64]| Part {
        live: Some(units(tree)),
        tree: units(tree),
        internal: units(&[]),
        overflow: units(&[]),
        root: Some(block(root, 512)),
        lists: lists.iter().map(|l| block(*l, 512)).collect(),
        complete: true,
    };
    let old = part(&[(512, 1024)], 2048, &[2560]);
    let new = part(&[(1024, 512), (4096, 1024)], 5120, &[6144, 6656]);
    let avail = [Extent { offset: 1536, size: 512 }, Extent { offset: 7168, size: 9216 - 512 }];
    let got = account(512, 16 << 10, &[old, new], Some(&avail));
    let bytes = |u| got.bytes(u);
    assert_eq!((bytes(Use::Description), bytes(Use::Tree), bytes(Use::ExtentList)), (512, 2048, 1536));
    assert_eq!((bytes(Use::Discarded), bytes(Use::Available)), (1024, 512 + 9216 - 512));
    assert_eq!(got.uses.iter().map(|(_, u)| u.bytes()).sum::<u64>(), 16 << 10);
    let lost: Vec<Span> = got.of(Use::Lost).unwrap().spans().collect();
    let span = |start, end| Span { start, end };
    assert_eq!(lost, [span(3072, 4096), span(5632, 6144), span(15872, 16384)]);
    assert!(got.overlaps.is_empty() && got.certain);
}

#[test]
fn what_is_claimed_twice_is_named() {
    let part = Part {
        live: None,
        tree: units(&[(512, 1024)]),
        internal: units(&[]),
        overflow: units(&[]),
        root: Some(block(2048, 512)),
        lists: vec![block(1024, 512), block(1024, 512)],
        complete: true,
    };
    let avail = [Extent { offset: 2048, size: 512 }, Extent { offset: 2048, size: 1024 }];
    let got = account(512, 4096, &[part], Some(&avail));
    let what: Vec<Overlap> = got.overlaps.iter().map(|(_, what)| *what).collect();
    assert!(what.contains(&Overlap::ListAndTree) && what.contains(&Overlap::FreeTwice), "{what:?}");
    // Of two about one range the one whose words come first is told.
    let all = [
        Overlap::ListAndTree,
        Overlap::FreeTwice,
        Overlap::FreeAndList,
        Overlap::FreeAndOlder,
        Overlap::FreeAndNewest,
        Overlap::Description,
        Overlap::TwoLists,
    ];
    assert!(all.is_sorted() && all.map(|w| w.to_string()).is_sorted());
    assert!(got.overlaps.iter().any(|(s, _)| s.start == 2048));
    assert!(!got.certain);
    assert_eq!(got.uses.iter().map(|(_, u)| u.bytes()).sum::<u64>(), 4096);
}

#[test]
fn hostile_ranges_stay_within_the_file() {
    let mut set = Units::new(512, 4096);
    assert_eq!(set.add(u64::MAX - 5, u64::MAX), 0);
    assert_eq!(set.add(3584, u64::MAX), 512);
    assert!(!set.touches(4096, 10));
    assert_eq!(set.remove_extents(&[Extent { offset: 0, size: 1 << 60 }]), 3584);
}
