//! The dumps of corrupt blocks that a server log holds, for people.

use super::block;
use super::fields::{Fields, remarks};
use super::text::{Paint, escape, grouped, size};
use crate::decode::block::Block;
use crate::decode::dumps::{Chunks, DumpReport, LogReport};
use crate::decode::judge::Judgement;

/// The report for people; cells only if `all`.
pub fn text(report: &LogReport, width: Option<u16>, paint: Paint, all: bool) -> String {
    let mut out = String::new();
    if report.dumps.is_empty() {
        let lines = if report.lines == 1 { "line" } else { "lines" };
        out.push_str(&format!("no dump of a corrupt block in {} {lines}\n", grouped(report.lines)));
    }
    for (at, d) in report.dumps.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&dump_text(d, width, paint, all));
    }
    if !report.errors_without_dump.is_empty() {
        let title = "Checksum errors whose dump is not in the log";
        out.push_str(&format!("\n{}\n", paint.head(title)));
        let mut f = Fields::default();
        for e in &report.errors_without_dump {
            let place = format!("{} bytes at offset {}", grouped(e.size.into()), grouped(e.offset));
            f.note(e.file.as_deref().unwrap_or("unknown file"), place, format!("line {}", grouped(e.line)));
        }
        out.push_str(&f.table(width));
    }
    out + &remarks(&[], &report.notes, paint)
}

fn dump_text(d: &DumpReport, width: Option<u16>, paint: Paint, all: bool) -> String {
    let place = format!("Block at offset {} of {}", grouped(d.offset), d.file.as_deref().unwrap_or("a file not named"));
    let mut out = format!("{}\n{}\n", paint.head(&escape(&place)), paint.bad(&escape(&d.judgement.judgement)));
    let mut f = Fields::default();
    f.maybe("object", d.object, "tiered storage");
    f.add("size", size(d.size.into()));
    f.note("expected checksum", d.expected_checksum, "in the address of the block");
    if let Some(c) = d.judgement.computed {
        f.note("computed checksum", c, "over these bytes");
    }
    if let Some(e) = &d.error {
        let found = e.found.map_or_else(|| "a checksum".to_string(), |s| s.to_string());
        let what = match e.comparison {
            "header" => format!("{found} in the header"),
            _ => format!("{found} computed"),
        };
        f.note("logged error", what, format!("line {}", grouped(e.line)));
    }
    let times =
        if d.times > 1 { format!("{} times, first in line {}", d.times, d.line) } else { format!("line {}", d.line) };
    if d.complete {
        f.note("dump", format!("complete, {} chunks", grouped(d.chunks.into())), times);
    } else {
        let bytes = grouped(d.bytes as u64);
        f.note("dump", format!("truncated, {bytes} bytes of {}", grouped(d.size.into())), times);
        let list = |ranges: &[Chunks]| {
            let one =
                |c: &Chunks| if c.first == c.last { c.first.to_string() } else { format!("{}-{}", c.first, c.last) };
            ranges.iter().take(16).map(one).collect::<Vec<_>>().join(", ")
                + if ranges.len() > 16 { ", ..." } else { "" }
        };
        if !d.missing.is_empty() {
            f.note("missing chunks", list(&d.missing), format!("of {}", grouped(d.chunks.into())));
        }
        if !d.cut.is_empty() {
            f.note("chunks cut short", list(&d.cut), format!("of {}", grouped(d.chunks.into())));
        }
    }
    judgement_fields(&mut f, &d.judgement);
    out.push_str(&f.table(width));
    if let Some(block) = &d.block {
        out.push_str(&format!("\n{}\n", paint.head("Headers as dumped")));
        if all {
            out.push_str(&block::text(block, width, paint));
        } else {
            // A page of cells in a log that is full of other things; they are counted above.
            let block = Block { cells: Vec::new(), ..block.clone() };
            out.push_str(&block::text(&block, width, paint));
        }
    }
    out + &remarks(&[], &d.notes, paint)
}

/// What a judgement lists.
pub(super) fn judgement_fields(f: &mut Fields, j: &Judgement) {
    if let Some(flip) = &j.flipped_bit {
        let place = format!("bit {} of byte {}", flip.bit.bit, grouped(flip.bit.byte as u64));
        f.note("flipped bit", place, format!("byte {} of the file", grouped(flip.file_offset)));
    }
    for run in &j.zeros {
        f.note(
            "zeros",
            format!("{} bytes", grouped(run.bytes as u64)),
            format!("from byte {} on", grouped(run.at as u64)),
        );
    }
    for other in &j.foreign {
        f.note("something else", &other.what, format!("from byte {} on", grouped(other.at as u64)));
    }
}
