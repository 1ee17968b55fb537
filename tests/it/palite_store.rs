//! PALite stores as the library reads them: every row and byte, the frames of a `-wal`, damage, and
//! above all that the source stays as it was.

use crate::common::real;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::store::palite::{Palite, PaliteOptions, WalWay};
use wtcheck::store::supply;
use wtcheck::store::{Affected, Index, OpenOptions, PageLog, Problem, Row, StoreError, open};

const SHARDS: u64 = 17;
const TABLES: [u64; 4] = [1, 2, 19, 25];
const WAYS: [WalWay; 3] = [WalWay::Auto, WalWay::InMemory, WalWay::PrivateCopy];

/// How a sample store is built.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    sharded: bool,
    encryption: bool,
    stored: bool,
    /// The second half of the rows is committed, but only to the `-wal`.
    wal: bool,
    /// Frames of a transaction that never committed follow, and a torn one.
    tail: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Put {
    table: u64,
    page: u64,
    lsn: u64,
    backlink: u64,
    base: u64,
    flags: u32,
    data: Option<Vec<u8>>,
}

/// Full images, deltas and discards; data from nothing to far beyond one SQLite page.
fn puts() -> Vec<Put> {
    let mut out = Vec::new();
    let mut lsn = 0;
    for table in TABLES {
        for page in 100..160 {
            lsn += 1;
            let full = lsn;
            let len = if page == 110 { 100_000 } else { 200 + (page as usize * 37) % 3000 };
            let data = (0..len).map(|i| (i as u64 * 7 + lsn) as u8).collect();
            out.push(Put { table, page, lsn, backlink: 0, base: 0, flags: 0x4, data: Some(data) });
            lsn += 1;
            let delta = Some(format!("delta {table} {page}").into_bytes());
            out.push(Put { table, page, lsn, backlink: full, base: full, flags: 0x6, data: delta });
            if page % 5 == 0 {
                lsn += 1;
                let data = (page % 2 == 0).then(Vec::new);
                out.push(Put { table, page, lsn, backlink: lsn - 1, base: full, flags: 0x10002, data });
            }
        }
    }
    // An LSN beyond the signed range comes back as it went in.
    let data = Some(vec![9; 9]);
    out.push(Put { table: 25, page: 900, lsn: u64::MAX - 4, backlink: 1 << 63, base: 3, flags: 0, data });
    out
}

fn file_of(table: u64, sharded: bool) -> String {
    if sharded { format!("pages_{:02}.db", table % SHARDS) } else { format!("pages_{table:06}.db") }
}

fn connect(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF").unwrap();
    conn.execute_batch("PRAGMA wal_autocheckpoint=0").unwrap();
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    conn
}

fn checkpoint(conn: &Connection) {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn create_pages(conn: &Connection, shape: Shape) {
    let kind = if shape.stored { "STORED" } else { "VIRTUAL" };
    let encryption = if shape.encryption { "encryption STRING," } else { "" };
    conn.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
         backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL,
         delta INTEGER GENERATED ALWAYS AS ((flags & 0x2) != 0) {kind},
         discarded INTEGER GENERATED ALWAYS AS ((flags & 0x10000) != 0) {kind}, {encryption}
         timestamp_materialized_us INTEGER NOT NULL, page_data BLOB, PRIMARY KEY (table_id, page_id, lsn));
         CREATE UNIQUE INDEX IF NOT EXISTS ux_delta ON pages (table_id, page_id, backlink_lsn)
         WHERE delta = 1 AND discarded = 0"
    ))
    .unwrap();
}

fn put(conn: &Connection, put: &Put) {
    let data = put.data.clone().map_or(Value::Null, Value::Blob);
    conn.prepare_cached(
        "INSERT OR REPLACE INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags,
         timestamp_materialized_us, page_data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 12345, ?7)",
    )
    .unwrap()
    .execute((put.table as i64, put.page as i64, put.lsn as i64, put.backlink as i64, put.base as i64, put.flags, data))
    .unwrap();
}

