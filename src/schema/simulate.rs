//! A simulated history of a page log: `wtcheck simulate`.

use crate::simulate::outcome::Outcome;
use serde::Serialize;

/// A simulation, and where its data directory is.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Simulation<'a> {
    pub(crate) schema_version: u32,
    pub(crate) directory: String,
    #[serde(flatten)]
    pub(crate) outcome: &'a Outcome,
    pub(crate) exit_code: u8,
}
