//! The rows that a home shows: what an engine would have after it has opened it, or at a checkpoint or a timestamp.
//!
//! The metadata is changed by the log, then each file is read at its checkpoint: a file with a log is put over
//! by what the log says, any other is rolled back to the stable timestamp with the help of the history store.

pub mod catalog;
pub mod fetch;
pub mod found;
pub mod history;
pub mod overlay;
mod page_keys;
pub mod replay;
pub mod rows;
pub mod strays;
pub mod system;
pub mod version;
pub mod walk;

use self::catalog::{Parts, Table};
use self::history::{History, Older};
use self::overlay::Overlay;
use self::replay::Replay;
use self::rows::Content;
use self::system::System;
use self::version::{How, Release, Standpoint};
use super::directory::Home;
use super::entry::{FileEntry, Source};
use super::files::{HISTORY_STORE, METADATA};
use super::wtlog::Start;
use crate::format::checkpoint_list::{self, CheckpointEntry};
use crate::format::config::Config;
use crate::page::cell::TS_MAX;
use crate::store::blockfile::BlockFile;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Where in time a home is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// What the engine would show after it has opened the home.
    Recovered,
    /// The newest checkpoint as it stands: no log, nothing rolled back.
    Checkpoint,
    /// A checkpoint with a name.
    Named(String),
    /// A timestamp, after recovery.
    Timestamp(u64),
}

/// Why a home cannot be looked at in that way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AtError {
    /// No file has such a checkpoint.
    #[error("no table has a checkpoint {0}")]
    NoCheckpoint(String),
    /// The home has no history that goes so far.
    #[error("timestamp {at:x} is outside the range that the directory keeps: {oldest:x} to {stable:x}")]
    Outside { at: u64, oldest: u64, stable: u64 },
    /// The home keeps no timestamps.
    #[error("the directory has no stable timestamp, so no point in time can be read")]
    NoTimestamps,
}

/// A home at a point in time.
pub struct Recovered {
    pub at: At,
    /// Rows of the metadata, after the log.
    pub rows: BTreeMap<String, String>,
    /// Files of them by name, and those that no row names.
    pub files: BTreeMap<String, FileEntry>,
    pub tables: Vec<Table>,
    pub system: System,
    /// The log that goes over the checkpoint.
    pub replay: Option<Replay>,
    /// What it says of files that will be asked for soon: one pass over the log reads that of many.
    ready: Mutex<HashMap<u64, Overlay>>,
    /// The engine had a log: tables with `log=(enabled=true)` are not rolled back.
    pub logging: bool,
    /// What would be rolled back needs the history store, which is in the metadata and not here.
    pub history_missing: bool,
    release: Option<Release>,
    /// The release of the engine, as far as it is known.
    pub engine: Option<(u32, u32)>,
}

