//! What the leader does: checkpoints, rotations, taking over and letting go.

use super::super::judge::{Broken, Rule};
use super::super::policy::{Failure, Reaction};
use super::super::scenario::Actor;
use super::super::standby::{Attempt, Installed, Key, Outcome, Role};
use super::pagelog::{Logged, Pages, Record, State, completion_text};
use super::{InFlight, Rotation, Seen, Setup, Tone, World};
use crate::id::Lsn;
use crate::scenario::duration::Micros;

impl World {
    /// The turtle page of a checkpoint: it embeds the key that was flushed last.
    pub(super) fn write_turtle(&mut self, setup: &Setup<'_>, actor: Actor, seen: &mut Seen) {
        self.checkpoints += 1;
        self.lsn.0 += 1;
        let own = InFlight { number: self.checkpoints, metadata_lsn: self.lsn, key: self.key.map(|k| k.lsn) };
        self.in_flight = Some(own);
        let newer = self.rotation.map(|r| r.key);
        seen.say(setup, actor, if newer.is_some() { Tone::Warn } else { Tone::Plain }, || {
            let key = own.key.map_or("no key".to_string(), |k| format!("the key at LSN {k}"));
            let race = newer.map(|k| format!("; between T1 and T2: the key at LSN {} is already in the log", k.lsn));
            format!(
                "checkpoint {}: turtle page at LSN {} embeds {key}{}",
                own.number,
                own.metadata_lsn,
                race.unwrap_or_default()
            )
        });
    }

    pub(super) fn rotate(
        &mut self,
        setup: &Setup<'_>,
        actor: Actor,
        version: Option<u64>,
        flush: Micros,
        seen: &mut Seen,
    ) {
        self.key_version = version.unwrap_or(self.key_version + 1);
        self.lsn.0 += 1;
        let key = Key { version: Some(self.key_version), lsn: self.lsn };
        self.log.push(Record { lsn: key.lsn, what: Logged::Key { version: self.key_version, page: State::Whole } });
        self.rotation = Some(Rotation { key, flush });
        seen.say(setup, actor, Tone::Plain, || {
            format!("T1: KEK version {} committed in memory, its page has LSN {}", self.key_version, key.lsn)
        });
    }

    pub(super) fn flush(&mut self, setup: &Setup<'_>, seen: &mut Seen) {
        let (Some(rotation), Some(leader)) = (self.rotation.take(), self.leader) else { return };
        self.key = Some(rotation.key);
        if let Some(node) = self.nodes.get_mut(leader) {
            node.standby.commit_key(rotation.key);
        }
        seen.say(setup, Actor::Node(leader), Tone::Plain, || {
            format!("T2: key at LSN {} flushed, checkpoints embed it from now on", rotation.key.lsn)
        });
    }

    pub(super) fn complete(&mut self, setup: &Setup<'_>, seen: &mut Seen) {
        let (Some(own), Some(leader)) = (self.in_flight.take(), self.leader) else { return };
        self.lsn.0 += 1;
        let whole = State::Whole;
        self.log.push(Record {
            lsn: self.lsn,
            what: Logged::Checkpoint {
                number: own.number,
                metadata_lsn: own.metadata_lsn,
                key: own.key,
                turtle: whole,
                completion: whole,
                metadata: whole,
            },
        });
        if let Some(node) = self.nodes.get_mut(leader) {
            node.served = own.metadata_lsn;
            node.standby.installed = Some(Installed {
                metadata_lsn: own.metadata_lsn,
                lsn: self.lsn,
                timestamp: own.number + 1,
                oldest_timestamp: Some(0),
                database_size: Some(1 << 20),
                keystore_lsn: own.key,
            });
        }
        // A node that found nothing to start from may find this.
        self.nodes.iter_mut().for_each(|n| n.stuck = false);
        seen.say(setup, Actor::Node(leader), Tone::Plain, || {
            format!("checkpoint {} complete: record at LSN {}", own.number, self.lsn)
        });
    }

    /// What the leader had begun ends with it.
    pub(super) fn stop_leading(&mut self) {
        self.leader = None;
        (self.in_flight, self.rotation) = (None, None);
    }

