//! Homes that the real engine writes under random workloads, injured or not: what the audit says of them is
//! what the engine says. The engine is a module of Python (`python3 -m pip install --no-deps secantusdb`): this
//! test is ignored unless asked for, by `-- --include-ignored` as .ci/run does. `WTCHECK_PYTHON` names the
//! interpreter. More seeds: tests/engine/differential.py.

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs python3 with the engine, which .ci/run installs"]
fn the_audit_agrees_with_the_engine() {
    let text = run("differential.py", &["--seeds", "0..60", "--repeatable"]);
    assert!(text.contains("\n60 seeds, "), "{text}");
}

/// Metadata that is lost or damaged, brought back: the engine opens the home, verifies every table, and gives the
/// same rows.
#[test]
#[ignore = "needs python3 with the engine, which .ci/run installs"]
fn the_engine_opens_metadata_that_was_brought_back() {
    let text = run("metadata.py", &["--collections", "8"]);
    assert!(text.contains("\n80 trials, 0 failures"), "{text}");
}

/// What a script of `tests/engine` prints.
fn run(script: &str, args: &[&str]) -> String {
    let python = std::env::var("WTCHECK_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import wiredtiger"]).output().is_ok_and(|o| o.status.success());
    assert!(there, "{python} has no module wiredtiger: python3 -m pip install --no-deps secantusdb");
    let temp = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine").join(script);
    let out = Command::new(&python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script)
        .args(args)
        .args(["--wtcheck", env!("CARGO_BIN_EXE_wtcheck"), "--work"])
        .arg(temp.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    text
}
