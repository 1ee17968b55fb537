//! A leader, its page log, page servers and standbys, without time: which actions are possible, and
//! what each one does (spec 09.1, 09.2, 09.6, 09.9; 10.2.4). [`super::run`] adds the times,
//! [`super::explore`] tries every order.
//!
//! The race of the bug report: at T1 a rotated key gets its LSN in the page log and standbys hear of
//! it; only at T2 do new turtle pages embed it. A turtle page written in between has the higher LSN
//! and the older key.

use super::code::Code;
use super::judge::{Broken, Rule};
use super::policy::{Decide, Failure, Reaction};
use super::scenario::{Act, Actor, Event, Scenario, What};
use super::source::{Fetch, Rows, Source};
use super::standby::{Attempt, Build, Installed, Key, Outcome, Progress, Role, Standby, fetch_patience_ms};
use super::step::{Done, Step};
use crate::format::crc::crc32c;
use crate::format::turtle::Turtle;
use crate::format::{completion::Completion, key_page};
use crate::pickup::profile::Profile;
use crate::scenario::duration::Micros;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// How schedules name the end of a node's patience.
pub const GIVE_UP: &str = "give-up";

/// Whether a part of a checkpoint is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It is.
    Whole,
    /// Damaged.
    Corrupt,
    /// Lost.
    Lost,
}

/// A record of the page log, as far as pick-up meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its LSN; of a checkpoint that of the completion record.
    pub lsn: u64,
    /// What it is.
    pub what: Logged,
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Logged {
    /// A key page.
    Key {
        /// Version of the KEK.
        version: u64,
        /// Its page.
        page: State,
    },
    /// A complete checkpoint.
    Checkpoint {
        /// Its number, from 0.
        number: u64,
        /// LSN of its turtle page.
        metadata_lsn: u64,
        /// LSN of the key page it embeds.
        key: Option<u64>,
        /// Its turtle page.
        turtle: State,
        /// Its completion record.
        completion: State,
        /// Its shared metadata.
        metadata: State,
    },
}

impl Record {
    /// Whether a process without a key could install it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self.what {
            Logged::Key { page, .. } => page == State::Whole,
            Logged::Checkpoint { turtle, completion, metadata, .. } => {
                [turtle, completion, metadata].iter().all(|s| *s == State::Whole)
            }
        }
    }
}

/// A checkpoint whose turtle page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InFlight {
    number: u64,
    metadata_lsn: u64,
    key: Option<u64>,
}

/// A rotation between T1 and T2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rotation {
    key: Key,
    /// From T1 to T2.
    pub flush: Micros,
}

/// A node.
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
    dropped: Vec<u64>,
    /// The newest checkpoint refused for its key, by LSN: none up to it can embed a newer one.
    stale: u64,
    /// Checkpoints it will not try before something changes.
    parked: Vec<u64>,
    /// Queued until its sessions let go of older snapshots.
    deferred: Option<u64>,
    /// The next pick-up does not wait for snapshots.
    forced: bool,
    /// The checkpoint tried last, and how often.
    tries: (u64, u32),
    /// Highest metadata LSN it ever served from.
    pub served: u64,
    /// A re-sync found nothing it could install.
    stuck: bool,
    /// Delay of applying the oplog, beyond the scenario's own.
    pub apply_delay: Option<Micros>,
    /// Figures for the report; they decide nothing.
    pub counts: Counts,
}

impl Node {
    /// What of it a decision can depend on.
    fn put(&self, words: &mut Words) {
        let own = &self.standby;
        let installed = own.installed.as_ref();
        for lsn in [
            installed.map_or(0, |i| i.lsn),
            installed.map_or(0, |i| i.metadata_lsn),
            installed.and_then(|i| i.keystore_lsn).unwrap_or(0),
            own.keystore.map_or(0, |k| k.lsn),
            self.served,
            self.stale,
            self.deferred.unwrap_or(0),
            if self.tries.1 > 0 { self.tries.0 } else { 0 },
        ] {
            words.lsn(lsn);
        }
        words.hash((own.role, own.snapshots, own.escaped, self.past_key, self.past_damage));
        words.hash((self.forced, self.tries.1, self.stuck));
        for list in [&self.dropped, &self.parked] {
            words.number(list.len() as u64);
            list.iter().for_each(|lsn| words.lsn(*lsn));
        }
        match &self.attempt {
            Some(attempt) => {
                words.lsn(attempt.lsn);
                words.hash(attempt.stage());
            }
            None => words.number(0),
        }
    }
}

