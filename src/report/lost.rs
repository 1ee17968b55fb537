//! The orphaned ranges of local files: what `wtcheck orphans` shows of them.

use super::Output;
use super::text::{escape, grouped, size, table};
use super::view::View;
use crate::audit::finding::{Code, Finding};
use crate::audit::result::{Audit, Verdict};
use crate::schema::audit::FindingDocument;
use crate::schema::audit::Lost;
use crate::words;

/// Show the ranges that belong to nothing; returns the exit code.
pub fn show(audit: &Audit, output: &mut Output) -> u8 {
    let lost: Vec<&Finding> = audit.findings.iter().filter(|f| f.code == Code::ExtentLost).collect();
    let files = audit.local.iter().flat_map(|l| &l.files);
    let unsure = |f: &&crate::audit::home::result::FileInfo| f.space.is_none_or(|s| s.uncertain);
    let uncertain: Vec<&str> = files.filter(unsure).map(|f| f.file.as_str()).collect();
    let whole = uncertain.is_empty() && audit.coverage.allows_clean();
    let exit_code = match (lost.is_empty(), whole) {
        (false, _) => Verdict::Findings.exit_code(),
        (true, false) => Verdict::Incomplete.exit_code(),
        (true, true) => Verdict::Clean.exit_code(),
    };
    let total = lost.iter().fold(0_u64, |sum, f| sum.saturating_add(f.place.length.unwrap_or(0)));
    let report = Lost {
        schema_version: audit.schema_version,
        findings: lost.iter().map(|f| FindingDocument::from(*f)).collect(),
        total_bytes: total,
        uncertain_files: uncertain,
        coverage: &audit.coverage,
        exit_code,
    };
    let (width, paint, verbose) = (output.width, output.paint, output.verbose);
    output.document(&report, || {
        let mut out = String::new();
        if report.findings.is_empty() && !whole {
            out.push_str("None was found, but not everything could be read.\n");
        } else if report.findings.is_empty() {
            out.push_str(&format!("{}\n", paint.good("No orphaned ranges.")));
        } else {
            let rows = lost.iter().map(|f| {
                let said = words::of(f);
                vec![
                    escape(f.place.file.as_deref().unwrap_or_default()),
                    grouped(f.place.offset.unwrap_or(0)),
                    grouped(f.place.length.unwrap_or(0)),
                    escape(&said.found),
                    escape(&said.evidence.join("; ")),
                ]
            });
            let header = ["File", "Offset", "Bytes", "Found", "Evidence"];
            out.push_str(&table(width, &header, &[1, 2], rows.collect()));
            let s = if report.findings.len() == 1 { "" } else { "s" };
            out.push_str(&format!("{} orphaned range{s}, {}\n", grouped(report.findings.len() as u64), size(total)));
        }
        let view = View { audit, paint, verbose, mendable: false };
        out.push_str(&view.not_checked());
        for file in &report.uncertain_files {
            out.push_str(
                &paint.warn(&format!("{}: not everything could be read, so ranges may be missing\n", escape(file))),
            );
        }
        out
    });
    exit_code
}
