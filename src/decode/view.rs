//! Pieces that all documents share: how to read a block and what to show of it, checksums, problems, times.

use super::bytes::{self, Show};
use crate::format::compress::Compressor;
use crate::format::image::Era;
use crate::format::{Class, FormatError};
use crate::page::cell::TS_MAX;
use serde::{Serialize, Serializer};

pub use crate::words::text::utc;

/// Most cells or extents that are listed; all of them are checked and counted.
pub const LISTED: usize = 100_000;
/// Largest image in which a flipped bit is looked for; the search is slow on larger ones.
pub(super) const FLIP_SEARCH: usize = 64 << 20;

/// How to read a block and what to show of it.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// The header layout, where the caller knows it.
    pub era: Option<Era>,
    /// The compressor the tree's configuration names; the framing decides without it.
    pub compressor: Option<Compressor>,
    /// How user bytes are shown.
    pub show: Show,
    /// Show long items whole.
    pub all: bool,
    /// Allocation size of classic files.
    pub alloc: u32,
}

impl Default for View {
    fn default() -> Self {
        Self { era: None, compressor: None, show: Show::None, all: false, alloc: 4096 }
    }
}

impl View {
    pub(super) fn shown(&self, data: &[u8]) -> Option<String> {
        (self.show != Show::None).then(|| bytes::show(data, self.show, self.all))
    }
}

/// What cookies in cells look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Disaggregated cookies of any layout.
    Disaggregated,
    /// Addresses in a local file of this allocation size.
    Classic(u32),
}

/// The header layout by its name: `current` or `2025-06`.
pub fn era_from_name(name: &str) -> Option<Era> {
    [Era::Current, Era::June2025].into_iter().find(|e| era_name(*e) == name)
}

pub(super) fn era_name(era: Era) -> &'static str {
    match era {
        Era::Current => "current",
        Era::June2025 => "2025-06",
    }
}

/// A checksum; eight hexadecimal digits wherever it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum(pub u32);

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Something the engine would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The engine's error.
    #[serde(serialize_with = "class_name")]
    #[cfg_attr(feature = "devtools", schemars(with = "String"))]
    pub class: Class,
    /// What is wrong.
    pub message: String,
}

pub(super) fn class_name<S: Serializer>(class: &Class, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(class.name())
}

impl From<FormatError> for Problem {
    fn from(e: FormatError) -> Self {
        Self { class: e.class, message: e.message }
    }
}

/// A timestamp or LSN of the shape `unix seconds << 32 | counter`, in words. The shape is
/// a convention of the writer, so this is a hint and no more.
pub fn time_hint(value: u64) -> Option<String> {
    const PLAUSIBLE: u64 = 1_000_000_000;
    let seconds = value >> 32;
    let counter = value & 0xffff_ffff;
    (seconds >= PLAUSIBLE && value != TS_MAX).then(|| format!("{}, counter {counter}", utc(seconds)))
}

/// A timestamp the way metadata has it, and as a time where it looks like one.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Stamp {
    /// Hexadecimal digits.
    pub hex: String,
    /// The number.
    pub value: u64,
    /// The time.
    pub time: Option<String>,
}

impl Stamp {
    pub(super) fn new(value: u64) -> Self {
        Self { hex: format!("{value:x}"), value, time: time_hint(value) }
    }
}
