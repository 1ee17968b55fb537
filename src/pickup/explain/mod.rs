//! Explain a failed pick-up from a log: which checkpoint, which step, what accompanied it, and what the
//! server does next under each policy.

pub mod check;
mod message;
pub mod reason;
mod result;
pub mod story;

pub use result::{Brief, Detail, Elsewhere, Explanation, Judged, LsnAndTime, ManagerInfo, SecondaryInfo, Verdict};

use super::code::Code;
use super::policy::{Decide, Failure, Policy, Reaction, Retry};
use super::profile::Profile;
use super::step::Step;
use crate::audit::result::SCHEMA_VERSION;
use crate::format::completion;
use crate::format::config::{Config, Value};
use crate::id::Lsn;
use crate::serverlog::cause::Cause;
use check::Check;
use reason::{Certainty, Evidence, Reasoned, Weight};
use story::{Failed, Installed, Line, Manager, Seen, Story};

/// Most lines of the timeline that are shown.
const SHOWN: usize = 40;
/// Most failures, installed checkpoints and lines about keys that are listed.
const LISTED: usize = 100;

/// What an EINVAL of the keystore step means.
const STALE: &str = "This happens when the checkpoint embeds an older key than the one the node's key provider has \
                     committed";

/// What is known beside the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The rules of the build.
    pub profile: Option<Profile>,
    /// The key the node had committed.
    pub keystore_lsn: Option<Lsn>,
    /// Another cause that the process states, and its line.
    pub stated: Option<(Cause, u64)>,
}

/// What is wrong, before anything is said of a store.
#[derive(Debug)]
pub struct Case<'s> {
    story: &'s Story,
    options: Options,
    pub profile: Profile,
    profile_evidence: String,
    /// The failure to look at, and which step it was.
    pub failed: Option<(&'s Failed, Reasoned)>,
}

impl<'s> Case<'s> {
    /// Choose the failure and find its step.
    pub fn new(story: &'s Story, options: Options) -> Self {
        let chosen = story.chosen().and_then(|at| story.failures.get(at));
        let (profile, profile_evidence) = reason::profile(chosen, story.frontier, options.profile);
        let mut failed = chosen.map(|f| (f, reasoned(story, f, profile)));
        if let (Some((_, r)), Some((cause, line))) = (&mut failed, options.stated)
            && r.certainty == Certainty::ByElimination
        {
            let text = format!("line {line} states a cause of its own: {} [{}]", cause.row().title, cause.name());
            r.evidence.push(Evidence { weight: Weight::Limits, step: None, text });
            (r.step, r.certainty) = (None, Certainty::NotKnown);
        }
        if let (Some((f, r)), Some(key)) = (&mut failed, options.keystore_lsn)
            && let (Some(Step::LoadKey), Some(Code::EINVAL), Some(lsn)) = (r.step, r.code, f.lsn)
        {
            // A checkpoint embeds a key from below its metadata LSN.
            let (weight, text) = if key > lsn {
                let text = "is above the metadata LSN, so the checkpoint cannot embed it: the checkpoint is stale for \
                    this node";
                (Weight::Shows, text)
            } else {
                (Weight::Limits, "is below the metadata LSN; only the store can show which key the checkpoint embeds")
            };
            let text = format!("the key that the node had, LSN {key}, {text}");
            r.evidence.push(Evidence { weight, step: Some(Step::LoadKey), text });
        }
        Self { story, options, profile, profile_evidence, failed }
    }

    /// Put the explanation together.
    pub fn explain(self, check: Option<Check>) -> Explanation {
        let Self { story, options, profile, profile_evidence, failed } = self;
        let verdict = match (&failed, story.tells_of_pickup()) {
            (Some(_), _) => Verdict::Failed,
            (None, true) => Verdict::NoneFailed,
            (None, false) => Verdict::NothingFound,
        };
        let manager = match &failed {
            Some((f, _)) => story.manager_of(f),
            None => story.managers.back(),
        };
        let detail = failed.as_ref().map(|(f, r)| detail(story, f, r));
        let policies = failed
            .as_ref()
            .map(|(f, r)| {
                Policy::ALL.map(|p| judged(p, f, r, profile, (manager, later(story, f)), check.as_ref())).to_vec()
            })
            .unwrap_or_default();
        let failures = story.failures.iter().rev().take(LISTED).map(|f| brief(story, f, options.profile)).rev();
        let info = manager.map(|m| manager_info(m, failed.as_ref().and_then(|f| f.0.lsn)));
        Explanation {
            schema_version: SCHEMA_VERSION,
            kind: "pickup-explain",
            logs: story.logs.clone(),
            verdict,
            exit_code: verdict.exit_code(),
            summary: summary(story, failed.as_ref(), verdict, manager),
            profile,
            profile_evidence,
            failures: failures.collect(),
            failures_total: (story.failures.len() as u64).saturating_add(story.dropped),
            checkpoint_manager: info,
            installed: last(&story.installed, LISTED),
            installed_total: story.installed_total,
            aborts: story.aborts.iter().rev().take(LISTED).rev().cloned().collect(),
            timeline: timeline(story, failed.as_ref().map(|f| f.0)),
            secondary: secondary(story, failed.as_ref().map(|f| &f.1)),
            key_lines: last(&story.keys, LISTED),
            keystore_lsn: options.keystore_lsn,
            stated_keystore: story.stated.clone(),
            elsewhere: None,
            policies,
            next_steps: next_steps(story, failed.as_ref(), options, check.as_ref()),
            failure: detail,
            check,
        }
    }
}

