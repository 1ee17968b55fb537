//! A directory, and what lies below it, reached by its handle. Somebody else may own the directory and plant things
//! in it: no link is followed on the way, and only regular files with one name are opened.
//!
//! Names are relative and plain: no `..`, nothing absolute. Each directory on the way is opened from the one above
//! it, so that what is swapped meanwhile leads nowhere else.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What nothing is read from or written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Odd {
    /// It leads elsewhere.
    #[error("is a symbolic link")]
    Link,
    /// Hard links: what is changed under one name changes under the others.
    #[error("has {0} names (hard links), and only files with a single name are changed")]
    Names(u64),
    /// A FIFO, a socket, a device.
    #[error("is not a regular file")]
    Special,
    /// A directory where a file should be.
    #[error("is a directory")]
    Directory,
    /// No file where a directory should be.
    #[error("is not a directory")]
    NoDirectory,
    /// Absolute, or with `..` in it.
    #[error("is not a name below the directory")]
    Name,
}

impl From<Odd> for io::Error {
    fn from(odd: Odd) -> Self {
        Self::other(odd)
    }
}

/// A directory by its handle.
#[derive(Debug)]
pub struct Below {
    handle: OwnedFd,
    /// For messages, and for libraries that take nothing else.
    path: PathBuf,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A FIFO is not waited for, and no terminal becomes ours.
const CAREFUL: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

impl Below {
    /// A directory that a person named: links in what they wrote are theirs.
    pub fn open(path: &Path) -> io::Result<Self> {
        let handle = fs::open(path, DIRECTORY, Mode::empty())?;
        Ok(Self { handle, path: std::path::absolute(path)? })
    }

    /// A directory below this one.
    pub fn directory(&self, name: &Path) -> io::Result<Self> {
        let handle = step(self.handle.try_clone()?, name)?;
        Ok(Self { handle, path: self.path.join(name) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The handle itself, to lock the directory or ask about its file system.
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// The directory's own owner, mode and place.
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(fs::fstat(&self.handle)?)
    }

    /// The directory that a name lies in, and its last part.
    fn parent<'n>(&self, name: &'n Path) -> io::Result<(OwnedFd, &'n OsStr)> {
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let last = name.file_name().filter(|_| plain).ok_or(Odd::Name)?;
        let above = name.parent().unwrap_or(Path::new(""));
        Ok((step(self.handle.try_clone()?, above)?, last))
    }

    /// What lies under a name, itself; `None` if nothing does.
    pub fn look(&self, name: &Path) -> io::Result<Option<Stat>> {
        let found = self.parent(name).and_then(|(dir, last)| Ok(fs::statat(dir, last, AtFlags::SYMLINK_NOFOLLOW)?));
        none_if_missing(found)
    }

    /// Whether a file may be touched; `None` if there is none.
    pub fn check(&self, name: &Path) -> io::Result<Option<Stat>> {
        let found = self.look(name)?;
        found.map(|stat| regular(&stat).map(|()| stat)).transpose()
    }

    fn file(&self, name: &Path, flags: OFlags) -> io::Result<Option<File>> {
        let (dir, last) = match none_if_missing(self.parent(name))? {
            Some(found) => found,
            None => return Ok(None),
        };
        // Asked first: opening a device may do something.
        let Some(stat) = none_if_missing(fs::statat(&dir, last, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from))?
        else {
            return Ok(None);
        };
        regular(&stat)?;
        let opened = fs::openat(&dir, last, flags | CAREFUL, Mode::empty()).map_err(odd_link);
        let Some(file) = none_if_missing(opened)? else { return Ok(None) };
        regular(&fs::fstat(&file)?)?;
        Ok(Some(File::from(file)))
    }

    /// Open a file to read it; `None` if there is none.
    pub fn read(&self, name: &Path) -> io::Result<Option<File>> {
        self.file(name, OFlags::RDONLY)
    }

    /// Open a file that may have other names to read it, if it is still the one that was looked at.
    pub fn read_shared(&self, name: &Path, seen: &Stat) -> io::Result<Option<File>> {
        let (dir, last) = self.parent(name)?;
        let Some(file) =
            none_if_missing(fs::openat(&dir, last, OFlags::RDONLY | CAREFUL, Mode::empty()).map_err(odd_link))?
        else {
            return Ok(None);
        };
        let now = fs::fstat(&file)?;
        let same = (now.st_dev, now.st_ino) == (seen.st_dev, seen.st_ino);
        if same { Ok(Some(File::from(file))) } else { Err(Odd::Special.into()) }
    }

    /// Open a file to read and write it; `None` if there is none.
    pub fn write(&self, name: &Path) -> io::Result<Option<File>> {
        self.file(name, OFlags::RDWR)
    }

    /// Open what is no file to write to it. The caller asks what it is.
    pub fn stream(&self, name: &Path) -> io::Result<File> {
        let (dir, last) = self.parent(name)?;
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(fs::openat(dir, last, flags, Mode::empty()).map_err(odd_link)?))
    }

