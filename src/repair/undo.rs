//! Taking a repair back: what its journal says, in the store that the journal is of.

use super::RepairError;
use super::apply::{Mended, noted, told};
use super::hand::{Hand, page_log};
use super::journal::{self, Header, Journal, Mark};
use super::pagelog;
use crate::audit::Progress;
use crate::id::Lsn;
use crate::scratch::{self, Step};
use crate::store::StoreKind;
use crate::store::edit::{Side, State};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What an undo came to.
#[derive(Debug)]
pub struct Undone {
    pub directory: PathBuf,
    /// Changes that were taken back, of so many.
    pub changes: (u64, u64),
    /// What had been done, in words.
    pub actions: Vec<String>,
    /// Of files, not of records.
    pub files: bool,
    /// Why the store as a whole is not as it was, although the changes are taken back.
    pub differs: Option<String>,
}

/// A store that a journal fits, held.
struct Found {
    directory: PathBuf,
    hand: Hand,
    /// Changes that are there.
    done: u64,
}

/// Undo what a journal says.
pub fn undo(path: &Path, directory: Option<&Path>, progress: &dyn Progress) -> Result<Undone, RepairError> {
    let refuse = |why: String| Err(RepairError::Refused(why));
    let Some(journal) = journal::read(path)? else { return unfinished(path, directory) };
    progress.phase("comparing with the journal", Some(journal.steps.len() as u64));
    let Found { directory, mut hand, done } = match directory {
        Some(dir) => fits(dir, &journal, progress)?,
        None => find(path, &journal, progress)?,
    };
    let store = Mended { target: &directory, is_log: journal.header.kind != StoreKind::Local, jobs: 1, progress };
    if done == 0 && !hand.begun(&journal.steps)? {
        return refuse(format!("{} is as it was before the repair: nothing to undo", directory.display()));
    }
    journal::mark(path, Mark::Undoing)?;
    let step =
        Step::begin("the undo is being written and is finished first. If it is killed, run the same undo again", None);
    let written = hand
        .carry_out(&journal.steps, Side::Before)
        .and_then(|()| hand.again())
        .and_then(|()| hand.states(&journal.steps));
    let failure = match written {
        Err(e) => Some(e),
        Ok(states) if states.iter().any(|s| *s != State::Before) => {
            Some(RepairError::Refused("not everything was undone; run undo again".into()))
        }
        Ok(_) => hand.again().err(),
    };
    if let Some(e) = failure {
        return Err(told(Some(step), e));
    }
    let marked = noted(journal::mark(path, Mark::Undone), "every change is undone");
    let note = step.end("the undo was finished: every change is undone");
    marked?;
    let differs = store.differs(&journal.header.fingerprint);
    drop(note);
    let files = !store.is_log;
    let changes = (done, journal.steps.len() as u64);
    Ok(Undone { directory, changes, actions: journal.header.actions, files, differs })
}

/// A journal without its end was not finished before the first change; or it lost its end since.
fn unfinished(path: &Path, directory: Option<&Path>) -> Result<Undone, RepairError> {
    let never = || format!("{}: was never completed, so nothing was changed: nothing to undo", path.display());
    let Some(journal) = journal::beginning(path)? else { return Err(RepairError::Refused(never())) };
    let around = std::fs::canonicalize(scratch::directory_of(path)).unwrap_or_default();
    let dir = match directory {
        Some(dir) => dir.to_path_buf(),
        None if page_log(&around).is_ok() => around,
        None => PathBuf::from(&journal.header.directory),
    };
    let stands = !journal.steps.is_empty()
        && Hand::take(&dir).and_then(|mut hand| hand.states(&journal.steps)).is_ok_and(|s| s.contains(&State::After));
    Err(RepairError::Refused(match stands {
        false => never(),
        true => format!(
            "{}: is truncated, and changes that it describes are in the store: it cannot undo all of them. Continue \
             from a copy",
            path.display()
        ),
    }))
}

