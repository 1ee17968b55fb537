//! A leader, its page log, page servers and standbys, without time: which actions are possible, and
//! what each one does. [`super::run`] adds the times,
//! [`super::explore`] tries every order.
//!
//! The race of the bug report: at T1 a rotated key gets its LSN in the page log and standbys hear of
//! it; only at T2 do new turtle pages embed it. A turtle page written in between has the higher LSN
//! and the older key.

mod fingerprint;
mod follower;
mod leader;
pub mod pagelog;
mod setup;

pub use setup::{GIVE_UP, Setup};

use super::judge::{Broken, Rule};
use super::scenario::{Act, Actor, Event, What};
use super::standby::{Attempt, Installed, Key, Role, Standby};
use super::step::Step;
use crate::id::Lsn;
use crate::scenario::duration::Micros;
use pagelog::{Logged, ROWS, Record, State};
use std::sync::Arc;

/// A checkpoint whose turtle page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InFlight {
    number: u64,
    metadata_lsn: Lsn,
    key: Option<Lsn>,
}

/// A rotation between T1 and T2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rotation {
    key: Key,
    /// From T1 to T2.
    pub flush: Micros,
}

#[derive(Debug, Clone)]
pub struct Node {
    /// As pick-up sees it.
    pub standby: Standby,
    /// Records below this position of the log have reached its key provider.
    heard: usize,
    /// Records below this position are materialized and applied.
    seen: usize,
    /// The pick-up it is in.
    pub attempt: Option<Attempt>,
    /// That pick-up went past a key that could not be loaded.
    past_key: bool,
    /// It took a part of the checkpoint that was damaged when it was read.
    past_damage: bool,
    /// Checkpoints it will not try again, by LSN of the completion record.
    dropped: Vec<Lsn>,
    /// The newest checkpoint refused for its key, by LSN: none up to it can embed a newer one.
    stale: Lsn,
    /// Checkpoints it will not try before something changes.
    parked: Vec<Lsn>,
    /// Queued until its sessions let go of older snapshots.
    deferred: Option<Lsn>,
    /// The next pick-up does not wait for snapshots.
    forced: bool,
    /// The checkpoint tried last, and how often.
    tries: (Lsn, u32),
    /// Highest metadata LSN it ever served from.
    pub served: Lsn,
    /// A re-sync found nothing it could install.
    stuck: bool,
    /// Delay of applying the oplog, beyond the scenario's own.
    pub apply_delay: Option<Micros>,
    /// Figures for the report; they decide nothing.
    pub counts: Counts,
}

/// What happened to a node. No decision depends on it.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Checkpoints installed.
    pub installed: u64,
    /// Checkpoints given up.
    pub skipped: u64,
    /// Attempts beyond the first at a checkpoint.
    pub retries: u64,
    /// Pick-ups held up by snapshots.
    pub deferred: u64,
    /// Times it left and came back.
    pub resyncs: u64,
    /// Times it died.
    pub aborts: u64,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// The next event of a lane.
    Event(usize),
    /// The leader writes the completion record.
    Complete,
    /// T2 of the rotation.
    Flush,
    /// A key page reaches a node's key provider.
    Hear(usize),
    /// The next completion record is materialized and applied for a node.
    See(usize),
    /// A node begins to pick up the newest checkpoint it can.
    Begin(usize),
    GoOn(usize),
    /// Its patience with silent page servers is over.
    GiveUp(usize),
    /// A queued pick-up is tried by force.
    Backstop(usize),
    /// A node that left comes back.
    Resync(usize),
    /// Parked checkpoints may be tried again. Only time brings this.
    Unpark(usize),
}

/// Something worth a line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Note {
    /// Who.
    pub actor: String,
    /// How it reads.
    pub tone: Tone,
    /// What happened.
    pub text: String,
    /// Lines the engine logs about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// How a note reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As expected.
    Plain,
    /// What one waits for.
    Good,
    /// A fault, or a step that failed.
    Warn,
    /// A rule was broken.
    Bad,
}

/// The state of everything.
#[derive(Debug, Clone)]
pub struct World {
    /// Last LSN given out.
    pub lsn: Lsn,
    /// Records that pick-up meets, ascending.
    pub log: Vec<Record>,
    /// Who leads.
    pub leader: Option<usize>,
    pub nodes: Vec<Node>,
    /// Page servers that are up.
    pub servers: Vec<bool>,
    lanes: Vec<usize>,
    in_flight: Option<InFlight>,
    rotation: Option<Rotation>,
    /// What new turtle pages embed.
    key: Option<Key>,
    key_version: u64,
    seals: u64,
    checkpoints: u64,
}

