//! x
use super::Outcome;
use crate::report::Output;
/// x
#[derive(Debug, clap::Args)]
pub struct Args {}
/// x
pub fn run(_a: &Args, _o: &mut Output) -> Outcome {
    Ok(0)
}
