//! The one finding type, and the catalogue of finding codes: severity, meaning, remedy. The codes are
//! API (`audit-json`): stable words, listed and documented here and shown by `wtcheck explain`.

use super::pagelog::fact::{Fact, TreeSize};
use crate::audit::home::detail::{self, HomeDetail, Sizes};
use crate::home::names::What;
use crate::id::{Lsn, PageId, TableId};
use serde::Serialize;

/// How bad a finding is. Notes never make a store unclean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing wrong.
    Note,
    /// Wrong or dangerous, but nothing is damaged.
    Warning,
    /// Damaged or wrong.
    Error,
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What `explain` says of a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeInfo {
    /// The stable word.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    pub title: &'static str,
    /// What it means, how it comes about, what follows.
    pub meaning: &'static str,
    pub remedy: &'static str,
    /// Upstream tickets behind it.
    pub tickets: &'static [&'static str],
}

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $tickets:expr, $title:literal, $meaning:literal, $remedy:literal;)+) => {
        /// Finding codes of audits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)+ }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What is known of the code.
            pub fn info(self) -> CodeInfo {
                match self {
                    $(Self::$variant => CodeInfo {
                        name: $name,
                        severity: Severity::$severity,
                        title: $title,
                        meaning: $meaning,
                        remedy: $remedy,
                        tickets: $tickets,
                    },)+
                }
            }
        }
    };
}

