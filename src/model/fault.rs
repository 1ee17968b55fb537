//! The one list of what can be wrong with a store: the name, what is done, and what the audit says of it.
//! The forge makes all but what is done to files, a scenario of `simulate` those of reconciliations, and
//! `damage` does to a copy of any store what alters blocks and files.
//!
//! Another fault is another line of the list; whoever makes faults goes by the [`Deed`].

use super::account::{Account, Entry};
use crate::format::cookie::Cookie;
use crate::id::PageId;
use Deed::{Addressed, Ages, Discards, Fails, Late, Lists, Puts, Repeats, Reuses, Rotates, Table, Totals, Truncates};
use serde::{Deserialize, Serialize};

/// As what a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A full image, under its page id if it has one.
    Full,
    /// A delta on its chain; a full image if there is none to add to.
    Delta,
    /// Two full images under fresh page ids.
    Split,
}

/// Where a reconciliation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fail {
    /// Nowhere.
    #[default]
    None,
    /// The put itself: the page log has nothing.
    Put,
    /// Behind the put, before the cookie is packed: nobody knows the block.
    AfterPut,
    /// Behind the packing: the error path discards the block.
    AfterPack,
}

/// What is put, or lies in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A leaf's newest block.
    Leaf,
    /// The full image below a leaf's deltas.
    Base,
    Internal,
    /// A page of the shared metadata.
    Metadata,
    /// The turtle page; the turtle file of a local home.
    Turtle,
    /// The completion record.
    Completion,
    /// The largest file of pages.
    File,
}

/// Alters bytes; whether they are put at all.
pub type Alter = fn(&mut Vec<u8>) -> bool;

/// What becomes of a table at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Dropped, and its size taken off the database's once more.
    DroppedTwice,
    /// Dropped and created again under a new id; the metadata has the new table, and not its stable file.
    Unpublished,
    /// Dropped; the metadata has the table again, and not its stable file.
    Resurrected,
}

/// What is done, and where on the write path.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    /// A leaf's reconciliation fails.
    Fails(Form, Fail),
    /// Something is altered on its way into the log, or lies altered in the store.
    Puts(Role, Alter),
    /// A parent has another address for a leaf; given the leaf's own and that of its neighbour.
    Addressed(fn(&mut Cookie, &Cookie)),
    /// A leaf in use is discarded.
    Discards,
    /// A leaf's parent has it as truncated, and the leaf is discarded before the checkpoint is complete.
    Truncates,
    /// A leaf is freed, and its page id used again.
    Reuses,
    /// Something becomes of the whole table.
    Table(Fate),
    /// A total is off; given the bytes of the root that was replaced.
    Totals(fn(&mut Account, u64)),
    /// The metadata says something else of a tree.
    Lists(fn(&mut Entry)),
    /// A key page is committed after the checkpoint chose its key, and before it completes.
    Rotates,
    /// No key page follows the first, and the last checkpoint is a hundred days younger than it.
    Ages,
    /// The checkpoint has the number of the one before.
    Repeats,
    /// A leaf is written after the last checkpoint.
    Late,
}

impl Deed {
    /// Whether it is done to a leaf.
    pub fn is_of_leaf(&self) -> bool {
        matches!(self, Fails(..) | Puts(Role::Leaf | Role::Base, _) | Addressed(_) | Discards | Truncates | Reuses)
    }

    /// Whether it is done to an internal page above leaves.
    pub fn is_of_parent(&self) -> bool {
        matches!(self, Puts(Role::Internal, _))
    }

    /// Whether it is done to what a checkpoint publishes, and once.
    pub fn is_of_checkpoint(&self) -> bool {
        matches!(self, Puts(Role::Metadata | Role::Turtle | Role::Completion, _) | Rotates | Ages | Repeats)
    }

    /// Whether only sizes and keys tell of it, which the first generations do not keep.
    pub fn needs_sizes(&self) -> bool {
        matches!(self, Fails(_, Fail::AfterPack) | Totals(_) | Rotates | Ages | Table(_))
    }
}

