//! `page FILE --offset`: one block of a local file, judged.

use super::block::{self, Block};
use super::judge::{self, Evidence, Judgement, Verdict};
use super::view::{Problem, Sum, View};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::{Class, FormatError};
use crate::words::text::grouped;
use serde::Serialize;

/// Where a block was read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file as it was named.
    pub file: String,
    pub file_size: u64,
    /// First byte of the block.
    pub offset: u64,
    /// Bytes the block should have, by its address or else by its header; 0 if neither tells.
    pub size: u32,
    /// The checksum of the address, if it was given.
    pub expected: Option<u32>,
    /// The sound block around the offset, first byte and bytes, if there is another one.
    pub around: Option<(u64, u32)>,
    /// What was odd about the file.
    pub notes: Vec<String>,
}

/// One block of a file.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FileBlock {
    /// Version of this schema.
    pub schema_version: u32,
    /// The file as it was named.
    pub file: String,
    /// Its bytes.
    pub file_bytes: u64,
    /// Its allocation size.
    pub allocation_size: u32,
    /// First byte of the block.
    pub offset: u64,
    /// Bytes of the block; 0 if nothing tells them.
    pub size: u32,
    /// The checksum of the address, if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_checksum: Option<Sum>,
    /// What happened to the block.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The block decoded, where it is one.
    pub block: Option<Block>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The exit code that goes with it.
    pub exit_code: u8,
}

impl FileBlock {
    /// Judge and decode a block; `stored` is what the file has of it.
    pub fn new(source: Source, stored: &[u8], view: &View) -> Self {
        let mut judgement = judge::judge(&Evidence {
            parts: &[(0, stored)],
            size: if source.size == 0 { stored.len() } else { source.size as usize },
            offset: source.offset,
            expected: source.expected,
            cleared: Some(false),
        });
        let mut notes = source.notes;
        notes.append(&mut judgement.notes);
        let mut problems: Vec<Problem> = Vec::new();
        let end = source.offset.saturating_add(source.size.into());
        if end > source.file_size {
            problems.push(
                FormatError::invalid(format!(
                    "the block extends to byte {}, but the file ends at byte {}",
                    grouped(end),
                    grouped(source.file_size)
                ))
                .into(),
            );
        }
        if judgement.verdict != Verdict::Sound {
            if let Some((at, bytes)) = source.around {
                judgement.judgement = format!(
                    "no block starts here: the offset is inside a sound block of {} bytes at offset {}",
                    grouped(bytes.into()),
                    grouped(at)
                );
            }
            problems.push(FormatError::io(judgement.judgement.clone()).into());
            if source.around.is_none() && source.expected.is_none() && judgement.plausible {
                notes.push("with --size and --checksum from the block's address, more can be determined".to_string());
            }
        }
        let readable = judgement.plausible || judgement.flipped_bit.is_some();
        let block = readable.then(|| block::classic(stored, view));
        if judgement.verdict == Verdict::Sound && block.as_ref().is_some_and(|b| !b.problems.is_empty()) {
            judgement.judgement = "the checksum is valid, but the content breaks the rules of the format".to_string();
        }
        Self {
            schema_version: SCHEMA_VERSION,
            file: source.file,
            file_bytes: source.file_size,
            allocation_size: view.alloc,
            offset: source.offset,
            size: source.size,
            expected_checksum: source.expected.map(Sum),
            judgement,
            block,
            problems,
            notes,
            exit_code: 0,
        }
    }

    /// The worst error: damage before what is merely too new.
    pub fn worst(&self) -> Option<Class> {
        let all = || self.problems.iter().chain(self.block.iter().flat_map(|b| &b.problems));
        all().find(|p| p.class != Class::Unsupported).or(all().next()).map(|p| p.class)
    }
}
