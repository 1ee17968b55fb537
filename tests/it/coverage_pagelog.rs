//! The ledger of page logs: what the system does not give is named with its reason, is never told as damage,
//! and is never passed over in a verdict of "clean".

#![allow(clippy::unwrap_used)]

use crate::common;
use crate::common::faults::{ENOSPC, Faults, Mode};
use crate::common::other_user::{Ran, is_root, program, ran};
use crate::common::{copy_dir, fixture};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const EACCES: i64 = 13;
const EIO: i64 = 5;
/// Who owns nothing here.
const NOBODY: u32 = 65534;

/// Sound stores: frames in every `-wal`, and none.
fn stores() -> Vec<PathBuf> {
    let mut out = vec![fixture("palite").join("2026-07-dup-delta-wal")];
    out.push(common::real("palite/2026-07-clean"));
    out.push(common::real("palite/2025-11-clean"));
    out
}

/// A home that everybody may read, and what may be taken away from others.
struct Scene {
    temp: TempDir,
}

impl Scene {
    fn new(home: &Path) -> Self {
        let temp = tempfile::tempdir().unwrap();
        copy_dir(home, &temp.path().join("home"));
        let scene = Self { temp };
        scene.open_up();
        scene
    }

    /// Where everybody may put a copy.
    fn tmp(&self) -> PathBuf {
        let tmp = self.temp.path().join("tmp");
        if !tmp.exists() {
            fs::create_dir(&tmp).unwrap();
            fs::set_permissions(&tmp, fs::Permissions::from_mode(0o777)).unwrap();
        }
        tmp
    }

    fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    fn open_up(&self) {
        let mut todo = vec![self.temp.path().to_path_buf()];
        while let Some(path) = todo.pop() {
            let dir = path.is_dir();
            fs::set_permissions(&path, fs::Permissions::from_mode(if dir { 0o755 } else { 0o644 })).unwrap();
            if dir {
                todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            }
        }
    }

    /// Others may only do this with it: 0 nothing, 4 read or list, 1 enter.
    fn allow(&self, name: &str, bits: u32) -> &Self {
        // Who is not root is kept out by the owner's own bits.
        let mode = if is_root() { 0o600 | bits } else { bits << 6 };
        fs::set_permissions(self.home().join(name), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// The databases, by name.
    fn databases(&self) -> Vec<String> {
        let names = fs::read_dir(self.home().join("kv_home")).unwrap();
        let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|n| n.ends_with(".db") || n == "data.mdb");
        names.sort();
        names
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(program());
        let home = self.home();
        command.args(args).arg(common::path(&home)).stdin(Stdio::null()).current_dir("/").env("TMPDIR", self.tmp());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        ran(&mut command)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Or the temporary directory cannot be removed.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.open_up()));
    }
}

