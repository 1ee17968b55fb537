//! The fixtures of wtcheck, as they lie in the repository.

use std::path::{Path, PathBuf};
use wtcheck::store::palite::Palite;
use wtcheck::store::{PageLog, Row};

/// Stores of PALite, one of each generation and fault.
pub const PALITE: [&str; 5] = [
    "2025-11-bitflip-missing-delta",
    "2026-02-double-root",
    "2026-07-dup-delta-wal",
    "2026-07-leak-full",
    "2026-07-stale-keystore-inflight",
];

/// A path under `fixtures/`.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// A file under `fixtures/`.
#[must_use]
pub fn bytes(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files of a directory under `fixtures/`, with their paths in it, in name order.
#[must_use]
pub fn tree(name: &str) -> Vec<(String, Vec<u8>)> {
    fn collect(root: &Path, dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.expect("a name").path();
            if path.is_dir() {
                collect(root, &path, out);
            } else {
                let name = path.strip_prefix(root).expect("below").to_str().expect("a plain name").to_string();
                out.push((name, std::fs::read(&path).expect("readable")));
            }
        }
    }
    let root = path(name);
    let mut out = Vec::new();
    collect(&root, &root, &mut out);
    out.sort();
    out
}

/// Every row of a PALite fixture with its data, and its completion records.
#[must_use]
pub fn palite(name: &str) -> (Vec<(Row, Vec<u8>)>, Vec<wtcheck::store::CompletionRow>, wtcheck::store::Layout) {
    let store = Palite::open(&path("palite").join(name).join("kv_home")).expect("a fixture");
    let (index, _) = store.index(None, &|_| {}).expect("an index");
    let mut reader = store.reader().expect("a reader");
    let mut read = |row: &Row| {
        let mut data = Vec::new();
        reader.read(row, &mut data).expect("a row");
        (*row, data)
    };
    let rows = index.rows().iter().map(|row| read(&row)).collect();
    (rows, store.completions().expect("records").0, store.layout().expect("a layout"))
}

/// The data file of the PALM fixture.
#[must_use]
pub fn palm() -> Vec<u8> {
    zstd::decode_all(&bytes("palm/data.mdb.zst")[..]).expect("a zstd stream")
}

/// Tables of the PALM fixture that [`palm_small`] keeps: those of the checkpoint itself, one with leaf
/// deltas, one with large rows, one compressed.
const PALM_TABLES: [u64; 6] = [1, 9, 25, 73, 81, 145];

/// An environment as the C library makes it, with a part of the PALM fixture's tables: small enough to
/// be read some hundred times a second.
#[must_use]
pub fn palm_small() -> Vec<u8> {
    use heed::types::Bytes;
    use heed::{CommitOrAbort, DatabaseFlags, EnvOpenOptions};
    use wtcheck::store::palm::decode_page_key;
    use wtcheck::store::palm::lmdb::{Env, INTEGER_KEYS};

    let bytes = palm();
    let source = Env::open(&bytes).expect("an environment");
    let dir = crate::homes::temporary();
    let mut options = EnvOpenOptions::new();
    options.map_size(64 << 20).max_dbs(4);
    // SAFETY: a directory of this process, opened once, changed by nobody else.
    #[allow(unsafe_code)]
    let env = unsafe { options.open(dir.path()) }.expect("an environment");
    let txn = env.write_txn().expect("a transaction");
    let made = env.create_databases_and_commit(txn, |opener, txn| {
        for name in ["globals", "tables", "pages", "checkpoints"] {
            let Some(found) = source.database(name.as_bytes()).0 else { continue };
            let mut options = opener.database_options().types::<Bytes, Bytes>();
            #[allow(deprecated)]
            let integer = DatabaseFlags::INTEGER_KEY;
            let flags = if found.flags & INTEGER_KEYS != 0 { integer } else { DatabaseFlags::empty() };
            let db = options.name(name).flags(flags).create(txn)?;
            for record in source.records(&found).map(|r| r.expect("a sound fixture")) {
                let table = decode_page_key(record.key).map(|k| k.table);
                if name != "pages" || table.is_ok_and(|t| PALM_TABLES.contains(&t.get())) {
                    db.put(txn, record.key, source.value(&record).expect("a value"))?;
                }
            }
        }
        Ok::<_, heed::Error>(CommitOrAbort::<(), ()>::Commit(()))
    });
    made.expect("a copy");
    drop(env);
    std::fs::read(dir.path().join("data.mdb")).expect("a data file")
}
