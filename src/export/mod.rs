//! A store, or one shard of it, as tables for engines that run on many machines (docs/guide/past-one-machine.md).
//!
//! Reading pages is independent page by page: [`pages`] says of each what can be said of it alone, one
//! pass over the rows of the index, in order, on all cores. What joins pages, reachability and sums, is
//! SQL over the tables (`sql/`). The tables are listed in [`table`].

pub mod heads;
pub mod pages;
#[cfg(feature = "parquet")]
mod parquet;
pub mod part;
pub mod set;
pub mod shard;
pub mod table;

use crate::audit::pagelog::Opened;
use crate::audit::{self, AuditError, Progress};
use crate::format::generation::Generation;
use crate::format::image::Era;
use crate::id::{PageId, TableId};
use crate::output::{self, OutputError};
use crate::pagelog::catalog::{self, KEY_TABLE};
use crate::store::{Index, PageLog, StoreError, StoreKind};
use heads::Heads;
use pages::{Ground, Pages, Rows};
use part::{Encoding, Part, Written};
use rayon::prelude::*;
use set::{Conflict, Identity, Making, Manifest, Set, TableSums};
use shard::Shard;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use table::{Edge, Record, Version};

/// Rows of the page log that go into one file, about: a page is not divided.
const ROWS_PER_PART: usize = 1 << 17;
/// Rows between two reports of progress.
const PROGRESS_STEP: u64 = 4096;
/// Problems a manifest names.
const MOST_PROBLEMS: usize = 100;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A file cannot be written.
    #[error("{path}: {reason}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The export would lie in the store.
    #[error("{0} is inside the directory to be exported")]
    Inside(PathBuf),
    /// It would lie in another store.
    #[error(transparent)]
    Output(OutputError),
    /// What lies there is no export.
    #[error("{0} is not an export, and not empty")]
    Foreign(PathBuf),
    /// It cannot lie beside the shards that are there.
    #[error("{dir}: {reason}")]
    Conflict {
        /// The directory.
        dir: PathBuf,
        /// Why.
        reason: String,
    },
}

impl From<StoreError> for ExportError {
    fn from(e: StoreError) -> Self {
        Self::Audit(e.into())
    }
}

/// Which trees are wanted.
pub struct Wanted<'o> {
    /// As it was asked for: shards of one set were asked the same.
    pub glob: String,
    /// Whether it means a tree, by URI.
    pub matches: &'o (dyn Fn(&str) -> bool + Sync),
}

/// What to export and how.
pub struct Options<'o> {
    pub shard: Shard,
    /// The shard is these pages, not those of its number.
    pub own: Option<&'o HashSet<(TableId, PageId)>>,
    /// How to write.
    pub encoding: Encoding,
    /// Which trees; all if `None`.
    pub tables: Option<Wanted<'o>>,
    /// Take this generation instead of the one the evidence gives.
    pub assume: Option<Generation>,
}

/// What an export came to.
#[derive(Debug, Clone)]
pub struct Exported {
    pub manifest: Manifest,
    /// Shards of the set that are not there yet.
    pub missing: Vec<u32>,
}

