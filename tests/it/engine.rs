//! Homes that the real engine writes under random workloads, injured or not: what the audit says of them is
//! what the engine says. The engine is a module of Python (`python3 -m pip install --no-deps secantusdb`): this
//! test is ignored unless asked for, by `-- --include-ignored` as .ci/run does. `WTCHECK_PYTHON` names the
//! interpreter. More seeds: tests/engine/differential.py.

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs python3 with the engine, which .ci/run installs"]
fn the_audit_agrees_with_the_engine() {
    let python = std::env::var("WTCHECK_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import wiredtiger"]).output().is_ok_and(|o| o.status.success());
    assert!(there, "{python} has no module wiredtiger: python3 -m pip install --no-deps secantusdb");
    let temp = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/differential.py");
    let out = Command::new(&python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script)
        .args(["--wtcheck", env!("CARGO_BIN_EXE_wtcheck"), "--seeds", "0..60", "--repeatable", "--work"])
        .arg(temp.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("\n60 seeds, "), "{text}");
}
