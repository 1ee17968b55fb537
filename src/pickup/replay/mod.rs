//! Every completion record of a store, in order, through a standby's pick-up, and what each policy
//! makes of those it refuses.
//!
//! The standby follows the log: before it tries a checkpoint, its key provider has committed the
//! newest valid key page below that checkpoint's turtle page. A checkpoint that embeds an older key
//! is then refused, as on the node.

mod result;

pub use result::{
    Action, Behind, Ended, PolicyResult, Record, Refusal, Replay, RestartFrom, Resync, StandbyInfo, StoreInfo, Verdict,
};

use super::code::Code;
use super::merge::Conflict;
use super::policy::{Decide, Failure, Policy, Reaction, Retry};
use super::profile::Profile;
use super::standby::{Attempt, Build, Installed, Key, Outcome, Role, Standby};
use super::step::{Done, Step};
use super::store::{StoreSource, StoredKey};
use crate::audit::finding::Code as Finding;
use crate::audit::pagelog::Opened;
use crate::audit::result::{SCHEMA_VERSION, Tool};
use crate::audit::{self, AuditError, Progress};
use crate::format::completion;
use crate::format::config::Config;
use crate::format::generation::{self, Evidence, Generation};
use crate::id::Lsn;
use crate::pagelog::catalog::KEY_TABLE;
use crate::store::gathered::Gathered;
use crate::store::{Affected, CompletionRow, StoreError, StoreKind};
use std::collections::BTreeMap;

/// How to replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// Policies, side by side.
    pub policies: Vec<Policy>,
    /// The engine; without a profile, the one that goes with the store's generation.
    pub build: Build,
    /// Take this generation instead of the one the evidence gives.
    pub assume: Option<Generation>,
    /// How often a server tries again.
    pub retry: Retry,
    /// The key the standby has committed at the outset.
    pub keystore_lsn: Option<Lsn>,
    /// The checkpoint it has installed at the outset: its metadata LSN, or its record's.
    pub installed: Option<Lsn>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policies: Policy::ALL.to_vec(),
            build: Build::default(),
            assume: None,
            retry: Retry::default(),
            keystore_lsn: None,
            installed: None,
        }
    }
}

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no checkpoint {wanted} to start with; the store has {available}")]
    NoSuchCheckpoint {
        /// As given.
        wanted: Lsn,
        /// What there is.
        available: String,
    },
    /// No standby can have it installed.
    #[error("no standby can have checkpoint {wanted} installed: {reason}; the store has {available}")]
    NotInstallable {
        /// As given.
        wanted: Lsn,
        /// Step, code and reason.
        reason: String,
        /// What there is.
        available: String,
    },
    /// Whether a standby can have it installed is not known.
    #[error("checkpoint {wanted} could not be read: {reason}")]
    Unread {
        /// As given.
        wanted: Lsn,
        /// Why.
        reason: String,
    },
}

/// One attempt of one standby.
struct Attempted {
    ended: Ended,
    failure: Option<(Step, Code)>,
    reason: Option<String>,
    conflict: Option<Conflict>,
    keystore_lsn: Option<Lsn>,
    steps: Vec<Done>,
}

/// A standby under a policy.
struct Node {
    policy: Policy,
    standby: Standby,
    records: Vec<Record>,
    aborted_at: Option<Lsn>,
    /// Metadata LSN behind which it must not fall, whatever it re-syncs from.
    floor: Lsn,
    installed: u64,
    resyncs: u64,
}

/// What is known of a record without trying it.
struct Facts {
    metadata_lsn: Option<Lsn>,
    keystore_lsn: Option<Lsn>,
}

struct Driver<'a, 's> {
    source: StoreSource<'s>,
    /// What it was gathered from, if it was.
    gathered: Option<&'a Gathered>,
    rows: &'a [CompletionRow],
    facts: Vec<Facts>,
    keys: Vec<StoredKey>,
    build: Build,
    options: &'a Options,
    offered: u64,
    /// What a fresh process makes of a record: true, it installs it. By position.
    fresh: BTreeMap<usize, Option<bool>>,
}

