//! What to do about a finding, for whoever stands before a node that does not start: how the code is
//! recognised, where it comes from, what to look at, and the next steps in their order. Longer than the
//! remedy that a finding carries itself; shown by `wtcheck explain CODE` and in `docs/findings/`.
//!
//! Facts: what the engine does with each fault is in chapters 03, 06 to 11, 16 and 17 of the specification.

use super::finding::Code;
use super::steps::{BLOCK, FILE_BACK, KEEP, MEDIUM, OLDER, PAGE, PLAN, REPLICA, WRITTEN_SO};

/// Advice on a code.
#[derive(Debug, Clone, Copy)]
pub struct Advice {
    /// What is compared with what.
    pub recognised: &'static str,
    /// Where it usually comes from.
    pub cause: &'static str,
    /// What in the finding, and beside it, tells more.
    pub evidence: &'static str,
    /// What to do, one step after the other. Commands stand in backquotes.
    pub next: &'static [&'static str],
}

/// The advice on a code.
#[allow(clippy::too_many_lines, reason = "a catalogue: one entry a code")]
pub fn advice(code: Code) -> Advice {
    match code {
        Code::SizeInflated => Advice {
            recognised: "Every page of the tree is walked from the root that the checkpoint names, and the sizes in their \
                address cookies are added up, including the root's. The sum is compared with `size=` in the tree's checkpoint \
                entry; where builds differ on whether deleted children count, both sums are accepted.",
            cause: "A block was put into the page log and counted, then a later step of the reconciliation failed and nothing \
                subtracted the bytes again: the address cookie could not be packed (WT-16660), or a full image over an existing \
                chain failed (WT-17034, WT-16864). Any failure between the put and the wrap-up that the engine survives can \
                cause this; nothing need appear in the log.",
            evidence: "`cause` names the pattern that fits and the residual: with residual 0 the listed rows explain the \
                difference to the byte. It comes with orphan-page, orphan-image and obsolete-chain-uncounted findings for the \
                same tree.",
            next: &[
                "No reader is affected and nothing is lost: this can wait for working hours. What grows is the number used for \
                 billing and balancing storage.",
                "List what leaked: `wtcheck orphans DIR`.",
                PLAN,
                "On a leader that must keep running: run verify with fix_btree_size=true, then a checkpoint. That corrects the size as well.",
            ],
        },
        Code::SizeDeflated => Advice {
            recognised: "Like size-inflated, but the published size is below the sum of the cookies.",
            cause: "The counter was decremented twice for one block, or it dropped below 0 and was clamped (builds since \
                2026-06-24 log 'disaggregated block size underflow'). Builds from before June 2026 subtracted the root's size at \
                every restart after which the first checkpoint had published 0: the difference is then that size, or a multiple \
                of it.",
            evidence: "How many bytes are missing. Nothing in the page log shows which blocks were subtracted twice; the node's \
                log may show it, at the time of the underflow.",
            next: &[
                "No reader is affected and nothing is lost.",
                "Search the node's log for 'disaggregated block size underflow'.",
                PLAN,
            ],
        },
        Code::SizeIsRootPageId => Advice {
            recognised: "`size=` equals the page id in the root's cookie, not the sum of the sizes, in a store whose completion \
                record carries a database size.",
            cause: "The tree was last checkpointed by a build from before 2026-01-29, which wrote the page id there.",
            evidence: "The tree's checkpoint entry, compared with the entries of trees that have been written since.",
            next: &[
                "Nothing to do: the next checkpoint of the tree writes its size.",
                "If the number is needed now: `wtcheck repair plan DIR --only size-is-root-page-id -o plan.yaml`.",
            ],
        },
        Code::SizeDoubleRoot => Advice {
            recognised: "The excess of `size=` over the sum of the cookies equals, to the byte, the sizes of roots that this \
                tree has or had in a known checkpoint.",
            cause: "Builds from 2026-01-29 to 2026-03-04 added each new root without subtracting the previous one (WT-16849).",
            evidence: "The roots that were counted twice, with page, LSN and bytes.",
            next: &["No reader is affected. Upgrade, so that the excess does not grow.", PLAN],
        },
        Code::DatabaseSizeInflated => Advice {
            recognised: "`database_size` of the completion record is above the sum of `size=` over all trees in its metadata, \
                plus 1 MiB for pages that are not tracked.",
            cause: "The number is maintained by adding changes: a table that is dropped and recreated under the same name \
                (WT-18293), or a drop that fails halfway (WT-17864), leaves the bytes of the old tree in it.",
            evidence: "Dropped tables whose size fits the difference. If a tree's own size is wrong as well, that has its own \
                finding; this one only concerns the published sizes.",
            next: &[
                "No reader is affected: the number is used for billing and balancing.",
                PLAN,
                "On a running leader a checkpoint with debug=(database_size_fix=true) recomputes it.",
            ],
        },
        Code::DatabaseSizeDeflated => Advice {
            recognised: "Like database-size-inflated, but the number is below the sum.",
            cause: "Bytes of a dropped table were subtracted twice: the drop failed, and what it had subtracted was not added \
                back (WT-18148). Or the number was clamped at 1 MiB (WT-18399).",
            evidence: "Dropped tables whose size fits the difference, and tables of which the drop left no page; whether the \
                number is exactly 1,048,576.",
            next: &["No reader is affected.", PLAN],
        },
        Code::OrphanPage => Advice {
            recognised: "A row of the page log at or below the LSN of its tree's root, for a page that no checkpoint in the \
                store reaches, no discard record covers, and no newer image in use supersedes.",
            cause: "The put succeeded, but the next step failed before anything held the page's address (WT-16660). Rarely: the \
                record of the only checkpoint that reached it is missing.",
            evidence: "Page, LSN and length of each row; `explains` says whether its length is part of the tree's excess.",
            next: &[
                "Nothing is lost: no cookie ever named these bytes.",
                "List them: `wtcheck orphans DIR`. Look at one: `wtcheck page DIR TABLE PAGE`.",
                "If one table has many orphans and no size finding, first make sure that no completion record is missing (does \
                 the report list damaged files?). wtcheck refuses a plan that would discard more than half of the live versions.",
                PLAN,
            ],
        },
        Code::OrphanImage => Advice {
            recognised: "Like orphan-page, but other versions of the same page id are in use.",
            cause: "As for orphan-page: an image of a page in use was put again, and its cookie was never packed.",
            evidence: "The LSN of the image and those of the page's versions that are in use.",
            next: &[
                "Nothing is lost: reads are bounded by the LSN of the cookie and never meet the image.",
                "See the page's rows: `wtcheck page DIR TABLE PAGE`.",
                PLAN,
            ],
        },
        Code::ObsoleteChainUncounted => Advice {
            recognised: "The rows of a page are a base, perhaps deltas, then a full image that no checkpoint reached, and a \
                discard record that names this image; and the excess in the tree's size is large enough to include the chain \
                below it.",
            cause: "The error path of a failed reconciliation discarded the new image and abandoned the page id; the next \
                attempt took a new id, and the old chain was never subtracted (WT-17034, WT-16864).",
            evidence: "The LSNs of the chain and its bytes, and the failed image.",
            next: &["Nothing is lost, and the rows are already discarded: only the size is wrong.", PLAN],
        },
        Code::DuplicateDelta => Advice {
            recognised: "A delta that no cookie reaches, in a chain that continued without it.",
            cause: "A reconciliation failed after putting a delta, and was retried.",
            evidence: "The row's LSN, and the delta that took its place.",
            next: &["Nothing to do. It is reported so that every row of the page log is accounted for."],
        },
        Code::PageMissing => Advice {
            recognised: "A cookie of the checkpoint (in an internal page, or a tree's root, or the turtle page) names a page \
                version, but the page log has no row with that table, page and LSN.",
            cause: "A root stored under the id of a dropped table (WT-18509): the finding names that id. A copy that was taken \
                while the node was running, or that left files out; a database file that is damaged or missing (see \
                store-damaged); rows that were trimmed too early; a discard that should not have happened.",
            evidence: "The page that holds the reference; whether other rows of the page are there; whether the file of its \
                table is listed as missing or damaged.",
            next: &[
                KEEP,
                "Compare the files of the copy with their source: one missing shard explains hundreds of these at once.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageChecksum => Advice {
            recognised: "The checksum field in the block's header is compared with the one its cookie (or the delta above it) \
                expects, and the crc32c of the block's bytes with the field.",
            cause: "Expected and stored differ: it is another block, or the reference is damaged. Stored and computed differ: \
                bytes changed after they were written; a single flipped bit points to memory or the storage medium.",
            evidence: "A flipped bit is located by byte and bit number; the audit corrects it in memory and goes on below it. \
                Zeros in multiples of 4,096 bytes point to the file system.",
            next: &[
                KEEP,
                "The engine panics when it reads this page ('fatal read error'): a node that does not start may crash on it \
                 every time. Do not restart it in a loop.",
                PAGE,
                "If a log has a dump of the block, check that: `wtcheck decode --from-log LOG`.",
                MEDIUM,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageHeader => Advice {
            recognised: "Page type, flags, sizes, record number, magic, versions and unused bytes of both headers are checked \
                against the rules of the format.",
            cause: "If the checksum is valid, software wrote it that way. Where the checksum covers only the first 64 bytes, \
                damage after them can also show up here.",
            evidence: "The field and its value; whether the block's flags say that the checksum covers everything.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER, REPLICA],
        },
        Code::PageUndecodable => Advice {
            recognised: "The block is decompressed, and all of its cells are parsed: types, order, counts, lengths, and time \
                windows, both on their own and against the parent's. --deep does this for leaf pages too.",
            cause: "Damage that a 64-byte checksum does not cover, a page that was written wrong, or a wrong guess at the \
                compressor (the finding says which was tried).",
            evidence: "The broken rule and the byte where it is broken. If the checksum covers the whole block, suspect software.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER, REPLICA],
        },
        Code::ChainBroken => Advice {
            recognised: "The blocks of a page, newest first: each must name its predecessor by backlink LSN, base LSN and \
                previous checksum, deltas must be flagged as such, and the last must be a base image.",
            cause: "A row is missing or was replaced: a copy without frames of a write-ahead log, a damaged database file, an \
                overwritten row.",
            evidence: "Which link fails, and the rows that are there. If one LSN of the chain is missing, look for it in the \
                table's other rows.",
            next: &[
                KEEP,
                "Was the copy made without the -wal files? Copy each database together with its -wal, and audit again.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::ChainTooLong => Advice {
            recognised: "There are more than 32 deltas between the newest block of a page and its base image.",
            cause: "A writer without the limit, or rows of two chains that were mistaken for one.",
            evidence: "The number of deltas, and their backlinks.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER],
        },
        Code::CookieSizeMismatch => Advice {
            recognised: "The size in a cookie is compared with the length of all blocks in the page's chain, and with that of \
                the newest block alone, which builds before 2026-01-29 wrote.",
            cause: "A row of the chain does not have the length it was written with, or the cookie was packed from wrong numbers.",
            evidence: "Both lengths, and the one in the cookie. The page itself can usually be read.",
            next: &[PAGE, "It does not stop readers in release builds, but sums of sizes are wrong.", WRITTEN_SO],
        },
        Code::CookieInvalid => Advice {
            recognised: "Address cookies are decoded field by field: version, page id, LSNs, size, and no byte left over. In \
                local files: offset and size within the file, in whole allocation units.",
            cause: "The page that holds it is damaged (see its own finding), or it was packed wrong.",
            evidence: "The bytes of the cookie, and the page that holds it.",
            next: &[KEEP, "Decode it on its own: `wtcheck decode cookie HEX`.", PAGE, OLDER, REPLICA],
        },
        Code::CookieUnsupported => Advice {
            recognised: "A version pair whose minimum reader version is above what this wtcheck knows.",
            cause: "The store was written by a newer engine.",
            evidence: "Version and minimum version in the finding.",
            next: &[
                "Use a newer wtcheck. Whatever is below was not checked.",
                "An engine older than the writer refuses the store in the same way: do not downgrade to it.",
            ],
        },
        Code::ChildNewerThanParent => Advice {
            recognised: "The LSN in a child's cookie is not below the LSN of the page that holds the cookie.",
            cause: "LSNs were assigned twice (a counter that went backwards: see lsn-counter-behind), or the reference is not \
                the one that was written.",
            evidence: "Both LSNs, and the store's counter.",
            next: &[KEEP, PAGE, "Do not let anything write to this store: LSNs may be assigned again.", OLDER, REPLICA],
        },
        Code::PageCycle => Advice {
            recognised: "On the way down from the root there is a page that is its own ancestor.",
            cause: "A reference that was packed wrong, or an internal page from another time.",
            evidence: "The page that holds the reference, and the page it points back to.",
            next: &[
                KEEP,
                "A reader that follows it never finishes: a node that hangs at startup with one busy thread may be caught in \
                this.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageReferencedTwice => Advice {
            recognised: "Two cookies of one checkpoint's tree name the same page, or the same block of a file.",
            cause: "A split that was published twice, or an internal page from another time.",
            evidence: "Both parents. The keys around them tell which one is right.",
            next: &[
                KEEP,
                "Do not let anything write to it: the next change below one parent frees a page that the other still needs.",
                PAGE,
                REPLICA,
            ],
        },
        Code::PageIdOutOfRange => Advice {
            recognised: "Page ids of trees are checked against 100 (lower ids are reserved) and the checkpoint's next_page_id.",
            cause: "A checkpoint entry from a different time than its pages, or an id assigned twice after a restart.",
            evidence: "The id, and next_page_id of the entry.",
            next: &[KEEP, PAGE, "If next_page_id is behind, the next writer assigns ids that are in use.", OLDER],
        },
        Code::KeyOutOfOrder => Advice {
            recognised: "--deep: keys are reassembled (prefixes, overflow keys) and compared in byte order within a page, with \
                the separators above, and with the neighbouring pages.",
            cause: "Software, if the checksum is valid. A table with a custom collator has a different order: then this is not a fault.",
            evidence: "The positions of the two keys (shown with --show), and the page.",
            next: &[
                "Does the table have a custom collator? wtcheck compares bytes and does not know collators: in that case, ignore the finding.",
                KEEP,
                PAGE,
                "Searches miss rows: validate the collection on a copy, and restore the table from a healthy member.",
            ],
        },
        Code::DiscardedInUse => Advice {
            recognised: "A page that the checkpoint reaches has a discard record at or below the LSN of its tree's root. \
                Reported as a note if the record is above the root and at or below the LSN of the turtle page.",
            cause: "The page was freed twice, or its parent was written from a state before the free. Below the address of a \
                truncated page: builds from before June 2026 discarded it before the checkpoint was complete (WT-17430).",
            evidence: "The LSN of the discard record, and the page that refers to the discarded one.",
            next: &[
                KEEP,
                "The page log may drop the page at any time: copy the store now, while the page is still there.",
                PAGE,
                REPLICA,
            ],
        },
        Code::TurtleChecksum => Advice {
            recognised: "The crc32c of the turtle page's bytes is compared with `metadata_checksum` of the completion record.",
            cause: "The page was damaged after it was written, or the record belongs to another page.",
            evidence: "Both checksums, and whether the page parses; a single flipped bit is located.",
            next: &[
                KEEP,
                "The pick-up of this checkpoint fails with EIO 'Checkpoint metadata corruption detected'; the previous one can \
                 be picked up. To see what each standby would do: `wtcheck pickup replay DIR`.",
                "Is everything above the older checkpoint lost, and can you accept that? Then `wtcheck repair plan DIR \
                 --drop-completion LSN -o plan.yaml` falls back to it.",
                REPLICA,
            ],
        },
        Code::TurtleInvalid => Advice {
            recognised: "The text of the turtle is parsed: required keys, numbers, the checkpoint list of the metadata, versions \
                that belong together.",
            cause: "Page log: the form of another build, or damage. Local home: a file that a copy truncated, emptied or mixed \
                up; editors; a full disk.",
            evidence: "The position and the rule. Local home: the copy of the checkpoint in WiredTiger.wt itself, from which the \
                audit continues.",
            next: &[
                KEEP,
                "Local home: do not start the engine on it. Without a usable turtle it may take the directory for a new \
                 database, and renames WiredTiger.wt.",
                "Local home: `wtcheck repair plan DIR -o plan.yaml` proposes a turtle; apply it to a copy and audit that.",
                "Page log: run `wtcheck decode turtle @FILE` on the page's bytes; pick up the older checkpoint.",
            ],
        },
        Code::CompletionInvalid => Advice {
            recognised: "The text of a completion record is parsed, and its metadata LSN must be below its own.",
            cause: "The form of another build, or damage in checkpoints.db.",
            evidence: "The text and the rule. Earlier records are judged on their own.",
            next: &[
                "Decode it: `wtcheck decode completion @FILE`.",
                "The audit uses the newest usable record. To see what a standby does: `wtcheck pickup replay DIR`.",
                OLDER,
            ],
        },
        Code::CompletionMissing => Advice {
            recognised: "The store of completion records can be read but holds none; or the counters name a later completed \
                checkpoint than that of the newest record.",
            cause: "A store on which no checkpoint was ever completed; a checkpoints.db from another node, or one that was emptied; a record that was removed.",
            evidence: "Whether the page log has turtle pages (table 2, page 1): then there were checkpoints.",
            next: &[
                KEEP,
                "Does this checkpoints.db belong here? Copy it again, with its -wal.",
                "The leader's or a standby's log quotes completion records: `wtcheck decode completion TEXT` tells whether one fits.",
            ],
        },
        Code::CheckpointOrder => Advice {
            recognised: "The checkpoints of the shared metadata, in the order of their completion records: number, root address, \
                and the schema epoch of the turtle page.",
            cause: "Two leaders, or a leader that started from a checkpoint older than the newest one. Builds since 2026-08-27 \
                give every checkpoint a higher number, whichever node writes it (WT-16494).",
            evidence: "Both numbers, and the record of the previous checkpoint.",
            next: &[
                "Nothing is lost here: the audit uses the newest record. A node that has the other checkpoint with this number \
                 in its local metadata discards it, with a warning.",
                "Were there two leaders at that time? Look for the LSNs of both records in the nodes' logs.",
            ],
        },
        Code::MetadataInvalid => Advice {
            recognised: "Rows of the metadata are parsed as configuration text: the checkpoint list with its required keys, ids, \
                sources that lead to other rows.",
            cause: "A damaged leaf of the metadata, or a build that uses another form.",
            evidence: "The key of the row, and what is wrong with it.",
            next: &[KEEP, "The other trees were audited; this one was not.", OLDER, REPLICA],
        },
        Code::DuplicateTreeId => Advice {
            recognised: "Two `file:` rows of the metadata carry the same `id=`.",
            cause: "Ids assigned twice: by two leaders, or after the highest id in use was forgotten.",
            evidence: "Both URIs. Rows of the page log under this id may belong to either. The file that has its data there has \
                its root under the id; the other does not.",
            next: &[
                KEEP,
                "A standby panics on it: 'checkpoint pickup would leave btree ID N shared by ...'. An engine with local files \
                 refuses to open the directory.",
                "Drop neither of the two while they share the id: a drop trims every page under it, including those of the other file.",
                "Find out which of them has its pages under the id: `wtcheck audit DIR --checkpoint LSN` with checkpoints from \
                 before there were two. Copy its data out, or make sure that a healthy member has it.",
                "wiredtiger_repair with fix=(id=(old,new)) gives a file a new id in the metadata only: its pages stay under the \
                 old id, and nothing finds them under the new one (WT-18201). So renumber the file whose data is not there, or \
                 is saved elsewhere, and never the only copy. Ask support first.",
                "Only then drop the file with the new id, and recreate it from what was saved.",
            ],
        },
        Code::MissingStableFile => Advice {
            recognised: "A `layered:` row names a `stable` file that has no row of its own in the shared metadata.",
            cause: "A drop or create that was only half published: a table that was recreated but not published, or one that was \
                dropped and came back (WT-18093).",
            evidence: "The layered URI and the file it names. If an older checkpoint has the file, a dropped table probably came \
                back; if the page log has a table that no checkpoint names, a new file was probably not published.",
            next: &[
                "A pick-up fails with EINVAL 'Missing shared file: metadata entry', on every standby: `wtcheck pickup replay \
                 DIR` shows the checkpoint they stop at.",
                OLDER,
                "Complete another checkpoint on the leader; if it has the same gap, step down and report it.",
            ],
        },
        Code::KeyPageMissing => Advice {
            recognised: "The turtle page embeds the LSN of a key page, and table 26 has no row with it.",
            cause: "A copy without that database, or a key page that was trimmed.",
            evidence: "The LSN, and the key pages that are there.",
            next: &[
                KEEP,
                "Without the key encrypted pages cannot be read by anyone: find the row in another copy of the page log first.",
                "Standbys refuse the checkpoint with EIO: `wtcheck pickup replay DIR`.",
                OLDER,
            ],
        },
        Code::KeyPageInvalid => Advice {
            recognised: "The header of a key page: length, checksum over header and payload, header size, payload size, version, \
                signature, in the engine's order.",
            cause: "Damage, or a header from a build newer or older than the known ones.",
            evidence: "The rule that fails. Payloads are never shown; `wtcheck decode keystore` shows length and checksum.",
            next: &[
                KEEP,
                "A wrong signature aborts the process that loads it: keep standbys from picking up this checkpoint.",
                "See every checkpoint's outcome: `wtcheck pickup replay DIR`.",
                OLDER,
            ],
        },
        Code::KeyNotRotated => Advice {
            recognised: "The key table has one page, at least two checkpoints embed it, and the newest of them is more than 90 \
                days younger than the page, going by timestamps or by LSNs that encode times.",
            cause: "Rotation is off; or the provider is asked to load an empty key at every checkpoint and treats that as a \
                fresh start (WT-17692).",
            evidence: "When the key was written, when the newest checkpoint was, and how many embed it.",
            next: &[
                "Nothing is wrong with the data. Find out whether keys should be rotated here, and how often.",
                "Rotate once by hand. If the next checkpoint embeds the new key page, the rotation timer is at fault.",
            ],
        },
        Code::PageIdReused => Advice {
            recognised: "An image in use is above a discard record of its page, and its backlink names an image from before the discard.",
            cause: "Builds from before 2026-04-09 reused page ids that they had freed (WT-17130).",
            evidence: "The first such page of the table, the discard record, and how many pages there are.",
            next: &["Nothing to do: the pages are intact. Upgrade, so that it does not continue."],
        },
        Code::StaleKeystore => Advice {
            recognised: "For every completion record: the key LSN that its turtle page embeds, against the newest key page below \
                the record's metadata LSN.",
            cause: "A key rotation was written while the checkpoint was being taken: the key page is in the log before the \
                turtle page, which still names the previous key.",
            evidence: "Both key LSNs and the record. Only standbys that have committed the newer key refuse it; a fresh one does not.",
            next: &[
                "Is a standby dead or falling behind? From its log, `wtcheck pickup explain LOG --home DIR` tells which \
                 checkpoint and which rule it was.",
                "Complete another checkpoint on the leader: it embeds the newer key, and a standby can take it.",
                "A standby that aborts (SIGABRT after 'Invalid argument' at the key) meets the same checkpoint again at restart: \
                 keep it down until the next checkpoint is complete, or start it fresh.",
                "To see what each policy would do: `wtcheck pickup replay DIR`.",
            ],
        },
        Code::LsnCounterBehind => Advice {
            recognised: "The counters in the store's globals are compared with the highest LSN of any row or record, and with \
                the number of the newest completion record.",
            cause: "A globals.db from a different time than the rest: a copy taken file by file while the node was running.",
            evidence: "The counter and the highest LSN.",
            next: &[
                "Do not start a writer on this copy: it would assign LSNs again, and rows would replace each other.",
                "Copy all files of the store together, with their -wal, from a node that is down.",
                "A repair that writes a checkpoint sets the counter first: `wtcheck repair plan DIR -o plan.yaml` says whether \
                 there is anything else to repair.",
            ],
        },
        Code::StoreDamaged => Advice {
            recognised: "SQLite, the LMDB reader or the operating system reports that a part of a file cannot be read, or a file \
                named in the store's own lists is missing.",
            cause: "A damaged database page, a truncated file, a media error, a copy that ended early, missing permissions.",
            evidence: "The file, the library's message, and which tables it may affect. Rows of those tables that are not found \
                are not reported as missing.",
            next: &[
                KEEP,
                MEDIUM,
                "Copy the file again from its source; compare sizes and checksums of the copies.",
                "For SQLite, its own recovery works on a copy (`sqlite3 FILE .recover`); audit the result.",
                REPLICA,
            ],
        },
        Code::UnlistedTable => Advice {
            recognised: "The page log has rows under a table id that no `file:` row of any readable checkpoint has.",
            cause: "A table created after the newest checkpoint, or a dropped table whose checkpoints are gone.",
            evidence: "Its rows and their LSNs, compared with the newest checkpoint's.",
            next: &[
                "Nothing to do while its rows are newer than the newest checkpoint.",
                "List what is left: `wtcheck orphans DIR`.",
            ],
        },
        Code::BlockChecksum => Advice {
            recognised: "The checksum in the block's header is compared with the one in the cookie that points to it, and the \
                crc32c of the block (or of its first 64 bytes) with both.",
            cause: "Cookie and header differ: it is another block, because a write was lost or misdirected, or the file is from \
                another time. The bytes differ: the storage medium, memory, or a tool that wrote into the file.",
            evidence: "A single flipped bit is located by byte and bit number. `needed by` tells which checkpoints need the \
                block; zeros and foreign blocks are identified.",
            next: &[
                KEEP,
                "The engine panics when it reads the block ('potential hardware corruption, read checksum error'): do not \
                 restart it in a loop.",
                BLOCK,
                "Was the block dumped to the log? `wtcheck decode --from-log LOG`.",
                MEDIUM,
                FILE_BACK,
                "If there is nothing to restore from, salvage on a copy drops the block's rows and keeps the rest.",
            ],
        },
        Code::BlockHeader => Advice {
            recognised: "Page type, flags, sizes, unused bytes; for extent lists also order, alignment, magic.",
            cause: "Software, because the checksum is valid; or a list block that belongs to another state of the file.",
            evidence: "The rule and the block's offset.",
            next: &[KEEP, BLOCK, FILE_BACK],
        },
        Code::ExtentOverlap => Advice {
            recognised: "Every byte of the file is accounted for: trees of all checkpoints, roots, list blocks, free space of \
                the newest one. A range with two owners that may not share it is reported.",
            cause: "An avail list that names space in use: files from two points in time mixed, a salvage or a restore that was \
                interrupted, or a bug in freeing.",
            evidence: "The range and both owners; for a picture: `wtcheck map FILE`.",
            next: &[
                KEEP,
                "Do not open the directory for writing: the next checkpoint may put a block over live data.",
                "The engine's verify does not notice free space over a tree block; a clean verify does not contradict this.",
                "Dump the table from a copy opened read-only, or restore it from a healthy member.",
            ],
        },
        Code::ExtentLost => Advice {
            recognised: "As for extent-overlap, but a range with no owner at all. Also a tree block that the checkpoint's \
                allocation lists do not name.",
            cause: "A free that was never recorded, or a list that was written without the range.",
            evidence: "The range, and what is in it: a valid block (and which), or zeros.",
            next: &[
                "Only space is lost, unless the file has other findings: then read those first.",
                "See where it is: `wtcheck map FILE`. See what it is: `wtcheck page FILE --offset N`.",
                "Compact does not reclaim it. A dump and load, or an initial sync, does.",
            ],
        },
        Code::ExtentBeyondEof => Advice {
            recognised: "Offsets and sizes in cookies and list entries are checked against the file size of the checkpoint that \
                they belong to.",
            cause: "A truncated file, a file from an earlier time, or a reference that was written wrong.",
            evidence: "The address and the size; whether the file itself is shorter than its checkpoint says (file-size-mismatch).",
            next: &[KEEP, "Copy the file again from its source and compare the sizes.", FILE_BACK],
        },
        Code::FileSizeMismatch => Advice {
            recognised: "The size of the file is compared with the file size in the cookie of its newest checkpoint.",
            cause: "Too short: a copy that ended early, a full disk, a file system that lost its end. Too long: blocks written \
                after the last checkpoint (a crash; then it is a note), or garbage.",
            evidence: "How many bytes are missing or in excess, and how many blocks of checkpoints are past the end.",
            next: &[
                "Too long, and nothing else: nothing to do; the engine truncates it at the next writable open.",
                KEEP,
                "Too short: copy the file again. Its source is probably intact.",
                FILE_BACK,
            ],
        },
        Code::CheckpointSizeMismatch => Advice {
            recognised: "`size=` of a checkpoint entry is compared with the sum of its tree's blocks and the root; the size in \
                its cookie with the sum without the root.",
            cause: "The running total went wrong at one checkpoint and has been carried forward since.",
            evidence: "By how many bytes each of the two numbers is off at each checkpoint, which shows where it began.",
            next: &["No data is affected: the number only appears in statistics.", PLAN],
        },
        Code::FileMissing => Advice {
            recognised: "Files that the metadata lists, and those that every home has, compared with the directory.",
            cause: "A copy that left files out; a separate directory (directoryPerDB, journal) that was not copied; a file deleted by hand.",
            evidence: "Who needs the file: the metadata row, or the engine at start.",
            next: &[
                KEEP,
                "Do not start the engine on it: without WiredTiger.turtle it takes the directory for a new database and renames \
                 WiredTiger.wt.",
                "Look for the file in the source of the directory, and on the same volume (lost+found, a volume that is not mounted).",
                "A missing turtle can be rebuilt: `wtcheck repair plan DIR -o plan.yaml`, then apply it to a copy.",
                FILE_BACK,
            ],
        },
        Code::FileUnlisted => Advice {
            recognised: "Block files in the directory that no metadata row names, including rows in the newest commits of the journal.",
            cause: "A drop that left the file behind; a file copied in by hand; a table created after the last checkpoint.",
            evidence: "The name, and whether MongoDB's catalog or a metadata file that was set aside names it: then it is an error.",
            next: &[
                "Do not delete it on a guess: `wtcheck audit FILE` shows what is in it.",
                "The node's log may mention the table: search it for a drop or a create.",
            ],
        },
        Code::MetadataReplaced => Advice {
            recognised: "There is a file WiredTiger.wt.N, and the directory has files that its rows name and those of the \
                metadata do not.",
            cause: "The turtle was lost or left out of a copy, and an engine opened the directory for writing.",
            evidence: "How many rows the file that was set aside has, and how many of their files are here.",
            next: &[
                "Stop the server and leave it stopped: a mongod on the new metadata finds no collections, and may drop files.",
                KEEP,
                "In the copy: remove WiredTiger.wt and WiredTiger.turtle, and rename WiredTiger.wt.1 to WiredTiger.wt.",
                "Rebuild the turtle: `wtcheck repair plan COPY -o plan.yaml`, then `wtcheck repair apply plan.yaml --output \
                 NEWDIR`. Journal files written under the new metadata do not belong to the old one: leave them out.",
            ],
        },
        Code::ConfigurationInvalid => Advice {
            recognised: "The text is parsed as the engine parses it, and its keys and values are compared with those that the engine knows.",
            cause: "A bit that flipped on the storage medium, a file that was edited or truncated.",
            evidence: "The byte, and what is wrong there.",
            next: &[
                KEEP,
                "In the copy, correct the byte with an editor, or copy the file from a backup of the same home.",
                "mongod does not use WiredTiger.basecfg: in its dbPath that file can be left out.",
            ],
        },
        Code::CatalogMismatch => Advice {
            recognised: "Each ident in _mdb_catalog is looked up in the engine's metadata, and each collection-* and index-* \
                table of the metadata in the catalog.",
            cause: "A metadata file from another time, a table removed with the engine's tools, or a file deleted by hand before a start.",
            evidence: "The namespace, the index, the ident; whether its file is in the directory.",
            next: &[
                KEEP,
                "Do not start mongod with --repair: it fails on such a catalog, or removes the collection from it.",
                REPLICA,
                "If the file of the ident is still here, audit it: `wtcheck audit FILE`.",
            ],
        },
        Code::CountMismatch => Advice {
            recognised: "The rows of a collection are counted and compared with numRecords in sizeStorer, and with the entries \
                of its _id index. A file is counted row by row only if its page headers make the number doubtful, or with \
                --deep.",
            cause: "A crash, after which the stored count is not exact; a fault that wrote a collection without its index.",
            evidence: "The two numbers, and the file that the wrong one belongs to.",
            next: &[
                "A wrong stored count only makes count() wrong. Validate the collection: that corrects it.",
                "If an _id index does not have one entry per document, validate with full: true, and resync the member or rebuild the index.",
            ],
        },
        Code::HistoryUnowned => Advice {
            recognised: "Records in WiredTigerHS.wt have file ids that no metadata row has.",
            cause: "A table was dropped, or the files were copied one after the other while the server was running.",
            evidence: "The file id, and how many records have it.",
            next: &["Nothing to do: nothing reads these records, and the engine removes them in time."],
        },
        Code::DescriptorInvalid => Advice {
            recognised: "Magic, version and checksum of the first block; the allocation size is the one that the checksum confirms.",
            cause: "The start of the file was overwritten or zeroed: by a partitioning tool, the storage medium, or a sparse \
                copy.",
            evidence: "Whether the block is all zeros, and whether the blocks after it are intact.",
            next: &[
                KEEP,
                "The engine says 'does not appear to be a WiredTiger file', or asks for salvage of WiredTiger.wt.",
                "Are the blocks after it intact? Then only this block needs rebuilding, and it holds no data: `wtcheck repair plan HOME` does that.",
                FILE_BACK,
            ],
        },
        Code::RecoveryMismatch => Advice {
            recognised: "The copy of the newest checkpoint after the file's own avail list is compared, field by field, with the \
                entry in the metadata.",
            cause: "File and metadata come from different points in time: one file was restored, a running node was copied, or \
                an entry was edited by hand.",
            evidence: "Which fields differ, and the generation of the copy.",
            next: &[
                "Find out where each came from, and take both from the same copy.",
                "`wtcheck audit FILE` audits the file by its own copy of the checkpoint.",
                KEEP,
            ],
        },
        Code::LogDamaged => Advice {
            recognised: "Journal files (WiredTigerLog) are read record by record: length, checksum, flags, the link to the \
                previous file, and what follows the end.",
            cause: "A hole or a bad checksum before the end is damage; a torn last record is normal and is not reported as \
                damage.",
            evidence: "File and offset of the damage, and whether commits follow it.",
            next: &[
                KEEP,
                "Recovery stops there: later commits are lost on this node. If the node is a member of a replica set, the other \
                 members have them.",
                "Copy the journal files again from their source.",
                REPLICA,
            ],
        },
        Code::RecoveryNeeded => Advice {
            recognised: "There are commit records after the last checkpoint record of the journal.",
            cause: "The engine was not shut down cleanly: a crash, a kill, a copy of a running node.",
            evidence: "How many commits, and starting at which LSN.",
            next: &[
                "Nothing to do: the engine replays them at the next start.",
                "If nothing may change, start it on a copy.",
            ],
        },
        Code::Encrypted => Advice {
            recognised: "Page or block flags say that the content is encrypted.",
            cause: "Encryption at rest. This is not a fault.",
            evidence: "Checksums and sizes were verified; how many blocks could not be followed.",
            next: &[
                "Nothing to do. The verdict covers what can be seen without the key.",
                "In a page log, trees below an encrypted root are not walked: their rows count as undetermined, not as orphans.",
            ],
        },
        Code::UnsupportedCompressor => Advice {
            recognised: "The page is compressed, and its framing does not match any compressor that wtcheck has (snappy, zlib, zstd, lz4).",
            cause: "A custom compressor of the application.",
            evidence: "block_compressor= in the metadata of the table.",
            next: &[
                "Nothing to do. If it is a known compressor, name it: `wtcheck decode page @FILE --compressor zstd`.",
            ],
        },
    }
}