/// Build a store in `kv_home`; answers what was put into it.
fn build(kv_home: &Path, shape: Shape) -> Vec<Put> {
    fs::create_dir_all(kv_home).unwrap();
    let all = puts();
    let mut conns: BTreeMap<String, Connection> = BTreeMap::new();
    for table in TABLES {
        let name = file_of(table, shape.sharded);
        let conn = conns.entry(name.clone()).or_insert_with(|| connect(&kv_home.join(&name)));
        create_pages(conn, shape);
    }
    let checkpoints = connect(&kv_home.join("checkpoints.db"));
    let globals = connect(&kv_home.join("globals.db"));
    checkpoints
        .execute_batch(
            "CREATE TABLE checkpoints (lsn INTEGER, timestamp INTEGER, checkpoint_metadata BLOB,
             PRIMARY KEY (lsn, timestamp)); INSERT INTO checkpoints VALUES (50, 5, x'6f6e65'), (20, 2, 'text')",
        )
        .unwrap();
    globals
        .execute_batch("CREATE TABLE globals (id INTEGER, val INTEGER, PRIMARY KEY (id, val)); INSERT INTO globals VALUES (0, 100)")
        .unwrap();
    for table in TABLES {
        globals.execute("INSERT INTO globals VALUES (1, ?1)", [table as i64]).unwrap();
    }
    for (at, item) in all.iter().enumerate() {
        if at == all.len() / 2 {
            conns.values().chain([&checkpoints, &globals]).for_each(checkpoint);
        }
        put(&conns[&file_of(item.table, shape.sharded)], item);
    }
    globals.execute_batch("UPDATE globals SET val = 777 WHERE id = 0").unwrap();
    checkpoints.execute_batch("INSERT INTO checkpoints VALUES (70, 7, x'74776f')").unwrap();
    if !shape.wal {
        conns.values().chain([&checkpoints, &globals]).for_each(checkpoint);
    }
    if shape.tail {
        let name = file_of(25, shape.sharded);
        let conn = &conns[&name];
        conn.execute_batch("PRAGMA cache_size=2; BEGIN").unwrap();
        let wal = kv_home.join(format!("{name}-wal"));
        let before = fs::metadata(&wal).unwrap().len();
        for page in 2000..2100 {
            let data = Some(vec![7; 20_000]);
            put(conn, &Put { table: 25, page, lsn: 5000 + page, backlink: 0, base: 0, flags: 0, data });
        }
        let crashed = fs::read(&wal).unwrap();
        assert!(crashed.len() as u64 > before + 3 * 16384, "the transaction has spilled into the -wal");
        conn.execute_batch("ROLLBACK").unwrap();
        drop(conns);
        fs::write(&wal, &crashed[..crashed.len() - 5000]).unwrap();
    }
    all
}

/// Everything a read verb must leave alone. Opening the `-wal` as root may cost a new ctime in one way.
fn snapshot(dir: &Path, with_ctime: bool) -> BTreeMap<PathBuf, (Vec<i64>, Vec<u8>)> {
    let mut out = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let mut facts = vec![
            i64::from(meta.mode()),
            i64::from(meta.uid()),
            i64::from(meta.gid()),
            meta.ino() as i64,
            meta.nlink() as i64,
            meta.len() as i64,
            meta.mtime(),
            meta.mtime_nsec(),
        ];
        if with_ctime {
            facts.extend([meta.ctime(), meta.ctime_nsec()]);
        }
        let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
        out.insert(path, (facts, bytes));
    }
    out
}

fn keeps_ctime(way: WalWay) -> bool {
    way != WalWay::InMemory || !rustix::process::geteuid().is_root()
}

/// Index, completions, layout, and every block.
fn read_all(store: &dyn PageLog) -> (Index, Vec<Problem>) {
    let (index, mut problems) = store.index(None, &|_| ()).unwrap();
    problems.extend(store.completions().unwrap().1);
    store.layout().unwrap();
    let mut reader = store.reader().unwrap();
    let mut out = Vec::new();
    for row in index.rows() {
        // Blocks of a damaged file may fail, but only with an error.
        let _ = reader.read(&row, &mut out);
    }
    (index, problems)
}

