//! Address cookies and checkpoint cookies as documents.

use super::view::{Addresses, Problem, Sum, time_hint};
use crate::format::Result;
use crate::format::cookie::{self, Cookie, Layout};
use crate::format::local::{LocalAddress, LocalCheckpoint};
use crate::format::pagelog_ids::FIRST_PAGE_ID;
use crate::id::{Lsn, PageId};
use serde::Serialize;

/// A disaggregated address cookie.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CookieInfo {
    /// `v0`, `L1`, `L2` or `L3`.
    pub layout: &'static str,
    /// Writer version, v0 only.
    pub version: Option<u64>,
    /// Minimum reader version, v0 only.
    pub version_min: Option<u64>,
    /// Page id.
    pub page_id: PageId,
    /// Flags in words, v0 only.
    pub flags: Vec<&'static str>,
    /// Flag bits without a meaning here.
    pub unknown_flags: u64,
    /// LSN of the newest block; `None` where the layout has none.
    pub lsn: Option<Lsn>,
    /// The LSN as a time, where it looks like one.
    pub lsn_time: Option<String>,
    /// LSN of the full image, 0 if the newest block is the full image; v0 only.
    pub base_lsn: Option<Lsn>,
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

    pub(super) fn new(c: &Cookie, raw: &[u8]) -> Self {
        let v0 = c.layout == Layout::V0;
        let mut notes = Vec::new();
        let known = raw.len().saturating_sub(c.trailing);
        if raw.get(..known) != Some(c.encode().as_slice()) {
            notes.push("not in canonical form: an integer takes more bytes than it needs".to_string());
        }
        if c.trailing > 0 {
            notes.push(format!("{} bytes after the known fields, from a newer writer", c.trailing));
        }
        if c.unknown_flags != 0 {
            notes.push(format!("unknown flags {:#x}, which a reader ignores", c.unknown_flags));
        }
        if v0 && c.version > cookie::VERSION {
            notes.push(format!("version {}, readable by version {} and later", c.version, c.version_min));
        }
        if let Err(e) = c.check_consistency() {
            notes.push(e.message);
        }
        if c.is_none() {
            notes.push("size 0: no address".to_string());
        } else if c.page_id < FIRST_PAGE_ID {
            notes.push(format!("page {} is not a tree page: those start at {FIRST_PAGE_ID}", c.page_id));
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
            lsn_time: lsn.and_then(|l| time_hint(l.get())),
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
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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

/// One cookie.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CookieReport {
    /// The bytes, in hexadecimal.
    pub input: String,
    /// The fields.
    pub cookie: Option<AnyCookie>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
}

/// A checkpoint cookie.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CheckpointReport {
    /// `classic`, `disaggregated`, or `empty`; `None` if it is neither.
    pub form: Option<&'static str>,
    /// The classic fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointInfo>,
    /// The root's cookie of a disaggregated checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieInfo>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// Decode address cookies.
pub fn cookies(inputs: &[Vec<u8>], addresses: Addresses) -> Vec<CookieReport> {
    inputs
        .iter()
        .map(|raw| {
            let (cookie, problems) = match AnyCookie::decode(raw, addresses) {
                Ok(c) => (Some(c), Vec::new()),
                Err(e) => (None, vec![e.into()]),
            };
            CookieReport { input: hex::encode(raw), cookie, problems }
        })
        .collect()
}

/// Decode a checkpoint cookie; in disaggregated storage that is the root's address cookie.
pub fn checkpoint(raw: &[u8], alloc: u32) -> CheckpointReport {
    let mut out =
        CheckpointReport { form: None, checkpoint: None, cookie: None, problems: Vec::new(), notes: Vec::new() };
    if raw.is_empty() {
        out.form = Some("empty");
        out.notes.push("a checkpoint without a root: the tree is empty".to_string());
        return out;
    }
    match (CheckpointInfo::decode(raw, alloc), CookieInfo::decode(raw)) {
        (Ok(c), _) => {
            out.form = Some("classic");
            out.checkpoint = Some(c);
        }
        (Err(_), Ok(c)) => {
            out.form = Some("disaggregated");
            out.cookie = Some(c);
            out.notes.push(
                "not a classic checkpoint cookie: in disaggregated storage it is the address cookie of the root".into(),
            );
        }
        // A classic cookie begins with its version, which is 1.
        (Err(classic), Err(other)) => out.problems.push(match raw.first() {
            Some(0 | 0x80..) => other.within("address cookie of a root").into(),
            _ => classic.into(),
        }),
    }
    out
}
