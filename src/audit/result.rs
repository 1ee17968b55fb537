//! The result of an audit: the JSON contract, schema 1 (`audit-json`). Adding fields is allowed,
//! changing the meaning of one is not.

use super::finding::{Code, Finding, Severity};
use super::home::result::LocalInfo;
use crate::coverage::Coverage;
use crate::id::{Lsn, LsnTime, PageId, TableId};
use crate::page::Depth;
use crate::page::RowCounts;
use crate::store::StoreKind;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON schema.
pub const SCHEMA_VERSION: u32 = 1;

/// An audit.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Audit {
    /// `SCHEMA_VERSION`.
    pub schema_version: u32,
    /// Who wrote this.
    pub tool: Tool,
    /// What was looked at.
    pub store: StoreInfo,
    /// The completion record the audit stands on.
    pub checkpoint: Option<CheckpointInfo>,
    /// The trees of that checkpoint.
    pub trees: Vec<TreeInfo>,
    /// The database total.
    pub database: DatabaseInfo,
    /// Every row of the page log, each in one class.
    pub versions: BTreeMap<&'static str, ClassTotal>,
    /// Tables whose pages could not be looked into, by what their rows say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_rows: Vec<TableByRows>,
    /// Orphans, one a row.
    pub orphans: Vec<OrphanInfo>,
    /// Key pages and what each checkpoint embeds.
    pub keystore: KeystoreInfo,
    /// Findings, worst first. Their words are made in `words`, so the document that programs read has
    /// them from there.
    #[serde(skip)]
    pub findings: Vec<Finding>,
    /// What became of everything under the subject.
    pub coverage: Coverage,
    /// Counts of findings.
    pub totals: Totals,
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// What only local homes have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalInfo>,
}

/// What the rows of a table say by themselves: nobody could look into its pages. Reachability and accounting were not
/// checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TableByRows {
    /// The table.
    pub table_id: TableId,
    /// Page ids.
    pub pages: u64,
    /// Those whose newest row is no discard record.
    pub live_pages: u64,
    /// The others.
    pub discarded_pages: u64,
    /// Rows.
    pub versions: u64,
    pub full_images: u64,
    pub deltas: u64,
    pub discard_records: u64,
    /// Rows that follow a discard record of their page.
    pub written_after_discard: u64,
    /// Live pages whose newest chain does not lead to a full image.
    pub broken_chains: u64,
    /// Stored bytes of all rows; where the service has encrypted them, of what it stores.
    pub bytes: u64,
    /// Those of the newest chains of live pages.
    pub live_bytes: u64,
    /// LSN of the oldest row.
    pub first_lsn: Option<Lsn>,
    /// LSN of the newest row.
    pub last_lsn: Option<Lsn>,
    /// The pages that take most, all their rows together.
    pub greatest: Vec<GrownPage>,
}

/// A page and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct GrownPage {
    pub page_id: PageId,
    /// Rows.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The tool that wrote a report.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Tool {
    /// `wtcheck`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Default for Tool {
    fn default() -> Self {
        Self { name: "wtcheck", version: env!("CARGO_PKG_VERSION") }
    }
}

/// The store.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct StoreInfo {
    /// Kind.
    pub kind: StoreKind,
    /// Path as given.
    pub home: String,
    /// Generation, by evidence or by `--assume`.
    pub generation: &'static str,
    /// The evidence.
    pub generation_evidence: Vec<String>,
    /// Tables with rows.
    pub tables: u64,
    /// Rows of the page log.
    pub rows: u64,
    /// Stored bytes of all rows.
    pub bytes: u64,
    /// Completion records.
    pub completions: u64,
    /// Last LSN the store has assigned, if it says.
    pub lsn_counter: Option<Lsn>,
    /// Committed frames of a write-ahead log were read.
    pub from_wal: bool,
    /// How much was read: quick, normal or deep.
    pub depth: Depth,
    /// It was gathered from dumps of a page service.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gathered: bool,
    /// Dumps of a page service that stand for it, with the options that go with them, as on the command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dumps: Vec<String>,
}

/// The audited checkpoint.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct CheckpointInfo {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_lsn_time: Option<LsnTime>,
    /// Its checksum, in hex as the record spells it.
    pub metadata_checksum: Option<String>,
    /// Published database size.
    pub database_size: Option<u64>,
    /// Writer version.
    pub version: u32,
    /// Minimum reader version.
    pub compatible_version: u32,
    /// Checkpoint timestamp, hex.
    pub timestamp: Option<String>,
    /// Oldest timestamp, hex.
    pub oldest_timestamp: Option<String>,
    /// LSN of the key page it embeds.
    pub keystore_lsn: Option<Lsn>,
    /// Name of the newest entry of the shared metadata's checkpoint list.
    pub name: Option<String>,
}

/// What `size=` means for a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SizeMeaning {
    /// A running total of bytes.
    BytesTotal,
    /// The root's page id, as builds of 2025 wrote it.
    RootPageId,
    /// A total that counts roots twice.
    DoubleRoot,
}

