//! The PALM store: an LMDB environment under `kv_home/`.
//!
//! The data file is mapped once, read-only, at the size it has then; the lock file is neither made
//! nor touched. All structure is read by [`lmdb`], all keys by [`decode_page_key`] and
//! [`decode_checkpoint_key`].

mod layouts;
pub mod lmdb;
mod lmdb_page;
pub mod page_set;
#[cfg(feature = "palm-repair")]
mod sets;
#[cfg(feature = "palm-repair")]
mod write;

#[cfg(feature = "palm-repair")]
pub use write::PalmLedger;

use self::lmdb::{Db, Env, Fault, State};
use super::edit::Ledger;
use super::{
    Affected, BlockReader, CompletionRow, FLAG_DELTA, Index, Inspect, Layout, Own, PageLog, Problem, Row, Seal,
    StoreError, StoreKind,
};
use crate::below::Below;
use crate::format::reader::Reader;
use crate::format::{self, FormatError};
use crate::id::{Lsn, PageId, TableId};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Open the store in a directory for changes.
///
/// # Errors
/// As of [`writable`], and what the writer says of the store.
#[cfg_attr(not(feature = "palm-repair"), allow(clippy::needless_pass_by_value, reason = "the writer keeps it"))]
pub fn ledger(kv_home: Below) -> Result<Box<dyn Ledger>, StoreError> {
    writable(kv_home.path())?;
    #[cfg(feature = "palm-repair")]
    return Ok(Box::new(PalmLedger::at(kv_home)?));
    #[cfg(not(feature = "palm-repair"))]
    Err(StoreError::NoWriter { path: kv_home.path().to_path_buf() })
}

/// Whether this build can change such a store. It takes the LMDB C library, which nothing else needs.
///
/// # Errors
/// [`StoreError::NoWriter`] where it was built without.
pub fn writable(kv_home: &Path) -> Result<(), StoreError> {
    match cfg!(feature = "palm-repair") {
        true => Ok(()),
        false => Err(StoreError::NoWriter { path: kv_home.to_path_buf() }),
    }
}

const DATA: &str = "data.mdb";
const LOCK: &str = "lock.mdb";

const PAGES: &[u8] = b"pages";
const CHECKPOINTS: &[u8] = b"checkpoints";
const GLOBALS: &[u8] = b"globals";
/// Counter: the LSN that is given out next.
const NEXT_LSN: u32 = 0;
/// Counter: the id of the checkpoint that was completed last.
const COMPLETED: u32 = 1;

/// Length of a key of the database `pages`.
pub const PAGE_KEY_LEN: usize = 88;
/// Length of a key of the database `checkpoints`.
pub const CHECKPOINT_KEY_LEN: usize = 24;

/// So many problems are told one by one; garbage could fill memory with them otherwise.
pub const MAX_PROBLEMS: usize = 1000;
/// Progress is told once in so many rows.
const PROGRESS_STEP: usize = 4096;

/// A key of the database `pages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    /// Table (btree) id.
    pub table: TableId,
    pub page: PageId,
    /// LSN of this block.
    pub lsn: Lsn,
    /// Checkpoint the block was written for.
    pub checkpoint_id: u64,
    pub is_delta: bool,
    /// LSN of the block this one follows.
    pub backlink_lsn: Lsn,
    /// LSN of the chain's full image.
    pub base_lsn: Lsn,
    /// Checkpoint of the block this one follows.
    pub backlink_checkpoint_id: u64,
    /// Checkpoint of the chain's full image.
    pub base_checkpoint_id: u64,
    /// Page-log flags.
    pub flags: u32,
    /// Wall clock time, in microseconds, from which on readers were shown the block.
    pub materialized_us: u64,
}

/// A key of the database `checkpoints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointKey {
    /// LSN of the completion record.
    pub lsn: Lsn,
    pub checkpoint_id: u64,
    pub timestamp: u64,
}

fn expect_len(bytes: &[u8], len: usize) -> format::Result<()> {
    if bytes.len() == len {
        return Ok(());
    }
    Err(FormatError::invalid(format!("a key of {} bytes, not {len}", bytes.len())))
}