/// Collects what a fingerprint is made of: LSNs, which count by their order only, and the rest.
#[derive(Default)]
struct Words {
    lsns: Vec<u64>,
    rest: [DefaultHasher; 2],
}

impl Words {
    fn lsn(&mut self, lsn: u64) {
        self.lsns.push(lsn);
    }

    fn number(&mut self, n: u64) {
        self.hash(n);
    }

    fn hash<T: Hash>(&mut self, value: T) {
        let [first, second] = &mut self.rest;
        value.hash(first);
        // Bytes in front of every value make the second half another function of the same.
        (0x5bd1_e995_u32, value).hash(second);
    }

    fn finish(self) -> u128 {
        let mut sorted = self.lsns.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let order: Vec<usize> = self.lsns.iter().map(|lsn| sorted.partition_point(|s| s < lsn)).collect();
        // 0 means "none" and must not pass for the lowest LSN.
        let none = sorted.first() == Some(&0);
        let [first, second] = self.rest.map(|mut h| {
            (none, &order).hash(&mut h);
            u128::from(h.finish())
        });
        first << 64 | second
    }
}

/// What happened to a node. No decision depends on it.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
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
    /// It goes on.
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

/// Events of one actor that keep their order among themselves.
#[derive(Debug, Clone)]
struct Lane {
    events: Vec<usize>,
}

/// What does not change: the scenario, and what decides.
pub struct Setup<'s> {
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The policy.
    pub policy: &'s dyn Decide,
    /// The rules.
    pub build: Build,
    lanes: Vec<Lane>,
    /// Servers that are away longer than the engine's patience, by the scenario's times.
    long_outage: Vec<bool>,
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
    /// For a scenario and a policy.
    #[must_use]
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
    #[must_use]
    pub fn event(&self, world: &World, lane: usize) -> Option<(usize, &Event)> {
        let at = *self.lanes.get(lane)?.events.get(*world.lanes.get(lane)?)?;
        self.scenario.events.get(at).map(|e| (at, e))
    }

    /// How many lanes there are.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn reachable(&self, world: &World, node: usize) -> bool {
        let by = self.scenario.served_by.get(node).map(Vec::as_slice).unwrap_or_default();
        // Without page servers in the scenario the log itself answers.
        by.is_empty() || by.iter().any(|s| world.servers.get(*s).copied().unwrap_or(false))
    }

    /// How a schedule names an action: who and what.
    #[must_use]
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

/// The state of everything.
#[derive(Debug, Clone)]
pub struct World {
    /// Last LSN given out.
    pub lsn: u64,
    /// Records that pick-up meets, ascending.
    pub log: Vec<Record>,
    /// Who leads.
    pub leader: Option<usize>,
    /// Nodes.
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
    /// Write notes.
    pub wanted: bool,
    /// What happened.
    pub notes: Vec<Note>,
    /// Rules broken.
    pub broken: Vec<Broken>,
}

impl Seen {
    /// With notes.
    #[must_use]
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

/// Rows of every simulated shared metadata: one collection.
static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let row = |k: &str, v: &str| (k.to_string(), v.to_string());
    Arc::new(vec![
        row("colgroup:coll", "source=\"layered:coll\""),
        row("file:coll.wt_stable", "id=25,block_manager=disagg"),
        row("layered:coll", "ingest=\"file:coll.wt_ingest\",stable=\"file:coll.wt_stable\""),
        row("table:coll", "columns=()"),
    ])
});

/// The pages of a simulated log.
struct Pages<'w> {
    log: &'w [Record],
    profile: Profile,
    reachable: bool,
}

