//! An audit for people: what am I looking at, verdict, accounting, orphans, keys, damage, what next.
//! The same for programs is the serialised audit itself.

use super::text::{self, Paint, escape, grouped, short_name, signed, size, table};
use super::{Format, Output};
use crate::audit::finding::{Code, Detail, Finding, Severity};
use crate::audit::pagelog::account::CandidateKind;
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::{Audit, KeyUse, OrphanReason, SizeMeaning, TableByRows, TreeInfo, Verdict};
use crate::coverage::Unchecked;
use crate::id::Lsn;
use crate::page::Depth;
use crate::schema::audit::Orphans;
use crate::schema::audit::{AuditDocument, FindingDocument};
use crate::store::StoreKind;
use crate::words;
use serde::Serialize;
use std::collections::BTreeMap;

/// Findings of one code on screen, unless more detail was asked for.
const SHOWN_PER_CODE: usize = 5;
/// Things that were not checked on screen, likewise.
const SHOWN_UNCHECKED: usize = 10;
/// Pages that take most, likewise.
const SHOWN_GREATEST: usize = 3;
/// Orphans on screen, likewise.
const SHOWN_ORPHANS: usize = 20;

pub fn show(audit: &Audit, output: &mut Output) {
    if output.format == Format::Jsonl {
        return lines(audit, output);
    }
    let (paint, width, verbose) = (output.paint, output.width, output.verbose);
    output.document(&AuditDocument::from(audit), || {
        let view = View { audit, paint, width, verbose };
        let local = audit.local.as_ref();
        if let Some(local) = local.filter(|_| audit.store.kind == StoreKind::Local) {
            return super::home::text(&view, local);
        }
        let log = [view.head(), view.accounting(), view.orphans(), view.versions(), view.by_rows(), view.keystore()];
        let beside = local.map(|local| super::home::beside(&view, local));
        let end = [view.findings(), local.map(super::home::turtle).unwrap_or_default(), view.next()];
        log.into_iter()
            .chain(beside.into_iter().flatten())
            .chain(end)
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    });
}

/// JSON lines: the head, each tree, orphan and finding, and a summary, each with its kind.
fn lines(audit: &Audit, output: &mut Output) {
    #[derive(Serialize, schemars::JsonSchema)]
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

/// Show orphans alone; returns the exit code.
pub fn show_orphans(audit: &Audit, output: &mut Output) -> u8 {
    let of = |f: &&Finding| matches!(f.code, Code::OrphanPage | Code::OrphanImage);
    let unreadable = audit.checkpoint.is_none()
        || audit.verdict == Verdict::Incomplete
        || !audit.coverage.allows_clean()
        || audit.findings.iter().any(|f| f.code == Code::StoreDamaged);
    let code = if !audit.orphans.is_empty() {
        Verdict::Findings.exit_code()
    } else if unreadable {
        Verdict::Incomplete.exit_code()
    } else {
        Verdict::Clean.exit_code()
    };
    let total: u64 = audit.orphans.iter().map(|o| o.bytes).sum();
    let explained: u64 = audit.orphans.iter().filter(|o| o.explains).map(|o| o.bytes).sum();
    let report = Orphans {
        schema_version: audit.schema_version,
        checkpoint_lsn: audit.checkpoint.as_ref().map(|c| c.lsn),
        checkpoint_lsn_time: audit.checkpoint.as_ref().and_then(|c| c.lsn_time),
        orphans: &audit.orphans,
        findings: audit.findings.iter().filter(of).map(FindingDocument::from).collect(),
        total_bytes: total,
        explained_bytes: explained,
        coverage: &audit.coverage,
        exit_code: code,
    };
    let (paint, width, verbose) = (output.paint, output.width, output.verbose);
    output.document(&report, || {
        let view = View { audit, paint, width, verbose: verbose.max(1) };
        let mut out = view.orphans();
        if out.is_empty() {
            let undetermined = audit.versions.get("undetermined").map_or(0, |t| t.count);
            out = match (unreadable, undetermined) {
                (true, _) => "No orphan was found, but not everything could be read.\n".to_string(),
                (false, 0) => format!("{}\n", paint.good("No orphans.")),
                (false, n) => format!(
                    "No orphans. {} unreferenced rows could not be judged: {}.\n",
                    grouped(n),
                    "this generation keeps no discard records, or pages above them are damaged"
                ),
            };
        } else if verbose > 0 {
            for finding in audit.findings.iter().filter(of) {
                out.push_str(&view.finding(finding));
            }
        }
        out
    });
    code
}

pub(super) struct View<'a> {
    pub(super) audit: &'a Audit,
    pub(super) paint: Paint,
    pub(super) width: Option<u16>,
    pub(super) verbose: u8,
}