/// Replay all completion records of an open store.
pub fn run(opened: &Opened<'_>, home: &str, options: &Options, progress: &dyn Progress) -> Result<Replay, ReplayError> {
    let mut source = StoreSource::new(opened)?;
    let keys = source.keys();
    let rows = opened.completions.as_slice();
    let gathered = opened.layout.gathered.as_ref();
    let mut embedded = BTreeMap::new();
    let (generation, generation_evidence) = generation_of(opened, options, &keys, &mut embedded)?;
    let build = Build { profile: Some(options.build.profile.unwrap_or(Profile::of(generation))), ..options.build };
    let facts = rows
        .iter()
        .map(|row| Facts { metadata_lsn: metadata_lsn(row), keystore_lsn: embedded.get(&row.lsn).copied().flatten() });
    let mut driver = Driver {
        source,
        gathered,
        rows,
        facts: facts.collect(),
        keys,
        build,
        options,
        offered: 0,
        fresh: BTreeMap::new(),
    };
    let (from, standby) = driver.outset()?;
    driver.offered = rows.len().saturating_sub(from + usize::from(standby.installed.is_some())) as u64;
    let info = StandbyInfo {
        profile: build.rules(),
        diagnostic: build.checks.diagnostic,
        strict: build.checks.strict,
        keystore_lsn: standby.keystore.map(|k| k.lsn),
        installed: standby.installed.clone(),
    };
    let mut nodes: Vec<Node> = options.policies.iter().map(|p| Node::new(*p, standby.clone())).collect();
    // A node that skips meets every record; without it nobody knows what comes behind an abort.
    let asked = nodes.len();
    if !options.policies.contains(&Policy::Skip) {
        nodes.push(Node::new(Policy::Skip, standby));
    }
    progress.phase("picking up checkpoints", Some(rows.len() as u64));
    for at in 0..rows.len() {
        for node in &mut nodes {
            driver.meet(node, at, from);
        }
        progress.count(at as u64 + 1, "record");
    }
    let (notes, unchecked) = driver.notes(opened)?;
    let skips = nodes.iter().find(|n| n.policy == Policy::Skip).map(|n| n.records.clone()).unwrap_or_default();
    nodes.truncate(asked);
    let detailed = nodes.iter().position(|n| n.policy == Policy::Skip).unwrap_or(0);
    let records = nodes.get(detailed).map(|n| n.records.clone()).unwrap_or_default();
    let refusals = driver.refusals(&records, &skips);
    let failed = |n: &Node| n.records.iter().any(|r| matches!(r.outcome, Ended::Refused | Ended::Panicked));
    let any_failed = nodes.iter().any(failed);
    let restart_from = if any_failed { driver.restart_from() } else { None };
    let unjudged = nodes.iter().any(|n| n.records.iter().any(|r| r.outcome == Ended::Unjudged));
    let (verdict, exit_code) = match (any_failed, rows.is_empty() || unjudged || !unchecked.is_empty()) {
        (true, _) => (Verdict::Refused, 1),
        (false, true) => (Verdict::Incomplete, 6),
        (false, false) => (Verdict::Installed, 0),
    };
    let policies = nodes.into_iter().map(|n| driver.result(n, &records)).collect();
    Ok(Replay {
        schema_version: SCHEMA_VERSION,
        tool: Tool::default(),
        store: StoreInfo {
            kind: opened.store.kind(),
            home: home.to_string(),
            generation: generation.name(),
            generation_evidence,
            completions: rows.len() as u64,
            keys: driver.keys,
        },
        standby: info,
        detailed_policy: options.policies.get(detailed).copied().unwrap_or(Policy::Skip),
        records,
        refusals,
        policies,
        restart_from,
        notes,
        unchecked,
        verdict,
        exit_code,
    })
}

