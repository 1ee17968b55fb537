//! What a replay comes to, as programs read it (schema 1).

use crate::audit::result::Tool;
use crate::id::{Lsn, LsnTime};
use crate::pickup::code::Code;
use crate::pickup::merge::Conflict;
use crate::pickup::policy::Policy;
use crate::pickup::profile::Profile;
use crate::pickup::standby::{Installed, Role};
use crate::pickup::step::{Done, Step};
use crate::pickup::store::StoredKey;
use crate::store::StoreKind;
use serde::Serialize;

/// How the pick-up of one record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Installed.
    Installed,
    /// Installed already.
    Same,
    /// Not tried: older than what was installed, or the node was gone.
    NotTried,
    /// A step failed.
    Refused,
    /// A step failed in such a way that the engine panics.
    Panicked,
    /// What the step needs could not be read from the store: nothing is known.
    Unjudged,
}

/// What the node did about a checkpoint it could not install.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Died.
    Aborted,
    /// Dropped it and went on serving the one before.
    Skipped,
    /// Left, and came back in a fresh process.
    SteppedDown,
}

/// A checkpoint tried by a fresh process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Resync {
    /// LSN of its completion record.
    pub lsn: Lsn,
    /// How it ended.
    pub outcome: Ended,
    /// The step that failed.
    pub step: Option<Step>,
    /// Its code.
    pub code: Option<Code>,
    /// Why.
    pub reason: Option<String>,
    /// Every step taken.
    pub steps: Vec<Done>,
}

/// One record and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Record {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// LSN of the turtle page, where the text says it.
    pub metadata_lsn: Option<Lsn>,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_lsn_time: Option<LsnTime>,
    /// The key the turtle page embeds, where that could be read.
    pub keystore_lsn: Option<Lsn>,
    /// The key the standby had committed before it tried.
    pub committed_keystore_lsn: Option<Lsn>,
    /// How it ended.
    pub outcome: Ended,
    /// The step that failed.
    pub step: Option<Step>,
    /// Its code.
    pub code: Option<Code>,
    /// Why.
    pub reason: Option<String>,
    /// What stood against the merge.
    #[serde(skip)]
    pub conflict: Option<Conflict>,
    /// Attempts the server would have made; the same bytes give the same answer.
    pub attempts: u32,
    /// What the node did about a failure.
    pub action: Option<Action>,
    /// What it tried in fresh processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resyncs: Vec<Resync>,
    /// What the node was afterwards.
    pub role: Role,
    /// Metadata LSN of the checkpoint it served from afterwards.
    pub serves_metadata_lsn: Option<Lsn>,
    /// What else a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Every step taken. In a policy's list only where they are not those of the detailed list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Done>,
}

/// How far behind the newest record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Behind {
    /// Records between.
    pub records: u64,
    /// Distance of the metadata LSNs, where the newest record states one.
    pub lsn: Option<Lsn>,
    /// Distance of the checkpoint timestamps, where those are times.
    pub seconds: Option<u64>,
}

/// Where a policy ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PolicyResult {
    /// Which.
    pub policy: Policy,
    /// What the node is in the end.
    pub role: Role,
    /// The record it died of.
    pub aborted_at: Option<Lsn>,
    /// What it has installed, or had when it died.
    pub installed: Option<Installed>,
    /// Metadata LSN of the checkpoint it serves from; null if it does not serve.
    pub serves_metadata_lsn: Option<Lsn>,
    /// The key it has committed.
    pub keystore_lsn: Option<Lsn>,
    /// Records newer than what it had installed at the outset.
    pub records_offered: u64,
    /// Those it installed when it met them, in a fresh process or not.
    pub records_installed: u64,
    /// Records it could not install.
    pub refused: Vec<Lsn>,
    /// Records that could not be judged.
    pub unjudged: Vec<Lsn>,
    /// How often it left and came back.
    pub resyncs: u64,
    /// How far what it has installed is behind in the end.
    pub behind: Option<Behind>,
    /// Record by record.
    pub records: Vec<Record>,
}

/// A record that was refused, and the ways on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Refusal {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// The step.
    pub step: Step,
    /// Where the specification has the step.
    pub place: &'static str,
    /// Its code.
    pub code: Code,
    /// Why.
    pub reason: String,
    /// The engine panics: no policy helps.
    pub panics: bool,
    /// It embeds an older key than the one the standby has committed.
    pub stale_keystore: bool,
    /// Whether a fresh process installs it; null if that could not be judged.
    pub fresh_process_installs: Option<bool>,
    /// The next record that a standby installs which drops this one.
    pub next_installed: Option<Lsn>,
    /// The finding of an audit that says more.
    pub finding: Option<&'static str>,
}

/// A checkpoint that a fresh process installs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct RestartFrom {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// LSN of the turtle page.
    pub metadata_lsn: Option<Lsn>,
    /// The record's text, for `disaggregated.checkpoint_meta` at open.
    pub checkpoint_meta: String,
}

/// What was replayed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct StoreInfo {
    /// Kind.
    pub kind: StoreKind,
    /// Path as given.
    pub home: String,
    /// Generation, by evidence or by `--assume`.
    pub generation: &'static str,
    /// The evidence.
    pub generation_evidence: Vec<String>,
    /// Completion records.
    pub completions: u64,
    /// Key pages, ascending by LSN.
    pub keys: Vec<StoredKey>,
}

/// The standby at the outset, and its engine.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct StandbyInfo {
    /// The dated rules.
    pub profile: Profile,
    /// The merge compares as a diagnostic build does.
    pub diagnostic: bool,
    /// The merge panics as strict mode does.
    pub strict: bool,
    /// The key it had committed.
    pub keystore_lsn: Option<Lsn>,
    /// What it had installed.
    pub installed: Option<Installed>,
}

/// What a replay comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every record was installed.
    Installed,
    /// Some record was refused.
    Refused,
    /// Not enough could be read to judge.
    Incomplete,
}

/// A replay.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Replay {
    /// Version of the JSON schema.
    pub schema_version: u32,
    /// Who wrote this.
    pub tool: Tool,
    /// The store.
    pub store: StoreInfo,
    /// The standby.
    pub standby: StandbyInfo,
    /// The policy that `records` shows step by step.
    pub detailed_policy: Policy,
    /// Record by record, with every step.
    pub records: Vec<Record>,
    /// Records that were refused, and the ways on.
    pub refusals: Vec<Refusal>,
    /// Where each policy ends.
    pub policies: Vec<PolicyResult>,
    /// The newest checkpoint that a fresh process installs; looked for only where one was refused.
    pub restart_from: Option<RestartFrom>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// What could not be looked into.
    pub unchecked: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code that goes with it.
    pub exit_code: u8,
}
