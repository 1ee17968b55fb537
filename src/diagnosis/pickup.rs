//! What a failed pick-up comes to: the cause that goes with the step that failed, where the log tells the step but
//! has no line of the cause itself.

use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::explain::reason::{Certainty, Reasoned};
use crate::pickup::explain::story::{Failed, Story};
use crate::pickup::explain::{Case, Options, Verdict};
use crate::pickup::step::Step;
use crate::serverlog::cause::Cause;
use crate::serverlog::story::Group;
use serde::Serialize;

/// What the logs say of pick-ups.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PickupFound {
    /// In two sentences.
    pub summary: String,
    /// Pick-ups that failed.
    pub failures: u64,
}

/// The failed step of a pick-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct StepFound {
    /// The step.
    pub step: Step,
    /// How it is known.
    pub certainty: Certainty,
    /// Return code.
    pub code: Option<Code>,
}

/// The pick-up to look at, and what made it fail.
pub(super) struct Traced {
    pub found: PickupFound,
    pub cause: Option<TracedCause>,
}

/// A cause that the failed step shows.
pub(super) struct TracedCause {
    pub cause: Cause,
    pub step: StepFound,
    /// The process died of it.
    pub fatal: bool,
    lsn: Option<Lsn>,
    /// First and last line of the failure, with the log.
    lines: [(usize, u64); 2],
}

/// The failure to look at in a log; nothing if no pick-up failed.
pub(super) fn trace(pickups: &Story) -> Option<Traced> {
    let case = Case::new(pickups, Options::default());
    let cause = case.failed.as_ref().and_then(|(failed, reasoned)| traced(failed, reasoned));
    let explanation = case.explain(None);
    let found = PickupFound { summary: explanation.summary, failures: explanation.failures_total };
    (explanation.verdict == Verdict::Failed).then_some(Traced { found, cause })
}

fn traced(failed: &Failed, reasoned: &Reasoned) -> Option<TracedCause> {
    // Lines that are missing say nothing in an excerpt: both functions must have told of the failure.
    if reasoned.certainty == Certainty::ByElimination && !(failed.inner && failed.text.is_some()) {
        return None;
    }
    let step = StepFound { step: reasoned.step?, certainty: reasoned.certainty, code: reasoned.code };
    Some(TracedCause {
        cause: cause_of(step.step, step.code?)?,
        step,
        fatal: failed.abort.is_some(),
        lsn: failed.lsn,
        lines: [(failed.first.log, failed.first.line), (failed.last.log, failed.last.line)],
    })
}

/// Why a step fails with a code.
fn cause_of(step: Step, code: Code) -> Option<Cause> {
    match (step, code) {
        (Step::LoadKey, Code::EINVAL) => Some(Cause::DisKeyStale),
        (Step::LoadKey, _) => Some(Cause::DisKeyMissing),
        (Step::Order, _) => Some(Cause::DisOlderCheckpoint),
        (Step::FetchTurtle, Code::EIO) | (Step::Merge, Code::WT_NOTFOUND | Code::EIO) => Some(Cause::DisNotFound),
        (Step::Checksum, _) => Some(Cause::DisMetadataChecksum),
        (Step::Versions | Step::ParseTurtle, _) => Some(Cause::DisMetadataFormat),
        _ => None,
    }
}

impl TracedCause {
    /// The lines of the pick-up among those of a log; nothing where one of them names a cause itself.
    pub fn group<'g>(&self, groups: &'g [Group]) -> Option<&'g Group> {
        let keys = [Cause::DisKeyStale, Cause::DisKeyMissing];
        let told = |g: &Group| g.cause == self.cause || keys.contains(&g.cause) && keys.contains(&self.cause);
        if groups.iter().any(|g| g.primary && told(g)) {
            return None;
        }
        let of_failure = |g: &&Group| {
            let [first, last] = self.lines;
            let within = (first..=last).contains(&(g.first.log, g.first.line));
            g.cause == Cause::DisPickup && (within || g.place.lsn.is_some() && g.place.lsn == self.lsn.map(Lsn::get))
        };
        groups.iter().find(of_failure)
    }
}
