//! The databases of a PALite store with other content.
//!
//! Each database is copied with its `-wal`, everything in the copy that is not a number is blanked,
//! the new data is put in, and SQLite then writes a new database of what is live: free pages and old
//! frames of a log are in no copy of a copy.

use super::PackError;
use crate::id::TableId;
use crate::store::palite::harden::harden;
use crate::store::{CompletionRow, Row};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Shards of a store since 2026-03-31.
const SHARDS: u64 = 17;
/// The part of a database file that is its header.
const HEADER: usize = 100;
/// Tables and indexes of the three kinds of database.
const KNOWN: [&str; 4] = ["pages", "checkpoints", "globals", "ux_delta"];

/// Private copies of a store's databases.
pub(super) struct Databases {
    /// Where the copies are.
    work: PathBuf,
    open: BTreeMap<String, Connection>,
    /// Databases SQLite cannot work with, and its words.
    pub(super) damaged: BTreeMap<String, String>,
    /// Files of the directory that are no database of the store.
    pub(super) others: Vec<String>,
}

/// What a file is called that belongs to a database.
fn database_of(name: &str) -> Option<&str> {
    let base = ["-wal", "-shm", "-journal"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    let pages = base.strip_prefix("pages_").and_then(|n| n.strip_suffix(".db")).is_some();
    (pages || base == "checkpoints.db" || base == "globals.db").then_some(base)
}

impl Databases {
    /// Copy the databases of `kv_home` into `work` and blank them.
    pub(super) fn copy(kv_home: &Path, work: &Path) -> Result<Self, PackError> {
        let mut out =
            Self { work: work.to_path_buf(), open: BTreeMap::new(), damaged: BTreeMap::new(), others: Vec::new() };
        let failed = |e: std::io::Error| PackError::io(kv_home, &e);
        let mut names = Vec::new();
        for entry in fs::read_dir(kv_home).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            match database_of(&name) {
                None => out.others.push(name),
                Some(_) if name.ends_with("-shm") => {}
                Some(base) => {
                    let target = work.join(&name);
                    let mut source = crate::store::regular_file(&entry.path()).map_err(failed)?;
                    let mut copy = fs::File::create(&target).map_err(|e| PackError::io(&target, &e))?;
                    std::io::copy(&mut source, &mut copy).map_err(|e| PackError::io(&target, &e))?;
                    if base == name {
                        names.push(name);
                    }
                }
            }
        }
        names.sort();
        out.others.sort();
        for name in names {
            match blanked(&work.join(&name)) {
                Ok(conn) => {
                    out.open.insert(name, conn);
                }
                Err(e) => {
                    out.damaged.insert(name, e.to_string());
                }
            }
        }
        Ok(out)
    }

    /// The database with the rows of a table.
    fn pages(&self, table: TableId) -> Option<&Connection> {
        let own = self.open.get(&format!("pages_{table:06}.db"));
        own.or_else(|| self.open.get(&format!("pages_{:02}.db", table.get() % SHARDS)))
    }

    /// Put new data into a row.
    pub(super) fn put(&self, row: &Row, data: &[u8]) -> Result<(), PackError> {
        let Some(conn) = self.pages(row.table) else { return Ok(()) };
        let sql = "UPDATE pages SET page_data = ?4 WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3";
        let [table, page, lsn] = [row.table.get(), row.page.get(), row.lsn.get()].map(u64::cast_signed);
        let done = conn.prepare_cached(sql).and_then(|mut s| s.execute(params![table, page, lsn, data]));
        done.map(|_| ()).map_err(|e| PackError::Image(format!("table {}: {e}", row.table)))
    }

    /// Put a new completion record in the place of one.
    pub(super) fn complete(&self, row: &CompletionRow, text: &[u8]) -> Result<(), PackError> {
        let Some(conn) = self.open.get("checkpoints.db") else { return Ok(()) };
        let sql = "UPDATE checkpoints SET checkpoint_metadata = ?2 WHERE lsn = ?1 AND timestamp IS ?3";
        let [lsn, timestamp] = [row.lsn.get(), row.timestamp].map(u64::cast_signed);
        let done = conn.execute(sql, params![lsn, text, timestamp]);
        done.map(|_| ()).map_err(|e| PackError::Image(format!("checkpoints.db: {e}")))
    }

    /// Write the new databases into `kv_home`; answers their names.
    pub(super) fn finish(self, kv_home: &Path) -> Result<Vec<String>, PackError> {
        let mut names = Vec::new();
        for (name, conn) in self.open {
            let target = kv_home.join(&name);
            let written = conn
                .execute_batch("COMMIT")
                .and_then(|()| conn.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map(|_| ()));
            written.map_err(|e| PackError::Image(format!("{name}: {e}")))?;
            names.push(name);
        }
        for name in self.damaged.into_keys() {
            let target = kv_home.join(&name);
            let old = fs::read(self.work.join(&name)).map_err(|e| PackError::io(&target, &e))?;
            let mut new = vec![0; old.len()];
            let header = HEADER.min(old.len());
            if old.starts_with(b"SQLite format 3\0") {
                new[..header].copy_from_slice(&old[..header]);
            }
            fs::write(&target, new).map_err(|e| PackError::io(&target, &e))?;
            names.push(name);
        }
        names.sort();
        Ok(names)
    }
}

/// A copy of a database, everything but numbers and lengths gone, in an open transaction.
fn blanked(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    harden(&conn, fs::metadata(path).map_or(0, |m| m.len()))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(()))?;
    conn.execute_batch("PRAGMA synchronous=OFF; BEGIN")?;
    let objects: Vec<(String, String)> = conn
        .prepare(
            "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (kind, name) in objects.iter().filter(|(_, name)| !KNOWN.contains(&name.as_str())) {
        let name = name.replace('"', "\"\"");
        conn.execute_batch(&format!("DROP {kind} IF EXISTS \"{name}\""))?;
    }
    for table in ["pages", "checkpoints", "globals"] {
        let columns: Vec<String> = conn
            .prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?
            .query_map([table], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for column in columns.iter().map(|c| c.replace('"', "\"\"")) {
            conn.execute_batch(&format!(
                "UPDATE {table} SET \"{column}\" = CASE typeof(\"{column}\") WHEN 'blob' THEN \
                 zeroblob(octet_length(\"{column}\")) ELSE '' END WHERE typeof(\"{column}\") IN ('blob', 'text')"
            ))?;
        }
    }
    Ok(conn)
}