fn codes(audit: &Value) -> Vec<String> {
    let worse = audit["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "note");
    worse.map(|f| format!("{} {} {}", f["code"], f["place"], f["found"])).collect()
}

/// The errno under which a path is in the ledger as not checked.
fn errno(document: &Value, path: &str) -> Option<i64> {
    let list = document["coverage"]["not_checked"].as_array().unwrap();
    list.iter().find(|e| e["path"] == path).and_then(|e| e["errno"].as_i64())
}

/// Every verb that judges a store: 6, each file named with its errno, and nothing said of content.
fn assert_named(scene: &Scene, names: &[&str]) {
    let paths: Vec<String> = names.iter().map(|n| format!("kv_home/{n}")).collect();
    for verb in [&["audit"][..], &["audit", "--deep"], &["audit", "--quick"], &["audit", "--no-mmap"]] {
        let got = scene.run(&[verb, &["--format", "json"]].concat());
        let audit = got.json();
        let what = format!("{names:?} {verb:?} {}", audit["coverage"]);
        assert_eq!(codes(&audit), Vec::<String>::new(), "{what}");
        assert_eq!((got.code, audit["verdict"].as_str()), (6, Some("incomplete")), "{what}");
        for path in &paths {
            assert_eq!(errno(&audit, path), Some(EACCES), "{path}: {what}");
        }
        // No sum is compared that what was not read would be part of.
        for tree in audit["trees"].as_array().unwrap() {
            assert!(tree["difference"].is_null() || tree["difference"] == 0, "{what}: {tree}");
        }
        for key in ["difference", "difference_from_recomputed"] {
            let value = &audit["database"][key];
            assert!(value.is_null() || *value == 0, "{what}: {key} {value}");
        }
        assert!(got.stderr.contains("not enough") && got.stderr.contains(&paths[0]), "{}", got.stderr);
        let got = scene.run(verb);
        assert!(got.code == 6 && !got.stdout.contains("CLEAN"), "{what}: {}", got.stdout);
        let named = |p: &String| got.stdout.contains(&format!("Not checked: {p}: permission denied"));
        assert!(paths.iter().take(3).all(named), "{what}: {}", got.stdout);
    }
    let orphans = scene.run(&["orphans", "--format", "json"]);
    assert_eq!((orphans.code, errno(&orphans.json(), &paths[0])), (6, Some(EACCES)), "{names:?}");
    for verb in [&["orphans"][..], &["map"], &["repair", "plan"]] {
        let got = scene.run(verb);
        assert_eq!(got.code, 6, "{names:?} {verb:?}: {}{}", got.stdout, got.stderr);
        assert!(got.stderr.contains(names[0]), "{verb:?}: {}", got.stderr);
    }
}

#[test]
fn no_place_for_a_copy() {
    let scene = Scene::new(&stores()[0]);
    let tmp = scene.tmp();
    fs::set_permissions(&tmp, fs::Permissions::from_mode(if is_root() { 0o700 } else { 0o500 })).unwrap();
    let got = scene.run(&["audit", "--format", "json"]);
    let audit = got.json();
    assert_eq!((got.code, audit["verdict"].as_str()), (6, Some("incomplete")), "{}", got.stderr);
    assert_eq!(codes(&audit), Vec::<String>::new(), "it is no damage");
    let words = format!("no private copy in {}", common::path(&tmp));
    assert!(got.stderr.contains(&words) && got.stderr.contains("set TMPDIR to a directory with"), "{}", got.stderr);
    assert!(!got.stderr.contains("as a user with permission to read it"), "{}", got.stderr);
    for verb in [&["orphans"][..], &["map"], &["repair", "plan"]] {
        let got = scene.run(verb);
        assert!(got.code == 6 && got.stderr.contains("set TMPDIR to"), "{verb:?}: {}: {}", got.code, got.stderr);
    }
    // One that is there, and has less room than that.
    let error = wtcheck::store::palite::database::has_room(&tmp, u64::MAX, 0).unwrap_err();
    let error = format!("{error:?}");
    assert!(
        error.contains("No space left") && error.contains(&words) && error.contains("18446744073709551615 bytes"),
        "{error}"
    );
    wtcheck::store::palite::database::has_room(&tmp, 1, u64::MAX).unwrap();
}

#[test]
fn a_disk_that_a_copy_fills() {
    let (faults, scene) = (Faults::build(), Scene::new(&stores()[0]));
    let (home, tmp) = (scene.home(), scene.tmp());
    let mut told = 0;
    for at in 1..=12 {
        let mut command = Command::new(program());
        command.args(["audit", "-q", "-j", "1", "--format", "json", common::path(&home)]).env("TMPDIR", &tmp);
        let out = faults.run(&mut command, &[&tmp], Mode::Sticky(ENOSPC), at);
        let audit: Value = serde_json::from_str(&out.stdout).unwrap();
        assert_eq!(codes(&audit), Vec::<String>::new(), "{at}: it is no damage");
        assert!(matches!(out.code, Some(0 | 6)), "{at}: {}", out.stderr);
        if out.code == Some(6) {
            told += 1;
            assert!(out.stderr.contains("set TMPDIR to a directory with"), "{at}: {}", out.stderr);
            assert!(!out.stderr.contains("copy the directory from another source"), "{at}: {}", out.stderr);
        }
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "{at}");
    }
    assert!(told >= 6, "{told}");
}

