//! Simulated accounting against the audit of the directory it leaves: what the simulator says was
//! published, leaked and left behind is what the audit finds, under both rules.

use crate::common;
use crate::common::{fixture, path, wtcheck};
use clap::ValueEnum;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wtcheck::audit::result::{Audit, OrphanReason};
use wtcheck::audit::{self, Options, Silent};
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::model::account::Rule;
use wtcheck::model::fault::{Deed, Fault};
use wtcheck::page::Depth;
use wtcheck::scenario::Document;
use wtcheck::simulate::outcome::{Evidence, Outcome, Remains, RemainsKind};
use wtcheck::simulate::{self, Simulated};
use wtcheck::store::{self, FLAG_DELTA, FLAG_DISCARDED};

const RULES: [Rule; 2] = [Rule::AtPut, Rule::Deferred];
const FIXTURES: [&str; 3] = ["accounting-leak", "accounting-compound", "accounting-silent"];

fn scenario(name: &str) -> std::path::PathBuf {
    fixture("scenarios").join(format!("{name}.yaml"))
}

fn run(text: &str, rule: Rule) -> Simulated {
    simulate::run(&Document::new("s.yaml", text), Some(rule)).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn run_fixture(name: &str, rule: Rule) -> Simulated {
    simulate::run(&Document::read(&scenario(name)).unwrap(), Some(rule)).unwrap()
}

/// Write the store, and audit it with every leaf decoded.
fn audited(simulated: &Simulated) -> Audit {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    simulate::write(&simulated.store, &home).unwrap();
    let files: Vec<_> = std::fs::read_dir(home.join("kv_home")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(files.len(), 19, "17 shards, counters, records, and no -wal or -shm: {files:?}");
    let store = store::open(&home, &store::OpenOptions::default()).unwrap();
    let options = Options { depth: Depth::Deep, ..Options::default() };
    audit::pagelog::run(&*store, "HOME", &options, &Silent).unwrap()
}

/// What is left behind and lies at or below the last checkpoint's root.
fn left(outcome: &Outcome, evidence: &[Evidence]) -> Vec<Remains> {
    outcome.remains.iter().filter(|r| evidence.contains(&r.evidence)).cloned().collect()
}

/// Everything the audit says is what the simulator says, and nothing more.
fn compare(what: &str, simulated: &Simulated, audit: &Audit) {
    let outcome = &simulated.outcome;
    assert_eq!(audit.store.generation, "2026-07", "{what}");
    let checkpoint = audit.checkpoint.as_ref().unwrap();
    assert_eq!((checkpoint.lsn, checkpoint.metadata_lsn), (outcome.checkpoint.lsn, outcome.checkpoint.metadata_lsn));
    let mut own = 0;
    for tree in &audit.trees {
        let Some(table) = outcome.tables.iter().find(|t| t.uri == tree.uri) else {
            assert!(tree.uri.starts_with("file:WiredTiger"), "{what}: {}", tree.uri);
            assert_eq!(tree.difference, Some(0), "{what}: {}", tree.uri);
            own += 1;
            continue;
        };
        assert!(!table.dropped, "{what}: {}", tree.uri);
        assert_eq!((tree.table_id, tree.complete), (table.table_id, true), "{what}");
        assert_eq!(tree.published_size, Some(table.published_size), "{what}: published");
        assert_eq!(tree.recomputed_size, table.true_size, "{what}: recomputed");
        assert_eq!(tree.physical_size, table.true_size, "{what}: physical");
        assert_eq!(tree.difference, Some(table.leaked), "{what}: difference");
    }
    assert_eq!(own, 2, "{what}: shared metadata and history");
    assert_eq!(audit.trees.len() - own, outcome.tables.iter().filter(|t| !t.dropped).count(), "{what}");
    assert_eq!(audit.database.published_size, Some(outcome.checkpoint.database_size), "{what}");
    assert_eq!(audit.database.difference, Some(0), "{what}");
    assert_eq!(audit.database.difference_from_recomputed, Some(outcome.leaked), "{what}");

    let found: BTreeSet<_> = audit
        .orphans
        .iter()
        .map(|o| (o.table_id, o.page_id, o.lsn, o.bytes, o.reason == OrphanReason::UnreferencedImage))
        .collect();
    let said: BTreeSet<_> = left(outcome, &[Evidence::OrphanImage, Evidence::OrphanPage])
        .iter()
        .map(|r| (r.table_id, r.page_id, r.lsn, r.bytes, r.evidence == Evidence::OrphanImage))
        .collect();
    assert_eq!(found, said, "{what}: orphans");

    let of = |code: &str| -> BTreeSet<(Option<TableId>, Option<PageId>, Option<Lsn>)> {
        let all = audit.findings.iter().filter(|f| f.code.name() == code);
        all.map(|f| (f.place.table_id, f.place.page_id, f.place.lsn)).collect()
    };
    let deltas = left(outcome, &[Evidence::DuplicateDelta]);
    let deltas: BTreeSet<_> = deltas.iter().map(|r| (Some(r.table_id), Some(r.page_id), Some(r.lsn))).collect();
    assert_eq!(of("duplicate-delta"), deltas, "{what}");
    let inflated: BTreeSet<_> =
        outcome.tables.iter().filter(|t| t.leaked > 0).map(|t| (Some(t.table_id), None, None)).collect();
    // One failure that fits a root's size to the byte would be called by that name.
    let named: BTreeSet<_> = of("size-inflated").union(&of("size-double-root")).copied().collect();
    assert_eq!(named, inflated, "{what}");
    let known = [
        "orphan-image",
        "orphan-page",
        "duplicate-delta",
        "size-inflated",
        "size-double-root",
        "obsolete-chain-uncounted",
    ];
    for finding in &audit.findings {
        assert!(known.contains(&finding.code.name()), "{what}: {finding:?}");
    }
}

/// The link rules, as seen by a tree that does not know what its failures left behind.
fn chain_rules(simulated: &Simulated) {
    let store = &simulated.store;
    let lsns: Vec<Lsn> = store.rows.iter().map(|r| r.lsn).collect();
    assert!(lsns.windows(2).all(|w| w[0] < w[1]), "LSNs of rows are unique and ascend");
    assert!(lsns.iter().all(|l| (Lsn(1)..=store.last_lsn).contains(l)));
    for (lsn, ..) in &store.completions {
        assert!(!lsns.contains(lsn) && *lsn <= store.last_lsn);
    }
    let unknown: BTreeSet<Lsn> = simulated
        .outcome
        .remains
        .iter()
        .filter(|r| matches!(r.kind, RemainsKind::Image | RemainsKind::Delta))
        .map(|r| r.lsn)
        .collect();
    #[derive(Default)]
    struct Page {
        image: Lsn,
        newest: Lsn,
        newest_image_of_all: Lsn,
        rows: BTreeSet<Lsn>,
        links: BTreeSet<Lsn>,
        discarded: bool,
    }
    let mut pages: BTreeMap<(TableId, PageId), Page> = BTreeMap::new();
    for row in &store.rows {
        let page = pages.entry((row.table, row.page)).or_default();
        assert!(!page.discarded, "nothing follows a discard: {}", row.lsn);
        if row.flags & FLAG_DISCARDED != 0 {
            assert!(row.data.is_empty() && page.rows.contains(&row.backlink_lsn), "discard at LSN {}", row.lsn);
            assert!(page.rows.contains(&row.base_lsn));
            page.discarded = true;
            continue;
        }
        let known = !unknown.contains(&row.lsn);
        if row.flags & FLAG_DELTA != 0 {
            assert_eq!((row.base_lsn, row.backlink_lsn), (page.image, page.newest), "delta at LSN {}", row.lsn);
            assert!(page.links.insert(row.backlink_lsn), "two deltas on LSN {}", row.backlink_lsn);
            assert_eq!(page.newest_image_of_all, page.image, "a delta seems to stand on an unknown image");
        } else {
            assert_eq!((row.base_lsn, row.backlink_lsn), (Lsn(0), page.image), "image at LSN {}", row.lsn);
            page.newest_image_of_all = row.lsn;
            if known {
                page.image = row.lsn;
            }
        }
        page.rows.insert(row.lsn);
        if known {
            page.newest = row.lsn;
        }
    }
}

#[test]
fn the_audit_finds_what_the_simulator_says() {
    for name in FIXTURES {
        for rule in RULES {
            let simulated = run_fixture(name, rule);
            let what = format!("{name}, {}", rule.name());
            compare(&what, &simulated, &audited(&simulated));
            chain_rules(&simulated);
            let outcome = &simulated.outcome;
            assert_eq!(outcome.leaks(), rule == Rule::AtPut, "{what}");
            let other = outcome.other.as_ref().unwrap();
            let reverse = run_fixture(name, rule.other()).outcome;
            assert_eq!(
                (other.leaked, other.database_size),
                (reverse.leaked, reverse.checkpoint.database_size),
                "{what}"
            );
            let sizes: Vec<u64> = reverse.tables.iter().map(|t| t.published_size).collect();
            assert_eq!(other.published_sizes, sizes, "{what}");
        }
    }
}

/// The page log is the same under both rules: what differs is what the metadata says.
#[test]
fn the_rule_changes_nothing_but_the_sizes() {
    for name in FIXTURES {
        let rows = |rule| {
            let rows = run_fixture(name, rule).store.rows;
            rows.into_iter().filter(|r| r.table > 18 && r.table != 26).collect::<Vec<_>>()
        };
        let (one, other) = (rows(Rule::AtPut), rows(Rule::Deferred));
        assert!(!one.is_empty() && one == other, "{name}");
        let again = run_fixture(name, Rule::AtPut).store;
        assert!(again.rows == run_fixture(name, Rule::AtPut).store.rows, "the same scenario, the same bytes");
    }
}

#[test]
fn every_leak_is_explained_to_the_byte() {
    for name in ["accounting-leak", "accounting-compound"] {
        let simulated = run_fixture(name, Rule::AtPut);
        let audit = audited(&simulated);
        for table in simulated.outcome.tables.iter().filter(|t| t.leaked > 0) {
            let counted: u64 =
                simulated.outcome.remains.iter().filter(|r| r.table == table.name).map(|r| r.counted).sum();
            assert_eq!(i64::try_from(counted).unwrap(), table.leaked, "{name}: {}", table.name);
            let mut findings = audit.findings.iter().filter(|f| f.place.uri.as_deref() == Some(table.uri.as_str()));
            let finding = findings.find(|f| f.code.name() == "size-inflated").unwrap();
            assert!(wtcheck::words::of(finding).cause.contains("residual 0"), "{finding:?}");
        }
        let chains: BTreeSet<_> = audit
            .findings
            .iter()
            .filter(|f| f.code.name() == "obsolete-chain-uncounted")
            .map(|f| (f.place.table_id.unwrap(), f.place.page_id.unwrap(), f.place.lsn.unwrap()))
            .collect();
        let said: BTreeSet<_> = left(&simulated.outcome, &[Evidence::ObsoleteChain])
            .iter()
            .map(|r| (r.table_id, r.page_id, r.lsn))
            .collect();
        assert!(!said.is_empty());
        assert_eq!(chains, said, "{name}");
        for orphan in &audit.orphans {
            let remains = simulated.outcome.remains.iter().find(|r| r.lsn == orphan.lsn).unwrap();
            assert_eq!(orphan.explains, remains.counted > 0, "{name}: {orphan:?}");
        }
    }
}

/// Which findings remain when the totals are right: the rows that nobody knows are still there.
#[test]
fn deferred_leaves_orphans_but_no_wrong_size() {
    let codes = |name: &str| {
        let audit = audited(&run_fixture(name, Rule::Deferred));
        let codes: BTreeSet<&str> = audit.findings.iter().map(|f| f.code.name()).collect();
        let codes = codes.into_iter().collect::<Vec<_>>().join(" ");
        (codes, audit.orphans.iter().filter(|o| o.explains).count(), audit.exit_code)
    };
    // An image of a page in use; the second half of a split and the root of a failed checkpoint.
    assert_eq!(codes("accounting-leak"), ("orphan-image orphan-page".to_string(), 0, 1));
    assert_eq!(codes("accounting-compound"), ("orphan-image".to_string(), 0, 1));
    assert_eq!(codes("accounting-silent"), (String::new(), 0, 0));
}

fn table(steps: &str) -> String {
    format!(
        "kind: accounting\ntables: [{{name: t, rows: 60, value_bytes: 40, leaf_bytes: 512}}]\nsteps:\n  - do: checkpoint\n{steps}  - do: checkpoint\n"
    )
}

/// What each place of failure does to the total, on one page.
#[test]
fn each_kind_of_failure() {
    use Evidence::*;
    let step = |form: &str, fail: &str, more: &str| {
        format!("  - {{do: reconcile, table: t, leaves: [1], as: {form}, fail: {fail}{more}}}\n")
    };
    let delta = step("delta", "none", "");
    for (what, steps, leaks, evidence) in [
        ("put", step("full", "put", ""), false, vec![]),
        ("put of a delta", step("delta", "put", ""), false, vec![]),
        ("put of a split", step("split", "put", ""), false, vec![]),
        ("image", step("full", "after-put", ""), true, vec![OrphanImage]),
        ("split", step("split", "after-put", ""), true, vec![OrphanPage]),
        ("discarded split", step("split", "after-pack", ""), false, vec![]),
        ("chain", step("full", "after-pack", ""), true, vec![ObsoleteChain]),
        ("chain with a delta", delta.clone() + &step("full", "after-pack", ""), true, vec![ObsoleteChain]),
        ("the chain is lost once", step("full", "after-pack", ", repeat: 3"), true, vec![ObsoleteChain]),
        ("a chain each time", step("full", "after-pack", ", repeat: 2, retry: now"), true, vec![ObsoleteChain; 2]),
        ("failed delta", step("delta", "after-pack", ""), false, vec![]),
        ("failed delta on a delta", delta + &step("delta", "after-pack", ""), false, vec![]),
        ("delta, retried", step("delta", "after-put", ""), true, vec![Replaced]),
        ("delta, then an image", step("delta", "after-put", "") + &step("full", "none", ""), true, vec![Superseded]),
        (
            "delta, then a split",
            step("delta", "after-put", "") + &step("split", "none", ""),
            true,
            vec![DuplicateDelta],
        ),
        (
            "image, then a lost chain",
            step("full", "after-put", "") + &step("full", "after-pack", ""),
            true,
            vec![OrphanImage, ObsoleteChain],
        ),
        (
            "lost chain, then an image of a new page",
            step("full", "after-pack", "") + &step("full", "after-put", ""),
            true,
            vec![ObsoleteChain, OrphanPage],
        ),
        ("image, then a split", step("full", "after-put", "") + &step("split", "none", ""), true, vec![OrphanImage]),
        ("image, then a delta", step("full", "after-put", "") + &step("delta", "none", ""), true, vec![OrphanImage]),
        ("nothing changed", step("full", "after-put", ", rows: 0"), false, vec![]),
        (
            "root",
            step("full", "none", "") + "  - {do: checkpoint, table: t, fail: after-put}\n",
            false,
            vec![OrphanPage],
        ),
        ("root put", step("full", "none", "") + "  - {do: checkpoint, table: t, fail: put}\n", false, vec![]),
        ("root packed", step("full", "none", "") + "  - {do: checkpoint, table: t, fail: after-pack}\n", false, vec![]),
    ] {
        let text = table(&steps);
        for rule in RULES {
            let simulated = run(&text, rule);
            let outcome = &simulated.outcome;
            compare(&format!("{what}, {}", rule.name()), &simulated, &audited(&simulated));
            chain_rules(&simulated);
            let at_put = rule == Rule::AtPut;
            assert_eq!(outcome.leaked > 0, leaks && at_put, "{what}, {}", rule.name());
            let found: Vec<Evidence> = outcome.remains.iter().map(|r| r.evidence).collect();
            // A chain that is given up is taken off later where that is deferred: nothing is left of it.
            let said: Vec<Evidence> = evidence.iter().copied().filter(|e| at_put || *e != ObsoleteChain).collect();
            assert_eq!(found, said, "{what}, {}", rule.name());
            let counted: u64 = outcome.remains.iter().map(|r| r.counted).sum();
            assert_eq!(i64::try_from(counted).unwrap(), outcome.leaked, "{what}, {}", rule.name());
        }
    }
}

/// A fault by its name is the reconciliation that it comes of, and the audit finds what the list says.
#[test]
fn faults_by_name() {
    for fault in Fault::value_variants() {
        let name = fault.to_possible_value().unwrap();
        let named = format!("  - {{do: reconcile, table: t, leaves: [1], fault: {}}}\n", name.get_name());
        // A split takes away what a failed delta lies on: its retry would take the delta's place.
        let text = table(&format!("{named}  - {{do: reconcile, table: t, leaves: [1], as: split}}\n"));
        let Deed::Fails(..) = fault.row().deed else {
            let refused = simulate::run(&Document::new("s", &text), None).unwrap_err().to_string();
            assert!(refused.contains("steps[1].fault: that is not a failed reconciliation"), "{refused}");
            continue;
        };
        let simulated = run(&text, Rule::AtPut);
        let audit = audited(&simulated);
        compare(name.get_name(), &simulated, &audit);
        let found = audit.findings.iter().any(|f| fault.row().codes.contains(&f.code.name()));
        assert!(found && simulated.outcome.leaked > 0, "{fault:?}: {:?}", audit.findings);
        let twice = text.replace("fault:", "as: full, fault:");
        assert!(simulate::run(&Document::new("s", &twice), None).is_err());
    }
}

#[test]
fn leaks_compound() {
    for (form, fail, retry) in
        [("full", "after-put", "later"), ("full", "after-pack", "now"), ("split", "after-put", "later")]
    {
        let leaked = |repeat: u64, rule: Rule| {
            let step = format!(
                "  - {{do: reconcile, table: t, leaves: [2], as: {form}, fail: {fail}, retry: {retry}, repeat: {repeat}}}\n"
            );
            let simulated = run(&table(&step), rule);
            assert_eq!(audited(&simulated).database.difference_from_recomputed, Some(simulated.outcome.leaked));
            // Every repetition adds the same.
            let so_far: Vec<i64> =
                simulated.outcome.attempts.iter().filter(|a| a.step == 2).map(|a| a.leaked).collect();
            let first = so_far[0];
            assert!(so_far.iter().zip(1..).all(|(l, n)| *l == first * n), "{so_far:?}");
            simulated.outcome.leaked
        };
        let once = leaked(1, Rule::AtPut);
        assert!(once > 0, "{form} {fail}");
        for n in [2, 5, 9] {
            assert_eq!(leaked(n, Rule::AtPut), once * i64::try_from(n).unwrap(), "{form} {fail}, {n} times");
            assert_eq!(leaked(n, Rule::Deferred), 0, "{form} {fail}, {n} times");
        }
    }
}

#[test]
fn drops_empty_tables_and_work_behind_the_checkpoint() {
    let text = "\
kind: accounting
key_page: true
tables:
  - {name: a, rows: 40, leaf_bytes: 1024}
  - {name: b, rows: 40, leaf_bytes: 1024, compressor: zstd}
  - {name: empty, rows: 0}
steps:
  - do: checkpoint
  - {do: reconcile, table: a, leaves: all, as: full, fail: after-put}
  - {do: reconcile, table: b, leaves: 2, as: delta}
  - do: checkpoint
  - {do: reconcile, table: a, leaves: 1, as: full, fail: after-put}
  - {do: drop, table: a}
  - {do: reconcile, table: b, leaves: [0], as: full, fail: after-pack}
  - do: checkpoint
  - {do: reconcile, table: b, leaves: [1], as: full, fail: after-put, repeat: 2}
";
    for rule in RULES {
        let simulated = run(text, rule);
        compare(rule.name(), &simulated, &audited(&simulated));
        chain_rules(&simulated);
        let outcome = &simulated.outcome;
        assert_eq!(outcome.tables.iter().map(|t| t.dropped).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!((outcome.tables[2].published_size, outcome.tables[2].true_size), (0, 0));
        assert_eq!(left(outcome, &[Evidence::AfterCheckpoint]).len(), 3);
        assert_eq!(outcome.leaked_since > 0, rule == Rule::AtPut);
        assert_eq!(outcome.tables[0].leaked, 0, "a dropped table publishes nothing");
    }
}

/// A checkpoint that fails at the second table undoes the first one's root as well, which has grown.
#[test]
fn a_failed_checkpoint_undoes_its_roots() {
    let text = "\
kind: accounting
tables: [{name: a, rows: 20}, {name: b, rows: 20}]
steps:
  - do: checkpoint
  - {do: reconcile, table: a, as: split}
  - {do: reconcile, table: b}
  - {do: checkpoint, table: b, fail: put}
  - {do: reconcile, table: a}
  - do: checkpoint
";
    for rule in RULES {
        let simulated = run(text, rule);
        compare(rule.name(), &simulated, &audited(&simulated));
        let roots: Vec<_> = simulated.outcome.remains.iter().map(|r| (r.kind, r.table.as_str(), r.counted)).collect();
        assert_eq!(roots, [(RemainsKind::Root, "a", 0)]);
        assert_eq!(simulated.outcome.leaked, 0);
        assert_eq!(simulated.store.completions.len(), 2);
    }
}

#[test]
fn the_scenario_or_the_option_names_the_rule() {
    let text = |line: &str| table("").replace("kind: accounting\n", &format!("kind: accounting\n{line}"));
    let rule = |text: &str, option| simulate::run(&Document::new("s", text), option).unwrap().outcome.accounting;
    assert_eq!(rule(&text(""), None), Rule::AtPut);
    assert_eq!(rule(&text("accounting: deferred\n"), None), Rule::Deferred);
    assert_eq!(rule(&text("accounting: deferred\n"), Some(Rule::AtPut)), Rule::AtPut);
}

#[test]
fn mistakes_have_a_place() {
    let temp = tempfile::tempdir().unwrap();
    let head = "kind: accounting\ntables:\n  - {name: t, rows: 9}\nsteps:\n  - do: checkpoint\n";
    let with = |step: &str| format!("{head}  - {step}\n");
    for (text, place, words) in [
        (with("{do: reconcile, table: t, leafs: 1}"), "6:31", "unknown field `leafs`"),
        (with("{do: reconcile, table: u}"), "6:28", "steps[1].table: there is no table u"),
        (with("{do: reconcile, table: t, repeat: 0}"), "6:39", "steps[1].repeat: from 1 to 1000"),
        (with("{do: reconcile, table: t, repeat: 1001}"), "6:39", "steps[1].repeat: from 1 to 1000"),
        (with("{do: reconcile, table: t, repeat: often}"), "6:39", "invalid type"),
        (
            with("{do: drop, table: t}\n  - {do: reconcile, table: t}"),
            "7:28",
            "steps[2].table: the table t was dropped",
        ),
        (with("{do: reconcile, table: t, leaves: [0, 7]}"), "6:39", "steps[1].leaves: 7: the table t has 1 leaf"),
        (with("{do: reconcile, table: t, leaves: 2}"), "6:39", "steps[1].leaves: 2: the table t has 1 leaf"),
        (with("{do: reconcile, table: t, leaves: [1, 1]}"), "6:39", "each leaf once"),
        (with("{do: reconcile, table: t, leaves: some}"), "6:39", "all, a number of leaves"),
        (with("{do: reconcile, table: t, leaves: 0}"), "6:39", "at least one leaf"),
        (with("{do: reconcile, table: t, as: page}"), "6:35", "unknown variant `page`"),
        (with("{do: reconcile, table: t, fail: sometimes}"), "6:37", "unknown variant `sometimes`"),
        (with("{do: reconcile, table: t, retry: now}"), "6:38", "nothing fails"),
        (with("{do: reconcile}"), "6:5", "steps[1].table: say which table"),
        (with("{do: checkpoint, fail: put}"), "6:5", "go together"),
        (with("{do: checkpoint, table: t, fail: put}"), "6:38", "writes no root of it"),
        (with("{do: checkpoint, repeat: 2}"), "6:30", "only a reconciliation"),
        (with("{do: drop, table: t, fail: put}"), "6:32", "a drop cannot fail"),
        (with("{do: reconcile, table: t, as: split, repeat: 9}"), "6:5", "has one row left"),
        ("kind: accounting\ntables: [{name: t, rows: 1}]\nsteps: []\n".into(), "3:8", "no checkpoint completes"),
        ("kind: accounting\ntables: []\nsteps: []\n".into(), "2:9", "from 1 to 16 tables"),
        ("kind: pickup\ntables: []\nsteps: []\n".into(), "1:7", "unknown variant `pickup`"),
        (head.replace("rows: 9", "rows: 100001"), "3:21", "tables[0].rows: at most 100000"),
        (head.replace("name: t", "name: \"../t\""), "3:12", "a name has 1 to 64 letters"),
        (head.replace("name: t", "name: WiredTigerHS"), "3:12", "reserved for the engine"),
        (head.replace("rows: 9", "rows: 9, compressor: rar"), "3:36", "snappy, zlib, zstd or lz4"),
        (head.replace("rows: 9", "rows: 9, leaf_bytes: 10"), "3:36", "from 256 to 1048576"),
        (head.replace("rows: 9", "rows: 9, value_bytes: 0"), "3:37", "from 1 to 65536"),
        (head.replace("rows: 9", "rows: 100000, value_bytes: 60000"), "3:21", "more than 67108864 bytes"),
        (
            head.replace("  - {name: t, rows: 9}", "  - {name: t, rows: 9}\n  - {name: t, rows: 9}"),
            "4:12",
            "already a table t",
        ),
        (
            head.replace("steps:\n", "steps:\n  - {do: drop, table: t}\n"),
            "5:23",
            "no checkpoint has named the table yet",
        ),
        (
            head.replace("rows: 9", "rows: 900, value_bytes: 60000, leaf_bytes: 1048576")
                + "  - {do: reconcile, table: t, leaves: all, fail: put}\n  - {do: reconcile, table: t, leaves: all, repeat: 9}\n",
            "7:5",
            "bytes are put into the page log",
        ),
    ] {
        let file = temp.path().join("s.yaml");
        std::fs::write(&file, &text).unwrap();
        let out = temp.path().join("out");
        let (code, stdout, stderr) = wtcheck(&["simulate", "accounting", path(&file), "--output", path(&out)]);
        assert_eq!(code, 2, "{text}\n{stderr}");
        assert_eq!((stdout.as_str(), stderr.lines().count()), ("", 1), "{stderr}");
        let start = format!("wtcheck: {}:{place}: ", path(&file));
        assert!(stderr.starts_with(&start) && stderr.contains(words), "{start}{words}\n{stderr}");
        let there: Vec<_> = std::fs::read_dir(temp.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(there, ["s.yaml"], "nothing is left behind");
    }
    let (code, _, stderr) = wtcheck(&["simulate", "accounting", "no-such.yaml", "--output", "x"]);
    assert_eq!((code, stderr.starts_with("wtcheck: no-such.yaml: ")), (2, true), "{stderr}");
}

fn simulated_at(name: &str, out: &Path, more: &[&str]) -> (i32, String, String) {
    let file = scenario(name);
    let mut args = vec!["simulate", "accounting", path(&file), "--output", path(out)];
    args.extend(more);
    wtcheck(&args)
}

#[test]
fn the_command_writes_a_directory_that_the_audit_reads() {
    let temp = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        for (rule, code) in [("at-put", 1), ("deferred", 0)] {
            let out = temp.path().join(format!("{name}-{rule}"));
            let (found, stdout, stderr) = simulated_at(name, &out, &["--accounting", rule, "--format", "json"]);
            assert_eq!((found, stderr.as_str()), (code, ""), "{name} {rule}");
            let said: serde_json::Value = serde_json::from_str(&stdout).unwrap();
            assert_eq!((&said["schema_version"], &said["exit_code"]), (&1.into(), &code.into()));
            assert_eq!((&said["accounting"], &said["directory"]), (&rule.into(), &path(&out).into()));
            let (_, stdout, _) = wtcheck(&["audit", path(&out), "--format", "json"]);
            let audit: serde_json::Value = serde_json::from_str(&stdout).unwrap();
            for table in said["tables"].as_array().unwrap() {
                let tree = audit["trees"].as_array().unwrap().iter().find(|t| t["uri"] == table["uri"]).unwrap();
                assert_eq!(tree["published_size"], table["published_size"], "{name} {rule}");
                assert_eq!(tree["recomputed_size"], table["true_size"], "{name} {rule}");
                assert_eq!(tree["difference"], table["leaked"], "{name} {rule}");
            }
            let orphans = |list: &serde_json::Value, key: &str| -> BTreeSet<(u64, u64, u64)> {
                let orphan = |o: &&serde_json::Value| {
                    o.get("evidence").is_none_or(|e| e.as_str().unwrap().starts_with("orphan"))
                };
                let number = |o: &serde_json::Value, key: &str| o[key].as_u64().unwrap();
                let list = list[key].as_array().unwrap().iter().filter(orphan);
                list.map(|o| (number(o, "table_id"), number(o, "page_id"), number(o, "lsn"))).collect()
            };
            assert_eq!(orphans(&audit, "orphans"), orphans(&said, "remains"), "{name} {rule}");
        }
    }
    // The text for people ends with the way on, and says what the other rule comes to.
    let out = temp.path().join("text");
    let (_, stdout, _) = simulated_at("accounting-compound", &out, &[]);
    assert!(stdout.ends_with(&format!("\nTo audit it:\n  wtcheck audit {}\n", path(&out))), "{stdout}");
    for words in ["under deferred it would be", "Leaked so far", "+73,242", "orphan-image", "obsolete-chain-uncounted"]
    {
        assert!(stdout.contains(words), "{words}\n{stdout}");
    }
    let all = temp.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(all.filter(|n| n.starts_with('.')).count(), 0, "no temporary directory is left");
}

#[test]
fn a_directory_with_something_in_it_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let full = temp.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("notes.txt"), "mine").unwrap();
    let file = temp.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", temp.path().join("link")).unwrap();
    for name in ["full", "file", "link"] {
        let before = common::snapshot(temp.path().join("full").as_path());
        let (code, stdout, stderr) = simulated_at("accounting-leak", &temp.path().join(name), &[]);
        assert_eq!((code, stdout.as_str()), (3, ""), "{name}: {stderr}");
        assert_eq!(stderr.lines().count(), 1);
        assert!(before == common::snapshot(&full));
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 3, "nothing is left behind");
    }
    // An empty one is taken; a second time it is not empty any more.
    let empty = temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(simulated_at("accounting-leak", &empty, &[]).0, 1);
    assert_eq!(simulated_at("accounting-leak", &empty, &[]).0, 3);
    let (code, _, stderr) = simulated_at("accounting-leak", &temp.path().join("no/such/parent"), &[]);
    assert_eq!(code, 6, "{stderr}");
}

