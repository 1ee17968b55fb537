//! What a log claims, compared with the store: each claim agreed with, contradicted, or not checked. Where the
//! store tells more than the log can, the cause gets its right name here.

use super::evidence::Evidence;
use super::{Diagnosis, Found};
use crate::audit::finding::{Code, Detail, Finding, Severity};
use crate::audit::pagelog::fact::Fact as PageLogFact;
use crate::decode::judge::{self, Evidence as Bytes, Verdict as Judged};
use crate::format::home_turtle;
use crate::home::directory::{Home, Issue, Way};
use crate::home::files::METADATA;
use crate::mongo::releases;
use crate::serverlog::cause::{Cause, Damaged, Sure};
use crate::serverlog::place::{FileKind, Place};
use crate::store::regular_file;
use serde::Serialize;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most bytes of a block that are read.
const MAX_BLOCK: u64 = 512 << 20;
/// Codes of findings that are listed.
const LISTED: usize = 12;
/// Where a page's header has its type, and that of extent lists.
const PAGE_TYPE: usize = 24;
const BLOCK_MANAGER: u8 = 1;
/// Less room than this is none.
const NO_ROOM: u64 = 64 << 20;

/// What the store says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The store shows the same.
    Agreed,
    /// The store shows the opposite: it was mended, or the log is of another copy or moment.
    Contradicted,
    /// It could not be checked, or the store cannot tell.
    NotChecked,
}

/// What was seen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Fact {
    /// The block was read again.
    Block {
        verdict: Judged,
        judgement: String,
    },
    /// The file ends before the block.
    EndsBefore {
        size: u64,
        end: u64,
    },
    FileThere {
        size: u64,
    },
    FileNotThere,
    /// The file is not there, and the journal removes it: a drop that was under way.
    RemovedByLog,
    /// Owner and mode of the file, and the owner that most files have.
    Owner {
        uid: u32,
        mode: u32,
        most: u32,
    },
    /// Room on the file system.
    Room {
        bytes: u64,
        files: u64,
    },
    /// The metadata reads, every row of it.
    MetadataWhole,
    /// The metadata is whole and encrypted.
    MetadataEncrypted,
    /// The turtle does not fit the metadata file, whose own newest checkpoint is whole.
    TurtleDoesNotFit,
    /// The metadata does not read.
    MetadataDamaged,
    /// Numbers of the journal's files.
    WtLogs {
        first: u32,
        last: u32,
        count: u64,
    },
    /// There is no file of the journal.
    NoWtLogs,
    /// The engine that wrote the home, and the releases of MongoDB that have it.
    WrittenBy {
        engine: String,
        mongodb: Option<(&'static str, &'static str)>,
    },
    /// What the audit finds about the same file, table or ident.
    Findings {
        count: u64,
        codes: Vec<&'static str>,
    },
    /// The audit finds nothing wrong there.
    NoFinding,
    /// The journal holds together: the start that wrote the line cut it.
    CutByStart,
    /// Metadata that the engine put aside: its rows, and those whose files are here and not in the metadata.
    SetAside {
        name: String,
        rows: u64,
        lost: u64,
    },
    /// The file is there, with no byte.
    FileEmpty,
    /// The versions that are here.
    OtherVersion {
        found: String,
    },
    /// What is asked of a home and this is a page log, or the other way round; or it is not about the store.
    NothingToAsk,
    /// The system did not let it be read.
    Unreadable {
        reason: String,
    },
}

/// A claim of the log, and what the store says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Check {
    /// Which cause, by its place in `causes`, from 0.
    pub cause: usize,
    pub answer: Answer,
    /// What was seen.
    pub fact: Fact,
}

/// A data directory that was audited.
#[derive(Debug, Clone, Copy)]
pub struct Store<'s> {
    /// As it was named.
    pub name: &'s str,
    /// Its local home, if it has one.
    pub home: Option<&'s Home>,
    /// What an audit of it found.
    pub findings: &'s [Finding],
    /// What the system did not let be read: names, and its words.
    pub unread: &'s [(String, String)],
}

