//! Writing into a PALite store.
//!
//! Each database is changed in one transaction with full synchronisation, in the journal mode it is
//! in. Databases are not tied together: the order of the changes is what keeps the store whole.
//!
//! Columns differ between builds: what this code does not know in a row of pages is taken over from
//! another row of the same page or table.

use super::database::{Name, is_damage, parse_pages_name, store_file, uri, words};
use super::harden::{foreign_objects, harden};
use super::{SHARDS, scan};
use crate::below::Below;
use crate::id::{Lsn, PageId, TableId};
use crate::store::StoreError;
use crate::store::edit::{Change, Edit, Field, Ledger, NewRow, Side, State, Value};
use crate::store::hold::Hold;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PAGES: &str = "pages";
const CHECKPOINTS: &str = "checkpoints";
const GLOBALS: &str = "globals";
pub(super) const CHECKPOINTS_FILE: &str = "checkpoints.db";
pub(super) const GLOBALS_FILE: &str = "globals.db";
/// The id of the LSN counter in `globals`.
const COUNTER: i64 = 0;
/// Changes of one file that follow one another, so many to a transaction at most.
const TRANSACTION: usize = 100_000;

/// A PALite store opened for changes.
pub struct PaliteLedger {
    /// Without a link in it.
    dir: PathBuf,
    hold: Hold,
    /// Pages databases by what they hold.
    shards: BTreeMap<u64, String>,
    tables: BTreeMap<TableId, String>,
    open: BTreeMap<String, Connection>,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Sql::Null),
            Self::Integer(i) => ToSqlOutput::Owned(Sql::Integer(*i)),
            Self::Real(bits) => ToSqlOutput::Owned(Sql::Real(f64::from_bits(*bits))),
            Self::Text(t) => ToSqlOutput::Borrowed(ValueRef::Text(t.as_bytes())),
            Self::Blob(b) => ToSqlOutput::Borrowed(ValueRef::Blob(b)),
        })
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(i) => Value::Integer(i),
        ValueRef::Real(f) => Value::Real(f.to_bits()),
        // Text that is no UTF-8 would not come back the same; as bytes it keeps them, and SQLite its type apart.
        ValueRef::Text(t) => match std::str::from_utf8(t) {
            Ok(t) => Value::Text(t.to_string()),
            Err(_) => Value::Blob(t.to_vec()),
        },
        ValueRef::Blob(b) => Value::Blob(b.to_vec()),
    }
}

fn integer(v: u64) -> Value {
    Value::Integer(v.cast_signed())
}

