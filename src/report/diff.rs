//! What `wtcheck diff` shows.

use super::Output;
use super::finding::finding_text;
use super::sheet::Sheet;
use super::table::{Table, name, number, prose};
use super::text::{Paint, count, escape, grouped, lsn_cell, short_name, signed};
use crate::audit::finding::Finding;
use crate::audit::result::{SCHEMA_VERSION, Tool};
use crate::diff::{Diff, Field, TreeDiff, Value, Which};
use crate::schema::audit::FindingDocument;
use crate::schema::diff::{Compared, Difference};

/// Findings, and rows of a list, on screen unless more detail was asked for.
const SHOWN: usize = 10;

/// One of the two as it was named: the path, and the checkpoint.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    pub path: &'a str,
    pub checkpoint: Option<&'a str>,
}

/// Show what differs; gives back the exit code.
pub fn show(diff: &Diff, a: Named<'_>, b: Named<'_>, output: &mut Output) -> u8 {
    let exit_code = diff.exit_code();
    let document = Difference {
        schema_version: SCHEMA_VERSION,
        tool: Tool::default(),
        a: Compared { path: a.path, checkpoint: a.checkpoint },
        b: Compared { path: b.path, checkpoint: b.checkpoint },
        diff,
        findings_only_in_a: diff.only_a.iter().map(FindingDocument::from).collect(),
        findings_only_in_b: diff.only_b.iter().map(FindingDocument::from).collect(),
        exit_code,
    };
    let (paint, verbose) = (output.paint, output.verbose);
    output.document(&document, || {
        let view = View { diff, paint, verbose };
        let mut head = Sheet::from(view.head(a, b));
        head.rest();
        Sheet::of([head, view.figures(), view.pages(), view.findings().into()])
    });
    exit_code
}

struct View<'a> {
    diff: &'a Diff,
    paint: Paint,
    verbose: u8,
}

