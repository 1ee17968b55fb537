//! `wtcheck decode KIND INPUT`: decode one piece of the formats; `wtcheck decode --from-log LOG`: judge
//! the corrupt blocks that a log holds.

use super::args::{ShowArgs, number};
use super::{Failure, Outcome};
use crate::decode::document::Document;
use crate::decode::view::{Addresses, View, era_from_name};
use crate::decode::{self, dumps};
use crate::exit;
use crate::format::Class;
use crate::format::block_dump::Scanner;
use crate::format::compress::Compressor;
use crate::format::image::Era;
use crate::format::local::ALLOCATION_SIZES;
use crate::report::{Format, Output, Show, decode as view, dumps as dumps_view};
use crate::words::text::escape;
use clap::Subcommand;
use std::fs::File;
use std::io::Read;

/// What stands before the name of a file that could be something else.
pub(super) const FILE: char = '@';
/// Largest input; no block of the formats is larger.
const MAX_BYTES: u64 = 512 << 20;
/// Largest text; a megabyte of metadata is already absurd.
const MAX_TEXT: u64 = 16 << 20;

/// Decode one piece of the formats
///
/// INPUT is the piece itself, a file, or - for standard input: hexadecimal text, or for completion, turtle and
/// config the text. White space, colons, hyphens and 0x in hexadecimal text are ignored. A file is read as raw
/// bytes, unless it consists only of hexadecimal digits and white space. @FILE is always a file, even where its
/// name could be the piece itself.
///
/// With --from-log it searches a log for the corrupt blocks that the engine dumps there after a
/// checksum error, reassembles each and tells what happened to it. The log is from mongod, the engine
/// or wt, even as mangled by a ticket. Exits with 1 if it has a dump, with 6 if it has only errors or
/// fragments of dumps, with 0 if it has neither.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
#[command(override_usage = "wtcheck decode [OPTIONS] <COMMAND>\n       wtcheck decode [OPTIONS] --from-log <LOG>")]
pub struct Args {
    #[command(subcommand)]
    kind: Option<Kind>,
    /// Examine the corrupt blocks dumped in this log; - for standard input
    #[arg(long, value_name = "LOG")]
    from_log: Option<String>,
    /// Allocation size of the file the blocks come from [default: derived from their addresses]
    #[arg(long, value_name = "BYTES", value_parser = alloc, requires = "from_log")]
    alloc: Option<u32>,
    /// How to show user bytes of dumped blocks [default: none]; with -v cells are listed
    #[arg(long, value_enum, value_name = "HOW", requires = "from_log")]
    show: Option<Show>,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Address cookies
    Cookie {
        /// Cookies: hexadecimal text, FILE, @FILE or -
        #[arg(required = true, value_name = "INPUT")]
        inputs: Vec<String>,
        /// The cookies come from a local file with this allocation size
        #[arg(long, value_name = "ALLOC", value_parser = alloc)]
        classic: Option<u32>,
    },
    /// Checkpoint cookie, the addr= of a checkpoint
    Checkpoint {
        /// Hexadecimal text, FILE, @FILE or -
        input: String,
        /// Allocation size of a local file
        #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = alloc)]
        alloc: u32,
    },
    /// Completion record of a checkpoint
    Completion(TextArgs),
    /// Turtle page of a page log, or what `wt turtle` prints of one
    Turtle(TextArgs),
    /// Configuration text, the form of all metadata
    Config(TextArgs),
    /// Key provider page; its payload is never shown
    Keystore {
        /// Hexadecimal text, FILE, @FILE or -
        input: String,
    },
    /// Stored page image: base, delta, or block of a local file
    Page {
        /// Hexadecimal text, FILE, @FILE or -
        input: String,
        /// Compressor of the tree: snappy, zlib, zstd or lz4 [default: detected from the framing]
        #[arg(long, value_name = "NAME", value_parser = compressor)]
        compressor: Option<Compressor>,
        /// Header layout: current or 2025-06 [default: detected from the header]
        #[arg(long, value_name = "LAYOUT", value_parser = era)]
        era: Option<Era>,
        /// Allocation size of a local file
        #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = alloc)]
        alloc: u32,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Cells, one after the other
    Cell {
        /// Hexadecimal text, FILE, @FILE or -
        input: String,
        /// Flags of the page header the cells belong to
        #[arg(long, value_name = "FLAGS", default_value = "0", value_parser = page_flags)]
        page_flags: u8,
        /// The cells come from a local file with this allocation size
        #[arg(long, value_name = "ALLOC", value_parser = alloc)]
        classic: Option<u32>,
        #[command(flatten)]
        show: ShowArgs,
    },
}

/// Input of the kinds that are text.
#[derive(Debug, clap::Args)]
struct TextArgs {
    /// The text itself, FILE, @FILE or -
    input: String,
    /// The input is hexadecimal
    #[arg(long)]
    hex: bool,
}

/// An allocation size.
pub(super) fn alloc(text: &str) -> Result<u32, String> {
    let n = number(text)?;
    u32::try_from(n)
        .ok()
        .filter(|n| n.is_power_of_two() && ALLOCATION_SIZES.contains(n))
        .ok_or_else(|| format!("{n} is not an allocation size: it must be a power of two, at least 512"))
}

fn page_flags(text: &str) -> Result<u8, String> {
    u8::try_from(number(text)?).map_err(|_| "page flags are one byte".to_string())
}

fn compressor(name: &str) -> Result<Compressor, String> {
    Compressor::from_name(name).ok_or_else(|| "known compressors are snappy, zlib, zstd, lz4".to_string())
}

fn era(name: &str) -> Result<Era, String> {
    era_from_name(name).ok_or_else(|| "known layouts are current, 2025-06".to_string())
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    // Programs get long items whole; people when they ask for detail.
    let all = output.verbose > 0 || output.format != Format::Table;
    let addresses = |classic: Option<u32>| classic.map_or(Addresses::Disaggregated, Addresses::Classic);
    let kind = match (&args.kind, &args.from_log) {
        (Some(kind), None) => kind,
        (None, Some(log)) => return from_log(args, log, output),
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "--from-log does not take a kind of piece",
                "give either a log, or a kind and its input",
            ));
        }
        (None, None) => {
            return Err(Failure::usage(
                "there is nothing to decode",
                "name a kind and its input, or a log with --from-log; --help lists the kinds",
            ));
        }
    };
    let document = match kind {
        Kind::Cookie { inputs, classic } => {
            let inputs = inputs.iter().map(|i| bytes(i)).collect::<Result<Vec<_>, _>>()?;
            decode::cookies(&inputs, addresses(*classic))
        }
        Kind::Checkpoint { input, alloc } => decode::checkpoint(&bytes(input)?, *alloc),
        Kind::Completion(a) => decode::completion(&text(a)?),
        Kind::Turtle(a) => decode::turtle(&text(a)?),
        Kind::Config(a) => decode::config(&text(a)?),
        Kind::Keystore { input } => decode::keystore(&bytes(input)?),
        Kind::Page { input, compressor, era, alloc, show } => {
            let view = View { era: *era, compressor: *compressor, show: show.show, all, alloc: *alloc };
            decode::page(&bytes(input)?, &view)
        }
        Kind::Cell { input, page_flags, classic, show } => {
            let view = View { show: show.show, all, ..View::default() };
            decode::cells(&bytes(input)?, *page_flags, addresses(*classic), &view)
        }
    };
    Ok(print(&document, output))
}

