//! What `wtcheck dump` gives out: of homes that real engines wrote, the rows that those engines show; of damaged ones
//! every row outside the damage, none that was not there, and the ranges of those that are missing.

use crate::common::{copy_dir, path, real, wtcheck};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn dirs(of: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = fs::read_dir(of).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    out.sort();
    out
}

/// Exit code and report of a dump into a directory.
fn dump(home: &Path, out: &Path, options: &[&str]) -> (i32, Value) {
    let args = [&["dump", path(home), "-o", path(out), "--format", "json"], options].concat();
    let (code, said, err) = wtcheck(&args);
    let report = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{args:?}: {code} {e}: {said}{err}"));
    (code, report)
}

/// The tables of a report by URI.
fn tables(report: &Value) -> BTreeMap<&str, &Value> {
    report["tables"].as_array().unwrap().iter().map(|t| (t["uri"].as_str().unwrap(), t)).collect()
}

/// What stands behind the frame of a dump in the engine's form.
fn data(out: &Path, table: &Value) -> Vec<u8> {
    let Some(file) = table["files"][0].as_str() else { return Vec::new() };
    let bytes = fs::read(out.join(file)).unwrap();
    let mark = b"\nData\n";
    let at = bytes.windows(mark.len()).position(|w| w == mark).unwrap();
    bytes[at + mark.len()..].to_vec()
}

/// Keys and values of a dump in hexadecimal digits.
fn rows(out: &Path, table: &Value) -> Vec<(String, String)> {
    let text = String::from_utf8(data(out, table)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|pair| (pair[0].to_string(), pair.get(1).copied().unwrap_or_default().to_string())).collect()
}

/// Compare a dump of a home with what the engine showed: how many tables.
fn as_the_engine(home: &Path, expect: &Path, wrong: &mut Vec<String>) -> usize {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let expect: Value = serde_json::from_slice(&fs::read(expect).unwrap()).unwrap();
    let wanted = expect["tables"].as_object().unwrap();
    if wanted.is_empty() {
        return 0;
    }
    let (code, report) = dump(home, &out, &["--as", "wt-hex", "--all"]);
    let found = tables(&report);
    if code != 0 {
        wrong.push(format!("{}: exit {code}: {report}", home.display()));
    }
    for (uri, table) in wanted {
        let Some(own) = found.get(uri.as_str()) else {
            wrong.push(format!("{} {uri}: not there", home.display()));
            continue;
        };
        let bytes = data(&out, own);
        let sum = hex::encode(Sha256::digest(bytes.strip_suffix(b"\n").unwrap_or(&bytes)));
        if own["rows"] != table["rows"] || sum != table["sha256"].as_str().unwrap() {
            wrong.push(format!("{} {uri}: {} rows instead of {}", home.display(), own["rows"], table["rows"]));
        }
    }
    wanted.len()
}

#[test]
fn every_home_of_the_engines_has_the_rows_that_they_show() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for set in dirs(&real("engines")) {
        compared += as_the_engine(&dirs(&set)[0], &set.join("expect.json"), &mut wrong);
    }
    for name in ["hs-modify", "log-before-first", "log-replay", "stable-killed"] {
        let home = dirs(&real("recovered")).into_iter().find(|d| d.ends_with(name)).unwrap();
        compared += as_the_engine(&home, &real(&format!("recovered/{name}.expect.json")), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 90, "{compared}");
}

/// `cs_…` tables of classic-small have record numbers for keys.
fn packed(uri: &str, key: &str) -> String {
    if !uri.contains("cs_") {
        return key.to_string();
    }
    let mut out = Vec::new();
    wtcheck::format::int::write_vuint(&mut out, key.parse().unwrap());
    hex::encode(out)
}

/// Whether a lost range has a key.
fn has(lost: &Value, key: &str) -> bool {
    let (from, to) = (lost["from"]["hex"].as_str(), lost["to"]["hex"].as_str());
    let single = from.is_some() && from == to;
    from.is_none_or(|f| key >= f) && to.is_none_or(|t| key < t || (single && key == t))
}

