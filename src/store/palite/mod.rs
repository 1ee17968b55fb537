//! PALite: a page log in SQLite databases under `kv_home/`.
//!
//! Nothing beside the source may be created or changed, and SQLite's WAL mode makes that the hard
//! part: `mode=ro` alone maintains a `-shm`, `immutable=1` is blind to committed frames in a `-wal`,
//! and a `-wal` beside an empty database is deleted on sight. So:
//!
//! * no `-wal`, or one without frames: `immutable=1`;
//! * frames in the `-wal`: a private copy of database and `-wal`, for SQLite opens each `-wal` for writing
//!   ([`WalWay::PrivateCopy`]); or, for tests, the VFS `unix-none` under exclusive locking mode, which keeps the
//!   wal-index in heap memory and touches no `-shm` ([`WalWay::InMemory`]);
//! * no checkpoint on close, ever, and SQLite never sees an empty database file.
//!
//! [`Row::locator`] is the number of the database in name order in the high 16 bits and the rowid
//! in the low 48; all low bits set says that the table has no rowids and is read by primary key.

pub mod create;
pub mod database;
pub mod gather;
pub mod harden;
mod reader;
mod scan;
mod write;

pub use write::PaliteLedger;

use super::{
    Affected, BlockReader, CompletionRow, Index, Inspect, Layout, Own, PageLog, Problem, Row, Seal, StoreError,
    StoreKind,
};
use crate::id::{Lsn, TableId};
use crate::scratch::{self, Held, Work};
use crate::store::gathered::Gathered;
use crate::store::index::packed::Segment;
use database::{
    Database, Failure, Name, Opened, Source, Stamps, WAL_HEADER, copy_file, has_room, may_read, no_room, open_file,
    parse_pages_name, room_for, stamp, store_file, uri, with_suffix,
};
use harden::harden;
use rayon::prelude::*;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, ffi};
use scan::{Columns, Filler, Lost, NO_INTEGER, Progress, Room, Shape, ShapeError, Sink, Stop};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// Shards since 2026-03-31.
const SHARDS: u64 = 17;
/// Bits of a locator that hold the rowid.
const ROWID_BITS: u32 = 48;
/// The rowid part of a locator; as a value: the table has no rowids.
const ROWID_MASK: u64 = (1 << ROWID_BITS) - 1;
/// Databases that fit a locator. A store has one per table at most, and far fewer tables.
const MAX_DATABASES: usize = 1 << 16;
/// The smallest SQLite page, hence the smallest database.
const SMALLEST_DATABASE: u64 = 512;
/// From this size on a database is read in pieces, on several connections.
const PIECE_BYTES: u64 = 8 << 20;
/// How often a database that changes while it is copied is copied again.
const COPY_ATTEMPTS: usize = 3;

/// How the committed frames of a `-wal` are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WalWay {
    /// From a private copy, whoever asks and however large it is.
    #[default]
    Auto,
    /// In place, with the wal-index in heap memory: SQLite opens the `-wal` for writing.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    InMemory,
    /// From a copy of database and `-wal` in a private temporary directory, removed on drop.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    PrivateCopy,
}

/// How to read a PALite store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaliteOptions {
    /// How committed frames are read.
    pub wal: WalWay,
    /// Map nothing into memory.
    pub no_mmap: bool,
}

/// A PALite store.
#[derive(Debug)]
pub struct Palite {
    dir: PathBuf,
    options: PaliteOptions,
    checkpoints: Database,
    globals: Option<Database>,
    pub pages: Vec<Database>,
    notes: Vec<Problem>,
    pub copies: OnceLock<Result<Held<Work>, Failure>>,
}
impl Palite {
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn open(kv_home: &Path) -> Result<Self, StoreError> {
        Self::open_with(kv_home, PaliteOptions::default())
    }