/// What an action let be seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub wanted: bool,
    pub notes: Vec<Note>,
    pub broken: Vec<Broken>,
}

impl Seen {
    pub fn with_notes() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    fn say(&mut self, setup: &Setup<'_>, actor: Actor, tone: Tone, text: impl FnOnce() -> String) {
        if self.wanted {
            let actor = setup.scenario.name_of(actor).to_string();
            self.notes.push(Note { actor, tone, text: text(), log: Vec::new() });
        }
    }
}

/// What a state at rest shows.
#[derive(Debug, Default)]
pub struct Rest {
    /// Nodes that make no progress.
    pub broken: Vec<Broken>,
    /// Nodes behind the newest checkpoint with none they could install: they wait for the next one.
    pub waiting: u64,
}

impl World {
    /// At the beginning every node has checkpoint 0 and the first key.
    pub fn new(setup: &Setup<'_>) -> Self {
        let scenario = setup.scenario;
        let mut lsn = Lsn::NONE;
        let mut log = Vec::new();
        let version = scenario.keystore.version;
        let key = (version > 0).then(|| {
            lsn.0 += 1;
            log.push(Record { lsn, what: Logged::Key { version, page: State::Whole } });
            Key { version: Some(version), lsn }
        });
        let metadata_lsn = Lsn(lsn.0 + 1);
        lsn.0 += 2;
        let first = Logged::Checkpoint {
            number: 0,
            metadata_lsn,
            key: key.map(|k| k.lsn),
            turtle: State::Whole,
            completion: State::Whole,
            metadata: State::Whole,
        };
        log.push(Record { lsn, what: first });
        let installed = Installed {
            metadata_lsn,
            lsn,
            timestamp: 1,
            oldest_timestamp: Some(0),
            database_size: Some(1 << 20),
            keystore_lsn: key.map(|k| k.lsn),
        };
        let local = Arc::new(ROWS.iter().cloned().collect());
        let nodes = (0..scenario.nodes.len())
            .map(|n| Node {
                standby: Standby {
                    role: if n == 0 { Role::Leader } else { Role::Follower },
                    installed: Some(installed.clone()),
                    keystore: key,
                    last_key_page: key.map(|k| k.lsn),
                    largest_file_id: 3,
                    local: Arc::clone(&local),
                    escaped: scenario.profile.completion_reader() < 2,
                    ..Standby::new()
                },
                heard: log.len(),
                seen: log.len(),
                attempt: None,
                past_key: false,
                past_damage: false,
                dropped: Vec::new(),
                stale: Lsn::NONE,
                parked: Vec::new(),
                deferred: None,
                forced: false,
                tries: (Lsn::NONE, 0),
                served: metadata_lsn,
                stuck: false,
                apply_delay: None,
                counts: Counts::default(),
            })
            .collect();
        Self {
            lsn,
            log,
            leader: Some(0),
            nodes,
            servers: vec![true; scenario.servers.len()],
            lanes: vec![0; setup.lanes.len()],
            in_flight: None,
            rotation: None,
            key,
            key_version: version,
            seals: 0,
            checkpoints: 0,
        }
    }

    /// The rotation between T1 and T2, if there is one.
    pub fn rotation(&self) -> Option<&Rotation> {
        self.rotation.as_ref()
    }

    /// Attempts made at the checkpoint a node tried last.
    pub fn attempts(&self, node: usize) -> u32 {
        self.nodes.get(node).map_or(0, |n| n.tries.1)
    }

    /// LSN of the record that a node's key provider, or its materialization, waits for.
    pub fn awaited(&self, action: Action) -> Option<Lsn> {
        let found = match action {
            Action::Hear(n) => self.next_key(self.nodes.get(n)?),
            Action::See(n) => self.next_completion(self.nodes.get(n)?),
            _ => None,
        };
        found.and_then(|at| self.log.get(at)).map(|r| r.lsn)
    }

    fn next_key(&self, node: &Node) -> Option<usize> {
        let is_key = |r: &Record| matches!(r.what, Logged::Key { page: State::Whole | State::Corrupt, .. });
        (node.heard..self.log.len()).find(|at| self.log.get(*at).is_some_and(is_key))
    }

