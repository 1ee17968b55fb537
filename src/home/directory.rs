//! What a local home directory holds: its files, and the catalog of block files from the turtle and
//! the metadata, or from the files themselves where those are lost.

pub use super::entry::{FileEntry, NewerCheckpoint, Source};
#[cfg_attr(not(feature = "devtools"), allow(unused_imports))]
pub use super::files::{HISTORY_STORE, METADATA, VERSION_FILE};

use super::block;
use super::checkpoint;
use super::fault::Opaque;
use super::files::{BACKUP, CONFIGURATIONS, MONGO_CATALOG, MONGO_LOCK, SIZE_STORER};
use super::inventory::{self, Inventory};
use super::names::{Names, Sizes, What};
use super::recover::{self, Recovered};
use super::rows;
use super::wtlog::{self, Start};
use crate::coverage::{Coverage, Fate, NotOurs, Unchecked};
use crate::format::home_turtle::{self, HomeTurtle};
use crate::format::local;
use crate::format::{config, config_keys};
use crate::store::blockfile::BlockFile;
use crate::store::{StoreError, read_regular_file};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Problems of metadata rows that are listed at most.
const MAX_ISSUES: usize = 1000;
/// Largest list of a backup copy: a million files.
const MAX_BACKUP: u64 = 4 << 30;
/// A file without a description block that is as long as this at most has no room for data.
const SMALL: u64 = 4096;
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
        key: String,
        /// Why it is of no use.
        reason: String,
    },
    /// Two files with one id.
    DuplicateId { id: u64, uris: Vec<String> },
    /// A table, index or column group whose file is not in the metadata.
    Source {
        key: String,
        /// The file it names.
        source: String,
        /// There is a table that uses it.
        used: bool,
    },
    /// A table whose column group has no row.
    ColumnGroup {
        key: String,
        /// The row that is missing.
        missing: String,
    },
    /// A file that the engine reads when it opens the home.
    Text {
        /// Which.
        name: String,
        /// Byte in it.
        offset: u64,
        reason: String,
    },
    /// The turtle's settings of the metadata file are not those of the file's own copy.
    TurtleDiffers {
        /// Byte in the turtle.
        offset: u64,
        /// The keys.
        keys: Vec<String>,
    },
    /// The turtle is there under the name it is written under.
    TurtleSet,
    /// A metadata file that an engine has put aside.
    SetAside {
        /// Its name.
        name: String,
        /// Rows in it.
        rows: u64,
        /// Those of them whose files are here, and that the metadata lacks.
        lost: u64,
    },
}

/// How the catalog was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Turtle, metadata, files.
    #[default]
    Turtle,
    /// The metadata file's own copy of its checkpoint.
    Recovery,
    /// The list of a backup copy, which has no turtle: the engine makes the metadata anew from it.
    Backup,
    /// Every file on its own.
    Files,
}

/// A block file that the catalog does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    pub name: String,
    /// It holds no checkpoint: no data of it was ever safe.
    pub empty: bool,
}

/// A home directory.
#[derive(Debug)]
pub struct Home {
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
    pub unlisted: Vec<Unlisted>,
    /// How the catalog was found.
    pub way: Way,
    /// Every row of the metadata was read.
    pub complete: bool,
    /// The metadata is encrypted.
    pub encrypted: bool,
    /// Rows of the metadata by the word before the colon.
    pub rows: BTreeMap<String, u64>,
    /// Files of which the log has a newer checkpoint than the metadata.
    pub newer_in_log: Vec<NewerCheckpoint>,
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
    /// Rows of the list of a backup copy, which the engine makes the metadata of.
    pub backup: Vec<(String, String)>,
    /// Where a recovery begins, by the turtle.
    pub replay_start: Start,
    /// The logs, or why they could not even be listed.
    pub log: std::result::Result<wtlog::Summary, String>,
    /// What became of everything below the directory. The block files are only entered: their audits say more.
    pub coverage: Coverage,
}

/// Whether a file begins like a block file.
fn has_magic(path: &Path) -> bool {
    inventory::begins_like_blocks(path).unwrap_or(false)
}

/// How to read a home.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Read instead of mapping.
    pub no_mmap: bool,
}

