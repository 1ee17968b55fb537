//! A repair that dies, or whose calls fail, at each write and each synchronisation in turn: the next
//! audit sees the old state or the new one, and undo either takes the rest back or says that there
//! is nothing to undo.

// What is preloaded is, and some of the calls are.

use crate::common;
use crate::common::faults;
use crate::common::faults::{
    Case, EIO, ENOSPC, EROFS, Fault, Faults, Mode, Outcome, for_chosen_faults, for_each_fault,
};
use crate::common::told::{Told, known, told};
use crate::common::{path, wtcheck};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use wtcheck::below::Below;
use wtcheck::home::directory::{self, Home};
use wtcheck::home::edit::{self, LocalEdit};
use wtcheck::store::edit::Side;
use wtcheck::store::palm::lmdb::Env;

/// Dying behind a call is dying before the next one.
const MODES: [Mode; 5] = [Mode::Kill, Mode::Torn, Mode::Error(EIO), Mode::Sticky(ENOSPC), Mode::Sticky(EROFS)];

/// Everything that matters in a store: every row of every SQLite database, as who opens it next gets
/// it; every record of an LMDB environment; every byte of the files of a home.
fn dump(home: &Path) -> BTreeMap<String, Vec<String>> {
    if home.join("kv_home/data.mdb").is_file() {
        return records(home);
    }
    if !home.join("kv_home").is_dir() {
        let files = common::snapshot(home).into_iter().filter(|(p, _)| p.is_file());
        let ours = |p: &Path| p.extension().is_some_and(|e| e == "journal") || is_unfinished(p);
        let files = files.filter(|(p, _)| !ours(p));
        return files.map(|(p, (_, b))| (path(p.strip_prefix(home).unwrap()).into(), vec![hex::encode(b)])).collect();
    }
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&home.join("kv_home"), temp.path());
    let mut out = BTreeMap::new();
    for entry in std::fs::read_dir(temp.path()).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_string();
        let table = match name.as_str() {
            "globals.db" => "globals",
            "checkpoints.db" => "checkpoints",
            n if n.ends_with(".db") => "pages",
            _ => continue,
        };
        let conn = rusqlite::Connection::open(&file).unwrap();
        let mut statement = conn.prepare(&format!("SELECT rowid, * FROM {table} ORDER BY rowid")).unwrap();
        let columns = statement.column_count();
        let row = |r: &rusqlite::Row<'_>| {
            Ok((0..columns).map(|c| format!("{:?}", r.get_ref(c).unwrap())).collect::<Vec<_>>().join("|"))
        };
        out.insert(name, statement.query_map([], row).unwrap().map(Result::unwrap).collect());
    }
    out
}

fn records(home: &Path) -> BTreeMap<String, Vec<String>> {
    let bytes = std::fs::read(home.join("kv_home/data.mdb")).unwrap();
    let env = Env::open(&bytes).unwrap();
    let names = env.records(&env.state().main).map(Result::unwrap).filter(|r| r.is_database).map(|r| r.key);
    names
        .map(|name| {
            let db = env.database(name).0.unwrap();
            let record = |r: wtcheck::store::palm::lmdb::Record<'_>| {
                format!("{} {}", hex::encode(r.key), hex::encode(env.value(&r).unwrap()))
            };
            let all = env.records(&db).map(|r| record(r.unwrap())).collect();
            (String::from_utf8(name.to_vec()).unwrap(), all)
        })
        .collect()
}

fn journals(home: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(home).unwrap().map(|e| e.unwrap().path());
    names.filter(|p| p.extension().is_some_and(|e| e == "journal")).collect()
}

/// Whether a file is one that was killed before it had its name.
fn is_unfinished(at: &Path) -> bool {
    at.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".wtcheck-"))
}

fn has_unfinished(home: &Path) -> bool {
    std::fs::read_dir(home).unwrap().any(|e| is_unfinished(&e.unwrap().path()))
}

struct Sample {
    temp: tempfile::TempDir,
    home: PathBuf,
    plan: PathBuf,
    old: Told,
    dump: BTreeMap<String, Vec<String>>,
}

impl Sample {
    /// Planned, with these options.
    fn new(make: impl FnOnce(&Path), more: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        make(&home);
        let plan = temp.path().join("plan.yaml");
        let (code, _, err) = wtcheck(&[&["repair", "plan", path(&home), "-o", path(&plan)], more].concat());
        assert_eq!(code, 1, "{err}");
        let (old, dump) = (told(&home), dump(&home));
        Self { temp, home, plan, old, dump }
    }
}

/// The leak: rows to put, to discard and to take back, in several databases.
fn sample() -> Sample {
    Sample::new(|home| common::copy_dir(&common::fixture("palite/2026-07-leak-full"), home), &[])
}

/// A real PALM store in which a size is set.
fn palm() -> Sample {
    let bytes = common::palm_data();
    let make = |home: &Path| {
        std::fs::create_dir_all(home.join("kv_home")).unwrap();
        std::fs::write(home.join("kv_home/data.mdb"), bytes).unwrap();
    };
    Sample::new(make, &["--only", "size-is-root-page-id", "--table", "*tbl_c*"])
}

