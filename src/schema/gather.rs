//! What `wtcheck gather` did.

use crate::store::gathered::Gathered;
use serde::Serialize;

/// Dumps that were gathered.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct GatheredPages<'a> {
    pub(crate) schema_version: u32,
    /// The page log.
    pub(crate) directory: String,
    pub(crate) gathered: &'a Gathered,
    pub(crate) exit_code: u8,
}
