//! What a path is, and which command is for it, in words.

use crate::store::open::KV_HOME;
use crate::subject::{Archive, Kind, Missing, Packing, Special, Subject};
use crate::words::text::shell_word;
use std::path::Path;

/// Homes that an answer names.
const NAMED: usize = 8;

/// What a path is that a verb cannot take.
pub fn what(subject: &Subject) -> String {
    let path = match &subject.kind {
        Kind::Unreadable { path, .. } | Kind::OtherDirectory { at: path, .. } => path,
        _ => &subject.path,
    };
    format!("{}: {}", path.display(), words(&subject.kind))
}

fn words(kind: &Kind) -> String {
    let fixed = match kind {
        Kind::PageLog(_) => "is a page log",
        Kind::Home => "is a home of local block files, without a page log",
        Kind::Both(_) => "is a home with local block files and a page log",
        Kind::BlockFile(block) if block.alone => "is a block file",
        Kind::BlockFile(block) => return format!("is a block file of the home {}", block.directory.display()),
        Kind::Below { home } => return format!("is part of the home {}, not a home itself", home.display()),
        Kind::Homes { homes, more } => {
            let n = homes.len();
            let at_least = if *more { "at least " } else { "" };
            let s = if n == 1 { "" } else { "s" };
            return format!("is not a WiredTiger home: it holds {at_least}{n} home{s}, each a separate store");
        }
        Kind::FileOf { directory, page_log } => {
            let of = if *page_log { "a page-log store" } else { "a home directory" };
            return format!("is a file of {of}; give the directory above it: {}", directory.display());
        }
        Kind::Image => "is a file, an image that `wtcheck pack` wrote",
        Kind::Dump(packing) => return format!("is a dump of a page service{}, not a data directory", by(*packing)),
        Kind::ServerLog(packing) => {
            return format!("is a file, a server or engine log{}", by(*packing));
        }
        Kind::Plan => "is a file, a repair plan",
        Kind::Journal => "is a file, the undo journal of a repair",
        Kind::Archive(Archive::Zip) => "is a file, a zip archive",
        Kind::Archive(Archive::Tar(packing)) => return format!("is a file, a tar archive{}", by(*packing)),
        Kind::Archive(Archive::Other(name)) => return format!("is a file, compressed with {name}"),
        Kind::Compressed(packing) => return format!("is a file{}", by(*packing)),
        Kind::Special(Special::Fifo) => "is a named pipe (FIFO), not a directory",
        Kind::Special(Special::Socket) => "is a socket, not a directory",
        Kind::Special(Special::Device) => "is a device, not a directory",
        Kind::EmptyDirectory => "is an empty directory",
        Kind::EmptyFile => "is a file, not a directory: it is empty",
        Kind::Unreadable { reason, .. } => reason,
        Kind::Missing(Missing::NoPath) => "the path is empty",
        Kind::Missing(Missing::NoSuchName) => "does not exist",
        Kind::Missing(Missing::DanglingLink) => "is a symbolic link to something that does not exist",
        Kind::Missing(Missing::BelowAFile) => "does not exist: part of the path is a file",
        Kind::OtherDirectory { at, names, more } => return other(at, names, *more),
        Kind::OtherFile => "is a file, not a directory",
    };
    fixed.to_string()
}

fn by(packing: Packing) -> &'static str {
    match packing {
        Packing::Plain => "",
        Packing::Gzip => ", compressed with gzip",
        Packing::Zstd => ", compressed with zstd",
    }
}

/// What a directory without a store is instead.
fn other(at: &Path, names: &[String], more: usize) -> String {
    if names.is_empty() {
        return "is an empty directory".to_string();
    }
    let mut found = names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ");
    if more > 0 {
        found.push_str(&format!(" and {more} more"));
    }
    if at.file_name().is_some_and(|n| n == KV_HOME) {
        return format!("holds no page log: it has neither checkpoints.db (PALite) nor data.mdb (PALM), but {found}");
    }
    format!(
        "is not a WiredTiger home: it has neither WiredTiger.wt nor {KV_HOME}/ nor checkpoints.db nor data.mdb, but \
        {found}"
    )
}

