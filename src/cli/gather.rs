//! `wtcheck gather DUMP… --output DIR`: dumps of a page service into a page log that every verb reads.

use super::args::{DumpArgs, GatherArgs};
use super::{Failure, Outcome};
use crate::gather::decrypt::Decryptor;
use crate::gather::{self, Checkpoint, GatherError, Request};
use crate::output::OutputError;
use crate::report::progress::Bars;
use crate::report::{Output, gather as view, subject as words};
use crate::scratch::{Held, Work, temporary};
use crate::store::open::KV_HOME;
use crate::store::{Located, StoreKind};
use crate::subject::{Kind, Subject};
use crate::words::text::shell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Combine dumps of a production page service into a page log that every command reads
///
/// A dump is what people fetch from the service: tables as JSON lines, single pages, fetched trees;
/// plain, gzip or zstd; files, directories of them, or standard input. Dumps may overlap:
/// contradictions are reported, and the first version is kept. What was not supplied is never reported
/// as missing: an audit says which table to dump next.
///
/// Dumps do not hold completion records. Give the text of one, or a server log that has it; without
/// either, the newest turtle page is used, and the size of the database is not known.
///
/// Exits with 0 if everything was used, with 1 if dumps contradict each other, with 6 if something is
/// damaged or has no bytes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Dumps: files, directories of them, fetched trees; - for standard input
    #[arg(required = true, value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    /// Write the page log here; must not exist yet, or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    gather: GatherArgs,
}

impl From<GatherError> for Failure {
    fn from(e: GatherError) -> Self {
        match e {
            GatherError::Store(e) => e.into(),
            GatherError::Output(OutputError::Exists(_)) => {
                Self::refused(e.to_string(), "name a directory that does not exist yet, or an empty one")
            }
            GatherError::Output(e) => e.into(),
            GatherError::Completion(_) => Self::usage(e.to_string(), "give it as it appears in a server log"),
            GatherError::NoDump(_) => Self::usage(e.to_string(), "name files of JSON lines, or a directory of them"),
            GatherError::Io { .. } => Self::incomplete(e.to_string(), "nothing was left behind; check the path"),
        }
    }
}

impl DumpArgs {
    /// The dumps and options as they were given, where the first path is one.
    pub(super) fn words(&self, path: &Path) -> Vec<String> {
        let paths = std::iter::once(path).chain(self.more.iter().map(PathBuf::as_path));
        let own = &self.gather;
        let log = own.log.as_ref().map(|log| log.display().to_string());
        let options =
            [("--checkpoint-meta", own.checkpoint_meta.clone()), ("--log", log), ("--decrypt", own.decrypt.clone())];
        let options = options.into_iter().filter_map(|(name, value)| Some([name.to_string(), value?]));
        paths.map(|p| p.display().to_string()).chain(options.flatten()).collect()
    }
}

impl GatherArgs {
    /// Whether any of them was given.
    fn any(&self) -> bool {
        self.checkpoint_meta.is_some() || self.log.is_some() || self.decrypt.is_some()
    }

    fn request<'r>(&'r self, sources: &'r [PathBuf], heads: &'r [PathBuf]) -> Result<Request<'r>, Failure> {
        let decrypt = self.decrypt.as_deref().map(Decryptor::new).transpose();
        let decrypt = decrypt.map_err(|e| Failure::usage(format!("--decrypt: {e}"), "see wtcheck gather --help"))?;
        let checkpoint = match (&self.checkpoint_meta, &self.log) {
            (Some(text), _) => Checkpoint::Text(text),
            (None, Some(log)) => Checkpoint::Log(log),
            (None, None) => Checkpoint::NewestTurtle,
        };
        Ok(Request { sources, heads, checkpoint, decrypt })
    }
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    let request = args.gather.request(&args.dumps, &[])?;
    let gathered = gather::gather_to(&request, &args.output, &output.progress);
    output.progress.finish();
    Ok(view::show(&gathered?, &args.output, output))
}

/// What dumps were gathered into for a verb that reads them directly; goes with [`forget`].
static PRIVATE: Mutex<Vec<Held<Work>>> = Mutex::new(Vec::new());

/// Whether the verb reads dumps as a page log.
pub(super) fn is_private() -> bool {
    !PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// The private copies go.
pub(super) fn forget() {
    PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Dumps where a verb takes a directory: gathered into a private one, they are a page log. `None`: it is no dump.
pub(super) fn privately(path: &Path, dumps: &DumpArgs, output: &Bars) -> Result<Option<Subject>, Failure> {
    Ok(unit(path, dumps, &[], output)?.map(|(subject, _)| subject))
}

/// As [`privately`], for a verb whose other words are not all dumps.
pub(super) fn privately_of(
    path: &Path,
    more: &[PathBuf],
    gather: &GatherArgs,
    output: &Bars,
) -> Result<Option<Subject>, Failure> {
    let gather = GatherArgs {
        checkpoint_meta: gather.checkpoint_meta.clone(),
        log: gather.log.clone(),
        decrypt: gather.decrypt.clone(),
    };
    privately(path, &DumpArgs { more: more.to_vec(), gather }, output)
}

/// As [`privately`], with the dumps that go with them; also tells which pages are not of these.
pub(super) fn unit(
    path: &Path,
    dumps: &DumpArgs,
    heads: &[PathBuf],
    output: &Bars,
) -> Result<Option<(Subject, gather::Own)>, Failure> {
    let is_dump = |path: &Path| path == Path::new("-") || matches!(Subject::open(path).kind, Kind::Dump(_));
    if !is_dump(path) {
        return match dumps.more.first() {
            Some(more) => {
                let message = format!("{}: more than one path can be given only for dumps", more.display());
                Err(Failure::usage(message, format!("give {} alone", shell(path))))
            }
            None if dumps.gather.any() => {
                let message =
                    format!("{} is not a dump; --checkpoint-meta, --log and --decrypt are for dumps", path.display());
                Err(Failure::usage(message, "leave them out"))
            }
            None => Ok(None),
        };
    }
    if let Some(other) = dumps.more.iter().find(|more| !is_dump(more)) {
        let subject = Subject::open(other);
        return Err(Failure::usage(words::what(&subject), "more than one path can be given only for dumps"));
    }
    let work = temporary("dump").map_err(|e| {
        Failure::incomplete(
            format!("cannot create a private directory: {e}"),
            "set TMPDIR to a directory that you can write to",
        )
    })?;
    let sources: Vec<PathBuf> =
        std::iter::once(path).chain(dumps.more.iter().map(PathBuf::as_path)).map(Into::into).collect();
    let request = dumps.gather.request(&sources, heads)?;
    let home = work.path().to_path_buf();
    let gathered = gather::gather_unit(&request, &home, output);
    output.finish();
    let (gathered, own) = gathered?;
    if gathered.tables.is_empty() {
        let subject = Subject::open(path);
        let first = gathered.notes.first().map(|n| format!(", and none of it can be read: {n}")).unwrap_or_default();
        let message = format!("{}{first}", words::what(&subject));
        return Err(Failure::incomplete(message, format!("wtcheck gather {} -o DIR lists all of it", shell(path))));
    }
    PRIVATE.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    let located = Located { kv_home: home.join(KV_HOME), home: Some(home), kind: StoreKind::Palite };
    Ok(Some((Subject { path: path.to_path_buf(), kind: Kind::PageLog(located) }, own)))
}
