//! Copying a data directory, to mend the copy: everything below it, links followed, content
//! synchronised.

use super::RepairError;
use super::journal::sync_directory;
use crate::audit::Progress;
use crate::scratch;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Directories deeper than this are not a data directory's own.
const MAX_DEPTH: usize = 16;

struct Item {
    from: PathBuf,
    to: PathBuf,
    len: u64,
}

/// Copy `from` to `to`, which must not exist. SQLite's `-shm` files are left out: they belong to the
/// process that made them, and SQLite makes them anew.
pub fn directory(from: &Path, to: &Path, progress: &dyn Progress) -> Result<(), RepairError> {
    let fail = |path: &Path, e: &io::Error| RepairError::Io { path: path.display().to_string(), reason: e.to_string() };
    let (mut dirs, mut files) = (Vec::new(), Vec::new());
    list(from, to, 0, &mut dirs, &mut files).map_err(|e| fail(from, &e))?;
    let total: u64 = files.iter().map(|f| f.len).sum();
    check_space(to, total)?;
    progress.phase("copying", Some(total));
    for dir in &dirs {
        fs::create_dir(dir).map_err(|e| fail(dir, &e))?;
    }
    let mut done = 0;
    for item in &files {
        copy(item).map_err(|e| fail(&item.to, &e))?;
        done += item.len;
        progress.at(done, done);
    }
    for dir in dirs.iter().rev() {
        sync_directory(dir).map_err(|e| fail(dir, &e))?;
    }
    Ok(())
}

fn list(from: &Path, to: &Path, depth: usize, dirs: &mut Vec<PathBuf>, files: &mut Vec<Item>) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("directories nested too deeply, or links in a circle"));
    }
    dirs.push(to.to_path_buf());
    let mut entries: Vec<_> = fs::read_dir(from)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let mut source = entry.path();
        let target = to.join(entry.file_name());
        // An archive without links leaves the target's name in a small file.
        if let Some(linked) = crate::store::open::flattened_link(from, &source) {
            source = linked;
        }
        let meta = fs::metadata(&source)?;
        if meta.is_dir() {
            list(&source, &target, depth + 1, dirs, files)?;
        } else if meta.is_file() && !entry.file_name().to_string_lossy().ends_with(".db-shm") {
            files.push(Item { from: source, to: target, len: meta.len() });
        }
    }
    Ok(())
}

fn copy(item: &Item) -> io::Result<()> {
    let modified = fs::metadata(&item.from)?.modified();
    fs::copy(&item.from, &item.to)?;
    // A read-only source must not make a copy that cannot be mended.
    let mut permissions = fs::metadata(&item.to)?.permissions();
    if permissions.readonly() {
        use std::os::unix::fs::PermissionsExt;
        permissions.set_mode(permissions.mode() | 0o200);
        fs::set_permissions(&item.to, permissions)?;
    }
    let file = File::options().write(true).open(&item.to)?;
    if let Ok(time) = modified {
        file.set_modified(time)?;
    }
    file.sync_all()
}

/// Say so at once if the copy cannot fit. Some file systems share blocks of copies, or do not know
/// their free space: an unknown or a zero total passes.
fn check_space(to: &Path, total: u64) -> Result<(), RepairError> {
    let parent = scratch::directory_of(to);
    let Ok(stat) = rustix::fs::statvfs(parent) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if stat.f_blocks > 0 && free < total {
        return Err(RepairError::Refused(format!(
            "{}: the copy needs {total} bytes, {free} are free",
            parent.display()
        )));
    }
    Ok(())
}
