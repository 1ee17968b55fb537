//! Changing the files of a home: one change of one file, carried out in either direction, and asked which side it is
//! on. Every file is reached through the handle of the home: no link is followed, and only regular files with one
//! name are touched.

use super::files::{HISTORY_STORE, METADATA, VERSION_FILE};
use super::refusal::{EditError, Result};
use crate::below::{Below, Odd};
use crate::format::crc::crc32c;
use crate::store::edit::{Side, State};
use crate::store::hold::like;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What a temporary file has behind the name of the one it will replace; the engine's own choice.
const TEMPORARY: &str = ".set";
/// Largest file that is replaced as a whole: a turtle has two kilobytes, the metadata of ten thousand tables 30 MB.
/// Twice as many digits must fit a line of the journal.
const MAX_SMALL: u64 = 48 << 20;
/// Bytes at either end of a file by which it is known again under another name.
const ENDS: usize = 64 << 10;
/// Bytes that are compared at a time.
const CHUNK: usize = 1 << 20;

/// One change of one file, with its content before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileChange {
    /// Bytes from an offset on.
    Write {
        /// Name below the home.
        file: String,
        /// Offset of the first byte.
        offset: u64,
        /// Length of the file before.
        len_before: u64,
        /// What lay there: shorter than `after`, or empty, where the file ended.
        #[serde(with = "hex::serde")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        before: Vec<u8>,
        /// What is to lie there.
        #[serde(with = "hex::serde")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        after: Vec<u8>,
    },
    /// The whole of a small file, by writing a temporary one and renaming it.
    Replace {
        /// Name below the home.
        file: String,
        /// Its content before; `None` if there was no such file.
        #[serde(default, with = "hex_or_none", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "devtools", schemars(with = "Option<String>"))]
        before: Option<Vec<u8>>,
        /// Its content to be; `None` if there is to be no such file.
        #[serde(default, with = "hex_or_none", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "devtools", schemars(with = "Option<String>"))]
        after: Option<Vec<u8>>,
    },
    /// Another name for a file of any size, which must not be taken by then.
    Rename {
        /// Name below the home.
        file: String,
        /// The new name below the home.
        to: String,
        /// Length of the file.
        len: u64,
        /// Checksum of its first and last bytes: the two names may belong to several files in turn.
        ends: u32,
    },
}

impl FileChange {
    /// The file, by its name below the home.
    pub fn file(&self) -> &str {
        match self {
            Self::Write { file, .. } | Self::Replace { file, .. } | Self::Rename { file, .. } => file,
        }
    }

    /// Another name for a file as it is now.
    pub(super) fn rename(dir: &Below, file: &str, to: &str) -> Result<Self> {
        let Some((len, ends)) = ends(dir, file)? else {
            return Err(EditError::Refused(format!("{file} is missing")));
        };
        Ok(Self::Rename { file: file.to_string(), to: to.to_string(), len, ends })
    }
}

/// Length of a file, and the checksum of its first and last bytes; `None` if there is none.
fn ends(dir: &Below, file: &str) -> Result<Option<(u64, u32)>> {
    let failed = |e: std::io::Error| failed(dir, file, e);
    let Some(found) = dir.read(Path::new(file)).map_err(failed)? else { return Ok(None) };
    let len = found.metadata().map_err(failed)?.len();
    let size = usize::try_from(len).unwrap_or(usize::MAX).min(ENDS);
    let mut bytes = vec![0; size.saturating_mul(2)];
    let (first, last) = bytes.split_at_mut(size);
    let behind = len.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
    found.read_exact_at(first, 0).and_then(|()| found.read_exact_at(last, behind)).map_err(failed)?;
    Ok(Some((len, crc32c(&bytes))))
}

/// Bytes that may be missing, in hex.
mod hex_or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(hex::encode).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|t| hex::decode(t).map_err(D::Error::custom)).transpose()
    }
}

/// What a file looks like beside a change.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Before,
    After,
    /// On the way from one to the other.
    Partial,
    Other(String),
}

