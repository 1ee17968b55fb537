//! What lies in a home directory: every entry below it goes into the ledger, and what its name alone
//! says of it.

use super::files::{CONFIGURATIONS, METADATA};
use crate::coverage::{Coverage, NotOurs, Unchecked};
use crate::format::{home_turtle, local};
use crate::store::open::KV_HOME;
use crate::store::regular_file;
use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Levels of directories that are searched for block files (`directoryPerDB` makes one, separate
/// index directories another).
pub(super) const MAX_LEVELS: usize = 3;
/// Entries that are listed at most.
const MAX_ENTRIES: usize = 1_000_000;
/// The name of the home itself in its ledger.
pub(super) const ITSELF: &str = "./";
/// Statistics that mongod takes of itself.
const DIAGNOSTICS: &str = "diagnostic.data";
/// What a file system keeps for its own checks in the root of a volume, for root alone.
const LOST_AND_FOUND: &str = "lost+found";

/// What lies in a directory.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Every regular file below it, with its size.
    pub files: BTreeMap<String, u64>,
    /// Everything below it. What the name does not tell was only entered.
    pub coverage: Coverage,
}

/// A directory to list: its path, its name below the home with a `/` at the end, its level.
type Level = (PathBuf, String, usize);

/// List a directory and those below it. Fails if the directory itself cannot be listed.
pub fn take(dir: &Path) -> io::Result<Inventory> {
    let mut out = Inventory::default();
    let mut entries = 0_usize;
    let mut todo: Vec<Level> = vec![(dir.to_path_buf(), String::new(), 0)];
    while let Some((path, prefix, level)) = todo.pop() {
        let itself = if prefix.is_empty() { ITSELF } else { &prefix };
        let list = match std::fs::read_dir(&path) {
            Ok(list) => list,
            Err(e) if level == 0 => return Err(e),
            Err(e) => {
                out.left(itself, &e);
                continue;
            }
        };
        for entry in list {
            entries = entries.saturating_add(1);
            match entry {
                _ if entries > MAX_ENTRIES => {
                    out.coverage.not_checked(itself, Unchecked::TooMuch);
                    return Ok(out);
                }
                Ok(entry) => todo.extend(out.entry(&entry, &prefix, level)),
                Err(e) => {
                    out.left(itself, &e);
                    break;
                }
            }
        }
    }
    Ok(out)
}

impl Inventory {
    /// Take in one entry; a directory to list comes back.
    fn entry(&mut self, entry: &DirEntry, prefix: &str, level: usize) -> Option<Level> {
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(e) => {
                self.left(&name, &e);
                return None;
            }
        };
        if kind.is_dir() {
            return self.directory(path, &name, level);
        }
        if !kind.is_file() && !kind.is_symlink() {
            self.coverage.not_ours(name, NotOurs::Special);
            return None;
        }
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {
                match not_ours(&name) {
                    // Thousands of them say nothing one by one.
                    Some(_) if is_of_diagnostics(&name) => {}
                    Some(what) => self.coverage.not_ours(name.as_str(), what),
                    None => self.coverage.enter(name.as_str()),
                }
                self.files.insert(name, meta.len());
            }
            Ok(_) => self.coverage.not_ours(name, NotOurs::Special),
            Err(e) if e.kind() == ErrorKind::NotFound => self.coverage.not_ours(name, NotOurs::Special),
            Err(e) => self.left(&name, &e),
        }
        None
    }

    fn directory(&mut self, path: PathBuf, name: &str, level: usize) -> Option<Level> {
        let listed = format!("{name}/");
        let below = level.saturating_add(1);
        if name == DIAGNOSTICS {
            self.coverage.not_ours(listed.as_str(), NotOurs::Diagnostics);
            return Some((path, listed, below));
        }
        let other = |n: &&str| path.join(n).is_file();
        if name == KV_HOME || [METADATA, home_turtle::FILE_NAME].iter().any(other) {
            self.coverage.not_ours(listed, NotOurs::OtherSubject);
        } else if name == LOST_AND_FOUND {
            self.coverage.not_ours(listed, NotOurs::Unknown);
        } else if below >= MAX_LEVELS {
            self.coverage.not_checked(listed, Unchecked::TooMuch);
        } else {
            return Some((path, listed, below));
        }
        None
    }

    /// Something could not be had; of what holds no data that does not matter.
    fn left(&mut self, name: &str, e: &io::Error) {
        match not_ours(name) {
            Some(what) => self.coverage.not_ours(name, what),
            None => self.coverage.not_checked(name, Unchecked::io(e)),
        }
    }
}

/// What a file is that holds nothing to audit, where its name tells that.
pub fn not_ours(name: &str) -> Option<NotOurs> {
    let (above, base) = name.rsplit_once('/').unwrap_or(("", name));
    if above == DIAGNOSTICS || name.strip_suffix('/') == Some(DIAGNOSTICS) {
        return Some(NotOurs::Diagnostics);
    }
    // All of these lie in the home itself.
    if !above.is_empty() {
        return None;
    }
    let database = base.trim_end_matches("-wal").trim_end_matches("-shm");
    let page_log = matches!(database, KV_HOME | "checkpoints.db" | "globals.db" | "data.mdb" | "lock.mdb")
        || (database.starts_with("pages_") && database.ends_with(".db"));
    Some(match base {
        "WiredTiger.lock" | "mongod.lock" => NotOurs::Lock,
        "storage.bson" | "WiredTiger.turtle.set" | "WiredTiger.basecfg.set" => NotOurs::Text,
        _ if CONFIGURATIONS.contains(&base) => NotOurs::Text,
        _ if base.starts_with("WiredTigerStat.") => NotOurs::Diagnostics,
        _ if base.ends_with(".log") || base.contains(".log.") => NotOurs::Diagnostics,
        _ if base.starts_with("wtcheck-undo-") && base.ends_with(".journal") => NotOurs::Repair,
        _ if page_log => NotOurs::OtherSubject,
        _ => return None,
    })
}

/// Whether a file is one of those that are in the ledger by their directory alone.
pub(super) fn is_of_diagnostics(name: &str) -> bool {
    name.strip_prefix(DIAGNOSTICS).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a file begins like a block file.
pub(super) fn begins_like_blocks(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    regular_file(path)?.take(4).read_to_end(&mut head)?;
    Ok(head == local::DESCRIPTOR_MAGIC.to_le_bytes())
}
