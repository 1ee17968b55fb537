//! A terminal as an SVG picture: text with its colours, on a grid of cells.

use std::fmt::Write as _;

/// Pixels of a cell, and around the text.
const CELL: (f64, usize) = (8.4, 18);
const MARGIN: usize = 16;
const COLUMNS: usize = 80;

/// How text is shown, by the numbers of its escape sequence.
fn class(sequence: &str) -> Option<&'static str> {
    match sequence {
        "0" | "" | "39" | "22" => None,
        "1" => Some("b"),
        "2" => Some("d"),
        "31" | "1;31" | "91" => Some("r"),
        "32" | "1;32" | "92" => Some("g"),
        "33" | "1;33" | "93" => Some("y"),
        "34" | "36" | "1;36" | "94" | "96" => Some("c"),
        other => panic!("no colour for {other}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A command and the lines that it prints.
pub fn draw(command: &str, lines: &[&str]) -> String {
    let height = CELL.1 * (lines.len() + 1) + 2 * MARGIN;
    let width = CELL.0 * COLUMNS as f64 + 2.0 * MARGIN as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" role=\"img\" aria-label=\"{}\">\n\
         <style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;fill:#d7dae0;white-space:pre}}\
         .b{{font-weight:700;fill:#fff}}.d{{fill:#8b93a1}}.r{{fill:#ff8a80;font-weight:700}}.g{{fill:#8bdc9a}}\
         .y{{fill:#ffd479}}.c{{fill:#7cc7ff}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1c2028\"/>\n",
        escaped(command)
    );
    let mut row = |spans: &[(Option<&str>, String)], at: usize| {
        let y = MARGIN + CELL.1 * at + 14;
        let mut column = 0;
        for (class, text) in spans {
            let cells = text.chars().count();
            let x = MARGIN as f64 + CELL.0 * column as f64;
            column += cells;
            if text.trim().is_empty() {
                continue;
            }
            let class = class.map(|c| format!(" class=\"{c}\"")).unwrap_or_default();
            let length = CELL.0 * cells as f64;
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"{class}>{}</text>",
                escaped(text)
            );
        }
        assert!(column <= COLUMNS, "{spans:?}");
    };
    row(&[(Some("d"), "$ ".into()), (Some("b"), command.into())], 0);
    for (n, line) in lines.iter().enumerate() {
        let mut spans = Vec::new();
        let mut now = None;
        let mut parts = line.split('\u{1b}');
        spans.push((now, parts.next().unwrap_or_default().to_owned()));
        for part in parts {
            let (sequence, text) = part.strip_prefix('[').and_then(|p| p.split_once('m')).expect("a colour");
            now = class(sequence);
            spans.push((now, text.to_owned()));
        }
        row(&spans, n + 1);
    }
    out.push_str("</svg>\n");
    out
}
