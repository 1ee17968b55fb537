use wtcheck::store::palm::page_set::*;

#[test]
fn page_sets() {
    let mut set = PageSet::new(200);
    assert!(set.claim(63, 2));
    assert!(!set.claim(64, 1));
    assert!(!set.claim(10, 100));
    assert!(set.claim(10, 53));
    assert!(set.claim(65, 127));
    assert!(!set.claim(0, 11));
    assert!(set.claim(0, 10));
    assert!(!set.claim(256, 1), "outside the file");
    assert!(!set.claim(u64::MAX, u64::MAX));
}