/// Which side a change is on. One that is half done is not done: [`carry_out`] brings it to either side.
pub fn state(dir: &Below, change: &FileChange) -> std::result::Result<State, EditError> {
    Ok(match look(dir, change)? {
        Found::Before | Found::Partial => State::Before,
        Found::After => State::After,
        Found::Other(what) => State::Other(what),
    })
}

fn look(dir: &Below, change: &FileChange) -> Result<Found> {
    match change {
        FileChange::Write { file, offset, len_before, before, after } => {
            let span = Span::of(change)?;
            let failed = |e: std::io::Error| failed(dir, file, e);
            let Some(found) = dir.read(Path::new(file)).map_err(failed)? else {
                return Ok(Found::Other("no such file".to_string()));
            };
            let len = found.metadata().map_err(failed)?.len();
            let end = len.min(span.end);
            let mut seen = Seen { before: true, after: true, partial: true };
            let mut buffer = vec![0; CHUNK.min(after.len())];
            let mut at = 0_usize;
            while let Some(left) = end.checked_sub(*offset).and_then(|n| usize::try_from(n).ok()?.checked_sub(at)) {
                let part = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
                if part.is_empty() {
                    break;
                }
                found.read_exact_at(part, span.at(at)).map_err(failed)?;
                seen.compare(part, before.get(at..).unwrap_or_default(), after.get(at..).unwrap_or_default());
                at = at.saturating_add(part.len());
            }
            Ok(match seen {
                Seen { after: true, .. } if len == span.len_after => Found::After,
                Seen { before: true, .. } if len == *len_before => Found::Before,
                Seen { partial: true, .. } if (*len_before..=span.len_after).contains(&len) => Found::Partial,
                _ if len < *len_before || len > span.len_after => {
                    Found::Other(format!("the file has {len} bytes, neither {len_before} nor {}", span.len_after))
                }
                _ => Found::Other(format!(
                    "from {offset} onwards the bytes are neither those before nor those after the \
                    change"
                )),
            })
        }
        FileChange::Replace { file, before, after } => {
            let found = match read_small(dir, file) {
                Ok(found) => found,
                Err(EditError::Refused(what)) => return Ok(Found::Other(what)),
                Err(e) => return Err(e),
            };
            Ok(if found == *after {
                Found::After
            } else if found == *before {
                Found::Before
            } else if file.ends_with(TEMPORARY) {
                // Its name serves while the file it stands for is replaced.
                Found::Partial
            } else {
                Found::Other(match found {
                    Some(bytes) => format!("{} bytes that are neither its content before nor after", bytes.len()),
                    None => "no such file".to_string(),
                })
            })
        }
        FileChange::Rename { file, to, len, ends: sum } => {
            let is = |name: &str| ends(dir, name).map(|found| found == Some((*len, *sum)));
            Ok(if is(file)? {
                Found::Before
            } else if is(to)? {
                Found::After
            } else {
                Found::Other(format!("neither it nor {to} is the file to be renamed"))
            })
        }
    }
}

/// The range of a [`FileChange::Write`].
struct Span {
    offset: u64,
    /// Behind the last byte that is written.
    end: u64,
    len_after: u64,
}

impl Span {
    fn of(change: &FileChange) -> Result<Self> {
        let bad = || EditError::Refused(format!("the change of {} contradicts itself", change.file()));
        let FileChange::Write { offset, len_before, before, after, .. } = change else { return Err(bad()) };
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let end = offset.checked_add(length(after)).ok_or_else(bad)?;
        let overlap = end.min(*len_before).checked_sub(*offset).ok_or_else(bad)?;
        if overlap != length(before) {
            return Err(bad());
        }
        Ok(Self { offset: *offset, end, len_after: end.max(*len_before) })
    }

    fn at(&self, position: usize) -> u64 {
        self.offset.saturating_add(u64::try_from(position).unwrap_or(u64::MAX))
    }
}

/// What the bytes so far may be.
struct Seen {
    before: bool,
    after: bool,
    partial: bool,
}

