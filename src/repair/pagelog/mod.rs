//! A page log as a repair sees it: read, judged, planned for.

pub mod changes;
pub mod overlay;
pub mod propose;

use super::apply::{Prepared, Work};
use super::plan::{PLAN_VERSION, Plan, What};
use super::{Options, RepairError, identity, judge};
use crate::audit::finding::Code;
use crate::audit::pagelog::Opened;
use crate::audit::result::Audit;
use crate::audit::{self, Progress};
use crate::coverage::Unchecked;
use crate::id::Lsn;
use crate::page::Depth;
use crate::pagelog::catalog::{Checkpoint, SHARED_METADATA};
use crate::pagelog::rewrite::Limits;
use crate::store::edit::Edit;
use crate::store::{OpenOptions, PageLog, StoreError};
use changes::Basis;
use std::path::Path;

/// A store read and audited.
struct Read<'s> {
    opened: Opened<'s>,
    audit: Audit,
    class: Vec<audit::pagelog::classify::Class>,
    checkpoint: Option<Checkpoint>,
}

fn read<'s>(store: &'s dyn PageLog, home: &str, jobs: usize, progress: &dyn Progress) -> Result<Read<'s>, RepairError> {
    let opened = audit::pagelog::open(store, true, progress)?;
    judge_store(opened, home, jobs, progress)
}

fn judge_store<'s>(
    opened: Opened<'s>,
    home: &str,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Read<'s>, RepairError> {
    let options = audit::Options { depth: Depth::Deep, jobs, ..audit::Options::default() };
    let (audit, class) = audit::pagelog::run_on(&opened, home, &options, progress)?;
    let mut reader = opened.store.reader()?;
    let checkpoint = audit::pagelog::choose(&opened, &mut *reader, None)?.audited;
    drop(reader);
    Ok(Read { opened, audit, class, checkpoint })
}

impl Read<'_> {
    fn basis(&self) -> Result<Basis<'_>, RepairError> {
        let checkpoint = self.checkpoint.as_ref();
        let checkpoint = checkpoint.ok_or_else(|| {
            RepairError::Refused("no checkpoint of this store can be used, so there is nothing to repair from".into())
        })?;
        let limits = Limits::default();
        Ok(Basis { opened: &self.opened, audit: &self.audit, class: &self.class, checkpoint, limits })
    }
}

/// Make a plan. Nothing is changed.
pub(super) fn plan(
    dir: &Path,
    options: &Options<'_>,
    (jobs, now): (usize, u64),
    progress: &dyn Progress,
) -> Result<(Plan, Audit), RepairError> {
    let store = crate::store::open(dir, &OpenOptions::default())?;
    let located = crate::store::locate(dir)?;
    let read = read(&*store, &dir.display().to_string(), jobs, progress)?;
    whole(&read)?;
    let basis = read.basis()?;
    encrypted(&read.audit)?;
    let mut proposal = propose::propose(&basis, options)?;
    if read.opened.layout.gathered.is_some() {
        proposal.advice = propose::on_the_leader(&proposal.actions);
    }
    let plan = Plan {
        plan_version: PLAN_VERSION,
        made_by: super::made_by(),
        made_at: now,
        store: identity::of(&read.opened, &read.audit, &located.kv_home, dir)?,
        seen: propose::seen(&basis),
        findings: super::counts(&read.audit),
        max_orphans: options.max_orphans,
        actions: proposal.actions,
        advice: proposal.advice,
    };
    super::apply::guards(&plan, None)?;
    // What cannot be carried out is better refused now than when the node is down and the plan is signed. A plan for
    // dumps is carried out by the leader.
    if read.opened.layout.gathered.is_none() {
        predict(&read, &plan, (jobs, now), progress)?;
    }
    Ok((plan, read.audit))
}

