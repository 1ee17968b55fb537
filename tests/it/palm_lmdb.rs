//! PALM and its LMDB reader against the LMDB C library, real environments, and hostile bytes.

// The C library maps files, so its bindings call opening one unsafe. The files here are the test's own.
#![allow(unsafe_code)]

use crate::common::real;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, DatabaseFlags, Env as Heed, EnvOpenOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wtcheck::id::{Lsn, TableId};
use wtcheck::store::palm::lmdb::Env;
use wtcheck::store::palm::{Palm, decode_page_key};
use wtcheck::store::{Affected, FLAG_DELTA, PageLog, Row, StoreError, StoreKind};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
type Raw<'e> = Database<'e, Bytes, Bytes>;

/// The flag PALM gives; the bindings would rather have it as a type.
#[allow(deprecated)]
const INTEGER_KEY: DatabaseFlags = DatabaseFlags::INTEGER_KEY;

/// A small deterministic generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = self.0 ^ (self.0 >> 33);
        x.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

fn heed(dir: &Path) -> Heed {
    let mut options = EnvOpenOptions::new();
    options.map_size(0x4000_0000).max_dbs(16);
    // SAFETY: a directory of this test, opened once at a time, changed by nobody else.
    unsafe { options.open(dir) }.unwrap()
}

fn create<'e>(env: &'e Heed, name: &str, flags: DatabaseFlags) -> Raw<'e> {
    let created = env.create_databases_and_commit(env.write_txn().unwrap(), |opener, txn| {
        let mut options = opener.database_options().types::<Bytes, Bytes>();
        options.name(name).flags(flags);
        options.create(txn).map(CommitOrAbort::<_, ()>::Commit)
    });
    created.unwrap().commit().unwrap()
}

/// All records of a named database, as the C library gives them.
fn theirs(env: &Heed, name: &str) -> Pairs {
    let opened = env.open_databases_and_commit(env.read_txn().unwrap(), |opener, txn| {
        opener.open_database::<Bytes, Bytes>(txn, Some(name)).map(CommitOrAbort::<_, ()>::Commit)
    });
    let db: Raw<'_> = opened.unwrap().commit().flatten().unwrap();
    let txn = env.read_txn().unwrap();
    db.iter(&txn).unwrap().map(|r| r.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect()
}

/// All records of a named database, as this crate reads them; damage fails the test.
fn ours(bytes: &[u8], name: &str) -> Pairs {
    let env = Env::open(bytes).unwrap();
    assert_eq!(env.check(), Ok(()));
    let (db, faults) = env.database(name.as_bytes());
    assert_eq!(faults, vec![]);
    let db = db.unwrap_or_else(|| panic!("no database {name}"));
    let pairs: Pairs = env
        .records(&db)
        .map(|r| r.unwrap_or_else(|f| panic!("{name}: {f}")))
        .map(|r| (r.key.to_vec(), env.value(&r).unwrap().to_vec()))
        .collect();
    assert_eq!(pairs.len() as u64, db.entries);
    pairs
}

fn same(name: &str, ours: &Pairs, theirs: &Pairs) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            a == b,
            "{name}: record {at} differs: key {:02x?} / {:02x?}, {} / {} bytes",
            a.0,
            b.0,
            a.1.len(),
            b.1.len()
        );
    }
}

fn page_key(table: u64, page: u64, lsn: u64, checkpoint: u64, is_delta: bool) -> Vec<u8> {
    let mut key = Vec::new();
    for field in [table, page, lsn, checkpoint] {
        key.extend(field.to_be_bytes());
    }
    key.extend(u32::from(is_delta).to_be_bytes());
    key.extend([0; 4]);
    for field in [lsn.saturating_sub(1), u64::from(is_delta), 7, 8] {
        key.extend(field.to_le_bytes());
    }
    key.extend(0x20_u32.to_le_bytes());
    key.extend([0; 4]);
    key.extend(1_700_000_000_000_000_u64.to_le_bytes());
    key
}

fn checkpoint_key(lsn: u64, id: u64, timestamp: u64) -> Vec<u8> {
    [lsn.to_be_bytes(), id.to_le_bytes(), timestamp.to_le_bytes()].concat()
}

