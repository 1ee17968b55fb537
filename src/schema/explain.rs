//! What `wtcheck explain` says of a finding code, of a cause that a server log names, and of a word of a log.

use crate::audit::finding::Severity;
use crate::serverlog::cause::{Cause, Damaged, Role, Sure};
use serde::Serialize;

/// A finding code.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Entry {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) tickets: &'static [&'static str],
    pub(crate) recognised: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) evidence: &'static str,
    pub(crate) next: &'static [&'static str],
}

/// A cause that `wtcheck log` names.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct CauseEntry {
    pub(crate) name: Cause,
    /// What a line of it is to a failure.
    pub(crate) role: Role,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether data are damaged.
    pub(crate) damaged: Damaged,
    /// Why they are, or are not.
    pub(crate) damage: &'static str,
    pub(crate) certainty: Sure,
    /// The lines that tell it.
    pub(crate) lines: Vec<CauseLine>,
    /// What to do, in its order.
    pub(crate) steps: &'static [&'static str],
}

/// A line that tells a cause.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct CauseLine {
    /// Its text; what differs stands in braces.
    pub(crate) text: &'static str,
    /// Releases of MongoDB that write it so.
    pub(crate) releases: &'static str,
}

/// A word that a server log shows: an error, a fatal assertion, a function, a message.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct WordEntry {
    /// The word, or the name of the number.
    pub(crate) word: String,
    /// `engine-error`, `system-error`, `fatal-assertion`, `function` or `message`.
    pub(crate) what: &'static str,
    /// Its number, where it has one.
    pub(crate) number: Option<i64>,
    pub(crate) meaning: String,
    /// Causes to look at.
    pub(crate) causes: Vec<Cause>,
}
