//! A new checkpoint of the metadata file, behind everything it holds: new versions of the pages on the way
//! to the rows that change, extent lists, and the file's own copy of the checkpoint.
//!
//! Nothing that a checkpoint uses is overwritten: the old one is whole until the turtle names the new one.

use super::block::probe;
use super::checkpoint::{self, Checkpoint};
use super::leaves;
use super::pages::{self, Block, Loaded, Output, Rewriter, damaged};
use super::recover;
use super::refusal::{EditError, Result};
use super::seen::Seen;
use super::shape::Shape;
use super::space::{self, MOST_UNITS, Part, Units, Use};
use super::tree::{self, Walked};
use crate::format::checkpoint_list::{self, CheckpointEntry};
use crate::format::config::Config;
use crate::format::local::{Extent, ExtentList, LocalAddress, LocalCheckpoint, Recovery};
use crate::format::page_header::PageType;
use crate::home::entry::FileEntry;
use crate::page::Depth;
use crate::page::cell::{CellKind, Times};
use crate::page::internal;
use crate::page::leaf::{self, Value};
use crate::page::rules::Page;
use crate::store::blockfile::BlockFile;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

/// Most bytes that a file may lack of what its newest checkpoint states. What is missing is padded, and
/// was free space, or else the trees could not be read.
const MAX_GAP: u64 = 64 << 20;
/// Sizes of pages where the configuration does not state them (the engine's own).
const LEAF_MAX: u64 = 32 << 10;
/// As above, internal pages.
const INTERNAL_MAX: u64 = 4 << 10;
/// Page sizes that the engine takes.
const PAGE_MAX: std::ops::RangeInclusive<u64> = 512..=512 << 20;

/// A row with everything its cells say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    /// Where the value is an overflow item.
    pub item: Option<LocalAddress>,
    pub times: Times,
}

/// A file of a row store.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    pub path: &'s Path,
    /// What its metadata says.
    pub entry: &'s FileEntry,
    pub text: &'s str,
}

/// What a new checkpoint comes down to.
#[derive(Debug)]
pub struct Rewritten {
    /// Length of the file now: the new bytes stand behind it.
    pub at: u64,
    /// The new bytes.
    pub tail: Vec<u8>,
    /// The file's metadata with the new checkpoint.
    pub text: String,
    /// The blocks among the new bytes.
    pub blocks: Vec<Block>,
}

impl<'s> Source<'s> {
    /// Open the file. Without a map: a bad sector is an error then, and nothing worse.
    pub fn open(&self) -> Result<BlockFile> {
        BlockFile::open(self.path, true).map_err(|e| EditError::Refused(e.to_string()))
    }

    fn newest(&self) -> Result<(&'s CheckpointEntry, LocalCheckpoint)> {
        let last = self.entry.checkpoints.last();
        let last = last.ok_or_else(|| EditError::Refused(format!("{} has no checkpoint", self.entry.name)))?;
        let cookie = LocalCheckpoint::decode(&last.addr, self.entry.alloc)
            .map_err(|e| EditError::Refused(format!("the checkpoint cookie of {}: {e}", self.entry.name)))?;
        if cookie.object.is_some() {
            return Err(EditError::Refused(format!("{} is in tiered storage", self.entry.name)));
        }
        Ok((last, cookie))
    }

    /// All rows of the newest checkpoint, stopped ones included.
    pub fn rows(&self, file: &BlockFile) -> Result<Vec<Row>> {
        let (_, cookie) = self.newest()?;
        let Some(root) = cookie.root else { return Ok(Vec::new()) };
        rows(&shape(file, self.entry, cookie.file_size), &root)
    }

    /// Bytes of the blocks of the newest tree without the root, and of the root.
    pub(super) fn measure(&self, file: &BlockFile) -> Result<(u64, u64)> {
        let (last, cookie) = self.newest()?;
        let Some(root) = cookie.root else { return Ok((0, 0)) };
        let walked = walk(&shape(file, self.entry, cookie.file_size), last, &root)?;
        Ok((walked.bytes, u64::from(root.size)))
    }
}

