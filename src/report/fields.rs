//! Tables of fields, and what stands below them.

use super::text::{self, Paint, escape};
use crate::decode::view::Problem;

/// Problems and notes as lines below a table.
pub fn remarks(problems: &[Problem], notes: &[String], paint: Paint) -> String {
    let mut out = String::new();
    for p in problems {
        out.push_str(&format!("{} {}\n", paint.bad(&format!("{}:", p.class)), escape(&p.message)));
    }
    for n in notes {
        out.push_str(&format!("{} {}\n", paint.warn("note:"), escape(n)));
    }
    out
}

/// Rows of a (field, value, note) table.
#[derive(Debug, Default)]
pub struct Fields(Vec<Vec<String>>);

impl Fields {
    /// A field without a note.
    pub fn add(&mut self, field: &str, value: impl ToString) {
        self.note(field, value, "");
    }

    pub fn note(&mut self, field: &str, value: impl ToString, note: impl AsRef<str>) {
        self.0.push(vec![escape(field), escape(&value.to_string()), escape(note.as_ref())]);
    }

    /// A field that may be absent.
    pub fn maybe(&mut self, field: &str, value: Option<impl ToString>, note: &str) {
        if let Some(v) = value {
            self.note(field, v, note);
        }
    }

    /// The table; empty without rows.
    pub fn table(self, width: Option<u16>) -> String {
        if self.0.is_empty() { String::new() } else { text::table(width, &["Field", "Value", "Note"], &[], self.0) }
    }
}
