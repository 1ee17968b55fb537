//! Completion: bash really run, zsh and fish by what they ask; and that asking leaves a store alone, never waits and never
//! complains.

use crate::common::{self, copy_dir, fixture, path};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What bash offers for a line with the cursor at its end.
fn bash(dir: &Path, line: &str) -> Vec<String> {
    // As bash does it: cut the line at blanks and at `=`, call the function of the script, see what it leaves.
    let script = r#"
        set -u
        source <(wtcheck completions bash)
        declare -A seen
        COMP_LINE=$1; COMP_POINT=${#1}; COMP_TYPE=9; COMP_KEY=9
        read -r -a COMP_WORDS <<<"${1//=/ = }"
        case $1 in *" ") COMP_WORDS+=("");; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        current=${COMP_WORDS[COMP_CWORD]}; [[ $current == = ]] && current=
        complete -p wtcheck >/dev/null
        _wtcheck wtcheck "$current" "${COMP_WORDS[COMP_CWORD - 1]}" 2>&1
        printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
    "#;
    let bin = Path::new(env!("CARGO_BIN_EXE_wtcheck")).parent().unwrap().display().to_string();
    let out = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", script, "bash", line])
        .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()))
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{line}");
    String::from_utf8(out.stdout).unwrap().lines().filter(|l| !l.is_empty()).map(String::from).collect()
}

/// What the program answers to a shell: code, stdout, stderr.
fn ask(shell: &str, dir: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    let last = (words.len() - 1).to_string();
    command.env("WTCHECK_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", last).env("_CLAP_IFS", "\n");
    let out = command.arg("--").args(words).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// A place with a page log, a home, and an empty directory.
fn place() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    copy_dir(&fixture("palite/2026-07-leak-full"), &temp.path().join("disagg"));
    copy_dir(&fixture("local/mongo"), &temp.path().join("mongo"));
    std::fs::create_dir(temp.path().join("my dir")).unwrap();
    temp
}

#[test]
fn bash_completes_verbs_paths_names_and_codes() {
    let temp = place();
    let offered = |line: &str| bash(temp.path(), line);
    for (line, want) in [
        ("wtcheck aud", &["audit"][..]),
        ("wtcheck repair pl", &["plan"]),
        ("wtcheck map dis", &["disagg/"]),
        ("wtcheck dis", &["disagg/"]),
        ("wtcheck disagg --dee", &["--deep"]),
        ("wtcheck audit my", &["my\\ dir/"]),
        ("wtcheck map disagg --table acc", &["accounts00"]),
        ("wtcheck map --table acc dis", &["disagg/"]),
        ("wtcheck map disagg --table=acc", &["accounts00"]),
        ("wtcheck map disagg --by=ls", &["lsn"]),
        ("wtcheck -q map -j 2 ./disagg --table led", &["ledger01"]),
        ("wtcheck page disagg acc", &["accounts00"]),
        ("wtcheck explain size-infl", &["size-inflated"]),
        ("wtcheck explain WT_PAN", &["WT_PANIC"]),
        ("wtcheck repair plan disagg --only orphan-p", &["orphan-page"]),
        ("wtcheck map mongo --table _mdb", &["_mdb_catalog.wt"]),
        ("wtcheck audit mongo --checkpoint WiredTigerC", &["WiredTigerCheckpoint.2"]),
        ("wtcheck schema pict", &["picture"]),
        ("wtcheck decode turtle @dis", &["@disagg/"]),
        ("wtcheck audit 'my", &["my dir/"]),
        ("wtcheck map nowhere --table a", &[]),
        ("wtcheck map 'my dir' --table a", &[]),
        ("wtcheck frobnicate --table a", &[]),
    ] {
        let found = offered(line);
        if line.contains("--checkpoint") {
            assert!(!found.is_empty() && found.iter().all(|w| w.starts_with("WiredTigerC")), "{line}: {found:?}");
        } else {
            assert_eq!(found, want, "{line}");
        }
    }
    let audit = common::wtcheck(&["audit", path(&temp.path().join("disagg")), "--format", "json"]);
    let audit: serde_json::Value = serde_json::from_str(&audit.1).unwrap();
    let checkpoints = offered("wtcheck audit disagg --checkpoint ");
    assert_eq!(checkpoints[0], audit["checkpoint"]["lsn"].to_string(), "the newest comes first: {checkpoints:?}");
    let dumps = offered("wtcheck dump mongo ");
    assert!(dumps.iter().any(|n| n.starts_with("test.")), "{dumps:?}");
    assert!(offered("wtcheck ").contains(&"audit".to_string()));
}