pub fn shape<'a>(file: &'a BlockFile, entry: &'a FileEntry, end: u64) -> Shape<'a> {
    Shape { file, entry, end, depth: Depth::Deep, ids: None, progress: &|_, _| () }
}

/// Walk a tree in which nothing may be wrong.
pub(super) fn walk(shape: &Shape<'_>, checkpoint: &CheckpointEntry, root: &LocalAddress) -> Result<Walked> {
    let walked = tree::walk(shape, checkpoint, root, &Seen::new(shape.entry.alloc).once());
    if let Some(fault) = walked.faults.first() {
        let address = LocalAddress { offset: fault.offset, size: fault.size, checksum: 0, object: None };
        return Err(damaged(shape, &address, &fault.to_string()));
    }
    if !walked.complete || walked.unread > 0 || walked.opaque.is_some() {
        let why = walked.opaque.map_or("not all of its pages can be read".to_string(), |why| why.to_string());
        return Err(EditError::Refused(format!("{}: {why}", shape.entry.name)));
    }
    Ok(walked)
}

/// All rows of a tree.
pub fn rows(shape: &Shape<'_>, root: &LocalAddress) -> Result<Vec<Row>> {
    let mut out = Vec::new();
    let mut visited = HashSet::new();
    let mut stack = vec![(*root, CellKind::AddrInternal)];
    while let Some((address, kind)) = stack.pop() {
        if !visited.insert(address.offset) {
            return Err(damaged(shape, &address, "it is referenced twice"));
        }
        let loaded = Loaded::read(shape, &address)?;
        let page = Page::new(&loaded.plain)?;
        if kind == CellKind::AddrInternal {
            let mut children = Vec::new();
            let order = shape.entry.byte_order;
            let found = internal::children(&page, shape.bounds(), order, &mut |c| children.push((c.address, c.kind)));
            if let Some(broken) = found.breaches.list.first() {
                return Err(damaged(shape, &address, &broken.what.to_string()));
            }
            let children = children.into_iter().filter(|(_, kind)| *kind != CellKind::AddrDeleted);
            stack.extend(children.rev().filter_map(|(a, kind)| a.map(|a| (a, kind))));
            continue;
        }
        let options =
            leaf::Options { bounds: shape.bounds(), deep: true, byte_order: shape.entry.byte_order, fixed_width: None };
        let mut lost = false;
        let found = leaf::leaf(&page, &options, &mut |a| leaves::item(shape, a), &mut |row| {
            let (value, item) = match row.value {
                Value::Inline(bytes) => (Some(bytes.to_vec()), None),
                Value::Empty => (Some(Vec::new()), None),
                Value::Overflow(Some(address)) => (leaves::item(shape, &address), Some(address)),
                _ => (None, None),
            };
            match (row.key, value) {
                (Some(key), Some(value)) => out.push(Row { key: key.to_vec(), value, item, times: row.times }),
                _ => lost = true,
            }
        });
        if let Some(broken) = found.breaches.list.first() {
            return Err(damaged(shape, &address, &broken.what.to_string()));
        }
        if lost {
            return Err(damaged(shape, &address, "a row cannot be read"));
        }
    }
    Ok(out)
}

/// A checkpoint that stays, with what it uses.
pub struct Kept<'c> {
    checkpoint: &'c Checkpoint,
    walked: Option<Walked>,
}

impl Kept<'_> {
    fn part(&self) -> Part {
        let live = self.checkpoint.live.clone().unwrap_or_default();
        let of = |pick: fn(&Walked) -> &Units| self.walked.as_ref().map_or_else(|| live.empty(), |w| pick(w).clone());
        Part {
            tree: of(|w| &w.units),
            internal: of(|w| &w.internal),
            overflow: of(|w| &w.overflow),
            live: Some(live),
            root: self.checkpoint.cookie.as_ref().and_then(|c| c.root),
            lists: self.checkpoint.list_blocks().collect(),
            complete: true,
        }
    }
}