impl Store<'_> {
    /// Why a file could not be read, if it could not.
    fn unread(&self, file: &str) -> Option<Fact> {
        let same = |name: &str| name == file || name.strip_suffix(file).is_some_and(|dir| dir.ends_with('/'));
        let found = self.unread.iter().find(|(name, _)| same(name))?;
        Some(Fact::Unreadable { reason: found.1.clone() })
    }
}

impl Diagnosis {
    /// Compare every cause with a store.
    pub fn check(&mut self, store: &Store<'_>) {
        let mut checks = Vec::new();
        for (at, found) in self.causes.iter_mut().enumerate() {
            let (answer, fact) = of_cause(found, store);
            checks.push(Check { cause: at, answer, fact });
            if let Some(home) = store.home {
                named(found, home);
            }
        }
        self.checks = checks;
        self.home = Some(store.name.to_string());
        self.command(Some(store.name));
    }
}

/// Take the namespace from the store.
fn named(found: &mut Found, home: &Home) {
    let file = found.place.file.clone().or_else(|| found.place.ident.as_ref().map(|i| format!("{i}.wt")));
    let Some(name) = file.as_deref().and_then(|f| inside(home, f)).and_then(|f| home.names.for_file(&f)) else {
        return;
    };
    if name.namespace.is_empty() {
        return;
    }
    found.namespace = Some(match &name.index {
        Some(index) => format!("{}, index {index}", name.namespace),
        None => name.namespace.clone(),
    });
    if found.place.kind == Some(FileKind::Table) {
        let kind = if name.index.is_some() { FileKind::Index } else { FileKind::Collection };
        found.place.kind = Some(kind);
    }
}

/// The name of a file below the home.
fn inside(home: &Home, file: &str) -> Option<String> {
    let ends = |name: &&String| name.as_str() == file || name.strip_suffix(file).is_some_and(|dir| dir.ends_with('/'));
    home.inventory.keys().find(ends).cloned()
}

fn of_cause(found: &mut Found, store: &Store<'_>) -> (Answer, Fact) {
    let Some(home) = store.home else { return by_findings(found, store) };
    let place = found.place.clone();
    // Who owns it can be told of what cannot be read.
    let owned = matches!(found.cause, Cause::EpermOpen | Cause::EaccesOpen);
    if let Some(fact) = place.file.as_deref().and_then(|f| store.unread(f)).filter(|_| !owned) {
        return (Answer::NotChecked, fact);
    }
    match found.cause {
        Cause::MetadataUnreadable
        | Cause::TurtleStale
        | Cause::EncKeyMissing
        | Cause::EncOtherKey
        | Cause::MetadataExtentList => metadata(found, home, store),
        Cause::RootUnreadable | Cause::BlockChecksumHeader if home.encrypted => {
            (Answer::NotChecked, Fact::MetadataEncrypted)
        }
        Cause::TableFileMissing | Cause::HsMissing | Cause::MetadataMissing | Cause::WiredTigerFileMissing => {
            missing(&place, home, store)
        }
        Cause::TurtleMissing => turtle(home),
        Cause::WiredTigerFileEmpty | Cause::BackupRecreate => empty(&place, home),
        Cause::LogRecordBad => journal(home),
        Cause::LogMissingNeeded | Cause::LogDirMissing => wtlogs(&place, home),
        Cause::ShortRead | Cause::FileTooSmall | Cause::LogEmpty => length(&place, home),
        Cause::EpermOpen | Cause::EaccesOpen => owner(&place, home),
        Cause::Enospc => room(home),
        Cause::LogVersion => log_version(&place, home),
        Cause::DescVersion
        | Cause::TurtleVersionTooOld
        | Cause::IncompatibleConfig
        | Cause::CompatRefused
        | Cause::Fcv => written(home),
        _ if place.offset.is_some() && place.size.is_some() && place.expected_checksum.is_some() => block(&place, home),
        _ => by_findings(found, store),
    }
}

