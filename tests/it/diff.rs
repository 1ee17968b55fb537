//! `wtcheck diff`: two stores, two homes of one page log, a store and what a repair made of it, two checkpoints.

use crate::common;
use crate::common::{copy_dir, path, wtcheck};
use serde_json::Value;
use std::collections::BTreeSet;

fn diff(args: &[&str]) -> (i32, Value) {
    let all = [&["diff"], args, &["--format", "json"]].concat();
    let (code, out, err) = wtcheck(&all);
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {err}"));
    assert_eq!(json["exit_code"], code, "{args:?}");
    (code, json)
}

fn list<'v>(v: &'v Value, key: &str) -> &'v Vec<Value> {
    v[key].as_array().unwrap()
}

/// The figures of one entry of a list: name, A, B.
fn fields(of: &Value) -> Vec<(String, Value, Value)> {
    list(of, "fields").iter().map(|f| (f["field"].as_str().unwrap().into(), f["a"].clone(), f["b"].clone())).collect()
}

#[test]
fn a_store_and_itself() {
    for name in ["palite/2026-07-leak-full", "palite/2026-02-double-root", "local/mongo", "local/lost-extent"] {
        let home = common::fixture(name);
        let (code, json) = diff(&[path(&home), path(&home)]);
        assert_eq!((code, &json["same"]), (0, &Value::from(true)), "{name}");
    }
    // What could not be read in full is not called the same.
    let damaged = common::fixture("palite/2025-11-bitflip-missing-delta");
    let (code, json) = diff(&[path(&damaged), path(&damaged)]);
    assert_eq!((code, &json["same"], &json["complete"]), (6, &Value::from(true), &Value::from(false)));
}

#[test]
fn the_homes_of_leader_and_follower() {
    let (leader, follower) = (common::real("disagg-small/db/leader"), common::real("disagg-small/db/follower"));
    let (code, json) = diff(&[path(&leader), path(&follower)]);
    assert_eq!(code, 1);
    // They share a page log.
    let log = &json["page_log"];
    assert_eq!((list(log, "fields").len(), list(log, "trees").len()), (0, 0), "{log}");
    assert!(log["trees_in_both"].as_u64().unwrap() > 10, "{log}");
    let pages = &log["pages"];
    assert_eq!([&pages["differ"], &pages["only_a"], &pages["only_b"]], [&Value::from(0); 3]);
    assert!(pages["same"].as_u64().unwrap() > 100, "{pages}");
    // Their local files are their own.
    let local = &json["local"];
    let files: BTreeSet<&str> = list(local, "files").iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert!(files.contains("WiredTiger.wt"), "{files:?}");
    let only = list(local, "files").iter().filter(|f| !f["only_in"].is_null());
    let names = |home: &std::path::Path| -> BTreeSet<String> {
        let wt = |n: &String| n.ends_with(".wt") || n.ends_with(".wt_ingest");
        std::fs::read_dir(home).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).filter(wt).collect()
    };
    let (a, b) = (names(&leader), names(&follower));
    for file in only {
        let name = file["name"].as_str().unwrap();
        let in_a = file["only_in"] == "a";
        assert!(in_a || b.contains(name), "{name}");
        assert!(!in_a || a.contains(name), "{name}");
    }
}

#[test]
fn before_and_after_a_repair() {
    let dir = tempfile::tempdir().unwrap();
    let (home, plan, mended) = (dir.path().join("home"), dir.path().join("plan.yaml"), dir.path().join("mended"));
    copy_dir(&common::fixture("palite/2026-07-leak-full"), &home);
    assert_eq!(wtcheck(&["repair", "plan", path(&home), "-o", path(&plan)]).0, 1);
    assert_eq!(wtcheck(&["repair", "apply", path(&plan), "--output", path(&mended)]).0, 4);
    let (code, json) = diff(&[path(&home), path(&mended)]);
    assert_eq!((code, list(&json, "findings_only_in_b").len()), (1, 0), "{json}");
    let codes: BTreeSet<&str> = list(&json, "findings_only_in_a").iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["orphan-image", "orphan-page", "size-inflated"].into(), "{json}");
    let log = &json["page_log"];
    let trees = list(log, "trees");
    let accounts = trees.iter().find(|t| t["name"] == "file:accounts00.wt_stable").unwrap();
    // The size alone: the pages of the tree are as they were.
    let changed = fields(accounts);
    let size = changed.iter().find(|f| f.0 == "published_size").unwrap();
    assert_eq!(size.1.as_u64().unwrap() - size.2.as_u64().unwrap(), 1861, "{changed:?}");
    assert!(
        !changed.iter().any(|f| ["recomputed_size", "root_cookie", "pages"].contains(&f.0.as_str())),
        "{changed:?}"
    );
    assert!(!trees.iter().any(|t| t["name"] == "file:ledger01.wt_stable"), "{trees:?}");
    let names: BTreeSet<String> = fields(log).into_iter().map(|f| f.0).collect();
    for name in ["checkpoint_lsn", "database_size", "orphans", "rows"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    // Only the shared metadata was written anew.
    let pages = &log["pages"];
    assert!(list(pages, "list").iter().all(|p| p["table_id"] == 10 || p["table_id"] == 2), "{pages}");
    assert!(pages["differ"].as_u64().unwrap() > 0, "{pages}");
}

