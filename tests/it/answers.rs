//! The first lines of an audit are the answer, and it is true: what is lost, how much was looked at, and a command that
//! does something.

use crate::common::{copy_dir, fixture, path, real, wtcheck};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The answer of an audit at 80 columns, and its exit code.
fn answer(args: &[&str]) -> (i32, String) {
    shown(&[args, &["-q"]].concat())
}

/// What is shown at 80 columns, and the exit code.
fn shown(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let out = command.args(args).args(["--color", "never"]).env("COLUMNS", "80").output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
}

fn summary(home: &Path, more: &[&str]) -> String {
    let args: Vec<&str> = ["audit", path(home), "--summary"].iter().chain(more).copied().collect();
    let (_, out, _) = wtcheck(&args);
    assert_eq!(out.lines().count(), 1, "{out}");
    out
}

fn copied(from: &Path) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    copy_dir(from, &home);
    (temp, home)
}

/// Remove what the names of files begin with.
fn removed(dir: &Path, begins: &str) {
    let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let gone: Vec<PathBuf> = files.filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with(begins)).collect();
    assert!(!gone.is_empty(), "{begins}");
    gone.iter().for_each(|p| std::fs::remove_file(p).unwrap());
}

#[test]
fn a_journal_that_is_gone_is_never_clean() {
    let (_temp, home) = copied(&real("classic-crash/db"));
    assert!(summary(&home, &[]).starts_with("verdict=clean "), "{}", summary(&home, &[]));
    removed(&home, "WiredTigerLog.");
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(
        code == 6 && out.contains("Not checked: WiredTigerLog.*") && out.contains("copy the journal"),
        "{code} {out}"
    );
    assert!(summary(&home, &[]).contains(" data=unknown "));
    // One file of it.
    let (_temp, home) = copied(&real("classic-crash/db"));
    removed(&home, "WiredTigerLog.0000000001");
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(code == 1 && out.contains("Lost        commits after the checkpoint"), "{code} {out}");
    assert!(summary(&home, &[]).contains(" data=damaged "));
}

#[test]
fn nothing_that_is_lost_hides_behind_something_else() {
    let (_temp, home) = copied(&real("classic-crash/db"));
    removed(&home, "WiredTigerLog.0000000001");
    let file = home.join("big.wt");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 65536].fill(0);
    std::fs::write(&file, bytes).unwrap();
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(code == 1 && out.contains("commits after the checkpoint") && out.contains("Lost        big.wt: "), "{out}");
}

#[test]
fn a_home_that_mongod_closed_needs_no_journal() {
    // Its lock file is emptied when everything is in a checkpoint.
    let (_temp, home) = copied(&real("classic-crash/db"));
    removed(&home, "WiredTigerLog.");
    std::fs::write(home.join("mongod.lock"), "").unwrap();
    assert!(summary(&home, &[]).starts_with("verdict=clean "), "{}", summary(&home, &[]));
    std::fs::write(home.join("mongod.lock"), "4711\n").unwrap();
    assert!(summary(&home, &[]).starts_with("verdict=incomplete "), "{}", summary(&home, &[]));
}

#[test]
fn keys_that_are_gone_are_never_clean() {
    let (_temp, home) = copied(&fixture("palite/2026-07-leak-full"));
    removed(&home.join("kv_home"), "pages_09.db");
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(code == 1 && out.contains("pages_09.db"), "{code} {out}");
    assert!(!out.contains("repair plan"), "nothing is planned where files are missing: {out}");
    assert!(summary(&home, &[]).contains(" data=unknown "));
}

#[test]
fn what_was_not_looked_at_is_said() {
    let home = fixture("local/mongo");
    let (_, out) = answer(&["audit", path(&home), "--quick"]);
    assert!(out.lines().next().unwrap().ends_with("by internal pages only (--quick)"), "{out}");
    assert!(summary(&home, &["--quick"]).contains(" data=unknown scope=quick "));
    let (_, out) = answer(&["audit", path(&home), "--table", "*index*"]);
    assert!(out.lines().next().unwrap().ends_with("of what was asked for"), "{out}");
    assert!(summary(&home, &["--table", "*index*"]).contains(" scope=tables "));
    assert!(summary(&home, &[]).contains(" data=whole scope=checksums not_checked=0 "));
}

