//! Which version of a value counts: the rules of a rollback to stable, and of a reader at a timestamp or at
//! a named checkpoint. Pure decisions on time windows; nothing is read here.

use crate::format::modify;
use crate::page::cell::{TS_MAX, TXN_MAX, Times, Truncate};
use crate::page::history::Update;

/// The transactions that had ended when a checkpoint was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Ids below this had ended.
    pub min: u64,
    /// Ids from this on had not begun.
    pub max: u64,
    /// Ids between that were running.
    pub running: Vec<u64>,
}

impl Snapshot {
    /// Whether a transaction is part of it. A snapshot of zeros lets everything be.
    pub fn sees(&self, id: u64, release: Release) -> bool {
        if self.min == 0 && self.max == 0 {
            return true;
        }
        let begun = match release {
            Release::Ten => id <= self.max,
            Release::Eleven => id < self.max,
        };
        begun && (id < self.min || !self.running.contains(&id))
    }
}

/// Whose rules hold: they changed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 10.0.
    Ten,
    /// 11 and later.
    Eleven,
}

/// Where in time to stand in one file.
#[derive(Debug, Clone)]
pub struct Standpoint {
    pub how: How,
    pub release: Release,
    /// Newer than this is not stable; [`TS_MAX`] where no stable timestamp was set.
    pub stable: u64,
    /// Older versions than this may be dropped.
    pub oldest: u64,
    pub snapshot: Snapshot,
    /// Ids on pages up to this write generation are of an earlier run and mean nothing.
    pub old_pages: u64,
}

/// What is done with versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The newest version that was committed.
    Newest,
    /// What is not stable is rolled back.
    RollBack,
    /// A reader at this timestamp.
    At(u64),
}

/// What a value cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Its value.
    Value,
    Nothing,
    /// What the history store has.
    Older,
}

impl Standpoint {
    /// Every cell as it is.
    pub fn newest() -> Self {
        Self {
            how: How::Newest,
            release: Release::Eleven,
            stable: TS_MAX,
            oldest: 0,
            snapshot: Snapshot::default(),
            old_pages: u64::MAX,
        }
    }

    /// Times as they count on a page of this write generation.
    pub fn times(&self, times: &Times, write_gen: u64) -> Times {
        let mut out = *times;
        if write_gen <= self.old_pages {
            out.start_txn = 0;
            if out.stop_txn != TXN_MAX {
                out.stop_txn = 0;
                // A delete without timestamp stays a delete.
                if out.stop_ts == TS_MAX {
                    out.stop_ts = 0;
                }
            }
        }
        out
    }

    fn sees(&self, id: u64) -> bool {
        self.snapshot.sees(id, self.release)
    }

    /// A transaction, by its id and durable timestamp, is not part of the stable state.
    fn undone(&self, durable: u64, id: u64) -> bool {
        match self.release {
            // An id decides only where there is no timestamp.
            Release::Ten => durable > self.stable || (durable == 0 && !self.sees(id)),
            Release::Eleven => durable > self.stable || !self.sees(id),
        }
    }

    /// What a value cell shows, its times put right by [`Self::times`].
    pub fn shows(&self, t: &Times) -> Shown {
        let stopped = t.is_stopped();
        match self.how {
            How::Newest if t.prepared && !stopped => Shown::Older,
            How::Newest if t.prepared && same_transaction(t) => Shown::Older,
            How::Newest if stopped && !t.prepared => Shown::Nothing,
            How::Newest => Shown::Value,
            How::RollBack => {
                if self.undone(t.durable_start_ts, t.start_txn) || (t.prepared && !stopped) {
                    return Shown::Older;
                }
                if stopped && (self.undone(t.durable_stop_ts, t.stop_txn) || t.prepared) {
                    return match self.release == Release::Eleven && same_transaction(t) {
                        true => Shown::Older,
                        false => Shown::Value,
                    };
                }
                if stopped { Shown::Nothing } else { Shown::Value }
            }
            How::At(at) => {
                let there = |ts: u64, durable: u64, id: u64| {
                    ts <= at && !(durable > self.stable && durable != TS_MAX) && self.sees(id)
                };
                if !there(t.start_ts, t.durable_start_ts, t.start_txn)
                    || (t.prepared && (!stopped || same_transaction(t)))
                {
                    return Shown::Older;
                }
                let gone = stopped && !t.prepared && {
                    let ts = if t.stop_ts == TS_MAX { 0 } else { t.stop_ts };
                    there(ts, t.durable_stop_ts, t.stop_txn)
                };
                if gone { Shown::Nothing } else { Shown::Value }
            }
        }
    }

    /// Whether the rows below a child that a truncate deleted are gone.
    pub fn truncated(&self, truncate: Option<Truncate>, write_gen: u64) -> bool {
        let Some(t) = truncate else { return true };
        let id = if write_gen <= self.old_pages { 0 } else { t.txn };
        match self.how {
            How::Newest => true,
            How::RollBack => self.sees(id) && t.durable_ts <= self.stable,
            How::At(at) => self.sees(id) && t.durable_ts <= self.stable && t.commit_ts <= at,
        }
    }

