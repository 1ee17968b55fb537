//! `wtcheck audit DIR`: is this data directory consistent, what leaks, by how much, why.

use super::args::{DumpArgs, ForceArgs, StoreArgs, TableArgs};
use super::html::{HtmlArgs, hashed};
use super::{Failure, Outcome};
use crate::audit::finding::Severity;
use crate::audit::result::Audit;
use crate::audit::{self, AuditError, Options, home};
use crate::page::Depth;
use crate::repair;
use crate::report::Output;
use crate::report::audit::{self as view, Shown};
use crate::subject::{Kind, Subject};
use std::path::Path;

/// Is this data directory consistent: what leaks, by how much, and why
///
/// Page log: walks every tree of the newest usable checkpoint, verifies every block it reaches,
/// compares the published sizes with what the pages add up to, classifies every row of the page log,
/// and compares the keys that checkpoints embed with the keys that exist.
///
/// Home of local block files, or one such file: walks every checkpoint of every file, verifies every
/// block, accounts for every byte of every file, compares sizes, and compares the metadata with the
/// directory and with each file's own copy of its checkpoint. A file in which anything is wrong is
/// decoded to the last cell, as with --deep.
#[derive(Debug, clap::Args)]
#[command(mut_arg("force", |a| a.requires("html")))]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    table: TableArgs,
    /// Decode every cell: key order, row counts, values
    #[arg(long, conflicts_with = "quick")]
    deep: bool,
    /// Read internal pages only; checksums of leaf pages are not verified
    #[arg(long)]
    quick: bool,
    /// Do not walk older checkpoints; what only they need is judged as if they did not exist
    #[arg(long)]
    newest_only: bool,
    /// Print one line, for scripts and monitoring: the verdict, counts, what is lost, the path
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    force: ForceArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let depth = match (args.quick, args.deep) {
        (true, _) => Depth::Quick,
        (_, true) => Depth::Deep,
        _ => Depth::Normal,
    };
    let subject = super::subject_or_dumps(&args.store.dir, &args.dumps, "audit", true, output)?;
    let page = args.html.begin(args.force.force, Some(&subject), output)?;
    let audit = match subject.kind {
        Kind::PageLog(_) => page_log(args, &subject, depth, output)?,
        Kind::Both(_) => both(args, &subject, depth, output)?,
        _ => super::audit_local(&subject, &args.store, &args.table, depth, output)?.0,
    };
    let mut audit = audit;
    if super::gather::is_private() {
        audit.store.dumps = args.dumps.words(&args.store.dir);
    }
    let mendable = would_mend(&subject, &audit, args.store.read.no_mmap);
    view::show(&audit, Shown { summary: args.summary, mendable }, output);
    if let Some(page) = page {
        page.write(&format!("Audit of {}", audit.store.home), &audit.store.home, made_of(&audit), output)?;
    }
    super::judged(&audit, audit.exit_code, output)
}

/// Whether a repair of the local files would do something: only asked where something is wrong.
fn would_mend(subject: &Subject, audit: &Audit, no_mmap: bool) -> bool {
    let whole = matches!(subject.kind, Kind::Home);
    let wrong = audit.findings.iter().any(|f| f.severity > Severity::Note);
    whole && wrong && subject.home(no_mmap).is_ok_and(|(home, _)| repair::home::would_mend(&home, audit))
}

/// What an audit has read, for whoever gets its page.
fn made_of(audit: &Audit) -> Vec<String> {
    let mut out = vec![format!(
        "depth: {}",
        match audit.store.depth {
            Depth::Quick => "internal pages only",
            Depth::Normal => "all checksums",
            Depth::Deep => "all cells",
        }
    )];
    out.push(format!(
        "{} audited, {} not checked",
        audit.coverage.count_audited(),
        audit.coverage.not_checked_list().count()
    ));
    if let Some(c) = &audit.checkpoint {
        let sum = c.metadata_checksum.as_deref().unwrap_or("none");
        out.push(format!("checkpoint: completion record at LSN {}, metadata checksum {sum}", c.lsn));
    }
    // The turtle has the checksum of the metadata's root, and that those of all the rest.
    let home = Path::new(&audit.store.home);
    out.extend(["WiredTiger.turtle", "WiredTiger"].iter().filter_map(|name| hashed(&home.join(name))));
    out
}

