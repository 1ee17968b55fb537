//! `wtcheck export`: the tables hold the same whatever the shards, the format and the number of threads, a
//! shard that fails can be run again alone, and the audit in SQL over them comes to what `wtcheck audit`
//! does. The engine is DuckDB, through Python (`python3 -m pip install duckdb`): these tests are ignored unless
//! asked for, by `-- --include-ignored` as .ci/run does. `WTCHECK_PYTHON` names the interpreter.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::common::faults;
use crate::common::{copy_dir, fixture, path, real, samples, wtcheck};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wtcheck::export::table::{Kind, TABLES};

/// The fixtures: PALite of three generations, whole and damaged, and PALM.
fn homes(temp: &Path) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = samples(&fixture("palite")).into_iter().map(|(_, home, _)| home).collect();
    let palm = temp.join("palm");
    let bytes = crate::common::palm_data();
    fs::create_dir_all(palm.join("kv_home")).unwrap();
    fs::write(palm.join("kv_home/data.mdb"), bytes).unwrap();
    homes.push(palm);
    assert!(homes.len() > 5);
    homes
}

fn export(home: &Path, out: &Path, more: &[&str]) {
    let args = [&["export", path(home), "--out", path(out)], more].concat();
    let (code, _, stderr) = wtcheck(&args);
    assert_eq!(code, 0, "{args:?}: {stderr}");
}

/// The files of a table.
fn files(out: &Path, table: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for shard in fs::read_dir(out.join(table)).unwrap() {
        found.extend(fs::read_dir(shard.unwrap().path()).unwrap().map(|e| e.unwrap().path()));
    }
    found.sort();
    found
}

/// The lines of each table of an export in JSON lines, sorted.
fn lines(out: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let of = |table: &str| {
        let mut all: Vec<String> = Vec::new();
        for file in files(out, table) {
            assert_eq!(file.extension().unwrap(), "jsonl");
            all.extend(fs::read_to_string(file).unwrap().lines().map(str::to_string));
        }
        all.sort_unstable();
        all
    };
    TABLES.iter().map(|(table, _)| (*table, of(table))).collect()
}

#[test]
fn seven_shards_hold_the_rows_of_one() {
    let unpacked = tempfile::tempdir().unwrap();
    for home in homes(unpacked.path()) {
        let temp = tempfile::tempdir().unwrap();
        let (one, seven) = (temp.path().join("one"), temp.path().join("seven"));
        export(&home, &one, &["--format", "jsonl"]);
        for index in [4, 1, 7, 2, 6, 3, 5] {
            let shard = format!("{index}/7");
            export(&home, &seven, &["--format", "jsonl", "--shard", &shard, "--jobs", "1"]);
        }
        let one = lines(&one);
        assert_eq!(one, lines(&seven), "{}", home.display());
        assert!(one["versions"].len() > 40 && one["edges"].len() > 5 && !one["roots"].is_empty());
        let mut unique = one["versions"].clone();
        unique.dedup();
        assert_eq!(unique.len(), one["versions"].len(), "no row is there twice");
        // Shards are parts, not copies.
        for table in ["versions", "edges"] {
            let sizes: Vec<usize> =
                files(&seven, table).iter().map(|f| fs::read_to_string(f).unwrap().lines().count()).collect();
            assert!(sizes.iter().all(|n| *n < one[table].len()), "{table}: {sizes:?}");
        }
    }
}

#[test]
fn every_line_has_every_column_and_every_row_of_the_store_is_there() {
    let unpacked = tempfile::tempdir().unwrap();
    for home in homes(unpacked.path()) {
        let temp = tempfile::tempdir().unwrap();
        let out = temp.path().join("out");
        export(&home, &out, &["--format", "jsonl"]);
        let all = lines(&out);
        for (table, columns) in TABLES {
            for line in &all[table] {
                let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
                assert_eq!(row.len(), columns.len(), "{line}");
                for column in *columns {
                    let value = &row[column.name];
                    let fits = match column.kind {
                        Kind::Number => value.is_i64(),
                        Kind::Flag => value.is_boolean(),
                        Kind::Text => value.is_string(),
                    };
                    assert!(fits || (column.optional && value.is_null()), "{table}.{}: {line}", column.name);
                }
            }
        }
        let (_, audit, _) = wtcheck(&["audit", path(&home), "--format", "json"]);
        let audit: serde_json::Value = serde_json::from_str(&audit).unwrap();
        assert_eq!(audit["store"]["rows"].as_u64(), Some(all["versions"].len() as u64));
        assert_eq!(audit["store"]["completions"].as_u64(), Some(all["completions"].len() as u64));
        let number = |line: &String, name: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()[name].as_u64().unwrap()
        };
        let bytes: u64 = all["versions"].iter().map(|l| number(l, "bytes")).sum();
        assert_eq!(audit["store"]["bytes"].as_u64(), Some(bytes));
        let generation = audit["store"]["generation"].as_str().unwrap();
        let named = format!("\"generation\":{generation:?}");
        assert!(all.values().flatten().all(|l| l.contains(&named)), "each row says its generation");
    }
}

