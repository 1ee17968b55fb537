//! The words of findings about homes of local block files.

use super::Words;
use crate::audit::home::detail::{
    By, Cause, Counted, Descriptor, Difference, Fact, Foreign, HomeDetail, Missing, Named, Note, Number, Sizes,
};
use crate::audit::home::result::NotKnown;
use crate::format::local::LocalAddress;
use crate::format::page_header::PageType;
use crate::home::directory::NewerCheckpoint;
use crate::home::files::METADATA;
use std::fmt;

/// Idents that are listed at most.
const UNCLAIMED: usize = 10;

/// What a finding says.
pub fn of(detail: &HomeDetail) -> Words {
    let (expected, found, mut evidence) = fact(&detail.fact, detail.cause.as_ref());
    evidence.extend(detail.notes.iter().map(note));
    Words { expected, found, cause: detail.cause.as_ref().map_or(String::new(), cause), evidence }
}

fn fact(fact: &Fact, why: Option<&Cause>) -> (String, String, Vec<String>) {
    let two = |expected: &str, found: String| (expected.to_string(), found, Vec::new());
    match fact {
        Fact::Fault(fault) => (fault.expected(), fault.found(), fault.evidence()),
        Fact::Descriptor { alloc, found } => {
            let expected = format!("a description block of {alloc} bytes: magic, version 1/0, checksum");
            let found = match found {
                Descriptor::Tail => "non-zero bytes after the description".to_string(),
                Descriptor::Of(size) => format!("the checksum of an allocation size of {size}"),
                Descriptor::Invalid(e) => e.to_string(),
            };
            (expected, found, Vec::new())
        }
        Fact::Sizes(sizes) => of_sizes(sizes),
        Fact::Overlap { of } => two("one use of a range", of.to_string()),
        Fact::Lost { start, end, block } => {
            let there = block.map(|b| {
                format!(
                    "it holds a valid block of {} bytes: {} page, write generation {}",
                    b.size,
                    b.kind.map_or("unknown", PageType::name),
                    b.write_gen
                )
            });
            let found = format!("{start}-{end}: in no tree, on no list, not free");
            ("a range that something owns".into(), found, there.into_iter().collect())
        }
        Fact::FileSize { stated, physical, needed, .. } => {
            let of = match why {
                Some(Cause::WrittenBefore) => "the description block: the metadata names no checkpoint of the file",
                _ => "the file size of the newest checkpoint",
            };
            let expected = format!("{stated} bytes, {of}");
            if physical < stated {
                let missing = stated.saturating_sub(*physical);
                return (expected, format!("{physical} bytes: {missing} are missing"), Vec::new());
            }
            let next = match needed {
                true => "the next writable open would cut off what they need",
                false => "the next writable open cuts them off",
            };
            let extra = physical.saturating_sub(*stated);
            (expected, format!("{physical} bytes: {extra} past that"), vec![next.to_string()])
        }
        Fact::Copy { by, differences } => {
            let mut lines = differences.iter().map(|d| difference(d, *by));
            let first = lines.next().unwrap_or_default();
            ("the checkpoint in the copy after the avail list".into(), first, lines.collect())
        }
        Fact::Foreign(content) => two("a copy of the checkpoint the metadata names", foreign(content)),
        Fact::Opaque { why, blocks } => (
            "readable content".into(),
            why.to_string(),
            vec![format!(
                "{blocks} blocks of the newest checkpoint verified by checksum, contiguous in the ranges that its lists \
                say are live"
            )],
        ),
        Fact::Missing { what } => missing(*what),
        Fact::NoTurtle { message } => two("the file that leads to the metadata", message.clone()),
        Fact::Turtle { message } => two("a turtle file", message.clone()),
        Fact::StaleTurtle { cookie, copy } => (
            "a cookie that leads to the metadata".into(),
            cookie.clone(),
            vec![format!("the copy in {METADATA} itself leads to the metadata: {copy}")],
        ),
        Fact::Row { message } => two("a valid metadata row", message.clone()),
        Fact::Text { message } => two("a text that the engine can read", message.clone()),
        Fact::TurtleDiffers { keys } => two(
            &format!("what the copy in {METADATA} itself says about that file"),
            format!("a different {}: the turtle has no checksum, so a byte of it may have changed", keys.join(", ")),
        ),
        Fact::TurtleSet => (
            "WiredTiger.turtle".into(),
            "WiredTiger.turtle.set, the name under which a new turtle is written".into(),
            vec!["an engine that opens the directory renames it to WiredTiger.turtle: nothing is lost".into()],
        ),
        Fact::ColumnGroup { missing } => (
            missing.clone(),
            "no such metadata row".into(),
            vec!["the table cannot be used until all of its column groups are created".into()],
        ),
        Fact::SetAside { rows, lost: 0 } => two(
            "one metadata file",
            format!("an old one with {rows} rows, all of which are in the metadata or have no file here"),
        ),
        Fact::SetAside { rows, lost } => (
            "metadata for the files that are here".into(),
            format!(
                "one that was set aside, with {rows} rows; {lost} files that it names are here, but not in the \
                metadata"
            ),
            Vec::new(),
        ),
        Fact::Ident { ident, file } => (
            format!("table:{ident}, which the catalog names"),
            "no such table in the metadata".into(),
            vec![match file {
                true => format!("{ident}.wt is in the directory"),
                false => format!("{ident}.wt is not in the directory either"),
            }],
        ),
        Fact::Unclaimed { idents } => {
            let more = idents.len().saturating_sub(UNCLAIMED);
            let mut list: Vec<String> = idents.iter().take(UNCLAIMED).cloned().collect();
            if more > 0 {
                list.push(format!("and {more} more"));
            }
            let found = match idents.len() {
                1 => "1 table that it does not name: mongod drops it at startup".to_string(),
                n => format!("{n} tables that it does not name: mongod drops them at startup"),
            };
            ("a catalog that names every collection and index".into(), found, list)
        }
        Fact::Counts { of: Counted::Stored, stated, rows } => {
            two(&format!("{rows} documents, as many as the collection has"), format!("{stated} in sizeStorer"))
        }
        Fact::Counts { of: Counted::IdIndex, stated, rows } => {
            two(&format!("{rows} entries, one per document of the collection"), format!("{stated} entries"))
        }
        Fact::HistoryUnowned { ids } => {
            let records: u64 = ids.values().sum();
            let list: Vec<String> =
                ids.iter().take(UNCLAIMED).map(|(id, n)| format!("file id {id}: {n} records")).collect();
            (
                "records only for files that are here".into(),
                format!("{records} records with {} file ids that no file has", ids.len()),
                list,
            )
        }
        Fact::SameId { uris } => two("one file per id", uris.join(" and ")),
        Fact::Source { source } => two(source, "no such metadata row".into()),
        Fact::Unlisted { bytes, logged } => (
            "a metadata row for every block file".into(),
            format!("{bytes} bytes in a file that no row names"),
            logged.map(|lsn| format!("journal record at {lsn}")).into_iter().collect(),
        ),
        Fact::Log(what) => two("an undamaged journal", what.to_string()),
        Fact::Recovery { checkpoint, commits, all_in_log, newer } => {
            let after = checkpoint.map_or("no checkpoint record".to_string(), |lsn| format!("the checkpoint at {lsn}"));
            let all =
                all_in_log.then(|| "no table has a row in its checkpoint: all data is in the journal".to_string());
            let mut evidence: Vec<String> = all.into_iter().collect();
            if !newer.is_empty() {
                let files = newer.len();
                evidence.push(format!(
                    "the metadata is older than the files: the journal has newer checkpoints for {files} of them, and \
                     recovery uses those. Without its journal the directory is damaged"
                ));
                evidence.extend(newer.iter().take(UNCLAIMED).map(|n| {
                    let NewerCheckpoint { file, metadata, log } = n;
                    format!("{file}: write generation {metadata} in the metadata, {log} in the journal")
                }));
            }
            (format!("no commit after {after}"), format!("{commits} commits"), evidence)
        }
    }
}

