//! Changing a PALM store, through the LMDB C library: its transactions are what makes a
//! change whole and lasting.
//!
//! The library trusts the file it is given. So the file is first read to its last page by the
//! project's own reader ([`super::lmdb`]), and one that is damaged anywhere is not opened for writing.

use super::sets::{Failure, Outcome, STARTED, Set, Sets, refuse};
use super::{
    COMPLETED, CheckpointKey, DATA, LOCK, NEXT_LSN, PageKey, Palm, decode_checkpoint_key, decode_page_key,
    encode_checkpoint_key, encode_page_key,
};
use crate::below::Below;
use crate::id::{Lsn, PageId, TableId};
use crate::store::edit::{Change, Edit, Field, Ledger, NewRow, Side, State, Value};
use crate::store::hold::Hold;
use crate::store::{FLAG_DELTA, FLAG_DISCARDED, StoreError};
use heed::{CommitOrAbort, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Map sizes are multiples of this, so that they are multiples of every system's page size.
const MAP_STEP: u64 = 1 << 20;
/// The map is made larger, and more so each time, so often at most.
const MAX_GROWTHS: u32 = 24;

/// A PALM store opened for changes.
///
/// A process can have the same store open once at a time; dropping the ledger closes it.
#[derive(Debug)]
pub struct PalmLedger {
    /// `None` only while it is opened again.
    env: Option<heed::Env>,
    path: PathBuf,
    // Dropped last.
    hold: Hold,
}

impl PalmLedger {
    /// Open the environment in `kv_home` for changes.
    ///
    /// Refused if the data file is damaged anywhere. Nothing is written to it yet; the lock file is
    /// made if there is none.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn open(kv_home: &Path) -> Result<Self, StoreError> {
        Self::at(Below::open(kv_home).map_err(|e| StoreError::io(kv_home, &e))?)
    }

    /// As [`Self::open`], in a directory that is open already.
    pub fn at(kv_home: Below) -> Result<Self, StoreError> {
        let path = kv_home.path().join(DATA);
        let mut hold = Hold::new(kv_home);
        let data = hold.check(Path::new(DATA))?;
        if data.is_none() || hold.check(Path::new(LOCK))?.is_none() {
            // Where there is none, a lock file is made only for what can be opened.
            Self::check(hold.dir().path())?;
        }
        let data = data.ok_or_else(|| StoreError::Unreadable { path: path.clone(), reason: "is gone".into() })?;
        // Whoever has the environment open has a lock on the first byte of this file, and who opens it waits for one.
        hold.lock_or_make(Path::new(LOCK), &data)?;
        let mut out = Self { env: None, path, hold };
        out.reopen()?;
        Ok(out)
    }

    /// Read everything once, and open the environment.
    fn reopen(&mut self) -> Result<(), StoreError> {
        // Only one can be open at a time.
        self.env = None;
        let kv_home = self.hold.dir().path();
        let path = self.path.clone();
        if !self.hold.dir().stands() {
            let reason = "something is changing the directory".to_string();
            return Err(StoreError::Unreadable { path: kv_home.to_path_buf(), reason });
        }
        self.hold.check(Path::new(DATA))?;
        let map_size = Self::check(kv_home)?;
        let error = |e: heed::Error| match e {
            heed::Error::EnvAlreadyOpened => {
                StoreError::InUse { path: path.clone(), reason: "this process already has it open".into() }
            }
            e => StoreError::Unreadable { path: path.clone(), reason: format!("cannot be opened for writing: {e}") },
        };
        let map_size = map_len(map_size).ok_or_else(|| error(io::Error::from(io::ErrorKind::OutOfMemory).into()))?;
        let mut options = EnvOpenOptions::new();
        options.map_size(map_size).max_dbs(8);
        self.env = Some(open_env(&mut options, kv_home).map_err(error)?);
        Ok(())
    }

    fn env(&self) -> Outcome<&heed::Env> {
        self.env.as_ref().ok_or_else(|| Failure::Refused("the store is not open".into()))
    }

    /// Read everything once; the size the map needs at least.
    fn check(kv_home: &Path) -> Result<u64, StoreError> {
        let palm = Palm::open(kv_home, false)?;
        let damaged = |reason: String| {
            let reason = format!("{reason}; it is not opened for writing");
            StoreError::Damaged { path: palm.path.clone(), reason }
        };
        if let Some(problem) = palm.found.first() {
            return Err(damaged(problem.reason.clone()));
        }
        let env = palm.env()?;
        env.check().map_err(damaged)?;
        for set in Set::ALL {
            let (db, _) = env.database(set.name().as_bytes());
            let db = db.ok_or_else(|| damaged(format!("no database {:?} in the environment", set.name())))?;
            // Any other flags mean another order of keys or several values to a key.
            let flags = if set == Set::Globals { super::lmdb::INTEGER_KEYS } else { 0 };
            if db.flags != flags {
                return Err(damaged(format!("database {:?} has flags {:#x}, not {flags:#x}", set.name(), db.flags)));
            }
        }
        let state = env.state();
        let in_use = state.last_page.saturating_add(1).saturating_mul(state.page_size as u64);
        Ok(state.map_size.max(in_use).max(palm.bytes.len() as u64))
    }

    /// Run something in a read transaction.
    fn read<T>(&self, run: impl FnOnce(&View<'_>) -> Outcome<T>) -> Result<T, StoreError> {
        let found = || {
            let env = self.env()?;
            let txn = env.read_txn()?;
            env.open_databases_and_commit(txn, |opener, txn| {
                let sets = Sets::open(opener, txn)?;
                // Aborted, because nothing opened in it is to outlive it.
                run(&View { txn, sets: &sets }).map(CommitOrAbort::<(), T>::Abort)
            })
        };
        match found() {
            Ok(CommitOrAbort::Abort(value)) => Ok(value),
            Ok(CommitOrAbort::Commit(())) => Err(self.error(Failure::Refused("a read was committed".into()))),
            Err(e) => Err(self.error(e)),
        }
    }

    /// All steps in one transaction.
    fn attempt(&self, steps: &[Step<'_>]) -> Outcome<()> {
        let env = self.env()?;
        let txn = env.write_txn()?;
        let done = env.create_databases_and_commit(txn, |opener, txn| {
            let sets = Sets::open(opener, txn)?;
            let mut changed = false;
            for step in steps {
                changed |= step.take(&sets, txn)?;
            }
            Ok::<_, Failure>(if changed { CommitOrAbort::Commit(()) } else { CommitOrAbort::Abort(()) })
        });
        done.map(|_| ())
    }

    /// Make room for so many bytes more.
    fn grow(&mut self, by: u64) -> Outcome<()> {
        let now = u64::try_from(self.env()?.info().map_size).unwrap_or(u64::MAX);
        let Some(wanted) = map_len(now.saturating_add(by)) else {
            return refuse(format!("no address space for {by} more bytes"));
        };
        let env = self.env.as_mut().ok_or_else(|| Failure::Refused("the store is not open".into()))?;
        resize_env(env, wanted)?;
        Ok(())
    }

    fn error(&self, failure: Failure) -> StoreError {
        let path = self.path.clone();
        match failure {
            Failure::Lmdb(e) => StoreError::Unreadable { path, reason: format!("LMDB: {e}") },
            Failure::Refused(reason) => StoreError::Unreadable { path, reason },
            Failure::Damaged(reason) => StoreError::Damaged { path, reason },
        }
    }
}

#[allow(unsafe_code)]
fn open_env(options: &mut EnvOpenOptions, kv_home: &Path) -> heed::Result<heed::Env> {
    // SAFETY: the library maps the data file read-only and follows what stands in it. It is a regular
    // file that was just read to its last page and found sound. Other processes that change it do so
    // through LMDB, and do not get past the lock that the ledger has on the whole of its lock file from
    // before this to after the environment is closed; that is why the library is told to take none. The
    // ledger never has two transactions at a time. `heed` lets no process open it twice.
    unsafe {
        options.flags(EnvFlags::NO_LOCK);
        options.open(kv_home)
    }
}

#[allow(unsafe_code)]
fn resize_env(env: &mut heed::Env, size: usize) -> heed::Result<()> {
    // SAFETY: no transaction may be open in this process. Every one is begun and ended inside a call
    // of a method of the ledger, which never hands out the environment or a clone of it, and the
    // exclusive reference says that no other call is under way.
    unsafe { env.resize(size) }
}

/// A map size LMDB accepts.
fn map_len(wanted: u64) -> Option<usize> {
    wanted.checked_next_multiple_of(MAP_STEP).and_then(|size| usize::try_from(size).ok())
}

impl Ledger for PalmLedger {
    fn again(&mut self) -> Result<(), StoreError> {
        self.reopen()
    }

    /// Every record is changed once: several edits of one are merged into one change.
    fn translate(&mut self, edits: &[Edit]) -> Result<Vec<Change>, StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        self.read(|view| {
            let mut draft = Draft { view, now, records: BTreeMap::new(), stamps: BTreeMap::new(), checkpoints: None };
            for edit in edits {
                draft.edit(edit)?;
            }
            Ok(draft.changes())
        })
    }

    fn state(&mut self, change: &Change) -> Result<State, StoreError> {
        let step = Step::parse(change, Side::After).map_err(|e| self.error(e))?;
        self.read(|view| step.state(view.sets, view.txn))
    }

    /// All changes are made in one transaction; if one of them cannot be made, none is.
    fn carry_out(&mut self, changes: &[Change], to: Side) -> Result<(), StoreError> {
        self.run(changes, to, false)
    }

    fn take_back(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.run(changes, Side::Before, true)
    }
}

impl PalmLedger {
    /// Carry changes out, with `anyway` whatever their records look like now.
    fn run(&mut self, changes: &[Change], to: Side, anyway: bool) -> Result<(), StoreError> {
        let step = |c| Step::parse(c, to).map(|step| Step { anyway, ..step });
        let steps: Outcome<Vec<Step<'_>>> = match to {
            Side::After => changes.iter().map(step).collect(),
            Side::Before => changes.iter().rev().map(step).collect(),
        };
        let steps = steps.map_err(|e| self.error(e))?;
        // New pages of the tree come on top of the values; twice their size is usually enough at once.
        let values = steps.iter().filter_map(|s| s.to).map(|v| v.len() as u64).fold(0, u64::saturating_add);
        let mut room = values.saturating_mul(2).max(16 * MAP_STEP);
        for _ in 0..MAX_GROWTHS {
            match self.attempt(&steps) {
                Err(Failure::Lmdb(heed::Error::Mdb(MdbError::MapFull))) => {
                    self.grow(room).map_err(|e| self.error(e))?;
                    room = room.saturating_mul(2);
                }
                done => return done.map_err(|e| self.error(e)),
            }
        }
        Err(self.error(Failure::Lmdb(MdbError::MapFull.into())))
    }
}

