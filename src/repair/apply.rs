//! Applying a plan to a copy or in place: the same for every kind of store. A store that is mended in place is held
//! from before it is looked at until it was audited again.

use super::hand::{Hand, at_home, not_gathered, page_log, states_of_files, writable};
use super::journal::{self, Header, Journal, Mark, Steps};
use super::plan::{Action, PLAN_VERSION, Plan, What};
use super::reserve::Reserve;
use super::{Options, RepairError, copy, home, identity, judge, pagelog};
use crate::audit::Progress;
use crate::audit::result::Audit;
use crate::below::Below;
use crate::home::edit::FileChange;
use crate::id::Lsn;
use crate::output::{self, Eyes, OutputError, Place, Target};
use crate::scratch::{self, Held, Step, Unfinished};
use crate::store::StoreKind;
use crate::store::edit::{Edit, Side, State};
use crate::subject::Subject;
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
    at_home(dir)?;
    interrupted(dir, false)?;
    match page_log(dir)? {
        Some(_) => pagelog::plan(dir, options, (jobs, now), progress),
        None => home::plan(dir, options, now, progress),
    }
}

/// Nobody else may hold the store.
pub(super) fn live_check(dir: &Path) -> Result<(), RepairError> {
    let subject = Subject::open(dir);
    subject.store()?;
    Ok(subject.check_live()?)
}

/// Guards that need nothing but the plan.
pub(super) fn guards(plan: &Plan, max_orphans: Option<u64>) -> Result<(), RepairError> {
    let refuse = |why: String| Err(RepairError::Refused(why));
    if plan.plan_version != PLAN_VERSION {
        let version = plan.plan_version;
        return refuse(format!("the plan has version {version}; this wtcheck reads version {PLAN_VERSION}"));
    }
    if plan.actions.is_empty() {
        return Ok(());
    }
    // Of what the metadata alone leads to, nothing is seen without it; and bringing that back takes nothing out.
    let takes_nothing = |a: &Action| {
        matches!(a.what, What::RestoreMetadata { .. } | What::RebuildMetadata { .. } | What::RebuildFirstBlock { .. })
    };
    if plan.seen.live_pages == 0 && !plan.actions.iter().all(takes_nothing) {
        return refuse("the plan found no live pages: what it calls orphans may be everything there is".into());
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
            "{gone} orphans, more than half of the {} live versions: check again, and if it is right, allow it with \
             --max-orphans {gone}",
            plan.seen.live_versions
        ));
    }
    Ok(())
}

/// A repair that was killed half way must be finished with before anything else. Looks, and opens
/// nothing for writing: this comes before every plan, too.
fn interrupted(dir: &Path, held: bool) -> Result<(), RepairError> {
    for path in journal::list(dir)? {
        let journal = match journal::read(&path) {
            Ok(Some(journal)) => journal,
            // Nothing was changed after one that was never finished, and what is of another kind is none of ours.
            Ok(None) => continue,
            Err(e) => {
                return Err(RepairError::Refused(format!(
                    "{e}; it may be the only way to undo a repair. Move it away if you know that it is not needed"
                )));
            }
        };
        if journal.header.kind != kind_of(dir)? {
            continue;
        }
        let undoing = journal.marks.last() == Some(&Mark::Undoing);
        if (journal.marks.is_empty() || undoing) && is_half_done(dir, &journal, held)? {
            return Err(RepairError::Refused(format!(
                "a repair was interrupted here; undo it first: {}",
                super::undo_command(&path, dir)
            )));
        }
    }
    Ok(())
}

fn kind_of(dir: &Path) -> Result<StoreKind, RepairError> {
    Ok(page_log(dir)?.map_or(StoreKind::Local, |located| located.kind))
}

