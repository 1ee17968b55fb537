//! What makes a cause surer than its line alone: the bytes that were dumped, the numbers in the line.

use super::pickup::StepFound;
use super::versions::Versions;
use super::{DumpJudged, Found};
use crate::decode::judge::Verdict as Judged;
use crate::serverlog::cause::{Cause, Sure};
use crate::serverlog::place::FileKind;
use serde::Serialize;

/// The page type of extent lists.
const BLOCK_MANAGER: u8 = 1;

/// Something that tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "what", content = "value")]
pub enum Evidence {
    /// The dumped bytes are a block that is whole, and not the expected one.
    AnotherBlock,
    /// The header in the dumped bytes is one that a block has; not all bytes are there.
    HeaderOfABlock,
    /// No block begins in the dumped bytes.
    MiddleOfSomething,
    /// The dumped bytes are zeros.
    Zeros,
    /// One bit of the dumped bytes is wrong.
    OneBit,
    /// The header in the dumped bytes is that of a page of rows.
    PageOfRows,
    /// The dumped bytes are the expected block.
    DumpIsSound,
    /// Found and expected checksum differ by the same amount in each byte that differs: text that another key made.
    ShiftedChecksum,
    /// The checksum that was found is text: another block, or the middle of one, lies there.
    ChecksumIsText(String),
    /// Both numbers stand in the line: what was persisted, and what was committed.
    BothNumbers(u64, u64),
    /// The step of the pick-up that failed.
    PickupStep(StepFound),
    /// What the versions in the line are.
    Versions(Versions),
    /// The files that do not fit each other.
    Files(Vec<String>),
}

/// Weigh what the log has beside the line: it may name another cause.
pub fn weigh(found: &mut Found) {
    if found.cause == Cause::DisKeyStale
        && let (Some(persisted), Some(committed)) = (found.place.lsn, found.place.other_lsn)
    {
        found.evidence.push(Evidence::BothNumbers(persisted, committed));
    }
    if let Some(sum) = found.place.found_checksum {
        let bytes = sum.to_le_bytes();
        if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
            found.evidence.push(Evidence::ChecksumIsText(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let bit = found.dump.as_ref().is_some_and(|d| d.verdict == Judged::FlippedBit);
    if found.place.kind == Some(FileKind::Metadata)
        && matches!(found.cause, Cause::BlockChecksumHeader | Cause::TurtleStale)
        && !bit
        && found.dump.as_ref().is_some_and(|d| d.plausible)
        && shifted(found)
    {
        found.evidence.push(Evidence::ShiftedChecksum);
        (found.cause, found.certainty) = (Cause::EncOtherKey, Sure::Medium);
        return;
    }
    match found.dump.clone() {
        Some(dump) => by_dump(found, &dump),
        None if found.cause == Cause::MetadataExtentList => found.certainty = Sure::Medium,
        None => {}
    }
}

/// Whether the two checksums differ by one and the same amount in each byte that differs, and in more than a bit:
/// hexadecimal digits of an address, turned by another key.
fn shifted(found: &Found) -> bool {
    let (Some(is), Some(should)) = (found.place.found_checksum, found.place.expected_checksum) else { return false };
    let mut shifts: Vec<u8> = is
        .to_be_bytes()
        .iter()
        .zip(should.to_be_bytes())
        .map(|(a, b)| b.wrapping_sub(*a))
        .filter(|d| *d != 0)
        .collect();
    shifts.dedup();
    shifts.len() == 1 && (is ^ should).count_ones() > 1
}

fn by_dump(found: &mut Found, dump: &DumpJudged) {
    let metadata = found.place.kind == Some(FileKind::Metadata);
    let header = matches!(found.cause, Cause::BlockChecksumHeader | Cause::TurtleStale);
    let page = dump.page_type.filter(|_| dump.plausible || dump.verdict == Judged::FlippedBit);
    match (found.cause, page) {
        // A page of rows, and no list of free space.
        (Cause::MetadataExtentList, Some(page)) if page != BLOCK_MANAGER => {
            found.cause = Cause::BlockChecksumContent;
            found.evidence.push(Evidence::PageOfRows);
        }
        (Cause::MetadataExtentList, None) => found.certainty = Sure::Medium,
        _ => {}
    }
    match dump.verdict {
        Judged::Zeros => {
            found.evidence.push(Evidence::Zeros);
            if header {
                (found.cause, found.certainty) = (Cause::BlockZeros, Sure::High);
            }
        }
        Judged::FlippedBit | Judged::ChecksumField | Judged::SizeField => {
            found.evidence.push(Evidence::OneBit);
            if found.cause == Cause::TurtleStale {
                found.cause = Cause::MetadataExtentList;
            } else if header {
                found.cause = Cause::BlockChecksumContent;
            }
            found.certainty = Sure::High;
        }
        Judged::OtherBlock => {
            found.evidence.push(Evidence::AnotherBlock);
            if header {
                found.cause = if metadata { Cause::TurtleStale } else { found.cause };
                found.certainty = Sure::High;
            }
        }
        Judged::Sound => found.evidence.push(Evidence::DumpIsSound),
        Judged::NotABlock => found.evidence.push(Evidence::MiddleOfSomething),
        Judged::Unknown if header && dump.plausible => found.evidence.push(Evidence::HeaderOfABlock),
        Judged::Unknown if header => found.evidence.push(Evidence::MiddleOfSomething),
        Judged::Unknown | Judged::ZeroSectors | Judged::ForeignData | Judged::Damaged => {}
    }
}
