//! Ctrl-C in the middle of a repair in place and of an undo: at every call that changes a file, the
//! directory is as it was or as it is to be, and what is told says which. A second one ends the process
//! at once, and the journal is the way back, as after a kill (tests/it/repair_faults.rs).

use crate::common;
use crate::common::faults;
use crate::common::faults::{Case, Fault, Faults, Mode, for_chosen_faults};
use crate::common::{path, wtcheck};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

const INT: i32 = 2;
const TERM: i32 = 15;

/// A store, a plan for it, and what the audit says before and after.
struct Sample {
    temp: tempfile::TempDir,
    home: PathBuf,
    plan: PathBuf,
    mended: PathBuf,
    old: Value,
    new: Value,
}

/// What of an audit a repair changes, and nothing that a path, a time or a run changes.
fn told(home: &Path) -> Value {
    let (code, out, err) = wtcheck(&["audit", path(home), "--format", "json"]);
    assert!(code <= 1, "{code} {err}");
    let audit: Value = serde_json::from_str(&out).unwrap();
    let tree = |t: &Value| [&t["uri"], &t["published_size"], &t["recomputed_size"]].map(Value::clone);
    let error = |f: &Value| (f["code"].clone(), f["place"]["table_id"].clone(), f["place"]["page_id"].clone());
    serde_json::json!({
        "checkpoint": audit["checkpoint"]["lsn"],
        "trees": audit["trees"].as_array().unwrap().iter().map(tree).collect::<Vec<_>>(),
        "database": audit["database"]["published_size"],
        "errors": audit["findings"].as_array().unwrap().iter().filter(|f| f["severity"] != "note").map(error).collect::<Vec<_>>(),
    })
}

fn sample(make: impl FnOnce(&Path)) -> Sample {
    let temp = tempfile::tempdir().unwrap();
    let [home, plan, mended] = ["home", "plan.yaml", "mended"].map(|n| temp.path().join(n));
    make(&home);
    assert_eq!(wtcheck(&["repair", "plan", path(&home), "-o", path(&plan)]).0, 1);
    common::copy_dir(&home, &mended);
    assert_eq!(wtcheck(&["repair", "apply", path(&plan), "--in-place", "--yes", "--dir", path(&mended)]).0, 4);
    let (old, new) = (told(&home), told(&mended));
    assert_ne!(old, new);
    Sample { temp, home, plan, mended, old, new }
}

fn palite() -> Sample {
    sample(|home| common::copy_dir(&common::fixture("palite/2026-07-leak-full"), home))
}

/// A local home whose turtle is gone.
fn local() -> Sample {
    sample(|home| {
        common::copy_dir(&common::fixture("local/mongo"), home);
        std::fs::remove_file(home.join("WiredTiger.turtle")).unwrap();
    })
}

fn journals(home: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(home).unwrap().map(|e| e.unwrap().path());
    names.filter(|p| p.extension().is_some_and(|e| e == "journal")).collect()
}

fn apply(sample: &Sample, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    command.args(["repair", "apply", path(&sample.plan), "--in-place", "--yes", "--dir", path(dir), "-q", "-j", "1"]);
    command
}

/// Every one of so many faults, and always the first and the last.
fn spread(points: u64, calls: u64) -> impl Fn(u64) -> bool {
    let step = calls.div_ceil(points).max(1);
    move |at| at == 1 || at == calls || at % step == 0
}

/// Enough to meet each step on either side.
const POINTS: u64 = 24;

fn calls_of(faults: &Faults, make: impl Fn() -> Case) -> u64 {
    let mut case = make();
    let below: Vec<PathBuf> = case.below.clone();
    let below: Vec<&Path> = below.iter().map(PathBuf::as_path).collect();
    faults.run(&mut case.command, &below, Mode::Count, 0).calls.len() as u64
}

fn applied_in_place(sample: &Sample) {
    let faults = Faults::build();
    let make = || Case::new(&sample.home, |dir| apply(sample, dir));
    let chosen = spread(POINTS, calls_of(&faults, make));
    let seen: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let check = |case: &Case, outcome: &faults::Outcome, fault: Fault| {
        let now = told(case.path());
        let state = if now == sample.old { "old" } else { "new" };
        assert!(state == "old" || now == sample.new, "{fault:?}: neither old nor new");
        let Mode::Signal(signal) = fault.mode else {
            assert_eq!((outcome.code, state), (Some(4), "new"));
            return;
        };
        assert_eq!(outcome.signal, Some(signal), "{fault:?}: {:?}", outcome.code);
        let err = &outcome.stderr;
        assert!(err.lines().all(|l| l.starts_with("wtcheck: interrupted; ")), "{fault:?}: {err}");
        // What is told is so, and there is a way back exactly if something was changed.
        let journal = journals(case.path());
        match (state, journal.as_slice()) {
            ("old", []) => assert!(!err.contains("was written"), "{fault:?}: {err}"),
            ("new", [journal]) => {
                let finished = err.contains("was written, but not audited again");
                let name = journal.file_name().unwrap().to_str().unwrap();
                // The mark behind a repair that was audited needs no word.
                assert!(err.is_empty() || (finished && err.contains(name)), "{fault:?}: {err}");
                assert_eq!(wtcheck(&["repair", "undo", path(journal)]).0, 0, "{fault:?}");
                assert_eq!(told(case.path()), sample.old, "{fault:?}");
            }
            (state, journals) => panic!("{fault:?}: {state}, {journals:?}: {err}"),
        }
        // Nothing is in the way of a new plan.
        assert_eq!(wtcheck(&["repair", "plan", path(case.path())]).0, 1, "{fault:?}");
        let waited = err.contains("is being written and is finished first");
        *seen.lock().unwrap().entry(format!("{state}, waited: {waited}")).or_default() += 1;
    };
    for_chosen_faults(&faults, &[Mode::Signal(INT), Mode::Signal(TERM)], |f, _| chosen(f.at), make, check);
    let seen = seen.into_inner().unwrap();
    println!("{seen:?}");
    for state in ["old, waited: false", "new, waited: true"] {
        assert!(seen.contains_key(state), "{seen:?}");
    }
    assert!(!seen.contains_key("old, waited: true"), "a step was begun and not finished: {seen:?}");
}

