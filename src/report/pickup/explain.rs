//! `pickup explain` for people: what happened, the checkpoint, the manager's LSNs, the timeline, what is
//! secondary, the verdict under each policy, what to do.

use crate::decode::view::utc;
use crate::pickup::explain::check::{Answer, Check};
use crate::pickup::explain::reason::Weight;
use crate::pickup::explain::story::{Line, Seen};
use crate::pickup::explain::{Detail, Explanation, LsnAndTime, ManagerInfo, Verdict};
use crate::report::table::{Table, number, prose, whole};
use crate::report::text::{Paint, command, count, escape, grouped, lsn_cell, size, table};

/// Most lines of a list without `--verbose`.
const FEW: usize = 12;

/// The explanation as text. `all`: also long lists.
pub fn text(e: &Explanation, width: Option<u16>, paint: Paint, all: bool) -> String {
    let mut out = match e.verdict {
        Verdict::Failed => paint.bad(&escape(&e.summary)),
        Verdict::NoneFailed => paint.good(&escape(&e.summary)),
        Verdict::NothingFound => paint.warn(&escape(&e.summary)),
    } + "\n";
    if let Some(elsewhere) = &e.elsewhere {
        let words = format!(
            "What the log shows instead, at line {}: {} ({}).",
            grouped(elsewhere.line),
            elsewhere.title,
            elsewhere.cause.name()
        );
        out.push_str(&format!("\n{}\n", paint.bad(&words)));
        let logs: Vec<String> = e.logs.iter().map(|l| escape(&l.name)).collect();
        if logs.iter().all(|l| l != "-") {
            out.push_str(&command(&format!("wtcheck log {}", logs.join(" "))));
        }
    }
    if let Some(stated) = &e.stated_keystore {
        out.push_str(&format!(
            "\n{}\n  embedded by the checkpoint  {}\n  committed by the node       {}\n",
            paint.head("Both keys, as the key provider states them itself"),
            stated.persisted.dated(),
            stated.committed.dated()
        ));
    }
    let several = e.logs.len() > 1;
    if let Some(detail) = &e.failure {
        out.push_str(&format!("\n{}\n", paint.head("The pick-up that failed")));
        out.push_str(&failure(detail, several, width));
        out.push_str(&format!("rules: {} ({})\n", e.profile.name(), escape(&e.profile_evidence)));
        out.push_str(&format!("\n{}\n", paint.head("Which step, and how that is known")));
        out.push_str(&evidence(detail, paint));
    }
    if e.failures.len() > 1 {
        out.push_str(&format!("\n{}\n", paint.head("All pick-ups that failed")));
        out.push_str(&failures(e, several, width, all));
    }
    if let Some(manager) = &e.checkpoint_manager {
        out.push_str(&format!("\n{}\n", paint.head("LSNs of the checkpoint manager")));
        out.push_str(&managers(manager, width));
    }
    if !e.timeline.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("Timeline")));
        out.push_str(&lines(&e.timeline, several, width));
    }
    if !e.key_lines.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("Lines about keys")));
        let skip = if all { 0 } else { e.key_lines.len().saturating_sub(FEW) };
        out.push_str(&lines(e.key_lines.get(skip..).unwrap_or_default(), several, width));
    }
    if e.verdict != Verdict::NothingFound || e.secondary.count > 0 {
        out.push_str(&format!("\n{}\n", paint.head("Secondary errors")));
        out.push_str(&secondary(e, several));
    }
    if let Some(check) = &e.check {
        out.push_str(&format!("\n{}\n", paint.head("What the store says")));
        out.push_str(&store(check, paint));
    }
    if !e.policies.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("Verdict under each policy")));
        let rows = e.policies.iter().map(|p| {
            let from = p.serves_from.map_or("-".to_string(), lsn_cell);
            vec![p.policy.name().to_string(), p.reaction.to_string(), p.attempts_allowed.to_string(), from]
        });
        let columns = [whole("Policy"), whole("Reaction"), number("Attempts"), number("Serves from LSN")];
        out.push_str(&Table::new(columns, rows).text(width.map(usize::from), paint));
        for p in &e.policies {
            out.push_str(&format!("  {}: {}\n", p.policy.name(), escape(&p.what)));
        }
    }
    if !e.next_steps.is_empty() {
        out.push_str(&format!("\n{}\n", paint.head("What to do next")));
        for step in &e.next_steps {
            out.push_str(&format!("  {}\n", escape(step)));
        }
    }
    out
}

