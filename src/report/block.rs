//! A stored block for people and programs: headers, flags in words, checksum, cells with their
//! cookies. User bytes are shown only the way the user asked for.

use super::text::{self, Paint, escape, grouped};
use super::{Show, bytes};
use crate::format::block::{self, LocalBlockHeader};
use crate::format::cell::{Cell, CellKind, Cells, KeyBuilder, TS_MAX, TXN_MAX, Times};
use crate::format::compress::{self, Compressor};
use crate::format::cookie::{self, Cookie, Layout};
use crate::format::delta::{self, Body, PayloadForm};
use crate::format::image::{Era, Image};
use crate::format::local::{self, ExtentList, LocalAddress, LocalCheckpoint};
use crate::format::page::{self, PageHeader, PageType};
use crate::format::reader::Reader;
use crate::format::{Class, FormatError, Result};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// Most cells or extents that are listed; all of them are checked and counted.
pub const LISTED: usize = 100_000;
/// Largest image in which a flipped bit is looked for; the search is slow on larger ones.
const FLIP_SEARCH: usize = 64 << 20;
/// Pages of trees have ids from here on (02.3).
const FIRST_TREE_PAGE: u64 = 100;

/// How to read a block and what to show of it.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// The header layout, where the caller knows it.
    pub era: Option<Era>,
    /// The compressor the tree's configuration names; the framing decides without it.
    pub compressor: Option<Compressor>,
    /// How user bytes are shown.
    pub show: Show,
    /// Show long items whole.
    pub all: bool,
    /// Allocation size of classic files.
    pub alloc: u32,
}

impl Default for View {
    fn default() -> Self {
        Self { era: None, compressor: None, show: Show::None, all: false, alloc: 4096 }
    }
}

impl View {
    fn shown(&self, data: &[u8]) -> Option<String> {
        (self.show != Show::None).then(|| bytes::show(data, self.show, self.all))
    }
}

/// What cookies in cells look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Disaggregated cookies of any layout.
    Disaggregated,
    /// Addresses in a local file of this allocation size.
    Classic(u32),
}

/// The header layout by its name: `current` or `2025-06`.
#[must_use]
pub fn era_from_name(name: &str) -> Option<Era> {
    [Era::Current, Era::June2025].into_iter().find(|e| era_name(*e) == name)
}

fn era_name(era: Era) -> &'static str {
    match era {
        Era::Current => "current",
        Era::June2025 => "2025-06",
    }
}

/// A checksum; eight hexadecimal digits wherever it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum(pub u32);

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Something the engine would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The engine's error.
    #[serde(serialize_with = "class_name")]
    pub class: Class,
    /// What is wrong.
    pub message: String,
}

fn class_name<S: Serializer>(class: &Class, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(class.name())
}

impl From<FormatError> for Problem {
    fn from(e: FormatError) -> Self {
        Self { class: e.class, message: e.message }
    }
}

/// Problems and notes as lines below a table.
#[must_use]
pub fn remarks(problems: &[Problem], notes: &[String], paint: Paint) -> String {
    let mut out = String::new();
    for p in problems {
        out.push_str(&format!("{} {}\n", paint.bad(&format!("{}:", p.class)), escape(&p.message)));
    }
    for n in notes {
        out.push_str(&format!("{} {}\n", paint.warn("note:"), escape(n)));
    }
    out
}

/// A timestamp or LSN of the shape `unix seconds << 32 | counter`, in words (02.6). The shape is
/// a convention of the writer, so this is a hint and no more.
#[must_use]
pub fn time_hint(value: u64) -> Option<String> {
    const PLAUSIBLE: u64 = 1_000_000_000;
    let seconds = value >> 32;
    let counter = value & 0xffff_ffff;
    (seconds >= PLAUSIBLE && value != TS_MAX).then(|| format!("{}, counter {counter}", utc(seconds)))
}

/// Seconds since 1970 as a date and time of day.
#[must_use]
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last one; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next;
    format!("{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02} UTC", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// A disaggregated address cookie.
#[derive(Debug, Clone, Serialize)]
pub struct CookieInfo {
    /// `v0`, `L1`, `L2` or `L3`.
    pub layout: &'static str,
    /// Writer version, v0 only.
    pub version: Option<u64>,
    /// Minimum reader version, v0 only.
    pub version_min: Option<u64>,
    /// Page id.
    pub page_id: u64,
    /// Flags in words, v0 only.
    pub flags: Vec<&'static str>,
    /// Flag bits without a meaning here.
    pub unknown_flags: u64,
    /// LSN of the newest block; `None` where the layout has none.
    pub lsn: Option<u64>,
    /// The LSN as a time, where it looks like one.
    pub lsn_time: Option<String>,
    /// LSN of the full image, 0 if the newest block is the full image; v0 only.
    pub base_lsn: Option<u64>,
    /// Bytes.
    pub size: u32,
    /// Checksum of the newest block.
    pub checksum: Sum,
    /// Checkpoint id, L2 and L3.
    pub checkpoint_id: Option<u64>,
    /// Reconciliation id, L2 and L3.
    pub reconciliation_id: Option<u64>,
    /// Bytes behind the known fields.
    pub trailing_bytes: usize,
    /// The older layouts' marker for "no address".
    pub no_address: bool,
    /// As the engine prints it.
    pub printable: String,
    /// What is unusual.
    pub notes: Vec<String>,
}

impl CookieInfo {
    /// Decode a cookie.
    pub fn decode(raw: &[u8]) -> Result<Self> {
        Cookie::decode(raw).map(|c| Self::new(&c, raw))
    }

    fn new(c: &Cookie, raw: &[u8]) -> Self {
        let v0 = c.layout == Layout::V0;
        let mut notes = Vec::new();
        let known = raw.len().saturating_sub(c.trailing);
        if raw.get(..known) != Some(c.encode().as_slice()) {
            notes.push("not in canonical form: an integer takes more bytes than it needs".to_string());
        }
        if c.trailing > 0 {
            notes.push(format!("{} bytes behind the known fields, from a newer writer", c.trailing));
        }
        if c.unknown_flags != 0 {
            notes.push(format!("unknown flags {:#x}, which a reader drops", c.unknown_flags));
        }
        if v0 && c.version > cookie::VERSION {
            notes.push(format!("version {}, readable from version {} on", c.version, c.version_min));
        }
        if let Err(e) = c.check_consistency() {
            notes.push(e.message);
        }
        if c.is_none() {
            notes.push("size 0: no address".to_string());
        } else if c.page_id < FIRST_TREE_PAGE {
            notes.push(format!("page {} is no tree page: those begin at {FIRST_TREE_PAGE}", c.page_id));
        }
        let lsn = (v0 || c.layout == Layout::L3).then_some(c.lsn);
        Self {
            layout: match c.layout {
                Layout::L1 => "L1",
                Layout::L2 => "L2",
                Layout::L3 => "L3",
                Layout::V0 => "v0",
            },
            version: v0.then_some(c.version),
            version_min: v0.then_some(c.version_min),
            page_id: c.page_id,
            flags: if c.flags & cookie::FLAG_DELTA != 0 { vec!["delta"] } else { Vec::new() },
            unknown_flags: c.unknown_flags,
            lsn,
            lsn_time: lsn.and_then(time_hint),
            base_lsn: v0.then_some(c.base_lsn),
            size: c.size,
            checksum: Sum(c.checksum),
            checkpoint_id: c.checkpoint_id,
            reconciliation_id: c.reconciliation_id,
            trailing_bytes: c.trailing,
            no_address: c.is_none(),
            printable: c.to_string(),
            notes,
        }
    }
}

/// The place of a block in a classic file.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AddressInfo {
    /// First byte.
    pub offset: u64,
    /// Bytes on disk.
    pub size: u32,
    /// Its checksum.
    pub checksum: Sum,
    /// Object id, tiered storage only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
}

