//! Find out what a directory holds and open its page log.

use super::files::{entries, read_regular_file};
use super::palite::{Palite, PaliteOptions};
use super::{PageLog, StoreError, StoreKind, live};
use std::path::{Path, PathBuf};

/// The page log's directory under a home directory.
pub const KV_HOME: &str = "kv_home";

/// How to open a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Read with ordinary reads instead of memory maps (a mapped file that shrinks kills the process).
    pub no_mmap: bool,
    /// Open a store although another process holds it.
    pub allow_live: bool,
}

/// Where a page log lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The home directory around it, if known.
    pub home: Option<PathBuf>,
    /// The page log's own directory.
    pub kv_home: PathBuf,
    pub kind: StoreKind,
}

/// Names that make a directory a home of local files: the turtle, the metadata, the list of a backup copy.
const CATALOG: [&str; 3] = ["WiredTiger.turtle", "WiredTiger.wt", "WiredTiger.backup"];
/// Names that only a page log has; the others of its files may lie anywhere.
const PALITE: &str = "checkpoints.db";
const PALM: &str = "data.mdb";

/// Whether a directory with these names holds the catalog of local files, readable or not.
pub fn has_catalog(names: &[String]) -> bool {
    names.iter().any(|n| CATALOG.contains(&n.as_str()))
}

/// Whether a file of this name is one of a page log, with what SQLite and LMDB put beside it.
pub fn is_of_page_log(name: &str) -> bool {
    let base = ["-wal", "-shm"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    is_palite(base) || base == PALM || base == "lock.mdb"
}

/// The kind of page log by the names in a directory. Shards alone are one only where no local files are.
fn kind(names: &[String]) -> Option<StoreKind> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if has(PALITE) || (!has_catalog(names) && names.iter().any(|n| is_palite(n))) {
        Some(StoreKind::Palite)
    } else {
        has(PALM).then_some(StoreKind::Palm)
    }
}

/// Find the page log in `dir`: a home directory with `kv_home/` in it, or the `kv_home` itself. An error
/// names the directory that cannot be listed.
pub fn find(dir: &Path) -> Result<Option<Located>, (PathBuf, std::io::Error)> {
    let at = |dir: &Path| names(dir).map_err(|e| (dir.to_path_buf(), e));
    let list = at(dir)?;
    if list.iter().any(|n| n == KV_HOME) {
        let kv_home = follow_flattened_link(dir, dir.join(KV_HOME));
        let is_dir = std::fs::metadata(&kv_home).is_ok_and(|m| m.is_dir());
        if let Some(kind) = is_dir.then(|| at(&kv_home)).transpose()?.and_then(|inner| kind(&inner)) {
            return Ok(Some(Located { home: Some(dir.to_path_buf()), kv_home, kind }));
        }
    }
    let Some(kind) = kind(&list) else { return Ok(None) };
    let home = if has_catalog(&list) {
        Some(dir.to_path_buf())
    } else {
        // With a relative path such as "." the parent is only known after resolving it.
        std::fs::canonicalize(dir).ok().and_then(|p| p.parent().map(Path::to_path_buf))
    };
    Ok(Some(Located { home, kv_home: dir.to_path_buf(), kind }))
}

/// The page log in `dir`, or that there is none.
pub fn locate(dir: &Path) -> Result<Located, StoreError> {
    match find(dir) {
        Ok(Some(located)) => Ok(located),
        Ok(None) => Err(StoreError::NoPageLog { path: dir.to_path_buf(), reason: "holds no page log".into() }),
        Err((path, e)) => Err(StoreError::io(&path, &e)),
    }
}

/// Open the page log in `dir`: a home directory with `kv_home/` in it, or the `kv_home` itself.
pub fn open(dir: &Path, options: &OpenOptions) -> Result<Box<dyn PageLog>, StoreError> {
    let located = locate(dir)?;
    if !options.allow_live {
        live::check(located.home.as_deref(), &located.kv_home)?;
    }
    open_at(&located, options.no_mmap)
}

/// Open a page log without asking who holds it.
pub fn open_at(located: &Located, no_mmap: bool) -> Result<Box<dyn PageLog>, StoreError> {
    if located.kind == StoreKind::Palite {
        // Mapped files would count as memory, and gain a tenth at most where nothing is cold.
        let options = PaliteOptions { no_mmap: true, ..PaliteOptions::default() };
        Ok(Box::new(Palite::open_with(&located.kv_home, options)?))
    } else {
        Ok(Box::new(super::palm::Palm::open(&located.kv_home, no_mmap)?))
    }
}

/// Archives and checkouts without symbolic links leave a small text file that holds the target; a
/// follower's `kv_home` is a link to its leader's. Anything else comes back as it was.
fn follow_flattened_link(dir: &Path, kv_home: PathBuf) -> PathBuf {
    flattened_link(dir, &kv_home).unwrap_or(kv_home)
}

/// The directory a flattened link `kv_home` in `dir` stands for.
pub fn flattened_link(dir: &Path, kv_home: &Path) -> Option<PathBuf> {
    const LONGEST: u64 = 4096;
    let named = kv_home.file_name().is_some_and(|n| n == KV_HOME);
    let small = named && std::fs::metadata(kv_home).is_ok_and(|m| m.is_file() && m.len() <= LONGEST);
    let target = small.then(|| read_regular_file(kv_home).ok()).flatten();
    let target = target.and_then(|bytes| String::from_utf8(bytes).ok());
    target.map(|t| dir.join(t.trim_end_matches(['\n', '\r']))).filter(|t| t.is_dir())
}

fn is_palite(name: &str) -> bool {
    name == PALITE || name == "globals.db" || (name.starts_with("pages_") && name.ends_with(".db"))
}

/// The names in a directory, sorted.
pub fn names(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names: Vec<String> = entries(dir)?.iter().map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