fn at(seen: &Seen, several: bool) -> String {
    let time = seen.time.as_deref().map(escape).unwrap_or_default();
    let log = if several { format!("log {} ", seen.log + 1) } else { String::new() };
    let space = if time.is_empty() { "" } else { ", " };
    format!("{time}{space}{log}line {}", seen.line)
}

fn hint(seconds: Option<u64>) -> String {
    seconds.map_or(String::new(), |s| format!("{} (derived)", utc(s)))
}

fn failure(d: &Detail, several: bool, width: Option<u16>) -> String {
    let or_none = |v: Option<String>| v.map_or("not in the log".to_string(), |v| escape(&v));
    let number = |v: Option<u64>| v.map(|v| v.to_string());
    let mut rows = vec![
        vec![
            "metadata_lsn".to_string(),
            or_none(d.metadata_lsn.map(|l| l.to_string())),
            hint(d.metadata_unix_seconds_derived),
        ],
        vec!["metadata_checksum".into(), or_none(d.metadata_checksum.clone()), "crc32c of the turtle page".into()],
        vec!["database_size".into(), or_none(number(d.database_size)), d.database_size.map(size).unwrap_or_default()],
        vec!["version".into(), or_none(number(d.version)), "of the writer".into()],
        vec!["compatible_version".into(), or_none(number(d.compatible_version)), "lowest reader".into()],
        vec![
            "return code".into(),
            or_none(d.return_code.map(|c| c.to_string())),
            d.return_code.map(|c| c.words().to_string()).unwrap_or_default(),
        ],
        vec![
            "step".into(),
            d.step.map_or("not known".to_string(), |s| s.name().to_string()),
            match (d.step_place, d.step_words) {
                (Some(place), Some(words)) => format!("{words}, {place}; {}", d.certainty.words()),
                _ => {
                    let names: Vec<&str> = d.candidates.iter().map(|s| s.name()).collect();
                    if names.is_empty() { String::new() } else { format!("one of {}", names.join(", ")) }
                }
            },
        ],
        vec!["session".into(), or_none(d.session.clone()), d.first.context.as_deref().map(escape).unwrap_or_default()],
    ];
    if let Some(caller) = &d.caller {
        rows.push(vec!["asked for by".into(), escape(caller), String::new()]);
    }
    rows.push(vec!["first line".into(), at(&d.first, several), String::new()]);
    if d.last != d.first {
        let attempts = if d.attempts > 1 { count(u64::from(d.attempts), "attempt") } else { String::new() };
        rows.push(vec!["last line".into(), at(&d.last, several), attempts]);
    }
    if let Some(abort) = &d.abort {
        let signal = abort.signal.map_or("the process dies".to_string(), |s| format!("signal {s}"));
        rows.push(vec!["died of it".into(), at(&abort.seen, several), signal]);
    }
    Table::new([whole("What"), prose("Value"), prose("")], rows).text(width.map(usize::from), Paint { on: false })
}

fn evidence(d: &Detail, paint: Paint) -> String {
    let mut out = String::new();
    for e in &d.evidence {
        let step = e.step.map_or(String::new(), |s| format!("{}: ", s.name()));
        let mark = match e.weight {
            Weight::Says | Weight::Shows => paint.bad("it was"),
            Weight::Excludes => paint.faint("not   "),
            Weight::Leaves => paint.bad("left  "),
            Weight::Limits => paint.warn("note  "),
        };
        out.push_str(&format!("  {mark} {step}{}\n", escape(&e.text)));
    }
    out
}

fn failures(e: &Explanation, several: bool, width: Option<u16>, all: bool) -> String {
    let skip = if all { 0 } else { e.failures.len().saturating_sub(FEW) };
    let rows = e.failures.iter().skip(skip).map(|f| {
        vec![
            f.metadata_lsn.map_or("-".to_string(), lsn_cell),
            f.return_code.map_or("-".to_string(), |c| c.to_string()),
            f.step.map_or("-".to_string(), |s| s.name().to_string()),
            f.certainty.words().to_string(),
            grouped(u64::from(f.attempts)),
            if f.fatal { "yes" } else { "no" }.to_string(),
            at(&f.first, several),
            at(&f.last, several),
        ]
    });
    let columns = [
        number("metadata_lsn"),
        whole("Code"),
        whole("Step"),
        prose("How sure").goes(2),
        number("Attempts").goes(1),
        whole("Fatal"),
        prose("First line"),
        prose("Last line").goes(3),
    ];
    let mut out = Table::new(columns, rows).text(width.map(usize::from), Paint { on: false });
    let hidden = e.failures_total.saturating_sub((e.failures.len() - skip) as u64);
    if hidden > 0 {
        out.push_str(&format!("{} before these\n", grouped(hidden)));
    }
    out
}

