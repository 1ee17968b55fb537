//! What a finding about a home of local block files states, as fields.

use crate::audit::minus;
use crate::format::FormatError;
use crate::format::local::LocalAddress;
use crate::format::page_header::PageType;
use crate::format::wtlog::LogLsn;
use crate::home::directory::NewerCheckpoint;
use crate::home::fault::Fault;
use crate::home::fault::Opaque;
use crate::home::space::Overlap;
use crate::home::wtlog;
use serde::Serialize;
use std::collections::BTreeMap;

/// A finding: what it states, why, and what else supports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct HomeDetail {
    /// What it states.
    #[serde(flatten)]
    pub fact: Fact,
    /// The probable cause, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What else supports it.
    // A fault has notes of its own.
    #[serde(rename = "context", skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

impl HomeDetail {
    /// A fact alone.
    pub fn of(fact: Fact) -> Self {
        Self { fact, cause: None, notes: Vec::new() }
    }
}

/// Which file is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// One that a row of the metadata names.
    Listed,
    /// The metadata, where the turtle leads to it.
    MetadataOfTurtle,
    /// The metadata.
    Metadata,
    /// The version file.
    Version,
    /// The history store, of which there is no row either.
    HistoryStore,
}

/// What a description block is instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Descriptor {
    /// Bytes behind it that are not zero.
    Tail,
    /// That of another allocation size.
    Of(u32),
    /// None.
    Invalid(FormatError),
}

/// A valid block at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct BlockThere {
    /// Its bytes.
    #[serde(rename = "bytes")]
    pub size: u32,
    /// Its page type, if known.
    #[serde(rename = "page_type")]
    pub kind: Option<PageType>,
    /// Its write generation.
    pub write_gen: u64,
}

/// Where the checkpoint comes from that is compared with the copy in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The turtle.
    Turtle,
    /// The metadata.
    Metadata,
}

/// A block that a checkpoint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Named {
    /// Its root.
    Root,
    /// The alloc list.
    Alloc,
    /// The discard list.
    Discard,
}

/// A number of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Number {
    /// Bytes of the file.
    FileSize,
    /// Bytes of the blocks below the root.
    CheckpointSize,
    /// Generation.
    Generation,
}

/// What differs between a checkpoint and its copy in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Difference {
    /// A block.
    Block {
        /// Which.
        which: Named,
        /// As the metadata has it.
        stated: Option<LocalAddress>,
        /// As the file has it.
        own: Option<LocalAddress>,
    },
    /// A number.
    Number {
        /// Which.
        which: Number,
        /// As the metadata has it.
        stated: u64,
        /// As the file has it.
        own: u64,
    },
    /// The list of checkpoints, by name.
    List {
        /// As the metadata has it.
        stated: Vec<String>,
        /// As the file has it.
        own: Vec<String>,
    },
}

/// The sizes of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Sizes {
    /// Its name.
    pub checkpoint: String,
    /// `size=`.
    #[serde(rename = "published_bytes")]
    pub published: u64,
    /// In the cookie: without the root.
    #[serde(rename = "cookie_bytes")]
    pub in_cookie: u64,
    /// Bytes of the root; `None`: there is no root.
    #[serde(rename = "root_bytes")]
    pub root: Option<u64>,
    /// Bytes of all blocks, the root included.
    #[serde(rename = "recomputed_bytes")]
    pub recomputed: u64,
    /// Blocks.
    pub blocks: u64,
    /// All blocks were found.
    pub complete: bool,
    /// Bytes of the file at the checkpoint.
    #[serde(rename = "file_bytes")]
    pub file_size: u64,
    /// Published minus recomputed, where all blocks were found.
    pub difference: Option<i64>,
    /// The cookie's minus that of the blocks below the root, where all were found.
    pub cookie_difference: Option<i64>,
}

impl Sizes {
    /// Take the differences.
    pub fn compared(mut self) -> Self {
        self.difference = self.complete.then(|| minus(self.published, self.recomputed));
        self.cookie_difference = self.complete.then(|| minus(self.in_cookie, self.below_root()));
        self
    }

