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
use rustix::fs::{Mode, OFlags};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
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
        #[schemars(with = "String")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
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
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if let Some((kind, number)) = entry.file_name().to_str().and_then(Kind::of) {
            out.push((kind, number, entry.path()));
        }
    }
    out.sort();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::wtlog::{FileHeader, seal};
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

    fn lsn(out: &mut Vec<u8>, lsn: LogLsn) {
        crate::format::int::write_vuint(out, lsn.file.into());
        crate::format::int::write_vuint(out, lsn.offset);
    }

    fn checkpoint(file: u32, offset: u64) -> Vec<u8> {
        let mut body = vec![0x80];
        lsn(&mut body, LogLsn { file, offset });
        body.push(0x80);
        seal(&body, 0, 0, true)
    }

    fn start() -> Vec<u8> {
        seal(&[0x84, 0x87, 0x82], 0, 0, true)
    }

    fn log(previous: (u32, u64), records: &[Vec<u8>]) -> Vec<u8> {
        let mut fields = Vec::new();
        lsn(&mut fields, LogLsn { file: previous.0, offset: previous.1 });
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
        summary.problems.iter().map(|p| (p.file.clone(), p.offset, p.severity, p.what.to_string())).collect()
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
            Checkpoint { at: LogLsn { file: 1, offset: 512 }, lsn: LogLsn { file: 1, offset: 384 }, snapshot: 0 }
        );
        let remove = row(0, b"file:b.wt\0", None);
        let end = clean.len() as u64;
        let second = log((1, end), &[commit(3, &[put, remove, row(9, b"k", Some(b"v")), row(9, b"k", None)])]);
        let mut zeros = second.clone();
        zeros.resize(9000, 0);
        let got = read(home(&[(ONE, &clean), (TWO, &zeros)]).path()).unwrap();
        assert_eq!((got.state, got.commits, got.problems.len()), (State::NeedsRecovery, 1, 0));
        assert_eq!(got.operations, BTreeMap::from([(0, 2), (9, 2)]));
        let at = LogLsn { file: 2, offset: 256 };
        let change = |change, id: Option<u32>| {
            let value = id.map(|id| format!("id={id},x=1"));
            MetadataChange { change, value, id, lsn: at, within_checkpoint: false }
        };
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
        // It is no damage of the log: nothing is known of what it says, and so whether there is something to do.
        let unread: Vec<_> = got.unread.iter().collect();
        assert!(
            matches!(unread[..], [(path, Unchecked::Io { error, .. })] if path.ends_with(TWO) && error.contains("no regular file")),
            "{unread:?}"
        );
        assert!(got.problems.is_empty(), "{:?}", words(&got));
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
