//! A scenario in virtual time: each action that [`super::world`] makes possible happens after its own
//! delay, the earliest first. The same scenario always gives the same timeline.

use super::judge::Broken;
use super::scenario::{Act, Actor, Scenario};
use super::standby::{Role, fetch_patience_ms};
use super::world::pagelog::{Logged, Record};
use super::world::{Action, Counts, Note, Seen, Setup, World};
use crate::id::Lsn;
use crate::scenario::duration::{Micros, number, number_or_null};
use serde::Serialize;
use std::collections::HashMap;

/// How long a run goes on behind its last event if the scenario does not say.
const AFTERWARDS: Micros = Micros::ms(60_000);
/// More actions than any run needs: what goes on for ever ends here.
const MAX_ACTIONS: usize = 2_000_000;
/// Lines of a timeline kept; beyond them only what is worse than expected.
const MAX_LINES: usize = 20_000;

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Line {
    /// When, from the beginning.
    #[serde(rename = "at_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub at: Micros,
    /// What.
    #[serde(flatten)]
    pub note: Note,
}

/// A breach and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Breach {
    /// When.
    #[serde(rename = "at_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub at: Micros,
    /// Whose.
    pub actor: String,
    /// What.
    #[serde(flatten)]
    pub broken: Broken,
}

/// A stretch in which a node was one thing and served one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Stretch {
    /// From.
    #[serde(rename = "from_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub from: Micros,
    /// To.
    #[serde(rename = "to_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub to: Micros,
    /// What it was.
    pub role: Role,
    /// Number of the checkpoint served, if any.
    pub checkpoint: Option<u64>,
}

/// A checkpoint of the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Taken {
    /// Its number.
    pub number: u64,
    /// When its turtle page was written.
    #[serde(rename = "turtle_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub turtle: Micros,
    /// When its record was.
    #[serde(rename = "complete_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub complete: Micros,
    /// LSN of its record.
    pub lsn: Lsn,
    /// LSN of its turtle page.
    pub metadata_lsn: Lsn,
    /// LSN of the key it embeds.
    pub keystore_lsn: Option<Lsn>,
    /// A newer key had an LSN below that of the turtle page.
    pub stale: bool,
}

/// A rotation of the leader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Rotated {
    /// Version of the KEK.
    pub version: u64,
    /// LSN of its page.
    pub lsn: Lsn,
    /// T1.
    #[serde(rename = "t1_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub t1: Micros,
    /// T2, if it came.
    #[serde(rename = "t2_us", serialize_with = "number_or_null")]
    #[cfg_attr(feature = "devtools", schemars(with = "Option<u64>"))]
    pub t2: Option<Micros>,
}

/// A page server was away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Outage {
    /// Its name.
    pub server: String,
    /// From.
    #[serde(rename = "from_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub from: Micros,
    /// To.
    #[serde(rename = "to_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub to: Micros,
}

/// How a node came out.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// What it is at the end.
    pub role: Role,
    /// LSN of the record it serves from.
    pub installed_lsn: Option<Lsn>,
    /// LSN of its turtle page.
    pub installed_metadata_lsn: Option<Lsn>,
    /// Number of the checkpoint.
    pub checkpoint: Option<u64>,
    /// The key its provider has committed.
    pub keystore_lsn: Option<Lsn>,
    /// What happened to it.
    #[serde(flatten)]
    pub counts: Counts,
    /// For how long, at the end, a checkpoint has been complete that it does not serve.
    #[serde(rename = "behind_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub behind: Micros,
    /// The longest that it was.
    #[serde(rename = "longest_behind_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub longest_behind: Micros,
    /// What it was when.
    pub stretches: Vec<Stretch>,
}

/// What a run shows.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Report {
    /// When it ended.
    #[serde(rename = "ended_us", serialize_with = "number")]
    #[cfg_attr(feature = "devtools", schemars(with = "u64"))]
    pub ended: Micros,
    /// Nothing more could happen, but what waits for a change.
    pub at_rest: bool,
    /// What happened.
    pub timeline: Vec<Line>,
    /// Lines left out beyond the limit.
    pub lines_left_out: usize,
    /// The leader's checkpoints.
    pub checkpoints: Vec<Taken>,
    /// Its rotations.
    pub rotations: Vec<Rotated>,
    /// When page servers were away.
    pub outages: Vec<Outage>,
    /// Nodes, the first leader first.
    pub nodes: Vec<NodeReport>,
    /// Rules broken.
    pub breaches: Vec<Breach>,
    /// Nodes that wait for a checkpoint they could install.
    pub waiting: u64,
    /// Events that could not happen.
    pub left_over: usize,
}