/// A Parquet file, read by the crate's own reader, holds what the JSON lines hold.
#[cfg(feature = "parquet")]
#[test]
fn parquet_and_json_lines_hold_the_same() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let unpacked = tempfile::tempdir().unwrap();
    for home in homes(unpacked.path()) {
        let temp = tempfile::tempdir().unwrap();
        let (json, columns) = (temp.path().join("json"), temp.path().join("columns"));
        export(&home, &json, &["--format", "jsonl"]);
        export(&home, &columns, &["--shard", "1/1"]);
        let json = lines(&json);
        for (table, _) in TABLES {
            let mut rows = Vec::new();
            for file in files(&columns, table) {
                let reader = SerializedFileReader::new(fs::File::open(file).unwrap()).unwrap();
                for row in reader.get_row_iter(None).unwrap() {
                    let fields: Vec<String> = row
                        .unwrap()
                        .get_column_iter()
                        .map(|(name, field)| match field {
                            Field::Null => format!("\"{name}\":null"),
                            Field::Bool(b) => format!("\"{name}\":{b}"),
                            Field::Long(n) => format!("\"{name}\":{n}"),
                            Field::Str(text) => format!("\"{name}\":{}", serde_json::to_string(text).unwrap()),
                            other => panic!("{name}: {other:?}"),
                        })
                        .collect();
                    rows.push(format!("{{{}}}", fields.join(",")));
                }
            }
            rows.sort_unstable();
            assert_eq!(rows, json[table], "{}: {table}", home.display());
        }
    }
}

