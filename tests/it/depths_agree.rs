//! A thousand forged and injured stores, each audited at every depth: where two depths both call a tree
//! complete they agree on its sums, and where they call all trees complete, on the class of every row.

use crate::common::forge;
use crate::common::forge::{Dup, Fault, Rng, Spec, Then};
use clap::ValueEnum;
use std::path::Path;
use wtcheck::audit::result::{Audit, TreeInfo};
use wtcheck::audit::{self, AuditError, Options, Silent};
use wtcheck::devtools::damage::damage;
use wtcheck::model::fault::Fault as Injury;
use wtcheck::page::Depth;
use wtcheck::store::{self, OpenOptions, StoreError};

const DEPTHS: [Depth; 3] = [Depth::Quick, Depth::Normal, Depth::Deep];

fn audited(home: &Path, depth: Depth, jobs: usize) -> Option<Audit> {
    let store = match store::open(home, &OpenOptions::default()) {
        Ok(store) => store,
        Err(StoreError::NoPageLog { .. }) => return None,
        Err(e) => panic!("{e}"),
    };
    let options = Options { depth, jobs, ..Options::default() };
    match audit::pagelog::run(&*store, "HOME", &options, &Silent) {
        Ok(audit) => Some(audit),
        Err(AuditError::Store(_)) => None,
        Err(e) => panic!("{e}"),
    }
}

/// What two depths must agree on, of a tree.
fn sums(tree: &TreeInfo) -> serde_json::Value {
    serde_json::json!([tree.published_size, tree.recomputed_size, tree.physical_size, tree.difference, tree.pages])
}

/// Audit at every depth and compare. Returns how many trees all depths call complete.
fn agree(what: &str, home: &Path) -> usize {
    let all: Vec<Option<Audit>> =
        DEPTHS.iter().enumerate().map(|(n, depth)| audited(home, *depth, [1, 4, 2][n])).collect();
    let Some(all) = all.iter().cloned().collect::<Option<Vec<Audit>>>() else {
        assert!(all.iter().all(Option::is_none), "{what}: not every depth can open it");
        return 0;
    };
    for (shallow, deep) in [(0, 1), (1, 2), (0, 2)] {
        let (shallow, deep) = (&all[shallow], &all[deep]);
        let what = format!("{what}: {:?} and {:?}", shallow.store.depth, deep.store.depth);
        assert_eq!(shallow.trees.len(), deep.trees.len(), "{what}");
        for (s, d) in shallow.trees.iter().zip(&deep.trees) {
            assert_eq!((&s.uri, s.table_id), (&d.uri, d.table_id), "{what}");
            assert!(s.complete || !d.complete, "{what}: {} is complete to a deeper look only", s.uri);
            if d.complete {
                assert_eq!(sums(s), sums(d), "{what}: {}", s.uri);
            }
        }
        if shallow.trees.iter().chain(&deep.trees).all(|t| t.complete) {
            assert_eq!(
                serde_json::to_value(&shallow.versions).unwrap(),
                serde_json::to_value(&deep.versions).unwrap(),
                "{what}"
            );
            assert_eq!(
                serde_json::to_value(&shallow.orphans).unwrap(),
                serde_json::to_value(&deep.orphans).unwrap(),
                "{what}"
            );
        }
    }
    all[2].trees.iter().filter(|t| t.complete).count()
}

/// A fault of any sort.
fn fault(r: &mut Rng) -> Fault {
    let then = [Then::Nothing, Then::Rewrite, Then::Free, Then::RewriteFree][r.below(4) as usize];
    let dup = [Dup::Replaced, Dup::Left, Dup::UnderFull, Dup::Discarded, Dup::LeftFreed][r.below(5) as usize];
    match r.below(20) {
        0 => Fault::LeakNew(2),
        1 => Fault::LeakLive(then),
        2 => Fault::LeakChain,
        3 => Fault::Duplicate(dup),
        4 => Fault::Drop(r.chance(50)),
        5 => Fault::InFlight,
        6 => Fault::FlipLeaf,
        7 => Fault::FlipInternal,
        8 => Fault::FlipMetadata,
        9 => Fault::MissingBase,
        10 => Fault::MissingMiddleDelta,
        11 => Fault::MissingNewestDelta,
        12 => Fault::MissingLeaf,
        13 => Fault::Cycle,
        14 | 15 => Fault::DoubleReference,
        16 => Fault::DiscardLive,
        17 => Fault::NextPageId,
        18 => Fault::CookieSize(13),
        _ => Fault::LongChain,
    }
}

#[test]
fn forged_stores() {
    let mut complete = 0;
    for seed in 0..500 {
        let r = &mut Rng::new(seed + 1);
        let mut spec = if seed % 2 == 0 { Spec::plain(seed) } else { Spec::of_seed(seed) };
        (spec.rows, spec.checkpoints, spec.tables) = (60, 4, 2);
        for _ in 0..r.below(3) {
            spec = spec.with(3, r.below(2) as usize, fault(r));
        }
        let made = std::panic::catch_unwind(|| forge::forge(spec.clone()));
        // Some faults need a store of another shape.
        let Ok(forged) = made else { continue };
        complete += agree(&format!("{spec:?}"), forged.home());
    }
    println!("{complete} complete trees compared");
    assert!(complete > 1000, "{complete}");
}

#[test]
fn injured_stores() {
    let (mut stores, mut complete) = (0, 0);
    for seed in 0..46 {
        let mut spec = Spec::of_seed(1000 + seed);
        (spec.rows, spec.checkpoints, spec.tables) = (60, 3, 2);
        let forged = forge::forge(spec);
        for (n, injury) in Injury::value_variants().iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            let copy = dir.path().join("copy");
            let Ok(done) = damage(forged.home(), &copy, *injury, n + seed as usize) else { continue };
            stores += 1;
            complete += agree(&format!("seed {seed} {injury:?} at {}", done.place), &copy);
        }
    }
    println!("{stores} injured stores, {complete} complete trees compared");
    assert!(stores >= 500 && complete > 500, "{stores} {complete}");
}