/// Why a run ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// This action of the schedule was not possible.
    #[error("not possible here; these are: {}", .possible.join(", "))]
    Schedule {
        /// Its place, from 0.
        at: usize,
        possible: Vec<String>,
    },
    /// It went on for ever.
    #[error("more than {MAX_ACTIONS} actions")]
    Endless,
}

/// Run a scenario.
pub fn run(setup: &Setup<'_>) -> Result<Report, Stopped> {
    let mut run = Run::new(setup);
    run.follow_schedule()?;
    run.go_on()?;
    Ok(run.finish())
}

/// Follow the schedule of a scenario and nothing else: the breaches on the way, and whether the state
/// it ends in is at rest with more of them.
pub fn follow(setup: &Setup<'_>) -> Option<Vec<Broken>> {
    let mut world = World::new(setup);
    let mut seen = Seen::default();
    for item in &setup.scenario.schedule {
        let wanted = (item.actor.clone(), item.action.clone());
        let action = world.enabled(setup, false).into_iter().find(|a| setup.spelled(&world, *a) == wanted)?;
        world.apply(setup, action, &mut seen);
        world.check(&mut seen);
    }
    if world.enabled(setup, false).is_empty() {
        seen.broken.extend(world.at_rest(setup).broken);
    }
    Some(seen.broken)
}

struct Run<'s> {
    setup: &'s Setup<'s>,
    world: World,
    now: Micros,
    /// Since when each action has been possible.
    since: HashMap<Action, Micros>,
    /// When each record was written.
    born: HashMap<Lsn, Micros>,
    /// Since when page servers have been up.
    up: Vec<Micros>,
    down: Vec<Option<Micros>>,
    report: Report,
    actions: usize,
}

impl<'s> Run<'s> {
    fn new(setup: &'s Setup<'s>) -> Self {
        let world = World::new(setup);
        let nodes = setup.scenario.nodes.iter().zip(&world.nodes).map(|(name, node)| NodeReport {
            name: name.clone(),
            role: node.standby.role,
            installed_lsn: None,
            installed_metadata_lsn: None,
            checkpoint: Some(0),
            keystore_lsn: None,
            counts: Counts::default(),
            behind: Micros(0),
            longest_behind: Micros(0),
            stretches: vec![Stretch { from: Micros(0), to: Micros(0), role: node.standby.role, checkpoint: Some(0) }],
        });
        let report = Report { nodes: nodes.collect(), ..Report::default() };
        let born = world.log.iter().map(|r| (r.lsn, Micros(0))).collect();
        let servers = world.servers.len();
        Self {
            setup,
            world,
            now: Micros(0),
            since: HashMap::new(),
            born,
            up: vec![Micros(0); servers],
            down: vec![None; servers],
            report,
            actions: 0,
        }
    }

