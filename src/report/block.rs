//! Stored blocks and cells for people.

use super::fields::{Fields, remarks};
use super::text::{self, Paint, escape, grouped};
use crate::decode::block::{Block, BlockHeaderInfo};
use crate::decode::cells::CellInfo;

/// A block for people.
pub fn text(block: &Block, width: Option<u16>, paint: Paint) -> String {
    let mut out = header_fields(block).table(width);
    if let Some(list) = &block.extents {
        out.push_str(&format!("\n{}\n", paint.head("Extents")));
        let rows = list.extents.iter().map(|e| vec![grouped(e.offset), grouped(e.size)]).collect();
        out.push_str(&text::table(width, &["Offset", "Size"], &[0, 1], rows));
    }
    if !block.cells.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("Cells")));
        out.push_str(&cell_table(&block.cells, width));
    }
    out + &remarks(&block.problems, &block.notes, paint)
}

fn header_fields(block: &Block) -> Fields {
    let mut f = Fields::default();
    let list = |names: &[String]| if names.is_empty() { "none".to_string() } else { names.join(", ") };
    let form = match block.form {
        Some("classic") => "block of a classic file",
        Some("delta") => "disaggregated delta",
        Some("unknown") => "unknown",
        Some(_) => "disaggregated base image",
        None => "unreadable",
    };
    f.note("form", form, block.era.map(|e| format!("header layout {e}")).unwrap_or_default());
    f.add("stored bytes", grouped(block.stored_bytes as u64));
    if let Some(h) = &block.page_header {
        f.note("type", &h.page_type, h.type_byte.to_string());
        if h.recno != 0 {
            f.add("record number", h.recno);
        }
        f.add("write generation", h.write_gen);
        f.note("mem_size", grouped(h.mem_size.into()), "bytes of the plain image, headers included");
        f.add("entries", h.entries);
        f.note("page flags", list(&h.flag_names), format!("{:#04x}", h.flags));
        f.add("page version", h.version);
    }
    match &block.block_header {
        Some(BlockHeaderInfo::Disaggregated {
            magic,
            version,
            compatible_version,
            header_size,
            previous_checksum,
            flags,
            flag_names,
            reconciliation_id,
        }) => {
            f.add("magic", magic);
            f.note("block version", version, format!("readable from {compatible_version} on"));
            f.add("header size", header_size);
            f.note("block flags", list(flag_names), format!("{flags:#04x}"));
            f.maybe("reconciliation id", *reconciliation_id, "");
            f.note("previous checksum", previous_checksum, "of the previous block");
        }
        Some(BlockHeaderInfo::Classic { disk_size, flags, flag_names }) => {
            f.add("disk size", grouped((*disk_size).into()));
            f.note("block flags", list(flag_names), format!("{flags:#04x}"));
        }
        None => {}
    }
    if let Some(c) = &block.checksum {
        let verdict = if c.holds { "holds".to_string() } else { format!("WRONG, computed {}", c.computed) };
        f.note("checksum", c.stored, format!("{verdict}; over {} bytes", grouped(c.covers as u64)));
    }
    f.maybe("content", block.content, block.compressor.unwrap_or_default());
    f.maybe("data offset", block.data_offset, "");
    f.maybe("item bytes", block.item_bytes, "");
    f.maybe("item", block.item.as_ref(), "");
    if let Some(list) = &block.extents {
        f.note("extents", list.total, format!("{} bytes", grouped(list.bytes)));
        if let Some(r) = &list.recovery {
            f.note("recovery data", format!("generation {}", r.generation), "write generation of the checkpoint + 1");
            f.add("recovery file size", grouped(r.file_size));
            f.note("recovery texts", format!("{} + {} bytes", r.metadata_bytes, r.checkpoint_list_bytes), "not shown");
            let root = r.checkpoint.as_ref().and_then(|c| c.root);
            f.maybe("recovery root", root, "");
        }
    } else if block.content.is_some() {
        f.add("cells", block.cells_total);
    }
    f
}

/// Cells as a table.
pub fn cell_table(cells: &[CellInfo], width: Option<u16>) -> String {
    let rows = cells
        .iter()
        .map(|c| {
            vec![
                c.offset.to_string(),
                c.kind.to_string(),
                c.prefix.map(|p| p.to_string()).unwrap_or_default(),
                c.length.to_string(),
                c.times.map(|t| t.to_string()).unwrap_or_default(),
                content(c),
            ]
        })
        .collect();
    text::table(width, &["Offset", "Cell", "Prefix", "Length", "Validity", "Content"], &[0, 2, 3], rows)
}

/// The last column of the table.
fn content(cell: &CellInfo) -> String {
    let mut parts = Vec::new();
    if let Some(c) = &cell.change {
        let flags = c.flags.map(|f| format!(", flags {f:#04x}")).unwrap_or_default();
        let form = c.form.map(|f| format!(" ({f}{flags})")).unwrap_or_default();
        parts.push(format!("{}{form}", c.action));
    }
    if let Some(c) = &cell.cookie {
        parts.push(c.to_string());
    }
    if let Some(t) = &cell.truncate {
        parts.push(format!("truncated by txn {} at {}, durable {}", t.txn, t.commit_ts, t.durable_ts));
    }
    if let Some(run) = cell.run.filter(|r| *r != 0) {
        parts.push(format!("run {run}"));
    }
    if let Some(distance) = cell.copy_distance {
        parts.push(format!("copy of the cell {distance} bytes before"));
    }
    if let Some(data) = &cell.data {
        parts.push(escape(data));
    }
    if let Some(p) = &cell.problem {
        parts.push(format!("{}: {}", p.class, escape(&p.message)));
    }
    parts.join("; ")
}
