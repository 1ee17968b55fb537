//! From a completion record to the list of trees of its checkpoint: turtle page,
//! shared metadata tree, one entry per stable file.

use super::fault::{Fact, Fault, FaultKind};
use super::page::{self, Compression};
use super::scan::{Item, Scan};
use crate::format::checkpoint_list::{self, CheckpointEntry};
use crate::format::completion::Completion;
use crate::format::compress::Compressor;
use crate::format::config::Config;
use crate::format::cookie::Cookie;
use crate::format::pagelog_ids::METADATA_TABLES;
pub use crate::format::pagelog_ids::{KEY_TABLE, SPECIAL_PAGE, TURTLE_TABLES};
use crate::format::pagelog_turtle::{self, Turtle};
use crate::format::{Class, FormatError, crc};
use crate::id::{Lsn, TableId, Version};
use crate::store::{BlockReader, CompletionRow, Index};
use serde::Serialize;

/// URI of the shared metadata file.
pub const SHARED_METADATA: &str = "file:WiredTigerShared.wt_stable";
/// URI of the shared history store.
pub const SHARED_HISTORY: &str = "file:WiredTigerSharedHS.wt_stable";

/// Whether a table is one of those that turtle pages, the shared metadata and keys are in, or were in other
/// generations: what the trees of a checkpoint are told from.
pub fn is_head_table(table: TableId) -> bool {
    TURTLE_TABLES.contains(&table) || METADATA_TABLES.contains(&table) || table == KEY_TABLE
}

/// Why a checkpoint cannot be stood on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "refusal", content = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// The completion text is no valid record.
    CompletionInvalid(FormatError),
    /// The record, the turtle page or a cookie needs a newer reader.
    Unsupported(FormatError),
    /// The turtle page's row is missing, or its bytes could not be read.
    TurtleMissing(Box<Fault>),
    /// The turtle page is encrypted by the page service.
    TurtleEncrypted,
    /// The turtle page does not have the checksum the record names.
    TurtleChecksum {
        /// Where the page lies: table, page, LSN.
        place: Version,
        /// From the record.
        expected: u32,
        /// Computed over the page.
        found: u32,
    },
    /// The turtle page cannot be parsed.
    TurtleInvalid {
        /// Where the page lies: table, page, LSN.
        place: Version,
        /// Why.
        error: FormatError,
    },
    /// The root cookie of the shared metadata cannot be decoded.
    RootCookie {
        /// Where the turtle page lies: table, page, LSN.
        place: Version,
        /// Why.
        error: FormatError,
    },
}

/// A completion record whose turtle page was read and parsed.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// Timestamp the page log keeps with it.
    pub row_timestamp: u64,
    pub completion: Completion,
    pub turtle: Turtle,
    /// Where the turtle page lies: position in the index.
    pub turtle_at: usize,
    /// The shared metadata tree.
    pub metadata: Tree,
}

/// One tree of a checkpoint.
#[derive(Debug, Clone)]
pub struct Tree {
    pub uri: String,
    /// Page-log table id, the `id=` of its metadata.
    pub table: TableId,
    /// Its newest checkpoint entry; `None` if it was never checkpointed.
    pub entry: Option<CheckpointEntry>,
    /// The root; `None` for an empty checkpoint.
    pub root: Option<Cookie>,
    /// How its images are compressed.
    pub compression: Compression,
}

/// Something wrong with a metadata row, or between rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "issue", rename_all = "kebab-case")]
pub enum MetadataIssue {
    /// The row of this URI cannot be parsed.
    Row {
        /// The URI.
        uri: String,
        /// Why.
        error: FormatError,
    },
    /// The newest root cookie of this URI cannot be decoded.
    Cookie {
        /// The URI.
        uri: String,
        /// Table id.
        table: TableId,
        /// Why.
        error: FormatError,
    },
    /// Two files have one id.
    DuplicateId {
        /// The id.
        id: TableId,
        /// The URIs, in key order.
        uris: Vec<String>,
    },
    /// A layered table whose stable file is missing.
    MissingStable {
        /// The `layered:` URI.
        uri: String,
        /// The file it names.
        stable: String,
        /// The id that an older checkpoint gives this file.
        older_id: Option<TableId>,
        /// Tables of the page log that no checkpoint names: one of them may be the file.
        unlisted: Vec<TableId>,
    },
}

