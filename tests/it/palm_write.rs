//! Changes of a PALM store through its ledger, and the conventions of June 2025 they follow.

// The C library maps files, so its bindings call opening one unsafe. The files here are the test's own.
#![allow(unsafe_code)]

use crate::common;
use heed::types::Bytes;
use heed::{CommitOrAbort, DatabaseFlags, EnvOpenOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use wtcheck::format::compress::Compressor;
use wtcheck::format::image::{self, Era, Image, NewImage};
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::pagelog::catalog;
use wtcheck::store::edit::{Change, Edit, Field, Ledger, NewRow, Side, State, Value};
use wtcheck::store::palm::lmdb::Env;
use wtcheck::store::palm::{
    CheckpointKey, PageKey, PalmLedger, decode_checkpoint_key, decode_page_key, encode_page_key,
};
use wtcheck::store::{self, FLAG_DELTA, FLAG_DISCARDED, Index, PageLog, StoreError};

/// Records of every named database.
type Content = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

const LAST: u64 = 1261;

/// A home that holds the data file only.
fn home(bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("kv_home")).unwrap();
    fs::write(dir.path().join("kv_home/data.mdb"), bytes).unwrap();
    dir
}

fn fixture() -> Vec<u8> {
    common::palm_data()
}

/// Everything in the data file, by the project's own reader, which also says that the file is sound.
fn content(kv_home: &Path) -> Content {
    let bytes = fs::read(kv_home.join("data.mdb")).unwrap();
    let env = Env::open(&bytes).unwrap();
    assert_eq!(env.check(), Ok(()));
    let names = env.records(&env.state().main).map(Result::unwrap).filter(|r| r.is_database).map(|r| r.key);
    names
        .map(|name| {
            let db = env.database(name).0.unwrap();
            let records = env.records(&db).map(Result::unwrap);
            let pairs = records.map(|r| (r.key.to_vec(), env.value(&r).unwrap().to_vec())).collect();
            (String::from_utf8(name.to_vec()).unwrap(), pairs)
        })
        .collect()
}

fn global(content: &Content, id: u32) -> Option<u64> {
    let value = content["globals"].get(&id.to_le_bytes()[..])?;
    Some(u64::from_le_bytes(value.as_slice().try_into().unwrap()))
}

fn page_keys(content: &Content) -> Vec<PageKey> {
    content["pages"].keys().map(|k| decode_page_key(k).unwrap()).collect()
}

fn completions(content: &Content) -> Vec<(CheckpointKey, String)> {
    let text = |v: &Vec<u8>| String::from_utf8(v.clone()).unwrap();
    content["checkpoints"].iter().map(|(k, v)| (decode_checkpoint_key(k).unwrap(), text(v))).collect()
}

/// What the store is to hold once the changes are made, from what it holds now.
fn changed(mut content: Content, changes: &[Change]) -> Content {
    let pair = |fields: &[Field]| match fields {
        [Field { name: k, value: Value::Blob(key) }, Field { name: v, value: Value::Blob(value) }] => {
            assert_eq!((k.as_str(), v.as_str()), ("key", "value"));
            (key.clone(), value.clone())
        }
        other => panic!("{other:?}"),
    };
    for change in changes {
        assert_eq!(change.file, "data.mdb");
        let records = content.get_mut(&change.set).unwrap();
        if let Some((key, value)) = change.before.as_deref().map(pair) {
            assert_eq!(records.remove(&key), Some(value));
        }
        if let Some((key, value)) = change.after.as_deref().map(pair) {
            assert_eq!(records.insert(key, value), None);
        }
    }
    content
}

fn states(ledger: &mut PalmLedger, changes: &[Change]) -> Vec<State> {
    changes.iter().map(|c| ledger.state(c).unwrap()).collect()
}

fn all(states: &[State], state: &State) -> bool {
    states.iter().all(|s| s == state)
}

/// Translate, carry out, look, do it again, go back, look; after each step against the whole content.
fn there_and_back(home: &Path, edits: &[Edit], look: impl Fn(&Content)) -> Vec<Change> {
    let kv_home = home.join("kv_home");
    let before = content(&kv_home);
    let mut ledger = PalmLedger::open(&kv_home).unwrap();
    let changes = ledger.translate(edits).unwrap();
    assert!(content(&kv_home) == before, "translating changes nothing");
    assert!(ledger.translate(edits).unwrap() == changes, "and comes out the same");
    assert!(all(&states(&mut ledger, &changes), &State::Before));
    // Through the form a journal keeps them in.
    let changes: Vec<Change> = serde_json::from_str(&serde_json::to_string(&changes).unwrap()).unwrap();
    let after = changed(before.clone(), &changes);
    ledger.carry_out(&changes, Side::Before).unwrap();
    assert!(content(&kv_home) == before);
    let data = || fs::read(kv_home.join("data.mdb")).unwrap();
    for _ in 0..2 {
        ledger.carry_out(&changes, Side::After).unwrap();
        assert!(all(&states(&mut ledger, &changes), &State::After));
        assert!(content(&kv_home) == after);
        look(&after);
        let bytes = data();
        ledger.carry_out(&changes, Side::After).unwrap();
        assert!(data() == bytes, "what is done already writes nothing");
        // Closed and opened again.
        drop(ledger);
        ledger = PalmLedger::open(&kv_home).unwrap();
        assert!(all(&states(&mut ledger, &changes), &State::After));
        ledger.carry_out(&changes, Side::Before).unwrap();
        assert!(all(&states(&mut ledger, &changes), &State::Before));
        assert!(content(&kv_home) == before);
    }
    changes
}

