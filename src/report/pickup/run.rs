//! A scenario that was run: its timeline, how each standby came out, what the other policies do.

use super::{breach, role};
use crate::audit::result::SCHEMA_VERSION;
use crate::exit;
use crate::id::Lsn;
use crate::pickup::judge::Rule;
use crate::pickup::policy::Policy;
use crate::pickup::run::Report;
use crate::pickup::scenario::Scenario;
use crate::pickup::world::Tone;
use crate::report::Output;
use crate::report::text::{Paint, count, escape, table};
use crate::schema::pickup::{OtherPolicy, Run};

/// Lines of the timeline shown without -v.
const SHOWN: usize = 60;

/// Show it; the exit code.
pub fn show(path: &str, scenario: &Scenario, report: &Report, others: &[(Policy, Report)], output: &mut Output) -> u8 {
    let code = if report.breaches.is_empty() { exit::CLEAN } else { exit::FINDINGS };
    let document = Run {
        schema_version: SCHEMA_VERSION,
        scenario: &scenario.name,
        profile: scenario.profile.name(),
        policy: scenario.policy.name(),
        retry_budget: scenario.retry.budget,
        retry_first_us: scenario.retry.first.0,
        retry_longest_us: scenario.retry.longest.0,
        report,
        other_policies: others
            .iter()
            .map(|(p, r)| OtherPolicy { policy: p.name(), nodes: &r.nodes, breaches: &r.breaches, waiting: r.waiting })
            .collect(),
        exit_code: code,
    };
    let (paint, verbose, width) = (output.paint, output.verbose, output.width);
    output.document(&document, || {
        let mut out = head(scenario);
        out.push_str(&paint.head("\nTimeline\n"));
        out.push_str(&timeline(report, paint, verbose, width));
        out.push_str(&paint.head("\nStandbys\n"));
        out.push_str(&standbys(report, width));
        out.push('\n');
        out.push_str(&verdict(scenario, report, paint));
        if !others.is_empty() {
            out.push_str(&paint.head("\nThe same under the other policies\n"));
            for (policy, other) in others {
                out.push_str(&format!("  {:<10} {}\n", policy.name(), in_short(other)));
            }
        }
        out.push_str(&next(path, scenario, report));
        out
    });
    code
}

/// What was run.
pub fn head(scenario: &Scenario) -> String {
    let name = if scenario.name.is_empty() { "scenario" } else { &scenario.name };
    format!(
        "{}: {}, {}; rules of {}, policy {}, {}, waits {} to {}\n",
        escape(name),
        count(scenario.nodes.len().saturating_sub(1) as u64, "standby"),
        count(scenario.servers.len() as u64, "page server"),
        scenario.profile.name(),
        scenario.policy.name(),
        count(u64::from(scenario.retry.budget), "attempt"),
        scenario.retry.first,
        scenario.retry.longest
    )
}

fn timeline(report: &Report, paint: Paint, verbose: u8, width: Option<u16>) -> String {
    let lines = &report.timeline;
    // What went wrong is always shown; of the rest the last lines give way.
    let limit = if verbose > 0 { usize::MAX } else { SHOWN };
    let bad = lines.iter().filter(|l| l.note.tone != Tone::Plain).count();
    let mut plain = limit.saturating_sub(bad);
    let mut rows = Vec::new();
    let mut hidden = report.lines_left_out;
    for line in lines {
        if line.note.tone == Tone::Plain {
            if plain == 0 {
                hidden += 1;
                continue;
            }
            plain -= 1;
        }
        let text = escape(&line.note.text);
        let text = match line.note.tone {
            Tone::Plain => text,
            Tone::Good => paint.good(&text),
            Tone::Warn => paint.warn(&text),
            Tone::Bad => paint.bad(&text),
        };
        rows.push(vec![line.at.to_string(), escape(&line.note.actor), text]);
        if verbose > 0 {
            rows.extend(line.note.log.iter().map(|l| vec![String::new(), String::new(), format!("  {}", escape(l))]));
        }
    }
    let mut out = table(width, &["Time", "Who", "What"], &[0], rows);
    if hidden > 0 {
        out.push_str(&format!("and {}; -v shows them\n", count(hidden as u64, "more line")));
    }
    out
}

