//! What help and man pages say of each command: its exit codes, examples that can be typed, sections of the pages.

use std::collections::BTreeSet;
use std::process::Command;
use wtcheck::cli::{command, manpage, manual};

/// Every command by its path, those that only have others below them, too.
fn paths() -> Vec<String> {
    let mut out = Vec::new();
    let mut open = vec![(String::new(), command())];
    while let Some((path, command)) = open.pop() {
        let below = command.get_subcommands().filter(|c| c.get_name() != "help");
        open.extend(below.map(|c| (format!("{path} {}", c.get_name()).trim().to_owned(), c.clone())));
        out.push(path);
    }
    out
}

#[test]
fn every_command_has_a_page_and_two_examples() {
    let all: BTreeSet<String> = paths().into_iter().collect();
    let known: BTreeSet<String> = manual::paths().map(str::to_owned).collect();
    assert_eq!(all, known);
    for path in &all {
        assert!(manual::examples(path).len() >= 2, "{path}");
        assert!(!manual::codes(path).is_empty(), "{path}");
    }
}

/// Each is a command line that is taken, of the command that it is an example of.
#[test]
fn examples_can_be_typed() {
    for path in manual::paths() {
        let examples = manual::examples(path);
        for example in &examples {
            let own = example.rsplit("| ").find(|part| part.starts_with("wtcheck")).unwrap_or(example);
            let own = own.split(" | ").next().unwrap().trim().trim_start_matches("source <(").trim_end_matches(')');
            let words: Vec<String> = own.split(' ').map(|w| w.trim_matches('\'').to_owned()).collect();
            let words = match words.as_slice() {
                // A path alone stands for an audit.
                [program, path] if path.contains('/') => vec![program.clone(), "audit".into(), path.clone()],
                _ => words,
            };
            let taken = command().try_get_matches_from(&words);
            assert!(taken.is_ok(), "{example}: {}", taken.unwrap_err());
        }
        let first: Vec<&str> = path.split(' ').collect();
        let of_it = |line: &&str| first.iter().all(|word| line.contains(word));
        assert!(examples.iter().any(of_it), "{path}: {examples:?}");
    }
}

#[test]
fn pages_have_their_sections_and_name_pages_that_exist() {
    let pages = manpage::pages().unwrap();
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.trim_end_matches(".1")).collect();
    for (name, text) in &pages {
        // groff alone takes no other characters.
        assert!(text.is_ascii(), "{name}");
        let text = std::str::from_utf8(text).unwrap();
        let mut at = 0;
        for section in
            ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "EXAMPLES", "FILES", "\"SEE ALSO\""]
        {
            let found = text[at..].find(&format!("\n.SH {section}\n"));
            at += found.unwrap_or_else(|| panic!("{name}: no {section} behind byte {at}")) + 1;
        }
        let see = text[at..].replace("\\-", "-");
        let named: Vec<&str> = see.split([' ', ',', '\n']).filter_map(|w| w.strip_suffix("(1)")).collect();
        assert!(!named.is_empty(), "{name}");
        for page in named {
            assert!(names.contains(page), "{name} names {page}");
        }
    }
}

/// As a terminal of 80 columns shows it.
#[test]
fn short_help_is_short() {
    for path in paths() {
        let help = |long: &str| {
            let words = path.split(' ').filter(|w| !w.is_empty());
            let run = Command::new(env!("CARGO_BIN_EXE_wtcheck")).args(words).arg(long).env("COLUMNS", "80").output();
            String::from_utf8(run.unwrap().stdout).unwrap()
        };
        let (short, long) = (help("-h"), help("--help"));
        assert!(short.len() <= long.len(), "{path}");
        assert!(short.contains("\nExamples:\n  ") && long.contains("\nExamples:\n  "), "{path}: {short}");
        let telling = manual::codes(&path).iter().any(|c| matches!(c, 1 | 3..=5));
        assert_eq!(short.contains("\nExit codes:\n"), telling, "{path}: {short}");
    }
}

/// groff has nothing to complain of.
#[test]
#[ignore = "needs groff, which .ci/run installs"]
fn pages_render() {
    let man = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let mut seen = 0;
    for page in std::fs::read_dir(man).unwrap() {
        let page = page.unwrap().path();
        let run = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&page).output().expect("groff");
        assert!(run.status.success(), "{}", page.display());
        assert_eq!(String::from_utf8_lossy(&run.stderr), "", "{}", page.display());
        seen += 1;
    }
    assert!(seen >= 30, "{seen}");
}
