//! Journals that lie, lie elsewhere, or were cut: an undo changes the store that it is told of, and no other.

use crate::common;
use crate::common::hands::{Kind, OTHER, Scene, journal};
use crate::common::other_user::{is_root, program, ran};
use crate::common::{path, wtcheck};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn lines(all: &[Value]) -> String {
    all.iter()
        .map(|line| line.to_string())
        .map(|json| format!("{:08x} {json}\n", crc32c::crc32c(json.as_bytes())))
        .collect()
}

fn content(at: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    common::snapshot(at).into_iter().map(|(p, (_, bytes))| (p, bytes)).collect()
}

/// A journal with right checksums whose header names another directory.
fn crafted(victim: &Path) -> String {
    let header = json!({ "header": {
        "journal_version": 1, "made_by": "wtcheck 0", "made_at": 1, "directory": path(victim), "kind": "local",
        "fingerprint": "00", "lsn_counter": null, "newest_completion": null, "actions": ["set a size"],
    }});
    let file = |name: &str, before: Option<&str>, after: Option<&str>| {
        let hex = |text: &str| hex::encode(text);
        json!({ "file": { "replace": { "file": name, "before": before.map(hex), "after": after.map(hex) } } })
    };
    let steps = [
        file("x1", None, Some("new")),
        file("x2", None, Some("new")),
        file("WiredTiger.config", Some("extensions=[/home/evil/x.so]"), None),
    ];
    lines(&[&[header][..], &steps[..], &[json!({ "end": 3 })][..]].concat())
}

#[test]
fn a_journal_in_a_store_is_of_that_store() {
    let scene = Scene::new(Kind::Home);
    let victim = scene.temp.path().join("victim");
    common::copy_dir(&common::real("classic-one/db"), &victim);
    fs::write(scene.home.join("x2"), "new").unwrap();
    fs::write(scene.home.join("WiredTiger.config"), "something else").unwrap();
    let file = scene.home.join("wtcheck-undo-1-00.journal");
    fs::write(&file, crafted(&victim)).unwrap();
    let before = (content(&scene.home), content(&victim));
    // Nobody is told to undo it, and who does all the same changes nothing.
    let (code, err) = scene.run(&["repair", "plan", path(&scene.home)]);
    assert!(code == 1 && !err.contains("repair undo"), "{code} {err}");
    let (code, err) = scene.run(&["repair", "undo", path(&file)]);
    assert_eq!(code, 3, "{err}");
    assert_eq!((content(&scene.home), content(&victim)), before);
    // From a directory that is no store a stranger's journal is not believed either.
    let elsewhere = scene.temp.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let file = elsewhere.join("wtcheck-undo-1-00.journal");
    fs::write(&file, crafted(&victim)).unwrap();
    if is_root() {
        chown(&file, Some(OTHER), Some(OTHER)).unwrap();
        let (code, err) = scene.run(&["repair", "undo", path(&file)]);
        assert!(code == 3 && err.contains("--dir"), "{code} {err}");
        assert_eq!(content(&victim), before.1);
    }
}

#[test]
fn the_journal_of_a_copy_is_not_of_the_original() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    let backup = scene.temp.path().join("backup");
    common::copy_dir(&scene.home, &backup);
    let conn = Connection::open(backup.join("kv_home/globals.db")).unwrap();
    conn.execute("UPDATE globals SET val = val + 1 WHERE id = 0", []).unwrap();
    drop(conn);
    let before = (content(&scene.home), content(&backup));
    let (code, err) = scene.run(&["repair", "undo", path(&journal(&backup))]);
    assert!(code == 3 && err.contains("changed since") && err.contains("--dir"), "{code} {err}");
    assert_eq!((content(&scene.home), content(&backup)), before);
}

/// A refused undo changes nothing: not a frame of a -wal, not a journal of SQLite's own.
#[test]
fn refused_is_untouched() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    let file = scene.kv_home("pages_08.db");
    // The frames of a writer that died.
    let conn = Connection::open(&file).unwrap();
    conn.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
    conn.execute("UPDATE pages SET backlink_lsn = 7 WHERE table_id = 25 AND page_id = 182", []).unwrap();
    let copy = scene.temp.path().join("with-frames");
    common::copy_dir(&scene.home, &copy);
    drop(conn);
    let _ = fs::remove_file(copy.join("kv_home/pages_08.db-shm"));
    let before = content(&copy);
    let (code, err) = scene.run(&["repair", "undo", path(&journal(&copy))]);
    assert!(code == 3, "{code} {err}");
    assert_eq!(content(&copy), before);
    // A transaction that was interrupted.
    fs::write(scene.kv_home("globals.db-journal"), [0xd9; 600]).unwrap();
    let before = content(&scene.home);
    for args in [
        vec!["repair", "undo", path(&journal(&scene.home))],
        vec!["repair", "apply", path(&scene.plan), "--in-place", "--yes"],
    ] {
        let (code, err) = scene.run(&args);
        assert!(code == 3 && err.contains("globals.db"), "{code} {err}");
        assert_eq!(content(&scene.home), before);
    }
}