impl From<LocalAddress> for AddressInfo {
    fn from(a: LocalAddress) -> Self {
        Self { offset: a.offset, size: a.size, checksum: Sum(a.checksum), object: a.object }
    }
}

impl std::fmt::Display for AddressInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[offset {}, size {}, {:#010x}]", self.offset, self.size, self.checksum.0)?;
        self.object.map_or(Ok(()), |id| write!(f, " in object {id}"))
    }
}

/// A cookie of either storage.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum AnyCookie {
    /// Disaggregated.
    Disaggregated(Box<CookieInfo>),
    /// Classic; `None` is "no block".
    Classic(Option<AddressInfo>),
}

impl AnyCookie {
    /// Decode a cookie of the given storage.
    pub fn decode(raw: &[u8], addresses: Addresses) -> Result<Self> {
        match addresses {
            Addresses::Disaggregated => CookieInfo::decode(raw).map(|c| Self::Disaggregated(Box::new(c))),
            Addresses::Classic(alloc) => {
                LocalAddress::decode(raw, alloc).map(|a| Self::Classic(a.map(AddressInfo::from)))
            }
        }
    }
}

impl std::fmt::Display for AnyCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disaggregated(c) => f.write_str(&c.printable),
            Self::Classic(Some(a)) => a.fmt(f),
            Self::Classic(None) => f.write_str("no block"),
        }
    }
}

/// A classic checkpoint cookie.
#[derive(Debug, Clone, Serialize)]
pub struct CheckpointInfo {
    /// Version of the cookie.
    pub version: u8,
    /// Allocation size the units were multiplied with.
    pub allocation_size: u32,
    /// Root page.
    pub root: Option<AddressInfo>,
    /// Block of the alloc list.
    pub alloc: Option<AddressInfo>,
    /// Block of the avail list.
    pub avail: Option<AddressInfo>,
    /// Block of the discard list.
    pub discard: Option<AddressInfo>,
    /// Bytes of the file.
    pub file_size: u64,
    /// Bytes of all tree blocks but the root.
    pub checkpoint_size: u64,
    /// Object id, tiered storage only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
}

impl CheckpointInfo {
    /// Decode a classic checkpoint cookie.
    pub fn decode(raw: &[u8], alloc: u32) -> Result<Self> {
        let c = LocalCheckpoint::decode(raw, alloc)?;
        let info = |a: Option<LocalAddress>| a.map(AddressInfo::from);
        Ok(Self {
            version: c.version,
            allocation_size: alloc,
            root: info(c.root),
            alloc: info(c.alloc),
            avail: info(c.avail),
            discard: info(c.discard),
            file_size: c.file_size,
            checkpoint_size: c.checkpoint_size,
            object: c.object,
        })
    }
}

/// A page header.
#[derive(Debug, Clone, Serialize)]
pub struct PageHeaderInfo {
    /// Page type in words.
    #[serde(rename = "type")]
    pub page_type: String,
    /// The type byte.
    pub type_byte: u8,
    /// First record number of a column-store page.
    pub recno: u64,
    /// Write generation.
    pub write_gen: u64,
    /// Uncompressed bytes, headers included.
    pub mem_size: u32,
    /// Cells, or data bytes of overflow and block-manager pages.
    pub entries: u32,
    /// Flags.
    pub flags: u8,
    /// Flags in words.
    pub flag_names: Vec<String>,
    /// The unused byte.
    pub unused: u8,
    /// Version.
    pub version: u8,
}

impl From<&PageHeader> for PageHeaderInfo {
    fn from(h: &PageHeader) -> Self {
        let name = PageType::from_byte(h.type_byte);
        Self {
            page_type: name.map_or_else(|| format!("unknown {}", h.type_byte), |t| t.name().to_string()),
            type_byte: h.type_byte,
            recno: h.recno,
            write_gen: h.write_gen,
            mem_size: h.mem_size,
            entries: h.entries,
            flags: h.flags,
            flag_names: words(
                h.flags,
                &[
                    (page::FLAG_COMPRESSED, "compressed"),
                    (page::FLAG_EMPTY_VALUES_ALL, "all values empty"),
                    (page::FLAG_EMPTY_VALUES_NONE, "no value empty"),
                    (page::FLAG_ENCRYPTED, "encrypted"),
                    (0x10, "historic 0x10"),
                    (page::FLAG_FAST_TRUNCATE, "fast truncate"),
                ],
            ),
            unused: h.unused,
            version: h.version,
        }
    }
}