/// A PALM environment as the engine makes it: `rows` page versions of random sizes, three checkpoints.
fn palm_environment(dir: &Path, rows: u64, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let env = heed(dir);
    let globals = create(&env, "globals", INTEGER_KEY);
    create(&env, "tables", INTEGER_KEY);
    let pages = create(&env, "pages", DatabaseFlags::empty());
    let checkpoints = create(&env, "checkpoints", DatabaseFlags::empty());
    for lsn in 1..=rows {
        let mut txn = env.write_txn().unwrap();
        let key = page_key(1 + 8 * (lsn % 3), 100 + lsn % 50, lsn, 1 + lsn / 100, lsn % 4 == 3);
        let len = if lsn % 5 == 0 { random.below(20_000) } else { random.below(1500) };
        pages.put(&mut txn, &key, &random.bytes(len)).unwrap();
        globals.put(&mut txn, &0_u32.to_le_bytes(), &(lsn + 1).to_le_bytes()).unwrap();
        txn.commit().unwrap();
    }
    let mut txn = env.write_txn().unwrap();
    for id in 1..=3 {
        let text = format!("id={id},metadata_lsn={}", id * 10);
        checkpoints.put(&mut txn, &checkpoint_key(id * 10 + 1, id, 0x64), text.as_bytes()).unwrap();
    }
    txn.commit().unwrap();
    drop(env);
    fs::read(dir.join("data.mdb")).unwrap()
}

/// A `kv_home` that holds nothing but these bytes.
fn kv_home(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.mdb"), bytes).unwrap();
    dir
}

#[test]
fn small_environments_equal_the_c_library() {
    let dir = tempfile::tempdir().unwrap();
    let env = heed(dir.path());
    let bytes = || fs::read(dir.path().join("data.mdb")).unwrap();
    assert_eq!(Env::open(&bytes()).unwrap().database(b"empty"), (None, vec![]));

    create(&env, "empty", DatabaseFlags::empty());
    same("empty", &ours(&bytes(), "empty"), &theirs(&env, "empty"));

    let one = create(&env, "one", DatabaseFlags::empty());
    let mut txn = env.write_txn().unwrap();
    one.put(&mut txn, b"key", b"").unwrap();
    txn.commit().unwrap();
    assert_eq!(ours(&bytes(), "one"), vec![(b"key".to_vec(), vec![])]);
    same("one", &ours(&bytes(), "one"), &theirs(&env, "one"));

    // Emptied again: the tree is gone, the name stays.
    let mut txn = env.write_txn().unwrap();
    one.delete(&mut txn, b"key").unwrap();
    txn.commit().unwrap();
    same("one", &ours(&bytes(), "one"), &vec![]);
    assert_eq!(Env::open(&bytes()).unwrap().database(b"no such name"), (None, vec![]));
}

#[test]
fn random_environments_equal_the_c_library() {
    for seed in 1..=3 {
        let mut random = Random(seed);
        let dir = tempfile::tempdir().unwrap();
        let env = heed(dir.path());
        let names: Vec<String> = (0..8).map(|n| format!("db{n:0width$}", width = 1 + 20 * n)).collect();
        let dbs: Vec<_> = names.iter().map(|name| create(&env, name, DatabaseFlags::empty())).collect();
        let mut kept: Vec<BTreeMap<Vec<u8>, Vec<u8>>> = vec![BTreeMap::new(); dbs.len()];
        for round in 0..12 {
            let mut txn = env.write_txn().unwrap();
            for (n, (db, kept)) in dbs.iter().zip(&mut kept).enumerate() {
                // The databases differ in size; the last one stays small, the first one gets several levels.
                for _ in 0..(400 >> n) {
                    let key_len = 1 + random.below(if n == 1 { 16 } else { 511 });
                    let key = random.bytes(key_len);
                    let len = match random.below(100) {
                        0 => 0,
                        // Around the sizes at which a value leaves the leaf, or needs a further page.
                        1..5 => 1500 + random.below(1000),
                        5..10 => 4096 * (1 + random.below(4)) - 20 + random.below(30),
                        10 if round == 5 => 3_000_000 + random.below(2_000_000),
                        11..13 => random.below(50_000),
                        _ => random.below(60),
                    };
                    let value = random.bytes(len);
                    db.put(&mut txn, &key, &value).unwrap();
                    kept.insert(key, value);
                }
                // Deletions and overwriting make free pages, holes, and runs longer than their value.
                let keys: Vec<_> = kept.keys().cloned().collect();
                for key in keys {
                    match random.below(6) {
                        0 => {
                            assert!(db.delete(&mut txn, &key).unwrap());
                            kept.remove(&key);
                        }
                        1 if kept[&key].len() > 4000 => {
                            let value = random.bytes(kept[&key].len() / 2);
                            db.put(&mut txn, &key, &value).unwrap();
                            kept.insert(key, value);
                        }
                        _ => {}
                    }
                }
            }
            txn.commit().unwrap();
        }
        let bytes = fs::read(dir.path().join("data.mdb")).unwrap();
        let depth = |name: &String| Env::open(&bytes).unwrap().database(name.as_bytes()).0.unwrap().depth;
        assert!(depth(&names[0]) >= 3, "the largest tree should have several levels of branches");
        for (name, kept) in names.iter().zip(kept) {
            let ours = ours(&bytes, name);
            same(name, &ours, &theirs(&env, name));
            same(name, &ours, &kept.into_iter().collect());
        }
    }
}