/// A line of the list.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub deed: Deed,
    /// Codes of findings, or classes of rows, in a page log; at least one comes of it. None: it need not show.
    pub codes: &'static [&'static str],
    /// Codes in a home of block files; none: it cannot be done there.
    pub home: &'static [&'static str],
}

macro_rules! faults {
    ($($(#[$meta:meta])+ $fault:ident $deed:expr, [$($code:literal)*] [$($home:literal)*];)+) => {
        /// A fault; each leaves something in a store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
        #[serde(rename_all = "kebab-case")]
        pub enum Fault { $($(#[$meta])+ $fault,)+ }

        impl Fault {
            /// Its line in the list.
            pub fn row(self) -> Row {
                match self {
                    $(Self::$fault => Row { deed: $deed, codes: &[$($code),*], home: &[$($home),*] },)+
                }
            }
        }
    };
}

// Name, deed, what the audit says of a page log, and of a home of block files.
faults! {
    /// Second halves of splits, under page ids that no tree names; counted
    OrphanPage Fails(Form::Split, Fail::AfterPut), ["orphan-page"] [];
    /// Images above pages in use; counted
    OrphanImage Fails(Form::Full, Fail::AfterPut), ["orphan-image"] [];
    /// Deltas of failed reconciliations above pages in use; counted
    DuplicateDelta Fails(Form::Delta, Fail::AfterPut), ["duplicate-delta"] [];
    /// A full image failed behind its packing, and the chain below it stays counted
    LostChain Fails(Form::Full, Fail::AfterPack), ["obsolete-chain-uncounted"] [];
    /// The last checkpoint's root was added to the total, and the one before not taken off
    DoubleRoot Totals(|total, root| total.wrote(root)), ["size-double-root"] [];
    /// 4,097 bytes were added to a total that no block has
    InflatedSize Totals(|total, _| total.wrote(4097)), ["size-inflated"] [];
    /// 4,096 bytes were taken off a total twice; a number says how often
    DeflatedSize Totals(|total, _| total.freed(4096)), ["size-deflated"] [];
    /// More was taken off a total than it had, and it was clamped to 0
    ClampedSize Totals(|total, _| total.freed(u64::MAX)), ["size-deflated"] [];
    /// A restart took the root's size off a total that never had it (root seeding); a number says how often
    SeededRoot Totals(|total, root| total.freed(root)), ["size-deflated"] [];
    /// Five restarts added the root's size to a total (root seeding)
    SeededRoots Totals(|total, root| (0..5).for_each(|_| total.wrote(root))), ["size-inflated"] [];
    /// A failed drop took a table's size off the database's twice (WT-18148)
    DropTwice Table(Fate::DroppedTwice), ["database-size-deflated"] [];
    /// A table that was dropped and created again is in the metadata, and its stable file is not (WT-18093)
    UnpublishedTable Table(Fate::Unpublished), ["missing-stable-file" "unlisted-table"] [];
    /// A table that was dropped is in the metadata again, and its stable file is not (WT-18093)
    ResurrectedTable Table(Fate::Resurrected), ["missing-stable-file"] [];
    /// A table that was created again wrote its pages under another id than its own (WT-18509)
    WrongTableId Lists(|entry| entry.moved = 8000), ["page-missing"] [];
    /// A truncated page is discarded before its checkpoint is complete (WT-17430)
    TruncatedChild Truncates, ["discarded-in-use"] [];
    /// A page id is used again after its discard record (WT-17130)
    ReusedPageId Reuses, ["page-id-reused"] [];
    /// The checkpoint has the number of the one before, and another root (WT-16494)
    RepeatedOrder Repeats, ["checkpoint-order"] [];
    /// One key for a hundred days (WT-17692)
    UnrotatedKey Ages, ["key-not-rotated"] [];
    /// The checkpoint embeds a key page that is not the newest: a rotation raced it
    StaleKeystore Rotates, ["stale-keystore"] [];
    /// Work that no checkpoint completed
    InFlight Late, ["after-newest-checkpoint"] [];
    /// A bit of a leaf is flipped
    FlipLeaf Puts(Role::Leaf, |data| flip(data)), ["page-checksum" "page-header"] ["block-checksum" "block-header"];
    /// A bit of an internal page is flipped
    FlipInternal Puts(Role::Internal, |data| flip(data)), ["page-checksum" "page-header"] ["block-checksum" "block-header"];
    /// A bit of a page of the shared metadata is flipped (page logs)
    FlipMetadata Puts(Role::Metadata, |data| flip(data)), ["page-checksum" "page-header"] [];
    /// A bit of the newest turtle page, or of the turtle file, is flipped
    FlipTurtle Puts(Role::Turtle, |data| flip(data)), ["turtle-checksum"] ["turtle-invalid" "metadata-invalid"];
    /// A leaf's newest block is cut in half (page logs)
    CutLeaf Puts(Role::Leaf, |data| cut(data, 1, 2)), ["page-checksum" "page-header"] [];
    /// The newest completion record is cut short (page logs)
    CutCompletion Puts(Role::Completion, |data| cut(data, 1, 9)), ["completion-invalid"] [];
    /// A leaf is filled with zeros
    ZeroLeaf Puts(Role::Leaf, |data| zero(data)), ["page-checksum" "page-header"] ["block-checksum" "block-header"];
    /// A leaf's newest block is not there (page logs)
    #[value(alias = "missing-leaf")]
    LoseLeaf Puts(Role::Leaf, lose), ["page-missing" "chain-broken"] [];
    /// The full image below deltas is not there (page logs)
    LoseBase Puts(Role::Base, lose), ["chain-broken" "page-missing"] [];
    /// The newest block of an internal page is not there (page logs)
    LoseInternal Puts(Role::Internal, lose), ["page-missing" "chain-broken"] [];
    /// The newest completion record is not there (page logs)
    LoseCompletion Puts(Role::Completion, lose), [] [];
    /// A discard record of a leaf in use
    DiscardInUse Discards, ["discarded-in-use"] [];
    /// A parent names one child twice, and another not at all
    DoubleReference Addressed(|own, next| *own = *next), ["page-referenced-twice"] [];
    /// A cookie's size is not what its blocks have
    CookieSize Addressed(|own, _| own.size += 100), ["cookie-size-mismatch"] [];
    /// The metadata's next page id is one that is used
    NextPageId Lists(|entry| entry.next_page = PageId(101)), ["page-id-out-of-range"] [];
    /// The largest file of pages is not there
    LoseFile Puts(Role::File, lose), ["store-damaged" "page-missing" "turtle-invalid"] ["file-missing"];
    /// The largest file of pages is cut to 60 percent
    CutFile Puts(Role::File, |data| cut(data, 3, 5)), ["store-damaged" "page-missing" "turtle-invalid"] ["file-size-mismatch"];
    /// 4,096 bytes of garbage follow the largest file of pages
    AppendGarbage Puts(Role::File, append), [] ["file-size-mismatch"];
}

impl Fault {
    /// Whether the forge makes it: its truth has to name what must be found.
    pub fn is_forged(self) -> bool {
        let Row { deed, codes, .. } = self.row();
        !matches!(deed, Puts(Role::File, _)) && !codes.is_empty()
    }

    /// Whether `damage` does it to a store that is there.
    pub fn is_injury(self) -> bool {
        matches!(self.row().deed, Puts(..))
    }
}

/// Behind the headers, where nothing but the checksum can tell.
fn flip(data: &mut [u8]) -> bool {
    let middle = data.len() / 2;
    data.iter_mut().skip(middle).take(1).for_each(|b| *b ^= 0x10);
    true
}

/// Leave `part` of `of` parts.
fn cut(data: &mut Vec<u8>, part: usize, of: usize) -> bool {
    data.truncate(data.len().saturating_mul(part) / of);
    true
}

fn zero(data: &mut [u8]) -> bool {
    data.fill(0);
    true
}

fn append(data: &mut Vec<u8>) -> bool {
    data.extend([0xa5; 4096]);
    true
}

fn lose(_: &mut Vec<u8>) -> bool {
    false
}
