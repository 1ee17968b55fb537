//! Repairs of PALite stores: plan, apply, audit, undo; on the samples, and on stores forged by a
//! model engine with every kind of accounting fault, alone and together. What the repair wrote is
//! checked by rules stated here anew, not by the code that wrote it.

use crate::common;
use crate::common::forge;
use crate::common::forge::{Dup, Fault, Spec, Then};
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wtcheck::pagelog::catalog;
use wtcheck::store;

fn audit(home: &Path, more: &[&str]) -> Value {
    let (code, out, err) = wtcheck(&[&["audit", path(home), "--format", "json"], more].concat());
    let audit: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!(audit["exit_code"], code);
    audit
}

/// Every table of every database: rows in full, with their rowids.
type Dump = BTreeMap<(String, String), Vec<String>>;

fn dump(home: &Path) -> Dump {
    let mut out = Dump::new();
    let kv_home = if home.join("kv_home").is_dir() { home.join("kv_home") } else { home.to_path_buf() };
    // A copy: looking must not change what is looked at.
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&kv_home, temp.path());
    for entry in std::fs::read_dir(temp.path()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_string();
        if !name.ends_with(".db") {
            continue;
        }
        let conn = rusqlite::Connection::open(&file).unwrap();
        let mut tables = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables: Vec<String> = tables.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
        for table in tables {
            let mut statement = conn.prepare(&format!("SELECT rowid, * FROM \"{table}\" ORDER BY rowid")).unwrap();
            let columns = statement.column_count();
            let rows = statement
                .query_map([], |r| {
                    Ok((0..columns).map(|c| format!("{:?}", r.get_ref(c).unwrap())).collect::<Vec<_>>().join("|"))
                })
                .unwrap();
            out.insert((name.clone(), table), rows.map(Result::unwrap).collect());
        }
    }
    out
}

/// One row of pages, as it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    table: i64,
    page: i64,
    lsn: i64,
    backlink: i64,
    base: i64,
    flags: i64,
    data: Vec<u8>,
}

impl Row {
    fn is_discard(&self) -> bool {
        self.flags & 0x1_0000 != 0
    }
    fn is_full(&self) -> bool {
        self.flags & 0x1_0002 == 0
    }
}

fn rows(home: &Path) -> BTreeSet<Row> {
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&home.join("kv_home"), temp.path());
    let mut out = BTreeSet::new();
    for entry in std::fs::read_dir(temp.path()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_string();
        if !(name.starts_with("pages_") && name.ends_with(".db")) {
            continue;
        }
        let conn = rusqlite::Connection::open(&file).unwrap();
        let Ok(mut statement) =
            conn.prepare("SELECT table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data FROM pages")
        else {
            continue;
        };
        let found = statement.query_map([], |r| {
            let data = r.get::<_, Option<Vec<u8>>>(6)?.unwrap_or_default();
            Ok(Row {
                table: r.get(0)?,
                page: r.get(1)?,
                lsn: r.get(2)?,
                backlink: r.get(3)?,
                base: r.get(4)?,
                flags: r.get(5)?,
                data,
            })
        });
        out.extend(found.unwrap().map(Result::unwrap));
    }
    out
}

fn metadata(home: &Path) -> Vec<(String, String)> {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = wtcheck::audit::pagelog::open(&*store, false, &wtcheck::audit::Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let checkpoint = wtcheck::audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
    let rows = catalog::rows(&opened.index, &mut *reader, &checkpoint.metadata).unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    rows.into_iter().map(|(k, v)| (text(k), text(v))).collect()
}

/// A metadata value with the `size=` of its newest checkpoint taken out.
fn without_size(value: &str) -> String {
    match value.rfind("size=").filter(|at| value[..*at].contains("checkpoint=(")) {
        // `allocation_size=` and the like stand outside the checkpoint list.
        Some(_) => {
            let list = value.find("checkpoint=(").unwrap();
            let at = list + value[list..].rfind(",size=").expect("a size in the list");
            let digits = value[at + 6..].find(|c: char| !c.is_ascii_digit()).unwrap();
            format!("{}{}", &value[..at], &value[at + 6 + digits..])
        }
        None => value.to_string(),
    }
}

struct Case {
    temp: tempfile::TempDir,
    home: PathBuf,
}

impl Case {
    fn of(dir: &Path) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(dir, &home);
        Self { temp, home }
    }

    fn plan(&self, more: &[&str]) -> (i32, PathBuf, String) {
        let plan = self.temp.path().join("plan.yaml");
        let (code, _, err) = wtcheck(&[&["repair", "plan", path(&self.home), "-o", path(&plan)], more].concat());
        (code, plan, err)
    }

    fn out(&self) -> PathBuf {
        self.temp.path().join("mended")
    }
}

