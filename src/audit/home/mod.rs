//! Is a local home consistent: every checkpoint of every file, every byte of every file.

pub mod detail;
pub mod result;

mod catalog;
mod causes;
mod descriptor;
mod file;

use super::finding::{Code, Detail, Finding, Place, Remedy, Severity};
use super::result::{
    Audit, DatabaseInfo, KeystoreInfo, PageCounts, SCHEMA_VERSION, SizeMeaning, StoreInfo, Tool, Totals, TreeInfo,
    Verdict,
};
use super::{AuditError, Progress};
use crate::coverage::{Fate, Unchecked};
use crate::format::home_turtle;
use crate::format::page_header::PageType;
use crate::home::directory::{FileEntry, Home, Issue, Way};
use crate::home::fault::Opaque;
use crate::home::files::{BACKUP, HISTORY_STORE, METADATA, VERSION_FILE};
use crate::home::space::Account;
use crate::home::wtlog::{self, Start, State};
use crate::id::TableId;
use crate::page::Depth;
use crate::store::StoreKind;
use crate::store::blockfile::BlockFile;
use crate::store::open::KV_HOME;
use detail::{Cause, Fact, HomeDetail, Missing};
use file::Audited;
use rayon::prelude::*;
use result::{CatalogInfo, FileInfo, LocalCheckpointInfo, LocalInfo, LogFileInfo, LogInfo, NotKnown};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Codes of damage in a file, for which what to do depends on what it holds.
const DAMAGE: [Code; 6] = [
    Code::BlockChecksum,
    Code::BlockHeader,
    Code::PageUndecodable,
    Code::KeyOutOfOrder,
    Code::CookieInvalid,
    Code::PageReferencedTwice,
];

/// What to audit and how.
pub struct Options<'o> {
    /// Name of the checkpoint that `trees` shows; the newest if `None`. All are audited.
    pub checkpoint: Option<String>,
    /// How much to read.
    pub depth: Depth,
    /// Read instead of mapping.
    pub no_mmap: bool,
    /// Which files, by URI, name or namespace.
    pub tables: Option<&'o (dyn Fn(&str) -> bool + Sync)>,
}

/// A file's place in a map.
pub struct FileMap {
    /// Name below the home.
    pub file: String,
    /// Where its bytes belong.
    pub account: Account,
}

