//! What `wtcheck dump` shows: what there is, what was written, what is lost and who may still have it.

use super::Output;
use super::text::{count, escape, grouped, human, table};
use crate::audit::result::SCHEMA_VERSION;
use crate::dump::all;
use crate::dump::form::Form;
use crate::dump::item::{Item, Role};
use crate::dump::loss::{Lost, Part};
use crate::dump::report::{DumpReport, LeftOut, Note, TableReport, Unread};
use crate::dump::select::{Plan, is_named, is_of};
use crate::dump::shelf::Shelf;
use crate::exit;
use crate::home::content::fetch::Why;
use crate::home::content::replay::Stop;
use crate::schema::dump as schema;
use crate::words::home_block::{bounds, key, range};
use crate::words::text::shell;
use std::path::Path;

/// Losses that are shown of each table; the report in the directory has more.
const SHOWN: usize = 10;
/// Collections left out that are named.
const SHOWN_LEFT: usize = 12;
/// Lost documents that are named.
const SHOWN_DOCUMENTS: usize = 5;
/// Bytes of a file of which rows are counted for a list.
const COUNTED: u64 = 256 << 20;

/// List the tables.
pub fn list(shelf: &Shelf, names: &[String], path: &Path, output: &mut Output) -> u8 {
    let mut tables = Vec::new();
    let wanted = |i: &&Item| names.is_empty() || names.iter().any(|n| is_named(i, n) || is_of(i, n));
    for item in shelf.items.iter().filter(wanted) {
        let stated = item.stated.and_then(|n| u64::try_from(n).ok());
        let counted = match stated {
            Some(_) => None,
            None if item.bytes <= COUNTED || output.verbose > 0 => all::count(shelf, item),
            None => None,
        };
        tables.push(schema::DumpableTable {
            name: item.name(),
            uri: item.table.uri.clone(),
            role: match item.role {
                Role::Collection { .. } => "collection",
                Role::Index { .. } => "index",
                Role::Own => "internal",
                Role::Plain => "table",
                Role::Engine => "engine",
            },
            file: item.file.clone(),
            key_format: item.table.key_format.clone(),
            value_format: item.table.value_format.clone(),
            rows: counted.or(stated),
            rows_stated: stated.is_some(),
            bytes: item.bytes,
        });
    }
    output.progress.finish();
    let exit_code = if tables.is_empty() { exit::INCOMPLETE } else { exit::CLEAN };
    let report =
        schema::Dumpable { schema_version: SCHEMA_VERSION, path: path.display().to_string(), tables, exit_code };
    let width = output.width;
    output.document(&report, || {
        let mut text = format!("{}: {}\n", escape(&report.path), count(report.tables.len() as u64, "table"));
        let about = report.tables.iter().any(|t| t.rows_stated);
        let rows = report.tables.iter().map(|t| {
            let mark = if t.rows_stated { "~" } else { "" };
            let n = t.rows.map_or_else(|| "?".to_string(), |n| format!("{mark}{}", grouped(n)));
            vec![escape(&t.name), t.role.to_string(), n, human(t.bytes)]
        });
        text.push_str(&table(width, &["Name", "Kind", "Rows", "Files"], &[2, 3], rows.collect()));
        if about {
            text.push_str("~ as MongoDB counts them: not exact after a crash\n");
        }
        if report.tables.iter().any(|t| t.rows.is_none()) {
            text.push_str("? not counted: with -v it is\n");
        }
        text
    });
    exit_code
}

/// What was written into a directory.
pub fn show(report: &DumpReport, plan: &Plan, out: &Path, path: &Path, exit_code: u8, output: &mut Output) {
    let document =
        schema::Dumped { schema_version: SCHEMA_VERSION, directory: out.display().to_string(), report, exit_code };
    let (width, paint, verbose) = (output.width, output.paint, output.verbose);
    output.document(&document, || {
        let rows: u64 = report.tables.iter().map(|t| t.rows).sum();
        let what = if report.identity.form == Form::Bson { "document" } else { "row" };
        let mut text = format!(
            "{}: {} of {}\n",
            escape(&document.directory),
            count(rows, what),
            count(report.tables.len() as u64, "table")
        );
        text.push_str(&state(report));
        let lines = report.tables.iter().map(|t| {
            let lost = lost_in_short(t);
            let name = t.namespace.as_deref().unwrap_or(&t.uri);
            vec![escape(name), grouped(t.rows), human(t.bytes), lost]
        });
        text.push_str(&table(width, &["Table", "Rows", "Size", "Lost"], &[1, 2], lines.collect()));
        let losses = losses(report, verbose, true);
        if losses.is_empty() && exit_code == exit::CLEAN {
            text.push_str(&format!("{}\n", paint.good("Nothing is lost.")));
        } else {
            text.push_str(&format!("{}\n", paint.bad("Lost or damaged")));
            text.push_str(&losses);
            if losses.is_empty() {
                text.push_str("  nothing of the tables that are known, but see above what is said of the directory\n");
            }
        }
        text.push_str(&left_out(report));
        text.push_str(&next(report, plan, out, path));
        text
    });
}

