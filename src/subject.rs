//! What a path is: the one answer, which every verb starts from.
//!
//! Looks at names and first bytes only, in bounds, and opens nothing but regular files: a FIFO is not
//! waited for. What it cannot look at is [`Kind::Unreadable`], which is not the same as nothing there.

#[path = "subject/file.rs"]
mod file;

use crate::coverage::Unchecked;
use crate::home::directory::{self, Home};
use crate::store::open::{KV_HOME, find, has_catalog, is_of_page_log, names};
use crate::store::{Located, StoreError, live};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Levels of directories that a home's files, and the homes below a directory, are looked for in.
const LEVELS: usize = 3;
/// Names that are looked at below a directory that is no store itself.
const MAX_NAMES: usize = 50_000;
/// Files whose first bytes are looked at there.
const MAX_HEADS: usize = 5_000;
/// Homes that are named.
const MAX_HOMES: usize = 50;
/// Names that are quoted of a directory that is something else.
const QUOTED: usize = 4;

/// A path, and what lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub path: PathBuf,
    pub kind: Kind,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A page log: `kv_home` itself, or a home without local block files.
    PageLog(Located),
    /// A home of local block files, or block files without a home.
    Home,
    /// A home that holds local block files and a page log.
    Both(Located),
    BlockFile(Block),
    /// A directory inside a home.
    Below {
        home: PathBuf,
    },
    /// A directory above homes, no home itself.
    Homes {
        /// Those that were found.
        homes: Vec<PathBuf>,
        /// There may be others.
        more: bool,
    },
    /// A file that is of use only with the others of its directory.
    FileOf {
        directory: PathBuf,
        /// It is one of a page log; else of a home.
        page_log: bool,
    },
    /// An image that `wtcheck pack` wrote.
    Image,
    /// Pages of a production page service.
    Dump(Packing),
    /// A log of a server or of the engine.
    ServerLog(Packing),
    Plan,
    Journal,
    Archive(Archive),
    /// A file that is compressed, and what is in it is nothing known.
    Compressed(Packing),
    /// Neither a file nor a directory.
    Special(Special),
    /// A directory without a name in it.
    EmptyDirectory,
    /// A file without a byte.
    EmptyFile,
    /// The system does not let it be looked at.
    Unreadable {
        path: PathBuf,
        /// The system's number of the error.
        errno: Option<i32>,
        /// The system's words.
        reason: String,
        /// It is the page log of a home whose local files can be looked at.
        local: bool,
    },
    /// There is nothing.
    Missing(Missing),
    /// A directory that is something else.
    OtherDirectory {
        /// Its `kv_home`, if that is what should hold a page log; or itself.
        at: PathBuf,
        names: Vec<String>,
        /// How many there are besides.
        more: usize,
    },
    /// A file that is something else.
    OtherFile,
}

/// A block file and its home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The home around it, or the directory that it lies in.
    pub directory: PathBuf,
    /// Its name below the directory.
    pub name: String,
    /// There is no home around it.
    pub alone: bool,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A form of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    Zip,
    /// tar, and how it is compressed.
    Tar(Packing),
    /// One of the others: its name.
    Other(&'static str),
}

/// What is neither file nor directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// A named pipe.
    Fifo,
    Socket,
    Device,
}

/// Why nothing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    NoPath,
    NoSuchName,
    /// A symbolic link that leads nowhere.
    DanglingLink,
    /// A part of the path is a file.
    BelowAFile,
}

/// A path that is none of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a data directory", .0.path.display())]
pub struct NoStore(pub Box<Subject>);

