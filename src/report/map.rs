//! What lies where: an axis with runs of one kind each, as a picture for people and as numbers for
//! programs. The axis may be the bytes of a file, the page ids of a tree, or its LSNs.

pub use super::map_fold::{Cell, Fold, Shade, round};
pub use super::map_kinds::{Axis, KindId, Run};
#[cfg(feature = "devtools")]
pub use super::map_kinds::{KINDS, Kind};
use super::text::{Paint, count, escape, grouped, size, table};
use super::tone;
use super::{Format, Output};
use crate::audit::result::{ClassTotal, SCHEMA_VERSION};
use crate::id::Lsn;
use crate::schema::Document;
#[cfg(feature = "devtools")]
use crate::schema::by_hand::stands_as;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Lines of a picture on a terminal; more with `-v`, and more again.
const LINES: [u64; 3] = [24, 96, 384];
/// Important runs listed below a picture; all of them with `-vv`.
const LISTED: [usize; 3] = [20, 200, usize::MAX];
/// Columns where there is no terminal.
const COLUMNS: u16 = 80;

/// An axis and what lies on it.
#[derive(Debug, Clone)]
pub struct Picture {
    /// What is shown.
    pub title: String,
    /// What the numbers count.
    pub axis: Axis,
    /// Where the axis starts.
    pub start: u64,
    /// How long it is.
    pub length: u64,
    /// The smallest step: the allocation size of a file, else 1.
    pub unit: u64,
    /// Ascending and disjoint; what lies between them is absent. [`Picture::push`] keeps them merged.
    pub runs: Vec<Run>,
    /// Page versions and their bytes by kind, where the axis does not count bytes.
    pub stored: Option<BTreeMap<KindId, ClassTotal>>,
    /// Lines below the title.
    pub notes: Vec<String>,
    /// Checkpoints, ascending; where the axis is of LSNs.
    pub marks: Vec<Mark>,
}

/// A checkpoint on an axis of LSNs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Mark {
    /// The LSN of its completion record.
    pub lsn: Lsn,
    /// It is the one that the audit stands on.
    pub audited: bool,
}

/// What there is of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Total {
    /// Runs.
    pub runs: u64,
    /// Units of the axis: blocks, page ids, LSNs.
    pub units: u64,
    /// Page versions, of page logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<u64>,
    /// Bytes; unknown for what stores none.
    pub bytes: Option<u64>,
}

impl Picture {
    /// A picture of an axis on which nothing lies yet.
    #[must_use]
    pub fn new(title: impl Into<String>, axis: Axis, start: u64, length: u64, unit: u64) -> Self {
        let (title, unit) = (title.into(), unit.max(1));
        Self { title, axis, start, length, unit, runs: Vec::new(), stored: None, notes: Vec::new(), marks: Vec::new() }
    }

    /// Add a run behind the others. One that continues the last becomes part of it.
    pub fn push(&mut self, run: Run) {
        match self.runs.last_mut() {
            _ if run.len == 0 => {}
            Some(last) if last.kind == run.kind && last.start.saturating_add(last.len) == run.start => {
                last.len = last.len.saturating_add(run.len);
            }
            _ => self.runs.push(run),
        }
    }

    /// What there is of each kind that occurs, gaps included.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<KindId, Total> {
        let mut lengths: BTreeMap<KindId, (u64, u64)> = BTreeMap::new();
        let mut count = |kind, len: u64| {
            let sum = lengths.entry(kind).or_default();
            *sum = (sum.0 + 1, sum.1.saturating_add(len));
        };
        let mut at = self.start;
        for run in &self.runs {
            if run.start > at {
                count(KindId::Absent, run.start - at);
            }
            count(run.kind, run.len);
            at = at.max(run.start.saturating_add(run.len));
        }
        let end = self.start.saturating_add(self.length);
        if end > at {
            count(KindId::Absent, end - at);
        }
        let mut out: BTreeMap<KindId, Total> = lengths
            .into_iter()
            .map(|(kind, (runs, len))| {
                let bytes = (self.axis == Axis::Offset).then_some(len);
                (kind, Total { runs, units: len.div_ceil(self.unit), versions: None, bytes })
            })
            .collect();
        for (kind, stored) in self.stored.iter().flatten().filter(|(_, s)| s.count > 0) {
            let total = out.entry(*kind).or_default();
            (total.versions, total.bytes) = (Some(stored.count), Some(stored.bytes));
        }
        out
    }

    /// The runs that must be seen.
    pub fn important(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|r| r.kind.kind().important)
    }

    /// The marks on the axis, by their distance from its start.
    pub fn marks(&self) -> impl Iterator<Item = (u64, Mark)> {
        let on = |m: &Mark| Some((m.lsn.get().checked_sub(self.start).filter(|d| *d < self.length)?, *m));
        self.marks.iter().filter_map(on)
    }

    /// What a share is a share of.
    #[must_use]
    pub fn whole(&self) -> u64 {
        let sum = |stored: &BTreeMap<KindId, ClassTotal>| stored.values().map(|t| t.bytes).sum();
        self.stored.as_ref().map_or(self.length, sum)
    }
}

