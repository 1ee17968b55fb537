//! The ledger of homes of local block files: what the system does not give is named with its reason, is never
//! told as damage, and is never passed over in a verdict of "clean".

#![allow(clippy::unwrap_used)]

use crate::common;
use crate::common::faults::Faults;
use crate::common::other_user::{Ran, is_root, program, ran};
use crate::common::{copy_dir, fixture};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const EACCES: i64 = 13;
const EIO: i64 = 5;
/// Who owns nothing here.
const NOBODY: u32 = 65534;

/// A home that everybody may read, and what may be taken away from others.
struct Scene {
    temp: TempDir,
}

impl Scene {
    fn new(name: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        copy_dir(&fixture("local").join(name), &temp.path().join("home"));
        let scene = Self { temp };
        scene.open_up();
        scene
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

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).stdin(Stdio::null()).current_dir("/");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Run a verb on the home.
    fn run(&self, verb: &[&str]) -> Ran {
        let home = self.home();
        ran(&mut self.command(&[verb, &[common::path(&home)]].concat()))
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
    worse.map(|f| format!("{} {} {}", f["code"], f["place"]["file"], f["found"])).collect()
}

/// The errno under which a path is in the ledger as not checked.
fn errno(document: &Value, path: &str) -> Option<i64> {
    let list = document["coverage"]["not_checked"].as_array().unwrap();
    list.iter().find(|e| e["path"] == path).and_then(|e| e["errno"].as_i64())
}

/// Every verb that judges a home: 6, the path named with its errno, and nothing said of content.
fn assert_named(scene: &Scene, paths: &[&str], expected: i64) {
    for verb in [&["audit"][..], &["audit", "--deep"], &["audit", "--quick"], &["audit", "--no-mmap"]] {
        let got = scene.run(&[verb, &["--format", "json"]].concat());
        let audit = got.json();
        assert_eq!(codes(&audit), Vec::<String>::new(), "{paths:?} {verb:?}");
        assert_eq!((got.code, audit["verdict"].as_str()), (6, Some("incomplete")), "{paths:?} {verb:?}");
        for path in paths {
            assert_eq!(errno(&audit, path), Some(expected), "{path}: {}", audit["coverage"]);
        }
        assert!(audit["local"]["catalog"]["proposed_turtle"].is_null(), "{paths:?}");
        assert!(got.stderr.contains(paths[0]) && got.stderr.contains("not enough"), "{}", got.stderr);
        let got = scene.run(verb);
        assert_eq!(got.code, 6);
        for path in paths {
            assert!(got.stdout.contains(&format!("Not checked: {path}: ")), "{path}: {}", got.stdout);
        }
        for lie in ["CLEAN", "every byte of every file accounted", "of no use"] {
            assert!(!got.stdout.contains(lie), "{lie}: {}", got.stdout);
        }
        let log_is_clean = got.stdout.lines().any(|l| l.starts_with("Log: ") && l.ends_with(", clean"));
        assert!(!log_is_clean || !paths.iter().any(|p| p.starts_with("journal")), "{}", got.stdout);
    }
    for verb in ["orphans", "map"] {
        let got = scene.run(&[verb, "--format", "json"]);
        assert_eq!((got.code, errno(&got.json(), paths[0])), (6, Some(expected)), "{verb} {paths:?}");
        assert!(got.stderr.contains(paths[0]), "{verb}: {}", got.stderr);
        let got = scene.run(&[verb]);
        assert!(got.code == 6 && got.stdout.contains(paths[0]), "{verb} {paths:?}: {}", got.stdout);
        assert!(!got.stdout.contains("No orphaned ranges"), "{}", got.stdout);
    }
    let got = scene.run(&["repair", "plan", "--format", "json"]);
    assert_eq!((got.code, got.json()["actions"].as_array().map(Vec::len)), (6, Some(0)), "{paths:?}: {}", got.stdout);
    assert!(got.stderr.contains(paths[0]), "{}", got.stderr);
    // An image of less than there is would tell of files that are missing.
    let out = scene.temp.path().join("out");
    fs::create_dir_all(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    let (home, image) = (scene.home(), out.join("x.wtpack"));
    let got = ran(&mut scene.command(&["pack", common::path(&home), common::path(&image)]));
    assert!(got.code == 6 && got.stderr.contains(paths[0]) && !image.exists(), "{}: {}", got.code, got.stderr);
}

#[test]
fn what_another_user_may_not_read_is_named() {
    let log = "journal/WiredTigerLog.0000000001";
    let data = "collection-0--7234567890123456789.wt";
    for name in [
        "WiredTiger",
        "WiredTiger.turtle",
        "WiredTiger.wt",
        "WiredTigerHS.wt",
        "_mdb_catalog.wt",
        "sizeStorer.wt",
        data,
        log,
    ] {
        let scene = Scene::new("mongo");
        assert_eq!(scene.run(&["audit"]).code, 0);
        assert_named(scene.allow(name, 0), &[name], EACCES);
    }
}

#[test]
fn some_files_and_all_of_them() {
    let scene = Scene::new("mongo");
    scene.allow("index-1--7234567890123456789.wt", 0).allow("WiredTigerHS.wt", 0);
    assert_named(&scene, &["WiredTigerHS.wt", "index-1--7234567890123456789.wt"], EACCES);
    let names: Vec<String> = fs::read_dir(scene.home())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".wt"))
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.iter().for_each(|n| {
        scene.allow(n, 0);
    });
    // Ten are named, and how many more there are.
    assert_named(&scene, names.get(..10).unwrap_or(&names), EACCES);
    assert_eq!(
        scene.run(&["audit", "--format", "json"]).json()["coverage"]["not_checked"].as_array().unwrap().len(),
        names.len()
    );
    // One file of them, with the home around it.
    let one = scene.home().join(names[9]);
    let got = ran(&mut scene.command(&["audit", common::path(&one), "--format", "json"]));
    assert_eq!((got.code, errno(&got.json(), names[9])), (6, Some(EACCES)), "{}", got.stdout);
}

