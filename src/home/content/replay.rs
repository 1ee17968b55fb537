//! What a recovery takes out of the log of a home: first the rows of the metadata, then those of the other files.
//!
//! Only what is committed is in a log. The first place that is no record ends it, whatever comes behind.

use super::overlay::{Order, Overlay};
use crate::format::compress::Compressor;
use crate::format::config::Config;
use crate::format::wtlog::{self, Body, Change, End, LogLsn, Next, Record};
use crate::home::wtlog::{INITIAL, Kind, LogFile, Problem, Severity, Start, Summary, What};
use crate::home::wtlog_pass::Window;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Bytes of operations that one pass over the log keeps at most, unless one file alone has more.
const MAX_PASS: u64 = 48 << 20;

/// Why what is behind a place in the log is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The system did not give it.
    Unread,
    /// It needs a key.
    Encrypted,
    /// It cannot be decoded.
    Undecodable,
    /// It is damaged, and good records come behind it.
    Damaged,
    /// A log file is missing.
    Missing,
    /// The file in which recovery begins is missing: the engine does not open such a home.
    NeededMissing,
}

/// A replay, prepared: where it begins and ends, and which files it touches.
#[derive(Debug)]
pub struct Replay {
    files: Vec<LogFile>,
    compressor: Option<Compressor>,
    begin: LogLsn,
    /// Behind the last good record.
    end: LogLsn,
    /// Bytes of operations by file id.
    bytes: BTreeMap<u32, u64>,
    /// Commits that are replayed.
    pub commits: u64,
    /// Why there may be more.
    pub stopped: Option<(LogLsn, Stop)>,
}

/// Where the operations of a file count from.
pub fn checkpoint_lsn(metadata: &str) -> Start {
    match Config::parse(metadata).ok().and_then(|c| c.get("checkpoint_lsn")) {
        Some(_) => Start::of(metadata),
        None => Start::At(INITIAL),
    }
}

