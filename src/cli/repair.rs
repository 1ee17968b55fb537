//! `wtcheck repair plan|apply|undo`: what would be changed, changing it, taking it back.

use super::args::{ForceArgs, JobsArgs, TableArgs};
use super::{Failure, Outcome};
use crate::audit::finding::Code;
use crate::exit;
use crate::id::Lsn;
use crate::output::{Eyes, Target};
use crate::repair::apply::{self, ApplyOptions};
use crate::repair::plan::Plan;
use crate::repair::{self, Options, RepairError, undo};
use crate::report::audit::incomplete_line;
use crate::report::{Format, Output, repair as view};
use crate::scenario;
use crate::store::{StoreError, read_regular_file};
use crate::subject::Kind;
use crate::words;
use crate::words::text::escape;
use clap::{ArgGroup, Subcommand};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Repair the accounting and discard orphans: plan, apply, undo
///
/// A repair starts with a plan for a person to read; making one changes nothing. Applying it writes a
/// new checkpoint next to the old one (in a copy, unless told otherwise), audits the result, and rolls
/// back automatically if that is no better than before. An undo journal is written and synced before
/// the first change.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Plan(PlanArgs),
    Apply(ApplyArgs),
    Undo(UndoArgs),
}

/// Show what a repair would change, from what to what, and why
///
/// Audits the store, proposes what can be repaired with certainty, makes every change in memory and
/// audits the result there. The plan is YAML; remove actions you do not want.
///
/// Exits with 1 if there is something to do, with 0 if there is not, in which case no plan is written.
#[derive(Debug, clap::Args)]
struct PlanArgs {
    /// Data directory: a home with or without kv_home/, or kv_home/ itself
    dir: PathBuf,
    /// Write the plan to this file [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
    /// Only actions for these findings, by code; may be repeated
    #[arg(long, value_name = "CODE", value_parser = code, value_delimiter = ',')]
    only: Vec<Code>,
    #[command(flatten)]
    table: TableArgs,
    /// Only orphans at least this many LSNs older than the newest checkpoint
    #[arg(long, value_name = "LSNS", default_value_t = 0)]
    min_age: u64,
    /// Drop this unusable newest completion record, given by its LSN, and fall back to the previous one
    #[arg(long, value_name = "LSN")]
    drop_completion: Vec<Lsn>,
    /// Accept up to this many orphans even if they are more than half of all live versions
    #[arg(long, value_name = "N")]
    max_orphans: Option<u64>,
    #[command(flatten)]
    jobs: JobsArgs,
}

/// Apply a plan to a copy, or in place
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("where").required(true)))]
struct ApplyArgs {
    /// The plan
    plan: PathBuf,
    /// Copy the directory here and repair the copy; must not exist yet
    #[arg(long, value_name = "NEWDIR", group = "where")]
    output: Option<PathBuf>,
    /// Repair the directory itself
    #[arg(long, group = "where")]
    in_place: bool,
    /// Do not ask before repairing in place
    #[arg(long, requires = "in_place")]
    yes: bool,
    /// The directory, if it is not where the plan says
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write the undo journal to this file instead of into the directory
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Accept up to this many orphans even if they are more than half of all live versions
    #[arg(long, value_name = "N")]
    max_orphans: Option<u64>,
    #[command(flatten)]
    jobs: JobsArgs,
}