impl Home {
    /// Whether mongod closed it: it empties its lock file when everything is in a checkpoint.
    pub fn closed_by_mongod(&self) -> bool {
        std::fs::metadata(self.dir.join("mongod.lock")).is_ok_and(|m| m.is_file() && m.len() == 0)
    }

    /// Nothing but a directory and what lies in it.
    fn empty(dir: &Path, inventory: Inventory) -> Self {
        Self {
            dir: dir.to_path_buf(),
            inventory: inventory.files,
            coverage: inventory.coverage,
            version: None,
            files: Vec::new(),
            in_page_log: BTreeSet::new(),
            unlisted: Vec::new(),
            way: Way::Files,
            complete: false,
            encrypted: false,
            rows: BTreeMap::new(),
            newer_in_log: Vec::new(),
            issues: Vec::new(),
            proposed_turtle: None,
            names: Names::default(),
            sizes: Sizes::default(),
            alone: false,
            page_log_here: false,
            backup: Vec::new(),
            replay_start: Start::Unknown,
            log: Err("not looked for".to_string()),
        }
    }

    /// One block file without a home.
    pub fn alone(dir: &Path, name: &str, options: Options) -> Self {
        let size = std::fs::metadata(dir.join(name)).map_or(0, |m| m.len());
        let mut found = Inventory::default();
        found.files.insert(name.to_string(), size);
        found.coverage.enter(name);
        let mut home = Self::empty(dir, found);
        home.alone = true;
        home.others(options);
        home
    }

    /// Read the catalog of a home directory.
    pub fn open(dir: &Path, options: Options) -> std::result::Result<Self, StoreError> {
        let unreadable = |e: std::io::Error| StoreError::Unreadable { path: dir.to_path_buf(), reason: e.to_string() };
        let mut home = Self::empty(dir, inventory::take(dir).map_err(unreadable)?);
        if let Some(rows) = home.backup_rows() {
            home.logs(Start::Unknown);
            (home.way, home.complete) = (Way::Backup, true);
            home.catalog(&rows, &BTreeSet::new());
            home.backup = rows;
            home.version_text(None);
        } else {
            let turtle = home.turtle();
            home.logs(turtle.as_ref().map_or(Start::Unknown, |t| Start::of(&t.metadata)));
            let metadata = home.inventory.contains_key(METADATA).then(|| home.open_file(METADATA, options)).flatten();
            let entry = home.metadata_entry(turtle.as_ref(), metadata.as_ref());
            if let (Some(file), Some(entry)) = (&metadata, entry) {
                home.read_metadata(file, entry, turtle.as_ref());
            }
            if let Some(why) = metadata.as_ref().and_then(BlockFile::failure) {
                home.coverage.not_checked(METADATA, why.clone());
            }
            home.version_text(turtle.as_ref());
        }
        home.settings();
        home.set_aside(options);
        home.others(options);
        home.mongo(options);
        if home.engine().is_some_and(|(major, _)| major < 3) {
            home.files.iter_mut().for_each(|f| f.orders_generations = false);
        }
        home.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(home)
    }

    /// Release of the engine that wrote the home: major, minor.
    pub fn engine(&self) -> Option<(u32, u32)> {
        let numbers = self.version.as_deref()?.split_whitespace().nth(1)?.trim_end_matches(':');
        let mut numbers = numbers.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether the server was shut down cleanly, as far as its lock file and the log tell.
    pub fn is_shut_down(&self) -> bool {
        let dirty = self.inventory.get(MONGO_LOCK).is_some_and(|bytes| *bytes > 0);
        let clean = |l: &wtlog::Summary| matches!(l.state, wtlog::State::NoLog | wtlog::State::Clean);
        !dirty && self.log.as_ref().is_ok_and(clean)
    }

    /// The path of a file of the catalog.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The entry of a file.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|f| f.name == name)
    }

    /// Whether something below the home is known to be there, or a part of it, and could not be read.
    pub fn is_unread(&self, name: &str) -> bool {
        matches!(self.coverage.fate(name), Some(Fate::NotChecked(_)))
    }

    /// Open a block file, or say in the ledger why that is not possible.
    pub(super) fn open_file(&mut self, name: &str, options: Options) -> Option<BlockFile> {
        let opened = BlockFile::open_file(&self.dir.join(name), options.no_mmap);
        opened.map_err(|e| self.coverage.not_checked(name, Unchecked::io(&e))).ok()
    }