impl Subject {
    /// Look at a path.
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_path_buf(), kind: kind(path) }
    }

    /// The page log, if it is one or has one.
    pub fn page_log(&self) -> Option<&Located> {
        match &self.kind {
            Kind::PageLog(located) | Kind::Both(located) => Some(located),
            _ => None,
        }
    }

    /// The page log, or that it is a home without one: what verbs about whole stores take.
    pub fn store(&self) -> Result<Option<&Located>, NoStore> {
        match &self.kind {
            Kind::PageLog(located) | Kind::Both(located) => Ok(Some(located)),
            Kind::Home => Ok(None),
            _ => Err(NoStore(Box::new(self.clone()))),
        }
    }

    /// Read the home that it is or belongs to; of one block file its name comes back, too.
    pub fn home(&self, no_mmap: bool) -> Result<(Home, Option<String>), StoreError> {
        let options = directory::Options { no_mmap };
        match &self.kind {
            Kind::BlockFile(Block { directory, name, alone: true }) => {
                Ok((Home::alone(directory, name, options), Some(name.clone())))
            }
            Kind::BlockFile(Block { directory, name, .. }) => Ok((Home::open(directory, options)?, Some(name.clone()))),
            kind => {
                let mut home = Home::open(&self.path, options)?;
                home.page_log_here = matches!(kind, Kind::Both(_));
                if let Kind::Unreadable { errno, reason, .. } = kind {
                    let why = Unchecked::Io { errno: *errno, error: reason.clone() };
                    home.coverage.not_checked(format!("{KV_HOME}/"), why);
                }
                Ok((home, None))
            }
        }
    }

    /// The block file that it is, without the home that it lies in.
    pub fn lone_file(&self, no_mmap: bool) -> Option<Home> {
        match &self.kind {
            Kind::BlockFile(Block { directory, name, .. }) => {
                Some(Home::alone(directory, name, directory::Options { no_mmap }))
            }
            _ => None,
        }
    }

    /// Refuse what another process holds, whatever it is made of.
    pub fn check_live(&self) -> Result<(), StoreError> {
        if let Some(log) = self.page_log() {
            live::check(log.home.as_deref(), &log.kv_home)?;
        }
        let home = match &self.kind {
            Kind::Home | Kind::Both(_) | Kind::Unreadable { local: true, .. } => &self.path,
            Kind::BlockFile(block) => &block.directory,
            Kind::Below { home } => home,
            _ => return Ok(()),
        };
        live::check(Some(home), home)
    }

    /// The directories and files it is made of, resolved: nothing may be written into one of them.
    pub fn places(&self) -> Vec<PathBuf> {
        let mut out = vec![self.path.clone(), self.path.join(KV_HOME)];
        match &self.kind {
            Kind::PageLog(log) | Kind::Both(log) => {
                out.push(log.kv_home.clone());
                // The directory around a page log by itself may be anything; around `kv_home` it is the home.
                out.extend(log.home.clone().filter(|_| log.kv_home.ends_with(KV_HOME)));
            }
            Kind::BlockFile(block) if !block.alone => out.push(block.directory.clone()),
            Kind::Below { home } => out.push(home.clone()),
            _ => {}
        }
        let mut out: Vec<PathBuf> = out.iter().filter_map(|p| std::fs::canonicalize(p).ok()).collect();
        let homes: Vec<PathBuf> =
            out.iter().filter(|p| p.ends_with(KV_HOME)).filter_map(|p| p.parent().map(Path::to_path_buf)).collect();
        out.extend(homes);
        out
    }
}

fn unreadable(path: &Path, e: &io::Error, local: bool) -> Kind {
    let reason = match e.kind() {
        ErrorKind::PermissionDenied => "permission denied".to_string(),
        _ => e.to_string(),
    };
    Kind::Unreadable { path: path.to_path_buf(), errno: e.raw_os_error(), reason, local }
}

fn kind(path: &Path) -> Kind {
    if path.as_os_str().is_empty() {
        return Kind::Missing(Missing::NoPath);
    }
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => directory(path),
        Ok(meta) => file::kind(path, &meta),
        Err(e) if e.kind() == ErrorKind::NotFound && std::fs::symlink_metadata(path).is_ok() => {
            Kind::Missing(Missing::DanglingLink)
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Kind::Missing(Missing::NoSuchName),
        Err(e) if e.kind() == ErrorKind::NotADirectory => Kind::Missing(Missing::BelowAFile),
        Err(e) => unreadable(path, &e, false),
    }
}

/// Whether a home has block files beside its page log.
fn has_local_files(path: &Path, list: &[String]) -> bool {
    list.iter().any(|n| n == directory::METADATA) || Search::new(true).below(path).block_files()
}

fn directory(path: &Path) -> Kind {
    let log = match find(path) {
        Ok(log) => log,
        Err((at, e)) if at != path => {
            let local = names(path).is_ok_and(|list| has_local_files(path, &list));
            return unreadable(&at, &e, local);
        }
        Err((at, e)) => return unreadable(&at, &e, false),
    };
    let list = match names(path) {
        Ok(list) => list,
        Err(e) => return unreadable(path, &e, false),
    };
    if let Some(log) = log {
        return if has_local_files(path, &list) { Kind::Both(log) } else { Kind::PageLog(log) };
    }
    if has_catalog(&list) {
        return Kind::Home;
    }
    let found = Search::new(false).below(path);
    if (found.block_files() || found.logs)
        && let Some(home) = home_around(path)
    {
        return Kind::Below { home: as_given(path, home) };
    }
    if !found.blocks_at_top && !found.homes.is_empty() {
        return Kind::Homes { homes: found.homes, more: found.cut };
    }
    if found.block_files() {
        return Kind::Home;
    }
    if let Some(packing) = file::dump_directory(path, &list) {
        return Kind::Dump(packing);
    }
    let kv_home = path.join(KV_HOME);
    let (at, list) = match names(&kv_home) {
        Ok(inner) if list.iter().any(|n| n == KV_HOME) => (kv_home, inner),
        _ if list.is_empty() => return Kind::EmptyDirectory,
        _ => (path.to_path_buf(), list),
    };
    let more = list.len().saturating_sub(QUOTED);
    Kind::OtherDirectory { at, names: list.into_iter().take(QUOTED).collect(), more }
}

