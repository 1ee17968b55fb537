//! Generations of the disaggregated formats, told from evidence: the
//! layouts changed over two years without version bumps.

use super::pagelog_turtle::TurtleForm;

/// A dated set of formats, named by the month it became typical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// June 2025: PALM, six-vuint cookies, 20-byte delta header, no sizes kept, no discards.
    June2025,
    /// Autumn 2025: cookie version 0, `uB` deltas, `size=` is the root's page id.
    Autumn2025,
    /// February 2026: cumulative cookies, running totals, `database_size`, key page version 1.
    February2026,
    /// July 2026: 17 shards, turtle version 2, key page version 2.
    July2026,
}

impl Generation {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::June2025, Self::Autumn2025, Self::February2026, Self::July2026];

    /// The stable name used in reports and by `--assume`.
    pub fn name(self) -> &'static str {
        match self {
            Self::June2025 => "2025-06",
            Self::Autumn2025 => "2025-11",
            Self::February2026 => "2026-02",
            Self::July2026 => "2026-07",
        }
    }

    /// From the stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }

    /// Whether this generation kept byte totals in `size=`.
    pub fn keeps_sizes(self) -> bool {
        self >= Self::February2026
    }

    /// Whether freed pages get discard records in the page log (not in the last PALM).
    pub fn discards_pages(self) -> bool {
        self >= Self::Autumn2025
    }
}

/// What was seen of a store, as far as it tells generations apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    pub palm: bool,
    /// PALite with 17 shard files.
    pub sharded: bool,
    /// Gathered from dumps of a page service.
    pub gathered: bool,
    /// The form of the audited turtle page.
    pub turtle: Option<TurtleForm>,
    /// The completion record carries `database_size`.
    pub database_size: Option<bool>,
    /// A key page of version 2 was seen.
    pub key_page_v2: bool,
    /// The root cookie of the shared metadata is of one of the layouts before version 0.
    pub old_cookie: bool,
}

/// The newest generation that some evidence requires, and the evidence in words.
pub fn detect(e: &Evidence) -> (Generation, Vec<String>) {
    let mut best = Generation::Autumn2025;
    let mut words = Vec::new();
    let mut say = |generation: Generation, text: &str| {
        best = best.max(generation);
        words.push(text.to_string());
    };
    if e.palm {
        say(Generation::Autumn2025, "PALM (LMDB) store");
    } else if e.gathered {
        say(Generation::Autumn2025, "gathered from dumps of a page service");
    } else if e.sharded {
        say(Generation::July2026, "PALite store of 17 shard files (since 2026-03-31)");
    } else {
        say(Generation::Autumn2025, "PALite store of one file per table (until 2026-03-31)");
    }
    match e.turtle {
        Some(TurtleForm::V2) => say(Generation::July2026, "turtle page starts with its version (form v2)"),
        Some(TurtleForm::V1) => say(Generation::February2026, "turtle page is a configuration string (form v1)"),
        Some(TurtleForm::Legacy | TurtleForm::LegacyKey | TurtleForm::Spring) => {
            say(Generation::Autumn2025, "turtle page in the legacy line form");
        }
        None => {}
    }
    match e.database_size {
        Some(true) => say(Generation::February2026, "completion record carries database_size (since 2026-01-29)"),
        Some(false) => say(Generation::Autumn2025, "completion record without database_size"),
        None => {}
    }
    if e.key_page_v2 {
        say(Generation::July2026, "key page version 2 (since 2026-06)");
    }
    if e.old_cookie {
        say(Generation::Autumn2025, "address cookies without a version byte (until mid 2025)");
    }
    // Only the oldest stores have such cookies; nothing newer can outweigh them.
    if e.old_cookie || (e.palm && best == Generation::Autumn2025) {
        best = Generation::June2025;
    }
    (best, words)
}
