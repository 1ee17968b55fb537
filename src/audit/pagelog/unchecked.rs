//! What an audit of a page log could not check: files, tables and pages enter its ledger with the reason.

use super::classify::Class;
use super::{Problem, Work, by_rows, damaged, reach};
use crate::audit::finding::Finding;
use crate::coverage::Unchecked;
use crate::id::{Lsn, TableId, Version};
use crate::pagelog::catalog::{Checkpoint, KEY_TABLE};

impl Work<'_> {
    /// Enter files that the system did not let be read.
    pub(super) fn unread(&mut self, files: impl IntoIterator<Item = (String, Unchecked)>) {
        for (name, why) in files {
            self.unchecked = true;
            self.audit.coverage.not_checked(format!("{}{name}", self.below), why);
        }
    }

    /// Judge the rows alone of tables whose pages nobody could look into.
    pub(super) fn by_rows(&mut self, walked: impl Fn(TableId) -> bool) {
        let opened = self.opened;
        let Some(gathered) = &opened.layout.gathered else { return };
        for (table, supply) in &gathered.tables {
            let closed = supply.encrypted > 0 || supply.lengths > 0 || self.audit.checkpoint.is_none();
            let wanted = self.options.tables.is_none();
            if closed && wanted && !walked(*table) {
                self.audit.by_rows.push(by_rows::judge(opened, *table, &mut self.findings));
            }
        }
    }

    /// Enter tables that are in no dump.
    pub(super) fn not_supplied(&mut self, tables: impl IntoIterator<Item = (TableId, Option<String>)>) {
        let Some(gathered) = &self.opened.layout.gathered else { return };
        let lsn = self.audit.checkpoint.as_ref().map(|c| c.metadata_lsn.get());
        for (table, uri) in tables {
            // Single pages may be all that is needed; what is missed then is told where it is met.
            if gathered.lacks(table) {
                self.unchecked = true;
                let name = uri.map_or(format!("table {table}"), |uri| format!("table {table} ({uri})"));
                let why = Unchecked::NotSupplied { log: gathered.log, table: table.get(), lsn };
                self.audit.coverage.not_checked(name, why);
            }
        }
    }

    /// Enter page versions that are in no dump; of a table with many of them the rest in one.
    pub(super) fn pages_not_supplied(&mut self, reached: &reach::Reached) {
        let Some(gathered) = &self.opened.layout.gathered else { return };
        let lsn = self.audit.checkpoint.as_ref().map(|c| c.metadata_lsn.get());
        for (table, (count, first)) in &reached.not_supplied {
            self.unchecked = true;
            for at in first {
                let why = Unchecked::PageNotSupplied { log: gathered.log, at: *at };
                self.audit.coverage.not_checked(format!("table {table}, page {}", at.page), why);
            }
            if *count > first.len() as u64 {
                let why = Unchecked::NotSupplied { log: gathered.log, table: table.get(), lsn };
                self.audit.coverage.not_checked(format!("table {table}: {} pages", count - first.len() as u64), why);
            }
        }
    }

    /// Files that are not there, where they are needed.
    pub(super) fn absent_files(&mut self, needed: impl Fn(&Problem) -> bool) {
        let absent: Vec<Finding> = self.opened.layout.absent.iter().filter(|p| needed(p)).map(damaged).collect();
        self.unchecked |= !absent.is_empty();
        self.findings.extend(absent);
    }

    /// Enter the checkpoint before the audited one, if rows could not be judged without it; `lsn`: see
    /// [`super::Opened::unknown_before`].
    pub(super) fn checkpoint_not_supplied(&mut self, class: &[Class], turtle: usize, lsn: Lsn) {
        let undetermined = |(at, class): (usize, &Class)| {
            *class == Class::Undetermined && self.opened.index.lsn(at).is_some_and(|own| own <= lsn)
        };
        let (Some(gathered), Some(turtle)) = (&self.opened.layout.gathered, self.opened.index.get(turtle)) else {
            return;
        };
        if lsn == Lsn::NONE || !class.iter().enumerate().any(undetermined) {
            return;
        }
        self.unchecked = true;
        let at = Version { lsn: lsn.min(Lsn(turtle.lsn.get().saturating_sub(1))), ..turtle.key() };
        let why = Unchecked::PageNotSupplied { log: gathered.log, at };
        self.audit.coverage.not_checked(format!("the previous checkpoint: table {}, page {}", at.table, at.page), why);
    }

    /// Enter turtle pages that are in no dump, of tables that are.
    pub(super) fn turtles_not_supplied(&mut self, pages: &[Version]) {
        self.pages_of_checkpoint("the checkpoint", pages);
    }

    fn pages_of_checkpoint(&mut self, what: &str, pages: &[Version]) {
        let Some(gathered) = &self.opened.layout.gathered else { return };
        for at in pages.iter().filter(|at| !gathered.lacks(at.table)) {
            self.unchecked = true;
            let why = Unchecked::PageNotSupplied { log: gathered.log, at: *at };
            self.audit.coverage.not_checked(format!("{what}: table {}, page {}", at.table, at.page), why);
        }
    }

    /// Enter the key page that the audited checkpoint embeds, if the dump of its table is older.
    pub(super) fn key_not_supplied(&mut self, audited: &Checkpoint) {
        let Some(key) = &audited.turtle.key_provider else { return };
        let at = Version::new(KEY_TABLE, key.page_id, key.lsn);
        let there = self.opened.index.find(at.table, at.page, at.lsn).is_some();
        if !there && self.opened.may_lack(at.table, at.lsn) {
            self.pages_of_checkpoint("the key", &[at]);
        }
    }
}
