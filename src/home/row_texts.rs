//! Texts of rows of the metadata, made of the text that a file carries of itself.

use crate::format::checkpoint_list;
use crate::format::config::{Config, Kind, Value};
use crate::format::config_keys::METADATA_DEFAULTS;

/// Keys of a table's row that its file has as well, in the engine's order.
const TABLE: [&str; 8] =
    ["app_metadata", "assert", "collator", "columns", "key_format", "value_format", "verbose", "write_timestamp_usage"];
/// Keys of a column group's row that its file has as well.
const COLUMN_GROUP: [&str; 6] = ["app_metadata", "assert", "collator", "columns", "verbose", "write_timestamp_usage"];
/// Keys that say what became of a file, not how it was made.
const STATE: [&str; 3] = ["checkpoint", "checkpoint_backup_info", "checkpoint_lsn"];
/// Fields of a checkpoint in 11.x and later, where no file of the home has any.
const FIELDS: [&str; 13] = [
    "addr",
    "order",
    "time",
    "size",
    "newest_start_durable_ts",
    "oldest_start_ts",
    "newest_txn",
    "newest_stop_durable_ts",
    "newest_stop_ts",
    "newest_stop_txn",
    "prepare",
    "write_gen",
    "run_write_gen",
];

/// `key=value` as it stood in the text.
fn pair(key: &str, value: &Value<'_>) -> String {
    match value.kind {
        Kind::String => format!("{key}=\"{}\"", value.text),
        _ => format!("{key}={}", value.text),
    }
}

/// The text with other values for these keys, where it has them, and without those.
pub(super) fn edited(text: &str, set: &[(&str, &str)], without: &[&str]) -> Option<String> {
    let config = Config::parse(text).ok()?;
    let entries = config.entries().iter().filter(|e| !without.contains(&e.key));
    let parts: Vec<String> = entries
        .map(|e| match set.iter().find(|(key, _)| *key == e.key) {
            Some((key, value)) => format!("{key}={value}"),
            None => pair(e.key, &e.value),
        })
        .collect();
    Some(parts.join(","))
}

/// How a file was made, without what became of it.
pub(super) fn made(text: &str) -> Option<String> {
    edited(text, &[], &STATE)
}

/// The row of a file with another place from which recovery is to apply the log.
pub(super) fn with_lsn(text: &str, lsn: &str) -> Option<String> {
    let has = Config::parse(text).ok()?.get("checkpoint_lsn").is_some();
    let out = edited(text, &[("checkpoint_lsn", lsn)], &[])?;
    Some(if has { out } else { format!("{out},checkpoint_lsn={lsn}") })
}

/// The row of a file that holds nothing yet.
pub(super) fn unused(made: &str, lsn: &str) -> String {
    format!("{made},checkpoint=,checkpoint_backup_info=,checkpoint_lsn={lsn}")
}

/// Rows of the table that a file is, and of its one column group.
pub(super) fn table(text: &str, file: &str) -> Option<(String, String)> {
    let config = Config::parse(text).ok()?;
    let columns = fits(&config);
    let part = |key: &str| match key {
        "columns" if !columns => Some("columns=".to_string()),
        _ => config.get(key).map(|value| pair(key, &value)),
    };
    let mut table = Vec::new();
    for key in TABLE {
        if key == "collator" {
            table.push("colgroups=".to_string());
        }
        table.extend(part(key));
    }
    let mut group = Vec::new();
    for key in COLUMN_GROUP {
        if key == "verbose" {
            group.push(format!("source=\"file:{file}\",type=file"));
        }
        group.extend(part(key));
    }
    // Older engines have nothing behind it.
    if !group.iter().any(|part| part.starts_with("source=")) {
        group.push(format!("source=\"file:{file}\",type=file"));
    }
    Some((table.join(","), group.join(",")))
}

/// Whether the file of this text held some columns of a table only.
pub(super) fn is_part(text: &str) -> bool {
    Config::parse(text).is_ok_and(|config| !fits(&config))
}

/// Whether the columns of a file are those of a whole table: a name for each part of key and value.
fn fits(config: &Config<'_>) -> bool {
    let named = config.get("columns").filter(|v| v.kind == Kind::Struct).and_then(|v| v.config().ok());
    let Some(named) = named else { return true };
    let parts = |key: &str| config.get(key).map_or(0, |format| parts(format.as_str()));
    named.entries().len() == parts("key_format").saturating_add(parts("value_format"))
}

/// Fields of a format: a number before a string, bytes or bits is their length, before anything else it repeats.
pub(super) fn parts(format: &str) -> usize {
    let (mut count, mut number) = (0_usize, None::<usize>);
    for c in format.chars() {
        match c {
            '0'..='9' => {
                let digit = usize::try_from(c.to_digit(10).unwrap_or(0)).unwrap_or(0);
                number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
                continue;
            }
            's' | 'S' | 'u' | 'U' | 't' => count = count.saturating_add(1),
            'x' | '@' | '<' | '>' | '=' | '!' | '.' => {}
            _ => count = count.saturating_add(number.unwrap_or(1)),
        }
        number = None;
    }
    count
}

/// How the metadata file itself is made, after the example of another file of the home.
pub(super) fn metadata(example: &str) -> Option<String> {
    let kept = ["version", "checksum"];
    let set: Vec<(&str, &str)> = METADATA_DEFAULTS.iter().copied().filter(|(key, _)| !kept.contains(key)).collect();
    edited(&made(example)?, &set, &[])
}

/// Names of the fields of a checkpoint, in the order in which this home has them.
pub(super) fn fields(text: Option<&str>) -> Vec<String> {
    let known = || {
        let list = checkpoint_list::text_in(text?).ok()?;
        let inner = list.get(1..list.len().checked_sub(1)?)?;
        let entries = Config::parse(inner).ok()?;
        let newest = entries.entries().last()?.value.config().ok()?;
        let names: Vec<String> = newest.entries().iter().map(|e| e.key.to_string()).collect();
        ["addr", "order", "time", "size", "write_gen"].iter().all(|f| names.iter().any(|n| n == f)).then_some(names)
    };
    known().unwrap_or_else(|| FIELDS.map(str::to_string).to_vec())
}
