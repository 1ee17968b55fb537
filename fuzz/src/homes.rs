//! A directory in memory-backed storage whose files are changed for an input and put back for the next.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::page_header::HEADER_LEN;
use wtcheck::format::reader::Reader;

/// Files and the directory they lie in; removed with the process.
pub struct Home {
    dir: tempfile::TempDir,
    files: Vec<(String, Vec<u8>)>,
    /// Files that differ from `files` on disk.
    dirty: BTreeSet<usize>,
}

/// A change of one file.
#[derive(Debug, Clone)]
pub enum FileChange {
    /// It now has this content.
    Content(Vec<u8>),
    /// It is gone.
    Gone,
}

impl Home {
    /// Lay files out.
    #[must_use]
    pub fn new(files: Vec<(String, Vec<u8>)>) -> Self {
        let dir = temporary();
        let dirty = (0..files.len()).collect();
        let mut home = Self { dir, files, dirty };
        home.lay(&[]);
        home
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The files as they are without changes.
    #[must_use]
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    fn place(&self, at: usize) -> PathBuf {
        self.dir.path().join(&self.files[at].0)
    }

    /// Make the directory what the files and these changes say, by position.
    pub fn lay(&mut self, changes: &[(usize, FileChange)]) {
        for at in std::mem::take(&mut self.dirty) {
            let path = self.place(at);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).expect("a directory");
            }
            std::fs::write(path, &self.files[at].1).expect("a file");
        }
        for (at, change) in changes {
            self.dirty.insert(*at);
            match change {
                FileChange::Content(bytes) => std::fs::write(self.place(*at), bytes).expect("a file"),
                FileChange::Gone => {
                    let _ = std::fs::remove_file(self.place(*at));
                }
            }
        }
    }
}

/// Where and how to change a file: unit and place in it, so that heads of blocks are hit as often as
/// anything else.
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    /// Which file.
    pub file: u8,
    unit: u16,
    offset: u16,
    kind: Kind,
    bytes: [u8; 8],
    /// What becomes of the checksum.
    pub mend: crate::seal::Mend,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Overwrite so many bytes, 1 to 8.
    Write(u8),
    /// Add to one byte.
    Add,
    /// Zeros from here, so many times 16.
    Zero(u8),
    /// The file ends here.
    Cut,
    /// Another unit's content lies here.
    Copy(u16),
    /// The file is gone.
    Gone,
    /// Text in the file: put bytes in between.
    Insert(u8),
}

impl<'a> Arbitrary<'a> for Patch {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (file, unit, offset) = u.arbitrary()?;
        let kind = match u.int_in_range(0..=6)? {
            0 => Kind::Write(u.arbitrary()?),
            1 => Kind::Add,
            2 => Kind::Zero(u.arbitrary()?),
            3 => Kind::Cut,
            4 => Kind::Copy(u.arbitrary()?),
            5 => Kind::Gone,
            _ => Kind::Insert(u.arbitrary()?),
        };
        Ok(Self { file, unit, offset, kind, bytes: u.arbitrary()?, mend: u.arbitrary()? })
    }
}

impl Patch {
    /// Apply to a file's content; the range that changed, or `None` if the file is gone.
    pub fn apply(&self, bytes: &mut Vec<u8>, unit: usize) -> Option<Range<usize>> {
        let units = bytes.len().div_ceil(unit).max(1);
        let at = (usize::from(self.unit) % units * unit + usize::from(self.offset) % unit).min(bytes.len());
        let end = |len: usize| at.saturating_add(len).min(bytes.len());
        let range = match self.kind {
            Kind::Gone => return None,
            Kind::Write(n) => {
                let range = at..end(usize::from(n % 8) + 1);
                let len = range.len();
                bytes[range.clone()].copy_from_slice(&self.bytes[..len]);
                range
            }
            Kind::Add => {
                let range = at..end(1);
                for b in &mut bytes[range.clone()] {
                    *b = b.wrapping_add(self.bytes[0]);
                }
                range
            }
            Kind::Zero(n) => {
                let range = at..end(16 * (usize::from(n) + 1));
                bytes[range.clone()].fill(0);
                range
            }
            Kind::Cut => {
                bytes.truncate(at);
                at..at
            }
            Kind::Copy(from) => {
                let start = at / unit * unit;
                let from = usize::from(from) % units * unit;
                let content = bytes[from..(from + unit).min(bytes.len())].to_vec();
                let range = start..(start + content.len()).min(bytes.len());
                let len = range.len();
                bytes[range.clone()].copy_from_slice(&content[..len]);
                range
            }
            Kind::Insert(n) => {
                let len = usize::from(n % 8) + 1;
                bytes.splice(at..at, self.bytes[..len].iter().copied());
                at..bytes.len()
            }
        };
        Some(range)
    }
}

/// A temporary directory, in memory where there is such a place.
#[must_use]
pub fn temporary() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("wtcheck-fuzz-").tempdir_in(base).expect("a temporary directory")
}

/// What an input makes of files: patches applied, and after each one `mend` on the content as it was,
/// the content as it is now, and the patch with its range.
pub fn changes(
    files: &[(String, Vec<u8>)],
    u: &mut Unstructured<'_>,
    most: usize,
    unit: usize,
    mut mend: impl FnMut(usize, &mut Vec<u8>, (&Patch, Range<usize>)),
) -> Vec<(usize, FileChange)> {
    let mut out: BTreeMap<usize, FileChange> = BTreeMap::new();
    for _ in 0..most {
        if u.is_empty() {
            break;
        }
        let Ok(patch) = Patch::arbitrary(u) else { break };
        let at = usize::from(patch.file) % files.len();
        let change = out.entry(at).or_insert_with(|| FileChange::Content(files[at].1.clone()));
        if let FileChange::Content(bytes) = change {
            match patch.apply(bytes, unit) {
                Some(range) => mend(at, bytes, (&patch, range)),
                None => *change = FileChange::Gone,
            }
        }
    }
    out.into_iter().collect()
}

/// Names, sizes, times and bytes of all files below a directory.
#[must_use]
pub fn state(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    fn collect(dir: &Path, out: &mut BTreeMap<PathBuf, (SystemTime, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("a name").path();
            let modified = path.metadata().and_then(|m| m.modified()).expect("a time");
            if path.is_dir() {
                collect(&path, out);
                out.insert(path, (modified, Vec::new()));
            } else {
                let bytes = std::fs::read(&path).expect("readable");
                out.insert(path, (modified, bytes));
            }
        }
    }
    let mut out = BTreeMap::new();
    collect(dir, &mut out);
    out
}

/// What blocks of the fixture begin at.
const UNIT: usize = 4096;

/// The block that holds a place: the nearest head before it that says it reaches so far.
pub fn block_of(bytes: &[u8], at: usize) -> Option<(std::ops::Range<usize>, u32)> {
    (0..=at / UNIT).rev().take(32).find_map(|unit| {
        let start = unit * UNIT;
        let mut r = Reader::at(bytes, start + HEADER_LEN).ok()?;
        let header = LocalBlockHeader::read(&mut r).ok()?;
        let size = header.disk_size as usize;
        let fits = size > 0 && size % 512 == 0 && start + size > at && start + size <= bytes.len();
        fits.then_some((start..start + size, header.checksum))
    })
}
