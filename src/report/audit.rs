//! An audit for people: the answer first, then accounting, orphans, keys, damage, what next. The same for programs is
//! the serialised audit itself.

use super::home;
use super::sheet::Sheet;
use super::table::{Table, name, number, prose, whole};
use super::text::{self, escape, grouped, short_name, signed, size};
use super::view::View;
use super::{Format, Output};
use crate::audit::finding::{Code, Detail, Finding, Severity};
use crate::audit::pagelog::account::CandidateKind;
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::{Audit, KeyUse, SizeMeaning, TableByRows, TreeInfo};
use crate::id::Lsn;
use crate::page::Depth;
use crate::schema::audit::AuditDocument;
use crate::store::StoreKind;
use crate::words;
use serde::Serialize;
use std::collections::BTreeMap;

/// Pages that take most on screen, unless more detail was asked for.
const SHOWN_GREATEST: usize = 3;
/// Trees that agree and are listed all the same.
const FEW_CLEAN: usize = 5;

/// How an audit is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown {
    /// One line for scripts.
    pub summary: bool,
    /// A repair of the local files would do something.
    pub mendable: bool,
}

pub fn show(audit: &Audit, shown: Shown, output: &mut Output) {
    if output.format == Format::Jsonl {
        return lines(audit, output);
    }
    let view = View { audit, paint: output.paint, verbose: output.verbose, mendable: shown.mendable };
    if output.keeps() {
        output.keep_sheet(view.report());
    }
    if shown.summary && output.format == Format::Table {
        // Whoever reads it reads a line.
        return output.raw(view.summary().as_bytes());
    }
    output.document(&AuditDocument::from(audit), || view.report());
}

/// JSON lines: the head, each tree, orphan and finding, and a summary, each with its kind.
fn lines(audit: &Audit, output: &mut Output) {
    #[derive(Serialize)]
    #[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
    struct Line<'a, T: Serialize> {
        schema_version: u32,
        record: &'a str,
        data: T,
    }
    let mut out = String::new();
    let mut push = |record: &str, data: serde_json::Value| {
        let line = Line { schema_version: audit.schema_version, record, data };
        out.push_str(&serde_json::to_string(&line).unwrap_or_default());
        out.push('\n');
    };
    let Ok(serde_json::Value::Object(mut all)) = serde_json::to_value(AuditDocument::from(audit)) else { return };
    for (key, record) in [("store", "store"), ("checkpoint", "checkpoint")] {
        push(record, all.remove(key).unwrap_or_default());
    }
    for (key, record) in [("trees", "tree"), ("orphans", "orphan"), ("findings", "finding")] {
        if let Some(serde_json::Value::Array(items)) = all.remove(key) {
            items.into_iter().for_each(|item| push(record, item));
        }
    }
    all.remove("schema_version");
    push("summary", serde_json::Value::Object(all));
    output.raw(out.as_bytes());
}

/// The line on stderr when not enough could be read: what, and what to do.
pub fn incomplete_line(audit: &Audit) -> String {
    let damage = audit.findings.iter().find(|f| f.code == Code::StoreDamaged);
    let worst = damage.or_else(|| audit.findings.iter().find(|f| f.severity > Severity::Note));
    let mut left = audit.coverage.not_checked_list().filter(|(_, why)| why.matters());
    let (what, hint) = match (left.next(), worst) {
        (Some((path, why)), _) => {
            let more = left.count();
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            (format!("{path}: {}{more}", words::unchecked(why)), words::way_to_check(why).to_string())
        }
        (None, Some(f)) => {
            let place = f.place.file.clone().map(|f| format!("{f}: ")).unwrap_or_default();
            let found = match &f.detail {
                Detail::PageLog(fact) if matches!(**fact, Fact::NoCompletion { .. }) => {
                    "the store has no completion record".to_string()
                }
                _ => words::of(f).found,
            };
            (format!("{place}{found}"), words::remedy(f))
        }
        (None, None) if audit.coverage.count_audited() == 0 => {
            ("nothing was there to audit".to_string(), "give the directory that holds the files".to_string())
        }
        (None, None) => {
            let what = "parts of the store could not be looked into".to_string();
            (what, "the lines \"Not checked\" of the report name them".to_string())
        }
    };
    format!("not enough could be read to judge: {what}; {}", words::lower(hint.trim_end_matches('.')))
}

