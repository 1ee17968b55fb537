//! The log of a home: which files there are, where the last checkpoint is, what happened after it,
//! and what is wrong (spec 16.11).
//!
//! Files are read through a window of a few megabytes, in two passes: the first finds the last
//! checkpoint and checks every record, the second only reads what recovery would replay.

use crate::format::compress::Compressor;
use crate::format::config::Config;
use crate::format::wtlog::{self, Body, Change, End, FileHeader, Lsn, Next, Plain, Record};
use crate::format::{self, FormatError};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Where MongoDB keeps its log.
const JOURNAL: &str = "journal";
/// Configuration files of a home; the later one wins.
const CONFIGURATIONS: [&str; 2] = ["WiredTiger.basecfg", "WiredTiger.config"];
/// Longest configuration file that is read.
const MAX_CONFIGURATION: u64 = 1 << 20;
/// Digits of the number in the name of a log file.
const DIGITS: usize = 10;
/// Bytes read at a time.
const WINDOW: u64 = 4 << 20;
/// Most problems, metadata rows and files that are listed one by one.
const MAX_LISTED: usize = 10_000;
/// Longest key of a metadata row that is listed.
const MAX_URI: usize = 4096;

/// The log could not be looked for: the home cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct LogError {
    /// What was read.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

/// What a log file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `WiredTigerLog.N`: the log.
    Log,
    /// `WiredTigerPreplog.N`: allocated ahead, file header only.
    Prepared,
    /// `WiredTigerTmplog.N`: about to become one of the others.
    Temporary,
}

impl Kind {
    fn of(name: &str) -> Option<(Self, u32)> {
        let (stem, digits) = name.rsplit_once('.')?;
        let kind = match stem {
            "WiredTigerLog" => Self::Log,
            "WiredTigerPreplog" => Self::Prepared,
            "WiredTigerTmplog" => Self::Temporary,
            _ => return None,
        };
        let plain = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        Some((kind, digits.parse().ok().filter(|_| plain)?))
    }
}

/// One log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub kind: Kind,
    /// The number in its name.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// Version in its file header, if that is readable.
    pub version: Option<u16>,
    /// Records, the file header not counted (the previous-LSN record is).
    pub records: u64,
    /// The first of them.
    pub first: Option<Lsn>,
    /// The last of them.
    pub last: Option<Lsn>,
    /// First byte behind the last record.
    pub used: u64,
    /// Records that are encrypted.
    pub encrypted: u64,
    /// Records whose padding is not zeros and its mark. The first is listed as a problem.
    pub odd_padding: u64,
    /// What the log was compressed with, if anything was.
    pub compressor: Option<Compressor>,
}

/// A checkpoint record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where it is.
    pub at: Lsn,
    /// Where recovery begins; the `checkpoint_lsn` of the metadata is such a place.
    pub lsn: Lsn,
    /// Transactions in its snapshot.
    pub snapshot: usize,
}

/// Whether a recovery would have something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is no log.
    NoLog,
    /// No transaction after the last checkpoint.
    Clean,
    /// At least one transaction after the last checkpoint.
    NeedsRecovery,
    /// Records are encrypted or not readable, and none that is readable shows a transaction.
    Unknown,
}

/// Whether a problem is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be expected after a crash, or only worth knowing.
    Normal,
    /// Damage.
    Damage,
}

/// Something about the log that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file, or of the one that is missing.
    pub file: String,
    /// Offset in it.
    pub offset: u64,
    /// Normal or damage.
    pub severity: Severity,
    /// What it is, in words.
    pub words: String,
}

/// What a log says about a row of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    /// Written.
    Put,
    /// Written as a change to the value before.
    Modified,
    /// Removed.
    Removed,
}

/// The last change to a row of the metadata after the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataChange {
    /// What the last of them did.
    pub change: RowChange,
    /// `id=` of the value that was written.
    pub id: Option<u32>,
    /// The record it is in.
    pub lsn: Lsn,
    /// It lies between the beginning of the last checkpoint and its record: as a rule the
    /// checkpoint's own entry in the metadata, which the checkpoint of the metadata holds.
    pub within_checkpoint: bool,
}

/// What the log of a home says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// All log files, by kind and number.
    pub files: Vec<LogFile>,
    /// The last checkpoint record.
    pub last_checkpoint: Option<Checkpoint>,
    /// Clean or not.
    pub state: State,
    /// Transactions recovery would replay: those from [`Checkpoint::lsn`] on, or all of them.
    pub commits: u64,
    /// Those of them that lie before the checkpoint's record (the checkpoint's own entries).
    pub commits_within_checkpoint: u64,
    /// Some records are encrypted: types and operations are not known.
    pub encrypted: bool,
    /// Rows of the metadata changed by those transactions, by key.
    pub metadata: BTreeMap<String, MetadataChange>,
    /// Operations of those transactions by file id; 0 is the metadata.
    pub operations: BTreeMap<u32, u64>,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
    /// Problems, rows and file ids beyond the ten thousand of each that are listed.
    pub unlisted: u64,
}

