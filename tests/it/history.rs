//! `wtcheck history`: every checkpoint of every sample against the facts beside it and against an audit of that
//! checkpoint alone; when each difference began; what is read, and how often.

use crate::common;
use crate::common::forge::{self, Fault, Forged, Spec, Then};
use crate::common::{path, wtcheck};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wtcheck::audit::finding::Code;
use wtcheck::audit::pagelog::account::BUFFER;
use wtcheck::audit::result::{Audit, Verdict};
use wtcheck::audit::{self, Silent};
use wtcheck::history::memo::Memos;
use wtcheck::history::{self, History, TreeState};
use wtcheck::id::Lsn;
use wtcheck::page::Depth;
use wtcheck::pagelog::catalog;
use wtcheck::pickup::replay::Ended;
use wtcheck::store;

fn of(home: &Path) -> History {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    let options = history::Options { jobs: 2, assume: None, tables: None };
    history::run(&opened, "HOME", &options, &Silent).unwrap().0
}

fn u(v: &Value) -> u64 {
    v.as_u64().unwrap()
}

/// A change: tree, record, from, to, after, up to.
type Expected = (Option<String>, u64, i64, i64, Option<u64>, u64);

fn found(history: &History) -> BTreeSet<Expected> {
    let one = |c: &history::Change| (c.uri.clone(), c.lsn.get(), c.from, c.to, c.after.map(Lsn::get), c.upto.get());
    history.changes.iter().map(one).collect()
}

/// What a list of differences by checkpoint comes to: LSN and difference.
fn changes(uri: Option<&str>, series: &[(u64, i64)]) -> Vec<Expected> {
    let mut out = Vec::new();
    let mut before: Option<(u64, i64)> = None;
    for (lsn, off) in series {
        let from = before.map_or(0, |b| b.1);
        if from != *off {
            out.push((uri.map(str::to_string), *lsn, from, *off, before.map(|b| b.0), *lsn));
        }
        before = Some((*lsn, *off));
    }
    out
}

#[test]
fn every_checkpoint_of_every_sample() {
    let mut samples = common::samples(&common::fixture("palite"));
    samples.extend(common::samples(&common::real("palite")));
    assert!(samples.len() >= 17);
    let mut begun = 0;
    for (name, home, facts) in &samples {
        let history = of(home);
        begun += compare(name, &history, facts);
    }
    assert!(begun >= 8, "{begun} differences began in all samples together");
}

