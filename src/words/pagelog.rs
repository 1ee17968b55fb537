//! The English of findings about page logs.

use super::Words;
use super::text::{list, said, utc};
use crate::audit::pagelog::account::{Candidate, CandidateKind};
use crate::audit::pagelog::fact::{Back, DatabaseSize, Fact, Orphan, TreeSize};
use crate::id::TableId;
use crate::pagelog::catalog::{MetadataIssue, Refusal};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What a finding says.
pub fn of(fact: &Fact) -> Words {
    match fact {
        Fact::Fault { fault, pages } => super::pagelog_page::of(fault, *pages),
        Fact::Refused { record, text, refusal } => refused(refusal, record, text),
        Fact::Metadata(issue) => match issue {
            MetadataIssue::Row { error, .. } => said("a valid metadata row", error.to_string()),
            MetadataIssue::Cookie { error, .. } => said("a valid root cookie", error.to_string()),
            MetadataIssue::DuplicateId { uris, .. } => said("one file per id", uris.join(" and ")),
            MetadataIssue::MissingStable { stable, older_id, unlisted, .. } => {
                missing_stable(stable, *older_id, unlisted)
            }
        },
        Fact::Damaged { error } => said("a readable database file", error.clone()),
        Fact::TreeSize(size) => tree_size(size),
        Fact::DatabaseSize(size) => database_size(size),
        Fact::RootPageId { published, recomputed } => {
            said(format!("{recomputed} bytes"), format!("{published}, the root's page id"))
        }
        Fact::ObsoleteChain(chain) => obsolete_chain(chain),
        Fact::Orphan(orphan) => of_orphan(orphan),
        Fact::DuplicateDelta { bytes } => said("no row", format!("a delta of {bytes} bytes that nothing names")),
        Fact::LsnCounter { counter, highest } => {
            said(format!("an LSN counter of at least {highest}"), counter.to_string())
        }
        Fact::LastCompleted { named, newest, record } => last_completed(*named, *newest, record),
        Fact::NoCompletion { named } => Words {
            evidence: named
                .iter()
                .map(|id| format!("the store's counters name checkpoint {id} as the last completed one"))
                .collect(),
            ..said("a completion record", "none")
        },
        Fact::StaleKey { own, newest, record, metadata } => Words {
            cause: "a key rotation was flushed between the tree checkpoints and the turtle page".into(),
            evidence: vec![
                format!("completion record at LSN {}, turtle page at LSN {}", record.dated(), metadata.dated()),
                format!(
                    "a standby that has committed the key at LSN {} refuses this checkpoint with EINVAL",
                    newest.dated()
                ),
            ],
            ..said(format!("key LSN {}", newest.dated()), format!("key LSN {}", own.dated()))
        },
        Fact::KeyPageMissing { lsn, users } => Words {
            evidence: vec![format!("embedded by the checkpoints with LSN {}", list(users))],
            ..said(format!("a key page at LSN {}", lsn.dated()), "no row")
        },
        Fact::KeyPageInvalid { error, users } => {
            let mut words = said("a valid key page header", error.clone());
            if !users.is_empty() {
                words.evidence.push(format!("embedded by the checkpoints with LSN {}", list(users)));
            }
            words
        }
        Fact::NotAscending { back, before } => Words {
            cause: "two nodes were leader at the same time, or a leader started from an older state (WT-16494)".into(),
            evidence: vec![format!("the completion record before it is at LSN {before}")],
            ..match back {
                Back::Order { from, to } => said(format!("a number above {from}"), format!("checkpoint number {to}")),
                Back::SameOrder { order } => {
                    said(format!("a number above {order}"), format!("another checkpoint numbered {order}"))
                }
                Back::SchemaEpoch { from, to } => {
                    said(format!("a schema epoch of at least {from:x}"), format!("schema epoch {to:x}"))
                }
            }
        },
        Fact::KeyAge { lsn, since, until, checkpoints } => Words {
            cause: "keys are not rotated here, or every checkpoint restarts the rotation clock (WT-17692)".into(),
            evidence: vec![
                format!("the key page is at LSN {lsn}, and {checkpoints} checkpoints embed it"),
                format!("written {}, embedded last {}", utc(*since), utc(*until)),
            ],
            ..said(
                "a new key page from time to time",
                format!("the same one for {} days", until.saturating_sub(*since) / 86_400),
            )
        },
        Fact::UnderOtherId { found, pages, bytes, whole } => Words {
            cause: format!(
                "the table was recreated and wrote its pages under the id of the dropped one, {found} (WT-18509)"
            ),
            evidence: vec![
                format!("table {found} has the same page with the same LSN and checksum"),
                format!(
                    "{pages} pages of the tree are there, {bytes} bytes{}",
                    if *whole { ": all of it" } else { "" }
                ),
            ],
            ..said("the root of the tree under its id", format!("the root under id {found}"))
        },
        Fact::PageIdReused { pages, discard, backlink } => Words {
            cause: "builds from before 2026-04-09 reused page ids that they had freed (WT-17130)".into(),
            evidence: vec![format!("discard record at LSN {discard}; the image in use follows that at LSN {backlink}")],
            ..said("page ids that are used once", format!("{pages} pages in use whose ids were discarded before"))
        },
        Fact::UnlistedTable { rows, bytes } => {
            said("a table that a checkpoint names", format!("{rows} rows, {bytes} bytes"))
        }
    }
}

