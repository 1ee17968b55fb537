//! Configuration texts that lie in files without a checksum (the turtle, the list of a backup, the settings of a
//! home): which keys the engine writes, and what their values look like.
//!
//! A home keeps the keys of the release that made it, so few keys are required; but a key that nobody knows beside a
//! missing one that reads nearly alike is a changed byte.

use super::config::{Config, Kind, Value, range_of, shorten};

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
enum Type {
    Bool,
    Number,
    /// Anything.
    Text,
    /// A place in the log: two numbers.
    Lsn,
    /// One of these.
    Words(&'static [&'static str]),
    /// A structure with these keys.
    Group(&'static [Key]),
    /// A structure whose keys are names, each with such a value.
    Named(&'static [Key]),
}

/// A key and its value.
type Key = (&'static str, Type);

const SWITCH: Type = Type::Words(&["none", "off", "on", "always", "never", "key_consistent", "mixed_mode", "ordered"]);

/// Keys of one checkpoint.
const CHECKPOINT: &[Key] = &[
    ("addr", Type::Text),
    ("order", Type::Number),
    ("time", Type::Number),
    ("size", Type::Number),
    ("newest_durable_ts", Type::Number),
    ("newest_start_durable_ts", Type::Number),
    ("oldest_start_ts", Type::Number),
    ("oldest_start_txn", Type::Number),
    ("newest_txn", Type::Number),
    ("newest_stop_durable_ts", Type::Number),
    ("newest_stop_ts", Type::Number),
    ("newest_stop_txn", Type::Number),
    ("prepare", Type::Number),
    ("write_gen", Type::Number),
    ("run_write_gen", Type::Number),
    ("next_page_id", Type::Number),
];

const ASSERT: &[Key] = &[
    ("commit_timestamp", SWITCH),
    ("durable_timestamp", SWITCH),
    ("read_timestamp", SWITCH),
    ("write_timestamp", SWITCH),
];

const TIERED: &[Key] = &[
    ("auth_token", Type::Text),
    ("bucket", Type::Text),
    ("bucket_prefix", Type::Text),
    ("cache_directory", Type::Text),
    ("local_retention", Type::Number),
    ("name", Type::Text),
    ("object_target_size", Type::Number),
];

/// Keys of a file, of engines 2.9 to 12.0.
const FILE: &[Key] = &[
    ("access_pattern_hint", Type::Words(&["none", "random", "sequential"])),
    ("allocation_size", Type::Number),
    ("app_metadata", Type::Text),
    ("assert", Type::Group(ASSERT)),
    ("block_allocation", Type::Words(&["best", "first"])),
    ("block_compressor", Type::Text),
    ("block_manager", Type::Words(&["default", "disagg"])),
    ("cache_resident", Type::Bool),
    ("checkpoint", Type::Named(CHECKPOINT)),
    ("checkpoint_backup_info", Type::Text),
    ("checkpoint_lsn", Type::Lsn),
    ("checksum", Type::Words(&["on", "off", "uncompressed", "unencrypted"])),
    ("collator", Type::Text),
    ("columns", Type::Text),
    ("dictionary", Type::Number),
    ("disaggregated", Type::Text),
    ("encryption", Type::Group(&[("keyid", Type::Text), ("name", Type::Text)])),
    ("format", Type::Words(&["btree"])),
    ("huffman_key", Type::Text),
    ("huffman_value", Type::Text),
    ("id", Type::Number),
    ("ignore_in_memory_cache_size", Type::Bool),
    ("in_memory", Type::Bool),
    ("internal_item_max", Type::Number),
    ("internal_key_max", Type::Number),
    ("internal_key_truncate", Type::Bool),
    ("internal_page_max", Type::Number),
    ("key_format", Type::Text),
    ("key_gap", Type::Number),
    ("leaf_item_max", Type::Number),
    ("leaf_key_max", Type::Number),
    ("leaf_page_max", Type::Number),
    ("leaf_value_max", Type::Number),
    ("log", Type::Group(&[("enabled", Type::Bool)])),
    ("memory_page_image_max", Type::Number),
    ("memory_page_max", Type::Number),
    ("os_cache_dirty_max", Type::Number),
    ("os_cache_max", Type::Number),
    ("prefix_compression", Type::Bool),
    ("prefix_compression_min", Type::Number),
    ("readonly", Type::Bool),
    ("split_deepen_min_child", Type::Number),
    ("split_deepen_per_child", Type::Number),
    ("split_pct", Type::Number),
    ("tiered_object", Type::Bool),
    ("tiered_storage", Type::Group(TIERED)),
    ("value_format", Type::Text),
    ("verbose", Type::Text),
    ("version", Type::Group(VERSION)),
    ("write_timestamp_usage", SWITCH),
];

/// Keys of tables, column groups and indexes.
const TABLE: &[Key] = &[
    ("app_metadata", Type::Text),
    ("assert", Type::Group(ASSERT)),
    ("colgroups", Type::Text),
    ("collator", Type::Text),
    ("columns", Type::Text),
    ("extractor", Type::Text),
    ("immutable", Type::Bool),
    ("index_key_columns", Type::Number),
    ("key_format", Type::Text),
    ("source", Type::Text),
    ("type", Type::Text),
    ("value_format", Type::Text),
    ("verbose", Type::Text),
    ("write_timestamp_usage", SWITCH),
];

const LOG: &[Key] = &[
    ("archive", Type::Bool),
    ("compressor", Type::Text),
    ("enabled", Type::Bool),
    ("file_max", Type::Number),
    ("force_write_wait", Type::Number),
    ("os_cache_dirty_pct", Type::Number),
    ("path", Type::Text),
    ("prealloc", Type::Bool),
    ("prealloc_init_count", Type::Number),
    ("recover", Type::Words(&["error", "on"])),
    ("remove", Type::Bool),
    ("zero_fill", Type::Bool),
];

/// Settings that homes are opened with; those of others are read as anything.
const SETTINGS: &[Key] = &[
    ("builtin_extension_config", Type::Text),
    ("buffer_alignment", Type::Number),
    ("cache_max_wait_ms", Type::Number),
    ("cache_overhead", Type::Number),
    ("cache_size", Type::Number),
    ("checkpoint", Type::Group(&[("log_size", Type::Number), ("name", Type::Text), ("wait", Type::Number)])),
    ("checkpoint_sync", Type::Bool),
    ("compile_configuration_count", Type::Number),
    ("direct_io", Type::Text),
    ("encryption", Type::Group(&[("keyid", Type::Text), ("name", Type::Text), ("secretkey", Type::Text)])),
    ("eviction", Type::Group(EVICTION)),
    ("eviction_dirty_target", Type::Number),
    ("eviction_dirty_trigger", Type::Number),
    ("eviction_target", Type::Number),
    ("eviction_trigger", Type::Number),
    ("eviction_updates_target", Type::Number),
    ("eviction_updates_trigger", Type::Number),
    ("extensions", Type::Text),
    ("file_extend", Type::Text),
    ("file_manager", Type::Text),
    ("hash", Type::Group(&[("buckets", Type::Number), ("dhandle_buckets", Type::Number)])),
    ("hazard_max", Type::Number),
    ("history_store", Type::Text),
    ("in_memory", Type::Bool),
    ("io_capacity", Type::Text),
    ("json_output", Type::Text),
    ("log", Type::Group(LOG)),
    ("lsm_manager", Type::Text),
    ("mmap", Type::Bool),
    ("mmap_all", Type::Bool),
    ("multiprocess", Type::Bool),
    ("operation_timeout_ms", Type::Number),
    ("operation_tracking", Type::Text),
    ("readonly", Type::Bool),
    ("salvage", Type::Bool),
    ("session_max", Type::Number),
    ("session_scratch_max", Type::Number),
    ("session_table_cache", Type::Bool),
    ("statistics", Type::Text),
    ("statistics_log", Type::Text),
    ("transaction_sync", Type::Group(&[("enabled", Type::Bool), ("method", Type::Words(&["dsync", "fsync", "none"]))])),
    ("verbose", Type::Text),
    ("version", Type::Group(VERSION)),
    ("write_through", Type::Text),
];

const EVICTION: &[Key] = &[
    ("evict_sample_inmem", Type::Bool),
    ("evict_use_softptr", Type::Bool),
    ("legacy_page_visit_strategy", Type::Bool),
    ("threads_max", Type::Number),
    ("threads_min", Type::Number),
];

const VERSION: &[Key] = &[("major", Type::Number), ("minor", Type::Number)];

/// What the metadata file is made with, in every release measured; engines up to 3.2 leave this out of the copy that
/// the file has of itself.
pub const METADATA_DEFAULTS: &[(&str, &str)] = &[
    ("access_pattern_hint", "none"),
    ("allocation_size", "4KB"),
    ("app_metadata", ""),
    ("block_allocation", "best"),
    ("block_compressor", ""),
    ("cache_resident", "false"),
    ("checkpoint_lsn", ""),
    ("checksum", "uncompressed"),
    ("collator", ""),
    ("columns", ""),
    ("dictionary", "0"),
    ("encryption", "(keyid=,name=)"),
    ("format", "btree"),
    ("huffman_key", ""),
    ("huffman_value", ""),
    ("id", "0"),
    ("ignore_in_memory_cache_size", "false"),
    ("internal_item_max", "0"),
    ("internal_key_max", "0"),
    ("internal_key_truncate", "true"),
    ("internal_page_max", "4KB"),
    ("key_format", "S"),
    ("key_gap", "10"),
    ("leaf_item_max", "0"),
    ("leaf_key_max", "0"),
    ("leaf_page_max", "32KB"),
    ("leaf_value_max", "0"),
    ("log", "(enabled=true)"),
    ("memory_page_image_max", "0"),
    ("memory_page_max", "5MB"),
    ("os_cache_dirty_max", "0"),
    ("os_cache_max", "0"),
    ("prefix_compression", "false"),
    ("prefix_compression_min", "4"),
    ("split_deepen_min_child", "0"),
    ("split_deepen_per_child", "0"),
    ("split_pct", "90"),
    ("value_format", "S"),
    ("version", "(major=1,minor=1)"),
];

/// Keys without which no engine opens the metadata file.
const REQUIRED: [&str; 4] = ["allocation_size", "key_format", "value_format", "version"];

/// What is wrong with a text: the byte where, and what.
pub type Fault = (usize, String);

/// Check the text of the metadata file.
pub fn check_metadata(text: &str) -> Result<(), Fault> {
    let config = check_file(text)?;
    for key in ["key_format", "value_format"] {
        if let Some(other) = config.get(key).filter(|v| v.text != "S") {
            return Err((place(text, other.text), format!("`{key}` is not S: `{}`", shorten(other.text))));
        }
    }
    Ok(())
}

/// Check the text of any file.
pub fn check_file(text: &str) -> Result<Config<'_>, Fault> {
    let config = Config::parse_to(text).map_err(|(at, e)| (at, e.message))?;
    keys(text, &config, FILE)?;
    for key in REQUIRED {
        let value = config.get(key).ok_or_else(|| (text.len(), format!("`{key}` is missing")))?;
        if let (Type::Group(inner), Kind::Struct) = (type_of(key, FILE), value.kind) {
            let there = value.config().unwrap_or_default();
            if let Some((missing, _)) = inner.iter().find(|(name, _)| there.get(name).is_none()) {
                return Err((place(text, value.text), format!("`{key}` has no `{missing}`")));
            }
        }
    }
    Ok(config)
}

/// Check the text of a table, a column group or an index.
pub fn check_table(text: &str) -> Result<(), Fault> {
    let config = Config::parse_to(text).map_err(|(at, e)| (at, e.message))?;
    keys(text, &config, TABLE)
}

/// Check a file of settings: a key and its value a line, and comments behind `#`.
pub fn check_settings(text: &str) -> Result<(), Fault> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !c.is_ascii_graphic() && !c.is_ascii_whitespace()) {
        return Err((at, format!("character {:#x}", u32::from(c))));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err((
            text.len(),
            "the text is truncated: its last line has no line end, and the engine drops its last byte".into(),
        ));
    }
    // Of the same length, so that places stay.
    let lines = text
        .split('\n')
        .map(|line| if line.trim_start().starts_with('#') { " ".repeat(line.len()) } else { line.to_string() });
    let plain = lines.collect::<Vec<_>>().join(",");
    let config = Config::parse_to(&plain).map_err(|(at, e)| (at, e.message))?;
    keys(&plain, &config, SETTINGS)
}

