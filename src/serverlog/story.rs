//! The lines of server logs put together: one group a cause and place, the first of each process told from
//! what follows, repeats counted. Memory is bounded, whatever the log holds.

use super::cause::{Cause, Role, Sure};
use super::codes::{self, Errno};
use super::entry::{Entry, Severity};
use super::form;
use super::lines::{Lines, Record};
use super::place::Place;
use super::wording::{self, Hit};
use serde::Serialize;
use std::collections::HashMap;

/// Most groups that are told apart.
const MAX_GROUPS: usize = 4096;
/// Most processes that are told apart at one time.
const MAX_PROCESSES: usize = 1024;
/// Unknown errors that are quoted.
const QUOTED_ERRORS: usize = 3;
/// Longest quote of an unknown error.
const QUOTED: usize = 240;

/// What the system says of EINVAL.
const INVALID: &str = "Invalid argument";

/// Where a line stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Seen {
    /// Which log, by its place on the command line, from 0.
    pub log: usize,
    /// Line, from 1.
    pub line: u64,
    /// Time as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What the engine was doing: its session; of a line of mongod its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The engine's clock.
    #[serde(skip)]
    pub micros: Option<u64>,
}

/// Lines of one cause about one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub cause: Cause,
    pub place: Place,
    pub first: Seen,
    pub last: Seen,
    /// How often.
    pub times: u64,
    /// In how many processes.
    pub processes: u64,
    /// It can be what went wrong first: a cause, before the engine stopped itself.
    pub primary: bool,
    /// A process ended after it.
    pub fatal: bool,
    pub severity: Severity,
    /// What the first of these lines says.
    pub quote: String,
    /// How sure it is.
    pub sure: Sure,
    /// The process it was first seen in.
    pub process: u64,
    /// How often it stood behind a panic.
    pub behind: u64,
    last_process: u64,
}

/// A line whose cause is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct UnknownError {
    /// What it says.
    pub text: String,
    /// Where.
    #[serde(flatten)]
    pub seen: Seen,
}

#[derive(Debug, Default, Clone)]
struct Process {
    number: u64,
    panicked: bool,
    /// Groups that may have brought it down.
    primaries: Vec<usize>,
    /// An error of the engine or of mongod came before.
    erred: bool,
}

/// What server logs tell.
#[derive(Debug, Default)]
pub struct Story {
    lines: Lines,
    /// The log at hand.
    log: usize,
    pub groups: Vec<Group>,
    /// Hits that were too many to keep apart.
    pub dropped: u64,
    by_key: HashMap<Key, usize>,
    processes: HashMap<Option<u64>, Process>,
    current: Option<u64>,
    /// Processes so far.
    pub processes_total: u64,
    /// Lines that are of a server or of the engine.
    pub recognised: u64,
    /// Errors whose cause is not in the table.
    pub unknown: u64,
    pub unknown_first: Vec<UnknownError>,
    /// Lines of the severity of an error or worse.
    pub errors: u64,
    pub first: Option<Seen>,
    pub last: Option<Seen>,
    /// The last process that began to serve.
    last_good: Option<u64>,
    /// mongod's release, if a line has it.
    pub server_version: Option<String>,
    /// Part of a record that goes on.
    cut: bool,
}

/// What makes lines the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    cause: Cause,
    file: Option<String>,
    number: Option<u64>,
    name: Option<String>,
}

/// Causes that are about the machine or the whole home: the file is only the first one that was hit.
fn is_of_all(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Emfile
            | Cause::Enospc
            | Cause::Erofs
            | Cause::LockBusy
            | Cause::EpermOpen
            | Cause::EaccesOpen
            | Cause::Fcv
            | Cause::Panic
            | Cause::Aborted
            | Cause::UncleanClose
            | Cause::UncleanStart
            | Cause::MetadataUnroll
            | Cause::TxnTooBig
            | Cause::TsOrder
            | Cause::MetadataUnreadable
            | Cause::OpenFailed
            | Cause::LogUnreadable
            | Cause::RecoveryFailed
            | Cause::LogWriteFailed
            | Cause::EvictionFailed
            | Cause::DisRetry
            | Cause::DisFrontier
            | Cause::WriteConflict
            | Cause::NeedsRecovery
            | Cause::Compaction
            | Cause::TurtleMissing
            | Cause::SocketFile
            | Cause::KeyFile
            | Cause::StorageEngine
            | Cause::CpuUnsupported
            | Cause::OplogGap
            | Cause::OplogMinvalid
            | Cause::InitialSync
            | Cause::RollbackFailed
            | Cause::OutOfMemory
            | Cause::Tls
            | Cause::Collation
            | Cause::ReplConfig
            | Cause::RepairIncomplete
            | Cause::DisStoreDamaged
            | Cause::DisKeyMissing
    )
}

