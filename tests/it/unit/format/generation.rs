use wtcheck::format::generation::*;
use wtcheck::format::pagelog_turtle::TurtleForm;

#[test]
fn evidence_of_the_sample_stores() {
    let palm = Evidence {
        palm: true,
        turtle: Some(TurtleForm::Legacy),
        database_size: Some(false),
        old_cookie: true,
        ..Evidence::default()
    };
    let autumn = Evidence { palm: false, old_cookie: false, ..palm };
    let february = Evidence { turtle: Some(TurtleForm::V1), database_size: Some(true), ..Evidence::default() };
    let july = Evidence { sharded: true, turtle: Some(TurtleForm::V2), key_page_v2: true, ..february };
    for (evidence, name) in [(palm, "2025-06"), (autumn, "2025-11"), (february, "2026-02"), (july, "2026-07")] {
        let (generation, words) = detect(&evidence);
        assert_eq!(generation.name(), name);
        assert!(words.len() >= 3);
        assert_eq!(Generation::from_name(name), Some(generation));
    }
}