/// Decode a key of the database `pages`: the sorting fields are big-endian, the others little-endian.
pub fn decode_page_key(bytes: &[u8]) -> format::Result<PageKey> {
    expect_len(bytes, PAGE_KEY_LEN)?;
    let mut r = Reader::new(bytes);
    let table = r.array().map(u64::from_be_bytes)?;
    let page = r.array().map(u64::from_be_bytes)?;
    let lsn = r.array().map(u64::from_be_bytes)?;
    let checkpoint_id = r.array().map(u64::from_be_bytes)?;
    let is_delta = match r.array().map(u32::from_be_bytes)? {
        0 => false,
        1 => true,
        other => return Err(FormatError::invalid(format!("is_delta is {other}"))),
    };
    r.take(4)?;
    let backlink_lsn = r.u64le()?;
    let base_lsn = r.u64le()?;
    let backlink_checkpoint_id = r.u64le()?;
    let base_checkpoint_id = r.u64le()?;
    let flags = r.u32le()?;
    r.take(4)?;
    let materialized_us = r.u64le()?;
    Ok(PageKey {
        table: TableId(table),
        page: PageId(page),
        lsn: Lsn(lsn),
        checkpoint_id,
        is_delta,
        backlink_lsn: Lsn(backlink_lsn),
        base_lsn: Lsn(base_lsn),
        backlink_checkpoint_id,
        base_checkpoint_id,
        flags,
        materialized_us,
    })
}

/// Decode a key of the database `checkpoints`.
pub fn decode_checkpoint_key(bytes: &[u8]) -> format::Result<CheckpointKey> {
    expect_len(bytes, CHECKPOINT_KEY_LEN)?;
    let mut r = Reader::new(bytes);
    let lsn = r.array().map(u64::from_be_bytes)?;
    Ok(CheckpointKey { lsn: Lsn(lsn), checkpoint_id: r.u64le()?, timestamp: r.u64le()? })
}

/// Encode a key of the database `pages`.
#[cfg(feature = "palm-repair")]
pub fn encode_page_key(key: &PageKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(PAGE_KEY_LEN);
    for field in [key.table.get(), key.page.get(), key.lsn.get(), key.checkpoint_id] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(&u32::from(key.is_delta).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    for field in [key.backlink_lsn.get(), key.base_lsn.get(), key.backlink_checkpoint_id, key.base_checkpoint_id] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&key.flags.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&key.materialized_us.to_le_bytes());
    out
}

/// Encode a key of the database `checkpoints`.
#[cfg(feature = "palm-repair")]
pub fn encode_checkpoint_key(key: &CheckpointKey) -> Vec<u8> {
    [key.lsn.get().to_be_bytes(), key.checkpoint_id.to_le_bytes(), key.timestamp.to_le_bytes()].concat()
}

/// A PALM page log.
///
/// [`Row::locator`] is the offset of the stored bytes in `data.mdb`, where they lie in one piece.
/// [`Row::flags`] are those of the key, with [`FLAG_DELTA`] added if the key says `is_delta`. Rows
/// of the same table, page and LSN but of different checkpoints are all kept, in the order of
/// their checkpoint ids.
///
/// Files in problems and in the layout are named relative to `kv_home`.
#[derive(Debug)]
pub struct Palm {
    path: PathBuf,
    lock: PathBuf,
    file: File,
    bytes: Bytes,
    state: State,
    /// What opening found: an unusable meta page, or a newest state that cannot be read.
    found: Vec<Problem>,
    /// The keys have another layout: nothing is read.
    other: Option<Problem>,
}

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    Read(Vec<u8>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Read(bytes) => bytes,
        }
    }
}

#[allow(unsafe_code)]
pub fn map(file: &File, len: usize) -> io::Result<memmap2::Mmap> {
    // SAFETY: the file is a regular file opened read-only, and `len` is its size, so every mapped
    // byte is backed. Another process may still write or shrink the file: the bytes are plain `u8`
    // behind bounds-checked slices, every decoder takes any content, and nothing decoded is kept
    // as a reference that relies on it. A file cut while mapped ends the process with SIGBUS (it
    // cannot read beyond the mapping); `--no-mmap` is for such sources.
    unsafe { memmap2::MmapOptions::new().len(len).map(file) }
}

fn read_all(file: &File, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    let mut file = file;
    file.by_ref().take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() < len {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{} of {len} bytes read", bytes.len())));
    }
    Ok(bytes)
}

