//! What can be wrong with a page, found by resolving, reading or walking it. The audit turns faults
//! into findings; nothing here decides how bad they are. Facts only: the words for them are in `words/`.
use crate::coverage::Unchecked;
use crate::format::FormatError;
use crate::format::cookie::Cookie;
use crate::format::page_header::PageType;
use crate::id::{Lsn, PageId, TableId, Version};
use crate::page::rules::Broken;
use serde::Serialize;

/// The rule that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "PageFaultKind"))]
pub enum FaultKind {
    /// No row of the page at the cookie's LSN.
    Missing,
    /// A stored or computed checksum differs from the expected one.
    Checksum,
    /// Magic, version, type or another header rule.
    Header,
    /// The content cannot be decoded.
    Undecodable,
    /// Base, backlinks or LSNs of a chain do not link.
    ChainBroken,
    /// More than 32 deltas.
    ChainTooLong,
    /// The chain's length is not what the cookie says (I2).
    SizeMismatch,
    /// A cookie that breaks its rules.
    CookieInvalid,
    /// A cookie only a newer reader can read.
    CookieUnsupported,
    /// A child whose LSN is not below its parent's.
    ChildNewer,
    /// A page that is its own ancestor.
    Cycle,
    /// A page with two parents.
    ReferencedTwice,
    /// A page id below 100 or not below next_page_id (I6).
    PageIdRange,
    /// A reachable page with a discard record.
    DiscardedInUse,
    /// A reachable page with a discard record above its tree's root: it may be legal.
    DiscardedSoon,
    /// Keys that do not ascend.
    KeyOrder,
    /// Keys outside the separators around their page.
    KeyRange,
    /// The content is encrypted: it could not be looked into.
    Encrypted,
    /// Compressed by something this tool does not know: it could not be looked into.
    UnknownCompressor,
    /// The store could not deliver the bytes, for its structure is damaged: could not check.
    Unreadable,
    /// The system did not give the bytes: could not check, and nothing is known to be wrong.
    Unread,
    /// A dump has its length and not its bytes: could not check, and nothing is known to be wrong.
    LengthOnly,
}

impl FaultKind {
    /// True of the rules that a page keeps as a whole, whatever blocks it is made of.
    pub fn is_about_content(self) -> bool {
        matches!(self, Self::Undecodable | Self::KeyOrder | Self::KeyRange | Self::SizeMismatch)
    }

    /// True where nothing is known to be wrong: the content could not be looked into.
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::Encrypted | Self::UnknownCompressor | Self::Unreadable | Self::Unread | Self::LengthOnly)
    }
}

/// The first of some LSNs, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Lsns {
    /// The first ones.
    pub first: Vec<Lsn>,
    /// So many more.
    pub more: usize,
}

impl Lsns {
    /// Of all of them.
    pub fn of(all: impl ExactSizeIterator<Item = Lsn>) -> Self {
        const SHOWN: usize = 8;
        let more = all.len().saturating_sub(SHOWN);
        Self { first: all.take(SHOWN).collect(), more }
    }
}

/// The block of a chain that a page rule is broken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Block {
    /// 0 is the base image, 1 the first delta.
    pub number: usize,
    /// Deltas of the chain.
    pub deltas: usize,
    /// Not compressed: offsets are those of the stored block.
    pub plain: bool,
}

/// What the address of a page makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// An internal page.
    Internal,
    /// A leaf.
    Leaf,
    /// A page of an overflow item.
    Overflow,
}

