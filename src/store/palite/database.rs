//! One database file of a PALite store: names, time stamps, and opening it without leaving a trace.

use super::harden::{bound_work, harden, limit_words};
use super::{Affected, Problem, SHARDS, StoreError};
use crate::coverage::Unchecked;
use crate::id::TableId;
use crate::store::regular_file;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// A `-wal` up to this size is a header without frames.
pub(super) const WAL_HEADER: u64 = 32;
/// What SQLite may map of each database; its own upper limit is just below 2 GiB.
pub(super) const MMAP_BYTES: i64 = 0x7fff_0000;
/// Cache of a connection, of which there is one for each database and thread. A scan needs none, and a look-up
/// only the upper levels of the table's tree, which the system caches as well.
const CACHE_KIB: u32 = 128;
/// Locks cannot clear up by waiting: nobody but us uses the lock-free connection or the copy.
pub(super) const BUSY: Duration = Duration::from_millis(100);

/// One database file of the store.
#[derive(Debug)]
pub struct Database {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) affects: Affected,
    pub(super) at_open: Stamps,
    pub source: OnceLock<Result<Source, Failure>>,
    /// What the system said when it was asked after an error; asked once, for it means reading the file.
    asked: OnceLock<Option<Unchecked>>,
}

/// Why something of a database could not be read.
#[derive(Debug, Clone)]
pub struct Failure {
    pub(super) reason: String,
    /// The system did not give the bytes.
    pub(super) io: Option<Unchecked>,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { reason, io: None }
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::from(reason.to_owned())
    }
}

impl Failure {
    /// The system's answer.
    pub(super) fn io(e: &io::Error) -> Self {
        Self { reason: e.to_string(), io: Some(Unchecked::io(e)) }
    }

    /// SQLite's answer. Where that is about the system, the system is asked itself, for SQLite keeps its
    /// number to itself.
    fn sqlite(e: &rusqlite::Error, asked: impl Fn() -> Option<Unchecked>) -> Self {
        let reason = words(e);
        let io = match (e.sqlite_error_code(), e.sqlite_extended_error_code()) {
            // A file that ends early is what it is.
            (_, Some(ffi::SQLITE_IOERR_SHORT_READ)) => None,
            // It may be that only a link or a name is odd.
            // SQLite calls it corrupt, too, if the medium answers a read with EIO.
            (Some(ErrorCode::CannotOpen | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => asked(),
            (Some(ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure), _) => {
                asked().or_else(|| Some(Unchecked::Io { errno: None, error: reason.clone() }))
            }
            _ => None,
        };
        Self { reason, io }
    }

    pub(super) fn within(mut self, words: &str) -> Self {
        self.reason = format!("{words}{}", self.reason);
        self
    }
}

/// What the system answers who reads a database and its `-wal` from end to end, if it is an error.
fn asked(path: &Path) -> Option<Unchecked> {
    let read = |path: &Path| {
        let mut file = regular_file(path)?;
        let read = io::copy(&mut file, &mut io::sink());
        // Closing it would give up the locks that a connection of this process may hold on it.
        std::mem::forget(file);
        read
    };
    let wal = with_suffix(path, "-wal");
    let failed = read(path).err().or_else(|| fs::symlink_metadata(&wal).is_ok().then(|| read(&wal).err())?);
    failed.filter(|e| e.raw_os_error().is_some()).map(|e| Unchecked::io(&e))
}

/// Whether the system lets this process read a file, asked without opening it: closing it again would give up
/// the locks that another connection of this process may hold.
pub(super) fn may_read(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS)?)
}

/// What SQLite is to open for a database.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    /// Frames of a `-wal` beside `path` are to be read.
    pub wal: bool,
    /// Bytes of the database and its frames as they were found. A copy may be longer: frames say where they belong.
    pub len: u64,
}

pub(super) type Stamp = Option<(u64, SystemTime)>;

/// Sizes and modification times, to notice a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamps {
    pub(super) db: Stamp,
    pub(super) wal: Stamp,
    pub(super) journal: Stamp,
}

impl Stamps {
    pub(super) fn of(path: &Path) -> Self {
        Self { db: stamp(path), wal: stamp(&with_suffix(path, "-wal")), journal: stamp(&with_suffix(path, "-journal")) }
    }

    pub(super) fn db_len(&self) -> u64 {
        self.db.map_or(0, |s| s.0)
    }

