//! `wtcheck page DIR TABLE PAGE`: one page, its chain of base and deltas, headers, cells.
//! `wtcheck page FILE --offset N`: one block of a local file.
//! `wtcheck page LOG [TABLE [PAGE]]`: the blocks that a server log has dumped.

use super::args::{ShowArgs, StoreArgs, id, number};
use super::decode::{Dumps, alloc, dumps_of};
use super::{Failure, Outcome};
use crate::audit;
use crate::audit::finding::{Code, Severity};
use crate::audit::pagelog::inspect;
use crate::audit::result::Audit;
use crate::decode::file_block::{FileBlock, Source};
use crate::decode::judge;
use crate::decode::view::View;
use crate::exit;
use crate::format::Class;
use crate::format::local::{self, MAX_BLOCK};
use crate::id::{Lsn, PageId, TableId};
use crate::page::Depth;
use crate::report::text::short_name;
use crate::report::{Format, Output, file_block as block_view, page as view};
use crate::subject::{Kind, Subject};
use crate::words::text::shell;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Beginning of a file that tells the usual allocation sizes.
const HEAD: u64 = 1 << 16;
/// How far back a block around an offset is looked for, in bytes and in allocation units.
const AROUND: (u64, u64) = (64 << 20, 4096);
/// Most pages that a hint names.
const LISTED_PAGES: usize = 8;
/// The bytes of a block's headers.
const HEADERS: u64 = local::DATA_OFFSET as u64;

/// Show one page: its rows in the page log, its chain of base image and deltas, headers and cells
///
/// Shows the version that the checkpoint reaches, or else the newest; keys and values are hidden unless
/// --show asks for them.
///
/// With --offset it shows one block of a local file instead, such as collection-7.wt, and examines it:
/// its checksum, a flipped bit, zeros, or what else is in its place. The size and checksum from the
/// block's address make the verdict more exact.
///
/// Given a server log, it shows the corrupt blocks dumped there, as decode --from-log does: only those
/// of one table or one page, if named. Deltas are merged with their base image.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wtcheck page [OPTIONS] <DIR> <TABLE> <PAGE>\n       wtcheck page [OPTIONS] <FILE> --offset <N>\n       wtcheck page [OPTIONS] <LOG> [TABLE] [PAGE]"
)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Table: its id, its URI, or its name
    table: Option<String>,
    /// Page id
    #[arg(value_parser = id::<PageId>)]
    page: Option<PageId>,
    /// Show the version whose newest block has this LSN
    #[arg(long, value_parser = id::<Lsn>)]
    lsn: Option<Lsn>,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    block: BlockArgs,
}

/// One block of a local file.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Block of a local file")]
struct BlockArgs {
    /// Show the block that starts at this byte of the file
    #[arg(long, value_name = "N", value_parser = number)]
    #[arg(conflicts_with_all = ["table", "page", "lsn", "checkpoint", "jobs", "assume", "allow_live", "no_mmap"])]
    offset: Option<u64>,
    /// Allocation size of the file [default: from its descriptor]
    #[arg(long, value_name = "BYTES", value_parser = alloc, requires = "offset")]
    alloc: Option<u32>,
    /// Size of the block, from its address [default: from its header]
    #[arg(long, value_name = "BYTES", value_parser = number, requires = "offset")]
    size: Option<u64>,
    /// Checksum of the block, from its address
    #[arg(long, value_name = "HEX", value_parser = checksum, requires = "offset")]
    checksum: Option<u32>,
}

fn checksum(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| hex);
    value.ok_or_else(|| format!("{text:?} is not a checksum: give up to eight hexadecimal digits"))
}

