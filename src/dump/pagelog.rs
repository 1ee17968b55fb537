//! The trees of a page log at one checkpoint, as tables with rows.

use super::form::{Made, Writer};
use super::item::{Item, Role};
use super::loss::{Bounds, KeyText, Lost, MAX_LOST, Older, Part};
use super::report::TableReport;
use super::streams::Streams;
use crate::audit::Progress;
use crate::format::config::Config;
use crate::home::content::catalog::{Parts, Table};
use crate::home::content::fetch::Why;
use crate::home::content::rows::Key;
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{self, Catalog, Checkpoint, Tree};
use crate::pagelog::fault::FaultKind;
use crate::pagelog::scan::Scan;
use crate::store::{Index, PageLog, StoreError};
use std::collections::BTreeMap;
use std::io;

/// Older checkpoints that are looked into for what the newest has lost.
const MAX_OLDER: usize = 16;
/// Trees of the engine's own.
const ENGINE: [&str; 2] = ["WiredTigerShared.wt_stable", "WiredTigerSharedHS.wt_stable"];

/// A page log, opened for its rows.
pub struct LogTrees {
    store: Box<dyn PageLog>,
    index: Index,
    catalog: Catalog,
    /// Where it stands.
    pub checkpoint: Option<Checkpoint>,
    /// Rows of the shared metadata.
    rows: BTreeMap<String, String>,
    /// Parts of the store could not be read: pages may be missing that are there.
    pub incomplete: bool,
    /// The newest completion record, if it cannot be used.
    pub unusable: Option<Lsn>,
    /// Older checkpoints that can be used, newest first.
    older: Vec<Checkpoint>,
    /// Bytes of all versions of pages, by table.
    bytes: BTreeMap<TableId, u64>,
}

/// Why a page log gives no rows.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No completion record can be used.
    #[error("no checkpoint of the page log can be used")]
    NoCheckpoint,
    /// The one that was asked for is not there, or cannot be used.
    #[error("there is no usable checkpoint {wanted}; there are: {there}")]
    NotThere { wanted: String, there: String },
}

impl LogTrees {
    /// At the checkpoint with this LSN or name, of its record or of its turtle page; the newest that can be used.
    pub fn open(store: Box<dyn PageLog>, wanted: Option<&str>) -> Result<Self, LogError> {
        let (index, problems) = store.index(None, &|_| ())?;
        let (completions, more) = store.completions()?;
        let mut reader = store.reader()?;
        let number = wanted.and_then(|w| w.parse::<Lsn>().ok());
        let mut checkpoint: Option<Checkpoint> = None;
        let (mut there, mut older) = (Vec::new(), Vec::new());
        let mut unusable = None;
        for row in completions.iter().rev() {
            let Ok(found) = catalog::open(&index, &mut *reader, row) else {
                unusable = unusable.or(Some(row.lsn).filter(|_| checkpoint.is_none() && wanted.is_none()));
                continue;
            };
            let name = found.metadata.entry.as_ref().map(|e| e.name.clone());
            let this = wanted.is_none_or(|w| {
                number == Some(row.lsn) || number == Some(found.completion.metadata_lsn) || name.as_deref() == Some(w)
            });
            if checkpoint.is_some() {
                older.push(found);
                if older.len() >= MAX_OLDER {
                    break;
                }
            } else if this {
                checkpoint = Some(found);
            } else {
                there.push(row.lsn.to_string());
            }
        }
        let mut bytes: BTreeMap<TableId, u64> = BTreeMap::new();
        for row in index.rows().iter() {
            let sum = bytes.entry(row.table).or_default();
            *sum = sum.saturating_add(u64::from(row.len));
        }
        let Some(checkpoint) = checkpoint else {
            return Err(match wanted {
                Some(wanted) => LogError::NotThere { wanted: wanted.to_string(), there: there.join(", ") },
                None => LogError::NoCheckpoint,
            });
        };
        let catalog = catalog::read(&index, &mut *reader, &checkpoint);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned();
        let stored = catalog::rows(&index, &mut *reader, &checkpoint.metadata).unwrap_or_default();
        let rows = stored.iter().map(|(k, v)| (text(k), text(v))).collect();
        drop(reader);
        let incomplete = !problems.is_empty() || !more.is_empty() || !catalog.complete || catalog.has_unreadable_rows();
        Ok(Self { store, index, catalog, checkpoint: Some(checkpoint), rows, incomplete, unusable, older, bytes })
    }