/// Whether the metadata reads; the cause gets its name from that.
fn metadata(found: &mut Found, home: &Home, store: &Store<'_>) -> (Answer, Fact) {
    if found.cause == Cause::MetadataExtentList
        && let (Some(offset), Some(size)) = (found.place.offset, found.place.size.filter(|s| *s <= MAX_BLOCK))
        && let Ok(bytes) = read(&home.path(METADATA), offset, size)
        && bytes.get(PAGE_TYPE).is_some_and(|kind| *kind != BLOCK_MANAGER && *kind != 0)
    {
        // Whatever the line looks like: it is a page of rows.
        found.named(Cause::BlockChecksumContent);
        return block(&found.place, home);
    }
    if let Some(fact) = store.unread(METADATA).or_else(|| store.unread(home_turtle::FILE_NAME)) {
        return (Answer::NotChecked, fact);
    }
    let rename = |found: &mut Found, cause: Cause, sure: Sure| {
        let damaged = cause.row().damaged;
        found.named(cause);
        (found.certainty, found.damaged) = (sure, damaged);
    };
    let of_metadata = |f: &&Finding| f.place.file.as_deref() == Some(METADATA) && f.severity == Severity::Error;
    let damaged = store.findings.iter().any(|f| of_metadata(&f));
    if home.encrypted {
        // A checksum is made over the encrypted bytes: a key does not explain that it fails.
        if matches!(found.cause, Cause::MetadataExtentList | Cause::TurtleStale) {
            return block(&found.place, home);
        }
        if found.cause == Cause::MetadataUnreadable {
            rename(found, Cause::EncKeyMissing, Sure::High);
        }
        return (Answer::Agreed, Fact::MetadataEncrypted);
    }
    if home.proposed_turtle.is_some() || home.way == Way::Recovery {
        let cause = if damaged { found.cause } else { Cause::TurtleStale };
        rename(found, cause, Sure::High);
        return (Answer::Agreed, if damaged { Fact::MetadataDamaged } else { Fact::TurtleDoesNotFit });
    }
    if home.way == Way::Turtle && home.complete && !damaged {
        return (Answer::Contradicted, Fact::MetadataWhole);
    }
    if damaged || home.way == Way::Files {
        if found.cause == Cause::MetadataUnreadable {
            rename(found, Cause::MetadataUnreadable, Sure::High);
            found.damaged = Damaged::Yes;
        }
        return (Answer::Agreed, Fact::MetadataDamaged);
    }
    by_findings(found, store)
}

fn missing(place: &Place, home: &Home, store: &Store<'_>) -> (Answer, Fact) {
    let Some(file) = place.file.as_deref() else { return (Answer::NotChecked, Fact::NothingToAsk) };
    if let Some(size) = inside(home, file).and_then(|name| home.inventory.get(&name).copied()) {
        return (Answer::Contradicted, Fact::FileThere { size });
    }
    // It may lie in a directory that cannot be listed.
    if let Some((name, reason)) = store.unread.first() {
        return (Answer::NotChecked, Fact::Unreadable { reason: format!("{name}: {reason}") });
    }
    let told =
        store.findings.iter().any(|f| f.place.file.as_deref() == Some(file) && matches!(f.code, Code::FileMissing));
    let listed = home.file(file).is_some();
    match () {
        () if told || !home.complete || place.kind != Some(FileKind::Table) => (Answer::Agreed, Fact::FileNotThere),
        () if listed => (Answer::Agreed, Fact::RemovedByLog),
        () => (Answer::Agreed, Fact::FileNotThere),
    }
}

