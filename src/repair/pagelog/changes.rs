//! From the actions of a plan to the records of a page log: a new checkpoint beside the old one.
//!
//! LSNs go up from the store's counter: discard records of orphans, new pages of the shared metadata
//! from leaf to root, the discard record of its old root, the turtle page, and last of all the
//! completion record. Until that one is there the old checkpoint is the newest.

use crate::audit::pagelog::Opened;
use crate::audit::pagelog::classify::Class;
use crate::audit::result::{Audit, TreeInfo};
use crate::format::checkpoint_list;
use crate::format::completion;
use crate::format::config::{self, Config};
use crate::format::crc;
use crate::format::generation::Generation;
use crate::format::pagelog_turtle;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::pagelog::catalog::{self, Checkpoint, Tree};
use crate::pagelog::rewrite::{Counters, Limits, Rewriter, Rewritten};
use crate::repair::RepairError;
use crate::repair::plan::{Action, What};
use crate::store::edit::{Edit, NewRow};
use crate::store::{BlockReader, FLAG_DELTA, FLAG_DISCARDED, Row, StoreKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a repair stands on.
pub struct Basis<'a> {
    pub opened: &'a Opened<'a>,
    pub audit: &'a Audit,
    /// The class of every row.
    pub class: &'a [Class],
    /// The checkpoint the audit stands on.
    pub checkpoint: &'a Checkpoint,
    /// Page sizes of the shared metadata.
    pub limits: Limits,
}

/// The edits that actions come down to, in the order they are to be made. `now`: seconds since 1970.
pub fn edits(basis: &Basis<'_>, actions: &[Action], now: u64) -> Result<Vec<Edit>, RepairError> {
    let wanted = Wanted::read(basis, actions)?;
    let mut edits = Vec::new();
    if wanted.needs_checkpoint() {
        Maker::new(basis, now)?.checkpoint(&wanted, &mut edits)?;
    } else {
        edits.extend(wanted.drop.iter().map(|lsn| Edit::RemoveCompletion { lsn: *lsn }));
    }
    // Behind the commit point: the old checkpoint must not lose its explanation before there is a new one.
    edits.extend(wanted.withdraw.iter().map(|&Version { table, page, lsn }| Edit::Remove { table, page, lsn }));
    Ok(edits)
}

/// Whether actions come down to a new checkpoint.
pub fn needs_checkpoint(actions: &[Action]) -> bool {
    actions.iter().any(|a| matches!(a.what, What::SetSize { .. } | What::SetDatabaseSize { .. } | What::Discard { .. }))
}

/// Rows of work no checkpoint has completed: above the record stood on. The engine takes them out
/// when it next leads; a new checkpoint above them would make them part of history.
pub fn unfinished(opened: &Opened<'_>, checkpoint: &Checkpoint) -> (u64, u64) {
    let rows = opened.index.rows().iter().filter(|r| r.lsn > checkpoint.lsn);
    rows.fold((0, 0), |(n, bytes), r| (n + 1, bytes + u64::from(r.len)))
}

/// The ways from the root of the shared metadata to the rows of trees, for the plan.
pub struct Ways<'a> {
    basis: &'a Basis<'a>,
    reader: Box<dyn BlockReader + Send + 'a>,
    /// By name: key and value as they are stored.
    rows: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
}

impl<'a> Ways<'a> {
    /// Of a checkpoint.
    pub fn new(basis: &'a Basis<'a>) -> Result<Self, RepairError> {
        let mut reader = basis.opened.store.reader()?;
        let rows = catalog::rows(&basis.opened.index, &mut *reader, &basis.checkpoint.metadata);
        let named = |(key, value): (Vec<u8>, Vec<u8>)| {
            let name = String::from_utf8_lossy(key.strip_suffix(b"\0").unwrap_or(&key)).into_owned();
            (name, (key, value))
        };
        let rows = rows.unwrap_or_default().into_iter().map(named).collect();
        Ok(Self { basis, reader, rows })
    }

