//! Scenarios of both kinds (YAML): read or refused with a place, and run within bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wtcheck::audit::Silent;
use wtcheck::pickup::explore;
use wtcheck::pickup::run;
use wtcheck::pickup::scenario::Scenario;
use wtcheck::pickup::world::Setup;
use wtcheck::scenario::Document;
use wtcheck::simulate;

/// Larger ones are right, and take their time.
const MANY: u64 = 64;

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A repetition or a size of millions is no mistake: it only takes long.
    let digits = |part: &str| part.trim_start_matches('0').parse::<u128>().is_ok_and(|n| n > u128::from(MANY) * 1000);
    if text.split(|c: char| !c.is_ascii_digit()).any(digits) {
        return;
    }
    let document = Document::new("scenario", text);
    match Scenario::parse(&document) {
        Ok(scenario) => pickup(&document, &scenario, *how),
        Err(mistake) => assert!(mistake.line >= 1 && mistake.column >= 1 && !mistake.reason.is_empty()),
    }
    match simulate::read(&document) {
        Ok(_) if large(text) => {}
        Ok(_) => {
            if let Ok(simulated) = simulate::run(&document, None) {
                serde_json::to_string(&simulated.outcome).expect("JSON");
            }
        }
        Err(mistake) => assert!(mistake.line >= 1 && mistake.column >= 1 && !mistake.reason.is_empty()),
    }
});

fn large(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok());
    numbers.filter(|n| *n > 1).fold(1_u64, u64::saturating_mul) > 1 << 20
}

fn pickup(document: &Document, scenario: &Scenario, how: u8) {
    let written = scenario.to_yaml("head");
    let again = Scenario::parse(&Document::new("written", &written));
    assert_eq!(again.as_ref(), Ok(scenario), "{written}");
    if scenario.events.len() > 200 || scenario.nodes.len() > 4 || large(&document.text) {
        return;
    }
    let setup = Setup::new(scenario, &scenario.policy);
    if let Ok(report) = run::run(&setup) {
        let _ = wtcheck::report::pickup::picture::render(scenario, &report);
    }
    if how % 4 == 0 {
        let options = explore::Options { depth: Some(24), states: 300, walks: 3, seed: 1 };
        let _ = explore::explore(scenario, &scenario.policy, &options, &Silent);
    }
}
