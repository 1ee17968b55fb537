//! The log of a home: which files there are, where the last checkpoint is, what happened after it,
//! and what is wrong.
//!
//! Files are read through a window of a few megabytes, in two passes: the first finds the last
//! checkpoint and checks every record, the second only reads what recovery would replay.

use super::files::{CONFIGURATIONS, JOURNAL};
use super::wtlog_pass;
use crate::coverage::Unchecked;
use crate::format::FormatError;
use crate::format::compress::Compressor;
use crate::format::config::Config;
use crate::format::wtlog::{End, LogLsn};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Longest configuration file that is read.
const MAX_CONFIGURATION: u64 = 1 << 20;
/// Digits of the number in the name of a log file.
const DIGITS: usize = 10;
/// Bytes read at a time.
pub(super) const WINDOW: u64 = 4 << 20;
/// Most problems, metadata rows and files that are listed one by one.
pub(super) const MAX_LISTED: usize = 10_000;
/// Longest key of a metadata row that is listed.
pub(super) const MAX_URI: usize = 4096;
/// Bytes of values of metadata rows that are kept in all.
pub(super) const MAX_VALUES: usize = 64 << 20;

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
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
    pub(super) fn of(name: &str) -> Option<(Self, u32)> {
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
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
    /// The number in its name.
    pub number: u32,
    pub size: u64,
    /// Version in its file header, if that is readable.
    pub version: Option<u16>,
    /// Records, the file header not counted (the previous-LSN record is).
    pub records: u64,
    pub first: Option<LogLsn>,
    pub last: Option<LogLsn>,
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
    pub at: LogLsn,
    /// Where recovery begins; the `checkpoint_lsn` of the metadata is such a place.
    pub lsn: LogLsn,
    /// Transactions in its snapshot.
    pub snapshot: u64,
}

/// Whether a recovery would have something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
    pub offset: u64,
    /// Normal or damage.
    pub severity: Severity,
    pub what: What,
}

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum What {
    /// The log settings of a configuration file.
    Settings {
        /// Why.
        error: FormatError,
    },
    /// Log files in another directory too, which are not read.
    OtherDirectory {
        /// The one that is read.
        read: PathBuf,
    },
    /// The header of a log file.
    FileHeader {
        /// Why.
        error: FormatError,
    },
    /// The header of a record, in the format's own words.
    RecordHeader {
        /// These.
        #[serde(rename = "error")]
        message: String,
    },
    /// A record that cannot be decoded.
    Record {
        /// Why.
        error: FormatError,
    },
    /// The padding of a record, in the format's own words.
    Padding {
        /// These.
        #[serde(rename = "error")]
        message: String,
    },
    /// What a log file says of the one before.
    PreviousLsn {
        /// In the record.
        #[serde(rename = "found_lsn")]
        found: LogLsn,
        /// Where the log before ends.
        #[serde(rename = "expected_lsn")]
        expected: LogLsn,
    },
    /// A log file does not say where the one before ends.
    NoPreviousLsn,
    /// A log file is missing in the sequence.
    Missing {
        /// So many more behind it.
        more: u32,
    },
    /// How a log file ends.
    End {
        /// How.
        #[serde(rename = "error", serialize_with = "in_words")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        end: End,
        /// What comes behind.
        #[serde(rename = "behind")]
        tail: Tail,
    },
    /// The log file in which recovery begins.
    NeededMissing {
        /// Where in it.
        lsn: LogLsn,
    },
    /// The last checkpoint points to no record before it.
    CheckpointTarget {
        /// Where it points.
        lsn: LogLsn,
    },
}

fn in_words<S: serde::Serializer>(value: &End, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

/// What comes behind the end of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tail {
    /// Nothing that matters.
    Nothing,
    /// The next log file continues here: a recovery has met this end.
    Continued,
    /// A good record.
    Followed,
    /// Newer log files.
    NewerFiles,
}

/// What a log says about a row of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    /// Written.
    Put,
    /// Written as a change to the value before.
    Modified,
    /// Removed.
    Removed,
}

/// Where a recovery begins, by the `checkpoint_lsn` of the metadata file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// There is no turtle that says it: the last checkpoint record of the log does.
    #[default]
    Unknown,
    /// The last checkpoint was made without a log: nothing is replayed.
    Never,
    /// Here.
    At(LogLsn),
}

