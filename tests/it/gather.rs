//! Dumps of a page service, gathered: an audit of what was gathered is the audit of the store that was dumped; what
//! nobody dumped is not missing; what is damaged is named, and the rest is taken.

use crate::common;
use crate::common::{fixture, path, real, wtcheck};
use base64::Engine as _;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A row of a page log.
#[derive(Debug, Clone)]
struct Row {
    table: u64,
    page: u64,
    lsn: u64,
    backlink: u64,
    base: u64,
    flags: u64,
    data: Vec<u8>,
}

fn rows(home: &Path) -> Vec<Row> {
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&home.join("kv_home"), temp.path());
    let mut out = Vec::new();
    for entry in fs::read_dir(temp.path()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        if !(name.starts_with("pages_") && name.ends_with(".db")) {
            continue;
        }
        let conn = Connection::open(&file).unwrap();
        let sql = "SELECT table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data FROM pages";
        let Ok(mut statement) = conn.prepare(sql) else { continue };
        let n = |r: &rusqlite::Row<'_>, at: usize| r.get::<_, i64>(at).map(i64::cast_unsigned);
        let row = |r: &rusqlite::Row<'_>| {
            Ok(Row {
                table: n(r, 0)?,
                page: n(r, 1)?,
                lsn: n(r, 2)?,
                backlink: n(r, 3)?,
                base: n(r, 4)?,
                flags: n(r, 5)?,
                data: r.get::<_, Option<Vec<u8>>>(6)?.unwrap_or_default(),
            })
        };
        out.extend(statement.query_map([], row).unwrap().map(Result::unwrap));
    }
    out
}

fn completion(home: &Path) -> String {
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&home.join("kv_home"), temp.path());
    let conn = Connection::open(temp.path().join("checkpoints.db")).unwrap();
    let sql = "SELECT checkpoint_metadata FROM checkpoints ORDER BY lsn DESC LIMIT 1";
    let text: Vec<u8> = conn.query_row(sql, [], |r| r.get(0)).unwrap();
    String::from_utf8(text).unwrap()
}

fn kind(row: &Row) -> u64 {
    if row.flags & 0x1_0000 != 0 {
        2
    } else if row.flags & 2 != 0 {
        0
    } else {
        1
    }
}

/// A line of a table dump.
fn line(page: u64, rows: &[&Row], seed: usize) -> String {
    let entry = |row: &&Row| {
        let boxed = |kind: &str, n: u64| json!({ "val": { kind: n } });
        let mut metadata = serde_json::Map::new();
        metadata.insert("flags".into(), boxed("IntVal", kind(row)));
        metadata.insert("table_id".into(), boxed("IntVal", row.table));
        metadata.insert("page_id".into(), boxed("LongVal", row.page));
        metadata.insert("backlink_lsn".into(), boxed("LongVal", row.backlink));
        metadata.insert("is_encrypted".into(), json!({ "val": { "BoolVal": false } }));
        metadata.insert("queue_time".into(), json!({ "val": null }));
        if kind(row) != 1 {
            metadata.insert("base_lsn".into(), boxed("LongVal", row.base));
        }
        // Bytes as numbers or as base64.
        let bytes = match (row.lsn as usize + seed) % 2 {
            0 => json!(row.data),
            _ => json!(base64::engine::general_purpose::STANDARD.encode(&row.data)),
        };
        json!({ "lsn": { "domain_id": 1, "lsn": row.lsn }, "entry_type": 3, "metadata": metadata, "entry": bytes,
                "previous_lsn": row.lsn.saturating_sub(1) })
    };
    json!({ "page_id": page, "entries": rows.iter().rev().map(entry).collect::<Vec<_>>() }).to_string()
}

/// The tables of a store as lines, in an order that is not that of the pages.
fn lines(rows: &[Row], seed: usize) -> BTreeMap<u64, Vec<String>> {
    let mut pages: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| pages.entry((row.table, row.page)).or_default().push(row));
    let mut out: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for ((table, page), mut rows) in pages {
        rows.sort_by_key(|r| r.lsn);
        out.entry(table).or_default().push(line(page, &rows, seed));
    }
    out.values_mut().for_each(|lines| {
        let by = seed % lines.len();
        lines.rotate_left(by);
    });
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