/// The turtle page of a checkpoint, in the form its time wrote.
fn turtle_page(number: u64, key: Option<u64>, profile: Profile) -> String {
    let versions = if profile == Profile::October2025 { "" } else { "version=2,compatible_version=1,\n" };
    let key = key.map(|lsn| format!(",\nkey_provider=(page.1=(page_id=1,lsn={lsn}),version=1)")).unwrap_or_default();
    format!(
        "{versions}checkpoint=(WiredTigerCheckpoint.{number}=(addr=\"\",order={number},time=0,size=0,write_gen=1)),\n\
         timestamp={:x},\noldest_timestamp=0,\nlargest_file_id=3{key}",
        number + 1
    )
}

impl Pages<'_> {
    fn checkpoint(&self, metadata_lsn: u64) -> Option<(u64, Option<u64>, State, State)> {
        self.log.iter().rev().find_map(|r| match r.what {
            Logged::Checkpoint { number, metadata_lsn: own, key, turtle, metadata, .. } if own == metadata_lsn => {
                Some((number, key, turtle, metadata))
            }
            _ => None,
        })
    }
}

impl Source for Pages<'_> {
    fn turtle(&mut self, metadata_lsn: u64) -> Result<Vec<u8>, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        let missing = || Fetch::Missing(format!("no turtle page at LSN {metadata_lsn}"));
        let (number, key, state, _) = self.checkpoint(metadata_lsn).ok_or_else(missing)?;
        let mut page = turtle_page(number, key, self.profile).into_bytes();
        match state {
            State::Whole => {}
            State::Corrupt => page.iter_mut().take(1).for_each(|b| *b ^= 0x40),
            State::Lost => return Err(missing()),
        }
        Ok(page)
    }

    fn key_page(&mut self, lsn: u64) -> Result<Vec<u8>, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        let missing = || Fetch::Missing(format!("no key page at LSN {lsn}"));
        let found = self.log.iter().find(|r| r.lsn == lsn).ok_or_else(missing)?;
        let Logged::Key { version, page } = found.what else { return Err(missing()) };
        let mut bytes = key_page::encode_v1(&version.to_le_bytes());
        match page {
            State::Whole => {}
            State::Corrupt => bytes.iter_mut().take(1).for_each(|b| *b ^= 0x40),
            State::Lost => return Err(missing()),
        }
        Ok(bytes)
    }

    fn metadata(&mut self, metadata_lsn: u64, _: &Turtle) -> Result<Rows, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        match self.checkpoint(metadata_lsn).map(|c| c.3) {
            Some(State::Whole) => Ok(Arc::clone(&ROWS)),
            Some(State::Corrupt) => Err(Fetch::Damaged("a page of the shared metadata is damaged".into())),
            _ => Err(Fetch::Missing("a page of the shared metadata is missing".into())),
        }
    }
}

