//! Every checkpoint of a store: `wtcheck history`.

use crate::audit::result::{StoreInfo, Tool};
use crate::coverage::Coverage;
use crate::history::History;
use crate::history::home::HomeHistory;
use serde::Serialize;

/// The checkpoints of a page log.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct PageLogHistory<'a> {
    pub(crate) schema_version: u32,
    pub(crate) tool: Tool,
    pub(crate) store: &'a StoreInfo,
    #[serde(flatten)]
    pub(crate) history: &'a History,
    pub(crate) exit_code: u8,
}

/// The checkpoints of local block files.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct LocalHistory<'a> {
    pub(crate) schema_version: u32,
    pub(crate) tool: Tool,
    pub(crate) home: &'a str,
    #[serde(flatten)]
    pub(crate) history: &'a HomeHistory,
    pub(crate) coverage: &'a Coverage,
    pub(crate) exit_code: u8,
}
