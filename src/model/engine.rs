//! What a checkpoint publishes: shared metadata, turtle page, completion record; and key pages.

use super::fault::{Alter, Fail, Form, Role};
use super::pagelog::Log;
use super::tree::{Page, TIME, Tree};
use crate::audit::pagelog::account::BUFFER;
use crate::format::completion::{Completion, READER_VERSION};
use crate::format::crc::crc32c;
use crate::format::generation::Generation;
use crate::format::key_page;
use crate::format::pagelog_ids::{HISTORY_TABLE, KEY_TABLE, METADATA_TABLES, SPECIAL_PAGE, TURTLE_TABLES};
use crate::format::pagelog_turtle;
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{SHARED_HISTORY, SHARED_METADATA};
use serde::Serialize;
use std::collections::BTreeMap;

/// Index of the first user table; its id is the index times 8 plus the namespace 1.
const FIRST_INDEX: u64 = 3;
/// Rows of the shared metadata on a page. A scenario's tables all fit one.
const METADATA_ROWS: usize = 80;
/// Children of an internal page of the shared metadata.
const METADATA_FANOUT: usize = 100;
/// Length of the key that a key page holds.
pub const KEY_BYTES: usize = 32;

/// What a checkpoint published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Published {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// `database_size`.
    pub database_size: u64,
}

/// All but the user tables.
#[derive(Debug)]
pub struct Engine {
    generation: Generation,
    pub log: Log,
    /// The tree of the shared metadata.
    pub metadata: Tree,
    history: Tree,
    /// The metadata's rows at the last checkpoint.
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    tables: u64,
    turtle: Lsn,
    /// The key page that turtle pages embed.
    pub key_lsn: Option<Lsn>,
    /// Completion records: LSN, timestamp, text.
    pub completions: Vec<(Lsn, u64, String)>,
    /// What happens to the next checkpoint's metadata, turtle page or completion record.
    pub strikes: Vec<(Role, Alter)>,
    /// Stable files that the metadata's tables name and the metadata does not have.
    pub ghosts: Vec<String>,
    /// Bytes that `database_size` has lost.
    pub lost_bytes: u64,
    /// Seconds that have passed beside those of the checkpoints.
    pub clock: u64,
}

impl Engine {
    /// An engine of a generation that keeps discard records.
    pub fn new(generation: Generation, log: Log) -> Self {
        let own = |uri: &str, newer: TableId, older: TableId| {
            let table = if generation.keeps_sizes() { newer } else { older };
            Tree::new(uri.to_string(), table, generation, METADATA_FANOUT)
        };
        let [newer, older, ..] = METADATA_TABLES;
        let mut history = own(SHARED_HISTORY, HISTORY_TABLE, TableId(3));
        // No history is ever kept here: a tree without a root.
        history.enter();
        Self {
            generation,
            log,
            metadata: own(SHARED_METADATA, newer, older),
            history,
            rows: Vec::new(),
            tables: 0,
            turtle: Lsn::NONE,
            key_lsn: None,
            completions: Vec::new(),
            strikes: Vec::new(),
            ghosts: Vec::new(),
            lost_bytes: 0,
            clock: 0,
        }
    }

    /// Table of the turtle page.
    pub fn turtle_table(&self) -> TableId {
        let [newer, older] = TURTLE_TABLES;
        if self.generation.keeps_sizes() { newer } else { older }
    }

    /// The tree of a new user table.
    pub fn table(&mut self, name: &str, fanout: usize) -> Tree {
        self.tree(format!("file:{name}.wt_stable"), fanout)
    }

    /// The tree of a user table that is created under the URI of another.
    pub fn tree(&mut self, uri: String, fanout: usize) -> Tree {
        let n = self.tables;
        self.tables = n.saturating_add(1);
        let index = FIRST_INDEX.saturating_add(n);
        let id = if self.generation.keeps_sizes() { (index << 3) + 1 } else { (n << 1) + 5 };
        Tree::new(uri, TableId(id), self.generation, fanout)
    }

    /// Put a key page of a time.
    pub fn put_key(&mut self, secret: &[u8], time: u64) -> Lsn {
        let page = match self.generation {
            Generation::July2026 => key_page::encode_v2(secret, timestamp(time)),
            _ => key_page::encode_v1(secret),
        };
        let link = (self.key_lsn.unwrap_or_default(), Lsn::NONE);
        self.log.put((KEY_TABLE, SPECIAL_PAGE), link, 0, page)
    }

    fn struck(&self, role: Role) -> Option<Alter> {
        self.strikes.iter().find(|s| s.0 == role).map(|s| s.1)
    }