/// Everything but the runs, for programs.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
struct Head<'a> {
    schema_version: u32,
    title: &'a str,
    axis: Axis,
    start: u64,
    length: u64,
    unit: u64,
    notes: &'a [String],
    totals: BTreeMap<&'static str, Total>,
    #[serde(skip_serializing_if = "<[Mark]>::is_empty")]
    marks: &'a [Mark],
}

impl<'a> Head<'a> {
    fn of(p: &'a Picture) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            title: &p.title,
            axis: p.axis,
            start: p.start,
            length: p.length,
            unit: p.unit,
            notes: &p.notes,
            totals: p.totals().into_iter().map(|(k, t)| (k.kind().name, t)).collect(),
            marks: &p.marks,
        }
    }
}

/// A picture for programs.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "Picture"))]
pub(crate) struct Drawn<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    runs: &'a [Run],
}

impl Serialize for Picture {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Drawn { head: Head::of(self), runs: &self.runs }.serialize(s)
    }
}

#[cfg(feature = "devtools")]
stands_as! {
    Picture => Drawn<'static>;
}

impl Document for Picture {
    const NAME: &'static str = "picture";
    const COMMAND: &'static str = "wtcheck map, of one file or tree";
}

/// One line of JSON with its kind, as the audit's lines.
pub(super) fn json_line(record: &str, data: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Line<'a, T: Serialize> {
        schema_version: u32,
        record: &'a str,
        data: &'a T,
    }
    let line = Line { schema_version: SCHEMA_VERSION, record, data };
    serde_json::to_string(&line).map(|s| s + "\n").unwrap_or_default()
}

/// The last of the JSON lines: a document without what has lines of its own.
pub(super) fn json_summary(document: &impl Serialize, listed: &[&str]) -> String {
    let Ok(serde_json::Value::Object(mut summary)) = serde_json::to_value(document) else { return String::new() };
    listed.iter().chain(&["schema_version"]).for_each(|key| drop(summary.remove(*key)));
    json_line("summary", &summary)
}

/// A picture as JSON lines: the head, then each run.
pub fn json_lines(picture: &Picture) -> String {
    let mut out = json_line("picture", &Head::of(picture));
    out.extend(picture.runs.iter().map(|run| json_line("run", run)));
    out
}

/// How an axis is cut into cells and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Length of one cell.
    pub span: u64,
    /// Cells of a line.
    pub columns: u64,
    /// Cells of all lines.
    pub cells: u64,
}

impl Grid {
    /// At most so many columns and lines; a cell is a round number of units.
    pub fn new(picture: &Picture, columns: u64, lines: u64) -> Self {
        let step = if picture.axis == Axis::Offset { 8 } else { 10 };
        let columns = (columns / step * step).max(step);
        let units = picture.length.div_ceil(picture.unit.max(1)).max(1);
        let least = units.div_ceil(columns.saturating_mul(lines.max(1)));
        let round = if picture.axis == Axis::Offset { least.checked_next_power_of_two() } else { round(least) };
        let span = round.unwrap_or(least).saturating_mul(picture.unit.max(1));
        Self { span, columns, cells: picture.length.div_ceil(span).max(1) }
    }

    /// The runs folded into the cells.
    pub(super) fn fold(self, start: u64, runs: impl IntoIterator<Item = Run>) -> Vec<Cell> {
        let mut fold = Fold::new(start, self.span, usize::try_from(self.cells).unwrap_or(0));
        runs.into_iter().for_each(|run| fold.add(run));
        fold.finish()
    }
}

/// Characters of a name beside its bar.
pub const NAME: usize = 24;

/// A name that fits beside a bar: the middle gives way.
pub fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    match letters.len() {
        n if n <= NAME => name.to_string(),
        n => letters[..NAME / 2 - 1].iter().chain(&['.', '.']).chain(&letters[n - (NAME / 2 - 1)..]).collect(),
    }
}

/// A share in percent.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    match (u128::from(part) * 1000).checked_div(u128::from(whole)) {
        None => "-".to_string(),
        Some(0) if part > 0 => "< 0.1 %".to_string(),
        Some(n) => format!("{}.{} %", n / 10, n % 10),
    }
}

/// How a picture is shown on a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours.
    pub paint: Paint,
    /// Columns of the terminal, if it is one.
    pub width: Option<u16>,
    /// How much detail.
    pub verbose: u8,
    /// Characters of ASCII only.
    pub ascii: bool,
}

