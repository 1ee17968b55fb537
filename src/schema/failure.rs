//! A command that failed, for programs: what the line on stderr says to people.

use serde::Serialize;

/// A command that failed.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Failed<'a> {
    pub(crate) schema_version: u32,
    pub(crate) error: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) exit_code: u8,
}