    /// All of a small file that lies in the home, or its entry in the ledger.
    fn read_file(&mut self, name: &str) -> Option<Vec<u8>> {
        match read_regular_file(&self.dir.join(name)) {
            Ok(bytes) => {
                self.coverage.audited(name);
                Some(bytes)
            }
            Err(e) => {
                self.coverage.not_checked(name, Unchecked::io(&e));
                None
            }
        }
    }

    fn logs(&mut self, start: Start) {
        self.replay_start = start;
        match wtlog::read_from(&self.dir, start) {
            Ok(summary) => {
                let below = |path: &Path| path.strip_prefix(&self.dir).unwrap_or(path).to_string_lossy().into_owned();
                for file in &summary.files {
                    self.coverage.audited(below(&file.path));
                }
                for (path, why) in &summary.unread {
                    let name = below(path);
                    let listed = format!("{name}/");
                    let name = if self.coverage.fate(&listed).is_some() { listed } else { name };
                    self.coverage.not_checked(name, why.clone());
                }
                self.log = Ok(summary);
            }
            Err(e) => {
                self.coverage.not_checked(inventory::ITSELF, Unchecked::io(&e.source));
                self.log = Err(e.to_string());
            }
        }
    }

    /// The files of settings, which the engine reads before anything else.
    fn settings(&mut self) {
        for name in CONFIGURATIONS {
            if self.inventory.get(name).is_none_or(|size| *size > MAX_TURTLE) {
                continue;
            }
            let Some(bytes) = self.read_file(name) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            if let Err((offset, reason)) = config_keys::check_settings(&text) {
                self.issue(Issue::Text { name: name.to_string(), offset: offset as u64, reason });
            }
        }
    }

