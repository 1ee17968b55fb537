//! What server logs come to: which cause came first, how sure that is, whether data are damaged, what to do.
//! The dumped blocks of the log, and a store where one is named, are asked as well.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod check;
pub mod evidence;
pub mod pickup;
pub mod versions;

use crate::audit::result::SCHEMA_VERSION;
use crate::decode::dumps::{self, DumpReport};
use crate::decode::view::View;
use crate::format::block_dump::Scanner;
use crate::pickup::explain::story::Story as Pickups;
use crate::serverlog::cause::{Cause, Damaged, Go, Role, Sure};
use crate::serverlog::entry::Severity;
use crate::serverlog::place::Place;
use crate::serverlog::story::{Group, Seen, Story, UnknownError};
use crate::serverlog::text::LogFile;
use crate::words::text::shell_word as shell;
use check::Check;
use evidence::Evidence;
use pickup::{PickupFound, Traced, Traces};
use serde::Serialize;
use versions::Versions;

/// Causes that are told in full.
const TOLD: usize = 8;
/// Lines of one kind that are listed.
const LISTED: usize = 50;
/// Files that fit each other this close in time are of one event, in microseconds.
const TOGETHER: u64 = 2_000_000;

/// What the logs come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A cause is named.
    Cause,
    /// There are only consequences: the cause is not in the logs.
    ConsequencesOnly,
    /// There are errors, and none is in the table.
    UnknownErrors,
    /// No error.
    NoError,
    /// No line is of a server or of the engine.
    NoLog,
}

impl Verdict {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Cause | Self::ConsequencesOnly | Self::UnknownErrors => crate::exit::FINDINGS,
            Self::NoError => crate::exit::CLEAN,
            Self::NoLog => crate::exit::INCOMPLETE,
        }
    }
}

/// A cause.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Found {
    /// Its name, as `wtcheck explain` and docs/causes have it.
    pub cause: Cause,
    /// What happened.
    pub title: &'static str,
    /// How sure.
    pub certainty: Sure,
    /// Whether data are damaged.
    pub damaged: Damaged,
    /// Why they are, or are not.
    pub damage: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What it is about.
    pub place: Place,
    /// The namespace, where the store names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What the first of these lines says.
    pub text: String,
    /// First line.
    pub first: Seen,
    /// Last line.
    pub last: Seen,
    /// How often.
    pub times: u64,
    /// In how many processes.
    pub processes: u64,
    /// A process ended after it.
    pub fatal: bool,
    /// A later start served: it is over.
    pub over: bool,
    /// What else tells.
    pub evidence: Vec<Evidence>,
    /// The dump of the block in the log, judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpJudged>,
    /// What to do, in its order. Commands stand in backquotes.
    pub steps: Vec<&'static str>,
    /// Commands that go on.
    pub commands: Vec<String>,
}

/// What a dumped block is.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DumpJudged {
    /// Line of the log where it begins.
    pub line: u64,
    /// Every byte is there.
    pub complete: bool,
    /// In one word, as `decode --from-log` has it.
    pub verdict: crate::decode::judge::Verdict,
    /// In a sentence.
    pub judgement: String,
    /// The header is one that a block can have.
    pub plausible: bool,
    /// The page type in the header, where it reads.
    #[serde(skip)]
    pub page_type: Option<u8>,
}

/// A dumped block of the log.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Dumped {
    /// The file, if the log names it.
    pub file: Option<String>,
    /// First byte in it; a block of a page log has none.
    pub offset: Option<u64>,
    /// The page, of a block of a page log.
    pub page_id: Option<u64>,
    /// Bytes.
    pub size: u32,
    /// `base`, `delta` or `classic`, where the headers read.
    pub form: Option<&'static str>,
    /// What kind of page it is, where its header reads.
    pub page_type: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub judged: DumpJudged,
}

/// A page of a page log, put together from dumped blocks.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DumpedPage {
    /// The file, if the log names it.
    pub file: Option<String>,
    /// Page id.
    pub page_id: u64,
    /// Blocks that form one chain, oldest first.
    pub blocks: u64,
    /// The chain is whole.
    pub complete: bool,
    /// Checksum of the block that the oldest one stands on and that is not in the log, hex.
    pub missing_checksum: Option<String>,
}

/// Lines that are no cause, counted.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Folded {
    /// What they are.
    pub cause: Cause,
    /// What they say.
    pub title: &'static str,
    /// What they are to the failure.
    pub role: Role,
    /// How often.
    pub times: u64,
    /// What the first of them is about.
    pub place: Place,
    /// The first.
    pub first: Seen,
}

