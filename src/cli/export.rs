//! `wtcheck export DIR --out OUT`: a store, or a shard of it, as Parquet or JSON lines.

use super::args::{DumpArgs, PALM_ONLY, ReadArgs, TableArgs};
use super::{Failure, Outcome};
use crate::exit;
use crate::export::part::Encoding;
use crate::export::shard::Shard;
use crate::export::{self, ExportError, Options, Wanted};
use crate::report::{Format, Output, export as view};
use std::path::PathBuf;

/// Write the inventory of a page log as Parquet: versions, addresses, roots, completion records, keys
///
/// Each table is a directory under OUT: versions, edges, roots, keystore, completions. They hold no
/// user keys or values. sql/ has the audit as SQL over these tables, for engines that run on many
/// machines. With `--format jsonl` the files are JSON lines.
///
/// Dumps of a page service are used as they are: together, or with --heads one file at a time, each on
/// a machine close to it, and without gathering them first.
///
/// With `--shard I/N` only this part is written: all versions of a page are in one shard, whichever
/// machine writes it. Shards of one store go side by side in one OUT; an existing shard is replaced,
/// and a failed shard leaves nothing.
///
/// Exits with 0 if everything could be read, with 6 if something could not: it says what.
#[derive(Debug, clap::Args)]
#[command(mut_arg("no_mmap", |a| a.help(PALM_ONLY)))]
pub struct Args {
    /// Data directory: a home with kv_home/, or kv_home/ itself; nothing in it is changed
    dir: PathBuf,
    /// For dumps too large to be read together: the dumps of turtle pages, shared metadata and keys. Only
    /// the pages of the other dumps are exported, such as one file of a table, and --shard numbers it
    #[arg(long, value_name = "DUMP")]
    heads: Vec<PathBuf>,
    /// Where the tables go: a new directory, or one that holds other shards of the same store
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    table: TableArgs,
    /// Write one part of several: 3/7 is the third of seven
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

fn failure(e: ExportError, shard: Shard) -> Failure {
    let words = if shard.is_whole() { e.to_string() } else { format!("shard {shard}: {e}") };
    match e {
        ExportError::Audit(e) => Failure { message: words, ..e.into() },
        ExportError::Output(e) => e.into(),
        ExportError::Inside(_) => Failure::usage(words, "write the tables somewhere else"),
        ExportError::Foreign(_) => Failure::refused(words, "name an empty directory or a new one"),
        ExportError::Conflict { .. } => {
            Failure::refused(words, "name another directory; nothing was changed in this one")
        }
        ExportError::Io { .. } if shard.is_whole() => {
            Failure::incomplete(words, "check the path, free space and permissions; nothing was left behind")
        }
        ExportError::Io { .. } => Failure::incomplete(
            words,
            format!("check the path, free space and permissions, and run it again with --shard {shard}"),
        ),
    }
}

/// The format of the files: Parquet, in a build that has it.
fn encoding(output: &Output) -> Encoding {
    match output.format {
        Format::Table | Format::Json | Format::Yaml if cfg!(feature = "parquet") => Encoding::Parquet,
        _ => Encoding::Jsonl,
    }
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let (subject, own) = match super::gather::unit(&args.dir, &args.dumps, &args.heads, &output.progress)? {
        Some((subject, own)) => (subject, (!args.heads.is_empty()).then_some(own)),
        None if !args.heads.is_empty() => {
            let message = format!("{} is not a dump, so --heads does not apply", args.dir.display());
            return Err(Failure::usage(message, "leave out --heads"));
        }
        None => (super::subject(&args.dir, "export", false)?, None),
    };
    if subject.page_log().is_none() {
        return Err(Failure::refused(
            format!("{} holds local block files; only page logs are exported", args.dir.display()),
            "wtcheck audit reads it",
        ));
    }
    let encoding = encoding(output);
    let wanted = |uri: &str| args.table.matches(uri);
    let tables = args.table.table.as_ref().map(|glob| Wanted { glob: glob.text().to_string(), matches: &wanted });
    let options = Options { shard: args.shard, own: own.as_ref(), encoding, tables, assume: args.read.assume };
    let store = super::open(&subject, args.read)?;
    let result = export::export(&*store, &args.dir, &args.out, &options, &output.progress);
    output.progress.finish();
    let exported = result.map_err(|e| failure(e, args.shard))?;
    let whole = exported.manifest.unreadable == 0 && exported.manifest.problems.is_empty();
    let code = if whole { exit::CLEAN } else { exit::INCOMPLETE };
    view::show(&exported, &args.out, code, output);
    super::beside(&subject, "export", output);
    if !whole {
        let first = exported.manifest.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
        output.complain(&format!("parts of the store could not be read{first}; the tables hold the rest"));
    }
    Ok(code)
}