fn missing(which: Missing) -> (String, String, Vec<String>) {
    let (expected, found) = match which {
        Missing::Listed => ("a file that the metadata needs", "no such file"),
        Missing::MetadataOfTurtle => ("a file that the engine needs", "no such file"),
        Missing::Metadata => ("the metadata", "no such file"),
        Missing::Version => ("the file that names the engine's version", "no such file"),
        Missing::HistoryStore => ("the history store", "no such file and no such metadata row"),
    };
    (expected.into(), found.into(), Vec::new())
}

fn of_sizes(s: &Sizes) -> (String, String, Vec<String>) {
    let expected = match (s.root, s.complete) {
        (None, _) => "0: the tree has no root".to_string(),
        (Some(_), true) => {
            format!("{} bytes in {} blocks, {} without the root", s.recomputed, s.blocks, s.below_root())
        }
        (Some(root), false) => format!("size= {root} bytes (the root) above the cookie's size, within the file"),
    };
    let found = format!("size={}, {} in the cookie", s.published, s.in_cookie);
    let mut evidence = vec![format!("checkpoint {}", s.checkpoint)];
    if s.root.is_some() && s.complete {
        for (name, stated, sum) in
            [("size=", s.published, s.recomputed), ("the size in the cookie", s.in_cookie, s.below_root())]
        {
            let off = i128::from(stated).saturating_sub(i128::from(sum));
            if off != 0 {
                evidence.push(format!("{name} is off by {off:+} bytes"));
            }
        }
    }
    if s.root.is_some() && s.published > s.file_size {
        evidence.push(format!("the whole file has {} bytes at this checkpoint", s.file_size));
    }
    (expected, found, evidence)
}

