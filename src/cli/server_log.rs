//! `wtcheck log LOG…`: what a server log says broke, how that is known, what to do.

use super::args::{ForceArgs, LogHomeArgs};
use super::html::{HtmlArgs, hashed};
use super::{Failure, Outcome, server_log_source};
use crate::audit::result::Audit;
use crate::audit::{self, home};
use crate::coverage::Unchecked;
use crate::diagnosis::check::Store;
use crate::diagnosis::{Diagnosis, Reader, Verdict};
use crate::page::Depth;
use crate::report::{Output, server_log as view};
use crate::subject::{Kind, Subject};
use std::path::{Path, PathBuf};

/// Find what broke in a log of mongod or the engine, how that is known, and what to do
///
/// Reads logs of every release since 3.0, complete or an excerpt: plain text and JSON, the engine's own
/// lines, with prefixes from journald, Docker or Kubernetes, also as pasted into a ticket: wrapped,
/// quoted. UTF-8 and UTF-16, plain or compressed with gzip, xz, bzip2 or zstd; - is standard input.
///
/// Names the first thing that went wrong, not the last: which file, block or page, whether data is
/// damaged at all, what to do, and the command to run next. With --home each claim in the log is
/// checked against the data directory itself.
///
/// Exits with 1 if the log has a cause, or an error without a known cause; with 0 if it has none, which
/// does not prove that the data is intact; with 6 if it is not such a log.
#[derive(Debug, clap::Args)]
#[command(mut_arg("force", |a| a.requires("html")))]
pub struct Args {
    /// Logs, oldest first; - for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<String>,
    /// Check what the log claims against this data directory, or against dumps gathered into one
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    #[command(flatten)]
    read: LogHomeArgs,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    force: ForceArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let subject = args.home.as_deref().map(Subject::open);
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
            format!("{names}: no line from mongod or the engine in {lines}"),
            "give a log of mongod or WiredTiger, or the lines that it wrote to standard error",
        ));
    }
    let page = args.html.begin(args.force.force, subject.as_ref(), output)?;
    let (paint, all) = (output.paint, output.verbose > 0);
    output.document(&diagnosis, || view::sheet(&diagnosis, paint, all));
    if let Some(page) = page {
        let lines = diagnosis.logs.iter().map(|l| format!("{}: {} lines", l.name, l.lines));
        let hashes = args.logs.iter().filter_map(|name| hashed(Path::new(name)));
        let sums = lines.chain(hashes).collect();
        page.write(&format!("What broke: {}", args.logs.join(", ")), &args.logs.join(", "), sums, output)?;
    }
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
