//! One block of a local file for people and programs.

use super::Output;
use super::block;
use super::dumps::judgement_fields;
use super::fields::{Fields, remarks};
use super::text::{Paint, escape, grouped, size};
use crate::decode::file_block::FileBlock;
use crate::decode::view::Problem;

/// Print it.
pub fn show(mut block: FileBlock, exit_code: u8, output: &mut Output) {
    block.exit_code = exit_code;
    let (width, paint) = (output.width, output.paint);
    output.document(&block, || text(&block, width, paint));
}

fn text(report: &FileBlock, width: Option<u16>, paint: Paint) -> String {
    let place = format!("Block at offset {} of {}", grouped(report.offset), report.file);
    let judgement = escape(&report.judgement.judgement);
    let judgement = if report.exit_code == 0 { paint.good(&judgement) } else { paint.bad(&judgement) };
    let mut out = format!("{}\n{judgement}\n", paint.head(&escape(&place)));
    let mut f = Fields::default();
    f.add("file size", size(report.file_bytes));
    f.add("allocation size", grouped(report.allocation_size.into()));
    if report.size > 0 {
        f.add("size", size(report.size.into()));
    }
    f.maybe("expected checksum", report.expected_checksum, "in the block's address");
    if let Some(c) = report.judgement.computed {
        f.note("computed checksum", c, "over these bytes");
    }
    judgement_fields(&mut f, &report.judgement);
    out.push_str(&f.table(width));
    if let Some(block) = &report.block {
        out.push('\n');
        out.push_str(&block::text(block, width, paint));
    }
    // The judgement stands above.
    let other: Vec<Problem> =
        report.problems.iter().filter(|p| p.message != report.judgement.judgement).cloned().collect();
    out + &remarks(&other, &report.notes, paint)
}
