use serde_json::Value;
use wtcheck::pack::same::*;

fn found(code: &str) -> Found {
    let (severity, code) = ("error".into(), code.into());
    let (uri, table_id, page_id, lsn, file, offset, length) = Default::default();
    Found { severity, code, uri, table_id, page_id, lsn, file, offset, length }
}

fn essence(findings: &[&str], exit_code: u8, facts: &[(&str, Value)]) -> Essence {
    let outcome = Outcome { verdict: "clean".into(), exit_code };
    let fact = |(file, values): &(&str, Value)| {
        let Value::Object(values) = values.clone() else { panic!("{values}") };
        Fact { about: Thing::File { file: (*file).into() }, values }
    };
    let findings = findings.iter().map(|code| found(code)).collect();
    Essence { depth: "deep".into(), outcome, findings, facts: facts.iter().map(fact).collect() }
}

#[test]
fn differences_are_listed_with_their_side_and_number() {
    use serde_json::json;
    let size = |n: u64| json!({ "size": n, "checkpoints": [{ "name": "a", "rows": n }, { "name": "b", "rows": 1 }] });
    let a = essence(&["x", "x", "y"], 0, &[("one", size(1)), ("two", size(2)), ("two", size(2))]);
    let b = essence(&["x", "z"], 1, &[("one", size(7)), ("two", size(2)), ("three", size(2))]);
    assert!(a.differences(&a.clone()).is_empty());
    let finding = |only_in, code| Difference::Finding { only_in, finding: found(code) };
    let file = |name: &str| Thing::File { file: name.into() };
    let value = |name: &[&str]| Difference::Value {
        about: file("one"),
        name: name.iter().map(|n| (*n).to_string()).collect(),
        source: 1.into(),
        image: 7.into(),
    };
    let outcome = Difference::Outcome { source: a.outcome.clone(), image: b.outcome.clone() };
    let want = [
        outcome,
        finding(Side::Source, "x"),
        finding(Side::Source, "y"),
        finding(Side::Image, "z"),
        value(&["checkpoints", "a", "rows"]),
        value(&["size"]),
        Difference::Thing { only_in: Side::Image, about: file("three") },
        Difference::Thing { only_in: Side::Source, about: file("two") },
    ];
    assert_eq!(a.differences(&b), want);
}