/// Flags in words; bits without a word in hexadecimal.
fn words(flags: u8, known: &[(u8, &str)]) -> Vec<String> {
    let mut out: Vec<String> = known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, w)| (*w).into()).collect();
    let rest = flags & !known.iter().fold(0, |all, (bit, _)| all | bit);
    if rest != 0 {
        out.push(format!("unknown {rest:#04x}"));
    }
    out
}

/// A block header of either storage.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum BlockHeaderInfo {
    /// Disaggregated.
    Disaggregated {
        /// `db` base image, `dd` delta.
        magic: String,
        /// Writer version.
        version: u8,
        /// Minimum reader version.
        compatible_version: u8,
        /// Page and block header together.
        header_size: u8,
        /// Checksum of the block before this one.
        previous_checksum: Sum,
        /// Flags.
        flags: u8,
        /// Flags in words.
        flag_names: Vec<String>,
        /// June 2025 layout only.
        #[serde(skip_serializing_if = "Option::is_none")]
        reconciliation_id: Option<u8>,
    },
    /// Classic.
    Classic {
        /// Bytes on disk.
        disk_size: u32,
        /// Flags.
        flags: u8,
        /// Flags in words.
        flag_names: Vec<String>,
    },
}

/// A block's checksum.
#[derive(Debug, Clone, Serialize)]
pub struct ChecksumInfo {
    /// In the header.
    pub stored: Sum,
    /// Over the bytes.
    pub computed: Sum,
    /// They agree.
    pub holds: bool,
    /// Bytes the checksum covers, from the first one.
    pub covers: usize,
    /// The one flipped bit that explains the difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flipped_bit: Option<FlippedBit>,
}

/// A bit of an image.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FlippedBit {
    /// Offset of its byte.
    pub byte: usize,
    /// Its number; 0 is the lowest.
    pub bit: u8,
}

/// A time window, or the aggregate of an address cell; there the starts are oldest or newest of
/// everything below (05.3). `null` stops are none.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TimesInfo {
    /// Start timestamp; of an aggregate the oldest.
    pub start_ts: u64,
    /// Start transaction; of an aggregate the newest.
    pub start_txn: u64,
    /// Durable start timestamp; of an aggregate the newest.
    pub durable_start_ts: u64,
    /// Stop timestamp.
    pub stop_ts: Option<u64>,
    /// Stop transaction.
    pub stop_txn: Option<u64>,
    /// Durable stop timestamp.
    pub durable_stop_ts: u64,
    /// Prepared.
    pub prepared: bool,
}

impl From<&Times> for TimesInfo {
    fn from(t: &Times) -> Self {
        Self {
            start_ts: t.start_ts,
            start_txn: t.start_txn,
            durable_start_ts: t.durable_start_ts,
            stop_ts: (t.stop_ts != TS_MAX).then_some(t.stop_ts),
            stop_txn: (t.stop_txn != TXN_MAX).then_some(t.stop_txn),
            durable_stop_ts: t.durable_stop_ts,
            prepared: t.prepared,
        }
    }
}

impl std::fmt::Display for TimesInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "start {}", self.start_ts)?;
        if self.start_txn != 0 {
            write!(f, " txn {}", self.start_txn)?;
        }
        if self.durable_start_ts != self.start_ts {
            write!(f, " durable {}", self.durable_start_ts)?;
        }
        if self.stop_ts.is_some() || self.stop_txn.is_some() || self.durable_stop_ts != 0 {
            match self.stop_ts {
                Some(ts) => write!(f, ", stop {ts}")?,
                None => f.write_str(", stop max")?,
            }
            if let Some(txn) = self.stop_txn {
                write!(f, " txn {txn}")?;
            }
            if self.stop_ts != Some(self.durable_stop_ts) {
                write!(f, " durable {}", self.durable_stop_ts)?;
            }
        }
        if self.prepared { f.write_str(", prepared") } else { Ok(()) }
    }
}

/// What a delta does to a key.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Change {
    /// `update` or `delete`.
    pub action: &'static str,
    /// `Bu`, `uB` or `2025-06`; `None` in internal deltas, which have no payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<&'static str>,
    /// The delta flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u8>,
}

/// Fast-truncate information of a deleted child.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TruncateInfo {
    /// The truncating transaction.
    pub txn: u64,
    /// Its commit timestamp.
    pub commit_ts: u64,
    /// Its durable timestamp.
    pub durable_ts: u64,
}

/// One cell, or one half of an entry of a June 2025 delta.
#[derive(Debug, Clone, Serialize)]
pub struct CellInfo {
    /// Offset of its first byte in the plain image.
    pub offset: usize,
    /// Offset behind it.
    pub end: usize,
    /// Its kind.
    pub kind: &'static str,
    /// Bytes a key takes from the preceding one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u8>,
    /// Bytes of data: key suffix, value, or cookie. Of a delta payload the value alone.
    pub length: usize,
    /// Validity, if the cell carries any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimesInfo>,
    /// Fast-truncate information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<TruncateInfo>,
    /// Run length or record number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Distance back to the cell that holds the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_distance: Option<u64>,
    /// What a delta does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The cookie of address and overflow cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<AnyCookie>,
    /// Key (whole) or value, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What is wrong with its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The name of a cell kind.
fn kind_name(kind: CellKind) -> &'static str {
    match kind {
        CellKind::AddrDeleted => "address-deleted",
        CellKind::AddrInternal => "address-internal",
        CellKind::AddrLeaf => "address-leaf",
        CellKind::AddrLeafNoOverflow => "address-leaf-no-overflow",
        CellKind::Deleted => "deleted",
        CellKind::Key => "key",
        CellKind::KeyOverflow => "key-overflow",
        CellKind::Value => "value",
        CellKind::ValueCopy => "value-copy",
        CellKind::ValueOverflow => "value-overflow",
        CellKind::ValueOverflowRemoved => "value-overflow-removed",
        CellKind::KeyOverflowRemoved => "key-overflow-removed",
        CellKind::AddrGone => "address-gone",
    }
}