    /// Its tables, not yet named.
    pub fn items(&self) -> Vec<Item> {
        let mut out = Vec::new();
        for tree in &self.catalog.trees {
            let file = tree.uri.strip_prefix("file:").unwrap_or(&tree.uri);
            // A layered table is known by its own name; its stable file is where the rows lie.
            let layered = self.rows.iter().find_map(|(uri, text)| {
                let name = uri.strip_prefix("layered:")?;
                let config = Config::parse(text).ok()?;
                let same = config.get("stable").is_some_and(|v| v.as_str() == tree.uri);
                same.then(|| (format!("table:{name}"), text.clone()))
            });
            let named = layered.or_else(|| {
                self.rows.iter().find_map(|(uri, text)| {
                    let name = uri.strip_prefix("colgroup:")?;
                    let config = Config::parse(text).ok()?;
                    let same = config.get("source").is_some_and(|v| v.as_str() == tree.uri);
                    same.then(|| (format!("table:{name}"), text.clone()))
                })
            });
            let layered = named;
            let own = self.rows.get(&tree.uri).cloned().unwrap_or_default();
            let mut config: Vec<String> = Vec::new();
            let uri = match &layered {
                Some((uri, text)) => {
                    config.extend(self.rows.get(uri).cloned());
                    config.push(text.clone());
                    uri.clone()
                }
                None => tree.uri.clone(),
            };
            config.push(own);
            let get = |key: &str| {
                config.iter().find_map(|text| {
                    let config = Config::parse(text).ok()?;
                    config.get(key).map(|v| v.as_str().to_string()).filter(|v| !v.is_empty())
                })
            };
            let shared = tree.table == self.checkpoint.as_ref().map_or(tree.table, |c| c.metadata.table)
                && layered.is_none()
                && !self.rows.contains_key(&tree.uri);
            let (key, value) = if shared { ("S", "S") } else { ("u", "u") };
            let table = Table {
                uri,
                parts: Parts::File(file.to_string()),
                key_format: get("key_format").unwrap_or_else(|| key.to_string()),
                value_format: get("value_format").unwrap_or_else(|| value.to_string()),
                columns: Vec::new(),
                config,
                made_of: Vec::new(),
            };
            let stored = self.bytes.get(&tree.table).copied().filter(|n| *n > 0);
            let bytes = stored.unwrap_or_else(|| tree.entry.as_ref().map_or(0, |e| e.size));
            let role = if layered.is_none() && ENGINE.contains(&file) { Role::Engine } else { Role::Plain };
            out.push(Item { table, role, file: Some(file.to_string()), bytes, stated: None, in_log: true });
        }
        out
    }

    /// All rows of a small tree.
    pub fn rows_of(&self, item: &Item) -> Vec<(Vec<u8>, Vec<u8>)> {
        let (Some(tree), Ok(reader)) = (self.tree(item), self.store.reader()) else { return Vec::new() };
        let mut scan = Scan::new(&self.index, reader, tree.table, tree.root, tree.compression);
        let mut out = Vec::new();
        while let Some(page) = scan.next() {
            for (key, value) in page.rows {
                out.extend(scan.item(key).zip(scan.item(value)));
            }
        }
        out
    }

    fn tree(&self, item: &Item) -> Option<&Tree> {
        let file = item.file.as_ref()?;
        self.catalog.trees.iter().find(|t| t.uri.strip_prefix("file:").unwrap_or(&t.uri) == file)
    }

    /// Dump the rows of a tree.
    pub fn dump(
        &self,
        item: &Item,
        writer: &Writer,
        take: bool,
        streams: Streams<'_>,
        progress: &dyn Progress,
    ) -> io::Result<Option<TableReport>> {
        let Some(tree) = self.tree(item) else { return Ok(None) };
        let mut report = TableReport { uri: item.table.uri.clone(), ..TableReport::default() };
        if tree.root.is_none() && self.catalog.root_is_unreadable(tree) {
            report.lost.push(lost(item, (None, None), Part::Table, Why::Address, None));
            return Ok(Some(report));
        }
        let reader = self.store.reader().map_err(io::Error::other)?;
        let mut scan = Scan::new(&self.index, reader, tree.table, tree.root, tree.compression);
        let mut bytes = 0_u64;
        while let Some(page) = scan.next() {
            bytes = bytes.saturating_add(u64::from(page.cookie.size));
            progress.part(bytes, item.bytes.max(bytes));
            let mut made = Made::default();
            let mut rows_lost = 0_u64;
            let fault = page.faults.iter().find(|f| !f.recovered && loses(f.kind));
            // Of a page of which a block is missing the others show what it was, not what it is.
            let read = if fault.is_some() { Vec::new() } else { page.rows };
            for (key, value) in read {
                match (scan.item(key), scan.item(value)) {
                    (Some(key), Some(value)) => {
                        writer.row(&mut made, Key::Bytes(&key), &value);
                        report.rows = report.rows.saturating_add(1);
                    }
                    _ => rows_lost = rows_lost.saturating_add(1),
                }
            }
            streams.rows.write_all(&made.bytes)?;
            streams.apart.write_all(&made.apart)?;
            report.apart = report.apart.saturating_add(made.rows_apart);
            report.bytes = report.bytes.saturating_add(made.bytes.len() as u64);
            report.irreversible |= !made.notes.reversible();
            report.mended = report.mended.saturating_add(u64::from(page.faults.iter().any(|f| f.recovered)));
            let place = Some((page.cookie.page_id.get(), page.cookie.lsn.get()));
            let mut all = Vec::new();
            if let Some(fault) = fault {
                let part = match page.kind {
                    Some(crate::format::page_header::PageType::RowLeaf) => Part::Page,
                    Some(_) => Part::Branch,
                    None => Part::Page,
                };
                let mut one = lost(item, page.range.clone(), part, why(fault.kind), place);
                if let Some((found, made)) = self.older(item, &page.range, writer, take) {
                    if take {
                        streams.rows.write_all(&made.bytes)?;
                        report.bytes = report.bytes.saturating_add(made.bytes.len() as u64);
                        report.rows = report.rows.saturating_add(found.rows);
                        report.older_rows = report.older_rows.saturating_add(found.rows);
                    }
                    one.older = Some(found);
                }
                all.push(one);
            }
            if rows_lost > 0 {
                let mut one = lost(item, page.range, Part::Rows, Why::Item, place);
                one.rows = Bounds::exactly(rows_lost);
                all.push(one);
            }
            for one in all {
                report.lost_rows = match report.lost.is_empty() {
                    true => one.rows,
                    false => report.lost_rows.and(one.rows),
                };
                if report.lost.len() < MAX_LOST {
                    report.lost.push(one);
                } else {
                    report.more_lost = report.more_lost.saturating_add(1);
                }
            }
        }
        Ok(Some(report))
    }
}