fn assert_equal(store: &dyn PageLog, index: &Index, expected: &[Put]) {
    let mut reader = store.reader().unwrap();
    let mut out = Vec::new();
    let mut found: Vec<Put> = Vec::new();
    for row in index.rows() {
        reader.read(&row, &mut out).unwrap();
        assert_eq!(out.len(), row.len as usize);
        found.push(Put {
            table: row.table.get(),
            page: row.page.get(),
            lsn: row.lsn.get(),
            backlink: row.backlink_lsn.get(),
            base: row.base_lsn.get(),
            flags: row.flags,
            data: Some(out.clone()),
        });
    }
    let mut expected: Vec<Put> =
        expected.iter().map(|p| Put { data: Some(p.data.clone().unwrap_or_default()), ..p.clone() }).collect();
    expected.sort_by_key(|p| (p.table, p.page, p.lsn));
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "rows and bytes are those that were put");
}

fn open_way(kv_home: &Path, wal: WalWay) -> Palite {
    Palite::open_with(kv_home, PaliteOptions { wal, no_mmap: false }).unwrap()
}

#[test]
fn rows_bytes_and_an_untouched_source() {
    for number in 0..16_u8 {
        let bit = |n: u8| number & (1 << n) != 0;
        let shape = Shape { sharded: bit(0), encryption: bit(1), stored: bit(2), wal: bit(3), tail: false };
        let temp = tempfile::tempdir().unwrap();
        // A name that an SQLite URI must encode.
        let kv_home = temp.path().join("a b%3f?#ä/kv_home");
        let expected = build(&kv_home, shape);
        assert_eq!(fs::metadata(kv_home.join("globals.db-wal")).is_ok_and(|m| m.len() > 0), shape.wal);
        for way in WAYS {
            let before = snapshot(temp.path(), keeps_ctime(way));
            let store = open_way(&kv_home, way);
            let seen = std::sync::atomic::AtomicU64::new(0);
            let (index, problems) =
                store.index(None, &|n| _ = seen.fetch_max(n, std::sync::atomic::Ordering::Relaxed)).unwrap();
            assert_eq!(problems, [], "{shape:?} {way:?}");
            assert_eq!(seen.into_inner(), expected.len() as u64);
            assert_equal(&store, &index, &expected);
            let (completions, problems) = store.completions().unwrap();
            assert_eq!(problems, []);
            let texts: Vec<_> = completions.iter().map(|c| (c.lsn.get(), c.timestamp, c.text.as_slice())).collect();
            assert_eq!(texts, [(20, 2, &b"text"[..]), (50, 5, b"one"), (70, 7, b"two")]);
            assert!(completions.iter().all(|c| c.checkpoint_id.is_none()));
            let layout = store.layout().unwrap();
            assert_eq!(layout.lsn_counter, Some(Lsn(777)));
            assert_eq!((layout.sharded, layout.from_wal), (shape.sharded, shape.wal));
            let names: Vec<String> = layout.files.iter().map(|(name, _)| name.clone()).collect();
            let mut on_disk: Vec<String> =
                fs::read_dir(&kv_home).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            on_disk.sort();
            assert_eq!(names, on_disk);
            drop(store);
            assert!(before == snapshot(temp.path(), keeps_ctime(way)), "{shape:?} {way:?}: the source has changed");
        }
    }
}

#[test]
fn an_uncommitted_and_torn_tail_is_not_seen() {
    let temp = tempfile::tempdir().unwrap();
    let expected = build(temp.path(), Shape { sharded: true, wal: true, tail: true, ..Shape::default() });
    for shm in [true, false] {
        if !shm {
            for (name, _) in open_way(temp.path(), WalWay::Auto).layout().unwrap().files {
                if name.ends_with("-shm") {
                    fs::remove_file(temp.path().join(name)).unwrap();
                }
            }
        }
        for way in WAYS {
            let before = snapshot(temp.path(), keeps_ctime(way));
            let store = open_way(temp.path(), way);
            let (index, problems) = read_all(&store);
            assert_eq!(problems, []);
            assert_equal(&store, &index, &expected);
            drop(store);
            assert!(before == snapshot(temp.path(), keeps_ctime(way)), "{way:?}: the source has changed");
        }
    }
}

