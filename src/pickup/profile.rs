//! The rules of pick-up by date: what changed between builds
//! without any version in the data saying so.

use super::code::Code;
use crate::format::completion;
use crate::format::generation::Generation;
use crate::format::pagelog_turtle::{self, TurtleForm};
use crate::id::Lsn;
use crate::serverlog::pickup_lines as said;
use crate::serverlog::template::fill;
use clap::ValueEnum;
use serde::Serialize;

/// A dated set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ValueEnum)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub enum Profile {
    /// October 2025 to April 2026: no database_size needed, turtle pages without versions
    #[value(name = "2025-10")]
    #[serde(rename = "2025-10")]
    October2025,
    /// May to July 2026: database_size required, turtle pages with versions
    #[value(name = "2026-05")]
    #[serde(rename = "2026-05")]
    May2026,
    /// Since August 2026: a failed merge is unrolled, pick-up waits for old snapshots
    #[value(name = "2026-08")]
    #[serde(rename = "2026-08")]
    August2026,
}

impl Profile {
    /// All, oldest first.
    pub const ALL: [Self; 3] = [Self::October2025, Self::May2026, Self::August2026];

    /// The name on the command line and in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::October2025 => "2025-10",
            Self::May2026 => "2026-05",
            Self::August2026 => "2026-08",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The profile of the engines that wrote a store.
    pub fn of(generation: Generation) -> Self {
        match generation {
            Generation::June2025 | Generation::Autumn2025 | Generation::February2026 => Self::October2025,
            Generation::July2026 => Self::August2026,
        }
    }

    /// Newest version of a completion record its readers take. The ticket of June 2026 shows
    /// a writer of version 1.
    pub fn completion_reader(self) -> u32 {
        match self {
            Self::October2025 | Self::May2026 => 1,
            Self::August2026 => completion::READER_VERSION,
        }
    }

    /// Newest version of a turtle page its readers know: one of their own version may have no key that they do
    /// not know.
    pub fn turtle_reader(self) -> u32 {
        match self {
            Self::October2025 | Self::May2026 => 2,
            Self::August2026 => pagelog_turtle::READER_VERSION,
        }
    }

    /// A record without `database_size` is WT_NOTFOUND (since 2026-05-06).
    pub fn needs_database_size(self) -> bool {
        self != Self::October2025
    }

    /// Whether its readers take a turtle page of this form.
    pub fn reads_turtle(self, form: TurtleForm) -> bool {
        self != Self::October2025 || form != TurtleForm::V2
    }

    /// The version a key page's `compatible_version` is compared with.
    pub fn key_page_reader(self) -> u8 {
        match self {
            Self::October2025 | Self::May2026 => 1,
            Self::August2026 => 2,
        }
    }

    /// A pick-up waits in the background while sessions hold older snapshots.
    pub fn defers(self) -> bool {
        self == Self::August2026
    }

    /// A failed merge leaves the local metadata as it was (since 2026-08-04). Before, half of it was
    /// adopted and the engine panicked.
    pub fn unrolls(self) -> bool {
        self == Self::August2026
    }

    /// The key provider says which key it was given and which it has (since June 2026).
    pub fn states_stale_keys(self) -> bool {
        self == Self::August2026
    }

    /// Pages of trees are waited for as long as it takes. Older builds gave up with WT_NOTFOUND, and builds
    /// since 2026-05-26 (WT-15768) take a page that is not there for an error.
    pub fn waits_for_pages(self) -> bool {
        self == Self::May2026
    }

    /// The engine's line about a failed pick-up.
    pub fn failure_line(self, metadata_lsn: Lsn, code: Code) -> String {
        match self {
            Self::August2026 => fill(said::FAILED_NEWEST, &[("lsn", &metadata_lsn)]),
            _ => fill(said::FAILED, &[("lsn", &metadata_lsn), ("number", &code.0)]),
        }
    }
}
