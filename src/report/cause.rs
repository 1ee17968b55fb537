//! `explain` of a cause that a server log names, or of a word of one: for people and programs, and as pages for a
//! browser.

use super::text::fold;
use super::{Output, text};
use crate::schema::explain::{CauseEntry, CauseLine, WordEntry};
use crate::serverlog::cause::{Cause, Damaged, Role, Row, Sure};
use crate::serverlog::codes;

impl From<Cause> for CauseEntry {
    fn from(cause: Cause) -> Self {
        let row = cause.row();
        let lines = row.lines.iter().map(|l| CauseLine { text: l.template, releases: l.releases }).collect();
        let Row { role, title, meaning, damaged, damage, sure, steps, .. } = *row;
        Self { name: cause, role, title, meaning, damaged, damage, certainty: sure, lines, steps }
    }
}

/// All causes.
pub fn list(output: &mut Output) {
    let entries: Vec<CauseEntry> = Cause::ALL.iter().map(|c| (*c).into()).collect();
    let width = output.width;
    output.document(&entries, || {
        let rows = entries
            .iter()
            .map(|e| vec![e.name.name().to_string(), damaged(e.damaged).to_string(), e.title.to_string()])
            .collect();
        text::table(width, &["Cause", "Damaged", "What happened"], &[], rows)
    });
}

/// One cause.
pub fn one(cause: Cause, output: &mut Output) {
    let e: CauseEntry = cause.into();
    let paint = output.paint;
    let width = usize::from(output.width.unwrap_or(100)).clamp(40, 100);
    output.document(&e, || {
        let mut out = format!("{} ({})\n{}\n", paint.head(e.name.name()), role(e.role), fold(e.title, width, "  "));
        out.push_str(&fold(e.meaning, width, "  "));
        out.push_str(&format!("\n{}: {}\n", paint.head("Is data damaged"), damaged(e.damaged)));
        out.push_str(&fold(e.damage, width, "  "));
        if !e.lines.is_empty() {
            out.push_str(&format!("\n{}\n", paint.head("Lines that show it")));
        }
        for line in &e.lines {
            out.push_str(&fold(line.text, width, "  "));
            out.push_str(&fold(&format!("({})", line.releases), width, "    "));
        }
        out.push_str(&format!("\n{}\n", paint.head("Step by step")));
        for (n, step) in (1..).zip(e.steps) {
            let step = fold(&format!("{n}. {}", step.replace('`', "")), width, "     ");
            out.push_str(&step.replacen("     ", "  ", 1));
        }
        out
    });
}

/// A word of a server log.
pub(crate) fn word(entry: &WordEntry, output: &mut Output) {
    let paint = output.paint;
    let width = usize::from(output.width.unwrap_or(100)).clamp(40, 100);
    output.document(entry, || {
        let what = match entry.what {
            "engine-error" => "engine error",
            "system-error" => "system error",
            "fatal-assertion" => "mongod fatal assertion",
            "function" => "engine function",
            _ => "mongod message",
        };
        let number = entry.number.filter(|n| n.to_string() != entry.word).map(|n| format!(", {n}")).unwrap_or_default();
        let mut out = format!("{} ({what}{number})\n", paint.head(&text::escape(&entry.word)));
        out.push_str(&fold(&text::escape(&entry.meaning), width, "  "));
        if !entry.causes.is_empty() {
            out.push_str(&format!("\n{}\n", paint.head("Causes to consider")));
            for cause in &entry.causes {
                out.push_str(&fold(&format!("{}: {}", cause.name(), cause.row().title), width, "  "));
            }
        }
        out
    });
}