    /// Open the store in `kv_home`, choosing how it is read.
    pub fn open_with(kv_home: &Path, options: PaliteOptions) -> Result<Self, StoreError> {
        let unreadable = |e: io::Error| StoreError::io(kv_home, &e);
        let dir = std::path::absolute(kv_home).map_err(unreadable)?;
        let names: BTreeSet<String> = list(&dir).map_err(unreadable)?.into_iter().map(|(name, _)| name).collect();
        if !names.contains("checkpoints.db") {
            let found = if names.is_empty() { "nothing of a PALite store" } else { "other files of a PALite store" };
            let reason = format!("no checkpoints.db, the database of completion records; found {found}");
            return Err(StoreError::NoPageLog { path: kv_home.to_path_buf(), reason });
        }
        let checkpoints = Database::new(&dir, "checkpoints.db", Affected::All);
        let globals = names.contains("globals.db").then(|| Database::new(&dir, "globals.db", Affected::Counters));
        let (mut pages, mut notes) = (Vec::new(), Vec::new());
        let note =
            |name: &str, reason: &str, affects| Problem { file: name.into(), reason: reason.into(), affects, io: None };
        for name in &names {
            let affects = match parse_pages_name(name) {
                Some(Name::Shard(n)) => Affected::Remainder { modulus: SHARDS, remainder: n },
                Some(Name::Table(n)) => Affected::Table(n),
                Some(Name::OtherPages) => {
                    notes.push(note(
                        name,
                        "not read: the name is neither that of a shard nor that of a table",
                        Affected::None,
                    ));
                    continue;
                }
                None => {
                    let orphan = name.strip_suffix("-wal").filter(|base| !names.contains(*base));
                    if let Some(base) = orphan.filter(|_| stamp(&dir.join(name)).is_some_and(|s| s.0 > WAL_HEADER)) {
                        let affects = match parse_pages_name(base) {
                            Some(Name::Shard(n)) => Affected::Remainder { modulus: SHARDS, remainder: n },
                            Some(Name::Table(n)) => Affected::Table(n),
                            _ => Affected::None,
                        };
                        notes.push(note(name, "a write-ahead log without its database", affects));
                    }
                    continue;
                }
            };
            if pages.len() < MAX_DATABASES {
                pages.push(Database::new(&dir, name, affects));
            } else {
                notes.push(note(name, "not read: too many databases", affects));
            }
        }
        Ok(Self { dir, options, checkpoints, globals, pages, notes, copies: OnceLock::new() })
    }

    fn databases(&self) -> impl Iterator<Item = &Database> {
        self.pages.iter().chain([&self.checkpoints]).chain(&self.globals)
    }

