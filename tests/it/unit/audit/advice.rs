use wtcheck::audit::advice::*;
use wtcheck::audit::finding::Code;

#[test]
fn every_code_has_advice_that_leads_somewhere() {
    for code in Code::ALL {
        let Advice { recognised, cause, evidence, next } = advice(*code);
        for text in [recognised, cause, evidence].iter().chain(next) {
            assert!(text.len() > 20 && text.ends_with(['.', ':', ')', '?']), "{}: {text}", code.name());
            assert!(!text.contains("  "), "{}: {text}", code.name());
            assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", code.name());
        }
        assert!(!next.is_empty(), "{}", code.name());
    }
}
