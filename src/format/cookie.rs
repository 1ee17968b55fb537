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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
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
                "address cookie version {version}, readable from version {version_min} on"
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

#[cfg(test)]
mod tests {
    use super::super::Class;
    use super::*;
    use proptest::prelude::*;

    fn decode(hex: &str) -> Result<Cookie> {
        Cookie::decode(&hex::decode(hex).unwrap())
    }

    #[test]
    fn vectors_of_14_2() {
        for (hex, page, flags, lsn, base, size, sum) in [
            ("00c025808282bd21596019", 101, 0, 2, 0, 61, 0x1960_5921),
            ("00c025808484bd3d981d30", 101, 0, 4, 0, 61, 0x301d_983d),
            ("00c025808484bd1dbd547c", 101, 0, 4, 0, 61, 0x7c54_bd1d),
            (
                "00e311fbdc80e869e29c5affffe200e869e29c5affffe200c081e7fcf957",
                1_186_844,
                0,
                7_629_832_633_374_999_104,
                0,
                193,
                0x57f9_fce7,
            ),
            (
                "00c09880e869252cb0ffffdfc5e869252cb0ffffdfc5c00a5d4a4c25",
                216,
                0,
                7_576_511_086_841_561_093,
                0,
                74,
                0x254c_4a5d,
            ),
            ("00d05281c3dab2d34844332211", 4242, 1, 1050, 1000, 5000, 0x1122_3344),
            ("00c02680c00dc00dc1c0efbeadde", 102, 0, 77, 0, 512, 0xdead_beef),
            ("00c026809494c013f56b071c", 102, 0, 20, 0, 83, 0x1c07_6bf5),
            ("00c026819985c05a3e0079df", 102, 1, 25, 20, 154, 0xdf79_003e),
            ("00c025819e88c055357daac8", 101, 1, 30, 22, 149, 0xc8aa_7d35),
        ] {
            let c = decode(hex).unwrap();
            assert_eq!(
                (c.layout, c.page_id, c.flags, c.lsn, c.base_lsn, c.size, c.checksum),
                (Layout::V0, PageId(page), flags, Lsn(lsn), Lsn(base), size, sum),
                "{hex}"
            );
            c.check_consistency().unwrap();
            assert_eq!(hex::encode(c.encode()), hex);
        }
    }

    #[test]
    fn negative_and_forward_cases_of_14_2() {
        for (hex, class) in [
            ("00c02680c00dc00dc1c0efbeadde85", Class::Invalid),
            ("11c02680c00dc00dc1c0efbeadde", Class::Unsupported),
            ("00c02680c00dc00d8001020304", Class::Invalid),
            ("008080c00dc00d8501020304", Class::Invalid),
            ("00c02680c00dc00e8501020304", Class::Invalid),
            ("00c02680c00dc00dc1c0efbead", Class::Invalid),
            ("", Class::Invalid),
            ("00", Class::Invalid),
        ] {
            assert_eq!(decode(hex).unwrap_err().class, class, "{hex}");
        }
        let newer = decode("01c02680c00dc00dc1c0efbeadde85").unwrap();
        assert_eq!((newer.version, newer.version_min, newer.trailing, newer.size), (1, 0, 1, 512));
        let flagged = decode("00c02682c00dc00d850102030489").unwrap();
        assert_eq!((flagged.flags, flagged.unknown_flags, flagged.trailing, flagged.size), (0, 2, 1, 5));
    }

    #[test]
    fn older_layouts_of_14_2() {
        let l1 = decode("87c1c0e4dead9eaf").unwrap();
        assert_eq!((l1.layout, l1.page_id, l1.size, l1.checksum), (Layout::L1, PageId(7), 512, 0xdead_beef));
        let l2 = decode("c0268481c1c0e4dead9eaf").unwrap();
        assert_eq!(
            (l2.layout, l2.page_id, l2.checkpoint_id, l2.reconciliation_id),
            (Layout::L2, PageId(102), Some(4), Some(1))
        );
        let l3 = decode("c026c00d8481c1c0e4dead9eaf").unwrap();
        assert_eq!(
            (l3.layout, l3.page_id, l3.lsn, l3.size, l3.checksum),
            (Layout::L3, PageId(102), Lsn(77), 512, 0xdead_beef)
        );
        assert_eq!((l3.checkpoint_id, l3.reconciliation_id, l3.is_delta()), (Some(4), Some(1), None));
        assert!(decode("808080808080").unwrap().is_none());
        assert!(decode("80808080").is_err());
        for hex in ["87c1c0e4dead9eaf", "c0268481c1c0e4dead9eaf", "c026c00d8481c1c0e4dead9eaf"] {
            assert_eq!(hex::encode(decode(hex).unwrap().encode()), hex);
        }
    }

    #[test]
    fn disagreeing_fields_are_inconsistent() {
        let mut c = Cookie::new(PageId(100), Lsn(50), Lsn(40), 10, 1);
        c.check_consistency().unwrap();
        c.flags = 0;
        assert!(c.check_consistency().is_err());
        assert!(Cookie::new(PageId(100), Lsn(50), Lsn(50), 10, 1).check_consistency().is_err());
    }

    proptest! {
        #[test]
        fn version_0_round_trip(page in 1_u64.., lsn in 1_u64.., base: u64, size in 1_u32.., sum: u32) {
            let c = Cookie::new(PageId(page), Lsn(lsn), Lsn(base % lsn), size, sum);
            prop_assert_eq!(Cookie::decode(&c.encode()).unwrap(), c);
        }

        #[test]
        fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Cookie::decode(&bytes);
        }
    }
}
