//! Faults of broken page rules: one of a kind for a page, further ones of the kind as its evidence.

use super::fault::{Block, Fact, Fault, FaultKind, Note};
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
            Block { number: judged.block, deltas: deltas.len(), plain: body.is_none_or(|b| !b.header.is_compressed()) };
        let mut last = None;
        for broken in judged.breaches.list.iter().filter(|b| wanted(b)) {
            last = Some(add(faults, before, broken, block, place));
        }
        if judged.breaches.more > 0
            && let Some(fault) = last.and_then(|at| faults.get_mut(at))
        {
            fault.notes.push(Note::MoreRules(judged.breaches.more));
        }
    }
}

/// Add a broken rule to the fault of its kind from `before` on, or make one. Returns its position.
fn add(faults: &mut Vec<Fault>, before: usize, broken: &Broken, block: Block, place: crate::id::Version) -> usize {
    let kind = match broken.rule.harm() {
        Harm::Header => FaultKind::Header,
        Harm::Lost | Harm::Content => FaultKind::Undecodable,
        Harm::Address => FaultKind::CookieInvalid,
        Harm::Order => FaultKind::KeyOrder,
    };
    let lost = matches!(broken.rule.harm(), Harm::Lost | Harm::Address);
    // All was read; but other depths do not look for an item where none should be.
    let recovered = !lost && broken.rule != Rule::Overflow;
    if let Some(first) = faults.iter().skip(before).position(|f| f.kind == kind) {
        let first = first.saturating_add(before);
        if let Some(fault) = faults.get_mut(first) {
            fault.recovered &= recovered;
            fault.notes.push(Note::Also { broken: broken.clone(), block });
        }
        return first;
    }
    faults.push(Fault { recovered, ..Fault::new(kind, place, Fact::Rule { broken: broken.clone(), block }) });
    faults.len().saturating_sub(1)
}
