//! Which step of a pick-up failed, and how sure that is.
//!
//! Newest builds name the step in a line of its own. Older ones give only the return code; then the
//! steps that can return it are gone through, and those are excluded that would have left other traces.

use super::story::{Failed, Manager, Secondary};
use crate::format::completion;
use crate::format::config::Config;
use crate::format::{Class, FormatError};
use crate::pickup::code::Code;
use crate::pickup::profile::Profile;
use crate::pickup::step::Step;
use serde::Serialize;

/// How it is known which step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The log says so.
    LogSaysSo,
    /// The figures in the log leave nothing else.
    ShownByFigures,
    /// Every other step that returns this code would have left other traces.
    ByElimination,
    /// More than one step is left, or none.
    NotKnown,
}

impl Certainty {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::LogSaysSo => "the log says so",
            Self::ShownByFigures => "shown by the figures in the log",
            Self::ByElimination => "by elimination",
            Self::NotKnown => "not known",
        }
    }
}

/// What a piece of evidence does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Names the step.
    Says,
    /// Shows it.
    Shows,
    /// Excludes a step.
    Excludes,
    /// Leaves a step.
    Leaves,
    /// Limits what was said.
    Limits,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What it does.
    pub weight: Weight,
    /// About which step.
    pub step: Option<Step>,
    /// In words.
    pub text: String,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// The return code, stated or implied.
    pub code: Option<Code>,
    pub step: Option<Step>,
    /// How sure.
    pub certainty: Certainty,
    /// The steps that are left.
    pub candidates: Vec<Step>,
    pub evidence: Vec<Evidence>,
}

/// The profile of the build that wrote a log, and why.
pub fn profile(failed: Option<&Failed>, frontier: (bool, bool), given: Option<Profile>) -> (Profile, String) {
    if let Some(given) = given {
        return (given, "as given".into());
    }
    let sized = failed.and_then(|f| f.text.as_ref()).map(|t| t.contains("database_size="));
    // Versions of records and wording changed at different times: what was accepted tells more.
    let accepted = failed.filter(|f| f.inner).and_then(|f| f.text.as_deref());
    let accepted = accepted.and_then(|t| completion::parse(t.as_bytes()).ok()).map(|c| c.compatible_version);
    let not_found = failed.is_some_and(|f| f.code == Some(Code::WT_NOTFOUND));
    match failed {
        Some(f) if f.newest => (Profile::August2026, "the wording of the failure is that of the newest builds".into()),
        _ if accepted.is_some_and(|v| v > Profile::May2026.completion_reader()) => {
            (Profile::August2026, "the build accepted a record whose compatible_version older readers refuse".into())
        }
        _ if frontier.0 => (
            Profile::October2025,
            "builds until April 2026 log \"LSN frontier violation\"; since then it is a warning".into(),
        ),
        Some(f) if f.old && sized == Some(false) && !not_found => (
            Profile::October2025,
            "the wording of the failure was used until mid 2026, and the record has no database_size".into(),
        ),
        Some(f) if f.old => {
            let why = "the wording of the failure was used until mid 2026";
            let size = if sized == Some(true) { ", and the record has a database_size" } else { "" };
            (Profile::May2026, format!("{why}{size}"))
        }
        _ if frontier.1 => (Profile::May2026, "builds since April 2026 log \"LSN frontier warning\"".into()),
        _ => (Profile::August2026, "no line identifies the build; the newest rules are assumed".into()),
    }
}