    fn follow_schedule(&mut self) -> Result<(), Stopped> {
        for (at, item) in self.setup.scenario.schedule.iter().enumerate() {
            let enabled = self.world.enabled(self.setup, true);
            let wanted = (item.actor.as_str(), item.action.as_str());
            let named = |a: &Action| self.setup.spelled(&self.world, *a);
            let found = enabled.iter().copied().find(|a| {
                let (actor, action) = named(a);
                (actor.as_str(), action.as_str()) == wanted
            });
            let Some(action) = found else {
                let possible = enabled.iter().map(named).map(|(actor, action)| format!("{actor} {action}"));
                return Err(Stopped::Schedule { at, possible: possible.collect() });
            };
            let when = match action {
                Action::Event(lane) => self.setup.event(&self.world, lane).map_or(self.now, |(_, e)| e.at),
                Action::GiveUp(_) => self.now.plus(Micros::ms(fetch_patience_ms())),
                // Between its neighbours; an order needs no distance.
                _ => self.now.plus(Micros::ms(1)),
            };
            self.take(action, when.max(self.now))?;
        }
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), Stopped> {
        let last = self.setup.scenario.events.last().map_or(Micros(0), |e| e.at);
        let until = self.setup.scenario.until.unwrap_or(last.plus(AFTERWARDS)).max(self.now);
        loop {
            let enabled = self.world.enabled(self.setup, true);
            self.since.retain(|action, _| enabled.contains(action));
            for action in &enabled {
                self.since.entry(*action).or_insert(self.now);
            }
            self.report.at_rest = enabled.iter().all(|a| matches!(a, Action::Unpark(_)));
            let next = enabled.iter().map(|a| (self.ready(*a), *a)).min();
            match next {
                // Time alone brings nothing new, unless page servers are back.
                Some((when, action)) if when <= until => self.take(action, when.max(self.now))?,
                Some(_) => {
                    self.pass(until);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    /// When an action that is possible happens.
    fn ready(&self, action: Action) -> Micros {
        let timing = &self.setup.scenario.timing;
        let since = self.since.get(&action).copied().unwrap_or(self.now);
        let born = || self.world.awaited(action).and_then(|lsn| self.born.get(&lsn)).copied().unwrap_or(since);
        match action {
            Action::Event(lane) => match self.setup.event(&self.world, lane) {
                Some((_, e)) if e.act == Act::Checkpoint => e.at.max(since).plus(timing.checkpoint),
                Some((_, e)) => e.at,
                None => since,
            },
            Action::Complete => since.plus(timing.completion),
            Action::Flush => since.plus(self.world.rotation().map_or(timing.flush, |r| r.flush)),
            Action::Hear(_) => born().plus(timing.ship),
            Action::See(n) => {
                let by = self.setup.scenario.served_by.get(n).map(Vec::as_slice).unwrap_or_default();
                let alive = by.iter().filter(|s| self.world.servers.get(**s) == Some(&true));
                let up = alive.filter_map(|s| self.up.get(*s)).min().copied().unwrap_or(Micros(0));
                let apply = self.world.nodes.get(n).and_then(|n| n.apply_delay).unwrap_or(timing.apply);
                born().max(up).plus(timing.materialize).max(born().plus(apply))
            }
            Action::Begin(n) => {
                let wait = match self.world.attempts(n) {
                    0 => timing.poll,
                    n => self.setup.scenario.retry.wait(n),
                };
                since.plus(wait)
            }
            Action::GoOn(_) => since.plus(timing.read),
            Action::GiveUp(_) => since.plus(Micros::ms(fetch_patience_ms())),
            Action::Backstop(_) | Action::Unpark(_) => since.plus(self.setup.scenario.retry.longest),
            Action::Resync(_) => since.plus(timing.resync),
        }
    }

    /// Time goes by: what every node has been so far lasts until then.
    fn pass(&mut self, to: Micros) {
        self.now = self.now.max(to);
        for n in 0..self.report.nodes.len() {
            let behind = self.behind(n);
            if let Some(node) = self.report.nodes.get_mut(n) {
                node.longest_behind = node.longest_behind.max(behind);
                if let Some(last) = node.stretches.last_mut() {
                    last.to = self.now;
                }
            }
        }
    }

    /// For how long there has been a complete checkpoint that a node has not served.
    fn behind(&self, n: usize) -> Micros {
        // Also while it re-syncs: against what it served last.
        let own = self.world.nodes.get(n).map_or(Lsn::NONE, |n| n.served);
        let from = self.world.log.partition_point(|r| r.lsn <= own);
        let is_newer = |r: &&Record| matches!(r.what, Logged::Checkpoint { metadata_lsn, .. } if metadata_lsn > own);
        let newer = self.world.log.iter().skip(from).find(is_newer);
        let first = newer.and_then(|r| self.born.get(&r.lsn));
        first.map_or(Micros(0), |born| Micros(self.now.0.saturating_sub(born.0)))
    }

    fn take(&mut self, action: Action, when: Micros) -> Result<(), Stopped> {
        self.actions += 1;
        if self.actions > MAX_ACTIONS {
            return Err(Stopped::Endless);
        }
        self.pass(when);
        self.since.remove(&action);
        let mut seen = Seen::with_notes();
        let before = (self.world.log.len(), self.world.servers.clone());
        self.world.apply(self.setup, action, &mut seen);
        self.world.check(&mut seen);
        self.observe(before.0, &before.1, action);
        for note in seen.notes {
            if self.report.timeline.len() < MAX_LINES || note.tone != super::world::Tone::Plain {
                self.report.timeline.push(Line { at: self.now, note });
            } else {
                self.report.lines_left_out += 1;
            }
        }
        for broken in seen.broken {
            let actor = self.setup.scenario.name_of(Actor::Node(broken.node)).to_string();
            self.report.breaches.push(Breach { at: self.now, actor, broken });
        }
        Ok(())
    }

    /// Keep what a picture of the run needs.
    fn observe(&mut self, records: usize, servers: &[bool], action: Action) {
        for record in self.world.log.get(records..).unwrap_or_default() {
            self.born.insert(record.lsn, self.now);
            match record.what {
                Logged::Key { version, .. } => {
                    let t2 = self.world.rotation().is_none().then_some(self.now);
                    self.report.rotations.push(Rotated { version, lsn: record.lsn, t1: self.now, t2 });
                }
                Logged::Checkpoint { number, metadata_lsn, key, .. } => {
                    let newest = self.world.log.iter().filter(|r| matches!(r.what, Logged::Key { .. }));
                    let newest = newest.map(|r| r.lsn).filter(|lsn| *lsn < metadata_lsn).max();
                    let turtle = Micros(self.now.0.saturating_sub(self.setup.scenario.timing.completion.0));
                    self.report.checkpoints.push(Taken {
                        number,
                        turtle,
                        complete: self.now,
                        lsn: record.lsn,
                        metadata_lsn,
                        keystore_lsn: key,
                        stale: newest > key,
                    });
                }
            }
        }
        if action == Action::Flush
            && let Some(last) = self.report.rotations.last_mut()
        {
            last.t2 = Some(self.now);
        }
        for (s, was) in servers.iter().enumerate() {
            let is = self.world.servers.get(s).copied().unwrap_or(false);
            if *was && !is {
                self.down[s] = Some(self.now);
            } else if !*was && is {
                self.up[s] = self.now;
                self.end_outage(s);
            }
        }
        for (n, report) in self.report.nodes.iter_mut().enumerate() {
            let Some(node) = self.world.nodes.get(n) else { continue };
            let lsn = node.standby.installed.as_ref().map(|i| i.lsn);
            let number = self.world.log.iter().rev().find_map(|r| match r.what {
                Logged::Checkpoint { number, .. } if Some(r.lsn) == lsn => Some(number),
                _ => None,
            });
            let role = node.standby.role;
            if report.stretches.last().is_none_or(|s| (s.role, s.checkpoint) != (role, number)) {
                report.stretches.push(Stretch { from: self.now, to: self.now, role, checkpoint: number });
            }
        }
    }

    fn end_outage(&mut self, server: usize) {
        if let Some(from) = self.down.get_mut(server).and_then(Option::take) {
            let server = self.setup.scenario.name_of(Actor::Server(server)).to_string();
            self.report.outages.push(Outage { server, from, to: self.now });
        }
    }

    fn finish(mut self) -> Report {
        (0..self.down.len()).for_each(|s| self.end_outage(s));
        if self.report.at_rest {
            let rest = self.world.at_rest(self.setup);
            self.report.waiting = rest.waiting;
            for broken in rest.broken {
                let actor = self.setup.scenario.name_of(Actor::Node(broken.node)).to_string();
                self.report.breaches.push(Breach { at: self.now, actor, broken });
            }
        }
        for n in 0..self.report.nodes.len() {
            let behind = self.behind(n);
            let (Some(report), Some(node)) = (self.report.nodes.get_mut(n), self.world.nodes.get(n)) else { continue };
            let installed = node.standby.installed.as_ref();
            report.role = node.standby.role;
            report.installed_lsn = installed.map(|i| i.lsn);
            report.installed_metadata_lsn = installed.map(|i| i.metadata_lsn);
            report.checkpoint = report.stretches.last().and_then(|s| s.checkpoint);
            report.keystore_lsn = node.standby.keystore.map(|k| k.lsn);
            report.counts = node.counts;
            report.behind = behind;
        }
        self.report.ended = self.now;
        self.report.left_over = self.world.left_over(self.setup);
        self.report
    }
}

/// The scenario with another policy or profile, as the command line asks.
pub fn with(
    scenario: &Scenario,
    policy: Option<super::policy::Policy>,
    profile: Option<super::profile::Profile>,
) -> Scenario {
    let mut out = scenario.clone();
    out.policy = policy.unwrap_or(out.policy);
    out.profile = profile.unwrap_or(out.profile);
    out
}
