//! What `wtcheck-dev` makes: forged stores are what their truth says, and `wtcheck audit` finds every
//! fault at its place; an injured copy is injured where it says, and the source is untouched.

use crate::common;
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use wtcheck::audit::result::Audit;
use wtcheck::audit::{self, Options, Silent};
use wtcheck::devtools::damage::damage;
use wtcheck::devtools::forge::{Fault, Planned, Spec, Truth, forge};
use wtcheck::format::compress::Compressor;
use wtcheck::format::generation::Generation;
use wtcheck::id::PageId;
use wtcheck::model::fault::Deed;
use wtcheck::page::Depth;
use wtcheck::store::{self, OpenOptions};

fn audited(home: &Path, depth: Depth) -> Audit {
    let store = store::open(home, &OpenOptions::default()).unwrap();
    let options = Options { depth, jobs: 2, ..Options::default() };
    audit::pagelog::run(&*store, "HOME", &options, &Silent).unwrap()
}

fn forged(spec: &Spec) -> (tempfile::TempDir, Truth) {
    let dir = tempfile::tempdir().unwrap();
    let truth = forge(&dir.path().join("home"), spec, &|_| ()).unwrap();
    (dir, truth)
}

fn spec() -> Spec {
    Spec { versions: 900, fanout: 8, churn: 25, ..Spec::default() }
}

#[test]
fn stores_without_faults_are_clean_and_as_large_as_asked_for() {
    let generations = [Generation::Autumn2025, Generation::February2026, Generation::July2026];
    let compressors = [None, Some(Compressor::Snappy), Some(Compressor::Zstd)];
    for (generation, compressor) in generations.into_iter().zip(compressors) {
        let spec = Spec { generation, compressor, versions: 3000, ..spec() };
        let (dir, truth) = forged(&spec);
        assert!((2700..3300).contains(&truth.rows), "{generation:?}: {}", truth.rows);
        let audit = audited(&dir.path().join("home"), Depth::Deep);
        assert_eq!((audit.findings.len(), audit.exit_code), (0, 0), "{generation:?}: {:?}", audit.findings.first());
        assert_eq!(audit.store.generation, generation.name());
        assert_eq!((audit.store.rows, audit.store.bytes), (truth.rows, truth.bytes));
        for tree in &truth.trees {
            let found = audit.trees.iter().find(|t| t.table_id == tree.table_id).unwrap();
            assert_eq!(found.physical_size, tree.true_size, "{generation:?} {}", tree.uri);
            assert_eq!(found.pages.leaf, tree.leaves);
        }
        assert!(audit.trees.iter().any(|t| t.pages.deltas > 0 && t.pages.depth >= 3), "{generation:?}");
    }
}

#[test]
fn the_same_specification_gives_the_same_rows_and_another_seed_others() {
    let rows = |seed| {
        let (dir, _) = forged(&Spec { seed, versions: 200, ..spec() });
        let store = store::open(&dir.path().join("home"), &OpenOptions::default()).unwrap();
        let (index, _) = store.index(None, &|_| ()).unwrap();
        let mut reader = store.reader().unwrap();
        let mut out = Vec::new();
        for row in index.rows() {
            let mut bytes = Vec::new();
            reader.read(&row, &mut bytes).unwrap();
            out.push(((row.table, row.page, row.lsn), bytes));
        }
        out
    };
    assert_eq!(rows(7), rows(7));
    assert_ne!(rows(7), rows(8));
}

#[test]
fn every_fault_is_found_where_it_was_put_and_explains_the_size_to_the_byte() {
    for fault in Fault::value_variants().iter().filter(|f| f.is_forged()) {
        // Some drop tables, and most must stay.
        let tables = if matches!(fault.row().deed, Deed::Table(_)) { 7 } else { 3 };
        let spec = Spec { faults: vec![Planned { fault: *fault, times: 3 }], tables, ..spec() };
        let (dir, truth) = forged(&spec);
        let audit = audited(&dir.path().join("home"), Depth::Normal);
        assert!(!truth.traces.is_empty(), "{fault:?}");
        for trace in &truth.traces {
            if *fault == Fault::InFlight {
                let class = audit.versions[trace.code];
                assert!(class.count >= 3 && audit.exit_code == 0, "{class:?}");
                continue;
            }
            let found = audit.findings.iter().any(|f| {
                fn same<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
                    b.is_none() || a == b
                }
                fault.row().codes.contains(&f.code.name())
                    && same(f.place.table_id, trace.table_id)
                    && same(f.place.page_id, trace.page_id)
                    && same(f.place.lsn, trace.lsn)
            });
            let codes: Vec<_> = audit.findings.iter().map(|f| (f.code.name(), f.place.clone())).collect();
            assert!(found, "{fault:?}: {trace:?} is not among {codes:#?}");
        }
        // Where something cannot be read, or is read as something else, sums are not what they should be.
        let deed = fault.row().deed;
        let readable = [Fault::FlipLeaf, Fault::ZeroLeaf, Fault::CutLeaf].contains(fault);
        if matches!(deed, Deed::Puts(..) | Deed::Addressed(_)) && !readable {
            continue;
        }
        for tree in &truth.trees {
            let found = audit.trees.iter().find(|t| t.table_id == tree.table_id).unwrap();
            assert_eq!(found.published_size, Some(tree.published_size), "{fault:?} {}", tree.uri);
            assert_eq!(found.recomputed_size, tree.true_size, "{fault:?} {}", tree.uri);
        }
        let drift: i64 = truth.traces.iter().map(|t| t.counted).sum();
        let published = i64::try_from(truth.database_size.unwrap()).unwrap();
        assert_eq!(published - i64::try_from(truth.true_database_size).unwrap(), drift, "{fault:?}");
    }
}

