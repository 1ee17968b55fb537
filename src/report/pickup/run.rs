//! A scenario that was run: its timeline, how each standby came out, what the other policies do.

use super::{breach, picture, role};
use crate::audit::result::SCHEMA_VERSION;
use crate::exit;
use crate::id::Lsn;
use crate::pickup::judge::Rule;
use crate::pickup::policy::Policy;
use crate::pickup::run::Report;
use crate::pickup::scenario::Scenario;
use crate::pickup::world::Tone;
use crate::report::Output;
use crate::report::sheet::Sheet;
use crate::report::table::{Table, name, number, prose, whole};
use crate::report::text::{Paint, command, command_for, count, escape, lsn_cell};
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
    let (paint, verbose) = (output.paint, output.verbose);
    output.document(&document, || {
        let mut out = Sheet::from(head(scenario));
        out.push_str("\n");
        out.append(verdict(scenario, report, paint).into());
        out.picture(picture::render(scenario, report), "\n".to_string());
        out.heading("Timeline");
        out.append(timeline(report, paint, verbose));
        out.push_str("\n");
        out.heading("Standbys");
        out.table(standbys(report));
        if !others.is_empty() {
            out.push_str("\n");
            out.heading("The same under the other policies");
            for (policy, other) in others {
                out.field(policy.name(), &in_short(other));
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

fn timeline(report: &Report, paint: Paint, verbose: u8) -> Sheet {
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
    let mut out = Sheet::new();
    out.table(Table::new([number("Time"), whole("Who"), prose("What")], rows));
    if hidden > 0 {
        out.push_str(&format!("and {}; -v shows them\n", count(hidden as u64, "more line")));
    }
    out
}

fn standbys(report: &Report) -> Table {
    let columns = [
        name("Node"),
        whole("At the end"),
        number("Checkpoint"),
        number("Metadata LSN").goes(4),
        number("Installed").goes(5),
        number("Skipped").goes(3),
        number("Retries").goes(7),
        number("Re-syncs").goes(6),
        number("Aborts").goes(2),
        number("Behind"),
        number("Longest").goes(1),
    ];
    let lsn = |n: Option<Lsn>| n.map_or("-".to_string(), lsn_cell);
    let rows = report
        .nodes
        .iter()
        .map(|n| {
            vec![
                escape(&n.name),
                role(n.role).to_string(),
                n.checkpoint.map_or("-".to_string(), |n| n.to_string()),
                lsn(n.installed_metadata_lsn),
                n.counts.installed.to_string(),
                n.counts.skipped.to_string(),
                n.counts.retries.to_string(),
                n.counts.resyncs.to_string(),
                n.counts.aborts.to_string(),
                n.behind.to_string(),
                n.longest_behind.to_string(),
            ]
        })
        .collect::<Vec<_>>();
    Table::new(columns, rows)
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
        None => format!("version {} (LSN {}) from T1 {}; T2 was never reached", r.version, r.lsn, r.t1),
    });
    format!(
        "  A rotation raced a checkpoint: {}; checkpoint {} embeds the previous key.\n",
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
        let run = |policy| format!("wtcheck pickup run {path} --policy {policy}");
        out.push_str(&command_for("what a fixed server does", &run("skip")));
        out.push_str(&command(&run("step-down")));
    }
    let policy = if scenario.policy == Policy::Abort { "skip" } else { scenario.policy.name() };
    let explore = format!("wtcheck pickup explore {path} --policy {policy}");
    out.push_str(&command_for("every other order of the same events", &explore));
    out
}
