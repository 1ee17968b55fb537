//! Log files: records, their checks, and the operations in them.
//!
//! [`next`] looks at one record in a window of a file, so a caller need not hold the file;
//! [`Records`] walks a whole file in memory. A record is used in three steps: its checksum holds
//! (a [`Record`] exists), its body is made plain ([`Record::plain`]), and the body is decoded
//! ([`Body::decode`]). Operations are decoded one at a time, so nothing is allocated per operation.

#[cfg_attr(not(feature = "devtools"), allow(unused_imports))]
pub use super::wtlog_body::{Body, Change, Operation, Operations};

use super::crc::{self, crc32c_zeroed};
use super::reader::Reader;
use super::wtlog_body::number;
use super::{FormatError, Result};

/// Records begin at multiples of this, and their lengths are multiples of it.
pub const ALIGNMENT: u32 = 128;
/// Length of a record header.
pub const HEADER_LEN: usize = 16;
/// First number in the body of the file header record.
pub const MAGIC: u32 = 0x0010_1064;
/// Newest version of a log file this reader knows.
pub const VERSION: u16 = 5;
/// First version whose files have a previous-LSN record at [`FIRST_RECORD`].
pub const VERSION_PREVIOUS_LSN: u16 = 2;
/// Where the record behind the file header record begins.
pub const FIRST_RECORD: u64 = 128;
/// Longest record that is read. Far above what a log file holds, far below what a length can say.
pub const MAX_RECORD: u32 = 512 << 20;

/// Record header flags.
pub(super) const FLAG_COMPRESSED: u16 = 0x1;
pub(super) const FLAG_ENCRYPTED: u16 = 0x2;
/// Last byte of padding: tells a torn write (0) from other damage.
pub(super) const PAD_MARK: u8 = 0xab;
/// Where the checksum lies in a record.
pub const CHECKSUM_AT: usize = 4;

/// A place in the log. Ordered as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogLsn {
    /// Number of the log file.
    pub file: u32,
    /// Offset of the record in it.
    pub offset: u64,
}

/// For programs as in the engine's messages.
impl serde::Serialize for LogLsn {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl LogLsn {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self> {
        let file = number(r, "log file number")?;
        Ok(Self { file, offset: r.vuint()? })
    }
}

impl std::fmt::Display for LogLsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({},{})", self.file, self.offset)
    }
}

/// The 16 bytes in front of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// Bytes of the record, header and padding included.
    pub len: u32,
    /// Checksum of all of them, this field taken as zero.
    pub checksum: u32,
    /// 0x1 compressed, 0x2 encrypted.
    pub flags: u16,
    pub unused: u16,
    /// Bytes when decompressed, header included; 0 if not compressed.
    pub mem_len: u32,
}

impl RecordHeader {
    /// Read a header.
    pub fn read(r: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { len: r.u32le()?, checksum: r.u32le()?, flags: r.u16le()?, unused: r.u16le()?, mem_len: r.u32le()? })
    }

    /// Append the header.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.unused.to_le_bytes());
        out.extend_from_slice(&self.mem_len.to_le_bytes());
    }

    /// The body is compressed.
    pub fn is_compressed(&self) -> bool {
        self.flags & FLAG_COMPRESSED != 0
    }

    /// Flags that no release known here writes: a recovery ends at such a record.
    pub fn has_unknown_flags(&self) -> bool {
        self.flags & !(FLAG_COMPRESSED | FLAG_ENCRYPTED) != 0
    }

    /// The body is encrypted, and not readable here.
    pub fn is_encrypted(&self) -> bool {
        self.flags & FLAG_ENCRYPTED != 0
    }
}

/// What stands at a place of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// A record whose checksum holds.
    Record(Record<'a>),
    /// The window is too short; it must have this many bytes from the offset on.
    More(u64),
    /// No record.
    End(End),
}

/// Why there is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The file ends at a record boundary (a closed file cut to its used length).
    Boundary,
    /// Length 0: the rest of the file should be zeros. [`next`] does not look; [`Records`] does.
    Zero,
    /// Zeros, and then something else at this offset.
    Hole {
        /// Offset of the first byte behind the zero length that is not zero.
        data: u64,
    },
    /// A record that was not written completely: its last byte is 0, or the file ends within it.
    Torn {
        /// Its length as stated.
        len: u32,
    },
    /// A record that was written completely, as its last byte is not 0, but does not match its checksum.
    BadChecksum {
        stored: u32,
        /// Over the bytes.
        computed: u32,
    },
    /// Bytes that are no record header.
    Malformed(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boundary => f.write_str("end of file"),
            Self::Zero => f.write_str("zeros to the end"),
            Self::Hole { data } => write!(f, "hole: zeros, but data again at offset {data}"),
            Self::Torn { len } => write!(f, "torn: record of {len} bytes was not written completely"),
            Self::BadChecksum { stored, computed } => {
                write!(f, "bad checksum: {stored:08x} in the record, {computed:08x} over its bytes")
            }
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

/// A record whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub offset: u64,
    pub header: RecordHeader,
    /// All its bytes, header and padding included.
    pub bytes: &'a [u8],
}

