//! The key provider page, page 1 of table 26.
//!
//! The payload is an encrypted key blob. It is measured and summed, never handed out, so that no
//! report can contain it by accident.

use super::crc::{crc32c, crc32c_zeroed};
use super::reader::Reader;
use super::{FormatError, Result};

/// The bytes `wtch`, read as a little-endian integer.
pub const SIGNATURE: u32 = 0x6863_7477;
/// The newest header this reader understands.
pub const READER_VERSION: u8 = 2;

const HEADER_A: u8 = 14;
const HEADER_V1: u8 = 16;
const HEADER_V2: u8 = 24;

/// Which of the four header layouts a page has. All share the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyLayout {
    /// Early, 14 bytes packed, no compatible version.
    A,
    /// Early, 16 bytes packed, flags at the end.
    B,
    /// 16 bytes, aligned.
    V1,
    /// 24 bytes: as `V1`, and a timestamp.
    V2,
}

/// The header of a key page, and what may be known about its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The layout of the header.
    pub layout: KeyLayout,
    /// Version of the writer.
    pub version: u8,
    /// Lowest reader version; layout A has none.
    pub compatible_version: Option<u8>,
    /// Bytes before the payload.
    pub header_size: u8,
    /// Payload bytes as the header states them.
    pub crypt_size: u32,
    /// Stored checksum, which holds.
    pub checksum: u32,
    /// Timestamp of the key, layout V2 only.
    pub timestamp: Option<u64>,
    /// Payload bytes, equal to `crypt_size`.
    pub payload_len: usize,
    /// crc32c of the payload alone: tells whether two pages hold the same key.
    pub payload_crc32c: u32,
}

/// The fields at their places in one family of layouts.
#[derive(Clone, Copy)]
struct Fields {
    layout: KeyLayout,
    version: u8,
    compatible_version: Option<u8>,
    header_size: u8,
    minimum: u8,
    crypt_size: u32,
    checksum: u32,
    checksum_at: usize,
    timestamp: Option<u64>,
}

/// Decode and check a page in the engine's order. All damage is EIO, a wrong signature included,
/// for which the engine aborts.
pub fn parse(bytes: &[u8]) -> Result<KeyPage> {
    let (header, sum) = choose(bytes)?;
    if sum != header.checksum {
        return Err(FormatError::io(format!(
            "key page: stored checksum {:08x}, calculated {sum:08x}",
            header.checksum
        )));
    }
    if header.header_size < header.minimum || usize::from(header.header_size) > bytes.len() {
        return Err(FormatError::io(format!(
            "key page: header size {} outside {}..={}",
            header.header_size,
            header.minimum,
            bytes.len()
        )));
    }
    let payload = bytes.get(usize::from(header.header_size)..).unwrap_or_default();
    if usize::try_from(header.crypt_size) != Ok(payload.len()) {
        return Err(FormatError::io(format!(
            "key page: {} payload bytes, the header states {}",
            payload.len(),
            header.crypt_size
        )));
    }
    if let Some(compatible) = header.compatible_version.filter(|c| *c > READER_VERSION) {
        return Err(FormatError::unsupported(format!(
            "key page: compatible version {compatible} is newer than this reader ({READER_VERSION})"
        )));
    }
    let signature = Reader::new(bytes).u32le()?;
    if signature != SIGNATURE {
        return Err(FormatError::io(format!("key page: signature {signature:08x} instead of {SIGNATURE:08x}")));
    }
    Ok(KeyPage {
        layout: header.layout,
        version: header.version,
        compatible_version: header.compatible_version,
        header_size: header.header_size,
        crypt_size: header.crypt_size,
        checksum: header.checksum,
        timestamp: header.timestamp,
        payload_len: payload.len(),
        payload_crc32c: crc32c(payload),
    })
}

