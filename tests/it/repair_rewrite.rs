//! Rewriting the shared metadata where rows grow: pages split, up to a new root, and every other row
//! stays byte for byte; in all forms the pages replaced are stored in.

use crate::common;
use crate::common::forge;
use crate::common::forge::Spec;
use std::collections::BTreeMap;
use std::path::Path;
use wtcheck::audit::{self, Silent};
use wtcheck::format::image::{Era, Image};
use wtcheck::id::{Lsn, PageId};
use wtcheck::pagelog::catalog::{self, SHARED_METADATA, Tree};
use wtcheck::pagelog::chain;
use wtcheck::pagelog::rewrite::{Counters, Limits, Rewriter};
use wtcheck::repair::pagelog::overlay::Overlay;
use wtcheck::store;
use wtcheck::store::edit::Edit;

/// Replace values in the shared metadata of a store, in memory; gives back how many pages are new.
fn rewrite(home: &Path, limits: Limits, grow: impl Fn(usize, &[u8]) -> Option<Vec<u8>>) -> u64 {
    rewrite_tree(home, SHARED_METADATA, limits, grow).unwrap()
}

/// The same in any tree; `None` if its rows are not all plain.
fn rewrite_tree(home: &Path, uri: &str, limits: Limits, grow: impl Fn(usize, &[u8]) -> Option<Vec<u8>>) -> Option<u64> {
    let store = store::open(home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, true, &Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let checkpoint = audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
    let catalog = catalog::read(&opened.index, &mut *reader, &checkpoint);
    let tree = catalog.trees.iter().find(|t| t.uri == uri)?;
    let rows = catalog::rows(&opened.index, &mut *reader, tree).filter(|r| !r.is_empty())?;
    let values: BTreeMap<Vec<u8>, Vec<u8>> =
        rows.iter().enumerate().filter_map(|(at, (k, v))| Some((k.clone(), grow(at, v)?))).collect();
    assert!(!values.is_empty());
    let counters = Counters { lsn: Lsn(1_000_000), page_id: PageId(5_000), write_gen: 9_000, checkpoint_id: 77 };
    let stays = |_: &store::Row| true;
    let new = Rewriter::new(&opened.index, &mut *reader, tree, (limits, counters), &stays).replace(&values).unwrap();

    // Children before parents, numbers in order, the root last and under a fresh page id.
    let lsns: Vec<Lsn> = new.rows.iter().map(|r| r.lsn).collect();
    assert_eq!(lsns, (1_000_000..1_000_000 + lsns.len() as u64).collect::<Vec<_>>());
    let last = new.rows.last().unwrap();
    assert_eq!((new.root.page_id, new.root.lsn), (last.page, last.lsn));
    assert!(new.root.page_id >= 5_000);
    assert_eq!(new.counters.lsn, 1_000_000 + lsns.len() as u64);
    assert_eq!((new.written.last(), new.replaced.last().copied()), (Some(&new.root), tree.root));
    let era = if store.kind() == store::StoreKind::Palm { Era::June2025 } else { Era::Current };
    for row in &new.rows {
        let image = Image::parse(&row.data, Some(era)).unwrap();
        assert_eq!(image.compute_checksum(), image.block.checksum);
        image.check_headers().unwrap();
        image.check_kind(false).unwrap();
        assert!(image.page.write_gen >= 9_000);
        let limit = if image.page.page_type().unwrap().is_internal() { limits.internal } else { limits.leaf };
        // One row, or two children, are the least a page holds.
        assert!(image.page.mem_size as usize <= limit || image.page.entries <= 4, "{:?}", image.page);
        // As the page it replaces: compression and what the checksum covers.
        if let Some(old) = new.replaced.iter().find(|c| c.page_id == row.page) {
            let chain = chain::resolve(&opened.index, tree.table, old, &mut Vec::new()).unwrap();
            let mut bytes = Vec::new();
            reader.read(&opened.index.get(chain.base).unwrap(), &mut bytes).unwrap();
            let base = Image::parse(&bytes, Some(era)).unwrap();
            // What does not get smaller by compression stays plain, and then all of it is under the checksum.
            let gave_up = base.is_compressed() && !image.is_compressed();
            assert!(gave_up || image.block.flags == base.block.flags, "{:?} {:?}", image.block, base.block);
            assert!(!gave_up || image.block.flags == 1, "{:?}", image.block);
            assert_eq!(image.block.previous_checksum, old.checksum);
            assert!(row.backlink_lsn > 0);
        } else {
            assert_eq!((row.backlink_lsn, image.block.previous_checksum), (Lsn(0), 0));
        }
    }

    // Read back over the store that was not touched.
    let edits: Vec<Edit> = new.rows.iter().cloned().map(Edit::Put).collect();
    let overlay = Overlay::new(&opened, &edits);
    let after = overlay.opened();
    let tree = Tree { root: Some(new.root), ..tree.clone() };
    let mut reader = after.store.reader().unwrap();
    let found = catalog::rows(&after.index, &mut *reader, &tree).expect("the new tree reads back");
    assert_eq!(found.len(), rows.len());
    for ((key, value), (then, old)) in found.iter().zip(&rows) {
        assert_eq!(key, then);
        assert!(value == values.get(key).unwrap_or(old), "{}", String::from_utf8_lossy(key));
    }
    Some(new.written.len() as u64)
}

fn longer(by: usize) -> impl Fn(&[u8]) -> Vec<u8> {
    move |v| [v.strip_suffix(b"\0").unwrap_or(v), format!(",x={}", "y".repeat(by)).as_bytes(), b"\0"].concat()
}

#[test]
fn a_row_that_grows_a_little_keeps_its_page() {
    let home = common::fixture("palite/2026-07-leak-full");
    let written = rewrite(&home, Limits::default(), |at, v| (at == 3).then(|| longer(3)(v)));
    assert_eq!(written, 2, "one leaf and the root");
}

#[test]
fn pages_split_when_rows_grow() {
    let mut shapes = vec![common::fixture("palite/2026-07-leak-full")];
    let forged: Vec<_> = (40..48).map(|seed| forge::forge(Spec::of_seed(seed))).collect();
    shapes.extend(forged.iter().map(|f| f.home().to_path_buf()));
    for home in &shapes {
        for (leaf, internal) in [(4096, 4096), (2048, 300), (1500, 120), (400, 60)] {
            let limits = Limits { leaf, internal };
            let plain = rewrite(home, limits, |at, v| (at == 0).then(|| v.to_vec()));
            let all = rewrite(home, limits, |_, v| Some(longer(500)(v)));
            assert!(all >= plain, "{all} {plain}");
            rewrite(home, limits, |at, v| (at % 2 == 1).then(|| longer(70)(v)));
            rewrite(home, limits, |at, _| (at == 1).then(Vec::new));
        }
    }
    // A leaf a row, two children a page: as many levels as that takes.
    let deep = rewrite(&shapes[0], Limits { leaf: 100, internal: 60 }, |_, v| Some(v.to_vec()));
    assert!(deep > 15, "{deep}");
}

#[test]
fn pages_of_all_forms() {
    // Compressors, prefixes, time windows, deltas, short checksums: user trees have them all.
    let mut done = 0;
    for seed in 60..90 {
        let mut spec = Spec::of_seed(seed);
        (spec.truncate, spec.overflow) = (false, false);
        let forged = forge::forge(spec);
        let trees = &forged.checkpoints[forged.newest()].trees;
        for tree in trees {
            let limits = Limits { leaf: 700, internal: 300 };
            let some = rewrite_tree(forged.home(), &tree.uri, limits, |at, v| (at % 5 == 0).then(|| longer(30)(v)));
            let one = rewrite_tree(forged.home(), &tree.uri, Limits::default(), |at, v| (at == 0).then(|| v.to_vec()));
            done += u64::from(some.is_some() && one.is_some());
        }
    }
    assert!(done > 80, "{done} trees");
}

#[test]
fn the_same_in_a_store_of_june_2025() {
    let bytes = common::palm_data();
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("kv_home")).unwrap();
    std::fs::write(temp.path().join("kv_home/data.mdb"), bytes).unwrap();
    // The leaf ends in deltas: it moves to a fresh page, as does the root.
    assert_eq!(rewrite(temp.path(), Limits::default(), |at, v| (at == 5).then(|| longer(9)(v))), 2);
    assert!(rewrite(temp.path(), Limits { leaf: 4096, internal: 100 }, |_, v| Some(longer(60)(v))) > 8);
}

#[test]
fn keys_that_are_not_there_are_refused() {
    let home = common::fixture("palite/2026-07-leak-full");
    let store = store::open(&home, &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, false, &Silent).unwrap();
    let mut reader = store.reader().unwrap();
    let checkpoint = audit::pagelog::choose(&opened, &mut *reader, None).unwrap().audited.unwrap();
    let counters = Counters { lsn: Lsn(1_000), page_id: PageId(500), write_gen: 90, checkpoint_id: 0 };
    for key in [&b"aaa"[..], b"zzz", b""] {
        let values = BTreeMap::from([(key.to_vec(), b"x".to_vec())]);
        let numbers = (Limits::default(), counters);
        let result =
            Rewriter::new(&opened.index, &mut *reader, &checkpoint.metadata, numbers, &|_| true).replace(&values);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(SHARED_METADATA) && error.contains("not where its key should be"), "{error}");
    }
}
