//! The turtle page of a page log as a document.

use super::cookies::CookieInfo;
use super::view::{Problem, Stamp, Sum, time_hint, utc};
use super::wt_turtle::{self, WtTurtle};
use crate::format::checkpoint_list::{CheckpointEntry, TS_MAX, TXN_MAX};
use crate::format::crc::crc32c;
use crate::format::pagelog_turtle::{self, Turtle, TurtleForm};
use serde::Serialize;

/// How the turtle of a home begins, whether or not it is whole.
const HOME_TURTLE: &[u8] = b"WiredTiger version string\n";

/// A turtle page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TurtleReport {
    /// Bytes of the page.
    pub bytes: usize,
    /// crc32c of the page, to compare with `metadata_checksum`.
    pub crc32c: Sum,
    /// What else `wt turtle` printed, if the input is its output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wt_turtle: Option<WtTurtle>,
    /// The fields.
    #[serde(flatten)]
    pub content: Option<TurtleContent>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// The fields of a turtle page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TurtleContent {
    /// `spring`, `legacy`, `legacy-key`, `v1` or `v2`.
    pub form: &'static str,
    /// Version of the writer.
    pub version: Option<u32>,
    /// Minimum reader version.
    pub compatible_version: Option<u32>,
    /// Checkpoints of the shared metadata, the newest last.
    pub checkpoints: Vec<EntryInfo>,
    /// Timestamp.
    pub timestamp: Stamp,
    /// Oldest timestamp.
    pub oldest_timestamp: Option<Stamp>,
    /// Schema epoch.
    pub schema_epoch: Option<Stamp>,
    /// Highest file index in use.
    pub largest_file_id: Option<u64>,
    /// Highest write generation in use; 0 or nothing: the reader derives it.
    pub max_write_gen: Option<u64>,
    /// The same, by its name before version 4.
    pub base_write_gen: Option<u64>,
    /// Where the key page lies.
    pub key_provider: Option<KeyReferenceInfo>,
    /// Other keys and their text.
    pub unknown: Vec<Unknown>,
}

/// The reference to the key page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeyReferenceInfo {
    /// Page id.
    pub page_id: crate::id::PageId,
    /// LSN.
    pub lsn: crate::id::Lsn,
    /// The LSN as a time.
    pub lsn_time: Option<String>,
    /// Version of the reference.
    pub version: u32,
}

/// A key without a meaning here.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Unknown {
    /// The key.
    pub key: String,
    /// Its text.
    pub value: String,
}

/// One entry of a checkpoint list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct EntryInfo {
    /// Its name.
    pub name: String,
    /// Ascending number.
    pub order: i64,
    /// Seconds since 1970.
    pub time: u64,
    /// The same as a date.
    pub time_utc: String,
    /// Bytes.
    pub size: u64,
    /// Write generation.
    pub write_gen: u64,
    /// Write generation at the start of the run.
    pub run_write_gen: u64,
    /// Next free page id.
    pub next_page_id: Option<u64>,
    /// Oldest start timestamp.
    pub oldest_start_ts: u64,
    /// Newest durable start timestamp.
    pub newest_start_durable_ts: u64,
    /// Newest transaction.
    pub newest_txn: u64,
    /// Newest stop timestamp; `null` for none.
    pub newest_stop_ts: Option<u64>,
    /// Newest stop transaction; `null` for none.
    pub newest_stop_txn: Option<u64>,
    /// Newest durable stop timestamp.
    pub newest_stop_durable_ts: u64,
    /// Holds prepared updates.
    pub prepare: bool,
    /// The cookie of the root, in hexadecimal; empty for a checkpoint without a root.
    pub addr: String,
    /// The cookie decoded.
    pub root: Option<CookieInfo>,
}

/// Decode a turtle page: its bytes, or what `wt turtle` prints of it, as text or in the JSON of this document.
pub fn turtle(raw: &[u8]) -> TurtleReport {
    match wt_turtle::read(raw) {
        None => page(raw),
        Some(printed) => {
            let mut out = page(printed.page.as_bytes());
            wt_turtle::judge(&printed, out.crc32c, &mut out.problems, &mut out.notes);
            out.wt_turtle = Some(printed);
            out
        }
    }
}

