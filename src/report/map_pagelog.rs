//! A page log as pictures: what each page id of a tree holds, or how old what it holds is.

use super::map::{self, Axis, Cell, Grid, KindId, Look, Mark, Picture, Run, share};
pub use super::map::{NAME, shortened};
use super::map_tree::{self, Shape};
use super::sheet::Sheet;
use super::svg_bands::{Band, Store};
use super::table::{Table, name, number, prose};
use super::text::{escape, grouped, short_name, size, written};
use super::{Format, Output};
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::pagelog::classify::Class;
use crate::audit::result::{Audit, ClassTotal, SCHEMA_VERSION, Verdict};
use crate::coverage::Coverage;
use crate::id::{Lsn, PageId, TableId};
use crate::pagelog::catalog;
use crate::schema;
use crate::store::{Index, Row};
use crate::words::text::shell_word;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Trees on screen, unless more detail was asked for.
const SHOWN_TREES: usize = 40;
/// Most characters of a bar.
pub(super) const BAR: usize = 60;

/// The axis of a tree's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Page ids: what each page holds; its most notable version stands for it
    Page,
    /// LSNs, from old to new: what has become of each version
    Lsn,
    /// Levels of the trees, from the root down: pages, their bytes, how full they are
    Tree,
}

/// The rows of a page log and what an audit found out about them.
pub struct Log<'a> {
    pub index: &'a Index,
    /// Their classes, by position; empty if no checkpoint could be used.
    pub class: &'a [Class],
    pub audit: &'a Audit,
    /// URIs of tables that the audited checkpoint does not name.
    pub others: HashMap<TableId, String>,
    /// Its completion records.
    pub completions: Vec<Lsn>,
    /// The axis of pictures and bars.
    pub by: By,
}

/// One tree of the page log.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeMap {
    /// Its URI, if a checkpoint names it.
    pub uri: Option<String>,
    /// Table id.
    pub table_id: TableId,
    /// Page ids that have rows.
    pub pages: u64,
    /// Rows.
    pub versions: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Bytes the checkpoint reaches.
    pub live_bytes: u64,
    /// Bytes leaked.
    pub orphan_bytes: u64,
    /// LSN of the oldest row.
    pub first_lsn: Lsn,
    /// LSN of the newest row.
    pub last_lsn: Lsn,
    /// Rows by class.
    pub classes: BTreeMap<&'static str, ClassTotal>,
    #[serde(skip)]
    by_kind: BTreeMap<KindId, ClassTotal>,
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    bar: Vec<Cell>,
}

/// What a class looks like: the kind of its name.
pub fn kind_of(class: Class) -> KindId {
    let name = class.name();
    KindId::ALL.iter().copied().find(|k| k.kind().name == name).unwrap_or(KindId::Unjudged)
}

/// What an error makes of the page it names; leaks are known from the classes.
fn kind_of_finding(f: &Finding) -> Option<KindId> {
    match f.code {
        _ if f.severity < Severity::Error => None,
        Code::OrphanPage | Code::OrphanImage | Code::ObsoleteChainUncounted => None,
        Code::PageMissing => Some(KindId::Missing),
        Code::PageReferencedTwice | Code::PageCycle => Some(KindId::DoubleBooked),
        _ => Some(KindId::Damaged),
    }
}

