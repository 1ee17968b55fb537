//! A picture as SVG: one file that any browser shows, without scripts, fonts or links.

use super::map::{Cell, Grid, KindId, Mark, Picture, Run, Total, share};
use super::text::{fold, grouped};
pub use super::xml::xml;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most rectangles of runs drawn with their exact bounds; beyond them runs are folded into cells.
pub(super) const EXACT: usize = 10_000;
/// Cells of a folded picture: each is at most one rectangle of the ground and one marker.
const CELLS: (u64, u64) = (192, 48);
/// Columns up to which a picture has few, wide cells.
const WIDE: (u64, u64) = (64, 16);
/// Important runs listed in the text below.
pub(super) const LISTED: usize = 20;

pub(super) const WIDTH: f64 = 1120.0;
pub(super) const MARGIN: f64 = 20.0;
pub(super) const ROW: f64 = 16.0;
pub(super) const PITCH: f64 = 20.0;
pub(super) const LINE: f64 = 18.0;
/// Width of a letter, about.
pub(super) const LETTER: f64 = 7.3;
/// What a picture shows that cannot show every run.
pub(super) const FOLDED: &str =
    "too many runs to draw each: a place shows what must be seen there, else what most of it is; the paler, the less";
/// Closest that two marks come.
const WEDGE: f64 = 7.0;
/// Narrowest rectangle of an important kind, and of any other.
const NARROWEST: (f64, f64) = (4.0, 0.6);

/// Begin a picture of this height: its head, its ground, its title and the lines below; and where those end.
pub(super) fn begin(title: &str, notes: &[String], height: f64, kinds: &[KindId]) -> (String, f64) {
    let title = xml(title);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n"
    );
    out.push_str(&style(kinds.iter().copied()));
    let _ = writeln!(out, "<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>");
    let mut line = MARGIN + 14.0;
    let _ = writeln!(out, "<text class=\"title\" x=\"{MARGIN}\" y=\"{line}\">{title}</text>");
    for note in notes {
        line += LINE;
        let _ = writeln!(out, "<text class=\"faint\" x=\"{MARGIN}\" y=\"{line}\">{}</text>", xml(note));
    }
    (out, line)
}

/// Lines of a note that is too long for one.
pub(super) fn folded(text: &str) -> Vec<String> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let columns = ((WIDTH - 2.0 * MARGIN) / LETTER) as usize;
    fold(text, columns, "").lines().map(String::from).collect()
}

/// Draw a picture.
pub fn render(picture: &Picture) -> String {
    let totals = picture.totals();
    let small = Grid::new(picture, WIDE.0, WIDE.1);
    let is_small = picture.length.div_ceil(picture.unit.max(1)) <= WIDE.0 * WIDE.1;
    let grid = if is_small { small } else { Grid::new(picture, CELLS.0, CELLS.1) };
    let mut notes: Vec<String> = picture.notes.iter().flat_map(|n| folded(n)).collect();
    notes.extend(marks_meant(picture));
    let mut plane = Plane::new(picture, grid);
    notes.extend(plane.is_folded().then(|| FOLDED.to_string()));
    #[allow(clippy::cast_precision_loss)]
    let below = LINE * notes.len() as f64;
    plane.top += below;
    let rows = grid.cells.div_ceil(grid.columns);
    #[allow(clippy::cast_precision_loss)]
    let legend_top = plane.top + rows as f64 * PITCH + LINE;
    let listed = picture.important().count().min(LISTED + 1);
    #[allow(clippy::cast_precision_loss)]
    let height = legend_top + (totals.len() + listed + 4) as f64 * LINE + MARGIN;
    let kinds: Vec<KindId> = totals.keys().copied().collect();
    let (mut out, _) = begin(&picture.title, &notes, height, &kinds);
    for row in 0..rows {
        let start = picture.start.saturating_add(row.saturating_mul(plane.per_row));
        let (y, width) = (plane.y(row), plane.x(plane.length_of(row)) - plane.left);
        let _ = writeln!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{start}</text>\
             <rect class=\"absent\" x=\"{:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{ROW}\"/>",
            plane.left - 8.0,
            y + ROW - 4.0,
            plane.left
        );
    }
    plane.draw(&mut out);
    let end = legend(&Sums::of(picture, &totals), legend_top, &mut out);
    listing(picture.important().count(), picture.important().map(|r| words_of(picture, r)), end, &mut out);
    out.push_str("</svg>\n");
    out
}