/// Begun, and not past the commit point.
fn is_half_done(dir: &Path, journal: &Journal, held: bool) -> Result<bool, RepairError> {
    if journal.header.kind == StoreKind::Local {
        // Of a home nothing is opened before it is changed.
        let below = Below::open(dir).map_err(|e| io(dir, &e))?;
        let states = states_of_files(&below, &journal.steps)?;
        // With anything else in their place they are not the changes of this home.
        let other = states.iter().any(|s| matches!(s, State::Other(_)));
        return Ok(!other && states.contains(&State::After) && states.contains(&State::Before));
    }
    // The counter moves first, the completion record makes it a checkpoint.
    let (counter, newest) = pagelog::position(dir, held)?;
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
    not_gathered(&source)?;
    writable(&source)?;
    // Lock first, and look afterwards.
    let held = match options.output {
        Some(_) => live_check(&source).map(|()| None)?,
        None => Some(Hand::take(&source)?),
    };
    interrupted(&source, held.is_some())?;
    let prepared = match page_log(&source)? {
        Some(_) => pagelog::prepare(&source, plan, (options.jobs, options.now), held.is_some(), progress)?,
        None => home::prepare(&source, plan, options.now, held.is_some(), progress)?,
    };
    let Some(output) = &options.output else {
        let hand = held.ok_or_else(|| RepairError::Refused("the store is not held".into()))?;
        return mend(plan, options, prepared, (&source, &source), hand, progress);
    };
    let partial = partial_name(&source, output)?;
    let above = Below::open(scratch::directory_of(&partial)).map_err(|e| io(scratch::directory_of(&partial), &e))?;
    // Removed, unless it is finished: whether the repair fails or is interrupted.
    let mut unfinished = hold_copy(&source, &partial)?;
    let done = copy::directory(&source, &above, &partial, progress).and_then(|copied| {
        let again = copied.again().map_err(|e| io(&partial, &e))?;
        let hand = Hand::of(&partial, again)?;
        // What reads takes the path.
        if !hand.dir().stands() {
            return Err(RepairError::Refused(format!(
                "{}: something put another file in its place",
                partial.display()
            )));
        }
        mend(plan, options, prepared, (&source, &partial), hand, progress)
    });
    let mut applied = done.map_err(|e| match e {
        // A copy that came to nothing is of no use to anyone; the source was not touched.
        RepairError::HalfDone(_) => RepairError::Refused(
            "the copy could be neither repaired nor rolled back, and was removed; the source was not changed. Suspect \
             the storage medium of the copy"
                .into(),
        ),
        other => other,
    })?;
    if applied.rolled_back.is_none() {
        // An empty directory made beforehand gives way to the finished copy.
        output::publish(&partial, output, Place::Empty)?;
        unfinished.keep();
    }
    if let Ok(inside) = applied.journal.strip_prefix(&partial) {
        applied.journal = output.join(inside);
    }
    applied.directory.clone_from(output);
    Ok(applied)
}

/// List the copy as what is removed when the process is interrupted.
fn hold_copy(source: &Path, partial: &Path) -> Result<Held<Unfinished>, RepairError> {
    let words = format!("the unfinished copy was removed; {} is unchanged", source.display());
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
        return refuse("is inside the directory that must not be changed");
    }
    match output::check_place(output, Place::Empty) {
        Err(OutputError::Exists(_)) => return refuse("already exists; name a new directory"),
        other => other?,
    }
    let Some(name) = output.file_name() else { return refuse("is not a name for a directory") };
    let mut partial = name.to_os_string();
    partial.push(".wtcheck-partial");
    let partial = output.with_file_name(partial);
    if std::fs::symlink_metadata(&partial).is_ok() {
        let partial = partial.display();
        return refuse(&format!("{partial} is left over from an interrupted copy; remove it first"));
    }
    Ok(partial)
}

/// Where the journal goes: into the directory that is mended, or where the person wants it.
fn journal_path(plan: &Plan, options: &ApplyOptions, target: &Path) -> Result<PathBuf, RepairError> {
    let Some(path) = &options.journal else {
        return Ok(journal::path_in(target, &plan.store.fingerprint, options.now));
    };
    let full = |path: &Path| std::fs::canonicalize(path).ok();
    // In the directory that is mended it is looked for before the next repair.
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if full(scratch::directory_of(path)) == full(target) && journal::is_journal(&name) {
        return Ok(path.clone());
    }
    Target::new(path, false, Eyes::Owner)?;
    Ok(path.clone())
}