    pub(super) fn issue(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        }
    }

    /// The rows of a backup copy that was not opened yet. Its metadata file is not used: the engine
    /// makes a new one from the list.
    fn backup_rows(&mut self) -> Option<Vec<(String, String)>> {
        let turtle = self.inventory.contains_key(home_turtle::FILE_NAME) || self.is_unread(home_turtle::FILE_NAME);
        let size = self.inventory.get(BACKUP).copied()?;
        if turtle {
            // Left over from the backup that this home was: of no use any more.
            self.coverage.not_ours(BACKUP, NotOurs::Text);
            return None;
        }
        if size > MAX_BACKUP {
            self.coverage.not_checked(BACKUP, Unchecked::TooMuch);
            return None;
        }
        let bytes = self.read_file(BACKUP)?;
        if let Err((offset, reason)) = home_turtle::check_backup(&bytes) {
            self.issue(Issue::Text { name: BACKUP.to_string(), offset: offset as u64, reason });
        }
        let pairs = home_turtle::pairs(&bytes).into_iter();
        let rows: Vec<_> = pairs.filter_map(|pair| Some((pair.key, pair.value?))).collect();
        rows.iter().any(|(key, _)| key.starts_with("file:")).then_some(rows)
    }

    fn turtle(&mut self) -> Option<HomeTurtle> {
        let name = home_turtle::FILE_NAME;
        let invalid = |offset: usize, reason: String| Issue::TurtleInvalid { offset: offset as u64, reason };
        // Where the list of a backup copy could not be read, there may be no need of one.
        if self.is_unread(name) || (!self.inventory.contains_key(name) && self.is_unread(BACKUP)) {
            return None;
        }
        let Some(size) = self.inventory.get(name).copied() else {
            // The engine writes a new turtle under another name, and takes that one where there is no other.
            let set = self.inventory.contains_key(home_turtle::TEMPORARY_NAME);
            let set = set.then(|| self.read_file(home_turtle::TEMPORARY_NAME)).flatten();
            if let Some(turtle) = set.and_then(|bytes| home_turtle::parse(&bytes).ok()) {
                self.issue(Issue::TurtleSet);
                return Some(turtle);
            }
            let fault = home_turtle::Fault::missing(self.inventory.contains_key(METADATA));
            self.issue(Issue::TurtleMissing(fault.message));
            return None;
        };
        if size > MAX_TURTLE {
            self.coverage.audited(name);
            self.issue(invalid(0, format!("{size} bytes are too large for a turtle")));
            return None;
        }
        let bytes = self.read_file(name)?;
        home_turtle::parse(&bytes).map_err(|e| self.issue(invalid(e.offset, e.message))).ok()
    }

    fn version_text(&mut self, turtle: Option<&HomeTurtle>) {
        let there = self.inventory.contains_key(VERSION_FILE);
        let file = there.then(|| self.read_file(VERSION_FILE)).flatten().and_then(|b| String::from_utf8(b).ok());
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
        // Where the newest copy may be in what could not be read, an older one would make everything else wrong.
        if file?.failure().is_some() {
            return None;
        }
        let entry = FileEntry::recovered(METADATA, &found).ok()?;
        self.way = Way::Recovery;
        // One that could not be read may be as good as any.
        if !self.is_unread(home_turtle::FILE_NAME) && !self.is_unread(BACKUP) {
            self.propose(&found, turtle);
        }
        Some(entry)
    }

    /// Write the turtle that the metadata file asks for.
    fn propose(&mut self, found: &Recovered, turtle: Option<&HomeTurtle>) {
        self.version_text(turtle);
        let text = self.version.clone().unwrap_or_default();
        // The copy was written before the place where recovery begins was known; the log has it.
        let lsn = self.log.as_ref().ok().and_then(|log| log.last_checkpoint).map(|c| c.lsn.to_string());
        let text_of = || {
            let text = found.metadata_text()?;
            Some(match lsn.and_then(|lsn| config::with_values(&text, &[("checkpoint_lsn", lsn.as_str())]).ok()) {
                Some(text) => text,
                None => text,
            })
        };
        if let Some(metadata) = text_of() {
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
            let all_read = || file.failure().is_none();
            if newest && cookies.0 != cookies.1 && !lost(&again) && sound() && all_read() {
                let at = turtle.map_or(0, |t| {
                    t.metadata_at.saturating_add(t.metadata.find(&cookies.0).unwrap_or_default()) as u64
                });
                self.issue(Issue::TurtleStale { offset: at, cookies });
                self.propose(&found, turtle);
                (self.way, rows, entry) = (Way::Recovery, again, other);
            }
        }
        if let Some(turtle) = turtle.filter(|_| entry.source == Source::Turtle) {
            self.compare_turtle(file, &entry, turtle);
        }
        self.encrypted = rows.opaque == Some(Opaque::Encrypted);
        self.complete = rows.complete && rows.opaque.is_none();
        if rows.rows.is_empty() && !self.complete {
            self.way = Way::Files;
        }
        self.files.push(entry);
        let logged = self.replayed(&mut rows.rows);
        self.catalog(&rows.rows, &logged);
    }

    /// The turtle has no checksum: what it says of the metadata file against the file's own copy.
    fn compare_turtle(&mut self, file: &BlockFile, entry: &FileEntry, turtle: &HomeTurtle) {
        let newest = entry.checkpoints.last().and_then(|c| local::LocalCheckpoint::decode(&c.addr, entry.alloc).ok());
        let copy = newest.and_then(|c| c.avail).and_then(|avail| recover::beside(file, entry.alloc, &avail));
        let text = copy.as_ref().and_then(|found| found.recovery.file_metadata().ok().flatten());
        let keys = text.map_or(Vec::new(), |text| config_keys::differences(&turtle.metadata, text));
        if !keys.is_empty() {
            let at = keys.first().and_then(|key| turtle.metadata.find(key.as_str())).unwrap_or(0);
            self.issue(Issue::TurtleDiffers { offset: turtle.metadata_at.saturating_add(at) as u64, keys });
        }
    }

    /// Block files that the metadata did not name: unlisted if it is whole, else on their own, as are
    /// those whose row is of no use.
    fn others(&mut self, options: Options) {
        let known: BTreeSet<String> =
            self.files.iter().map(|f| f.name.clone()).chain(self.in_page_log.iter().cloned()).collect();
        // Of a tree in the page log the engine leaves an empty file here: nothing of it is to be judged.
        for name in self.in_page_log.iter().filter(|n| self.inventory.contains_key(*n)) {
            self.coverage.not_ours(name.as_str(), NotOurs::OtherSubject);
        }
        let names: Vec<String> = self.inventory.keys().filter(|n| !known.contains(*n)).cloned().collect();
        let names: Vec<String> = names.into_iter().filter(|n| self.is_of_blocks(n)).collect();
        let backup = self.way == Way::Backup;
        let names: Vec<String> = names.into_iter().filter(|n| !(backup && n == METADATA)).collect();
        let broken: BTreeSet<String> =
            self.broken_rows().filter_map(|key| key.strip_prefix("file:")).map(str::to_string).collect();
        for name in names {
            let Some(file) = self.open_file(&name, options) else {
                if self.complete && name != METADATA && !broken.contains(&name) {
                    self.unlisted.push(Unlisted { name, empty: false });
                }
                continue;
            };
            if self.complete && name != METADATA && !broken.contains(&name) {
                // No checkpoint is in it that a row would name: the finding says all there is to say.
                self.coverage.audited(name.as_str());
                let description = descriptor_alloc(&file).map_or(SMALL, u64::from);
                // Where the metadata names no table, much depends on whether this was one.
                let is_own = |f: &FileEntry| [METADATA, HISTORY_STORE].contains(&f.name.as_str());
                let nothing = || {
                    self.files.iter().all(is_own) && recover::scan(&file, descriptor_alloc(&file), &|_| ()).is_none()
                };
                self.unlisted.push(Unlisted { empty: file.len() <= description || nothing(), name });
                continue;
            }
            let alloc = descriptor_alloc(&file);
            let found = recover::scan(&file, alloc, &|_| ());
            let entry = found.as_ref().and_then(|found| FileEntry::recovered(&name, found).ok());
            // The newest copy may be in what could not be read.
            let entry = entry.filter(|_| file.failure().is_none());
            if let Some(why) = file.failure() {
                self.coverage.not_checked(name.as_str(), why.clone());
            }
            let nothing = || FileEntry::nothing(&name, alloc.unwrap_or(4096));
            self.files.push(entry.unwrap_or_else(nothing));
        }
    }

    /// Whether a file that nothing else is known of holds blocks; if not, it is not ours.
    fn is_of_blocks(&mut self, name: &str) -> bool {
        if self.coverage.fate(name).is_some() || inventory::is_of_diagnostics(name) {
            return false;
        }
        let path = self.dir.join(name);
        if has_block_name(&path) {
            return true;
        }
        match inventory::begins_like_blocks(&path) {
            Ok(true) => return true,
            Ok(false) => self.coverage.not_ours(name, NotOurs::Unknown),
            Err(e) => self.coverage.not_checked(name, Unchecked::io(&e)),
        }
        false
    }

    fn mongo(&mut self, options: Options) {
        let read = |home: &mut Self, name: &str| {
            let entry = home.file(name)?.clone();
            let file = home.open_file(name, options)?;
            let found = rows::read(&file, &entry);
            if let Some(why) = file.failure() {
                home.coverage.not_checked(name, why.clone());
            }
            Some(found)
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
    // A live checkpoint always has an avail block, and behind it its own sizes.
    let Some(avail) = &cookie.avail else { return false };
    let sizes = |c: &local::LocalCheckpoint| (c.file_size, c.checkpoint_size);
    let blocks = |c: &local::LocalCheckpoint| (c.root, c.alloc, c.discard);
    let other_sizes = recover::beside(file, entry.alloc, avail)
        .is_some_and(|own| blocks(&own.checkpoint) == blocks(&cookie) && sizes(&own.checkpoint) != sizes(&cookie));
    !other_sizes && [cookie.root, cookie.alloc, cookie.avail, cookie.discard].iter().flatten().all(sound)
}

/// Rows of the metadata as text.
pub(super) fn read_rows(file: &BlockFile, entry: &FileEntry) -> rows::Read<String> {
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
pub(super) fn descriptor_alloc(file: &BlockFile) -> Option<u32> {
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

/// A file that holds blocks, by its name or its first bytes; not the copies that salvage leaves.
pub fn is_block_file(path: &Path) -> bool {
    has_block_name(path) || has_magic(path)
}

fn has_block_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "wt" || e == "wti")
}
