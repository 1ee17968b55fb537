//! Repairs of a real PALM store: sizes changed through plan and apply read back, everything else
//! stays, and undo restores every record.

use crate::common;
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wtcheck::audit::{self, Silent};
use wtcheck::pagelog::catalog;
use wtcheck::store::{self, palm::lmdb::Env};

/// Every record of every named database; the environment is sound.
fn records(home: &Path) -> BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>> {
    let bytes = std::fs::read(store::locate(home).unwrap().kv_home.join("data.mdb")).unwrap();
    let env = Env::open(&bytes).unwrap();
    assert_eq!(env.check(), Ok(()));
    let mut out = BTreeMap::new();
    for name in env.records(&env.state().main).map(Result::unwrap).filter(|r| r.is_database).map(|r| r.key) {
        let db = env.database(name).0.unwrap();
        for record in env.records(&db).map(Result::unwrap) {
            out.insert((name.to_vec(), record.key.to_vec()), env.value(&record).unwrap().to_vec());
        }
    }
    out
}

fn metadata(home: &Path) -> Vec<(String, String)> {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let checkpoint = audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
    let rows = catalog::rows(&opened.index, &mut *reader, &checkpoint.metadata).unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    rows.into_iter().map(|(k, v)| (text(k), text(v))).collect()
}

fn audit_of(home: &Path, more: &[&str]) -> Value {
    let (_, out, err) = wtcheck(&[&["audit", path(home), "--format", "json"], more].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {err}"))
}

fn tree<'a>(audit: &'a Value, uri: &str) -> &'a Value {
    audit["trees"].as_array().unwrap().iter().find(|t| t["uri"] == uri).unwrap()
}

fn check(home: &Path) {
    let temp = tempfile::tempdir().unwrap();
    let (plan, out) = (temp.path().join("plan.yaml"), temp.path().join("out"));
    let before = audit_of(home, &["--deep"]);
    let old_records = records(home);
    // These formats keep no totals: nothing is wrong, and nothing is planned unless asked for by name.
    assert_eq!(wtcheck(&["repair", "plan", path(home)]).0, 0);
    let (code, _, err) = wtcheck(&["repair", "plan", path(home), "--only", "size-is-root-page-id", "-o", path(&plan)]);
    assert_eq!(code, 1, "{err}");
    // A size that the pages do not add up to is found out before anything is written.
    let text = std::fs::read_to_string(&plan).unwrap();
    let multi = tree(&before, "file:multi_b.wt_stable")["recomputed_size"].to_string();
    let wrong = temp.path().join("wrong.yaml");
    std::fs::write(&wrong, text.replace(&format!("to: {multi}\n"), "to: 123456789\n")).unwrap();
    let (code, _, err) = wtcheck(&["repair", "apply", path(&wrong), "--output", path(&out)]);
    assert!(code == 3 && err.contains("would not help") && !out.exists(), "{err}");
    let (code, json, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&out), "--format", "json"]);
    assert_eq!(code, 4, "{json}{err}");

    let after = audit_of(&out, &["--deep"]);
    assert_eq!(after["totals"]["errors"], 0, "{}", after["findings"]);
    assert_eq!(after["trees"].as_array().unwrap().len(), before["trees"].as_array().unwrap().len());
    for old in before["trees"].as_array().unwrap() {
        let uri = old["uri"].as_str().unwrap();
        let new = tree(&after, uri);
        assert_eq!(new["complete"], true, "{uri}");
        if uri != catalog::SHARED_METADATA {
            for field in ["root_cookie", "recomputed_size", "physical_size", "pages", "rows"] {
                assert_eq!(new[field], old[field], "{uri}: {field}");
            }
        }
        match uri {
            // An empty checkpoint has no size to set.
            _ if old["pages"]["reachable"] == 0 => assert_eq!(new["published_size"], old["published_size"], "{uri}"),
            _ => assert_eq!(new["published_size"], new["recomputed_size"], "{uri}"),
        }
    }
    let lsn = |a: &Value| a["checkpoint"]["lsn"].as_u64().unwrap();
    assert!(lsn(&after) > lsn(&before));
    let old = audit_of(&out, &["--deep", "--checkpoint", &lsn(&before).to_string()]);
    assert_eq!(old["trees"], before["trees"], "the old checkpoint");

    // Every old record is there, but for the counters.
    let new_records = records(&out);
    for (key, value) in &old_records {
        if key.0 != b"globals" {
            assert_eq!(new_records.get(key), Some(value), "{}", hex::encode(&key.1));
        }
    }
    let (then, now) = (metadata(home), metadata(&out));
    assert_eq!(then.len(), now.len());
    for ((key, old), (other, new)) in then.iter().zip(&now) {
        assert_eq!(key, other);
        if old != new {
            let name = key.trim_end_matches('\0');
            let (from, to) = (tree(&before, name), tree(&after, name));
            let put = |v: &Value| format!(",size={},", v["published_size"]);
            assert_eq!(old.replacen(&put(from), &put(to), 1), *new, "{name}");
        }
    }

    let report: Value = serde_json::from_str(&json).unwrap();
    let journal = report["journal"].as_str().unwrap();
    let (code, _, err) = wtcheck(&["repair", "undo", journal]);
    assert_eq!(code, 0, "{err}");
    assert!(records(&out) == old_records, "undo did not restore every record");
    let (code, _, err) = wtcheck(&["repair", "undo", journal]);
    assert!(code == 3 && err.contains("nothing to undo"), "{err}");
}

fn home_of(bytes: &[u8]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("kv_home")).unwrap();
    std::fs::write(temp.path().join("kv_home/data.mdb"), bytes).unwrap();
    temp
}

#[test]
fn sizes_of_a_real_store() {
    let bytes = common::palm_data();
    check(home_of(&bytes).path());
}

#[test]
fn sizes_of_the_corpora() {
    let home: PathBuf = common::real("disagg-small/db").join("leader");
    let temp = tempfile::tempdir().unwrap();
    let copy = temp.path().join("db");
    common::copy_dir(&common::real("disagg-small/db"), &copy);
    let source = common::snapshot(&home);
    check(&copy.join("leader"));
    assert_eq!(common::snapshot(&home), source);
    // The follower's page log is its leader's, and is mended there.
    let (code, _, err) = wtcheck(&["repair", "plan", path(&copy.join("follower"))]);
    let there = std::fs::canonicalize(copy.join("leader/kv_home")).unwrap();
    assert!(code == 3 && err.contains(&format!("wtcheck repair plan {}", path(&there))), "{code} {err}");
}
