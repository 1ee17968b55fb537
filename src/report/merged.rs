//! A page put together, for people.

use super::fields::remarks;
use super::text::{self, Paint, escape, grouped};
use crate::decode::merged::{MergedEntry, MergedPage};

/// Its rows or children. Lengths alone are listed only if `all`.
pub fn text(page: &MergedPage, width: Option<u16>, paint: Paint, all: bool) -> String {
    let internal = page.entries.first().is_some_and(|e| e.kind.is_some());
    let mut out = String::new();
    if page.entries.is_empty() {
        out.push_str("It has no entries.\n");
    } else if !all && page.entries.iter().all(|e| e.key.is_none()) {
        let n = page.entries_total as u64;
        let entries = match (internal, n) {
            (true, 1) => "1 child".to_string(),
            (true, n) => format!("{} children", grouped(n)),
            (false, n) => text::count(n, "row"),
        };
        out.push_str(&format!("It has {entries}; -v lists them.\n"));
    } else {
        let header: &[&str] =
            if internal { &["Key", "Child", "Validity", "From"] } else { &["Key", "Value", "Validity", "From"] };
        out.push_str(&text::table(width, header, &[], page.entries.iter().map(row).collect()));
    }
    if page.entries_total > page.entries.len() && all {
        let n = grouped(page.entries.len() as u64);
        out.push_str(&format!("Only the first {n} of {} are listed.\n", grouped(page.entries_total as u64)));
    }
    out + &remarks(&page.problems, &[], paint)
}

fn bytes(n: usize) -> String {
    format!("{} byte{}", grouped(n as u64), if n == 1 { "" } else { "s" })
}

fn row(entry: &MergedEntry) -> Vec<String> {
    let key = entry.key.as_deref().map_or_else(|| bytes(entry.key_bytes), escape);
    let value = match (&entry.cookie, &entry.value, entry.value_bytes) {
        (Some(cookie), _, _) => cookie.to_string(),
        (None, Some(value), _) => escape(value),
        (None, None, Some(n)) => bytes(n),
        (None, None, None) => String::new(),
    };
    let truncated = if entry.truncate.is_some() { ", truncated" } else { "" };
    let times = entry.times.map(|t| t.to_string()).unwrap_or_default();
    let from = if entry.block == 0 { "image".to_string() } else { format!("delta {}", entry.block) };
    vec![key, format!("{value}{truncated}"), times, from]
}