impl Look {
    /// As the output wants it and the locale can.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        Self {
            paint: output.paint,
            width: output.width,
            verbose: output.verbose,
            ascii: locale.is_some_and(|l| !is_utf8(&l)),
        }
    }

    fn glyph(self, kind: KindId) -> char {
        if self.ascii { kind.kind().ascii } else { kind.kind().glyph }
    }

    /// Columns to fill.
    pub(super) fn columns(self) -> usize {
        usize::from(self.width.unwrap_or(COLUMNS))
    }

    pub(super) fn colour(self, kind: KindId, text: &str) -> String {
        self.sgr(kind.kind().sgr, text)
    }

    fn sgr(self, code: &str, text: &str) -> String {
        self.paint.sgr(code, text)
    }

    /// Cells as characters.
    pub fn cells(self, cells: &[Cell]) -> String {
        let same = cells.chunk_by(|a, b| a.kind == b.kind && a.shade() == b.shade());
        same.map(|c| {
            let text: String = std::iter::repeat_n(self.cell_glyph(c[0]), c.len()).collect();
            match c[0].shade() {
                Shade::Most | Shade::Part => self.colour(c[0].kind, &text),
                // The same colour, less bright.
                Shade::Trace => self.sgr(c[0].kind.kind().sgr.trim_start_matches("1;"), &text),
            }
        })
        .collect()
    }

    fn cell_glyph(self, cell: Cell) -> char {
        match cell.kind.few().filter(|_| cell.shade() < Shade::Most) {
            Some((_, ascii)) if self.ascii => ascii,
            Some((glyph, _)) => glyph,
            None => self.glyph(cell.kind),
        }
    }

    /// What the characters for a small share mean, where cells have any.
    pub(super) fn few<'c>(self, cells: impl IntoIterator<Item = &'c Cell>) -> String {
        let few: BTreeSet<KindId> = cells.into_iter().filter(|c| c.shade() < Shade::Most).map(|c| c.kind).collect();
        let line = |kind: KindId| {
            let glyph = self.cell_glyph(Cell { kind, share: 0 }).to_string();
            let name = kind.kind().name;
            format!("{} {name}, less than half of what the character stands for\n", self.colour(kind, &glyph))
        };
        few.into_iter().map(line).collect()
    }

    /// The marks below a line of cells; nothing if there is none.
    pub(super) fn marks(self, marks: impl Iterator<Item = (u64, Mark)>, span: u64, columns: u64) -> Option<String> {
        let mut line: Vec<char> = Vec::new();
        for (distance, mark) in marks {
            let Ok(at) = usize::try_from((distance / span.max(1)).min(columns)) else { continue };
            if line.len() <= at {
                line.resize(at + 1, ' ');
            }
            // Of several in one place the one that is stood on is shown.
            if mark.audited || line[at] == ' ' {
                line[at] = self.mark(mark.audited);
            }
        }
        (!line.is_empty()).then(|| line.into_iter().collect())
    }

    fn mark(self, audited: bool) -> char {
        match (self.ascii, audited) {
            (false, true) => '▲',
            (false, false) => '△',
            (true, true) => '^',
            (true, false) => '\'',
        }
    }

    /// What marks mean, and those that are not to be seen.
    pub(super) fn marks_meant(self, picture: &Picture) -> String {
        if picture.marks.is_empty() {
            return String::new();
        }
        let mut out = Vec::new();
        if picture.marks().any(|(_, m)| m.audited) {
            out.push(format!("{} the checkpoint that this stands on", self.mark(true)));
        }
        if picture.marks().any(|(_, m)| !m.audited) {
            out.push(format!("{} another one", self.mark(false)));
        }
        let end = picture.start.saturating_add(picture.length);
        let before = picture.marks.iter().filter(|m| m.lsn.get() < picture.start).count();
        let after = picture.marks.iter().filter(|m| m.lsn.get() >= end).count();
        for (n, place) in [(before, "before the first"), (after, "after the last")] {
            if n > 0 {
                out.push(format!("{} {place} LSN here", count(n as u64, "checkpoint")));
            }
        }
        format!("{}\n", out.join("; "))
    }

    /// Text in the characters that can be shown.
    pub(super) fn plain(self, text: String) -> String {
        if !self.ascii {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '─' | '═' | '╌' => out.push('-'),
                '│' | '┆' => out.push('|'),
                '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╞' | '╡' | '╪' => {
                    out.push('+')
                }
                c if c.is_ascii() || tone::is_mark(c) => out.push(c),
                c => out.extend(c.escape_unicode()),
            }
        }
        out
    }

    /// A legend: kinds with their glyphs, then numbers as strings under `header`, then the meaning.
    pub(super) fn legend(self, header: &[&str], rows: Vec<(KindId, Vec<String>)>) -> String {
        let mut all = vec!["", "Kind"];
        all.extend(header);
        all.push("Meaning");
        let right: Vec<usize> = (2..all.len() - 1).collect();
        let rows = rows
            .into_iter()
            .map(|(kind, numbers)| {
                let mut row = vec![self.colour(kind, &self.glyph(kind).to_string()), kind.kind().name.to_string()];
                row.extend(numbers);
                row.push(kind.kind().meaning.to_string());
                row
            })
            .collect();
        table(self.width, &all, &right, rows)
    }
}

