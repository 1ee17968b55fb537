//! Scenarios of pick-up: actors and timed events, as people write them.

use super::policy::{Policy, Retry};
use super::profile::Profile;
use crate::scenario::duration::Micros;
use crate::scenario::{Document, Mistake, Part};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the form.
const FORM: u32 = 1;
/// Most nodes: a replica set has no more voting members, and none is needed to show a race.
const MAX_STANDBYS: usize = 16;
/// Most page servers.
const MAX_SERVERS: usize = 64;
/// Most events once repetitions are written out.
pub const MAX_EVENTS: usize = 20_000;
/// Longest schedule.
const MAX_SCHEDULE: usize = 100_000;
/// Largest number of an event: pages of a write, seals of a burst, a version. Sums of them over all events stay far
/// below what a number can hold.
const MAX_COUNT: u64 = 1 << 32;
/// Most attempts at one checkpoint.
const MAX_ATTEMPTS: u32 = 1_000_000;

/// What is done at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Do {
    /// The leader writes pages.
    Write,
    /// The leader takes a checkpoint.
    Checkpoint,
    /// The leader rotates the KEK: T1 at this time, T2 after `flush_after`.
    RotateKey,
    /// The leader seals data keys with the KEK; so many of them begin a rotation.
    Seal,
    /// A part of a checkpoint is damaged in the page log.
    Corrupt,
    /// A part of a checkpoint is lost from the page log.
    Drop,
    /// A page server or a standby stops.
    Kill,
    /// It comes back, a standby in a new process.
    Restart,
    /// From now on the standby applies the oplog later.
    ApplyDelay,
    /// Sessions of the standby hold snapshots of what is installed.
    HoldSnapshots,
    /// They let go.
    ReleaseSnapshots,
    /// The standby becomes the leader.
    StepUp,
    /// The leader becomes a follower.
    StepDown,
}

impl Do {
    /// As in a document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Checkpoint => "checkpoint",
            Self::RotateKey => "rotate-key",
            Self::Seal => "seal",
            Self::Corrupt => "corrupt",
            Self::Drop => "drop",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::ApplyDelay => "apply-delay",
            Self::HoldSnapshots => "hold-snapshots",
            Self::ReleaseSnapshots => "release-snapshots",
            Self::StepUp => "step-up",
            Self::StepDown => "step-down",
        }
    }

    /// Fields it may have besides `at`, `actor` and `do`, and of those the needed ones first.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Write => (&[], &["pages", "times", "every"]),
            Self::Checkpoint => (&[], &["times", "every"]),
            Self::RotateKey => (&[], &["version", "flush_after", "times", "every"]),
            Self::Seal => (&[], &["count", "times", "every"]),
            Self::Corrupt | Self::Drop => (&["what", "number"], &[]),
            Self::ApplyDelay => (&["by"], &[]),
            Self::HoldSnapshots => (&[], &["sessions"]),
            Self::Kill | Self::Restart | Self::ReleaseSnapshots | Self::StepUp | Self::StepDown => (&[], &[]),
        }
    }
}

/// A part of a checkpoint, or a key page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The turtle page of checkpoint `number`.
    Turtle,
    /// Its completion record.
    Completion,
    /// Its shared metadata.
    Metadata,
    /// The page of the key with version `number`.
    Key,
}

/// An event as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Line {
    at: Micros,
    actor: String,
    #[serde(rename = "do")]
    what_to_do: Do,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flush_after: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<What>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<Micros>,
}

impl Line {
    /// The fields beyond the common three that are there.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("pages", self.pages.is_some()),
            ("count", self.count.is_some()),
            ("version", self.version.is_some()),
            ("flush_after", self.flush_after.is_some()),
            ("what", self.what.is_some()),
            ("number", self.number.is_some()),
            ("by", self.by.is_some()),
            ("sessions", self.sessions.is_some()),
            ("times", self.times.is_some()),
            ("every", self.every.is_some()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
}

/// A standby as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct StandbyLine {
    name: String,
    /// Which page servers serve it; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_servers: Option<Vec<String>>,
}

/// The key at the beginning, and when it is rotated by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Keystore {
    /// Version of the key in use at the beginning; 0 = none.
    pub version: u64,
    /// Seals that begin a rotation; 0 = none do.
    pub seals_per_key: u64,
}

