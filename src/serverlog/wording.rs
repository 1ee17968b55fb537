//! All lines of the table of causes, ready to be looked for in a text at once.

use super::cause::Cause;
use super::codes::{self, Errno};
use super::entry::{Entry, Severity};
use super::lines;
use super::place::{FileKind, Place};
use super::squeezed::Squeezed;
use super::template::{self, Match, Template};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Words shorter than this count only at the beginning of a message.
const SHORT: usize = 14;
/// Most hits of one record.
const MAX_HITS: usize = 256;
/// Longest quote.
const QUOTED: usize = 240;

/// A call of the system that failed: what it was for is in the name of the operation.
const CALLS: &[(&str, Call)] = &[
    ("{path}: handle-open: {name}: {errno}", Call::Open),
    ("{path}: handle-read: pread: failed to read {size} bytes at offset {offset}: {errno}", Call::Read),
    ("{path}: handle-read: {name}: failed to read {size} bytes at offset {offset}: {errno}", Call::Read),
    ("{path}: handle-write: pwrite: failed to write {size} bytes at offset {offset}: {errno}", Call::Write),
    ("{path}: handle-write: {name}: failed to write {size} bytes at offset {offset}: {errno}", Call::Write),
    ("{path}: handle-lock: {name}: {errno}", Call::Lock),
    ("{path}: handle-sync: {name}: {errno}", Call::Sync),
    ("{path}: directory-sync: {name}: {errno}", Call::Sync),
    ("{path}: directory-sync: {errno}", Call::Sync),
    ("{path}: directory-list: {name}: {errno}", Call::List),
    ("{path}: directory-list, prefix {text}: {errno}", Call::List),
    ("{path}: file-rename: {name}: {errno}", Call::Rename),
    ("{path}: file-remove: {name}: {errno}", Call::Other),
    ("{path}: file-exist: {name}: {errno}", Call::Open),
    ("{path}: file-size: {name}: {errno}", Call::Open),
    ("{path}: handle-size: {name}: {errno}", Call::Open),
    ("{path}: handle-truncate: {name}: {errno}", Call::Write),
    ("{path}: handle-extend: {name}: {errno}", Call::Write),
    ("{path}: handle-allocate: {name}: {errno}", Call::Write),
    ("{path}: handle-close: {name}: {errno}", Call::Other),
    ("{path}: handle-advise: {name}: {errno}", Call::Other),
    ("{path} read error: failed to read {size} bytes at offset {offset}: {errno}", Call::Read),
    ("Unable to create/open the lock file: {path} ({errno}", Call::Open),
    ("Unable to lock the lock file: {path} ({errno}). Another mongod instance is already running", Call::Lock),
    ("Unable to lock the lock file: {path} ({errno}", Call::Lock),
    ("Unable to write process id {text} to the lock file: {path} ({errno}", Call::Write),
    ("{path}: memory-map: {name}: {errno}", Call::Map),
    ("{path}: memory-map {text}: {errno}", Call::Map),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Open,
    Read,
    Write,
    Lock,
    Sync,
    List,
    Rename,
    Map,
    Other,
}

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    Cause(Cause),
    Call(Call),
}

#[derive(Debug)]
struct Wording {
    template: Template,
    tells: Tells,
    /// See [`super::cause::Line::alone`].
    alone: Option<Cause>,
    /// How many of its characters are words.
    weight: usize,
}

