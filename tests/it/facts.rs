//! Facts travel as types: no code decides anything by looking into a sentence that other code made, and every
//! finding has values beside its words.

use crate::common;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What fields and variables are called that hold sentences of this tool.
const SENTENCES: [&str; 17] = [
    "reason",
    "found",
    "expected",
    "evidence",
    "cause",
    "message",
    "why",
    "note",
    "notes",
    "words",
    "said",
    "remedy",
    "meaning",
    "title",
    "text_of",
    "error",
    "not_checked",
];
/// What looks into a text.
const LOOKS: [&str; 11] = [
    ".starts_with(",
    ".ends_with(",
    ".contains(\"",
    ".contains('",
    ".contains(&",
    ".strip_prefix(",
    ".strip_suffix(",
    ".find(\"",
    ".split_once(",
    ".rsplit_once(",
    " == \"",
];
/// Where a text is looked into that is no sentence of this tool: file, what stands there, why.
const OTHERS: [(&str, &str, &str); 1] = [(
    "words/mod.rs",
    "error.rsplit_once(\" (os error \")",
    "the words of the system, of which the end is cut for people",
)];

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The decisions on sentences in some code.
fn decisions(code: &str) -> Vec<&str> {
    // Calls between the sentence and the look take nothing away from its being one.
    const BETWEEN: [&str; 7] =
        [".as_str()", ".as_ref()", ".as_deref()", ".to_string()", ".trim()", ".unwrap_or_default()", ".to_lowercase()"];
    let mut out = Vec::new();
    for line in code.lines() {
        for look in LOOKS {
            for (at, _) in line.match_indices(look) {
                let mut before = &line[..at];
                let mut made = false;
                while let Some(call) = BETWEEN.iter().find(|call| before.ends_with(**call)) {
                    before = &before[..before.len() - call.len()];
                    made |= *call == ".to_string()";
                }
                let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                if SENTENCES.contains(&name) || (made && !name.is_empty()) {
                    out.push(line.trim());
                }
            }
        }
    }
    out
}

#[test]
fn nothing_decides_on_a_sentence() {
    // The test can fail: these are decisions that were in the code.
    for old in [
        "Step::Merge if reason.starts_with(\"Missing shared file\") => Some(Finding::MissingStableFile),",
        "if f.found.contains(\"separator\") {",
        "let torn = fault.to_string().starts_with(\"torn\");",
        "if words::of(f).cause.as_str() == \"\" && self.evidence == \"x\" {",
    ] {
        assert!(!decisions(old).is_empty(), "{old}");
    }
    assert!(decisions("if uri.starts_with(\"file:\") && name == \"a\" {").is_empty());

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut bad = Vec::new();
    let mut used = [false; OTHERS.len()];
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in decisions(&text) {
            match OTHERS.iter().position(|(file, part, _)| *file == name && line.contains(part)) {
                Some(at) => used[at] = true,
                None => bad.push(format!("{name}: {line}")),
            }
        }
    }
    assert!(bad.is_empty(), "decided on a sentence:\n{}", bad.join("\n"));
    assert!(used.iter().all(|u| *u), "an exception that is none any more: {OTHERS:?} {used:?}");
}

/// The data directories at or below a directory.
fn homes_below(dir: &Path, levels: usize) -> Vec<PathBuf> {
    if ["WiredTiger.wt", "kv_home"].iter().any(|name| dir.join(name).exists()) {
        return vec![dir.to_path_buf()];
    }
    let list = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| levels > 0 && p.is_dir());
    list.flat_map(|dir| homes_below(&dir, levels - 1)).collect()
}

/// Every sample: each finding says as values what it says in words, under a name.
#[test]
fn every_finding_has_values() {
    let mut homes = Vec::new();
    for family in ["palite", "local"] {
        let list = std::fs::read_dir(common::fixture(family)).unwrap();
        homes.extend(list.map(|e| e.unwrap().path()).filter(|p| p.is_dir()));
    }
    // Every real home, the injured ones among them.
    for set in ["palite", "engines", "classic-mongo-like", "classic-encrypted", "classic-crash", "disagg-small"] {
        homes.extend(homes_below(&common::real(set), 4));
    }
    assert!(homes.len() > 50, "{homes:?}");
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for home in homes {
        let out = Command::new(env!("CARGO_BIN_EXE_wtcheck"))
            .args(["audit", "--deep", "--format", "json", "--no-progress"])
            .arg(&home)
            .output()
            .unwrap();
        common::schema::assert_valid("audit", &out.stdout);
        let document: Value = serde_json::from_slice(&out.stdout).unwrap();
        for finding in document["findings"].as_array().unwrap() {
            let fact = finding["detail"]["fact"].as_str();
            let fact = fact.unwrap_or_else(|| panic!("{}: {finding:#}", home.display()));
            for value in finding["detail"].as_object().unwrap().values() {
                // A sentence of the report has no place among values.
                assert!(value.as_str().is_none_or(|v| v != finding["found"] || v == finding["detail"]["error"]));
            }
            *seen.entry((finding["code"].as_str().unwrap().to_string(), fact.to_string())).or_default() += 1;
        }
    }
    println!("{seen:#?}");
    let one = |code: &str, fact: &str| seen.contains_key(&(code.to_string(), fact.to_string()));
    assert!(one("size-inflated", "tree-size") && one("chain-broken", "delta-backlink") && one("orphan-page", "orphan"));
}