/// Audit a home. The maps are in the order of the files.
pub fn run(
    home: &Home,
    as_given: &str,
    options: &Options<'_>,
    progress: &dyn Progress,
) -> Result<(Audit, Vec<FileMap>), AuditError> {
    let wanted = |entry: &FileEntry| {
        options.tables.is_none_or(|matches| {
            let name = home.names.for_file(&entry.name);
            let namespace = name.map(|n| n.namespace).filter(|n| !n.is_empty());
            matches(&entry.uri) || matches(&entry.name) || namespace.is_some_and(|n| matches(&n))
        })
    };
    let chosen: Vec<&FileEntry> = home.files.iter().filter(|f| wanted(f)).collect();
    // A file that was asked for and cannot be opened is no wrong name.
    let unread = |matches: &dyn Fn(&str) -> bool| {
        home.coverage.not_checked_list().any(|(name, why)| {
            matches!(why, Unchecked::Io { .. }) && (matches(name) || matches(&format!("file:{name}")))
        })
    };
    if chosen.is_empty() && options.tables.is_some_and(|matches| !unread(&matches)) {
        return Err(AuditError::NoSuchTable { names: home.files.iter().map(|f| f.uri.clone()).collect() });
    }
    if let Some(name) = &options.checkpoint
        && !home.files.iter().any(|f| f.checkpoints.iter().any(|c| c.name == *name))
    {
        let mut names: Vec<&str> = home.files.iter().flat_map(|f| &f.checkpoints).map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        return Err(AuditError::NoSuchCheckpointName { wanted: name.clone(), available: names.join(", ") });
    }
    progress.phase("verifying block files", None);
    // Blocks that nothing uses are not read: it is done at this at the latest.
    let sizes = chosen.iter().filter_map(|f| home.inventory.get(&f.name));
    progress.of_bytes(sizes.fold(0, |sum: u64, n| sum.saturating_add(*n)));
    let (blocks, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let count = |b: u64, n: u64| {
        let blocks = blocks.fetch_add(b, Ordering::Relaxed) + b;
        progress.at(blocks, bytes.fetch_add(n, Ordering::Relaxed) + n);
    };
    let owners: HashMap<u64, &str> = home.files.iter().filter_map(|f| Some((f.id?, f.uri.as_str()))).collect();
    let owner = |id: u64| owners.get(&id).map(|uri| (*uri).to_string());
    let ids: HashSet<u64> = owners.keys().copied().chain([0, 1]).collect();
    let context =
        file::Context { depth: options.depth, owner: &owner, ids: home.complete.then_some(&ids), progress: &count };
    let mut audited: Vec<Audited> =
        chosen.par_iter().map(|entry| one(home, entry, options.no_mmap, &context)).collect();
    for at in catalog::doubtful(home, &chosen, &audited, options.depth) {
        let deep = file::Context { depth: Depth::Deep, ..context };
        if let (Some(entry), Some(slot)) = (chosen.get(at), audited.get_mut(at)) {
            *slot = one(home, entry, options.no_mmap, &deep);
        }
    }
    let mut whole = Whole::new(home, as_given, options);
    if home.alone {
        whole.local.not_checked.push(NotKnown::NoHome);
    } else {
        whole.home_findings();
    }
    for entry in home.files.iter().filter(|f| !wanted(f)) {
        whole.audit.coverage.not_checked(entry.name.as_str(), Unchecked::NotAsked);
    }
    let mut maps = Vec::new();
    for (entry, mut audited) in chosen.iter().zip(audited) {
        name(home, &mut audited.info);
        if let Some(account) = audited.account.take() {
            maps.push(FileMap { file: entry.name.clone(), account });
        }
        whole.take(entry, audited);
    }
    if !home.alone {
        whole.counts();
    }
    Ok((whole.finish(), maps))
}

fn one(home: &Home, entry: &FileEntry, no_mmap: bool, context: &file::Context<'_>) -> Audited {
    let path = home.path(&entry.name);
    let place = Place { uri: Some(entry.uri.clone()), file: Some(entry.name.clone()), ..Place::default() };
    let physical_size = home.inventory.get(&entry.name).copied().unwrap_or(0);
    let info = FileInfo { physical_size, ..describe(entry) };
    let mut out = Audited { info, findings: Vec::new(), account: None, opaque: None, left: None, entries: 0 };
    let there =
        if home.inventory.contains_key(&entry.name) { Ok(()) } else { std::fs::symlink_metadata(&path).map(drop) };
    match there.and_then(|()| BlockFile::open_file(&path, no_mmap)) {
        Ok(file) => return file::audit(entry, &file, context),
        Err(e) if is_absent(&e) && std::fs::symlink_metadata(&path).is_err() => {
            let which = if entry.name == METADATA { Missing::MetadataOfTurtle } else { Missing::Listed };
            let detail = HomeDetail::of(Fact::Missing { what: which });
            out.findings.push(Finding::of(Code::FileMissing, place, Detail::Home(Box::new(detail))));
        }
        Err(e) => out.left = Some(Unchecked::io(&e)),
    }
    out
}

/// No file has the name; anything else says that one may be there.
fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What the catalog says of a file.
fn describe(entry: &FileEntry) -> FileInfo {
    let some = |name: &str| Some(name.to_string()).filter(|n| !n.is_empty());
    FileInfo {
        file: entry.name.clone(),
        uri: entry.uri.clone(),
        id: entry.id,
        kind: entry.kind(),
        source: entry.source.name(),
        allocation_size: entry.alloc,
        compressor: some(&entry.compressor),
        encryptor: some(&entry.encryptor),
        ..FileInfo::default()
    }
}

/// MongoDB's words for a file.
fn name(home: &Home, info: &mut FileInfo) {
    let Some(name) = home.names.for_file(&info.file) else { return };
    info.namespace = Some(name.namespace).filter(|n| !n.is_empty());
    info.index = name.index;
    let ident = info.file.strip_suffix(".wt").unwrap_or(&info.file);
    info.documents = home.sizes.for_ident(ident).map(|s| s.records);
}

struct Whole<'h> {
    home: &'h Home,
    options: &'h Options<'h>,
    audit: Audit,
    findings: Vec<Finding>,
    local: LocalInfo,
    opaque: BTreeMap<Opaque, u64>,
    unchecked: bool,
}

