//! A new metadata file: its description, leaves and internal pages, one checkpoint with its lists, and the file's own
//! copy of it. Nothing is written; the bytes are read back before anyone gets them.

use super::checkpoint;
use super::entry::{self, FileEntry};
use super::files::METADATA;
use super::pages::{self, Like, Output, no_generation, no_key, partition, separator};
use super::recover;
use super::refusal::{EditError, Result};
use super::rewrite::{self, extents, limits, shape};
use crate::format::checkpoint_list::{CheckpointEntry, UNNAMED};
use crate::format::local::{self, DATA_OFFSET, LocalAddress, LocalCheckpoint, Recovery};
use crate::format::page_header::{FLAG_EMPTY_VALUES_NONE, PageHeader, PageType};
use crate::page::cell::{self, CellKind, Times};
use crate::store::blockfile::BlockFile;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows of the metadata, keys and values as they are stored.
pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// How the file is to be.
pub(super) struct Plan<'p> {
    /// Its configuration, without a list of checkpoints.
    pub(super) text: &'p str,
    /// The fields that the engine of this home gives a checkpoint.
    pub(super) fields: &'p [String],
    /// Number of the checkpoint.
    pub(super) order: u64,
    /// Every write generation in it is above this one.
    pub(super) generation: u64,
    /// Of its pages: 1 where the engine has time windows.
    pub(super) page_version: u8,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// A new file.
pub(super) struct Fresh {
    pub(super) bytes: Vec<u8>,
    /// Its metadata, with the checkpoint.
    pub(super) text: String,
}

/// A file with these rows.
pub(super) fn write(rows: &Rows, plan: &Plan<'_>) -> Result<Fresh> {
    let entry = FileEntry::parse(METADATA, plan.text, entry::Source::Turtle)?;
    let alloc = entry.alloc;
    let description = local::encode_descriptor(alloc);
    let description = description.ok_or_else(|| EditError::Refused(format!("{alloc} is not an allocation size")))?;
    let mut tree = Tree {
        out: Output::new(alloc, u64::from(alloc), 0, plan.generation),
        like: Like {
            page: PageHeader {
                recno: 0,
                write_gen: 0,
                mem_size: 0,
                entries: 0,
                type_byte: PageType::RowLeaf.byte(),
                flags: FLAG_EMPTY_VALUES_NONE,
                unused: 0,
                version: plan.page_version,
            },
            full: true,
            compressor: None,
        },
        alloc,
        limits: limits(plan.text)?,
    };
    let root = tree.write(rows)?;
    let mut out = tree.out;
    let generation = out.generation;
    let end = out.end();
    let mut all = super::space::Units::new(alloc, end);
    all.add(u64::from(alloc), end.saturating_sub(u64::from(alloc)));
    let list = out.list(extents(&all), None)?;
    let below = end.saturating_sub(u64::from(alloc)).saturating_sub(u64::from(root.size));
    let cookie = LocalCheckpoint {
        version: 1,
        root: Some(root),
        alloc: Some(list),
        avail: None,
        discard: None,
        file_size: u64::from(alloc),
        checkpoint_size: below,
        object: None,
    };
    let size = below.saturating_add(u64::from(root.size));
    let text_of = |cookie: &LocalCheckpoint| Ok(plan.list(&hex::encode(cookie.encode(alloc)?), size, generation));
    let incomplete: Result<String> = text_of(&cookie);
    let mut recovery = Recovery {
        generation: generation.checked_add(1).ok_or_else(no_generation)?,
        file_size: 0,
        metadata: format!(
            "encryption=(keyid=,name=),block_metadata_encrypted=false,block_metadata=[{},checkpoint=]",
            plan.text
        ),
        checkpoint_list: format!("checkpoint={}", incomplete?),
        cookie: cookie.encode(alloc)?,
    };
    // The size of the file counts the block that states it, whose length does not depend on the number.
    let length = out.disk_size(pages::list_image(Vec::new(), Some(recovery.clone()))?.len())?;
    recovery.file_size = out.end().saturating_add(u64::from(length));
    let file_size = recovery.file_size;
    let avail = out.list(Vec::new(), Some(recovery))?;
    let list = text_of(&LocalCheckpoint { avail: Some(avail), file_size, ..cookie })?;
    let mut bytes = description;
    bytes.extend_from_slice(&out.bytes);
    let made = Fresh { bytes, text: format!("{},checkpoint={list}", plan.text) };
    verify(&made, rows)?;
    Ok(made)
}

impl Plan<'_> {
    /// The list with the one checkpoint.
    fn list(&self, cookie: &str, size: u64, generation: u64) -> String {
        let Self { order, now, .. } = self;
        let value = |field: &String| match field.as_str() {
            "addr" => format!("\"{cookie}\""),
            "order" => order.to_string(),
            "time" => now.to_string(),
            "size" => size.to_string(),
            "write_gen" => generation.to_string(),
            "run_write_gen" => self.generation.max(1).to_string(),
            "newest_stop_ts" => "-1".to_string(),
            "newest_stop_txn" => "-11".to_string(),
            _ => "0".to_string(),
        };
        let fields: Vec<String> = self.fields.iter().map(|f| format!("{f}={}", value(f))).collect();
        format!("({UNNAMED}.{order}=({}))", fields.join(","))
    }
}

/// A child of an internal page.
struct Child {
    /// A key above everything before it, and not above its own first one.
    key: Vec<u8>,
    kind: CellKind,
    address: LocalAddress,
}

