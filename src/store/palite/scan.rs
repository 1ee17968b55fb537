//! Reading all rows of one database, past damage as far as SQLite lets one.

use super::harden::afresh;
use super::{Inspect, Own, ROWID_MASK, Row, Seal};
use crate::id::{Lsn, PageId, TableId, Version};
use crate::store::index::packed::{Frame, Key, Keys, Places};
use crate::store::supply;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// The primary key of `pages`.
const KEY: [&str; 3] = ["table_id", "page_id", "lsn"];
/// The column with the length of the data, or the data.
const DATA: usize = 7;
/// What a row takes at least in a database: a few numbers, and the same again in the index.
const SMALLEST_ROW: u64 = 20;
/// The same among the columns of [`Shape::contents`].
const CONTENTS_DATA: usize = 5;
/// Where table and page are among them, if they are.
const CONTENTS_KEY: usize = 6;
/// Bytes of room that a thread takes at once.
const ROOM_PIECE: u64 = 1 << 20;
/// Rows between two reports of progress.
pub(super) const PROGRESS_STEP: u64 = 4096;
/// What is said of rows whose numbers are none.
pub(super) const NO_INTEGER: &str = "a value that is not an integer";

/// How many bytes of data the rows of a database may still claim. Each is stored once, so all together are shorter than
/// the file; where rows share what they hold, a small file could keep a reader busy for days.
#[derive(Debug)]
pub(super) struct Room(AtomicU64);

impl Room {
    /// Of a database that had `len` bytes. One that was cut off may name more than it still has.
    pub(super) fn of(len: u64) -> Self {
        Self(AtomicU64::new(len.saturating_mul(8).max(16 << 20)))
    }

    /// At least so many bytes, and more of them at a time, so that threads do not meet at each row.
    fn piece(&self, bytes: u64) -> Option<u64> {
        let most = bytes.max(ROOM_PIECE);
        [most, bytes].into_iter().find(|n| self.take(*n))
    }

    pub(super) fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// Rows found so far by all scans.
pub(super) struct Progress<'a> {
    pub(super) rows: AtomicU64,
    pub(super) tell: &'a (dyn Fn(u64) + Sync),
}

impl Progress<'_> {
    pub(super) fn add(&self, more: u64) {
        let before = self.rows.fetch_add(more, Ordering::Relaxed);
        (self.tell)(before.saturating_add(more));
    }
}

/// What the table `pages` of this build looks like.
pub(super) struct Shape {
    /// The name under which the rowid can be asked for.
    pub(super) rowid: Option<&'static str>,
    pub(super) backlink: bool,
    pub(super) base: bool,
    pub(super) flags: bool,
}

pub(super) enum ShapeError {
    Sqlite(rusqlite::Error),
    /// Not a single table: a database that was created and never written.
    NoSchema,
    Foreign(String),
}

impl From<rusqlite::Error> for ShapeError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sqlite(e)
    }
}

/// The columns of a plain table, their names in lower case.
pub(super) struct Columns {
    pub(super) names: HashSet<String>,
    /// Those of them that are not stored: what they hold is whatever the schema says.
    computed: HashSet<String>,
    /// Those of the primary key.
    key: HashSet<String>,
    pub(super) without_rowid: bool,
}

