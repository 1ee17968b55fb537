//! What a local home directory holds: its files, and the catalog of block files from the turtle and
//! the metadata, or from the files themselves where those are lost (spec 16.9, 16.10).

pub use super::entry::{FileEntry, Source};

use super::block;
use super::checkpoint;
use super::names::{Names, Sizes, What};
use super::recover::{self, Recovered};
use super::rows;
use super::wtlog;
use crate::format::config::Config;
use crate::format::home_turtle::{self, HomeTurtle};
use crate::format::local;
use crate::store::blockfile::BlockFile;
use crate::store::{StoreError, read_regular_file, regular_file};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// The metadata file.
pub const METADATA: &str = "WiredTiger.wt";
/// The history store.
pub const HISTORY_STORE: &str = "WiredTigerHS.wt";
/// The file that says which engine wrote the home.
pub const VERSION_FILE: &str = "WiredTiger";
/// MongoDB's catalog.
const MONGO_CATALOG: &str = "_mdb_catalog.wt";
/// MongoDB's counts of documents.
const SIZE_STORER: &str = "sizeStorer.wt";
/// Levels of directories that are searched for block files (`directoryPerDB` makes one, separate
/// index directories another).
const MAX_LEVELS: usize = 3;
/// Files that are listed at most.
const MAX_FILES: usize = 1_000_000;
/// Problems of metadata rows that are listed at most.
const MAX_ISSUES: usize = 1000;
/// The metadata of a backup copy: lines of keys and values (16.10).
const BACKUP: &str = "WiredTiger.backup";
/// Largest list of a backup copy: a million files.
const MAX_BACKUP: u64 = 4 << 30;
/// Largest turtle; a real one has two kilobytes.
const MAX_TURTLE: u64 = 16 << 20;

/// Something wrong with the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issue {
    /// The turtle is not there.
    TurtleMissing(String),
    /// The turtle is of no use: what is wrong, and where in the file.
    TurtleInvalid {
        /// Byte in the turtle.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// The turtle's cookie leads nowhere, and the copy in the metadata file leads to the metadata.
    TurtleStale {
        /// Byte in the turtle.
        offset: u64,
        /// Checkpoint cookie of the turtle and of the copy.
        cookies: (String, String),
    },
    /// A row of the metadata.
    Row {
        /// Its key.
        key: String,
        /// Why it is of no use.
        reason: String,
    },
    /// Two files with one id.
    DuplicateId {
        /// The id.
        id: u64,
        /// Their URIs.
        uris: Vec<String>,
    },
    /// A table, index or column group whose file is not in the metadata.
    Source {
        /// Its key.
        key: String,
        /// The file it names.
        source: String,
    },
}

/// How the catalog was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Turtle, metadata, files.
    Turtle,
    /// The metadata file's own copy of its checkpoint.
    Recovery,
    /// The list of a backup copy, which has no turtle: the engine makes the metadata anew from it.
    Backup,
    /// Every file on its own.
    Files,
}

/// A home directory.
#[derive(Debug)]
pub struct Home {
    /// Its path.
    pub dir: PathBuf,
    /// Every regular file below it: name and size.
    pub inventory: BTreeMap<String, u64>,
    /// The version text, from the turtle or the version file.
    pub version: Option<String>,
    /// Block files, by name.
    pub files: Vec<FileEntry>,
    /// Files of the catalog whose pages live in a page log.
    pub in_page_log: BTreeSet<String>,
    /// Block files that the catalog does not know.
    pub unlisted: Vec<String>,
    /// How the catalog was found.
    pub way: Way,
    /// Every row of the metadata was read.
    pub complete: bool,
    /// The metadata is encrypted.
    pub encrypted: bool,
    /// Rows of the metadata by the word before the colon.
    pub rows: BTreeMap<String, u64>,
    /// What is wrong with the catalog.
    pub issues: Vec<Issue>,
    /// A turtle that fits the metadata file, where the one there does not.
    pub proposed_turtle: Option<String>,
    /// MongoDB's names.
    pub names: Names,
    /// MongoDB's counts.
    pub sizes: Sizes,
    /// One file without a home: nothing is known of what should lie beside it.
    pub alone: bool,
    /// The page log of the home lies here, too: in it, or in `kv_home/`.
    pub page_log_here: bool,
    /// The logs, or why they could not even be listed.
    pub log: std::result::Result<wtlog::Summary, String>,
}

