//! The ledger of a page log: its files, and what became of each.

use super::Opened;
use crate::coverage::{Coverage, NotOurs, Unchecked};
use crate::format::pagelog_ids::TURTLE_TABLES;
use crate::store::gathered::{Gathered, Origin};
use std::path::Path;

/// What stands before the names of the files of `dir`, which is the subject itself or lies in it.
pub fn below(subject: &str, dir: &Path) -> &'static str {
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    if dir.as_os_str().is_empty() || same(Path::new(subject), dir) { "" } else { "kv_home/" }
}

/// With the first of what gathering noted.
fn some(what: &str, gathered: &Gathered) -> String {
    gathered.notes.first().map_or(what.to_string(), |note| format!("{what} ({note})"))
}

/// Enter every file of a page log, as far as reading the index tells what became of it.
pub fn of(opened: &Opened<'_>, below: &str) -> Coverage {
    let mut out = Coverage::default();
    let layout = &opened.layout;
    let unread = |name: &str| opened.problems.iter().find(|p| p.file == name).and_then(|p| p.io.clone());
    for (name, _) in &layout.files {
        let path = format!("{below}{name}");
        out.enter(&path);
        let base = ["-wal", "-journal", "-shm"].iter().find_map(|end| name.strip_suffix(end));
        match (unread(name), base) {
            (Some(why), _) => out.not_checked(path, why),
            _ if name == "lock.mdb" || name.ends_with("-shm") => out.not_ours(path, NotOurs::Lock),
            (None, Some(base)) if unread(base).is_some() => out.not_checked(path, Unchecked::NotReached),
            _ => out.audited(path),
        }
    }
    // What was not even listed.
    for problem in opened.problems.iter().filter(|p| p.io.is_some()) {
        if let Some(why) = &problem.io {
            out.not_checked(format!("{below}{}", problem.file), why.clone());
        }
    }
    for name in &layout.others {
        let ours = name.ends_with(".journal") || name.starts_with("wtcheck-");
        out.not_ours(format!("{below}{name}"), if ours { NotOurs::Repair } else { NotOurs::Unknown });
    }
    if let Some(gathered) = &layout.gathered {
        // What of the dumps was damaged may have been anything.
        if gathered.malformed > 0 {
            out.not_checked(some("damaged pieces of the dumps", gathered), Unchecked::DumpDamaged);
        }
        if gathered.conflicts > 0 {
            out.not_checked(some("versions that two dumps differ in", gathered), Unchecked::Contradicted);
        }
        if gathered.checkpoint == Origin::NewestTurtle {
            out.not_checked("the size of the database", Unchecked::NoRecord);
        }
        for (table, supply) in &gathered.tables {
            if supply.encrypted > 0 {
                out.not_checked(format!("table {table}"), Unchecked::ServiceEncrypted);
            } else if supply.lengths > 0 {
                out.not_checked(format!("table {table}"), Unchecked::LengthOnly);
            }
            // Of turtle pages the checkpoints tell which are needed.
            if !supply.whole && !TURTLE_TABLES.contains(table) {
                out.not_checked(
                    format!("table {table}: its other pages"),
                    Unchecked::PartSupplied { log: gathered.log, table: table.get() },
                );
            }
        }
    }
    if layout.files.is_empty() && !opened.has_unread() {
        out.audited("page log");
    }
    out
}