impl View<'_> {
    /// The answer, and what was not checked.
    fn rests_on(&self) -> Sheet {
        let mut out = self.answer();
        out.push_str(&self.not_checked());
        for what in self.audit.local.iter().flat_map(|l| &l.not_checked) {
            out.push_str(&self.paint.warn(&format!("Not checked: {}\n", escape(&what.to_string()))));
        }
        out.rest();
        out
    }

    /// The whole report.
    fn report(&self) -> Sheet {
        let local = self.audit.local.as_ref();
        let mut parts = vec![self.rests_on()];
        if self.audit.store.kind != StoreKind::Local {
            parts.extend([self.about(), self.accounting(), self.orphans(), self.versions()]);
            parts.extend([self.by_rows(), self.keystore()]);
        }
        if let Some(local) = local {
            parts.extend([home::about(self, local), home::files(self, local), home::checkpoints(self, local)]);
        }
        parts.push(self.findings());
        parts.extend(local.map(home::turtle));
        parts.push(self.next());
        Sheet::of(parts)
    }

    /// The commands that come next.
    fn next(&self) -> Sheet {
        let mut out = Sheet::new();
        let commands = self.commands();
        if !commands.is_empty() {
            out.heading("Next");
            commands.iter().for_each(|next| out.command(&next.command));
        }
        out
    }

    /// What was looked at.
    fn about(&self) -> Sheet {
        let a = self.audit;
        let kind = if a.store.gathered { "page log gathered from dumps" } else { a.store.kind.words() };
        let mut out = format!("{}: {kind}, formats of {}", escape(&a.store.home), a.store.generation);
        if a.store.from_wal {
            out.push_str(", write-ahead log read");
        }
        out.push('\n');
        if self.verbose > 0 {
            for line in &a.store.generation_evidence {
                out.push_str(&self.paint.faint(&format!("  generation: {line}\n")));
            }
        }
        out.push_str(&format!(
            "{} in {}, {}; {}\n",
            text::count(a.store.rows, "row"),
            text::count(a.store.tables, "table"),
            size(a.store.bytes),
            text::count(a.store.completions, "completion record")
        ));
        match &a.checkpoint {
            Some(c) => {
                let metadata = match self.verbose > 0 || c.lsn.time().is_none() {
                    true => format!("Metadata at LSN {}; ", c.metadata_lsn.dated()),
                    false => String::new(),
                };
                out.push_str(&format!(
                    "{metadata}{}, {}, {}; checked: {}\n",
                    text::count(self.trees().len() as u64, "tree"),
                    text::count(self.trees().iter().map(|t| t.pages.reachable).sum(), "page"),
                    text::count(a.versions.get("live").map_or(0, |l| l.count), "block"),
                    match a.store.depth {
                        Depth::Quick => "internal pages only (--quick)",
                        Depth::Deep => "all cells (--deep)",
                        Depth::Normal => "all checksums",
                    }
                ));
            }
            None => out.push_str("No usable checkpoint\n"),
        }
        out.into()
    }

    fn accounting(&self) -> Sheet {
        let a = self.audit;
        let trees = self.trees();
        let mut out = Sheet::new();
        if trees.is_empty() {
            return out;
        }
        let deep = a.store.depth == Depth::Deep;
        let mut columns = vec![name("Tree"), number("Pages").goes(2)];
        if deep {
            // Rows are known only when leaves were decoded.
            columns.push(number("Rows").goes(3));
        }
        columns.extend([number("Published"), number("Recomputed"), number("Physical").goes(4)]);
        columns.extend([number("Difference"), prose("Cause").goes(1)]);
        let rows = trees.iter().map(|t| self.tree_row(t, deep));
        // What agrees is counted.
        let agrees = |t: &TreeInfo| t.complete && t.difference.is_none_or(|d| d == 0);
        let fold = self.verbose == 0 && trees.iter().filter(|t| agrees(t)).count() > FEW_CLEAN;
        let folded: Vec<&TreeInfo> = trees.iter().filter(|t| fold && agrees(t)).collect();
        let mut shown: Vec<Vec<String>> =
            trees.iter().zip(rows).filter(|(t, _)| !(fold && agrees(t))).map(|(_, row)| row).collect();
        let d = &a.database;
        let buffered = |n: u64| grouped(n + d.buffer);
        let rows_column = || deep.then(String::new);
        let mut all = vec!["all trees + 1 MiB buffer".into(), grouped(trees.iter().map(|t| t.pages.reachable).sum())];
        all.extend(rows_column());
        all.extend([
            d.sum_of_published.map_or("-".into(), buffered),
            buffered(d.sum_of_recomputed),
            grouped(trees.iter().map(|t| t.physical_size).sum()),
            self.total_difference(),
        ]);
        shown.push(all);
        if let Some(published) = d.published_size {
            let mut row = vec!["database_size".into(), String::new()];
            row.extend(rows_column());
            row.extend([
                grouped(published),
                String::new(),
                String::new(),
                d.difference.map_or("not comparable".into(), |n| self.difference(n)),
                match self.cause(&|_, fact| matches!(fact, Fact::DatabaseSize(_))) {
                    none if none.is_empty() => "against the published sizes of the trees".to_string(),
                    cause => cause,
                },
            ]);
            shown.push(row);
        }
        out.heading("Accounting (bytes)");
        out.table(Table::new(columns, shown));
        if !folded.is_empty() {
            let pages = folded.iter().map(|t| t.pages.reachable).sum();
            let line = format!("{}, {}", text::count(folded.len() as u64, "tree"), text::count(pages, "page"));
            let why = if folded.iter().all(|t| t.difference.is_none()) { "without sizes" } else { "whose sizes agree" };
            out.push_str(&format!("Not shown: {line}, {why}; -v lists them\n"));
        }
        if trees.iter().all(|t| t.published_size_meaning == SizeMeaning::RootPageId) {
            out.push_str("This generation kept no sizes: size= holds the root's page id.\n");
        }
        out
    }

    fn tree_row(&self, t: &TreeInfo, deep: bool) -> Vec<String> {
        let published = match (t.published_size_meaning, t.published_size) {
            (_, None) => "-".to_string(),
            (SizeMeaning::RootPageId, Some(_)) if t.root_cookie.is_empty() => "-".to_string(),
            (SizeMeaning::RootPageId, Some(n)) => format!("page id {n}"),
            (_, Some(n)) => grouped(n),
        };
        let at_least = if t.complete { "" } else { "≥ " };
        let mut row = vec![escape(short_name(&t.uri)), grouped(t.pages.reachable)];
        row.extend(deep.then(|| grouped(t.rows.map_or(0, |r| r.keys))));
        row.extend([
            published,
            format!("{at_least}{}", grouped(t.recomputed_size)),
            format!("{at_least}{}", grouped(t.physical_size)),
            t.difference.map_or("not kept".into(), |n| self.difference(n)),
            self.cause(&|f, fact| {
                f.place.uri.as_deref() == Some(t.uri.as_str())
                    && matches!(fact, Fact::TreeSize(_) | Fact::RootPageId { .. })
            }),
        ]);
        row
    }

    /// Tables whose pages nobody could look into.
    fn by_rows(&self) -> Sheet {
        let tables = &self.audit.by_rows;
        let mut out = Sheet::new();
        if tables.is_empty() {
            return out;
        }
        let row = |t: &TableByRows| {
            vec![
                t.table_id.to_string(),
                grouped(t.live_pages),
                grouped(t.discarded_pages),
                grouped(t.versions),
                grouped(t.bytes),
                grouped(t.live_bytes),
                grouped(t.broken_chains),
            ]
        };
        let columns = [
            number("Table"),
            number("Live pages"),
            number("Discarded").goes(3),
            number("Versions").goes(1),
            number("Bytes"),
            number("Bytes live").goes(2),
            number("Broken"),
        ];
        out.heading("Tables by their rows alone");
        out.push_str("Which pages a checkpoint reaches, and sizes, were not checked here.\n");
        out.table(Table::new(columns, tables.iter().map(row)));
        for t in tables.iter().filter(|t| t.written_after_discard > 0) {
            let rows = text::count(t.written_after_discard, "version");
            out.push_str(&format!("Table {}: {rows} written to pages that had been discarded\n", t.table_id));
        }
        let mut greatest: Vec<_> = tables.iter().flat_map(|t| t.greatest.iter().map(|p| (p, t.table_id))).collect();
        greatest.sort_by_key(|(page, _)| std::cmp::Reverse(page.bytes));
        let shown = if self.verbose > 0 { greatest.len() } else { SHOWN_GREATEST };
        for (page, table) in greatest.into_iter().take(shown) {
            out.push_str(&format!(
                "Takes most: table {table}, page {}: {} in {}\n",
                page.page_id,
                size(page.bytes),
                text::count(page.versions, "version")
            ));
        }
        out
    }

    /// Published minus recomputed over all trees, where all of them can be compared.
    fn total_difference(&self) -> String {
        let all: Option<Vec<i64>> = self.trees().iter().map(|t| t.difference).collect();
        all.map_or("-".into(), |all| self.difference(all.iter().fold(0, |sum, n| sum.saturating_add(*n))))
    }

    fn difference(&self, n: i64) -> String {
        if n == 0 { "0".to_string() } else { self.paint.bad(&signed(n)) }
    }

    /// The first finding about a size that `is` selects, in a few words; the findings below have the rest.
    fn cause(&self, is: &dyn Fn(&Finding, &Fact) -> bool) -> String {
        let facts = self.audit.findings.iter().filter_map(|f| match &f.detail {
            Detail::PageLog(fact) => Some((f, &**fact)),
            _ => None,
        });
        let Some((f, fact)) = facts.clone().find(|(f, fact)| is(f, fact)) else { return String::new() };
        let mut parts: Vec<String> = Vec::new();
        let explained = match fact {
            Fact::TreeSize(size) => {
                let mut counts: BTreeMap<CandidateKind, u64> = BTreeMap::new();
                for c in &size.explained_by {
                    *counts.entry(c.kind).or_default() += 1;
                }
                parts.extend(counts.into_iter().map(|(kind, n)| {
                    let (one, many) = words::pagelog::kind(kind);
                    format!("{n} {}", if n == 1 { one } else { many })
                }));
                size.is_explained()
            }
            Fact::DatabaseSize(size) => size.is_explained(),
            _ => false,
        };
        if explained {
            parts.push("explained to the byte".to_string());
        }
        let details = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        format!("{}{details}", f.code.name())
    }

    /// Every row of the page log by its class: in a line, or with detail in a table.
    fn versions(&self) -> Sheet {
        let present: Vec<_> = crate::audit::pagelog::classify::Class::NAMES
            .iter()
            .filter_map(|(_, name)| self.audit.versions.get(name).map(|t| (*name, *t)))
            .filter(|(_, t)| t.count > 0)
            .collect();
        let mut out = Sheet::new();
        if present.is_empty() {
            return out;
        }
        if self.verbose == 0 {
            let each: Vec<String> = present.iter().map(|(name, t)| format!("{name} {}", grouped(t.count))).collect();
            out.push_str(&format!("{} {}\n", self.paint.head("Rows of the page log:"), each.join(", ")));
            return out;
        }
        out.heading("Rows of the page log by class");
        let rows = present.iter().map(|(name, t)| vec![(*name).to_string(), grouped(t.count), size(t.bytes)]);
        out.table(Table::new([whole("Class"), number("Rows"), number("Bytes")], rows));
        out
    }

    fn keystore(&self) -> Sheet {
        let k = &self.audit.keystore;
        if k.pages.is_empty() && k.checkpoints.iter().all(|c| c.keystore_lsn.is_none()) {
            return Sheet::new();
        }
        let valid = k.pages.iter().filter(|p| p.valid).count();
        let newest = k.pages.last().map_or(String::new(), |p| format!(", the newest at LSN {}", p.lsn.dated()));
        let mut out = Sheet::from(format!(
            "{} {} ({valid} valid){newest}\n",
            self.paint.head("Keystore:"),
            text::count(k.pages.len() as u64, "key page")
        ));
        let stale: Vec<_> = k.checkpoints.iter().filter(|c| c.stale).collect();
        if self.verbose == 0 && stale.is_empty() {
            out.push_str("No checkpoint embeds a key older than the newest one written before it.\n");
            return out;
        }
        let show: Vec<_> = if self.verbose > 0 { k.checkpoints.iter().collect() } else { stale };
        if k.checkpoints.iter().any(|c| c.lsn.time().is_some()) {
            show.into_iter().for_each(|c| out.push_str(&self.key_use(c)));
            return out;
        }
        let lsn = |l: Option<Lsn>| l.map_or("-".to_string(), |l| l.to_string());
        let rows = show
            .into_iter()
            .map(|c| {
                let state = if c.stale {
                    self.paint.warn("stale: refused by a standby that holds the newer key")
                } else {
                    "ok".into()
                };
                vec![
                    c.lsn.to_string(),
                    c.metadata_lsn.to_string(),
                    lsn(c.keystore_lsn),
                    lsn(c.newest_key_before),
                    state,
                ]
            })
            .collect::<Vec<_>>();
        let columns = [
            number("Checkpoint LSN"),
            number("Metadata LSN").goes(1),
            number("Embedded key"),
            number("Newest key before"),
            prose("State"),
        ];
        out.table(Table::new(columns, rows));
        out
    }

    /// What a checkpoint embeds, in lines: a table has no room for four LSNs with their times.
    fn key_use(&self, c: &KeyUse) -> String {
        let key = |l: Option<Lsn>| l.map_or("none".to_string(), |l| format!("LSN {}", l.dated()));
        let mut out = format!(
            "  Checkpoint at LSN {}\n    metadata LSN {}\n    embedded key: {}\n    newest key before: {}\n",
            c.lsn.dated(),
            c.metadata_lsn.dated(),
            key(c.keystore_lsn),
            key(c.newest_key_before)
        );
        if c.stale {
            let words = "stale: refused by a standby that holds the newer key";
            out.push_str(&format!("    {}\n", self.paint.warn(words)));
        }
        out
    }
}