/// A change of one record in one direction.
struct Step<'c> {
    set: Set,
    key: &'c [u8],
    from: Option<&'c [u8]>,
    to: Option<&'c [u8]>,
    /// Take it although the record is on neither side.
    anyway: bool,
}

impl<'c> Step<'c> {
    fn parse(change: &'c Change, to: Side) -> Outcome<Self> {
        if change.file != DATA {
            return refuse(format!("not a change to this store: file {:?}", change.file));
        }
        let Some(set) = Set::ALL.into_iter().find(|set| set.name() == change.set) else {
            return refuse(format!("not a change to this store: database {:?}", change.set));
        };
        let side = |fields: &'c Option<Vec<Field>>| fields.as_deref().map(record).transpose();
        let (before, after) = (side(&change.before)?, side(&change.after)?);
        let key = match (before, after) {
            (Some((key, _)), Some((other, _))) if key == other => key,
            (Some((key, _)), None) | (None, Some((key, _))) => key,
            (Some(_), Some(_)) => return refuse("a change from one key to another"),
            (None, None) => return refuse("a change without a record"),
        };
        if key.len() != set.key_len() {
            return refuse(format!("a key of {} bytes in database {:?}", key.len(), set.name()));
        }
        let (before, after) = (before.map(|(_, value)| value), after.map(|(_, value)| value));
        Ok(match to {
            Side::After => Self { set, key, from: before, to: after, anyway: false },
            Side::Before => Self { set, key, from: after, to: before, anyway: false },
        })
    }