fn write(dir: &Path, tables: &BTreeMap<u64, Vec<String>>, packing: Packing) {
    fs::create_dir_all(dir).unwrap();
    for (table, lines) in tables {
        let text = lines.join("\n") + "\n";
        let (end, bytes) = match packing {
            Packing::Plain => ("jsonl", text.into_bytes()),
            Packing::Gzip => {
                let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gz.write_all(text.as_bytes()).unwrap();
                ("jsonl.gz", gz.finish().unwrap())
            }
            Packing::Zstd => ("jsonl.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        };
        fs::write(dir.join(format!("table_{table}.{end}")), bytes).unwrap();
    }
}

fn audit(dir: &Path) -> Value {
    let (_, out, err) = wtcheck(&["audit", path(dir), "--format", "json"]);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {err}"))
}

/// What of an audit does not hang on the files the rows lie in, nor on records that no dump holds.
fn essence(audit: &Value) -> Value {
    let codes = ["store-damaged", "completion-missing", "completion-invalid", "lsn-counter-behind"];
    let finding = |f: &Value| {
        let mut place = f["place"].clone();
        if let Some(place) = place.as_object_mut() {
            place.remove("file");
        }
        json!([f["code"], f["severity"], place["uri"], place["table_id"], place["page_id"]])
    };
    let findings: BTreeSet<String> = audit["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| !codes.contains(&f["code"].as_str().unwrap()))
        .map(|f| finding(f).to_string())
        .collect();
    // Older records are in no dump, nor are their numbers.
    let fell_back = audit["findings"].as_array().unwrap().iter().any(|f| f["code"] == "turtle-checksum");
    json!({
        "trees": audit["trees"], "versions": audit["versions"], "orphans": audit["orphans"], "findings": findings,
        "keys": audit["keystore"]["pages"], "metadata_lsn": audit["checkpoint"]["metadata_lsn"],
        "database": if fell_back { Value::Null } else { audit["database"]["published_size"].clone() },
    })
}

/// PALite homes whose newest record is the one that is audited, and has a single checkpoint's history to compare.
fn samples() -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = Vec::new();
    for base in [fixture("palite"), real("palite")] {
        for entry in fs::read_dir(base).unwrap() {
            let at = entry.unwrap().path();
            if at.join("kv_home/checkpoints.db").is_file() {
                out.push(at);
            }
        }
    }
    out.sort();
    out
}

#[test]
fn an_audit_of_what_was_gathered_is_that_of_the_store() {
    let mut compared = 0;
    for (at, sample) in samples().into_iter().enumerate() {
        let label = sample.display().to_string();
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(&sample, &home);
        let wanted = audit(&home);
        let text = completion(&home);
        let tables = lines(&rows(&home), at);
        let packing = [Packing::Plain, Packing::Gzip, Packing::Zstd][at % 3];
        let dumps = temp.path().join("dumps");
        write(&dumps, &tables, packing);
        let out = temp.path().join("gathered");
        let args = ["gather", path(&dumps), "--output", path(&out), "--checkpoint-meta", &text];
        let (code, said, err) = wtcheck(&args);
        assert_eq!(code, 0, "{label}: {said}{err}");
        let found = audit(&out);
        assert_eq!(essence(&found), essence(&wanted), "{label}");
        // Twice the same, file by file: nothing new, nothing in conflict.
        let files: Vec<PathBuf> = fs::read_dir(&dumps).unwrap().map(|e| e.unwrap().path()).collect();
        // Read directly, as a directory or file by file.
        let named: Vec<&str> = files.iter().map(|f| path(f)).collect();
        for dumps in [&[path(&dumps)][..], &named] {
            let args = [&["audit"][..], dumps, &["--checkpoint-meta", &text, "--format", "json"]].concat();
            let (_, said, err) = wtcheck(&args);
            let direct: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{label}: {e}: {err}"));
            assert_eq!(essence(&direct), essence(&wanted), "{label}");
            assert_eq!(direct["exit_code"], found["exit_code"], "{label}");
        }
        let again = temp.path().join("again");
        let mut args = vec!["gather", "--output", path(&again), "--checkpoint-meta", &text];
        args.extend(files.iter().chain(&files).map(|f| path(f)));
        let (code, said, err) = wtcheck(&args);
        assert_eq!(code, 0, "{label}: {said}{err}");
        assert_eq!(essence(&audit(&again)), essence(&wanted), "{label}");
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn a_table_that_nobody_dumped_is_not_missing() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let (text, tables) = (completion(&home), lines(&rows(&home), 3));
    assert_eq!(audit(&home)["exit_code"], 0);
    for left_out in tables.keys() {
        let mut some = tables.clone();
        some.remove(left_out);
        let dumps = temp.path().join(format!("dumps{left_out}"));
        write(&dumps, &some, Packing::Plain);
        let out = temp.path().join(format!("out{left_out}"));
        let (code, said, err) = wtcheck(&["gather", path(&dumps), "--output", path(&out), "--checkpoint-meta", &text]);
        assert_eq!(code, 0, "{said}{err}");
        let found = audit(&out);
        let named: Vec<&Value> =
            found["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "note").collect();
        assert!(named.is_empty(), "without table {left_out}: {named:?}");
        assert_eq!(found["exit_code"], 6, "without table {left_out}");
        let (_, said, _) = wtcheck(&["audit", path(&out)]);
        let request = format!("GetTableAtLSN {{log_id: 1, table_id: {left_out},");
        assert!(said.contains(&request), "without table {left_out}: {said}");
    }
    // All of it, and the newest turtle page instead of a record.
    let dumps = temp.path().join("all");
    write(&dumps, &tables, Packing::Gzip);
    let (code, said, err) = wtcheck(&["audit", path(&dumps)]);
    assert_eq!(code, 0, "{said}{err}");
    assert!(said.contains(path(&dumps)), "{said}");
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_taken() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let tables = lines(&rows(&home), 0);
    let whole: usize = rows(&home).len();
    let first = tables.values().flatten().next().unwrap().clone();
    for (bad, words) in [
        ("{\"page_id\":100,\"entries\":[".to_string(), "is not JSON"),
        ("{\"page_id\":7594298019588079617.0,\"entries\":[]}".into(), "integer"),
        (
            {
                let mut other: Value = serde_json::from_str(&first).unwrap();
                other["page_id"] = json!(987_654);
                other.to_string()
            },
            "has an entry for page",
        ),
        (
            first.replacen(
                "\"flags\":{\"val\":{\"IntVal\":",
                "\"flags\":{\"val\":null},\"x\":{\"val\":{\"IntVal\":",
                1,
            ),
            "has no flags",
        ),
        ("[1,2,3]".into(), "is not JSON"),
        (
            {
                let mut twice: Value = serde_json::from_str(&first).unwrap();
                let entries = twice["entries"].as_array_mut().unwrap();
                entries.push(entries[0].clone());
                twice.to_string()
            },
            "has two entries at LSN",
        ),
        (tables.values().nth(1).unwrap()[0].clone(), "in a dump of table"),
        (first.replacen("\"entry\":", "\"entry\":null,\"x\":", 1), "has no entry"),
        ("[".repeat(100_000), "is not JSON"),
        ("{\"page_id\":1,\"entries\":[{\"lsn\":{\"lsn\":5},\"entry\":[256]}]}".into(), "u8"),
    ] {
        let mut some = tables.clone();
        some.values_mut().next().unwrap().push(bad.clone());
        let dumps = temp.path().join("dumps");
        let out = temp.path().join("out");
        let _ = fs::remove_dir_all(&dumps);
        let _ = fs::remove_dir_all(&out);
        write(&dumps, &some, Packing::Plain);
        let (code, said, err) = wtcheck(&["gather", path(&dumps), "--output", path(&out), "--format", "json"]);
        assert_eq!(code, 6, "{words}: {said}{err}");
        let report: Value = serde_json::from_str(&said).unwrap();
        let notes = report["gathered"]["notes"].as_array().unwrap();
        assert!(notes.iter().any(|n| n.as_str().unwrap().contains(words)), "{words}: {notes:?}");
        let taken: u64 =
            report["gathered"]["tables"].as_object().unwrap().values().map(|t| t["entries"].as_u64().unwrap()).sum();
        assert_eq!(taken as usize, whole, "{words}");
    }
    // The end of a checkpoint is no version of a page, and nothing is missing for it; what is not known may be anything.
    for (kind, code) in [(3, 0), (99, 6)] {
        let mut some = tables.clone();
        let line = some.get_mut(&25).unwrap().first_mut().unwrap();
        let mut page: Value = serde_json::from_str(line).unwrap();
        let mut entry = page["entries"][0].clone();
        entry["lsn"]["lsn"] = json!(rows(&home).iter().map(|r| r.lsn).max().unwrap() + 5);
        entry["metadata"]["flags"] = json!({ "val": { "IntVal": kind } });
        page["entries"].as_array_mut().unwrap().push(entry);
        *line = page.to_string();
        let dumps = temp.path().join(format!("kind{kind}"));
        write(&dumps, &some, Packing::Plain);
        let (found, said, err) = wtcheck(&["audit", path(&dumps), "--checkpoint-meta", &completion(&home)]);
        assert_eq!(found, code, "{kind}: {said}{err}");
    }
    // A bomb: a line of 300 MB in a file of 300 KB.
    let bomb = temp.path().join("bomb");
    write(&bomb, &tables, Packing::Plain);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..300 {
        gz.write_all(&[b' '; 1 << 20]).unwrap();
    }
    gz.write_all(b"\n").unwrap();
    gz.write_all(first.as_bytes()).unwrap();
    fs::write(bomb.join("z.jsonl.gz"), gz.finish().unwrap()).unwrap();
    let out = temp.path().join("bombed");
    let (code, said, err) = wtcheck(&["gather", path(&bomb), "--output", path(&out)]);
    assert!(code == 6 && said.contains("is longer than") && said.contains("1 piece"), "{code} {said}{err}");
    // A contradiction is named, and what came first stays.
    let mut other = tables.clone();
    let lines = other.values_mut().next().unwrap();
    lines[0] =
        lines[0].replacen("\"backlink_lsn\":{\"val\":{\"LongVal\":", "\"backlink_lsn\":{\"val\":{\"LongVal\":1", 1);
    let (a, b, out) = (temp.path().join("a"), temp.path().join("b"), temp.path().join("merged"));
    write(&a, &tables, Packing::Plain);
    write(&b, &other, Packing::Plain);
    let (code, said, err) = wtcheck(&["gather", path(&a), path(&b), "--output", path(&out)]);
    assert!(code == 1 && said.contains("contradict") && said.contains("the block before it"), "{code} {said}{err}");
    // What two dumps differ in makes neither clean.
    let (code, said, err) = wtcheck(&["audit", path(&out)]);
    assert!(
        code == 6 && said.contains("versions that two dumps differ in") && said.contains("the block before it"),
        "{code} {said}{err}"
    );
    // A byte order mark is none of the text, and a stream that is cut gives its lines before the cut.
    let marked = temp.path().join("marked");
    write(&marked, &tables, Packing::Plain);
    let text = completion(&home);
    let file = marked.join("table_25.jsonl");
    let lines = fs::read(&file).unwrap();
    fs::write(&file, [&[0xef, 0xbb, 0xbf], &lines[..]].concat()).unwrap();
    assert_eq!(wtcheck(&["audit", path(&marked), "--checkpoint-meta", &text]).0, 0);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&lines).unwrap();
    let packed = gz.finish().unwrap();
    fs::remove_file(&file).unwrap();
    for keep in [packed.len() - 300, packed.len() / 2, 200] {
        fs::write(marked.join("table_25.jsonl.gz"), &packed[..keep]).unwrap();
        let args = ["audit", path(&marked), "--checkpoint-meta", &text, "--format", "json"];
        let (code, said, err) = wtcheck(&args);
        let found: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {err}"));
        let bad = |f: &&Value| f["severity"] != "note";
        assert_eq!((code, found["findings"].as_array().unwrap().iter().find(bad)), (6, None), "{keep} bytes: {said}");
        assert!(keep == 200 || found["store"]["rows"].as_u64().unwrap() as usize > whole / 2, "{keep} bytes");
    }
    // Read directly, damage is told as well, and nothing is clean.
    let (code, said, err) = wtcheck(&["audit", path(&temp.path().join("dumps"))]);
    assert!(code == 6 && said.contains("damaged pieces of the dumps"), "{code} {said}{err}");
    // What is no dump.
    fs::write(temp.path().join("x.jsonl"), "hello\n").unwrap();
    let none = temp.path().join("none");
    let (code, _, err) = wtcheck(&["gather", path(&temp.path().join("x.jsonl")), "--output", path(&none)]);
    assert!(code == 6 && err.trim_end().lines().count() <= 1, "{code} {err}");
}

#[test]
fn encrypted_blocks_are_judged_by_nobody() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-leak-full"), &home);
    let text = completion(&home);
    let plain = rows(&home);
    let mask = 0x80;
    let encrypted: Vec<Row> = plain
        .iter()
        .map(|row| {
            let mut data = row.data.clone();
            if !data.is_empty() {
                data = [&[0x60, 0xae, 0x6e, 0x6c][..], &[1; 57], &data.iter().map(|b| b ^ mask).collect::<Vec<_>>()]
                    .concat();
            }
            Row { data, ..row.clone() }
        })
        .collect();
    let dumps = temp.path().join("dumps");
    write(&dumps, &lines(&encrypted, 1), Packing::Plain);
    let out = temp.path().join("out");
    let gather = ["gather", path(&dumps), "--checkpoint-meta", &text, "--output"];
    assert_eq!(wtcheck(&[&gather[..], &[path(&out)]].concat()).0, 0);
    let found = audit(&out);
    assert_eq!(
        (found["exit_code"].as_u64(), found["findings"].as_array().unwrap().len()),
        (Some(6), 0),
        "{}",
        found["findings"]
    );
    let (_, said, err) = wtcheck(&["audit", path(&out)]);
    assert!(said.contains("Not checked: table 10: encrypted by the page service"), "{said}");
    assert!(err.contains("--decrypt"), "{err}");
    // With a program that has the key it is as plain.
    let program = temp.path().join("decrypt.sh");
    let swap = r"LC_ALL=C tr '\000-\177\200-\377' '\200-\377\000-\177'";
    fs::write(&program, format!("base64 -d \"$1\" | tail -c +62 | {swap} > \"$2\"\n")).unwrap();
    let command = format!("sh {} {{in}} {{out}} {{table}} {{page}} {{lsn}}", path(&program));
    let decrypted = temp.path().join("decrypted");
    let (code, said, err) = wtcheck(&[&gather[..], &[path(&decrypted), "--decrypt", &command]].concat());
    assert_eq!(code, 0, "{said}{err}");
    assert_eq!(essence(&audit(&decrypted)), essence(&audit(&home)));
    // One that fails is named.
    let failed = temp.path().join("failed");
    let (code, said, _) = wtcheck(&[&gather[..], &[path(&failed), "--decrypt", "false {in} {out}"]].concat());
    assert!(code == 6 && said.contains("the decryptor: it ended with"), "{code} {said}");
}

/// The completion record out of a server's log: the newest one that the dumps reach. And a dump from a pipe.
#[test]
fn a_servers_log_and_standard_input() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let (text, tables) = (completion(&home), lines(&rows(&home), 2));
    let (dumps, out, log) = (temp.path().join("dumps"), temp.path().join("out"), temp.path().join("mongod.log"));
    write(&dumps, &tables, Packing::Plain);
    let line = |text: &str| json!({ "t": {"$date": "2026-09-01T00:00:00Z"}, "c": "STORAGE", "attr": { "meta": text } });
    let later = "metadata_lsn=999999999,metadata_checksum=0,database_size=1048576,version=2,compatible_version=1";
    fs::write(&log, format!("{}\n{}\n", line(&text), line(later))).unwrap();
    let args = ["gather", path(&dumps), "--log", path(&log), "--output", path(&out), "--format", "json"];
    let (code, said, err) = wtcheck(&args);
    assert!(
        code == 0 && said.contains("\"checkpoint\":\"server-log\"") || said.contains("\"checkpoint\": \"server-log\""),
        "{code} {said}{err}"
    );
    assert_eq!(essence(&audit(&out)), essence(&audit(&home)));
    let piped = temp.path().join("piped");
    let command = format!(
        "cat {}/*.jsonl | head -n 1 | {} gather - -o {} -q",
        path(&dumps),
        env!("CARGO_BIN_EXE_wtcheck"),
        path(&piped)
    );
    let ran = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // A manifest that cannot be read is an error: without it what nobody supplied would pass for missing.
    for bad in ["{", "{\"version\":99}"] {
        fs::write(piped.join("kv_home/wtcheck-gathered.json"), bad).unwrap();
        let (code, said, err) = wtcheck(&["audit", path(&piped)]);
        assert!(code == 6 && !said.contains("error") && err.contains("wtcheck-gathered.json"), "{code} {said}{err}");
    }
    // Lengths alone are taken, and nothing can be said that stands on bytes.
    let history = temp.path().join("history.jsonl");
    let record = json!({ "lsn": "5", "flags": "FULL_IMAGE", "contentLength": 80 });
    fs::write(&history, json!({ "metadata": [record], "tableId": "2", "pageId": "1" }).to_string()).unwrap();
    let (code, said, err) = wtcheck(&["audit", path(&history)]);
    assert!(
        code == 6 && said.contains("supplied as lengths only") && said.contains("Bytes live"),
        "{code} {said}{err}"
    );
}

/// What a service tells of all pages without their bytes.
fn histories(rows: &[Row], overhead: usize) -> BTreeMap<u64, Vec<String>> {
    let mut pages: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| pages.entry((row.table, row.page)).or_default().push(row));
    let mut out: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for ((table, page), mut rows) in pages {
        rows.sort_by_key(|r| r.lsn);
        let record = |row: &&Row| {
            let stored = if row.data.is_empty() { 0 } else { row.data.len() + overhead };
            let mut out = json!({ "lsn": row.lsn.to_string() });
            for (name, n) in [("backlinkLsn", row.backlink), ("baseLsn", row.base), ("contentLength", stored as u64)] {
                if n != 0 {
                    out[name] = json!(n.to_string());
                }
            }
            if kind(row) > 0 {
                out["flags"] = json!(["DELTA", "FULL_IMAGE", "TOMBSTONE"][kind(row) as usize]);
            }
            out
        };
        let records: Vec<Value> = rows.iter().map(record).collect();
        let line = json!({ "metadata": records, "tableId": table.to_string(), "pageId": page.to_string() });
        out.entry(table).or_default().push(line.to_string());
    }
    out
}

