//! Promises beyond those that every verb keeps one by one (tests/it/contract.rs): verdicts, formats, the words
//! of errors, hidden user bytes, and stores in a special state.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn wtcheck(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(args).env_remove("NO_COLOR").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn leak() -> String {
    common::fixture("palite/2026-07-leak-full").display().to_string()
}

const COOKIE: &str = "00c025808282bd21596019";

/// Every command with arguments that make it do its work on a store.
fn every_command(home: &str) -> Vec<Vec<String>> {
    [
        vec!["audit", home],
        vec!["audit", home, "--quick"],
        vec!["audit", home, "--deep", "--no-mmap"],
        vec!["audit", home, "--newest-only", "--jobs", "1"],
        vec!["orphans", home],
        vec!["map", home],
        vec!["map", home, "--by", "lsn"],
        vec!["repair", "plan", home],
        vec!["repair", "plan", home, "--format", "json", "--only", "size-inflated"],
        vec!["page", home, "25", "110"],
        vec!["page", home, "25", "110", "--show", "hex"],
        vec!["pickup", "replay", home],
        vec!["pickup", "replay", home, "--policy", "step-down", "--format", "json"],
        vec!["pickup", "explain", "fixtures/logs/standby-abort.txt", "--home", home],
        vec!["pickup", "run", "fixtures/scenarios/rapid_seal_burst.yaml"],
        vec!["pickup", "explore", "fixtures/scenarios/new_leader.yaml", "--policy", "abort", "--depth", "8"],
        vec!["decode", "cookie", COOKIE],
        vec!["explain"],
        vec!["explain", "size-inflated"],
        vec!["man"],
        vec!["completions", "bash"],
    ]
    .into_iter()
    .map(|c| c.into_iter().map(String::from).collect())
    .collect()
}

