//! Reconciliations of b-trees with failures between the page-log put and the wrap-up, carried out in
//! [`crate::model`], and the bytes that each rule of accounting publishes for them. The outcome is a
//! PALite directory as the engine of July 2026 writes it, for `wtcheck audit` to read.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod outcome;
mod run;
pub mod scenario;
mod table;

use crate::model::account::Rule;
use crate::output::{self, OutputError, Place};
use crate::scenario::{Document, Mistake};
use crate::store::StoreError;
use crate::store::palite::create::{self, NewStore};
use outcome::Outcome;
use scenario::{Scenario, Wrong};
use std::fs;
use std::io;
use std::path::Path;

/// Why there is no simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The scenario is wrong.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// The output directory must not be written to.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output directory could not be made.
    #[error("{path}: {reason}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
}

/// What a simulation comes to.
#[derive(Debug)]
pub struct Simulated {
    /// What was done and what it leaks.
    pub outcome: Outcome,
    /// The page log it leaves behind.
    pub store: NewStore,
}

/// Read a scenario, and check all that can be checked before it runs.
pub fn read(document: &Document) -> Result<Scenario, Mistake> {
    let mut scenario: Scenario = document.parse()?;
    scenario.resolve().and_then(|()| scenario.check()).map_err(|wrong| located(document, wrong))?;
    Ok(scenario)
}

/// Run a scenario under a rule of accounting; under the scenario's own, or today's, if none is given.
/// Nothing is written to disk.
pub fn run(document: &Document, rule: Option<Rule>) -> Result<Simulated, Mistake> {
    let scenario = read(document)?;
    let rule = rule.or(scenario.accounting).unwrap_or_default();
    let run = |rule| run::run(&scenario, rule).map_err(|wrong| located(document, wrong));
    // The page log is the same under both rules but for the numbers in the metadata.
    let other = run(rule.other())?.outcome;
    let mut simulated = run(rule)?;
    simulated.outcome.scenario.clone_from(&document.name);
    simulated.outcome.compare(&other);
    Ok(simulated)
}

fn located(document: &Document, wrong: Wrong) -> Mistake {
    document.wrong(&wrong.way, wrong.reason)
}

/// Write a store to a directory that does not exist or is empty. It is built in a directory beside it
/// and renamed: either all of it is there in the end, or nothing.
pub fn write(store: &NewStore, output: &Path) -> Result<(), SimulateError> {
    output::check_place(output, Place::Empty)?;
    let temporary = output::beside(output, "simulate")?;
    // One level down: the temporary directory itself goes.
    let home = temporary.path().join("home");
    let kv_home = home.join("kv_home");
    // One by one: what a signal has removed must not come back with all its parents.
    fs::create_dir(&home).and_then(|()| fs::create_dir(&kv_home)).map_err(|e| failed(&kv_home, &e))?;
    create::create(&kv_home, store)?;
    let synced = [&kv_home, &home].into_iter().try_for_each(|dir| fs::File::open(dir)?.sync_all());
    synced.map_err(|e| failed(&home, &e))?;
    Ok(output::publish(&home, output, Place::Empty)?)
}

fn failed(path: &Path, e: &io::Error) -> SimulateError {
    SimulateError::Io { path: path.display().to_string(), reason: e.to_string() }
}
