//! The audit of a local home for people: files, where their bytes belong, checkpoints, findings, what next.

use super::audit::View;
use super::text::{count, escape, grouped, signed, size, table};
use crate::audit::finding::{Code, Detail, Finding, Severity};
use crate::audit::home::detail as home;
use crate::audit::home::result::{FileInfo, LocalCheckpointInfo, LocalInfo};
use crate::audit::result::{Audit, TreeInfo, Verdict};
use crate::coverage::Fate;
use crate::decode::view::utc;
use crate::format::home_turtle;
use crate::home::directory::Way;
use crate::home::fault;
use crate::home::files::METADATA;
use crate::home::lost::LostRows;
use crate::home::wtlog::State;
use crate::page::Depth;
use crate::words;
use crate::words::text::shell_word;
use std::collections::HashMap;

/// Files on screen, unless more detail was asked for; those with findings come first.
const SHOWN_FILES: usize = 60;

/// The whole report.
pub(super) fn text(view: &View<'_>, local: &LocalInfo) -> String {
    [head(view, local), files(view, local), checkpoints(view, local), view.findings(), turtle(local), next(view)]
        .into_iter()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The local files of a home that holds a page log as well, without verdict and findings.
pub(super) fn beside(view: &View<'_>, local: &LocalInfo) -> [String; 3] {
    let what = format!("{} beside the page log", view.paint.head("Local files:"));
    let trees = view.audit.trees.get(view.audit.trees_of_page_log()..).unwrap_or_default();
    let bytes = local.files.iter().fold(0, |sum: u64, f| sum.saturating_add(f.physical_size));
    let mut head = about(view, local, (&what, trees, bytes));
    for what in &local.not_checked {
        head.push_str(&view.paint.warn(&format!("Not checked: {}\n", escape(&what.to_string()))));
    }
    [head, files(view, local), checkpoints(view, local)]
}

fn head(view: &View<'_>, local: &LocalInfo) -> String {
    let a = view.audit;
    let what = format!("{}: local block files", escape(&a.store.home));
    let mut out = about(view, local, (&what, &a.trees, a.store.bytes));
    out.push('\n');
    out.push_str(&view.verdict());
    out.push_str(&lost(view, local));
    out.push_str(&view.not_checked());
    for what in &local.not_checked {
        out.push_str(&view.paint.warn(&format!("Not checked: {}\n", escape(&what.to_string()))));
    }
    out
}

/// Lost ranges that are shown before the findings; each has its own.
const SHOWN_LOST: usize = 12;

/// The rows that are lost from the newest checkpoint, in the terms of whoever misses them: whose, and which.
fn lost_rows<'a>(audit: &'a Audit, local: &'a LocalInfo) -> Vec<(&'a FileInfo, &'a LostRows)> {
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

fn lost(view: &View<'_>, local: &LocalInfo) -> String {
    let all = lost_rows(view.audit, local);
    if all.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", view.paint.head("Lost from the newest checkpoint"));
    let shown = if view.verbose > 0 { all.len() } else { SHOWN_LOST };
    for (file, rows) in all.iter().take(shown) {
        let name = match namespace(file) {
            none if none.is_empty() => escape(&file.file),
            name => name,
        };
        // What an index loses is built again from the documents.
        let again = if file.index.is_some() { "; no document is lost with an index" } else { "" };
        out.push_str(&format!("  {name}: {}{again}\n", escape(&words::home_block::lost_rows(rows))));
    }
    if all.len() > shown {
        out.push_str(&format!("  and {} more\n", grouped((all.len() - shown) as u64)));
    }
    out
}

/// What there is, and what it is judged by.
fn about(view: &View<'_>, local: &LocalInfo, (what, trees, bytes): (&str, &[TreeInfo], u64)) -> String {
    let a = view.audit;
    let version = local.version.as_deref().unwrap_or("version not known");
    let mongodb = local.mongodb.map(|(first, last)| format!(", MongoDB {first} to {last}")).unwrap_or_default();
    let mut out = format!("{what}, written by {}{mongodb}\n", escape(version));
    let pages: u64 = trees.iter().map(|t| t.pages.reachable).sum();
    let checkpoints: usize = local.files.iter().map(|f| f.checkpoints.len()).sum();
    out.push_str(&format!(
        "{}, {}; {}; {} in the newest of each file; checked: {}\n",
        count(local.files.len() as u64, "file"),
        size(bytes),
        count(checkpoints as u64, "checkpoint"),
        count(pages, "page"),
        checked(view, local)
    ));
    let unread = |name| matches!(a.coverage.fate(name), Some(Fate::NotChecked(_)));
    if local.catalog.source == Way::Recovery {
        out.push_str(match unread(home_turtle::FILE_NAME) {
            true => "The turtle could not be read; the",
            false => "The turtle is of no use; the",
        });
        out.push_str(" metadata's own copy of its checkpoint was used instead.\n");
    } else if local.catalog.source == Way::Backup {
        out.push_str("A backup copy that was not opened yet: WiredTiger.backup lists the files.\n");
    } else if local.catalog.source == Way::Files {
        let what = if a.findings.iter().any(|f| f.code == Code::Encrypted) {
            "The metadata is encrypted"
        } else if unread(METADATA) {
            "The metadata could not be read"
        } else {
            "There is no metadata to go by"
        };
        out.push_str(what);
        out.push_str("; each file was judged by the copy of its checkpoint in itself.\n");
    }
    let log = &local.log;
    if !log.files.is_empty() {
        let part = log.files.iter().any(|f| unread(f.file.as_str()));
        let state = match (log.encrypted, log.needs_recovery) {
            _ if part => "not all of it could be read".to_string(),
            (true, _) => "encrypted".to_string(),
            (_, true) => {
                format!("{} commits behind the last checkpoint: recovery is needed", log.commits_after_checkpoint)
            }
            _ if log.state == Some(State::Unknown) => "not all of it is readable".to_string(),
            _ => "clean".to_string(),
        };
        let records: u64 = log.files.iter().map(|f| f.records).sum();
        let files = count(log.files.len() as u64, "file");
        out.push_str(&format!("Log: {files}, {}, {state}\n", count(records, "record")));
    }
    out
}

/// How much was checked. The whole of it is said only where it is true.
fn checked(view: &View<'_>, local: &LocalInfo) -> String {
    let a = view.audit;
    let left = a.coverage.not_checked_list().any(|(_, why)| why.matters());
    let accounted = local.files.iter().filter(|f| f.space.is_some_and(|s| !s.uncertain)).count();
    let (files, read) = (local.files.len(), if left { " of what could be read" } else { "" });
    match a.store.depth {
        _ if files == 0 => "no block file".to_string(),
        Depth::Quick => format!("internal pages only (--quick){read}"),
        Depth::Deep => format!("all cells (--deep){read}"),
        _ if !left && accounted == files => "all checksums, every byte of every file accounted".to_string(),
        _ => format!("all checksums{read}, every byte of {accounted} of {} accounted", count(files as u64, "file")),
    }
}

/// MongoDB's name, or nothing.
fn namespace(f: &FileInfo) -> String {
    match (&f.namespace, &f.index) {
        (Some(ns), Some(index)) => format!("{}, index {}", escape(ns), escape(index)),
        (Some(ns), None) => escape(ns),
        _ => String::new(),
    }
}

fn files(view: &View<'_>, local: &LocalInfo) -> String {
    if local.files.is_empty() {
        return String::new();
    }
    let mut of_file: HashMap<&str, Vec<&str>> = HashMap::new();
    for f in view.audit.findings.iter().filter(|f| f.severity > Severity::Note) {
        of_file.entry(f.place.file.as_deref().unwrap_or_default()).or_default().push(f.code.name());
    }
    let codes = |f: &FileInfo| -> String {
        let mut codes = of_file.get(f.file.as_str()).cloned().unwrap_or_default();
        codes.dedup();
        let more = codes.len().saturating_sub(2);
        codes.truncate(2);
        let list = codes.join(", ");
        if more > 0 { format!("{list}, +{more}") } else { list }
    };
    let mut order: Vec<(&FileInfo, String)> = local.files.iter().map(|f| (f, codes(f))).collect();
    order.sort_by_key(|(_, codes)| codes.is_empty());
    let shown = if view.verbose > 0 { order.len() } else { SHOWN_FILES };
    if order.len() <= shown {
        order.sort_by(|a, b| a.0.file.cmp(&b.0.file));
    }
    let named = local.files.iter().any(|f| f.namespace.is_some());
    let deep = local.files.iter().any(|f| f.checkpoints.iter().any(|c| c.rows.is_some()));
    let mut header = vec!["File"];
    if named {
        header.push("Holds");
    }
    header.extend(["Chkpts", "Pages"]);
    if deep {
        header.push("Rows");
    }
    header.extend(["size=", "Differs", "File bytes", "Reusable", "Kept", "Lost", "Findings"]);
    let right: Vec<usize> = (if named { 2 } else { 1 }..header.len() - 1).collect();
    let rows = order.iter().take(shown).map(|(f, codes)| {
        let last = f.checkpoints.last();
        let mut row = vec![escape(&f.file)];
        if named {
            row.push(namespace(f));
        }
        row.push(f.checkpoints.len().to_string());
        row.push(last.map_or("-".into(), |c| grouped(c.pages.reachable)));
        if deep {
            row.push(last.and_then(|c| c.rows).map_or("-".into(), |r| grouped(r.keys)));
        }
        row.push(last.map_or("-".into(), |c| grouped(c.published_size)));
        row.push(match last {
            Some(c) if c.difference != 0 && c.complete => view.paint.bad(&signed(c.difference)),
            Some(c) if !c.complete => "?".to_string(),
            Some(_) => "0".to_string(),
            None => "-".to_string(),
        });
        row.push(grouped(f.physical_size));
        let space = f.space.as_ref();
        row.push(space.map_or("-".into(), |s| grouped(s.available)));
        row.push(space.map_or("-".into(), |s| grouped(s.discarded)));
        row.push(match space {
            None => "-".to_string(),
            Some(s) if s.uncertain => "?".to_string(),
            Some(s) if s.lost > 0 => view.paint.bad(&grouped(s.lost)),
            Some(_) => "0".to_string(),
        });
        row.push(codes.clone());
        row
    });
    let mut out = format!("{}\n", view.paint.head("Files (bytes)"));
    out.push_str(&table(view.width, &header, &right, rows.collect()));
    if order.len() > shown {
        out.push_str(&format!("and {} more files; -v shows all\n", order.len() - shown));
    }
    out.push_str(
        "Reusable: free for new writes. Kept: not in the newest checkpoint, held for older ones. Lost: belongs to nothing.\n",
    );
    out
}

/// Checkpoints one by one, with detail asked for, or of the only file.
fn checkpoints(view: &View<'_>, local: &LocalInfo) -> String {
    if view.verbose == 0 && local.files.len() != 1 {
        return String::new();
    }
    let row = |f: &FileInfo, c: &LocalCheckpointInfo| {
        let types: Vec<String> = c.pages.by_type.iter().map(|(kind, n)| format!("{} {kind}", grouped(*n))).collect();
        vec![
            escape(&f.file),
            escape(&c.name),
            utc(c.time),
            grouped(c.published_size),
            if c.complete { grouped(c.recomputed_size) } else { format!("≥ {}", grouped(c.recomputed_size)) },
            grouped(c.file_size),
            c.available.map_or("?".into(), |l| grouped(l.bytes)),
            c.rows.map_or("-".into(), |r| format!("{} of {}", grouped(r.live), grouped(r.keys))),
            types.join(", "),
        ]
    };
    let rows: Vec<_> = local.files.iter().flat_map(|f| f.checkpoints.iter().map(move |c| row(f, c))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["File", "Checkpoint", "Time", "size=", "Recomputed", "File size", "Avail list", "Live rows", "Pages"];
    format!("{}\n{}", view.paint.head("Checkpoints"), table(view.width, &header, &[3, 4, 5, 6, 7], rows))
}

pub(super) fn turtle(local: &LocalInfo) -> String {
    let Some(turtle) = &local.catalog.proposed_turtle else { return String::new() };
    let lines: Vec<String> = turtle.lines().map(escape).collect();
    format!("Proposed WiredTiger.turtle, for a copy of the directory:\n{}\n", lines.join("\n"))
}

fn next(view: &View<'_>) -> String {
    let a = view.audit;
    let mut out: Vec<String> = Vec::new();
    let worst = a.findings.iter().find(|f| f.severity > Severity::Note);
    if let Some(f) = worst {
        out.push(format!("wtcheck explain {}", f.code.name()));
    }
    out.extend(next_of_files(a));
    if a.verdict != Verdict::Clean && a.store.depth != Depth::Deep {
        out.push(format!("wtcheck audit {} --deep", shell_word(&a.store.home)));
    }
    if out.is_empty() {
        return String::new();
    }
    format!("{}\n  {}\n", view.paint.head("Next"), out.join("\n  "))
}

/// The commands that show the worst places of block files.
pub(super) fn next_of_files(a: &Audit) -> Vec<String> {
    let mut out = Vec::new();
    let file = |f: &Finding| {
        let name = f.place.file.as_deref().unwrap_or_default();
        let dir = std::path::Path::new(&a.store.home);
        let path = if dir.is_dir() { dir.join(name) } else { dir.to_path_buf() };
        shell_word(&path.display().to_string())
    };
    let of_file = |f: &&Finding| {
        let files = a.local.iter().flat_map(|l| &l.files);
        f.place.file.as_ref().is_some_and(|name| files.into_iter().any(|file| file.file == *name))
    };
    let block = a.findings.iter().filter(of_file).find(|f| {
        f.place.offset.is_some()
            && matches!(
                f.code,
                Code::BlockChecksum
                    | Code::BlockHeader
                    | Code::PageUndecodable
                    | Code::KeyOutOfOrder
                    | Code::ExtentOverlap
            )
    });
    if let Some(f) = block {
        out.push(format!("wtcheck page {} --offset {}", file(f), f.place.offset.unwrap_or(0)));
    }
    if let Some(local) = &a.local
        && !lost_rows(a, local).is_empty()
    {
        out.push(format!("wtcheck dump {} -o DIR --older", shell_word(&a.store.home)));
    }
    let space = a.findings.iter().filter(of_file).find(|f| matches!(f.code, Code::ExtentLost | Code::ExtentOverlap));
    if let Some(f) = space.or(block) {
        out.push(format!("wtcheck map {}", file(f)));
    }
    out
}
