use wtcheck::scenario::*;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Sample {
    name: String,
    events: Vec<Event>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Event {
    at: u64,
    actor: String,
}

const TEXT: &str = "name: x\nevents:\n  - at: 1\n    actor: a\n  - {at: 2, actor: b}\n";

fn place(m: &Mistake) -> (usize, usize) {
    (m.line, m.column)
}

#[test]
fn what_serde_cannot_take_has_a_place() {
    let parse = |text: &str| Document::new("s.yaml", text).parse::<Sample>().unwrap_err();
    let unknown = parse("name: x\nevents:\n  - at: 1\n    actr: a\n");
    assert_eq!(place(&unknown), (4, 5));
    assert!(unknown.to_string().contains("unknown field `actr`"), "{unknown}");
    let wrong = parse("name: x\nevents:\n  - at: soon\n    actor: a\n");
    assert_eq!(place(&wrong), (3, 9));
    assert!(wrong.to_string().starts_with("s.yaml:3:9: events[0].at: invalid type"), "{wrong}");
    assert!(Document::new("s.yaml", TEXT).parse::<Sample>().is_ok());
    assert_eq!(place(&parse("@")).0, 1);
}

#[test]
fn what_the_meaning_shows_has_a_place_too() {
    let document = Document::new("s.yaml", TEXT);
    let wrong = |way: &[Part]| document.wrong(way, "no");
    assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(0), Part::Key("actor")])), (4, 12));
    assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(1), Part::Key("actor")])), (5, 20));
    assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(1)])), (5, 5));
    // A field that is not there: the place of what should hold it.
    let left_out = wrong(&[Part::Key("events"), Part::At(1), Part::Key("version")]);
    assert_eq!(place(&left_out), (5, 5));
    assert_eq!(left_out.reason, "events[1].version: no");
    assert_eq!(place(&wrong(&[])), (1, 1));
}

#[test]
fn hostile_documents_are_refused() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert!(Document::new("b", bomb).parse::<Sample>().is_err());
    let _ = Document::new("b", bomb).wrong(&[Part::Key("g")], "no");
    let deep = "[".repeat(100_000);
    assert!(Document::new("d", &deep).parse::<Sample>().is_err());
    let _ = Document::new("d", &deep).wrong(&[Part::Key("g")], "no");
}
