//! The messages of a log put together: one entry a checkpoint that failed, what was installed, what the
//! checkpoint manager said, how the process died, and what accompanied it.

use super::message::{Field, Finder, Found, Message, Noise};
use crate::id::Lsn;
use crate::pickup::code::Code;
use crate::pickup::step::Step;
use crate::serverlog::lines::{Lines, Record};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};

/// Most checkpoints that are told apart.
const MAX_FAILURES: usize = 4096;
/// Most lines of a kind that are kept: the last ones.
const MAX_KEPT: usize = 1000;
/// Most lines that are kept for one failure.
const MAX_NAMED: usize = 32;

/// Where a line stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Seen {
    /// Which log, by its place on the command line.
    pub log: usize,
    /// Line, from 1.
    pub line: u64,
    /// Time as the log has it.
    pub time: Option<String>,
    /// Session of the engine.
    pub session: Option<String>,
    /// Thread of the server.
    pub context: Option<String>,
}

/// An error of the session that picks up, of which no step is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The line's words.
    pub words: String,
    pub seen: Seen,
}

/// A step that named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub step: Step,
    /// The line's words.
    pub words: String,
    pub seen: Seen,
}

/// A checkpoint whose pick-up failed.
#[derive(Debug, Clone, Default)]
pub struct Failed {
    /// Its metadata LSN, if any line names it.
    pub lsn: Option<Lsn>,
    pub attempts: u32,
    pub code: Option<Code>,
    /// The inner function's line is there: the text of the record was accepted.
    pub inner: bool,
    /// A line in the words of the newest builds.
    pub newest: bool,
    /// A line in the words of the builds before.
    pub old: bool,
    pub text: Option<String>,
    /// Steps that named themselves.
    pub named: Vec<Named>,
    /// Errors of the same session that tell of something else.
    pub others: Vec<Other>,
    /// LSNs of page 1 that did not come.
    pub unread: Vec<Lsn>,
    /// Current and new LSN, where an older checkpoint was refused.
    pub older: Option<(Lsn, Lsn)>,
    /// The engine panicked behind it.
    pub panicked: bool,
    /// Session that picked it up.
    pub session: Option<String>,
    /// Session that asked for it.
    pub caller: Option<String>,
    pub first: Seen,
    pub last: Seen,
    /// The process died of it.
    pub abort: Option<usize>,
    /// The newest checkpoint installed before it, by metadata LSN.
    pub installed: Option<Lsn>,
    /// The process, counted from 0.
    pub(crate) process: u64,
    order: u64,
    attempt_inner: bool,
    attempt_over: bool,
}

/// Numbers of the checkpoint manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Newest that is materialized and applied.
    pub latest: Option<Lsn>,
    pub installed: Option<Lsn>,
    pub to_install: Option<Lsn>,
    pub seen: Seen,
    order: u64,
}

/// The end of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Abort {
    /// What failed, in the server's words.
    pub invariant: Option<String>,
    /// The signal.
    pub signal: Option<u64>,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A checkpoint that was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Installed {
    /// Its metadata LSN.
    pub metadata_lsn: Lsn,
    /// How long it took.
    pub milliseconds: Option<u64>,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
    #[serde(skip)]
    pub(crate) process: u64,
}

/// What the key provider states itself of a keystore that is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Stated {
    /// The key that the checkpoint embeds.
    pub persisted: Lsn,
    /// The key that the node has committed.
    pub committed: Lsn,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A line worth showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Line {
    /// What it says.
    pub what: String,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
    /// Which failure it belongs to.
    #[serde(skip)]
    pub failure: Option<usize>,
    /// It tells of a success.
    #[serde(skip)]
    pub success: bool,
}

/// Accompanying errors.
#[derive(Debug, Clone, Default)]
pub struct Secondary {
    /// By kind: not found, frontier, retries, unreadable blocks.
    pub counts: [u64; 4],
    pub first: Option<Seen>,
    pub last: Option<Seen>,
}

