//! Homes that five releases of the engine wrote, and what was once answered wrongly about such homes: each is judged
//! as the engine that wrote it judges it.

use crate::common::other_user::program;
use crate::common::{copy_dir, path, real};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use wtcheck::format::config::Config;
use wtcheck::format::home_turtle;
use wtcheck::home::directory::{self, Home, Issue};

/// Exit code and document of an audit.
fn audit(home: &Path, options: &[&str]) -> (i32, Value) {
    let out = Command::new(program()).args(["audit", "--format", "json"]).args(options).arg(home).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let document = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", home.display()));
    (out.status.code().unwrap(), document)
}

/// Severity, code and file of every finding.
fn findings(document: &Value) -> Vec<String> {
    let word = |f: &Value, key: &str| f[key].as_str().unwrap_or_default().to_string();
    let list = document["findings"].as_array().unwrap().iter();
    list.map(|f| format!("{} {} {}", word(f, "severity"), word(f, "code"), word(&f["place"], "file"))).collect()
}

fn dirs(of: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> =
        std::fs::read_dir(of).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    out.sort();
    out
}

#[test]
fn homes_of_five_releases_are_clean_and_have_the_rows_that_the_engine_shows() {
    let mut compared = 0;
    let mut releases = BTreeSet::new();
    for set in dirs(&real("engines")) {
        let name = set.file_name().unwrap().to_string_lossy().into_owned();
        let (release, variant) = name.split_once("--").unwrap();
        releases.insert(release.to_string());
        let home = dirs(&set).pop().unwrap();
        let (code, document) = audit(&home, &["--deep"]);
        assert_eq!(code, 0, "{name}: {:?}", findings(&document));
        let notes = findings(&document);
        assert!(notes.iter().all(|n| n.starts_with("note ")), "{name}: {notes:?}");
        // What a killed home shows is made by recovery and rollback, which an audit does not do.
        if variant.contains("crash") {
            continue;
        }
        let expect: Value = serde_json::from_slice(&std::fs::read(set.join("expect.json")).unwrap()).unwrap();
        let live: BTreeMap<&str, u64> = document["trees"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|t| Some((t["uri"].as_str()?, t["rows"]["live"].as_u64()?)))
            .collect();
        for (uri, table) in expect["tables"].as_object().unwrap() {
            let file = uri.replacen("table:", "file:", 1) + ".wt";
            if let (Some(found), Some(rows)) = (live.get(file.as_str()), table["rows"].as_u64()) {
                assert_eq!(*found, rows, "{name} {uri}");
                compared += 1;
            }
        }
    }
    assert_eq!(releases.len(), 5);
    assert!(compared > 50, "{compared}");
}

