//! The disaggregated address cookie: version 0 and the older layouts L1 to L3.
//!
//! A cookie names one page version. It stands in address cells of internal pages and, as hex text,
//! in the `addr=` of a checkpoint entry.

use super::reader::Reader;
use super::{FormatError, Result, int};
use crate::id::{Lsn, PageId};

/// Highest cookie version this reader knows.
pub const VERSION: u64 = 0;
/// Longest cookie the engine can hold (02).
pub const MAX_LEN: usize = 255;
/// Flag: the newest block of the page is a delta.
pub const FLAG_DELTA: u64 = 0x1;

/// Which layout a cookie was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub enum Layout {
    /// October 2024: id, size, checksum.
    L1,
    /// October 2024: page id, checkpoint id, reconciliation id, size, checksum.
    L2,
    /// January to mid 2025: page id, LSN, checkpoint id, reconciliation id, size, checksum.
    L3,
    /// Autumn 2025 on: version pair, page id, flags, LSN, base difference, size, fixed checksum.
    V0,
}

/// A decoded address cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// The layout it was written in.
    pub layout: Layout,
    /// Writer version; 0 for the older layouts.
    pub version: u64,
    /// Minimum reader version; 0 for the older layouts.
    pub version_min: u64,
    /// Page id; 0 only in the invalid address of the older layouts.
    pub page_id: PageId,
    /// Known flags only; unknown ones are dropped and reported by `unknown_flags`.
    pub flags: u64,
    /// Flag bits this reader does not know.
    pub unknown_flags: u64,
    /// LSN of the newest block of the page; 0 where the layout has none.
    pub lsn: Lsn,
    /// LSN of the full image; 0 if the newest block is the full image, or the layout does not say.
    pub base_lsn: Lsn,
    /// Size in bytes; 0 only in the invalid address of the older layouts.
    pub size: u32,
    /// Checksum in the newest block's header.
    pub checksum: u32,
    /// Checkpoint id, L2 and L3.
    pub checkpoint_id: Option<u64>,
    /// Reconciliation id, L2 and L3.
    pub reconciliation_id: Option<u64>,
    /// Bytes after the known fields that a newer writer added.
    pub trailing: usize,
}

impl Cookie {
    /// A version 0 cookie; `base_lsn` 0 for a full image.
    pub fn new(page_id: PageId, lsn: Lsn, base_lsn: Lsn, size: u32, checksum: u32) -> Self {
        Self {
            layout: Layout::V0,
            version: VERSION,
            version_min: VERSION,
            page_id,
            flags: if base_lsn == 0 { 0 } else { FLAG_DELTA },
            unknown_flags: 0,
            lsn,
            base_lsn,
            size,
            checksum,
            checkpoint_id: None,
            reconciliation_id: None,
            trailing: 0,
        }
    }