/// What is lost of a table that went to standard output.
pub fn complain(report: &DumpReport, path: &Path, output: &mut Output) {
    let verbose = output.verbose;
    for note in report.notes.iter().filter_map(note) {
        output.complain(&note);
    }
    for line in losses(report, verbose, false).lines() {
        output.complain(line.trim_start());
    }
    let older =
        report.tables.iter().flat_map(|t| &t.lost).any(|l| l.older.as_ref().is_some_and(|o| !o.taken && o.rows > 0));
    if older {
        output.complain(&format!("an older checkpoint has rows of it: wtcheck dump {} … --older", shell(path)));
    }
}

/// What the rows are the state of.
fn state(report: &DumpReport) -> String {
    let mut text = String::new();
    let mut facts = Vec::new();
    facts.extend(report.mongod.as_ref().map(|v| format!("mongod {v}")));
    facts.extend(report.fcv.as_ref().map(|v| format!("feature compatibility version {v}")));
    facts.extend(report.engine.as_ref().map(|v| format!("engine {v}")));
    facts.extend(report.checkpoint_lsn.map(|lsn| format!("checkpoint at LSN {lsn}")));
    if report.identity.at == "recovered" {
        facts.extend(report.stable.as_ref().map(|ts| format!("stable timestamp {ts}")));
        if report.replayed > 0 {
            facts.push(format!("{} replayed from the log", count(report.replayed, "transaction")));
        }
    } else {
        facts.push(format!("at {}", report.identity.at));
    }
    if !facts.is_empty() {
        text.push_str(&format!("{}\n", escape(&facts.join(", "))));
    }
    for note in report.notes.iter().filter_map(note) {
        text.push_str(&format!("{}\n", escape(&note)));
    }
    text
}

fn note(note: &Note) -> Option<String> {
    Some(match note {
        Note::HistoryMissing => {
            "WiredTigerHS.wt is missing: older versions of rows cannot be had, so rows that are not \
                                 stable are left out"
                .to_string()
        }
        Note::LogEnds { lsn, why } => {
            let why = match why {
                Stop::Unread => "it cannot be read",
                Stop::Encrypted => "it is encrypted",
                Stop::Undecodable => "it cannot be decoded",
                Stop::Damaged => "a record is damaged, and the engine takes that for the end",
                Stop::Missing => "a log file is missing",
                Stop::NeededMissing => "the file in which recovery begins is missing",
            };
            format!("The log ends at {lsn}: {why}. Later transactions are not in the dump.")
        }
        Note::CheckpointUnusable { lsn } => {
            format!(
                "The newest checkpoint, at LSN {lsn}, cannot be used: this is an older one. wtcheck audit says why."
            )
        }
        Note::LogMissing { lsn } => {
            format!("The turtle names {lsn} in the log, and there is no log: later transactions are not in the dump.")
        }
        Note::MetadataFromCopies => {
            "The turtle or the metadata is damaged: what is here comes from copies of it, and may be \
                                     older or more than the engine would show."
                .to_string()
        }
        Note::CatalogLost => {
            "Not all of MongoDB's catalog could be read: names, options and indexes are lost with it. \
                              Collections without a name are in the database recovered."
                .to_string()
        }
        Note::MetadataEncrypted => {
            "The metadata is encrypted: tables are known by their files only, and only those that are not encrypted give rows."
                .to_string()
        }
        Note::MetadataIncomplete => "Not all of the metadata could be read: tables may be missing.".to_string(),
        Note::Guessed { file, key_format, value_format } => format!(
            "{file}: nothing says its formats; taken for keys {key_format} and values {value_format} (--key-format, \
             --value-format)"
        ),
        Note::InPageLog { tables } => {
            format!("{} in the page log of another directory: give that directory", count(*tables, "table"))
        }
        Note::Image => "This is an unpacked image: keys and values are not the user's.".to_string(),
        Note::Oplog => {
            "A member of a replica set: operations newer than this state are in local.oplog.rs (name it to dump \
                        it, too)"
                .to_string()
        }
        Note::Ingest { file } => {
            format!("{file} holds rows that a follower put over the stable table: it is a table of its own here")
        }
    })
}

