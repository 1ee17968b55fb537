//! What an audit and `wtcheck orphans` found: the facts, and beside them the words that people get.

use crate::audit::finding::{Code, Detail, Finding, Place, Severity};
use crate::audit::home::detail::HomeDetail;
use crate::audit::pagelog::fact::Fact;
use crate::audit::result::{Audit, OrphanInfo};
use crate::coverage::Coverage;
use crate::id::{Lsn, LsnTime};
use crate::words;
use serde::Serialize;

/// Where a finding is, and when it was written.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PlaceDocument<'a> {
    /// The place.
    #[serde(flatten)]
    pub place: &'a Place,
    /// The time of its LSN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
}

/// A finding with its words.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FindingDocument<'a> {
    /// The stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: PlaceDocument<'a>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The probable cause, empty if unknown.
    pub cause: String,
    /// Tickets that belong to the cause.
    pub tickets: &'a [&'static str],
    /// Facts that support it, in words.
    pub evidence: Vec<String>,
    /// What to do.
    pub remedy: String,
    /// The same as values.
    pub detail: DetailDocument<'a>,
}

impl<'a> From<&'a Finding> for FindingDocument<'a> {
    fn from(f: &'a Finding) -> Self {
        let words::Words { expected, found, cause, evidence } = words::of(f);
        Self {
            code: f.code,
            severity: f.severity,
            place: PlaceDocument { place: &f.place, lsn_time: f.place.lsn.and_then(Lsn::time) },
            expected,
            found,
            cause,
            tickets: &f.tickets,
            evidence,
            remedy: words::remedy(f),
            detail: match &f.detail {
                Detail::Home(detail) => DetailDocument::Home(detail),
                Detail::PageLog(fact) => DetailDocument::PageLog(fact),
            },
        }
    }
}

/// What a finding states, as values.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum DetailDocument<'a> {
    /// About a home.
    Home(&'a HomeDetail),
    /// About a page log.
    PageLog(&'a Fact),
}

/// A whole audit. The fields of [`Audit`] stand beside its findings.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct AuditDocument<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    findings: Vec<FindingDocument<'a>>,
}

impl<'a> From<&'a Audit> for AuditDocument<'a> {
    fn from(audit: &'a Audit) -> Self {
        Self { audit, findings: audit.findings.iter().map(FindingDocument::from).collect() }
    }
}

/// Orphaned page versions: `wtcheck orphans` on a page log.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Orphans<'a> {
    pub(crate) schema_version: u32,
    pub(crate) checkpoint_lsn: Option<Lsn>,
    /// The time of the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint_lsn_time: Option<LsnTime>,
    pub(crate) orphans: &'a [OrphanInfo],
    pub(crate) findings: Vec<FindingDocument<'a>>,
    pub(crate) total_bytes: u64,
    pub(crate) explained_bytes: u64,
    pub(crate) coverage: &'a Coverage,
    pub(crate) exit_code: u8,
}

/// Ranges that belong to nothing: `wtcheck orphans` on local files.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Lost<'a> {
    pub(crate) schema_version: u32,
    pub(crate) findings: Vec<FindingDocument<'a>>,
    pub(crate) total_bytes: u64,
    pub(crate) uncertain_files: Vec<&'a str>,
    pub(crate) coverage: &'a Coverage,
    pub(crate) exit_code: u8,
}
