//! The facts of findings about page logs as programs read them: `detail` of a finding, beside its words. Sizes are
//! bytes.

use crate::audit::pagelog::account::{BUFFER, Candidate, CandidateKind};
use crate::audit::pagelog::fact::Fact;
use serde_json::{Value, json};

/// What a finding states.
pub(super) fn values(fact: &Fact) -> Value {
    match fact {
        Fact::TreeSize(s) => json!({
            "fact": "tree-size",
            "published": s.published,
            "recomputed": s.recomputed,
            "difference": i128::from(s.published) - i128::from(s.recomputed),
            "residual_bytes": s.residual,
            "explained_by": s.explained_by.iter().map(candidate).collect::<Vec<_>>(),
        }),
        Fact::DatabaseSize(s) => json!({
            "fact": "database-size",
            "published": s.published,
            "sum_of_published": s.trees,
            "buffer": BUFFER,
            "expected": s.expected(),
            "difference": i128::from(s.published) - i128::from(s.expected()),
            "residual_bytes": s.residual,
            "explained_by": s.dropped.iter().map(|(uri, c)| json!({
                "kind": "dropped-table", "uri": uri, "table_id": c.table, "bytes": c.bytes,
            })).collect::<Vec<_>>(),
        }),
        Fact::RootPageId { published, recomputed } => {
            json!({ "fact": "root-page-id", "published": published, "recomputed": recomputed })
        }
        Fact::ObsoleteChain(chain) => json!({
            "fact": "obsolete-chain", "bytes": chain.bytes, "lsns": chain.lsns, "failed_image_lsn": chain.lsn,
        }),
        Fact::Orphan(o) => json!({
            "fact": "orphan", "bytes": o.bytes, "explains": o.explains, "lsns": o.rows, "listed": o.listed,
        }),
        Fact::DuplicateDelta { bytes } => json!({ "fact": "duplicate-delta", "bytes": bytes }),
        Fact::LsnCounter { counter, highest } => {
            json!({ "fact": "lsn-counter", "counter": counter, "highest_lsn": highest })
        }
        Fact::LastCompleted { named, newest, record } => json!({
            "fact": "last-completed",
            "named_checkpoint_id": named,
            "newest_checkpoint_id": newest,
            "newest_completion_lsn": record,
        }),
        Fact::NoCompletion { named } => json!({ "fact": "no-completion", "named_checkpoint_id": named }),
        Fact::StaleKey { own, newest, record, metadata } => json!({
            "fact": "stale-key",
            "expected_key_lsn": newest,
            "found_key_lsn": own,
            "completion_lsn": record,
            "metadata_lsn": metadata,
        }),
        Fact::KeyPageMissing { lsn, users } => {
            json!({ "fact": "key-page-missing", "key_lsn": lsn, "completion_lsns": users })
        }
        Fact::KeyPageInvalid { error, users } => {
            json!({ "fact": "key-page-invalid", "error": error, "completion_lsns": users })
        }
        Fact::UnlistedTable { rows, bytes } => json!({ "fact": "unlisted-table", "rows": rows, "bytes": bytes }),
    }
}

fn candidate(c: &Candidate) -> Value {
    let kind = match c.kind {
        CandidateKind::Orphan => "orphan",
        CandidateKind::ObsoleteChain => "obsolete-chain",
        CandidateKind::Root => "root-counted-twice",
        CandidateKind::DuplicateDelta => "duplicate-delta",
        CandidateKind::Superseded => "superseded-chain",
        CandidateKind::DroppedTable => "dropped-table",
    };
    json!({
        "kind": kind, "table_id": c.table, "page_id": c.page, "lsn": c.lsn, "bytes": c.bytes, "lsns": c.lsns,
    })
}