/// What is wrong. Sizes are bytes; the page version that is meant is the fault's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "PageFaultFact"))]
pub enum Fact {
    /// No row at the version's LSN.
    NoRow {
        /// The rows of the page.
        rows: Lsns,
    },
    /// No turtle page at the LSN that a completion record names.
    NoTurtlePage,
    /// A discard record among the blocks of the chain.
    DiscardInChain {
        /// Its LSN.
        #[serde(rename = "discard_lsn")]
        discard: Lsn,
    },
    /// A discard record of a page that the checkpoint reaches.
    Discarded {
        /// Its LSN.
        #[serde(rename = "discard_lsn")]
        discard: Lsn,
        /// LSN of the tree's root.
        #[serde(rename = "root_lsn")]
        root: Lsn,
        /// LSN of the checkpoint's turtle page.
        #[serde(rename = "metadata_lsn")]
        metadata: Lsn,
    },
    /// A chain without its base image.
    NoBase {
        /// The LSN that the cookie names for it, 0 if none.
        #[serde(rename = "base_lsn")]
        base: Lsn,
        /// The deltas there are.
        deltas: Lsns,
    },
    /// The cookie's delta flag does not fit the chain.
    DeltaFlag {
        /// The flag.
        delta: bool,
        /// Blocks of the chain.
        blocks: usize,
    },
    /// The cookie names another base image.
    CookieBase {
        /// The one it names.
        #[serde(rename = "expected_base_lsn")]
        expected: Lsn,
        /// The one there is.
        #[serde(rename = "found_base_lsn")]
        found: Lsn,
    },
    /// A delta that stands on another base image.
    DeltaBase {
        /// LSN of the delta.
        #[serde(rename = "delta_lsn")]
        delta: Lsn,
        /// LSN of the chain's base image.
        #[serde(rename = "expected_base_lsn")]
        expected: Lsn,
        /// The one that the delta names.
        #[serde(rename = "found_base_lsn")]
        found: Lsn,
    },
    /// A delta that follows another block.
    DeltaBacklink {
        /// LSN of the delta.
        #[serde(rename = "delta_lsn")]
        delta: Lsn,
        /// LSN of the block before it.
        #[serde(rename = "expected_backlink_lsn")]
        expected: Lsn,
        /// The one that the delta names.
        #[serde(rename = "found_backlink_lsn")]
        found: Lsn,
    },
    /// A full image that names a base.
    ImageBase {
        /// LSN of the image.
        #[serde(rename = "image_lsn")]
        image: Lsn,
        /// LSN of the base that it names.
        #[serde(rename = "found_base_lsn")]
        found: Lsn,
    },
    /// A full image that follows one that is not older.
    ImageBacklink {
        /// LSN of the image.
        #[serde(rename = "image_lsn")]
        image: Lsn,
        /// LSN of the block that it names as the one before.
        #[serde(rename = "found_backlink_lsn")]
        found: Lsn,
    },
    /// Too many deltas.
    Deltas {
        /// How many.
        #[serde(rename = "found_deltas")]
        found: usize,
    },
    /// The size in the cookie is not that of the chain.
    Size {
        /// In the cookie.
        #[serde(rename = "expected_bytes")]
        cookie: u32,
        /// Of the chain.
        #[serde(rename = "chain_bytes")]
        chain: u64,
        /// Of its newest block alone.
        #[serde(rename = "newest_block_bytes")]
        newest: u64,
    },
    /// The checksum in a block's header is not the one that its reference expects.
    HeaderSum {
        /// By the reference.
        #[serde(rename = "expected_checksum")]
        expected: u32,
        /// In the header.
        #[serde(rename = "stored_checksum")]
        stored: u32,
        /// Of the bytes.
        #[serde(rename = "computed_checksum")]
        computed: u32,
    },
    /// A modified image that replaces another block than the one its reference means.
    ModifiedSum {
        /// By the reference.
        #[serde(rename = "expected_checksum")]
        expected: u32,
        /// The checksum that its header says it replaces.
        #[serde(rename = "replaced_checksum")]
        replaced: u32,
    },
    /// The bytes of a block do not add up to the checksum in its header.
    ComputedSum {
        /// In the header.
        #[serde(rename = "expected_checksum")]
        expected: u32,
        /// Of the bytes.
        #[serde(rename = "computed_checksum")]
        computed: u32,
        /// What the header says of the kind of block, if that is wrong.
        #[serde(rename = "header_error")]
        kind: Option<FormatError>,
        /// Byte of the block and bit that explain it alone.
        flipped: Option<(usize, u8)>,
    },
    /// Bytes that cannot be decoded. What they should be follows from the kind of the fault.
    Format {
        /// Why.
        error: FormatError,
    },
    /// Bytes that the store could not deliver, in the words of the system or the library.
    NotDelivered {
        /// Those words.
        error: String,
    },
    /// A page that is not older than its parent.
    NotBelowParent {
        /// The parent.
        #[serde(rename = "parent_page_id")]
        parent: PageId,
        /// Its LSN.
        #[serde(rename = "parent_lsn")]
        lsn: Lsn,
    },
    /// A root that is not older than the turtle page leading to it.
    NotBelowTurtle {
        /// LSN of the turtle page.
        #[serde(rename = "metadata_lsn")]
        metadata: Lsn,
    },
    /// A tree of more levels than are walked.
    Levels {
        /// How many are walked.
        most: usize,
    },
    /// A reference to a page above.
    Upward {
        /// The reference.
        #[serde(serialize_with = "as_text")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        cookie: Cookie,
    },
    /// A page with several parents.
    References {
        /// The parents; the same one stands here as often as it refers to the page.
        #[serde(rename = "parent_page_ids")]
        parents: Vec<PageId>,
    },
    /// A page id that cannot be.
    PageId {
        /// `next_page_id` of the tree, if known.
        #[serde(rename = "next_page_id")]
        next: Option<PageId>,
    },
    /// A first key below the separator of its page.
    BelowSeparator,
    /// A last key that is not below the next separator.
    NotBelowNext,
    /// A page of another type than its address says.
    PageType {
        /// By the address.
        #[serde(rename = "expected_type")]
        wanted: Wanted,
        /// What is there.
        #[serde(rename = "found_type")]
        found: PageType,
    },
    /// A rule of pages.
    Rule {
        /// Which, where, how.
        broken: Broken,
        /// In which block.
        block: Block,
    },
    /// An overflow item in the shared metadata.
    MetadataOverflow,
    /// Not even a header.
    NoPage,
}