fn compare(name: &str, history: &History, facts: &Value) -> usize {
    let faults = facts["faults"].as_array().unwrap();
    let broken = |number: u64| faults.iter().any(|f| f["scenario"] == "turtle-checksum" && f["checkpoint"] == number);
    let checkpoints = facts["checkpoints"].as_array().unwrap();
    let lsns: Vec<u64> = checkpoints.iter().map(|c| u(&c["lsn"])).collect();
    assert_eq!(history.records.iter().map(|r| r.lsn.get()).collect::<Vec<_>>(), lsns, "{name}");
    let mut series: BTreeMap<Option<String>, Vec<(u64, i64)>> = BTreeMap::new();
    let mut gone: BTreeMap<String, u64> = BTreeMap::new();
    for (record, fact) in history.records.iter().zip(checkpoints) {
        let what = format!("{name} at {}", record.lsn);
        assert_eq!(record.published_size, fact["database_size_published"].as_u64(), "{what}");
        if broken(record.number) {
            assert!(record.not_checked.is_some() && record.recomputed_size.is_none(), "{what}");
            continue;
        }
        assert_eq!(record.not_checked, None, "{what}");
        assert_eq!(record.keystore_lsn.map(Lsn::get), fact["key_lsn"].as_u64(), "{what}");
        if record.trees_not_checked == 0 {
            assert_eq!(record.recomputed_size, fact["database_size_true"].as_u64(), "{what}");
        }
        let trees = fact["trees"].as_array().unwrap();
        assert_eq!(record.trees, trees.len() as u64, "{what}");
        let (mut sum, mut sized) = (BUFFER, true);
        for tree in trees {
            let uri = tree["uri"].as_str().unwrap();
            let line = history.trees.iter().find(|t| t.uri == uri && t.table_id == u(&tree["table"])).unwrap();
            let at = history.at(line, record.lsn).unwrap_or_else(|| panic!("{what}: {uri}"));
            assert_eq!(at.published_size, tree["published_size"].as_u64(), "{what}: {uri}");
            assert_eq!(at.recomputed_size, u(&tree["true_size"]), "{what}: {uri}");
            assert_eq!(at.difference, tree["difference"].as_i64(), "{what}: {uri}");
            assert_eq!(at.pages, u(&tree["pages"]), "{what}: {uri}");
            assert_eq!(at.wrong, at.difference.is_some_and(|d| d != 0), "{what}: {uri}");
            sum += at.published_size.unwrap_or(0);
            sized &= !tree["difference"].is_null();
            if let (Some(off), TreeState::Checked) = (tree["difference"].as_i64(), at.state) {
                series.entry(Some(uri.to_string())).or_default().push((record.lsn.get(), off));
            }
            gone.insert(uri.to_string(), record.lsn.get());
        }
        for line in history.trees.iter().filter(|t| !trees.iter().any(|f| f["uri"] == t.uri.as_str())) {
            assert_eq!(history.at(line, record.lsn), None, "{what}: {} is not there", line.uri);
        }
        let total = record.published_size.filter(|_| sized).map(|p| p as i64 - sum as i64);
        assert_eq!(record.difference_of_total, total, "{what}");
        if let Some(total) = total {
            series.entry(None).or_default().push((record.lsn.get(), total));
        }
    }
    let expected: BTreeSet<Expected> =
        series.iter().flat_map(|(uri, series)| changes(uri.as_deref(), series)).collect();
    assert_eq!(found(history), expected, "{name}");
    compare_orphans(name, history, facts, &lsns);
    let stale = faults.iter().find(|f| f["scenario"] == "stale-keystore").map(|f| u(&f["checkpoint"]));
    for record in history.records.iter().filter(|r| !broken(r.number)) {
        let pickup = record.pickup.as_ref().unwrap();
        assert_eq!(pickup.stale_keystore, stale == Some(record.number), "{name} at {}", record.lsn);
        let damaged = faults.iter().any(|f| f["severity"] == "damage");
        let taken = if pickup.stale_keystore { Ended::Refused } else { Ended::Installed };
        assert!(damaged || pickup.outcome == taken, "{name} at {}: {pickup:?}", record.lsn);
    }
    let whole = history.records.iter().all(|r| r.not_checked.is_none() && r.trees_not_checked == 0);
    let verdict = match (expected.is_empty() && history.orphans.is_empty(), whole) {
        (false, _) => Verdict::Findings,
        (true, false) => Verdict::Incomplete,
        (true, true) => Verdict::Clean,
    };
    assert_eq!(history.verdict, verdict, "{name}");
    expected.len()
}

fn compare_orphans(name: &str, history: &History, facts: &Value, lsns: &[u64]) {
    let rows = facts["page_versions"].as_array().unwrap();
    let mut expected: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|r| r[5] == "orphan") {
        let record = lsns.iter().find(|l| **l >= u(&row[2])).unwrap();
        let total = expected.entry(*record).or_default();
        *total = (total.0 + 1, total.1 + u(&row[4]));
    }
    let found: BTreeMap<u64, (u64, u64)> = history
        .records
        .iter()
        .filter(|r| r.orphans.count > 0)
        .map(|r| (r.lsn.get(), (r.orphans.count, r.orphans.bytes)))
        .collect();
    assert_eq!(found, expected, "{name}");
    for change in &history.changes {
        let bytes: u64 = change.orphans.iter().map(|at| history.orphans[*at].orphan.bytes).sum();
        assert!(bytes == 0 || bytes as i64 == change.to - change.from, "{name}: {change:?}");
        for at in &change.orphans {
            let orphan = &history.orphans[*at].orphan;
            assert!(change.after.is_none_or(|l| orphan.lsn > l) && orphan.lsn <= change.upto, "{name}: {orphan:?}");
        }
    }
    let named: usize = history.changes.iter().map(|c| c.orphans.len()).sum();
    assert_eq!(named, history.orphans.len(), "{name}: every orphan belongs to a change");
}

