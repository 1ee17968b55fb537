//! `explain`: the catalogue of finding codes for people and programs.

use super::{Output, text};
use crate::audit::finding::{Code, CodeInfo, Severity};
use serde::Serialize;

#[derive(Serialize)]
struct Entry {
    code: &'static str,
    severity: Severity,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
    tickets: &'static [&'static str],
}

impl From<CodeInfo> for Entry {
    fn from(i: CodeInfo) -> Self {
        let CodeInfo { name, severity, title, meaning, remedy, tickets } = i;
        Self { code: name, severity, title, meaning, remedy, tickets }
    }
}

/// All codes.
pub fn list(output: &mut Output) {
    let entries: Vec<Entry> = Code::ALL.iter().map(|c| c.info().into()).collect();
    let width = output.width;
    output.document(&entries, || {
        let rows = entries
            .iter()
            .map(|e| vec![e.code.to_string(), e.severity.name().to_string(), e.title.to_string()])
            .collect();
        text::table(width, &["Code", "Severity", "Meaning"], &[], rows)
    });
}

/// One code.
pub fn one(code: Code, output: &mut Output) {
    let entry: Entry = code.info().into();
    let paint = output.paint;
    let width = usize::from(output.width.unwrap_or(100)).clamp(40, 100);
    output.document(&entry, || {
        let mut out = format!("{} ({})\n  {}\n\n", paint.head(entry.code), entry.severity.name(), entry.title);
        out.push_str(&fold(entry.meaning, width));
        out.push_str(&format!("\n{}\n", paint.head("What to do")));
        out.push_str(&fold(entry.remedy, width));
        if !entry.tickets.is_empty() {
            out.push_str(&format!("\n{} {}\n", paint.head("Tickets"), entry.tickets.join(", ")));
        }
        out
    });
}

/// Fold text at spaces, indented by two.
fn fold(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut line = String::from(" ");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > width && line.len() > 1 {
            out.push_str(&line);
            out.push('\n');
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    out + &line + "\n"
}
