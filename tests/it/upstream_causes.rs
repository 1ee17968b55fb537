//! Causes that upstream has found by September 2026: each forged, found, named with its ticket, and explained
//! to the byte where a size is concerned. And what stores of that time have that older ones had not.

// The C library maps files, so its bindings call opening one unsafe. The files here are the test's own.
#![allow(unsafe_code)]

use crate::common;
use heed::types::Bytes;
use heed::{CommitOrAbort, EnvOpenOptions};
use std::path::{Path, PathBuf};
use wtcheck::audit::finding::{Code, Detail, Finding, Severity};
use wtcheck::audit::pagelog::classify::Class;
use wtcheck::audit::pagelog::fact::Fact;
use wtcheck::audit::result::Audit;
use wtcheck::audit::{self, Options, Silent};
use wtcheck::decode::{self, view::View};
use wtcheck::devtools::forge::{Fault, Planned, Spec, forge};
use wtcheck::format::block::FLAG_MODIFIED;
use wtcheck::format::crc;
use wtcheck::format::generation::Generation;
use wtcheck::page::Depth;
use wtcheck::store::{self, OpenOptions, Row};
use wtcheck::words;

const DEPTHS: [Depth; 3] = [Depth::Quick, Depth::Normal, Depth::Deep];

fn audited_with(home: &Path, options: &Options<'_>) -> (Audit, Vec<(Row, Class)>) {
    let store = store::open(home, &OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, options.depth == Depth::Normal, &Silent).unwrap();
    let (audit, class) = audit::pagelog::run_on(&opened, "HOME", options, &Silent).unwrap();
    (audit, opened.index.rows().iter().zip(class).collect())
}

fn audited(home: &Path, depth: Depth) -> Audit {
    audited_with(home, &Options { depth, jobs: 2, ..Options::default() }).0
}

fn spec() -> Spec {
    Spec { versions: 700, fanout: 8, churn: 25, tables: 7, ..Spec::default() }
}

fn forged(spec: &Spec) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    forge(&home, spec, &|_| ()).unwrap();
    (dir, home)
}

fn with(fault: Fault, times: u64) -> Spec {
    Spec { faults: vec![Planned { fault, times }], ..spec() }
}

fn residual(finding: &Finding) -> Option<u64> {
    match &finding.detail {
        Detail::PageLog(fact) => match &**fact {
            Fact::TreeSize(size) => Some(size.residual),
            Fact::DatabaseSize(size) => Some(size.residual),
            _ => None,
        },
        Detail::Home(_) => None,
    }
}

/// The fault, what is found of it, the ticket, words of the cause, and whether a size is concerned.
const CAUSES: [(Fault, Code, &str, &str, bool); 10] = [
    (Fault::WrongTableId, Code::PageMissing, "WT-18509", "under the id of the dropped one", false),
    (Fault::TruncatedChild, Code::DiscardedInUse, "WT-17430", "a truncated page was discarded", false),
    (Fault::DropTwice, Code::DatabaseSizeDeflated, "WT-18148", "a drop that failed subtracted twice", true),
    (Fault::UnpublishedTable, Code::MissingStableFile, "WT-18093", "was not published", false),
    (Fault::ResurrectedTable, Code::MissingStableFile, "WT-18093", "back in the metadata", false),
    (Fault::SeededRoot, Code::SizeDeflated, "", "root seeding", true),
    (Fault::SeededRoots, Code::SizeInflated, "", "each of 5 restarts", true),
    (Fault::UnrotatedKey, Code::KeyNotRotated, "WT-17692", "keys are not rotated", false),
    (Fault::RepeatedOrder, Code::CheckpointOrder, "WT-16494", "two nodes were leader", false),
    (Fault::ReusedPageId, Code::PageIdReused, "WT-17130", "reused page ids", false),
];