#[test]
fn directories_that_cannot_be_listed_or_entered() {
    // Listed and not entered, entered and not listed, neither.
    for (bits, path) in [(0o4, "journal/WiredTigerLog.0000000001"), (0o1, "journal/"), (0, "journal/")] {
        let scene = Scene::new("mongo");
        scene.allow("journal", bits);
        assert_named(&scene, &[path], EACCES);
    }
    // A directory of a database.
    for bits in [0o4, 0o1, 0] {
        let scene = Scene::new("mongo");
        fs::create_dir(scene.home().join("db")).unwrap();
        fs::write(scene.home().join("db/notes.txt"), "x").unwrap();
        scene.open_up();
        assert_eq!(scene.run(&["audit"]).code, 0);
        scene.allow("db", bits);
        assert_named(&scene, &[if bits == 0o4 { "db/notes.txt" } else { "db/" }], EACCES);
    }
    // The home itself can be listed and not entered: nothing of it can be had.
    let scene = Scene::new("mongo");
    scene.allow("", 0o4);
    for verb in ["audit", "orphans", "map"] {
        let got = scene.run(&[verb]);
        assert!(got.code != 0 && got.code != 1 && !got.stdout.contains("CLEAN"), "{verb}: {} {}", got.code, got.stdout);
    }
}

#[test]
fn what_holds_no_data_does_not_matter() {
    let scene = Scene::new("mongo");
    fs::create_dir(scene.home().join("diagnostic.data")).unwrap();
    fs::create_dir(scene.home().join("lost+found")).unwrap();
    fs::write(scene.home().join("mongod.log"), "x").unwrap();
    scene.open_up();
    for name in ["mongod.lock", "WiredTiger.lock", "storage.bson", "diagnostic.data", "lost+found", "mongod.log"] {
        scene.allow(name, 0);
    }
    let got = scene.run(&["audit", "--format", "json"]);
    let coverage = &got.json()["coverage"];
    assert_eq!((got.code, coverage["not_checked"].as_array().map(Vec::len)), (0, Some(0)), "{coverage}");
    let not_ours = |path: &str| {
        let list = coverage["not_ours"].as_array().unwrap();
        list.iter().find(|e| e["path"] == path).and_then(|e| e["reason"].as_str()).map(str::to_string)
    };
    for (path, reason) in [
        ("mongod.lock", "lock"),
        ("storage.bson", "text"),
        ("diagnostic.data/", "diagnostics"),
        ("mongod.log", "diagnostics"),
        ("lost+found/", "unknown"),
    ] {
        assert_eq!(not_ours(path).as_deref(), Some(reason), "{path}");
    }
}

#[test]
fn findings_stay_beside_what_was_not_read() {
    let scene = Scene::new("lost-extent");
    scene.allow("WiredTigerHS.wt", 0);
    let got = scene.run(&["audit"]);
    assert_eq!(got.code, 1);
    assert!(got.stdout.contains("Not checked: WiredTigerHS.wt: permission denied"), "{}", got.stdout);
    assert!(got.stdout.contains("extent-lost") && !got.stdout.contains("every byte of every file"), "{}", got.stdout);
    // What was left out by request is no lack.
    let scene = Scene::new("mongo");
    let got = scene.run(&["audit", "--table", "WiredTigerHS.wt", "--format", "json"]);
    let audit = got.json();
    assert_eq!(got.code, 0);
    let list = audit["coverage"]["not_checked"].as_array().unwrap();
    assert!(list.len() > 5 && list.iter().all(|e| e["reason"] == "not-asked-for" && e["matters"] == false), "{list:?}");
}

