//! A home of local block files as a repair sees it.

mod bits;
mod first_block;
mod indexes;
mod metadata;
pub mod propose;

use super::apply::{Prepared, Work};
use super::plan::{FileIdentity, Identity, PLAN_VERSION, Plan, Seen, What};
use super::{Options, RepairError, identity};
use crate::audit::Progress;
use crate::audit::home as audit_local;
use crate::audit::result::Audit;
use crate::format::home_turtle;
use crate::home::directory::{Home, METADATA};
use crate::home::edit;
use crate::output::is_unfinished;
use crate::page::Depth;
use crate::store::StoreKind;
use crate::subject::open_home;
use sha2::{Digest, Sha256};
use std::path::Path;

fn read(dir: &Path, as_given: &str, live: bool, progress: &dyn Progress) -> Result<(Home, Audit), RepairError> {
    let (home, file) = open_home(dir, false, live)?;
    if file.is_some() || home.alone {
        return Err(RepairError::Refused("a repair needs the whole home directory, not one of its files".into()));
    }
    let options = audit_local::Options { checkpoint: None, depth: Depth::Deep, no_mmap: false, tables: None };
    let (audit, _) = audit_local::run(&home, as_given, &options, progress)?;
    Ok((home, audit))
}

/// What identifies a home: what a repair changes byte for byte, of all other files the first and last bytes.
fn identify(home: &Home, directory: &Path) -> Identity {
    // A lock file may be made to lock it.
    let ours = |name: &str| super::journal::is_journal(name) || is_unfinished(name);
    let own = |name: &&String| !ours(name) && name.as_str() != "WiredTiger.lock";
    let file = |name: &String| match name.as_str() {
        METADATA | home_turtle::FILE_NAME => identity::whole_file(&home.dir, name),
        _ => identity::file(&home.dir, name),
    };
    let files: Vec<FileIdentity> = home.inventory.keys().filter(own).map(file).collect();
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(file.name.as_bytes());
        hash.update([0]);
        hash.update(file.size.to_le_bytes());
        match &file.sha256 {
            Some(sum) => hash.update(sum.as_bytes()),
            None => hash.update(identity::ends(&home.dir.join(&file.name))),
        }
    }
    Identity {
        directory: identity::absolute(directory),
        kind: StoreKind::Local,
        generation: "local".into(),
        lsn_counter: None,
        newest_completion_lsn: None,
        stands_on_lsn: None,
        fingerprint: hex::encode(hash.finalize()),
        files,
    }
}

/// Whether a plan for this home would do anything.
pub fn would_mend(home: &Home, audit: &Audit) -> bool {
    !propose::propose(home, audit).0.is_empty()
}

fn seen(audit: &Audit) -> Seen {
    let checkpoints = audit.local.iter().flat_map(|l| &l.files).map(|f| f.checkpoints.len() as u64).sum();
    Seen {
        checkpoints,
        trees: audit.trees.len() as u64,
        live_pages: audit.trees.iter().map(|t| t.pages.reachable).sum(),
        live_versions: audit.trees.iter().map(|t| t.pages.reachable).sum(),
        live_bytes: audit.trees.iter().map(|t| t.recomputed_size).sum(),
        orphans: 0,
    }
}

/// Make a plan. Nothing is changed.
pub(super) fn plan(
    dir: &Path,
    options: &Options<'_>,
    now: u64,
    progress: &dyn Progress,
) -> Result<(Plan, Audit), RepairError> {
    if !options.drop_completion.is_empty() {
        return Err(RepairError::Refused("local block files have no completion records".into()));
    }
    let (home, audit) = read(dir, &dir.display().to_string(), false, progress)?;
    let (mut actions, advice) = propose::propose(&home, &audit);
    actions.retain(|a| {
        let file = match &a.what {
            What::SetFileSize { file, .. } | What::FlipBit { file, .. } | What::RebuildFirstBlock { file, .. } => {
                options.is_table(&format!("file:{file}"))
            }
            _ => true,
        };
        file && crate::audit::finding::Code::from_name(&a.code).is_none_or(|c| options.is_code(c))
    });
    let plan = Plan {
        plan_version: PLAN_VERSION,
        made_by: super::made_by(),
        made_at: now,
        store: identify(&home, dir),
        seen: seen(&audit),
        findings: super::counts(&audit),
        max_orphans: None,
        actions,
        advice,
    };
    super::apply::guards(&plan, None)?;
    Ok((plan, audit))
}

/// Read the home a plan is for, check that it is as the plan saw it, and work the changes out.
pub(super) fn prepare(
    dir: &Path,
    plan: &Plan,
    now: u64,
    held: bool,
    progress: &dyn Progress,
) -> Result<Prepared, RepairError> {
    let (home, before) = read(dir, &dir.display().to_string(), held, progress)?;
    identity::check(&plan.store, &identify(&home, dir))?;
    for action in &plan.actions {
        matches_audit(&action.what, &before)?;
    }
    let edits: Option<Vec<_>> = plan.actions.iter().map(|a| propose::edit(&a.what)).collect();
    let edits = edits.ok_or_else(|| {
        RepairError::Refused("the plan is for a page log, but the store is a home of local block files".into())
    })?;
    let changes = edit::changes(&home, &edits, now)?;
    Ok(Prepared { before, work: Work::Home(changes), lsn_counter: None, newest_completion: None })
}

/// The plan's `from` must be what is there.
fn matches_audit(what: &super::plan::What, audit: &Audit) -> Result<(), RepairError> {
    let super::plan::What::SetFileSize { file, checkpoint, from, cookie_from, .. } = what else { return Ok(()) };
    let info = audit.local.iter().flat_map(|l| &l.files).find(|f| f.file == *file);
    let last = info.and_then(|f| f.checkpoints.iter().find(|c| c.name == *checkpoint));
    match last {
        Some(c) if (c.published_size, c.checkpoint_size) == (*from, *cookie_from) => Ok(()),
        Some(c) => Err(RepairError::Refused(format!(
            "{checkpoint} of {file} publishes {} bytes ({} in its cookie), not {from} ({cookie_from}) as the plan says",
            c.published_size, c.checkpoint_size
        ))),
        None => Err(RepairError::Refused(format!("{file} has no checkpoint {checkpoint}"))),
    }
}

/// Audit a home that this process holds, and take its fingerprint.
pub(super) fn audit_again(dir: &Path, as_given: &str, progress: &dyn Progress) -> Result<(Audit, String), RepairError> {
    let (home, audit) = read(dir, as_given, true, progress)?;
    let fingerprint = identify(&home, dir).fingerprint;
    Ok((audit, fingerprint))
}

/// The fingerprint of a home that this process holds.
pub(super) fn fingerprint(dir: &Path) -> Result<String, RepairError> {
    let (home, _) = open_home(dir, false, true)?;
    Ok(identify(&home, dir).fingerprint)
}
