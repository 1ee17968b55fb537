//! Changing a local home: edits in its own terms, and the changes of bytes they come down to.
//!
//! Nothing is edited where it lies. New sizes are a new checkpoint of the metadata file, all of it behind
//! the file's end, and the turtle that names it is renamed into place last. A change can be carried
//! out in either direction and asked which side it is on, as those of a page log can
//! ([`crate::store::edit`]).

use super::directory::{Home, METADATA, Way};
use super::pages::Block;
use super::recover;
pub use super::refusal::EditError;
use super::refusal::Result;
use super::rewrite::{self, Source};
use crate::format::checkpoint_list;
use crate::format::home_turtle::{self, HomeTurtle};
use crate::format::local::LocalCheckpoint;
use crate::home::entry::{self, FileEntry};
use crate::store::edit::{Side, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

/// What a temporary file has behind the name of the one it will replace; the engine's own choice.
const TEMPORARY: &str = ".set";
/// Largest file that is replaced as a whole; a turtle has two kilobytes.
const MAX_SMALL: u64 = 16 << 20;
/// Bytes that are compared at a time.
const CHUNK: usize = 1 << 20;

/// What is to be done to a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalEdit {
    /// Set `size=` and the size in the checkpoint cookie of a file's newest checkpoint. That is a row
    /// of the metadata file, or the turtle for the metadata file itself.
    ///
    /// A new checkpoint of the metadata file has the sizes of its own blocks, whatever is asked for.
    SetSize {
        /// The file, by its name below the home.
        file: String,
        /// The checkpoint, which must be its newest.
        checkpoint: String,
        size: u64,
        cookie_size: u64,
    },
    /// Write `WiredTiger.turtle` anew.
    Turtle { text: String },
}

/// One change of one file, with its content before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
        #[schemars(with = "String")]
        before: Vec<u8>,
        /// What is to lie there.
        #[serde(with = "hex::serde")]
        #[schemars(with = "String")]
        after: Vec<u8>,
    },
    /// The whole of a small file, by writing a temporary one and renaming it.
    Replace {
        /// Name below the home.
        file: String,
        /// Its content before; `None` if there was no such file.
        #[serde(default, with = "hex_or_none", skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        before: Option<Vec<u8>>,
        /// Its content to be; `None` if there is to be no such file.
        #[serde(default, with = "hex_or_none", skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        after: Option<Vec<u8>>,
    },
}

impl FileChange {
    /// The file, by its name below the home.
    pub fn file(&self) -> &str {
        match self {
            Self::Write { file, .. } | Self::Replace { file, .. } => file,
        }
    }
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

/// Changes, and the blocks they write.
pub(crate) struct Prepared {
    pub(crate) changes: Vec<FileChange>,
    /// Blocks of a new checkpoint of the metadata file: the last page is its root.
    pub(crate) blocks: Vec<NewBlock>,
}

/// A block that a change writes.
pub(crate) struct NewBlock {
    /// First byte in the metadata file.
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// Its page type in words.
    pub(crate) kind: &'static str,
    /// Files whose rows in it change.
    pub(crate) files: Vec<String>,
}

/// The changes that edits come down to; nothing is changed. `now` is the time of the new checkpoint in
/// seconds since 1970.
///
/// Fails if an edit cannot be made, with the reason in a sentence. What is already as it is to be makes no
/// change.
pub fn changes(home: &Home, edits: &[LocalEdit], now: u64) -> std::result::Result<Vec<FileChange>, EditError> {
    prepare(home, edits, now).map(|p| p.changes)
}

/// As [`changes`], with the blocks that are written.
pub(crate) fn prepare(home: &Home, edits: &[LocalEdit], now: u64) -> Result<Prepared> {
    let mut sizes = BTreeMap::new();
    let mut turtles = Vec::new();
    for edit in edits {
        match edit {
            LocalEdit::Turtle { text } => turtles.push(text),
            LocalEdit::SetSize { file, checkpoint, size, cookie_size } => {
                let wanted = Wanted { checkpoint, size: *size, cookie_size: *cookie_size };
                if sizes.insert(file.as_str(), wanted).is_some() {
                    return Err(EditError::Refused(format!("two sizes for {file}")));
                }
            }
        }
    }
    match turtles.as_slice() {
        [] if sizes.is_empty() => Ok(Prepared { changes: Vec::new(), blocks: Vec::new() }),
        [] => set_sizes(home, &sizes, now),
        [text] if sizes.is_empty() => Ok(Prepared { changes: new_turtle(home, text)?, blocks: Vec::new() }),
        [_] => Err(EditError::Refused(
            "a new turtle changes where the sizes stand: write it first, then look at the home again".to_string(),
        )),
        _ => Err(EditError::Refused("more than one new turtle".to_string())),
    }
}

/// Sizes that a file's newest checkpoint is to have.
struct Wanted<'e> {
    checkpoint: &'e str,
    size: u64,
    cookie_size: u64,
}

