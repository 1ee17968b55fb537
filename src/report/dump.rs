//! What `wtcheck dump` shows: what there is, what was written, what is lost and who may still have it.

use super::Output;
use super::table::{Table, name, number, prose, whole};
use super::text::{command, count, escape, grouped, human};
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

/// The end of the name of a file with documents of pages that nothing leads to.
const STRAYS: &str = ".orphans-bson";

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
    let (width, paint) = (output.width, output.paint);
    output.document(&report, || {
        let mut text = format!("{}: {}\n", escape(&report.path), count(report.tables.len() as u64, "table"));
        let about = report.tables.iter().any(|t| t.rows_stated);
        let rows = report.tables.iter().map(|t| {
            let mark = if t.rows_stated { "~" } else { "" };
            let n = t.rows.map_or_else(|| "?".to_string(), |n| format!("{mark}{}", grouped(n)));
            vec![escape(&t.name), t.role.to_string(), n, human(t.bytes)]
        });
        let columns = [name("Name"), whole("Kind").goes(1), number("Rows"), number("Files")];
        text.push_str(&Table::new(columns, rows).text(width.map(usize::from), paint));
        if about {
            text.push_str("~ as MongoDB counts them: not exact after a crash\n");
        }
        if report.tables.iter().any(|t| t.rows.is_none()) {
            text.push_str("? not counted; -v counts it\n");
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
            let named = t.namespace.as_deref().unwrap_or(&t.uri);
            vec![escape(named), grouped(t.rows), human(t.bytes), lost]
        });
        let columns = [name("Table"), number("Rows"), number("Size"), prose("Lost")];
        text.push_str(&Table::new(columns, lines).text(width.map(usize::from), paint));
        let losses = losses(report, verbose, true);
        if losses.is_empty() && exit_code == exit::CLEAN {
            text.push_str(&format!("{}\n", paint.good("Nothing is lost.")));
        } else {
            text.push_str(&format!("{}\n", paint.bad("Lost or damaged")));
            text.push_str(&losses);
            if losses.is_empty() {
                text.push_str("  nothing in the known tables, but see the notes on the directory above\n");
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
        output.complain(&format!("an older checkpoint has rows in it: wtcheck dump {} … --older", shell(path)));
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
            facts.push(format!("{} replayed from the journal", count(report.replayed, "transaction")));
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
            "WiredTigerHS.wt is missing: older versions of rows cannot be read, so rows that are not stable are left out"
                .to_string()
        }
        Note::LogEnds { lsn, why } => {
            let why = match why {
                Stop::Unread => "it cannot be read",
                Stop::Encrypted => "it is encrypted",
                Stop::Undecodable => "it cannot be decoded",
                Stop::Damaged => "a record is damaged, and the engine treats that as the end",
                Stop::Missing => "a journal file is missing",
                Stop::NeededMissing => "the file in which recovery starts is missing",
            };
            format!("The journal ends at {lsn}: {why}. Later transactions are not in the dump.")
        }
        Note::CheckpointUnusable { lsn } => {
            format!(
                "The newest checkpoint, at LSN {lsn}, cannot be used: this dump is from an older one. wtcheck audit \
                says why."
            )
        }
        Note::LogMissing { lsn } => {
            format!("The turtle names {lsn} in the journal, but there is no journal: later transactions are not in the \
                dump.")
        }
        Note::MetadataSetAside { file, tables } => format!(
            "An engine has set the metadata aside: {file} knows {} that this dump has not. Bring it back first: wtcheck \
             repair plan",
            count(*tables, "file")
        ),
        Note::MetadataFromCopies => {
            "The turtle or the metadata is damaged: the dump is made from copies of it, and may be older, or have more, \
                                     than the engine would show."
                .to_string()
        }
        Note::CatalogLost => {
            "MongoDB's catalog could not be read in full: names, options and indexes are lost with it. Collections \
                              without a name are in the database recovered."
                .to_string()
        }
        Note::MetadataEncrypted => {
            "The metadata is encrypted: tables are known only by their files, and only unencrypted files give rows."
                .to_string()
        }
        Note::MetadataIncomplete => "The metadata could not be read in full: tables may be missing.".to_string(),
        Note::Guessed { file, key_format, value_format } => format!(
            "{file}: its formats are not known; assumed key format {key_format} and value format {value_format} \
             (--key-format, --value-format)"
        ),
        Note::InPageLog { tables } => {
            format!("{} in the page log of another directory: give that directory", count(*tables, "table"))
        }
        Note::Image => "This is an unpacked image: keys and values are not the originals.".to_string(),
        Note::Oplog => {
            "A member of a replica set: operations newer than this state are in local.oplog.rs (name it to dump it too)"
                .to_string()
        }
        Note::Ingest { file } => {
            format!("{file} holds rows that a follower wrote on top of the stable table: here it is a separate table")
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
            (0, n) => format!("0, {} repaired", count(n, "block")),
            (n, _) => format!("{} apart", grouped(n)),
        };
    }
    let lost = bounds(t.lost_rows, if t.namespace.is_some() { "document" } else { "row" });
    match t.stray_rows {
        0 => lost,
        found => format!("{lost}; {} found apart", grouped(found)),
    }
}

fn unread(why: &Unread) -> String {
    match why {
        Unread::Lsm => "a log-structured merge tree; its chunk files can be dumped one by one".to_string(),
        Unread::Tiered => "its objects are not in this directory".to_string(),
        Unread::Type => "a type of table that wtcheck does not read".to_string(),
        Unread::Metadata => "its rows in the metadata are missing".to_string(),
        Unread::Columns => "its columns do not match".to_string(),
        Unread::File { file, error } => format!("{file}: {error}"),
        Unread::Name { error } => format!("no file can have this name: {error}"),
        Unread::Twice => "another table has the same name".to_string(),
        Unread::NoCheckpoint => "it has no such checkpoint".to_string(),
    }
}

