//! Injure a copy of a store in a named way, and say what was done.
//!
//! The place is chosen by number among the pages of a kind that the audited checkpoint reaches, in tree
//! order, so that the same injury can be made again. The checksum of what is altered is left as it was.

use crate::audit::home::{self as local_audit, FileMap};
use crate::audit::{self, Silent};
use crate::home::space::{Account, Use};
use crate::id::{Lsn, PageId, TableId};
use crate::page::Depth;
use crate::page::cell::CellKind;
use crate::pagelog::catalog::{self, SHARED_METADATA};
use crate::pagelog::fault::Fault;
use crate::pagelog::walk::{self, Visited, Visitor};
use crate::repair::{self, copy};
use crate::store::edit::{Change, Edit, Field, Ledger, Side, Value};
use crate::store::palite::PaliteLedger;
use crate::store::palm::PalmLedger;
use crate::store::{self, OpenOptions, Row, StoreError, StoreKind};
use crate::subject::{NoStore, Subject, open_home};
use serde::Serialize;
use std::fs::{self, File, OpenOptions as FileOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A way to injure a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Injury {
    /// Flip a bit of a leaf.
    FlipLeaf,
    /// Flip a bit of an internal page.
    FlipInternal,
    /// Flip a bit of a page of the shared metadata (page logs).
    FlipMetadata,
    /// Flip a bit of the newest turtle page, or of the turtle file.
    FlipTurtle,
    /// Cut a leaf's newest block in half (page logs).
    CutLeaf,
    /// Fill a leaf with zeros.
    ZeroLeaf,
    /// Take away the newest block of a leaf (page logs).
    LoseLeaf,
    /// Take away the full image below deltas (page logs).
    LoseBase,
    /// Take away the newest block of an internal page (page logs).
    LoseInternal,
    /// Take away the newest completion record (page logs).
    LoseCompletion,
    /// Take away the largest file of pages.
    LoseFile,
    /// Cut the largest file of pages to 60 percent.
    CutFile,
    /// Append 4,096 bytes of garbage to the largest file of pages.
    AppendGarbage,
}

/// Why a store could not be injured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DamageError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none.
    #[error(transparent)]
    Subject(#[from] NoStore),
    /// It cannot be audited.
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    /// It cannot be copied.
    #[error(transparent)]
    Copy(#[from] repair::RepairError),
    /// A file cannot be changed.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is nothing of the kind to injure.
    #[error("{0}")]
    Nothing(String),
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// The injury.
    pub injury: Injury,
    /// Where, in words.
    pub place: String,
    /// Table of the page, if it is one of a page log.
    pub table_id: Option<TableId>,
    /// Its page id.
    pub page_id: Option<PageId>,
    /// LSN of the block.
    pub lsn: Option<Lsn>,
    /// The file, if the injury is one to a file.
    pub file: Option<String>,
    /// Byte offset in the file.
    pub offset: Option<u64>,
}

/// Copy a store to `to`, which must not exist, and injure the copy. `nth` chooses among places.
pub fn damage(from: &Path, to: &Path, injury: Injury, nth: usize) -> Result<Done, DamageError> {
    copy::directory(from, to, &Silent)?;
    match Subject::open(to).store()? {
        Some(located) => page_log(to, &located.kv_home, injury, nth),
        None => home(to, injury, nth),
    }
}

fn done(injury: Injury, place: String) -> Done {
    Done { injury, place, table_id: None, page_id: None, lsn: None, file: None, offset: None }
}

/// The pages that the audited checkpoint reaches.
#[derive(Default)]
struct Pages {
    metadata_tree: usize,
    leaves: Vec<(usize, Visited)>,
    internal: Vec<(usize, Visited)>,
    metadata: Vec<(usize, Visited)>,
}

impl Visitor for Pages {
    fn page(&mut self, tree: usize, page: &Visited) {
        let list = match page.kind {
            _ if tree == self.metadata_tree => &mut self.metadata,
            CellKind::AddrInternal => &mut self.internal,
            _ => &mut self.leaves,
        };
        list.push((tree, *page));
    }

    fn fault(&mut self, _tree: usize, _fault: Fault) {}
}

fn page_log(home: &Path, kv_home: &Path, injury: Injury, nth: usize) -> Result<Done, DamageError> {
    use Injury::*;
    if matches!(injury, LoseFile | CutFile | AppendGarbage) {
        return file(kv_home, injury, |name| name.starts_with("pages_") && name.ends_with(".db") || name == "data.mdb");
    }
    let (row, kind) = {
        let store = store::open(home, &OpenOptions::default())?;
        let opened = audit::pagelog::open(&*store, false, &Silent)?;
        let mut reader = store.reader()?;
        let choice = audit::pagelog::choose(&opened, &mut *reader, None)?;
        let checkpoint = choice.audited.ok_or_else(|| DamageError::Nothing("no checkpoint can be used".into()))?;
        if injury == LoseCompletion {
            let edits = [Edit::RemoveCompletion { lsn: checkpoint.lsn }];
            carry_out(kv_home, store.kind(), &edits, |_| ())?;
            return Ok(Done { lsn: Some(checkpoint.lsn), ..done(injury, "the newest completion record".into()) });
        }
        let trees = catalog::read(&opened.index, &mut *reader, &checkpoint).trees;
        let metadata_tree = trees.iter().position(|t| t.uri == SHARED_METADATA).unwrap_or(usize::MAX);
        let mut pages = Pages { metadata_tree, ..Pages::default() };
        let options = walk::Options { depth: Depth::Quick, jobs: 1, entered: None, marks: None };
        walk::walk(&*store, &opened.index, &trees, options, &mut pages)?;
        let place = match injury {
            FlipTurtle => Some(checkpoint.turtle_at),
            FlipMetadata => pick(&pages.metadata, nth, |_| true).and_then(|p| p.chain).map(|c| c.newest),
            FlipInternal | LoseInternal => pick(&pages.internal, nth, |_| true).and_then(|p| p.chain).map(|c| c.newest),
            LoseBase => {
                let chained = |p: &Visited| p.chain.is_some_and(|c| c.newest > c.base);
                pick(&pages.leaves, nth, chained).and_then(|p| p.chain).map(|c| c.base)
            }
            _ => pick(&pages.leaves, nth, |p| p.chain.is_some()).and_then(|p| p.chain).map(|c| c.newest),
        };
        let row = place.and_then(|at| opened.index.get(at));
        (row.ok_or_else(|| DamageError::Nothing("the checkpoint has no such page".into()))?, store.kind())
    };
    let Row { table, page, lsn, .. } = row;
    // Taking the row out says what it holds; what is to be altered is put back otherwise.
    carry_out(kv_home, kind, &[Edit::Remove { table, page, lsn }], |change| {
        let Some(before) = &change.before else { return };
        let alter = |field: &Field| match &field.value {
            Value::Blob(bytes) if ["page_data", "value"].contains(&field.name.as_str()) => {
                Field { name: field.name.clone(), value: Value::Blob(altered(bytes, injury)) }
            }
            _ => field.clone(),
        };
        if !matches!(injury, LoseLeaf | LoseBase | LoseInternal) {
            change.after = Some(before.iter().map(alter).collect());
        }
    })?;
    let place = format!("table {table}, page {page}, LSN {lsn}");
    Ok(Done { table_id: Some(table), page_id: Some(page), lsn: Some(lsn), ..done(injury, place) })
}

fn pick(pages: &[(usize, Visited)], nth: usize, fits: impl Fn(&Visited) -> bool) -> Option<&Visited> {
    let fitting: Vec<&Visited> = pages.iter().map(|(_, p)| p).filter(|p| fits(p)).collect();
    fitting.get(nth.checked_rem(fitting.len())?).copied()
}

fn carry_out(
    kv_home: &Path,
    kind: StoreKind,
    edits: &[Edit],
    mut alter: impl FnMut(&mut Change),
) -> Result<(), DamageError> {
    let mut ledger: Box<dyn Ledger> = match kind {
        StoreKind::Palm => Box::new(PalmLedger::open(kv_home)?),
        StoreKind::Palite | StoreKind::Local => Box::new(PaliteLedger::open(kv_home)?),
    };
    let mut changes = ledger.translate(edits)?;
    changes.iter_mut().for_each(&mut alter);
    Ok(ledger.carry_out(&changes, Side::After)?)
}

/// What becomes of the bytes of a page.
fn altered(bytes: &[u8], injury: Injury) -> Vec<u8> {
    let mut out = bytes.to_vec();
    match injury {
        Injury::CutLeaf => out.truncate(bytes.len() / 2),
        Injury::ZeroLeaf => out.fill(0),
        _ => {
            // Behind the headers, where nothing but the checksum can tell.
            let middle = out.len() / 2;
            out.iter_mut().skip(middle).take(1).for_each(|b| *b ^= 0x10);
        }
    }
    out
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DamageError + '_ {
    |error| DamageError::Io { path: path.to_path_buf(), error }
}

/// Injure the largest file whose name fits.
fn file(dir: &Path, injury: Injury, fits: impl Fn(&str) -> bool) -> Result<Done, DamageError> {
    let mut files: Vec<(u64, String)> = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error(dir))? {
        let entry = entry.map_err(io_error(dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if fits(&name) {
            files.push((entry.metadata().map_err(io_error(dir))?.len(), name));
        }
    }
    // The last by name among equals.
    let (len, name) = files.into_iter().max().ok_or_else(|| DamageError::Nothing("no file of pages".into()))?;
    let path = dir.join(&name);
    let writable = || FileOptions::new().write(true).open(&path);
    match injury {
        Injury::LoseFile => fs::remove_file(&path),
        Injury::CutFile => writable().and_then(|f| f.set_len(len / 5 * 3)),
        _ => writable().and_then(|f| f.write_all_at(&[0xa5; 4096], len)),
    }
    .map_err(io_error(&path))?;
    Ok(Done { file: Some(name.clone()), ..done(injury, name) })
}

/// A home of local block files.
fn home(dir: &Path, injury: Injury, nth: usize) -> Result<Done, DamageError> {
    use Injury::*;
    let of_user = |name: &str| name.ends_with(".wt") && !name.starts_with("WiredTiger") && !name.starts_with('_');
    match injury {
        LoseFile | CutFile | AppendGarbage => return file(dir, injury, of_user),
        FlipTurtle => {
            let path = dir.join("WiredTiger.turtle");
            let len = fs::metadata(&path).map_err(io_error(&path))?.len();
            write_at(&path, len / 2, |bytes| bytes.iter_mut().take(1).for_each(|b| *b ^= 0x10), 1)?;
            let file = Some("WiredTiger.turtle".to_string());
            return Ok(Done { file, offset: Some(len / 2), ..done(injury, "the turtle file".into()) });
        }
        FlipLeaf | FlipInternal | ZeroLeaf => {}
        _ => return Err(DamageError::Nothing("that is an injury of page logs; this is a home of block files".into())),
    }
    let mut maps = {
        let (home, _) = open_home(dir, false, false)?;
        let options = local_audit::Options { checkpoint: None, depth: Depth::Normal, no_mmap: false, tables: None };
        local_audit::run(&home, "HOME", &options, &Silent)?.1
    };
    maps.retain(|m| of_user(&m.file));
    let wanted = |map: &FileMap| {
        let Account { internal, overflow, .. } = &map.account;
        match map.account.of(Use::Tree) {
            _ if injury == FlipInternal => internal.spans().collect(),
            Some(tree) => tree.without(internal).without(overflow).spans().collect(),
            None => Vec::new(),
        }
    };
    let blocks: Vec<(&FileMap, u64)> =
        maps.iter().flat_map(|map| wanted(map).into_iter().map(move |span| (map, span.start))).collect();
    let at = nth.checked_rem(blocks.len()).and_then(|at| blocks.get(at));
    let (map, start) = at.ok_or_else(|| DamageError::Nothing("no file has such a block".into()))?;
    let path = dir.join(&map.file);
    let offset = match injury {
        // The block's own headers take 44 bytes; its first kilobyte is behind them, whatever its size.
        ZeroLeaf => *start,
        _ => start + 100,
    };
    let zero = injury == ZeroLeaf;
    let len = if zero { 512 } else { 1 };
    write_at(&path, offset, |bytes| bytes.iter_mut().for_each(|b| *b = if zero { 0 } else { *b ^ 0x10 }), len)?;
    let place = format!("{} at {offset}", map.file);
    Ok(Done { file: Some(map.file.clone()), offset: Some(offset), ..done(injury, place) })
}

fn write_at(path: &Path, offset: u64, alter: impl Fn(&mut [u8]), len: usize) -> Result<(), DamageError> {
    let change = |file: File| {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, offset)?;
        alter(&mut bytes);
        file.write_all_at(&bytes, offset)
    };
    FileOptions::new().read(true).write(true).open(path).and_then(change).map_err(io_error(path))
}