/// The steps that can return a code.
fn candidates(code: Code) -> Vec<Step> {
    match code {
        Code::EINVAL => vec![
            Step::MetadataLsn,
            Step::MetadataChecksum,
            Step::DatabaseSize,
            Step::Versions,
            Step::Order,
            Step::ParseTurtle,
            Step::LoadKey,
            Step::Merge,
        ],
        Code::EIO => vec![Step::FetchTurtle, Step::Checksum, Step::LoadKey, Step::Merge],
        Code::ENOTSUP => vec![Step::Versions, Step::FetchTurtle, Step::ParseTurtle, Step::LoadKey],
        Code::WT_NOTFOUND => vec![Step::MetadataLsn, Step::DatabaseSize, Step::Merge],
        Code::WT_PANIC => vec![Step::Merge, Step::Finalize],
        // A conflict may arise anywhere below the schema lock.
        Code::EBUSY => vec![Step::SaveEntry, Step::Merge],
        // No memory, no room, a time that is over: it may be met anywhere.
        code if code.is_of_system() => vec![Step::FetchTurtle, Step::LoadKey, Step::SaveEntry, Step::Merge],
        // Only the key provider passes on codes of its own.
        _ => vec![Step::LoadKey],
    }
}

/// The code a step returns, where it has only one.
fn implied(step: Step) -> Option<Code> {
    match step {
        Step::Order => Some(Code::EINVAL),
        Step::FetchTurtle | Step::Checksum => Some(Code::EIO),
        Step::Versions => Some(Code::ENOTSUP),
        _ => None,
    }
}

/// A step on the text of the record: its field, and whether it fails.
fn text_step(text: &str, step: Step, profile: Profile) -> Option<Result<String, FormatError>> {
    let config = match Config::parse_bytes(text.as_bytes()) {
        Ok(config) => config,
        Err(e) => return (step == Step::MetadataLsn).then_some(Err(e)),
    };
    let shown = |name: &str| config.get(name).map_or(format!("no {name}"), |v| format!("{name}={}", v.as_str()));
    Some(match step {
        Step::MetadataLsn => completion::metadata_lsn(&config).map(|_| shown("metadata_lsn")),
        Step::MetadataChecksum => completion::metadata_checksum(&config).map(|_| shown("metadata_checksum")),
        Step::DatabaseSize => completion::database_size(&config).and_then(|size| match size {
            None if profile.needs_database_size() => Err(FormatError::not_found("database_size is missing")),
            _ => Ok(shown("database_size")),
        }),
        Step::Versions => completion::versions(&config, profile.completion_reader())
            .map(|_| format!("{}, {}", shown("version"), shown("compatible_version"))),
        _ => return None,
    })
}

/// Everything a step is judged on.
struct Case<'c> {
    failed: &'c Failed,
    manager: Option<&'c Manager>,
    secondary: &'c Secondary,
    profile: Profile,
    code: Code,
}