fn managers(m: &ManagerInfo, width: Option<u16>) -> String {
    let row = |name: &str, lsn: &Option<LsnAndTime>, what: String| {
        let value = lsn.as_ref().map_or("not in the log".to_string(), |l| l.lsn.to_string());
        vec![name.to_string(), value, hint(lsn.as_ref().and_then(|l| l.unix_seconds_derived)), what]
    };
    let behind = |seconds: Option<i64>, than: &str| {
        seconds.map_or(String::new(), |s| format!("; {} s after {than} (derived)", s))
    };
    let of_failing =
        if m.to_install_is_failing { "; right after the failing metadata_lsn: that checkpoint's record" } else { "" };
    let rows = vec![
        row("installed", &m.installed, "what the node serves from".into()),
        row(
            "to install",
            &m.to_install,
            format!(
                "what it should pick up{}{of_failing}",
                behind(m.seconds_installed_to_install_derived, "the installed")
            ),
        ),
        row(
            "latest materialized and applied",
            &m.latest_materialized,
            format!(
                "the newest one that the page servers and the oplog allow{}",
                behind(m.seconds_to_install_to_latest_derived, "the one to install")
            ),
        ),
    ];
    let columns = [prose("LSN"), number("Value"), prose("Time"), prose("Meaning")];
    Table::new(columns, rows).text(width.map(usize::from), Paint { on: false })
}

fn lines(list: &[Line], several: bool, width: Option<u16>) -> String {
    let rows = list.iter().map(|l| {
        let who = [l.seen.session.as_deref(), l.seen.context.as_deref()];
        let who: Vec<String> = who.into_iter().flatten().map(escape).collect();
        vec![at(&l.seen, several), who.join(", "), escape(&l.what)]
    });
    table(width, &["When", "Who", "What"], &[], rows.collect())
}

fn secondary(e: &Explanation, several: bool) -> String {
    let s = &e.secondary;
    if s.count == 0 {
        return "  none\n".to_string();
    }
    let kinds = [
        (s.not_found, "not found (WT_NOTFOUND)"),
        (s.frontier, "above the materialization frontier"),
        (s.retries, "read again"),
        (s.read_errors, "unreadable block"),
    ];
    let kinds: Vec<String> =
        kinds.iter().filter(|k| k.0 > 0).map(|(n, what)| format!("{} {what}", grouped(*n))).collect();
    let mut out = format!("  {}: {}\n", count(s.count, "line"), kinds.join(", "));
    if let (Some(first), Some(last)) = (&s.first, &s.last) {
        out.push_str(&format!("  from {} to {}\n", at(first, several), at(last, several)));
    }
    out + &format!("  {}\n", escape(&s.why))
}

fn store(c: &Check, paint: Paint) -> String {
    let answer = match c.answer {
        Answer::Confirmed => paint.bad(c.answer.words()),
        Answer::Contradicted | Answer::CannotBeChecked => paint.warn(c.answer.words()),
    };
    let mut out = format!("  {answer}: {}\n", escape(&c.home));
    for r in &c.reasons {
        out.push_str(&format!("  - {}\n", escape(r)));
    }
    if let Some(key) = c.node_key {
        out.push_str(&format!("  - the node is assumed to have committed the key at LSN {}\n", key.dated()));
    }
    match &c.next_compatible {
        Some(n) => {
            let key = n.keystore_lsn.map_or("no key".to_string(), |k| format!("the key at LSN {}", k.dated()));
            out.push_str(&format!(
                "  - next compatible checkpoint: metadata_lsn={}, record at LSN {}, embeds {key}\n",
                n.metadata_lsn.dated(),
                n.lsn.dated()
            ));
        }
        None if c.record_lsn.is_some() => {
            out.push_str("  - next compatible checkpoint: none in this store yet\n");
        }
        None => {}
    }
    out
}
