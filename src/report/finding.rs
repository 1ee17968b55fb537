//! Findings for people: place, what was expected and found, why, evidence, what to do.

use super::sheet::Sheet;
use super::text::{Paint, escape, grouped, short_name};
use super::view::View;
use crate::audit::finding::{Code, Finding, Severity};
use crate::words;
use std::collections::BTreeMap;

/// Findings of one code on screen, by how much detail was asked for.
const SHOWN_PER_CODE: [usize; 2] = [3, 20];
/// Lines of evidence of one finding, likewise.
const SHOWN_EVIDENCE: [usize; 2] = [4, 20];
/// Findings of one code on a page.
const ON_PAGE: usize = 200;

/// So many, or all.
fn limit(of: [usize; 2], verbose: u8) -> usize {
    of.get(usize::from(verbose)).copied().unwrap_or(usize::MAX)
}

impl View<'_> {
    /// All findings, those of a code capped.
    pub(super) fn findings(&self) -> Sheet {
        let mut out = Sheet::new();
        if self.audit.findings.is_empty() {
            return out;
        }
        out.heading("Findings");
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let most = limit(SHOWN_PER_CODE, self.verbose);
        let mut more = Sheet::new();
        for f in &self.audit.findings {
            let n = seen.entry(f.code.name()).or_default();
            *n += 1;
            // Orphans have a table of their own.
            let listed = matches!(f.code, Code::OrphanPage | Code::OrphanImage) && self.verbose == 0;
            let most = if listed { 1 } else { most };
            if *n <= most {
                out.append(self.finding(f, *n == 1));
            } else if *n <= ON_PAGE {
                more.append(self.finding(f, false));
            }
        }
        let orphans = [Code::OrphanPage.name(), Code::OrphanImage.name()];
        let shown = |code: &str| if self.verbose == 0 && orphans.contains(&code) { 1 } else { most };
        for (code, n) in seen.iter().filter(|(code, n)| **n > shown(code)) {
            let most = shown(code);
            let how = if self.verbose == 0 && *n <= limit(SHOWN_PER_CODE, 1) { "-v" } else { "-vv" };
            out.off_page(&format!("and {} more {code}; {how} shows all\n", grouped((n - most) as u64)));
            if *n > ON_PAGE {
                more.push_str(&format!("and {} more {code}\n", grouped((n - ON_PAGE) as u64)));
            }
        }
        if !more.is_empty() {
            out.on_page(more);
        }
        out
    }

    /// One finding, with what to do about it if wanted. On a page it is folded in, with its explanation.
    pub(super) fn finding(&self, f: &Finding, remedy: bool) -> Sheet {
        let mut body = Sheet::from(details(f, self.paint, limit(SHOWN_EVIDENCE, self.verbose)));
        if remedy && f.severity > Severity::Note {
            body.push_str(&format!("    do: {}\n", self.remedy(f)));
        }
        let info = f.code.info();
        let mut page = Sheet::from(format!("{}\n\n{}\n", info.title, info.meaning));
        page.push_str(&format!("wtcheck explain {} has the details.\n", f.code.name()));
        body.on_page(page);
        let mut out = Sheet::new();
        out.detail(&title(f, self.paint), body);
        out
    }
}

/// What it is and where.
fn title(f: &Finding, paint: Paint) -> String {
    let code = match f.severity {
        Severity::Error => paint.bad(f.code.name()),
        Severity::Warning => paint.warn(f.code.name()),
        Severity::Note => paint.faint(f.code.name()),
    };
    let p = &f.place;
    let place: Vec<String> = [
        p.file.clone().map(|f| p.namespace.as_ref().map_or_else(|| f.clone(), |n| format!("{f} ({n})"))),
        p.uri.as_deref().map(|u| short_name(u).to_string()).filter(|u| p.file.as_ref() != Some(u)),
        p.table_id.map(|t| format!("table {t}")),
        p.page_id.map(|t| format!("page {t}")),
        p.lsn.map(|t| format!("LSN {}", t.dated())),
        p.offset.map(|t| format!("offset {t}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{} {code}: {}", f.severity.name(), escape(&place.join(", ")))
}

fn details(f: &Finding, paint: Paint, most: usize) -> String {
    let said = words::of(f);
    let mut out = format!("    expected {}, found {}\n", escape(&said.expected), escape(&said.found));
    if !said.cause.is_empty() {
        let tickets = if f.tickets.is_empty() { String::new() } else { format!(" [{}]", f.tickets.join(", ")) };
        out.push_str(&format!("    cause: {}{tickets}\n", escape(&said.cause)));
    }
    for line in said.evidence.iter().take(most) {
        out.push_str(&format!("    {}\n", paint.faint(&escape(line))));
    }
    if said.evidence.len() > most {
        let rest = grouped((said.evidence.len() - most) as u64);
        out.push_str(&format!("    {}\n", paint.faint(&format!("and {rest} more lines; -vv shows all"))));
    }
    out
}

/// A finding for people, as text.
pub fn finding_text(f: &Finding, paint: Paint) -> String {
    format!("{}\n{}", title(f, paint), details(f, paint, usize::MAX))
}