/// Compare a dump of a damaged home with one of its undamaged twin. Gives back how many rows are missing.
fn against_the_twin(name: &str, damaged: &Path, whole: &Path, twin: &BTreeMap<String, Vec<(String, String)>>) -> u64 {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(damaged, &out, &["--as", "wt-hex"]);
    let _ = whole;
    let found = tables(&report);
    let mut missing_in_all = 0;
    for (uri, all) in twin {
        let Some(table) = found.get(uri.as_str()) else { panic!("{name}: {uri} is gone") };
        let own = rows(&out, table);
        let (known, there): (BTreeSet<_>, BTreeSet<_>) = (all.iter().collect(), own.iter().collect());
        let invented: Vec<_> = there.difference(&known).collect();
        assert!(invented.is_empty(), "{name} {uri}: {} rows were never there: {:?}", invented.len(), invented[0]);
        let missing: Vec<_> = known.difference(&there).collect();
        let lost = table["lost"].as_array().cloned().unwrap_or_default();
        for (key, _) in &missing {
            let key = packed(uri, key);
            assert!(lost.iter().any(|l| has(l, &key)), "{name} {uri}: {key} is missing, and in none of {lost:?}");
        }
        let n = missing.len() as u64;
        let bounds = &table["lost_rows"];
        assert!(bounds["least"].as_u64().unwrap() <= n, "{name} {uri}: {n} missing, {bounds}");
        assert!(bounds["most"].as_u64().is_none_or(|most| n <= most || lost.is_empty()), "{name} {uri}: {n}, {bounds}");
        assert!(n == 0 || code == 1, "{name}: exit {code} with {n} rows missing");
        missing_in_all += n;
    }
    missing_in_all
}

fn all_rows(home: &Path) -> BTreeMap<String, Vec<(String, String)>> {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(home, &out, &["--as", "wt-hex"]);
    assert_eq!(code, 0, "{report}");
    tables(&report).into_iter().map(|(uri, table)| (uri.to_string(), rows(&out, table))).collect()
}

#[test]
fn all_rows_outside_of_damage_come_out_and_none_is_invented() {
    let mut variants = 0;
    let mut lossy = 0;
    for (base, set) in [("classic-small", "classic-damaged"), ("classic-one", "classic-one-damaged")] {
        let whole = real(&format!("{base}/db"));
        let twin = all_rows(&whole);
        for variant in dirs(&real(set)) {
            let name = variant.file_name().unwrap().to_string_lossy().into_owned();
            let temp = tempfile::tempdir().unwrap();
            let home = temp.path().join("home");
            copy_dir(&whole, &home);
            let changed = variant.join("changed");
            if changed.is_dir() {
                copy_dir(&changed, &home);
            }
            let edits: Value = serde_json::from_slice(&fs::read(variant.join("edits.json")).unwrap()).unwrap();
            for removed in edits.to_string().split("\"removed\":\"").skip(1) {
                let _ = fs::remove_file(home.join(removed.split('"').next().unwrap()));
            }
            variants += 1;
            lossy += u64::from(against_the_twin(&name, &home, &whole, &twin) > 0);
        }
    }
    assert!(variants >= 27 && lossy >= 8, "{variants} variants, {lossy} with losses");
}

