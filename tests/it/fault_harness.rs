//! The faults of tests/it/common/faults.rs themselves, and what a repair may build on: a file that is
//! replaced by a rename, a transaction of SQLite and one of LMDB are there as a whole or not at all,
//! wherever the process dies or a call fails.
//!
//! The victim is this program again, told by the environment what to do.

// The bindings of LMDB call opening unsafe, as it maps files. The files here are the test's own.
#![allow(unsafe_code)]

use crate::common;
use crate::common::faults;
use crate::common::faults::{
    Case, EIO, ENOSPC, EROFS, Fault, Faults, MODES, Mode, Outcome, for_chosen_faults, for_each_fault,
};
use heed::types::{Bytes, Str};
use heed::{CommitOrAbort, Database, EnvOpenOptions};
use rusqlite::Connection;
use rustix::fs::{CWD, FallocateFlags, RenameFlags};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::SystemTime;

type Done = Result<(), Box<dyn Error>>;

/// What a victim does, and on which directory.
const VICTIM: &str = "WTCHECK_VICTIM";

#[test]
#[ignore = "run by the other tests, with faults"]
fn victim() -> Done {
    let Ok(what) = std::env::var(VICTIM) else { return Ok(()) };
    let (name, dir) = what.split_once(' ').unwrap();
    let dir = Path::new(dir);
    match name {
        "replace" => replace(dir),
        "persist" => persist(dir),
        "overwrite" => overwrite(dir),
        "all-kinds" => all_kinds(dir),
        "threads" => threads(dir),
        "sqlite" => sqlite(dir, false),
        "sqlite-checkpoint" => sqlite(dir, true),
        "lmdb" => lmdb(dir),
        _ => panic!("{name}"),
    }
}

fn case(template: &Path, name: &str) -> Case {
    Case::new(template, |dir| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "fault_harness::victim", "--ignored", "--nocapture"]);
        command.env(VICTIM, format!("{name} {}", dir.display()));
        command
    })
}

/// What the runs left behind: true where it was the new content.
struct Seen {
    /// Calls that may fail without the victim failing, as kind and file name.
    tolerated: Vec<&'static str>,
    runs: Mutex<BTreeMap<Fault, bool>>,
}

