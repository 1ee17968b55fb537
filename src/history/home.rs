//! Every checkpoint of every block file of a home, taken from one audit of it.

use crate::audit::finding::Code;
use crate::audit::home::result::{FileInfo, LocalCheckpointInfo};
use crate::audit::result::{Audit, Verdict};
use serde::Serialize;

/// A file over its checkpoints.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FileHistory {
    /// Name below the home.
    pub file: String,
    /// MongoDB's name for it.
    pub namespace: Option<String>,
    /// Ranges that belong to nothing, at the newest checkpoint.
    pub lost_ranges: u64,
    /// Their bytes; null if not even the newest checkpoint could be read.
    pub lost_bytes: Option<u64>,
    /// The first checkpoint at which a published size is wrong.
    pub first_difference: Option<String>,
    /// Its checkpoints, oldest first.
    pub checkpoints: Vec<FileAt>,
}

/// A file at a checkpoint.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct FileAt {
    /// Name.
    pub name: String,
    /// Order.
    pub order: i64,
    /// Seconds since 1970.
    pub time: u64,
    /// `size=`.
    pub published_size: u64,
    /// All blocks of the tree.
    pub recomputed_size: u64,
    /// Published minus recomputed; null where not all could be read.
    pub difference: Option<i64>,
    /// Bytes of the file.
    pub file_size: u64,
    /// Rows that are not deleted, where leaves were decoded.
    pub live_rows: Option<u64>,
    /// All of it was read.
    pub complete: bool,
}

/// The files of a home.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct HomeHistory {
    /// Every block file, by name.
    pub files: Vec<FileHistory>,
    /// `findings`: a difference at some checkpoint, or a range that belongs to nothing.
    pub verdict: Verdict,
}

/// Take it from an audit.
pub fn of(audit: &Audit) -> HomeHistory {
    let lost = |file: &str| {
        let found = |f: &&crate::audit::finding::Finding| f.code == Code::ExtentLost;
        audit.findings.iter().filter(found).filter(|f| f.place.file.as_deref() == Some(file)).count() as u64
    };
    let file = |info: &FileInfo| {
        let checkpoints: Vec<FileAt> = info.checkpoints.iter().map(at).collect();
        let first = checkpoints.iter().find(|c| c.difference.is_some_and(|d| d != 0));
        FileHistory {
            file: info.file.clone(),
            namespace: info.namespace.clone(),
            lost_ranges: lost(&info.file),
            lost_bytes: info.space.map(|s| s.lost),
            first_difference: first.map(|c| c.name.clone()),
            checkpoints,
        }
    };
    let files: Vec<FileHistory> = audit.local.iter().flat_map(|l| &l.files).map(file).collect();
    let wrong = files.iter().any(|f| f.lost_ranges > 0 || f.first_difference.is_some());
    let whole = audit.coverage.allows_clean()
        && audit.verdict != Verdict::Incomplete
        && files.iter().all(|f| f.lost_bytes.is_some() && f.checkpoints.iter().all(|c| c.complete));
    let verdict = match (wrong, whole) {
        (true, _) => Verdict::Findings,
        (false, false) => Verdict::Incomplete,
        (false, true) => Verdict::Clean,
    };
    HomeHistory { files, verdict }
}

fn at(info: &LocalCheckpointInfo) -> FileAt {
    FileAt {
        name: info.name.clone(),
        order: info.order,
        time: info.time,
        published_size: info.published_size,
        recomputed_size: info.recomputed_size,
        difference: info.complete.then_some(info.difference),
        file_size: info.file_size,
        live_rows: info.rows.map(|r| r.live),
        complete: info.complete,
    }
}
