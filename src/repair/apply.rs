//! Applying a plan to a copy or in place, and undoing it: the same for every kind of store.

use super::hand::{Hand, page_log};
use super::journal::{self, Header, Journal, Mark, Steps};
use super::plan::{PLAN_VERSION, Plan, What};
use super::{Options, RepairError, copy, home, identity, judge, pagelog};
use crate::audit::Progress;
use crate::audit::result::Audit;
use crate::home::edit::FileChange;
use crate::id::Lsn;
use crate::scratch::{self, Held, Step, Unfinished};
use crate::store::StoreKind;
use crate::store::edit::{Edit, Side, State};
use crate::subject::Subject;
use rustix::fs::{Mode, OFlags};
use std::path::{Path, PathBuf};

/// The set of completion records, in both kinds of page log.
const CHECKPOINTS: &str = "checkpoints";

/// Where and how a plan is applied.
pub struct ApplyOptions {
    /// Mend a copy here; in place if `None`.
    pub output: Option<PathBuf>,
    /// The store, if it is not where the plan says.
    pub directory: Option<PathBuf>,
    /// Where the undo journal goes; into the directory that is mended if `None`.
    pub journal: Option<PathBuf>,
    /// As many orphans are allowed although they outnumber the live versions by half.
    pub max_orphans: Option<u64>,
    pub jobs: usize,
    /// Seconds since 1970.
    pub now: u64,
}

/// What an application came to.
#[derive(Debug)]
pub struct Applied {
    /// The directory that was mended.
    pub directory: PathBuf,
    pub journal: PathBuf,
    pub before: Audit,
    pub after: Audit,
    /// Why it was rolled back; `after` is then what led to that.
    pub rolled_back: Option<String>,
}

/// What an undo came to.
#[derive(Debug)]
pub struct Undone {
    pub directory: PathBuf,
    /// Changes that were taken back, of so many.
    pub changes: (u64, u64),
    /// What had been done, in words.
    pub actions: Vec<String>,
}

/// What a plan comes down to, in the store's own terms.
pub(super) enum Work {
    Log(Vec<Edit>),
    /// Of a home of local block files.
    Home(Vec<FileChange>),
}

/// A store that was read and found to be as the plan saw it.
pub(super) struct Prepared {
    pub(super) before: Audit,
    pub(super) work: Work,
    /// LSN counter before and after.
    pub(super) lsn_counter: Option<(Lsn, Lsn)>,
    /// Newest completion record before and after.
    pub(super) newest_completion: Option<(Lsn, Lsn)>,
}

/// Make a plan for the store in a directory. Nothing is changed.
pub fn plan(
    dir: &Path,
    options: &Options<'_>,
    (jobs, now): (usize, u64),
    progress: &dyn Progress,
) -> Result<(Plan, Audit), RepairError> {
    live_check(dir)?;
    interrupted(dir)?;
    match page_log(dir)? {
        Some(_) => pagelog::plan(dir, options, (jobs, now), progress),
        None => home::plan(dir, options, now, progress),
    }
}

/// Nobody else may hold the store.
fn live_check(dir: &Path) -> Result<(), RepairError> {
    let subject = Subject::open(dir);
    subject.store()?;
    Ok(subject.check_live()?)
}

/// Guards that need nothing but the plan.
pub(super) fn guards(plan: &Plan, max_orphans: Option<u64>) -> Result<(), RepairError> {
    let refuse = |why: String| Err(RepairError::Refused(why));
    if plan.plan_version != PLAN_VERSION {
        let version = plan.plan_version;
        return refuse(format!("the plan has version {version}; this wtcheck knows version {PLAN_VERSION}"));
    }
    if plan.actions.is_empty() {
        return Ok(());
    }
    if plan.seen.live_pages == 0 {
        return refuse("the plan saw no live page: whatever it calls an orphan may be all there is".into());
    }
    let gone: u64 = plan
        .actions
        .iter()
        .map(|a| match &a.what {
            What::Discard { lsns, .. } | What::Withdraw { lsns, .. } => lsns.len() as u64,
            _ => 0,
        })
        .sum();
    let allowed = max_orphans.or(plan.max_orphans).unwrap_or(0);
    if gone > plan.seen.live_versions / 2 && gone > allowed {
        return refuse(format!(
            "{gone} orphans, more than half of the {} live versions: look again, and if it is right, allow it with \
             --max-orphans {gone}",
            plan.seen.live_versions
        ));
    }
    Ok(())
}