    /// Table of the shared metadata, and the pages written anew if the row of a tree changes: the leaf
    /// first, the root last.
    pub fn to(&mut self, uri: &str) -> Result<(TableId, Vec<PageId>), RepairError> {
        let tree = &self.basis.checkpoint.metadata;
        let Some((key, value)) = self.rows.get(uri) else { return Ok((tree.table, Vec::new())) };
        let counters = Counters { lsn: Lsn(1), page_id: PageId(1), write_gen: 1, checkpoint_id: 0 };
        let numbers = (self.basis.limits, counters);
        let same = BTreeMap::from([(key.clone(), value.clone())]);
        let index = &self.basis.opened.index;
        let written = Rewriter::new(index, &mut *self.reader, tree, numbers, &|_| true).replace(&same)?;
        Ok((tree.table, written.replaced.iter().map(|c| c.page_id).collect()))
    }
}

/// The actions, checked against the store.
#[derive(Default)]
struct Wanted<'p> {
    sizes: BTreeMap<&'p str, (u64, u64)>,
    database: Option<u64>,
    discard: Vec<(TableId, PageId)>,
    withdraw: Vec<Version>,
    drop: BTreeSet<Lsn>,
    abandon: bool,
}

impl<'p> Wanted<'p> {
    fn read(basis: &Basis<'_>, actions: &'p [Action]) -> Result<Self, RepairError> {
        let mut out = Self::default();
        let refuse = |why: String| Err(RepairError::Refused(why));
        let trees: HashMap<&str, &TreeInfo> = basis.audit.trees.iter().map(|t| (t.uri.as_str(), t)).collect();
        for action in actions {
            match &action.what {
                What::SetSize { tree, table_id, from, to } => {
                    let info = trees.get(tree.as_str()).filter(|t| t.table_id == *table_id);
                    let Some(info) = info else { return refuse(format!("the checkpoint has no tree {tree}")) };
                    if info.published_size != Some(*from) {
                        let now = info.published_size.map_or("nothing".to_string(), |s| s.to_string());
                        return refuse(format!("{tree} publishes {now}, not {from} as the plan says"));
                    }
                    if out.sizes.insert(tree, (*from, *to)).is_some() {
                        return refuse(format!("the plan sets the size of {tree} twice"));
                    }
                }
                What::SetDatabaseSize { from, to } => {
                    if basis.audit.database.published_size != Some(*from) {
                        return refuse(format!("database_size is not {from} as the plan says"));
                    }
                    if out.database.replace(*to).is_some() {
                        return refuse("the plan sets database_size twice".into());
                    }
                }
                What::Discard { table_id, page_id, lsns, .. } => {
                    out.orphans(basis, *table_id, *page_id, lsns)?;
                    let page = basis.opened.index.page(*table_id, *page_id);
                    let used = basis.class.get(page).unwrap_or_default().contains(&Class::Live);
                    if used {
                        return refuse(format!(
                            "page {page_id} of table {table_id} is in use: a discard record would remove it"
                        ));
                    }
                    out.discard.push((*table_id, *page_id));
                }
                What::Withdraw { table_id, page_id, lsns, .. } => {
                    out.orphans(basis, *table_id, *page_id, lsns)?;
                    out.withdraw.extend(lsns.iter().map(|lsn| Version::new(*table_id, *page_id, *lsn)));
                }
                What::AbandonUnfinished { above_lsn, rows, .. } => {
                    let (found, _) = unfinished(basis.opened, basis.checkpoint);
                    if *above_lsn != basis.checkpoint.lsn || *rows != found {
                        return refuse(format!("there are {found} rows above LSN {above_lsn}, not {rows}"));
                    }
                    out.abandon = true;
                }
                What::DropCompletion { lsns, falls_back_to_lsn } => {
                    if *falls_back_to_lsn != basis.checkpoint.lsn {
                        return refuse(format!(
                            "the newest usable completion record is at LSN {}, not {falls_back_to_lsn}",
                            basis.checkpoint.lsn
                        ));
                    }
                    out.drop.extend(lsns);
                }
                What::SetFileSize { .. }
                | What::RebuildTurtle { .. }
                | What::RenameTurtle { .. }
                | What::RestoreMetadata { .. }
                | What::RebuildMetadata { .. }
                | What::RebuildFirstBlock { .. }
                | What::FlipBit { .. } => {
                    return refuse("the plan is for local block files, the store is a page log".into());
                }
            }
        }
        out.check(basis)?;
        Ok(out)
    }