/// Keys that two texts of one file both have, with other values, checkpoints left out.
pub fn differences(one: &str, other: &str) -> Vec<String> {
    let (Ok(a), Ok(b)) = (Config::parse(one), Config::parse(other)) else { return Vec::new() };
    let differs = |key: &str, value: &Value<'_>| b.get(key).is_some_and(|other| other.text != value.text);
    let entries = a.entries().iter().filter(|e| !e.key.starts_with("checkpoint") && differs(e.key, &e.value));
    entries.map(|e| e.key.to_string()).collect()
}

fn type_of(key: &str, table: &[Key]) -> Type {
    table.iter().find(|(name, _)| *name == key).map_or(Type::Text, |(_, kind)| *kind)
}

fn place(text: &str, part: &str) -> usize {
    range_of(text, part).map_or(0, |r| r.start)
}

/// Check keys and values of one level.
fn keys(text: &str, config: &Config<'_>, table: &[Key]) -> Result<(), Fault> {
    for entry in config.entries() {
        if !table.iter().any(|(name, _)| *name == entry.key) {
            let missing = table.iter().find(|(name, _)| config.get(name).is_none() && is_torn(entry.key, name));
            if let Some((name, _)) = missing {
                let what = format!("`{}` is not a key, and `{name}` is missing", shorten(entry.key));
                return Err((place(text, entry.key), what));
            }
            continue;
        }
        value(text, entry.key, entry.value, type_of(entry.key, table))?;
    }
    Ok(())
}

