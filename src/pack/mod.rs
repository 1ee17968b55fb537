//! A small, shareable image of a store's structure without its content, and the way back.
//!
//! What is shipped begins as zeros; only bytes that are known to be structure are carried over:
//! headers, cell descriptors, lengths, time windows, cookies, extent lists, the engine's own texts.
//! Keys become others of the same order and lengths (`relabel`), values filler of the same length,
//! checksums are computed anew, and what did not hold before still does not. Before an image is
//! published it is unpacked, audited, compared with the source ([`same`]), and searched for the
//! source's keys and values.

pub mod bson;
mod home;
pub mod image;
pub mod page;
mod pagelog;
mod palite;
mod palm;
pub mod relabel;
pub mod same;
pub mod search;
pub mod squeeze;
pub mod sums;
pub mod text;
mod wtlog;

pub use page::Replaced;

use crate::audit::result::Audit;
use crate::audit::{self, AuditError, Progress};
use crate::coverage::Unchecked;
use crate::format::{home_turtle, local as local_format};
use crate::home::files::MONGO_LOCK;
use crate::home::{directory, recover};
use crate::id::Version;
use crate::output::{self, OutputError, Place};
use crate::page::Depth;
use crate::scratch;
use crate::store::blockfile::BlockFile;
use crate::store::{self, Located, OpenOptions, StoreKind};
use crate::subject::{NoStore, Subject};
use image::{FileEntry, LeftOut, Manifest};
use relabel::{ALPHABETS, Alphabet};
use same::{Difference, Essence};
use search::{Found, Guard, Needles, Samples};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes an image may unpack to, unless the caller says otherwise.
pub const DEFAULT_LIMIT: u64 = 1 << 40;
/// How much of a file is searched at a time.
const WINDOW: usize = 4 << 20;

/// Why there is no image, or no directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The source cannot be audited.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There is no store.
    #[error(transparent)]
    Subject(#[from] NoStore),
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The target is there already.
    #[error("{0} already exists; nothing is overwritten")]
    Exists(PathBuf),
    /// The target cannot be made where it was to be.
    #[error(transparent)]
    Output(OutputError),
    /// The target lies in the source.
    #[error("{0} is inside the directory to be packed")]
    Inside(PathBuf),
    /// No image, or one that is refused.
    #[error("{0}")]
    Image(String),
    /// The image would hold bytes of the user.
    #[error("{file}: there is a key or value from the source at byte {offset}; no image was written")]
    Leak {
        /// The file of the image.
        file: String,
        /// Where in it.
        offset: u64,
    },
}

impl From<OutputError> for PackError {
    fn from(e: OutputError) -> Self {
        match e {
            OutputError::Exists(path) => Self::Exists(path),
            OutputError::Io { path, error } => Self::io(&path, &error),
            other => Self::Output(other),
        }
    }
}

impl PackError {
    fn io(path: &Path, e: &io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), reason: e.to_string() }
    }
}

/// How to pack and unpack.
#[derive(Debug, Clone)]
pub struct Options {
    pub jobs: usize,
    /// How to open the source.
    pub open: OpenOptions,
    /// Most bytes to unpack.
    pub limit: u64,
}

/// What packing came to.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The image's own description.
    pub manifest: Manifest,
    /// Bytes of the source's files that are in the image.
    pub source_bytes: u64,
    pub image_bytes: u64,
    /// Keys and values of the source that were looked for in the image.
    pub searched: u64,
    /// Most bytes of keys held in memory at a time.
    pub key_bytes: u64,
    /// How the unpacked image's audits differ from the source's.
    pub differences: Vec<Difference>,
}

/// What unpacking came to.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// The image's own description.
    pub manifest: Manifest,
    /// The audit of the directory, where one was asked for, and how it differs from the source's.
    pub differences: Option<Vec<Difference>>,
}