impl Wanted<'_> {
    /// The metadata of a file with these sizes.
    fn put(&self, file: &str, text: &str) -> Result<String> {
        let refuse = |why: String| EditError::Refused(format!("{file}: {why}"));
        let entry = FileEntry::parse(file, text, entry::Source::Metadata).map_err(|e| refuse(e.to_string()))?;
        let Some(newest) = entry.checkpoints.last() else { return Err(refuse("it has no checkpoint".to_string())) };
        if newest.name != self.checkpoint {
            return Err(refuse(format!("its newest checkpoint is {}, not {}", newest.name, self.checkpoint)));
        }
        let cookie = match newest.addr.as_slice() {
            [] if self.cookie_size == 0 => Vec::new(),
            [] => return Err(refuse("its newest checkpoint has no cookie to put a size in".to_string())),
            bytes => {
                let cookie = LocalCheckpoint::decode(bytes, entry.alloc).map_err(|e| refuse(e.to_string()))?;
                LocalCheckpoint { checkpoint_size: self.cookie_size, ..cookie }.encode(entry.alloc)?
            }
        };
        let with = |text: &str, addr: &[u8], size: u64| {
            checkpoint_list::with_newest(text, &[("addr", &hex::encode(addr)), ("size", &size.to_string())])
        };
        if (newest.addr.as_slice(), newest.size) == (cookie.as_slice(), self.size) {
            return Ok(text.to_string());
        }
        let new = with(text, &cookie, self.size)?;
        // Back again, the text must be what it was: nothing but the digits changed.
        let back = with(&new, &newest.addr, newest.size)?;
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let read = FileEntry::parse(file, &new, entry::Source::Metadata)?;
        let changed = read.checkpoints.last().is_some_and(|c| c.addr == cookie && c.size == self.size);
        if !changed || !same(&back, text) {
            return Err(EditError::Check(format!("the row of {file} would change elsewhere")));
        }
        Ok(new)
    }
}

