//! Stores with arbitrary damage: every audit ends, nothing panics, and damage to a block that the
//! checkpoint needs is never called clean.

use crate::common;
use rusqlite::{Connection, params};
use std::path::Path;
use wtcheck::audit::{self, Options, Silent, result::Audit, result::Verdict};
use wtcheck::page::Depth;
use wtcheck::store;

/// A small deterministic generator.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

fn run(home: &Path, depth: Depth) -> Option<Audit> {
    let store = store::open(home, &store::OpenOptions::default()).ok()?;
    audit::pagelog::run(&*store, "HOME", &Options { depth, jobs: 2, ..Options::default() }, &Silent).ok()
}

fn databases(home: &Path) -> Vec<std::path::PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(home.join("kv_home"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("pages_"))
        .filter(|p| p.extension().is_some_and(|e| e == "db"))
        .collect();
    out.sort();
    out
}

#[test]
fn rows_with_arbitrary_values() {
    let temp = tempfile::tempdir().unwrap();
    for seed in 1..60_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let name = ["2026-07-leak-full", "2026-02-double-root", "2025-11-bitflip-missing-delta"][random.below(3)];
        let home = temp.path().join(seed.to_string());
        common::copy_dir(&common::fixture("palite").join(name), &home);
        for _ in 0..=random.below(6) {
            let files = databases(&home);
            let conn = Connection::open(&files[random.below(files.len())]).unwrap();
            let rows: Vec<i64> = {
                let mut statement = conn.prepare("SELECT rowid FROM pages").unwrap();
                statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
            };
            let row = rows[random.below(rows.len())];
            let value = [0, 1, -1, 100, i64::MAX, i64::MIN, 300][random.below(7)];
            let column = ["table_id", "page_id", "lsn", "backlink_lsn", "base_lsn", "flags"][random.below(6)];
            match random.below(4) {
                0 => {
                    drop(conn.execute(&format!("UPDATE pages SET {column} = ?1 WHERE rowid = ?2"), params![value, row]))
                }
                1 => drop(conn.execute("DELETE FROM pages WHERE rowid = ?1", [row])),
                _ => {
                    let read = "SELECT page_data FROM pages WHERE rowid = ?1";
                    let mut data: Vec<u8> = conn.query_row(read, [row], |r| r.get(0)).unwrap_or_default();
                    for _ in 0..=random.below(8) {
                        let at = random.below(data.len());
                        match data.get_mut(at) {
                            Some(byte) => *byte = random.next().to_le_bytes()[0],
                            None => data.push(7),
                        }
                    }
                    if random.below(5) == 0 {
                        data.truncate(random.below(data.len()));
                    }
                    drop(conn.execute("UPDATE pages SET page_data = ?1 WHERE rowid = ?2", params![data, row]));
                }
            }
        }
        for depth in [Depth::Quick, Depth::Normal, Depth::Deep] {
            if let Some(audit) = run(&home, depth) {
                let all: u64 = audit.versions.values().map(|t| t.count).sum();
                assert!(all == audit.store.rows || audit.checkpoint.is_none(), "seed {seed}: every row has a class");
            }
        }
        std::fs::remove_dir_all(&home).unwrap();
    }
}

#[test]
fn files_with_arbitrary_bytes() {
    let temp = tempfile::tempdir().unwrap();
    for seed in 1..40_u64 {
        let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
        let home = temp.path().join(seed.to_string());
        let name = ["2026-07-dup-delta-wal", "2026-02-double-root"][random.below(2)];
        common::copy_dir(&common::fixture("palite").join(name), &home);
        let mut files: Vec<_> = std::fs::read_dir(home.join("kv_home")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for _ in 0..=random.below(3) {
            let file = &files[random.below(files.len())];
            let mut bytes = std::fs::read(file).unwrap();
            for _ in 0..=random.below(40) {
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            if random.below(4) == 0 {
                bytes.truncate(random.below(bytes.len()));
            }
            std::fs::write(file, bytes).unwrap();
        }
        let before = common::snapshot(&home);
        for depth in [Depth::Quick, Depth::Deep] {
            let _ = run(&home, depth);
        }
        assert!(before == common::snapshot(&home), "seed {seed}: the source was touched");
        std::fs::remove_dir_all(&home).unwrap();
    }
}

/// One flipped bit anywhere in any block that the newest checkpoint needs: found, or proven harmless.
#[test]
fn a_flipped_bit_in_a_live_block_is_never_clean() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&common::fixture("palite/2026-07-stale-keystore-inflight"), &home);
    let facts: serde_json::Value = serde_json::from_slice(
        &std::fs::read(common::fixture("palite/2026-07-stale-keystore-inflight.facts.json")).unwrap(),
    )
    .unwrap();
    let live: Vec<(i64, i64, i64)> = facts["page_versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r[5] == "live")
        .map(|r| (r[0].as_i64().unwrap(), r[1].as_i64().unwrap(), r[2].as_i64().unwrap()))
        .collect();
    let baseline = run(&home, Depth::Normal).unwrap().findings.len();
    let mut random = Random(77);
    for _ in 0..60 {
        let key = live[random.below(live.len())];
        let file = home.join(format!("kv_home/pages_{:02}.db", key.0 % 17));
        let conn = Connection::open(&file).unwrap();
        let at = "table_id = ?1 AND page_id = ?2 AND lsn = ?3";
        let data: Vec<u8> = conn
            .query_row(&format!("SELECT page_data FROM pages WHERE {at}"), params![key.0, key.1, key.2], |r| r.get(0))
            .unwrap();
        let set = |data: &[u8]| {
            let sql = format!("UPDATE pages SET page_data = ?4 WHERE {at}");
            assert_eq!(conn.execute(&sql, params![key.0, key.1, key.2, data]).unwrap(), 1);
        };
        let (byte, bit) = (random.below(data.len()), random.below(8));
        let mut damaged = data.clone();
        damaged[byte] ^= 1 << bit;
        set(&damaged);
        let audit = run(&home, Depth::Normal).unwrap();
        // A compressed image has a checksum over its first 64 bytes only; then the stream must fail or
        // come out as it was.
        let compressed = data.get(40).is_some_and(|f| f & 4 != 0) && byte >= 64;
        let found = audit.findings.len() > baseline;
        assert!(found || compressed, "{key:?}: byte {byte} bit {bit} of {}", data.len());
        assert_ne!(audit.verdict, Verdict::Clean);
        set(&data);
    }
    assert_eq!(run(&home, Depth::Normal).unwrap().findings.len(), baseline);
}
