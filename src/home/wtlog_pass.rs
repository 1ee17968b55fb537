//! Reading the log files of a home: the two passes, and what they make of each file's end.

use super::wtlog::{
    Checkpoint, Found, INITIAL, Kind, LogFile, MAX_LISTED, MAX_URI, MAX_VALUES, MetadataChange, Problem, RowChange,
    Severity, Start, State, Summary, Tail, WINDOW, What, open,
};
use crate::format::compress::Compressor;
use crate::format::config::Config;
use crate::format::wtlog::{self, Body, Change, End, FileHeader, LogLsn, Next, Record};
use crate::format::wtlog_plain::Plain;
use crate::format::{self, FormatError};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A file read piece by piece.
pub(super) struct Window {
    file: File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
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
    pub(super) fn next(&mut self, offset: u64) -> io::Result<Next<'_>> {
        let (size, stated) = (self.size, self.stated_len(offset)?);
        // A record that cannot be is refused by its header alone.
        let fits = stated <= u64::from(wtlog::MAX_RECORD) && stated <= size.saturating_sub(offset);
        Ok(wtlog::next(self.at(offset, if fits { stated } else { 1 })?, offset, size))
    }

    /// Offset of the first byte from `offset` on that is not zero.
    pub(super) fn first_data(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
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
struct Boundary {
    number: u32,
    name: String,
    version: Option<u16>,
    records: u64,
    /// First byte behind the last record.
    used: u64,
    /// What the first record says of the log before.
    previous: Option<LogLsn>,
    /// How the file ended, where that is not simply zeros or the end.
    broken: Option<Broken>,
    /// Not all of it could be read, so nothing is known of its end.
    unread: bool,
}

struct Broken {
    end: End,
    /// A good record stands right behind the one that is not.
    followed: bool,
}

/// Read the files in both passes.
pub(super) fn run(out: Summary, files: Vec<Found>, compressor: Option<Compressor>, start: Start) -> Summary {
    let mut pass = Pass { out, ends: Vec::new(), unreadable: None, compressor, start, values: 0 };
    for (kind, number, path) in files {
        pass.survey(kind, number, path);
    }
    pass.sequence();
    pass.replay();
    pass.finish()
}

/// The work on one home.
struct Pass {
    out: Summary,
    ends: Vec<Boundary>,
    /// The last record or place whose content is not known.
    unreadable: Option<LogLsn>,
    compressor: Option<Compressor>,
    start: Start,
    /// Bytes of values that are kept.
    values: usize,
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
        let surveyed = self.survey_file(&mut file, &mut previous);
        let unread = surveyed.is_err();
        let broken = surveyed.unwrap_or_else(|e| {
            self.unreadable(LogLsn { file: number, offset: file.used });
            self.out.left(&file.path, &e);
            None
        });
        self.out.encrypted |= file.encrypted > 0;
        if kind == Kind::Log {
            let (name, version, records, used) = (file.name.clone(), file.version, file.records, file.used);
            self.ends.push(Boundary { number, name, version, records, used, previous, broken, unread });
        }
        self.out.files.push(file);
    }

    fn unreadable(&mut self, at: LogLsn) {
        self.unreadable = self.unreadable.max(Some(at));
    }

    fn survey_file(&mut self, file: &mut LogFile, previous: &mut Option<LogLsn>) -> io::Result<Option<Broken>> {
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
            Err(e) => {
                self.out.problem(&file.name, 0, Severity::Damage, What::FileHeader { error: e });
                self.unreadable(LogLsn { file: file.number, offset: u64::MAX });
            }
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
            End::Boundary => return Ok(None),
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
    fn check(&mut self, file: &mut LogFile, record: &Record<'_>, previous: &mut Option<LogLsn>) {
        let lsn = record.lsn(file.number);
        file.records = file.records.saturating_add(1);
        file.first.get_or_insert(lsn);
        file.last = Some(lsn);
        let header = record.header_fault().map(|message| What::RecordHeader { message });
        let mut faults: Vec<What> = header.into_iter().collect();
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
                    faults.push(What::Record { error: e });
                }
            }
        }
        for what in faults {
            self.out.problem(&file.name, lsn.offset, Severity::Damage, what);
        }
        // The checksum holds, so this is how it was written; once per file is enough.
        if let Some(message) = padding {
            if file.odd_padding == 0 {
                self.out.problem(&file.name, lsn.offset, Severity::Normal, What::Padding { message });
            }
            file.odd_padding = file.odd_padding.saturating_add(1);
        }
    }

    /// Decode all of a record; the compressor, and what is wrong with the padding.
    fn look(
        &mut self,
        record: &Record<'_>,
        lsn: LogLsn,
        previous: &mut Option<LogLsn>,
    ) -> format::Result<(Option<Compressor>, Option<String>)> {
        let plain = self.plain(record)?;
        let body = Body::decode(plain.body())?;
        let used = body.used(plain.body());
        let used = match body {
            Body::Checkpoint { lsn: target, snapshot } => {
                self.out.last_checkpoint = Some(Checkpoint { at: lsn, lsn: target, snapshot });
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
        if let (Start::At(lsn), false) = (self.start, ends.is_empty())
            && !ends.iter().any(|f| f.number == lsn.file)
        {
            self.unreadable(lsn);
            self.out.problem(&log_name(lsn.file), 0, Severity::Damage, What::NeededMissing { lsn });
        }
        // A file that was begun and never used: what its head says of the file before is of a life that was killed.
        let bare = |b: &Boundary| b.records <= 1 && !b.unread && b.broken.is_none();
        let used_after = |number: u32| ends.iter().any(|b| b.number > number && !bare(b));
        let mut before: Option<&Boundary> = None;
        for (i, file) in ends.iter().enumerate() {
            if let Some(missing) = before.and_then(|b| b.number.checked_add(1)).filter(|n| *n < file.number) {
                self.missing(missing, file.number);
            }
            let expected = match before {
                Some(b) if b.unread => None,
                Some(b) => {
                    (b.number.checked_add(1) == Some(file.number)).then_some(LogLsn { file: b.number, offset: b.used })
                }
                None => (file.number == 1).then_some(INITIAL),
            };
            match (file.previous, expected) {
                // Each life of a connection begins its first file with the initial LSN; of others the engine
                // compares the offset.
                (Some(previous), Some(expected))
                    if previous.offset != expected.offset
                        && previous != INITIAL
                        && previous.file != 0
                        && (!bare(file) || used_after(file.number)) =>
                {
                    let what = What::PreviousLsn { found: previous, expected };
                    self.out.problem(&file.name, wtlog::FIRST_RECORD, Severity::Damage, what);
                }
                (None, _)
                    if !file.unread
                        && file.records > 0
                        && file.version.is_some_and(|v| v >= wtlog::VERSION_PREVIOUS_LSN) =>
                {
                    self.out.problem(&file.name, wtlog::FIRST_RECORD, Severity::Damage, What::NoPreviousLsn);
                }
                _ => {}
            }
            if let Some(broken) = &file.broken {
                self.broken(file, broken, ends.get(i.saturating_add(1)), used_after(file.number));
            }
            before = Some(file);
        }
    }

    fn missing(&mut self, first: u32, found: u32) {
        let what = What::Missing { more: found.saturating_sub(first).saturating_sub(1) };
        // What lies before the place where recovery begins is not needed any more.
        let needed = match self.start {
            Start::Unknown => true,
            Start::Never => false,
            Start::At(lsn) => found > lsn.file,
        };
        if needed {
            self.unreadable(LogLsn { file: found.saturating_sub(1), offset: u64::MAX });
        }
        let severity = if needed { Severity::Damage } else { Severity::Normal };
        self.out.problem(&log_name(first), 0, severity, what);
    }

    /// Judge an end that is not zeros: a torn one is normal in the last file, and any is where the
    /// next file continues, as a recovery has met it then.
    /// `used_after`: a later file has records.
    fn broken(&mut self, file: &Boundary, broken: &Broken, next: Option<&Boundary>, used_after: bool) {
        let torn = matches!(broken.end, End::Torn { .. }) && !broken.followed;
        let here = LogLsn { file: file.number, offset: file.used };
        let continued = next.is_some_and(|n| n.previous == Some(here));
        let (severity, tail) = match next {
            // Whether it continues here is not known.
            Some(next) if next.unread => (Severity::Normal, Tail::Nothing),
            Some(_) if continued => (Severity::Normal, Tail::Continued),
            // The log went on in the next file, and nothing of that came to the disk.
            Some(_) if !used_after && !broken.followed => (Severity::Normal, Tail::Nothing),
            None if torn => (Severity::Normal, Tail::Nothing),
            _ if broken.followed => (Severity::Damage, Tail::Followed),
            Some(_) if torn => (Severity::Damage, Tail::NewerFiles),
            _ => (Severity::Damage, Tail::Nothing),
        };
        if severity == Severity::Damage || next.is_some_and(|n| n.unread) {
            self.unreadable(here);
        }
        let offset = file.used.max(wtlog::FIRST_RECORD);
        self.out.problem(&file.name, offset, severity, What::End { end: broken.end.clone(), tail });
    }

    /// Second pass: what recovery would replay.
    fn replay(&mut self) {
        let mut from = self.out.last_checkpoint.map(|c| c.lsn);
        let last = self.out.last_checkpoint.filter(|_| self.start == Start::Unknown);
        if let Some(checkpoint) = last.filter(|c| c.lsn > c.at || self.is_no_record(c.lsn)) {
            let what = What::CheckpointTarget { lsn: checkpoint.lsn };
            self.unreadable(checkpoint.at);
            self.out.problem(&log_name(checkpoint.at.file), checkpoint.at.offset, Severity::Damage, what);
            from = Some(checkpoint.at);
        }
        match self.start {
            Start::Never => return,
            Start::At(lsn) => from = Some(lsn),
            Start::Unknown => {}
        }
        let logs: Vec<(u32, u64, PathBuf)> = self
            .out
            .files
            .iter()
            .filter(|f| f.kind == Kind::Log && from.is_none_or(|from| f.number >= from.file))
            .map(|f| (f.number, f.used, f.path.clone()))
            .collect();
        for (number, used, path) in logs {
            let begin = from.filter(|from| from.file == number).map_or(wtlog::FIRST_RECORD, |from| from.offset);
            if let Err(e) = self.replay_file(number, begin, used, &path) {
                self.unreadable(LogLsn { file: number, offset: used });
                self.out.left(&path, &e);
            }
        }
    }

    /// Whether no record is at a place; of what cannot be read that is not known.
    fn is_no_record(&mut self, lsn: LogLsn) -> bool {
        let file = self.out.files.iter().find(|f| f.kind == Kind::Log && f.number == lsn.file);
        let Some(file) = file else { return true };
        if lsn.offset >= file.used {
            return !self.out.unread.contains_key(&file.path);
        }
        let path = file.path.clone();
        let found = Window::open(&path).and_then(|mut w| Ok(!matches!(w.next(lsn.offset)?, Next::Record(_))));
        found.unwrap_or_else(|e| {
            self.out.left(&path, &e);
            false
        })
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
            let within = self.out.last_checkpoint.is_some_and(|c| (c.lsn..c.at).contains(&lsn));
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
        let from = match self.start {
            Start::At(lsn) => Some(lsn),
            _ => self.out.last_checkpoint.map(|c| c.lsn.min(c.at)),
        };
        let blind = self.unreadable.is_some_and(|at| from.is_none_or(|from| at >= from));
        let any_log = self.out.files.iter().any(|f| f.kind == Kind::Log);
        let unread = self.ends_unread();
        self.out.state = match self.out.commits {
            0 if !any_log => State::NoLog,
            _ if self.start == Start::Never => State::Clean,
            // A checkpoint may be where nothing could be read.
            _ if unread => State::Unknown,
            0 if blind => State::Unknown,
            0 => State::Clean,
            _ => State::NeedsRecovery,
        };
        // What lies before the place where recovery begins is read by nobody.
        if let Start::At(lsn) = self.start {
            let old = |p: &Problem| match &p.what {
                What::PreviousLsn { .. } => Kind::of(&p.file).is_some_and(|(_, n)| n <= lsn.file),
                What::NeededMissing { .. } => false,
                _ => Kind::of(&p.file).is_some_and(|(_, n)| n < lsn.file),
            };
            self.out.problems.iter_mut().filter(|p| old(p)).for_each(|p| p.severity = Severity::Normal);
        }
        self.out.problems.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        self.out
    }

    fn ends_unread(&self) -> bool {
        self.out.files.iter().any(|f| f.kind == Kind::Log && self.out.unread.contains_key(&f.path))
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

    fn metadata(&mut self, change: &Change<'_>, lsn: LogLsn, within_checkpoint: bool) {
        let (key, change, value) = match *change {
            Change::RowPut { file_id: 0, key, value, modify: false } => (key, RowChange::Put, Some(value)),
            Change::RowPut { file_id: 0, key, .. } => (key, RowChange::Modified, None),
            Change::RowRemove { file_id: 0, key } => (key, RowChange::Removed, None),
            _ => return,
        };
        let id = value.and_then(file_id_of);
        let key = key.strip_suffix(&[0]).unwrap_or(key);
        let uri = String::from_utf8_lossy(key.get(..MAX_URI).unwrap_or(key)).into_owned();
        if self.out.metadata.len() < MAX_LISTED || self.out.metadata.contains_key(&uri) {
            let before = self.out.metadata.get(&uri).and_then(|m| m.id);
            let id = if change == RowChange::Modified { before } else { id };
            let old = self.out.metadata.get(&uri).and_then(|m| m.value.as_ref()).map_or(0, String::len);
            let kept = self.values.saturating_sub(old).saturating_add(value.map_or(0, <[u8]>::len));
            let value = value
                .filter(|_| kept <= MAX_VALUES)
                .map(|v| String::from_utf8_lossy(v.strip_suffix(&[0]).unwrap_or(v)).into_owned());
            if value.is_some() || old > 0 {
                self.values = kept.min(MAX_VALUES);
            }
            self.out.metadata.insert(uri, MetadataChange { change, value, id, lsn, within_checkpoint });
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
