use database::{Name, parse_pages_name, store_file, uri};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::path::Path;
use wtcheck::store::PageLog;
use wtcheck::store::palite::*;

#[test]
fn names() {
    let kind = |name: &str| match parse_pages_name(name) {
        Some(Name::Shard(n)) => format!("shard {n}"),
        Some(Name::Table(n)) => format!("table {n}"),
        Some(Name::OtherPages) => "other".into(),
        None => "none".into(),
    };
    assert_eq!(kind("pages_00.db"), "shard 0");
    assert_eq!(kind("pages_16.db"), "shard 16");
    assert_eq!(kind("pages_17.db"), "other");
    assert_eq!(kind("pages_000017.db"), "table 17");
    assert_eq!(kind("pages_1234567.db"), "table 1234567");
    assert_eq!(kind("pages_01234567.db"), "other");
    assert_eq!(kind("pages_+1.db"), "other");
    assert_eq!(kind("pages_.db"), "other");
    assert_eq!(kind("pages_01.db-wal"), "none");
    assert_eq!(kind("globals.db"), "none");
    assert_eq!(store_file("pages_01.db-wal"), Some("pages_01.db"));
    assert_eq!(store_file("other.db"), None);
}

/// The ways an own connection to the files of a `-wal` store is laid out.
fn wal_store(dir: &Path) {
    for (name, sql) in [
        ("checkpoints.db", "CREATE TABLE checkpoints (lsn, timestamp, checkpoint_metadata)"),
        (
            "pages_02.db",
            "CREATE TABLE pages (table_id, page_id, lsn, page_data); INSERT INTO pages VALUES (2, 1, 1, x'01')",
        ),
    ] {
        let conn = Connection::open(dir.join(name)).unwrap();
        conn.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        conn.execute_batch(sql).unwrap();
    }
}

#[test]
fn the_private_copy_is_merged_once_and_removed_on_drop() {
    let temp = tempfile::tempdir().unwrap();
    wal_store(temp.path());
    let options = PaliteOptions { wal: WalWay::PrivateCopy, no_mmap: true };
    let store = Palite::open_with(temp.path(), options).unwrap();
    assert_eq!(store.index(None, &|_| ()).unwrap().0.len(), 1);
    let copies = store.copies.get().unwrap().as_ref().unwrap().path().to_path_buf();
    assert!(copies.join("pages_02.db").is_file());
    let source = store.pages[0].source.get().unwrap().as_ref().unwrap();
    assert!(!source.wal && source.path.starts_with(&copies));
    drop(store);
    assert!(!copies.exists());
}

#[test]
fn the_way_in_memory_reads_the_source_itself() {
    let temp = tempfile::tempdir().unwrap();
    wal_store(temp.path());
    let store = Palite::open_with(temp.path(), PaliteOptions { wal: WalWay::InMemory, no_mmap: false }).unwrap();
    assert_eq!(store.index(None, &|_| ()).unwrap().0.len(), 1);
    assert!(store.copies.get().is_none());
    let source = store.pages[0].source.get().unwrap().as_ref().unwrap();
    assert!(source.wal && source.path == temp.path().join("pages_02.db"));
}

#[test]
fn uris_are_encoded() {
    assert_eq!(uri(Path::new("/a b/50%?#ü.db"), "?mode=ro"), "file:///a%20b/50%25%3F%23%C3%BC.db?mode=ro");
}