#[test]
fn two_checkpoints_of_one_store() {
    let home = common::fixture("palite/2026-07-leak-full");
    let facts: Value =
        serde_json::from_slice(&std::fs::read(common::fixture("palite/2026-07-leak-full.facts.json")).unwrap())
            .unwrap();
    let tree = |n: usize, key: &str| {
        let trees = facts["checkpoints"][n]["trees"].as_array().unwrap();
        trees.iter().find(|t| t["uri"] == "file:accounts00.wt_stable").unwrap()[key].clone()
    };
    let (code, json) = diff(&[path(&home), "--checkpoint", "224", "--to", "312"]);
    assert_eq!(code, 1);
    let log = &json["page_log"];
    let accounts = list(log, "trees").iter().find(|t| t["name"] == "file:accounts00.wt_stable").unwrap();
    let changed = fields(accounts);
    for (field, fact) in [
        ("published_size", "published_size"),
        ("recomputed_size", "true_size"),
        ("pages", "pages"),
        ("deltas", "deltas"),
    ] {
        let (_, a, b) = changed.iter().find(|f| f.0 == field).unwrap();
        assert_eq!((a, b), (&tree(1, fact), &tree(2, fact)), "{field}");
    }
    let codes = |key: &str| -> BTreeSet<String> {
        list(&json, key).iter().map(|f| f["code"].as_str().unwrap().to_string()).collect()
    };
    assert!(codes("findings_only_in_b").contains("size-inflated"), "{json}");
    assert!(!codes("findings_only_in_a").contains("size-inflated"), "{json}");
    let pages = &log["pages"];
    assert!(pages["differ"].as_u64().unwrap() > 10 && pages["same"].as_u64().unwrap() > 50, "{pages}");
    for page in list(pages, "list").iter().filter(|p| !p["a"].is_null() && !p["b"].is_null()) {
        assert!(page["a"].as_u64() < page["b"].as_u64() && page["b"].as_u64().unwrap() <= 312, "{page}");
    }
    // The other way round, and the newest by default.
    let (_, back) = diff(&[path(&home), "--checkpoint", "312", "--to", "224"]);
    assert_eq!(back["page_log"]["pages"]["only_a"], pages["only_b"]);
    assert_eq!(diff(&[path(&home), "--checkpoint", "397"]).0, 0);
    assert_eq!(diff(&[path(&home), "--to", "312"]).0, 1);
    assert_eq!(wtcheck(&["diff", path(&home)]).0, 2);
    assert_eq!(wtcheck(&["diff", path(&home), "--to", "5"]).0, 2);
}

#[test]
fn a_page_log_and_a_home() {
    let (log, home) = (common::fixture("palite/2026-07-leak-full"), common::fixture("local/mongo"));
    let (code, json) = diff(&[path(&log), path(&home)]);
    assert_eq!((code, &json["page_log_only_in"], &json["local_only_in"]), (1, &"a".into(), &"b".into()));
}

#[test]
fn what_people_see() {
    let home = common::fixture("palite/2026-07-leak-full");
    let (code, out, _) = wtcheck(&["diff", path(&home), "--checkpoint", "224", "--to", "312", "-v"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("They differ: "), "{out}");
    for part in ["published size", "LSN in A", "Findings only in B", "size-inflated"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (code, out, _) = wtcheck(&["diff", path(&home), path(&home)]);
    assert!(code == 0 && out.starts_with("The two are the same.\n"), "{out}");
}
