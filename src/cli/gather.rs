//! `wtcheck gather DUMP… --output DIR`: dumps of a page service into a page log that every verb reads.

use super::{Failure, Outcome};
use crate::exit;
use crate::gather::decrypt::Decryptor;
use crate::gather::{self, Checkpoint, GatherError, Request};
use crate::output::OutputError;
use crate::report::{Output, gather as view, subject as words};
use crate::scratch::{Held, Work, temporary};
use crate::store::open::KV_HOME;
use crate::store::{Located, StoreKind};
use crate::subject::{Kind, Subject};
use crate::words::text::shell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Put dumps of a production page service together to a page log that every command reads
///
/// A dump is what people take out of the service: tables as JSON lines, single pages, fetched trees; plain, gzip or
/// zstd; files, directories of them, or standard input. They may overlap: what contradicts itself is named, and what
/// came first stays. What was not supplied is never missing: an audit says which table to dump next.
///
/// No dump holds a completion record. Give its text, or a log of the server that has it; without either the newest
/// turtle page is stood on, and the size of the database is not known.
///
/// Exits with 0 if everything was taken, with 1 if dumps contradict each other, with 6 if
/// something is damaged or has no bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub struct Args {
    /// Dumps: files, directories of them, fetched trees; - for standard input
    #[arg(required = true, value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    /// Write the page log here; must not exist yet, or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…
    #[arg(long, value_name = "TEXT", conflicts_with = "log")]
    checkpoint_meta: Option<String>,
    /// A log of mongod: stand on the newest checkpoint in it that the dumps reach
    #[arg(long, value_name = "LOG")]
    log: Option<PathBuf>,
    /// Call this program for each encrypted block: '{in}' holds it in base64, the plain block goes to '{out}';
    /// {table} {page} {lsn} {base} {backlink} {delta} say which it is
    #[arg(long, value_name = "COMMAND")]
    decrypt: Option<String>,
}

impl From<GatherError> for Failure {
    fn from(e: GatherError) -> Self {
        match e {
            GatherError::Store(e) => e.into(),
            GatherError::Output(OutputError::Exists(_)) => {
                Self::refused(e.to_string(), "name a directory that does not exist yet, or an empty one")
            }
            GatherError::Output(e) => e.into(),
            GatherError::Completion(_) => Self::usage(e.to_string(), "give it as it stands in a log of the server"),
            GatherError::NoDump(_) => Self::usage(e.to_string(), "name files of JSON lines, or a directory of them"),
            GatherError::LengthsOnly(_) => {
                Self::incomplete(e.to_string(), "dump the tables with their bytes: GetTableAtLSN")
            }
            GatherError::Io { .. } => Self::incomplete(e.to_string(), "nothing was left behind; check the path"),
        }
    }
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let decrypt = args.decrypt.as_deref().map(Decryptor::new).transpose();
    let decrypt = decrypt.map_err(|e| Failure::usage(format!("--decrypt: {e}"), "see wtcheck gather --help"))?;
    let checkpoint = match (&args.checkpoint_meta, &args.log) {
        (Some(text), _) => Checkpoint::Text(text),
        (None, Some(log)) => Checkpoint::Log(log),
        (None, None) => Checkpoint::NewestTurtle,
    };
    let request = Request { sources: &args.dumps, checkpoint, decrypt };
    let gathered = gather::gather_to(&request, &args.output, &output.progress);
    output.progress.finish();
    Ok(view::show(&gathered?, &args.output, output))
}

/// What dumps were gathered into for a verb that reads them directly; goes with [`forget`].
static PRIVATE: Mutex<Vec<Held<Work>>> = Mutex::new(Vec::new());

/// The private copies go.
pub(super) fn forget() {
    PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Gather a dump into a private directory: what it is then is a page log.
pub(super) fn privately(path: &Path, output: &crate::report::progress::Bars) -> Result<Subject, Failure> {
    let work = temporary("dump").map_err(|e| {
        Failure::incomplete(format!("no private directory: {e}"), "set TMPDIR to a directory that you may write to")
    })?;
    let sources = [path.to_path_buf()];
    let request = Request { sources: &sources, checkpoint: Checkpoint::NewestTurtle, decrypt: None };
    let home = work.path().to_path_buf();
    let gathered = gather::gather(&request, &home, output);
    output.finish();
    let gathered = gathered?;
    if gathered.tables.is_empty() {
        let subject = Subject::open(path);
        let first = gathered.notes.first().map(|n| format!(", and nothing of it can be read: {n}")).unwrap_or_default();
        let message = format!("{}{first}", words::what(&subject));
        return Err(Failure::incomplete(message, format!("wtcheck gather {} -o DIR names all of it", shell(path))));
    }
    PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    let located = Located { kv_home: home.join(KV_HOME), home: Some(home), kind: StoreKind::Palite };
    Ok(Subject { path: path.to_path_buf(), kind: Kind::PageLog(located) })
}