impl Columns {
    /// The columns of `table`, one of the names that this code knows; `None` if there is no plain table of that name.
    pub(super) fn of(conn: &Connection, table: &str) -> rusqlite::Result<Option<Self>> {
        // Views and virtual tables could compute anything; the engine makes plain tables. SQLite's own lists are not
        // asked here: they look at every object there is, and the schema may have tables of their names.
        let sql = "SELECT type='table' AND rootpage>0 AND sql LIKE 'CREATE TABLE %' FROM sqlite_master \
                   WHERE name=?1 COLLATE NOCASE AND type IN ('table', 'view')";
        let mut kinds = conn.prepare(sql)?;
        let plain = kinds.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Option<bool>>>>()?;
        if plain.is_empty() || plain.contains(&None) || plain.contains(&Some(false)) {
            return Ok(None);
        }
        let mut out =
            Self { names: HashSet::new(), computed: HashSet::new(), key: HashSet::new(), without_rowid: false };
        let mut statement = conn.prepare(&format!("PRAGMA main.table_xinfo({table})"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (name, key, hidden): (String, i64, i64) = (row.get("name")?, row.get("pk")?, row.get("hidden")?);
            let name = name.to_ascii_lowercase();
            if hidden != 0 {
                out.computed.insert(name.clone());
            }
            if key != 0 {
                out.key.insert(name.clone());
            }
            out.names.insert(name);
        }
        if let Some(rowid) = out.rowid() {
            // Only a table without rowids has no such column.
            out.without_rowid = conn.prepare(&format!("SELECT {rowid} FROM main.{table}")).is_err();
        }
        Ok(Some(out))
    }

    /// The name under which the rowid can be asked for: a column may hide the first one.
    pub(super) fn rowid(&self) -> Option<&'static str> {
        ["rowid", "_rowid_", "oid"].into_iter().find(|n| !self.without_rowid && !self.names.contains(*n))
    }

    /// Which of `wanted` is computed, told as what that makes of the database.
    pub(super) fn computed(&self, wanted: &[&str]) -> Option<String> {
        let column = wanted.iter().find(|name| self.computed.contains(**name))?;
        Some(format!("is not a page log's database: its column {column} is computed, not stored"))
    }
}

/// Column names of a plain table in lower case, and whether it lacks rowids.
pub(super) fn table_columns(conn: &Connection, table: &str) -> rusqlite::Result<Option<(HashSet<String>, bool)>> {
    Ok(Columns::of(conn, table)?.map(|c| (c.names, c.without_rowid)))
}

/// The index of a table's primary key, quoted, if it begins with these columns in this order.
pub(super) fn key_index(conn: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Option<String>> {
    let mut list = conn.prepare(&format!("PRAGMA main.index_list({table})"))?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let (name, origin): (String, String) = (row.get("name")?, row.get("origin")?);
        let (unique, partial): (bool, bool) = (row.get("unique")?, row.get("partial")?);
        if origin != "pk" || partial || !unique {
            continue;
        }
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let mut info = conn.prepare(&format!("PRAGMA main.index_xinfo({quoted})"))?;
        let names = info.query_map([], |row| Ok((row.get("name")?, row.get("desc")?)))?;
        let names: Vec<(Option<String>, bool)> = names.collect::<rusqlite::Result<_>>()?;
        let same = |(name, descends): &(Option<String>, bool), wanted: &str| {
            !descends && name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(wanted))
        };
        let begins = names.len() >= columns.len() && names.iter().zip(columns).all(|(n, c)| same(n, c));
        return Ok(begins.then_some(quoted));
    }
    Ok(None)
}

impl Shape {
    pub(super) fn of(conn: &Connection) -> Result<Self, ShapeError> {
        let Some(columns) = Columns::of(conn, "pages")? else {
            let any = conn.prepare("SELECT 1 FROM sqlite_master LIMIT 1")?.exists([])?;
            return Err(match any {
                false => ShapeError::NoSchema,
                true => ShapeError::Foreign("is SQLite, but not a PALite pages database: no table pages".into()),
            });
        };
        let names = &columns.names;
        for required in ["table_id", "page_id", "lsn", "page_data"] {
            if !names.contains(required) {
                let reason = format!("is SQLite, but not a PALite pages database: no column {required}");
                return Err(ShapeError::Foreign(reason));
            }
        }
        let read = ["table_id", "page_id", "lsn", "page_data", "backlink_lsn", "base_lsn", "flags"];
        if let Some(why) = columns.computed(&read) {
            return Err(ShapeError::Foreign(why));
        }
        let rowid = columns.rowid();
        // Without rowids a row is looked up by its key, and with another one each look-up would be a scan.
        if rowid.is_none() && (columns.key.len() != KEY.len() || !KEY.iter().all(|k| columns.key.contains(*k))) {
            let reason = "is not a page log's database: its rows cannot be found through rowids or its primary key";
            return Err(ShapeError::Foreign(reason.into()));
        }
        let has = |name: &str| names.contains(name);
        Ok(Self { rowid, backlink: has("backlink_lsn"), base: has("base_lsn"), flags: has("flags") })
    }