pub fn run(args: &Args, output: &mut Output) -> Outcome {
    if let Some(offset) = args.block.offset {
        return file_block(args, offset, output);
    }
    if matches!(Subject::open(&args.store.dir).kind, Kind::ServerLog(_)) {
        return dumped(args, output);
    }
    let (table, page) = place(args)?;
    let subject = super::subject(&args.store.dir, "page", false)?;
    if subject.page_log().is_none() {
        let message = format!("{} has no page log: its pages are blocks of its files", args.store.dir.display());
        return Err(Failure::usage(message, "name a file and an offset in it: wtcheck page FILE --offset N"));
    }
    let store = super::open(&subject, args.store.read)?;
    let opened = audit::pagelog::open(&*store, false, &output.progress)?;
    let options = args.store.audit_options(Depth::Quick, None);
    let result = audit::pagelog::run_on(&opened, &args.store.home(), &options, &output.progress);
    output.progress.finish();
    let (found, class) = result?;
    let table = table_id(table, &found)?;
    if opened.index.page(table, page).is_empty() {
        let rows = opened.index.slice(opened.index.table(table));
        let hint = match (rows.first(), rows.last()) {
            (Some(a), Some(b)) => format!("its pages have ids from {} to {}", a.page, b.page),
            _ => format!("tables with rows: {}", ids(opened.index.tables().into_iter())),
        };
        let message = format!("page {page} of table {table} has no row in the page log");
        return Err(Failure::usage(message, hint));
    }
    if let Some(lsn) = args.lsn
        && opened.index.find(table, page, lsn).is_none()
    {
        let rows = opened.index.slice(opened.index.page(table, page));
        let message = format!("page {page} of table {table} has no row at LSN {lsn}");
        return Err(Failure::usage(message, format!("its rows are at LSN {}", ids(rows.iter().map(|r| r.lsn)))));
    }
    let inspected = inspect::inspect(&opened, (&found, &class), (table, page), args.lsn)?;
    let unreadable = inspected.findings.iter().any(|f| f.code == Code::StoreDamaged);
    let code = if unreadable {
        exit::INCOMPLETE
    } else if inspected.findings.iter().any(|f| f.severity > Severity::Note) {
        exit::FINDINGS
    } else {
        exit::CLEAN
    };
    view::show((table, page), &inspected, args.show.show, code, output);
    Ok(code)
}

/// The table and the page of a page log.
fn place(args: &Args) -> Result<(&str, PageId), Failure> {
    let missing = |what: &str, hint: String| Err(Failure::usage(what, hint));
    let name = args.store.home();
    if args.store.dir.is_file() {
        let hint = format!("name the block: wtcheck page {name} --offset N");
        return missing(&format!("{name} is a file, but pages are in a directory"), hint);
    }
    match (&args.table, args.page) {
        (Some(table), Some(page)) => Ok((table, page)),
        (Some(_), None) => missing("no page id is given", "give it after the table: wtcheck page DIR TABLE PAGE".into()),
        (None, _) => missing(
            "no table and no page are given",
            "wtcheck page DIR TABLE PAGE shows a page of a page log, wtcheck page FILE --offset N a block of a local file"
                .into(),
        ),
    }
}

/// Show the blocks that a log has dumped.
fn dumped(args: &Args, output: &mut Output) -> Outcome {
    if args.lsn.is_some() || args.store.checkpoint.is_some() {
        return Err(Failure::usage(
            "--lsn and --checkpoint are about a page log, and this is a server log",
            format!("wtcheck page {} shows every block it has", shell(&args.store.dir)),
        ));
    }
    let name = args.store.home();
    let how = Dumps { show: args.show.show, all: true, alloc: None };
    dumps_of(&name, "page", how, output, |report| {
        let of_table = |file: &Option<String>| {
            args.table.as_ref().is_none_or(|t| file.as_deref().is_some_and(|f| short_name(f) == short_name(t)))
        };
        let of_page = |page: Option<PageId>| args.page.is_none_or(|p| page == Some(p));
        let there = report.dumps.iter().filter_map(|d| Some((d.file.clone(), d.page_id?))).collect::<BTreeSet<_>>();
        report.keep(|file, page| of_table(file) && of_page(page));
        if args.table.is_none() || !report.dumps.is_empty() || !report.errors_without_dump.is_empty() {
            return Ok(());
        }
        let table = args.table.as_deref().unwrap_or_default();
        let page = args.page.map(|p| format!("page {p} of ")).unwrap_or_default();
        let message = format!("{name} has no dump of {page}table {table}");
        let listed = there.iter().take(LISTED_PAGES).map(|(file, page)| {
            format!("page {page} of {}", short_name(file.as_deref().unwrap_or("a table not named")))
        });
        let hint = match there.len() {
            0 => "it has no dump of a block of a page log".to_string(),
            n if n > LISTED_PAGES => format!("it has {}, and more", ids(listed)),
            _ => format!("it has {}", ids(listed)),
        };
        Err(Failure::usage(message, hint))
    })
}

