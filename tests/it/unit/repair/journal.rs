use wtcheck::id::Lsn;
use wtcheck::repair::journal::*;
use wtcheck::store::StoreKind;
use wtcheck::store::edit::{Change, Field, Value};

fn sample() -> (Header, Steps) {
    let header = Header {
        journal_version: JOURNAL_VERSION,
        made_by: "wtcheck 0".into(),
        made_at: 7,
        directory: "/data".into(),
        kind: StoreKind::Palite,
        fingerprint: "00".into(),
        lsn_counter: Some((Lsn(3), Lsn(9))),
        newest_completion: Some((Lsn(3), Lsn(9))),
        actions: vec!["set size".into()],
    };
    let field = |value| Field { name: "f".into(), value };
    let values =
        [Value::Null, Value::Integer(-1), Value::Real(3), Value::Text("t\n".into()), Value::Blob(vec![0, 255])];
    let after = values.into_iter().map(field).collect();
    let change = Change { file: "a.db".into(), set: "pages".into(), before: None, after: Some(after) };
    (header, Steps::Records(vec![change.clone(), change]))
}

#[test]
fn a_journal_reads_back_and_a_cut_one_is_unfinished() {
    let temp = tempfile::tempdir().unwrap();
    let path = path_in(temp.path(), "0123456789", 5);
    let (header, steps) = sample();
    write(&path, &header, &steps).unwrap();
    assert!(write(&path, &header, &steps).is_err(), "an existing journal is never overwritten");
    mark(&path, Mark::Applied).unwrap();
    let journal = read(&path).unwrap().unwrap();
    assert_eq!((journal.header, journal.steps, journal.marks), (header, steps, vec![Mark::Applied]));
    assert_eq!(list(temp.path()).unwrap(), std::slice::from_ref(&path));
    assert_ne!(path_in(temp.path(), "0123456789", 5), path);
    let whole = std::fs::read(&path).unwrap();
    let end = whole.windows(7).position(|w| w == b"{\"end\":").unwrap() + "{\"end\":2}\n".len();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        match read(&path) {
            Ok(Some(journal)) => assert!(cut >= end, "{cut}: {journal:?}"),
            Ok(None) => assert!(cut < end, "{cut}"),
            Err(_) => assert!(cut < whole.iter().position(|b| *b == b'\n').unwrap() + 1, "{cut}"),
        }
    }
    // A finished journal whose last line is damaged must not pass for one that was never finished.
    let mut rotten = whole[..end].to_vec();
    rotten[end - 3] ^= 1;
    std::fs::write(&path, &rotten).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("line 4 is damaged"));
    let middle = whole.iter().position(|b| *b == b'\n').unwrap() + 20;
    let mut damaged = whole.clone();
    damaged[middle] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("line 2 is damaged"));
    std::fs::write(&path, b"hello\nworld\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("not a wtcheck journal"));
}