/// Internal pages by their bytes, the rest by its lengths: sums and orphans are those of the store.
#[test]
fn leaves_by_length() {
    let (mut compared, mut orphans) = (0, 0);
    for sample in samples() {
        let label = sample.display().to_string();
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(&sample, &home);
        let wanted = audit(&home);
        let quick = |dir: &Path| {
            let (_, out, err) = wtcheck(&["audit", path(dir), "--quick", "--format", "json"]);
            serde_json::from_str::<Value>(&out).unwrap_or_else(|e| panic!("{label}: {e}: {err}"))
        };
        // What damage of leaves there is only their bytes tell; some samples have no usable checkpoint.
        let damage = |f: &Value| {
            ["page-", "chain-", "cookie-", "child-"].iter().any(|p| f["code"].as_str().unwrap().starts_with(p))
        };
        if wanted["checkpoint"].is_null() || wanted["findings"].as_array().unwrap().iter().any(damage) {
            continue;
        }
        let wanted = quick(&home);
        let (text, all) = (completion(&home), rows(&home));
        let by_key: BTreeMap<(u64, u64, u64), &Row> = all.iter().map(|r| ((r.table, r.page, r.lsn), r)).collect();
        let is_internal = |row: &Row| {
            let base = if kind(row) == 0 { by_key.get(&(row.table, row.page, row.base)) } else { Some(&row) };
            let image = base.and_then(|b| wtcheck::format::image::Image::parse(&b.data, None).ok());
            image.is_some_and(|i| i.page.page_type().is_ok_and(|t| t.is_internal()))
        };
        let heads = [1, 2, 9, 10, 26];
        let bytes: Vec<Row> = all.iter().filter(|r| heads.contains(&r.table) || is_internal(r)).cloned().collect();
        let leaf_roots: BTreeSet<u64> =
            all.iter().map(|r| r.table).filter(|t| !bytes.iter().any(|b| b.table == *t)).collect();
        let bytes: Vec<Row> =
            bytes.into_iter().chain(all.iter().filter(|r| leaf_roots.contains(&r.table)).cloned()).collect();
        for overhead in [0, 74] {
            let dumps = temp.path().join(format!("dumps{overhead}"));
            write(&dumps.join("histories"), &histories(&all, overhead), Packing::Plain);
            write(&dumps.join("bytes"), &lines(&bytes, 1), Packing::Gzip);
            for order in [["histories", "bytes"], ["bytes", "histories"]] {
                let out = temp.path().join(format!("out{overhead}{}", order[0]));
                let [a, b] = order.map(|name| dumps.join(name));
                let args = ["gather", path(&a), path(&b), "--output", path(&out), "--checkpoint-meta", &text];
                let (code, said, err) = wtcheck(&args);
                assert_eq!(code, 0, "{label}: {said}{err}");
                let found = quick(&out);
                assert_eq!(essence(&found), essence(&wanted), "{label}, {overhead} bytes more, {order:?}");
                // Not all of it was read.
                let whole = audit(&out);
                assert!(whole["exit_code"] != 0, "{label}");
                assert_eq!(whole["orphans"], wanted["orphans"], "{label}");
                orphans += wanted["orphans"].as_array().unwrap().len();
            }
        }
        compared += 1;
    }
    assert!(compared >= 10 && orphans > 20, "{compared} {orphans}");
}

