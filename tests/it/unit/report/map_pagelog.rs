use wtcheck::audit::pagelog::classify::Class;
use wtcheck::report::map_pagelog::*;

#[test]
fn every_class_keeps_its_name() {
    for (class, name) in Class::NAMES {
        assert_eq!(kind_of(class).kind().name, name);
    }
    assert_eq!(kind_of(Class::Unjudged).kind().name, Class::Unjudged.name());
}

#[test]
fn names_fit_beside_bars() {
    assert_eq!(shortened("accounts00"), "accounts00");
    let long = shortened("collection-7-1234567890123456789");
    assert_eq!((long.as_str(), long.len()), ("collection-..90123456789", NAME));
}
