//! Attacks on what writes: a directory of somebody else's with things planted in it, writers at the same time, places
//! for results that are evidence. Nothing outside the store is made, changed, given away or read into a result.

use crate::common;
use crate::common::hands::{KINDS, Kind, OTHER, Scene, journal};
use crate::common::other_user::{is_root, program};
use crate::common::{path, wtcheck};
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Both ways to apply the plan are refused, or leave what lies outside alone.
fn harmless(scene: &Scene, label: &str) {
    let before = scene.outside();
    let (code, err) = scene.in_place();
    assert!(code == 3 || code == 6, "{label}, in place: {code} {err}");
    assert_eq!(err.trim_end().lines().count(), 1, "{label}: {err}");
    assert_eq!(scene.outside(), before, "{label}, in place");
    let copy = scene.temp.path().join("copy");
    let (code, err) = scene.run(&["repair", "apply", path(&scene.plan), "--output", path(&copy)]);
    // A pipe is no part of a copy, and a lock file is made anew.
    let made = label == "kv_home/lock.mdb is a pipe";
    assert!(if made { code == 4 || code == 5 } else { code == 3 || code == 6 }, "{label}, to a copy: {code} {err}");
    assert_eq!(copy.exists(), made, "{label}");
    assert_eq!(scene.outside(), before, "{label}, to a copy");
    let again = scene.temp.path().join("again.yaml");
    let (code, err) = scene.run(&["repair", "plan", path(&scene.home), "--force", "-o", path(&again)]);
    assert!((0..=6).contains(&code), "{label}, plan: {code} {err}");
    assert_eq!(scene.outside(), before, "{label}, plan");
    scene.nothing_leaked(label);
}
fn replace_by_link(at: &Path, to: &Path) {
    let _ = fs::remove_file(at);
    symlink(to, at).unwrap();
}

#[test]
fn links_and_second_names_lead_nowhere() {
    // Of each kind: a name that the repair writes, and what is planted there.
    let names: [(Kind, &[&str]); 3] = [
        (Kind::Palite, &["kv_home/pages_08.db", "kv_home/checkpoints.db", "kv_home/globals.db"]),
        (Kind::Palm, &["kv_home/data.mdb", "kv_home/lock.mdb"]),
        (Kind::Home, &["WiredTiger.turtle", "WiredTiger.turtle.set"]),
    ];
    for (kind, names) in names {
        for name in names {
            // To another file.
            let scene = Scene::new(kind);
            replace_by_link(&scene.home.join(name), &scene.outside.join("victim"));
            harmless(&scene, &format!("{name} leads outside"));
            // To what was there, which now lies outside.
            let scene = Scene::new(kind);
            if fs::rename(scene.home.join(name), scene.outside.join("moved")).is_ok() {
                symlink(scene.outside.join("moved"), scene.home.join(name)).unwrap();
                harmless(&scene, &format!("{name} lies outside"));
            }
            // A second name of another file.
            let scene = Scene::new(kind);
            let _ = fs::remove_file(scene.home.join(name));
            fs::hard_link(scene.outside.join("victim"), scene.home.join(name)).unwrap();
            harmless(&scene, &format!("{name} is a second name"));
            // Nowhere: it would be made.
            let scene = Scene::new(kind);
            replace_by_link(&scene.home.join(name), &scene.outside.join("new"));
            harmless(&scene, &format!("{name} leads to nothing"));
            assert!(!scene.outside.join("new").exists());
            // A pipe that nobody writes to.
            let scene = Scene::new(kind);
            let _ = fs::remove_file(scene.home.join(name));
            common::fifo(&scene.home.join(name));
            harmless(&scene, &format!("{name} is a pipe"));
        }
    }
}

#[test]
fn what_sqlite_keeps_beside_a_database() {
    for end in ["-wal", "-journal", "-shm"] {
        let scene = Scene::new(Kind::Palite);
        symlink(scene.outside.join("victim"), scene.kv_home(&format!("pages_08.db{end}"))).unwrap();
        harmless(&scene, end);
        let scene = Scene::new(Kind::Palite);
        symlink(scene.outside.join("new"), scene.kv_home(&format!("globals.db{end}"))).unwrap();
        harmless(&scene, end);
        assert!(!scene.outside.join("new").exists(), "{end}");
    }
}

