//! `sql/audit.py` for people: its verdict and exit code are those of `wtcheck audit`, its tables fit the screen, and
//! what goes wrong is told in a line. That its numbers are right is tested in `export`. The engine is DuckDB, through
//! Python, as there.

use crate::common::forge::{self, Fault, Spec};
use crate::common::{copy_dir, fixture, palm_data, path, samples, signals_arrive, wtcheck};
use crate::export::duckdb;
use crate::widths;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// 2026-09-01, so that the age of a checkpoint stays what it is.
const NOW: &str = "1788220800";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name)
}

/// The program, without a terminal, 80 columns wide.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(duckdb());
    command.arg(script("audit.py")).args(args).env("COLUMNS", "80").env("SOURCE_DATE_EPOCH", NOW);
    command.env("PYTHONIOENCODING", "utf-8").stdin(Stdio::null());
    command
}

fn ran(command: &mut Command) -> (i32, String, String) {
    let out = command.output().unwrap();
    let [stdout, stderr] = [out.stdout, out.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (out.status.code().unwrap_or(-1), stdout, stderr)
}

fn audit(args: &[&str]) -> (i32, String, String) {
    ran(&mut command(args))
}

/// Export a store; what could not be read of it may be missing.
fn export(home: &Path, out: &Path, more: &[&str]) {
    let args = [&["export", path(home), "--out", path(out)], more].concat();
    let (code, _, stderr) = wtcheck(&args);
    assert!(code == 0 || code == 6, "{args:?}: {stderr}");
}

fn exported(home: &Path) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    export(home, &out, &[]);
    (temp, out)
}

fn leak() -> PathBuf {
    fixture("palite/2026-07-leak-full")
}

fn palite() -> Vec<PathBuf> {
    let homes: Vec<PathBuf> = samples(&fixture("palite")).into_iter().map(|(_, home, _)| home).collect();
    assert!(homes.len() >= 5);
    homes
}

/// Both audits of a home: what `wtcheck audit` says as a document, and what is said in SQL.
fn both(home: &Path) -> (Value, i32, String) {
    let (code, document, stderr) = wtcheck(&["audit", path(home), "--format", "json"]);
    let document: Value =
        serde_json::from_str(&document).unwrap_or_else(|e| panic!("{}: {e}: {stderr}", home.display()));
    assert_eq!(document["exit_code"], code);
    let (_temp, out) = exported(home);
    let (code, text, stderr) = audit(&[path(&out)]);
    assert!(code != 70 && !stderr.contains("Traceback"), "{}: {stderr}", home.display());
    assert_eq!(stderr.is_empty(), code != 6, "{}: {code} {stderr}", home.display());
    (document, code, text)
}

/// The verdict and the exit code are the same.
fn agree(what: &str, home: &Path) -> (Value, String) {
    agreed(what, both(home))
}

fn agreed(what: &str, (document, code, text): (Value, i32, String)) -> (Value, String) {
    assert_eq!(document["exit_code"], code, "{what}:\n{text}\n{:#}", document["findings"]);
    let word = match code {
        0 => "Verdict: CLEAN, by numbers alone\n",
        1 => "Verdict: FINDINGS (",
        _ => "Verdict: INCOMPLETE: not enough could be read to judge\n",
    };
    assert!(text.starts_with(word), "{what}: {code}\n{text}");
    (document, text)
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn verdicts_and_exit_codes_are_those_of_the_audit() {
    let temp = tempfile::tempdir().unwrap();
    let palm = temp.path().join("palm");
    fs::create_dir_all(palm.join("kv_home")).unwrap();
    fs::write(palm.join("kv_home/data.mdb"), palm_data()).unwrap();
    let mut seen = BTreeSet::new();
    for home in palite().into_iter().chain([palm]) {
        let (document, text) = agree(&home.display().to_string(), &home);
        seen.insert(document["exit_code"].as_u64().unwrap());
        let totals = &document["totals"];
        let counts: Vec<String> = ["error", "warning"]
            .iter()
            .filter_map(|one| {
                let n = totals[format!("{one}s")].as_u64().filter(|n| *n > 0)?;
                Some(format!("{n} {one}{}", if n == 1 { "" } else { "s" }))
            })
            .collect();
        let counts = counts.join(", ");
        assert!(counts.is_empty() || text.starts_with(&format!("Verdict: FINDINGS ({counts})\n")), "{counts}: {text}");
        numbers_agree(&document, &text);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1]);
}

