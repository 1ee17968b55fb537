use proptest::prelude::*;
use wtcheck::scenario::duration::*;

#[test]
fn texts() {
    for (text, want) in [
        ("0", 0),
        ("2", 2_000_000),
        ("1.5", 1_500_000),
        ("250ms", 250_000),
        ("1.5s", 1_500_000),
        ("2m", 120_000_000),
        ("1h", 3_600_000_000),
        ("7us", 7),
        ("0.0000005s", 0),
    ] {
        assert_eq!(Micros::parse(text), Ok(Micros(want)), "{text}");
    }
    for text in ["", "s", "-1", "1.2.3", "1 day", "1e3", ".5", "99999999999", "1.1234567890s", "١s"] {
        assert!(Micros::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn round_trip(n in 0..LONGEST) {
        prop_assert_eq!(Micros::parse(&Micros(n).to_string()), Ok(Micros(n)));
    }

    #[test]
    fn any_text(text in ".{0,20}") {
        let _ = Micros::parse(&text);
    }
}