/// A tree of the audited checkpoint.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TreeInfo {
    /// `file:` URI.
    pub uri: String,
    /// Table id.
    pub table_id: TableId,
    /// Name of its newest checkpoint.
    pub checkpoint: Option<String>,
    /// Root cookie, hex; empty for an empty checkpoint.
    pub root_cookie: String,
    /// `size=` of the checkpoint entry.
    pub published_size: Option<u64>,
    /// What that number means.
    pub published_size_meaning: SizeMeaning,
    /// Sum of cookie sizes over reachable pages, root included.
    pub recomputed_size: u64,
    /// Sum of stored lengths of the blocks of those pages.
    pub physical_size: u64,
    /// Published minus recomputed; null where no size was kept.
    pub difference: Option<i64>,
    /// Page counts.
    pub pages: PageCounts,
    /// Rows, with `--deep`.
    pub rows: Option<RowCounts>,
    /// False: some page could not be read, so the sums are lower bounds.
    pub complete: bool,
}

/// Page counts of a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct PageCounts {
    /// All reachable pages.
    pub reachable: u64,
    /// Internal pages.
    pub internal: u64,
    /// Leaf pages.
    pub leaf: u64,
    /// Overflow pages.
    pub overflow: u64,
    /// Fast-truncated children.
    pub deleted_children: u64,
    /// Delta blocks.
    pub deltas: u64,
    /// Levels, the root's included.
    pub depth: u64,
}

/// The database total.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct DatabaseInfo {
    /// `database_size` of the completion record.
    pub published_size: Option<u64>,
    /// Sum of the trees' published sizes; null where those are no sizes.
    pub sum_of_published: Option<u64>,
    /// Sum of the trees' recomputed sizes.
    pub sum_of_recomputed: u64,
    /// The allowance for untracked pages.
    pub buffer: u64,
    /// Published minus (sum of published + buffer): invariant I4.
    pub difference: Option<i64>,
    /// Published minus (sum of recomputed + buffer): what the total is off by in the end.
    pub difference_from_recomputed: Option<i64>,
}

/// Rows and bytes of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ClassTotal {
    /// Rows.
    pub count: u64,
    /// Stored bytes.
    pub bytes: u64,
}

/// Why a row is an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OrphanReason {
    /// No version of the page is reached by any checkpoint.
    NeverReferenced,
    /// The page is in use at another LSN.
    UnreferencedImage,
}

/// An orphaned row.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct OrphanInfo {
    /// Table.
    pub table_id: TableId,
    /// The tree, if a checkpoint names the table.
    pub uri: Option<String>,
    /// Page.
    pub page_id: PageId,
    /// LSN.
    pub lsn: Lsn,
    /// Its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn_time: Option<LsnTime>,
    /// Stored bytes.
    pub bytes: u64,
    /// Why it is one.
    pub reason: OrphanReason,
    /// Its bytes are part of what the tree's published size is too high by.
    pub explains: bool,
}

/// Keys.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeystoreInfo {
    /// Every key page in the store, ascending by LSN.
    pub pages: Vec<KeyPageInfo>,
    /// What each readable checkpoint embeds, ascending by LSN.
    pub checkpoints: Vec<KeyUse>,
}

/// A key page; never its payload.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeyPageInfo {
    /// Page id.
    pub page_id: PageId,
    /// LSN.
    pub lsn: Lsn,
    /// Header version.
    pub version: Option<u8>,
    /// Stored bytes, header included.
    pub bytes: u64,
    /// Bytes of the payload, where the header can be read.
    pub payload_bytes: Option<u64>,
    /// Key timestamp, hex (version 2).
    pub timestamp: Option<String>,
    /// The header's checksum, hex.
    pub checksum: Option<String>,
    /// Whether the header rules hold.
    pub valid: bool,
}

/// The key a checkpoint embeds.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeyUse {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// LSN of the key page it names.
    pub keystore_lsn: Option<Lsn>,
    /// Newest key page below the metadata LSN.
    pub newest_key_before: Option<Lsn>,
    /// A standby that holds the newest key would refuse it.
    pub stale: bool,
}

/// Counts of findings.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Totals {
    /// By code.
    pub findings: BTreeMap<&'static str, u64>,
    /// Errors.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// Notes.
    pub notes: u64,
}

impl Totals {
    /// Count findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut out = Self::default();
        for f in findings {
            *out.findings.entry(f.code.name()).or_default() += 1;
            *match f.severity {
                Severity::Error => &mut out.errors,
                Severity::Warning => &mut out.warnings,
                Severity::Note => &mut out.notes,
            } += 1;
        }
        out
    }
}

/// The verdict of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing worse than a note.
    Clean,
    /// At least one warning or error.
    Findings,
    /// Not enough could be read to judge, and nothing that was read explains more.
    Incomplete,
}

impl Verdict {
    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Incomplete => 6,
        }
    }

    /// Judge by findings and ledger; `unchecked`: content of what was audited could not be looked into.
    pub fn judge(findings: &[Finding], coverage: &Coverage, unchecked: bool) -> Self {
        let unchecked = unchecked || !coverage.allows_clean();
        // These two say that something could not be read, not what is wrong with the rest.
        let opaque = |f: &&Finding| unchecked && matches!(f.code, Code::StoreDamaged | Code::CompletionMissing);
        let worse = findings.iter().filter(|f| f.severity > Severity::Note);
        let explained = worse.clone().filter(|f| !opaque(f)).count();
        match (explained, worse.count() > 0 || unchecked) {
            (0, false) => Self::Clean,
            (0, true) => Self::Incomplete,
            _ => Self::Findings,
        }
    }
}
