//! A new PALite directory from rows that are all known (spec 10.2.1 to 10.2.3): the 17 shards of the
//! builds since 2026-03-31, in one piece each, without a `-wal` beside them.

use super::{SHARDS, StoreError};
use crate::id::{Lsn, TableId};
use crate::store::edit::NewRow;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::path::Path;

/// Page size of the databases that hold pages.
const PAGE_SIZE: u32 = 16_384;
/// The clock of all rows: everything is materialised long since.
const MATERIALIZED: i64 = 1;

const PAGES: &str = "\
CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) VIRTUAL,
discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) VIRTUAL,
timestamp_materialized_us INTEGER NOT NULL, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn));
CREATE UNIQUE INDEX ux_delta ON pages (table_id, page_id, backlink_lsn) WHERE delta = 1 AND discarded = 0";
const CHECKPOINTS: &str = "CREATE TABLE checkpoints \
                           (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB, PRIMARY KEY (lsn, timestamp))";
const GLOBALS: &str = "CREATE TABLE globals (id INTEGER, val INTEGER, PRIMARY KEY (id, val))";

/// All that a page log holds.
#[derive(Debug, Clone, Default)]
pub struct NewStore {
    /// Rows.
    pub rows: Vec<NewRow>,
    /// Completion records: LSN, timestamp, text.
    pub completions: Vec<(Lsn, u64, String)>,
    /// The last LSN assigned.
    pub last_lsn: Lsn,
}

/// Write the databases into an empty directory, `kv_home/`. They are durable when it returns.
pub fn create(kv_home: &Path, store: &NewStore) -> Result<(), StoreError> {
    let tables: BTreeSet<TableId> = store.rows.iter().map(|r| r.table).collect();
    for shard in 0..SHARDS {
        database(kv_home, &format!("pages_{shard:02}.db"), PAGES, |conn| {
            let mut statement = conn.prepare(
                "INSERT INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, timestamp_materialized_us, \
                 page_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for row in store.rows.iter().filter(|r| r.table.get() % SHARDS == shard) {
                statement.execute(params![
                    row.table.get().cast_signed(),
                    row.page.get().cast_signed(),
                    row.lsn.get().cast_signed(),
                    row.backlink_lsn.get().cast_signed(),
                    row.base_lsn.get().cast_signed(),
                    row.flags,
                    MATERIALIZED,
                    row.data
                ])?;
            }
            Ok(())
        })?;
    }
    database(kv_home, super::write::CHECKPOINTS_FILE, CHECKPOINTS, |conn| {
        let mut statement = conn.prepare("INSERT INTO checkpoints VALUES (?1, ?2, ?3)")?;
        for (lsn, timestamp, text) in &store.completions {
            statement.execute(params![lsn.get().cast_signed(), timestamp.cast_signed(), text.as_bytes()])?;
        }
        Ok(())
    })?;
    database(kv_home, super::write::GLOBALS_FILE, GLOBALS, |conn| {
        let mut statement = conn.prepare("INSERT INTO globals VALUES (?1, ?2)")?;
        statement.execute([0, store.last_lsn.get().cast_signed()])?;
        for table in &tables {
            statement.execute([1, table.get().cast_signed()])?;
        }
        Ok(())
    })
}

/// One database, filled in one transaction. Nobody reads it before it is whole, so it needs no journal
/// while it is filled; the engine's own mode is set last, when that leaves no `-wal` behind.
fn database(
    kv_home: &Path,
    name: &str,
    schema: &str,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let path = kv_home.join(name);
    let written = (|| {
        let mut conn = Connection::open(&path)?;
        let page_size = if schema == PAGES { format!("PRAGMA page_size={PAGE_SIZE};") } else { String::new() };
        conn.execute_batch(&format!("{page_size}PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"))?;
        let transaction = conn.transaction()?;
        transaction.execute_batch(schema)?;
        fill(&transaction)?;
        transaction.commit()?;
        conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
        // The last connection to close takes the -wal and the -shm with it.
        conn.close().map_err(|(_, e)| e)
    })();
    let failed = |reason: String| StoreError::Unreadable { path: path.clone(), reason };
    written.map_err(|e: rusqlite::Error| failed(e.to_string()))?;
    std::fs::File::open(&path).and_then(|f| f.sync_all()).map_err(|e| failed(e.to_string()))
}