/// The checkpoints that stay. Each must be sound: what it seems not to use becomes free.
pub fn kept<'c>(file: &BlockFile, entry: &FileEntry, all: &'c [Checkpoint], count: usize) -> Result<Vec<Kept<'c>>> {
    let mut out = Vec::new();
    for checkpoint in all.iter().take(count) {
        let name = &checkpoint.entry.name;
        let refuse = |why: &str| EditError::Refused(format!("checkpoint {name} of {}: {why}", entry.name));
        if let Some(fault) = checkpoint.faults.first() {
            return Err(refuse(&fault.to_string()));
        }
        let live = checkpoint.live.as_ref().ok_or_else(|| refuse("its extent lists cannot be read"))?;
        let root = checkpoint.cookie.as_ref().and_then(|c| Some((c.root?, c.file_size)));
        let walked = root.map(|(root, end)| walk(&shape(file, entry, end), &checkpoint.entry, &root)).transpose()?;
        let agrees = walked.as_ref().map_or(live.is_empty(), |w| w.units == *live);
        if !agrees {
            return Err(refuse("its tree is not what its extent lists say"));
        }
        out.push(Kept { checkpoint, walked });
    }
    Ok(out)
}

/// The highest write generation of any block, in use or not, and of the checkpoints: a scan of the file for
/// its newest checkpoint must find the new one.
fn highest_generation(file: &BlockFile, entry: &FileEntry) -> u64 {
    let mut highest = entry.checkpoints.iter().map(|c| c.write_gen).max().unwrap_or(0);
    let mut offset = u64::from(entry.alloc);
    let mut buffer = Vec::new();
    while offset < file.len() {
        let Some((address, headers, stored)) = probe(file, offset, entry.alloc, &mut buffer) else {
            offset = offset.saturating_add(u64::from(entry.alloc));
            continue;
        };
        highest = highest.max(headers.page.write_gen);
        if headers.page.page_type() == Ok(PageType::BlockManager)
            && let Ok(ExtentList { recovery: Some(found), .. }) = ExtentList::decode(stored, entry.alloc, u64::MAX)
        {
            highest = highest.max(found.generation);
        }
        offset = address.end();
    }
    highest
}

/// The aggregate of a whole tree.
fn aggregate(c: &CheckpointEntry) -> Times {
    Times {
        start_ts: c.oldest_start_ts,
        start_txn: c.newest_txn,
        durable_start_ts: c.newest_start_durable_ts,
        stop_ts: c.newest_stop_ts,
        stop_txn: c.newest_stop_txn,
        durable_stop_ts: c.newest_stop_durable_ts,
        prepared: c.prepare,
    }
}

/// Largest leaf and internal page of a file.
pub(super) fn limits(text: &str) -> Result<(usize, usize)> {
    let config = Config::parse(text)?;
    let limit = |key: &str, default: u64| {
        let stated = config.get(key).and_then(|v| v.u64().ok()).filter(|n| PAGE_MAX.contains(n));
        usize::try_from(stated.unwrap_or(default)).unwrap_or(usize::MAX)
    };
    Ok((limit("leaf_page_max", LEAF_MAX), limit("internal_page_max", INTERNAL_MAX)))
}

