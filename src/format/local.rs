//! Files of the classic block manager: descriptor, cookies, extent lists, recovery data.
//!
//! Nothing here compares a checkpoint with a file; bounds that need the file come as arguments.

use super::config::Config;
use super::crc::crc32c_zeroed;
use super::int::write_vuint;
use super::reader::Reader;
use super::{FormatError, Result};
use serde::Serialize;

/// First four bytes of a file, little-endian.
pub const DESCRIPTOR_MAGIC: u32 = 120_897;
/// Newest version of a file this reader knows.
pub const DESCRIPTOR_VERSION: (u16, u16) = (1, 0);
/// First number of an extent list.
pub const EXTENT_MAGIC: u64 = 71_002;
/// Where the data of a block begins.
pub const DATA_OFFSET: usize = 40;
/// Smallest and largest allocation size; it is a power of two.
pub const ALLOCATION_SIZES: std::ops::RangeInclusive<u32> = 512..=128 << 20;
/// Largest block; the engine's salvage and recovery scan ignore larger ones.
pub const MAX_BLOCK: u32 = 512 << 20;

/// Where the descriptor's checksum lies.
const DESCRIPTOR_CHECKSUM: usize = 8;
/// Bytes of the descriptor that mean something; the rest of the first allocation unit is zero.
pub const DESCRIPTOR_LEN: usize = 16;
/// So many bytes of a file show what descriptor it has, of whatever allocation size that is used.
pub const DESCRIPTOR_HEAD: usize = 1 << 20;
/// The only version of a checkpoint cookie.
const CHECKPOINT_VERSION: u8 = 1;
/// Announces an object id (tiered storage).
const OBJECT_FLAG: u8 = 0x01;
/// Bytes of the file size field in recovery data, whatever its value.
const FILE_SIZE_FIELD: usize = 9;

/// The first bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    pub major: u16,
    pub minor: u16,
    /// Stored checksum of the first allocation unit; [`allocation_size`] checks it.
    pub checksum: u32,
}

/// Decode the descriptor: magic and version, not the checksum.
pub fn descriptor(head: &[u8]) -> Result<Descriptor> {
    let mut r = Reader::new(head);
    let magic = r.u32le()?;
    if magic != DESCRIPTOR_MAGIC {
        return Err(FormatError::invalid(format!(
            "magic {magic} instead of {DESCRIPTOR_MAGIC}: not a WiredTiger file"
        )));
    }
    let (major, minor) = (r.u16le()?, r.u16le()?);
    let checksum = r.u32le()?;
    if (major, minor) > DESCRIPTOR_VERSION {
        return Err(FormatError::unsupported(format!("file version {major}/{minor} is newer than 1/0")));
    }
    Ok(Descriptor { major, minor, checksum })
}

/// Recover the allocation size, which the file does not state: the descriptor's checksum holds for
/// exactly one power of two.
///
/// `head` is the beginning of the file; sizes above its length are not tried. EIO if none fits.
pub fn allocation_size(head: &[u8]) -> Result<u32> {
    let want = descriptor(head)?.checksum;
    size_by_checksum(head, want).ok_or_else(|| {
        FormatError::io(format!(
            "descriptor checksum {want:08x} does not match any allocation size up to {} bytes",
            tried(head.len())
        ))
    })
}

/// Whether the checksum of a first block holds, whatever else is in it: it was written that way.
pub fn descriptor_holds(head: &[u8]) -> bool {
    let stored = head.get(DESCRIPTOR_CHECKSUM..).and_then(|rest| rest.first_chunk::<4>());
    stored.is_some_and(|sum| size_by_checksum(head, u32::from_le_bytes(*sum)).is_some())
}

/// The largest allocation size that so many bytes can show.
fn tried(len: usize) -> u64 {
    let sizes = std::iter::successors(Some(u64::from(*ALLOCATION_SIZES.start())), |size| size.checked_mul(2));
    let fits = |size: &u64| *size <= len as u64 && *size <= u64::from(*ALLOCATION_SIZES.end());
    sizes.take_while(fits).last().unwrap_or(0)
}