/// A service adds to each block what it likes, and not always the same: no length is wrong for that, none is exact.
#[test]
fn lengths_that_differ_by_a_byte() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-leak-full"), &home);
    let (text, all) = (completion(&home), rows(&home));
    // Internal pages and the rest of the tables as they are; of leaves 73 to 75 bytes more.
    let is_leaf = |row: &Row| [25, 41].contains(&row.table) && row.data.get(24) == Some(&7);
    let bytes: Vec<Row> = all.iter().filter(|row| !is_leaf(row)).cloned().collect();
    let varied: Vec<Row> = all
        .iter()
        .map(|row| {
            let more = if is_leaf(row) { row.lsn as usize % 3 } else { 1 };
            let data = if row.data.is_empty() { Vec::new() } else { [&row.data[..], &[0; 2][..more]].concat() };
            Row { data, ..row.clone() }
        })
        .collect();
    let (plain, lengths) = (temp.path().join("plain"), temp.path().join("lengths"));
    write(&plain, &lines(&bytes, 1), Packing::Plain);
    write(&lengths, &histories(&varied, 73), Packing::Plain);
    let args = ["audit", path(&plain), path(&lengths), "--checkpoint-meta", &text, "--format", "json"];
    let found: Value = serde_json::from_str(&wtcheck(&args).1).unwrap();
    let codes = |audit: &Value| -> BTreeSet<String> {
        audit["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_string()).collect()
    };
    let wanted = audit(&home);
    assert_eq!((codes(&found), &found["trees"]), (codes(&wanted), &wanted["trees"]));
    let about = |f: &&Value| f["code"] == "orphan-page" && f["found"].as_str().unwrap().starts_with("about ");
    assert!(found["findings"].as_array().unwrap().iter().any(|f| about(&f)), "{}", found["findings"]);
}

