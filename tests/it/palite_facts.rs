//! Every PALite sample against the facts its generator wrote beside it: sizes, differences, the
//! class of every row, orphans, keystore, findings; for the newest and for every older checkpoint.

use crate::common;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::audit::{self, Options, Silent, result::Audit};
use wtcheck::id::Lsn;
use wtcheck::page::Depth;
use wtcheck::store;

fn run(home: &Path, options: &Options<'_>) -> Audit {
    run_with_rows(home, options).0
}

type Key = (u64, u64, u64);

/// The audit, and the class of every row by (table, page, LSN).
fn run_with_rows(home: &Path, options: &Options<'_>) -> (Audit, BTreeMap<Key, &'static str>) {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, options.depth == Depth::Normal, &Silent).unwrap();
    let (audit, class) = audit::pagelog::run_on(&opened, "HOME", options, &Silent).unwrap();
    let rows = opened.index.rows().iter().map(|r| (r.table.get(), r.page.get(), r.lsn.get()));
    (audit, rows.zip(class.iter().map(|c| c.name())).collect())
}

fn u(v: &Value) -> u64 {
    v.as_u64().unwrap()
}

/// Scenarios whose facts describe the store before the damage.
fn damage<'f>(facts: &'f Value, scenario: &str) -> Vec<&'f Value> {
    facts["faults"].as_array().unwrap().iter().filter(|f| f["scenario"] == scenario).collect()
}

fn has_damage(facts: &Value) -> bool {
    facts["faults"].as_array().unwrap().iter().any(|f| f["severity"] == "damage")
}

fn compare_trees(name: &str, audit: &Audit, checkpoint: &Value, deep: bool) {
    let expected = checkpoint["trees"].as_array().unwrap();
    assert_eq!(audit.trees.len(), expected.len(), "{name}: number of trees");
    for tree in &audit.trees {
        let fact =
            expected.iter().find(|t| t["uri"] == tree.uri.as_str()).unwrap_or_else(|| panic!("{name}: {}", tree.uri));
        let what = format!("{name}: {}", tree.uri);
        assert_eq!(tree.table_id, u(&fact["table"]), "{what}");
        assert_eq!(tree.root_cookie, fact["root_cookie"].as_str().unwrap(), "{what}");
        assert_eq!(tree.published_size, fact["published_size"].as_u64(), "{what}");
        assert_eq!(tree.recomputed_size, u(&fact["true_size"]), "{what}: recomputed");
        assert_eq!(tree.difference, fact["difference"].as_i64(), "{what}: difference");
        assert_eq!(tree.pages.reachable, u(&fact["pages"]), "{what}: pages");
        let levels: Vec<u64> = fact["pages_by_level"].as_array().unwrap().iter().map(u).collect();
        assert_eq!(tree.pages.depth, levels.len() as u64, "{what}: depth");
        assert_eq!(tree.pages.leaf, levels.last().copied().unwrap_or(0), "{what}: leaves");
        if tree.complete {
            assert_eq!(tree.physical_size, u(&fact["physical_bytes"]), "{what}: physical");
            assert_eq!(tree.pages.deltas, u(&fact["deltas"]), "{what}: deltas");
            if deep {
                assert_eq!(tree.rows.map_or(0, |r| r.keys), u(&fact["rows"]), "{what}: rows");
            }
        }
    }
}