    /// Where SQLite is to read a database from; decided, and copied if need be, once.
    fn source<'a>(&self, db: &'a Database) -> Result<&'a Source, Failure> {
        db.source.get_or_init(|| self.choose(db)).as_ref().map_err(Clone::clone)
    }

    fn choose(&self, db: &Database) -> Result<Source, Failure> {
        // How long a directory is depends on the file system.
        if fs::metadata(&db.path).is_ok_and(|m| !m.is_file()) {
            return Err("is not a regular file".into());
        }
        let now = Stamps::of(&db.path);
        match now.db_len() {
            0 if now.db.is_none() => {
                return Err(match fs::metadata(&db.path) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => Failure::io(&e),
                    _ => "is gone or cannot be accessed".into(),
                });
            }
            0 => return Err("is empty (zero bytes)".into()),
            n if n < SMALLEST_DATABASE => return Err(format!("file is not a database: {n} bytes are too few").into()),
            _ => {}
        }
        may_read(&db.path).map_err(|e| Failure::io(&e))?;
        if now.has_frames() {
            may_read(&with_suffix(&db.path, "-wal")).map_err(|e| Failure::io(&e).within("its -wal: "))?;
        }
        if !now.has_frames() {
            return Ok(Source { path: db.path.clone(), wal: false, len: now.len() });
        }
        match self.options.wal {
            WalWay::InMemory => Ok(Source { path: db.path.clone(), wal: true, len: now.len() }),
            WalWay::PrivateCopy | WalWay::Auto => self.copy(db),
        }
    }

    /// Copy database and `-wal` (never the `-shm`: SQLite rebuilds it) and work the frames into the copy.
    fn copy(&self, db: &Database) -> Result<Source, Failure> {
        let now = Stamps::of(&db.path);
        let framed = self.databases().filter(|db| db.at_open.has_frames());
        // What is told is what the whole store takes, or the next database would be the next to fail.
        let all = framed.fold(0_u64, |sum, db| sum.saturating_add(room_for(db.at_open)));
        let temp = self
            .copies
            .get_or_init(|| scratch::temporary("copy").map_err(|e| no_room(&e, &scratch::temporary_directory(), all)))
            .as_ref()
            .map_err(Clone::clone)?;
        let path = temp.path().join(&db.name);
        has_room(temp.path(), room_for(now), all)?;
        let mut before = now;
        for _ in 0..COPY_ATTEMPTS {
            copy_file(&db.path, &path, all)?;
            copy_file(&with_suffix(&db.path, "-wal"), &with_suffix(&path, "-wal"), all)
                .map_err(|why| why.within("its -wal: "))?;
            let after = Stamps::of(&db.path);
            if after == before {
                break;
            }
            before = after;
        }
        if stamp(&path).is_none_or(|s| s.0 == 0) {
            return Err("is empty (zero bytes)".into());
        }
        // After a checkpoint the copy is a plain file, and every reader opens it without a wal-index of its own.
        let merged = Connection::open_with_flags(
            uri(&path, "?mode=rw"),
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .and_then(|conn| {
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            harden(&conn, before.len())?;
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        let frames_left = stamp(&with_suffix(&path, "-wal")).is_some_and(|s| s.0 > 0);
        Ok(Source { path, wal: frames_left || !matches!(merged, Ok(0)), len: before.len() })
    }

    fn connect(&self, db: &Database) -> Result<Opened, Failure> {
        let source = self.source(db)?;
        open_file(source, self.options.no_mmap).map_err(|e| db.failure(&e))
    }

    /// The counter and the known table ids.
    fn read_globals(&self) -> Result<(Option<Lsn>, Vec<TableId>), Problem> {
        let Some(db) = &self.globals else {
            let reason = "is missing: no LSN counter, no list of tables".into();
            return Err(Problem { file: "globals.db".into(), reason, affects: Affected::Counters, io: None });
        };
        let opened = self.connect(db).map_err(|reason| db.problem(reason))?;
        let (mut counter, mut tables) = (None, BTreeSet::new());
        match Columns::of(&opened.conn, "globals") {
            Ok(Some(columns)) => {
                if let Some(why) = columns.computed(&["id", "val"]) {
                    return Err(db.problem(why));
                }
            }
            Ok(None) if opened.salvage.is_none() => {
                return Err(db.problem("is SQLite, but not a database of a PALite store: no table globals"));
            }
            Ok(None) => {}
            Err(e) => return Err(db.problem(db.failure(&e))),
        }
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = opened.conn.prepare("SELECT id, val FROM globals")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let (ValueRef::Integer(id), ValueRef::Integer(val)) = (row.get_ref(0)?, row.get_ref(1)?) {
                    match id {
                        0 => counter = counter.max(Some(Lsn(val.cast_unsigned()))),
                        1 => drop(tables.insert(TableId(val.cast_unsigned()))),
                        _ => {}
                    }
                }
            }
            Ok(())
        };
        match (read(), opened.salvage) {
            (Ok(()), None) => {}
            // What could be read of a damaged file still beats nothing.
            (Ok(()), Some(_)) if counter.is_some() => {}
            (Ok(()), Some(reason)) => return Err(db.problem(db.salvaged(reason))),
            (Err(e), _) => return Err(db.problem(db.failure(&e))),
        }
        if counter.is_none() {
            return Err(db.problem("holds no LSN counter (id 0)"));
        }
        Ok((counter, tables.into_iter().collect()))
    }

    /// Known tables (globals id 1) whose database is not there.
    fn missing_databases(&self) -> Vec<Problem> {
        let Ok((_, tables)) = self.read_globals() else { return Vec::new() };
        let mut missing: BTreeMap<String, (Affected, Vec<String>)> = BTreeMap::new();
        let sharded = self.pages.iter().any(|db| matches!(db.affects, Affected::Remainder { .. }));
        for table in tables {
            if self.pages.iter().any(|db| db.affects.covers(table)) {
                continue;
            }
            let (name, affects) = if sharded {
                let remainder = table.get() % SHARDS;
                (format!("pages_{remainder:02}.db"), Affected::Remainder { modulus: SHARDS, remainder })
            } else {
                (format!("pages_{table:06}.db"), Affected::Table(table))
            };
            missing.entry(name).or_insert_with(|| (affects, Vec::new())).1.push(table.to_string());
        }
        missing
            .into_iter()
            .map(|(file, (affects, tables))| {
                let reason = format!("is missing, though globals.db knows table {}", tables.join(", "));
                Problem { file, reason, affects, io: None }
            })
            .collect()
    }

    /// Read all rows of a sound database on several connections; `None` if anything at all is odd.
    fn scan_in_pieces(
        &self,
        number: u64,
        db: &Database,
        Opened { conn, len, .. }: &Opened,
        shape: &Shape,
        Want { own, inspect, gathered }: Want<'_>,
        progress: &Progress<'_>,
    ) -> Option<Segment> {
        let (rowid, len) = (shape.rowid?, *len);
        // Asked one by one each is a look at an end of the table; together they would be a scan.
        let end = |which: &str| conn.query_row(&format!("SELECT {which}({rowid}) FROM pages"), [], |r| r.get(0)).ok();
        let (low, high): (i64, i64) = (end("min")?, end("max")?);
        let pieces = match db.at_open.db_len() {
            len if len < PIECE_BYTES => 1,
            _ => i64::try_from(rayon::current_num_threads()).unwrap_or(1).saturating_mul(2),
        };
        let frame = scan::keys(conn, rowid, number, (low, high), len, own)?;
        let step = high.checked_sub(low)?.checked_div(pieces)?.checked_add(1)?;
        let places = frame.places(low.cast_unsigned());
        let columns = shape.contents(inspect.is_some(), places.is_none());
        let room = Room::of(len);
        let filler =
            Filler { number, frame: &frame, places: places.as_ref(), progress, inspect, room: &room, gathered };
        let connect = || self.connect(db).ok().filter(|o| o.salvage.is_none());
        if own.is_some() {
            // Only these rows are fetched, in the order in which they lie.
            let rowids = frame.locators().map(|locator| locator & ROWID_MASK);
            let mut rowids: Vec<u64> = rowids.collect();
            rowids.sort_unstable();
            let sql = format!("SELECT {columns} FROM pages WHERE {rowid}=?1");
            let piece = rowids.len().div_ceil(usize::try_from(pieces).unwrap_or(1)).max(1);
            let whole = rowids.par_chunks(piece).try_for_each(|piece| filler.run_each(&connect()?.conn, &sql, piece));
            drop(places);
            return whole.and_then(|()| frame.finish());
        }
        let sql = format!("SELECT {columns} FROM pages NOT INDEXED WHERE {rowid} BETWEEN ?1 AND ?2 ORDER BY {rowid}");
        let whole = (0..pieces).into_par_iter().try_for_each(|piece| {
            let from = low.checked_add(step.checked_mul(piece)?)?;
            let to = from.saturating_add(step.saturating_sub(1)).min(high);
            filler.run(&connect()?.conn, &sql, [from, to])
        });
        drop(places);
        whole.and_then(|()| frame.finish())
    }

    /// Read all rows of one database.
    fn scan(
        &self,
        number: usize,
        db: &Database,
        want: Want<'_>,
        progress: &Progress<'_>,
    ) -> Result<(Scanned, Vec<Problem>), StoreError> {
        let nothing = || Scanned::Rows(Vec::new());
        let opened = match self.connect(db) {
            Ok(opened) => opened,
            Err(reason) => return Ok((nothing(), vec![db.problem(reason)])),
        };
        let foreign = |reason: String| StoreError::Unreadable { path: db.path.clone(), reason };
        let conn = &opened.conn;
        let shape = match Shape::of(conn) {
            Ok(shape) => shape,
            Err(ShapeError::Sqlite(e)) => return Ok((nothing(), vec![db.problem(db.failure(&e))])),
            Err(ShapeError::NoSchema) => {
                return Ok((nothing(), vec![db.problem("is an SQLite database without tables")]));
            }
            // In a damaged database a column that is not there was perhaps lost with the schema.
            Err(ShapeError::Foreign(reason)) if opened.salvage.is_some() => {
                return Ok((nothing(), vec![db.problem(db.salvaged(reason))]));
            }
            Err(ShapeError::Foreign(reason)) => return Err(foreign(reason)),
        };
        let number = u64::try_from(number).unwrap_or(u64::MAX) << ROWID_BITS;
        if opened.salvage.is_none()
            && let Some(segment) = self.scan_in_pieces(number, db, &opened, &shape, want, progress)
        {
            return Ok((Scanned::Segment(segment), db.watch()));
        }
        // Whatever is odd here is met by the careful way: one pass, without data, and then around the damage.
        let mut sink = Sink::new(number, &shape, progress, None, Room::of(opened.len), want.gathered);
        let mut problems = Vec::new();
        let columns = shape.columns();
        let scanned = match shape.rowid {
            Some(rowid) => sink.run(conn, &format!("SELECT {columns} FROM pages NOT INDEXED ORDER BY {rowid}"), [], 1),
            None => sink.run(conn, &format!("SELECT {columns} FROM pages"), [], 0),
        };
        if let Err(e) = scanned {
            let lost = match shape.rowid {
                Some(rowid) => sink.recover(conn, &shape, rowid),
                None => None,
            };
            // Zeroed records are the damage itself, not a finding of their own.
            sink.complaints.remove(NO_INTEGER);
            let Failure { reason: e, io } = match e {
                Stop::Sqlite(e) => db.failure(&e),
                Stop::OutOfOrder { rowid, before } => {
                    format!("the table is not in order: rowid {rowid} follows {before}").into()
                }
            };
            let opening = opened.salvage.as_ref().filter(|words| **words != e).map(|words| format!("{words}; "));
            let mut reason = format!("{}{e}; {} rows could be read", opening.unwrap_or_default(), sink.rows.len());
            match lost {
                Some(Lost { count: 0, .. }) => reason.push_str(", the primary key names no other"),
                Some(Lost { count, first }) => {
                    let _ = write!(reason, ", {count} more are known from the primary key, the first is {first}");
                }
                None => {}
            }
            problems.push(db.problem(Failure { reason, io }));
        } else if let Some(reason) = &opened.salvage {
            problems.push(db.problem(db.salvaged(format!("{reason}; {} rows could be read", sink.rows.len()))));
        }
        problems.extend(sink.complaints.iter().filter_map(|(what, tally)| {
            let first = tally.first.as_ref()?;
            Some(db.problem(format!("{} rows with {what}, the first is {first}", tally.count)))
        }));
        sink.flush();
        problems.extend(db.watch());
        if let Some(own) = want.own {
            sink.rows.retain(|row| own(row.table, row.page));
        }
        Ok((Scanned::Rows(sink.rows), problems))
    }

    fn is_gathered(&self) -> Result<bool, StoreError> {
        Ok(Gathered::read(&self.dir)?.is_some())
    }

    /// Read the rows of all databases.
    fn scan_all(&self, want: Want<'_>, progress: &(dyn Fn(u64) + Sync)) -> Result<(Index, Vec<Problem>), StoreError> {
        let progress = Progress { rows: AtomicU64::new(0), tell: progress };
        let parts: Vec<_> = self
            .pages
            .par_iter()
            .enumerate()
            .map(|(number, db)| self.scan(number, db, want, &progress))
            .collect::<Result<_, _>>()?;
        let mut problems = self.notes.clone();
        let (mut segments, mut rows) = (Vec::new(), Vec::new());
        for (part, more) in parts {
            match part {
                Scanned::Segment(segment) => segments.push(segment),
                Scanned::Rows(mut part) => rows.append(&mut part),
            }
            problems.extend(more);
        }
        Ok((Index::of(segments, rows), problems))
    }
}