impl CellInfo {
    fn bare(offset: usize, end: usize, kind: CellKind, length: usize) -> Self {
        Self {
            offset,
            end,
            kind: kind_name(kind),
            prefix: None,
            length,
            times: None,
            truncate: None,
            run: None,
            copy_distance: None,
            change: None,
            cookie: None,
            data: None,
            problem: None,
        }
    }

    /// A cell without its neighbours: a key shows its own suffix only.
    fn new(cell: &Cell<'_>, addresses: Addresses, view: &View) -> Self {
        let mut out = Self::bare(cell.offset, cell.end, cell.kind, cell.data.len());
        out.prefix = (cell.prefix != 0).then_some(cell.prefix);
        out.times = cell.has_times.then(|| TimesInfo::from(&cell.times));
        out.truncate =
            cell.truncate.map(|t| TruncateInfo { txn: t.txn, commit_ts: t.commit_ts, durable_ts: t.durable_ts });
        out.run = cell.run;
        out.copy_distance = cell.copy_distance;
        match cell.kind {
            CellKind::Key | CellKind::Value => out.data = view.shown(cell.data),
            CellKind::Deleted | CellKind::ValueCopy | CellKind::AddrGone => {}
            _ => match AnyCookie::decode(cell.data, addresses) {
                Ok(c) => out.cookie = Some(c),
                Err(e) => out.problem = Some(e.into()),
            },
        }
        out
    }

    /// The last column of the table.
    fn content(&self) -> String {
        let mut parts = Vec::new();
        if let Some(c) = &self.change {
            let flags = c.flags.map(|f| format!(", flags {f:#04x}")).unwrap_or_default();
            let form = c.form.map(|f| format!(" ({f}{flags})")).unwrap_or_default();
            parts.push(format!("{}{form}", c.action));
        }
        if let Some(c) = &self.cookie {
            parts.push(c.to_string());
        }
        if let Some(t) = &self.truncate {
            parts.push(format!("truncated by txn {} at {}, durable {}", t.txn, t.commit_ts, t.durable_ts));
        }
        if let Some(run) = self.run.filter(|r| *r != 0) {
            parts.push(format!("run {run}"));
        }
        if let Some(distance) = self.copy_distance {
            parts.push(format!("copy of the cell {distance} bytes before"));
        }
        if let Some(data) = &self.data {
            parts.push(escape(data));
        }
        if let Some(p) = &self.problem {
            parts.push(format!("{}: {}", p.class, escape(&p.message)));
        }
        parts.join("; ")
    }
}

/// Cells as a table.
#[must_use]
pub fn cell_table(cells: &[CellInfo], width: Option<u16>) -> String {
    let rows = cells
        .iter()
        .map(|c| {
            vec![
                c.offset.to_string(),
                c.kind.to_string(),
                c.prefix.map(|p| p.to_string()).unwrap_or_default(),
                c.length.to_string(),
                c.times.map(|t| t.to_string()).unwrap_or_default(),
                c.content(),
            ]
        })
        .collect();
    text::table(width, &["Offset", "Cell", "Prefix", "Length", "Validity", "Content"], &[0, 2, 3], rows)
}

/// A list of cells under construction.
#[derive(Debug, Default)]
pub struct CellList {
    /// The first [`LISTED`] of them.
    pub cells: Vec<CellInfo>,
    /// How many there are.
    pub total: usize,
    /// The first thing wrong of each sort: a cell, a prefix, a cookie.
    pub problems: Vec<Problem>,
    bad_content: usize,
}

impl CellList {
    fn push(&mut self, cell: CellInfo) {
        self.total += 1;
        if let Some(p) = &cell.problem {
            if self.bad_content == 0 {
                let message = format!("{} cell at offset {}: {}", cell.kind, cell.offset, p.message);
                self.problems.push(Problem { class: p.class, message });
            }
            self.bad_content += 1;
        }
        if self.cells.len() < LISTED {
            self.cells.push(cell);
        }
    }

    /// Cells of any page but a June 2025 delta. `delta`: value cells hold delta payloads.
    #[must_use]
    pub fn read(plain: &[u8], start: usize, flags: u8, delta: bool, addresses: Addresses, view: &View) -> Self {
        let mut out = Self::default();
        let mut keys = KeyBuilder::default();
        for cell in Cells::new(plain, start, flags) {
            let cell = match cell {
                Ok(cell) => cell,
                Err(e) => {
                    out.problems.push(e.into());
                    break;
                }
            };
            let mut info = CellInfo::new(&cell, addresses, view);
            match cell.kind {
                CellKind::Key => match keys.full(&cell) {
                    Ok(key) => info.data = view.shown(key),
                    Err(e) => info.problem = Some(e.into()),
                },
                CellKind::Value if delta => payload(&cell, view, &mut info),
                k if delta && k.is_addr() => {
                    let action = if k == CellKind::AddrGone { "delete" } else { "update" };
                    info.change = Some(Change { action, form: None, flags: None });
                }
                _ => {}
            }
            out.push(info);
        }
        out
    }

    /// Entries of a June 2025 delta (04.7), as a key cell and what belongs to it.
    fn read_old_delta(body: &Body<'_>, internal: bool, view: &View) -> Self {
        let mut out = Self::default();
        let mut at = body.start;
        while at < body.plain.len() {
            let next = if internal { out.old_internal(body, at, view) } else { out.old_leaf(body, at, view) };
            match next {
                Ok(next) => at = next,
                Err(e) => {
                    out.problems.push(e.into());
                    break;
                }
            }
        }
        out
    }

    fn old_internal(&mut self, body: &Body<'_>, at: usize, view: &View) -> Result<usize> {
        let flags = Reader::at(body.plain, at)?.u8()?;
        let key = Cell::read(body.plain, at.saturating_add(1), body.header.flags)?;
        let delete = flags & 0x01 != 0;
        let action = if delete { "delete" } else { "update" };
        let mut info = CellInfo::new(&key, Addresses::Disaggregated, view);
        info.change = Some(Change { action, form: Some("2025-06"), flags: Some(flags) });
        self.push(info);
        if delete {
            return Ok(key.end);
        }
        let address = Cell::read(body.plain, key.end, body.header.flags)?;
        self.push(CellInfo::new(&address, Addresses::Disaggregated, view));
        Ok(address.end)
    }