impl Key {
    fn of(cause: Cause, place: &Place) -> Self {
        if is_of_all(cause) {
            return Self { cause, file: None, number: None, name: None };
        }
        // Of a file whose reads fail, or a journal that was cut, one place is enough.
        let whole = place.errno.is_some() || cause == Cause::LogRecordBad;
        Self {
            cause,
            file: place.file.clone(),
            number: if whole {
                None
            } else {
                place.offset.or(place.page_id).or(place.lsn).or(place.assertion.map(u64::from))
            },
            name: place.ident.clone().or_else(|| place.namespace.clone()).or_else(|| {
                // Of a call of the system it is the call.
                place.name.clone().filter(|_| place.errno.is_none())
            }),
        }
    }
}

/// Whether a cause is no more than what another one, seen before it in the same process, brings along.
fn follows(cause: Cause, before: Cause) -> bool {
    use Cause as C;
    match cause {
        C::DisKeyMissing => before == C::DisKeyStale,
        C::FormatVersion => before == C::IdentMetadataMissing,
        C::FileUnexpected => before == C::TurtleMissing,
        C::HsMissing => matches!(before, C::HsDamaged | C::EaccesOpen | C::EpermOpen),
        C::TsPrepare => matches!(before, C::TsDurable | C::TsCommit),
        C::TsDurable => matches!(before, C::TsPrepare),
        C::ValidateStructure => is_bad_block(before) || matches!(before, C::PageContent | C::PageTypeInvalid),
        C::LogRecordBad => matches!(before, C::LogEmpty | C::LogMagic | C::LogSystemRecord | C::LogRequiresSalvage),
        C::TurtleUnreadable => matches!(
            before,
            C::RenameFailed | C::Enospc | C::FsyncFailed | C::Eio | C::EaccesOpen | C::EpermOpen | C::Erofs | C::Emfile
        ),
        C::HeapCorrupted => is_bad_block(before) || matches!(before, C::PageContent | C::PageTypeInvalid),
        C::PageTypeInvalid if before == C::PageContent => true,
        C::DecompressFailed | C::PageContent | C::PageTypeInvalid => is_bad_block(before),
        C::MetadataUnreadable => matches!(
            before,
            C::MetadataExtentList
                | C::TurtleStale
                | C::BlockChecksum30
                | C::BlockZeros
                | C::ShortRead
                | C::FileTooSmall
                | C::Eio
                | C::Estale
        ),
        C::RootUnreadable => is_bad_block(before) || matches!(before, C::ShortRead | C::Eio | C::Estale),
        C::DescCorrupted | C::NotAWiredTigerFile => matches!(before, C::ShortRead | C::FileTooSmall | C::Eio),
        C::LogEmpty => matches!(before, C::LogEmpty | C::Eio | C::Enospc),
        C::TableFileMissing => matches!(before, C::FileTooSmall | C::CatalogIdentMissing),
        C::ConfigInvalid => matches!(before, C::ConfigUnknown | C::DisKeyStale | C::DisKeyMissing),
        C::CompatRefused | C::IncompatibleConfig => matches!(before, C::LogVersion | C::TurtleVersionMajor),
        C::FsyncFailed => matches!(before, C::Eio | C::Emfile | C::Enospc),
        _ => false,
    }
}

/// A block that is not the expected one.
fn is_bad_block(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::BlockChecksumContent | Cause::BlockChecksumHeader | Cause::BlockChecksum30 | Cause::BlockZeros
    )
}