/// Which step failed. `manager`: what the checkpoint manager said about this failure.
pub fn reason(failed: &Failed, manager: Option<&Manager>, secondary: &Secondary, profile: Profile) -> Reasoned {
    let mut evidence = Vec::new();
    let mut said = |weight, step, text: String| evidence.push(Evidence { weight, step: Some(step), text });
    // A later line is nearer to the failure than an earlier one.
    let mut step = None;
    for named in &failed.named {
        said(Weight::Says, named.step, format!("the log says: {:?} (line {})", named.words, named.seen.line));
        step = Some((named.step, Certainty::LogSaysSo));
    }
    if let Some((current, new)) = failed.older {
        said(Weight::Says, Step::Order, format!("the log says: metadata LSN {new} is below the installed {current}"));
        step = Some((Step::Order, Certainty::LogSaysSo));
    }
    if step.is_none()
        && let Some(lsn) = failed.unread.last()
    {
        let turtle = failed.lsn == Some(*lsn);
        let at = if turtle { Step::FetchTurtle } else { Step::LoadKey };
        let what = if turtle { "the metadata LSN: the turtle page" } else { "not the metadata LSN: the key page" };
        said(Weight::Shows, at, format!("page 1 at LSN {lsn} did not arrive, which is {what}"));
        step = Some((at, Certainty::ShownByFigures));
    }
    let code = failed.code.or_else(|| failed.panicked.then_some(Code::WT_PANIC));
    let text = failed.text.as_deref();
    if step.is_none() && !failed.inner {
        for at in [Step::MetadataLsn, Step::MetadataChecksum, Step::DatabaseSize, Step::Versions] {
            let wrong = text.and_then(|t| text_step(t, at, profile)).and_then(Result::err);
            if let Some(e) = wrong.filter(|e| code.is_none_or(|c| c == Code::from(e.class))) {
                said(Weight::Shows, at, format!("the completion text itself fails this check: {e}"));
                let code = code.or(Some(Code::from(e.class)));
                let candidates = vec![at];
                return Reasoned { code, step: Some(at), certainty: Certainty::ShownByFigures, candidates, evidence };
            }
        }
    }
    if step.is_none()
        && code.is_none_or(|c| c == Code::EINVAL)
        && let (Some(own), Some(new)) = (failed.installed, failed.lsn)
        && new < own
    {
        said(Weight::Shows, Step::Order, format!("metadata LSN {own} had been installed already, and is above {new}"));
        step = Some((Step::Order, Certainty::ShownByFigures));
    }
    if let Some((step, certainty)) = step {
        let code = code.or_else(|| implied(step));
        if (step, code) == (Step::LoadKey, Some(Code::EINVAL)) {
            let text = "the key provider refused the key, or the reference to it is malformed: the line is the same for \
                both";
            evidence.push(Evidence { weight: Weight::Limits, step: Some(step), text: text.into() });
        }
        if let Some(code) = code.filter(|c| !candidates(*c).contains(&step) && *c != Code::EBUSY) {
            let text = format!("but this step does not return {code}; the lines may come from two attempts");
            evidence.push(Evidence { weight: Weight::Limits, step: Some(step), text });
        }
        return Reasoned { code, step: Some(step), certainty, candidates: vec![step], evidence };
    }
    let Some(code) = code else {
        let text = "no line has a return code or names a step".to_string();
        evidence.push(Evidence { weight: Weight::Limits, step: None, text });
        return Reasoned { code, step: None, certainty: Certainty::NotKnown, candidates: Vec::new(), evidence };
    };
    let case = Case { failed, manager, secondary, profile, code };
    let mut left = Vec::new();
    for at in candidates(code) {
        match excluded(&case, at) {
            Some(text) => evidence.push(Evidence { weight: Weight::Excludes, step: Some(at), text }),
            None => left.push(at),
        }
    }
    for at in &left {
        evidence.push(Evidence { weight: Weight::Leaves, step: Some(*at), text: leaves(code, *at) });
    }
    // What is said in so many words ends what is only concluded.
    if let Some(other) = failed.others.first() {
        let text = format!("line {} of the same session is an error of its own: {:?}", other.seen.line, other.words);
        evidence.push(Evidence { weight: Weight::Limits, step: None, text });
        return Reasoned { code: Some(code), step: None, certainty: Certainty::NotKnown, candidates: left, evidence };
    }
    let certainty = if left.len() == 1 { Certainty::ByElimination } else { Certainty::NotKnown };
    let limit = match left.len() {
        0 => "every step that returns this code would have said so: lines are missing from this log",
        1 => "an elimination relies on missing lines; in an excerpt it is only as reliable as the excerpt is complete",
        _ => "the log cannot tell these steps apart; a copy of the store can, with --home",
    };
    evidence.push(Evidence { weight: Weight::Limits, step: None, text: limit.into() });
    let step = if left.len() == 1 { left.first().copied() } else { None };
    Reasoned { code: Some(code), step, certainty, candidates: left, evidence }
}