/// How the dumps of a log are shown.
pub(super) struct Dumps {
    pub(super) show: Show,
    /// List cells for people too.
    pub(super) all: bool,
    pub(super) alloc: Option<u32>,
}

fn from_log(args: &Args, name: &str, output: &mut Output) -> Outcome {
    let how = Dumps { show: args.show.unwrap_or(Show::None), all: output.verbose > 0, alloc: args.alloc };
    dumps_of(name, "decode --from-log", how, output, |_| Ok(()))
}

/// Judge the dumps of a log; `choose` takes those that are wanted.
pub(super) fn dumps_of(
    name: &str,
    command: &str,
    how: Dumps,
    output: &mut Output,
    choose: impl FnOnce(&mut dumps::LogReport) -> Result<(), Failure>,
) -> Outcome {
    let mut scanner = Scanner::new();
    super::server_log_source::read(name, command, output, |bytes| scanner.push(bytes))?;
    let log = scanner.finish();
    let all = output.verbose > 0 || output.format != Format::Table;
    let view = View { show: how.show, all, ..View::default() };
    let mut report = dumps::log(name, &log, &view, how.alloc);
    choose(&mut report)?;
    let (width, paint) = (output.width, output.paint);
    output.document(&report, || dumps_view::text(&report, width, paint, how.all));
    let errors = !report.errors_without_dump.is_empty();
    Ok(match (report.dumps.is_empty(), report.unread_chunks) {
        (false, _) => exit::FINDINGS,
        (true, 0) if !errors => exit::CLEAN,
        // There is a dump and nothing of it could be read, or an error and no dump to judge.
        (true, _) => exit::INCOMPLETE,
    })
}

