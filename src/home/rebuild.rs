//! The metadata of a home made anew: a row for every file out of the copy that it carries itself, out of what is left
//! of the old metadata, or out of the log; rows of tables to go with them; and a turtle. Nothing is written.
//!
//! A file's own copy is as new as the file. What it does not know is the place from which the log is to be applied to
//! it: its row states none, so that all of the log behind the last checkpoint is. Puts in the log have whole values
//! and modifies keep the length, so applying what a file has already does no harm, as long as nothing behind it is
//! left out.

use super::directory::{Home, Issue, Way, descriptor_alloc};
use super::entry::{FileEntry, Source};
use super::files::{HISTORY_STORE, METADATA, MONGO_CATALOG, SIZE_STORER};
use super::fresh::{self, Fresh, Rows};
use super::mongo_tables::{self, Shape};
use super::names::What;
use super::recover::{self, Recovered};
use super::refusal::{EditError, Result};
use super::remains::{self, Remains, fits};
use super::row_texts as texts;
use super::rows;
use super::table_rows;
use super::wtlog::{self, MetadataChange, RowChange, Start, State};
use crate::format::config::Config;
use crate::format::home_turtle::{self, HomeTurtle};
use crate::format::local::{ALLOCATION_SIZES, LocalCheckpoint};
use crate::format::wtlog::{FIRST_RECORD, LogLsn};
use crate::store::blockfile::BlockFile;
use crate::store::read_regular_file;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// `checkpoint_lsn` where the last checkpoint was made without a log.
const NO_LOG: &str = "(4294967295,2147483647)";
/// What engines up to 4.2 of MongoDB had for a history store; thrown away at every start.
const LOOKASIDE: &str = "WiredTigerLAS.wt";
/// How the history store differs from other files.
const HISTORY: [(&str, &str); 10] = [
    ("app_metadata", ""),
    ("block_compressor", "none"),
    ("columns", ""),
    ("collator", ""),
    ("id", "1"),
    ("key_format", "IuQQ"),
    ("value_format", "QQQu"),
    ("prefix_compression", "false"),
    ("internal_page_max", "16KB"),
    ("log", "(enabled=false)"),
];

/// Where the row of a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// The copy that the file carries.
    Copy,
    /// What is left of the old metadata.
    Remains,
    /// The log.
    Log,
    /// MongoDB's catalog, or what every history store is like. The file holds nothing yet.
    Kind,
}

/// Why a file has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing says how it was made.
    NoCopy,
    /// A newer file states the same number.
    SameId(String),
    /// The log says that it was dropped.
    Dropped,
    /// The old metadata does not know it.
    NotInMetadata,
    /// Its name is one that an engine or a person has put a file aside under.
    Name,
    /// What describes it is of no use.
    Text(String),
}

/// What was found of the timestamps and the snapshot of the last checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Its rows were found.
    Known(From),
    /// Not found, and nothing in the files depends on them.
    NotNeeded,
    /// Not found: in so many files there are versions with timestamps.
    Lost(u64),
    /// Found, and left out: without the history an engine would take newer versions out, and put nothing in.
    NoHistory(u64),
}

/// New metadata.
pub struct Rebuilt {
    /// Files with a row.
    pub files: Vec<(String, From)>,
    /// Files without.
    pub left_out: Vec<(String, Reason)>,
    /// Files with a row that MongoDB's catalog does not know.
    pub unclaimed: Vec<String>,
    pub tables: u64,
    /// Files that belong to no table of the new metadata: parts of tables with column groups, indexes of the engine's
    /// own, and what never was one.
    pub parts: Vec<String>,
    /// Rows of all kinds.
    pub rows: u64,
    pub system: System,
    /// The metadata that an engine has put aside, which the rows come from.
    pub aside: Option<String>,
    /// Files that take the place of one that an engine has made since: the name, and where each is now.
    pub stand_ins: Vec<(String, String)>,
    /// Where the log is to be applied from.
    pub lsn: String,
    pub(super) file: Fresh,
    /// The text of the turtle.
    pub turtle: String,
}

