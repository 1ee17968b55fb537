//! What things are called in a page log, as types of their own: a number that is an LSN is never taken
//! for a page id. The LSN of a wtlog is another thing: [`crate::format::wtlog::LogLsn`].

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident)+) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The bare number, for arithmetic, files and the engine's own texts.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            fn from(n: u64) -> Self {
                Self(n)
            }
        }

        // Against literals and the engine's bare numbers; two kinds of ids never compare with each other.
        impl PartialEq<u64> for $name {
            fn eq(&self, other: &u64) -> bool {
                self.0 == *other
            }
        }

        impl PartialOrd<u64> for $name {
            fn partial_cmp(&self, other: &u64) -> Option<std::cmp::Ordering> {
                self.0.partial_cmp(other)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+ };
}

ids! {
    /// A log sequence number of a page log: one number for every put, ascending over all tables. 0 is none.
    Lsn
    /// A page of a table; ids of tree pages begin at 100.
    PageId
    /// A table of a page log.
    TableId
}

impl Lsn {
    /// No LSN.
    pub const NONE: Self = Self(0);
}

/// One version of a page: the block that was put at an LSN, and what it builds on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
pub struct Version {
    /// Table.
    pub table: TableId,
    /// Page.
    pub page: PageId,
    /// LSN.
    pub lsn: Lsn,
}

impl Version {
    /// A version.
    pub const fn new(table: TableId, page: PageId, lsn: Lsn) -> Self {
        Self { table, page, lsn }
    }
}
