//! Which release of MongoDB carries which engine and which version of the engine's log, and what opens what
//! (spec 21.11). Patch releases between two named ones were not looked at.

/// Releases of MongoDB with one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases {
    /// The engine: major, minor, patch.
    pub engine: (u32, u32, u32),
    /// First and last release of MongoDB.
    pub mongodb: (&'static str, &'static str),
    /// Newest version of the engine's log that it writes in a server.
    pub wtlog: u32,
}

const fn row(engine: (u32, u32, u32), first: &'static str, last: &'static str, wtlog: u32) -> Releases {
    Releases { engine, mongodb: (first, last), wtlog }
}

/// The table, oldest first.
pub const RELEASES: &[Releases] = &[
    row((2, 5, 3), "3.0.0", "3.0.15", 1),
    row((2, 7, 0), "3.2.0", "3.2.1", 1),
    row((2, 8, 1), "3.2.10", "3.2.11", 1),
    row((2, 9, 2), "3.2.22", "3.2.22", 1),
    row((2, 8, 1), "3.4.0", "3.4.1", 1),
    row((2, 9, 1), "3.4.2", "3.4.2", 1),
    row((2, 9, 2), "3.4.10", "3.4.24", 1),
    row((3, 0, 0), "3.6.0", "3.6.1", 2),
    row((3, 1, 0), "3.6.8", "3.6.8", 2),
    row((3, 1, 1), "3.6.9", "3.6.23", 2),
    row((3, 1, 0), "4.0.0", "4.0.1", 3),
    row((3, 1, 1), "4.0.6", "4.0.28", 3),
    row((3, 2, 0), "4.2.0", "4.2.0", 3),
    row((3, 2, 2), "4.2.1", "4.2.5", 3),
    row((3, 3, 0), "4.2.6", "4.2.25", 4),
    row((10, 0, 0), "4.4.0", "4.4.6", 5),
    row((10, 0, 1), "4.4.10", "4.4.10", 5),
    row((10, 0, 2), "4.4.11", "4.4.29", 5),
    row((10, 0, 1), "5.0.0", "5.1.0", 5),
    row((10, 0, 2), "5.0.6", "5.3", 5),
    row((10, 0, 2), "6.0.0", "6.0.20", 5),
    row((11, 0, 1), "6.1.0", "6.1.0", 5),
    row((11, 2, 0), "6.2.0", "6.3.0", 5),
    row((11, 2, 0), "7.0.0", "7.1.0", 5),
    row((11, 3, 0), "7.2.0", "7.3.4", 5),
    row((11, 3, 0), "8.0.0", "8.0.12", 5),
    row((12, 0, 0), "8.1.0", "8.2.10", 5),
];

/// Major versions of MongoDB between which data are upgraded, one step at a time.
pub const STEPS: [&str; 11] = ["3.0", "3.2", "3.4", "3.6", "4.0", "4.2", "4.4", "5.0", "6.0", "7.0", "8.0"];

/// Major and minor of a release.
pub fn major(release: &str) -> &str {
    match release.match_indices('.').nth(1) {
        Some((at, _)) => release.get(..at).unwrap_or(release),
        None => release,
    }
}

/// The first and the last release of MongoDB with an engine of this major and minor version.
pub fn of_engine(engine: (u32, u32)) -> Option<(&'static str, &'static str)> {
    span(|r| (r.engine.0, r.engine.1) == engine)
}

/// The same by the engine's own words, `WiredTiger 11.2.0: (…)`.
pub fn of_words(version: &str) -> Option<(&'static str, &'static str)> {
    let numbers = version.split_whitespace().nth(1)?.trim_end_matches(':');
    let mut numbers = numbers.split('.').map(|n| n.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let patch = numbers.next().flatten();
    let exact = patch.and_then(|patch| span(|r| r.engine == (major, minor, patch)));
    exact.or_else(|| of_engine((major, minor)))
}

/// The first and the last release of MongoDB that writes this version of the engine's log.
pub fn of_wtlog(version: u32) -> Option<(&'static str, &'static str)> {
    span(|r| r.wtlog == version)
}

/// The first and the last release of MongoDB that reads the engine's log up to this version.
pub fn reads_wtlog(newest: u32) -> Option<(&'static str, &'static str)> {
    let reads = |r: &Releases| match newest {
        // Engines 3.1 to 3.2.2 read version 3, whatever they write in a server.
        3 => (3, 1) <= (r.engine.0, r.engine.1) && (r.engine.0, r.engine.1) < (3, 3),
        newest => r.wtlog == newest,
    };
    span(reads)
}

fn span(wanted: impl Fn(&Releases) -> bool) -> Option<(&'static str, &'static str)> {
    let first = RELEASES.iter().find(|r| wanted(r))?;
    let last = RELEASES.iter().rev().find(|r| wanted(r))?;
    Some((first.mongodb.0, last.mongodb.1))
}

/// The major versions to go through from one to another, both included; downwards too.
pub fn steps(from: &str, to: &str) -> Vec<&'static str> {
    let place = |release: &str| STEPS.iter().position(|s| *s == major(release));
    let (Some(from), Some(to)) = (place(from), place(to)) else { return Vec::new() };
    let between: Vec<&str> = STEPS.get(from.min(to)..=from.max(to)).unwrap_or_default().to_vec();
    if from <= to { between } else { between.into_iter().rev().collect() }
}
