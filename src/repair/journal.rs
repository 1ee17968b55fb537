//! The undo journal: every record a repair changes, before and after, written and synchronised
//! before the first change.
//!
//! One line each: the crc32c of the rest in hex, a space, a JSON object. The first line is the
//! header, then the changes in the order they are made, then a line with their number. A journal
//! without that line was never finished, so nothing was changed yet. Lines behind it only note what
//! became of the repair; what counts is what the store says.

use super::RepairError;
use crate::below::Below;
use crate::format::crc::crc32c;
use crate::home::edit::FileChange;
use crate::id::Lsn;
use crate::output::{self, JOURNAL_PREFIX as PREFIX};
use crate::scratch;
use crate::store::edit::{Change, Value};
use crate::store::{StoreKind, regular_file};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Version of the journal's form.
pub const JOURNAL_VERSION: u32 = 1;
/// Names of journals in a data directory end like this.
const SUFFIX: &str = ".journal";
/// Longest line: a block of 64 MB in hex and its names.
const LONGEST: u64 = 128 << 20;

/// What a journal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Header {
    /// [`JOURNAL_VERSION`].
    pub journal_version: u32,
    /// Who made it.
    pub made_by: String,
    /// Seconds since 1970.
    pub made_at: u64,
    /// The store's directory, absolute. A journal inside it is found wherever both are moved.
    pub directory: String,
    /// Kind of store.
    pub kind: StoreKind,
    /// Fingerprint of the store before.
    pub fingerprint: String,
    /// LSN counter before and after.
    pub lsn_counter: Option<(Lsn, Lsn)>,
    /// Newest completion record before and after.
    pub newest_completion: Option<(Lsn, Lsn)>,
    /// What was done, in words.
    pub actions: Vec<String>,
}

/// The changes of a repair, in the order they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steps {
    /// Records of a page log.
    Records(Vec<Change>),
    /// Files of a local home.
    Files(Vec<FileChange>),
}

