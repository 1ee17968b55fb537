//! `wtcheck history DIR`: every checkpoint of a store, and when each difference began.

use super::args::{DumpArgs, ForceArgs, ReadArgs, StoreArgs, TableArgs};
use super::html::{HtmlArgs, place};
use super::{Failure, Outcome, gather};
use crate::audit;
use crate::exit;
use crate::history::{self, Options, home};
use crate::page::Depth;
use crate::report::{Output, history as view, history_picture};
use std::path::PathBuf;

/// Every checkpoint of a store, oldest first, and when each difference between sizes began
///
/// Of a page log: for every completion record the published size of the database beside what its trees add
/// up to, the orphans that appeared with it, and what a standby that follows the log does with it. First
/// comes the answer: the first checkpoint at which each difference appears or changes, and the LSNs between
/// which its blocks were put. Pages that checkpoints share are read once.
///
/// Of local block files: every checkpoint of every file, and the first one with a difference.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("written").args(["svg", "html"]).multiple(true)))]
#[command(mut_arg("force", |a| a.requires("written")))]
pub struct Args {
    /// Data directory: a home with or without kv_home/, or kv_home/ itself; or one local block file
    dir: PathBuf,
    #[command(flatten)]
    table: TableArgs,
    /// Also write a plot of the sizes to this file as SVG; it must lie outside the inspected directory. Of
    /// page logs only
    #[arg(long, value_name = "OUT")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlArgs,
    #[command(flatten)]
    force: ForceArgs,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let subject = super::subject_or_dumps(&args.dir, &args.dumps, "history", true, output)?;
    let target = args.svg.as_deref().map(|path| place(path, args.force.force, Some(&subject), "--svg")).transpose()?;
    let page = args.html.begin(args.force.force, Some(&subject), output)?;
    let title = format!("History of {}", args.dir.display());
    let home_name = args.dir.display().to_string();
    let store = StoreArgs { dir: args.dir.clone(), checkpoint: None, read: args.read };
    if subject.page_log().is_none() {
        if target.is_some() {
            let message = "--svg draws the checkpoints of a page log, and here are local block files only";
            return Err(Failure::usage(message, "leave it out"));
        }
        let (audit, _) = super::audit_local(&subject, &store, &args.table, Depth::Normal, output)?;
        let code = view::show_home(&home::of(&audit), &audit, &args.dir, output);
        if let Some(page) = page {
            page.write(&title, &home_name, Vec::new(), output)?;
        }
        return super::judged(&audit, code, output);
    }
    let log = super::open_or_report(&subject, args.read)?;
    let wanted = |uri: &str| args.table.matches(uri);
    let options = Options {
        jobs: args.read.jobs.threads(),
        assume: args.read.assume,
        tables: args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool),
    };
    let opened = audit::pagelog::open(&*log, false, &output.progress)?;
    let result = history::run(&opened, &store.home(), &options, &output.progress);
    output.progress.finish();
    let (found, audit) = result?;
    if let Some(target) = &target {
        target.write(history_picture::render(&found, &audit.store.home).as_bytes())?;
        output.complain(&format!("wrote {}", target.path().display()));
    }
    let typed = (!gather::is_private()).then_some(args.dir.as_path());
    let code = view::show(&found, &audit, typed, output);
    if let Some(page) = page {
        page.write(&title, &home_name, Vec::new(), output)?;
    }
    super::beside(&subject, "history", output);
    if code == exit::INCOMPLETE {
        output.complain(&view::incomplete_line(&found));
    }
    Ok(code)
}
