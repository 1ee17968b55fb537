//! What failed pick-ups come to: the cause that goes with the step that failed, where the log tells the step but has
//! no line of the cause itself.

use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::explain::reason::{Certainty, Reasoned};
use crate::pickup::explain::story::{Failed, Story};
use crate::pickup::explain::{Case, Options, Verdict, failures};
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

/// The pick-up to look at; nothing if none failed.
pub(super) fn found(pickups: &Story, groups: &[Group]) -> Option<PickupFound> {
    let options = Options { stated: stated(pickups, groups), ..Options::default() };
    let explanation = Case::new(pickups, options).explain(None);
    let found = PickupFound { summary: explanation.summary, failures: explanation.failures_total };
    (explanation.verdict == Verdict::Failed).then_some(found)
}

/// The lines of a pick-up that failed, and the step.
pub(super) struct Traced<'g> {
    group: &'g Group,
    /// The step, where it is known; else the process died of it.
    pub step: Option<StepFound>,
    /// Why that step fails so, where there is one reason.
    pub cause: Option<Cause>,
    /// The process died of it, and of nothing else that it told.
    pub fatal: bool,
}

/// The pick-ups whose step is known, by their lines among those of a log.
pub(super) struct Traces<'g>(Vec<Traced<'g>>);

impl<'g> Traces<'g> {
    pub fn new(pickups: &Story, groups: &'g [Group]) -> Self {
        let mut out: Vec<Traced<'g>> = Vec::new();
        for (failed, reasoned) in failures(pickups) {
            let traced = traced(failed, &reasoned, groups);
            out.extend(traced.filter(|t| !out.iter().any(|o| std::ptr::eq(o.group, t.group))));
        }
        Self(out)
    }

    /// Whether the lines of a pick-up are to be told as a cause: they show one, or are what the process died of where
    /// others show one.
    pub fn tells(&self, group: &Group) -> bool {
        let shows = |t: &Traced<'_>| t.cause.is_some();
        self.of(group).is_some_and(|t| shows(t) || t.fatal && self.0.iter().any(shows))
    }

    /// The lines of the pick-up that a process died of.
    pub fn fatal_of(&self, process: u64) -> Option<&'g Group> {
        self.0.iter().find(|t| t.fatal && t.group.process == process).map(|t| t.group)
    }

    pub fn of(&self, group: &Group) -> Option<&Traced<'g>> {
        self.0.iter().find(|t| std::ptr::eq(t.group, group))
    }
}

/// Lines that follow from page servers that are behind: they stand beside a failure, and say nothing of its cause.
fn is_aside(cause: Cause) -> bool {
    matches!(cause, Cause::DisNotFound)
}

/// The lines of a pick-up that failed.
fn group_of<'g>(failed: &Failed, groups: &'g [Group]) -> Option<&'g Group> {
    let (first, last) = ((failed.first.log, failed.first.line), (failed.last.log, failed.last.line));
    groups.iter().find(|g| {
        let within = (first..=last).contains(&(g.first.log, g.first.line));
        g.cause == Cause::DisPickup && (within || g.place.lsn.is_some() && g.place.lsn == failed.lsn.map(Lsn::get))
    })
}

/// Another cause that a line of the same process states.
fn stated_beside<'g>(group: &Group, groups: &'g [Group]) -> Option<&'g Group> {
    groups.iter().find(|g| g.primary && g.process == group.process && !is_aside(g.cause))
}

/// What a line states beside the failure that is to be explained: surer than what is concluded from missing lines.
pub(super) fn stated(pickups: &Story, groups: &[Group]) -> Option<(Cause, u64)> {
    let failed = pickups.failures.get(pickups.chosen()?)?;
    let other = stated_beside(group_of(failed, groups)?, groups)?;
    Some((other.cause, other.first.line))
}

fn traced<'g>(failed: &Failed, reasoned: &Reasoned, groups: &'g [Group]) -> Option<Traced<'g>> {
    let group = group_of(failed, groups)?;
    let beside = stated_beside(group, groups).is_some();
    // Lines that are missing say nothing in an excerpt: both functions must have told of the failure.
    let concluded = reasoned.certainty == Certainty::ByElimination;
    let sure = !concluded || failed.inner && failed.text.is_some() && !beside;
    let step = reasoned.step.filter(|_| sure);
    let step = step.map(|step| StepFound { step, certainty: reasoned.certainty, code: reasoned.code });
    let cause = step.and_then(|s| cause_of(s.step, s.code));
    // A line of the cause itself says more.
    let keys = [Cause::DisKeyStale, Cause::DisKeyMissing];
    let same = |g: &Group| cause.is_some_and(|c| g.cause == c || keys.contains(&g.cause) && keys.contains(&c));
    if groups.iter().any(|g| g.primary && same(g)) {
        return None;
    }
    let fatal = failed.abort.is_some() && !beside;
    (step.is_some() || fatal).then_some(Traced { group, step, cause, fatal })
}

/// Why a step fails with a code, where there is one reason for it.
fn cause_of(step: Step, code: Option<Code>) -> Option<Cause> {
    match (step, code?) {
        (Step::LoadKey, Code::EINVAL) => Some(Cause::DisKeyStale),
        (Step::LoadKey, _) => Some(Cause::DisKeyMissing),
        (Step::Order, _) => Some(Cause::DisOlderCheckpoint),
        (Step::FetchTurtle, Code::EIO) | (Step::Merge, Code::WT_NOTFOUND | Code::EIO) => Some(Cause::DisNotFound),
        (Step::Checksum, _) => Some(Cause::DisMetadataChecksum),
        (Step::Versions | Step::ParseTurtle, Code::ENOTSUP) => Some(Cause::DisMetadataFormat),
        _ => None,
    }
}