impl PaliteLedger {
    /// Open the store in `kv_home`, and lock all of its databases. They are read as they are needed.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn open(kv_home: &Path) -> Result<Self, StoreError> {
        Self::at(Below::open(kv_home).map_err(|e| StoreError::io(kv_home, &e))?)
    }

    /// As [`Self::open`], in a directory that is open already.
    pub fn at(kv_home: Below) -> Result<Self, StoreError> {
        let unreadable = |e: std::io::Error| StoreError::io(kv_home.path(), &e);
        // SQLite takes paths, and refuses those with a link in them.
        let dir = std::fs::canonicalize(kv_home.path()).map_err(unreadable)?;
        let names = kv_home.names().map_err(unreadable)?;
        let mut hold = Hold::new(kv_home);
        let (mut shards, mut tables) = (BTreeMap::new(), BTreeMap::new());
        for name in names {
            let Some(name) = name.to_str().filter(|n| store_file(n).is_some()) else { continue };
            if store_file(name) != Some(name) {
                // What SQLite keeps beside a database is written as well.
                let found = hold.check(Path::new(name))?;
                if name.ends_with("-journal") && found.is_some_and(|stat| stat.st_size > 0) {
                    return Err(StoreError::Schema {
                        path: dir.join(store_file(name).unwrap_or(name)),
                        reason: format!("{name} holds an interrupted change, which would be rolled back first"),
                    });
                }
                continue;
            }
            hold.lock(Path::new(name))?;
            match parse_pages_name(name) {
                Some(Name::Shard(n)) => shards.insert(n, name.to_string()),
                Some(Name::Table(n)) => tables.insert(n, name.to_string()),
                Some(Name::OtherPages) | None => None,
            };
        }
        Ok(Self { dir, hold, shards, tables, open: BTreeMap::new() })
    }

    /// The database with the rows of a table.
    fn pages_file(&self, table: TableId) -> Result<String, StoreError> {
        let file = self.tables.get(&table).or_else(|| self.shards.get(&(table.get() % SHARDS)));
        file.cloned().ok_or_else(|| StoreError::Unreadable {
            path: self.dir.clone(),
            reason: format!("no database for the rows of table {table}"),
        })
    }

    fn error(&self, file: &str, e: &rusqlite::Error) -> StoreError {
        let path = self.dir.join(file);
        match is_damage(e) {
            true => StoreError::Damaged { path, reason: words(e) },
            false => StoreError::Unreadable { path, reason: words(e) },
        }
    }

    fn connect(&mut self, file: &str) -> Result<&mut Connection, StoreError> {
        if !self.open.contains_key(file) {
            let path = self.dir.join(file);
            let elsewhere = || StoreError::Unreadable {
                path: path.clone(),
                reason: "is not the file that was locked: something is changing the directory".into(),
            };
            for end in ["-wal", "-shm", "-journal"] {
                self.hold.check(Path::new(&format!("{file}{end}")))?;
            }
            if !self.hold.leads(&path, Path::new(file)) {
                return Err(elsewhere());
            }
            let len = |name: &str| std::fs::metadata(self.dir.join(name)).map_or(0, |m| m.len());
            let frames = len(&format!("{file}-wal")) > 0;
            let len = len(file).saturating_add(len(&format!("{file}-wal")));
            // Only what is there: a database made by SQLite on the way would be an empty one. The file is locked
            // already, and SQLite's own locks would wait for that for ever.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW;
            let conn = Connection::open_with_flags_and_vfs(uri(&path, "?mode=rw"), flags, "unix-none")
                .and_then(|conn| {
                    harden(&conn, len)?;
                    // Frames that somebody left are worked in when something is written, and not for a look.
                    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, frames)?;
                    // Before the first access: a wal-index in shared memory needs locks.
                    conn.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
                    conn.execute_batch("PRAGMA synchronous=FULL; PRAGMA fullfsync=1; PRAGMA temp_store=MEMORY")?;
                    Ok(conn)
                })
                .map_err(|e| self.error(file, &e))?;
            if !self.hold.leads(&path, Path::new(file)) {
                return Err(elsewhere());
            }
            let set = match file {
                CHECKPOINTS_FILE => CHECKPOINTS,
                GLOBALS_FILE => GLOBALS,
                _ => PAGES,
            };
            let foreign = foreign_objects(&conn, set).map_err(|e| self.error(file, &e))?;
            if let Some(reason) = foreign {
                return Err(StoreError::Schema { path, reason });
            }
            self.open.insert(file.to_string(), conn);
        }
        self.open
            .get_mut(file)
            .ok_or_else(|| StoreError::Unreadable { path: self.dir.join(file), reason: "could not be opened".into() })
    }

    /// All records of a set that match, with every stored column, the rowid included.
    fn records(&mut self, file: &str, set: &str, key: &[Field]) -> Result<Vec<Vec<Field>>, StoreError> {
        let conn = self.connect(file)?;
        let found = select(conn, set, key);
        found.map_err(|e| self.error(file, &e))
    }

    fn only(&mut self, file: &str, set: &str, key: &[Field]) -> Result<Option<Vec<Field>>, StoreError> {
        let mut found = self.records(file, set, key)?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            n => Err(StoreError::Damaged {
                path: self.dir.join(file),
                reason: format!("{n} records in {set} where one was expected: {}", describe(key)),
            }),
        }
    }

    fn put(&mut self, row: &NewRow) -> Result<Change, StoreError> {
        let file = self.pages_file(row.table)?;
        let key = page_key(row.table, row.page, row.lsn);
        let refuse = |dir: &Path, reason: String| StoreError::Unreadable { path: dir.join(&file), reason };
        if !self.records(&file, PAGES, &key)?.is_empty() {
            return Err(refuse(&self.dir, format!("there is already a row at LSN {}", row.lsn)));
        }
        let dir = self.dir.clone();
        let conn = self.connect(&file)?;
        let template = template(conn, row.table, row.page).map_err(|e| self.error(&file, &e))?;
        let Some(mut fields) = template else {
            return Err(refuse(&dir, "holds no row to take the columns from".into()));
        };
        fields.retain(|f| f.name != "rowid");
        let known: [(&str, Value); 7] = [
            ("table_id", integer(row.table.get())),
            ("page_id", integer(row.page.get())),
            ("lsn", integer(row.lsn.get())),
            ("backlink_lsn", integer(row.backlink_lsn.get())),
            ("base_lsn", integer(row.base_lsn.get())),
            ("flags", Value::Integer(i64::from(row.flags))),
            ("page_data", Value::Blob(row.data.clone())),
        ];
        for (name, value) in known {
            match fields.iter_mut().find(|f| f.name == name) {
                Some(field) => field.value = value,
                // A build without the column cannot say what it would hold; nothing else may get lost.
                None if value == Value::Integer(0) => {}
                None => return Err(refuse(&dir, format!("has no column {name}"))),
            }
        }
        Ok(Change { file, set: PAGES.into(), before: None, after: Some(fields) })
    }

    fn remove(&mut self, table: TableId, page: PageId, lsn: Lsn) -> Result<Change, StoreError> {
        let file = self.pages_file(table)?;
        let found = self.only(&file, PAGES, &page_key(table, page, lsn))?;
        let before = found.ok_or_else(|| StoreError::Unreadable {
            path: self.dir.join(&file),
            reason: format!("no row of table {table}, page {page} at LSN {lsn}"),
        })?;
        Ok(Change { file, set: PAGES.into(), before: Some(before), after: None })
    }

    fn counter(&mut self, last_lsn: Lsn) -> Result<Change, StoreError> {
        let found = self.only(GLOBALS_FILE, GLOBALS, &[field("id", Value::Integer(COUNTER))])?;
        let before = found.ok_or_else(|| StoreError::Unreadable {
            path: self.dir.join(GLOBALS_FILE),
            reason: "holds no LSN counter".into(),
        })?;
        let mut after = before.clone();
        for f in after.iter_mut().filter(|f| f.name == "val") {
            f.value = integer(last_lsn.get());
        }
        Ok(Change { file: GLOBALS_FILE.into(), set: GLOBALS.into(), before: Some(before), after: Some(after) })
    }

    fn complete(&mut self, lsn: Lsn, timestamp: u64, text: &str) -> Result<Change, StoreError> {
        let after = vec![
            field("lsn", integer(lsn.get())),
            field("timestamp", integer(timestamp)),
            field("checkpoint_metadata", Value::Blob(text.as_bytes().to_vec())),
        ];
        if !self.records(CHECKPOINTS_FILE, CHECKPOINTS, &[field("lsn", integer(lsn.get()))])?.is_empty() {
            let reason = format!("there is already a completion record at LSN {lsn}");
            return Err(StoreError::Unreadable { path: self.dir.join(CHECKPOINTS_FILE), reason });
        }
        Ok(Change { file: CHECKPOINTS_FILE.into(), set: CHECKPOINTS.into(), before: None, after: Some(after) })
    }

    fn remove_completion(&mut self, lsn: Lsn) -> Result<Change, StoreError> {
        let found = self.only(CHECKPOINTS_FILE, CHECKPOINTS, &[field("lsn", integer(lsn.get()))])?;
        let before = found.ok_or_else(|| StoreError::Unreadable {
            path: self.dir.join(CHECKPOINTS_FILE),
            reason: format!("no completion record at LSN {lsn}"),
        })?;
        Ok(Change { file: CHECKPOINTS_FILE.into(), set: CHECKPOINTS.into(), before: Some(before), after: None })
    }
}

