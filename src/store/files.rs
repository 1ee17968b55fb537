//! Opening what is only read: regular files and directories, their access times left alone.

use rustix::fs::{Dir, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Open a regular file to read it, without a new access time where the system allows that. Anything else of that name
/// is refused and not opened: a FIFO would block until someone writes to it, a device may do anything.
pub fn regular_file(path: &Path) -> io::Result<File> {
    let regular = |meta: std::fs::Metadata| match meta {
        meta if meta.is_dir() => Err(rustix::io::Errno::ISDIR.into()),
        meta if !meta.is_file() => Err(io::Error::other("is not a regular file")),
        _ => Ok(()),
    };
    regular(std::fs::metadata(path)?)?;
    // Another may lie there by now.
    let file = File::from(open_quietly(path, OFlags::NONBLOCK | OFlags::NOCTTY)?);
    regular(file.metadata()?)?;
    Ok(file)
}

/// As [`regular_file`], where a directory is as much of another kind as anything else.
pub fn only_file(path: &Path) -> io::Result<File> {
    regular_file(path).map_err(|e| match e.kind() {
        io::ErrorKind::IsADirectory => io::Error::other("is not a regular file"),
        _ => e,
    })
}

/// Open for reading and leave the access time alone, which the system grants the owner and root.
fn open_quietly(path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | flags;
    #[cfg(target_os = "linux")]
    match rustix::fs::open(path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(rustix::io::Errno::PERM) => {}
        opened => return opened,
    }
    rustix::fs::open(path, flags, Mode::empty())
}

/// The names in a directory, in no order, its access time left alone where the system allows that.
pub fn entries(dir: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::new(open_quietly(dir, OFlags::DIRECTORY)?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// All of a regular file.
pub fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    io::Read::read_to_end(&mut regular_file(path)?, &mut out)?;
    Ok(out)
}