    fn old_leaf(&mut self, body: &Body<'_>, at: usize, view: &View) -> Result<usize> {
        let mut r = Reader::at(body.plain, at)?;
        let flags = r.u8()?;
        let delete = flags & delta::OLD_FLAG_DELETE != 0;
        let mut read = |bit: u8, default: u64| if flags & bit != 0 { r.vuint() } else { Ok(default) };
        let mut times = Times::EMPTY;
        if !delete {
            times.start_txn = read(0x01, 0)?;
            times.start_ts = read(0x02, 0)?;
            times.durable_start_ts = read(0x04, times.start_ts)?;
            times.stop_txn = read(0x08, TXN_MAX)?;
            times.stop_ts = read(0x10, TS_MAX)?;
            times.durable_stop_ts = read(0x20, if times.stop_ts == TS_MAX { 0 } else { times.stop_ts })?;
        }
        let key_len = r.vlen()?;
        let value_len = if delete { 0 } else { r.vlen()? };
        let key = r.take(key_len)?;
        let key_end = r.pos();
        let value = r.take(value_len)?;
        let mut info = CellInfo::bare(at, key_end, CellKind::Key, key_len);
        info.data = view.shown(key);
        let action = if delete { "delete" } else { "update" };
        info.change = Some(Change { action, form: Some("2025-06"), flags: Some(flags) });
        self.push(info);
        if !delete {
            let mut info = CellInfo::bare(key_end, r.pos(), CellKind::Value, value_len);
            info.times = (times != Times::EMPTY).then(|| TimesInfo::from(&times));
            info.data = view.shown(value);
            self.push(info);
        }
        Ok(r.pos())
    }
}

/// What the value cell of a leaf delta says (04.5.1).
fn payload(cell: &Cell<'_>, view: &View, info: &mut CellInfo) {
    match delta::split_payload(cell.data) {
        Ok((form, flags, value)) => {
            let action = if flags != 0 && value.is_empty() { "delete" } else { "update" };
            let form = match form {
                PayloadForm::Bu => "Bu",
                PayloadForm::Ub => "uB",
            };
            info.change = Some(Change { action, form: Some(form), flags: Some(flags) });
            info.length = value.len();
            info.data = view.shown(value);
        }
        Err(e) => info.problem = Some(e.into()),
    }
}

/// An extent list of a classic file.
#[derive(Debug, Clone, Serialize)]
pub struct ExtentsInfo {
    /// Number of extents.
    pub total: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// The first [`LISTED`] of them.
    pub extents: Vec<ExtentInfo>,
    /// Second number of the end pair; recovery data follows unless it is 0.
    pub end_value: u64,
    /// Recovery data of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryInfo>,
}

/// A range of a file.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ExtentInfo {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// The copy of a checkpoint behind an avail list, texts by their length only: they hold names.
#[derive(Debug, Clone, Serialize)]
pub struct RecoveryInfo {
    /// The checkpoint's write generation + 1.
    pub generation: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Bytes of the metadata text.
    pub metadata_bytes: usize,
    /// Bytes of the checkpoint list.
    pub checkpoint_list_bytes: usize,
    /// The cookie; it lacks the avail list and has the previous file size.
    pub checkpoint: Option<CheckpointInfo>,
}

