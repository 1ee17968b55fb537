//! Which rows of the page log make up the page version a cookie names.
//! Works on the index alone: no page data is read here.

use super::fault::{Fact, Fault, FaultKind, Lsns};
use crate::format::cookie::{Cookie, Layout};
use crate::id::{TableId, Version};
use crate::store::{FLAG_DELTA, Index, Row, Rows};
use std::ops::{Range, RangeInclusive};

pub use crate::format::pagelog_ids::MAX_DELTAS;

/// The rows of a page version: positions in the index, base image first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// Position of the full image, or of the first block left if that is missing.
    pub base: usize,
    /// Position of the newest block; equal to `base` for a full image.
    pub newest: usize,
}

impl Chain {
    /// Positions of the blocks, base image first.
    pub fn positions(&self) -> RangeInclusive<usize> {
        self.base..=self.newest
    }

    /// The rows, base image first.
    pub fn rows<'i>(&self, index: &'i Index) -> Rows<'i> {
        index.slice(self.base..self.newest + 1)
    }

    /// Number of deltas.
    pub fn deltas(&self) -> usize {
        self.newest - self.base
    }

    /// Stored bytes of all blocks.
    pub fn stored_bytes(&self, index: &Index) -> u64 {
        self.positions().filter_map(|at| index.len_and_flags(at)).map(|(len, _)| u64::from(len)).sum()
    }
}

/// The rows a cookie names, and what is wrong with them.
///
/// Whatever is left of a broken chain is returned beside the fault, so that an audit sees as much as
/// possible and does not take the remains for orphans. `None`: nothing of the version is there.
pub fn resolve(index: &Index, table: TableId, cookie: &Cookie, faults: &mut Vec<Fault>) -> Option<Chain> {
    resolve_in(index, index.page(table, cookie.page_id), table, cookie, faults)
}

/// [`resolve`], where the positions of the page's rows are known already.
pub fn resolve_in(
    index: &Index,
    page: Range<usize>,
    table: TableId,
    cookie: &Cookie,
    faults: &mut Vec<Fault>,
) -> Option<Chain> {
    if let Some(at) = lone_image(index, page.clone(), cookie) {
        return Some(Chain { base: at, newest: at });
    }
    let place = Version::new(table, cookie.page_id, cookie.lsn);
    let rows = index.slice(page.clone()).to_vec();
    // L1 and L2 cookies have no LSN: they mean the newest version.
    let upto = match cookie.layout {
        Layout::L1 | Layout::L2 => rows.len(),
        Layout::L3 | Layout::V0 => rows.partition_point(|r| r.lsn <= cookie.lsn),
    };
    let rows_upto = &rows[..upto];
    let at_cookie = rows_upto.last().filter(|r| r.lsn == cookie.lsn || cookie.lsn == 0);
    let Some(last) = at_cookie else {
        // A delta chain whose newest block is gone may still have the rest.
        let base = rows_upto.iter().rposition(|r| r.is_full() && r.lsn == cookie.base_lsn && cookie.base_lsn != 0);
        let kind = if base.is_some() { FaultKind::ChainBroken } else { FaultKind::Missing };
        faults.push(Fault::new(kind, place, Fact::NoRow { rows: Lsns::of(rows.iter().map(|r| r.lsn)) }));
        return base.map(|b| Chain { base: page.start + b, newest: page.start + upto - 1 });
    };
    // A row whose discard flag is wrong is still the block the cookie means.
    let starts_chain = |at: usize, r: &Row| r.is_full() || (at + 1 == upto && r.flags & FLAG_DELTA == 0);
    let base = (0..upto).rev().find(|at| starts_chain(*at, &rows[*at]));
    // Where the image the cookie stands on is gone, an older one is no substitute.
    let base_is_gone = cookie.base_lsn != 0 && !rows_upto.iter().any(|r| r.lsn == cookie.base_lsn);
    let base = base.filter(|_| !base_is_gone);
    let first = base.unwrap_or_else(|| {
        // Without a full image: the deltas of the newest chain.
        let same = |r: &&Row| !r.is_discard() && r.base_lsn == last.base_lsn;
        upto - rows_upto.iter().rev().take_while(same).count().clamp(1, upto)
    });
    let chain = Chain { base: page.start + first, newest: page.start + upto - 1 };
    let blocks = &rows[first..upto];
    // The page log answers a read across a discard with an error.
    if let Some(discard) = blocks.iter().find(|r| r.is_discard()) {
        faults.push(Fault::new(FaultKind::DiscardedInUse, place, Fact::DiscardInChain { discard: discard.lsn }));
    } else if base.is_none() {
        let fact = Fact::NoBase { base: cookie.base_lsn, deltas: Lsns::of(blocks.iter().map(|r| r.lsn)) };
        faults.push(Fault::new(FaultKind::ChainBroken, place, fact));
    } else {
        check_links(cookie, blocks, place, faults);
    }
    Some(chain)
}

