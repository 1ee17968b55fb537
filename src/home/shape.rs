//! What the readers of a tree share: which tree it is and how much of it to read, how its blocks are
//! had, and how a broken rule of one page becomes a fault.

use super::block::{self, Headers};
use super::entry::FileEntry;
use super::fault::{Fact, Fault, FaultKind, Note, fold};
use super::lost;
use crate::format::local::LocalAddress;
use crate::page::Depth;
use crate::page::rules::{Bounds, Breaches, Broken, Rule};
use crate::store::blockfile::BlockFile;
use std::collections::HashSet;

/// What a walk needs to know of its tree.
pub struct Shape<'s> {
    pub file: &'s BlockFile,
    /// What the metadata says of it.
    pub entry: &'s FileEntry,
    /// Addresses end here: the file size of the newest checkpoint.
    pub end: u64,
    /// How much to read.
    pub depth: Depth,
    /// Ids of all files, for the history store; `None` if they are not all known.
    pub ids: Option<&'s HashSet<u64>>,
    /// Called with blocks and bytes read, from any thread.
    pub progress: &'s (dyn Fn(u64, u64) + Sync),
}

impl Shape<'_> {
    /// The bounds of addresses.
    pub fn bounds(&self) -> Bounds {
        Bounds { alloc: self.entry.alloc, file_size: self.end }
    }
}

/// Load a block; one that was verified before is only compared with its own header.
pub(super) fn load<'a>(
    shape: &'a Shape<'_>,
    address: &LocalAddress,
    known: bool,
    buffer: &'a mut Vec<u8>,
    faults: &mut Vec<Fault>,
) -> Option<&'a [u8]> {
    if known && is_stated(shape, address) {
        return block::fetch(shape.file, address, buffer).ok();
    }
    block::load(shape.file, address, buffer, faults)
}

/// The block's own header states what the cookie does.
pub(super) fn is_stated(shape: &Shape<'_>, address: &LocalAddress) -> bool {
    let mut buffer = Vec::new();
    let headers = shape.file.read(address.offset, super::HEADERS, &mut buffer).ok().and_then(|b| Headers::read(b).ok());
    headers.is_some_and(|h| h.block.checksum == address.checksum && h.block.disk_size == address.size)
}

/// Faults of the rules of one page: one of a kind, further ones of the kind as its evidence.
pub(super) fn breaches(address: &LocalAddress, found: Breaches, plain: bool, faults: &mut Vec<Fault>) {
    let before = faults.len();
    faults.extend(found.list.into_iter().map(|broken| breach(address, broken, plain)));
    fold(faults, before);
    if found.more > 0
        && let Some(last) = faults.last_mut()
    {
        last.notes.push(Note::MoreRules(found.more));
    }
}

/// A fault of a broken rule. `plain`: offsets of the page are offsets in the stored block.
pub(super) fn breach(address: &LocalAddress, broken: Broken, plain: bool) -> Fault {
    let kind = match broken.rule {
        Rule::Type | Rule::RecordNumber | Rule::Flags | Rule::Version | Rule::Unused | Rule::Size => FaultKind::Header,
        Rule::Order => FaultKind::KeyOrder,
        Rule::Address => FaultKind::Cookie,
        Rule::AddressBeyondEnd => FaultKind::BeyondEnd,
        _ => FaultKind::Undecodable,
    };
    Fault::at(kind, address, Fact::Rule { broken, plain })
}

/// A page that is not older than the page above it.
pub(super) fn generation(address: &LocalAddress, own: u64, parent: u64) -> Fault {
    Fault::at(FaultKind::Header, address, Fact::Generation { own, parent })
}

/// As [`lost::rows_of`], of a page that cannot be read otherwise; `None` where its header is no header either.
pub fn stated_rows(shape: &Shape<'_>, address: &LocalAddress) -> Option<(u64, u64)> {
    let mut buffer = Vec::new();
    let stored = shape.file.read(address.offset, super::HEADERS, &mut buffer).ok()?;
    let headers = Headers::read(stored).ok()?;
    // The header of another page, or of nothing, says nothing about this one.
    let own = headers.block.checksum == address.checksum && headers.block.disk_size == address.size;
    lost::rows_of(&headers.page).filter(|_| own)
}