#[test]
fn a_linked_directory() {
    for kind in [Kind::Palite, Kind::Palm] {
        let scene = Scene::new(kind);
        fs::rename(scene.home.join("kv_home"), scene.outside.join("kv_home")).unwrap();
        symlink(scene.outside.join("kv_home"), scene.home.join("kv_home")).unwrap();
        harmless(&scene, "kv_home is a link");
    }
    // In circles: each directory leads to all the others.
    let scene = Scene::new(Kind::Home);
    for at in 0..14 {
        fs::create_dir(scene.home.join(format!("d{at}"))).unwrap();
    }
    for at in 0..14 {
        for to in 0..14 {
            symlink(scene.home.join(format!("d{to}")), scene.home.join(format!("d{at}/l{to}"))).unwrap();
        }
    }
    let copy = scene.temp.path().join("copy");
    let (code, err) = scene.run(&["repair", "apply", path(&scene.plan), "--output", path(&copy)]);
    assert!(code == 3 && err.contains("symbolic link") && err.contains("--in-place --dir COPY"), "{code} {err}");
    assert!(!copy.exists());
}

/// A journal whose checksums hold, with another text in place of one.
fn rewritten(journal: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(journal).unwrap();
    let lines = text.lines().map(|l| l.split_once(' ').unwrap().1.replace(from, to));
    let forged: String = lines.map(|json| format!("{:08x} {json}\n", crc32c::crc32c(json.as_bytes()))).collect();
    assert!(forged != text, "{from}");
    fs::write(journal, forged).unwrap();
}

#[test]
fn a_crafted_journal() {
    let scene = Scene::new(Kind::Home);
    let (code, err) = scene.in_place();
    assert!(code == 4 || code == 5, "{code} {err}");
    symlink(&scene.outside, scene.home.join("sub")).unwrap();
    let before = scene.outside();
    let kept = fs::read(journal(&scene.home)).unwrap();
    for name in ["sub/victim", "../outside/victim", "sub/new"] {
        fs::write(journal(&scene.home), &kept).unwrap();
        rewritten(&journal(&scene.home), "\"file\":\"WiredTiger.turtle\"", &format!("\"file\":\"{name}\""));
        let (code, err) = scene.run(&["repair", "undo", path(&journal(&scene.home))]);
        assert!(code == 3 || code == 6, "{name}: {code} {err}");
        assert_eq!(scene.outside(), before, "{name}");
    }
    // The real one, with a trap where the temporary file goes.
    fs::write(journal(&scene.home), &kept).unwrap();
    fs::remove_file(scene.home.join("sub")).unwrap();
    symlink(scene.outside.join("victim"), scene.home.join("WiredTiger.turtle.set")).unwrap();
    let (code, err) = scene.run(&["repair", "undo", path(&journal(&scene.home))]);
    assert!(code == 3 && err.contains("symbolic link"), "{code} {err}");
    assert_eq!(scene.outside(), before);
    fs::remove_file(scene.home.join("WiredTiger.turtle.set")).unwrap();
    assert_eq!(scene.run(&["repair", "undo", path(&journal(&scene.home))]).0, 0);
}

#[test]
fn owners_and_modes() {
    for kind in KINDS {
        let scene = Scene::new(kind);
        fs::set_permissions(&scene.home, fs::Permissions::from_mode(0o700)).unwrap();
        let copy = scene.temp.path().join("copy");
        let (code, err) = scene.run(&["repair", "apply", path(&scene.plan), "--output", path(&copy)]);
        assert!(code == 4 || code == 5, "{kind:?}: {code} {err}");
        let own = |at: &Path| {
            let meta = fs::symlink_metadata(at).unwrap();
            (meta.uid(), meta.gid(), meta.mode() & 0o777)
        };
        let mut todo = vec![PathBuf::new()];
        while let Some(name) = todo.pop() {
            let at = copy.join(&name);
            if at.is_dir() {
                todo.extend(fs::read_dir(&at).unwrap().map(|e| name.join(e.unwrap().file_name())));
            }
            let original = scene.home.join(&name);
            if original.exists() {
                assert_eq!(own(&at), own(&original), "{kind:?}: {}", name.display());
            } else if name != Path::new("WiredTiger.turtle") && name != Path::new("kv_home/lock.mdb") {
                assert_eq!(own(&at), (own(&scene.home).0, own(&scene.home).1, 0o600), "{kind:?}: {}", name.display());
            }
        }
        // In place: the journal is for the owner of the store, and only for them.
        let (code, err) = scene.in_place();
        assert!(code == 4 || code == 5, "{kind:?}: {code} {err}");
        assert_eq!(own(&journal(&scene.home)), (own(&scene.home).0, own(&scene.home).1, 0o600), "{kind:?}");
        for entry in fs::read_dir(&scene.home).unwrap() {
            let at = entry.unwrap().path();
            assert_eq!(own(&at).0, own(&scene.home).0, "{}", at.display());
        }
        assert_eq!(own(&scene.plan).2, 0o600);
    }
}