/// A code with its table, page and LSN, where the place says them.
type Expected = (&'static str, Option<u64>, Option<u64>, Option<u64>);

/// Findings that must be there.
fn expected_findings(facts: &Value) -> Vec<Expected> {
    let mut out = Vec::new();
    for f in facts["faults"].as_array().unwrap() {
        let (table, page, lsn) = (f["table"].as_u64(), f["page"].as_u64(), f["lsn"].as_u64());
        match f["scenario"].as_str().unwrap() {
            "leak-full" => {
                out.push(("size-inflated", table, None, None));
                for image in f["images"].as_array().unwrap() {
                    let referenced = image["page_still_referenced"] == true;
                    let code = if referenced { "orphan-image" } else { "orphan-page" };
                    out.push((code, table, image["page"].as_u64(), image["lsn"].as_u64()));
                }
            }
            "leak-chain" => {
                out.push(("size-inflated", table, None, None));
                out.push(("obsolete-chain-uncounted", table, page, f["failed_image_lsn"].as_u64()));
            }
            "double-root" => out.push(("size-double-root", table, None, None)),
            "deflated" => out.push(("size-deflated", table, None, None)),
            "drop-leak" => out.push(("database-size-inflated", None, None, None)),
            "stale-keystore" => out.push(("stale-keystore", Some(26), Some(1), None)),
            "bitflip-leaf" | "bitflip-internal" => out.push(("page-checksum", table, page, lsn)),
            "missing-delta" => out.push(("chain-broken", table, page, f["newest_lsn"].as_u64())),
            "cycle" => out.push(("page-cycle", table, page, lsn)),
            "double-ref" => out.push(("page-referenced-twice", table, page, lsn)),
            "turtle-checksum" => out.push(("turtle-checksum", table, page, lsn)),
            "dup-delta" if f["kind"] == "left" => out.push(("duplicate-delta", table, page, lsn)),
            "dup-delta" | "inflight" | "wal" => {}
            other => panic!("unknown scenario {other}"),
        }
    }
    out
}

#[test]
fn newest_checkpoint_of_every_fixture() {
    assert_eq!(check_samples(&common::fixture("palite")), 5);
}

#[test]
fn newest_checkpoint_of_every_sample() {
    assert!(check_samples(&common::real("palite")) >= 12);
}

fn check_samples(dir: &Path) -> usize {
    let samples = common::samples(dir);
    for (name, home, facts) in &samples {
        let (audit, rows) = run_with_rows(home, &Options { jobs: 2, ..Options::default() });
        let turtle = damage(facts, "turtle-checksum");
        // Findings: all that are expected, and nothing else.
        let mut expected = expected_findings(facts);
        for f in &audit.findings {
            let p = &f.place;
            let at = expected.iter().position(|(code, table, page, lsn)| {
                *code == f.code.name()
                    && (table.is_none() || *table == p.table_id.map(|t| t.get()))
                    && (page.is_none() || *page == p.page_id.map(|p| p.get()))
                    && (lsn.is_none() || *lsn == p.lsn.map(|l| l.get()))
            });
            match at {
                Some(at) => drop(expected.remove(at)),
                None => panic!("{name}: unexpected {f:#?}"),
            }
        }
        assert_eq!(expected, [], "{name}: not found");
        let errors = audit.totals.errors + audit.totals.warnings;
        let (verdict, exit) = if errors == 0 { ("clean", 0) } else { ("findings", 1) };
        assert_eq!((serde_json::to_value(audit.verdict).unwrap(), audit.exit_code), (verdict.into(), exit), "{name}");
        assert_eq!(audit.store.generation, facts["generation"]["name"].as_str().unwrap(), "{name}");

        let lsn = audit.checkpoint.as_ref().unwrap().lsn;
        let expected_lsn =
            turtle.first().map_or(u(&facts["newest_checkpoint_lsn"]), |t| u(&t["newest_readable_checkpoint"]));
        assert_eq!(lsn, expected_lsn, "{name}: checkpoint");
        let checkpoints = facts["checkpoints"].as_array().unwrap();
        let fact = checkpoints.iter().find(|c| lsn == u(&c["lsn"])).unwrap();
        compare_trees(name, &audit, fact, false);
        assert_eq!(audit.database.published_size, fact["database_size_published"].as_u64(), "{name}");
        let true_size = audit.database.sum_of_recomputed + audit.database.buffer;
        assert_eq!(true_size, u(&fact["database_size_true"]), "{name}: database");

        if turtle.is_empty() {
            compare_rows(name, &rows, facts);
            compare_classes(name, &audit, facts);
        }
        compare_orphans(name, &audit, facts);
        compare_keystore(name, &audit, facts);
    }
    samples.len()
}

/// The class of each row. Rows that damage took away are in the facts but not in the store.
fn compare_rows(name: &str, rows: &BTreeMap<Key, &str>, facts: &Value) {
    for fact in facts["page_versions"].as_array().unwrap() {
        let key = (u(&fact[0]), u(&fact[1]), u(&fact[2]));
        let expected = fact[5].as_str().unwrap();
        let expected = if expected == "legal-duplicate-delta" { "duplicate-delta" } else { expected };
        match rows.get(&key) {
            Some(found) => assert_eq!(*found, expected, "{name}: {key:?}"),
            None => assert!(has_damage(facts), "{name}: {key:?} is not in the store"),
        }
    }
}

fn compare_classes(name: &str, audit: &Audit, facts: &Value) {
    for (class, total) in facts["class_totals"].as_object().unwrap() {
        let class = if class == "legal-duplicate-delta" { "duplicate-delta" } else { class };
        let found = audit.versions[class];
        assert_eq!((found.count, found.bytes), (u(&total["rows"]), u(&total["bytes"])), "{name}: {class}");
    }
    let all: u64 = audit.versions.values().map(|t| t.count).sum();
    assert_eq!((all, all), (audit.store.rows, u(&facts["row_count"])), "{name}: every row is in one class");
}

fn compare_orphans(name: &str, audit: &Audit, facts: &Value) {
    let mut expected: Vec<(u64, u64, u64, u64)> = facts["page_versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r[5] == "orphan")
        .map(|r| (u(&r[0]), u(&r[1]), u(&r[2]), u(&r[4])))
        .collect();
    expected.sort_unstable();
    let found: Vec<_> =
        audit.orphans.iter().map(|o| (o.table_id.get(), o.page_id.get(), o.lsn.get(), o.bytes)).collect();
    assert_eq!(found, expected, "{name}: orphans");
    for o in &audit.orphans {
        assert!(o.explains, "{name}: {o:?} explains the inflation");
    }
    for f in audit.findings.iter().filter(|f| f.code.name() == "size-inflated") {
        assert!(wtcheck::words::of(f).cause.contains("to the byte"), "{name}: {f:#?}");
    }
}

fn compare_keystore(name: &str, audit: &Audit, facts: &Value) {
    let fact = &facts["keystore"];
    let pages = fact["pages"].as_array().unwrap();
    assert_eq!(audit.keystore.pages.len(), pages.len(), "{name}");
    for (page, fact) in audit.keystore.pages.iter().zip(pages) {
        let payload = u(&fact["payload_bytes"]);
        assert_eq!(
            (page.lsn.get(), page.payload_bytes, page.bytes, page.valid),
            (u(&fact["lsn"]), Some(payload), payload + u(&fact["header_size"]), fact["valid"] == true)
        );
        assert_eq!(page.timestamp.as_deref(), fact["timestamp"].as_str(), "{name}");
        assert_eq!(page.checksum.as_deref(), fact["crc"].as_str(), "{name}");
    }
    for used in &audit.keystore.checkpoints {
        assert_eq!(used.keystore_lsn, fact["embedded_by_checkpoint"][used.lsn.to_string()].as_u64().map(Lsn), "{name}");
    }
}

#[test]
fn every_older_checkpoint_of_every_sample() {
    for (name, home, facts) in common::samples(&common::real("palite")) {
        for checkpoint in facts["checkpoints"].as_array().unwrap() {
            let lsn = u(&checkpoint["lsn"]);
            if damage(&facts, "turtle-checksum").iter().any(|t| u(&t["checkpoint"]) == u(&checkpoint["number"])) {
                continue;
            }
            let options =
                Options { checkpoint: Some(lsn.to_string()), depth: Depth::Deep, jobs: 2, ..Options::default() };
            let audit = run(&home, &options);
            assert_eq!(audit.checkpoint.as_ref().unwrap().lsn, lsn);
            compare_trees(&format!("{name} at {lsn}"), &audit, checkpoint, true);
            if facts["faults"].as_array().unwrap().is_empty() {
                assert_eq!(audit.findings, [], "{name} at {lsn}");
            }
        }
    }
}

/// What `--newest-only` and `--table` leave out changes no finding about the rest.
#[test]
fn leaving_things_out_does_not_change_the_rest() {
    let mut samples = common::samples(&common::fixture("palite"));
    samples.extend(common::samples(&common::real("palite")));
    for (name, home, facts) in samples {
        let all = run(&home, &Options::default());
        let newest = run(&home, &Options { newest_only: true, ..Options::default() });
        assert_eq!(newest.findings, all.findings, "{name}: newest only");
        assert_eq!(newest.versions["kept-for-older-checkpoint"].count, 0, "{name}");
        assert_eq!(newest.versions["orphan"], all.versions["orphan"], "{name}");
        for tree in &facts["checkpoints"][0]["trees"].as_array().unwrap()[..2] {
            let uri = tree["uri"].as_str().unwrap();
            let wanted = |u: &str| u == uri;
            let one = run(&home, &Options { tables: Some(&wanted), ..Options::default() });
            let about = |a: &Audit| {
                let mine = a.findings.iter().filter(|f| f.place.uri.as_deref() == Some(uri));
                mine.cloned().collect::<Vec<_>>()
            };
            assert_eq!(about(&one), about(&all), "{name}: {uri}");
            // Nor do rows of other tables, dropped ones among them, turn into orphans.
            assert!(one.orphans.iter().all(|o| o.uri.as_deref() == Some(uri)), "{name}: {uri}");
            assert_eq!(one.trees.len(), 2, "{name}: the tree and the shared metadata");
        }
    }
}

#[test]
fn the_outcome_does_not_depend_on_threads_or_depth() {
    for (name, home, facts) in common::samples(&common::real("palite")) {
        let json = |jobs, depth| {
            let mut audit = run(&home, &Options { jobs, depth, ..Options::default() });
            audit.store.depth = Depth::Normal;
            for tree in &mut audit.trees {
                tree.rows = None;
            }
            serde_json::to_string(&wtcheck::schema::audit::AuditDocument::from(&audit)).unwrap()
        };
        let one = json(1, Depth::Normal);
        assert!(one == json(2, Depth::Normal), "{name}: two threads");
        assert!(one == json(7, Depth::Normal), "{name}: seven threads");
        // A deep audit sees more of what is damaged, a quick one less.
        if !has_damage(&facts) {
            assert!(one == json(2, Depth::Deep), "{name}: deep");
            assert!(one == json(2, Depth::Quick), "{name}: quick");
        }
    }
}