fn row(table: u64, page: u64, lsn: u64, data: &[u8]) -> NewRow {
    NewRow {
        table: TableId(table),
        page: PageId(page),
        lsn: Lsn(lsn),
        backlink_lsn: Lsn(0),
        base_lsn: Lsn(0),
        flags: 0,
        checkpoint_id: 13,
        data: data.to_vec(),
    }
}

fn complete(lsn: u64, id: u64) -> Edit {
    let text = format!("id={id},metadata_lsn={}", lsn - 1);
    Edit::Complete { lsn: Lsn(lsn), timestamp: 0x1f, checkpoint_id: Some(id), text }
}

#[test]
fn a_new_checkpoint_of_the_fixture() {
    a_new_checkpoint(home(&fixture()).path());
}

#[test]
fn a_new_checkpoint_of_the_corpus() {
    let temp = tempfile::tempdir().unwrap();
    common::copy_dir(&common::real("disagg-small/db/leader"), temp.path());
    a_new_checkpoint(temp.path());
}

fn a_new_checkpoint(home: &Path) {
    let kv_home = home.join("kv_home");
    let old = content(&kv_home);
    let keys = page_keys(&old);
    let newest = |f: &dyn Fn(&&PageKey) -> bool| keys.iter().filter(f).max_by_key(|k| k.lsn).copied().unwrap();
    let leaf = newest(&|k| (k.table, k.page) == (TableId(9), PageId(100)));
    assert!(leaf.is_delta);
    let big: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    // A delta on the last block, a rewritten page, a new page, the turtle page.
    let delta = NewRow {
        backlink_lsn: leaf.lsn,
        base_lsn: leaf.base_lsn,
        flags: FLAG_DELTA,
        ..row(9, 100, LAST + 1, b"delta")
    };
    let rewritten = NewRow { backlink_lsn: Lsn(LAST + 1), flags: 1, ..row(9, 100, LAST + 2, &big) };
    let edits = [
        Edit::Counter { last_lsn: Lsn(LAST + 5) },
        Edit::Put(delta),
        Edit::Put(rewritten),
        Edit::Put(row(9, 113, LAST + 3, b"root")),
        Edit::Put(row(1, 1, LAST + 4, b"turtle")),
        complete(LAST + 5, 13),
    ];
    let changes = there_and_back(home, &edits, |after| {
        assert_eq!([0, 1, 2].map(|id| global(after, id)), [Some(LAST + 6), Some(13), Some(14)]);
        let keys = page_keys(after);
        let at = |lsn: u64| keys.iter().find(|k| k.lsn == lsn).copied().unwrap();
        let expected = PageKey {
            table: TableId(9),
            page: PageId(100),
            lsn: Lsn(LAST + 1),
            checkpoint_id: 13,
            is_delta: true,
            backlink_lsn: leaf.lsn,
            base_lsn: leaf.base_lsn,
            backlink_checkpoint_id: 12,
            base_checkpoint_id: 10,
            flags: FLAG_DELTA,
            materialized_us: leaf.materialized_us,
        };
        assert_eq!(at(LAST + 1), expected);
        let expected = PageKey {
            lsn: Lsn(LAST + 2),
            is_delta: false,
            backlink_lsn: Lsn(LAST + 1),
            base_lsn: Lsn(0),
            backlink_checkpoint_id: 13,
            base_checkpoint_id: 0,
            flags: 1,
            ..expected
        };
        assert_eq!(at(LAST + 2), expected);
        // A page without rows so far takes the time of its table.
        let expected = PageKey {
            page: PageId(113),
            lsn: Lsn(LAST + 3),
            backlink_lsn: Lsn(0),
            backlink_checkpoint_id: 0,
            flags: 0,
            materialized_us: newest(&|k| k.table == 9).materialized_us,
            ..expected
        };
        assert_eq!(at(LAST + 3), expected);
        assert_eq!(at(LAST + 4).materialized_us, newest(&|k| k.table == 1).materialized_us);
        let (key, text) = completions(after).pop().unwrap();
        assert_eq!(key, CheckpointKey { lsn: Lsn(LAST + 5), checkpoint_id: 13, timestamp: 0x1f });
        assert_eq!(text, format!("id=13,metadata_lsn={}", LAST + 4));

        // And as the rest of the program sees it.
        let held = store::OpenOptions { allow_live: true, ..store::OpenOptions::default() };
        let store = store::open(home, &held).unwrap();
        let (index, problems) = store.index(None, &|_| ()).unwrap();
        assert_eq!((problems, index.len()), (vec![], old["pages"].len() + 4));
        let row = index.get(index.find(TableId(9), PageId(100), Lsn(LAST + 2)).unwrap()).unwrap();
        let mut data = Vec::new();
        store.reader().unwrap().read(&row, &mut data).unwrap();
        assert!(data == big);
        assert_eq!(store.completions().unwrap().0.last().unwrap().lsn, LAST + 5);
        assert_eq!(store.layout().unwrap().lsn_counter, Some(Lsn(LAST + 5)));
    });
    let sets: Vec<&str> = changes.iter().map(|c| c.set.as_str()).collect();
    assert_eq!(sets, ["globals", "pages", "pages", "pages", "pages", "checkpoints", "globals", "globals"]);
}