#[test]
fn both_layouts_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let mut expected = build(temp.path(), Shape::default());
    let extra =
        Put { table: 3, page: 7, lsn: 9, backlink: 0, base: 0, flags: 0, data: Some(b"in the wrong file".into()) };
    let conn = connect(&temp.path().join("pages_04.db"));
    create_pages(&conn, Shape::default());
    put(&conn, &extra);
    drop(conn);
    expected.push(extra);
    fs::write(temp.path().join("pages_04.db.bak"), "ignored").unwrap();
    fs::write(temp.path().join("pages_1.db"), "strange").unwrap();
    let store = open_way(temp.path(), WalWay::Auto);
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].file.as_str(), problems[0].affects), ("pages_1.db", Affected::None));
    assert_equal(&store, &index, &expected);
}

/// The process that holds a database when the environment says so.
#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_holds_a_database() {
    let Some(path) = std::env::var_os("WTCHECK_TEST_HOLD") else { return };
    let conn = Connection::open(PathBuf::from(path)).unwrap();
    match std::env::var("WTCHECK_TEST_HOW").as_deref() {
        // A connection that has merely read keeps its lock in WAL mode.
        Ok("idle") => _ = conn.query_row("SELECT count(*) FROM pages", [], |r| r.get::<_, i64>(0)).unwrap(),
        _ => conn.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").unwrap(),
    }
    println!("\nholding");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
    // Leave as a killed engine does: no checkpoint, no clean-up.
    std::process::exit(0);
}

#[test]
fn a_store_held_by_another_process() {
    for how in ["idle", "exclusive"] {
        let temp = tempfile::tempdir().unwrap();
        let kv_home = temp.path().join("kv_home");
        let expected = build(&kv_home, Shape { wal: true, sharded: true, ..Shape::default() });
        let refused = |options: &OpenOptions| open(temp.path(), options).err();
        assert!(refused(&OpenOptions::default()).is_none(), "nobody holds it yet");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "palite_store::child_holds_a_database", "--ignored", "--nocapture"])
            .env("WTCHECK_TEST_HOLD", kv_home.join("pages_02.db"))
            .env("WTCHECK_TEST_HOW", how)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "holding"));

        let before = snapshot(temp.path(), true);
        match refused(&OpenOptions::default()) {
            Some(StoreError::InUse { path, reason }) => {
                assert!(path.starts_with(&kv_home) && path.to_str().unwrap().contains("pages_02.db"), "{path:?}");
                assert!(reason.contains(&child.id().to_string()), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert!(before == snapshot(temp.path(), true), "asking has changed the source");
        let store = open(temp.path(), &OpenOptions { allow_live: true, ..OpenOptions::default() }).unwrap();
        let (index, problems) = read_all(&*store);
        assert_eq!(problems, []);
        assert_equal(&*store, &index, &expected);
        drop(store);
        assert!(before == snapshot(temp.path(), true), "reading has changed the source");
        for way in WAYS {
            let before = snapshot(temp.path(), keeps_ctime(way));
            let store = open_way(&kv_home, way);
            let (index, _) = read_all(&store);
            assert_equal(&store, &index, &expected);
            drop(store);
            assert!(before == snapshot(temp.path(), keeps_ctime(way)), "{way:?}: the source has changed");
        }
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert!(refused(&OpenOptions::default()).is_none(), "released");
    }
}

#[test]
fn a_store_held_by_this_process() {
    let temp = tempfile::tempdir().unwrap();
    let expected = build(temp.path(), Shape { wal: true, ..Shape::default() });
    let writer = connect(&temp.path().join("pages_000025.db"));
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM pages").unwrap();
    for way in WAYS {
        let before = snapshot(temp.path(), keeps_ctime(way));
        let store = open_way(temp.path(), way);
        let (index, _) = read_all(&store);
        assert_equal(&store, &index, &expected);
        drop(store);
        assert!(before == snapshot(temp.path(), keeps_ctime(way)), "{way:?}: the source has changed");
    }
}

#[test]
fn a_writer_is_noticed() {
    for way in [WalWay::InMemory, WalWay::PrivateCopy] {
        let temp = tempfile::tempdir().unwrap();
        let expected = build(temp.path(), Shape { wal: true, ..Shape::default() });
        let store = open_way(temp.path(), way);
        let more = Put { table: 25, page: 1000, lsn: 9000, backlink: 0, base: 0, flags: 0, data: Some(vec![1]) };
        put(&connect(&temp.path().join("pages_000025.db")), &more);
        let (index, problems) = store.index(None, &|_| ()).unwrap();
        assert_eq!(index.len(), expected.len() + 1);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].file, "pages_000025.db-wal");
        assert_eq!(problems[0].reason, "changed while being read");
        assert_eq!(problems[0].affects, Affected::Table(TableId(25)));
    }
}

