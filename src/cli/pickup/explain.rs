//! `wtcheck pickup explain LOG...`: what a log says of a pick-up that failed.

use crate::audit;
use crate::cli::args::LogHomeArgs;
use crate::cli::{Failure, Outcome, server_log_source};
use crate::diagnosis::{Reader, Verdict as Diagnosed};
use crate::exit;
use crate::id::Lsn;
use crate::pickup::explain::check::{self, Check};
use crate::pickup::explain::{Case, Elsewhere, Options, Verdict};
use crate::pickup::profile::Profile;
use crate::report::Output;
use crate::report::pickup::explain as view;
use std::path::PathBuf;

/// Read a log: which checkpoint failed, why, what a fixed server would do
///
/// The log is from mongod or the engine, complete or an excerpt, also as pasted into a ticket: wrapped,
/// quoted, with timestamps in front. Several logs are read one after the other; - is standard input. It
/// finds the pick-up that failed, its completion text, return code and step, tells that error apart
/// from those that only accompany it, and says what the server does next under each policy.
///
/// Exits with 1 if a pick-up failed, with 0 if there were pick-ups and none failed. If nothing in the
/// log is about pick-up, it names what else broke and exits with 1, or with 6 if nothing did: that does
/// not make the log clean, it just gives nothing to judge by.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Logs, oldest first; - for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<String>,
    /// Check what the log claims against this page log
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Rules of the build that wrote the log [default: recognised by the wording of its lines]
    #[arg(long, value_enum, value_name = "DATE")]
    profile: Option<Profile>,
    /// LSN of the key page the node had committed, if you know it
    #[arg(long, value_name = "LSN")]
    keystore_lsn: Option<Lsn>,
    #[command(flatten)]
    read: LogHomeArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let mut reader = Reader::new();
    for name in &args.logs {
        let file = server_log_source::read(name, "pickup explain", output, |bytes| reader.push(bytes))?;
        reader.end_log(file);
    }
    let options = Options { profile: args.profile, keystore_lsn: args.keystore_lsn, stated: reader.stated() };
    let case = Case::new(reader.pickups(), options);
    let check = compare(args, &case, output)?;
    let mut explanation = case.explain(check);
    if explanation.verdict == Verdict::NothingFound
        && let diagnosis = reader.diagnose()
        && diagnosis.verdict == Diagnosed::Cause
        && let Some(found) = diagnosis.main()
    {
        explanation.elsewhere = Some(Elsewhere { cause: found.cause, title: found.title, line: found.first.line });
        explanation.exit_code = exit::FINDINGS;
    }
    let (width, paint, all) = (output.width, output.paint, output.verbose > 0);
    output.document(&explanation, || view::text(&explanation, width, paint, all));
    Ok(explanation.exit_code)
}

/// Compare the failure with the store, if one was named.
fn compare(args: &Args, case: &Case<'_>, output: &Output) -> Result<Option<Check>, Failure> {
    let Some(dir) = &args.home else { return Ok(None) };
    let read = args.read.read();
    // Also where there is nothing to check: a wrong directory is worth an error.
    let subject = crate::cli::subject(dir, "pickup explain --home", false)?;
    if subject.page_log().is_none() {
        return Err(Failure::incomplete(
            format!(
                "{}: a log of pick-ups is checked against a page log, but there are only local block files here",
                dir.display()
            ),
            "give the home of a node with disaggregated storage",
        ));
    }
    let page_log = crate::cli::open(&subject, read)?;
    let opened = audit::pagelog::open(&*page_log, false, &output.progress);
    output.progress.finish();
    let opened = opened?;
    let Some((failed, reasoned)) = &case.failed else { return Ok(None) };
    Ok(Some(check::check(&opened, &dir.display().to_string(), failed, reasoned, case.profile, args.keystore_lsn)?))
}