#[test]
fn a_thousand_rows_and_removals() {
    let temp = home(&fixture());
    let keys = page_keys(&content(&temp.path().join("kv_home")));
    let last = keys.iter().max_by_key(|k| k.lsn).copied().unwrap();
    let mut edits = vec![Edit::Counter { last_lsn: Lsn(LAST + 1000) }];
    // Rows of an existing table, of a new one, and of sizes on both sides of a page.
    edits.extend((0..1000).map(|i| {
        let table = if i % 2 == 0 { 57 } else { 4001 };
        Edit::Put(row(table, 5000 + i, LAST + 1 + i, &vec![i as u8; (i * 37 % 9000) as usize]))
    }));
    let gone: Vec<&PageKey> = keys.iter().filter(|k| k.lsn.get() % 3 == 0).collect();
    edits.extend(gone.iter().map(|k| Edit::Remove { table: k.table, page: k.page, lsn: k.lsn }));
    let changes = there_and_back(temp.path(), &edits, |after| {
        let now = page_keys(after);
        assert_eq!(now.len(), keys.len() + 1000 - gone.len());
        // A table without rows so far takes the time of the store.
        let new = now.iter().find(|k| k.table == 4001).unwrap();
        assert_eq!(new.materialized_us, last.materialized_us);
    });
    assert_eq!(changes.len(), 1001 + gone.len());
}

#[test]
fn completions_are_taken_out() {
    let temp = home(&fixture());
    let look = |n: usize, completed: u64| {
        move |after: &Content| {
            let left = completions(after);
            assert_eq!((left.len(), left.last().map_or(0, |(k, _)| k.checkpoint_id)), (n, completed));
            assert_eq!([1, 2].map(|id| global(after, id)), [Some(completed), Some(completed + 1)]);
            assert_eq!(global(after, 0), Some(LAST + 1));
        }
    };
    let lsns: Vec<Lsn> = completions(&content(&temp.path().join("kv_home"))).iter().map(|(k, _)| k.lsn).collect();
    let remove = |at: usize| Edit::RemoveCompletion { lsn: Lsn(lsns[at].get()) };
    // The newest; an older one, which says nothing of where the engine stands; several; all.
    let changes = there_and_back(temp.path(), &[remove(11)], look(11, 11));
    assert_eq!(changes.len(), 3);
    assert_eq!(there_and_back(temp.path(), &[remove(3)], look(11, 12)).len(), 1);
    there_and_back(temp.path(), &[remove(11), remove(10)], look(10, 10));
    there_and_back(temp.path(), &[remove(10), remove(11)], look(10, 10));
    let every: Vec<Edit> = (0..12).map(remove).collect();
    there_and_back(temp.path(), &every, look(0, 0));
    // Replaced: the globals end where they began, so they are not among the changes.
    let changes = there_and_back(temp.path(), &[remove(11), complete(LAST + 7, 12)], |_| ());
    assert_eq!(changes.iter().map(|c| c.set.as_str()).collect::<Vec<_>>(), ["checkpoints", "checkpoints"]);
    // Edits that cancel each other come down to nothing.
    let put =
        [Edit::Put(row(9, 700, 5000, b"x")), Edit::Remove { table: TableId(9), page: PageId(700), lsn: Lsn(5000) }];
    assert_eq!(there_and_back(temp.path(), &put, |_| ()), []);
    let changes = there_and_back(temp.path(), &[1, 2, 3].map(|n| Edit::Counter { last_lsn: Lsn(LAST + n) }), |after| {
        assert_eq!(global(after, 0), Some(LAST + 4));
    });
    assert_eq!(changes.len(), 1);
}

/// What the engine wrote, put again, comes out as the engine wrote it.
#[test]
fn rows_put_again_are_the_same_rows() {
    let temp = home(&fixture());
    let kv_home = temp.path().join("kv_home");
    let old = content(&kv_home);
    let mut ledger = PalmLedger::open(&kv_home).unwrap();
    let mut same = 0;
    for (bytes, data) in &old["pages"] {
        let key = decode_page_key(bytes).unwrap();
        let row = NewRow {
            table: key.table,
            page: key.page,
            lsn: key.lsn,
            backlink_lsn: key.backlink_lsn,
            base_lsn: key.base_lsn,
            flags: key.flags,
            checkpoint_id: key.checkpoint_id,
            data: data.clone(),
        };
        let remove = Edit::Remove { table: key.table, page: key.page, lsn: key.lsn };
        let changes = ledger.translate(&[remove, Edit::Put(row)]).unwrap();
        if changes.is_empty() {
            same += 1;
            continue;
        }
        // Only the time differs, which is that of the page's newest row.
        let [_, Change { after: Some(fields), before: None, .. }] = &changes[..] else { panic!("{changes:?}") };
        let Value::Blob(put) = &fields[0].value else { panic!("{fields:?}") };
        assert_eq!(put[..80], bytes[..80]);
        assert!(decode_page_key(put).unwrap().materialized_us > key.materialized_us);
    }
    let pages: BTreeSet<(TableId, PageId)> = page_keys(&old).iter().map(|k| (k.table, k.page)).collect();
    assert_eq!((same, old["pages"].len()), (pages.len(), 1249));
}

fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>, words: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn edits_that_do_not_fit_are_refused() {
    let temp = home(&fixture());
    let kv_home = temp.path().join("kv_home");
    let old = content(&kv_home);
    let mut ledger = PalmLedger::open(&kv_home).unwrap();
    let mut no = |edits: &[Edit], words: &str| refused(ledger.translate(edits), words);
    let put = |row: NewRow| Edit::Put(row);
    let remove = |table, page, lsn| Edit::Remove { table, page, lsn };
    no(&[put(row(9, 100, 898, b""))], "there is already a row at LSN 898");
    no(&[put(row(9, 800, 1300, b"")), put(row(9, 800, 1300, b"x"))], "there is already a row at LSN 1300");
    no(&[remove(TableId(9), PageId(100), Lsn(899))], "no row at LSN 899");
    no(&[remove(TableId(9), PageId(100), Lsn(898)), remove(TableId(9), PageId(100), Lsn(898))], "no row at LSN 898");
    no(&[put(NewRow { backlink_lsn: Lsn(7), ..row(9, 800, 1300, b"") })], "no row at LSN 7");
    no(&[put(NewRow { base_lsn: Lsn(7), flags: FLAG_DELTA, ..row(9, 800, 1300, b"") })], "no row at LSN 7");
    no(&[put(NewRow { flags: FLAG_DISCARDED, ..row(9, 800, 1300, b"") })], "no discard records");
    no(&[Edit::Counter { last_lsn: Lsn(u64::from(u32::MAX)) }], "next LSN: 4294967296 is above 4294967295");
    no(&[Edit::Counter { last_lsn: Lsn(u64::MAX) }], "no next LSN");
    no(&[complete(LAST + 1, 12)], "would not be newer");
    no(&[complete(LAST, 13)], "would not be newer");
    no(&[complete(LAST + 1, 1 << 32)], "is above 4294967295");
    no(&[complete(LAST + 1, u64::from(u32::MAX))], "last begun checkpoint: 4294967296 is above");
    no(&[Edit::RemoveCompletion { lsn: Lsn(1260) }], "0 completion records at LSN 1260");
    let without_id = Edit::Complete { lsn: Lsn(1300), timestamp: 1, checkpoint_id: None, text: String::new() };
    no(&[without_id], "needs a checkpoint id");
    let limit = [Edit::Counter { last_lsn: Lsn(u64::from(u32::MAX) - 1) }];
    assert_eq!(ledger.translate(&limit).unwrap().len(), 1);
    drop(ledger);
    assert!(content(&kv_home) == old);
}

#[test]
fn what_someone_else_changed_is_left_alone() {
    let temp = home(&fixture());
    let kv_home = temp.path().join("kv_home");
    let mut ledger = PalmLedger::open(&kv_home).unwrap();
    let edits = [
        Edit::Counter { last_lsn: Lsn(LAST + 2) },
        Edit::Put(row(9, 800, LAST + 1, b"mine")),
        Edit::Remove { table: TableId(9), page: PageId(100), lsn: Lsn(898) },
    ];
    let changes = ledger.translate(&edits).unwrap();

    // The counter moved, a row with the same key but another content, a row that is gone.
    let counter = ledger.translate(&[Edit::Counter { last_lsn: Lsn(LAST + 1) }]).unwrap();
    let theirs = ledger.translate(&[Edit::Put(row(9, 800, LAST + 1, b"theirs"))]).unwrap();
    let mut other = changes[2].clone();
    let Some(fields) = &mut other.before else { panic!("{other:?}") };
    fields[1].value = Value::Blob(b"not that".to_vec());
    for (foreign, at, words) in [(&counter, 0, "next LSN"), (&theirs, 1, "table 9, page 800, LSN 1262")] {
        ledger.carry_out(foreign, Side::After).unwrap();
        let now = content(&kv_home);
        let State::Other(found) = ledger.state(&changes[at]).unwrap() else { panic!("{:?}", changes[at]) };
        assert!(found.starts_with(words) && found.contains("a record of"), "{found}");
        for side in [Side::After, Side::Before] {
            refused(ledger.carry_out(&changes, side), "neither as before nor as after");
            assert!(content(&kv_home) == now, "nothing is done if not everything can be");
        }
        ledger.carry_out(foreign, Side::Before).unwrap();
    }
    assert!(matches!(ledger.state(&other).unwrap(), State::Other(found) if found.contains("a record of 20306 bytes")));
    let missing = Change { before: None, after: other.before.clone(), ..other.clone() };
    assert!(matches!(ledger.state(&missing).unwrap(), State::Other(_)));
    refused(ledger.carry_out(&[changes[0].clone(), other], Side::After), "table 9, page 100, LSN 898");
    let gone = ledger.translate(&[Edit::Remove { table: TableId(9), page: PageId(100), lsn: Lsn(898) }]).unwrap();
    let mut rewrite = gone[0].clone();
    rewrite.after = rewrite.before.clone();
    let Some(fields) = &mut rewrite.after else { panic!("{rewrite:?}") };
    fields[1].value = Value::Blob(b"new content of an old key".to_vec());
    assert_eq!(ledger.state(&rewrite).unwrap(), State::Before);
    ledger.carry_out(&[rewrite.clone()], Side::After).unwrap();
    assert_eq!(ledger.state(&rewrite).unwrap(), State::After);
    ledger.carry_out(&[rewrite.clone()], Side::Before).unwrap();
    ledger.carry_out(&gone, Side::After).unwrap();
    assert_eq!(ledger.state(&rewrite).unwrap(), State::Other("table 9, page 100, LSN 898: no record".into()));

    // Half done, as no kill of ours leaves it, but as a mixture of tools might: finished either way.
    ledger.carry_out(&gone, Side::Before).unwrap();
    let before = content(&kv_home);
    ledger.carry_out(&changes[1..2], Side::After).unwrap();
    assert_eq!(states(&mut ledger, &changes), [State::Before, State::After, State::Before]);
    ledger.carry_out(&changes, Side::After).unwrap();
    assert_eq!(content(&kv_home), changed(before.clone(), &changes));
    ledger.carry_out(&changes[1..2], Side::Before).unwrap();
    ledger.carry_out(&changes, Side::Before).unwrap();
    assert!(content(&kv_home) == before);
}

