//! `wtcheck log --home`: each claim of a log on the data directory: agreed, contradicted, or not checked.

use crate::common::{copy_dir, fixture, other_user, path, real, wtcheck};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const UNIT: usize = 4096;
/// Where a block's page type, its size and its checksum stand.
const TYPE: usize = 24;
const SIZE: std::ops::Range<usize> = 28..32;
const CHECKSUM: std::ops::Range<usize> = 32..36;
const ROW_LEAF: u8 = 7;

struct Homes {
    dir: tempfile::TempDir,
    home: PathBuf,
}

fn homes(set: &str) -> Homes {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    copy_dir(&real(set), &home);
    Homes { dir, home }
}

fn log(homes: &Homes, text: &str, home: &Path) -> Value {
    let log = homes.dir.path().join("mongod.log");
    fs::write(&log, format!("{text}\n")).unwrap();
    let (code, out, err) = wtcheck(&["log", path(&log), "--home", path(home), "--format", "json"]);
    assert_eq!(code, 1, "{err}");
    serde_json::from_str(&out).unwrap()
}

fn answer(v: &Value) -> (&str, &str, &str) {
    let check = &v["checks"][0];
    let text = |v: &'_ Value| -> &'static str { Box::leak(v.as_str().unwrap().to_string().into_boxed_str()) };
    (text(&v["causes"][0]["cause"]), text(&check["answer"]), text(&check["fact"]["what"]))
}

fn line(handle: &str, session: &str, text: &str) -> String {
    format!(
        "[1795918586:120][10663:0x7f5906c70b80], file:{handle}, {session}: [WT_VERB_DEFAULT][ERROR]: __wt_f, 12: {text}"
    )
}

/// The first leaf block of a file: offset, size, checksum.
fn leaf(file: &Path) -> (usize, u32, u32) {
    let bytes = fs::read(file).unwrap();
    let number =
        |at: usize, r: std::ops::Range<usize>| u32::from_le_bytes(bytes[at + r.start..at + r.end].try_into().unwrap());
    let at = (UNIT..bytes.len()).step_by(UNIT).find(|at| bytes[at + TYPE] == ROW_LEAF).unwrap();
    (at, number(at, SIZE), number(at, CHECKSUM))
}

#[test]
fn a_block_is_read_again() {
    let homes = homes("classic-one/db");
    let name = fs::read_dir(&homes.home).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let name = name.filter(|n| n.ends_with(".wt") && !n.starts_with("WiredTiger")).min().unwrap();
    let file = homes.home.join(&name);
    let (at, size, sum) = leaf(&file);
    let text = line(
        &name,
        "WT_CURSOR.next",
        &format!(
            "{name}: potential hardware corruption, read checksum error for {size}B block at offset {at}: calculated block \
             checksum of 0x1 doesn't match expected checksum of {sum:#x}"
        ),
    );
    assert_eq!(answer(&log(&homes, &text, &homes.home)), ("block-checksum-content", "contradicted", "block"));
    let mut bytes = fs::read(&file).unwrap();
    bytes[at + 100] ^= 4;
    fs::write(&file, bytes).unwrap();
    let v = log(&homes, &text, &homes.home);
    assert_eq!(answer(&v), ("block-checksum-content", "agreed", "block"));
    assert_eq!(v["checks"][0]["fact"]["verdict"], "flipped-bit");
    // The commands name the directory.
    let commands = v["causes"][0]["commands"].to_string();
    assert!(commands.contains(path(&homes.home)) && !commands.contains("DBPATH"), "{commands}");
    // Cut before the block.
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..at + 512]).unwrap();
    assert_eq!(answer(&log(&homes, &text, &homes.home)).1, "agreed");
    let short = line(
        &name,
        "WT_CURSOR.next",
        &format!(
            "/data/{name}: handle-read: pread: failed to read {size} bytes at offset {at}: WT_ERROR: non-specific WiredTiger error"
        ),
    );
    assert_eq!(answer(&log(&homes, &short, &homes.home)), ("short-read", "agreed", "ends-before"));
    fs::remove_file(&file).unwrap();
    let gone =
        line(&name, "WT_SESSION.open_cursor", &format!("/data/{name}: handle-open: open: No such file or directory"));
    assert_eq!(answer(&log(&homes, &gone, &homes.home)), ("table-file-missing", "agreed", "file-not-there"));
}

