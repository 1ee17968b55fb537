//! The checkpoint list of a file's metadata: `checkpoint=(NAME=(addr=..,order=..,...),...)`.

use super::config::{Config, Kind, Value, range_of, spliced, with_values};
use super::{FormatError, Result};
use std::ops::Range;

/// What checkpoints without a name of their own are called, with `.ORDER` behind it.
pub const UNNAMED: &str = "WiredTigerCheckpoint";

/// The transaction id that means "never", printed `-11`.
pub const TXN_MAX: u64 = u64::MAX - 10;
/// The timestamp that means "never", printed `-1`.
pub const TS_MAX: u64 = u64::MAX;

/// One checkpoint of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// The name; unnamed checkpoints are `WiredTigerCheckpoint.ORDER`.
    pub name: String,
    /// The cookie, decoded from hex. Empty: a checkpoint without a root.
    pub addr: Vec<u8>,
    /// Ascending number of the checkpoint within the file.
    pub order: i64,
    /// Seconds since the epoch.
    pub time: u64,
    /// Bytes; what they count depends on the build.
    pub size: u64,
    /// The write generation of the tree at this checkpoint.
    pub write_gen: u64,
    /// The write generation at the start of the run that wrote it; 0 if not recorded.
    pub run_write_gen: u64,
    /// The next free page id, disaggregated files only.
    pub next_page_id: Option<u64>,
    /// Newest durable timestamp of a start.
    pub newest_start_durable_ts: u64,
    /// Oldest start timestamp.
    pub oldest_start_ts: u64,
    /// Newest transaction id.
    pub newest_txn: u64,
    /// Newest durable timestamp of a stop.
    pub newest_stop_durable_ts: u64,
    /// Newest stop timestamp; [`TS_MAX`] if something is not deleted.
    pub newest_stop_ts: u64,
    /// Newest stop transaction; [`TXN_MAX`] if something is not deleted.
    pub newest_stop_txn: u64,
    /// The checkpoint holds prepared updates.
    pub prepare: bool,
}

/// Whether `size` and `write_gen` may be missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    /// As in a file's metadata.
    All,
    /// As in the earliest turtle pages, which had `addr`, `order` and `time` only.
    Legacy,
}

/// Read the structure `(NAME=(...),...)`. The last entry is the newest checkpoint.
pub fn parse(list: Value<'_>) -> Result<Vec<CheckpointEntry>> {
    parse_list(list, Required::All)
}

/// As [`parse`], but a missing `size` or `write_gen` counts as 0: the legacy turtle page.
pub fn parse_lenient(list: Value<'_>) -> Result<Vec<CheckpointEntry>> {
    parse_list(list, Required::Legacy)
}

/// Read the key `checkpoint` of a file's configuration; missing or empty is an empty list.
pub fn from_file_config(config: &Config<'_>) -> Result<Vec<CheckpointEntry>> {
    match config.get("checkpoint") {
        None => Ok(Vec::new()),
        Some(v) if v.kind != Kind::Struct && v.text.is_empty() => Ok(Vec::new()),
        Some(v) => parse(v),
    }
}

