//! `wtcheck audit DIR`: is this data directory consistent, what leaks, by how much, why.

use super::args::{StoreArgs, TableArgs};
use super::{Failure, Outcome};
use crate::audit::{self, Options};
use crate::exit;
use crate::page::Depth;
use crate::report::{Output, audit as view};

/// Is this data directory consistent: what leaks, by how much, and why
///
/// Of a page log: walks every tree of the newest usable checkpoint, verifies every block it reaches,
/// compares the published sizes with what the pages add up to, puts every row of the page log into a
/// class, and compares the keys that checkpoints embed with the keys there are.
///
/// Of a home of local block files, or of one such file: walks every checkpoint of every file, verifies
/// every block, says where every byte of every file belongs, compares sizes, and compares the metadata
/// with the directory and with the copy of the checkpoint that each file carries itself. A file in
/// which anything is wrong is decoded to the last cell, as with --deep.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    table: TableArgs,
    /// Decode every cell: key order, row counts, values
    #[arg(long, conflicts_with = "quick")]
    deep: bool,
    /// Read internal pages only; checksums of leaf pages are not verified
    #[arg(long)]
    quick: bool,
    /// Do not walk older checkpoints; what only they need is judged as if they were not there
    #[arg(long)]
    newest_only: bool,
}

/// Run it.
pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let wanted = |uri: &str| args.table.matches(uri);
    let depth = match (args.quick, args.deep) {
        (true, _) => Depth::Quick,
        (_, true) => Depth::Deep,
        _ => Depth::Normal,
    };
    if super::is_local(&args.store.dir) {
        return local(args, depth, output);
    }
    let store = super::open(&args.store)?;
    let tables = args.table.table.is_some().then_some(&wanted as &dyn Fn(&str) -> bool);
    let options = Options { newest_only: args.newest_only, ..args.store.audit_options(depth, tables) };
    let result = audit::pagelog::run(&*store, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let audit = result.map_err(Failure::from)?;
    view::show(&audit, output);
    if audit.exit_code == exit::INCOMPLETE {
        output.complain(&view::incomplete_line(&audit));
    }
    Ok(audit.exit_code)
}

/// A home of local block files, or one such file.
fn local(args: &Args, depth: Depth, output: &mut Output) -> Outcome {
    let (audit, _) = super::audit_local(&args.store, &args.table, depth, output)?;
    view::show(&audit, output);
    if audit.exit_code == exit::INCOMPLETE {
        output.complain(&view::incomplete_line(&audit));
    }
    Ok(audit.exit_code)
}