/// Journal, changes, audit; and back if that did not help.
fn mend(
    plan: &Plan,
    options: &ApplyOptions,
    prepared: Prepared,
    (source, target): (&Path, &Path),
    mut hand: Hand,
    progress: &dyn Progress,
) -> Result<Applied, RepairError> {
    let Prepared { before, work, lsn_counter, newest_completion } = prepared;
    let store = Mended { target, is_log: matches!(work, Work::Log(_)), jobs: options.jobs, progress };
    let in_place = source == target;
    if store.is_log && !in_place {
        pagelog::check_copy(target, &plan.store.fingerprint, progress)?;
    }
    let steps = match work {
        Work::Home(changes) => Steps::Files(changes),
        Work::Log(edits) => match hand.translate(&edits) {
            Some(changes) => Steps::Records(changes?),
            None => return Err(RepairError::Refused("the page log is gone".into())),
        },
    };
    hand.check(&steps)?;
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
    let path = journal_path(plan, options, target)?;
    let size = plan.store.files.iter().map(|f| f.size).fold(0, u64::saturating_add);
    let mut reserve = Some(Reserve::keep(hand.dir(), &steps, size)?);
    if in_place {
        output::sweep(target);
    }
    let nothing = if in_place { "nothing was changed" } else { "" };
    let mut unfinished = Some(Unfinished::hold(&path, nothing).map_err(|e| io(&path, &e))?);
    journal::write(&path, &header, &steps)?;
    progress.phase("writing", None);
    // From here on a copy is removed if it is interrupted, and its journal with it. A directory that is
    // mended in place is brought to the end of the step: that is what the journal is for if it is not.
    let way_back = super::undo_command(&path, directory);
    let written = in_place.then(|| {
        let waiting = format!("the repair is being written and is finished first. If it is killed: {way_back}");
        Step::begin(waiting, unfinished.take())
    });
    let back = Back { store: &store, steps: &steps, journal: &path, fingerprint: &plan.store.fingerprint };
    if let Err(e) = hand.carry_out(&steps, Side::After) {
        drop(reserve.take());
        return Err(told(written, back.failed(&mut hand, &e)));
    }
    // What was written is read again, by a reader that has not seen it yet.
    let wrong = match hand.again().and_then(|()| hand.states(&steps)) {
        Ok(states) => states.into_iter().find(|s| *s != State::After).map(|s| match s {
            State::Other(found) => found,
            _ => "a change is missing".to_string(),
        }),
        Err(e) => Some(e.to_string()),
    };
    if let Some(wrong) = wrong {
        let cause = RepairError::Refused(format!("it does not read back as it was written: {wrong}"));
        drop(reserve.take());
        return Err(told(written, back.failed(&mut hand, &cause)));
    }
    let note = written.map(|step| {
        step.end(format!("the repair was written, but not audited again. Audit it, or undo it: {way_back}"))
    });
    // What a database library keeps open it may not have put in its place yet.
    let audited = hand.again().and_then(|()| store.audit(&directory.display().to_string()));
    let (after, left) = match audited {
        Ok(audited) => audited,
        Err(e) => {
            drop(reserve.take());
            return Err(back.failed(&mut hand, &e));
        }
    };
    let rolled_back = judge::helped(&before, &after, &plan.actions).err();
    if rolled_back.is_some() {
        drop(reserve.take());
        let waiting = || format!("the repair did not help and is being rolled back first. If it is killed: {way_back}");
        let step = in_place.then(|| Step::begin(waiting(), None));
        drop(note);
        if let Err(e) = hand.take_back(&steps).and_then(|()| hand.again()) {
            return Err(told(step, back.failed(&mut hand, &e)));
        }
        noted(journal::mark(&path, Mark::Undone), "the repair did not help and was rolled back")?;
        let note = step.map(|s| s.end("the repair did not help and was rolled back"));
        // What lies beside our records may have suffered too, where the medium is at fault.
        if let Some(why) = store.differs(&plan.store.fingerprint) {
            return Err(RepairError::HalfDone(format!(
                "the repair was rolled back, but the store is not as it was: {why}. Suspect the storage medium; \
                continue from a copy"
            )));
        }
        drop(note);
    } else {
        noted(journal::applied(&path, &left), "the repair is in place")?;
    }
    // A journal that was written beside a copy belongs to what is there now.
    unfinished.iter_mut().for_each(|u| u.keep());
    Ok(Applied { directory: target.to_path_buf(), journal: path, before, after, rolled_back })
}

