//! The running total of a tree under a rule of accounting, and the entry that publishes it.

use crate::id::{Lsn, PageId};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// When the bytes of a block are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize, ValueEnum)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// As soon as the page log has the block, as engines do today: failures leak
    #[default]
    AtPut,
    /// Added up during the reconciliation and applied when it can no longer fail
    Deferred,
}

impl Rule {
    /// The name in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtPut => "at-put",
            Self::Deferred => "deferred",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::AtPut => Self::Deferred,
            Self::Deferred => Self::AtPut,
        }
    }
}

/// The total that a checkpoint publishes as `size=`.
#[derive(Debug, Clone)]
pub struct Account {
    /// When it counts.
    pub rule: Rule,
    total: u64,
    /// What a reconciliation adds and takes off once it cannot fail any more; deferred only.
    pending: (u64, u64),
}

impl Account {
    /// Nothing is counted yet.
    pub fn new(rule: Rule) -> Self {
        Self { rule, total: 0, pending: (0, 0) }
    }

    /// What a checkpoint would publish now.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// A block that is no root was put.
    pub fn wrote(&mut self, bytes: u64) {
        match self.rule {
            Rule::AtPut => self.apply(bytes, 0),
            Rule::Deferred => self.pending.0 = self.pending.0.saturating_add(bytes),
        }
    }

    /// Blocks were discarded, or a chain was replaced.
    pub fn freed(&mut self, bytes: u64) {
        match self.rule {
            Rule::AtPut => self.apply(0, bytes),
            Rule::Deferred => self.pending.1 = self.pending.1.saturating_add(bytes),
        }
    }

    /// The reconciliation is past the point of no return.
    pub fn wrap_up(&mut self) {
        let (add, sub) = std::mem::take(&mut self.pending);
        self.apply(add, sub);
    }

    /// The reconciliation failed before it.
    pub fn give_up(&mut self) {
        self.pending = (0, 0);
    }

    /// What a page whose id was given up still has to be taken off for. At the put, the discard took
    /// off what it knew of, and nothing remembers the rest; deferred, nothing was taken off yet.
    pub fn still_owed(&self, owed: u32) -> u32 {
        match self.rule {
            Rule::AtPut => 0,
            Rule::Deferred => owed,
        }
    }

    /// A checkpoint's root takes the place of the one before. The transition is remembered with the
    /// checkpoint under either rule, and undone by the opposite one if it fails.
    pub fn root(&mut self, previous: u64, new: u64) {
        self.apply(new, previous);
    }

    /// The engine clamps at 0; without a fault the model never gets there.
    fn apply(&mut self, add: u64, sub: u64) {
        self.total = self.total.saturating_add(add).saturating_sub(sub);
    }
}

/// A checkpoint entry of a tree.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub(super) addr: String,
    pub(super) order: u64,
    pub size: u64,
    /// Stored bytes of its pages.
    pub true_size: u64,
    /// LSN of its root; rows of the tree above it are later work.
    pub root_lsn: Lsn,
    pub(super) write_gen: u64,
    /// The next page id to use.
    pub next_page: PageId,
    /// By so much the id that the metadata has is above that of the tree's pages.
    pub moved: u64,
}

pub fn signed(a: u64, b: u64) -> i64 {
    let distance = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { distance } else { -distance }
}
