//! What the faults of one file say of each other's causes.

use super::detail::Cause;
use crate::home::fault::{BadSum, Fact, Fault, FaultKind};
use std::collections::{HashMap, HashSet};

/// A fault, the checkpoints that reach it, and the pages that refer to the block.
pub(super) struct Reached {
    pub fault: Fault,
    pub checkpoints: Vec<String>,
    pub parents: Vec<u64>,
}

/// What faults of a file say of each other's causes.
pub(super) struct Causes {
    /// Offsets of blocks by the checksum that is expected there.
    homes: HashMap<u32, u64>,
    /// Offsets of blocks with a fault.
    damaged: HashSet<u64>,
    /// Pages with children that do not fit their separators, and how many.
    unfit: HashMap<u64, u64>,
    /// A block that is referred to twice.
    twice: Option<u64>,
    /// The file is longer than its newest checkpoint states.
    longer: bool,
}

impl Causes {
    pub(super) fn of(faults: &[Reached], longer: bool) -> Self {
        let mut out =
            Self { homes: HashMap::new(), damaged: HashSet::new(), unfit: HashMap::new(), twice: None, longer };
        for Reached { fault, .. } in faults {
            out.damaged.insert(fault.offset);
            match fault.kind {
                FaultKind::Checksum => {
                    out.homes.extend(Self::wanted(fault).map(|sum| (sum, fault.offset)));
                }
                FaultKind::KeyOrder if fault.fact.is_unfit() => {
                    *out.unfit.entry(fault.parent.unwrap_or(0)).or_default() += 1;
                }
                FaultKind::ReferencedTwice => out.twice = out.twice.or(Some(fault.offset)),
                _ => {}
            }
        }
        out
    }

    fn wanted(fault: &Fault) -> Option<u32> {
        match fault.fact {
            Fact::Checksum { expected, .. } => Some(expected),
            _ => None,
        }
    }

    fn there(fault: &Fault) -> Option<u32> {
        match fault.fact {
            Fact::Checksum {
                found:
                    BadSum::FieldOnly { stored } | BadSum::OtherBlock { stored, .. } | BadSum::NeitherHolds { stored, .. },
                ..
            } => Some(stored),
            _ => None,
        }
    }

    /// The cause of one of the faults, if anything is known of it.
    pub(super) fn cause(&self, fault: &Fault, all: &[Reached]) -> Option<Cause> {
        match (&fault.fact, fault.kind) {
            (_, FaultKind::Checksum) => {
                let at = Self::there(fault).and_then(|own| self.homes.get(&own)).copied()?;
                if at == fault.offset {
                    return None;
                }
                let back = all.iter().find(|r| r.fault.offset == at && r.fault.kind == FaultKind::Checksum);
                let exchanged = back.is_some_and(|r| Self::there(&r.fault) == Self::wanted(fault));
                Some(if exchanged { Cause::Exchanged { with: at } } else { Cause::BelongsAt { offset: at } })
            }
            (fact, FaultKind::KeyOrder) if fact.is_unfit() => match fault.parent {
                Some(parent) if self.damaged.contains(&parent) => Some(Cause::ParentDamaged { parent }),
                Some(parent) if self.unfit.get(&parent).is_some_and(|n| *n > 1) => Some(Cause::SeveralUnfit { parent }),
                _ => None,
            },
            (_, FaultKind::BeyondEnd) if self.longer => Some(Cause::FileLonger),
            (Fact::Unreached { .. }, _) => self.twice.map(|twice| Cause::InsteadTwice { twice }),
            _ => None,
        }
    }
}