/// Undo a repair, record by record
///
/// Compares every record with the journal first, and refuses if the store has changed since.
#[derive(Debug, clap::Args)]
struct UndoArgs {
    /// The undo journal
    journal: PathBuf,
    /// The directory, if it is neither the one that contains the journal nor the one the journal names
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn code(name: &str) -> Result<Code, String> {
    Code::from_name(name).ok_or_else(|| "no such finding code; `wtcheck explain` lists them".to_string())
}

impl From<RepairError> for Failure {
    fn from(e: RepairError) -> Self {
        match e {
            RepairError::Store(e @ StoreError::InUse { .. }) => {
                Self::refused(e.to_string(), "stop the process that holds it, and try again")
            }
            RepairError::Store(e) => e.into(),
            RepairError::Audit(e) => e.into(),
            RepairError::Subject(e) => e.into(),
            RepairError::Output(e) => e.into(),
            RepairError::Refused(why) => Self::refused(why, "wtcheck audit shows where the store stands"),
            RepairError::HalfDone(why) => Self::incomplete(why, "wtcheck audit shows where the store stands"),
            RepairError::Document { .. } => {
                Self::usage(e.to_string(), "give a file written by wtcheck repair plan or apply")
            }
            RepairError::Io { .. } => {
                Self::incomplete(e.to_string(), "nothing was changed; check the path, space and permissions")
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    match &args.verb {
        Verb::Plan(args) => plan(args, output),
        Verb::Apply(args) => apply(args, output),
        Verb::Undo(args) => undo(args, output),
    }
}

fn plan(args: &PlanArgs, output: &mut Output) -> Outcome {
    let jobs = args.jobs.start();
    let wanted = |uri: &str| args.table.matches(uri);
    let options = Options {
        only: args.only.clone(),
        tables: args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool),
        min_age: args.min_age,
        drop_completion: args.drop_completion.clone(),
        max_orphans: args.max_orphans,
    };
    let subject = super::subject(&args.dir, "repair plan", false)?;
    // The plan itself is what goes there, and nothing else.
    let to_file = args.output.as_deref().filter(|p| *p != Path::new("/dev/stdout"));
    let target = to_file.map(|p| Target::new(p, args.force.force, Eyes::Owner)).transpose()?;
    let made = apply::plan(&args.dir, &options, (jobs, now()), &output.progress);
    output.progress.finish();
    let (plan, audit) = made?;
    let exit_code = match (plan.actions.is_empty(), audit.exit_code) {
        (false, _) => exit::FINDINGS,
        // What could not be read may need a repair.
        (true, exit::INCOMPLETE) => exit::INCOMPLETE,
        (true, _) => exit::CLEAN,
    };
    match &target {
        Some(target) => {
            // A plan of nothing would only be taken for one.
            if !plan.actions.is_empty() {
                target.write(view::yaml(&plan).as_bytes())?;
            }
            view::plan(&plan, (&args.dir, target.path()), &audit, exit_code, output);
        }
        None if output.format == Format::Table => output.raw(view::yaml(&plan).as_bytes()),
        None => output.document(&plan, String::new),
    }
    if let Some((path, why)) = audit.coverage.not_checked_list().find(|(_, why)| why.matters()) {
        output.complain(&match exit_code {
            exit::INCOMPLETE => incomplete_line(&audit),
            _ => format!("{path}: {}; the plan does not cover what could not be read", words::unchecked(why)),
        });
    }
    super::beside(&subject, "repair plan", output);
    Ok(exit_code)
}

/// A plan from a file.
fn read_plan(path: &Path) -> Result<Plan, RepairError> {
    let name = path.display().to_string();
    let bad = |reason: String| RepairError::Document { path: name.clone(), reason };
    let text = read_regular_file(path).map_err(|e| bad(e.to_string()))?;
    let text = String::from_utf8(text).map_err(|e| bad(e.to_string()))?;
    if let Some((line, column)) = scenario::too_deep(&text) {
        return Err(bad(format!("brackets are nested too deeply at line {line} column {column}")));
    }
    if let Some((line, column)) = scenario::too_often(&text) {
        return Err(bad(format!("aliases expand to too much at line {line} column {column}")));
    }
    serde_yaml::from_str(&text).map_err(|e| bad(e.to_string()))
}

fn apply(args: &ApplyArgs, output: &mut Output) -> Outcome {
    let jobs = args.jobs.start();
    super::not_a(&args.plan, "repair apply", |kind| *kind == Kind::Plan)?;
    let plan = read_plan(&args.plan)?;
    let directory = args.dir.clone().unwrap_or_else(|| PathBuf::from(&plan.store.directory));
    if args.in_place && !args.yes {
        confirm(&plan, &directory)?;
    }
    let options = ApplyOptions {
        output: args.output.clone(),
        directory: Some(directory),
        journal: args.journal.clone(),
        max_orphans: args.max_orphans,
        jobs,
        now: now(),
    };
    let applied = apply::apply(&plan, &options, &output.progress);
    output.progress.finish();
    let applied = applied?;
    let code = match (&applied.rolled_back, applied.after.exit_code) {
        (Some(_), _) => exit::REFUSED,
        (None, exit::CLEAN) => exit::REPAIRED,
        (None, _) => exit::REPAIRED_PARTLY,
    };
    view::applied(&plan, &applied, code, output);
    if let Some(why) = &applied.rolled_back {
        output.complain(&format!("the repair was rolled back: {why}; the store is unchanged"));
    }
    Ok(code)
}

/// Ask on a terminal; without one the answer must be on the command line.
fn confirm(plan: &Plan, directory: &Path) -> Result<(), Failure> {
    let refused = |why: &str| Failure::refused(why, "give --yes, or repair a copy with --output NEWDIR");
    if !std::io::stdin().is_terminal() {
        return Err(refused(
            "--in-place changes the directory itself, and there is no terminal to ask for confirmation",
        ));
    }
    let mut stderr = std::io::stderr().lock();
    for action in &plan.actions {
        let _ = writeln!(stderr, "  {}", crate::report::text::escape(&repair::describe(&action.what)));
    }
    let shown = crate::report::text::escape(&directory.display().to_string());
    let _ = write!(stderr, "Make these changes in {shown} itself? Type yes: ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if answer.trim() == "yes" { Ok(()) } else { Err(refused("not confirmed")) }
}

/// A directory in place of a journal: the journals that it contains.
fn journals_of(dir: &Path) -> Failure {
    let journals = match repair::journal::list(dir) {
        Ok(journals) => journals,
        Err(e) => return e.into(),
    };
    let (message, hint) = match journals.as_slice() {
        [] => {
            let hint = "no repair was made in it, or the journal was written elsewhere (repair apply --journal)";
            ("is a directory without an undo journal", hint.to_string())
        }
        [one] => ("is a directory", format!("give the undo journal: {}", repair::undo_command(one, dir))),
        [.., newest] => {
            let command = repair::undo_command(newest, dir);
            ("is a directory", format!("give one of its {} undo journals; the newest: {command}", journals.len()))
        }
    };
    Failure::incomplete(format!("{}: {message}", escape(&dir.display().to_string())), hint)
}

fn undo(args: &UndoArgs, output: &mut Output) -> Outcome {
    if args.journal.is_dir() {
        return Err(journals_of(&args.journal));
    }
    super::not_a(&args.journal, "repair plan", |kind| *kind == Kind::Journal)?;
    let undone = undo::undo(&args.journal, args.dir.as_deref(), &output.progress);
    output.progress.finish();
    Ok(view::undone(&undone?, output))
}
