//! LSNs of a production page service hold the time they were given at, and are shown with it; those of a
//! store that counts are not.

use crate::common::schema::assert_valid;
use crate::common::terminal::Screen;
use crate::common::{fixture, path, wtcheck};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use wtcheck::devtools::forge::{Planned, Spec, forge};
use wtcheck::id::Lsn;

/// 2026-01-12 02:34:56, nothing given yet in that second.
const BEHIND: u64 = 7_594_298_019_588_079_616;
const CLOCK: &str = "2026-01-12 02:34:56Z";
const RFC_3339: &str = "2026-01-12T02:34:56Z";

#[test]
fn the_time_in_an_lsn() {
    let shown = |lsn: u64| Lsn(lsn).dated().to_string();
    assert_eq!(shown(BEHIND + 1), "7594298019588079617 (2026-01-12 02:34:56Z #1)");
    assert_eq!(shown(1_768_185_296 << 32 | 0xffff_ffff), "7594298023883046911 (2026-01-12 02:34:56Z #4294967295)");
    assert_eq!(serde_json::to_value(Lsn(BEHIND).time()).unwrap(), json!(RFC_3339));
    // A leap day, and the ends of what is taken for a time.
    assert_eq!(Lsn(1_709_164_800 << 32).time().unwrap().clock(), "2024-02-29 00:00:00Z");
    assert_eq!(Lsn(1_420_070_400 << 32).time().unwrap().clock(), "2015-01-01 00:00:00Z");
    assert_eq!(Lsn((4_102_444_800 << 32) - 1).time().unwrap().clock(), "2099-12-31 23:59:59Z");
    for lsn in [0, 1, 1_700_000_000, (1_420_070_400 << 32) - 1, 4_102_444_800 << 32, u64::MAX] {
        assert_eq!((Lsn(lsn).time(), shown(lsn)), (None, lsn.to_string()));
    }
}

/// A store with orphans and keys whose LSNs hold a time.
fn home() -> &'static Path {
    static HOME: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, home) = HOME.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let fault = |text: &str| text.parse::<Planned>().unwrap();
        let faults = vec![fault("orphan-page=2"), fault("stale-keystore")];
        let spec = Spec { behind: BEHIND, versions: 120, tables: 2, fanout: 10, faults, ..Spec::default() };
        forge(&home, &spec, &|_| ()).unwrap();
        (dir, home)
    });
    home
}

/// One JSON document, which is as its schema says.
fn document(verb: &str, args: &[&str]) -> Value {
    let (_, stdout, stderr) = wtcheck(&[args, &["--format", "json"]].concat());
    assert_valid(verb, stdout.as_bytes());
    serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {stderr}"))
}

fn text(args: &[&str]) -> String {
    wtcheck(args).1
}

#[test]
fn audits_and_orphans() {
    let dir = path(home());
    let audit = document("audit", &["audit", dir]);
    let checkpoint = &audit["checkpoint"];
    assert_eq!((&checkpoint["lsn_time"], &checkpoint["metadata_lsn_time"]), (&json!(RFC_3339), &json!(RFC_3339)));
    let findings = audit["findings"].as_array().unwrap();
    for place in findings.iter().map(|f| &f["place"]) {
        assert_eq!(place.get("lsn_time"), place["lsn"].is_u64().then_some(&json!(RFC_3339)), "{place}");
    }
    assert!(findings.iter().any(|f| f["place"]["lsn_time"] == RFC_3339));
    let shown = text(&["audit", dir]);
    let dated = |lsn: &Value| Lsn(lsn.as_u64().unwrap()).dated().to_string();
    for words in [
        format!(", LSN {}, {CLOCK} (", checkpoint["lsn"]),
        format!("\nWritten {CLOCK}\n"),
        format!("newest at LSN {}\n", dated(&audit["keystore"]["pages"].as_array().unwrap().last().unwrap()["lsn"])),
        format!("LSN {}\n", dated(&findings.iter().find(|f| f["code"] == "orphan-page").unwrap()["place"]["lsn"])),
        "    stale: refused by a standby that holds the newer key\n".to_string(),
    ] {
        assert!(shown.contains(&words), "{words}: {shown}");
    }
    let orphans = document("orphans", &["orphans", dir]);
    assert_eq!(orphans["checkpoint_lsn_time"], RFC_3339);
    let list = orphans["orphans"].as_array().unwrap();
    assert!(list.len() == 2 && list.iter().all(|o| o["lsn_time"] == RFC_3339), "{orphans}");
    let shown = text(&["orphans", dir]);
    assert!(shown.contains(&format!("{CLOCK} ┆")) && shown.contains(&format!("\nWritten {CLOCK}\n")), "{shown}");
}

#[test]
fn maps_and_pages() {
    let dir = path(home());
    let shown = text(&["map", dir]);
    assert!(shown.contains(&format!("({CLOCK} #")), "{shown}");
    let table = document("audit", &["audit", dir])["orphans"][0].clone();
    let (number, page) = (table["table_id"].to_string(), table["page_id"].to_string());
    let uri = table["uri"].as_str().unwrap();
    let shown = text(&["map", dir, "--table", uri]);
    assert!(shown.contains(&format!("Written {CLOCK}\n")), "{shown}");
    let shown = text(&["page", dir, &number, &page]);
    let head = format!("Block at LSN {}", Lsn(table["lsn"].as_u64().unwrap()).dated());
    assert!(shown.contains(&head) && shown.contains(&format!("\nWritten {CLOCK}\n")), "{shown}");
}

#[test]
fn replays() {
    let dir = path(home());
    let replay = document("pickup replay", &["pickup", "replay", dir]);
    for record in replay["records"].as_array().unwrap() {
        assert_eq!((&record["lsn_time"], &record["metadata_lsn_time"]), (&json!(RFC_3339), &json!(RFC_3339)));
    }
    let shown = text(&["pickup", "replay", dir]);
    assert!(shown.contains(&format!("The records were written {CLOCK}\n")), "{shown}");
    assert!(shown.contains(&format!("({CLOCK} #")), "{shown}");
}

/// On a terminal no LSN is torn in two.
#[test]
fn on_a_terminal() {
    let dir = path(home());
    for args in [&["audit", dir][..], &["orphans", dir], &["map", dir]] {
        for columns in [80, 120] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
            command.args(args).args(["--color", "never", "--no-progress"]);
            let (_, shown) = Screen::sized(&mut command, false, columns).finish();
            let shown = String::from_utf8(shown).unwrap();
            let numbers = shown.split(|c: char| !c.is_ascii_digit()).filter(|n| n.starts_with("75942"));
            let torn: Vec<&str> = numbers.filter(|n| n.len() != 19).collect();
            assert_eq!(torn, Vec::<&str>::new(), "{args:?} at {columns}: {shown}");
        }
    }
}

/// What counts is no time.
#[test]
fn counted_lsns_stay_numbers() {
    let dir = fixture("palite/2026-07-leak-full");
    let dir = path(&dir);
    for args in [&["audit", dir][..], &["orphans", dir], &["map", dir], &["page", dir, "25", "110"]] {
        let shown = text(args);
        assert!(!shown.contains("Written") && !shown.contains("Z #"), "{args:?}: {shown}");
    }
    let audit = document("audit", &["audit", dir]);
    assert!(audit["checkpoint"].get("lsn_time").is_none() && audit["orphans"][0].get("lsn_time").is_none());
}