/// The allocation size for which the checksum of the descriptor is this one.
fn size_by_checksum(head: &[u8], want: u32) -> Option<u32> {
    let mut size = *ALLOCATION_SIZES.start();
    let mut done = 0_usize;
    let mut sum = 0_u32;
    while size <= *ALLOCATION_SIZES.end() {
        let Ok(end) = usize::try_from(size) else { break };
        let Some(part) = head.get(done..end) else { break };
        // Each step only adds the part the previous one lacked, so the whole costs one pass.
        sum = if done == 0 { crc32c_zeroed(part, DESCRIPTOR_CHECKSUM) } else { ::crc32c::crc32c_append(sum, part) };
        if sum == want {
            return Some(size);
        }
        done = end;
        size *= 2;
    }
    None
}

/// A descriptor for a new file, `alloc` bytes. `None` if `alloc` is no allocation size.
pub fn encode_descriptor(alloc: u32) -> Option<Vec<u8>> {
    check_alloc(alloc).ok()?;
    let mut out = Vec::new();
    out.extend_from_slice(&DESCRIPTOR_MAGIC.to_le_bytes());
    out.extend_from_slice(&DESCRIPTOR_VERSION.0.to_le_bytes());
    out.extend_from_slice(&DESCRIPTOR_VERSION.1.to_le_bytes());
    let mut zeroed = out.clone();
    zeroed.resize(usize::try_from(alloc).ok()?, 0);
    out.extend_from_slice(&crc32c_zeroed(&zeroed, DESCRIPTOR_CHECKSUM).to_le_bytes());
    out.resize(zeroed.len(), 0);
    Some(out)
}

/// The place of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct LocalAddress {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes on disk.
    pub size: u32,
    /// Checksum of the block.
    pub checksum: u32,
    /// Object id, tiered storage only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
}

impl LocalAddress {
    /// Decode the whole cookie of an address cell. Size 0 is `None`: no block.
    pub fn decode(bytes: &[u8], alloc: u32) -> Result<Option<Self>> {
        check_alloc(alloc)?;
        let mut r = Reader::new(bytes);
        let address = read_triplet(&mut r, alloc)?;
        let object = read_object(&mut r)?;
        Ok(address.map(|a| Self { object, ..a }))
    }

    /// The cookie of the address. EINVAL if offset or size are no multiples of `alloc`.
    pub fn encode(&self, alloc: u32) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        write_triplet(&mut out, Some(self), alloc)?;
        write_object(&mut out, self.object);
        Ok(out)
    }

    /// First byte behind the block.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}

/// A checkpoint cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalCheckpoint {
    /// Version of the cookie, 1.
    pub version: u8,
    /// Root page; `None` for an empty tree.
    pub root: Option<LocalAddress>,
    /// Block of the alloc list.
    pub alloc: Option<LocalAddress>,
    /// Block of the avail list.
    pub avail: Option<LocalAddress>,
    /// Block of the discard list.
    pub discard: Option<LocalAddress>,
    /// Size of the file at this checkpoint, in bytes.
    pub file_size: u64,
    /// Bytes of all tree blocks, the root excluded.
    pub checkpoint_size: u64,
    /// Object id, tiered storage only; it applies to all four addresses.
    pub object: Option<u64>,
}

impl LocalCheckpoint {
    /// Decode a cookie. The empty cookie of an empty file (`addr=""`) is an error here.
    pub fn decode(bytes: &[u8], alloc: u32) -> Result<Self> {
        check_alloc(alloc)?;
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != CHECKPOINT_VERSION {
            return Err(FormatError::unsupported(format!("checkpoint cookie version {version}")));
        }
        let mut triplet = |name: &str| read_triplet(&mut r, alloc).map_err(|e| e.within(name));
        let (root, alloc_list) = (triplet("root")?, triplet("alloc list")?);
        let (avail, discard) = (triplet("avail list")?, triplet("discard list")?);
        let (file_size, checkpoint_size) = (r.vuint()?, r.vuint()?);
        let object = read_object(&mut r)?;
        let with = |a: Option<LocalAddress>| a.map(|a| LocalAddress { object, ..a });
        Ok(Self {
            version,
            root: with(root),
            alloc: with(alloc_list),
            avail: with(avail),
            discard: with(discard),
            file_size,
            checkpoint_size,
            object,
        })
    }

    /// The cookie. EINVAL if an address is no multiple of `alloc`.
    pub fn encode(&self, alloc: u32) -> Result<Vec<u8>> {
        let mut out = vec![self.version];
        for address in [&self.root, &self.alloc, &self.avail, &self.discard] {
            write_triplet(&mut out, address.as_ref(), alloc)?;
        }
        write_vuint(&mut out, self.file_size);
        write_vuint(&mut out, self.checkpoint_size);
        write_object(&mut out, self.object);
        Ok(out)
    }
}