impl Rebuilt {
    /// Bytes of the new metadata file.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.file.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// Metadata that an engine has put aside, and that the home lacks.
pub fn aside(home: &Home) -> Option<&str> {
    let lost = |issue: &Issue| match issue {
        Issue::SetAside { lost, .. } => *lost,
        _ => 0,
    };
    let most = home.issues.iter().max_by_key(|i| lost(i)).filter(|i| lost(i) > 0)?;
    match most {
        Issue::SetAside { name, .. } => Some(name),
        _ => None,
    }
}

fn refuse<T>(why: &str) -> Result<T> {
    Err(EditError::Refused(why.to_string()))
}

/// Where the log is to be applied from once metadata is back in its place that was put aside: behind everything that was
/// written since, which goes by other files.
pub(super) fn lsn_behind(home: &Home) -> String {
    let log = home.log.as_ref().ok().filter(|log| log.state == State::Clean);
    log.and_then(|log| log.last_checkpoint).map_or(NO_LOG.to_string(), |c| c.lsn.to_string())
}

/// Make the metadata anew.
pub fn rebuild(home: &Home, now: u64) -> Result<Rebuilt> {
    if home.alone || home.way == Way::Backup {
        return refuse("this is not a separate home");
    }
    if home.encrypted {
        return refuse("the metadata is encrypted");
    }
    let in_page_log = |name: &String| name.ends_with(".wt_stable") || name.ends_with(".wt_ingest");
    if home.page_log_here || !home.in_page_log.is_empty() || home.inventory.keys().any(in_page_log) {
        return refuse("the tables of this home are in a page log; the engine recreates its local files itself");
    }
    if [METADATA, home_turtle::FILE_NAME].iter().any(|name| home.is_unread(name)) {
        return refuse(
            "the metadata exists, but the storage medium cannot read all of it: copy what can be read, and audit the \
            copy",
        );
    }
    if home.engine().is_some_and(|engine| engine < (3, 2)) {
        return refuse(
            "engines before 3.2 leave no copies in their files, so an old row cannot be told from a new one",
        );
    }
    let mut work = Work::begin(home)?;
    work.files()?;
    work.one_id_each();
    let files = work.described.iter().filter(|(name, _)| ![HISTORY_STORE, LOOKASIDE].contains(&name.as_str()));
    let files: BTreeMap<&str, &str> = files.map(|(name, d)| (name.as_str(), d.text.as_str())).collect();
    let rows = work.other_rows().into_iter().map(|(key, (_, text))| (key, text)).collect();
    let tables = table_rows::tables(&files, &rows);
    let system = work.system();
    work.finish(tables, system, now)
}

/// A file and the row that it gets.
struct Described {
    from: From,
    text: String,
    entry: FileEntry,
}

impl Described {
    fn time(&self) -> u64 {
        self.entry.checkpoints.last().map_or(0, |c| c.time)
    }

    fn generation(&self) -> u64 {
        self.entry.checkpoints.last().map_or(0, |c| c.write_gen)
    }

    /// It has versions with timestamps.
    fn has_timestamps(&self) -> bool {
        self.entry.checkpoints.iter().any(|c| c.newest_start_durable_ts > 0 || c.newest_stop_durable_ts > 0)
    }
}

struct Work<'h> {
    home: &'h Home,
    turtle: Option<HomeTurtle>,
    aside: Option<String>,
    remains: Remains,
    log: BTreeMap<String, MetadataChange>,
    lsn: String,
    shapes: BTreeMap<String, Shape>,
    described: BTreeMap<String, Described>,
    left_out: Vec<(String, Reason)>,
    stand_ins: Vec<(String, String)>,
    /// The history store is not the one that goes with the files.
    history_lost: bool,
    /// Highest id that anything uses.
    ids: u64,
}

impl<'h> Work<'h> {
    fn begin(home: &'h Home) -> Result<Self> {
        let aside = aside(home).map(str::to_string);
        let old = aside.as_deref().or_else(|| home.inventory.contains_key(METADATA).then_some(METADATA));
        // The turtle that was made since leads to the metadata made since.
        let turtle = || {
            let names = [home_turtle::FILE_NAME, home_turtle::TEMPORARY_NAME];
            let texts = names.iter().filter(|n| home.inventory.contains_key(**n));
            texts.filter_map(|n| home_turtle::parse(&read_regular_file(&home.path(n)).ok()?).ok()).next()
        };
        let turtle = if aside.is_none() { turtle() } else { None };
        let remains = match old {
            Some(name) => remains::left_in(home, name, turtle.as_ref())?,
            None => Remains::default(),
        };
        let ids = home.log.as_ref().ok().and_then(|l| l.operations.keys().next_back()).map_or(0, |id| u64::from(*id));
        let mut out = Self {
            home,
            turtle,
            aside,
            remains,
            log: BTreeMap::new(),
            lsn: NO_LOG.to_string(),
            shapes: BTreeMap::new(),
            described: BTreeMap::new(),
            left_out: Vec::new(),
            stand_ins: Vec::new(),
            history_lost: false,
            ids: ids.max(1),
        };
        out.read_log()?;
        out.read_catalog();
        Ok(out)
    }

