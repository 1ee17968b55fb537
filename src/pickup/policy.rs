//! What a server does when a pick-up fails: today's, and the two fixes.

use super::code::Code;
use super::step::Step;
use crate::scenario::duration::Micros;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A policy of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ValueEnum)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Today's server: a pick-up error is fatal (SIGABRT)
    Abort,
    /// Drop the checkpoint, keep serving from the installed one, take the next compatible one
    Skip,
    /// Leave cleanly, re-sync from the newest complete checkpoint, come back
    StepDown,
}

impl Policy {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Abort, Self::Skip, Self::StepDown];

    /// The name on the command line and in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Skip => "skip",
            Self::StepDown => "step-down",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// A pick-up that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub code: Code,
    /// How often this checkpoint has been tried, this time included.
    pub attempts: u32,
}

/// What the server does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    Abort,
    /// Never try this checkpoint again.
    Skip,
    /// Try it again after the back-off.
    Retry,
    /// Leave, re-sync, come back.
    StepDown,
    /// Install it all the same. No policy shipped here does; a wrong fix might.
    Ignore,
}

/// Decides. A trait, so that tests can try wrong fixes.
pub trait Decide: Sync {
    /// What to do about a failure.
    fn decide(&self, failure: &Failure, retry: &Retry) -> Reaction;
}

/// How often and at which distance a server tries a checkpoint again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts at one checkpoint before it is given up.
    pub budget: u32,
    /// Wait before the second attempt; doubled each time.
    pub first: Micros,
    /// Longest wait.
    pub longest: Micros,
}

impl Default for Retry {
    /// 8 attempts, 100 ms doubling up to the engine's backstop of 10 s.
    fn default() -> Self {
        Self { budget: 8, first: Micros::ms(100), longest: Micros::ms(10_000) }
    }
}

impl Retry {
    /// The wait behind an attempt, counted from 1.
    pub fn wait(&self, attempts: u32) -> Micros {
        let doubled = self.first.0.saturating_mul(1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX));
        Micros(doubled.min(self.longest.0.max(self.first.0)))
    }
}

impl Decide for Policy {
    fn decide(&self, failure: &Failure, retry: &Retry) -> Reaction {
        // The server has always tried again when the engine said so itself.
        let again = match self {
            Self::Abort => failure.code == Code::EBUSY,
            Self::Skip | Self::StepDown => failure.code.may_pass() && failure.step.reads_pages(),
        };
        if again && failure.attempts < retry.budget {
            return Reaction::Retry;
        }
        match self {
            Self::Abort => Reaction::Abort,
            Self::Skip => Reaction::Skip,
            Self::StepDown => Reaction::StepDown,
        }
    }
}
