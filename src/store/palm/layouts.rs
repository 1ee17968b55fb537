//! Layouts of PALM's keys beside the one that is read, told by the lengths of the keys.
//!
//! A page key of September and October 2025 has table, page and LSN (big-endian), is_delta, backlink, base and
//! flags, then an encryption record and a timestamp, and no checkpoint ids; a checkpoint key has 16 bytes, LSN
//! and timestamp. How long the encryption record is, and what a discard looks like, no store shows: such a
//! store is told apart and not read.

use super::lmdb::Env;
use super::{CHECKPOINT_KEY_LEN, CHECKPOINTS, PAGE_KEY_LEN, PAGES};
use crate::coverage::Unchecked;

/// Length of a checkpoint key of September and October 2025.
const AUTUMN_CHECKPOINT_KEY_LEN: usize = 16;
/// What a page key of that time has in any case: everything before the encryption record, and the timestamp.
const AUTUMN_PAGE_KEY_LEAST: usize = 60;
/// So many records of a database are looked at; a damaged record among them settles nothing.
const LOOKED_AT: usize = 32;

/// The layout, if the store has another than the one that is read.
pub(super) fn other(env: &Env<'_>) -> Option<Unchecked> {
    let (pages, checkpoints) = (lengths(env, PAGES), lengths(env, CHECKPOINTS));
    let same = |lengths: &[usize]| lengths.first().copied().filter(|n| lengths.iter().all(|other| other == n));
    let autumn = |lengths: &[usize]| same(lengths) == Some(AUTUMN_CHECKPOINT_KEY_LEN);
    let page_key = same(&pages).filter(|n| *n != PAGE_KEY_LEN && *n >= AUTUMN_PAGE_KEY_LEAST);
    let known = pages.contains(&PAGE_KEY_LEN) || checkpoints.contains(&CHECKPOINT_KEY_LEN);
    let is_other = match (pages.is_empty(), checkpoints.is_empty()) {
        (true, true) => false,
        (true, false) => autumn(&checkpoints),
        (false, true) => page_key.is_some(),
        (false, false) => page_key.is_some() && autumn(&checkpoints),
    };
    (is_other && !known).then_some(Unchecked::OtherPalm)
}

/// Lengths of the first keys of a database.
fn lengths(env: &Env<'_>, name: &[u8]) -> Vec<usize> {
    let Some(db) = env.database(name).0 else { return Vec::new() };
    env.records(&db).take(LOOKED_AT).filter_map(Result::ok).map(|record| record.key.len()).collect()
}