    /// What a row holds besides its key, for [`Filler`]; for an inspection with the data in place of its
    /// length. With `key` the rest of its key as well.
    pub(super) fn contents(&self, data: bool, key: bool) -> String {
        let or_zero = |there: bool, name: &'static str| if there { name } else { "0" };
        format!(
            "{}, lsn, {}, {}, {}, {}{}",
            self.rowid.unwrap_or("NULL"),
            or_zero(self.backlink, "backlink_lsn"),
            or_zero(self.base, "base_lsn"),
            or_zero(self.flags, "flags"),
            // The data tells its length itself.
            if data { "page_data" } else { "octet_length(page_data)" },
            if key { ", table_id, page_id" } else { "" },
        )
    }

    /// The columns of the index, absent ones as 0. `octet_length` answers from the record's header
    /// without reading overflow pages.
    pub(super) fn columns(&self) -> String {
        let or_zero = |there: bool, name: &'static str| if there { name } else { "0" };
        format!(
            "{}, table_id, page_id, lsn, {}, {}, {}, octet_length(page_data)",
            self.rowid.unwrap_or("NULL"),
            or_zero(self.backlink, "backlink_lsn"),
            or_zero(self.base, "base_lsn"),
            or_zero(self.flags, "flags"),
        )
    }
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) first: Option<String>,
}

/// Rows the primary key names and the table does not yield.
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) first: String,
}

/// The keys of all rows, from the primary key's own index, which is in order and holds no data.
///
/// `None`: there is no such index, or it does not hold what it should.
pub(super) fn keys(
    conn: &Connection,
    rowid: &str,
    number: u64,
    (low, high): (i64, i64),
    database_len: u64,
    own: Option<&Own<'_>>,
) -> Option<Frame> {
    let index = key_index(conn, "pages", &KEY).ok()??;
    let span = u64::try_from(high.checked_sub(low)?).ok()?.saturating_add(1);
    // However few rows there are, this much is only set aside, not used.
    let most = usize::try_from(span.min(database_len / SMALLEST_ROW)).ok()?;
    let mut keys = Keys::new(number | low.cast_unsigned(), most);
    let sql =
        format!("SELECT table_id, page_id, lsn, {rowid} FROM pages INDEXED BY {index} ORDER BY table_id, page_id, lsn");
    let mut statement = conn.prepare(&sql).ok()?;
    let mut rows = statement.query([]).ok()?;
    while let Some(row) = rows.next().ok()? {
        let mut values = [0_u64; 4];
        for (at, value) in values.iter_mut().enumerate() {
            let ValueRef::Integer(n) = row.get_ref(at).ok()? else { return None };
            *value = n.cast_unsigned();
        }
        let [table, page, lsn, rowid] = values;
        if rowid >= ROWID_MASK {
            return None;
        }
        let (table, page, lsn) = (TableId(table), PageId(page), Lsn(lsn));
        if own.is_none_or(|own| own(table, page)) {
            keys.push(Key { table, page, lsn, locator: number | rowid });
        }
    }
    keys.finish()
}

/// Fills in what rows hold whose keys are known.
pub(super) struct Filler<'a> {
    pub(super) number: u64,
    pub(super) frame: &'a Frame,
    /// Without it rows are found by their keys.
    pub(super) places: Option<&'a Places>,
    pub(super) progress: &'a Progress<'a>,
    pub(super) inspect: Option<&'a Inspect<'a>>,
    pub(super) room: &'a Room,
    /// Rows may have a length and no bytes.
    pub(super) gathered: bool,
}

