//! Every order in which the concurrent actions of a scenario can happen: a search, breadth first, of
//! the states of [`super::world`], each seen once, on all cores. Where there are too many, random
//! walks from a seed.
//!
//! Time plays no part, so a run of the same scenario takes one of the orders searched here. Actions
//! of one thread of one process keep their order; events further apart than the scenario's `window`
//! do too. What only time brings (a second look at a checkpoint that was parked) changes no state that
//! is not reached otherwise.

use super::judge::{Broken, Kind};
use super::policy::Decide;
use super::run;
use super::scenario::{Act, Actor, Scenario, Scheduled};
use super::standby::fetch_patience_ms;
use super::world::{Action, GIVE_UP, Seen, Setup, World};
use crate::audit::Progress;
use crate::scenario::duration::Micros;
use crate::scenario::random::Rng;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// States kept at most, unless asked for otherwise: a few hundred megabytes.
pub const MAX_STATES: usize = 2_000_000;
/// States expanded at once, so that their successors stay few.
const CHUNK: usize = 8_192;
/// Attempts at one checkpoint: a third finds nothing that the second does not, as any attempt may also
/// come later.
const ATTEMPTS: u32 = 2;
/// Longest random walk.
const WALK: usize = 5_000;
/// Distance of the events of a counter-example.
const BEAT: Micros = Micros::ms(100);

/// What to search.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most actions in a row.
    pub depth: Option<usize>,
    pub states: usize,
    /// Random walks where there are too many.
    pub walks: usize,
    /// Where those begin.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { depth: None, states: MAX_STATES, walks: 20_000, seed: 1 }
    }
}

/// A breach, and the shortest way to it.
#[derive(Debug, Clone)]
pub struct CounterExample {
    pub broken: Broken,
    /// The node's name.
    pub actor: String,
    /// Only what is needed, with the order as its schedule.
    pub scenario: Scenario,
    /// Actions before it was made smaller.
    pub found_after: usize,
}

/// What was searched.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Figures {
    /// Standbys searched one by one: they do not influence one another.
    pub apart: bool,
    /// Distinct states.
    pub states: u64,
    /// Actions tried.
    pub transitions: u64,
    /// Longest shortest way to a state.
    pub depth: usize,
    /// States in which nothing more happens.
    pub at_rest: u64,
    /// Of those, with a standby that waits for a checkpoint it could install.
    pub waiting: u64,
    /// Random walks, if there were too many states.
    pub walks: u64,
    /// Why not every state was seen.
    pub bounded_by: Option<&'static str>,
}

/// What a search shows.
#[derive(Debug, Clone)]
pub struct Found {
    /// How much was searched.
    pub figures: Figures,
    /// One for each kind of breach, the gravest first.
    pub examples: Vec<CounterExample>,
}

impl Found {
    /// Every state was seen.
    pub fn is_exhaustive(&self) -> bool {
        self.figures.bounded_by.is_none()
    }
}

/// One way through the states.
type Way = Vec<Action>;

/// Search a scenario under a policy.
pub fn explore(scenario: &Scenario, policy: &dyn Decide, options: &Options, progress: &dyn Progress) -> Found {
    let apart = !changes_leader(scenario) && scenario.nodes.len() > 2;
    let parts: Vec<Scenario> = match apart {
        true => (1..scenario.nodes.len()).map(|n| only(scenario, Some(n))).collect(),
        false => vec![only(scenario, None)],
    };
    let mut found = Found { figures: Figures { apart, ..Figures::default() }, examples: Vec::new() };
    progress.phase("exploring interleavings", None);
    for part in parts {
        let setup = Setup::new(&part, policy);
        let mut search = Search::new(&setup, options, progress, found.figures.states);
        search.breadth_first();
        if search.figures.bounded_by == Some(BY_STATES) {
            search.walk_at_random();
        }
        let own = &search.figures;
        let all = &mut found.figures;
        all.states += own.states;
        all.transitions += own.transitions;
        all.depth = all.depth.max(own.depth);
        all.at_rest += own.at_rest;
        all.waiting += own.waiting;
        all.walks += own.walks;
        all.bounded_by = all.bounded_by.or(own.bounded_by);
        for (kind, (broken, way)) in &search.broken {
            if found.examples.iter().any(|e| e.broken.kind() == *kind) {
                continue;
            }
            let actor = part.name_of(Actor::Node(broken.node)).to_string();
            let scenario = minimise(&setup, *kind, way);
            found.examples.push(CounterExample { broken: broken.clone(), actor, scenario, found_after: way.len() });
        }
    }
    found.examples.sort_by_key(|e| (e.broken.rule, e.scenario.schedule.len()));
    found
}

