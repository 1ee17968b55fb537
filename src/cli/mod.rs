//! The command line: one file per command with its arguments and a thin `run`. No format knowledge.

pub mod args;
pub mod audit;
pub mod complete;
mod complete_line;
mod complete_names;
pub mod decode;
pub mod diff;
pub mod dump;
pub mod explain;
pub mod export;
pub mod gather;
pub mod generate;
pub mod history;
pub mod html;
pub mod interrupt;
pub mod manpage;
pub mod manual;
mod manual_pages;
pub mod map;
pub mod orphans;
pub mod pack;
pub mod page;
pub mod pickup;
pub mod repair;
pub mod schema;
#[cfg(feature = "devtools")]
pub mod schema_made;
pub mod server_log;
mod server_log_source;
pub mod shortcut;
pub mod simulate;

use crate::audit::AuditError;
use crate::audit::home::{self, FileMap};
use crate::audit::result::Audit;
use crate::exit;
use crate::output::{self, OutputError};
use crate::page::Depth;
use crate::report::audit::incomplete_line;
use crate::report::{Format, Output, subject as words};
use crate::scratch;
use crate::store::{self, Located, PageLog, StoreError};
use crate::subject::{Kind, NoStore, Subject};
use args::{OutputArgs, ReadArgs, StoreArgs, TableArgs};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Offline inspection and repair of WiredTiger data directories, above all of disaggregated storage.
///
/// wtcheck reads a copy of a data directory, or one whose node is down. Only `repair apply
/// --in-place` and `repair undo` change anything in it; other commands do not even change a timestamp.
#[derive(Debug, Parser)]
#[command(name = "wtcheck", version)]
#[command(override_usage = "wtcheck [OPTIONS] <COMMAND>\n       wtcheck [OPTIONS] [PATH]    (wtcheck audit PATH)")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Args),
    Orphans(orphans::Args),
    History(history::Args),
    Diff(diff::Args),
    Page(page::Args),
    Map(map::Args),
    Dump(dump::Args),
    Log(server_log::Args),
    Pickup(pickup::Args),
    Repair(repair::Args),
    Pack(pack::PackArgs),
    Unpack(pack::UnpackArgs),
    Export(export::Args),
    Gather(gather::Args),
    Simulate(simulate::Args),
    Decode(decode::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Man(generate::ManArgs),
    Completions(generate::CompletionArgs),
}

/// The clap tree, with what the help has beside the arguments.
#[must_use]
pub fn command() -> clap::Command {
    manual::dress(Cli::command())
}

/// Why a command failed: what happened, what to try next, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: String,
    code: u8,
}

impl Failure {
    /// A failure with a hint.
    pub fn new(code: u8, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), code }
    }

    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message, hint)
    }

    pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(exit::REFUSED, message, hint)
    }

    pub fn incomplete(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(exit::INCOMPLETE, message, hint)
    }
}