/// The history and an audit of each checkpoint alone come to the same.
fn as_audits_have_it(what: &str, home: &Path) {
    let history = of(home);
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    for record in history.records.iter().filter(|r| r.not_checked.is_none()) {
        let what = format!("{what} at {}", record.lsn);
        let options = audit::Options {
            checkpoint: Some(record.lsn.to_string()),
            newest_only: true,
            depth: Depth::Quick,
            ..audit::Options::default()
        };
        let (audit, _): (Audit, _) = audit::pagelog::run_on(&opened, "HOME", &options, &Silent).unwrap();
        assert_eq!(record.trees, audit.trees.len() as u64, "{what}");
        for tree in &audit.trees {
            let line = history.trees.iter().find(|t| t.uri == tree.uri && t.table_id == tree.table_id).unwrap();
            let at = history.at(line, record.lsn).unwrap_or_else(|| panic!("{what}: {}", tree.uri));
            let what = format!("{what}: {}", tree.uri);
            assert_eq!((at.published_size, at.recomputed_size), (tree.published_size, tree.recomputed_size), "{what}");
            assert_eq!((at.difference, at.pages), (tree.difference, tree.pages.reachable), "{what}");
            assert_eq!(at.state == TreeState::Checked, tree.complete, "{what}");
            let sized = [Code::SizeInflated, Code::SizeDeflated, Code::SizeDoubleRoot];
            let wrong = audit
                .findings
                .iter()
                .any(|f| sized.contains(&f.code) && f.place.uri.as_deref() == Some(tree.uri.as_str()));
            assert_eq!(at.wrong, wrong, "{what}");
        }
        assert_eq!(record.published_size, audit.database.published_size, "{what}");
        assert_eq!(record.difference, audit.database.difference_from_recomputed, "{what}");
        assert_eq!(record.difference_of_total, audit.database.difference, "{what}");
    }
}

#[test]
fn samples_as_audits_have_them() {
    for (name, home, _) in common::samples(&common::real("palite")) {
        as_audits_have_it(&name, &home);
    }
    as_audits_have_it("disagg-small", &common::real("disagg-small/db/leader"));
}

#[test]
fn forged_stores_as_audits_have_them() {
    for seed in 0..12 {
        as_audits_have_it(&format!("seed {seed}"), forge::forge(Spec::of_seed(seed)).home());
    }
    for checkpoints in [12, 25] {
        let spec = Spec { checkpoints, ..Spec::plain(7) };
        as_audits_have_it(&format!("{checkpoints} checkpoints"), forge::forge(spec).home());
    }
}

#[test]
fn damaged_stores_as_audits_have_them() {
    let faults = [
        Fault::FlipLeaf,
        Fault::FlipInternal,
        Fault::FlipMetadata,
        Fault::MissingBase,
        Fault::MissingLeaf,
        Fault::Cycle,
        Fault::DoubleReference,
        Fault::DiscardLive,
        Fault::CookieSize(13),
        Fault::LongChain,
        Fault::DuplicateId,
        Fault::CompletionGarbled,
    ];
    for fault in faults {
        for (seed, at) in [(400, 1), (401, 3)] {
            let forged = forge::forge(Spec::plain(seed).with(at, 1, fault.clone()));
            as_audits_have_it(&format!("seed {seed}, {fault:?} at {at}"), forged.home());
        }
    }
}

/// The drift of each tree, by checkpoint, as the model has it.
fn drifts(forged: &Forged) -> BTreeSet<Expected> {
    let mut series: BTreeMap<Option<String>, Vec<(u64, i64)>> = BTreeMap::new();
    for c in forged.checkpoints.iter().filter(|c| !c.unusable) {
        series.entry(None).or_default().push((c.lsn, c.database_drift));
        for tree in &c.trees {
            series.entry(Some(tree.uri.clone())).or_default().push((c.lsn, tree.drift()));
        }
    }
    series.iter().flat_map(|(uri, series)| changes(uri.as_deref(), series)).collect()
}