/// Everything about one stored block.
#[derive(Debug, Clone, Serialize)]
pub struct Block {
    /// `base`, `delta` or `classic`; `None` if the headers could not be read.
    pub form: Option<&'static str>,
    /// The header layout of a disaggregated block: `current` or `2025-06`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<&'static str>,
    /// Stored bytes.
    pub stored_bytes: usize,
    /// Page header.
    pub page_header: Option<PageHeaderInfo>,
    /// Block header.
    pub block_header: Option<BlockHeaderInfo>,
    /// Checksum.
    pub checksum: Option<ChecksumInfo>,
    /// `plain`, `compressed` or `encrypted`.
    pub content: Option<&'static str>,
    /// The compressor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressor: Option<&'static str>,
    /// Where the data begins.
    pub data_offset: Option<usize>,
    /// Number of cells.
    pub cells_total: usize,
    /// The first [`LISTED`] cells.
    pub cells: Vec<CellInfo>,
    /// Bytes of an overflow item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_bytes: Option<usize>,
    /// An overflow item, if user bytes are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Extent list of a classic block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extents: Option<ExtentsInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// A block of either storage: classic if its header looks like one.
#[must_use]
pub fn block(stored: &[u8], view: &View) -> Block {
    if looks_classic(stored) { classic(stored, view) } else { disaggregated(stored, view) }
}

/// Neither magic byte can be the low byte of a disk size, which is a multiple of 512.
fn looks_classic(stored: &[u8]) -> bool {
    let header = Reader::at(stored, page::HEADER_LEN).and_then(|mut r| LocalBlockHeader::read(&mut r));
    let old_delta = stored.get(page::OLD_DELTA_HEADER_LEN) == Some(&block::MAGIC_DELTA)
        && stored.get(page::OLD_DELTA_HEADER_LEN + 3).map(|b| usize::from(*b)) == Some(block::OLD_DELTA_COMBINED_LEN);
    header.is_ok_and(|h| {
        h.disk_size != 0 && h.disk_size % local::ALLOCATION_SIZES.start() == 0 && h.unused == [0; 3] && !old_delta
    })
}

impl Block {
    fn new(stored: &[u8]) -> Self {
        Self {
            form: None,
            era: None,
            stored_bytes: stored.len(),
            page_header: None,
            block_header: None,
            checksum: None,
            content: None,
            compressor: None,
            data_offset: None,
            cells_total: 0,
            cells: Vec::new(),
            item_bytes: None,
            item: None,
            extents: None,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn problem(&mut self, problem: impl Into<Problem>) {
        let problem = problem.into();
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn sum(&mut self, stored: u32, computed: u32, covers: usize, flipped: impl FnOnce() -> Option<(usize, u8)>) {
        let holds = stored == computed;
        let flipped = if holds || covers > FLIP_SEARCH { None } else { flipped() };
        if !holds {
            self.problem(FormatError::io(format!("stored checksum {stored:08x}, computed {computed:08x}")));
        }
        if let Some((byte, bit)) = flipped {
            self.notes.push(format!(
                "a single flipped bit explains the checksum: byte {byte}, bit {bit}; what is shown is as stored"
            ));
        }
        self.checksum = Some(ChecksumInfo {
            stored: Sum(stored),
            computed: Sum(computed),
            holds,
            covers,
            flipped_bit: flipped.map(|(byte, bit)| FlippedBit { byte, bit }),
        });
    }

    /// Cells or item of a plain image.
    fn body(&mut self, body: &Body<'_>, delta: bool, addresses: Addresses, view: &View) {
        let Ok(page_type) = body.header.page_type() else { return };
        let list = match page_type {
            PageType::Overflow => {
                let length = usize::try_from(body.header.entries).unwrap_or(usize::MAX);
                let item = body.start.checked_add(length).and_then(|end| body.plain.get(body.start..end));
                match item {
                    Some(item) => {
                        self.item_bytes = Some(item.len());
                        self.item = view.shown(item);
                    }
                    None => self.problem(FormatError::invalid(format!("item of {length} bytes exceeds the page"))),
                }
                return;
            }
            PageType::Invalid | PageType::BlockManager | PageType::ColumnFixed => return,
            _ if delta && body.era == Era::June2025 => CellList::read_old_delta(body, page_type.is_internal(), view),
            _ => CellList::read(body.plain, body.start, body.header.flags, delta, addresses, view),
        };
        self.cells = list.cells;
        self.cells_total = list.total;
        list.problems.into_iter().for_each(|p| self.problem(p));
        if list.bad_content > 1 {
            self.notes.push(format!("{} cells have a content that does not decode", list.bad_content));
        }
        if self.cells_total > self.cells.len() {
            self.notes.push(format!("only the first {LISTED} of {} cells are listed", self.cells_total));
        }
        self.rules(body, delta, page_type);
    }

    /// The rules of the page as a whole: alternation, number of cells, order of keys.
    fn rules(&mut self, body: &Body<'_>, delta: bool, page_type: PageType) {
        // A delta is judged on top of nothing.
        let nothing =
            Body { plain: &[], start: 0, header: PageHeader { entries: 0, ..body.header }, era: Era::Current };
        let (base, deltas) = if delta { (&nothing, std::slice::from_ref(body)) } else { (body, &[][..]) };
        match page_type {
            PageType::RowInternal => {
                if let Some(e) = delta::children(base, deltas).error {
                    self.problem(e);
                }
            }
            PageType::RowLeaf => {
                let rows = delta::rows(base, deltas);
                if let Some((count, offset)) = rows.out_of_order {
                    self.problem(FormatError::invalid(format!(
                        "{count} keys out of order, the first one at offset {offset}"
                    )));
                }
                if let Some(e) = rows.error {
                    self.problem(e);
                }
            }
            _ if usize::try_from(body.header.entries) != Ok(self.cells_total) && self.problems.is_empty() => {
                self.problem(FormatError::invalid(format!(
                    "page has {} cells, its header says {}",
                    self.cells_total, body.header.entries
                )));
            }
            _ => {}
        }
    }
}

/// A stored disaggregated image: base or delta, of the current layout or of June 2025.
#[must_use]
pub fn disaggregated(stored: &[u8], view: &View) -> Block {
    let mut out = Block::new(stored);
    let image = match Image::parse(stored, view.era) {
        Ok(image) => image,
        Err(e) => {
            out.problem(e.within("headers"));
            return out;
        }
    };
    let delta = image.is_delta();
    out.form = Some(if delta { "delta" } else { "base" });
    out.era = Some(era_name(image.era));
    out.page_header = Some((&image.page).into());
    let header = image.block;
    out.block_header = Some(BlockHeaderInfo::Disaggregated {
        magic: format!("{:02x}", header.magic),
        version: header.version,
        compatible_version: header.compatible_version,
        header_size: header.header_size,
        previous_checksum: Sum(header.previous_checksum),
        flags: header.flags,
        flag_names: words(
            header.flags,
            &[
                (block::FLAG_DATA_CHECKSUM, "data checksum"),
                (block::FLAG_ENCRYPTED, "encrypted"),
                (block::FLAG_COMPRESSED, "compressed"),
                (block::FLAG_MODIFIED, "modified"),
            ],
        ),
        reconciliation_id: header.reconciliation_id,
    });
    let covers = covered(header.flags, stored.len());
    out.sum(header.checksum, image.compute_checksum(), covers, || image.find_flipped_bit(header.checksum));
    out.data_offset = Some(image.data_offset());
    out.content = Some(content(image.is_encrypted(), image.is_compressed()));
    let mirrored = [
        (header.flags & block::FLAG_COMPRESSED != 0) == image.page.is_compressed(),
        (header.flags & block::FLAG_ENCRYPTED != 0) == image.page.is_encrypted(),
    ];
    if mirrored.contains(&false) {
        out.notes.push("page and block header disagree about compression or encryption".to_string());
    }
    if header.flags & block::FLAG_MODIFIED != 0 {
        out.notes.push("re-written outside a normal write: it stands for the whole chain".to_string());
    }
    if let Err(e) = image.check_kind(delta) {
        let unsupported = e.class == Class::Unsupported;
        out.problem(e);
        // What a newer writer put behind its headers is anybody's guess.
        if unsupported {
            return out;
        }
    }
    if let Err(e) = image.check_headers() {
        out.problem(e);
    }
    if image.is_encrypted() {
        out.notes.push("the content is encrypted and cannot be shown".to_string());
        return out;
    }
    if image.is_compressed() {
        out.compressor = view.compressor.or_else(|| compress::detect(stored)).map(Compressor::name);
    }
    match image.plain(view.compressor) {
        Ok(plain) => {
            let body = Body { plain: &plain, start: image.data_offset(), header: image.page, era: image.era };
            out.body(&body, delta, Addresses::Disaggregated, view);
        }
        Err(e) => out.problem(e),
    }
    out
}

fn content(encrypted: bool, compressed: bool) -> &'static str {
    match (encrypted, compressed) {
        (true, _) => "encrypted",
        (false, true) => "compressed",
        (false, false) => "plain",
    }
}

fn covered(flags: u8, length: usize) -> usize {
    if flags & block::FLAG_DATA_CHECKSUM != 0 { length } else { length.min(block::SKIP_LEN) }
}

/// A block of a classic file.
#[must_use]
pub fn classic(stored: &[u8], view: &View) -> Block {
    let mut out = Block::new(stored);
    let mut r = Reader::new(stored);
    let headers = PageHeader::read(&mut r).and_then(|p| LocalBlockHeader::read(&mut r).map(|b| (p, b)));
    let (header, local) = match headers {
        Ok(both) => both,
        Err(e) => {
            out.problem(e.within("headers"));
            return out;
        }
    };
    out.form = Some("classic");
    out.page_header = Some((&header).into());
    out.block_header = Some(BlockHeaderInfo::Classic {
        disk_size: local.disk_size,
        flags: local.flags,
        flag_names: words(local.flags, &[(block::FLAG_DATA_CHECKSUM, "data checksum")]),
    });
    out.data_offset = Some(local::DATA_OFFSET);
    let disk_size = usize::try_from(local.disk_size).unwrap_or(usize::MAX);
    let whole = stored.get(..disk_size).unwrap_or(stored);
    if stored.len() > disk_size {
        out.notes.push(format!("{} bytes behind the block are ignored", stored.len() - disk_size));
    } else if stored.len() < disk_size {
        out.problem(FormatError::invalid(format!("{} bytes given of a block of {disk_size}", stored.len())));
    }
    let covers = covered(local.flags, whole.len());
    let field = page::HEADER_LEN + 4;
    out.sum(local.checksum, local.compute_checksum(whole), covers, || {
        crate::format::crc::find_flipped_bit(whole.get(..covers).unwrap_or(whole), field, local.checksum)
    });
    if let Err(e) = header.check() {
        out.problem(e);
    }
    if local.unused != [0; 3] {
        out.problem(FormatError::invalid(format!("unused block header bytes are {:02x?}", local.unused)));
    }
    out.content = Some(content(header.is_encrypted(), header.is_compressed()));
    if header.is_encrypted() {
        out.notes.push("the content is encrypted and cannot be shown".to_string());
        return out;
    }
    if header.page_type() == Ok(PageType::BlockManager) {
        match extents(whole, view.alloc) {
            Ok((list, problem)) => {
                if list.total > list.extents.len() {
                    out.notes.push(format!("only the first {LISTED} of {} extents are listed", list.total));
                }
                out.extents = Some(list);
                problem.into_iter().for_each(|p| out.problem(p));
            }
            Err(e) => out.problem(e.within(&format!("with allocation size {}", view.alloc))),
        }
        return out;
    }
    match classic_plain(whole, &header, view, &mut out) {
        Ok(plain) => {
            let body = Body { plain: &plain, start: local::DATA_OFFSET, header, era: Era::Current };
            out.body(&body, false, Addresses::Classic(view.alloc), view);
        }
        Err(e) => out.problem(e),
    }
    out
}

/// The uncompressed block, exactly mem_size bytes.
fn classic_plain<'a>(whole: &'a [u8], header: &PageHeader, view: &View, out: &mut Block) -> Result<Cow<'a, [u8]>> {
    let mem_size = usize::try_from(header.mem_size).unwrap_or(usize::MAX);
    if mem_size < local::DATA_OFFSET {
        return Err(FormatError::invalid(format!("mem_size {mem_size} is smaller than the headers")));
    }
    if header.is_compressed() {
        let compressor = view
            .compressor
            .or_else(|| compress::detect(whole))
            .ok_or_else(|| FormatError::unsupported("the block is compressed by an unknown compressor"))?;
        out.compressor = Some(compressor.name());
        return compress::decompress(compressor, whole, header.mem_size).map(Cow::Owned);
    }
    let (plain, tail) = whole
        .split_at_checked(mem_size)
        .ok_or_else(|| FormatError::invalid(format!("mem_size {mem_size} exceeds the {} bytes", whole.len())))?;
    if tail.iter().any(|b| *b != 0) {
        out.problem(FormatError::invalid(format!("non-zero bytes behind mem_size {mem_size}")));
    }
    Ok(Cow::Borrowed(plain))
}

fn extents(whole: &[u8], alloc: u32) -> Result<(ExtentsInfo, Option<FormatError>)> {
    // The size of the file is not known here, so nothing bounds the entries.
    let list = ExtentList::decode(whole, alloc, u64::MAX)?;
    let recovery = list.recovery.as_ref().map(|r| RecoveryInfo {
        generation: r.generation,
        file_size: r.file_size,
        metadata_bytes: r.metadata.len(),
        checkpoint_list_bytes: r.checkpoint_list.len(),
        checkpoint: CheckpointInfo::decode(&r.cookie, alloc).ok(),
    });
    let info = ExtentsInfo {
        total: list.extents.len(),
        bytes: list.extents.iter().fold(0, |sum, e| sum.saturating_add(e.size)),
        extents: list.extents.iter().take(LISTED).map(|e| ExtentInfo { offset: e.offset, size: e.size }).collect(),
        end_value: list.end_value,
        recovery,
    };
    Ok((info, list.recovery_error))
}

/// Rows of a (field, value, note) table.
#[derive(Debug, Default)]
pub struct Fields(Vec<Vec<String>>);

impl Fields {
    /// A field without a note.
    pub fn add(&mut self, field: &str, value: impl ToString) {
        self.note(field, value, "");
    }