/// The table, ready.
struct Table {
    wordings: Vec<Wording>,
    /// For each anchor, the wordings that have it.
    by_anchor: Vec<Vec<usize>>,
    anchors: AhoCorasick,
}

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| {
    let rows = Cause::ALL.iter().flat_map(|c| c.row().lines.iter().map(|l| (*c, l)));
    let causes = rows.filter(|(_, l)| !l.shared).map(|(c, l)| (l.template, Tells::Cause(c), l.alone));
    let calls = CALLS.iter().map(|(t, call)| (*t, Tells::Call(*call), None));
    let mut wordings = Vec::new();
    let mut anchors: Vec<Vec<u8>> = Vec::new();
    let mut by_anchor: Vec<Vec<usize>> = Vec::new();
    for (text, tells, alone) in causes.chain(calls) {
        let Some(template) = Template::new(text) else { continue };
        let weight = text.split('{').map(|part| part.split('}').next_back().unwrap_or_default().len()).sum();
        let anchor = template.anchor().to_vec();
        let at = match anchors.iter().position(|a| *a == anchor) {
            Some(at) => at,
            None => {
                anchors.push(anchor);
                by_anchor.push(Vec::new());
                anchors.len().saturating_sub(1)
            }
        };
        if let Some(list) = by_anchor.get_mut(at) {
            list.push(wordings.len());
        }
        wordings.push(Wording { template, tells, alone, weight });
    }
    let anchors = AhoCorasick::new(&anchors).ok()?;
    Some(Table { wordings, by_anchor, anchors })
});

/// A line of the table that stands in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub cause: Cause,
    /// What it tells instead where an error stands before it.
    pub otherwise: Option<Cause>,
    pub place: Place,
    /// Lines below the first one of the record.
    pub below: u64,
    /// What it says.
    pub quote: String,
    /// Where it begins and ends in the text.
    pub from: usize,
    pub to: usize,
}

impl Default for Hit {
    fn default() -> Self {
        let (place, quote) = (Place::default(), String::new());
        Self { cause: Cause::SystemCall, otherwise: None, place, below: 0, quote, from: 0, to: 0 }
    }
}

/// Components of mongod whose ordinary lines quote users' data.
pub(super) const COMPONENTS_OF_USERS: [&str; 7] = ["COMMAND", "QUERY", "WRITE", "SHARDING", "JS", "GEO", "TXN"];
/// And those whose ordinary lines are about connections.
const OF_CONNECTIONS: [&str; 2] = ["NETWORK", "ACCESS"];

