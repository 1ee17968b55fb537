//! `wtcheck pickup …`: how a standby picks up checkpoints, offline.

pub mod explain;
pub mod explore;
pub mod replay;
pub mod run;
mod scenario;

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
    Replay(replay::Args),
    Run(run::Args),
    Explore(explore::Args),
    Explain(explain::Args),
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    match &args.command {
        Command::Replay(a) => replay::run(a, output),
        Command::Run(a) => run::run(a, output),
        Command::Explore(a) => explore::run(a, output),
        Command::Explain(a) => explain::run(a, output),
    }
}