    /// The rows of metadata in all of the log, and where recovery is to begin.
    fn read_log(&mut self) -> Result<()> {
        let log = match &self.home.log {
            Ok(log) => log,
            Err(why) => return refuse(&format!("the journal cannot be listed: {why}")),
        };
        let first = log.files.iter().filter(|f| f.kind == wtlog::Kind::Log).map(|f| f.number).min();
        let stated = self.turtle.as_ref().map(|t| Start::of(&t.metadata));
        self.lsn = match (stated, first, log.last_checkpoint) {
            (Some(Start::Never), ..) | (_, None, _) => NO_LOG.to_string(),
            (Some(Start::At(lsn)), ..) => lsn.to_string(),
            // What was written since the metadata was put aside goes by numbers of files that are not these.
            _ if self.aside.is_some() => lsn_behind(self.home),
            _ if log.state == State::Unknown => {
                return refuse("the turtle is lost, and the journal cannot be read in full");
            }
            (_, _, Some(checkpoint)) => checkpoint.lsn.to_string(),
            (..) => wtlog::INITIAL.to_string(),
        };
        if let Some(number) = first.filter(|_| self.aside.is_none() && !log.encrypted) {
            let start = Start::At(LogLsn { file: number, offset: FIRST_RECORD });
            let all = wtlog::read_from(&self.home.dir, start).map_err(|e| EditError::Refused(e.to_string()))?;
            self.log = all.metadata;
        }
        let ids = self.log.values().filter_map(|c| c.id).map(u64::from).max().unwrap_or(0);
        self.ids = self.ids.max(ids);
        Ok(())
    }

    /// Recovery will replay something of the log.
    fn is_replayed(&self) -> bool {
        self.lsn != NO_LOG
    }

    fn read_catalog(&mut self) {
        let Some(entry) = self.home.file(MONGO_CATALOG) else { return };
        let Ok(file) = BlockFile::open(&self.home.path(MONGO_CATALOG), true) else { return };
        let found = rows::read(&file, entry);
        let engine = self.home.engine().unwrap_or((11, 0));
        self.shapes = mongo_tables::read(found.rows.iter().map(|(_, value)| value.as_slice()), engine);
    }

    /// What the log says of a key; what it removed only counts where it will be replayed.
    fn logged(&self, key: &str) -> Option<&MetadataChange> {
        self.log.get(key).filter(|c| c.change != RowChange::Removed || self.is_replayed())
    }

    fn is_removed(&self, key: &str) -> bool {
        self.logged(key).is_some_and(|c| c.change == RowChange::Removed)
    }

    /// Rows that are left or logged, but for those of files.
    fn other_rows(&self) -> BTreeMap<&str, (From, &str)> {
        let left = self.remains.rows.iter().map(|(k, v)| (k.as_str(), (From::Remains, v.as_str())));
        let mut out: BTreeMap<&str, (From, &str)> = left.collect();
        for key in self.log.keys() {
            match self.logged(key) {
                Some(MetadataChange { value: Some(value), .. }) => {
                    out.insert(key, (From::Log, value));
                }
                Some(MetadataChange { change: RowChange::Removed, .. }) => {
                    out.remove(key.as_str());
                }
                _ => {}
            }
        }
        out.retain(|key, _| !key.starts_with("file:"));
        out
    }

