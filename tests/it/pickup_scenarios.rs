//! `pickup run` and `pickup explore`: both runs of the bug report, every interleaving of them, wrong
//! fixes that must be caught, and mistakes in scenarios.

use crate::common::{fixture, path, wtcheck};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wtcheck::audit::Silent;
use wtcheck::pickup::code::Code;
use wtcheck::pickup::explore::{self, Found, Options};
use wtcheck::pickup::judge::{Kind, Rule};
use wtcheck::pickup::policy::{Decide, Failure, Policy, Reaction, Retry};
use wtcheck::pickup::profile::Profile;
use wtcheck::pickup::run::{self, Report};
use wtcheck::pickup::scenario::{Keystore, Scenario, Timing};
use wtcheck::pickup::standby::Role;
use wtcheck::pickup::step::Step;
use wtcheck::pickup::world::{Seen, Setup, World};
use wtcheck::scenario::Document;

fn file(name: &str) -> PathBuf {
    fixture("scenarios").join(format!("{name}.yaml"))
}

fn scenario(name: &str) -> Scenario {
    Scenario::parse(&Document::read(&file(name)).unwrap()).unwrap()
}

fn parse(text: &str) -> Scenario {
    Scenario::parse(&Document::new("test.yaml", text)).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn under(name: &str, policy: Policy) -> Scenario {
    run::with(&scenario(name), Some(policy), None)
}

fn play(scenario: &Scenario, policy: &dyn Decide) -> Report {
    run::run(&Setup::new(scenario, policy)).unwrap()
}

fn search(scenario: &Scenario, policy: &dyn Decide) -> Found {
    explore::explore(scenario, policy, &Options::default(), &Silent)
}

fn kinds(found: &Found) -> BTreeSet<String> {
    found.examples.iter().map(|e| format!("{:?}", e.broken.kind())).collect()
}

/// A page server is away, for long enough that reads are given up, and comes back: whatever step had to read, the
/// checkpoint is tried again.
#[test]
fn a_read_that_was_given_up_is_tried_again() {
    for profile in ["2025-10", "2026-05", "2026-08"] {
        let text = format!(
            "scenario: 1\nprofile: {profile}\nprimary: p\nstandbys: [{{name: s}}]\npage_servers: [ps]\nevents:\n  \
             - {{at: 0s, actor: ps, do: kill}}\n  - {{at: 14s, actor: p, do: checkpoint}}\n  \
             - {{at: 28s, actor: ps, do: restart}}\n"
        );
        for policy in [Policy::Skip, Policy::StepDown] {
            let found = search(&parse(&text), &policy);
            assert!(found.is_exhaustive());
            assert_eq!(kinds(&found), BTreeSet::new(), "{profile}, {policy:?}");
        }
    }
}

/// A rotation that can race one checkpoint, and a second checkpoint behind it: small enough to search
/// in a test's time.
const SMALL: &str = "scenario: 1
profile: 2026-05
primary: p
standbys: [{name: s}]
events:
  - {at: 1s, actor: p, do: rotate-key, version: 2, flush_after: 2s}
  - {at: 2s, actor: p, do: checkpoint, every: 5s, times: 2}
";

const STALE: Kind = (Rule::Abort, false, Some(Step::LoadKey), Some(Code::EINVAL));

#[test]
fn both_runs_of_the_bug_report() {
    for name in ["rapid_seal_burst", "kill_standby_page_server"] {
        let report = play(&scenario(name), &Policy::Abort);
        let [breach] = &report.breaches[..] else { panic!("{:?}", report.breaches) };
        assert_eq!(breach.broken.kind(), STALE, "{name}");
        assert_eq!(breach.actor, "standby-1");
        let standby = &report.nodes[1];
        assert_eq!((standby.role, standby.checkpoint, standby.counts.aborts), (Role::Aborted, Some(2), 1), "{name}");
        // Checkpoint 3, and no other, was taken between T1 and T2.
        let stale: Vec<u64> = report.checkpoints.iter().filter(|c| c.stale).map(|c| c.number).collect();
        assert_eq!(stale, [3], "{name}");
        let [rotation] = &report.rotations[..] else { panic!() };
        let third = report.checkpoints.iter().find(|c| c.number == 3).unwrap();
        assert!(rotation.t1 < third.turtle && Some(third.turtle) < rotation.t2);
        assert!(rotation.lsn < third.metadata_lsn);
        assert_ne!(third.keystore_lsn, Some(rotation.lsn));

        let skip = play(&under(name, Policy::Skip), &Policy::Skip);
        let last = report.checkpoints.last().unwrap().number;
        let standby = &skip.nodes[1];
        assert!(skip.breaches.is_empty() && skip.at_rest);
        assert_eq!((standby.role, standby.checkpoint), (Role::Follower, Some(last)));
        assert_eq!((standby.counts.skipped, standby.counts.resyncs, standby.behind.0), (1, 0, 0));
        assert_eq!(standby.installed_lsn, Some(skip.checkpoints.last().unwrap().lsn));

        let down = play(&under(name, Policy::StepDown), &Policy::StepDown);
        let standby = &down.nodes[1];
        assert!(down.breaches.is_empty());
        assert_eq!((standby.role, standby.checkpoint), (Role::Follower, Some(last)));
        assert_eq!((standby.counts.skipped, standby.counts.resyncs), (0, 1));
        // It was away meanwhile, 5 s, and behind from the checkpoint it refused until it was back.
        let away = standby.stretches.iter().find(|s| s.role == Role::Resyncing).unwrap();
        assert_eq!((away.to.0 - away.from.0, away.checkpoint), (5_000_000, None));
        let third = down.checkpoints.iter().find(|c| c.number == 3).unwrap();
        assert_eq!(standby.longest_behind.0, away.to.0 - third.complete.0);
    }
    // About 2 s after KEK version 3 the page server is killed, and the abort comes once it is back.
    let report = play(&scenario("kill_standby_page_server"), &Policy::Abort);
    let outage = &report.outages[0];
    assert_eq!(outage.from.0 - report.rotations[0].t1.0, 2_000_000);
    assert_eq!(report.rotations[0].version, 3);
    assert!(report.breaches[0].at > outage.to);
}

#[test]
fn a_run_is_always_the_same() {
    for name in ["rapid_seal_burst", "kill_standby_page_server", "new_leader", "damaged_checkpoint"] {
        let one = serde_json::to_string(&play(&scenario(name), &Policy::Skip)).unwrap();
        assert_eq!(one, serde_json::to_string(&play(&scenario(name), &Policy::Skip)).unwrap());
    }
}

#[test]
fn the_rotation_is_searched_exhaustively() {
    let began = std::time::Instant::now();
    let found = search(&scenario("rapid_seal_burst"), &Policy::Abort);
    println!("abort: {} states in {:?}", found.figures.states, began.elapsed());
    assert!(found.is_exhaustive());
    let [example] = &found.examples[..] else { panic!("{:?}", kinds(&found)) };
    assert_eq!(example.broken.kind(), STALE);
    for policy in [Policy::Skip, Policy::StepDown] {
        let found = search(&under("rapid_seal_burst", policy), &policy);
        println!("{}: {} states", policy.name(), found.figures.states);
        assert!(found.is_exhaustive() && found.figures.states > 50_000, "{:?}", found.figures);
        assert_eq!(kinds(&found), BTreeSet::new(), "{}", policy.name());
        // Only a standby that skips ever waits for the next checkpoint.
        assert_eq!(found.figures.waiting > 0, policy == Policy::Skip);
    }
}

#[test]
fn a_change_of_leader_meets_the_same_bug() {
    let found = search(&scenario("new_leader"), &Policy::Abort);
    let own: BTreeSet<Kind> = found.examples.iter().map(|e| e.broken.kind()).collect();
    let stepping_up = (Rule::Abort, true, Some(Step::LoadKey), Some(Code::EINVAL));
    assert_eq!(own, BTreeSet::from([STALE, stepping_up]));
    for policy in [Policy::Skip, Policy::StepDown] {
        let found = search(&scenario("new_leader"), &policy);
        assert!(found.is_exhaustive() && found.examples.is_empty(), "{:?}", kinds(&found));
    }
}

#[test]
fn faults_of_the_log_are_searched_for_every_standby() {
    // Said of one standby, met by both.
    let text = "scenario: 1\nprofile: 2026-05\nprimary: p\nstandbys: [{name: a}, {name: b}]\nevents:\n  \
        - {at: 1s, actor: p, do: checkpoint}\n  - {at: 2s, actor: b, do: corrupt, what: turtle, number: 1}\n";
    let found = search(&parse(text), &Policy::Abort);
    assert!(found.figures.apart);
    assert_eq!((found.examples.len(), found.examples[0].actor.as_str()), (1, "a"));
}

#[test]
fn a_leader_that_is_killed_leads_no_more() {
    let text = "scenario: 1\nprimary: p\nstandbys: [{name: a}, {name: b}]\nevents:\n  - {at: 1s, actor: p, do: step-down}\n  \
        - {at: 2s, actor: a, do: step-up}\n  - {at: 3s, actor: a, do: checkpoint}\n  - {at: 3.1s, actor: a, do: kill}\n  \
        - {at: 5s, actor: b, do: step-up}\n  - {at: 6s, actor: b, do: checkpoint}\n";
    let report = play(&parse(text), &Policy::Skip);
    assert!(report.breaches.is_empty() && report.left_over == 0, "{:?}", report.timeline);
    let roles: Vec<Role> = report.nodes.iter().map(|n| n.role).collect();
    assert_eq!(roles, [Role::Follower, Role::Down, Role::Leader]);
    // The one that was under way when it was killed never completed.
    assert_eq!(report.checkpoints.len(), 1);
    assert_eq!(report.nodes[0].checkpoint, Some(report.checkpoints[0].number));
}

/// A policy by what it does at each failure.
struct Wrong(fn(&Failure) -> Reaction);

impl Decide for Wrong {
    fn decide(&self, failure: &Failure, _: &Retry) -> Reaction {
        (self.0)(failure)
    }
}

#[test]
fn wrong_fixes_are_caught() {
    let small = parse(SMALL);
    // The stale checkpoint is installed in spite of its key.
    let found = search(&small, &Wrong(|_| Reaction::Ignore));
    assert_eq!(found.examples[0].broken.rule, Rule::Key, "{:?}", kinds(&found));
    let report = play(&small, &Wrong(|_| Reaction::Ignore));
    assert_eq!(report.breaches[0].broken.rule, Rule::Key);
    // It is tried for ever.
    let forever = Wrong(|_| Reaction::Retry);
    let found = search(&small, &forever);
    assert!(found.examples.iter().any(|e| e.broken.rule == Rule::Budget), "{:?}", kinds(&found));
    let alone = parse(&SMALL.replace(", every: 5s, times: 2", ""));
    assert!(play(&alone, &forever).breaches.iter().any(|b| b.broken.rule == Rule::Budget));
    // A damaged page is taken as it is.
    let damaged = parse(
        "scenario: 1\nprofile: 2026-05\nprimary: p\nstandbys: [{name: s}]\nevents:\n  - {at: 1s, actor: p, do: checkpoint}\n  \
         - {at: 2s, actor: p, do: corrupt, what: metadata, number: 1}\n",
    );
    let found = search(&damaged, &Wrong(|_| Reaction::Ignore));
    assert_eq!(found.examples[0].broken.rule, Rule::Consistent, "{:?}", kinds(&found));
    // The right ones stand.
    for policy in [Policy::Skip, Policy::StepDown] {
        assert!(search(&small, &policy).examples.is_empty());
        assert!(search(&damaged, &policy).examples.is_empty());
    }
}

#[test]
fn a_state_reached_by_a_breach_is_searched_when_it_is_reached_without() {
    // The key page is lost before it is loaded, or once it is no longer needed: both end alike.
    let scenario = parse(
        "scenario: 1\nprimary: p\nstandbys: [{name: s}]\nevents:\n  - {at: 0, actor: p, do: drop, what: key, number: 1}\n  \
         - {at: 0, actor: p, do: checkpoint}\n",
    );
    let found = search(&scenario, &Wrong(|_| Reaction::Ignore));
    assert_eq!((found.examples.len(), found.examples[0].broken.rule), (1, Rule::Key));
    assert!(found.figures.at_rest > 0, "{:?}", found.figures);
}

#[test]
fn a_page_server_that_stays_away_is_no_fault_of_the_standby() {
    let away = |restart: &str| {
        parse(&format!(
            "scenario: 1\nprofile: 2026-05\nprimary: p\nstandbys: [{{name: s}}]\npage_servers: [ps]\nevents:\n  \
             - {{at: 1s, actor: p, do: checkpoint}}\n  - {{at: 1.65s, actor: ps, do: kill}}\n{restart}"
        ))
    };
    let back_late = "  - {at: 60s, actor: ps, do: restart}\nuntil: 200s\n";
    // The patience of the engine ends: EIO, and today that is fatal as well.
    let report = play(&away(back_late), &Policy::Abort);
    let [breach] = &report.breaches[..] else { panic!("{:?} {:?}", report.breaches, report.timeline) };
    assert_eq!(breach.broken.kind(), (Rule::Abort, false, Some(Step::FetchTurtle), Some(Code::EIO)));
    // 100 attempts, 10 ms and 5 ms more each: 25.75 s.
    assert!((27.0..28.0).contains(&(breach.at.0 as f64 / 1e6)), "{}", breach.at);
    for policy in [Policy::Skip, Policy::StepDown] {
        let report = play(&away(back_late), &policy);
        assert!(report.breaches.is_empty(), "{:?}", report.breaches);
        assert_eq!((report.nodes[1].role, report.nodes[1].checkpoint), (Role::Follower, Some(1)), "{policy:?}");
        let found = search(&away(back_late), &policy);
        assert!(found.is_exhaustive() && found.examples.is_empty(), "{:?}", kinds(&found));
        // Faults that never stop are not held against it.
        let found = search(&away(""), &policy);
        assert!(found.is_exhaustive() && found.examples.is_empty(), "{:?}", kinds(&found));
    }
    // Back within the patience, nothing fails at all.
    let report = play(&away("  - {at: 10s, actor: ps, do: restart}\n"), &Policy::Abort);
    assert!(report.breaches.is_empty() && report.nodes[1].checkpoint == Some(1), "{:?}", report.timeline);
}

#[test]
fn old_snapshots_hold_a_pick_up_back_only_in_the_newest_rules() {
    let text = |profile: &str, release: &str| {
        format!(
            "scenario: 1\nprofile: {profile}\nprimary: p\nstandbys: [{{name: s}}]\nevents:\n  \
             - {{at: 1s, actor: s, do: hold-snapshots, sessions: 3}}\n  - {{at: 2s, actor: p, do: checkpoint}}\n{release}"
        )
    };
    let at = |report: &Report| report.nodes[1].stretches.iter().find(|s| s.checkpoint == Some(1)).map(|s| s.from.0);
    let old = play(&parse(&text("2026-05", "")), &Policy::Abort);
    assert_eq!(old.nodes[1].counts.deferred, 0);
    assert!(at(&old).unwrap() < 3_000_000);
    // The backstop after 10 s.
    let new = play(&parse(&text("2026-08", "")), &Policy::Abort);
    assert_eq!((new.nodes[1].counts.deferred, new.nodes[1].checkpoint), (1, Some(1)));
    assert!(at(&new).unwrap() > 12_000_000);
    // To wait is no attempt: what fails behind it is tried as often as anything else.
    let lost = "scenario: 1\nprofile: 2026-08\nprimary: p\nstandbys: [{name: s}]\nevents:\n  \
        - {at: 0, actor: p, do: drop, what: key, number: 1}\n  - {at: 0, actor: s, do: hold-snapshots}\n  \
        - {at: 0, actor: p, do: checkpoint}\n  - {at: 0, actor: p, do: checkpoint}\n";
    assert_eq!(kinds(&search(&parse(lost), &Policy::Skip)), BTreeSet::new());
    // Or earlier, once they are let go.
    let released = text("2026-08", "  - {at: 5s, actor: s, do: release-snapshots}\n");
    let report = play(&parse(&released), &Policy::Abort);
    assert!((5_000_000..6_000_000).contains(&at(&report).unwrap()), "{:?}", at(&report));
}

#[test]
fn counter_examples_are_minimal_and_can_be_replayed() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["rapid_seal_burst", "new_leader"] {
        let out = temp.path().join(format!("{name}-found.yaml"));
        let from = file(name);
        let (code, text, err) =
            wtcheck(&["pickup", "explore", path(&from), "--policy", "abort", "-o", path(&out), "--format", "json"]);
        assert_eq!(code, 1, "{err}");
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["exhaustive"], true);
        for example in json["counter_examples"].as_array().unwrap() {
            let file = example["file"].as_str().unwrap();
            // As its user: `pickup run` says the same.
            let (code, text, _) = wtcheck(&["pickup", "run", file, "--format", "json"]);
            assert_eq!(code, 1);
            let replay: Value = serde_json::from_str(&text).unwrap();
            let first = &replay["breaches"][0];
            for key in ["rule", "step", "code", "at_step_up", "words"] {
                assert_eq!(first[key], example[key], "{file}: {key}");
            }
            // One action less and it is gone.
            let scenario = Scenario::parse(&Document::read(Path::new(file)).unwrap()).unwrap();
            for left_out in 0..scenario.schedule.len() {
                let mut fewer = scenario.clone();
                let gone = fewer.schedule.remove(left_out);
                let is_event = fewer
                    .events
                    .iter()
                    .position(|e| fewer.name_of(e.actor) == gone.actor && e.act.verb().name() == gone.action);
                if let Some(nth) = is_event {
                    // The nth such action of the schedule is the nth such event.
                    let before = scenario.schedule[..left_out].iter().filter(|s| **s == gone).count();
                    let same: Vec<usize> = (0..fewer.events.len())
                        .filter(|i| {
                            let e = &fewer.events[*i];
                            fewer.name_of(e.actor) == gone.actor && e.act.verb().name() == gone.action
                        })
                        .collect();
                    assert!(same.contains(&nth));
                    fewer.events.remove(same[before]);
                }
                let shown = run::follow(&Setup::new(&fewer, &Policy::Abort)).unwrap_or_default();
                let still = shown.iter().any(|b| {
                    serde_json::to_value(b.rule).unwrap() == example["rule"]
                        && b.at_step_up == example["at_step_up"].as_bool().unwrap()
                        && serde_json::to_value(b.step).unwrap() == example["step"]
                });
                assert!(!still, "{file}: action {left_out}, {gone:?}, is not needed");
            }
        }
    }
    assert!(temp.path().join("new_leader-found-2.yaml").is_file());
}

