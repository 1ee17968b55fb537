use wtcheck::pack::same::*;

fn essence(findings: &[&str], exit_code: u8) -> Essence {
    let findings = findings.iter().map(|f| (*f).to_string()).collect();
    Essence { depth: "deep".into(), verdict: "clean".into(), exit_code, findings, facts: Vec::new() }
}

#[test]
fn differences_are_listed_with_their_side_and_number() {
    let (a, b) = (essence(&["x", "x", "y"], 0), essence(&["x", "z"], 1));
    assert!(a.differences(&a.clone()).is_empty());
    let want = ["- verdict clean, exit code 0", "+ verdict clean, exit code 1", "- x", "- y", "+ z"];
    assert_eq!(a.differences(&b), want);
}
