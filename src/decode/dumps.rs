//! `decode --from-log`: the dumps of corrupt blocks that a server log holds, judged.

use super::block::{self, Block};
use super::chains::{self, PageChain, Piece};
use super::judge::{self, Evidence, Judgement, Verdict};
use super::judge_image;
use super::view::{Sum, View};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::block_dump::{Dump, Log};
use crate::format::block_error::{Comparison, ReadError};
use crate::format::image::Image;
use crate::format::local::ALLOCATION_SIZES;
use crate::id::{Lsn, PageId};
use crate::words::text::grouped;
use serde::Serialize;

/// Most read errors without a dump that are listed.
const LISTED_ERRORS: usize = 100;
/// The default allocation size, and the largest one that is guessed.
const USUAL_ALLOC: u32 = 4096;

/// What a log holds.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
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
    /// Of blocks of a page log: the pages they make.
    pub pages: Vec<PageChain>,
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
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ErrorInfo {
    /// The file.
    pub file: Option<String>,
    /// First byte of the block; a block of a page log has none.
    pub offset: Option<u64>,
    /// The page, of a block of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_id: Option<PageId>,
    /// The LSN that was asked for, of a block of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn: Option<Lsn>,
    /// Bytes.
    pub size: u32,
    /// `header` or `computed`: which checksum was not the expected one; or `magic`.
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
            offset: e.lsn.is_none().then_some(e.offset),
            page_id: e.lsn.map(|_| PageId(e.offset)),
            lsn: e.lsn.map(Lsn),
            size: e.size,
            comparison: match e.comparison {
                Comparison::Header => "header",
                Comparison::Computed => "computed",
                Comparison::Magic => "magic",
            },
            found: e.found.map(Sum),
            line: e.line,
        }
    }
}

/// The first and the last chunk of a range.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Chunks {
    /// First.
    pub first: u32,
    /// Last.
    pub last: u32,
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// In a local file, at an offset.
    Local,
    /// In a page log, as a part of a page.
    PageLog,
}

/// One dump.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DumpReport {
    /// Where the block lies.
    pub storage: Storage,
    /// The file, if the log names it.
    pub file: Option<String>,
    /// The checkpoint whose file it is, if the log names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Object id, tiered storage only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<u64>,
    /// First byte of the block in the file; a block of a page log has none.
    pub offset: Option<u64>,
    /// The page, of a block of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_id: Option<PageId>,
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
        notes.push(format!("{} chunks have an address in an unknown form and were not read", grouped(log.unread)));
    }
    if log.errors.len() > LISTED_ERRORS {
        notes.push(format!("only the first {LISTED_ERRORS} of {} errors without a dump are listed", log.errors.len()));
    }
    let mut pieces = Vec::new();
    let mut dumps = Vec::with_capacity(log.dumps.len());
    for d in &log.dumps {
        let (report, piece) = dump(d, view, alloc);
        pieces.extend(piece.map(|piece| Piece { dump: dumps.len(), ..piece }));
        dumps.push(report);
    }
    LogReport {
        schema_version: SCHEMA_VERSION,
        kind: "dumps",
        log: name.to_string(),
        lines: log.lines,
        dumps,
        pages: chains::chains(&pieces, view),
        errors_without_dump: log.errors.iter().take(LISTED_ERRORS).map(ErrorInfo::from).collect(),
        unread_chunks: log.unread,
        dropped_chunks: log.dropped,
        notes,
    }
}

impl LogReport {
    /// Keep what is of some files and pages only.
    pub fn keep(&mut self, wanted: impl Fn(&Option<String>, Option<PageId>) -> bool) {
        let mut places = Vec::with_capacity(self.dumps.len());
        let mut kept: usize = 0;
        for d in &self.dumps {
            let keep = wanted(&d.file, d.page_id);
            places.push(keep.then_some(kept));
            kept = kept.saturating_add(usize::from(keep));
        }
        self.dumps.retain(|d| wanted(&d.file, d.page_id));
        self.errors_without_dump.retain(|e| wanted(&e.file, e.page_id));
        self.pages.retain(|p| wanted(&p.file, Some(p.page_id)));
        for block in self.pages.iter_mut().flat_map(|p| &mut p.blocks) {
            block.dump = places.get(block.dump).copied().flatten().unwrap_or_default();
        }
    }
}

fn chunks(ranges: &[(u32, u32)]) -> Vec<Chunks> {
    ranges.iter().map(|(first, last)| Chunks { first: *first, last: *last }).collect()
}

