//! What `wtcheck repair` shows: the plan in short, before and after, and the way back.

use super::Output;
use super::table::{Table, number, prose, whole};
use super::text::{command, count, escape, grouped, short_name, signed, table};
use crate::audit::result::{Audit, SCHEMA_VERSION, Verdict};
use crate::exit;
use crate::repair::apply::Applied;
use crate::repair::plan::{Plan, What};
use crate::repair::undo::Undone;
use crate::repair::{describe, undo_command};
use crate::schema::repair::{AppliedPlan, PlanFile, Side, TreeSide, UndonePlan};
use crate::store::StoreKind;
use crate::words::text::shell;
use std::collections::HashMap;
use std::path::Path;

/// Actions shown of a plan; the file has them all.
const SHOWN: usize = 40;

/// The plan as it is written to a file.
pub fn yaml(plan: &Plan) -> String {
    let head = "\
# A wtcheck repair plan. Nothing has been changed yet.
#
# Read `actions`; remove those you do not want. Then repair a copy:
#   wtcheck repair apply THIS-FILE --output NEWDIR
# or the directory itself:
#   wtcheck repair apply THIS-FILE --in-place
# The plan is valid for the store as it is now; if the store changes, make a new one.
";
    format!("{head}{}", serde_yaml::to_string(plan).unwrap_or_default())
}

/// A plan that was written to a file, in short.
pub fn plan(plan: &Plan, (dir, path): (&Path, &Path), audited: &Audit, exit_code: u8, output: &mut Output) {
    let (gathered, audited) = (audited.store.gathered, audited.exit_code);
    let plan_file = (!plan.actions.is_empty()).then(|| path.display().to_string());
    let report = PlanFile { schema_version: SCHEMA_VERSION, plan_file, plan, exit_code };
    let (width, paint) = (output.width, output.paint);
    let limit = if output.verbose > 0 { usize::MAX } else { SHOWN };
    output.document(&report, || {
        let mut out = String::new();
        let store = &plan.store;
        out.push_str(&format!(
            "{}: {}{}; saw {} in {}\n",
            escape(&dir.display().to_string()),
            store.kind.words(),
            if store.kind == StoreKind::Local { String::new() } else { format!(", formats of {}", store.generation) },
            count(plan.seen.live_pages, "live page"),
            count(plan.seen.trees, "tree"),
        ));
        if plan.actions.is_empty() {
            out.push_str(&match audited {
                0 => paint.good("Nothing to repair.\n"),
                _ => paint.warn("There are findings, but none that a repair can fix; `wtcheck audit` lists them.\n"),
            });
            out.push_str("No plan was written.\n");
        } else {
            let shown = || plan.actions.iter().take(limit).enumerate();
            let rows = shown().map(|(at, a)| {
                let (what, from, to) = short(&a.what);
                vec![(at + 1).to_string(), what, from, to, escape(&a.code)]
            });
            let columns = [number(""), prose("What"), number("From"), number("To"), whole("Finding").goes(1)];
            out.push_str(&Table::new(columns, rows).text(width.map(usize::from), paint));
            for (at, a) in shown() {
                out.push_str(&format!("{}: {}\n", at + 1, escape(&a.why)));
            }
            if let Some(more) = plan.actions.len().checked_sub(limit).filter(|n| *n > 0) {
                out.push_str(&format!("and {}; the plan lists them all\n", count(more as u64, "more action")));
            }
        }
        for a in &plan.advice {
            out.push_str(&paint.warn(&format!("{} at {}: {}\n", a.code, escape(&a.place), escape(&a.advice))));
        }
        if !plan.actions.is_empty() {
            let (plan_path, path) = (path, escape(&path.display().to_string()));
            if gathered {
                out.push_str("\nNothing has been changed, and nothing can be applied here: dumps are not the page log.\nThe commands above are for its leader.\n");
                return out;
            }
            out.push_str(&format!(
                "\nNothing has been changed. Read the plan in {path}, then:\n{}",
                command(&format!("wtcheck repair apply {} --output NEWDIR", shell(plan_path)))
            ));
        }
        out
    });
}

