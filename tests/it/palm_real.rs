//! The real PALM directories, written by the real engine in June 2025, against the reference walk
//! beside them; and the damaged variants of them.

use crate::common;
use std::path::{Path, PathBuf};
use wtcheck::audit::{self, Options, Silent, result::Audit};
use wtcheck::page::Depth;
use wtcheck::store;

fn run(home: &Path, checkpoint: Option<u64>, depth: Depth) -> Audit {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let options = Options { checkpoint: checkpoint.map(|c| c.to_string()), depth, jobs: 2, ..Options::default() };
    audit::pagelog::run(&*store, "HOME", &options, &Silent).unwrap()
}

/// The number after `key=` in a line of the reference.
fn number(line: &str, key: &str) -> u64 {
    let rest = line.split(&format!("{key}=")).nth(1).unwrap();
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn every_checkpoint_of_the_fixture_is_walked_to_the_last_leaf() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("kv_home")).unwrap();
    std::fs::write(temp.path().join("kv_home/data.mdb"), common::palm_data()).unwrap();
    let reference = std::fs::read_to_string(common::fixture("palm/reachable.txt")).unwrap();
    compare(temp.path(), &reference);
}

#[test]
fn every_checkpoint_is_walked_to_the_last_leaf() {
    let dir = common::real("disagg-small");
    compare(&dir.join("db/leader"), &std::fs::read_to_string(dir.join("ref/reachable.txt")).unwrap());
}

fn compare(home: &Path, reference: &str) {
    let mut trees = 0;
    let sections = format!("\n{reference}");
    for section in sections.split("\n== checkpoint ").skip(1) {
        let metadata_lsn = number(section, "metadata_lsn");
        let audit = run(home, Some(metadata_lsn), Depth::Deep);
        assert_eq!(audit.checkpoint.as_ref().unwrap().metadata_lsn, metadata_lsn);
        assert_eq!(audit.findings, [], "at {metadata_lsn}");
        for line in section.lines().filter(|l| l.starts_with("table_id=")) {
            let table = number(line, "table_id");
            let tree = audit.trees.iter().find(|t| t.table_id == table).unwrap_or_else(|| panic!("{line}"));
            let rows = tree.rows.unwrap_or_default();
            assert_eq!(
                [tree.pages.internal, tree.pages.leaf, tree.pages.deltas, rows.keys, rows.live],
                ["internal", "leaf", "delta_images", "keys", "live"].map(|k| number(line, k)),
                "at {metadata_lsn}: {line}"
            );
            assert!(tree.complete && line.ends_with("errors=[]"));
            trees += 1;
        }
    }
    assert!(trees > 130, "{trees} trees compared");
}

#[test]
fn generation_and_sizes_are_reported_as_what_they_are() {
    for node in ["leader", "follower"] {
        let audit = run(&common::real("disagg-small/db").join(node), None, Depth::Normal);
        assert_eq!((audit.store.generation, audit.exit_code), ("2025-06", 0), "{:#?}", audit.findings);
        assert_eq!(audit.database.published_size, None);
        for tree in &audit.trees {
            let meaning = serde_json::to_value(tree.published_size_meaning).unwrap();
            assert_eq!((meaning, tree.difference), ("root-page-id".into(), None), "{}", tree.uri);
        }
        let total = |class: &str| audit.versions[class].count;
        assert_eq!((total("orphan"), total("undetermined"), total("after-newest-checkpoint")), (0, 0, 0));
        assert_eq!(total("live") + total("kept-for-older-checkpoint"), audit.store.rows);
    }
}

/// A variant of disagg-small in a temporary directory; `None` where the variant has no page log.
fn variant(name: &str, temp: &Path) -> PathBuf {
    let home = temp.join(name);
    common::copy_dir(&common::real("disagg-small/db/leader"), &home);
    let data = home.join("kv_home/data.mdb");
    match std::fs::read(common::real("disagg-damaged").join(name).join("data.mdb")) {
        Ok(bytes) => std::fs::write(data, bytes).unwrap(),
        Err(_) => std::fs::remove_file(data).unwrap(),
    }
    home
}

