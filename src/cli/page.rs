//! `wtcheck page DIR TABLE PAGE`: one page, its chain of base and deltas, headers, cells.

use super::args::{ShowArgs, StoreArgs, number};
use super::{Failure, Outcome, exit};
use crate::audit::finding::{Code, Severity};
use crate::audit::result::Audit;
use crate::audit::{self, inspect};
use crate::btree::walk::Depth;
use crate::report::text::short_name;
use crate::report::{Output, page as view};

/// Show one page: its rows in the page log, its chain of base image and deltas, headers and cells
///
/// Shows the version that the checkpoint reaches, or else the newest; keys and values are hidden
/// unless --show asks for them.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Table: its id, its URI, or its name
    table: String,
    /// Page id
    #[arg(value_parser = number)]
    page: u64,
    /// Show the version whose newest block has this LSN
    #[arg(long, value_parser = number)]
    lsn: Option<u64>,
    #[command(flatten)]
    show: ShowArgs,
}

/// Run it.
pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let store = super::open(&args.store)?;
    let opened = audit::open(&*store, false, &output.progress)?;
    let options = args.store.audit_options(Depth::Quick, None);
    let result = audit::run_on(&opened, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let (found, class) = result?;
    let table = table_id(&args.table, &found)?;
    if opened.index.page(table, args.page).is_empty() {
        let rows = opened.index.slice(opened.index.table(table));
        let hint = match (rows.first(), rows.last()) {
            (Some(a), Some(b)) => format!("its pages have ids from {} to {}", a.page, b.page),
            _ => format!("tables with rows: {}", ids(opened.index.tables().into_iter())),
        };
        let message = format!("page {} of table {table} has no row in the page log", args.page);
        return Err(Failure::new(exit::USAGE, message, hint));
    }
    if let Some(lsn) = args.lsn
        && opened.index.find(table, args.page, lsn).is_none()
    {
        let rows = opened.index.slice(opened.index.page(table, args.page));
        let message = format!("page {} of table {table} has no row at LSN {lsn}", args.page);
        return Err(Failure::new(
            exit::USAGE,
            message,
            format!("its rows are at LSN {}", ids(rows.iter().map(|r| r.lsn))),
        ));
    }
    let inspected = inspect::inspect(&opened, (&found, &class), (table, args.page), args.lsn)?;
    let unreadable = inspected.findings.iter().any(|f| f.code == Code::StoreDamaged);
    let code = if unreadable {
        exit::INCOMPLETE
    } else if inspected.findings.iter().any(|f| f.severity > Severity::Note) {
        exit::FINDINGS
    } else {
        exit::CLEAN
    };
    view::show((table, args.page), &inspected, args.show.show, code, output);
    Ok(code)
}

fn ids(ids: impl Iterator<Item = u64>) -> String {
    ids.map(|t| t.to_string()).collect::<Vec<_>>().join(", ")
}

/// A table by id, URI or name.
fn table_id(wanted: &str, audit: &Audit) -> Result<u64, Failure> {
    if let Ok(id) = number(wanted) {
        return Ok(id);
    }
    let named = audit.trees.iter().find(|t| t.uri == wanted || short_name(&t.uri) == wanted);
    named.map(|t| t.table_id).ok_or_else(|| {
        let names: Vec<&str> = audit.trees.iter().map(|t| short_name(&t.uri)).collect();
        Failure::new(
            exit::USAGE,
            format!("no table {wanted:?} in the checkpoint"),
            format!("it has {}; other tables can be given by id", names.join(", ")),
        )
    })
}