/// Plan and apply to a copy, check everything about it, undo, check that it is as before.
fn mend(what: &str, dir: &Path, more: &[&str]) -> Value {
    let case = Case::of(dir);
    let before = audit(&case.home, &[]);
    let source = common::snapshot(&case.home);
    let (code, plan, err) = case.plan(more);
    assert_eq!(code, 1, "{what}: plan: {err}");
    let out = case.out();
    let (code, json, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&out), "--format", "json"]);
    assert_eq!(code, 4, "{what}: apply: {json}{err}");
    assert_eq!(common::snapshot(&case.home), source, "{what}: the source was touched");
    let applied: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(applied["after"]["verdict"], "clean", "{what}");

    let after = audit(&out, &["--deep"]);
    assert_eq!((&after["verdict"], &after["totals"]["errors"]), (&Value::from("clean"), &Value::from(0)), "{what}");
    for tree in after["trees"].as_array().unwrap() {
        assert_eq!(tree["published_size"], tree["recomputed_size"], "{what}: {tree}");
        assert_eq!(tree["difference"], 0, "{what}: {tree}");
    }
    assert_eq!(after["database"]["difference"], 0, "{what}");
    assert_eq!(after["database"]["difference_from_recomputed"], 0, "{what}");
    rules(what, &case.home, &out, &plan, &before);
    live_sets(what, &case.home, &out, &before, &after);

    // The old checkpoint is still there, with everything it had.
    let lsn = before["checkpoint"]["lsn"].to_string();
    let old = audit(&out, &["--checkpoint", &lsn]);
    for tree in before["trees"].as_array().unwrap() {
        let same = old["trees"].as_array().unwrap().iter().find(|t| t["uri"] == tree["uri"]).unwrap();
        for field in ["root_cookie", "published_size", "recomputed_size", "pages", "complete"] {
            assert_eq!(same[field], tree[field], "{what}: {field} of {} in the old checkpoint", tree["uri"]);
        }
    }
    let codes = |a: &Value| -> BTreeSet<String> {
        let all = a["findings"].as_array().unwrap().iter();
        all.filter(|f| f["severity"] == "error").map(|f| f["code"].to_string()).collect()
    };
    assert!(codes(&old).is_subset(&codes(&before)), "{what}: {:?} {:?}", codes(&old), codes(&before));

    // Other rows of the shared metadata, byte for byte.
    let (then, now) = (metadata(&case.home), metadata(&out));
    assert_eq!(then.len(), now.len(), "{what}");
    let plan_text = std::fs::read_to_string(&plan).unwrap();
    for ((key, old), (other, new)) in then.iter().zip(&now) {
        assert_eq!(key, other, "{what}");
        let meant = plan_text.contains(&format!("tree: {}\n", key.trim_end_matches('\0')));
        match meant && plan_text.contains("do: set-size") {
            true => assert_eq!(without_size(old), without_size(new), "{what}: {key}"),
            false => assert_eq!(old, new, "{what}: {key}"),
        }
    }

    // A plan is good for one state of a store.
    let (code, _, err) = wtcheck(&["repair", "apply", path(&plan), "--in-place", "--yes", "--dir", path(&out)]);
    assert_eq!(code, 3, "{what}: applied twice: {err}");
    assert!(err.contains("not as it was for the plan"), "{what}: {err}");

    let journal = applied["journal"].as_str().unwrap();
    let (code, said, err) = wtcheck(&["repair", "undo", journal]);
    assert_eq!(code, 0, "{what}: undo: {said}{err}");
    assert_eq!(dump(&out), dump(&case.home), "{what}: undo");
    let (code, _, err) = wtcheck(&["repair", "undo", journal]);
    assert_eq!((code, err.contains("nothing to undo")), (3, true), "{what}: undone twice: {err}");
    assert_eq!(dump(&out), dump(&case.home), "{what}: undone twice");
    applied
}