fn missing_stable(stable: &str, older: Option<TableId>, unlisted: &[TableId]) -> Words {
    let mut words = said(stable, "no such metadata row");
    words.cause = match (unlisted, older) {
        ([], None) => return words,
        ([], Some(_)) => "a dropped table is back in the metadata, without its file (WT-18093)".into(),
        _ => "a recreated table is in the metadata, but its file was not published (WT-18093)".into(),
    };
    words.evidence.extend(older.map(|id| format!("an older checkpoint has the file under id {id}")));
    if !unlisted.is_empty() {
        words.evidence.push(format!("the page log has tables that no checkpoint names: {}", list(unlisted)));
    }
    words
}

fn refused(refusal: &Refusal, record: &impl Display, text: &str) -> Words {
    let mut words = match refusal {
        Refusal::CompletionInvalid(e) => {
            Words { evidence: vec![format!("its text: {text}")], ..said("a valid completion record", e.to_string()) }
        }
        Refusal::Unsupported(e) => said("a version this reader knows", e.to_string()),
        Refusal::TurtleEncrypted => said("a turtle page that can be read", "encrypted by the page service"),
        Refusal::TurtleMissing(fault) => super::pagelog_page::of(fault, None),
        Refusal::TurtleChecksum { expected, found, .. } => {
            said(format!("checksum {expected:08x}"), format!("checksum {found:08x}"))
        }
        Refusal::TurtleInvalid { error, .. } => said("a valid turtle page", error.to_string()),
        Refusal::RootCookie { error, .. } => said("a valid root cookie of the shared metadata", error.to_string()),
    };
    words.evidence.push(format!("completion record at LSN {record}"));
    words
}

fn tree_size(size: &TreeSize) -> Words {
    let mut words = said(format!("{} bytes", size.recomputed), format!("{} bytes", size.published));
    if size.published < size.recomputed {
        let missing = size.recomputed.saturating_sub(size.published);
        words.cause = if size.is_explained() {
            restarts(&size.explained_by, "subtracted from a total that did not include it")
        } else if size.published == 0 {
            "the running total was clamped to 0 after an underflow, or restarted from 0".into()
        } else {
            "bytes were subtracted twice: an over-decrement".into()
        };
        words.evidence.push(match size.residual {
            0 => format!("{missing} bytes too few, residual 0 bytes"),
            left => format!("{missing} bytes too few; nothing in the page log shows which, residual {left} bytes"),
        });
        words.evidence.extend(size.explained_by.iter().map(describe));
        return words;
    }
    words.cause = cause(size);
    words.evidence = size.explained_by.iter().map(describe).collect();
    if size.leaky_writer {
        words.evidence.push(
            "the turtle page was written by a build from before mid 2026: such builds leaked in several ways that leave \
            no trace"
                .into(),
        );
    }
    words
}

