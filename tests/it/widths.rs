//! Whatever the width: each line fits, no number is torn or changed, and with colour no escape is.

use crate::common::{copy_dir, fixture, path, real};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use unicode_width::UnicodeWidthStr;

pub const WIDTHS: [usize; 4] = [60, 80, 100, 140];

/// Text without colours; anything left of a sequence stands out.
pub fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        out.push_str(&rest[..at]);
        let code = &rest[at + 2..];
        let end = code.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(0);
        assert_eq!(
            code.as_bytes().get(end),
            Some(&b'm'),
            "a torn sequence: {:?}",
            &rest[at..(at + 12).min(rest.len())]
        );
        rest = &code[end + 1..];
    }
    out + rest
}

/// The numbers of a text: whole words of digits, grouped ones without their commas.
pub fn numbers(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "│┆(){}[]\"'|;=".contains(c));
    let bare = words.map(|w| w.trim_matches(|c: char| ".,:;%≥".contains(c)));
    let number = |w: &&str| {
        w.len() > 1
            && w.contains(|c: char| c.is_ascii_digit())
            && w.trim_start_matches(['+', '-']).chars().all(|c| c.is_ascii_digit() || c == ',')
    };
    bare.filter(number).map(|w| w.replace(',', "")).collect()
}

/// Every run of digits, grouped ones also without their commas: what a number on a screen may be.
pub fn runs(text: &str) -> BTreeSet<String> {
    let grouped = text.split(|c: char| !c.is_ascii_digit() && c != ',');
    let both = grouped.flat_map(|run| run.split(',').map(str::to_string).chain([run.replace(',', "")]));
    both.filter(|n| !n.is_empty()).collect()
}

/// What must hold of a text on so many columns, given the same text without a width.
pub fn holds(shown: &str, whole: &str, width: usize, compare: bool, what: &str) {
    let text = without_colours(shown);
    assert!(!text.contains('\x1b'), "{what} at {width}: an escape is left");
    for line in text.lines() {
        // One word that is longer than the screen cannot be helped: a path in a command.
        let bare = line.trim().trim_end_matches(" \\");
        assert!(line.width() <= width || !bare.contains(' '), "{what} at {width}: {} columns: {line}", line.width());
        let torn = ["[0m", "[1m", "[1;31m", "31m", "[33m"];
        assert!(!torn.iter().any(|t| line.contains(t)), "{what} at {width}: {line}");
    }
    if compare {
        let whole = runs(&without_colours(whole));
        let other: Vec<_> =
            numbers(&text).into_iter().filter(|n| !whole.contains(n.trim_start_matches(['+', '-']))).collect();
        assert!(other.is_empty(), "{what} at {width}: numbers that nobody wrote: {other:?}\n{text}");
    }
}

fn output(args: &[&str], width: Option<usize>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wtcheck"));
    command.args(args).args(["--color", "always"]).env_remove("COLUMNS").env("LC_ALL", "C.UTF-8");
    if let Some(width) = width {
        command.env("COLUMNS", width.to_string());
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Run it at every width.
fn at_every_width(args: &[&str]) {
    // A picture is drawn for its width, and its scale with it.
    let compare = args[0] != "map";
    let whole = output(args, None);
    assert!(!whole.is_empty(), "{args:?}");
    for width in WIDTHS {
        holds(&output(args, Some(width)), &whole, width, compare, &args.join(" "));
    }
}

fn stores() -> Vec<PathBuf> {
    let list = |dir: &str| {
        let mut out: Vec<PathBuf> = std::fs::read_dir(fixture(dir)).unwrap().map(|e| e.unwrap().path()).collect();
        out.retain(|p| p.is_dir());
        out.sort();
        out
    };
    let mut out = [list("palite"), list("palm"), list("local")].concat();
    let archives = ["classic-mongo-like/db", "classic-one/db", "classic-small/db", "disagg-small/db/leader"];
    out.extend(archives.map(real));
    out
}

#[test]
fn audits_maps_and_orphans_of_every_store() {
    for store in stores() {
        let home = path(&store);
        for args in [
            vec!["audit", home],
            vec!["audit", home, "--deep", "-v"],
            vec!["audit", home, "-q"],
            vec!["map", home],
            vec!["orphans", home],
            vec!["dump", home, "--list"],
        ] {
            at_every_width(&args);
        }
    }
}

#[test]
fn audits_of_damaged_stores() {
    for (family, base) in [("classic-damaged", "classic-small/db"), ("classic-one-damaged", "classic-one/db")] {
        let mut variants: Vec<PathBuf> = std::fs::read_dir(real(family)).unwrap().map(|e| e.unwrap().path()).collect();
        variants.sort();
        assert!(variants.len() >= 5, "{family}");
        for variant in variants {
            let temp = tempfile::tempdir().unwrap();
            let home = temp.path().join("home");
            copy_dir(&real(base), &home);
            if variant.join("changed").is_dir() {
                copy_dir(&variant.join("changed"), &home);
            }
            at_every_width(&["audit", path(&home)]);
        }
    }
}