    /// Find a row for every file.
    fn files(&mut self) -> Result<()> {
        let home = self.home;
        let rows = self.remains.rows.keys().chain(self.log.keys());
        let of_rows: BTreeSet<String> = rows.filter_map(|k| k.strip_prefix("file:")).map(str::to_string).collect();
        let mut names: BTreeSet<String> = home.files.iter().map(|f| f.name.clone()).collect();
        names.extend(home.unlisted.iter().map(|f| f.name.clone()));
        names.extend(of_rows.iter().cloned());
        names.retain(|name| home.inventory.contains_key(name) && name != METADATA);
        let numbered = |name: &str| name.starts_with(METADATA);
        let mut unused = Vec::new();
        for name in names.into_iter().filter(|n| !numbered(n)) {
            let key = format!("file:{name}");
            let known = of_rows.contains(&name);
            let reason = if self.is_removed(&key) {
                Some(Reason::Dropped)
            } else if self.aside.is_some() && !self.remains.rows.contains_key(&key) {
                Some(Reason::NotInMetadata)
            } else if !known && (name.contains(".wt.") || name.contains(".wti.")) {
                Some(Reason::Name)
            } else {
                None
            };
            if let Some(reason) = reason {
                self.left_out.push((name, reason));
                continue;
            }
            match self.describe(&name, &key)? {
                Some(described) => {
                    self.ids = self.ids.max(described.entry.id.unwrap_or(0));
                    self.described.insert(name, described);
                }
                None => unused.push(name),
            }
        }
        let back: Vec<&String> = self.stand_ins.iter().map(|(_, from)| from).collect();
        self.left_out.retain(|(name, _)| !back.contains(&name));
        for name in unused {
            match self.by_kind(&name) {
                Some(described) => {
                    self.ids = self.ids.max(described.entry.id.unwrap_or(0));
                    self.history_lost |= name == HISTORY_STORE && self.had_history();
                    self.described.insert(name, described);
                }
                None => self.left_out.push((name, Reason::NoCopy)),
            }
        }
        let history = home.engine().is_some_and(|engine| engine >= (10, 0));
        self.history_lost |= history && !home.inventory.contains_key(HISTORY_STORE);
        if self.described.keys().all(|name| [HISTORY_STORE, LOOKASIDE].contains(&name.as_str())) {
            return refuse("no table file says how it was created");
        }
        Ok(())
    }

    /// The old metadata says that there was something in the history store.
    fn had_history(&self) -> bool {
        let text = self.remains.rows.get(&format!("file:{HISTORY_STORE}"));
        let entry = text.and_then(|t| FileEntry::parse(HISTORY_STORE, t, Source::Metadata).ok());
        entry.is_some_and(|e| e.checkpoints.last().is_some_and(|c| !c.addr.is_empty()))
    }

    /// The best row that there is for a file; `None` if there is none.
    fn describe(&mut self, name: &str, key: &str) -> Result<Option<Described>> {
        let file = self.open(name)?;
        let own = self.copy(name, &file);
        if own.as_ref().is_some_and(|own| own.recovery.file_metadata().is_ok_and(|text| text.is_none())) {
            return Err(EditError::Refused(format!("{name} is encrypted, and so the metadata would have to be")));
        }
        let has_copy = own.is_some();
        let mut found = Vec::new();
        let lsn = if self.is_replayed() { "" } else { NO_LOG };
        if let Some(text) = own.and_then(|own| own.metadata_text()).and_then(|text| texts::with_lsn(&text, lsn)) {
            found.extend(describe(name, From::Copy, text));
        }
        if let Some(text) = self.remains.rows.get(key) {
            found.extend(describe(name, From::Remains, text.clone()));
        }
        if let Some(MetadataChange { value: Some(text), .. }) = self.logged(key) {
            found.extend(describe(name, From::Log, text.clone()));
        }
        // What was made after the metadata was put aside is another file under the same name.
        if self.aside.is_some() {
            let row = found.iter().find(|d| d.from == From::Remains).map(|d| (d.entry.id, d.generation()));
            found.retain(|d| d.from == From::Remains || row.is_none_or(|r| r.0 == d.entry.id && r.1 <= d.generation()));
        }
        let best = |found: &[Described], file: &BlockFile| {
            let fitting = found.iter().enumerate().filter(|(_, d)| fits(file, &d.entry));
            fitting.max_by_key(|(_, d)| (d.generation(), d.from)).map(|(n, _)| n)
        };
        // An engine that has found no row of the file has put it aside, too, and made another.
        let of_row = |found: &[Described]| found.iter().position(|d| d.from == From::Remains);
        if let Some(row) = of_row(&found).filter(|_| self.aside.is_some())
            && !found.get(row).is_some_and(|d| fits(&file, &d.entry))
        {
            let there = |other: &String| {
                self.open(other).is_ok_and(|file| found.get(row).is_some_and(|d| fits(&file, &d.entry)))
            };
            if let Some(other) = self.put_aside(name).find(there) {
                self.stand_ins.push((name.to_string(), other));
                return Ok(Some(found.swap_remove(row)));
            }
        }
        if let Some(n) = best(&found, &file) {
            return Ok(Some(found.swap_remove(n)));
        }
        // A new, empty history store is no place for the old one's checkpoint.
        if name == HISTORY_STORE && !has_copy {
            return Ok(None);
        }
        // Damaged as it is, the table is one.
        let newest = found.iter().enumerate().max_by_key(|(_, d)| (d.generation(), d.from)).map(|(n, _)| n);
        Ok(newest.map(|n| found.swap_remove(n)))
    }

