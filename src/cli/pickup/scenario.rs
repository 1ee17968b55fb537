//! What the verbs on scenarios share: reading one, and choosing its policy and rules.

use super::super::Failure;
use crate::pickup::policy::Policy;
use crate::pickup::profile::Profile;
use crate::pickup::run::with;
use crate::pickup::scenario::Scenario;
use crate::scenario::{Document, Mistake, Unreadable};
use std::path::PathBuf;

/// Which scenario, and how to run it.
#[derive(Debug, clap::Args)]
pub(super) struct ScenarioArgs {
    /// The scenario, in YAML
    pub(super) scenario: PathBuf,
    /// The server's policy, instead of the scenario's
    #[arg(long, value_enum, value_name = "POLICY")]
    policy: Option<Policy>,
    /// The engine's rules by date, instead of the scenario's
    #[arg(long, value_enum, value_name = "DATE")]
    profile: Option<Profile>,
}

impl ScenarioArgs {
    /// Read and check it.
    pub(super) fn read(&self) -> Result<(Document, Scenario), Failure> {
        let document = Document::read(&self.scenario)?;
        let scenario = Scenario::parse(&document)?;
        Ok((document, with(&scenario, self.policy, self.profile)))
    }
}

impl From<Mistake> for Failure {
    fn from(e: Mistake) -> Self {
        Self::usage(e.to_string(), "fix the scenario; fixtures/scenarios/ has some that work")
    }
}

impl From<Unreadable> for Failure {
    fn from(e: Unreadable) -> Self {
        Self::incomplete(e.to_string(), "give a scenario in YAML; fixtures/scenarios/ has some")
    }
}