/// Pack the store in `dir` into the new file `out`.
pub fn pack(dir: &Path, out: &Path, options: &Options, progress: &dyn Progress) -> Result<Packed, PackError> {
    let parent = scratch::directory_of(out);
    let whole = |p: &Path| fs::canonicalize(p).map_err(|e| PackError::io(p, &e));
    if whole(parent)?.starts_with(whole(dir)?) {
        return Err(PackError::Inside(out.to_path_buf()));
    }
    output::check_place(out, Place::Free)?;
    let temp = output::beside(out, "pack")?;
    let audits = audits(dir, options, progress)?;
    // An image without a file that is there would tell of a store that lacks it.
    for (name, why) in audits.iter().flat_map(|a| a.coverage.not_checked_list()) {
        if let Unchecked::Io { error, .. } = why {
            return Err(PackError::Io { path: dir.join(name), reason: error.clone() });
        }
    }
    let mut guard = Guard::default();
    let mut trials = ALPHABETS.into_iter();
    let mut trial = Trial::new(dir, temp.path(), &audits, trials.next().unwrap_or_default(), options, progress)?;
    // What is found may look like filler only: another alphabet tells.
    while !trial.found.is_empty() {
        guard.image(std::mem::take(&mut trial.found));
        let Some(alphabet) = trials.next() else {
            if let Some((file, offset)) = guard.leak() {
                return Err(PackError::Leak { file: file.to_string(), offset });
            }
            break;
        };
        trial = Trial::new(dir, temp.path(), &audits, alphabet, options, progress)?;
    }
    let Trial { made, manifest, image, back, searched, .. } = trial;
    let differences = compare(&back, &manifest, options, progress)?;
    let image_bytes = fs::metadata(&image).map_err(|e| PackError::io(&image, &e))?.len();
    output::publish(&image, out, Place::Free)?;
    Ok(Packed { source_bytes: made.0, image_bytes, searched, key_bytes: made.1, differences, manifest })
}

/// One image, and what of the source is in it.
struct Trial {
    /// Bytes of the source, and of keys held in memory at a time.
    made: (u64, u64),
    manifest: Manifest,
    image: PathBuf,
    /// The directory that it unpacks to.
    back: PathBuf,
    searched: u64,
    found: Found,
}

