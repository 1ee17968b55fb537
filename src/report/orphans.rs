//! The orphans of a page log: in an audit, and on their own.

use super::Output;
use super::sheet::Sheet;
use super::table::{Table, name, number, prose, whole};
use super::text::{self, count, escape, grouped, short_name, size};
use super::view::View;
use crate::audit::finding::{Code, Finding};
use crate::audit::result::{Audit, OrphanInfo, OrphanReason, Verdict};
use crate::schema::audit::{FindingDocument, Orphans};
use crate::words::text::shell_word;
use std::collections::BTreeMap;

/// Orphans on screen: in an audit, in a list of them; with detail all.
const SHOWN: [usize; 2] = [5, 50];

/// How many orphans each tree has, and their bytes.
fn by_tree(orphans: &[OrphanInfo]) -> Table {
    let mut trees: BTreeMap<(&str, u64), (u64, u64)> = BTreeMap::new();
    for o in orphans {
        let name = o.uri.as_deref().map_or("(in no metadata)", short_name);
        let (n, bytes) = trees.entry((name, o.table_id.get())).or_default();
        *n += 1;
        *bytes = bytes.saturating_add(o.bytes);
    }
    let rows = trees
        .into_iter()
        .map(|((name, table), (n, bytes))| vec![escape(name), table.to_string(), grouped(n), grouped(bytes)]);
    Table::new([name("Tree"), number("Table"), number("Orphans"), number("Bytes")], rows)
}

/// Show orphans alone; returns the exit code.
pub fn show(audit: &Audit, output: &mut Output) -> u8 {
    let of = |f: &&Finding| matches!(f.code, Code::OrphanPage | Code::OrphanImage);
    let unreadable = audit.checkpoint.is_none()
        || audit.verdict == Verdict::Incomplete
        || !audit.coverage.allows_clean()
        || audit.findings.iter().any(|f| f.code == Code::StoreDamaged);
    let code = if !audit.orphans.is_empty() {
        Verdict::Findings.exit_code()
    } else if unreadable {
        Verdict::Incomplete.exit_code()
    } else {
        Verdict::Clean.exit_code()
    };
    let total: u64 = audit.orphans.iter().map(|o| o.bytes).sum();
    let explained: u64 = audit.orphans.iter().filter(|o| o.explains).map(|o| o.bytes).sum();
    let report = Orphans {
        schema_version: audit.schema_version,
        checkpoint_lsn: audit.checkpoint.as_ref().map(|c| c.lsn),
        checkpoint_lsn_time: audit.checkpoint.as_ref().and_then(|c| c.lsn_time),
        orphans: &audit.orphans,
        findings: audit.findings.iter().filter(of).map(FindingDocument::from).collect(),
        total_bytes: total,
        explained_bytes: explained,
        coverage: &audit.coverage,
        exit_code: code,
    };
    let (paint, verbose) = (output.paint, output.verbose);
    output.document(&report, || {
        let view = View { audit, paint, verbose: verbose + 1, mendable: false };
        let mut out = view.orphans();
        if out.is_empty() {
            let undetermined = audit.versions.get("undetermined").map_or(0, |t| t.count);
            let off = audit.trees.iter().filter(|t| t.complete && t.difference.is_some_and(|d| d != 0)).count() as u64;
            let line = match (unreadable, undetermined) {
                (true, _) => "No orphans were found, but not everything could be read.\n".to_string(),
                (false, 0) if off > 0 => format!(
                    "No orphans, but sizes are off in {}: wtcheck audit {}\n",
                    count(off, "tree"),
                    shell_word(&audit.store.home)
                ),
                (false, 0) => format!("{}\n", paint.good("No orphans.")),
                (false, n) => format!(
                    "No orphans. {} unreferenced rows could not be judged: {}.\n",
                    grouped(n),
                    "this generation has no discard records, or pages above them are damaged"
                ),
            };
            out.push_str(&line);
        } else if verbose > 0 {
            for finding in audit.findings.iter().filter(of) {
                out.append(view.finding(finding, false));
            }
        }
        out
    });
    code
}

impl View<'_> {
    /// The orphans, capped, and what they come to. With so many, each tree's share as well.
    pub(super) fn orphans(&self) -> Sheet {
        let orphans = &self.audit.orphans;
        let mut out = Sheet::new();
        if orphans.is_empty() {
            return out;
        }
        let total: u64 = orphans.iter().map(|o| o.bytes).sum();
        let explained: u64 = orphans.iter().filter(|o| o.explains).map(|o| o.bytes).sum();
        let shown = SHOWN.get(usize::from(self.verbose)).copied().unwrap_or(usize::MAX);
        let written = text::written(orphans.iter().map(|o| o.lsn));
        out.heading("Orphans");
        if orphans.len() > shown {
            out.table(by_tree(orphans));
        }
        let rows = orphans.iter().take(shown).map(|o| {
            vec![
                escape(o.uri.as_deref().map_or("(in no metadata)", short_name)),
                o.table_id.to_string(),
                o.page_id.to_string(),
                text::lsn_cell(o.lsn),
                grouped(o.bytes),
                match o.reason {
                    OrphanReason::NeverReferenced => "page never referenced",
                    OrphanReason::UnreferencedImage => "image of a page in use",
                }
                .to_string(),
                if o.explains { "yes" } else { "no" }.to_string(),
            ]
        });
        let columns = [
            name("Tree"),
            number("Table").goes(2),
            number("Page"),
            number("LSN"),
            number("Bytes"),
            prose("Reason"),
            whole("In published size").goes(1),
        ];
        out.table(Table::new(columns, rows));
        if orphans.len() > shown {
            let more = grouped((orphans.len() - shown) as u64);
            let how = if self.verbose == 0 { "wtcheck orphans lists more" } else { "-v lists all" };
            out.push_str(&format!("and {more} more; {how}\n"));
        }
        let of = if orphans.len() == 1 { "orphan" } else { "orphans" };
        out.push_str(&format!("{} {of}, {}", grouped(orphans.len() as u64), size(total)));
        out.push_str(&match explained {
            0 => ": none of it is part of a published size\n".to_string(),
            n if n == total => ": all of it is part of the excess in the published sizes\n".to_string(),
            n => format!(": {} of it is part of the excess in the published sizes\n", size(n)),
        });
        if let Some(written) = written {
            out.push_str(&format!("Written {written}\n"));
        }
        out
    }
}