/// What a log cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// A log without errors does not prove data whole.
    SilenceIsNotHealth,
    /// A packed stream ends before its end.
    Cut,
    /// The last line does not end: it may be cut.
    LastLineOpen,
    /// The log begins after the failure.
    BeginsTooLate,
    /// More lines than are told apart.
    TooMany,
    /// Opened with salvage, or set aside by the engine: it drops what it cannot read without a word.
    SalvageIsSilent,
}

/// The diagnosis.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// Version of this schema.
    pub schema_version: u32,
    /// `log`.
    pub kind: &'static str,
    /// The logs.
    pub logs: Vec<LogFile>,
    /// What they come to.
    pub verdict: Verdict,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// Processes in them.
    pub processes: u64,
    /// First line of a server or of the engine.
    pub first: Option<Seen>,
    /// Last of them.
    pub last: Option<Seen>,
    /// Release of mongod, where a log has it.
    pub server_version: Option<String>,
    /// Causes, the one to look at first. Where the logs have only consequences, the one that tells most.
    pub causes: Vec<Found>,
    /// Causes, those that are not told in full included.
    pub causes_total: u64,
    /// Lines that follow from them, and notes.
    pub folded: Vec<Folded>,
    /// Errors that are not in the table.
    pub unknown_errors: u64,
    /// The first of these.
    pub unknown_first: Vec<UnknownError>,
    /// Blocks that the logs dump.
    pub dumps: Vec<Dumped>,
    /// All of them, those that are not listed included.
    pub dumps_total: u64,
    /// Pages of a page log that these form.
    pub dumped_pages: Vec<DumpedPage>,
    /// What pick-ups came to, where there are any.
    pub pickup: Option<PickupFound>,
    /// What the store says.
    pub checks: Vec<Check>,
    /// The data directory that was asked.
    pub home: Option<String>,
    /// What a log cannot show.
    pub limits: Vec<Limit>,
}

/// Reads logs.
#[derive(Debug)]
pub struct Reader {
    story: Story,
    pickups: Pickups,
    scanner: Scanner,
    dumps: Vec<DumpReport>,
    pages: Vec<DumpedPage>,
    logs: Vec<LogFile>,
    last_byte: u8,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    pub fn new() -> Self {
        Self {
            story: Story::new(),
            pickups: Pickups::new(),
            scanner: Scanner::new(),
            dumps: Vec::new(),
            pages: Vec::new(),
            logs: Vec::new(),
            last_byte: b'\n',
        }
    }

    /// The next bytes of the log at hand, as UTF-8.
    pub fn push(&mut self, bytes: &[u8]) {
        self.story.push(bytes);
        self.pickups.push(bytes);
        self.scanner.push(bytes);
        if let Some(last) = bytes.last() {
            self.last_byte = *last;
        }
    }

    /// The end of a log; others may follow.
    pub fn end_log(&mut self, file: LogFile) {
        let lines = self.story.end_log();
        self.pickups.end_log(&file.name);
        let scanner = std::mem::replace(&mut self.scanner, Scanner::new());
        let dumped = dumps::log(&file.name, &scanner.finish(), &View::default(), None);
        self.pages.extend(dumped.pages.iter().filter(|p| !p.complete || p.blocks.len() > 1).take(LISTED).map(|p| {
            DumpedPage {
                file: p.file.clone(),
                page_id: p.page_id.0,
                blocks: p.blocks.len() as u64,
                complete: p.complete,
                missing_checksum: p.missing_checksum.map(|s| s.to_string()),
            }
        }));
        self.dumps.extend(dumped.dumps);
        let open = self.last_byte != b'\n' && file.bytes > 0;
        self.logs.push(LogFile { lines, open, ..file });
        self.last_byte = b'\n';
    }

    /// What the pick-ups in the logs are.
    pub fn pickups(&self) -> &Pickups {
        &self.pickups
    }

    /// A cause that a line of the process states whose failed pick-up is explained, and its line.
    pub fn stated(&self) -> Option<(Cause, u64)> {
        pickup::stated(&self.pickups, &self.story.groups)
    }

