use wtcheck::format::image::Era;
use wtcheck::page::form::Form;
use wtcheck::page::rules::*;
use wtcheck::page::what::{Clash, What};

#[test]
fn breaches_are_capped_by_kind_and_in_all() {
    let mut all = Breaches::default();
    for n in 0..5 {
        all.add(Rule::Order, n, || What::TwoKeys);
    }
    assert_eq!((all.list.len(), all.more), (2, 3));
    for rule in [Rule::Cell, Rule::Window, Rule::Copy, Rule::Run] {
        all.add(rule, 0, || What::TwoKeys);
        all.add(rule, 1, || Clash::StartAfterStop);
    }
    assert_eq!((all.list.len(), all.more), (MAX_BROKEN, 5));
    assert!(all.has(Rule::Window) && !all.has(Rule::Run) && !all.is_empty());
}

#[test]
fn every_rule_has_its_line_and_what_does_not_hold_is_not_noted() {
    let mut names = std::collections::BTreeSet::new();
    for rule in Rule::all() {
        assert_eq!(rule.line().rule, rule);
        assert!(names.insert(rule.name()) && rule.line().holds != 0);
    }
    // The last variant closes the list.
    assert_eq!(names.len(), Rule::Bitmap as usize + 1);
    let mut old = Breaches::of(Form::Delta(Era::June2025));
    old.add(Rule::Alternation, 3, || What::TwoKeys);
    assert!(old.is_empty());
    old.add(Rule::Order, 3, || What::TwoKeys);
    assert!(old.has(Rule::Order));
}