#[test]
fn impossible_wishes_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |spec: Spec| forge(&dir.path().join("x"), &spec, &|_| ()).unwrap_err().to_string();
    let with = |fault, times| vec![Planned { fault, times }];
    assert!(refuse(Spec { generation: Generation::June2025, ..spec() }).contains("PALM"));
    assert!(refuse(Spec { faults: with(Fault::FlipLeaf, 100_000), ..spec() }).contains("too many faults"));
    assert!(refuse(Spec { faults: with(Fault::FlipInternal, 1), fanout: 10_000, ..spec() }).contains("internal"));
    assert!(refuse(Spec { faults: with(Fault::OrphanPage, 1), checkpoints: 1, ..spec() }).contains("two checkpoints"));
    assert!(!dir.path().join("x").exists());
    assert!("orphan-page=0".parse::<Planned>().is_err() && "no-such".parse::<Planned>().is_err());
}

#[test]
fn every_injury_shows_in_the_copy_and_the_source_is_untouched() {
    let palite = tempfile::tempdir().unwrap();
    forge(&palite.path().join("home"), &spec(), &|_| ()).unwrap();
    let palm = palite.path().join("palm");
    std::fs::create_dir_all(palm.join("kv_home")).unwrap();
    std::fs::write(palm.join("kv_home/data.mdb"), common::palm_data()).unwrap();
    let sources = [palite.path().join("home"), palm, common::fixture("local/mongo")];
    for source in &sources {
        let local = source.ends_with("mongo");
        let before = common::snapshot(source);
        for injury in Fault::value_variants() {
            let dir = tempfile::tempdir().unwrap();
            let copy = dir.path().join("copy");
            let mut wanted = if local { injury.row().home } else { injury.row().codes };
            if !injury.is_injury() || local && wanted.is_empty() {
                assert!(damage(source, &copy, *injury, 0).is_err(), "{injury:?}");
                continue;
            }
            if source.ends_with("palm") && *injury == Fault::FlipTurtle {
                // The turtle page of June 2025 has no checksum: what a flipped bit of it changes, nobody can tell.
                wanted = &[];
            }
            let done = match damage(source, &copy, *injury, 1) {
                Ok(done) => done,
                // A small store may have no chain with deltas.
                Err(e) if *injury == Fault::LoseBase => {
                    assert!(e.to_string().contains("no such page"), "{e}");
                    continue;
                }
                Err(e) => panic!("{} {injury:?}: {e}", source.display()),
            };
            let out = Command::new(env!("CARGO_BIN_EXE_wtcheck"))
                .args(["audit", "--format", "json"])
                .arg(&copy)
                .output()
                .unwrap();
            let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
            let found: BTreeSet<String> = json["findings"]
                .as_array()
                .map(|list| list.iter().filter_map(|f| f["code"].as_str().map(String::from)).collect())
                .unwrap_or_default();
            let fits = wanted.is_empty() || wanted.iter().any(|w| found.contains(*w)) || out.status.code() == Some(6);
            assert!(fits, "{} {injury:?} at {}: {found:?}, exit {:?}", source.display(), done.place, out.status.code());
        }
        assert_eq!(common::snapshot(source), before);
    }
}

#[test]
fn the_command_line_says_what_it_made() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("store");
    let dev = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_wtcheck-dev")).args(args).output().unwrap();
    let at = home.to_str().unwrap();
    let out = dev(&["forge", at, "--versions", "500", "--fanout", "10", "--fault", "orphan-page=2"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.contains("2 x orphan-page"), "{text}");
    assert_eq!(audited(&home, Depth::Normal).orphans.len(), 2);
    // What is there is not written over.
    let again = dev(&["forge", at]);
    assert_eq!(again.status.code(), Some(2));
    let copy = dir.path().join("copy");
    let out = dev(&["damage", at, copy.to_str().unwrap(), "flip-leaf", "--json"]);
    let done: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let audit = audited(&copy, Depth::Normal);
    let flipped = audit.findings.iter().find(|f| f.code.name() == "page-checksum").unwrap();
    assert_eq!(flipped.place.page_id, done["page_id"].as_u64().map(PageId));
    assert_eq!(dev(&["damage", at, copy.to_str().unwrap(), "nonsense"]).status.code(), Some(2));
}
