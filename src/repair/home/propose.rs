//! What a plan can propose for a local home: metadata and a turtle that fits, single bits of blocks, first blocks of
//! files, sizes of newest checkpoints.

use super::bits;
use super::first_block;
use super::indexes;
use super::metadata::{self, Proposal};
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::home::result::{FileInfo, LocalCheckpointInfo};
use crate::audit::result::Audit;
use crate::format::home_turtle;
use crate::format::page_header::PageType;
use crate::home::directory::{Home, Issue, METADATA, Source, Way};
use crate::home::edit::{self, LocalEdit, NewBlock};
use crate::repair::plan::{Action, Advice, What};
use crate::words;

/// The actions that would mend what an audit of this home found, and what is left to others.
///
/// Metadata or a turtle that is of no use comes first, and alone: what everything else stands on is known once it is
/// in its place. So do blocks, for a new size is written into blocks that must be sound. A size is proposed only if the
/// whole tree was read and nothing else is wrong with its file.
pub fn propose(home: &Home, audit: &Audit) -> (Vec<Action>, Vec<Advice>) {
    let proposed = home.proposed_turtle.as_ref().and_then(|text| turtle(home, audit, text));
    if let Some(action) = proposed {
        return (vec![action], Vec::new());
    }
    let advice = match metadata::propose(home, audit) {
        Proposal::Do(action) => return (vec![*action], Vec::new()),
        Proposal::Cannot(advice) => Some(advice),
        Proposal::NotNeeded => None,
    };
    let blocks = [bits::propose(home, audit), first_block::propose(home, audit)].concat();
    let actions = if blocks.is_empty() && home.proposed_turtle.is_none() { sizes(home, audit) } else { blocks };
    // Where there is nothing for a turtle to lead to, that is what matters.
    let advice = match advice {
        Some(advice) if !home.inventory.contains_key(METADATA) => Some(advice),
        advice => turtle_advice(home, audit).or(advice),
    };
    let mut advice: Vec<Advice> = advice.into_iter().collect();
    advice.extend(indexes::advice(home, audit, &actions));
    (actions, advice)
}

/// The edit that an action of a local home stands for; `None` for the actions of other stores.
pub fn edit(what: &What) -> Option<LocalEdit> {
    match what {
        What::SetFileSize { file, checkpoint, to, cookie_to, .. } => Some(LocalEdit::SetSize {
            file: file.clone(),
            checkpoint: checkpoint.clone(),
            size: *to,
            cookie_size: *cookie_to,
        }),
        What::RebuildTurtle { text, .. } => Some(LocalEdit::Turtle { text: text.clone() }),
        What::RenameTurtle { .. } => Some(LocalEdit::RenameTurtle),
        What::RestoreMetadata { from, .. } => Some(LocalEdit::RestoreMetadata { from: from.clone() }),
        What::RebuildMetadata { .. } => Some(LocalEdit::RebuildMetadata),
        What::FlipBit { .. } => bits::edit(what),
        What::RebuildFirstBlock { .. } => first_block::edit(what),
        _ => None,
    }
}

/// Why no turtle is proposed where one is needed, and what to do then.
fn turtle_advice(home: &Home, audit: &Audit) -> Option<Advice> {
    let is_turtle =
        |f: &&Finding| f.place.file.as_deref() == Some(home_turtle::FILE_NAME) && f.severity == Severity::Error;
    let finding = audit.findings.iter().find(is_turtle)?;
    let old = home.engine().is_some_and(|engine| engine < (3, 2));
    let why = if !home.inventory.contains_key(METADATA) {
        format!("{METADATA} is missing too")
    } else if old {
        format!(
            "the engine that wrote this directory left no copy of its checkpoint in {METADATA}; engines since 3.2 do"
        )
    } else if home.encrypted {
        format!("the copy of its checkpoint in {METADATA} is encrypted")
    } else if home.way != Way::Recovery {
        format!("no copy of its checkpoint was found in {METADATA}: the blocks that held it are damaged or missing")
    } else if home.proposed_turtle.is_none() {
        "the version that a turtle must state is not known: the file WiredTiger is missing".to_string()
    } else {
        format!("{METADATA} itself is damaged: with a turtle for it the engine would just fail at the next error")
    };
    let advice = format!(
        "no turtle can be proposed: {why}. Restore the turtle or the directory from a backup, or the member from a \
         healthy one; each table can be examined on its own with wtcheck audit FILE"
    );
    Some(Advice { code: finding.code.name().into(), place: home_turtle::FILE_NAME.into(), advice })
}

fn turtle(home: &Home, audit: &Audit, text: &str) -> Option<Action> {
    let instead_of = home.issues.iter().find_map(|issue| match issue {
        Issue::TurtleMissing(words) => Some(words.clone()),
        Issue::TurtleInvalid { offset, reason } => Some(format!("byte {offset}: {reason}")),
        Issue::TurtleStale { cookies: (old, _), .. } => Some(format!("its cookie is not valid: {old}")),
        _ => None,
    })?;
    let codes = [Code::FileMissing, Code::TurtleInvalid];
    let is_turtle = |f: &&Finding| f.place.file.as_deref() == Some(home_turtle::FILE_NAME) && codes.contains(&f.code);
    let finding = audit.findings.iter().find(is_turtle)?;
    // What the copy leads to must be there, or the engine would only go on to the next error.
    let what = What::RebuildTurtle { instead_of, text: text.to_string() };
    if !home.complete || edit::changes(home, &[edit(&what)?], 0).is_err() {
        return None;
    }
    let mut evidence = words::of(finding).evidence;
    evidence.push(format!("the copy of its newest checkpoint in {METADATA} leads to every row of the metadata"));
    let others = audit.findings.iter().filter(|f| is_error_of(f, METADATA)).count();
    if others > 0 {
        evidence.push(format!("{METADATA} has {others} other errors, which stay"));
    }
    let why = if finding.code == Code::FileMissing {
        "Without a turtle the engine takes the directory for a new database.".to_string()
    } else {
        "The turtle does not lead to the metadata, so the engine cannot open the directory.".to_string()
    };
    Some(Action {
        what,
        code: finding.code.name().to_string(),
        why,
        evidence,
        writes: vec![home_turtle::FILE_NAME.to_string()],
    })
}