/// A home of local block files with a wrong size in its metadata.
fn local() -> Sample {
    let make = |to: &Path| {
        common::copy_dir(&common::fixture("local/mongo"), to);
        let home = Home::open(to, directory::Options::default()).unwrap();
        let (file, last) = home.files.iter().filter_map(|f| Some((f, f.checkpoints.last()?))).next_back().unwrap();
        let (file, checkpoint) = (file.name.clone(), last.name.clone());
        let set = LocalEdit::SetSize { file, checkpoint, size: 77_824, cookie_size: 4096 };
        edit::carry_out(&Below::open(to).unwrap(), &edit::changes(&home, &[set], 1_800_000_000).unwrap(), Side::After)
            .unwrap();
    };
    Sample::new(make, &[])
}

/// A home whose turtle is gone.
fn turtle() -> Sample {
    let make = |to: &Path| {
        common::copy_dir(&common::fixture("local/mongo"), to);
        std::fs::remove_file(to.join("WiredTiger.turtle")).unwrap();
    };
    Sample::new(make, &[])
}

/// Undo whatever is there; afterwards the store is as it was.
fn undo(home: &Path, dump_before: &BTreeMap<String, Vec<String>>) {
    match journals(home).as_slice() {
        [] => {}
        [journal] => {
            let (code, out, err) = wtcheck(&["repair", "undo", path(journal)]);
            assert!(
                code == 0 || err.contains("as it was before the repair: nothing to undo"),
                "undo: {code} {out}{err}"
            );
        }
        more => panic!("{more:?}"),
    }
    assert!(dump(home) == *dump_before, "undo did not restore every row");
}

/// Apply in place with every fault. `content` says which calls write what a store is made of.
fn applied_in_place(sample: &Sample, content: fn(&faults::Call) -> bool) -> Outcome {
    let faults = Faults::build();
    let command = |dir: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        command.args([
            "repair",
            "apply",
            path(&sample.plan),
            "--in-place",
            "--yes",
            "--dir",
            path(dir),
            "-q",
            "-j",
            "1",
        ]);
        command
    };
    let mended = sample.temp.path().join("mended");
    common::copy_dir(&sample.home, &mended);
    assert_eq!(command(&mended).status().unwrap().code(), Some(4));
    let new = told(&mended);
    assert!(new.findings.is_empty() && new != sample.old, "{new:?}");
    let seen: Mutex<BTreeMap<(&str, bool), u64>> = Mutex::default();
    let unfinished = AtomicU64::new(0);
    let check = |case: &Case, outcome: &Outcome, fault: Fault| {
        let state = known(&told(case.path()), &sample.old, &new);
        *seen.lock().unwrap().entry((state, outcome.killed)).or_default() += 1;
        match outcome.code {
            Some(4) => assert_eq!(state, "new", "{fault:?}: reported as done"),
            // Whoever is told that it failed, or was refused, finds the store as it was.
            Some(code) => assert!(state == "old" || code == 6, "{fault:?}: exit {code}, {state}: {}", outcome.stderr),
            None => {}
        }
        undo(case.path(), &sample.dump);
        // A journal that was not finished is not in the way of the next repair, which takes it away.
        if has_unfinished(case.path()) {
            unfinished.fetch_add(1, Ordering::Relaxed);
            assert_eq!(command(case.path()).status().unwrap().code(), Some(4), "{fault:?}");
            assert!(!has_unfinished(case.path()), "{fault:?}");
        }
    };
    let counted = for_each_fault(&faults, &MODES, || Case::new(&sample.home, command), check);
    let seen = seen.into_inner().unwrap();
    println!("{} calls; {seen:?}", counted.calls.len());
    // Both sides of the commit point were met.
    for state in ["old", "new"] {
        assert!(seen.contains_key(&(state, true)), "{seen:?}");
    }
    assert!(unfinished.into_inner() > 0, "no journal was killed before it was finished");
    // The journal is on the disk, and has its name there, before any content is written.
    let at = |which: &dyn Fn(&faults::Call) -> bool| counted.calls.iter().position(which).unwrap();
    let synced = at(&|c| c.kind == "fsync" && is_unfinished(&c.path));
    let named = at(&|c| c.to.as_ref().is_some_and(|to| to.extension().is_some_and(|e| e == "journal")));
    let lasting = named + 1 + counted.calls[named + 1..].iter().position(|c| c.kind == "fsync").unwrap();
    let first = at(&|c| c.writes() && content(c));
    assert!(synced < named && lasting < first, "{:#?}", counted.calls);
    counted
}