#[test]
fn a_made_page_log() {
    let made = tempfile::tempdir().unwrap();
    let bytes = palm_environment(made.path(), 300, 42);
    let expected = ours(&bytes, "pages");
    assert_eq!(expected.len(), 300);
    let dir = kv_home(&bytes);
    for no_mmap in [false, true] {
        let palm = Palm::open(dir.path(), no_mmap).unwrap();
        assert_eq!(palm.kind(), StoreKind::Palm);
        let layout = palm.layout().unwrap();
        assert_eq!(layout.files, vec![("data.mdb".to_string(), bytes.len() as u64)]);
        assert_eq!((layout.lsn_counter, layout.sharded, layout.from_wal), (Some(Lsn(300)), false, false));
        let last = std::sync::atomic::AtomicU64::new(0);
        let (index, problems) = palm.index(None, &|n| last.store(n, std::sync::atomic::Ordering::Relaxed)).unwrap();
        assert_eq!(problems, vec![]);
        assert_eq!(last.into_inner(), 300);
        let mut reader = palm.reader().unwrap();
        let mut data = vec![1, 2, 3];
        for (row, (key, value)) in index.rows().iter().zip(&expected) {
            let key = decode_page_key(key).unwrap();
            assert_eq!((row.table, row.page, row.lsn), (key.table, key.page, key.lsn));
            assert_eq!((row.backlink_lsn, row.base_lsn), (key.backlink_lsn, key.base_lsn));
            assert_eq!((row.is_delta(), row.flags), (key.is_delta, if key.is_delta { 0x22 } else { 0x20 }));
            reader.read(&row, &mut data).unwrap();
            assert!(&data == value);
        }
        let outside = Row { locator: bytes.len() as u64 - 1, len: 2, ..index.get(0).unwrap() };
        assert!(matches!(reader.read(&outside, &mut data), Err(StoreError::Damaged { .. })));
        let outside = Row { locator: u64::MAX, len: u32::MAX, ..outside };
        assert!(matches!(reader.read(&outside, &mut data), Err(StoreError::Damaged { .. })));
        let (completions, problems) = palm.completions().unwrap();
        assert_eq!(problems, vec![]);
        let found: Vec<_> =
            completions.iter().map(|c| (c.lsn.get(), c.checkpoint_id, c.timestamp, &c.text[..])).collect();
        let wanted: [(u64, _, _, &[u8]); 3] = [
            (11, Some(1), 0x64, b"id=1,metadata_lsn=10"),
            (21, Some(2), 0x64, b"id=2,metadata_lsn=20"),
            (31, Some(3), 0x64, b"id=3,metadata_lsn=30"),
        ];
        assert_eq!(found, wanted);
    }
}