/// A range of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// The content of an extent-list block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentList {
    /// The ranges in the order of the block. Order, overlap and size 0 are not checked.
    pub extents: Vec<Extent>,
    /// Offset in the block of the first byte behind the end pair; equals `mem_size` of the page header.
    pub end: usize,
    /// Second number of the end pair: 0 plain, else recovery data follows.
    pub end_value: u64,
    /// Recovery data, avail lists of live checkpoints only.
    pub recovery: Option<Recovery>,
    /// Why recovery data that was announced could not be read. The list itself is sound then.
    pub recovery_error: Option<FormatError>,
}

impl ExtentList {
    /// Decode a list from its whole block, block header included.
    ///
    /// `file_size` bounds the entries: that of the checkpoint whose list it is. Page type and
    /// checksum of the block are the caller's business.
    pub fn decode(block: &[u8], alloc: u32, file_size: u64) -> Result<Self> {
        check_alloc(alloc)?;
        let mut r = Reader::at(block, DATA_OFFSET)?;
        let magic = (r.vuint()?, r.vuint()?);
        if magic != (EXTENT_MAGIC, 0) {
            return Err(FormatError::invalid(format!(
                "extent list starts with ({}, {}) instead of ({EXTENT_MAGIC}, 0)",
                magic.0, magic.1
            )));
        }
        // A pair takes at least two bytes, so the vector stays within a small multiple of the block.
        let mut extents = Vec::new();
        let unit = u64::from(alloc);
        let end_value = loop {
            let at = r.pos();
            let (offset, size) = (r.vuint()?, r.vuint()?);
            if offset == 0 {
                break size;
            }
            let end = offset.checked_add(size).filter(|end| *end <= file_size);
            if offset < unit || offset % unit != 0 || size % unit != 0 || end.is_none() {
                let why = if offset % unit != 0 || size % unit != 0 {
                    format!("is unaligned: not a multiple of {alloc}")
                } else {
                    format!("is outside {alloc}..{file_size}")
                };
                return Err(FormatError::invalid(format!("extent {offset}+{size} at block offset {at} {why}")));
            }
            extents.push(Extent { offset, size });
        };
        let end = r.pos();
        let (recovery, recovery_error) = match end_value {
            0 => (None, None),
            _ => match Recovery::read(&mut r) {
                Ok(data) => (Some(data), None),
                Err(e) => (None, Some(e.within("recovery data"))),
            },
        };
        Ok(Self { extents, end, end_value, recovery, recovery_error })
    }

    /// The data of a list block: what follows the block header.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_vuint(&mut out, EXTENT_MAGIC);
        write_vuint(&mut out, 0);
        for e in &self.extents {
            write_vuint(&mut out, e.offset);
            write_vuint(&mut out, e.size);
        }
        write_vuint(&mut out, 0);
        write_vuint(&mut out, self.end_value);
        if let Some(data) = &self.recovery {
            data.write(&mut out);
        }
        out
    }
}

/// The copy of a checkpoint that lies behind its avail list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The checkpoint's write generation + 1.
    pub generation: u64,
    /// Size of the file at this checkpoint; the one in `cookie` is the previous checkpoint's.
    pub file_size: u64,
    /// The file's metadata as it was before this checkpoint, in `block_metadata=[..]`.
    pub metadata: String,
    /// `checkpoint=(..)` with every kept checkpoint, this one included.
    pub checkpoint_list: String,
    /// The checkpoint cookie, without avail list and with the previous file size.
    pub cookie: Vec<u8>,
}