#[test]
fn changes_that_are_none_of_this_store_are_refused() {
    let temp = home(&fixture());
    let kv_home = temp.path().join("kv_home");
    let mut ledger = PalmLedger::open(&kv_home).unwrap();
    let good = ledger.translate(&[Edit::Counter { last_lsn: Lsn(LAST + 2) }]).unwrap().remove(0);
    let mut no = |change: Change, words: &str| {
        refused(ledger.state(&change), words);
        refused(ledger.carry_out(&[good.clone(), change], Side::After), words);
    };
    let blob = |name: &str, len| Field { name: name.into(), value: Value::Blob(vec![0; len]) };
    no(Change { file: "globals.db".into(), ..good.clone() }, "file \"globals.db\"");
    no(Change { set: "tables".into(), ..good.clone() }, "database \"tables\"");
    no(Change { set: "pages".into(), ..good.clone() }, "a key of 4 bytes in database \"pages\"");
    no(Change { before: None, after: None, ..good.clone() }, "without a record");
    let other_key = vec![Field { name: "key".into(), value: Value::Blob(vec![9; 4]) }, blob("value", 8)];
    no(Change { before: Some(other_key), ..good.clone() }, "from one key to another");
    for fields in [
        vec![blob("key", 4)],
        vec![blob("key", 4), blob("id", 8)],
        vec![blob("value", 8), blob("key", 4)],
        vec![blob("key", 4), blob("value", 8), blob("value", 8)],
        vec![blob("key", 4), Field { name: "value".into(), value: Value::Integer(1) }],
    ] {
        no(Change { before: Some(fields), ..good.clone() }, "both of bytes");
    }
    assert_eq!(ledger.state(&good).unwrap(), State::Before);
}

/// The only row of a small store.
const ROW: PageKey = PageKey {
    table: TableId(9),
    page: PageId(100),
    lsn: Lsn(1),
    checkpoint_id: 1,
    is_delta: false,
    backlink_lsn: Lsn(0),
    base_lsn: Lsn(0),
    backlink_checkpoint_id: 0,
    base_checkpoint_id: 0,
    flags: 0,
    materialized_us: 1_750_000_000_000_000,
};

/// A store as the engine makes it, but with no more address space than it needs.
fn small_store(map_size: usize, row: &PageKey) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    let kv_home = temp.path().join("kv_home");
    fs::create_dir(&kv_home).unwrap();
    let mut options = EnvOpenOptions::new();
    options.map_size(map_size).max_dbs(4);
    // SAFETY: a directory of this test, opened once, changed by nobody else.
    let env = unsafe { options.open(&kv_home) }.unwrap();
    let txn = env.write_txn().unwrap();
    let made = env.create_databases_and_commit(txn, |opener, txn| {
        for name in ["globals", "tables", "pages", "checkpoints"] {
            let mut options = opener.database_options().types::<Bytes, Bytes>();
            #[allow(deprecated)]
            let flags =
                if name.len() < 8 && name != "pages" { DatabaseFlags::INTEGER_KEY } else { DatabaseFlags::empty() };
            let db = options.name(name).flags(flags).create(txn)?;
            match name {
                "globals" => db.put(txn, &0_u32.to_ne_bytes(), &2_u64.to_ne_bytes())?,
                "pages" => db.put(txn, &encode_page_key(row), b"the first row")?,
                _ => {}
            }
        }
        Ok::<_, heed::Error>(CommitOrAbort::<(), ()>::Commit(()))
    });
    made.unwrap();
    drop(env);
    temp
}