/// An action in three cells.
fn short(what: &What) -> (String, String, String) {
    let none = String::new;
    match what {
        What::SetSize { tree, from, to, .. } => {
            (format!("size= of {}", escape(short_name(tree))), grouped(*from), grouped(*to))
        }
        What::SetDatabaseSize { from, to } => ("database_size".into(), grouped(*from), grouped(*to)),
        What::Discard { .. } | What::Withdraw { .. } => (describe(what), none(), none()),
        What::AbandonUnfinished { rows, .. } => (describe(what), grouped(*rows), "0".into()),
        What::DropCompletion { lsns, falls_back_to_lsn } => (
            "newest completion record".into(),
            lsns.last().map_or_else(none, |l| format!("LSN {l}")),
            format!("LSN {falls_back_to_lsn}"),
        ),
        What::SetFileSize { file, from, to, .. } => {
            (format!("size= of {}", escape(file)), grouped(*from), grouped(*to))
        }
        What::RenameTurtle { from, to } => ("the turtle's name".into(), escape(from), escape(to)),
        What::RestoreMetadata { from, .. } => (escape(from), "set aside".into(), "WiredTiger.wt".into()),
        What::RebuildMetadata { instead_of, tables, .. } => {
            ("WiredTiger.wt".into(), escape(instead_of), format!("rebuilt: {} tables", grouped(*tables)))
        }
        What::FlipBit { file, offset, byte, bit, .. } => {
            let at = format!("byte {}, bit {bit}", grouped(offset.saturating_add(*byte)));
            (escape(file), at, "flipped".into())
        }
        What::RebuildFirstBlock { file, .. } => (escape(file), "first block damaged".into(), "rebuilt".into()),
        What::RebuildTurtle { instead_of, .. } => ("WiredTiger.turtle".into(), escape(instead_of), "rebuilt".into()),
    }
}

fn side(audit: &Audit) -> Side<'_> {
    let tree = |t: &'_ crate::audit::result::TreeInfo| (t.published_size, t.recomputed_size);
    Side {
        verdict: audit.verdict,
        totals: &audit.totals,
        completion_lsn: audit.checkpoint.as_ref().map(|c| c.lsn),
        orphans: audit.orphans.len() as u64,
        database_size: audit.database.published_size,
        trees: audit
            .trees
            .iter()
            .map(|t| TreeSide { uri: &t.uri, published_size: tree(t).0, recomputed_size: tree(t).1 })
            .collect(),
    }
}

pub fn applied(plan: &Plan, applied: &Applied, exit_code: u8, output: &mut Output) {
    // For programs a path that holds from anywhere; for people the one that goes with what they typed.
    let journal = std::fs::canonicalize(&applied.journal).unwrap_or_else(|_| applied.journal.clone());
    let undo = undo_command(&applied.journal, &applied.directory);
    let report = AppliedPlan {
        schema_version: SCHEMA_VERSION,
        directory: applied.directory.display().to_string(),
        undo: undo_command(&journal, &applied.directory),
        journal: journal.display().to_string(),
        actions: plan.actions.iter().map(|a| describe(&a.what)).collect(),
        before: side(&applied.before),
        after: side(&applied.after),
        rolled_back: applied.rolled_back.as_deref(),
        exit_code,
    };
    let (width, paint) = (output.width, output.paint);
    let limit = if output.verbose > 0 { usize::MAX } else { SHOWN };
    output.document(&report, || {
        let mut out = format!("{}\n", escape(&report.directory));
        out.push_str(&table(width, &["", "Before", "After", "Change"], &[1, 2, 3], rows(applied, limit)));
        match &applied.rolled_back {
            Some(why) => out.push_str(&paint.bad(&format!("Rolled back: {}\n", escape(why)))),
            None => {
                let after = &applied.after;
                out.push_str(&match after.verdict {
                    Verdict::Clean => paint.good("Repaired; audited again: clean.\n"),
                    _ => paint.warn(&format!(
                        "Repaired; audited again: {} and {} remain.\n",
                        count(after.totals.errors, "error"),
                        count(after.totals.warnings, "warning")
                    )),
                });
                out.push_str(&format!("\nTo undo it:\n{}", command(&escape(&undo))));
            }
        }
        out
    });
}