#[test]
fn a_shard_that_fails_is_named_and_mended_by_running_it_again() {
    let home = fixture("palite/2026-07-leak-full");
    let temp = tempfile::tempdir().unwrap();
    let (one, set) = (temp.path().join("one"), temp.path().join("set"));
    export(&home, &one, &["--format", "jsonl"]);
    fs::create_dir(&set).unwrap();
    let shard = |index: u32| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        let shard = format!("{index}/3");
        command.arg("export").arg(&home).arg("-o").arg(&set);
        command.args(["--format", "jsonl", "-q", "--jobs", "1", "--shard", &shard]);
        command
    };
    let manifest = set.join("_manifest/shard-00002-of-00003.json");
    for index in [1, 3] {
        assert!(shard(index).output().unwrap().status.success());
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let faults = faults::Faults::build();
        // Each call that changes a file fails in turn: whatever it was, the shard is there whole or not at all.
        let mut failed = 0;
        for at in 1.. {
            let done = faults.run(&mut shard(2), &[&set], faults::Mode::Error(faults::ENOSPC), at);
            if !done.hit() {
                assert_eq!(done.code, Some(0), "{}", done.stderr);
                break;
            }
            let call = done.calls.last().unwrap().to_string();
            if done.code == Some(0) {
                // Something that did not matter, such as taking away what was temporary.
                assert!(manifest.exists(), "{call}");
                fs::remove_file(&manifest).unwrap();
                continue;
            }
            failed += 1;
            assert_eq!(done.code, Some(6), "{call}: {}", done.stderr);
            assert!(done.stderr.contains("shard 2/3") && done.stderr.contains("--shard 2/3"), "{}", done.stderr);
            assert!(!manifest.exists(), "{call}");
        }
        assert!(failed > 10, "{failed} calls failed");
        fs::remove_file(&manifest).unwrap();
    }
    let (code, out, _) = wtcheck(&["export", path(&home), "-o", path(&set), "--format", "jsonl", "--shard", "3/3"]);
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["missing_shards"], serde_json::json!([2]));
    export(&home, &set, &["--format", "jsonl", "--shard", "2/3"]);
    assert_eq!(lines(&set), lines(&one));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let home = fixture("palite/2026-07-leak-full");
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    export(&home, &out, &["--shard", "1/3"]);
    let refuse = |home: &Path, out: &Path, more: &[&str], code: i32, words: &str| {
        let args = [&["export", path(home), "--out", path(out)], more].concat();
        let (found, stdout, stderr) = wtcheck(&args);
        assert_eq!((found, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    };
    refuse(&home, &out, &["--shard", "2/4"], 3, "holds shard 1/3, of a set with a different number of shards");
    refuse(&home, &out, &["--shard", "2/3", "--table", "acc*"], 3, "of other tables");
    refuse(&fixture("palite/2026-02-double-root"), &out, &["--shard", "2/3"], 3, "of another store");
    refuse(&home, &out, &["--shard", "4/3"], 2, "is not a shard");
    refuse(&home, &temp.path().join("other"), &["--table", "nothing*"], 2, "no tree matches");
    assert!(!temp.path().join("other").exists());
    let foreign = temp.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter"), "dear").unwrap();
    refuse(&home, &foreign, &[], 3, "is not an export");
    let copy = temp.path().join("copy");
    copy_dir(&home, &copy);
    refuse(&copy, &copy.join("kv_home/tables"), &[], 2, "is inside the directory to be exported");
    refuse(&fixture("local/lost-extent"), &temp.path().join("local"), &[], 3, "only page logs are exported");
    // A shard that is there is replaced, also after the store went on.
    export(&home, &out, &["--shard", "1/3"]);
    fs::write(out.join("_manifest/shard-00001-of-00003.json"), "{").unwrap();
    refuse(&home, &out, &["--shard", "2/3"], 3, "manifest cannot be read");
}

#[test]
fn one_tree_alone() {
    let home = fixture("palite/2026-07-leak-full");
    let temp = tempfile::tempdir().unwrap();
    let (all, some) = (temp.path().join("all"), temp.path().join("some"));
    export(&home, &all, &["--format", "jsonl"]);
    export(&home, &some, &["--format", "jsonl", "--table", "accounts*"]);
    let (all, some) = (lines(&all), lines(&some));
    let table = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["table_id"].as_u64().unwrap();
    let mut tables: Vec<u64> = some["versions"].iter().map(table).collect();
    tables.sort_unstable();
    tables.dedup();
    assert_eq!(tables, [2, 10, 25, 26], "turtle pages, shared metadata, the tree, keys");
    let expected: Vec<&String> = all["versions"].iter().filter(|l| tables.contains(&table(l))).collect();
    assert_eq!(some["versions"].iter().collect::<Vec<_>>(), expected);
    for (root, whole) in some["roots"].iter().zip(&all["roots"]) {
        let taken = root.contains("accounts00") || root.contains("WiredTigerShared.wt");
        let flag = if taken { "true" } else { "false" };
        assert_eq!(*root, whole.replace("\"exported\":true", &format!("\"exported\":{flag}")));
    }
    assert_eq!(some["roots"].len(), all["roots"].len());
    assert_eq!(some["completions"], all["completions"]);
}

/// No key or value of the user is in the tables.
#[test]
fn nothing_of_the_user_is_exported() {
    let home = fixture("palite/2026-07-leak-full");
    let temp = tempfile::tempdir().unwrap();
    export(&home, &temp.path().join("out"), &["--format", "jsonl"]);
    for (_, list) in lines(&temp.path().join("out")) {
        for line in list {
            let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
            for (name, value) in row.iter().filter(|(_, v)| v.is_string()) {
                let text = value.as_str().unwrap();
                let known =
                    ["generation", "kind", "page_type", "cell_type", "uri", "checkpoint"].contains(&name.as_str());
                assert!(known || text.bytes().all(|b| b.is_ascii_hexdigit()), "{name}: {text}");
            }
        }
    }
}

/// The interpreter with DuckDB.
pub fn duckdb() -> String {
    let python = std::env::var("WTCHECK_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|o| o.status.success());
    assert!(there, "{python} has no module duckdb: python3 -m pip install duckdb");
    python
}

/// Run sql/compare.py over directories that can be audited.
fn compare(homes: &[PathBuf], more: &[&str]) {
    let python = duckdb();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/compare.py");
    let out = Command::new(python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script)
        .args(["--wtcheck", env!("CARGO_BIN_EXE_wtcheck")])
        .args(more)
        .args(homes)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(text.lines().filter(|l| l.ends_with(": the same")).count(), homes.len(), "{text}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn sql_comes_to_what_the_audit_does_on_fixtures() {
    let temp = tempfile::tempdir().unwrap();
    let homes = homes(temp.path());
    compare(&homes, &[]);
    compare(&homes, &["--shards", "3", "--format", "jsonl"]);
    // As dumps of a page service, a file of a table a shard, without gathering them.
    let palite: Vec<PathBuf> = homes.into_iter().filter(|h| h.join("kv_home/checkpoints.db").exists()).collect();
    assert!(palite.len() >= 4, "{palite:?}");
    compare(&palite, &["--as-dumps"]);
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn sql_comes_to_what_the_audit_does_on_some_trees() {
    let names = ["2025-11-bitflip-missing-delta", "2026-02-double-root", "2026-07-leak-full"];
    let homes: Vec<PathBuf> = names.iter().map(|name| fixture(&format!("palite/{name}"))).collect();
    compare(&homes, &["--table", "*00*", "--shards", "2"]);
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn sql_says_what_is_not_in_the_tables() {
    let python = duckdb();
    let temp = tempfile::tempdir().unwrap();
    let (home, out) = (temp.path().join("home"), temp.path().join("out"));
    copy_dir(&fixture("palite/2026-07-leak-full"), &home);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/audit.py");
    let audit = |out: &Path| {
        let mut command = Command::new(&python);
        let done = command.arg(&script).arg(out).args(["--format", "json"]).output().unwrap();
        let texts = [done.stdout, done.stderr].map(|t| String::from_utf8(t).unwrap());
        (done.status.code().unwrap(), texts)
    };
    let refused = |out: &Path, words: &str| {
        let (code, [stdout, stderr]) = audit(out);
        assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    };
    export(&home, &out, &["--shard", "2/3"]);
    refused(&out, "shards are missing: 1/3, 3/3");

    let whole = temp.path().join("whole");
    export(&home, &whole, &[]);
    let (code, [text, stderr]) = audit(&whole);
    assert_eq!((code, stderr.as_str()), (1, ""));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nothing = serde_json::json!({"kind": "palite", "generation": "2026-07", "table": null, "shards": 1,
        "unreadable": 0, "problems": [], "not_supplied": [], "supplied_in_part": []});
    assert_eq!(document["export"], nothing);

    // A file of pages that is gone.
    let kv_home = home.join("kv_home");
    let pages = fs::read_dir(&kv_home).unwrap().map(|e| e.unwrap().path());
    let pages = pages.filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with("pages_")).max().unwrap();
    fs::remove_file(&pages).unwrap();
    let gap = temp.path().join("gap");
    assert_eq!(wtcheck(&["export", path(&home), "--out", path(&gap)]).0, 6);
    let (code, [text, stderr]) = audit(&gap);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let name = pages.file_name().unwrap().to_str().unwrap();
    assert!(code == 6 && stderr.contains(name), "{code} {stderr}");
    assert!(document["export"]["problems"][0].as_str().unwrap().contains(name), "{text}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn sql_comes_to_what_the_audit_does_on_every_sample() {
    let mut homes: Vec<PathBuf> = samples(&real("palite")).into_iter().map(|(_, home, _)| home).collect();
    assert!(homes.len() >= 12);
    let small = real("disagg-small/db");
    homes.extend([small.join("leader"), small.join("follower")]);
    let temp = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(real("disagg-damaged")).unwrap() {
        let variant = entry.unwrap();
        let Ok(bytes) = fs::read(variant.path().join("data.mdb")) else { continue };
        let home = temp.path().join(variant.file_name());
        // Half an environment has no checkpoint to compare.
        if variant.file_name() == "d50-lmdb-truncated" {
            continue;
        }
        fs::create_dir_all(home.join("kv_home")).unwrap();
        fs::write(home.join("kv_home/data.mdb"), bytes).unwrap();
        homes.push(home);
    }
    compare(&homes, &[]);
    compare(&homes, &["--shards", "7"]);
}

/// The README starts them by their names.
#[test]
fn the_scripts_can_be_started() {
    use std::os::unix::fs::PermissionsExt;
    for name in ["audit.py", "compare.py", "check-on-spark"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name);
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o111, 0o111, "{name}");
        assert!(fs::read(&script).unwrap().starts_with(b"#!/usr/bin/env "), "{name}");
    }
}

#[test]
fn the_columns_of_the_documentation_are_current() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/README.md");
    let text = fs::read_to_string(&at).unwrap();
    let (head, rest) = text.split_once("<!-- tables -->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- end of tables -->").unwrap();
    let mut tables = String::new();
    for (table, columns) in TABLES {
        tables.push_str(&format!("\n### {table}\n\n| Column | Type | Meaning |\n|---|---|---|\n"));
        for column in *columns {
            let kind = match column.kind {
                Kind::Number => "BIGINT",
                Kind::Flag => "BOOLEAN",
                Kind::Text => "VARCHAR",
            };
            let null = if column.optional { ", may be null" } else { "" };
            tables.push_str(&format!("| `{}` | {kind}{null} | {} |\n", column.name, column.about.trim()));
        }
    }
    let wanted = format!("{head}<!-- tables -->\n{tables}\n<!-- end of tables -->{tail}");
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        fs::write(&at, &wanted).unwrap();
    }
    assert!(fs::read_to_string(&at).unwrap() == wanted, "WTCHECK_UPDATE=1 cargo test --test it export::");
}
