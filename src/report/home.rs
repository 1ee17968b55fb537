//! The audit of a local home for people: files, where their bytes belong, checkpoints, findings, what next.

use super::lost_rows::namespace;
use super::sheet::Sheet;
use super::table::{Table, name, number, prose, whole};
use super::text::{count, escape, grouped, signed, size};
use super::view::View;
use crate::audit::finding::{Code, Severity};
use crate::audit::home::result::{FileInfo, LocalCheckpointInfo, LocalInfo};
use crate::coverage::Fate;
use crate::decode::view::utc;
use crate::format::home_turtle;
use crate::home::directory::Way;
use crate::home::files::METADATA;
use crate::home::wtlog::State;
use crate::page::Depth;
use crate::store::StoreKind;
use std::collections::HashMap;

/// Files without a finding that are listed all the same.
const FEW_CLEAN: usize = 5;
/// Files on screen, unless more detail was asked for; those with findings come first.
const SHOWN_FILES: usize = 60;

/// What there is, and what it is judged by.
pub(super) fn about(view: &View<'_>, local: &LocalInfo) -> Sheet {
    let a = view.audit;
    let beside = a.store.kind != StoreKind::Local;
    let what = match beside {
        true => format!("{} beside the page log", view.paint.head("Local files:")),
        false => format!("{}: local block files", escape(&a.store.home)),
    };
    let trees = if beside { a.trees.get(a.trees_of_page_log()..).unwrap_or_default() } else { &a.trees };
    let bytes = match beside {
        true => local.files.iter().fold(0, |sum: u64, f| sum.saturating_add(f.physical_size)),
        false => a.store.bytes,
    };
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
    out.into()
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

pub(super) fn files(view: &View<'_>, local: &LocalInfo) -> Sheet {
    let mut out = Sheet::new();
    if local.files.is_empty() {
        return out;
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
    let clean = |f: &FileInfo, codes: &str| {
        codes.is_empty()
            && f.space.is_some_and(|s| s.lost == 0 && !s.uncertain)
            && f.checkpoints.last().is_none_or(|c| c.complete && c.difference == 0)
    };
    let mut order: Vec<(&FileInfo, String)> = local.files.iter().map(|f| (f, codes(f))).collect();
    let fold = view.verbose == 0 && order.iter().filter(|(f, codes)| clean(f, codes)).count() > FEW_CLEAN;
    let mut folded = (0, 0_u64);
    if fold {
        order.retain(|(f, codes)| {
            let clean = clean(f, codes);
            if clean {
                folded = (folded.0 + 1, folded.1.saturating_add(f.physical_size));
            }
            !clean
        });
    }
    order.sort_by_key(|(_, codes)| codes.is_empty());
    let shown = if view.verbose > 0 { order.len() } else { SHOWN_FILES };
    if order.len() <= shown {
        order.sort_by(|a, b| a.0.file.cmp(&b.0.file));
    }
    let named = local.files.iter().any(|f| f.namespace.is_some());
    let deep = local.files.iter().any(|f| f.checkpoints.iter().any(|c| c.rows.is_some()));
    // Whose a file is tells more than its name; the columns that say least go first.
    let mut columns = vec![name("File")];
    if named {
        columns.push(name("Holds"));
    }
    columns.extend([number("Chkpts").goes(7), number("Pages").goes(6)]);
    if deep {
        columns.push(number("Rows").goes(3));
    }
    columns.extend([
        number("size=").goes(4),
        number("Differs"),
        number("File bytes").goes(2),
        number("Reusable").goes(5),
        number("Kept").goes(8),
        number("Lost"),
        prose("Findings").goes(1),
    ]);
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
    if !order.is_empty() {
        out.heading("Files (bytes)");
        out.table(Table::new(columns, rows));
        if order.len() > shown {
            out.push_str(&format!("and {} more files; -v shows all\n", order.len() - shown));
        }
    }
    if folded.0 > 0 {
        let files = if folded.0 == 1 { "clean file" } else { "clean files" };
        out.push_str(&format!("{} {files}, {}; -v lists them\n", grouped(folded.0), size(folded.1)));
    }
    if view.verbose > 0 {
        out.push_str(
            "Reusable: free for new writes. Kept: held for older checkpoints only. Lost: belongs to nothing.\n",
        );
    }
    out
}

/// Checkpoints one by one, with detail asked for, or of the only file.
pub(super) fn checkpoints(view: &View<'_>, local: &LocalInfo) -> Sheet {
    if view.verbose == 0 && local.files.len() != 1 {
        return Sheet::new();
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
    let mut out = Sheet::new();
    if rows.is_empty() {
        return out;
    }
    let columns = [
        name("File"),
        name("Checkpoint"),
        whole("Time").goes(1),
        number("size="),
        number("Recomputed"),
        number("File size").goes(3),
        number("Avail list").goes(5),
        prose("Live rows").goes(2),
        prose("Pages").goes(4),
    ];
    out.heading("Checkpoints");
    out.table(Table::new(columns, rows));
    out
}

pub(super) fn turtle(local: &LocalInfo) -> Sheet {
    let Some(turtle) = &local.catalog.proposed_turtle else { return Sheet::new() };
    let lines: Vec<String> = turtle.lines().map(escape).collect();
    Sheet::from(format!("Proposed WiredTiger.turtle, for a copy of the directory:\n{}\n", lines.join("\n")))
}