#[test]
fn the_command_to_type_now_does_something() {
    let mut stores: Vec<PathBuf> = Vec::new();
    for family in ["palite", "local"] {
        stores.extend(std::fs::read_dir(fixture(family)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()));
    }
    stores.sort();
    let mut planned = 0;
    for store in &stores {
        let (code, out) = answer(&["audit", path(store)]);
        let first = out.lines().next().unwrap();
        assert!(first.starts_with("Verdict: "), "{out}");
        let answer: Vec<&str> = out.lines().take_while(|l| !l.starts_with("Not checked")).collect();
        assert!(answer.len() <= 14, "{} at 80 columns: {out}", store.display());
        assert_eq!(code == 0, !out.contains("Do now"), "{out}");
        let command = out.split("Do now      ").nth(1).unwrap_or_default().replace("\\\n", " ");
        if command.starts_with("wtcheck repair plan ") {
            let temp = tempfile::tempdir().unwrap();
            let words: Vec<&str> = command.split_whitespace().skip(1).take_while(|w| *w != "Not").collect();
            let ran =
                Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(&words).current_dir(temp.path()).output().unwrap();
            assert_eq!(ran.status.code(), Some(1), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
            assert!(temp.path().join("plan.yaml").is_file(), "{command} wrote no plan");
            planned += 1;
        }
    }
    assert!(planned >= 2, "{planned}");
}

#[test]
fn an_index_is_no_document() {
    let (_temp, home) = copied(&fixture("local/mongo"));
    removed(&home, "index-1-");
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(code == 1 && out.contains("Lost        no document"), "{code} {out}");
    assert!(!out.contains("_id_, index _id_"), "{out}");
}

/// A bit that the checksum tells is corrected in memory: nothing is lost, and the file's books are not to blame.
#[test]
fn a_flipped_bit_of_a_document_costs_nothing() {
    let (_temp, home) = copied(&fixture("local/mongo"));
    let file = home.join("collection-0--7234567890123456789.wt");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[600_000] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let (code, out) = answer(&["audit", path(&home)]);
    assert!(code == 1 && out.contains("nothing: the data reads in full, with the flipped bit"), "{code} {out}");
    assert!(!out.contains("books its space"), "{out}");
}

/// Blocks that nothing leads to are one leak of several.
/// Nor does the checksum in the header of a page, though an engine refuses the page for it.
#[test]
fn a_checksum_field_costs_no_document() {
    let (_temp, home) = copied(&fixture("local/mongo"));
    let name = "collection-0--7234567890123456789.wt";
    let (_, json, _) = wtcheck(&["audit", path(&home), "--format", "json"]);
    let before: serde_json::Value = serde_json::from_str(&json).unwrap();
    let files = before["local"]["files"].as_array().unwrap();
    let newest = files.iter().find(|f| f["file"] == name).unwrap()["checkpoints"].as_array().unwrap().last().unwrap();
    let root = usize::try_from(newest["root"]["offset"].as_u64().unwrap()).unwrap();
    let mut bytes = std::fs::read(home.join(name)).unwrap();
    bytes[root + 32] ^= 0xff;
    std::fs::write(home.join(name), bytes).unwrap();
    let (code, out) = answer(&["audit", path(&home)]);
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 1 && said.contains("nothing: the data reads in full; the engine refuses a block"), "{code} {said}");
}

#[test]
fn no_orphans_is_not_no_leak() {
    let (code, out) = answer(&["orphans", path(&fixture("palite/2026-02-double-root"))]);
    assert!(code == 0 && out.contains("sizes are off in 1 tree: wtcheck audit\n"), "{code} {out}");
}