fn sizes(home: &Home, audit: &Audit) -> Vec<Action> {
    let Some(local) = audit.local.as_ref().filter(|_| home.way == Way::Turtle && home.complete) else {
        return Vec::new();
    };
    let mut wrong: Vec<Wrong<'_>> = local.files.iter().filter_map(|file| Wrong::find(file, audit)).collect();
    let edits = |wrong: &[Wrong<'_>]| wrong.iter().filter_map(|w| edit(&w.what)).collect::<Vec<_>>();
    let prepared = edit::prepare(home, &edits(&wrong), 0).or_else(|_| {
        // One that cannot be set must not keep the others from it.
        wrong.retain(|w| edit::prepare(home, &edits(std::slice::from_ref(w)), 0).is_ok());
        edit::prepare(home, &edits(&wrong), 0)
    });
    let Ok(prepared) = prepared else { return Vec::new() };
    wrong.into_iter().map(|w| w.action(&prepared.blocks)).collect()
}

/// A file whose newest checkpoint states a wrong size.
struct Wrong<'a> {
    file: &'a FileInfo,
    last: &'a LocalCheckpointInfo,
    finding: &'a Finding,
    what: What,
}

impl<'a> Wrong<'a> {
    fn find(file: &'a FileInfo, audit: &'a Audit) -> Option<Self> {
        let own = |f: &&Finding| f.place.file.as_deref() == Some(&file.file);
        let last = file.checkpoints.last()?;
        let to = last.recomputed_size;
        let cookie_to = to.checked_sub(last.root.map_or(0, |r| u64::from(r.size)))?;
        // Recovery takes the row from the log, whatever the metadata says.
        if file.source == Source::Log.name() {
            return None;
        }
        if !last.complete || (last.published_size, last.checkpoint_size) == (to, cookie_to) {
            return None;
        }
        // Older checkpoints may state wrong sizes too: the engine never changes those, and nor does a repair.
        let of_last = |f: &&Finding| f.checkpoint_sizes().is_some_and(|s| s.checkpoint == last.name);
        let finding = audit.findings.iter().filter(own).find(of_last)?;
        let unread = [Code::Encrypted, Code::UnsupportedCompressor];
        let doubtful =
            audit.findings.iter().any(|f| is_error_of(f, &file.file) || (own(&f) && unread.contains(&f.code)));
        let space = file.space.is_some_and(|s| !s.uncertain && s.lost == 0 && s.overlapping == 0);
        if doubtful || !space {
            return None;
        }
        let what = What::SetFileSize {
            file: file.file.clone(),
            checkpoint: last.name.clone(),
            from: last.published_size,
            to,
            cookie_from: last.checkpoint_size,
            cookie_to,
        };
        Some(Self { file, last, finding, what })
    }

    fn action(self, blocks: &[NewBlock]) -> Action {
        let Self { file, last, finding, what } = self;
        let (pages, to) = (last.pages.reachable, last.recomputed_size);
        let why = format!(
            "The newest checkpoint states {} bytes ({} in its cookie, without the root), and its tree has {pages} \
             blocks of {to} bytes.",
            last.published_size, last.checkpoint_size
        );
        let said = words::of(finding);
        let mut evidence = vec![format!("expected {}", said.expected), format!("found {}", said.found)];
        evidence.extend(said.evidence);
        Action { what, code: finding.code.name().to_string(), why, evidence, writes: writes(&file.file, blocks) }
    }
}

/// An error of a file that is not about sizes.
fn is_error_of(finding: &Finding, file: &str) -> bool {
    finding.severity == Severity::Error
        && finding.place.file.as_deref() == Some(file)
        && finding.code != Code::CheckpointSizeMismatch
}

/// What setting the size of a file writes, out of the blocks that all the sizes together write.
fn writes(file: &str, blocks: &[NewBlock]) -> Vec<String> {
    let mut out = Vec::new();
    let line = |b: &NewBlock, what: &str| format!("{METADATA}: {what} at {}, {} bytes", b.offset, b.size);
    let row = |b: &&NewBlock| b.files.iter().any(|f| f == file);
    out.extend(blocks.iter().filter(row).map(|b| line(b, &format!("new leaf with the row file:{file}"))));
    let internal: Vec<&NewBlock> = blocks.iter().filter(|b| b.kind == PageType::RowInternal.name()).collect();
    if let Some((root, above)) = internal.split_last() {
        if !above.is_empty() {
            let bytes: u64 = above.iter().map(|b| u64::from(b.size)).sum();
            out.push(format!("{METADATA}: {} new internal pages, {bytes} bytes", above.len()));
        }
        out.push(line(root, "new root"));
    }
    let lists = blocks.iter().filter(|b| b.kind == PageType::BlockManager.name());
    out.extend(lists.map(|b| line(b, "extent list of the new checkpoint")));
    out.push(home_turtle::FILE_NAME.to_string());
    out
}