    /// A field.
    pub fn note(&mut self, field: &str, value: impl ToString, note: impl AsRef<str>) {
        self.0.push(vec![escape(field), escape(&value.to_string()), escape(note.as_ref())]);
    }

    /// A field that may be absent.
    pub fn maybe(&mut self, field: &str, value: Option<impl ToString>, note: &str) {
        if let Some(v) = value {
            self.note(field, v, note);
        }
    }

    /// The table; empty without rows.
    #[must_use]
    pub fn table(self, width: Option<u16>) -> String {
        if self.0.is_empty() { String::new() } else { text::table(width, &["Field", "Value", "Note"], &[], self.0) }
    }
}

/// A block for people.
#[must_use]
pub fn text(block: &Block, width: Option<u16>, paint: Paint) -> String {
    let mut out = header_fields(block).table(width);
    if let Some(list) = &block.extents {
        out.push_str(&format!("\n{}\n", paint.head("Extents")));
        let rows = list.extents.iter().map(|e| vec![grouped(e.offset), grouped(e.size)]).collect();
        out.push_str(&text::table(width, &["Offset", "Size"], &[0, 1], rows));
    }
    if !block.cells.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("Cells")));
        out.push_str(&cell_table(&block.cells, width));
    }
    out + &remarks(&block.problems, &block.notes, paint)
}