/// Export a store.
pub fn export(
    store: &dyn PageLog,
    source: &Path,
    out: &Path,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<Exported, ExportError> {
    check_place(source, out)?;
    let shard = options.shard;
    let opened = open(store, if options.own.is_some() { Shard::WHOLE } else { shard }, progress)?;
    let mut reader = store.reader()?;
    let choice = audit::pagelog::choose(&opened, &mut *reader, None)?;
    let mut heads = heads::read(&opened, &mut *reader, &choice, options.assume);
    drop(reader);
    let chosen = Chosen::new(&opened, &heads, options)?;
    if let Some(uris) = &chosen.uris {
        heads.roots.iter_mut().for_each(|r| r.exported = uris.contains(&*r.uri));
    }
    let identity = Identity {
        schema_version: set::SCHEMA_VERSION,
        kind: store.kind(),
        generation: heads.generation.name().to_string(),
        newest_completion: opened.completions.last().map(|c| c.lsn),
        completions: opened.completions.len() as u64,
        lsn_counter: opened.layout.lsn_counter,
        table: options.tables.as_ref().map(|wanted| wanted.glob.clone()),
        encoding: options.encoding,
    };
    let io = |e: io::Error| ExportError::Io { path: out.to_path_buf(), reason: e.to_string() };
    let there = Set::read(out).map_err(io)?;
    there
        .and_then(|set| set.admits(shard, &identity))
        .map_err(|conflict| ExportError::Conflict { dir: out.to_path_buf(), reason: words(&conflict) })?;
    let making = Making::begin(out, shard).map_err(io)?;
    let write = Write { opened: &opened, heads: &heads, chosen: &chosen, options, making: &making, progress };
    let (tables, unreadable) = write.everything()?;
    let problems = opened.problems.iter().chain(&opened.layout.absent).take(MOST_PROBLEMS);
    let mut problems: Vec<String> = problems.map(|p| format!("{}: {}", p.file, p.reason)).collect();
    let supplied = opened.layout.gathered.as_ref().map(|gathered| {
        problems.extend(gathered.notes.iter().take(MOST_PROBLEMS).cloned());
        let own = |table: &TableId| options.own.is_none_or(|own| own.iter().any(|(t, _)| t == table));
        gathered.tables.keys().copied().filter(own).collect()
    });
    let manifest = Manifest { identity, shard, tables, unreadable, problems, supplied };
    making.publish(&manifest).map_err(io)?;
    // Other shards may have come meanwhile.
    let missing = match Set::read(out).map_err(io)? {
        Ok(set) => set.missing(shard.of),
        Err(_) => Vec::new(),
    };
    Ok(Exported { manifest, missing })
}

/// The place must be outside the store, and empty or an export.
fn check_place(source: &Path, out: &Path) -> Result<(), ExportError> {
    let io = |e: io::Error| ExportError::Io { path: out.to_path_buf(), reason: e.to_string() };
    let real = |path: &Path| -> io::Result<PathBuf> {
        // What does not exist yet lies where its nearest ancestor does.
        let path = std::path::absolute(path)?;
        let there = path.ancestors().find(|p| p.exists()).unwrap_or(&path);
        let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
        Ok(fs::canonicalize(there)?.join(rest))
    };
    if real(out).map_err(io)?.starts_with(real(source).map_err(io)?) {
        return Err(ExportError::Inside(out.to_path_buf()));
    }
    output::outside(out).map_err(ExportError::Output)?;
    match fs::read_dir(out) {
        Ok(entries) => {
            let tables: HashSet<&str> = table::TABLES.iter().map(|(name, _)| *name).collect();
            for entry in entries {
                let name = entry.map_err(io)?.file_name();
                if !name.to_str().is_some_and(|n| tables.contains(n) || n.starts_with(['_', '.'])) {
                    return Err(ExportError::Foreign(out.to_path_buf()));
                }
            }
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(io(e)),
    }
}

fn words(conflict: &Conflict) -> String {
    match conflict {
        Conflict::Manifest(reason) => format!("a shard's manifest cannot be read: {reason}"),
        Conflict::Count(other) => format!("holds shard {other}, of a set with a different number of shards"),
        Conflict::Identity(other) => {
            format!("holds shard {other} of another store, of another state of it, or of other tables")
        }
    }
}

/// Read the index: of a shard only its own rows, and those that tell the trees.
fn open<'s>(store: &'s dyn PageLog, shard: Shard, progress: &dyn Progress) -> Result<Opened<'s>, ExportError> {
    if shard.is_whole() {
        return Ok(audit::pagelog::open(store, false, progress)?);
    }
    let own = |table: TableId, page: PageId| catalog::is_head_table(table) || shard.takes(table, page);
    let opened = audit::pagelog::open_part(store, &own, progress)?;
    // A store whose shared metadata lies in another table than any known one is read whole.
    let mut reader = store.reader()?;
    let choice = audit::pagelog::choose(&opened, &mut *reader, None)?;
    let homeless = choice.others.iter().chain(&choice.audited).any(|c| {
        let tree = &c.metadata;
        tree.root.is_some_and(|root| opened.index.find(tree.table, root.page_id, root.lsn).is_none())
    });
    if homeless { Ok(audit::pagelog::open(store, false, progress)?) } else { Ok(opened) }
}