fn run(args: &[String]) -> Output {
    wtcheck(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn help_and_version() {
    let help = text(&wtcheck(&["--help"]).stdout);
    for line in ["Exit codes:", "not enough could be read to judge", "refused: the store is in use"] {
        assert!(help.contains(line), "{line} in {help}");
    }
    assert!(text(&wtcheck(&["--version"]).stdout).starts_with("wtcheck "));
}

#[test]
fn a_wrong_command_line_exits_2_and_says_why_on_stderr() {
    let home = leak();
    for args in [
        vec!["audit"],
        vec!["frobnicate"],
        vec!["audit", "--bogus", &home],
        vec!["audit", &home, "--deep", "--quick"],
        vec!["audit", &home, "--format", "xml"],
        vec!["audit", &home, "--jobs", "0"],
        vec!["audit", &home, "--assume", "1999-01"],
        vec!["audit", &home, "--checkpoint", "424242"],
        vec!["audit", &home, "--table", "nosuch*"],
        vec!["page", &home, "nosuchtable", "1"],
        vec!["pickup"],
        vec!["pickup", "run"],
        vec!["pickup", "explore", "fixtures/scenarios/rapid_seal_burst.yaml", "--policy", "hope"],
        vec!["simulate", "accounting", "fixtures/scenarios/accounting-leak.yaml"],
        vec!["pickup", "replay", &home, "--installed", "424242"],
        vec!["explain", "no-such-code"],
        vec!["decode", "cookie", "xyz"],
    ] {
        let out = wtcheck(&args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", text(&out.stderr));
        assert!(out.stdout.is_empty() && !out.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn exit_codes_and_verdicts() {
    for (name, code, verdict) in [
        ("2026-07-leak-full", 1, "findings"),
        ("2026-07-dup-delta-wal", 0, "clean"),
        ("2025-11-bitflip-missing-delta", 1, "findings"),
        ("2026-02-double-root", 1, "findings"),
        ("2026-07-stale-keystore-inflight", 1, "findings"),
    ] {
        let home = common::fixture("palite").join(name).display().to_string();
        let out = wtcheck(&["audit", &home, "--format", "json"]);
        assert_eq!(out.status.code(), Some(code), "{name}");
        assert!(out.stderr.is_empty(), "{name}: {}", text(&out.stderr));
        let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!((&json["verdict"], &json["exit_code"]), (&verdict.into(), &code.into()), "{name}");
        assert_eq!((&json["schema_version"], &json["tool"]["name"]), (&1.into(), &"wtcheck".into()));
    }
    assert_eq!(wtcheck(&["orphans", &leak()]).status.code(), Some(1));
    let wal = common::fixture("palite/2026-07-dup-delta-wal").display().to_string();
    assert_eq!(wtcheck(&["orphans", &wal]).status.code(), Some(0));
}

#[test]
fn every_format_is_well_formed() {
    let home = leak();
    for command in [
        vec!["audit", &home],
        vec!["orphans", &home],
        vec!["explain"],
        vec!["page", &home, "25", "110"],
        vec!["pickup", "replay", &home],
    ] {
        let with = |format| {
            let mut args = command.clone();
            args.extend(["--format", format]);
            text(&wtcheck(&args).stdout)
        };
        let json: serde_json::Value = serde_json::from_str(&with("json")).unwrap();
        let yaml: serde_json::Value = serde_yaml::from_str(&with("yaml")).unwrap();
        assert_eq!(json, yaml, "{command:?}");
        let lines = with("jsonl");
        assert!(!lines.is_empty());
        for line in lines.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
    let lines = text(&wtcheck(&["audit", &home, "--format", "jsonl"]).stdout);
    assert_eq!(lines.lines().filter(|l| l.contains(r#""record":"orphan""#)).count(), 3);
}

#[test]
fn errors_are_one_line_with_a_way_on() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let home = |name: &str| {
        common::copy_dir(&common::fixture("palite/2026-02-double-root"), &at(name));
        at(name)
    };
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir(at("other")).unwrap();
    std::fs::write(at("other/notes.txt"), "x").unwrap();
    std::fs::write(at("file"), "x").unwrap();
    let foreign = home("foreign");
    std::fs::remove_file(foreign.join("kv_home/checkpoints.db")).unwrap();
    let sql = |path: PathBuf, sql: &str| rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    sql(foreign.join("kv_home/checkpoints.db"), "CREATE TABLE music (title)");
    let truncated = home("truncated");
    let pages = truncated.join("kv_home/pages_000025.db");
    let bytes = std::fs::read(&pages).unwrap();
    std::fs::write(&pages, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let blocked = home("blocked");
    std::fs::remove_file(blocked.join("kv_home/pages_000025.db")).unwrap();
    std::fs::create_dir(blocked.join("kv_home/pages_000025.db")).unwrap();
    let future = home("future");
    sql(
        future.join("kv_home/checkpoints.db"),
        "UPDATE checkpoints SET checkpoint_metadata = CAST('metadata_lsn=243,metadata_checksum=396ea56c,\
         database_size=1158381,version=9,compatible_version=9' AS BLOB) WHERE lsn = 244",
    );
    let none = home("none");
    sql(none.join("kv_home/checkpoints.db"), "DELETE FROM checkpoints");
    for (path, code, words) in [
        (at("nothing"), 6, "does not exist"),
        (at("empty"), 6, "is an empty directory"),
        (at("other"), 6, "is not a WiredTiger home"),
        (at("file"), 6, "is a file, not a directory"),
        (foreign, 6, "not a PALite store: no table checkpoints"),
        (truncated, 6, "pages_000025.db: database disk image is malformed"),
        (blocked, 6, "pages_000025.db: is not a regular file"),
        (future, 3, "compatible_version=9"),
        (none, 6, "no completion record"),
    ] {
        let before = path.is_dir().then(|| common::snapshot(&path));
        for command in ["audit", "map", "orphans"] {
            let out = wtcheck(&[command, &path.display().to_string(), "--color", "never"]);
            let stderr = text(&out.stderr);
            assert_eq!(out.status.code(), Some(code), "{command} {}: {stderr}", path.display());
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.starts_with("wtcheck: ") && stderr.contains(words) && stderr.contains("; "), "{stderr}");
        }
        let json = wtcheck(&["audit", &path.display().to_string(), "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["exit_code"], code);
        assert!(before.is_none_or(|b| b == common::snapshot(&path)), "{} was touched", path.display());
    }
}

#[test]
fn no_colour_unless_asked_and_hidden_user_bytes() {
    let home = leak();
    for args in every_command(&home) {
        let out = run(&args);
        assert!(!out.stdout.contains(&0x1b), "{args:?}");
    }
    let coloured = wtcheck(&["audit", &home, "--color", "always"]);
    assert!(coloured.stdout.contains(&0x1b));
    let deep = text(&wtcheck(&["audit", &home, "--deep", "-vv"]).stdout);
    let page = text(&wtcheck(&["page", &home, "25", "110"]).stdout);
    let shown = text(&wtcheck(&["page", &home, "25", "110", "--show", "hex"]).stdout);
    assert_ne!(page, shown);
    for hidden in [deep, page] {
        assert!(!hidden.contains("user") && !hidden.contains("6b6579"), "{hidden}");
    }
}

/// Names, bytes and mtimes of a store are the same after every command, also with a live `-wal`,
/// and nothing is left behind in the directory for temporary files.
#[test]
fn no_command_touches_its_source() {
    let temp = tempfile::tempdir().unwrap();
    let private = temp.path().join("tmp");
    std::fs::create_dir(&private).unwrap();
    for name in ["2026-07-leak-full", "2026-07-dup-delta-wal", "2025-11-bitflip-missing-delta"] {
        let home = temp.path().join(name);
        common::copy_dir(&common::fixture("palite").join(name), &home);
        untouched(&home, &private, false);
    }
    let palm = temp.path().join("palm");
    std::fs::create_dir_all(palm.join("kv_home")).unwrap();
    std::fs::write(palm.join("kv_home/data.mdb"), common::palm_data()).unwrap();
    untouched(&palm, &private, false);

    // Another process still has the store open, with committed frames in the -wal.
    let live = temp.path().join("live");
    common::copy_dir(&common::fixture("palite/2026-07-leak-full"), &live);
    let writer = rusqlite::Connection::open(live.join("kv_home/pages_08.db")).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;
             UPDATE pages SET timestamp_materialized_us = timestamp_materialized_us + 1;",
        )
        .unwrap();
    assert!(std::fs::metadata(live.join("kv_home/pages_08.db-wal")).unwrap().len() > 0);
    let refused = wtcheck(&["audit", &live.display().to_string()]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("--allow-live"));
    untouched(&live, &private, true);
    drop(writer);
}

fn untouched(home: &Path, private: &Path, allow_live: bool) {
    let before = common::snapshot(home);
    for mut args in every_command(&home.display().to_string()) {
        if allow_live && ["audit", "map", "orphans", "page", "pickup"].contains(&args[0].as_str()) {
            args.push("--allow-live".to_string());
        }
        let out = Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(&args).env("TMPDIR", private).output().unwrap();
        assert!(matches!(out.status.code(), Some(0..=2)), "{args:?}: {}", text(&out.stderr));
        assert!(before == common::snapshot(home), "{args:?} touched its source");
        assert_eq!(std::fs::read_dir(private).unwrap().count(), 0, "{args:?} left something behind");
    }
}

/// A `TMPDIR` that is set and empty is none: the private copy of a database is not made in the current directory,
/// which may be the evidence. Here it is one that is gone.
#[test]
fn an_empty_tmpdir_is_none() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/palite/2026-07-dup-delta-wal");
    let gone = tempfile::tempdir().unwrap();
    let script = "cd \"$1\" && rmdir \"$1\" && TMPDIR= exec \"$2\" audit -q \"$3\"";
    let out = Command::new("bash")
        .args(["-c", script, "bash"])
        .args([gone.path(), Path::new(env!("CARGO_BIN_EXE_wtcheck")), &fixture])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
}
