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
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn files_links_and_what_is_neither() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        write(&at("new"), b"one").unwrap();
        write(&at("new"), b"two").unwrap();
        assert_eq!((fs::read(at("new")).unwrap(), names(temp.path())), (b"two".to_vec(), 1));
        fs::set_permissions(at("new"), fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("new", at("link")).unwrap();
        write(&at("link"), b"three").unwrap();
        assert_eq!(fs::read(at("new")).unwrap(), b"three");
        assert_eq!(fs::metadata(at("new")).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        write(Path::new("/dev/null"), b"four").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(write(&at("nothing/here"), b"five").is_err());
        assert!(write(temp.path(), b"six").is_err());
        assert_eq!(names(temp.path()), 2);
    }
}