#[test]
fn results_never_land_in_a_store() {
    for kind in KINDS {
        let scene = Scene::new(kind);
        let other = Scene::new(Kind::Palite);
        let image = scene.temp.path().join("image");
        assert_eq!(wtcheck(&["pack", path(&other.home), path(&image)]).0, 0);
        let scenario = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios").join(name);
        let (leak, race) = (scenario("accounting-leak.yaml"), scenario("damaged_checkpoint.yaml"));
        let first = if kind == Kind::Home { "WiredTiger.wt" } else { "kv_home" };
        let at = |name: &str| match scene.home.join(first).is_dir() {
            true => scene.home.join(first).join(name),
            false => scene.home.join(name),
        };
        let evidence = match kind {
            Kind::Palite => at("checkpoints.db"),
            Kind::Palm => at("data.mdb"),
            Kind::Home => at("WiredTiger.wt"),
        };
        let before = common::snapshot(&scene.home);
        for target in [&evidence, &at("new"), &scene.home.join("new")] {
            let target = path(target);
            for args in [
                vec!["repair", "plan", path(&other.home), "-o", target],
                vec!["repair", "plan", path(&other.home), "--force", "-o", target],
                vec!["map", path(&other.home), "--table", "*accounts00*", "--svg", target],
                vec!["map", path(&other.home), "--table", "*accounts00*", "--force", "--svg", target],
                vec!["pack", path(&other.home), target],
                vec!["unpack", path(&image), target],
                vec!["export", path(&other.home), "--out", target],
                vec!["man", target],
                vec!["completions", "bash", target],
                vec!["explain", "--pages", target],
                vec!["repair", "apply", path(&other.plan), "--output", target],
                vec!["simulate", "accounting", path(&leak), "--output", target],
                vec!["pickup", "run", path(&race), "--svg", target],
                vec!["pickup", "explore", path(&race), "-o", target],
            ] {
                let (code, out, err) = wtcheck(&args);
                assert!([2, 3, 6].contains(&code), "{args:?}: {code} {out}{err}");
                assert_eq!(common::snapshot(&scene.home), before, "{args:?}");
            }
        }
        // The journal of another store's repair.
        let (code, _, err) = wtcheck(&[
            "repair",
            "apply",
            path(&other.plan),
            "--in-place",
            "--yes",
            "--journal",
            path(&at("x.journal")),
        ]);
        assert!(code == 2 && err.contains("is in"), "{code} {err}");
        assert_eq!(common::snapshot(&scene.home), before);
    }
}

#[test]
fn a_plan_that_was_edited_is_not_overwritten() {
    let scene = Scene::new(Kind::Palite);
    fs::write(&scene.plan, "mine").unwrap();
    let args = ["repair", "plan", path(&scene.home), "-o", path(&scene.plan)];
    let (code, _, err) = wtcheck(&args);
    assert!(code == 2 && err.contains("--force"), "{code} {err}");
    assert_eq!(fs::read(&scene.plan).unwrap(), b"mine");
    assert_eq!(wtcheck(&[&args[..], &["--force"]].concat()).0, 1);
    assert!(fs::read(&scene.plan).unwrap().len() > 1000);
}

#[test]
fn the_exit_code_of_a_plan() {
    let scene = Scene::new(Kind::Palite);
    let plan = scene.temp.path().join("other.yaml");
    assert_eq!(wtcheck(&["repair", "plan", path(&scene.home)]).0, 1);
    for only in ["key-out-of-order", "cookie-invalid"] {
        assert_eq!(wtcheck(&["repair", "plan", path(&scene.home), "--only", only]).0, 0);
        assert_eq!(wtcheck(&["repair", "plan", path(&scene.home), "--only", only, "-o", path(&plan)]).0, 0);
        assert!(!plan.exists());
    }
}