    /// Decode a cookie, detecting its layout.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes.first() {
            None => Err(FormatError::invalid("cookie is empty")),
            Some(_) if bytes.len() > MAX_LEN => {
                Err(FormatError::invalid(format!("cookie of {} bytes is longer than {MAX_LEN}", bytes.len())))
            }
            // A vuint of 0 or more starts at 0x80; a version pair in use stays below.
            Some(first) if *first < 0x80 => Self::decode_v0(bytes),
            Some(_) => Self::decode_old(bytes),
        }
    }

    fn decode_v0(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let (version, version_min) = int::read_nibble_pair(&mut r)?;
        if version_min > VERSION {
            return Err(FormatError::unsupported(format!(
                "address cookie version {version}, readable by version {version_min} and later"
            )));
        }
        let page_id = r.vuint()?;
        let raw_flags = r.vuint()?;
        let lsn = r.vuint()?;
        let difference = r.vuint()?;
        let size = r.vuint()?;
        let checksum = r.u32le()?;
        let base_lsn = lsn.checked_sub(difference).ok_or_else(|| {
            FormatError::invalid(format!("cookie base difference {difference} exceeds its LSN {lsn}"))
        })?;
        if page_id == 0 {
            return Err(FormatError::invalid("cookie has page id 0"));
        }
        if size == 0 {
            return Err(FormatError::invalid("cookie has size 0"));
        }
        let size = u32::try_from(size)
            .map_err(|_| FormatError::invalid(format!("cookie size {size} does not fit 32 bits")))?;
        let unknown_flags = raw_flags & !FLAG_DELTA;
        let known = !(VERSION + 1..).contains(&version);
        if known && unknown_flags == 0 && !r.is_empty() {
            return Err(FormatError::invalid(format!("cookie has {} bytes too many", r.remaining())));
        }
        Ok(Self {
            layout: Layout::V0,
            version,
            version_min,
            page_id: PageId(page_id),
            flags: raw_flags & FLAG_DELTA,
            unknown_flags,
            lsn: Lsn(lsn),
            base_lsn: Lsn(base_lsn),
            size,
            checksum,
            checkpoint_id: None,
            reconciliation_id: None,
            trailing: r.remaining(),
        })
    }

    fn decode_old(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
        let mut fields = [0_u64; 6];
        let mut count = 0_usize;
        while !r.is_empty() {
            let slot = fields
                .get_mut(count)
                .ok_or_else(|| FormatError::invalid("cookie has more than six integers and no version byte"))?;
            *slot = r.vuint()?;
            count += 1;
        }
        let [a, b, c, d, e, f] = fields;
        let (layout, page_id, lsn, checkpoint, reconciliation, size, checksum) = match count {
            3 => (Layout::L1, a, 0, None, None, b, c),
            5 => (Layout::L2, a, 0, Some(b), Some(c), d, e),
            6 => (Layout::L3, a, b, Some(c), Some(d), e, f),
            n => {
                return Err(FormatError::invalid(format!(
                    "cookie without version byte has {n} integers, not 3, 5 or 6"
                )));
            }
        };
        let narrow = |what: &str, v: u64| {
            u32::try_from(v).map_err(|_| FormatError::invalid(format!("cookie {what} {v} does not fit 32 bits")))
        };
        let size = narrow("size", size)?;
        if page_id == 0 && size != 0 {
            return Err(FormatError::invalid("cookie has page id 0"));
        }
        Ok(Self {
            layout,
            version: 0,
            version_min: 0,
            page_id: PageId(page_id),
            flags: 0,
            unknown_flags: 0,
            lsn: Lsn(lsn),
            base_lsn: Lsn::NONE,
            size,
            checksum: narrow("checksum", checksum)?,
            checkpoint_id: checkpoint,
            reconciliation_id: reconciliation,
            trailing: 0,
        })
    }

    /// Encode. Trailing bytes of newer writers are not kept; everything else round-trips.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        match self.layout {
            Layout::V0 => {
                int::write_nibble_pair(&mut out, self.version, self.version_min);
                int::write_vuint(&mut out, self.page_id.get());
                int::write_vuint(&mut out, self.flags | self.unknown_flags);
                int::write_vuint(&mut out, self.lsn.get());
                int::write_vuint(&mut out, self.lsn.get().saturating_sub(self.base_lsn.get()));
                int::write_vuint(&mut out, u64::from(self.size));
                out.extend_from_slice(&self.checksum.to_le_bytes());
            }
            Layout::L1 | Layout::L2 | Layout::L3 => {
                int::write_vuint(&mut out, self.page_id.get());
                if self.layout == Layout::L3 {
                    int::write_vuint(&mut out, self.lsn.get());
                }
                if self.layout != Layout::L1 {
                    int::write_vuint(&mut out, self.checkpoint_id.unwrap_or(0));
                    int::write_vuint(&mut out, self.reconciliation_id.unwrap_or(0));
                }
                int::write_vuint(&mut out, u64::from(self.size));
                int::write_vuint(&mut out, u64::from(self.checksum));
            }
        }
        out
    }

    /// The "no address" marker of the older layouts. Version 0 has none.
    pub fn is_none(&self) -> bool {
        self.size == 0
    }

    /// Whether the newest block is a delta; `None` where the layout does not say.
    pub fn is_delta(&self) -> Option<bool> {
        (self.layout == Layout::V0).then_some(self.flags & FLAG_DELTA != 0)
    }

    /// Checks beyond the engine's own: the fields must agree with each other.
    pub fn check_consistency(&self) -> Result<()> {
        if self.layout != Layout::V0 {
            return Ok(());
        }
        let delta = self.flags & FLAG_DELTA != 0;
        if delta != (self.base_lsn != 0) {
            return Err(FormatError::invalid(format!(
                "cookie of page {} has delta flag {} and base LSN {}",
                self.page_id,
                u8::from(delta),
                self.base_lsn
            )));
        }
        if self.base_lsn >= self.lsn {
            return Err(FormatError::invalid(format!(
                "cookie of page {} has base LSN {} not below its LSN {}",
                self.page_id, self.base_lsn, self.lsn
            )));
        }
        Ok(())
    }
}

impl std::fmt::Display for Cookie {
    /// The printable form of the newest builds, or the one of June 2025 for older layouts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.layout {
            Layout::V0 => write!(
                f,
                "[{}, {:#x}, {}, {}, {}, {:#010x}]",
                self.page_id, self.flags, self.lsn, self.base_lsn, self.size, self.checksum
            ),
            _ => write!(
                f,
                "[{}, {}, {}, {}, {}, {}]",
                self.page_id,
                self.lsn,
                self.checkpoint_id.unwrap_or(0),
                self.reconciliation_id.unwrap_or(0),
                self.size,
                self.checksum
            ),
        }
    }
}