/// The metadata LSN a record names, if its text can be read so far.
fn metadata_lsn(row: &CompletionRow) -> Option<Lsn> {
    completion::metadata_lsn(&Config::parse_bytes(&row.text).ok()?).ok()
}

/// The generation of the store as the audit detects it; `embedded` gets the key of every record whose
/// turtle page can be read.
fn generation_of(
    opened: &Opened<'_>,
    options: &Options,
    keys: &[StoredKey],
    embedded: &mut BTreeMap<Lsn, Option<Lsn>>,
) -> Result<(Generation, Vec<String>), StoreError> {
    let mut evidence = Evidence {
        palm: opened.store.kind() == StoreKind::Palm,
        sharded: opened.layout.sharded,
        key_page_v2: keys.iter().any(|k| k.version == Some(2)),
        ..Evidence::default()
    };
    let mut reader = opened.store.reader()?;
    match audit::pagelog::choose(opened, &mut *reader, None) {
        Ok(choice) => {
            for checkpoint in choice.others.iter().chain(&choice.audited) {
                embedded.insert(checkpoint.lsn, checkpoint.turtle.key_provider.map(|k| k.lsn));
            }
            if let Some(newest) = &choice.audited {
                evidence.turtle = Some(newest.turtle.form);
                evidence.database_size = Some(newest.completion.database_size.is_some());
                evidence.old_cookie =
                    newest.metadata.root.is_some_and(|c| c.layout != crate::format::cookie::Layout::V0);
            }
        }
        Err(AuditError::Store(e)) => return Err(e),
        // The newest record needs a newer reader: what the layout shows must do.
        Err(_) => {}
    }
    let (detected, mut words) = generation::detect(&evidence);
    let generation = options.assume.unwrap_or(detected);
    if generation != detected {
        words.push(format!("given on the command line; the evidence suggests {}", detected.name()));
    }
    Ok((generation, words))
}

impl Node {
    fn new(policy: Policy, standby: Standby) -> Self {
        let floor = standby.installed.as_ref().map_or(Lsn::NONE, |i| i.metadata_lsn);
        Self { policy, standby, records: Vec::new(), aborted_at: None, floor, installed: 0, resyncs: 0 }
    }
}

impl Driver<'_, '_> {
    /// The standby as it is before the first record it tries, and the position of that record.
    fn outset(&mut self) -> Result<(usize, Standby), ReplayError> {
        let mut standby = Standby::new();
        let mut from = 0;
        if let Some(wanted) = self.options.installed {
            let names = |at: &usize| self.rows[*at].lsn == wanted || self.facts[*at].metadata_lsn == Some(wanted);
            let Some(at) = (0..self.rows.len()).find(names) else {
                return Err(ReplayError::NoSuchCheckpoint { wanted, available: self.available() });
            };
            let tried = self.attempt(&mut standby, at);
            let reason = || tried.reason.clone().unwrap_or_default();
            match (tried.ended, tried.failure) {
                (Ended::Installed, _) => {}
                (Ended::Unjudged, _) => return Err(ReplayError::Unread { wanted, reason: reason() }),
                (_, failure) => {
                    let at = failure.map(|(step, code)| format!("{code} at {step}, ")).unwrap_or_default();
                    let (reason, available) = (format!("{at}{}", reason()), self.available());
                    return Err(ReplayError::NotInstallable { wanted, reason, available });
                }
            }
            from = at;
        }
        if let Some(lsn) = self.options.keystore_lsn {
            standby.keystore = Some(Key { version: None, lsn });
        }
        Ok((from, standby))
    }

    /// The records there are, newest first.
    fn available(&self) -> String {
        let one = |at: usize| match self.facts[at].metadata_lsn {
            Some(metadata) => format!("{} (metadata LSN {metadata})", self.rows[at].lsn),
            None => self.rows[at].lsn.to_string(),
        };
        let list: Vec<String> = (0..self.rows.len()).rev().take(12).map(one).collect();
        match (list.len(), self.rows.len().saturating_sub(list.len())) {
            (0, _) => "no completion record".to_string(),
            (_, 0) => format!("completion records at LSN {}", list.join(", ")),
            (_, more) => format!("completion records at LSN {} and {more} older ones", list.join(", ")),
        }
    }