    /// Put the diagnosis together.
    pub fn diagnose(&self) -> Diagnosis {
        let groups = &self.story.groups;
        // A pick-up that failed is a consequence; where the log tells the step, its lines may show the cause.
        let traces = Traces::new(&self.pickups, groups);
        let mut primaries: Vec<&Group> = groups.iter().filter(|g| g.primary || traces.tells(g)).collect();
        let moments = different_moments(&primaries);
        let only = primaries.is_empty();
        // Lines that are harmless and still call themselves errors.
        let called_errors =
            || groups.iter().filter(|g| g.cause.row().role == Role::Note && g.severity >= Severity::Error);
        let consequences = groups.iter().any(|g| g.cause.row().role == Role::Consequence);
        let harmless = only && !consequences && self.story.unknown == 0 && called_errors().next().is_some();
        if harmless {
            primaries = groups.iter().filter(|g| g.cause == Cause::FileUnexpected).collect();
            if primaries.is_empty() {
                primaries = called_errors().collect();
            }
        } else if only {
            primaries = groups.iter().filter(|g| g.cause.row().role == Role::Consequence).collect();
            primaries.sort_by_key(|g| (weight(g.cause), g.first.log, g.first.line));
            primaries.truncate(1);
        } else {
            // What ended a process first, then in the order of time; what a later start got over last. A start that may
            // not open files puts the metadata aside as well: that is not what to look at.
            let refused = primaries.iter().any(|g| matches!(g.cause, Cause::EpermOpen | Cause::EaccesOpen));
            let follows = |g: &Group| refused && g.cause == Cause::TurtleMissing;
            let fatal = |g: &Group| g.fatal || traces.of(g).is_some_and(|t| t.fatal);
            // Of a pick-up that the process died of that is known; of what came before, only that it came before.
            let place = |g: &Group| match traces.fatal_of(g.process) {
                Some(of) if !std::ptr::eq(of, g) => (of.first.log, of.first.line, g.first.line),
                _ => (g.first.log, g.first.line, 0),
            };
            primaries.sort_by_key(|g| (self.story.healed(g), follows(g), !fatal(g), place(g)));
        }
        let told: Vec<(Cause, u64)> = primaries.iter().map(|g| (g.cause, g.first.line)).collect();
        let verdict = match () {
            () if !only || harmless => Verdict::Cause,
            () if !primaries.is_empty() => Verdict::ConsequencesOnly,
            () if self.story.unknown > 0 || self.story.errors > 0 => Verdict::UnknownErrors,
            () if self.story.recognised > 0 || !groups.is_empty() => Verdict::NoError,
            () => Verdict::NoLog,
        };
        let mut causes: Vec<Found> = primaries.iter().take(TOLD).map(|g| self.found(g, traces.of(g))).collect();
        if let Some(moments) = moments {
            causes.insert(0, moments);
        }
        let causes_total = (primaries.len() as u64).max(causes.len() as u64);
        let folded = groups
            .iter()
            .filter(|g| !g.primary && !told.contains(&(g.cause, g.first.line)))
            .map(|g| Folded {
                cause: g.cause,
                title: g.cause.row().title,
                // A cause that is none here follows from one.
                role: if g.cause.row().role == Role::Primary { Role::Consequence } else { g.cause.row().role },
                times: g.times,
                place: g.place.clone(),
                first: g.first.clone(),
            })
            .take(LISTED)
            .collect();
        let mut out = Diagnosis {
            schema_version: SCHEMA_VERSION,
            kind: "log",
            logs: self.logs.clone(),
            verdict,
            exit_code: verdict.exit_code(),
            processes: self.story.processes_total,
            first: self.story.first.clone(),
            last: self.story.last.clone(),
            server_version: self.story.server_version.clone(),
            causes,
            causes_total,
            folded,
            unknown_errors: self.story.unknown,
            unknown_first: self.story.unknown_first.clone(),
            dumps: self.dumps.iter().take(LISTED).map(listed).collect(),
            dumps_total: self.dumps.len() as u64,
            dumped_pages: self.pages.clone(),
            pickup: pickup::found(&self.pickups, groups),
            checks: Vec::new(),
            home: None,
            limits: self.limits(verdict),
        };
        // The step of a pick-up is as near to the cause as a log comes.
        if out.main().is_some_and(|f| f.evidence.iter().any(|e| matches!(e, Evidence::PickupStep(_)))) {
            out.limits.retain(|limit| *limit != Limit::BeginsTooLate);
        }
        out.command(None);
        out
    }

    fn limits(&self, verdict: Verdict) -> Vec<Limit> {
        let mut out = Vec::new();
        if verdict == Verdict::ConsequencesOnly {
            out.push(Limit::BeginsTooLate);
        }
        if verdict == Verdict::NoError {
            out.push(Limit::SilenceIsNotHealth);
        }
        if self.logs.iter().any(|l| l.cut) {
            out.push(Limit::Cut);
        }
        if self.logs.iter().any(|l| l.open) {
            out.push(Limit::LastLineOpen);
        }
        if self.story.dropped > 0 {
            out.push(Limit::TooMany);
        }
        if self.story.groups.iter().any(|g| g.cause == Cause::LogRecordBad) {
            out.push(Limit::SalvageIsSilent);
        }
        out
    }

