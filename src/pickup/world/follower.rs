//! What a follower does: it hears of keys, picks checkpoints up, and reacts as its policy says.

use super::super::code::Code;
use super::super::judge::{Broken, Rule};
use super::super::policy::{Failure, Reaction};
use super::super::scenario::Actor;
use super::super::standby::{Attempt, Key, Outcome, Progress, Role};
use super::super::step::{Done, Step};
use super::pagelog::{Logged, Pages, Record, State, completion_text, is_damaged, is_refused_key};
use super::{Note, Seen, Setup, Tone, World};
use crate::id::Lsn;

/// Steps before which other actors may act: those that read pages or what others change.
fn is_boundary(step: Step) -> bool {
    matches!(step, Step::FetchTurtle | Step::LoadKey | Step::SaveEntry)
}

impl World {
    pub(super) fn hear(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let Some(at) = self.nodes.get(n).and_then(|node| self.next_key(node)) else { return };
        let (Some(node), Some(record)) = (self.nodes.get_mut(n), self.log.get(at)) else { return };
        node.heard = at + 1;
        if let Logged::Key { version, page: State::Whole } = record.what
            && node.standby.commit_key(Key { version: Some(version), lsn: record.lsn })
        {
            let lsn = record.lsn;
            seen.say(setup, Actor::Node(n), Tone::Plain, || format!("commits KEK version {version}, LSN {lsn}"));
        }
    }

    pub(super) fn begin(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let Some(record) = self.nodes.get(n).and_then(|node| self.candidate(node)) else { return };
        let text = completion_text(&record, setup.scenario.profile);
        let Some(node) = self.nodes.get_mut(n) else { return };
        node.tries = if node.tries.0 == record.lsn { (record.lsn, node.tries.1 + 1) } else { (record.lsn, 1) };
        let attempts = node.tries.1;
        node.counts.retries += u64::from(attempts > 1);
        node.past_key = false;
        node.past_damage = matches!(record.what, Logged::Checkpoint { completion: State::Corrupt, .. });
        node.attempt = Some(Attempt::new(record.lsn, &text, std::mem::take(&mut node.forced)));
        if attempts > setup.scenario.retry.budget {
            seen.broken.push(Broken::of(Rule::Budget, n, None, || {
                format!("tries the checkpoint at LSN {} for the {attempts}th time", record.lsn)
            }));
        }
        self.go_on(setup, n, seen);
    }

    /// Go on up to the next step that waits for others.
    pub(super) fn go_on(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let reachable = setup.reachable(self, n);
        let Self { log, nodes, .. } = self;
        let Some(node) = nodes.get_mut(n) else { return };
        let Some(mut attempt) = node.attempt.take() else { return };
        let mut trace = Vec::new();
        let mut pages = Pages { log, profile: setup.scenario.profile, reachable };
        let first = attempt.next();
        loop {
            if attempt.next() != first && is_boundary(attempt.next()) {
                node.attempt = Some(attempt);
                return;
            }
            node.past_damage |= is_damaged(pages.log, attempt.lsn, attempt.next());
            if attempt.next() == Step::LoadKey {
                let committed = node.standby.keystore.map(|k| k.lsn);
                node.past_key = is_refused_key(pages.log, attempt.lsn, committed);
            }
            match attempt.step(&mut node.standby, &mut pages, &setup.build, &mut trace) {
                Progress::Going => {}
                Progress::Waiting => {
                    node.attempt = Some(attempt);
                    return;
                }
                Progress::Over(outcome) => return self.over(setup, n, attempt, outcome, trace, seen),
            }
        }
    }

