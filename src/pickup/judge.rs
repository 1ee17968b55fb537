//! The rules no interleaving may break, and how a breach is told.

use super::code::Code;
use super::step::Step;
use serde::Serialize;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Never abort.
    Abort,
    /// Never install an older checkpoint.
    Older,
    /// Never install one whose key cannot be loaded.
    Key,
    /// Keep serving a consistent checkpoint.
    Consistent,
    /// Once a compatible checkpoint exists and faults stop, it is installed.
    Progress,
    /// Within the retry budget.
    Budget,
}

impl Rule {
    /// All, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Abort, Self::Older, Self::Key, Self::Consistent, Self::Progress, Self::Budget];

    pub fn words(self) -> &'static str {
        match self {
            Self::Abort => "never aborts",
            Self::Older => "never installs an older checkpoint",
            Self::Key => "never installs a checkpoint whose key cannot be loaded",
            Self::Consistent => "keeps serving a consistent checkpoint",
            Self::Progress => "installs a compatible checkpoint once there is one and faults stop",
            Self::Budget => "stays within the retry budget",
        }
    }
}

/// What breaches of one kind share.
pub type Kind = (Rule, bool, Option<Step>, Option<Code>);

/// A breach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// The node, by number.
    pub node: usize,
    /// The step of the pick-up, if one failed.
    pub step: Option<Step>,
    /// Its code.
    pub code: Option<Code>,
    /// It happened as the node became the leader.
    pub at_step_up: bool,
    /// What happened.
    pub words: String,
}

impl Broken {
    /// A breach.
    pub fn of(rule: Rule, node: usize, failed: Option<(Step, Code)>, words: impl FnOnce() -> String) -> Self {
        let (step, code) = (failed.map(|f| f.0), failed.map(|f| f.1));
        Self { rule, node, step, code, at_step_up: false, words: words() }
    }

    /// As the node became the leader.
    pub fn at_step_up(self) -> Self {
        Self { at_step_up: true, ..self }
    }

    /// Breaches of one kind differ only in when and where they happen.
    pub fn kind(&self) -> Kind {
        (self.rule, self.at_step_up, self.step, self.code)
    }
}
