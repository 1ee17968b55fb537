//! The dump format of the engine's own utility, as its `load` takes it: a frame, then two lines a row, in
//! hexadecimal digits or as text.

use crate::format::config::{Config, Kind};
use crate::home::content::catalog::Table;
use crate::home::content::rows::Key;
use std::fmt::Write as _;

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    Hex,
    /// Printable bytes as they are, others as a backslash and two digits.
    Print,
}

/// Settings that a new table is given: those that every release knows. What is as it is by default stays out.
const ITS_OWN: [&str; 19] = [
    "allocation_size",
    "app_metadata",
    "block_compressor",
    "checksum",
    "colgroups",
    "collator",
    "columns",
    "dictionary",
    "huffman_key",
    "huffman_value",
    "internal_key_max",
    "internal_page_max",
    "key_format",
    "leaf_key_max",
    "leaf_page_max",
    "leaf_value_max",
    "prefix_compression",
    "prefix_compression_min",
    "value_format",
];

/// The lines before the rows.
pub fn head(table: &Table, digits: Digits, version: (u32, u32, u32)) -> String {
    let (major, minor, patch) = version;
    let format = match digits {
        Digits::Hex => "hex",
        Digits::Print => "print",
    };
    let config = settings(&table.config);
    let uri = match table.uri.strip_prefix("file:") {
        // A file is loaded as a table: nobody creates files of that name.
        Some(file) => format!("table:{}", file.strip_suffix(".wt").unwrap_or(file)),
        None => table.uri.clone(),
    };
    let mut out = format!(
        "WiredTiger Dump (WiredTiger Version {major}.{minor}.{patch})\nFormat={format}\nHeader\n{uri}\n{config}\n"
    );
    // Column groups with names and indexes: two lines each.
    for (uri, rows) in &table.made_of {
        let own = settings(rows);
        // Formats are the table's business.
        let own: Vec<&str> =
            parts(&own).filter(|p| !p.starts_with("key_format=") && !p.starts_with("value_format=")).collect();
        out.push_str(&format!("{uri}\n{}\n", own.join(",")));
    }
    out.push_str("Data\n");
    out
}

/// The settings of a text, as they stand in it.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let config = Config::parse(text).unwrap_or_default();
    let ends: Vec<(usize, usize)> = config
        .entries()
        .iter()
        .filter_map(|e| Some((crate::format::config::range_of(text, e.key)?.start, 0)))
        .collect();
    let starts: Vec<usize> = ends.into_iter().map(|(start, _)| start).collect();
    let next: Vec<usize> = starts.iter().skip(1).copied().chain([text.len() + 1]).collect();
    starts.into_iter().zip(next).filter_map(move |(from, to)| text.get(from..to - 1))
}

/// What the rows in the metadata say, later ones first: without what was only of the place.
fn settings(rows: &[String]) -> String {
    let mut all: std::collections::BTreeMap<&str, &str> = std::collections::BTreeMap::new();
    for text in rows.iter().rev() {
        let Ok(config) = Config::parse(text) else { continue };
        for entry in config.entries() {
            let empty = entry.value.text.is_empty() || entry.value.text == "()";
            if ITS_OWN.contains(&entry.key) && !empty {
                all.insert(entry.key, raw(text, entry.value.text, entry.value.kind));
            }
        }
    }
    let mut out = String::new();
    for (key, value) in all {
        if !out.is_empty() {
            out.push(',');
        }
        let _ = write!(out, "{key}={value}");
    }
    out
}

/// A value with the quotes it stands in.
fn raw<'t>(text: &'t str, value: &'t str, kind: Kind) -> &'t str {
    if kind == Kind::Struct {
        return value;
    }
    let Some(range) = crate::format::config::range_of(text, value) else { return value };
    let quoted = range.start.checked_sub(1).and_then(|from| text.get(from..range.end.saturating_add(1)));
    quoted.filter(|q| q.len() > 1 && q.starts_with('"') && q.ends_with('"')).unwrap_or(value)
}

/// Append a row.
pub fn row(out: &mut Vec<u8>, digits: Digits, key: Key<'_>, value: &[u8]) {
    match key {
        Key::Record(record) => out.extend_from_slice(record.to_string().as_bytes()),
        Key::Bytes(bytes) => line(out, digits, bytes),
    }
    out.push(b'\n');
    line(out, digits, value);
    out.push(b'\n');
}

/// Two digits for each byte.
const PAIRS: [[u8; 2]; 256] = {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = [[0; 2]; 256];
    let mut n = 0;
    while n < 256 {
        out[n] = [HEX[n >> 4], HEX[n & 0xf]];
        n += 1;
    }
    out
};

fn line(out: &mut Vec<u8>, digits: Digits, bytes: &[u8]) {
    let pair = |b: u8| PAIRS[usize::from(b)];
    match digits {
        Digits::Hex => {
            let from = out.len();
            out.resize(from + bytes.len() * 2, 0);
            for (place, b) in out[from..].chunks_exact_mut(2).zip(bytes) {
                place.copy_from_slice(&pair(*b));
            }
        }
        Digits::Print => {
            for b in bytes {
                match *b {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    0x20..=0x7e => out.push(*b),
                    b => {
                        out.push(b'\\');
                        out.extend_from_slice(&pair(b));
                    }
                }
            }
        }
    }
}