#[test]
fn other_shells_get_descriptions() {
    let temp = place();
    let (code, out, err) = ask("zsh", temp.path(), &["wtcheck", "map", "disagg", "--table", "acc"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "accounts00:table 25", ""));
    let (code, out, err) = ask("fish", temp.path(), &["wtcheck", "map", "disagg", "--table", "acc"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "accounts00\ttable 25\n", ""));
    let (code, out, err) = ask("fish", temp.path(), &["wtcheck", "aud"]);
    assert!(code == 0 && out.starts_with("audit\t") && err.is_empty(), "{out}{err}");
    let (code, out, _) = ask("fish", temp.path(), &["wtcheck", "explain", "extent-l"]);
    assert_eq!((code, out.as_str()), (0, "extent-lost\tfinding\n"));
}

#[test]
fn scripts_ask_the_program() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = common::wtcheck(&["completions", shell]);
        assert!(code == 0 && script.contains("WTCHECK_COMPLETE"), "{shell}: {script}");
        assert!(!script.contains("target/"), "no path of this machine: {script}");
    }
    // As other programs have it, too.
    let asked = Command::new(env!("CARGO_BIN_EXE_wtcheck")).env("WTCHECK_COMPLETE", "bash").output().unwrap();
    assert_eq!(asked.stdout, common::wtcheck(&["completions", "bash"]).1.as_bytes());
    let unknown = Command::new(env!("CARGO_BIN_EXE_wtcheck")).env("WTCHECK_COMPLETE", "ed").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&unknown.stderr).lines().count(), 1);
    // Somebody else's variable changes nothing.
    let other = Command::new(env!("CARGO_BIN_EXE_wtcheck")).env("COMPLETE", "bash").arg("--version").output().unwrap();
    assert!(other.stdout.starts_with(b"wtcheck "));
}

#[test]
fn asking_changes_nothing_never_waits_and_never_complains() {
    let temp = place();
    let at = |name: &str| temp.path().join(name);
    let before = common::snapshot(temp.path());
    for shell in ["bash", "zsh", "fish"] {
        for dir in ["disagg", "disagg/kv_home", "mongo", "my dir", "mongo/WiredTiger.wt"] {
            for option in ["--table", "--checkpoint"] {
                let (code, _, err) = ask(shell, temp.path(), &["wtcheck", "audit", dir, option, ""]);
                assert_eq!((code, err.as_str()), (0, ""), "{shell} {dir} {option}");
            }
        }
    }
    assert!(before == common::snapshot(temp.path()), "a store was touched");
    // A store with committed frames would have to be copied.
    copy_dir(&fixture("palite/2026-07-dup-delta-wal"), &at("wal"));
    let tables = |dir: &str| ask("fish", temp.path(), &["wtcheck", "audit", dir, "--table", ""]);
    let frames = |name: &str| {
        std::fs::read_dir(at(name).join("kv_home")).unwrap().any(|e| {
            let e = e.unwrap();
            e.file_name().to_str().unwrap().ends_with("-wal") && e.metadata().unwrap().len() > 32
        })
    };
    assert!(frames("wal"));
    assert_eq!(tables("wal"), (0, String::new(), String::new()));
    // Pipes in the place of files, and files of zeros and of noise.
    for (n, name) in
        ["disagg/kv_home/checkpoints.db", "mongo/WiredTiger.wt", "mongo/WiredTiger.turtle"].iter().enumerate()
    {
        let file = at(name);
        let whole = std::fs::read(&file).unwrap();
        let dir = name.split('/').next().unwrap();
        for kind in 0..3 {
            std::fs::remove_file(&file).unwrap();
            match kind {
                0 => {
                    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                    rustix::fs::mkfifoat(rustix::fs::CWD, &file, mode).unwrap();
                }
                1 => std::fs::write(&file, vec![0; whole.len()]).unwrap(),
                _ => {
                    let noise = whole.iter().enumerate().map(|(i, b)| if i % 61 == n { !b } else { *b });
                    std::fs::write(&file, noise.collect::<Vec<u8>>()).unwrap();
                }
            }
            let began = Instant::now();
            let (code, _, err) = tables(dir);
            assert!(began.elapsed() < Duration::from_secs(5), "{name} {kind}");
            assert_eq!((code, err.as_str()), (0, ""), "{name} {kind}");
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_name_is_never_a_command() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["$(touch owned)", "a;touch owned", "`x`", "-rf", "two\nlines", "plain"] {
        std::fs::create_dir(temp.path().join(name)).unwrap();
    }
    let offered = bash(temp.path(), "wtcheck audit ./");
    assert!(offered.contains(&"./plain/".to_string()) && offered.contains(&"./\\$\\(touch\\ owned\\)/".to_string()));
    for word in offered {
        let mut command = Command::new("bash");
        let out = command.args(["-c", &format!("printf %s {word}")]).current_dir(temp.path()).output().unwrap();
        let said = String::from_utf8(out.stdout).unwrap();
        assert!(temp.path().join(&said).is_dir(), "{word} is read as {said:?}");
    }
    assert!(!temp.path().join("owned").exists());
}
