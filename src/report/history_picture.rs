//! The sizes of a page log over its checkpoints as SVG: what was published, what it adds up to, and where a
//! difference begins. No scripts, fonts or links.

use super::svg::xml;
use super::text::{grouped, short_name, signed};
use crate::history::{Change, History, TreeState};
use crate::id::{Lsn, LsnTime};
use std::fmt::Write;

const WIDTH: f64 = 1120.0;
const MARGIN: f64 = 20.0;
const LEFT: f64 = 150.0;
const PLOT: f64 = 120.0;
const PITCH: f64 = 180.0;
const TOP: f64 = 92.0;
/// Trees that are drawn.
const DRAWN: usize = 12;
/// Between two labels of the axis.
const LABEL: f64 = 130.0;

const STYLE: &str = "<style>\n\
.ground{fill:#ffffff} text{fill:#1b1b1b;font:12px ui-monospace,monospace}\n\
.title{font-size:15px;font-weight:bold} .faint{fill:#666666} .label{text-anchor:end} .mid{text-anchor:middle}\n\
.line{stroke:#c8c8c8;stroke-width:1} .published{stroke:#b04000;stroke-width:2;fill:none}\n\
.recomputed{stroke:#20609f;stroke-width:2;fill:none;stroke-dasharray:6 3} .dot{stroke:none;fill:#20609f}\n\
.high{stroke:none;fill:#b04000} .mark{stroke:#c02020;stroke-width:2} .gone{stroke:#2f7f47;stroke-width:2}\n\
.bad{fill:#c02020}\n\
@media (prefers-color-scheme:dark){.ground{fill:#121212} text{fill:#e8e8e8} .faint{fill:#a0a0a0} .line{stroke:#3a3a3a}\n\
.published{stroke:#ffa060} .high{fill:#ffa060} .recomputed{stroke:#80b8f0} .dot{fill:#80b8f0} .mark{stroke:#ff7070}\n\
.gone{stroke:#70c890} .bad{fill:#ff7070}}\n\
</style>\n";

/// A checkpoint's place: the LSN, or its second where all LSNs hold times.
struct Axis {
    first: u64,
    last: u64,
    dated: bool,
}

impl Axis {
    fn of(lsns: &[Lsn]) -> Self {
        let dated = !lsns.is_empty() && lsns.iter().all(|l| l.time().is_some());
        let mut axis = Self { first: 0, last: 0, dated };
        let places = || lsns.iter().map(|l| axis.place(*l));
        let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        (axis.first, axis.last) = (first, last);
        axis
    }

    fn place(&self, lsn: Lsn) -> u64 {
        lsn.time().filter(|_| self.dated).map_or(lsn.get(), |t: LsnTime| t.seconds)
    }

    #[allow(clippy::cast_precision_loss)]
    fn x(&self, lsn: Lsn) -> f64 {
        let span = self.last.saturating_sub(self.first).max(1) as f64;
        let at = self.place(lsn).clamp(self.first, self.last) - self.first;
        LEFT + 10.0 + (WIDTH - LEFT - MARGIN - 20.0) * (at as f64 / span)
    }
}

/// A size at a checkpoint, published and recomputed.
type Point = (Lsn, Option<u64>, Option<u64>);