/// Whether a cause says better what one before it in the same process was about.
fn explains(cause: Cause, before: Cause) -> bool {
    matches!(
        (cause, before),
        (Cause::DisKeyStale, Cause::DisKeyMissing) | (Cause::IdentMetadataMissing, Cause::FormatVersion)
    )
}

impl Story {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { lines: Lines::raw(), ..Self::default() }
    }

    /// The next bytes of the log at hand, as UTF-8.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.push(bytes, &mut |record| self.record(&record));
        self.lines = lines;
    }

    /// The end of a log; others may follow. Gives its lines.
    pub fn end_log(&mut self) -> u64 {
        let mut lines = std::mem::replace(&mut self.lines, Lines::raw());
        lines.finish(&mut |record| self.record(&record));
        self.log = self.log.saturating_add(1);
        lines.lines()
    }

    fn record(&mut self, record: &Record) {
        let Some(entry) = form::entry(record) else {
            self.recognised = self.recognised.saturating_add(1);
            return;
        };
        self.entry(&entry);
        self.cut = record.limit < record.text.len();
    }

    fn entry(&mut self, entry: &Entry) {
        let seen = Seen {
            log: self.log,
            line: entry.line,
            time: entry.time.clone(),
            session: entry.session.clone().or_else(|| entry.context.clone()),
            micros: entry.micros,
        };
        let threaded = entry.time.is_some() && entry.context.is_some();
        if entry.engine || threaded || entry.component.is_some() || entry.id.is_some() {
            self.recognised = self.recognised.saturating_add(1);
            self.first.get_or_insert_with(|| seen.clone());
            self.last = Some(seen.clone());
        }
        self.process(entry);
        if entry.severity >= Severity::Error && !self.cut && entry.text.iter().any(u8::is_ascii_alphanumeric) {
            self.errors = self.errors.saturating_add(1);
        }
        let hits = wording::hits(entry);
        let asserted = entry.assertion.or_else(|| assertion_of(&hits, entry));
        let mut known = false;
        for hit in merged(hits) {
            known = true;
            let seen = Seen { line: seen.line.saturating_add(hit.below), ..seen.clone() };
            if hit.cause == Cause::FatalAssertion {
                continue;
            }
            self.hit(hit, seen, entry);
        }
        if let Some(number) = asserted {
            known = true;
            let place = Place { assertion: Some(number), ..Place::default() };
            let cause = codes::assertion(number).and_then(|a| a.cause).unwrap_or(Cause::FatalAssertion);
            // A cause of its own may have been told before, by more than a number.
            let told = self.current_process().primaries.clone();
            let told = told.iter().find_map(|at| self.groups.get(*at).filter(|g| g.cause == cause));
            let place = told.map_or(place, |g| Place { assertion: Some(number), ..g.place.clone() });
            let quote = wording::quote(&entry.text, 0, QUOTED);
            self.hit(Hit { cause, place, quote, ..Hit::default() }, seen.clone(), entry);
            self.died();
        }
        if !known {
            known = self.by_code(entry, &seen);
        }
        let says = entry.text.iter().any(u8::is_ascii_alphanumeric);
        if !known && says && entry.severity >= Severity::Error && !self.cut {
            self.unknown = self.unknown.saturating_add(1);
            if self.unknown_first.len() < QUOTED_ERRORS {
                let text = wording::quote(&entry.text, 0, QUOTED);
                self.unknown_first.push(UnknownError { text, seen });
            }
            self.current_process().erred = true;
        }
    }

    /// A line whose words are not in the table and whose error is: the system's own.
    fn by_code(&mut self, entry: &Entry, seen: &Seen) -> bool {
        let of_users = entry.component.as_deref().is_some_and(|c| wording::COMPONENTS_OF_USERS.contains(&c));
        if entry.severity < Severity::Error || of_users {
            return false;
        }
        let text = String::from_utf8_lossy(&entry.text).into_owned();
        // Whatever it dislikes of the text that it opens the metadata with: that is the turtle.
        let opening =
            entry.handle.as_deref() == Some("file:WiredTiger.wt") && entry.session.as_deref() == Some("connection");
        if opening && entry.engine && text.contains(INVALID) {
            let place = Place { errno: Some(Errno::EINVAL), error: Some(Errno::EINVAL.name()), ..Place::default() };
            let quote = wording::quote(&entry.text, 0, QUOTED);
            self.hit(Hit { cause: Cause::TurtleConfig, place, quote, ..Hit::default() }, seen.clone(), entry);
            return true;
        }
        let named = codes::ERRNOS.iter().find(|row| row.texts.iter().any(|t| text.contains(t)));
        let by_number = || codes::ERRNOS.iter().find(|row| entry.engine && Some(row.number) == entry.code);
        let Some(row) = named.or_else(by_number) else { return false };
        let Some(cause) = row.cause.filter(|c| !matches!(c, Cause::ObjectExists | Cause::DropBusy | Cause::MmapFailed))
        else {
            return false;
        };
        // An assertion of mongod that only repeats the error of a line before.
        let mut place = Place { errno: Some(row.errno), error: Some(row.name), ..Place::default() };
        place.or_handle(entry.handle.as_deref());
        let quote = wording::quote(&entry.text, 0, QUOTED);
        self.hit(Hit { cause, place, quote, ..Hit::default() }, seen.clone(), entry);
        true
    }

    fn current_process(&mut self) -> &mut Process {
        let key = self.current;
        self.processes.entry(key).or_default()
    }

    /// Which process a line is of.
    fn process(&mut self, entry: &Entry) {
        let text = entry.text.get(..entry.text.len().min(256)).unwrap_or_default();
        if entry.id == Some(23_016) || contains(text, b"waiting for connections on port") {
            self.last_good = Some(self.current_process().number);
        }
        if let Some(version) = server_version(text) {
            self.server_version = Some(version);
        }
        let has = |words: &[u8]| contains(text, words);
        let restarted = entry.id == Some(4_615_611)
            || entry.id == Some(20_698)
            || has(b"SERVER RESTARTED")
            || has(b"MongoDB starting : pid=");
        if restarted {
            self.processes.clear();
            self.current = entry.pid;
            self.begin();
        } else if let Some(pid) = entry.pid
            && self.current != Some(pid)
        {
            // Lines without a number before the first one with it are of the same process.
            let unnamed = self.processes.remove(&None);
            self.current = Some(pid);
            match unnamed {
                Some(process) if !self.processes.contains_key(&Some(pid)) => {
                    self.processes.insert(Some(pid), process);
                }
                _ if !self.processes.contains_key(&Some(pid)) => self.begin(),
                _ => {}
            }
        } else if self.processes.is_empty() {
            self.begin();
        }
    }

    fn begin(&mut self) {
        if self.processes.len() >= MAX_PROCESSES {
            self.processes.clear();
        }
        self.processes_total = self.processes_total.saturating_add(1);
        let process = Process { number: self.processes_total, ..Process::default() };
        self.processes.insert(self.current, process);
    }

    /// The process at hand ended.
    fn died(&mut self) {
        let primaries = std::mem::take(&mut self.current_process().primaries);
        for at in &primaries {
            if let Some(group) = self.groups.get_mut(*at) {
                group.fatal = true;
            }
        }
        let process = self.current_process();
        process.primaries = primaries;
        process.panicked = true;
    }

    fn hit(&mut self, hit: Hit, seen: Seen, entry: &Entry) {
        let Hit { mut cause, otherwise, place, quote, .. } = hit;
        let process = self.current_process();
        let (number, panicked, erred) = (process.number, process.panicked, process.erred);
        let primaries = process.primaries.clone();
        let alone = otherwise.is_some();
        if let Some(otherwise) = otherwise.filter(|_| erred) {
            cause = otherwise;
        }
        let row = cause.row();
        let behind = panicked && !matches!(cause, Cause::HeapCorrupted);
        let followed = primaries.iter().any(|at| self.groups.get(*at).is_some_and(|g| follows(cause, g.cause)));
        let primary = row.role == Role::Primary && !behind && !followed;
        let key = Key::of(cause, &place);
        let again = place.clone();
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None if self.groups.len() >= MAX_GROUPS => {
                self.dropped = self.dropped.saturating_add(1);
                return;
            }
            None => {
                self.groups.push(Group {
                    cause,
                    place,
                    first: seen.clone(),
                    last: seen.clone(),
                    times: 0,
                    processes: 0,
                    primary: false,
                    fatal: false,
                    severity: entry.severity,
                    quote,
                    sure: if alone { row.sure.min(Sure::Medium) } else { row.sure },
                    process: number,
                    behind: 0,
                    last_process: 0,
                });
                let at = self.groups.len().saturating_sub(1);
                self.by_key.insert(key, at);
                at
            }
        };
        if let Some(group) = self.groups.get_mut(at) {
            if group.times > 0 {
                group.place.fill(&again);
            }
            group.times = group.times.saturating_add(1);
            group.primary |= primary;
            group.severity = group.severity.max(entry.severity);
            group.behind = group.behind.saturating_add(u64::from(behind));
            group.last = seen;
            if group.last_process != number {
                group.processes = group.processes.saturating_add(1);
                group.last_process = number;
            }
        }
        // What came first may turn out to follow from what names it better.
        if primary {
            for before in &primaries {
                if let Some(group) = self.groups.get_mut(*before).filter(|g| explains(cause, g.cause)) {
                    group.primary = false;
                }
            }
        }
        let process = self.current_process();
        if row.role != Role::Note {
            process.erred = true;
        }
        if primary && !process.primaries.contains(&at) && process.primaries.len() < MAX_GROUPS {
            process.primaries.push(at);
        }
        if matches!(cause, Cause::Panic | Cause::OpenFailed | Cause::TurtleCut | Cause::Aborted) {
            let first_line = cause == Cause::Panic || cause == Cause::Aborted;
            if first_line {
                self.died();
            } else {
                self.mark_fatal();
            }
        }
    }

    /// Whether a later process began to serve after the last line of a group.
    pub fn healed(&self, group: &Group) -> bool {
        self.last_good.is_some_and(|good| group.last_process < good)
    }

    /// What came so far kept the engine from opening; lines of a next attempt may follow.
    fn mark_fatal(&mut self) {
        for at in self.current_process().primaries.clone() {
            if let Some(group) = self.groups.get_mut(at) {
                group.fatal = true;
            }
        }
    }
}