    /// Try a record. What could not be judged leaves the standby as it was.
    fn attempt(&mut self, standby: &mut Standby, at: usize) -> Attempted {
        let row = &self.rows[at];
        let before = standby.clone();
        let mut steps = Vec::new();
        let _ = self.source.take_unread();
        let (attempt, outcome) =
            Attempt::new(row.lsn, &row.text, false).run(standby, &mut self.source, &self.build, &mut steps);
        let unread = self.source.take_unread().or_else(|| self.not_supplied(at, outcome));
        let (ended, failure) = match outcome {
            Outcome::Installed => (Ended::Installed, None),
            Outcome::Same => (Ended::Same, None),
            // No session holds a snapshot here.
            Outcome::Deferred => (Ended::NotTried, None),
            Outcome::Failed(step, code) => (Ended::Refused, Some((step, code))),
            Outcome::Panicked(step, code) => (Ended::Panicked, Some((step, code))),
        };
        let mut reason = failure.and_then(|_| steps.last().map(|d| d.note.clone()));
        let ended = match (failure, unread) {
            (Some(_), Some(why)) => {
                *standby = before;
                reason = Some(why);
                Ended::Unjudged
            }
            _ => ended,
        };
        Attempted { ended, failure, reason, conflict: attempt.conflict(), keystore_lsn: attempt.keystore_lsn(), steps }
    }

    /// Why a failure says nothing about the checkpoint: dumps hold no completion record, and one that was made of its
    /// turtle page says no more than where that is.
    fn not_supplied(&self, at: usize, outcome: Outcome) -> Option<String> {
        let Outcome::Failed(Step::MetadataChecksum | Step::DatabaseSize | Step::Versions, _) = outcome else {
            return None;
        };
        let newest = at + 1 == self.rows.len();
        let made = self.gathered.as_ref().is_some_and(|g| !(newest && g.has_completion()));
        made.then(|| "no completion record was supplied; the turtle page alone does not state this".to_string())
    }

    /// Whether a fresh process installs a record; `None` if that could not be judged.
    fn fresh_installs(&mut self, at: usize) -> Option<bool> {
        if let Some(known) = self.fresh.get(&at) {
            return *known;
        }
        let tried = self.attempt(&mut Standby::new(), at);
        let answer = (tried.ended != Ended::Unjudged).then_some(tried.ended == Ended::Installed);
        self.fresh.insert(at, answer);
        answer
    }

    /// Whether a key provider of this build takes a key page.
    fn loads(&self, key: &StoredKey) -> bool {
        let reader = self.build.rules().key_page_reader();
        key.valid == Some(true) && key.compatible_version.is_none_or(|c| c <= reader)
    }

    /// The standby commits what the log brought before a record. Returns what it could not take.
    fn follow(&self, standby: &mut Standby, at: usize) -> Vec<String> {
        let Some(metadata) = self.facts[at].metadata_lsn else { return Vec::new() };
        let below = metadata.min(self.rows[at].lsn);
        let there = || self.keys.iter().filter(|k| k.lsn < below).rev();
        if let Some(newest) = there().find(|k| self.loads(k)) {
            standby.commit_key(Key { version: None, lsn: newest.lsn });
        }
        let own = standby.keystore.map_or(Lsn::NONE, |k| k.lsn);
        let newer = there().filter(|k| k.lsn > own && !self.loads(k));
        newer.map(|k| format!("the key page at LSN {} is not committed: {}", k.lsn, why_not(k))).collect()
    }