#[test]
fn the_map_grows_with_what_is_put() {
    let temp = small_store(1 << 20, &ROW);
    let kv_home = temp.path().join("kv_home");
    fs::remove_file(kv_home.join("lock.mdb")).unwrap();
    let edits: Vec<Edit> = (2..=40).map(|n| Edit::Put(row(9, 100 + n, n, &vec![7; 200_000]))).collect();
    let edits = [edits, vec![Edit::Counter { last_lsn: Lsn(41) }, complete(41, 1)]].concat();
    there_and_back(temp.path(), &edits, |after| {
        assert_eq!(after["pages"].len(), 40);
        // No checkpoint was ever begun here.
        assert_eq!([0, 1, 2].map(|id| global(after, id)), [Some(42), Some(1), None]);
    });
    // It was made to lock it, as the engine's user could have, and goes again.
    assert!(!kv_home.join("lock.mdb").exists());
    let ledger = PalmLedger::open(&kv_home).unwrap();
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| fs::metadata(kv_home.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("lock.mdb"), mode("data.mdb"));
    drop(ledger);
}

#[test]
fn no_row_is_put_into_the_future() {
    let micros = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let temp = small_store(1 << 20, &PageKey { materialized_us: u64::MAX, ..ROW });
    let mut ledger = PalmLedger::open(&temp.path().join("kv_home")).unwrap();
    let before = micros();
    let change = ledger.translate(&[Edit::Put(row(9, 100, 2, b""))]).unwrap().remove(0);
    ledger.carry_out(&[change], Side::After).unwrap();
    drop(ledger);
    let put = page_keys(&content(&temp.path().join("kv_home"))).pop().unwrap();
    assert!((before..=micros()).contains(&put.materialized_us), "{put:?}");
}

#[test]
fn a_map_smaller_than_the_file() {
    let mut bytes = fixture();
    for meta in [0, 4096] {
        bytes[meta + 32..meta + 40].copy_from_slice(&8192_u64.to_le_bytes());
    }
    let temp = home(&bytes);
    there_and_back(temp.path(), &[Edit::Put(row(9, 800, 2000, &[1; 500_000]))], |_| ());
    // And a file with room behind its last page, as a copy may have.
    let mut bytes = fixture();
    bytes.extend(vec![0; 10 << 20]);
    let temp = home(&bytes);
    there_and_back(temp.path(), &[Edit::Put(row(9, 800, 2000, &[1; 500_000]))], |_| ());
}

#[test]
fn what_is_not_opened_for_writing() {
    let open = |temp: &tempfile::TempDir| PalmLedger::open(&temp.path().join("kv_home"));
    let temp = home(&fixture());
    let ledger = open(&temp).unwrap();
    assert!(matches!(open(&temp), Err(StoreError::InUse { .. })));
    drop(ledger);
    open(&temp).unwrap();

    let good = fixture();
    let _ = fs::remove_file(temp.path().join("kv_home/lock.mdb"));
    fs::create_dir(temp.path().join("kv_home/lock.mdb")).unwrap();
    refused(open(&temp), "is a directory");
    fs::remove_dir(temp.path().join("kv_home/lock.mdb")).unwrap();
    fs::remove_file(temp.path().join("kv_home/data.mdb")).unwrap();
    assert!(matches!(open(&temp), Err(StoreError::NoPageLog { .. })));
    assert!(!temp.path().join("kv_home/data.mdb").exists(), "nothing is made in its place");

    // Damage anywhere: a meta page, the root of a database, a leaf, the end.
    let env = Env::open(&good).unwrap();
    let root = env.database(b"pages").0.unwrap().root.unwrap() as usize;
    let key = env.records(&env.database(b"pages").0.unwrap()).last().unwrap().unwrap().key;
    let leaf = (key.as_ptr() as usize - good.as_ptr() as usize) / 4096;
    for (at, bytes) in [(16, vec![0]), (root * 4096, vec![9]), (leaf * 4096 + 12, vec![0xff, 0xff])] {
        let mut damaged = good.clone();
        damaged[at..at + bytes.len()].copy_from_slice(&bytes);
        let temp = home(&damaged);
        assert!(matches!(open(&temp), Err(StoreError::Damaged { .. })), "byte {at}");
        assert!(fs::read(temp.path().join("kv_home/data.mdb")).unwrap() == damaged);
        assert!(!temp.path().join("kv_home/lock.mdb").exists());
    }
    let temp = home(&good[..good.len() / 2]);
    assert!(open(&temp).is_err());
}

/// Damage of pages and records is what a repair is for; only damage of the container forbids it.
#[test]
fn the_damaged_corpora() {
    let mut opened = 0;
    for entry in fs::read_dir(common::real("disagg-damaged")).unwrap() {
        let dir = entry.unwrap().path();
        let Ok(bytes) = fs::read(dir.join("data.mdb")) else { continue };
        let temp = home(&bytes);
        let ledger = PalmLedger::open(&temp.path().join("kv_home"));
        if dir.ends_with("d50-lmdb-truncated") {
            assert!(matches!(ledger, Err(StoreError::Damaged { .. })), "{dir:?}");
        } else {
            drop(ledger.unwrap_or_else(|e| panic!("{dir:?}: {e}")));
            opened += 1;
        }
    }
    assert_eq!(opened, 15);
}

