//! `wtcheck dump PATH`: rows and documents out of a store.

use super::args::{GatherArgs, ReadArgs};
use super::{Failure, Outcome};
use crate::dump::all::{self, Options};
use crate::dump::directory::DirectoryError;
use crate::dump::form::Form;
use crate::dump::pagelog::{LogError, LogTrees};
use crate::dump::report::{DumpReport, Identity};
use crate::dump::run::Rescue;
use crate::dump::select::{self, Plan};
use crate::dump::shelf::{Shelf, Told};
use crate::exit;
use crate::home::content::{At, AtError};
use crate::mongo::extjson::Mode;
use crate::report::{Output, dump as view};
use crate::store;
use crate::subject::{Kind, Subject};
use crate::words::text::shell;
use clap::ValueEnum;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Extract rows and documents from a store, intact or damaged, as the engine would show them
///
/// Works without an engine, so it extracts what is left on a node that will not start. For a home it
/// takes the newest checkpoint, rolls back what is not stable with the help of the history store, and
/// replays the journal, all in memory. A block that cannot be read is skipped; the report says which
/// keys are lost, and where they may still be found.
///
/// One table goes to standard output, several to a directory. MongoDB documents are written in the
/// layout that mongorestore loads: OUT/DATABASE/COLLECTION.bson, with options and indexes next to it.
/// If a dump is interrupted, running it again continues where it stopped.
///
/// Exits with 0 if everything was extracted, with 1 if something is lost or damaged (the report says
/// what), with 6 if something could not be read but is not known to be damaged.
#[derive(Debug, clap::Args)]
#[command(mut_arg("no_mmap", |a| a.help(super::args::PALM_ONLY)))]
pub struct Args {
    /// A home, one block file (*.wt), a page log, or dumps of a page service
    path: PathBuf,
    /// Namespaces (db.collection), databases, or tables (table:NAME, file:NAME.wt); if none is given, all
    /// that mongodump would write. For a page service, further dumps
    #[arg(value_name = "TABLE|NAMESPACE")]
    names: Vec<String>,
    /// Output form [default: bson for documents, or json on a terminal; otherwise wt]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: Option<As>,
    /// List tables and collections, with counts and sizes
    #[arg(long, conflicts_with_all = ["form", "output", "older", "orphans"])]
    list: bool,
    /// Point in time: recovered (as the engine would show it), checkpoint (the newest as it is), the NAME
    /// of a checkpoint, the LSN of one in a page log, or ts:HEX (a timestamp between oldest and stable)
    #[arg(long, value_name = "WHEN", default_value = "recovered")]
    at: String,
    /// Write to this directory: a new one, or one with an unfinished dump of the same data
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Overwrite what is in the directory
    #[arg(long, requires = "output")]
    force: bool,
    /// Take rows in lost ranges from older checkpoints; the report marks them
    #[arg(long)]
    older: bool,
    /// Search the whole file for unreferenced pages of lost ranges; their rows go to a separate file
    #[arg(long, requires = "output")]
    orphans: bool,
    /// Everything, including what mongodump leaves out: local, config, system collections
    #[arg(long)]
    all: bool,
    /// JSON that states the type of every number
    #[arg(long)]
    canonical: bool,
    /// Format of the keys, for a file whose key format is not known
    #[arg(long, value_name = "FORMAT")]
    key_format: Option<String>,
    /// Format of the values, for a file whose value format is not known
    #[arg(long, value_name = "FORMAT")]
    value_format: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    gather: GatherArgs,
}

/// Forms of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    /// Documents as they are stored, with metadata, for mongorestore
    Bson,
    /// Extended JSON, one document per line; for other tables one row per line
    Json,
    /// The dump format of the engine's utility, printable; `wt load` takes it
    Wt,
    /// The same in hexadecimal digits
    WtHex,
    /// Columns, for keys and values of simple formats
    Csv,
}

impl From<As> for Form {
    fn from(form: As) -> Self {
        match form {
            As::Bson => Self::Bson,
            As::Json => Self::Json,
            As::Wt => Self::Wt,
            As::WtHex => Self::WtHex,
            As::Csv => Self::Csv,
        }
    }
}