/// Which rows of the index are exported.
struct Chosen<'o> {
    shard: Shard,
    own: Option<&'o HashSet<(TableId, PageId)>>,
    /// With `--table`: these, and those of no tree that every checkpoint needs.
    tables: Option<HashSet<TableId>>,
    uris: Option<HashSet<String>>,
}

impl<'o> Chosen<'o> {
    fn new(opened: &Opened<'_>, heads: &Heads, options: &Options<'o>) -> Result<Self, ExportError> {
        let Some(Wanted { matches: wanted, .. }) = &options.tables else {
            return Ok(Self { shard: options.shard, own: options.own, tables: None, uris: None });
        };
        let wanted_or_shared = |uri: &str| uri == catalog::SHARED_METADATA || wanted(uri);
        let trees: Vec<&(TableId, String)> = heads.tables.iter().filter(|(_, uri)| wanted_or_shared(uri)).collect();
        if !trees.iter().any(|(_, uri)| wanted(uri)) {
            let mut names: Vec<String> = heads.tables.iter().map(|(_, uri)| uri.clone()).collect();
            names.sort_unstable();
            names.dedup();
            return Err(AuditError::NoSuchTable { names }.into());
        }
        let mut tables: HashSet<TableId> = trees.iter().map(|(table, _)| *table).collect();
        tables.extend([catalog::turtle_table(&opened.index), KEY_TABLE]);
        let uris = trees.into_iter().map(|(_, uri)| uri.clone()).collect();
        Ok(Self { shard: options.shard, own: options.own, tables: Some(tables), uris: Some(uris) })
    }

    fn takes(&self, table: TableId, page: PageId) -> bool {
        let mine = self.own.map_or_else(|| self.shard.takes(table, page), |own| own.contains(&(table, page)));
        mine && self.tables.as_ref().is_none_or(|t| t.contains(&table))
    }
}

/// Everything that writing needs.
struct Write<'w> {
    opened: &'w Opened<'w>,
    heads: &'w Heads,
    chosen: &'w Chosen<'w>,
    options: &'w Options<'w>,
    making: &'w Making,
    progress: &'w dyn Progress,
}

type Sums = BTreeMap<String, TableSums>;

fn add(sums: &mut Sums, table: &str, written: Written) {
    let sum = sums.entry(table.to_string()).or_default();
    sum.files += 1;
    sum.rows += written.rows;
    sum.bytes += written.bytes;
}

