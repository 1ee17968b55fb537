//! A home that holds a page log and local block files: two audits in one report.

use super::result::{Audit, Totals, Verdict};
use std::collections::HashSet;

/// Take the audit of a home's local files into that of its page log. Sums of the database, versions, orphans
/// and keys are the page log's; its trees come first. Both ledgers name files by their place in the home.
pub fn join(mut log: Audit, local: Audit) -> Audit {
    let worse = [log.verdict, local.verdict];
    log.trees.extend(local.trees);
    log.findings.extend(local.findings);
    // Stable: within a severity the page log's come first.
    log.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    log.coverage.take_in("", local.coverage);
    log.totals = Totals::of(&log.findings);
    log.verdict =
        [Verdict::Findings, Verdict::Incomplete].into_iter().find(|v| worse.contains(v)).unwrap_or(Verdict::Clean);
    log.exit_code = log.verdict.exit_code();
    log.local = local.local;
    log
}

impl Audit {
    /// How many of the trees are the page log's; those of local files follow.
    pub fn trees_of_page_log(&self) -> usize {
        let files: HashSet<&str> = self.local.iter().flat_map(|l| &l.files).map(|f| f.uri.as_str()).collect();
        let local = self.trees.iter().rev().take_while(|t| files.contains(t.uri.as_str())).count();
        self.trees.len() - local
    }
}
