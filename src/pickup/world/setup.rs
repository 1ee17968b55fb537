//! What does not change while a scenario is acted out: the scenario, its threads, the policy.

use super::super::policy::Decide;
use super::super::scenario::{Act, Actor, Event, Scenario};
use super::super::standby::{Build, fetch_patience_ms};
use super::{Action, World};
use crate::scenario::duration::Micros;

/// How schedules name the end of a node's patience.
pub const GIVE_UP: &str = "give-up";

/// Events of one actor that keep their order among themselves.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) events: Vec<usize>,
}

/// What does not change: the scenario, and what decides.
pub struct Setup<'s> {
    pub scenario: &'s Scenario,
    pub policy: &'s dyn Decide,
    pub build: Build,
    pub(super) lanes: Vec<Lane>,
    /// Servers that are away longer than the engine's patience, by the scenario's times.
    pub(super) long_outage: Vec<bool>,
}

/// Which lane an event belongs to: threads of one process that do not wait for one another.
fn class(act: Act) -> u8 {
    match act {
        Act::Write(_) => 0,
        Act::Checkpoint => 1,
        Act::RotateKey(..) | Act::Seal(_) => 2,
        Act::Corrupt(..) | Act::Drop(..) => 3,
        Act::HoldSnapshots(_) | Act::ReleaseSnapshots => 4,
        Act::ApplyDelay(_) => 5,
        Act::Kill | Act::Restart | Act::StepUp | Act::StepDown => 6,
    }
}

impl<'s> Setup<'s> {
    pub fn new(scenario: &'s Scenario, policy: &'s dyn Decide) -> Self {
        let mut lanes: Vec<(Actor, u8, Lane)> = Vec::new();
        for (at, event) in scenario.events.iter().enumerate() {
            let key = (event.actor, class(event.act));
            match lanes.iter_mut().find(|l| (l.0, l.1) == key) {
                Some(lane) => lane.2.events.push(at),
                None => lanes.push((key.0, key.1, Lane { events: vec![at] })),
            }
        }
        let patience = Micros::ms(fetch_patience_ms());
        let long_outage = (0..scenario.servers.len())
            .map(|s| {
                let own: Vec<&Event> = scenario.events.iter().filter(|e| e.actor == Actor::Server(s)).collect();
                own.iter().enumerate().filter(|(_, e)| e.act == Act::Kill).any(|(i, e)| {
                    let back = own.iter().skip(i).find(|r| r.act == Act::Restart);
                    back.is_none_or(|r| r.at.0.saturating_sub(e.at.0) >= patience.0)
                })
            })
            .collect();
        let build = Build { profile: Some(scenario.profile), ..Build::default() };
        Self { scenario, policy, build, lanes: lanes.into_iter().map(|l| l.2).collect(), long_outage }
    }

    /// The next event of a lane.
    pub fn event(&self, world: &World, lane: usize) -> Option<(usize, &Event)> {
        let at = *self.lanes.get(lane)?.events.get(*world.lanes.get(lane)?)?;
        self.scenario.events.get(at).map(|e| (at, e))
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn reachable(&self, world: &World, node: usize) -> bool {
        let by = self.scenario.served_by.get(node).map(Vec::as_slice).unwrap_or_default();
        // Without page servers in the scenario the log itself answers.
        by.is_empty() || by.iter().any(|s| world.servers.get(*s).copied().unwrap_or(false))
    }

    /// How a schedule names an action: who and what.
    pub fn spelled(&self, world: &World, action: Action) -> (String, String) {
        let node = |n: usize| self.scenario.name_of(Actor::Node(n)).to_string();
        let leader = || world.leader.map(node).unwrap_or_default();
        match action {
            Action::Event(lane) => match self.event(world, lane) {
                Some((_, e)) => (self.scenario.name_of(e.actor).to_string(), e.act.verb().name().to_string()),
                None => (String::new(), String::new()),
            },
            Action::Complete => (leader(), "complete".into()),
            Action::Flush => (leader(), "flush-key".into()),
            Action::Hear(n) => (node(n), "hear-key".into()),
            Action::See(n) => (node(n), "see-checkpoint".into()),
            Action::Begin(n) => (node(n), "begin".into()),
            Action::GoOn(n) => (node(n), "go-on".into()),
            Action::GiveUp(n) => (node(n), GIVE_UP.into()),
            Action::Backstop(n) => (node(n), "backstop".into()),
            Action::Resync(n) => (node(n), "re-sync".into()),
            Action::Unpark(n) => (node(n), "unpark".into()),
        }
    }
}
