//! A store's own counters against its records, and discards that the next checkpoint may have made.

// The C library maps files, so its bindings call opening one unsafe. The files here are the test's own.
#![allow(unsafe_code)]

use crate::common;
use heed::types::Bytes;
use heed::{Database, DatabaseFlags, EnvOpenOptions, RwTxn};
use std::path::{Path, PathBuf};
use wtcheck::audit::finding::Severity;
use wtcheck::audit::{self, Options, Silent, result::Audit};
use wtcheck::format::cookie::Cookie;
use wtcheck::page::Depth;
use wtcheck::schema::audit::AuditDocument;
use wtcheck::store;

const DEPTHS: [Depth; 3] = [Depth::Quick, Depth::Normal, Depth::Deep];

fn run(home: &Path, depth: Depth) -> Audit {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    audit::pagelog::run(&*store, "HOME", &Options { depth, jobs: 2, ..Options::default() }, &Silent).unwrap()
}

/// Findings as their code, severity and LSN.
fn found(audit: &Audit) -> Vec<(&'static str, Severity, Option<u64>)> {
    audit.findings.iter().map(|f| (f.code.name(), f.severity, f.place.lsn.map(|l| l.get()))).collect()
}

/// The PALM environment of the fixtures, and those damaged ones that can be opened for writing.
fn environments(temp: &Path) -> Vec<(String, PathBuf)> {
    let mut found = vec![("fixture".to_string(), common::palm_data())];
    for name in ["d01-base-leaf-byteflip", "d12-missing-base", "d21-orphan-table", "d32-meta-no-timestamp"] {
        let data = common::real("disagg-damaged").join(name).join("data.mdb");
        found.push((name.to_string(), std::fs::read(data).unwrap()));
    }
    let place = |(name, data): (String, Vec<u8>)| {
        let home = temp.join(&name);
        std::fs::create_dir_all(home.join("kv_home")).unwrap();
        std::fs::write(home.join("kv_home/data.mdb"), data).unwrap();
        (name, home)
    };
    found.into_iter().map(place).collect()
}

/// Change a copy of an environment through the C library.
fn changed(
    home: &Path,
    to: &str,
    change: impl Fn(&Database<Bytes, Bytes>, &Database<Bytes, Bytes>, &mut RwTxn),
) -> PathBuf {
    let copy = home.with_extension(to);
    common::copy_dir(home, &copy);
    let mut options = EnvOpenOptions::new();
    options.map_size(0x4000_0000).max_dbs(16);
    // SAFETY: a directory of this test, opened once at a time, changed by nobody else.
    let env = unsafe { options.open(copy.join("kv_home")) }.unwrap();
    let databases = env.open_databases_and_commit(env.read_txn().unwrap(), |opener, txn| {
        let open = |name: &str, flags| {
            opener.database_options().types::<Bytes, Bytes>().name(name).flags(flags).open(txn).map(Option::unwrap)
        };
        #[allow(deprecated)]
        let integers = DatabaseFlags::INTEGER_KEY;
        let both = (open("globals", integers)?, open("checkpoints", DatabaseFlags::empty())?);
        Ok::<_, heed::Error>(heed::CommitOrAbort::<_, ()>::Commit(both))
    });
    let (globals, checkpoints) = databases.unwrap().commit().unwrap();
    let mut txn = env.write_txn().unwrap();
    change(&globals, &checkpoints, &mut txn);
    txn.commit().unwrap();
    copy
}

fn set(globals: &Database<Bytes, Bytes>, txn: &mut RwTxn, counter: u32, value: u64) {
    globals.put(txn, &counter.to_ne_bytes(), &value.to_ne_bytes()).unwrap();
}

