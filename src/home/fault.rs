//! What can be wrong with a block of a local file, found by walking; `audit` turns faults into findings.
//! Facts only: the words for them are in `words/home_block.rs`.

use super::lost::LostRows;
use crate::coverage::Unchecked;
use crate::format::FormatError;
use crate::format::local::{Extent, LocalAddress};
use crate::format::page_header::PageType;
use crate::page::rules::Broken;
use crate::page::what::What;
use serde::Serialize;

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "BlockFaultKind"))]
pub enum FaultKind {
    /// A checksum does not hold.
    Checksum,
    /// A header or list breaks a rule although its checksum holds.
    Header,
    /// The content cannot be decoded.
    Undecodable,
    /// Keys do not ascend, in a page or between pages.
    KeyOrder,
    /// An address or extent beyond the end the checkpoint states.
    BeyondEnd,
    /// Within the checkpoint's file, beyond the end of the file that is there.
    BeyondPhysical,
    /// A block in use that the allocation lists do not have.
    Unallocated,
    /// The same block twice in one tree.
    ReferencedTwice,
    /// An address cookie that cannot be decoded.
    Cookie,
    /// The medium does not give the bytes.
    Unreadable,
    /// Content cannot be read without the key. No fault of the block.
    Encrypted,
    /// Compressed by an unknown compressor. No fault of the block.
    UnknownCompressor,
}

/// Why content cannot be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Opaque {
    /// The key is needed.
    Encrypted,
    /// The compressor is unknown.
    UnknownCompressor,
    /// Keys or values are Huffman codes, which engines up to 3.2 could write.
    Huffman,
}

impl From<Opaque> for Unchecked {
    fn from(why: Opaque) -> Self {
        match why {
            Opaque::Huffman => Self::Huffman,
            Opaque::Encrypted => Self::Encrypted,
            Opaque::UnknownCompressor => Self::UnknownCompressor,
        }
    }
}

/// Why a checksum does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum BadSum {
    /// So few bytes hold no block header.
    Short {
        /// So many.
        #[serde(rename = "found_bytes")]
        bytes: usize,
    },
    /// The whole block is zero.
    Zeros,
    /// The header has another checksum, and the bytes add up to the one that is expected.
    FieldOnly {
        /// In the header.
        #[serde(rename = "stored_checksum")]
        stored: u32,
    },
    /// The header has another checksum, which holds: another block.
    OtherBlock {
        /// In the header.
        #[serde(rename = "stored_checksum")]
        stored: u32,
        /// Its page type, if known.
        #[serde(rename = "page_type")]
        kind: Option<PageType>,
        /// Its write generation.
        write_gen: u64,
    },
    /// The header has another checksum, and that does not hold either.
    NeitherHolds {
        /// In the header.
        #[serde(rename = "stored_checksum")]
        stored: u32,
        /// Of the bytes.
        #[serde(rename = "computed_checksum")]
        computed: u32,
    },
    /// The header has the right checksum, the bytes have another.
    Content {
        /// Of the bytes.
        #[serde(rename = "computed_checksum")]
        computed: u32,
        /// `disk_size` of the header, where it is not the cookie's size.
        disk_size: Option<u32>,
        /// Byte of the block and bit that explain it alone.
        flipped: Option<(usize, u8)>,
    },
}

/// One of the extent lists of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Allocated since the checkpoint before.
    Alloc,
    /// Free for new writes.
    Avail,
    /// Freed since the checkpoint before.
    Discard,
}

impl Which {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alloc => "alloc",
            Self::Avail => "avail",
            Self::Discard => "discard",
        }
    }
}