impl Seen {
    fn new(tolerated: &[&'static str]) -> Seen {
        Seen { tolerated: tolerated.to_vec(), runs: Mutex::default() }
    }

    /// A victim that ended well left the new content, any other one of the two. Errors are reported.
    fn check<T: PartialEq + Debug>(&self, outcome: &Outcome, fault: Fault, found: &T, old: &T, new: &T) {
        let is_new = found == new;
        assert!(is_new || found == old, "neither old nor new: {found:?}");
        assert!(!outcome.killed || outcome.calls.len() as u64 == fault.at, "calls after the kill");
        // 1: a command of ours found something.
        if matches!(outcome.code, Some(0 | 1)) {
            assert!(is_new, "it said that all is well, but did nothing");
            if let Some(call) = outcome.calls.iter().find(|c| c.failed) {
                let call = format!("{} {}", call.kind, if call.path.is_dir() { "DIR" } else { call.file_name() });
                assert!(self.tolerated.contains(&call.as_str()), "{call} failed, and nothing was said");
            }
        } else {
            assert!(fault.mode != Mode::Count, "{}", outcome.stderr);
        }
        self.runs.lock().unwrap().insert(fault, is_new);
    }

    /// There is one call that makes it new, and it stays new.
    fn assert_turns_once(&self) {
        let runs = self.runs.lock().unwrap();
        let of = |mode| -> Vec<bool> { runs.iter().filter(|(f, _)| f.mode == mode).map(|(_, &new)| new).collect() };
        let (before, after) = (of(Mode::Kill), of(Mode::KillAfter));
        assert!(before.is_sorted() && !before[0], "{before:?}");
        assert!(after.is_sorted() && after[after.len() - 1], "{after:?}");
    }
}

// ---- A file that is replaced ----

const FILE: &str = "file";
const OLD: &[u8] = &[b'o'; 6000];
const NEW: &[u8] = &[b'n'; 9000];

fn file_template() -> tempfile::TempDir {
    let template = tempfile::tempdir().unwrap();
    fs::write(template.path().join(FILE), OLD).unwrap();
    template
}

fn replace(dir: &Path) -> Done {
    let temp = dir.join("file.new");
    let mut file = File::create(&temp)?;
    for part in NEW.chunks(5000) {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&temp, dir.join(FILE))?;
    File::open(dir)?.sync_all()?;
    Ok(())
}

/// The same with a temporary file, which does not rename by libc unless told to.
fn persist(dir: &Path) -> Done {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(NEW)?;
    file.as_file().sync_data()?;
    file.persist(dir.join(FILE))?;
    File::open(dir)?.sync_all()?;
    Ok(())
}

/// What must not be done.
fn overwrite(dir: &Path) -> Done {
    fs::write(dir.join(FILE), NEW)?;
    Ok(())
}

fn kinds(outcome: &Outcome) -> Vec<&str> {
    outcome.calls.iter().map(|c| c.kind.as_str()).collect()
}

#[test]
fn a_file_is_replaced_or_not() {
    let faults = Faults::build();
    let template = file_template();
    for name in ["replace", "persist"] {
        let seen = Seen::new(&[]);
        let make = || case(template.path(), name);
        let counted = for_each_fault(&faults, &MODES, make, |case, outcome, fault| {
            let found = fs::read(case.path().join(FILE)).unwrap();
            seen.check(outcome, fault, &found.as_slice(), &OLD, &NEW);
        });
        seen.assert_turns_once();
        let expected = match name {
            "replace" => vec!["create", "write", "write", "fsync", "rename", "fsync"],
            _ => vec!["create", "write", "fdatasync", "rename", "fsync"],
        };
        assert_eq!(kinds(&counted), expected);
        let rename = &counted.calls[expected.len() - 2];
        assert!(rename.to.as_ref().is_some_and(|to| to.ends_with(FILE)), "{rename}");
    }
}

#[test]
fn a_file_that_is_overwritten_is_found() {
    let faults = Faults::build();
    let template = file_template();
    let run = || {
        for_each_fault(
            &faults,
            &[Mode::Torn],
            || case(template.path(), "overwrite"),
            |case, outcome, fault| {
                let found = fs::read(case.path().join(FILE)).unwrap();
                assert!(found == OLD || found == NEW, "{} bytes are there, {:?} {fault:?}", found.len(), outcome.code);
            },
        )
    };
    let panic = std::panic::catch_unwind(run).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    // Half of what was to be written, at the call that wrote it.
    for part in ["Torn at call 2 of 2: 4500 bytes are there", ">     2 write /", "/file at 0 length 9000\n"] {
        assert!(message.contains(part), "{part:?} is not in\n{message}");
    }
}

// ---- Every kind of call ----

type Step = (&'static str, fn() -> io::Result<()>);

fn writable(name: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(name)
}

/// Calls by the names they are counted by, each on a file of its own, named as it is.
const STEPS: [Step; 23] = [
    ("create", || File::create_new("created").map(|_| ())),
    ("cut", || File::create("cut").map(|_| ())),
    ("open", || writable("open").map(|_| ())),
    ("write", || writable("write")?.write_all(b"new")),
    ("writev", || writable("writev")?.write_vectored(&[IoSlice::new(b"n"), IoSlice::new(b"ew")]).map(|_| ())),
    ("pwrite", || writable("pwrite")?.write_all_at(b"new", 2)),
    ("pwritev", || Ok(rustix::io::pwritev(writable("pwritev")?, &[IoSlice::new(b"new")], 2).map(|_| ())?)),
    ("copy_file_range", || fs::copy("copy_file_range", "copied").map(|_| ())),
    ("sendfile", || Ok(rustix::fs::sendfile(writable("sendfile")?, File::open("open")?, None, 5).map(|_| ())?)),
    ("ftruncate", || writable("ftruncate")?.set_len(100)),
    ("fallocate", || Ok(rustix::fs::fallocate(writable("fallocate")?, FallocateFlags::empty(), 0, 100)?)),
    ("fsync", || writable("fsync")?.sync_all()),
    ("fdatasync", || writable("fdatasync")?.sync_data()),
    ("msync", || {
        // SAFETY: nobody else knows the file.
        let mut map = unsafe { memmap2::MmapMut::map_mut(&writable("msync")?) }?;
        map[0] = b'n';
        map.flush()
    }),
    ("rename", || fs::rename("rename", "../out/renamed")),
    ("renameat2", || Ok(rustix::fs::renameat_with(CWD, "renameat2", CWD, "renamed", RenameFlags::NOREPLACE)?)),
    ("unlink", || fs::remove_file("unlink")),
    ("link", || fs::hard_link("link", "linked")),
    ("symlink", || std::os::unix::fs::symlink("symlink", "linked softly")),
    ("mkdir", || fs::create_dir("made")),
    ("rmdir", || fs::remove_dir_all("rmdir")),
    ("chmod", || fs::set_permissions("chmod", fs::Permissions::from_mode(0o600))),
    ("utimens", || writable("utimens")?.set_modified(SystemTime::UNIX_EPOCH)),
];

/// Every step, whatever became of those before; and what became of it.
fn all_kinds(dir: &Path) -> Done {
    std::env::set_current_dir(dir.join("in"))?;
    println!();
    for (name, step) in STEPS {
        fs::write("../out/file", "this is not counted")?;
        let error = step().err().map_or(0, |e| e.raw_os_error().unwrap());
        println!("step {name} {error}");
    }
    Ok(())
}

/// The steps that failed, each with this error.
fn failed(outcome: &Outcome, errno: i32) -> Vec<&'static str> {
    let results: Vec<&str> = outcome.stdout.lines().filter_map(|l| l.strip_prefix("step ")).collect();
    assert_eq!(results.len(), STEPS.len(), "{}", outcome.stdout);
    let mut out = Vec::new();
    for (result, (name, _)) in results.iter().zip(STEPS) {
        let found = result.split_once(' ').unwrap();
        if found != (name, "0") {
            assert_eq!(found, (name, errno.to_string().as_str()));
            out.push(name);
        }
    }
    out
}

#[test]
fn every_kind_of_call_counts_and_fails() {
    let faults = Faults::build();
    let template = tempfile::tempdir().unwrap();
    fs::create_dir_all(template.path().join("in/rmdir")).unwrap();
    fs::create_dir(template.path().join("out")).unwrap();
    for (name, _) in STEPS.iter().filter(|s| s.0 != "rmdir") {
        fs::write(template.path().join("in").join(name), OLD).unwrap();
    }
    fs::write(template.path().join("in/rmdir/file"), OLD).unwrap();

    let only_in = || {
        let mut case = case(template.path(), "all-kinds");
        case.below = vec![case.path().join("in")];
        case
    };
    let space = [
        "create",
        "write",
        "writev",
        "pwrite",
        "pwritev",
        "copy_file_range",
        "sendfile",
        "fallocate",
        "link",
        "symlink",
        "mkdir",
    ];
    let first = |fault: Fault, _: &faults::Call| matches!(fault.mode, Mode::Error(_)) || fault.at == 1;
    let modes = [Mode::Error(EIO), Mode::Sticky(ENOSPC), Mode::Sticky(EROFS)];
    let counted = for_chosen_faults(&faults, &modes, first, only_in, |_, outcome, fault| {
        assert_eq!(outcome.code, Some(0));
        match fault.mode {
            Mode::Error(errno) => assert_eq!(failed(outcome, errno).len(), 1, "{}", outcome.stdout),
            Mode::Sticky(ENOSPC) => assert_eq!(failed(outcome, ENOSPC), space),
            Mode::Sticky(errno) => assert_eq!(failed(outcome, errno).len(), STEPS.len()),
            _ => assert!(failed(outcome, 0).is_empty()),
        }
    });
    for (name, _) in STEPS {
        let kind = if name == "renameat2" { "rename" } else { name };
        assert!(counted.count(kind) > 0, "{name}: {:?}", kinds(&counted));
    }
    // The directory, and the file in it.
    assert_eq!((counted.count("unlink"), counted.count("rename"), counted.count("rmdir")), (2, 2, 1));

    // Half of the bytes are there, and no more happens.
    let torn = |_: Fault, call: &faults::Call| call.writes();
    for_chosen_faults(&faults, &[Mode::Torn], torn, only_in, |case, outcome, fault| {
        let Some(call) = outcome.calls.last().filter(|_| fault.mode == Mode::Torn) else { return };
        let found = fs::read(&call.path).unwrap();
        match call.kind.as_str() {
            "write" | "writev" => assert_eq!(&found[..3], b"noo"),
            "pwrite" | "pwritev" => assert_eq!(&found[..5], b"oonoo"),
            "copy_file_range" => assert_eq!(found.len(), OLD.len() / 2),
            "sendfile" => assert_eq!((call.len, &found[..4]), (Some(5), &b"oooo"[..])),
            kind => panic!("{kind}"),
        }
        assert!(!case.path().join("in/made").exists());
    });
}

// ---- Threads ----

const WRITERS: usize = 4;
const FILES: usize = 25;

fn threads(dir: &Path) -> Done {
    std::thread::scope(|scope| {
        for t in 0..WRITERS {
            scope.spawn(move || (0..FILES).for_each(|i| fs::write(dir.join(format!("{t}-{i}")), "x").unwrap()));
        }
    });
    Ok(())
}

#[test]
fn a_kill_stops_all_threads() {
    let faults = Faults::build();
    let template = tempfile::tempdir().unwrap();
    let chosen = |fault: Fault, _: &faults::Call| fault.at.is_multiple_of(20);
    let modes = [Mode::Kill, Mode::KillAfter];
    let counted = for_chosen_faults(
        &faults,
        &modes,
        chosen,
        || case(template.path(), "threads"),
        |case, outcome, fault| {
            // Each file is created, then its byte is written.
            let files = fs::read_dir(case.path()).unwrap().map(|f| 1 + f.unwrap().metadata().unwrap().len());
            let done = files.sum::<u64>();
            let most = match fault.mode {
                Mode::Count => outcome.calls.len() as u64,
                Mode::Kill => fault.at - 1,
                _ => fault.at,
            };
            // The other threads may each have been about to do theirs.
            assert!((most.saturating_sub(WRITERS as u64 - 1)..=most).contains(&done), "{done} calls are done");
        },
    );
    assert_eq!(counted.calls.len(), 2 * WRITERS * FILES);
}

// ---- SQLite ----

const DATABASE: &str = "data.db";

type Rows = Vec<(i64, String)>;

fn rows(word: &str, n: i64) -> Rows {
    (0..n).map(|i| (i, format!("{word} {i} {}", "x".repeat(200)))).collect()
}

fn insert(db: &Connection, rows: &Rows) -> rusqlite::Result<()> {
    let mut insert = db.prepare("INSERT OR REPLACE INTO t VALUES (?, ?)")?;
    rows.iter().try_for_each(|(key, value)| insert.execute((key, value)).map(|_| ()))
}

/// Everything in a database, which is whole.
fn read_rows(path: &Path) -> Rows {
    let db = Connection::open(path).unwrap();
    assert_eq!(db.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0)).unwrap(), "ok");
    let mut select = db.prepare("SELECT k, v FROM t ORDER BY k").unwrap();
    select.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