/// Dumps of some tables that are older than the checkpoint: what is newer was not supplied.
#[test]
fn dumps_that_are_older_than_the_checkpoint() {
    for sample in samples() {
        let label = sample.display().to_string();
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(&sample, &home);
        let (text, all) = (completion(&home), rows(&home));
        let codes = |found: &Value| -> BTreeSet<String> {
            let list = found["findings"].as_array().unwrap().iter();
            list.filter(|f| f["severity"] == "error").map(|f| json!([f["code"], f["place"]]).to_string()).collect()
        };
        let own = codes(&audit(&home));
        // Of a store that is damaged an older checkpoint shows other damage.
        if own.iter().any(|code| ["page-", "chain-", "turtle-"].iter().any(|p| code.starts_with(&format!("[\"{p}")))) {
            continue;
        }
        let tables: BTreeSet<u64> = all.iter().map(|r| r.table).collect();
        for table in tables {
            let of_table = |r: &&Row| r.table == table;
            let lsns: BTreeSet<u64> = all.iter().filter(of_table).map(|r| r.lsn).collect();
            let half = *lsns.iter().nth(lsns.len() / 2).unwrap();
            let old: Vec<Row> = all.iter().filter(|r| r.table != table || r.lsn <= half).cloned().collect();
            let dumps = temp.path().join(format!("dumps{table}"));
            write(&dumps, &lines(&old, 1), Packing::Plain);
            let args = ["audit", path(&dumps), "--checkpoint-meta", &text, "--format", "json"];
            let found: Value = serde_json::from_str(&wtcheck(&args).1).unwrap();
            let more: Vec<String> = codes(&found).difference(&own).cloned().collect();
            // What an older metadata says is of an older checkpoint: sizes of the whole go by it.
            assert!(more.is_empty(), "{label}, table {table} up to {half}: {more:?}");
            if half < *lsns.last().unwrap() && found["exit_code"] == 0 {
                assert_eq!(table, 26, "{label}, table {table} up to {half}: clean");
            }
        }
    }
}