fn lost_in_short(t: &TableReport) -> String {
    if let Some(why) = &t.unread {
        return format!("all: {}", unread(why));
    }
    if t.lost.is_empty() {
        return match (t.apart, t.mended) {
            (0, 0) => String::new(),
            (0, n) => format!("0, {} mended", count(n, "block")),
            (n, _) => format!("{} apart", grouped(n)),
        };
    }
    bounds(t.lost_rows, if t.namespace.is_some() { "document" } else { "row" })
}

fn unread(why: &Unread) -> String {
    match why {
        Unread::Lsm => "a log-structured merge tree; its chunk files can be dumped one by one".to_string(),
        Unread::Tiered => "its objects are not in this directory".to_string(),
        Unread::Type => "a type of table that wtcheck does not read".to_string(),
        Unread::Metadata => "its rows in the metadata are missing".to_string(),
        Unread::Columns => "its columns do not go together".to_string(),
        Unread::File { file, error } => format!("{file}: {error}"),
        Unread::Name { error } => format!("no file is made with this name: {error}"),
        Unread::Twice => "another table has the same name".to_string(),
        Unread::NoCheckpoint => "it has no such checkpoint".to_string(),
    }
}

/// Why a block gave nothing.
fn why(why: Why) -> &'static str {
    match why {
        Why::BeyondEnd => "the file ends before it",
        Why::Unread => "the system did not give it",
        Why::Checksum => "its checksum does not hold",
        Why::Compression => "it cannot be decompressed",
        Why::Encrypted => "it is encrypted",
        Why::Compressor => "its compressor is unknown",
        Why::Huffman => "its values are Huffman codes",
        Why::PageType => "it is not the page that belongs there",
        Why::Cells => "its cells cannot all be read",
        Why::Item => "an overflow item cannot be read",
        Why::Address => "its address leads nowhere",
        Why::History => "older versions in the history store cannot be read",
        Why::Change => "a change does not fit the value that it is for",
        Why::Twice => "the tree leads to it twice, and its rows belong to the other place",
        Why::Misplaced => "it has the rows of another range",
        Why::Order => "keys do not ascend: the rows that are out of place are kept apart",
        Why::Missing => "it is not in the page log",
        Why::NotSupplied => "no dump has its bytes",
        Why::ColumnGroup => "a column group has no such row",
    }
}

/// `files`: what is kept apart is in a file; else it is left out.
fn losses(report: &DumpReport, verbose: u8, files: bool) -> String {
    let mut text = String::new();
    for t in &report.tables {
        let name = escape(t.namespace.as_deref().unwrap_or(&t.uri));
        let documents = t.namespace.is_some();
        let what = if documents { "document" } else { "row" };
        if let Some(why) = &t.unread {
            text.push_str(&format!("  {name}: not in the dump: {}\n", escape(&unread(why))));
            continue;
        }
        if !t.lost.is_empty() {
            text.push_str(&format!("  {name}: {}\n", bounds(t.lost_rows, what)));
        }
        let shown = if verbose > 0 { usize::MAX } else { SHOWN };
        for lost in t.lost.iter().take(shown) {
            text.push_str(&one(lost, documents, what));
        }
        let hidden = t.lost.len().saturating_sub(shown) as u64 + t.more_lost;
        if hidden > 0 {
            text.push_str(&format!("    and {} more\n", grouped(hidden)));
        }
        if let Some(indexed) = &t.indexed {
            let whole = if indexed.whole { "" } else { " (not all of the index could be read)" };
            text.push_str(&format!(
                "    the index {} still knows {}{whole}\n",
                escape(&indexed.index),
                count(indexed.entries, what)
            ));
            for document in indexed.documents.iter().take(SHOWN_DOCUMENTS) {
                let field = if indexed.index == "_id_" { "_id" } else { "indexed fields" };
                let (record, fields) = (key(&document.record), escape(&document.fields));
                text.push_str(&format!("      record id {record}: {field} {fields}\n"));
            }
            let more = indexed.entries.saturating_sub(indexed.documents.len().min(SHOWN_DOCUMENTS) as u64);
            if more > 0 {
                text.push_str(&format!("      and {} more\n", grouped(more)));
            }
        }
        if t.older_rows > 0 {
            text.push_str(&format!("    {} taken from older checkpoints\n", count(t.older_rows, what)));
        }
        if t.stray_rows > 0 {
            text.push_str(&format!(
                "    {} on pages that nothing leads to, in a file of their own\n",
                count(t.stray_rows, what)
            ));
        }
        if t.apart > 0 {
            let place = if files { "in a file of their own" } else { "left out here, with -o in a file of their own" };
            let what = "no documents, or keys out of place";
            text.push_str(&format!("  {name}: {}, {place}: {what}\n", count(t.apart, "row")));
        }
        if t.mended > 0 {
            let places: Vec<String> = t.mended_at.iter().take(SHOWN_DOCUMENTS).map(u64::to_string).collect();
            let more = if t.mended as usize > places.len() { ", …" } else { "" };
            let at = if places.is_empty() { String::new() } else { format!(" (offset {}{more})", places.join(", ")) };
            text.push_str(&format!(
                "  {name}: one flipped bit put right in {}{at}; nothing of it is missing\n",
                count(t.mended, "block")
            ));
        }
        if t.disordered > 0 {
            text.push_str(&format!(
                "  {name}: {} in the place of another; their rows came out, not in the order of the keys\n",
                count(t.disordered, "page")
            ));
        }
    }
    text
}