impl From<AtError> for Failure {
    fn from(e: AtError) -> Self {
        let hint = match &e {
            AtError::NoCheckpoint(_) => "wtcheck audit PATH lists the checkpoints of each file",
            AtError::Outside { .. } => "name a timestamp between these two",
            AtError::NoTimestamps => "leave out --at, or name a checkpoint",
        };
        Self::usage(e.to_string(), hint)
    }
}

impl From<LogError> for Failure {
    fn from(e: LogError) -> Self {
        match e {
            LogError::Store(e) => e.into(),
            LogError::NoCheckpoint => Self::incomplete(e.to_string(), "wtcheck audit PATH says why"),
            LogError::NotThere { .. } => Self::usage(e.to_string(), "name one of them with --at"),
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(e: DirectoryError) -> Self {
        match e {
            DirectoryError::Output(e) => e.into(),
            DirectoryError::Foreign(_) | DirectoryError::Other(_) => {
                Self::refused(e.to_string(), "name another directory, or overwrite it with --force")
            }
            DirectoryError::Io { .. } => {
                Self::incomplete(e.to_string(), "check the path and free space; run it again to continue")
            }
        }
    }
}

impl Args {
    /// Dumps among the names, and the other names.
    fn split(&self) -> (Vec<PathBuf>, Vec<String>) {
        let is_dump = |name: &String| matches!(Subject::open(Path::new(name)).kind, Kind::Dump(_));
        let (dumps, names): (Vec<String>, Vec<String>) = self.names.iter().cloned().partition(is_dump);
        (dumps.into_iter().map(PathBuf::from).collect(), names)
    }

    fn at(&self) -> Result<At, Failure> {
        Ok(match self.at.as_str() {
            "recovered" => At::Recovered,
            "checkpoint" => At::Checkpoint,
            text => match text.strip_prefix("ts:") {
                Some(hex) => At::Timestamp(u64::from_str_radix(hex, 16).map_err(|_| {
                    Failure::usage(
                        format!("--at {text}: not a timestamp in hexadecimal digits"),
                        "write it as in the engine's metadata: ts:6642e3fb00000001",
                    )
                })?),
                None => At::Named(text.to_string()),
            },
        })
    }

    fn open(&self, subject: &Subject) -> Result<Shelf, Failure> {
        let mut shelf = Shelf::default();
        if !self.read.allow_live {
            subject.check_live()?;
        }
        let at = self.at()?;
        if let Some(located) = subject.page_log() {
            let store = store::open_at(located, self.read.no_mmap)?;
            let wanted = match &at {
                At::Named(name) => Some(name.as_str()),
                At::Timestamp(_) => {
                    let message = "a page log has checkpoints, and no other points in time";
                    return Err(Failure::usage(message, "give the LSN of one: wtcheck audit PATH lists them"));
                }
                At::Recovered | At::Checkpoint => None,
            };
            shelf = shelf.with_log(LogTrees::open(store, wanted)?);
        }
        if !matches!(subject.kind, Kind::PageLog(_)) {
            let (mut home, file) = subject.home(true)?;
            // Who names a file means it, whatever the metadata beside it knows.
            if let Some(lone) = file.as_deref().filter(|name| home.files.iter().all(|f| f.name != **name)) {
                home = subject.lone_file(true).filter(|h| h.files.iter().any(|f| f.name == lone)).unwrap_or(home);
            }
            let told = Told { key_format: self.key_format.clone(), value_format: self.value_format.clone() };
            // A checkpoint that was named is one of the page log, where there is one.
            let at = if shelf.log.is_some() && matches!(at, At::Named(_)) { At::Recovered } else { at };
            shelf = shelf.with_home(home, file.as_deref(), at, &told)?;
        }
        Ok(shelf)
    }

    /// The form that nobody asked for.
    fn form(&self, shelf: &Shelf) -> Form {
        if let Some(form) = self.form {
            return form.into();
        }
        let documents = shelf.mongo || shelf.items.iter().all(crate::dump::item::Item::has_documents);
        match (documents && !shelf.items.is_empty(), self.output.is_some()) {
            (true, false) if io::stdout().is_terminal() => Form::Json,
            (true, _) => Form::Bson,
            _ => Form::Wt,
        }
    }
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    args.read.jobs.start();
    let (more, names) = args.split();
    let gathered = super::gather::privately_of(&args.path, &more, &args.gather, &output.progress)?;
    let subject = match gathered {
        Some(subject) => subject,
        None => super::subject(&args.path, "dump", true)?,
    };
    let shelf = args.open(&subject)?;
    if args.list {
        let listed = view::list(&shelf, &names, &args.path, output);
        return Ok(listed);
    }
    let form = args.form(&shelf);
    let plan = select::choose(&shelf, &names, args.all, form);
    if let Some(name) = plan.unknown.first() {
        let hint = format!("wtcheck dump {} --list names them", shell(&args.path));
        return Err(Failure::usage(format!("{}: there is no table or collection {name}", args.path.display()), hint));
    }
    let mode = if args.canonical { Mode::Canonical } else { Mode::Relaxed };
    let rescue = Rescue { older: args.older, strays: args.orphans };
    let options = Options { form, mode, rescue };
    let identity = Identity {
        path: args.path.display().to_string(),
        at: args.at.clone(),
        form,
        older: args.older,
        orphans: args.orphans,
        names: names.clone(),
        all: args.all,
        fingerprint: all::fingerprint(&shelf),
    };
    let report = all::begin(&shelf, &plan, identity);
    match &args.output {
        Some(out) => {
            let made = all::to_directory(&shelf, &plan, &options, out, args.force, report, &output.progress);
            output.progress.finish();
            let report = made?;
            let code = code(&report);
            view::show(&report, &plan, out, &args.path, code, output);
            Ok(code)
        }
        None => to_stdout(args, &shelf, &plan, &options, report, output),
    }
}

/// One table to standard output; what is lost is said on standard error.
fn to_stdout(
    args: &Args,
    shelf: &Shelf,
    plan: &Plan,
    options: &Options,
    mut report: DumpReport,
    output: &mut Output,
) -> Outcome {
    let [job] = plan.jobs.as_slice() else {
        let path = shell(&args.path);
        return Err(match plan.jobs.len() {
            0 if !plan.left_out.is_empty() => Failure::usage(
                format!("{}: holds only what mongodump leaves out", args.path.display()),
                format!("wtcheck dump {path} --list names it; --all writes it"),
            ),
            0 => Failure::incomplete(
                format!("{}: there is no table to dump", args.path.display()),
                format!("wtcheck audit {path} says what is there"),
            ),
            n => Failure::usage(
                format!("{}: {n} tables cannot go to one stream", args.path.display()),
                format!("give a directory for them with -o DIR, or name one table: wtcheck dump {path} --list"),
            ),
        });
    };
    let mut stdout = BufWriter::with_capacity(1 << 20, io::stdout());
    let made = all::to_stream(shelf, job, options, &mut stdout, &output.progress);
    output.progress.finish();
    let flushed = made.and_then(|report| stdout.flush().map(|()| report));
    match flushed {
        Ok(table) => report.tables.extend(table),
        // A reader that went away has what it wanted.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(exit::CLEAN),
        Err(e) => {
            return Err(Failure::incomplete(format!("standard output: {e}"), "the dump is incomplete; use -o DIR"));
        }
    }
    let code = code(&report);
    view::complain(&report, &args.path, output);
    Ok(code)
}

/// What a dump exits with.
fn code(report: &DumpReport) -> u8 {
    let nothing = !report.tables.is_empty() && report.tables.iter().all(|t| t.unread.is_some());
    match () {
        () if nothing || report.is_only_unread() => exit::INCOMPLETE,
        () if report.has_losses() => exit::FINDINGS,
        () => exit::CLEAN,
    }
}
