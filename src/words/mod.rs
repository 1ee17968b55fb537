//! The English of findings: the one place where facts become sentences. Above the audits that find, below
//! the verbs that write documents for people and the reports that lay them out. Nothing reads a sentence back.

pub mod home;
pub mod home_block;
mod home_wtlog;
mod page;
pub mod pagelog;
pub mod pagelog_page;
pub mod text;

pub use crate::audit::finding::Words;

use crate::audit::finding::{Detail, Finding, Remedy};
use crate::coverage::Unchecked;
use crate::home::names::What;
use crate::id::Version;
use std::borrow::Cow;

/// What a finding says.
pub fn of(finding: &Finding) -> Words {
    match &finding.detail {
        Detail::Home(detail) => home::of(detail),
        Detail::PageLog(fact) => pagelog::of(fact),
    }
}

/// What to do about a finding.
pub fn remedy(finding: &Finding) -> String {
    match finding.remedy {
        Remedy::OfCode => finding.code.info().remedy.to_string(),
        Remedy::NextCheckpoint => {
            "Audit again after the next completed checkpoint: it must no longer reach the page.".to_string()
        }
        Remedy::RestoreFile => {
            "Keep the file; look at the block with wtcheck page FILE --offset N. Restore the file from a replica."
                .to_string()
        }
        Remedy::OfFile(what) => of_file(what).to_string(),
        Remedy::OtherEngine => "The block was written that way: another engine made the file, or another file has its \
                                place. Open it with the release that wrote it, or restore the file."
            .to_string(),
        Remedy::RestoreVersion => {
            "Restore the file: two lines, `WiredTiger` and the version text of the turtle. Without it the engine \
             refuses to open the directory."
                .to_string()
        }
        Remedy::PutTurtle { first } => {
            let put = "Put the turtle proposed in this report in place, in a copy of the directory.";
            if first {
                format!("{put} Do not open the directory with the engine before that.")
            } else {
                put.to_string()
            }
        }
        Remedy::RestoreMetadata => "The engine refuses to open such a directory. Restore the metadata.".to_string(),
        Remedy::Made => "None: the engine creates it when it opens the directory.".to_string(),
        Remedy::Rename => "None: an engine that opens the directory renames it to WiredTiger.turtle. Before wtcheck \
                           repairs anything, rename it by hand, in a copy."
            .to_string(),
        Remedy::Recovery => "None: recovery creates the row.".to_string(),
    }
}

/// What to do about damage in a file of MongoDB.
fn of_file(what: What) -> &'static str {
    match what {
        What::Collection => {
            "Documents may be lost. Keep the file; look at the block with wtcheck page FILE --offset N. Restore the \
             member from a healthy one, or the file from a backup taken at the same time."
        }
        What::Index => {
            "No document is lost: an index can be rebuilt. Resync the member; or, on a copy, start mongod with \
             --repair, which rebuilds its indexes. On a node that is still running, drop the index and recreate it."
        }
        What::Catalog => {
            "Without its catalog mongod does not know any collection, and drops every table it does not know. Do not \
             start it on this directory. Restore the member from a healthy one; the tables themselves are in their \
             files."
        }
        What::SizeStorer => {
            "No document is lost: the file holds counts. On a copy, mongod --repair rewrites it; then validate each \
             collection, which corrects its count."
        }
        What::Metadata => {
            "Without its metadata the engine cannot open anything. Restore the member from a healthy one. Each file has \
             a copy of its newest checkpoint, which wtcheck uses to audit it."
        }
        What::HistoryStore => {
            "It holds old versions of rows; the newest are in the tables. The engine needs it to open the directory: resync \
             the member, or restore the directory from a backup."
        }
    }
}