impl View<'_> {
    /// The trees of the page log.
    fn trees(&self) -> &[TreeInfo] {
        self.audit.trees.get(..self.audit.trees_of_page_log()).unwrap_or_default()
    }

    fn head(&self) -> String {
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
                let name = c.name.as_deref().unwrap_or("no name");
                // With their times the LSNs need a line each.
                let (first, next) = if c.lsn.time().is_some() { ("\n  ", ",\n  ") } else { (" ", ", ") };
                out.push_str(&format!(
                    "Checkpoint {}{first}at LSN {}{next}metadata LSN {}{next}{} trees, {} pages, {} blocks; checked: {}\n",
                    escape(name),
                    c.lsn.dated(),
                    c.metadata_lsn.dated(),
                    self.trees().len(),
                    grouped(self.trees().iter().map(|t| t.pages.reachable).sum()),
                    grouped(a.versions.get("live").map_or(0, |l| l.count)),
                    match a.store.depth {
                        Depth::Quick => "internal pages only (--quick)",
                        Depth::Deep => "all cells (--deep)",
                        Depth::Normal => "all checksums",
                    }
                ));
            }
            None => out.push_str("No usable checkpoint\n"),
        }
        out.push('\n');
        out.push_str(&self.verdict());
        out.push_str(&self.not_checked());
        out
    }

    pub(super) fn verdict(&self) -> String {
        let t = &self.audit.totals;
        let counts = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let list = [(t.errors, "error"), (t.warnings, "warning"), (t.notes, "note")];
        let list: Vec<String> = list.iter().filter(|(n, _)| *n > 0).map(|(n, one)| counts(*n, one)).collect();
        let suffix = if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
        let line = match self.audit.verdict {
            Verdict::Clean => self.paint.good("CLEAN"),
            Verdict::Findings if t.errors > 0 => self.paint.bad("FINDINGS"),
            Verdict::Findings => self.paint.warn("FINDINGS"),
            Verdict::Incomplete => self.paint.warn("INCOMPLETE: not enough could be read to judge"),
        };
        format!("{} {line}{suffix}\n", self.paint.head("Verdict:"))
    }

    /// What was not checked and why, from the ledger: what matters, and with more detail the rest.
    pub(super) fn not_checked(&self) -> String {
        let wanted = |why: &Unchecked| {
            why.matters() || *why == Unchecked::NoRecord || (self.verbose > 0 && *why != Unchecked::NotAsked)
        };
        let list: Vec<_> = self.audit.coverage.not_checked_list().filter(|(_, why)| wanted(why)).collect();
        let shown = if self.verbose > 1 { list.len() } else { SHOWN_UNCHECKED };
        let mut out = String::new();
        for (path, why) in list.iter().take(shown) {
            // Each table that is missing has a request of its own.
            let next = match why {
                Unchecked::NotSupplied { .. }
                | Unchecked::PageNotSupplied { .. }
                | Unchecked::PartSupplied { .. }
                | Unchecked::NoRecord => {
                    format!("; {}", words::way_to_check(why))
                }
                _ => String::new(),
            };
            let line = format!("Not checked: {}: {}{next}\n", escape(path), escape(&words::unchecked(why)));
            out.push_str(&self.paint.warn(&line));
        }
        if list.len() > shown {
            out.push_str(&format!("Not checked: {} more; -vv names all\n", grouped((list.len() - shown) as u64)));
        }
        out
    }

    fn accounting(&self) -> String {
        let a = self.audit;
        let trees = self.trees();
        if trees.is_empty() {
            return String::new();
        }
        let known = trees.iter().any(|t| t.published_size_meaning != SizeMeaning::RootPageId);
        let mut rows: Vec<Vec<String>> = trees.iter().map(|t| self.tree_row(t)).collect();
        let d = &a.database;
        let buffered = |n: u64| grouped(n + d.buffer);
        rows.push(vec![
            "all trees + 1 MiB buffer".into(),
            grouped(trees.iter().map(|t| t.pages.reachable).sum()),
            d.sum_of_published.map_or("-".into(), buffered),
            buffered(d.sum_of_recomputed),
            grouped(trees.iter().map(|t| t.physical_size).sum()),
            self.total_difference(),
            String::new(),
        ]);
        if let Some(published) = d.published_size {
            rows.push(vec![
                "database_size".into(),
                String::new(),
                grouped(published),
                String::new(),
                String::new(),
                d.difference.map_or("not comparable".into(), |n| self.difference(n)),
                match self.cause(&|_, fact| matches!(fact, Fact::DatabaseSize(_))) {
                    none if none.is_empty() => "against the published sizes of the trees".to_string(),
                    cause => cause,
                },
            ]);
        }
        let mut out = format!("{}\n", self.paint.head("Accounting (bytes)"));
        let mut header = vec!["Tree", "Pages", "Published", "Recomputed", "Physical", "Difference", "Cause"];
        if a.store.depth == Depth::Deep {
            // Rows are known only when leaves were decoded.
            header.insert(2, "Rows");
            let counts = trees.iter().map(|t| grouped(t.rows.map_or(0, |r| r.keys)));
            for (row, count) in rows.iter_mut().zip(counts.chain(std::iter::repeat(String::new()))) {
                row.insert(2, count);
            }
        }
        let right: Vec<usize> = (1..header.len() - 1).collect();
        out.push_str(&table(self.width, &header, &right, rows));
        if !known {
            out.push_str("This generation kept no sizes: size= holds the root's page id.\n");
        }
        out
    }

    fn tree_row(&self, t: &TreeInfo) -> Vec<String> {
        let published = match (t.published_size_meaning, t.published_size) {
            (_, None) => "-".to_string(),
            (SizeMeaning::RootPageId, Some(_)) if t.root_cookie.is_empty() => "-".to_string(),
            (SizeMeaning::RootPageId, Some(n)) => format!("page id {n}"),
            (_, Some(n)) => grouped(n),
        };
        let at_least = if t.complete { "" } else { "≥ " };
        vec![
            escape(short_name(&t.uri)),
            grouped(t.pages.reachable),
            published,
            format!("{at_least}{}", grouped(t.recomputed_size)),
            format!("{at_least}{}", grouped(t.physical_size)),
            t.difference.map_or("not kept".into(), |n| self.difference(n)),
            self.cause(&|f, fact| {
                f.place.uri.as_deref() == Some(t.uri.as_str())
                    && matches!(fact, Fact::TreeSize(_) | Fact::RootPageId { .. })
            }),
        ]
    }

    /// Tables whose pages nobody could look into.
    fn by_rows(&self) -> String {
        let tables = &self.audit.by_rows;
        if tables.is_empty() {
            return String::new();
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
        let heads = ["Table", "Live pages", "Discarded", "Versions", "Bytes", "Bytes live", "Broken"];
        let mut out = format!("{}\n", self.paint.head("Tables by their rows alone"));
        out.push_str("Which pages a checkpoint reaches, and sizes, were not checked here.\n");
        out.push_str(&table(self.width, &heads, &[0, 1, 2, 3, 4, 5, 6], tables.iter().map(row).collect()));
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

    fn orphans(&self) -> String {
        let orphans = &self.audit.orphans;
        if orphans.is_empty() {
            return String::new();
        }
        let total: u64 = orphans.iter().map(|o| o.bytes).sum();
        let explained: u64 = orphans.iter().filter(|o| o.explains).map(|o| o.bytes).sum();
        let shown = if self.verbose > 0 { orphans.len() } else { SHOWN_ORPHANS };
        let written = text::written(orphans.iter().map(|o| o.lsn));
        let times = written.is_some() && text::room_for_times(self.width);
        let rows = orphans.iter().take(shown).map(|o| {
            let mut row = vec![
                escape(o.uri.as_deref().map_or("(in no metadata)", short_name)),
                o.table_id.to_string(),
                o.page_id.to_string(),
                o.lsn.to_string(),
                grouped(o.bytes),
                match o.reason {
                    OrphanReason::NeverReferenced => "page never referenced",
                    OrphanReason::UnreferencedImage => "image of a page in use",
                }
                .to_string(),
                if o.explains { "yes" } else { "no" }.to_string(),
            ];
            row.extend(times.then(|| text::clock(o.lsn)));
            row
        });
        let mut header = vec!["Tree", "Table", "Page", "LSN", "Bytes", "Reason", "In published size"];
        header.extend(times.then_some("Written"));
        let mut out = format!("{}\n", self.paint.head("Orphans"));
        out.push_str(&table(self.width, &header, &[1, 2, 3, 4], rows.collect()));
        if orphans.len() > shown {
            out.push_str(&format!("and {} more; wtcheck orphans lists all\n", grouped((orphans.len() - shown) as u64)));
        }
        let of = if orphans.len() == 1 { "orphan" } else { "orphans" };
        out.push_str(&format!("{} {of}, {}", grouped(orphans.len() as u64), size(total)));
        out.push_str(&match explained {
            0 => ": none of it is part of a published size\n".to_string(),
            n if n == total => ": all of it is part of what the published sizes are too high by\n".to_string(),
            n => format!(": {} of it is part of what the published sizes are too high by\n", size(n)),
        });
        if let Some(written) = written {
            out.push_str(&format!("Written {written}\n"));
        }
        out
    }

    fn versions(&self) -> String {
        let present: Vec<_> = crate::audit::pagelog::classify::Class::NAMES
            .iter()
            .filter_map(|(_, name)| self.audit.versions.get(name).map(|t| (*name, *t)))
            .filter(|(_, t)| t.count > 0)
            .collect();
        if present.is_empty() {
            return String::new();
        }
        let rows = present.iter().map(|(name, t)| vec![(*name).to_string(), grouped(t.count), size(t.bytes)]).collect();
        let mut out = format!("{}\n", self.paint.head("Rows of the page log by class"));
        out.push_str(&table(self.width, &["Class", "Rows", "Bytes"], &[1, 2], rows));
        out
    }

    fn keystore(&self) -> String {
        let k = &self.audit.keystore;
        if k.pages.is_empty() && k.checkpoints.iter().all(|c| c.keystore_lsn.is_none()) {
            return String::new();
        }
        let valid = k.pages.iter().filter(|p| p.valid).count();
        let newest = k.pages.last().map_or("none".to_string(), |p| p.lsn.dated().to_string());
        let mut out = format!(
            "{} {} key pages ({valid} valid), the newest at LSN {newest}\n",
            self.paint.head("Keystore:"),
            k.pages.len()
        );
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
            .collect();
        let header = ["Checkpoint LSN", "Metadata LSN", "Embedded key", "Newest key before", "State"];
        out.push_str(&table(self.width, &header, &[0, 1, 2, 3], rows));
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

    pub(super) fn findings(&self) -> String {
        if self.audit.findings.is_empty() {
            return String::new();
        }
        let mut out = format!("{}\n", self.paint.head("Findings"));
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        let limit = if self.verbose > 1 { usize::MAX } else { SHOWN_PER_CODE };
        for f in &self.audit.findings {
            let n = shown.entry(f.code.name()).or_default();
            *n += 1;
            if *n <= limit {
                out.push_str(&self.finding(f));
            }
        }
        for (code, n) in shown.iter().filter(|(_, n)| **n > limit) {
            out.push_str(&format!("and {} more {code}; -vv shows all\n", grouped((n - limit) as u64)));
        }
        out
    }

    fn finding(&self, f: &Finding) -> String {
        finding_text(f, self.paint)
    }

    /// The exact commands that come next.
    fn next(&self) -> String {
        let a = self.audit;
        let mut out: Vec<String> = Vec::new();
        let dumps: Vec<_> = a.store.dumps.iter().map(|word| crate::words::text::shell_word(word)).collect();
        // What is below reads a page log only.
        let home = match dumps.as_slice() {
            [] => crate::words::text::shell_word(&a.store.home),
            _ => "gathered".into(),
        };
        let mut codes: Vec<&str> = Vec::new();
        for f in a.findings.iter().filter(|f| f.severity > Severity::Note) {
            if !codes.contains(&f.code.name()) {
                codes.push(f.code.name());
            }
        }
        if let Some(code) = codes.first() {
            out.push(format!("wtcheck explain {code}"));
        }
        if !a.orphans.is_empty() {
            out.push(format!("wtcheck orphans {home} -v"));
        }
        let newest = a.checkpoint.as_ref().is_none_or(|c| a.keystore.checkpoints.iter().all(|o| o.lsn <= c.lsn));
        if newest && a.findings.iter().any(|f| MENDED.contains(&f.code)) {
            out.push(format!("wtcheck repair plan {home} -o plan.yaml"));
        }
        let page = a.findings.iter().find(|f| f.severity == Severity::Error && f.place.page_id.is_some());
        if let Some(f) = page
            && let (Some(table), Some(page)) = (f.place.table_id, f.place.page_id)
        {
            out.push(format!("wtcheck page {home} {table} {page}"));
        }
        if a.findings.iter().any(|f| f.code == Code::StaleKeystore) {
            out.push(format!("wtcheck pickup replay {home}"));
        }
        let damaged = self.trees().iter().any(|t| !t.complete);
        let older = a.keystore.checkpoints.iter().rev().map(|c| c.lsn);
        let own = a.checkpoint.as_ref().map_or(Lsn(u64::MAX), |c| c.lsn);
        if let (true, Some(lsn)) = (damaged, older.clone().find(|l| *l < own)) {
            out.push(format!("wtcheck audit {home} --checkpoint {lsn}"));
        }
        if a.local.is_some() {
            out.extend(super::home::next_of_files(a));
        }
        // All but the explanation of a code are about the page log.
        if out.len() > usize::from(!codes.is_empty()) && !dumps.is_empty() {
            out.insert(0, format!("wtcheck gather {} -o gathered", dumps.join(" ")));
        }
        if out.is_empty() {
            return String::new();
        }
        format!("{}\n  {}\n", self.paint.head("Next"), out.join("\n  "))
    }
}

/// Findings that a repair of a page log can do something about.
const MENDED: [Code; 9] = [
    Code::SizeInflated,
    Code::SizeDeflated,
    Code::SizeDoubleRoot,
    Code::DatabaseSizeInflated,
    Code::DatabaseSizeDeflated,
    Code::OrphanPage,
    Code::OrphanImage,
    Code::TurtleChecksum,
    Code::CompletionInvalid,
];

/// A finding for people.
pub fn finding_text(f: &Finding, paint: Paint) -> String {
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
    let mut out = format!("{} {code}: {}\n", f.severity.name(), escape(&place.join(", ")));
    let said = words::of(f);
    out.push_str(&format!("    expected {}, found {}\n", escape(&said.expected), escape(&said.found)));
    if !said.cause.is_empty() {
        let tickets = if f.tickets.is_empty() { String::new() } else { format!(" [{}]", f.tickets.join(", ")) };
        out.push_str(&format!("    cause: {}{tickets}\n", escape(&said.cause)));
    }
    for line in &said.evidence {
        out.push_str(&format!("    {}\n", paint.faint(&escape(line))));
    }
    out
}