fn header_fields(block: &Block) -> Fields {
    let mut f = Fields::default();
    let list = |names: &[String]| if names.is_empty() { "none".to_string() } else { names.join(", ") };
    let form = match block.form {
        Some("classic") => "block of a classic file",
        Some("delta") => "disaggregated delta",
        Some(_) => "disaggregated base image",
        None => "unreadable",
    };
    f.note("form", form, block.era.map(|e| format!("header layout {e}")).unwrap_or_default());
    f.add("stored bytes", grouped(block.stored_bytes as u64));
    if let Some(h) = &block.page_header {
        f.note("type", &h.page_type, h.type_byte.to_string());
        if h.recno != 0 {
            f.add("record number", h.recno);
        }
        f.add("write generation", h.write_gen);
        f.note("mem_size", grouped(h.mem_size.into()), "bytes of the plain image, headers included");
        f.add("entries", h.entries);
        f.note("page flags", list(&h.flag_names), format!("{:#04x}", h.flags));
        f.add("page version", h.version);
    }
    match &block.block_header {
        Some(BlockHeaderInfo::Disaggregated {
            magic,
            version,
            compatible_version,
            header_size,
            previous_checksum,
            flags,
            flag_names,
            reconciliation_id,
        }) => {
            f.add("magic", magic);
            f.note("block version", version, format!("readable from {compatible_version} on"));
            f.add("header size", header_size);
            f.note("block flags", list(flag_names), format!("{flags:#04x}"));
            f.maybe("reconciliation id", *reconciliation_id, "");
            f.note("previous checksum", previous_checksum, "of the block before this one");
        }
        Some(BlockHeaderInfo::Classic { disk_size, flags, flag_names }) => {
            f.add("disk size", grouped((*disk_size).into()));
            f.note("block flags", list(flag_names), format!("{flags:#04x}"));
        }
        None => {}
    }
    if let Some(c) = &block.checksum {
        let verdict = if c.holds { "holds".to_string() } else { format!("WRONG, computed {}", c.computed) };
        f.note("checksum", c.stored, format!("{verdict}; over {} bytes", grouped(c.covers as u64)));
    }
    f.maybe("content", block.content, block.compressor.unwrap_or_default());
    f.maybe("data offset", block.data_offset, "");
    f.maybe("item bytes", block.item_bytes, "");
    f.maybe("item", block.item.as_ref(), "");
    if let Some(list) = &block.extents {
        f.note("extents", list.total, format!("{} bytes", grouped(list.bytes)));
        if let Some(r) = &list.recovery {
            f.note("recovery data", format!("generation {}", r.generation), "write generation of the checkpoint + 1");
            f.add("recovery file size", grouped(r.file_size));
            f.note("recovery texts", format!("{} + {} bytes", r.metadata_bytes, r.checkpoint_list_bytes), "not shown");
            let root = r.checkpoint.as_ref().and_then(|c| c.root);
            f.maybe("recovery root", root, "");
        }
    } else if block.form.is_some() {
        f.add("cells", block.cells_total);
    }
    f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_dates() {
        for (seconds, want) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (68_169_599, "1972-02-28 23:59:59 UTC"),
            (68_169_600, "1972-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_230_767_999, "2008-12-31 23:59:59 UTC"),
            (0x69e2_9c5b, "2026-04-17 20:47:23 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (u64::from(u32::MAX), "2106-02-07 06:28:15 UTC"),
        ] {
            assert_eq!(utc(seconds), want);
        }
    }

    #[test]
    fn only_plausible_numbers_are_times() {
        assert_eq!(time_hint(7_629_832_633_374_999_104).unwrap(), "2026-04-17 20:47:23 UTC, counter 576");
        assert_eq!(time_hint(7_625_638_039_464_706_519).unwrap(), "2026-04-06 13:30:13 UTC, counter 471");
        assert_eq!([0, 1050, 1 << 32, TS_MAX].map(time_hint), [None, None, None, None]);
    }

    #[test]
    fn june_2025_deltas() {
        let mut header = vec![0; 8];
        let cells: &[u8] = b"\x02\x90\x81\x82kvv\x40\x81d";
        header.extend((36 + cells.len() as u32).to_le_bytes());
        header.extend([3, 0, 0, 0, 0, 7, 0, 0]);
        header.extend([0xdd, 1, 1, 36]);
        header.extend([0; 8]);
        header.extend([5, 1, 0, 0]);
        header.extend(cells);
        let sum = crate::format::crc::crc32c_zeroed(&header, 24);
        header[24..28].copy_from_slice(&sum.to_le_bytes());
        let shown = block(&header, &View { show: Show::Bson, ..View::default() });
        assert_eq!(shown.problems, []);
        assert_eq!((shown.form, shown.era, shown.cells_total), (Some("delta"), Some("2025-06"), 3));
        let actions: Vec<_> = shown.cells.iter().map(|c| c.change.map(|c| c.action)).collect();
        assert_eq!(actions, [Some("update"), None, Some("delete")]);
        assert_eq!(shown.cells[1].times.unwrap().to_string(), "start 16");
        assert_eq!(shown.cells[2].data.as_deref(), Some("\"d\""));
    }
}
