//! `wtcheck pickup explain`: failed pick-ups in logs of every shape, and what is said of them.

use crate::common;
use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::{Value, json};
use wtcheck::pickup::explain::story::Story;
use wtcheck::pickup::explain::{Case, Options};
use wtcheck::report::pickup::explain as view;
use wtcheck::report::text::Paint;

fn log(name: &str) -> String {
    std::fs::read_to_string(common::fixture("logs").join(name)).unwrap()
}

fn excerpt() -> String {
    log("standby-abort.txt")
}

fn run(args: &[&str], stdin: impl Into<Vec<u8>>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let out = command.args(["pickup", "explain"]).args(args).write_stdin(stdin).output().unwrap();
    let code = out.status.code().unwrap();
    assert!(code != 70 && code != 101, "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    (code, String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

/// The explanation of a log, in process: JSON and text.
fn told(logs: &[&[u8]]) -> (Value, String) {
    let mut story = Story::new();
    for (n, log) in logs.iter().enumerate() {
        story.push(log);
        story.end_log(&format!("log{n}"));
    }
    let e = Case::new(&story, Options::default()).explain(None);
    (serde_json::to_value(&e).unwrap(), view::text(&e, None, Paint { on: false }, true))
}

fn explained(log: impl AsRef<[u8]>) -> Value {
    told(&[log.as_ref()]).0
}

/// What must not depend on how a log is written down.
fn facts(v: &Value) -> Value {
    let (f, m) = (&v["failure"], &v["checkpoint_manager"]);
    json!({
        "verdict": v["verdict"], "profile": v["profile"], "failures": v["failures_total"],
        "lsn": f["metadata_lsn"], "checksum": f["metadata_checksum"], "size": f["database_size"],
        "versions": [f["version"], f["compatible_version"]], "text": f["completion_text"],
        "code": [f["return_code"], f["return_code_number"]],
        "step": [f["step"], f["step_place"], f["certainty"]],
        "attempts": f["attempts"], "session": f["session"], "caller": f["caller"],
        "manager": [m["installed"]["lsn"], m["to_install"]["lsn"], m["latest_materialized"]["lsn"]],
        "seconds": [m["seconds_installed_to_install_derived"], m["seconds_to_install_to_latest_derived"]],
        "signal": f["abort"]["signal"], "secondary": v["secondary"]["count"],
        "reactions": v["policies"].as_array().unwrap().iter().map(|p| json!([p["policy"], p["reaction"], p["serves_from"]])).collect::<Vec<_>>(),
    })
}

fn wanted() -> Value {
    json!({
        "verdict": "failed", "profile": "2026-05", "failures": 1,
        "lsn": 7_655_755_784_663_335_110_u64, "checksum": "4f8ebbd8", "size": 9_993_408,
        "versions": [1, 1],
        "text": "metadata_lsn=7655755784663335110,metadata_checksum=4f8ebbd8,database_size=9993408,version=1,compatible_version=1",
        "code": ["EINVAL", 22],
        "step": ["keystore", "install step 8", "by-elimination"],
        "attempts": 1, "session": "checkpoint-pick-up", "caller": "WT_CONNECTION.reconfigure",
        "manager": [7_655_755_763_188_498_436_u64, 7_655_755_784_663_335_113_u64, 7_655_755_810_433_138_789_u64],
        "seconds": [5, 6],
        "signal": 6, "secondary": 0,
        "reactions": [["abort", "abort", null], ["skip", "skip", 7_655_755_763_188_498_436_u64], ["step-down", "step-down", null]],
    })
}

#[test]
fn the_excerpt_of_the_report() {
    let path = common::fixture("logs/standby-abort.txt").display().to_string();
    let (code, stdout, stderr) = run(&[&path, "--format", "json"], "");
    assert_eq!((code, stderr.as_str()), (1, ""));
    let v: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(facts(&v), wanted());
    assert_eq!((&v["schema_version"], &v["kind"], &v["exit_code"]), (&json!(1), &json!("pickup-explain"), &json!(1)));
    assert_eq!(v["logs"], json!([{"name": path, "lines": 7}]));
    // Every other step that returns EINVAL is excluded, one by one.
    let evidence = v["failure"]["evidence"].as_array().unwrap();
    let excluded: Vec<&str> =
        evidence.iter().filter(|e| e["weight"] == "excludes").map(|e| e["step"].as_str().unwrap()).collect();
    assert_eq!(
        excluded,
        ["metadata_lsn", "metadata_checksum", "database_size", "versions", "order", "parse-turtle", "merge"]
    );
    let (code, text, _) = run(&[&path], "");
    assert_eq!(code, 1);
    for want in [
        "7655755784663335110",
        "2026-06-26 17:22:27 UTC (derived)",
        "4f8ebbd8",
        "9993408",
        "EINVAL(22)",
        "keystore",
        "by elimination",
        "install step 8",
        "7655755763188498436",
        "7655755784663335113",
        "7655755810433138789",
        "5 s after the installed (derived)",
        "6 s after the one to install (derived)",
        "17:22:35.791, line 1",
        "signal 6",
        "SIGABRT, as this log shows",
        "drops metadata_lsn=7655755784663335110 for good",
        "leaves cleanly",
        "wtcheck pickup replay DIR --keystore-lsn LSN",
        "wtcheck audit DIR",
        "_conn->reconfigure(_conn, getCkptMetaConfigString.c_str())",
    ] {
        assert!(text.contains(want), "{want} is not in\n{text}");
    }
    let (piped, _, _) = run(&["-"], excerpt());
    assert_eq!(piped, 1);
}

/// Break lines after `width` characters: anywhere, or at the spaces before.
fn wrapped(log: &str, width: usize, words: bool) -> Vec<String> {
    let mut out = Vec::new();
    for line in log.lines() {
        let mut rest = line;
        while !rest.is_empty() {
            let mut cut = rest.len().min(width);
            if words && cut < rest.len() {
                cut = rest[..cut].rfind(' ').filter(|at| *at > 0).map_or(cut, |at| at + 1);
            }
            out.push(rest[..cut].to_string());
            rest = &rest[cut..];
        }
    }
    out
}

#[test]
fn the_excerpt_wrapped_at_any_width() {
    for width in 60..=120 {
        for words in [true, false] {
            let lines = wrapped(&excerpt(), width, words);
            for (first, prefix, end) in
                [("", "", "\n"), ("> ", "> ", "\r\n"), ("  > > ", "  > > ", "\n"), ("    ", "    ", "\n")]
            {
                let mut text = String::new();
                for (n, line) in lines.iter().enumerate() {
                    text += &format!("{}{line}{end}", if n == 0 { first } else { prefix });
                }
                assert_eq!(facts(&explained(&text)), wanted(), "{width} {words} {prefix:?}\n{text}");
            }
        }
    }
}

#[test]
fn the_excerpt_in_other_clothes() {
    let plain = excerpt();
    let smart = plain
        .replacen("\"Failed", "\u{201c}Failed", 1)
        .replace("\"int", "\u{201c}int")
        .replace("22\"\n", "22\u{201d}\n");
    let bullets = plain.lines().map(|l| if l.starts_with(' ') { format!("   {l}\n") } else { format!("* {l}\n") });
    let dots = plain.lines().map(|l| format!("\u{2022} {}\n", l.trim()));
    let numbered = plain.lines().zip(1..).map(|(l, n)| format!("{n}. {}\n", l.trim_start()));
    let coloured =
        plain.replace("ERROR", "\u{1b}[1;31mERROR\u{1b}[0m").replace("metadata_lsn=", "metadata_lsn=\u{1b}[33m");
    let dated = plain.replace("17:22:35.", "2026-06-26T17:22:35.");
    let bracketed = plain.replace("17:22:35.", "[2026-06-26 17:22:35,").replace("  WiredTiger", "]  WiredTiger");
    let no_break = plain.replace("  ", "\u{a0}\u{a0}");
    let told =
        format!("Hi all,\n\nwe saw this tonight:\n\n{plain}\n\nThe 17:22 rotation of 3 nodes?\n325 is not it.\n");
    // A pasted paragraph: no line feeds at all, as they came, or folded anew.
    let paragraph = plain.lines().collect::<Vec<_>>().join(" ");
    let folded: String = wrapped(&paragraph, 72, true).iter().map(|l| format!("> {l}\n")).collect();
    let string = json!({ "text": plain }).to_string();
    let twice = json!({ "output": string }).to_string();
    for (name, text) in [
        ("smart quotes", smart),
        ("bullets", bullets.collect()),
        ("dots", dots.collect()),
        ("numbers", numbered.collect()),
        ("colours", coloured),
        ("dates", dated),
        ("brackets", bracketed),
        ("no-break spaces", no_break),
        ("told", told),
        ("paragraph", paragraph),
        ("folded", folded),
        ("string", string),
        ("string in a string", twice),
        ("CRLF", plain.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{plain}")),
        ("no end", plain.trim_end().to_string()),
    ] {
        assert_eq!(facts(&explained(&text)), wanted(), "{name}\n{text}");
    }
}

#[test]
fn the_same_as_json_with_its_flood() {
    let text = log("standby-abort-mongod.json");
    let v = explained(&text);
    let mut want = wanted();
    want["secondary"] = json!(12);
    assert_eq!(facts(&v), want);
    let s = &v["secondary"];
    assert_eq!(
        (&s["not_found"], &s["frontier"], &s["retries"], &s["read_errors"]),
        (&json!(9), &json!(1), &json!(2), &json!(0))
    );
    assert_eq!((&s["first"]["line"], &s["last"]["line"]), (&json!(3), &json!(17)));
    assert_eq!(s["last"]["time"], "2026-06-26T17:22:35.817+00:00");
    assert!(s["why"].as_str().unwrap().contains("not the cause"), "{s}");
    assert_eq!(v["installed"][0]["metadata_lsn"], 7_655_755_763_188_498_430_u64);
    assert_eq!(v["key_lines"][0]["what"], "Rotated the KEK, new key committed \"keyVersion\":4");
    assert_eq!(v["failure"]["first"]["context"], "Disagg-5");
    assert_eq!(
        v["failure"]["abort"]["invariant"],
        "Invariant failure: _conn->reconfigure(_conn, getCkptMetaConfigString.c_str()), BadValue: 22: Invalid argument"
    );
    // Wrapped, what getLog answers, and with the engine's object as text.
    for width in [61, 80, 100, 119] {
        let text: String = wrapped(&text, width, false).iter().map(|l| format!("> {l}\n")).collect();
        assert_eq!(facts(&explained(&text)), want, "{width}\n{text}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let answer = json!({ "totalLinesWritten": lines.len(), "log": lines }).to_string();
    assert_eq!(facts(&explained(&answer)), want);
    let longs =
        text.replace("{\"$numberLong\":\"", "NumberLong(\"").replace("\"},\"checkpointTo", "\"),\"checkpointTo");
    assert_eq!(facts(&explained(&longs))["manager"], want["manager"]);
}

#[test]
fn the_newest_builds_name_the_step() {
    let v = explained(log("newest-keystore-skipped.txt"));
    let f = &v["failure"];
    assert_eq!(
        (&v["profile"], &f["certainty"], &f["step"]),
        (&json!("2026-08"), &json!("log-says-so"), &json!("keystore"))
    );
    assert_eq!((&f["return_code"], &f["attempts"], &f["abort"]), (&json!("EINVAL"), &json!(1), &Value::Null));
    assert_eq!((&f["session"], &f["caller"]), (&json!("checkpoint-pick-up"), &json!("WT_CONNECTION.reconfigure")));
    assert_eq!((&f["first"]["time"], &f["version"]), (&json!("1787000000.300100"), &json!(2)));
    assert_eq!(v["policies"][1]["serves_from"], 7_675_098_900_000_000_120_u64);
    assert!(v["policies"][1]["what"].as_str().unwrap().contains("metadata_lsn=7675099100000000402"), "{v}");
    // The engine's own JSON.
    let own = json!({"ts_sec": 1_787_000_000, "ts_usec": 42, "thread": "1:0x7f", "session_name": "checkpoint-pick-up",
        "category": "WT_VERB_DEFAULT", "category_id": 1, "verbose_level": "ERROR", "verbose_level_id": -3,
        "msg": "f:1: Failed to merge checkpoint 77 into local metadata", "error_str": "Invalid argument", "error_code": 22});
    let v = explained(own.to_string());
    let f = &v["failure"];
    assert_eq!(
        (&f["metadata_lsn"], &f["step"], &f["first"]["time"]),
        (&json!(77), &json!("merge"), &json!("1787000000.000042"))
    );
}

const OLD: &str = "Failed to pick up disaggregated storage checkpoint for metadata_lsn=";

/// A failure in the words used until mid 2026.
fn old(lsn: u64, ret: i32, before: &str, text: &str) -> String {
    let config = if text.is_empty() {
        String::new()
    } else {
        format!("Failed to pick up a new checkpoint with config: {text}\n")
    };
    format!("{before}\n{OLD}{lsn}: ret={ret}\n{config}")
}

#[test]
fn each_step_by_its_traces() {
    const TEXT: &str = "metadata_lsn=500,metadata_checksum=1f,database_size=1048677,version=1,compatible_version=1";
    let only = |text: &str, words: &str| format!("Failed to pick up a new checkpoint with config: {text}: {words}\n");
    let new = "Failed to pick up checkpoint 500: ";
    for (log, code, step, sure) in [
        // What the log says.
        (
            old(
                500,
                22,
                "Attempting to pick up an older checkpoint: current metadata LSN = 600, new metadata LSN = 500",
                TEXT,
            ),
            json!("EINVAL"),
            json!("order"),
            "log-says-so",
        ),
        (
            old(500, 5, "Checkpoint metadata corruption detected: lsn=500, expected=0x1f, got=0x20, data=[]", TEXT),
            json!("EIO"),
            json!("checksum"),
            "log-says-so",
        ),
        (
            old(500, 5, "read failed for page ID 1, lsn 500\nDisagg metadata fetching failed, with lsn: 500", TEXT),
            json!("EIO"),
            json!("fetch-turtle"),
            "log-says-so",
        ),
        (old(500, 5, "Encryption key data too small: 3 bytes", TEXT), json!("EIO"), json!("keystore"), "log-says-so"),
        (
            old(
                500,
                22,
                "checkpoint pickup would leave btree ID 7 shared by file:a.wt_stable and file:b.wt_stable",
                TEXT,
            ),
            json!("EINVAL"),
            json!("merge"),
            "log-says-so",
        ),
        (
            old(500, 22, "Missing shared file: metadata entry for layered:a", TEXT),
            json!("EINVAL"),
            json!("merge"),
            "log-says-so",
        ),
        (
            old(500, 22, "Disaggregated checkpoint legacy metadata invalid timestamp entry", TEXT),
            json!("EINVAL"),
            json!("parse-turtle"),
            "log-says-so",
        ),
        (
            format!(
                "Failed to parse shared metadata for checkpoint 500\n{new}Invalid argument\n{}",
                only(TEXT, "Invalid argument")
            ),
            json!("EINVAL"),
            json!("parse-turtle"),
            "log-says-so",
        ),
        (
            format!(
                "Checkpoint meta compatible_version=3 requires reader version >= 3\n{}",
                only("metadata_lsn=500,database_size=1,version=3,compatible_version=3", "Operation not supported")
            ),
            json!("ENOTSUP"),
            json!("versions"),
            "log-says-so",
        ),
        // What the figures show.
        (old(500, 5, "read failed for page ID 1, lsn 480", TEXT), json!("EIO"), json!("keystore"), "shown-by-figures"),
        (
            only("metadata_checksum=1f,database_size=1", "item not found"),
            json!("WT_NOTFOUND"),
            json!("metadata_lsn"),
            "shown-by-figures",
        ),
        (
            only("metadata_lsn=500,metadata_checksum=1f", "WT_NOTFOUND: item not found"),
            json!("WT_NOTFOUND"),
            json!("database_size"),
            "shown-by-figures",
        ),
        (
            only("metadata_lsn=500,metadata_checksum=xyz,database_size=1", "Invalid argument"),
            json!("EINVAL"),
            json!("metadata_checksum"),
            "shown-by-figures",
        ),
        (
            only("metadata_lsn=500,database_size=1,version=1,compatible_version=2", "Invalid argument"),
            json!("EINVAL"),
            json!("versions"),
            "shown-by-figures",
        ),
        (
            only("metadata_lsn=500,database_size=1,version=9,compatible_version=9", "Operation not supported"),
            json!("ENOTSUP"),
            json!("versions"),
            "shown-by-figures",
        ),
        (
            old(500, 22, "Finished picking up disaggregated storage checkpoint: metadata_lsn=600 in 3ms", TEXT),
            json!("EINVAL"),
            json!("order"),
            "shown-by-figures",
        ),
        // By elimination.
        (old(500, 22, "", TEXT), json!("EINVAL"), json!("keystore"), "by-elimination"),
        (old(500, 22, "", ""), json!("EINVAL"), json!("keystore"), "by-elimination"),
        (old(500, 5, "", TEXT), json!("EIO"), json!("keystore"), "by-elimination"),
        (old(500, -31804, "", TEXT), json!("WT_PANIC"), json!("finalize"), "by-elimination"),
        (old(500, 126, "", TEXT), json!("126"), json!("keystore"), "by-elimination"),
        (old(500, -31803, "", "metadata_lsn=500,metadata_checksum=1f"), json!("WT_NOTFOUND"), Value::Null, "not-known"),
        (
            old(
                500,
                -31803,
                "LSN frontier violation: read LSN 9 is ahead of the materialization frontier at LSN 8",
                TEXT,
            ),
            json!("WT_NOTFOUND"),
            json!("merge"),
            "by-elimination",
        ),
        // What cannot be told.
        (old(500, 95, "", TEXT), json!("ENOTSUP"), Value::Null, "not-known"),
        (old(500, 16, "", TEXT), json!("EBUSY"), Value::Null, "not-known"),
        (format!("{new}Invalid argument\n"), json!("EINVAL"), Value::Null, "not-known"),
        ("Failed to pick up checkpoint 500\n".to_string(), Value::Null, Value::Null, "not-known"),
    ] {
        let (v, text) = told(&[log.as_bytes()]);
        let f = &v["failure"];
        assert_eq!((&f["return_code"], &f["step"], &f["certainty"]), (&code, &step, &json!(sure)), "{log}\n{text}");
        assert_eq!(
            (&v["failures_total"], &f["attempts"], &v["exit_code"]),
            (&json!(1), &json!(1), &json!(1)),
            "{log}\n{text}"
        );
        // The code of the failure itself is no secondary error.
        let noise = u64::from(log.contains("frontier"));
        assert_eq!(v["secondary"]["count"], noise, "{log}\n{text}");
    }
}

#[test]
fn verdicts_of_the_policies() {
    let reactions = |log: &str| {
        let v = explained(log);
        v["policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["reaction"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    const TEXT: &str = "metadata_lsn=500,metadata_checksum=1f,database_size=1048677";
    assert_eq!(reactions(&old(500, 22, "", TEXT)), ["abort", "skip", "step-down"]);
    assert_eq!(
        reactions(&old(500, 5, "Disagg metadata fetching failed, with lsn: 500", TEXT)),
        ["abort", "retry", "retry"]
    );
    assert_eq!(reactions(&old(500, 16, "", TEXT)), ["retry", "retry", "retry"]);
    assert_eq!(reactions(&old(500, -31804, "", TEXT)), ["panic", "panic", "panic"]);
    // Before August 2026 half a merge stays.
    assert_eq!(reactions(&old(500, 22, "Missing shared file: metadata entry", TEXT)), ["panic", "panic", "panic"]);
    assert_eq!(reactions("Failed to merge checkpoint 500 into local metadata"), ["undecided"; 3]);
    let alone = "Failed to merge checkpoint 500 into local metadata: Invalid argument";
    assert_eq!(reactions(alone), ["abort", "skip", "step-down"]);
    let merge =
        "Failed to merge checkpoint 500 into local metadata\nFailed to pick up checkpoint 500: Invalid argument";
    assert_eq!(reactions(merge), ["abort", "skip", "step-down"]);
}

#[test]
fn several_failures() {
    let one = old(500, 22, "", "metadata_lsn=500,database_size=7");
    let invariant = "Invariant failure: \"_conn->reconfigure()\" BadValue: 22 Got signal: 6 (Aborted)\n";
    let text = format!("{one}{one}{one}{invariant}{}{}", old(600, 5, "", ""), old(700, 16, "", ""));
    let (v, shown) = told(&[text.as_bytes()]);
    let briefs: Vec<Value> = v["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| json!([f["metadata_lsn"], f["return_code"], f["attempts"], f["fatal"]]))
        .collect();
    assert_eq!(
        json!(briefs),
        json!([[500, "EINVAL", 3, true], [600, "EIO", 1, false], [700, "EBUSY", 1, false]]),
        "{shown}"
    );
    // The one the process died of is the one to look at, not the last one.
    assert_eq!((&v["failure"]["metadata_lsn"], &v["aborts"][0]["signal"]), (&json!(500), &json!(6)));
    // Without a fatal one it is the newest; two logs are one story.
    let (v, shown) = told(&[one.as_bytes(), old(600, 5, "", "").as_bytes()]);
    assert_eq!((&v["failure"]["metadata_lsn"], &v["failure"]["first"]["log"]), (&json!(600), &json!(1)));
    assert!(shown.contains("log 2 line 2"), "{shown}");
    // Only the invariant is left of it.
    let v = explained(
        "17:22:35.836 Invariant failure: \"_conn->reconfigure(_conn, getCkptMetaConfigString.c_str())\" \"BadValue: 22: x\"",
    );
    assert_eq!(
        (&v["verdict"], &v["failure"]["return_code"], &v["failure"]["step"]),
        (&json!("failed"), &json!("EINVAL"), &Value::Null)
    );
}

#[test]
fn no_failure_and_nothing_relevant() {
    let fine = "Finished picking up disaggregated storage checkpoint: metadata_lsn=7 in 12ms\nPicking up the same checkpoint again...\n\
                Finished picking up disaggregated storage checkpoint: metadata_lsn=9 in 8ms\nWT_NOTFOUND: item not found\n";
    let (code, text, _) = run(&["-"], fine);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("none failed") && text.contains("metadata_lsn=9"), "{text}");
    let v = explained(fine);
    assert_eq!(
        (&v["verdict"], &v["installed_total"], &v["secondary"]["count"]),
        (&json!("none-failed"), &json!(2), &json!(1))
    );
    for nothing in [
        "",
        "\n\n",
        "17:22:35 Connection accepted\n",
        "Got signal: 11\n",
        "WT_NOTFOUND: item not found\n",
        "KEK rotated",
    ] {
        let (code, text, stderr) = run(&["-"], nothing);
        assert_eq!((code, stderr.as_str()), (6, ""), "{nothing:?} {text}");
        assert!(text.contains("cannot show whether one failed") && !text.contains("none failed"), "{text}");
    }
}

#[test]
fn wrong_command_lines_and_unreadable_logs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().display().to_string();
    for (args, code, want) in [
        (vec![], 2, "Usage"),
        (vec!["/no/such/log"], 6, "/no/such/log"),
        (vec![dir.as_str()], 6, "directory"),
        (vec!["-", "--profile", "1999-01"], 2, "2026-05"),
        (vec!["-", "--keystore-lsn", "x"], 2, "keystore-lsn"),
        (vec!["-", "--home", dir.as_str()], 6, "home"),
    ] {
        let (got, stdout, stderr) = run(&args, excerpt());
        assert_eq!((got, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(want), "{args:?}: {stderr}");
    }
    let (_, json, _) = run(&["-", "--format", "json"], excerpt());
    let (_, yaml, _) = run(&["-", "--format", "yaml"], excerpt());
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), serde_yaml::from_str::<Value>(&yaml).unwrap());
}

/// A log of a record of the store, and what the store says to it.
fn checked(lsn: u64, sum: &str, size: u64, more: &[&str]) -> Value {
    let home = common::fixture("palite/2026-07-stale-keystore-inflight");
    let before = common::snapshot(&home);
    let text =
        format!("metadata_lsn={lsn},metadata_checksum={sum},database_size={size},version=2,compatible_version=2");
    let home_arg = home.display().to_string();
    let args = [&["-", "--format", "json", "--home", &home_arg], more].concat();
    let (code, stdout, stderr) = run(&args, old(lsn, 22, "", &text));
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert!(before == common::snapshot(&home));
    let v: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(v["failure"]["step"], "keystore");
    v["check"].clone()
}

#[test]
fn checked_against_a_store() {
    let c = checked(325, "911fa0ce", 1_165_986, &[]);
    assert_eq!(
        (&c["answer"], &c["step"], &c["return_code"]),
        (&json!("confirmed"), &json!("keystore"), &json!("EINVAL")),
        "{c}"
    );
    assert_eq!(
        (&c["record_lsn"], &c["keystore_lsn"], &c["newest_key_before"]),
        (&json!(326), &json!(248), &json!(324))
    );
    assert_eq!(c["next_compatible"], Value::Null);

    let c = checked(249, "971b1944", 1_156_598, &[]);
    assert_eq!((&c["answer"], &c["step"]), (&json!("contradicted"), &Value::Null), "{c}");
    assert_eq!(
        (&c["keystore_lsn"], &c["newest_key_before"], &c["newest_key"]),
        (&json!(248), &json!(248), &json!(324))
    );
    assert_eq!(c["next_compatible"], json!({"lsn": 326, "metadata_lsn": 325, "keystore_lsn": 248}));
    // Unless the node had a key that was flushed later.
    let c = checked(249, "971b1944", 1_156_598, &["--keystore-lsn", "324"]);
    assert_eq!((&c["answer"], &c["next_compatible"]), (&json!("confirmed"), &Value::Null), "{c}");
    let c = checked(179, "5f27226f", 1_153_397, &["--keystore-lsn", "248"]);
    assert_eq!((&c["answer"], &c["next_compatible"]["metadata_lsn"]), (&json!("confirmed"), &json!(249)), "{c}");

    let c = checked(777, "971b1944", 1_156_598, &[]);
    assert_eq!((&c["answer"], &c["record_lsn"]), (&json!("cannot-be-checked"), &Value::Null), "{c}");
    assert!(c["reasons"][0].as_str().unwrap().contains("older than the failure"), "{c}");
    // The LSN is there, but of another store.
    let c = checked(325, "911fa0cf", 1_165_986, &[]);
    assert_eq!(c["answer"], "cannot-be-checked", "{c}");
    assert!(c["reasons"][0].as_str().unwrap().contains("different checksum"), "{c}");

    let home = common::fixture("palite/2026-07-stale-keystore-inflight").display().to_string();
    let (_, text, _) = run(&["-", "--home", &home], excerpt());
    assert!(text.contains("cannot be checked here") && !text.contains("confirmed"), "{text}");
}

#[test]
fn text_of_a_log_does_not_reach_the_terminal_as_it_is() {
    let evil = "17:22:35.1 (ctx=\u{202e}x) Failed to pick up a new checkpoint with config: metadata_lsn=5,x=\u{202e}\u{7f}y error_code=22\n\
                Rotating KEK \\u001b[2J \\u0007 \u{2066}\n";
    let (_, text) = told(&[evil.as_bytes()]);
    assert!(text.contains("metadata_lsn=5"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && !matches!(c, '\u{202e}' | '\u{2066}'))), "{text:?}");
}

#[test]
fn a_failure_behind_huge_lines() {
    let mut text = "x{\"> 12 34".repeat(500_000);
    text.push('\n');
    text.push_str(&"WT_NOTFOUND: item not found\n".repeat(50_000));
    text.push_str(&excerpt());
    let v = explained(&text);
    let mut want = wanted();
    want["secondary"] = json!(50_000);
    assert_eq!(facts(&v), want);
    assert_eq!(v["logs"][0]["lines"], 50_008);
    assert_eq!(v["failure"]["first"]["line"], 50_002);
    let many: String = (0..6000).map(|n| old(1000 + n, 22, "", "")).collect();
    let v = explained(&many);
    assert_eq!((&v["failures_total"], &v["failure"]["metadata_lsn"]), (&json!(6000), &json!(6999)));
    assert_eq!(v["failures"].as_array().unwrap().len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However the log is cut into pieces, the result is the same.
    #[test]
    fn pieces_of_any_size(cuts in prop::collection::vec(1..400_usize, 1..20)) {
        let text = log("standby-abort-mongod.json");
        let mut story = Story::new();
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*cut));
            story.push(piece);
            rest = behind;
            if rest.is_empty() { break }
        }
        story.end_log("log0");
        let e = Case::new(&story, Options::default()).explain(None);
        prop_assert_eq!(serde_json::to_value(&e).unwrap(), explained(&text));
    }

    /// Damage to a log breaks nothing.
    #[test]
    fn damaged_logs(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..30)) {
        let mut text = (excerpt() + &log("standby-abort-mongod.json") + &log("newest-keystore-skipped.txt")).into_bytes();
        for (at, what, byte) in edits {
            let at = at.index(text.len());
            match what {
                0 => text[at] = byte,
                1 => { text.remove(at); }
                2 => text.insert(at, b"\n\\\"u 0=,[{:)>-"[usize::from(byte) % 14]),
                _ => text.truncate(text.len() - (text.len() - at) / 8),
            }
        }
        let (v, shown) = told(&[&text]);
        prop_assert!(!shown.is_empty() && v["verdict"].is_string());
    }

    /// Any bytes, between the fragments that are looked for.
    #[test]
    fn any_bytes(parts in prop::collection::vec((0..9_usize, prop::collection::vec(any::<u8>(), 0..40)), 0..20)) {
        const FRAGMENTS: [&str; 9] = [
            OLD, "Failed to pick up a new checkpoint with config: metadata_lsn=", "Failed to pick up checkpoint ",
            "Invariant failure", "error_code", "_installedCheckpointLsn:", "Finished picking up disaggregated storage checkpoint: metadata_lsn=",
            "{\"t\":{\"$date\"", "Attempting to pick up an older checkpoint: current metadata LSN = 99999999999999999999",
        ];
        let mut text = Vec::new();
        for (n, bytes) in parts {
            text.extend(FRAGMENTS[n].bytes());
            text.extend(bytes);
        }
        told(&[&text]);
    }
}
