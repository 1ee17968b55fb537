//! Changes that bring metadata back: a turtle or metadata that lies under another name, metadata made anew, and a
//! single bit of a block.

use super::block::{self, Verified};
use super::change::{FileChange, read_small};
use super::directory::{Home, METADATA, descriptor_alloc, read_rows};
use super::entry::{FileEntry, Source};
use super::fault::{BadSum, Fact, FaultKind};
use super::rebuild::{self, Rebuilt, free_name};
use super::recover;
use super::refusal::{EditError, Result};
use super::remains::fits;
use crate::below::Below;
use crate::format::config;
use crate::format::home_turtle;
use crate::format::local::{self, LocalAddress};
use crate::store::blockfile::BlockFile;

pub(super) fn handle(home: &Home) -> Result<Below> {
    Below::open(&home.dir).map_err(|e| EditError::Io { path: home.dir.clone(), reason: e.to_string() })
}

/// The turtle changes. A temporary one that the engine left behind goes with it, as when the engine does this;
/// that it was there is kept, so that it can come back.
pub(super) fn replace_turtle(dir: &Below, before: Option<Vec<u8>>, after: Vec<u8>) -> Result<Vec<FileChange>> {
    let mut out = Vec::new();
    if let Some(left) = read_small(dir, home_turtle::TEMPORARY_NAME)? {
        let file = home_turtle::TEMPORARY_NAME.to_string();
        out.push(FileChange::Replace { file, before: Some(left), after: None });
    }
    out.push(FileChange::Replace { file: home_turtle::FILE_NAME.to_string(), before, after: Some(after) });
    Ok(out)
}

/// The turtle under the name it is written under gets its own.
pub(super) fn rename_turtle(home: &Home) -> Result<Vec<FileChange>> {
    let dir = handle(home)?;
    let read = read_small(&dir, home_turtle::TEMPORARY_NAME)?;
    let sound = read.is_some_and(|bytes| home_turtle::parse(&bytes).is_ok());
    if !sound || read_small(&dir, home_turtle::FILE_NAME)?.is_some() {
        return Err(EditError::Refused("there is a turtle already, or none to take its place".to_string()));
    }
    Ok(vec![FileChange::rename(&dir, home_turtle::TEMPORARY_NAME, home_turtle::FILE_NAME)?])
}

/// Metadata that was put aside and fits the files as they are, with a turtle that fits it.
pub struct SetBack {
    /// Its name now.
    pub from: String,
    /// The name that the metadata in its place is to get.
    pub to: String,
    pub rows: u64,
    /// The turtle.
    pub turtle: String,
}

/// Whether metadata that was put aside can simply take its place again: every row leads to what is in the files.
pub fn set_back(home: &Home) -> Result<SetBack> {
    let refuse = |why: String| Err(EditError::Refused(why));
    let Some(from) = rebuild::aside(home) else { return refuse("no metadata was set aside".to_string()) };
    let open = |name: &str| BlockFile::open(&home.path(name), true).map_err(|e| EditError::Refused(e.to_string()));
    let file = open(from)?;
    let found = recover::scan(&file, descriptor_alloc(&file), &|_| ());
    let entry = found.as_ref().and_then(|found| FileEntry::recovered(METADATA, found).ok());
    let (Some(found), Some(entry)) = (found, entry) else {
        return refuse(format!("{from} has no copy of its own checkpoint"));
    };
    let read = read_rows(&file, &entry);
    if !read.complete || read.opaque.is_some() || file.failure().is_some() {
        return refuse(format!("{from} cannot be read in full"));
    }
    for (key, text) in &read.rows {
        let Some(name) = key.strip_prefix("file:") else { continue };
        let row = FileEntry::parse(name, text, Source::Metadata)?;
        if !home.inventory.contains_key(name) || !fits(&open(name)?, &row) {
            return refuse(format!("the row of {name} does not match what is in that file"));
        }
    }
    let Some(text) = found.metadata_text() else { return refuse(format!("{from} is encrypted")) };
    let rebuilt = rebuild::lsn_behind(home);
    let metadata = config::with_values(&text, &[("checkpoint_lsn", &rebuilt)])?;
    let version = home.version.clone().unwrap_or_default();
    let turtle = home_turtle::from_version_text(&version, metadata).map(|t| home_turtle::render(&t));
    let Some(turtle) = turtle else { return refuse("the version that a turtle must state is not known".to_string()) };
    let to = free_name(home, METADATA, &[]);
    Ok(SetBack { from: from.to_string(), to, rows: read.rows.len() as u64, turtle })
}

/// The changes that this comes down to. The turtle is the last: until it is there, the engine opens nothing.
pub(super) fn restore(home: &Home, from: &str) -> Result<Vec<FileChange>> {
    let found = set_back(home)?;
    if found.from != from {
        return Err(EditError::Refused(format!("{} belongs in its place, not {from}", found.from)));
    }
    let dir = handle(home)?;
    let mut out = vec![FileChange::rename(&dir, METADATA, &found.to)?, FileChange::rename(&dir, from, METADATA)?];
    let before = read_small(&dir, home_turtle::FILE_NAME)?;
    out.extend(replace_turtle(&dir, before, found.turtle.into_bytes())?);
    Ok(out)
}