    /// Rows named as orphans must be there and be orphans.
    fn orphans(&self, basis: &Basis<'_>, table: TableId, page: PageId, lsns: &[Lsn]) -> Result<(), RepairError> {
        for lsn in lsns {
            let at = basis.opened.index.find(table, page, *lsn);
            if at.and_then(|at| basis.class.get(at)) != Some(&Class::Orphan) {
                let why = format!("table {table}, page {page}, LSN {lsn} is not an orphan in this store");
                return Err(RepairError::Refused(why));
            }
        }
        Ok(())
    }

    /// What only the actions together show.
    fn check(&self, basis: &Basis<'_>) -> Result<(), RepairError> {
        let newer: Vec<Lsn> =
            basis.opened.completions.iter().map(|c| c.lsn).filter(|lsn| *lsn > basis.checkpoint.lsn).collect();
        let kept = newer.iter().find(|lsn| !self.drop.contains(lsn));
        if let Some(kept) = kept.filter(|_| self.needs_checkpoint() || !self.drop.is_empty()) {
            return Err(RepairError::Refused(format!(
                "the newest completion record, at LSN {kept}, cannot be used, and a repair would bury it: drop it by \
                 its LSN first (repair plan --drop-completion {kept})"
            )));
        }
        if let Some(other) = self.drop.iter().find(|lsn| !newer.contains(lsn)) {
            return Err(RepairError::Refused(format!("there is no unusable newest completion record at LSN {other}")));
        }
        let (rows, _) = unfinished(basis.opened, basis.checkpoint);
        if self.needs_checkpoint() && rows > 0 && !self.abandon {
            return Err(RepairError::Refused(format!(
                "{rows} rows above LSN {} belong to no completed checkpoint; the plan must state that they are removed",
                basis.checkpoint.lsn
            )));
        }
        Ok(())
    }

    fn needs_checkpoint(&self) -> bool {
        !self.sizes.is_empty() || self.database.is_some() || !self.discard.is_empty()
    }
}

/// Makes a checkpoint.
struct Maker<'a> {
    basis: &'a Basis<'a>,
    generation: Generation,
    counters: Counters,
    now: u64,
}

impl<'a> Maker<'a> {
    fn new(basis: &'a Basis<'a>, now: u64) -> Result<Self, RepairError> {
        let opened = basis.opened;
        let refuse = |why: &str| Err(RepairError::Refused(why.to_string()));
        let generation = Generation::from_name(basis.audit.store.generation);
        let Some(generation) = generation else { return refuse("the generation of the store's formats is not known") };
        let record = &basis.checkpoint.completion;
        let newer = record.version > completion::READER_VERSION
            || basis.checkpoint.turtle.version.is_some_and(|v| v > pagelog_turtle::READER_VERSION)
            || !basis.checkpoint.turtle.unknown.is_empty();
        if newer {
            return refuse("the checkpoint was written by a version newer than this wtcheck can write");
        }
        let highest = opened.index.rows().iter().map(|r| r.lsn).chain(opened.completions.iter().map(|c| c.lsn)).max();
        // A plan for dumps is carried out by nobody: any number serves to see what it comes to.
        let guessed = highest.filter(|_| opened.layout.gathered.is_some());
        let Some(counter) = opened.layout.lsn_counter.or(guessed) else {
            return refuse("the store's LSN counter cannot be read");
        };
        let entry = basis.checkpoint.metadata.entry.as_ref();
        let Some(entry) = entry else { return refuse("the turtle page names no checkpoint of the shared metadata") };
        // Page ids are handed out in order; a list without the counter is of the earliest builds.
        let used = opened.index.slice(opened.index.table(basis.checkpoint.metadata.table));
        let next_page =
            used.iter().filter(|r| r.lsn <= basis.checkpoint.lsn).map(|r| r.page.get() + 1).max().unwrap_or(100);
        let last_id = opened.completions.iter().filter_map(|c| c.checkpoint_id).max();
        let counters = Counters {
            lsn: Lsn(counter.max(highest.unwrap_or_default()).get().saturating_add(1)),
            page_id: PageId(entry.next_page_id.unwrap_or(0).max(next_page)),
            write_gen: entry.write_gen.saturating_add(1),
            checkpoint_id: last_id.map_or(0, |id| id.saturating_add(1)),
        };
        Ok(Self { basis, generation, counters, now })
    }