/// A repair that was killed half way must be finished with before anything else. Looks, and opens
/// nothing for writing: this comes before every plan, too.
fn interrupted(dir: &Path) -> Result<(), RepairError> {
    for path in journal::list(dir) {
        let Ok(Some(journal)) = journal::read(&path) else { continue };
        if journal.marks.is_empty() && is_half_done(dir, &journal)? {
            return Err(RepairError::Refused(format!(
                "a repair was interrupted here; take it back first: wtcheck repair undo {}",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Begun, and not past the commit point.
fn is_half_done(dir: &Path, journal: &Journal) -> Result<bool, RepairError> {
    if journal.header.kind == StoreKind::Local {
        // Of a home nothing is opened before it is changed.
        let states = Hand::Home(dir.to_path_buf()).states(&journal.steps)?;
        return Ok(states.contains(&State::After) && states.contains(&State::Before));
    }
    // The counter moves first, the completion record makes it a checkpoint.
    let (counter, newest) = pagelog::position(dir)?;
    let at = |pair: Option<(Lsn, Lsn)>, now: Option<Lsn>, which: fn((Lsn, Lsn)) -> Lsn| {
        pair.is_some_and(|p| p.0 != p.1 && now == Some(which(p)))
    };
    Ok(at(journal.header.lsn_counter, counter, |p| p.1) && at(journal.header.newest_completion, newest, |p| p.0))
}

pub fn apply(plan: &Plan, options: &ApplyOptions, progress: &dyn Progress) -> Result<Applied, RepairError> {
    guards(plan, options.max_orphans)?;
    if plan.actions.is_empty() {
        return Err(RepairError::Refused("the plan has no action: nothing to do".into()));
    }
    let source = options.directory.clone().unwrap_or_else(|| PathBuf::from(&plan.store.directory));
    live_check(&source)?;
    interrupted(&source)?;
    let prepared = match page_log(&source)? {
        Some(_) => pagelog::prepare(&source, plan, (options.jobs, options.now), progress)?,
        None => home::prepare(&source, plan, options.now, progress)?,
    };
    let partial = options.output.as_deref().map(|o| partial_name(&source, o)).transpose()?;
    let target = partial.clone().unwrap_or_else(|| source.clone());
    // Removed, unless it is finished: whether the repair fails or is interrupted.
    let mut unfinished = partial.as_deref().map(|partial| hold_copy(&source, partial)).transpose()?;
    let copied = match &partial {
        Some(partial) => copy::directory(&source, partial, progress),
        None => Ok(()),
    };
    let done = copied.and_then(|()| mend(plan, options, prepared, (&source, &target), progress));
    let mut applied = match done {
        Ok(applied) => applied,
        Err(e) => {
            // A copy that came to nothing is of no use to anyone; the source was not touched.
            return Err(match e {
                e if partial.is_none() => e,
                RepairError::HalfDone(_) => RepairError::Refused(
                    "the copy could not be mended, nor taken back, and was removed; the source was not touched. \
                     Suspect the medium it was on"
                        .into(),
                ),
                other => other,
            });
        }
    };
    if let (Some(partial), Some(output)) = (&partial, &options.output) {
        if applied.rolled_back.is_none() {
            let fail =
                |e: std::io::Error| RepairError::Io { path: output.display().to_string(), reason: e.to_string() };
            // An empty directory made beforehand gives way to the finished copy.
            std::fs::rename(partial, output).map_err(fail)?;
            unfinished.iter_mut().for_each(|u| u.keep());
            let parent = scratch::directory_of(output);
            journal::sync_directory(parent).map_err(fail)?;
        }
        if let Ok(inside) = applied.journal.strip_prefix(partial) {
            applied.journal = output.join(inside);
        }
        applied.directory.clone_from(output);
    }
    Ok(applied)
}

/// List the copy as what is removed when the process is interrupted.
fn hold_copy(source: &Path, partial: &Path) -> Result<Held<Unfinished>, RepairError> {
    let words = format!("the unfinished copy was removed; {} is as it was", source.display());
    Unfinished::hold(partial, words)
        .map_err(|e| RepairError::Io { path: partial.display().to_string(), reason: e.to_string() })
}

/// The name a copy has until it is finished.
fn partial_name(source: &Path, output: &Path) -> Result<PathBuf, RepairError> {
    let refuse = |why: &str| Err(RepairError::Refused(format!("{}: {why}", output.display())));
    let full = |path: &Path| std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    if let (Ok(source), Ok(output)) = (full(source), std::path::absolute(output))
        && output.ancestors().skip(1).any(|above| full(above).is_ok_and(|above| above == source))
    {
        return refuse("lies in the directory that is to be left alone");
    }
    match std::fs::symlink_metadata(output) {
        Ok(meta) if meta.is_dir() => {
            if !std::fs::read_dir(output).is_ok_and(|mut d| d.next().is_none()) {
                return refuse("is there already; name a directory that is not");
            }
        }
        Ok(_) => return refuse("is there already, and is no directory"),
        Err(_) => {}
    }
    let Some(name) = output.file_name() else { return refuse("is no name for a directory") };
    let mut partial = name.to_os_string();
    partial.push(".wtcheck-partial");
    let partial = output.with_file_name(partial);
    if partial.exists() {
        let partial = partial.display();
        return refuse(&format!("{partial} is left over from an interrupted copy; remove it first"));
    }
    Ok(partial)
}

/// Journal, changes, audit; and back if that did not help.
fn mend(
    plan: &Plan,
    options: &ApplyOptions,
    prepared: Prepared,
    (source, target): (&Path, &Path),
    progress: &dyn Progress,
) -> Result<Applied, RepairError> {
    let Prepared { before, work, lsn_counter, newest_completion } = prepared;
    let is_log = matches!(work, Work::Log(_));
    if is_log && source != target {
        pagelog::check_copy(target, &plan.store.fingerprint, progress)?;
    }
    let mut hand = Hand::open(target)?;
    let steps = match (work, &mut hand) {
        (Work::Log(edits), Hand::Log(ledger)) => Steps::Records(ledger.translate(&edits)?),
        (Work::Home(changes), _) => Steps::Files(changes),
        (Work::Log(_), Hand::Home(_)) => return Err(RepairError::Refused("the page log is gone".into())),
    };
    let lock = Lock::take(target)?;
    let directory = options.output.as_deref().unwrap_or(source);
    let header = Header {
        journal_version: journal::JOURNAL_VERSION,
        made_by: super::made_by(),
        made_at: options.now,
        directory: identity::absolute(directory),
        kind: plan.store.kind,
        fingerprint: plan.store.fingerprint.clone(),
        lsn_counter,
        newest_completion,
        actions: plan.actions.iter().map(|a| super::describe(&a.what)).collect(),
    };
    let inside = || journal::path_in(target, &plan.store.fingerprint, options.now);
    let path = options.journal.clone().unwrap_or_else(inside);
    let in_place = source == target;
    let io = |e: std::io::Error| RepairError::Io { path: path.display().to_string(), reason: e.to_string() };
    let nothing = if in_place { "nothing was changed" } else { "" };
    let mut unfinished = Some(Unfinished::hold(&path, nothing).map_err(io)?);
    journal::write(&path, &header, &steps)?;
    progress.phase("writing", None);
    // From here on a copy is removed if it is interrupted, and its journal with it. A directory that is
    // mended in place is brought to the end of the step: that is what the journal is for if it is not.
    let way_back = format!("wtcheck repair undo {}", path.display());
    let written = in_place.then(|| {
        let waiting = format!("the repair is being written, which is finished first. Ended at once: {way_back}");
        Step::begin(waiting, unfinished.take())
    });
    if let Err(e) = hand.carry_out(&steps, Side::After) {
        return Err(told(written, failed(&mut hand, &steps, &path, &e)));
    }
    drop(hand);
    // What was written is read again, by a reader that has not seen it yet.
    let lost = |e: RepairError| {
        RepairError::HalfDone(format!(
            "the repair was written, but the store cannot be read any more: {e}. Undo it: {way_back}"
        ))
    };
    let mut hand = match Hand::open(target) {
        Ok(hand) => hand,
        Err(e) => return Err(told(written, lost(e))),
    };
    let wrong = match hand.states(&steps) {
        Ok(states) => states.into_iter().find(|s| *s != State::After).map(|s| match s {
            State::Other(found) => found,
            _ => "a change is not there".to_string(),
        }),
        Err(e) => Some(e.to_string()),
    };
    if let Some(wrong) = wrong {
        let cause = RepairError::Refused(format!("it does not read back as it was written: {wrong}"));
        return Err(told(written, failed(&mut hand, &steps, &path, &cause)));
    }
    drop(hand);
    let note = written.map(|step| {
        step.end(format!("the repair was written, but not audited again. Audit it, or take it back: {way_back}"))
    });
    let as_given = directory.display().to_string();
    let audit_again = || match is_log {
        true => pagelog::audit_again(target, &as_given, options.jobs, progress),
        false => home::audit_again(target, &as_given, progress),
    };
    let after = match audit_again() {
        Ok(after) => after,
        Err(e) => return Err(failed(&mut Hand::open(target).map_err(lost)?, &steps, &path, &e)),
    };
    let rolled_back = judge::helped(&before, &after, &plan.actions).err();
    if rolled_back.is_some() {
        let mut hand = Hand::open(target).map_err(lost)?;
        let waiting = || format!("the repair did not help and is taken back first. Ended at once: {way_back}");
        let step = in_place.then(|| Step::begin(waiting(), None));
        drop(note);
        if let Err(e) = hand.take_back(&steps) {
            return Err(told(step, failed(&mut hand, &steps, &path, &e)));
        }
        drop(hand);
        journal::mark(&path, Mark::Undone)?;
        let note = step.map(|s| s.end("the repair did not help and was taken back; the store is as it was"));
        // What lies beside our records may have suffered too, where the medium is at fault.
        if let Some(error) = judge::new_error(&before, &audit_again()?) {
            return Err(RepairError::HalfDone(format!(
                "the repair was taken back, but the store has an error it did not have: {error}. Suspect the medium; \
                 go on from a copy"
            )));
        }
        drop(note);
    } else {
        journal::mark(&path, Mark::Applied)?;
    }
    // A journal that was written beside a copy belongs to what is there now.
    unfinished.iter_mut().for_each(|u| u.keep());
    drop(lock);
    Ok(Applied { directory: target.to_path_buf(), journal: path, before, after, rolled_back })
}

/// The end of a step that failed: who interrupts just then is told how.
fn told(step: Option<Step>, e: RepairError) -> RepairError {
    if let Some(step) = step {
        drop(step.end(e.to_string()));
    }
    e
}

/// Writing failed half way: take it back, and say where the store stands.
fn failed(hand: &mut Hand, steps: &Steps, journal: &Path, cause: &RepairError) -> RepairError {
    let Err(second) = hand.take_back(steps) else {
        // The mark is a courtesy; what counts is the store.
        let _ = journal::mark(journal, Mark::Undone);
        return RepairError::Refused(format!(
            "the repair could not be written: {cause}; it was taken back, the store is as it was"
        ));
    };
    let commit = match steps {
        Steps::Records(list) => list.iter().position(|c| c.set == CHECKPOINTS && c.before.is_none()),
        Steps::Files(list) => list.iter().position(|c| matches!(c, FileChange::Replace { .. })),
    };
    let stands = match commit.map(|at| hand.states(steps).map(|states| states.get(at) == Some(&State::After))) {
        Some(Ok(true)) => "the new checkpoint stands, with something left to do",
        Some(Ok(false)) => "the old checkpoint stands",
        Some(Err(_)) => "which checkpoint stands could not be read",
        None => "the checkpoint stands as it did",
    };
    RepairError::HalfDone(format!(
        "the repair could not be written: {cause}; taking it back failed too: {second}; {stands}. \
         When the cause is mended: wtcheck repair undo {}",
        journal.display()
    ))
}

/// Keeps the engine from opening the home meanwhile: its own lock file, if there is one.
struct Lock(#[expect(dead_code, reason = "held for its lock")] Option<rustix::fd::OwnedFd>);

impl Lock {
    fn take(dir: &Path) -> Result<Self, RepairError> {
        live_check(dir)?;
        let home = match page_log(dir)? {
            Some(located) => located.home,
            None => Some(dir.to_path_buf()),
        };
        let Some(path) = home.map(|h| h.join("WiredTiger.lock")).filter(|p| p.is_file()) else {
            return Ok(Self(None));
        };
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let Ok(fd) = rustix::fs::open(&path, flags, Mode::empty()) else { return Ok(Self(None)) };
        match rustix::fs::fcntl_lock(&fd, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(Some(fd))),
            Err(e) => Err(RepairError::Refused(format!("{}: in use: {e}", path.display()))),
        }
    }
}

/// Undo what a journal says.
pub fn undo(path: &Path, directory: Option<&Path>, progress: &dyn Progress) -> Result<Undone, RepairError> {
    let refuse = |why: String| Err(RepairError::Refused(why));
    let Some(journal) = journal::read(path)? else {
        return refuse(format!("{}: was never finished, so nothing was changed: nothing to undo", path.display()));
    };
    let directory = match directory {
        Some(dir) => dir.to_path_buf(),
        None => beside(path).unwrap_or_else(|| PathBuf::from(&journal.header.directory)),
    };
    let kind = page_log(&directory)?.map_or(StoreKind::Local, |l| l.kind);
    if kind != journal.header.kind {
        return refuse(format!("the journal is of {}, this is {}", journal.header.kind.words(), kind.words()));
    }
    live_check(&directory)?;
    if kind != StoreKind::Local {
        moved_on(&directory, &journal.header)?;
    }
    progress.phase("comparing with the journal", Some(journal.steps.len() as u64));
    let mut hand = Hand::open(&directory)?;
    let states = hand.states(&journal.steps)?;
    if let Some(State::Other(why)) = states.iter().find(|s| matches!(s, State::Other(_))) {
        return refuse(format!("the store has moved on since the repair: {why}; nothing was changed"));
    }
    let done = states.iter().filter(|s| **s == State::After).count() as u64;
    if done == 0 && !hand.begun(&journal.steps)? {
        return refuse("the store is as it was before the repair: nothing to undo".into());
    }
    let lock = Lock::take(&directory)?;
    let step =
        Step::begin("the undo is being written, which is finished first. Ended at once: run the same undo again", None);
    let written = hand.carry_out(&journal.steps, Side::Before).and_then(|()| hand.states(&journal.steps));
    let failure = match written {
        Err(e) => Some(e),
        Ok(states) if states.iter().any(|s| *s != State::Before) => {
            Some(RepairError::Refused("something did not go back; run undo again".into()))
        }
        Ok(_) => None,
    };
    if let Some(e) = failure {
        return Err(told(Some(step), e));
    }
    drop(hand);
    drop(lock);
    journal::mark(path, Mark::Undone)?;
    drop(step.end("the undo was finished; the store is as it was before the repair"));
    Ok(Undone { directory, changes: (done, journal.steps.len() as u64), actions: journal.header.actions })
}

/// The directory a journal lies in, if that is a store.
fn beside(journal: &Path) -> Option<PathBuf> {
    let full = std::fs::canonicalize(journal).ok()?;
    let dir = full.parent()?;
    page_log(dir).is_ok().then(|| dir.to_path_buf())
}

/// LSNs that neither the old state nor the repair gave out.
fn moved_on(dir: &Path, header: &Header) -> Result<(), RepairError> {
    let (counter, newest) = pagelog::position(dir)?;
    let outside = |pair: Option<(Lsn, Lsn)>, now: Option<Lsn>| match (pair, now) {
        (Some((a, b)), Some(now)) => now != a && now != b,
        (pair, now) => pair.is_some() != now.is_some(),
    };
    if outside(header.lsn_counter, counter) || outside(header.newest_completion, newest) {
        let words = |lsn: Option<Lsn>| lsn.map_or("none".to_string(), |l| l.to_string());
        return Err(RepairError::Refused(format!(
            "the store has moved on since the repair: its newest completion record is at LSN {}, its counter at {}; \
             nothing was changed",
            words(newest),
            words(counter),
        )));
    }
    Ok(())
}
