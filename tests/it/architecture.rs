//! The layers, read out of the `use` lines and paths of `src/`: arrows point down only, the two families do
//! not know each other, and a folder's files stand in no circle. Exceptions are listed with their reason; the
//! lists may only get shorter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers from the ground up. Modules of one layer stand side by side and do not use each other.
const LAYERS: [&[&str]; 14] = [
    &["id", "exit", "coverage", "scratch", "below"],
    &["format"],
    &["page", "mongo"],
    &["store"],
    &["pagelog", "home"],
    &["subject", "output", "service"],
    &["audit"],
    &["words"],
    &["scenario", "model", "serverlog"],
    &["repair", "pickup", "export", "pack", "simulate", "decode", "gather", "dump", "devtools"],
    &["diagnosis", "history", "diff"],
    &["schema"],
    &["report"],
    &["cli", "facade"],
];

/// Arrows that point up: from, to, why it is not mended yet.
const UPWARD: [(&str, &str, &str); 1] =
    [("devtools", "repair", "a damaged copy is made by the copier of a repair, which belongs lower")];

/// Circles among the files of a folder that are not opened yet. Those of two files are one subject in two
/// halves, cut for their length.
const CIRCLES: [(&str, &[&str]); 6] = [
    ("format/", &["int", "reader"]),
    ("format/", &["wtlog", "wtlog_body"]),
    ("home/", &["wtlog", "wtlog_pass"]),
    ("pack/", &["page", "text"]),
    // Rules are told where the parts of a page are read, and know their types.
    ("page/", &["delta", "fixed", "form", "header", "internal", "keys", "leaf", "old_delta", "rules"]),
    ("pagelog/", &["walk", "worker"]),
];

#[derive(Debug)]
struct Source {
    path: String,
    /// Without comments.
    code: String,
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_string();
            Source { path, code }
        })
        .collect()
}

/// The names that follow `prefix` directly: of `a::b` the `a`, of `{a::b, c}` both.
fn behind(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut out = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        // `super::super::` and `name_crate::` are other paths.
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            out.insert(word(rest));
            continue;
        };
        let mut depth = 0_usize;
        let mut start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    out.insert(word(&group[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    out
}

/// The first part of a path below `src/`.
fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|l| l.contains(&module))
}

#[test]
fn paths_are_read() {
    let code = "use crate::a::{self, b};\nuse crate::{c::d::{e, f}, g};\n fn x() { crate::h::y(); other_crate::i(); }";
    assert_eq!(behind(code, "crate::").into_iter().collect::<Vec<_>>(), ["a", "c", "g", "h"]);
    let code = "use super::a;\nuse super::super::b;\nuse super::{c, d::e};";
    assert_eq!(behind(code, "super::").into_iter().collect::<Vec<_>>(), ["a", "c", "d", "super"]);
}

/// A library with tests of its own is compiled twice.
#[test]
fn tests_stand_outside() {
    let inside = |s: &Source| s.code.contains("cfg(test)") || s.code.contains("#[test]");
    let within: Vec<String> = sources().into_iter().filter(inside).map(|s| s.path).collect();
    assert_eq!(within, Vec::<String>::new(), "their place is tests/it/unit");
}

#[test]
fn arrows_point_down() {
    let mut wrong = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut modules = BTreeSet::new();
    for source in sources() {
        let from = module(&source.path);
        if ["lib", "main", "bin", "inside"].contains(&from) {
            continue;
        }
        modules.insert(from.to_string());
        let mine = layer(from).unwrap_or_else(|| panic!("{from} stands in no layer"));
        for to in behind(&source.code, "crate::") {
            let Some(theirs) = layer(&to) else { continue };
            if to == from || theirs < mine {
                continue;
            }
            // The ground is beside everything, itself too.
            if mine == 0 && theirs == 0 {
                continue;
            }
            if let Some(known) = UPWARD.iter().find(|(a, b, _)| *a == from && *b == to) {
                used.insert(known);
                continue;
            }
            wrong.insert(format!("{} uses {to}", source.path));
        }
    }
    assert!(wrong.is_empty(), "arrows that do not point down: {wrong:#?}");
    assert_eq!(used.len(), UPWARD.len(), "an exception is mended: take it out of the list");
    assert!(modules.len() > 15, "{modules:?}");
}

/// `audit/pagelog` and `audit/home`, `repair/pagelog` and `repair/home`: below one verb, side by side.
#[test]
fn families_do_not_know_each_other() {
    let mut wrong = BTreeSet::new();
    for source in sources() {
        let mine = if source.path.contains("/pagelog/") || source.path.starts_with("pagelog/") {
            "home"
        } else if source.path.contains("/home/") || source.path.starts_with("home/") {
            "pagelog"
        } else {
            continue;
        };
        let verb = module(&source.path).to_string();
        let foreign = [format!("crate::{verb}::"), "crate::".to_string()];
        for prefix in &foreign {
            if behind(&source.code, prefix).contains(mine) {
                wrong.insert(format!("{} uses {prefix}{mine}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_tell_the_family() {
    let vague: Vec<_> = sources()
        .into_iter()
        .map(|s| s.path)
        .filter(|p| ["log.rs", "leaf.rs", "turtle.rs"].contains(&p.rsplit('/').next().unwrap()))
        // One reader of leaves for both families.
        .filter(|p| p != "page/leaf.rs")
        .collect();
    assert_eq!(vague, Vec::<String>::new());
}

/// Files that reach each other, and each other again.
fn circles(folder: &str) -> Vec<BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let Some(name) = source.path.strip_prefix(folder).and_then(|p| p.strip_suffix(".rs")) else { continue };
        if name.contains('/') || name == "mod" {
            continue;
        }
        let path = format!("crate::{}", folder.replace('/', "::"));
        let mut to = behind(&source.code, "super::");
        to.extend(behind(&source.code, &path));
        to.remove(name);
        graph.insert(name.to_string(), to);
    }
    let reaches = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut todo = vec![from.to_string()];
        while let Some(next) = todo.pop() {
            for to in graph.get(&next).into_iter().flatten().filter(|t| graph.contains_key(*t)) {
                if seen.insert(to.clone()) {
                    todo.push(to.clone());
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|n| (n, reaches(n))).collect();
    let mut out: Vec<BTreeSet<String>> = Vec::new();
    for (name, to) in &reach {
        if to.contains(*name) && !out.iter().any(|c| c.contains(*name)) {
            out.push(to.iter().filter(|t| reach[t].contains(*name)).cloned().collect());
        }
    }
    out
}

#[test]
fn files_of_a_folder_stand_in_no_circle() {
    let folders: BTreeSet<String> =
        sources().iter().filter_map(|s| s.path.rsplit_once('/').map(|(dir, _)| format!("{dir}/"))).collect();
    let mut found: Vec<String> = Vec::new();
    let line = |folder: &str, names: Vec<&str>| format!("{folder}: {}", names.join(" "));
    for folder in &folders {
        found.extend(circles(folder).iter().map(|c| line(folder, c.iter().map(String::as_str).collect())));
    }
    let known: Vec<String> = CIRCLES.iter().map(|(folder, names)| line(folder, names.to_vec())).collect();
    let new: Vec<_> = found.iter().filter(|c| !known.contains(c)).collect();
    assert!(new.is_empty(), "circles among the files of a folder: {new:#?}");
    let gone: Vec<_> = known.iter().filter(|c| !found.contains(c)).collect();
    assert!(gone.is_empty(), "opened, take them out of the list: {gone:#?}");
}
