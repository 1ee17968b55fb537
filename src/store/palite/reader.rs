//! Blocks of a PALite store, one by one or as they lie.

use super::database::{Database, Failure};
use super::harden::afresh;
use super::scan::{Shape, ShapeError};
use super::{Palite, ROWID_BITS, ROWID_MASK};
use crate::store::{BlockReader, PutBlock, Row, StoreError};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// One thread's connections, opened when first needed.
pub(super) struct PaliteReader<'a> {
    store: &'a Palite,
    open: Vec<Option<Result<PageReader, Failure>>>,
}

impl<'a> PaliteReader<'a> {
    pub(super) fn new(store: &'a Palite) -> Self {
        Self { store, open: store.pages.iter().map(|_| None).collect() }
    }
}

struct PageReader {
    conn: Connection,
    sql: String,
    by_rowid: bool,
    /// Reads a run of rowids; none for tables without.
    run: Option<String>,
}

impl PageReader {
    fn open(store: &Palite, db: &Database) -> Result<Self, Failure> {
        let conn = store.connect(db)?.conn;
        let shape = Shape::of(&conn).map_err(|e| match e {
            ShapeError::Sqlite(e) => db.failure(&e),
            ShapeError::NoSchema => "no longer has tables".into(),
            ShapeError::Foreign(reason) => reason.into(),
        })?;
        let sql = match shape.rowid {
            Some(rowid) => format!("SELECT page_data FROM pages WHERE {rowid}=?1"),
            None => "SELECT page_data FROM pages WHERE table_id=?1 AND page_id=?2 AND lsn=?3".into(),
        };
        let run = shape.rowid.map(|rowid| {
            format!("SELECT {rowid}, page_data FROM pages WHERE {rowid} BETWEEN ?1 AND ?2 ORDER BY {rowid}")
        });
        Ok(Self { conn, sql, by_rowid: shape.rowid.is_some(), run })
    }

    /// Read rows whose rowids follow each other; `put` gets those that are as they should be.
    fn read_run(&self, run: &[(u64, usize)], rows: &[Row], put: &mut dyn FnMut(usize, &[u8])) -> rusqlite::Result<()> {
        let (Some(sql), Some((first, _)), Some((last, _))) = (&self.run, run.first(), run.last()) else {
            return Ok(());
        };
        let rowid = |locator: u64| (locator & ROWID_MASK).cast_signed();
        let mut statement = self.conn.prepare_cached(sql)?;
        afresh(&statement);
        let mut found = statement.query([rowid(*first), rowid(*last)])?;
        let mut wanted = run.iter().peekable();
        while let Some(row) = found.next()? {
            let id: i64 = row.get(0)?;
            while wanted.next_if(|(locator, _)| rowid(*locator) < id).is_some() {}
            let Some((_, place)) = wanted.next_if(|(locator, _)| rowid(*locator) == id) else { continue };
            let bytes = match row.get_ref(1)? {
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes,
                ValueRef::Null => &[],
                ValueRef::Integer(_) | ValueRef::Real(_) => continue,
            };
            if rows.get(*place).is_some_and(|r| r.has_bytes() && u32::try_from(bytes.len()) == Ok(r.len)) {
                put(*place, bytes);
            }
        }
        Ok(())
    }

    fn read(&self, db: &Database, row: &Row, out: &mut Vec<u8>) -> Result<(), Failure> {
        let failed = |e: rusqlite::Error| db.failure(&e);
        let mut statement = self.conn.prepare_cached(&self.sql).map_err(failed)?;
        afresh(&statement);
        let mut rows = if self.by_rowid {
            statement.query([(row.locator & ROWID_MASK).cast_signed()])
        } else {
            statement.query([row.table.get(), row.page.get(), row.lsn.get()].map(u64::cast_signed))
        }
        .map_err(failed)?;
        let found = rows.next().map_err(failed)?.ok_or("the row is gone")?;
        match found.get_ref(0).map_err(failed)? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => out.extend_from_slice(bytes),
            ValueRef::Null => {}
            ValueRef::Integer(_) | ValueRef::Real(_) => return Err("page_data is a number".into()),
        }
        if u32::try_from(out.len()) != Ok(row.len) {
            return Err(format!("{} bytes, {} when the index was read", out.len(), row.len).into());
        }
        Ok(())
    }
}

impl BlockReader for PaliteReader<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.clear();
        if !row.has_bytes() {
            return Err(StoreError::NotSupplied(row.key()));
        }
        let number = usize::try_from(row.locator >> ROWID_BITS).unwrap_or(usize::MAX);
        let (Some(db), Some(slot)) = (self.store.pages.get(number), self.open.get_mut(number)) else {
            let reason = format!("no database number {number}: the row belongs to another store");
            return Err(StoreError::Damaged { path: self.store.dir.clone(), reason });
        };
        let outcome = match slot.get_or_insert_with(|| PageReader::open(self.store, db)) {
            Ok(reader) => reader.read(db, row, out),
            Err(reason) => Err(reason.clone()),
        };
        outcome.map_err(|reason| {
            out.clear();
            db.error(reason, &format!("table {}, page {}, LSN {}: ", row.table, row.page, row.lsn))
        })
    }

    fn read_all(&mut self, rows: &[Row], put: &mut PutBlock<'_>) {
        // A row looked up costs several times one that is met in passing, so rows are taken in the order in
        // which they lie, and those that follow each other together.
        let mut order: Vec<(u64, usize)> = rows.iter().enumerate().map(|(place, row)| (row.locator, place)).collect();
        order.sort_unstable();
        let mut done = vec![false; rows.len()];
        for run in order.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0)).filter(|run| run.len() > 1) {
            let Some(number) = run.first().and_then(|(locator, _)| usize::try_from(locator >> ROWID_BITS).ok()) else {
                continue;
            };
            let (Some(db), Some(slot)) = (self.store.pages.get(number), self.open.get_mut(number)) else { continue };
            let Ok(reader) = slot.get_or_insert_with(|| PageReader::open(self.store, db)) else { continue };
            // What is odd is met again below, one by one.
            let _ = reader.read_run(run, rows, &mut |place, bytes| {
                if let Some(done) = done.get_mut(place)
                    && !std::mem::replace(done, true)
                {
                    put(place, Ok(bytes));
                }
            });
        }
        let mut bytes = Vec::new();
        for (place, row) in order.iter().filter_map(|(_, place)| Some((*place, rows.get(*place)?))) {
            if !done.get(place).is_some_and(|done| *done) {
                let read = self.read(row, &mut bytes);
                put(place, read.map(|()| bytes.as_slice()));
            }
        }
    }
}
