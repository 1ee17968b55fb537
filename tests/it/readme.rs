//! Every command the README shows prints what the README says it prints.
//!
//! `WTCHECK_UPDATE=1 cargo test --test it readme::` writes the output into the README instead.

use std::path::Path;
use std::process::Command;

/// The words after `$ ` that run this binary, if they do.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let command = line.strip_prefix("$ ")?;
    let rest = command.strip_prefix("cargo run --release -- ").or_else(|| command.strip_prefix("wtcheck "))?;
    Some(rest.split_whitespace().collect())
}

/// When the README was written, for what is told as so long ago.
const NOW: &str = "1796000000";

/// Run a command as shown, in a directory that has the fixtures and gets what it makes; the time in the name of a
/// journal is left out.
fn run(args: &[&str], dir: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let run = command.args(args).current_dir(dir).env("COLUMNS", "80").env("SOURCE_DATE_EPOCH", NOW).output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let Some((head, tail)) = text.split_once("wtcheck-undo-") else { return text };
    format!("{head}wtcheck-undo-…{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn shown_output_is_real_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let temp = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root.join("fixtures"), temp.path().join("fixtures")).unwrap();
    let mut out = String::new();
    let mut blocks = readme.split("```");
    let mut checked = 0;
    out.push_str(blocks.next().unwrap());
    while let (Some(code), Some(text)) = (blocks.next(), blocks.next()) {
        let args = code.strip_prefix("console\n").and_then(|c| c.lines().next()).and_then(arguments);
        out.push_str("```");
        match args {
            Some(args) => {
                let first = code.lines().nth(1).unwrap();
                out.push_str(&format!("console\n{first}\n{}", run(&args, temp.path())));
                checked += 1;
            }
            None => out.push_str(code),
        }
        out.push_str("```");
        out.push_str(text);
    }
    assert!(checked >= 2, "{checked} commands in the README");
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(&path, out).unwrap();
    } else {
        assert!(readme == out, "the README is not current: see the head of tests/it/readme.rs");
    }
}

/// `cargo run` without a name starts wtcheck, though the package has another program.
#[test]
fn cargo_run_means_this_program() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let package = metadata["packages"].as_array().unwrap().iter().find(|p| p["name"] == "wtcheck").unwrap();
    assert_eq!(package["default_run"], "wtcheck");
}