fn set_sizes(home: &Home, sizes: &BTreeMap<&str, Wanted<'_>>, now: u64) -> Result<Prepared> {
    let refuse = |why: &str| Err(EditError::Refused(why.to_string()));
    if home.alone {
        return refuse("a file without its home has no metadata that states its size");
    }
    if home.encrypted {
        return refuse("the metadata is encrypted");
    }
    if home.way != Way::Turtle {
        return refuse("the metadata was not read by the turtle: put that right first");
    }
    if !home.complete {
        return refuse("the metadata could not be read in full");
    }
    let bytes = read_small(&home.dir, home_turtle::FILE_NAME)?.unwrap_or_default();
    let turtle = home_turtle::parse(&bytes).map_err(|e| EditError::Refused(format!("the turtle: {e}")))?;
    let entry = FileEntry::parse(METADATA, &turtle.metadata, entry::Source::Turtle)?;
    let known = home.file(METADATA).map(|f| f.checkpoints.as_slice());
    if known != Some(entry.checkpoints.as_slice()) {
        return refuse("the turtle changed since the home was read");
    }
    let path = home.path(METADATA);
    let source = Source { path: &path, entry: &entry, text: &turtle.metadata };
    let file = source.open()?;
    let old = source.rows(&file)?;

    // Rows of the metadata.
    let mut values = BTreeMap::new();
    for (name, wanted) in sizes.iter().filter(|(name, _)| **name != METADATA) {
        if home.in_page_log.contains(*name) {
            return refuse(&format!("{name} lies in a page log"));
        }
        let key = format!("file:{name}\0").into_bytes();
        let row = old.binary_search_by(|r| r.key.cmp(&key)).ok().and_then(|n| old.get(n));
        let row = row.filter(|r| !r.times.is_stopped());
        let Some(row) = row else { return refuse(&format!("the metadata has no row of {name}")) };
        let text = row.value.strip_suffix(&[0]).unwrap_or(&row.value);
        let text =
            std::str::from_utf8(text).map_err(|_| EditError::Refused(format!("the row of {name} is no text")))?;
        let mut value = wanted.put(name, text)?.into_bytes();
        if value != text.as_bytes() {
            value.extend_from_slice(row.value.get(text.len()..).unwrap_or_default());
            values.insert(key, value);
        }
    }

    // The metadata file itself.
    let mut text = turtle.metadata.clone();
    let mut anew = !values.is_empty();
    if let Some(wanted) = sizes.get(METADATA) {
        text = wanted.put(METADATA, &text)?;
        anew |= text != turtle.metadata && is_right_but_for_the_copy(&source, &file, wanted)?;
    }
    let mut changes = Vec::new();
    let mut blocks = Vec::new();
    if anew {
        let entry = FileEntry::parse(METADATA, &text, entry::Source::Turtle)?;
        let source = Source { path: &path, entry: &entry, text: &text };
        let made = rewrite::rewrite(&source, &old, &values, now)?;
        blocks = made.blocks.iter().map(new_block).collect();
        changes.push(FileChange::Write {
            file: METADATA.to_string(),
            offset: made.at,
            len_before: made.at,
            before: Vec::new(),
            after: made.tail,
        });
        text = made.text;
    }
    if text != turtle.metadata {
        let after = with_metadata(&bytes, &turtle, &text)
            .ok_or_else(|| EditError::Check("the new turtle does not say what it should".to_string()))?;
        changes.extend(replace_turtle(&home.dir, Some(bytes), after)?);
    }
    Ok(Prepared { changes, blocks })
}

fn new_block(block: &Block) -> NewBlock {
    let file = |key: &Vec<u8>| String::from_utf8_lossy(key).trim_end_matches('\0').replacen("file:", "", 1);
    NewBlock {
        offset: block.address.offset,
        size: block.address.size,
        kind: block.kind.name(),
        files: block.keys.iter().map(file).collect(),
    }
}

/// Whether these sizes of the metadata file are those of its tree, and its own copy of the checkpoint
/// states others. Put into the turtle alone they would make it look stale; a new checkpoint has both right.
fn is_right_but_for_the_copy(
    source: &Source<'_>,
    file: &crate::store::blockfile::BlockFile,
    wanted: &Wanted<'_>,
) -> Result<bool> {
    let newest = source.entry.checkpoints.last().map(|c| LocalCheckpoint::decode(&c.addr, source.entry.alloc));
    let avail = newest.transpose()?.and_then(|c| c.avail);
    let copy = avail.and_then(|a| recover::beside(file, source.entry.alloc, &a));
    if copy.is_none_or(|c| c.checkpoint.checkpoint_size == wanted.cookie_size) {
        return Ok(false);
    }
    let (tree, root) = source.measure(file)?;
    Ok((wanted.cookie_size, wanted.size) == (tree, tree.saturating_add(root)))
}

/// The turtle with other metadata; everything else in it stays. `None` if it does not read as it should.
fn with_metadata(bytes: &[u8], turtle: &HomeTurtle, metadata: &str) -> Option<Vec<u8>> {
    let end = turtle.metadata_at.checked_add(turtle.metadata.len())?;
    let mut out = bytes.get(..turtle.metadata_at)?.to_vec();
    out.extend_from_slice(metadata.as_bytes());
    if turtle.cut {
        out.push(b'\n');
    }
    out.extend_from_slice(bytes.get(end..)?);
    let read = home_turtle::parse(&out).ok()?;
    let wanted =
        HomeTurtle { metadata: metadata.to_string(), cut: false, unknown: read.unknown.clone(), ..turtle.clone() };
    (read == wanted && read.unknown.len() == turtle.unknown.len()).then_some(out)
}