impl From<OutputError> for Failure {
    fn from(e: OutputError) -> Self {
        let hint = match &e {
            OutputError::Exists(_) => "overwrite it with --force, or choose another name",
            OutputError::InStore { .. } => "name a file outside it",
            OutputError::NoName(_) | OutputError::Odd { .. } | OutputError::Evidence(_) => "choose another name",
            OutputError::Io { .. } => "name a file in a directory that exists and that you can write to",
        };
        match e.is_refusal() {
            true => Self::usage(e.to_string(), hint),
            false => Self::incomplete(e.to_string(), hint),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        let hint = match &e {
            StoreError::NoPageLog { .. } => "give the home directory that holds kv_home/, or kv_home/ itself",
            StoreError::Unreadable { .. } => "check that the copy is complete and that you can read it",
            StoreError::Io { .. } => "run wtcheck as a user who can read it, or on a copy from another source",
            StoreError::Damaged { .. } => {
                "copy the file from another source, or recover it with the database's own tools"
            }
            StoreError::NotSupplied(_) => "gather the dumps again with one that has its bytes, or with --decrypt",
            StoreError::Odd { .. } => {
                let hint = "find out who put it there; put an ordinary file in its place, and make a new plan";
                return Self::refused(e.to_string(), hint);
            }
            StoreError::Unwritable { .. } => {
                let hint =
                    "all files of a store must belong to the user its engine runs as: chown it, or repair a copy";
                return Self::refused(e.to_string(), hint);
            }
            StoreError::Schema { .. } => {
                let hint = "no engine leaves that behind; fix it with sqlite3 on a copy, or restore the file";
                return Self::refused(e.to_string(), hint);
            }
            StoreError::NoWriter { .. } => {
                let hint = "use a released binary, or build it with: cargo build --release --features full";
                return Self::refused(e.to_string(), hint);
            }
            StoreError::InUse { .. } => {
                let hint = "stop the process or audit a copy; --allow-live reads it anyway, without any guarantees";
                return Self::refused(e.to_string(), hint);
            }
        };
        Self::incomplete(e.to_string(), hint)
    }
}

impl From<AuditError> for Failure {
    fn from(e: AuditError) -> Self {
        match e {
            AuditError::Store(e) => e.into(),
            AuditError::NoSuchCheckpoint { .. } | AuditError::NoSuchCheckpointName { .. } => {
                Self::usage(e.to_string(), "name one of them with --checkpoint, or leave it out for the newest")
            }
            AuditError::NoSuchTable { .. } => {
                Self::usage(e.to_string(), "name one of them with --table, or leave it out for all")
            }
            AuditError::Unsupported { .. } => {
                Self::refused(e.to_string(), "use a newer wtcheck, or name an older checkpoint with --checkpoint")
            }
        }
    }
}

type Outcome = Result<u8, Failure>;

/// Run the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = complete::answer() {
        return code;
    }
    let args = match shortcut::expand(std::env::args_os().collect()) {
        Ok(args) => args,
        Err(answer) => {
            let _ = writeln!(std::io::stderr(), "wtcheck: {answer}");
            return ExitCode::from(exit::USAGE);
        }
    };
    let parsed = command().try_get_matches_from(args).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no errors; a closed pipe is no reason to complain either.
            let printed = e.print();
            return ExitCode::from(match printed {
                _ if e.use_stderr() => exit::USAGE,
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    let _ = writeln!(std::io::stderr(), "{}", unprinted(&e.to_string()));
                    exit::INCOMPLETE
                }
                _ => exit::CLEAN,
            });
        }
    };
    std::panic::set_hook(Box::new(|info| {
        scratch::wait_if_ending();
        eprintln!("wtcheck: a bug in wtcheck {}: {info}; please report it", env!("CARGO_PKG_VERSION"));
    }));
    let code = std::panic::catch_unwind(|| run(&cli)).unwrap_or(exit::BUG);
    // Who is interrupted at the very end is, too; what is temporary is being removed.
    scratch::wait_if_ending();
    ExitCode::from(code)
}

/// A result that could not be shown: what of it is on stdout is not all there is.
fn unprinted(reason: &str) -> String {
    format!("wtcheck: standard output: {reason}; the result is incomplete, write it somewhere else")
}

fn run(cli: &Cli) -> u8 {
    let mut output = cli.output.output();
    output::private_by_default();
    interrupt::install(output.progress.clearing());
    let outcome = match &cli.command {
        Command::Audit(a) => audit::run(a, &mut output),
        Command::Orphans(a) => orphans::run(a, &mut output),
        Command::History(a) => history::run(a, &mut output),
        Command::Diff(a) => diff::run(a, &mut output),
        Command::Page(a) => page::run(a, &mut output),
        Command::Map(a) => map::run(a, &mut output),
        Command::Dump(a) => dump::run(a, &mut output),
        Command::Pickup(a) => pickup::run(a, &mut output),
        Command::Repair(a) => repair::run(a, &mut output),
        Command::Pack(a) => pack::pack(a, &mut output),
        Command::Unpack(a) => pack::unpack(a, &mut output),
        Command::Export(a) => export::run(a, &mut output),
        Command::Gather(a) => gather::run(a, &mut output),
        Command::Simulate(a) => simulate::run(a, &mut output),
        Command::Decode(a) => decode::run(a, &mut output),
        Command::Log(a) => server_log::run(a, &mut output),
        Command::Explain(a) => explain::run(a, &mut output),
        Command::Schema(a) => schema::run(a, &mut output),
        Command::Man(a) => generate::man(a, &mut output),
        Command::Completions(a) => generate::completions(a, &mut output),
    };
    gather::forget();
    output.progress.finish();
    let code = outcome.unwrap_or_else(|failure| {
        report_failure(&failure, &mut output);
        failure.code
    });
    let Some(reason) = &output.unwritten else { return code };
    let _ = writeln!(std::io::stderr(), "{}", unprinted(reason));
    match code {
        // Whoever asked for the verdict did not get it. What was repaired is repaired.
        exit::CLEAN | exit::FINDINGS => exit::INCOMPLETE,
        code => code,
    }
}

/// One line on stderr; programs get an object on stdout as well.
fn report_failure(failure: &Failure, output: &mut Output) {
    output.complain(&format!("{}; {}", failure.message, failure.hint));
    if output.format != Format::Table {
        let report = crate::schema::failure::Failed {
            schema_version: crate::audit::result::SCHEMA_VERSION,
            error: &failure.message,
            hint: &failure.hint,
            exit_code: failure.code,
        };
        output.document(&report, String::new);
    }
}