    pub(super) fn wal_len(&self) -> u64 {
        self.wal.map_or(0, |s| s.0)
    }

    pub(super) fn has_frames(&self) -> bool {
        self.wal_len() > WAL_HEADER
    }

    /// Bytes of the database and of its frames.
    pub(super) fn len(&self) -> u64 {
        self.db_len().saturating_add(self.wal_len())
    }

    pub(super) fn has_journal(&self) -> bool {
        self.journal.is_some_and(|s| s.0 > 0)
    }
}

pub(super) fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// What the name of a file in `kv_home` says.
pub enum Name {
    Shard(u64),
    Table(TableId),
    OtherPages,
}

/// `pages_NN.db` is a shard, `pages_NNNNNN.db` (or longer, without leading zeros) a table.
pub fn parse_pages_name(name: &str) -> Option<Name> {
    let digits = name.strip_prefix("pages_")?.strip_suffix(".db")?;
    let number = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse::<u64>().ok() } else { None };
    Some(match number {
        Some(n) if digits.len() == 2 && n < SHARDS => Name::Shard(n),
        Some(n) if digits.len() == 6 || (digits.len() > 6 && !digits.starts_with('0')) => Name::Table(TableId(n)),
        _ => Name::OtherPages,
    })
}

/// The database a file of the store belongs to: its own name without SQLite's suffixes.
pub fn store_file(name: &str) -> Option<&str> {
    let base = ["-wal", "-shm", "-journal"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    let known = base == "checkpoints.db" || base == "globals.db" || parse_pages_name(base).is_some();
    known.then_some(base)
}

/// A path as an SQLite URI, which unlike a plain path takes `immutable`.
pub fn uri(path: &Path, parameters: &str) -> String {
    let mut out = String::from("file://");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out.push_str(parameters);
    out
}

/// SQLite's words, on one line and without the URI it appends to some.
pub(super) fn words(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(e, _) if e.code == ErrorCode::CannotOpen => {
            "unable to open database file".into()
        }
        other => limit_words(other).unwrap_or_else(|| other.to_string()),
    };
    text.replace(['\n', '\r'], " ")
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// An open, checked connection.
pub(super) struct Opened {
    pub(super) conn: Connection,
    /// The database refused to be opened properly; SQLite was told to go on. Its words.
    pub(super) salvage: Option<String>,
    /// Bytes of the database: [`Source::len`].
    pub(super) len: u64,
}

/// Open a database file read-only, without leaving a trace, and look at its schema once.
pub(super) fn open_file(source: &Source, no_mmap: bool) -> rusqlite::Result<Opened> {
    let parameters = if source.wal { "?mode=ro" } else { "?mode=ro&immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let vfs = if source.wal { "unix-none" } else { "unix" };
    let mut conn = Connection::open_with_flags_and_vfs(uri(&source.path, parameters), flags, vfs)?;
    // The last connection to leave would otherwise checkpoint and delete the -wal.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    harden(&conn, source.len)?;
    bound_work(&mut conn, source.len)?;
    conn.busy_timeout(BUSY)?;
    if source.wal {
        // Must come before the first access: it decides where the wal-index lives.
        conn.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
    }
    let mmap = if no_mmap { 0 } else { MMAP_BYTES };
    conn.execute_batch(&format!("PRAGMA query_only=1; PRAGMA temp_store=MEMORY; PRAGMA mmap_size={mmap}"))?;
    // One read transaction for the connection's life: a steady view, and no lock calls per read.
    conn.execute_batch("BEGIN")?;
    let first_look = |conn: &Connection| conn.prepare("SELECT 1 FROM sqlite_master LIMIT 1")?.exists([]).map(|_| ());
    let salvage = match first_look(&conn) {
        Ok(()) => None,
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            // A file shorter than its header says is refused as a whole, unless the schema is writable.
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
            if first_look(&conn).is_err() {
                return Err(e);
            }
            Some(words(&e))
        }
        Err(e) => return Err(e),
    };
    // It asks for the schema, which a damaged database may not have; then the cache is as large as it is.
    let _ = conn.execute_batch(&format!("PRAGMA cache_size=-{CACHE_KIB}"));
    Ok(Opened { conn, salvage, len: source.len })
}

impl Database {
    pub(super) fn new(dir: &Path, name: &str, affects: Affected) -> Self {
        let mut path = dir.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) {
            // SQLite keeps the -wal beside the file a link leads to, and so must we look there.
            path = fs::canonicalize(&path).unwrap_or(path);
        }
        let at_open = Stamps::of(&path);
        Self { name: name.to_owned(), path, affects, at_open, source: OnceLock::new(), asked: OnceLock::new() }
    }

    pub(super) fn problem(&self, why: impl Into<Failure>) -> Problem {
        let Failure { reason, io } = why.into();
        Problem { file: self.name.clone(), reason, affects: self.affects, io }
    }

    /// A failure as the error of the store; `place` goes before the words about damage.
    pub(super) fn error(&self, why: Failure, place: &str) -> StoreError {
        match why.io {
            Some(Unchecked::Io { errno, error }) => StoreError::Io { path: self.path.clone(), errno, error },
            _ => StoreError::Damaged { path: self.path.clone(), reason: format!("{place}{}", why.reason) },
        }
    }

    /// What SQLite answered.
    pub(super) fn failure(&self, e: &rusqlite::Error) -> Failure {
        Failure::sqlite(e, || self.asked())
    }

    /// What a database says that was opened in spite of `words`.
    pub(super) fn salvaged(&self, reason: String) -> Failure {
        Failure { reason, io: self.asked() }
    }

    fn asked(&self) -> Option<Unchecked> {
        self.asked.get_or_init(|| asked(&self.path)).clone()
    }

    /// What speaks against taking the data for the whole truth, as far as file times tell.
    pub(super) fn watch(&self) -> Vec<Problem> {
        let now = Stamps::of(&self.path);
        let mut out = Vec::new();
        if now.db != self.at_open.db {
            out.push(self.problem("changed while being read"));
        }
        if now.wal != self.at_open.wal {
            let file = format!("{}-wal", self.name);
            out.push(Problem { file, reason: "changed while being read".into(), affects: self.affects, io: None });
        }
        if self.at_open.has_journal() {
            let file = format!("{}-journal", self.name);
            let reason = "a rollback journal is not applied: the database may show an unfinished transaction".into();
            out.push(Problem { file, reason, affects: self.affects, io: None });
        }
        out
    }
}