    fn found(&self, group: &Group, traced: Option<&Traced<'_>>) -> Found {
        let dump = self.dumps.iter().find(|d| is_of(d, &group.place));
        let mut found = Found {
            cause: group.cause,
            title: "",
            certainty: group.sure,
            damaged: Damaged::Perhaps,
            damage: "",
            meaning: "",
            place: group.place.clone(),
            namespace: None,
            text: group.quote.clone(),
            first: group.first.clone(),
            last: group.last.clone(),
            times: group.times,
            processes: group.processes,
            fatal: group.fatal || traced.is_some_and(|t| t.fatal),
            over: self.story.healed(group),
            evidence: Vec::new(),
            dump: dump.map(judged),
            steps: Vec::new(),
            commands: Vec::new(),
        };
        if let Some(traced) = traced {
            if let Some(cause) = traced.cause {
                (found.cause, found.certainty) = (cause, Sure::Medium);
            }
            found.evidence.extend(traced.step.map(Evidence::PickupStep));
        }
        evidence::weigh(&mut found);
        let sure = found.certainty;
        found.named(found.cause);
        found.certainty = sure;
        if matches!(group.place.assertion, Some(28579 | 34433)) {
            (found.damaged, found.damage) = (Damaged::No, "No: the assertion is about a version.");
        }
        found.versions(self.story.server_version.as_deref());
        found
    }
}

impl Found {
    /// Take what the table says of a cause.
    pub fn named(&mut self, cause: Cause) {
        let row = cause.row();
        (self.cause, self.title, self.meaning, self.damage) = (cause, row.title, row.meaning, row.damage);
        self.damaged = row.damaged;
        self.steps = row.steps.to_vec();
        if self.evidence.iter().any(|e| matches!(e, Evidence::Versions(Versions { known: false, .. }))) {
            self.damaged = Damaged::Perhaps;
        }
    }

    /// What the versions in the line are.
    fn versions(&mut self, server: Option<&str>) {
        let Some(versions) = versions::of(self.cause, &self.place, server) else { return };
        if versions.known {
            (self.damaged, self.damage) = (Damaged::No, "No.");
        } else {
            (self.damaged, self.damage) =
                (Damaged::Yes, "No release has this version: the bytes that hold it are damaged.");
            self.certainty = self.certainty.min(Sure::Medium);
        }
        self.evidence.push(Evidence::Versions(versions));
    }
}

fn judged(d: &DumpReport) -> DumpJudged {
    DumpJudged {
        line: d.line,
        complete: d.complete,
        verdict: d.judgement.verdict,
        judgement: d.judgement.judgement.clone(),
        plausible: d.judgement.plausible,
        page_type: d.block.as_ref().and_then(|b| b.page_header.as_ref()).map(|h| h.type_byte),
    }
}

fn listed(d: &DumpReport) -> Dumped {
    Dumped {
        file: d.file.clone(),
        offset: d.offset,
        page_id: d.page_id.map(|p| p.0),
        size: d.size,
        form: d.block.as_ref().and_then(|b| b.form),
        page_type: d.block.as_ref().and_then(|b| b.page_header.as_ref()).map(|h| h.page_type.clone()),
        judged: judged(d),
    }
}

/// How little a consequence tells when it stands alone.
fn weight(cause: Cause) -> u8 {
    match cause {
        Cause::Panic | Cause::Aborted | Cause::UncleanClose | Cause::MetadataUnroll => 3,
        Cause::FatalAssertion | Cause::OpenFailed | Cause::EvictionFailed => 2,
        Cause::RecoveryFailed | Cause::LogUnreadable | Cause::LogWriteFailed | Cause::TurtleUpdateFailed => 1,
        _ => 0,
    }
}

/// Whether a dump is of the block that a line is about.
fn is_of(dump: &DumpReport, place: &Place) -> bool {
    let same_file = dump.file.is_none() || place.file.is_none() || dump.file == place.file;
    let at = dump.offset.is_some() && dump.offset == place.offset
        || dump.page_id.is_some() && dump.page_id.map(|p| p.0) == place.page_id;
    let sum = place.expected_checksum.is_none_or(|c| c == dump.expected_checksum.0);
    same_file && at && sum
}

