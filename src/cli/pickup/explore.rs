//! `wtcheck pickup explore SCENARIO`: every interleaving.

use super::super::Outcome;
use super::super::args::{ForceArgs, JobsArgs};
use super::scenario::ScenarioArgs;
use crate::output::{Eyes, Target};
use crate::pickup::explore::{self, MAX_STATES, Options};
use crate::report::Output;
use crate::report::pickup::explore as view;
use std::path::{Path, PathBuf};

/// Try every interleaving of a scenario: prove that no rule breaks, or show how one does
///
/// The rules: a standby never aborts, never installs an older checkpoint, never one whose key cannot be
/// loaded, keeps serving a consistent checkpoint meanwhile, and once a compatible one exists and faults
/// stop, installs it within the retry budget. Times do not matter, except for the order of what one
/// thread does. A counter-example is made as small as possible, and is a scenario that `pickup run`
/// replays.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Maximum number of actions in a row
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    #[command(flatten)]
    jobs: JobsArgs,
    /// Maximum number of states; beyond it random interleavings are tried
    #[arg(long, value_name = "N", default_value_t = MAX_STATES)]
    states: usize,
    /// Random interleavings tried where there are too many states
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    walks: usize,
    /// Seed for the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the counter-example to this file; further ones to FILE-2 and so on
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let (_, scenario) = args.scenario.read()?;
    let target = |path: &Path| Target::new(path, args.force.force, Eyes::Owner);
    // Hours of work must not end for a name.
    args.output.as_deref().map(target).transpose()?;
    args.jobs.start();
    let options = Options { depth: args.depth, states: args.states.max(1), walks: args.walks, seed: args.seed };
    let found = explore::explore(&scenario, &scenario.policy, &options, &output.progress);
    output.progress.finish();
    let mut written = Vec::new();
    if let Some(path) = &args.output {
        for (n, example) in found.examples.iter().enumerate() {
            let path = numbered(path, n);
            target(&path)?.write(view::yaml(example).as_bytes())?;
            written.push(path.display().to_string());
        }
    }
    let path = args.scenario.scenario.display().to_string();
    Ok(view::show(&path, &scenario, &options, &found, &written, output))
}

/// `name.yaml`, `name-2.yaml`, …
fn numbered(path: &Path, n: usize) -> PathBuf {
    if n == 0 {
        return path.to_path_buf();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = match path.extension() {
        Some(e) => format!("{stem}-{}.{}", n + 1, e.to_string_lossy()),
        None => format!("{stem}-{}", n + 1),
    };
    path.with_file_name(name)
}
