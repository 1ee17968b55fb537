//! `wtcheck explain CODE`: what a finding code means.

use super::args::{ForceArgs, ReadArgs};
use super::{Failure, Outcome, generate};
use crate::audit::finding::Code;
use crate::audit::home;
use crate::audit::{self, Options};
use crate::exit;
use crate::page::Depth;
use crate::report::explain::Examples;
use crate::report::progress::Bars;
use crate::report::{Output, explain as view};
use crate::subject::{Kind, Subject, open_home};
use std::path::{Path, PathBuf};

/// Explain a finding code: what it means, how it comes about, what to do
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A finding code such as size-inflated; all of them if left out
    #[arg(conflicts_with = "pages")]
    code: Option<String>,
    /// Write a page in Markdown for each code, and a list of them, to this directory
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Show on each page a finding of the data directories in the folders of this one, where there is one
    #[arg(long, value_name = "DIR", requires = "pages")]
    examples: Option<PathBuf>,
    #[command(flatten)]
    force: ForceArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    if let Some(dir) = &args.pages {
        let examples = args.examples.as_deref().map(examples).transpose()?.unwrap_or_default();
        for (name, text) in view::pages(&examples) {
            generate::write(dir, &name, text.as_bytes(), args.force.force)?;
        }
        return Ok(exit::CLEAN);
    }
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
                Failure::usage(format!("{name:?} is no finding code"), hint)
            })?;
            view::one(code, output);
        }
    }
    Ok(exit::CLEAN)
}

/// The first finding of each code in the data directories that lie one level below a directory's own, in
/// the order of their names.
pub fn examples(dir: &Path) -> Result<Examples, Failure> {
    let unreadable = |path: &Path, e: std::io::Error| {
        Failure::incomplete(format!("{}: {e}", path.display()), "name a directory with data directories in it")
    };
    let below = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
        let list = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut out: Vec<PathBuf> = list.map_err(|e| unreadable(path, e))?.into_iter().map(|e| e.path()).collect();
        out.retain(|p| p.is_dir());
        out.sort();
        Ok(out)
    };
    let mut out = Examples::new();
    for folder in below(dir)? {
        for home in below(&folder)? {
            let Some(findings) = audited(&home)? else { continue };
            for finding in findings {
                let command = || format!("wtcheck audit {}", home.display());
                out.entry(finding.code).or_insert_with(|| (command(), finding));
            }
        }
    }
    Ok(out)
}

/// The findings of a directory, if it is one to audit.
fn audited(home: &Path) -> Result<Option<Vec<audit::finding::Finding>>, Failure> {
    let name = home.display().to_string();
    let subject = Subject::open(home);
    let audit = if subject.kind == Kind::Home {
        let (opened, _) = open_home(home, true, false)?;
        let options = home::Options { checkpoint: None, depth: Depth::Normal, no_mmap: true, tables: None };
        home::run(&opened, &name, &options, &Bars::Quiet)?.0
    } else if subject.page_log().is_some() {
        let store = super::open(&subject, ReadArgs::default())?;
        let options =
            Options { checkpoint: None, newest_only: false, depth: Depth::Normal, jobs: 1, assume: None, tables: None };
        audit::pagelog::run(&*store, &name, &options, &Bars::Quiet)?
    } else {
        return Ok(None);
    };
    Ok(Some(audit.findings))
}