    fn next_completion(&self, node: &Node) -> Option<usize> {
        let is_there = |r: &Record| match r.what {
            Logged::Checkpoint { completion, .. } => completion != State::Lost,
            Logged::Key { .. } => false,
        };
        (node.seen..self.log.len()).find(|at| self.log.get(*at).is_some_and(is_there))
    }

    /// The newest checkpoint a node would try.
    fn candidate(&self, node: &Node) -> Option<Record> {
        let own = node.standby.installed.as_ref().map_or(Lsn::NONE, |i| i.lsn);
        let out = |lsn: Lsn| {
            lsn <= node.stale
                || node.dropped.contains(&lsn)
                || node.parked.contains(&lsn)
                || node.deferred.is_some_and(|d| lsn <= d)
        };
        let seen = self.log.get(..node.seen.min(self.log.len())).unwrap_or_default();
        let there = |r: &&Record| match r.what {
            Logged::Checkpoint { completion, .. } => completion != State::Lost && !out(r.lsn),
            Logged::Key { .. } => false,
        };
        seen.iter().rev().take_while(|r| r.lsn > own).find(there).copied()
    }

    /// What can happen next, in a fixed order. `timed`: also what only time brings.
    pub fn enabled(&self, setup: &Setup<'_>, timed: bool) -> Vec<Action> {
        let mut out = Vec::new();
        let horizon = setup.scenario.window.map(|w| {
            let pending = (0..setup.lanes()).filter_map(|l| setup.event(self, l)).map(|(_, e)| e.at.0);
            pending.min().unwrap_or(u64::MAX).saturating_add(w.0)
        });
        for lane in 0..setup.lanes() {
            if let Some((_, event)) = setup.event(self, lane)
                && horizon.is_none_or(|h| event.at.0 <= h)
                && self.can(setup, event)
            {
                out.push(Action::Event(lane));
            }
        }
        if self.in_flight.is_some() {
            out.push(Action::Complete);
        }
        if self.rotation.is_some() {
            out.push(Action::Flush);
        }
        for (n, node) in self.nodes.iter().enumerate() {
            let reachable = setup.reachable(self, n);
            match node.standby.role {
                Role::Follower => {
                    if self.next_key(node).is_some() {
                        out.push(Action::Hear(n));
                    }
                    if reachable && self.next_completion(node).is_some() {
                        out.push(Action::See(n));
                    }
                    match &node.attempt {
                        None if self.candidate(node).is_some() => out.push(Action::Begin(n)),
                        None => {}
                        Some(attempt) => {
                            if reachable || !attempt.next().reads_pages() {
                                out.push(Action::GoOn(n));
                            } else if self.patience_ends(setup, n, attempt.next()) {
                                out.push(Action::GiveUp(n));
                            }
                        }
                    }
                    if node.deferred.is_some() && node.attempt.is_none() {
                        out.push(Action::Backstop(n));
                    }
                    if timed && !node.parked.is_empty() && node.attempt.is_none() {
                        out.push(Action::Unpark(n));
                    }
                }
                Role::Resyncing if reachable && !node.stuck => out.push(Action::Resync(n)),
                Role::Resyncing if timed && node.stuck => out.push(Action::Unpark(n)),
                _ => {}
            }
        }
        out
    }

    fn patience_ends(&self, setup: &Setup<'_>, node: usize, step: Step) -> bool {
        let late = matches!(step, Step::Merge | Step::SaveEntry);
        if late && setup.build.rules().waits_for_pages() {
            return false;
        }
        let by = setup.scenario.served_by.get(node).map(Vec::as_slice).unwrap_or_default();
        by.iter().all(|s| setup.long_outage.get(*s).copied().unwrap_or(false))
    }

    fn can(&self, setup: &Setup<'_>, event: &Event) -> bool {
        let Actor::Node(n) = event.actor else { return true };
        match event.act {
            Act::Checkpoint => self.in_flight.is_none(),
            Act::RotateKey(..) | Act::Seal(_) => self.rotation.is_none(),
            Act::Corrupt(what, number) | Act::Drop(what, number) => self.find(what, number).is_some(),
            Act::StepUp => {
                let idle = |n: &Node| n.standby.role == Role::Follower && n.attempt.is_none();
                // It picks a checkpoint up: silent page servers are waited for here too.
                let read = setup.reachable(self, n) || self.patience_ends(setup, n, Step::FetchTurtle);
                read && self.leader.is_none() && self.nodes.get(n).is_some_and(idle)
            }
            _ => true,
        }
    }