/// What became of a repair stands, whether or not its journal could be told.
pub(super) fn noted(marked: Result<(), RepairError>, what: &str) -> Result<(), RepairError> {
    marked.map_err(|e| RepairError::HalfDone(format!("{what}, but its journal could not be marked: {e}")))
}

/// The end of a step that failed: who interrupts just then is told how.
pub(super) fn told(step: Option<Step>, e: RepairError) -> RepairError {
    if let Some(step) = step {
        drop(step.end(e.to_string()));
    }
    e
}

pub(super) fn io(path: &Path, e: &std::io::Error) -> RepairError {
    RepairError::Io { path: path.display().to_string(), reason: e.to_string() }
}

/// A store that this process holds, to be read as a whole.
pub(super) struct Mended<'m> {
    pub(super) target: &'m Path,
    pub(super) is_log: bool,
    pub(super) jobs: usize,
    pub(super) progress: &'m dyn Progress,
}

impl Mended<'_> {
    /// Audit it, and take its fingerprint.
    fn audit(&self, as_given: &str) -> Result<(Audit, String), RepairError> {
        match self.is_log {
            true => pagelog::audit_again(self.target, as_given, self.jobs, self.progress),
            false => home::audit_again(self.target, as_given, self.progress),
        }
    }

    pub(super) fn fingerprint(&self) -> Result<String, RepairError> {
        match self.is_log {
            true => pagelog::fingerprint(self.target, self.progress),
            false => home::fingerprint(self.target),
        }
    }

    /// Why it is not the store with this fingerprint, in words; `None` if it is.
    pub(super) fn differs(&self, fingerprint: &str) -> Option<String> {
        match self.fingerprint() {
            Ok(now) if now == fingerprint => None,
            Ok(_) => Some("something else in it has changed".to_string()),
            Err(e) => Some(format!("it can no longer be read ({e})")),
        }
    }
}

/// The way back from a repair that failed.
struct Back<'b> {
    store: &'b Mended<'b>,
    steps: &'b Steps,
    journal: &'b Path,
    /// Of the store as it was.
    fingerprint: &'b str,
}

impl Back<'_> {
    /// Writing failed half way: take it back, and say where the store stands.
    fn failed(&self, hand: &mut Hand, cause: &RepairError) -> RepairError {
        let Self { store, steps, journal, fingerprint } = *self;
        let undo = super::undo_command(journal, store.target);
        let Err(second) = hand.take_back(steps).and_then(|()| hand.again()) else {
            // The mark is a courtesy; what counts is the store.
            let _ = journal::mark(journal, Mark::Undone);
            return match store.differs(fingerprint) {
                None => RepairError::Refused(format!(
                    "the repair could not be written: {cause}; it was rolled back, and the store is unchanged"
                )),
                Some(why) => RepairError::HalfDone(format!(
                    "the repair could not be written: {cause}; it was rolled back, but the store is not as it was: \
                     {why}. Continue from a copy"
                )),
            };
        };
        let commit = match steps {
            Steps::Records(list) => list.iter().position(|c| c.set == CHECKPOINTS && c.before.is_none()),
            Steps::Files(list) => list.iter().position(|c| !matches!(c, FileChange::Write { .. })),
        };
        let stands = match commit.map(|at| hand.states(steps).map(|states| states.get(at) == Some(&State::After))) {
            Some(Ok(true)) => "the new checkpoint is in place, with something left to do",
            Some(Ok(false)) => "the old checkpoint is in place",
            Some(Err(_)) => "it could not be read which checkpoint is in place",
            None => "the checkpoint is as it was",
        };
        RepairError::HalfDone(format!(
            "the repair could not be written: {cause}; rolling it back failed too: {second}; {stands}. Once the cause \
             is fixed: {undo}"
        ))
    }
}