const BY_STATES: &str = "too many states";
const BY_DEPTH: &str = "--depth";

/// The scenario without what makes no difference here: other standbys, and what only takes time.
fn only(scenario: &Scenario, node: Option<usize>) -> Scenario {
    let mut out = scenario.clone();
    out.schedule.clear();
    out.retry.budget = out.retry.budget.min(ATTEMPTS);
    out.events.retain(|e| !matches!(e.act, Act::Write(_) | Act::ApplyDelay(_)));
    if !changes_leader(scenario) {
        rotate_for_seals(&mut out);
    }
    if let Some(n) = node {
        // A fault of the log is everybody's, whoever is said to bring it about.
        for event in out.events.iter_mut().filter(|e| matches!(e.act, Act::Corrupt(..) | Act::Drop(..))) {
            event.actor = Actor::Node(0);
        }
        out.events.retain(|e| !matches!(e.actor, Actor::Node(m) if m != 0 && m != n));
        let by = scenario.served_by.get(n).cloned().unwrap_or_default();
        out.events.retain(|e| !matches!(e.actor, Actor::Server(s) if !by.contains(&s)));
        out.nodes = [0, n].iter().filter_map(|i| scenario.nodes.get(*i).cloned()).collect();
        out.served_by = [0, n].iter().filter_map(|i| scenario.served_by.get(*i).cloned()).collect();
        for event in &mut out.events {
            if event.actor == Actor::Node(n) {
                event.actor = Actor::Node(1);
            }
        }
    }
    out
}

fn changes_leader(scenario: &Scenario) -> bool {
    scenario.events.iter().any(|e| matches!(e.act, Act::StepUp | Act::StepDown))
}

/// Seals only matter where they begin a rotation: say that instead.
fn rotate_for_seals(scenario: &mut Scenario) {
    let per_key = scenario.keystore.seals_per_key;
    let flush = scenario.timing.flush;
    let mut seals = 0_u64;
    scenario.events.retain_mut(|e| {
        let Act::Seal(count) = e.act else { return true };
        seals = seals.saturating_add(count);
        let rotates = per_key > 0 && seals >= per_key;
        if rotates {
            seals = 0;
            e.act = Act::RotateKey(None, flush);
        }
        rotates
    });
}

/// One state's successor: its fingerprint, the action, itself, and what it breaks.
struct Next {
    print: u128,
    from: u32,
    action: Action,
    world: World,
    broken: Vec<Broken>,
}

struct Search<'s> {
    setup: &'s Setup<'s>,
    options: &'s Options,
    progress: &'s dyn Progress,
    before: u64,
    known: HashSet<u128>,
    /// For each state the one it came from, and how.
    came: Vec<(u32, Action)>,
    figures: Figures,
    broken: BTreeMap<Kind, (Broken, Way)>,
}

impl<'s> Search<'s> {
    fn new(setup: &'s Setup<'s>, options: &'s Options, progress: &'s dyn Progress, before: u64) -> Self {
        Self {
            setup,
            options,
            progress,
            before,
            known: HashSet::new(),
            came: Vec::new(),
            figures: Figures::default(),
            broken: BTreeMap::new(),
        }
    }