/// What one thread has of what all count together.
#[derive(Default)]
struct Share {
    unreported: u64,
    room: u64,
}

impl Filler<'_> {
    /// Take every row of a query with the columns of [`Shape::contents`]; `None` if any of them is odd,
    /// or not what the primary key says.
    pub(super) fn run(&self, conn: &Connection, sql: &str, range: [i64; 2]) -> Option<()> {
        let mut statement = conn.prepare(sql).ok()?;
        let mut own = Share::default();
        self.take(statement.query(range).ok()?, &mut own)?;
        self.progress.add(own.unreported);
        Some(())
    }

    /// As [`Filler::run`], for a query that finds one row by its rowid.
    pub(super) fn run_each(&self, conn: &Connection, sql: &str, rowids: &[u64]) -> Option<()> {
        let mut statement = conn.prepare(sql).ok()?;
        let mut own = Share::default();
        for rowid in rowids {
            afresh(&statement);
            self.take(statement.query([rowid.cast_signed()]).ok()?, &mut own)?;
        }
        self.progress.add(own.unreported);
        Some(())
    }

    fn take(&self, mut rows: rusqlite::Rows<'_>, own: &mut Share) -> Option<()> {
        while let Some(row) = rows.next().ok()? {
            let integer = |at: usize| match row.get_ref(at) {
                Ok(ValueRef::Integer(n)) => Some(n.cast_unsigned()),
                Ok(ValueRef::Null) => Some(0),
                _ => None,
            };
            let locator = self.number | integer(0)?;
            let Version { table, page, lsn } = match self.places {
                Some(places) => self.frame.key(places, locator)?,
                None => {
                    Version::new(integer(CONTENTS_KEY)?.into(), integer(CONTENTS_KEY + 1)?.into(), integer(1)?.into())
                }
            };
            if lsn != integer(1)? {
                return None;
            }
            let (data, len) = match row.get_ref(CONTENTS_DATA).ok()? {
                ValueRef::Blob(bytes) if self.inspect.is_some() => (Some(bytes), u64::try_from(bytes.len()).ok()?),
                ValueRef::Integer(len) if self.inspect.is_none() => (None, len.cast_unsigned()),
                ValueRef::Null => (None, 0),
                _ => return None,
            };
            if own.room < len {
                own.room = self.room.piece(len)?;
            }
            own.room = own.room.saturating_sub(len);
            let (flags, length) = flags(integer(4)?, self.gathered)?;
            let mut found = Row {
                table,
                page,
                lsn,
                backlink_lsn: Lsn(integer(2)?),
                base_lsn: Lsn(integer(3)?),
                locator,
                len: length.map_or_else(|| u32::try_from(len).ok(), Some)?,
                flags,
                seal: Seal::default(),
            };
            if let (Some(inspect), Some(data), false) = (self.inspect, data, found.is_discard() || length.is_some()) {
                found.seal = inspect(&found, data);
            }
            let known = match self.places {
                Some(places) => self.frame.fill_place(places, &found),
                None => self.frame.fill(&found),
            };
            if !known {
                return None;
            }
            own.unreported = own.unreported.saturating_add(1);
            if own.unreported >= PROGRESS_STEP {
                self.progress.add(std::mem::take(&mut own.unreported));
            }
        }
        Some(())
    }
}

/// The flags of a row, and the length that stands for bytes that were not supplied; `None` if they are no flags.
fn flags(column: u64, gathered: bool) -> Option<(u32, Option<u32>)> {
    if gathered {
        return supply::read(column);
    }
    // The marks mean nothing elsewhere.
    Some((u32::try_from(column).ok()? & !supply::MARKS, None))
}

