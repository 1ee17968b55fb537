//! What a copy of the store says to a failure that a log claims: the pick-up is done again, on the
//! records that are there.

use super::reason::Reasoned;
use super::story::Failed;
use crate::audit::pagelog::Opened;
use crate::format::completion::{self, Completion};
use crate::format::cookie::Cookie;
use crate::format::pagelog_turtle::Turtle;
use crate::id::{Lsn, TableId};
use crate::pagelog::catalog::{self, KEY_TABLE, SPECIAL_PAGE, Tree};
use crate::pickup::code::Code;
use crate::pickup::profile::Profile;
use crate::pickup::source::{Fetch, Rows, Source, is_merged};
use crate::pickup::standby::{Attempt, Build, Key, Outcome, Standby};
use crate::pickup::step::{Done, Step};
use crate::store::{BlockReader, CompletionRow, StoreError};
use serde::Serialize;
use std::sync::Arc;

/// What the store says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The same checkpoint fails in the same way here.
    Confirmed,
    /// What the log claims does not follow from this store.
    Contradicted,
    /// The store cannot tell.
    #[default]
    CannotBeChecked,
}

impl Answer {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::CannotBeChecked => "cannot be checked here",
        }
    }
}

/// A checkpoint that a node can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Next {
    /// LSN of the completion record.
    pub lsn: Lsn,
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// The key it embeds.
    pub keystore_lsn: Option<Lsn>,
}

/// A claim compared with a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Check {
    /// The store as it was named.
    pub home: String,
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub reasons: Vec<String>,
    /// LSN of the completion record.
    pub record_lsn: Option<Lsn>,
    /// Its text.
    pub record: Option<String>,
    /// The key that the checkpoint embeds.
    pub keystore_lsn: Option<Lsn>,
    /// Newest key page below the metadata LSN.
    pub newest_key_before: Option<Lsn>,
    /// Newest key page of all.
    pub newest_key: Option<Lsn>,
    /// The key the node is taken to have committed.
    pub node_key: Option<Lsn>,
    /// Step at which the checkpoint fails here.
    pub step: Option<Step>,
    /// Return code there.
    pub return_code: Option<Code>,
    /// The first later checkpoint that the node can take.
    pub next_compatible: Option<Next>,
}

/// Pages of a store.
struct Pages<'s> {
    opened: &'s Opened<'s>,
    reader: &'s mut dyn BlockReader,
}

impl Pages<'_> {
    fn page(&mut self, table: TableId, lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        let missing = || Fetch::Missing(format!("no page 1 of table {table} at LSN {lsn}"));
        let at = self.opened.index.find(table, SPECIAL_PAGE, lsn).ok_or_else(missing)?;
        let row = self.opened.index.get(at).ok_or_else(missing)?;
        let mut bytes = Vec::new();
        self.reader.read(&row, &mut bytes).map_err(|e| Fetch::Damaged(e.to_string()))?;
        Ok(bytes)
    }
}

impl Source for Pages<'_> {
    fn turtle(&mut self, metadata_lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        self.page(catalog::turtle_table(&self.opened.index), metadata_lsn)
    }

    fn key_page(&mut self, lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        self.page(KEY_TABLE, lsn)
    }

    fn metadata(&mut self, metadata_lsn: Lsn, _turtle: &Turtle) -> Result<Rows, Fetch> {
        let text = |b: &[u8]| String::from_utf8_lossy(b.strip_suffix(b"\0").unwrap_or(b)).into_owned();
        let row = self
            .opened
            .completions
            .iter()
            .find(|r| completion::parse(&r.text).is_ok_and(|c| c.metadata_lsn == metadata_lsn));
        let row = row.ok_or_else(|| Fetch::Missing(format!("no completion record for LSN {metadata_lsn}")))?;
        let damaged = || Fetch::Damaged("the shared metadata cannot be read".into());
        let checkpoint = catalog::open(&self.opened.index, self.reader, row).map_err(|_| damaged())?;
        let tree: &Tree = &checkpoint.metadata;
        let root: Option<&Cookie> = tree.root.as_ref();
        let rows = match root {
            None => Vec::new(),
            Some(_) => catalog::rows(&self.opened.index, self.reader, tree).ok_or_else(damaged)?,
        };
        let rows = rows.into_iter().map(|(k, v)| (text(&k), text(&v))).filter(|r| is_merged(&r.0));
        Ok(Arc::new(rows.collect()))
    }
}

