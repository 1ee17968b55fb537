//! A page log in memory: rows of any content, without the databases around them.

use wtcheck::store::{
    BlockReader, CompletionRow, Index, Inspect, Layout, PageLog, Problem, Row, Seal, StoreError, StoreKind,
};

/// Rows with their data, and completion records.
#[derive(Debug, Clone)]
pub struct MemoryLog {
    /// What it passes for.
    pub kind: StoreKind,
    /// Rows; `locator` and `len` are filled in.
    pub rows: Vec<(Row, Vec<u8>)>,
    /// Completion records, ascending by LSN.
    pub completions: Vec<CompletionRow>,
    /// Files and counters.
    pub layout: Layout,
}

impl PageLog for MemoryLog {
    fn kind(&self) -> StoreKind {
        self.kind
    }

    fn layout(&self) -> Result<Layout, StoreError> {
        Ok(self.layout.clone())
    }

    fn index(
        &self,
        inspect: Option<&Inspect<'_>>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        let mut rows = Vec::new();
        for (at, (row, data)) in self.rows.iter().enumerate() {
            let mut row = Row { locator: at as u64, len: data.len() as u32, seal: Seal::default(), ..*row };
            row.seal = inspect.map_or(row.seal, |inspect| inspect(&row, data));
            rows.push(row);
        }
        progress(rows.len() as u64);
        Ok((Index::new(rows), Vec::new()))
    }

    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError> {
        Ok((self.completions.clone(), Vec::new()))
    }

    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError> {
        Ok(Box::new(MemoryReader(self)))
    }
}

struct MemoryReader<'a>(&'a MemoryLog);

impl BlockReader for MemoryReader<'_> {
    fn read(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.clear();
        let found = usize::try_from(row.locator).ok().and_then(|at| self.0.rows.get(at));
        match found {
            Some((_, data)) => out.extend_from_slice(data),
            None => return Err(StoreError::Damaged { path: "memory".into(), reason: "no such row".into() }),
        }
        Ok(())
    }
}
