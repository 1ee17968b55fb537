//! Text for a terminal: escaping, sizes, colours, tables.

use crate::id::{Lsn, LsnTime};
pub use crate::words::text::{escape, grouped};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// Colours, where they are on.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    /// Whether to use them.
    pub on: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
    /// Wrong.
    pub fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }
    /// Doubtful.
    pub fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }
    /// Right.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }
    pub fn head(self, text: &str) -> String {
        self.wrap("1", text)
    }
    /// Aside.
    pub fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

/// A number of things: `1 file`, `2 files`.
pub fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// A signed number in groups, zero without a sign.
pub fn signed(n: i64) -> String {
    let sign = if n > 0 {
        "+"
    } else if n < 0 {
        "-"
    } else {
        ""
    };
    format!("{sign}{}", grouped(n.unsigned_abs()))
}

/// A size for people: three digits and a binary unit.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    #[allow(clippy::cast_precision_loss)]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Exact and human size; small ones only once.
pub fn size(bytes: u64) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { format!("{} ({})", grouped(bytes), human(bytes)) }
}

/// When what has these LSNs was written, from the oldest to the newest; nothing if they hold no times.
pub fn written(lsns: impl Iterator<Item = Lsn>) -> Option<String> {
    let (mut first, mut last) = (None, None);
    for time in lsns.filter_map(Lsn::time) {
        first = Some(first.map_or(time, |f: LsnTime| f.min(time)));
        last = Some(last.map_or(time, |l: LsnTime| l.max(time)));
    }
    let (first, last) = (first?.clock(), last?.clock());
    Some(if first == last { first } else { format!("{first} to {last}") })
}

/// Whether a list has room for a column of times beside its LSNs.
pub fn room_for_times(width: Option<u16>) -> bool {
    width.is_none_or(|w| w >= 140)
}

/// The time of an LSN for such a column.
pub fn clock(lsn: Lsn) -> String {
    lsn.time().map_or_else(|| "-".to_string(), LsnTime::clock)
}

/// The name of a tree without `file:` and `.wt_stable`.
pub fn short_name(uri: &str) -> &str {
    let name = uri.strip_prefix("file:").unwrap_or(uri);
    name.strip_suffix(".wt_stable").unwrap_or(name)
}

/// What a column without numbers takes at least.
const OTHER: usize = 8;

/// The columns' widths at which no number and no date is torn in two, with the blanks on both sides.
fn least_widths(columns: usize, rows: &[Vec<String>]) -> Vec<Option<u16>> {
    let number = |word: &&str| {
        word.len() > 1 && word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(char::is_alphabetic)
            || word.ends_with('Z') && word.contains(':')
    };
    let longest = |cell: &String| cell.split_whitespace().filter(number).map(str::len).max();
    (0..columns)
        .map(|at| {
            let longest = rows.iter().filter_map(|row| row.get(at)).filter_map(longest).max()?;
            u16::try_from(longest + 2).ok()
        })
        .collect()
}

/// A table with a header; columns listed in `right` are aligned to the right.
pub fn table(width: Option<u16>, header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    let mut whole = Vec::new();
    table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    // Without a terminal nothing is folded: programs and readers of logs want whole lines.
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if let Some(width) = width {
        let least = least_widths(header.len(), &rows);
        // Where they have no room together, nothing is gained by it.
        let sum: usize = least.iter().map(|w| w.map_or(OTHER, usize::from) + 1).sum();
        if sum < usize::from(width) {
            whole = least;
        }
    }
    table.set_header(header.iter().map(|h| (*h).to_string()));
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(at, text)| {
            let align = if right.contains(&at) { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(text).set_alignment(align)
        });
        table.add_row(cells);
    }
    for (at, least) in whole.into_iter().enumerate() {
        if let (Some(least), Some(column)) = (least, table.column_mut(at)) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    format!("{table}\n")
}

/// Fold text at spaces, indented.
pub fn fold(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    let room = width.saturating_sub(indent.len()).max(8);
    let words = text.split(' ').flat_map(|word| {
        // A word that fits no line is cut.
        let chars: Vec<char> = word.chars().collect();
        let cut: Vec<String> = chars.chunks(room).map(|c| c.iter().collect()).collect();
        if cut.is_empty() { vec![String::new()] } else { cut }
    });
    for word in words {
        let long = indent.len() + line.chars().count() + 1 + word.chars().count() > width;
        if long && !line.is_empty() {
            out.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    out + indent + &line + "\n"
}
