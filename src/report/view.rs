//! What the parts of an audit's report share: the audit, and how much of it is wanted.

use super::text::Paint;
use crate::audit::result::{Audit, TreeInfo, Verdict};
use crate::coverage::Unchecked;
use crate::id::Lsn;
use crate::page::Depth;
use crate::words;
use crate::words::text::escape;

/// Things that were not checked on screen, unless more detail was asked for.
const SHOWN_UNCHECKED: usize = 10;

/// An audit as it is shown.
pub(super) struct View<'a> {
    pub(super) audit: &'a Audit,
    pub(super) paint: Paint,
    pub(super) verbose: u8,
    /// A repair of the local files would do something.
    pub(super) mendable: bool,
}

impl View<'_> {
    /// The trees of the page log.
    pub(super) fn trees(&self) -> &[TreeInfo] {
        self.audit.trees.get(..self.audit.trees_of_page_log()).unwrap_or_default()
    }

    /// Only some of the tables were asked for.
    pub(super) fn asked_for(&self) -> bool {
        self.audit.coverage.not_checked_list().any(|(_, why)| *why == Unchecked::NotAsked)
    }

    /// The newest checkpoint before the one audited.
    pub(super) fn older_checkpoint(&self) -> Option<Lsn> {
        let own = self.audit.checkpoint.as_ref().map_or(Lsn(u64::MAX), |c| c.lsn);
        self.audit.keystore.checkpoints.iter().rev().map(|c| c.lsn).find(|l| *l < own)
    }

    pub(super) fn verdict(&self) -> String {
        let t = &self.audit.totals;
        let counts = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let list = [(t.errors, "error"), (t.warnings, "warning"), (t.notes, "note")];
        let list: Vec<String> = list.iter().filter(|(n, _)| *n > 0).map(|(n, one)| counts(*n, one)).collect();
        let suffix = if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
        let line = match self.audit.verdict {
            Verdict::Clean => self.paint.good("CLEAN"),
            Verdict::Findings if t.errors > 0 => self.paint.bad("FINDINGS"),
            Verdict::Findings => self.paint.warn("FINDINGS"),
            Verdict::Incomplete => self.paint.warn("INCOMPLETE: not enough could be read to judge"),
        };
        let scope = match (self.audit.store.depth, self.asked_for()) {
            (Depth::Quick, _) => ", by internal pages only (--quick)",
            (_, true) => ", of what was asked for",
            _ => "",
        };
        format!("{} {line}{suffix}{scope}\n", self.paint.head("Verdict:"))
    }

    /// What was not checked and why, from the ledger: what matters, and with more detail the rest.
    pub(super) fn not_checked(&self) -> String {
        let wanted = |why: &Unchecked| {
            why.matters() || *why == Unchecked::NoRecord || (self.verbose > 0 && *why != Unchecked::NotAsked)
        };
        let list: Vec<_> = self.audit.coverage.not_checked_list().filter(|(_, why)| wanted(why)).collect();
        let shown = if self.verbose > 1 { list.len() } else { SHOWN_UNCHECKED };
        let mut out = String::new();
        for (path, why) in list.iter().take(shown) {
            // Each table that is missing has a request of its own.
            let next = match why {
                Unchecked::NotSupplied { .. }
                | Unchecked::PageNotSupplied { .. }
                | Unchecked::PartSupplied { .. }
                | Unchecked::NoRecord => {
                    format!("; {}", words::way_to_check(why))
                }
                _ => String::new(),
            };
            let line = format!("Not checked: {}: {}{next}\n", escape(path), escape(&words::unchecked(why)));
            out.push_str(&self.paint.warn(&line));
        }
        if list.len() > shown {
            out.push_str(&format!(
                "Not checked: {} more; -vv names all\n",
                super::text::grouped((list.len() - shown) as u64)
            ));
        }
        out
    }
}
