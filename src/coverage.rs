//! The ledger of coverage: whatever lies under a subject is entered before it is opened, and leaves the
//! ledger as *audited*, *not ours* or *not checked*. A verdict is made of findings and of this ledger:
//! where nothing was audited nothing is clean, and an I/O error is an entry here, never a finding about content.

use crate::id::Version;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// Why something under a subject was not looked into, though it may matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unchecked {
    /// The system did not give the bytes.
    Io {
        /// The system's number of the error, where it has one.
        errno: Option<i32>,
        /// The system's words.
        error: String,
    },
    /// It lies in a directory that could not be listed or entered.
    Hidden,
    /// The key is needed.
    Encrypted,
    /// Compressed by a compressor that wtcheck does not have.
    UnknownCompressor,
    /// Keys or values are Huffman codes.
    Huffman,
    /// Written by a version that says this one must not read it.
    Unsupported,
    /// A PALM page log of September or October 2025, the layout of whose keys is not known well enough.
    OtherPalm,
    /// More of it than the limits allow to be looked at.
    TooMuch,
    /// Something it hangs on could not be read or is damaged.
    NotReached,
    /// The files that hold it are not there.
    Absent,
    /// The journal that recovery begins in is not there.
    JournalGone,
    /// Left out by what was asked for (`--table`, `--newest-only`, one file).
    NotAsked,
    /// Its database structure is damaged: what is left was read.
    Damaged,
    /// Encrypted by the page service: not even a checksum can be verified.
    ServiceEncrypted,
    /// Lengths were supplied, and no bytes.
    LengthOnly,
    /// A piece of a dump that is damaged was passed over.
    DumpDamaged,
    /// Two dumps say different things of it.
    Contradicted,
    /// No completion record was given: the newest turtle page has none of the numbers that only the record has.
    NoRecord,
    /// Single pages of a table were dumped: what nothing leads to may be among the others.
    PartSupplied {
        /// The log of the page service, where it is known.
        log: Option<u64>,
        /// The table.
        table: u64,
    },
    /// Nobody has dumped it yet.
    NotSupplied {
        /// The log of the page service, where it is known.
        log: Option<u64>,
        /// The table.
        table: u64,
        /// Up to which LSN it is needed, where that is known.
        lsn: Option<u64>,
    },
    /// Its table was dumped, and this page not, or not this version of it.
    PageNotSupplied {
        /// The log of the page service, where it is known.
        log: Option<u64>,
        /// The version that is needed.
        at: Version,
    },
}

impl Unchecked {
    /// An I/O error.
    pub fn io(e: &io::Error) -> Self {
        Self::Io { errno: e.raw_os_error(), error: e.to_string() }
    }

    /// The stable word of the JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io-error",
            Self::Hidden => "in-a-hidden-directory",
            Self::Encrypted => "encrypted",
            Self::UnknownCompressor => "unknown-compressor",
            Self::Huffman => "huffman-coded",
            Self::Unsupported => "unsupported-version",
            Self::OtherPalm => "palm-of-autumn-2025",
            Self::TooMuch => "over-a-limit",
            Self::NotReached => "not-reached",
            Self::Absent => "absent",
            Self::JournalGone => "journal-gone",
            Self::NotAsked => "not-asked-for",
            Self::Damaged => "damaged",
            Self::ServiceEncrypted => "encrypted-by-the-service",
            Self::LengthOnly => "length-only",
            Self::DumpDamaged => "dump-damaged",
            Self::Contradicted => "dumps-differ",
            Self::NoRecord => "no-completion-record",
            Self::PartSupplied { .. } => "supplied-in-part",
            Self::NotSupplied { .. } => "not-supplied",
            Self::PageNotSupplied { .. } => "page-not-supplied",
        }
    }

    /// Whether it was verified by its checksums, if not looked into.
    fn is_verified(&self) -> bool {
        matches!(self, Self::Encrypted | Self::UnknownCompressor | Self::Huffman)
    }

    /// Whether a verdict of "clean" would be a lie without it: not of what was verified by its checksums; and what
    /// nobody asked for, or gave the number of, is not missed.
    pub fn matters(&self) -> bool {
        !self.is_verified() && !matches!(self, Self::NotAsked | Self::NoRecord)
    }
}

/// What a file under a subject is that no audit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotOurs {
    /// A lock file.
    Lock,
    /// Configuration or version text that holds no data.
    Text,
    /// Statistics, diagnostics, server logs.
    Diagnostics,
    /// What a repair of ours left: an undo journal, a mark.
    Repair,
    /// A symbolic link that leads out of the subject, a FIFO, a socket, a device.
    Special,
    /// A file of a home inside the home, which is a subject of its own.
    OtherSubject,
    /// Nothing that the engine or MongoDB writes.
    Unknown,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was read, and findings tell what is wrong with it.
    Audited,
    /// It holds nothing to audit.
    NotOurs(NotOurs),
    /// It was not looked into.
    NotChecked(Unchecked),
}