    /// Which side the record is on, for a step towards `After`.
    fn state(&self, sets: &Sets<'_>, txn: &RoTxn<'_>) -> Outcome<State> {
        let found = sets.of(self.set).get(txn, self.key)?;
        Ok(match found {
            _ if found == self.to => State::After,
            _ if found == self.from => State::Before,
            None => State::Other(format!("{}: no record", self.set.describe(self.key))),
            Some(value) => State::Other(format!("{}: {}", self.set.describe(self.key), outline(value))),
        })
    }

    /// Take the step, if it is not taken yet. Says whether anything was changed.
    fn take(&self, sets: &Sets<'_>, txn: &mut RwTxn<'_>) -> Outcome<bool> {
        match self.state(sets, txn)? {
            State::After => return Ok(false),
            State::Before => {}
            State::Other(_) if self.anyway => {}
            State::Other(found) => return refuse(format!("neither as before nor as after the change: {found}")),
        }
        match self.to {
            Some(value) => sets.of(self.set).put(txn, self.key, value)?,
            None => {
                sets.of(self.set).delete(txn, self.key)?;
            }
        }
        Ok(true)
    }
}

/// Key and value of a record.
fn record(fields: &[Field]) -> Outcome<(&[u8], &[u8])> {
    match fields {
        [Field { name: key_name, value: Value::Blob(key) }, Field { name: value_name, value: Value::Blob(value) }]
            if key_name == KEY && value_name == VALUE =>
        {
            Ok((key, value))
        }
        _ => refuse("a record of a key-value store has a key and a value, both of bytes"),
    }
}