/// Metadata made anew, and what has to move for it.
pub(super) fn remake(home: &Home, now: u64) -> Result<Vec<FileChange>> {
    let Rebuilt { stand_ins, file, turtle, .. } = rebuild::rebuild(home, now)?;
    let dir = handle(home)?;
    let mut out = Vec::new();
    let mut taken = Vec::new();
    for (name, now) in &stand_ins {
        let to = free_name(home, name, &taken);
        out.push(FileChange::rename(&dir, name, &to)?);
        out.push(FileChange::rename(&dir, now, name)?);
        taken.push(to);
    }
    let before = read_small(&dir, METADATA)?;
    out.push(FileChange::Replace { file: METADATA.to_string(), before, after: Some(file.bytes) });
    let before = read_small(&dir, home_turtle::FILE_NAME)?;
    out.extend(replace_turtle(&dir, before, turtle.into_bytes())?);
    Ok(out)
}

/// One bit of a block goes back, where that makes its checksum hold: the one its cookie expects.
pub(super) fn flip(home: &Home, file: &str, address: &LocalAddress, (byte, bit): (u64, u8)) -> Result<FileChange> {
    let refuse = |why: &str| EditError::Refused(format!("{file}, block at {}: {why}", address.offset));
    if home.file(file).is_none() {
        return Err(refuse("not a file of this home"));
    }
    let opened = BlockFile::open(&home.path(file), true).map_err(|e| EditError::Refused(e.to_string()))?;
    let mut buffer = Vec::new();
    let stored = block::fetch(&opened, address, &mut buffer).map_err(|f| refuse(&f.to_string()))?;
    let found = match block::verify(stored, address) {
        Verified::Flipped(_, byte, bit) => Some((byte, bit)),
        Verified::FieldOnly(fault) => flipped_in_field(address, &fault.fact),
        _ => None,
    };
    let wanted = usize::try_from(byte).ok().map(|byte| (byte, bit));
    let mended = |at: usize| stored.get(at).map(|old| (*old, *old ^ 1_u8.checked_shl(u32::from(bit)).unwrap_or(0)));
    let (Some((at, _)), true) = (found, found == wanted) else {
        return Err(refuse("its checksum does not show that this one bit is wrong"));
    };
    let (old, new) = mended(at).ok_or_else(|| refuse("it has no such byte"))?;
    let mut whole = stored.to_vec();
    if let Some(place) = whole.get_mut(at) {
        *place = new;
    }
    if !matches!(block::verify(&whole, address), Verified::Sound) {
        return Err(EditError::Check(format!(
            "{file}, block at {}: its checksum would not match either",
            address.offset
        )));
    }
    let offset = address.offset.checked_add(byte).ok_or_else(|| refuse("it has no such byte"))?;
    Ok(FileChange::Write {
        file: file.to_string(),
        offset,
        len_before: opened.len(),
        before: vec![old],
        after: vec![new],
    })
}

/// The first block of a file goes back: it follows from the allocation size. One that holds by its checksum was
/// written that way, perhaps by an engine that is not known here.
pub(super) fn first_block(home: &Home, file: &str, size: u32) -> Result<FileChange> {
    let refuse = |why: &str| EditError::Refused(format!("{file}, first block: {why}"));
    match home.file(file) {
        None => return Err(refuse("not a file of this home")),
        Some(entry) if !entry.knows_alloc() => return Err(refuse("nothing says what its allocation size is")),
        Some(entry) if entry.alloc != size => return Err(refuse("the metadata gives another allocation size")),
        Some(_) => {}
    }
    let opened = BlockFile::open(&home.path(file), true).map_err(|e| EditError::Refused(e.to_string()))?;
    let after = local::encode_descriptor(size).ok_or_else(|| refuse("not an allocation size"))?;
    let mut buffer = Vec::new();
    let head = opened
        .read_up_to(0, after.len().max(local::DESCRIPTOR_HEAD), &mut buffer)
        .map_err(|e| refuse(&e.to_string()))?;
    if local::descriptor_holds(head) {
        return Err(refuse("its checksum matches its content"));
    }
    let before = head.get(..after.len()).ok_or_else(|| refuse("the file ends in it"))?.to_vec();
    Ok(FileChange::Write { file: file.to_string(), offset: 0, len_before: opened.len(), before, after })
}

/// Byte and bit of a block that alone are wrong, by what an audit found.
pub fn single_bit(address: &LocalAddress, kind: FaultKind, fact: &Fact) -> Option<(usize, u8)> {
    if kind != FaultKind::Checksum {
        return None;
    }
    match fact {
        Fact::Checksum { found: BadSum::Content { flipped, .. }, .. } => *flipped,
        _ => flipped_in_field(address, fact),
    }
}

/// The one bit by which the checksum in a block's header is not the one that its bytes add up to.
fn flipped_in_field(address: &LocalAddress, fact: &Fact) -> Option<(usize, u8)> {
    let Fact::Checksum { found: BadSum::FieldOnly { stored }, .. } = fact else { return None };
    let difference = (stored ^ address.checksum).to_le_bytes();
    let mut wrong = difference.iter().enumerate().filter(|(_, byte)| **byte != 0);
    let (at, byte) = wrong.next()?;
    let bit = u8::try_from(byte.trailing_zeros()).ok()?;
    (wrong.next().is_none() && byte.is_power_of_two()).then_some((block::CHECKSUM_FIELD.checked_add(at)?, bit))
}