impl Replay {
    /// Prepare, and change the rows of the metadata as the replay does. `None`: there is nothing to replay.
    pub fn prepare(
        summary: &Summary,
        start: Start,
        compressor: Option<Compressor>,
        rows: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Option<Self> {
        let mut files: Vec<LogFile> = summary.files.iter().filter(|f| f.kind == Kind::Log).cloned().collect();
        files.sort_by_key(|f| f.number);
        let first = files.first()?.number;
        let begin = match start {
            Start::Never => return None,
            Start::At(lsn) if lsn != INITIAL => lsn,
            _ => LogLsn { file: first, offset: 0 },
        };
        let mut out = Self { files, compressor, begin, end: begin, bytes: BTreeMap::new(), commits: 0, stopped: None };
        if !out.files.iter().any(|f| f.number == begin.file) {
            out.stopped = Some((begin, Stop::NeededMissing));
            return Some(out);
        }
        let mut metadata = Overlay::new(Order::Bytes, true);
        let mut checkpoint = begin;
        let (mut bytes, mut commits) = (BTreeMap::new(), 0_u64);
        let (end, stopped) = out.pass(begin, None, &mut |lsn, body| {
            let operations = match body {
                Body::Checkpoint { lsn: target, .. } => {
                    checkpoint = target;
                    return;
                }
                Body::Commit { operations, .. } => operations,
                _ => return,
            };
            commits = commits.saturating_add(1);
            let _ = lsn;
            let mut before = operations.offset();
            let mut operations = operations;
            while let Some(operation) = operations.next() {
                let Ok(operation) = operation else { break };
                let size = operations.offset().saturating_sub(before);
                before = operations.offset();
                let Some(id) = operation.file_id().filter(|_| !operation.ignored) else { continue };
                if id == 0 {
                    apply(&mut metadata, &operation.change);
                } else if bytes.len() < MAX_FILES || bytes.contains_key(&id) {
                    let sum: &mut u64 = bytes.entry(id).or_default();
                    *sum = sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
                }
            }
        });
        // The engine takes the first record that does not hold for the end; whoever reads this wants to know.
        let behind = |p: &&Problem| {
            p.severity == Severity::Damage && matches!(p.what, What::End { .. } | What::PreviousLsn { .. })
        };
        let damaged = summary.problems.iter().filter(behind).filter_map(|p| {
            let (_, number) = Kind::of(&p.file)?;
            Some(LogLsn { file: number, offset: p.offset })
        });
        let damaged = damaged.filter(|at| *at >= begin).min().map(|at| (at, Stop::Damaged));
        let stopped = stopped.or(damaged);
        (out.end, out.stopped, out.bytes, out.commits, out.begin) = (end, stopped, bytes, commits, checkpoint);
        metadata.finish();
        let old = std::mem::take(rows);
        for (key, value) in old {
            use super::overlay::Change as C;
            match metadata.get(&key) {
                None if metadata.is_truncated(&key) => {}
                None => {
                    rows.insert(key, value);
                }
                Some(C::Modified(steps)) => {
                    let made = steps.iter().try_fold(value, |v, s| crate::format::modify::apply(&v, s, true));
                    if let Ok(made) = made {
                        rows.insert(key, made);
                    }
                }
                Some(_) => {}
            }
        }
        for (key, change) in metadata.between(None, None) {
            if let super::overlay::Change::Put(value) = change {
                rows.insert(key.clone(), value.clone());
            }
        }
        Some(out)
    }

    /// Whether the log says something about a file.
    pub fn touches(&self, id: u64) -> bool {
        u32::try_from(id).is_ok_and(|id| self.bytes.contains_key(&id))
    }

    /// Cut a list of file ids into lists that one pass each can keep.
    pub fn groups(&self, ids: &[u64]) -> Vec<Vec<u64>> {
        let mut out: Vec<Vec<u64>> = Vec::new();
        let mut sum = u64::MAX;
        for id in ids.iter().copied().filter(|id| self.touches(*id)) {
            let own = u32::try_from(id).ok().and_then(|id| self.bytes.get(&id)).copied().unwrap_or(0);
            if sum.saturating_add(own) > MAX_PASS {
                out.push(Vec::new());
                sum = 0;
            }
            sum = sum.saturating_add(own);
            if let Some(group) = out.last_mut() {
                group.push(id);
            }
        }
        out
    }

    /// Fill the overlays of some files. `from`: where the operations of each count from.
    pub fn fill(&self, overlays: &mut HashMap<u64, (Start, Overlay)>) {
        let _ = self.pass(self.begin, Some(self.end), &mut |lsn, body| {
            let Body::Commit { operations, .. } = body else { return };
            for operation in operations.map_while(Result::ok).filter(|o| !o.ignored) {
                let Some(id) = operation.file_id() else { continue };
                let Some((from, overlay)) = overlays.get_mut(&u64::from(id)) else { continue };
                let counts = match from {
                    Start::Never => false,
                    Start::At(from) => lsn >= *from,
                    Start::Unknown => true,
                };
                if counts {
                    apply(overlay, &operation.change);
                }
            }
        });
        for (_, overlay) in overlays.values_mut() {
            overlay.finish();
        }
    }

    /// Go through the log. Returns where it ends, and why there may be more.
    fn pass(
        &self,
        begin: LogLsn,
        end: Option<LogLsn>,
        take: &mut dyn FnMut(LogLsn, Body<'_>),
    ) -> (LogLsn, Option<(LogLsn, Stop)>) {
        let mut at = begin;
        let mut previous: Option<LogLsn> = None;
        for file in self.files.iter().filter(|f| f.number >= begin.file) {
            if previous.is_some_and(|last| last.file.checked_add(1) != Some(file.number)) {
                return (at, Some((at, Stop::Missing)));
            }
            let from =
                if file.number == begin.file { begin.offset.max(wtlog::FIRST_RECORD) } else { wtlog::FIRST_RECORD };
            match self.file(file, from, end, previous, &mut at, take) {
                Ok(Flow::Next) => previous = Some(at),
                Ok(Flow::End(stop)) => return (at, stop.map(|stop| (at, stop))),
                Err(_) => return (at, Some((at, Stop::Unread))),
            }
        }
        (at, None)
    }

    fn file(
        &self,
        file: &LogFile,
        from: u64,
        end: Option<LogLsn>,
        previous: Option<LogLsn>,
        at: &mut LogLsn,
        take: &mut dyn FnMut(LogLsn, Body<'_>),
    ) -> io::Result<Flow> {
        let mut window = Window::open(&file.path)?;
        let mut offset = from;
        loop {
            if end.is_some_and(|end| LogLsn { file: file.number, offset } >= end) {
                return Ok(Flow::End(None));
            }
            let record = match window.next(offset)? {
                Next::Record(record) => record,
                Next::End(End::Boundary) => break,
                Next::End(End::Zero) => {
                    if window.first_data(offset)?.is_some() {
                        return Ok(Flow::End(None));
                    }
                    break;
                }
                Next::End(_) | Next::More(_) => return Ok(Flow::End(None)),
            };
            if record.header.has_unknown_flags() {
                return Ok(Flow::End(None));
            }
            let lsn = record.lsn(file.number);
            let next = offset.saturating_add(u64::from(record.header.len));
            if record.header.is_encrypted() {
                return Ok(Flow::End(Some(Stop::Encrypted)));
            }
            let Ok(plain) = self.plain(&record) else { return Ok(Flow::End(Some(Stop::Undecodable))) };
            let Ok(body) = Body::decode(plain.body()) else { return Ok(Flow::End(Some(Stop::Undecodable))) };
            if let (Body::System(operations), Some(last), wtlog::FIRST_RECORD) = (&body, previous, offset) {
                let says = operations.clone().map_while(Result::ok).find_map(|o| match o.change {
                    Change::PreviousLsn(at) => Some(at),
                    _ => None,
                });
                // Each life of a connection begins its first file with the initial LSN.
                let other = |says: LogLsn| says.offset != last.offset && says != INITIAL && says.file != 0;
                if says.is_some_and(other) {
                    return Ok(Flow::End(None));
                }
            }
            take(lsn, body);
            offset = next;
            *at = LogLsn { file: file.number, offset };
        }
        *at = LogLsn { file: file.number, offset };
        Ok(Flow::Next)
    }

    fn plain<'a>(&self, record: &Record<'a>) -> crate::format::Result<crate::format::wtlog_plain::Plain<'a>> {
        let plain = record.plain(self.compressor);
        if plain.is_err() && self.compressor.is_some() { record.plain(None) } else { plain }
    }
}

/// Files that operations are counted of.
const MAX_FILES: usize = 1 << 20;

enum Flow {
    /// The next file.
    Next,
    /// The end of the log.
    End(Option<Stop>),
}

/// Take an operation into an overlay.
fn apply(overlay: &mut Overlay, change: &Change<'_>) {
    let record = |recno: u64| recno.to_be_bytes();
    match *change {
        Change::RowPut { key, value, modify: false, .. } => overlay.put(key, value),
        Change::RowPut { key, value, modify: true, .. } => overlay.modify(key, value),
        Change::RowRemove { key, .. } => overlay.remove(key),
        Change::RowTruncate { start, stop, mode, .. } => {
            let start = Some(start).filter(|_| mode == 1 || mode == 2);
            let stop = Some(stop).filter(|_| mode == 1 || mode == 3);
            overlay.truncate(start, stop);
        }
        Change::ColumnPut { recno, value, modify: false, .. } => overlay.put(&record(recno), value),
        Change::ColumnPut { recno, value, modify: true, .. } => overlay.modify(&record(recno), value),
        Change::ColumnRemove { recno, .. } => overlay.remove(&record(recno)),
        Change::ColumnTruncate { start, stop, .. } => {
            let bound = |n: u64| (n != 0).then(|| record(n));
            overlay.truncate(
                bound(start).as_ref().map(<[u8; 8]>::as_slice),
                bound(stop).as_ref().map(<[u8; 8]>::as_slice),
            );
        }
        Change::CheckpointStart
        | Change::PreviousLsn(_)
        | Change::Timestamps { .. }
        | Change::BackupId { .. }
        | Change::Unknown { .. } => {}
    }
}
