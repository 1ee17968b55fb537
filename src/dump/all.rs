//! A whole dump: every chosen table into a directory, or one to a stream.

use super::directory::{Directory, DirectoryError};
use super::form::{Form, Writer};
use super::frame::{self, Digits};
use super::item::Item;
use super::report::{DumpReport, Identity, Note, TableReport, Unread};
use super::run::{self, Rescue};
use super::select::{Job, Plan};
use super::shelf::{EMPTY, Local, Shelf};
use super::streams::Streams;
use super::table::NoRows;
use crate::audit::Progress;
use crate::home::content::At;
use crate::home::content::catalog::Foreign;
use crate::home::directory::{Issue, Way};
use crate::home::wtlog::Start;
use crate::mongo::extjson::Mode;
use crate::output::{Piece, Target};
use sha2::{Digest, Sha256};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Bytes that are held before they are written.
const BUFFER: usize = 1 << 20;

/// How to dump.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub form: Form,
    pub mode: Mode,
    pub rescue: Rescue,
}

/// What a store is, for a dump that goes on.
pub fn fingerprint(shelf: &Shelf) -> String {
    let mut hash = Sha256::new();
    if let Some(local) = &shelf.local {
        for (name, size) in &local.home.inventory {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(size.to_le_bytes());
        }
        let turtle = crate::store::read_regular_file(&local.home.path(crate::format::home_turtle::FILE_NAME));
        hash.update(turtle.unwrap_or_default());
    }
    if let Some(checkpoint) = shelf.log.as_ref().and_then(|log| log.checkpoint.as_ref()) {
        hash.update(checkpoint.lsn.get().to_le_bytes());
        hash.update(checkpoint.completion.metadata_lsn.get().to_le_bytes());
    }
    hex::encode(hash.finalize())
}

/// What there is to say about the state, before any table is read.
pub fn begin(shelf: &Shelf, plan: &Plan, identity: Identity) -> DumpReport {
    let mut notes = Vec::new();
    let local = shelf.local.as_ref();
    if let Some(Local { home, recovered }) = local {
        if recovered.history_missing && recovered.at != At::Checkpoint {
            notes.push(Note::HistoryMissing);
        }
        if let Some((lsn, why)) = recovered.replay.as_ref().and_then(|r| r.stopped) {
            notes.push(Note::LogEnds { lsn: lsn.to_string(), why });
        }
        if home.encrypted {
            notes.push(Note::MetadataEncrypted);
        } else if !home.complete && !home.alone {
            notes.push(Note::MetadataIncomplete);
        }
        let spoiled = |i: &Issue| {
            matches!(
                i,
                Issue::TurtleMissing(_)
                    | Issue::TurtleInvalid { .. }
                    | Issue::TurtleStale { .. }
                    | Issue::TurtleDiffers { .. }
            )
        };
        if !home.alone
            && !home.encrypted
            && home.way != Way::Backup
            && (home.way != Way::Turtle || home.issues.iter().any(spoiled))
        {
            notes.push(Note::MetadataFromCopies);
        }
        // What an engine made anew knows nothing of the tables that are here.
        notes.extend(home.issues.iter().filter_map(|i| match i {
            Issue::SetAside { name, lost, .. } if *lost > 0 => {
                Some(Note::MetadataSetAside { file: name.clone(), tables: *lost })
            }
            _ => None,
        }));
        if let (Start::At(lsn), true) = (home.replay_start, home.log.as_ref().is_ok_and(|l| l.files.is_empty()))
            && !home.closed_by_mongod()
        {
            notes.push(Note::LogMissing { lsn: lsn.to_string() });
        }
        if !home.in_page_log.is_empty() && shelf.log.is_none() {
            notes.push(Note::InPageLog { tables: home.in_page_log.len() as u64 });
        }
        let oplog = shelf.items.iter().any(|i| i.name() == "local.oplog.rs");
        if oplog && recovered.at == At::Recovered {
            notes.push(Note::Oplog);
        }
        // One without rows has its description only.
        let ingest = |i: &&Item| i.file.as_ref().is_some_and(|f| f.ends_with(".wt_ingest")) && i.bytes > EMPTY;
        notes.extend(shelf.items.iter().filter(ingest).map(|i| Note::Ingest { file: i.table.uri.clone() }));
    }
    if shelf.image {
        notes.push(Note::Image);
    }
    if shelf.catalog_lost {
        notes.push(Note::CatalogLost);
    }
    if let Some(lsn) = shelf.log.as_ref().and_then(|log| log.unusable) {
        notes.push(Note::CheckpointUnusable { lsn });
    }
    if shelf.log.as_ref().is_some_and(|log| log.incomplete) {
        notes.push(Note::MetadataIncomplete);
    }
    notes.extend(shelf.guessed.iter().map(|(file, key, value)| Note::Guessed {
        file: file.clone(),
        key_format: key.clone(),
        value_format: value.clone(),
    }));
    let recovered = local.map(|l| &l.recovered);
    let stable = recovered.map_or(0, |r| r.system.stable);
    DumpReport {
        identity,
        engine: recovered.and_then(|r| r.engine).map(|(major, minor)| format!("{major}.{minor}")),
        checkpoint_lsn: shelf.log.as_ref().and_then(|l| l.checkpoint.as_ref()).map(|c| c.lsn),
        mongod: plan.mongod.clone(),
        fcv: plan.fcv.clone(),
        stable: Some(stable).filter(|s| *s != 0).map(|s| format!("{s:x}")),
        replayed: recovered.and_then(|r| r.replay.as_ref()).map_or(0, |r| r.commits),
        notes,
        tables: Vec::new(),
        left_out: plan.left_out.clone(),
    }
}