/// Writes the pages of a tree.
struct Tree {
    out: Output,
    like: Like,
    alloc: u32,
    /// Largest leaf and largest internal page, headers included.
    limits: (usize, usize),
}

impl Tree {
    /// The pages, and the address of the root.
    fn write(&mut self, rows: &Rows) -> Result<LocalAddress> {
        let mut level = self.leaves(rows)?;
        loop {
            level = self.internal(level)?;
            if let [root] = level.as_slice() {
                return Ok(root.address);
            }
        }
    }

    fn leaves(&mut self, rows: &Rows) -> Result<Vec<Child>> {
        let cells: Vec<(&Vec<u8>, Vec<u8>)> = rows
            .iter()
            .map(|(key, value)| {
                let mut out = Vec::new();
                cell::write_key(&mut out, 0, key);
                cell::write_value(&mut out, &Times::EMPTY, value);
                (key, out)
            })
            .collect();
        let sizes: Vec<usize> = cells.iter().map(|(_, cells)| cells.len()).collect();
        let mut rest = cells.iter();
        let mut before: Option<&Vec<u8>> = None;
        let mut out = Vec::new();
        for count in partition(&sizes, self.limits.0.saturating_sub(DATA_OFFSET), 1) {
            let (mut page, mut first, mut last) = (Vec::new(), None, before);
            for (key, cells) in rest.by_ref().take(count) {
                page.extend_from_slice(cells);
                first = first.or(Some(*key));
                last = Some(*key);
            }
            let key = match (before, first) {
                (Some(before), Some(first)) => separator(before, first).to_vec(),
                _ => Vec::new(),
            };
            before = last;
            let address = self.out.page(&self.like, count.saturating_mul(2), &page, Vec::new())?;
            out.push(Child { key, kind: CellKind::AddrLeafNoOverflow, address });
        }
        Ok(out)
    }

    /// Internal pages above these children: at most half as many, or the root.
    fn internal(&mut self, children: Vec<Child>) -> Result<Vec<Child>> {
        let mut cells = Vec::new();
        for (n, child) in children.iter().enumerate() {
            let mut out = if n == 0 { no_key() } else { Vec::new() };
            if n > 0 {
                cell::write_key(&mut out, 0, &child.key);
            }
            cell::write_addr(&mut out, child.kind, &Times::EMPTY, None, &child.address.encode(self.alloc)?);
            cells.push(out);
        }
        let sizes: Vec<usize> = cells.iter().map(Vec::len).collect();
        let header = PageHeader { type_byte: PageType::RowInternal.byte(), flags: 0, ..self.like.page };
        let like = Like { page: header, ..self.like };
        let mut rest = children.iter();
        let mut out = Vec::new();
        for count in partition(&sizes, self.limits.1.saturating_sub(DATA_OFFSET), 2) {
            let mut page = Vec::new();
            let mut key = Vec::new();
            for (n, child) in rest.by_ref().take(count).enumerate() {
                if n == 0 {
                    // The separator of a page's first child goes up.
                    key.clone_from(&child.key);
                    page.extend_from_slice(&no_key());
                } else {
                    cell::write_key(&mut page, 0, &child.key);
                }
                cell::write_addr(&mut page, child.kind, &Times::EMPTY, None, &child.address.encode(self.alloc)?);
            }
            let address = self.out.page(&like, count.saturating_mul(2), &page, Vec::new())?;
            out.push(Child { key, kind: CellKind::AddrInternal, address });
        }
        Ok(out)
    }
}

/// Read the file out of its bytes: it must be sound, every byte of it in use, and hold these rows.
fn verify(made: &Fresh, rows: &Rows) -> Result<()> {
    let failed = |what: &str| EditError::Check(what.to_string());
    let entry = FileEntry::parse(METADATA, &made.text, entry::Source::Turtle)?;
    let file = BlockFile::of_bytes(Path::new(METADATA), made.bytes.clone());
    let read = checkpoint::read(&file, entry.alloc, &entry.checkpoints);
    if let Some(fault) = read.iter().flat_map(|c| &c.faults).next() {
        return Err(failed(&fault.to_string()));
    }
    let newest = read.last().and_then(|c| Some((&c.entry, c.cookie.as_ref()?, c.live.as_ref()?)));
    let (checkpoint, cookie, live): (&CheckpointEntry, _, _) =
        newest.ok_or_else(|| failed("the new checkpoint cannot be read"))?;
    let root = cookie.root.ok_or_else(|| failed("the new checkpoint is empty"))?;
    let shape = shape(&file, &entry, cookie.file_size);
    let walked = rewrite::walk(&shape, checkpoint, &root).map_err(|e| failed(&e.to_string()))?;
    if walked.units != *live {
        return Err(failed("the tree is not what the extent lists say"));
    }
    let size = walked.bytes.saturating_add(u64::from(root.size));
    if (cookie.checkpoint_size, checkpoint.size, cookie.file_size) != (walked.bytes, size, file.len()) {
        return Err(failed("the sizes are not those of the tree and the file"));
    }
    let copy = recover::scan(&file, Some(entry.alloc), &|_| ());
    if !copy.is_some_and(|c| c.checkpoint == *cookie && c.checkpoints().is_ok_and(|list| list == entry.checkpoints)) {
        return Err(failed("the copy after the avail list is another checkpoint"));
    }
    let found = rewrite::rows(&shape, &root).map_err(|e| failed(&e.to_string()))?;
    let same = found.len() == rows.len() && found.iter().zip(rows).all(|(r, (k, v))| (&r.key, &r.value) == (k, v));
    if same { Ok(()) } else { Err(failed("its rows are not those it was made from")) }
}