/// The store that a journal is of: the directory around it, if that is a store, whatever the journal says; else the one
/// that it names.
fn find(path: &Path, journal: &Journal, progress: &dyn Progress) -> Result<Found, RepairError> {
    let named = PathBuf::from(&journal.header.directory);
    let around = std::fs::canonicalize(scratch::directory_of(path)).unwrap_or_default();
    let by_name = |e: RepairError| match e {
        RepairError::Refused(why) => RepairError::Refused(format!(
            "{why}. This is the directory that contains the journal; name another with --dir"
        )),
        other => other,
    };
    if around == named || page_log(&around).is_ok() {
        return fits(&around, journal, progress).map_err(by_name);
    }
    // A journal may name any directory: as root it is believed only from who could change that one anyway.
    let owner = |path: &Path| std::fs::metadata(path).map(|m| m.uid());
    if let (true, Ok(writer), Ok(owner)) = (rustix::process::geteuid().is_root(), owner(path), owner(&named))
        && writer != 0
        && writer != owner
    {
        return Err(RepairError::Refused(format!(
            "the journal and the directory that it names, {}, belong to different users: give --dir if that is right",
            named.display()
        )));
    }
    fits(&named, journal, progress).map_err(|e| match e {
        RepairError::Subject(e) => RepairError::Refused(format!("{e}; name the directory with --dir")),
        other => other,
    })
}

/// Lock a store, and see that every change of a journal is there or not, nothing else in its place, and the store as
/// a whole what the repair left.
fn fits(directory: &Path, journal: &Journal, progress: &dyn Progress) -> Result<Found, RepairError> {
    let refuse = |why: String| Err(RepairError::Refused(why));
    let kind = page_log(directory)?.map_or(StoreKind::Local, |l| l.kind);
    if kind != journal.header.kind {
        return refuse(format!("the journal is for {}, but this is {}", journal.header.kind.words(), kind.words()));
    }
    let mut hand = Hand::take(directory)?;
    if kind != StoreKind::Local {
        moved_on(directory, &journal.header)?;
    }
    let states = hand.states(&journal.steps)?;
    if let Some(State::Other(why)) = states.iter().find(|s| matches!(s, State::Other(_))) {
        return refuse(format!("the store has changed since the repair: {why}; nothing was changed"));
    }
    hand.check(&journal.steps)?;
    let done = states.iter().filter(|s| **s == State::After).count() as u64;
    // Not as the repair left it, and no undo was begun: someone else was here, where no record of ours tells.
    let begun = journal.marks.contains(&Mark::Undoing);
    let store = Mended { target: directory, is_log: kind != StoreKind::Local, jobs: 1, progress };
    if let Some(left) = journal.left.as_ref().filter(|_| done > 0 && !begun)
        && let Some(why) = store.differs(left)
    {
        return refuse(format!("the store has changed since the repair: {why}; nothing was changed"));
    }
    Ok(Found { directory: directory.to_path_buf(), hand, done })
}

/// LSNs that neither the old state nor the repair gave out.
fn moved_on(dir: &Path, header: &Header) -> Result<(), RepairError> {
    let (counter, newest) = pagelog::position(dir, true)?;
    let outside = |pair: Option<(Lsn, Lsn)>, now: Option<Lsn>| match (pair, now) {
        (Some((a, b)), Some(now)) => now != a && now != b,
        (pair, now) => pair.is_some() != now.is_some(),
    };
    if outside(header.lsn_counter, counter) || outside(header.newest_completion, newest) {
        let words = |lsn: Option<Lsn>| lsn.map_or("none".to_string(), |l| l.to_string());
        return Err(RepairError::Refused(format!(
            "the store has changed since the repair: its newest completion record is at LSN {}, its counter at {}; \
             nothing was changed",
            words(newest),
            words(counter),
        )));
    }
    Ok(())
}