/// Why something was not checked.
pub fn unchecked(why: &Unchecked) -> String {
    match why {
        // The system's own words end with its number, which only programs need.
        Unchecked::Io { error, .. } => match error.rsplit_once(" (os error ") {
            Some((words, _)) => lower(words),
            None => error.clone(),
        },
        Unchecked::Hidden => "in a directory that cannot be read".into(),
        Unchecked::Encrypted => "encrypted, and the key is needed; checksums were verified".into(),
        Unchecked::UnknownCompressor => {
            "compressed by a compressor that wtcheck does not have; checksums were verified".into()
        }
        Unchecked::Huffman => "its keys or values are Huffman-coded; pages and checksums were verified".into(),
        Unchecked::Unsupported => "written by a version that this wtcheck must not read".into(),
        Unchecked::OtherPalm => {
            "a PALM page log of September or October 2025, whose layout wtcheck does not read".into()
        }
        Unchecked::TooMuch => "over one of the limits of wtcheck".into(),
        Unchecked::NotReached => "whatever points to it could not be read".into(),
        Unchecked::JournalGone => {
            "recovery begins in it, and it is missing: commits after the checkpoint, if there were any, are lost".into()
        }
        Unchecked::Absent => "its files are missing, and the metadata names trees stored in them".into(),
        Unchecked::NotAsked => "not asked for".into(),
        Unchecked::Damaged => "damaged; the rest was read".into(),
        Unchecked::ServiceEncrypted => "encrypted by the page service; none of it can be verified".into(),
        Unchecked::DumpDamaged => "skipped".into(),
        Unchecked::Contradicted => "the first dump was used".into(),
        Unchecked::NoRecord => "no completion record was given, and the newest turtle page does not state it".into(),
        Unchecked::PartSupplied { .. } => {
            "not supplied: orphans cannot be found among pages that were not dumped".into()
        }
        Unchecked::LengthOnly => "supplied as lengths only: page contents were not read".into(),
        Unchecked::PageNotSupplied { at, .. } => {
            format!("not supplied: none of the dumps has its version at LSN {}", at.lsn.dated())
        }
        Unchecked::NotSupplied { .. } => "not supplied: none of the dumps has it".into(),
    }
}

/// What to do so that it can be checked.
pub fn way_to_check(why: &Unchecked) -> Cow<'static, str> {
    /// Operation not permitted, and permission denied.
    const REFUSED: [Option<i32>; 2] = [Some(1), Some(13)];
    /// Too large a file, no space, a system that only reads, over the quota: told to who writes a copy.
    const FULL: [Option<i32>; 4] = [Some(27), Some(28), Some(30), Some(122)];
    let way = match why {
        Unchecked::NotSupplied { log, table, lsn } => {
            let log = log.map_or("LOG".to_string(), |log| log.to_string());
            let lsn = lsn.map_or("LSN".to_string(), |lsn| lsn.to_string());
            return format!("dump it too: GetTableAtLSN {{log_id: {log}, table_id: {table}, lsn: {lsn}}}").into();
        }
        Unchecked::PartSupplied { log, table } => {
            let log = log.map_or("LOG".to_string(), |log| log.to_string());
            return format!("dump all of it: GetTableAtLSN {{log_id: {log}, table_id: {table}, lsn: LSN}}").into();
        }
        Unchecked::PageNotSupplied { log, at } => {
            let log = log.map_or("LOG".to_string(), |log| log.to_string());
            let Version { table, page, lsn } = at;
            let request = format!("{{log_id: {log}, table_id: {table}, page_id: {page}, lsn: {lsn}}}");
            return format!("dump it too: GetPageAtLSN {request}").into();
        }
        Unchecked::Io { errno, .. } if REFUSED.contains(errno) => {
            "run wtcheck as a user with permission to read it, or on a copy that you own"
        }
        Unchecked::Hidden => "run wtcheck as a user with permission to read it, or on a copy that you own",
        Unchecked::Io { errno, .. } if FULL.contains(errno) => "set TMPDIR to a directory with more space",
        Unchecked::Io { .. } => "copy the directory from another source, or to a sound disk, and audit the copy",
        Unchecked::Unsupported => "use a newer wtcheck",
        Unchecked::OtherPalm => "open it with an engine from that time",
        Unchecked::JournalGone => "copy the journal, too, from the source of the directory",
        Unchecked::Absent => "copy them from the source of the directory",
        Unchecked::ServiceEncrypted => "gather the dumps again with --decrypt and a program that has the key",
        Unchecked::DumpDamaged => "dump these pages again; wtcheck gather lists each piece",
        Unchecked::Contradicted => "dump both again at one LSN; wtcheck gather lists each version",
        Unchecked::NoRecord => "give its text with --checkpoint-meta, or a server log with --log",
        Unchecked::LengthOnly => "dump the table with its bytes too: GetTableAtLSN",
        Unchecked::NotAsked => "leave out --table to check it",
        _ => "see the findings",
    };
    way.into()
}

/// A word with a small first letter.
pub fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}