const KEY: &str = "key";
const VALUE: &str = "value";

fn fields(key: &[u8], value: Vec<u8>) -> Vec<Field> {
    let field = |name: &str, bytes| Field { name: name.into(), value: Value::Blob(bytes) };
    vec![field(KEY, key.to_vec()), field(VALUE, value)]
}

/// A value in words.
fn outline(value: &[u8]) -> String {
    let head = value.get(..32).unwrap_or(value);
    let more = if head.len() < value.len() { "..." } else { "" };
    format!("a record of {} bytes, {}{more}", value.len(), hex::encode(head))
}

/// The store as a read transaction sees it.
struct View<'t> {
    txn: &'t RoTxn<'t>,
    sets: &'t Sets<'t>,
}

impl View<'_> {
    fn get(&self, set: Set, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.sets.of(set).get(self.txn, key)?.map(<[u8]>::to_vec))
    }

    /// Visit the keys that begin like this, ascending.
    fn each(&self, set: Set, prefix: &[u8], mut visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        let db = self.sets.of(set);
        if prefix.is_empty() {
            // LMDB knows no empty key to begin from.
            return db.iter(self.txn)?.try_for_each(|record| visit(record?.0));
        }
        db.prefix_iter(self.txn, prefix)?.try_for_each(|record| visit(record?.0))
    }

    fn keys(&self, set: Set, prefix: &[u8]) -> Outcome<Vec<Vec<u8>>> {
        let mut keys = Vec::new();
        self.each(set, prefix, |key| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        Ok(keys)
    }

    /// LSN and time of the newest row among those whose keys begin like this.
    fn newest(&self, prefix: &[u8]) -> Outcome<Option<(Lsn, u64)>> {
        let mut newest = None;
        self.each(Set::Pages, prefix, |key| {
            let key = decode_page_key(key)?;
            newest = newest.max(Some((key.lsn, key.materialized_us)));
            Ok(())
        })?;
        Ok(newest)
    }
}

/// What becomes of a record.
struct Touched {
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    /// Changes are listed in the order in which records were first touched.
    order: usize,
}

/// The records that edits come down to, as far as they were read.
struct Draft<'v> {
    view: &'v View<'v>,
    /// Microseconds since 1970.
    now: u64,
    records: BTreeMap<(Set, Vec<u8>), Touched>,
    /// Times found, by prefix of page keys.
    stamps: BTreeMap<Vec<u8>, Option<(Lsn, u64)>>,
    /// Keys of the completion records, with the edits so far. Their order is that of their LSNs.
    checkpoints: Option<BTreeSet<Vec<u8>>>,
}

