//! Read the rows of a table of a local home, page by page; or all of a small one: the metadata, MongoDB's catalog.

use super::block::Headers;
use super::entry::FileEntry;
use super::fault::Opaque;
use super::leaves;
use super::shape::{self, Shape};
use crate::format::local::{LocalAddress, LocalCheckpoint};
use crate::format::page_header::PageType;
use crate::format::{Class, local_image};
use crate::page::Depth;
use crate::page::cell::CellKind;
use crate::page::internal;
use crate::page::leaf::{self, Value};
use crate::page::rules::Page;
use crate::store::blockfile::BlockFile;
use std::borrow::Borrow;
use std::collections::HashSet;

/// Bytes of keys and values that [`read`] keeps at most: the metadata of a million tables.
const MAX_BYTES: usize = 4 << 30;

/// What was read.
#[derive(Debug)]
pub(super) struct Read<T = Vec<u8>> {
    /// Keys and values in tree order; deleted rows are left out.
    pub(super) rows: Vec<(T, T)>,
    /// Every page was read.
    pub(super) complete: bool,
    /// Content could not be looked into, and why.
    pub(super) opaque: Option<Opaque>,
}

/// Read the rows of the newest checkpoint. Damage is left to the audit of the file; here it only
/// costs rows.
pub(super) fn read(file: &BlockFile, entry: &FileEntry) -> Read {
    let mut out = Read { rows: Vec::new(), complete: true, opaque: None };
    let mut kept = 0_usize;
    for page in Scan::new(file, entry) {
        out.opaque = out.opaque.or(page.opaque).or(entry.huffman.then_some(Opaque::Huffman));
        out.complete &= page.whole;
        let bytes = page.rows.iter().map(|(k, v)| k.len().saturating_add(v.len()));
        kept = bytes.fold(kept, usize::saturating_add);
        if kept > MAX_BYTES {
            out.complete = false;
            break;
        }
        out.rows.extend(page.rows);
    }
    out
}

/// A page that was met.
#[derive(Debug)]
pub struct Scanned {
    /// The address it was reached by; `None`: the checkpoint's cookie could not be decoded.
    pub address: Option<LocalAddress>,
    pub level: usize,
    /// Its type, where it could be read.
    pub kind: Option<PageType>,
    /// Keys and values of a leaf that are not deleted.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Nothing of it is lost.
    pub whole: bool,
    /// Its content could not be looked into, and why.
    pub opaque: Option<Opaque>,
}

/// The pages of a file's newest checkpoint, in the order of their keys and one at a time.
pub struct Scan<'a, F> {
    file: F,
    entry: &'a FileEntry,
    end: u64,
    stack: Vec<(LocalAddress, CellKind, usize)>,
    /// A cycle would read a block twice; the set bounds the walk.
    visited: HashSet<u64>,
    undecodable: bool,
}

impl<'a, F: Borrow<BlockFile>> Scan<'a, F> {
    /// From the root on.
    pub fn new(file: F, entry: &'a FileEntry) -> Self {
        let (stack, visited) = (Vec::new(), HashSet::new());
        let mut out = Self { file, entry, end: 0, stack, visited, undecodable: false };
        let Some(last) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) else { return out };
        match LocalCheckpoint::decode(&last.addr, entry.alloc) {
            Ok(cookie) => {
                out.end = cookie.file_size;
                out.stack.extend(cookie.root.map(|root| (root, CellKind::AddrInternal, 0)));
            }
            Err(_) => out.undecodable = true,
        }
        out
    }
}

impl<F: Borrow<BlockFile>> Iterator for Scan<'_, F> {
    type Item = Scanned;

    fn next(&mut self) -> Option<Scanned> {
        let mut out = Scanned { address: None, level: 0, kind: None, rows: Vec::new(), whole: false, opaque: None };
        if std::mem::take(&mut self.undecodable) {
            return Some(out);
        }
        let (address, kind, level) = self.stack.pop()?;
        (out.address, out.level) = (Some(address), level);
        if self.visited.insert(address.offset) {
            let (file, entry, end) = (self.file.borrow(), self.entry, self.end);
            let shape = Shape { file, entry, end, depth: Depth::Deep, ids: None, progress: &|_, _| () };
            let mut children = Vec::new();
            out.whole = page(&shape, &address, kind, &mut children, &mut out);
            let level = level.saturating_add(1);
            self.stack.extend(children.into_iter().rev().map(|(address, kind)| (address, kind, level)));
        }
        Some(out)
    }
}

/// Read one page: its children, or its rows. False if something of it is lost.
fn page(
    shape: &Shape<'_>,
    address: &LocalAddress,
    kind: CellKind,
    below: &mut Vec<(LocalAddress, CellKind)>,
    out: &mut Scanned,
) -> bool {
    let mut buffer = Vec::new();
    let Some(stored) = shape::load(shape, address, false, &mut buffer, &mut Vec::new()) else { return false };
    let Ok(headers) = Headers::read(stored) else { return false };
    let plain = match local_image::plain(stored, &headers.page, shape.entry.compression()) {
        Ok(plain) => plain,
        Err(e) => {
            if e.class == Class::Unsupported {
                out.opaque =
                    Some(if headers.page.is_encrypted() { Opaque::Encrypted } else { Opaque::UnknownCompressor });
            }
            return false;
        }
    };
    let Ok(page) = Page::new(&plain) else { return false };
    out.kind = Some(page.kind);
    if kind == CellKind::AddrInternal {
        let mut children = Vec::new();
        let found = internal::children(&page, shape.bounds(), false, &mut |c| children.push((c.address, c.kind)));
        let whole = found.breaches.is_empty() && children.iter().all(|(a, _)| a.is_some());
        // Rows below a truncated child are deleted.
        let children = children.into_iter().filter(|(_, kind)| *kind != CellKind::AddrDeleted);
        below.extend(children.filter_map(|(a, kind)| a.map(|a| (a, kind))));
        return whole;
    }
    let options = leaf::Options { bounds: shape.bounds(), deep: true, byte_order: false, fixed_width: None };
    let mut whole = true;
    let found = leaf::leaf(&page, &options, &mut |a| leaves::item(shape, a), &mut |row| {
        if row.times.is_stopped() {
            return;
        }
        let value = match row.value {
            Value::Inline(bytes) => Some(bytes.to_vec()),
            Value::Empty => Some(Vec::new()),
            Value::Overflow(Some(address)) => leaves::item(shape, &address),
            _ => None,
        };
        let (Some(key), Some(value)) = (row.key, value) else {
            whole = false;
            return;
        };
        out.rows.push((key.to_vec(), value));
    });
    whole && found.breaches.is_empty()
}