#[test]
fn damaged_and_foreign_files() {
    let sharded = Shape { sharded: true, ..Shape::default() };
    type Act = fn(&Path);
    let cases: [(&str, Act, &str, bool); 5] = [
        ("truncated", |p| truncate(p, 60), "malformed", true),
        ("empty", |p| truncate(p, 0), "zero bytes", false),
        ("short", |p| fs::write(p, "SQLite format 3\0").unwrap(), "not a database", false),
        ("garbage", |p| fs::write(p, vec![0x5a; 40_000]).unwrap(), "not a database", false),
        ("cut header", |p| overwrite(p, 100, &[0xff; 400]), "malformed", false),
    ];
    for (what, act, words, some_left) in cases {
        for wal in [false, true] {
            for way in WAYS {
                let temp = tempfile::tempdir().unwrap();
                let expected = build(temp.path(), Shape { wal, ..sharded });
                let victim = temp.path().join("pages_08.db");
                act(&victim);
                let before = snapshot(temp.path(), keeps_ctime(way));
                let store = open_way(temp.path(), way);
                let (index, problems) = read_all(&store);
                let context = format!("{what} wal={wal} {way:?}: {problems:?}");
                assert_eq!(index.rows().iter().filter(|r| r.table != 25).count(), not_25(&expected), "{context}");
                let left = index.table(TableId(25)).len();
                assert!(expected.len() - not_25(&expected) >= left, "{context}");
                // Frames in the -wal may hold good versions of what the file has lost.
                if !wal || what == "empty" {
                    assert_eq!(problems.len(), 1, "{context}");
                    assert_eq!(problems[0].file, "pages_08.db");
                    assert!(problems[0].reason.contains(words), "{context}");
                    assert_eq!(problems[0].affects, Affected::Remainder { modulus: 17, remainder: 8 });
                    assert_eq!(left > 0, some_left, "{context}");
                }
                assert!(!(left == 0 && problems.is_empty()), "{context}");
                drop(store);
                assert!(before == snapshot(temp.path(), keeps_ctime(way)), "{context}: the source has changed");
            }
        }
    }
}

fn not_25(puts: &[Put]) -> usize {
    puts.iter().filter(|p| p.table != 25).count()
}

fn truncate(path: &Path, percent: u64) {
    let len = fs::metadata(path).unwrap().len() * percent / 100;
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn overwrite(path: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).unwrap();
}

#[test]
fn rows_behind_a_damaged_leaf_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let expected = build(temp.path(), Shape::default());
    let path = temp.path().join("pages_000025.db");
    let conn = Connection::open(&path).unwrap();
    let pages: Vec<usize> = conn
        .prepare("SELECT pageno FROM dbstat WHERE name='pages' AND pagetype='leaf' ORDER BY path")
        .unwrap()
        .query_map([], |row| row.get::<_, i64>(0).map(|n| n as usize))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(conn);
    assert!(pages.len() >= 6);
    // Two leaves, so that rows between them are reached neither from the front nor from behind.
    for at in [2, 4] {
        overwrite(&path, (pages[at] - 1) * 16384, &[0xee; 16384]);
    }
    let store = open_way(temp.path(), WalWay::Auto);
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].affects, Affected::Table(TableId(25)));
    let lost = expected.len() - index.len();
    assert!(lost > 0 && lost < 40, "{lost} lost");
    assert!(problems[0].reason.contains(&format!("{lost} more are known from the primary key")), "{problems:?}");
    let keys: BTreeSet<_> = index.rows().iter().map(|r| (r.table, r.page, r.lsn)).collect();
    assert_eq!(keys.len(), index.len(), "no row twice");
    let left: Vec<Put> =
        expected.iter().filter(|p| keys.contains(&(TableId(p.table), PageId(p.page), Lsn(p.lsn)))).cloned().collect();
    assert_equal(&store, &index, &left);
}