impl View<'_> {
    fn head(&self, a: Named<'_>, b: Named<'_>) -> String {
        let name = |n: Named<'_>| {
            let at = n.checkpoint.map(|c| format!(", checkpoint {}", escape(c))).unwrap_or_default();
            format!("{}{at}", escape(n.path))
        };
        let mut out = match (self.diff.same, self.diff.complete) {
            (true, true) => self.paint.good("The two are the same.\n"),
            (true, false) => self.paint.warn("No difference was found, but not everything could be read.\n"),
            (false, _) => self.paint.bad(&format!("They differ: {}.\n", self.summary())),
        };
        out.push_str(&format!("A: {}\nB: {}\n", name(a), name(b)));
        if !self.diff.same && !self.diff.complete {
            out.push_str(&self.paint.warn("Not everything could be read: there may be more.\n"));
        }
        out
    }

    fn summary(&self) -> String {
        let Diff { page_log, local, page_log_only_in, local_only_in, only_a, only_b, .. } = self.diff;
        let mut out = Vec::new();
        out.extend(page_log_only_in.map(|w| format!("only {} has a page log", letter(w))));
        out.extend(local_only_in.map(|w| format!("only {} has local block files", letter(w))));
        if let Some(log) = page_log {
            let n = log.trees.len() as u64;
            out.extend((n > 0).then(|| count(n, "tree")));
            let n = log.pages.total();
            out.extend((n > 0).then(|| count(n, "page")));
            let n = log.fields.len() as u64;
            out.extend((n > 0).then(|| count(n, "figure") + " of the page log"));
        }
        if let Some(local) = local {
            let n = local.files.len() as u64;
            out.extend((n > 0).then(|| count(n, "local file")));
            let n = local.fields.len() as u64;
            out.extend((n > 0).then(|| count(n, "figure") + " of the home"));
        }
        for (list, side) in [(only_a, "A"), (only_b, "B")] {
            out.extend((!list.is_empty()).then(|| format!("{} only in {side}", count(list.len() as u64, "finding"))));
        }
        out.join(", ")
    }

    /// Every figure that differs, one a row.
    fn figures(&self) -> Sheet {
        let mut rows = Vec::new();
        if let Some(log) = &self.diff.page_log {
            rows.extend(log.fields.iter().map(|f| row("page log", f)));
            for tree in &log.trees {
                self.tree(tree, &mut rows);
            }
        }
        if let Some(local) = &self.diff.local {
            rows.extend(local.fields.iter().map(|f| row("home", f)));
            for file in &local.files {
                self.tree(file, &mut rows);
            }
        }
        let mut out = Sheet::new();
        if !rows.is_empty() {
            let columns = [name("Where"), prose("What"), number("A"), number("B"), number("B minus A")];
            out.table(Table::new(columns, rows));
        }
        out
    }

    fn tree(&self, tree: &TreeDiff, rows: &mut Vec<Vec<String>>) {
        let named = escape(short_name(&tree.name));
        if let Some(which) = tree.only_in {
            let (a, b) = if which == Which::A { ("there", "-") } else { ("-", "there") };
            rows.push(vec![named, "only in one".into(), a.into(), b.into(), String::new()]);
            return;
        }
        // A cookie tells people nothing but that it is another one.
        let hidden = |f: &&Field| self.verbose > 0 || !["root_cookie", "checkpoints"].contains(&f.field);
        let shown: Vec<&Field> = tree.fields.iter().filter(hidden).collect();
        if shown.is_empty() {
            rows.push(vec![named.clone(), "its pages".into(), "-".into(), "others".into(), String::new()]);
        }
        rows.extend(shown.into_iter().map(|f| row(&named, f)));
    }

    fn pages(&self) -> Sheet {
        let mut out = Sheet::new();
        let Some(pages) = self.diff.page_log.as_ref().map(|l| &l.pages).filter(|p| p.total() > 0) else {
            return out;
        };
        out.push_str(&format!(
            "Live pages: {} the same, {} at another LSN, {} only in A, {} only in B\n",
            grouped(pages.same),
            grouped(pages.differ),
            grouped(pages.only_a),
            grouped(pages.only_b)
        ));
        let most = match self.verbose {
            0 => {
                out.push_str("-v lists them\n");
                return out;
            }
            1 => 100,
            _ => pages.list.len(),
        };
        let lsn = |l: Option<crate::id::Lsn>| l.map_or("-".to_string(), lsn_cell);
        let rows: Vec<Vec<String>> = pages
            .list
            .iter()
            .take(most)
            .map(|p| vec![p.table_id.to_string(), p.page_id.to_string(), lsn(p.a), lsn(p.b)])
            .collect();
        let left = pages.total().saturating_sub(rows.len() as u64);
        let columns = [number("Table"), number("Page"), number("LSN in A"), number("LSN in B")];
        out.table(Table::new(columns, rows));
        if left > 0 {
            out.push_str(&format!("and {}\n", count(left, "more page")));
        }
        out
    }

    fn findings(&self) -> String {
        let mut out = String::new();
        for (list, side) in [(&self.diff.only_a, "A"), (&self.diff.only_b, "B")] {
            if list.is_empty() {
                continue;
            }
            out.push_str(&format!("{}\n", self.paint.head(&format!("Findings only in {side}"))));
            let most = if self.verbose > 0 { list.len() } else { SHOWN };
            for finding in list.iter().take(most) {
                out.push_str(&self.finding(finding));
            }
            if let Some(more) = list.len().checked_sub(most).filter(|m| *m > 0) {
                out.push_str(&format!("and {}; -v tells all\n", count(more as u64, "more finding")));
            }
        }
        out
    }

    /// In short, or with its evidence.
    fn finding(&self, finding: &Finding) -> String {
        let text = finding_text(finding, self.paint);
        if self.verbose > 0 {
            return text;
        }
        text.lines().take(2).map(|l| format!("{l}\n")).collect()
    }
}

fn letter(which: Which) -> &'static str {
    match which {
        Which::A => "A",
        Which::B => "B",
    }
}

fn row(place: &str, field: &Field) -> Vec<String> {
    let is_size = !field.field.contains("lsn") && !field.field.contains("time") && !field.field.ends_with("id");
    let text = |v: &Option<Value>| match v {
        None => "-".to_string(),
        Some(Value::Number(n)) if is_size => grouped(*n),
        Some(Value::Number(n)) => n.to_string(),
        Some(Value::Signed(n)) => signed(*n),
        Some(Value::Text(t)) if t.is_empty() => "none".to_string(),
        Some(Value::Text(t)) => escape(t),
    };
    let off = match (&field.a, &field.b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) if is_size => signed(crate::audit::minus(*b, *a)),
        (Some(Value::Signed(a)), Some(Value::Signed(b))) => signed(b.saturating_sub(*a)),
        _ => String::new(),
    };
    vec![place.to_string(), field.field.replace('_', " "), text(&field.a), text(&field.b), off]
}
