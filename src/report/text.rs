//! Text for a terminal: escaping, counts, sizes, times.

use super::table::{Table, number, prose};
pub use super::tone::Paint;
use crate::id::{Lsn, LsnTime};
pub use crate::words::text::{escape, grouped};

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

/// A command on a line of its own, to be pasted.
pub fn command(command: &str) -> String {
    format!("  {}{command}\n", super::tone::COMMAND)
}

/// A command, and before it what it is for.
pub fn command_for(what: &str, command_line: &str) -> String {
    format!("  {what}:\n  {}", command(command_line))
}

/// An LSN in a table: where it holds a time, that stands below it.
pub fn lsn_cell(lsn: Lsn) -> String {
    lsn.time().map_or_else(|| lsn.to_string(), |time| format!("{lsn}\n{}", time.clock()))
}

/// Seconds since 1970; `SOURCE_DATE_EPOCH` says what to take instead, so that a text can be made again.
pub fn now() -> u64 {
    let asked = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.trim().parse().ok());
    asked.unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
    })
}

/// How long ago something was, as people say it.
pub fn ago(seconds: u64) -> String {
    match now().checked_sub(seconds) {
        None => "in the future by this machine's clock".to_string(),
        Some(passed) => format!("{} ago", span(passed)),
    }
}

/// A time as people say it: one unit, or two where the first is small.
pub fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(31_556_952, "year"), (2_629_746, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    match UNITS.iter().find(|(unit, _)| seconds >= 2 * unit) {
        Some((unit, name)) => format!("{} {name}s", seconds / unit),
        None => count(seconds, "second"),
    }
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

/// A table with a header; columns listed in `right` are numbers, the others prose.
pub fn table(width: Option<u16>, header: &[&str], right: &[usize], rows: Vec<Vec<String>>) -> String {
    let columns = header.iter().enumerate().map(|(at, title)| match right.contains(&at) {
        true => number(title),
        false => prose(title),
    });
    Table::new(columns, rows).text(width.map(usize::from), Paint { on: false })
}

/// Fold text at spaces, indented.
pub fn fold(text: &str, width: usize, indent: &str) -> String {
    super::fit::fold_line(text, width, indent, indent).join("\n") + "\n"
}