#[test]
fn wrong_databases() {
    let at = |temp: &Path, name: &str, sql: &str| {
        let path = temp.join(name);
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(temp.join(format!("{name}{suffix}")));
        }
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    };
    let temp = tempfile::tempdir().unwrap();
    let expected = build(temp.path(), Shape { sharded: true, ..Shape::default() });

    at(temp.path(), "pages_08.db", "CREATE TABLE music (title); INSERT INTO music VALUES ('x')");
    let error = open_way(temp.path(), WalWay::Auto).index(None, &|_| ()).unwrap_err().to_string();
    assert!(error.contains("is SQLite, but not a PALite pages database: no table pages"), "{error}");

    at(temp.path(), "pages_08.db", "CREATE TABLE pages (table_id, page_id, lsn)");
    let error = open_way(temp.path(), WalWay::Auto).index(None, &|_| ()).unwrap_err().to_string();
    assert!(error.contains("is SQLite, but not a PALite pages database: no column page_data"), "{error}");

    // Optional columns are absent, values are odd.
    at(
        temp.path(),
        "pages_08.db",
        "CREATE TABLE pages (Table_Id, page_id, lsn, flags, page_data);
         INSERT INTO pages VALUES (25, 1, 2, 4294967298, 'tëxt'), ('x', 1, 3, 0, x'00'), (25, NULL, 4, 0, x'00'),
         (25, 1, 5, -1, 17)",
    );
    let store = open_way(temp.path(), WalWay::Auto);
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    let found: Vec<(u64, u32, u32)> =
        index.slice(index.table(TableId(25))).iter().map(|r| (r.lsn.get(), r.flags, r.len)).collect();
    assert_eq!(found, [(2, 2, 5), (5, !supply::MARKS, 2)]);
    let reasons: Vec<&str> = problems.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "2 rows with a value that is not an integer, the first is table 0, page 1, LSN 3 (rowid 2)",
            "2 rows with flags beyond 32 bits, the first is table 25, page 1, LSN 2 (rowid 1)"
        ]
    );
    let mut out = Vec::new();
    let mut reader = store.reader().unwrap();
    reader.read(&index.get(index.find(TableId(25), PageId(1), Lsn(2)).unwrap()).unwrap(), &mut out).unwrap();
    assert_eq!(out, "tëxt".as_bytes());
    let row = index.get(index.find(TableId(25), PageId(1), Lsn(5)).unwrap()).unwrap();
    assert!(matches!(reader.read(&row, &mut out), Err(StoreError::Damaged { .. })));
    assert!(matches!(reader.read(&Row { len: 3, ..row }, &mut out), Err(StoreError::Damaged { .. })));
    assert!(matches!(reader.read(&Row { locator: u64::MAX, ..row }, &mut out), Err(StoreError::Damaged { .. })));
    drop(reader);

    // No rowids, and a database that was never written.
    at(
        temp.path(),
        "pages_08.db",
        "CREATE TABLE pages (table_id, page_id, lsn, page_data, PRIMARY KEY (table_id, page_id, lsn)) WITHOUT ROWID;
         INSERT INTO pages VALUES (25, 1, -2, x'0102'), (25, 1, 3, x'03')",
    );
    at(temp.path(), "pages_09.db", "CREATE TABLE a (b); DROP TABLE a");
    let store = open_way(temp.path(), WalWay::Auto);
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].reason, "is an SQLite database without tables");
    assert_eq!(index.table(TableId(25)).len(), 2);
    store
        .reader()
        .unwrap()
        .read(&index.get(index.find(TableId(25), PageId(1), Lsn(u64::MAX - 1)).unwrap()).unwrap(), &mut out)
        .unwrap();
    assert_eq!(out, [1, 2]);

    // A shard that globals.db says is there.
    fs::remove_file(temp.path().join("pages_08.db")).unwrap();
    fs::remove_file(temp.path().join("pages_09.db")).unwrap();
    let store = open_way(temp.path(), WalWay::Auto);
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    assert_eq!((index.len(), problems.len()), (not_25(&expected), 0));
    let absent = store.layout().unwrap().absent;
    assert_eq!(absent.len(), 1);
    assert_eq!(absent[0].file, "pages_08.db");
    assert_eq!(absent[0].affects, Affected::Remainder { modulus: 17, remainder: 8 });
    // Its -wal was left behind.
    fs::write(temp.path().join("pages_08.db-wal"), [1; 5000]).unwrap();
    let (_, problems) = open_way(temp.path(), WalWay::Auto).index(None, &|_| ()).unwrap();
    assert!(problems.iter().any(|p| p.reason == "a write-ahead log without its database"), "{problems:?}");

    // Counters and completion records.
    fs::remove_file(temp.path().join("globals.db")).unwrap();
    let store = open_way(temp.path(), WalWay::Auto);
    assert_eq!(store.layout().unwrap().lsn_counter, None);
    let (completions, problems) = store.completions().unwrap();
    assert_eq!(completions.len(), 3);
    assert_eq!((problems.len(), problems[0].file.as_str()), (1, "globals.db"));
    assert_eq!(problems[0].affects, Affected::Counters);
    at(temp.path(), "checkpoints.db", "CREATE TABLE music (title)");
    let error = open_way(temp.path(), WalWay::Auto).completions().unwrap_err();
    assert!(matches!(&error, StoreError::Unreadable { reason, .. }
        if reason == "is an SQLite database, but not a PALite store: no table checkpoints"));
    fs::write(temp.path().join("checkpoints.db"), vec![3; 8192]).unwrap();
    let error = open_way(temp.path(), WalWay::Auto).completions().unwrap_err();
    assert!(matches!(&error, StoreError::Unreadable { reason, .. } if reason == "file is not a database"), "{error}");
    fs::remove_file(temp.path().join("checkpoints.db")).unwrap();
    assert!(matches!(Palite::open(temp.path()), Err(StoreError::NoPageLog { .. })));
}