/// Lines of the table in a record, in their order.
pub fn hits(entry: &Entry) -> Vec<Hit> {
    if entry.component.as_deref().is_some_and(|c| COMPONENTS_OF_USERS.contains(&c)) || is_fragment(entry) {
        return Vec::new();
    }
    let ordinary = matches!(entry.severity, Severity::Info | Severity::Debug);
    let connections = ordinary && entry.component.as_deref().is_some_and(|c| OF_CONNECTIONS.contains(&c));
    let Some(table) = TABLE.as_ref() else { return Vec::new() };
    let text = Squeezed::new(&entry.text);
    let head = entry.headed.then_some(0);
    let mut found: Vec<(usize, Match)> = Vec::new();
    for anchor in table.anchors.find_overlapping_iter(&text.lower) {
        let wordings = table.by_anchor.get(anchor.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default();
        for n in wordings {
            let Some(wording) = table.wordings.get(*n) else { continue };
            let Some(read) = wording.template.read(&text, anchor.start(), head) else { continue };
            let short = wording.weight < SHORT;
            if short && read.from != 0 {
                continue;
            }
            if found.len() < MAX_HITS {
                found.push((*n, read));
            }
        }
    }
    // Of lines that overlap, the one with more words.
    let weight = |n: usize| table.wordings.get(n).map_or(0, |w| w.weight);
    found.sort_by_key(|(n, read)| (std::cmp::Reverse(weight(*n)), read.from));
    let mut kept: Vec<(usize, Match)> = Vec::new();
    // What a connection's ordinary lines may tell: that there is no file handle left.
    let telling = |n: usize| {
        !connections
            || table
                .wordings
                .get(n)
                .is_some_and(|w| matches!(w.tells, Tells::Cause(Cause::Emfile | Cause::SocketFile | Cause::KeyFile)))
    };
    found.retain(|(n, _)| telling(*n));
    // Three number signs are a headline of a ticket as well.
    let redacted = entry.engine || entry.id.is_some();
    found.retain(|(n, _)| redacted || table.wordings.get(*n).is_none_or(|w| w.tells != Tells::Cause(Cause::Redacted)));
    let unroll = |n: usize| table.wordings.get(n).is_some_and(|w| w.tells == Tells::Cause(Cause::MetadataUnroll));
    let quoting: Vec<(usize, usize)> = found.iter().filter(|f| unroll(f.0)).map(|f| (f.1.from, f.1.to)).collect();
    for (n, read) in found {
        let overlaps = |from: usize, to: usize| read.from < to && from < read.to;
        let quoted = !unroll(n) && quoting.iter().any(|(from, to)| overlaps(*from, *to));
        if quoted || kept.iter().any(|(_, k)| overlaps(k.from, k.to)) {
            continue;
        }
        kept.push((n, read));
    }
    kept.sort_by_key(|(_, read)| read.from);
    let tell = |(n, read): (usize, Match)| {
        let from = text.at.get(read.from).copied().unwrap_or_default();
        let to = read.to.checked_sub(1).and_then(|l| text.at.get(l)).map_or(from, |l| l.saturating_add(1));
        if from >= entry.limit.max(1) {
            return None;
        }
        let mut place = Place::of(&read);
        let wording = table.wordings.get(n)?;
        let cause = match wording.tells {
            Tells::Cause(cause) => cause,
            Tells::Call(call) => called(call, &place),
        };
        place.or_handle(entry.handle.as_deref());
        place.or_wtlog();
        if let Tells::Cause(cause) = wording.tells {
            place.or_implied(cause);
        }
        let cause = told(cause, &place, entry);
        let below = lines::breaks(entry.text.get(..from).unwrap_or_default());
        Some(Hit { cause, otherwise: wording.alone, place, below, quote: quote(&entry.text, from, to), from, to })
    };
    kept.into_iter().filter_map(tell).collect()
}

/// The end of a line of JSON, of a log that begins in the middle of it: whose words they are nobody can tell.
fn is_fragment(entry: &Entry) -> bool {
    let has = |words: &[u8]| entry.text.windows(words.len()).any(|w| w == words);
    let text = entry.text.trim_ascii_end();
    let text = text.strip_suffix(&[lines::HARD]).unwrap_or(text);
    let cut = entry.id.is_none() && text.ends_with(b"}}") && !entry.text.starts_with(b"{");
    cut && (has(b"\",\"") || has(b"},\"") || has(b"],\"")) && !has(b"\"msg\"")
}

/// What a failed call of the system means: the error and the file decide.
fn called(call: Call, place: &Place) -> Cause {
    let kind = place.kind.unwrap_or(FileKind::Other);
    let table = matches!(
        kind,
        FileKind::Table
            | FileKind::Collection
            | FileKind::Index
            | FileKind::Internal
            | FileKind::Catalog
            | FileKind::Counts
            | FileKind::PageLog
            | FileKind::KeyDatabase
    );
    match (call, place.errno) {
        (_, Some(Errno::Engine(-31804))) => Cause::Panic,
        (Call::Map, _) => Cause::MmapFailed,
        (Call::Lock, Some(Errno::EAGAIN)) => Cause::LockBusy,
        (Call::Rename, Some(Errno::EACCES | Errno::EBUSY | Errno::EPERM)) => Cause::RenameFailed,
        (Call::List, Some(Errno::ENOENT)) => Cause::LogDirMissing,
        (Call::Sync, Some(Errno::EIO | Errno::EREMOTEIO)) => Cause::FsyncFailed,
        (Call::Read, Some(Errno::Engine(-31802))) => match kind {
            FileKind::WtLog => Cause::LogEmpty,
            _ if place.offset == Some(0) => Cause::FileTooSmall,
            // The rest of a first block that is not whole.
            _ if place.offset.zip(place.size).is_some_and(|(o, s)| o.saturating_add(s) <= 4096) => Cause::FileTooSmall,
            _ => Cause::ShortRead,
        },
        (_, Some(Errno::ENOENT)) => match kind {
            FileKind::Lock => Cause::EnoentHome,
            FileKind::WtLog => Cause::LogMissingNeeded,
            FileKind::Journal => Cause::LogDirMissing,
            FileKind::Metadata => Cause::MetadataMissing,
            FileKind::History => Cause::HsMissing,
            FileKind::VersionFile => Cause::WiredTigerFileMissing,
            _ if table => Cause::TableFileMissing,
            _ => Cause::SystemCall,
        },
        (Call::Rename, _) => codes_cause(place).filter(|c| *c != Cause::DropBusy).unwrap_or(Cause::RenameFailed),
        (Call::Sync, _) => codes_cause(place).unwrap_or(Cause::FsyncFailed),
        _ => codes_cause(place).unwrap_or(Cause::SystemCall),
    }
}

fn codes_cause(place: &Place) -> Option<Cause> {
    codes::errno_row(place.errno?)?.cause
}

/// What a line means with what it is about.
fn told(cause: Cause, place: &Place, entry: &Entry) -> Cause {
    let kind = place.kind.unwrap_or(FileKind::Other);
    let at_start = matches!(entry.session.as_deref(), Some("connection" | "wiredtiger_open"));
    match cause {
        Cause::RootUnreadable if kind == FileKind::Metadata => Cause::MetadataUnreadable,
        Cause::BlockChecksumHeader if place.found_checksum == Some(0) && kind != FileKind::History => Cause::BlockZeros,
        Cause::BlockChecksumContent if kind == FileKind::Metadata && at_start => Cause::MetadataExtentList,
        Cause::BlockChecksumHeader if kind == FileKind::Metadata && at_start => Cause::TurtleStale,
        Cause::BlockChecksumContent
        | Cause::BlockChecksumHeader
        | Cause::RootUnreadable
        | Cause::DescCorrupted
        | Cause::NotAWiredTigerFile
        | Cause::FileTooSmall
        | Cause::ShortRead
            if kind == FileKind::History =>
        {
            Cause::HsDamaged
        }
        // Old releases say so of any error, which stands behind the name.
        Cause::LockBusy if place.path.as_deref().is_some_and(|p| p.contains(' ')) => {
            let words = place.path.as_deref().and_then(|p| p.split_once(' ')).map_or("", |(_, words)| words);
            template::errno(words).and_then(codes::errno_row).and_then(|row| row.cause).unwrap_or(cause)
        }
        // The engine makes the metadata anew, and its old file is in the way: no turtle.
        Cause::ObjectExists if kind == FileKind::Metadata && at_start => Cause::TurtleMissing,
        Cause::DescVersion if place.file.is_none() => Cause::LogVersion,
        Cause::RecoveryFailed if place.errno == Some(Errno::Engine(-31806)) => Cause::NeedsRecovery,
        Cause::TurtleConfig if entry.session.as_deref() == Some("wiredtiger_open") => Cause::BasecfgGarbled,
        // The error's own words decide where a row is about any error.
        Cause::FsyncFailed | Cause::RenameFailed if place.errno == Some(Errno::Engine(-31804)) => Cause::Panic,
        Cause::LogWriteFailed | Cause::TurtleUpdateFailed | Cause::RecoveryFailed
            if place.errno == Some(Errno::Engine(-31804)) =>
        {
            Cause::Panic
        }
        other => other,
    }
}

/// The text of a line, white space made single, shortened.
pub fn quote(text: &[u8], from: usize, to: usize) -> String {
    let from = from.min(text.len());
    let end = to.max(from).min(text.len()).min(from.saturating_add(QUOTED));
    let part: Vec<u8> =
        text.get(from..end).unwrap_or_default().iter().filter(|c| **c != lines::SOFT).copied().collect();
    let text = String::from_utf8_lossy(&part).replace(char::from(lines::HARD), " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