#[test]
fn a_schedule_that_is_not_possible_says_where() {
    let text = format!("{SMALL}schedule:\n  - {{actor: p, do: checkpoint}}\n  - {{actor: s, do: begin}}\n");
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("s.yaml");
    std::fs::write(&file, text).unwrap();
    let (code, _, err) = wtcheck(&["pickup", "run", path(&file)]);
    assert_eq!(code, 2);
    assert!(err.contains("s.yaml:10:5: schedule[1]: not possible here; these are: p rotate-key, p complete"), "{err}");
}

#[test]
fn bounds_are_never_called_clean() {
    let from = file("rapid_seal_burst");
    let run = |more: &[&str]| {
        let mut args = vec!["pickup", "explore", path(&from), "--policy", "skip", "--format", "json"];
        args.extend(more);
        let (code, text, _) = wtcheck(&args);
        (code, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (code, json) = run(&["--depth", "6"]);
    assert_eq!((code, &json["exhaustive"], &json["bounded_by"]), (6, &Value::Bool(false), &Value::from("--depth")));
    assert_eq!(json["depth"], 6);
    let (code, json) = run(&["--states", "500", "--walks", "200", "--seed", "7"]);
    assert_eq!((code, &json["exhaustive"], &json["seed"]), (6, &Value::Bool(false), &Value::from(7)));
    assert_eq!(json["walks"], 200);
    // Random orders find the bug as well.
    let args = ["pickup", "explore", path(&from), "--states", "500", "--walks", "500", "--format", "json"];
    let (code, text, _) = wtcheck(&args);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["counter_examples"][0]["code"]), (1, &Value::from("EINVAL")));
    // The same seed, the same walk.
    assert_eq!(text, wtcheck(&args).1);
}