/// An engine found no turtle, set the metadata aside and made an empty one.
#[test]
fn a_dump_without_the_metadata_that_was_set_aside_says_so() {
    let (temp, home) = copied(&real("cases/homes/restarted-without-turtle"));
    let out = temp.path().join("out");
    let (code, said, err) = wtcheck(&["dump", path(&home), "-o", path(&out)]);
    assert!(code == 1 && said.contains("set the metadata aside") && !said.contains("Nothing is lost"), "{said}{err}");
    assert!(said.contains("wtcheck repair plan ") && !said.contains("load -f"), "{said}");
    // A file that is named is read, whatever the metadata knows.
    let file = home.join("collection-0-1111222233334444555.wt");
    let (code, rows, err) = wtcheck(&["dump", path(&file), "--as", "json"]);
    assert!(code == 0 && rows.lines().count() > 0, "{code} {rows} {err}");
    // And after the repair all of it, without a word of damage.
    let (plan, mended, all) = (temp.path().join("plan.yaml"), temp.path().join("mended"), temp.path().join("all"));
    assert_eq!(wtcheck(&["repair", "plan", path(&home), "-o", path(&plan)]).0, 1);
    let (code, said, err) = wtcheck(&["repair", "apply", path(&plan), "--output", path(&mended)]);
    assert_eq!(code, 4, "{said}{err}");
    let (code, said, err) = wtcheck(&["dump", path(&mended), "-o", path(&all)]);
    assert!(code == 0 && said.contains("Nothing is lost") && !said.contains("recovered."), "{code} {said}{err}");
}

/// What is found on pages that nothing leads to can be loaded, and the dump says how.
#[test]
fn rows_that_were_found_apart_can_be_loaded() {
    let (temp, home) = copied(&fixture("local/mongo"));
    let file = home.join("collection-0--7234567890123456789.wt");
    let length = std::fs::metadata(&file).unwrap().len();
    std::fs::File::options().write(true).open(&file).unwrap().set_len(length / 2 / 4096 * 4096).unwrap();
    // Which rows is not known: the audit sends to the dump that looks everywhere.
    let (code, said) = answer(&["audit", path(&home)]);
    assert!(code == 1 && said.contains("--orphans"), "{code} {said}");
    let out = temp.path().join("out");
    let (_, said, err) = wtcheck(&["dump", path(&home), "-o", path(&out), "--orphans"]);
    assert!(said.contains(" found apart"), "{said}{err}");
    let found = out.join("test/users.orphans-bson");
    let load = format!("mongorestore --db test --collection users_found - < {}", found.display());
    assert!(found.is_file() && said.contains(&load), "{said}");
}

/// With `-q` a report ends where its answer does.
#[test]
fn quiet_is_the_answer_alone() {
    let leak = fixture("palite/2026-07-leak-full");
    let other = fixture("palite/2026-07-dup-delta-wal");
    let stale = fixture("palite/2026-07-stale-keystore-inflight");
    let [home, lost] = ["local/mongo", "local/lost-extent"].map(fixture);
    let [log, none] = ["logs/standby-abort.txt", "logs/causes/turtle-missing.1.log"].map(fixture);
    let commands: [&[&str]; 10] = [
        &["audit", path(&leak)],
        &["audit", path(&home)],
        &["history", path(&leak)],
        &["history", path(&other)],
        &["history", path(&lost)],
        &["diff", path(&leak), path(&other)],
        &["diff", path(&leak), path(&leak)],
        &["pickup", "replay", path(&stale)],
        &["log", path(&log)],
        &["log", path(&none)],
    ];
    for args in commands {
        let (code, whole) = shown(args);
        let (quiet_code, quiet) = answer(args);
        assert_eq!(quiet_code, code, "{args:?}");
        assert!(whole.starts_with(&quiet), "{args:?}: {quiet}\nis not how this begins:\n{whole}");
        let lines = quiet.lines().count();
        assert!((1..=16).contains(&lines), "{args:?}: {lines}: {quiet}");
        // Behind the answer that two are the same there is nothing.
        let same = args[0] == "diff" && args[1] == args[2];
        assert_eq!(quiet.len() < whole.len(), !same, "{args:?}: {quiet}");
    }
}

/// A remedy names the store and the place that it is about.
#[test]
fn remedies_have_no_placeholder() {
    let [pagelogs, locals] = ["palite", "local"].map(|kind| std::fs::read_dir(fixture(kind)).unwrap());
    let homes = pagelogs.chain(locals).map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    let mut shown_remedies = 0;
    for home in homes {
        let (_, text) = shown(&["audit", path(&home), "-v"]);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        shown_remedies += text.matches(" do: ").count();
        for blank in
            ["page DIR", "page FILE", "audit DIR", "plan DIR", "replay DIR", "--offset N ", "--checkpoint LSN "]
        {
            assert!(!text.contains(blank), "{}: {blank}: {text}", home.display());
        }
    }
    assert!(shown_remedies > 5, "{shown_remedies}");
}
