//! `wtcheck simulate accounting SCENARIO`: a model engine with failures, and what it publishes.

use super::{Failure, Outcome};
use crate::exit;
use crate::model::account::Rule;
use crate::output::OutputError;
use crate::report::{Output, simulate as view};
use crate::scenario::Document;
use crate::simulate::{self, SimulateError};
use clap::Subcommand;
use std::path::PathBuf;

/// Run a scenario in a small model engine, and write the resulting data directory
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Accounting(AccountingArgs),
}

/// Fail reconciliations between the page-log put and the wrap-up, and count the bytes
///
/// Reconciles the pages of b-trees as the scenario says, with failures at the put, after it, or after
/// packing the address cookie, and counts the bytes of every tree. If bytes are counted at the put, as
/// engines do today, every failure leaks more; if counting is deferred until the reconciliation can no
/// longer fail, nothing leaks. The result is a PALite data directory for `wtcheck audit`.
///
/// Exits with 0 if the published sizes are right, with 1 if they leak.
#[derive(Debug, clap::Args)]
struct AccountingArgs {
    /// The scenario, YAML
    scenario: PathBuf,
    /// Write the data directory here; must not exist yet, or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// When bytes are counted [default: from the scenario, otherwise at-put]
    #[arg(long, value_enum, value_name = "RULE")]
    accounting: Option<Rule>,
}

impl From<SimulateError> for Failure {
    fn from(e: SimulateError) -> Self {
        match e {
            SimulateError::Mistake(_) => Self::usage(e.to_string(), "fix the scenario there"),
            SimulateError::Output(OutputError::Exists(_)) => {
                Self::refused(e.to_string(), "name a directory that does not exist yet, or an empty one")
            }
            SimulateError::Output(e) => e.into(),
            SimulateError::Store(_) | SimulateError::Io { .. } => {
                Self::incomplete(e.to_string(), "nothing was left behind; check the path, free space and permissions")
            }
        }
    }
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    match &args.verb {
        Verb::Accounting(args) => accounting(args, output),
    }
}

fn accounting(args: &AccountingArgs, output: &mut Output) -> Outcome {
    let document = Document::read(&args.scenario);
    let document = document.map_err(|e| Failure::usage(e.to_string(), "give a scenario file that you can read"))?;
    let simulated = simulate::run(&document, args.accounting).map_err(SimulateError::from)?;
    simulate::write(&simulated.store, &args.output)?;
    let code = if simulated.outcome.leaks() { exit::FINDINGS } else { exit::CLEAN };
    view::accounting(&simulated.outcome, &args.output, code, output);
    Ok(code)
}