pub fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn show(picture: &Picture, output: &mut Output) {
    if output.format == Format::Jsonl {
        return output.raw(json_lines(picture).as_bytes());
    }
    let look = Look::of(output);
    output.document(picture, || text(picture, look));
}

/// A picture as text: the cells, the legend, and each run that must be seen.
#[must_use]
pub fn text(picture: &Picture, look: Look) -> String {
    let detail = usize::from(look.verbose).min(LINES.len() - 1);
    let end = picture.start.saturating_add(picture.length);
    let gutter = end.to_string().len();
    let columns = look.columns().saturating_sub(gutter + 2);
    let grid = Grid::new(picture, columns as u64, LINES[detail]);
    let mut out = format!("{}\n", look.paint.head(&escape(&picture.title)));
    for note in &picture.notes {
        out.push_str(&format!("{}\n", escape(note)));
    }
    let per = grid.span / picture.unit.max(1);
    let cell = match picture.axis {
        Axis::Offset => format!("{}, {}", size(grid.span), counted(picture.axis, per)),
        _ => counted(picture.axis, per),
    };
    out.push_str(&format!("{}\n\n", look.paint.faint(&format!("one character is {cell}"))));
    let cells = grid.fold(picture.start, picture.runs.iter().copied());
    let columns = usize::try_from(grid.columns).unwrap_or(usize::MAX);
    let per_line = grid.columns.saturating_mul(grid.span).max(1);
    for (line, cells) in (0_u64..).zip(cells.chunks(columns)) {
        let from = line.saturating_mul(per_line);
        out.push_str(&format!("{:>gutter$}  {}\n", picture.start.saturating_add(from), look.cells(cells)));
        let here = picture.marks().filter(|(d, _)| *d >= from && *d - from < per_line).map(|(d, m)| (d - from, m));
        if let Some(marks) = look.marks(here, grid.span, grid.columns) {
            out.push_str(&format!("{:gutter$}  {marks}\n", ""));
        }
    }
    out.push('\n');
    let meant = look.marks_meant(picture) + &look.few(&cells);
    if !meant.is_empty() {
        out.push_str(&format!("{meant}\n"));
    }
    out.push_str(&legend(picture, look));
    out.push_str(&listed(picture, look, LISTED[detail]));
    look.plain(out)
}

fn counted(axis: Axis, n: u64) -> String {
    format!("{} {}", grouped(n), axis.noun(n))
}

pub fn legend(picture: &Picture, look: Look) -> String {
    let whole = picture.whole();
    let number = |n: Option<u64>| n.map_or("-".to_string(), grouped);
    let rows = picture.totals().into_iter().map(|(kind, t)| {
        let mut row = vec![grouped(t.runs), grouped(t.units)];
        if picture.stored.is_some() {
            row.push(number(t.versions));
        }
        row.extend([number(t.bytes), t.bytes.map_or("-".to_string(), |b| share(b, whole))]);
        (kind, row)
    });
    let (blocks, pages, lsns) =
        (["Runs", "Blocks", "Bytes", "Share"], ["Runs", "Page ids", "Versions", "Bytes", "Share"], "LSNs");
    let mut header = if picture.stored.is_some() { pages.to_vec() } else { blocks.to_vec() };
    match picture.axis {
        Axis::Offset => {}
        Axis::PageId => header[1] = pages[1],
        Axis::Lsn => header[1] = lsns,
    }
    look.legend(&header, rows.collect())
}

/// The runs that must be seen, one a line.
pub fn listed(picture: &Picture, look: Look, most: usize) -> String {
    let all = picture.important().count();
    if all == 0 {
        return String::new();
    }
    let mut out = format!("\n{}\n", look.paint.head("To look into"));
    for run in picture.important().take(most) {
        let name = look.colour(run.kind, run.kind.kind().name);
        let blocks = match picture.axis {
            Axis::Offset => format!(" ({})", counted(picture.axis, run.len.div_ceil(picture.unit.max(1)))),
            _ => String::new(),
        };
        out.push_str(&format!("  {name}: {}{blocks}\n", picture.axis.range(run.start, run.len)));
    }
    if all > most {
        out.push_str(&format!("and {} more; -vv or --format json lists all\n", grouped((all - most) as u64)));
    }
    out
}