/// What changed, line by line.
fn rows(applied: &Applied, limit: usize) -> Vec<Vec<String>> {
    let (before, after) = (&applied.before, &applied.after);
    let number = |n: Option<u64>| n.map_or("-".to_string(), grouped);
    let change = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => {
            let distance = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
            signed(if b >= a { distance } else { -distance })
        }
        _ => String::new(),
    };
    let mut out = Vec::new();
    let mut line = |what: String, a: Option<u64>, b: Option<u64>| {
        out.push(vec![what, number(a), number(b), change(a, b)]);
    };
    let now: HashMap<&str, Option<u64>> = after.trees.iter().map(|t| (t.uri.as_str(), t.published_size)).collect();
    let mut changed = 0;
    for old in &before.trees {
        let published = now.get(old.uri.as_str()).copied().flatten();
        if published != old.published_size {
            changed += 1;
            if changed <= limit {
                line(format!("size= of {}", escape(short_name(&old.uri))), old.published_size, published);
            }
        }
    }
    if changed > limit {
        line(format!("and {} more", count((changed - limit) as u64, "size")), None, None);
    }
    if before.database.published_size != after.database.published_size {
        line("database_size".into(), before.database.published_size, after.database.published_size);
    }
    let lsn = |a: &Audit| a.checkpoint.as_ref().map(|c| c.lsn.get());
    if before.local.is_none() {
        line("orphans".into(), Some(before.orphans.len() as u64), Some(after.orphans.len() as u64));
        line("rows".into(), Some(before.store.rows), Some(after.store.rows));
        line("newest checkpoint, LSN".into(), lsn(before), lsn(after));
    }
    line("errors".into(), Some(before.totals.errors), Some(after.totals.errors));
    line("warnings".into(), Some(before.totals.warnings), Some(after.totals.warnings));
    out
}

/// A repair that was taken back.
pub fn undone(undone: &Undone, output: &mut Output) -> u8 {
    let (changes, of) = undone.changes;
    let directory = undone.directory.display().to_string();
    let exit_code = if undone.differs.is_none() { exit::CLEAN } else { exit::FINDINGS };
    let report = UndonePlan {
        schema_version: SCHEMA_VERSION,
        directory,
        undone: &undone.actions,
        changes,
        of,
        differs: undone.differs.as_deref(),
        exit_code,
    };
    let paint = output.paint;
    output.document(&report, || {
        let mut out = String::new();
        for action in &undone.actions {
            out.push_str(&format!("undone: {}\n", escape(action)));
        }
        // As one would type it here.
        let here = std::env::current_dir().ok();
        let below = here.and_then(|here| undone.directory.strip_prefix(here).ok());
        let shown = below.filter(|path| !path.as_os_str().is_empty()).unwrap_or(&undone.directory);
        let directory = escape(&shown.display().to_string());
        let part = if changes == of { String::new() } else { format!(", of {} in the journal", grouped(of)) };
        let back = format!("{} put back{part}", count(changes, "record"));
        out.push_str(&match &undone.differs {
            None if undone.files => paint.good(&format!(
                "{directory}: everything that the repair changed is as it was before, byte for byte: \
                    {back}.\n"
            )),
            None => paint.good(&format!("{directory} is as it was before: {back}.\n")),
            Some(why) => paint.warn(&format!("{back}, but {directory} is not as it was before: {}.\n", escape(why))),
        });
        out
    });
    exit_code
}
