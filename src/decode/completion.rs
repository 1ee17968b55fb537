//! A completion record as a document.

use super::config::{ConfigEntry, Tree};
use super::view::{Problem, Sum, time_hint};
use crate::format::Class;
use crate::format::completion;
use crate::format::config::Config;
use serde::Serialize;

/// Keys of a completion record that have a meaning here.
const COMPLETION_KEYS: [&str; 6] =
    ["metadata_lsn", "metadata_checksum", "database_size", "version", "compatible_version", "id"];
/// Readers from this version on take stable values as they are; older ones unescape them.
const UNESCAPED_FROM: u32 = 2;

/// A completion record.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CompletionReport {
    /// LSN of the turtle page.
    pub metadata_lsn: Option<crate::id::Lsn>,
    /// The LSN as a time, where it looks like one.
    pub metadata_lsn_time: Option<String>,
    /// crc32c of the turtle page.
    pub metadata_checksum: Option<Sum>,
    /// Bytes of the database.
    pub database_size: Option<u64>,
    /// Version of the writer.
    pub version: Option<u32>,
    /// Minimum reader version.
    pub compatible_version: Option<u32>,
    /// Keys that are missing and have a default.
    pub defaulted: Vec<&'static str>,
    /// How stable values are stored: `escaped` or `plain`.
    pub stable_values: Option<&'static str>,
    /// Checkpoint id, PALM only.
    pub id: Option<u64>,
    /// Other keys.
    pub unknown: Vec<ConfigEntry>,
    /// What a pick-up by the newest engine answers: `ok` or an error.
    pub pick_up: &'static str,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// Decode a completion record.
pub fn completion(raw: &[u8]) -> CompletionReport {
    let mut out = CompletionReport { pick_up: "ok", ..CompletionReport::default() };
    let config = Config::parse_bytes(raw).ok();
    if let Some(config) = &config {
        let mut tree = Tree::default();
        out.unknown = config
            .entries()
            .iter()
            .filter(|e| !COMPLETION_KEYS.contains(&e.key))
            .map_while(|e| tree.entry(e.key, &e.value))
            .collect();
    }
    match completion::parse(raw) {
        Ok(c) => {
            out.metadata_lsn = Some(c.metadata_lsn);
            out.metadata_lsn_time = time_hint(c.metadata_lsn.get());
            out.metadata_checksum = c.metadata_checksum.map(Sum);
            out.database_size = c.database_size;
            out.version = Some(c.version);
            out.compatible_version = Some(c.compatible_version);
            out.stable_values = Some(if c.compatible_version < UNESCAPED_FROM { "escaped" } else { "plain" });
            out.id = c.id;
            let missing = |key: &&str| config.as_ref().is_some_and(|c| c.get(key).is_none());
            out.defaulted = ["version", "compatible_version"].into_iter().filter(missing).collect();
            if c.metadata_checksum.is_none() {
                out.notes.push("without metadata_checksum, a pick-up warns and does not check the turtle page".into());
            }
            if c.database_size.is_none() {
                out.pick_up = Class::NotFound.name();
                out.notes.push(
                    "without database_size, a pick-up fails with WT_NOTFOUND since 2026-05-06; earlier builds accept it"
                        .into(),
                );
            }
        }
        Err(e) => {
            out.pick_up = e.class.name();
            out.problems.push(e.into());
        }
    }
    out
}