#[test]
fn the_same_lsn_of_two_checkpoints_and_odd_records() {
    let dir = tempfile::tempdir().unwrap();
    let env = heed(dir.path());
    let pages = create(&env, "pages", DatabaseFlags::empty());
    let checkpoints = create(&env, "checkpoints", DatabaseFlags::empty());
    let mut txn = env.write_txn().unwrap();
    pages.put(&mut txn, &page_key(9, 100, 5, 2, false), b"second").unwrap();
    pages.put(&mut txn, &page_key(9, 100, 5, 1, false), b"first").unwrap();
    pages.put(&mut txn, b"short", b"").unwrap();
    let mut odd = page_key(17, 100, 6, 1, false);
    odd[35] = 9;
    pages.put(&mut txn, &odd, b"").unwrap();
    checkpoints.put(&mut txn, b"short", b"").unwrap();
    txn.commit().unwrap();
    let palm = Palm::open(dir.path(), false).unwrap();
    let (index, problems) = palm.index(None, &|_| ()).unwrap();
    assert_eq!(index.rows().iter().map(|r| r.len).collect::<Vec<_>>(), vec![5, 6]);
    let affects: Vec<_> = problems.iter().map(|p| p.affects).collect();
    assert_eq!(affects, vec![Affected::Table(TableId(17)), Affected::All], "{problems:?}");
    let (completions, problems) = palm.completions().unwrap();
    assert_eq!(completions, vec![]);
    // The short key, and no database `globals`.
    assert_eq!(problems.len(), 2, "{problems:?}");
    let affects: Vec<_> = problems.iter().map(|p| p.affects).collect();
    assert!(affects.contains(&Affected::None) && affects.contains(&Affected::Counters), "{problems:?}");
    let files = palm.layout().unwrap().files;
    assert_eq!(files.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), vec!["data.mdb", "lock.mdb"]);
}

