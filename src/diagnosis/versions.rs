//! Versions that a line names: which releases they are, and the way between them.

use crate::mongo::releases;
use crate::serverlog::cause::Cause;
use crate::serverlog::place::Place;
use serde::Serialize;

/// Versions in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Versions {
    /// What the file has.
    pub version: String,
    /// The newest that the build takes.
    pub newest: Option<String>,
    /// A release has the version; else it is damage.
    pub known: bool,
    /// First and last release of MongoDB that writes it.
    pub written_by: Option<(&'static str, &'static str)>,
    /// First and last release of MongoDB that reads no more than the build does.
    pub build: Option<(&'static str, &'static str)>,
    /// Major versions to go through, from the build's to the one that wrote it.
    pub steps: Vec<&'static str>,
}

/// The versions of a line about them. `server` is the release of mongod, where the log has it.
pub fn of(cause: Cause, place: &Place, server: Option<&str>) -> Option<Versions> {
    let version = place.version.clone()?;
    let newest = place.newest_version.clone();
    let number = |text: &str| text.split(['/', '.']).next().and_then(|n| n.parse::<u32>().ok());
    let (mut written_by, mut build, mut steps) = (None, None, Vec::new());
    let known = match cause {
        Cause::LogVersion => {
            let number = number(&version)?;
            written_by = releases::of_wtlog(number);
            build = newest.as_deref().and_then(|n| n.parse().ok()).and_then(releases::reads_wtlog);
            if let (Some((from, _)), Some((to, _))) = (build, written_by) {
                steps = releases::steps(server.unwrap_or(from), to);
            }
            written_by.is_some()
        }
        Cause::DescVersion => number(&version)? == 1,
        Cause::TurtleVersionMajor => matches!(version.as_str(), "1.0" | "1.1" | "2.0" | "2.1"),
        Cause::Fcv => {
            steps = releases::STEPS.iter().copied().filter(|s| releases::major(&version) == *s).collect();
            !steps.is_empty()
        }
        _ => return None,
    };
    Some(Versions { version, newest, known, written_by, build, steps })
}