impl Log<'_> {
    /// The tables, as the audit lists them, then those it does not name.
    pub fn tables(&self) -> Vec<TableId> {
        let with_rows = self.index.tables();
        let mut out: Vec<TableId> = self.audit.trees.iter().map(|t| t.table_id).collect();
        out.extend(with_rows.into_iter().filter(|t| !self.audit.trees.iter().any(|tree| tree.table_id == *t)));
        out
    }

    pub fn uri(&self, table: TableId) -> Option<&str> {
        let own = self.audit.trees.iter().find(|t| t.table_id == table).map(|t| t.uri.as_str());
        own.or_else(|| self.others.get(&table).map(String::as_str))
    }

    /// No checkpoint that was looked at names the table, and its place does not say what it is.
    pub fn is_nameless(&self, table: TableId) -> bool {
        self.uri(table).is_none() && ![catalog::KEY_TABLE, catalog::turtle_table(self.index)].contains(&table)
    }

    /// A name for people.
    pub fn name(&self, table: TableId) -> String {
        match self.uri(table) {
            Some(uri) => short_name(uri).to_string(),
            None if table == catalog::KEY_TABLE => "(key pages)".to_string(),
            None if table == catalog::turtle_table(self.index) => "(turtle pages)".to_string(),
            None => "(in no metadata)".to_string(),
        }
    }

    fn rows(&self, table: TableId) -> impl Iterator<Item = (Row, Class)> {
        let range = self.index.table(table);
        let class = self.class.get(range.clone()).unwrap_or_default().iter().copied();
        self.index.slice(range).iter().zip(class.chain(std::iter::repeat(Class::Unjudged)))
    }

    /// Where the errors of a table lie: (page, LSN if one version is meant).
    fn errors(&self, table: TableId) -> impl Iterator<Item = (PageId, Option<Lsn>, KindId)> {
        let of = self.audit.findings.iter().filter(move |f| f.place.table_id == Some(table));
        of.filter_map(|f| Some((f.place.page_id?, f.place.lsn, kind_of_finding(f)?)))
    }

    /// The numbers of a tree.
    pub fn tree(&self, table: TableId) -> TreeMap {
        let mut by_kind: BTreeMap<KindId, ClassTotal> = BTreeMap::new();
        let (mut pages, mut last_page, mut lsns) = (0, None, (Lsn(u64::MAX), Lsn::NONE));
        for (row, class) in self.rows(table) {
            let total = by_kind.entry(kind_of(class)).or_default();
            total.count += 1;
            total.bytes += u64::from(row.len);
            pages += u64::from(last_page.replace(row.page) != Some(row.page));
            lsns = (lsns.0.min(row.lsn), lsns.1.max(row.lsn));
        }
        let sum = |of: fn(&ClassTotal) -> u64| by_kind.values().map(of).sum();
        let bytes = |kind| by_kind.get(&kind).map_or(0, |t: &ClassTotal| t.bytes);
        TreeMap {
            uri: self.uri(table).map(String::from),
            table_id: table,
            pages,
            versions: sum(|t| t.count),
            bytes: sum(|t| t.bytes),
            live_bytes: bytes(KindId::Live),
            orphan_bytes: bytes(KindId::Orphan),
            first_lsn: lsns.0.min(lsns.1),
            last_lsn: lsns.1,
            classes: by_kind.iter().map(|(kind, t)| (kind.kind().name, *t)).collect(),
            title: self.name(table),
            bar: Vec::new(),
            by_kind,
        }
    }

    pub fn picture(&self, tree: &TreeMap) -> Picture {
        let runs = match self.by {
            By::Page | By::Tree => self.by_page(tree.table_id),
            By::Lsn => self.by_lsn(tree.table_id),
        };
        let start = runs.first().map_or(0, |r| r.start);
        let end = runs.last().map_or(0, |r| r.start.saturating_add(r.len));
        let (axis, words) = match self.by {
            By::Page | By::Tree => (Axis::PageId, "by page id"),
            By::Lsn => (Axis::Lsn, "by LSN, from old to new"),
        };
        let title = format!("{}, table {}, {words}", tree.title, tree.table_id);
        let mut picture = Picture::new(title, axis, start, end - start, 1);
        runs.into_iter().for_each(|run| picture.push(run));
        picture.stored = Some(tree.by_kind.clone());
        picture.marks = self.marks();
        picture.notes.push(format!("{}, {}", self.audit.store.home, self.checkpoint()));
        picture.notes.push(format!(
            "{} pages, {} versions, {}, LSN {} to {}",
            grouped(tree.pages),
            grouped(tree.versions),
            size(tree.bytes),
            tree.first_lsn,
            tree.last_lsn
        ));
        picture.notes.extend(written([tree.first_lsn, tree.last_lsn].into_iter()).map(|w| format!("Written {w}")));
        picture
    }

    /// The checkpoints, where the axis is of LSNs.
    fn marks(&self) -> Vec<Mark> {
        let stood = self.audit.checkpoint.as_ref().map(|c| c.lsn);
        let all = self.completions.iter().filter(|_| self.by == By::Lsn);
        all.map(|lsn| Mark { lsn: *lsn, audited: Some(*lsn) == stood }).collect()
    }

    /// The first and the last LSN of some trees and of the checkpoints after them.
    fn lsns(&self, trees: &[TreeMap]) -> (Lsn, Lsn) {
        let lsns = trees.iter().filter(|t| t.versions > 0).map(|t| (t.first_lsn, t.last_lsn));
        let (first, last) = lsns.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
        (first, self.completions.last().map_or(last, |newest| last.max(*newest)))
    }

    /// All of some trees in one picture.
    pub fn store(&self, trees: &[TreeMap]) -> Store {
        let bands: Vec<Band> = trees
            .iter()
            .filter(|t| t.versions > 0)
            .map(|t| Band { name: format!("{} {}", t.title, t.table_id), picture: self.picture(t) })
            .collect();
        let (first, last) = self.lsns(trees);
        let (words, common) = match self.by {
            By::Lsn => ("by LSN, from old to new", Some((first.get(), last.get().saturating_add(1)))),
            _ => ("each table by page id", None),
        };
        let mut notes = self.notes();
        notes.push(format!(
            "{} versions in {} tables, {}, LSN {first} to {last}",
            grouped(trees.iter().map(|t| t.versions).sum()),
            bands.len(),
            size(trees.iter().map(|t| t.bytes).sum()),
        ));
        let title = format!("{}, {words}", self.audit.store.home);
        Store { title, notes, bands, common, marks: self.marks() }
    }

    /// What the audit stands on.
    pub fn notes(&self) -> Vec<String> {
        vec![format!("{}, {}", self.audit.store.kind.words(), self.checkpoint())]
    }

    fn checkpoint(&self) -> String {
        match &self.audit.checkpoint {
            Some(c) => format!("checkpoint at LSN {}", c.lsn.dated()),
            None => "no usable checkpoint".to_string(),
        }
    }

    /// Each page id once: the first of its kinds stands for it.
    fn by_page(&self, table: TableId) -> Vec<Run> {
        let mut errors: BTreeMap<PageId, KindId> = BTreeMap::new();
        for (page, _, kind) in self.errors(table) {
            let shown = errors.entry(page).or_insert(kind);
            *shown = kind.min(*shown);
        }
        let mut out: Vec<Run> = Vec::new();
        let mut add = |page: PageId, kind: KindId| match out.last_mut() {
            Some(last) if page == last.start => last.kind = last.kind.min(kind),
            _ => out.push(Run { start: page.get(), len: 1, kind }),
        };
        let mut errors = errors.into_iter().peekable();
        for (row, class) in self.rows(table) {
            // Pages that are only referenced lie between those that have rows.
            while let Some((page, kind)) = errors.next_if(|(page, _)| *page <= row.page) {
                add(page, kind);
            }
            add(row.page, kind_of(class));
        }
        errors.for_each(|(page, kind)| add(page, kind));
        merged(out)
    }

    /// Each version once.
    fn by_lsn(&self, table: TableId) -> Vec<Run> {
        let errors: Vec<_> = self.errors(table).filter_map(|(page, lsn, kind)| Some(((page, lsn?), kind))).collect();
        let mut lsns: Vec<(Lsn, KindId)> = self.rows(table).map(|(row, class)| (row.lsn, kind_of(class))).collect();
        lsns.extend(errors.into_iter().map(|((_, lsn), kind)| (lsn, kind)));
        // Of several at one LSN the first kind stands for it.
        lsns.sort_unstable();
        lsns.dedup_by_key(|(lsn, _)| *lsn);
        merged(lsns.into_iter().map(|(start, kind)| Run { start: start.get(), len: 1, kind }).collect())
    }

    /// Fold each tree into a bar: of its own page ids, or of the LSNs of all of them.
    fn bars(&self, trees: &mut [TreeMap], cells: usize) {
        let all = self.lsns(trees);
        for tree in trees {
            let picture = self.picture(tree);
            let (start, length) = match self.by {
                By::Page | By::Tree => (picture.start, picture.length),
                By::Lsn => (all.0.get(), (all.1.get() - all.0.get()).saturating_add(1)),
            };
            let cells = (cells as u64).min(length).max(1);
            let span = length.div_ceil(cells).max(1);
            tree.bar = Grid { span, columns: cells, cells: length.div_ceil(span) }.fold(start, picture.runs);
        }
    }
}