impl MetadataIssue {
    /// The URI of the row, or of the first one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::Row { uri, .. } | Self::Cookie { uri, .. } | Self::MissingStable { uri, .. } => Some(uri),
            Self::DuplicateId { uris, .. } => uris.first().map(String::as_str),
        }
    }
}

/// All trees of a checkpoint, the shared metadata included.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The trees, in URI order, the shared metadata last.
    pub trees: Vec<Tree>,
    /// What is wrong with the metadata rows.
    pub issues: Vec<MetadataIssue>,
    /// False if some page of the shared metadata could not be read: trees may be missing.
    pub complete: bool,
}

impl Catalog {
    /// A metadata row that cannot be parsed hides a tree and its size.
    pub fn has_unreadable_rows(&self) -> bool {
        self.issues.iter().any(|i| matches!(i, MetadataIssue::Row { .. }))
    }

    /// A table's stable file has no row: its pages may lie under an id that nothing names.
    pub fn lacks_stable(&self) -> bool {
        self.issues.iter().any(|i| matches!(i, MetadataIssue::MissingStable { .. }))
    }

    /// The tree has a root, but the cookie that names it cannot be decoded.
    pub fn root_is_unreadable(&self, tree: &Tree) -> bool {
        self.issues.iter().any(|i| matches!(i, MetadataIssue::Cookie { uri, .. } if *uri == tree.uri))
    }
}

/// Parse a completion record and fetch its turtle page.
pub fn open(index: &Index, reader: &mut dyn BlockReader, row: &CompletionRow) -> Result<Checkpoint, Refusal> {
    let completion = crate::format::completion::parse(&row.text).map_err(|e| match e.class {
        Class::Unsupported => Refusal::Unsupported(e),
        _ => Refusal::CompletionInvalid(e),
    })?;
    let lsn = completion.metadata_lsn;
    if lsn >= row.lsn {
        return Err(Refusal::CompletionInvalid(FormatError::invalid(format!(
            "metadata_lsn {lsn} is not below the record's own LSN {}",
            row.lsn
        ))));
    }
    let turtle_at = turtle_row(index, lsn);
    let Some((turtle_at, turtle_row)) = turtle_at.and_then(|at| index.get(at).map(|r| (at, r))) else {
        let table = turtle_table(index);
        return Err(Refusal::TurtleMissing(Box::new(Fault::new(
            FaultKind::Missing,
            Version::new(table, SPECIAL_PAGE, lsn),
            Fact::NoTurtlePage,
        ))));
    };
    let place = Version::new(turtle_row.table, turtle_row.page, turtle_row.lsn);
    if !turtle_row.has_bytes() {
        let fault = Box::new(page::not_supplied(&turtle_row));
        return Err(if turtle_row.was_encrypted() { Refusal::TurtleEncrypted } else { Refusal::TurtleMissing(fault) });
    }
    let mut text = Vec::new();
    reader.read(&turtle_row, &mut text).map_err(|e| Refusal::TurtleMissing(Box::new(page::unreadable(place, &e))))?;
    if crate::format::block::is_service_encrypted(&text) {
        return Err(Refusal::TurtleEncrypted);
    }
    if let Some(expected) = completion.metadata_checksum {
        let found = crc::crc32c(&text);
        if found != expected {
            return Err(Refusal::TurtleChecksum { place, expected, found });
        }
    }
    let turtle = pagelog_turtle::parse(&text).map_err(|error| match error.class {
        Class::Unsupported => Refusal::Unsupported(error),
        _ => Refusal::TurtleInvalid { place, error },
    })?;
    let metadata = metadata_tree(index, &turtle).map_err(|error| match error.class {
        Class::Unsupported => Refusal::Unsupported(error),
        _ => Refusal::RootCookie { place, error },
    })?;
    Ok(Checkpoint { lsn: row.lsn, row_timestamp: row.timestamp, completion, turtle, turtle_at, metadata })
}

