//! `man/` and `completions/` are what the clap definitions generate.
//!
//! To bring them up to date: `wtcheck man man` and `wtcheck completions SHELL completions`.

use std::path::Path;
use wtcheck::cli::{generate, manpage};

fn check(dir: &str, files: Vec<(String, Vec<u8>)>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut names: Vec<String> = files.iter().map(|f| f.0.clone()).collect();
    names.sort();
    let mut found: Vec<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names, "files in {}", dir.display());
    for (name, text) in files {
        let stored = std::fs::read(dir.join(&name)).unwrap();
        assert!(stored == text, "{name} is not current: generate it again, see the head of tests/it/generated.rs");
    }
}

#[test]
fn man_pages_are_current() {
    check("man", manpage::pages().unwrap());
}

#[test]
fn completions_are_current() {
    check("completions", generate::SHELLS.iter().map(|s| generate::completion(*s)).collect());
}