#[test]
fn damaged_variants_are_named_where_they_are() {
    let temp = tempfile::tempdir().unwrap();
    // Variant, depth, exit code, and the findings: code, table, page, LSN.
    type Expected = (&'static str, Option<u64>, Option<u64>, Option<u64>);
    let small_a = Some(41);
    let multi_b = Some(57);
    let cases: &[(&str, Depth, u8, &[Expected])] = &[
        ("d01-base-leaf-byteflip", Depth::Normal, 1, &[("page-checksum", multi_b, Some(103), Some(142))]),
        ("d03-delta-payload-byteflip", Depth::Normal, 1, &[("page-checksum", small_a, Some(100), Some(984))]),
        ("d05-magic-flip", Depth::Normal, 1, &[("page-checksum", multi_b, Some(104), Some(143))]),
        ("d10-missing-delta", Depth::Normal, 1, &[("chain-broken", small_a, Some(100), None)]),
        ("d12-missing-base", Depth::Normal, 1, &[("page-missing", multi_b, Some(105), Some(144))]),
        (
            "d14-truncated-image",
            Depth::Normal,
            1,
            &[
                ("cookie-size-mismatch", multi_b, Some(103), Some(142)),
                ("page-checksum", multi_b, Some(103), Some(142)),
            ],
        ),
        ("d16-baselsn-wrong", Depth::Normal, 1, &[("chain-broken", small_a, Some(100), None)]),
        ("d21-orphan-table", Depth::Normal, 0, &[("unlisted-table", Some(999), None, Some(1262))]),
        ("d30-meta-cookie-digit", Depth::Normal, 1, &[("page-checksum", Some(9), Some(112), Some(1259))]),
        ("d32-meta-no-timestamp", Depth::Normal, 1, &[("turtle-invalid", Some(1), Some(1), Some(1260))]),
        ("d34-meta-cookie-truncated", Depth::Normal, 1, &[("cookie-invalid", Some(1), Some(1), Some(1260))]),
        ("d40-ckptrec-bad-lsn", Depth::Normal, 1, &[("completion-invalid", None, None, Some(1261))]),
        ("d42-revision-too-small", Depth::Normal, 1, &[("lsn-counter-behind", None, None, Some(1261))]),
        ("d61-valid-crc-key-order", Depth::Deep, 1, &[("key-out-of-order", Some(177), Some(112), Some(44))]),
        ("d63-valid-crc-memsize", Depth::Normal, 1, &[("page-header", Some(177), Some(116), Some(48))]),
    ];
    for (name, depth, exit, expected) in cases {
        let audit = run(&variant(name, temp.path()), None, *depth);
        let found: Vec<String> = audit.findings.iter().map(|f| format!("{:?} {}", f.place, f.code.name())).collect();
        assert_eq!(audit.findings.len(), expected.len(), "{name}: {found:#?}");
        for (code, table, page, lsn) in *expected {
            let hit = audit.findings.iter().any(|f| {
                f.code.name() == *code
                    && f.place.table_id.map(|t| t.get()) == *table
                    && f.place.page_id.map(|p| p.get()) == *page
                    && (lsn.is_none() || f.place.lsn.map(|l| l.get()) == *lsn)
            });
            assert!(hit, "{name}: {code} in {found:#?}");
        }
        assert_eq!(audit.exit_code, *exit, "{name}");
    }
    // A truncated file: what can be read is audited, nothing that may lie in the rest is called missing.
    let audit = run(&variant("d50-lmdb-truncated", temp.path()), None, Depth::Normal);
    assert_eq!(audit.exit_code, 6, "{:#?}", audit.totals);
    assert_eq!(audit.totals.findings.keys().collect::<Vec<_>>(), [&"store-damaged"]);
    // No page log at all.
    let home = variant("d52-lmdb-missing", temp.path());
    assert!(matches!(
        store::open(&home, &store::OpenOptions::default()).err(),
        Some(store::StoreError::NoPageLog { .. })
    ));
}
