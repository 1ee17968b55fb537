//! `page FILE --offset`: one block of a local file for people and programs (spec 16.2).

use super::Output;
use super::block::{self, Block};
use super::block_dump::judgement_fields;
use super::judge::{self, Evidence, Judgement, Verdict};
use super::text::{Paint, escape, grouped, size};
use super::view::{Fields, Problem, Sum, View, remarks};
use crate::audit::result::SCHEMA_VERSION;
use crate::format::{Class, FormatError};
use serde::Serialize;

/// Where a block was read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file as it was named.
    pub file: String,
    /// Its bytes.
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
pub struct FileBlock {
    schema_version: u32,
    file: String,
    file_bytes: u64,
    allocation_size: u32,
    offset: u64,
    size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_checksum: Option<Sum>,
    #[serde(flatten)]
    judgement: Judgement,
    block: Option<Block>,
    problems: Vec<Problem>,
    notes: Vec<String>,
    exit_code: u8,
}

impl FileBlock {
    /// Judge and decode a block; `stored` is what the file has of it.
    #[must_use]
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
                    "the block reaches up to byte {}, the file ends at byte {}",
                    grouped(end),
                    grouped(source.file_size)
                ))
                .into(),
            );
        }
        if judgement.verdict != Verdict::Sound {
            if let Some((at, bytes)) = source.around {
                judgement.judgement = format!(
                    "no block begins here: the offset lies inside of a sound block of {} bytes at offset {}",
                    grouped(bytes.into()),
                    grouped(at)
                );
            }
            problems.push(FormatError::io(judgement.judgement.clone()).into());
            if source.around.is_none() && source.expected.is_none() && judgement.plausible {
                notes.push("with --size and --checksum of the block's address more can be told".to_string());
            }
        }
        let readable = judgement.plausible || judgement.flipped_bit.is_some();
        let block = readable.then(|| block::classic(stored, view));
        if judgement.verdict == Verdict::Sound && block.as_ref().is_some_and(|b| !b.problems.is_empty()) {
            judgement.judgement = "the checksum holds, but the content breaks the rules of the format".to_string();
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
    #[must_use]
    pub fn worst(&self) -> Option<Class> {
        let all = || self.problems.iter().chain(self.block.iter().flat_map(|b| &b.problems));
        all().find(|p| p.class != Class::Unsupported).or(all().next()).map(|p| p.class)
    }

    /// Print it.
    pub fn show(mut self, exit_code: u8, output: &mut Output) {
        self.exit_code = exit_code;
        let (width, paint) = (output.width, output.paint);
        output.document(&self, || self.text(width, paint));
    }

    fn text(&self, width: Option<u16>, paint: Paint) -> String {
        let place = format!("Block at offset {} of {}", grouped(self.offset), self.file);
        let judgement = escape(&self.judgement.judgement);
        let judgement = if self.exit_code == 0 { paint.good(&judgement) } else { paint.bad(&judgement) };
        let mut out = format!("{}\n{judgement}\n", paint.head(&escape(&place)));
        let mut f = Fields::default();
        f.add("file size", size(self.file_bytes));
        f.add("allocation size", grouped(self.allocation_size.into()));
        if self.size > 0 {
            f.add("size", size(self.size.into()));
        }
        f.maybe("expected checksum", self.expected_checksum, "in the address of the block");
        if let Some(c) = self.judgement.computed {
            f.note("computed checksum", c, "over these bytes");
        }
        judgement_fields(&mut f, &self.judgement);
        out.push_str(&f.table(width));
        if let Some(block) = &self.block {
            out.push('\n');
            out.push_str(&block::text(block, width, paint));
        }
        // The judgement stands above.
        let other: Vec<Problem> =
            self.problems.iter().filter(|p| p.message != self.judgement.judgement).cloned().collect();
        out + &remarks(&other, &self.notes, paint)
    }
}