fn wtlogs(place: &Place, home: &Home) -> (Answer, Fact) {
    let summary = match &home.log {
        Ok(summary) => summary,
        Err(reason) => return (Answer::NotChecked, Fact::Unreadable { reason: reason.clone() }),
    };
    let numbers: Vec<u32> =
        summary.files.iter().filter(|f| f.kind == crate::home::wtlog::Kind::Log).map(|f| f.number).collect();
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else {
        let answer = if summary.unread.is_empty() { Answer::Agreed } else { Answer::NotChecked };
        return (answer, Fact::NoWtLogs);
    };
    let fact = Fact::WtLogs { first: *first, last: *last, count: numbers.len() as u64 };
    match place.wtlog.and_then(|n| u32::try_from(n).ok()) {
        Some(number) if !numbers.contains(&number) && summary.unread.is_empty() => (Answer::Agreed, fact),
        Some(number) if !numbers.contains(&number) => (Answer::NotChecked, fact),
        _ => (Answer::Contradicted, fact),
    }
}

fn length(place: &Place, home: &Home) -> (Answer, Fact) {
    let found = place.file.as_deref().and_then(|f| inside(home, f));
    let Some(size) = found.and_then(|name| home.inventory.get(&name).copied()) else {
        return (Answer::NotChecked, Fact::FileNotThere);
    };
    let end = match (place.offset, place.size) {
        (Some(offset), Some(bytes)) => offset.saturating_add(bytes),
        // Of a file that is smaller than its first block, that one's size.
        (None, Some(bytes)) => bytes,
        _ => 4096,
    };
    if size < end {
        (Answer::Agreed, Fact::EndsBefore { size, end })
    } else {
        (Answer::Contradicted, Fact::FileThere { size })
    }
}

fn block(place: &Place, home: &Home) -> (Answer, Fact) {
    let (Some(offset), Some(size)) = (place.offset, place.size.filter(|s| *s <= MAX_BLOCK)) else {
        return (Answer::NotChecked, Fact::NothingToAsk);
    };
    let Some(name) = place.file.as_deref().and_then(|f| inside(home, f)) else {
        return (Answer::NotChecked, Fact::FileNotThere);
    };
    let bytes = match read(&home.path(&name), offset, size) {
        Ok(bytes) => bytes,
        Err(e) => return (Answer::NotChecked, Fact::Unreadable { reason: e.to_string() }),
    };
    if (bytes.len() as u64) < size {
        let (size, end) = (offset.saturating_add(bytes.len() as u64), offset.saturating_add(size));
        return (Answer::Agreed, Fact::EndsBefore { size, end });
    }
    let judged = judge::judge(&Bytes {
        parts: &[(0, &bytes)],
        size: bytes.len(),
        offset,
        expected: place.expected_checksum,
        cleared: Some(false),
    });
    let answer = if judged.verdict == Judged::Sound { Answer::Contradicted } else { Answer::Agreed };
    (answer, Fact::Block { verdict: judged.verdict, judgement: judged.judgement })
}

fn read(path: &Path, offset: u64, size: u64) -> std::io::Result<Vec<u8>> {
    let mut file = regular_file(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut out = Vec::new();
    file.take(size).read_to_end(&mut out)?;
    Ok(out)
}

fn owner(place: &Place, home: &Home) -> (Answer, Fact) {
    let file = place.file.as_deref().and_then(|f| inside(home, f));
    let path = file.map_or_else(|| home.dir.clone(), |name| home.path(&name));
    let meta = match std::fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(e) => return (Answer::NotChecked, Fact::Unreadable { reason: e.to_string() }),
    };
    let paths: Vec<PathBuf> = home.inventory.keys().map(|name| home.path(name)).collect();
    let mut owners: Vec<u32> =
        paths.iter().filter_map(|p| std::fs::symlink_metadata(p).ok()).map(|m| m.uid()).collect();
    owners.sort_unstable();
    let most =
        owners.chunk_by(|a, b| a == b).max_by_key(|c| c.len()).and_then(|c| c.first().copied()).unwrap_or(meta.uid());
    let fact = Fact::Owner { uid: meta.uid(), mode: meta.mode() & 0o7777, most };
    let odd = meta.uid() != most || meta.mode() & 0o600 != 0o600;
    // On the node the owner may have been another one: then this tells nothing.
    if odd { (Answer::Agreed, fact) } else { (Answer::NotChecked, fact) }
}