/// Where a cookie names a full image and nothing is wrong with it: most pages, at little cost.
fn lone_image(index: &Index, page: Range<usize>, cookie: &Cookie) -> Option<usize> {
    if cookie.layout != Layout::V0 || cookie.is_delta() != Some(false) || cookie.lsn == 0 || cookie.base_lsn != 0 {
        return None;
    }
    let at = page.start + index.slice(page.clone()).first_from(cookie.lsn);
    let row = page.contains(&at).then(|| index.get(at)).flatten()?;
    (row.lsn == cookie.lsn && is_sound_image(&row, cookie.size)).then_some(at)
}

/// A full image that keeps the link rules and has the size its cookie says.
pub(super) fn is_sound_image(row: &Row, size: u32) -> bool {
    row.is_full() && row.base_lsn == 0 && row.backlink_lsn < row.lsn && row.len == size
}

/// The link rules (`docs/ACCOUNTING.md`, Chains) and the cookie's own claims, for `blocks` = base and its deltas.
fn check_links(cookie: &Cookie, blocks: &[Row], place: Version, faults: &mut Vec<Fault>) {
    let mut broken = |fact| faults.push(Fault::new(FaultKind::ChainBroken, place, fact));
    let Some((base, deltas)) = blocks.split_first() else { return };
    if let Some(delta) = cookie.is_delta() {
        if delta == deltas.is_empty() {
            return broken(Fact::DeltaFlag { delta, blocks: blocks.len() });
        }
        if delta && cookie.base_lsn != base.lsn {
            return broken(Fact::CookieBase { expected: cookie.base_lsn, found: base.lsn });
        }
    }
    let mut previous = base.lsn;
    for delta in deltas {
        if delta.base_lsn != base.lsn {
            return broken(Fact::DeltaBase { delta: delta.lsn, expected: base.lsn, found: delta.base_lsn });
        }
        if delta.backlink_lsn != previous {
            return broken(Fact::DeltaBacklink { delta: delta.lsn, expected: previous, found: delta.backlink_lsn });
        }
        previous = delta.lsn;
    }
    if base.base_lsn != 0 && cookie.layout == Layout::V0 {
        broken(Fact::ImageBase { image: base.lsn, found: base.base_lsn });
    }
    if base.backlink_lsn >= base.lsn {
        broken(Fact::ImageBacklink { image: base.lsn, found: base.backlink_lsn });
    }
    if deltas.len() > MAX_DELTAS {
        faults.push(Fault::new(FaultKind::ChainTooLong, place, Fact::Deltas { found: deltas.len() }));
    }
    // Cumulative since January 2026, the newest block alone before.
    let sum: u64 = blocks.iter().map(|r| u64::from(r.len)).sum();
    let newest = blocks.last().map_or(0, |r| u64::from(r.len));
    if ![sum, newest].contains(&u64::from(cookie.size)) {
        let fact = Fact::Size { cookie: cookie.size, chain: sum, newest };
        faults.push(Fault::new(FaultKind::SizeMismatch, place, fact));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Lsn, PageId};
    use crate::store::FLAG_DISCARDED;

    /// (lsn, backlink, base, flags, len)
    fn index(rows: &[(u64, u64, u64, u32, u32)]) -> Index {
        Index::new(
            rows.iter()
                .map(|(lsn, backlink_lsn, base_lsn, flags, len)| Row {
                    table: TableId(25),
                    page: PageId(100),
                    lsn: Lsn(*lsn),
                    backlink_lsn: Lsn(*backlink_lsn),
                    base_lsn: Lsn(*base_lsn),
                    locator: 0,
                    len: *len,
                    flags: *flags,
                    seal: Default::default(),
                })
                .collect(),
        )
    }

    fn kinds(rows: &[(u64, u64, u64, u32, u32)], cookie: Cookie) -> (Option<Chain>, Vec<FaultKind>) {
        let mut faults = Vec::new();
        let chain = resolve(&index(rows), TableId(25), &cookie, &mut faults);
        (chain, faults.into_iter().map(|f| f.kind).collect())
    }

    const D: u32 = FLAG_DELTA;
    const BASE: (u64, u64, u64, u32, u32) = (20, 0, 0, 0, 83);

    #[test]
    fn sound_chains() {
        let rows = [BASE, (25, 20, 20, D, 71), (30, 25, 20, D, 9), (40, 20, 0, 0, 50)];
        let (chain, faults) = kinds(&rows, Cookie::new(PageId(100), Lsn(25), Lsn(20), 154, 0));
        assert_eq!((chain, faults), (Some(Chain { base: 0, newest: 1 }), vec![]));
        // The old meaning of size: the newest block alone.
        assert_eq!(kinds(&rows, Cookie::new(PageId(100), Lsn(30), Lsn(20), 9, 0)).1, []);
        assert_eq!(
            kinds(&rows, Cookie::new(PageId(100), Lsn(40), Lsn(0), 50, 0)).0,
            Some(Chain { base: 3, newest: 3 })
        );
    }

    #[test]
    fn each_rule_of_10_2_5_is_reported() {
        use FaultKind::*;
        let delta = |base: u64| Cookie::new(PageId(100), Lsn(25), Lsn(base), 154, 0);
        for (rows, cookie, expected) in [
            (vec![BASE], delta(20), ChainBroken),
            (vec![BASE], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), Missing),
            (vec![], delta(20), Missing),
            (vec![BASE, (25, 19, 20, D, 71)], delta(20), ChainBroken),
            (vec![BASE, (25, 20, 19, D, 71)], delta(20), ChainBroken),
            (vec![BASE, (25, 20, 20, D, 71)], delta(19), ChainBroken),
            (vec![BASE, (25, 20, 20, D, 71)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
            (vec![(25, 20, 20, D, 71)], delta(20), ChainBroken),
            (vec![BASE, (25, 20, 20, D, 70)], delta(20), SizeMismatch),
            (vec![BASE, (25, 20, 20, D | FLAG_DISCARDED, 0)], delta(20), DiscardedInUse),
            (vec![BASE, (22, 20, 20, D | FLAG_DISCARDED, 0), (25, 20, 20, D, 71)], delta(20), DiscardedInUse),
            (vec![(25, 0, 7, 0, 154)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
            (vec![(25, 30, 0, 0, 154)], Cookie::new(PageId(100), Lsn(25), Lsn(0), 154, 0), ChainBroken),
        ] {
            assert!(kinds(&rows, cookie).1.contains(&expected), "{rows:?} {cookie}");
        }
        // What is left of a broken chain is still handed out.
        let rest = |rows: &[_], cookie| kinds(rows, cookie).0;
        assert_eq!(rest(&[BASE], delta(20)), Some(Chain { base: 0, newest: 0 }));
        let deltas = [(25, 20, 20, D, 71), (30, 25, 20, D, 9)];
        assert_eq!(rest(&deltas, Cookie::new(PageId(100), Lsn(30), Lsn(20), 9, 0)), Some(Chain { base: 0, newest: 1 }));
        let older = [(5, 0, 0, 0, 9), (25, 20, 20, D, 71)];
        assert_eq!(rest(&older, delta(20)), Some(Chain { base: 1, newest: 1 }));
        assert_eq!(
            rest(&[(20, 0, 0, FLAG_DISCARDED, 83)], Cookie::new(PageId(100), Lsn(20), Lsn(0), 83, 0)),
            Some(Chain { base: 0, newest: 0 })
        );
        let long: Vec<_> = (0..34_u64).map(|i| if i == 0 { (1, 0, 0, 0, 1) } else { (i + 1, i, 1, D, 1) }).collect();
        assert_eq!(kinds(&long, Cookie::new(PageId(100), Lsn(34), Lsn(1), 34, 0)).1, [ChainTooLong]);
        assert_eq!(kinds(&long, Cookie::new(PageId(100), Lsn(33), Lsn(1), 33, 0)).1, []);
    }
}
