//! `wtcheck log LOG…`: what a server log says broke, how that is known, what to do.

use super::args::LogHomeArgs;
use super::{Failure, Outcome, server_log_source};
use crate::audit::result::Audit;
use crate::audit::{self, home};
use crate::coverage::Unchecked;
use crate::diagnosis::check::Store;
use crate::diagnosis::{Diagnosis, Reader, Verdict};
use crate::exit;
use crate::page::Depth;
use crate::report::{Output, server_log as view};
use crate::subject::Kind;
use std::path::{Path, PathBuf};

/// Say what a log of mongod or of the engine says broke, how that is known, and what to do
///
/// Reads logs of every release since 3.0, whole or an excerpt: plain text and JSON, the engine's own lines, with what
/// journald, Docker or Kubernetes put in front, also as a ticket has them: wrapped, quoted. UTF-8 and
/// UTF-16, plain or packed with gzip, xz, bzip2 or zstd; - is standard input.
///
/// Names the first thing that went wrong and not the last: which file, block or page, whether data are
/// damaged at all, what to do, and the command that goes on. With --home each claim of the log is checked
/// on the data directory itself.
///
/// Exits with 1 if a cause, or an error without a known cause, is in the log; with 0 if none is, which
/// does not prove that the data are whole; with 6 if it is no such log.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub struct Args {
    /// Logs, oldest first; - for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<String>,
    /// Check what the log claims on this data directory, or on dumps that were gathered into one
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    #[command(flatten)]
    read: LogHomeArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let mut reader = Reader::new();
    for name in &args.logs {
        let file = server_log_source::read(name, "log", output, |bytes| reader.push(bytes))?;
        reader.end_log(file);
    }
    let mut diagnosis = reader.diagnose();
    if let Some(dir) = &args.home {
        compare(args, dir, &mut diagnosis, output)?;
    }
    if diagnosis.verdict == Verdict::NoLog {
        let lines: u64 = diagnosis.logs.iter().map(|l| l.lines).sum();
        let names = args.logs.join(", ");
        return Err(Failure::incomplete(
            format!("{names}: no line of mongod or of the engine in {lines}"),
            "give a log of mongod or of WiredTiger, or the lines that it wrote to standard error",
        ));
    }
    let (width, paint, all) = (output.width, output.paint, output.verbose > 0);
    output.document(&diagnosis, || view::text(&diagnosis, width, paint, all));
    Ok(diagnosis.exit_code)
}

/// Audit the data directory, and ask it about every cause.
fn compare(args: &Args, dir: &Path, diagnosis: &mut Diagnosis, output: &Output) -> Result<(), Failure> {
    let read = args.read.read();
    let subject = super::subject(dir, "log --home", false)?;
    if !read.allow_live {
        subject.check_live()?;
    }
    let mut findings = Vec::new();
    let mut unread = Vec::new();
    let mut take = |audit: Audit| {
        let io = |(name, why): (&str, &Unchecked)| match why {
            Unchecked::Io { error, .. } => Some((name.to_string(), error.clone())),
            Unchecked::Hidden => Some((name.to_string(), "its directory cannot be listed".to_string())),
            _ => None,
        };
        unread.extend(audit.coverage.not_checked_list().filter_map(io));
        findings.extend(audit.findings);
    };
    let name = dir.display().to_string();
    let is_home = matches!(subject.kind, Kind::Home | Kind::Both(_));
    let local = if is_home {
        let (opened, _) = subject.home(read.no_mmap)?;
        let options = home::Options { checkpoint: None, depth: Depth::Normal, no_mmap: read.no_mmap, tables: None };
        let audit = home::run(&opened, &name, &options, &output.progress);
        output.progress.finish();
        take(audit?.0);
        Some(opened)
    } else {
        None
    };
    if subject.page_log().is_some() {
        let store = super::open(&subject, read)?;
        let options = audit::Options {
            checkpoint: None,
            newest_only: false,
            depth: Depth::Normal,
            jobs: read.jobs.threads(),
            assume: None,
            tables: None,
        };
        let audit = audit::pagelog::run(&*store, &name, &options, &output.progress);
        output.progress.finish();
        take(audit?);
    }
    diagnosis.check(&Store { name: &name, home: local.as_ref(), findings: &findings, unread: &unread });
    Ok(())
}
