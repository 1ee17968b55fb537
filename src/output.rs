//! The one way to write a result. It refuses what is there already unless it is told to overwrite, and what would
//! land in a store, whoever's; it follows no link; what it makes is for its owner only, whole or not there, and
//! durable when it returns.

use crate::below::{Below, Odd};
use crate::home::directory::is_block_file;
use crate::scratch::{self, Held};
use crate::store::open::{KV_HOME, has_catalog, is_of_page_log, names};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is made is for its owner only.
const PRIVATE: u32 = 0o600;
/// As a new file: what the umask leaves of it.
const NEW_FILE: u32 = 0o666;
const NEW_DIRECTORY: u32 = 0o777;

/// How the names of files that are not whole yet begin; the process and a number follow.
const UNFINISHED: &str = ".wtcheck-";
/// How the names of undo journals in a data directory begin.
pub const JOURNAL_PREFIX: &str = "wtcheck-undo-";

/// Whose eyes a result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes {
    /// It tells of somebody's data.
    Owner,
    /// It is the same for everybody.
    All,
}

/// Why a result is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("{0} does not name a file")]
    NoName(PathBuf),
    /// Only with `--force`.
    #[error("{0} exists")]
    Exists(PathBuf),
    /// Not even with `--force`.
    #[error("{path} {odd}; nothing is written there")]
    Odd {
        /// What lies there.
        path: PathBuf,
        /// What it is.
        odd: Odd,
    },
    #[error("{path} is in {store}, a data directory, where nothing is written")]
    InStore {
        /// What was to be written.
        path: PathBuf,
        /// The directory.
        store: PathBuf,
    },
    /// A file of a data directory, wherever it lies now.
    #[error("{0} is a file of a data directory, and is not overwritten")]
    Evidence(PathBuf),
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

impl OutputError {
    fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io { path: path.to_path_buf(), error }
    }

    /// The person chose the place, and can choose another.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }
}

type Result<T> = std::result::Result<T, OutputError>;

/// What the person's umask was.
static UMASK: OnceLock<u32> = OnceLock::new();

/// From now on whatever this process makes is for its owner, unless said otherwise: whatever library makes it.
pub fn private_by_default() {
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    UMASK.get_or_init(|| before.as_raw_mode());
}

impl Eyes {
    fn masked(self, private: u32, public: u32) -> u32 {
        match self {
            Self::Owner => private,
            Self::All => public & !UMASK.get().copied().unwrap_or(0o022),
        }
    }

    fn file(self) -> u32 {
        self.masked(PRIVATE, NEW_FILE)
    }

    /// The mode of a new directory.
    pub fn directory(self) -> u32 {
        self.masked(0o700, NEW_DIRECTORY)
    }
}

/// The data directory that a directory is, or lies in.
pub fn store_around(dir: &Path) -> Option<PathBuf> {
    let full = fs::canonicalize(dir).ok()?;
    full.ancestors().enumerate().find(|(level, at)| is_store(at, *level == 0)).map(|(_, at)| at.to_path_buf())
}

fn is_store(dir: &Path, itself: bool) -> bool {
    let Ok(names) = names(dir) else { return false };
    let has = |name: &str| names.iter().any(|n| n == name);
    let file = |name: &str| has(name) && dir.join(name).is_file();
    if itself && (names.iter().any(|n| is_of_page_log(n) || n.starts_with("WiredTigerLog.")) || has_catalog(&names)) {
        return true;
    }
    // Further up a lone name says nothing: anybody can put one there.
    let inner = dir.join(KV_HOME);
    let inside = has(KV_HOME) && inner.is_dir() && crate::store::open::names(&inner).is_ok_and(|n| is_log(&n));
    let home = file("WiredTiger.wt") && (file("WiredTiger.turtle") || file("WiredTiger") || file("WiredTiger.lock"));
    is_log(&names) || inside || home || (file("WiredTiger") && file("WiredTiger.lock"))
}

/// Whether names are those of a page log.
fn is_log(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|n| n == name);
    (has("checkpoints.db") && has("globals.db")) || (has("data.mdb") && has("lock.mdb"))
}

