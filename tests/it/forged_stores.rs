//! Stores forged by a model engine against the audit: clean ones of all shapes, each fault alone,
//! and faults together. What the audit says must be what the model's bookkeeping says: the class of
//! every row, every size, every finding, at the newest checkpoint and at every older one.

use crate::common::forge;
use crate::common::forge::{Dup, Expected, Fault, Forged, Key, Kind, Spec, Then, Why};
use std::collections::BTreeMap;
use wtcheck::audit::finding::{Code, Severity};
use wtcheck::audit::result::{Audit, OrphanReason, SizeMeaning, Verdict};
use wtcheck::audit::{self, Options, Silent};
use wtcheck::format::cookie::Cookie;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::page::Depth;
use wtcheck::store;

/// Audit checkpoint `k` of a forged store.
fn audit(forged: &Forged, k: Option<usize>, depth: Depth, jobs: usize) -> (Audit, BTreeMap<Key, &'static str>) {
    let store = store::open(forged.home(), &store::OpenOptions::default()).unwrap();
    let opened = audit::pagelog::open(&*store, depth == Depth::Normal, &Silent).unwrap();
    let checkpoint = k.map(|k| forged.checkpoints[k].lsn.to_string());
    let options = Options { checkpoint, depth, jobs, ..Options::default() };
    let (audit, class) = audit::pagelog::run_on(&opened, "HOME", &options, &Silent).unwrap();
    let rows = opened.index.rows().iter().map(|r| (r.table.get(), r.page.get(), r.lsn.get()));
    (audit, rows.zip(class.iter().map(|c| c.name())).collect())
}

/// What of the model holds in spite of damage.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Holds {
    Everything,
    /// Blocks are gone. What is left of their pages belongs to chains that do not link any more;
    /// its classes, and sums of stored bytes, say little. It must not be taken for a leak.
    CookieSums,
}