#[test]
fn counters_that_the_records_contradict() {
    let temp = tempfile::tempdir().unwrap();
    for (name, home) in environments(temp.path()) {
        let before = run(&home, Depth::Normal);
        assert!(
            !before.findings.iter().any(|f| f.code.name().contains("counter") || f.code.name() == "completion-missing")
        );
        let newest = store::open(&home, &store::OpenOptions::default()).unwrap().completions().unwrap().0;
        let [.., second, newest] = &newest[..] else { panic!("{name}") };
        let taken = changed(&home, "taken", |_, checkpoints, txn| {
            let last = checkpoints.last(txn).unwrap().unwrap().0.to_vec();
            assert!(checkpoints.delete(txn, &last).unwrap());
        });
        let named = changed(&home, "named", |globals, _, txn| set(globals, txn, 1, 20));
        let behind = changed(&home, "behind", |globals, _, txn| set(globals, txn, 1, 2));
        let next = changed(&home, "next", |globals, _, txn| set(globals, txn, 0, 20));
        let highest = before.store.lsn_counter.unwrap().get();
        for depth in DEPTHS {
            for (home, code, lsn) in [
                (&taken, "completion-missing", second.lsn.get()),
                (&named, "completion-missing", newest.lsn.get()),
                (&behind, "lsn-counter-behind", newest.lsn.get()),
                (&next, "lsn-counter-behind", highest),
            ] {
                let audit = run(home, depth);
                let wanted = (code, Severity::Warning, Some(lsn));
                assert!(found(&audit).contains(&wanted), "{name}, {depth:?}: {:?} {wanted:?}", found(&audit));
                assert_eq!(audit.exit_code, 1, "{name}, {depth:?}");
            }
        }
        let document = serde_json::to_value(AuditDocument::from(&run(&named, Depth::Quick))).unwrap();
        let finding =
            document["findings"].as_array().unwrap().iter().find(|f| f["code"] == "completion-missing").unwrap();
        assert_eq!(finding["detail"]["named_checkpoint_id"], 20);
        assert_eq!(finding["detail"]["newest_checkpoint_id"], newest.checkpoint_id.unwrap());
    }
}

#[test]
fn a_discard_between_root_and_turtle_is_noted_with_both_readings() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path().join("home");
    common::copy_dir(&common::fixture("palite/2026-07-leak-full"), &home);
    let store = store::open(&home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, true, &Silent).unwrap();
    let (before, class) = audit::pagelog::run_on(&opened, "HOME", &Options::default(), &Silent).unwrap();
    let metadata_lsn = before.checkpoint.as_ref().unwrap().metadata_lsn;
    let roots = before.trees.iter().filter_map(|t| Some((t, Cookie::decode(&hex::decode(&t.root_cookie).ok()?).ok()?)));
    let root_and_leaf = roots.filter(|(t, root)| t.pages.leaf > 1 && root.lsn < metadata_lsn).find_map(|(t, root)| {
        let range = opened.index.table(t.table_id);
        let mut rows = range.clone().filter_map(|at| Some((opened.index.get(at)?, class[at].name())));
        let leaf = rows.rfind(|(r, class)| *class == "live" && r.page != root.page_id)?.0;
        Some((root, leaf))
    });
    let (root, leaf) = root_and_leaf.unwrap();
    let insert = |lsn: u64| {
        let name = format!("kv_home/pages_{:02}.db", leaf.table.get() % 17);
        let conn = rusqlite::Connection::open(home.join(name)).unwrap();
        conn.execute("DELETE FROM pages WHERE page_data IS NULL AND backlink_lsn = ?1", [leaf.lsn.get() as i64])
            .unwrap();
        conn.execute(
            "INSERT INTO pages (table_id, page_id, lsn, backlink_lsn, base_lsn, flags, timestamp_materialized_us, page_data)
             VALUES (?1, ?2, ?3, ?4, ?4, 65538, 1, NULL)",
            [leaf.table.get(), leaf.page.get(), lsn, leaf.lsn.get()].map(|n| n as i64),
        )
        .unwrap();
    };
    let of = |audit: &Audit| -> Vec<_> {
        audit.findings.iter().filter(|f| f.code.name() == "discarded-in-use").cloned().collect()
    };
    assert_eq!(of(&before), []);
    for (lsn, severity) in [
        (root.lsn.get() + 1, Some(Severity::Note)),
        (metadata_lsn.get(), Some(Severity::Note)),
        (metadata_lsn.get() + 1, None),
        (root.lsn.get(), Some(Severity::Error)),
    ] {
        insert(lsn);
        for depth in DEPTHS {
            let audit = run(&home, depth);
            let found = of(&audit);
            assert_eq!(found.first().map(|f| f.severity), severity, "LSN {lsn}, {depth:?}");
            if severity == Some(Severity::Note) {
                let words = wtcheck::words::of(&found[0]);
                assert_eq!(words.found, format!("a discard record at LSN {lsn}"));
                assert!(words.evidence.iter().any(|e| e.starts_with("two possibilities: ")), "{words:?}");
                assert_eq!(audit.exit_code, before.exit_code);
            }
        }
    }
}
