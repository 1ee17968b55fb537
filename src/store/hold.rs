//! Holding a store: nobody else gets at it from before this process looks until it has written.
//!
//! The locks are those of open file descriptions. They exclude the locks of SQLite, LMDB and the engine and are
//! excluded by them; unlike those they do not go when this process closes another handle of the same file, as every
//! audit does. Whoever holds one needs no locks of a library, which would only be in its way.

use super::{StoreError, live};
use crate::below::{Below, Odd};
use rustix::fs::{Mode, Stat};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files that are locked, in a directory that is open.
#[derive(Debug)]
pub struct Hold {
    dir: Below,
    files: Vec<(PathBuf, File)>,
    /// A lock file that was made here, and goes again.
    made: Option<PathBuf>,
}

impl Hold {
    /// A directory; nothing is locked yet.
    pub fn new(dir: Below) -> Self {
        Self { dir, files: Vec::new(), made: None }
    }

    pub fn dir(&self) -> &Below {
        &self.dir
    }

    fn error(&self, name: &Path, e: &io::Error) -> StoreError {
        refused(&self.dir, name, e)
    }

    /// Lock a file that is there; says whether it is.
    pub fn lock(&mut self, name: &Path) -> Result<bool, StoreError> {
        match self.dir.write(name).map_err(|e| self.error(name, &e))? {
            None => Ok(false),
            Some(file) => self.take(name, file).map(|()| true),
        }
    }

    /// Lock a file that only serves for that, and make it if there is none: for the user and the mode of another.
    pub fn lock_or_make(&mut self, name: &Path, model: &Stat) -> Result<(), StoreError> {
        if self.lock(name)? {
            return Ok(());
        }
        let file = self.dir.create(name, 0o600).map_err(|e| self.error(name, &e))?;
        self.made = Some(name.to_path_buf());
        like(&file, model).map_err(|e| self.error(name, &e))?;
        self.take(name, file)
    }

    fn take(&mut self, name: &Path, file: File) -> Result<(), StoreError> {
        match exclusive(&file) {
            Ok(true) => {
                self.files.push((name.to_path_buf(), file));
                Ok(())
            }
            Ok(false) => {
                let path = self.dir.path().join(name);
                let holder = live::locked(&path).flatten();
                let reason = match holder {
                    Some(pid) => format!("locked by process {pid}"),
                    None => "locked by another process (its id is not known)".to_string(),
                };
                Err(StoreError::InUse { path, reason })
            }
            Err(e) => Err(self.error(name, &e)),
        }
    }

    /// That a file which is none of those locked may be touched: regular, with one name, or not there.
    pub fn check(&self, name: &Path) -> Result<Option<Stat>, StoreError> {
        self.dir.check(name).map_err(|e| self.error(name, &e))
    }

    /// That the path of a locked file, which libraries open by it, still leads to that file.
    pub fn leads(&self, path: &Path, name: &Path) -> bool {
        let file = self.files.iter().find(|(locked, _)| locked == name);
        file.is_some_and(|(_, file)| Below::leads_to(path, file))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Still locked: who opened it meanwhile was told that the store is in use.
        if let Some(name) = &self.made {
            let _ = self.dir.remove(name);
        }
        // A child that was just begun may have copies of the handles, and with them the locks, until it runs its program.
        for (_, file) in &self.files {
            release(file);
        }
    }
}

/// Why something below a directory is not opened to be written.
pub fn refused(dir: &Below, name: &Path, e: &io::Error) -> StoreError {
    let path = dir.path().join(name);
    match e.get_ref().and_then(|inner| inner.downcast_ref::<Odd>()) {
        Some(odd) => StoreError::Odd { path, odd: *odd },
        None => StoreError::Unwritable { path, error: e.to_string() },
    }
}

/// Give a file the owner, group and mode of another: the engine's user must be able to use it.
pub fn like(file: &File, model: &Stat) -> io::Result<()> {
    let own = rustix::fs::fstat(file)?;
    if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid) {
        std::os::unix::fs::fchown(file, Some(model.st_uid), Some(model.st_gid))?;
    }
    // As many rights as the model gives to read and write: a directory is a model, too.
    file.set_permissions(fs::Permissions::from_mode(Mode::from_raw_mode(model.st_mode).as_raw_mode() & 0o666 | 0o600))
}

/// Lock a whole file for this handle; `false` if somebody else has a lock on any of it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exclusive(file: &File) -> io::Result<bool> {
    use nix::errno::Errno as Answer;
    use nix::fcntl::{FcntlArg, fcntl};
    match fcntl(file, FcntlArg::F_OFD_SETLK(&live::whole_file())) {
        Ok(_) => Ok(true),
        Err(Answer::EAGAIN | Answer::EACCES) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn release(file: &File) {
    use nix::fcntl::{FcntlArg, fcntl};
    let none = nix::libc::flock { l_type: live::UNLOCKED, ..live::whole_file() };
    let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&none));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn release(file: &File) {
    let _ = rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingUnlock);
}

/// Elsewhere the locks are those of the process.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exclusive(file: &File) -> io::Result<bool> {
    use rustix::io::Errno;
    match rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