/// Whatever a crash leaves of the notes behind the end, the its undo works; without the end nobody says
/// that nothing was changed.
#[test]
fn journals_that_were_cut() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    let file = journal(&scene.home);
    let whole = fs::read_to_string(&file).unwrap();
    let end = whole.find("{\"end\":").unwrap();
    let end = end + whole[end..].find('\n').unwrap() + 1;
    let kept = scene.temp.path().join("kept");
    common::copy_dir(&scene.home, &kept);
    for cut in [end, end + 1, end + 30, whole.len() - 1, whole.len() - 5] {
        fs::remove_dir_all(&scene.home).unwrap();
        common::copy_dir(&kept, &scene.home);
        fs::write(&file, &whole[..cut]).unwrap();
        let (code, err) = scene.run(&["repair", "undo", path(&file)]);
        assert_eq!(code, 0, "{cut}: {err}");
        // Said once more, with what the cut left in between.
        let (code, err) = scene.run(&["repair", "undo", path(&file)]);
        assert!(code == 3 && err.contains("nothing to undo"), "{cut}: {code} {err}");
        assert!([0, 1].contains(&scene.run(&["repair", "plan", path(&scene.home)]).0), "{cut}");
    }
    // The end is gone, and the repair stands.
    fs::remove_dir_all(&scene.home).unwrap();
    common::copy_dir(&kept, &scene.home);
    let last_change = whole[..end].trim_end().rfind('\n').unwrap() + 1;
    fs::write(&file, &whole[..last_change]).unwrap();
    let (code, err) = scene.run(&["repair", "undo", path(&file)]);
    assert!(code == 3 && err.contains("is truncated"), "{code} {err}");
    // One that cannot be read is named, not passed over.
    fs::write(&file, whole.replacen("record", "recird", 1)).unwrap();
    let (code, err) = scene.run(&["repair", "plan", path(&scene.home)]);
    assert!(code == 3 && err.contains("is damaged") && err.contains("to undo a repair"), "{code} {err}");
}

/// Commands that are printed can be pasted, whatever the paths are.
#[test]
fn printed_commands_are_quoted() {
    let scene = Scene::new(Kind::Palite);
    let odd = scene.temp.path().join("sp ace $(touch pwned)'s");
    fs::rename(&scene.home, &odd).unwrap();
    let plan = scene.temp.path().join("my plan.yaml");
    let (code, out, err) = wtcheck(&["repair", "plan", path(&odd), "-o", path(&plan)]);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains(&format!("wtcheck repair apply '{}'", path(&plan))), "{out}");
    let journal = scene.temp.path().join("my journal");
    let args = ["repair", "apply", path(&plan), "--in-place", "--yes", "--journal", path(&journal), "--format", "json"];
    let (code, out, err) = wtcheck(&args);
    assert_eq!(code, 4, "{err}");
    let undo = serde_json::from_str::<Value>(&out).unwrap()["undo"].as_str().unwrap().to_string();
    let program = env!("CARGO_BIN_EXE_wtcheck");
    let command = undo.replacen("wtcheck", program, 1);
    let ran = std::process::Command::new("sh").args(["-c", &command]).current_dir(scene.temp.path()).output().unwrap();
    assert!(ran.status.success(), "{undo}: {}", String::from_utf8_lossy(&ran.stderr));
    assert!(!scene.temp.path().join("pwned").exists());
    // A name that no repair gives is none of a journal.
    fs::write(odd.join("wtcheck-undo-1 $(id).journal"), "x").unwrap();
    assert_eq!(wtcheck(&["repair", "plan", path(&odd)]).0, 1);
}

/// A directory whose names may not be read has no journals that anybody knows of: that is not none.
#[test]
fn a_directory_that_cannot_be_listed_is_not_one_without_journals() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    fs::set_permissions(&scene.home, fs::Permissions::from_mode(0o311)).unwrap();
    for verb in ["undo", "plan"] {
        let mut command = Command::new(program());
        command.args(["repair", verb, path(&scene.home)]);
        if is_root() {
            command.uid(OTHER).gid(OTHER);
        }
        let ran = ran(&mut command);
        assert!(
            ran.code == 6 && ran.stderr.to_lowercase().contains("permission denied"),
            "{verb}: {} {}",
            ran.code,
            ran.stderr
        );
    }
    fs::set_permissions(&scene.home, fs::Permissions::from_mode(0o755)).unwrap();
}
