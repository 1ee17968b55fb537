use Class::*;
use std::collections::{HashMap, HashSet};
use wtcheck::audit::pagelog::classify::*;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::store::{FLAG_DELTA, FLAG_DISCARDED, Index, Row};

const D: u32 = FLAG_DELTA;
const X: u32 = FLAG_DELTA | FLAG_DISCARDED;

/// Rows of one page: (lsn, backlink, base, flags), and which of them are live. Frontier 100.
fn judge(rows: &[(u64, u64, u64, u32)], live: &[u64], lost: bool) -> Vec<Class> {
    let index = Index::new(
        rows.iter()
            .map(|(lsn, backlink_lsn, base_lsn, flags)| Row {
                table: TableId(25),
                page: PageId(100),
                lsn: Lsn(*lsn),
                backlink_lsn: Lsn(*backlink_lsn),
                base_lsn: Lsn(*base_lsn),
                locator: 0,
                len: 10,
                flags: *flags,
                seal: Default::default(),
            })
            .collect(),
    );
    let mut class: Vec<Class> =
        index.rows().iter().map(|r| if live.contains(&r.lsn.get()) { Class::Live } else { Class::Unjudged }).collect();
    let basis = Basis {
        completion_lsn: Lsn(120),
        newest_completion: Lsn(120),
        tables: [(TableId(25), TableFacts { frontier: Lsn(100), lost })].into(),
        unknown: TableFacts { frontier: Lsn(110), lost: false },
        turtle_table: TableId(2),
        key_table: TableId(26),
        embedded_key: Lsn(0),
        discards: true,
        missing: HashMap::new(),
        newest_only: false,
        holed: HashSet::new(),
        unknown_before: Lsn::NONE,
    };
    classify(&index, &mut class, &basis);
    class
}

#[test]
fn ordinary_lives_of_a_page() {
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, D), (20, 5, 0, 0)], &[20], false), [Superseded, Superseded, Live]);
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, X)], &[], false), [Discarded, DiscardRecord]);
    assert_eq!(judge(&[(5, 0, 0, 0), (101, 5, 5, D), (130, 101, 5, X)], &[5], false), [Live, After, After]);
}

#[test]
fn leaked_images() {
    assert_eq!(judge(&[(5, 0, 0, 0)], &[], false), [Orphan]);
    // Above the live version, unreferenced.
    assert_eq!(judge(&[(5, 0, 0, 0), (30, 5, 0, 0)], &[5], false), [Live, Orphan]);
    // Re-written later by a tree that did not know the leaked image.
    assert_eq!(judge(&[(5, 0, 0, 0), (30, 5, 0, 0), (60, 5, 0, 0)], &[60], false), [Superseded, Orphan, Live]);
    // Re-written later by a tree that did.
    assert_eq!(judge(&[(5, 0, 0, 0), (30, 5, 0, 0), (60, 30, 0, 0)], &[60], false), [Superseded, Superseded, Live]);
    // Freed later: the discard names the block the tree knew.
    assert_eq!(judge(&[(5, 0, 0, 0), (30, 5, 0, 0), (60, 5, 5, X)], &[], false), [Discarded, Orphan, DiscardRecord]);
    // Written again, then freed: the discard names the later image.
    assert_eq!(
        judge(&[(5, 0, 0, 0), (30, 5, 0, 0), (60, 5, 0, 0), (70, 60, 60, X)], &[], false),
        [Discarded, Orphan, Discarded, DiscardRecord]
    );
    // A delta on a leaked image leaks with it.
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, D)], &[], false), [Orphan, Orphan]);
}

#[test]
fn failed_deltas_are_legal() {
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, D)], &[5], false), [Live, DuplicateDelta]);
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, D), (10, 5, 0, 0)], &[10], false), [Superseded, Superseded, Live]);
}

#[test]
fn nothing_is_called_an_orphan_below_damage() {
    assert_eq!(judge(&[(5, 0, 0, 0), (9, 5, 5, D)], &[], true), [Undetermined, Undetermined]);
}