/// Compare everything at checkpoint `k`.
fn compare(what: &str, forged: &Forged, k: usize, found: &(Audit, BTreeMap<Key, &'static str>), holds: Holds) {
    let (audit, rows) = found;
    let checkpoint = &forged.checkpoints[k];
    assert_eq!(audit.checkpoint.as_ref().map(|c| c.lsn), Some(Lsn(checkpoint.lsn)), "{what}: checkpoint");
    compare_findings(what, forged, k, audit);
    assert_eq!(audit.trees.len(), checkpoint.trees.len(), "{what}: trees");
    for tree in &audit.trees {
        let truth = checkpoint.trees.iter().find(|t| t.uri == tree.uri).unwrap();
        let what = format!("{what}: {}", tree.uri);
        assert_eq!((tree.table_id.get(), &tree.root_cookie), (truth.table, &truth.root_cookie), "{what}");
        assert_eq!(tree.published_size, Some(truth.published), "{what}: published");
        assert_eq!(tree.recomputed_size, truth.cookie_size, "{what}: recomputed");
        assert_eq!(tree.difference, Some(truth.drift()), "{what}: difference");
        let double = truth.drift() > 0 && truth.why.iter().all(|w| w.0 == Why::Root);
        let meaning = if double { SizeMeaning::DoubleRoot } else { SizeMeaning::BytesTotal };
        assert_eq!(tree.published_size_meaning, meaning, "{what}");
        let p = &tree.pages;
        let counts = [p.reachable, p.internal, p.leaf, p.overflow, p.deleted_children, p.depth];
        let reached = truth.internal + truth.leaf + truth.overflow;
        let expected = [reached, truth.internal, truth.leaf, truth.overflow, truth.deleted, truth.depth];
        assert_eq!(counts, expected, "{what}: pages reachable, internal, leaf, overflow, deleted, depth");
        if holds == Holds::Everything {
            assert_eq!(tree.physical_size, truth.true_size, "{what}: physical");
            assert_eq!(p.deltas, truth.deltas, "{what}: deltas");
        }
        if audit.store.depth == Depth::Deep && holds == Holds::Everything {
            assert_eq!(tree.rows.map_or(0, |r| r.keys), truth.keys, "{what}: keys");
        }
    }
    let database = &audit.database;
    assert_eq!(database.published_size.map(|s| s as i64), Some(checkpoint.database_size), "{what}: database");
    assert_eq!(database.difference, Some(checkpoint.database_drift), "{what}: database difference");
    let sum: u64 = checkpoint.trees.iter().map(|t| t.cookie_size).sum();
    assert_eq!(database.sum_of_recomputed, sum, "{what}: sum");

    let expected = forged.classes(k);
    for (key, class) in &expected {
        if !forged.holed.contains(&(key.0, key.1)) {
            assert_eq!(rows.get(key), Some(class), "{what}: class of {key:?}");
        }
    }
    assert_eq!(rows.len(), expected.len(), "{what}: rows");
    let lens: BTreeMap<Key, u64> = forged.rows.iter().map(|r| ((r.table, r.page, r.lsn), r.len)).collect();
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (key, class) in &expected {
        let total = totals.entry(class).or_default();
        total.0 += 1;
        total.1 += lens[key];
    }
    for (class, total) in audit.versions.iter().filter(|_| forged.holed.is_empty()) {
        assert_eq!((total.count, total.bytes), totals.get(class).copied().unwrap_or_default(), "{what}: {class}");
    }
    compare_orphans(what, &expected, &lens, audit);
}

/// All that is expected, and nothing else; the severity decides the verdict.
fn compare_findings(what: &str, forged: &Forged, k: usize, audit: &Audit) {
    let mut expected = forged.findings(k);
    for f in &audit.findings {
        let p = &f.place;
        if f.code == Code::DiscardedInUse && f.severity == Severity::Note {
            // What the next checkpoint did while this one was not complete.
            let checkpoint = &forged.checkpoints[k];
            let (table, page) = (p.table_id.unwrap(), p.page_id.unwrap());
            let tree = checkpoint.trees.iter().find(|t| table == t.table).unwrap();
            let root = Cookie::decode(&hex::decode(&tree.root_cookie).unwrap()).unwrap().lsn.get();
            let mut discards =
                forged.rows.iter().filter(|r| r.kind == Kind::Discard && table == r.table && page == r.page);
            assert!(discards.any(|r| (root + 1..=checkpoint.metadata_lsn).contains(&r.lsn)), "{what}: {f:#?}");
            continue;
        }
        let fits = |e: &Expected| {
            e.code == f.code.name()
                && (e.uri.is_none() || e.uri == p.uri)
                && (e.table.is_none() || e.table == p.table_id.map(TableId::get))
                && (e.page.is_none() || e.page == p.page_id.map(PageId::get))
                && (e.lsn.is_none() || e.lsn == p.lsn.map(Lsn::get))
        };
        match expected.iter().position(fits) {
            Some(at) => drop(expected.remove(at)),
            None => panic!("{what}: unexpected {f:#?}\nstill expected: {expected:#?}"),
        }
        if matches!(f.code, Code::SizeInflated | Code::SizeDoubleRoot) {
            assert!(wtcheck::words::of(f).cause.contains("to the byte"), "{what}: {f:#?}");
        }
    }
    assert_eq!(expected, [], "{what}: not found");
    let bad = audit.findings.iter().any(|f| f.severity != Severity::Note);
    let verdict = if bad { Verdict::Findings } else { Verdict::Clean };
    assert_eq!((audit.verdict, audit.exit_code), (verdict, u8::from(bad)), "{what}");
}

/// Orphans are all listed, and all of them explain the size they were counted in.
fn compare_orphans(what: &str, classes: &BTreeMap<Key, &str>, lens: &BTreeMap<Key, u64>, audit: &Audit) {
    let expected: Vec<(Key, u64)> =
        classes.iter().filter(|(_, c)| **c == "orphan").map(|(key, _)| (*key, lens[key])).collect();
    let found: Vec<(Key, u64)> =
        audit.orphans.iter().map(|o| ((o.table_id.get(), o.page_id.get(), o.lsn.get()), o.bytes)).collect();
    assert_eq!(found, expected, "{what}: orphans");
    for o in &audit.orphans {
        assert!(o.explains, "{what}: {o:?}");
        let used = classes.iter().any(|(key, c)| {
            (key.0, key.1) == (o.table_id.get(), o.page_id.get()) && ["live", "kept-for-older-checkpoint"].contains(c)
        });
        let reason = if used { OrphanReason::UnreferencedImage } else { OrphanReason::NeverReferenced };
        assert_eq!(serde_json::to_value(o.reason).unwrap(), serde_json::to_value(reason).unwrap(), "{what}: {o:?}");
    }
}

/// Forge, audit the newest checkpoint and every older one, compare.
fn check(spec: &Spec) {
    let forged = forge::forge(spec.clone());
    let what = format!("{spec:?}");
    compare(&what, &forged, forged.newest(), &audit(&forged, None, Depth::Normal, 2), Holds::Everything);
    for (k, checkpoint) in forged.checkpoints.iter().enumerate() {
        if !checkpoint.unusable {
            let at = format!("at checkpoint {k}, LSN {}: {what}", checkpoint.lsn);
            compare(&at, &forged, k, &audit(&forged, Some(k), Depth::Deep, 1), Holds::Everything);
        }
    }
}

/// Forge and audit the newest checkpoint only.
fn check_damage(spec: &Spec, holds: Holds) {
    let forged = forge::forge(spec.clone());
    for depth in [Depth::Normal, Depth::Deep] {
        let what = format!("{depth:?} {spec:?}");
        compare(&what, &forged, forged.newest(), &audit(&forged, None, depth, 2), holds);
    }
}

#[test]
fn clean_stores_of_all_shapes() {
    for seed in 0..60 {
        check(&Spec::of_seed(seed));
    }
}

#[test]
fn clean_stores_with_many_small_checkpoints() {
    for seed in 100..112 {
        let mut spec = Spec::of_seed(seed);
        (spec.checkpoints, spec.churn, spec.rows, spec.tables) = (9, 6, 40, 2);
        check(&spec);
    }
}

#[test]
fn the_depth_does_not_change_the_outcome() {
    for seed in 200..212 {
        let forged = forge::forge(Spec::of_seed(seed));
        let json = |depth, jobs| {
            let mut audit = audit(&forged, None, depth, jobs).0;
            audit.store.depth = Depth::Normal;
            audit.trees.iter_mut().for_each(|t| t.rows = None);
            serde_json::to_string(&wtcheck::schema::audit::AuditDocument::from(&audit)).unwrap()
        };
        let one = json(Depth::Normal, 1);
        for (depth, jobs) in [(Depth::Quick, 1), (Depth::Quick, 3), (Depth::Normal, 4), (Depth::Deep, 2)] {
            assert_eq!(one, json(depth, jobs), "seed {seed} {depth:?}");
        }
    }
}

/// Over some seeds, with the fault at `at`.
fn each(seeds: std::ops::Range<u64>, at: usize, fault: &Fault) {
    for seed in seeds {
        check(&Spec::plain(seed).with(at, (seed % 2) as usize, fault.clone()));
    }
}

#[test]
fn never_referenced_images() {
    for n in [1, 3] {
        each(0..4, 1, &Fault::LeakNew(n));
        each(0..4, 3, &Fault::LeakNew(n));
    }
}

#[test]
fn unreferenced_images_of_live_pages() {
    each(10..16, 3, &Fault::LeakLive(Then::Nothing));
    each(10..16, 1, &Fault::LeakLive(Then::Nothing));
}

#[test]
fn a_leaked_image_whose_page_is_written_again() {
    each(20..26, 1, &Fault::LeakLive(Then::Rewrite));
}

#[test]
fn a_leaked_image_whose_page_is_freed() {
    each(30..36, 1, &Fault::LeakLive(Then::Free));
}

#[test]
fn a_leaked_image_whose_page_is_written_again_and_freed() {
    each(40..46, 1, &Fault::LeakLive(Then::RewriteFree));
}

#[test]
fn chains_given_up() {
    each(50..56, 1, &Fault::LeakChain);
    each(50..54, 3, &Fault::LeakChain);
}

#[test]
fn sizes_that_are_wrong_without_a_trace_in_the_page_log() {
    each(60..64, 2, &Fault::DoubleRoot);
    each(60..64, 2, &Fault::Deflated(Some(77)));
    each(60..64, 3, &Fault::Deflated(None));
}

#[test]
fn dropped_tables() {
    for leak in [false, true] {
        each(70..74, 2, &Fault::Drop(leak));
        each(70..74, 3, &Fault::Drop(leak));
    }
}

#[test]
fn an_unfinished_checkpoint() {
    each(80..86, 3, &Fault::InFlight);
}

#[test]
fn duplicate_deltas() {
    for form in [Dup::Replaced, Dup::Left, Dup::UnderFull, Dup::Discarded, Dup::LeftFreed] {
        each(90..94, 2, &Fault::Duplicate(form));
        if form != Dup::LeftFreed {
            each(94..96, 3, &Fault::Duplicate(form));
        }
    }
}

#[test]
fn keys() {
    each(100..104, 2, &Fault::StaleKeystore);
    each(100..104, 3, &Fault::StaleKeystore);
    each(100..104, 2, &Fault::KeySkipped);
    for seed in 104..108 {
        for fault in [Fault::KeyGarbled, Fault::KeyMissing] {
            check_damage(&Spec::plain(seed).with(3, 0, fault), Holds::Everything);
        }
    }
}

#[test]
fn flipped_bits() {
    for seed in 110..116 {
        for fault in [Fault::FlipLeaf, Fault::FlipInternal, Fault::FlipMetadata, Fault::FlipTurtle] {
            check_damage(&Spec::plain(seed).with(3, 0, fault), Holds::Everything);
        }
    }
}

/// A store whose pages have long chains of deltas.
fn with_deltas(seed: u64) -> Spec {
    Spec { churn: 60, leaf_rows: 12, compressors: vec![None], ..Spec::plain(seed) }
}

#[test]
fn missing_blocks() {
    for seed in 120..126 {
        for fault in [Fault::MissingBase, Fault::MissingMiddleDelta, Fault::MissingNewestDelta, Fault::MissingLeaf] {
            check_damage(&with_deltas(seed).with(3, 0, fault), Holds::CookieSums);
        }
    }
}

#[test]
fn wrong_references() {
    for seed in 130..136 {
        for fault in [Fault::Cycle, Fault::DoubleReference, Fault::DiscardLive, Fault::NextPageId] {
            check_damage(&Spec::plain(seed).with(3, 1, fault), Holds::Everything);
        }
        for by in [13, -5] {
            check_damage(&Spec::plain(seed).with(3, 1, Fault::CookieSize(by)), Holds::Everything);
        }
        check_damage(&Spec::plain(seed).with(3, 1, Fault::LongChain), Holds::Everything);
    }
}

#[test]
fn records_and_metadata() {
    for seed in 140..146 {
        for fault in [Fault::CompletionGarbled, Fault::DuplicateId, Fault::MissingStable] {
            check_damage(&Spec::plain(seed).with(3, 1, fault), Holds::Everything);
        }
    }
}

/// The metadata row of a table cannot be parsed: the table is out of reach, and nothing of it may be
/// taken for a leak, nor for a missing file.
#[test]
fn garbled_metadata_rows() {
    for seed in 150..156 {
        for at in [0, 3] {
            let forged = forge::forge(Spec::plain(seed).with(at, 1, Fault::MetadataGarbled));
            let k = forged.newest();
            let (audit, rows) = audit(&forged, None, Depth::Normal, 1);
            compare_findings(&format!("seed {seed} from checkpoint {at}"), &forged, k, &audit);
            assert_eq!(audit.trees.len(), 3);
            assert!(rows.values().all(|c| *c != "orphan"));
        }
    }
}

/// The root cookie of a tree cannot be decoded: its pages are out of reach, not leaked.
#[test]
fn garbled_root_cookies() {
    for seed in 156..160 {
        for at in [0, 3] {
            let forged = forge::forge(Spec::plain(seed).with(at, 1, Fault::RootCookieGarbled));
            let (audit, rows) = audit(&forged, None, Depth::Normal, 1);
            compare_findings(&format!("seed {seed} from checkpoint {at}"), &forged, forged.newest(), &audit);
            assert!(!audit.trees.iter().find(|t| t.table_id == 41).unwrap().complete);
            assert!(rows.values().all(|c| *c != "orphan"));
        }
    }
}

/// Leaks of every kind in one tree, and other faults in the other, all told apart.
#[test]
fn faults_together() {
    for seed in 160..172 {
        let spec = Spec::plain(seed)
            .with(1, 0, Fault::LeakNew(2))
            .with(1, 0, Fault::LeakChain)
            .with(2, 0, Fault::LeakLive(Then::Nothing))
            .with(2, 0, Fault::Duplicate(Dup::Left))
            .with(2, 1, Fault::Duplicate(Dup::Discarded))
            .with(2, 1, Fault::DoubleRoot)
            .with(2, 0, Fault::StaleKeystore)
            .with(3, 0, Fault::InFlight);
        check(&spec);
    }
    for seed in 172..178 {
        let spec = Spec { tables: 3, ..Spec::plain(seed) }
            .with(1, 0, Fault::LeakLive(Then::Rewrite))
            .with(1, 1, Fault::LeakChain)
            .with(2, 1, Fault::LeakChain)
            .with(2, 2, Fault::Drop(true))
            .with(3, 1, Fault::LeakNew(1))
            .with(3, 0, Fault::Deflated(Some(2000)));
        let forged = forge::forge(spec);
        let (audit, _) = audit(&forged, None, Depth::Normal, 2);
        let tree = audit.trees.iter().find(|t| t.table_id == 25).unwrap();
        // A leak below a larger over-decrement: the sum is negative, the orphan is still an orphan.
        assert_eq!(tree.difference, Some(forged.checkpoints[3].trees.iter().find(|t| t.table == 25).unwrap().drift()));
        compare_findings(&format!("seed {seed}"), &forged, 3, &audit);
    }
    for seed in 178..184 {
        let spec = Spec::plain(seed)
            .with(1, 0, Fault::LeakNew(1))
            .with(3, 1, Fault::FlipInternal)
            .with(3, 0, Fault::FlipLeaf)
            .with(3, 0, Fault::FlipMetadata)
            .with(3, 0, Fault::KeyMissing);
        check_damage(&spec, Holds::Everything);
    }
}

/// Damage beside a leak: the missing page is told, and the leak is still explained to the byte.
#[test]
fn missing_blocks_beside_leaks() {
    for seed in 190..196 {
        for fault in [Fault::MissingBase, Fault::MissingNewestDelta, Fault::MissingLeaf] {
            let spec = with_deltas(seed).with(2, 0, Fault::LeakNew(1)).with(1, 0, Fault::LeakChain).with(3, 0, fault);
            check_damage(&spec, Holds::CookieSums);
        }
    }
}