impl Recovered {
    /// Read the metadata of a home, and the log as far as it changes it.
    pub fn open(home: &Home, at: At) -> Result<Self, AtError> {
        let engine = home.engine();
        let mut bytes: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut start = Start::Unknown;
        if let Some(entry) = home.file(METADATA)
            && let Ok(file) = BlockFile::open_file(&home.path(METADATA), true)
        {
            let found = super::rows::read(&file, entry);
            bytes.extend(found.rows);
            start = home.replay_start;
        }
        let ended = |text: &str| [text.as_bytes(), &[0]].concat();
        bytes.extend(home.backup.iter().map(|(key, value)| (ended(key), ended(value))));
        let log = home.log.as_ref().ok().filter(|_| matches!(at, At::Recovered | At::Timestamp(_)));
        let compressor = log.and_then(|l| l.files.iter().find_map(|f| f.compressor));
        let replay = log.and_then(|log| Replay::prepare(log, start, compressor, &mut bytes));
        // The files of a backup copy are those of its own checkpoint; the log may know of a later one.
        for (key, value) in home.backup.iter().filter(|(key, _)| key.starts_with("file:")) {
            if let Some(row) = bytes.get_mut(&ended(key)) {
                *row = ended(value);
            }
        }
        let logging = home.log.as_ref().is_ok_and(|l| !l.files.is_empty()) && start != Start::Never;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned();
        let mut rows: BTreeMap<String, String> = bytes.iter().map(|(k, v)| (text(k), text(v))).collect();
        let mut files = BTreeMap::new();
        for (key, value) in &rows {
            if let Some(name) = key.strip_prefix("file:")
                && let Ok(entry) = FileEntry::parse(name, value, Source::Metadata)
            {
                files.insert(name.to_string(), entry);
            }
        }
        // What the metadata does not name, or not any more, and lies here all the same.
        let complete = home.complete;
        for entry in home.files.iter().filter(|e| e.name != METADATA && !e.in_page_log) {
            if !complete && !files.contains_key(&entry.name) {
                files.insert(entry.name.clone(), entry.clone());
                rows.entry(format!("file:{}", entry.name)).or_insert_with(|| entry_text(entry));
            }
        }
        let name = match &at {
            At::Named(name) => Some(name.as_str()).filter(|n| *n != checkpoint_list::UNNAMED),
            _ => None,
        };
        let system = System::of(&rows, name);
        let release = engine.and_then(|(major, _)| match major {
            ..=9 => None,
            10 => Some(Release::Ten),
            _ => Some(Release::Eleven),
        });
        if let Some(name) = name {
            let known = files.values().any(|f| f.checkpoints.iter().any(|c| c.name == *name));
            if !known {
                return Err(AtError::NoCheckpoint(name.to_string()));
            }
        }
        if let At::Timestamp(at) = at {
            if system.stable == 0 || release.is_none() {
                return Err(AtError::NoTimestamps);
            }
            if at > system.stable || at < system.oldest {
                return Err(AtError::Outside { at, oldest: system.oldest, stable: system.stable });
            }
        }
        let has_history = rows.contains_key(&format!("file:{HISTORY_STORE}"));
        let history_missing = has_history && !home.inventory.contains_key(HISTORY_STORE);
        let mut tables = catalog::tables(&rows);
        tables.retain(|t| t.uri != format!("file:{HISTORY_STORE}"));
        Ok(Self {
            at,
            rows,
            files,
            tables,
            system,
            replay,
            ready: Mutex::default(),
            logging,
            history_missing,
            release: release.filter(|_| has_history),
            engine,
        })
    }

    /// Whether a file has its changes in the log.
    pub fn is_logged(&self, file: &str) -> bool {
        let enabled = || {
            let text = self.rows.get(&format!("file:{file}"))?;
            let config = Config::parse(text).ok()?;
            let log = config.get("log")?.config().ok()?;
            log.get("enabled")?.bool().ok()
        };
        self.logging && enabled().unwrap_or(true)
    }