    /// Make a directory that is not there, for its owner only, and open it.
    pub fn make_directory(&self, name: &Path) -> io::Result<Self> {
        let (dir, last) = self.parent(name)?;
        fs::mkdirat(&dir, last, Mode::RWXU)?;
        let made = Self { handle: step(dir, Path::new(last))?, path: self.path.join(name) };
        // Another may lie there by now.
        let stat = made.stat()?;
        let own = stat.st_uid == rustix::process::geteuid().as_raw() && made.names()?.is_empty();
        if own { Ok(made) } else { Err(io::Error::other("is not the directory that was created")) }
    }

    /// Make a file that is not there.
    pub fn create(&self, name: &Path, mode: u32) -> io::Result<File> {
        let (dir, last) = self.parent(name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | CAREFUL;
        Ok(File::from(fs::openat(dir, last, flags, Mode::from_raw_mode(mode))?))
    }

    /// Give a file another name, in place of what has that.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let ((from_dir, from), (to_dir, to)) = (self.parent(from)?, self.parent(to)?);
        Ok(fs::renameat(from_dir, from, to_dir, to)?)
    }

    /// Remove a file or link, not what it leads to; one that is gone already is fine.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        let gone = self.parent(name).and_then(|(dir, last)| Ok(fs::unlinkat(dir, last, AtFlags::empty())?));
        none_if_missing(gone).map(|_| ())
    }

    /// Make the names in the directory of a file durable.
    pub fn sync(&self, name: &Path) -> io::Result<()> {
        Ok(fs::fsync(self.parent(name)?.0)?)
    }

    /// The names in it, sorted.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStrExt;
        let mut out = Vec::new();
        for entry in fs::Dir::read_from(&self.handle)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_os_string();
            if name != "." && name != ".." {
                out.push(name);
            }
        }
        out.sort();
        Ok(out)
    }

    /// A second handle of the same directory.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()?, path: self.path.clone() })
    }

    /// Whether the path still leads to this directory: what takes a path only is told nothing else.
    pub fn stands(&self) -> bool {
        let (Ok(now), Ok(then)) = (fs::stat(&self.path), self.stat()) else { return false };
        (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
    }

    /// Whether a path still leads to a file that was opened here, and is no link.
    pub fn leads_to(path: &Path, file: &File) -> bool {
        let (Ok(now), Ok(then)) = (fs::lstat(path), fs::fstat(file)) else { return false };
        (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
    }
}

/// What runs as root acts as the owner of a directory, in this thread, until this is dropped: libraries open files by
/// their paths, and whoever owns the directory can let a path lead anywhere between two looks. Then it leads nowhere
/// that they could not go themselves.
#[derive(Debug)]
pub struct AsOwner {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    back: Option<(nix::unistd::Uid, nix::unistd::Gid)>,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl AsOwner {
    pub fn of(dir: &Below) -> Self {
        use nix::unistd::{Gid, Uid, setfsgid, setfsuid, setgroups};
        let stat = match dir.stat() {
            Ok(stat) if stat.st_uid != 0 && rustix::process::geteuid().is_root() => stat,
            _ => return Self { back: None },
        };
        // Root's groups are not the owner's. Root itself needs none.
        let _ = setgroups(&[]);
        let group = setfsgid(Gid::from_raw(stat.st_gid));
        Self { back: Some((setfsuid(Uid::from_raw(stat.st_uid)), group)) }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Drop for AsOwner {
    fn drop(&mut self) {
        if let Some((user, group)) = self.back {
            nix::unistd::setfsuid(user);
            nix::unistd::setfsgid(group);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl AsOwner {
    pub fn of(_: &Below) -> Self {
        Self {}
    }
}

/// Go down from a directory, one name after the other.
fn step(mut dir: OwnedFd, name: &Path) -> io::Result<OwnedFd> {
    for part in name.components() {
        let Component::Normal(part) = part else { return Err(Odd::Name.into()) };
        dir = fs::openat(&dir, part, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(|e| match e {
            // Linux answers so for a link, too, where a directory is asked for.
            Errno::NOTDIR | Errno::LOOP => {
                let link = fs::statat(&dir, part, AtFlags::SYMLINK_NOFOLLOW);
                let link = link.is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Symlink);
                if link { Odd::Link.into() } else { Odd::NoDirectory.into() }
            }
            e => io::Error::from(e),
        })?;
    }
    Ok(dir)
}

fn odd_link(e: Errno) -> io::Error {
    if e == Errno::LOOP { Odd::Link.into() } else { e.into() }
}

/// Whether a file is regular and has one name.
#[allow(clippy::useless_conversion, reason = "the count of names has another type on other machines")]
pub fn regular(stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink <= 1 => Ok(()),
        FileType::RegularFile => Err(Odd::Names(u64::from(stat.st_nlink)).into()),
        FileType::Symlink => Err(Odd::Link.into()),
        FileType::Directory => Err(Odd::Directory.into()),
        _ => Err(Odd::Special.into()),
    }
}

fn none_if_missing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The file system that something lies on has so many bytes left; `None` if it does not say.
pub fn free_space(at: &impl AsFd) -> Option<u64> {
    let stat = fs::fstatvfs(at).ok()?;
    (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}
