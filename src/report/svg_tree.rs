//! The shape of trees as one SVG: a pyramid of levels for each, and how full their pages are.

use super::map_tree::{NOTE, PARTS, Shape};
use super::svg::{LINE, MARGIN, WIDTH, begin, folded, xml};
use super::text::{grouped, human};
use std::fmt::Write;

/// Most trees.
const TREES: usize = 100;
/// Height of a level, with the gap below it.
const LEVEL: f64 = 40.0;
/// The pyramid: its middle, and half of its greatest width.
const MIDDLE: f64 = 390.0;
const HALF: f64 = 230.0;
/// Where the curve of fill begins, the width of a tenth, and its height.
const CURVE: (f64, f64, f64) = (690.0, 15.0, 28.0);

const STYLE: &str = "<style>\n\
    .page{fill:#0072b2} .leafs{fill:#009e73} .curve{fill:#56b4e9} .axis{stroke:#999999;stroke-width:1} .mid{text-anchor:middle}\n\
    .on{fill:#ffffff} .lost{fill:#b00020}\n\
    @media (prefers-color-scheme:dark){.page{fill:#2f7fb8} .leafs{fill:#14825f} .curve{fill:#3d94c7} .lost{fill:#ff5a6e}}\n\
    </style>\n";

/// Draw them.
pub fn render(title: &str, notes: &[String], shapes: &[Shape]) -> String {
    let shown: Vec<&Shape> = shapes.iter().take(TREES).collect();
    let mut lines: Vec<String> = notes.iter().flat_map(|n| folded(n)).collect();
    lines.extend(folded("The width of a level goes by the logarithm of the number of its pages."));
    lines.extend(folded(NOTE));
    if shapes.len() > TREES {
        lines.push(format!("The first {TREES} of {} trees", grouped(shapes.len() as u64)));
    }
    #[allow(clippy::cast_precision_loss)]
    let height = shown.iter().fold(MARGIN * 2.0 + 14.0 + (lines.len() as f64 + 2.0) * LINE, |sum, s| {
        sum + LINE * 2.2 + s.levels.len() as f64 * LEVEL
    });
    let (mut out, mut y) = begin(title, &lines, height, &[]);
    out.push_str(STYLE);
    y += LINE * 1.5;
    let _ = writeln!(
        out,
        "<text class=\"faint mid\" x=\"{MIDDLE}\" y=\"{y:.1}\">pages</text>\
         <text class=\"faint\" x=\"{}\" y=\"{y:.1}\">0 to 100 % full</text>\
         <text class=\"label\" x=\"{:.1}\" y=\"{y:.1}\">full</text>\
         <text class=\"label\" x=\"{:.1}\" y=\"{y:.1}\">greatest page</text>",
        CURVE.0,
        CURVE.0 + 230.0,
        WIDTH - MARGIN
    );
    let most = shown.iter().flat_map(|s| &s.levels).map(|l| l.pages).max().unwrap_or(1);
    for shape in shown {
        y += LINE * 1.6;
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y:.1}\"><tspan font-weight=\"bold\">{}</tspan>  <tspan class=\"faint\">{}</tspan></text>",
            xml(&shape.name),
            xml(&shape.summary())
        );
        y += LINE * 0.6;
        for (n, level) in shape.levels.iter().enumerate() {
            let half = (width(level.pages, most) * HALF).max(2.0);
            let class = if level.internal > 0 { "page" } else { "leafs" };
            let words = format!(
                "level {n}: {} pages, {} bytes, from {} to {}",
                grouped(level.pages),
                grouped(level.bytes),
                grouped(u64::from(level.smallest)),
                grouped(u64::from(level.greatest))
            );
            let _ = writeln!(
                out,
                "<text class=\"faint\" x=\"{MARGIN}\" y=\"{:.1}\">{n} {}</text>\
                 <rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"28\"><title>{}</title></rect>",
                y + 18.0,
                level.kind(),
                MIDDLE - half,
                half * 2.0,
                xml(&words)
            );
            let (pages, bytes) = (grouped(level.pages), human(level.bytes));
            let text = format!("{pages} \u{b7} {bytes}");
            #[allow(clippy::cast_precision_loss)]
            let fits = text.chars().count() as f64 * 7.5 < half * 2.0;
            let (class, x) = if fits { ("mid on", MIDDLE) } else { ("", MIDDLE + half + 8.0) };
            let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>", y + 18.0);
            if level.unread > 0 {
                let _ = writeln!(
                    out,
                    "<text class=\"lost\" x=\"{}\" y=\"{:.1}\">{} not read</text>",
                    MARGIN,
                    y + 31.0,
                    grouped(level.unread)
                );
            }
            curve(&level.fill, y, &mut out);
            let _ = writeln!(
                out,
                "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{} %</text>\
                 <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                CURVE.0 + 230.0,
                y + 18.0,
                level.full(),
                WIDTH - MARGIN,
                y + 18.0,
                human(u64::from(level.greatest))
            );
            y += LEVEL;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// How wide a level is, against the widest.
#[allow(clippy::cast_precision_loss)]
fn width(pages: u64, most: u64) -> f64 {
    (pages as f64 + 1.0).ln() / (most as f64 + 1.0).ln().max(0.1)
}

fn curve(fill: &[u64; PARTS], y: f64, out: &mut String) {
    let most = fill.iter().copied().max().unwrap_or(0).max(1);
    let (left, step, tall) = CURVE;
    let base = y + tall;
    #[allow(clippy::cast_precision_loss)]
    let _ = writeln!(out, "<path class=\"axis\" d=\"M{left} {base:.1}h{:.1}\"/>", step * PARTS as f64);
    for (n, pages) in fill.iter().enumerate().filter(|(_, n)| **n > 0) {
        #[allow(clippy::cast_precision_loss)]
        let (x, high) = (left + step * n as f64, (*pages as f64 / most as f64 * tall).max(1.5));
        let words = format!("{} to {} %: {}", n * 10, n * 10 + 10, grouped(*pages));
        let _ = writeln!(
            out,
            "<rect class=\"curve\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{high:.1}\"><title>{words}</title></rect>",
            x + 1.0,
            base - high,
            step - 2.0
        );
    }
}