/// Runs that touch and are of one kind become one, in place.
fn merged(mut runs: Vec<Run>) -> Vec<Run> {
    runs.dedup_by(|next, last| {
        let joins = next.kind == last.kind && last.start.saturating_add(last.len) == next.start;
        last.len += if joins { next.len } else { 0 };
        joins
    });
    runs
}

/// The audit behind a map, in short.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(super) struct Verdicts {
    verdict: Verdict,
    errors: u64,
    warnings: u64,
}

impl Verdicts {
    pub(super) fn of(audit: &Audit) -> Self {
        Self { verdict: audit.verdict, errors: audit.totals.errors, warnings: audit.totals.warnings }
    }
}

#[derive(Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "PageLogMap"))]
pub(crate) struct Document<'a> {
    schema_version: u32,
    home: &'a str,
    checkpoint_lsn: Option<Lsn>,
    by: By,
    trees: &'a [TreeMap],
    versions: BTreeMap<&'static str, ClassTotal>,
    pictures: &'a [Picture],
    #[serde(skip_serializing_if = "<[Shape]>::is_empty")]
    shapes: &'a [Shape],
    coverage: &'a Coverage,
    audit: Verdicts,
    exit_code: u8,
}

impl schema::Document for Document<'_> {
    const NAME: &'static str = "map";
    const COMMAND: &'static str = "wtcheck map, on a page log";
}