    fn take_lsn(&mut self) -> Lsn {
        let lsn = self.counters.lsn;
        self.counters.lsn = Lsn(lsn.get().saturating_add(1));
        lsn
    }

    fn checkpoint(mut self, wanted: &Wanted<'_>, edits: &mut Vec<Edit>) -> Result<(), RepairError> {
        let basis = self.basis;
        let index = &basis.opened.index;
        let mut out = Vec::new();
        if wanted.abandon {
            let rows = index.rows().iter().filter(|r| r.lsn > basis.checkpoint.lsn);
            out.extend(rows.map(|r| Edit::Remove { table: r.table, page: r.page, lsn: r.lsn }));
        }
        for (table, page) in &wanted.discard {
            let discard = self.discard_page(*table, *page)?;
            out.push(Edit::Put(discard));
        }
        let metadata = &basis.checkpoint.metadata;
        let rewritten = self.metadata(wanted)?;
        let mut true_size_change = 0_i128;
        if let Some(new) = &rewritten {
            self.counters = new.counters;
            let sum = |list: &[crate::format::cookie::Cookie]| list.iter().map(|c| i128::from(c.size)).sum::<i128>();
            true_size_change = sum(&new.written) - sum(&new.replaced);
            out.extend(new.rows.iter().cloned().map(Edit::Put));
            if let Some(old) = metadata.root.filter(|_| self.generation.discards_pages()) {
                let lsn = self.take_lsn();
                let base = if old.base_lsn == 0 { old.lsn } else { old.base_lsn };
                out.push(Edit::Put(discard(metadata.table, old.page_id, lsn, old.lsn, base)));
            }
        }
        let old_size = metadata.entry.as_ref().map_or(0, |e| e.size);
        let metadata_size = wanted.sizes.get(metadata.uri.as_str()).map_or(old_size, |(_, to)| *to);
        // Where `size=` holds a page id there is no total to carry on, unless the plan begins one.
        let carried = self.generation.keeps_sizes() || wanted.sizes.contains_key(metadata.uri.as_str());
        let new_size = match (&rewritten, carried) {
            (Some(new), false) => new.root.page_id.get(),
            _ => shifted(metadata_size, true_size_change),
        };
        let turtle_lsn = self.take_lsn();
        let text = self.turtle(rewritten.as_ref(), new_size)?;
        let checksum = crc::crc32c(text.as_bytes());
        let turtle_row = index.get(basis.checkpoint.turtle_at);
        let turtle_row = turtle_row.ok_or_else(|| RepairError::Refused("the turtle page's row is missing".into()))?;
        out.push(Edit::Put(NewRow {
            table: turtle_row.table,
            page: turtle_row.page,
            lsn: turtle_lsn,
            // Builds of 2025 wrote none.
            backlink_lsn: if self.generation <= Generation::Autumn2025 { Lsn::NONE } else { turtle_row.lsn },
            base_lsn: Lsn::NONE,
            flags: turtle_row.flags,
            checkpoint_id: self.counters.checkpoint_id,
            data: text.into_bytes(),
        }));
        let old_database = basis.checkpoint.completion.database_size;
        let published: i128 = wanted.sizes.values().map(|(from, to)| i128::from(*to) - i128::from(*from)).sum();
        let database = match (wanted.database, old_database) {
            (Some(to), _) => Some(shifted(to, true_size_change)),
            // Unasked, it follows the trees: what it was off by, it stays off by.
            (None, Some(old)) if self.generation.keeps_sizes() => Some(shifted(old, published + true_size_change)),
            (None, old) => old,
        };
        let lsn = self.take_lsn();
        let record = self.completion(turtle_lsn, checksum, database)?;
        out.extend(wanted.drop.iter().map(|lsn| Edit::RemoveCompletion { lsn: *lsn }));
        out.push(Edit::Complete {
            lsn,
            timestamp: basis.checkpoint.row_timestamp,
            checkpoint_id: (basis.opened.store.kind() == StoreKind::Palm).then_some(self.counters.checkpoint_id),
            text: record,
        });
        // First of all: whoever comes next must not give these LSNs out again.
        edits.push(Edit::Counter { last_lsn: lsn });
        edits.extend(out);
        Ok(())
    }