fn standbys(report: &Report, width: Option<u16>) -> String {
    let header = [
        "Node",
        "At the end",
        "Checkpoint",
        "Metadata LSN",
        "Installed",
        "Skipped",
        "Retries",
        "Re-syncs",
        "Aborts",
        "Behind",
        "Longest",
    ];
    let number = |n: Option<Lsn>| n.map_or("-".to_string(), |n| n.to_string());
    let rows = report
        .nodes
        .iter()
        .map(|n| {
            vec![
                escape(&n.name),
                role(n.role).to_string(),
                n.checkpoint.map_or("-".to_string(), |n| n.to_string()),
                number(n.installed_metadata_lsn),
                n.counts.installed.to_string(),
                n.counts.skipped.to_string(),
                n.counts.retries.to_string(),
                n.counts.resyncs.to_string(),
                n.counts.aborts.to_string(),
                n.behind.to_string(),
                n.longest_behind.to_string(),
            ]
        })
        .collect();
    table(width, &header, &[2, 3, 4, 5, 6, 7, 8, 9, 10], rows)
}

fn verdict(scenario: &Scenario, report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    if let Some(first) = report.breaches.first() {
        let what = breach(&first.actor, &first.broken);
        out.push_str(&paint.bad(&format!("Verdict: BROKEN at {}: {}\n", first.at, escape(&what))));
        for more in report.breaches.iter().skip(1).take(9) {
            out.push_str(&format!("  also at {}: {}\n", more.at, escape(&breach(&more.actor, &more.broken))));
        }
        if first.broken.rule == Rule::Abort {
            out.push_str(&why(report));
        }
    } else {
        let name = scenario.policy.name();
        out.push_str(&paint.good(&format!("Verdict: no rule is broken under {name}.\n")));
        if report.waiting > 0 {
            let who =
                if report.waiting == 1 { "1 standby is".into() } else { format!("{} standbys are", report.waiting) };
            out.push_str(&format!(
                "{who} behind, and there is no checkpoint to install: the next one with the newer key ends the wait.\n"
            ));
        }
    }
    if report.left_over > 0 {
        out.push_str(&paint.warn(&format!("{} could not happen.\n", count(report.left_over as u64, "event"))));
    }
    out
}

/// The race behind an abort, if the log shows one.
fn why(report: &Report) -> String {
    let stale: Vec<String> = report.checkpoints.iter().filter(|c| c.stale).map(|c| c.number.to_string()).collect();
    if stale.is_empty() {
        return String::new();
    }
    let newer = report.rotations.iter().map(|r| match r.t2 {
        Some(t2) => format!("version {} (LSN {}) between T1 {} and T2 {t2}", r.version, r.lsn, r.t1),
        None => format!("version {} (LSN {}) from T1 {} on, T2 never came", r.version, r.lsn, r.t1),
    });
    format!(
        "  A rotation raced a checkpoint: {}; checkpoint {} embeds the key before.\n",
        newer.collect::<Vec<_>>().join(", "),
        stale.join(", ")
    )
}

fn in_short(report: &Report) -> String {
    let each = report.nodes.iter().skip(1).map(|n| {
        let mut parts = vec![format!(
            "{} {} checkpoint {}",
            escape(&n.name),
            role(n.role),
            n.checkpoint.map_or("-".to_string(), |c| c.to_string())
        )];
        for (what, n) in [("skipped", n.counts.skipped), ("re-syncs", n.counts.resyncs), ("retries", n.counts.retries)]
        {
            if n > 0 {
                parts.push(format!("{n} {what}"));
            }
        }
        parts.push(format!("behind {}, longest {}", n.behind, n.longest_behind));
        parts.join(", ")
    });
    let mut out = each.collect::<Vec<_>>().join("; ");
    if let Some(first) = report.breaches.first() {
        out.push_str(&format!("; BROKEN at {}: {}", first.at, escape(&breach(&first.actor, &first.broken))));
    }
    out
}

fn next(path: &str, scenario: &Scenario, report: &Report) -> String {
    let path = escape(path);
    let mut out = String::from("\nWhat to do next\n");
    if !report.breaches.is_empty() && scenario.policy == Policy::Abort {
        out.push_str(&format!("  wtcheck pickup run {path} --policy skip       what a fixed server does\n"));
        out.push_str(&format!("  wtcheck pickup run {path} --policy step-down\n"));
    }
    let policy = if scenario.policy == Policy::Abort { "skip" } else { scenario.policy.name() };
    out.push_str(&format!(
        "  wtcheck pickup explore {path} --policy {policy}   every other order of the same events\n"
    ));
    out
}