#[test]
fn what_is_no_file_is_named() {
    let scene = Scene::new("mongo");
    let at = scene.home().join("index-3--7234567890123456789.wt");
    fs::remove_file(&at).unwrap();
    std::os::unix::fs::symlink("gone", &at).unwrap();
    let got = scene.run(&["audit", "--format", "json"]);
    assert_eq!((got.code, codes(&got.json())), (6, Vec::new()));
    assert_eq!(errno(&got.json(), "index-3--7234567890123456789.wt"), Some(2));
    fs::remove_file(&at).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &at, rustix::fs::Mode::RWXU).unwrap();
    let got = scene.run(&["audit", "--format", "json"]);
    assert_eq!((got.code, codes(&got.json())), (6, Vec::new()));
    let left = &got.json()["coverage"]["not_checked"][0];
    assert_eq!((left["reason"].as_str(), left["error"].as_str()), (Some("io-error"), Some("is not a regular file")));
    // Gone altogether is a finding.
    fs::remove_file(&at).unwrap();
    let got = scene.run(&["audit", "--format", "json"]);
    assert_eq!((got.code, codes(&got.json()).len()), (1, 1));
}

#[test]
fn a_medium_that_does_not_give_the_bytes() {
    let faults = Faults::build();
    for name in [
        "WiredTiger",
        "WiredTiger.turtle",
        "WiredTiger.wt",
        "WiredTigerHS.wt",
        "_mdb_catalog.wt",
        "sizeStorer.wt",
        "collection-0--7234567890123456789.wt",
        "index-1--7234567890123456789.wt",
        "journal/WiredTigerLog.0000000001",
    ] {
        let home = fixture("local").join("mongo");
        let path = home.join(name);
        let size = fs::metadata(&path).unwrap().len();
        let units = size.div_ceil(4096).max(1);
        let mut met = 0;
        for unit in (0..units).step_by(usize::try_from(units.div_ceil(24)).unwrap()) {
            for verb in [&["audit"][..], &["audit", "--deep"], &["orphans"]] {
                let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
                command.args(verb).arg(common::path(&home)).args(["--no-mmap", "--format", "json"]);
                faults.prepare_bad(&mut command, &path, unit * 4096, unit * 4096 + 512);
                let got = ran(&mut command);
                let document = got.json();
                let what = format!("{name} at {}: {verb:?}: {}", unit * 4096, document["coverage"]);
                assert_eq!(codes(&document), Vec::<String>::new(), "{what}");
                // Not every byte is read by every verb: what is free, say.
                match errno(&document, name) {
                    Some(n) => {
                        met += 1;
                        assert_eq!((n, got.code), (EIO, 6), "{what}");
                        assert!(got.stderr.contains(name), "{}", got.stderr);
                    }
                    None => assert_eq!(got.code, 0, "{what}"),
                }
            }
        }
        assert!(met > 0, "{name}");
    }
}

/// The system tells by a signal that it has no bytes for a mapped file; that is no crash.
#[test]
fn a_mapped_file_whose_bytes_are_gone() {
    let faults = Faults::build();
    let sound = fixture("local").join("mongo");
    let palm = tempfile::tempdir().unwrap();
    fs::create_dir(palm.path().join("kv_home")).unwrap();
    let packed = fs::read(fixture("palm").join("data.mdb.zst")).unwrap();
    fs::write(palm.path().join("kv_home/data.mdb"), zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    for (home, name) in [(sound, "collection-0--7234567890123456789.wt"), (palm.path().into(), "kv_home/data.mdb")] {
        for verb in [&["audit"][..], &["audit", "--deep"], &["map"]] {
            let copy = tempfile::tempdir().unwrap();
            common::copy_dir(&home, copy.path());
            let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
            command.args(verb).arg(common::path(copy.path()));
            faults.prepare_shrinking(&mut command, &copy.path().join(name));
            let got = ran(&mut command);
            assert_eq!((got.code, got.stdout.as_str()), (6, ""), "{name}: {verb:?}: {}", got.stderr);
            assert!(
                got.stderr.contains("mapped file")
                    && got.stderr.lines().count() == 1
                    && got.stderr.contains("--no-mmap"),
                "{}",
                got.stderr
            );
            // The way out that it names.
            let again = ran(Command::new(env!("CARGO_BIN_EXE_wtcheck"))
                .args(verb)
                .arg(common::path(copy.path()))
                .arg("--no-mmap"));
            let said = format!("{}{}", again.stdout, again.stderr);
            assert!([1, 6].contains(&again.code) && said.contains(name.rsplit('/').next().unwrap()), "{said}");
        }
    }
}