/// The link rules and those of reads for everything that was written; nothing else may have changed.
fn rules(what: &str, home: &Path, out: &Path, plan: &Path, before: &Value) {
    let (old, new) = (rows(home), rows(out));
    let plan: Value = serde_yaml::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    let actions = plan["actions"].as_array().unwrap();
    let newest = before["checkpoint"]["lsn"].as_i64().unwrap();
    let abandoned = actions.iter().any(|a| a["do"] == "abandon-unfinished");
    let withdrawn: BTreeSet<(i64, i64, i64)> = actions
        .iter()
        .filter(|a| a["do"] == "withdraw")
        .flat_map(|a| {
            let n = |v: &Value| v.as_i64().unwrap();
            a["lsns"].as_array().unwrap().iter().map(move |l| (n(&a["table_id"]), n(&a["page_id"]), n(l)))
        })
        .collect();
    for gone in old.difference(&new) {
        let meant = withdrawn.contains(&(gone.table, gone.page, gone.lsn)) || (abandoned && gone.lsn > newest);
        assert!(meant, "{what}: a row is gone: {gone:?}");
    }
    let counter = before["store"]["lsn_counter"].as_i64().unwrap();
    let mut lsns = BTreeSet::new();
    for row in new.difference(&old) {
        assert!(row.lsn > counter, "{what}: {row:?}");
        assert!(lsns.insert(row.lsn), "{what}: LSN {} twice", row.lsn);
        let earlier: Vec<&Row> =
            new.iter().filter(|r| (r.table, r.page) == (row.table, row.page) && r.lsn < row.lsn).collect();
        assert!(!earlier.iter().any(|r| r.is_discard()), "{what}: written behind a discard record: {row:?}");
        if row.is_discard() {
            assert!(row.data.is_empty(), "{what}");
            let last = earlier.last().unwrap_or_else(|| panic!("{what}: discards nothing: {row:?}"));
            assert_eq!(row.backlink, last.lsn, "{what}: {row:?}");
            assert_eq!(row.base, if last.is_full() { last.lsn } else { last.base }, "{what}: {row:?}");
        } else {
            assert!(row.is_full() && row.base == 0, "{what}: {row:?}");
            let image = earlier.iter().rev().find(|r| r.is_full()).map_or(0, |r| r.lsn);
            assert_eq!(row.backlink, image, "{what}: page {} of table {}", row.page, row.table);
        }
    }
    let (then, now) = (dump(home), dump(out));
    let records = |d: &Dump| d[&("checkpoints.db".to_string(), "checkpoints".to_string())].len();
    assert_eq!(records(&now), records(&then) + 1, "{what}: one completion record more");
}

/// I3: what the page log lists as live is what the trees reach. Leaked pages aside, a
/// repair must not open a gap that was not there.
fn live_sets(what: &str, home: &Path, out: &Path, before: &Value, after: &Value) {
    let live = |rows: &BTreeSet<Row>, table: i64, upto: i64| {
        let own = || rows.iter().filter(|r| r.table == table && r.page >= 100 && r.lsn <= upto);
        let dead: BTreeSet<i64> = own().filter(|r| r.is_discard()).map(|r| r.page).collect();
        own().map(|r| r.page).filter(|p| !dead.contains(p)).collect::<BTreeSet<i64>>().len() as i64
    };
    let (old, new) = (rows(home), rows(out));
    for tree in after["trees"].as_array().unwrap() {
        let table = tree["table_id"].as_i64().unwrap();
        let gap = |rows: &BTreeSet<Row>, audit: &Value| {
            let tree = audit["trees"].as_array().unwrap().iter().find(|t| t["table_id"] == table).unwrap();
            let upto = audit["checkpoint"]["metadata_lsn"].as_i64().unwrap();
            live(rows, table, upto) - tree["pages"]["reachable"].as_i64().unwrap()
        };
        let (then, now) = (gap(&old, before), gap(&new, after));
        assert!(now == 0 || now <= then, "{what}: {}: {then} pages too many before, {now} after", tree["uri"]);
    }
}

#[test]
fn the_samples_with_accounting_faults() {
    mend("fixture", &common::fixture("palite/2026-07-leak-full"), &[]);
    for name in ["2026-07-leak-full", "2026-02-leak-chain", "2026-02-double-root", "2026-02-deflated-drop-leak"] {
        mend(name, &common::real("palite").join(name), &[]);
    }
}

#[test]
fn every_accounting_fault_forged() {
    let faults = [
        Fault::LeakNew(1),
        Fault::LeakNew(4),
        Fault::LeakLive(Then::Nothing),
        Fault::LeakLive(Then::Rewrite),
        Fault::LeakLive(Then::Free),
        Fault::LeakLive(Then::RewriteFree),
        Fault::LeakChain,
        Fault::DoubleRoot,
        Fault::Deflated(Some(77)),
        Fault::Deflated(None),
        Fault::Drop(true),
    ];
    for (seed, fault) in faults.into_iter().enumerate() {
        let spec = Spec::plain(seed as u64).with(2, 0, fault);
        let forged = forge::forge(spec.clone());
        mend(&format!("{spec:?}"), forged.home(), &[]);
    }
}