/// One block after the other of a home with documents: torn, zeroed, a bit flipped.
#[test]
fn whatever_block_is_damaged_the_ranges_say_what_is_missing() {
    let whole = real("mongo-keys/db");
    let twin = all_rows(&whole);
    let (mut tried, mut lossy) = (0, 0);
    for file in ["collection-0-77.wt", "index-1-77.wt"] {
        let bytes = fs::read(whole.join(file)).unwrap();
        let blocks = bytes.len() / 4096;
        for block in (1..blocks).step_by(9) {
            for kind in 0..3_u8 {
                let temp = tempfile::tempdir().unwrap();
                let home = temp.path().join("home");
                copy_dir(&whole, &home);
                let mut bytes = bytes.clone();
                let at = block * 4096;
                match kind {
                    0 => bytes[at..at + 4096].fill(0),
                    1 => bytes[at + 100..at + 200].fill(0xa5),
                    _ => bytes[at + 150] ^= 0x10,
                }
                fs::write(home.join(file), &bytes).unwrap();
                tried += 1;
                let missing = against_the_twin(&format!("{file} {block} {kind}"), &home, &whole, &twin);
                lossy += u64::from(missing > 0);
                // One bit is put right.
                assert!(kind < 2 || missing == 0, "{file} {block}: {missing}");
            }
        }
    }
    assert!(tried > 80 && lossy > 30, "{tried} tried, {lossy} with losses");
}

fn documents(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap();
    let mut out = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let n = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let document = bson::RawDocument::from_bytes(&rest[..n]).unwrap();
        out.push(document.as_bytes().to_vec());
        rest = &rest[n..];
    }
    out
}