/// Draw it.
pub fn render(history: &History, home: &str) -> String {
    let lsns: Vec<Lsn> = history.records.iter().map(|r| r.lsn).collect();
    let axis = Axis::of(&lsns);
    let database: Vec<Point> = history.records.iter().map(|r| (r.lsn, r.published_size, r.recomputed_size)).collect();
    let wrong: Vec<_> = history.trees.iter().filter(|t| t.checkpoints.iter().any(|c| c.wrong)).collect();
    let mut plots = vec![("database".to_string(), None, database)];
    for tree in wrong.iter().take(DRAWN) {
        let points = lsns.iter().filter_map(|lsn| {
            let at = history.at(tree, *lsn)?;
            let sum = (at.state == TreeState::Checked).then_some(at.recomputed_size);
            Some((*lsn, at.published_size, sum))
        });
        plots.push((short_name(&tree.uri).to_string(), Some(tree.uri.as_str()), points.collect()));
    }
    #[allow(clippy::cast_precision_loss)]
    let height = TOP + plots.len() as f64 * PITCH + MARGIN;
    let title = xml(&format!("sizes over {} checkpoints of {home}", lsns.len()));
    let left_out = wrong.len().saturating_sub(DRAWN);
    let more = if left_out > 0 { format!("; {left_out} more trees differ") } else { String::new() };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n{STYLE}\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"34\">{title}</text>\n\
         <text class=\"faint\" x=\"{MARGIN}\" y=\"54\">whole line: published; dashed: recomputed; upright: a difference \
         begins, changes or ends; below: {}{more}</text>\n",
        if axis.dated { "time" } else { "LSN of the completion record" }
    );
    let mut y = TOP;
    for (name, uri, points) in &plots {
        let changes = history.changes.iter().filter(|c| c.uri.as_deref() == *uri);
        plot(&mut out, &axis, y, name, points, &changes.collect::<Vec<_>>());
        y += PITCH;
    }
    out.push_str("</svg>\n");
    out
}

fn plot(out: &mut String, axis: &Axis, top: f64, name: &str, points: &[Point], changes: &[&Change]) {
    let bottom = top + PLOT;
    let values = || points.iter().flat_map(|(_, a, b)| [*a, *b]).flatten();
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    #[allow(clippy::cast_precision_loss)]
    let height = |v: u64| {
        let part = if high == low { 0.5 } else { (v - low) as f64 / (high - low) as f64 };
        bottom - 8.0 - (PLOT - 16.0) * part
    };
    let right = WIDTH - MARGIN;
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>\
         <line class=\"line\" x1=\"{LEFT}\" y1=\"{bottom:.1}\" x2=\"{right}\" y2=\"{bottom:.1}\"/>\
         <line class=\"line\" x1=\"{LEFT}\" y1=\"{top:.1}\" x2=\"{LEFT}\" y2=\"{bottom:.1}\"/>",
        top - 6.0,
        xml(name)
    );
    for value in if low == high { vec![low] } else { vec![low, high] } {
        let (x, y) = (LEFT - 8.0, height(value) + 4.0);
        let _ = writeln!(out, "<text class=\"faint label\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", grouped(value));
    }
    for change in changes {
        let x = axis.x(change.lsn);
        let class = if change.to == 0 { "gone" } else { "mark" };
        let words = format!("LSN {}: {} to {} bytes", change.lsn, signed(change.from), signed(change.to));
        let _ = writeln!(
            out,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"><title>{}</title></line>\
             <text class=\"bad mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            xml(&words),
            top - 6.0,
            signed(change.to)
        );
    }
    for (class, dot, pick) in [("published", "high", 0), ("recomputed", "dot", 1)] {
        // A checkpoint of which a size is not known breaks the line.
        for run in points.split(|p| size(p, pick).is_none()) {
            let place = |p: &Point| (axis.x(p.0), size(p, pick).map(height).unwrap_or(bottom));
            let line: Vec<String> = run.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            if line.len() > 1 {
                let _ = writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", line.join(" "));
            }
            for (x, y) in run.iter().map(place) {
                let _ = writeln!(out, "<circle class=\"{dot}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
        }
    }
    let mut last = f64::MIN;
    for (lsn, ..) in points {
        let x = axis.x(*lsn);
        if x - last >= LABEL {
            let label = lsn.time().filter(|_| axis.dated).map_or(lsn.to_string(), LsnTime::clock);
            let _ = writeln!(out, "<text class=\"faint mid\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>", bottom + 16.0);
            last = x;
        }
    }
}

fn size(point: &Point, pick: usize) -> Option<u64> {
    if pick == 0 { point.1 } else { point.2 }
}