/// A home, the exit code of its audit, and the findings above notes.
type Case = (&'static str, i32, &'static [&'static str]);

const CASES: &[Case] = &[
    ("engines/10.0.0-generation-recovery-mismatch", 0, &[]),
    ("engines/2.9-lookaside-incomplete", 0, &[]),
    ("engines/2.9-lz4-useful-length", 0, &[]),
    ("engines/3.2.1-fixed-bulk-unused-bits", 0, &[]),
    ("engines/colgroup-never-created", 1, &["error metadata-invalid WiredTiger.wt"]),
    ("engines/column-first-child-gone", 0, &[]),
    ("engines/drop-after-checkpoint-crash", 0, &[]),
    ("engines/first-needed-log-missing", 1, &["error log-damaged WiredTigerLog.0000000001"]),
    ("engines/hs-prepared-stop-timestamp", 0, &[]),
    ("engines/huffman", 0, &[]),
    ("engines/json-app-metadata", 0, &[]),
    ("engines/log-checkpoint-snapshot", 0, &[]),
    ("engines/log-first-previous-lsn", 0, &[]),
    ("engines/missing-tail-is-free", 0, &[]),
    ("engines/pack-checksum-length", 0, &[]),
    ("engines/pack-log-record", 0, &[]),
    ("engines/partial-backup", 0, &[]),
    ("engines/turtle-config-bitflip", 1, &["error turtle-invalid WiredTiger.turtle"]),
    ("homes/mongo-clean", 0, &[]),
    ("homes/metadata-older-than-files", 0, &[]),
    ("homes/turtle-set-left", 0, &[]),
    (
        "homes/restarted-without-turtle",
        1,
        &["error metadata-replaced WiredTiger.wt.1", "error file-unlisted _mdb_catalog.wt"],
    ),
    ("homes/fast-count-wrong", 1, &["warning count-mismatch collection-0-1111222233334444555.wt"]),
    ("homes/catalog-names-lost-ident", 1, &["error catalog-mismatch _mdb_catalog.wt"]),
    ("homes/colgroup-row-missing", 1, &["error metadata-invalid WiredTiger.wt"]),
    ("homes/log-empty-file", 1, &["error log-damaged journal/WiredTigerLog.0000000001"]),
];

#[test]
fn cases_are_answered_as_the_engine_does() {
    let all = ["engines", "homes"].into_iter().flat_map(|kind| dirs(&real(&format!("cases/{kind}"))));
    assert_eq!(all.count(), CASES.len(), "every case has its line");
    for (name, exit, wanted) in CASES {
        let home = real(&format!("cases/{name}"));
        for options in [&[][..], &["--deep"]] {
            let (code, document) = audit(&home, options);
            let found = findings(&document);
            assert_eq!(code, *exit, "{name} {options:?}: {found:?}");
            for finding in *wanted {
                assert!(found.iter().any(|f| f == finding), "{name} {options:?}: {finding} in {found:?}");
            }
        }
    }
}

/// What a person is told, as one text.
fn told(home: &Path) -> String {
    let out =
        Command::new(program()).args(["audit", "--color", "never", path(home)]).env("COLUMNS", "200").output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_words_say_what_is_newer_and_what_the_engine_would_do() {
    for (name, words) in [
        ("homes/metadata-older-than-files", "the metadata is older than the files"),
        ("homes/metadata-older-than-files", "write generation"),
        ("homes/turtle-set-left", "renames it to WiredTiger.turtle"),
        ("homes/restarted-without-turtle", "set aside, with 27 rows; 8 files that it names are here"),
        ("homes/fast-count-wrong", "7123 in sizeStorer"),
        ("homes/fast-count-wrong", "6500 documents"),
        ("homes/catalog-names-lost-ident", "index-3-1111222233334444555"),
        ("homes/log-empty-file", "not all of it is readable"),
        ("engines/partial-backup", "a partial backup"),
        ("engines/huffman", "Huffman"),
        ("engines/first-needed-log-missing", "recovery starts in it"),
        ("engines/colgroup-never-created", "cannot be used until all of its column groups are created"),
    ] {
        let text = told(&real(&format!("cases/{name}")));
        assert!(text.contains(words), "{name}: {words}\n{text}");
    }
    // Without its log the same home has lost what the files hold, and the direction is told.
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(&real("cases/homes/metadata-older-than-files"), &home);
    std::fs::remove_dir_all(home.join("journal")).unwrap();
    let text = told(&home);
    assert!(text.contains("block-checksum") && text.contains("the file is newer than the metadata"), "{text}");
}

/// Every byte of the settings in the turtle, changed in each of its bits: the engine reads them before anything else,
/// and no checksum is over them.
#[test]
fn no_changed_bit_in_the_settings_of_a_turtle_is_missed() {
    for home in ["engines/12.0.0--basic/basic", "engines/10.0.0--basic/basic"] {
        let temp = tempfile::tempdir().unwrap();
        let copy = temp.path().join("home");
        copy_dir(&real(home), &copy);
        let file = copy.join(home_turtle::FILE_NAME);
        let good = std::fs::read(&file).unwrap();
        let turtle = home_turtle::parse(&good).unwrap();
        let config = Config::parse(&turtle.metadata).unwrap();
        let of_checkpoint: Vec<(usize, usize)> = config
            .entries()
            .iter()
            .filter(|e| e.key.starts_with("checkpoint") && !e.value.text.is_empty())
            .map(|e| {
                let at = e.value.text.as_ptr().addr() - turtle.metadata.as_ptr().addr();
                (turtle.metadata_at + at, turtle.metadata_at + at + e.value.text.len())
            })
            .collect();
        let (mut tried, mut missed) = (0, Vec::new());
        for at in turtle.metadata_at..good.len() {
            // Names, times and sizes of the checkpoint are the cookie's business.
            if of_checkpoint.iter().any(|(from, to)| (*from..*to).contains(&at)) {
                continue;
            }
            for bit in [0, 2, 5, 6, 7] {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                std::fs::write(&file, &bytes).unwrap();
                tried += 1;
                let read = Home::open(&copy, directory::Options::default()).unwrap();
                let told = |i: &Issue| {
                    matches!(i, Issue::TurtleInvalid { .. } | Issue::TurtleDiffers { .. } | Issue::TurtleStale { .. })
                };
                if !read.issues.iter().any(told) {
                    missed.push((
                        at,
                        bit,
                        String::from_utf8_lossy(&bytes[at.saturating_sub(12)..(at + 12).min(bytes.len())]).into_owned(),
                    ));
                }
            }
        }
        assert!(tried > 4000, "{tried}");
        assert!(missed.is_empty(), "{home}: {} of {tried}: {:?}", missed.len(), &missed[..missed.len().min(20)]);
    }
}

/// A home inside a home, a copy of a file in a folder, and what else may lie about.
#[test]
fn what_does_not_belong_to_a_home_is_no_error_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(&real("cases/homes/mongo-clean"), &home);
    copy_dir(&real("engines/12.0.0--basic/basic"), &home.join("_tmp/spilldb"));
    std::fs::create_dir(home.join("backup")).unwrap();
    let one = "collection-0-1111222233334444555.wt";
    std::fs::copy(home.join(one), home.join("backup").join(one)).unwrap();
    std::fs::copy(home.join("WiredTiger.wt"), home.join("WiredTiger.wt.orig")).unwrap();
    std::fs::write(home.join("notes.txt"), b"mine").unwrap();
    let (code, document) = audit(&home, &["--deep"]);
    assert_eq!(code, 0, "{:?}", findings(&document));
    assert!(
        findings(&document).iter().any(|f| f.starts_with("note file-unlisted backup/")),
        "{:?}",
        findings(&document)
    );
}

/// A bit of a settings file or of a backup's list: the engine refuses the directory.
#[test]
fn texts_without_a_checksum_are_read_as_the_engine_reads_them() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    for (case, file, from, to) in [
        ("engines/12.0.0--log-crash1/log-crash1", "WiredTiger.basecfg", "log=(", "log\u{1a}("),
        ("engines/12.0.0--log-crash1/log-crash1", "WiredTiger.basecfg", "version=(major=12,", "vers9on=(major=12,"),
        ("engines/12.0.0--log-crash1/log-crash1", "WiredTiger.basecfg", ")\n", ")"),
        ("cases/engines/partial-backup", "WiredTiger.backup", "value_format=S", "valua_format=S"),
        ("cases/engines/partial-backup", "WiredTiger.backup", "cache_resident=false", "cache_resident=falsa"),
        ("cases/engines/partial-backup", "WiredTiger.backup", "colgroup:a\n", "colgroup:a\0"),
    ] {
        let _ = std::fs::remove_dir_all(&home);
        copy_dir(&real(case), &home);
        let at = home.join(file);
        let text = std::fs::read_to_string(&at).unwrap();
        let place = if from == ")\n" { text.rfind(from) } else { text.find(from) }
            .unwrap_or_else(|| panic!("{case} {from}: {text}"));
        let changed = format!("{}{to}{}", &text[..place], &text[place + from.len()..]);
        std::fs::write(&at, changed).unwrap();
        let (code, document) = audit(&home, &[]);
        let wanted = format!("error configuration-invalid {file}");
        assert!(code == 1 && findings(&document).contains(&wanted), "{case} {to:?}: {code} {:?}", findings(&document));
    }
}

/// The turtle of a home of every release, lost and planned anew. What the repaired home is, the engine has said of
/// such homes: it opens them, and every table verifies.
#[test]
fn a_lost_turtle_comes_back_for_every_release_that_left_a_copy() {
    let run = |args: &[&str]| {
        let out = Command::new(program()).args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
    };
    for set in dirs(&real("engines")) {
        let name = set.file_name().unwrap().to_string_lossy().into_owned();
        let (release, variant) = name.split_once("--").unwrap();
        if !["basic", "log-crash1", "ts-crash1", "comp-mixed"].contains(&variant) {
            continue;
        }
        let temp = tempfile::tempdir().unwrap();
        let [home, plan, new] = ["home", "plan.yaml", "new"].map(|n| temp.path().join(n));
        copy_dir(&dirs(&set).pop().unwrap(), &home);
        std::fs::remove_file(home.join(home_turtle::FILE_NAME)).unwrap();
        let (code, out, err) = run(&["repair", "plan", path(&home), "-o", path(&plan)]);
        if release == "2.9.3" {
            assert!(code == 0 && !plan.exists(), "{name}: {code} {err}");
            assert!(out.contains("left no copy of its checkpoint"), "{name}: {out}");
            continue;
        }
        assert!(code == 1 && plan.exists(), "{name}: {code} {out}{err}");
        let (code, out, err) = run(&["repair", "apply", path(&plan), "--output", path(&new)]);
        assert_eq!(code, 4, "{name}: {out}{err}");
        let (code, document) = audit(&new, &["--deep"]);
        assert_eq!(code, 0, "{name}: {:?}", findings(&document));
        let text = std::fs::read_to_string(new.join(home_turtle::FILE_NAME)).unwrap();
        let turtle = home_turtle::parse(text.as_bytes()).unwrap();
        assert!(turtle.version_string.contains(release), "{name}: {text}");
    }
}
