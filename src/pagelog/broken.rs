//! Faults of broken page rules: one of a kind for a page, further ones of the kind as its evidence.

use super::fault::{Fault, FaultKind};
use crate::page::delta::{Body, Judged};
use crate::page::rules::{Broken, Harm, Rule};

/// Tell why rows or children of a page may be missing, or are not where they are looked for.
pub(super) fn missing(
    broken: &[Judged],
    base: &Body<'_>,
    deltas: &[Body<'_>],
    place: crate::id::Version,
    faults: &mut Vec<Fault>,
) {
    tell(broken, (base, deltas), place, faults, |b| matches!(b.rule.harm(), Harm::Lost | Harm::Order));
}

/// Tell every broken rule of a page.
pub(super) fn all(
    broken: &[Judged],
    base: &Body<'_>,
    deltas: &[Body<'_>],
    place: crate::id::Version,
    faults: &mut Vec<Fault>,
) {
    tell(broken, (base, deltas), place, faults, |_| true);
}

fn tell(
    broken: &[Judged],
    (base, deltas): (&Body<'_>, &[Body<'_>]),
    place: crate::id::Version,
    faults: &mut Vec<Fault>,
    wanted: impl Fn(&Broken) -> bool,
) {
    // What a damaged page says is no news.
    if broken.is_empty() || faults.iter().any(|f| f.page == place.page) {
        return;
    }
    let before = faults.len();
    for judged in broken {
        let body = if judged.block == 0 { Some(base) } else { deltas.get(judged.block.saturating_sub(1)) };
        let block =
            Block { number: judged.block, of: deltas.len(), plain: body.is_none_or(|b| !b.header.is_compressed()) };
        let mut last = None;
        for broken in judged.breaches.list.iter().filter(|b| wanted(b)) {
            last = Some(add(faults, before, broken, block, place));
        }
        if judged.breaches.more > 0
            && let Some(fault) = last.and_then(|at| faults.get_mut(at))
        {
            fault.evidence.push(format!("and {} more broken rules of this page", judged.breaches.more));
        }
    }
}

/// The block a rule is broken in.
#[derive(Clone, Copy)]
struct Block {
    /// 0 is the base image.
    number: usize,
    /// Deltas on it.
    of: usize,
    /// Not compressed.
    plain: bool,
}

/// Add a broken rule to the fault of its kind from `before` on, or make one. Returns its position.
fn add(faults: &mut Vec<Fault>, before: usize, broken: &Broken, block: Block, place: crate::id::Version) -> usize {
    let (kind, expected) = match broken.rule.harm() {
        Harm::Header => (FaultKind::Header, "valid headers"),
        Harm::Lost => (FaultKind::Undecodable, "a page that follows the rules of its type"),
        Harm::Address => (FaultKind::CookieInvalid, "valid addresses"),
        Harm::Order => (FaultKind::KeyOrder, "ascending keys"),
        Harm::Content => (FaultKind::Undecodable, "a page that follows the rules of its type"),
    };
    let lost = matches!(broken.rule.harm(), Harm::Lost | Harm::Address);
    let at = offset(broken.at, block);
    let found = broken.what.to_string();
    if let Some(first) = faults.iter().skip(before).position(|f| f.kind == kind) {
        let first = first.saturating_add(before);
        if let Some(fault) = faults.get_mut(first) {
            fault.recovered &= !lost && broken.rule != Rule::Overflow;
            let at = at.map_or(String::new(), |at| format!(" ({at})"));
            fault.evidence.push(format!("also: {found}{at}"));
        }
        return first;
    }
    let mut fault = Fault::new(kind, place, expected, found);
    // All was read; but other depths do not look for an item where none should be.
    fault.recovered = !lost && broken.rule != Rule::Overflow;
    fault.evidence.extend(at);
    faults.push(fault);
    faults.len().saturating_sub(1)
}

/// Where in the page. Byte 0 stands for the page as a whole.
fn offset(at: usize, block: Block) -> Option<String> {
    let whole = if block.plain { "" } else { " decompressed" };
    let block = match (block.number, block.of) {
        (0, 0) => format!("the{whole} page"),
        (0, _) => format!("the{whole} base image"),
        (n, of) => format!("the{whole} delta {n} of {of}"),
    };
    (at != 0).then(|| format!("byte {at} of {block}"))
}