/// Whether this is the name of a checkpoint that the engine made without being given one.
pub fn is_unnamed(name: &str) -> bool {
    name.strip_prefix(UNNAMED).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The structure `(NAME=(...),...)` in the text of a file's metadata, as it stands there.
pub fn text_in(metadata: &str) -> Result<&str> {
    let value = Config::parse(metadata)?.get("checkpoint");
    let list = value.filter(|v| v.kind == Kind::Struct).map(|v| v.text);
    list.ok_or_else(|| FormatError::invalid("the metadata has no list of checkpoints"))
}

/// Metadata with other values in fields of the newest checkpoint. Every other byte stays.
pub fn with_newest(metadata: &str, fields: &[(&str, &str)]) -> Result<String> {
    let newest = Newest::find(metadata)?;
    let changed = newest.with(metadata, fields)?;
    Ok(spliced(metadata, &newest.value, &changed))
}

/// Metadata with one more checkpoint, which has the newest one's fields but for those given. `replace`:
/// it takes the place of the newest one.
pub fn with_next(metadata: &str, name: &str, fields: &[(&str, &str)], replace: bool) -> Result<String> {
    let newest = Newest::find(metadata)?;
    let changed = newest.with(metadata, fields)?;
    Ok(if replace {
        spliced(metadata, &(newest.name.start..newest.value.end), &format!("{name}={changed}"))
    } else {
        let end = newest.value.end;
        spliced(metadata, &(end..end), &format!(",{name}={changed}"))
    })
}

/// Where the newest checkpoint stands in a text.
struct Newest {
    name: Range<usize>,
    value: Range<usize>,
}

impl Newest {
    fn find(metadata: &str) -> Result<Self> {
        let list = text_in(metadata)?;
        let inner = list.get(1..list.len().saturating_sub(1)).unwrap_or_default();
        let entries = Config::parse(inner)?;
        let last = entries.entries().last().filter(|e| e.value.kind == Kind::Struct);
        let ranges = last.and_then(|e| Some((range_of(metadata, e.key)?, range_of(metadata, e.value.text)?)));
        let (name, value) = ranges.ok_or_else(|| FormatError::invalid("the list of checkpoints is empty"))?;
        Ok(Self { name, value })
    }

    /// Its value with other fields, all of which must be there.
    fn with(&self, metadata: &str, fields: &[(&str, &str)]) -> Result<String> {
        let text = metadata.get(self.value.clone()).unwrap_or_default();
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        let there = Config::parse(inner)?;
        if let Some((key, _)) = fields.iter().find(|(key, _)| there.get(key).is_none()) {
            return Err(FormatError::invalid(format!("{key} is missing in the newest checkpoint")));
        }
        Ok(format!("({})", with_values(inner, fields)?))
    }
}

fn parse_list(list: Value<'_>, required: Required) -> Result<Vec<CheckpointEntry>> {
    let list = list.config().map_err(|e| e.within("checkpoint list"))?;
    list.entries()
        .iter()
        .map(|e| {
            let context = || format!("checkpoint {}", super::config::shorten(e.key));
            let fields = e.value.config().map_err(|err| err.within(&context()))?;
            entry(e.key, &fields, required).map_err(|err| err.within(&context()))
        })
        .collect()
}

fn entry<'a>(name: &str, fields: &Config<'a>, required: Required) -> Result<CheckpointEntry> {
    if name.is_empty() {
        return Err(FormatError::invalid("checkpoint without a name"));
    }
    let need = |key: &str| fields.get(key).ok_or_else(|| FormatError::invalid(format!("{key} is missing")));
    let optional = |key: &str, read: fn(&Value<'a>) -> Result<u64>| match fields.get(key) {
        Some(v) => read(&v).map(Some).map_err(|e| e.within(key)),
        None => Ok(None),
    };
    let must = |key: &str, old: Required| match optional(key, Value::u64)? {
        Some(v) => Ok(v),
        None if old == Required::Legacy => Ok(0),
        None => need(key).and(Ok(0)),
    };
    // Timestamps and transaction ids are unsigned but printed signed; some had another name once.
    let stamp = |key: &str, older: Option<&str>, default: u64| match optional(key, Value::u64_printed_signed)? {
        Some(v) => Ok(v),
        None => match older {
            Some(older) => Ok(optional(older, Value::u64_printed_signed)?.unwrap_or(default)),
            None => Ok(default),
        },
    };
    Ok(CheckpointEntry {
        name: name.to_owned(),
        addr: address(need("addr")?)?,
        order: need("order")?.i64().map_err(|e| e.within("order"))?,
        time: must("time", Required::All)?,
        size: must("size", required)?,
        write_gen: must("write_gen", required)?,
        run_write_gen: optional("run_write_gen", Value::u64)?.unwrap_or(0),
        next_page_id: optional("next_page_id", Value::u64)?,
        newest_start_durable_ts: stamp("newest_start_durable_ts", Some("start_durable_ts"), 0)?,
        oldest_start_ts: stamp("oldest_start_ts", None, 0)?,
        newest_txn: stamp("newest_txn", None, 0)?,
        newest_stop_durable_ts: stamp("newest_stop_durable_ts", Some("stop_durable_ts"), 0)?,
        newest_stop_ts: stamp("newest_stop_ts", None, TS_MAX)?,
        newest_stop_txn: stamp("newest_stop_txn", None, TXN_MAX)?,
        prepare: match fields.get("prepare") {
            Some(v) => v.bool().map_err(|e| e.within("prepare"))?,
            None => false,
        },
    })
}

fn address(value: Value<'_>) -> Result<Vec<u8>> {
    match value.kind {
        Kind::Struct | Kind::Bool => Err(FormatError::invalid("addr is not a hexadecimal string")),
        _ => hex::decode(value.text).map_err(|e| FormatError::invalid(format!("addr is not hexadecimal: {e}"))),
    }
}
