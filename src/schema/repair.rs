//! What `wtcheck repair` did.

use crate::audit::result::{Totals, Verdict};
use crate::id::Lsn;
use crate::repair::plan::Plan;
use serde::Serialize;

/// A plan that was written to a file.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct PlanFile<'a> {
    pub(crate) schema_version: u32,
    /// Where it is; null if there was nothing to plan, and nothing was written.
    pub(crate) plan_file: Option<String>,
    pub(crate) plan: &'a Plan,
    pub(crate) exit_code: u8,
}

/// A plan that was applied.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct AppliedPlan<'a> {
    pub(crate) schema_version: u32,
    pub(crate) directory: String,
    pub(crate) journal: String,
    pub(crate) undo: String,
    pub(crate) actions: Vec<String>,
    pub(crate) before: Side<'a>,
    pub(crate) after: Side<'a>,
    pub(crate) rolled_back: Option<&'a str>,
    pub(crate) exit_code: u8,
}

/// What an audit comes to, before or after.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Side<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) totals: &'a Totals,
    pub(crate) completion_lsn: Option<Lsn>,
    pub(crate) orphans: u64,
    pub(crate) database_size: Option<u64>,
    pub(crate) trees: Vec<TreeSide<'a>>,
}

/// A tree's sizes, bytes.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct TreeSide<'a> {
    pub(crate) uri: &'a str,
    pub(crate) published_size: Option<u64>,
    pub(crate) recomputed_size: u64,
}

/// A repair that was taken back.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct UndonePlan<'a> {
    pub(crate) schema_version: u32,
    pub(crate) directory: String,
    pub(crate) undone: &'a [String],
    pub(crate) changes: u64,
    pub(crate) of: u64,
    /// Why the store as a whole is not as it was before the repair; null if it is.
    pub(crate) differs: Option<&'a str>,
    pub(crate) exit_code: u8,
}