/// How far a state can be read: main database, pages, completion records, in order of weight.
fn readable(env: &Env<'_>) -> (bool, bool, bool) {
    let root = |name| env.database(name).0.is_some_and(|db| env.can_enter(&db));
    (env.can_enter(&env.state().main), root(PAGES), root(CHECKPOINTS))
}

/// What the counters of a store say; a counter that is not there says nothing.
struct Counters {
    last_lsn: Option<Lsn>,
    last_completed: Option<u64>,
}

impl Palm {
    /// Open the environment in `kv_home`, by mapping it or, with `no_mmap`, by reading it into memory.
    pub fn open(kv_home: &Path, no_mmap: bool) -> Result<Self, StoreError> {
        let path = kv_home.join(DATA);
        let unreadable = |reason: String| StoreError::Unreadable { path: path.clone(), reason };
        // The kind is asked before opening, because opening a named pipe would wait for a writer.
        let meta = fs::metadata(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                StoreError::NoPageLog { path: kv_home.to_path_buf(), reason: format!("it has no {DATA}") }
            }
            _ => StoreError::io(&path, &e),
        })?;
        if !meta.is_file() {
            return Err(unreadable("not a regular file".into()));
        }
        let file = super::regular_file(&path).map_err(|e| StoreError::io(&path, &e))?;
        let meta = file.metadata().map_err(|e| StoreError::io(&path, &e))?;
        if !meta.is_file() {
            return Err(unreadable("not a regular file".into()));
        }
        let len = usize::try_from(meta.len()).map_err(|_| unreadable("too large for this machine".into()))?;
        if len == 0 {
            return Err(unreadable("the file is empty".into()));
        }
        let bytes = if no_mmap { read_all(&file, len).map(Bytes::Read) } else { map(&file, len).map(Bytes::Mapped) }
            .map_err(|e| StoreError::io(&path, &e))?;

        let (states, faults) = Env::states(&bytes).map_err(|e| unreadable(e.message))?;
        let mut found: Vec<Problem> = faults.iter().map(|f| problem(format!("meta {f}"), Affected::All)).collect();
        let newest = states.first().ok_or_else(|| unreadable("no usable LMDB meta page".into()))?;
        // The state before the newest one is still complete: a transaction never overwrites the
        // pages of its predecessor. It is one commit old, so it is taken only if more of it is left.
        let mut state = newest;
        let mut best = readable(&Env::new(&bytes, *newest));
        for other in states.iter().skip(1) {
            let got = readable(&Env::new(&bytes, *other));
            if got > best {
                (state, best) = (other, got);
            }
        }
        if state != newest {
            let reason = format!(
                "the newest state (transaction {}) has lost a root page; reading the one before it (transaction {})",
                newest.txn, state.txn
            );
            found.push(problem(reason, Affected::All));
        }
        let env = Env::new(&bytes, *state);
        let (pages, faults) = env.database(PAGES);
        if pages.is_none() && faults.is_empty() && env.database(CHECKPOINTS).0.is_none() && found.is_empty() {
            return Err(StoreError::NoPageLog {
                path: kv_home.to_path_buf(),
                reason: format!("{DATA} is an LMDB environment, but has no database `pages` or `checkpoints`"),
            });
        }
        let other = layouts::other(&env).map(|layout| {
            let reason =
                "its keys are those of PALM of September and October 2025, which wtcheck does not read".to_string();
            Problem { io: Some(layout), ..problem(reason, Affected::All) }
        });
        let state = *state;
        Ok(Self { lock: kv_home.join(LOCK), path, file, bytes, state, found, other })
    }

    /// The environment as it was when the store was opened.
    fn env(&self) -> Result<Env<'_>, StoreError> {
        self.check_size()?;
        Ok(Env::new(&self.bytes, self.state))
    }

    /// A file cut since it was mapped is refused while that is still possible.
    fn check_size(&self) -> Result<(), StoreError> {
        if matches!(self.bytes, Bytes::Read(_)) {
            return Ok(());
        }
        let meta = self.file.metadata();
        let meta = meta.map_err(|e| StoreError::io(&self.path, &e))?;
        if meta.len() < self.bytes.len() as u64 {
            let reason = format!("the file shrank from {} to {} bytes while open", self.bytes.len(), meta.len());
            return Err(StoreError::Damaged { path: self.path.clone(), reason });
        }
        Ok(())
    }

    fn counters(env: &Env<'_>) -> (Counters, Problems) {
        let mut problems = Problems::default();
        let (mut next, mut last_completed) = (None, None);
        walk(env, GLOBALS, Affected::Counters, &mut problems, |key, value, _, _| {
            let (what, counter) = if key == NEXT_LSN.to_le_bytes() {
                ("the LSN counter", &mut next)
            } else if key == COMPLETED.to_le_bytes() {
                ("the number of the last completed checkpoint", &mut last_completed)
            } else {
                return Ok(());
            };
            let value = <[u8; 8]>::try_from(value)
                .map_err(|_| (format!("{what} has {} bytes, not 8", value.len()), Affected::Counters))?;
            *counter = Some(u64::from_le_bytes(value));
            Ok(())
        });
        (Counters { last_lsn: next.and_then(|next| next.checked_sub(1)).map(Lsn), last_completed }, problems)
    }
}

