use wtcheck::decode::view::*;
use wtcheck::page::cell::TS_MAX;

#[test]
fn seconds_become_dates() {
    for (seconds, want) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (68_169_599, "1972-02-28 23:59:59 UTC"),
        (68_169_600, "1972-02-29 00:00:00 UTC"),
        (951_868_800, "2000-03-01 00:00:00 UTC"),
        (1_230_767_999, "2008-12-31 23:59:59 UTC"),
        (0x69e2_9c5b, "2026-04-17 20:47:23 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        (u64::from(u32::MAX), "2106-02-07 06:28:15 UTC"),
    ] {
        assert_eq!(utc(seconds), want);
    }
}

#[test]
fn only_plausible_numbers_are_times() {
    assert_eq!(time_hint(7_629_832_633_374_999_104).unwrap(), "2026-04-17 20:47:23 UTC, counter 576");
    assert_eq!(time_hint(7_625_638_039_464_706_519).unwrap(), "2026-04-06 13:30:13 UTC, counter 471");
    assert_eq!([0, 1050, 1 << 32, TS_MAX].map(time_hint), [None, None, None, None]);
}
