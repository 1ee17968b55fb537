//! Single figures of two audits, and those of them that differ.

use crate::audit::home::result::{FileInfo, LocalInfo};
use crate::audit::result::{Audit, TreeInfo};
use crate::id::Lsn;
use serde::Serialize;

/// A figure that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Field {
    /// Its name.
    pub field: &'static str,
    /// What it is in the first one.
    pub a: Option<Value>,
    /// What it is in the second one.
    pub b: Option<Value>,
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Value {
    /// A size, an LSN, a count.
    Number(u64),
    /// A difference.
    Signed(i64),
    /// A name, a cookie.
    Text(String),
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Signed(n)
    }
}

impl From<Lsn> for Value {
    fn from(lsn: Lsn) -> Self {
        Self::Number(lsn.get())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Figures by name; those that differ.
struct List(Vec<Field>);

impl List {
    fn add<T: Into<Value>>(&mut self, field: &'static str, a: Option<T>, b: Option<T>) {
        let (a, b) = (a.map(Into::into), b.map(Into::into));
        if a != b {
            self.0.push(Field { field, a, b });
        }
    }
}

/// Of a store and its checkpoint.
pub(super) fn of_log(a: &Audit, b: &Audit) -> Vec<Field> {
    let mut out = List(Vec::new());
    out.add("generation", Some(a.store.generation), Some(b.store.generation));
    out.add("rows", Some(a.store.rows), Some(b.store.rows));
    out.add("bytes", Some(a.store.bytes), Some(b.store.bytes));
    out.add("completions", Some(a.store.completions), Some(b.store.completions));
    out.add("lsn_counter", a.store.lsn_counter, b.store.lsn_counter);
    let (one, other) = (a.checkpoint.as_ref(), b.checkpoint.as_ref());
    out.add("checkpoint_lsn", one.map(|c| c.lsn), other.map(|c| c.lsn));
    out.add("metadata_lsn", one.map(|c| c.metadata_lsn), other.map(|c| c.metadata_lsn));
    let sum = |c: &crate::audit::result::CheckpointInfo| c.metadata_checksum.clone();
    out.add("metadata_checksum", one.and_then(sum), other.and_then(sum));
    let stamp = |c: &crate::audit::result::CheckpointInfo| c.timestamp.clone();
    out.add("timestamp", one.and_then(stamp), other.and_then(stamp));
    let oldest = |c: &crate::audit::result::CheckpointInfo| c.oldest_timestamp.clone();
    out.add("oldest_timestamp", one.and_then(oldest), other.and_then(oldest));
    out.add("keystore_lsn", one.and_then(|c| c.keystore_lsn), other.and_then(|c| c.keystore_lsn));
    out.add("database_size", a.database.published_size, b.database.published_size);
    out.add("sum_of_published", a.database.sum_of_published, b.database.sum_of_published);
    out.add("sum_of_recomputed", Some(a.database.sum_of_recomputed), Some(b.database.sum_of_recomputed));
    out.add("database_difference", a.database.difference, b.database.difference);
    out.add("orphans", Some(a.orphans.len() as u64), Some(b.orphans.len() as u64));
    let keys = |audit: &Audit| {
        let one = |k: &crate::audit::result::KeyPageInfo| {
            let bad = if k.valid { "" } else { " (not valid)" };
            format!("{}{bad}", k.lsn)
        };
        audit.keystore.pages.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    out.add("key_pages", Some(keys(a)), Some(keys(b)));
    out.0
}

/// Of a tree of a checkpoint.
pub(super) fn of_tree(a: &TreeInfo, b: &TreeInfo) -> Vec<Field> {
    let mut out = List(Vec::new());
    out.add("table_id", Some(a.table_id.get()), Some(b.table_id.get()));
    out.add("checkpoint", a.checkpoint.clone(), b.checkpoint.clone());
    out.add("root_cookie", Some(a.root_cookie.clone()), Some(b.root_cookie.clone()));
    out.add("published_size", a.published_size, b.published_size);
    out.add("recomputed_size", Some(a.recomputed_size), Some(b.recomputed_size));
    out.add("difference", a.difference, b.difference);
    out.add("physical_size", Some(a.physical_size), Some(b.physical_size));
    let pages = [
        ("pages", a.pages.reachable, b.pages.reachable),
        ("internal_pages", a.pages.internal, b.pages.internal),
        ("leaf_pages", a.pages.leaf, b.pages.leaf),
        ("overflow_pages", a.pages.overflow, b.pages.overflow),
        ("deleted_children", a.pages.deleted_children, b.pages.deleted_children),
        ("deltas", a.pages.deltas, b.pages.deltas),
        ("depth", a.pages.depth, b.pages.depth),
    ];
    for (name, a, b) in pages {
        out.add(name, Some(a), Some(b));
    }
    out.0
}

/// Of a home.
pub(super) fn of_home(a: &Audit, b: &Audit) -> Vec<Field> {
    let mut out = List(Vec::new());
    let (one, other) = (a.local.as_ref(), b.local.as_ref());
    out.add("version", one.and_then(|l| l.version.clone()), other.and_then(|l| l.version.clone()));
    let rows = |l: &LocalInfo| l.catalog.rows.values().sum::<u64>();
    out.add("metadata_rows", one.map(rows), other.map(rows));
    let logs = |l: &LocalInfo| l.log.files.iter().map(|f| f.records).sum::<u64>();
    out.add("log_records", one.map(logs), other.map(logs));
    let last = |l: &LocalInfo| l.log.last_checkpoint.clone();
    out.add("log_checkpoint", one.and_then(last), other.and_then(last));
    out.0
}

/// Of a block file.
pub(super) fn of_file(a: &FileInfo, b: &FileInfo) -> Vec<Field> {
    let mut out = List(Vec::new());
    out.add("id", a.id, b.id);
    out.add("namespace", a.namespace.clone(), b.namespace.clone());
    out.add("kind", Some(a.kind), Some(b.kind));
    out.add("documents", a.documents, b.documents);
    out.add("physical_size", Some(a.physical_size), Some(b.physical_size));
    out.add("file_size", a.file_size, b.file_size);
    // A checkpoint is named by its order and told by its cookie: two homes number theirs alike.
    let checkpoints = |f: &FileInfo| {
        let one = |c: &crate::audit::home::result::LocalCheckpointInfo| format!("{} {}", c.name, c.cookie);
        f.checkpoints.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    out.add("checkpoints", Some(checkpoints(a)), Some(checkpoints(b)));
    let (one, other) = (a.checkpoints.last(), b.checkpoints.last());
    out.add("checkpoint_time", one.map(|c| c.time), other.map(|c| c.time));
    out.add("write_generation", one.map(|c| c.write_gen), other.map(|c| c.write_gen));
    out.add("published_size", one.map(|c| c.published_size), other.map(|c| c.published_size));
    out.add("recomputed_size", one.map(|c| c.recomputed_size), other.map(|c| c.recomputed_size));
    out.add("pages", one.map(|c| c.pages.reachable), other.map(|c| c.pages.reachable));
    let (one, other) = (a.space, b.space);
    out.add("available", one.map(|s| s.available), other.map(|s| s.available));
    out.add("lost", one.map(|s| s.lost), other.map(|s| s.lost));
    out.0
}