fn difference(difference: &Difference, by: By) -> String {
    let by = match by {
        By::Turtle => "turtle",
        By::Metadata => "metadata",
    };
    let words = |a: &Option<LocalAddress>| {
        a.map_or("none".to_string(), |a| format!("{}/{}/{:08x}", a.offset, a.size, a.checksum))
    };
    match difference {
        Difference::Block { which, stated, own } => {
            let name = match which {
                Named::Root => "root",
                Named::Alloc => "alloc list",
                Named::Discard => "discard list",
            };
            format!("{name}: {} in the {by}, {} in the file", words(stated), words(own))
        }
        Difference::Number { which, stated, own } => {
            let name = match which {
                Number::FileSize => "file size",
                Number::CheckpointSize => "checkpoint size",
                Number::Generation => "generation",
            };
            format!("{name}: {stated} in the {by}, {own} in the file")
        }
        Difference::List { stated, own } => {
            format!("checkpoints or their sizes: {} in the {by}, {} in the file", stated.join(", "), own.join(", "))
        }
    }
}

fn foreign(f: &Foreign) -> String {
    let owner = f.owner.as_ref().map_or(String::new(), |o| format!(", which is {o}"));
    format!("the file holds the content of file id {}{owner}; the metadata says id {}", f.id, f.wanted)
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Exchanged { with } => {
            format!("swapped with the block at {with}: each is intact, in the other's place")
        }
        Cause::BelongsAt { offset } => format!("this is the block that belongs at {offset}"),
        Cause::ParentDamaged { parent } => {
            format!("the page at {parent} is itself damaged: its separators prove nothing")
        }
        Cause::SeveralUnfit { parent } => format!(
            "several pages do not fit their separators in the page at {parent}: suspect that page, whose references \
             were swapped or whose separators were changed"
        ),
        Cause::FileLonger => "the file is longer than the newest checkpoint states: that size may be wrong".into(),
        Cause::InsteadTwice { twice } => format!("the block at {twice} is referenced instead, for a second time"),
        Cause::SameRoot { later, older } => format!("the cookie of {later} names the root of {older}"),
        Cause::Foreign(content) => foreign(content),
        Cause::EmptyFile => "the file is empty".into(),
        Cause::ZeroDescriptor => "the description block is all zeros".into(),
        Cause::SizesOfLists => "the sizes are those of the allocation lists: the tree lost or gained blocks".into(),
        Cause::StatedTooSmall => {
            "pages or lists of the checkpoint point past this end: the stated size may be too small".into()
        }
        Cause::WrittenBefore => {
            "blocks written before the first checkpoint: they hold no data of any checkpoint".into()
        }
        Cause::WrittenAfter => "blocks written after the last checkpoint: the engine was stopped, or the file copied, \
                                before the next one"
            .into(),
        Cause::NoBlockBehind => "no block starts there: not written by the engine, or truncated".into(),
        Cause::OtherTime => "the turtle comes from a different point in time than the metadata, or was changed".into(),
        Cause::InDamagedLog => "its row may be in the part of the journal that is damaged".into(),
        Cause::InUnreadLog => "its row may be in the part of the journal that could not be read".into(),
        Cause::InCatalog => "MongoDB's catalog names it: its metadata row was lost".into(),
        Cause::MetadataEmpty => "the metadata names no table at all: it does not belong to these files".into(),
        Cause::MetadataPutAside => "a metadata file that was set aside names it".into(),
        Cause::TailFree => "the missing part is free in the newest checkpoint: nothing is lost".into(),
        Cause::RowInLog => "created after the last checkpoint: its metadata row is in the journal".into(),
    }
}

