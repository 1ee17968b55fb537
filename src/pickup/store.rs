//! A page-log store as the place a pick-up gets its pages from.
//!
//! What the store could not deliver is told apart from what it does not hold: a replay must not call
//! a checkpoint bad because a damaged file hides a page of it.

use super::source::{self, Fetch, Rows, Source};
use crate::audit::pagelog::Opened;
use crate::format::pagelog_turtle::Turtle;
use crate::format::{Class, key_page};
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{self, KEY_TABLE, SHARED_METADATA, SPECIAL_PAGE};
use crate::pagelog::fault::{Fault, FaultKind};
use crate::store::{BlockReader, Row, StoreError};
use crate::words;
use serde::Serialize;
use std::sync::Arc;

/// Shared metadata kept in memory: policies that run side by side read the same, and a re-sync the
/// one before.
const KEPT: usize = 2;

/// A key page of a store; never its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct StoredKey {
    /// LSN.
    pub lsn: Lsn,
    /// Version of its header.
    pub version: Option<u8>,
    /// Whether the rules of its header hold; `None` if its bytes could not be read.
    pub valid: Option<bool>,
    /// Lowest version of a reader it asks for.
    pub compatible_version: Option<u8>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Pages of an open store.
pub struct StoreSource<'s> {
    opened: &'s Opened<'s>,
    reader: Box<dyn BlockReader + Send + 's>,
    kept: Vec<(Lsn, Rows)>,
    unread: Option<String>,
}

impl<'s> StoreSource<'s> {
    pub fn new(opened: &'s Opened<'s>) -> Result<Self, StoreError> {
        Ok(Self { opened, reader: opened.store.reader()?, kept: Vec::new(), unread: None })
    }

    /// Why the page asked for last could not be looked into, if so. A failure that goes back to it says
    /// nothing about the checkpoint.
    pub fn take_unread(&mut self) -> Option<String> {
        self.unread.take()
    }

    /// Every key page, ascending by LSN. Discard records are none.
    pub fn keys(&mut self) -> Vec<StoredKey> {
        let index = &self.opened.index;
        let rows: Vec<Row> = index.slice(index.page(KEY_TABLE, SPECIAL_PAGE)).to_vec();
        let mut bytes = Vec::new();
        let mut out = Vec::new();
        for row in rows.iter().filter(|r| !r.is_discard()) {
            let mut key =
                StoredKey { lsn: row.lsn, version: None, valid: None, compatible_version: None, reason: None };
            match self.reader.read(row, &mut bytes) {
                Err(e) => key.reason = Some(e.to_string()),
                Ok(()) => match key_page::parse(&bytes) {
                    Ok(page) => {
                        (key.valid, key.version) = (Some(true), Some(page.version));
                        key.compatible_version = page.compatible_version;
                    }
                    Err(e) => (key.valid, key.reason) = (Some(false), Some(e.message)),
                },
            }
            out.push(key);
        }
        out
    }

    /// A page that is stored as it is: turtle and key pages.
    fn special(&mut self, at: Option<usize>, table: TableId, lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        let what = format!("table {table}, page {SPECIAL_PAGE}, LSN {lsn}");
        let row = at.and_then(|at| self.opened.index.get(at));
        let Some(row) = row.filter(|r| !r.is_discard()) else {
            if self.opened.is_partial(table) {
                self.unread = Some(format!("{what}: may be in a part of the store that cannot be read"));
            }
            let found = if row.is_some() { "a discard record, not a page" } else { "no such page" };
            return Err(Fetch::Missing(format!("{what}: {found}")));
        };
        let mut bytes = Vec::new();
        match self.reader.read(&row, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(e) => {
                let why = format!("{what}: {e}");
                self.unread = Some(why.clone());
                Err(Fetch::Damaged(why))
            }
        }
    }

    fn lost(&mut self, fault: &Fault) -> Fetch {
        let place = format!("table {}, page {}, LSN {}", fault.table, fault.page, fault.lsn);
        let said = words::pagelog_page::of(fault, None);
        let why = format!("shared metadata: {place}: expected {}, found {}", said.expected, said.found);
        // Rows that a damaged file hides are not known to be missing.
        let hidden = matches!(fault.kind, FaultKind::Missing | FaultKind::ChainBroken | FaultKind::SizeMismatch)
            && self.opened.is_partial(fault.table);
        if hidden || fault.kind.is_unchecked() || fault.kind == FaultKind::CookieUnsupported {
            self.unread = Some(why.clone());
        }
        if fault.kind == FaultKind::Missing { Fetch::Missing(why) } else { Fetch::Damaged(why) }
    }
}

impl Source for StoreSource<'_> {
    fn turtle(&mut self, metadata_lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        let index = &self.opened.index;
        let at = catalog::turtle_row(index, metadata_lsn);
        let table = at.and_then(|at| index.get(at)).map_or_else(|| catalog::turtle_table(index), |r| r.table);
        self.special(at, table, metadata_lsn)
    }

    fn key_page(&mut self, lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        let at = self.opened.index.find(KEY_TABLE, SPECIAL_PAGE, lsn);
        self.special(at, KEY_TABLE, lsn)
    }

    fn metadata(&mut self, metadata_lsn: Lsn, turtle: &Turtle) -> Result<Rows, Fetch> {
        if let Some((_, rows)) = self.kept.iter().find(|(lsn, _)| *lsn == metadata_lsn) {
            return Ok(Arc::clone(rows));
        }
        let index = &self.opened.index;
        let tree = catalog::metadata_tree(index, turtle).map_err(|e| {
            let why = format!("{SHARED_METADATA}: its root cookie in the turtle page at LSN {metadata_lsn}: {e}");
            if e.class == Class::Unsupported {
                self.unread = Some(why.clone());
            }
            Fetch::Damaged(why)
        })?;
        let stored = match catalog::sound_rows(index, &mut *self.reader, &tree) {
            Ok(stored) => stored,
            Err(fault) => return Err(self.lost(&fault)),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned();
        let rows = stored.iter().map(|(key, value)| (text(key), text(value))).filter(|(uri, _)| source::is_merged(uri));
        let rows: Rows = Arc::new(rows.collect());
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push((metadata_lsn, Arc::clone(&rows)));
        Ok(rows)
    }
}