impl Seen {
    fn compare(&mut self, found: &[u8], before: &[u8], after: &[u8]) {
        let old = found.get(..before.len().min(found.len())).unwrap_or_default();
        self.before &= before.starts_with(old);
        self.after &= after.starts_with(found);
        if !self.partial || self.after {
            return;
        }
        // Sectors reach the medium in any order; those of a longer file that did not read as zeros.
        let old = before.iter().copied().chain(std::iter::repeat(0));
        self.partial = found.iter().zip(after).zip(old).all(|((f, a), b)| *f == *a || *f == b);
    }
}

/// Bring changes to a side, in their order: writes first, the files that name what was written last;
/// backwards, the other way round. On return everything is durable. What is there already is left alone.
///
/// If any file is on neither side, nothing is done. After a failure or a kill every file is whole on one side,
/// or half written in a range that nothing refers to; going to either side from there is the way on.
pub fn carry_out(dir: &Below, changes: &[FileChange], to: Side) -> std::result::Result<(), EditError> {
    run(dir, changes, to, false)
}

/// Bring changes to the side before, whatever the files look like now. Only for who has just made them,
/// and holds the home: the medium may have made something else of what was written.
pub fn take_back(dir: &Below, changes: &[FileChange]) -> std::result::Result<(), EditError> {
    run(dir, changes, Side::Before, true)
}

fn run(dir: &Below, changes: &[FileChange], to: Side, anyway: bool) -> Result<()> {
    let is_write = |c: &&FileChange| matches!(c, FileChange::Write { .. });
    let (mut order, last): (Vec<&FileChange>, Vec<&FileChange>) = changes.iter().partition(is_write);
    order.extend(last);
    if to == Side::Before {
        order.reverse();
    }
    for change in &order {
        check(dir, change)?;
        if let (Found::Other(found), false) = (look(dir, change)?, anyway) {
            return Err(EditError::Changed { file: change.file().to_string(), found });
        }
    }
    let names: BTreeSet<&str> = changes.iter().map(FileChange::file).collect();
    for change in order {
        match change {
            FileChange::Write { .. } => write(dir, change, to)?,
            FileChange::Replace { file, before, after } => {
                let (wanted, other) = if to == Side::After { (after, before) } else { (before, after) };
                replace(dir, file, wanted.as_deref(), wanted == other)?;
                let temporary = format!("{file}{TEMPORARY}");
                if !names.contains(temporary.as_str()) {
                    remove(dir, &temporary)?;
                }
                dir.sync(Path::new(file)).map_err(|e| failed(dir, file, e))?;
            }
            FileChange::Rename { file, to: new, .. } => {
                let (wanted, from, name) = match to {
                    Side::After => (Found::After, file, new),
                    Side::Before => (Found::Before, new, file),
                };
                if look(dir, change)? != wanted {
                    rename(dir, from, name)?;
                }
                // Whoever renamed it may not have come to this.
                dir.sync(Path::new(file)).and_then(|()| dir.sync(Path::new(new))).map_err(|e| failed(dir, file, e))?;
            }
        }
    }
    Ok(())
}

/// Rename a file to a name that is not taken.
fn rename(dir: &Below, from: &str, to: &str) -> Result<()> {
    let name = Path::new(to);
    if dir.look(name).map_err(|e| failed(dir, to, e))?.is_some() {
        return Err(EditError::Changed { file: to.to_string(), found: format!("the new name for {from} is taken") });
    }
    dir.rename(Path::new(from), name).map_err(|e| failed(dir, from, e))
}

