//! What differs between two stores: `wtcheck diff`.

use super::audit::FindingDocument;
use crate::audit::result::Tool;
use crate::diff::Diff;
use serde::Serialize;

/// Two stores, or two checkpoints of one.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Difference<'a> {
    pub(crate) schema_version: u32,
    pub(crate) tool: Tool,
    /// The first one.
    pub(crate) a: Compared<'a>,
    /// The second one.
    pub(crate) b: Compared<'a>,
    #[serde(flatten)]
    pub(crate) diff: &'a Diff,
    pub(crate) findings_only_in_a: Vec<FindingDocument<'a>>,
    pub(crate) findings_only_in_b: Vec<FindingDocument<'a>>,
    pub(crate) exit_code: u8,
}

/// One of the two.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Compared<'a> {
    /// Path as given.
    pub(crate) path: &'a str,
    /// The checkpoint that was asked for.
    pub(crate) checkpoint: Option<&'a str>,
}
