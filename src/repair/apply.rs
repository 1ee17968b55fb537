//! Planning, applying and undoing a repair of a page log.

use super::changes::{self, Basis};
use super::journal::{self, Header, Journal, Mark, Step};
use super::plan::{PLAN_VERSION, Plan, What};
use super::rewrite::Limits;
use super::{Options, RepairError, copy, identity, judge, overlay, propose};
use crate::audit::finding::Code;
use crate::audit::result::Audit;
use crate::audit::{self, Opened, Progress};
use crate::btree::catalog::{Checkpoint, SHARED_METADATA};
use crate::btree::walk::Depth;
use crate::store::edit::{Change, Ledger, Side, State};
use crate::store::palite::PaliteLedger;
use crate::store::palm::PalmLedger;
use crate::store::{Located, OpenOptions, PageLog, StoreError, StoreKind, live};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The set of completion records, in both kinds of store.
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
    /// Threads.
    pub jobs: usize,
    /// Seconds since 1970.
    pub now: u64,
}

/// What an application came to.
#[derive(Debug)]
pub struct Applied {
    /// The directory that was mended.
    pub directory: PathBuf,
    /// The undo journal.
    pub journal: PathBuf,
    /// The audit before.
    pub before: Audit,
    /// The audit after.
    pub after: Audit,
    /// Why it was rolled back; `after` is then what led to that.
    pub rolled_back: Option<String>,
}

/// What an undo came to.
#[derive(Debug)]
pub struct Undone {
    /// The directory.
    pub directory: PathBuf,
    /// Changes that were taken back, of so many.
    pub changes: (u64, u64),
    /// What had been done, in words.
    pub actions: Vec<String>,
}

/// A store read and audited.
struct Read<'s> {
    opened: Opened<'s>,
    audit: Audit,
    class: Vec<audit::classify::Class>,
    checkpoint: Option<Checkpoint>,
}

fn read<'s>(store: &'s dyn PageLog, home: &str, jobs: usize, progress: &dyn Progress) -> Result<Read<'s>, RepairError> {
    let opened = audit::open(store, true, progress)?;
    judge_store(opened, home, jobs, progress)
}

fn judge_store<'s>(
    opened: Opened<'s>,
    home: &str,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Read<'s>, RepairError> {
    let options = audit::Options { depth: Depth::Normal, jobs, ..audit::Options::default() };
    let (audit, class) = audit::run_on(&opened, home, &options, progress)?;
    let mut reader = opened.store.reader()?;
    let checkpoint = audit::choose(&opened, &mut *reader, None)?.audited;
    drop(reader);
    Ok(Read { opened, audit, class, checkpoint })
}

impl Read<'_> {
    fn basis(&self) -> Result<Basis<'_>, RepairError> {
        let checkpoint = self.checkpoint.as_ref();
        let checkpoint = checkpoint.ok_or_else(|| {
            RepairError::Refused("no checkpoint of this store can be used: nothing to stand on".into())
        })?;
        let limits = Limits::default();
        Ok(Basis { opened: &self.opened, audit: &self.audit, class: &self.class, checkpoint, limits })
    }
}

/// Make a plan for a page log. Nothing is changed.
pub fn plan(
    dir: &Path,
    options: &Options<'_>,
    (jobs, now): (usize, u64),
    progress: &dyn Progress,
) -> Result<(Plan, Audit), RepairError> {
    let store = crate::store::open(dir, &OpenOptions::default())?;
    let located = crate::store::locate(dir)?;
    interrupted(dir, &located)?;
    let read = read(&*store, &dir.display().to_string(), jobs, progress)?;
    let basis = read.basis()?;
    encrypted(&read.audit)?;
    let proposal = propose::propose(&basis, options)?;
    let seen = propose::seen(&basis);
    let mut plan = Plan {
        plan_version: PLAN_VERSION,
        made_by: super::made_by(),
        made_at: now,
        store: identity::of(&read.opened, &read.audit, &located.kv_home, dir)?,
        seen,
        findings: counts(&read.audit),
        max_orphans: options.max_orphans,
        actions: proposal.actions,
        advice: proposal.advice,
    };
    if let Some(wanted) = plan.actions.iter().position(|a| matches!(a.what, What::DropCompletion { .. })) {
        plan.actions.swap(0, wanted);
    }
    guards(&plan, None)?;
    // What cannot be carried out is better refused now than when the node is down and the plan is signed.
    predict(&read, &plan, now, progress)?;
    Ok((plan, read.audit))
}