/// A run that must be seen, in words.
pub(super) fn words_of(picture: &Picture, run: &Run) -> String {
    format!("{}: {}", run.kind.kind().name, picture.axis.range(run.start, run.len))
}

/// What the marks mean.
pub(super) fn marks_meant(picture: &Picture) -> Option<String> {
    let (all, seen) = (picture.marks.len() as u64, picture.marks().count() as u64);
    let audited = picture.marks().find(|(_, m)| m.audited);
    let stood = audited.map_or(String::new(), |(_, m)| format!("; the thick one is at LSN {}", m.lsn.dated()));
    let hidden = match all - seen {
        0 => String::new(),
        n => format!("; {} before or after the LSNs here", grouped(n)),
    };
    (all > 0).then(|| format!("lines with a wedge are checkpoints: {} here{stood}{hidden}", grouped(seen)))
}

/// Colours for both backgrounds, and a pattern for each important kind.
fn style(kinds: impl Iterator<Item = KindId> + Clone) -> String {
    let kinds = || kinds.clone().map(KindId::kind);
    let mut out = String::from(
        "<style>\n\
         .ground{fill:#ffffff} .absent{fill:#f2f2f2} text{fill:#1b1b1b;font:12px ui-monospace,monospace}\n\
         .title{font-size:15px;font-weight:bold} .faint{fill:#666666} .label{fill:#666666;text-anchor:end}\n\
         .number{text-anchor:end} .edge{stroke:#1b1b1b;stroke-width:1}\n\
         .mark{stroke:#1b1b1b;stroke-width:1;stroke-opacity:.6} .audited{stroke-width:2;stroke-opacity:1} \
         .wedge{fill:#ffffff} .audited .wedge{fill:#1b1b1b}\n",
    );
    for k in kinds() {
        let _ = writeln!(out, ".{}{{fill:{}}}", k.name, k.light);
    }
    out.push_str(
        "@media (prefers-color-scheme:dark){\n\
         .ground{fill:#121212} .absent{fill:#242424} text{fill:#e8e8e8} .faint,.label{fill:#a0a0a0} \
         .edge{stroke:#ffffff} .mark{stroke:#e8e8e8} .wedge{fill:#121212} .audited .wedge{fill:#e8e8e8}\n",
    );
    for k in kinds() {
        let _ = writeln!(out, ".{}{{fill:{}}}", k.name, k.dark);
    }
    out.push_str("}\n");
    for k in kinds().filter(|k| k.important) {
        let _ = writeln!(out, ".{0}-marked{{fill:url(#{0}-pattern)}}", k.name);
    }
    out.push_str("</style>\n<defs>\n");
    // Stripes at an angle of their own tell important kinds apart without colour.
    for (angle, k) in [45, 135, 0, 90, 20].into_iter().cycle().zip(kinds().filter(|k| k.important)) {
        let _ = writeln!(
            out,
            "<pattern id=\"{0}-pattern\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate({angle})\"><rect class=\"{0}\" width=\"5\" height=\"5\"/>\
             <rect class=\"ground\" width=\"1.2\" height=\"5\"/></pattern>",
            k.name
        );
    }
    out.push_str("</defs>\n");
    out
}

/// Where the axis lies on the paper.
pub(super) struct Plane<'a> {
    pub picture: &'a Picture,
    pub grid: Grid,
    /// Length of the axis in one row.
    pub per_row: u64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    /// Most rectangles with exact bounds.
    pub exact: usize,
    /// How far the lines of marks reach down.
    pub tall: f64,
}