/// Whether something of the changes was begun that [`state`] counts as not done: part of a range, or a
/// temporary file. [`carry_out`] to the side before takes it away.
pub fn begun(dir: &Below, changes: &[FileChange]) -> std::result::Result<bool, EditError> {
    for change in changes {
        let temporary = format!("{}{TEMPORARY}", change.file());
        let own = changes.iter().any(|c| c.file() == temporary);
        let left = dir.look(Path::new(&temporary)).map_err(|e| failed(dir, &temporary, e))?.is_some();
        if (left && matches!(change, FileChange::Replace { .. }) && !own) || look(dir, change)? == Found::Partial {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Bring a range of a file to a side.
fn write(dir: &Below, change: &FileChange, to: Side) -> Result<()> {
    let FileChange::Write { file, offset, len_before, before, after } = change else { return Ok(()) };
    let failed = |e: std::io::Error| failed(dir, file, e);
    let span = Span::of(change)?;
    let found = look(dir, change)?;
    let done = match to {
        Side::Before => found == Found::Before,
        Side::After => found == Found::After,
    };
    let Some(handle) = dir.write(Path::new(file)).map_err(failed)? else {
        return Err(EditError::Changed { file: file.clone(), found: "no such file".to_string() });
    };
    if !done {
        let (bytes, len) = if to == Side::After { (after, span.len_after) } else { (before, *len_before) };
        handle.write_all_at(bytes, *offset).map_err(failed)?;
        handle.set_len(len).map_err(failed)?;
    }
    // Whoever wrote it may not have come to this.
    handle.sync_all().map_err(failed)
}

/// Bring a small file to a content. The directory is synced by the caller.
fn replace(dir: &Below, file: &str, wanted: Option<&[u8]>, no_change: bool) -> Result<()> {
    let Some(bytes) = wanted else { return remove(dir, file) };
    let name = Path::new(file);
    let failed = |e: std::io::Error| failed(dir, file, e);
    if (no_change || read_small(dir, file)?.as_deref() == Some(bytes))
        && let Some(there) = dir.read(name).map_err(failed)?
    {
        return there.sync_all().map_err(failed);
    }
    let temporary = PathBuf::from(format!("{file}{TEMPORARY}"));
    // What an earlier attempt left there; a link itself would go, not what it leads to.
    dir.remove(&temporary).map_err(failed)?;
    let mut made: File = dir.create(&temporary, 0o600).map_err(failed)?;
    // The engine's user must be able to read it: the old file's owner and mode, or those of a file beside it.
    let models = [name, Path::new(METADATA), Path::new(HISTORY_STORE), Path::new(VERSION_FILE)];
    let models: Vec<_> = models.into_iter().map(|m| dir.check(m)).collect::<std::io::Result<_>>().map_err(failed)?;
    if let Some(model) = models.into_iter().flatten().next() {
        like(&made, &model).map_err(failed)?;
    }
    made.write_all(bytes).and_then(|()| made.sync_all()).map_err(failed)?;
    dir.rename(&temporary, name).map_err(failed)
}

/// Remove a file that may be gone already.
fn remove(dir: &Below, file: &str) -> Result<()> {
    dir.remove(Path::new(file)).map_err(|e| failed(dir, file, e))
}

/// That nothing a change touches leads out of the home.
pub fn check(dir: &Below, change: &FileChange) -> Result<()> {
    let file = change.file();
    dir.check(Path::new(file)).map_err(|e| failed(dir, file, e))?;
    if matches!(change, FileChange::Replace { .. }) {
        let temporary = format!("{file}{TEMPORARY}");
        dir.check(Path::new(&temporary)).map_err(|e| failed(dir, &temporary, e))?;
    }
    if let FileChange::Rename { to, .. } = change {
        dir.check(Path::new(to)).map_err(|e| failed(dir, to, e))?;
    }
    Ok(())
}

/// The content of a small file; `None` if there is none.
pub fn read_small(dir: &Below, file: &str) -> Result<Option<Vec<u8>>> {
    let failed = |e: std::io::Error| failed(dir, file, e);
    let Some(found) = dir.read(Path::new(file)).map_err(failed)? else { return Ok(None) };
    let mut bytes = Vec::new();
    found.take(MAX_SMALL + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|n| n > MAX_SMALL) {
        return Err(EditError::Refused(format!("{file} has more than {MAX_SMALL} bytes")));
    }
    Ok(Some(bytes))
}

/// What is odd is refused, what the system does not do is told with its words.
fn failed(dir: &Below, file: &str, e: std::io::Error) -> EditError {
    let path = dir.path().join(file);
    match e.get_ref().and_then(|inner| inner.downcast_ref::<Odd>()) {
        Some(Odd::Name) => EditError::Refused(format!("{file:?} leaves the directory")),
        Some(odd) => EditError::Refused(format!("{} {odd}", path.display())),
        None => EditError::Io { path, reason: e.to_string() },
    }
}