    fn breadth_first(&mut self) {
        let first = World::new(self.setup);
        self.known.insert(first.fingerprint());
        self.came.push((0, Action::Complete));
        let mut frontier = vec![(0_u32, first)];
        while !frontier.is_empty() {
            if self.options.depth.is_some_and(|d| self.figures.depth >= d) {
                self.figures.bounded_by = Some(BY_DEPTH);
                break;
            }
            let mut next = Vec::new();
            for chunk in frontier.chunks(CHUNK) {
                let (setup, known) = (self.setup, &self.known);
                let expanded: Vec<(usize, Vec<Next>)> =
                    chunk.par_iter().map(|(at, world)| expand(setup, known, *at, world)).collect();
                for ((at, world), (actions, successors)) in chunk.iter().zip(expanded) {
                    if actions == 0 {
                        self.rest(*at, world);
                    }
                    self.figures.transitions += actions as u64;
                    for s in successors {
                        self.reach(s, &mut next);
                    }
                }
                self.progress.count(self.before + self.known.len() as u64, "state");
                if self.known.len() >= self.options.states {
                    self.figures.bounded_by = Some(BY_STATES);
                    self.figures.states = self.known.len() as u64;
                    return;
                }
            }
            if !next.is_empty() {
                self.figures.depth += 1;
            }
            frontier = next;
        }
        self.figures.states = self.known.len() as u64;
    }

    fn reach(&mut self, s: Next, next: &mut Vec<(u32, World)>) {
        // A breach lies in the way, not in the state it leads to: that may be reached without one too.
        let breach = !s.broken.is_empty();
        let news = if breach { s.broken.iter().any(|b| self.is_new(b)) } else { self.known.insert(s.print) };
        let Ok(at) = u32::try_from(self.came.len()) else { return };
        if news {
            self.came.push((s.from, s.action));
            // What comes behind a breach is of no interest.
            match breach {
                true => self.note(s.broken, at),
                false => next.push((at, s.world)),
            }
        }
    }

    fn is_new(&self, broken: &Broken) -> bool {
        !self.broken.contains_key(&broken.kind())
    }

    fn rest(&mut self, at: u32, world: &World) {
        self.figures.at_rest += 1;
        let rest = world.at_rest(self.setup);
        self.figures.waiting += u64::from(rest.waiting > 0);
        self.note(rest.broken, at);
    }

    fn note(&mut self, broken: Vec<Broken>, at: u32) {
        for b in broken {
            if self.is_new(&b) {
                let way = self.way(at);
                self.broken.insert(b.kind(), (b, way));
            }
        }
    }

    fn way(&self, mut at: u32) -> Way {
        let mut out = Vec::new();
        while at != 0 {
            let Some((from, action)) = self.came.get(at as usize).copied() else { break };
            out.push(action);
            at = from;
        }
        out.reverse();
        out
    }

    /// Walks from the beginning to a state at rest, each with its own stretch of random numbers.
    fn walk_at_random(&mut self) {
        let setup = self.setup;
        let seed = self.options.seed;
        let walks = self.options.walks;
        let done: Vec<Walked> = (0..walks as u64).into_par_iter().map(|n| walk(setup, seed, n)).collect();
        self.figures.walks = walks as u64;
        for w in done {
            self.figures.transitions += w.way.len() as u64;
            self.figures.waiting += u64::from(w.waiting);
            self.figures.at_rest += u64::from(w.at_rest);
            for b in w.broken {
                let way = w.way.clone();
                let known = self.broken.entry(b.kind()).or_insert_with(|| (b.clone(), way.clone()));
                if way.len() < known.1.len() {
                    *known = (b, way);
                }
            }
        }
    }
}

