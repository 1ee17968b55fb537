//! A page log as it would be after a repair, over one that is not touched: rows and completion
//! records added and taken away in memory, so that an audit can judge the outcome beforehand.

use crate::audit::pagelog::Opened;
use crate::format::image::Era;
use crate::id::Version;
use crate::pagelog::seal;
use crate::store::edit::Edit;
use crate::store::{
    BlockReader, CompletionRow, Index, Inspect, Layout, PageLog, Problem, Row, Seal, StoreError, StoreKind,
};
use std::collections::{HashMap, HashSet};

/// A store with edits on top of it.
pub struct Overlay<'s> {
    base: &'s Opened<'s>,
    blocks: HashMap<Version, Vec<u8>>,
    added: Vec<Row>,
    gone: HashSet<Version>,
    completions: Vec<CompletionRow>,
    layout: Layout,
}

impl<'s> Overlay<'s> {
    /// Lay edits over a store.
    pub fn new(base: &'s Opened<'s>, edits: &[Edit]) -> Self {
        let era = match base.store.kind() {
            StoreKind::Palm => Era::June2025,
            StoreKind::Palite | StoreKind::Local => Era::Current,
        };
        let mut out = Self {
            base,
            blocks: HashMap::new(),
            added: Vec::new(),
            gone: HashSet::new(),
            completions: base.completions.clone(),
            layout: base.layout.clone(),
        };
        for edit in edits {
            match edit {
                Edit::Counter { last_lsn } => out.layout.lsn_counter = Some(*last_lsn),
                Edit::Put(new) => {
                    let mut row = Row {
                        table: new.table,
                        page: new.page,
                        lsn: new.lsn,
                        backlink_lsn: new.backlink_lsn,
                        base_lsn: new.base_lsn,
                        locator: 0,
                        len: u32::try_from(new.data.len()).unwrap_or(u32::MAX),
                        flags: new.flags,
                        seal: Seal::default(),
                    };
                    row.seal = seal::seal(era, &row, &new.data);
                    out.added.push(row);
                    out.blocks.insert(Version::new(new.table, new.page, new.lsn), new.data.clone());
                }
                Edit::Remove { table, page, lsn } => {
                    out.gone.insert(Version::new(*table, *page, *lsn));
                }
                Edit::Complete { lsn, timestamp, checkpoint_id, text } => out.completions.push(CompletionRow {
                    lsn: *lsn,
                    timestamp: *timestamp,
                    checkpoint_id: *checkpoint_id,
                    text: text.clone().into_bytes(),
                }),
                Edit::RemoveCompletion { lsn } => out.completions.retain(|c| c.lsn != *lsn),
            }
        }
        out.completions.sort_by_key(|c| c.lsn);
        // The ledger lets the number of the last completed checkpoint follow the newest record.
        let newest = out.completions.last();
        if base.store.kind() == StoreKind::Palm && newest != base.completions.last() {
            out.layout.last_completed = Some(newest.and_then(|c| c.checkpoint_id).unwrap_or(0));
        }
        out
    }

    /// The rows there would be.
    fn rows(&self) -> Index {
        let kept = self.base.index.rows().iter().filter(|r| !self.gone.contains(&Version::new(r.table, r.page, r.lsn)));
        Index::new(kept.chain(self.added.iter().copied()).collect())
    }

    /// The store as every page-log verb wants it.
    pub fn opened(&self) -> Opened<'_> {
        Opened {
            store: self,
            index: self.rows(),
            problems: self.base.problems.clone(),
            layout: self.layout.clone(),
            completions: self.completions.clone(),
        }
    }
}

impl PageLog for Overlay<'_> {
    fn kind(&self) -> StoreKind {
        self.base.store.kind()
    }

    fn layout(&self) -> Result<Layout, StoreError> {
        Ok(self.layout.clone())
    }

    fn index(
        &self,
        _inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        let index = self.rows();
        progress(index.len() as u64);
        Ok((index, self.base.problems.clone()))
    }

    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError> {
        Ok((self.completions.clone(), Vec::new()))
    }

    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError> {
        Ok(Box::new(Reader { blocks: &self.blocks, base: self.base.store.reader()? }))
    }
}

struct Reader<'a> {
    blocks: &'a HashMap<Version, Vec<u8>>,
    base: Box<dyn BlockReader + Send + 'a>,
}

impl BlockReader for Reader<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self.blocks.get(&Version::new(row.table, row.page, row.lsn)) {
            Some(bytes) => {
                out.clear();
                out.extend_from_slice(bytes);
                Ok(())
            }
            None => self.base.read(row, out),
        }
    }
}
