//! Which part of a store an export takes. All versions of a page are in one shard, so that each shard can
//! merge deltas and judge chains by itself.

use crate::id::{PageId, TableId};
use std::fmt;
use std::str::FromStr;

/// Page ids that share a shard: neighbours lie close together in the page log.
const BLOCK_SHIFT: u32 = 8;
/// Most shards of a set.
pub const MAX_SHARDS: u32 = 100_000;

/// A shard: the `index`th of `of`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Shard {
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// The whole store.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// Whether it is the whole store.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Whether it takes a page. The rule is part of the contract: shards are exported on different machines.
    pub fn takes(self, table: TableId, page: PageId) -> bool {
        self.is_whole() || spread(table, page.get() >> BLOCK_SHIFT) % u64::from(self.of) + 1 == u64::from(self.index)
    }

    /// The name of its directories.
    pub fn directory(self) -> String {
        format!("shard={:05}-of-{:05}", self.index, self.of)
    }
}

/// Spread blocks of pages evenly, whatever ids they have (the finaliser of splitmix64).
fn spread(table: TableId, block: u64) -> u64 {
    let mut x = table.get().rotate_left(32) ^ block;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| (1..=MAX_SHARDS).contains(n));
        let shard = text.split_once('/').and_then(|(index, of)| Some(Self { index: number(index)?, of: number(of)? }));
        shard.filter(|s| s.index <= s.of).ok_or_else(|| {
            format!("{text:?} is not a shard: 3/7 is the third of seven, and there are at most {MAX_SHARDS}")
        })
    }
}
