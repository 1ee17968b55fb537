//! Rows of dumps into new databases: in any order, and more than once.

use super::SHARDS;
use super::create::{CHECKPOINTS, GLOBALS, begin, end};
use crate::id::{Lsn, TableId};
use crate::store::edit::NewRow;
use crate::store::gathered::Overhead;
use crate::store::{FLAG_DELTA, FLAG_DISCARDED, StoreError, supply};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    New,
    /// It was there already, the same.
    Same,
    /// It was there without its bytes, and has them now.
    Filled {
        /// What was there had been encrypted by the service.
        was_encrypted: bool,
    },
    /// It was there already and says something else: in which columns.
    Other(Vec<&'static str>),
}

/// A row as a dump has it.
#[derive(Debug)]
pub struct Supplied {
    /// With [`supply::MARKS`] among its flags.
    pub row: NewRow,
    /// Stands for its bytes.
    pub length: Option<u32>,
}

/// Puts rows into databases of their own.
pub struct Gatherer {
    kv_home: PathBuf,
    files: BTreeMap<u64, Connection>,
    tables: BTreeSet<TableId>,
    highest: Lsn,
    overhead: Option<Overhead>,
    /// Some rows have a length and no bytes.
    lengths: bool,
}

/// A row that is there already, against one that comes.
struct Held {
    backlink: u64,
    base: bool,
    bytes: bool,
    column: u64,
    len: u64,
}