/// Which rows are wanted, and what looks at their data.
#[derive(Clone, Copy)]
struct Want<'w> {
    own: Option<&'w Own<'w>>,
    inspect: Option<&'w Inspect<'w>>,
    /// Rows may have a length and no bytes.
    gathered: bool,
}

/// The rows of one database.
enum Scanned {
    Segment(Segment),
    Rows(Vec<Row>),
}

/// The names of what else lies there.
fn others(dir: &Path) -> Vec<String> {
    let names = super::open::names(dir).unwrap_or_default();
    names.into_iter().filter(|n| store_file(n).is_none()).collect()
}

/// The files of the store with their sizes, in name order.
fn list(dir: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut out = Vec::new();
    for name in super::entries(dir)? {
        if let Some(name) = name.to_str().filter(|n| store_file(n).is_some()) {
            let len = fs::metadata(dir.join(name)).map_or(0, |m| m.len());
            out.push((name.to_owned(), len));
        }
    }
    out.sort();
    Ok(out)
}
impl PageLog for Palite {
    fn kind(&self) -> StoreKind {
        StoreKind::Palite
    }

    fn layout(&self) -> Result<Layout, StoreError> {
        let gathered = Gathered::read(&self.dir)?;
        let files = list(&self.dir).map_err(|e| StoreError::io(&self.dir, &e))?;
        Ok(Layout {
            files,
            dir: self.dir.clone(),
            others: others(&self.dir),
            sharded: self.pages.iter().any(|db| matches!(db.affects, Affected::Remainder { .. })),
            from_wal: self.databases().any(|db| db.at_open.has_frames()),
            // A dump tells nothing of the counter.
            lsn_counter: self.read_globals().ok().and_then(|(counter, _)| counter).filter(|_| gathered.is_none()),
            last_completed: None,
            gathered,
            absent: self.missing_databases(),
        })
    }

