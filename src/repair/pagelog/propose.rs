//! From an audit of a page log to the actions of a plan.
//!
//! Only what is certain is proposed: sizes of trees that were read completely, orphans the audit
//! could judge. What a repair cannot mend becomes advice.

use super::changes::{self, Basis};
use crate::audit::finding::{Code, Finding, Severity};
use crate::audit::pagelog::account::BUFFER;
use crate::audit::pagelog::classify::Class;
use crate::audit::result::{Audit, OrphanInfo, TreeInfo};
use crate::format::generation::Generation;
use crate::id::{Lsn, PageId, TableId};
use crate::pagelog::catalog::SHARED_METADATA;
use crate::repair::plan::{Action, Advice, Seen, What};
use crate::repair::{Options, RepairError};
use crate::words;
use std::collections::{BTreeMap, HashMap};

/// Findings a size can be behind.
const SIZES: [Code; 4] = [Code::SizeInflated, Code::SizeDeflated, Code::SizeDoubleRoot, Code::SizeIsRootPageId];
/// What is wrong with the accounts of a tree whose pages are sound.
const ACCOUNTS: [Code; 9] = [
    Code::SizeInflated,
    Code::SizeDeflated,
    Code::SizeDoubleRoot,
    Code::SizeIsRootPageId,
    Code::DatabaseSizeInflated,
    Code::DatabaseSizeDeflated,
    Code::OrphanPage,
    Code::OrphanImage,
    Code::ObsoleteChainUncounted,
];
/// Completion records and turtle pages that cannot be used.
const UNUSABLE: [Code; 3] = [Code::TurtleChecksum, Code::TurtleInvalid, Code::CompletionInvalid];

/// What to do, and what to leave to others.
#[derive(Debug, Default)]
pub struct Proposal {
    /// Actions in the order of the plan.
    pub actions: Vec<Action>,
    pub advice: Vec<Advice>,
}

/// Make a proposal.
pub fn propose(basis: &Basis<'_>, options: &Options<'_>) -> Result<Proposal, RepairError> {
    let mut out = Proposal::default();
    let drop = drops(basis, options, &mut out)?;
    if drop.is_none() && basis.opened.completions.last().is_some_and(|c| c.lsn > basis.checkpoint.lsn) {
        // Whatever were written now would bury a record that a better copy may bring back to life.
        advise(basis.audit, &mut out);
        return Ok(out);
    }
    let sizes = sizes(basis, options)?;
    let mut shift = 0_i128;
    for action in &sizes {
        if let What::SetSize { from, to, .. } = action.what {
            shift += i128::from(to) - i128::from(from);
        }
    }
    let database = database(basis, options, &sizes, shift);
    let orphans = orphans(basis, options);
    out.actions.extend(drop);
    let mut rest = sizes;
    rest.extend(database);
    rest.extend(orphans);
    let (rows, bytes) = changes::unfinished(basis.opened, basis.checkpoint);
    if rows > 0 && changes::needs_checkpoint(&rest) {
        out.actions.push(Action {
            what: What::AbandonUnfinished { above_lsn: basis.checkpoint.lsn, rows, bytes },
            code: "unfinished-work".into(),
            why: "no checkpoint has completed this work; the engine removes it itself when it next leads, and under a \
                  new completion record it would count as complete"
                .into(),
            evidence: vec![format!("the newest usable completion record is at LSN {}", basis.checkpoint.lsn)],
            writes: vec![format!("removes {rows} rows; the undo journal keeps them")],
        });
    }
    out.actions.extend(rest);
    advise(basis.audit, &mut out);
    Ok(out)
}

/// Counts of healthy things.
pub fn seen(basis: &Basis<'_>) -> Seen {
    let audit = basis.audit;
    let live = audit.versions.get("live").copied().unwrap_or_default();
    Seen {
        checkpoints: audit.keystore.checkpoints.len() as u64,
        trees: audit.trees.len() as u64,
        live_pages: audit.trees.iter().map(|t| t.pages.reachable).sum(),
        live_versions: live.count,
        live_bytes: live.bytes,
        orphans: audit.orphans.len() as u64,
    }
}