    fn open(&self, name: &str) -> Result<BlockFile> {
        BlockFile::open(&self.home.path(name), true).map_err(|e| EditError::Refused(e.to_string()))
    }

    /// Files that an engine has put aside under this name and a number, the newest first.
    fn put_aside(&self, name: &str) -> impl Iterator<Item = String> + use<> {
        let number = |n: &str| n.parse::<u32>().ok();
        let rest = |key: &String| key.strip_prefix(name)?.strip_prefix('.').and_then(number);
        let mut found: Vec<(u32, String)> =
            self.home.inventory.keys().filter_map(|key| Some((rest(key)?, key.clone()))).collect();
        found.sort();
        found.into_iter().rev().map(|(_, key)| key)
    }

    /// The copy of its newest checkpoint in a file.
    fn copy(&self, name: &str, file: &BlockFile) -> Option<Recovered> {
        let known = self.home.file(name).filter(|f| f.source == Source::Recovery);
        let avail = known.and_then(|f| LocalCheckpoint::decode(&f.checkpoints.last()?.addr, f.alloc).ok()?.avail);
        match avail.zip(known) {
            Some((avail, entry)) => recover::beside(file, entry.alloc, &avail),
            None => recover::scan(file, descriptor_alloc(file), &|_| ()),
        }
    }

    /// A row for a file that was never in a checkpoint, by what it is for.
    fn by_kind(&self, name: &str) -> Option<Described> {
        let alloc = descriptor_alloc(&self.open(name).ok()?).filter(|a| ALLOCATION_SIZES.contains(a))?.to_string();
        let id = self.ids.saturating_add(1).to_string();
        let like = |what: &dyn Fn(&str) -> bool| {
            let mut all = self.described.iter();
            all.find(|(name, _)| what(name)).or_else(|| self.described.iter().next()).map(|(_, d)| d.text.as_str())
        };
        let mut set: Vec<(&str, &str)> = Vec::new();
        let example;
        let shape;
        if name == HISTORY_STORE {
            example = like(&|_| false)?;
            set.extend(HISTORY);
        } else if name == SIZE_STORER && !self.shapes.is_empty() {
            example = like(&|_| false)?;
            set.extend([("id", id.as_str()), ("key_format", "u"), ("value_format", "u"), ("app_metadata", "")]);
        } else {
            shape = self.shapes.get(name.strip_suffix(".wt")?)?.clone();
            let same = |name: &str| self.home.names.for_file(name).is_some_and(|n| n.what == shape.what);
            example = like(&same)?;
            set.extend([("id", id.as_str()), ("key_format", shape.key), ("value_format", "u")]);
            set.push(("app_metadata", &shape.app_metadata));
            set.push(("prefix_compression", if shape.prefix_compression { "true" } else { "false" }));
            if shape.what == What::Index {
                set.push(("block_compressor", ""));
            }
        }
        set.push(("allocation_size", &alloc));
        let made = texts::edited(&texts::made(example)?, &set, &[])?;
        let lsn = if self.is_replayed() { "" } else { NO_LOG };
        describe(name, From::Kind, texts::unused(&made, lsn))
    }