/// The roots of the checkpoint before are freed behind the newest one: no orphans, in whatever store.
#[test]
fn what_the_checkpoint_before_needs_is_no_orphan() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    let spec = wtcheck::devtools::forge::Spec { versions: 3000, leaf_bytes: 560, fanout: 20, ..Default::default() };
    wtcheck::devtools::forge::forge(&home, &spec, &|_| ()).unwrap();
    let (text, all) = (completion(&home), rows(&home));
    let lsn: u64 = text.strip_prefix("metadata_lsn=").unwrap().split(',').next().unwrap().parse().unwrap();
    // All there is, all up to the checkpoint, and without the turtle page of the one before.
    let upto: Vec<Row> = all.iter().filter(|r| r.lsn <= lsn).cloned().collect();
    let alone: Vec<Row> = upto.iter().filter(|r| r.table != 2 || r.lsn == lsn).cloned().collect();
    for (name, rows, wanted) in [("all", &all, 0), ("upto", &upto, 0), ("alone", &alone, 6)] {
        let dumps = temp.path().join(name);
        write(&dumps, &lines(rows, 1), Packing::Plain);
        let (code, said, err) = wtcheck(&["audit", path(&dumps), "--checkpoint-meta", &text]);
        assert_eq!(code, wanted, "{name}: {said}{err}");
        assert!(code == 0 || said.contains("the previous checkpoint: table 2, page 1"), "{said}");
    }
}