#[test]
fn a_difference_begins_where_the_model_makes_it() {
    let mut begun = 0;
    for fault in [
        Fault::LeakNew(3),
        Fault::LeakLive(Then::Nothing),
        Fault::LeakLive(Then::Rewrite),
        Fault::LeakChain,
        Fault::DoubleRoot,
        Fault::Deflated(Some(77)),
        Fault::Drop(true),
    ] {
        for (seed, at) in [(500, 1), (501, 2), (502, 3)] {
            let forged = forge::forge(Spec::plain(seed).with(at, 1, fault.clone()));
            let history = of(forged.home());
            let expected = drifts(&forged);
            let what = format!("seed {seed}, {fault:?} at {at}");
            // Where a block was put while the checkpoint before was completed, the window begins earlier.
            let plain = |all: &BTreeSet<Expected>| {
                all.iter()
                    .map(|(uri, lsn, from, to, _, upto)| (uri.clone(), *lsn, *from, *to, *upto))
                    .collect::<Vec<_>>()
            };
            let found = found(&history);
            assert_eq!(plain(&found), plain(&expected), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(found.4 <= expected.4 && found.4.is_some() == expected.4.is_some(), "{what}: {found:?}");
            }
            begun += expected.len();
        }
    }
    assert!(begun >= 18, "{begun}");
}