impl Summary {
    fn new() -> Self {
        Self {
            files: Vec::new(),
            last_checkpoint: None,
            state: State::NoLog,
            commits: 0,
            commits_within_checkpoint: 0,
            encrypted: false,
            metadata: BTreeMap::new(),
            operations: BTreeMap::new(),
            problems: Vec::new(),
            unlisted: 0,
        }
    }

    /// A recovery has something to do. It may also have if the state is [`State::Unknown`].
    #[must_use]
    pub fn needs_recovery(&self) -> bool {
        self.state == State::NeedsRecovery
    }

    /// The problems that are damage.
    pub fn damage(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|p| p.severity == Severity::Damage)
    }

    fn problem(&mut self, file: &str, offset: u64, severity: Severity, words: impl Into<String>) {
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem { file: file.to_owned(), offset, severity, words: words.into() });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }
}

/// Read the log of the home directory `home`. A home without log gives a summary without files.
pub fn read(home: &Path) -> Result<Summary, LogError> {
    let mut out = Summary::new();
    let settings = Settings::of(home, &mut out);
    let files = choose(home, &settings, &mut out)?;
    let mut pass = Pass { out, ends: Vec::new(), unreadable: None, compressor: settings.compressor };
    for (kind, number, path) in files {
        pass.survey(kind, number, path);
    }
    pass.sequence();
    pass.replay();
    Ok(pass.finish())
}

/// A log file by its name alone.
type Found = (Kind, u32, PathBuf);

/// What the configuration files of a home say of its log.
#[derive(Debug, Default)]
struct Settings {
    path: Option<String>,
    compressor: Option<Compressor>,
}

impl Settings {
    fn of(home: &Path, out: &mut Summary) -> Self {
        let mut settings = Self::default();
        for name in CONFIGURATIONS {
            match small_text(&home.join(name)) {
                Ok(None) => {}
                Ok(Some(text)) => {
                    if let Err(e) = settings.take(&text) {
                        out.problem(name, 0, Severity::Damage, format!("log settings not readable: {}", e.message));
                    }
                }
                Err(e) => out.problem(name, 0, Severity::Damage, format!("cannot be read: {e}")),
            }
        }
        settings
    }

    fn take(&mut self, text: &str) -> format::Result<()> {
        // One `key=value` per line, without the commas of a configuration text; `#` begins a comment line.
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with('#')).collect();
        let text = lines.join(",");
        let config = Config::parse(&text)?;
        let Some(log) = config.get("log") else { return Ok(()) };
        let log = log.config()?;
        if let Some(path) = log.get("path").map(|v| v.as_str()).filter(|p| !p.is_empty()) {
            self.path = Some(path.to_owned());
        }
        if let Some(name) = log.get("compressor") {
            self.compressor = Compressor::from_name(name.as_str());
        }
        Ok(())
    }
}

/// A text file of moderate size; `None` if there is none.
fn small_text(path: &Path) -> io::Result<Option<String>> {
    let (file, size) = match open(path) {
        Ok(opened) => opened,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let size = usize::try_from(size.min(MAX_CONFIGURATION)).unwrap_or(0);
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Open a regular file for reading, without waiting for anything else that has its name.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    Ok((file, metadata.len()))
}

/// The log files of the directory that has the log: the configured one, the home, or `journal/`.
fn choose(home: &Path, settings: &Settings, out: &mut Summary) -> Result<Vec<Found>, LogError> {
    let configured = settings.path.as_ref().map(|p| home.join(p));
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut chosen: Option<(PathBuf, Vec<Found>)> = None;
    for dir in configured.into_iter().chain([home.to_path_buf(), home.join(JOURNAL)]) {
        // `log=(path=.)` and the like name a directory that comes anyway.
        let real = match dir.canonicalize() {
            Ok(real) => real,
            Err(source) if dir == home => return Err(LogError { path: dir, source }),
            Err(_) => continue,
        };
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        let files = match list(&dir) {
            Ok(files) => files,
            Err(source) if dir == home => return Err(LogError { path: dir, source }),
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => continue,
            Err(e) => {
                out.problem(&dir.to_string_lossy(), 0, Severity::Damage, format!("log directory cannot be read: {e}"));
                continue;
            }
        };
        match &chosen {
            _ if files.is_empty() => {}
            None => chosen = Some((dir, files)),
            Some((first, _)) => {
                let words = format!("log files there too; only those in {} are read", first.display());
                out.problem(&dir.to_string_lossy(), 0, Severity::Normal, words);
            }
        }
    }
    Ok(chosen.map(|(_, files)| files).unwrap_or_default())
}

/// The log files of a directory, by kind and number.
fn list(dir: &Path) -> io::Result<Vec<Found>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if let Some((kind, number)) = entry.file_name().to_str().and_then(Kind::of) {
            out.push((kind, number, entry.path()));
        }
    }
    out.sort();
    Ok(out)
}