/// The writer of a table's rows.
fn writer(item: &Item, options: &Options) -> Writer {
    let formats = (item.table.key_format.as_str(), item.table.value_format.as_str());
    Writer::new(options.form, item.has_documents(), options.mode, formats, &item.table.columns)
}

/// What stands before the rows.
fn head(shelf: &Shelf, item: &Item, writer: &Writer, options: &Options) -> Vec<u8> {
    let version = version(shelf);
    match options.form {
        Form::Wt => frame::head(&item.table, Digits::Print, version).into_bytes(),
        Form::WtHex => frame::head(&item.table, Digits::Hex, version).into_bytes(),
        _ => writer.head(),
    }
}

/// Release of the engine that wrote the home, in three numbers.
fn version(shelf: &Shelf) -> (u32, u32, u32) {
    let text = shelf.local.as_ref().and_then(|l| l.home.version.as_deref());
    // Page logs are of releases from this one on.
    let text = text.unwrap_or("WiredTiger 12.0.0");
    let numbers = text.split_whitespace().nth(1).unwrap_or_default().trim_end_matches(':');
    let mut numbers = numbers.split('.').map(|n| n.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

fn unread(item: &Item, why: NoRows) -> TableReport {
    let why = match why {
        NoRows::Foreign(Foreign::Lsm) => Unread::Lsm,
        NoRows::Foreign(Foreign::Tiered) => Unread::Tiered,
        NoRows::Foreign(Foreign::Type) => Unread::Type,
        NoRows::Foreign(Foreign::Incomplete) => Unread::Metadata,
        NoRows::Columns => Unread::Columns,
        NoRows::NoCheckpoint => Unread::NoCheckpoint,
        NoRows::Io { file, error } => Unread::File { file, error: error.to_string() },
    };
    TableReport { uri: item.table.uri.clone(), unread: Some(why), ..TableReport::default() }
}

/// How many rows a table has; nothing if it cannot be opened.
pub fn count(shelf: &Shelf, item: &Item) -> Option<u64> {
    let options = Options { form: Form::Csv, mode: Mode::Relaxed, rescue: Rescue::default() };
    let writer = writer(item, &options);
    let (mut rows_out, mut apart) = (io::sink(), io::sink());
    let streams = Streams { rows: &mut rows_out, apart: &mut apart, strays: None };
    let made = rows(shelf, item, &writer, &[], &options, streams, &crate::audit::Silent).ok()?;
    (made.unread.is_none() && made.lost.is_empty()).then_some(made.rows)
}

/// Dump one table to a stream.
pub fn to_stream(
    shelf: &Shelf,
    job: &Job,
    options: &Options,
    out: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> io::Result<Option<TableReport>> {
    let Some(item) = shelf.items.get(job.item) else { return Ok(None) };
    progress.phase(&item.name(), None);
    let writer = writer(item, options);
    let before = head(shelf, item, &writer, options);
    let mut nowhere = io::sink();
    let streams = Streams { rows: out, apart: &mut nowhere, strays: None };
    rows(shelf, item, &writer, &before, options, streams, progress).map(|r| Some(named(r, item)))
}

/// The rows of a table of either kind, behind what stands before them.
fn rows(
    shelf: &Shelf,
    item: &Item,
    writer: &Writer,
    before: &[u8],
    options: &Options,
    streams: Streams<'_>,
    progress: &dyn Progress,
) -> io::Result<TableReport> {
    if item.in_log {
        let Some(log) = &shelf.log else { return Ok(unread(item, NoRows::Foreign(Foreign::Type))) };
        streams.rows.write_all(before)?;
        let made = log.dump(item, writer, options.rescue.older, streams, progress)?;
        return Ok(made.unwrap_or_else(|| unread(item, NoRows::Foreign(Foreign::Incomplete))));
    }
    let source = match shelf.source(&item.table) {
        Some(Ok(source)) => source,
        Some(Err(why)) => return Ok(unread(item, why)),
        None => return Ok(unread(item, NoRows::Foreign(Foreign::Type))),
    };
    streams.rows.write_all(before)?;
    run::table(shelf, item, &source, writer, options.rescue, streams, progress)
}

fn named(mut report: TableReport, item: &Item) -> TableReport {
    report.namespace = item.has_documents().then(|| item.name());
    report
}

/// Dump every table of a plan into a directory.
pub fn to_directory(
    shelf: &Shelf,
    plan: &Plan,
    options: &Options,
    path: &Path,
    force: bool,
    mut report: DumpReport,
    progress: &dyn Progress,
) -> Result<DumpReport, DirectoryError> {
    let directory = Directory::open(path, &report.identity, force)?;
    // So that a run that is cut short in its first table can go on.
    directory.report(&report)?;
    for (name, bytes) in &plan.files {
        directory.write(name, bytes)?;
    }
    for job in &plan.jobs {
        let Some(item) = shelf.items.get(job.item) else { continue };
        let made = match directory.finished(&item.table.uri) {
            Some(done) => done.clone(),
            None => {
                progress.phase(&item.name(), None);
                one(shelf, item, job, options, &directory, progress)?
            }
        };
        report.tables.push(made);
        directory.report(&report)?;
    }
    directory.report(&report)?;
    Ok(report)
}

fn one(
    shelf: &Shelf,
    item: &Item,
    job: &Job,
    options: &Options,
    directory: &Directory,
    progress: &dyn Progress,
) -> Result<TableReport, DirectoryError> {
    let stem = match &job.stem {
        Ok(stem) => stem,
        Err(why) => {
            let report =
                TableReport { uri: item.table.uri.clone(), unread: Some(why.clone()), ..TableReport::default() };
            return Ok(named(report, item));
        }
    };
    let ending = options.form.ending();
    let file = format!("{stem}.{ending}");
    let (apart, strays) = (format!("{stem}.apart.hex"), format!("{stem}.orphans-{ending}"));
    let io = |name: &str| {
        let path = std::path::PathBuf::from(name);
        move |error: io::Error| DirectoryError::Io { path: path.clone(), error }
    };
    let target = directory.target(&file)?;
    let mut out = BufWriter::with_capacity(BUFFER, target.begin()?);
    let (kept, found) = (directory.target(&apart)?, directory.target(&strays)?);
    let mut kept = Lazy { target: &kept, name: &apart, piece: None };
    let mut found = Lazy { target: &found, name: &strays, piece: None };
    let writer = writer(item, options);
    let before = head(shelf, item, &writer, options);
    let streams = Streams { rows: &mut out, apart: &mut kept, strays: Some(&mut found) };
    let made = rows(shelf, item, &writer, &before, options, streams, progress).map_err(io(&file))?;
    let mut report = named(made, item);
    if report.unread.is_some() {
        // What the collection is can be said all the same.
        if let Some((name, text)) = &job.metadata {
            directory.write(name, text)?;
            report.files.push(name.clone());
        }
        return Ok(report);
    }
    report.bytes = report.bytes.saturating_add(before.len() as u64);
    out.into_inner().map_err(|e| io(&file)(e.into_error()))?.finish()?;
    report.files.push(file);
    for lazy in [kept, found] {
        if let Some(name) = lazy.finish()? {
            report.files.push(name);
        }
    }
    if let Some((name, text)) = &job.metadata {
        directory.write(name, text)?;
        report.files.push(name.clone());
    }
    report.irreversible |= job.irreversible;
    report.indexes_left_out.clone_from(&job.indexes_left_out);
    Ok(report)
}

/// A file that is made only if something goes into it.
struct Lazy<'t> {
    target: &'t Target,
    name: &'t str,
    piece: Option<BufWriter<Piece<'t>>>,
}

impl Write for Lazy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.piece.is_none() {
            let piece = self.target.begin().map_err(io::Error::other)?;
            self.piece = Some(BufWriter::with_capacity(BUFFER, piece));
        }
        self.piece.as_mut().map_or(Ok(0), |piece| piece.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.piece.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Lazy<'_> {
    fn finish(self) -> Result<Option<String>, DirectoryError> {
        let Some(piece) = self.piece else { return Ok(None) };
        let io = |e: io::IntoInnerError<_>| DirectoryError::Io { path: self.name.into(), error: e.into_error() };
        piece.into_inner().map_err(io)?.finish()?;
        Ok(Some(self.name.to_string()))
    }
}