    /// A node meets a record.
    fn meet(&mut self, node: &mut Node, at: usize, from: usize) {
        let mut record = Record {
            lsn: self.rows[at].lsn,
            lsn_time: self.rows[at].lsn.time(),
            metadata_lsn: self.facts[at].metadata_lsn,
            metadata_lsn_time: self.facts[at].metadata_lsn.and_then(Lsn::time),
            keystore_lsn: self.facts[at].keystore_lsn,
            committed_keystore_lsn: None,
            outcome: Ended::NotTried,
            step: None,
            code: None,
            reason: None,
            conflict: None,
            attempts: 0,
            action: None,
            resyncs: Vec::new(),
            role: node.standby.role,
            serves_metadata_lsn: None,
            notes: Vec::new(),
            steps: Vec::new(),
        };
        if at < from {
            record.reason = Some("older than the installed checkpoint".to_string());
        } else if let Some(lsn) = node.aborted_at {
            record.reason = Some(format!("the record at LSN {lsn} killed the node"));
        } else {
            self.try_it(node, at, &mut record);
        }
        record.role = node.standby.role;
        record.serves_metadata_lsn = serves(&node.standby);
        node.records.push(record);
    }

    fn try_it(&mut self, node: &mut Node, at: usize, record: &mut Record) {
        record.notes = self.follow(&mut node.standby, at);
        record.committed_keystore_lsn = node.standby.keystore.map(|k| k.lsn);
        let tried = self.attempt(&mut node.standby, at);
        (record.outcome, record.attempts) = (tried.ended, 1);
        record.keystore_lsn = record.keystore_lsn.or(tried.keystore_lsn);
        (record.step, record.code) = tried.failure.unzip();
        (record.reason, record.conflict, record.steps) = (tried.reason, tried.conflict, tried.steps);
        match (tried.ended, tried.failure) {
            (Ended::Installed, _) => {
                node.standby.role = Role::Follower;
                node.installed += 1;
                node.floor = node.floor.max(node.standby.installed.as_ref().map_or(Lsn::NONE, |i| i.metadata_lsn));
            }
            (Ended::Panicked, _) => abort(node, record),
            (Ended::Refused, Some((step, code))) => {
                let mut failure = Failure { step, code, attempts: 1 };
                let mut reaction = node.policy.decide(&failure, &self.options.retry);
                while reaction == Reaction::Retry {
                    failure.attempts += 1;
                    reaction = node.policy.decide(&failure, &self.options.retry);
                }
                record.attempts = failure.attempts;
                if failure.attempts > 1 {
                    record.notes.push(format!("tried {} times, with the same result each time", failure.attempts));
                }
                match reaction {
                    Reaction::Abort => abort(node, record),
                    Reaction::StepDown => self.step_down(node, at, record),
                    Reaction::Skip | Reaction::Retry | Reaction::Ignore => record.action = Some(Action::Skipped),
                }
            }
            _ => {}
        }
    }

    /// Leave, and come back in a fresh process with the newest checkpoint there is by now that it can
    /// install; never with one older than it has served.
    fn step_down(&mut self, node: &mut Node, at: usize, record: &mut Record) {
        record.action = Some(Action::SteppedDown);
        node.resyncs += 1;
        node.standby.restart(Role::Resyncing);
        for candidate in (0..=at).rev() {
            // A fresh process gives the same answer to the same record every time.
            let refused = candidate < at && self.fresh.get(&candidate) == Some(&Some(false));
            if refused || self.facts[candidate].metadata_lsn.is_none_or(|lsn| lsn < node.floor) {
                continue;
            }
            let mut fresh = node.standby.clone();
            let tried = self.attempt(&mut fresh, candidate);
            let installed = tried.ended == Ended::Installed;
            self.fresh.insert(candidate, (tried.ended != Ended::Unjudged).then_some(installed));
            let (step, code) = tried.failure.unzip();
            record.resyncs.push(Resync {
                lsn: self.rows[candidate].lsn,
                outcome: tried.ended,
                step,
                code,
                reason: tried.reason,
                steps: tried.steps,
            });
            if tried.ended == Ended::Panicked {
                node.standby = fresh;
                node.standby.role = Role::Aborted;
                node.aborted_at = Some(record.lsn);
                return;
            }
            if installed {
                fresh.role = Role::Follower;
                node.standby = fresh;
                node.installed += u64::from(candidate == at);
                node.floor = node.floor.max(node.standby.installed.as_ref().map_or(Lsn::NONE, |i| i.metadata_lsn));
                return;
            }
        }
        record.notes.push("no checkpoint at or above the one it served can be installed: it waits".to_string());
    }