    /// The roots are written: write the metadata, the turtle page and the completion record, and free the
    /// roots before. Trees that are not named are dropped.
    pub fn publish(&mut self, mut trees: Vec<&mut Tree>) -> Published {
        self.write_metadata(&trees);
        let stamp = timestamp(self.completions.len() as u64).saturating_add(self.clock << 32);
        let newest = trees.iter().map(|t| t.entry.write_gen).fold(self.metadata.entry.write_gen, u64::max);
        let turtle = self.turtle_text(stamp, newest);
        let checksum = crc32c(turtle.as_bytes());
        // The turtle page of 2025 had no link.
        let backlink = if self.generation.keeps_sizes() { self.turtle } else { Lsn::NONE };
        self.log.strike(self.struck(Role::Turtle));
        self.turtle = self.log.put((self.turtle_table(), SPECIAL_PAGE), (backlink, Lsn::NONE), 0, turtle.into_bytes());
        let own = self.metadata.entry.size.saturating_add(self.history.entry.size);
        let sizes = trees.iter().map(|t| t.entry.size).fold(own, u64::saturating_add);
        let database_size = BUFFER.saturating_add(sizes).saturating_sub(self.lost_bytes);
        let version = if self.generation >= Generation::July2026 { READER_VERSION } else { 1 };
        let text = Completion {
            metadata_lsn: self.turtle,
            metadata_checksum: Some(checksum),
            database_size: self.generation.keeps_sizes().then_some(database_size),
            version,
            compatible_version: version,
            has_versions: self.generation.keeps_sizes(),
            id: None,
        }
        .to_text();
        let lsn = self.log.next_lsn();
        self.log.strike(self.struck(Role::Completion));
        if let Some(text) = self.log.on_the_way(text.into_bytes()) {
            self.completions.push((lsn, stamp, String::from_utf8_lossy(&text).into_owned()));
        }
        self.strikes.clear();
        for tree in trees.iter_mut().map(|t| &mut **t).chain([&mut self.metadata]) {
            tree.discard_old_root(&mut self.log);
        }
        Published { lsn, metadata_lsn: self.turtle, database_size }
    }

    fn write_metadata(&mut self, trees: &[&mut Tree]) {
        let rows = self.metadata_rows(trees);
        self.metadata.leaves.resize(rows.len().div_ceil(METADATA_ROWS), Page::default());
        for (at, page) in rows.chunks(METADATA_ROWS).enumerate() {
            if self.rows.chunks(METADATA_ROWS).nth(at) == Some(page) {
                continue;
            }
            if at == 0 {
                self.log.strike(self.struck(Role::Metadata));
            }
            let page: Vec<_> = page.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
            // Nothing fails here.
            let _ = self.metadata.write(&mut self.log, at, Form::Full, &page, Fail::None);
        }
        self.rows = rows;
        let key = |leaf: usize, out: &mut Vec<u8>| {
            out.extend(self.rows.get(leaf.saturating_mul(METADATA_ROWS)).into_iter().flat_map(|row| &row.0));
        };
        if self.metadata.is_dirty() && self.metadata.write_root(&mut self.log, &key, Fail::None).is_ok() {
            self.metadata.enter();
        }
    }

    /// The rows of the shared metadata, in key order.
    fn metadata_rows(&self, trees: &[&mut Tree]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows: BTreeMap<String, String> = BTreeMap::new();
        for tree in trees {
            rows.insert(tree.uri.clone(), tree.config(("u", "u")));
        }
        for uri in trees.iter().map(|t| &t.uri).chain(&self.ghosts) {
            let name = uri.trim_start_matches("file:").trim_end_matches(".wt_stable");
            let layered = format!(
                "ingest=\"file:{name}.wt_ingest\",key_format=u,log=(enabled=false),stable=\"{uri}\",value_format=u"
            );
            rows.insert(format!("layered:{name}"), layered);
            rows.insert(format!("colgroup:{name}"), format!("source=\"layered:{name}\",type=layered"));
            rows.insert(format!("table:{name}"), "colgroups=,columns=,key_format=u,value_format=u".to_string());
        }
        rows.insert(self.history.uri.clone(), self.history.config(("IuQQ", "QQQu")));
        let ended = |text: String| (text + "\0").into_bytes();
        rows.into_iter().map(|(uri, text)| (ended(uri), ended(text))).collect()
    }

    fn turtle_text(&self, stamp: u64, write_gen: u64) -> String {
        let list = self.metadata.checkpoint_list();
        let key = self.key_lsn.map(|l| format!(",\nkey_provider=(page.1=(page_id=1,lsn={l}),version=1)"));
        let key = key.unwrap_or_default();
        let first = timestamp(0);
        match self.generation {
            Generation::June2025 | Generation::Autumn2025 => format!("{list}\ntimestamp={stamp:x}\n"),
            Generation::February2026 => {
                format!("checkpoint={list},\ntimestamp={stamp:x},\noldest_timestamp={first:x}{key}")
            }
            Generation::July2026 => format!(
                "version={},compatible_version=1,\ncheckpoint={list},\ntimestamp={stamp:x},\n\
                 oldest_timestamp={first:x},\nschema_epoch=0,\nlargest_file_id={},\nmax_write_gen={write_gen}{key}",
                pagelog_turtle::READER_VERSION,
                FIRST_INDEX.saturating_add(self.tables).saturating_sub(1)
            ),
        }
    }
}

/// A timestamp as MongoDB makes them: seconds and a counter.
fn timestamp(n: u64) -> u64 {
    TIME << 32 | n.saturating_add(1)
}