/// Show the trees as a list with a bar each, or the pictures of a few of them, or their shapes.
pub fn show(
    log: &Log<'_>,
    trees: Vec<TreeMap>,
    pictures: &[Picture],
    shapes: Option<&[Shape]>,
    svg: &dyn Fn() -> String,
    output: &mut Output,
) {
    let audit = log.audit;
    let mut sums: BTreeMap<KindId, ClassTotal> = BTreeMap::new();
    for (kind, total) in trees.iter().flat_map(|t| &t.by_kind) {
        let sum = sums.entry(*kind).or_default();
        (sum.count, sum.bytes) = (sum.count + total.count, sum.bytes + total.bytes);
    }
    let document = Document {
        schema_version: SCHEMA_VERSION,
        home: &audit.store.home,
        checkpoint_lsn: audit.checkpoint.as_ref().map(|c| c.lsn),
        by: log.by,
        trees: &trees,
        versions: sums.iter().map(|(kind, t)| (kind.kind().name, *t)).collect(),
        pictures,
        shapes: shapes.unwrap_or_default(),
        coverage: &audit.coverage,
        audit: Verdicts::of(audit),
        exit_code: audit.exit_code,
    };
    if output.format == Format::Jsonl {
        return lines(&document, output);
    }
    let look = Look::of(output);
    let keeps = output.keeps();
    output.document(&document, || {
        let mut text = String::new();
        if let Some(shapes) = shapes {
            text.push_str(&format!("{}: {}\n\n", escape(&audit.store.home), log.checkpoint()));
            text.push_str(&look.plain(map_tree::text(shapes, look)));
        } else if pictures.is_empty() {
            let mut barred = trees.clone();
            log.bars(&mut barred, look.columns().saturating_sub(NAME + 12).clamp(10, BAR));
            text.push_str(&look.plain(overview(log, barred, &sums, look)));
        }
        let texts: Vec<String> = pictures.iter().map(|p| map::text(p, look)).collect();
        text.push_str(&texts.join("\n"));
        let mut out = Sheet::new();
        out.picture(if keeps { svg() } else { String::new() }, text);
        out.push_str(&look.plain(verdict(audit)));
        out
    });
}

/// JSON lines: each tree, picture and run, and a summary.
fn lines(document: &Document<'_>, output: &mut Output) {
    let mut out: String = document.trees.iter().map(|t| map::json_line("tree", t)).collect();
    out.extend(document.pictures.iter().map(map::json_lines));
    out.extend(document.shapes.iter().map(|s| map::json_line("shape", s)));
    let rest = Document { trees: &[], pictures: &[], shapes: &[], ..document.clone() };
    out.push_str(&map::json_summary(&rest, &["trees", "pictures", "shapes"]));
    output.raw(out.as_bytes());
}

/// One line on the audit behind the map, if it found anything.
pub(super) fn verdict(audit: &Audit) -> String {
    let counts = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let what = match (audit.totals.errors, audit.totals.warnings) {
        (0, 0) => return String::new(),
        (0, n) => counts(n, "warning"),
        (n, _) => counts(n, "error"),
    };
    format!("\nThe audit has {what}: run wtcheck audit {}\n", shell_word(&audit.store.home))
}