/// Why it was not this step, if that can be said.
fn excluded(case: &Case<'_>, step: Step) -> Option<String> {
    let Case { failed, manager, secondary, profile, code } = case;
    let installed = manager.and_then(|m| m.installed);
    match step {
        Step::MetadataLsn | Step::MetadataChecksum | Step::DatabaseSize | Step::Versions => {
            let read = failed.text.as_deref().and_then(|t| text_step(t, step, *profile));
            match read {
                Some(Ok(shown)) => Some(format!("{shown} passes")),
                Some(Err(e)) if code_of(&e) != *code => Some(format!("it would have returned {}", code_of(&e))),
                _ if failed.inner => Some("the inner function was reached, so the text was accepted".into()),
                _ => None,
            }
        }
        Step::Order => match (failed.lsn, failed.installed, installed) {
            (Some(new), Some(own), _) if own <= new => Some(format!(
                "metadata LSN {new} is above the installed one, {own}, and the line about an older checkpoint is absent"
            )),
            // The manager's LSN is that of the record, which is above its metadata LSN.
            (Some(new), _, Some(own)) if own < new => Some(format!(
                "metadata LSN {new} is above the installed LSN {own}, and the line about an older checkpoint is absent"
            )),
            _ => Some("the line \"Attempting to pick up an older checkpoint\" is absent".into()),
        },
        Step::FetchTurtle if *code == Code::ENOTSUP => {
            let served = installed.is_some() || failed.installed.is_some();
            served.then(|| "the node has installed a checkpoint, so it has the table of turtle pages".into())
        }
        Step::FetchTurtle => Some("the line \"Disagg metadata fetching failed\" is absent".into()),
        Step::Checksum => Some("the line \"Checkpoint metadata corruption detected\" is absent".into()),
        Step::ParseTurtle if failed.newest => Some("the line \"Failed to parse shared metadata\" is absent".into()),
        Step::ParseTurtle if *code == Code::ENOTSUP => None,
        Step::ParseTurtle => Some(
            "the page arrived and its checksum matched, or it would be EIO: it is the page the leader wrote, and no \
             line complains about its content"
                .into(),
        ),
        Step::LoadKey if failed.newest && failed.inner => {
            Some("the line \"Failed to load encryption keys\" is absent".into())
        }
        Step::Merge if failed.newest && failed.inner => {
            Some("the line \"Failed to merge checkpoint\" is absent".into())
        }
        Step::Merge if *code == Code::WT_NOTFOUND => {
            profile.waits_for_pages().then(|| "readers from this date wait for pages indefinitely".into())
        }
        Step::Merge if *code == Code::EIO => {
            let errors = secondary.counts.get(3).copied().unwrap_or_default();
            (errors == 0).then(|| "no block of the shared metadata is reported as unreadable".into())
        }
        Step::Merge if *code == Code::EBUSY => None,
        Step::Merge => Some("its own lines, \"Missing shared file\" and \"would leave btree ID\", are absent".into()),
        Step::SaveEntry => None,
        _ => None,
    }
}

fn code_of(e: &FormatError) -> Code {
    match e.class {
        Class::Invalid => Code::EINVAL,
        class => class.into(),
    }
}

/// What speaks for a step that is left.
fn leaves(code: Code, step: Step) -> String {
    match step {
        Step::LoadKey if code == Code::EINVAL => {
            "by elimination: the key provider's own EINVAL is passed on unchanged, as for a key older than the one it \
             has committed; a malformed key reference would look the same; this build logs neither"
                .into()
        }
        Step::LoadKey if code == Code::EIO => {
            "the key page did not arrive, or its header is wrong; this build does not log a separate line for it".into()
        }
        Step::LoadKey if code == Code::ENOTSUP => {
            "there is no table of key pages, or the key page has a newer version".into()
        }
        Step::LoadKey if !code.is_of_system() => "only the key provider returns codes of its own".into(),
        Step::Finalize => "any failure after the merge is committed is a panic".into(),
        Step::Merge if code == Code::WT_NOTFOUND => {
            "builds from this date give up on pages of the shared metadata after 100 attempts".into()
        }
        Step::Merge | Step::SaveEntry if code == Code::EBUSY => {
            "a conflict with another operation, WT_ROLLBACK, is returned as EBUSY".into()
        }
        _ => format!("{} ({}) can return {code}", step.words(), step.place()),
    }
}