impl Default for Keystore {
    fn default() -> Self {
        Self { version: 1, seals_per_key: 0 }
    }
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// From the beginning of a checkpoint to its turtle page.
    pub checkpoint: Micros,
    /// From the turtle page to the completion record.
    pub completion: Micros,
    /// From T1 to T2 of a rotation that does not say.
    pub flush: Micros,
    /// From the log to the key provider of a standby.
    pub ship: Micros,
    /// From the log to a page server's answer.
    pub materialize: Micros,
    /// From the log to the standby's applied oplog.
    pub apply: Micros,
    /// Between two looks of the checkpoint manager.
    pub poll: Micros,
    /// For each part of a pick-up that reads pages.
    pub read: Micros,
    /// To leave, start anew and re-sync.
    pub resync: Micros,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            checkpoint: Micros::ms(400),
            completion: Micros::ms(20),
            flush: Micros::ms(1_000),
            ship: Micros::ms(50),
            materialize: Micros::ms(200),
            apply: Micros::ms(100),
            poll: Micros::ms(100),
            read: Micros::ms(3),
            resync: Micros::ms(5_000),
        }
    }
}

/// One action of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Who.
    pub actor: String,
    /// What: the name of an event, or of a step between events (`wtcheck pickup run --help`).
    #[serde(rename = "do")]
    pub action: String,
}

/// A document as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Text {
    scenario: u32,
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(default)]
    retry: Retry,
    primary: String,
    standbys: Vec<StandbyLine>,
    #[serde(default)]
    page_servers: Vec<String>,
    #[serde(default)]
    keystore: Keystore,
    #[serde(default)]
    timing: Timing,
    /// Events further apart than this keep their order when interleavings are explored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Micros>,
    events: Vec<Line>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    schedule: Vec<Scheduled>,
}

/// Who acts: an index into the nodes (0 = the first leader) or the page servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    Node(usize),
    Server(usize),
}

/// An event, repetitions written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Micros,
    pub actor: Actor,
    pub act: Act,
}

/// What happens, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// So many pages are written.
    Write(u64),
    Checkpoint,
    /// A rotation begins: version, if named, and the time from T1 to T2.
    RotateKey(Option<u64>, Micros),
    /// So many seals.
    Seal(u64),
    /// A part of checkpoint `number`, or key version `number`, is damaged.
    Corrupt(What, u64),
    Drop(What, u64),
    Kill,
    /// Come back.
    Restart,
    /// A new delay of applying the oplog.
    ApplyDelay(Micros),
    /// So many sessions hold snapshots.
    HoldSnapshots(u32),
    /// None does.
    ReleaseSnapshots,
    /// Become the leader.
    StepUp,
    /// Stop leading.
    StepDown,
}

impl Act {
    /// The name in a document.
    pub fn verb(self) -> Do {
        match self {
            Self::Write(_) => Do::Write,
            Self::Checkpoint => Do::Checkpoint,
            Self::RotateKey(..) => Do::RotateKey,
            Self::Seal(_) => Do::Seal,
            Self::Corrupt(..) => Do::Corrupt,
            Self::Drop(..) => Do::Drop,
            Self::Kill => Do::Kill,
            Self::Restart => Do::Restart,
            Self::ApplyDelay(_) => Do::ApplyDelay,
            Self::HoldSnapshots(_) => Do::HoldSnapshots,
            Self::ReleaseSnapshots => Do::ReleaseSnapshots,
            Self::StepUp => Do::StepUp,
            Self::StepDown => Do::StepDown,
        }
    }
}

/// A scenario that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    pub name: String,
    pub about: String,
    /// The dated rules.
    pub profile: Profile,
    /// The server's policy.
    pub policy: Policy,
    /// Attempts and waits.
    pub retry: Retry,
    /// Nodes; the first one leads at the beginning.
    pub nodes: Vec<String>,
    pub servers: Vec<String>,
    /// For each node which servers serve it.
    pub served_by: Vec<Vec<usize>>,
    /// The key at the beginning.
    pub keystore: Keystore,
    /// How long things take.
    pub timing: Timing,
    /// See [`Event`]s further apart as ordered.
    pub window: Option<Micros>,
    /// When the run ends at the latest.
    pub until: Option<Micros>,
    pub events: Vec<Event>,
    /// Actions to take in exactly this order first.
    pub schedule: Vec<Scheduled>,
}