impl Recovery {
    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let generation = r.vuint()?;
        let mut field = Reader::new(r.take(FILE_SIZE_FIELD)?);
        let file_size = field.vuint()?;
        if field.rest().iter().any(|b| *b != 0) {
            return Err(FormatError::invalid("file size is not padded with zeros"));
        }
        let mut part = || {
            let n = r.vlen()?;
            r.take(n)
        };
        let text = |bytes: &[u8]| {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| FormatError::invalid("text is not UTF-8"))
        };
        let metadata = text(part()?)?;
        let checkpoint_list = text(part()?)?;
        let cookie = part()?.to_vec();
        Ok(Self { generation, file_size, metadata, checkpoint_list, cookie })
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_vuint(out, self.generation);
        let mut field = Vec::with_capacity(FILE_SIZE_FIELD);
        write_vuint(&mut field, self.file_size);
        field.resize(FILE_SIZE_FIELD, 0);
        out.extend_from_slice(&field);
        for part in [self.metadata.as_bytes(), self.checkpoint_list.as_bytes(), &self.cookie] {
            // Lengths of what is in memory fit 64 bits.
            write_vuint(out, u64::try_from(part.len()).unwrap_or(u64::MAX));
            out.extend_from_slice(part);
        }
    }

    /// The cookie as the metadata has it: `avail` is the block the data was found in.
    pub fn checkpoint(&self, alloc: u32, avail: LocalAddress) -> Result<LocalCheckpoint> {
        let incomplete = LocalCheckpoint::decode(&self.cookie, alloc)?;
        Ok(LocalCheckpoint { avail: Some(avail), file_size: self.file_size, ..incomplete })
    }

    /// The text of the file's own metadata; `None` if it is encrypted.
    pub fn file_metadata(&self) -> Result<Option<&str>> {
        let config = Config::parse(&self.metadata)?;
        if config.get("block_metadata_encrypted").map(|v| v.bool()).transpose()? == Some(true) {
            return Ok(None);
        }
        let value = config.get("block_metadata").ok_or_else(|| FormatError::invalid("block_metadata is missing"))?;
        let inner = value.text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        inner.map(Some).ok_or_else(|| FormatError::invalid("block_metadata is not in square brackets"))
    }
}

fn check_alloc(alloc: u32) -> Result<()> {
    if !alloc.is_power_of_two() || !ALLOCATION_SIZES.contains(&alloc) {
        return Err(FormatError::invalid(format!("{alloc} is not an allocation size")));
    }
    Ok(())
}

/// Three integers without object id. Of size 0 the other two mean nothing.
fn read_triplet(r: &mut Reader<'_>, alloc: u32) -> Result<Option<LocalAddress>> {
    let (offset, size, checksum) = (r.vuint()?, r.vuint()?, r.vuint()?);
    if size == 0 {
        return Ok(None);
    }
    let unit = u64::from(alloc);
    let bytes = size.checked_mul(unit).and_then(|b| u32::try_from(b).ok()).filter(|b| *b <= MAX_BLOCK);
    let bytes = bytes.ok_or_else(|| FormatError::invalid(format!("block of {size} units of {alloc} bytes")))?;
    let offset = offset
        .checked_add(1)
        .and_then(|o| o.checked_mul(unit))
        .filter(|o| o.checked_add(u64::from(bytes)).is_some())
        .ok_or_else(|| FormatError::invalid(format!("block at unit {offset}: offset exceeds 64 bits")))?;
    let checksum =
        u32::try_from(checksum).map_err(|_| FormatError::invalid(format!("checksum {checksum:x} exceeds 32 bits")))?;
    Ok(Some(LocalAddress { offset, size: bytes, checksum, object: None }))
}

fn write_triplet(out: &mut Vec<u8>, address: Option<&LocalAddress>, alloc: u32) -> Result<()> {
    check_alloc(alloc)?;
    let (offset, size, checksum) = match address {
        None => (0, 0, 0),
        Some(a) => {
            let unit = u64::from(alloc);
            let size = u64::from(a.size);
            let before = (a.offset / unit).checked_sub(1).filter(|_| a.offset % unit == 0 && size % unit == 0);
            let before = before.filter(|_| size > 0).ok_or_else(|| {
                FormatError::invalid(format!("block {}+{size} is not a multiple of {alloc}", a.offset))
            })?;
            (before, size / unit, u64::from(a.checksum))
        }
    };
    for v in [offset, size, checksum] {
        write_vuint(out, v);
    }
    Ok(())
}

/// What may follow the last field: nothing, or flag and object id.
fn read_object(r: &mut Reader<'_>) -> Result<Option<u64>> {
    let (at, left) = (r.pos(), r.remaining());
    if left == 0 {
        return Ok(None);
    }
    if r.u8()? == OBJECT_FLAG {
        let object = r.vuint()?;
        if r.is_empty() {
            return Ok(Some(object));
        }
    }
    Err(FormatError::invalid(format!("cookie should end at byte {at} or with an object id, {left} bytes follow")))
}

fn write_object(out: &mut Vec<u8>, object: Option<u64>) {
    if let Some(id) = object {
        out.push(OBJECT_FLAG);
        write_vuint(out, id);
    }
}