    /// Bytes of all blocks but the root.
    pub fn below_root(&self) -> u64 {
        self.recomputed.saturating_sub(self.root.unwrap_or(0))
    }
}

/// What a finding states. Offsets are bytes in the file, ranges end with the byte behind the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "HomeFact"))]
pub enum Fact {
    /// The description block.
    Descriptor {
        /// The allocation size it should be for.
        #[serde(rename = "allocation_size")]
        alloc: u32,
        /// What it is.
        found: Descriptor,
    },
    /// The sizes of a checkpoint are not what its blocks add up to.
    Sizes(Sizes),
    /// A range booked twice.
    Overlap {
        /// Of what.
        of: Overlap,
    },
    /// A range that nothing owns.
    Lost {
        /// First byte.
        start: u64,
        /// Behind the last.
        end: u64,
        /// What lies there.
        block: Option<BlockThere>,
    },
    /// The file has another size than its newest checkpoint says.
    FileSize {
        /// Stated.
        #[serde(rename = "expected_bytes")]
        stated: u64,
        /// There.
        #[serde(rename = "found_bytes")]
        physical: u64,
        /// There minus stated.
        difference: i64,
        /// Pages or lists of the checkpoint lead behind the stated end.
        needed: bool,
    },
    /// The metadata's checkpoint is not the one of the copy in the file.
    Copy {
        /// Where the other comes from.
        #[serde(rename = "compared_with")]
        by: By,
        /// What differs; at least one.
        differences: Vec<Difference>,
    },
    /// The file holds another file's content.
    Foreign(Foreign),
    /// Content that cannot be looked into.
    Opaque {
        /// Why.
        #[serde(rename = "reason")]
        why: Opaque,
        /// Blocks of the newest checkpoint that were verified.
        #[serde(rename = "verified_blocks")]
        blocks: u64,
    },
    /// A file that is not there.
    Missing {
        /// Which.
        what: Missing,
    },
    /// The turtle is not there.
    NoTurtle {
        /// The format's own words.
        #[serde(rename = "error")]
        message: String,
    },
    /// The turtle is of no use.
    Turtle {
        /// The format's own words.
        #[serde(rename = "error")]
        message: String,
    },
    /// The turtle's cookie leads nowhere.
    StaleTurtle {
        /// Its cookie, hex.
        cookie: String,
        /// The copy's.
        copy: String,
    },
    /// A row of the metadata.
    Row {
        /// Why it is of no use.
        #[serde(rename = "error")]
        message: String,
    },
    /// Files of one id.
    SameId {
        /// Their URIs.
        uris: Vec<String>,
    },
    /// A row of the metadata names a file that has no row.
    Source {
        /// The file.
        #[serde(rename = "uri")]
        source: String,
    },
    /// A file that the engine reads when it opens the home.
    Text {
        /// What is wrong.
        #[serde(rename = "error")]
        message: String,
    },
    /// The turtle's settings of the metadata file are not those of the file's own copy.
    TurtleDiffers {
        /// Which.
        keys: Vec<String>,
    },
    /// The turtle is there under the name it is written under.
    TurtleSet,
    /// A table whose column group has no row.
    ColumnGroup {
        /// The row that is missing.
        #[serde(rename = "uri")]
        missing: String,
    },
    /// A metadata file that was put aside.
    SetAside {
        /// Its rows.
        rows: u64,
        /// Rows whose files are here, and that the metadata lacks.
        lost: u64,
    },
    /// An ident of MongoDB's catalog that the metadata does not have.
    Ident {
        /// The ident.
        ident: String,
        /// Its file lies in the directory.
        file: bool,
    },
    /// Tables of MongoDB that its catalog does not name.
    Unclaimed {
        /// Their idents.
        idents: Vec<String>,
    },
    /// Counts that should be equal.
    Counts {
        /// What is compared with the rows.
        of: Counted,
        /// What it says.
        stated: i64,
        /// Rows of the collection.
        rows: u64,
    },
    /// Records of the history store of files that are not there.
    HistoryUnowned {
        /// Records by file id.
        ids: BTreeMap<u32, u64>,
    },
    /// A block file that no row names.
    Unlisted {
        /// Its bytes.
        bytes: u64,
        /// The record of the log that creates its row.
        #[serde(rename = "log_record")]
        logged: Option<LogLsn>,
    },
    /// The log.
    Log(wtlog::What),
    /// Commits that recovery would replay.
    Recovery {
        /// The last checkpoint, if there is one.
        #[serde(rename = "checkpoint_lsn")]
        checkpoint: Option<LogLsn>,
        /// How many.
        commits: u64,
        /// No file has a row in its newest checkpoint: all there is is in the log.
        all_in_log: bool,
        /// Files of which the log has a newer checkpoint than the metadata.
        #[serde(rename = "newer_checkpoints", skip_serializing_if = "Vec::is_empty")]
        newer: Vec<NewerCheckpoint>,
    },
    /// A fault of a block, told as the fault itself.
    #[serde(untagged)]
    Fault(Fault),
}