impl Draft<'_> {
    fn edit(&mut self, edit: &Edit) -> Outcome<()> {
        match edit {
            Edit::Counter { last_lsn } => {
                // PALM counts the next LSN, not the last one.
                let next =
                    last_lsn.get().checked_add(1).ok_or_else(|| Failure::Refused("there is no next LSN".into()))?;
                self.set_global(NEXT_LSN, next)
            }
            Edit::Put(row) => self.put(row),
            Edit::Remove { table, page, lsn } => {
                let key = self.row(*table, *page, *lsn)?;
                self.set(Set::Pages, key, None)
            }
            Edit::Complete { lsn, timestamp, checkpoint_id, text } => {
                let Some(checkpoint_id) = *checkpoint_id else {
                    return refuse("a completion record of this store needs a checkpoint id");
                };
                let key = CheckpointKey { lsn: *lsn, checkpoint_id, timestamp: *timestamp };
                self.complete(key, text)
            }
            Edit::RemoveCompletion { lsn } => self.remove_completion(*lsn),
        }
    }

    /// What a record is now, with the edits so far.
    fn get(&self, set: Set, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        match self.records.get(&(set, key.to_vec())) {
            Some(touched) => Ok(touched.after.clone()),
            None => self.view.get(set, key),
        }
    }

    fn set(&mut self, set: Set, key: Vec<u8>, value: Option<Vec<u8>>) -> Outcome<()> {
        let order = self.records.len();
        let entry = (set, key);
        if let Some(touched) = self.records.get_mut(&entry) {
            touched.after = value;
        } else {
            let before = self.view.get(set, &entry.1)?;
            self.records.insert(entry, Touched { before, after: value, order });
        }
        Ok(())
    }

    fn set_global(&mut self, id: u32, value: u64) -> Outcome<()> {
        let key = id.to_ne_bytes().to_vec();
        if value > u64::from(u32::MAX) {
            // PALM itself refuses to write larger ones.
            return refuse(format!("{}: {value} is above {}", Set::Globals.describe(&key), u32::MAX));
        }
        self.set(Set::Globals, key, Some(value.to_ne_bytes().to_vec()))
    }

    /// The keys of a row, with the edits so far. There is one at most, unless the store is odd.
    fn rows(&self, table: TableId, page: PageId, lsn: Lsn) -> Outcome<Vec<Vec<u8>>> {
        let prefix = [table.get(), page.get(), lsn.get()].map(u64::to_be_bytes).concat();
        let mut keys = self.view.keys(Set::Pages, &prefix)?;
        keys.retain(|key| !self.records.contains_key(&(Set::Pages, key.clone())));
        let touched = self.records.range((Set::Pages, prefix.clone())..);
        let touched = touched.take_while(|((set, key), _)| *set == Set::Pages && key.starts_with(&prefix));
        keys.extend(touched.filter(|(_, touched)| touched.after.is_some()).map(|((_, key), _)| key.clone()));
        Ok(keys)
    }

    fn row(&self, table: TableId, page: PageId, lsn: Lsn) -> Outcome<Vec<u8>> {
        let mut keys = self.rows(table, page, lsn)?;
        match (keys.pop(), keys.len()) {
            (Some(key), 0) => Ok(key),
            (None, _) => refuse(format!("table {table}, page {page}: no row at LSN {lsn}")),
            (Some(_), more) => refuse(format!("table {table}, page {page}: {} rows at LSN {lsn}", more + 1)),
        }
    }

    /// The checkpoint a row was written under; 0 for no row.
    fn checkpoint_of(&self, table: TableId, page: PageId, lsn: Lsn) -> Outcome<u64> {
        if lsn == 0 {
            return Ok(0);
        }
        Ok(decode_page_key(&self.row(table, page, lsn)?)?.checkpoint_id)
    }

    /// When a new row was materialized: the engine shows no row before its time has come, so the time
    /// must not be in the future. That of the newest row of the page, of the table, or of the store is
    /// as good as any other, and makes the same repair come out the same every time.
    fn stamp(&mut self, table: TableId, page: PageId) -> Outcome<u64> {
        for prefix in
            [[table.get(), page.get()].map(u64::to_be_bytes).concat(), table.get().to_be_bytes().to_vec(), Vec::new()]
        {
            let newest = match self.stamps.get(&prefix) {
                Some(newest) => *newest,
                None => {
                    let newest = self.view.newest(&prefix)?;
                    self.stamps.insert(prefix, newest);
                    newest
                }
            };
            if let Some((_, stamp)) = newest {
                return Ok(stamp.min(self.now));
            }
        }
        Ok(self.now)
    }

    fn put(&mut self, row: &NewRow) -> Outcome<()> {
        let NewRow { table, page, lsn, backlink_lsn, base_lsn, flags, checkpoint_id, ref data } = *row;
        if flags & FLAG_DISCARDED != 0 {
            return refuse("this generation of PALM has no discard records");
        }
        if !self.rows(table, page, lsn)?.is_empty() {
            return refuse(format!("table {table}, page {page}: there is already a row at LSN {lsn}"));
        }
        let key = PageKey {
            table,
            page,
            lsn,
            checkpoint_id,
            is_delta: flags & FLAG_DELTA != 0,
            backlink_lsn,
            base_lsn,
            backlink_checkpoint_id: self.checkpoint_of(table, page, backlink_lsn)?,
            base_checkpoint_id: self.checkpoint_of(table, page, base_lsn)?,
            flags,
            materialized_us: self.stamp(table, page)?,
        };
        self.set(Set::Pages, encode_page_key(&key), Some(data.clone()))
    }

    fn checkpoints(&mut self) -> Outcome<&mut BTreeSet<Vec<u8>>> {
        let keys = match self.checkpoints.take() {
            Some(keys) => keys,
            None => self.view.keys(Set::Checkpoints, &[])?.into_iter().collect(),
        };
        Ok(self.checkpoints.insert(keys))
    }

    fn newest_checkpoint(&mut self) -> Outcome<Option<CheckpointKey>> {
        let last = self.checkpoints()?.last().map(|key| decode_checkpoint_key(key)).transpose()?;
        Ok(last)
    }

    fn complete(&mut self, key: CheckpointKey, text: &str) -> Outcome<()> {
        let CheckpointKey { lsn, checkpoint_id, .. } = key;
        if let Some(newest) = self.newest_checkpoint()?
            && (lsn <= newest.lsn || checkpoint_id <= newest.checkpoint_id)
        {
            return refuse(format!(
                "checkpoint {checkpoint_id} at LSN {lsn} would not be newer than checkpoint {} at LSN {}",
                newest.checkpoint_id, newest.lsn
            ));
        }
        let key = encode_checkpoint_key(&key);
        self.checkpoints()?.insert(key.clone());
        self.set(Set::Checkpoints, key, Some(text.as_bytes().to_vec()))?;
        self.follow_checkpoints()
    }

    fn remove_completion(&mut self, lsn: Lsn) -> Outcome<()> {
        let keys = self.checkpoints()?;
        let found: Vec<Vec<u8>> =
            keys.iter().filter(|key| key.starts_with(&lsn.get().to_be_bytes())).cloned().collect();
        let [key] = &found[..] else {
            return refuse(format!("{} completion records at LSN {lsn}, not one", found.len()));
        };
        let was_newest = keys.last() == Some(key);
        keys.remove(key);
        self.set(Set::Checkpoints, key.clone(), None)?;
        // An older record says nothing of where the engine stands.
        if was_newest { self.follow_checkpoints() } else { Ok(()) }
    }

    /// Make the counters of checkpoints agree with the newest completion record.
    ///
    /// The engine stands on the last completion record and counts on from its id. So the last completed
    /// checkpoint is that of the newest record, which after one was taken out is the record before it; a
    /// greater number would name a checkpoint that is not there any more. And a leader begins the next
    /// checkpoint as soon as one is complete: N + 1 is begun wherever N was completed last, also in a
    /// store that was closed and opened again by another leader, which begins N + 1 once more. That is
    /// the one state the engine is known to start from, so it is the one written. A store where no
    /// checkpoint was begun (0, or no such record) keeps that.
    fn follow_checkpoints(&mut self) -> Outcome<()> {
        let id = self.newest_checkpoint()?.map_or(0, |newest| newest.checkpoint_id);
        self.set_global(COMPLETED, id)?;
        let begun = self.get(Set::Globals, &STARTED.to_ne_bytes())?;
        if begun.is_some_and(|value| value.iter().any(|byte| *byte != 0)) {
            self.set_global(STARTED, id.saturating_add(1))?;
        }
        Ok(())
    }

    fn changes(self) -> Vec<Change> {
        let mut touched: Vec<_> = self.records.into_iter().filter(|(_, t)| t.before != t.after).collect();
        touched.sort_by_key(|(_, t)| t.order);
        let change = |((set, key), t): ((Set, Vec<u8>), Touched)| Change {
            file: DATA.into(),
            set: set.name().into(),
            before: t.before.map(|value| fields(&key, value)),
            after: t.after.map(|value| fields(&key, value)),
        };
        touched.into_iter().map(change).collect()
    }
}