impl<'a> Plane<'a> {
    fn new(picture: &'a Picture, grid: Grid) -> Self {
        let end = picture.start.saturating_add(picture.length).to_string();
        #[allow(clippy::cast_precision_loss)]
        let (left, top) = (MARGIN + end.len() as f64 * 7.3 + 8.0, MARGIN + 14.0 + LINE * 0.8);
        let per_row = grid.span.saturating_mul(grid.columns).max(1);
        Self { picture, grid, per_row, left, right: WIDTH - MARGIN, top, exact: EXACT, tall: ROW }
    }

    #[allow(clippy::cast_precision_loss)]
    fn y(&self, row: u64) -> f64 {
        self.top + row as f64 * PITCH
    }

    /// The place of a distance from the start of a row.
    #[allow(clippy::cast_precision_loss)]
    fn x(&self, distance: u64) -> f64 {
        self.left + distance as f64 / self.per_row as f64 * (self.right - self.left)
    }

    /// How much of the axis a row holds: the last one may be short.
    fn length_of(&self, row: u64) -> u64 {
        self.picture.length.saturating_sub(row.saturating_mul(self.per_row)).min(self.per_row)
    }

    /// First and last row of a run, if any of it lies on the axis.
    fn rows(&self, run: Run) -> Option<(u64, u64)> {
        let from = run.start.checked_sub(self.picture.start).filter(|f| *f < self.picture.length && run.len > 0)?;
        let last = from.saturating_add(run.len - 1).min(self.picture.length - 1);
        Some((from / self.per_row, last / self.per_row))
    }