fn page_log(args: &Args, subject: &Subject, depth: Depth, output: &Output) -> Result<Audit, Failure> {
    let wanted = |uri: &str| args.table.matches(uri);
    let store = super::open_or_report(subject, args.store.read)?;
    let tables = args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool);
    let options = Options { newest_only: args.newest_only, ..args.store.audit_options(depth, tables) };
    let result = audit::pagelog::run(&*store, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    Ok(result?)
}

/// A home with a page log and local block files: both in one report. A checkpoint or a glob that only one of
/// them has is about that one.
fn both(args: &Args, subject: &Subject, depth: Depth, output: &mut Output) -> Result<Audit, Failure> {
    let store = super::open_or_report(subject, args.store.read)?;
    let wanted = |uri: &str| args.table.matches(uri);
    let asked = args.table.table.is_some();
    let (log_tables, home_tables) =
        (asked.then_some(&wanted as &dyn Fn(&str) -> bool), asked.then_some(&wanted as &(dyn Fn(&str) -> bool + Sync)));
    let run_log = |checkpoint: Option<String>| {
        let options =
            Options { newest_only: args.newest_only, checkpoint, ..args.store.audit_options(depth, log_tables) };
        audit::pagelog::run(&*store, &args.store.home(), &options, &output.progress)
    };
    let (home, _) = subject.home(args.store.read.no_mmap)?;
    let run_home = |checkpoint: Option<String>| {
        let options = home::Options { checkpoint, depth, no_mmap: args.store.read.no_mmap, tables: home_tables };
        home::run(&home, &args.store.home(), &options, &output.progress).map(|(audit, _)| audit)
    };
    // A number is an LSN, which local files have nothing of. A name is the name of whichever has it.
    let checkpoint = args.store.checkpoint.clone();
    let name = checkpoint.clone().filter(|c| c.parse::<u64>().is_err());
    let no_such =
        |e: &AuditError| matches!(e, AuditError::NoSuchCheckpoint { .. } | AuditError::NoSuchCheckpointName { .. });
    let mut local = run_home(name.clone());
    let home_lacks = local.as_ref().is_err_and(no_such);
    if home_lacks {
        local = run_home(None);
    }
    let mut log = run_log(checkpoint);
    let mut other_checkpoint = false;
    if name.is_some() && !home_lacks && log.as_ref().is_err_and(no_such) {
        log = run_log(None);
        other_checkpoint = log.is_ok();
    }
    output.progress.finish();
    if other_checkpoint {
        output.complain(&format!(
            "{}: only local block files have the checkpoint; in the page log the newest was audited",
            args.store.home()
        ));
    }
    let line = |what: &str| format!("{}: {what}", args.store.home());
    match (log, local) {
        (Ok(log), Ok(local)) => Ok(audit::both::join(log, local)),
        (Ok(log), Err(AuditError::NoSuchTable { .. })) => {
            output.complain(&line("no local block file matches --table; only the page log was audited"));
            Ok(log)
        }
        (Err(AuditError::NoSuchTable { .. }), Ok(local)) => {
            output.complain(&line("no tree of the page log matches --table; only local block files were audited"));
            Ok(local)
        }
        (Err(AuditError::NoSuchTable { mut names }), Err(AuditError::NoSuchTable { names: local })) => {
            names.extend(local);
            Err(AuditError::NoSuchTable { names }.into())
        }
        (Err(e), _) | (_, Err(e)) => Err(e.into()),
    }
}
