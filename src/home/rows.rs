//! Read the rows of a small table of a local home: the metadata, MongoDB's catalog (spec 16.10).

use super::block::Headers;
use super::entry::FileEntry;
use super::fault::Opaque;
use super::leaves;
use super::shape::{self, Shape};
use crate::format::local::{LocalAddress, LocalCheckpoint};
use crate::format::{Class, local_image};
use crate::page::Depth;
use crate::page::cell::CellKind;
use crate::page::internal;
use crate::page::leaf::{self, Value};
use crate::page::rules::Page;
use crate::store::blockfile::BlockFile;
use std::collections::HashSet;

/// Bytes of keys and values that are kept at most: the metadata of a million tables.
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
#[must_use]
pub(super) fn read(file: &BlockFile, entry: &FileEntry) -> Read {
    let mut out = Read { rows: Vec::new(), complete: true, opaque: None };
    let Some(last) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) else { return out };
    let Ok(cookie) = LocalCheckpoint::decode(&last.addr, entry.alloc) else {
        out.complete = false;
        return out;
    };
    let Some(root) = cookie.root else { return out };
    let shape = Shape { file, entry, end: cookie.file_size, depth: Depth::Deep, ids: None, progress: &|_, _| () };
    let mut kept = 0_usize;
    // A cycle would read a block twice; the set bounds the walk.
    let mut visited = HashSet::new();
    let mut stack = vec![(root, CellKind::AddrInternal)];
    while let Some((address, kind)) = stack.pop() {
        let fresh = visited.insert(address.offset);
        if !fresh || kept > MAX_BYTES || !page(&shape, &address, kind, &mut stack, &mut out, &mut kept) {
            out.complete = false;
        }
    }
    out
}

/// Read one page: push its children, or keep its rows. False if something of it is lost.
fn page(
    shape: &Shape<'_>,
    address: &LocalAddress,
    kind: CellKind,
    stack: &mut Vec<(LocalAddress, CellKind)>,
    out: &mut Read,
    kept: &mut usize,
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
    if kind == CellKind::AddrInternal {
        let mut children = Vec::new();
        let found = internal::children(&page, shape.bounds(), false, &mut |c| children.push((c.address, c.kind)));
        let whole = found.breaches.is_empty() && children.iter().all(|(a, _)| a.is_some());
        // Rows below a truncated child are deleted.
        let children = children.into_iter().filter(|(_, kind)| *kind != CellKind::AddrDeleted);
        stack.extend(children.rev().filter_map(|(a, kind)| a.map(|a| (a, kind))));
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
        *kept = kept.saturating_add(key.len()).saturating_add(value.len());
        if *kept <= MAX_BYTES {
            out.rows.push((key.to_vec(), value));
        }
    });
    whole && found.breaches.is_empty()
}