/// Roots that restarts counted wrong.
fn restarts(roots: &[Candidate], how: &str) -> String {
    let times: u64 = roots.iter().map(|c| c.times).sum();
    let bytes: u64 = roots.iter().map(|c| c.bytes).sum();
    let restarts = if times == 1 { "a restart".to_string() } else { format!("each of {times} restarts") };
    format!(
        "the root's size was {how} at {restarts}, as builds from before June 2026 did (root seeding): {bytes} bytes; \
         this explains the difference to the byte, residual 0"
    )
}

fn cause(size: &TreeSize) -> String {
    if size.explained_by.iter().any(|c| c.kind == CandidateKind::SeededRoot) {
        return restarts(&size.explained_by, "added to a total that already included it");
    }
    let mut by_kind: BTreeMap<CandidateKind, (u64, u64)> = BTreeMap::new();
    for c in &size.explained_by {
        let entry = by_kind.entry(c.kind).or_default();
        entry.0 = entry.0.saturating_add(1);
        entry.1 = entry.1.saturating_add(c.bytes);
    }
    let plural = |n: u64, one: &str, many: &str| if n == 1 { one.to_string() } else { format!("{n} {many}") };
    let mut parts: Vec<String> = by_kind
        .into_iter()
        .map(|(kind, (n, bytes))| match kind {
            CandidateKind::Orphan => format!(
                "{} put into the page log and counted, but no cookie names {} (WT-16660): {bytes} bytes",
                plural(n, "one block was", "blocks were"),
                if n == 1 { "it" } else { "them" }
            ),
            CandidateKind::ObsoleteChain => format!(
                "{} replaced by a full image that failed, and never subtracted (WT-17034): {bytes} bytes",
                plural(n, "one chain was", "chains were")
            ),
            CandidateKind::Root => format!(
                "{} counted twice, as builds before 2026-03-04 did (WT-16849): {bytes} bytes",
                plural(n, "one root is", "roots are")
            ),
            CandidateKind::SeededRoot => format!("{n} roots counted at restarts: {bytes} bytes"),
            CandidateKind::DuplicateDelta => format!(
                "{} left over and counted: {bytes} bytes",
                plural(n, "one failed delta is", "failed deltas are")
            ),
            CandidateKind::Superseded => format!(
                "{} superseded by a full image and probably never subtracted: {bytes} bytes",
                plural(n, "one chain was", "chains were")
            ),
            CandidateKind::DroppedTable => {
                format!("{} still counted: {bytes} bytes", plural(n, "one dropped table is", "dropped tables are"))
            }
        })
        .collect();
    if parts.is_empty() {
        return format!("no pattern in the page log fits, residual {} bytes", size.residual);
    }
    parts.push(match size.residual {
        0 => "this explains the difference to the byte, residual 0".to_string(),
        n => format!("residual {n} bytes, unexplained"),
    });
    parts.join("; ")
}

/// What a candidate is called, one and many of them.
pub fn kind(kind: CandidateKind) -> (&'static str, &'static str) {
    match kind {
        CandidateKind::Orphan => ("orphan", "orphans"),
        CandidateKind::ObsoleteChain => ("abandoned chain", "abandoned chains"),
        CandidateKind::Root => ("root counted twice", "roots counted twice"),
        CandidateKind::SeededRoot => ("root at restarts", "roots at restarts"),
        CandidateKind::DuplicateDelta => ("failed delta", "failed deltas"),
        CandidateKind::Superseded => ("superseded chain", "superseded chains"),
        CandidateKind::DroppedTable => ("dropped table", "dropped tables"),
    }
}