/// Why a block gave nothing.
fn why(why: Why) -> &'static str {
    match why {
        Why::BeyondEnd => "the file ends before it",
        Why::Unread => "the operating system could not read it",
        Why::Checksum => "its checksum is wrong",
        Why::Compression => "it cannot be decompressed",
        Why::Encrypted => "it is encrypted",
        Why::Compressor => "its compressor is unknown",
        Why::Huffman => "its values are Huffman-coded",
        Why::PageType => "it is not the page that belongs there",
        Why::Cells => "not all of its cells can be read",
        Why::Item => "an overflow item cannot be read",
        Why::Address => "its address is not valid",
        Why::History => "older versions in the history store cannot be read",
        Why::Change => "a modification does not fit the value it applies to",
        Why::Twice => "the tree references it twice, and its rows belong to the other position",
        Why::Misplaced => "it has the rows of another range",
        Why::Order => "keys are out of order: the misplaced rows are kept separately",
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
            let whole = if indexed.whole { "" } else { " (the index could not be read in full)" };
            text.push_str(&format!(
                "    the index {} still has {}{whole}\n",
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
            text.push_str(&format!("    {} on unreferenced pages, in a separate file\n", count(t.stray_rows, what)));
        }
        if t.apart > 0 {
            let place = if files { "in a separate file" } else { "left out here; -o writes them to a separate file" };
            let what = "not documents, or misplaced keys";
            text.push_str(&format!("  {name}: {}, {place}: {what}\n", count(t.apart, "row")));
        }
        if t.mended > 0 {
            let places: Vec<String> = t.mended_at.iter().take(SHOWN_DOCUMENTS).map(u64::to_string).collect();
            let more = if t.mended as usize > places.len() { ", …" } else { "" };
            let at = if places.is_empty() { String::new() } else { format!(" (offset {}{more})", places.join(", ")) };
            text.push_str(&format!(
                "  {name}: one flipped bit corrected in {}{at}; nothing of it is missing\n",
                count(t.mended, "block")
            ));
        }
        if t.disordered > 0 {
            text.push_str(&format!(
                "  {name}: {} in place of another; their rows were extracted, but not in key order\n",
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
            LeftOut::Local => "specific to this node",
            LeftOut::Internal => "mongod's own",
            LeftOut::Keys => "signing keys of the members",
            LeftOut::Config => "not from a cluster's catalog",
            LeftOut::System => "a system collection",
            LeftOut::Dollar => "its name has a $",
            LeftOut::Views => "each view has its own file",
            LeftOut::Users => "it is not known how users are stored, so mongorestore would refuse them",
        };
        text.push_str(&format!("  {}: {why}\n", escape(&skipped.namespace)));
    }
    let more = report.left_out.len().saturating_sub(SHOWN_LEFT);
    if more > 0 {
        text.push_str(&format!("  and {} more\n", grouped(more as u64)));
    }
    text
}

/// Collections of which rows were found on pages that nothing leads to: where they are, for a shell.
fn strays(report: &DumpReport, out: &Path) -> Vec<(String, String, String)> {
    let found = report.tables.iter().filter(|t| t.stray_rows > 0 && report.identity.form == Form::Bson);
    let one = |t: &TableReport| {
        let file = t.files.iter().find(|f| f.ends_with(STRAYS))?;
        let (database, collection) = t.namespace.as_deref()?.split_once('.')?;
        Some((shell(Path::new(database)), shell(Path::new(collection)), shell(&out.join(file))))
    };
    found.filter_map(one).collect()
}

fn next(report: &DumpReport, plan: &Plan, out: &Path, path: &Path) -> String {
    let mut text = String::from("\nNext:\n");
    match report.identity.form {
        Form::Bson if plan.jobs.len() + plan.files.len() > 0 => {
            text.push_str(&format!("  mongorestore --dryRun -v --dir {}\n", shell(out)));
            text.push_str(&format!("  mongorestore --dir {}\n", shell(out)));
        }
        Form::Wt | Form::WtHex if !report.tables.is_empty() => text.push_str("  wt -h NEWHOME load -f FILE\n"),
        _ => {}
    }
    for (database, collection, file) in strays(report, out) {
        text.push_str(&command(&format!("bsondump {file}")));
        text.push_str(&command(&format!("mongorestore --db {database} --collection {collection}_found - < {file}")));
    }
    // A plan may bring back what leads to the tables, and MongoDB's names with it.
    let way = |n: &Note| matches!(n, Note::MetadataSetAside { .. } | Note::MetadataFromCopies | Note::CatalogLost);
    if report.notes.iter().any(way) {
        text.push_str(&command(&format!("wtcheck repair plan {} -o plan.yaml", shell(path))));
    }
    let older = |l: &Lost| l.older.as_ref().is_some_and(|o| o.rows > 0 && !o.taken);
    if report.tables.iter().flat_map(|t| &t.lost).any(older) {
        text.push_str(&command(&format!("wtcheck dump {} -o NEWDIR --older", shell(path))));
    }
    let local = report.tables.iter().flat_map(|t| &t.lost).any(|l| l.file.is_some());
    if local && !report.identity.orphans {
        text.push_str(&command(&format!("wtcheck dump {} -o NEWDIR --older --orphans", shell(path))));
    }
    if report.has_losses() {
        text.push_str(&command(&format!("wtcheck audit {}", shell(path))));
    }
    if text == "\nNext:\n" { String::new() } else { text }
}
