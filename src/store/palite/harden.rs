//! A database comes from a stranger: what SQLite may be made to do by it, and what its schema may hold.
//!
//! Reading runs no code of the schema: views and triggers are off, and columns that are computed are not read
//! (`scan::Columns`). Names are asked for in ways that the schema cannot answer itself: a table may be called
//! `pragma_table_xinfo` or `sqlite_schema`. What is left to a hostile file is to be large in few bytes: a tree whose
//! pages lead to the same pages again, a schema of a hundred thousand objects. For that there are limits.

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

/// Objects of a schema. A page log's database has four, SQLite's own among them.
pub const MOST_OBJECTS: i32 = 32;
/// Longest text of a statement, and of an object of the schema: theirs are below a thousand bytes.
const LONGEST_SQL: i32 = 16 << 10;
/// Deepest expression: three levels are needed.
const DEEPEST: i32 = 50;
/// Shortest upper limit of a value: what is written may be longer than the file yet is.
const LEAST_LENGTH: u64 = 16 << 20;
/// What SQLite may hold in this process. Caches of all connections take a few hundred megabytes at most.
const HEAP: u64 = 1 << 30;
/// Operations that any statement may take: a tenth of a second.
const LEAST_WORK: u64 = 10_000_000;
/// Operations for each byte of a file. Rows take 20 bytes at least and a scan 20 operations a row, so an honest file
/// never comes near it.
const WORK_OF_A_BYTE: u64 = 4;
/// SQLite counts a statement's operations in 32 bits, and asks each time that many are done.
const STRIDE: u64 = 1 << 30;
/// Statements of a connection that may each take all the work there is; a scan needs a handful.
const SCANS: u64 = 64;

/// Set a connection up for a database that nobody vouches for, before it is looked at. `len` is how many bytes there
/// are of it, with its `-wal`.
pub fn harden(conn: &Connection, len: u64) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    let length = i32::try_from(len.max(LEAST_LENGTH)).unwrap_or(i32::MAX);
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, length),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, LONGEST_SQL),
        (Limit::SQLITE_LIMIT_SCHEMA, MOST_OBJECTS),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, DEEPEST),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        conn.set_limit(limit, most)?;
    }
    conn.execute_batch("PRAGMA cell_size_check=1; PRAGMA foreign_keys=0")?;
    // It answers with a row.
    conn.query_row(&format!("PRAGMA hard_heap_limit={HEAP}"), [], |_| Ok(()))
}

/// End a statement that does far more than a file of `len` bytes can need. For connections that read: a statement that
/// is kept and run again and again has its count set back before each run (`afresh`).
pub fn bound_work(conn: &mut Connection, len: u64) -> rusqlite::Result<()> {
    let most = len.saturating_mul(WORK_OF_A_BYTE).max(LEAST_WORK);
    let stride = i32::try_from(most.min(STRIDE)).unwrap_or(i32::MAX);
    // What is below a stride is asked about once, when a statement has done too much already.
    let mut left = if most <= STRIDE { 0 } else { (most / STRIDE).saturating_mul(SCANS) };
    let enough = move || {
        let over = left == 0;
        left = left.saturating_sub(1);
        over
    };
    conn.progress_handler(stride, Some(enough))
}

/// A statement that is kept begins to count anew.
pub(super) fn afresh(statement: &rusqlite::Statement<'_>) {
    statement.reset_status(rusqlite::StatementStatus::VmStep);
}

/// What one of the limits says when it is met; `None` for any other error.
pub(super) fn limit_words(e: &rusqlite::Error) -> Option<String> {
    let rusqlite::Error::SqliteFailure(failure, text) = e else { return None };
    let text = text.as_deref().unwrap_or_default();
    match failure.code {
        ErrorCode::OperationInterrupted => Some(
            "is not a page log's database: reading it takes far more work than its size can justify, as when pages of a \
             tree point to the same pages again and again"
                .into(),
        ),
        ErrorCode::TooBig => {
            Some("is not a page log's database: it has values that are larger than the database".into())
        }
        _ if text.contains("too many schema objects") => {
            Some(format!("is not a page log's database: its schema has more than {MOST_OBJECTS} objects"))
        }
        _ => None,
    }
}

/// Tables that SQLite keeps itself.
const INTERNAL: [&str; 3] = ["sqlite_stat1", "sqlite_stat4", "sqlite_sequence"];
/// Words of a schema that make a write do something else than it says, or run something.
const ACTIVE: [&str; 6] = ["CONFLICT", "CHECK", "COLLATE", "REFERENCES", "WITHOUT", "UNIQUE"];
/// Columns of an engine that are computed, without spaces.
const COMPUTED: [(&str, &str); 2] = [
    ("delta", "deltaINTEGERGENERATEDALWAYSAS((flags&0x2)!=0)VIRTUAL"),
    ("discarded", "discardedINTEGERGENERATEDALWAYSAS((flags&0x10000)!=0)VIRTUAL"),
];
/// The one index that an engine makes, without spaces.
const INDEX: &str = "CREATEUNIQUEINDEXux_deltaONpages(table_id,page_id,backlink_lsn)WHEREdelta=1ANDdiscarded=0";