/// Files that do not fit each other, seen together: a copy of a running node, or a part of one.
fn different_moments(groups: &[&Group]) -> Option<Found> {
    let of_moments = |g: &&&Group| {
        matches!(
            g.cause,
            Cause::BlockChecksumHeader
                | Cause::TurtleStale
                | Cause::ShortRead
                | Cause::TableFileMissing
                | Cause::LogMissingNeeded
                | Cause::OplogGap
                | Cause::HsDamaged
        ) && g.place.found_checksum != Some(0)
    };
    let device =
        |g: &&Group| matches!(g.cause, Cause::Eio | Cause::FsyncFailed | Cause::Estale | Cause::BlockChecksumContent);
    if groups.iter().any(device) {
        return None;
    }
    let those: Vec<&&Group> = groups.iter().filter(of_moments).collect();
    let first = those.first()?;
    let near = |g: &&&&Group| match (g.first.micros, first.first.micros) {
        (Some(a), Some(b)) => a.abs_diff(b) <= TOGETHER && g.process == first.process,
        _ => g.process == first.process,
    };
    let mut files: Vec<&str> = those.iter().filter(near).filter_map(|g| g.place.file.as_deref()).collect();
    files.sort_unstable();
    files.dedup();
    let addressed = those
        .iter()
        .any(|g| matches!(g.cause, Cause::BlockChecksumHeader | Cause::TurtleStale | Cause::LogMissingNeeded));
    if files.len() < 2 || !addressed {
        return None;
    }
    let mut found = Found {
        cause: Cause::FilesOfDifferentMoments,
        title: "",
        certainty: Sure::Medium,
        damaged: Damaged::Perhaps,
        damage: "",
        meaning: "",
        place: Place::default(),
        namespace: None,
        text: first.quote.clone(),
        first: first.first.clone(),
        last: those.last().map(|g| g.last.clone()).unwrap_or_default(),
        times: 1,
        processes: 1,
        fatal: those.iter().any(|g| g.fatal),
        over: false,
        evidence: vec![Evidence::Files(files.iter().take(LISTED).map(|f| (*f).to_string()).collect())],
        dump: None,
        steps: Vec::new(),
        commands: Vec::new(),
    };
    found.named(Cause::FilesOfDifferentMoments);
    Some(found)
}

impl Diagnosis {
    /// The commands that go on, with the data directory where it is known.
    pub fn command(&mut self, home: Option<&str>) {
        let dir = home.map_or_else(|| "DBPATH".to_string(), shell);
        let dumped = !self.dumps.is_empty();
        // A process may have several: what is left out would be missing.
        let all: Vec<String> = self.logs.iter().map(|l| shell(&l.name)).collect();
        for found in &mut self.causes {
            // The log that has the line.
            let log = self.logs.get(found.first.log).or(self.logs.first());
            let log = log.map_or_else(|| "LOG".to_string(), |l| shell(&l.name));
            let place = &found.place;
            let row = found.cause.row();
            let mut commands = Vec::new();
            for go in row.go {
                let command = match go {
                    Go::Audit => Some(format!("wtcheck audit {dir}")),
                    Go::AuditDeep => Some(format!("wtcheck audit {dir} --deep")),
                    Go::Plan => Some(format!("wtcheck repair plan {dir} -o plan.yaml")),
                    Go::Dump => Some(format!("wtcheck dump {dir} -o rescued")),
                    Go::Dumps => (found.dump.is_some() || dumped).then(|| format!("wtcheck decode --from-log {log}")),
                    Go::Block => place.file.as_deref().zip(place.offset).map(|(file, offset)| {
                        let path = shell(&format!("{}/{file}", home.unwrap_or("DBPATH")));
                        format!("wtcheck page {path} --offset {offset}")
                    }),
                    Go::Orphans => Some(format!("wtcheck orphans {dir}")),
                    Go::PickupExplain => Some(format!("wtcheck pickup explain {}", all.join(" "))),
                    Go::PickupReplay => Some(format!("wtcheck pickup replay {dir}")),
                    Go::Check => home.is_none().then(|| format!("wtcheck log {log} --home {dir}")),
                };
                commands.extend(command);
            }
            if found.cause == Cause::DisChain || found.cause == Cause::DisReadError {
                let table = place.table_id.map(|t| t.to_string()).or_else(|| place.file.clone());
                if let (Some(table), Some(page)) = (table, place.page_id) {
                    commands.insert(0, format!("wtcheck page {dir} {} {page}", shell(&table)));
                }
            }
            found.commands = commands;
        }
    }

    /// The cause to look at.
    pub fn main(&self) -> Option<&Found> {
        self.causes.first()
    }
}
