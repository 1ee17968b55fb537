//! Is another process holding the store?
//!
//! Asks the kernel with `F_GETLK` which POSIX record lock would be in the way, on read-only
//! descriptors: nothing is locked, written or created, and nothing blocks. SQLite in WAL mode keeps
//! a shared lock on the database for as long as a connection has read from it, the engine keeps one
//! on `WiredTiger.lock`, LMDB on `lock.mdb`.
//!
//! Locks of this very process are not seen, and closing a descriptor gives up this process's own
//! POSIX locks on that file; a process that has the store open itself has no need to ask.

use super::StoreError;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{Mode, OFlags};
use std::path::{Path, PathBuf};

/// A lock of another process on a file of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub file: PathBuf,
    /// The process, if the system tells (not across pid namespaces or network file systems).
    pub pid: Option<i32>,
}

/// The first lock of another process on a file of the store; `home` is the directory above `kv_home`, if known.
///
/// Files that cannot be opened or asked about count as not locked.
pub fn holder(home: Option<&Path>, kv_home: &Path) -> Option<Holder> {
    let mut files: Vec<PathBuf> = home.map(|h| h.join("WiredTiger.lock")).into_iter().collect();
    let mut names: Vec<PathBuf> = super::entries(kv_home)
        .unwrap_or_default()
        .into_iter()
        .filter(|name| name.to_str().is_some_and(is_lock_bearer))
        .map(|name| kv_home.join(name))
        .collect();
    names.sort();
    files.append(&mut names);
    files.into_iter().find_map(|file| locked(&file).map(|pid| Holder { file, pid }))
}

/// Refuse a store that another process holds.
pub fn check(home: Option<&Path>, kv_home: &Path) -> Result<(), StoreError> {
    match holder(home, kv_home) {
        None => Ok(()),
        Some(Holder { file, pid: Some(pid) }) => {
            Err(StoreError::InUse { path: file, reason: format!("locked by process {pid}") })
        }
        Some(Holder { file, pid: None }) => {
            Err(StoreError::InUse { path: file, reason: "locked by another process (its id is not known)".into() })
        }
    }
}

fn is_lock_bearer(name: &str) -> bool {
    name == "lock.mdb" || name == "WiredTiger.lock" || name.ends_with(".db") || name.ends_with(".db-shm")
}

/// `Some(pid)` if another process has a lock anywhere in the file.
pub(super) fn locked(file: &Path) -> Option<Option<i32>> {
    // NONBLOCK: a FIFO of that name must not hang us; only regular files bear locks that matter.
    if !std::fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(file, flags, Mode::empty()).ok()?;
    // A write lock conflicts with every lock; length 0 reaches behind SQLite's lock bytes at 1 GiB.
    let mut lock = whole_file();
    fcntl(&fd, FcntlArg::F_GETLK(&mut lock)).ok()?;
    let held = i32::from(lock.l_type) != libc::F_UNLCK;
    // A lock of an open file, as this program takes them, is no process's.
    held.then(|| Some(lock.l_pid).filter(|pid| *pid > 0))
}

/// No lock.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(clippy::cast_possible_truncation, reason = "the constant is 2")]
pub(super) const UNLOCKED: libc::c_short = libc::F_UNLCK as libc::c_short;

/// A write lock on a whole file, to take or to ask about.
pub(super) fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::c_short::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