fn room(home: &Home) -> (Answer, Fact) {
    match rustix::fs::statvfs(&home.dir) {
        Ok(system) => {
            let bytes = system.f_bavail.saturating_mul(system.f_frsize);
            let fact = Fact::Room { bytes, files: system.f_favail };
            let full = bytes < NO_ROOM || (system.f_files > 0 && system.f_favail == 0);
            if full { (Answer::Agreed, fact) } else { (Answer::Contradicted, fact) }
        }
        Err(e) => (Answer::NotChecked, Fact::Unreadable { reason: e.to_string() }),
    }
}

fn written(home: &Home) -> (Answer, Fact) {
    let Some(engine) = home.engine() else { return (Answer::NotChecked, Fact::NothingToAsk) };
    let fact = Fact::WrittenBy { engine: format!("{}.{}", engine.0, engine.1), mongodb: releases::of_engine(engine) };
    // What the build at hand was, only the log knows.
    (Answer::NotChecked, fact)
}

/// Whether a file of the journal has the version that the line names.
fn log_version(place: &Place, home: &Home) -> (Answer, Fact) {
    let wanted = place.version.as_deref().and_then(|v| v.split('/').next()?.parse::<u16>().ok());
    let Ok(summary) = &home.log else { return written(home) };
    let mut versions: Vec<u16> = summary.files.iter().filter_map(|f| f.version).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() {
        return written(home);
    }
    let answer = if wanted.is_some_and(|w| versions.contains(&w)) { Answer::Agreed } else { Answer::Contradicted };
    let found = versions.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    (answer, Fact::OtherVersion { found })
}

/// Whether the turtle is there, or what lies in the metadata that was put aside without it.
fn turtle(home: &Home) -> (Answer, Fact) {
    let aside = home.issues.iter().find_map(|issue| match issue {
        Issue::SetAside { name, rows, lost } => Some(Fact::SetAside { name: name.clone(), rows: *rows, lost: *lost }),
        _ => None,
    });
    match (aside, home.inventory.get(home_turtle::FILE_NAME)) {
        (Some(fact), _) => (Answer::Agreed, fact),
        (None, None) => (Answer::Agreed, Fact::FileNotThere),
        (None, Some(size)) => (Answer::Contradicted, Fact::FileThere { size: *size }),
    }
}

fn empty(place: &Place, home: &Home) -> (Answer, Fact) {
    match place.file.as_deref().and_then(|f| home.inventory.get(f)) {
        Some(0) => (Answer::Agreed, Fact::FileEmpty),
        Some(size) if place.kind == Some(FileKind::Settings) => (Answer::Agreed, Fact::FileThere { size: *size }),
        Some(size) => (Answer::Contradicted, Fact::FileThere { size: *size }),
        // The engine removes a list of a backup that it has used.
        None => (Answer::NotChecked, Fact::FileNotThere),
    }
}

/// The journal after a start that cut it.
fn journal(home: &Home) -> (Answer, Fact) {
    match &home.log {
        Ok(summary) if summary.problems.is_empty() => (Answer::NotChecked, Fact::CutByStart),
        Ok(summary) => {
            let codes = vec![Code::LogDamaged.info().name];
            (Answer::Agreed, Fact::Findings { count: summary.problems.len() as u64, codes })
        }
        Err(reason) => (Answer::NotChecked, Fact::Unreadable { reason: reason.clone() }),
    }
}