/// A place for a file, looked at before the work that its content takes.
#[derive(Debug)]
pub struct Target {
    /// As the person wrote it.
    path: PathBuf,
    dir: Below,
    name: PathBuf,
    force: bool,
    eyes: Eyes,
}

impl Target {
    pub fn new(path: &Path, force: bool, eyes: Eyes) -> Result<Self> {
        let name = path.file_name().ok_or_else(|| OutputError::NoName(path.to_path_buf()))?;
        let above = scratch::directory_of(path);
        let dir = Below::open(above).map_err(OutputError::io(above))?;
        let target = Self { path: path.to_path_buf(), dir, name: PathBuf::from(name), force, eyes };
        if !target.is_stream()
            && let Some(store) = store_around(above)
        {
            return Err(OutputError::InStore { path: path.to_path_buf(), store });
        }
        target.look()?;
        Ok(target)
    }

    /// As it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The terminal, a pipe, what a shell passes on: no file that could be lost.
    fn is_stream(&self) -> bool {
        let kind = self.dir.look(&self.name).ok().flatten().map(|s| FileType::from_raw_mode(s.st_mode));
        self.standard().is_some()
            || self.is_passed_on()
            || matches!(kind, Some(FileType::Fifo | FileType::CharacterDevice))
    }

    /// One of the program's own streams: written through the handle that there is, or its place in a file is lost.
    fn standard(&self) -> Option<Standard> {
        match self.path.to_str()? {
            "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Standard::Out),
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Standard::Err),
            _ => None,
        }
    }

    /// What a shell opens for a process substitution.
    fn is_passed_on(&self) -> bool {
        ["/dev/fd", "/proc/self/fd"].iter().any(|dir| self.path.parent() == Some(Path::new(dir)))
    }

    /// Write to what is no file. It is asked what it is once it is open: another may lie there by now.
    fn stream(&self, bytes: &[u8]) -> io::Result<()> {
        let written = match self.standard() {
            Some(Standard::Out) => return io::stdout().lock().write_all(bytes),
            Some(Standard::Err) => return io::stderr().lock().write_all(bytes),
            // A link of the system's own, which only this process can have made.
            None if self.is_passed_on() => File::options().write(true).open(&self.path)?,
            None => self.dir.stream(&self.name)?,
        };
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&written)?.st_mode);
        if !matches!(kind, FileType::Fifo | FileType::CharacterDevice | FileType::Socket) {
            return Err(io::Error::other("is a regular file: give its own path"));
        }
        let mut written = written;
        written.write_all(bytes)
    }

    /// The mode to give the file; refuses what must stay.
    fn look(&self) -> Result<u32> {
        let odd = |odd| OutputError::Odd { path: self.path.clone(), odd };
        let Some(found) = self.dir.look(&self.name).map_err(OutputError::io(&self.path))? else {
            return Ok(self.eyes.file());
        };
        if self.is_stream() {
            return Ok(self.eyes.file());
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(odd(Odd::Link)),
            FileType::Directory => return Err(odd(Odd::Directory)),
            _ => return Err(odd(Odd::Special)),
        }
        if !self.force {
            return Err(OutputError::Exists(self.path.clone()));
        }
        if is_evidence(&self.dir, &self.name, &self.path) {
            return Err(OutputError::Evidence(self.path.clone()));
        }
        Ok(found.st_mode & 0o777)
    }

    /// Write it as a whole or not at all.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        if self.is_stream() {
            return self.stream(bytes).map_err(OutputError::io(&self.path));
        }
        let mut piece = self.begin()?;
        piece.write_all(bytes).map_err(OutputError::io(&self.path))?;
        piece.finish()
    }

    /// Write it piece by piece: it is not there before [`Piece::finish`].
    pub fn begin(&self) -> Result<Piece<'_>> {
        let mode = self.look()?;
        let held = scratch::hold(|| Fresh::make(&self.dir, PRIVATE), |f| &f.full, "");
        let (fresh, listed) = held.map_err(OutputError::io(&self.path))?.into_parts();
        Ok(Piece { target: self, fresh, mode, listed })
    }
}

/// A result that is being written.
pub struct Piece<'t> {
    target: &'t Target,
    fresh: Fresh<'t>,
    mode: u32,
    listed: scratch::Listed,
}

