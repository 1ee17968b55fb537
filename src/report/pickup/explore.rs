//! What a search of interleavings shows: how much was tried, which rules hold, counter-examples.

use super::breach;
use super::run::head;
use crate::audit::result::SCHEMA_VERSION;
use crate::exit;
use crate::pickup::explore::{CounterExample, Found, Options};
use crate::pickup::judge::Rule;
use crate::pickup::run;
use crate::pickup::scenario::Scenario;
use crate::pickup::world::{Setup, Tone};
use crate::report::Output;
use crate::report::text::{Paint, command_for, count, escape, table};
use crate::schema::pickup::{Example, Exploration};

/// A counter-example as a document.
pub fn yaml(example: &CounterExample) -> String {
    let what = breach(&example.actor, &example.broken);
    let rule = example.broken.rule.words();
    example.scenario.to_yaml(&format!(
        "Counter-example to the rule that a standby {rule}:\n{what}.\nwtcheck pickup run FILE replays it."
    ))
}

/// Show it; the exit code.
pub fn show(
    path: &str,
    scenario: &Scenario,
    options: &Options,
    found: &Found,
    written: &[String],
    output: &mut Output,
) -> u8 {
    let code = match (found.examples.is_empty(), found.is_exhaustive()) {
        (false, _) => exit::FINDINGS,
        (true, true) => exit::CLEAN,
        (true, false) => exit::INCOMPLETE,
    };
    let document = Exploration {
        schema_version: SCHEMA_VERSION,
        scenario: &scenario.name,
        profile: scenario.profile.name(),
        policy: scenario.policy.name(),
        exhaustive: found.is_exhaustive(),
        figures: &found.figures,
        seed: (found.figures.walks > 0).then_some(options.seed),
        counter_examples: found
            .examples
            .iter()
            .enumerate()
            .map(|(n, e)| Example {
                broken: &e.broken,
                actor: &e.actor,
                found_after: e.found_after,
                schedule: &e.scenario.schedule,
                scenario: yaml(e),
                file: written.get(n).map(String::as_str),
            })
            .collect(),
        exit_code: code,
    };
    let (paint, verbose, width) = (output.paint, output.verbose, output.width);
    output.document(&document, || {
        let mut out = head(scenario);
        out.push_str(&figures(found, options));
        out.push_str(&rules(found, paint));
        out.push('\n');
        let policy = scenario.policy.name();
        out.push_str(&match (found.examples.first(), found.is_exhaustive()) {
            (Some(e), _) => paint.bad(&format!("Verdict: COUNTER-EXAMPLE: {}\n", escape(&breach(&e.actor, &e.broken)))),
            (None, true) => {
                paint.good(&format!("Verdict: no interleaving breaks a rule under {policy}; all were tried.\n"))
            }
            (None, false) => paint.warn(&format!(
                "Verdict: no interleaving tried breaks a rule under {policy}; not all were tried ({}).\n",
                found.figures.bounded_by.unwrap_or_default()
            )),
        });
        for (n, e) in found.examples.iter().enumerate() {
            out.push_str(&example(n, e, written.get(n), paint, verbose, width));
        }
        out.push_str(&next(path, scenario, found, written));
        out
    });
    code
}

fn figures(found: &Found, options: &Options) -> String {
    let f = &found.figures;
    let mut out = format!(
        "{}, {}; the longest shortest path has {}\n",
        count(f.states, "state"),
        count(f.transitions, "transition"),
        count(f.depth as u64, "action")
    );
    if f.apart {
        out.push_str("each standby was searched on its own: they do not influence each other\n");
    }
    if f.walks > 0 {
        out.push_str(&format!("beyond that, {} with seed {}\n", count(f.walks, "random walk"), options.seed));
    }
    out.push_str(&format!(
        "{}, in {} of which a standby waits for a checkpoint that it could install\n",
        count(f.at_rest, "end"),
        f.waiting
    ));
    out
}

fn rules(found: &Found, paint: Paint) -> String {
    let mut out = String::from("\nA standby\n");
    for rule in Rule::ALL {
        let own: Vec<&CounterExample> = found.examples.iter().filter(|e| e.broken.rule == rule).collect();
        let mark = match own.is_empty() {
            true if found.is_exhaustive() && found.examples.is_empty() => paint.good("holds   "),
            // Not every state was seen, or not what comes behind a breach.
            true => "not seen".to_string(),
            false => paint.bad("BROKEN  "),
        };
        out.push_str(&format!("  {mark}  {}\n", rule.words()));
    }
    out
}

fn example(
    n: usize,
    example: &CounterExample,
    written: Option<&String>,
    paint: Paint,
    verbose: u8,
    width: Option<u16>,
) -> String {
    let steps = count(example.scenario.schedule.len() as u64, "action");
    let title = format!("\nCounter-example {}: {}, {steps}", n + 1, escape(&breach(&example.actor, &example.broken)));
    let mut out = paint.head(&title);
    out.push_str(&format!(" (found after {})\n", example.found_after));
    // The replay tells the story.
    let setup = Setup::new(&example.scenario, &example.scenario.policy);
    if let Ok(report) = run::run(&setup) {
        let mut rows = Vec::new();
        // What happens behind the breach does not belong to it.
        let end = report.breaches.first().map_or(report.ended, |b| b.at);
        let last = report.timeline.iter().position(|l| l.note.tone == Tone::Bad).unwrap_or(usize::MAX);
        let shown = report.timeline.iter().take(last.saturating_add(1)).filter(|l| l.at <= end);
        for line in shown {
            let text = escape(&line.note.text);
            let text = if line.note.tone == Tone::Bad { paint.bad(&text) } else { text };
            rows.push(vec![line.at.to_string(), escape(&line.note.actor), text]);
            if verbose > 0 {
                rows.extend(line.note.log.iter().map(|l| vec![String::new(), String::new(), escape(l)]));
            }
        }
        out.push_str(&table(width, &["Time", "Who", "What"], &[0], rows));
    }
    match written {
        Some(file) => out.push_str(&format!("written to {}\n", escape(file))),
        None => {
            out.push('\n');
            out.push_str(&yaml(example));
        }
    }
    out
}

fn next(path: &str, scenario: &Scenario, found: &Found, written: &[String]) -> String {
    let path = escape(path);
    let mut out = String::from("\nWhat to do next\n");
    match (found.examples.is_empty(), written.first()) {
        (false, Some(file)) => {
            out.push_str(&command_for("replay the counter-example", &format!("wtcheck pickup run {}", escape(file))));
        }
        (false, None) => out.push_str(&command_for(
            "save the counter-example for `pickup run`",
            &format!("wtcheck pickup explore {path} --policy {} -o FILE", scenario.policy.name()),
        )),
        (true, _) if !found.is_exhaustive() => out.push_str(&command_for(
            "more states; or a `window` in the scenario, for fewer orders",
            &format!("wtcheck pickup explore {path} --states N"),
        )),
        (true, _) => {
            out.push_str(&command_for("the single order that the times give", &format!("wtcheck pickup run {path} -v")))
        }
    }
    out
}
