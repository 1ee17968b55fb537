//! A shard that was exported: `wtcheck export`.

use crate::export::set::Manifest;
use serde::Serialize;

/// A shard, and what the set still lacks.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Exported<'a> {
    #[serde(rename = "schema_version")]
    pub(crate) schema: u32,
    pub(crate) out: String,
    pub(crate) export: &'a Manifest,
    pub(crate) missing_shards: &'a [u32],
    pub(crate) exit_code: u8,
}