    /// A discard record for a page that nothing reaches: it names the newest block of the page.
    fn discard_page(&mut self, table: TableId, page: PageId) -> Result<NewRow, RepairError> {
        let index = &self.basis.opened.index;
        let refuse = |why: String| RepairError::Refused(why);
        if !self.generation.discards_pages() {
            return Err(refuse("this generation of the formats has no discard records".into()));
        }
        let rows = index.slice(index.page(table, page));
        let rows: Vec<_> = rows.iter().filter(|r| r.lsn <= self.basis.checkpoint.lsn).collect();
        if rows.iter().any(|r| r.is_discard()) {
            return Err(refuse(format!("page {page} of table {table} already has a discard record")));
        }
        let newest = rows.last().ok_or_else(|| refuse(format!("table {table} has no page {page}")))?;
        let base = if newest.base_lsn == 0 { newest.lsn } else { newest.base_lsn };
        let (backlink, lsn) = (newest.lsn, self.take_lsn());
        Ok(discard(table, page, lsn, backlink, base))
    }

    /// New pages of the shared metadata, if rows of it change.
    fn metadata(&mut self, wanted: &Wanted<'_>) -> Result<Option<Rewritten>, RepairError> {
        let basis = self.basis;
        let tree = &basis.checkpoint.metadata;
        let mut sizes: BTreeMap<&str, u64> = wanted.sizes.iter().map(|(uri, (_, to))| (*uri, *to)).collect();
        sizes.remove(tree.uri.as_str());
        if sizes.is_empty() {
            return Ok(None);
        }
        let mut reader = basis.opened.store.reader()?;
        let rows = catalog::rows(&basis.opened.index, &mut *reader, tree);
        let rows = rows.ok_or_else(|| RepairError::Refused("the shared metadata cannot be read in full".into()))?;
        let mut values = BTreeMap::new();
        for (key, value) in &rows {
            let name = std::str::from_utf8(key.strip_suffix(b"\0").unwrap_or(key)).ok();
            if let Some(size) = name.and_then(|n| sizes.remove(n)) {
                values.insert(key.clone(), resized(value, size)?);
            }
        }
        if let Some(uri) = sizes.keys().next() {
            return Err(RepairError::Refused(format!("the shared metadata has no row for {uri}")));
        }
        let upto = basis.checkpoint.lsn;
        let stays = |r: &Row| r.lsn <= upto && !wanted.withdraw.contains(&Version::new(r.table, r.page, r.lsn));
        let numbers = (basis.limits, self.counters);
        let written = Rewriter::new(&basis.opened.index, &mut *reader, tree, numbers, &stays).replace(&values)?;
        self.compare(tree, &written, &rows, &values)?;
        Ok(Some(written))
    }

    /// Read the new tree back: the rows to change have changed, and no other.
    fn compare(
        &self,
        tree: &Tree,
        written: &Rewritten,
        rows: &[(Vec<u8>, Vec<u8>)],
        values: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), RepairError> {
        let edits: Vec<Edit> = written.rows.iter().cloned().map(Edit::Put).collect();
        let overlay = super::overlay::Overlay::new(self.basis.opened, &edits);
        let opened = overlay.opened();
        let tree = Tree { root: Some(written.root), ..tree.clone() };
        let mut reader = opened.store.reader()?;
        let after = catalog::rows(&opened.index, &mut *reader, &tree).unwrap_or_default();
        let same = after.len() == rows.len()
            && after.iter().zip(rows).all(|((k, v), (key, value))| k == key && v == values.get(key).unwrap_or(value));
        if same {
            return Ok(());
        }
        Err(RepairError::Refused(
            "the rewritten shared metadata does not read back as it should; nothing was changed".into(),
        ))
    }