#[test]
fn a_home_may_be_a_link_and_kv_home_too() {
    let temp = tempfile::tempdir().unwrap();
    let expected = build(&temp.path().join("elsewhere"), Shape { wal: true, ..Shape::default() });
    fs::create_dir(temp.path().join("home")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", temp.path().join("home/kv_home")).unwrap();
    std::os::unix::fs::symlink("home", temp.path().join("link")).unwrap();
    for dir in ["home", "link", "elsewhere", "link/kv_home"] {
        let store = open(&temp.path().join(dir), &OpenOptions::default()).unwrap();
        let (index, problems) = read_all(&*store);
        assert_eq!(problems, []);
        assert_equal(&*store, &index, &expected);
    }
    // Single databases that are links, with the -wal where the link leads.
    let linked = temp.path().join("linked");
    fs::create_dir(&linked).unwrap();
    for (name, _) in Palite::open(&temp.path().join("elsewhere")).unwrap().layout().unwrap().files {
        if name.ends_with(".db") {
            std::os::unix::fs::symlink(temp.path().join("elsewhere").join(&name), linked.join(&name)).unwrap();
        }
    }
    for way in WAYS {
        let store = open_way(&linked, way);
        let (index, _) = read_all(&store);
        assert_equal(&store, &index, &expected);
    }
}

#[test]
fn every_sample_equals_its_facts() {
    let mut seen = 0;
    for home in fs::read_dir(real("palite")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        let facts: serde_json::Value =
            serde_json::from_slice(&fs::read(format!("{}.facts.json", home.display())).unwrap()).unwrap();
        let before = snapshot(&home, true);
        // Not InMemory: as root that way gives a -wal a new ctime, and the samples are not ours.
        let store = open(&home, &OpenOptions::default()).unwrap();
        let (index, problems) = read_all(&*store);
        assert_eq!(problems, [], "{}", home.display());
        let mut found: Vec<(u64, u64, u64, &str, u64)> = index
            .rows()
            .iter()
            .map(|r| {
                let kind = if r.is_discard() {
                    "discard"
                } else if r.is_delta() {
                    "delta"
                } else {
                    "full"
                };
                (r.table.get(), r.page.get(), r.lsn.get(), kind, u64::from(r.len))
            })
            .collect();
        let mut expected: Vec<(u64, u64, u64, &str, u64)> = facts["page_versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| {
                let number = |at: usize| v[at].as_u64().unwrap();
                let kind = match v[3].as_str().unwrap() {
                    // Written as full images.
                    "turtle" | "key" => "full",
                    kind => kind,
                };
                (number(0), number(1), number(2), kind, number(4))
            })
            .collect();
        for fault in facts["faults"].as_array().unwrap() {
            // Whether `page_versions` still lists a removed row is not said; the store no longer has it.
            if let Some(lsn) = fault["removed_lsn"].as_u64() {
                expected.retain(|v| v.2 != lsn);
                assert!(found.iter().all(|v| v.2 != lsn));
            }
        }
        found.sort();
        expected.sort();
        assert!(found == expected, "{}", home.display());
        let layout = store.layout().unwrap();
        assert_eq!(layout.lsn_counter, facts["store"]["lsn_counter"].as_u64().map(Lsn));
        let files: BTreeMap<&str, u64> = facts["store"]["files"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_u64().unwrap()))
            .collect();
        assert_eq!(layout.files.iter().map(|(k, v)| (k.as_str(), *v)).collect::<BTreeMap<_, _>>(), files);
        let (completions, _) = store.completions().unwrap();
        assert_eq!(completions.last().map(|c| c.lsn), facts["newest_checkpoint_lsn"].as_u64().map(Lsn));
        drop(store);
        assert!(before == snapshot(&home, true), "{} has changed", home.display());
        seen += 1;
    }
    assert!(seen > 0);
}