#[test]
fn documents_are_written_in_the_layout_that_mongorestore_loads() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(&real("mongo-keys/db"), &out, &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!((report["mongod"].as_str(), report["fcv"].as_str()), (Some("8.0.12"), Some("8.0")));
    let orders = documents(&out.join("shop/orders.bson"));
    assert_eq!(orders.len(), 6000);
    // The order of the fields is that in which they are stored.
    let fields = |document: &[u8]| {
        let document = bson::RawDocument::from_bytes(document).unwrap();
        document.iter().map(|e| e.unwrap().0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(fields(&orders[17]), ["_id", "n", "t", "z"]);
    assert_eq!(fs::metadata(out.join("shop/empty.bson")).unwrap().len(), 0);
    let metadata: Value = serde_json::from_slice(&fs::read(out.join("shop/orders.metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["collectionName"], "orders");
    assert_eq!(metadata["type"], "collection");
    assert_eq!(metadata["indexes"][0]["key"]["_id"]["$numberInt"], "1");
    assert_eq!(metadata["uuid"].as_str().unwrap().len(), 32);
    let view: Value = serde_json::from_slice(&fs::read(out.join("shop/cheap.metadata.json")).unwrap()).unwrap();
    assert_eq!((view["type"].as_str(), view["options"]["viewOn"].as_str()), (Some("view"), Some("orders")));
    assert!(!out.join("shop/cheap.bson").exists() && !out.join("local").exists());
    let prelude: Value = serde_json::from_slice(&fs::read(out.join("prelude.json")).unwrap()).unwrap();
    assert_eq!(prelude["ServerVersion"], "8.0.12");
    let left: Vec<&str> =
        report["left_out"].as_array().unwrap().iter().map(|l| l["namespace"].as_str().unwrap()).collect();
    assert_eq!(left, ["local.startup_log", "shop.system.views"]);
    // One collection as JSON lines, to a pipe.
    let (code, text, err) = wtcheck(&["dump", path(&real("mongo-keys/db")), "shop.users", "--as", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(text.lines().count(), 2000);
    assert_eq!(text.lines().next().unwrap(), r#"{"_id":0,"name":"user 0","email":"u0@x.org"}"#);
}

#[test]
fn an_index_names_the_documents_that_are_lost() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(&real("mongo-keys/db"), &home);
    let file = home.join("collection-0-77.wt");
    let mut bytes = fs::read(&file).unwrap();
    let leaf = (4096..bytes.len()).step_by(4096).filter(|at| bytes[at + 24] == 7).nth(5).unwrap();
    bytes[leaf + 300..leaf + 400].fill(0);
    fs::write(&file, &bytes).unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(&home, &out, &[]);
    assert_eq!(code, 1);
    let orders = report["tables"].as_array().unwrap().iter().find(|t| t["namespace"] == "shop.orders").unwrap();
    let there = documents(&out.join("shop/orders.bson")).len() as u64;
    let missing = 6000 - there;
    assert!(missing > 50);
    assert_eq!(orders["lost_rows"], serde_json::json!({"least": missing, "most": missing}));
    assert_eq!(orders["indexed"]["entries"], missing);
    let from = orders["lost"][0]["from"]["number"].as_u64().unwrap();
    let first = &orders["indexed"]["documents"][0];
    assert_eq!(first["record"]["number"], from);
    // Ids were made of seconds that ascend with the record ids.
    let id = format!("{{\"$oid\":\"{:08x}{}\"}}", 1_700_000_000 + from - 1, "01".repeat(8));
    assert_eq!(first["fields"], id);
    // The same home is audited in the same terms.
    let (_, said, _) = wtcheck(&["audit", path(&home)]);
    let line = format!("shop.orders: {missing} documents, record ids from {from} up to {}", from + missing);
    assert!(said.contains(&line), "{line}\n{said}");
    assert!(said.contains("wtcheck dump"), "{said}");
}

#[test]
fn a_dump_that_was_cut_short_goes_on_and_one_of_another_state_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let (home, out) = (temp.path().join("home"), temp.path().join("out"));
    copy_dir(&real("mongo-keys/db"), &home);
    let (_, first) = dump(&home, &out, &[]);
    let orders = fs::read(out.join("shop/orders.bson")).unwrap();
    let users = fs::read(out.join("shop/users.bson")).unwrap();
    // As if it had been killed in the second table.
    let mut report: Value = serde_json::from_slice(&fs::read(out.join("wtcheck-dump.json")).unwrap()).unwrap();
    report["tables"].as_array_mut().unwrap().truncate(1);
    fs::write(out.join("wtcheck-dump.json"), report.to_string()).unwrap();
    fs::remove_file(out.join("shop/users.bson")).unwrap();
    let kept = fs::metadata(out.join("shop/orders.bson")).unwrap().modified().unwrap();
    let (code, again) = dump(&home, &out, &[]);
    assert_eq!((code, &again), (0, &first));
    assert_eq!(fs::metadata(out.join("shop/orders.bson")).unwrap().modified().unwrap(), kept, "it was finished");
    assert_eq!(fs::read(out.join("shop/orders.bson")).unwrap(), orders);
    assert_eq!(fs::read(out.join("shop/users.bson")).unwrap(), users);
    // Another form, another home, what is no dump.
    let args = |more: &[&str]| {
        let (code, _, err) = wtcheck(&[&["dump", path(&home), "-o", path(&out)], more].concat());
        (code, err)
    };
    assert_eq!(args(&["--as", "json"]).0, 3);
    fs::write(home.join("storage.bson"), b"another").unwrap();
    let (code, err) = args(&[]);
    assert!(code == 3 && err.contains("a different state"), "{code} {err}");
    assert_eq!(args(&["--force"]).0, 0);
    fs::remove_file(out.join("wtcheck-dump.json")).unwrap();
    assert_eq!(args(&[]).0, 3);
}

#[test]
fn nothing_is_written_into_a_store_and_what_is_not_there_is_said() {
    let home = real("mongo-keys/db");
    let inside = home.join("out");
    let (code, _, err) = wtcheck(&["dump", path(&home), "-o", path(&inside)]);
    assert!(code == 2 && err.contains("where nothing is written"), "{code} {err}");
    assert!(!inside.exists());
    for (args, code, words) in [
        (&["shop.nothing"][..], 2, "no table or collection shop.nothing"),
        (&[][..], 2, "cannot go to one stream"),
        (&["--at", "ts:zz", "shop.users"][..], 2, "not a timestamp"),
        (&["--at", "nobody", "shop.users"][..], 2, "no table has a checkpoint nobody"),
        (&["--at", "ts:1", "shop.users"][..], 2, "no stable timestamp"),
    ] {
        let (found, _, err) = wtcheck(&[&["dump", path(&home)], args].concat());
        assert_eq!(found, code, "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
    }
}

#[test]
fn a_lone_file_gives_its_documents_without_a_home() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("collection-0-77.wt");
    fs::copy(real("mongo-keys/db").join("collection-0-77.wt"), &file).unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(&file, &out, &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(documents(&out.join("recovered/collection_0_77.bson")).len(), 6000);
}

#[test]
fn a_page_log_gives_the_rows_of_its_trees_and_an_older_checkpoint_what_is_lost() {
    for set in dirs(&real("palite")) {
        let name = set.file_name().unwrap().to_string_lossy().into_owned();
        let temp = tempfile::tempdir().unwrap();
        let out = temp.path().join("out");
        let (code, report) = dump(&set, &out, &["--as", "wt-hex", "--all"]);
        let directory = wtcheck::Directory::open(&set).unwrap();
        for (uri, table) in tables(&report) {
            let tree = match uri.strip_prefix("table:") {
                Some(table) => format!("file:{table}.wt_stable"),
                None => uri.to_string(),
            };
            let wanted: Vec<(String, String)> =
                directory.rows(&tree).unwrap().map(|r| (hex::encode(r.key), hex::encode(r.value))).collect();
            let own = rows(&out, table);
            assert_eq!(table["rows"].as_u64().unwrap(), own.len() as u64);
            if table["lost"].is_null() {
                assert_eq!(own, wanted, "{name} {uri}");
            } else {
                assert_eq!(code, 1, "{name} {uri}");
                assert!(own.iter().all(|row| wanted.contains(row)), "{name} {uri}");
            }
        }
    }
    let temp = tempfile::tempdir().unwrap();
    let home = real("palite/2025-11-bitflip-missing-delta");
    let (without, with) = (temp.path().join("without"), temp.path().join("with"));
    let (_, before) = dump(&home, &without, &["--as", "wt-hex"]);
    let (code, after) = dump(&home, &with, &["--as", "wt-hex", "--older"]);
    let (before, after) = (tables(&before)["table:ledger01"].clone(), tables(&after)["table:ledger01"].clone());
    assert_eq!(code, 1);
    let taken = after["older_rows"].as_u64().unwrap();
    assert!(taken > 0, "{after}");
    assert_eq!(after["rows"].as_u64().unwrap(), before["rows"].as_u64().unwrap() + taken);
    let lost = &after["lost"][0];
    let old: BTreeSet<_> = rows(&without, &before).into_iter().collect();
    let new: Vec<_> = rows(&with, &after).into_iter().filter(|row| !old.contains(row)).collect();
    assert_eq!(new.len() as u64, taken);
    assert!(new.iter().all(|(key, _)| has(lost, key)), "{lost}");
}

/// What could not be read is neither lost nor there: of rows that need an older version, and of all of an encrypted home.
#[test]
fn what_cannot_be_read_is_not_told_as_damage_nor_left_out_in_silence() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("encrypted");
    let (code, report) = dump(&real("classic-encrypted/db"), &out, &["--as", "wt-hex"]);
    assert_eq!(code, 6, "{report}");
    // The history store is a directory: it is there, and nobody can read it.
    let home = temp.path().join("home");
    copy_dir(&dirs(&real("recovered")).into_iter().find(|d| d.ends_with("stable-killed")).unwrap(), &home);
    fs::remove_file(home.join("WiredTigerHS.wt")).unwrap();
    fs::create_dir(home.join("WiredTigerHS.wt")).unwrap();
    let out = temp.path().join("out");
    let (code, report) = dump(&home, &out, &["--as", "wt-hex"]);
    let table = tables(&report)["table:a"].clone();
    assert_eq!(code, 1, "{report}");
    // k1 and k2 had older versions, k4 perhaps; k3 is whole.
    assert_eq!(table["rows"], 1, "{table}");
    assert_eq!((&table["lost"][0]["why"], &table["lost_rows"]["most"]), (&"history".into(), &3.into()), "{table}");
}