/// How a document names an actor, for messages.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl Scenario {
    /// Read and check a document.
    pub fn parse(document: &Document) -> Result<Self, Mistake> {
        let text: Text = document.parse()?;
        Checker { document, text: &text }.check()
    }

    pub fn name_of(&self, actor: Actor) -> &str {
        match actor {
            Actor::Node(n) => self.nodes.get(n),
            Actor::Server(n) => self.servers.get(n),
        }
        .map_or("?", String::as_str)
    }

    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn actor(&self, name: &str) -> Option<Actor> {
        let node = self.nodes.iter().position(|n| n == name).map(Actor::Node);
        node.or_else(|| self.servers.iter().position(|n| n == name).map(Actor::Server))
    }

    /// As a document again, with a comment in front.
    pub fn to_yaml(&self, head: &str) -> String {
        let events = self.events.iter().map(|e| self.line(e)).collect();
        let standbys = self.nodes.iter().zip(&self.served_by).skip(1);
        let text = Text {
            scenario: FORM,
            name: self.name.clone(),
            about: self.about.clone(),
            profile: Some(self.profile.name().into()),
            policy: Some(self.policy.name().into()),
            retry: self.retry,
            primary: self.nodes.first().cloned().unwrap_or_default(),
            standbys: standbys
                .map(|(name, by)| StandbyLine {
                    name: name.clone(),
                    page_servers: (by.len() != self.servers.len())
                        .then(|| by.iter().filter_map(|s| self.servers.get(*s).cloned()).collect()),
                })
                .collect(),
            page_servers: self.servers.clone(),
            keystore: self.keystore,
            timing: self.timing,
            window: self.window,
            until: self.until,
            events,
            schedule: self.schedule.clone(),
        };
        let mut out = String::new();
        for line in head.lines() {
            out.push_str("# ");
            out.push_str(line);
            out.push('\n');
        }
        out + &serde_yaml::to_string(&text).unwrap_or_default()
    }

    fn line(&self, event: &Event) -> Line {
        let mut line = Line {
            at: event.at,
            actor: self.name_of(event.actor).to_string(),
            what_to_do: event.act.verb(),
            pages: None,
            count: None,
            version: None,
            flush_after: None,
            what: None,
            number: None,
            by: None,
            sessions: None,
            times: None,
            every: None,
        };
        match event.act {
            Act::Write(n) => line.pages = Some(n),
            Act::RotateKey(version, flush) => (line.version, line.flush_after) = (version, Some(flush)),
            Act::Seal(n) => line.count = Some(n),
            Act::Corrupt(what, n) | Act::Drop(what, n) => (line.what, line.number) = (Some(what), Some(n)),
            Act::ApplyDelay(by) => line.by = Some(by),
            Act::HoldSnapshots(n) => line.sessions = Some(u64::from(n)),
            _ => {}
        }
        line
    }
}

/// Checks a document's meaning.
struct Checker<'d> {
    document: &'d Document,
    text: &'d Text,
}

