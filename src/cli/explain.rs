//! `wtcheck explain CODE`: what a finding code means.

use super::{Failure, Outcome, exit};
use crate::audit::finding::Code;
use crate::report::{Output, explain as view};

/// Explain a finding code: what it means, how it comes about, what to do
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A finding code such as size-inflated; all of them if left out
    code: Option<String>,
}

/// Run it.
pub fn run(args: &Args, output: &mut Output) -> Outcome {
    match &args.code {
        None => view::list(output),
        Some(name) => {
            let code = Code::from_name(name).ok_or_else(|| {
                let close: Vec<&str> = Code::ALL
                    .iter()
                    .map(|c| c.name())
                    .filter(|n| n.split('-').any(|word| name.split('-').any(|w| w == word)))
                    .collect();
                let hint = match close.as_slice() {
                    [] => "wtcheck explain lists all codes".to_string(),
                    close => format!("perhaps {}", close.join(", ")),
                };
                Failure::new(exit::USAGE, format!("{name:?} is no finding code"), hint)
            })?;
            view::one(code, output);
        }
    }
    Ok(exit::CLEAN)
}