impl Write for Piece<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fresh.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fresh.file.flush()
    }
}

impl Piece<'_> {
    /// It is whole: synchronise it and give it its name.
    pub fn finish(self) -> Result<()> {
        let Self { target, mut fresh, mode, listed } = self;
        let io = OutputError::io(&target.path);
        if mode != PRIVATE {
            fresh.file.set_permissions(fs::Permissions::from_mode(mode)).map_err(&io)?;
        }
        let exists = |e: io::Error| match e.kind() {
            io::ErrorKind::AlreadyExists => OutputError::Exists(target.path.clone()),
            _ => io(e),
        };
        fresh.publish(&target.name, target.force).map_err(exists)?;
        drop(listed);
        target.dir.sync(&target.name).map_err(io)
    }
}

/// Write a file that is whole and durable when it has its name, and not there before. Nothing may have the name yet.
/// For what a store must contain; results go through [`Target`].
pub fn whole(dir: &Below, name: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut fresh = scratch::hold(|| Fresh::make(dir, PRIVATE), |f| &f.full, "")?;
    write(&mut fresh.file)?;
    fresh.publish(name, false)?;
    dir.sync(name)
}

/// A stream that every program has.
enum Standard {
    Out,
    Err,
}

/// Whether a file is one of a data directory or the way back from a repair, by its name or its first bytes.
fn is_evidence(dir: &Below, name: &Path, path: &Path) -> bool {
    /// Of a journal, behind its checksum.
    const JOURNAL: &[u8] = b" {\"header\":";
    /// Of SQLite.
    const SQLITE: &[u8] = b"SQLite format 3\0";
    /// Of LMDB, behind the header of its first page.
    const LMDB: &[u8] = &[0xde, 0xc0, 0xef, 0xbe];
    let own = name.to_string_lossy();
    let mut head = [0; 64];
    let read = dir.read(name).ok().flatten().and_then(|mut file| file.read(&mut head).ok()).unwrap_or(0);
    let head = &head[..read];
    let at = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    is_of_page_log(&own)
        || own.starts_with("WiredTiger")
        || own.starts_with(JOURNAL_PREFIX)
        || is_block_file(path)
        || at(0, SQLITE)
        || at(16, LMDB)
        || at(8, JOURNAL)
}

/// Write a file in one go.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn write(path: &Path, force: bool, eyes: Eyes, bytes: &[u8]) -> Result<()> {
    Target::new(path, force, eyes)?.write(bytes)
}

/// Write a file that may be there already if it is the same.
pub fn write_same(path: &Path, force: bool, eyes: Eyes, bytes: &[u8]) -> Result<()> {
    match Target::new(path, force, eyes) {
        Err(OutputError::Exists(_)) if fs::read(path).is_ok_and(|there| there == bytes) => Ok(()),
        target => target?.write(bytes),
    }
}

/// A file under a name that nothing had; removed when dropped, unless it is kept.
struct Fresh<'d> {
    dir: &'d Below,
    name: PathBuf,
    full: PathBuf,
    file: File,
    kept: bool,
}