/// A path that a verb cannot take: what it is, and the command that is for it. What another verb reads is a
/// mistake on the command line; whatever else is no store could not be judged.
fn not_for(subject: &Subject, verb: &str) -> Failure {
    let code = match subject.kind {
        Kind::Image | Kind::ServerLog(_) | Kind::Plan | Kind::Journal => exit::USAGE,
        _ => exit::INCOMPLETE,
    };
    Failure::new(code, words::what(subject), words::hint(subject, verb))
}

impl From<NoStore> for Failure {
    fn from(e: NoStore) -> Self {
        not_for(&e.0, "audit")
    }
}

/// What a verb was given: a store, or a block file where `files` says so. Verbs that take files have a ledger, so
/// that a page log nobody lets them see does not keep them from the local files beside it.
fn subject(path: &Path, verb: &str, files: bool) -> Result<Subject, Failure> {
    let subject = Subject::open(path);
    match subject.kind {
        Kind::PageLog(_) | Kind::Home | Kind::Both(_) => Ok(subject),
        Kind::BlockFile(_) | Kind::Unreadable { local: true, .. } if files => Ok(subject),
        _ => Err(not_for(&subject, verb)),
    }
}

/// As [`subject`], for verbs that take dumps of a page service as they take a page log.
fn subject_or_dumps(
    path: &Path,
    dumps: &args::DumpArgs,
    verb: &str,
    files: bool,
    output: &Output,
) -> Result<Subject, Failure> {
    match gather::privately(path, dumps, &output.progress)? {
        Some(subject) => Ok(subject),
        None => subject(path, verb, files),
    }
}

/// Refuse a file that is clearly something else than the document a verb reads: what it is, and the command
/// that is for it. What is not known is left to the verb.
fn not_a(path: &Path, verb: &str, wanted: impl Fn(&Kind) -> bool) -> Result<(), Failure> {
    let subject = Subject::open(path);
    let unknown = matches!(
        subject.kind,
        Kind::OtherFile
            | Kind::OtherDirectory { .. }
            | Kind::EmptyDirectory
            | Kind::EmptyFile
            | Kind::Special(_)
            | Kind::Missing(_)
            | Kind::Unreadable { .. }
    );
    if unknown || wanted(&subject.kind) { Ok(()) } else { Err(not_for(&subject, verb)) }
}

/// Say what a result about the page log of a home leaves out, where there is more in the home.
fn beside(subject: &Subject, verb: &str, output: &mut Output) {
    if let Some(line) = words::beside(subject, verb) {
        output.complain(&line);
    }
}

/// Audit the local home a command names, or the file it names in the home around it.
fn audit_local(
    subject: &Subject,
    args: &StoreArgs,
    table: &TableArgs,
    depth: Depth,
    output: &Output,
) -> Result<(Audit, Vec<FileMap>), Failure> {
    args.read.jobs.start();
    if !args.read.allow_live {
        subject.check_live()?;
    }
    let (home, file) = subject.home(args.read.no_mmap)?;
    let wanted = |name: &str| file.as_deref().map_or_else(|| table.matches(name), |f| f == name);
    let chosen = file.is_some() || table.table.is_some();
    let options = home::Options {
        checkpoint: args.checkpoint.clone(),
        depth,
        no_mmap: args.read.no_mmap,
        tables: chosen.then_some(&wanted as &(dyn Fn(&str) -> bool + Sync)),
    };
    let result = home::run(&home, &args.home(), &options, &output.progress);
    output.progress.finish();
    Ok(result?)
}

/// Open the page log of what a command names.
fn open(subject: &Subject, args: ReadArgs) -> Result<Box<dyn PageLog>, Failure> {
    Ok(store::open_at(log_of(subject, args)?, args.no_mmap)?)
}

/// As [`open`], for commands that report what was not read: then the store is one without rows.
fn open_or_report(subject: &Subject, args: ReadArgs) -> Result<Box<dyn PageLog>, Failure> {
    let located = log_of(subject, args)?;
    match store::open_at(located, args.no_mmap) {
        Ok(store) => Ok(store),
        Err(e) => Ok(Box::new(store::UnreadLog::new(located, e)?)),
    }
}

/// Where the page log lies that is to be read, by as many threads as asked for.
fn log_of(subject: &Subject, args: ReadArgs) -> Result<&Located, Failure> {
    args.jobs.start();
    let Some(located) = subject.page_log() else { return Err(not_for(subject, "audit")) };
    if !args.allow_live {
        subject.check_live()?;
    }
    Ok(located)
}

/// The end of a verb that stands on an audit: what it exits with, and a line if not enough could be read.
fn judged(audit: &Audit, code: u8, output: &mut Output) -> Outcome {
    if code == exit::INCOMPLETE {
        output.complain(&incomplete_line(audit));
    }
    Ok(code)
}