    fn refusals(&mut self, records: &[Record], skips: &[Record]) -> Vec<Refusal> {
        let mut out = Vec::new();
        for (at, r) in records.iter().enumerate() {
            let (Some(step), Some(code), Ended::Refused | Ended::Panicked) = (r.step, r.code, r.outcome) else {
                continue;
            };
            let stale = matches!((r.keystore_lsn, r.committed_keystore_lsn), (Some(own), Some(have)) if own < have);
            out.push(Refusal {
                lsn: r.lsn,
                metadata_lsn: r.metadata_lsn,
                step,
                place: step.place(),
                code,
                reason: r.reason.clone().unwrap_or_default(),
                panics: r.outcome == Ended::Panicked,
                stale_keystore: stale && step == Step::LoadKey && code == Code::EINVAL,
                fresh_process_installs: self.fresh_installs(at),
                next_installed: skips.iter().skip(at + 1).find(|n| n.outcome == Ended::Installed).map(|n| n.lsn),
                finding: self.finding(r, step, code).map(Finding::name),
            });
        }
        out
    }

    /// The finding an audit has for a failure.
    fn finding(&self, record: &Record, step: Step, code: Code) -> Option<Finding> {
        let (own, have) = (record.keystore_lsn, record.committed_keystore_lsn);
        match step {
            Step::MetadataLsn | Step::MetadataChecksum => Some(Finding::CompletionInvalid),
            Step::Versions if code == Code::EINVAL => Some(Finding::CompletionInvalid),
            Step::FetchTurtle => Some(Finding::PageMissing),
            Step::Checksum => Some(Finding::TurtleChecksum),
            Step::ParseTurtle if code == Code::EINVAL => Some(Finding::TurtleInvalid),
            Step::LoadKey if code == Code::EINVAL && own.zip(have).is_some_and(|(own, have)| own < have) => {
                Some(Finding::StaleKeystore)
            }
            Step::LoadKey if code == Code::EINVAL => Some(Finding::TurtleInvalid),
            Step::LoadKey if code == Code::EIO => match self.keys.iter().any(|k| Some(k.lsn) == own) {
                true => Some(Finding::KeyPageInvalid),
                false => Some(Finding::KeyPageMissing),
            },
            Step::Merge => match record.conflict? {
                Conflict::MissingStable => Some(Finding::MissingStableFile),
                Conflict::SameId => Some(Finding::DuplicateTreeId),
                Conflict::Row => Some(Finding::MetadataInvalid),
                Conflict::LocalEntry | Conflict::Immutable => None,
            },
            _ => None,
        }
    }

    /// The newest checkpoint that a fresh process installs.
    fn restart_from(&mut self) -> Option<RestartFrom> {
        let at = (0..self.rows.len()).rev().find(|at| self.fresh_installs(*at) == Some(true))?;
        let row = &self.rows[at];
        let text = String::from_utf8_lossy(row.text.strip_suffix(b"\0").unwrap_or(&row.text)).into_owned();
        let metadata_lsn = self.facts[at].metadata_lsn;
        Some(RestartFrom { lsn: row.lsn, lsn_time: row.lsn.time(), metadata_lsn, checkpoint_meta: text })
    }