/// The library stops the program when it meets what it cannot believe, so damage must be found before
/// it is let in. What is not found must at least not hurt: this test ends, and in a sound file.
#[test]
fn damage_does_not_reach_the_library() {
    let good = fixture();
    let u64_at = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap());
    let is_tree =
        |p: &usize| matches!(good[p * 4096 + 10..p * 4096 + 12], [1 | 2 | 8, 0]) && u64_at(p * 4096) == *p as u64;
    let trees: Vec<usize> = (0..good.len() / 4096).filter(is_tree).collect();
    let branches: Vec<usize> = trees.iter().copied().filter(|p| good[p * 4096 + 10] != 2).collect();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let edits: Vec<Edit> = (0..50)
        .map(|i| Edit::Put(row([9, 41, 57, 193][i as usize % 4], 100 + i * 7, 2000 + i, &vec![3; i as usize * 97])))
        .collect();
    let (mut refused, mut done) = (0, 0);
    for round in 0..60 {
        let mut bytes = good.clone();
        let set = if round % 2 == 0 { &trees } else { &branches };
        let at = set[random(set.len())] * 4096 + random(if round % 4 < 3 { 40 } else { 4096 });
        bytes[at] = [bytes[at] ^ 1 << random(8), 0xff, random(256) as u8][random(3)];
        let temp = home(&bytes);
        let Ok(mut ledger) = PalmLedger::open(&temp.path().join("kv_home")) else {
            refused += 1;
            continue;
        };
        let changes = ledger.translate(&edits).unwrap();
        for side in [Side::After, Side::Before, Side::After] {
            ledger.carry_out(&changes, side).unwrap();
        }
        assert!(content(&temp.path().join("kv_home"))["pages"].len() == 1249 + 50);
        done += 1;
    }
    assert!(refused > 10 && done > 10, "{refused} refused, {done} done");
}

/// The store, opened for reading, and every row's key.
struct Real {
    store: Box<dyn PageLog>,
    index: Index,
    keys: BTreeMap<(TableId, PageId, Lsn), PageKey>,
}

fn real(home: &Path) -> Real {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let (index, problems) = store.index(None, &|_| ()).unwrap();
    assert_eq!(problems, []);
    let keys = page_keys(&content(&home.join("kv_home")));
    Real { store, index, keys: keys.into_iter().map(|k| ((k.table, k.page, k.lsn), k)).collect() }
}

/// The real stores at hand: the fixture, and that of the whole node.
fn real_homes() -> (tempfile::TempDir, Vec<PathBuf>) {
    let temp = home(&fixture());
    let corpus = [common::real("disagg-small/db/leader")];
    let homes = std::iter::once(temp.path().to_path_buf()).chain(corpus).collect();
    (temp, homes)
}

#[test]
fn images_of_the_engine_are_built_byte_for_byte() {
    let (_temp, homes) = real_homes();
    for home in homes {
        let real = real(&home);
        let mut reader = real.store.reader().unwrap();
        let (mut plain_images, mut plain_deltas, mut compressed, mut bytes) = (0, 0, 0, Vec::new());
        for row in real.index.rows().iter().filter(|r| r.table != 1) {
            reader.read(&row, &mut bytes).unwrap();
            let image = Image::parse(&bytes, Some(Era::June2025)).unwrap();
            assert_eq!((image.era, image.is_delta()), (Era::June2025, row.is_delta()));
            let compressor = image.is_compressed().then_some(match row.table {
                TableId(145) => Compressor::Snappy,
                _ => Compressor::Zstd,
            });
            let plain = image.plain(compressor).unwrap();
            let new = NewImage {
                delta: image.is_delta(),
                previous_checksum: image.block.previous_checksum,
                compressor,
                era: Era::June2025,
                reconciliation_id: image.block.reconciliation_id.unwrap(),
                // June 2025 covers everything, also what it compresses.
                checksum_all: Some(true),
                ..NewImage::new(image.page)
            };
            let (built, sum) = image::build(&new, &plain[image.data_offset()..]);
            if compressor.is_none() {
                assert!(built == bytes, "{row:?}");
                assert_eq!(sum, image.block.checksum);
                *if row.is_delta() { &mut plain_deltas } else { &mut plain_images } += 1;
            } else {
                // The stream may differ with the compressor's version; everything else may not.
                let again = Image::parse(&built, Some(Era::June2025)).unwrap();
                assert_eq!((again.page, again.compute_checksum()), (image.page, sum));
                assert_eq!((again.block.flags, again.block.header_size), (image.block.flags, image.block.header_size));
                assert!(again.plain(compressor).unwrap()[again.data_offset()..] == plain[image.data_offset()..]);
                compressed += 1;
            }
        }
        assert_eq!((plain_images, plain_deltas, compressed), (966, 205, 66));
    }
}