/// Without a key rows still tell of chains, discards and growth.
#[test]
fn encrypted_tables_are_judged_by_their_rows() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-leak-full"), &home);
    let text = completion(&home);
    let mut all = rows(&home);
    let mut newest: BTreeMap<(u64, u64), &Row> = BTreeMap::new();
    for row in &all {
        let held = newest.entry((row.table, row.page)).or_insert(row);
        if held.lsn < row.lsn {
            *held = row;
        }
    }
    let (pages, discarded) = (newest.len(), newest.values().filter(|row| kind(row) == 2).count());
    for row in all.iter_mut().filter(|r| !r.data.is_empty()) {
        row.data = [&[0x60, 0xae, 0x6e, 0x6c][..], &[1; 57], &row.data].concat();
    }
    let gathered = |rows: &[Row], name: &str| {
        let (dumps, out) = (temp.path().join(format!("dumps-{name}")), temp.path().join(name));
        write(&dumps, &lines(rows, 1), Packing::Plain);
        assert_eq!(wtcheck(&["gather", path(&dumps), "-o", path(&out), "--checkpoint-meta", &text]).0, 0);
        audit(&out)
    };
    let found = gathered(&all, "whole");
    let sum =
        |name: &str| -> u64 { found["by_rows"].as_array().unwrap().iter().map(|t| t[name].as_u64().unwrap()).sum() };
    assert_eq!(sum("versions") as usize, all.len());
    assert_eq!(sum("pages") as usize, pages);
    assert_eq!(sum("discarded_pages") as usize, discarded);
    assert_eq!(sum("bytes") as usize, all.iter().map(|r| r.data.len()).sum::<usize>());
    assert_eq!((sum("broken_chains"), found["totals"]["errors"].as_u64()), (0, Some(0)), "{}", found["findings"]);
    // Take the image from under a page's newest delta: nobody can read that page.
    let delta = all.iter().filter(|r| kind(r) == 0).max_by_key(|r| r.lsn).unwrap().clone();
    let newest = all.iter().filter(|r| (r.table, r.page) == (delta.table, delta.page)).map(|r| r.lsn).max();
    assert_eq!(newest, Some(delta.lsn), "the newest delta is the newest row of its page");
    let without: Vec<Row> =
        all.iter().filter(|r| (r.table, r.page, r.lsn) != (delta.table, delta.page, delta.base)).cloned().collect();
    let broken = gathered(&without, "broken");
    let named: Vec<&Value> =
        broken["findings"].as_array().unwrap().iter().filter(|f| f["code"] == "chain-broken").collect();
    assert!(named.len() == 1 && named[0]["place"]["page_id"] == delta.page, "{named:?}");
    assert_eq!(broken["exit_code"], 1);
    // A second delta on the same block.
    let twin = Row { lsn: delta.lsn - 1, ..delta.clone() };
    assert!(!all.iter().any(|r| r.lsn == twin.lsn && r.page == twin.page && r.table == twin.table));
    let twice = gathered(&[&all[..], &[twin]].concat(), "twice");
    assert!(
        twice["findings"].as_array().unwrap().iter().any(|f| f["code"] == "duplicate-delta"),
        "{}",
        twice["findings"]
    );
}

#[test]
fn a_plan_for_dumps_is_for_the_leader() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-leak-full"), &home);
    let text = completion(&home);
    let (dumps, out, plan) = (temp.path().join("dumps"), temp.path().join("out"), temp.path().join("plan.yaml"));
    write(&dumps, &lines(&rows(&home), 1), Packing::Plain);
    let gather = ["gather", path(&dumps), "--checkpoint-meta", &text, "--output", path(&out)];
    assert_eq!(wtcheck(&gather).0, 0);
    let (code, said, err) = wtcheck(&["repair", "plan", path(&out), "-o", path(&plan)]);
    assert!(code == 1 && said.contains("wiredTigerRepair: 1, fixBtreeSize"), "{code} {said}{err}");
    assert!(!said.contains("repair apply") && said.contains("nothing can be applied here"), "{said}");
    let before = common::snapshot(&out);
    for args in [vec!["--in-place", "--yes"], vec!["--output", path(&temp.path().join("copy"))]] {
        let (code, _, err) = wtcheck(&[&["repair", "apply", path(&plan)][..], &args[..]].concat());
        assert!(code == 3 && err.contains("gathered from dumps"), "{code} {err}");
        assert_eq!(common::snapshot(&out), before);
    }
}

/// Each page left out in turn: not missing, and the request for it is printed.
#[test]
fn a_page_that_nobody_asked_for_is_not_missing() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let (text, all) = (completion(&home), rows(&home));
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut pages: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    all.iter().for_each(|row| pages.entry((row.table, row.page)).or_default().push(row));
    let answer = |rows: &[&Row]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|r| r.lsn);
        let at = rows.iter().rposition(|r| kind(r) == 1)?;
        let (image, deltas) = (rows[at], &rows[at + 1..]);
        let list = |f: fn(&Row) -> u64| deltas.iter().map(|r| f(r)).collect::<Vec<_>>();
        (kind(rows.last()?) != 2).then(|| {
            json!({ "page": { "logId": "7", "tableId": image.table, "pageId": image.page, "lsn": rows.last().unwrap().lsn,
                "contents": base64(&image.data), "deltas": deltas.iter().map(|r| base64(&r.data)).collect::<Vec<_>>(),
                "lsns": list(|r| r.lsn), "backlinks": list(|r| r.backlink), "fullImageLsn": image.lsn } })
            .to_string()
        })
    };
    let answers: BTreeMap<(u64, u64), String> =
        pages.iter().filter_map(|(key, rows)| Some((*key, answer(rows)?))).collect();
    let dump = |without: Option<(u64, u64)>| {
        let file = temp.path().join("answers.jsonl");
        let lines = answers.iter().filter(|(key, _)| Some(**key) != without).map(|(_, line)| line.as_str());
        fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let args = ["audit", path(&file), "--checkpoint-meta", &text];
        let (_, json, err) = wtcheck(&[&args[..], &["--format", "json"]].concat());
        let found: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {err}"));
        (found, wtcheck(&args).1)
    };
    // All that was asked for is there and right; other pages of these tables may be orphans.
    let (whole, said) = dump(None);
    assert_eq!((whole["exit_code"].as_u64(), &whole["findings"]), (Some(6), &json!([])), "{said}");
    assert!(
        said.contains("table 25: its other pages: not supplied")
            && said.contains("GetTableAtLSN {log_id: 7, table_id: 25,")
    );
    let mut left_out = 0;
    // Of each kind of page some: turtle, metadata, internal pages, leaves.
    for (table, page) in answers.keys().copied().filter(|(_, page)| *page < 112) {
        let (found, said) = dump(Some((table, page)));
        let findings = found["findings"].as_array().unwrap();
        let bad: Vec<&Value> = findings.iter().filter(|f| f["severity"] != "note").collect();
        assert!(bad.is_empty(), "without page {page} of table {table}: {bad:?}");
        assert_eq!(found["exit_code"], 6, "without page {page} of table {table}");
        let request = match table {
            2 => "GetTableAtLSN {log_id: 7, table_id: 2,".to_string(),
            26 => "GetTableAtLSN {log_id: 7, table_id: 26,".to_string(),
            _ => format!("GetPageAtLSN {{log_id: 7, table_id: {table}, page_id: {page},"),
        };
        let alone = answers.keys().filter(|(t, _)| *t == table).count() == 1;
        // A page that no checkpoint needs is missed by nobody.
        if said.contains(&request) || alone {
            left_out += 1;
        }
        assert!(
            found["coverage"]["not_checked"].as_array().unwrap().len()
                >= whole["coverage"]["not_checked"].as_array().unwrap().len()
        );
    }
    assert!(left_out > 20, "{left_out}");
}