fn reasoned(story: &Story, failed: &Failed, profile: Profile) -> Reasoned {
    let mut out = reason::reason(failed, story.manager_of(failed), &story.secondary, profile);
    // A process that went on and took the same checkpoint later met something that passes.
    let behind = |i: &&Installed| (i.seen.log, i.seen.line) > (failed.last.log, failed.last.line);
    let same = |i: &&Installed| failed.lsn == Some(i.metadata_lsn) && i.process == failed.process;
    let later = story.installed.iter().filter(behind).find(same).filter(|_| failed.abort.is_none());
    if let Some(later) = later.filter(|_| out.certainty == Certainty::ByElimination) {
        let text =
            format!("the same checkpoint was installed at line {}: what made it fail has passed", later.seen.line);
        out.evidence.push(Evidence { weight: Weight::Limits, step: None, text });
        (out.step, out.certainty) = (None, Certainty::NotKnown);
    }
    out
}

/// Every failure in the logs, and what is known of its step: the last ones.
pub fn failures(story: &Story) -> Vec<(&Failed, Reasoned)> {
    let skip = story.failures.len().saturating_sub(LISTED);
    let each = story.failures.iter().skip(skip);
    each.map(|f| (f, reasoned(story, f, reason::profile(Some(f), story.frontier, None).0))).collect()
}

fn last<T: Clone>(list: &std::collections::VecDeque<T>, n: usize) -> Vec<T> {
    list.iter().skip(list.len().saturating_sub(n)).cloned().collect()
}

fn brief(story: &Story, f: &Failed, profile: Option<Profile>) -> Brief {
    let (profile, _) = reason::profile(Some(f), story.frontier, profile);
    let r = reasoned(story, f, profile);
    Brief {
        metadata_lsn: f.lsn,
        return_code: r.code,
        step: r.step,
        certainty: r.certainty,
        attempts: f.attempts,
        fatal: f.abort.is_some(),
        first: f.first.clone(),
        last: f.last.clone(),
    }
}