/// Trees whose published size is not what their pages add up to.
fn sizes(basis: &Basis<'_>, options: &Options<'_>) -> Result<Vec<Action>, RepairError> {
    let keeps = Generation::from_name(basis.audit.store.generation).is_some_and(Generation::keeps_sizes);
    let of_sizes = basis.audit.findings.iter().filter(|f| SIZES.contains(&f.code));
    let causes: BTreeMap<&str, &Finding> = of_sizes.filter_map(|f| Some((f.place.uri.as_deref()?, f))).collect();
    let mut pages = changes::Ways::new(basis)?;
    let mut out = Vec::new();
    for tree in &basis.audit.trees {
        let Some(from) = tree.published_size else { continue };
        if !options.is_table(&tree.uri) || !tree.complete || from == tree.recomputed_size {
            continue;
        }
        let cause = causes.get(tree.uri.as_str()).copied();
        if !is_sound(basis.audit, tree) {
            continue;
        }
        // Where the formats keep no totals the root's page id is what belongs there, unless asked for.
        let by_name = options.only.contains(&Code::SizeIsRootPageId) && !keeps;
        let code = match cause {
            Some(f) => f.code,
            None if by_name => Code::SizeIsRootPageId,
            None => continue,
        };
        // A leftover page id is no count at all, so there is nothing to explain.
        let counted = code != Code::SizeIsRootPageId;
        if !options.is_code(code) || (counted && !is_one_number(tree, cause)) {
            continue;
        }
        out.push(size(&mut pages, tree, from, code, cause)?);
    }
    Ok(out)
}

/// Nothing is wrong with a tree but its accounts: what is reached is then what there is.
fn is_sound(audit: &Audit, tree: &TreeInfo) -> bool {
    let own =
        |f: &&Finding| f.place.uri.as_deref() == Some(tree.uri.as_str()) || f.place.table_id == Some(tree.table_id);
    !audit.findings.iter().filter(own).any(|f| f.severity == Severity::Error && !ACCOUNTS.contains(&f.code))
}

/// There is one way to count, or the difference is explained to the byte: where pages can be counted in two ways, and
/// nothing tells which was meant, each would be as wrong as the other.
fn is_one_number(tree: &TreeInfo, cause: Option<&Finding>) -> bool {
    let explained = cause.and_then(Finding::tree_size).is_some_and(|s| s.residual == 0);
    explained || (tree.physical_size == tree.recomputed_size && tree.pages.deleted_children == 0)
}

fn size(
    ways: &mut changes::Ways<'_>,
    tree: &TreeInfo,
    from: u64,
    code: Code,
    cause: Option<&Finding>,
) -> Result<Action, RepairError> {
    let why = match cause {
        Some(f) if !words::of(f).cause.is_empty() => words::of(f).cause,
        _ => code.info().title.to_string(),
    };
    let mut evidence = vec![format!(
        "{} pages reached, {} bytes by their cookies, {} bytes stored",
        tree.pages.reachable, tree.recomputed_size, tree.physical_size
    )];
    evidence.extend(cause.iter().flat_map(|f| words::of(f).evidence));
    let writes = match tree.uri.as_str() {
        SHARED_METADATA => vec!["the turtle page; what the repair itself writes is added to the size".to_string()],
        uri => {
            let (table, pages) = ways.to(uri)?;
            let pages: Vec<String> = pages.iter().map(PageId::to_string).collect();
            vec![format!("new versions of page {} of table {table} (the last one as a new root)", pages.join(", "))]
        }
    };
    let what = What::SetSize { tree: tree.uri.clone(), table_id: tree.table_id, from, to: tree.recomputed_size };
    Ok(Action { what, code: code.name().into(), why, evidence, writes })
}

