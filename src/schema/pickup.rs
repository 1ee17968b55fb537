//! Scenarios that were run and explored: `wtcheck pickup run` and `explore`.

use crate::pickup::explore::Figures;
use crate::pickup::judge::Broken;
use crate::pickup::run::{Breach, NodeReport, Report};
use crate::pickup::scenario::Scheduled;
use serde::Serialize;

/// A run of a scenario.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "ScenarioRun"))]
pub(crate) struct Run<'a> {
    pub(crate) schema_version: u32,
    pub(crate) scenario: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) policy: &'a str,
    pub(crate) retry_budget: u32,
    pub(crate) retry_first_us: u64,
    pub(crate) retry_longest_us: u64,
    #[serde(flatten)]
    pub(crate) report: &'a Report,
    pub(crate) other_policies: Vec<OtherPolicy<'a>>,
    pub(crate) exit_code: u8,
}

/// What another policy comes to.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct OtherPolicy<'a> {
    pub(crate) policy: &'a str,
    pub(crate) nodes: &'a [NodeReport],
    pub(crate) breaches: &'a [Breach],
    pub(crate) waiting: u64,
}

/// Schedules that were tried.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Exploration<'a> {
    pub(crate) schema_version: u32,
    pub(crate) scenario: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) policy: &'a str,
    pub(crate) exhaustive: bool,
    #[serde(flatten)]
    pub(crate) figures: &'a Figures,
    pub(crate) seed: Option<u64>,
    pub(crate) counter_examples: Vec<Example<'a>>,
    pub(crate) exit_code: u8,
}

/// A schedule that breaks a rule.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Example<'a> {
    #[serde(flatten)]
    pub(crate) broken: &'a Broken,
    pub(crate) actor: &'a str,
    pub(crate) found_after: usize,
    pub(crate) schedule: &'a [Scheduled],
    pub(crate) scenario: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<&'a str>,
}