#[test]
fn help_says_what_it_is_for() {
    for args in [vec!["simulate", "--help"], vec!["simulate", "accounting", "--help"]] {
        let (code, stdout, _) = wtcheck(&args);
        assert_eq!(code, 0);
        assert!(stdout.contains("Usage: wtcheck simulate") && stdout.contains("Examples:"), "{stdout}");
    }
    assert_eq!(wtcheck(&["simulate", "accounting", path(&scenario("accounting-leak"))]).0, 2, "--output is needed");
}

/// One step of a random scenario, as YAML.
fn any_step() -> impl Strategy<Value = String> {
    let reconcile = (
        prop::sample::select(vec!["a", "b"]),
        prop::sample::select(vec!["[0]", "[0]", "1", "2", "all"]),
        prop::sample::select(vec!["full", "full", "delta", "delta", "split"]),
        prop::sample::select(vec!["none", "put", "after-put", "after-pack"]),
        prop::sample::select(vec!["later", "later", "now"]),
        0..4_u64,
        1..4_u64,
    )
        .prop_map(|(table, leaves, form, fail, retry, rows, repeat)| {
            let retry = if fail == "none" { String::new() } else { format!(", retry: {retry}") };
            let repeat = if form == "split" { 1 } else { repeat };
            format!("{{do: reconcile, table: {table}, leaves: {leaves}, as: {form}, fail: {fail}, rows: {rows}, repeat: {repeat}{retry}}}")
        });
    let failing = (prop::sample::select(vec!["a", "b"]), prop::sample::select(vec!["put", "after-put", "after-pack"]))
        .prop_map(|(table, fail)| {
            // Something to write, so that there is a root that can fail.
            format!("{{do: reconcile, table: {table}}}\n  - {{do: checkpoint, table: {table}, fail: {fail}}}")
        });
    prop_oneof![8 => reconcile, 1 => failing, 2 => Just("do: checkpoint".to_string())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_scenario(
        seed: u64,
        rows in 20..60_u64,
        value in 1..40_u64,
        leaf in 256..380_u64,
        compressor in prop::sample::select(vec!["", ", compressor: snappy", ", compressor: lz4"]),
        steps in prop::collection::vec(any_step(), 1..14),
        first in any::<bool>(),
        dropped in any::<bool>(),
    ) {
        let mut text = format!(
            "kind: accounting\nseed: {seed}\ntables:\n  - {{name: a, rows: {rows}, value_bytes: {value}, leaf_bytes: {leaf}}}\n  \
             - {{name: b, rows: {rows}, value_bytes: 80, leaf_bytes: 900{compressor}}}\nsteps:\n"
        );
        // Some begin with pages that were never written.
        let steps = first.then(|| "do: checkpoint".to_string()).into_iter().chain(steps).chain(["do: checkpoint".to_string()]);
        for step in steps {
            text.push_str(&format!("  - {step}\n"));
        }
        if dropped {
            text.push_str("  - {do: reconcile, table: b, fail: after-put}\n  - {do: drop, table: b}\n  - do: checkpoint\n");
        }
        let document = Document::new("s.yaml", &text);
        for rule in RULES {
            let simulated = match simulate::run(&document, Some(rule)) {
                Ok(simulated) => simulated,
                // Only what depends on the pages there are can be wrong here.
                Err(e) => {
                    prop_assert!(e.reason.contains("leaves: ") && e.line > 5, "{}\n{}", e, text);
                    return Ok(());
                }
            };
            let audit = audited(&simulated);
            compare(&format!("{}\n{text}", rule.name()), &simulated, &audit);
            chain_rules(&simulated);
            for tree in audit.trees.iter().filter(|t| t.table_id > 18) {
                prop_assert_eq!(tree.rows.map(|r| r.keys), Some(rows), "{}", text);
            }
            if rule == Rule::Deferred {
                prop_assert_eq!((simulated.outcome.leaked, simulated.outcome.leaked_since), (0, 0));
            }
            for table in simulated.outcome.tables.iter().filter(|t| !t.dropped) {
                let of_table = simulated.outcome.remains.iter().filter(|r| r.table == table.name);
                let counted: u64 = of_table.map(|r| r.counted).sum();
                prop_assert_eq!(i64::try_from(counted).unwrap(), table.leaked + table.leaked_since, "{}", text);
            }
        }
    }
}
