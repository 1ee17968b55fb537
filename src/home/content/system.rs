//! The state that a checkpoint states in the rows `system:` of the metadata: timestamps, snapshot, write generation.

use super::version::Snapshot;
use crate::format::config::Config;
use std::collections::BTreeMap;

/// What the system rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// The stable timestamp that the checkpoint was made with; 0: none.
    pub stable: u64,
    pub oldest: u64,
    pub snapshot: Snapshot,
    /// The first write generation of the last run of the engine.
    pub base_write_gen: u64,
    /// Write generation of the snapshot row, where it says one.
    pub snapshot_gen: Option<u64>,
    /// There is a row of the checkpoint's snapshot.
    pub has_snapshot: bool,
}

impl System {
    /// Of the last checkpoint, or of one with a name. Numbers that cannot be read count as missing.
    pub fn of(rows: &BTreeMap<String, String>, name: Option<&str>) -> Self {
        let suffix = name.map(|n| format!(".{n}")).unwrap_or_default();
        let row = |word: &str| rows.get(&format!("system:{word}{suffix}")).map(String::as_str);
        let hex = |text: Option<&str>, key: &str| {
            let config = Config::parse(text?).ok()?;
            config.get(key)?.hex_u64().ok()
        };
        let number = |text: Option<&str>, key: &str| {
            let config = Config::parse(text?).ok()?;
            config.get(key)?.u64().ok()
        };
        let snapshot = row("checkpoint_snapshot");
        let running = |text: &str| {
            let config = Config::parse(text).ok()?;
            let list = config.get("snapshots")?;
            // A list of numbers in brackets.
            let inner = list.text.trim_matches(|c| c == '[' || c == ']' || c == '(' || c == ')');
            Some(inner.split(',').filter_map(|n| n.trim().parse().ok()).collect::<Vec<u64>>())
        };
        let base = rows.get("system:checkpoint_base_write_gen").map(String::as_str);
        Self {
            stable: hex(row("checkpoint"), "checkpoint_timestamp").unwrap_or(0),
            oldest: hex(row("oldest"), "oldest_timestamp").unwrap_or(0),
            snapshot: Snapshot {
                min: number(snapshot, "snapshot_min").unwrap_or(0),
                max: number(snapshot, "snapshot_max").unwrap_or(0),
                running: snapshot.and_then(running).unwrap_or_default(),
            },
            base_write_gen: number(base, "base_write_gen").unwrap_or(0),
            snapshot_gen: number(snapshot, "write_gen"),
            has_snapshot: snapshot.is_some(),
        }
    }
}