impl Steps {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Records(list) => list.len(),
            Self::Files(list) => list.len(),
        }
    }

    /// Bytes of content, before and after, of all steps.
    pub fn bytes(&self) -> u64 {
        self.each().fold(0, u64::saturating_add)
    }

    /// About the longest line a step takes.
    fn longest(&self) -> u64 {
        self.each().max().unwrap_or(0).saturating_mul(2)
    }

    fn each(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        let long = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        match self {
            Self::Records(list) => Box::new(list.iter().map(move |c| {
                let fields = c.before.iter().chain(&c.after).flatten();
                fields.fold(0_u64, |sum, f| {
                    sum.saturating_add(match &f.value {
                        Value::Text(t) => long(t.len()),
                        Value::Blob(b) => long(b.len()),
                        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
                    })
                })
            })),
            Self::Files(list) => Box::new(list.iter().map(move |c| match c {
                FileChange::Write { before, after, .. } => long(before.len()).saturating_add(long(after.len())),
                FileChange::Replace { before, after, .. } => {
                    before.iter().chain(after).fold(0_u64, |sum, bytes| sum.saturating_add(long(bytes.len())))
                }
                FileChange::Rename { file, to, .. } => long(file.len()).saturating_add(long(to.len())),
            })),
        }
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of a repair. The undo of one that was killed says so beforehand: from then on the store is neither as
/// it was nor as the repair left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Applied and audited.
    Applied,
    /// An undo has begun.
    Undoing,
    /// Undone.
    Undone,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Line {
    Header(Header),
    Record(Change),
    File(FileChange),
    End(u64),
    Mark(Mark),
    /// Fingerprint of the store as the repair left it.
    Left(String),
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    pub header: Header,
    /// The changes, in the order they are made.
    pub steps: Steps,
    /// What was noted behind them.
    pub marks: Vec<Mark>,
    /// Fingerprint of the store as the repair left it, if it came to that.
    pub left: Option<String>,
}

fn io(path: &Path, e: &std::io::Error) -> RepairError {
    RepairError::Io { path: path.display().to_string(), reason: e.to_string() }
}

fn write_line(out: &mut impl Write, line: &Line) -> std::io::Result<()> {
    let json = serde_json::to_string(line)?;
    writeln!(out, "{:08x} {json}", crc32c(json.as_bytes()))
}

/// Write a journal, make it durable, and read it back. The file must not exist.
pub fn write(path: &Path, header: &Header, steps: &Steps) -> Result<(), RepairError> {
    let (dir, name) = place(path).map_err(|e| io(path, &e))?;
    if steps.longest() > LONGEST {
        let reason = format!("a change has {} bytes, but a journal line can have at most {LONGEST}", steps.longest());
        return Err(RepairError::Io { path: path.display().to_string(), reason });
    }
    // Killed meanwhile, it is not there: an empty one would stand in the way of every repair.
    let done = output::whole(&dir, &name, |file| {
        // Whoever owns the directory can take the repair back.
        let owner = dir.stat()?;
        let own = rustix::fs::fstat(&*file)?;
        if rustix::process::geteuid().is_root() && (own.st_uid, own.st_gid) != (owner.st_uid, owner.st_gid) {
            std::os::unix::fs::fchown(&*file, Some(owner.st_uid), Some(owner.st_gid))?;
        }
        let mut out = BufWriter::new(file);
        write_line(&mut out, &Line::Header(header.clone()))?;
        match steps {
            Steps::Records(list) => list.iter().try_for_each(|c| write_line(&mut out, &Line::Record(c.clone())))?,
            Steps::Files(list) => list.iter().try_for_each(|c| write_line(&mut out, &Line::File(c.clone())))?,
        }
        write_line(&mut out, &Line::End(steps.len() as u64))?;
        out.flush()
    });
    done.map_err(|e| io(path, &e))?;
    // It is the only way back: what the medium made of it must be known before anything is changed.
    if let Ok(Some(found)) = read(path)
        && found.header == *header
        && found.steps == *steps
    {
        return Ok(());
    }
    let _ = dir.remove(&name);
    let reason = "the journal does not read back as it was written".to_string();
    Err(RepairError::Io { path: path.display().to_string(), reason })
}

/// Note what became of the repair.
pub fn mark(path: &Path, mark: Mark) -> Result<(), RepairError> {
    append(path, &[Line::Mark(mark)])
}

/// Note that it was applied and audited, and the fingerprint of what it left.
pub fn applied(path: &Path, left: &str) -> Result<(), RepairError> {
    append(path, &[Line::Left(left.to_string()), Line::Mark(Mark::Applied)])
}

fn append(path: &Path, lines: &[Line]) -> Result<(), RepairError> {
    let done = (|| {
        let (dir, name) = place(path)?;
        let mut file = dir.write(&name)?.ok_or(std::io::ErrorKind::NotFound)?;
        // What a crash left of a last line must not be taken for the beginning of this one.
        let end = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if end > 0 {
            file.read_exact_at(&mut last, end - 1)?;
        }
        let mut text = if last == [b'\n'] { Vec::new() } else { vec![b'\n'] };
        lines.iter().try_for_each(|line| write_line(&mut text, line))?;
        file.write_all(&text)?;
        file.sync_all()
    })();
    done.map_err(|e| io(path, &e))
}

/// The directory of a journal, and its name there.
fn place(path: &Path) -> std::io::Result<(Below, PathBuf)> {
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok((Below::open(scratch::directory_of(path))?, PathBuf::from(name)))
}

/// Read a journal; `None` if it was never finished, so that nothing was changed after it.
pub fn read(path: &Path) -> Result<Option<Journal>, RepairError> {
    Ok(parsed(path)?.filter(|(_, finished)| *finished).map(|(journal, _)| journal))
}

/// What there is of a journal without its end; `None` if that is not even a header.
pub fn beginning(path: &Path) -> Result<Option<Journal>, RepairError> {
    Ok(parsed(path)?.map(|(journal, _)| journal))
}

/// A journal, and whether it has its end.
fn parsed(path: &Path) -> Result<Option<(Journal, bool)>, RepairError> {
    let bad = |reason: String| RepairError::Document { path: path.display().to_string(), reason };
    let file = regular_file(path).map_err(|e| io(path, &e))?;
    let mut reader = BufReader::new(file);
    let (mut header, mut records, mut files, mut marks, mut end) = (None, Vec::new(), Vec::new(), Vec::new(), None);
    let mut left = None;
    let mut number = 0_u64;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        number += 1;
        let read = std::io::Read::take(&mut reader, LONGEST).read_until(b'\n', &mut bytes).map_err(|e| io(path, &e))?;
        if read == 0 {
            break;
        }
        let Some(line) = parse(&bytes) else {
            // A crash leaves the last line cut. A whole one that does not add up is damage, and so says nothing
            // of whether the repair went on.
            let torn = bytes.last() != Some(&b'\n') && reader.fill_buf().is_ok_and(<[u8]>::is_empty);
            // Behind the end there are only notes: one that a crash has cut is lost, and nothing else.
            if end.is_some() {
                continue;
            }
            match (torn, number) {
                (true, 1) if is_beginning(&bytes) => return Ok(None),
                (_, 1) => return Err(bad("is not a wtcheck journal".into())),
                (true, _) => break,
                (false, _) => return Err(bad(format!("line {number} is damaged"))),
            }
        };
        match line {
            Line::Header(h) if number == 1 => header = Some(h),
            Line::Record(c) if end.is_none() && files.is_empty() => records.push(c),
            Line::File(c) if end.is_none() && records.is_empty() => files.push(c),
            Line::End(n) if n == (records.len() + files.len()) as u64 && end.is_none() => end = Some(n),
            Line::Mark(m) if end.is_some() => marks.push(m),
            Line::Left(l) if end.is_some() => left = Some(l),
            _ => return Err(bad(format!("line {number} does not belong there"))),
        }
    }
    let Some(header) = header else { return Err(bad("is empty".into())) };
    if header.journal_version != JOURNAL_VERSION {
        let version = header.journal_version;
        return Err(bad(format!("has version {version}; this wtcheck reads version {JOURNAL_VERSION}")));
    }
    let steps = if files.is_empty() { Steps::Records(records) } else { Steps::Files(files) };
    Ok(Some((Journal { header, steps, marks, left }, end.is_some())))
}

