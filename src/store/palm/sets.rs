//! The databases of a PALM environment that changes are made in, and what stops a change.

use super::{
    CHECKPOINT_KEY_LEN, CHECKPOINTS, COMPLETED, GLOBALS, NEXT_LSN, PAGE_KEY_LEN, PAGES, decode_checkpoint_key, describe,
};
use crate::format::FormatError;
use heed::types::Bytes;
use heed::{AnyTls, Database, DatabaseOpener, RoTxn, WithTls};

/// Global: id of the checkpoint begun last.
pub(super) const STARTED: u32 = 2;

pub(super) type Raw<'e> = Database<'e, Bytes, Bytes>;
pub(super) type Outcome<T> = Result<T, Failure>;

/// What stops an operation inside a transaction.
pub(super) enum Failure {
    Lmdb(heed::Error),
    /// A change does not fit what is there, or makes no sense.
    Refused(String),
    /// A record that cannot be understood.
    Damaged(String),
}

impl From<heed::Error> for Failure {
    fn from(e: heed::Error) -> Self {
        Self::Lmdb(e)
    }
}

impl From<FormatError> for Failure {
    fn from(e: FormatError) -> Self {
        Self::Damaged(e.message)
    }
}

pub(super) fn refuse<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Failure::Refused(reason.into()))
}

/// One of the databases that changes are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    Pages,
    Checkpoints,
    Globals,
}

impl Set {
    pub(super) const ALL: [Self; 3] = [Self::Pages, Self::Checkpoints, Self::Globals];

    pub(super) fn name(self) -> &'static str {
        let name = match self {
            Self::Pages => PAGES,
            Self::Checkpoints => CHECKPOINTS,
            Self::Globals => GLOBALS,
        };
        std::str::from_utf8(name).unwrap_or_default()
    }

    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Pages => PAGE_KEY_LEN,
            Self::Checkpoints => CHECKPOINT_KEY_LEN,
            Self::Globals => 4,
        }
    }

    /// A key in words.
    pub(super) fn describe(self, key: &[u8]) -> String {
        match self {
            Self::Pages => describe(key),
            Self::Checkpoints => match decode_checkpoint_key(key) {
                Ok(k) => format!("completion record at LSN {}", k.lsn),
                Err(_) => format!("completion record {}", hex::encode(key)),
            },
            Self::Globals => match <[u8; 4]>::try_from(key).map(u32::from_ne_bytes) {
                Ok(NEXT_LSN) => "next LSN".into(),
                Ok(COMPLETED) => "last completed checkpoint".into(),
                Ok(STARTED) => "last begun checkpoint".into(),
                Ok(_) | Err(_) => format!("global {}", hex::encode(key)),
            },
        }
    }
}

/// The databases, opened in a transaction.
pub(super) struct Sets<'e> {
    pages: Raw<'e>,
    checkpoints: Raw<'e>,
    globals: Raw<'e>,
}

impl<'e> Sets<'e> {
    pub(super) fn open(opener: &DatabaseOpener<'e, WithTls>, txn: &RoTxn<'_, AnyTls>) -> Outcome<Self> {
        let open = |set: Set| {
            let mut options = opener.database_options().types::<Bytes, Bytes>();
            let found = options.name(set.name()).open(txn)?;
            found.ok_or_else(|| Failure::Damaged(format!("no database {:?} in the environment", set.name())))
        };
        Ok(Self { pages: open(Set::Pages)?, checkpoints: open(Set::Checkpoints)?, globals: open(Set::Globals)? })
    }

    pub(super) fn of(&self, set: Set) -> &Raw<'e> {
        match set {
            Set::Pages => &self.pages,
            Set::Checkpoints => &self.checkpoints,
            Set::Globals => &self.globals,
        }
    }
}
