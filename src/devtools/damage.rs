//! Injure a copy of a store in a named way, and say what was done.
//!
//! The place is chosen by number among the pages of a kind that the audited checkpoint reaches, in tree
//! order, so that the same injury can be made again. The checksum of what is altered is left as it was.

use super::{DevError, io_error};
use crate::audit::home::{self as local_audit, FileMap};
use crate::audit::{self, Silent};
use crate::below::Below;
use crate::home::space::{Account, Use};
use crate::id::{Lsn, PageId, TableId};
use crate::model::fault::{Alter, Deed, Fault, Role, Row as Line};
use crate::page::Depth;
use crate::page::cell::CellKind;
use crate::pagelog::catalog::{self, SHARED_METADATA};
use crate::pagelog::chain::Chain;
use crate::pagelog::walk::{self, Visited, Visitor};
use crate::repair::copy;
use crate::store::edit::{Edit, Ledger, Side, Value};
use crate::store::palite::PaliteLedger;
use crate::store::palm;
use crate::store::{self, OpenOptions, Row, StoreError, StoreKind};
use crate::subject::{Subject, open_home};
use serde::Serialize;
use std::fs::{self, File, OpenOptions as FileOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Serialize)]
pub struct Done {
    pub injury: Fault,
    /// Where, in words.
    pub place: String,
    /// Table of the page, if it is one of a page log.
    pub table_id: Option<TableId>,
    pub page_id: Option<PageId>,
    pub lsn: Option<Lsn>,
    /// The file, if the injury is one to a file.
    pub file: Option<String>,
    /// Byte offset in the file.
    pub offset: Option<u64>,
}

/// Copy a store to `to`, which must not exist, and injure the copy. `nth` chooses among places.
pub fn damage(from: &Path, to: &Path, injury: Fault, nth: usize) -> Result<Done, DevError> {
    let parent = crate::scratch::directory_of(to);
    let above = crate::below::Below::open(parent).map_err(|e| crate::store::StoreError::io(parent, &e))?;
    copy::directory(from, &above, to, &Silent)?;
    match Subject::open(to).store()? {
        Some(located) => page_log(to, &located.kv_home, injury, nth),
        None => home(to, injury, nth),
    }
}

fn done(injury: Fault, place: String) -> Done {
    Done { injury, place, table_id: None, page_id: None, lsn: None, file: None, offset: None }
}

/// The pages that the audited checkpoint reaches.
#[derive(Default)]
struct Pages {
    metadata_tree: usize,
    leaves: Vec<Chain>,
    internal: Vec<Chain>,
    metadata: Vec<Chain>,
}

impl Visitor for Pages {
    fn page(&mut self, tree: usize, page: &Visited) {
        let list = match page.kind {
            _ if tree == self.metadata_tree => &mut self.metadata,
            CellKind::AddrInternal => &mut self.internal,
            _ => &mut self.leaves,
        };
        list.extend(page.chain);
    }

    fn fault(&mut self, _tree: usize, _fault: crate::pagelog::fault::Fault) {}
}

fn page_log(home: &Path, kv_home: &Path, injury: Fault, nth: usize) -> Result<Done, DevError> {
    let Deed::Puts(role, alter) = injury.row().deed else {
        return Err(DevError::Impossible("that is done while a store is written, by wtcheck-dev forge".into()));
    };
    if role == Role::File {
        let of_pages = |name: &str| name.starts_with("pages_") && name.ends_with(".db") || name == "data.mdb";
        return alter_file(&largest(kv_home, of_pages)?, 0..u64::MAX, injury, alter);
    }
    let (edit, kind, done) = {
        let store = store::open(home, &OpenOptions::default())?;
        let opened = audit::pagelog::open(&*store, false, &Silent)?;
        let mut reader = store.reader()?;
        let choice = audit::pagelog::choose(&opened, &mut *reader, None)?;
        let checkpoint = choice.audited.ok_or_else(|| DevError::Impossible("no checkpoint can be used".into()))?;
        let trees = catalog::read(&opened.index, &mut *reader, &checkpoint).trees;
        let metadata_tree = trees.iter().position(|t| t.uri == SHARED_METADATA).unwrap_or(usize::MAX);
        let mut pages = Pages { metadata_tree, ..Pages::default() };
        let options = walk::Options { depth: Depth::Quick, jobs: 1, entered: None, marks: None };
        walk::walk(&*store, &opened.index, &trees, options, &mut pages)?;
        let newest = |pages: &[Chain]| pick(pages, nth, |_| true).map(|c| c.newest);
        let place = match role {
            Role::Completion | Role::File => None,
            Role::Turtle => Some(checkpoint.turtle_at),
            Role::Metadata => newest(&pages.metadata),
            Role::Internal => newest(&pages.internal),
            Role::Leaf => newest(&pages.leaves),
            Role::Base => pick(&pages.leaves, nth, |c| c.newest > c.base).map(|c| c.base),
        };
        match place.and_then(|at| opened.index.get(at)) {
            Some(Row { table, page, lsn, .. }) => {
                let done = done(injury, format!("table {table}, page {page}, LSN {lsn}"));
                let done = Done { table_id: Some(table), page_id: Some(page), lsn: Some(lsn), ..done };
                (Edit::Remove { table, page, lsn }, store.kind(), done)
            }
            None if role == Role::Completion => {
                let lsn = checkpoint.lsn;
                let done = Done { lsn: Some(lsn), ..done(injury, "the newest completion record".into()) };
                (Edit::RemoveCompletion { lsn }, store.kind(), done)
            }
            None => return Err(DevError::Impossible("the checkpoint has no such page".into())),
        }
    };
    let mut ledger: Box<dyn Ledger> = match kind {
        StoreKind::Palm => palm::ledger(Below::open(kv_home).map_err(|e| StoreError::io(kv_home, &e))?)?,
        StoreKind::Palite | StoreKind::Local => Box::new(PaliteLedger::open(kv_home)?),
    };
    // Taking the record out says what it holds; what is to be altered is put back otherwise.
    let mut changes = ledger.translate(&[edit])?;
    for change in &mut changes {
        let mut after = change.before.clone().unwrap_or_default();
        let content = ["page_data", "checkpoint_metadata", "value"];
        let kept =
            after.iter_mut().filter(|f| content.contains(&f.name.as_str())).all(|field| match &mut field.value {
                Value::Blob(bytes) => alter(bytes),
                _ => true,
            });
        change.after = kept.then_some(after);
    }
    ledger.carry_out(&changes, Side::After)?;
    Ok(done)
}

