//! Dumps of a page service into a page log that every verb reads: any mix of forms, in any order, overlapping or not.

mod completion;
pub mod decrypt;

use crate::audit::Progress;
use crate::format::block::is_service_encrypted as is_encrypted;
use crate::format::pagelog_ids::{SPECIAL_PAGE, TURTLE_TABLES};
use crate::id::{Lsn, PageId, TableId};
use crate::output::{self, OutputError, Place};
use crate::service::lines::{self, Form};
use crate::service::{Content, Entry, EntryKind, Malformed, Piece, tree};
use crate::store::edit::NewRow;
use crate::store::gathered::{FILE_NAME, Gathered, Origin, SourceInfo, VERSION};
use crate::store::open::KV_HOME;
use crate::store::palite::gather::{Gatherer, Put, Supplied};
use crate::store::{FLAG_DELTA, FLAG_DISCARDED, StoreError, supply};
use decrypt::Decryptor;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong is listed so often; all of it is counted.
const NOTES: usize = 100;
/// Pages of a fetched tree that are read at a time.
const PAGES: usize = 256;
/// Most checkpoints before the one to stand on.
const OLDER: usize = 16;
/// Ends of the names of dumps.
const ENDS: [&str; 6] = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst"];

/// What to gather.
pub struct Request<'r> {
    /// Dumps: files, directories of them, fetched trees, or `-` for standard input.
    pub sources: &'r [PathBuf],
    /// Dumps that go with them, and whose pages are not meant: see [`gather_unit`].
    pub heads: &'r [PathBuf],
    pub checkpoint: Checkpoint<'r>,
    /// Calls a program for each block that the service has encrypted.
    pub decrypt: Option<Decryptor>,
}

/// Which checkpoint to stand on. No dump holds a completion record.
#[derive(Debug, Clone, Copy)]
pub enum Checkpoint<'r> {
    /// This text of a completion record.
    Text(&'r str),
    /// The newest one in a server's log that the tables reach.
    Log(&'r Path),
    /// The one that the newest turtle page makes.
    NewestTurtle,
}

/// Pages, by table.
pub type Own = HashSet<(TableId, PageId)>;

/// Why nothing was gathered.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    #[error("{0} holds no dump of a page service")]
    NoDump(PathBuf),
    #[error("the text of the completion record: {0}")]
    Completion(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

fn io_of(path: &Path) -> impl Fn(io::Error) -> GatherError {
    move |error| GatherError::Io { path: path.to_path_buf(), error }
}

/// Gather into a directory that is not there, or empty.
pub fn gather_to(request: &Request<'_>, output: &Path, progress: &dyn Progress) -> Result<Gathered, GatherError> {
    output::check_place(output, Place::Empty)?;
    let temporary = output::beside(output, "gather")?;
    let home = temporary.path().join("home");
    fs::create_dir(&home).map_err(io_of(&home))?;
    let gathered = gather(request, &home, progress)?;
    output::publish(&home, output, Place::Empty)?;
    Ok(gathered)
}

/// Gather into an empty directory.
pub fn gather(request: &Request<'_>, home: &Path, progress: &dyn Progress) -> Result<Gathered, GatherError> {
    gather_unit(request, home, progress).map(|(gathered, _)| gathered)
}

/// As [`gather`]; also tells which pages came from [`Request::sources`].
pub fn gather_unit(
    request: &Request<'_>,
    home: &Path,
    progress: &dyn Progress,
) -> Result<(Gathered, Own), GatherError> {
    let kv_home = home.join(KV_HOME);
    fs::create_dir(&kv_home).map_err(io_of(&kv_home))?;
    let mut work = Work {
        gatherer: Gatherer::new(&kv_home),
        decrypt: request.decrypt.as_ref(),
        own: None,
        done: (0, 0),
        torn: HashSet::new(),
        out: Gathered {
            version: VERSION,
            made_by: format!("wtcheck {}", env!("CARGO_PKG_VERSION")),
            log: None,
            checkpoint: Origin::Unknown,
            sources: Vec::new(),
            tables: std::collections::BTreeMap::new(),
            left_out: 0,
            overhead: None,
            conflicts: 0,
            malformed: 0,
            notes: Vec::new(),
        },
    };
    progress.phase("reading dumps", None);
    for source in request.heads {
        work.source(source, progress)?;
    }
    work.own = (!request.heads.is_empty()).then(Own::new);
    for source in request.sources {
        work.source(source, progress)?;
    }
    if work.entries() == 0 && work.out.malformed == 0 {
        let first = request.sources.first().cloned().unwrap_or_default();
        return Err(GatherError::NoDump(first));
    }
    for table in &work.torn {
        work.out.tables.entry(*table).or_default().whole = false;
    }
    let mut completions: Vec<(Lsn, String)> = work.completion(request.checkpoint)?.into_iter().collect();
    completions.extend(work.older(completions.first().map(|(lsn, _)| *lsn))?);
    work.out.overhead = work.gatherer.overhead();
    let Work { gatherer, out, own, .. } = work;
    gatherer.finish(&completions)?;
    let manifest = kv_home.join(FILE_NAME);
    let text = serde_json::to_vec_pretty(&out).map_err(|e| io_of(&manifest)(e.into()))?;
    fs::write(&manifest, text).map_err(io_of(&manifest))?;
    for dir in [&kv_home, home] {
        fs::File::open(dir).and_then(|d| d.sync_all()).map_err(io_of(dir))?;
    }
    Ok((out, own.unwrap_or_default()))
}

/// Whether a file in a directory of dumps is one by its name.
fn is_dump_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ENDS.iter().any(|end| name.to_string_lossy().ends_with(end)))
}