impl<'h> Whole<'h> {
    fn new(home: &'h Home, as_given: &str, options: &'h Options<'h>) -> Self {
        let audit = Audit {
            schema_version: SCHEMA_VERSION,
            tool: Tool::default(),
            store: StoreInfo {
                kind: StoreKind::Local,
                home: as_given.to_string(),
                generation: "local",
                generation_evidence: home.version.iter().cloned().collect(),
                tables: home.files.len() as u64,
                rows: 0,
                bytes: 0,
                completions: 0,
                lsn_counter: None,
                from_wal: false,
                depth: options.depth,
                gathered: false,
                dumps: Vec::new(),
            },
            checkpoint: None,
            trees: Vec::new(),
            database: DatabaseInfo::default(),
            versions: BTreeMap::new(),
            by_rows: Vec::new(),
            orphans: Vec::new(),
            keystore: KeystoreInfo::default(),
            findings: Vec::new(),
            coverage: home.coverage.clone(),
            totals: Totals::default(),
            verdict: Verdict::Clean,
            exit_code: 0,
            local: None,
        };
        Self {
            home,
            options,
            audit,
            findings: Vec::new(),
            local: LocalInfo::default(),
            opaque: BTreeMap::new(),
            unchecked: false,
        }
    }

    fn find(&mut self, code: Code, file: &str, fact: Fact) -> &mut Finding {
        self.find_because(code, file, fact, None)
    }

