use wtcheck::export::shard::*;
use wtcheck::id::{PageId, TableId};

#[test]
fn names() {
    let shard: Shard = "3/7".parse().unwrap();
    assert_eq!((shard.to_string(), shard.directory()), ("3/7".into(), "shard=00003-of-00007".into()));
    assert_eq!("1/1".parse(), Ok(Shard::WHOLE));
    for wrong in ["", "3", "0/7", "8/7", "3/0", "-1/7", "3/7/9", "1/100001", "a/b"] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
    }
}

#[test]
fn each_page_is_in_one_shard_and_the_shards_are_even() {
    let of = 7;
    let mut counts = [0_u64; 7];
    for table in [2, 26, 1000] {
        for page in (0..70_000).chain([u64::MAX]) {
            let takers: Vec<u32> =
                (1..=of).filter(|i| Shard { index: *i, of }.takes(TableId(table), PageId(page))).collect();
            let [one] = takers.as_slice() else { panic!("page {page} is in shards {takers:?}") };
            counts[*one as usize - 1] += 1;
            assert!(Shard::WHOLE.takes(TableId(table), PageId(page)));
        }
    }
    assert!(counts.iter().all(|c| (15_000..45_000).contains(c)), "{counts:?}");
}
