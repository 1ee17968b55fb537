//! A new PALite directory, row by row or from rows that are all known: in one
//! piece, without a `-wal` beside it.

use super::{SHARDS, StoreError};
use crate::format::generation::Generation;
use crate::id::{Lsn, TableId};
use crate::store::edit::NewRow;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fs;
use std::path::{Path, PathBuf};

/// The clock of all rows: everything is materialised long since.
const MATERIALIZED: i64 = 1;

pub(super) const CHECKPOINTS: &str = "CREATE TABLE checkpoints \
                           (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB, PRIMARY KEY (lsn, timestamp))";
pub(super) const GLOBALS: &str = "CREATE TABLE globals (id INTEGER, val INTEGER, PRIMARY KEY (id, val))";

/// All that a page log holds.
#[derive(Debug, Clone, Default)]
pub struct NewStore {
    pub rows: Vec<NewRow>,
    /// Completion records: LSN, timestamp, text.
    pub completions: Vec<(Lsn, u64, String)>,
    /// The last LSN assigned.
    pub last_lsn: Lsn,
}

/// Write the databases into an empty directory, `kv_home/`, as the builds since 2026-03-31 do. They are
/// durable when it returns.
pub fn create(kv_home: &Path, store: &NewStore) -> Result<(), StoreError> {
    let mut writer = Writer::new(kv_home, Generation::July2026)?;
    store.rows.iter().try_for_each(|row| writer.put(row))?;
    writer.finish(&store.completions, store.last_lsn)?;
    let sync = || fs::read_dir(kv_home)?.try_for_each(|entry| fs::File::open(entry?.path())?.sync_all());
    sync().map_err(|e| StoreError::Unreadable { path: kv_home.to_path_buf(), reason: e.to_string() })
}

/// Writes a page log. Nobody reads it before it is whole, so it needs no journal, and its one
/// transaction ends with it.
#[derive(Debug)]
pub struct Writer {
    kv_home: PathBuf,
    generation: Generation,
    files: BTreeMap<String, Connection>,
    tables: BTreeSet<TableId>,
}

impl Writer {
    /// Into an empty directory, `kv_home/`.
    pub fn new(kv_home: &Path, generation: Generation) -> Result<Self, StoreError> {
        let (kv_home, files) = (kv_home.to_path_buf(), BTreeMap::new());
        let mut out = Self { kv_home, generation, files, tables: BTreeSet::new() };
        let shards = if out.is_sharded() { SHARDS } else { 0 };
        (0..shards).try_for_each(|shard| out.pages(TableId(shard)).map(|_| ())).map_err(|e| out.failed(&e))?;
        Ok(out)
    }

    /// Databases that hold several tables came with 17 of them.
    fn is_sharded(&self) -> bool {
        self.generation >= Generation::July2026
    }

    fn failed(&self, e: &rusqlite::Error) -> StoreError {
        StoreError::Unreadable { path: self.kv_home.clone(), reason: e.to_string() }
    }

    /// The database of a table's pages.
    fn pages(&mut self, table: TableId) -> rusqlite::Result<&Connection> {
        let shard = format!("pages_{:02}.db", table.get() % SHARDS);
        let name = if self.is_sharded() { shard } else { format!("pages_{table:06}.db") };
        match self.files.entry(name) {
            Entry::Occupied(file) => Ok(file.into_mut()),
            Entry::Vacant(file) => {
                // The column was there in late 2025 only.
                let column = if self.generation < Generation::February2026 { " encryption STRING," } else { "" };
                let schema = format!(
                    "PRAGMA page_size=16384; PRAGMA cache_size=-16384;
                     CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
                     backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
                     delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) VIRTUAL,
                     discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) VIRTUAL,{column}
                     timestamp_materialized_us INTEGER NOT NULL, page_data BLOB,
                     PRIMARY KEY (table_id, page_id, lsn));
                     CREATE UNIQUE INDEX ux_delta ON pages (table_id, page_id, backlink_lsn)
                     WHERE delta = 1 AND discarded = 0"
                );
                let conn = begin(&self.kv_home.join(file.key()), &schema)?;
                Ok(file.insert(conn))
            }
        }
    }

    /// Put a row. A second delta with the same backlink takes the place of the first.
    pub fn put(&mut self, row: &NewRow) -> Result<(), StoreError> {
        self.tables.insert(row.table);
        let sql = "INSERT OR REPLACE INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, \
                   timestamp_materialized_us, page_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values = params![
            row.table.get().cast_signed(),
            row.page.get().cast_signed(),
            row.lsn.get().cast_signed(),
            row.backlink_lsn.get().cast_signed(),
            row.base_lsn.get().cast_signed(),
            row.flags,
            MATERIALIZED,
            row.data
        ];
        let put = self.pages(row.table).and_then(|conn| conn.prepare_cached(sql)?.execute(values));
        put.map(|_| ()).map_err(|e| self.failed(&e))
    }

    /// Write the completion records and the counters, and end all transactions.
    pub fn finish(mut self, completions: &[(Lsn, u64, String)], last_lsn: Lsn) -> Result<(), StoreError> {
        let files = std::mem::take(&mut self.files);
        let end_all = || {
            let conn = begin(&self.kv_home.join(super::write::CHECKPOINTS_FILE), CHECKPOINTS)?;
            for (lsn, timestamp, text) in completions {
                let values = params![lsn.get().cast_signed(), timestamp.cast_signed(), text.as_bytes()];
                conn.execute("INSERT INTO checkpoints VALUES (?1, ?2, ?3)", values)?;
            }
            end(conn)?;
            let conn = begin(&self.kv_home.join(super::write::GLOBALS_FILE), GLOBALS)?;
            let tables = self.tables.iter().map(|t| (1, t.get()));
            for (id, value) in [(0, last_lsn.get())].into_iter().chain(tables) {
                conn.execute("INSERT INTO globals VALUES (?1, ?2)", [id, value.cast_signed()])?;
            }
            end(conn)?;
            files.into_values().try_for_each(end)
        };
        end_all().map_err(|e: rusqlite::Error| self.failed(&e))
    }
}

pub(super) fn begin(path: &Path, schema: &str) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(&format!("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {schema}; BEGIN"))?;
    Ok(conn)
}

/// The engine's own mode is set last, when that leaves no `-wal` behind.
pub(super) fn end(conn: Connection) -> rusqlite::Result<()> {
    conn.flush_prepared_statement_cache();
    conn.execute_batch("COMMIT")?;
    conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    conn.close().map_err(|(_, e)| e)
}
