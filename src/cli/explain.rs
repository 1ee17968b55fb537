//! `wtcheck explain WORD`: what a finding code, a cause, or a word of a server log means.

use super::args::{ForceArgs, ReadArgs};
use super::{Failure, Outcome, generate};
use crate::audit::finding::Code;
use crate::audit::home;
use crate::audit::{self, Options};
use crate::exit;
use crate::page::Depth;
use crate::report::explain::Examples;
use crate::report::progress::Bars;
use crate::report::{Output, cause as cause_view, explain as view};
use crate::serverlog::cause::Cause;
use crate::subject::{Kind, Subject, open_home};
use std::path::{Path, PathBuf};

/// Explain a finding code, a cause, or a word of a server log: what it means, what to do
///
/// Takes what an audit or a log shows: a finding code (size-inflated), a cause from wtcheck log
/// (block-zeros), an engine or system error by name or number (WT_PANIC, -31804, EINVAL), a mongod
/// fatal assertion or message by number (28595, 22347), an engine function (__wt_block_read_off).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code, a cause, an error, a number or a function; all finding codes if left out
    #[arg(conflicts_with_all = ["pages", "cause_pages", "causes"], allow_negative_numbers = true)]
    word: Option<String>,
    /// List the causes that wtcheck log can name
    #[arg(long, conflicts_with_all = ["pages", "cause_pages"])]
    causes: bool,
    /// Write a Markdown page for each cause, and a list of them, to this directory
    #[arg(long, value_name = "DIR", conflicts_with = "pages")]
    cause_pages: Option<PathBuf>,
    /// Write a Markdown page for each code, and a list of them, to this directory
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,
    /// Show on each page an example finding, if there is one, from the data directories in the
    /// subdirectories of this one
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
    if let Some(dir) = &args.cause_pages {
        for (name, text) in cause_view::pages() {
            generate::write(dir, &name, text.as_bytes(), args.force.force)?;
        }
        return Ok(exit::CLEAN);
    }
    match &args.word {
        None if args.causes => cause_view::list(output),
        None => view::list(output),
        Some(word) => explain(word.trim(), output)?,
    }
    Ok(exit::CLEAN)
}

/// Say what a word means.
fn explain(word: &str, output: &mut Output) -> Result<(), Failure> {
    let lower = word.to_ascii_lowercase();
    if let Some(code) = Code::from_name(&lower) {
        view::one(code, output);
    } else if let Some(cause) = Cause::from_name(&lower) {
        cause_view::one(cause, output);
    } else if let Some(entry) = cause_view::known(word) {
        cause_view::word(&entry, output);
    } else {
        let hint = match near(&lower).as_slice() {
            [] => "wtcheck explain lists all finding codes, and with --causes all causes".to_string(),
            close => format!("perhaps {}", close.join(", ")),
        };
        return Err(Failure::usage(format!("{word:?} is not known"), hint));
    }
    Ok(())
}

/// Words that look like this one, the nearest first.
fn near(word: &str) -> Vec<&'static str> {
    /// Words that are suggested.
    const MOST: usize = 5;
    /// How alike they have to be.
    const ALIKE: f64 = 0.8;
    let all: Vec<&str> = Code::ALL.iter().map(|c| c.name()).chain(cause_view::words()).collect();
    let mut close: Vec<(f64, &str)> = all
        .iter()
        .map(|n| {
            let name = n.to_ascii_lowercase();
            let shared = name.split(['-', '_']).any(|w| w.len() > 2 && word.split(['-', '_', ' ']).any(|own| own == w));
            // A word in common counts for something, however long the rest is.
            (strsim::jaro_winkler(word, &name).max(if shared { ALIKE } else { 0.0 }), *n)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    close.into_iter().map(|(_, n)| n).take(MOST).collect()
}

/// The first finding of each code in the data directories that lie one level below a directory's own, in
/// the order of their names.
pub fn examples(dir: &Path) -> Result<Examples, Failure> {
    let unreadable = |path: &Path, e: std::io::Error| {
        Failure::incomplete(format!("{}: {e}", path.display()), "name a directory that contains data directories")
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
