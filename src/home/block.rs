//! One block of a local file: fetch it by its cookie, verify it, mend a single flipped bit in memory.

use super::fault::{BadSum, Fact, Fault, FaultKind};
use crate::format::FormatError;
use crate::format::block::{FLAG_DATA_CHECKSUM, LocalBlockHeader, SKIP_LEN};
use crate::format::crc;
use crate::format::local::LocalAddress;
use crate::format::page_header::{self, PageHeader};
use crate::format::reader::Reader;
use crate::store::StoreError;
use crate::store::blockfile::BlockFile;

/// Where the checksum lies in a block.
pub(super) const CHECKSUM_FIELD: usize = page_header::HEADER_LEN + 4;
/// Where its flags lie.
const FLAGS_FIELD: usize = page_header::HEADER_LEN + 8;
/// Largest block in which a flipped bit is looked for; the search is slow on larger ones.
const FLIP_SEARCH: usize = 64 << 20;

/// Both headers of a block.
#[derive(Debug, Clone, Copy)]
pub struct Headers {
    pub page: PageHeader,
    pub block: LocalBlockHeader,
}

impl Headers {
    /// Read them from the beginning of a block.
    pub fn read(stored: &[u8]) -> Result<Self, FormatError> {
        let mut r = Reader::new(stored);
        Ok(Self { page: PageHeader::read(&mut r)?, block: LocalBlockHeader::read(&mut r)? })
    }
}

/// Bytes of one block, out of the map or in the buffer.
pub fn fetch<'a>(file: &'a BlockFile, address: &LocalAddress, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Box<Fault>> {
    Ok(match get(file, address, buffer)? {
        Some(mapped) => mapped,
        None => buffer,
    })
}

/// As [`fetch`]; `None` if the bytes are now what `buffer` holds.
fn get<'f>(file: &'f BlockFile, address: &LocalAddress, buffer: &mut Vec<u8>) -> Result<Option<&'f [u8]>, Box<Fault>> {
    let size = usize::try_from(address.size).unwrap_or(usize::MAX);
    let fault = |e| match e {
        StoreError::Damaged { .. } => {
            let fact = Fact::FileEnds { needed: address.end(), len: file.len() };
            Fault::at(FaultKind::BeyondPhysical, address, fact)
        }
        // The file keeps the reason.
        _ => Fault::at(FaultKind::Unreadable, address, Fact::Unread),
    };
    file.get(address.offset, size, buffer).map_err(|e| Box::new(fault(e)))
}

/// What verification of a block says.
#[derive(Debug)]
pub enum Verified {
    /// The checksum holds.
    Sound,
    /// One flipped bit explains the wrong checksum: byte in the block and bit.
    Flipped(Fault, usize, u8),
    /// The bytes add up to what the cookie expects; only the header's own field is wrong.
    FieldOnly(Fault),
    /// The block is not what the cookie says.
    Bad(Fault),
}

/// Compare a block with its cookie, in the engine's order.
pub fn verify(stored: &[u8], address: &LocalAddress) -> Verified {
    let bad =
        |found: BadSum| Fault::at(FaultKind::Checksum, address, Fact::Checksum { expected: address.checksum, found });
    let Ok(headers) = Headers::read(stored) else { return Verified::Bad(bad(BadSum::Short { bytes: stored.len() })) };
    let header = headers.block;
    let computed = header.compute_checksum(stored);
    if header.checksum == address.checksum && computed == header.checksum {
        return Verified::Sound;
    }
    if stored.iter().all(|b| *b == 0) {
        return Verified::Bad(bad(BadSum::Zeros));
    }
    if header.checksum != address.checksum {
        let stored = header.checksum;
        if computed == address.checksum {
            return Verified::FieldOnly(bad(BadSum::FieldOnly { stored }).mended());
        }
        let page = headers.page;
        return Verified::Bad(bad(if computed == stored {
            BadSum::OtherBlock { stored, kind: page.page_type().ok(), write_gen: page.write_gen }
        } else {
            BadSum::NeitherHolds { stored, computed }
        }));
    }
    let disk_size = Some(header.disk_size).filter(|n| *n != address.size);
    let covers = if header.flags & FLAG_DATA_CHECKSUM != 0 { stored.len() } else { SKIP_LEN.min(stored.len()) };
    let searched = stored.get(..covers).filter(|c| c.len() <= FLIP_SEARCH);
    let flipped = searched.and_then(|c| crc::find_flipped_bit(c, CHECKSUM_FIELD, address.checksum));
    let flipped = flipped.or_else(|| flipped_coverage(stored, header, address.checksum));
    let fault = bad(BadSum::Content { computed, disk_size, flipped });
    match flipped {
        Some((byte, bit)) => Verified::Flipped(fault.mended(), byte, bit),
        None => Verified::Bad(fault),
    }
}

/// Whether the flag that says what the checksum covers is the flipped bit: then no search finds it.
fn flipped_coverage(stored: &[u8], header: LocalBlockHeader, wanted: u32) -> Option<(usize, u8)> {
    let flags = header.flags ^ FLAG_DATA_CHECKSUM;
    let mut mended = stored.to_vec();
    *mended.get_mut(FLAGS_FIELD)? = flags;
    (LocalBlockHeader { flags, ..header }.compute_checksum(&mended) == wanted).then_some((FLAGS_FIELD, 0))
}

/// Fetch and verify a block. `None` if its content must not be used; else its bytes, a flipped bit
/// put right. Faults are added either way.
pub fn load<'a>(
    file: &'a BlockFile,
    address: &LocalAddress,
    buffer: &'a mut Vec<u8>,
    faults: &mut Vec<Fault>,
) -> Option<&'a [u8]> {
    let mapped = match get(file, address, buffer) {
        Ok(mapped) => mapped,
        Err(fault) => {
            faults.push(*fault);
            return None;
        }
    };
    match verify(mapped.unwrap_or(buffer), address) {
        Verified::Sound => {}
        Verified::FieldOnly(fault) => faults.push(fault),
        Verified::Bad(fault) => {
            faults.push(fault);
            return None;
        }
        Verified::Flipped(fault, byte, bit) => {
            faults.push(fault);
            if let Some(mapped) = mapped {
                *buffer = mapped.to_vec();
            }
            if let Some(b) = buffer.get_mut(byte) {
                *b ^= 1 << bit;
            }
            return Some(buffer);
        }
    }
    Some(match mapped {
        Some(mapped) => mapped,
        None => buffer,
    })
}

/// The block at an offset, if one is there: a sane size within the file and a checksum that holds.
/// `step` is the granularity of sizes, the allocation size or 512.
pub fn probe<'a>(
    file: &'a BlockFile,
    offset: u64,
    step: u32,
    buffer: &'a mut Vec<u8>,
) -> Option<(LocalAddress, Headers, &'a [u8])> {
    let headers = Headers::read(file.read(offset, super::HEADERS, buffer).ok()?).ok()?;
    let size = headers.block.disk_size;
    if size == 0 || size % step != 0 || size > crate::format::local::MAX_BLOCK {
        return None;
    }
    let address = LocalAddress { offset, size, checksum: headers.block.checksum, object: None };
    let stored = fetch(file, &address, buffer).ok()?;
    (headers.block.compute_checksum(stored) == headers.block.checksum).then_some((address, headers, stored))
}
