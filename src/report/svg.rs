//! A picture as SVG: one file that any browser shows, without scripts, fonts or links.

use super::map::{Grid, KindId, Picture, Run, share};
use super::text::{escape, grouped};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most rectangles of runs drawn with their exact bounds; beyond them runs are folded into cells.
const EXACT: usize = 10_000;
/// Cells of a folded picture: each is at most one rectangle of the ground and one marker.
const CELLS: (u64, u64) = (192, 48);
/// Columns up to which a picture has few, wide cells.
const WIDE: (u64, u64) = (64, 16);
/// Important runs listed in the text below.
const LISTED: usize = 20;

const WIDTH: f64 = 1120.0;
const MARGIN: f64 = 20.0;
const ROW: f64 = 16.0;
const PITCH: f64 = 20.0;
const LINE: f64 = 18.0;
/// Narrowest rectangle of an important kind, and of any other.
const NARROWEST: (f64, f64) = (4.0, 0.6);

/// Text for XML. Control characters, which XML has no way to write, are spelled out.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Draw a picture.
pub fn render(picture: &Picture) -> String {
    let totals = picture.totals();
    let small = Grid::new(picture, WIDE.0, WIDE.1);
    let is_small = picture.length.div_ceil(picture.unit.max(1)) <= WIDE.0 * WIDE.1;
    let grid = if is_small { small } else { Grid::new(picture, CELLS.0, CELLS.1) };
    let plane = Plane::new(picture, grid);
    let rows = grid.cells.div_ceil(grid.columns);
    #[allow(clippy::cast_precision_loss)]
    let legend_top = plane.top + rows as f64 * PITCH + LINE;
    let listed = picture.important().count().min(LISTED + 1);
    #[allow(clippy::cast_precision_loss)]
    let height = legend_top + (totals.len() + listed + 4) as f64 * LINE + MARGIN;
    let title = xml(&picture.title);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n"
    );
    out.push_str(&style(totals.keys().copied()));
    let _ = writeln!(out, "<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>");
    let mut line = MARGIN + 14.0;
    let _ = writeln!(out, "<text class=\"title\" x=\"{MARGIN}\" y=\"{line}\">{title}</text>");
    for note in &picture.notes {
        line += LINE;
        let _ = writeln!(out, "<text class=\"faint\" x=\"{MARGIN}\" y=\"{line}\">{}</text>", xml(note));
    }
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
    legend(picture, &totals, legend_top, &mut out);
    out.push_str("</svg>\n");
    out
}