/// The text of a completion record.
fn completion_text(record: &Record, profile: Profile) -> Vec<u8> {
    let Logged::Checkpoint { number, metadata_lsn, key, completion, .. } = record.what else { return Vec::new() };
    let version = profile.completion_reader();
    let text = Completion {
        metadata_lsn,
        metadata_checksum: Some(crc32c(turtle_page(number, key, profile).as_bytes())),
        database_size: Some(1 << 20),
        version,
        compatible_version: version,
        has_versions: true,
        id: None,
    }
    .to_text();
    match completion {
        State::Corrupt => text.replacen("metadata_lsn", "netadata_lsn", 1).into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Whether what a step reads is damaged at this moment, by the record and not by what the step says.
fn is_damaged(log: &[Record], lsn: u64, step: Step) -> bool {
    let Some(Record { what: Logged::Checkpoint { turtle, metadata, .. }, .. }) = log.iter().find(|r| r.lsn == lsn)
    else {
        return false;
    };
    match step {
        Step::FetchTurtle => *turtle != State::Whole,
        Step::Merge => *metadata != State::Whole,
        _ => false,
    }
}

/// Steps before which other actors may act: those that read pages or what others change.
fn is_boundary(step: Step) -> bool {
    matches!(step, Step::FetchTurtle | Step::LoadKey | Step::SaveEntry)
}

impl World {
    /// At the beginning every node has checkpoint 0 and the first key.
    #[must_use]
    pub fn new(setup: &Setup<'_>) -> Self {
        let scenario = setup.scenario;
        let mut lsn = 0;
        let mut log = Vec::new();
        let version = scenario.keystore.version;
        let key = (version > 0).then(|| {
            lsn += 1;
            log.push(Record { lsn, what: Logged::Key { version, page: State::Whole } });
            Key { version: Some(version), lsn }
        });
        let metadata_lsn = lsn + 1;
        lsn += 2;
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
                stale: 0,
                parked: Vec::new(),
                deferred: None,
                forced: false,
                tries: (0, 0),
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
    #[must_use]
    pub fn rotation(&self) -> Option<&Rotation> {
        self.rotation.as_ref()
    }

    /// Attempts made at the checkpoint a node tried last.
    #[must_use]
    pub fn attempts(&self, node: usize) -> u32 {
        self.nodes.get(node).map_or(0, |n| n.tries.1)
    }

    /// LSN of the record that a node's key provider, or its materialization, waits for.
    #[must_use]
    pub fn awaited(&self, action: Action) -> Option<u64> {
        let found = match action {
            Action::Hear(n) => self.next_key(self.nodes.get(n)?),
            Action::See(n) => self.next_completion(self.nodes.get(n)?),
            _ => None,
        };
        found.and_then(|at| self.log.get(at)).map(|r| r.lsn)
    }

    /// Everything a decision or a judgement can depend on, in 128 bits.
    ///
    /// LSNs are only ever compared, so their order stands for them; and of the log only what a node
    /// may still pick up, or a key that something names, can matter. Two worlds with one fingerprint
    /// have the same future.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        let mut words = Words::default();
        let followers = || self.nodes.iter().filter(|n| n.standby.role != Role::Leader);
        let served = followers().map(|n| n.served).min().unwrap_or(0);
        let named: HashSet<u64> = self
            .log
            .iter()
            .filter_map(|r| match r.what {
                Logged::Checkpoint { key, .. } if r.lsn >= served => key,
                _ => None,
            })
            .chain(self.key.map(|k| k.lsn))
            .chain(self.rotation.map(|r| r.key.lsn))
            .chain(self.in_flight.and_then(|f| f.key))
            .chain(self.nodes.iter().filter_map(|n| n.standby.keystore.map(|k| k.lsn)))
            .collect();
        let heard = followers().map(|n| n.heard).min().unwrap_or(0);
        let matters = |at: usize, r: &Record| match r.what {
            Logged::Checkpoint { .. } => r.lsn >= served,
            Logged::Key { .. } => r.lsn >= served || at >= heard || named.contains(&r.lsn),
        };
        let kept: Vec<(usize, &Record)> = self.log.iter().enumerate().filter(|(at, r)| matters(*at, r)).collect();
        words.number(kept.len() as u64);
        for (_, record) in &kept {
            words.lsn(record.lsn);
            match record.what {
                Logged::Key { version, page } => words.hash((0, version, page)),
                Logged::Checkpoint { number, metadata_lsn, key, turtle, completion, metadata } => {
                    words.lsn(metadata_lsn);
                    words.lsn(key.unwrap_or(0));
                    words.hash((1, number, turtle, completion, metadata));
                }
            }
        }
        words.hash((self.leader, &self.servers, &self.lanes, self.seals, self.key_version, self.checkpoints));
        words.lsn(self.key.map_or(0, |k| k.lsn));
        words.lsn(self.rotation.map_or(0, |r| r.key.lsn));
        words.lsn(self.in_flight.map_or(0, |f| f.metadata_lsn));
        words.lsn(self.in_flight.and_then(|f| f.key).unwrap_or(0));
        for node in &self.nodes {
            let below = |end: usize| kept.iter().filter(|(at, _)| *at < end).count() as u64;
            words.number(below(node.heard));
            words.number(below(node.seen));
            node.put(&mut words);
        }
        words.finish()
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
        let own = node.standby.installed.as_ref().map_or(0, |i| i.lsn);
        let out = |lsn: u64| {
            lsn <= node.stale
                || node.dropped.contains(&lsn)
                || node.parked.contains(&lsn)
                || node.deferred.is_some_and(|d| lsn <= d)
        };
        let seen = self.log.get(..node.seen.min(self.log.len())).unwrap_or_default();
        let there = |r: &&Record| match r.what {
            Logged::Checkpoint { completion, .. } => completion != State::Lost && r.lsn > own && !out(r.lsn),
            Logged::Key { .. } => false,
        };
        seen.iter().rev().find(there).copied()
    }

    /// What can happen next, in a fixed order. `timed`: also what only time brings.
    #[must_use]
    pub fn enabled(&self, setup: &Setup<'_>, timed: bool) -> Vec<Action> {
        let mut out = Vec::new();
        let horizon = setup.scenario.window.map(|w| {
            let pending = (0..setup.lanes()).filter_map(|l| setup.event(self, l)).map(|(_, e)| e.at.0);
            pending.min().unwrap_or(u64::MAX).saturating_add(w.0)
        });
        for lane in 0..setup.lanes() {
            if let Some((_, event)) = setup.event(self, lane)
                && horizon.is_none_or(|h| event.at.0 <= h)
                && self.can(event)
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
                            let reads = attempt.next().reads_pages() || attempt.next() == Step::SaveEntry;
                            if reachable || !reads {
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

    fn can(&self, event: &Event) -> bool {
        let Actor::Node(n) = event.actor else { return true };
        match event.act {
            Act::Checkpoint => self.in_flight.is_none(),
            Act::RotateKey(..) | Act::Seal(_) => self.rotation.is_none(),
            Act::Corrupt(what, number) | Act::Drop(what, number) => self.find(what, number).is_some(),
            Act::StepUp => {
                let idle = |n: &Node| n.standby.role == Role::Follower && n.attempt.is_none();
                self.leader.is_none() && self.nodes.get(n).is_some_and(idle)
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
                    node.standby.materialized = self.log.get(at).map_or(0, |r| r.lsn);
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

    /// Something changed for a node: what was parked may be tried again.
    fn wake(&mut self, n: usize) {
        if let Some(node) = self.nodes.get_mut(n) {
            node.parked.clear();
            node.stuck = false;
            node.tries = (0, 0);
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
                self.lsn = self.lsn.saturating_add(pages);
                seen.say(setup, actor, Tone::Plain, || format!("{pages} pages written"));
            }
            (_, Act::Checkpoint) => {
                self.checkpoints += 1;
                self.lsn += 1;
                let own = InFlight { number: self.checkpoints, metadata_lsn: self.lsn, key: self.key.map(|k| k.lsn) };
                self.in_flight = Some(own);
                let newer = self.rotation.map(|r| r.key);
                seen.say(setup, actor, if newer.is_some() { Tone::Warn } else { Tone::Plain }, || {
                    let key = own.key.map_or("no key".to_string(), |k| format!("the key at LSN {k}"));
                    let race =
                        newer.map(|k| format!("; between T1 and T2: the key at LSN {} is in the log already", k.lsn));
                    format!(
                        "checkpoint {}: turtle page at LSN {} embeds {key}{}",
                        own.number,
                        own.metadata_lsn,
                        race.unwrap_or_default()
                    )
                });
            }
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
                seen.say(setup, actor, Tone::Plain, || "snapshots are let go".into());
            }
            Act::Kill if node.standby.role != Role::Aborted => {
                node.attempt = None;
                node.standby.restart(Role::Down);
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

    fn rotate(&mut self, setup: &Setup<'_>, actor: Actor, version: Option<u64>, flush: Micros, seen: &mut Seen) {
        self.key_version = version.unwrap_or(self.key_version + 1);
        self.lsn += 1;
        let key = Key { version: Some(self.key_version), lsn: self.lsn };
        self.log.push(Record { lsn: key.lsn, what: Logged::Key { version: self.key_version, page: State::Whole } });
        self.rotation = Some(Rotation { key, flush });
        seen.say(setup, actor, Tone::Plain, || {
            format!("T1: KEK version {} committed in memory, its page has LSN {}", self.key_version, key.lsn)
        });
    }

    fn flush(&mut self, setup: &Setup<'_>, seen: &mut Seen) {
        let (Some(rotation), Some(leader)) = (self.rotation.take(), self.leader) else { return };
        self.key = Some(rotation.key);
        if let Some(node) = self.nodes.get_mut(leader) {
            node.standby.commit_key(rotation.key);
        }
        seen.say(setup, Actor::Node(leader), Tone::Plain, || {
            format!("T2: key at LSN {} flushed, checkpoints embed it from now on", rotation.key.lsn)
        });
    }

    fn complete(&mut self, setup: &Setup<'_>, seen: &mut Seen) {
        let (Some(own), Some(leader)) = (self.in_flight.take(), self.leader) else { return };
        self.lsn += 1;
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

    fn hear(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
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

    fn begin(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
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
    fn go_on(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
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
    fn over(
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
                let sessions = node.standby.snapshots;
                seen.say(setup, actor, Tone::Plain, || {
                    format!("pick-up of the checkpoint at LSN {lsn} waits for {sessions} sessions")
                });
            }
            Outcome::Panicked(step, code) => {
                node.counts.aborts += 1;
                node.standby.role = Role::Aborted;
                seen.broken.push(Broken::of(Rule::Abort, n, Some((step, code)), || {
                    format!("the engine panics at {step} of the checkpoint at LSN {lsn}: {code}")
                }));
            }
            Outcome::Failed(step, code) => {
                let failure = Failure { step, code, attempts: node.tries.1 };
                let reaction = setup.policy.decide(&failure, &setup.scenario.retry);
                self.tell(setup, n, &attempt, &trace, reaction, seen);
                let Some(node) = self.nodes.get_mut(n) else { return };
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
                        node.tries = (0, 0);
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
                        node.tries = (0, 0);
                    }
                    Reaction::StepDown => {
                        node.standby.restart(Role::Resyncing);
                        node.tries = (0, 0);
                        node.stuck = false;
                    }
                    Reaction::Ignore => {
                        node.past_key |= step == Step::LoadKey;
                        if attempt.ignore_failure() == Progress::Going {
                            node.attempt = Some(attempt);
                            self.go_on(setup, n, seen);
                        }
                    }
                }
            }
        }
    }

    fn tell(
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
            Reaction::Retry => "tried again later",
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
    fn installed(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let Some(node) = self.nodes.get_mut(n) else { return };
        let Some(own) = node.standby.installed.clone() else { return };
        if own.metadata_lsn < node.served {
            let served = node.served;
            seen.broken.push(Broken::of(Rule::Older, n, None, || {
                format!("installs metadata LSN {} behind {served}", own.metadata_lsn)
            }));
        }
        if node.past_key {
            let (embeds, has) = (own.keystore_lsn, node.standby.keystore.map(|k| k.lsn));
            seen.broken.push(Broken::of(Rule::Key, n, None, || {
                format!("installs the checkpoint at LSN {} with the key {embeds:?}, behind {has:?}", own.lsn)
            }));
        }
        if node.past_damage {
            seen.broken.push(Broken::of(Rule::Consistent, n, None, || {
                format!("installs the checkpoint at LSN {}, parts of which are damaged", own.lsn)
            }));
        }
        node.served = node.served.max(own.metadata_lsn);
        node.dropped.retain(|lsn| *lsn > own.lsn);
        node.stale = if node.stale > own.lsn { node.stale } else { 0 };
        node.parked.retain(|lsn| *lsn > own.lsn);
        node.tries = (0, 0);
        (node.past_key, node.past_damage) = (false, false);
        seen.say(setup, Actor::Node(n), Tone::Good, || {
            format!("picks up the checkpoint at LSN {}, metadata LSN {}", own.lsn, own.metadata_lsn)
        });
    }

    /// A node that left starts anew with the newest complete checkpoint it can install, none behind
    /// the one it served from.
    fn resync(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
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
                let behind = attempt.metadata_lsn().unwrap_or(0);
                node.standby.role = Role::Follower;
                node.standby.materialized = record.lsn;
                // It follows the log from its checkpoint on.
                node.heard = log.iter().position(|r| r.lsn > behind).unwrap_or(log.len());
                node.seen = log.iter().position(|r| r.lsn == record.lsn).map_or(log.len(), |at| at + 1);
                (node.dropped, node.stale, node.parked, node.deferred) = (Vec::new(), 0, Vec::new(), None);
                node.counts.resyncs += 1;
                self.installed(setup, n, seen);
                return;
            }
        }
        node.standby.restart(Role::Resyncing);
        node.stuck = true;
        seen.say(setup, Actor::Node(n), Tone::Warn, || "finds no checkpoint it could start from".into());
    }

    fn may_resync(&self, n: usize, record: &Record) -> bool {
        let served = self.nodes.get(n).map_or(0, |node| node.served);
        match record.what {
            Logged::Checkpoint { metadata_lsn, completion, .. } => completion != State::Lost && metadata_lsn >= served,
            Logged::Key { .. } => false,
        }
    }

    fn step_down(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let end = self.log.len();
        self.leader = None;
        (self.in_flight, self.rotation) = (None, None);
        if let Some(node) = self.nodes.get_mut(n) {
            node.standby.role = Role::Follower;
            node.standby.keystore = self.key;
            (node.heard, node.seen) = (end, end);
        }
        seen.say(setup, Actor::Node(n), Tone::Plain, || "steps down".into());
    }

    /// Follower to leader (09.6): what no record completes is abandoned, the newest complete
    /// checkpoint is picked up; today a failure of that is a panic.
    fn step_up(&mut self, setup: &Setup<'_>, n: usize, seen: &mut Seen) {
        let is_checkpoint = |r: &Record| matches!(r.what, Logged::Checkpoint { .. });
        let end = self.log.iter().rposition(is_checkpoint).map_or(0, |at| at + 1);
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
                    seen.broken.push(Broken::of(Rule::Abort, n, Some((step, code)), || {
                        format!("panics as it steps up: {code} at {step} of the checkpoint at LSN {}", record.lsn)
                    }));
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

    fn lead(&mut self, setup: &Setup<'_>, n: usize, end: usize, seen: &mut Seen) {
        let Some(node) = self.nodes.get_mut(n) else { return };
        node.standby.role = Role::Leader;
        (node.heard, node.seen, node.deferred) = (end, end, None);
        (node.dropped, node.stale, node.parked, node.tries) = (Vec::new(), 0, Vec::new(), (0, 0));
        self.leader = Some(n);
        let own = node.standby.keystore;
        let in_log = |k: &Key| self.log.iter().any(|r| r.lsn == k.lsn);
        // A key whose page was abandoned is put again, under a new LSN.
        self.key = match own {
            Some(key) if !in_log(&key) => {
                self.lsn += 1;
                let version = key.version.unwrap_or(self.key_version);
                self.log.push(Record { lsn: self.lsn, what: Logged::Key { version, page: State::Whole } });
                Some(Key { version: Some(version), lsn: self.lsn })
            }
            other => other,
        };
        if let (Some(key), Some(node)) = (self.key, self.nodes.get_mut(n)) {
            node.standby.commit_key(key);
        }
        seen.say(setup, Actor::Node(n), Tone::Good, || "steps up: the leader from now on".into());
    }

    /// Judge a state in which nothing more will happen: nodes that could have gone further.
    #[must_use]
    pub fn at_rest(&self, setup: &Setup<'_>) -> Rest {
        let mut rest = Rest::default();
        for (n, node) in self.nodes.iter().enumerate() {
            let serving = matches!(node.standby.role, Role::Follower | Role::Resyncing);
            if !serving || !setup.reachable(self, n) {
                continue;
            }
            let own = node.standby.installed.as_ref().map_or(0, |i| i.lsn);
            let has = node.standby.keystore.map_or(0, |k| k.lsn);
            let compatible = |r: &&Record| match r.what {
                Logged::Checkpoint { key, .. } => {
                    let readable = key.is_none_or(|k| self.log.iter().any(|r| r.lsn == k && r.is_whole()));
                    r.is_whole() && readable && key.is_none_or(|k| k >= has)
                }
                Logged::Key { .. } => false,
            };
            let newest = self.log.iter().rev().find(|r| matches!(r.what, Logged::Checkpoint { .. }));
            match self.log.iter().rev().find(compatible) {
                Some(best) if best.lsn > own => rest.broken.push(Broken::of(Rule::Progress, n, None, || {
                    format!("rests at LSN {own} although the checkpoint at LSN {} is compatible", best.lsn)
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
    #[must_use]
    pub fn left_over(&self, setup: &Setup<'_>) -> usize {
        setup.lanes.iter().zip(&self.lanes).map(|(lane, at)| lane.events.len().saturating_sub(*at)).sum()
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
