//! Copying a data directory, to mend the copy: every directory and file below it, with owner, mode and time, content
//! synchronised. No link is followed: what it leads to may be nobody's to copy.

use super::RepairError;
use crate::audit::Progress;
use crate::below::{Below, Odd, free_space};
use crate::scratch;
use rustix::fs::{FileType, Stat};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Directories deeper than this are not a data directory's own.
const MAX_DEPTH: usize = 16;
/// Nor are so many files: a thousand times a large node's.
const MAX_FILES: usize = 10_000_000;

/// What is to be copied: names below the directory.
#[derive(Default)]
struct List {
    directories: Vec<(PathBuf, Stat)>,
    files: Vec<(PathBuf, Stat)>,
}

/// Copy `from` to `to`, which must not exist, in a directory that is open; gives back the copy by its handle. SQLite's `-shm` files are left out: they belong to the
/// process that made them, and SQLite makes them anew. So are sockets and the like.
pub fn directory(from: &Path, above: &Below, to: &Path, progress: &dyn Progress) -> Result<Below, RepairError> {
    let fail = |path: &Path, e: &io::Error| -> RepairError {
        let odd = e.get_ref().and_then(|inner| inner.downcast_ref::<Odd>());
        match odd {
            Some(odd) => RepairError::Refused(format!(
                "{} {odd}, and only what is in the directory itself is copied. Copy the directory by hand, with a plain \
                 file in its place if it is needed, and repair that copy: --in-place --dir COPY",
                path.display()
            )),
            None => RepairError::Io { path: path.display().to_string(), reason: e.to_string() },
        }
    };
    let source = Below::open(from).map_err(|e| fail(from, &e))?;
    let stat = source.stat().map_err(|e| fail(from, &e))?;
    let mut list = List::default();
    walk(&source, stat.st_uid, Path::new(""), 0, &mut list).map_err(|(name, e)| fail(&from.join(name), &e))?;
    let total: u64 = list.files.iter().map(|(_, s)| u64::try_from(s.st_size).unwrap_or(0)).sum();
    check_space(to, total)?;
    progress.phase("copying", None);
    let target = above.make_directory(Path::new(to.file_name().unwrap_or_default())).map_err(|e| fail(to, &e))?;
    for (name, _) in &list.directories {
        target.make_directory(name).map_err(|e| fail(&to.join(name), &e))?;
    }
    let mut done = 0;
    for (name, stat) in &list.files {
        copy((&source, &target), name, stat).map_err(|e| fail(&from.join(name), &e))?;
        done += u64::try_from(stat.st_size).unwrap_or(0);
        progress.part(done, total);
    }
    // From the deepest up: a directory may come to be one that even its owner must not write into.
    for (name, stat) in list.directories.iter().rev() {
        let at = to.join(name);
        let same = target.directory(name).and_then(|dir| keep(dir.handle(), stat, 0o700));
        same.map_err(|e| fail(&at, &e))?;
    }
    keep(target.handle(), &stat, 0o700).map_err(|e| fail(to, &e))?;
    Ok(target)
}

type Failed = (PathBuf, io::Error);

fn walk(dir: &Below, owner: u32, above: &Path, depth: usize, out: &mut List) -> Result<(), Failed> {
    let at = |name: &OsStr| above.join(name);
    if depth > MAX_DEPTH {
        return Err((above.to_path_buf(), io::Error::other("directories are nested too deeply")));
    }
    for name in dir.names().map_err(|e| (above.to_path_buf(), e))? {
        if out.files.len() >= MAX_FILES {
            return Err((above.to_path_buf(), io::Error::other("there are too many files")));
        }
        let path = Path::new(&name);
        let Some(stat) = dir.look(path).map_err(|e| (at(&name), e))? else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            // A mounted file system's own, which only root may enter.
            FileType::Directory if depth == 0 && name == "lost+found" => {}
            FileType::Directory => {
                let below = dir.directory(path).map_err(|e| (at(&name), e))?;
                out.directories.push((at(&name), stat));
                walk(&below, owner, &at(&name), depth + 1, out)?;
            }
            FileType::RegularFile | FileType::Symlink => {
                // A second name is as good as a copy to read, if the file is the owner's: snapshots are made of them.
                if !(stat.st_uid == owner && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile) {
                    crate::below::regular(&stat).map_err(|e| (at(&name), e))?;
                }
                if !name.to_string_lossy().ends_with(".db-shm") {
                    out.files.push((at(&name), stat));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn copy((source, target): (&Below, &Below), name: &Path, stat: &Stat) -> io::Result<()> {
    let mut from = source.read_shared(name, stat)?.ok_or(io::ErrorKind::NotFound)?;
    let modified = from.metadata()?.modified();
    let mut to = target.create(name, 0o600)?;
    io::copy(&mut from, &mut to)?;
    // A read-only source must not make a copy that cannot be mended.
    keep(&to, stat, 0o600)?;
    if let Ok(time) = modified {
        to.set_modified(time)?;
    }
    to.sync_all()
}

/// Give a copy owner, group and mode of the original, and its owner at least these rights; durable on return.
fn keep(handle: impl rustix::fd::AsFd, stat: &Stat, least: u32) -> io::Result<()> {
    let own = rustix::fs::fstat(&handle)?;
    let file = File::from(handle.as_fd().try_clone_to_owned()?);
    if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
        let given = std::os::unix::fs::fchown(&file, Some(stat.st_uid), Some(stat.st_gid));
        // Only root may give files away; whoever else copies a directory gets a copy of their own.
        if let Err(e) = given
            && rustix::process::geteuid().is_root()
        {
            return Err(e);
        }
    }
    file.set_permissions(fs::Permissions::from_mode(stat.st_mode & 0o2777 | least))?;
    file.sync_all()
}

/// Say so at once if the copy cannot fit. Some file systems share blocks of copies, or do not know
/// their free space: an unknown or a zero total passes.
fn check_space(to: &Path, total: u64) -> Result<(), RepairError> {
    let parent = scratch::directory_of(to);
    let free = File::open(parent).ok().and_then(|dir| free_space(&dir));
    match free {
        Some(free) if free < total => {
            Err(RepairError::Refused(format!("{}: the copy needs {total} bytes, {free} are free", parent.display())))
        }
        _ => Ok(()),
    }
}