/// Undo with every fault.
fn undone(sample: &Sample) {
    let faults = Faults::build();
    let mended = sample.temp.path().join("undone");
    common::copy_dir(&sample.home, &mended);
    let args = ["repair", "apply", path(&sample.plan), "--in-place", "--yes", "--dir", path(&mended)];
    assert_eq!(wtcheck(&args).0, 4);
    let new = told(&mended);
    let name = journals(&mended)[0].file_name().unwrap().to_owned();
    let command = |dir: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        command.args(["repair", "undo", path(&dir.join(&name)), "-q"]);
        command
    };
    let check = |case: &Case, outcome: &Outcome, fault: Fault| {
        let state = known(&told(case.path()), &sample.old, &new);
        if outcome.code == Some(0) {
            assert_eq!(state, "old", "{fault:?}: reported as undone");
        }
        undo(case.path(), &sample.dump);
    };
    for_each_fault(&faults, &MODES, || Case::new(&mended, command), check);
}

#[test]
fn palite_applied() {
    let content = |c: &faults::Call| c.file_name().ends_with(".db") || c.file_name().ends_with(".db-wal");
    let counted = applied_in_place(&sample(), content);
    // The counter first, and the completion record only when every row is on the disk.
    let mut order: Vec<&str> = Vec::new();
    for call in counted.calls.iter().filter(|c| c.writes() && c.file_name().ends_with(".db-wal")) {
        if !order.contains(&call.file_name()) {
            order.push(call.file_name());
        }
    }
    assert_eq!(order.first(), Some(&"globals.db-wal"), "{order:?}");
    assert_eq!(order.last(), Some(&"checkpoints.db-wal"), "{order:?}");
    assert!(order.len() >= 5, "{order:?}");
}

#[test]
fn palite_undone() {
    undone(&sample());
}

#[test]
fn palm_applied_and_undone() {
    let sample = palm();
    applied_in_place(&sample, |c| c.file_name() == "data.mdb");
    undone(&sample);
}

#[test]
fn sizes_of_a_home_applied_and_undone() {
    let sample = local();
    applied_in_place(&sample, |c| c.file_name().starts_with("WiredTiger."));
    undone(&sample);
}

#[test]
fn a_turtle_applied_and_undone() {
    let sample = turtle();
    applied_in_place(&sample, |c| c.file_name().starts_with("WiredTiger."));
    undone(&sample);
}

/// One bit of each write in turn is not what was written. What is reported as clean is clean; and where
/// the audit after the repair finds a new error, the repair is taken back by itself.
#[test]
fn a_medium_that_lies() {
    let faults = Faults::build();
    let mut taken_back = 0;
    for sample in [local(), palm(), sample()] {
        let back = Mutex::new(0);
        let command = |dir: &Path| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
            let in_place = ["repair", "apply", path(&sample.plan), "--in-place", "--yes", "--dir", path(dir), "-q"];
            command.args(in_place).args(["-j", "1"]);
            command
        };
        let check = |case: &Case, outcome: &Outcome, fault: Fault| {
            let (audit, out, _) = wtcheck(&["audit", path(case.path()), "--deep"]);
            match outcome.code {
                Some(4) => assert_eq!(audit, 0, "{fault:?}: reported as clean: {out}"),
                Some(3) if outcome.stderr.contains("rolled back") => {
                    *back.lock().unwrap() += 1;
                    assert_eq!(told(case.path()), sample.old, "{fault:?}");
                }
                Some(3 | 5 | 6) => {}
                other => panic!("{fault:?}: {other:?}: {}", outcome.stderr),
            }
        };
        let writes = |fault: Fault, call: &faults::Call| fault.mode == Mode::Flip && call.writes();
        for_chosen_faults(&faults, &[Mode::Flip], writes, || Case::new(&sample.home, command), check);
        taken_back += back.into_inner().unwrap();
    }
    assert!(taken_back >= 2, "{taken_back} repairs were taken back");
}

#[test]
fn applied_to_a_copy() {
    let faults = Faults::build();
    let sample = sample();
    let source = common::snapshot(&sample.home);
    let empty = sample.temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let command = |dir: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
        let out = dir.join("out");
        command.args(["repair", "apply", path(&sample.plan), "--output", path(&out), "-q", "-j", "1"]);
        command
    };
    let check = |case: &Case, outcome: &Outcome, fault: Fault| {
        let out = case.path().join("out");
        let there = out.exists();
        assert!(there || outcome.code != Some(4), "{fault:?}: reported as done");
        if there {
            // What has its name is whole.
            assert!(told(&out).findings.is_empty(), "{fault:?}");
            undo(&out, &sample.dump);
        }
        if outcome.code.is_some_and(|c| c != 4) && !matches!(fault.mode, Mode::Sticky(_)) && !there {
            let left: Vec<_> = std::fs::read_dir(case.path()).unwrap().map(|e| e.unwrap().path()).collect();
            assert!(left.is_empty(), "{fault:?}: an unfinished copy was left: {left:?}: {}", outcome.stderr);
        }
    };
    for_each_fault(
        &faults,
        &[Mode::Kill, Mode::Error(EIO), Mode::Sticky(ENOSPC)],
        || Case::new(&empty, command),
        check,
    );
    assert_eq!(common::snapshot(&sample.home), source, "the source was touched");
}