fn value(text: &str, key: &str, value: Value<'_>, kind: Type) -> Result<(), Fault> {
    // Nothing stands for the default.
    if value.text.is_empty() {
        return Ok(());
    }
    let wrong = |what: &str| Err((place(text, value.text), format!("`{key}` is {what}: `{}`", shorten(value.text))));
    match kind {
        Type::Text => Ok(()),
        Type::Bool if value.bool().is_err() => wrong("not true or false"),
        Type::Lsn => {
            let inner = value.config().unwrap_or_default();
            let number = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
            let two = inner.entries().len() == 2 && inner.entries().iter().all(|e| number(e.key));
            if two { Ok(()) } else { wrong("not a journal position") }
        }
        Type::Number if value.i64().is_err() && value.u64().is_err() => wrong("not a number"),
        Type::Words(known) if !known.contains(&value.text) => wrong("not a known word"),
        Type::Group(_) | Type::Named(_) if value.kind != Kind::Struct => wrong("not a structure"),
        Type::Group(inner) => match value.config() {
            Ok(config) => keys(text, &config, inner),
            Err(e) => wrong(&e.message),
        },
        Type::Named(inner) => match value.config() {
            Ok(config) => {
                config.entries().iter().try_for_each(|e| self::value(text, e.key, e.value, Type::Group(inner)))
            }
            Err(e) => wrong(&e.message),
        },
        _ => Ok(()),
    }
}

/// Whether a key may have come of another one by a changed byte: in it, or one that cut it or joined it with its value.
fn is_torn(found: &str, key: &str) -> bool {
    /// Shorter pieces say nothing.
    const SHORTEST: usize = 2;
    let differing = || found.bytes().zip(key.bytes()).filter(|(a, b)| a != b).count();
    let part = |long: &str, short: &str| long.strip_prefix(short).or_else(|| long.strip_suffix(short)).is_some();
    (found.len() == key.len() && differing() == 1)
        || (found.len() >= SHORTEST && (part(key, found) || part(found, key)))
}
