//! The blocks of a tree that cannot be looked into, for want of a key or a compressor.

use super::block::{self, Headers};
use super::fault::{Fact, Fault, FaultKind};
use super::seen::Seen;
use super::shape::{Shape, breach};
use super::space::Units;
use super::tree::{Types, Walked};
use crate::format::local::LocalAddress;
use crate::format::page_header::PageType;
use crate::page::rules;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A tree whose pages cannot be looked into: its blocks lie end to end in what the lists say is live.
/// Counts and verifies them; the tree then is what is live.
pub fn chain(shape: &Shape<'_>, root: &LocalAddress, live: &Units, walked: Walked, seen: &Seen) -> Walked {
    let mut out = Walked {
        units: live.clone(),
        internal: live.empty(),
        overflow: live.empty(),
        bytes: 0,
        by_type: Types::default(),
        deleted_children: 0,
        depth: 0,
        rows: None,
        entries: 0,
        unowned: BTreeMap::new(),
        complete: true,
        unread: 0,
        opaque: walked.opaque,
        faults: walked.faults,
    };
    let mut blocks = Vec::new();
    let mut buffer = Vec::new();
    let alloc = shape.entry.alloc;
    let mut by_type = Types::default();
    let mut count = |headers: &Headers| by_type.add(headers.page.page_type().ok());
    if let Some(headers) = block::fetch(shape.file, root, &mut buffer).ok().and_then(|b| Headers::read(b).ok()) {
        count(&headers);
    }
    for span in live.spans() {
        let mut offset = span.start;
        while offset < span.end {
            let Ok(head) = shape.file.read_up_to(offset, super::HEADERS, &mut buffer) else {
                // What cannot be read says nothing of where the next block begins.
                out.complete = false;
                break;
            };
            let headers = Headers::read(head).ok();
            let size = headers.map_or(0, |h| h.block.disk_size);
            let Some(headers) =
                headers.filter(|_| size > 0 && size.is_multiple_of(alloc) && u64::from(size) <= span.end - offset)
            else {
                out.complete = false;
                out.faults.push(Fault::new(FaultKind::Checksum, offset, alloc, Fact::NoBlock { stated: size }));
                break;
            };
            count(&headers);
            let address = LocalAddress { offset, size, checksum: headers.block.checksum, object: None };
            match headers.page.page_type() {
                Ok(PageType::Overflow) => out.overflow.add_block(&address),
                Ok(kind) if kind.is_internal() => out.internal.add_block(&address),
                _ => 0,
            };
            blocks.push(address);
            offset = offset.saturating_add(u64::from(size));
        }
    }
    out.by_type = by_type;
    out.bytes = blocks.iter().fold(0, |sum, b| sum.saturating_add(u64::from(b.size)));
    let known = seen;
    let faults: Vec<Vec<Fault>> = blocks
        .par_iter()
        .map_init(Vec::new, |buffer, address| {
            let mut faults = Vec::new();
            if !known.has(address) {
                let stored = block::load(shape.file, address, buffer, &mut faults);
                if let Some(headers) = stored.and_then(|s| Headers::read(s).ok().map(|h| (s, h))) {
                    let (stored, headers) = headers;
                    faults
                        .extend(rules::header(stored, &headers.page, &headers.block).map(|b| breach(address, b, true)));
                }
                (shape.progress)(1, u64::from(address.size));
            }
            faults
        })
        .collect();
    for (address, faults) in blocks.iter().zip(faults) {
        if faults.is_empty() {
            seen.add(address);
        }
        out.faults.extend(faults);
    }
    out
}