impl Gatherer {
    /// Into an empty directory.
    pub fn new(kv_home: &Path) -> Self {
        Self {
            kv_home: kv_home.to_path_buf(),
            files: BTreeMap::new(),
            tables: BTreeSet::new(),
            highest: Lsn::NONE,
            overhead: None,
            lengths: false,
        }
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

    /// What the service stores of a block is so much longer than the block: learnt where both are known.
    pub fn compare(&mut self, stored: u32, plain: u32) -> bool {
        let Some(more) = stored.checked_sub(plain) else { return false };
        let seen = self.overhead.unwrap_or(Overhead { least: more, most: more });
        self.overhead = Some(Overhead { least: seen.least.min(more), most: seen.most.max(more) });
        true
    }

    /// What the service adds to each block, as far as it was seen.
    pub fn overhead(&self) -> Option<Overhead> {
        self.overhead
    }

    /// Put a row, unless there is one in its place that says as much.
    pub fn put(&mut self, supplied: &Supplied) -> Result<Put, StoreError> {
        let put = self.try_put(supplied).map_err(|e| self.failed(&e))?;
        let Supplied { row, length } = supplied;
        self.tables.insert(row.table);
        self.highest = self.highest.max(row.lsn);
        self.lengths |= length.is_some();
        Ok(put)
    }

    fn try_put(&mut self, supplied: &Supplied) -> rusqlite::Result<Put> {
        let Supplied { row, length } = supplied;
        let conn = self.pages(row.table.get() % SHARDS)?;
        let key = [row.table.get(), row.page.get(), row.lsn.get()].map(u64::cast_signed);
        let insert = "INSERT OR IGNORE INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (backlink, base) = (row.backlink_lsn.get().cast_signed(), row.base_lsn.get().cast_signed());
        let column = supply::stored(row.flags, *length);
        let data = length.is_none().then_some(&row.data);
        if conn.prepare_cached(insert)?.execute(params![key[0], key[1], key[2], backlink, base, column, data])? == 1 {
            return Ok(Put::New);
        }
        let select = "SELECT backlink_lsn, base_lsn = ?4, page_data IS ?5, flags, \
                      ifnull(octet_length(page_data), 0) FROM pages \
                      WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3";
        let values = params![key[0], key[1], key[2], base, data];
        let held = conn.prepare_cached(select)?.query_row(values, |r| {
            Ok(Held {
                backlink: r.get::<_, i64>(0)?.cast_unsigned(),
                base: r.get(1)?,
                bytes: r.get(2)?,
                column: r.get::<_, i64>(3)?.cast_unsigned(),
                len: r.get::<_, i64>(4)?.cast_unsigned(),
            })
        })?;
        self.meet(supplied, &held)
    }

    /// A row comes where one is already.
    fn meet(&mut self, Supplied { row, length }: &Supplied, held: &Held) -> rusqlite::Result<Put> {
        let (flags, held_length) = supply::read(held.column).unwrap_or_default();
        let mut differ = Vec::new();
        let mut check = |same: bool, name| {
            if !same {
                differ.push(name)
            }
        };
        // An answer about one page may leave out what an image follows.
        let own = row.backlink_lsn.get();
        let left_out = |backlink: u64, flags: u32| backlink == 0 && flags & supply::LONE != 0;
        let linked = held.backlink == own || left_out(held.backlink, flags) || left_out(own, row.flags);
        check(linked, "the block before it");
        check(held.base, "its full image");
        check(flags & !supply::MARKS == row.flags & !supply::MARKS, "its kind");
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let held_len = u32::try_from(held.len).unwrap_or(u32::MAX);
        match (held_length, length) {
            (None, None) => check(held.bytes, "its bytes"),
            (Some(a), Some(b)) => check(a == *b, "its length"),
            (Some(stored), None) => check(self.compare(stored, len(row.data.len())), "its length"),
            (None, Some(stored)) => check(self.compare(*stored, held_len), "its length"),
        }
        if !differ.is_empty() {
            return Ok(Put::Other(differ));
        }
        // A row that was asked for alone, and is met again among those of its page, is no longer alone.
        let alone = flags & row.flags & supply::LONE;
        let fill = held_length.is_some() && length.is_none();
        let kept = if fill { row.flags } else { flags };
        let kept = kept & !supply::LONE | alone;
        let backlink = if left_out(held.backlink, flags) { own } else { held.backlink };
        if fill || kept != flags || backlink != held.backlink {
            let column = supply::stored(kept, held_length.filter(|_| !fill));
            let key = [row.table.get(), row.page.get(), row.lsn.get()].map(u64::cast_signed);
            let update = "UPDATE pages SET flags = ?4, page_data = ifnull(?5, page_data), backlink_lsn = ?6 \
                          WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3";
            let data = fill.then_some(&row.data);
            let conn = self.pages(row.table.get() % SHARDS)?;
            conn.prepare_cached(update)?.execute(params![
                key[0],
                key[1],
                key[2],
                column,
                data,
                backlink.cast_signed()
            ])?;
        }
        Ok(if fill { Put::Filled { was_encrypted: flags & supply::ENCRYPTED != 0 } } else { Put::Same })
    }

    /// Lengths are those of the service's blocks; where what it adds is known they become those of the engine's, exact if
    /// it adds nothing.
    fn settle_lengths(&mut self) -> rusqlite::Result<()> {
        let Some(Overhead { least, most }) = self.overhead.filter(|_| self.lengths) else { return Ok(()) };
        // What is added differs by a byte or two from block to block, however alike those are that were seen.
        let exact = if most == 0 { i64::from(supply::ABOUT) } else { 0 };
        let less = i64::from(least) << 32 | exact;
        let marks = i64::from(supply::LENGTH_ONLY | supply::ABOUT);
        let update = "UPDATE pages SET flags = flags - ?1 WHERE (flags & ?2) = ?2 AND (flags >> 32) >= ?3";
        self.files.values().try_for_each(|conn| conn.execute(update, params![less, marks, least]).map(|_| ()))
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

    /// Full images of a page below an LSN that have their bytes, the newest first.
    pub fn images_before(&mut self, table: TableId, page: u64, lsn: Lsn, most: usize) -> Result<Vec<Lsn>, StoreError> {
        let kinds = i64::from(FLAG_DELTA | FLAG_DISCARDED | supply::LENGTH_ONLY);
        let values = [table.get(), page, lsn.get()].map(u64::cast_signed);
        let found = self.pages(table.get() % SHARDS).and_then(|conn| {
            let sql = "SELECT lsn FROM pages WHERE table_id = ?1 AND page_id = ?2 AND lsn < ?3 AND flags & ?4 = 0 \
                       ORDER BY lsn DESC LIMIT ?5";
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            conn.prepare(sql)?
                .query_map([values[0], values[1], values[2], kinds, most], |r| {
                    Ok(Lsn(r.get::<_, i64>(0)?.cast_unsigned()))
                })?
                .collect()
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

    /// Write the completion records and the counters, and end all transactions.
    pub fn finish(mut self, completions: &[(Lsn, String)]) -> Result<(), StoreError> {
        self.settle_lengths().map_err(|e| self.failed(&e))?;
        let files = std::mem::take(&mut self.files);
        let highest = completions.iter().map(|(lsn, _)| *lsn).fold(self.highest, Ord::max);
        let end_all = || {
            let conn = begin(&self.kv_home.join(super::write::CHECKPOINTS_FILE), CHECKPOINTS)?;
            for (lsn, text) in completions {
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
