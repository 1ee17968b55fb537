//! Which rows of the page log make up the page version a cookie names.
//! Works on the index alone: no page data is read here.

use super::fault::{Fact, Fault, FaultKind, Lsns};
use crate::format::cookie::{Cookie, Layout};
use crate::id::{TableId, Version};
use crate::store::supply::ABOUT;
use crate::store::{FLAG_DELTA, Index, Row, Rows};
use std::ops::{Range, RangeInclusive};

pub use crate::format::pagelog_ids::MAX_DELTAS;

/// A length that is not known to the byte is right within so many.
const NEAR: u64 = 4;

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

    /// Stored bytes of all blocks; where lengths are not known to the byte, and come near what the cookie says, that.
    pub fn stored_or(&self, index: &Index, cookie_size: u32) -> u64 {
        let about = self.positions().filter(|at| index.len_and_flags(*at).is_some_and(|(_, flags)| flags & ABOUT != 0));
        let (most, stored, said) = (NEAR * about.count() as u64, self.stored_bytes(index), u64::from(cookie_size));
        if stored.abs_diff(said) <= most { said } else { stored }
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
pub fn is_sound_image(row: &Row, size: u32) -> bool {
    row.is_full() && row.base_lsn == 0 && row.backlink_lsn < row.lsn && (row.len == size || row.is_about())
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
    if blocks.iter().any(Row::is_about) {
        return;
    }
    // Cumulative since January 2026, the newest block alone before.
    let sum: u64 = blocks.iter().map(|r| u64::from(r.len)).sum();
    let newest = blocks.last().map_or(0, |r| u64::from(r.len));
    if ![sum, newest].contains(&u64::from(cookie.size)) {
        let fact = Fact::Size { cookie: cookie.size, chain: sum, newest };
        faults.push(Fault::new(FaultKind::SizeMismatch, place, fact));
    }
}
