//! What lies where: an axis with runs of one kind each, as a picture for people and as numbers for
//! programs. The axis may be the bytes of a file, the page ids of a tree, or its LSNs.

use super::text::{Paint, escape, grouped, size, table};
use super::{Format, Output};
use crate::audit::result::{ClassTotal, SCHEMA_VERSION};
use crate::id::Lsn;
use crate::schema::Document;
use crate::schema::by_hand::{one_of, stands_as};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Lines of a picture on a terminal; more with `-v`, and more again.
const LINES: [u64; 3] = [24, 96, 384];
/// Important runs listed below a picture; all of them with `-vv`.
const LISTED: [usize; 3] = [20, 200, usize::MAX];
/// Columns where there is no terminal.
const COLUMNS: u16 = 80;

/// What the numbers of a picture count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Bytes of a file.
    Offset,
    /// Page ids of a tree.
    PageId,
    /// LSNs: from old to new.
    Lsn,
}

impl Axis {
    /// What one unit is called.
    #[must_use]
    pub fn noun(self, n: u64) -> &'static str {
        match (self, n) {
            (Self::Offset, 1) => "block",
            (Self::Offset, _) => "blocks",
            (Self::PageId, 1) => "page id",
            (Self::PageId, _) => "page ids",
            (Self::Lsn, 1) => "LSN",
            (Self::Lsn, _) => "LSNs",
        }
    }

    /// A range in words: exact start and end, and how much that is.
    #[must_use]
    pub fn range(self, start: u64, len: u64) -> String {
        let last = start.saturating_add(len.saturating_sub(1));
        match (self, len) {
            (Self::Offset, _) => format!("offset {start}, {}", size(len)),
            (Self::PageId, 0 | 1) => format!("page {start}"),
            (Self::PageId, _) => format!("pages {start} to {last}"),
            (Self::Lsn, 0 | 1) => format!("LSN {}", Lsn(start).dated()),
            (Self::Lsn, _) => format!("LSN {} to {}", Lsn(start).dated(), Lsn(last).dated()),
        }
    }
}

/// A kind of run: how it looks, and what it means.
#[derive(Debug)]
pub struct Kind {
    /// The stable word; of page versions, the class of the audit.
    pub name: &'static str,
    /// Its character.
    pub glyph: char,
    /// Its character where the locale has no UTF-8.
    pub ascii: char,
    /// Its colour on a terminal: parameters of an SGR sequence.
    pub sgr: &'static str,
    /// Its colour on white.
    pub light: &'static str,
    /// Its colour on black.
    pub dark: &'static str,
    /// Shown wherever it occurs, however little of it there is.
    pub important: bool,
    /// What it means, in a few words.
    pub meaning: &'static str,
}

macro_rules! kinds {
    ($($variant:ident $name:literal $glyph:literal $ascii:literal $sgr:literal $light:literal $dark:literal
       $important:literal, $meaning:literal;)+) => {
        /// The kinds. Of several in one place the earlier one stands for it, where nothing else decides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum KindId { $(#[doc = $meaning] $variant,)+ }

        impl KindId {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }

        /// The catalogue, in the order of [`KindId`].
        pub static KINDS: &[Kind] = &[$(Kind {
            name: $name,
            glyph: $glyph,
            ascii: $ascii,
            sgr: $sgr,
            light: $light,
            dark: $dark,
            important: $important,
            meaning: $meaning,
        },)+];
    };
}

