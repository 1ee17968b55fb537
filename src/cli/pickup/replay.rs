//! `wtcheck pickup replay DIR`: every checkpoint of a store through a standby's pick-up.

use crate::audit;
use crate::cli::args::{DumpArgs, PALM_ONLY, ReadArgs};
use crate::cli::{Failure, Outcome};
use crate::exit;
use crate::id::Lsn;
use crate::pickup::merge::Checks;
use crate::pickup::policy::Policy;
use crate::pickup::profile::Profile;
use crate::pickup::replay::{self, Options, ReplayError};
use crate::pickup::standby::Build;
use crate::report::Output;
use crate::report::pickup::replay as view;
use std::path::PathBuf;

/// Run every checkpoint of a data directory through a standby's pick-up, step by step
///
/// Takes the completion records of a page log in order, and the pages they name, through the steps of a
/// pick-up: the record, the turtle page and its checksum, the key page, the merge of the shared
/// metadata. Before each record the standby has committed the newest key page in the log below the
/// record's turtle page, as a running node has; a checkpoint that embeds an older one is refused. Shows
/// where it stops, at which step and why, and what the node does under each policy.
#[derive(Debug, clap::Args)]
#[command(mut_arg("no_mmap", |a| a.help(PALM_ONLY)))]
pub struct Args {
    /// Data directory with a page log: a home with or without kv_home/, or kv_home/ itself
    dir: PathBuf,
    /// The standby has committed the key page at this LSN from the start
    #[arg(long, value_name = "LSN")]
    keystore_lsn: Option<Lsn>,
    /// The standby starts with this checkpoint installed: the LSN of its completion record or turtle page.
    /// Its key is committed, unless --keystore-lsn names another
    #[arg(long, value_name = "LSN")]
    installed: Option<Lsn>,
    /// What the server does when a pick-up fails [default: all, side by side]
    #[arg(long, value_enum)]
    policy: Option<Policy>,
    /// The rules of pick-up by date [default: those of the builds that wrote the store]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// The merge compares all fixed fields of the metadata, as a diagnostic build does
    #[arg(long)]
    diagnostic: bool,
    /// The merge panics where it would return EINVAL, as in strict mode
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    dumps: DumpArgs,
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let dir = args.dir.display().to_string();
    let subject = crate::cli::subject_or_dumps(&args.dir, &args.dumps, "pickup replay", false, output)?;
    if subject.page_log().is_none() {
        return Err(Failure::incomplete(
            format!("{dir}: pick-up needs a page log, but there are only local block files here"),
            "give the home of a node with disaggregated storage",
        ));
    }
    let store = crate::cli::open(&subject, args.read)?;
    let options = Options {
        policies: args.policy.map_or_else(|| Policy::ALL.to_vec(), |p| vec![p]),
        build: Build { profile: args.profile, checks: Checks { diagnostic: args.diagnostic, strict: args.strict } },
        assume: args.read.assume,
        keystore_lsn: args.keystore_lsn,
        installed: args.installed,
        ..Options::default()
    };
    let result = audit::pagelog::open(&*store, false, &output.progress)
        .map_err(ReplayError::from)
        .and_then(|opened| replay::run(&opened, &dir, &options, &output.progress));
    output.progress.finish();
    let replay = result?;
    view::show(&replay, output);
    if replay.exit_code == exit::INCOMPLETE {
        output.complain(&view::incomplete_line(&replay));
    }
    Ok(replay.exit_code)
}

impl From<ReplayError> for Failure {
    fn from(e: ReplayError) -> Self {
        let words = e.to_string();
        match e {
            ReplayError::Store(e) => e.into(),
            ReplayError::NoSuchCheckpoint { .. } => {
                Self::usage(words, "name one of them with --installed, or leave it out")
            }
            ReplayError::NotInstallable { .. } => {
                Self::usage(words, "name another with --installed, or leave it out for a fresh standby")
            }
            ReplayError::Unread { .. } => {
                Self::incomplete(words, "check that the copy is complete; `wtcheck audit` lists the damage")
            }
        }
    }
}