    /// The record a fault means.
    fn find(&self, what: What, number: u64) -> Option<usize> {
        self.log.iter().position(|r| match r.what {
            Logged::Key { version, .. } => what == What::Key && version == number,
            Logged::Checkpoint { number: own, .. } => what != What::Key && own == number,
        })
    }

    /// Do it.
    pub fn apply(&mut self, setup: &Setup<'_>, action: Action, seen: &mut Seen) {
        match action {
            Action::Event(lane) => {
                if let Some((_, event)) = setup.event(self, lane) {
                    let event = event.clone();
                    if let Some(at) = self.lanes.get_mut(lane) {
                        *at += 1;
                    }
                    self.happen(setup, &event, seen);
                }
            }
            Action::Complete => self.complete(setup, seen),
            Action::Flush => self.flush(setup, seen),
            Action::Hear(n) => self.hear(setup, n, seen),
            Action::See(n) => {
                let found = self.nodes.get(n).and_then(|node| self.next_completion(node));
                if let (Some(at), Some(node)) = (found, self.nodes.get_mut(n)) {
                    node.seen = at + 1;
                    node.parked.clear();
                    node.standby.materialized = self.log.get(at).map_or(Lsn::NONE, |r| r.lsn);
                }
            }
            Action::Begin(n) => self.begin(setup, n, seen),
            Action::GoOn(n) => self.go_on(setup, n, seen),
            Action::GiveUp(n) => {
                let Some(node) = self.nodes.get_mut(n) else { return };
                if let Some(mut attempt) = node.attempt.take() {
                    let mut trace = Vec::new();
                    let outcome = attempt.give_up(&mut node.standby, &setup.build, &mut trace);
                    self.over(setup, n, attempt, outcome, trace, seen);
                }
            }
            Action::Backstop(n) => {
                if let Some(node) = self.nodes.get_mut(n) {
                    (node.deferred, node.forced) = (None, true);
                }
                self.begin(setup, n, seen);
            }
            Action::Resync(n) => self.resync(setup, n, seen),
            Action::Unpark(n) => self.wake(n),
        }
    }

    fn happen(&mut self, setup: &Setup<'_>, event: &Event, seen: &mut Seen) {
        let actor = event.actor;
        match (actor, event.act) {
            (Actor::Server(s), act) => {
                let up = act == Act::Restart;
                if let Some(server) = self.servers.get_mut(s) {
                    *server = up;
                }
                seen.say(setup, actor, if up { Tone::Plain } else { Tone::Warn }, || {
                    if up { "page server is back".into() } else { "page server killed".into() }
                });
                if up {
                    (0..self.nodes.len()).for_each(|n| self.wake(n));
                }
            }
            (Actor::Node(n), Act::Write(_) | Act::Checkpoint | Act::RotateKey(..) | Act::Seal(_))
                if self.leader != Some(n) =>
            {
                seen.say(setup, actor, Tone::Plain, || {
                    format!("does not {}: it is not the leader", event.act.verb().name())
                });
            }
            (_, Act::Write(pages)) => {
                self.lsn = Lsn(self.lsn.get().saturating_add(pages));
                seen.say(setup, actor, Tone::Plain, || format!("{pages} pages written"));
            }
            (_, Act::Checkpoint) => self.write_turtle(setup, actor, seen),
            (_, Act::RotateKey(version, flush)) => self.rotate(setup, actor, version, flush, seen),
            (_, Act::Seal(count)) => {
                self.seals = self.seals.saturating_add(count);
                let per_key = setup.scenario.keystore.seals_per_key;
                seen.say(setup, actor, Tone::Plain, || format!("{count} seals, {} with this key", self.seals));
                if per_key > 0 && self.seals >= per_key {
                    self.seals = 0;
                    self.rotate(setup, actor, None, setup.scenario.timing.flush, seen);
                }
            }
            (_, Act::Corrupt(what, number) | Act::Drop(what, number)) => {
                let state = if matches!(event.act, Act::Drop(..)) { State::Lost } else { State::Corrupt };
                if let Some(record) = self.find(what, number).and_then(|at| self.log.get_mut(at)) {
                    match (&mut record.what, what) {
                        (Logged::Key { page, .. }, What::Key) => *page = state,
                        (Logged::Checkpoint { turtle, .. }, What::Turtle) => *turtle = state,
                        (Logged::Checkpoint { completion, .. }, What::Completion) => *completion = state,
                        (Logged::Checkpoint { metadata, .. }, What::Metadata) => *metadata = state,
                        _ => {}
                    }
                }
                seen.say(setup, actor, Tone::Warn, || {
                    let done = if state == State::Lost { "lost" } else { "damaged" };
                    format!("{} {number} {done}", format!("{what:?}").to_lowercase())
                });
            }
            (Actor::Node(n), act) => self.happen_to(setup, n, act, seen),
        }
    }

