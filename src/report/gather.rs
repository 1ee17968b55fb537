//! What `wtcheck gather` shows.

use super::Output;
use super::text::{clock, count, escape, grouped, room_for_times, table, written};
use crate::audit::result::SCHEMA_VERSION;
use crate::exit;
use crate::schema::gather as schema;
use crate::store::gathered::{Gathered, Origin};
use crate::words::text::shell;
use std::path::Path;

/// Notes that are shown; the manifest has more.
const SHOWN: usize = 10;

/// What was taken, from where, and what to do next. Gives back the exit code.
pub fn show(gathered: &Gathered, out: &Path, output: &mut Output) -> u8 {
    let exit_code = match (gathered.malformed, gathered.conflicts) {
        (0, 0) => exit::CLEAN,
        (0, _) => exit::FINDINGS,
        _ => exit::INCOMPLETE,
    };
    let report = schema::GatheredPages {
        schema_version: SCHEMA_VERSION,
        directory: out.display().to_string(),
        gathered,
        exit_code,
    };
    let (width, paint) = (output.width, output.paint);
    output.document(&report, || {
        let mut text = format!("{}: {}\n", escape(&report.directory), from(gathered));
        let newest = written(gathered.tables.values().map(|s| s.highest_lsn));
        let dated = newest.is_some() && room_for_times(width);
        let rows = gathered.tables.iter().map(|(id, supply)| {
            let part = if supply.whole { "whole" } else { "in part" };
            let mut row = vec![
                id.to_string(),
                part.to_string(),
                grouped(supply.entries),
                grouped(supply.encrypted),
                grouped(supply.lengths),
                supply.highest_lsn.to_string(),
            ];
            row.extend(dated.then(|| clock(supply.highest_lsn)));
            row
        });
        let mut heads = vec!["Table", "Supplied", "Entries", "Encrypted", "Lengths", "Newest LSN"];
        heads.extend(dated.then_some("Written"));
        text.push_str(&table(width, &heads, &[0, 2, 3, 4, 5], rows.collect()));
        text.push_str(&newest.map(|w| format!("The newest LSNs were written {w}\n")).unwrap_or_default());
        if gathered.tables.values().any(|t| t.encrypted + t.lengths > 0) {
            text.push_str(&match gathered.overhead {
                Some(o) if o.most == 0 => "Lengths are exact: the service adds nothing.\n".to_string(),
                Some(o) if o.least == o.most => {
                    format!(
                        "Lengths are accurate to a byte or two: the service adds about {}.\n",
                        count(o.least.into(), "byte")
                    )
                }
                Some(o) => {
                    format!("Lengths are not exact: the service adds {} to {} bytes to a block.\n", o.least, o.most)
                }
                None => "Lengths may not be exact: there is no block for which both bytes and length are known.\n"
                    .to_string(),
            });
        }
        text.push_str(match gathered.checkpoint {
            Origin::Given => "Uses the completion record that was given.\n",
            Origin::ServerLog => "Uses the newest checkpoint in the log that the dumps reach.\n",
            Origin::NewestTurtle => "Uses the newest turtle page: the size of the database is not known.\n",
            Origin::Unknown => "No turtle page was supplied, so there is no checkpoint to audit: dump table 2.\n",
        });
        if gathered.left_out > 0 {
            text.push_str(&format!(
                "Left out: {} (not a page version, or of an unknown kind).\n",
                count(gathered.left_out, "record")
            ));
        }
        if gathered.conflicts > 0 {
            let line = format!("The dumps contradict each other {}.\n", times(gathered.conflicts));
            text.push_str(&paint.warn(&line));
        }
        if gathered.malformed > 0 {
            text.push_str(&paint.warn(&format!("Damaged, and skipped: {}.\n", count(gathered.malformed, "piece"))));
        }
        for note in gathered.notes.iter().take(SHOWN) {
            text.push_str(&format!("  {}\n", escape(note)));
        }
        if gathered.notes.len() > SHOWN {
            text.push_str(&format!("  and more, in {}\n", crate::store::gathered::FILE_NAME));
        }
        text.push_str(&format!("\nNext:\n{}", super::text::command(&format!("wtcheck audit {}", shell(out)))));
        text
    });
    exit_code
}

fn from(gathered: &Gathered) -> String {
    let entries: u64 = gathered.tables.values().map(|t| t.entries).sum();
    let dumps = count(gathered.sources.len() as u64, "dump");
    let log = gathered.log.map_or(String::new(), |log| format!(" of log {log}"));
    format!("{} from {dumps}{log}", count(entries, "page version"))
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_string() } else { format!("{} times", grouped(n)) }
}