codes! {
    SizeInflated "size-inflated" Error &["WT-16660", "WT-17034", "WT-16864"],
        "a tree's published size exceeds what its pages add up to",
        "The checkpoint entry's size= is larger than the sum of the sizes in the address cookies of all pages reachable from the root, the root included (invariant I1). The running total was raised for blocks that no cookie reaches: it stays too high forever, every later checkpoint publishes it, and storage is billed and balanced by it. The finding's cause names the pattern in the page log that fits, and how many bytes remain unexplained.",
        "Nothing is lost. If the node is down: wtcheck repair plan DIR. On a running leader: verify with fix_btree_size=true, then a checkpoint. Upgrade to a build that counts past the point of no return.";
    SizeDeflated "size-deflated" Error &["WT-17898"],
        "a tree's published size is below what its pages add up to",
        "The running total was decremented more than once for the same block, or clamped to 0 after an underflow. Look for 'disaggregated block size underflow' in the log.",
        "Nothing is lost. If the node is down: wtcheck repair plan DIR. On a running leader: verify with fix_btree_size=true, then a checkpoint.";
    SizeIsRootPageId "size-is-root-page-id" Note &["WT-14610"],
        "size= holds the root's page id, as builds from autumn 2025 wrote it",
        "Builds before 2026-01-29 kept no byte total and wrote the root's page id into size=. In a store of a later generation such a tree has not been checkpointed since the upgrade; its size is unknown, not wrong.",
        "None needed: the next checkpoint of the tree writes a real size.";
    SizeDoubleRoot "size-double-root" Warning &["WT-16849"],
        "size= counts the root of one or more checkpoints twice",
        "Builds from 2026-01-29 to 2026-03-04 added the new root to the running total without subtracting the previous one. The excess equals the size of roots of this tree to the byte.",
        "Harmless apart from the number. Builds since 2026-03-04 do not add to it; fix_btree_size=true on a running leader removes it, or wtcheck repair plan DIR on a node that is down.";
    DatabaseSizeInflated "database-size-inflated" Error &["WT-17864", "WT-18293"],
        "database_size exceeds the sum of the trees plus the 1 MiB buffer",
        "The completion record's database_size is maintained by adding changes, not by summing; a drop that failed halfway, or a table recreated under the same name, leaves bytes behind (invariant I4). The finding names dropped tables whose size fits.",
        "If the node is down: wtcheck repair plan DIR. On a running leader: a checkpoint with \
        debug=(database_size_fix=true).";
    DatabaseSizeDeflated "database-size-deflated" Error &["WT-18399"],
        "database_size is below the sum of the trees plus the 1 MiB buffer",
        "Bytes were subtracted twice, or the total was clamped at 1 MiB (invariant I4).",
        "If the node is down: wtcheck repair plan DIR. On a running leader: a checkpoint with \
        debug=(database_size_fix=true).";
    OrphanPage "orphan-page" Error &["WT-16660"],
        "a page is live in the page log, but no checkpoint reaches it and nothing discards it",
        "The block was put into the page log, then packing its address cookie (or another step before the wrap-up) failed and reconciliation unwound without a panic. No cookie exists by which anything could read or discard the page: it stays forever, and bytes_total was already raised for it.",
        "The page holds no data that a reader could see. It needs a discard record, and the tree's size must be reduced by its length: wtcheck repair plan DIR.";
    OrphanImage "orphan-image" Error &["WT-16660"],
        "an image of a page in use that no cookie names and no discard covers",
        "Like orphan-page, but under a page id that is still referenced at another LSN. Reads are not affected, because they are bounded by the cookie's LSN.",
        "The image holds no data that a reader could see. The tree's size must be reduced by its length: wtcheck repair plan DIR.";
    ObsoleteChainUncounted "obsolete-chain-uncounted" Error &["WT-17034", "WT-16864"],
        "a chain was replaced by a full image that failed, and its bytes were never subtracted",
        "A full image was put over an existing chain, reconciliation failed, and the error path discarded the new image and abandoned the page id. The next reconciliation took a new id and never subtracted the old chain, so the tree's size is too high by the chain's length. In the page log: base, deltas, a full image, and a discard that names that full image, which no checkpoint ever referenced.",
        "The chain is already discarded; only the tree's size must be reduced: wtcheck repair plan DIR.";
    DuplicateDelta "duplicate-delta" Note &[],
        "a delta left over from a failed reconciliation, which is legal",
        "A delta was put, a later step failed, and the retry wrote something else. The row is unreachable and harmless; deltas are not counted twice.",
        "None needed.";
    PageMissing "page-missing" Error &[],
        "a page that is referenced is not in the page log",
        "The cookie names a page version for which the page log has no row. Everything below it is lost to this checkpoint.",
        "Look for an older checkpoint that does not need this version: wtcheck audit DIR --checkpoint LSN.";
    PageChecksum "page-checksum" Error &[],
        "a block's checksum does not match",
        "Either the checksum stored in the block header is not the one its reference expects (another block, or a damaged reference), or the bytes do not match it (damaged bytes). The engine panics when it reads such a page.",
        "Check whether an older checkpoint is intact: wtcheck audit DIR --checkpoint LSN; restore the page from a replica.";
    PageHeader "page-header" Error &[],
        "a page or block header breaks a rule although its checksum is valid",
        "Type, flags, sizes or magic are impossible. With a valid checksum this was written that way: suspect software, not the storage medium.",
        "Keep the store; look at the page with wtcheck page DIR TABLE PAGE.";
    PageUndecodable "page-undecodable" Error &[],
        "a page's content cannot be decoded",
        "Decompression fails, or cells do not follow the page rules: cell types, alternation, counts, or time windows, on their own or against the parent's.",
        "Keep the store; look at the page with wtcheck page DIR TABLE PAGE.";
    ChainBroken "chain-broken" Error &[],
        "the blocks of a page do not link into a chain",
        "A base image or a delta is missing, or a backlink, base LSN or delta flag disagrees with the rows in the page log. The engine refuses to read the page.",
        "See the rows with wtcheck page DIR TABLE PAGE; look for an older checkpoint that is intact.";
    ChainTooLong "chain-too-long" Error &[],
        "a page has more than 32 deltas",
        "The engine writes a full image after at most 32 deltas and refuses to read longer chains.",
        "Look at the page with wtcheck page DIR TABLE PAGE.";
    CookieSizeMismatch "cookie-size-mismatch" Error &[],
        "the size in a cookie is not the length of the page's blocks",
        "Neither the whole chain (since January 2026) nor its newest block (before) has the length the cookie names (invariant I2). Accounting built on the cookie is wrong.",
        "Look at the page with wtcheck page DIR TABLE PAGE.";
    CookieInvalid "cookie-invalid" Error &[],
        "an address cookie breaks the format's rules",
        "The cookie cannot be decoded, or its fields contradict each other. Everything below it is lost to this checkpoint.",
        "Decode it with wtcheck decode cookie HEX; look for an older checkpoint that is intact.";
    CookieUnsupported "cookie-unsupported" Error &[],
        "a cookie or block needs a newer reader",
        "Its writer states that readers of this version must not read it.",
        "Use a newer wtcheck.";
    ChildNewerThanParent "child-newer-than-parent" Error &[],
        "a child's LSN is not below its parent's",
        "Children are written before their parents. The reference is wrong, or LSNs were assigned twice.",
        "Look at both pages with wtcheck page DIR TABLE PAGE.";
    PageCycle "page-cycle" Error &[],
        "a page refers to a page above it",
        "A reader that follows the reference never finishes. The finding names the page that holds the reference.",
        "Look at the page with wtcheck page DIR TABLE PAGE.";
    PageReferencedTwice "page-referenced-twice" Error &[],
        "a page has two parents",
        "In local files also: two references to one block in one tree. The next change below one parent discards a page the other still needs. The evidence names the parents.",
        "Do not write to this store; restore from a replica.";
    PageIdOutOfRange "page-id-out-of-range" Error &[],
        "a page id is reserved or was never assigned",
        "Tree pages have ids from 100 to below the checkpoint's next_page_id (invariant I6).",
        "Look at the page with wtcheck page DIR TABLE PAGE.";
    KeyOutOfOrder "key-out-of-order" Error &[],
        "keys do not ascend, in a page or from page to page",
        "A search in the page can miss rows. With a valid checksum the page was written that way.",
        "Look at the page with wtcheck page DIR TABLE PAGE; restore the table from a replica.";
    PageIdReused "page-id-reused" Note &["WT-17130"],
        "pages in use have ids that were discarded earlier",
        "A page was freed, and a build from before 2026-04-09 reused its id: the new image names the old one as its predecessor. The chain is sound and reads are not affected. A page log that lists its live pages leaves such a page out, so the engine's own verify finds it both discarded and in use.",
        "None: rewriting the page does not change this, and its data is intact.";
    DiscardedInUse "discarded-in-use" Error &[],
        "a page in use has a discard record",
        "The page log may drop the page at any time, and a page log that already refuses to read it breaks the tree. As a note: the discard is above the root of its tree but not above the turtle page. Writes go on during a checkpoint, so this may be the next checkpoint's work, done after this tree's root was written, which is legal; or the page was discarded too early.",
        "Do not write to this store; restore from a replica.";
    TurtleChecksum "turtle-checksum" Error &[],
        "the turtle page does not have the checksum its completion record names",
        "Pick-up of this checkpoint fails with EIO 'Checkpoint metadata corruption detected'. The audit uses the newest checkpoint that can be read.",
        "Pick up the older checkpoint named in the report, or restore the page from a replica. As a last resort: wtcheck repair plan DIR --drop-completion LSN.";
    TurtleInvalid "turtle-invalid" Error &[],
        "the turtle cannot be parsed, or does not lead to the metadata",
        "Page log: pick-up of this checkpoint fails with EINVAL, and the audit uses the newest checkpoint that can be read. Local home: the engine refuses to open the directory; the audit continues from the copy of the newest checkpoint in WiredTiger.wt itself, and proposes a turtle.",
        "Page log: see the page with wtcheck decode turtle; pick up an older checkpoint. Local home: wtcheck repair plan DIR and repair apply write the proposed turtle, into a copy.";
    CompletionInvalid "completion-invalid" Error &[],
        "a completion record cannot be used",
        "Its text is not a valid record, or it names an impossible metadata LSN.",
        "Decode it with wtcheck decode completion; pick up an older checkpoint.";
    CompletionMissing "completion-missing" Error &[],
        "completion records are missing: all of them, or the newest",
        "No checkpoint was ever completed here, or the records are lost. Without one there is no tree to audit. As a warning: the store's counters name a last completed checkpoint that has no record. The audit uses the newest record there is; anything after it is lost to whoever opens this copy.",
        "If the text of a record is known from a log, see wtcheck decode completion.";
    CheckpointOrder "checkpoint-order" Note &["WT-16494"],
        "checkpoints of the shared metadata do not follow each other",
        "A checkpoint's number is not above that of the previous one, or the schema epoch went backwards: two leaders wrote to the page log, or one started from an older state. Builds since 2026-08-27 number checkpoints across all nodes.",
        "None for this store. Find out whether there were two leaders.";
    MetadataInvalid "metadata-invalid" Error &[],
        "a row of the metadata cannot be parsed, or names something that does not exist",
        "The row cannot be read, so the tree it describes cannot be audited.",
        "Keep the store; report the row.";
    DuplicateTreeId "duplicate-tree-id" Error &["WT-18201"],
        "two files share one tree id",
        "Pick-up panics: 'checkpoint pickup would leave btree ID N shared by ...'. In a local home the engine refuses to open the directory.",
        "Copy the data of both out first. Page log: wiredtiger_repair with fix=(id=(old,new)) gives a file a new id in the metadata only, and its data cannot be reached afterwards; so renumber the file that has no data under the id, or that can be restored. Do not drop either of them before that: a drop trims the pages of the other too (WT-18201).";
    MissingStableFile "missing-stable-file" Error &["WT-18093"],
        "a layered table names a stable file that the metadata does not have",
        "Pick-up fails with EINVAL 'Missing shared file: metadata entry'.",
        "Pick up an older checkpoint that has the file.";
    KeyPageMissing "key-page-missing" Error &[],
        "the key page a checkpoint embeds is not in the page log",
        "Pick-up of the checkpoint fails with EIO; encrypted pages cannot be read without the key.",
        "Pick up another checkpoint; restore the key page from a replica.";
    KeyPageInvalid "key-page-invalid" Error &[],
        "a key page breaks the rules of its header",
        "Pick-up of a checkpoint that embeds it fails with EIO, or aborts on a wrong signature.",
        "Pick up another checkpoint; restore the key page from a replica.";
    KeyNotRotated "key-not-rotated" Note &["WT-17692"],
        "every checkpoint embeds the same key, for longer than 90 days",
        "There is one key page, and the newest checkpoint that embeds it is more than 90 days younger. If keys should be rotated here, rotation is not happening: builds from 2026 loaded an empty key at every checkpoint, which restarts the provider's timer each time.",
        "None, if keys should not be rotated. Otherwise rotate the key by hand, and check whether the next checkpoint embeds a new key page.";
    StaleKeystore "stale-keystore" Warning &[],
        "a checkpoint embeds a key older than the newest one written before it",
        "A key rotation raced the checkpoint: the new key page was already in the page log when the turtle page was written, but the turtle page names the previous one. A standby that has committed the new key gets EINVAL when it picks the checkpoint up, and builds before the fix turn that into SIGABRT.",
        "Complete another checkpoint: it will embed the new key. Do not pick this one up on a standby that holds the newer key; `wtcheck pickup replay DIR` shows what such a standby does, and what a fresh one does.";
    LsnCounterBehind "lsn-counter-behind" Warning &[],
        "a counter of the store is below what already exists",
        "LSN counter: the next write would take an LSN that exists, and replace or shadow a row. Checkpoint counter: the number of the last completed one is below that of a completion record. A counter above what exists is not a finding: an LSN that was assigned and never written, or abandoned, leaves a gap.",
        "Do not write to this store before the counter is raised.";
    StoreDamaged "store-damaged" Error &[],
        "files of the store cannot be read in full",
        "The SQLite or LMDB structure is damaged, or the storage medium does not return the bytes: rows may be missing that are not damaged themselves. What could be read was audited; nothing missing from the unreadable part is reported as missing.",
        "Copy the files from another source, or recover the database with its own tools, then audit again.";
    UnlistedTable "unlisted-table" Note &[],
        "the page log has a table that no checkpoint's metadata names",
        "Either the table was created after the last checkpoint that is still here, or its rows belong to nothing. Rows at or below the newest checkpoint are listed as orphans as well.",
        "None needed if the table is new; the next checkpoint will name it.";
    BlockChecksum "block-checksum" Error &[],
        "a block of a local file does not have the checksum its cookie names",
        "Either the checksum in the block's header is not the one its reference expects (it is another block: a lost or misdirected write, or a damaged reference), or the bytes do not match it (damaged bytes). The engine reports 'potential hardware corruption, read checksum error' and panics. A single flipped bit is located and corrected in memory, so that the audit sees what is below.",
        "Copy the files before anything else. Restore the file from a replica or a backup; look for a named checkpoint that does not need the block; salvage drops the block's rows. See the bytes with wtcheck page FILE --offset N.";
    BlockHeader "block-header" Error &[],
        "a block of a local file breaks a rule although its checksum is valid",
        "Page type, flags, sizes, or the order or alignment of an extent list are impossible. With a valid checksum this was written that way: suspect software, not the storage medium.",
        "Keep the file; look at the block with wtcheck page FILE --offset N. Restore the file from a replica.";
    ExtentOverlap "extent-overlap" Error &[],
        "a range of a local file is allocated twice",
        "Free space that is also in use, or two uses of one range. The next write to the file may overwrite live data. The engine's verify does not notice free space over a tree block.",
        "Do not open the directory for writing. Dump the table from a copy, or restore it from a replica.";
    ExtentLost "extent-lost" Error &[],
        "a range of a local file belongs to nothing",
        "No checkpoint reaches it, no extent list names it, and it is not free: an orphaned block, or free space that dropped out of the list. Also a block in use that is missing from the checkpoint's allocation lists: it will never be freed.",
        "Only space is lost, unless a tree lost the block: see the other findings of the file. Compact does not reclaim it; a copy of the table (dump and load, initial sync) does.";
    ExtentBeyondEof "extent-beyond-eof" Error &[],
        "an address or an extent is beyond the end of its checkpoint",
        "A cookie or an entry of an extent list names bytes past the file size of the checkpoint that it belongs to. The engine refuses the page or the list.",
        "Restore the file from a replica; look for a named checkpoint that is intact.";
    FileSizeMismatch "file-size-mismatch" Error &[],
        "a file does not have the size its newest checkpoint states",
        "A file that is too short was truncated (a copy that ended early, a full disk, a damaged file system): blocks past its end are gone. Bytes past the checkpoint's end are only noted: blocks written after the last checkpoint, or garbage; the engine cuts them off at the next writable open.",
        "Too short: copy the file again from its source, or restore it. Too long: nothing to do.";
    CheckpointSizeMismatch "checkpoint-size-mismatch" Error &[],
        "a checkpoint's size is not what its blocks add up to",
        "size= of the checkpoint entry is the sum of all blocks of the tree, the root included, and the cookie holds the same without the root. The engine's verify checks neither; both end up in statistics, and the difference as space that is never reclaimed.",
        "Data is not affected. The engine carries the number forward from checkpoint to checkpoint; wtcheck repair plan DIR corrects that of the newest one.";
    FileMissing "file-missing" Error &[],
        "a required file is missing",
        "The metadata lists the file, or the engine cannot open a directory without it. Beware of a missing WiredTiger.turtle: an engine that opens such a directory for writing takes it for a new database and renames WiredTiger.wt.",
        "Copy the file from the source of the directory, or restore it. Do not open the directory with the engine before that. For a missing turtle, wtcheck repair plan DIR proposes a new one.";
    FileUnlisted "file-unlisted" Note &[],
        "a block file that the metadata does not know",
        "Left over from a drop, copied in by hand, or created after the last checkpoint. It is an error if something says that the file belongs here: MongoDB's catalog names it, or the metadata was replaced.",
        "Check the server log, and ask the owner of the directory, before removing anything.";
    MetadataReplaced "metadata-replaced" Error &[],
        "an engine has set the metadata aside and started a new one",
        "An engine that finds no turtle takes the directory for a new one: it renames WiredTiger.wt to WiredTiger.wt.1 and writes an empty one. The tables are all there, but nothing names them any more. As a note: the file is left over from such an event, and the current metadata has everything that is in it.",
        "Do not let a server write to the directory. On a copy: put WiredTiger.wt.1 back in place of WiredTiger.wt, remove the turtle, and let wtcheck repair plan DIR propose one.";
    ConfigurationInvalid "configuration-invalid" Error &[],
        "a text that the engine reads when it opens the directory is damaged",
        "WiredTiger.basecfg and WiredTiger.config hold settings, WiredTiger.backup the metadata of a backup copy that has not been opened yet. None of them has a checksum. Here one cannot be parsed, or it has a key that is nearly the same as one that the engine knows: the engine refuses to open the directory, or panics.",
        "Data is not affected. On a copy, correct the byte, or copy the file from the source of the directory; WiredTiger.basecfg can be left out if the server is given all settings.";
    CatalogMismatch "catalog-mismatch" Error &[],
        "MongoDB's catalog names what the engine's metadata does not have",
        "Every collection and index of the catalog has an ident, a table of the engine. Here the metadata has no row for one: its documents or keys cannot be reached under that name, and mongod's repair fails with 'Unable to find metadata for table'. As a note: tables that the catalog does not name, which mongod drops at startup.",
        "Restore the node from a healthy member. If the file of the ident is still here, its documents can be extracted from the file itself.";
    CountMismatch "count-mismatch" Warning &[],
        "counts that must be equal differ",
        "The document count that MongoDB stores for a collection (sizeStorer) is not the number of documents that are there, or the _id index does not have as many entries as its collection has documents. After a crash the first is to be expected, and both are notes then.",
        "A wrong stored count: validate the collection, which corrects it. A wrong number of index entries: validate, and rebuild the index.";
    HistoryUnowned "history-unowned" Note &[],
        "the history store has records of a file that is not there",
        "Old versions of rows are stored with the id of their file. Records with an id that no file has are left over from a dropped table, or the files were copied while the server was running. Nothing reads them.",
        "None.";
    DescriptorInvalid "descriptor-invalid" Error &[],
        "the first block of a file is not a valid description",
        "Magic, version or checksum of the description block are wrong. The engine says 'does not appear to be a WiredTiger file' and does not open it, although the data after it may be intact.",
        "If the rest of the file is intact, `wtcheck repair plan` of the home rebuilds this block: it holds only magic, version, and a checksum that follows from the allocation size. Otherwise restore the file.";
    RecoveryMismatch "recovery-mismatch" Warning &[],
        "the metadata and the copy in the file itself name different checkpoints",
        "Every checkpoint leaves a copy of itself after the file's avail list. Here the metadata's cookie differs from it: one of the two was changed without the other, or file and metadata come from different points in time.",
        "Find out whether file and metadata come from the same copy of the directory.";
    LogDamaged "log-damaged" Error &[],
        "a journal file is damaged before its end",
        "A record's checksum is wrong and the end of the journal is not a torn write, or records follow a hole, or a file of the sequence is missing. Recovery stops there: later commits are lost.",
        "Copy the journal from the source of the directory. The checkpoints themselves are not affected.";
    RecoveryNeeded "recovery-needed" Note &[],
        "the journal has commits newer than the last checkpoint",
        "The engine was not shut down cleanly; it will replay these commits when it next opens the directory for writing. The audit uses the last checkpoint and is not affected.",
        "None: opening the directory with the engine recovers it. If in doubt, work on a copy.";
    Encrypted "encrypted" Note &[],
        "pages are encrypted; their content could not be read",
        "Checksums and sizes are valid, but children of encrypted internal pages cannot be found without the key. In local files the blocks fill the ranges that the extent lists say are live, so their space is accounted for anyway.",
        "None; the tree below could not be checked.";
    UnsupportedCompressor "unsupported-compressor" Note &[],
        "pages are compressed by a compressor that wtcheck does not have",
        "Checksums and sizes are valid, but the content could not be read.",
        "None; the content could not be checked.";
}