/// Hits of a line without repetitions: of one cause the first, with what the others know.
fn merged(hits: Vec<Hit>) -> Vec<Hit> {
    let mut out: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        let same = |h: &&mut Hit| {
            h.cause == hit.cause
                && h.below == hit.below
                && (is_of_all(hit.cause) || h.place.file == hit.place.file || hit.place.file.is_none())
                && (hit.place.offset.is_none() || h.place.offset == hit.place.offset)
        };
        match out.iter_mut().find(same) {
            Some(first) => {
                first.place.fill(&hit.place);
                if hit.place.version.is_some() {
                    first.quote = hit.quote;
                }
            }
            None => out.push(hit),
        }
    }
    out
}

/// The release of mongod, of the line that says it: `db version v4.0.28`, or the one with the build's facts.
fn server_version(text: &[u8]) -> Option<String> {
    let after = |words: &[u8]| {
        let at = text.windows(words.len()).position(|w| w == words)?;
        text.get(at.checked_add(words.len())?..)
    };
    let rest = after(b"db version v").or_else(|| after(b"buildInfo: ; version: "))?;
    let digits: Vec<u8> = rest.iter().take(16).take_while(|c| c.is_ascii_digit() || **c == b'.').copied().collect();
    String::from_utf8(digits).ok().filter(|v| v.contains('.'))
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|w| w.eq_ignore_ascii_case(words))
}

/// The number of a fatal assertion in plain text.
fn assertion_of(hits: &[Hit], entry: &Entry) -> Option<u32> {
    let hit = hits.iter().find(|h| h.cause == Cause::FatalAssertion)?;
    let text = String::from_utf8_lossy(entry.text.get(hit.from..hit.to)?).into_owned();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}