    fn result(&self, node: Node, detailed: &[Record]) -> PolicyResult {
        let of = |ended: &[Ended]| -> Vec<Lsn> {
            node.records.iter().filter(|r| ended.contains(&r.outcome)).map(|r| r.lsn).collect()
        };
        let (refused, unjudged) = (of(&[Ended::Refused, Ended::Panicked]), of(&[Ended::Unjudged]));
        let behind = node.standby.installed.as_ref().and_then(|i| self.behind(i));
        let mut records = node.records;
        for (own, other) in records.iter_mut().zip(detailed) {
            if own.steps == other.steps {
                own.steps.clear();
            }
        }
        PolicyResult {
            policy: node.policy,
            role: node.standby.role,
            aborted_at: node.aborted_at,
            keystore_lsn: node.standby.keystore.map(|k| k.lsn),
            serves_metadata_lsn: serves(&node.standby),
            installed: node.standby.installed,
            records_offered: self.offered,
            records_installed: node.installed,
            refused,
            unjudged,
            resyncs: node.resyncs,
            behind,
            records,
        }
    }

    fn behind(&self, installed: &Installed) -> Option<Behind> {
        let at = self.rows.iter().position(|r| r.lsn == installed.lsn)?;
        let (own, last) = (self.rows.get(at)?, self.rows.last()?);
        let newest = self.facts.last().and_then(|f| f.metadata_lsn);
        // The upper half of a timestamp is seconds; counters of test programs have none.
        let seconds = |t: u64| Some(t >> 32).filter(|s| *s > 0);
        Some(Behind {
            records: (self.rows.len() - 1 - at) as u64,
            lsn: newest.map(|n| Lsn(n.get().saturating_sub(installed.metadata_lsn.get()))),
            seconds: seconds(last.timestamp).zip(seconds(own.timestamp)).map(|(a, b)| a.saturating_sub(b)),
        })
    }

    /// What a reader should know, and what could not be looked into.
    fn notes(&self, opened: &Opened<'_>) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let (mut notes, mut unchecked) = (Vec::new(), Vec::new());
        if let Some(lsn) = self.options.keystore_lsn.filter(|l| !self.keys.iter().any(|k| k.lsn == *l)) {
            notes.push(format!("this store has no key page at LSN {lsn}"));
        }
        for key in &self.keys {
            match key.valid {
                Some(_) if self.loads(key) => {}
                Some(_) => {
                    notes.push(format!("no standby can commit the key page at LSN {}: {}", key.lsn, why_not(key)))
                }
                None => unchecked.push(format!("the key page at LSN {}: {}", key.lsn, why_not(key))),
            }
        }
        // A file that was never written hides nothing, unless somebody names what should lie in it.
        let named = self.facts.iter().any(|f| f.keystore_lsn.is_some());
        if opened.problems.iter().any(|p| p.affects.covers(KEY_TABLE)) || (named && opened.is_partial(KEY_TABLE)) {
            unchecked.push("key pages: the part of the store that holds them could not be read in full".to_string());
        }
        let unread = opened.problems.iter().filter(|p| p.io.is_some() && p.affects.any_table());
        unchecked.extend(unread.map(|p| format!("{}: {}", p.file, p.reason)));
        let (_, problems) = opened.store.completions()?;
        // Only the counters are kept there; what is wrong with them hides no record.
        for p in problems.iter().filter(|p| p.io.is_none() && p.affects != Affected::Counters) {
            unchecked.push(format!("completion records: {}: {}", p.file, p.reason));
        }
        Ok((notes, unchecked))
    }
}

/// The checkpoint a node serves from. A dead one serves nothing, whatever it had installed.
fn serves(standby: &Standby) -> Option<Lsn> {
    standby.installed.as_ref().filter(|_| standby.role == Role::Follower).map(|i| i.metadata_lsn)
}

fn why_not(key: &StoredKey) -> String {
    match (&key.reason, key.compatible_version) {
        (Some(reason), _) => reason.clone(),
        (None, Some(c)) => format!("compatible version {c} is newer than this reader"),
        (None, None) => "it cannot be loaded".to_string(),
    }
}

fn abort(node: &mut Node, record: &mut Record) {
    node.standby.role = Role::Aborted;
    node.aborted_at = Some(record.lsn);
    record.action = Some(Action::Aborted);
}