/// What a new checkpoint has to look like to be one of the engine's own, in numbers.
#[test]
fn conventions_of_june_2025() {
    let (_temp, homes) = real_homes();
    for home in homes {
        let real = real(&home);
        let mut reader = real.store.reader().unwrap();
        let mut bytes = Vec::new();

        // Rows.
        let mut previous: Option<PageKey> = None;
        let mut base: Option<PageKey> = None;
        let (mut first, mut rewritten, mut deltas, mut turtles) = (0, 0, 0, 0);
        for row in real.index.rows() {
            let key = real.keys[&(row.table, row.page, row.lsn)];
            let before = previous.filter(|p| (p.table, p.page) == (key.table, key.page));
            let (links, ids) = ((key.backlink_lsn, key.base_lsn), (key.backlink_checkpoint_id, key.base_checkpoint_id));
            reader.read(&row, &mut bytes).unwrap();
            if row.table == 1 {
                assert_eq!((row.page, key.flags, links, ids), (PageId(1), 0, (Lsn(0), Lsn(0)), (0, 0)));
                turtles += 1;
            } else {
                let image = Image::parse(&bytes, Some(Era::June2025)).unwrap();
                assert_eq!(image.block.reconciliation_id, Some(0));
                let compressed = u32::from(image.is_compressed());
                assert_eq!(key.flags, compressed | if key.is_delta { FLAG_DELTA } else { 0 });
                assert_eq!(image.block.flags, if image.is_compressed() { 5 } else { 1 });
                let previous_sum = if let Some(p) = before {
                    let at = real.index.find(p.table, p.page, p.lsn).unwrap();
                    let mut its = Vec::new();
                    reader.read(&real.index.get(at).unwrap(), &mut its).unwrap();
                    let its = Image::parse(&its, Some(Era::June2025)).unwrap();
                    assert!(image.page.write_gen > its.page.write_gen && key.checkpoint_id > p.checkpoint_id);
                    its.block.checksum
                } else {
                    0
                };
                assert_eq!(image.block.previous_checksum, previous_sum);
                match (key.is_delta, before, base) {
                    (true, Some(p), Some(b)) => {
                        assert_eq!((links, ids), ((p.lsn, b.lsn), (p.checkpoint_id, b.checkpoint_id)));
                        deltas += 1;
                    }
                    (false, Some(p), _) => {
                        assert_eq!((links, ids), ((p.lsn, Lsn(0)), (p.checkpoint_id, 0)));
                        // A full image never follows a delta in this store.
                        assert!(!p.is_delta);
                        rewritten += 1;
                    }
                    (false, None, _) => {
                        assert_eq!((links, ids), ((Lsn(0), Lsn(0)), (0, 0)));
                        first += 1;
                    }
                    (true, ..) => panic!("{key:?}"),
                }
            }
            if !key.is_delta {
                base = Some(key);
            }
            previous = Some(key);
        }
        assert_eq!((first, rewritten, deltas, turtles), (969, 23, 245, 12));

        // Checkpoints and their roots.
        let (completions, _) = real.store.completions().unwrap();
        let (mut roots, mut write_gen) = (BTreeSet::new(), 0);
        for row in &completions {
            let id = row.checkpoint_id.unwrap();
            let checkpoint = catalog::open(&real.index, &mut *reader, row).unwrap();
            assert_eq!(row.text, format!("id={id},metadata_lsn={}", checkpoint.completion.metadata_lsn).into_bytes());
            assert_eq!(row.lsn, checkpoint.completion.metadata_lsn.get() + 1);
            assert_eq!(row.timestamp, checkpoint.turtle.timestamp);
            assert_eq!(real.keys[&(TableId(1), PageId(1), checkpoint.completion.metadata_lsn)].checkpoint_id, id);
            let mut last_gen = write_gen;
            for tree in catalog::read(&real.index, &mut *reader, &checkpoint).trees {
                let (Some(entry), Some(root)) = (&tree.entry, tree.root) else { continue };
                let key = real.keys[&(tree.table, root.page_id, root.lsn)];
                assert_eq!((root.checkpoint_id, root.reconciliation_id), (Some(key.checkpoint_id), Some(0)));
                last_gen = last_gen.max(entry.write_gen);
                if !roots.insert((tree.table, root.page_id)) {
                    assert!(key.checkpoint_id < id, "carried over");
                    continue;
                }
                // A root that was written has an id of its own, the table's greatest, and is no delta.
                assert_eq!((key.checkpoint_id, key.is_delta, key.backlink_lsn), (id, false, Lsn(0)));
                assert_eq!(real.index.page(tree.table, root.page_id).len(), 1);
                let of_table = real.keys.values().filter(|k| k.table == tree.table && k.checkpoint_id <= id);
                assert_eq!(of_table.clone().map(|k| k.page).max(), Some(root.page_id));
                assert_eq!(of_table.map(|k| k.lsn).max(), Some(root.lsn));
                let at = real.index.find(tree.table, root.page_id, root.lsn).unwrap();
                reader.read(&real.index.get(at).unwrap(), &mut bytes).unwrap();
                let image = Image::parse(&bytes, Some(Era::June2025)).unwrap();
                assert_eq!(entry.write_gen, image.page.write_gen);
                assert_eq!((entry.size, entry.next_page_id), (root.page_id.get(), Some(root.page_id.get() + 1)));
                assert_eq!((root.size as usize, root.checksum), (bytes.len(), image.block.checksum));
            }
            write_gen = last_gen;
        }
        assert_eq!((completions.len(), roots.len()), (12, 72));
    }
}