    /// Of files that state the same id only the one that is known, or else the newest, keeps it.
    fn one_id_each(&mut self) {
        let rows = &self.remains.rows;
        let mut order: Vec<(bool, u64, String)> = self
            .described
            .iter()
            .map(|(name, d)| {
                (rows.contains_key(&format!("file:{name}")) || d.from == From::Log, d.time(), name.clone())
            })
            .collect();
        order.sort_by(|a, b| b.cmp(a));
        let mut owner: BTreeMap<u64, String> = BTreeMap::new();
        for (_, _, name) in order {
            let reason = match self.described.get(&name).and_then(|d| d.entry.id) {
                None => Reason::Text("it does not state an id".to_string()),
                Some(id) => match owner.get(&id) {
                    Some(other) => Reason::SameId(other.clone()),
                    None => {
                        owner.insert(id, name);
                        continue;
                    }
                },
            };
            self.described.remove(&name);
            self.left_out.push((name, reason));
        }
    }

    /// Rows of the last checkpoint as a whole, where they are of the newest one.
    fn system(&self) -> (System, BTreeMap<String, String>) {
        let timestamps = self.described.values().filter(|d| d.has_timestamps()).count() as u64;
        let newest = self.described.values().map(Described::time).max().unwrap_or(0);
        let rows = self.other_rows();
        let rows: Vec<(&str, From, &str)> = rows
            .range("system:"..)
            .take_while(|(key, _)| key.starts_with("system:"))
            .map(|(key, (from, text))| (*key, *from, *text))
            .collect();
        let time = |text: &str| Config::parse(text).ok()?.get("checkpoint_time")?.u64().ok();
        // Of engines that do not state the time, the log's own are as new as the log, if no file is newer than that.
        let in_step = || {
            self.is_replayed()
                && self.described.iter().all(|(name, d)| {
                    let logged = self.log.get(&format!("file:{name}")).and_then(|c| c.value.as_ref());
                    let logged = logged.and_then(|t| FileEntry::parse(name, t, Source::Log).ok());
                    let logged = logged.and_then(|e| e.checkpoints.last().map(|c| c.write_gen));
                    logged.is_none_or(|generation| d.generation() <= generation)
                })
        };
        let stated = rows.iter().filter_map(|(_, _, text)| time(text)).max();
        let from = rows.iter().map(|(_, from, _)| *from).max();
        let current = |key: &str| self.remains.current.contains(key);
        let good = match (from, stated) {
            (Some(From::Remains), _) if rows.iter().all(|(key, ..)| key.contains('.') || current(key)) => true,
            (Some(_), Some(time)) => time >= newest,
            (Some(From::Log), None) => in_step(),
            _ => false,
        };
        let found = from.filter(|_| good);
        match found {
            None if timestamps == 0 => (System::NotNeeded, BTreeMap::new()),
            None => (System::Lost(timestamps), BTreeMap::new()),
            Some(_) if self.history_lost && timestamps > 0 => (System::NoHistory(timestamps), BTreeMap::new()),
            Some(from) => {
                // A named checkpoint that was dropped since may be among them.
                let current = |text: &str| stated.is_none() || time(text).is_none_or(|t| t >= newest);
                let plain = |key: &str| !key.contains('.');
                let rows = rows.iter().filter(|(key, _, text)| !plain(key) || current(text));
                (System::Known(from), rows.map(|(key, _, text)| ((*key).to_string(), (*text).to_string())).collect())
            }
        }
    }