    /// The checkpoint of a file that counts.
    pub fn checkpoint<'e>(&self, entry: &'e FileEntry) -> Option<&'e CheckpointEntry> {
        match &self.at {
            // The last one that was given no name.
            At::Named(name) if *name == checkpoint_list::UNNAMED => {
                entry.checkpoints.iter().rev().find(|c| checkpoint_list::is_unnamed(&c.name))
            }
            At::Named(name) => entry.checkpoints.iter().rev().find(|c| c.name == *name),
            _ => entry.checkpoints.last(),
        }
    }

    /// Where to stand in a file: what its checkpoint says decides whether it is rolled back.
    pub fn standpoint(&self, entry: &FileEntry) -> Standpoint {
        let newest = Standpoint::newest();
        let Some(release) = self.release else { return newest };
        let Some(last) = self.checkpoint(entry) else { return newest };
        let logged = self.is_logged(&entry.name);
        let system = &self.system;
        let old_pages =
            if !logged && last.run_write_gen >= system.base_write_gen { last.run_write_gen } else { u64::MAX };
        let stable = if system.stable == 0 { TS_MAX } else { system.stable };
        let snapshot = system.snapshot.clone();
        let full = |how, stable| Standpoint {
            how,
            release,
            stable,
            oldest: system.oldest,
            snapshot: snapshot.clone(),
            old_pages,
        };
        match &self.at {
            At::Checkpoint => Standpoint { release, ..newest },
            At::Named(_) if release == Release::Ten || !system.has_snapshot => Standpoint { release, ..newest },
            At::Named(_) => {
                let at = if system.stable == 0 { u64::MAX } else { system.stable };
                let old_pages = system.snapshot_gen.unwrap_or(last.run_write_gen);
                // A reader of a checkpoint sees what was durable by then.
                Standpoint { old_pages, ..full(How::At(at), at) }
            }
            At::Timestamp(_) if logged => Standpoint { release, ..newest },
            At::Timestamp(at) => full(How::At(*at), stable),
            At::Recovered if logged => Standpoint { release, ..newest },
            At::Recovered => {
                let durable = |c: &CheckpointEntry| c.newest_start_durable_ts.max(c.newest_stop_durable_ts);
                let newest_durable = entry.checkpoints.iter().map(durable).max().unwrap_or(0);
                let prepared = entry.checkpoints.iter().any(|c| c.prepare);
                let min = snapshot.min;
                let ids = min != 0 && last.newest_txn >= min;
                // Entries from before there were durable timestamps.
                let text = self.rows.get(&format!("file:{}", entry.name)).map(String::as_str).unwrap_or_default();
                let undated = !text.contains("durable_ts=");
                let rolled = match release {
                    Release::Ten if system.stable == 0 && newest_durable != 0 => false,
                    Release::Ten => newest_durable > stable || prepared || undated || (newest_durable == 0 && ids),
                    Release::Eleven => {
                        newest_durable > stable || prepared || (ids && last.write_gen >= system.base_write_gen)
                    }
                };
                if rolled { full(How::RollBack, stable) } else { Standpoint { release, ..newest } }
            }
        }
    }

    /// The contents of some files, in their order.
    pub fn contents(&self, home: &Home, names: &[String]) -> Vec<io::Result<Content>> {
        names
            .iter()
            .map(|name| {
                let entry = self.files.get(name).cloned().unwrap_or_else(|| FileEntry::nothing(name, 4096));
                let file = Arc::new(BlockFile::open_file(&home.path(name), true)?);
                let point = self.standpoint(&entry);
                let overlay = entry.id.and_then(|id| self.overlay(id));
                let text = self.rows.get(&format!("file:{name}")).map(String::as_str).unwrap_or_default();
                let overlay = overlay.unwrap_or_else(|| Overlay::new(rows::order(&entry, &collator(text)), false));
                let history = self.history(home, &point);
                let cookie = self.checkpoint(&entry).map(|c| c.addr.clone()).unwrap_or_default();
                Ok(Content { file, entry, cookie, point, history, overlay, only: None })
            })
            .collect()
    }

    /// What the log says of a file.
    fn overlay(&self, id: u64) -> Option<Overlay> {
        let replay = self.replay.as_ref().filter(|r| r.touches(id))?;
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(overlay) = ready.remove(&id) {
            return Some(overlay);
        }
        // In the order in which tables are dumped.
        let of_tables = self.tables.iter().flat_map(|t| match &t.parts {
            Parts::File(file) | Parts::Index { file, .. } => vec![file.as_str()],
            Parts::Groups(groups) => groups.iter().map(|(file, _)| file.as_str()).collect(),
            Parts::Foreign(_) => Vec::new(),
        });
        let ids: Vec<u64> = of_tables.filter_map(|file| self.files.get(file)?.id).collect();
        let group = replay.groups(&ids).into_iter().find(|group| group.contains(&id)).unwrap_or_else(|| vec![id]);
        let empty = |entry: &FileEntry| {
            let text = self.rows.get(&format!("file:{}", entry.name)).map(String::as_str).unwrap_or_default();
            let overlay = Overlay::new(rows::order(entry, &collator(text)), entry.value_format == "S");
            Some((entry.id.filter(|id| group.contains(id))?, (replay::checkpoint_lsn(text), overlay)))
        };
        let mut overlays: HashMap<u64, (Start, Overlay)> = self.files.values().filter_map(empty).collect();
        replay.fill(&mut overlays);
        *ready = overlays.into_iter().map(|(id, (_, overlay))| (id, overlay)).collect();
        ready.remove(&id)
    }

    /// The history store, where it is wanted: of a row that needs one that cannot be opened nothing is known.
    fn history(&self, home: &Home, point: &Standpoint) -> Older {
        let entry = self.files.get(HISTORY_STORE).filter(|_| point.wants_history());
        let Some((entry, last)) = entry.and_then(|e| Some((e.clone(), self.checkpoint(e)?))) else {
            return Older::None;
        };
        let Ok(file) = BlockFile::open_file(&home.path(HISTORY_STORE), true) else { return Older::Unread };
        let old_pages = if last.run_write_gen >= self.system.base_write_gen { last.run_write_gen } else { u64::MAX };
        let own = Standpoint { how: How::Newest, old_pages, ..point.clone() };
        let cookie = last.addr.clone();
        Older::Open(Box::new(History::open(file, entry, &cookie, own)))
    }
}

fn collator(text: &str) -> String {
    let config = Config::parse(text).ok();
    config.and_then(|c| c.get("collator").map(|v| v.as_str().to_string())).unwrap_or_default()
}

/// The row of a file that no metadata has, as far as the file tells.
fn entry_text(entry: &FileEntry) -> String {
    format!("key_format={},value_format={}", entry.key_format, entry.value_format)
}