fn detail(story: &Story, f: &Failed, r: &Reasoned) -> Detail {
    let config = f.text.as_deref().and_then(|t| Config::parse_bytes(t.as_bytes()).ok());
    let config = config.as_ref();
    let number = |key: &str| config.and_then(|c| c.get(key)).and_then(|v: Value<'_>| v.u64().ok());
    Detail {
        metadata_lsn: f.lsn,
        metadata_unix_seconds_derived: f.lsn.and_then(unix_seconds),
        metadata_checksum: config.and_then(|c| c.get("metadata_checksum")).map(|v| v.as_str().to_string()),
        database_size: config.and_then(|c| completion::database_size(c).ok()).flatten(),
        version: number("version"),
        compatible_version: number("compatible_version"),
        completion_text: f.text.clone(),
        return_code: r.code,
        return_code_number: r.code.map(|c| c.0),
        step: r.step,
        step_place: r.step.map(Step::place),
        step_words: r.step.map(Step::words),
        certainty: r.certainty,
        candidates: r.candidates.clone(),
        evidence: r.evidence.clone(),
        session: f.session.clone(),
        caller: f.caller.clone(),
        attempts: f.attempts,
        first: f.first.clone(),
        last: f.last.clone(),
        abort: f.abort.and_then(|at| story.aborts.get(at)).cloned(),
    }
}

/// The time in an LSN.
fn unix_seconds(lsn: Lsn) -> Option<u64> {
    lsn.time().map(|t| t.seconds)
}

/// Seconds between two LSNs, by their high halves; nothing for LSNs of another shape.
fn seconds(from: Option<Lsn>, to: Option<Lsn>) -> Option<i64> {
    let high = |lsn: Lsn| unix_seconds(lsn).and_then(|s| i64::try_from(s).ok());
    Some(high(to?)?.saturating_sub(high(from?)?))
}

fn manager_info(m: &Manager, failing: Option<Lsn>) -> ManagerInfo {
    let lsn = |l: Option<Lsn>| l.map(|lsn| LsnAndTime { lsn, unix_seconds_derived: unix_seconds(lsn) });
    // A record's own LSN follows that of its turtle page; the store assigns few in between.
    const NEAR: u64 = 1 << 16;
    let near = |to: Lsn, of: Lsn| to.get().checked_sub(of.get()).is_some_and(|d| (1..NEAR).contains(&d));
    ManagerInfo {
        latest_materialized: lsn(m.latest),
        installed: lsn(m.installed),
        to_install: lsn(m.to_install),
        seconds_installed_to_install_derived: seconds(m.installed, m.to_install),
        seconds_to_install_to_latest_derived: seconds(m.to_install, m.latest),
        to_install_is_failing: m.to_install.zip(failing).is_some_and(|(to, of)| near(to, of)),
        seen: m.seen.clone(),
    }
}

fn summary(story: &Story, failed: Option<&(&Failed, Reasoned)>, verdict: Verdict, manager: Option<&Manager>) -> String {
    let Some((f, r)) = failed else {
        return match verdict {
            Verdict::NoneFailed if story.installed_total > 0 => {
                let newest = story.installed.back().map(|i| i.metadata_lsn).unwrap_or_default();
                format!(
                    "Checkpoints picked up: {}, none failed. The newest installed has metadata_lsn={newest}.",
                    story.installed_total
                )
            }
            Verdict::NoneFailed => "The log mentions pick-up, and none failed.".into(),
            _ => "Nothing in the log is about checkpoint pick-up. It cannot show whether one failed.".into(),
        };
    };
    let which = f
        .lsn
        .map_or("a checkpoint the log does not name".to_string(), |l| format!("the checkpoint with metadata_lsn={l}"));
    let code = r.code.map_or("an unknown error".to_string(), |c| c.to_string());
    let place = match (r.step, r.certainty) {
        (Some(Step::LoadKey), c) => format!("at the keystore step ({})", c.words()),
        (Some(step), c) => format!("at the step {} ({})", step.name(), c.words()),
        (None, _) => "at a step that cannot be determined".to_string(),
    };
    let times = if f.attempts > 1 { format!(", in {} attempts", f.attempts) } else { String::new() };
    let stale = (r.step, r.code) == (Some(Step::LoadKey), Some(Code::EINVAL));
    let end = match (f.abort.and_then(|at| story.aborts.get(at)), stale) {
        (Some(a), _) => {
            let signal = a.signal.map(|s| format!(" (signal {s})")).unwrap_or_default();
            let cause = if stale { format!("{STALE}; an") } else { "An".to_string() };
            format!("{cause} invariant turned that error into an abort of the process{signal}")
        }
        (None, true) => STALE.into(),
        (None, false) => match manager.and_then(|m| m.installed).or(f.installed) {
            Some(lsn) => format!("The node still has the previously installed checkpoint, LSN {lsn}"),
            None => "The log does not say what happened to the process".into(),
        },
    };
    format!("The pick-up of {which} failed with {code} {place}{times}. {end}.")
}

/// The lines of the failure, what was installed around it, and how the process died.
fn timeline(story: &Story, failed: Option<&Failed>) -> Vec<Line> {
    let Some(failed) = failed else {
        return last(&story.timeline, SHOWN / 2);
    };
    let at = story.failures.iter().position(|f| std::ptr::eq(f, failed));
    let place = |s: &Seen| (s.log, s.line);
    let (first, end) = (place(&failed.first), place(&failed.last));
    let lines = || story.timeline.iter();
    let before = lines().filter(|l| l.success && place(&l.seen) < first).count().saturating_sub(2);
    let mut successes = 0;
    let mut behind = 0;
    let mut out: Vec<Line> = Vec::new();
    for line in lines() {
        let keep = if line.success {
            successes += 1;
            let early = place(&line.seen) < first;
            behind += usize::from(place(&line.seen) > end);
            if early { successes > before } else { behind <= 2 }
        } else {
            line.failure.is_none() && place(&line.seen) >= first || line.failure == at
        };
        if keep {
            out.push(line.clone());
        }
    }
    let cut = out.len().saturating_sub(SHOWN);
    out.split_off(cut)
}

fn secondary(story: &Story, r: Option<&Reasoned>) -> SecondaryInfo {
    let s = &story.secondary;
    let [not_found, frontier, retries, read_errors] = s.counts;
    let for_want_of_pages = r
        .is_some_and(|r| matches!(r.code, Some(Code::WT_NOTFOUND | Code::EIO)) && r.step.is_none_or(Step::reads_pages));
    let why = if s.total() == 0 {
        "there are none"
    } else if r.is_none() {
        "reads that came before the pages were available: page servers are behind; on their own they do not make a \
        pick-up fail"
    } else if for_want_of_pages {
        "the pick-up failed because pages were missing: these lines have the same cause, page servers that are behind \
         or gone, and are not a second fault"
    } else {
        "reads of pages that no page server had at the time: page servers were behind, or went down with the process. \
         The pick-up failed with another code at another step, so they are a consequence, not the cause of the abort"
    };
    SecondaryInfo {
        count: s.total(),
        not_found,
        frontier,
        retries,
        read_errors,
        first: s.first.clone(),
        last: s.last.clone(),
        why: why.into(),
    }
}

/// A later checkpoint that the log shows installed behind the failure.
fn later(story: &Story, f: &Failed) -> Option<Lsn> {
    let behind = |i: &&Installed| (i.seen.log, i.seen.line) > (f.last.log, f.last.line);
    story.installed.iter().filter(behind).map(|i| i.metadata_lsn).find(|lsn| f.lsn.is_some_and(|own| *lsn > own))
}

/// What the server does next.
fn judged(
    policy: Policy,
    f: &Failed,
    r: &Reasoned,
    profile: Profile,
    (manager, later): (Option<&Manager>, Option<Lsn>),
    check: Option<&Check>,
) -> Judged {
    let retry = Retry::default();
    let from = manager.and_then(|m| m.installed).or(f.installed);
    let serving =
        from.map_or("the checkpoint it has installed".to_string(), |l| format!("the installed checkpoint, LSN {l}"));
    let lsn = f.lsn.map_or("the checkpoint".to_string(), |l| format!("metadata_lsn={l}"));
    let half_merged = r.step == Some(Step::Merge) && !profile.unrolls() && r.code != Some(Code::EBUSY);
    let plain = |reaction, what: String| Judged { policy, reaction, attempts_allowed: 1, serves_from: None, what };
    let Some(code) = r.code else {
        return plain("undecided", "the log has no return code to go by".into());
    };
    if code == Code::WT_PANIC || f.panicked || half_merged {
        let why =
            if half_merged { "this build cannot roll back a merge that failed halfway" } else { "the engine panicked" };
        return plain(
            "panic",
            format!(
                "{why}: no policy helps, the process ends and picks up from scratch when it \
            restarts"
            ),
        );
    }
    let steps = match (r.step, r.candidates.as_slice()) {
        (Some(step), _) => vec![step],
        (None, []) => vec![Step::LoadKey],
        (None, left) => left.to_vec(),
    };
    let decide = |attempts| {
        let mut all = steps.iter().map(|step| policy.decide(&Failure { step: *step, code, attempts }, &retry));
        let first = all.next().unwrap_or(Reaction::Abort);
        // Where the step is open, trying again is what the careful server does.
        if all.any(|r| r == Reaction::Retry) { Reaction::Retry } else { first }
    };
    let (now, in_the_end) = (decide(1), decide(u32::MAX));
    // The manager knows of a newer one already.
    let newer = manager.and_then(|m| m.latest.filter(|l| m.to_install.or(f.lsn).is_some_and(|own| *l > own)));
    let next = match (check.and_then(|c| c.next_compatible), check) {
        (Some(n), _) => format!("the next compatible one is metadata_lsn={} (record {})", n.metadata_lsn, n.lsn),
        _ if later.is_some() => {
            format!("the next one the log shows installed is metadata_lsn={}", later.unwrap_or_default())
        }
        (None, Some(c)) if c.record_lsn.is_some() => "the store has no compatible one after it yet".to_string(),
        _ if (r.step, r.code) == (Some(Step::LoadKey), Some(Code::EINVAL)) && newer.is_some() => format!(
            "next it tries the newest one that is already materialized and applied, LSN {}: compatible if it embeds the \
             key that the node has, or a newer one",
            newer.unwrap_or_default()
        ),
        _ if (r.step, r.code) == (Some(Step::LoadKey), Some(Code::EINVAL)) => {
            "the next compatible one is the first later one that embeds the key that the node has, or a newer one"
                .to_string()
        }
        _ => "the next one is tried when it completes".to_string(),
    };
    let end = match in_the_end {
        Reaction::Abort if f.abort.is_some() => {
            "the error reaches an invariant: SIGABRT, as this log shows".to_string()
        }
        Reaction::Abort => {
            "the error reaches an invariant: SIGABRT; the node is down until it is restarted".to_string()
        }
        Reaction::Skip => {
            // Page servers may come back; what a page says does not change.
            let passes = code.may_pass() && steps.iter().any(|s| s.reads_pages());
            let drops = if passes { "puts" } else { "drops" };
            let how_long = if passes { "aside until something changes" } else { "for good" };
            format!("{drops} {lsn} {how_long} and goes on serving from {serving}; {next}")
        }
        Reaction::StepDown => {
            let newest = newer.map(|l| format!(", LSN {l} or a newer one,")).unwrap_or_default();
            format!(
                "leaves cleanly, re-syncs from the newest complete checkpoint{newest} and comes back; until then it \
                 serves nothing{}",
                if newer.is_some() { String::new() } else { format!("; {next}") }
            )
        }
        Reaction::Retry | Reaction::Ignore => "retries".to_string(),
    };
    let name = |r: Reaction| match r {
        Reaction::Abort => "abort",
        Reaction::Skip => "skip",
        Reaction::StepDown => "step-down",
        Reaction::Retry => "retry",
        Reaction::Ignore => "ignore",
    };
    let (attempts_allowed, what) = if now == Reaction::Retry {
        (retry.budget, format!("retries it up to {} times, first after {}; then: {end}", retry.budget, retry.first))
    } else {
        (1, end)
    };
    let serves_from = from.filter(|_| matches!(in_the_end, Reaction::Skip));
    Judged { policy, reaction: name(now), attempts_allowed, serves_from, what }
}

/// What to do now, and with which commands.
fn next_steps(
    story: &Story,
    failed: Option<&(&Failed, Reasoned)>,
    options: Options,
    check: Option<&Check>,
) -> Vec<String> {
    let logs = story.logs.iter().map(|l| quoted(&l.name)).collect::<Vec<_>>().join(" ");
    let home = check.map_or("DIR".to_string(), |c| quoted(&c.home));
    let Some((f, r)) = failed else {
        return match story.tells_of_pickup() {
            true => Vec::new(),
            false => vec!["give the standby's log, starting before the failure".into()],
        };
    };
    let mut out = Vec::new();
    let dead = f.abort.is_some();
    out.push(match (r.step, r.code) {
        (Some(Step::LoadKey), Some(Code::EINVAL)) if dead => "now: restart the node; a fresh process takes the last \
             complete checkpoint with the key that it embeds. If it dies again, keep it down until the primary has \
             completed a checkpoint after the rotation, then start it or re-sync it. Do not remove any page from the \
             store: nothing in it is damaged"
            .into(),
        (Some(Step::LoadKey), Some(Code::EINVAL)) => {
            "now: the node can go on serving what it has installed; have the primary complete another checkpoint, which \
             will embed the new key"
                .into()
        }
        (Some(Step::Checksum | Step::ParseTurtle), _) => "now: do not restart into the same checkpoint; copy the page \
             log and audit the copy, because the turtle page may be damaged or have a newer version"
            .into(),
        (Some(step), Some(Code::EIO | Code::WT_NOTFOUND)) if step.reads_pages() => {
            "now: restore the page servers first; the same checkpoint can be picked up once they respond".into()
        }
        (_, Some(Code::ENOTSUP)) => {
            "now: this build must not read that checkpoint; upgrade the node, or downgrade the \
             primary by the documented way"
                .into()
        }
        (Some(Step::Order), _) => "now: nothing is lost, the node has a newer checkpoint; to go back, start a fresh \
             process with the older completion text"
            .into(),
        (Some(Step::Merge | Step::Finalize), _) => "now: keep a copy of the node's local metadata, then re-sync the \
             node; the checkpoint does not match what it has"
            .into(),
        _ if dead => "now: restart the node, and keep this log and a copy of the page log".into(),
        _ => "now: keep this log and a copy of the page log".into(),
    });
    if check.is_none() {
        out.push(format!(
            "wtcheck pickup explain {logs} --home DIR   # DIR: a copy of the page log; checks this against it"
        ));
    }
    let key = options.keystore_lsn.or(check.and_then(|c| c.node_key));
    let key = key.map_or("LSN".to_string(), |k| k.to_string());
    out.push(format!(
        "wtcheck pickup replay {home} --keystore-lsn {key}   # every checkpoint, as a node with that key picks it up"
    ));
    out.push(format!("wtcheck audit {home}   # stale-keystore names each checkpoint that embeds an old key"));
    out
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./+,:=@%".contains(c);
    if !name.is_empty() && name.chars().all(safe) {
        name.to_string()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}
