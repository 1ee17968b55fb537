//! Directories that the real engine wrote: the audit is clean, and every number it gives is the one
//! the engine's own tools give (`ref/` beside each directory).

#![allow(clippy::unwrap_used)]

use crate::common;
use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::audit::Silent;
use wtcheck::audit::home::result::{FileInfo, LocalCheckpointInfo, NotKnown};
use wtcheck::audit::home::{Options, run};
use wtcheck::audit::result::{Audit, Verdict};
use wtcheck::page::Depth;

const SETS: [&str; 5] = ["classic-one", "classic-small", "classic-mongo-like", "classic-crash", "classic-encrypted"];

fn audit(home: &Path, depth: Depth) -> Audit {
    let (home, file) = wtcheck::subject::open_home(home, false, false).unwrap();
    assert!(file.is_none());
    let options = Options { checkpoint: None, depth, no_mmap: false, tables: None };
    run(&home, "home", &options, &Silent).unwrap().0
}

fn files(audit: &Audit) -> &[FileInfo] {
    &audit.local.as_ref().unwrap().files
}

fn file<'a>(audit: &'a Audit, name: &str) -> &'a FileInfo {
    files(audit).iter().find(|f| f.file == name).unwrap_or_else(|| panic!("{name} is not in the audit"))
}

/// The files that a reference output is about: `table_x` with its indexes and column groups, `file_x`,
/// `index_t_i`.
fn files_of<'a>(audit: &'a Audit, uri: &str) -> Vec<&'a FileInfo> {
    let Some((kind, name)) = uri.split_once('_') else { return Vec::new() };
    let is = |f: &&FileInfo| match kind {
        "table" => {
            let rest = f.file.strip_prefix(name);
            rest == Some(".wt") || rest.is_some_and(|r| r.starts_with('_') && r.contains(".wt"))
        }
        "index" => f.file == format!("{name}.wti"),
        _ => f.file == name,
    };
    files(audit).iter().filter(is).collect()
}

fn pages(c: &LocalCheckpointInfo, kind: &str) -> u64 {
    c.pages.by_type.get(kind).copied().unwrap_or(0)
}

#[test]
fn every_directory_is_clean_at_every_depth() {
    for set in SETS {
        for depth in [Depth::Quick, Depth::Normal, Depth::Deep] {
            let audit = audit(&common::real(set).join("db"), depth);
            let worse: Vec<_> = audit.findings.iter().filter(|f| f.severity.name() != "note").collect();
            assert!(worse.is_empty(), "{set}: {worse:#?}");
            assert_eq!((audit.verdict, audit.exit_code), (Verdict::Clean, 0), "{set}");
            for f in files(&audit) {
                let Some(space) = &f.space else { panic!("{set}: {} was not accounted", f.file) };
                let sum = space.description + space.tree + space.extent_list + space.available + space.discarded;
                assert_eq!(Some(sum), f.file_size, "{set}: {}", f.file);
                assert_eq!((space.lost, space.overlapping, space.uncertain), (0, 0, false), "{set}: {}", f.file);
                for c in &f.checkpoints {
                    assert!(c.complete && c.difference == 0, "{set}: {} {}", f.file, c.name);
                    assert_eq!(c.recomputed_size, c.published_size, "{set}: {} {}", f.file, c.name);
                    let root = c.root.map_or(0, |r| u64::from(r.size));
                    assert_eq!(c.checkpoint_size + root, c.published_size, "{set}: {} {}", f.file, c.name);
                }
                if f.source != "recovery" && f.checkpoints.last().is_some_and(|c| !c.cookie.is_empty()) {
                    assert_eq!(f.recovery.as_ref().and_then(|r| r.agrees), Some(true), "{set}: {}", f.file);
                }
            }
        }
    }
}

#[test]
fn notes_say_what_is_unusual_and_nothing_else() {
    let codes =
        |set: &str| -> BTreeMap<&str, u64> { audit(&common::real(set).join("db"), Depth::Normal).totals.findings };
    for set in ["classic-one", "classic-small"] {
        assert!(codes(set).is_empty(), "{set}");
    }
    // A table that no entry of the catalog names, and deletes that a stored count has not seen.
    assert_eq!(codes("classic-mongo-like"), BTreeMap::from([("catalog-mismatch", 1), ("count-mismatch", 1)]));
    // The row of the newest file is in the log.
    let crash = BTreeMap::from([("file-size-mismatch", 5), ("recovery-needed", 1)]);
    assert_eq!(codes("classic-crash"), crash);
    assert_eq!(codes("classic-encrypted"), BTreeMap::from([("encrypted", 5)]));
    let encrypted = audit(&common::real("classic-encrypted/db"), Depth::Deep);
    let said = encrypted.local.unwrap().not_checked;
    assert!(
        said.iter().any(|s| matches!(s, NotKnown::Cells { files: 5, .. })) && said.contains(&NotKnown::LogEncrypted)
    );
}