/// A turtle from elsewhere.
fn new_turtle(home: &Home, text: &str) -> Result<Vec<FileChange>> {
    if home.alone {
        return Err(EditError::Refused("a file without its home has no turtle".to_string()));
    }
    let refuse = |why: String| EditError::Refused(format!("the new turtle: {why}"));
    let turtle = home_turtle::parse(text.as_bytes()).map_err(|e| refuse(e.to_string()))?;
    let entry = FileEntry::parse(METADATA, &turtle.metadata, entry::Source::Turtle)?;
    if let Some(newest) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) {
        LocalCheckpoint::decode(&newest.addr, entry.alloc).map_err(|e| refuse(e.to_string()))?;
    }
    let before = read_small(&home.dir, home_turtle::FILE_NAME)?;
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(Vec::new());
    }
    replace_turtle(&home.dir, before, text.as_bytes().to_vec())
}

/// The turtle changes. A temporary one that the engine left behind goes with it, as when the engine does this;
/// that it was there is kept, so that it can come back.
fn replace_turtle(dir: &Path, before: Option<Vec<u8>>, after: Vec<u8>) -> Result<Vec<FileChange>> {
    let mut out = Vec::new();
    if let Some(left) = read_small(dir, home_turtle::TEMPORARY_NAME)? {
        let file = home_turtle::TEMPORARY_NAME.to_string();
        out.push(FileChange::Replace { file, before: Some(left), after: None });
    }
    out.push(FileChange::Replace { file: home_turtle::FILE_NAME.to_string(), before, after: Some(after) });
    Ok(out)
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
pub fn state(dir: &Path, change: &FileChange) -> std::result::Result<State, EditError> {
    Ok(match look(dir, change)? {
        Found::Before | Found::Partial => State::Before,
        Found::After => State::After,
        Found::Other(what) => State::Other(what),
    })
}

fn look(dir: &Path, change: &FileChange) -> Result<Found> {
    match change {
        FileChange::Write { file, offset, len_before, before, after } => {
            let span = Span::of(change)?;
            let path = path(dir, file)?;
            let found = match File::open(&path) {
                Ok(found) => found,
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Other("no such file".to_string())),
                Err(e) => return Err(io(&path, &e)),
            };
            let len = found.metadata().map_err(|e| io(&path, &e))?.len();
            let end = len.min(span.end);
            let mut seen = Seen { before: true, after: true, partial: true };
            let mut buffer = vec![0; CHUNK.min(after.len())];
            let mut at = 0_usize;
            while let Some(left) = end.checked_sub(*offset).and_then(|n| usize::try_from(n).ok()?.checked_sub(at)) {
                let part = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
                if part.is_empty() {
                    break;
                }
                found.read_exact_at(part, span.at(at)).map_err(|e| io(&path, &e))?;
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
                _ => Found::Other(format!("other bytes than before or after the change, from {offset} on")),
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
pub fn carry_out(dir: &Path, changes: &[FileChange], to: Side) -> std::result::Result<(), EditError> {
    run(dir, changes, to, false)
}

/// Bring changes to the side before, whatever the files look like now. Only for who has just made them,
/// and holds the home: the medium may have made something else of what was written.
pub fn take_back(dir: &Path, changes: &[FileChange]) -> std::result::Result<(), EditError> {
    run(dir, changes, Side::Before, true)
}

fn run(dir: &Path, changes: &[FileChange], to: Side, anyway: bool) -> Result<()> {
    let is_write = |c: &&FileChange| matches!(c, FileChange::Write { .. });
    let (mut order, last): (Vec<&FileChange>, Vec<&FileChange>) = changes.iter().partition(is_write);
    order.extend(last);
    if to == Side::Before {
        order.reverse();
    }
    for change in &order {
        let path = path(dir, change.file())?;
        // A rename would take the link's place, a write go wherever it leads.
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) {
            return Err(EditError::Refused(format!("{} is a symbolic link", path.display())));
        }
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
                    remove(&path(dir, &temporary)?)?;
                }
                sync_directory(&path(dir, file)?)?;
            }
        }
    }
    Ok(())
}

