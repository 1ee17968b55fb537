//! The rows that an audit of a home found lost, in the terms of whoever misses them.

use super::text::{escape, grouped};
use crate::audit::finding::Detail;
use crate::audit::home::detail as home;
use crate::audit::home::result::{FileInfo, LocalInfo};
use crate::audit::result::Audit;
use crate::home::fault;
use crate::home::lost::LostRows;
use crate::words;

/// The rows that are lost from the newest checkpoint, in the terms of whoever misses them: whose, and which.
pub(super) fn lost_rows<'a>(audit: &'a Audit, local: &'a LocalInfo) -> Vec<(&'a FileInfo, &'a LostRows)> {
    let mut out = Vec::new();
    for finding in &audit.findings {
        let Detail::Home(detail) = &finding.detail else { continue };
        let home::Fact::Fault(fault) = &detail.fact else { continue };
        let rows = fault.notes.iter().find_map(|n| match n {
            fault::Note::LostRows(rows) => Some(rows),
            _ => None,
        });
        let file = finding.place.file.as_deref();
        let Some((rows, file)) = rows.zip(local.files.iter().find(|f| Some(f.file.as_str()) == file)) else { continue };
        let newest = file.checkpoints.last().map(|c| c.name.as_str());
        let needed = detail.notes.iter().all(|n| match n {
            home::Note::NeededBy(names) => names.iter().any(|name| Some(name.as_str()) == newest),
            _ => true,
        });
        if needed {
            out.push((file, rows));
        }
    }
    out
}

/// A line for each of the first ones, and a line that counts the others.
pub(super) fn lost_lines(all: &[(&FileInfo, &LostRows)], most: usize) -> Vec<String> {
    let line = |(file, rows): &(&FileInfo, &LostRows)| {
        let name = match namespace(file) {
            none if none.is_empty() => escape(&file.file),
            name => name,
        };
        // What an index loses is built again from the documents.
        let again = if file.index.is_some() { "; no document is lost with an index" } else { "" };
        format!("{name}: {}{again}", escape(&words::home_block::lost_rows(rows)))
    };
    let mut out: Vec<String> = all.iter().take(most).map(line).collect();
    if all.len() > most {
        out.push(format!("and {} more", grouped((all.len() - most) as u64)));
    }
    out
}

/// MongoDB's name, or nothing.
pub(super) fn namespace(f: &FileInfo) -> String {
    match (&f.namespace, &f.index) {
        (Some(ns), Some(index)) => format!("{}, index {}", escape(ns), escape(index)),
        (Some(ns), None) => escape(ns),
        _ => String::new(),
    }
}
