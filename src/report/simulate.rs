//! What `wtcheck simulate` shows: what was done and counted, what leaks, and what tells of it.

use super::Output;
use super::text::{Paint, count, escape, grouped, signed, table};
use crate::audit::result::SCHEMA_VERSION;
use crate::model::account::Rule;
use crate::model::fault::{Fail, Form};
use crate::schema::simulate::Simulation;
use crate::simulate::outcome::{Attempt, Evidence, Outcome, Remains};
use crate::simulate::scenario::{Retry, Verb};
use std::path::Path;

/// Attempts shown; `--verbose` and the other formats have them all.
const SHOWN: usize = 40;

/// A simulation of accounting, and where its data directory is.
pub fn accounting(outcome: &Outcome, directory: &Path, exit_code: u8, output: &mut Output) {
    let directory = directory.display().to_string();
    let report = Simulation { schema_version: SCHEMA_VERSION, directory: directory.clone(), outcome, exit_code };
    let (width, paint) = (output.width, output.paint);
    let limit = if output.verbose > 0 { usize::MAX } else { SHOWN };
    output.document(&report, || {
        let mut out = format!(
            "{}: bytes counted {}, {}\n\n",
            escape(&outcome.scenario),
            match outcome.accounting {
                Rule::AtPut => "at the put",
                Rule::Deferred => "past the point of no return (deferred)",
            },
            count(outcome.attempts.len() as u64, "attempt"),
        );
        out.push_str(&attempts(outcome, limit, width));
        out.push('\n');
        out.push_str(&sizes(outcome, width));
        out.push('\n');
        out.push_str(&verdict(outcome, paint));
        out.push_str(&remains(outcome, width));
        out.push_str(&format!(
            "\nTo audit it:\n{}",
            super::text::command(&format!("wtcheck audit {}", escape(&directory)))
        ));
        out
    });
}

fn attempts(outcome: &Outcome, limit: usize, width: Option<u16>) -> String {
    let rows = outcome.attempts.iter().take(limit).map(|a| {
        vec![
            if outcome.attempts.iter().any(|b| b.step == a.step && b.time > 1) {
                format!("{}.{}", a.step, a.time)
            } else {
                a.step.to_string()
            },
            escape(&what(a)),
            fails(a),
            grouped(a.puts),
            grouped(a.bytes_put),
            grouped(a.discards),
            grouped(a.bytes_total_before),
            grouped(a.bytes_total_after),
            signed(a.leaked),
        ]
    });
    let header =
        ["Step", "What", "Fails", "Puts", "Bytes put", "Discards", "bytes_total before", "after", "Leaked so far"];
    let mut out = table(width, &header, &[0, 3, 4, 5, 6, 7, 8], rows.collect());
    if let Some(more) = outcome.attempts.len().checked_sub(limit).filter(|n| *n > 0) {
        out.push_str(&format!("and {}; --verbose shows them all\n", count(more as u64, "more attempt")));
    }
    out
}

fn what(a: &Attempt) -> String {
    let name = a.table.as_deref().unwrap_or("all tables");
    let leaves = match a.leaves {
        1 => "1 leaf".to_string(),
        n => format!("{} leaves", grouped(n)),
    };
    match (a.verb, a.form) {
        (Verb::Drop, _) => format!("drop {name}"),
        (Verb::Checkpoint, _) if a.leaves == 0 => "checkpoint".to_string(),
        (Verb::Checkpoint, _) => format!("checkpoint, {leaves} dirty"),
        (Verb::Reconcile, form) => {
            let form = match form {
                Some(Form::Delta) => "delta",
                Some(Form::Split) => "split",
                _ => "full image",
            };
            let mut out = format!("{name}, {leaves}: {form}");
            if a.full_instead > 0 {
                out.push_str(&format!(" ({} full instead)", grouped(a.full_instead)));
            }
            if a.unchanged > 0 {
                out.push_str(&format!(" ({} unchanged)", grouped(a.unchanged)));
            }
            out
        }
    }
}