/// Compare a failure with a store. `keystore_lsn`: the key the node had, if that is known.
pub fn check(
    opened: &Opened<'_>,
    home: &str,
    failed: &Failed,
    reasoned: &Reasoned,
    profile: Profile,
    keystore_lsn: Option<Lsn>,
) -> Result<Check, StoreError> {
    let mut out = Check { home: home.to_string(), node_key: keystore_lsn, ..Check::default() };
    let Some(lsn) = failed.lsn else {
        out.reasons.push("the log does not name the metadata LSN".into());
        return Ok(out);
    };
    let index = &opened.index;
    let keys: Vec<Lsn> =
        index.slice(index.page(KEY_TABLE, SPECIAL_PAGE)).iter().filter(|r| !r.is_discard()).map(|r| r.lsn).collect();
    out.newest_key = keys.iter().copied().max();
    out.newest_key_before = keys.iter().copied().filter(|k| *k < lsn).max();
    let records: Vec<(&CompletionRow, Completion)> =
        opened.completions.iter().filter_map(|r| completion::parse(&r.text).ok().map(|c| (r, c))).collect();
    let claimed = failed.text.as_deref().and_then(|t| completion::parse(t.as_bytes()).ok());
    let named = |c: &Completion| c.metadata_lsn == lsn;
    let same = records.iter().find(|(_, c)| {
        named(c)
            && claimed
                .as_ref()
                .is_none_or(|w| (w.metadata_checksum, w.database_size) == (c.metadata_checksum, c.database_size))
    });
    let Some((row, own)) = same else {
        out.reasons.push(absent(opened, &records, lsn));
        return Ok(out);
    };
    out.record_lsn = Some(row.lsn);
    out.record = Some(String::from_utf8_lossy(&row.text).into_owned());
    out.reasons.push(match own.metadata_checksum.filter(|_| claimed.is_some()) {
        Some(sum) => format!("the completion record at LSN {} has metadata_lsn={lsn} and checksum {sum:08x}", row.lsn),
        None => format!("the completion record at LSN {} has metadata_lsn={lsn}", row.lsn),
    });
    let mut reader = opened.store.reader()?;
    // What the node had committed: as given, else what was in the page log when this was written.
    out.node_key = keystore_lsn.or(out.newest_key_before);
    let mut standby = Standby::new();
    standby.keystore = out.node_key.map(|lsn| Key { version: None, lsn });
    let build = Build { profile: Some(profile), ..Build::default() };
    let mut trace: Vec<Done> = Vec::new();
    let (attempt, outcome) = {
        let mut pages = Pages { opened, reader: &mut *reader };
        Attempt::new(row.lsn, &row.text, true).run(&mut standby, &mut pages, &build, &mut trace)
    };
    out.keystore_lsn = attempt.keystore_lsn();
    keys_in_words(&mut out, keystore_lsn.is_some());
    if let Outcome::Failed(step, code) | Outcome::Panicked(step, code) = outcome {
        out.step = Some(step);
        out.return_code = Some(code);
        let note = trace.last().map(|d| d.note.as_str()).unwrap_or_default();
        out.reasons.push(format!("picked up from this store, it fails at {} with {code}: {note}", step.name()));
    } else {
        out.reasons.push("picked up from this store, it does not fail at any step".into());
    }
    let partial = [KEY_TABLE, catalog::turtle_table(index)].iter().any(|t| opened.is_partial(*t));
    judge(&mut out, reasoned, partial);
    for (later, _) in records.iter().filter(|(r, _)| r.lsn > row.lsn) {
        let Ok(checkpoint) = catalog::open(index, &mut *reader, later) else { continue };
        let key = checkpoint.turtle.key_provider.map(|k| k.lsn);
        if key >= out.node_key {
            let metadata_lsn = checkpoint.completion.metadata_lsn;
            out.next_compatible = Some(Next { lsn: later.lsn, metadata_lsn, keystore_lsn: key });
            break;
        }
    }
    Ok(out)
}