    /// A pick-up is over; the policy decides what follows.
    pub(super) fn over(
        &mut self,
        setup: &Setup<'_>,
        n: usize,
        mut attempt: Attempt,
        outcome: Outcome,
        trace: Vec<Done>,
        seen: &mut Seen,
    ) {
        let lsn = attempt.lsn;
        let Some(node) = self.nodes.get_mut(n) else { return };
        let actor = Actor::Node(n);
        match outcome {
            Outcome::Installed => {
                node.counts.installed += 1;
                self.installed(setup, n, seen);
            }
            Outcome::Same => {}
            Outcome::Deferred => {
                node.counts.deferred += 1;
                node.deferred = Some(lsn);
                // Nothing of the checkpoint was tried.
                node.tries.1 = node.tries.1.saturating_sub(1);
                let sessions = node.standby.snapshots;
                seen.say(setup, actor, Tone::Plain, || {
                    format!("pick-up of the checkpoint at LSN {lsn} waits for {sessions} sessions")
                });
            }
            Outcome::Panicked(step, code) => {
                node.counts.aborts += 1;
                node.standby.role = Role::Aborted;
                let broken = Broken::of(Rule::Abort, n, Some((step, code)), || {
                    format!("panics: {code} at {step} of the checkpoint at LSN {lsn}")
                });
                seen.say(setup, actor, Tone::Bad, || broken.words.clone());
                seen.broken.push(broken);
            }
            Outcome::Failed(step, code) => {
                let failure = Failure { step, code, attempts: node.tries.1 };
                let reaction = setup.policy.decide(&failure, &setup.scenario.retry);
                self.tell(setup, n, &attempt, &trace, reaction, seen);
                let Some(node) = self.nodes.get_mut(n) else { return };
                if reaction != Reaction::Ignore {
                    (node.past_key, node.past_damage) = (false, false);
                }
                match reaction {
                    Reaction::Abort => {
                        node.counts.aborts += 1;
                        node.standby.role = Role::Aborted;
                        seen.broken.push(Broken::of(Rule::Abort, n, Some((step, code)), || {
                            format!("aborts: {code} at {step} of the checkpoint at LSN {lsn}")
                        }));
                    }
                    Reaction::Retry => {}
                    Reaction::Skip if code.may_pass() && step.reads_pages() => {
                        // Page servers may come back: not for good.
                        node.counts.skipped += 1;
                        node.parked.push(lsn);
                        node.tries = (Lsn::NONE, 0);
                    }
                    Reaction::Skip => {
                        node.counts.skipped += 1;
                        match (step, code) {
                            (Step::LoadKey, Code::EINVAL) => {
                                node.stale = node.stale.max(lsn);
                                node.dropped.retain(|l| *l > lsn);
                            }
                            _ => node.dropped.push(lsn),
                        }
                        node.tries = (Lsn::NONE, 0);
                    }
                    Reaction::StepDown => {
                        node.standby.restart(Role::Resyncing);
                        node.tries = (Lsn::NONE, 0);
                        node.stuck = false;
                    }
                    Reaction::Ignore => {
                        if attempt.ignore_failure() == Progress::Going {
                            node.attempt = Some(attempt);
                            self.go_on(setup, n, seen);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn tell(
        &self,
        setup: &Setup<'_>,
        n: usize,
        attempt: &Attempt,
        trace: &[Done],
        reaction: Reaction,
        seen: &mut Seen,
    ) {
        let (true, Some(last)) = (seen.wanted, trace.last()) else { return };
        let then = match reaction {
            Reaction::Abort => "SIGABRT",
            Reaction::Skip => "skipped",
            Reaction::Retry => "retried later",
            Reaction::StepDown => "steps down and re-syncs",
            Reaction::Ignore => "ignored",
        };
        let tone = if reaction == Reaction::Abort { Tone::Bad } else { Tone::Warn };
        seen.notes.push(Note {
            actor: setup.scenario.name_of(Actor::Node(n)).to_string(),
            tone,
            text: format!(
                "pick-up of the checkpoint at LSN {} fails at {} with {}: {}; {then}",
                attempt.lsn, last.step, last.code, last.note
            ),
            log: last.log.clone(),
        });
    }

    /// A checkpoint was installed: judge it.
    pub(super) fn installed(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let Some(node) = self.nodes.get_mut(n) else { return };
        let Some(own) = node.standby.installed.clone() else { return };
        if own.metadata_lsn < node.served {
            let served = node.served;
            seen.broken.push(Broken::of(Rule::Older, n, None, || {
                format!("installs metadata LSN {}, which is older than {served}", own.metadata_lsn)
            }));
        }
        if node.past_key {
            let (embeds, has) = (own.keystore_lsn, node.standby.keystore.map(|k| k.lsn));
            seen.broken.push(Broken::of(Rule::Key, n, None, || {
                format!(
                    "installs the checkpoint at LSN {} with the key {embeds:?}, which is older than {has:?}",
                    own.lsn
                )
            }));
        }
        if node.past_damage {
            seen.broken.push(Broken::of(Rule::Consistent, n, None, || {
                format!("installs the checkpoint at LSN {}, parts of which are damaged", own.lsn)
            }));
        }
        node.served = node.served.max(own.metadata_lsn);
        node.dropped.retain(|lsn| *lsn > own.lsn);
        node.stale = if node.stale > own.lsn { node.stale } else { Lsn::NONE };
        node.parked.retain(|lsn| *lsn > own.lsn);
        node.tries = (Lsn::NONE, 0);
        (node.past_key, node.past_damage) = (false, false);
        seen.say(setup, Actor::Node(n), Tone::Good, || {
            format!("picks up the checkpoint at LSN {}, metadata LSN {}", own.lsn, own.metadata_lsn)
        });
    }

    /// A node that left starts anew with the newest complete checkpoint it can install, none behind
    /// the one it served from.
    pub(super) fn resync(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let reachable = setup.reachable(self, n);
        let candidates: Vec<Record> = self.log.iter().rev().copied().filter(|r| self.may_resync(n, r)).collect();
        let Self { log, nodes, .. } = self;
        let Some(node) = nodes.get_mut(n) else { return };
        for record in candidates {
            node.standby.restart(Role::Resyncing);
            let attempt = Attempt::new(record.lsn, &completion_text(&record, setup.scenario.profile), true);
            let mut pages = Pages { log, profile: setup.scenario.profile, reachable };
            let (attempt, outcome) = attempt.run(&mut node.standby, &mut pages, &setup.build, &mut Vec::new());
            if outcome == Outcome::Installed {
                let behind = attempt.metadata_lsn().unwrap_or_default();
                node.standby.role = Role::Follower;
                node.standby.materialized = record.lsn;
                // It follows the log from its checkpoint on.
                node.heard = log.iter().position(|r| r.lsn > behind).unwrap_or(log.len());
                node.seen = log.iter().position(|r| r.lsn == record.lsn).map_or(log.len(), |at| at + 1);
                (node.dropped, node.stale, node.parked, node.deferred) = (Vec::new(), Lsn::NONE, Vec::new(), None);
                node.counts.resyncs += 1;
                self.installed(setup, n, seen);
                return;
            }
        }
        node.standby.restart(Role::Resyncing);
        node.stuck = true;
        seen.say(setup, Actor::Node(n), Tone::Warn, || "finds no checkpoint that it could start from".into());
    }

    pub(super) fn may_resync(&self, n: usize, record: &Record) -> bool {
        let served = self.nodes.get(n).map_or(Lsn::NONE, |node| node.served);
        match record.what {
            Logged::Checkpoint { metadata_lsn, completion, .. } => completion != State::Lost && metadata_lsn >= served,
            Logged::Key { .. } => false,
        }
    }

    /// Something changed for a node: what was parked may be tried again.
    pub(super) fn wake(&mut self, n: usize) {
        if let Some(node) = self.nodes.get_mut(n) {
            node.parked.clear();
            node.stuck = false;
            node.tries = (Lsn::NONE, 0);
        }
    }
}