/// Findings that say the same as a cause, wherever they are.
fn codes_of(cause: Cause) -> &'static [Code] {
    match cause {
        Cause::DisKeyStale => &[Code::StaleKeystore],
        Cause::DisKeyMissing => &[Code::KeyPageMissing, Code::KeyPageInvalid],
        Cause::DisSize => &[
            Code::SizeInflated,
            Code::SizeDeflated,
            Code::SizeDoubleRoot,
            Code::DatabaseSizeInflated,
            Code::DatabaseSizeDeflated,
        ],
        Cause::DisVerifyIds => &[Code::OrphanPage, Code::OrphanImage, Code::DiscardedInUse],
        Cause::DisSharedId | Cause::MetadataFileIdTwice => &[Code::DuplicateTreeId],
        Cause::DisNotFound => &[Code::PageMissing, Code::CompletionInvalid, Code::CompletionMissing],
        Cause::DisStoreDamaged => &[Code::StoreDamaged],
        Cause::ColumnGroups | Cause::IdentMetadataMissing | Cause::CatalogIdentMissing => &[Code::CatalogMismatch],
        Cause::VerifyRanges => &[Code::ExtentLost],
        _ => &[],
    }
}

/// What the audit says of the same file, table, page or ident.
fn by_findings(found: &Found, store: &Store<'_>) -> (Answer, Fact) {
    let place = &found.place;
    let row = found.cause.row();
    let codes = codes_of(found.cause);
    // What is about no file, table or page is compared only with findings that say the same.
    let placed = place.file.is_some() || place.ident.is_some() || place.page_id.is_some();
    if codes.is_empty() && (!placed || row.damaged == Damaged::No) {
        return (Answer::NotChecked, Fact::NothingToAsk);
    }
    let traced = found.evidence.iter().any(|e| matches!(e, Evidence::PickupStep(_)));
    let is_same = |f: &&Finding| {
        let file = place.file.as_deref().is_some_and(|own| {
            f.place.file.as_deref().is_some_and(|n| n == own || n.ends_with(&format!("/{own}")))
                || f.place.uri.as_deref().is_some_and(|u| u.strip_prefix("file:") == Some(own))
        });
        let ident =
            place.ident.as_deref().is_some_and(|own| {
                f.place.uri.as_deref().is_some_and(|u| {
                    u.split_once(':').is_some_and(|(_, name)| name == own || name == format!("{own}.wt"))
                }) || f.place.file.as_deref() == Some(&format!("{own}.wt"))
            });
        let page = place.page_id.is_some() && f.place.page_id.map(|p| p.0) == place.page_id;
        // Turtle and metadata stand for each other: what is wrong with one the engine says of the other.
        let pair = [METADATA, home_turtle::FILE_NAME];
        let both = |name: &Option<String>| name.as_deref().is_some_and(|n| pair.contains(&n));
        let file = file || both(&place.file) && both(&f.place.file);
        // Of a pick-up that is the cause of a failed step, the checkpoint is known: others do not count.
        let checkpoint = match &f.detail {
            Detail::PageLog(fact) => match fact.as_ref() {
                PageLogFact::StaleKey { metadata, .. } => Some(metadata.get()),
                _ => None,
            },
            Detail::Home(_) => None,
        };
        let other = traced && checkpoint.is_some() && checkpoint != place.lsn;
        f.severity > Severity::Note && !other && (file || ident || page || codes.contains(&f.code))
    };
    let mut codes: Vec<&'static str> = Vec::new();
    let mut count: u64 = 0;
    for finding in store.findings.iter().filter(is_same) {
        count = count.saturating_add(1);
        let name = finding.code.info().name;
        if !codes.contains(&name) && codes.len() < LISTED {
            codes.push(name);
        }
    }
    match (count, row.damaged) {
        // The engine looks at more of its log than an audit does.
        (0, Damaged::Yes) if place.kind != Some(FileKind::WtLog) => (Answer::Contradicted, Fact::NoFinding),
        (0, _) => (Answer::NotChecked, Fact::NoFinding),
        _ => (Answer::Agreed, Fact::Findings { count, codes }),
    }
}
