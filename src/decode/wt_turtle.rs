//! What `wt turtle` prints, taken apart: the completion record, a headline, a line about the checksum, and
//! the turtle page. Its JSON is that of [`super::pagelog_turtle::TurtleReport`], which is read back here.
//!
//! Builds of June 2026 printed the record field by field under a headline of its own, called the turtle page
//! "metadata page", and said of the checksum only whether it holds.

use super::completion::{self, CompletionReport};
use super::view::{Problem, Sum};
use crate::format::FormatError;
use crate::format::crc::crc32c;
use crate::id::{Lsn, PageId, TableId};
use serde::Serialize;
use serde_json::Value;

/// What the headline of the page begins with, now and in June 2026.
const HEADLINES: [&str; 2] = ["=== turtle page (", "=== metadata page ("];
/// The headline of the record in June 2026.
const RECORD_HEADLINE: &str = "=== turtle ===";
/// What is printed in the place of a field that the record does not have.
const MISSING: &str = "<missing>";

/// The output of `wt turtle`.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct WtTurtle {
    /// Table that the page was read from.
    pub table_id: Option<TableId>,
    /// Its page id.
    pub page_id: Option<PageId>,
    /// The LSN that was asked for.
    pub requested_lsn: Option<Lsn>,
    /// The checksum of the page, as it was printed.
    pub checksum: Option<Sum>,
    /// The checksum that the completion record names, as it was printed.
    pub expected: Option<Sum>,
    /// The completion record, its text.
    pub record: Option<String>,
    /// The completion record, decoded.
    pub completion: Option<CompletionReport>,
    /// The turtle page, its text.
    pub page: String,
}

/// Take the output apart; `None` if the bytes are something else.
pub fn read(raw: &[u8]) -> Option<WtTurtle> {
    let text = std::str::from_utf8(raw).ok()?;
    if text.trim_start().starts_with('{') {
        return from_json(text);
    }
    let lines = || text.split_inclusive('\n');
    let at = lines().position(|line| HEADLINES.iter().any(|h| line.starts_with(h)))?;
    let record: String = lines().take(at).collect();
    let mut rest = lines().skip(at);
    let mut out = WtTurtle { record: record_text(&record), ..WtTurtle::default() };
    headline(rest.next()?, &mut out);
    let page: String = rest.collect();
    let page = match page.split_once('\n') {
        Some((line, page)) if line.starts_with("checksum=") => {
            checksum_line(line, &mut out);
            page
        }
        _ => &page,
    };
    out.page = page.to_string();
    Some(finish(out))
}

/// The document that `decode turtle` makes of such output.
fn from_json(text: &str) -> Option<WtTurtle> {
    let whole: Value = serde_json::from_str(text).ok()?;
    let own = whole.get("wt_turtle").unwrap_or(&whole);
    let number = |key: &str| own.get(key).and_then(Value::as_u64);
    let word = |key: &str| own.get(key).and_then(Value::as_str);
    let sum = |key: &str| word(key).and_then(hex).map(Sum);
    Some(finish(WtTurtle {
        table_id: number("table_id").map(TableId),
        page_id: number("page_id").map(PageId),
        requested_lsn: number("requested_lsn").map(Lsn),
        checksum: sum("checksum"),
        expected: sum("expected"),
        record: word("record").map(str::to_string),
        completion: None,
        page: word("page")?.to_string(),
    }))
}

/// Take off the line feed that was printed behind the page, unless it is the page's own, and decode the record.
fn finish(mut out: WtTurtle) -> WtTurtle {
    let sums = [out.checksum, out.expected];
    let named = |page: &str| sums.contains(&Some(Sum(crc32c(page.as_bytes()))));
    if let Some(bare) = out.page.strip_suffix('\n')
        && (named(bare) || !named(&out.page))
    {
        out.page = bare.to_string();
    }
    out.completion = out.record.as_ref().map(|text| completion::completion(text.as_bytes()));
    out
}

/// `(table_id=2, page_id=1, requested_lsn=N)`.
fn headline(line: &str, out: &mut WtTurtle) {
    let inner = line.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    for (key, value) in inner.split(", ").filter_map(|pair| pair.split_once('=')) {
        let value = value.parse::<u64>().ok();
        match key {
            "table_id" => out.table_id = value.map(TableId),
            "page_id" => out.page_id = value.map(PageId),
            "requested_lsn" | "lsn" => out.requested_lsn = value.map(Lsn),
            _ => {}
        }
    }
}

/// `checksum=0x… (expected=0x…)`, and before that `checksum=OK` or `checksum=MISMATCH (expected=0x…, got=0x…)`.
fn checksum_line(line: &str, out: &mut WtTurtle) {
    for word in line.split([' ', '(', ')', ',']) {
        match word.split_once('=') {
            Some(("checksum" | "got", value)) => out.checksum = out.checksum.or(hex(value).map(Sum)),
            Some(("expected", value)) => out.expected = hex(value).map(Sum),
            _ => {}
        }
    }
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// The record: as it lies in the page log, or put together from its fields.
fn record_text(printed: &str) -> Option<String> {
    let printed = printed.trim();
    let Some(fields) = printed.strip_prefix(RECORD_HEADLINE) else {
        return (!printed.is_empty()).then(|| printed.to_string());
    };
    let kept = fields.lines().filter_map(|line| line.split_once('=')).filter(|(key, value)| {
        // The LSN is that of the record itself, which is not in its text.
        *key != "lsn" && *value != MISSING
    });
    let kept: Vec<String> = kept.map(|(key, value)| format!("{key}={}", value.trim_start_matches("0x"))).collect();
    Some(kept.join(","))
}

/// Hold what was printed against the page.
pub fn judge(printed: &WtTurtle, found: Sum, problems: &mut Vec<Problem>, notes: &mut Vec<String>) {
    let record = printed.completion.as_ref();
    problems.extend(record.iter().flat_map(|r| &r.problems).cloned());
    notes.extend(record.iter().flat_map(|r| &r.notes).cloned());
    if let Some(printed) = printed.checksum.filter(|sum| *sum != found) {
        notes.push(format!(
            "the text is not the page that was read: its checksum is {found}, but {printed} was printed"
        ));
    }
    let expected = printed.expected.or(record.and_then(|r| r.metadata_checksum));
    if let Some(expected) = expected.filter(|sum| *sum != found) {
        let why = format!("the page has checksum {found}, but its completion record names {expected}");
        problems.push(FormatError::io(why).into());
    }
    let own = (printed.requested_lsn, record.and_then(|r| r.metadata_lsn));
    if let (Some(asked), Some(named)) = own
        && asked != named
    {
        notes.push(format!("the page was requested at LSN {asked}, but the completion record names LSN {named}"));
    }
}