/// `database_size`, after the sizes of the trees.
fn database(basis: &Basis<'_>, options: &Options<'_>, sizes: &[Action], shift: i128) -> Option<Action> {
    let database = &basis.audit.database;
    let from = database.published_size?;
    let set = |a: &Action| match &a.what {
        What::SetSize { tree, to, .. } => Some((tree.clone(), *to)),
        _ => None,
    };
    let set: HashMap<String, u64> = sizes.iter().filter_map(set).collect();
    let after = |tree: &TreeInfo| set.get(&tree.uri).copied().or(tree.published_size).unwrap_or(0);
    let codes = [Code::DatabaseSizeInflated, Code::DatabaseSizeDeflated];
    let cause = basis.audit.findings.iter().find(|f| codes.contains(&f.code));
    // Where the total itself is not at fault, it is the sizes that move it.
    let code = cause.map(|f| f.code.name().to_string()).or_else(|| sizes.first().map(|a| a.code.clone()));
    let code = code.unwrap_or_else(|| Code::DatabaseSizeInflated.name().to_string());
    let unlisted = options.tables.is_some() || !options.only.is_empty();
    let asked = cause.is_some_and(|f| options.is_code(f.code)) && options.tables.is_none();
    // Not all trees were looked at, or it was not asked for: it follows the trees, no more.
    if unlisted && !asked {
        let sum = basis.audit.trees.iter().map(after).fold(BUFFER, u64::saturating_add);
        // It may have been right all along, and the trees wrong.
        let (to, why) = match sum == from {
            true => (from, "the total stays: the trees add up to it with the sizes set above"),
            false => (clamped(i128::from(from) + shift), "the total changes only with the sizes set above"),
        };
        return (shift != 0).then(|| Action {
            what: What::SetDatabaseSize { from, to },
            code,
            why: why.into(),
            evidence: Vec::new(),
            writes: vec!["the completion record".into()],
        });
    }
    // A row that cannot be read may hide a tree, and its size.
    let hidden = [Code::MetadataInvalid, Code::DuplicateTreeId];
    let unknown = basis.audit.findings.iter().any(|f| hidden.contains(&f.code))
        || basis.audit.trees.iter().any(|t| (t.uri == SHARED_METADATA && !t.complete) || t.published_size.is_none());
    let to = basis.audit.trees.iter().map(after).fold(BUFFER, u64::saturating_add);
    if unknown || to == from {
        return None;
    }
    let why = match cause {
        Some(f) => words::of(f).cause,
        None => "the sum of the trees and the 1 MiB buffer, after the sizes set above".to_string(),
    };
    let mut evidence = vec![format!("trees {} + buffer {BUFFER}", to - BUFFER)];
    evidence.extend(cause.iter().flat_map(|f| words::of(f).evidence));
    Some(Action {
        what: What::SetDatabaseSize { from, to },
        code,
        why,
        evidence,
        writes: vec!["the completion record; what the repair itself writes is added".into()],
    })
}

fn clamped(v: i128) -> u64 {
    u64::try_from(v.max(0)).unwrap_or(u64::MAX)
}

/// Orphans, page by page.
fn orphans(basis: &Basis<'_>, options: &Options<'_>) -> Vec<Action> {
    let mut pages: BTreeMap<(TableId, PageId), Vec<&OrphanInfo>> = BTreeMap::new();
    let youngest = basis.checkpoint.lsn.get().saturating_sub(options.min_age);
    for orphan in &basis.audit.orphans {
        let table = orphan.uri.as_deref().is_none_or(|uri| options.is_table(uri));
        if table && orphan.lsn <= youngest {
            pages.entry((orphan.table_id, orphan.page_id)).or_default().push(orphan);
        }
    }
    let of_orphans = basis.audit.findings.iter().filter(|f| matches!(f.code, Code::OrphanPage | Code::OrphanImage));
    let findings: HashMap<(Option<TableId>, Option<PageId>), &Finding> =
        of_orphans.map(|f| ((f.place.table_id, f.place.page_id), f)).collect();
    let mut out = Vec::new();
    for ((table, page), list) in pages {
        let range = basis.opened.index.page(table, page);
        let rows = basis.opened.index.slice(range.clone());
        let class = basis.class.get(range).unwrap_or_default();
        let lsns: Vec<Lsn> = list.iter().map(|o| o.lsn).collect();
        let bytes = list.iter().map(|o| o.bytes).sum();
        let tree = list.first().and_then(|o| o.uri.clone());
        // A discard record ends a page: it must be no page that anything needs, now or later, and a page has one.
        let in_use = class.contains(&Class::Live);
        let discarded = rows.iter().any(|r| r.is_discard() && r.lsn <= basis.checkpoint.lsn);
        let whole = class.iter().filter(|c| **c == Class::Orphan).count() == lsns.len();
        let discard = !in_use && !discarded && whole;
        let code = if class.iter().any(|c| matches!(c, Class::Live | Class::Kept)) {
            Code::OrphanImage
        } else {
            Code::OrphanPage
        };
        if !options.is_code(code) {
            continue;
        }
        let finding = findings.get(&(Some(table), Some(page)));
        let mut evidence: Vec<String> = list.iter().map(|o| format!("LSN {}, {} bytes", o.lsn, o.bytes)).collect();
        evidence.extend(finding.iter().flat_map(|f| words::of(f).evidence));
        let (what, why, writes) = if discard {
            (
                What::Discard { tree, table_id: table, page_id: page, lsns, bytes },
                "no checkpoint reaches the page and nothing discards it",
                "a discard record",
            )
        } else {
            (
                What::Withdraw { tree, table_id: table, page_id: page, lsns, bytes },
                match in_use {
                    true => {
                        "a put that was never completed, for a page in use: a discard record would remove the whole \
                         page from the live set, so the row itself is removed"
                    }
                    false => {
                        "a put that was never completed, for a page that other records end or need: a page can have \
                         only one discard record, so the row itself is removed"
                    }
                },
                "removes the row; the undo journal keeps it",
            )
        };
        out.push(Action {
            what,
            code: code.name().into(),
            why: why.into(),
            evidence,
            writes: vec![writes.to_string()],
        });
    }
    out
}

