//! `decode --from-log`: the dumps of corrupt blocks that a server log holds, judged.

use super::block::{self, Block};
use super::judge::{self, Evidence, Judgement, Verdict};
use super::view::{Sum, View};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::block_dump::{Comparison, Dump, Log, ReadError};
use crate::format::local::ALLOCATION_SIZES;
use crate::words::text::grouped;
use serde::Serialize;

/// Most read errors without a dump that are listed.
const LISTED_ERRORS: usize = 100;
/// The default allocation size, and the largest one that is guessed.
const USUAL_ALLOC: u32 = 4096;

/// What a log holds.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LogReport {
    /// Version of this schema.
    pub schema_version: u32,
    /// `dumps`.
    pub kind: &'static str,
    /// The log as it was named.
    pub log: String,
    /// Its lines.
    pub lines: u64,
    /// The dumps in the order of the log.
    pub dumps: Vec<DumpReport>,
    /// Checksum errors whose dump is not in the log, the first `LISTED_ERRORS` of them.
    pub errors_without_dump: Vec<ErrorInfo>,
    /// Chunks whose address does not read.
    pub unread_chunks: u64,
    /// Chunks that were too many to hold.
    pub dropped_chunks: u64,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// A line that reports a checksum error.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ErrorInfo {
    /// The file.
    pub file: Option<String>,
    /// First byte of the block.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// `header` or `computed`: which checksum was not the expected one.
    pub comparison: &'static str,
    /// That checksum.
    pub found: Option<Sum>,
    /// Line of the log.
    pub line: u64,
}

impl From<&ReadError> for ErrorInfo {
    fn from(e: &ReadError) -> Self {
        Self {
            file: e.file.clone(),
            offset: e.offset,
            size: e.size,
            comparison: match e.comparison {
                Comparison::Header => "header",
                Comparison::Computed => "computed",
            },
            found: e.found.map(Sum),
            line: e.line,
        }
    }
}

/// The first and the last chunk of a range.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct Chunks {
    /// First.
    pub first: u32,
    /// Last.
    pub last: u32,
}

/// One dump.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct DumpReport {
    /// The file, if the log names it.
    pub file: Option<String>,
    /// Object id, tiered storage only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
    /// First byte of the block in the file.
    pub offset: u64,
    /// Bytes of the block.
    pub size: u32,
    /// The checksum it should have.
    pub expected_checksum: Sum,
    /// The checksum error before it.
    pub error: Option<ErrorInfo>,
    /// Line of the log where it begins.
    pub line: u64,
    /// How often the log has it.
    pub times: u32,
    /// Chunks of the whole block.
    pub chunks: u32,
    /// Every byte is there.
    pub complete: bool,
    /// Chunks that are not there.
    pub missing: Vec<Chunks>,
    /// Chunks of which only the beginning is there.
    pub cut: Vec<Chunks>,
    /// Bytes that are there.
    pub bytes: usize,
    /// What happened to the block.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The block decoded, where it is one.
    pub block: Option<Block>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// Judge what a log holds. `alloc` is the allocation size, where it is known.
pub fn log(name: &str, log: &Log, view: &View, alloc: Option<u32>) -> LogReport {
    let mut notes = Vec::new();
    if log.dropped > 0 {
        notes.push(format!("{} chunks were too many to hold in memory", grouped(log.dropped)));
    }
    if log.unread > 0 {
        notes.push(format!("{} chunks have an address of an unknown form and were not read", grouped(log.unread)));
    }
    if log.errors.len() > LISTED_ERRORS {
        notes.push(format!("only the first {LISTED_ERRORS} of {} errors without a dump are listed", log.errors.len()));
    }
    LogReport {
        schema_version: SCHEMA_VERSION,
        kind: "dumps",
        log: name.to_string(),
        lines: log.lines,
        dumps: log.dumps.iter().map(|d| dump(d, view, alloc)).collect(),
        errors_without_dump: log.errors.iter().take(LISTED_ERRORS).map(ErrorInfo::from).collect(),
        unread_chunks: log.unread,
        dropped_chunks: log.dropped,
        notes,
    }
}

