//! The order of checkpoints: numbers of the shared metadata ascend, whichever node writes them, and schema
//! epochs never go back.

use super::fact::{Back, Fact};
use crate::audit::finding::{Code, Finding, Place};
use crate::pagelog::catalog::Checkpoint;

/// What does not ascend from one checkpoint to the next; they come in the order of their records.
pub fn findings(checkpoints: &[&Checkpoint]) -> Vec<Finding> {
    let pairs = checkpoints.iter().zip(checkpoints.iter().skip(1));
    pairs.filter_map(|(before, after)| Some(finding(before, after, back(before, after)?))).collect()
}

fn back(before: &Checkpoint, after: &Checkpoint) -> Option<Back> {
    // A record may be written again for the same turtle page.
    if before.completion.metadata_lsn == after.completion.metadata_lsn {
        return None;
    }
    if let (Some(old), Some(new)) = (&before.metadata.entry, &after.metadata.entry) {
        let (from, to) = (old.order, new.order);
        if to < from {
            return Some(Back::Order { from, to });
        }
        if to == from && old.addr != new.addr {
            return Some(Back::SameOrder { order: to });
        }
    }
    match (before.turtle.schema_epoch, after.turtle.schema_epoch) {
        (Some(from), Some(to)) if to < from => Some(Back::SchemaEpoch { from, to }),
        _ => None,
    }
}

fn finding(before: &Checkpoint, after: &Checkpoint, back: Back) -> Finding {
    let place = Place { lsn: Some(after.lsn), ..Place::default() };
    let fact = Fact::NotAscending { back, before: before.lsn };
    Finding::of(Code::CheckpointOrder, place, fact.into())
}