    fn index(
        &self,
        inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        self.scan_all(Want { own: None, inspect, gathered: self.is_gathered()? }, progress)
    }

    fn index_of(&self, own: &Own<'_>, progress: &(dyn Fn(u64) + Sync)) -> Result<(Index, Vec<Problem>), StoreError> {
        self.scan_all(Want { own: Some(own), inspect: None, gathered: self.is_gathered()? }, progress)
    }

    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError> {
        let db = &self.checkpoints;
        let unreadable = |reason: String| StoreError::Unreadable { path: db.path.clone(), reason };
        let opened = match self.connect(db) {
            Ok(opened) => opened,
            // Of a record that nobody could read nothing is known, as of a shard.
            Err(why) if why.io.is_some() => {
                let mut problems = vec![db.problem(why)];
                problems.extend(self.read_globals().err());
                return Ok((Vec::new(), problems));
            }
            Err(why) => return Err(unreadable(why.reason)),
        };
        let conn = &opened.conn;
        let not_ours = |what: &str| unreadable(format!("is an SQLite database, but not a PALite store: no {what}"));
        let damaged = |e: &rusqlite::Error| db.error(db.failure(e), "");
        let columns = Columns::of(conn, "checkpoints").map_err(|e| damaged(&e))?;
        let columns = columns.ok_or_else(|| not_ours("table checkpoints"))?;
        let names = &columns.names;
        for required in ["lsn", "checkpoint_metadata"] {
            if !names.contains(required) {
                return Err(not_ours(&format!("column {required} in table checkpoints")));
            }
        }
        if let Some(why) = columns.computed(&["lsn", "timestamp", "checkpoint_metadata"]) {
            return Err(unreadable(why));
        }
        let timestamp = if names.contains("timestamp") { "timestamp" } else { "0" };
        let mut problems = Vec::new();
        let mut found: BTreeMap<(Lsn, u64), Vec<u8>> = BTreeMap::new();
        let mut odd = 0_u64;
        // Ways through the data; the next one is only taken when the one before met damage. None of them sorts.
        let index = scan::key_index(conn, "checkpoints", &["lsn"]).ok().flatten();
        let indexed = |end: &str| index.as_ref().map(|name| format!("INDEXED BY {name} ORDER BY lsn{end}"));
        let ways = [indexed(""), Some("NOT INDEXED".into()), indexed(" DESC")];
        for order in ways.into_iter().flatten() {
            odd = 0;
            let sql = format!("SELECT lsn, {timestamp}, checkpoint_metadata FROM checkpoints {order}");
            let outcome = read_completions(conn, &sql, &mut found, &mut odd, &Room::of(opened.len));
            let Err(e) = outcome else { break };
            if problems.is_empty() {
                problems.push(db.problem(db.failure(&e)));
            }
        }
        if let (Some(reason), true) = (opened.salvage, problems.is_empty()) {
            problems.push(db.problem(db.salvaged(reason)));
        }
        if odd > 0 {
            problems.push(db.problem(format!("{odd} completion records with a value of the wrong type")));
        }
        problems.extend(db.watch());
        problems.extend(self.read_globals().err());
        problems.extend(self.globals.iter().flat_map(Database::watch));
        let rows = found
            .into_iter()
            .map(|((lsn, timestamp), text)| CompletionRow { lsn, timestamp, checkpoint_id: None, text })
            .collect();
        Ok((rows, problems))
    }

    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError> {
        Ok(Box::new(reader::PaliteReader::new(self)))
    }
}

fn read_completions(
    conn: &Connection,
    sql: &str,
    found: &mut BTreeMap<(Lsn, u64), Vec<u8>>,
    odd: &mut u64,
    room: &Room,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = match (row.get_ref(0)?, row.get_ref(1)?) {
            (ValueRef::Integer(lsn), ValueRef::Integer(timestamp)) => {
                (Lsn(lsn.cast_unsigned()), timestamp.cast_unsigned())
            }
            _ => {
                *odd = odd.saturating_add(1);
                continue;
            }
        };
        match row.get_ref(2)? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => {
                if !room.take(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
                    // Records that share what they hold: as one value that is longer than the database.
                    return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None));
                }
                found.insert(key, bytes.to_vec());
            }
            _ => *odd = odd.saturating_add(1),
        }
    }
    Ok(())
}
