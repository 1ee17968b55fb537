use wtcheck::pagelog::catalog::SHARED_HISTORY;
use wtcheck::pickup::code::Code;
use wtcheck::pickup::merge::*;

fn rows(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
}

fn shared() -> Vec<(String, String)> {
    rows(&[
        ("file:a.wt_stable", "id=25,key_format=S,checkpoint=(x=(addr=\"\"))"),
        ("layered:a", "stable=\"file:a.wt_stable\",ingest=\"file:a.wt_ingest\""),
        ("table:a", "columns=()"),
    ])
}

#[test]
fn create_replace_keep() {
    let none = Checks::default();
    let first = merge(&Local::new(), &shared(), none).unwrap();
    assert_eq!((first.created, first.replaced, first.kept), (3, 0, 0));
    let mut local = first.local;
    local.insert("file:b.wt_stable".into(), "id=33".into());
    let mut newer = shared();
    newer[0].1 = "id=25,key_format=S,checkpoint=(y=(addr=\"\"))".into();
    let second = merge(&local, &newer, Checks { diagnostic: true, strict: false }).unwrap();
    assert_eq!((second.created, second.replaced, second.kept), (0, 3, 1));
    assert_eq!(second.local["file:a.wt_stable"], newer[0].1);
}

#[test]
fn refusals() {
    let none = Checks::default();
    let local = merge(&Local::new(), &shared(), none).unwrap().local;
    let mut other = shared();
    other[0].1 = "id=41,key_format=S".into();
    let refused = merge(&local, &other, none).unwrap_err();
    assert!(refused.panics && refused.reason.contains("`id`"), "{refused:?}");
    other[0].1 = "id=25,key_format=u".into();
    assert!(merge(&local, &other, none).is_ok());
    assert!(merge(&local, &other, Checks { diagnostic: true, strict: false }).unwrap_err().panics);

    let missing = &shared()[1..];
    let refused = merge(&Local::new(), missing, none).unwrap_err();
    assert!(!refused.panics && refused.reason.starts_with("Missing shared file: metadata entry"), "{refused:?}");
    assert!(merge(&Local::new(), missing, Checks { strict: true, diagnostic: false }).unwrap_err().panics);

    let unexpected = Local::from([("file:a.wt_ingest".to_string(), "id=3".to_string())]);
    assert!(merge(&unexpected, &shared(), none).unwrap_err().reason.contains("unexpected local entry"));

    let mut twice = shared();
    twice.push(("file:b.wt_stable".into(), "id=25".into()));
    let refused = merge(&Local::new(), &twice, none).unwrap_err();
    assert_eq!(
        refused.reason,
        "checkpoint pickup would leave btree ID 25 shared by file:a.wt_stable, file:b.wt_stable"
    );
    assert!(refused.panics);
    // The shared metadata and history keep their ids by another rule.
    let moved = Local::from([(SHARED_HISTORY.to_string(), "id=10".to_string())]);
    assert!(merge(&moved, &rows(&[(SHARED_HISTORY, "id=18")]), none).is_ok());
}

#[test]
fn a_row_that_is_no_configuration() {
    let bad = rows(&[("table:x", "columns=((")]);
    assert_eq!(merge(&Local::new(), &bad, Checks::default()).unwrap_err().code, Code::EINVAL);
}