/// A file read piece by piece.
struct Window {
    file: File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn open(path: &Path) -> io::Result<Self> {
        let (file, size) = open(path)?;
        Ok(Self { file, size, start: 0, bytes: Vec::new() })
    }

    /// The bytes from `offset` on: at least `want` of them, or what the file has.
    fn at(&mut self, offset: u64, want: u64) -> io::Result<&[u8]> {
        let left = self.size.saturating_sub(offset);
        let want = want.min(left);
        let held = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let end = self.start.saturating_add(held);
        if offset < self.start || offset.saturating_add(want) > end {
            let n = usize::try_from(want.max(WINDOW).min(left)).map_err(io::Error::other)?;
            self.bytes.clear();
            self.bytes.try_reserve_exact(n).map_err(io::Error::other)?;
            self.bytes.resize(n, 0);
            // Set first: after a failed read the window must not pass for the old one.
            self.start = u64::MAX;
            self.file.read_exact_at(&mut self.bytes, offset)?;
            self.start = offset;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..).unwrap_or_default())
    }

    /// The length stated by the record at `offset`, or 0.
    fn stated_len(&mut self, offset: u64) -> io::Result<u64> {
        let head = self.at(offset, u64::try_from(wtlog::HEADER_LEN).unwrap_or(u64::MAX))?;
        Ok(head.first_chunk().map_or(0, |len| u64::from(u32::from_le_bytes(*len))))
    }

    /// What stands at `offset`.
    fn next(&mut self, offset: u64) -> io::Result<Next<'_>> {
        let (size, stated) = (self.size, self.stated_len(offset)?);
        // A record that cannot be is refused by its header alone.
        let fits = stated <= u64::from(wtlog::MAX_RECORD) && stated <= size.saturating_sub(offset);
        Ok(wtlog::next(self.at(offset, if fits { stated } else { 1 })?, offset, size))
    }

    /// Offset of the first byte from `offset` on that is not zero.
    fn first_data(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        while offset < self.size {
            let bytes = self.at(offset, 1)?;
            if let Some(at) = wtlog::first_data(bytes) {
                return Ok(Some(offset.saturating_add(at)));
            }
            let n = u64::try_from(bytes.len()).unwrap_or(u64::MAX).max(1);
            offset = offset.saturating_add(n);
        }
        Ok(None)
    }
}

/// What the survey of one log file leaves for the comparison of all.
struct FileEnd {
    number: u32,
    name: String,
    version: Option<u16>,
    records: u64,
    /// First byte behind the last record.
    used: u64,
    /// What the first record says of the log before.
    previous: Option<Lsn>,
    /// How the file ended, where that is not simply zeros or the end.
    broken: Option<Broken>,
}

struct Broken {
    end: End,
    /// A good record stands right behind the one that is not.
    followed: bool,
}

/// The work on one home.
struct Pass {
    out: Summary,
    ends: Vec<FileEnd>,
    /// The last record or place whose content is not known.
    unreadable: Option<Lsn>,
    compressor: Option<Compressor>,
}