impl Write<'_> {
    /// All tables; also answers how many blocks could not be read.
    fn everything(&self) -> Result<(Sums, u64), ExportError> {
        let (mut sums, unreadable) = self.pages()?;
        // One shard of a set has what is not divided.
        let mine = self.options.shard.index == 1;
        self.small(self.heads.roots.iter().filter(|_| mine), &mut sums)?;
        self.small(self.heads.keystore.iter().filter(|_| mine), &mut sums)?;
        self.small(self.heads.completions.iter().filter(|_| mine), &mut sums)?;
        Ok((sums, unreadable))
    }

    fn small<'r, R: Record + 'r>(&self, rows: impl Iterator<Item = &'r R>, sums: &mut Sums) -> Result<(), ExportError> {
        let path = self.path::<R>(0)?;
        let write = || {
            let mut part = Part::<R>::create(&path, self.options.encoding)?;
            for row in rows {
                part.push(row)?;
            }
            part.finish()
        };
        let written = write().map_err(|e| failed(&path, &e))?;
        add(sums, R::TABLE, written);
        Ok(())
    }

    fn path<R: Record>(&self, number: usize) -> Result<PathBuf, ExportError> {
        let out = self.making.part(R::TABLE, number, self.options.encoding);
        out.map_err(|e| failed(Path::new(R::TABLE), &e))
    }

    /// The tables `versions` and `edges`.
    fn pages(&self) -> Result<(Sums, u64), ExportError> {
        let index = &self.opened.index;
        let parts = parts(index, self.chosen);
        let total: usize = parts.iter().flatten().map(ExactSizeIterator::len).sum();
        self.progress.phase("exporting pages", Some(total as u64));
        let era = match self.opened.store.kind() {
            StoreKind::Palm => Era::June2025,
            StoreKind::Palite | StoreKind::Local => Era::Current,
        };
        let ground = Ground {
            index,
            era,
            generation: self.heads.generation.name(),
            turtle_table: catalog::turtle_table(index),
            compression: &self.heads.compression,
        };
        let done = AtomicU64::new(0);
        let sums = Mutex::new((Sums::new(), 0_u64));
        let result = parts.par_iter().enumerate().try_for_each(|(number, ranges)| {
            let reader = self.opened.store.reader()?;
            let mut pages = Pages::new(ground, reader);
            let [versions, edges] = [self.path::<Version>(number)?, self.path::<Edge>(number)?];
            let encoding = self.options.encoding;
            let mut out = Out {
                versions: Part::create(&versions, encoding).map_err(|e| failed(&versions, &e))?,
                edges: Part::create(&edges, encoding).map_err(|e| failed(&edges, &e))?,
            };
            let mut unreported = 0;
            let mut count = |rows: u64| {
                unreported += rows;
                if unreported >= PROGRESS_STEP {
                    let before = done.fetch_add(unreported, Ordering::Relaxed);
                    self.progress.at(before + unreported, 0);
                    unreported = 0;
                }
            };
            for range in ranges {
                pages.pages(range.clone(), &mut out, &mut count).map_err(|e| failed(&versions, &e))?;
            }
            let written = [
                (Version::TABLE, out.versions.finish().map_err(|e| failed(&versions, &e))?),
                (Edge::TABLE, out.edges.finish().map_err(|e| failed(&edges, &e))?),
            ];
            let mut sums = sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for (table, written) in written {
                add(&mut sums.0, table, written);
            }
            sums.1 += pages.unreadable;
            Ok(())
        });
        result.map(|()| sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn failed(path: &Path, e: &io::Error) -> ExportError {
    ExportError::Io { path: path.to_path_buf(), reason: e.to_string() }
}

struct Out {
    versions: Part<Version>,
    edges: Part<Edge>,
}

impl Rows for Out {
    fn version(&mut self, version: Version) -> io::Result<()> {
        self.versions.push(&version)
    }

    fn edge(&mut self, edge: Edge) -> io::Result<()> {
        self.edges.push(&edge)
    }
}

/// The rows that are exported, as positions in the index, divided into parts. There is at least one.
fn parts(index: &Index, chosen: &Chosen<'_>) -> Vec<Vec<Range<usize>>> {
    let mut parts = Vec::new();
    let mut part: Vec<Range<usize>> = Vec::new();
    let mut rows = 0;
    for page in index.pages() {
        if !index.get(page.start).is_some_and(|r| chosen.takes(r.table, r.page)) {
            continue;
        }
        rows += page.len();
        match part.last_mut() {
            Some(last) if last.end == page.start => last.end = page.end,
            _ => part.push(page),
        }
        if rows >= ROWS_PER_PART {
            parts.push(std::mem::take(&mut part));
            rows = 0;
        }
    }
    if !part.is_empty() || parts.is_empty() {
        parts.push(part);
    }
    parts
}