    fn find_because(&mut self, code: Code, file: &str, fact: Fact, cause: Option<Cause>) -> &mut Finding {
        let place = Place { file: Some(file.to_string()), ..Place::default() };
        let detail = HomeDetail { cause, ..HomeDetail::of(fact) };
        self.findings.push(Finding::of(code, place, Detail::Home(Box::new(detail))));
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// What is wrong with the home itself.
    fn home_findings(&mut self) {
        let home = self.home;
        self.local.mongodb = home.version.as_deref().and_then(crate::mongo::releases::of_words);
        self.local.version = home.version.clone();
        self.local.catalog = CatalogInfo {
            source: home.way,
            complete: home.complete,
            rows: home.rows.clone(),
            proposed_turtle: home.proposed_turtle.clone(),
        };
        self.issues();
        let has = |name: &str| home.inventory.contains_key(name) || home.is_unread(name);
        // Where the list of a backup copy could not be read, there may be no need of one.
        let backup = home.way == Way::Backup || home.is_unread(BACKUP);
        if !backup && !has(METADATA) && home.file(METADATA).is_none() {
            self.find(Code::FileMissing, METADATA, Fact::Missing { what: Missing::Metadata });
        }
        if !has(VERSION_FILE) {
            let finding = self.find(Code::FileMissing, VERSION_FILE, Fact::Missing { what: Missing::Version });
            finding.remedy = Remedy::RestoreVersion;
        }
        // Engines before 10.0 had another file in its place.
        let has_history = home.engine().is_none_or(|(major, _)| major >= 10);
        if home.complete && has_history && !has(HISTORY_STORE) && home.file(HISTORY_STORE).is_none() {
            // A backup of all has it on its list.
            if home.way == Way::Backup {
                self.local.not_checked.push(NotKnown::PartialBackup);
            } else {
                // The engine makes it when it opens the directory; so it was killed before it had.
                let finding =
                    self.find(Code::FileMissing, HISTORY_STORE, Fact::Missing { what: Missing::HistoryStore });
                finding.severity = Severity::Note;
                finding.remedy = Remedy::Made;
            }
        }
        if home.encrypted {
            self.local.not_checked.push(NotKnown::MetadataEncrypted);
        } else if !home.complete && !home.files.is_empty() {
            self.local.not_checked.push(NotKnown::MetadataInPart);
            self.unchecked = true;
        }
        if !home.in_page_log.is_empty() && !home.page_log_here {
            // Where it has a place, and nothing in it, it is lost, not elsewhere.
            let place = format!("{KV_HOME}/");
            let fate = self.audit.coverage.fate(&place);
            if fate.is_some_and(|fate| !matches!(fate, Fate::NotChecked(_))) {
                self.audit.coverage.not_checked(place, Unchecked::Absent);
            }
            self.local.not_checked.push(NotKnown::PageLogElsewhere { trees: home.in_page_log.len() });
        }
        self.unlisted();
        self.logs();
        self.idents();
    }

    fn issues(&mut self) {
        let turtle = home_turtle::FILE_NAME;
        for issue in &self.home.issues {
            match issue {
                Issue::TurtleMissing(words) => {
                    let finding = self.find(Code::FileMissing, turtle, Fact::NoTurtle { message: words.clone() });
                    finding.remedy = Remedy::PutTurtle { first: true };
                }
                Issue::TurtleInvalid { offset, reason } => {
                    let finding = self.find(Code::TurtleInvalid, turtle, Fact::Turtle { message: reason.clone() });
                    finding.place.offset = Some(*offset);
                    finding.remedy = Remedy::PutTurtle { first: false };
                }
                Issue::TurtleStale { offset, cookies } => {
                    let fact = Fact::StaleTurtle { cookie: cookies.0.clone(), copy: cookies.1.clone() };
                    let finding = self.find_because(Code::TurtleInvalid, turtle, fact, Some(Cause::OtherTime));
                    finding.place.offset = Some(*offset);
                    finding.remedy = Remedy::PutTurtle { first: false };
                }
                Issue::Row { key, reason } => {
                    let finding = self.find(Code::MetadataInvalid, METADATA, Fact::Row { message: reason.clone() });
                    finding.place.uri = Some(key.clone());
                }
                Issue::DuplicateId { id, uris } => {
                    let finding = self.find(Code::DuplicateTreeId, METADATA, Fact::SameId { uris: uris.clone() });
                    finding.place.uri = uris.first().cloned();
                    finding.place.table_id = Some(TableId(*id));
                    finding.remedy = Remedy::RestoreMetadata;
                }
                Issue::Source { key, source, used } => {
                    let finding = self.find(Code::MetadataInvalid, METADATA, Fact::Source { source: source.clone() });
                    finding.place.uri = Some(key.clone());
                    // Nobody can reach it: left over from a drop that was not finished.
                    if !used {
                        finding.severity = Severity::Note;
                    }
                }
                Issue::Text { name, offset, reason } => {
                    let finding = self.find(Code::ConfigurationInvalid, name, Fact::Text { message: reason.clone() });
                    finding.place.offset = Some(*offset);
                }
                Issue::ColumnGroup { key, missing } => {
                    let fact = Fact::ColumnGroup { missing: missing.clone() };
                    let finding = self.find(Code::MetadataInvalid, METADATA, fact);
                    finding.place.uri = Some(key.clone());
                    finding.remedy = Remedy::RestoreMetadata;
                }
                Issue::TurtleDiffers { offset, keys } => {
                    let finding = self.find(Code::TurtleInvalid, turtle, Fact::TurtleDiffers { keys: keys.clone() });
                    finding.place.offset = Some(*offset);
                    finding.severity = Severity::Warning;
                    finding.remedy = Remedy::PutTurtle { first: false };
                }
                Issue::TurtleSet => {
                    let finding = self.find(Code::FileMissing, turtle, Fact::TurtleSet);
                    finding.severity = Severity::Note;
                    finding.remedy = Remedy::Rename;
                }
                Issue::SetAside { name, rows, lost } => {
                    let fact = Fact::SetAside { rows: *rows, lost: *lost };
                    let finding = self.find(Code::MetadataReplaced, name, fact);
                    if *lost == 0 {
                        finding.severity = Severity::Note;
                    }
                }
            }
        }
    }

    /// Files may be there that the system did not let be seen.
    fn may_be_hidden(&self) -> bool {
        let of_directory = |name: &str| !name.ends_with(".wt");
        let hides = |why: &Unchecked| matches!(why, Unchecked::Io { .. } | Unchecked::Hidden);
        self.audit.coverage.not_checked_list().any(|(name, why)| of_directory(name) && hides(why))
    }

    fn logs(&mut self) {
        let Ok(summary) = &self.home.log else { return };
        // The log may have a directory of its own; a file of it that is missing has no path.
        let below = summary.files.iter().find_map(|f| f.path.parent()?.strip_prefix(&self.home.dir).ok());
        let name = |name: &str| match below {
            Some(dir) if name.starts_with("WiredTigerLog") || name.starts_with("WiredTigerPreplog") => {
                dir.join(name).to_string_lossy().into_owned()
            }
            _ => name.to_string(),
        };
        self.local.log = LogInfo {
            files: summary
                .files
                .iter()
                .map(|f| LogFileInfo { file: name(&f.name), bytes: f.size, records: f.records, used: f.used })
                .collect(),
            last_checkpoint: summary.last_checkpoint.map(|c| c.lsn.to_string()),
            commits_after_checkpoint: summary.commits.saturating_sub(summary.commits_within_checkpoint),
            needs_recovery: summary.state == State::NeedsRecovery,
            encrypted: summary.encrypted,
            state: Some(summary.state),
        };
        if let (Start::At(_), true) = (self.home.replay_start, summary.files.is_empty())
            && !self.home.closed_by_mongod()
            && !self.may_be_hidden()
        {
            self.audit.coverage.not_checked("WiredTigerLog.*", Unchecked::JournalGone);
        }
        if summary.encrypted {
            self.local.not_checked.push(NotKnown::LogEncrypted);
        }
        for problem in &summary.problems {
            let damage = problem.severity == wtlog::Severity::Damage;
            if !damage {
                continue;
            }
            let finding = self.find(Code::LogDamaged, &name(&problem.file), Fact::Log(problem.what.clone()));
            finding.place.offset = Some(problem.offset);
        }
        if summary.state == State::NeedsRecovery {
            let last = summary.files.iter().rfind(|f| f.kind == wtlog::Kind::Log);
            let file = name(last.map_or("WiredTigerLog", |f| f.name.as_str()));
            let checkpoint = summary.last_checkpoint.map(|c| c.lsn);
            let commits = summary.commits.saturating_sub(summary.commits_within_checkpoint);
            // Not the metadata and the history store, which are the engine's.
            let mut users = self.home.files.iter().filter(|f| ![METADATA, HISTORY_STORE].contains(&f.name.as_str()));
            let in_log = |f: &FileEntry| f.checkpoints.last().is_none_or(|c| c.addr.is_empty());
            let all_in_log = users.clone().next().is_some() && users.all(in_log);
            let newer = self.home.newer_in_log.clone();
            self.find(Code::RecoveryNeeded, &file, Fact::Recovery { checkpoint, commits, all_in_log, newer });
        }
    }

    /// Take in the audit of one file.
    fn take(&mut self, entry: &FileEntry, audited: Audited) {
        let missing = audited.findings.iter().any(|f| f.code == Code::FileMissing);
        let coverage = &mut self.audit.coverage;
        match audited.left.or(audited.opaque.map(Unchecked::from)) {
            Some(why) => coverage.not_checked(entry.name.as_str(), why),
            // Its absence is a finding.
            None if missing => {}
            None => coverage.audited(entry.name.as_str()),
        }
        if let Some(why) = audited.opaque {
            *self.opaque.entry(why).or_default() += 1;
        }
        self.audit.store.bytes = self.audit.store.bytes.saturating_add(audited.info.physical_size);
        self.audit.trees.extend(self.tree(entry, &audited.info));
        let holds = match (&audited.info.namespace, &audited.info.index) {
            (Some(ns), Some(index)) => Some(format!("{ns} {index}")),
            (ns, _) => ns.clone(),
        };
        let what = self.home.names.for_file(&entry.name).map(|n| n.what).filter(|_| self.home.names.rows > 0);
        self.findings.extend(audited.findings.into_iter().map(|mut f| {
            f.place.namespace.clone_from(&holds);
            if let Some(what) = what.filter(|_| DAMAGE.contains(&f.code)) {
                f.remedy = Remedy::OfFile(what);
            }
            f
        }));
        self.local.files.push(audited.info);
    }

    /// The tree of the checkpoint that was asked for, in the words of every audit.
    fn tree(&self, entry: &FileEntry, info: &FileInfo) -> Option<TreeInfo> {
        let none = LocalCheckpointInfo { complete: true, ..LocalCheckpointInfo::default() };
        let checkpoint = match &self.options.checkpoint {
            Some(name) => info.checkpoints.iter().find(|c| c.name == *name)?,
            // A table may have no checkpoint yet.
            None => info.checkpoints.last().unwrap_or(&none),
        };
        let count = |kinds: &[PageType]| {
            kinds.iter().map(|k| checkpoint.pages.by_type.get(k.name()).copied().unwrap_or(0)).sum()
        };
        Some(TreeInfo {
            uri: entry.uri.clone(),
            table_id: TableId(entry.id.unwrap_or(0)),
            checkpoint: Some(checkpoint.name.clone()).filter(|name| !name.is_empty()),
            root_cookie: checkpoint.cookie.clone(),
            published_size: Some(checkpoint.published_size),
            published_size_meaning: SizeMeaning::BytesTotal,
            recomputed_size: checkpoint.recomputed_size,
            physical_size: checkpoint.recomputed_size,
            difference: Some(checkpoint.difference),
            pages: PageCounts {
                reachable: checkpoint.pages.reachable,
                internal: count(&[PageType::RowInternal, PageType::ColumnInternal]),
                leaf: count(&[PageType::RowLeaf, PageType::ColumnFixed, PageType::ColumnVariable]),
                overflow: count(&[PageType::Overflow]),
                deleted_children: checkpoint.pages.deleted_children,
                deltas: 0,
                depth: checkpoint.pages.depth,
            },
            rows: checkpoint.rows,
            complete: checkpoint.complete,
        })
    }

    fn finish(mut self) -> Audit {
        for (why, files) in &self.opaque {
            self.local.not_checked.push(NotKnown::Cells { files: *files, why: *why });
        }
        self.audit.database.sum_of_published =
            Some(self.audit.trees.iter().fold(0, |sum, t| sum.saturating_add(t.published_size.unwrap_or(0))));
        self.audit.database.sum_of_recomputed =
            self.audit.trees.iter().fold(0, |sum, t| sum.saturating_add(t.recomputed_size));
        self.findings.sort_by(|a, b| {
            let key = |f: &Finding| (std::cmp::Reverse(f.severity), f.place.file.clone(), f.code, f.place.offset);
            key(a).cmp(&key(b))
        });
        // What could not be checked follows from a finding, as a rule; then the finding is the verdict.
        let mut audit = self.audit;
        audit.totals = Totals::of(&self.findings);
        audit.verdict = Verdict::judge(&self.findings, &audit.coverage, self.unchecked);
        audit.exit_code = audit.verdict.exit_code();
        audit.findings = self.findings;
        audit.local = Some(self.local);
        audit
    }
}