fn sqlite(dir: &Path, checkpoint: bool) -> Done {
    let mut db = Connection::open(dir.join(DATABASE))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    let transaction = db.transaction()?;
    insert(&transaction, &rows("new", 60))?;
    transaction.commit()?;
    if checkpoint {
        let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        assert_eq!(busy, 0);
    }
    db.close().map_err(|(_, e)| e)?;
    Ok(())
}

#[test]
fn a_transaction_of_sqlite_is_there_or_not() {
    let faults = Faults::build();
    let template = tempfile::tempdir().unwrap();
    let db = Connection::open(template.path().join(DATABASE)).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)").unwrap();
    insert(&db, &rows("old", 40)).unwrap();
    db.close().unwrap();

    // It gives the new files of root to the owner of the database, and makes do without.
    let always = ["chown data.db-wal", "chown data.db-shm", "fsync DIR", "unlink data.db-wal", "unlink data.db-shm"];
    // Closing moves the log into the database. If that fails the log stays, and nothing is said.
    let closing = ["fsync data.db-wal", "pwrite data.db", "ftruncate data.db", "fsync data.db"];
    let (old, new) = (rows("old", 40), rows("new", 60));
    for (name, closing) in [("sqlite", &closing[..]), ("sqlite-checkpoint", &[])] {
        let seen = Seen::new(&[&always, closing].concat());
        let make = || case(template.path(), name);
        let counted = for_each_fault(&faults, &MODES, make, |case, outcome, fault| {
            seen.check(outcome, fault, &read_rows(&case.path().join(DATABASE)), &old, &new);
        });
        seen.assert_turns_once();
        let has = |kind: &str, file: &str| counted.calls.iter().any(|c| c.kind == kind && c.file_name() == file);
        assert!(has("create", "data.db-wal") && has("pwrite", "data.db-wal") && has("fsync", "data.db-wal"));
        assert!(has("pwrite", "data.db") && has("fsync", "data.db") && has("unlink", "data.db-wal"));
        // The size of an empty log, before it is removed.
        assert_eq!(has("ftruncate", "data.db-wal"), name == "sqlite-checkpoint");
    }
}