impl Code {
    /// The stable word.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// From the stable word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

/// Where a finding is; fields that make no sense for it stay empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Place {
    /// `file:` URI of the tree.
    pub uri: Option<String>,
    /// Page-log table.
    pub table_id: Option<TableId>,
    /// Page.
    pub page_id: Option<PageId>,
    /// LSN of the block, or of the completion record.
    pub lsn: Option<Lsn>,
    /// Byte offset in `file`.
    pub offset: Option<u64>,
    /// Bytes from `offset` on that are meant, where known.
    pub length: Option<u64>,
    /// File, relative to the store.
    pub file: Option<String>,
    /// MongoDB's name of what the file holds: `db.collection`, with the index behind a space.
    pub namespace: Option<String>,
}

/// A statement in words: made of a finding's facts by [`crate::words`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// What should be there.
    pub expected: String,
    pub found: String,
    /// The probable cause, empty if unknown.
    pub cause: String,
    /// Facts that support it, one a line.
    pub evidence: Vec<String>,
}

/// What a finding states, as fields. The words are made of it in [`crate::words`], and never read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// About a home of local block files.
    Home(Box<HomeDetail>),
    /// About a page log.
    PageLog(Box<Fact>),
}

impl From<Fact> for Detail {
    fn from(fact: Fact) -> Self {
        Self::PageLog(Box::new(fact))
    }
}