/// The successors of a state that are not known yet or break something, and how many there are of all.
fn expand(setup: &Setup<'_>, known: &HashSet<u128>, from: u32, world: &World) -> (usize, Vec<Next>) {
    let successor = |action: Action| {
        let mut next = world.clone();
        let mut seen = Seen::default();
        next.apply(setup, action, &mut seen);
        next.check(&mut seen);
        let print = next.fingerprint();
        let news = !seen.broken.is_empty() || !known.contains(&print);
        news.then_some(Next { print, from, action, world: next, broken: seen.broken })
    };
    let actions = world.enabled(setup, false);
    (actions.len(), actions.into_iter().filter_map(successor).collect())
}

struct Walked {
    way: Way,
    broken: Vec<Broken>,
    at_rest: bool,
    waiting: bool,
}

fn walk(setup: &Setup<'_>, seed: u64, number: u64) -> Walked {
    let mut world = World::new(setup);
    let mut out = Walked { way: Vec::new(), broken: Vec::new(), at_rest: false, waiting: false };
    // Each walk has a beginning of its own, whatever thread takes it.
    let mut random = Rng::new(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    while out.way.len() < WALK {
        let enabled = world.enabled(setup, false);
        if enabled.is_empty() {
            let rest = world.at_rest(setup);
            (out.at_rest, out.waiting) = (true, rest.waiting > 0);
            out.broken.extend(rest.broken);
            break;
        }
        let at = random.below(enabled.len());
        let Some(action) = enabled.get(at).copied() else { break };
        let mut seen = Seen::default();
        world.apply(setup, action, &mut seen);
        world.check(&mut seen);
        out.way.push(action);
        if !seen.broken.is_empty() {
            out.broken = seen.broken;
            break;
        }
    }
    out
}

/// The scenario that shows a breach with as little as possible: only the events on the way, and of
/// the way only what is needed (one action less and it is gone).
fn minimise(setup: &Setup<'_>, kind: Kind, way: &[Action]) -> Scenario {
    let mut items = named(setup, way);
    let shows = |items: &[Item]| {
        let scenario = scheduled(setup.scenario, items);
        let setup = Setup::new(&scenario, setup.policy);
        run::follow(&setup).is_some_and(|broken| broken.iter().any(|b| b.kind() == kind))
    };
    let mut size = items.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < items.len() {
            let mut fewer = items.clone();
            fewer.drain(at..(at + size).min(fewer.len()));
            if shows(&fewer) {
                items = fewer;
                smaller = true;
            } else {
                at += size;
            }
        }
        if !smaller || size > 1 {
            size /= 2;
        }
    }
    scheduled(setup.scenario, &items)
}

/// An action by name, and the event it is, if it is one.
#[derive(Debug, Clone)]
struct Item {
    scheduled: Scheduled,
    event: Option<usize>,
}

fn named(setup: &Setup<'_>, way: &[Action]) -> Vec<Item> {
    let mut world = World::new(setup);
    way.iter()
        .map(|action| {
            let (actor, name) = setup.spelled(&world, *action);
            let event = match action {
                Action::Event(lane) => setup.event(&world, *lane).map(|(at, _)| at),
                _ => None,
            };
            world.apply(setup, *action, &mut Seen::default());
            Item { scheduled: Scheduled { actor, action: name }, event }
        })
        .collect()
}

/// A scenario that has only the events of a schedule, at times that keep its order.
fn scheduled(scenario: &Scenario, items: &[Item]) -> Scenario {
    let mut out = scenario.clone();
    out.events = Vec::new();
    let mut at = Micros(0);
    for item in items {
        // Patience with silent page servers takes its time.
        let patience = if item.scheduled.action == GIVE_UP { Micros::ms(fetch_patience_ms()) } else { Micros(0) };
        at = at.plus(BEAT).plus(patience);
        if let Some(event) = item.event.and_then(|e| scenario.events.get(e)) {
            out.events.push(super::scenario::Event { at, ..event.clone() });
        }
    }
    out.schedule = items.iter().map(|i| i.scheduled.clone()).collect();
    (out.until, out.window) = (None, None);
    out
}