#[test]
fn each_cause_is_named_with_its_ticket_and_explained_to_the_byte() {
    for (fault, code, ticket, cause, sized) in CAUSES {
        for (times, depth) in [(1, DEPTHS[0]), (2, DEPTHS[1]), (3, DEPTHS[2])] {
            let (_dir, home) = forged(&with(fault, times));
            let audit = audited(&home, depth);
            let found: Vec<&Finding> = audit.findings.iter().filter(|f| f.code == code).collect();
            let once = [Fault::DropTwice, Fault::UnrotatedKey, Fault::RepeatedOrder].contains(&fault);
            assert_eq!(found.len() as u64, if once { 1 } else { times }, "{fault:?}: {:#?}", audit.findings);
            for f in &found {
                assert_eq!(f.tickets.contains(&ticket), !ticket.is_empty(), "{fault:?}: {f:?}");
                assert!(words::of(f).cause.contains(cause), "{fault:?}: {:?}", words::of(f));
                assert_eq!(residual(f), sized.then_some(0), "{fault:?}: {f:?}");
            }
            // Nothing else is found, and what is only told does not make a store unclean.
            let others: Vec<&Finding> =
                audit.findings.iter().filter(|f| f.code != code && f.code != Code::UnlistedTable).collect();
            assert!(others.is_empty(), "{fault:?}: {others:#?}");
            let note = found.iter().all(|f| f.severity == Severity::Note);
            assert_eq!(audit.exit_code, u8::from(!note), "{fault:?}");
            assert!(audit.orphans.is_empty(), "{fault:?}: {:?}", audit.orphans);
        }
    }
}

#[test]
fn a_tree_under_another_id_is_walked_where_it_is() {
    let (_dir, home) = forged(&with(Fault::WrongTableId, 1));
    for newest_only in [false, true] {
        let options = Options { jobs: 2, newest_only, ..Options::default() };
        let (audit, rows) = audited_with(&home, &options);
        let found = audit.findings.iter().find(|f| f.code == Code::PageMissing).unwrap();
        let tree = audit.trees.iter().find(|t| Some(&t.uri) == found.place.uri.as_ref()).unwrap();
        assert_eq!((tree.difference, tree.complete), (Some(0), true));
        assert_eq!(found.place.table_id.map(|t| t.get()), Some(tree.table_id.get() + 8000));
        // Rows of the table that was dropped lie beside it: nobody may take them for leaks.
        assert!(rows.iter().any(|(r, c)| r.table == tree.table_id && *c == Class::Live));
        assert!(rows.iter().all(|(r, c)| r.table != tree.table_id || *c != Class::Orphan));
        assert!(audit.orphans.iter().all(|o| o.table_id != tree.table_id));
    }
}

#[test]
fn a_table_that_was_not_published_is_no_leak() {
    let (_dir, home) = forged(&with(Fault::UnpublishedTable, 1));
    let audit = audited(&home, Depth::Normal);
    let table = audit.findings.iter().find(|f| f.code == Code::UnlistedTable).unwrap();
    assert!(table.tickets.contains(&"WT-18093"));
    let missing = audit.findings.iter().find(|f| f.code == Code::MissingStableFile).unwrap();
    let evidence = words::of(missing).evidence.join("; ");
    assert!(evidence.contains(&format!("names: {}", table.place.table_id.unwrap())), "{evidence}");
    assert!(audit.versions["undetermined"].count > 0 && audit.versions["orphan"].count == 0);
}