/// Every regular file below a directory, by its name below it, with its size.
fn inventory(dir: &Path) -> std::io::Result<BTreeMap<String, u64>> {
    let mut out = BTreeMap::new();
    let mut todo = vec![(dir.to_path_buf(), String::new(), 0)];
    while let Some((path, prefix, level)) = todo.pop() {
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if level == 0 => return Err(e),
            // A directory below that cannot be listed hides no file the metadata does not name.
            Err(_) => continue,
        };
        for entry in entries.filter_map(std::io::Result::ok) {
            let Ok(kind) = entry.file_type() else { continue };
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() && level + 1 < MAX_LEVELS {
                todo.push((entry.path(), format!("{name}/"), level + 1));
            } else if (kind.is_file() || kind.is_symlink())
                && let Some(meta) = std::fs::metadata(entry.path()).ok().filter(std::fs::Metadata::is_file)
            {
                out.insert(name, meta.len());
            }
            if out.len() >= MAX_FILES {
                return Ok(out);
            }
        }
    }
    Ok(out)
}

/// Whether a file begins like a block file.
fn has_magic(path: &Path) -> bool {
    let mut head = [0_u8; 4];
    let read = regular_file(path).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut head));
    read.is_ok() && u32::from_le_bytes(head) == local::DESCRIPTOR_MAGIC
}

/// How to read a home.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Read instead of mapping.
    pub no_mmap: bool,
}

impl Home {
    /// Nothing but a directory and what lies in it.
    fn empty(dir: &Path, inventory: BTreeMap<String, u64>) -> Self {
        Self {
            dir: dir.to_path_buf(),
            inventory,
            version: None,
            files: Vec::new(),
            in_page_log: BTreeSet::new(),
            unlisted: Vec::new(),
            way: Way::Files,
            complete: false,
            encrypted: false,
            rows: BTreeMap::new(),
            issues: Vec::new(),
            proposed_turtle: None,
            names: Names::default(),
            sizes: Sizes::default(),
            alone: false,
            page_log_here: false,
            log: Err("not looked for".to_string()),
        }
    }

    /// One block file without a home.
    #[must_use]
    pub fn alone(dir: &Path, name: &str, options: Options) -> Self {
        let size = std::fs::metadata(dir.join(name)).map_or(0, |m| m.len());
        let mut home = Self::empty(dir, BTreeMap::from([(name.to_string(), size)]));
        home.alone = true;
        home.others(options);
        home
    }

    /// Read the catalog of a home directory.
    pub fn open(dir: &Path, options: Options) -> std::result::Result<Self, StoreError> {
        let unreadable = |e: std::io::Error| StoreError::Unreadable { path: dir.to_path_buf(), reason: e.to_string() };
        let mut home = Self::empty(dir, inventory(dir).map_err(unreadable)?);
        home.log = wtlog::read(dir).map_err(|e| e.to_string());
        if let Some(rows) = home.backup_rows() {
            (home.way, home.complete) = (Way::Backup, true);
            home.catalog(&rows);
            home.version_text(None);
        } else {
            let turtle = home.turtle();
            let metadata = BlockFile::open(&dir.join(METADATA), options.no_mmap).ok();
            let entry = home.metadata_entry(turtle.as_ref(), metadata.as_ref());
            if let (Some(file), Some(entry)) = (&metadata, entry) {
                home.read_metadata(file, entry, turtle.as_ref());
            }
            home.version_text(turtle.as_ref());
        }
        home.others(options);
        home.mongo(options);
        home.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(home)
    }

