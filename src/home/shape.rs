//! What the readers of a tree share: which tree it is and how much of it to read, how its blocks are
//! had, and how a broken rule of one page becomes a fault (spec 17.5, 17.6).

use super::block::{self, Headers};
use super::entry::FileEntry;
use super::fault::{Fault, FaultKind};
use crate::coverage::Unchecked;
use crate::format::local::LocalAddress;
use crate::page::Depth;
use crate::page::rules::{Bounds, Breaches, Broken, Rule};
use crate::store::blockfile::BlockFile;
use std::collections::HashSet;

/// Why content cannot be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opaque {
    /// The key is needed.
    Encrypted,
    /// The compressor is unknown.
    UnknownCompressor,
}

impl From<Opaque> for Unchecked {
    fn from(why: Opaque) -> Self {
        match why {
            Opaque::Encrypted => Self::Encrypted,
            Opaque::UnknownCompressor => Self::UnknownCompressor,
        }
    }
}

/// What a walk needs to know of its tree.
pub struct Shape<'s> {
    /// The file.
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
    #[must_use]
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
        last.evidence.push(format!("and {} more broken rules of this page", found.more));
    }
}

/// Make one fault of those from `before` on that are of one kind and block: the rest is evidence.
pub(super) fn fold(faults: &mut Vec<Fault>, before: usize) {
    let new = faults.split_off(before.min(faults.len()));
    for fault in new {
        match faults.iter_mut().skip(before).find(|f| (f.kind, f.offset) == (fault.kind, fault.offset)) {
            Some(first) if first.expected == fault.expected => {
                let at = fault.evidence.first().map_or(String::new(), |at| format!(" ({at})"));
                first.evidence.push(format!("also: {}{at}", fault.found));
                first.evidence.extend(fault.evidence.into_iter().skip(1));
            }
            _ => faults.push(fault),
        }
    }
}

/// A fault of a broken rule. `plain`: offsets of the page are offsets in the stored block.
pub(super) fn breach(address: &LocalAddress, broken: Broken, plain: bool) -> Fault {
    let (kind, expected) = match broken.rule {
        Rule::Type | Rule::RecordNumber | Rule::Flags | Rule::Version | Rule::Unused | Rule::Size => {
            (FaultKind::Header, "valid headers")
        }
        Rule::Order => (FaultKind::KeyOrder, "ascending keys"),
        Rule::Address => (FaultKind::Cookie, "valid addresses"),
        Rule::AddressBeyondEnd => (FaultKind::BeyondEnd, "addresses within the file"),
        _ => (FaultKind::Undecodable, "a page that follows the rules of its type"),
    };
    let at = if plain {
        format!("byte {} of the block, file offset {}", broken.at, address.offset.saturating_add(broken.at as u64))
    } else {
        format!("byte {} of the decompressed page", broken.at)
    };
    let fault = Fault::at(kind, address).expected(expected).found(broken.what.to_string());
    // Byte 0 stands for the page as a whole.
    if broken.at == 0 { fault } else { fault.with(at) }
}

/// What a page younger than its parent should have.
pub(super) const OLDER: &str = "a write generation below the parent's";

/// A page that is not older than the page above it (17.1).
pub(super) fn generation(address: &LocalAddress, own: u64, parent: u64) -> Fault {
    Fault::at(FaultKind::Header, address).expected(format!("{OLDER}, {parent}")).found(own.to_string())
}
