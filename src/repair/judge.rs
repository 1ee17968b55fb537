//! Did a repair help? Compares the audits before and after it.

use super::plan::{Action, What};
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::result::{Audit, TreeInfo};
use crate::id::{PageId, TableId, Version};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Files that lead to all others of a home.
const METADATA: &str = "WiredTiger.wt";
const TURTLE: &str = "WiredTiger.turtle";

type Key = (Code, Option<String>, Option<TableId>, Option<PageId>, Option<String>);

/// What a finding is about. LSNs of completion records change with every repair, so they are no part of it.
fn key(f: &Finding) -> Key {
    let p = &f.place;
    (f.code, p.uri.clone(), p.table_id, p.page_id, p.file.clone())
}

/// What an audit can only tell of metadata that it can read: that it has no row of a file, that MongoDB's catalog names
/// another table. Bringing the metadata back shows it, and does not make it.
const SHOWN: [Code; 3] = [Code::FileUnlisted, Code::CatalogMismatch, Code::MetadataReplaced];

/// Whether the metadata itself is brought back.
fn is_of_metadata(what: &What) -> bool {
    matches!(what, What::RestoreMetadata { .. } | What::RebuildMetadata { .. })
}

fn errors(audit: &Audit) -> BTreeMap<Key, u64> {
    let mut out = BTreeMap::new();
    for f in audit.findings.iter().filter(|f| f.severity == Severity::Error) {
        *out.entry(key(f)).or_default() += 1;
    }
    out
}

/// `Err` says why the repair must not stand: an error is new, the errors it was for are still there,
/// or something that was healthy is gone.
pub fn helped(before: &Audit, after: &Audit, actions: &[Action]) -> Result<(), String> {
    let shown = actions.iter().any(|a| is_of_metadata(&a.what));
    let shown = |code: Code| shown && SHOWN.contains(&code);
    if let Some(error) = new_error_but(before, after, &shown) {
        return Err(format!("it would leave a new error behind: {error}"));
    }
    if after.exit_code == 6 && before.exit_code != 6 {
        return Err("its result can no longer be judged".into());
    }
    let hidden = |a: &Audit, severity: Severity| {
        a.findings.iter().filter(|f| f.severity == severity && shown(f.code)).count() as u64
    };
    let count = |a: &Audit| {
        let (errors, warnings) = (hidden(a, Severity::Error), hidden(a, Severity::Warning));
        (a.totals.errors.saturating_sub(errors), a.totals.warnings.saturating_sub(warnings))
    };
    let meant = |severity: Severity| {
        actions.iter().filter_map(|a| Code::from_name(&a.code)).any(|c| c.info().severity == severity)
    };
    let (was, is) = (count(before), count(after));
    if meant(Severity::Error) && was.0 > 0 && is.0 >= was.0 {
        return Err(format!("the errors do not decrease: {} before, {} after", was.0, is.0));
    }
    let left = Left::of(after);
    if let Some(action) = actions.iter().find(|a| left.has(&a.what)) {
        return Err(format!("what it should fix is still there: {}", super::describe(&action.what)));
    }
    if is > was {
        return Err(format!("there are more warnings: {} before, {} after", was.1, is.1));
    }
    healthy(before, after, actions)
}

/// An error that was not there before, in words.
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn new_error(before: &Audit, after: &Audit) -> Option<String> {
    new_error_but(before, after, &|_| false)
}

fn new_error_but(before: &Audit, after: &Audit, but: &dyn Fn(Code) -> bool) -> Option<String> {
    let (old, new) = (errors(before), errors(after));
    let (key, _) = new.iter().find(|(k, n)| !but(k.0) && old.get(k).copied().unwrap_or(0) < **n)?;
    let place = key.1.as_deref().or(key.4.as_deref()).unwrap_or("the store");
    Some(format!("{} in {place}", key.0.name()))
}

/// What is still told after a repair, of the kinds that actions are for.
#[derive(Default)]
struct Left<'a> {
    /// Trees with a wrong size.
    sizes: HashSet<&'a str>,
    /// Table, page and LSN of orphans.
    orphans: HashSet<Version>,
    /// Local files and checkpoints with a wrong size.
    checkpoints: Vec<&'a Finding>,
    /// Local files and offsets of blocks that do not add up.
    blocks: HashSet<(&'a str, u64)>,
    /// Local files whose first block is not one.
    first_blocks: HashSet<&'a str>,
    /// Metadata that is not in its place.
    aside: HashSet<&'a str>,
}