/// The command that is for a path, or what to do about it; `verb` is the one that was given it.
pub fn hint(subject: &Subject, verb: &str) -> String {
    let word = |path: &Path| shell_word(&path.display().to_string());
    let own = word(&subject.path);
    match &subject.kind {
        Kind::PageLog(_) | Kind::Home | Kind::Both(_) if verb == "repair apply" => {
            format!("make a plan first: wtcheck repair plan {own} -o PLAN")
        }
        Kind::PageLog(_) | Kind::Home | Kind::Both(_) => format!("wtcheck audit {own} reads it"),
        Kind::BlockFile(block) if block.alone => format!("wtcheck audit {own} reads it"),
        Kind::BlockFile(block) => format!("give the home: wtcheck {verb} {}", word(&block.directory)),
        Kind::Below { home } => format!("give the home: wtcheck {verb} {}", word(home)),
        Kind::Homes { homes, more } => {
            let commands: Vec<String> =
                homes.iter().take(NAMED).map(|home| format!("wtcheck audit {}", word(home))).collect();
            let left = homes.len().saturating_sub(NAMED);
            let rest = match (left, more) {
                (0, false) => String::new(),
                (n, false) => format!(", and {n} more"),
                (_, true) => ", and more".to_string(),
            };
            format!("name one: {}{rest}", commands.join(", "))
        }
        Kind::FileOf { directory, .. } => format!("wtcheck {verb} {}", word(directory)),
        Kind::Image => format!("unpack it first: wtcheck unpack {own} DIR"),
        Kind::Dump(_) => format!("gather it into a page log first: wtcheck gather {own} -o DIR"),
        Kind::ServerLog(_) => format!("wtcheck log {own} says what broke"),
        Kind::Plan => format!("wtcheck repair apply {own} --output NEWDIR applies it"),
        Kind::Journal => format!("wtcheck repair undo {own} undoes the repair"),
        Kind::Archive(Archive::Zip) => format!("unpack it first: unzip {own} -d NEWDIR"),
        Kind::Archive(Archive::Tar(_)) => format!("unpack it first: tar -xf {own} -C NEWDIR"),
        Kind::Archive(Archive::Other(_)) | Kind::Compressed(_) => {
            "unpack it first, and give the directory with its contents".to_string()
        }
        Kind::Unreadable { .. } => "check that the copy is complete and that you can read it".to_string(),
        Kind::EmptyDirectory | Kind::OtherDirectory { .. } if subject.path.as_os_str() == "." => {
            "name a home directory or a block file: wtcheck PATH; wtcheck --help lists the commands".to_string()
        }
        Kind::Special(_)
        | Kind::EmptyDirectory
        | Kind::EmptyFile
        | Kind::Missing(_)
        | Kind::OtherDirectory { .. }
        | Kind::OtherFile => {
            format!("give a home directory, the directory that holds a page log ({KV_HOME}/), or a block file")
        }
    }
}

/// The line about what is not in a result about the page log of a home with both.
pub fn beside(subject: &Subject, verb: &str) -> Option<String> {
    let Kind::Both(log) = &subject.kind else { return None };
    let home = shell_word(&subject.path.display().to_string());
    let on = match verb {
        "map" => format!("wtcheck map {home}/FILE.wt draws one of them"),
        "orphans" => format!("wtcheck orphans {home}/FILE.wt looks for orphans in one of them"),
        "pack" | "repair plan" => {
            let kv_home = if log.kv_home.starts_with(&subject.path) && log.kv_home != subject.path {
                format!("{KV_HOME}/")
            } else {
                "the page log".to_string()
            };
            format!("wtcheck {verb} reads them in a copy of the home without {kv_home}")
        }
        _ => format!("wtcheck audit {home} audits them"),
    };
    Some(format!("{home}: this covers only the page log; there are also local block files: {on}"))
}