// Colours after Okabe and Ito, who chose them so that everybody can tell them apart.
kinds! {
    Damaged "damaged" '✖' 'X' "1;37;41" "#b00020" "#ff5a6e" true, "cannot be read, or fails its checks";
    DoubleBooked "double-booked" '‡' '2' "1;35" "#a0327d" "#e58ac6" true, "claimed more than once";
    Lost "lost" '?' '?' "1;31" "#d55e00" "#ff8c42" true, "claimed by nothing: leaked";
    Missing "missing" '∅' 'M' "1;31" "#7a3b00" "#ffb380" true, "referenced, but not there";
    Orphan "orphan" '●' '@' "1;31" "#d55e00" "#ff8c42" true, "reached by no checkpoint, covered by no discard: leaked";
    Live "live" '█' '#' "32" "#009e73" "#1fc79a" false, "reached from the checkpoint";
    Kept "kept-for-older-checkpoint" '▄' '+' "36" "#56b4e9" "#3d94c7" false, "only older checkpoints need it";
    After "after-newest-checkpoint" '▸' '>' "34" "#0072b2" "#5aa9e0" false, "written after the checkpoint";
    KeyNotEmbedded "key-page-not-embedded" 'κ' 'K' "33" "#b8860b" "#e0b040" false, "key page newer than the checkpoint's";
    DuplicateDelta "duplicate-delta" 'Δ' '=' "33" "#e69f00" "#f0b838" false, "legal remains of a failed delta";
    Undetermined "undetermined" '¿' 'u' "33" "#cc79a7" "#d993ba" false, "could not be judged";
    Superseded "superseded" '▂' '~' "90" "#8c8c8c" "#8c8c8c" false, "a later full image stands for it";
    Discarded "discarded" '○' 'o' "90" "#b8b8b8" "#666666" false, "freed by a discard record";
    DiscardRecord "discard-record" '¬' 'd' "90" "#d0d0d0" "#505050" false, "says that a page was freed";
    Unjudged "not-judged" '∙' '-' "90" "#c4b7a6" "#6e6456" false, "no checkpoint to judge it by";
    Description "description" '◆' 'D' "35" "#5b2a86" "#b58ae0" false, "the file's description block";
    Internal "internal" '▓' 'I' "34" "#0072b2" "#5aa9e0" false, "internal pages";
    ExtentList "extent-list" '≡' 'E' "33" "#e69f00" "#f0b838" false, "lists of extents";
    Overflow "overflow" '▒' 'V' "36" "#56b4e9" "#3d94c7" false, "overflow items";
    Leaf "leaf" '■' 'L' "32" "#009e73" "#1fc79a" false, "leaf pages";
    Beyond "beyond-checkpoint" '»' 'B' "90" "#8c8c8c" "#8c8c8c" false, "behind the end the checkpoint knows";
    Available "available" '░' '_' "90" "#d9d9d9" "#4a4a4a" false, "free for new blocks";
    Absent "absent" '·' '.' "2" "#f2f2f2" "#242424" false, "nothing is here";
}

impl KindId {
    /// Looks and meaning.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        &KINDS[self as usize]
    }
}

impl Serialize for KindId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.kind().name)
    }
}

/// A stretch of the axis of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Run {
    /// Where it starts.
    pub start: u64,
    /// How long it is.
    pub len: u64,
    /// What it is.
    pub kind: KindId,
}

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
}

/// What there is of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
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
        Self { title, axis, start, length, unit, runs: Vec::new(), stored: None, notes: Vec::new() }
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

    /// What a share is a share of.
    #[must_use]
    pub fn whole(&self) -> u64 {
        let sum = |stored: &BTreeMap<KindId, ClassTotal>| stored.values().map(|t| t.bytes).sum();
        self.stored.as_ref().map_or(self.length, sum)
    }
}

/// Everything but the runs, for programs.
#[derive(Serialize, schemars::JsonSchema)]
struct Head<'a> {
    schema_version: u32,
    title: &'a str,
    axis: Axis,
    start: u64,
    length: u64,
    unit: u64,
    notes: &'a [String],
    totals: BTreeMap<&'static str, Total>,
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
        }
    }
}

/// A picture for programs.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Picture")]
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

stands_as! {
    Picture => Drawn<'static>;
}

