use std::fs;
use wtcheck::coverage::{Fate, NotOurs, Unchecked};
use wtcheck::home::inventory::*;

#[test]
fn every_entry_is_in_the_ledger() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    for dir in ["db/index", "diagnostic.data", "inner", "kv_home", "lost+found", "a/b/c"] {
        fs::create_dir_all(at(dir)).unwrap();
    }
    let files = [
        "WiredTiger",
        "mongod.lock",
        "storage.bson",
        "mongod.log",
        "mongod.log.2026-01-01",
        "notes.txt",
        "x.wt",
        "db/index/y.wt",
        "db/mongod.lock",
        "diagnostic.data/metrics.1",
        "inner/WiredTiger.turtle",
        "inner/z.wt",
        "kv_home/checkpoints.db",
        "lost+found/q.wt",
        "a/b/c/deep.wt",
        "wtcheck-undo-1.journal",
    ];
    files.iter().for_each(|f| fs::write(at(f), f).unwrap());
    std::os::unix::fs::symlink("gone", at("dangling.wt")).unwrap();
    std::os::unix::fs::symlink("db", at("link")).unwrap();
    let got = take(temp.path()).unwrap();
    let fate = |name: &str| got.coverage.fate(name).cloned();
    let not_ours = |what| Some(Fate::NotOurs(what));
    assert_eq!(fate("mongod.lock"), not_ours(NotOurs::Lock));
    assert_eq!(fate("storage.bson"), not_ours(NotOurs::Text));
    assert_eq!(fate("mongod.log.2026-01-01"), not_ours(NotOurs::Diagnostics));
    assert_eq!(fate("diagnostic.data/"), not_ours(NotOurs::Diagnostics));
    assert_eq!(fate("wtcheck-undo-1.journal"), not_ours(NotOurs::Repair));
    for other in ["inner/", "kv_home/"] {
        assert_eq!(fate(other), not_ours(NotOurs::OtherSubject), "{other}");
    }
    for special in ["dangling.wt", "link"] {
        assert_eq!(fate(special), not_ours(NotOurs::Special), "{special}");
    }
    assert_eq!(fate("lost+found/"), not_ours(NotOurs::Unknown));
    assert_eq!(fate("a/b/c/"), Some(Fate::NotChecked(Unchecked::TooMuch)));
    let entered: Vec<&str> = got.coverage.not_checked_list().map(|(name, _)| name).collect();
    assert_eq!(entered, ["WiredTiger", "a/b/c/", "db/index/y.wt", "db/mongod.lock", "notes.txt", "x.wt"]);
    assert!(got.files.contains_key("diagnostic.data/metrics.1") && !got.files.contains_key("inner/z.wt"));
    assert!(take(&at("nothing")).is_err());
}
