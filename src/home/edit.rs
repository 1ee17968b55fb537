//! Changing a local home: edits in its own terms, and the changes of bytes they come down to.
//!
//! Nothing is edited where it lies. New sizes are a new checkpoint of the metadata file, all of it behind
//! the file's end, and the turtle that names it is renamed into place last. A change can be carried
//! out in either direction and asked which side it is on, as those of a page log can
//! ([`crate::store::edit`]).

use super::change::read_small;
pub use super::change::{FileChange, begun, carry_out, check, state, take_back};
use super::directory::{Home, METADATA, Way};
use super::pages::Block;
use super::recover;
pub use super::refusal::EditError;
use super::refusal::Result;
use super::restore::{self, handle, replace_turtle};
use super::rewrite::{self, Source};
use crate::format::checkpoint_list;
use crate::format::home_turtle::{self, HomeTurtle};
use crate::format::local::{LocalAddress, LocalCheckpoint};
use crate::home::entry::{self, FileEntry};
use std::collections::BTreeMap;

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
    /// Give the turtle that lies under the name it is written under its own.
    RenameTurtle,
    /// Put metadata back that an engine has put aside.
    RestoreMetadata {
        /// Its name.
        from: String,
    },
    /// Make the metadata and the turtle anew.
    RebuildMetadata,
    /// Flip the one bit of a block that is wrong.
    FlipBit {
        /// The file.
        file: String,
        /// The block.
        block: LocalAddress,
        /// Byte of the block.
        byte: u64,
        /// Bit of the byte.
        bit: u8,
    },
    /// Write the first block of a file anew, which holds no rows.
    FirstBlock {
        /// The file.
        file: String,
        /// Its allocation size.
        size: u32,
    },
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
    let only = |changes: Vec<FileChange>| Ok(Prepared { changes, blocks: Vec::new() });
    let mut sizes = BTreeMap::new();
    let mut turtles = Vec::new();
    let mut blocks = Vec::new();
    for edit in edits {
        match edit {
            LocalEdit::RenameTurtle | LocalEdit::RestoreMetadata { .. } | LocalEdit::RebuildMetadata
                if edits.len() > 1 =>
            {
                return Err(EditError::Refused(
                    "a metadata change affects everything else: make it first, then audit again".to_string(),
                ));
            }
            LocalEdit::RenameTurtle => return only(restore::rename_turtle(home)?),
            LocalEdit::RestoreMetadata { from } => return only(restore::restore(home, from)?),
            LocalEdit::RebuildMetadata => return only(restore::remake(home, now)?),
            LocalEdit::FlipBit { file, block, byte, bit } => {
                blocks.push(restore::flip(home, file, block, (*byte, *bit))?);
            }
            LocalEdit::FirstBlock { file, size } => blocks.push(restore::first_block(home, file, *size)?),
            LocalEdit::Turtle { text } => turtles.push(text),
            LocalEdit::SetSize { file, checkpoint, size, cookie_size } => {
                let wanted = Wanted { checkpoint, size: *size, cookie_size: *cookie_size };
                if sizes.insert(file.as_str(), wanted).is_some() {
                    return Err(EditError::Refused(format!("two sizes for {file}")));
                }
            }
        }
    }
    if !blocks.is_empty() {
        if !turtles.is_empty() || !sizes.is_empty() {
            return Err(EditError::Refused(
                "other changes may depend on damaged blocks: repair the blocks first, then audit again".to_string(),
            ));
        }
        return only(blocks);
    }
    match turtles.as_slice() {
        [] if sizes.is_empty() => Ok(Prepared { changes: Vec::new(), blocks: Vec::new() }),
        [] => set_sizes(home, &sizes, now),
        [text] if sizes.is_empty() => Ok(Prepared { changes: new_turtle(home, text)?, blocks: Vec::new() }),
        [_] => Err(EditError::Refused(
            "a new turtle changes where the sizes are stored: write it first, then audit the home again".to_string(),
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
        return refuse("a file outside a home has no metadata that states its size");
    }
    if home.encrypted {
        return refuse("the metadata is encrypted");
    }
    if home.way != Way::Turtle {
        return refuse("the metadata was not read through the turtle: fix that first");
    }
    if !home.complete {
        return refuse("the metadata could not be read in full");
    }
    let dir = handle(home)?;
    let bytes = read_small(&dir, home_turtle::FILE_NAME)?.unwrap_or_default();
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
            return refuse(&format!("{name} is in a page log"));
        }
        let key = format!("file:{name}\0").into_bytes();
        let row = old.binary_search_by(|r| r.key.cmp(&key)).ok().and_then(|n| old.get(n));
        let row = row.filter(|r| !r.times.is_stopped());
        let Some(row) = row else { return refuse(&format!("the metadata has no row of {name}")) };
        let text = row.value.strip_suffix(&[0]).unwrap_or(&row.value);
        let text =
            std::str::from_utf8(text).map_err(|_| EditError::Refused(format!("the row of {name} is not text")))?;
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
        changes.extend(replace_turtle(&dir, Some(bytes), after)?);
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
        return Err(EditError::Refused("a file outside a home has no turtle".to_string()));
    }
    let refuse = |why: String| EditError::Refused(format!("the new turtle: {why}"));
    let turtle = home_turtle::parse(text.as_bytes()).map_err(|e| refuse(e.to_string()))?;
    let entry = FileEntry::parse(METADATA, &turtle.metadata, entry::Source::Turtle)?;
    if let Some(newest) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) {
        LocalCheckpoint::decode(&newest.addr, entry.alloc).map_err(|e| refuse(e.to_string()))?;
    }
    let dir = handle(home)?;
    let before = read_small(&dir, home_turtle::FILE_NAME)?;
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(Vec::new());
    }
    replace_turtle(&dir, before, text.as_bytes().to_vec())
}
