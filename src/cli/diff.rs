//! `wtcheck diff A B`: what differs between two stores, or between two checkpoints of one.

use super::args::{DumpArgs, ReadArgs, StoreArgs, TableArgs};
use super::{Failure, Outcome};
use crate::audit;
use crate::diff::{self, Side};
use crate::exit;
use crate::page::Depth;
use crate::report::diff::{self as view, Named};
use crate::report::{Output, audit as audit_view};
use std::path::{Path, PathBuf};

/// What differs between two stores, or between two checkpoints of one
///
/// Both are audited. Told are trees and files that only one has, sizes as published and recomputed, page
/// counts, the live pages whose version is another, the checkpoint, the keys, and the findings that only one
/// has. A and B are homes, page logs, block files or dumps of a page service.
///
/// With one path its checkpoints are compared: `wtcheck diff DIR --checkpoint X --to Y`. Without --to that
/// of B, or the newest one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The one
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The other one; may be left out where checkpoints of A are compared
    #[arg(value_name = "B", required_unless_present_any = ["checkpoint", "to"])]
    b: Option<PathBuf>,
    /// The checkpoint of A: the LSN of its completion record or turtle page, or its name [default: the newest]
    #[arg(long, value_name = "LSN|NAME")]
    checkpoint: Option<String>,
    /// The checkpoint of the other one [default: the newest]
    #[arg(long, value_name = "LSN|NAME")]
    to: Option<String>,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let other = args.b.as_deref().unwrap_or(&args.a);
    let chosen = args.checkpoint.is_some() || args.to.is_some();
    let a = side(args, &args.a, args.checkpoint.as_ref(), output)?;
    let b = side(args, other, args.to.as_ref(), output)?;
    let found = diff::compare(&a, &b, chosen);
    let (path, other) = (args.a.display().to_string(), other.display().to_string());
    let named = Named { path: &path, checkpoint: args.checkpoint.as_deref() };
    let code = view::show(&found, named, Named { path: &other, checkpoint: args.to.as_deref() }, output);
    if code == exit::INCOMPLETE {
        let audits = [&a, &b].into_iter().flat_map(|s| s.log.iter().map(|l| &l.0).chain(&s.local));
        let unread = audits.clone().find(|a| a.exit_code == exit::INCOMPLETE).or_else(|| audits.clone().next());
        output.complain(&unread.map_or_else(
            || "not enough could be read to judge: one has a page log only, the other one local files only".to_string(),
            audit_view::incomplete_line,
        ));
    }
    Ok(code)
}

/// Audit one of them.
fn side(args: &Args, path: &Path, checkpoint: Option<&String>, output: &Output) -> Result<Side, Failure> {
    let subject = super::subject_or_dumps(path, &DumpArgs::default(), "diff", true, output)?;
    let store = StoreArgs { dir: path.to_path_buf(), checkpoint: checkpoint.cloned(), read: args.read };
    let wanted = |uri: &str| args.table.matches(uri);
    let mut out = Side { log: None, local: None };
    if subject.page_log().is_some() {
        let log = super::open_or_report(&subject, args.read)?;
        let tables = args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool);
        let options = store.audit_options(Depth::Normal, tables);
        let opened = audit::pagelog::open(&*log, true, &output.progress)?;
        let result = audit::pagelog::run_on(&opened, &store.home(), &options, &output.progress);
        output.progress.finish();
        let (found, class) = result?;
        out.log = Some((found, diff::live(&opened.index, &class)));
    }
    // A checkpoint of the page log is none of the files beside it.
    let beside = subject.page_log().is_some();
    let has_files = !matches!(subject.kind, crate::subject::Kind::PageLog(_));
    if has_files && !(beside && chosen_or_filtered(args)) {
        out.local = Some(super::audit_local(&subject, &store, &args.table, Depth::Normal, output)?.0);
    }
    Ok(out)
}

/// What is asked for is about trees of the page log.
fn chosen_or_filtered(args: &Args) -> bool {
    args.checkpoint.is_some() || args.to.is_some() || args.table.table.is_some()
}