/// `## file:X (..) checkpoint NAME allocation_size=N`, then one field a line.
#[test]
fn every_cookie_is_the_one_the_reference_decodes() {
    for set in SETS {
        let audit = audit(&common::real(set).join("db"), Depth::Quick);
        let text = std::fs::read_to_string(common::real(set).join("ref/ckpt_decode.txt")).unwrap();
        let mut seen = 0;
        for section in text.split("## ").skip(1) {
            let words: Vec<&str> = section.lines().next().unwrap().split_whitespace().collect();
            let name = words[0].trim_start_matches("file:");
            let at = words.iter().position(|w| *w == "checkpoint").unwrap();
            let field = |wanted: &str| -> Option<u64> {
                let line = section.lines().map(str::trim).find(|l| l.starts_with(wanted))?;
                line[wanted.len()..].split_whitespace().next()?.parse().ok()
            };
            let Some(size) = field("file size") else { continue };
            let Some(f) = files(&audit).iter().find(|f| f.file == name) else {
                // Of encrypted homes the reference knows the key; this tool finds the files all the same.
                panic!("{set}: {name}");
            };
            let c = f.checkpoints.iter().find(|c| c.name == words[at + 1]).unwrap();
            assert_eq!((c.file_size, Some(c.checkpoint_size)), (size, field("checkpoint size")), "{set} {name}");
            for (block, what) in [(c.root, "root"), (c.alloc, "alloc"), (c.avail, "avail"), (c.discard, "discard")] {
                let found = block.map_or((0, 0, 0), |b| (b.offset, u64::from(b.size), u64::from(b.checksum)));
                let part = |n: &str| field(&format!("{what} {n}")).unwrap_or(0);
                // Of no block only the size counts.
                if found.1 != 0 || part("size") != 0 {
                    assert_eq!(found, (part("offset"), part("size"), part("cksum")), "{set} {name} {what}");
                }
            }
            seen += 1;
        }
        assert!(seen > 2, "{set}: {seen}");
    }
}

