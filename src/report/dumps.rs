//! The dumps of corrupt blocks that a server log holds, for people.

use super::block;
use super::fields::{Fields, remarks};
use super::merged;
use super::text::{Paint, count, escape, grouped, size};
use crate::decode::block::Block;
use crate::decode::chains::{ChainBlock, PageChain, State};
use crate::decode::dumps::{Chunks, DumpReport, ErrorInfo, LogReport};
use crate::decode::judge::{Judgement, Verdict};
use crate::id::Lsn;

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
    // A full image alone has been shown.
    for chain in report.pages.iter().filter(|c| !c.complete || c.blocks.len() > 1) {
        out.push_str(&chain_text(chain, report, width, paint, all));
    }
    if !report.errors_without_dump.is_empty() {
        let title = "Checksum errors whose dump is not in the log";
        out.push_str(&format!("\n{}\n", paint.head(title)));
        let mut f = Fields::default();
        for e in &report.errors_without_dump {
            let place = format!("{} bytes {}", grouped(e.size.into()), error_place(e));
            f.note(e.file.as_deref().unwrap_or("unknown file"), place, format!("line {}", grouped(e.line)));
        }
        out.push_str(&f.table(width));
    }
    out + &remarks(&[], &report.notes, paint)
}

/// Where an error says the block lies.
fn error_place(e: &ErrorInfo) -> String {
    match (e.page_id, e.lsn, e.offset) {
        (Some(page), Some(lsn), _) => format!("of page {page} at LSN {}", lsn.dated()),
        (_, _, offset) => format!("at offset {}", grouped(offset.unwrap_or_default())),
    }
}

fn dump_text(d: &DumpReport, width: Option<u16>, paint: Paint, all: bool) -> String {
    let file = d.file.as_deref();
    let place = match (d.page_id, d.offset) {
        (Some(page), _) => format!("Block of page {page} of {}", file.unwrap_or("a table not named")),
        (None, offset) => {
            let offset = grouped(offset.unwrap_or_default());
            format!("Block at offset {offset} of {}", file.unwrap_or("a file not named"))
        }
    };
    let intact = d.page_id.is_some() && d.judgement.verdict == Verdict::Sound;
    let broken = d.block.as_ref().is_some_and(|b| !b.problems.is_empty());
    let judgement = escape(&d.judgement.judgement);
    let judgement = if intact && !broken { paint.good(&judgement) } else { paint.bad(&judgement) };
    let mut out = format!("{}\n{judgement}\n", paint.head(&escape(&place)));
    let mut f = Fields::default();
    f.maybe("object", d.object, "tiered storage");
    f.maybe("checkpoint", d.checkpoint.as_ref(), "");
    f.add("size", size(d.size.into()));
    f.note("expected checksum", d.expected_checksum, "in the address of the block");
    if let Some(c) = d.judgement.computed {
        f.note("computed checksum", c, "over these bytes");
    }
    if let Some(e) = &d.error {
        let found = e.found.map_or_else(|| "a checksum".to_string(), |s| s.to_string());
        let what = match e.comparison {
            "header" => format!("{found} in the header"),
            "magic" => "the magic byte".to_string(),
            _ => format!("{found} computed"),
        };
        f.note("logged error", what, format!("line {}", grouped(e.line)));
        f.maybe("LSN", e.lsn.map(Lsn::dated), "that was asked for");
    }
    let times =
        if d.times > 1 { format!("{} times, first in line {}", d.times, d.line) } else { format!("line {}", d.line) };
    if d.complete {
        f.note("dump", format!("complete, {}", count(d.chunks.into(), "chunk")), times);
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
            f.note("truncated chunks", list(&d.cut), format!("of {}", grouped(d.chunks.into())));
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

/// A page as far as the log has its blocks.
fn chain_text(chain: &PageChain, report: &LogReport, width: Option<u16>, paint: Paint, all: bool) -> String {
    let table = chain.file.as_deref().map_or_else(|| "a table not named".to_string(), escape);
    let mut out = format!("\n{}\n", paint.head(&format!("Page {} of {table}, from its blocks", chain.page_id)));
    let mut f = Fields::default();
    for (at, block) in chain.blocks.iter().enumerate() {
        let form = match block.form {
            Some("base") => "full image",
            Some(_) => "delta",
            None => "block",
        };
        let what = format!("{form}, checksum {}", block.checksum);
        f.note(&(at + 1).to_string(), what, format!("{}{}", line(report, block), state(block.state)));
    }
    out.push_str(&f.table(width));
    let deltas = chain.blocks.iter().filter(|b| b.form == Some("delta")).count();
    let mut missing = Vec::new();
    if let Some(sum) = chain.missing_checksum {
        missing.push(format!("the block before the oldest delta, with checksum {sum}, is not in the log"));
    }
    if chain.too_long {
        missing.push("there are more deltas than a page can have".to_string());
    }
    for block in &chain.blocks {
        match block.state {
            State::Incomplete => missing.push(format!("the block with checksum {} is incomplete", block.checksum)),
            State::Damaged => missing.push(format!("the block with checksum {} is damaged", block.checksum)),
            State::Intact | State::PutRight => {}
        }
    }
    match &chain.page {
        _ if !chain.complete => {
            let why = missing.join("; ");
            out.push_str(&format!("{} {why}.\n", paint.warn("The page cannot be merged:")));
        }
        Some(page) => {
            out.push_str(&format!("All of it is here: a full image and {}.\n", count(deltas as u64, "delta")));
            out.push_str(&merged::text(page, width, paint, all));
        }
        None => out.push_str("All of it is here, but it is too large to be merged.\n"),
    }
    out
}

/// Where the log has a block.
fn line(report: &LogReport, block: &ChainBlock) -> String {
    report.dumps.get(block.dump).map(|d| format!("line {}", grouped(d.line))).unwrap_or_default()
}

fn state(state: State) -> &'static str {
    match state {
        State::Intact => "",
        State::PutRight => ", corrected",
        State::Incomplete => ", incomplete",
        State::Damaged => ", damaged",
    }
}

/// What a judgement lists.
pub(super) fn judgement_fields(f: &mut Fields, j: &Judgement) {
    if let Some(flip) = &j.flipped_bit {
        let place = format!("bit {} of byte {}", flip.bit.bit, grouped(flip.bit.byte as u64));
        let in_file = flip.file_offset.map(|at| format!("byte {} of the file", grouped(at)));
        f.note("flipped bit", place, in_file.unwrap_or_default());
    }
    for run in &j.zeros {
        f.note(
            "zeros",
            format!("{} bytes", grouped(run.bytes as u64)),
            format!("from byte {} onwards", grouped(run.at as u64)),
        );
    }
    for other in &j.foreign {
        f.note("something else", &other.what, format!("from byte {} onwards", grouped(other.at as u64)));
    }
}