/// What is wrong. Offsets are bytes in the file, ranges end with the byte behind the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "BlockFaultFact"))]
pub enum Fact {
    /// The file ends before the block does.
    FileEnds {
        /// Bytes that are needed.
        #[serde(rename = "expected_bytes")]
        needed: u64,
        /// Bytes there are.
        #[serde(rename = "found_bytes")]
        len: u64,
    },
    /// The bytes could not be had.
    Unread,
    /// A checksum.
    Checksum {
        /// What the cookie says.
        #[serde(rename = "expected_checksum")]
        expected: u32,
        /// What is there.
        #[serde(flatten)]
        found: BadSum,
    },
    /// Where only blocks should lie end to end, a header states a size that cannot be.
    NoBlock {
        /// The size it states.
        #[serde(rename = "stated_bytes")]
        stated: u32,
    },
    /// A rule of pages.
    Rule {
        /// Which, where, how.
        broken: Broken,
        /// Its offset is one in the block as it is stored.
        #[serde(rename = "in_stored_block")]
        plain: bool,
    },
    /// A page of another type.
    PageType {
        /// What belongs there; `None`: any leaf.
        #[serde(rename = "expected_type")]
        wanted: Option<PageType>,
        /// What is there.
        #[serde(rename = "found_type")]
        found: PageType,
    },
    /// A page that is not older than the page above it.
    Generation {
        /// Its own write generation.
        #[serde(rename = "write_gen")]
        own: u64,
        /// The parent's.
        #[serde(rename = "parent_write_gen")]
        parent: u64,
    },
    /// An internal page that is older than several of its children.
    OlderThanChildren {
        /// How many.
        children: u64,
    },
    /// Flags that a page of this file cannot have.
    Alien {
        /// Which.
        why: Opaque,
    },
    /// The content cannot be decoded.
    Undecodable {
        /// It should be an overflow item.
        #[serde(rename = "overflow_item")]
        item: bool,
        /// Why.
        error: FormatError,
    },
    /// An overflow item on a page whose address cell says that it has none.
    UnannouncedItem {
        /// Where the item is.
        #[serde(rename = "item_offset")]
        at: u64,
    },
    /// A tree of more levels than are walked.
    Levels {
        /// How many are walked.
        most: usize,
    },
    /// A second reference.
    Twice {
        /// To the root.
        root: bool,
    },
    /// A checkpoint cookie that cannot be decoded.
    CheckpointCookie {
        /// Why.
        error: FormatError,
        /// Its bytes.
        #[serde(rename = "cookie", with = "hex")]
        #[cfg_attr(feature = "devtools", schemars(with = "String"))]
        addr: Vec<u8>,
    },
    /// Ranges allocated that were allocated already.
    AllocatedTwice {
        /// How many bytes.
        bytes: u64,
        /// Of this extent.
        extent: Extent,
    },
    /// Ranges discarded that were not allocated.
    NeverAllocated {
        /// How many bytes.
        bytes: u64,
    },
    /// A root that no alloc list has.
    RootUnlisted,
    /// The block of a list lies behind the end of the newest checkpoint.
    ListBeyond {
        /// That end.
        bound: u64,
        /// The block.
        start: u64,
        /// Behind it.
        end: u64,
    },
    /// The block of a list is of another type.
    NoList {
        /// Its type, 0 if it has no header.
        #[serde(rename = "found_type_byte")]
        type_byte: u8,
    },
    /// A list that cannot be decoded.
    List {
        /// Why.
        error: FormatError,
    },
    /// A list whose `mem_size` is not its size.
    ListSize {
        /// Its size.
        #[serde(rename = "expected_bytes")]
        wanted: usize,
        /// The header's.
        #[serde(rename = "found_bytes")]
        found: u32,
    },
    /// Recovery data behind a list that cannot be decoded.
    Recovery {
        /// Why.
        error: FormatError,
    },
    /// A list out of order.
    ListOrder {
        /// Two ascending runs are allowed.
        avail: bool,
        /// The extent that does not ascend.
        #[serde(rename = "extent")]
        at: Extent,
        /// The one before it.
        previous: Extent,
    },
    /// An extent behind the end of its checkpoint.
    ExtentBeyond {
        /// That end.
        bound: u64,
        /// The extent.
        start: u64,
        /// Behind it.
        end: u64,
    },
    /// In the tree, on no alloc list.
    TreeUnlisted {
        /// First byte.
        start: u64,
        /// Behind the last.
        end: u64,
    },
    /// On an alloc list, and not in the tree.
    Unreached {
        /// First byte.
        start: u64,
        /// Behind the last.
        end: u64,
    },
}

impl Fact {
    /// A page beyond the separators around it.
    pub fn is_unfit(&self) -> bool {
        matches!(self, Self::Rule { broken: Broken { what: What::BelowSeparator | What::NotBelowNext, .. }, .. })
    }

    /// Whether two facts of one kind about one block ask for the same thing, so that one fault tells both.
    fn asks_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rule { .. }, Self::Rule { .. }) | (Self::Twice { .. }, Self::Twice { .. }) => true,
            (Self::Checksum { expected: a, .. }, Self::Checksum { expected: b, .. }) => a == b,
            _ => self == other,
        }
    }
}

/// What else there is to say of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "BlockFaultNote"))]
pub enum Note {
    /// It is about the block of this list.
    BlockOf(Which),
    /// Another thing of its kind that is wrong with the block.
    Also(Box<Fault>),
    /// So many more broken rules of the page.
    MoreRules(u64),
    /// The page is of another type than belongs there.
    InPlaceOf {
        /// What belongs there; `None`: any leaf.
        wanted: Option<PageType>,
        /// What is there.
        found: PageType,
    },
    /// Sound blocks of the tree lie in the same range.
    SoundBlocksThere,
    /// The rows that are lost with it.
    LostRows(LostRows),
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "devtools", schemars(rename = "BlockFault"))]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// First byte of the block in its file.
    pub offset: u64,
    /// Bytes of the block; 0 if not known.
    pub size: u32,
    /// What is wrong.
    #[serde(flatten)]
    pub fact: Fact,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Offset of the page that refers to the block, where known.
    #[serde(rename = "parent_offset")]
    pub parent: Option<u64>,
    /// The walk could go on as if the block were whole.
    pub mended: bool,
}

impl Fault {
    /// A fault of the block at an address.
    pub fn at(kind: FaultKind, address: &LocalAddress, fact: Fact) -> Self {
        Self::new(kind, address.offset, address.size, fact)
    }

    /// A fault at an offset.
    pub fn new(kind: FaultKind, offset: u64, size: u32, fact: Fact) -> Self {
        Self { kind, offset, size, fact, notes: Vec::new(), parent: None, mended: false }
    }

    /// Say more.
    pub fn with(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// Say which page refers to the block.
    pub fn below(mut self, parent: &LocalAddress) -> Self {
        if parent.offset != self.offset {
            self.parent = Some(parent.offset);
        }
        self
    }

    /// The same fault, reached through whatever page.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.offset, self.size) == (other.kind, other.offset, other.size)
            && self.fact == other.fact
            && self.notes == other.notes
    }

    /// Say that the walk went on as if the block were whole.
    pub fn mended(mut self) -> Self {
        self.mended = true;
        self
    }
}

/// Make one fault of those from `before` on that are of one kind and block and ask for the same thing.
pub(super) fn fold(faults: &mut Vec<Fault>, before: usize) {
    let new = faults.split_off(before.min(faults.len()));
    for fault in new {
        match faults.iter_mut().skip(before).find(|f| (f.kind, f.offset) == (fault.kind, fault.offset)) {
            Some(first) if first.fact.asks_as(&fault.fact) => first.notes.push(Note::Also(Box::new(fault))),
            _ => faults.push(fault),
        }
    }
}
