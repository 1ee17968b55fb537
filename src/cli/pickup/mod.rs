//! `wtcheck pickup …`: how a standby picks up checkpoints, offline.

pub mod explain;

use super::Outcome;
use crate::report::Output;
use clap::Subcommand;

/// Simulate checkpoint pick-up: what a standby did, what a fixed one would do
///
/// A standby that meets a checkpoint whose key is older than the one it has committed must skip it
/// and wait for a compatible one, or step down cleanly and re-sync. Never abort.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Args),
}

/// Run it.
pub fn run(args: &Args, output: &mut Output) -> Outcome {
    match &args.command {
        Command::Explain(a) => explain::run(a, output),
    }
}