fn undone(sample: &Sample) {
    let faults = Faults::build();
    let name = journals(&sample.mended)[0].file_name().unwrap().to_owned();
    let make = || {
        Case::new(&sample.mended, |dir| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
            command.args(["repair", "undo", path(&dir.join(&name)), "-q"]);
            command
        })
    };
    let chosen = spread(POINTS, calls_of(&faults, make));
    let check = |case: &Case, outcome: &faults::Outcome, fault: Fault| {
        let now = told(case.path());
        let Mode::Signal(signal) = fault.mode else {
            assert_eq!((outcome.code, now), (Some(0), sample.old.clone()));
            return;
        };
        assert_eq!(outcome.signal, Some(signal), "{fault:?}: {:?}", outcome.code);
        let finished = outcome.stderr.contains("the undo was finished");
        assert_eq!(
            now,
            if finished { sample.old.clone() } else { sample.new.clone() },
            "{fault:?}: {}",
            outcome.stderr
        );
        let waited = outcome.stderr.contains("is being written and is finished first");
        assert_eq!(waited, finished, "{fault:?}: {}", outcome.stderr);
        if !finished {
            assert_eq!(wtcheck(&["repair", "undo", path(&case.path().join(&name))]).0, 0);
            assert_eq!(told(case.path()), sample.old);
        }
    };
    for_chosen_faults(&faults, &[Mode::Signal(INT)], |f, _| chosen(f.at), make, check);
}

#[test]
fn palite_applied_in_place() {
    common::signals_arrive();
    applied_in_place(&palite());
}

#[test]
fn palite_undone() {
    common::signals_arrive();
    undone(&palite());
}

#[test]
fn a_local_home_applied_in_place_and_undone() {
    common::signals_arrive();
    let sample = local();
    applied_in_place(&sample);
    undone(&sample);
}

/// The first one asks to finish the step, the second one does not wait for it.
#[test]
fn a_second_signal_ends_a_step_at_once() {
    common::signals_arrive();
    let faults = Faults::build();
    let sample = palite();
    let run = |mode, at| {
        let dir = sample.temp.path().join("second");
        let _ = std::fs::remove_dir_all(&dir);
        common::copy_dir(&sample.home, &dir);
        let outcome = faults.run(&mut apply(&sample, &dir), &[&dir], mode, at);
        (dir, outcome)
    };
    // In the middle of what is written into the databases: the completion record comes last.
    let (_, counted) = run(Mode::Count, 0);
    let writes = |c: &faults::Call| c.writes() && c.file_name().ends_with(".db-wal");
    let within: Vec<usize> = (0..counted.calls.len()).filter(|n| writes(&counted.calls[*n])).collect();
    let at = within[within.len() / 2] as u64 + 1;
    let dir = sample.temp.path().join("second");
    let _ = std::fs::remove_dir_all(&dir);
    common::copy_dir(&sample.home, &dir);
    let mut command = apply(&sample, &dir);
    faults.prepare(&mut command, &[&dir], Mode::Signal(INT), at, &sample.temp.path().join("report"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("is being written and is finished first"), "{line}");
    // It has told the way back before anyone can lose patience.
    let journal = journals(&dir);
    assert!(line.contains(path(journal[0].as_path())), "{line}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!((status.signal(), rest.as_str()), (Some(TERM), ""));
    // Begun and not finished: it can be told, and the journal takes it back.
    assert_eq!(told(&dir), sample.old);
    let (code, _, err) = wtcheck(&["repair", "plan", path(&dir)]);
    assert!(code == 3 && err.contains("a repair was interrupted here"), "{code} {err}");
    assert_eq!(wtcheck(&["repair", "undo", path(&journal[0])]).0, 0);
    assert_eq!(told(&dir), sample.old);
    assert_eq!(wtcheck(&["repair", "plan", path(&dir)]).0, 1);
}