fn note(note: &Note) -> String {
    match note {
        Note::Parents { twice, offsets } => {
            let list: Vec<String> = offsets.iter().map(u64::to_string).collect();
            let by = if *twice { "the later reference is in the page at" } else { "referenced by the page at" };
            format!("{by} {}", list.join(", "))
        }
        Note::NeededByAll => "needed by every checkpoint".into(),
        Note::NeededBy(names) => format!("needed by {}", names.join(", ")),
        Note::MoreOfCode(more) => format!("and {more} more of this code in this file, not listed"),
        Note::MoreNotHere(more) => format!("and {more} more blocks that checkpoints need are not in this file"),
        Note::BehindEnd { blocks, bytes } => {
            format!("{blocks} blocks ({bytes} bytes) that checkpoints need are past its end")
        }
        Note::NewestCopy { generation, stated } => {
            let newer = if generation > stated {
                "the file is newer than the metadata"
            } else {
                "the end of the file is missing, or the file is older than the metadata"
            };
            format!(
                "the newest checkpoint copy left in the file has generation {generation}, the metadata's has {stated}: \
                 {newer}"
            )
        }
    }
}

impl fmt::Display for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartialBackup => f.write_str(
                "a partial backup: the tables that WiredTiger.backup does not list, the history store among them, were \
                 left out",
            ),
            Self::NoHome => f.write_str(
                "the file is not in a home: it was judged by its own copy of its newest checkpoint",
            ),
            Self::MetadataEncrypted => f.write_str(
                "the metadata is encrypted: it is not known whether files are missing or unlisted; each file was judged \
                 by its own copy of its newest checkpoint",
            ),
            Self::MetadataInPart => f.write_str(
                "the metadata could not be read in full: it is not known whether files are missing or unlisted",
            ),
            Self::PageLogElsewhere { trees } => {
                write!(f, "{trees} trees of the metadata live in a page log, which is not in this directory")
            }
            Self::LogEncrypted => {
                f.write_str("journal records are encrypted: their checksums are valid, their content is not known")
            }
            Self::Cells { files: 1, why } => write!(f, "the cells of 1 file: {why}"),
            Self::Cells { files, why } => write!(f, "the cells of {files} files: {why}"),
        }
    }
}