/// What to do about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// What the catalogue says of the code.
    OfCode,
    /// The next checkpoint will tell.
    NextCheckpoint,
    /// Restore the file; the block can be looked at.
    RestoreFile,
    /// As what the file holds to MongoDB asks.
    OfFile(What),
    /// Open the file with the engine that wrote it.
    OtherEngine,
    /// Put the version file back.
    RestoreVersion,
    /// Put the turtle that the report proposes in its place.
    PutTurtle {
        /// An engine that opens the directory before that does harm.
        first: bool,
    },
    RestoreMetadata,
    /// Recovery will do it.
    Recovery,
    /// The engine renames the file when it opens the directory.
    Rename,
    /// The engine makes the file when it opens the directory.
    Made,
}

/// Something worth telling about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What should be there, what is there, why, and what supports it.
    pub detail: Detail,
    /// Tickets that belong to the cause.
    pub tickets: Vec<&'static str>,
    /// What can be done about it.
    pub remedy: Remedy,
}

impl Finding {
    /// A finding of facts, with the code's own severity, tickets and remedy.
    pub fn of(code: Code, place: Place, detail: Detail) -> Self {
        let info = code.info();
        let tickets = info.tickets.to_vec();
        Self { code, severity: info.severity, place, detail, tickets, remedy: Remedy::OfCode }
    }