/// The shared metadata tree a turtle page names: its newest checkpoint. The error is about its root
/// cookie.
pub fn metadata_tree(index: &Index, turtle: &Turtle) -> Result<Tree, FormatError> {
    let entry = turtle.checkpoints.last().cloned();
    let addr = entry.as_ref().map(|e| &e.addr).filter(|a| !a.is_empty());
    let root = addr.map(|a| Cookie::decode(a)).transpose()?;
    let table = root.map_or(METADATA_TABLES[0], |c| metadata_table(index, &c));
    Ok(Tree { uri: SHARED_METADATA.to_string(), table, entry, root, compression: Compression::Unknown })
}

/// Position of the row of the turtle page with exactly this LSN.
pub fn turtle_row(index: &Index, lsn: Lsn) -> Option<usize> {
    TURTLE_TABLES.iter().find_map(|t| index.find(*t, SPECIAL_PAGE, lsn))
}

/// The table that holds turtle pages in this store: page 1 and nothing else.
pub fn turtle_table(index: &Index) -> TableId {
    TURTLE_TABLES.into_iter().find(|t| !index.page(*t, SPECIAL_PAGE).is_empty()).unwrap_or(TURTLE_TABLES[0])
}

/// The table that holds the root a turtle page names. Ids changed twice, the page did not;
/// LSNs are unique across tables, so (page, LSN) names one table.
fn metadata_table(index: &Index, root: &Cookie) -> TableId {
    let holds = |t: &TableId| index.find(*t, root.page_id, root.lsn).is_some();
    METADATA_TABLES
        .into_iter()
        .find(holds)
        .or_else(|| index.tables().into_iter().find(holds))
        .unwrap_or(METADATA_TABLES[0])
}

/// Read the shared metadata of a checkpoint. Faults of its pages are left to the walk, which sees
/// the same pages again; here only completeness is kept.
pub fn read(index: &Index, reader: &mut dyn BlockReader, checkpoint: &Checkpoint) -> Catalog {
    let mut lost = Vec::new();
    let rows = metadata_rows(index, reader, &checkpoint.metadata, &mut lost);
    let mut catalog = Catalog { complete: lost.iter().all(|f| f.recovered), ..Catalog::default() };
    let mut layered = Vec::new();
    for (key, value) in rows {
        let uri = text_of(&key);
        if uri.starts_with("file:") {
            match file_entry(&uri, &value) {
                Ok(Some((tree, issue))) => {
                    catalog.trees.push(tree);
                    catalog.issues.extend(issue);
                }
                Ok(None) => {}
                Err(error) => catalog.issues.push(MetadataIssue::Row { uri, error }),
            }
        } else if uri.starts_with("layered:") {
            match Config::parse_bytes(&value) {
                Ok(config) => {
                    let stable = config.get("stable").map(|v| v.as_str().to_string());
                    layered.extend(stable.map(|s| (uri, s)));
                }
                Err(error) => catalog.issues.push(MetadataIssue::Row { uri, error }),
            }
        }
    }
    for (uri, stable) in layered {
        // A row that cannot be parsed is damaged, not missing.
        let damaged = catalog.issues.iter().any(|i| matches!(i, MetadataIssue::Row { uri, .. } if *uri == stable));
        if !catalog.trees.iter().any(|t| t.uri == stable) && catalog.complete && !damaged {
            let (older_id, unlisted) = (None, Vec::new());
            catalog.issues.push(MetadataIssue::MissingStable { uri, stable, older_id, unlisted });
        }
    }
    catalog.trees.retain(|t| t.uri != SHARED_METADATA);
    catalog.trees.push(checkpoint.metadata.clone());
    let mut ids: Vec<(TableId, &str)> = catalog.trees.iter().map(|t| (t.table, t.uri.as_str())).collect();
    ids.sort_unstable();
    for same in ids.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() > 1) {
        let uris = same.iter().map(|(_, uri)| (*uri).to_string()).collect();
        catalog.issues.push(MetadataIssue::DuplicateId { id: same[0].0, uris });
    }
    catalog
}