/// The drop failed, its table is still listed, and the page log has trimmed it.
#[test]
fn a_table_trimmed_by_a_drop_that_failed() {
    let (_dir, home) = forged(&spec());
    let tree = audited(&home, Depth::Quick).trees.into_iter().find(|t| t.uri.contains("forged03")).unwrap();
    let size = tree.published_size.unwrap();
    let table = tree.table_id.get();
    let kv = home.join("kv_home");
    let pages = rusqlite::Connection::open(kv.join(format!("pages_{:02}.db", table % 17))).unwrap();
    pages.execute("DELETE FROM pages WHERE table_id = ?1", [table.cast_signed()]).unwrap();
    drop(pages);
    let checkpoints = rusqlite::Connection::open(kv.join("checkpoints.db")).unwrap();
    let newest = "SELECT lsn, checkpoint_metadata FROM checkpoints ORDER BY lsn DESC LIMIT 1";
    let (lsn, text): (i64, Vec<u8>) = checkpoints.query_row(newest, [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, rest) = text.split_once("database_size=").unwrap();
    let (number, rest) = rest.split_once(',').unwrap();
    let less = number.parse::<u64>().unwrap() - size;
    let text = format!("{head}database_size={less},{rest}");
    let changed = "UPDATE checkpoints SET checkpoint_metadata = ?1 WHERE lsn = ?2";
    checkpoints.execute(changed, rusqlite::params![text.as_bytes(), lsn]).unwrap();
    drop(checkpoints);
    let audit = audited(&home, Depth::Normal);
    let found = audit.findings.iter().find(|f| f.code == Code::DatabaseSizeDeflated).unwrap();
    assert_eq!((residual(found), &found.tickets[..]), (Some(0), &["WT-18148"][..]));
    assert!(words::of(found).cause.contains(&tree.uri));
    let root = audit.findings.iter().find(|f| f.code == Code::PageMissing).unwrap();
    assert!(!root.tickets.contains(&"WT-18509"));
}

#[test]
fn leaks_without_a_trace_are_dated_by_the_writer() {
    for (generation, old) in [(Generation::February2026, true), (Generation::July2026, false)] {
        let (_dir, home) = forged(&Spec { generation, ..with(Fault::InflatedSize, 1) });
        let audit = audited(&home, Depth::Normal);
        let found = audit.findings.iter().find(|f| f.code == Code::SizeInflated).unwrap();
        assert_eq!(residual(found), Some(4097));
        assert_eq!(found.tickets.contains(&"WT-16402"), old, "{found:?}");
        assert_eq!(words::of(found).evidence.iter().any(|e| e.contains("before mid 2026")), old);
    }
}

#[test]
fn the_advice_on_a_shared_id_does_not_cost_the_data() {
    let advice = audit::advice::advice(Code::DuplicateTreeId);
    let steps = advice.next.join("\n");
    let drop = steps.find("Drop neither").unwrap();
    let fix = steps.find("fix=(id=").unwrap();
    assert!(drop < fix && steps.find("Copy its data").unwrap() < fix && steps.contains("metadata only"));
    assert!(Code::DuplicateTreeId.info().tickets.contains(&"WT-18201"));
    assert!(Code::DuplicateTreeId.info().remedy.contains("metadata only"));
}

/// The images of a store that are all there is of their pages, or stand below deltas.
fn change_image(home: &Path, alone: bool, change: impl Fn(&mut Vec<u8>)) -> Row {
    let (_, rows) = audited_with(home, &Options { jobs: 1, ..Options::default() });
    let live =
        |r: &Row| rows.iter().any(|(o, c)| (o.table, o.page, o.lsn) == (r.table, r.page, r.lsn) && *c == Class::Live);
    let deltas =
        |r: &Row| rows.iter().any(|(o, _)| o.is_delta() && (o.table, o.page, o.base_lsn) == (r.table, r.page, r.lsn));
    let fits = |r: &&Row| r.table.get() == 25 && r.is_full() && live(r) && deltas(r) != alone;
    let row = *rows.iter().map(|(r, _)| r).find(fits).unwrap();
    let table = row.table.get();
    let db = rusqlite::Connection::open(home.join(format!("kv_home/pages_{:02}.db", table % 17))).unwrap();
    let place = [table, row.page.get(), row.lsn.get()].map(u64::cast_signed);
    let select = "SELECT page_data FROM pages WHERE table_id = ?1 AND page_id = ?2 AND lsn = ?3";
    let mut data: Vec<u8> = db.query_row(select, place, |r| r.get(0)).unwrap();
    change(&mut data);
    let covered = if data[40] & 1 == 0 { 64 } else { data.len() };
    crc::seal(&mut data, 32, covered);
    let update = "UPDATE pages SET page_data = ?1 WHERE table_id = ?2 AND page_id = ?3 AND lsn = ?4";
    db.execute(update, rusqlite::params![data, place[0], place[1], place[2]]).unwrap();
    row
}

/// Re-written outside a normal write: the cookie has the checksum of the image before.
fn modify(data: &mut [u8], previous: Option<u32>) {
    let own: [u8; 4] = data[32..36].try_into().unwrap();
    data[36..40].copy_from_slice(&previous.map_or(own, u32::to_le_bytes));
    data[40] |= FLAG_MODIFIED;
    // One byte of a value.
    *data.last_mut().unwrap() ^= 1;
}

#[test]
fn modified_images_are_known_by_the_checksum_they_replace() {
    for depth in DEPTHS {
        let (_dir, home) = forged(&spec());
        change_image(&home, true, |data| modify(data, None));
        let audit = audited(&home, depth);
        assert_eq!((audit.findings.len(), audit.exit_code), (0, 0), "{depth:?}: {:#?}", audit.findings);
    }
    for depth in [Depth::Normal, Depth::Deep] {
        let (_dir, home) = forged(&spec());
        let row = change_image(&home, true, |data| modify(data, Some(7)));
        let audit = audited(&home, depth);
        let found = audit.findings.iter().find(|f| f.code == Code::PageChecksum).unwrap();
        assert_eq!(found.place.page_id, Some(row.page));
        assert!(words::of(found).found.contains("one for the block with checksum 00000007"), "{:?}", words::of(found));
    }
    // Of several blocks none may be modified.
    let (_dir, home) = forged(&spec());
    let row = change_image(&home, false, |data| {
        // The delta above still names this checksum.
        data[40] |= FLAG_MODIFIED;
    });
    let audit = audited(&home, Depth::Deep);
    assert!(audit.findings.iter().any(|f| f.place.page_id == Some(row.page)), "{:#?}", audit.findings);
}

#[test]
fn cells_begin_behind_headers_of_any_size() {
    let leaf = "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c65\
                0f72656416027269636f748c089080866f72616e67651962616e616e610f79656c";
    let cells = |extra: usize| {
        let mut data = hex::decode(leaf.replace(' ', "")).unwrap();
        data.splice(44..44, vec![0xff; extra]);
        data[31] += u8::try_from(extra).unwrap();
        data[16] += u8::try_from(extra).unwrap();
        let len = data.len();
        crc::seal(&mut data, 32, len);
        let document = decode::page(&data, &View::default());
        assert!(document.worst().is_none(), "{extra}");
        let json = serde_json::to_value(&document).unwrap();
        (json["cells_total"].clone(), json["data_offset"].as_u64().unwrap())
    };
    let (total, at) = cells(0);
    assert_eq!(at, 44);
    for extra in [1, 8, 20] {
        assert_eq!(cells(extra), (total.clone(), 44 + extra as u64));
    }
}

/// Keys without checkpoint ids: told apart, not read, and never a wrong answer.
#[test]
fn palm_of_autumn_2025_is_told_apart_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let kv = dir.path().join("kv_home");
    std::fs::create_dir(&kv).unwrap();
    {
        let mut options = EnvOpenOptions::new();
        options.map_size(1 << 24).max_dbs(4);
        // SAFETY: a directory of this test, opened once, changed by nobody else.
        let env = unsafe { options.open(&kv) }.unwrap();
        let make = |name: &str| {
            let created = env.create_databases_and_commit(env.write_txn().unwrap(), |opener, txn| {
                let mut options = opener.database_options().types::<Bytes, Bytes>();
                options.name(name).create(txn).map(CommitOrAbort::<_, ()>::Commit)
            });
            created.unwrap().commit().unwrap()
        };
        let (pages, checkpoints) = (make("pages"), make("checkpoints"));
        let mut txn = env.write_txn().unwrap();
        for lsn in 1..9_u64 {
            let mut key = [1_u64, 1, lsn].map(u64::to_be_bytes).concat();
            // is_delta, its padding; backlink, base; flags and the encryption record; the timestamp.
            key.extend([0; 8 + 16 + 4 + 36]);
            key.extend(1_700_000_000_000_000_u64.to_le_bytes());
            pages.put(&mut txn, &key, b"a page").unwrap();
        }
        let key = [8_u64.to_be_bytes(), 7_u64.to_le_bytes()].concat();
        checkpoints.put(&mut txn, &key, b"metadata_lsn=7").unwrap();
        txn.commit().unwrap();
    }
    let home = common::path(dir.path());
    let (code, out, _) = common::wtcheck(&["audit", home, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["findings"], &json["verdict"]), (6, &serde_json::json!([]), &"incomplete".into()), "{out}");
    assert!(out.contains("palm-of-autumn-2025"), "{out}");
    let (code, out, _) = common::wtcheck(&["audit", home]);
    assert!(code == 6 && out.contains("September or October 2025"), "{out}");
    for verb in ["orphans", "map"] {
        assert!(![0, 1].contains(&common::wtcheck(&[verb, home]).0), "{verb}");
    }
    assert!(![0, 1, 4].contains(&common::wtcheck(&["repair", "plan", home]).0));
}