#[test]
fn faults_together_in_stores_of_all_shapes() {
    for seed in 100..124 {
        let mut spec = Spec::plain(seed);
        let shape = Spec::of_seed(seed);
        spec.compressors = shape.compressors;
        spec.history = shape.history;
        spec.windows = shape.windows;
        spec.prefix = shape.prefix;
        spec.wal = seed % 4 == 0;
        spec.tables = 3;
        let spec = spec
            .with(1, 0, Fault::LeakNew(2))
            .with(2, 1, Fault::LeakChain)
            .with(2, 0, Fault::LeakLive(Then::Nothing))
            .with(3, 2, if seed % 3 == 0 { Fault::Deflated(Some(9)) } else { Fault::DoubleRoot })
            .with(3, 1, Fault::Duplicate(Dup::Left));
        let spec = if seed % 2 == 0 { spec.with(3, 0, Fault::InFlight) } else { spec };
        let forged = forge::forge(spec.clone());
        mend(&format!("{spec:?}"), forged.home(), &[]);
    }
}

#[test]
fn a_size_that_is_still_the_root_page_id() {
    // A tree that no build since early 2026 has checkpointed: made from the leak by a plan that says so.
    let case = Case::of(&common::fixture("palite/2026-07-leak-full"));
    let (_, plan, _) = case.plan(&[]);
    let before = audit(&case.home, &[]);
    let tree = before["trees"].as_array().unwrap().iter().find(|t| t["table_id"] == 25).unwrap();
    let root = hex::decode(tree["root_cookie"].as_str().unwrap()).unwrap();
    let root = wtcheck::format::cookie::Cookie::decode(&root).unwrap().page_id.get();
    let mut text: Value = serde_yaml::from_str(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    let actions = text["actions"].as_array_mut().unwrap();
    actions.retain(|a| a["do"] != "set-database-size");
    actions.iter_mut().find(|a| a["do"] == "set-size").unwrap()["to"] = root.into();
    std::fs::write(&plan, serde_yaml::to_string(&text).unwrap()).unwrap();
    let legacy = case.out();
    let (code, out, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&legacy)]);
    assert_eq!(code, 4, "{out}{err}");
    let found = audit(&legacy, &[]);
    assert_eq!(found["totals"]["findings"]["size-is-root-page-id"], 1);
    mend("legacy", &legacy, &[]);
}

/// Where pages cannot be counted for certain, no count is written: of a tree whose internal page names a page twice
/// there are two, and each would be as wrong as the other.
#[test]
fn no_size_is_set_in_a_tree_that_is_not_sound() {
    let accounts = ["size-", "database-size-", "orphan-", "obsolete-chain-"];
    let mut damaged = 0;
    for seed in 0..4 {
        for fault in [
            Fault::DoubleReference,
            Fault::Cycle,
            Fault::FlipLeaf,
            Fault::FlipInternal,
            Fault::MissingLeaf,
            Fault::CookieSize(64),
            Fault::DiscardLive,
            Fault::NextPageId,
        ] {
            let label = format!("{fault:?}, seed {seed}");
            let spec = Spec::plain(seed).with(1, 0, Fault::LeakNew(2)).with(3, 0, fault).with(2, 1, Fault::LeakNew(1));
            let forged = forge::forge(spec);
            let found = audit(forged.home(), &["--deep"]);
            let own = |f: &&Value| {
                let code = f["code"].as_str().unwrap();
                f["severity"] == "error" && !accounts.iter().any(|a| code.starts_with(a))
            };
            let trees: BTreeSet<&str> = found["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(own)
                .filter_map(|f| f["place"]["uri"].as_str())
                .collect();
            let (code, out, err) = wtcheck(&["repair", "plan", path(forged.home())]);
            assert!(code <= 1 || code == 3 || code == 6, "{label}: {code} {err}");
            if trees.is_empty() || code == 3 {
                continue;
            }
            damaged += 1;
            let plan: Value = serde_yaml::from_str(&out).unwrap_or_else(|e| panic!("{label}: {e}"));
            for action in plan["actions"].as_array().unwrap() {
                let set = action["tree"].as_str().filter(|_| action["do"] == "set-size");
                assert!(set.is_none_or(|tree| !trees.contains(tree)), "{label}: {action} beside {trees:?}");
            }
        }
    }
    assert!(damaged >= 20, "{damaged}");
}