#[test]
fn what_is_no_page_log() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Palm::open(empty.path(), false), Err(StoreError::NoPageLog { .. })));
    for bytes in [&b""[..], b"SQLite format 3\0", &[0; 100_000]] {
        let dir = kv_home(bytes);
        for no_mmap in [false, true] {
            assert!(matches!(Palm::open(dir.path(), no_mmap), Err(StoreError::Unreadable { .. })));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data.mdb")).unwrap();
    let error = Palm::open(dir.path(), false).unwrap_err().to_string();
    assert!(error.ends_with("not a regular file"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    let env = heed(dir.path());
    create(&env, "something else", DatabaseFlags::empty());
    assert!(matches!(Palm::open(dir.path(), false), Err(StoreError::NoPageLog { .. })));
}

/// Names, bytes and times of a directory.
fn state_of(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut out = BTreeMap::new();
    out.insert(dir.to_path_buf(), (vec![], fs::metadata(dir).unwrap().modified().unwrap()));
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let found = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        out.insert(path, found);
    }
    out
}

#[test]
fn the_source_stays_untouched() {
    let made = tempfile::tempdir().unwrap();
    let bytes = palm_environment(made.path(), 50, 7);
    let dir = kv_home(&bytes);
    // `made` has a lock file, `dir` has none.
    for dir in [made.path(), dir.path()] {
        let before = state_of(dir);
        for no_mmap in [false, true] {
            let palm = Palm::open(dir, no_mmap).unwrap();
            let (index, _) = palm.index(None, &|_| ()).unwrap();
            palm.completions().unwrap();
            palm.layout().unwrap();
            let mut reader = palm.reader().unwrap();
            for row in index.rows() {
                reader.read(&row, &mut Vec::new()).unwrap();
            }
        }
        assert!(before == state_of(dir));
    }
    assert!(!dir.path().join("lock.mdb").exists());
}

#[test]
fn a_file_cut_while_open_is_refused() {
    let made = tempfile::tempdir().unwrap();
    let dir = kv_home(&palm_environment(made.path(), 20, 3));
    let palm = Palm::open(dir.path(), false).unwrap();
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("data.mdb")).unwrap();
    file.set_len(4096).unwrap();
    assert!(matches!(palm.index(None, &|_| ()), Err(StoreError::Damaged { .. })));
    assert!(matches!(palm.reader().err(), Some(StoreError::Damaged { .. })));
}

/// Read everything there is to read. The result does not matter, coming back does.
fn exercise(bytes: &[u8]) -> Option<(usize, usize)> {
    let dir = kv_home(bytes);
    let palm = Palm::open(dir.path(), true).ok()?;
    let (index, problems) = palm.index(None, &|_| ()).unwrap();
    // Nothing can be larger than the file: neither rows nor texts are multiplied.
    assert!(index.len() * 8 <= bytes.len() && problems.len() < 1100);
    let (completions, more) = palm.completions().unwrap();
    assert!(completions.iter().map(|c| c.text.len()).sum::<usize>() <= bytes.len() && more.len() < 2100);
    palm.layout().unwrap();
    let mut reader = palm.reader().unwrap();
    let mut data = Vec::new();
    for row in index.rows() {
        reader.read(&row, &mut data).unwrap();
        assert_eq!(data.len(), row.len as usize);
    }
    Some((index.len(), problems.len()))
}

#[test]
fn hostile_bytes() {
    let made = tempfile::tempdir().unwrap();
    let good = palm_environment(made.path(), 150, 11);
    assert_eq!(exercise(&good), Some((150, 0)));
    let mut random = Random(1234);
    // Bytes that hold structure, found by their page flags; data pages take damage without a word.
    let trees: Vec<usize> = (0..good.len() / 4096).filter(|p| matches!(good[p * 4096 + 10], 1 | 2 | 8)).collect();
    let mut told = 0;
    for round in 0..600 {
        let mut bytes = good.clone();
        for _ in 0..1 + random.below(8) {
            let at = if round % 3 == 0 {
                random.below(bytes.len())
            } else {
                let page = trees[random.below(trees.len())] * 4096;
                page + if round % 3 == 1 { random.below(200) } else { random.below(4096) }
            };
            bytes[at] = match random.below(3) {
                0 => bytes[at] ^ (1 << random.below(8)),
                1 => 0xff,
                _ => random.next() as u8,
            };
        }
        if round % 10 == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        told += usize::from(exercise(&bytes).is_none_or(|(_, problems)| problems > 0));
    }
    assert!(told > 100, "only {told} of 600 damaged files were noticed");
}

#[test]
fn truncation_at_any_page() {
    let made = tempfile::tempdir().unwrap();
    let good = palm_environment(made.path(), 60, 5);
    for at in (0..good.len()).step_by(2048) {
        exercise(&good[..at]);
    }
}

/// Offset of the node of a database record in the main database, and of the root page it names.
fn root_of(bytes: &[u8], name: &str) -> (usize, usize) {
    let env = Env::open(bytes).unwrap();
    let record = env.records(&env.state().main).map(Result::unwrap).find(|r| r.key == name.as_bytes()).unwrap();
    (record.offset as usize, env.database(name.as_bytes()).0.unwrap().root.unwrap() as usize * 4096)
}

#[test]
fn what_no_writer_may_be_let_at() {
    let made = tempfile::tempdir().unwrap();
    let bytes = palm_environment(made.path(), 300, 44);
    let env = Env::open(&bytes).unwrap();
    assert_eq!(env.check(), Ok(()));
    assert!(env.state().map_size >= 0x4000_0000 && env.state().free.entries > 0);
    let list = env.records(&env.state().free).next().unwrap().unwrap();
    assert!(list.len > 8);
    let (count_at, first_at) = (list.offset as usize, list.offset as usize + 8);
    let root = env.database(b"pages").0.unwrap().root.unwrap();
    let changed = |at: usize, value: u64| {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        Env::open(&bytes).unwrap().check().unwrap_err()
    };
    assert!(changed(first_at, root).contains("listed as free, but is in use"), "a free page in use");
    assert!(changed(first_at, 1).contains("is damaged"), "a meta page");
    assert!(changed(first_at, env.state().last_page + 1).contains("is damaged"), "a page that is none");
    assert!(changed(count_at, u64::from(list.len)).contains("is damaged"), "a list longer than its record");

    // A key changed so that it is out of order; nothing else tells it from a sound one.
    let (db, _) = env.database(b"pages");
    let second = env.records(&db.unwrap()).nth(1).unwrap().unwrap().key;
    let at = second.as_ptr() as usize - bytes.as_ptr() as usize;
    assert!(changed(at, 0).contains("out of order"));
    // Flags of the free pages' database that would have the library take lists for sets.
    let flags_at = env.state().meta_page as usize * 4096 + 44;
    assert!(changed(flags_at, 0xff).contains("not the usual ones"));
    // The file cut off.
    assert!(Env::open(&bytes[..bytes.len() / 2]).unwrap().check().is_err());
}

#[test]
fn cycles_end() {
    let made = tempfile::tempdir().unwrap();
    let good = palm_environment(made.path(), 300, 99);
    let (record, root) = root_of(&good, "pages");
    assert_eq!(good[root + 10], 1, "the root should be a branch page");
    let node = |bytes: &[u8], n: usize| {
        root + usize::from(u16::from_le_bytes([bytes[root + 16 + 2 * n], bytes[root + 17 + 2 * n]]))
    };
    let page = u32::try_from(root / 4096).unwrap().to_le_bytes();

    // A branch page whose second child is itself.
    let mut bytes = good.clone();
    let at = node(&bytes, 1);
    bytes[at..at + 4].copy_from_slice(&page);
    let (rows, problems) = exercise(&bytes).unwrap();
    assert!(rows > 0 && rows < 300 && problems == 1, "{rows} rows, {problems} problems");

    // The same with a record that says the tree is deep enough for it.
    bytes[record + 6] = 32;
    let (rows, problems) = exercise(&bytes).unwrap();
    assert!(rows < 300 && problems > 0, "{rows} rows, {problems} problems");

    // Two branches with one child: the rows are not doubled.
    let mut bytes = good.clone();
    let (first, second) = (node(&bytes, 0), node(&bytes, 1));
    bytes.copy_within(first..first + 4, second);
    let dir = kv_home(&bytes);
    let (index, problems) = Palm::open(dir.path(), true).unwrap().index(None, &|_| ()).unwrap();
    assert!(index.len() < 300);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].reason.contains("reached twice"), "{problems:?}");
    assert_eq!(problems[0].affects, Affected::All);
    let keys: BTreeSet<_> = index.rows().iter().map(|r| (r.table, r.page, r.lsn)).collect();
    assert_eq!(keys.len(), index.len());
}

