//! The texts that a user sees are plain English: phrases that were translated word for word, and are gone, stay gone.

use std::path::{Path, PathBuf};

/// What no text says, and what it says instead.
const GONE: [(&str, &str); 9] = [
    ("Stand on", "`Audit this checkpoint`, `use the newest record`"),
    ("tand on this", "`audit this`"),
    ("chapter ", "no text for a user names a chapter"),
    (" anew", "`rebuild`, `recompute`, `again`"),
    ("put aside", "`set aside`"),
    ("by itself", "`on its own`, `automatically`"),
    ("of another moment", "`comes from a different point in time`"),
    (" of before ", "`from before`"),
    ("at the outset", "`from the start`"),
];

/// What may stand behind `is no` and `are no`, and why.
const BEHIND: [(&str, &str); 2] =
    [("longer", "`is no longer` has no other form"), ("better", "`is no better than` compares")];

#[test]
fn no_text_was_translated_word_for_word() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        // The help is made from the documentation of the arguments.
        let help = file.starts_with(root.join("cli"));
        for text in texts(&source, help) {
            seen += 1;
            for why in faults(&text) {
                wrong.push(format!("{}: {text:?}: {why}", file.display()));
            }
        }
    }
    assert!(seen > 5_000, "only {seen} texts were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_wrong_is_seen() {
    let source = r##"
        /// This is no directory.
        struct Args;
        /// This is no help.
        pub(crate) fn run() {}
        // "this is no text"
        let a = "it is no \
                 directory"; // and "this is no text"
        let b = ('"', '\'', r#"put "aside"#, "there is no table; it is no longer here");
    "##;
    let (texts, help) = (texts(source, false), texts(source, true));
    assert_eq!(texts, ["it is no directory", "put \"aside", "there is no table; it is no longer here"]);
    assert_eq!(help.len(), texts.len() + 1);
    assert_eq!(texts.iter().map(|t| faults(t).len()).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(faults("{name} are no homes. Chapter 3, chapter 3: written anew").len(), 3);
    assert_eq!(faults("No page is no page").len(), 1);
}

/// What is wrong with a text.
fn faults(text: &str) -> Vec<String> {
    let mut out: Vec<String> = GONE
        .iter()
        .filter(|(phrase, _)| text.contains(phrase))
        .map(|(phrase, instead)| format!("{phrase:?}: {instead}"))
        .collect();
    for verb in ["is", "are"] {
        let phrase = format!("{verb} no ");
        let mut from = 0;
        while let Some(at) = text[from..].find(&phrase).map(|at| at + from) {
            let (before, after) = (&text[..at], &text[at + phrase.len()..]);
            from = at + phrase.len();
            let word = before.is_empty() || before.ends_with(|c: char| !c.is_alphanumeric());
            let there = before.trim_end().to_lowercase().ends_with("there");
            if word && !there && !BEHIND.iter().any(|(allowed, _)| after.starts_with(allowed)) {
                out.push(format!("{phrase:?}: `{verb} not a`, `there {verb} no`"));
            }
        }
    }
    out
}

/// The literals of a source with more than one word, lines put together, and with `help` the documentation of what is
/// no function: commands, arguments and their values.
fn texts(source: &str, help: bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = source;
    let mut docs = Vec::new();
    while let Some(c) = rest.chars().next() {
        let line = || rest.split('\n').next().unwrap();
        if rest.starts_with("//") {
            docs.extend(line().strip_prefix("///").filter(|_| help).map(|doc| doc.trim().to_string()));
            rest = &rest[line().len()..];
        } else if c == '\n' {
            let next = rest.trim_start();
            if !next.starts_with("//") && !next.starts_with("#[") {
                let item = next.split('\n').next().unwrap();
                let function = item.split(' ').any(|word| word == "fn");
                out.extend(std::mem::take(&mut docs).into_iter().filter(|_| !function));
            }
            rest = &rest[1..];
        } else if let Some((body, after)) = raw(rest) {
            out.push(body.to_string());
            rest = after;
        } else if c == '"' {
            let mut text = String::new();
            let mut inside = rest[1..].chars();
            while let Some(c) = inside.next().filter(|c| *c != '"') {
                match (c, inside.clone().next()) {
                    // A line that goes on: what is in front of the next one is no part of it.
                    ('\\', Some('\n')) => inside = inside.as_str().trim_start().chars(),
                    ('\\', _) => text.push(if inside.next() == Some('n') { '\n' } else { ' ' }),
                    _ => text.push(c),
                }
            }
            out.push(text);
            rest = inside.as_str();
        } else if c == '\'' {
            let mut next = rest[1..].chars();
            let escaped = next.next() == Some('\\');
            // A lifetime has no second quote.
            let second = next.as_str().char_indices().skip(usize::from(escaped)).find(|(_, c)| *c == '\'');
            let near = second.filter(|(at, _)| *at == 0 || escaped);
            rest = near.map_or(next.as_str(), |(at, _)| &next.as_str()[at + 1..]);
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    out.retain(|text| text.trim().contains(' '));
    out
}

/// A raw literal at the front, and what is behind it.
fn raw(rest: &str) -> Option<(&str, &str)> {
    let hashes = rest.strip_prefix('r')?.trim_start_matches('#');
    let count = rest.len() - 1 - hashes.len();
    let body = hashes.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(count));
    let at = body.find(&end)?;
    Some((&body[..at], &body[at + end.len()..]))
}

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