/// The text of a metadata key, without its NUL.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned()
}

/// A `file:` row: a tree if the file lives in the page log, `None` if it is a local file.
fn file_entry(uri: &str, value: &[u8]) -> Result<Option<(Tree, Option<MetadataIssue>)>, FormatError> {
    let config = Config::parse_bytes(value)?;
    let disagg = config.get("block_manager").is_some_and(|v| v.as_str() == "disagg");
    if !disagg && !uri.ends_with(".wt_stable") {
        return Ok(None);
    }
    let table = config.get("id").ok_or_else(|| FormatError::not_found("no id"))?.u64().map(TableId)?;
    let compression = match config.get("block_compressor").map(|v| v.as_str()) {
        None | Some("" | "none") => Compression::Known(None),
        Some(name) => Compressor::from_name(name).map_or(Compression::Unsupported, |c| Compression::Known(Some(c))),
    };
    let entry = checkpoint_list::from_file_config(&config)?.pop();
    let mut tree = Tree { uri: uri.to_string(), table, entry, root: None, compression };
    let mut issue = None;
    if let Some(addr) = tree.entry.as_ref().map(|e| &e.addr).filter(|a| !a.is_empty()) {
        match Cookie::decode(addr) {
            Ok(cookie) => tree.root = Some(cookie).filter(|c| !c.is_none()),
            Err(error) => issue = Some(MetadataIssue::Cookie { uri: uri.to_string(), table, error }),
        }
    }
    Ok(Some((tree, issue)))
}

/// Rows as they are stored: key and value.
pub type StoredRows = Vec<(Vec<u8>, Vec<u8>)>;

/// All rows of the shared metadata that are visible at a checkpoint, in key order. `None` if some of
/// it could not be read.
pub fn rows(index: &Index, reader: &mut dyn BlockReader, tree: &Tree) -> Option<StoredRows> {
    let mut lost = Vec::new();
    let rows = metadata_rows(index, reader, tree, &mut lost);
    lost.iter().all(|f| f.recovered).then_some(rows)
}

/// As [`rows`], as the engine reads them: the first fault is the end, also one that can be put right.
pub fn sound_rows(index: &Index, reader: &mut dyn BlockReader, tree: &Tree) -> Result<StoredRows, Box<Fault>> {
    let mut lost = Vec::new();
    let rows = metadata_rows(index, reader, tree, &mut lost);
    lost.into_iter().next().map_or(Ok(rows), |fault| Err(Box::new(fault)))
}

/// As [`rows`], as much as could be read; `lost` gets every fault.
fn metadata_rows(index: &Index, reader: &mut dyn BlockReader, tree: &Tree, lost: &mut Vec<Fault>) -> StoredRows {
    let mut out = Vec::new();
    for page in Scan::new(index, Box::new(reader), tree.table, tree.root, tree.compression) {
        lost.extend(page.faults);
        let place = Version::new(tree.table, page.cookie.page_id, page.cookie.lsn);
        for row in page.rows {
            match row {
                (Item::Plain(key), Item::Plain(value)) => out.push((key, value)),
                _ => lost.push(Fault::new(FaultKind::Undecodable, place, Fact::MetadataOverflow)),
            }
        }
    }
    out
}