impl Checker<'_> {
    fn wrong(&self, way: &[Part], reason: impl std::fmt::Display) -> Mistake {
        self.document.wrong(way, reason)
    }

    fn check(&self) -> Result<Scenario, Mistake> {
        let text = self.text;
        if text.scenario != FORM {
            return Err(self.wrong(&[Part::Key("scenario")], format!("this wtcheck reads version {FORM}")));
        }
        let profile = self.named("profile", text.profile.as_deref(), Profile::from_name, Profile::August2026)?;
        let policy = self.named("policy", text.policy.as_deref(), Policy::from_name, Policy::Abort)?;
        if text.retry.budget == 0 {
            return Err(self.wrong(&[Part::Key("retry"), Part::Key("budget")], "at least one attempt is needed"));
        }
        if text.retry.budget > MAX_ATTEMPTS {
            let way = [Part::Key("retry"), Part::Key("budget")];
            return Err(self.wrong(&way, format!("at most {MAX_ATTEMPTS}")));
        }
        let keystore = text.keystore;
        for (key, n) in [("version", keystore.version), ("seals_per_key", keystore.seals_per_key)] {
            if n > MAX_COUNT {
                return Err(self.wrong(&[Part::Key("keystore"), Part::Key(key)], format!("at most {MAX_COUNT}")));
            }
        }
        let actors = self.actors()?;
        let served_by = self.served_by(&actors)?;
        let events = self.events(&actors)?;
        self.schedule(&actors)?;
        if let (Some(until), Some(last)) = (text.until, events.last())
            && until < last.at
        {
            return Err(self.wrong(&[Part::Key("until")], format!("before the last event, at {}", last.at)));
        }
        let nodes = std::iter::once(text.primary.clone()).chain(text.standbys.iter().map(|s| s.name.clone()));
        Ok(Scenario {
            name: text.name.clone(),
            about: text.about.clone(),
            profile,
            policy,
            retry: text.retry,
            nodes: nodes.collect(),
            servers: text.page_servers.clone(),
            served_by,
            keystore: text.keystore,
            timing: text.timing,
            window: text.window,
            until: text.until,
            events,
            schedule: text.schedule.clone(),
        })
    }

    fn named<T>(
        &self,
        key: &'static str,
        name: Option<&str>,
        from: impl Fn(&str) -> Option<T>,
        other: T,
    ) -> Result<T, Mistake> {
        let known = if key == "profile" {
            Profile::ALL.map(Profile::name).join(", ")
        } else {
            Policy::ALL.map(Policy::name).join(", ")
        };
        match name {
            None => Ok(other),
            Some(name) => from(name)
                .ok_or_else(|| self.wrong(&[Part::Key(key)], format!("there is no `{name}`; there are {known}"))),
        }
    }

    fn actors(&self) -> Result<BTreeMap<&str, Actor>, Mistake> {
        let text = self.text;
        let count = |list: usize, most: usize, key| {
            let many = list > most;
            if many { Err(self.wrong(&[Part::Key(key)], format!("at most {most}"))) } else { Ok(()) }
        };
        count(text.standbys.len(), MAX_STANDBYS, "standbys")?;
        count(text.page_servers.len(), MAX_SERVERS, "page_servers")?;
        if text.standbys.is_empty() {
            return Err(self.wrong(&[Part::Key("standbys")], "at least one is needed"));
        }
        let mut all = BTreeMap::new();
        let standbys = text.standbys.iter().enumerate().map(|(at, s)| {
            (s.name.as_str(), Actor::Node(at + 1), vec![Part::Key("standbys"), Part::At(at), Part::Key("name")])
        });
        let servers = text
            .page_servers
            .iter()
            .enumerate()
            .map(|(at, s)| (s.as_str(), Actor::Server(at), vec![Part::Key("page_servers"), Part::At(at)]));
        let primary = (text.primary.as_str(), Actor::Node(0), vec![Part::Key("primary")]);
        for (name, actor, way) in std::iter::once(primary).chain(standbys).chain(servers) {
            if !is_name(name) {
                return Err(self.wrong(&way, "a name has only letters, digits and -_., 64 at most"));
            }
            if all.insert(name, actor).is_some() {
                return Err(self.wrong(&way, format!("there is already an actor `{name}`")));
            }
        }
        Ok(all)
    }

    fn served_by(&self, actors: &BTreeMap<&str, Actor>) -> Result<Vec<Vec<usize>>, Mistake> {
        let all: Vec<usize> = (0..self.text.page_servers.len()).collect();
        let mut out = vec![all.clone()];
        for (at, standby) in self.text.standbys.iter().enumerate() {
            let Some(names) = &standby.page_servers else {
                out.push(all.clone());
                continue;
            };
            let mut own = Vec::new();
            for (i, name) in names.iter().enumerate() {
                match actors.get(name.as_str()) {
                    Some(Actor::Server(n)) => own.push(*n),
                    _ => {
                        let way = [Part::Key("standbys"), Part::At(at), Part::Key("page_servers"), Part::At(i)];
                        return Err(self.wrong(&way, format!("there is no page server `{name}`")));
                    }
                }
            }
            out.push(own);
        }
        Ok(out)
    }

    fn events(&self, actors: &BTreeMap<&str, Actor>) -> Result<Vec<Event>, Mistake> {
        let mut out: Vec<(Micros, usize, Event)> = Vec::new();
        let mut last = Micros(0);
        for (at, line) in self.text.events.iter().enumerate() {
            let way = |key: &'static str| [Part::Key("events"), Part::At(at), Part::Key(key)];
            if line.at < last {
                return Err(self.wrong(&way("at"), format!("time goes backwards: {} after {last}", line.at)));
            }
            last = line.at;
            let Some(actor) = actors.get(line.actor.as_str()).copied() else {
                let known = actors.keys().copied().collect::<Vec<_>>().join(", ");
                return Err(self.wrong(&way("actor"), format!("there is no actor `{}`; there are {known}", line.actor)));
            };
            let act = self.act(at, line, actor)?;
            let times = line.times.unwrap_or(1);
            if times == 0 {
                return Err(self.wrong(&way("times"), "at least once"));
            }
            if times > 1 && line.every.is_none() {
                return Err(self.wrong(&way("times"), "`every` is missing"));
            }
            if times > MAX_EVENTS.saturating_sub(out.len()) as u64 {
                return Err(self.wrong(&way("times"), format!("more than {MAX_EVENTS} events in all")));
            }
            for n in 0..times {
                let later = line.every.map_or(0, |e| e.0.saturating_mul(n));
                let event = Event { at: line.at.plus(Micros(later)), actor, act };
                out.push((event.at, at, event));
            }
        }
        out.sort_by_key(|(time, at, _)| (*time, *at));
        Ok(out.into_iter().map(|(_, _, event)| event).collect())
    }

    /// What a line means. Who may do what changes with the roles, so that is seen in the run.
    fn act(&self, at: usize, line: &Line, actor: Actor) -> Result<Act, Mistake> {
        let way = |key: &'static str| [Part::Key("events"), Part::At(at), Part::Key(key)];
        let what = line.what_to_do;
        let (needed, allowed) = what.fields();
        let given = line.given();
        if let Some(key) = given.iter().find(|k| !needed.contains(k) && !allowed.contains(k)) {
            return Err(self.wrong(&way(key), format!("`{}` has no such field", what.name())));
        }
        if let Some(key) = needed.iter().find(|k| !given.contains(k)) {
            return Err(self.wrong(&way(key), format!("`{}` needs it", what.name())));
        }
        for (key, n) in [("pages", line.pages), ("count", line.count), ("sessions", line.sessions)] {
            if n.is_some_and(|n| n == 0 || n > MAX_COUNT) {
                return Err(self.wrong(&way(key), format!("from 1 to {MAX_COUNT}")));
            }
        }
        for (key, n) in [("version", line.version), ("number", line.number)] {
            if n.is_some_and(|n| n > MAX_COUNT) {
                return Err(self.wrong(&way(key), format!("at most {MAX_COUNT}")));
            }
        }
        let of_server = matches!(what, Do::Kill | Do::Restart);
        let of_standby = !matches!(what, Do::Write | Do::Checkpoint | Do::RotateKey | Do::Seal);
        match actor {
            Actor::Server(_) if !of_server => {
                return Err(self.wrong(&way("do"), format!("a page server cannot {}", what.name())));
            }
            Actor::Node(0) if matches!(what, Do::Kill | Do::Restart) => {
                return Err(self.wrong(&way("do"), "the first leader cannot stop; use `step-down`"));
            }
            Actor::Node(n) if n > 0 && !of_standby && !self.may_lead(at, n) => {
                return Err(self.wrong(&way("do"), format!("only a leader can {}", what.name())));
            }
            _ => {}
        }
        let number = line.number.unwrap_or(0);
        Ok(match what {
            Do::Write => Act::Write(line.pages.unwrap_or(1)),
            Do::Checkpoint => Act::Checkpoint,
            Do::RotateKey => Act::RotateKey(line.version, line.flush_after.unwrap_or(self.text.timing.flush)),
            Do::Seal => Act::Seal(line.count.unwrap_or(1)),
            Do::Corrupt => Act::Corrupt(line.what.unwrap_or(What::Turtle), number),
            Do::Drop => Act::Drop(line.what.unwrap_or(What::Turtle), number),
            Do::Kill => Act::Kill,
            Do::Restart => Act::Restart,
            Do::ApplyDelay => Act::ApplyDelay(line.by.unwrap_or_default()),
            Do::HoldSnapshots => Act::HoldSnapshots(u32::try_from(line.sessions.unwrap_or(1)).unwrap_or(u32::MAX)),
            Do::ReleaseSnapshots => Act::ReleaseSnapshots,
            Do::StepUp => Act::StepUp,
            Do::StepDown => Act::StepDown,
        })
    }

    /// A standby may have been made the leader before this line.
    fn may_lead(&self, at: usize, node: usize) -> bool {
        let name = self.text.standbys.get(node - 1).map(|s| s.name.as_str());
        let before = self.text.events.get(..at).unwrap_or_default();
        before.iter().any(|e| Some(e.actor.as_str()) == name && e.what_to_do == Do::StepUp)
    }

    fn schedule(&self, actors: &BTreeMap<&str, Actor>) -> Result<(), Mistake> {
        if self.text.schedule.len() > MAX_SCHEDULE {
            return Err(self.wrong(&[Part::Key("schedule")], format!("at most {MAX_SCHEDULE} actions")));
        }
        for (at, action) in self.text.schedule.iter().enumerate() {
            if !actors.contains_key(action.actor.as_str()) {
                let way = [Part::Key("schedule"), Part::At(at), Part::Key("actor")];
                return Err(self.wrong(&way, format!("there is no actor `{}`", action.actor)));
            }
        }
        Ok(())
    }
}