one_of! {
    KindId, "MapKind" => KINDS.iter().map(|k| k.name).collect::<Vec<_>>();
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

/// An axis cut into cells, each of which shows one kind: an important one if it holds any, else the
/// one with most of it. Runs are taken in one by one, in order; only the cells are kept.
#[derive(Debug)]
pub struct Fold {
    start: u64,
    span: u64,
    cells: Vec<KindId>,
    at: usize,
    weights: Vec<u64>,
}

impl Fold {
    /// `count` cells of length `span`, from `start` on.
    #[must_use]
    pub fn new(start: u64, span: u64, count: usize) -> Self {
        let weights = vec![0; KINDS.len()];
        Self { start, span: span.max(1), cells: vec![KindId::Absent; count], at: 0, weights }
    }

    /// Take in a run.
    pub fn add(&mut self, run: Run) {
        let end = run.start.saturating_add(run.len);
        let (mut from, end) = (run.start.saturating_sub(self.start), end.saturating_sub(self.start));
        while from < end {
            let cell = usize::try_from(from / self.span).unwrap_or(usize::MAX);
            if cell >= self.cells.len() {
                break;
            }
            if cell != self.at {
                self.settle();
                self.at = cell;
            }
            // Whole cells in the middle of a run have nothing to weigh.
            let whole = usize::try_from((end - from) / self.span).unwrap_or(usize::MAX).min(self.cells.len() - cell);
            if from % self.span == 0 && whole > 1 {
                self.cells[cell..cell + whole - 1].fill(run.kind);
                self.at = cell + whole - 1;
                from = from.saturating_add(self.span.saturating_mul(whole as u64 - 1));
            }
            let next = (from / self.span).saturating_add(1).saturating_mul(self.span).min(end);
            let weight = &mut self.weights[run.kind as usize];
            *weight = weight.saturating_add(next - from);
            from = next;
        }
    }

    /// Decide what the current cell shows.
    fn settle(&mut self) {
        let held = |k: &KindId| self.weights[*k as usize] > 0;
        let of = KindId::ALL.iter().copied().filter(|k| held(k));
        let most = of.clone().max_by_key(|k| (self.weights[*k as usize], std::cmp::Reverse(*k)));
        let shown = of.clone().find(|k| k.kind().important).or(most);
        if let (Some(shown), Some(cell)) = (shown, self.cells.get_mut(self.at)) {
            *cell = shown;
        }
        self.weights.fill(0);
    }

    /// The cells.
    #[must_use]
    pub fn finish(mut self) -> Vec<KindId> {
        self.settle();
        self.cells
    }
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
    pub(super) fn fold(self, start: u64, runs: impl IntoIterator<Item = Run>) -> Vec<KindId> {
        let mut fold = Fold::new(start, self.span, usize::try_from(self.cells).unwrap_or(0));
        runs.into_iter().for_each(|run| fold.add(run));
        fold.finish()
    }
}

/// The next of 1, 2, 5, 10, 20 and so on.
pub fn round(least: u64) -> Option<u64> {
    let mut ten = 1_u64;
    loop {
        let fits = [1, 2, 5].into_iter().filter_map(|n| ten.checked_mul(n)).find(|n| *n >= least);
        if fits.is_some() {
            return fits;
        }
        ten = ten.checked_mul(10)?;
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
        if self.paint.on { format!("\x1b[{}m{text}\x1b[0m", kind.kind().sgr) } else { text.to_string() }
    }

    /// Cells as characters.
    pub fn cells(self, cells: &[KindId]) -> String {
        let same = cells.chunk_by(|a, b| a == b);
        same.map(|c| self.colour(c[0], &std::iter::repeat_n(self.glyph(c[0]), c.len()).collect::<String>())).collect()
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
                c if c.is_ascii() => out.push(c),
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
        let kinds: Vec<KindId> = rows.iter().map(|(kind, _)| *kind).collect();
        let rows = rows
            .into_iter()
            .map(|(kind, numbers)| {
                let mut row = vec![self.glyph(kind).to_string(), kind.kind().name.to_string()];
                row.extend(numbers);
                row.push(kind.kind().meaning.to_string());
                row
            })
            .collect();
        let mut out = table(self.width, &all, &right, rows);
        // The table counts characters, so colours come after it.
        for kind in kinds.into_iter().filter(|_| self.paint.on) {
            let glyph = self.glyph(kind).to_string();
            out = out.replacen(&format!("│ {glyph} ┆"), &format!("│ {} ┆", self.colour(kind, &glyph)), 1);
        }
        out
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
    for (line, cells) in (0_u64..).zip(cells.chunks(columns)) {
        let start = picture.start.saturating_add(line.saturating_mul(grid.columns).saturating_mul(grid.span));
        out.push_str(&format!("{start:>gutter$}  {}\n", look.cells(cells)));
    }
    out.push('\n');
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
