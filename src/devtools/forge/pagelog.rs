//! A PALite page log that is written row by row (spec 10.2.1 to 10.2.4).

use super::ForgeError;
use crate::format::generation::Generation;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::{FLAG_DELTA, FLAG_DISCARDED};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Shards since 2026-03-31 (10.2.1).
const SHARDS: u64 = 17;
/// Page size of the databases that hold pages.
const PAGE_SIZE: u32 = 16_384;
/// The clock of all rows: everything is materialised long since.
const MATERIALIZED: i64 = 1;

const CHECKPOINTS: &str = "CREATE TABLE checkpoints \
                           (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB, PRIMARY KEY (lsn, timestamp))";
const GLOBALS: &str = "CREATE TABLE globals (id INTEGER, val INTEGER, PRIMARY KEY (id, val))";

/// How a block links to the ones before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    pub(super) backlink: Lsn,
    /// 0 for a full image.
    pub(super) base: Lsn,
}

/// The log. What is put goes to the databases at once.
pub(super) struct Log {
    kv_home: PathBuf,
    sharded: bool,
    encryption: bool,
    files: BTreeMap<String, Connection>,
    tables: BTreeSet<TableId>,
    lsn: Lsn,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Log {
    pub(super) fn new(kv_home: &Path, generation: Generation) -> Self {
        Self {
            kv_home: kv_home.to_path_buf(),
            sharded: generation >= Generation::July2026,
            // The column was there in late 2025 only.
            encryption: generation < Generation::February2026,
            files: BTreeMap::new(),
            tables: BTreeSet::new(),
            lsn: Lsn::NONE,
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn next_lsn(&mut self) -> Lsn {
        self.lsn.0 += 1;
        self.lsn
    }

    fn pages(&self) -> String {
        let encryption = if self.encryption { " encryption STRING," } else { "" };
        format!(
            "CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
             backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
             delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) VIRTUAL,
             discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) VIRTUAL,{encryption}
             timestamp_materialized_us INTEGER NOT NULL, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn));
             CREATE UNIQUE INDEX ux_delta ON pages (table_id, page_id, backlink_lsn) WHERE delta = 1 AND discarded = 0"
        )
    }

    fn file(&mut self, table: TableId) -> Result<&Connection, ForgeError> {
        let name =
            if self.sharded { format!("pages_{:02}.db", table.get() % SHARDS) } else { format!("pages_{table:06}.db") };
        self.tables.insert(table);
        if !self.files.contains_key(&name) {
            let conn = begin(&self.kv_home.join(&name), Some(PAGE_SIZE), &self.pages())?;
            self.files.insert(name.clone(), conn);
        }
        self.files.get(&name).ok_or_else(|| ForgeError::Spec(format!("{name} cannot be found again")))
    }

    fn insert(
        &mut self,
        Version { table, page, lsn }: Version,
        link: Link,
        flags: u32,
        data: &[u8],
    ) -> Result<(), ForgeError> {
        self.rows += 1;
        self.bytes += data.len() as u64;
        self.file(table)?
            .prepare_cached(
                "INSERT INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, timestamp_materialized_us, \
                 page_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                table.get().cast_signed(),
                page.get().cast_signed(),
                lsn.get().cast_signed(),
                link.backlink.get().cast_signed(),
                link.base.get().cast_signed(),
                flags,
                MATERIALIZED,
                data
            ])?;
        Ok(())
    }

    /// Put a block.
    pub(super) fn put(
        &mut self,
        (table, page): (TableId, PageId),
        link: Link,
        flags: u32,
        data: &[u8],
    ) -> Result<Lsn, ForgeError> {
        let lsn = self.next_lsn();
        self.insert(Version::new(table, page, lsn), link, flags, data)?;
        Ok(lsn)
    }

    /// Discard a page: the record names its newest block, and the base if that is a delta.
    pub(super) fn discard(
        &mut self,
        (table, page): (TableId, PageId),
        newest: Lsn,
        base: Lsn,
    ) -> Result<Lsn, ForgeError> {
        let link = Link { backlink: newest, base: if base == 0 { newest } else { base } };
        self.put((table, page), link, FLAG_DELTA | FLAG_DISCARDED, &[])
    }

    /// Write completion records and counters, and end all transactions.
    pub(super) fn finish(mut self, completions: &[(Lsn, u64, String)]) -> Result<(), ForgeError> {
        let conn = begin(&self.kv_home.join("checkpoints.db"), None, CHECKPOINTS)?;
        for (lsn, timestamp, text) in completions {
            conn.execute(
                "INSERT INTO checkpoints VALUES (?1, ?2, ?3)",
                params![lsn.get().cast_signed(), timestamp.cast_signed(), text.as_bytes()],
            )?;
        }
        end(conn)?;
        let conn = begin(&self.kv_home.join("globals.db"), None, GLOBALS)?;
        conn.execute("INSERT INTO globals VALUES (0, ?1)", [self.lsn.get().cast_signed()])?;
        for table in &self.tables {
            conn.execute("INSERT INTO globals VALUES (1, ?1)", [table.get().cast_signed()])?;
        }
        end(conn)?;
        std::mem::take(&mut self.files).into_values().try_for_each(end)
    }
}

/// A database that nobody reads before it is whole: no journal, no waiting for the disk.
fn begin(path: &Path, page_size: Option<u32>, schema: &str) -> Result<Connection, ForgeError> {
    let conn = Connection::open(path)?;
    if let Some(size) = page_size {
        conn.execute_batch(&format!("PRAGMA page_size={size}"))?;
    }
    conn.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384")?;
    conn.execute_batch(schema)?;
    conn.execute_batch("BEGIN")?;
    Ok(conn)
}

/// The engine's own mode is set last, when that leaves no `-wal` behind.
fn end(conn: Connection) -> Result<(), ForgeError> {
    conn.flush_prepared_statement_cache();
    conn.execute_batch("COMMIT")?;
    conn.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    conn.close().map_err(|(_, e)| e)?;
    Ok(())
}