    /// Whether a rollback of 10.0 looks at what lies below an address cell; later ones give the same rows either way.
    pub fn visits(&self, t: &Times, write_gen: u64) -> bool {
        if self.release == Release::Eleven || self.how != How::RollBack {
            return true;
        }
        let durable = t.durable_start_ts.max(t.durable_stop_ts);
        let newest = if write_gen <= self.old_pages { 0 } else { t.start_txn };
        durable > self.stable || t.prepared || (durable == 0 && newest >= self.snapshot.min)
    }
}

fn same_transaction(t: &Times) -> bool {
    t.start_ts == t.stop_ts && t.durable_start_ts == t.durable_stop_ts && t.start_txn == t.stop_txn
}

/// A record of the history store about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Of the record's key.
    pub start_ts: u64,
    pub counter: u64,
    /// First and second field of its value.
    pub stop_ts: u64,
    pub durable_ts: u64,
    pub update: Update,
    pub value: Vec<u8>,
    /// Its cell's window, put right for the run that wrote it.
    pub cell: Times,
}

/// Why a version could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmade {
    /// A change does not fit the version that it is made to.
    Change,
}

/// The value that counts where the cell's does not. `versions` ascend by start and counter; `text`: values are
/// NUL-terminated strings.
pub fn older(
    point: &Standpoint,
    cell: &Times,
    value: &[u8],
    versions: &[Version],
    text: bool,
) -> Result<Option<Vec<u8>>, Unmade> {
    match point.how {
        How::RollBack => restore(point, cell, value, versions, text),
        How::Newest => read(point, u64::MAX, value, versions, text),
        How::At(at) => read(point, at, value, versions, text),
    }
}

fn modified(value: &[u8], version: &Version, text: bool) -> Result<Option<Vec<u8>>, Unmade> {
    Ok(match version.update {
        Update::Standard => Some(version.value.clone()),
        Update::Modify => Some(modify::apply(value, &version.value, text).map_err(|_| Unmade::Change)?),
        Update::Tombstone => None,
    })
}

/// As a rollback does: from the newest record down, each made to the one before.
fn restore(
    point: &Standpoint,
    cell: &Times,
    value: &[u8],
    versions: &[Version],
    text: bool,
) -> Result<Option<Vec<u8>>, Unmade> {
    let ten = point.release == Release::Ten;
    let mut found = Some(value.to_vec());
    let mut newer_durable = cell.durable_start_ts;
    for v in versions.iter().rev() {
        let stop_seen = point.sees(v.cell.stop_txn);
        // Without a snapshot "never" would be seen, too: but what a prepared version replaced has no stop, and is not
        // obsolete.
        let ended = v.cell.is_stopped();
        if !ten && stop_seen && ended && v.cell.durable_stop_ts <= point.oldest {
            continue;
        }
        let start = if ten { v.start_ts } else { v.cell.start_ts };
        if start <= cell.start_ts || cell.prepared {
            found = modified(found.as_deref().unwrap_or_default(), v, text)?;
        }
        let stable = match ten {
            true => v.durable_ts <= point.stable && (v.durable_ts > 0 || point.sees(v.cell.start_txn)),
            false => point.sees(v.cell.start_txn) && v.cell.durable_start_ts <= point.stable,
        };
        if stable {
            let deleted = match ten {
                true => v.stop_ts <= point.stable && v.stop_ts < newer_durable,
                false => stop_seen && ended && v.cell.durable_stop_ts <= point.stable,
            };
            return Ok(found.filter(|_| !deleted));
        }
        newer_durable = v.durable_ts;
    }
    Ok(None)
}

/// As a reader does: the newest version that began by `at`, completed from the newer ones.
fn read(
    point: &Standpoint,
    at: u64,
    value: &[u8],
    versions: &[Version],
    text: bool,
) -> Result<Option<Vec<u8>>, Unmade> {
    let begun = |v: &Version| v.start_ts <= at && (v.durable_ts <= point.stable) && point.sees(v.cell.start_txn);
    let Some(wanted) = versions.iter().rposition(begun) else { return Ok(None) };
    let Some(v) = versions.get(wanted) else { return Ok(None) };
    if v.stop_ts <= at && v.stop_ts != TS_MAX {
        return Ok(None);
    }
    let chain = versions.get(wanted..).unwrap_or_default();
    let full = chain.iter().position(|v| v.update != Update::Modify);
    let mut found = match full {
        Some(_) => Vec::new(),
        None => value.to_vec(),
    };
    let from = full.map_or(chain.len(), |n| n.saturating_add(1));
    for v in chain.get(..from).unwrap_or_default().iter().rev() {
        match modified(&found, v, text)? {
            Some(value) => found = value,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}