impl LogTrees {
    /// What the newest of the older checkpoints has of a range.
    fn older(&self, item: &Item, range: &Ends, writer: &Writer, take: bool) -> Option<(Older, Made)> {
        let own = self.tree(item)?;
        let mut best: Option<(Older, Made)> = None;
        for checkpoint in &self.older {
            let mut reader = self.store.reader().ok()?;
            let catalog = catalog::read(&self.index, &mut *reader, checkpoint);
            let Some(tree) = catalog.trees.iter().find(|t| t.uri == own.uri && t.table == own.table) else { continue };
            let mut scan = Scan::new(&self.index, reader, tree.table, tree.root, tree.compression)
                .within(range.0.clone(), range.1.clone());
            let (mut made, mut rows, mut whole) = (Made::default(), 0_u64, true);
            while let Some(page) = scan.next() {
                let sound = page.faults.iter().all(|f| f.recovered || !loses(f.kind));
                whole &= sound;
                for (key, value) in page.rows.into_iter().filter(|_| sound) {
                    let Some((key, value)) = scan.item(key).zip(scan.item(value)) else {
                        whole = false;
                        continue;
                    };
                    let inside =
                        range.0.as_ref().is_none_or(|from| key >= *from) && range.1.as_ref().is_none_or(|to| key < *to);
                    if inside {
                        rows = rows.saturating_add(1);
                        writer.row(&mut made, Key::Bytes(&key), &value);
                    }
                }
            }
            let found = Older { checkpoint: checkpoint.lsn.to_string(), rows, whole, taken: take && rows > 0 };
            if best.as_ref().is_none_or(|(b, _)| found.rows > b.rows) {
                best = Some((found, made));
            }
            if whole {
                break;
            }
        }
        best
    }
}

/// Bounds of a range of keys.
type Ends = (Option<Vec<u8>>, Option<Vec<u8>>);

fn lost(
    item: &Item,
    range: (Option<Vec<u8>>, Option<Vec<u8>>),
    part: Part,
    why: Why,
    page: Option<(u64, u64)>,
) -> Lost {
    let text = |key: Option<Vec<u8>>| key.map(|k| KeyText::of(&item.table.key_format, &k));
    Lost {
        part,
        why,
        file: None,
        offset: None,
        size: None,
        page,
        from: text(range.0),
        to: text(range.1),
        rows: Bounds::default(),
        older: None,
    }
}

/// Whether a page with such a fault is not what it says.
fn loses(kind: FaultKind) -> bool {
    use FaultKind::{
        ChainTooLong, ChildNewer, DiscardedInUse, DiscardedSoon, KeyOrder, KeyRange, PageIdRange, SizeMismatch,
    };
    !matches!(
        kind,
        ChainTooLong | ChildNewer | DiscardedInUse | DiscardedSoon | KeyOrder | KeyRange | PageIdRange | SizeMismatch
    )
}

fn why(kind: FaultKind) -> Why {
    match kind {
        FaultKind::Encrypted => Why::Encrypted,
        FaultKind::UnknownCompressor => Why::Compressor,
        FaultKind::Unread | FaultKind::Unreadable => Why::Unread,
        FaultKind::LengthOnly => Why::NotSupplied,
        FaultKind::Missing => Why::Missing,
        FaultKind::ReferencedTwice | FaultKind::Cycle => Why::Twice,
        FaultKind::CookieInvalid | FaultKind::CookieUnsupported => Why::Address,
        FaultKind::Header => Why::PageType,
        FaultKind::Undecodable => Why::Cells,
        _ => Why::Checksum,
    }
}
