use wtcheck::report::text::*;
use wtcheck::words::text::{escape, grouped};

#[test]
fn numbers_for_people() {
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!([0, -1861, 1861].map(signed), ["0", "-1,861", "+1,861"]);
    assert_eq!(
        [0, 1023, 1024, 1536, 1_048_575, 1 << 20, u64::MAX].map(human),
        ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "16.0 EiB"]
    );
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    assert_eq!(escape("a\x1b[2Jb\u{202e}c\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}");
}