fn as_text<S: serde::Serializer>(value: &Cookie, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

/// What else there is to say of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "PageFaultNote"))]
pub enum Note {
    /// The checksum holds all the same.
    ChecksumHolds,
    /// It is about an address cell of the page.
    InAddressCell,
    /// The page was truncated, or lies below one that was.
    BelowDeleted,
    /// Another broken rule of its kind.
    Also {
        /// Which, where, how.
        broken: Broken,
        /// In which block.
        block: Block,
    },
    /// So many more broken rules of the page.
    MoreRules(u64),
}

/// One violation, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "PageFault"))]
pub struct Fault {
    /// The rule.
    pub kind: FaultKind,
    /// Table id.
    #[serde(skip)]
    pub table: TableId,
    /// Page id.
    #[serde(skip)]
    pub page: PageId,
    /// LSN of the block or page version concerned.
    #[serde(skip)]
    pub lsn: Lsn,
    /// What is wrong.
    #[serde(flatten)]
    pub fact: Fact,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The damage is known to the bit, and the content was read with it put right in memory.
    pub recovered: bool,
    /// Of [`FaultKind::Unread`]: the name of the file in the page log, and what the system said.
    #[serde(skip)]
    pub unread: Option<(String, Unchecked)>,
}

impl Fault {
    /// A fault at a page version.
    pub fn new(kind: FaultKind, Version { table, page, lsn }: Version, fact: Fact) -> Self {
        Self { kind, table, page, lsn, fact, notes: Vec::new(), recovered: false, unread: None }
    }

    /// The page was truncated, or lies below one that was.
    pub fn is_below_deleted(&self) -> bool {
        self.notes.iter().any(|note| matches!(note, Note::BelowDeleted))
    }

    /// Add a note.
    pub fn with(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// Where it is.
    pub fn place(&self) -> Version {
        Version::new(self.table, self.page, self.lsn)
    }
}
