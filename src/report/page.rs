//! One page of a page log for people and programs: rows, chain, blocks, cells.

use super::block;
use super::merged;
use super::text::{clock, escape, grouped, room_for_times, short_name, table, written};
use super::{Output, Show};
use crate::audit::pagelog::classify::Class;
use crate::audit::pagelog::inspect::{Content, Inspection};
use crate::decode::block::{Block, disaggregated};
use crate::decode::view::View;
use crate::format::key_page;
use crate::id::{Lsn, PageId, TableId};
use crate::pagelog::page::Compression;
use crate::schema::audit::FindingDocument;
use crate::schema::page::{KeyInfo, PageReport, RowInfo};

pub fn show(place: (TableId, PageId), page: &Inspection, how: Show, exit_code: u8, output: &mut Output) {
    let (table_id, page_id) = place;
    let all = output.verbose > 0;
    let shown: Vec<Lsn> = page.blocks.iter().map(|(row, _)| row.lsn).collect();
    let rows: Vec<RowInfo> = page
        .rows
        .iter()
        .map(|(row, class)| RowInfo {
            lsn: row.lsn,
            kind: if row.is_discard() {
                "discard"
            } else if row.is_delta() {
                "delta"
            } else {
                "full image"
            },
            class: class.name(),
            backlink_lsn: row.backlink_lsn,
            base_lsn: row.base_lsn,
            bytes: row.len,
            flags: row.flags,
            shown: shown.contains(&row.lsn),
        })
        .collect();
    let newest = page.blocks.last().map(|(_, bytes)| bytes.as_slice());
    let mut merged = None;
    let blocks: Vec<Block> = match page.content {
        Content::Tree(era, compression) => {
            let compressor = match compression {
                Compression::Known(c) => c,
                _ => None,
            };
            let view = View { era: page.cookie.map(|_| era), compressor, show: how, all, ..View::default() };
            let blocks: Vec<Block> = page.blocks.iter().map(|(_, bytes)| disaggregated(bytes, &view)).collect();
            let holds = |b: &Block| b.checksum.as_ref().is_some_and(|c| c.holds);
            if blocks.len() > 1 && blocks.iter().all(holds) && page.blocks.first().is_some_and(|(row, _)| row.is_full())
            {
                let images: Vec<&[u8]> = page.blocks.iter().map(|(_, bytes)| bytes.as_slice()).collect();
                merged = Some(crate::decode::merged::page(&images, &view));
            }
            blocks
        }
        _ => Vec::new(),
    };
    let turtle = newest.filter(|_| page.content == Content::Turtle).map(|b| String::from_utf8_lossy(b).into_owned());
    let key = newest.filter(|_| page.content == Content::Key).map(|b| {
        key_page::parse(b).map_err(|e| e.to_string()).map(|k| KeyInfo {
            layout: format!("{:?}", k.layout),
            version: k.version,
            header_size: k.header_size,
            payload_bytes: k.payload_len,
            timestamp: k.timestamp.map(|t| format!("{t:x}")),
            checksum: format!("{:08x}", k.checksum),
        })
    });
    let report = PageReport {
        schema_version: crate::audit::result::SCHEMA_VERSION,
        uri: page.uri.as_deref(),
        table_id,
        page_id,
        cookie: page.cookie.map(|c| c.to_string()),
        cookie_hex: page.cookie.map(|c| hex::encode(c.encode())),
        rows,
        findings: page.findings.iter().map(FindingDocument::from).collect(),
        blocks,
        merged,
        turtle,
        key,
        exit_code,
    };
    let (width, paint) = (output.width, output.paint);
    output.document(&report, || {
        // Without a usable checkpoint no row has a class.
        let judged = page.rows.iter().any(|(_, class)| *class != Class::Unjudged);
        let name = match (report.uri, page.content) {
            (Some(uri), _) => escape(short_name(uri)),
            (None, Content::Turtle) => "the turtle page".to_string(),
            (None, Content::Key) => "the key page".to_string(),
            (None, Content::Tree(..)) if !judged => "no checkpoint could be used to name it".to_string(),
            (None, Content::Tree(..)) => "a table that the checkpoint does not name".to_string(),
        };
        let mut out = format!("Page {page_id} of table {table_id}, {name}\n");
        out.push_str(&match (&report.cookie, &report.cookie_hex) {
            (Some(cookie), Some(hex)) => {
                let time = page.cookie.and_then(|c| c.lsn.time()).map(|t| format!("  its LSN dates from {t}\n"));
                format!("Cookie in the audited checkpoint: {cookie}, {hex}\n{}", time.unwrap_or_default())
            }
            _ if judged && matches!(page.content, Content::Tree(..)) => "The audited checkpoint does not reach it.\n".to_string(),
            _ => String::new(),
        });
        let written = written(report.rows.iter().map(|r| r.lsn));
        let times = written.is_some() && room_for_times(width);
        let rows = report
            .rows
            .iter()
            .map(|r| {
                let mut row = vec![
                    if r.shown { "→" } else { "" }.to_string(),
                    r.lsn.to_string(),
                    r.kind.to_string(),
                    r.class.to_string(),
                    r.backlink_lsn.to_string(),
                    r.base_lsn.to_string(),
                    grouped(u64::from(r.bytes)),
                    format!("{:#x}", r.flags),
                ];
                row.extend(times.then(|| clock(r.lsn)));
                row
            })
            .collect();
        let mut header = vec!["", "LSN", "Row", "Class", "Backlink", "Base", "Bytes", "Flags"];
        header.extend(times.then_some("Written"));
        out.push_str(&format!("\n{}\n{}", paint.head("Rows"), table(width, &header, &[1, 4, 5, 6], rows)));
        out.push_str(&written.map(|w| format!("Written {w}\n")).unwrap_or_default());
        for finding in &page.findings {
            out.push_str(&super::finding::finding_text(finding, paint));
        }
        for (block, (row, _)) in report.blocks.iter().zip(&page.blocks) {
            out.push_str(&format!("\n{}\n", paint.head(&format!("Block at LSN {}", row.lsn.dated()))));
            out.push_str(&block::text(block, width, paint));
        }
        if let Some(page) = &report.merged {
            out.push_str(&format!("\n{}\n", paint.head("The merged page")));
            out.push_str(&merged::text(page, width, paint, true));
        }
        if let Some(turtle) = &report.turtle {
            let lines: Vec<String> = turtle.lines().map(escape).collect();
            out.push_str(&format!("\n{}\n{}\n", paint.head("Turtle page"), lines.join("\n")));
        }
        match &report.key {
            Some(Ok(k)) => out.push_str(&format!(
                "\n{} layout {}, version {}, header {} bytes, payload {} bytes (never shown), timestamp {}, checksum {}\n",
                paint.head("Key page:"),
                k.layout,
                k.version,
                k.header_size,
                k.payload_bytes,
                k.timestamp.as_deref().unwrap_or("none"),
                k.checksum
            )),
            Some(Err(e)) => out.push_str(&format!("\n{} {}\n", paint.bad("Key page is invalid:"), escape(e))),
            None => {}
        }
        out
    });
}