/// Read the store a plan is for, check that it is as the plan saw it, and work the changes out.
pub(super) fn prepare(
    dir: &Path,
    plan: &Plan,
    (jobs, now): (usize, u64),
    held: bool,
    progress: &dyn Progress,
) -> Result<Prepared, RepairError> {
    let store = crate::store::open(dir, &reading(held))?;
    let located = crate::store::locate(dir)?;
    let read = read(&*store, &dir.display().to_string(), jobs, progress)?;
    let now_is = identity::of(&read.opened, &read.audit, &located.kv_home, dir)?;
    identity::check(&plan.store, &now_is)?;
    whole(&read)?;
    encrypted(&read.audit)?;
    let edits = predict(&read, plan, (jobs, now), progress)?;
    let counter = edits.iter().find_map(|e| match e {
        Edit::Counter { last_lsn } => Some(*last_lsn),
        _ => None,
    });
    let completed = edits.iter().find_map(|e| match e {
        Edit::Complete { lsn, .. } => Some(*lsn),
        _ => None,
    });
    let newest = read.opened.completions.last().map(|c| c.lsn);
    let drops = plan.actions.iter().any(|a| matches!(a.what, What::DropCompletion { .. }));
    let falls_back = read.checkpoint.as_ref().map(|c| c.lsn).filter(|_| drops);
    Ok(Prepared {
        lsn_counter: read.opened.layout.lsn_counter.map(|old| (old, counter.unwrap_or(old))),
        newest_completion: newest.zip(completed.or(falls_back).or(newest)),
        before: read.audit,
        work: Work::Log(edits),
    })
}

/// Work the plan out and let an audit judge the outcome, in memory.
fn predict(
    read: &Read<'_>,
    plan: &Plan,
    (jobs, now): (usize, u64),
    progress: &dyn Progress,
) -> Result<Vec<Edit>, RepairError> {
    let edits = changes::edits(&read.basis()?, &plan.actions, now)?;
    if edits.is_empty() {
        return Ok(edits);
    }
    let overlay = overlay::Overlay::new(&read.opened, &edits);
    let after = judge_store(overlay.opened(), &read.audit.store.home, jobs, progress)?;
    judge::helped(&read.audit, &after.audit, &plan.actions)
        .map_err(|why| RepairError::Refused(format!("the plan would not help: {why}")))?;
    Ok(edits)
}

/// Nothing is planned, and nothing changed, where the system did not give all of the store.
fn whole(read: &Read<'_>) -> Result<(), RepairError> {
    let dir = &read.opened.layout.dir;
    let mut left = read.audit.coverage.not_checked_list();
    let unread = left.find_map(|(path, why)| match why {
        Unchecked::Io { errno, error } => Some((path, *errno, error.clone())),
        _ => None,
    });
    match unread {
        Some((path, errno, error)) => {
            let path = dir.join(path.rsplit('/').next().unwrap_or(path));
            Err(StoreError::Io { path, errno, error }.into())
        }
        None => Ok(()),
    }
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

/// That a copy is what the plan saw: whole, and not changed while it was made.
pub(super) fn check_copy(dir: &Path, fingerprint: &str, progress: &dyn Progress) -> Result<(), RepairError> {
    let copied = crate::store::open(dir, &reading(true))?;
    let opened = audit::pagelog::open(&*copied, true, progress)?;
    if identity::fingerprint(&opened)? == fingerprint {
        return Ok(());
    }
    Err(RepairError::Refused("the source changed while it was being copied; make a new plan".into()))
}

/// How to open a store; one that this process holds is locked by itself.
fn reading(held: bool) -> OpenOptions {
    OpenOptions { allow_live: held, ..OpenOptions::default() }
}

/// Audit a store that this process holds, and take its fingerprint.
pub(super) fn audit_again(
    dir: &Path,
    as_given: &str,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<(Audit, String), RepairError> {
    let store = crate::store::open(dir, &reading(true))?;
    let read = read(&*store, as_given, jobs, progress)?;
    let fingerprint = identity::fingerprint(&read.opened)?;
    Ok((read.audit, fingerprint))
}

/// The fingerprint of a store that this process holds.
pub(super) fn fingerprint(dir: &Path, progress: &dyn Progress) -> Result<String, RepairError> {
    let store = crate::store::open(dir, &reading(true))?;
    identity::fingerprint(&audit::pagelog::open(&*store, true, progress)?)
}

/// Counter and newest completion record, to see whether anyone was here since.
pub(super) fn position(dir: &Path, held: bool) -> Result<(Option<Lsn>, Option<Lsn>), RepairError> {
    let store = crate::store::open(dir, &reading(held))?;
    let (records, _) = store.completions()?;
    Ok((store.layout()?.lsn_counter, records.last().map(|c| c.lsn)))
}