/// Rows whose rowids lie far apart, as trimming leaves them, are read in the one pass as all others are: the
/// inspector sees each once.
#[test]
fn rows_far_apart_in_the_file_are_inspected_in_passing() {
    let temp = tempfile::tempdir().unwrap();
    build(temp.path(), Shape { sharded: true, ..Shape::default() });
    let path = temp.path().join("pages_08.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(temp.path().join(format!("pages_08.db{suffix}")));
    }
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE pages (table_id INTEGER NOT NULL, page_id INTEGER NOT NULL, lsn INTEGER NOT NULL,
         backlink_lsn INTEGER NOT NULL, base_lsn INTEGER NOT NULL, flags INTEGER NOT NULL, page_data BLOB,
         PRIMARY KEY (table_id, page_id, lsn))",
    )
    .unwrap();
    // The last one is beyond what a packed row holds.
    let rows = [(3_i64, 100_u64, 5_u64, 0_u64), (900, 100, 9, 5), (70_000, 101, 7, 0), (5_000_000_000, 101, 8, 7)];
    for (rowid, page, lsn, base) in rows {
        conn.execute(
            "INSERT INTO pages (rowid, table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data)
             VALUES (?1, 25, ?2, ?3, ?4, ?4, ?5, zeroblob(?3))",
            (rowid, page as i64, lsn as i64, base as i64, if base == 0 { 0 } else { 2 }),
        )
        .unwrap();
    }
    drop(conn);
    let store = open_way(temp.path(), WalWay::Auto);
    let seen = std::sync::atomic::AtomicU64::new(0);
    let inspect = |row: &Row, data: &[u8]| {
        seen.fetch_add(u64::from(row.table == 25), std::sync::atomic::Ordering::Relaxed);
        let previous = if row.base_lsn == 0 { 0 } else { row.base_lsn.get() as u32 };
        wtcheck::store::Seal { checksum: data.len() as u32, previous, state: 1 }
    };
    let (index, problems) = store.index(Some(&inspect), &|_| ()).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let found: Vec<_> = index.slice(index.table(TableId(25))).iter().collect();
    let expected: Vec<_> = rows.iter().map(|r| (r.0 as u64, r.1, r.2, r.3)).collect();
    let mask = (1_u64 << 48) - 1;
    assert_eq!(
        found.iter().map(|r| (r.locator & mask, r.page.get(), r.lsn.get(), r.base_lsn.get())).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(seen.into_inner(), 4);
    for row in found {
        let seal = (row.seal.checksum, row.seal.previous, row.seal.state);
        assert_eq!(seal, (row.lsn.get() as u32, row.base_lsn.get() as u32, 1));
        let mut data = Vec::new();
        store.reader().unwrap().read(&row, &mut data).unwrap();
        assert_eq!(data, vec![0; row.lsn.get() as usize]);
    }
}