/// Unusable newest completion records, if they were named.
fn drops(basis: &Basis<'_>, options: &Options<'_>, out: &mut Proposal) -> Result<Option<Action>, RepairError> {
    let newer: Vec<Lsn> =
        basis.opened.completions.iter().map(|c| c.lsn).filter(|lsn| *lsn > basis.checkpoint.lsn).collect();
    if let Some(other) = options.drop_completion.iter().find(|lsn| !newer.contains(lsn)) {
        let there: Vec<String> = newer.iter().map(Lsn::to_string).collect();
        let there = if there.is_empty() { "there is none".into() } else { format!("there are {}", there.join(", ")) };
        return Err(RepairError::Refused(format!(
            "LSN {other} is not an unusable completion record newer than the newest usable one; {there}"
        )));
    }
    if newer.is_empty() {
        return Ok(None);
    }
    let unusable = |f: &&Finding| UNUSABLE.contains(&f.code) || f.code == Code::PageMissing;
    let cause = basis.audit.findings.iter().find(unusable);
    let code = cause.map_or("completion-invalid", |f| f.code.name()).to_string();
    if options.drop_completion.is_empty() {
        let flags: Vec<String> = newer.iter().map(|lsn| format!("--drop-completion {lsn}")).collect();
        out.advice.push(Advice {
            code,
            place: format!(
                "completion record at LSN {}",
                newer.iter().map(Lsn::to_string).collect::<Vec<_>>().join(", ")
            ),
            advice: format!(
                "a copy from another node is better; if there is none, fall back to LSN {} with repair plan {}, which \
                 gives up what was written since",
                basis.checkpoint.lsn,
                flags.join(" ")
            ),
        });
        return Ok(None);
    }
    let evidence = cause.map(words::of).map(|w| format!("expected {}, found {}", w.expected, w.found)).into_iter();
    Ok(Some(Action {
        what: What::DropCompletion { lsns: options.drop_completion.clone(), falls_back_to_lsn: basis.checkpoint.lsn },
        code,
        why: "requested by LSN: the newest completion record cannot be used".into(),
        evidence: evidence.collect(),
        writes: vec!["removes the completion record; the undo journal keeps it".into()],
    }))
}

/// What the live leader is told, where there are only dumps of its page log: it alone can mend it.
pub fn on_the_leader(actions: &[Action]) -> Vec<Advice> {
    let command = |what: String, rest: &str| {
        format!("on the live leader: db.adminCommand({{wiredTigerRepair: 1, {what}}}), then a checkpoint{rest}")
    };
    let advice = |action: &Action| {
        let (place, advice) = match &action.what {
            What::SetSize { tree, .. } => {
                let what = format!("fixBtreeSize: {{uri: {tree:?}}}");
                (tree.clone(), command(what, "; the pages that leaked stay in the page log"))
            }
            What::SetDatabaseSize { .. } => {
                ("database_size".to_string(), command("fixDatabaseSize: true".to_string(), ""))
            }
            What::Discard { table_id, page_id, .. } | What::Withdraw { table_id, page_id, .. } => (
                format!("table {table_id}, page {page_id}"),
                "no command on a running leader reaches it; it only costs space".to_string(),
            ),
            _ => return None,
        };
        Some(Advice { code: action.code.clone(), place, advice })
    };
    actions.iter().filter_map(advice).collect()
}

/// What a repair does not do.
fn advise(audit: &Audit, out: &mut Proposal) {
    for f in &audit.findings {
        let advice = match f.code {
            Code::LsnCounterBehind => {
                "set by the next repair that writes a checkpoint; otherwise set it by hand, before the engine assigns \
                an LSN twice"
            }
            Code::StaleKeystore => {
                "a repair never changes this: a standby with the newer key must skip this checkpoint and wait for the \
                 next one; if the primary is gone, take a checkpoint on a node that holds the newest key"
            }
            _ => continue,
        };
        let place = match f.place.lsn {
            Some(lsn) => format!("LSN {lsn}"),
            None => "the store".to_string(),
        };
        out.advice.push(Advice { code: f.code.name().into(), place, advice: advice.into() });
    }
}