/// A local file that is only read.
struct Local {
    file: File,
    name: String,
    size: u64,
}

impl Local {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let hint = "name a local file, such as collection-7.wt, that you have permission to read";
        let fail = |e: std::io::Error| Failure::incomplete(format!("{name}: {e}"), hint);
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let meta = std::fs::metadata(path).map_err(fail)?;
        if meta.is_dir() {
            let message = format!("{name} is a directory, and --offset is about a file");
            return Err(Failure::usage(message, "name the file, or a table and a page instead of --offset"));
        }
        if !meta.is_file() {
            return Err(Failure::incomplete(format!("{name} is not a regular file"), hint));
        }
        let file = File::open(path).map_err(fail)?;
        Ok(Self { file, name, size: meta.len() })
    }

    /// Up to `bytes` bytes from `offset` on; fewer only at the end of the file.
    fn read(&self, offset: u64, bytes: u64) -> Result<Vec<u8>, Failure> {
        let fail = |e: String| {
            let message = format!("{}: reading {bytes} bytes at offset {offset}: {e}", self.name);
            Failure::incomplete(message, "copy the file from another source")
        };
        let bytes = usize::try_from(bytes.min(self.size.saturating_sub(offset))).map_err(|e| fail(e.to_string()))?;
        let mut out = Vec::new();
        out.try_reserve_exact(bytes).map_err(|e| fail(e.to_string()))?;
        out.resize(bytes, 0);
        self.file.read_exact_at(&mut out, offset).map_err(|e| fail(e.to_string()))?;
        Ok(out)
    }

    /// The allocation size, which only the descriptor's checksum tells.
    fn allocation_size(&self) -> Result<u32, Failure> {
        let known = local::allocation_size(&self.read(0, HEAD)?);
        let largest = u64::from(*local::ALLOCATION_SIZES.end());
        let known = match known {
            Err(e) if self.size > HEAD && e.class == Class::Io => local::allocation_size(&self.read(0, largest)?),
            known => known,
        };
        known.map_err(|e| {
            let message = format!("{}: the allocation size is not known: {}", self.name, e.message);
            Failure::incomplete(message, "give it with --alloc; it is 4096 unless the table was created with another")
        })
    }

    /// The nearest sound block that begins before `offset`, or at it, and goes on behind it.
    fn around(&self, offset: u64, alloc: u32) -> Option<(u64, u32)> {
        let alloc = u64::from(alloc);
        let mut start = offset / alloc * alloc;
        for _ in 0..AROUND.1 {
            if start < alloc || offset - start > AROUND.0 {
                return None;
            }
            let header = self.read(start, HEADERS).ok()?;
            let size = header.get(28..32).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
            let end = start.saturating_add(size.into());
            if size <= MAX_BLOCK && end > offset && end <= self.size && u64::from(size).is_multiple_of(alloc) {
                let block = self.read(start, size.into()).ok()?;
                if judge::valid(&block).is_some() {
                    return Some((start, size));
                }
            }
            start -= alloc;
        }
        None
    }
}

