//! What can be wrong with a page, found by resolving, reading or walking it. The audit turns faults
//! into findings; nothing here decides how bad they are.
use crate::coverage::Unchecked;
use crate::id::{Lsn, PageId, TableId, Version};

/// The rule that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// No row of the page at the cookie's LSN (06.2).
    Missing,
    /// A stored or computed checksum differs from the expected one (03.4).
    Checksum,
    /// Magic, version, type or another header rule (03.1, 04.1).
    Header,
    /// The content cannot be decoded (05.12).
    Undecodable,
    /// Base, backlinks or LSNs of a chain do not link (03.4, 10.2.5).
    ChainBroken,
    /// More than 32 deltas (03.7).
    ChainTooLong,
    /// The chain's length is not what the cookie says (I2 of 11.2).
    SizeMismatch,
    /// A cookie that breaks the rules of 02.3.
    CookieInvalid,
    /// A cookie only a newer reader can read.
    CookieUnsupported,
    /// A child whose LSN is not below its parent's (06.6).
    ChildNewer,
    /// A page that is its own ancestor.
    Cycle,
    /// A page with two parents.
    ReferencedTwice,
    /// A page id below 100 or not below next_page_id (I6 of 11.2).
    PageIdRange,
    /// A reachable page with a discard record (10.2.5).
    DiscardedInUse,
    /// A reachable page with a discard record above its tree's root: it may be legal.
    DiscardedSoon,
    /// Keys that do not ascend (05.12).
    KeyOrder,
    /// Keys outside the separators around their page (05.6).
    KeyRange,
    /// The content is encrypted: it could not be looked into.
    Encrypted,
    /// Compressed by something this tool does not know: it could not be looked into.
    UnknownCompressor,
    /// The store could not deliver the bytes, for its structure is damaged: could not check.
    Unreadable,
    /// The system did not give the bytes: could not check, and nothing is known to be wrong.
    Unread,
}

impl FaultKind {
    /// True of the rules that a page keeps as a whole, whatever blocks it is made of.
    #[must_use]
    pub fn is_about_content(self) -> bool {
        matches!(self, Self::Undecodable | Self::KeyOrder | Self::KeyRange | Self::SizeMismatch)
    }

    /// True where nothing is known to be wrong: the content could not be looked into.
    #[must_use]
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::Encrypted | Self::UnknownCompressor | Self::Unreadable | Self::Unread)
    }
}

/// One violation, with the place and what was expected and found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub kind: FaultKind,
    /// Table id.
    pub table: TableId,
    /// Page id.
    pub page: PageId,
    /// LSN of the block or page version concerned.
    pub lsn: Lsn,
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// Further facts, one a line.
    pub evidence: Vec<String>,
    /// The damage is known to the bit, and the content was read with it put right in memory.
    pub recovered: bool,
    /// Of [`FaultKind::Unread`]: the name of the file in the page log, and what the system said.
    pub unread: Option<(String, Unchecked)>,
}

impl Fault {
    /// A fault at a page version.
    pub fn new(
        kind: FaultKind,
        Version { table, page, lsn }: Version,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            table,
            page,
            lsn,
            expected: expected.into(),
            found: found.into(),
            evidence: Vec::new(),
            recovered: false,
            unread: None,
        }
    }

    /// Add a line of evidence.
    #[must_use]
    pub fn with(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }
}