fn print(document: &Document, output: &mut Output) -> u8 {
    let (width, paint) = (output.width, output.paint);
    output.document(document, || match view::text(document, width, paint) {
        text if text.is_empty() => "no entries\n".to_string(),
        text => text,
    });
    match document.worst() {
        None => exit::CLEAN,
        Some(Class::Unsupported) => exit::REFUSED,
        Some(_) => exit::FINDINGS,
    }
}

/// The bytes of a binary kind. Hexadecimal text is never the name of a file.
fn bytes(input: &str) -> Result<Vec<u8>, Failure> {
    let unmarked = || unhex(input).is_err() && is_file(input);
    match outside(input, MAX_BYTES, unmarked)? {
        None => unhex(input),
        Some(raw) => {
            let hex = raw.iter().all(|b| b.is_ascii_hexdigit() || b.is_ascii_whitespace());
            match std::str::from_utf8(&raw) {
                Ok(text) if hex => unhex(text),
                _ => Ok(raw),
            }
        }
    }
}

/// The bytes of a text kind.
fn text(args: &TextArgs) -> Result<Vec<u8>, Failure> {
    let input = args.input.as_str();
    let unmarked = || !(args.hex && unhex(input).is_ok()) && is_file(input);
    let raw = match outside(input, MAX_TEXT, unmarked)? {
        Some(raw) => raw,
        None if input.contains('/') && !input.contains(['=', '\n']) => {
            return Err(Failure::usage(
                format!("{}: no such file, and no text to decode", escape(input)),
                "give the text itself, a file that exists, or - for standard input",
            ));
        }
        None => input.as_bytes().to_vec(),
    };
    if !args.hex {
        return Ok(raw);
    }
    unhex(std::str::from_utf8(&raw).map_err(|_| no_hex("the bytes are not text".to_string()))?)
}

/// Whether a word is the name of a file. What is no regular file would be waited for, and takes an @.
fn is_file(word: &str) -> bool {
    std::fs::metadata(word).is_ok_and(|m| m.is_file())
}

/// The content of FILE, @FILE or standard input; `None` if the argument is the input itself. `unmarked`: whether it is
/// the name of a file without the @.
fn outside(input: &str, limit: u64, unmarked: impl Fn() -> bool) -> Result<Option<Vec<u8>>, Failure> {
    let unreadable = |name: &str, e: std::io::Error| {
        Failure::incomplete(format!("{name}: {e}"), "name a file that you can read, or - for standard input")
    };
    let path = input.strip_prefix(FILE).or_else(|| unmarked().then_some(input));
    let (name, mut source): (_, Box<dyn Read>) = match (input, path) {
        ("-", _) => ("standard input", Box::new(std::io::stdin().lock())),
        (_, Some(path)) => {
            let file = File::open(path).map_err(|e| unreadable(path, e))?;
            // The size alone is enough to refuse a huge file.
            if file.metadata().is_ok_and(|m| m.len() > limit) {
                return Err(too_large(path, limit));
            }
            (path, Box::new(file))
        }
        _ => return Ok(None),
    };
    let mut out = Vec::new();
    source.by_ref().take(limit + 1).read_to_end(&mut out).map_err(|e| unreadable(name, e))?;
    if out.len() as u64 > limit {
        return Err(too_large(name, limit));
    }
    Ok(Some(out))
}

fn too_large(name: &str, limit: u64) -> Failure {
    Failure::usage(format!("{name}: more than {} MiB", limit >> 20), "give only the piece, not its whole file")
}

/// Hexadecimal text with white space, `0x`, `:` and `-` anywhere between the digits.
fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let mut digits = Vec::with_capacity(text.len());
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ':' || c == '-') {
        let word = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
        if let Some(c) = word.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(no_hex(format!("{c:?} is not a hexadecimal digit")));
        }
        digits.extend_from_slice(word.as_bytes());
    }
    if digits.len() % 2 != 0 {
        return Err(no_hex(format!("{} digits are an odd number", digits.len())));
    }
    hex::decode(&digits).map_err(|e| no_hex(e.to_string()))
}

fn no_hex(why: String) -> Failure {
    Failure::usage(
        format!("the input is not hexadecimal: {why}"),
        "give hexadecimal text, a file that exists, or - for standard input",
    )
}