    fn rectangles<'r>(&self, runs: impl IntoIterator<Item = &'r Run>) -> usize {
        let of = |r: &Run| self.rows(*r).map_or(0, |(a, b)| usize::try_from(b - a + 1).unwrap_or(usize::MAX));
        runs.into_iter().fold(0, |sum, run| sum.saturating_add(of(run)))
    }

    /// Not every run is drawn for itself.
    pub fn is_folded(&self) -> bool {
        self.rectangles(&self.picture.runs) > self.exact
    }

    /// All runs, the important ones on top.
    pub fn draw(&self, out: &mut String) {
        let runs = &self.picture.runs;
        let important = |r: &&Run| r.kind.kind().important;
        if self.rectangles(runs) <= self.exact {
            runs.iter().filter(|r| !important(r)).for_each(|r| self.run(*r, Cell::WHOLE, &self.words(*r), out));
        } else {
            self.ground(out);
        }
        if self.rectangles(self.picture.important()) <= self.exact {
            runs.iter().filter(important).for_each(|r| self.run(*r, Cell::WHOLE, &self.words(*r), out));
        } else {
            self.markers(out);
        }
        self.marks(out);
    }

    fn words(&self, run: Run) -> String {
        let units = run.len.div_ceil(self.picture.unit.max(1));
        let axis = self.picture.axis;
        format!("{}: {}; {} {}", run.kind.kind().name, axis.range(run.start, run.len), grouped(units), axis.noun(units))
    }

    /// A run, one rectangle a row; the paler, the less of it is that.
    fn run(&self, run: Run, share: u16, words: &str, out: &mut String) {
        let Some((first, last)) = self.rows(run) else { return };
        let kind = run.kind.kind();
        let from = run.start - self.picture.start;
        let end = from.saturating_add(run.len).min(self.picture.length);
        let (class, narrowest) = match kind.important {
            true => (format!("{}-marked edge", kind.name), NARROWEST.0),
            false => (kind.name.to_string(), NARROWEST.1),
        };
        let words = xml(words);
        let paleness = paleness(share);
        for row in first..=last {
            let start = row.saturating_mul(self.per_row);
            let (a, b) = (from.max(start) - start, (end - start).min(self.per_row));
            let width = (self.x(b) - self.x(a)).max(narrowest);
            let x = self.x(a).min(self.right - width);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"{ROW}\"{paleness}>\
                 <title>{words}</title></rect>",
                self.y(row)
            );
        }
    }

    /// Checkpoints: a line across the row and a wedge below it; of many in one place one.
    pub fn marks(&self, out: &mut String) {
        let mut places: BTreeMap<(u64, u64), (f64, Mark, u64)> = BTreeMap::new();
        for (distance, mark) in self.picture.marks() {
            let row = distance / self.per_row;
            let x = self.x(distance - row * self.per_row);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let place = places.entry((row, (x / WEDGE) as u64)).or_insert((x, mark, 0));
            place.2 += 1;
            if mark.audited {
                (place.0, place.1) = (x, mark);
            }
        }
        for ((row, _), (x, mark, count)) in places {
            let (y, class) = (self.y(row), if mark.audited { "mark audited" } else { "mark" });
            let bottom = y + self.tall;
            let more = if count > 1 { format!(" and {} more", grouped(count - 1)) } else { String::new() };
            let words = format!("checkpoint at LSN {}{more}", mark.lsn.dated());
            let _ = writeln!(
                out,
                "<g class=\"{class}\"><title>{}</title><path d=\"M{x:.1} {y:.1}V{bottom:.1}\"/>\
                 <path class=\"wedge\" d=\"M{x:.1} {bottom:.1}l3.5 4h-7z\"/></g>",
                xml(&words)
            );
        }
    }

    /// Too many runs: what most of each cell is, without the important kinds. Equal neighbours are one.
    fn ground(&self, out: &mut String) {
        let p = self.picture;
        let cells = self.grid.fold(p.start, p.runs.iter().filter(|r| !r.kind.kind().important).copied());
        let columns = usize::try_from(self.grid.columns).unwrap_or(usize::MAX);
        let mut start = p.start;
        for row in cells.chunks(columns) {
            for same in row.chunk_by(|a, b| a.kind == b.kind && a.share / 100 == b.share / 100) {
                let len = self.grid.span.saturating_mul(same.len() as u64);
                let len = len.min(p.start.saturating_add(p.length).saturating_sub(start));
                let Cell { kind, share } = same[0];
                if kind != KindId::Absent {
                    let run = Run { start, len, kind };
                    self.run(run, share, &format!("mostly {}", self.words(run)), out);
                }
                start = start.saturating_add(len);
            }
        }
    }

    /// Too many important runs: one marker a cell, with what it stands for.
    fn markers(&self, out: &mut String) {
        let p = self.picture;
        let mut cells: BTreeMap<u64, (KindId, u64, Run, u64)> = BTreeMap::new();
        for run in p.important() {
            let Some(from) = run.start.checked_sub(p.start).filter(|f| *f < p.length && run.len > 0) else { continue };
            let end = from.saturating_add(run.len).min(p.length);
            for cell in from / self.grid.span..=(end - 1) / self.grid.span {
                let begins = cell.saturating_mul(self.grid.span);
                let held = end.min(begins.saturating_add(self.grid.span)) - from.max(begins);
                let entry = cells.entry(cell).or_insert((run.kind, 0, *run, 0));
                *entry = (entry.0.min(run.kind), entry.1 + 1, entry.2, entry.3.saturating_add(held));
            }
        }
        // Neighbours that look alike are one, or their edges would be all that is seen.
        let mut groups: Vec<Group> = Vec::new();
        for (cell, (kind, count, first, held)) in cells {
            let start = p.start.saturating_add(cell.saturating_mul(self.grid.span));
            let len = self.grid.span.min(p.length.saturating_sub(start - p.start));
            let next = Group { start, len, kind, count, first, held };
            match groups.last_mut() {
                Some(last) if last.takes(&next) => {
                    last.len = last.len.saturating_add(len);
                    last.count += count;
                    last.held = last.held.saturating_add(held);
                }
                _ => groups.push(next),
            }
        }
        for group in groups {
            let Group { start, len, kind, count, first, .. } = group;
            let words = match count {
                1 => self.words(first),
                n => format!("{} runs to look into, the first is {}", grouped(n), self.words(first)),
            };
            let words = format!("{words}; {} % of this", f64::from(group.share()) / 10.0);
            self.run(Run { start, len, kind }, group.share(), &words, out);
        }
    }
}

