//! `wtcheck-dev`: make page-log stores and injure copies of stores, to try `wtcheck` out.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use wtcheck::devtools::damage;
use wtcheck::devtools::forge::{self, Fault, Spec, Truth};

/// Make page-log stores of any size with chosen faults, and injure copies of stores in named ways.
#[derive(Debug, Parser)]
#[command(name = "wtcheck-dev", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Forge(ForgeArgs),
    Damage(DamageArgs),
}

/// Write a page-log home (PALite) that wtcheck can audit, and say what is wrong with it
#[derive(Debug, clap::Args)]
#[command(after_help = forge_help())]
struct ForgeArgs {
    /// The directory to make
    dir: PathBuf,
    #[command(flatten)]
    spec: Spec,
    /// Print the truth as JSON
    #[arg(long)]
    json: bool,
}

/// Copy a store and injure the copy in a named way
#[derive(Debug, clap::Args)]
struct DamageArgs {
    /// The store: a page log or a home of block files
    dir: PathBuf,
    /// The copy to make
    copy: PathBuf,
    /// How
    #[arg(value_parser = injury())]
    injury: Fault,
    /// Which of the places that fit, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    nth: usize,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Print a line. A reader that went away is no error: what was asked for is done.
fn say(line: std::fmt::Arguments<'_>) -> Result<(), String> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {e}")),
        _ => Ok(()),
    }
}

/// Those of the list of faults that can be made in a way.
fn faults(fits: fn(Fault) -> bool) -> Vec<PossibleValue> {
    Fault::value_variants().iter().filter(|f| fits(**f)).filter_map(ValueEnum::to_possible_value).collect()
}

fn injury() -> impl TypedValueParser<Value = Fault> {
    PossibleValuesParser::new(faults(Fault::is_injury)).try_map(|name| Fault::from_str(&name, false))
}

fn forge_help() -> String {
    let line = |f: &PossibleValue| format!("  {:20} {}\n", f.get_name(), f.get_help().cloned().unwrap_or_default());
    format!("Faults:\n{}", faults(Fault::is_forged).iter().map(line).collect::<String>())
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Forge(args) => run_forge(&args),
        Command::Damage(args) => run_damage(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("wtcheck-dev: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run_forge(args: &ForgeArgs) -> Result<(), String> {
    let bar = indicatif::ProgressBar::new_spinner().with_message("rows written");
    let truth = forge::forge(&args.dir, &args.spec, &|rows| {
        bar.set_position(rows);
        bar.tick();
    })
    .map_err(|e| e.to_string())?;
    bar.finish_and_clear();
    if args.json {
        say(format_args!("{}", serde_json::to_string_pretty(&truth).map_err(|e| e.to_string())?))
    } else {
        show(args, &truth)
    }
}

fn run_damage(args: &DamageArgs) -> Result<(), String> {
    let done = damage::damage(&args.dir, &args.copy, args.injury, args.nth).map_err(|e| e.to_string())?;
    if args.json {
        say(format_args!("{}", serde_json::to_string_pretty(&done).map_err(|e| e.to_string())?))
    } else {
        say(format_args!("{}: {}", args.copy.display(), done.place))
    }
}

fn show(args: &ForgeArgs, truth: &Truth) -> Result<(), String> {
    say(format_args!(
        "{}: {} page log, {} rows, {} bytes, checkpoint at LSN {}",
        args.dir.display(),
        truth.generation,
        truth.rows,
        truth.bytes,
        truth.checkpoint_lsn
    ))?;
    for tree in &truth.trees {
        say(format_args!(
            "  {} (table {}): {} leaves, size {} published, {} true",
            tree.uri, tree.table_id, tree.leaves, tree.published_size, tree.true_size
        ))?;
    }
    let mut kinds: Vec<Fault> = truth.traces.iter().map(|t| t.fault).collect();
    kinds.sort();
    kinds.dedup();
    for fault in kinds {
        let traces: Vec<_> = truth.traces.iter().filter(|t| t.fault == fault).collect();
        let counted: i64 = traces.iter().map(|t| t.counted).sum();
        say(format_args!(
            "  {} x {}, {counted} bytes in published sizes",
            traces.len(),
            traces.first().map_or("", |t| t.code)
        ))?;
    }
    Ok(())
}