/// Why a query ended early.
pub(super) enum Stop {
    Sqlite(rusqlite::Error),
    OutOfOrder { rowid: i64, before: i64 },
}

impl From<rusqlite::Error> for Stop {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sqlite(e)
    }
}

/// Gathers the rows of one database.
pub(super) struct Sink<'a> {
    pub(super) number: u64,
    pub(super) has_rowid: bool,
    pub(super) rows: Vec<Row>,
    pub(super) unreported: u64,
    /// The highest rowid of the ascending scan, readable or not.
    pub(super) last: Option<i64>,
    pub(super) complaints: BTreeMap<&'static str, Tally>,
    pub(super) progress: &'a Progress<'a>,
    /// Shown the data of each row, which then stands in the place of its length.
    pub(super) inspect: Option<&'a Inspect<'a>>,
    pub(super) room: Room,
    /// Rows may have a length and no bytes.
    pub(super) gathered: bool,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        number: u64,
        shape: &Shape,
        progress: &'a Progress<'a>,
        inspect: Option<&'a Inspect<'a>>,
        room: Room,
        gathered: bool,
    ) -> Self {
        Self {
            room,
            gathered,
            number,
            has_rowid: shape.rowid.is_some(),
            rows: Vec::new(),
            unreported: 0,
            last: None,
            complaints: BTreeMap::new(),
            progress,
            inspect,
        }
    }

    pub(super) fn flush(&mut self) {
        self.progress.add(std::mem::take(&mut self.unreported));
    }

    /// Take every row of a query; `direction` is how rowids must run: a damaged tree can lead in circles.
    pub(super) fn run<P: rusqlite::Params>(
        &mut self,
        conn: &Connection,
        sql: &str,
        params: P,
        direction: i8,
    ) -> Result<(), Stop> {
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query(params)?;
        let mut before: Option<i64> = None;
        while let Some(row) = rows.next()? {
            let rowid = self.take(row)?;
            if let (Some(rowid), Some(before)) = (rowid, before) {
                let in_order = if direction < 0 { rowid < before } else { rowid > before };
                if !in_order {
                    return Err(Stop::OutOfOrder { rowid, before });
                }
            }
            before = rowid;
            if direction > 0 {
                self.last = rowid;
            }
        }
        Ok(())
    }

    /// Take one row; answers its rowid.
    pub(super) fn take(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<i64>> {
        let mut values = [0_i64; 8];
        let mut what = None;
        let mut data = None;
        for (at, value) in values.iter_mut().enumerate() {
            // The key columns must be there; the others are 0 when NULL, and NULL data is no data.
            *value = match row.get_ref(at)? {
                ValueRef::Integer(n) => n,
                ValueRef::Blob(bytes) if at == DATA && self.inspect.is_some() => {
                    data = Some(bytes);
                    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
                }
                ValueRef::Null if !(1..=3).contains(&at) => 0,
                _ => {
                    what = Some(NO_INTEGER);
                    0
                }
            };
        }
        let [rowid, table, page, lsn, backlink, base, flags, len] = values;
        let answer = self.has_rowid.then_some(rowid);
        let locator = if self.has_rowid { rowid.cast_unsigned() } else { ROWID_MASK };
        if self.has_rowid && locator >= ROWID_MASK {
            what = what.or(Some("a rowid out of range"));
        }
        let len = u32::try_from(len).unwrap_or_else(|_| {
            what = what.or(Some("an impossible length"));
            0
        });
        let [table, page, lsn] = [table, page, lsn].map(i64::cast_unsigned);
        let (table, page, lsn) = (TableId(table), PageId(page), Lsn(lsn));
        if what.is_none() && !self.room.take(u64::from(len)) {
            what = Some("more data than the database has room for");
        }
        if let Some(what) = what {
            self.complain(what, table, page, lsn, locator);
            return Ok(answer);
        }
        let (flags, length) = self::flags(flags.cast_unsigned(), self.gathered).unwrap_or_else(|| {
            // The low bits are what the format knows; the row is worth more than the oddity.
            self.complain("flags beyond 32 bits", table, page, lsn, locator);
            (u32::try_from(flags.cast_unsigned() & u64::from(u32::MAX)).unwrap_or(0) & !supply::MARKS, None)
        });
        let mut found = Row {
            table,
            page,
            lsn,
            backlink_lsn: Lsn(backlink.cast_unsigned()),
            base_lsn: Lsn(base.cast_unsigned()),
            locator: self.number | locator,
            len: length.unwrap_or(len),
            flags,
            seal: Seal::default(),
        };
        if let Some(inspect) = self.inspect
            && !found.is_discard()
            && length.is_none()
            && let Some(data) = data
        {
            found.seal = inspect(&found, data);
        }
        self.rows.push(found);
        self.unreported = self.unreported.saturating_add(1);
        if self.unreported >= PROGRESS_STEP {
            self.flush();
        }
        Ok(answer)
    }

    pub(super) fn complain(&mut self, what: &'static str, table: TableId, page: PageId, lsn: Lsn, rowid: u64) {
        let tally = self.complaints.entry(what).or_default();
        tally.count = tally.count.saturating_add(1);
        tally.first.get_or_insert_with(|| format!("table {table}, page {page}, LSN {lsn} (rowid {rowid})"));
    }

    /// After an error: come from the other end, then fetch one by one what the primary key names.
    pub(super) fn recover(&mut self, conn: &Connection, shape: &Shape, rowid: &str) -> Option<Lost> {
        let columns = shape.columns();
        let from_behind = format!("SELECT {columns} FROM pages NOT INDEXED WHERE {rowid} > ?1 ORDER BY {rowid} DESC");
        // It ends at the same damage, most likely; whatever it brings is won.
        let _ = self.run(conn, &from_behind, [self.last.unwrap_or(i64::MIN)], -1);
        let lost = self.recover_by_key(conn, &columns, rowid).ok();
        // A tree that led in circles may have shown a row twice.
        let mut seen = HashSet::with_capacity(self.rows.len());
        self.rows.retain(|row| seen.insert(row.locator));
        lost
    }

    pub(super) fn recover_by_key(&mut self, conn: &Connection, columns: &str, rowid: &str) -> rusqlite::Result<Lost> {
        let mut seen: HashSet<u64> = self.rows.iter().map(|r| r.locator & ROWID_MASK).collect();
        let index = key_index(conn, "pages", &KEY)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let mut keys = conn.prepare(&format!(
            "SELECT {rowid}, table_id, page_id, lsn FROM pages INDEXED BY {index} ORDER BY table_id, page_id, lsn"
        ))?;
        let mut lost = Lost { count: 0, first: String::new() };
        let mut before: Option<[i64; 3]> = None;
        let one = format!("SELECT {columns} FROM pages WHERE {rowid} = ?1");
        let mut rows = keys.query([])?;
        // The index may be damaged, too: what it names until then is still fetched.
        while let Ok(Some(entry)) = rows.next() {
            let (Ok(id), Ok(table), Ok(page), Ok(lsn)) = (entry.get(0), entry.get(1), entry.get(2), entry.get(3))
            else {
                continue;
            };
            let (id, key): (i64, [i64; 3]) = (id, [table, page, lsn]);
            if before.is_some_and(|before| before >= key) {
                break;
            }
            before = Some(key);
            if !seen.insert(id.cast_unsigned()) {
                continue;
            }
            let count = self.rows.len();
            if self.run(conn, &one, [id], 0).is_err() || self.rows.len() == count {
                let [table, page, lsn] = key.map(i64::cast_unsigned);
                if lost.count == 0 {
                    lost.first = format!("table {table}, page {page}, LSN {lsn}");
                }
                lost.count = lost.count.saturating_add(1);
            }
        }
        Ok(lost)
    }
}