    /// The sizes of a checkpoint in a home that it is about, if it is about those.
    pub fn checkpoint_sizes(&self) -> Option<&Sizes> {
        match &self.detail {
            Detail::Home(detail) => match &detail.fact {
                detail::Fact::Sizes(sizes) => Some(sizes),
                _ => None,
            },
            Detail::PageLog(_) => None,
        }
    }

    /// The fault of a block of a local file that it is about, if it is about one.
    pub fn block_fault(&self) -> Option<&crate::home::fault::Fault> {
        match &self.detail {
            Detail::Home(detail) => match &detail.fact {
                detail::Fact::Fault(fault) => Some(fault),
                _ => None,
            },
            Detail::PageLog(_) => None,
        }
    }

    /// The size of a tree of a page log that it is about, if it is about one.
    pub fn tree_size(&self) -> Option<&TreeSize> {
        match &self.detail {
            Detail::PageLog(fact) => match &**fact {
                Fact::TreeSize(size) => Some(size),
                _ => None,
            },
            Detail::Home(_) => None,
        }
    }

    /// What it states of a home, to be changed.
    pub fn home_mut(&mut self) -> Option<&mut HomeDetail> {
        match &mut self.detail {
            Detail::Home(detail) => Some(detail),
            Detail::PageLog(_) => None,
        }
    }
}