/// Read the home that a path names: a home directory, or one block file, whose name comes back, too.
pub fn open_home(path: &Path, no_mmap: bool, allow_live: bool) -> Result<(Home, Option<String>), StoreError> {
    let subject = Subject::open(path);
    if !allow_live {
        subject.check_live()?;
    }
    subject.home(no_mmap)
}

/// The home that a file or directory lies in.
fn home_around(path: &Path) -> Option<PathBuf> {
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let above = full.ancestors().skip(1).take(LEVELS);
    above.filter(|dir| names(dir).is_ok_and(|list| has_catalog(&list))).map(Path::to_path_buf).next()
}

/// A directory above a path in the words of the path, where it has them.
fn as_given(path: &Path, above: PathBuf) -> PathBuf {
    let same = |p: &&Path| std::fs::canonicalize(p).is_ok_and(|full| full == above);
    path.ancestors().skip(1).take(LEVELS).find(same).map(Path::to_path_buf).unwrap_or(above)
}

/// What lies below a directory, level by level.
#[expect(clippy::struct_excessive_bools, reason = "each a fact of its own")]
struct Search {
    /// Stop at the first block file; do not look into `kv_home`, nor at the files of a page log.
    beside_page_log: bool,
    /// Block files at the top, and further down outside of homes.
    blocks_at_top: bool,
    blocks_below: bool,
    /// Files of the engine's write-ahead log.
    logs: bool,
    homes: Vec<PathBuf>,
    /// Not everything was looked at.
    cut: bool,
}

impl Search {
    fn new(beside_page_log: bool) -> Self {
        Self { beside_page_log, blocks_at_top: false, blocks_below: false, logs: false, homes: Vec::new(), cut: false }
    }

    fn block_files(&self) -> bool {
        self.blocks_at_top || self.blocks_below
    }

    fn below(mut self, path: &Path) -> Self {
        let (mut seen, mut heads) = (0, 0);
        let mut todo = VecDeque::from([(path.to_path_buf(), 0)]);
        while let Some((dir, level)) = todo.pop_front() {
            // A directory that cannot be listed hides what it holds; the audit of what is found says so.
            let Ok(list) = names(&dir) else { continue };
            for name in list {
                seen += 1;
                if seen > MAX_NAMES {
                    self.cut = true;
                    return self;
                }
                let at = dir.join(&name);
                let Ok(meta) = std::fs::symlink_metadata(&at) else { continue };
                if meta.is_dir() {
                    self.enter(at, level + 1, &name, &mut todo);
                    continue;
                }
                // A link may be to a home, but what lies below it otherwise is not looked for through it.
                let real = if meta.is_symlink() { std::fs::metadata(&at).ok() } else { Some(meta) };
                match real {
                    Some(meta) if meta.is_file() => {}
                    Some(meta) if meta.is_dir() => {
                        self.enter(at, LEVELS, &name, &mut todo);
                        continue;
                    }
                    _ => continue,
                }
                self.logs |=
                    level == 0 && (name.starts_with("WiredTigerLog.") || name.starts_with("WiredTigerPreplog."));
                if self.beside_page_log && is_of_page_log(&name) {
                    continue;
                }
                let known = at.extension().is_some_and(|e| e == "wt" || e == "wti");
                heads += usize::from(!known);
                if (known || heads <= MAX_HEADS) && directory::is_block_file(&at) {
                    (self.blocks_at_top, self.blocks_below) = (self.blocks_at_top || level == 0, true);
                    if self.beside_page_log {
                        return self;
                    }
                }
            }
        }
        self
    }

    /// A directory below: a home of its own, or one to look into.
    fn enter(&mut self, at: PathBuf, level: usize, name: &str, todo: &mut VecDeque<(PathBuf, usize)>) {
        let is_home = || {
            let found = find(&at);
            found.as_ref().is_ok_and(Option::is_some)
                || found.is_err_and(|(dir, _)| dir != at)
                || names(&at).is_ok_and(|list| has_catalog(&list))
        };
        if self.beside_page_log && name == KV_HOME {
        } else if is_home() {
            if self.homes.len() < MAX_HOMES { self.homes.push(at) } else { self.cut = true }
        } else if level < LEVELS {
            todo.push_back((at, level));
        }
    }
}