/// Why nothing may be written into the table of this name: what the schema holds besides what an engine makes. `None`
/// if there is nothing.
pub fn foreign_objects(conn: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = conn.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master")?;
    let mut rows = statement.query([])?;
    let (mut found, mut indexes) = (false, Vec::new());
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get::<_, Option<String>>(at);
        // Text that is none, or a number, is nothing that SQLite writes.
        let (Ok(kind), Ok(name), Ok(of), Ok(sql)) = (text(0), text(1), text(2), text(3)) else {
            return Ok(Some("its schema has an entry that is not text".into()));
        };
        let [kind, name, of] = [kind, name, of].map(Option::unwrap_or_default);
        found |= kind == "table" && name == table;
        if let Some(why) = foreign(&kind, &name, &of, sql.as_deref(), table) {
            return Ok(Some(why));
        }
        if kind == "index" && sql.is_some_and(|sql| squeezed(&sql) != INDEX) {
            indexes.push(name);
        }
    }
    if !found {
        return Ok(Some(format!("it has no table {table}")));
    }
    for name in indexes {
        let mut columns = conn.prepare(&format!("PRAGMA main.index_xinfo(\"{}\")", name.replace('"', "\"\"")))?;
        let columns = columns.query_map([], |row| row.get("cid"))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        // -1 is the rowid, -2 whatever it says.
        if columns.iter().any(|cid| *cid < -1) {
            return Ok(Some(format!("the index {} is on an expression", name.escape_debug())));
        }
    }
    if let Some(column) = computed(conn, table)? {
        return Ok(Some(format!("its column {column} is computed")));
    }
    let mut keys = conn.prepare(&format!("PRAGMA main.foreign_key_list({table})"))?;
    let tied = keys.query([])?.next()?.is_some();
    Ok(tied.then(|| format!("the table {table} is tied to another by a foreign key")))
}

/// Why an object is not one of an engine's.
fn foreign(kind: &str, name: &str, of: &str, sql: Option<&str>, table: &str) -> Option<String> {
    let shown = name.escape_debug();
    let sql_words = sql.unwrap_or_default();
    let begins = |head: &str| squeezed(sql_words).starts_with(head);
    match kind {
        "trigger" => return Some(format!("it has a trigger, {shown}")),
        "view" => return Some(format!("it has a view, {shown}")),
        "table" if begins("CREATEVIRTUAL") => return Some(format!("it has a virtual table, {shown}")),
        "table" if !begins("CREATETABLE") => return Some(format!("{shown} is not a table that SQLite writes")),
        "table" if INTERNAL.contains(&name) => return None,
        "table" if name != table => return Some(format!("it has another table, {shown}")),
        "index" if of != table => return Some(format!("it has an index on another table, {shown}")),
        // A primary key's; those of other constraints are told by their words in the table.
        "index" if sql.is_none() && name == format!("sqlite_autoindex_{table}_1") => return None,
        "index" if squeezed(sql_words) == INDEX => return None,
        "index" if !begins("CREATEINDEX") => return Some(format!("it has an index that no engine creates, {shown}")),
        "table" | "index" => {}
        _ => return Some(format!("its schema has an entry of an unknown kind, {shown}")),
    }
    // With them words are not what they seem.
    if sql_words.contains(['\'', '"', '`', '[']) || sql_words.contains("--") || sql_words.contains("/*") {
        return Some(format!("the definition of {shown} has quoted names, texts or comments"));
    }
    let words = || sql_words.split(|c: char| !c.is_alphanumeric() && c != '_');
    // A check can only refuse, and engines have one on their counters.
    let harmless = |word: &str| word == "CHECK" && table == "globals";
    let active = |w: &str| ACTIVE.into_iter().find(|a| w.eq_ignore_ascii_case(a) && !harmless(a));
    if let Some(word) = words().find_map(active) {
        return Some(format!("the definition of {shown} says {word}"));
    }
    // Which rows it holds is an expression, too.
    let partial = kind == "index" && words().any(|w| w.eq_ignore_ascii_case("WHERE"));
    partial.then(|| format!("the index {shown} is on an expression"))
}

/// The first computed column that no engine makes.
fn computed(conn: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let sql: String =
        conn.query_row("SELECT sql FROM sqlite_master WHERE type='table' AND name=?1", [table], |row| row.get(0))?;
    let sql = squeezed(&sql);
    let mut statement = conn.prepare(&format!("PRAGMA main.table_xinfo({table})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, hidden): (String, i64) = (row.get("name")?, row.get("hidden")?);
        let known = COMPUTED.iter().any(|(column, text)| *column == name && sql.contains(text));
        if hidden != 0 && !known {
            return Ok(Some(name.escape_debug().to_string()));
        }
    }
    Ok(None)
}

fn squeezed(sql: &str) -> String {
    sql.split_whitespace().collect()
}
