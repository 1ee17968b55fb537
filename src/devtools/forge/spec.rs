//! What to forge: size, generation and faults, and whether that can be.

use crate::devtools::DevError;
use crate::format::compress::Compressor;
use crate::format::generation::Generation;
use crate::model::fault::{Deed, Fate, Fault, Role};
use std::str::FromStr;

/// Bytes of a value; a leaf has as many rows as fit.
const VALUE_BYTES: usize = 480;
/// What a row takes besides its value: key, cells.
const ROW_BYTES: usize = 24;

/// A fault and how often: `orphan-page` or `orphan-page=3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub fault: Fault,
    /// How often.
    pub times: u64,
}

impl FromStr for Planned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, times) = text.split_once('=').unwrap_or((text, "1"));
        let fault = <Fault as clap::ValueEnum>::from_str(name, false)?;
        if !fault.is_forged() {
            return Err(format!("{name} is done to a store that is there; see wtcheck-dev damage"));
        }
        let times =
            times.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{times:?} is not a number above 0"))?;
        Ok(Self { fault, times })
    }
}

/// What to forge. The defaults of the command line are those of [`Spec::default`].
#[derive(Debug, Clone, clap::Parser)]
pub struct Spec {
    /// Formats of this time: 2025-11, 2026-02 or 2026-07
    #[arg(long, value_name = "YYYY-MM", default_value = "2026-07", value_parser = generation)]
    pub generation: Generation,
    /// About so many page versions
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub versions: u64,
    /// User tables
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub tables: u64,
    /// Bytes of a leaf, about
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    pub leaf_bytes: usize,
    /// Children of an internal page
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub fanout: usize,
    /// Checkpoints
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub checkpoints: u64,
    /// Percent of the leaves that change between two checkpoints
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub churn: u64,
    /// Compress the pages of user tables: snappy, zlib, zstd or lz4
    #[arg(long, value_name = "NAME", value_parser = compressor)]
    pub compressor: Option<Compressor>,
    /// LSNs begin behind this one; those of a page service hold a time: 7594298019588079616
    #[arg(long, value_name = "LSN", default_value_t = 0)]
    pub behind: u64,
    /// Another seed makes other values and chooses other pages
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What is to be wrong, and how often: `orphan-page=3`; may be given more than once
    #[arg(long = "fault", value_name = "FAULT[=N]")]
    pub faults: Vec<Planned>,
}

impl Default for Spec {
    fn default() -> Self {
        <Self as clap::Parser>::parse_from([""])
    }
}

fn generation(text: &str) -> Result<Generation, String> {
    Generation::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Generation::ALL.iter().map(|g| g.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

fn compressor(text: &str) -> Result<Compressor, String> {
    Compressor::from_name(text).ok_or_else(|| "one of snappy, zlib, zstd, lz4".to_string())
}

impl Spec {
    pub(super) fn check(&self) -> Result<(), DevError> {
        let wrong = |reason: &str| Err(DevError::Impossible(reason.to_string()));
        if self.generation == Generation::June2025 {
            return wrong("stores of 2025-06 are PALM; forge makes PALite (fixtures/palm has one)");
        }
        if self.versions == 0 || self.tables == 0 || self.checkpoints == 0 {
            return wrong("there must be page versions, tables and checkpoints");
        }
        if self.churn > 100 || self.fanout < 2 || self.leaf_bytes > 1 << 24 {
            return wrong("churn is a percentage, the fanout at least 2, a leaf at most 16 MB");
        }
        let times = |kind: &dyn Fn(&Deed) -> bool| -> u64 {
            self.faults.iter().filter(|p| kind(&p.fault.row().deed)).map(|p| p.times).sum()
        };
        if self.checkpoints < 2 && !self.faults.is_empty() {
            return wrong("faults need a checkpoint before them: at least two checkpoints");
        }
        if !self.generation.keeps_sizes() && times(&Deed::needs_sizes) > 0 {
            return wrong("stores of 2025-11 keep no sizes and no keys");
        }
        let heads =
            self.faults.iter().filter(|p| matches!(p.fault.row().deed, Deed::Puts(Role::Turtle | Role::Completion, _)));
        if heads.count() > 1 {
            return wrong("the newest turtle page and its record cannot both be damaged");
        }
        let fates = self.faults.iter().filter(|p| matches!(p.fault.row().deed, Deed::Table(_)));
        if fates.clone().count() > 1 || fates.map(|p| p.times).sum::<u64>() > self.tables {
            return wrong("a table can be dropped once, and all tables in one way");
        }
        let twice = times(&|deed| matches!(deed, Deed::Table(Fate::DroppedTwice)));
        if twice * 2 >= self.tables && twice > 0 {
            return wrong("most tables must stay, or the database's size would run below 0");
        }
        let leaves = self.leaves();
        if times(&Deed::is_of_leaf) > leaves * self.tables / 2 {
            return wrong("too many faults for so few leaves");
        }
        let internal = leaves.div_ceil(self.fanout as u64);
        let victims = times(&Deed::is_of_parent);
        if victims > 0 && (internal < 2 || victims > internal * self.tables / 2) {
            return wrong("too many faults for so few internal pages; take more page versions or a smaller fanout");
        }
        Ok(())
    }

    /// Leaves of a table, so that all versions together come to what was asked for.
    pub(super) fn leaves(&self) -> u64 {
        let fanout = self.fanout as f64;
        let churn = self.churn as f64 / 100.0;
        // A changed leaf changes its parent; with some luck they share it.
        let parents = (1.0 / fanout) * (1.0 + (self.checkpoints - 1) as f64 * (1.0 - (1.0 - churn).powf(fanout)));
        let each = 1.0 + (self.checkpoints - 1) as f64 * churn + parents;
        let leaves = self.versions as f64 / each / self.tables as f64;
        (leaves.round() as u64).max(1)
    }

    pub(super) fn rows_per_leaf(&self) -> usize {
        (self.leaf_bytes.saturating_sub(44) / (VALUE_BYTES + ROW_BYTES)).max(1)
    }

    /// Length of the values; a leaf that holds one row may have a small one.
    pub(super) fn value_bytes(&self) -> usize {
        let one = self.leaf_bytes.saturating_sub(44 + ROW_BYTES).max(1);
        if self.rows_per_leaf() == 1 { one.min(VALUE_BYTES) } else { VALUE_BYTES }
    }
}