/// What a person reads of each tree is what the audit found.
fn numbers_agree(document: &Value, text: &str) {
    for tree in document["trees"].as_array().unwrap() {
        let uri = tree["uri"].as_str().unwrap().strip_prefix("file:").unwrap();
        let Some(name) = uri.strip_suffix(".wt_stable") else { continue };
        let Some(row) = text.lines().find(|l| l.split_whitespace().next() == Some(name)) else {
            // More than a few trees that agree are counted.
            assert!(text.contains("Not shown: "), "{name}: {text}");
            continue;
        };
        let shown = widths::runs(row);
        let mut wanted = vec![&tree["recomputed_size"], &tree["physical_size"], &tree["pages"]["reachable"]];
        wanted.extend([&tree["published_size"]].into_iter().filter(|_| tree["root_cookie"] != ""));
        let off = tree["difference"].as_i64().map(|off| Value::from(off.unsigned_abs()));
        wanted.extend(&off);
        for number in wanted.into_iter().filter(|n| n.is_u64()) {
            assert!(shown.contains(&number.to_string()), "{number}: {row}\n{tree:#}");
        }
        assert_eq!(row.contains('≥'), tree["complete"] == false, "{row}");
    }
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn every_fault_is_judged_as_the_audit_judges_it() {
    let faults = [
        Fault::LeakNew(2),
        Fault::LeakChain,
        Fault::DoubleRoot,
        Fault::Deflated(Some(4096)),
        Fault::Drop(true),
        Fault::InFlight,
        Fault::StaleKeystore,
        Fault::KeyGarbled,
        Fault::KeyMissing,
        Fault::FlipLeaf,
        Fault::FlipInternal,
        Fault::FlipMetadata,
        Fault::FlipTurtle,
        Fault::MissingBase,
        Fault::MissingMiddleDelta,
        Fault::MissingNewestDelta,
        Fault::MissingLeaf,
        Fault::Cycle,
        Fault::DoubleReference,
        Fault::DiscardLive,
        Fault::NextPageId,
        Fault::CookieSize(8),
        Fault::LongChain,
        Fault::CompletionGarbled,
        Fault::MetadataGarbled,
        Fault::RootCookieGarbled,
        Fault::DuplicateId,
    ];
    let (mut clean, mut wrong) = (0, 0);
    for (fault, seed) in faults.into_iter().zip(1..) {
        let last = Spec::plain(seed).checkpoints - 1;
        let forged = forge::forge(Spec::plain(seed).with(last, 0, fault.clone()));
        let (document, text) = agree(&format!("{fault:?}, seed {seed}"), forged.home());
        match document["exit_code"].as_u64() {
            Some(0) => clean += 1,
            _ => wrong += 1,
        }
        // What is not there cannot be had from a repair.
        let content = ["FlipLeaf", "MissingLeaf", "MissingBase"].contains(&format!("{fault:?}").as_str());
        assert!(
            !content || text.contains("Lost        data of table00 that the newest checkpoint needs"),
            "{fault:?}: {text}"
        );
    }
    assert!(clean < 4 && wrong > 20, "{clean} {wrong}");
}

/// A file that the metadata has lost is not in the tables: its rows are no orphans, and nothing is clean because of it.
#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn rows_of_a_table_that_nothing_names_are_not_judged() {
    let (_temp, out) = exported(&leak());
    let (jsonl, table) = (out.with_file_name("jsonl"), "\"table_id\":25,");
    export(&leak(), &jsonl, &["--format", "jsonl"]);
    // As if no checkpoint named the table.
    let roots = one_file(&jsonl, "roots");
    let text = fs::read_to_string(&roots).unwrap();
    let kept: Vec<&str> = text.lines().filter(|l| !l.contains(table)).collect();
    let gone = text.lines().count() - kept.len();
    assert!(gone > 0 && !kept.is_empty());
    fs::write(&roots, kept.join("\n") + "\n").unwrap();
    let manifest = jsonl.join("_manifest/shard-00001-of-00001.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    document["tables"]["roots"]["rows"] = kept.len().into();
    fs::write(&manifest, document.to_string()).unwrap();
    let (_, text, _) = audit(&[path(&jsonl)]);
    let line = "Not checked: table 25: ";
    let told: Vec<&str> = text.lines().filter(|l| l.starts_with(line)).collect();
    assert!(told.len() == 1 && told[0].contains("unreached rows: no checkpoint's"), "{text}");
    assert!(!text.contains("orphan-page") && !text.contains("repair plan"), "{text}");
}

fn one_file(out: &Path, table: &str) -> PathBuf {
    let shard = fs::read_dir(out.join(table)).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(shard).unwrap().next().unwrap().unwrap().path()
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn a_leak_in_words_and_tables() {
    let (temp, _) = exported(&leak());
    let run = |args: &[&str]| ran(command(args).current_dir(temp.path()));
    let (code, text, stderr) = run(&["out"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    let wanted = "\
Verdict: FINDINGS (4 errors)
  Wrong       accounts00: size= is 1,861 bytes too high; 3 orphans of 1,861
              bytes in all [size-inflated, orphan-page, orphan-image]
  Lost        nothing: numbers are wrong, data are not
  Checkpoint  WiredTigerCheckpoint.4, LSN 397, 2026-07-08 09:50:41Z (54 days
              ago)
  Do now      wtcheck repair plan DIR -o plan.yaml
Not checked here, but by wtcheck audit DIR (DIR: what was exported): cells and
  keys in pages, most rules of headers and metadata, whether each table has its
  file, which orphan explains which difference, files beside the page log.

out: PALite (SQLite) page log, formats of 2026-07
392 rows, 205,517 (200.7 KiB); 4 completion records
Metadata at LSN 396; 4 trees, 163 pages, 257 blocks

Accounting (bytes)
Tree                Pages  Published  Recomputed  Physical  Difference
------------------  -----  ---------  ----------  --------  ----------
WiredTigerSharedHS      8      5,392       5,392     5,392           0
accounts00             79     75,503      73,642    73,642      +1,861
ledger01               73     56,360      56,360    56,360           0
WiredTigerShared        3      9,456       9,456     9,456           0
all trees + 1 MiB     163  1,195,287   1,193,426   144,850      +1,861
database_size              1,195,287                                 0

Orphans
Tree        Table  Page  LSN  Bytes  Reason
----------  -----  ----  ---  -----  ----------------------
accounts00     25   110  232    930  image of a page in use
accounts00     25   182  231    509  page never referenced
accounts00     25   183  233    422  page never referenced
3 orphans, 1,861 (1.8 KiB)

Rows of the page log
Class                      Rows    Bytes
-------------------------  ----  -------
discard-record               29        0
discarded                     3      406
kept-for-older-checkpoint    93   56,891
live                        257  145,420
orphan                        3    1,861
superseded                    7      939

Keystore: 2 key pages (2 valid), the newest at LSN 310
No checkpoint embeds a key older than the newest one written before it.

Next
  wtcheck audit DIR
  wtcheck orphans DIR
  wtcheck page DIR 25 182
  wtcheck explain size-inflated
";
    assert_eq!(text, wanted);
    // The codes are those of the catalogue.
    for line in text.lines().filter_map(|l| l.trim().strip_prefix("wtcheck explain ")) {
        assert_eq!(wtcheck(&["explain", line]).0, 0, "{line}");
    }
    // What each query cost goes before what comes next.
    let (code, text, _) = run(&["out", "--steps"]);
    let (costs, next) = (text.find("\nSteps\n").unwrap(), text.find("\nNext\n").unwrap());
    assert!(code == 1 && costs < next && text[costs..next].contains("\nfaults "), "{text}");
}

/// What `explain` knows is what the verdict names.
#[test]
fn every_code_is_one_of_the_catalogue() {
    let source = fs::read_to_string(script("verdict.py")).unwrap();
    let (_, codes) = source.split_once("\nCODES = {\n").unwrap();
    let (codes, _) = codes.split_once("\n}\n").unwrap();
    let mut seen = 0;
    for line in codes.lines() {
        let mut words = line.split('"');
        let (name, severity) = (words.nth(1).unwrap(), words.nth(1).unwrap());
        let code = wtcheck::audit::finding::Code::from_name(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(code.info().severity.name(), severity, "{name}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn every_line_fits_and_no_number_is_torn() {
    for home in palite() {
        let (_temp, out) = exported(&home);
        let at = |width: &str| ran(command(&[path(&out), "--steps"]).env("COLUMNS", width)).1;
        let whole = at("400");
        assert!(whole.len() > 1000, "{whole}");
        for width in [60, 80, 120] {
            let text = at(&width.to_string());
            // Seconds differ from run to run.
            let text = &text[..text.find("\nSteps\n").unwrap()];
            widths::holds(text, &whole, width, true, &home.display().to_string());
        }
    }
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn names_from_a_store_do_no_harm() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    export(&leak(), &out, &["--format", "jsonl"]);
    let roots = one_file(&out, "roots");
    let name = format!("\\u001b[2J\\r\\n{}\\u202e漢字{}", "long".repeat(40), "\\u0007end");
    let text = fs::read_to_string(&roots).unwrap();
    assert!(text.contains("accounts00"));
    fs::write(&roots, text.replace("accounts00", &name)).unwrap();
    for width in [60, 80, 120] {
        let (code, text, stderr) = ran(command(&[path(&out)]).env("COLUMNS", width.to_string()));
        assert_eq!(code, 1, "{stderr}");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
        assert!(text.contains("\\u{1b}[2J") && text.contains("1,861"), "{text}");
        widths::holds(&text, "", width, false, "a hostile name");
        let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("\\u{1b}") && l.contains('…')).collect();
        // Once in the accounting, and with each orphan.
        assert_eq!(rows.len(), 4, "{text}");
    }
}

/// The document that programs read, whatever is told to people.
#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn the_document_keeps_its_keys() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let temp = tempfile::tempdir().unwrap();
    let [parquet, jsonl] = ["parquet", "jsonl"].map(|name| temp.path().join(name));
    export(&leak(), &parquet, &[]);
    export(&leak(), &jsonl, &["--format", "jsonl"]);
    let (code, text, stderr) = audit(&[path(&parquet), "--format", "json"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert_eq!(audit(&[path(&jsonl), "--format", "json"]).1, text);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(keys(&document), "database export keystore orphans schema_version trees versions");
    let tree = "complete difference pages physical_size published_size recomputed_size root_cookie table_id uri";
    assert_eq!(keys(&document["trees"][0]), tree);
    let pages = "deleted_children deltas depth internal leaf overflow reachable";
    assert_eq!(keys(&document["trees"][0]["pages"]), pages);
    let database = "buffer difference difference_from_recomputed published_size sum_of_published sum_of_recomputed";
    assert_eq!(keys(&document["database"]), database);
    assert_eq!(keys(&document["orphans"][0]), "bytes lsn page_id reason table_id uri");
    let checkpoint = "keystore_lsn lsn metadata_lsn newest_key_before stale";
    assert_eq!(keys(&document["keystore"]["checkpoints"][0]), checkpoint);
    assert_eq!(keys(&document["versions"]["live"]), "bytes count");
    let lacks = "generation kind not_supplied problems shards supplied_in_part table unreadable";
    assert_eq!(keys(&document["export"]), lacks);
    let (_, text, _) = audit(&[path(&parquet), "--format", "json", "--steps"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(keys(&document["steps"][0]), "rows seconds step");
}

/// One line on stderr, nothing on stdout, and the exit code.
fn refused(args: &[&str], code: i32, words: &str) {
    let (found, stdout, stderr) = audit(args);
    assert_eq!((found, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
    assert!(stderr.starts_with("audit.py: ") && stderr.lines().count() == 1, "{args:?}: {stderr}");
    assert!(stderr.contains(words), "{args:?}: {words}: {stderr}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn what_is_no_export_is_told_in_a_line() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    refused(&[path(&at("nothing"))], 6, "does not exist; run wtcheck export DIR --out OUT first");
    refused(&[path(&leak())], 6, "is a data directory, not an export; run wtcheck export /");
    refused(&[path(&leak().join("kv_home"))], 6, "is a data directory");
    refused(&[path(&script("audit.py"))], 6, "is a file, not an export");
    fs::create_dir(at("empty")).unwrap();
    refused(&[path(&at("empty"))], 6, "is not an export");
    refused(&["s3://bucket/out", "--engine", "duckdb"], 2, "--work");
    let (code, _, stderr) = audit(&[]);
    assert!(code == 2 && stderr.contains("OUT"), "{stderr}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn a_set_that_is_not_whole_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let (part, whole) = (at("part"), at("whole"));
    export(&leak(), &part, &["--shard", "2/3"]);
    refused(&[path(&part)], 3, "shards are missing: 1/3, 3/3; export them with --shard");
    fs::remove_file(part.join("_manifest/shard-00002-of-00003.json")).unwrap();
    refused(&[path(&part)], 3, "no shard is complete");
    export(&leak(), &whole, &[]);
    let copy = |name: &str| {
        copy_dir(&whole, &at(name));
        at(name)
    };
    let manifest = "_manifest/shard-00001-of-00001.json";
    let later = copy("later");
    let text = fs::read_to_string(later.join(manifest)).unwrap();
    fs::write(later.join(manifest), text.replace("\"schema_version\": 1", "\"schema_version\": 2")).unwrap();
    refused(&[path(&later)], 3, "written by a later version: schema 2");
    fs::write(later.join(manifest), "{").unwrap();
    refused(&[path(&later)], 3, "not a manifest");
    fs::write(later.join(manifest), text.replace("\"of\": 1", "\"of\": \"x\"")).unwrap();
    refused(&[path(&later)], 3, "not a manifest");
    let less = copy("less");
    fs::remove_dir_all(less.join("keystore")).unwrap();
    refused(&[path(&less)], 3, "the table keystore has 0 files, and its manifests say 1");
    // A file of another export in the place of one.
    let mixed = copy("mixed");
    let (_other, other) = exported(&fixture("palite/2026-07-dup-delta-wal"));
    fs::copy(one_file(&other, "versions"), one_file(&mixed, "versions")).unwrap();
    refused(&[path(&mixed)], 3, "the table versions has 246 rows, and its manifests say 392");
    // Of shards of another store.
    let foreign = at("foreign");
    export(&leak(), &foreign, &["--shard", "1/2"]);
    let second = at("second");
    export(&fixture("palite/2026-07-dup-delta-wal"), &second, &["--shard", "2/2"]);
    copy_dir(&second, &foreign);
    refused(&[path(&foreign)], 3, "shards differ in ");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn damaged_files_are_told_in_a_line() {
    let temp = tempfile::tempdir().unwrap();
    let (_whole, whole) = exported(&leak());
    let cut = temp.path().join("cut");
    copy_dir(&whole, &cut);
    let file = one_file(&cut, "versions");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    refused(&[path(&cut)], 6, "cannot be read: ");
    // Wherever a byte is wrong, there is a verdict or a line, and no trace.
    for part in 1..12 {
        let mut damaged = bytes.clone();
        let at = bytes.len() * part / 12;
        damaged[at..(at + 16).min(bytes.len())].fill(0xa5);
        fs::write(&file, damaged).unwrap();
        let (code, _, stderr) = audit(&[path(&cut)]);
        assert!([0, 1, 3, 6, 70].contains(&code) && stderr.lines().count() <= 1, "byte {at}: {code} {stderr}");
        assert!(!stderr.contains("Traceback"), "byte {at}: {stderr}");
    }
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn without_an_engine_it_says_what_to_install() {
    let temp = tempfile::tempdir().unwrap();
    for module in ["duckdb", "pyspark"] {
        fs::write(temp.path().join(format!("{module}.py")), "raise ImportError('none here')\n").unwrap();
    }
    let (_temp, out) = exported(&leak());
    for (engine, module) in [("duckdb", "duckdb"), ("spark", "pyspark")] {
        let (code, stdout, stderr) = ran(command(&[path(&out), "--engine", engine]).env("PYTHONPATH", temp.path()));
        assert_eq!((code, stdout.as_str()), (6, ""), "{stderr}");
        let line = format!("audit.py: the module {module} is not installed: python3 -m pip install {module}");
        assert!(stderr.starts_with(&line) && stderr.lines().count() == 1, "{stderr}");
    }
}

/// A store of which a file of pages is gone: what could not be read is told, nothing is clean, and no repair is begun.
#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn what_could_not_be_read_is_not_clean() {
    let names = fs::read_dir(leak().join("kv_home")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let (mut incomplete, mut findings) = (0, 0);
    for name in names.filter(|n| n.starts_with("pages_") && n.ends_with(".db")) {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        copy_dir(&leak(), &home);
        fs::remove_file(home.join("kv_home").join(&name)).unwrap();
        let told = both(&home);
        if told.0["checkpoint"].is_null() {
            // Turtle pages were in it.
            assert_eq!((told.1, told.2.as_str()), (6, ""));
            continue;
        }
        let (document, text) = agreed(&name, told);
        match document["exit_code"].as_u64() {
            Some(6) => incomplete += 1,
            _ => findings += 1,
        }
        assert!(text.contains("\nNot checked: store: ") && text.contains(&name), "{text}");
        assert!(text.contains("Lost        not known: ") && !text.contains("repair plan"), "{text}");
    }
    assert!(incomplete > 0 && findings > 0, "{incomplete} {findings}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn a_table_that_nobody_dumped_is_not_clean() {
    let temp = tempfile::tempdir().unwrap();
    let make =
        "import sys; sys.path.insert(0, sys.argv[1]); import compare; compare.as_dumps(sys.argv[2], sys.argv[3])";
    let home = fixture("palite/2026-07-dup-delta-wal");
    let sql = script("");
    let made = Command::new(duckdb()).args(["-B", "-c", make, path(&sql), path(&home), path(temp.path())]).output();
    assert!(made.as_ref().unwrap().status.success(), "{made:?}");
    let dumps = temp.path().join("dumps");
    fs::remove_file(dumps.join("table_25.jsonl")).unwrap();
    let meta = fs::read_to_string(dumps.join("completion.txt")).unwrap();
    let out = temp.path().join("out");
    export(&dumps, &out, &["--checkpoint-meta", meta.trim()]);
    let (code, text, stderr) = audit(&[path(&out)]);
    assert!(code == 6 && stderr.contains("accounts00, table 25: in no dump"), "{code} {stderr}");
    assert!(text.contains("Do now      dump table 25, and export the set again with it\n"), "{text}");
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn a_closed_pipe_is_no_error() {
    let (_temp, out) = exported(&leak());
    let mut child = command(&[path(&out)]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8(done.stderr).unwrap().as_str()), (Some(1), ""));
    #[cfg(target_os = "linux")]
    {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let done = command(&[path(&out)]).stdout(full).output().unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        let line = "audit.py: the report could not be written: ";
        assert!(done.status.code() == Some(6) && stderr.starts_with(line), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn an_interrupt_leaves_nothing_behind_and_no_trace() {
    signals_arrive();
    let (_temp, out) = exported(&leak());
    for (signal, number) in [(rustix::process::Signal::INT, 2), (rustix::process::Signal::TERM, 15)] {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = command(&[path(&out)]);
        let child =
            command.env("TMPDIR", scratch.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        let busy = || fs::read_dir(scratch.path()).unwrap().next().is_some();
        while !busy() {
            assert!(began.elapsed() < Duration::from_secs(60), "it never began");
            std::thread::sleep(Duration::from_millis(1));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let done = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.signal(), stderr.as_str()), (Some(number), ""), "{:?}", done.status);
        assert!(!busy(), "signal {number}");
    }
}

#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn help_says_what_it_reads_and_how_it_ends() {
    let (code, text, _) = audit(&["--help"]);
    assert_eq!(code, 0);
    for words in ["wtcheck export DIR --out OUT", "--format json", "examples:", "exit codes", "\n  6   "] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|l| l.len() <= 82), "{text}");
}

/// The tool that compares does so in lines, too.
#[test]
#[ignore = "needs python3 with duckdb, which .ci/run installs"]
fn comparing_says_in_a_line_what_failed() {
    let compare = |program: &str, home: &str| {
        let mut command = Command::new(duckdb());
        ran(command.arg("-B").arg(script("compare.py")).args(["--wtcheck", program, home]))
    };
    for (program, home, words) in [
        ("/nothing/wtcheck", path(&leak()), "/nothing/wtcheck: No such file or directory; name the program"),
        (env!("CARGO_BIN_EXE_wtcheck"), "/nothing/home", "/nothing/home: audit failed: "),
    ] {
        let (code, stdout, stderr) = compare(program, home);
        assert_eq!((code, stdout.as_str()), (6, ""), "{stderr}");
        assert!(stderr.starts_with("compare.py: ") && stderr.contains(words), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}