/// A file that holds another one's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Foreign {
    /// The file id of what is in it.
    #[serde(rename = "file_id")]
    pub id: u64,
    /// Whose that is.
    pub owner: Option<String>,
    /// The id it should have.
    #[serde(rename = "expected_file_id")]
    pub wanted: u64,
}

/// Why, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// Two blocks lie at each other's place.
    Exchanged {
        /// The other one's offset.
        with: u64,
    },
    /// The block belongs elsewhere.
    BelongsAt {
        /// There.
        offset: u64,
    },
    /// The page above is damaged itself.
    ParentDamaged {
        /// Its offset.
        parent: u64,
    },
    /// Several pages do not fit their separators in one page.
    SeveralUnfit {
        /// Its offset.
        parent: u64,
    },
    /// The file is longer than the newest checkpoint states.
    FileLonger,
    /// Another block is referred to in its place.
    InsteadTwice {
        /// Its offset.
        twice: u64,
    },
    /// A cookie names the root of an older checkpoint.
    SameRoot {
        /// Whose cookie.
        later: String,
        /// Whose root.
        older: String,
    },
    /// The file is another one.
    Foreign(Foreign),
    /// The file is empty.
    EmptyFile,
    /// The description block is zero.
    ZeroDescriptor,
    /// The sizes are those of the lists.
    SizesOfLists,
    /// The stated size may be too small.
    StatedTooSmall,
    /// Written before the first checkpoint.
    WrittenBefore,
    /// Written after the last checkpoint.
    WrittenAfter,
    /// No block begins behind the end.
    NoBlockBehind,
    /// The turtle is of another time.
    OtherTime,
    /// The row may be in a part of the log that is damaged.
    InDamagedLog,
    /// The row may be in a part of the log that could not be read.
    InUnreadLog,
    /// The row is in the log.
    RowInLog,
    /// MongoDB's catalog names the file.
    InCatalog,
    /// The metadata has no table at all, and this file holds one.
    MetadataEmpty,
    /// A metadata file that was put aside names the file.
    MetadataPutAside,
    /// What is missing is free in the newest checkpoint.
    TailFree,
}

/// What a number of rows is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// MongoDB's stored count.
    Stored,
    /// The entries of the index on `_id`.
    IdIndex,
}

/// What else supports a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "HomeNote"))]
pub enum Note {
    /// Pages that refer to the block.
    Parents {
        /// By a reference that is one too many.
        twice: bool,
        /// Their offsets.
        offsets: Vec<u64>,
    },
    /// Every checkpoint needs the block.
    NeededByAll,
    /// These checkpoints need it.
    NeededBy(Vec<String>),
    /// So many more findings of the code in the file.
    MoreOfCode(usize),
    /// So many more blocks are not in this file.
    MoreNotHere(usize),
    /// Blocks that checkpoints need lie behind the file's end.
    BehindEnd {
        /// How many.
        blocks: u64,
        /// Of so many bytes.
        bytes: u64,
    },
    /// The newest copy of a checkpoint that is left in the file.
    NewestCopy {
        /// Its generation.
        generation: u64,
        /// That of the metadata's.
        stated: u64,
    },
}