/// Whether something of the changes was begun that [`state`] counts as not done: part of a range, or a
/// temporary file. [`carry_out`] to the side before takes it away.
pub fn begun(dir: &Path, changes: &[FileChange]) -> std::result::Result<bool, EditError> {
    for change in changes {
        let temporary = format!("{}{TEMPORARY}", change.file());
        let own = changes.iter().any(|c| c.file() == temporary);
        let left = matches!(change, FileChange::Replace { .. }) && !own && path(dir, &temporary)?.exists();
        if left || look(dir, change)? == Found::Partial {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Bring a range of a file to a side.
fn write(dir: &Path, change: &FileChange, to: Side) -> Result<()> {
    let FileChange::Write { file, offset, len_before, before, after } = change else { return Ok(()) };
    let path = path(dir, file)?;
    let span = Span::of(change)?;
    let found = look(dir, change)?;
    let done = match to {
        Side::Before => found == Found::Before,
        Side::After => found == Found::After,
    };
    let handle = OpenOptions::new().write(true).open(&path).map_err(|e| io(&path, &e))?;
    if !done {
        let (bytes, len) = if to == Side::After { (after, span.len_after) } else { (before, *len_before) };
        handle.write_all_at(bytes, *offset).map_err(|e| io(&path, &e))?;
        handle.set_len(len).map_err(|e| io(&path, &e))?;
    }
    // Whoever wrote it may not have come to this.
    handle.sync_all().map_err(|e| io(&path, &e))
}

/// Bring a small file to a content. The directory is synced by the caller.
fn replace(dir: &Path, file: &str, wanted: Option<&[u8]>, no_change: bool) -> Result<()> {
    let path = path(dir, file)?;
    let Some(bytes) = wanted else { return remove(&path) };
    if no_change || read_small(dir, file)?.as_deref() == Some(bytes) {
        return File::open(&path).and_then(|f| f.sync_all()).map_err(|e| io(&path, &e));
    }
    let temporary = self::path(dir, &format!("{file}{TEMPORARY}"))?;
    let made = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary);
    let mut made = made.map_err(|e| io(&temporary, &e))?;
    // The engine's user must be able to read it: the old file's owner and mode, or the metadata file's.
    let model = [&path, &dir.join(METADATA)].into_iter().find_map(|p| fs::metadata(p).ok());
    if let Some(model) = model {
        let own = made.metadata().map_err(|e| io(&temporary, &e))?;
        if (own.uid(), own.gid()) != (model.uid(), model.gid()) {
            std::os::unix::fs::fchown(&made, Some(model.uid()), Some(model.gid())).map_err(|e| io(&temporary, &e))?;
        }
        if own.permissions() != model.permissions() {
            made.set_permissions(model.permissions()).map_err(|e| io(&temporary, &e))?;
        }
    }
    made.write_all(bytes).and_then(|()| made.sync_all()).map_err(|e| io(&temporary, &e))?;
    fs::rename(&temporary, &path).map_err(|e| io(&path, &e))
}

/// Remove a file that may be gone already.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io(path, &e)),
        _ => Ok(()),
    }
}

/// Make names in the directory of a file durable.
fn sync_directory(path: &Path) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| io(dir, &e))
}

/// The content of a small file; `None` if there is none.
fn read_small(dir: &Path, file: &str) -> Result<Option<Vec<u8>>> {
    let path = path(dir, file)?;
    let found = match File::open(&path) {
        Ok(found) => found,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(&path, &e)),
    };
    let mut bytes = Vec::new();
    found.take(MAX_SMALL + 1).read_to_end(&mut bytes).map_err(|e| io(&path, &e))?;
    if u64::try_from(bytes.len()).is_ok_and(|n| n > MAX_SMALL) {
        return Err(EditError::Refused(format!("{file} has more than {MAX_SMALL} bytes")));
    }
    Ok(Some(bytes))
}

/// The path of a file of the home. Changes may come from a journal, so the name is not trusted.
fn path(dir: &Path, file: &str) -> Result<PathBuf> {
    let below = !file.is_empty() && Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
    if below { Ok(dir.join(file)) } else { Err(EditError::Refused(format!("{file:?} leaves the directory"))) }
}

fn io(path: &Path, e: &std::io::Error) -> EditError {
    EditError::Io { path: path.to_path_buf(), reason: e.to_string() }
}