fn field(name: &str, value: Value) -> Field {
    Field { name: name.into(), value }
}

fn page_key(table: TableId, page: PageId, lsn: Lsn) -> Vec<Field> {
    vec![
        field("table_id", integer(table.get())),
        field("page_id", integer(page.get())),
        field("lsn", integer(lsn.get())),
    ]
}

fn describe(key: &[Field]) -> String {
    let parts = key.iter().filter(|f| !matches!(f.value, Value::Blob(_)));
    parts.map(|f| format!("{} {:?}", f.name, f.value)).collect::<Vec<_>>().join(", ")
}

/// The fields that name a record of a set.
fn key_of(set: &str, record: &[Field]) -> Vec<Field> {
    let names: &[&str] = match set {
        PAGES => &["table_id", "page_id", "lsn"],
        CHECKPOINTS => &["lsn"],
        _ => &["id"],
    };
    record.iter().filter(|f| names.contains(&f.name.as_str())).cloned().collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Stored columns of a table (generated ones are left out), the rowid first if there is one.
fn columns(conn: &Connection, set: &str) -> rusqlite::Result<Vec<String>> {
    let without_rowid = scan::table_columns(conn, set)?.is_none_or(|(_, without)| without);
    let mut statement = conn.prepare_cached("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
    let stored: Vec<String> = statement.query_map([set], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let hides = stored.iter().any(|n| n.eq_ignore_ascii_case("rowid"));
    let rowid = (!without_rowid && !hides).then(|| "rowid".to_string());
    Ok(rowid.into_iter().chain(stored).collect())
}

fn select(conn: &Connection, set: &str, key: &[Field]) -> rusqlite::Result<Vec<Vec<Field>>> {
    let columns = columns(conn, set)?;
    let list: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
    let wanted: Vec<String> = key.iter().zip(1..).map(|(f, n)| format!("{} = ?{n}", quoted(&f.name))).collect();
    let sql = format!("SELECT {} FROM {} WHERE {}", list.join(", "), quoted(set), wanted.join(" AND "));
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(key.iter().map(|f| &f.value)))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let mut record = Vec::with_capacity(columns.len());
        for (at, name) in columns.iter().enumerate() {
            record.push(Field { name: name.clone(), value: owned(row.get_ref(at)?) });
        }
        out.push(record);
    }
    Ok(out)
}

/// A row to take unknown columns from: the newest of the page, else of the table, else any.
fn template(conn: &Connection, table: TableId, page: PageId) -> rusqlite::Result<Option<Vec<Field>>> {
    let columns = columns(conn, PAGES)?;
    let list: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
    let sql = format!(
        "SELECT {} FROM pages ORDER BY table_id = ?1 DESC, table_id = ?1 AND page_id = ?2 DESC, lsn DESC LIMIT 1",
        list.join(", ")
    );
    // The plain orders are tried first: they run on the primary key.
    for (filter, named) in [("table_id = ?1 AND page_id = ?2", true), ("table_id = ?1", true), ("", false)] {
        let sql = match named {
            true => format!("SELECT {} FROM pages WHERE {filter} ORDER BY lsn DESC LIMIT 1", list.join(", ")),
            false => sql.clone(),
        };
        let mut statement = conn.prepare(&sql)?;
        let parameters = [integer(table.get()), integer(page.get())];
        let used = statement.parameter_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters.iter().take(used)))?;
        if let Some(row) = rows.next()? {
            let mut record = Vec::with_capacity(columns.len());
            for (at, name) in columns.iter().enumerate() {
                record.push(Field { name: name.clone(), value: owned(row.get_ref(at)?) });
            }
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Whether a stored record has all the fields of a wanted one. A wanted one without a rowid takes any.
fn matches(stored: &[Field], wanted: &[Field]) -> bool {
    wanted.iter().all(|w| w.name == "rowid" || stored.contains(w))
}

/// Changes come from a journal, which may come from anywhere: only the store's own databases and sets.
fn known(change: &Change) -> bool {
    let of_pages = matches!(parse_pages_name(&change.file), Some(Name::Shard(_) | Name::Table(_)));
    match change.set.as_str() {
        PAGES => of_pages,
        CHECKPOINTS => change.file == CHECKPOINTS_FILE,
        GLOBALS => change.file == GLOBALS_FILE,
        _ => false,
    }
}

/// Which side of a change a connection's database is on.
fn state(conn: &Connection, change: &Change) -> rusqlite::Result<State> {
    let Some(named) = change.before.as_ref().or(change.after.as_ref()) else {
        return Ok(State::Other("the change is empty".into()));
    };
    let key = key_of(&change.set, named);
    let found = select(conn, &change.set, &key)?;
    let is = |side: &Option<Vec<Field>>| match (side, found.as_slice()) {
        (None, []) => true,
        (Some(wanted), [stored]) => matches(stored, wanted),
        _ => false,
    };
    Ok(match (is(&change.before), is(&change.after)) {
        (true, _) => State::Before,
        (_, true) => State::After,
        _ => {
            let what = match found.as_slice() {
                [] => "is missing".to_string(),
                [_] => "has different content".to_string(),
                more => format!("is there {} times", more.len()),
            };
            State::Other(format!("{}: the record in {} with {} {what}", change.file, change.set, describe(&key)))
        }
    })
}

/// Carry one change out inside a transaction; with `anyway` whatever the record looks like now.
fn carry(conn: &Connection, change: &Change, to: Side, anyway: bool) -> rusqlite::Result<Option<String>> {
    let (from, into) = match to {
        Side::After => (&change.before, &change.after),
        Side::Before => (&change.after, &change.before),
    };
    match (state(conn, change)?, to) {
        (State::Other(why), _) if !anyway => return Ok(Some(why)),
        (State::Before, Side::Before) | (State::After, Side::After) => return Ok(None),
        _ => {}
    }
    let set = quoted(&change.set);
    let bound = |fields: &[Field], glue: &str, offset: usize| {
        let list = fields.iter().zip(offset + 1..).map(|(f, n)| format!("{} = ?{n}", quoted(&f.name)));
        list.collect::<Vec<_>>().join(glue)
    };
    let (sql, values): (String, Vec<&Value>) = match (from, into) {
        (None, Some(new)) => {
            let names: Vec<String> = new.iter().map(|f| quoted(&f.name)).collect();
            let marks: Vec<String> = (1..=new.len()).map(|n| format!("?{n}")).collect();
            let or = if anyway { "OR REPLACE " } else { "" };
            let sql = format!("INSERT {or}INTO {set} ({}) VALUES ({})", names.join(", "), marks.join(", "));
            (sql, new.iter().map(|f| &f.value).collect())
        }
        (Some(old), None) => {
            let key = old.iter().filter(|f| f.name != "rowid" && key_of(&change.set, old).contains(f));
            let key: Vec<Field> = key.cloned().collect();
            let sql = format!("DELETE FROM {set} WHERE {}", bound(&key, " AND ", 0));
            let values = old.iter().filter(|f| key.contains(f)).map(|f| &f.value).collect();
            (sql, values)
        }
        (Some(old), Some(new)) => {
            let changed: Vec<Field> = new.iter().filter(|f| !old.contains(f)).cloned().collect();
            let key = key_of(&change.set, old);
            let sql =
                format!("UPDATE {set} SET {} WHERE {}", bound(&changed, ", ", 0), bound(&key, " AND ", changed.len()));
            let values = new.iter().filter(|f| changed.contains(f)).chain(old.iter().filter(|f| key.contains(f)));
            (sql, values.map(|f| &f.value).collect())
        }
        (None, None) => return Ok(None),
    };
    let done = conn.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(values))?;
    Ok((done != 1 && !anyway).then(|| format!("{}: {done} records changed instead of one", change.file)))
}

impl Ledger for PaliteLedger {
    fn again(&mut self) -> Result<(), StoreError> {
        self.open.clear();
        Ok(())
    }

    fn translate(&mut self, edits: &[Edit]) -> Result<Vec<Change>, StoreError> {
        edits
            .iter()
            .map(|edit| match edit {
                Edit::Counter { last_lsn } => self.counter(*last_lsn),
                Edit::Put(row) => self.put(row),
                Edit::Remove { table, page, lsn } => self.remove(*table, *page, *lsn),
                Edit::Complete { lsn, timestamp, text, .. } => self.complete(*lsn, *timestamp, text),
                Edit::RemoveCompletion { lsn } => self.remove_completion(*lsn),
            })
            .collect()
    }

    fn state(&mut self, change: &Change) -> Result<State, StoreError> {
        if !known(change) {
            return Ok(State::Other(format!("{} has no set {}", change.file, change.set)));
        }
        let file = change.file.clone();
        let conn = self.connect(&file)?;
        let found = state(conn, change);
        found.map_err(|e| self.error(&file, &e))
    }

    fn carry_out(&mut self, changes: &[Change], to: Side) -> Result<(), StoreError> {
        self.run(changes, to, false)
    }

    fn take_back(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.run(changes, Side::Before, true)
    }
}

impl PaliteLedger {
    fn run(&mut self, changes: &[Change], to: Side, anyway: bool) -> Result<(), StoreError> {
        if let Some(other) = changes.iter().find(|c| !known(c)) {
            let reason = format!("{} has no set {}", other.file, other.set);
            return Err(StoreError::Damaged { path: self.dir.clone(), reason });
        }
        let mut order: Vec<&Change> = changes.iter().collect();
        if to == Side::Before {
            order.reverse();
        }
        for run in order.chunk_by(|a, b| a.file == b.file).flat_map(|run| run.chunks(TRANSACTION)) {
            let Some(file) = run.first().map(|c| c.file.clone()) else { continue };
            let conn = self.connect(&file)?;
            let done = (|| {
                let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for change in run {
                    if let Some(why) = carry(&transaction, change, to, anyway)? {
                        return Ok(Some(why));
                    }
                }
                transaction.commit()?;
                conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
                Ok(None)
            })();
            match done {
                Ok(None) => {}
                Ok(Some(reason)) => return Err(StoreError::Damaged { path: self.dir.join(&file), reason }),
                Err(e) => return Err(self.error(&file, &e)),
            }
        }
        Ok(())
    }
}