fn counts(audit: &Audit) -> BTreeMap<String, u64> {
    audit.totals.findings.iter().map(|(name, n)| ((*name).to_string(), *n)).collect()
}

/// Work the plan out and let an audit judge the outcome, in memory.
fn predict(
    read: &Read<'_>,
    plan: &Plan,
    now: u64,
    progress: &dyn Progress,
) -> Result<Vec<crate::store::edit::Edit>, RepairError> {
    let edits = changes::edits(&read.basis()?, &plan.actions, now)?;
    if edits.is_empty() {
        return Ok(edits);
    }
    let overlay = overlay::Overlay::new(&read.opened, &edits);
    let after = judge_store(overlay.opened(), &read.audit.store.home, 1, progress)?;
    judge::helped(&read.audit, &after.audit, &plan.actions)
        .map_err(|why| RepairError::Refused(format!("the plan would not help: {why}")))?;
    Ok(edits)
}

/// Guards that need nothing but the plan.
fn guards(plan: &Plan, max_orphans: Option<u64>) -> Result<(), RepairError> {
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

fn encrypted(audit: &Audit) -> Result<(), RepairError> {
    let hidden =
        |f: &&audit::finding::Finding| f.code == Code::Encrypted && f.place.uri.as_deref() == Some(SHARED_METADATA);
    match audit.findings.iter().find(hidden) {
        Some(_) => {
            Err(RepairError::Refused("the shared metadata is encrypted: its sizes cannot be read or written".into()))
        }
        None => Ok(()),
    }
}

fn ledger(located: &Located) -> Result<Box<dyn Ledger>, RepairError> {
    match located.kind {
        StoreKind::Palite => Ok(Box::new(PaliteLedger::open(&located.kv_home)?)),
        StoreKind::Palm => Ok(Box::new(PalmLedger::open(&located.kv_home)?)),
        StoreKind::Local => Err(RepairError::Refused("local block files are no page log".into())),
    }
}

/// A repair that was killed half way must be finished with before anything else.
fn interrupted(dir: &Path, located: &Located) -> Result<(), RepairError> {
    for path in journal::list(dir) {
        let Ok(Some(journal)) = journal::read(&path) else { continue };
        if journal.marks.contains(&Mark::Undone) {
            continue;
        }
        let changes = records(&journal);
        let mut ledger = ledger(located)?;
        let mut sides = (false, false);
        for change in &changes {
            match ledger.state(change)? {
                State::Before => sides.0 = true,
                State::After => sides.1 = true,
                State::Other(_) => {}
            }
        }
        if sides == (true, true) {
            return Err(RepairError::Refused(format!(
                "a repair was interrupted here; take it back first: wtcheck repair undo {}",
                path.display()
            )));
        }
    }
    Ok(())
}

fn records(journal: &Journal) -> Vec<Change> {
    journal.steps.iter().map(|Step::Record(c)| c.clone()).collect()
}

/// Apply a plan.
pub fn apply(plan: &Plan, options: &ApplyOptions, progress: &dyn Progress) -> Result<Applied, RepairError> {
    guards(plan, options.max_orphans)?;
    if plan.actions.is_empty() {
        return Err(RepairError::Refused("the plan has no action: nothing to do".into()));
    }
    let source = options.directory.clone().unwrap_or_else(|| PathBuf::from(&plan.store.directory));
    let located = crate::store::locate(&source)?;
    let store = crate::store::open(&source, &OpenOptions::default())?;
    interrupted(&source, &located)?;
    let before = read(&*store, &source.display().to_string(), options.jobs, progress)?;
    let identity = identity::of(&before.opened, &before.audit, &located.kv_home, &source)?;
    if let Some(why) = identity::differs(&plan.store, &identity) {
        return Err(RepairError::Refused(format!("the store is not as the plan saw it: {why}; make a new plan")));
    }
    encrypted(&before.audit)?;
    let edits = predict(&before, plan, options.now, progress)?;
    let partial = options.output.as_deref().map(partial_name).transpose()?;
    let target = partial.clone().unwrap_or_else(|| source.clone());
    let copied = match &partial {
        Some(partial) => copy::directory(&source, partial, progress),
        None => Ok(()),
    };
    let done = copied.and_then(|()| mend(plan, options, (&before, edits), (&source, &target), progress));
    let mut applied = match done {
        Ok(applied) => applied,
        Err(e) => {
            // A copy that came to nothing is of no use to anyone; the source was not touched.
            if let Some(partial) = &partial {
                let _ = std::fs::remove_dir_all(partial);
            }
            return Err(e);
        }
    };
    if let (Some(partial), Some(output)) = (&partial, &options.output) {
        if applied.rolled_back.is_some() {
            let _ = std::fs::remove_dir_all(partial);
        } else {
            let fail =
                |e: std::io::Error| RepairError::Io { path: output.display().to_string(), reason: e.to_string() };
            if let Err(e) = std::fs::rename(partial, output) {
                let _ = std::fs::remove_dir_all(partial);
                return Err(fail(e));
            }
            let parent = output.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            journal::sync_directory(parent).map_err(fail)?;
        }
        if let Ok(inside) = applied.journal.strip_prefix(partial) {
            applied.journal = output.join(inside);
        }
        applied.directory.clone_from(output);
    }
    Ok(applied)
}

/// The name a copy has until it is finished.
fn partial_name(output: &Path) -> Result<PathBuf, RepairError> {
    let refuse = |why: &str| Err(RepairError::Refused(format!("{}: {why}", output.display())));
    match std::fs::symlink_metadata(output) {
        Ok(meta) if meta.is_dir() => {
            let empty = std::fs::read_dir(output).is_ok_and(|mut d| d.next().is_none());
            // An empty directory made beforehand gives way to the finished copy.
            if !empty || std::fs::remove_dir(output).is_err() {
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
    (before, edits): (&Read<'_>, Vec<crate::store::edit::Edit>),
    (source, target): (&Path, &Path),
    progress: &dyn Progress,
) -> Result<Applied, RepairError> {
    let located = crate::store::locate(target)?;
    if source != target {
        let copied = crate::store::open(target, &OpenOptions::default())?;
        let opened = audit::open(&*copied, true, progress)?;
        if identity::fingerprint(&opened)? != plan.store.fingerprint {
            return Err(RepairError::Refused("the source changed while it was copied; make a new plan".into()));
        }
    }
    let mut ledger = ledger(&located)?;
    let changes = ledger.translate(&edits)?;
    let lock = Lock::take(&located)?;
    let directory = options.output.as_deref().unwrap_or(source);
    let header = header(plan, before, &edits, directory, options.now);
    let path =
        options.journal.clone().unwrap_or_else(|| target.join(journal::name(&plan.store.fingerprint, options.now)));
    let steps: Vec<Step> = changes.iter().cloned().map(Step::Record).collect();
    journal::write(&path, &header, &steps)?;
    progress.phase("writing", None);
    if let Err(e) = ledger.carry_out(&changes, Side::After) {
        return Err(failed(&mut *ledger, &changes, &path, &e));
    }
    drop(ledger);
    // The lock is ours; asking who holds it would give it up.
    let live = OpenOptions { allow_live: true, ..OpenOptions::default() };
    let store = crate::store::open(target, &live)?;
    let home = directory.display().to_string();
    let after = read(&*store, &home, options.jobs, progress)?.audit;
    drop(store);
    let rolled_back = judge::helped(&before.audit, &after, &plan.actions).err();
    if rolled_back.is_some() {
        let mut ledger = self::ledger(&located)?;
        if let Err(e) = ledger.carry_out(&changes, Side::Before) {
            return Err(failed(&mut *ledger, &changes, &path, &e));
        }
        journal::mark(&path, Mark::Undone)?;
    } else {
        journal::mark(&path, Mark::Applied)?;
    }
    drop(lock);
    Ok(Applied { directory: target.to_path_buf(), journal: path, before: before.audit.clone(), after, rolled_back })
}

/// Writing failed half way: take it back, and say where the store stands.
fn failed(ledger: &mut dyn Ledger, changes: &[Change], journal: &Path, cause: &StoreError) -> RepairError {
    let Err(second) = ledger.carry_out(changes, Side::Before) else {
        // The mark is a courtesy; what counts is the store.
        let _ = journal::mark(journal, Mark::Undone);
        return RepairError::Refused(format!(
            "the repair could not be written: {cause}; it was taken back, the store is as it was"
        ));
    };
    let completed = changes.iter().find(|c| c.set == CHECKPOINTS && c.before.is_none());
    let stands = match completed.map(|c| ledger.state(c)) {
        Some(Ok(State::After)) => "the new checkpoint stands, with something left to do",
        Some(Ok(_)) => "the old checkpoint stands",
        Some(Err(_)) => "which checkpoint stands could not be read",
        None => "the checkpoint stands as it did",
    };
    RepairError::HalfDone(format!(
        "the repair could not be written: {cause}; taking it back failed too: {second}; {stands}. \
         When the cause is mended: wtcheck repair undo {}",
        journal.display()
    ))
}

fn header(plan: &Plan, before: &Read<'_>, edits: &[crate::store::edit::Edit], directory: &Path, now: u64) -> Header {
    use crate::store::edit::Edit;
    let counter = edits.iter().find_map(|e| match e {
        Edit::Counter { last_lsn } => Some(*last_lsn),
        _ => None,
    });
    let completed = edits.iter().find_map(|e| match e {
        Edit::Complete { lsn, .. } => Some(*lsn),
        _ => None,
    });
    let old_counter = before.opened.layout.lsn_counter;
    let newest = before.opened.completions.last().map(|c| c.lsn);
    let stands_on = before.checkpoint.as_ref().map(|c| c.lsn);
    let drops = edits.iter().any(|e| matches!(e, Edit::RemoveCompletion { .. }));
    let newest_after = completed.or(if drops { stands_on } else { newest });
    Header {
        journal_version: journal::JOURNAL_VERSION,
        made_by: super::made_by(),
        made_at: now,
        directory: identity::absolute(directory),
        kind: plan.store.kind,
        fingerprint: plan.store.fingerprint.clone(),
        lsn_counter: old_counter.map(|old| (old, counter.unwrap_or(old))),
        newest_completion: newest.zip(newest_after),
        actions: plan.actions.iter().map(|a| super::describe(&a.what)).collect(),
    }
}

/// Keeps the engine from opening the home meanwhile (10.2.3): its own lock file, if there is one.
struct Lock(#[expect(dead_code, reason = "held for its lock")] Option<rustix::fd::OwnedFd>);

impl Lock {
    fn take(located: &Located) -> Result<Self, RepairError> {
        live::check(located.home.as_deref(), &located.kv_home)?;
        let Some(path) = located.home.as_ref().map(|h| h.join("WiredTiger.lock")).filter(|p| p.is_file()) else {
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
    let located = crate::store::locate(&directory)?;
    if located.kind != journal.header.kind {
        return refuse(format!("the journal is of {}, this is {}", journal.header.kind.words(), located.kind.words()));
    }
    let store = crate::store::open(&directory, &OpenOptions::default())?;
    moved_on(&*store, &journal.header)?;
    drop(store);
    progress.phase("comparing with the journal", Some(journal.steps.len() as u64));
    let changes = records(&journal);
    let mut ledger = ledger(&located)?;
    let mut done = 0_u64;
    for (at, change) in changes.iter().enumerate() {
        match ledger.state(change)? {
            State::Before => {}
            State::After => done += 1,
            State::Other(why) => {
                return refuse(format!("the store has moved on since the repair: {why}; nothing was changed"));
            }
        }
        progress.at(at as u64, 0);
    }
    if done == 0 {
        return refuse("the store is as it was before the repair: nothing to undo".into());
    }
    let lock = Lock::take(&located)?;
    ledger.carry_out(&changes, Side::Before)?;
    for change in &changes {
        if ledger.state(change)? != State::Before {
            return refuse(format!("{}: a record did not go back; run undo again", change.file));
        }
    }
    drop(ledger);
    drop(lock);
    journal::mark(path, Mark::Undone)?;
    Ok(Undone { directory, changes: (done, changes.len() as u64), actions: journal.header.actions })
}

/// The directory a journal lies in, if that is a store.
fn beside(journal: &Path) -> Option<PathBuf> {
    let full = std::fs::canonicalize(journal).ok()?;
    let dir = full.parent()?;
    crate::store::locate(dir).is_ok().then(|| dir.to_path_buf())
}

/// LSNs that neither the old state nor the repair gave out.
fn moved_on(store: &dyn PageLog, header: &Header) -> Result<(), RepairError> {
    let layout = store.layout()?;
    let (records, _) = store.completions()?;
    let newest = records.last().map(|c| c.lsn);
    let outside = |pair: Option<(u64, u64)>, now: Option<u64>| match (pair, now) {
        (Some((a, b)), Some(now)) => now != a && now != b,
        (pair, now) => pair.is_some() != now.is_some(),
    };
    if outside(header.lsn_counter, layout.lsn_counter) || outside(header.newest_completion, newest) {
        return Err(RepairError::Refused(format!(
            "the store has moved on since the repair: its newest completion record is at LSN {}, its counter at {}; \
             nothing was changed",
            newest.map_or("none".into(), |l| l.to_string()),
            layout.lsn_counter.map_or("none".into(), |l| l.to_string()),
        )));
    }
    Ok(())
}