impl<'d> Fresh<'d> {
    fn make(dir: &'d Below, mode: u32) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = PathBuf::from(format!("{UNFINISHED}{}-{number}", std::process::id()));
            match dir.create(&name, mode) {
                Ok(file) => return Ok(Self { dir, full: dir.path().join(&name), name, file, kept: false }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Synchronise it and give it its name: in place of what has that, or only if nothing has.
    fn publish(&mut self, name: &Path, replace: bool) -> io::Result<()> {
        self.file.sync_all()?;
        let dir = self.dir.handle();
        if replace {
            self.dir.rename(&self.name, name)?;
        } else {
            match renameat_with(dir, &self.name, dir, name, RenameFlags::NOREPLACE) {
                Ok(()) => {}
                // A file system without that flag.
                Err(Errno::INVAL | Errno::NOSYS) if self.dir.look(name)?.is_none() => {
                    self.dir.rename(&self.name, name)?;
                }
                Err(Errno::INVAL | Errno::NOSYS) => return Err(Errno::EXIST.into()),
                Err(e) => return Err(e.into()),
            }
        }
        self.kept = true;
        Ok(())
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.dir.remove(&self.name);
        }
    }
}

/// The process that was writing a file with such a name, which is not whole yet.
fn writer(name: &str) -> Option<&str> {
    let (pid, number) = name.strip_prefix(UNFINISHED)?.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(pid) && digits(number)).then_some(pid)
}

/// Whether a file is one that was not finished, and has nothing that anybody misses.
pub fn is_unfinished(name: &str) -> bool {
    writer(name).is_some()
}

/// Remove what processes that were killed have left unfinished in a directory of results and one level below it.
pub fn sweep(dir: &Path) {
    let is_left = |name: &str| writer(name).filter(|pid| !Path::new("/proc").join(pid).exists()).map(|_| ());
    let entries = |dir: &Path| fs::read_dir(dir).map(|e| e.flatten().collect::<Vec<_>>()).unwrap_or_default();
    // Without /proc nobody knows who is alive.
    if !Path::new("/proc/self").exists() {
        return;
    }
    let inner = entries(dir).into_iter().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path());
    for dir in inner.collect::<Vec<_>>().iter().map(PathBuf::as_path).chain([dir]) {
        for entry in entries(dir) {
            let file = entry.file_type().is_ok_and(|t| t.is_file());
            if file && entry.file_name().to_str().and_then(is_left).is_some() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// What a directory that is to be made may find in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Free,
    /// Nothing, or an empty directory.
    Empty,
}

/// Whether a result may be made here: nothing lies there, not even a link that leads nowhere, and it is in no store.
pub fn check_place(path: &Path, place: Place) -> Result<()> {
    let io = OutputError::io(path);
    if path.file_name().is_none() {
        return Err(OutputError::NoName(path.to_path_buf()));
    }
    if let Some(store) = store_around(scratch::directory_of(path)) {
        return Err(OutputError::InStore { path: path.to_path_buf(), store });
    }
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(io(e)),
        Ok(meta) if meta.is_dir() && place == Place::Empty => match fs::read_dir(path).map_err(&io)?.next() {
            None => Ok(()),
            Some(_) => Err(OutputError::Exists(path.to_path_buf())),
        },
        Ok(_) => Err(OutputError::Exists(path.to_path_buf())),
    }
}

/// Make a directory, and those above it, where there is none; not in a store.
pub fn make_directory(dir: &Path, eyes: Eyes) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    outside(dir)?;
    let above = scratch::directory_of(dir);
    if !above.is_dir() {
        make_directory(above, eyes)?;
    }
    fs::create_dir(dir).map_err(OutputError::io(dir))?;
    // What libraries make meanwhile is private; a directory for everybody must not be.
    fs::set_permissions(dir, fs::Permissions::from_mode(eyes.directory())).map_err(OutputError::io(dir))
}

/// That a directory, there already or not, lies in no store.
pub fn outside(dir: &Path) -> Result<()> {
    let full = std::path::absolute(dir).map_err(OutputError::io(dir))?;
    let there = full.ancestors().find(|p| p.is_dir()).unwrap_or(&full);
    match store_around(there) {
        Some(store) => Err(OutputError::InStore { path: dir.to_path_buf(), store }),
        None => Ok(()),
    }
}

/// A private directory beside what it will become, for the work of a verb.
pub fn beside(path: &Path, verb: &str) -> Result<Held<scratch::Work>> {
    scratch::beside(path, verb).map_err(OutputError::io(scratch::directory_of(path)))
}

/// Give what is whole its name, unless that was taken meanwhile.
pub fn publish(from: &Path, to: &Path, place: Place) -> Result<()> {
    let io = OutputError::io(to);
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // An empty directory gives way, a file or a full one does not; a file system may lack the flag.
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => {
            check_place(to, place)?;
            fs::rename(from, to).map_err(&io)?;
        }
        Err(e) => return Err(io(e.into())),
    }
    // It is there and whole. That the name lasts as well is not worth an error that says otherwise.
    let _ = File::open(scratch::directory_of(to)).and_then(|dir| dir.sync_all());
    Ok(())
}