/// Choose the layout: what the bytes look like first, and the checksum confirms. Returns the
/// fields and the calculated checksum.
fn choose(bytes: &[u8]) -> Result<(Fields, u32)> {
    let like = |b5: Option<&u8>, b6: Option<&u8>, b7: Option<&u8>| match (b5, b6, b7) {
        (_, Some(&(HEADER_V1 | HEADER_V2)), Some(0)) => [aligned, packed_b, packed_a],
        (Some(&HEADER_A), ..) => [packed_a, aligned, packed_b],
        (_, Some(&HEADER_V1), _) => [packed_b, aligned, packed_a],
        _ => [aligned, packed_a, packed_b],
    };
    let readers = like(bytes.get(5), bytes.get(6), bytes.get(7));
    let mut first = None;
    for read in readers {
        let Ok(fields) = read(bytes) else { continue };
        let sum = crc32c_zeroed(bytes, fields.checksum_at);
        if sum == fields.checksum {
            return Ok((fields, sum));
        }
        first = first.or(Some((fields, sum)));
    }
    // Nothing confirmed: report the mismatch of the layout it looks most like.
    first.ok_or_else(|| FormatError::io(format!("key page: {} bytes are too few for a header", bytes.len())))
}

/// Layouts V1 and V2, and larger ones that may follow.
fn aligned(bytes: &[u8]) -> Result<Fields> {
    let mut r = Reader::at(bytes, 4)?;
    let [version, compatible, header_size, _unused] = r.array()?;
    let crypt_size = r.u32le()?;
    let checksum = r.u32le()?;
    let v2 = version >= 2 && header_size >= HEADER_V2;
    Ok(Fields {
        layout: if v2 { KeyLayout::V2 } else { KeyLayout::V1 },
        version,
        compatible_version: Some(compatible),
        header_size,
        minimum: HEADER_V1,
        crypt_size,
        checksum,
        checksum_at: 12,
        // A header that claims more than there is fails the size check behind the checksum.
        timestamp: if v2 { r.u64le().ok() } else { None },
    })
}

fn packed_a(bytes: &[u8]) -> Result<Fields> {
    let mut r = Reader::at(bytes, 4)?;
    let [version, header_size] = r.array()?;
    Ok(Fields {
        layout: KeyLayout::A,
        version,
        compatible_version: None,
        header_size,
        minimum: HEADER_A,
        crypt_size: r.u32le()?,
        checksum: r.u32le()?,
        checksum_at: 10,
        timestamp: None,
    })
}

fn packed_b(bytes: &[u8]) -> Result<Fields> {
    let mut r = Reader::at(bytes, 4)?;
    let [version, compatible, header_size] = r.array()?;
    let fields = Fields {
        layout: KeyLayout::B,
        version,
        compatible_version: Some(compatible),
        header_size,
        minimum: HEADER_V1,
        crypt_size: r.u32le()?,
        checksum: r.u32le()?,
        checksum_at: 11,
        timestamp: None,
    };
    r.u8()?;
    Ok(fields)
}

/// A page with the 16-byte header of version 1.
pub fn encode_v1(payload: &[u8]) -> Vec<u8> {
    encode([1, 1, HEADER_V1, 0], None, payload)
}

/// A page with the 24-byte header of version 2.
pub fn encode_v2(payload: &[u8], timestamp: u64) -> Vec<u8> {
    encode([2, 1, HEADER_V2, 0], Some(timestamp), payload)
}

fn encode(versions: [u8; 4], timestamp: Option<u64>, payload: &[u8]) -> Vec<u8> {
    // A payload above 4 GiB cannot be stated; the stored size then fails every reader's check.
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut head = Vec::with_capacity(usize::from(HEADER_V2));
    head.extend_from_slice(&SIGNATURE.to_le_bytes());
    head.extend_from_slice(&versions);
    head.extend_from_slice(&size.to_le_bytes());
    let tail: Vec<u8> = timestamp.map(u64::to_le_bytes).iter().flatten().chain(payload).copied().collect();
    let zeroed: Vec<u8> = head.iter().chain(&[0; 4]).chain(&tail).copied().collect();
    head.extend_from_slice(&crc32c(&zeroed).to_le_bytes());
    head.extend_from_slice(&tail);
    head
}