#[test]
fn threads_do_not_change_what_is_found() {
    let from = file("new_leader");
    let run = |jobs: &str| {
        wtcheck(&["pickup", "explore", path(&from), "--policy", "abort", "-j", jobs, "--format", "json"]).1
    };
    assert_eq!(run("1"), run("3"));
}

#[test]
fn what_people_see_of_a_run() {
    let from = file("rapid_seal_burst");
    let (code, text, err) = wtcheck(&["pickup", "run", path(&from)]);
    assert_eq!((code, err.as_str()), (1, ""));
    for wanted in [
        "rapid_seal_burst: 1 standby, 2 page servers; rules of 2026-05, policy abort, 8 attempts",
        "T1: KEK version 3 committed in memory",
        "embeds the key at LSN 1; between T1 and T2",
        "fails at keystore with EINVAL(22): embeds the key at LSN 1; the node has committed the one at 208 (version 3); SIGABRT",
        "Verdict: BROKEN at 12.726s: standby-1 aborts: EINVAL(22) at keystore of the checkpoint at LSN 210 (install step 8",
        "A rotation raced a checkpoint: version 3 (LSN 208) between T1 11.800s and T2 13.300s; checkpoint 3 embeds the previous key.",
        "skip        standby-1 serves checkpoint 6, 1 skipped, behind 0.000s",
        "wtcheck pickup explore",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    let (code, text, _) = wtcheck(&["pickup", "run", path(&from), "--policy", "skip", "-v"]);
    assert_eq!(code, 0);
    assert!(text.contains("Verdict: no rule is broken under skip."));
    // With -v the engine's own lines, in the words of the profile.
    assert!(text.contains("Failed to pick up disaggregated storage checkpoint for metadata_lsn=209: ret=22"), "{text}");
    assert!(text.contains("Failed to pick up a new checkpoint with config: metadata_lsn=209,metadata_checksum="));
    let (_, text, _) = wtcheck(&["pickup", "run", path(&from), "--profile", "2026-08", "-v"]);
    assert!(text.contains("Failed to load encryption keys for checkpoint 209"), "{text}");
}

#[test]
fn the_form_is_documented_as_it_is() {
    let text = std::fs::read_to_string(fixture("scenarios/README.md")).unwrap();
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).map(|b| b.split("```").next().unwrap()).collect();
    let full = parse(blocks[0]);
    assert_eq!((full.timing, full.retry), (Timing::default(), Retry::default()));
    assert_eq!((full.keystore, full.policy, full.profile), (Keystore::default(), Policy::Abort, Profile::August2026));
    let report = play(&full, &Policy::Skip);
    assert_eq!(report.left_over, 0, "{:?}", report.timeline);
    // The other block is for another command.
    let temp = tempfile::tempdir().unwrap();
    let (from, out) = (temp.path().join("a.yaml"), temp.path().join("out"));
    std::fs::write(&from, blocks[1]).unwrap();
    let (code, _, err) = wtcheck(&["simulate", "accounting", path(&from), "--output", path(&out)]);
    assert_eq!(code, 1, "{err}");
    // Every scenario is in the list.
    for entry in std::fs::read_dir(fixture("scenarios")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".yaml") {
            assert!(text.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}

#[test]
fn the_picture_is_a_picture() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["rapid_seal_burst", "kill_standby_page_server", "new_leader", "damaged_checkpoint"] {
        let svg = temp.path().join("t.svg");
        wtcheck(&["pickup", "run", path(&file(name)), "--svg", path(&svg)]);
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.starts_with("<?xml") && text.ends_with("</svg>\n"));
        // Every element is closed, and no text breaks out of one.
        let opened = text.matches("<rect").count() + text.matches("<line").count() + text.matches("<text").count();
        let closed = text.matches("/>").count() + text.matches("</rect>").count() + text.matches("</line>").count();
        assert_eq!(opened, closed + text.matches("</text>").count(), "{name}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
    }
    // Names and times of a hostile scenario stay inside.
    let odd = file("rapid_seal_burst");
    let text = std::fs::read_to_string(odd).unwrap().replace("name: rapid_seal_burst", "name: \"<script>\\u0007&\"");
    let from = temp.path().join("odd.yaml");
    std::fs::write(&from, text).unwrap();
    let svg = temp.path().join("odd.svg");
    let (_, out, _) = wtcheck(&["pickup", "run", path(&from), "--svg", path(&svg)]);
    assert!(!out.contains('\u{7}'));
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(!picture.contains("<script") && picture.contains("&lt;script&gt;"));
}

#[test]
fn mistakes_have_a_line_and_a_column() {
    let temp = tempfile::tempdir().unwrap();
    let base = std::fs::read_to_string(file("rapid_seal_burst")).unwrap();
    // What is changed into what, the text the message must point at, and its words.
    for (from, to, token, words) in [
        ("pages: 200", "pgaes: 200", "pgaes", "unknown field `pgaes`"),
        ("policy: abort", "polcy: abort", "polcy", "unknown field `polcy`"),
        ("{at: 15s,", "{at: 9s,", "9s", "time goes backwards: 9.000s after 10.000s"),
        (
            "at: 15s, actor: node-0",
            "at: 15s, actor: node-9",
            "node-9",
            "no actor `node-9`; there are node-0, ps-1, ps-2",
        ),
        ("at: 15s, actor: node-0, do", "at: 15s, actor: ps-1, do", "write, pages: 500", "a page server cannot write"),
        ("at: 15s, actor: node-0", "at: 15s, actor: standby-1", "write, pages: 500", "only a leader can write"),
        ("do: write, pages: 500", "do: wirte, pages: 500", "wirte", "unknown variant `wirte`"),
        ("do: write, pages: 500", "do: write, pages: 0", "0}", "from 1 to"),
        ("do: write, pages: 500", "do: write, version: 5", "5}", "`write` has no such field"),
        ("do: write, pages: 500", "do: corrupt, number: 1", "{at: 15s", "`corrupt` needs it"),
        ("every: 5s, times: 6", "every: 5 sec, times: 6", "5 sec", "is not a duration"),
        ("every: 5s, times: 6", "times: 6", "6}", "`every` is missing"),
        ("every: 5s, times: 6", "every: 5s, times: 0", "0}", "at least once"),
        ("every: 5s, times: 6", "every: 5s, times: 60000", "60000", "more than 20000 events"),
        ("profile: 2026-05", "profile: 2026-06", "2026-06", "there are 2025-10, 2026-05, 2026-08"),
        ("scenario: 1", "scenario: 2", "2", "this wtcheck reads version 1"),
        ("until: 60s", "until: 3s", "3s", "before the last event"),
        ("page_servers: [ps-1, ps-2]", "page_servers: [ps-1, node-0]", "node-0]", "there is already an actor `node-0`"),
        ("name: standby-1", "name: \"a b\"", "\"a b\"", "letters, digits"),
        ("primary: node-0", "primary: [node-0]", "[node-0]", "expected a string"),
        ("seals_per_key: 1000", "seals_per_key: many", "many", "expected u64"),
    ] {
        assert!(base.contains(from), "{from}");
        let text = base.replacen(from, to, 1);
        let (line, content) = text.lines().enumerate().find(|(_, l)| l.contains(to)).unwrap();
        let column = content.find(token).unwrap() + 1;
        let path_ = temp.path().join("wrong.yaml");
        std::fs::write(&path_, &text).unwrap();
        for verb in ["run", "explore"] {
            let (code, out, err) = wtcheck(&["pickup", verb, path(&path_)]);
            assert_eq!((code, out.as_str()), (2, ""), "{to}: {err}");
            assert_eq!(err.lines().count(), 1, "{err}");
            let wanted = format!("wrong.yaml:{}:{column}: ", line + 1);
            assert!(err.contains(&wanted) && err.contains(words), "{to}\n{err}\n{wanted}{words}");
        }
    }
    let (code, _, err) = wtcheck(&["pickup", "run", "/nowhere/at/all.yaml"]);
    assert_eq!((code, err.lines().count()), (6, 1));
}

/// Every way through a scenario, without remembering states: what breaks, and how nodes rest.
fn naive(setup: &Setup<'_>) -> Option<BTreeSet<String>> {
    let mut out = BTreeSet::new();
    let mut stack = vec![World::new(setup)];
    let mut steps = 0;
    while let Some(world) = stack.pop() {
        steps += 1;
        if steps > 8_000 {
            return None;
        }
        let actions = world.enabled(setup, false);
        if actions.is_empty() {
            let rest = world.at_rest(setup);
            out.extend(rest.broken.iter().map(|b| format!("{:?}", b.kind())));
            let ends = world.nodes.iter().map(|n| n.standby.role).collect::<Vec<_>>();
            out.insert(format!("rests {ends:?} {}", rest.waiting));
        }
        for action in actions {
            let mut next = world.clone();
            let mut seen = Seen::default();
            next.apply(setup, action, &mut seen);
            next.check(&mut seen);
            if seen.broken.is_empty() {
                stack.push(next);
            } else {
                out.extend(seen.broken.iter().map(|b| format!("{:?}", b.kind())));
            }
        }
    }
    Some(out)
}

/// Small scenarios of all sorts.
fn small() -> impl Strategy<Value = String> {
    let event = (0..9_u8, 0..3_u64, 1..3_u64);
    (proptest::collection::vec(event, 1..5), 0..3_usize, any::<bool>()).prop_map(|(events, profile, servers)| {
        let profile = ["2025-10", "2026-05", "2026-08"][profile];
        let mut out = format!("scenario: 1\nprofile: {profile}\nprimary: p\nstandbys: [{{name: s}}]\n");
        if servers {
            out.push_str("page_servers: [ps]\n");
        }
        out.push_str("events:\n");
        let mut at = 0;
        for (kind, gap, n) in events {
            at += gap * 7;
            let line = match kind {
                0..=2 => "actor: p, do: checkpoint".to_string(),
                3 | 4 => "actor: p, do: rotate-key".to_string(),
                5 if servers => "actor: ps, do: kill".to_string(),
                6 if servers => "actor: ps, do: restart".to_string(),
                5 => format!("actor: p, do: corrupt, what: turtle, number: {n}"),
                6 => format!("actor: p, do: drop, what: key, number: {n}"),
                7 => "actor: s, do: hold-snapshots".to_string(),
                _ => "actor: s, do: release-snapshots".to_string(),
            };
            let _ = writeln!(out, "  - {{at: {at}s, {line}}}");
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Remembering states, and taking worlds with one fingerprint for one, loses no breach.
    #[test]
    fn the_search_finds_what_trying_everything_finds(text in small(), policy in 0..5_usize) {
        let mut scenario = parse(&text);
        // As the search itself bounds it.
        scenario.retry.budget = 2;
        let ignore = Wrong(|_| Reaction::Ignore);
        let retry = Wrong(|_| Reaction::Retry);
        let policy: &dyn Decide = match policy {
            0 => &Policy::Abort,
            1 => &Policy::Skip,
            2 => &Policy::StepDown,
            3 => &ignore,
            _ => &retry,
        };
        let setup = Setup::new(&scenario, policy);
        if let Some(all) = naive(&setup) {
            let found = search(&scenario, policy);
            prop_assert!(found.is_exhaustive());
            let breaches: BTreeSet<String> = all.iter().filter(|k| !k.starts_with("rests")).cloned().collect();
            prop_assert_eq!(kinds(&found), breaches, "{}", text);
            prop_assert_eq!(found.figures.at_rest > 0, all.iter().any(|k| k.starts_with("rests")));
        }
    }

    /// Time picks one of the orders that are searched.
    #[test]
    fn a_run_breaks_nothing_that_no_interleaving_breaks(text in small(), policy in 0..3_usize) {
        let scenario = parse(&text);
        let policy = Policy::ALL[policy];
        let found = search(&scenario, &policy);
        let report = play(&scenario, &policy);
        if found.is_exhaustive() {
            for breach in &report.breaches {
                prop_assert!(kinds(&found).contains(&format!("{:?}", breach.broken.kind())), "{:?}\n{}", breach, text);
            }
        }
        // And the fixes stand in all of them.
        if policy != Policy::Abort {
            prop_assert_eq!(kinds(&found), BTreeSet::new(), "{}", text);
        }
    }

    /// What is written as a document is the same scenario again.
    #[test]
    fn documents_round_trip(text in small()) {
        let scenario = parse(&text);
        let again = parse(&scenario.to_yaml("a comment\nof two lines"));
        prop_assert_eq!(again, scenario);
    }

    #[test]
    fn hostile_documents_do_no_harm(text in small(), cut in any::<prop::sample::Index>(), junk in "[ -~\n]{0,12}") {
        let mut text = text;
        let at = cut.index(text.len());
        if text.is_char_boundary(at) {
            text.insert_str(at, &junk);
        }
        if let Ok(scenario) = Scenario::parse(&Document::new("x", &text)) {
            let _ = run::run(&Setup::new(&scenario, &Policy::Skip));
        }
    }
}