/// Look for a record at `offset` of a file of `file_size` bytes; `window` is the file from there on,
/// or as much of it as is at hand.
pub fn next(window: &[u8], offset: u64, file_size: u64) -> Next<'_> {
    let left = file_size.saturating_sub(offset);
    if left == 0 {
        return Next::End(End::Boundary);
    }
    let window = usize::try_from(left).ok().and_then(|n| window.get(..n)).unwrap_or(window);
    let at_hand = u64::try_from(window.len()).unwrap_or(u64::MAX);
    let Ok(header) = RecordHeader::read(&mut Reader::new(window)) else {
        let want = u64::try_from(HEADER_LEN).unwrap_or(u64::MAX).min(left);
        return match at_hand < want {
            true => Next::More(want),
            // Less than a header up to the end of the file.
            false if window.iter().all(|b| *b == 0) => Next::End(End::Zero),
            false => Next::End(End::Torn { len: 0 }),
        };
    };
    let len = header.len;
    if len == 0 {
        return Next::End(End::Zero);
    }
    if !len.is_multiple_of(ALIGNMENT) {
        return Next::End(End::Malformed(format!("record length {len} is not a multiple of {ALIGNMENT}")));
    }
    if u64::from(len) > left {
        return Next::End(End::Torn { len });
    }
    if len > MAX_RECORD {
        return Next::End(End::Malformed(format!("record length {len} is above the limit of {MAX_RECORD} bytes")));
    }
    let Some(bytes) = usize::try_from(len).ok().and_then(|n| window.get(..n)) else {
        return Next::More(u64::from(len));
    };
    let computed = crc32c_zeroed(bytes, CHECKSUM_AT);
    if computed != header.checksum {
        return Next::End(match bytes.last() {
            Some(0) => End::Torn { len },
            _ => End::BadChecksum { stored: header.checksum, computed },
        });
    }
    Next::Record(Record { offset, header, bytes })
}

/// The body of the file header record at offset 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// Version of the log file.
    pub version: u16,
    /// Configured size of log files.
    pub size: u64,
}

impl FileHeader {
    /// Decode the file header record from the first bytes of a file.
    pub fn decode(head: &[u8]) -> Result<Self> {
        let size = u64::try_from(head.len()).unwrap_or(u64::MAX);
        let record = match next(head, 0, size) {
            Next::Record(record) => record,
            Next::More(_) => return Err(FormatError::io("file header record: too short")),
            Next::End(End::Boundary) => return Err(FormatError::io("file header record: the file is empty")),
            Next::End(end) => return Err(FormatError::io(format!("file header record: {end}"))),
        };
        let header = record.header;
        let mut r = Reader::at(record.bytes, HEADER_LEN)?;
        let (magic, version, unused, size) = (r.u32le()?, r.u16le()?, r.u16le()?, r.u64le()?);
        if magic != MAGIC {
            return Err(FormatError::invalid(format!(
                "magic {magic:#010x} instead of {MAGIC:#010x}: not a journal file"
            )));
        }
        if version > VERSION {
            return Err(FormatError::unsupported(format!("journal version {version} is newer than {VERSION}")));
        }
        if header.len != ALIGNMENT || header.flags != 0 || unused != 0 {
            return Err(FormatError::invalid(format!(
                "file header record of {} bytes with flags {:#x}",
                header.len, header.flags
            )));
        }
        Ok(Self { version, size })
    }

    /// The file header record.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = MAGIC.to_le_bytes().to_vec();
        body.extend_from_slice(&self.version.to_le_bytes());
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&self.size.to_le_bytes());
        seal(&body, 0, 0, false)
    }
}

/// A record of the engine's form around a stored body: header, padding with its mark, checksum.
///
/// For tests and forged logs; `mark` is false for the two records at the head of a file.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn seal(body: &[u8], flags: u16, mem_len: u32, mark: bool) -> Vec<u8> {
    let used = body.len().saturating_add(HEADER_LEN);
    let len = used.next_multiple_of(usize::try_from(ALIGNMENT).unwrap_or(used));
    let header = RecordHeader { len: u32::try_from(len).unwrap_or(u32::MAX), checksum: 0, flags, unused: 0, mem_len };
    let mut out = Vec::with_capacity(len);
    header.write(&mut out);
    out.extend_from_slice(body);
    out.resize(len, 0);
    if let (true, Some(last)) = (mark && len.saturating_sub(used) >= 2, out.last_mut()) {
        *last = PAD_MARK;
    }
    crc::seal(&mut out, CHECKSUM_AT, len);
    out
}

/// The records of a log file behind its file header record.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub struct Records<'a> {
    file: &'a [u8],
    offset: u64,
    end: Option<End>,
}

impl<'a> Records<'a> {
    /// Records of a whole file.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn new(file: &'a [u8]) -> Self {
        Self { file, offset: FIRST_RECORD, end: None }
    }

    /// Why the walk ended, once it has.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Offset of the next record; at the end, the first byte that is not used.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    fn size(&self) -> u64 {
        u64::try_from(self.file.len()).unwrap_or(u64::MAX)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.end.is_some() {
            return None;
        }
        let window = usize::try_from(self.offset).ok().and_then(|at| self.file.get(at..)).unwrap_or_default();
        let end = match next(window, self.offset, self.size()) {
            Next::Record(record) => {
                self.offset = self.offset.saturating_add(u64::from(record.header.len));
                return Some(record);
            }
            // Cannot be: the window is the whole rest.
            Next::More(n) => End::Malformed(format!("{n} bytes wanted")),
            Next::End(End::Zero) => match first_data(window) {
                Some(at) => End::Hole { data: self.offset.saturating_add(at) },
                None => End::Zero,
            },
            Next::End(end) => end,
        };
        self.end = Some(end);
        None
    }
}

/// Offset of the first byte that is not zero.
pub fn first_data(bytes: &[u8]) -> Option<u64> {
    /// Compared at once; the comparison of blocks is what makes long runs of zeros cheap.
    const BLOCK: usize = 4096;
    let mut base = 0_usize;
    for block in bytes.chunks(BLOCK) {
        if block.iter().fold(0, |acc, b| acc | b) != 0 {
            let at = block.iter().position(|b| *b != 0).unwrap_or(0);
            return u64::try_from(base.saturating_add(at)).ok();
        }
        base = base.saturating_add(block.len());
    }
    None
}
