//! `wtcheck pickup run SCENARIO`: a scenario in virtual time.

use super::super::args::ForceArgs;
use super::super::html::{HtmlArgs, hashed};
use super::super::{Failure, Outcome};
use super::scenario::ScenarioArgs;
use crate::output::{Eyes, Target};
use crate::pickup::policy::Policy;
use crate::pickup::run::{self, Stopped, with};
use crate::pickup::scenario::Scenario;
use crate::pickup::world::Setup;
use crate::report::Output;
use crate::report::pickup::{picture, run as view};
use crate::scenario::{Document, Part};
use std::path::{Path, PathBuf};

/// Run a scenario in virtual time, and show what each standby did
///
/// A leader takes checkpoints and rotates its key, page servers materialize its log, standbys pick up
/// the checkpoints. What happens depends only on the scenario: the same one always gives the same
/// timeline.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Write the timeline as a picture (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    force: ForceArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let (document, scenario) = args.scenario.read()?;
    let target = args.svg.as_deref().map(|path| Target::new(path, args.force.force, Eyes::Owner)).transpose()?;
    let page = args.html.begin(args.force.force, None, output)?;
    let report = one(&document, &scenario)?;
    let mut others = Vec::new();
    for policy in Policy::ALL {
        if policy != scenario.policy && scenario.schedule.is_empty() {
            let other = with(&scenario, Some(policy), None);
            others.push((policy, one(&document, &other)?));
        }
    }
    if let Some(target) = target {
        target.write(picture::render(&scenario, &report).as_bytes())?;
    }
    let path = args.scenario.scenario.display().to_string();
    let code = view::show(&path, &scenario, &report, &others, output);
    if let Some(page) = page {
        let name = if scenario.name.is_empty() { path.clone() } else { scenario.name.clone() };
        page.write(&format!("Pick-up: {name}"), &path, hashed(Path::new(&path)).into_iter().collect(), output)?;
    }
    Ok(code)
}

fn one(document: &Document, scenario: &Scenario) -> Result<run::Report, Failure> {
    let setup = Setup::new(scenario, &scenario.policy);
    run::run(&setup).map_err(|e| match e {
        Stopped::Schedule { at, .. } => document.wrong(&[Part::Key("schedule"), Part::At(at)], &e).into(),
        Stopped::Endless => document.wrong(&[Part::Key("timing")], &e).into(),
    })
}
