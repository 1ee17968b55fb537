//! Writes a result to a file as a whole or not at all: whoever finds the file finds all of it.

use crate::scratch;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// As a new file: what the umask leaves of it.
const NEW_FILE: u32 = 0o666;

/// Write a file, in place of one that may be there. What is no regular file (a pipe, a terminal) is
/// written to as it is.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Through a link, as any program would write.
    let target = fs::canonicalize(path);
    let target = target.as_deref().unwrap_or(path);
    let before = fs::metadata(target);
    let mode = match &before {
        Ok(meta) if !meta.is_file() => return fs::write(target, bytes),
        Ok(meta) => meta.permissions().mode(),
        Err(_) => NEW_FILE,
    };
    let dir = scratch::directory_of(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wtcheck-").permissions(fs::Permissions::from_mode(mode));
    let held = match scratch::hold(|| builder.tempfile_in(dir), |f| f.path(), "") {
        Ok(held) => held,
        // A file may be writable where the directory is not, and a dangling link leads to a new one.
        Err(_) => return fs::write(path, bytes),
    };
    let (mut file, listed) = held.into_parts();
    file.write_all(bytes).and_then(|()| file.as_file().sync_all())?;
    file.persist(target).map_err(|e| e.error)?;
    drop(listed);
    Ok(())
}
