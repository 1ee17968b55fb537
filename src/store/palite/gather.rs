//! Rows of dumps into new databases: in any order, and more than once.

use super::SHARDS;
use super::create::{CHECKPOINTS, GLOBALS, begin, end};
use crate::id::{Lsn, TableId};
use crate::store::StoreError;
use crate::store::edit::NewRow;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    New,
    /// It was there already, the same.
    Same,
    /// It was there already and says something else: in which columns.
    Other(Vec<&'static str>),
}

/// Puts rows into databases of their own.
pub struct Gatherer {
    kv_home: PathBuf,
    files: BTreeMap<u64, Connection>,
    tables: BTreeSet<TableId>,
    highest: Lsn,
}

impl Gatherer {
    /// Into an empty directory.
    pub fn new(kv_home: &Path) -> Self {
        Self { kv_home: kv_home.to_path_buf(), files: BTreeMap::new(), tables: BTreeSet::new(), highest: Lsn::NONE }
    }

    fn failed(&self, e: &rusqlite::Error) -> StoreError {
        StoreError::Unreadable { path: self.kv_home.clone(), reason: e.to_string() }
    }

    fn pages(&mut self, shard: u64) -> rusqlite::Result<&Connection> {
        use std::collections::btree_map::Entry;
        match self.files.entry(shard) {
            Entry::Occupied(file) => Ok(file.into_mut()),
            Entry::Vacant(file) => {
                // As the engine's, without the index that lets no second delta in: a dump may hold one.
                let schema = "PRAGMA page_size=16384; PRAGMA cache_size=-32768;
                     CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
                     backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
                     page_data BLOB, PRIMARY KEY (table_id, page_id, lsn))";
                let conn = begin(&self.kv_home.join(format!("pages_{shard:02}.db")), schema)?;
                Ok(file.insert(conn))
            }
        }
    }

    /// Put a row, unless there is one in its place.
    pub fn put(&mut self, row: &NewRow) -> Result<Put, StoreError> {
        let put = self.try_put(row).map_err(|e| self.failed(&e))?;
        self.tables.insert(row.table);
        self.highest = self.highest.max(row.lsn);
        Ok(put)
    }

    fn try_put(&mut self, row: &NewRow) -> rusqlite::Result<Put> {
        let conn = self.pages(row.table.get() % SHARDS)?;
        let key = [row.table.get(), row.page.get(), row.lsn.get()].map(u64::cast_signed);
        let insert = "INSERT OR IGNORE INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (backlink, base) = (row.backlink_lsn.get().cast_signed(), row.base_lsn.get().cast_signed());
        let values = params![key[0], key[1], key[2], backlink, base, row.flags, row.data];
        if conn.prepare_cached(insert)?.execute(values)? == 1 {
            return Ok(Put::New);
        }
        let select = "SELECT backlink_lsn = ?4, base_lsn = ?5, flags = ?6, page_data = ?7 FROM pages \
                      WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3";
        let values = params![key[0], key[1], key[2], backlink, base, row.flags, row.data];
        let same = conn
            .prepare_cached(select)?
            .query_row(values, |r| Ok([r.get::<_, bool>(0)?, r.get(1)?, r.get(2)?, r.get(3)?]))
            .optional()?;
        let names = ["the block before it", "its full image", "its kind", "its bytes"];
        let differ: Vec<&'static str> = same
            .into_iter()
            .flat_map(|same| names.into_iter().zip(same))
            .filter(|(_, same)| !same)
            .map(|(n, _)| n)
            .collect();
        Ok(if differ.is_empty() { Put::Same } else { Put::Other(differ) })
    }

    /// The newest row of a page in a table.
    pub fn newest(&mut self, table: TableId, page: u64) -> Result<Option<Lsn>, StoreError> {
        let found = self.pages(table.get() % SHARDS).and_then(|conn| {
            conn.query_row(
                "SELECT lsn FROM pages WHERE table_id = ?1 AND page_id = ?2 ORDER BY lsn DESC LIMIT 1",
                [table.get().cast_signed(), page.cast_signed()],
                |r| Ok(Lsn(r.get::<_, i64>(0)?.cast_unsigned())),
            )
            .optional()
        });
        found.map_err(|e| self.failed(&e))
    }

    /// Whether there is a row.
    pub fn has(&mut self, table: TableId, page: u64, lsn: Lsn) -> Result<bool, StoreError> {
        let found = self.pages(table.get() % SHARDS).and_then(|conn| {
            conn.query_row(
                "SELECT 1 FROM pages WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3",
                [table.get().cast_signed(), page.cast_signed(), lsn.get().cast_signed()],
                |_| Ok(()),
            )
            .optional()
        });
        found.map(|f| f.is_some()).map_err(|e| self.failed(&e))
    }

    /// Write the completion record, if there is one, and the counters, and end all transactions.
    pub fn finish(mut self, completion: Option<(Lsn, String)>) -> Result<(), StoreError> {
        let files = std::mem::take(&mut self.files);
        let highest = completion.as_ref().map_or(self.highest, |(lsn, _)| self.highest.max(*lsn));
        let end_all = || {
            let conn = begin(&self.kv_home.join(super::write::CHECKPOINTS_FILE), CHECKPOINTS)?;
            if let Some((lsn, text)) = &completion {
                let values = params![lsn.get().cast_signed(), 0, text.as_bytes()];
                conn.execute("INSERT INTO checkpoints VALUES (?1, ?2, ?3)", values)?;
            }
            end(conn)?;
            let conn = begin(&self.kv_home.join(super::write::GLOBALS_FILE), GLOBALS)?;
            let tables = self.tables.iter().map(|t| (1, t.get()));
            for (id, value) in [(0, highest.get())].into_iter().chain(tables) {
                conn.execute("INSERT INTO globals VALUES (?1, ?2)", [id, value.cast_signed()])?;
            }
            end(conn)?;
            files.into_values().try_for_each(end)
        };
        end_all().map_err(|e: rusqlite::Error| self.failed(&e))
    }
}