/// Journals that lie elsewhere: beside the store, above it, in a directory that looks like a home.
#[test]
fn the_printed_way_back_works() {
    for kind in KINDS {
        for place in ["", "above", "looks-like-a-home"] {
            let scene = Scene::new(kind);
            let dir = scene.temp.path().join(place);
            fs::create_dir_all(&dir).unwrap();
            let file = dir.join("my.journal");
            let args = ["repair", "apply", path(&scene.plan), "--in-place", "--yes", "--journal", path(&file)];
            let (code, out, err) = wtcheck(&[&args[..], &["--format", "json"]].concat());
            assert!(code == 4 || code == 5, "{kind:?} {place}: {code} {err}");
            if place == "looks-like-a-home" {
                common::copy_dir(&common::real("classic-one/db"), &dir.join("copy"));
                for entry in fs::read_dir(dir.join("copy")).unwrap() {
                    let at = entry.unwrap().path();
                    fs::rename(&at, dir.join(at.file_name().unwrap())).unwrap();
                }
            }
            let report: Value = serde_json::from_str(&out).unwrap();
            let undo: Vec<&str> = report["undo"].as_str().unwrap().split(' ').skip(1).collect();
            assert_eq!(undo.len(), 5, "the store is named: {undo:?}");
            let (code, out, err) = wtcheck(&undo);
            assert_eq!(code, 0, "{kind:?} {place}: {out}{err}");
            assert!(out.contains(path(&scene.home)), "{kind:?} {place}: {out}");
        }
    }
}

#[test]
fn a_journal_that_was_cut_in_its_first_line() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    let file = journal(&scene.home);
    let whole = fs::read(&file).unwrap();
    for cut in [1, 8, 9, 12, 40, 100] {
        fs::write(&file, &whole[..cut]).unwrap();
        let (code, err) = scene.run(&["repair", "undo", path(&file)]);
        assert!(code == 3 && err.contains("never completed"), "{cut}: {code} {err}");
    }
}

/// Schemas that make a write do something else than it says: nothing is written, whatever the plan was made on.
#[test]
fn lying_schemas() {
    let key = ("PRIMARY KEY (table_id, page_id, lsn)", "PRIMARY KEY (table_id, page_id, lsn) ON CONFLICT REPLACE");
    let unique = ("PRIMARY KEY (table_id", "UNIQUE (page_id) ON CONFLICT REPLACE, PRIMARY KEY (table_id");
    let lies: [(&str, &str); 14] = [
        ("pages_08.db", "CREATE TRIGGER t AFTER INSERT ON pages BEGIN DELETE FROM pages WHERE lsn < 200; END"),
        ("pages_08.db", "CREATE TRIGGER t BEFORE INSERT ON pages BEGIN DELETE FROM pages; END"),
        ("pages_08.db", "CREATE TRIGGER t AFTER DELETE ON pages BEGIN DELETE FROM pages; END"),
        ("pages_10.db", "CREATE TRIGGER t AFTER INSERT ON pages BEGIN UPDATE pages SET flags = 0; END"),
        ("globals.db", "CREATE TRIGGER t AFTER UPDATE ON globals BEGIN UPDATE globals SET val = 1; END"),
        ("checkpoints.db", "CREATE TRIGGER t AFTER INSERT ON checkpoints BEGIN DELETE FROM checkpoints; END"),
        ("checkpoints.db", "CREATE TRIGGER t BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(IGNORE); END"),
        ("pages_08.db", "CREATE VIEW v AS SELECT * FROM pages"),
        ("pages_08.db", "CREATE TABLE other (a)"),
        ("pages_08.db", "CREATE UNIQUE INDEX i ON pages (lsn)"),
        ("pages_08.db", "CREATE INDEX i ON pages (abs(lsn))"),
        ("globals.db", "CREATE TABLE other (a REFERENCES globals ON DELETE CASCADE)"),
        ("checkpoints.db", "CREATE INDEX i ON checkpoints (lsn) WHERE lsn > 5"),
        ("pages_02.db", "CREATE TRIGGER t AFTER INSERT ON pages BEGIN SELECT 1; END"),
    ];
    let edits = [
        ("pages_08.db", key),
        ("pages_10.db", key),
        ("pages_08.db", unique),
        ("pages_02.db", ("page_data BLOB", "page_data BLOB COLLATE NOCASE")),
        ("pages_08.db", ("page_data BLOB", "page_data BLOB CHECK (1)")),
        ("pages_08.db", ("page_data BLOB", "page_data BLOB REFERENCES pages ON DELETE CASCADE")),
    ];
    type Lie = Box<dyn Fn(&Connection)>;
    let statements =
        lies.map(|(file, sql)| -> (&str, Lie) { (file, Box::new(move |c| c.execute_batch(sql).unwrap())) });
    let texts = edits.map(|(file, (from, to))| -> (&str, Lie) {
        let edit = move |c: &Connection| {
            c.execute_batch("PRAGMA writable_schema=1").unwrap();
            let sql =
                "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) WHERE name = 'pages' AND sql LIKE '%'||?1||'%'";
            assert_eq!(c.execute(sql, [from, to]).unwrap(), 1, "{from}");
        };
        (file, Box::new(edit))
    });
    let mut told = 0;
    for (file, lie) in statements.into_iter().chain(texts) {
        let scene = Scene::new(Kind::Palite);
        let conn = Connection::open(scene.kv_home(file)).unwrap();
        lie(&conn);
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(conn);
        let before = common::snapshot(&scene.home);
        let content = |s: &BTreeMap<PathBuf, (std::time::SystemTime, Vec<u8>)>| {
            s.iter().map(|(p, (_, b))| (p.clone(), b.clone())).collect::<Vec<_>>()
        };
        for args in [&["--in-place", "--yes"][..], &["--output", path(&scene.temp.path().join("copy"))]] {
            let (code, err) = scene.run(&[&["repair", "apply", path(&scene.plan)], args].concat());
            assert!(code == 3 || code == 6, "{file} {told}: {code} {err}");
            // A constraint without its index makes the rows unreadable before anyone asks what it says.
            assert!(err.contains(file) || err.contains("not as it was for the plan"), "{file} {told}: {err}");
            assert_eq!(content(&before), content(&common::snapshot(&scene.home)), "{file} {told}");
            assert!(!scene.temp.path().join("copy").exists());
        }
        told += 1;
    }
    assert_eq!(told, 20);
}