impl Secondary {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Log {
    /// As it was named.
    pub name: String,
    /// Its lines.
    pub lines: u64,
}

/// What logs tell.
#[derive(Debug, Default)]
pub struct Story {
    pub logs: Vec<Log>,
    /// Failures, in the order of their first lines.
    pub failures: Vec<Failed>,
    /// Failures that were too many.
    pub dropped: u64,
    /// Checkpoints installed, the last ones.
    pub installed: VecDeque<Installed>,
    /// How many there were.
    pub installed_total: u64,
    /// What the checkpoint manager said.
    pub managers: VecDeque<Manager>,
    /// How processes died.
    pub aborts: Vec<Abort>,
    /// Primary lines.
    pub timeline: VecDeque<Line>,
    /// Accompanying lines.
    pub secondary: Secondary,
    /// Lines about keys.
    pub keys: VecDeque<Line>,
    /// What the key provider states of a stale keystore: the last time.
    pub stated: Option<Stated>,
    /// Words of builds until April 2026, and of those since.
    pub frontier: (bool, bool),
    /// The installed checkpoint was picked up once more.
    pub same: u64,
    finder: Finder,
    lines: Lines,
    by_lsn: HashMap<Option<Lsn>, usize>,
    /// Lines of the pick-up under way that name no LSN.
    pending: Vec<Named>,
    pending_others: Vec<Other>,
    pending_unread: Vec<Lsn>,
    /// The failure the last lines were about, until something is installed.
    current: Option<usize>,
    /// Nothing but the end of the process since the last abort.
    dying: bool,
    /// The process at hand: its number, and as its lines have it.
    process: u64,
    pid: Option<u64>,
    order: u64,
}

/// Keep the last ones.
fn keep<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= MAX_KEPT {
        list.pop_front();
    }
    list.push_back(item);
}