fn pick(pages: &[Chain], nth: usize, fits: impl Fn(&Chain) -> bool) -> Option<Chain> {
    let fitting: Vec<&Chain> = pages.iter().filter(|c| fits(c)).collect();
    fitting.get(nth.checked_rem(fitting.len())?).map(|c| **c)
}

/// The largest file whose name fits.
fn largest(dir: &Path, fits: impl Fn(&str) -> bool) -> Result<PathBuf, DevError> {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error(dir))? {
        let entry = entry.map_err(io_error(dir))?;
        if fits(&entry.file_name().to_string_lossy()) {
            files.push((entry.metadata().map_err(io_error(dir))?.len(), entry.path()));
        }
    }
    // The last by name among equals.
    files.into_iter().max().map(|f| f.1).ok_or_else(|| DevError::Impossible("no file of pages".into()))
}

/// A home of local block files.
fn home(dir: &Path, injury: Fault, nth: usize) -> Result<Done, DevError> {
    let of_user = |name: &str| name.ends_with(".wt") && !name.starts_with("WiredTiger") && !name.starts_with('_');
    let (role, alter) = match injury.row() {
        Line { deed: Deed::Puts(role, alter), home, .. } if !home.is_empty() => (role, alter),
        _ => return Err(DevError::Impossible("that is an injury of page logs; this is a home of block files".into())),
    };
    if role == Role::Turtle || role == Role::File {
        let of_turtle = |name: &str| name == "WiredTiger.turtle";
        let path = if role == Role::Turtle { largest(dir, of_turtle) } else { largest(dir, of_user) };
        return alter_file(&path?, 0..u64::MAX, injury, alter);
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
            _ if role == Role::Internal => internal.spans().collect(),
            Some(tree) => tree.without(internal).without(overflow).spans().collect(),
            None => Vec::new(),
        }
    };
    let blocks: Vec<(&FileMap, u64)> =
        maps.iter().flat_map(|map| wanted(map).into_iter().map(move |span| (map, span.start))).collect();
    let at = nth.checked_rem(blocks.len()).and_then(|at| blocks.get(at));
    let (map, start) = at.ok_or_else(|| DevError::Impossible("no file has such a block".into()))?;
    // Behind the block's own headers, which take 44 bytes, whatever its size.
    alter_file(&dir.join(&map.file), *start..start + 200, injury, alter)
}

/// Alter bytes of a file, as many of them as there are; or the whole file, which may be lost or change its length.
fn alter_file(path: &Path, range: Range<u64>, injury: Fault, alter: Alter) -> Result<Done, DevError> {
    let change = |file: File| {
        let end = range.end.min(file.metadata()?.len());
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(range.start)).unwrap_or(0)];
        file.read_exact_at(&mut bytes, range.start)?;
        let before = bytes.clone();
        if !alter(&mut bytes) {
            return fs::remove_file(path).map(|()| None);
        }
        file.write_all_at(&bytes, range.start)?;
        if bytes.len() != before.len() {
            return file.set_len(bytes.len() as u64).map(|()| None);
        }
        Ok(before.iter().zip(&bytes).position(|(a, b)| a != b).map(|at| range.start + at as u64))
    };
    let offset = FileOptions::new().read(true).write(true).open(path).and_then(change).map_err(io_error(path))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let place = offset.map_or(name.clone(), |offset| format!("{name} at {offset}"));
    Ok(Done { file: Some(name), offset, ..done(injury, place) })
}