#[test]
fn a_lost_overflow_run_costs_one_row() {
    let made = tempfile::tempdir().unwrap();
    let good = palm_environment(made.path(), 100, 17);
    let dir = kv_home(&good);
    let (index, _) = Palm::open(dir.path(), true).unwrap().index(None, &|_| ()).unwrap();
    let row = index.rows().iter().find(|r| r.len > 8192).unwrap();
    let mut bytes = good.clone();
    // The page number in the header of its first overflow page.
    bytes[row.locator as usize - 16] ^= 0x40;
    let dir = kv_home(&bytes);
    let (left, problems) = Palm::open(dir.path(), true).unwrap().index(None, &|_| ()).unwrap();
    assert_eq!(left.len(), 99);
    assert_eq!(left.find(row.table, row.page, row.lsn), None);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].affects, Affected::Table(row.table));
    assert!(problems[0].reason.contains(&format!("LSN {}", row.lsn)), "{problems:?}");
}

#[test]
fn the_corpus_equals_the_c_library() {
    let bytes = fs::read(real("disagg-small/db/leader/kv_home/data.mdb")).unwrap();
    let dir = kv_home(&bytes);
    let env = heed(dir.path());
    for name in ["pages", "checkpoints", "globals", "tables"] {
        same(name, &ours(&bytes, name), &theirs(&env, name));
    }
    assert_eq!(ours(&bytes, "pages").len(), 1249);
}