    /// The turtle page of the new checkpoint: the old text with the new root in it.
    fn turtle(&self, rewritten: Option<&Rewritten>, size: u64) -> Result<String, RepairError> {
        let basis = self.basis;
        let row = basis.opened.index.get(basis.checkpoint.turtle_at);
        let row = row.ok_or_else(|| RepairError::Refused("the turtle page's row is missing".into()))?;
        let mut bytes = Vec::new();
        basis.opened.store.reader()?.read(&row, &mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| RepairError::Refused("the turtle page is not text".into()))?;
        let refuse = || RepairError::Refused("the turtle page names no checkpoint of the shared metadata".into());
        let old = basis.checkpoint.metadata.entry.as_ref().ok_or_else(refuse)?;
        let mut name = old.name.clone();
        let mut fields = vec![("size", size.to_string())];
        let mut new = text.clone();
        if let Some(rewritten) = rewritten {
            let order = old.order.saturating_add(1);
            if let Some(stem) = name.strip_suffix(&format!(".{}", old.order)) {
                name = format!("{stem}.{order}");
            }
            let newest_gen = rewritten.counters.write_gen.saturating_sub(1);
            fields.extend([
                ("addr", hex::encode(rewritten.root.encode())),
                ("order", order.to_string()),
                ("time", old.time.max(self.now).to_string()),
                ("write_gen", newest_gen.to_string()),
                ("next_page_id", rewritten.counters.page_id.to_string()),
            ]);
            // It bounds the write generations there are; it must not fall behind.
            let bound = basis.checkpoint.turtle.max_write_gen;
            if bound.is_some_and(|bound| bound >= old.write_gen && bound < newest_gen) {
                let config = Config::parse(&text)?;
                let names = [pagelog_turtle::MAX_WRITE_GEN, pagelog_turtle::BASE_WRITE_GEN];
                let key = names.into_iter().find(|k| config.get(k).is_some());
                new = config::with_values(&text, &[(key.unwrap_or_default(), &newest_gen.to_string())])?;
            }
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let new = pagelog_turtle::with_newest(&new, &name, &fields)?;
        // What we write we must be able to read.
        pagelog_turtle::parse(new.as_bytes())?;
        Ok(new)
    }

    /// The completion record of the new checkpoint: the old text with the new numbers in it.
    fn completion(&self, metadata_lsn: Lsn, checksum: u32, database: Option<u64>) -> Result<String, RepairError> {
        let old = self.basis.opened.completions.iter().find(|c| c.lsn == self.basis.checkpoint.lsn);
        let old = old.map(|c| String::from_utf8_lossy(&c.text).into_owned()).unwrap_or_default();
        let (lsn, id) = (metadata_lsn.to_string(), self.counters.checkpoint_id.to_string());
        let (checksum, database) = (format!("{checksum:x}"), database.map(|d| d.to_string()));
        let mut fields = vec![("metadata_lsn", lsn.as_str()), ("metadata_checksum", &checksum), ("id", &id)];
        fields.extend(database.as_deref().map(|d| ("database_size", d)));
        let new = config::with_values(&old, &fields)?;
        completion::parse(new.as_bytes())?;
        Ok(new)
    }
}

fn discard(table: TableId, page: PageId, lsn: Lsn, backlink_lsn: Lsn, base_lsn: Lsn) -> NewRow {
    let flags = FLAG_DELTA | FLAG_DISCARDED;
    NewRow { table, page, lsn, backlink_lsn, base_lsn, flags, checkpoint_id: 0, data: Vec::new() }
}

/// A metadata value with another `size=`, and its NUL if it had one.
fn resized(value: &[u8], size: u64) -> Result<Vec<u8>, RepairError> {
    let (text, nul) = match value.strip_suffix(b"\0") {
        Some(text) => (text, true),
        None => (value, false),
    };
    let text = std::str::from_utf8(text).map_err(|_| RepairError::Refused("a metadata row is not text".into()))?;
    let mut out = checkpoint_list::with_newest(text, &[("size", &size.to_string())])?.into_bytes();
    out.extend(nul.then_some(0));
    Ok(out)
}

fn shifted(value: u64, by: i128) -> u64 {
    u64::try_from(i128::from(value).saturating_add(by).max(0)).unwrap_or(u64::MAX)
}
