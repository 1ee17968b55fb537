//! `explain`: the catalogue of finding codes for people and programs, and as pages for a browser.

use super::text::fold;
use super::{Output, text};
use crate::audit::advice::{Advice, advice};
use crate::audit::finding::{Code, CodeInfo, Finding, Severity};
use crate::schema::explain::Entry;
use std::collections::BTreeMap;

impl From<Code> for Entry {
    fn from(code: Code) -> Self {
        let CodeInfo { name, severity, title, meaning, remedy, tickets } = code.info();
        let Advice { recognised, cause, evidence, next } = advice(code);
        Self { code: name, severity, title, meaning, remedy, tickets, recognised, cause, evidence, next }
    }
}

/// A finding of each code that some directory has, with the command that shows it.
pub type Examples = BTreeMap<Code, (String, Finding)>;

/// All codes.
pub fn list(output: &mut Output) {
    let entries: Vec<Entry> = Code::ALL.iter().map(|c| (*c).into()).collect();
    let width = output.width;
    output.document(&entries, || {
        let rows = entries
            .iter()
            .map(|e| vec![e.code.to_string(), e.severity.name().to_string(), e.title.to_string()])
            .collect();
        text::table(width, &["Code", "Severity", "Meaning"], &[], rows)
    });
}

pub fn one(code: Code, output: &mut Output) {
    let entry: Entry = code.into();
    let paint = output.paint;
    let width = usize::from(output.width.unwrap_or(100)).clamp(40, 100);
    output.document(&entry, || {
        let mut out = format!("{} ({})\n  {}\n\n", paint.head(entry.code), entry.severity.name(), entry.title);
        out.push_str(&fold(entry.meaning, width, "  "));
        for (head, words) in [
            ("How it is detected", entry.recognised),
            ("What causes it", entry.cause),
            ("What to look at", entry.evidence),
            ("What to do", entry.remedy),
        ] {
            out.push_str(&format!("\n{}\n", paint.head(head)));
            out.push_str(&fold(words, width, "  "));
        }
        out.push_str(&format!("\n{}\n", paint.head("Step by step")));
        for (n, step) in (1..).zip(entry.next) {
            // Commands stand in backquotes for pages; on a terminal they are copied.
            out.push_str(&fold(&format!("{n}. {}", step.replace('`', "")), width, "     ").replacen("     ", "  ", 1));
        }
        if !entry.tickets.is_empty() {
            out.push_str(&format!("\n{} {}\n", paint.head("Tickets"), entry.tickets.join(", ")));
        }
        out
    });
}

/// What stands at the head of every page.
const MADE: &str =
    "<!-- Made by `wtcheck explain --pages DIR`, from src/audit/finding.rs and src/audit/advice.rs. -->\n";

/// A page for each code, and one that lists them: file name and text, in Markdown.
pub fn pages(examples: &Examples) -> Vec<(String, String)> {
    let mut out = vec![("README.md".to_string(), index())];
    out.extend(Code::ALL.iter().map(|c| (format!("{}.md", c.name()), page(*c, examples.get(c)))));
    out
}

fn index() -> String {
    let mut out = format!(
        "{MADE}# Finding codes\n\nOne page for each code that `wtcheck` can report. `wtcheck explain CODE` says the \
         same on a terminal.\n\n* **error**: damaged or wrong. **warning**: wrong or dangerous, but nothing is damaged. \
         **note**: worth knowing; a store with only notes is clean.\n* Codes are API: programs may depend on them.\n"
    );
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut codes: Vec<CodeInfo> = Code::ALL.iter().map(|c| c.info()).filter(|i| i.severity == severity).collect();
        codes.sort_by_key(|i| i.name);
        let name = severity.name();
        out.push_str(&format!(
            "\n## {}{}s\n\n| Code | What it says |\n|---|---|\n",
            name[..1].to_uppercase(),
            &name[1..]
        ));
        for info in codes {
            out.push_str(&format!("| [{0}]({0}.md) | {1} |\n", info.name, info.title));
        }
    }
    out
}

fn page(code: Code, example: Option<&(String, Finding)>) -> String {
    let e: Entry = code.into();
    let mut out = format!("{MADE}# {}\n\n**{}**: {}.\n\n{}\n", e.code, e.severity.name(), e.title, e.meaning);
    if !e.tickets.is_empty() {
        out.push_str(&format!("\nTickets: {}\n", e.tickets.join(", ")));
    }
    out.push_str("\n## What to do\n\n");
    for (n, step) in (1..).zip(e.next) {
        out.push_str(&format!("{n}. {step}\n"));
    }
    out.push_str(&format!("\nIn short, as the finding itself says: {}\n", e.remedy));
    for (head, words) in
        [("How it is detected", e.recognised), ("What causes it", e.cause), ("What to look at", e.evidence)]
    {
        out.push_str(&format!("\n## {head}\n\n{words}\n"));
    }
    if let Some((command, finding)) = example {
        let shown = super::finding::finding_text(finding, text::Paint { on: false });
        out.push_str(&format!("\n## Example\n\n```console\n$ {command}\n…\n{}\n…\n```\n", shown.trim_end()));
    }
    out.push_str("\n[All codes](README.md)\n");
    out
}