    fn happen_to(&mut self, setup: &Setup<'_>, n: usize, act: Act, seen: &mut Seen) {
        let actor = Actor::Node(n);
        let Some(node) = self.nodes.get_mut(n) else { return };
        match act {
            Act::ApplyDelay(by) => {
                node.apply_delay = Some(by);
                seen.say(setup, actor, Tone::Warn, || format!("applies the oplog {by} late"));
            }
            Act::HoldSnapshots(sessions) => {
                node.standby.snapshots = sessions;
                seen.say(setup, actor, Tone::Plain, || format!("{sessions} sessions hold snapshots"));
            }
            Act::ReleaseSnapshots => {
                node.standby.snapshots = 0;
                node.deferred = None;
                seen.say(setup, actor, Tone::Plain, || "snapshots are released".into());
            }
            Act::Kill if node.standby.role != Role::Aborted => {
                (node.attempt, node.forced) = (None, false);
                (node.past_key, node.past_damage) = (false, false);
                node.standby.restart(Role::Down);
                if self.leader == Some(n) {
                    self.stop_leading();
                }
                seen.say(setup, actor, Tone::Warn, || "stopped".into());
            }
            Act::Restart if matches!(node.standby.role, Role::Down | Role::Aborted) => {
                // A new process has nothing; it comes as after a step-down.
                node.standby.restart(Role::Resyncing);
                node.stuck = false;
                seen.say(setup, actor, Tone::Plain, || "started again".into());
            }
            Act::StepDown if self.leader == Some(n) => self.step_down(setup, n, seen),
            Act::StepUp => self.step_up(setup, n, seen),
            _ => {}
        }
    }

    /// Judge a state in which nothing more will happen: nodes that could have gone further.
    pub fn at_rest(&self, setup: &Setup<'_>) -> Rest {
        let mut rest = Rest::default();
        for (n, node) in self.nodes.iter().enumerate() {
            let serving = matches!(node.standby.role, Role::Follower | Role::Resyncing);
            if !serving || !setup.reachable(self, n) {
                continue;
            }
            let own = node.standby.installed.as_ref().map_or(Lsn::NONE, |i| i.lsn);
            let has = node.standby.keystore.map_or(Lsn::NONE, |k| k.lsn);
            // What it has served from already is behind it, also for a fresh process.
            let compatible = |r: &&Record| match r.what {
                Logged::Checkpoint { key, metadata_lsn, .. } => {
                    let readable = key.is_none_or(|k| self.log.iter().any(|r| r.lsn == k && r.is_whole()));
                    let newer = metadata_lsn >= node.served;
                    newer && r.is_whole() && readable && key.is_none_or(|k| k >= has)
                }
                Logged::Key { .. } => false,
            };
            let newest = self.log.iter().rev().find(|r| matches!(r.what, Logged::Checkpoint { .. }));
            match self.log.iter().rev().find(compatible) {
                Some(best) if best.lsn > own => rest.broken.push(Broken::of(Rule::Progress, n, None, || {
                    format!("stays at LSN {own} although the checkpoint at LSN {} is compatible", best.lsn)
                })),
                _ => rest.waiting += u64::from(newest.is_some_and(|r| r.lsn > own)),
            }
        }
        rest
    }

    /// Rules that hold in every state.
    pub fn check(&self, seen: &mut Seen) {
        for (n, node) in self.nodes.iter().enumerate() {
            if node.standby.role == Role::Follower && node.served > 0 && node.standby.installed.is_none() {
                seen.broken.push(Broken::of(Rule::Consistent, n, None, || "serves without a checkpoint".into()));
            }
        }
    }

    /// Events that have not happened.
    pub fn left_over(&self, setup: &Setup<'_>) -> usize {
        setup.lanes.iter().zip(&self.lanes).map(|(lane, at)| lane.events.len().saturating_sub(*at)).sum()
    }
}