/// Locks of another process on each file that a writer of each kind locks.
#[test]
fn a_foreign_writer_is_kept_out_and_keeps_us_out() {
    let scene = Scene::new(Kind::Palite);
    for file in ["pages_08.db", "globals.db", "checkpoints.db"] {
        // Once it is open nothing of this process may close the file: that would give its locks up.
        let before = common::snapshot(&scene.home);
        let conn = Connection::open(scene.kv_home(file)).unwrap();
        let table = match file {
            "globals.db" => "globals",
            "checkpoints.db" => "checkpoints",
            _ => "pages",
        };
        conn.execute_batch(&format!("BEGIN IMMEDIATE; SELECT * FROM {table} LIMIT 1")).unwrap();
        let (code, err) = scene.in_place();
        assert!(code == 3 && err.contains("in use"), "{file}: {code} {err}");
        drop(conn);
        let changed = |s: &BTreeMap<PathBuf, (std::time::SystemTime, Vec<u8>)>| {
            s.iter()
                .filter(|(p, _)| !path(p).ends_with("-shm"))
                .map(|(p, (_, b))| (p.clone(), b.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(changed(&before), changed(&common::snapshot(&scene.home)), "{file}");
    }
}

/// Two applies, apply and a foreign writer, undo and a foreign writer: one is refused, the store is old or new.
#[test]
fn writers_at_the_same_time() {
    for kind in KINDS {
        let pairs = common::rounds(6);
        let mut done = (0, 0);
        for at in 0..pairs {
            let scene = Scene::new(kind);
            let apply = || {
                Command::new(program())
                    .args(["repair", "apply", path(&scene.plan), "--in-place", "--yes", "-q"])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            };
            let first = apply();
            std::thread::sleep(std::time::Duration::from_millis(at * 3 % 40));
            let second = apply();
            let ended = [first, second].map(|c| c.wait_with_output().unwrap());
            let codes = ended.each_ref().map(|o| o.status.code());
            let repaired = codes.iter().filter(|c| matches!(c, Some(4 | 5))).count();
            let refused = codes.iter().filter(|c| **c == Some(3)).count();
            let said = ended.each_ref().map(|o| String::from_utf8_lossy(&o.stderr).into_owned());
            assert_eq!((repaired, refused), (1, 1), "{kind:?}: {codes:?} {said:?}");
            let (code, _, err) = wtcheck(&["repair", "undo", path(&journal(&scene.home))]);
            assert_eq!(code, 0, "{kind:?}: {err}");
            done.0 += 1;
            done.1 += repaired;
        }
        assert_eq!(done, (pairs as usize, pairs as usize));
    }
}

/// A row of a page log that another process writes in a loop while a repair and its undo run.
#[test]
fn a_foreign_writer_in_a_loop() {
    for at in 0..common::rounds(4) {
        let scene = Scene::new(Kind::Palite);
        let file = scene.kv_home("globals.db");
        let writer = std::thread::spawn({
            let file = file.clone();
            move || {
                let mut written = 0;
                for _ in 0..40 {
                    let Ok(conn) = Connection::open(&file) else { continue };
                    let _ = conn.busy_timeout(std::time::Duration::from_millis(1));
                    written += conn.execute("INSERT OR IGNORE INTO globals VALUES (7, 7)", []).unwrap_or(0);
                    written += conn.execute("DELETE FROM globals WHERE id = 7", []).unwrap_or(0);
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                written
            }
        });
        let (code, err) = scene.in_place();
        let (second, again) = scene.run(&["repair", "undo", path(&scene.home.join("none"))]);
        writer.join().unwrap();
        assert!([3, 4, 5].contains(&code), "{at}: {code} {err}");
        assert_ne!(second, 0, "{again}");
        if code == 3 {
            assert!(err.contains("in use") || err.contains("not as it was for the plan"), "{err}");
        }
        let conn = Connection::open(&file).unwrap();
        let sound: String = conn.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
        assert_eq!(sound, "ok");
        drop(conn);
        let (audited, _, err) = wtcheck(&["audit", path(&scene.home)]);
        assert!(audited <= 1, "{audited} {err}");
    }
}

/// The run of another user, who owns the store or does not.
#[test]
fn as_another_user() {
    let scene = Scene::new(Kind::Palite);
    let root = is_root();
    let run = |user: u32, args: &[&str]| {
        let mut command = Command::new(program());
        if root {
            command.uid(user).gid(user);
        }
        let out = command.args(args).arg("--no-progress").stdin(Stdio::null()).output().unwrap();
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    fs::set_permissions(&scene.home, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&scene.plan, fs::Permissions::from_mode(0o644)).unwrap();
    // The owner mends it.
    let args = ["repair", "apply", path(&scene.plan), "--in-place", "--yes"];
    let (code, err) = run(OTHER, &args);
    assert_eq!(code, 4, "{err}");
    let (code, err) = run(OTHER, &["repair", "undo", path(&journal(&scene.home))]);
    assert_eq!(code, 0, "{err}");
    // Who may only read it changes nothing, and is told so in a line.
    if !root {
        fs::set_permissions(scene.kv_home("checkpoints.db"), fs::Permissions::from_mode(0o400)).unwrap();
    }
    let before = common::snapshot(&scene.home);
    let (code, err) = run(OTHER + 1, &args);
    assert!((code == 3 || code == 6) && err.trim_end().lines().count() == 1, "{code} {err}");
    assert_eq!(common::snapshot(&scene.home), before);
}

/// A home without the engine's lock file, as a restored backup is: it is locked all the same, and the file goes again.
#[test]
fn a_home_without_a_lock_file() {
    let scene = Scene::new(Kind::Home);
    fs::remove_file(scene.home.join("WiredTiger.lock")).unwrap();
    let plan = ["repair", "plan", path(&scene.home), "--force", "-o", path(&scene.plan)];
    assert_eq!(wtcheck(&plan).0, 1);
    let (code, err) = scene.in_place();
    assert!(code == 4 || code == 5, "{code} {err}");
    assert!(!scene.home.join("WiredTiger.lock").exists());
    let (code, err) = scene.run(&["repair", "undo", path(&journal(&scene.home))]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn what_a_shell_passes_on_loses_nothing() {
    let scene = Scene::new(Kind::Palite);
    let sh = |command: &str| {
        let command = command.replace("wtcheck", env!("CARGO_BIN_EXE_wtcheck")).replace("HOME", path(&scene.home));
        let out = Command::new("bash").args(["-c", &command]).current_dir(scene.temp.path()).output().unwrap();
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let evidence = fs::read(scene.kv_home("checkpoints.db")).unwrap();
    let (code, _) = sh("wtcheck repair plan HOME -o /dev/fd/3 3< HOME/kv_home/checkpoints.db");
    assert_eq!((code, fs::read(scene.kv_home("checkpoints.db")).unwrap() == evidence), (6, true));
    fs::write(scene.temp.path().join("log"), "before\n").unwrap();
    sh("wtcheck repair plan HOME -q -o /dev/stdout >> log");
    let log = fs::read_to_string(scene.temp.path().join("log")).unwrap();
    assert!(log.starts_with("before\n# A wtcheck repair plan"), "{log}");
    sh("wtcheck repair plan HOME -q -o /dev/stdout > p.yaml");
    let plan = fs::read_to_string(scene.temp.path().join("p.yaml")).unwrap();
    assert!(serde_yaml::from_str::<Value>(&plan).is_ok_and(|p| p["actions"].is_array()), "{plan}");
    let (code, out) = sh("wtcheck repair plan HOME -q -o >(cat) > /dev/null; sleep 0.2");
    assert_eq!(code, 0, "{out}");
}

#[test]
fn evidence_is_not_overwritten_by_force_wherever_it_lies() {
    let scene = Scene::new(Kind::Palite);
    assert_eq!(scene.in_place().0, 4);
    let palm = Scene::new(Kind::Palm);
    let home = Scene::new(Kind::Home);
    let kept = scene.temp.path().join("kept");
    fs::create_dir(&kept).unwrap();
    for (from, name) in [
        (journal(&scene.home), "my-journal"),
        (scene.kv_home("pages_08.db"), "x.sqlite"),
        (palm.kv_home("data.mdb"), "x.lmdb"),
        (home.home.join("WiredTiger.wt"), "x.bin"),
    ] {
        let at = kept.join(name);
        fs::copy(&from, &at).unwrap();
        let bytes = fs::read(&at).unwrap();
        let (code, _, err) = wtcheck(&["repair", "plan", path(&palm.home), "--force", "-o", path(&at)]);
        assert_eq!(code, 2, "{name}: {err}");
        assert_eq!(fs::read(&at).unwrap(), bytes, "{name}");
    }
}

#[test]
fn an_export_follows_no_link() {
    let scene = Scene::new(Kind::Palite);
    let out = scene.temp.path().join("tables");
    fs::create_dir(&out).unwrap();
    symlink(scene.home.join("kv_home"), out.join("versions")).unwrap();
    let before = common::snapshot(&scene.home);
    let args = ["export", path(&scene.home), "--out", path(&out), "--format", "jsonl", "--shard", "1/2"];
    let (code, _, err) = wtcheck(&args);
    assert!([2, 3, 6].contains(&code), "{code} {err}");
    assert_eq!(common::snapshot(&scene.home), before);
}

/// What is not refused without need: snapshots made of hard links, a mounted file system's own directory, stray names
/// in the directories above.
#[test]
fn ordinary_things_are_not_refused() {
    let scene = Scene::new(Kind::Palite);
    let snapshot = scene.temp.path().join("snapshot");
    let ran = Command::new("cp").args(["-al", path(&scene.home), path(&snapshot)]).status().unwrap();
    assert!(ran.success());
    fs::create_dir(scene.home.join("lost+found")).unwrap();
    fs::set_permissions(scene.home.join("lost+found"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(&scene.home, fs::Permissions::from_mode(0o2770)).unwrap();
    fs::write(scene.temp.path().join("kv_home"), "").unwrap();
    fs::write(scene.temp.path().join("WiredTiger.turtle"), "").unwrap();
    let results = scene.temp.path().join("results");
    fs::create_dir(&results).unwrap();
    let (code, _, err) = wtcheck(&["repair", "plan", path(&scene.home), "-o", path(&results.join("p.yaml"))]);
    assert_eq!(code, 1, "{err}");
    let copy = results.join("copy");
    let (code, _, err) = wtcheck(&["repair", "apply", path(&results.join("p.yaml")), "--output", path(&copy)]);
    assert_eq!(code, 4, "{err}");
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o7777, 0o2770);
    // In place a second name would change as well.
    let (code, _, err) = wtcheck(&["repair", "apply", path(&results.join("p.yaml")), "--in-place", "--yes"]);
    assert!(code == 3 && err.contains("names (hard links)"), "{code} {err}");
}