/// A page version is read once, however many checkpoints reach it.
#[test]
fn what_checkpoints_share_is_read_once() {
    let forged = forge::forge(Spec { checkpoints: 15, rows: 600, truncate: false, overflow: false, ..Spec::plain(9) });
    let store = store::open(forged.home(), &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let readers = (0..2).map(|_| store.reader().unwrap()).collect();
    let mut memos = Memos::new(&opened.index, readers);
    let mut inner = BTreeSet::new();
    for (row, truth) in opened.completions.iter().zip(&forged.checkpoints) {
        let checkpoint = catalog::open(&opened.index, &mut *reader, row).unwrap();
        let trees = catalog::read(&opened.index, &mut *reader, &checkpoint).trees;
        let sums = memos.sums(&trees);
        for (tree, sums) in trees.iter().zip(sums) {
            let sums = sums.unwrap_or_else(|| panic!("{} at {}", tree.uri, row.lsn));
            let truth = truth.trees.iter().find(|t| t.uri == tree.uri).unwrap();
            assert_eq!(sums.cookie_bytes, truth.cookie_size, "{} at {}", tree.uri, row.lsn);
            assert_eq!(sums.physical_bytes, truth.true_size, "{} at {}", tree.uri, row.lsn);
            let counts = [sums.pages.internal, sums.pages.leaf, sums.pages.deltas, sums.pages.depth];
            assert_eq!(counts, [truth.internal, truth.leaf, truth.deltas, truth.depth], "{} at {}", tree.uri, row.lsn);
            let nodes = truth
                .reached
                .iter()
                .filter(|r| matches!(r.kind, forge::ReachedKind::Root | forge::ReachedKind::Internal));
            inner.extend(nodes.map(|r| (truth.table, r.page, r.lsns.clone())));
        }
    }
    assert_eq!(memos.read(), inner.len() as u64);
    let all: u64 = forged.checkpoints.iter().flat_map(|c| &c.trees).map(|t| t.internal).sum();
    assert!(memos.read() * 3 < all * 2, "{} of {all} internal pages", memos.read());
}

#[test]
fn homes_of_local_files() {
    let history = |home: &Path| {
        let (code, out, err) = wtcheck(&["history", path(home), "--format", "json"]);
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{}: {e}: {err}", home.display()));
        assert_eq!(json["exit_code"], code, "{}", home.display());
        (code, json)
    };
    let audits = |home: &Path| {
        let (_, out, _) = wtcheck(&["audit", path(home), "--format", "json"]);
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let (code, json) = history(&common::fixture("local/lost-extent"));
    let one = json["files"].as_array().unwrap().iter().find(|f| f["file"] == "one.wt").unwrap();
    assert_eq!((code, &one["lost_ranges"]), (1, &Value::from(1)), "{one}");
    let mut homes = vec![common::fixture("local/mongo")];
    for set in ["classic-small/db", "classic-one/db", "classic-mongo-like/db", "classic-crash/db"] {
        homes.push(common::real(set));
    }
    let mut checkpoints = 0;
    for home in homes.iter().filter(|h| h.is_dir()) {
        let (code, json) = history(home);
        let audit = audits(home);
        let off = audit["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| ["checkpoint-size-mismatch", "extent-lost"].contains(&f["code"].as_str().unwrap()));
        assert_eq!(code == 1, off, "{}", home.display());
        for file in json["files"].as_array().unwrap() {
            let own = audit["local"]["files"].as_array().unwrap().iter().find(|f| f["file"] == file["file"]).unwrap();
            let (found, wanted) = (file["checkpoints"].as_array().unwrap(), own["checkpoints"].as_array().unwrap());
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(wanted) {
                for key in ["name", "time", "published_size", "recomputed_size", "file_size"] {
                    assert_eq!(found[key], wanted[key], "{}: {}", home.display(), file["file"]);
                }
            }
            checkpoints += found.len();
        }
    }
    assert!(checkpoints > 20, "{checkpoints}");
}

#[test]
fn the_answer_comes_first() {
    let leak = common::fixture("palite/2026-07-leak-full");
    let (code, out, _) = wtcheck(&["history", path(&leak)]);
    assert_eq!(code, 1);
    let first = out.lines().next().unwrap();
    for word in
        ["Leak begins at checkpoint 3 of 4 (LSN 312)", "accounts00 +1,861 bytes", "after LSN 224", "up to LSN 312"]
    {
        assert!(first.contains(word), "{word} in {first}");
    }
    assert!(out.lines().nth(1).unwrap().starts_with("  Do now      wtcheck repair plan "), "{out}");
    assert!(out.contains("  Blocks      wtcheck orphans "), "{out}");
    let (code, out, _) = wtcheck(&["history", path(&common::fixture("palite/2026-07-dup-delta-wal")), "-v"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("No difference and no orphan at any of 3 checkpoints."), "{out}");
    let turtle = common::real("palite").join("2026-07-turtle-checksum");
    let (code, out, err) = wtcheck(&["history", path(&turtle)]);
    assert_eq!(code, 6, "{out}");
    assert!(out.contains("Not checked: checkpoint 3 of 3 (LSN 176)") && err.contains("not enough"), "{out}{err}");
}

#[test]
fn chosen_trees_only() {
    let leak = common::fixture("palite/2026-07-leak-full");
    let (code, out, _) = wtcheck(&["history", path(&leak), "--table", "ledger*", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["changes"].as_array().unwrap().len()), (0, 0), "{out}");
    assert!(json["records"].as_array().unwrap().iter().all(|r| r["recomputed_size"].is_null()));
    let (code, out, _) = wtcheck(&["history", path(&leak), "--table", "accounts*", "--format", "json"]);
    assert_eq!(code, 1, "{out}");
    assert_eq!(wtcheck(&["history", path(&leak), "--table", "nothing"]).0, 2);
}

#[test]
fn a_plot_of_sizes() {
    let dir = tempfile::tempdir().unwrap();
    let leak = common::fixture("palite/2026-07-leak-full");
    let svg = dir.path().join("sizes.svg");
    assert_eq!(wtcheck(&["history", path(&leak), "--svg", path(&svg)]).0, 1);
    let text = std::fs::read_to_string(&svg).unwrap();
    for part in ["prefers-color-scheme:dark", ">accounts00<", ">database<", "class=\"mark\"", "+1,861", "polyline"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains(">ledger01<"), "only trees that differ are drawn");
    assert_eq!(text.matches('<').count(), text.matches('>').count());
    // Not over what is there, not into the store, and of page logs only.
    assert_eq!(wtcheck(&["history", path(&leak), "--svg", path(&svg)]).0, 2);
    assert_eq!(wtcheck(&["history", path(&leak), "--svg", path(&leak.join("x.svg"))]).0, 2);
    let other = dir.path().join("other.svg");
    assert_eq!(wtcheck(&["history", path(&common::fixture("local/mongo")), "--svg", path(&other)]).0, 2);
}

/// Dumps of a page service, as other verbs take them.
#[test]
fn dumps_in_the_place_of_a_directory() {
    let (code, out, err) = wtcheck(&["history", path(&common::fixture("dumps/turtles.jsonl")), "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {err}"));
    assert_eq!((code, &json["exit_code"]), (6, &Value::from(6)), "{out}");
}