/// What is known of a word: an error's name or number, a fatal assertion, a function, a message's number.
pub(crate) fn known(word: &str) -> Option<WordEntry> {
    let number = word.parse::<i64>().ok();
    let small = number.and_then(|n| i32::try_from(n).ok());
    let natural = number.and_then(|n| u32::try_from(n).ok());
    let engine = codes::ENGINE_ERRORS.iter().find(|e| e.name.eq_ignore_ascii_case(word) || Some(e.number) == small);
    if let Some(e) = engine {
        let causes = if e.number == -31804 { vec![Cause::Panic] } else { Vec::new() };
        return Some(WordEntry {
            word: e.name.to_string(),
            what: "engine-error",
            number: Some(e.number.into()),
            meaning: format!("{}. {}", e.text, e.meaning),
            causes,
        });
    }
    let system =
        codes::ERRNOS.iter().find(|e| e.name.eq_ignore_ascii_case(word) || (Some(e.number) == small && e.number != 0));
    if let Some(e) = system {
        let text = e.texts.first().copied().unwrap_or_default();
        return Some(WordEntry {
            word: e.name.to_string(),
            what: "system-error",
            number: Some(e.number.into()),
            meaning: format!("{text}. {}", e.meaning),
            causes: e.cause.into_iter().collect(),
        });
    }
    if let Some(a) = natural.and_then(codes::assertion) {
        return Some(WordEntry {
            word: word.to_string(),
            what: "fatal-assertion",
            number,
            meaning: a.meaning.to_string(),
            causes: vec![a.cause.unwrap_or(Cause::FatalAssertion)],
        });
    }
    if let Some(m) = natural.and_then(codes::message) {
        let (meaning, causes) = (m.meaning.to_string(), Vec::new());
        return Some(WordEntry { word: word.to_string(), what: "message", number, meaning, causes });
    }
    let f = codes::function(word)?;
    Some(WordEntry {
        word: word.to_string(),
        what: "function",
        number: None,
        meaning: format!(
            "It {}. Function names and line numbers change with every release: they identify a build, not a cause.",
            f.does
        ),
        causes: f.causes.to_vec(),
    })
}

/// Every word that is known beside numbers: what near misses are looked for among.
pub fn words() -> impl Iterator<Item = &'static str> {
    let causes = Cause::ALL.iter().map(|c| c.name());
    causes.chain(codes::ENGINE_ERRORS.iter().map(|e| e.name)).chain(codes::ERRNOS.iter().map(|e| e.name))
}

fn damaged(damaged: Damaged) -> &'static str {
    match damaged {
        Damaged::No => "no",
        Damaged::Perhaps => "perhaps",
        Damaged::Yes => "yes",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "a cause",
        Role::Consequence => "follows from an earlier cause",
        Role::Advice => "advice from the engine",
        Role::Note => "worth knowing",
    }
}

/// What stands at the head of every page.
const MADE: &str = "<!-- Made by `wtcheck explain --cause-pages DIR`, from src/serverlog/causes/. -->\n";

/// A page for each cause, and one that lists them: file name and text, in Markdown.
pub fn pages() -> Vec<(String, String)> {
    let mut out = vec![("README.md".to_string(), index())];
    out.extend(Cause::ALL.iter().map(|c| (format!("{}.md", c.name()), page(*c))));
    out
}

fn index() -> String {
    let mut out = format!(
        "{MADE}# Causes in server logs\n\nOne page for each cause that `wtcheck log` can name, and for lines that only \
         follow from one. `wtcheck explain CAUSE` prints the same on a terminal. The names are API: programs may depend \
         on them.\n"
    );
    let groups = [
        ("Causes", Role::Primary),
        ("Lines that follow from a cause", Role::Consequence),
        ("Advice from the engine", Role::Advice),
        ("Notes", Role::Note),
    ];
    for (title, role) in groups {
        out.push_str(&format!("\n## {title}\n\n| Name | Damaged | What happened |\n|---|---|---|\n"));
        for row in Cause::ALL.iter().map(|c| c.row()).filter(|r| r.role == role) {
            out.push_str(&format!(
                "| [{0}]({0}.md) | {1} | {2} |\n",
                row.cause.name(),
                damaged(row.damaged),
                row.title
            ));
        }
    }
    out
}

fn page(cause: Cause) -> String {
    let row = cause.row();
    let sure = match row.sure {
        Sure::High => "The line is proof.",
        Sure::Medium => "Other causes can produce the same line.",
        Sure::Low => "Many causes produce this line.",
    };
    let mut out = format!("{MADE}# {}\n\n**{}**: {}.\n\n{}\n", cause.name(), role(row.role), row.title, row.meaning);
    out.push_str(&format!("\n## Is data damaged?\n\n**{}**. {}\n", damaged(row.damaged), row.damage));
    if !row.lines.is_empty() {
        out.push_str(&format!("\n## Lines that show it\n\n{sure} Variable parts are in braces.\n\n"));
        for line in row.lines {
            out.push_str(&format!("* `` {} `` ({})\n", line.template, line.releases));
        }
    }
    out.push_str("\n## What to do\n\n");
    for (n, step) in (1..).zip(row.steps) {
        out.push_str(&format!("{n}. {step}\n"));
    }
    out.push_str("\n[All causes](README.md)\n");
    out
}