// ---- LMDB ----

fn environment(dir: &Path) -> heed::Result<heed::Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(1 << 20);
    // SAFETY: a directory of this test, opened once at a time, changed by nobody else.
    unsafe { options.open(dir) }
}

fn unnamed(env: &heed::Env) -> heed::Result<Database<'_, Str, Bytes>> {
    let opened = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
        opener.open_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
    })?;
    Ok(opened.commit().flatten().unwrap())
}

fn put(dir: &Path, word: &str, n: i64) -> heed::Result<()> {
    let env = environment(dir)?;
    let db = unnamed(&env)?;
    let mut txn = env.write_txn()?;
    for (key, value) in rows(word, n) {
        db.put(&mut txn, &format!("{key:04}"), value.as_bytes())?;
    }
    txn.commit()
}

fn read_pairs(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let env = environment(dir).unwrap();
    let db = unnamed(&env).unwrap();
    let txn = env.read_txn().unwrap();
    db.iter(&txn).unwrap().map(|r| r.map(|(k, v)| (k.to_string(), v.to_vec())).unwrap()).collect()
}

fn lmdb(dir: &Path) -> Done {
    Ok(put(dir, "new", 60)?)
}

#[test]
fn a_transaction_of_lmdb_is_there_or_not() {
    let faults = Faults::build();
    let template = tempfile::tempdir().unwrap();
    put(template.path(), "old", 40).unwrap();
    let old = read_pairs(template.path());
    let other = tempfile::tempdir().unwrap();
    put(other.path(), "new", 60).unwrap();
    let new = read_pairs(other.path());

    let seen = Seen::new(&[]);
    let make = || case(template.path(), "lmdb");
    let counted = for_each_fault(&faults, &MODES, make, |case, outcome, fault| {
        seen.check(outcome, fault, &read_pairs(case.path()), &old, &new);
    });
    seen.assert_turns_once();
    // Pages, and then, by a descriptor that syncs, the one of the two meta pages that is not current.
    assert_eq!(kinds(&counted), ["open", "open", "open", "writev", "fdatasync", "pwrite"]);
    assert!(counted.calls[5].offset.is_some_and(|o| o < 2 * 4096), "{}", counted.calls[5]);
}

