//! A page log of which the system gave nothing: a store without rows, and with the reason.

use super::{
    Affected, BlockReader, CompletionRow, Index, Inspect, Layout, Located, PageLog, Problem, Row, StoreError, StoreKind,
};

/// A page log that could not be opened, for who reports what was not read.
#[derive(Debug)]
pub struct UnreadLog {
    located: Located,
    problem: Problem,
}

impl UnreadLog {
    /// What `error` leaves of a page log; the error itself if it is about something else than the system.
    pub fn new(located: &Located, error: StoreError) -> Result<Self, StoreError> {
        let Some((file, why)) = error.unread() else { return Err(error) };
        let problem = Problem { file, reason: error.to_string(), affects: Affected::All, io: Some(why) };
        Ok(Self { located: located.clone(), problem })
    }
}

impl PageLog for UnreadLog {
    fn kind(&self) -> StoreKind {
        self.located.kind
    }

    fn layout(&self) -> Result<Layout, StoreError> {
        Ok(Layout { dir: self.located.kv_home.clone(), ..Layout::default() })
    }

    fn index(
        &self,
        _inspect: Option<&Inspect<'_>>,
        _progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(Index, Vec<Problem>), StoreError> {
        Ok((Index::new(Vec::new()), vec![self.problem.clone()]))
    }

    fn completions(&self) -> Result<(Vec<CompletionRow>, Vec<Problem>), StoreError> {
        Ok((Vec::new(), vec![self.problem.clone()]))
    }

    fn reader(&self) -> Result<Box<dyn BlockReader + Send + '_>, StoreError> {
        Ok(Box::new(NoRows))
    }
}

struct NoRows;

impl BlockReader for NoRows {
    fn read(&mut self, row: &Row, _out: &mut Vec<u8>) -> Result<(), StoreError> {
        let reason =
            format!("table {}, page {}, LSN {}: the row belongs to another store", row.table, row.page, row.lsn);
        Err(StoreError::Damaged { path: std::path::PathBuf::new(), reason })
    }
}