#[test]
fn one_database() {
    for store in stores() {
        let scene = Scene::new(&store);
        assert_eq!(scene.run(&["audit"]).code, 0, "{}", store.display());
        for name in scene.databases() {
            let scene = Scene::new(&store);
            scene.allow(&format!("kv_home/{name}"), 0);
            assert_named(&scene, &[&name]);
        }
    }
}

#[test]
fn some_databases_and_all_of_them() {
    for store in stores() {
        let scene = Scene::new(&store);
        let names = scene.databases();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let some: Vec<&str> = names.iter().copied().filter(|n| n.starts_with("pages_")).take(2).collect();
        for n in &some {
            scene.allow(&format!("kv_home/{n}"), 0);
        }
        assert_named(&scene, &some);
        let pages: Vec<&str> = names.iter().copied().filter(|n| n.starts_with("pages_")).collect();
        for n in &pages {
            scene.allow(&format!("kv_home/{n}"), 0);
        }
        assert_named(&scene, &pages);
        for n in &names {
            scene.allow(&format!("kv_home/{n}"), 0);
        }
        assert_named(&scene, &names);
    }
}

#[test]
fn a_directory_that_cannot_be_entered_or_listed() {
    for store in stores() {
        let scene = Scene::new(&store);
        let names = scene.databases();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        scene.allow("kv_home", 0o4);
        assert_named(&scene, &names);
        for bits in [0o1, 0] {
            scene.allow("kv_home", bits);
            for verb in [&["audit"][..], &["orphans"], &["map"], &["repair", "plan"]] {
                let got = scene.run(verb);
                assert_eq!(got.code, 6, "{verb:?}: {}{}", got.stdout, got.stderr);
                assert!(got.stderr.contains("kv_home"), "{}", got.stderr);
            }
        }
    }
}

/// What lies beside a page log that nobody lets be seen is audited all the same.
#[test]
fn local_files_beside_a_page_log_that_cannot_be_listed() {
    let home = tempfile::tempdir().unwrap();
    common::copy_dir(&fixture("local").join("lost-extent"), home.path());
    common::copy_dir(&fixture("palite").join("2026-07-leak-full/kv_home"), &home.path().join("kv_home"));
    let scene = Scene::new(home.path());
    scene.allow("kv_home", 0);
    for verb in ["audit", "map", "orphans"] {
        let got = scene.run(&[verb, "--format", "json"]);
        let document = got.json();
        let left = document["coverage"]["not_checked"].as_array().unwrap();
        assert_eq!((left.len(), left[0]["path"].as_str(), left[0]["errno"].as_i64()), (1, Some("kv_home/"), Some(13)));
    }
    // The finding stays beside what was not read.
    let got = scene.run(&["audit"]);
    assert_eq!(got.code, 1, "{}", got.stderr);
    assert!(got.stdout.contains("extent-lost") && got.stdout.contains("Not checked: kv_home/: permission denied"));
    // A verb that would go by it, or write, does not go without it.
    for verb in [&["repair", "plan"][..], &["pickup", "replay"], &["export", "--out", "never"]] {
        let got = scene.run(verb);
        assert!(got.code == 6 && got.stderr.contains("kv_home: permission denied"), "{verb:?}: {}", got.stderr);
    }
}

