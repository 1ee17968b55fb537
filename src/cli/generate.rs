//! `wtcheck man` and `wtcheck completions`: generated from the definitions that parse the command line.

use super::args::ForceArgs;
use super::{Failure, Outcome, manpage};
use crate::exit;
use crate::output::{self, Eyes};
use crate::report::Output;
use clap_complete::Shell;
use std::path::{Path, PathBuf};

/// Write the man pages
///
/// One page for wtcheck and one for each command.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Directory to write them to; if left out, the main page goes to stdout
    dir: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
}

/// Write a completion script
///
/// It makes the shell ask wtcheck itself, so it knows the tables and checkpoints of the store on the line, too:
/// source <(wtcheck completions bash), or wtcheck completions fish | source.
#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// Directory to write it to [default: stdout]
    dir: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
}

/// The shells that completions are shipped for.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// A completion script: file name and text.
#[must_use]
pub fn completion(shell: Shell) -> (String, Vec<u8>) {
    let text = super::complete::script(shell);
    let name = match shell {
        Shell::Zsh => "_wtcheck".to_string(),
        Shell::Fish => "wtcheck.fish".to_string(),
        Shell::Bash => "wtcheck.bash".to_string(),
        other => format!("wtcheck.{other}"),
    };
    (name, text)
}

/// Write a page for everybody into a directory, which is made if it is not there. What is there already and is the
/// same may stay.
pub(super) fn write(dir: &Path, name: &str, text: &[u8], force: bool) -> Result<(), Failure> {
    output::make_directory(dir, Eyes::All)?;
    Ok(output::write_same(&dir.join(name), force, Eyes::All, text)?)
}

/// Run `man`.
pub fn man(args: &ManArgs, output: &mut Output) -> Outcome {
    let pages = manpage::pages().map_err(|e| Failure::new(exit::BUG, format!("man pages: {e}"), "please report it"))?;
    match &args.dir {
        Some(dir) => {
            for (name, text) in &pages {
                write(dir, name, text, args.force.force)?;
            }
        }
        None => output.raw(&pages[0].1),
    }
    Ok(exit::CLEAN)
}

/// Run `completions`.
pub fn completions(args: &CompletionArgs, output: &mut Output) -> Outcome {
    let (name, text) = completion(args.shell);
    match &args.dir {
        Some(dir) => write(dir, &name, &text, args.force.force)?,
        None => output.raw(&text),
    }
    Ok(exit::CLEAN)
}
