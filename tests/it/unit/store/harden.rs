//! Schemas that lie, and those of engines.

use crate::common::{fixture, real};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use wtcheck::format::generation::Generation;
use wtcheck::store::palite::create::Writer;
use wtcheck::store::palite::harden::{MOST_OBJECTS, bound_work, foreign_objects, harden};

const COLUMNS: &str = "table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL, \
                       backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL";
const COMPUTED: &str = "delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) VIRTUAL, \
                        discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) VIRTUAL";
const KEY: &str = "PRIMARY KEY (table_id, page_id, lsn)";

fn honest() -> String {
    format!("CREATE TABLE pages ({COLUMNS}, {COMPUTED}, page_data BLOB, {KEY});")
}

fn why(schema: &str) -> Option<String> {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("pages_01.db");
    Connection::open(&path).unwrap().execute_batch(schema).unwrap();
    asked(&path, "pages").unwrap()
}

fn asked(path: &Path, table: &str) -> rusqlite::Result<Option<String>> {
    let conn = Connection::open(path).unwrap();
    harden(&conn, std::fs::metadata(path).unwrap().len())?;
    foreign_objects(&conn, table)
}

#[test]
fn schemas_that_lie() {
    let honest = honest();
    let with = |more: &str| format!("{honest} {more}");
    let table = |columns: &str| format!("CREATE TABLE pages ({columns});");
    let cases = [
        (with("CREATE TRIGGER t BEFORE INSERT ON pages BEGIN DELETE FROM pages; END"), "a trigger, t"),
        (with("CREATE TRIGGER t AFTER INSERT ON pages BEGIN DELETE FROM pages; END"), "a trigger, t"),
        (with("CREATE TRIGGER t BEFORE UPDATE ON pages BEGIN SELECT RAISE(IGNORE); END"), "a trigger, t"),
        (with("CREATE TRIGGER t AFTER UPDATE OF page_data ON pages BEGIN SELECT 1; END"), "a trigger, t"),
        (with("CREATE TRIGGER t AFTER DELETE ON pages BEGIN SELECT 1; END"), "a trigger, t"),
        (
            "CREATE TABLE p (lsn); CREATE VIEW pages AS SELECT * FROM p;
             CREATE TRIGGER t INSTEAD OF INSERT ON pages BEGIN SELECT 1; END"
                .into(),
            "another table, p",
        ),
        ("CREATE VIEW pages AS SELECT 1 AS lsn".into(), "a view, pages"),
        (with("CREATE VIEW other AS SELECT * FROM pages"), "a view, other"),
        (with("CREATE TABLE second (a)"), "another table, second"),
        (with("CREATE TABLE \"sqlite\u{1b}[2J\" (a)"), "another table, sqlite\\u{1b}[2J"),
        (with("CREATE VIRTUAL TABLE words USING fts5 (a)"), "virtual table, words"),
        ("CREATE VIRTUAL TABLE pages USING rtree (id, a, b)".into(), "virtual table, pages"),
        (
            table(&format!("{COLUMNS}, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn) ON CONFLICT REPLACE")),
            "CONFLICT",
        ),
        (table(&format!("{COLUMNS}, page_data BLOB NOT NULL ON CONFLICT IGNORE, {KEY}")), "CONFLICT"),
        (table(&format!("{COLUMNS}, page_data BLOB, {KEY}, UNIQUE (lsn) oN/**/coNflict REPLACE")), "comments"),
        (table(&format!("{COLUMNS}, page_data BLOB, {KEY}, UNIQUE (lsn) on conflict replace")), "says"),
        (table(&format!("{COLUMNS}, page_data BLOB UNIQUE, {KEY}")), "UNIQUE"),
        (table(&format!("{COLUMNS}, page_data BLOB CHECK (length(page_data) < 5), {KEY}")), "CHECK"),
        (table(&format!("{COLUMNS}, page_data BLOB collate nocase, {KEY}")), "COLLATE"),
        (table(&format!("{COLUMNS}, page_data BLOB REFERENCES pages (lsn) ON DELETE CASCADE, {KEY}")), "REFERENCES"),
        (
            table(&format!("{COLUMNS}, page_data BLOB, {KEY}, FOREIGN KEY (lsn) REFERENCES pages ON DELETE SET NULL")),
            "REF",
        ),
        (table(&format!("{COLUMNS}, page_data BLOB, {KEY}) WITHOUT ROWID; --")), "WITHOUT"),
        (table(&format!("{COLUMNS}, page_data BLOB AS (zeroblob(100)), {KEY}")), "page_data is computed"),
        (table(&format!("{COLUMNS}, page_data BLOB AS (zeroblob(100)) STORED, {KEY}")), "page_data is computed"),
        (table(&format!("{COLUMNS}, delta INTEGER AS (flags + 1), page_data BLOB, {KEY}")), "delta is computed"),
        (
            table(
                "table_id INTEGER NOT NULL, page_id INTEGER AS (table_id) STORED, lsn INTEGER, page_data BLOB, \
                 UNIQUE (table_id, page_id, lsn)",
            ),
            "UNIQUE",
        ),
        (table(&format!("{COLUMNS}, page_data BLOB DEFAULT 'delta', {KEY}")), "texts"),
        (with("CREATE INDEX i ON pages (lsn + 1)"), "on an expression"),
        (with("CREATE INDEX i ON pages (abs(lsn))"), "on an expression"),
        (with("CREATE INDEX i ON pages (lsn ISNULL)"), "on an expression"),
        (with("CREATE INDEX i ON pages (lsn) WHERE lsn > 5"), "on an expression"),
        (with("CREATE INDEX i ON pages (page_data COLLATE NOCASE)"), "COLLATE"),
        (with("CREATE UNIQUE INDEX i ON pages (lsn)"), "no engine creates, i"),
        (with("CREATE UNIQUE INDEX ux_delta ON pages (table_id, page_id, backlink_lsn) WHERE delta = 1"), "ux_delta"),
        ("CREATE TABLE other (a)".into(), "another table"),
        (String::new(), "no table pages"),
    ];
    for (schema, expected) in cases {
        let why = why(&schema);
        let why = why.unwrap_or_else(|| panic!("passes: {schema}"));
        assert!(why.contains(expected), "{why}: {schema}");
        assert!(!why.contains('\u{1b}'), "{why}");
    }
}

