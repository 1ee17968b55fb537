//! What `wtcheck explain` says of a finding code.

use crate::audit::finding::Severity;
use serde::Serialize;

/// A finding code.
#[derive(Serialize, schemars::JsonSchema)]
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