#[test]
fn the_store_tells_causes_apart_that_have_the_same_lines() {
    let text = line(
        "WiredTiger.wt",
        "connection",
        "unable to read root page from file:WiredTiger.wt: WT_ERROR: non-specific WiredTiger error",
    );
    let encrypted = homes("classic-encrypted/db");
    let v = log(&encrypted, &text, &encrypted.home);
    assert_eq!(answer(&v), ("enc-key-missing", "agreed", "metadata-encrypted"));
    assert_eq!(v["causes"][0]["damaged"], "no");
    let plain = homes("classic-one/db");
    let v = log(&plain, &text, &plain.home);
    assert_eq!(answer(&v), ("metadata-unreadable", "contradicted", "metadata-whole"));
    // A turtle that is gone.
    let missing = line("WiredTiger.wt", "connection", "/data/db/WiredTiger.wt: handle-open: open: File exists");
    assert_eq!(answer(&log(&plain, &missing, &plain.home)), ("turtle-missing", "contradicted", "file-there"));
    fs::remove_file(plain.home.join("WiredTiger.turtle")).unwrap();
    assert_eq!(answer(&log(&plain, &missing, &plain.home)), ("turtle-missing", "agreed", "file-not-there"));
}

#[test]
fn what_only_the_node_knows_is_not_checked() {
    let homes = homes("classic-one/db");
    let refused =
        line("WiredTiger.wt", "connection", "/data/db/WiredTiger.wt: handle-open: open: Operation not permitted");
    assert_eq!(answer(&log(&homes, &refused, &homes.home)), ("eperm-open", "not-checked", "owner"));
    let newer = line(
        "WiredTiger.wt",
        "connection",
        "WiredTiger configuration is from an incompatible release of the WiredTiger engine: Operation not supported",
    );
    assert_eq!(answer(&log(&homes, &newer, &homes.home)), ("incompatible-config", "not-checked", "written-by"));
}

/// What the system does not let be read is not checked: neither agreed nor contradicted.
#[test]
fn what_cannot_be_read_is_not_checked() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let homes = homes("classic-one/db");
    let mode = |p: &Path, m: u32| fs::set_permissions(p, fs::Permissions::from_mode(m)).unwrap();
    mode(homes.dir.path(), 0o755);
    mode(&homes.home, 0o755);
    for entry in fs::read_dir(&homes.home).unwrap() {
        mode(&entry.unwrap().path(), 0o644);
    }
    let damaged =
        line("one.wt", "WT_SESSION.open_cursor", "one.wt does not appear to be a WiredTiger file: WT_ERROR: x");
    let metadata = line("WiredTiger.wt", "connection", "unable to read root page from file:WiredTiger.wt: WT_ERROR: x");
    for (name, text) in [("one.wt", &damaged), ("WiredTiger.wt", &metadata)] {
        let log = homes.dir.path().join("mongod.log");
        fs::write(&log, format!("{text}\n")).unwrap();
        mode(&log, 0o644);
        mode(&homes.home.join(name), 0o000);
        let mut command = std::process::Command::new(other_user::program());
        command.args(["log", path(&log), "--home", path(&homes.home), "--format", "json"]);
        if other_user::is_root() {
            command.uid(65_534).gid(65_534);
        }
        let ran = other_user::ran(&mut command);
        assert_eq!(answer(&ran.json()).1, "not-checked", "{name}: {}{}", ran.stdout, ran.stderr);
        mode(&homes.home.join(name), 0o644);
    }
}

/// What a log says of a page log is compared with findings that say the same, and with no others.
#[test]
fn a_page_log_agrees_by_findings_that_say_the_same() {
    let homes = Homes { dir: tempfile::tempdir().unwrap(), home: fixture("palite/2026-07-stale-keystore-inflight") };
    let stale = "persisted keystore timestamp 5 is behind last committed timestamp 9";
    assert_eq!(answer(&log(&homes, stale, &homes.home)), ("dis-key-stale", "agreed", "findings"));
    let leaky = fixture("palite/2026-07-leak-full");
    assert_eq!(answer(&log(&homes, stale, &leaky)), ("dis-key-stale", "not-checked", "no-finding"));
    // Of a pick-up that failed the checkpoint is known, and only what is said of that one counts.
    let failed = |lsn: u64| {
        let step = format!("Failed to load encryption keys for checkpoint {lsn}: Invalid argument");
        log(&homes, &step, &homes.home)
    };
    assert_eq!(answer(&failed(325)), ("dis-key-stale", "agreed", "findings"));
    assert_eq!(answer(&failed(249)), ("dis-key-stale", "not-checked", "no-finding"));
    let size = "disaggregated block size underflow: decrementing 9 from 5, clamped to 0";
    assert_eq!(answer(&log(&homes, size, &leaky)), ("dis-size", "agreed", "findings"));
}