/// Colours for both backgrounds, and a pattern for each important kind.
fn style(kinds: impl Iterator<Item = KindId> + Clone) -> String {
    let kinds = || kinds.clone().map(KindId::kind);
    let mut out = String::from(
        "<style>\n\
         .ground{fill:#ffffff} .absent{fill:#f2f2f2} text{fill:#1b1b1b;font:12px ui-monospace,monospace}\n\
         .title{font-size:15px;font-weight:bold} .faint{fill:#666666} .label{fill:#666666;text-anchor:end}\n\
         .number{text-anchor:end} .edge{stroke:#1b1b1b;stroke-width:1}\n",
    );
    for k in kinds() {
        let _ = writeln!(out, ".{}{{fill:{}}}", k.name, k.light);
    }
    out.push_str(
        "@media (prefers-color-scheme:dark){\n\
         .ground{fill:#121212} .absent{fill:#242424} text{fill:#e8e8e8} .faint,.label{fill:#a0a0a0} \
         .edge{stroke:#ffffff}\n",
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
struct Plane<'a> {
    picture: &'a Picture,
    grid: Grid,
    /// Length of the axis in one row.
    per_row: u64,
    left: f64,
    top: f64,
}

impl<'a> Plane<'a> {
    fn new(picture: &'a Picture, grid: Grid) -> Self {
        let end = picture.start.saturating_add(picture.length).to_string();
        #[allow(clippy::cast_precision_loss)]
        let (left, top) =
            (MARGIN + end.len() as f64 * 7.3 + 8.0, MARGIN + 14.0 + LINE * picture.notes.len() as f64 + LINE * 0.8);
        Self { picture, grid, per_row: grid.span.saturating_mul(grid.columns).max(1), left, top }
    }

    #[allow(clippy::cast_precision_loss)]
    fn y(&self, row: u64) -> f64 {
        self.top + row as f64 * PITCH
    }

    /// The place of a distance from the start of a row.
    #[allow(clippy::cast_precision_loss)]
    fn x(&self, distance: u64) -> f64 {
        self.left + distance as f64 / self.per_row as f64 * (WIDTH - MARGIN - self.left)
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

    /// All runs, the important ones on top.
    fn draw(&self, out: &mut String) {
        let runs = &self.picture.runs;
        let important = |r: &&Run| r.kind.kind().important;
        if self.rectangles(runs) <= EXACT {
            runs.iter().filter(|r| !important(r)).for_each(|r| self.run(*r, &self.words(*r), out));
        } else {
            self.ground(out);
        }
        if self.rectangles(self.picture.important()) <= EXACT {
            runs.iter().filter(important).for_each(|r| self.run(*r, &self.words(*r), out));
        } else {
            self.markers(out);
        }
    }

    fn words(&self, run: Run) -> String {
        let units = run.len.div_ceil(self.picture.unit.max(1));
        let axis = self.picture.axis;
        format!("{}: {}; {} {}", run.kind.kind().name, axis.range(run.start, run.len), grouped(units), axis.noun(units))
    }

    /// A run, one rectangle a row.
    fn run(&self, run: Run, words: &str, out: &mut String) {
        let Some((first, last)) = self.rows(run) else { return };
        let kind = run.kind.kind();
        let from = run.start - self.picture.start;
        let end = from.saturating_add(run.len).min(self.picture.length);
        let (class, narrowest) = match kind.important {
            true => (format!("{}-marked edge", kind.name), NARROWEST.0),
            false => (kind.name.to_string(), NARROWEST.1),
        };
        let words = xml(words);
        for row in first..=last {
            let start = row.saturating_mul(self.per_row);
            let (a, b) = (from.max(start) - start, (end - start).min(self.per_row));
            let width = (self.x(b) - self.x(a)).max(narrowest);
            let x = self.x(a).min(WIDTH - MARGIN - width);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"{ROW}\">\
                 <title>{words}</title></rect>",
                self.y(row)
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
            for same in row.chunk_by(|a, b| a == b) {
                let len = self.grid.span.saturating_mul(same.len() as u64);
                let len = len.min(p.start.saturating_add(p.length).saturating_sub(start));
                if same[0] != KindId::Absent {
                    let run = Run { start, len, kind: same[0] };
                    self.run(run, &format!("mostly {}", self.words(run)), out);
                }
                start = start.saturating_add(len);
            }
        }
    }

    /// Too many important runs: one marker a cell, with what it stands for.
    fn markers(&self, out: &mut String) {
        let p = self.picture;
        let mut cells: BTreeMap<u64, (KindId, u64, Run)> = BTreeMap::new();
        for run in p.important() {
            let Some(from) = run.start.checked_sub(p.start).filter(|f| *f < p.length && run.len > 0) else { continue };
            let end = from.saturating_add(run.len).min(p.length);
            for cell in from / self.grid.span..=(end - 1) / self.grid.span {
                let entry = cells.entry(cell).or_insert((run.kind, 0, *run));
                *entry = (entry.0.min(run.kind), entry.1 + 1, entry.2);
            }
        }
        for (cell, (kind, count, first)) in cells {
            let start = p.start.saturating_add(cell.saturating_mul(self.grid.span));
            let len = self.grid.span.min(p.length.saturating_sub(start - p.start));
            let words = match count {
                1 => self.words(first),
                n => format!("{} runs to look into, the first is {}", grouped(n), self.words(first)),
            };
            self.run(Run { start, len, kind }, &words, out);
        }
    }
}

fn legend(picture: &Picture, totals: &BTreeMap<KindId, super::map::Total>, top: f64, out: &mut String) {
    let whole = picture.whole();
    // Right edges of the numbers.
    let mut columns = vec![("runs", 290.0), (picture.axis.noun(2), 380.0)];
    if picture.stored.is_some() {
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
    for (kind, t) in totals {
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
        if picture.stored.is_some() {
            cells.push(number(t.versions));
        }
        cells.extend([number(t.bytes), t.bytes.map_or("-".to_string(), |b| share(b, whole))]);
        row(y, &cells, out);
    }
    let count = picture.important().count();
    y += LINE;
    for run in picture.important().take(LISTED) {
        y += LINE;
        let words = format!("{}: {}", run.kind.kind().name, picture.axis.range(run.start, run.len));
        let _ = write!(out, "\n<text x=\"{MARGIN}\" y=\"{y:.1}\">{}</text>", xml(&words));
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
