//! What changes a store, step by step: the records of a page log or the files of a home, behind one set of verbs.
//! Who has a hand holds the store: it is locked before it is looked at, until the hand is dropped.

use super::RepairError;
use super::journal::Steps;
use crate::below::{AsOwner, Below, Odd};
use crate::home::edit;
use crate::store::edit::{Change, Edit, Ledger, Side, State};
use crate::store::gathered::Gathered;
use crate::store::hold::{Hold, refused};
use crate::store::open::KV_HOME;
use crate::store::palite::PaliteLedger;
use crate::store::palm;
use crate::store::{Located, StoreError, StoreKind};
use crate::subject::Subject;
use crate::words::text::shell;
use std::path::Path;

/// The engine's own lock.
const ENGINE_LOCK: &str = "WiredTiger.lock";

/// A store opened for changes, and held.
pub(super) struct Hand {
    ledger: Kind,
    /// The directory of a page log.
    kv_home: Option<Below>,
    /// The engine's lock where it lies beside the page log's directory. Held for its lock.
    _engine: Option<Hold>,
    // Dropped last.
    hold: Hold,
}

impl Drop for Hand {
    fn drop(&mut self) {
        // A database that is closed may be written once more.
        let _owner = self.owner();
        self.ledger = Kind::Home;
    }
}

enum Kind {
    Log(Box<dyn Ledger>),
    /// A home of local block files.
    Home,
}

/// The page log in a directory; `None` for a home of local block files.
pub(super) fn page_log(dir: &Path) -> Result<Option<Located>, RepairError> {
    Ok(Subject::open(dir).store()?.cloned())
}

/// Dumps are not the page log: what is written into them mends nothing.
pub(super) fn not_gathered(dir: &Path) -> Result<(), RepairError> {
    let gathered = page_log(dir)?.map(|l| Gathered::read(&l.kv_home)).transpose()?.flatten();
    match gathered {
        None => Ok(()),
        Some(_) => Err(RepairError::Refused(format!(
            "{} was gathered from dumps of a page service, and only the service's leader can repair the original; the plan has the commands",
            dir.display()
        ))),
    }
}

/// Refuse what this build has no writer for.
pub(super) fn writable(dir: &Path) -> Result<(), RepairError> {
    let palm = page_log(dir)?.filter(|l| l.kind == StoreKind::Palm);
    Ok(palm.map_or(Ok(()), |l| palm::writable(&l.kv_home))?)
}

/// Refuse a page log that lies elsewhere: it belongs to another directory, and may be in use there.
pub(super) fn at_home(dir: &Path) -> Result<(), RepairError> {
    let Some(located) = page_log(dir)?.filter(|l| l.kv_home != dir) else { return Ok(()) };
    match Below::open(dir).and_then(|below| below.directory(Path::new(KV_HOME))) {
        Ok(_) => Ok(()),
        Err(e) => Err(match odd(&e) {
            Some(Odd::Link | Odd::NoDirectory) => {
                let there = std::fs::canonicalize(&located.kv_home).unwrap_or(located.kv_home);
                RepairError::Refused(format!(
                    "{} points to {}; repair that instead: wtcheck repair plan {}",
                    dir.join(KV_HOME).display(),
                    there.display(),
                    shell(&there)
                ))
            }
            _ => StoreError::io(&dir.join(KV_HOME), &e).into(),
        }),
    }
}

fn odd(e: &std::io::Error) -> Option<Odd> {
    e.get_ref().and_then(|inner| inner.downcast_ref::<Odd>()).copied()
}

impl Hand {
    /// Lock the store in a directory, and open it.
    pub(super) fn take(dir: &Path) -> Result<Self, RepairError> {
        Self::of(dir, Below::open(dir).map_err(|e| StoreError::io(dir, &e))?)
    }

    /// As [`Self::take`], in a directory that is open already.
    pub(super) fn of(dir: &Path, below: Below) -> Result<Self, RepairError> {
        let located = page_log(dir)?;
        at_home(dir)?;
        let open = |path: &Path| Below::open(path).map_err(|e| StoreError::io(path, &e));
        let owner = below.stat().map_err(|e| StoreError::io(dir, &e))?;
        let mut hold = Hold::new(below);
        let Some(located) = located else {
            // A copy that was restored has no lock file yet, and an engine that comes now would make one.
            hold.lock_or_make(Path::new(ENGINE_LOCK), &owner)?;
            return Ok(Self { ledger: Kind::Home, kv_home: None, _engine: None, hold });
        };
        hold.lock(Path::new(ENGINE_LOCK))?;
        let (kv_home, engine) = if located.kv_home == dir {
            // The engine's lock lies in the home around it.
            let above = located.home.filter(|h| h != dir).filter(|_| dir.ends_with(KV_HOME));
            let around = above.map(|h| open(&h).map(Hold::new)).transpose()?;
            let locked = around.map(|mut h| h.lock(Path::new(ENGINE_LOCK)).map(|_| h)).transpose()?;
            (hold.dir().again().map_err(|e| StoreError::io(dir, &e))?, locked)
        } else {
            let kv_home = Path::new(KV_HOME);
            (hold.dir().directory(kv_home).map_err(|e| refused(hold.dir(), kv_home, &e))?, None)
        };
        let again = || kv_home.again().map_err(|e| StoreError::io(kv_home.path(), &e));
        let owner = AsOwner::of(&kv_home);
        let ledger: Box<dyn Ledger> = match located.kind {
            StoreKind::Palm => palm::ledger(again()?)?,
            StoreKind::Palite | StoreKind::Local => Box::new(PaliteLedger::at(again()?)?),
        };
        drop(owner);
        Ok(Self { ledger: Kind::Log(ledger), kv_home: Some(kv_home), _engine: engine, hold })
    }