    /// The path of a file of the catalog.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The entry of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|f| f.name == name)
    }

    fn issue(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        }
    }

    /// The rows of a backup copy that was not opened yet. Its metadata file is not used: the engine
    /// makes a new one from the list.
    fn backup_rows(&self) -> Option<Vec<(String, String)>> {
        let turtle = self.inventory.contains_key(home_turtle::FILE_NAME);
        if turtle || self.inventory.get(BACKUP).is_none_or(|size| *size > MAX_BACKUP) {
            return None;
        }
        let bytes = read_regular_file(&self.dir.join(BACKUP)).ok()?;
        let pairs = home_turtle::pairs(&bytes).into_iter();
        let rows: Vec<_> = pairs.filter_map(|pair| Some((pair.key, pair.value?))).collect();
        rows.iter().any(|(key, _)| key.starts_with("file:")).then_some(rows)
    }

    fn turtle(&mut self) -> Option<HomeTurtle> {
        let name = home_turtle::FILE_NAME;
        let invalid = |offset: usize, reason: String| Issue::TurtleInvalid { offset: offset as u64, reason };
        let Some(size) = self.inventory.get(name).copied() else {
            let fault = home_turtle::Fault::missing(self.inventory.contains_key(METADATA));
            self.issue(Issue::TurtleMissing(fault.message));
            return None;
        };
        if size > MAX_TURTLE {
            self.issue(invalid(0, format!("{size} bytes are no turtle")));
            return None;
        }
        match read_regular_file(&self.dir.join(name)) {
            Ok(bytes) => match home_turtle::parse(&bytes) {
                Ok(turtle) => return Some(turtle),
                Err(e) => self.issue(invalid(e.offset, e.message)),
            },
            Err(e) => self.issue(invalid(0, e.to_string())),
        }
        None
    }

    fn version_text(&mut self, turtle: Option<&HomeTurtle>) {
        let file = read_regular_file(&self.dir.join(VERSION_FILE)).ok().and_then(|b| String::from_utf8(b).ok());
        let own = file.as_deref().and_then(|t| t.lines().nth(1)).map(str::to_string).filter(|t| t.len() < 256);
        self.version = turtle.map(|t| t.version_string.clone()).or(own);
    }

    /// The entry of the metadata file: what the turtle says, else what the file itself says.
    fn metadata_entry(&mut self, turtle: Option<&HomeTurtle>, file: Option<&BlockFile>) -> Option<FileEntry> {
        if let Some(turtle) = turtle {
            match FileEntry::parse(METADATA, &turtle.metadata, Source::Turtle) {
                Ok(entry) => {
                    self.way = Way::Turtle;
                    return Some(entry);
                }
                Err(e) => {
                    self.issue(Issue::TurtleInvalid { offset: turtle.metadata_at as u64, reason: e.to_string() });
                }
            }
        }
        let found = recover::scan(file?, descriptor_alloc(file?), &|_| ())?;
        let entry = FileEntry::recovered(METADATA, &found).ok()?;
        self.way = Way::Recovery;
        self.propose(&found, turtle);
        Some(entry)
    }

    /// Write the turtle that the metadata file asks for.
    fn propose(&mut self, found: &Recovered, turtle: Option<&HomeTurtle>) {
        self.version_text(turtle);
        let text = self.version.clone().unwrap_or_default();
        if let Some(metadata) = found.config_text() {
            self.proposed_turtle = home_turtle::from_version_text(&text, metadata).map(|t| home_turtle::render(&t));
        }
    }

    fn read_metadata(&mut self, file: &BlockFile, entry: FileEntry, turtle: Option<&HomeTurtle>) {
        let mut entry = entry;
        let mut rows = read_rows(file, &entry);
        let lost = |r: &rows::Read<String>| r.opaque.is_none() && !r.complete && r.rows.is_empty();
        if entry.source == Source::Turtle
            && (lost(&rows) || !leads_to_blocks(file, &entry))
            && let Some(found) = recover::scan(file, Some(entry.alloc), &|_| ())
            && let Ok(other) = FileEntry::recovered(METADATA, &found)
        {
            let again = read_rows(file, &other);
            let cookie = |e: &FileEntry| e.checkpoints.last().map(|c| hex::encode(&c.addr)).unwrap_or_default();
            let cookies = (cookie(&entry), cookie(&other));
            // An older copy does not prove the turtle wrong: the newest may be what is damaged.
            let newest = entry.checkpoints.last().map_or(0, |c| c.write_gen) < found.recovery.generation;
            // Nor does a copy in a block that breaks the rules of lists.
            let sound = || {
                let read = checkpoint::read(file, other.alloc, &other.checkpoints);
                leads_to_blocks(file, &other) && read.last().is_some_and(|c| c.faults.is_empty())
            };
            if newest && cookies.0 != cookies.1 && !lost(&again) && sound() {
                let at = turtle.map_or(0, |t| {
                    t.metadata_at.saturating_add(t.metadata.find(&cookies.0).unwrap_or_default()) as u64
                });
                self.issue(Issue::TurtleStale { offset: at, cookies });
                self.propose(&found, turtle);
                (self.way, rows, entry) = (Way::Recovery, again, other);
            }
        }
        self.encrypted = rows.opaque == Some(super::tree::ENCRYPTED);
        self.complete = rows.complete && rows.opaque.is_none();
        if rows.rows.is_empty() && !self.complete {
            self.way = Way::Files;
        }
        self.files.push(entry);
        self.catalog(&rows.rows);
    }

    /// Entries, ids and sources from the rows of the metadata.
    fn catalog(&mut self, rows: &[(String, String)]) {
        let mut ids: HashMap<u64, Vec<String>> = HashMap::new();
        let mut sources = Vec::new();
        for (key, value) in rows {
            let word = key.split_once(':').map_or(key.as_str(), |(word, _)| word);
            *self.rows.entry(word.to_string()).or_default() += 1;
            let bad = |reason: String| Issue::Row { key: key.clone(), reason };
            match key.split_once(':') {
                Some(("file", name)) => match FileEntry::parse(name, value, Source::Metadata) {
                    Ok(_) if !is_below(name) => self.issue(bad("the name leaves the directory".into())),
                    Ok(entry) => {
                        if let Some(id) = entry.id {
                            ids.entry(id).or_default().push(entry.uri.clone());
                        }
                        if entry.in_page_log {
                            self.in_page_log.insert(entry.name);
                        } else {
                            self.files.push(entry);
                        }
                    }
                    Err(e) => self.issue(bad(e.to_string())),
                },
                _ => match Config::parse(value) {
                    Ok(config) => {
                        if let Some(source) = config.get("source").map(|v| v.as_str().to_string()) {
                            sources.push((key.clone(), source));
                        }
                    }
                    Err(e) => self.issue(bad(e.to_string())),
                },
            }
        }
        for (id, uris) in ids.into_iter().filter(|(_, uris)| uris.len() > 1) {
            self.issue(Issue::DuplicateId { id, uris });
        }
        if self.complete {
            let known: BTreeSet<&str> = self.files.iter().map(|f| f.uri.as_str()).chain(self.broken_rows()).collect();
            let elsewhere = |source: &str| source.strip_prefix("file:").is_some_and(|n| self.in_page_log.contains(n));
            let gone: Vec<_> = sources
                .into_iter()
                .filter(|(_, source)| source.starts_with("file:") && !known.contains(source.as_str()))
                .filter(|(_, source)| !elsewhere(source))
                .collect();
            for (key, source) in gone {
                self.issue(Issue::Source { key, source });
            }
        }
    }

    /// Keys of the rows that are of no use.
    fn broken_rows(&self) -> impl Iterator<Item = &str> {
        self.issues.iter().filter_map(|issue| match issue {
            Issue::Row { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// Block files that the metadata did not name: unlisted if it is whole, else on their own, as are
    /// those whose row is of no use.
    fn others(&mut self, options: Options) {
        let known: BTreeSet<String> =
            self.files.iter().map(|f| f.name.clone()).chain(self.in_page_log.iter().cloned()).collect();
        let names: Vec<String> = self
            .inventory
            .keys()
            .filter(|n| !known.contains(*n) && is_block_file(&self.dir.join(n)))
            .cloned()
            .collect();
        let backup = self.way == Way::Backup;
        let names: Vec<String> = names.into_iter().filter(|n| !(backup && n == METADATA)).collect();
        let broken: BTreeSet<String> =
            self.broken_rows().filter_map(|key| key.strip_prefix("file:")).map(str::to_string).collect();
        for name in names {
            if self.complete && name != METADATA && !broken.contains(&name) {
                self.unlisted.push(name);
                continue;
            }
            let Ok(file) = BlockFile::open(&self.dir.join(&name), options.no_mmap) else { continue };
            let alloc = descriptor_alloc(&file);
            let found = recover::scan(&file, alloc, &|_| ());
            let entry = found.as_ref().and_then(|found| FileEntry::recovered(&name, found).ok());
            let nothing = || FileEntry::nothing(&name, alloc.unwrap_or(4096));
            self.files.push(entry.unwrap_or_else(nothing));
        }
    }

    fn mongo(&mut self, options: Options) {
        let read = |home: &Self, name: &str| {
            let entry = home.file(name)?;
            let file = BlockFile::open(&home.path(name), options.no_mmap).ok()?;
            Some(rows::read(&file, entry))
        };
        if let Some(found) = read(self, MONGO_CATALOG) {
            self.names = Names::from_catalog(found.rows.iter().map(|(_, value)| value.as_slice()));
            let names = &self.names;
            for entry in &mut self.files {
                let what = names.for_file(&entry.name).map(|n| n.what);
                entry.documents = matches!(what, Some(What::Collection | What::Catalog | What::SizeStorer));
            }
        }
        if let Some(found) = read(self, SIZE_STORER) {
            self.sizes = Sizes::from_rows(found.rows.iter().map(|(k, v)| (k.as_slice(), v.as_slice())));
        }
    }
}

/// The blocks that the newest cookie of an entry names are what it says, root and lists, and the file
/// does not state other sizes for the same blocks.
fn leads_to_blocks(file: &BlockFile, entry: &FileEntry) -> bool {
    let Some(last) = entry.checkpoints.last().filter(|c| !c.addr.is_empty()) else { return true };
    let Ok(cookie) = local::LocalCheckpoint::decode(&last.addr, entry.alloc) else { return false };
    let sound = |address: &local::LocalAddress| {
        let (mut buffer, mut faults) = (Vec::new(), Vec::new());
        block::load(file, address, &mut buffer, &mut faults).is_some() && faults.is_empty()
    };
    // A live checkpoint always has an avail block (16.6), and behind it its own sizes.
    let Some(avail) = &cookie.avail else { return false };
    let sizes = |c: &local::LocalCheckpoint| (c.file_size, c.checkpoint_size);
    let blocks = |c: &local::LocalCheckpoint| (c.root, c.alloc, c.discard);
    let other_sizes = recover::beside(file, entry.alloc, avail)
        .is_some_and(|own| blocks(&own.checkpoint) == blocks(&cookie) && sizes(&own.checkpoint) != sizes(&cookie));
    !other_sizes && [cookie.root, cookie.alloc, cookie.avail, cookie.discard].iter().flatten().all(sound)
}

/// Rows of the metadata as text.
fn read_rows(file: &BlockFile, entry: &FileEntry) -> rows::Read<String> {
    let found = rows::read(file, entry);
    let text = |bytes: Vec<u8>| {
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if text.ends_with('\0') {
            text.pop();
        }
        text
    };
    let rows = found.rows.into_iter().map(|(k, v)| (text(k), text(v))).collect();
    rows::Read { rows, complete: found.complete, opaque: found.opaque }
}

/// The allocation size by the descriptor.
fn descriptor_alloc(file: &BlockFile) -> Option<u32> {
    let longest = usize::try_from(*local::ALLOCATION_SIZES.end()).unwrap_or(usize::MAX);
    let mut buffer = Vec::new();
    // The usual sizes first: reading 128 MB of every file would be a waste without a map.
    for size in [64 << 10, longest] {
        if let Ok(found) = local::allocation_size(file.read_up_to(0, size, &mut buffer).ok()?) {
            return Some(found);
        }
    }
    None
}

/// A name that stays below the home.
fn is_below(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}

/// A file that holds blocks, by its name or its first bytes; not the copies that salvage leaves.
#[must_use]
pub fn is_block_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "wt" || e == "wti") || has_magic(path)
}
