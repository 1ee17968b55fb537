//! Every command that the README and the guide show prints what they say it prints.
//!
//! In a block of the language `console` a line that begins with `$ ` is a command, `> ` goes on with it, and what
//! follows is all it prints, on both streams. The commands of a page run one after the other in bash, in a directory
//! of their own in which `fixtures` and `sql` are those of this repository.
//!
//! `WTCHECK_UPDATE=1 cargo test --features devtools readme::` writes the output into the pages instead.

use crate::common::terminal_svg;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// When the pages were written, for what is told as so long ago.
const NOW: &str = "1796000000";
/// Lines of the README, and of the output of one of its commands.
const README_LINES: usize = 200;
const OUTPUT_LINES: usize = 15;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command with all its lines, and what it printed when the page was written.
struct Shown {
    command: String,
    output: String,
}

/// The commands of a block.
fn commands(block: &str) -> Vec<Shown> {
    let mut out: Vec<Shown> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), out.last_mut()) {
            (Some(command), _) => out.push(Shown { command: command.into(), output: String::new() }),
            (None, Some(last)) if last.output.is_empty() && (line.starts_with("> ") || line == ">") => {
                last.command.push('\n');
                last.command.push_str(line.get(2..).unwrap_or_default());
            }
            (None, Some(last)) => last.output.push_str(&format!("{line}\n")),
            (None, None) => panic!("a block that does not begin with a command: {line}"),
        }
    }
    out
}

fn block(commands: &[Shown]) -> String {
    let shown = |s: &Shown| format!("$ {}\n{}", s.command.replace('\n', "\n> "), s.output);
    commands.iter().map(shown).collect::<String>().replace("\n> \n", "\n>\n")
}

/// A directory as the head of this file says, with the programs in `bin`.
fn place() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for name in ["fixtures", "sql"] {
        symlink(root().join(name), temp.path().join(name)).unwrap();
    }
    let bin = temp.path().join(".bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_wtcheck"), bin.join("wtcheck")).unwrap();
    if let Some(python) = std::env::var_os("WTCHECK_PYTHON") {
        // A link would take it out of its environment.
        let script = format!("#!/bin/sh\nexec '{}' -B \"$@\"\n", Path::new(&python).display());
        std::fs::write(bin.join("python3"), script).unwrap();
        std::fs::set_permissions(bin.join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    temp
}

/// What a command prints; the time in the name of a journal is left out.
fn run(command: &str, dir: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let run = Command::new("bash")
        .args(["-c", &format!("umask 022\nexec 2>&1\n{command}")])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", dir.join(".bin").display()))
        .env("COLUMNS", "80")
        .env("SOURCE_DATE_EPOCH", NOW)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", dir)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let mut parts = text.split("wtcheck-undo-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + "wtcheck-undo-…" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// The page with what its commands print now, and how many there are.
fn again(page: &str) -> (String, Vec<Shown>) {
    let temp = place();
    let mut out = String::new();
    let mut all = Vec::new();
    let mut parts = page.split("```");
    out.push_str(parts.next().unwrap());
    while let (Some(code), Some(text)) = (parts.next(), parts.next()) {
        out.push_str("```");
        match code.strip_prefix("console\n") {
            Some(code) => {
                let mut shown = commands(code);
                for one in &mut shown {
                    one.output = run(&one.command, temp.path());
                }
                out.push_str(&format!("console\n{}", block(&shown)));
                all.extend(shown);
            }
            None => out.push_str(code),
        }
        out.push_str("```");
        out.push_str(text);
    }
    (out, all)
}

fn check(page: &str) -> Vec<Shown> {
    let path = root().join(page);
    let stored = std::fs::read_to_string(&path).unwrap();
    let (now, commands) = again(&stored);
    assert!(!commands.is_empty(), "no command in {page}");
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(&path, now).unwrap();
    } else if let Some((a, b)) = stored.lines().zip(now.lines()).find(|(a, b)| a != b) {
        panic!("{page} is not current (see the head of tests/it/readme.rs):\n  {a}\nis now\n  {b}");
    } else {
        assert!(stored == now, "{page} is not current: see the head of tests/it/readme.rs");
    }
    commands
}

#[test]
fn the_readme() {
    let commands = check("README.md");
    for one in &commands {
        assert!(one.output.lines().count() <= OUTPUT_LINES, "{} prints much", one.command);
    }
    let lines = std::fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README_LINES, "the README has {lines} lines");
}

macro_rules! pages {
    ($($(#[$mark:meta])* $name:ident => $page:literal;)+) => {
        $($(#[$mark])* #[test] fn $name() { check($page); })+

        /// No page is left out.
        #[test]
        fn every_page_is_here() {
            let known = [$($page),+].map(PathBuf::from);
            for entry in std::fs::read_dir(root().join("docs/guide")).unwrap() {
                let page = Path::new("docs/guide").join(entry.unwrap().file_name());
                let has = std::fs::read_to_string(root().join(&page)).unwrap().contains("```console");
                assert_eq!(has, known.contains(&page), "{}", page.display());
            }
        }
    };
}

pages! {
    audit => "docs/guide/audit.md";
    repair => "docs/guide/repair.md";
    #[ignore = "needs Python and zstd, which .ci/run installs"]
    dump => "docs/guide/dump.md";
    logs => "docs/guide/logs.md";
    pick_up => "docs/guide/pick-up.md";
    #[ignore = "needs Python, which .ci/run installs"]
    production_dumps => "docs/guide/production-dumps.md";
    #[ignore = "needs DuckDB, which .ci/run installs"]
    past_one_machine => "docs/guide/past-one-machine.md";
    sharing_a_store => "docs/guide/sharing-a-store.md";
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

/// The picture at the top of the README: the first lines of an audit on a terminal of 80 columns.
#[test]
fn the_picture() {
    let fixture = "fixtures/palite/2026-07-leak-full";
    let run = Command::new(env!("CARGO_BIN_EXE_wtcheck"))
        .args(["audit", fixture, "--color", "always"])
        .current_dir(root())
        .env("COLUMNS", "80")
        .env("SOURCE_DATE_EPOCH", NOW)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let shown: Vec<&str> = text.lines().take_while(|line| !line.contains("Rows of the page log")).collect();
    assert!(shown.len() > 20, "{text}");
    let picture = terminal_svg::draw(&format!("wtcheck audit {fixture}"), &shown);
    let path = root().join("docs/audit.svg");
    if std::env::var_os("WTCHECK_UPDATE").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == picture, "docs/audit.svg is not current: see the head of tests/it/readme.rs");
}