// ---- The commands ----

fn wtcheck(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    command.args(args);
    command
}

#[test]
fn what_is_inspected_is_not_even_opened_for_writing() {
    let faults = Faults::build();
    let homes = tempfile::tempdir().unwrap();
    for (name, from) in
        [("palite", "palite/2026-07-leak-full"), ("wal", "palite/2026-07-dup-delta-wal"), ("local", "local/mongo")]
    {
        common::copy_dir(&common::fixture(from), &homes.path().join(name));
    }
    let palm = homes.path().join("palm/kv_home");
    fs::create_dir_all(&palm).unwrap();
    fs::write(palm.join("data.mdb"), common::palm_data()).unwrap();

    for home in fs::read_dir(homes.path()).unwrap() {
        let home = home.unwrap().path();
        for (command, flag) in
            [("audit", "--deep"), ("audit", "--no-mmap"), ("map", "--no-mmap"), ("orphans", "--no-mmap")]
        {
            let args = [command, home.to_str().unwrap(), flag];
            let outcome = faults.run(&mut wtcheck(&args), &[&home], Mode::Count, 0);
            assert!(outcome.code.is_some_and(|c| c < 2), "{args:?}: {:?} {}", outcome.code, outcome.stderr);
            assert!(outcome.calls.is_empty(), "{args:?}: {}", outcome.calls[0]);
        }
    }
}

#[test]
fn a_picture_is_replaced_or_not() {
    let faults = Faults::build();
    let home = common::fixture("palite/2026-07-leak-full");
    let template = tempfile::tempdir().unwrap();
    let picture = "map.svg";
    let draw = |dir: &Path| {
        let mut command = wtcheck(&["map", home.to_str().unwrap(), "--table", "accounts00", "--force", "--svg"]);
        command.arg(dir.join(picture));
        command
    };
    assert_eq!(draw(template.path()).output().unwrap().status.code(), Some(1));
    let new = fs::read(template.path().join(picture)).unwrap();
    fs::write(template.path().join(picture), OLD).unwrap();

    let seen = Seen::new(&[]);
    let make = || Case::new(template.path(), draw);
    let counted = for_each_fault(&faults, &MODES, make, |case, outcome, fault| {
        seen.check(outcome, fault, &fs::read(case.path().join(picture)).unwrap(), &OLD.to_vec(), &new);
        // What was begun is removed again, if it can be.
        let left = fs::read_dir(case.path()).unwrap().count();
        assert!(left == 1 || outcome.killed || fault.mode == Mode::Sticky(EROFS), "{left} files");
    });
    seen.assert_turns_once();
    // The mode of the one it replaces, and the name made durable.
    assert_eq!(kinds(&counted), ["create", "write", "chmod", "fsync", "rename", "fsync"]);
}