#[test]
fn schemas_of_engines() {
    assert_eq!(why(&honest()), None);
    // Newer builds check their counters.
    let temp = tempfile::tempdir().unwrap();
    let globals = temp.path().join("globals.db");
    let sql = "CREATE TABLE globals (id INTEGER, val INTEGER, CHECK (id >= 0), PRIMARY KEY (id, val))";
    Connection::open(&globals).unwrap().execute_batch(sql).unwrap();
    assert_eq!(asked(&globals, "globals").unwrap(), None);
    assert_eq!(why(&format!("{} CREATE INDEX i ON pages (lsn, page_id); ANALYZE", honest())), None);
    let mut databases = Vec::new();
    let temp = tempfile::tempdir().unwrap();
    for generation in [Generation::Autumn2025, Generation::February2026, Generation::July2026] {
        let dir = temp.path().join(format!("{generation:?}"));
        std::fs::create_dir(&dir).unwrap();
        Writer::new(&dir, generation).unwrap().finish(&[], 1.into()).unwrap();
        databases.extend(found(&dir));
    }
    databases.extend(found(&fixture("palite")));
    databases.extend(found(&real("palite")));
    assert!(databases.len() > 50, "{}", databases.len());
    for path in databases {
        let name = path.file_name().unwrap().to_str().unwrap();
        let table = match name {
            "checkpoints.db" => "checkpoints",
            "globals.db" => "globals",
            _ => "pages",
        };
        // A copy: asking makes files beside it.
        let copy = temp.path().join(name);
        std::fs::copy(&path, &copy).unwrap();
        // Damaged ones are not asked.
        if let Ok(why) = asked(&copy, table) {
            assert_eq!(why, None, "{}", path.display());
        }
    }
}

/// The databases below a directory.
fn found(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(found(&path));
        } else if path.extension().is_some_and(|e| e == "db") {
            out.push(path);
        }
    }
    out
}

#[test]
fn a_schema_runs_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("pages_01.db");
    let schema = format!(
        "{} CREATE VIEW v AS SELECT * FROM pages; CREATE TRIGGER t AFTER INSERT ON pages BEGIN DELETE FROM pages; END",
        honest()
    );
    Connection::open(&path).unwrap().execute_batch(&schema).unwrap();
    let conn = Connection::open(&path).unwrap();
    harden(&conn, 1 << 20).unwrap();
    conn.execute("INSERT INTO pages VALUES (1, 2, 3, 0, 0, 0, x'01')", []).unwrap();
    let rows = |from: &str| conn.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get::<_, i64>(0));
    assert_eq!(rows("pages").unwrap(), 1, "the trigger did not run");
    assert!(rows("v").unwrap_err().to_string().contains("prohibited"));
    assert!(conn.query_row("SELECT zeroblob(100000000)", [], |_| Ok(())).unwrap_err().to_string().contains("too big"));
    // Too many objects are met before they are read.
    drop(conn);
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(&(0..MOST_OBJECTS).map(|n| format!("CREATE TABLE t{n} (a);")).collect::<String>()).unwrap();
    let error = asked(&path, "pages").unwrap_err().to_string();
    assert!(error.contains("too many schema objects"), "{error}");
}

#[test]
fn work_is_bounded_by_size() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let some = |rows: u64| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT count(*) FROM n")
    };
    let run = |len: u64, sql: &str| {
        let mut conn = Connection::open_in_memory().unwrap();
        bound_work(&mut conn, len).unwrap();
        conn.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    assert!(run(4096, endless).is_err());
    assert_eq!(run(4096, &some(100_000)), Ok(100_000));
    // As much as a file of that length may need, and each statement anew.
    assert!(run(4096, &some(3_000_000)).is_err());
    assert_eq!(run(64 << 20, &some(3_000_000)), Ok(3_000_000));
    let mut conn = Connection::open_in_memory().unwrap();
    bound_work(&mut conn, 0).unwrap();
    for _ in 0..20 {
        conn.query_row(&some(500_000), [], |_| Ok(())).unwrap();
    }
}
