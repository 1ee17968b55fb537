//! The bytes of one local block file (`*.wt`), mapped or read.
//!
//! Knows lengths and offsets, nothing of blocks. The length is taken once: a file that shrinks under
//! a map kills the process, which is why stores in use are refused and `--no-mmap` exists. A sector
//! that cannot be read does the same to a map, and is an ordinary error without one. The first such
//! error stays with the file: whoever judges what was read of it asks [`BlockFile::failure`], so that
//! no reader on the way can swallow it.

use super::{StoreError, only_file};
use crate::coverage::Unchecked;
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One open file.
#[derive(Debug)]
pub struct BlockFile {
    path: PathBuf,
    len: u64,
    source: Source,
    failure: OnceLock<Unchecked>,
}

#[derive(Debug)]
enum Source {
    Map(Mmap),
    File(File),
    /// Another file with more bytes behind its end.
    Extended(Box<BlockFile>, Vec<u8>),
    /// One that is not written yet.
    Memory(Vec<u8>),
}

impl BlockFile {
    /// Open a regular file read-only. The access time stays as it is where the system allows that.
    pub fn open(path: &Path, no_mmap: bool) -> Result<Self, StoreError> {
        let unreadable = |e: io::Error| StoreError::Unreadable { path: path.to_path_buf(), reason: e.to_string() };
        Self::open_file(path, no_mmap).map_err(unreadable)
    }

    /// As [`Self::open`], with the system's own error.
    pub fn open_file(path: &Path, no_mmap: bool) -> io::Result<Self> {
        let file = only_file(path)?;
        let len = file.metadata()?.len();
        // An empty file cannot be mapped, and has nothing to read either.
        let source = if no_mmap || len == 0 { Source::File(file) } else { map(file) };
        Ok(Self { path: path.to_path_buf(), len, source, failure: OnceLock::new() })
    }

    /// The file as it will be once these bytes are written to it.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Self {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { path: path.to_path_buf(), len, source: Source::Memory(bytes), failure: OnceLock::new() }
    }

    /// The first read of this file that failed, if one did: what was read of it is not all there is.
    pub fn failure(&self) -> Option<&Unchecked> {
        match &self.source {
            Source::Extended(base, _) => base.failure(),
            _ => self.failure.get(),
        }
    }

    /// The file as it will be once these bytes stand behind its end. Nothing is written.
    pub fn extended(self, tail: Vec<u8>) -> Self {
        let len = self.len.saturating_add(u64::try_from(tail.len()).unwrap_or(u64::MAX));
        let path = self.path.clone();
        Self { path, len, source: Source::Extended(Box::new(self), tail), failure: OnceLock::new() }
    }

    /// Bytes of the file when it was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `size` bytes from `offset` on: out of the map, or read into `buffer`.
    ///
    /// A range that leaves the file is [`StoreError::Damaged`], a failing read
    /// [`StoreError::Unreadable`].
    pub fn read<'a>(&'a self, offset: u64, size: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        Ok(match self.get(offset, size, buffer)? {
            Some(mapped) => mapped,
            None => buffer,
        })
    }

    /// As [`Self::read`]; `None` if the bytes are now what `buffer` holds. For callers that go on to
    /// change them.
    pub fn get(&self, offset: u64, size: usize, buffer: &mut Vec<u8>) -> Result<Option<&[u8]>, StoreError> {
        let inside = u64::try_from(size).ok().and_then(|s| offset.checked_add(s)).is_some_and(|end| end <= self.len);
        let beyond = || StoreError::Damaged {
            path: self.path.clone(),
            reason: format!("{size} bytes at offset {offset} are outside the file of {} bytes", self.len),
        };
        if !inside {
            return Err(beyond());
        }
        match &self.source {
            Source::Map(map) => {
                let at = usize::try_from(offset).map_err(|_| beyond())?;
                map.get(at..).and_then(|rest| rest.get(..size)).ok_or_else(beyond).map(Some)
            }
            Source::Memory(bytes) => {
                let at = usize::try_from(offset).map_err(|_| beyond())?;
                bytes.get(at..).and_then(|rest| rest.get(..size)).ok_or_else(beyond).map(Some)
            }
            Source::File(file) => {
                buffer.resize(size, 0);
                file.read_exact_at(buffer, offset).map_err(|e| {
                    let reason = format!("reading {size} bytes at offset {offset}: {e}");
                    let error = reason.clone();
                    self.failure.get_or_init(|| Unchecked::Io { errno: e.raw_os_error(), error });
                    StoreError::Unreadable { path: self.path.clone(), reason }
                })?;
                Ok(None)
            }
            Source::Extended(base, tail) => {
                let inside = base.len.saturating_sub(offset);
                let inside = usize::try_from(inside).unwrap_or(usize::MAX).min(size);
                if inside == size {
                    return base.get(offset, size, buffer);
                }
                let at = usize::try_from(offset.saturating_sub(base.len)).map_err(|_| beyond())?;
                let rest = tail.get(at..).and_then(|t| t.get(..size.saturating_sub(inside))).ok_or_else(beyond)?;
                if inside == 0 {
                    return Ok(Some(rest));
                }
                let mut head = Vec::new();
                let head = base.read(offset, inside, &mut head)?;
                buffer.clear();
                buffer.extend_from_slice(head);
                buffer.extend_from_slice(rest);
                Ok(None)
            }
        }
    }

    /// As much of `size` bytes from `offset` on as the file has.
    pub fn read_up_to<'a>(&'a self, offset: u64, size: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.read(offset.min(self.len), size.min(left), buffer)
    }
}

/// Map the file; where that fails (some network file systems), read it.
#[allow(unsafe_code)]
fn map(file: File) -> Source {
    // SAFETY: the file is opened read-only and only read through the map. Another process could
    // still truncate it: stores in use are refused, and --no-mmap avoids the map.
    match unsafe { Mmap::map(&file) } {
        Ok(map) => Source::Map(map),
        Err(_) => Source::File(file),
    }
}