fn one(lost: &Lost, documents: bool, what: &str) -> String {
    let records = documents && [&lost.from, &lost.to].iter().any(|k| k.as_ref().is_some_and(|k| k.number.is_some()));
    let part = match lost.part {
        Part::Page => "page",
        Part::Branch => "branch",
        Part::Rows => "rows",
        Part::Table => "root",
    };
    let place = match (&lost.file, lost.offset, lost.page) {
        (Some(file), Some(offset), _) => format!("{part} at {offset} of {}", escape(file)),
        (_, _, Some((page, lsn))) => format!("page {page} at LSN {lsn}"),
        (Some(file), None, _) => format!("{part} of {}", escape(file)),
        _ => part.to_string(),
    };
    let mut text =
        format!("    {}: {}\n", escape(&range(lost.from.as_ref(), lost.to.as_ref(), records)), bounds(lost.rows, what));
    text.push_str(&format!("      {place}: {}\n", why(lost.why)));
    if let Some(older) = lost.older.as_ref().filter(|o| o.rows > 0) {
        let taken = if older.taken { "taken from there" } else { "--older takes them" };
        text.push_str(&format!(
            "      checkpoint {} has {} there: {taken}\n",
            escape(&older.checkpoint),
            count(older.rows, what)
        ));
    }
    text
}

fn left_out(report: &DumpReport) -> String {
    if report.left_out.is_empty() {
        return String::new();
    }
    let mut text = String::from("Left out, as mongodump does (--all writes them):\n");
    for skipped in report.left_out.iter().take(SHOWN_LEFT) {
        let why = match skipped.why {
            LeftOut::Local => "of this node only",
            LeftOut::Internal => "mongod's own",
            LeftOut::Keys => "keys that members sign with",
            LeftOut::Config => "not of a cluster's catalog",
            LeftOut::System => "a system collection",
            LeftOut::Dollar => "a name with $",
            LeftOut::Views => "each view has a file of its own",
            LeftOut::Users => "nothing says how users are stored, so mongorestore would refuse them",
        };
        text.push_str(&format!("  {}: {why}\n", escape(&skipped.namespace)));
    }
    let more = report.left_out.len().saturating_sub(SHOWN_LEFT);
    if more > 0 {
        text.push_str(&format!("  and {} more\n", grouped(more as u64)));
    }
    text
}

fn next(report: &DumpReport, plan: &Plan, out: &Path, path: &Path) -> String {
    let mut text = String::from("\nNext:\n");
    match report.identity.form {
        Form::Bson if plan.jobs.len() + plan.files.len() > 0 => {
            text.push_str(&format!("  mongorestore --dryRun -v --dir {}\n", shell(out)));
            text.push_str(&format!("  mongorestore --dir {}\n", shell(out)));
        }
        Form::Wt | Form::WtHex => text.push_str("  wt -h NEWHOME load -f FILE\n"),
        _ => {}
    }
    let older = |l: &Lost| l.older.as_ref().is_some_and(|o| o.rows > 0 && !o.taken);
    if report.tables.iter().flat_map(|t| &t.lost).any(older) {
        text.push_str(&format!("  wtcheck dump {} -o NEWDIR --older\n", shell(path)));
    }
    let local = report.tables.iter().flat_map(|t| &t.lost).any(|l| l.file.is_some());
    if local && !report.identity.orphans {
        text.push_str(&format!("  wtcheck dump {} -o NEWDIR --older --orphans\n", shell(path)));
    }
    if report.has_losses() {
        text.push_str(&format!("  wtcheck audit {}\n", shell(path)));
    }
    if text == "\nNext:\n" { String::new() } else { text }
}