    fn finish(
        mut self,
        tables: BTreeMap<String, String>,
        (system, system_rows): (System, BTreeMap<String, String>),
        now: u64,
    ) -> Result<Rebuilt> {
        // With the turtle lost, files that are newer than a log which is to be replayed would be taken back by it.
        let state = self.home.log.as_ref().map(|l| l.state);
        if self.turtle.is_none() && self.is_replayed() && state == Ok(State::NeedsRecovery) && self.outran_the_log() {
            return refuse(
                "the turtle is lost, the journal has changes to replay, and files are newer than the journal: it is not \
                 known whether it applies to them",
            );
        }
        let count = tables.keys().filter(|key| key.starts_with("table:")).count() as u64;
        let mut rows = Rows::new();
        let mut put = |key: &str, value: &str| {
            let stored = |text: &str| [text.as_bytes(), &[0]].concat();
            rows.insert(stored(key), stored(value));
        };
        for (key, value) in tables.iter().chain(&system_rows) {
            put(key, value);
        }
        for (name, described) in &self.described {
            put(&format!("file:{name}"), &described.text);
        }
        let example = self.described.values().max_by_key(|d| (d.entry.checkpoints.len().min(1), d.time()));
        let stated = self.turtle.as_ref().map(|t| t.metadata.as_str());
        let text = stated.and_then(texts::made).or_else(|| texts::metadata(&example?.text));
        let Some(text) = text else { return refuse("nothing says how the metadata file was created") };
        let old = stated.and_then(|t| FileEntry::parse(METADATA, t, Source::Turtle).ok());
        let old = old.as_ref().and_then(|e| e.checkpoints.last());
        let generations = self.described.values().map(Described::generation);
        let generation =
            generations.chain([self.remains.generation, old.map_or(0, |c| c.write_gen)]).max().unwrap_or(0);
        let order = old.and_then(|c| u64::try_from(c.order).ok()).unwrap_or(0);
        let engine = self.home.engine().unwrap_or_default();
        let plan = fresh::Plan {
            text: &text,
            fields: &texts::fields(example.map(|d| d.text.as_str())),
            order: order.saturating_add(1),
            generation,
            page_version: u8::from(engine >= (10, 0)),
            now,
        };
        let file = fresh::write(&rows, &plan)?;
        let metadata = format!("{},checkpoint_backup_info=,checkpoint_lsn={}", file.text, self.lsn);
        let version = self.home.version.clone().unwrap_or_default();
        let turtle = match self.turtle.take() {
            Some(turtle) => Some(HomeTurtle { metadata, ..turtle }),
            None => home_turtle::from_version_text(&version, metadata),
        };
        let Some(turtle) = turtle else {
            return refuse("the version that a turtle must state is not known: the file WiredTiger is missing");
        };
        self.left_out.sort_by(|a, b| a.0.cmp(&b.0));
        let names = &self.home.names;
        let mongo = self.aside.is_none() && names.rows > 0 && names.broken == 0 && names.all().next().is_some();
        let claimed = |name: &String| names.for_file(name).is_some() || name == LOOKASIDE;
        let unclaimed = self.described.keys().filter(|name| mongo && !claimed(name)).cloned().collect();
        let whole: BTreeSet<&str> =
            tables.values().filter_map(|text| text.split("file:").nth(1)?.split('"').next()).collect();
        let own = |name: &String| [HISTORY_STORE, LOOKASIDE].contains(&name.as_str());
        let part = |name: &&String, text: &str| !own(name) && (!whole.contains(name.as_str()) || texts::is_part(text));
        let parts =
            self.described.iter().filter(|(name, d)| part(name, &d.text)).map(|(name, _)| name.clone()).collect();
        Ok(Rebuilt {
            unclaimed,
            parts,
            files: self.described.iter().map(|(name, d)| (name.clone(), d.from)).collect(),
            left_out: self.left_out,
            tables: count,
            rows: rows.len() as u64,
            system,
            aside: self.aside,
            stand_ins: self.stand_ins,
            lsn: self.lsn,
            file,
            turtle: home_turtle::render(&turtle),
        })
    }

    /// A file has a newer checkpoint than the log knows of it.
    fn outran_the_log(&self) -> bool {
        self.described.iter().any(|(name, d)| {
            let logged = self.log.get(&format!("file:{name}")).and_then(|c| c.value.as_ref());
            let logged = logged.and_then(|t| FileEntry::parse(name, t, Source::Log).ok());
            logged.is_some_and(|e| e.checkpoints.last().map_or(0, |c| c.write_gen) < d.generation())
        })
    }
}

fn describe(name: &str, from: From, text: String) -> Option<Described> {
    let entry = FileEntry::parse(name, &text, Source::Metadata).ok()?;
    Some(Described { from, text, entry })
}

/// A name that nothing has: `NAME.N`, as an engine would choose it.
pub(super) fn free_name(home: &Home, name: &str, taken: &[String]) -> String {
    let names = (1_u32..).map(|n| format!("{name}.{n}"));
    let free = |n: &String| !home.inventory.contains_key(n) && !taken.contains(n) && !Path::new(&home.path(n)).exists();
    names.into_iter().find(free).unwrap_or_else(|| format!("{name}.aside"))
}