fn problem(reason: String, affects: Affected) -> Problem {
    Problem { file: DATA.into(), reason, affects, io: None }
}

/// Problems told one by one up to a number, then counted.
#[derive(Default)]
pub struct Problems {
    list: Vec<Problem>,
    more: u64,
}

impl Problems {
    pub fn push(&mut self, reason: String, affects: Affected) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(problem(reason, affects));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The list; `affects` stands for the counted ones.
    pub fn finish(mut self, affects: Affected) -> Vec<Problem> {
        if self.more > 0 {
            self.list.push(problem(format!("and {} more problems", self.more), affects));
        }
        self.list
    }
}

/// The table a page key belongs to, for a record whose value or remaining key is unusable.
pub fn table_of(key: &[u8]) -> Option<TableId> {
    expect_len(key, PAGE_KEY_LEN).and_then(|()| Reader::new(key).array().map(u64::from_be_bytes)).map(TableId).ok()
}

/// Visit a named database: key, value, offset and length of the value.
///
/// `affects` says what a loss in this database means; a lost record of `pages` concerns its table only.
fn walk<'a>(
    env: &Env<'a>,
    name: &[u8],
    affects: Affected,
    problems: &mut Problems,
    mut visit: impl FnMut(&'a [u8], &'a [u8], u64, u32) -> Result<(), (String, Affected)>,
) {
    let title = String::from_utf8_lossy(name);
    let (db, faults) = env.database(name);
    for fault in &faults {
        problems.push(format!("main database: {fault}"), affects);
    }
    let Some(db) = db else {
        if faults.is_empty() {
            problems.push(format!("no database {title:?} in the environment"), affects);
        }
        return;
    };
    let narrowed = |key: Option<&[u8]>| match (affects, key.and_then(table_of)) {
        (Affected::All, Some(table)) => Affected::Table(table),
        _ => affects,
    };
    let (count, sound) = walk_records(env, &db, |record| match record {
        Ok(record) => {
            let visited = match env.value(&record) {
                Ok(value) => visit(record.key, value, record.offset, record.len),
                Err(e) => Err((e.message, narrowed(Some(record.key)))),
            };
            if let Err((reason, affects)) = visited {
                let page = record.offset.checked_div(env.state().page_size as u64).unwrap_or_default();
                problems.push(format!("{title}: page {page}: {reason}"), affects);
            }
        }
        Err(fault) => {
            let key = fault.key.map(|key| format!(" ({})", describe(key))).unwrap_or_default();
            problems.push(format!("{title}: {fault}{key}"), narrowed(fault.key));
        }
    });
    if sound && count != db.entries {
        problems.push(format!("{title}: {count} records found, the database says {}", db.entries), affects);
    }
}

/// Number of records, and whether the tree was sound.
fn walk_records<'a>(env: &Env<'a>, db: &Db, mut each: impl FnMut(Result<lmdb::Record<'a>, Fault<'a>>)) -> (u64, bool) {
    let (mut count, mut sound) = (0_u64, true);
    for record in env.records(db) {
        match record.is_ok() {
            true => count = count.saturating_add(1),
            false => sound = false,
        }
        each(record);
    }
    (count, sound)
}

/// A key in words.
fn describe(key: &[u8]) -> String {
    match decode_page_key(key) {
        Ok(k) => format!("table {}, page {}, LSN {}", k.table, k.page, k.lsn),
        Err(_) => format!("key {}", hex::encode(key.get(..32).unwrap_or(key))),
    }
}

