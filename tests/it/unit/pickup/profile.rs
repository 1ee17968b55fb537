use clap::ValueEnum;
use wtcheck::pickup::profile::*;

#[test]
fn names() {
    for p in Profile::ALL {
        assert_eq!(Profile::from_name(p.name()), Some(p));
        assert_eq!(p.to_possible_value().unwrap().get_name(), p.name());
    }
}