/// Why there is no such record.
fn absent(opened: &Opened<'_>, records: &[(&CompletionRow, Completion)], lsn: Lsn) -> String {
    if let Some((row, own)) = records.iter().find(|(_, c)| c.metadata_lsn == lsn) {
        return format!(
            "the completion record at LSN {} has metadata_lsn={lsn} but a different checksum or size ({}): this is \
             another store, or one that has diverged",
            row.lsn,
            own.to_text()
        );
    }
    let lsns = records.iter().map(|(_, c)| c.metadata_lsn);
    match (lsns.clone().min(), lsns.max()) {
        (Some(first), Some(last)) => {
            let where_ = if lsn > last {
                "the copy is older than the failure"
            } else if lsn < first {
                "the remaining records are newer"
            } else {
                "this may be another store, or the record was abandoned"
            };
            format!(
                "no completion record has metadata_lsn={lsn}; the {} here have {first} to {last}: {where_}",
                records.len()
            )
        }
        _ if opened.problems.is_empty() => {
            format!("no completion record has metadata_lsn={lsn}; there are none at all")
        }
        _ => "the completion records cannot be read".to_string(),
    }
}

/// What the store has on keys.
fn keys_in_words(out: &mut Check, given: bool) {
    let Some(own) = out.keystore_lsn else {
        out.reasons.push("its turtle page embeds no key, or could not be read".into());
        return;
    };
    out.reasons.push(format!("its turtle page embeds the key at LSN {own}"));
    match out.newest_key_before {
        Some(newest) if newest > own => out.reasons.push(format!(
            "a newer key page is below the metadata LSN, at {newest}: the reference is stale, because a rotation was \
             flushed while the checkpoint was being written"
        )),
        _ => out.reasons.push("no newer key page is below the metadata LSN".into()),
    }
    let later = out.newest_key.filter(|k| *k > own && Some(*k) != out.newest_key_before);
    if let Some(later) = later.filter(|_| !given) {
        out.reasons.push(format!(
            "a node that had already committed a later key, such as the one at LSN {later}, would refuse it: if this \
             node had, give --keystore-lsn {later}"
        ));
    }
}

/// The answer, from how the checkpoint fares here.
fn judge(out: &mut Check, reasoned: &Reasoned, partial: bool) {
    let same_step = match reasoned.step {
        Some(step) => out.step == Some(step),
        None => out.step.is_some_and(|s| reasoned.candidates.is_empty() || reasoned.candidates.contains(&s)),
    };
    let same_code = reasoned.code.is_none_or(|c| out.return_code == Some(c));
    if same_step && same_code && !(partial && out.return_code == Some(Code::EIO)) {
        out.answer = Answer::Confirmed;
        return;
    }
    let step = reasoned.step.or(out.step);
    let why = match (step, reasoned.code) {
        _ if partial => "part of the store could not be read, so what is missing here may exist",
        (Some(Step::FetchTurtle | Step::LoadKey), Some(Code::EIO)) if out.step.is_none() => {
            "the pages are here; a copy cannot tell whether a page server gave them to the node at the time"
        }
        (Some(Step::Merge | Step::SaveEntry | Step::Finalize), _) => {
            "the result of the merge depends on the node's own metadata, which is not here"
        }
        (Some(Step::Order), _) => "the store does not show which checkpoint the node had installed",
        (_, Some(Code::EBUSY | Code::WT_NOTFOUND)) if out.step.is_none() => "the cause was outside the checkpoint",
        (None, _) => "the log does not name the step, and no step fails here",
        (Some(_), _) => {
            out.answer = Answer::Contradicted;
            "this store does not explain the step and code in the log"
        }
    };
    out.reasons.push(why.into());
}