fn describe(c: &Candidate) -> String {
    if c.times > 1 {
        let each = c.bytes / c.times;
        return format!("{}: page {}, LSN {}, {} times {each} bytes", kind(c.kind).0, c.page, list(&c.lsns), c.times);
    }
    format!("{}: page {}, LSN {}, {} bytes", kind(c.kind).0, c.page, list(&c.lsns), c.bytes)
}

fn obsolete_chain(c: &Candidate) -> Words {
    Words {
        cause: "a full image over the chain failed; the page id was abandoned, and its bytes were not subtracted"
            .into(),
        evidence: vec![
            format!("chain at LSN {}, {} bytes", list(&c.lsns), c.bytes),
            format!(
                "failed full image at LSN {}, named by the page's discard record, reached by no checkpoint",
                c.lsn.dated()
            ),
        ],
        ..said(format!("{} bytes subtracted with the chain", c.bytes), "still part of the tree's published size")
    }
}

fn database_size(size: &DatabaseSize) -> Words {
    let right = size.expected;
    let mut words = said(
        format!("{right} bytes (trees {} + buffer {})", size.trees, size.buffer),
        format!("{} bytes", size.published),
    );
    if size.published < right {
        let names: Vec<String> = size.dropped.iter().map(|d| format!("{} ({} bytes)", d.uri, d.bytes)).collect();
        words.cause = if size.is_explained() {
            format!(
                "a drop that failed subtracted twice (WT-18148): {}; this explains the difference to the byte",
                names.join(", ")
            )
        } else if size.published == size.buffer {
            "the total was clamped at 1 MiB after an underflow".into()
        } else {
            "bytes were subtracted that had never been added, or were subtracted twice".into()
        };
        let missing = right.saturating_sub(size.published);
        words.evidence.push(format!("{missing} bytes too few, residual {} bytes", size.residual));
        return words;
    }
    words.cause = if size.is_explained() {
        let names: Vec<String> = size.dropped.iter().map(|d| format!("{} ({} bytes)", d.uri, d.bytes)).collect();
        format!("dropped but still counted: {}; this explains the difference to the byte", names.join(", "))
    } else {
        "no dropped table's size fits the difference".into()
    };
    words.evidence.push(format!(
        "difference {} bytes, residual {} bytes",
        size.published.saturating_sub(right),
        size.residual
    ));
    words
}

fn of_orphan(orphan: &Orphan) -> Words {
    let about = if orphan.about { "about " } else { "" };
    let mut words = said(
        "a cookie or a discard record that names the block",
        format!("{about}{} bytes that nothing names", orphan.bytes),
    );
    words.cause = "a step after the page-log put failed before the reconciliation's wrap-up".into();
    words.evidence.push(if orphan.explains {
        "its bytes are part of the excess in the tree's published size".into()
    } else {
        "its bytes are not part of the tree's published size".into()
    });
    if orphan.rows.len() > 1 {
        words.evidence.push(format!("rows of the page at LSN {}", list(&orphan.rows)));
    }
    if !orphan.listed {
        words.evidence.push("no checkpoint's metadata names this table".into());
    }
    words
}

fn last_completed(named: u64, newest: u64, record: &impl Display) -> Words {
    let has = format!("the newest completion record, at LSN {record}, is for checkpoint {newest}");
    if named > newest {
        Words {
            cause: "a completion record is missing, or the counters were copied from a later state of the store".into(),
            evidence: vec![has],
            ..said(
                format!(
                    "a completion record for checkpoint {named}, which the store's counters name as the last \
                    completed one"
                ),
                "none",
            )
        }
    } else {
        Words {
            cause: "the counters were copied from an earlier state of the store".into(),
            evidence: vec![has],
            ..said(format!("checkpoint {newest} as the last completed one in the store's counters"), named.to_string())
        }
    }
}