impl Start {
    /// By the configuration text of the metadata file.
    pub fn of(metadata: &str) -> Self {
        let read = || {
            let lsn = Config::parse(metadata).ok()?.get("checkpoint_lsn")?.config().ok()?;
            let [file, offset] = lsn.entries() else { return None };
            let file: u32 = file.key.parse().ok()?;
            let at = LogLsn { file, offset: offset.key.parse().ok()? };
            Some(if file == u32::MAX { Self::Never } else { Self::At(at) })
        };
        read().filter(|s| *s != Self::At(INITIAL)).unwrap_or_default()
    }
}

/// The LSN before the first record of all.
pub(super) const INITIAL: LogLsn = LogLsn { file: 1, offset: 0 };

/// The last change to a row of the metadata after the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataChange {
    /// What the last of them did.
    pub change: RowChange,
    /// The whole value, where the last change wrote one.
    pub value: Option<String>,
    /// `id=` of the value that was written.
    pub id: Option<u32>,
    pub lsn: LogLsn,
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
    /// Files and directories of the log that the system did not give, or not all of: what they would say is not
    /// known, and no problem is told that may only come of that.
    pub unread: BTreeMap<PathBuf, Unchecked>,
    /// Problems, rows and file ids beyond the ten thousand of each that are listed.
    pub unlisted: u64,
}

impl Summary {
    pub(super) fn new() -> Self {
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
            unread: BTreeMap::new(),
            unlisted: 0,
        }
    }

    /// A recovery has something to do. It may also have if the state is [`State::Unknown`].
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn needs_recovery(&self) -> bool {
        self.state == State::NeedsRecovery
    }

    /// The problems that are damage.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn damage(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|p| p.severity == Severity::Damage)
    }

    /// A file could not be read; the first reason stays.
    pub(super) fn left(&mut self, path: &Path, e: &io::Error) {
        self.unread.entry(path.to_path_buf()).or_insert_with(|| Unchecked::io(e));
    }

    pub(super) fn problem(&mut self, file: &str, offset: u64, severity: Severity, what: What) {
        if self.problems.len() < MAX_LISTED {
            self.problems.push(Problem { file: file.to_owned(), offset, severity, what });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }
}

/// Read the log of the home directory `home`, of which nothing tells where recovery begins.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn read(home: &Path) -> Result<Summary, LogError> {
    read_from(home, Start::Unknown)
}

/// Read the log of the home directory `home`. A home without log gives a summary without files.
pub fn read_from(home: &Path, start: Start) -> Result<Summary, LogError> {
    let mut out = Summary::new();
    let settings = Settings::of(home, &mut out);
    let files = choose(home, &settings, &mut out)?;
    Ok(wtlog_pass::run(out, files, settings.compressor, start))
}

/// A log file by its name alone.
pub(super) type Found = (Kind, u32, PathBuf);

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
            let path = home.join(name);
            match small_text(&path) {
                Ok(None) => {}
                Ok(Some(text)) => {
                    if let Err(e) = settings.take(&text) {
                        out.problem(name, 0, Severity::Normal, What::Settings { error: e });
                    }
                }
                Err(e) => out.left(&path, &e),
            }
        }
        settings
    }

    fn take(&mut self, text: &str) -> crate::format::Result<()> {
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
pub(super) fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = crate::store::only_file(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => {
                out.left(&dir, &e);
                continue;
            }
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
                out.left(&dir, &e);
                continue;
            }
        };
        match &chosen {
            _ if files.is_empty() => {}
            None => chosen = Some((dir, files)),
            Some((first, _)) => {
                let what = What::OtherDirectory { read: first.clone() };
                out.problem(&dir.to_string_lossy(), 0, Severity::Normal, what);
            }
        }
    }
    Ok(chosen.map(|(_, files)| files).unwrap_or_default())
}

/// The log files of a directory, by kind and number.
fn list(dir: &Path) -> io::Result<Vec<Found>> {
    let mut out = Vec::new();
    for name in crate::store::entries(dir)? {
        if let Some((kind, number)) = name.to_str().and_then(Kind::of) {
            out.push((kind, number, dir.join(&name)));
        }
    }
    out.sort();
    Ok(out)
}