/// Whether a first line was cut while it was written: a checksum, a space, the beginning of a header.
fn is_beginning(bytes: &[u8]) -> bool {
    const HEADER: &[u8] = b"{\"header\":";
    let (sum, rest) = bytes.split_at(bytes.len().min(8));
    let rest = match rest.split_first() {
        None => &[],
        Some((b' ', rest)) => rest,
        Some(_) => return false,
    };
    sum.iter().all(u8::is_ascii_hexdigit) && HEADER.iter().zip(rest).all(|(a, b)| a == b)
}

fn parse(bytes: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(bytes.strip_suffix(b"\n")?).ok()?;
    let (sum, json) = text.split_once(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (crc32c(json.as_bytes()) == sum).then(|| serde_json::from_str(json).ok()).flatten()
}

/// The path of a new journal in a directory: one that is not there yet.
pub fn path_in(dir: &Path, fingerprint: &str, now: u64) -> PathBuf {
    let stem = format!("{PREFIX}{now}-{}", fingerprint.get(..8).unwrap_or(fingerprint));
    // Applied, undone and applied again within a second.
    let names = (1_u32..).map(|n| match n {
        1 => format!("{stem}{SUFFIX}"),
        n => format!("{stem}-{n}{SUFFIX}"),
    });
    let free = names.map(|name| dir.join(name)).find(|path| !path.exists());
    free.unwrap_or_else(|| dir.join(format!("{stem}{SUFFIX}")))
}

/// Whether a file has the name of a journal.
pub fn is_journal(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|n| n.strip_suffix(SUFFIX));
    // Others are none of ours, and their names may be made to be pasted.
    number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// Journals in a directory, oldest first.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>, RepairError> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = match entries {
        // A file by itself has none beside it that are its own.
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Vec::new(),
        entries => entries.map_err(|e| io(dir, &e))?,
    };
    let entries = entries.into_iter();
    let mut out: Vec<PathBuf> =
        entries.filter(|e| e.file_name().to_str().is_some_and(is_journal)).map(|e| e.path()).collect();
    out.sort_by_cached_key(|path| age(&path.file_name().unwrap_or_default().to_string_lossy()));
    Ok(out)
}

/// Sorts names of journals by their age: the second, and the number within it.
fn age(name: &str) -> (u64, usize, String) {
    let stem = name.strip_prefix(PREFIX).and_then(|n| n.strip_suffix(SUFFIX)).unwrap_or(name);
    let second = stem.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (second, stem.len(), stem.to_string())
}