/// Cells side by side in which there is about as much to look into.
struct Group {
    start: u64,
    len: u64,
    kind: KindId,
    count: u64,
    first: Run,
    held: u64,
}

impl Group {
    fn share(&self) -> u16 {
        let share = u128::from(self.held) * u128::from(Cell::WHOLE) / u128::from(self.len.max(1));
        u16::try_from(share).unwrap_or(Cell::WHOLE)
    }

    fn takes(&self, next: &Self) -> bool {
        let same = self.kind == next.kind && paleness(self.share()) == paleness(next.share());
        same && self.start.saturating_add(self.len) == next.start
    }
}

/// The paler, the less of a cell it is; what must be seen is never pale enough to be missed.
fn paleness(share: u16) -> &'static str {
    match share {
        0..100 => " fill-opacity=\"0.45\"",
        100..500 => " fill-opacity=\"0.6\"",
        500..900 => " fill-opacity=\"0.8\"",
        _ => "",
    }
}

/// What a legend says, of one picture or of many.
pub(super) struct Sums {
    pub totals: BTreeMap<KindId, Total>,
    /// What a share is a share of.
    pub whole: u64,
    /// What the units are called.
    pub noun: &'static str,
    pub versions: bool,
}

impl Sums {
    fn of(picture: &Picture, totals: &BTreeMap<KindId, Total>) -> Self {
        let (whole, noun) = (picture.whole(), picture.axis.noun(2));
        Self { totals: totals.clone(), whole, noun, versions: picture.stored.is_some() }
    }
}

/// The kinds and how much there is of each; where that ends.
pub(super) fn legend(sums: &Sums, top: f64, out: &mut String) -> f64 {
    // Right edges of the numbers.
    let mut columns = vec![("runs", 290.0), (sums.noun, 380.0)];
    if sums.versions {
        columns.push(("versions", 470.0));
    }
    columns.extend([("bytes", 600.0), ("share", 670.0)]);
    let row = |y: f64, cells: &[String], out: &mut String| {
        for (text, (_, x)) in cells.iter().zip(&columns) {
            let _ = write!(out, "<text class=\"number\" x=\"{x}\" y=\"{y:.1}\">{}</text>", xml(text));
        }
    };
    let heads: Vec<String> = columns.iter().map(|(name, _)| (*name).to_string()).collect();
    let mut y = top + 12.0;
    row(y, &heads, out);
    for (kind, t) in &sums.totals {
        y += LINE;
        let k = kind.kind();
        let class = if k.important { format!("{}-marked edge", k.name) } else { k.name.to_string() };
        let _ = write!(
            out,
            "\n<rect class=\"{class}\" x=\"{MARGIN}\" y=\"{:.1}\" width=\"14\" height=\"14\"/>\
             <text x=\"{:.1}\" y=\"{y:.1}\">{}</text><text class=\"faint\" x=\"690\" y=\"{y:.1}\">{}</text>",
            y - 12.0,
            MARGIN + 22.0,
            xml(k.name),
            xml(k.meaning)
        );
        let number = |n: Option<u64>| n.map_or("-".to_string(), grouped);
        let mut cells = vec![grouped(t.runs), grouped(t.units)];
        if sums.versions {
            cells.push(number(t.versions));
        }
        cells.extend([number(t.bytes), t.bytes.map_or("-".to_string(), |b| share(b, sums.whole))]);
        row(y, &cells, out);
    }
    y + LINE
}

/// The runs that must be seen, one a line.
pub(super) fn listing(count: usize, lines: impl Iterator<Item = String>, mut y: f64, out: &mut String) {
    for line in lines.take(LISTED) {
        y += LINE;
        let _ = write!(out, "\n<text x=\"{MARGIN}\" y=\"{y:.1}\">{}</text>", xml(&line));
    }
    if count > LISTED {
        y += LINE;
        let _ = write!(
            out,
            "\n<text class=\"faint\" x=\"{MARGIN}\" y=\"{y:.1}\">and {} more</text>",
            grouped((count - LISTED) as u64)
        );
    }
    out.push('\n');
}