fn chunks(ranges: &[(u32, u32)]) -> Vec<Chunks> {
    ranges.iter().map(|(first, last)| Chunks { first: *first, last: *last }).collect()
}

fn dump(dump: &Dump, view: &View, alloc: Option<u32>) -> DumpReport {
    let address = dump.address;
    let parts = dump.parts();
    let borrowed: Vec<(usize, &[u8])> = parts.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
    let comparison = dump.error.as_ref().map(|e| e.comparison);
    let mut judgement = judge::judge(&Evidence {
        parts: &borrowed,
        size: address.size as usize,
        offset: address.offset,
        expected: Some(address.checksum),
        cleared: comparison.map(|c| c == Comparison::Computed),
    });
    let mut notes = std::mem::take(&mut judgement.notes);
    if judgement.verdict == Verdict::Sound {
        judgement.judgement = "the bytes in the log are the expected block: what was wrong is not in them".to_string();
    }
    if let (Some(found), Some(computed), Some(Comparison::Computed)) =
        (dump.error.as_ref().and_then(|e| e.found), judgement.computed, comparison)
        && found != computed.0
    {
        notes.push(format!(
            "the engine computed {} over what it read, these bytes have {computed}: the log does not have what was read",
            Sum(found)
        ));
    }
    let head = borrowed.first().filter(|(at, _)| *at == 0).map(|(_, bytes)| *bytes);
    // The fields of what is no header would only mislead; those with one wrong bit are worth seeing.
    let readable = judgement.plausible || judgement.flipped_bit.is_some() || judgement.verdict == Verdict::SizeField;
    let block = head.filter(|_| readable).map(|head| {
        let alloc = alloc.unwrap_or_else(|| usual_alloc(address.offset, address.size));
        decoded(head, &judgement, address.checksum, dump.is_complete(), &View { alloc, ..*view })
    });
    DumpReport {
        file: dump.error.as_ref().and_then(|e| e.file.clone()),
        object: Some(address.object).filter(|o| *o != 0),
        offset: address.offset,
        size: address.size,
        expected_checksum: Sum(address.checksum),
        error: dump.error.as_ref().map(ErrorInfo::from),
        line: dump.line,
        times: dump.times(),
        chunks: dump.chunks_total,
        complete: dump.is_complete(),
        missing: chunks(&dump.missing()),
        cut: chunks(&dump.cut()),
        bytes: parts.iter().map(|(_, bytes)| bytes.len()).sum(),
        judgement,
        block,
        notes,
    }
}

/// The largest allocation size up to the usual one that explains offset and size.
fn usual_alloc(offset: u64, size: u32) -> u32 {
    let common = (offset | u64::from(size)).trailing_zeros();
    let alloc = 1_u32.checked_shl(common).unwrap_or(USUAL_ALLOC);
    alloc.clamp(*ALLOCATION_SIZES.start(), USUAL_ALLOC)
}

/// A block decoded as far as it is there, with the checksum the engine cleared put back.
fn decoded(head: &[u8], judgement: &Judgement, expected: u32, complete: bool, view: &View) -> Block {
    const FIELD: std::ops::Range<usize> = 32..36;
    let mut bytes = head.to_vec();
    if judgement.cleared
        && let Some(field) = bytes.get_mut(FIELD)
    {
        field.copy_from_slice(&expected.to_le_bytes());
    }
    let mut out = block::classic(&bytes, view);
    if !complete && judgement.verdict != Verdict::OtherBlock {
        // Checksum and cells of a part would be called wrong for what is merely missing.
        out.checksum = None;
        out.content = None;
        out.cells.clear();
        out.problems.clear();
        out.notes.clear();
    }
    out
}
