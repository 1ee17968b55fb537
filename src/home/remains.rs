//! What is left of a metadata file: the rows of every leaf that still adds up, whether or not anything leads to it.

use super::block::{self, probe};
use super::checkpoint;
use super::directory::{Home, descriptor_alloc, read_rows};
use super::entry::{FileEntry, Source};
use super::files::METADATA;
use super::leaves;
use super::recover;
use super::refusal::{EditError, Result};
use super::rewrite::shape;
use super::space::Units;
use crate::format::home_turtle::HomeTurtle;
use crate::format::local::LocalCheckpoint;
use crate::format::local_image;
use crate::format::page_header::PageType;
use crate::page::leaf::{self, Value};
use crate::page::rules::{Bounds, Page};
use crate::store::blockfile::BlockFile;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of keys and values that are kept at most: the metadata of a hundred thousand tables.
const MAX_BYTES: usize = 512 << 20;

/// Rows by key.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Each as the newest checkpoint has it, or else the page of the highest write generation.
    pub(super) rows: BTreeMap<String, String>,
    /// Keys of those that are known to be the newest checkpoint's.
    pub(super) current: BTreeSet<String>,
    /// The highest write generation of all pages.
    pub(super) generation: u64,
}

impl Remains {
    /// Take a row of the newest checkpoint.
    pub(super) fn take(&mut self, key: String, value: String) {
        self.current.insert(key.clone());
        self.rows.insert(key, value);
    }
}

/// Look through a whole file. A row that was removed may come back: a leaf in free space is as good as any, unless
/// `live` says what the newest checkpoint uses.
pub(super) fn read(file: &BlockFile, alloc: u32, live: Option<&Units>) -> Remains {
    let entry = FileEntry::nothing(METADATA, alloc);
    let shape = shape(file, &entry, file.len());
    let bounds = Bounds { alloc, file_size: file.len() };
    let mut found: BTreeMap<String, ((bool, u64), String)> = BTreeMap::new();
    let mut out = Remains::default();
    let (mut offset, mut kept) = (u64::from(alloc), 0_usize);
    let mut buffer = Vec::new();
    while offset < file.len() {
        let Some((address, headers, stored)) = probe(file, offset, alloc, &mut buffer) else {
            offset = offset.saturating_add(u64::from(alloc));
            continue;
        };
        offset = address.end();
        out.generation = out.generation.max(headers.page.write_gen);
        if headers.page.page_type() != Ok(PageType::RowLeaf) || headers.page.is_encrypted() {
            continue;
        }
        let Ok(plain) = local_image::plain(stored, &headers.page, None) else { continue };
        let Ok(page) = Page::new(&plain) else { continue };
        let live = live.is_some_and(|units| units.touches(address.offset, u64::from(address.size)));
        let generation = (live, headers.page.write_gen);
        let options = leaf::Options::deep(bounds);
        leaf::leaf(&page, &options, &mut |a| leaves::item(&shape, a), &mut |row| {
            let value = match row.value {
                Value::Inline(bytes) => Some(bytes.to_vec()),
                Value::Overflow(Some(address)) => leaves::item(&shape, &address),
                _ => None,
            };
            let (Some(key), Some(value)) = (row.key.and_then(text), value.as_deref().and_then(text)) else { return };
            let newer = found.get(&key).is_none_or(|(known, _)| *known <= generation);
            let more = key.len().saturating_add(value.len());
            if !row.times.is_stopped() && newer && kept.saturating_add(more) <= MAX_BYTES {
                kept = kept.saturating_add(more);
                found.insert(key, (generation, value));
            }
        });
    }
    for (key, ((live, _), value)) in found {
        if live {
            out.current.insert(key.clone());
        }
        out.rows.insert(key, value);
    }
    out
}

/// A key or value of the metadata: text and a NUL.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(&[0])?;
    std::str::from_utf8(bytes).ok().filter(|t| !t.contains('\0')).map(str::to_owned)
}

/// Rows that are left in a metadata file, best those that the turtle leads to.
pub(super) fn left_in(home: &Home, name: &str, turtle: Option<&HomeTurtle>) -> Result<Remains> {
    let file = BlockFile::open(&home.path(name), true).map_err(|e| EditError::Refused(e.to_string()))?;
    let entry = turtle.and_then(|t| FileEntry::parse(METADATA, &t.metadata, Source::Turtle).ok());
    let alloc = entry.as_ref().map(|e| e.alloc).or_else(|| descriptor_alloc(&file)).unwrap_or(4096);
    // What was put aside was whole.
    let own =
        || recover::scan(&file, Some(alloc), &|_| ()).and_then(|found| FileEntry::recovered(METADATA, &found).ok());
    let entry = entry.or_else(|| if name == METADATA { None } else { own() });
    let newest = entry.and_then(|e| checkpoint::read(&file, e.alloc, &e.checkpoints).pop());
    let mut out = read(&file, alloc, newest.as_ref().and_then(|c| c.live.as_ref()));
    if let Some(entry) = home.file(METADATA).filter(|e| name == METADATA && e.source == Source::Turtle) {
        for (key, value) in read_rows(&file, entry).rows {
            out.take(key, value);
        }
    }
    match file.failure() {
        Some(_) => Err(EditError::Refused(format!(
            "the storage medium cannot read all of {name}: copy what can be read, and audit the copy"
        ))),
        None => Ok(out),
    }
}

/// Whether the blocks that the newest cookie of an entry names are in the file, and add up.
pub(super) fn fits(file: &BlockFile, entry: &FileEntry) -> bool {
    let Some(last) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) else {
        return descriptor_alloc(file).is_some();
    };
    let Ok(cookie) = LocalCheckpoint::decode(&last.addr, entry.alloc) else { return false };
    let mut blocks = [cookie.root, cookie.alloc, cookie.avail, cookie.discard].into_iter().flatten();
    cookie.file_size <= file.len()
        && blocks.all(|address| block::load(file, &address, &mut Vec::new(), &mut Vec::new()).is_some())
}
