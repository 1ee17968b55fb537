//! What changes a store, step by step: the records of a page log or the files of a home, behind one
//! set of verbs.

use super::RepairError;
use super::journal::Steps;
use crate::home::edit;
use crate::store::edit::{Ledger, Side, State};
use crate::store::palite::PaliteLedger;
use crate::store::palm::PalmLedger;
use crate::store::{Located, StoreKind};
use crate::subject::Subject;
use std::path::{Path, PathBuf};

/// A store opened for changes.
pub(super) enum Hand {
    Log(Box<dyn Ledger>),
    /// A home of local block files.
    Home(PathBuf),
}

/// The page log in a directory; `None` for a home of local block files.
pub(super) fn page_log(dir: &Path) -> Result<Option<Located>, RepairError> {
    Ok(Subject::open(dir).store()?.cloned())
}

impl Hand {
    /// Of the store in a directory.
    pub(super) fn open(dir: &Path) -> Result<Self, RepairError> {
        let Some(located) = page_log(dir)? else { return Ok(Self::Home(dir.to_path_buf())) };
        Ok(Self::Log(match located.kind {
            StoreKind::Palm => Box::new(PalmLedger::open(&located.kv_home)?),
            StoreKind::Palite | StoreKind::Local => Box::new(PaliteLedger::open(&located.kv_home)?),
        }))
    }

    /// Which side of each step the store is on.
    pub(super) fn states(&mut self, steps: &Steps) -> Result<Vec<State>, RepairError> {
        match (self, steps) {
            (Self::Log(ledger), Steps::Records(list)) => list.iter().map(|c| Ok(ledger.state(c)?)).collect(),
            (Self::Home(dir), Steps::Files(list)) => list.iter().map(|c| Ok(edit::state(dir, c)?)).collect(),
            _ => other_kind(),
        }
    }

    /// Something was begun that counts as not done, and that going back takes away.
    pub(super) fn begun(&mut self, steps: &Steps) -> Result<bool, RepairError> {
        match (self, steps) {
            // A transaction is there or not.
            (Self::Log(_), Steps::Records(_)) => Ok(false),
            (Self::Home(dir), Steps::Files(list)) => Ok(edit::begun(dir, list)?),
            _ => other_kind(),
        }
    }

    /// Bring steps to a side; durable on return.
    pub(super) fn carry_out(&mut self, steps: &Steps, to: Side) -> Result<(), RepairError> {
        match (self, steps) {
            (Self::Log(ledger), Steps::Records(list)) => Ok(ledger.carry_out(list, to)?),
            (Self::Home(dir), Steps::Files(list)) => Ok(edit::carry_out(dir, list, to)?),
            _ => other_kind(),
        }
    }

    /// Take back what this process has just done, whatever it looks like now.
    pub(super) fn take_back(&mut self, steps: &Steps) -> Result<(), RepairError> {
        match (self, steps) {
            (Self::Log(ledger), Steps::Records(list)) => Ok(ledger.take_back(list)?),
            (Self::Home(dir), Steps::Files(list)) => Ok(edit::take_back(dir, list)?),
            _ => other_kind(),
        }
    }
}

fn other_kind<T>() -> Result<T, RepairError> {
    Err(RepairError::Refused("the journal is of another kind of store".into()))
}