fn fails(a: &Attempt) -> String {
    let place = match a.fail {
        Fail::None => return String::new(),
        Fail::Put => "the put",
        Fail::AfterPut => "after the put",
        Fail::AfterPack => "after packing",
    };
    match (a.verb, a.retry) {
        (Verb::Checkpoint, _) => format!("root of {}: {place}", escape(a.table.as_deref().unwrap_or_default())),
        (_, Some(Retry::Now)) => format!("{place}, then retried"),
        _ => place.to_string(),
    }
}

fn sizes(outcome: &Outcome, width: Option<u16>) -> String {
    let other = outcome.other.as_ref();
    let rows = outcome.tables.iter().enumerate().map(|(at, t)| {
        let of_other = other.and_then(|o| o.published_sizes.get(at)).map_or_else(String::new, |n| grouped(*n));
        if t.dropped {
            let none = String::new;
            return vec![
                format!("{} (dropped)", escape(&t.name)),
                t.table_id.to_string(),
                none(),
                none(),
                none(),
                none(),
            ];
        }
        vec![
            escape(&t.name),
            t.table_id.to_string(),
            grouped(t.published_size),
            grouped(t.true_size),
            signed(t.leaked),
            of_other,
        ]
    });
    let under = other.map_or_else(String::new, |o| format!("size= under {}", o.accounting.name()));
    let header = ["Table", "Id", "size= published", "True sum", "Leaked", &under];
    table(width, &header, &[1, 2, 3, 4, 5], rows.collect())
}

fn verdict(outcome: &Outcome, paint: Paint) -> String {
    let bytes = |n: i64| format!("{} bytes", signed(n));
    let mut out = match outcome.leaked {
        0 => paint.good("Every published size is correct to the byte.\n"),
        n => paint.bad(&format!("Published sizes leak: {} that belong to no page.\n", bytes(n))),
    };
    if outcome.leaked_since != 0 {
        out.push_str(&paint.warn(&format!(
            "After the last checkpoint the running totals leaked {} more; the next one would publish them.\n",
            bytes(outcome.leaked_since)
        )));
    }
    out.push_str(&format!("database_size {}", grouped(outcome.checkpoint.database_size)));
    if let Some(other) = &outcome.other {
        out.push_str(&format!(
            "; under {} it would be {}, leaked {}",
            other.accounting.name(),
            grouped(other.database_size),
            bytes(other.leaked)
        ));
    }
    out.push('\n');
    out
}

/// What failures left, by what the audit calls it.
fn remains(outcome: &Outcome, width: Option<u16>) -> String {
    const KINDS: [(Evidence, &str, &str); 7] = [
        (Evidence::OrphanImage, "orphan-image", "images under ids of pages in use"),
        (Evidence::OrphanPage, "orphan-page", "images and roots under ids that no checkpoint refers to"),
        (Evidence::ObsoleteChain, "obsolete-chain-uncounted", "chains whose page id was abandoned"),
        (Evidence::DuplicateDelta, "duplicate-delta", "failed deltas, legal leftovers"),
        (Evidence::Replaced, "nothing", "failed deltas that their retry replaced"),
        (Evidence::Superseded, "nothing", "failed deltas below a later image, like any older row"),
        (Evidence::AfterCheckpoint, "nothing yet", "put after the last checkpoint"),
    ];
    let mut rows = Vec::new();
    for (evidence, name, words) in KINDS {
        let of = || outcome.remains.iter().filter(|r| r.evidence == evidence);
        let sum = |f: fn(&Remains) -> u64| grouped(of().map(f).sum::<u64>());
        let n = of().count() as u64;
        if n > 0 {
            let (bytes, counted) = (sum(|r| r.bytes), sum(|r| r.counted));
            rows.push(vec![words.to_string(), grouped(n), bytes, counted, name.to_string()]);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let header = ["Left behind by failures", "Number", "Bytes", "Counted", "Audit finding"];
    format!("\n{}", table(width, &header, &[1, 2, 3], rows))
}