impl Story {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the log at hand.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.push(bytes, &mut |record| self.record(&record));
        self.lines = lines;
    }

    /// The end of a log; others may follow.
    pub fn end_log(&mut self, name: &str) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.finish(&mut |record| self.record(&record));
        self.logs.push(Log { name: name.to_string(), lines: lines.lines() });
        self.pending_others.clear();
        if let Some(first) = self.pending.first().map(|n| n.seen.clone()) {
            // The lines behind these are missing; a step still says that it failed.
            let at = self.failure(None, &first);
            self.settle(at);
        }
    }

    /// Whether anything is about pick-up at all.
    pub fn tells_of_pickup(&self) -> bool {
        !self.failures.is_empty() || self.installed_total > 0 || !self.managers.is_empty() || self.same > 0
    }

    /// The failure to explain: the last one the process died of, else the last one.
    pub fn chosen(&self) -> Option<usize> {
        let last = |f: &&(usize, &Failed)| (f.1.abort.is_some(), f.1.order);
        let all: Vec<(usize, &Failed)> = self.failures.iter().enumerate().collect();
        all.iter().max_by_key(last).map(|f| f.0)
    }

    /// What the checkpoint manager said about a failure: the first line behind it, else the last before.
    pub fn manager_of(&self, failure: &Failed) -> Option<&Manager> {
        let next = self.failures.iter().map(|f| f.order).filter(|o| *o > failure.order).min().unwrap_or(u64::MAX);
        let behind = |m: &&Manager| m.order > failure.order && m.order < next;
        self.managers.iter().find(behind).or_else(|| self.managers.iter().rev().find(|m| m.order < failure.order))
    }

    fn record(&mut self, record: &Record) {
        for found in self.finder.find(record) {
            self.message(found);
        }
    }

    fn message(&mut self, found: Found) {
        let Found { line, time, session, context, pid, message } = found;
        if pid.is_some() && self.pid.is_some_and(|known| Some(known) != pid) || message == Message::Starts {
            self.begin_process();
        }
        self.pid = pid.or(self.pid);
        let seen = Seen { log: self.logs.len(), line, time, session, context };
        self.order = self.order.saturating_add(1);
        let dies = matches!(message, Message::Dies { .. } | Message::Panic);
        let aside =
            matches!(message, Message::Noise { .. } | Message::Key(_) | Message::Manager(..) | Message::Other(_));
        match message {
            Message::Failed { lsn, code, newest } => {
                let at = self.failure(Some(lsn), &seen);
                self.attempt(at, |f| f.attempt_inner || f.attempt_over);
                self.settle(at);
                if let Some(f) = self.failures.get_mut(at) {
                    f.code = code.or(f.code);
                    (f.inner, f.attempt_inner) = (true, true);
                    f.newest |= newest;
                    f.old |= !newest;
                    f.session = seen.session.clone().or(f.session.take());
                }
                let ret = code.map(|c| format!(", {c}")).unwrap_or_default();
                self.primary(seen, Some(at), format!("pick-up of metadata_lsn={lsn} failed{ret}"));
            }
            Message::Config { text, code } => {
                let config = crate::format::config::Config::parse_bytes(text.as_bytes()).ok();
                let lsn = config.and_then(|c| crate::format::completion::metadata_lsn(&c).ok());
                let at = self.failure(lsn, &seen);
                self.attempt(at, |f| f.attempt_over);
                self.settle(at);
                let ret = code.map(|c| format!(", {c}")).unwrap_or_default();
                let what = format!("pick-up with the completion text {text:?} failed{ret}");
                if let Some(f) = self.failures.get_mut(at) {
                    f.code = code.or(f.code);
                    f.attempt_over = true;
                    f.caller = seen.session.clone().or(f.caller.take());
                    f.text = Some(text);
                }
                self.primary(seen, Some(at), what);
            }
            Message::Stale { persisted, committed, words } => {
                self.stated = Some(Stated { persisted, committed, seen: seen.clone() });
                self.message_of_step(Step::LoadKey, words, seen);
            }
            Message::Named { lsn: None, step, words, .. } => {
                self.message_of_step(step, words, seen);
            }
            Message::Named { lsn, step, words, code } => {
                let at = self.failure(lsn, &seen);
                self.attempt(at, |f| f.attempt_over);
                self.settle(at);
                if let Some(f) = self.failures.get_mut(at) {
                    f.code = code.or(f.code);
                    f.newest |= matches!(step, Step::ParseTurtle | Step::LoadKey | Step::Merge);
                    if f.named.len() < MAX_NAMED {
                        f.named.push(Named { step, words: words.clone(), seen: seen.clone() });
                    }
                }
                self.primary(seen, Some(at), words);
            }
            Message::ReadFailed { lsn } => {
                self.primary(seen, None, format!("page 1 at LSN {lsn} could not be read"));
                if self.pending_unread.len() < MAX_NAMED {
                    self.pending_unread.push(lsn);
                }
            }
            Message::Older { current, new } => {
                let at = self.failure(Some(new), &seen);
                self.attempt(at, |f| f.attempt_over);
                self.settle(at);
                if let Some(f) = self.failures.get_mut(at) {
                    f.older = Some((current, new));
                }
                self.primary(seen, Some(at), format!("metadata_lsn={new} is older than the installed {current}"));
            }
            Message::Same => {
                self.same = self.same.saturating_add(1);
                self.success(seen, "the installed checkpoint was picked up again: nothing to do".into());
            }
            Message::Installed { lsn, ms } => {
                self.current = None;
                self.pending.clear();
                self.pending_others.clear();
                self.pending_unread.clear();
                self.installed_total = self.installed_total.saturating_add(1);
                let took = ms.map(|ms| format!(" in {ms} ms")).unwrap_or_default();
                self.success(seen.clone(), format!("metadata_lsn={lsn} installed{took}"));
                let process = self.process;
                keep(&mut self.installed, Installed { metadata_lsn: lsn, milliseconds: ms, seen, process });
            }
            Message::Wrote { lsn } => self.success(seen, format!("a leader wrote a checkpoint, LSN {lsn}")),
            Message::Manager(field, lsn) => self.manager(field, lsn, seen),
            Message::Dies { text, signal } => self.dies(text, signal, seen),
            Message::Panic => {
                let at = self.current;
                if let Some(f) = at.and_then(|at| self.failures.get_mut(at)) {
                    f.panicked = true;
                }
                self.primary(seen, at, "the engine panicked".into());
            }
            Message::Noise { noise, older, newer } => {
                let kind = match noise {
                    Noise::NotFound => 0,
                    Noise::Frontier => 1,
                    Noise::Retry => 2,
                    Noise::ReadError => 3,
                };
                if let Some(count) = self.secondary.counts.get_mut(kind) {
                    *count = count.saturating_add(1);
                }
                self.frontier.0 |= older;
                self.frontier.1 |= newer;
                self.secondary.first.get_or_insert_with(|| seen.clone());
                self.secondary.last = Some(seen);
            }
            Message::Starts => self.pid = None,
            Message::Other(words) => {
                if self.pending_others.len() < MAX_NAMED {
                    self.pending_others.push(Other { words, seen });
                }
            }
            Message::Key(what) => keep(&mut self.keys, Line { what, seen, failure: None, success: false }),
        }
        if !aside {
            self.dying = dies;
        }
    }

    /// Lines from here on are of another process: what the one before left open is not its own.
    fn begin_process(&mut self) {
        self.process = self.process.saturating_add(1);
        self.current = None;
        self.by_lsn.clear();
        self.pending.clear();
        self.pending_others.clear();
        self.pending_unread.clear();
    }

    /// A step that names itself, and no checkpoint.
    fn message_of_step(&mut self, step: Step, words: String, seen: Seen) {
        let at = self.current.filter(|at| self.failures.get(*at).is_some_and(|f| !f.attempt_over));
        self.primary(seen.clone(), at, words.clone());
        if self.pending.len() < MAX_NAMED {
            self.pending.push(Named { step, words, seen });
        }
    }

    /// The failure of a checkpoint, new if there was none. A line without an LSN belongs to the one at hand.
    fn failure(&mut self, lsn: Option<Lsn>, seen: &Seen) -> usize {
        let at_hand =
            self.current.filter(|at| lsn.is_none() && self.failures.get(*at).is_some_and(|f| !f.attempt_over));
        let known = at_hand.or_else(|| self.by_lsn.get(&lsn).copied());
        let at = known.unwrap_or_else(|| {
            let full = self.failures.len() >= MAX_FAILURES;
            if full {
                // The oldest are the least of interest, but their places are taken.
                self.dropped = self.dropped.saturating_add(1);
                self.failures.pop();
                self.by_lsn.retain(|_, at| *at + 1 < MAX_FAILURES);
            }
            self.by_lsn.insert(lsn, self.failures.len());
            self.failures.push(Failed {
                lsn,
                attempts: 1,
                first: seen.clone(),
                last: seen.clone(),
                order: self.order,
                process: self.process,
                ..Failed::default()
            });
            self.failures.len() - 1
        });
        let installed = self.installed.back().map(|i| i.metadata_lsn);
        if let Some(f) = self.failures.get_mut(at) {
            f.last = seen.clone();
            f.order = self.order;
            f.installed = installed.or(f.installed);
        }
        self.current = Some(at);
        at
    }

    /// Count another attempt if this line begins one.
    fn attempt(&mut self, at: usize, again: impl Fn(&Failed) -> bool) {
        if let Some(f) = self.failures.get_mut(at).filter(|f| again(f)) {
            f.attempts = f.attempts.saturating_add(1);
            (f.attempt_inner, f.attempt_over) = (false, false);
        }
    }

    /// Give a failure the lines before it that name no checkpoint.
    fn settle(&mut self, at: usize) {
        let (named, unread) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.pending_unread));
        let others = std::mem::take(&mut self.pending_others);
        if let Some(f) = self.failures.get_mut(at) {
            f.others.extend(others);
            f.others.truncate(MAX_NAMED);
            f.named.extend(named);
            f.named.truncate(MAX_NAMED);
            f.unread.extend(unread);
            f.unread.truncate(MAX_NAMED);
        }
    }

    fn manager(&mut self, field: Field, lsn: Lsn, seen: Seen) {
        let slot = |m: &mut Manager| match field {
            Field::Latest => m.latest.replace(lsn),
            Field::Installed => m.installed.replace(lsn),
            Field::ToInstall => m.to_install.replace(lsn),
        };
        let has = |m: &Manager| match field {
            Field::Latest => m.latest,
            Field::Installed => m.installed,
            Field::ToInstall => m.to_install,
        };
        let order = self.order;
        if let Some(last) = self.managers.back_mut().filter(|m| has(m).is_none() && order - m.order < 4) {
            slot(last);
            return;
        }
        let mut manager = Manager { latest: None, installed: None, to_install: None, seen: seen.clone(), order };
        slot(&mut manager);
        keep(&mut self.managers, manager);
        let what = "the checkpoint manager states its LSNs".to_string();
        self.primary(seen, self.current, what);
    }

    fn dies(&mut self, text: Option<String>, signal: Option<u64>, seen: Seen) {
        let fatal_pickup = |t: &String| {
            let t: String = t.to_ascii_lowercase().split_whitespace().collect();
            t.contains("ckptmeta") || t.contains("checkpoint_meta")
        };
        if self.current.is_none() && text.as_ref().is_some_and(fatal_pickup) {
            // The lines before it are missing; this one names the call all the same.
            self.failure(None, &seen);
        }
        let full = self.aborts.len() >= MAX_KEPT;
        match self.aborts.last_mut().filter(|_| self.dying && text.is_none()) {
            Some(last) => last.signal = last.signal.or(signal),
            None if !full => {
                let code = text.as_ref().and_then(|t| code_of(t));
                let what = match (&text, signal) {
                    (Some(text), _) => format!("the process dies: {text}"),
                    (None, Some(n)) => format!("the process is killed by signal {n}"),
                    (None, None) => "the process dies".to_string(),
                };
                let at = self.current;
                if let Some(f) = at.and_then(|at| self.failures.get_mut(at)) {
                    f.abort = Some(self.aborts.len());
                    f.code = f.code.or(code);
                }
                self.aborts.push(Abort { invariant: text, signal, seen: seen.clone() });
                self.primary(seen, at, what);
            }
            None => {}
        }
    }

    fn primary(&mut self, seen: Seen, failure: Option<usize>, what: String) {
        keep(&mut self.timeline, Line { what, seen, failure, success: false });
    }

    fn success(&mut self, seen: Seen, what: String) {
        keep(&mut self.timeline, Line { what, seen, failure: None, success: true });
    }
}

/// The return code an invariant quotes: `BadValue: 22: Invalid argument`.
fn code_of(text: &str) -> Option<Code> {
    text.split(':').filter_map(|part| part.trim().parse::<i32>().ok()).map(Code).find(|c| *c != Code::OK)
}