/// Records that were committed to a write-ahead log that nobody gives.
#[test]
fn an_unreadable_write_ahead_log() {
    let store = fixture("palite").join("2026-07-dup-delta-wal");
    for name in ["pages_09.db", "checkpoints.db"] {
        let scene = Scene::new(&store);
        scene.allow(&format!("kv_home/{name}-wal"), 0);
        let got = scene.run(&["audit", "--format", "json"]);
        let audit = got.json();
        assert_eq!((got.code, codes(&audit)), (6, Vec::new()), "{name}");
        assert_eq!(errno(&audit, &format!("kv_home/{name}")), Some(EACCES), "{}", audit["coverage"]);
    }
}

/// A sound PALM environment.
fn palm() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("kv_home")).unwrap();
    fs::write(temp.path().join("kv_home/data.mdb"), common::palm_data()).unwrap();
    temp
}

#[test]
fn palm_environments() {
    let home = palm();
    let scene = Scene::new(home.path());
    let sound = scene.run(&["audit", "--format", "json"]);
    assert_eq!((sound.code, codes(&sound.json())), (0, Vec::new()), "{}", sound.stdout);
    for (name, bits) in [("kv_home/data.mdb", 0), ("kv_home", 0o4)] {
        scene.open_up();
        scene.allow(name, bits);
        for verb in ["audit", "orphans"] {
            let got = scene.run(&[verb, "--format", "json"]);
            assert_eq!((got.code, errno(&got.json(), "kv_home/data.mdb")), (6, Some(EACCES)), "{}", got.stdout);
            assert_eq!(codes(&got.json()), Vec::<String>::new());
        }
        let got = scene.run(&["audit"]);
        assert!(got.stdout.contains("Not checked: kv_home/data.mdb: permission denied"), "{}", got.stdout);
        for verb in [&["map"][..], &["repair", "plan"], &["pickup", "replay"]] {
            let got = scene.run(verb);
            assert!(got.code == 6 && got.stderr.contains("data.mdb"), "{verb:?} {}: {}", got.code, got.stderr);
        }
    }
    let faults = Faults::build();
    scene.open_up();
    let path = scene.home().join("kv_home/data.mdb");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    command.args(["audit", "--no-mmap", "--format", "json"]).arg(common::path(&scene.home()));
    faults.prepare_bad(&mut command, &path, 40_960, 41_472);
    let got = ran(command.stdin(Stdio::null()));
    assert_eq!((got.code, errno(&got.json(), "kv_home/data.mdb")), (6, Some(EIO)), "{}{}", got.stdout, got.stderr);
    assert_eq!(codes(&got.json()), Vec::<String>::new());
}

#[test]
fn a_medium_that_does_not_give_the_bytes() {
    let faults = Faults::build();
    // Without frames in a `-wal` the databases are read where they lie.
    let home = common::real("palite/2026-07-clean");
    let mut met = 0;
    let scene = Scene::new(&home);
    for name in scene.databases() {
        let path = scene.home().join("kv_home").join(&name);
        let units = fs::metadata(&path).unwrap().len().div_ceil(4096).max(1);
        for unit in (0..units).step_by(usize::try_from(units.div_ceil(12)).unwrap()) {
            for verb in [&["audit"][..], &["audit", "--deep"], &["audit", "--quick"]] {
                let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
                command.args(verb).arg(common::path(&scene.home())).args(["--format", "json"]);
                command.stdin(Stdio::null());
                faults.prepare_bad(&mut command, &path, unit * 4096, unit * 4096 + 512);
                let got = ran(&mut command);
                let document = got.json();
                let what = format!("{name} at {}: {verb:?}: {}", unit * 4096, document["coverage"]);
                assert_eq!(codes(&document), Vec::<String>::new(), "{what}");
                match errno(&document, &format!("kv_home/{name}")) {
                    Some(n) => {
                        met += 1;
                        assert_eq!((n, got.code), (EIO, 6), "{what}");
                        assert!(got.stderr.contains(&name), "{}", got.stderr);
                    }
                    // Not every page of a database is needed.
                    None => assert_eq!(got.code, 0, "{what}"),
                }
            }
        }
    }
    assert!(met > 20, "{met}");
}