/// The file that a dump is of, and the checkpoint of it, where a data handle names one.
fn file(dump: &Dump) -> (Option<String>, Option<String>) {
    let named = dump.error.as_ref().and_then(|e| e.file.as_deref());
    let handle = dump.handle.as_deref();
    let cut = |name: &str| match name.split_once(".wt_stable/") {
        Some((table, checkpoint)) => (format!("{table}.wt_stable"), Some(checkpoint.to_string())),
        None => (name.to_string(), None),
    };
    match (named, handle.map(cut)) {
        // The message knows better than what its session was busy with.
        (Some(named), Some((file, checkpoint))) if file == named => (Some(file), checkpoint),
        (Some(named), _) => (Some(cut(named).0), cut(named).1),
        (None, Some((file, checkpoint))) if is_stable(&file) => (Some(file), checkpoint),
        (None, _) => (None, None),
    }
}

/// The name of a table's part that lies in the page log.
fn is_stable(file: &str) -> bool {
    file.ends_with(".wt_stable")
}

fn dump(dump: &Dump, view: &View, alloc: Option<u32>) -> (DumpReport, Option<Piece>) {
    let address = dump.address;
    let parts = dump.parts();
    let borrowed: Vec<(usize, &[u8])> = parts.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
    let comparison = dump.error.as_ref().map(|e| e.comparison);
    let evidence = Evidence {
        parts: &borrowed,
        size: address.size as usize,
        offset: address.offset,
        expected: Some(address.checksum),
        cleared: comparison.filter(|c| *c != Comparison::Magic).map(|c| c == Comparison::Computed),
    };
    let head = evidence.head();
    let (name, checkpoint) = file(dump);
    let of_page_log = judge_image::is_image(head)
        || dump.error.as_ref().is_some_and(|e| e.lsn.is_some())
        || name.as_deref().is_some_and(is_stable);
    let mut judgement = if of_page_log { judge_image::judge(&evidence) } else { judge::judge(&evidence) };
    let mut notes = std::mem::take(&mut judgement.notes);
    if judgement.verdict == Verdict::Sound && !of_page_log {
        judgement.judgement =
            "the bytes in the log are the expected block: whatever was wrong is not in them".to_string();
    }
    if let (Some(found), Some(computed), Some(Comparison::Computed)) =
        (dump.error.as_ref().and_then(|e| e.found), judgement.computed, comparison)
        && found != computed.0
    {
        notes.push(format!(
            "the engine computed {} over what it read, but these bytes give {computed}: the log does not have what was \
            read",
            Sum(found)
        ));
    }
    // The fields of what is no header would only mislead; those with one wrong bit are worth seeing.
    let readable = judgement.plausible || judgement.flipped_bit.is_some() || judgement.verdict == Verdict::SizeField;
    let block = Some(head).filter(|head| readable && !head.is_empty()).map(|head| {
        let alloc = alloc.unwrap_or_else(|| usual_alloc(address.offset, address.size));
        let view = View { alloc, ..*view };
        decoded(head, &judgement, address.checksum, (dump.is_complete(), of_page_log), &view)
    });
    if of_page_log && judgement.verdict == Verdict::Sound && block.as_ref().is_some_and(|b| !b.problems.is_empty()) {
        judgement.judgement = "the checksum is valid, but the content breaks the rules of the format".to_string();
    }
    let piece = of_page_log.then(|| Piece {
        file: name.clone(),
        page: PageId(address.offset),
        ..chains::piece(&judgement, dump.is_complete(), head, address.checksum)
    });
    let report = DumpReport {
        storage: if of_page_log { Storage::PageLog } else { Storage::Local },
        file: name,
        checkpoint: checkpoint.filter(|_| of_page_log),
        object: Some(address.object).filter(|o| *o != 0),
        offset: (!of_page_log).then_some(address.offset),
        page_id: of_page_log.then_some(PageId(address.offset)),
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
    };
    (report, piece)
}

/// The largest allocation size up to the usual one that explains offset and size.
fn usual_alloc(offset: u64, size: u32) -> u32 {
    let common = (offset | u64::from(size)).trailing_zeros();
    let alloc = 1_u32.checked_shl(common).unwrap_or(USUAL_ALLOC);
    alloc.clamp(*ALLOCATION_SIZES.start(), USUAL_ALLOC)
}

/// A block decoded as far as it is there, with the checksum the engine cleared put back.
fn decoded(
    head: &[u8],
    judgement: &Judgement,
    expected: u32,
    (complete, of_page_log): (bool, bool),
    view: &View,
) -> Block {
    const FIELD: usize = 32;
    let field = if of_page_log { Image::parse(head, None).map_or(FIELD, |i| i.checksum_offset()) } else { FIELD };
    let mut bytes = head.to_vec();
    if judgement.cleared
        && let Some(field) = bytes.get_mut(field..field.saturating_add(4))
    {
        field.copy_from_slice(&expected.to_le_bytes());
    }
    let mut out = if of_page_log { block::disaggregated(&bytes, view) } else { block::classic(&bytes, view) };
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