#[test]
fn single_pages_and_fetched_trees() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let text = completion(&home);
    let all = rows(&home);
    // As a tool prints the answers: one document for each chain that ends in a page's newest version.
    let mut pages: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    all.iter().for_each(|row| pages.entry((row.table, row.page)).or_default().push(row));
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let tree = temp.path().join("tree");
    fs::create_dir_all(tree.join("pages")).unwrap();
    fs::write(tree.join("manifest.json"), "{\"pages_visited\":1}").unwrap();
    let mut answers = String::new();
    for ((table, page), mut rows) in pages {
        rows.sort_by_key(|r| r.lsn);
        if rows.iter().any(|r| kind(r) == 2) {
            continue;
        }
        let at = rows.iter().rposition(|r| kind(r) == 1).unwrap();
        let (image, deltas) = (rows[at], &rows[at + 1..]);
        let strings = |f: fn(&Row) -> u64| deltas.iter().map(|r| f(r).to_string()).collect::<Vec<_>>();
        let mut answer = json!({ "logId": "1", "tableId": table.to_string(), "pageId": page.to_string(),
            "lsn": rows.last().unwrap().lsn.to_string(), "contents": base64(&image.data) });
        if !deltas.is_empty() {
            answer["deltas"] = json!(deltas.iter().map(|r| base64(&r.data)).collect::<Vec<_>>());
            answer["lsns"] = json!(strings(|r| r.lsn));
            answer["backlinks"] = json!(strings(|r| r.backlink));
            answer["fullImageLsn"] = json!(image.lsn.to_string());
            answer["fullImageBacklinkLsn"] = json!(image.backlink.to_string());
        }
        answers.push_str(&serde_json::to_string_pretty(&json!({ "page": answer })).unwrap());
        answers.push('\n');
        let numbers = |f: fn(&Row) -> u64| deltas.iter().map(|r| f(r)).collect::<Vec<_>>();
        let file = json!({ "log_id": 1, "table_id": table, "page_id": page, "lsn": rows.last().unwrap().lsn,
            "contents_b64": base64(&image.data), "deltas_b64": deltas.iter().map(|r| base64(&r.data)).collect::<Vec<_>>(),
            "lsns": numbers(|r| r.lsn), "backlinks": numbers(|r| r.backlink), "full_image_lsn": image.lsn,
            "full_image_backlink_lsn": image.backlink });
        let name = format!("pages/page_{page}_lsn_{table}_{}.json", image.lsn);
        fs::write(tree.join(name), file.to_string()).unwrap();
    }
    let file = temp.path().join("answers.json");
    fs::write(&file, answers).unwrap();
    for (at, source) in [&file, &tree].into_iter().enumerate() {
        let out = temp.path().join(format!("out{at}"));
        let (code, said, err) = wtcheck(&["gather", path(source), "--output", path(&out), "--checkpoint-meta", &text]);
        assert_eq!(code, 0, "{said}{err}");
        let found = audit(&out);
        // What a checkpoint reaches is there; what it does not may be in other pages, so that nothing is an orphan.
        let named: Vec<&Value> =
            found["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "note").collect();
        assert!(named.is_empty(), "{named:?}");
        let whole = audit(&home);
        let sizes =
            |a: &Value| a["trees"].as_array().unwrap().iter().map(|t| t["recomputed_size"].clone()).collect::<Vec<_>>();
        assert_eq!(sizes(&found), sizes(&whole));
    }
}

/// No dump holds a completion record, so what only a record states was not supplied, and no standby refuses it.
#[test]
fn a_record_that_was_not_supplied_is_not_refused() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&real("palite/2026-07-clean"), &home);
    let dumps = temp.path().join("dumps");
    write(&dumps, &lines(&rows(&home), 3), Packing::Plain);
    let json = |args: &[&str]| {
        let (code, said, err) = wtcheck(args);
        (code, serde_json::from_str::<Value>(&said).unwrap_or_else(|e| panic!("{e}: {said}{err}")))
    };
    let (code, replay) = json(&["pickup", "replay", path(&dumps), "--format", "json"]);
    let outcomes: Vec<&str> =
        replay["records"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
    assert!(!outcomes.is_empty() && outcomes.iter().all(|o| *o == "unjudged"), "{outcomes:?}");
    assert_eq!(code, 6, "{replay}");
    let (_, said, _) = wtcheck(&["history", path(&dumps)]);
    assert!(!said.contains("refuse") && said.contains("not known"), "{said}");
    // With the text of the newest, that one is judged.
    let (_, replay) =
        json(&["pickup", "replay", path(&dumps), "--checkpoint-meta", &completion(&home), "--format", "json"]);
    let last = replay["records"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["outcome"], "installed", "{last}");
}