impl Pass {
    /// First pass over one file: check every record, and find the last checkpoint.
    fn survey(&mut self, kind: Kind, number: u32, path: PathBuf) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut file = LogFile {
            name,
            path,
            kind,
            number,
            size: 0,
            version: None,
            records: 0,
            first: None,
            last: None,
            used: 0,
            encrypted: 0,
            odd_padding: 0,
            compressor: None,
        };
        let mut previous = None;
        let broken = self.survey_file(&mut file, &mut previous).unwrap_or_else(|e| {
            self.unreadable(Lsn { file: number, offset: file.used });
            self.out.problem(&file.name, file.used, Severity::Damage, format!("cannot be read: {e}"));
            None
        });
        self.out.encrypted |= file.encrypted > 0;
        if kind == Kind::Log {
            let (name, version, records, used) = (file.name.clone(), file.version, file.records, file.used);
            self.ends.push(FileEnd { number, name, version, records, used, previous, broken });
        }
        self.out.files.push(file);
    }

    fn unreadable(&mut self, at: Lsn) {
        self.unreadable = self.unreadable.max(Some(at));
    }

    fn survey_file(&mut self, file: &mut LogFile, previous: &mut Option<Lsn>) -> io::Result<Option<Broken>> {
        let mut window = Window::open(&file.path)?;
        file.size = window.size;
        let head = window.at(0, wtlog::FIRST_RECORD)?;
        match FileHeader::decode(head) {
            Ok(header) => {
                file.version = Some(header.version);
                file.used = wtlog::FIRST_RECORD;
            }
            // Not yet written, in a file not yet in use.
            Err(_) if file.kind != Kind::Log && wtlog::first_data(head).is_none() => {}
            Err(e) => self.out.problem(&file.name, 0, Severity::Damage, e.to_string()),
        }
        if file.kind != Kind::Log {
            return Ok(None);
        }
        let mut offset = wtlog::FIRST_RECORD;
        let end = loop {
            match window.next(offset)? {
                Next::Record(record) => {
                    self.check(file, &record, previous);
                    offset = offset.saturating_add(u64::from(record.header.len));
                    file.used = offset;
                }
                Next::End(end) => break end,
                // Cannot be: the window held all that the header asks for.
                Next::More(_) => break End::Torn { len: 0 },
            }
        };
        let end = match end {
            End::FileEnd => return Ok(None),
            End::Zero => match window.first_data(offset)? {
                None => return Ok(None),
                Some(data) => End::Hole { data },
            },
            end => end,
        };
        let complete = matches!(end, End::Torn { len: 1.. } | End::BadChecksum { .. });
        let behind = offset.saturating_add(window.stated_len(offset)?);
        let followed = complete && behind < window.size && matches!(window.next(behind)?, Next::Record(_));
        Ok(Some(Broken { end, followed }))
    }

    /// Check one record, and take note of it.
    fn check(&mut self, file: &mut LogFile, record: &Record<'_>, previous: &mut Option<Lsn>) {
        let lsn = record.lsn(file.number);
        file.records = file.records.saturating_add(1);
        file.first.get_or_insert(lsn);
        file.last = Some(lsn);
        let mut faults: Vec<String> = record.header_fault().into_iter().collect();
        let mut padding = None;
        if record.header.is_encrypted() {
            file.encrypted = file.encrypted.saturating_add(1);
            self.unreadable(lsn);
            padding = record.encrypted_padding_fault();
        } else {
            match self.look(record, lsn, previous) {
                Ok((compressor, fault)) => {
                    file.compressor = file.compressor.or(compressor);
                    padding = fault;
                }
                Err(e) => {
                    self.unreadable(lsn);
                    faults.push(format!("record not readable: {e}"));
                }
            }
        }
        for words in faults {
            self.out.problem(&file.name, lsn.offset, Severity::Damage, words);
        }
        // The checksum holds, so this is how it was written; once per file is enough.
        if let Some(words) = padding {
            if file.odd_padding == 0 {
                self.out.problem(&file.name, lsn.offset, Severity::Normal, words);
            }
            file.odd_padding = file.odd_padding.saturating_add(1);
        }
    }

    /// Decode all of a record; the compressor, and what is wrong with the padding.
    fn look(
        &mut self,
        record: &Record<'_>,
        lsn: Lsn,
        previous: &mut Option<Lsn>,
    ) -> format::Result<(Option<Compressor>, Option<String>)> {
        let plain = self.plain(record)?;
        let body = Body::decode(plain.body())?;
        let used = body.used(plain.body());
        let used = match body {
            Body::Checkpoint { lsn: target, snapshot } => {
                self.out.last_checkpoint = Some(Checkpoint { at: lsn, lsn: target, snapshot: snapshot.len() });
                used
            }
            Body::Commit { mut operations, .. } | Body::System(mut operations) => {
                for operation in operations.by_ref() {
                    let operation = operation?;
                    match operation.change {
                        Change::PreviousLsn(at) if lsn.offset == wtlog::FIRST_RECORD => *previous = Some(at),
                        Change::Unknown { .. } if !operation.ignored => {
                            return Err(FormatError::unsupported(format!("operation type {}", operation.kind)));
                        }
                        _ => {}
                    }
                }
                Some(operations.offset())
            }
            Body::FileSync { .. } | Body::Message(_) => used,
            Body::Unknown { kind, .. } => return Err(FormatError::unsupported(format!("record type {kind}"))),
        };
        Ok((plain.compressor(), used.and_then(|used| record.padding_fault(&plain, used))))
    }

    fn plain<'a>(&self, record: &Record<'a>) -> format::Result<Plain<'a>> {
        let plain = record.plain(self.compressor);
        // The configuration may have been changed since; the framing has the last word.
        if plain.is_err() && self.compressor.is_some() { record.plain(None) } else { plain }
    }

    /// Look at the log files together: gaps, what each says of the one before, and how each ended.
    fn sequence(&mut self) {
        let ends = std::mem::take(&mut self.ends);
        let mut before: Option<&FileEnd> = None;
        for (i, file) in ends.iter().enumerate() {
            if let Some(missing) = before.and_then(|b| b.number.checked_add(1)).filter(|n| *n < file.number) {
                self.missing(missing, file.number);
            }
            let expected = match before {
                Some(b) => {
                    (b.number.checked_add(1) == Some(file.number)).then_some(Lsn { file: b.number, offset: b.used })
                }
                None => (file.number == 1).then_some(Lsn { file: 1, offset: 0 }),
            };
            match (file.previous, expected) {
                (Some(previous), Some(expected)) if previous != expected => {
                    let words = format!("previous LSN is {previous}, but the log before ends at {expected}");
                    self.out.problem(&file.name, wtlog::FIRST_RECORD, Severity::Damage, words);
                }
                (None, _) if file.records > 0 && file.version.is_some_and(|v| v >= wtlog::VERSION_PREVIOUS_LSN) => {
                    let words = "no previous LSN in the first record";
                    self.out.problem(&file.name, wtlog::FIRST_RECORD, Severity::Damage, words);
                }
                _ => {}
            }
            if let Some(broken) = &file.broken {
                self.broken(file, broken, ends.get(i.saturating_add(1)));
            }
            before = Some(file);
        }
    }

    fn missing(&mut self, first: u32, found: u32) {
        let words = match found.saturating_sub(first).saturating_sub(1) {
            0 => "missing in the sequence of log files".to_owned(),
            n => format!("missing in the sequence of log files, with {n} more"),
        };
        self.unreadable(Lsn { file: found.saturating_sub(1), offset: u64::MAX });
        self.out.problem(&log_name(first), 0, Severity::Damage, words);
    }

    /// Judge an end that is not zeros: a torn one is normal in the last file, and any is where the
    /// next file continues, as a recovery has met it then.
    fn broken(&mut self, file: &FileEnd, broken: &Broken, next: Option<&FileEnd>) {
        let torn = matches!(broken.end, End::Torn { .. }) && !broken.followed;
        let here = Lsn { file: file.number, offset: file.used };
        let continued = next.is_some_and(|n| n.previous == Some(here));
        let (severity, tail) = match next {
            Some(_) if continued => (Severity::Normal, " (the next log file continues here)"),
            None if torn => (Severity::Normal, ""),
            _ if broken.followed => (Severity::Damage, ", and a good record follows it"),
            Some(_) if torn => (Severity::Damage, ", but newer log files exist"),
            _ => (Severity::Damage, ""),
        };
        if severity == Severity::Damage {
            self.unreadable(here);
        }
        let offset = file.used.max(wtlog::FIRST_RECORD);
        self.out.problem(&file.name, offset, severity, format!("{}{tail}", broken.end));
    }

    /// Second pass: what recovery would replay.
    fn replay(&mut self) {
        let mut from = self.out.last_checkpoint.map(|c| c.lsn);
        if let Some(checkpoint) = self.out.last_checkpoint.filter(|c| c.lsn > c.at || !self.is_record(c.lsn)) {
            let words = format!("the checkpoint record points to {}, where no record before it is", checkpoint.lsn);
            self.unreadable(checkpoint.at);
            self.out.problem(&log_name(checkpoint.at.file), checkpoint.at.offset, Severity::Damage, words);
            from = Some(checkpoint.at);
        }
        let logs: Vec<(u32, u64, String, PathBuf)> = self
            .out
            .files
            .iter()
            .filter(|f| f.kind == Kind::Log && from.is_none_or(|from| f.number >= from.file))
            .map(|f| (f.number, f.used, f.name.clone(), f.path.clone()))
            .collect();
        for (number, used, name, path) in logs {
            let begin = from.filter(|from| from.file == number).map_or(wtlog::FIRST_RECORD, |from| from.offset);
            if let Err(e) = self.replay_file(number, begin, used, &path) {
                self.unreadable(Lsn { file: number, offset: used });
                self.out.problem(&name, 0, Severity::Damage, format!("cannot be read: {e}"));
            }
        }
    }

    fn is_record(&self, lsn: Lsn) -> bool {
        let file = self.out.files.iter().find(|f| f.kind == Kind::Log && f.number == lsn.file);
        let Some(file) = file.filter(|f| lsn.offset < f.used) else { return false };
        let window = Window::open(&file.path);
        window.is_ok_and(|mut w| matches!(w.next(lsn.offset), Ok(Next::Record(_))))
    }

    fn replay_file(&mut self, number: u32, begin: u64, used: u64, path: &Path) -> io::Result<()> {
        let mut window = Window::open(path)?;
        let mut offset = begin;
        while offset < used {
            let Next::Record(record) = window.next(offset)? else { return Ok(()) };
            let lsn = record.lsn(number);
            offset = offset.saturating_add(u64::from(record.header.len));
            // What cannot be read was reported by the first pass.
            let Ok(plain) = self.plain(&record) else { continue };
            let Ok(Body::Commit { operations, .. }) = Body::decode(plain.body()) else { continue };
            let within = self.out.last_checkpoint.is_some_and(|c| lsn < c.at);
            self.out.commits = self.out.commits.saturating_add(1);
            if within {
                self.out.commits_within_checkpoint = self.out.commits_within_checkpoint.saturating_add(1);
            }
            for operation in operations.map_while(Result::ok).filter(|o| !o.ignored) {
                self.count(operation.file_id());
                self.metadata(&operation.change, lsn, within);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Summary {
        let from = self.out.last_checkpoint.map(|c| c.lsn.min(c.at));
        let blind = self.unreadable.is_some_and(|at| from.is_none_or(|from| at >= from));
        let any_log = self.out.files.iter().any(|f| f.kind == Kind::Log);
        self.out.state = match self.out.commits {
            0 if !any_log => State::NoLog,
            0 if blind => State::Unknown,
            0 => State::Clean,
            _ => State::NeedsRecovery,
        };
        self.out.problems.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        self.out
    }

    fn count(&mut self, file_id: Option<u32>) {
        let Some(id) = file_id else { return };
        if self.out.operations.len() < MAX_LISTED || self.out.operations.contains_key(&id) {
            let count = self.out.operations.entry(id).or_default();
            *count = count.saturating_add(1);
        } else {
            self.out.unlisted = self.out.unlisted.saturating_add(1);
        }
    }

    fn metadata(&mut self, change: &Change<'_>, lsn: Lsn, within_checkpoint: bool) {
        let (key, change, id) = match *change {
            Change::RowPut { file_id: 0, key, value, modify: false } => (key, RowChange::Put, file_id_of(value)),
            Change::RowPut { file_id: 0, key, .. } => (key, RowChange::Modified, None),
            Change::RowRemove { file_id: 0, key } => (key, RowChange::Removed, None),
            _ => return,
        };
        let key = key.strip_suffix(&[0]).unwrap_or(key);
        let uri = String::from_utf8_lossy(key.get(..MAX_URI).unwrap_or(key)).into_owned();
        if self.out.metadata.len() < MAX_LISTED || self.out.metadata.contains_key(&uri) {
            let before = self.out.metadata.get(&uri).and_then(|m| m.id);
            let id = if change == RowChange::Modified { before } else { id };
            self.out.metadata.insert(uri, MetadataChange { change, id, lsn, within_checkpoint });
        } else {
            self.out.unlisted = self.out.unlisted.saturating_add(1);
        }
    }
}

/// The name of the log file of that number.
fn log_name(number: u32) -> String {
    format!("WiredTigerLog.{number:010}")
}

/// `id=` of a metadata value.
fn file_id_of(value: &[u8]) -> Option<u32> {
    let config = Config::parse_bytes(value).ok()?;
    u32::try_from(config.get("id")?.u64().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::wtlog::seal;
    use proptest::prelude::*;

    /// Numbers below 64 take one byte.
    fn vuint(n: usize) -> u8 {
        0x80 | u8::try_from(n).ok().filter(|n| *n < 64).unwrap()
    }

    fn commit(txn: u8, operations: &[Vec<u8>]) -> Vec<u8> {
        seal(&[&[0x81, 0x80 | txn][..], &operations.concat()].concat(), 0, 0, true)
    }

    /// A row put (`value` given) or remove; sizes stay below 64.
    fn row(file_id: u8, key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
        let fields = match value {
            Some(value) => [&[0x80 | file_id, vuint(key.len())][..], key, value].concat(),
            None => [&[0x80 | file_id][..], key].concat(),
        };
        let kind = if value.is_some() { 0x84 } else { 0x85 };
        [&[kind, vuint(fields.len() + 2)][..], &fields].concat()
    }

    fn lsn(out: &mut Vec<u8>, lsn: Lsn) {
        crate::format::int::write_vuint(out, lsn.file.into());
        crate::format::int::write_vuint(out, lsn.offset);
    }

    fn checkpoint(file: u32, offset: u64) -> Vec<u8> {
        let mut body = vec![0x80];
        lsn(&mut body, Lsn { file, offset });
        body.push(0x80);
        seal(&body, 0, 0, true)
    }

    fn start() -> Vec<u8> {
        seal(&[0x84, 0x87, 0x82], 0, 0, true)
    }

    fn log(previous: (u32, u64), records: &[Vec<u8>]) -> Vec<u8> {
        let mut fields = Vec::new();
        lsn(&mut fields, Lsn { file: previous.0, offset: previous.1 });
        let body = [&[0x84, 0x88, vuint(fields.len() + 2)][..], &fields].concat();
        let header = FileHeader { version: 5, size: 1 << 20 }.encode();
        [header, seal(&body, 0, 0, false), records.concat()].concat()
    }

    fn home(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        dir
    }

    const ONE: &str = "WiredTigerLog.0000000001";
    const TWO: &str = "WiredTigerLog.0000000002";

    fn words(summary: &Summary) -> Vec<(String, u64, Severity, String)> {
        summary.problems.iter().map(|p| (p.file.clone(), p.offset, p.severity, p.words.clone())).collect()
    }

    #[test]
    fn no_log_and_no_home() {
        let dir = home(&[("WiredTiger", b"x"), ("WiredTigerLog.1", b"x"), ("WiredTigerLog.99999999999", b"")]);
        let got = read(dir.path()).unwrap();
        assert_eq!((got.state, got.files.len(), got.problems.len()), (State::NoLog, 0, 0));
        assert!(read(&dir.path().join("absent")).is_err());
        assert!(read(&dir.path().join("WiredTiger")).is_err());
    }

    #[test]
    fn clean_and_not() {
        let put = row(0, b"file:a.wt\0", Some(b"id=7,x=1\0"));
        let clean = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), commit(2, &[]), checkpoint(1, 384)]);
        let got = read(home(&[(ONE, &clean)]).path()).unwrap();
        // The checkpoint's own entry counts: the engine would replay it.
        assert_eq!((got.state, got.commits, got.commits_within_checkpoint), (State::NeedsRecovery, 1, 1));
        let clean = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), checkpoint(1, 384)]);
        let got = read(home(&[(ONE, &clean)]).path()).unwrap();
        assert_eq!((got.state, got.commits, got.problems.len()), (State::Clean, 0, 0));
        assert_eq!(
            got.last_checkpoint.unwrap(),
            Checkpoint { at: Lsn { file: 1, offset: 512 }, lsn: Lsn { file: 1, offset: 384 }, snapshot: 0 }
        );
        let remove = row(0, b"file:b.wt\0", None);
        let end = clean.len() as u64;
        let second = log((1, end), &[commit(3, &[put, remove, row(9, b"k", Some(b"v")), row(9, b"k", None)])]);
        let mut zeros = second.clone();
        zeros.resize(9000, 0);
        let got = read(home(&[(ONE, &clean), (TWO, &zeros)]).path()).unwrap();
        assert_eq!((got.state, got.commits, got.problems.len()), (State::NeedsRecovery, 1, 0));
        assert_eq!(got.operations, BTreeMap::from([(0, 2), (9, 2)]));
        let at = Lsn { file: 2, offset: 256 };
        let change = |change, id| MetadataChange { change, id, lsn: at, within_checkpoint: false };
        let want = [("file:a.wt", change(RowChange::Put, Some(7))), ("file:b.wt", change(RowChange::Removed, None))];
        assert_eq!(got.metadata, want.map(|(k, v)| (k.to_owned(), v)).into());
        assert_eq!((got.files[1].size, got.files[1].used, got.files[1].records), (9000, second.len() as u64, 2));
        // The same in journal/, and where the configuration says.
        for (dir, config) in
            [("journal", ""), ("elsewhere", "# c\n\nlog=(enabled=true,path=elsewhere,compressor=zstd)\n")]
        {
            let (one, two) = (format!("{dir}/{ONE}"), format!("{dir}/{TWO}"));
            let dir = home(&[(&one, &clean), (&two, &zeros), ("WiredTiger.basecfg", config.as_bytes())]);
            assert_eq!(read(dir.path()).unwrap().commits, 1);
        }
        let both = home(&[(ONE, &clean), (&format!("journal/{TWO}"), &zeros)]);
        let got = read(both.path()).unwrap();
        assert_eq!((got.state, got.files.len(), got.problems[0].severity), (State::Clean, 1, Severity::Normal));
    }

    #[test]
    fn problems_and_their_severity() {
        let one = log((1, 0), &[start(), checkpoint(1, 256)]);
        let end = one.len() as u64;
        let mut torn = commit(1, &[row(2, b"k", Some(b"v"))]);
        torn[40] = 1;
        let bad = torn.clone();
        torn[127] = 0;
        let with = |tail: &[u8]| [&one[..], tail].concat();
        let case = |files: &[(&str, &[u8])]| read(home(files).path()).unwrap();
        // Torn at the end is normal, and damage if a good record or another file follows.
        let got = case(&[(ONE, &with(&torn))]);
        assert_eq!((got.state, &words(&got)[0].2), (State::Clean, &Severity::Normal));
        assert!(words(&got)[0].3.starts_with("torn") && words(&got)[0].1 == end);
        let got = case(&[(ONE, &with(&[torn.clone(), start()].concat()))]);
        assert_eq!((got.state, got.damage().count()), (State::Unknown, 1));
        assert!(words(&got)[0].3.contains("a good record follows"));
        let got = case(&[(ONE, &with(&torn)), (TWO, &log((1, end + 128), &[]))]);
        let all = words(&got);
        assert!(all[0].3.contains("newer log files exist") && all[1].3.contains("previous LSN is (1,640)"), "{all:?}");
        assert_eq!(got.damage().count(), 2);
        let got = case(&[(ONE, &with(&torn)), (TWO, &log((1, end), &[]))]);
        assert_eq!((got.damage().count(), got.state), (0, State::Clean));
        assert!(words(&got)[0].3.contains("continues here"));
        // Padding without its mark is noted once.
        let plain = seal(&[0x82, 0x80, 0x80], 0, 0, false);
        let got = case(&[(ONE, &with(&[plain.clone(), plain].concat()))]);
        assert!(words(&got)[0].3.contains("instead of 0xab") && got.problems.len() == 1);
        assert_eq!((got.damage().count(), got.files[0].odd_padding), (0, 2));
        // Bad checksum, hole, no header.
        let got = case(&[(ONE, &with(&bad))]);
        assert!(words(&got)[0].3.starts_with("bad checksum") && got.state == State::Unknown);
        let mut hole = vec![0; 600];
        hole[500] = 1;
        let got = case(&[(ONE, &with(&hole))]);
        assert!(words(&got)[0].3.contains("hole") && words(&got)[0].3.contains(&(end + 500).to_string()));
        let mut headless = one.clone();
        headless[20] ^= 1;
        let got = case(&[(ONE, &headless)]);
        assert!(words(&got)[0].3.contains("file header record") && got.last_checkpoint.is_some());
        assert_eq!(case(&[(ONE, b"")]).damage().count(), 1);
        // Gaps.
        let got = case(&[(ONE, &one), ("WiredTigerLog.0000000004", &log((3, 9), &[]))]);
        assert_eq!(words(&got)[0].0, TWO);
        assert!(words(&got)[0].3.contains("with 1 more") && got.state == State::Unknown);
        // A checkpoint that points nowhere.
        for target in [(1, 300), (1, 5000), (7, 256)] {
            let got = case(&[(ONE, &log((1, 0), &[start(), checkpoint(target.0, target.1)]))]);
            assert!(words(&got)[0].3.contains("points to") && got.state == State::Unknown, "{:?}", words(&got));
        }
        // Files made ahead hold nothing, and say so.
        let got = case(&[
            ("WiredTigerPreplog.0000000003", &FileHeader { version: 5, size: 1 }.encode()),
            ("WiredTigerTmplog.0000000001", b""),
        ]);
        assert_eq!((got.state, got.files.len(), got.problems.len()), (State::NoLog, 2, 0));
        assert_eq!(got.files[0].kind, Kind::Prepared);
    }

    #[test]
    fn records_longer_than_the_window_and_what_is_not_a_file() {
        let text = vec![b'x'; 6 << 20];
        let long = seal(&[&[0x83][..], &text, &[0]].concat(), 0, 0, true);
        let bytes = log((1, 0), &[start(), checkpoint(1, 256), long, commit(1, &[])]);
        let dir = home(&[(ONE, &bytes)]);
        let got = read(dir.path()).unwrap();
        assert_eq!((got.commits, got.files[0].records, got.problems.len()), (1, 5, 0));
        std::fs::create_dir(dir.path().join(TWO)).unwrap();
        let got = read(dir.path()).unwrap();
        assert!(words(&got)[0].3.contains("no regular file"), "{:?}", words(&got));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damage_never_panics(at: prop::sample::Index, with in proptest::collection::vec(any::<u8>(), 0..300), cut: prop::sample::Index) {
            let put = row(0, b"file:a.wt\0", Some(b"id=7\0"));
            let mut bytes = log((1, 0), &[commit(1, std::slice::from_ref(&put)), start(), checkpoint(1, 384), commit(2, &[put])]);
            let at = at.index(bytes.len());
            bytes.iter_mut().skip(at).zip(&with).for_each(|(slot, b)| *slot = *b);
            bytes.truncate(cut.index(bytes.len() * 2));
            let two = log((1, bytes.len() as u64), &[]);
            let dir = home(&[(ONE, &bytes), (TWO, &two), ("WiredTiger.config", &with)]);
            let got = read(dir.path()).unwrap();
            prop_assert_eq!(got.files.len(), 2);
        }
    }
}
