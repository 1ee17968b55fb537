//! What an explanation of a failed pick-up consists of: the failure, the timeline, what a server does next.

use super::check::Check;
use super::reason::{Certainty, Evidence};
use super::story::{Abort, Installed, Line, Log, Seen, Stated};
use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::policy::Policy;
use crate::pickup::profile::Profile;
use crate::pickup::step::Step;
use crate::serverlog::cause::Cause;
use serde::Serialize;

/// What a log comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A pick-up failed.
    Failed,
    /// There were pick-ups, and none failed.
    NoneFailed,
    /// Nothing in it is about pick-up.
    NothingFound,
}

impl Verdict {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::NoneFailed => 0,
            Self::NothingFound => 6,
        }
    }
}

/// A failure in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Brief {
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// Name of the return code.
    pub return_code: Option<Code>,
    /// The step.
    pub step: Option<Step>,
    /// How sure that is.
    pub certainty: Certainty,
    /// Attempts in the log.
    pub attempts: u32,
    /// The process died of it.
    pub fatal: bool,
    /// First line.
    pub first: Seen,
    /// Last line.
    pub last: Seen,
}

/// A failure in detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Detail {
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// Its time in Unix seconds, DERIVED from its high half: for display.
    pub metadata_unix_seconds_derived: Option<u64>,
    /// Checksum of the turtle page, hex.
    pub metadata_checksum: Option<String>,
    /// Size of the database.
    pub database_size: Option<u64>,
    /// Version of the writer.
    pub version: Option<u64>,
    /// Lowest version of a reader.
    pub compatible_version: Option<u64>,
    /// The completion text as logged.
    pub completion_text: Option<String>,
    /// Name of the return code.
    pub return_code: Option<Code>,
    /// The number.
    pub return_code_number: Option<i32>,
    /// The step.
    pub step: Option<Step>,
    /// Where the specification has it.
    pub step_place: Option<&'static str>,
    /// What it does.
    pub step_words: Option<&'static str>,
    /// How sure the step is.
    pub certainty: Certainty,
    /// The steps that are left.
    pub candidates: Vec<Step>,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// Session that picked it up.
    pub session: Option<String>,
    /// Session that asked for it.
    pub caller: Option<String>,
    /// Attempts in the log.
    pub attempts: u32,
    /// First line.
    pub first: Seen,
    /// Last line.
    pub last: Seen,
    /// How the process died of it.
    pub abort: Option<Abort>,
}

/// An LSN and the time in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LsnAndTime {
    /// The LSN.
    pub lsn: Lsn,
    /// DERIVED from its high half, for display.
    pub unix_seconds_derived: Option<u64>,
}

/// The LSNs of the checkpoint manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ManagerInfo {
    /// Newest checkpoint that is materialized and applied.
    pub latest_materialized: Option<LsnAndTime>,
    /// The one installed.
    pub installed: Option<LsnAndTime>,
    /// The one to install.
    pub to_install: Option<LsnAndTime>,
    /// Seconds from the installed to the one to install, DERIVED.
    pub seconds_installed_to_install_derived: Option<i64>,
    /// Seconds from the one to install to the newest, DERIVED.
    pub seconds_to_install_to_latest_derived: Option<i64>,
    /// The LSN to install is that of the failing checkpoint's record: right behind its metadata LSN.
    pub to_install_is_failing: bool,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Accompanying errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct SecondaryInfo {
    /// All.
    pub count: u64,
    /// `WT_NOTFOUND`, `item not found`, -31803.
    pub not_found: u64,
    /// Reads above the materialization frontier.
    pub frontier: u64,
    /// Blocks read again.
    pub retries: u64,
    /// Blocks that could not be read.
    pub read_errors: u64,
    /// The first.
    pub first: Option<Seen>,
    /// The last.
    pub last: Option<Seen>,
    /// Why they are no cause.
    pub why: String,
}

/// What a server does next under a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Judged {
    /// The policy.
    pub policy: Policy,
    /// `abort`, `skip`, `retry`, `step-down`, `panic` or `undecided`.
    pub reaction: &'static str,
    /// Attempts at this checkpoint before it is given up; 1 without a retry.
    pub attempts_allowed: u32,
    /// LSN of the checkpoint it goes on serving from, if it goes on and the log has it.
    pub serves_from: Option<Lsn>,
    /// In words.
    pub what: String,
}

/// What a log without a pick-up says broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Elsewhere {
    /// The cause.
    pub cause: Cause,
    /// What happened.
    pub title: &'static str,
    /// Where.
    pub line: u64,
}

/// The explanation of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// Version of this schema.
    pub schema_version: u32,
    /// `pickup-explain`.
    pub kind: &'static str,
    /// The logs.
    pub logs: Vec<Log>,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// What happened, in two sentences.
    pub summary: String,
    /// The rules the log was read by.
    pub profile: Profile,
    /// Why those.
    pub profile_evidence: String,
    /// The failure to look at.
    pub failure: Option<Detail>,
    /// All of them.
    pub failures: Vec<Brief>,
    /// Failures, those that are not listed included.
    pub failures_total: u64,
    /// LSNs of the checkpoint manager.
    pub checkpoint_manager: Option<ManagerInfo>,
    /// Checkpoints that were installed, the last ones.
    pub installed: Vec<Installed>,
    /// All that were installed.
    pub installed_total: u64,
    /// How processes died.
    pub aborts: Vec<Abort>,
    /// Primary lines around the failure.
    pub timeline: Vec<Line>,
    /// Lines that accompany it.
    pub secondary: SecondaryInfo,
    /// Lines about keys.
    pub key_lines: Vec<Line>,
    /// The key the node had, as given.
    pub keystore_lsn: Option<Lsn>,
    /// Both keys, as the key provider states them itself.
    pub stated_keystore: Option<Stated>,
    /// What broke instead, where nothing is about pick-up.
    pub elsewhere: Option<Elsewhere>,
    /// What happens under each policy.
    pub policies: Vec<Judged>,
    /// What a store says.
    pub check: Option<Check>,
    /// What to do next.
    pub next_steps: Vec<String>,
}