/// Show one block of a local file.
fn file_block(args: &Args, offset: u64, output: &mut Output) -> Outcome {
    super::not_a(&args.store.dir, "page", |kind| {
        !matches!(kind, Kind::Image | Kind::Plan | Kind::Journal | Kind::ServerLog(_) | Kind::Archive(_))
    })?;
    let file = Local::open(&args.store.dir)?;
    let usage = |message: String, hint: String| Err(Failure::usage(message, hint));
    if offset >= file.size {
        return usage(
            format!("offset {offset} is past the end of {}, which has {} bytes", file.name, file.size),
            "if a block's address points there, the file was truncated; otherwise check the number".into(),
        );
    }
    let mut notes = Vec::new();
    let alloc = match args.block.alloc {
        Some(alloc) => {
            match local::allocation_size(&file.read(0, HEAD.max(alloc.into()))?) {
                Ok(own) if own != alloc => {
                    notes.push(format!("the descriptor says that the allocation size is {own}, not {alloc}"));
                }
                Ok(_) => {}
                Err(e) => notes.push(format!("the descriptor of the file is damaged: {}", e.message)),
            }
            alloc
        }
        None => file.allocation_size()?,
    };
    let unit = u64::from(alloc);
    if !offset.is_multiple_of(unit) {
        let hint = match file.around(offset, alloc) {
            Some((at, bytes)) => format!("the block that contains it starts at {at} and has {bytes} bytes"),
            None => format!("the unit that contains it starts at {}", offset / unit * unit),
        };
        return usage(format!("offset {offset} is not a multiple of the allocation size {alloc}"), hint);
    }
    if offset == 0 {
        return usage(
            "offset 0 is the descriptor of the file, not a block".into(),
            format!("the first block starts at {alloc}"),
        );
    }
    let left = file.size - offset;
    let size = match args.block.size {
        Some(size) => {
            let fits = |n: &u32| *n != 0 && *n <= MAX_BLOCK && u64::from(*n).is_multiple_of(unit);
            match u32::try_from(size).ok().filter(fits) {
                Some(size) => size,
                None => {
                    return usage(
                        format!("{size} is not a block size: not a multiple of the allocation size {alloc}"),
                        format!("give the size from the address, at most {MAX_BLOCK} bytes"),
                    );
                }
            }
        }
        None => {
            let header = file.read(offset, HEADERS)?;
            let size = header.get(28..32).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
            let fits = size <= MAX_BLOCK && u64::from(size).is_multiple_of(unit);
            if fits { size } else { 0 }
        }
    };
    // A header that tells no size is shown with what its unit has.
    let stored = file.read(offset, if size == 0 { unit.min(left) } else { size.into() })?;
    let view = View {
        show: args.show.show,
        all: output.verbose > 0 || output.format != Format::Table,
        alloc,
        ..View::default()
    };
    let around = judge::valid(&stored).is_none().then(|| file.around(offset, alloc)).flatten();
    let source = Source {
        file: file.name.clone(),
        file_size: file.size,
        offset,
        size,
        expected: args.block.checksum,
        around: around.filter(|(at, _)| *at != offset),
        notes,
    };
    let report = FileBlock::new(source, &stored, &view);
    let code = match report.worst() {
        None => exit::CLEAN,
        Some(Class::Unsupported) => exit::REFUSED,
        Some(_) => exit::FINDINGS,
    };
    block_view::show(report, code, output);
    Ok(code)
}

fn ids(ids: impl Iterator<Item = impl std::fmt::Display>) -> String {
    ids.map(|t| t.to_string()).collect::<Vec<_>>().join(", ")
}

/// A table by id, URI or name.
fn table_id(wanted: &str, audit: &Audit) -> Result<TableId, Failure> {
    if let Ok(id) = number(wanted) {
        return Ok(TableId(id));
    }
    let named = audit.trees.iter().find(|t| t.uri == wanted || short_name(&t.uri) == wanted);
    named.map(|t| t.table_id).ok_or_else(|| {
        let names: Vec<&str> = audit.trees.iter().map(|t| short_name(&t.uri)).collect();
        Failure::usage(
            format!("the checkpoint has no table {wanted:?}"),
            format!("it has {}; other tables can be given by id", names.join(", ")),
        )
    })
}
