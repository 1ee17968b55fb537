//! `wtcheck orphans DIR`: each orphaned page version or block, with its reason, size and evidence.

use super::args::{DumpArgs, StoreArgs, TableArgs};
use super::{Failure, Outcome};
use crate::audit;
use crate::page::Depth;
use crate::report::{Output, lost, orphans as view};

/// List each orphaned page version or block, with its reason, size and evidence
///
/// In a page log, an orphan is a row, at or below its tree's root in the checkpoint, that no checkpoint
/// reaches and no discard record covers. In local block files it is a range that no checkpoint reaches,
/// no extent list occupies and no avail list frees.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let wanted = |uri: &str| args.table.matches(uri);
    let subject = super::subject_or_dumps(&args.store.dir, &args.dumps, "orphans", true, output)?;
    if subject.page_log().is_none() {
        // What a tree reaches is known from the internal pages and the leaves with overflow items.
        let (audit, _) = super::audit_local(&subject, &args.store, &args.table, Depth::Quick, output)?;
        let code = lost::show(&audit, output);
        return super::judged(&audit, code, output);
    }
    let store = super::open_or_report(&subject, args.store.read)?;
    let tables = args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool);
    // Which rows are reachable is known from the internal pages.
    let options = args.store.audit_options(Depth::Quick, tables);
    let result = audit::pagelog::run(&*store, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let audit = result.map_err(Failure::from)?;
    let code = view::show(&audit, output);
    super::beside(&subject, "orphans", output);
    super::judged(&audit, code, output)
}