struct Work<'w> {
    gatherer: Gatherer,
    decrypt: Option<&'w Decryptor>,
    /// Pages met so far, where they are wanted.
    own: Option<Own>,
    out: Gathered,
    /// Lines and plain bytes of the dumps so far.
    done: (u64, u64),
    /// Tables of which a piece was passed over: they were not supplied as a whole.
    torn: HashSet<TableId>,
}

impl Work<'_> {
    fn source(&mut self, path: &Path, progress: &dyn Progress) -> Result<(), GatherError> {
        if path != Path::new("-") && fs::metadata(path).map_err(io_of(path))?.is_dir() {
            if tree::is_tree(path) {
                return self.tree(path);
            }
            let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(io_of(path))?;
            let mut files: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).filter(|p| is_dump_name(p)).collect();
            files.sort();
            return files.iter().filter(|f| f.is_file()).try_for_each(|file| self.file(file, progress));
        }
        self.file(path, progress)
    }

    fn file(&mut self, path: &Path, progress: &dyn Progress) -> Result<(), GatherError> {
        let name = path.display().to_string();
        let dump = lines::open(path).map_err(io_of(path))?;
        let mut failed = None;
        let (before, malformed, mut table) = (self.entries(), self.out.malformed, None);
        let (done, seen) = (self.done, Cell::new(self.done));
        let decrypt = self.decrypt;
        let mut take = |form: Form, number: u64, piece: Piece| {
            self.piece(&name, number, piece, &mut table, form).map_err(|e| {
                failed = Some(e);
                io::Error::other("stopped")
            })
        };
        let prepare = |piece: &mut Piece| decrypt.iter().for_each(|decrypt| decrypt.piece(piece));
        let told = |lines: u64, bytes: u64| {
            seen.set((done.0.saturating_add(lines), done.1.saturating_add(bytes)));
            progress.at(seen.get().0, seen.get().1);
        };
        let read = lines::read(dump, &mut lines::Source { progress: &told, prepare: &prepare, take: &mut take });
        self.done = seen.get();
        let read = match (read, failed) {
            (_, Some(e)) => return Err(e),
            (Ok(read), None) => read,
            // The system did not give it.
            (Err(e), None) if e.raw_os_error().is_some() => return Err(io_of(path)(e)),
            // A packed stream that is cut or damaged. What came before counts.
            (Err(e), None) => {
                self.malformed(format!("{name}: {e}; what came before it was used"));
                self.torn.extend(table);
                return Ok(());
            }
        };
        let form = match read.form {
            Form::Table => "table",
            Form::Page => "page",
            Form::History => "history",
            Form::Summary => "summary",
        };
        // Answers about single pages tell nothing of the pages beside them.
        let whole = read.form == Form::Table;
        if self.out.malformed > malformed {
            self.torn.extend(table);
        }
        let entries = self.entries() - before;
        self.out.sources.push(SourceInfo { name, form: form.into(), sha256: read.sha256, bytes: read.bytes, entries });
        if let Some(table) = table.filter(|_| whole) {
            self.out.tables.entry(table).or_default().whole = true;
        }
        Ok(())
    }

    fn tree(&mut self, dir: &Path) -> Result<(), GatherError> {
        let name = dir.display().to_string();
        let decrypted = tree::Decrypted::of(dir).map_err(io_of(dir))?;
        let manifest = fs::read(dir.join("manifest.json")).map_err(io_of(dir))?;
        let (before, mut table, mut bytes) = (self.entries(), None, 0);
        let decrypt = self.decrypt;
        let read = |page: &PathBuf| {
            let mut piece = tree::page(page, &decrypted)?;
            decrypt.iter().for_each(|decrypt| decrypt.piece(&mut piece));
            Ok((fs::metadata(page).map_or(0, |m| m.len()), piece))
        };
        for pages in tree::pages(dir).map_err(io_of(dir))?.chunks(PAGES) {
            let read: Vec<io::Result<(u64, Piece)>> = pages.par_iter().map(read).collect();
            for (page, read) in pages.iter().zip(read) {
                let (len, piece) = read.map_err(io_of(page))?;
                bytes += len;
                self.piece(&page.display().to_string(), 1, piece, &mut table, Form::Page)?;
            }
        }
        let entries = self.entries() - before;
        let sha256 = hex::encode(Sha256::digest(&manifest));
        self.out.sources.push(SourceInfo { name, form: "tree".into(), sha256, bytes, entries });
        Ok(())
    }

    fn entries(&self) -> u64 {
        self.out.tables.values().map(|t| t.entries).sum()
    }

    fn malformed(&mut self, words: String) {
        self.out.malformed += 1;
        self.note(words);
    }

    fn note(&mut self, words: String) {
        if self.out.notes.len() < NOTES {
            self.out.notes.push(words);
        }
    }

    fn piece(
        &mut self,
        name: &str,
        number: u64,
        piece: Piece,
        table: &mut Option<TableId>,
        form: Form,
    ) -> Result<(), GatherError> {
        // Of the page that a fault is in not all is known, and which page that is, neither.
        let whole = piece.faults.iter().all(|fault| matches!(fault, Malformed::Decryptor(_)));
        let known = piece.entries.iter().all(|entry| !matches!(entry.kind, EntryKind::Other(_)));
        let torn = !(whole && known);
        for fault in piece.faults {
            self.malformed(format!("{name}, line {number} {fault}"));
        }
        for entry in piece.entries {
            let own = *table.get_or_insert(entry.at.table);
            if torn {
                self.torn.insert(own);
            }
            if form == Form::Table && own != entry.at.table {
                let fault = Malformed::OtherTable { table: own, other: entry.at.table };
                self.malformed(format!("{name}, line {number}: {fault}"));
                continue;
            }
            self.entry(name, number, entry, form == Form::Page || torn)?;
        }
        Ok(())
    }

    /// Take an entry; `alone`: nobody asked for the others of its page.
    fn entry(&mut self, name: &str, number: u64, entry: Entry, alone: bool) -> Result<(), GatherError> {
        let Entry { log, at, backlink, base, kind, content, stored } = entry;
        match (self.out.log, log) {
            (None, log) => self.out.log = log,
            (Some(ours), Some(log)) if ours != log => {
                self.malformed(format!("{name}, line {number}: belongs to log {log}, others belong to log {ours}"));
                return Ok(());
            }
            _ => {}
        }
        let flags = match kind {
            EntryKind::Image => 0,
            EntryKind::Delta => FLAG_DELTA,
            EntryKind::Tombstone => FLAG_DELTA | FLAG_DISCARDED,
            EntryKind::CheckpointEnd | EntryKind::Other(_) => {
                self.out.left_out += 1;
                return Ok(());
            }
        };
        let own_length = |len: u64| u32::try_from(len).unwrap_or(u32::MAX).min(supply::LONGEST);
        let mut marks = if alone { supply::LONE } else { 0 };
        let (data, length) = match content {
            // A record that says that the page is gone has none.
            Content::Length(_) if kind == EntryKind::Tombstone => (Vec::new(), None),
            Content::Length(len) => {
                marks |= supply::LENGTH_ONLY | supply::ABOUT;
                (Vec::new(), Some(own_length(len)))
            }
            // Nobody can read them, and what they were is not known to the byte.
            Content::Bytes(bytes) if is_encrypted(&bytes) => {
                marks |= supply::LENGTH_ONLY | supply::ABOUT | supply::ENCRYPTED;
                (Vec::new(), Some(own_length(bytes.len() as u64)))
            }
            Content::Bytes(bytes) => (bytes, None),
        };
        let supplied = Supplied {
            row: NewRow {
                table: at.table,
                page: at.page,
                lsn: at.lsn,
                backlink_lsn: backlink,
                base_lsn: base,
                flags: flags | marks,
                checkpoint_id: 0,
                data,
            },
            length,
        };
        if let Some(stored) = stored {
            self.gatherer.compare(own_length(stored), own_length(supplied.row.data.len() as u64));
        }
        if let Some(own) = &mut self.own {
            own.insert((at.table, at.page));
        }
        let encrypted = marks & supply::ENCRYPTED != 0;
        let put = self.gatherer.put(&supplied)?;
        let supply = self.out.tables.entry(at.table).or_default();
        match put {
            Put::Same => {}
            Put::New => {
                supply.entries += 1;
                supply.encrypted += u64::from(encrypted);
                supply.lengths += u64::from(length.is_some() && !encrypted);
                supply.highest_lsn = supply.highest_lsn.max(at.lsn);
            }
            Put::Filled { was_encrypted } => {
                let count = if was_encrypted { &mut supply.encrypted } else { &mut supply.lengths };
                *count = count.saturating_sub(1);
            }
            Put::Other(differ) => {
                self.out.conflicts += 1;
                self.note(format!(
                    "{name}, line {number}: table {}, page {}, LSN {} differs from an earlier dump in {}",
                    at.table,
                    at.page,
                    at.lsn,
                    differ.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// The checkpoints before the one to stand on, by their turtle pages: what they need is no orphan, as it is freed
    /// only behind the next one.
    fn older(&mut self, record: Option<Lsn>) -> Result<Vec<(Lsn, String)>, GatherError> {
        let Some(record) = record else { return Ok(Vec::new()) };
        let metadata_lsn = Lsn(record.get().saturating_sub(1));
        for table in TURTLE_TABLES {
            let found = self.gatherer.images_before(table, SPECIAL_PAGE.get(), metadata_lsn, OLDER)?;
            if !found.is_empty() || self.gatherer.has(table, SPECIAL_PAGE.get(), metadata_lsn)? {
                let record = |lsn: Lsn| (Lsn(lsn.get().saturating_add(1)), format!("metadata_lsn={lsn}"));
                return Ok(found.into_iter().map(record).collect());
            }
        }
        Ok(Vec::new())
    }

    /// The completion record to stand on: its LSN and text.
    fn completion(&mut self, wanted: Checkpoint<'_>) -> Result<Option<(Lsn, String)>, GatherError> {
        let record = |text: String, lsn: Lsn| Some((Lsn(lsn.get().saturating_add(1)), text));
        match wanted {
            Checkpoint::Text(text) => {
                let text = text.trim().to_string();
                let parsed = crate::format::completion::parse(text.as_bytes());
                let parsed = parsed.map_err(|e| GatherError::Completion(e.to_string()))?;
                if [0, u64::MAX].contains(&parsed.metadata_lsn.get()) {
                    return Err(GatherError::Completion(format!(
                        "metadata_lsn={} is not the LSN of a page",
                        parsed.metadata_lsn
                    )));
                }
                self.out.checkpoint = Origin::Given;
                Ok(record(text, parsed.metadata_lsn))
            }
            Checkpoint::Log(path) => {
                let texts = completion::in_log(path).map_err(io_of(path))?;
                // Newest first: the one whose turtle page was supplied.
                for (lsn, text) in texts.into_iter().rev() {
                    for table in TURTLE_TABLES {
                        if self.gatherer.has(table, SPECIAL_PAGE.get(), lsn)? {
                            self.out.checkpoint = Origin::ServerLog;
                            return Ok(record(text, lsn));
                        }
                    }
                }
                self.note(format!("{}: does not name any checkpoint whose turtle page was supplied", path.display()));
                self.completion(Checkpoint::NewestTurtle)
            }
            Checkpoint::NewestTurtle => {
                for table in TURTLE_TABLES {
                    if let Some(lsn) = self.gatherer.newest(table, SPECIAL_PAGE.get())? {
                        self.out.checkpoint = Origin::NewestTurtle;
                        return Ok(record(format!("metadata_lsn={lsn}"), lsn));
                    }
                }
                Ok(None)
            }
        }
    }
}