    pub(super) fn step_down(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let end = self.log.len();
        // From T1 on the leader's own provider has the new key.
        let key = self.rotation.map(|r| r.key).or(self.key);
        self.stop_leading();
        if let Some(node) = self.nodes.get_mut(n) {
            node.standby.role = Role::Follower;
            node.standby.keystore = key;
            (node.heard, node.seen) = (end, end);
        }
        seen.say(setup, Actor::Node(n), Tone::Plain, || "steps down".into());
    }

    /// Follower to leader: what no record completes is abandoned, the newest complete
    /// checkpoint is picked up; today a failure of that is a panic.
    pub(super) fn step_up(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let is_complete = |r: &Record| match r.what {
            Logged::Checkpoint { completion, .. } => completion != State::Lost,
            Logged::Key { .. } => false,
        };
        let end = self.log.iter().rposition(is_complete).map_or(0, |at| at + 1);
        self.log.truncate(end);
        for node in &mut self.nodes {
            (node.heard, node.seen) = (node.heard.min(end), node.seen.min(end));
        }
        let Some(record) = self.log.last().copied() else { return };
        let reachable = setup.reachable(self, n);
        let text = completion_text(&record, setup.scenario.profile);
        let Self { log, nodes, .. } = self;
        let Some(node) = nodes.get_mut(n) else { return };
        let mut trace = Vec::new();
        let mut pages = Pages { log, profile: setup.scenario.profile, reachable };
        let newest = node.standby.installed.as_ref().map(|i| i.lsn) == Some(record.lsn);
        if !newest {
            let attempt = Attempt::new(record.lsn, &text, true);
            let (_, mut outcome) = attempt.run(&mut node.standby, &mut pages, &setup.build, &mut trace);
            if let Outcome::Failed(step, code) = outcome {
                let failure = Failure { step, code, attempts: setup.scenario.retry.budget };
                if setup.policy.decide(&failure, &setup.scenario.retry) != Reaction::Abort {
                    // What a fixed server does: start anew, without the key in memory.
                    node.standby.restart(Role::Resyncing);
                    node.counts.resyncs += 1;
                    outcome = Attempt::new(record.lsn, &text, true)
                        .run(&mut node.standby, &mut pages, &setup.build, &mut trace)
                        .1;
                    if matches!(outcome, Outcome::Failed(..)) {
                        node.standby.restart(Role::Resyncing);
                        node.stuck = false;
                        seen.say(setup, Actor::Node(n), Tone::Warn, || "cannot step up; re-syncs".into());
                        return;
                    }
                }
            }
            match outcome {
                Outcome::Failed(step, code) | Outcome::Panicked(step, code) => {
                    node.counts.aborts += 1;
                    node.standby.role = Role::Aborted;
                    let broken = Broken::of(Rule::Abort, n, Some((step, code)), || {
                        format!("panics while stepping up: {code} at {step} of the checkpoint at LSN {}", record.lsn)
                    });
                    seen.say(setup, Actor::Node(n), Tone::Bad, || broken.words.clone());
                    seen.broken.push(broken.at_step_up());
                    return;
                }
                _ => {
                    node.counts.installed += 1;
                    self.installed(setup, n, seen);
                }
            }
        }
        self.lead(setup, n, end, seen);
    }

    pub(super) fn lead(&mut self, setup: &Setup<'_>, n: usize, end: usize, seen: &mut Seen) {
        let Some(node) = self.nodes.get_mut(n) else { return };
        node.standby.role = Role::Leader;
        (node.heard, node.seen, node.deferred) = (end, end, None);
        (node.dropped, node.stale, node.parked, node.tries) = (Vec::new(), Lsn::NONE, Vec::new(), (Lsn::NONE, 0));
        self.leader = Some(n);
        let own = node.standby.keystore;
        let in_log = |k: &Key| self.log.iter().any(|r| r.lsn == k.lsn);
        // A key whose page was abandoned is put again, under a new LSN.
        self.key = match own {
            Some(key) if !in_log(&key) => {
                self.lsn.0 += 1;
                let version = key.version.unwrap_or(self.key_version);
                self.log.push(Record { lsn: self.lsn, what: Logged::Key { version, page: State::Whole } });
                Some(Key { version: Some(version), lsn: self.lsn })
            }
            other => other,
        };
        if let (Some(key), Some(node)) = (self.key, self.nodes.get_mut(n)) {
            node.standby.commit_key(key);
        }
        seen.say(setup, Actor::Node(n), Tone::Good, || "steps up: it is the leader from now on".into());
    }
}
