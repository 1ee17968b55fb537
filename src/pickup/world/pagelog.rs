//! The page log of a simulated cluster: the records that pick-up meets, and the pages they stand for,
//! made when they are read.

use super::super::profile::Profile;
use super::super::source::{Fetch, Rows, Source};
use super::super::step::Step;
use crate::format::crc::crc32c;
use crate::format::pagelog_turtle::Turtle;
use crate::format::{completion::Completion, key_page};
use crate::id::Lsn;
use std::sync::{Arc, LazyLock};

/// Whether a part of a checkpoint is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Whole,
    Corrupt,
    Lost,
}

/// A record of the page log, as far as pick-up meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its LSN; of a checkpoint that of the completion record.
    pub lsn: Lsn,
    pub what: Logged,
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Logged {
    Key {
        version: u64,
        page: State,
    },
    /// A complete checkpoint.
    Checkpoint {
        number: u64,
        /// LSN of its turtle page.
        metadata_lsn: Lsn,
        /// LSN of the key page it embeds.
        key: Option<Lsn>,
        turtle: State,
        /// Its completion record.
        completion: State,
        metadata: State,
    },
}

impl Record {
    /// Whether a process without a key could install it.
    pub fn is_whole(&self) -> bool {
        match self.what {
            Logged::Key { page, .. } => page == State::Whole,
            Logged::Checkpoint { turtle, completion, metadata, .. } => {
                [turtle, completion, metadata].iter().all(|s| *s == State::Whole)
            }
        }
    }
}

/// Rows of every simulated shared metadata: one collection.
pub(super) static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let row = |k: &str, v: &str| (k.to_string(), v.to_string());
    Arc::new(vec![
        row("colgroup:coll", "source=\"layered:coll\""),
        row("file:coll.wt_stable", "id=25,block_manager=disagg"),
        row("layered:coll", "ingest=\"file:coll.wt_ingest\",stable=\"file:coll.wt_stable\""),
        row("table:coll", "columns=()"),
    ])
});

/// The pages of a simulated log.
pub(super) struct Pages<'w> {
    pub(super) log: &'w [Record],
    pub(super) profile: Profile,
    pub(super) reachable: bool,
}

/// The turtle page of a checkpoint, in the form its time wrote.
fn turtle_page(number: u64, key: Option<Lsn>, profile: Profile) -> String {
    let versions = if profile == Profile::October2025 { "" } else { "version=2,compatible_version=1,\n" };
    let key = key.map(|lsn| format!(",\nkey_provider=(page.1=(page_id=1,lsn={lsn}),version=1)")).unwrap_or_default();
    format!(
        "{versions}checkpoint=(WiredTigerCheckpoint.{number}=(addr=\"\",order={number},time=0,size=0,write_gen=1)),\n\
         timestamp={:x},\noldest_timestamp=0,\nlargest_file_id=3{key}",
        number + 1
    )
}

impl Pages<'_> {
    fn checkpoint(&self, metadata_lsn: Lsn) -> Option<(u64, Option<Lsn>, State, State)> {
        self.log.iter().rev().find_map(|r| match r.what {
            Logged::Checkpoint { number, metadata_lsn: own, key, turtle, metadata, .. } if own == metadata_lsn => {
                Some((number, key, turtle, metadata))
            }
            _ => None,
        })
    }
}

impl Source for Pages<'_> {
    fn turtle(&mut self, metadata_lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        let missing = || Fetch::Missing(format!("no turtle page at LSN {metadata_lsn}"));
        let (number, key, state, _) = self.checkpoint(metadata_lsn).ok_or_else(missing)?;
        let mut page = turtle_page(number, key, self.profile).into_bytes();
        match state {
            State::Whole => {}
            State::Corrupt => page.iter_mut().take(1).for_each(|b| *b ^= 0x40),
            State::Lost => return Err(missing()),
        }
        Ok(page)
    }

    fn key_page(&mut self, lsn: Lsn) -> Result<Vec<u8>, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        let missing = || Fetch::Missing(format!("no key page at LSN {lsn}"));
        let found = self.log.iter().find(|r| r.lsn == lsn).ok_or_else(missing)?;
        let Logged::Key { version, page } = found.what else { return Err(missing()) };
        let mut bytes = key_page::encode_v1(&version.to_le_bytes());
        match page {
            State::Whole => {}
            State::Corrupt => bytes.iter_mut().take(1).for_each(|b| *b ^= 0x40),
            State::Lost => return Err(missing()),
        }
        Ok(bytes)
    }

    fn metadata(&mut self, metadata_lsn: Lsn, _: &Turtle) -> Result<Rows, Fetch> {
        if !self.reachable {
            return Err(Fetch::Wait);
        }
        match self.checkpoint(metadata_lsn).map(|c| c.3) {
            Some(State::Whole) => Ok(Arc::clone(&ROWS)),
            Some(State::Corrupt) => Err(Fetch::Damaged("a page of the shared metadata is damaged".into())),
            _ => Err(Fetch::Missing("a page of the shared metadata is missing".into())),
        }
    }
}

pub(super) fn completion_text(record: &Record, profile: Profile) -> Vec<u8> {
    let Logged::Checkpoint { number, metadata_lsn, key, completion, .. } = record.what else { return Vec::new() };
    let version = profile.completion_reader();
    let text = Completion {
        metadata_lsn,
        metadata_checksum: Some(crc32c(turtle_page(number, key, profile).as_bytes())),
        database_size: Some(1 << 20),
        version,
        compatible_version: version,
        has_versions: true,
        id: None,
    }
    .to_text();
    match completion {
        State::Corrupt => text.replacen("metadata_lsn", "netadata_lsn", 1).into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Whether the key a checkpoint embeds cannot be loaded by who has committed another, by the log and not
/// by what the step says.
pub(super) fn is_refused_key(log: &[Record], lsn: Lsn, committed: Option<Lsn>) -> bool {
    let embedded = log.iter().rev().find(|r| r.lsn == lsn).and_then(|r| match r.what {
        Logged::Checkpoint { key, .. } => key,
        Logged::Key { .. } => None,
    });
    let whole = |key: Lsn| log.iter().any(|r| r.lsn == key && r.is_whole());
    embedded.is_some_and(|key| committed.is_some_and(|own| key < own) || !whole(key))
}

/// Whether what a step reads is damaged at this moment, by the record and not by what the step says.
pub(super) fn is_damaged(log: &[Record], lsn: Lsn, step: Step) -> bool {
    let Some(Record { what: Logged::Checkpoint { turtle, metadata, .. }, .. }) = log.iter().find(|r| r.lsn == lsn)
    else {
        return false;
    };
    match step {
        Step::FetchTurtle => *turtle != State::Whole,
        Step::Merge => *metadata != State::Whole,
        _ => false,
    }
}
