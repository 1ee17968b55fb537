//! What a server does when a pick-up fails: today's, and the two fixes.

use super::code::Code;
use super::step::Step;
use crate::scenario::duration::Micros;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A policy of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Today's server: an error of the pick-up is fatal (SIGABRT)
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

    /// From its name.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions() {
        let retry = Retry::default();
        let decide = |policy: Policy, step, code, attempts| policy.decide(&Failure { step, code, attempts }, &retry);
        let key = |policy| decide(policy, Step::LoadKey, Code::EINVAL, 1);
        assert_eq!(Policy::ALL.map(key), [Reaction::Abort, Reaction::Skip, Reaction::StepDown]);
        let gone = |policy, attempts| decide(policy, Step::FetchTurtle, Code::EIO, attempts);
        assert_eq!(gone(Policy::Abort, 1), Reaction::Abort);
        assert_eq!(gone(Policy::Skip, 7), Reaction::Retry);
        assert_eq!(gone(Policy::Skip, 8), Reaction::Skip);
        assert_eq!(gone(Policy::StepDown, 8), Reaction::StepDown);
        assert_eq!(decide(Policy::Abort, Step::Merge, Code::EBUSY, 1), Reaction::Retry);
        // A page that came and is wrong does not get better.
        assert_eq!(decide(Policy::Skip, Step::Checksum, Code::EIO, 1), Reaction::Skip);
    }

    #[test]
    fn back_off() {
        let retry = Retry::default();
        let waits: Vec<u64> = (1..=9).map(|n| retry.wait(n).0 / 1000).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(retry.wait(u32::MAX).0, 10_000_000);
    }
}
