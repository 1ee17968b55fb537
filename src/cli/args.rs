//! Options that mean the same for every command.

use crate::audit::Options;
use crate::format::generation::Generation;
use crate::page::Depth;
use crate::report::progress::Bars;
use crate::report::text::short_name;
use crate::report::{Color, Format, Output, Show};
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// How results are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format
    #[arg(long, value_enum, default_value = "table", global = true)]
    pub format: Format,
    /// Print only the answer, and no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print more: clean trees and files, longer lists; twice for everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", global = true, value_name = "WHEN")]
    pub color: Color,
    /// Show no progress on stderr
    #[arg(long, global = true)]
    pub no_progress: bool,
}

impl OutputArgs {
    /// The output they describe.
    #[must_use]
    pub fn output(&self) -> Output {
        let bars = Bars::choose(self.quiet || self.no_progress);
        Output::new(self.format, self.color, (self.quiet, self.verbose), bars)
    }
}

/// Which store to read and how.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Data directory: a home with or without kv_home/, or kv_home/ itself; or one local block file
    pub dir: PathBuf,
    /// Audit this checkpoint: the LSN of its completion record or turtle page, or its name. In local files
    /// all checkpoints are audited; this one's trees are listed
    #[arg(long, value_name = "LSN|NAME")]
    pub checkpoint: Option<String>,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// What the dumps of a page service need that they do not hold themselves.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Dumps of a page service")]
pub struct GatherArgs {
    /// The text of the completion record to use: metadata_lsn=N,metadata_checksum=HEX,...
    #[arg(long, value_name = "TEXT", conflicts_with = "log")]
    pub checkpoint_meta: Option<String>,
    /// A mongod log: use the newest checkpoint in it that the dumps reach
    #[arg(long, value_name = "LOG")]
    pub log: Option<PathBuf>,
    /// Call this program for each encrypted block: '{in}' holds it in base64, the plain block goes to
    /// '{out}'; {table} {page} {lsn} {base} {backlink} {delta} identify it
    #[arg(long, value_name = "COMMAND")]
    pub decrypt: Option<String>,
}

/// Dumps of a page service in the place of a directory.
#[derive(Debug, Default, Args)]
pub struct DumpArgs {
    /// More dumps, if the first path is one: together they make one page log
    #[arg(value_name = "DUMP")]
    pub more: Vec<PathBuf>,
    #[command(flatten)]
    pub gather: GatherArgs,
}

/// How a store is read.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ReadArgs {
    #[command(flatten)]
    pub jobs: JobsArgs,
    /// Use this generation of the formats instead of the detected one
    #[arg(long, value_name = "GENERATION", value_parser = generation)]
    pub assume: Option<Generation>,
    /// Read a store that another process holds; changes in the meantime may look like damage
    #[arg(long)]
    pub allow_live: bool,
    /// Read block files and PALM files instead of mapping them into memory: for unreliable storage
    #[arg(long)]
    pub no_mmap: bool,
}

/// What `--no-mmap` is for verbs that read no block files.
pub const PALM_ONLY: &str = "Read PALM files instead of mapping them into memory: for unreliable storage";

/// How many threads.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct JobsArgs {
    /// Threads [default: all cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

impl JobsArgs {
    /// Start as many threads as asked for, and say how many. The pool exists once a process; a second call
    /// changes nothing and is not an error.
    pub fn start(self) -> usize {
        let threads = self.threads();
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        threads
    }

    pub fn threads(self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(all, usize::from)
    }
}

pub fn generation(name: &str) -> Result<Generation, String> {
    Generation::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Generation::ALL.iter().map(|g| g.name()).collect();
        format!("known generations are {}", names.join(", "))
    })
}

impl StoreArgs {
    /// How to audit the store, for every command that starts from an audit.
    #[must_use]
    pub fn audit_options<'o>(&self, depth: Depth, tables: Option<&'o dyn Fn(&str) -> bool>) -> Options<'o> {
        Options {
            checkpoint: self.checkpoint.clone(),
            newest_only: false,
            depth,
            jobs: self.read.jobs.threads(),
            assume: self.read.assume,
            tables,
        }
    }

    /// The directory as given, for reports.
    #[must_use]
    pub fn home(&self) -> String {
        self.dir.display().to_string()
    }
}

/// How user bytes are shown.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// How to show user bytes: keys, values, names of databases
    #[arg(long, value_enum, default_value = "none", value_name = "HOW")]
    pub show: Show,
}

/// A number in decimal, or in hexadecimal with 0x.
pub fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is not a number"))
}

/// An LSN or the id of a page, given as a [`number`].
pub fn id<T: From<u64>>(text: &str) -> Result<T, String> {
    number(text).map(T::from)
}

/// Which trees a command is about.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Only trees whose URI or name matches this glob; the shared metadata is always read
    #[arg(long, value_name = "GLOB")]
    pub table: Option<Glob>,
}

/// `*`, `?`, `[a-z]`, `{a,b}`. What is none of them is a pattern that matches nothing.
#[derive(Debug, Clone)]
pub struct Glob(String);

impl From<&str> for Glob {
    fn from(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }
}

impl Glob {
    /// As it was given.
    pub fn text(&self) -> &str {
        &self.0
    }

    pub fn is_match(&self, name: &str) -> bool {
        fast_glob::glob_match(Self::whole(&self.0), Self::whole(name))
    }

    /// Names of tables are no paths: `*` stands for a slash as well.
    fn whole(text: &str) -> String {
        text.replace('/', "\u{1}")
    }
}

impl TableArgs {
    /// Whether a tree is meant: by its URI, or by its name without `file:` and `.wt_stable`.
    #[must_use]
    pub fn matches(&self, uri: &str) -> bool {
        self.table.as_ref().is_none_or(|g| g.is_match(uri) || g.is_match(short_name(uri)))
    }
}

/// For results that are written to a file.
#[derive(Debug, clap::Args)]
pub struct ForceArgs {
    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// How to read the store that a log is checked against.
#[derive(Debug, clap::Args, Clone, Copy)]
pub struct LogHomeArgs {
    /// With --home: read a store that another process holds
    #[arg(long, requires = "home")]
    allow_live: bool,
    /// With --home: read files instead of mapping them into memory
    #[arg(long, requires = "home")]
    no_mmap: bool,
}

impl LogHomeArgs {
    /// As the other commands have it.
    pub fn read(self) -> ReadArgs {
        ReadArgs { allow_live: self.allow_live, no_mmap: self.no_mmap, ..ReadArgs::default() }
    }
}