impl Trial {
    fn new(
        dir: &Path,
        temp: &Path,
        audits: &[Audit],
        alphabet: Alphabet,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Self, PackError> {
        let (tree, image) = (temp.join("tree"), temp.join("image"));
        let mut samples = Samples::default();
        let mut made = make(dir, temp, alphabet, options, &mut samples, progress)?;
        made.left_out.sort_by(|a, b| a.name.cmp(&b.name));
        let first = audits.first();
        let manifest = Manifest {
            format: image::FORMAT,
            tool: env!("CARGO_PKG_VERSION").to_string(),
            kind: first.map_or(StoreKind::Local, |a| a.store.kind),
            generation: first.map_or(String::new(), |a| a.store.generation.to_string()),
            notes: made.notes,
            replaced: made.replaced,
            files: list(&tree)?,
            left_out: made.left_out,
            audits: audits.iter().map(Essence::of).collect(),
        };
        progress.phase("writing the image", None);
        if let Err(e) = fs::remove_file(&image)
            && e.kind() != io::ErrorKind::NotFound
        {
            return Err(PackError::io(&image, &e));
        }
        let file = File::options().write(true).create_new(true).open(&image).map_err(|e| PackError::io(&image, &e))?;
        image::write(&manifest, &tree, &file)?;

        progress.phase("checking the image", None);
        let back = fresh(temp, "back")?;
        image::extract(&image, &back, u64::MAX)?;
        let needles = samples.needles();
        let found = search_files(&back, &manifest.files, &needles)?;
        Ok(Self { made: (made.source_bytes, made.key_bytes), manifest, image, back, searched: needles.count, found })
    }
}

/// A new directory, in the place of an older one.
fn fresh(below: &Path, name: &str) -> Result<PathBuf, PackError> {
    let path = below.join(name);
    match fs::remove_dir_all(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(PackError::io(&path, &e)),
        _ => {}
    }
    fs::create_dir(&path).map_err(|e| PackError::io(&path, &e))?;
    Ok(path)
}

/// Make the files of an image in `tree/` below a directory.
fn make(
    dir: &Path,
    temp: &Path,
    alphabet: Alphabet,
    options: &Options,
    samples: &mut Samples,
    progress: &dyn Progress,
) -> Result<Made, PackError> {
    let tree = fresh(temp, "tree")?;
    match Subject::open(dir).store()? {
        None => pack_home(dir, &tree, alphabet, options, samples, progress),
        Some(located) => pack_log(located, dir, &tree, &fresh(temp, "work")?, alphabet, options, samples, progress),
    }
}

/// Keys and values of the store in `dir` that stand in the files of a directory: name and offset, the first place of
/// each. This is what an image is searched with.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn found_in(
    dir: &Path,
    files: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<(String, u64)>, PackError> {
    let temp = scratch::beside(files, "search").map_err(|e| PackError::io(files, &e))?;
    let mut samples = Samples::default();
    make(dir, temp.path(), Alphabet::default(), options, &mut samples, progress)?;
    Ok(search_files(files, &list(files)?, &samples.needles())?.places())
}

/// Unpack an image into the new directory `dir`, and audit it if asked to.
pub fn unpack(
    image: &Path,
    dir: &Path,
    audit: bool,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Unpacked, PackError> {
    output::check_place(dir, Place::Free)?;
    let temp = output::beside(dir, "unpack")?;
    let tree = temp.path().join("tree");
    fs::create_dir(&tree).map_err(|e| PackError::io(&tree, &e))?;
    progress.phase("unpacking", None);
    let manifest = image::extract(image, &tree, options.limit)?;
    // Whatever ends this early leaves no directory behind.
    let differences = if audit { Some(compare(&tree, &manifest, options, progress)?) } else { None };
    output::publish(&tree, dir, Place::Free)?;
    Ok(Unpacked { manifest, differences })
}

/// The audits an image is compared by.
fn audits(dir: &Path, options: &Options, progress: &dyn Progress) -> Result<Vec<Audit>, PackError> {
    [Depth::Normal, Depth::Deep].into_iter().map(|depth| audit_at(dir, depth, options, progress)).collect()
}

fn audit_at(dir: &Path, depth: Depth, options: &Options, progress: &dyn Progress) -> Result<Audit, PackError> {
    let subject = Subject::open(dir);
    if !options.open.allow_live {
        subject.check_live()?;
    }
    let Some(located) = subject.store()? else {
        let (home, _) = subject.home(options.open.no_mmap)?;
        let options = audit::home::Options { checkpoint: None, depth, no_mmap: options.open.no_mmap, tables: None };
        return Ok(audit::home::run(&home, "", &options, progress)?.0);
    };
    let store = store::open_at(located, options.open.no_mmap)?;
    let options = audit::Options { depth, jobs: options.jobs, ..audit::Options::default() };
    Ok(audit::pagelog::run(&*store, "", &options, progress)?)
}

/// How audits of a directory differ from those of the source.
fn compare(
    dir: &Path,
    manifest: &Manifest,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<Difference>, PackError> {
    let mut out = Vec::new();
    for source in &manifest.audits {
        let depth = if source.depth == Depth::Deep.name() { Depth::Deep } else { Depth::Normal };
        let differences = match audit_at(dir, depth, options, progress) {
            Ok(audit) => source.differences(&Essence::of(&audit)),
            Err(e) => vec![Difference::NoAudit { reason: e.to_string() }],
        };
        // Most of them show at every depth.
        let news: Vec<_> = differences.into_iter().filter(|d| !out.contains(d)).collect();
        out.extend(news);
    }
    Ok(out)
}

/// Look for the source's keys and values in the bytes of files. (The manifest has names, which are shipped as they
/// are, numbers, and words of the tool.)
fn search_files(dir: &Path, files: &[FileEntry], needles: &Needles) -> Result<Found, PackError> {
    let mut found = Found::default();
    for file in files {
        let path = dir.join(&file.name);
        let mut source = store::regular_file(&path).map_err(|e| PackError::io(&path, &e))?;
        let mut window = Vec::new();
        let mut offset = 0;
        loop {
            let read = io::Read::take(&mut source, WINDOW as u64);
            let n = io::copy(&mut { read }, &mut window).map_err(|e| PackError::io(&path, &e))?;
            needles.find(&window, &mut |at, string| found.add(&file.name, string, offset + at as u64));
            if n == 0 {
                break;
            }
            // Strings may lie across two windows.
            let keep = window.len().min(search::LONGEST);
            offset += (window.len() - keep) as u64;
            window.drain(..window.len() - keep);
        }
    }
    Ok(found)
}

/// The files below a directory, by name.
fn list(dir: &Path) -> Result<Vec<FileEntry>, PackError> {
    let mut out = Vec::new();
    let mut todo = vec![(dir.to_path_buf(), String::new())];
    while let Some((path, prefix)) = todo.pop() {
        for entry in fs::read_dir(&path).map_err(|e| PackError::io(&path, &e))? {
            let entry = entry.map_err(|e| PackError::io(&path, &e))?;
            let meta = entry.metadata().map_err(|e| PackError::io(&path, &e))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if meta.is_dir() {
                todo.push((entry.path(), format!("{name}/")));
            } else {
                out.push(FileEntry { name, bytes: meta.len() });
            }
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

/// What making the files of an image came to.
struct Made {
    notes: Vec<String>,
    replaced: Replaced,
    left_out: Vec<LeftOut>,
    source_bytes: u64,
    key_bytes: u64,
}

#[allow(clippy::too_many_arguments)]
fn pack_log(
    located: &Located,
    dir: &Path,
    tree: &Path,
    work: &Path,
    alphabet: Alphabet,
    options: &Options,
    samples: &mut Samples,
    progress: &dyn Progress,
) -> Result<Made, PackError> {
    let store = store::open_at(located, options.open.no_mmap)?;
    let opened = audit::pagelog::open(&*store, false, progress)?;
    // The layout of the source: the page log in a directory of its own, or not.
    let (target, prefix) = match located.home.as_deref() == Some(dir) {
        true => (tree.join("kv_home"), "kv_home/"),
        false => (tree.to_path_buf(), ""),
    };
    fs::create_dir_all(&target).map_err(|e| PackError::io(&target, &e))?;
    let mut made = Made {
        notes: notes(),
        replaced: Replaced::default(),
        left_out: Vec::new(),
        source_bytes: opened.layout.files.iter().map(|f| f.1).sum(),
        key_bytes: 0,
    };
    let mut rewriter = pagelog::Rewriter::new(&opened, alphabet);
    progress.phase("replacing keys and values", Some(opened.index.len() as u64));
    match located.kind {
        StoreKind::Palite => {
            let databases = palite::Databases::copy(&located.kv_home, work)?;
            rewriter.rows(samples, progress, &mut |row, data| databases.put(row, data))?;
            for row in &opened.completions {
                databases.complete(row, &rewriter.completion(row))?;
            }
            for (name, reason) in &databases.damaged {
                made.notes.push(format!("{name} is damaged and was left without content: {reason}"));
            }
            let size = |name: &String| fs::metadata(located.kv_home.join(name)).map_or(0, |m| m.len());
            made.left_out.extend(databases.others.iter().map(|name| LeftOut {
                name: format!("{prefix}{name}"),
                bytes: size(name),
                reason: "no database of the page log".into(),
            }));
            databases.finish(&target)?;
        }
        StoreKind::Palm | StoreKind::Local => {
            let data = palm::DataFile::copy(&located.kv_home.join("data.mdb"), &target.join("data.mdb"))?;
            rewriter.rows(samples, progress, &mut |row, new| data.put(row, new))?;
            for row in &opened.completions {
                if !data.complete(row, &rewriter.completion(row))? {
                    made.notes.push(format!("the completion record at LSN {} does not fit its old length", row.lsn));
                }
            }
            made.left_out.push(LeftOut {
                name: format!("{prefix}lock.mdb"),
                bytes: fs::metadata(located.kv_home.join("lock.mdb")).map_or(0, |m| m.len()),
                reason: "LMDB recreates it".into(),
            });
        }
    }
    made.replaced = rewriter.replaced;
    made.key_bytes = rewriter.key_bytes;
    for Version { table, page, lsn } in &rewriter.misfits {
        made.notes.push(format!("table {table}, page {page}, LSN {lsn}: the new content does not fit the old length"));
    }
    if located.home.as_deref() == Some(dir) {
        beside(dir, &mut made.left_out)?;
    }
    Ok(made)
}

/// Texts of the engine at the top of a home, which say nothing of its user.
const TEXTS: [&str; 2] = ["WiredTiger", "WiredTiger.lock"];
/// The metadata of a backup copy.
const BACKUP: &str = "WiredTiger.backup";
/// A turtle, also one that had not got its name.
const TURTLES: [&str; 2] = [home_turtle::FILE_NAME, home_turtle::TEMPORARY_NAME];
/// Configuration files of which an audit needs the settings of the log.
const CONFIGURATIONS: [&str; 2] = ["WiredTiger.basecfg", "WiredTiger.config"];
/// Largest allocation size that a description block is looked for with.
const MAX_UNIT: usize = 64 << 10;
/// Longest text file of a home that is read.
const MAX_TEXT: u64 = 64 << 20;

fn pack_home(
    dir: &Path,
    tree: &Path,
    alphabet: Alphabet,
    options: &Options,
    samples: &mut Samples,
    progress: &dyn Progress,
) -> Result<Made, PackError> {
    let no_mmap = options.open.no_mmap;
    let home = directory::Home::open(dir, directory::Options { no_mmap })?;
    let mut made =
        Made { notes: notes(), replaced: Replaced::default(), left_out: Vec::new(), source_bytes: 0, key_bytes: 0 };
    let logs: Vec<&str> =
        home.log.iter().flat_map(|l| &l.files).filter_map(|f| f.path.strip_prefix(dir).ok()?.to_str()).collect();
    let target = |name: &str| -> Result<PathBuf, PackError> {
        let path = tree.join(name);
        let parent = path.parent().unwrap_or(tree);
        fs::create_dir_all(parent).map_err(|e| PackError::io(parent, &e))?;
        Ok(path)
    };
    // The metadata names the blocks of all others, so it comes last.
    let mut names: Vec<&String> = home.inventory.keys().collect();
    names.sort_by_key(|n| (home::is_metadata(n), n.as_str() == directory::METADATA));
    let mut others = std::collections::HashMap::new();
    let mut own = None;
    progress.phase("replacing keys and values", None);
    let mut texts = Vec::new();
    for name in names {
        let bytes = home.inventory.get(name).copied().unwrap_or(0);
        if !image::is_plain(name) {
            made.left_out.push(LeftOut { name: name.clone(), bytes, reason: "not a valid name".into() });
            continue;
        }
        let path = dir.join(name);
        if home.file(name).is_none() && !directory::is_block_file(&path) {
            texts.push((name.clone(), bytes));
            continue;
        }
        made.source_bytes += bytes;
        let file = match BlockFile::open(&path, no_mmap) {
            Ok(file) => file,
            Err(e) => {
                made.left_out.push(LeftOut { name: name.clone(), bytes, reason: e.to_string() });
                continue;
            }
        };
        // One with blocks of another size holds what belongs into another file.
        let mut buffer = Vec::new();
        let stated = file.read_up_to(0, MAX_UNIT, &mut buffer).ok().and_then(|h| local_format::allocation_size(h).ok());
        let entry = match home.file(name).filter(|e| stated.is_none_or(|alloc| alloc == e.alloc)) {
            Some(entry) => entry.clone(),
            None => alone(name, &file, stated),
        };
        let id = home.file(name).and_then(|e| e.id);
        let done = home::rewrite(&entry, &file, &target(name)?, &others, alphabet, samples, progress)?;
        made.replaced.add(done.replaced);
        made.key_bytes = made.key_bytes.max(done.key_bytes);
        let misfit = |m: &String| format!("{m}: the new content does not fit the old length");
        made.notes.extend(done.misfits.iter().map(misfit));
        if name == directory::METADATA {
            own = Some(done.cookies);
        } else if let Some(id) = id {
            others.insert(id, done.cookies);
        }
    }
    let of_id = |old: &[u8], text: Option<&str>| {
        let id = crate::format::config::Config::parse(text?).ok()?.get("id")?.u64().ok()?;
        if id == 0 { own.as_ref()?.checkpoint(old) } else { others.get(&id)?.checkpoint(old) }
    };
    for (name, bytes) in texts {
        let from = dir.join(&name);
        if logs.contains(&name.as_str()) {
            made.source_bytes += bytes;
            wtlog::rewrite(&from, &target(&name)?, &of_id, alphabet, samples)?;
            continue;
        }
        let of = |names: &[&str]| names.contains(&name.as_str());
        let wanted = of(&TURTLES) || of(&TEXTS) || of(&CONFIGURATIONS) || of(&[BACKUP, MONGO_LOCK]);
        if !wanted || bytes > MAX_TEXT {
            let reason = if wanted { "too long for an engine text" } else { "not needed to judge the store" };
            made.left_out.push(LeftOut { name, bytes, reason: reason.into() });
            continue;
        }
        made.source_bytes += bytes;
        let old = store::read_regular_file(&from).map_err(|e| PackError::io(&from, &e))?;
        let new = match name.as_str() {
            n if CONFIGURATIONS.contains(&n) => text::log_settings(&old),
            // Whether there is something in it is all it says.
            MONGO_LOCK => vec![b'0'; old.len()],
            _ => text::lines(&old, &of_id),
        };
        let path = target(&name)?;
        fs::write(&path, new).map_err(|e| PackError::io(&path, &e))?;
    }
    Ok(made)
}

/// A block file that the catalog does not know: what it says of itself.
fn alone(name: &str, file: &BlockFile, alloc: Option<u32>) -> directory::FileEntry {
    let found = recover::scan(file, alloc, &|_| ());
    let entry = found.and_then(|f| directory::FileEntry::recovered(name, &f).ok());
    entry.unwrap_or_else(|| directory::FileEntry::nothing(name, alloc.unwrap_or(4096)))
}

/// What a home holds beside its page log; none of it is needed to judge the log.
fn beside(home: &Path, left_out: &mut Vec<LeftOut>) -> Result<(), PackError> {
    for entry in fs::read_dir(home).map_err(|e| PackError::io(home, &e))? {
        let entry = entry.map_err(|e| PackError::io(home, &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "kv_home" {
            let bytes = entry.metadata().map_or(0, |m| if m.is_file() { m.len() } else { 0 });
            left_out.push(LeftOut { name, bytes, reason: "not part of the page log".into() });
        }
    }
    Ok(())
}

/// What every image keeps and does not keep.
fn notes() -> Vec<String> {
    [
        "kept: headers, cell types, lengths, time windows, transaction ids, LSNs, page ids, record numbers, cookies, \
         extent lists, checkpoint lists, names of tables and files, configuration of tables, \
         MongoDB's counts of documents",
        "replaced: keys by others with the same order, common prefixes and lengths; values by filler of the same \
         length; checksums; app_metadata; MongoDB's catalog but for its idents; key material",
        "a key whose neighbours differ from it in all 256 ways at a byte keeps that byte; the NUL bytes of strings \
         and the length classes of packed integers stay where a key format has them",
    ]
    .map(str::to_string)
    .to_vec()
}