#[test]
fn the_corpus_equals_its_list() {
    let small = real("disagg-small");
    let list = fs::read_to_string(small.join("ref/palm_pages_list.txt")).unwrap();
    let kv = small.join("db/leader/kv_home");
    let before = state_of(&kv);
    let palm = Palm::open(&kv, false).unwrap();
    let bytes = fs::read(kv.join("data.mdb")).unwrap();

    let mut lines = Vec::new();
    let env = Env::open(&bytes).unwrap();
    let last_page = env.state().last_page;
    for (n, name) in ["REVISION(next lsn)", "CHECKPOINT_COMPLETED", "CHECKPOINT_STARTED"].iter().enumerate() {
        let (key, value) = &ours(&bytes, "globals")[n];
        let key = u32::from_le_bytes(key[..].try_into().unwrap());
        lines.push(format!("global {key} {name} {}", u64::from_le_bytes(value[..].try_into().unwrap())));
    }
    lines.push(format!("tables db entries {}", ours(&bytes, "tables").len()));
    let (completions, problems) = palm.completions().unwrap();
    assert_eq!(problems, vec![]);
    for c in completions {
        let (id, text) = (c.checkpoint_id.unwrap(), String::from_utf8(c.text).unwrap());
        lines.push(format!("checkpoint lsn={} id={id} timestamp={} metadata=b'{text}'", c.lsn, c.timestamp));
    }
    let (index, problems) = palm.index(None, &|_| ()).unwrap();
    assert_eq!(problems, vec![]);
    let mut reader = palm.reader().unwrap();
    let mut data = Vec::new();
    let mut tables: BTreeMap<u64, ([usize; 4], BTreeSet<u64>)> = BTreeMap::new();
    let records = ours(&bytes, "pages");
    assert_eq!(records.len(), index.len());
    for (row, (key, value)) in index.rows().iter().zip(&records) {
        let k = decode_page_key(key).unwrap();
        reader.read(&row, &mut data).unwrap();
        assert!(&data == value);
        assert_eq!(row.is_delta(), k.is_delta);
        assert_eq!(row.flags & !FLAG_DELTA, k.flags & !FLAG_DELTA);
        lines.push(format!(
            "t={} p={} lsn={} ckpt={} delta={} backlink={} base={} blckpt={} baseckpt={} flags={:#x} us={} len={} head={}",
            row.table,
            row.page,
            row.lsn,
            k.checkpoint_id,
            u8::from(row.is_delta()),
            row.backlink_lsn,
            row.base_lsn,
            k.backlink_checkpoint_id,
            k.base_checkpoint_id,
            k.flags,
            k.materialized_us,
            row.len,
            hex::encode(&data[..data.len().min(48)])
        ));
        let (counts, pages) = tables.entry(row.table.get()).or_default();
        counts[usize::from(k.is_delta)] += 1;
        counts[2 + usize::from(k.is_delta)] += data.len();
        pages.insert(row.page.get());
    }
    lines.push("table_id full_images deltas full_bytes delta_bytes distinct_page_ids".into());
    for (table, ([full, delta, full_bytes, delta_bytes], pages)) in tables {
        lines.push(format!("{table} {full} {delta} {full_bytes} {delta_bytes} {}", pages.len()));
    }
    let mut expected = list.lines();
    // The map size is the one the list's reader asked for, and the version its library's.
    let first = expected.next().unwrap();
    assert!(first.contains(&format!("last_pgno {last_page} ")), "{first}");
    let expected: Vec<_> = expected.filter(|l| !l.is_empty()).collect();
    for (at, line) in expected.iter().enumerate() {
        assert_eq!(lines.get(at).map(String::as_str), Some(*line), "line {}", at + 2);
    }
    assert_eq!(lines.len(), expected.len());
    assert_eq!(palm.layout().unwrap().lsn_counter, Some(Lsn(1261)));
    assert!(before == state_of(&kv));
}

#[test]
fn the_damaged_corpora_open() {
    for entry in fs::read_dir(real("disagg-damaged")).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(bytes) = fs::read(case.join("data.mdb")) else {
            assert_eq!(name, "d52-lmdb-missing");
            assert!(matches!(Palm::open(&case, false), Err(StoreError::NoPageLog { .. })));
            continue;
        };
        let dir = kv_home(&bytes);
        let palm = Palm::open(dir.path(), false).unwrap();
        let (index, problems) = palm.index(None, &|_| ()).unwrap();
        let (completions, lost) = palm.completions().unwrap();
        let layout = palm.layout().unwrap();
        println!("{name}: {} rows, {} problems, {} completions", index.len(), problems.len(), completions.len());
        if name == "d50-lmdb-truncated" {
            // The newest main database lies in the lost part, the one before it does not. All completion
            // records survive with it; of the counters nothing does.
            assert!(problems[0].reason.contains("reading the one before it (transaction 1276)"), "{problems:?}");
            assert!(problems.iter().any(|p| p.affects == Affected::All));
            assert!(problems.iter().any(|p| p.affects == Affected::Table(TableId(57))));
            assert_eq!((index.len(), completions.len(), lost.len()), (565, 12, 1));
            assert_eq!((lost[0].affects, layout.lsn_counter), (Affected::Counters, None));
            exercise(&bytes);
            continue;
        }
        assert_eq!((problems, lost), (vec![], vec![]), "{name}");
        let rows = match name.get(..3) {
            Some("d10" | "d12") => 1248,
            Some("d21") => 1250,
            _ => 1249,
        };
        assert_eq!((index.len(), completions.len()), (rows, 12), "{name}");
        let counter = match name.get(..3) {
            Some("d21") => layout.lsn_counter,
            Some("d42") => Some(Lsn(999)),
            _ => Some(Lsn(1261)),
        };
        assert_eq!(layout.lsn_counter, counter, "{name}");
    }
}
