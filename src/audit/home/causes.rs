//! What the faults of one file say of each other's causes.

use crate::home::fault::{Fault, FaultKind};
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
    homes: HashMap<String, u64>,
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
                    out.homes.extend(Self::wanted(fault).map(|sum| (sum.to_string(), fault.offset)));
                }
                FaultKind::KeyOrder if Self::is_unfit(fault) => {
                    *out.unfit.entry(fault.parent.unwrap_or(0)).or_default() += 1;
                }
                FaultKind::ReferencedTwice => out.twice = out.twice.or(Some(fault.offset)),
                _ => {}
            }
        }
        out
    }

    fn wanted(fault: &Fault) -> Option<&str> {
        fault.expected.strip_prefix("checksum ")
    }

    fn there(fault: &Fault) -> Option<&str> {
        fault.found.strip_prefix("block header checksum of ")
    }

    fn is_unfit(fault: &Fault) -> bool {
        fault.found.contains("separator")
    }

    /// Words for one of the faults; empty if nothing is known.
    pub(super) fn cause(&self, fault: &Fault, all: &[Reached]) -> String {
        match fault.kind {
            FaultKind::Checksum => {
                let home = Self::there(fault).and_then(|own| self.homes.get(own)).copied();
                let Some(home) = home.filter(|at| *at != fault.offset) else { return String::new() };
                let back = all.iter().find(|r| r.fault.offset == home && r.fault.kind == FaultKind::Checksum);
                if back.is_some_and(|r| Self::there(&r.fault) == Self::wanted(fault)) {
                    format!("exchanged with the block at {home}: each is intact, at the other's place")
                } else {
                    format!("the block that belongs at {home} lies here")
                }
            }
            FaultKind::KeyOrder if Self::is_unfit(fault) => match fault.parent {
                Some(parent) if self.damaged.contains(&parent) => {
                    format!("the page at {parent} is damaged itself: its separators prove nothing")
                }
                Some(parent) if self.unfit.get(&parent).is_some_and(|n| *n > 1) => format!(
                    "several pages do not fit their separators in the page at {parent}: suspect that page, whose \
                     references were exchanged or whose separators were changed"
                ),
                _ => String::new(),
            },
            FaultKind::BeyondEnd if self.longer => {
                "the file is longer than the newest checkpoint states: that size may be what is wrong".to_string()
            }
            FaultKind::Unallocated if fault.found.contains("does not reach") => match self.twice {
                Some(twice) => format!("the block at {twice} is referred to instead, a second time"),
                None => String::new(),
            },
            _ => String::new(),
        }
    }
}