fn page(raw: &[u8]) -> TurtleReport {
    let mut out = TurtleReport {
        bytes: raw.len(),
        crc32c: Sum(crc32c(raw)),
        wt_turtle: None,
        content: None,
        problems: Vec::new(),
        notes: Vec::new(),
    };
    if raw.starts_with(HOME_TURTLE) {
        out.notes.push("this is the WiredTiger.turtle of a home, not a page; wtcheck audit HOME reads it".into());
    } else if let Some(rest) = raw.strip_suffix(b"\n") {
        out.notes.push(format!(
            "ends with a line feed, which stored pages do not; without it the crc32c is {:08x}",
            crc32c(rest)
        ));
    }
    match pagelog_turtle::parse(raw) {
        Ok(t) => out.content = Some(turtle_content(t, &mut out.problems, &mut out.notes)),
        Err(e) => out.problems.push(e.into()),
    }
    out
}

fn turtle_content(t: Turtle, problems: &mut Vec<Problem>, notes: &mut Vec<String>) -> TurtleContent {
    let checkpoints = t.checkpoints.iter().map(|c| entry(c, problems, notes)).collect();
    TurtleContent {
        form: match t.form {
            TurtleForm::Spring => "spring",
            TurtleForm::Legacy => "legacy",
            TurtleForm::LegacyKey => "legacy-key",
            TurtleForm::V1 => "v1",
            TurtleForm::V2 => "v2",
        },
        version: t.version,
        compatible_version: t.compatible_version,
        checkpoints,
        timestamp: Stamp::new(t.timestamp),
        oldest_timestamp: t.oldest_timestamp.map(Stamp::new),
        schema_epoch: t.schema_epoch.map(Stamp::new),
        largest_file_id: t.largest_file_id,
        max_write_gen: t.max_write_gen,
        base_write_gen: t.max_write_gen,
        key_provider: t.key_provider.map(|k| KeyReferenceInfo {
            page_id: k.page_id,
            lsn: k.lsn,
            lsn_time: time_hint(k.lsn.get()),
            version: k.version,
        }),
        unknown: t.unknown.into_iter().map(|(key, value)| Unknown { key, value }).collect(),
    }
}

fn entry(c: &CheckpointEntry, problems: &mut Vec<Problem>, notes: &mut Vec<String>) -> EntryInfo {
    let root = if c.addr.is_empty() { None } else { Some(CookieInfo::decode(&c.addr)) };
    let root = root.and_then(|r| r.map_err(|e| problems.push(e.within(&c.name).into())).ok());
    if let (Some(root), Some(next)) = (&root, c.next_page_id)
        && root.page_id >= next
    {
        notes.push(format!("{}: root page {} is not below next_page_id {next}", c.name, root.page_id));
    }
    EntryInfo {
        name: c.name.clone(),
        order: c.order,
        time: c.time,
        time_utc: date(c.time),
        size: c.size,
        write_gen: c.write_gen,
        run_write_gen: c.run_write_gen,
        next_page_id: c.next_page_id,
        oldest_start_ts: c.oldest_start_ts,
        newest_start_durable_ts: c.newest_start_durable_ts,
        newest_txn: c.newest_txn,
        newest_stop_ts: (c.newest_stop_ts != TS_MAX).then_some(c.newest_stop_ts),
        newest_stop_txn: (c.newest_stop_txn != TXN_MAX).then_some(c.newest_stop_txn),
        newest_stop_durable_ts: c.newest_stop_durable_ts,
        prepare: c.prepare,
        addr: hex::encode(&c.addr),
        root,
    }
}

/// A date, for seconds that have one in this millennium.
fn date(seconds: u64) -> String {
    if seconds <= u64::from(u32::MAX) { utc(seconds) } else { "out of range".to_string() }
}