/// Copy the content alone: a read-only source must not make the copy read-only.
/// `all` is what the copies of the store take together.
pub(super) fn copy_file(from: &Path, to: &Path, all: u64) -> Result<(), Failure> {
    let mut source = regular_file(from).map_err(|e| Failure::io(&e).within("cannot be copied: "))?;
    let dir = to.parent().unwrap_or(to);
    let mut target = File::create(to).map_err(|e| no_room(&e, dir, all))?;
    match io::copy(&mut source, &mut target) {
        Ok(_) => Ok(()),
        Err(e) if is_about_space(&e) => Err(no_room(&e, dir, all)),
        Err(e) => Err(Failure::io(&e).within("cannot be copied: ")),
    }
}

/// What only a file that is written can be told.
fn is_about_space(e: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(e.kind(), FileTooLarge | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Bytes that a private copy takes: frames are worked into the database, and lie beside it until then.
pub(super) fn room_for(now: Stamps) -> u64 {
    now.len().saturating_add(now.wal_len())
}

/// Whether the temporary directory has that many bytes to give, as far as the system tells.
pub fn has_room(dir: &Path, bytes: u64, all: u64) -> Result<(), Failure> {
    let Ok(system) = rustix::fs::statvfs(dir) else { return Ok(()) };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free >= bytes { Ok(()) } else { Err(no_room(&rustix::io::Errno::NOSPC.into(), dir, all.max(bytes))) }
}

/// The private copy could not be made. What to do is part of it: what went wrong is not where the file lies that was to be read.
pub(super) fn no_room(e: &io::Error, dir: &Path, bytes: u64) -> Failure {
    let why = e.to_string();
    // Words without the system's number.
    let why = why.split(" (os error").next().unwrap_or(&why);
    let dir = dir.display();
    let reason = format!("no private copy in {dir} ({why}): set TMPDIR to a directory with {bytes} bytes free");
    // Another number is about that directory, and would be taken for the file's.
    let full = rustix::io::Errno::NOSPC.raw_os_error();
    let errno = is_about_space(e).then(|| e.raw_os_error().unwrap_or(full));
    Failure { io: Some(Unchecked::Io { errno, error: reason.clone() }), reason }
}