impl<'a> Left<'a> {
    fn of(after: &'a Audit) -> Self {
        let mut out = Self::default();
        for f in &after.findings {
            let p = &f.place;
            match f.code {
                Code::SizeInflated | Code::SizeDeflated | Code::SizeDoubleRoot => out.sizes.extend(p.uri.as_deref()),
                Code::OrphanPage | Code::OrphanImage => {
                    out.orphans.extend(p.table_id.zip(p.page_id).zip(p.lsn).map(|((t, p), l)| Version::new(t, p, l)));
                }
                Code::CheckpointSizeMismatch => out.checkpoints.push(f),
                Code::BlockChecksum => out.blocks.extend(p.file.as_deref().zip(p.offset)),
                Code::DescriptorInvalid => out.first_blocks.extend(p.file.as_deref()),
                Code::MetadataReplaced if f.severity == Severity::Error => out.aside.extend(p.file.as_deref()),
                Code::FileMissing | Code::TurtleInvalid => out.aside.extend(p.file.as_deref()),
                _ => {}
            }
        }
        out
    }

    /// The finding behind an action is among them.
    fn has(&self, what: &What) -> bool {
        match what {
            What::SetSize { tree, .. } => self.sizes.contains(tree.as_str()),
            What::Discard { table_id, page_id, lsns, .. } | What::Withdraw { table_id, page_id, lsns, .. } => {
                lsns.iter().any(|lsn| self.orphans.contains(&Version::new(*table_id, *page_id, *lsn)))
            }
            What::SetFileSize { file, checkpoint, .. } => {
                let of = |f: &Finding| f.checkpoint_sizes().is_some_and(|s| s.checkpoint == *checkpoint);
                self.checkpoints.iter().any(|f| f.place.file.as_ref() == Some(file) && of(f))
            }
            What::FlipBit { file, offset, .. } => self.blocks.contains(&(file.as_str(), *offset)),
            What::RebuildFirstBlock { file, .. } => self.first_blocks.contains(file.as_str()),
            What::RenameTurtle { to, .. } => self.aside.contains(to.as_str()),
            What::RestoreMetadata { from, .. } => [from.as_str(), METADATA].iter().any(|f| self.aside.contains(f)),
            What::RebuildMetadata { .. } => [METADATA, TURTLE].iter().any(|f| self.aside.contains(f)),
            _ => false,
        }
    }
}

fn file_of(tree: &TreeInfo) -> &str {
    tree.uri.strip_prefix("file:").unwrap_or(&tree.uri)
}

/// Every tree is still there, with the same root and as many pages.
fn healthy(before: &Audit, after: &Audit, actions: &[Action]) -> Result<(), String> {
    let trees: HashMap<&str, &TreeInfo> = after.trees.iter().map(|t| (t.uri.as_str(), t)).collect();
    let sizes: HashMap<&str, u64> = actions
        .iter()
        .filter_map(|a| match &a.what {
            What::SetSize { tree, to, .. } => Some((tree.as_str(), *to)),
            _ => None,
        })
        .collect();
    let files: HashSet<&str> = actions
        .iter()
        .filter_map(|a| match &a.what {
            What::SetFileSize { file, .. } => Some(file.as_str()),
            _ => None,
        })
        .collect();
    // What was made after the metadata was put aside goes with it; what has no row is named in the plan.
    let mut gone: HashSet<&str> = HashSet::new();
    for action in actions {
        match &action.what {
            What::RestoreMetadata { .. } => gone.extend(before.trees.iter().map(file_of)),
            What::RebuildMetadata { left_out, put_back, .. } => {
                gone.extend(left_out.iter().map(|l| l.file.as_str()));
                gone.extend(put_back.iter().flat_map(|p| [p.file.as_str(), p.from.as_str()]));
                gone.extend(before.trees.iter().map(file_of).filter(|f| f.starts_with(METADATA)));
            }
            _ => {}
        }
    }
    let remade = actions.iter().any(|a| is_of_metadata(&a.what));
    let local = after.local.iter().flat_map(|l| &l.files).filter(|f| f.source == "log");
    let replayed: HashSet<&str> = local.map(|f| f.file.as_str()).collect();
    for old in before.trees.iter().filter(|t| !gone.contains(file_of(t))) {
        let Some(new) = trees.get(old.uri.as_str()) else {
            return Err(format!("{} would be gone", old.uri));
        };
        // A repair writes into the metadata itself.
        // What had no checkpoint that anything knew of has one now; what the log takes back, it takes back.
        if remade && (old.root_cookie.is_empty() || replayed.contains(file_of(old))) {
            continue;
        }
        let metadata = [crate::pagelog::catalog::SHARED_METADATA, "file:WiredTiger.wt"].contains(&old.uri.as_str());
        // A local checkpoint's cookie holds the size itself.
        let resized = files.contains(old.uri.strip_prefix("file:").unwrap_or(&old.uri));
        let same = (resized || new.root_cookie == old.root_cookie)
            && (new.recomputed_size, new.pages) == (old.recomputed_size, old.pages);
        if !metadata && !same {
            return Err(format!("{} would have different content", old.uri));
        }
        let set = sizes.get(old.uri.as_str()).copied();
        let wanted = set.or(old.published_size);
        if !metadata && before.local.is_none() && new.published_size != wanted {
            return Err(format!("{} would publish {:?} bytes instead of {wanted:?}", old.uri, new.published_size));
        }
    }
    Ok(())
}