#[test]
fn statistics_agree_with_the_engines() {
    let mut compared = 0;
    for set in ["classic-one", "classic-small", "classic-mongo-like", "classic-encrypted"] {
        let audit = audit(&common::real(set).join("db"), Depth::Deep);
        for entry in std::fs::read_dir(common::real(set).join("ref")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            let Some(uri) = name.strip_prefix("stat.").and_then(|n| n.strip_suffix(".txt")) else { continue };
            // The tool opened a copy for writing, which checkpoints the history store (FACTS).
            if uri == "file_WiredTigerHS.wt" {
                continue;
            }
            let of = files_of(&audit, uri);
            let text = std::fs::read_to_string(&path).unwrap();
            let stat = |key: &str| -> Option<u64> {
                let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='))?;
                let number = line.split_once('(').map_or(line, |(_, n)| n.trim_end_matches(')'));
                number.parse().ok()
            };
            let Some(reusable) = stat("block-manager: file bytes available for reuse") else { continue };
            let sum = |f: &dyn Fn(&FileInfo, &LocalCheckpointInfo) -> u64| -> Option<u64> {
                Some(of.iter().map(|x| f(x, x.checkpoints.last().unwrap())).sum())
            };
            assert_eq!(sum(&|f, _| f.space.as_ref().unwrap().available), Some(reusable), "{set} {name}");
            assert_eq!(sum(&|f, _| f.physical_size), stat("block-manager: file size in bytes"), "{set} {name}");
            assert_eq!(sum(&|_, c| c.checkpoint_size), stat("block-manager: checkpoint size"), "{set} {name}");
            // A table that was never written has one page in memory, none on disk.
            if of.iter().all(|f| f.checkpoints.last().unwrap().root.is_some()) {
                for (key, kind) in [
                    ("row-store internal pages", "row internal"),
                    ("row-store leaf pages", "row leaf"),
                    ("column-store internal pages", "column internal"),
                    ("column-store variable-size leaf pages", "column variable leaf"),
                    ("column-store fixed-size leaf pages", "column fixed leaf"),
                    ("overflow pages", "overflow"),
                ] {
                    assert_eq!(sum(&|_, c| pages(c, kind)), stat(&format!("btree: {key}")), "{set} {name} {key}");
                }
                let rows = of.iter().all(|f| f.kind == "row" && f.encryptor.is_none());
                if rows && of.iter().all(|f| f.checkpoints.last().unwrap().pages.deleted_children == 0) {
                    let keys = sum(&|_, c| c.rows.unwrap().keys);
                    assert_eq!(keys, stat("btree: number of key/value pairs"), "{set} {name}");
                }
            }
            for kind in of.iter().flat_map(|f| f.checkpoints.last().unwrap().pages.by_type.keys()) {
                assert!(KINDS.contains(kind), "{set} {name}: {kind}");
            }
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

const KINDS: [&str; 6] =
    ["row internal", "row leaf", "column internal", "column variable leaf", "column fixed leaf", "overflow"];

/// `table:T checkpoint=NAME rows=N`, read by the engine at the checkpoint's timestamp.
#[test]
fn rows_of_every_named_checkpoint() {
    let audit = audit(&common::real("classic-small/db"), Depth::Deep);
    let text = std::fs::read_to_string(common::real("classic-small/ref/checkpoint_counts.txt")).unwrap();
    let mut seen = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[table, checkpoint, rows] = words.as_slice() else { continue };
        let f = file(&audit, &format!("{}.wt", table.trim_start_matches("table:")));
        let c = f.checkpoints.iter().find(|c| Some(c.name.as_str()) == checkpoint.strip_prefix("checkpoint=")).unwrap();
        let wanted: u64 = rows.trim_start_matches("rows=").parse().unwrap();
        assert_eq!(c.rows.unwrap().live, wanted, "{line}");
        seen += 1;
    }
    assert!(seen >= 27, "{seen}");
    // The newest checkpoint, by the generator's own count.
    let facts = std::fs::read_to_string(common::real("classic-small/FACTS.md")).unwrap();
    let mut tables = 0;
    for line in facts.lines() {
        let Some((table, counts)) = line.trim().strip_prefix("table:").and_then(|l| l.split_once(": ts10=")) else {
            continue;
        };
        let wanted: u64 = counts.rsplit_once("ts40=").unwrap().1.parse().unwrap();
        // A table with column groups has its rows in each of them.
        let name = if table == "rs_cg" { "rs_cg_main.wt".to_string() } else { format!("{table}.wt") };
        let rows = file(&audit, &name).checkpoints.last().unwrap().rows;
        assert_eq!(rows.map_or(0, |r| r.live), wanted, "{line}");
        tables += 1;
    }
    assert_eq!(tables, 21);
    assert_eq!(file(&audit, "WiredTigerHS.wt").checkpoints.last().unwrap().rows.unwrap().keys, 6196);
    assert_eq!(file(&audit, "rs_index_city.wti").checkpoints.last().unwrap().rows.unwrap().live, 2000);
}

/// Every block the engine's verify lists is in the tree of that checkpoint.
#[test]
fn every_address_of_the_reference_is_in_the_tree() {
    let mut seen = 0_u64;
    for set in ["classic-one", "classic-small", "classic-mongo-like"] {
        let (home, _) = wtcheck::subject::open_home(&common::real(set).join("db"), false, false).unwrap();
        for entry in std::fs::read_dir(common::real(set).join("ref")).unwrap() {
            let path = entry.unwrap().path();
            if !path.file_name().unwrap().to_str().unwrap().starts_with("verify.dump_address.") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut tree: Option<(wtcheck::home::tree::Walked, wtcheck::format::local::LocalAddress)> = None;
            for line in text.lines() {
                if let Some((name, checkpoint)) = line.strip_prefix("file:").and_then(|l| l.split_once(", ckpt_name: "))
                {
                    tree = walk(&home, name, checkpoint.trim());
                } else if let Some(address) =
                    line.trim_start_matches(['\t', '>', ' ']).trim_start_matches("addr: ").strip_prefix("[0: ")
                {
                    let numbers: Vec<u64> = address
                        .split(']')
                        .next()
                        .unwrap()
                        .split([',', '-', ' '])
                        .filter_map(|n| n.parse().ok())
                        .collect();
                    let &[start, end, size, checksum] = numbers.as_slice() else { panic!("{line}") };
                    let Some((walked, root)) = &tree else { panic!("{}: {line}", path.display()) };
                    if start == root.offset {
                        assert_eq!((root.end(), u64::from(root.checksum)), (end, checksum), "{line}");
                    } else {
                        assert_eq!(walked.units.width(start, size), end - start, "{line}");
                        let mut rest = walked.units.clone();
                        assert_eq!(rest.remove(start, size), size, "{}: {line}", path.display());
                    }
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 900, "{seen}");
}

fn walk(
    home: &wtcheck::home::directory::Home,
    name: &str,
    checkpoint: &str,
) -> Option<(wtcheck::home::tree::Walked, wtcheck::format::local::LocalAddress)> {
    use wtcheck::home::{seen::Seen, shape::Shape, tree::walk};
    let entry = home.file(name).unwrap_or_else(|| panic!("{name}"));
    let checkpoint = entry.checkpoints.iter().find(|c| c.name == checkpoint)?;
    let cookie = wtcheck::format::local::LocalCheckpoint::decode(&checkpoint.addr, entry.alloc).ok()?;
    let file = wtcheck::store::blockfile::BlockFile::open(&home.path(name), false).unwrap();
    let end = cookie.file_size;
    let shape = Shape { file: &file, entry, end, depth: Depth::Normal, ids: None, progress: &|_, _| () };
    Some((walk(&shape, checkpoint, &cookie.root?, &Seen::new(entry.alloc)), cookie.root?))
}

#[test]
fn names_of_mongodb() {
    let audit = audit(&common::real("classic-mongo-like/db"), Depth::Normal);
    let name = |f: &str| {
        let f = file(&audit, f);
        (f.namespace.as_deref(), f.index.as_deref(), f.documents)
    };
    assert_eq!(name("collection-0--7234567890123456789.wt"), (Some("test.users"), None, Some(5000)));
    assert_eq!(name("index-3--7234567890123456789.wt"), (Some("test.orders"), Some("_id_"), None));
    assert_eq!(name("index-6--7234567890123456789.wt"), (None, None, None));
}

#[test]
fn one_thread_or_many_mapped_or_read_the_result_is_the_same() {
    let dir = common::real("classic-small/db");
    let json = |no_mmap: bool, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (home, _) = wtcheck::subject::open_home(&dir, no_mmap, false).unwrap();
            let options = Options { checkpoint: None, depth: Depth::Deep, no_mmap, tables: None };
            serde_json::to_string(&wtcheck::schema::audit::AuditDocument::from(
                &run(&home, "home", &options, &Silent).unwrap().0,
            ))
            .unwrap()
        })
    };
    let first = json(false, 1);
    assert_eq!(first, json(false, 2));
    assert_eq!(first, json(true, 7));
}

/// A file on its own is judged by the copy of its newest checkpoint in itself.
#[test]
fn a_file_without_its_home() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["rs_plain.wt", "rs_alloc512.wt", "cs_var.wt", "raw.file", "WiredTigerHS.wt", "rs_empty.wt"] {
        let path = temp.path().join(name);
        std::fs::copy(common::real("classic-small/db").join(name), &path).unwrap();
        let (home, file) = wtcheck::subject::open_home(&path, false, false).unwrap();
        assert_eq!(file.as_deref(), Some(name));
        let options = Options { checkpoint: None, depth: Depth::Deep, no_mmap: false, tables: None };
        let (audit, _) = run(&home, name, &options, &Silent).unwrap();
        assert!(audit.findings.is_empty(), "{name}: {:#?}", audit.findings);
        let own = &files(&audit)[0];
        let real = self::audit(&common::real("classic-small/db"), Depth::Deep);
        if name != "rs_empty.wt" {
            let rows =
                |f: &FileInfo| f.checkpoints.iter().map(|c| c.rows.map(|r| (r.keys, r.live))).collect::<Vec<_>>();
            assert_eq!(rows(own), rows(self::file(&real, name)), "{name}");
        }
        assert_eq!(own.space, self::file(&real, name).space, "{name}");
        std::fs::remove_file(&path).unwrap();
    }
}

/// The local files of a disaggregated node whose page log is a service elsewhere: what lives there is
/// neither missing nor damaged, and nobody says that it was checked.
#[test]
fn a_home_whose_page_log_is_elsewhere() {
    for node in ["leader", "follower"] {
        let temp = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(common::real("disagg-small/db").join(node)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.file_name().unwrap() != "kv_home" {
                std::fs::copy(&path, temp.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let audit = audit(temp.path(), Depth::Deep);
        assert!(audit.findings.is_empty(), "{node}: {:#?}", audit.findings);
        let local = audit.local.unwrap();
        assert!(local.files.len() > 10 && matches!(local.not_checked[0], NotKnown::PageLogElsewhere { .. }));
        assert!(local.files.iter().all(|f| !f.file.ends_with(".wt_stable")));
    }
}