impl Palm {
    /// The rows of all pages, or of some.
    fn rows(
        &self,
        own: Option<&Own<'_>>,
        inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        let env = self.env()?;
        if let Some(other) = &self.other {
            return Ok((Index::new(Vec::new()), vec![other.clone()]));
        }
        let mut problems = Problems { list: self.found.clone(), more: 0 };
        let mut rows = Vec::new();
        walk(&env, PAGES, Affected::All, &mut problems, |key, data, offset, len| {
            let affects = || table_of(key).map_or(Affected::All, Affected::Table);
            let k = decode_page_key(key).map_err(|e| (format!("{}, {}", e.message, describe(key)), affects()))?;
            let flags = if k.is_delta { k.flags | FLAG_DELTA } else { k.flags };
            let mut row = Row {
                table: k.table,
                page: k.page,
                lsn: k.lsn,
                backlink_lsn: k.backlink_lsn,
                base_lsn: k.base_lsn,
                locator: offset,
                len,
                flags: flags & !super::supply::MARKS,
                seal: Seal::default(),
            };
            if own.is_some_and(|own| !own(k.table, k.page)) {
                return Ok(());
            }
            if let Some(inspect) = inspect {
                row.seal = inspect(&row, data);
            }
            rows.push(row);
            if rows.len().is_multiple_of(PROGRESS_STEP) {
                progress(rows.len() as u64);
            }
            Ok(())
        });
        progress(rows.len() as u64);
        Ok((Index::new(rows), problems.finish(Affected::All)))
    }
}

impl PageLog for Palm {
    fn kind(&self) -> StoreKind {
        StoreKind::Palm
    }

    fn layout(&self) -> Result<Layout, StoreError> {
        let env = self.env()?;
        let mut files = vec![(DATA.to_string(), self.bytes.len() as u64)];
        if let Ok(meta) = fs::metadata(&self.lock) {
            files.push((LOCK.to_string(), meta.len()));
        }
        let (counters, _) = Self::counters(&env);
        let dir = self.path.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut others = super::open::names(&dir).unwrap_or_default();
        others.retain(|n| n != DATA && n != LOCK);
        Ok(Layout {
            gathered: None,
            files,
            dir,
            others,
            sharded: false,
            from_wal: false,
            lsn_counter: counters.last_lsn,
            last_completed: counters.last_completed,
            absent: Vec::new(),
        })
    }

    fn index(
        &self,
        inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        self.rows(None, inspect, progress)
    }

    fn index_of(&self, own: &Own<'_>, progress: &(dyn Fn(u64) + Sync)) -> Result<(Index, Vec<Problem>), StoreError> {
        self.rows(Some(own), None, progress)
    }

    /// Damage of the counters (`globals`) is told here, too, since no row depends on them.
    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError> {
        let env = self.env()?;
        if let Some(other) = &self.other {
            return Ok((Vec::new(), vec![other.clone()]));
        }
        let mut problems = Problems::default();
        let mut rows = Vec::new();
        walk(&env, CHECKPOINTS, Affected::None, &mut problems, |key, text, _, _| {
            let k = decode_checkpoint_key(key).map_err(|e| (e.message, Affected::None))?;
            rows.push(CompletionRow {
                lsn: k.lsn,
                timestamp: k.timestamp,
                checkpoint_id: Some(k.checkpoint_id),
                text: text.to_vec(),
            });
            Ok(())
        });
        rows.sort_by_key(|row| row.lsn);
        let (_, counters) = Self::counters(&env);
        let mut list = problems.finish(Affected::None);
        list.extend(counters.finish(Affected::Counters));
        Ok((rows, list))
    }

    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError> {
        self.check_size()?;
        Ok(Box::new(PalmReader { path: &self.path, bytes: &self.bytes }))
    }
}

struct PalmReader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl BlockReader for PalmReader<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.clear();
        let len = usize::try_from(row.len).ok();
        let range = usize::try_from(row.locator).ok().and_then(|at| Some(at..at.checked_add(len?)?));
        let bytes = range.and_then(|range| self.bytes.get(range)).ok_or_else(|| StoreError::Damaged {
            path: self.path.to_path_buf(),
            reason: format!(
                "{} bytes at offset {} are outside the file ({} bytes)",
                row.len,
                row.locator,
                self.bytes.len()
            ),
        })?;
        out.extend_from_slice(bytes);
        Ok(())
    }
}
