//! `wtcheck pack DIR OUT` and `wtcheck unpack IMAGE DIR`: a store's structure without its content.

use super::args::JobsArgs;
use super::{Failure, Outcome};
use crate::exit;
use crate::pack::{self, DEFAULT_LIMIT, Options, PackError};
use crate::report::{Output, pack as view};
use crate::store::OpenOptions;
use crate::subject::Kind;
use std::path::PathBuf;

/// Write a small, shareable image of a store without its content
///
/// Keys are replaced by others with the same order and lengths, values by filler, and checksums are
/// recomputed; structure, sizes and every fault stay, and so do the names of tables and files. Before
/// the image gets its name, it is unpacked, audited and searched for the source's keys and values: it
/// is not written if one is found in it, and any difference between its audit and the source's is
/// reported.
///
/// Exits with 0 if an audit of the image gives the same result, with 1 if it does not.
#[derive(Debug, clap::Args)]
pub struct PackArgs {
    /// Data directory: a home with or without kv_home/, or kv_home/ itself; nothing in it is changed
    dir: PathBuf,
    /// The image, a file that does not exist yet, outside the directory
    out: PathBuf,
    #[command(flatten)]
    jobs: JobsArgs,
    /// Read a store that another process holds; changes in the meantime may look like damage
    #[arg(long)]
    allow_live: bool,
    /// Read block files and PALM files instead of mapping them into memory: for unreliable storage
    #[arg(long)]
    no_mmap: bool,
}

/// Unpack an image to a directory, and audit it
///
/// The result is compared with the audits of the source, which the image holds.
///
/// Exits with 0 if they are the same, with 1 if not.
#[derive(Debug, clap::Args)]
pub struct UnpackArgs {
    /// An image that `wtcheck pack` wrote
    image: PathBuf,
    /// The directory; must not exist yet
    dir: PathBuf,
    /// Do not audit it
    #[arg(long)]
    no_audit: bool,
    /// Refuse an image that unpacks to more bytes than this
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_LIMIT)]
    max_bytes: u64,
    #[command(flatten)]
    jobs: JobsArgs,
}

impl From<PackError> for Failure {
    fn from(e: PackError) -> Self {
        let words = e.to_string();
        match e {
            PackError::Audit(e) => e.into(),
            PackError::Subject(e) => e.into(),
            PackError::Output(e) => e.into(),
            PackError::Exists(_) => Self::refused(words, "name one that does not exist yet"),
            PackError::Inside(_) => Self::usage(words, "write the image somewhere else"),
            PackError::Image(_) => Self::refused(words, "nothing was left behind"),
            PackError::Leak { .. } => {
                Self::new(exit::BUG, words, "please report it, with the kind of store but without the bytes")
            }
            PackError::Io { .. } => {
                Self::incomplete(words, "nothing was left behind; check the path, free space and permissions")
            }
        }
    }
}

/// Run `pack`.
pub fn pack(args: &PackArgs, output: &mut Output) -> Outcome {
    let jobs = args.jobs.start();
    let subject = super::subject(&args.dir, "pack", false)?;
    let open = OpenOptions { no_mmap: args.no_mmap, allow_live: args.allow_live };
    let options = Options { jobs, open, limit: u64::MAX };
    let packed = pack::pack(&args.dir, &args.out, &options, &output.progress);
    output.progress.finish();
    let packed = packed?;
    let code = if packed.differences.is_empty() { exit::CLEAN } else { exit::FINDINGS };
    view::packed(&packed, &args.out, code, output);
    super::beside(&subject, "pack", output);
    Ok(code)
}

/// Run `unpack`.
pub fn unpack(args: &UnpackArgs, output: &mut Output) -> Outcome {
    let jobs = args.jobs.start();
    super::not_a(&args.image, "unpack", |kind| *kind == Kind::Image)?;
    let options = Options { jobs, open: OpenOptions::default(), limit: args.max_bytes };
    let unpacked = pack::unpack(&args.image, &args.dir, !args.no_audit, &options, &output.progress);
    output.progress.finish();
    let unpacked = unpacked?;
    let differs = unpacked.differences.as_ref().is_some_and(|d| !d.is_empty());
    let code = if differs { exit::FINDINGS } else { exit::CLEAN };
    view::unpacked(&unpacked, &args.dir, code, output);
    Ok(code)
}