    /// The directory, by its handle.
    pub(super) fn dir(&self) -> &Below {
        self.hold.dir()
    }

    /// Libraries open what lies in a page log by its path.
    fn owner(&self) -> Option<AsOwner> {
        self.kv_home.as_ref().map(AsOwner::of)
    }

    /// The records that edits of a page log come down to; `None` for a home.
    pub(super) fn translate(&mut self, edits: &[Edit]) -> Option<Result<Vec<Change>, RepairError>> {
        let _owner = self.owner();
        match &mut self.ledger {
            Kind::Log(ledger) => Some(ledger.translate(edits).map_err(RepairError::from)),
            Kind::Home => None,
        }
    }

    /// Read from the files what comes next: by a reader that has not seen them yet.
    pub(super) fn again(&mut self) -> Result<(), RepairError> {
        let _owner = self.owner();
        match &mut self.ledger {
            Kind::Log(ledger) => Ok(ledger.again()?),
            Kind::Home => Ok(()),
        }
    }

    /// That nothing the steps touch leads out of the directory.
    pub(super) fn check(&self, steps: &Steps) -> Result<(), RepairError> {
        match steps {
            // A ledger looks at each database when it opens it.
            Steps::Records(_) => Ok(()),
            Steps::Files(list) => Ok(list.iter().try_for_each(|c| edit::check(self.hold.dir(), c))?),
        }
    }

    /// Which side of each step the store is on.
    pub(super) fn states(&mut self, steps: &Steps) -> Result<Vec<State>, RepairError> {
        let _owner = self.owner();
        match (&mut self.ledger, steps) {
            (Kind::Log(ledger), Steps::Records(list)) => list.iter().map(|c| Ok(ledger.state(c)?)).collect(),
            (Kind::Home, Steps::Files(_)) => states_of_files(self.hold.dir(), steps),
            _ => other_kind(),
        }
    }

    /// Something was begun that counts as not done, and that going back takes away.
    pub(super) fn begun(&mut self, steps: &Steps) -> Result<bool, RepairError> {
        match (&self.ledger, steps) {
            // A transaction is there or not.
            (Kind::Log(_), Steps::Records(_)) => Ok(false),
            (Kind::Home, Steps::Files(list)) => Ok(edit::begun(self.hold.dir(), list)?),
            _ => other_kind(),
        }
    }

    /// Bring steps to a side; durable on return.
    pub(super) fn carry_out(&mut self, steps: &Steps, to: Side) -> Result<(), RepairError> {
        let _owner = self.owner();
        match (&mut self.ledger, steps) {
            (Kind::Log(ledger), Steps::Records(list)) => Ok(ledger.carry_out(list, to)?),
            (Kind::Home, Steps::Files(list)) => Ok(edit::carry_out(self.hold.dir(), list, to)?),
            _ => other_kind(),
        }
    }

    /// Take back what this process has just done, whatever it looks like now.
    pub(super) fn take_back(&mut self, steps: &Steps) -> Result<(), RepairError> {
        let _owner = self.owner();
        match (&mut self.ledger, steps) {
            (Kind::Log(ledger), Steps::Records(list)) => Ok(ledger.take_back(list)?),
            (Kind::Home, Steps::Files(list)) => Ok(edit::take_back(self.hold.dir(), list)?),
            _ => other_kind(),
        }
    }
}

/// Which side of each step a home is on; nothing is opened to be written.
pub(super) fn states_of_files(dir: &Below, steps: &Steps) -> Result<Vec<State>, RepairError> {
    match steps {
        Steps::Files(list) => list.iter().map(|c| Ok(edit::state(dir, c)?)).collect(),
        Steps::Records(_) => other_kind(),
    }
}

fn other_kind<T>() -> Result<T, RepairError> {
    Err(RepairError::Refused("the journal is for another kind of store".into()))
}