/// The ledger: paths below the subject with `/` between their parts, and what became of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    entries: BTreeMap<String, Option<Fate>>,
}

impl Coverage {
    /// Enter something before it is opened. What became of it earlier stays.
    pub fn enter(&mut self, path: impl Into<String>) {
        self.entries.entry(path.into()).or_default();
    }

    /// It was audited; unless a part of it is known not to have been.
    pub fn audited(&mut self, path: impl Into<String>) {
        let fate = self.entries.entry(path.into()).or_default();
        if !matches!(fate, Some(Fate::NotChecked(_))) {
            *fate = Some(Fate::Audited);
        }
    }

    /// It holds nothing to audit.
    pub fn not_ours(&mut self, path: impl Into<String>, what: NotOurs) {
        self.entries.entry(path.into()).or_default().get_or_insert(Fate::NotOurs(what));
    }

    /// It, or a part of it, was not looked into. The first reason that matters stays.
    pub fn not_checked(&mut self, path: impl Into<String>, why: Unchecked) {
        let fate = self.entries.entry(path.into()).or_default();
        if !matches!(fate, Some(Fate::NotChecked(old)) if old.matters() || !why.matters()) {
            *fate = Some(Fate::NotChecked(why));
        }
    }

    /// Take in the ledger of a part, whose paths begin below `prefix` (empty, or with a `/` at its end).
    pub fn take_in(&mut self, prefix: &str, other: Self) {
        for (path, fate) in other.entries {
            let path = format!("{prefix}{path}");
            match fate {
                None => self.enter(path),
                Some(Fate::Audited) => self.audited(path),
                Some(Fate::NotOurs(what)) => self.not_ours(path, what),
                Some(Fate::NotChecked(why)) => self.not_checked(path, why),
            }
        }
    }

    /// How many things were audited.
    pub fn count_audited(&self) -> u64 {
        self.entries.values().filter(|f| matches!(f, Some(Fate::Audited))).count() as u64
    }

    /// What holds nothing to audit, by path.
    pub fn not_ours_list(&self) -> impl Iterator<Item = (&str, NotOurs)> {
        self.entries.iter().filter_map(|(path, fate)| match fate {
            Some(Fate::NotOurs(what)) => Some((path.as_str(), *what)),
            _ => None,
        })
    }

    /// What was not looked into, by path. Whatever was entered and never left the ledger is among it.
    pub fn not_checked_list(&self) -> impl Iterator<Item = (&str, &Unchecked)> {
        static LEFT: Unchecked = Unchecked::NotReached;
        self.entries.iter().filter_map(|(path, fate)| match fate {
            None => Some((path.as_str(), &LEFT)),
            Some(Fate::NotChecked(why)) => Some((path.as_str(), why)),
            _ => None,
        })
    }

    /// What became of one thing, if it was entered.
    pub fn fate(&self, path: &str) -> Option<&Fate> {
        self.entries.get(path)?.as_ref()
    }

    /// Whether it allows a verdict of "clean": something was audited, or verified by its checksums at least, and
    /// nothing that matters was left out.
    pub fn allows_clean(&self) -> bool {
        (self.count_audited() > 0 || self.not_checked_list().any(|(_, why)| why.is_verified()))
            && !self.not_checked_list().any(|(_, why)| why.matters())
    }
}

/// The ledger as programs read it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Ledger {
    /// How many things were audited.
    audited: u64,
    /// What holds nothing to audit.
    not_ours: Vec<Foreign>,
    /// What was not looked into.
    not_checked: Vec<Left>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
struct Foreign {
    path: String,
    reason: NotOurs,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
struct Left {
    path: String,
    /// A stable word.
    reason: &'static str,
    /// The system's number of the error, where it gave one.
    errno: Option<i32>,
    /// The system's words.
    error: Option<String>,
    /// It keeps the verdict from being "clean".
    matters: bool,
}

impl Serialize for Coverage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let left = |(path, why): (&str, &Unchecked)| {
            let (errno, error) = match why {
                Unchecked::Io { errno, error } => (*errno, Some(error.clone())),
                _ => (None, None),
            };
            Left { path: path.to_string(), reason: why.name(), errno, error, matters: why.matters() }
        };
        let foreign = |(path, reason): (&str, NotOurs)| Foreign { path: path.to_string(), reason };
        let ledger = Ledger {
            audited: self.count_audited(),
            not_ours: self.not_ours_list().map(foreign).collect(),
            not_checked: self.not_checked_list().map(left).collect(),
        };
        ledger.serialize(serializer)
    }
}