/// Write a new checkpoint in which rows have other values. `old` are the rows that are there now, `now` is
/// the time in seconds. Nothing is written to the file.
pub fn rewrite(source: &Source<'_>, old: &[Row], values: &BTreeMap<Vec<u8>, Vec<u8>>, now: u64) -> Result<Rewritten> {
    let entry = source.entry;
    let (last, before) = source.newest()?;
    let root =
        before.root.ok_or_else(|| EditError::Refused(format!("the newest checkpoint of {} is empty", entry.name)))?;
    let file = source.open()?;
    let unit = u64::from(entry.alloc);
    let begin = before.file_size.max(file.len()).checked_next_multiple_of(unit);
    let gap = begin.map(|b| b - file.len()).filter(|gap| *gap <= MAX_GAP);
    let (Some(begin), Some(gap)) = (begin, gap.and_then(|g| usize::try_from(g).ok())) else {
        return Err(EditError::Refused(format!(
            "{} has {} bytes, its newest checkpoint states {}",
            entry.name,
            file.len(),
            before.file_size
        )));
    };

    // What stays.
    let replace = checkpoint_list::is_unnamed(&last.name);
    let count = entry.checkpoints.len() - usize::from(replace);
    let all = checkpoint::read(&file, entry.alloc, &entry.checkpoints);
    let kept = kept(&file, entry, &all, count)?;
    walk(&shape(&file, entry, before.file_size), last, &root)?;

    // The new tree.
    let out = Output::new(entry.alloc, file.len(), gap, highest_generation(&file, entry));
    let old_shape = shape(&file, entry, before.file_size);
    let limits = limits(source.text)?;
    let mut rewriter = Rewriter { shape: &old_shape, values, limits, out, found: BTreeSet::new() };
    let root = rewriter.root(&root, &aggregate(last))?;
    let (mut out, found) = (rewriter.out, rewriter.found);
    if let Some(key) = values.keys().find(|k| !found.contains(*k)) {
        return Err(EditError::Refused(format!("{} has no row {:?}", entry.name, String::from_utf8_lossy(key))));
    }
    let generation = out.generation;
    let with_tree = source.open()?.extended(out.bytes.clone());
    let tree = walk(&shape(&with_tree, entry, out.end()), last, &root)?;

    // The lists: what is live but in the last checkpoint that stays, what was live there and is not now.
    let mut with_root = tree.units.clone();
    with_root.add_block(&root);
    let live_before = kept.last().and_then(|k| k.checkpoint.live.clone()).unwrap_or_else(|| with_root.empty());
    let alloc = Some(out.list(extents(&with_root.without(&live_before)), None)?);
    let discarded = extents(&live_before.without(&tree.units));
    let discard = if discarded.is_empty() { None } else { Some(out.list(discarded, None)?) };
    let mut free = Units::new(entry.alloc, begin);
    free.add(unit, begin.saturating_sub(unit));
    free.subtract(&tree.units);
    for kept in &kept {
        let part = kept.part();
        free.subtract(&part.tree);
        for block in part.root.iter().chain(&part.lists) {
            free.remove(block.offset, u64::from(block.size));
        }
    }

    // The cookie, which the copy behind the avail list has without that list and with the old file size.
    let cookie = LocalCheckpoint {
        version: before.version,
        root: Some(root),
        alloc,
        avail: None,
        discard,
        file_size: before.file_size,
        checkpoint_size: tree.bytes,
        object: None,
    };
    let order = entry.checkpoints.iter().map(|c| c.order).max().unwrap_or(0).checked_add(1);
    let order = order.ok_or_else(|| EditError::Refused("the checkpoint order numbers are used up".to_string()))?;
    let name = format!("{}.{order}", checkpoint_list::UNNAMED);
    let text = |cookie: &LocalCheckpoint| -> Result<String> {
        let fields = [
            ("addr", hex::encode(cookie.encode(entry.alloc)?)),
            ("order", order.to_string()),
            ("time", now.max(last.time).to_string()),
            ("size", tree.bytes.saturating_add(u64::from(root.size)).to_string()),
            ("write_gen", generation.to_string()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Ok(checkpoint_list::with_next(source.text, &name, &fields, replace)?)
    };
    let incomplete = text(&cookie)?;
    let config = Config::parse(source.text)?;
    let encryption = config.get("encryption").map_or("(keyid=,name=)", |v| v.text);
    let mut recovery = Recovery {
        generation: generation.checked_add(1).ok_or_else(pages::no_generation)?,
        file_size: 0,
        metadata: format!("encryption={encryption},block_metadata_encrypted=false,block_metadata=[{}]", source.text),
        checkpoint_list: format!("checkpoint={}", checkpoint_list::text_in(&incomplete)?),
        cookie: cookie.encode(entry.alloc)?,
    };
    // The size of the file counts the block that states it, whose length does not depend on the number.
    let free = extents(&free);
    let length = out.disk_size(pages::list_image(free.clone(), Some(recovery.clone()))?.len())?;
    recovery.file_size = out.end().saturating_add(u64::from(length));
    let file_size = recovery.file_size;
    let avail = out.list(free, Some(recovery))?;
    if out.end() != file_size || file_size / unit > MOST_UNITS {
        return Err(EditError::Refused(format!("{file_size} bytes are too many for {}", entry.name)));
    }
    let text = text(&LocalCheckpoint { avail: Some(avail), file_size, ..cookie })?;
    let made = Rewritten { at: file.len(), tail: out.bytes, text, blocks: out.blocks };
    verify(source, &made, old, values, &kept)?;
    Ok(made)
}

/// The runs of a set.
pub(super) fn extents(units: &Units) -> Vec<Extent> {
    units.spans().map(|s| Extent { offset: s.start, size: s.len() }).collect()
}

/// Read the new checkpoint out of its bytes: it must be sound, account for every byte of the file, and
/// hold the old rows but for those that were to change.
fn verify(
    source: &Source<'_>,
    made: &Rewritten,
    old: &[Row],
    values: &BTreeMap<Vec<u8>, Vec<u8>>,
    kept: &[Kept<'_>],
) -> Result<()> {
    let failed = |what: String| EditError::Check(what);
    let file = source.open()?;
    if file.len() != made.at {
        return Err(EditError::Refused(format!("{} changed while it was being read", source.entry.name)));
    }
    let file = file.extended(made.tail.clone());
    let entry = FileEntry::parse(&source.entry.name, &made.text, source.entry.source)?;
    let checkpoints = checkpoint::read(&file, entry.alloc, &entry.checkpoints);
    if let Some(fault) = checkpoints.iter().flat_map(|c| &c.faults).next() {
        return Err(failed(fault.to_string()));
    }
    let new = checkpoints.last().and_then(|c| Some((c, c.cookie.as_ref()?, c.live.as_ref()?)));
    let (new, cookie, live) = new.ok_or_else(|| failed("the new checkpoint cannot be read".to_string()))?;
    let root = cookie.root.ok_or_else(|| failed("the new checkpoint is empty".to_string()))?;
    let shape = shape(&file, &entry, cookie.file_size);
    let walked = walk(&shape, &new.entry, &root).map_err(|e| failed(e.to_string()))?;
    if walked.units != *live {
        return Err(failed("the tree is not what the extent lists say".to_string()));
    }
    let size = walked.bytes.saturating_add(u64::from(root.size));
    if (cookie.checkpoint_size, new.entry.size, cookie.file_size) != (walked.bytes, size, file.len()) {
        return Err(failed("the sizes are not those of the tree and the file".to_string()));
    }
    let copy = cookie.avail.and_then(|a| recover::beside(&file, entry.alloc, &a));
    let agrees = copy.is_some_and(|c| {
        c.checkpoint == *cookie
            && c.recovery.generation == new.entry.write_gen.saturating_add(1)
            && c.checkpoints().is_ok_and(|list| list == entry.checkpoints)
    });
    if !agrees {
        return Err(failed("the copy after the avail list is another checkpoint".to_string()));
    }
    let mut parts: Vec<Part> = kept.iter().map(Kept::part).collect();
    parts.push(Kept { checkpoint: new, walked: Some(walked) }.part());
    let account = space::account(entry.alloc, cookie.file_size, &parts, new.avail.extents());
    if !account.certain || account.bytes(Use::Lost) != 0 || !account.overlaps.is_empty() {
        return Err(failed("not every byte of the file has one use".to_string()));
    }
    let new = rows(&shape, &root).map_err(|e| failed(e.to_string()))?;
    let same = |a: &Row, b: &Row| match values.get(&a.key).filter(|_| !a.times.is_stopped()) {
        Some(value) => (&a.key, value, a.times, a.item.is_some()) == (&b.key, &b.value, b.times, b.item.is_some()),
        None => a == b,
    };
    if new.len() != old.len() || !old.iter().zip(&new).all(|(a, b)| same(a, b)) {
        return Err(failed("rows changed that should not have changed".to_string()));
    }
    Ok(())
}