fn overview(log: &Log<'_>, mut trees: Vec<TreeMap>, sums: &BTreeMap<KindId, ClassTotal>, look: Look) -> String {
    let audit = log.audit;
    let total = |of: fn(&ClassTotal) -> u64| sums.values().map(of).sum::<u64>();
    let kind = audit.store.kind.words();
    let mut out = format!(
        "{}: {kind}, {}\n{} versions in {} tables, {}\n\n",
        escape(&audit.store.home),
        log.checkpoint(),
        grouped(total(|t| t.count)),
        trees.iter().filter(|t| t.versions > 0).count(),
        size(total(|t| t.bytes))
    );
    let hidden = trees.len().saturating_sub(if look.verbose > 0 { usize::MAX } else { SHOWN_TREES });
    if hidden > 0 {
        // What must be seen comes first where not everything can be.
        trees.sort_by_key(|t| !t.bar.iter().any(|c| c.kind.kind().important));
        trees.truncate(SHOWN_TREES);
    }
    // Two LSNs that hold times are longer than a line; the times alone are not, and say more.
    let time = |t: &TreeMap| written([t.first_lsn, t.last_lsn].into_iter());
    let times = look.width.is_some() && trees.iter().any(|t| time(t).is_some());
    let rows = trees.iter().map(|t| {
        let lsns = match time(t).filter(|_| times) {
            _ if t.versions == 0 => "-".to_string(),
            Some(time) => time,
            None => format!("{} to {}", t.first_lsn, t.last_lsn),
        };
        let numbers = [t.table_id.to_string(), grouped(t.pages), grouped(t.versions), grouped(t.bytes)];
        let parts = [grouped(t.live_bytes), grouped(t.orphan_bytes), lsns];
        [escape(&t.title)].into_iter().chain(numbers).chain(parts).collect()
    });
    let columns = [
        name("Tree"),
        number("Table").goes(3),
        number("Pages").goes(2),
        number("Versions").goes(4),
        number("Bytes"),
        number("Live bytes").goes(1),
        number("Orphan bytes"),
        prose(if times { "Written" } else { "LSN" }).goes(5),
    ];
    out.push_str(&Table::new(columns, rows.collect::<Vec<_>>()).text(look.width.map(usize::from), look.paint));
    if hidden > 0 {
        out.push_str(&format!("and {} more; -v shows all\n", grouped(hidden as u64)));
    }
    let axis = match log.by {
        By::Page | By::Tree => "Each tree by page id",
        By::Lsn => "All trees by LSN, from old to new",
    };
    out.push_str(&format!("\n{}\n", look.paint.head(axis)));
    for tree in &trees {
        let name = shortened(&escape(&tree.title));
        out.push_str(&format!("{name:<NAME$} {:>8}  {}\n", tree.table_id, look.cells(&tree.bar)));
    }
    if log.by == By::Lsn {
        let (first, last) = log.lsns(&trees);
        let length = last.get().saturating_sub(first.get()).saturating_add(1);
        let cells = trees.iter().map(|t| t.bar.len()).max().unwrap_or(1).max(1) as u64;
        let mut all = Picture::new("", Axis::Lsn, first.get(), length, 1);
        all.marks = log.marks();
        if let Some(marks) = look.marks(all.marks(), length.div_ceil(cells), cells) {
            out.push_str(&format!("{:<NAME$} {:>8}  {marks}\n", "(checkpoints)", ""));
        }
        out.push_str(&look.marks_meant(&all));
    }
    out.push_str(&look.few(trees.iter().flat_map(|t| &t.bar)));
    let bytes = total(|t| t.bytes);
    let mut kinds: BTreeMap<KindId, ClassTotal> = sums.clone();
    for cell in trees.iter().flat_map(|t| &t.bar) {
        kinds.entry(cell.kind).or_default();
    }
    let rows = kinds.into_iter().map(|(kind, t)| match t.count {
        0 => (kind, vec!["-".to_string(); 3]),
        n => (kind, vec![grouped(n), grouped(t.bytes), share(t.bytes, bytes)]),
    });
    out.push('\n');
    out.push_str(&look.legend(&["Versions", "Bytes", "Share"], rows.collect()));
    let bad = |t: &&TreeMap| t.bar.iter().any(|c| c.kind.kind().important);
    if let Some(tree) = trees.iter().find(bad).or(trees.iter().max_by_key(|t| t.versions)) {
        let home = shell_word(&audit.store.home);
        let glob = |c: char| "*?[]{}!\\".contains(c);
        let name = match &tree.uri {
            Some(_) if !tree.title.contains(glob) => shell_word(&tree.title),
            _ => tree.table_id.to_string(),
        };
        out.push_str(&format!("\n{}\n  wtcheck map {home} --table {name}\n", look.paint.head("Next")));
    }
    out
}
