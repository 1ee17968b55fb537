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
                address cookies are added, the root's included. The sum is compared with `size=` in the tree's checkpoint entry; \
                where builds differ in whether deleted children count, both sums are accepted.",
            cause: "A block was put into the page log and counted, then a later step of the reconciliation failed and nothing \
                took the bytes back: the address cookie could not be packed (WT-16660), or a full image over an existing chain \
                failed (WT-17034, WT-16864). Any failure that the engine survives between the put and the wrap-up will do; the log \
                need not have a word of it.",
            evidence: "`cause` names the pattern that fits and the residual: with residual 0 the rows listed explain the difference \
                to the byte. Beside it stand orphan-page, orphan-image and obsolete-chain-uncounted findings for the same tree.",
            next: &[
                "No reader is affected and nothing is lost: this can wait for daylight. What grows is the number that storage is \
                 billed and balanced by.",
                "List what leaked: `wtcheck orphans DIR`.",
                PLAN,
                "On a leader that must keep running: verify with fix_btree_size=true, then a checkpoint, does the same to the size.",
            ],
        },
        Code::SizeDeflated => Advice {
            recognised: "As size-inflated; the published size is below the sum of the cookies.",
            cause: "The counter was lowered twice for one block, or it ran below 0 and was clamped (builds since 2026-06-24 say so: \
                'disaggregated block size underflow'). Builds of before June 2026 took the root's size off at every restart where the \
                first checkpoint had published 0: the difference is then that size, or a multiple.",
            evidence: "How many bytes are missing. Nothing in the page log tells which blocks were subtracted twice; the node's log \
                may, at the time of the underflow.",
            next: &[
                "No reader is affected and nothing is lost.",
                "Search the node's log for 'disaggregated block size underflow'.",
                PLAN,
            ],
        },
        Code::SizeIsRootPageId => Advice {
            recognised: "`size=` equals the page id in the root's cookie and not the sum of the sizes, in a store whose completion \
                record carries a database size.",
            cause: "The tree was last checkpointed by a build of before 2026-01-29, which wrote the page id there.",
            evidence: "The checkpoint entry of the tree, beside the entries of trees that have been written since.",
            next: &[
                "Nothing to do: the next checkpoint of the tree writes its size.",
                "If the number is needed now: `wtcheck repair plan DIR --only size-is-root-page-id -o plan.yaml`.",
            ],
        },
        Code::SizeDoubleRoot => Advice {
            recognised: "The excess of `size=` over the sum of the cookies equals, to the byte, the sizes of roots that this tree \
                has or had in a known checkpoint.",
            cause: "Builds from 2026-01-29 to 2026-03-04 added each new root and did not subtract the one before (WT-16849).",
            evidence: "The roots that were counted twice, with page, LSN and bytes.",
            next: &["No reader is affected. Upgrade, so that it does not grow.", PLAN],
        },
        Code::DatabaseSizeInflated => Advice {
            recognised: "`database_size` of the completion record is above the sum of `size=` over all trees of its metadata plus \
                1 MiB for pages that are not tracked.",
            cause: "The number is carried on by adding changes: a table dropped and created again under its name (WT-18293), or a \
                drop that failed half way (WT-17864), leaves the bytes of the old tree in it.",
            evidence: "Dropped tables whose size fits the difference. Where a tree's own size is wrong as well, that has its own \
                finding, and this one speaks of the published sizes alone.",
            next: &[
                "No reader is affected: the number is for billing and balancing.",
                PLAN,
                "On a running leader a checkpoint with debug=(database_size_fix=true) computes it anew.",
            ],
        },
        Code::DatabaseSizeDeflated => Advice {
            recognised: "As database-size-inflated; the number is below the sum.",
            cause: "Bytes of a dropped table were subtracted twice: the drop failed, and what it had subtracted was not added again \
                (WT-18148). Or the number was clamped at 1 MiB (WT-18399).",
            evidence: "Dropped tables whose size fits the difference, and tables of which the drop has left no page; whether the number is \
                exactly 1,048,576.",
            next: &["No reader is affected.", PLAN],
        },
        Code::OrphanPage => Advice {
            recognised: "A row of the page log at or below the LSN of its tree's root, of a page that no checkpoint in the store \
                reaches, that no discard record covers, and that no newer image in use supersedes.",
            cause: "The put succeeded, and the step behind it failed before anyone held the page's address (WT-16660). Rarely: a \
                record of the only checkpoint that reached it is gone.",
            evidence: "Page, LSN and length of each row; `explains` says whether its length is part of the tree's excess.",
            next: &[
                "Nothing is lost: no cookie ever named these bytes.",
                "See them: `wtcheck orphans DIR`, and one of them: `wtcheck page DIR TABLE PAGE`.",
                "Many orphans of one table and no size finding: first make sure that no completion record is missing (are there \
                 damaged files in the report?). wtcheck refuses a plan that would discard more than half of what is live.",
                PLAN,
            ],
        },
        Code::OrphanImage => Advice {
            recognised: "As orphan-page, but other versions of the same page id are in use.",
            cause: "As orphan-page: an image of a page in use was put again and its cookie never packed.",
            evidence: "The LSN of the image and those of the page's versions that are in use.",
            next: &[
                "Nothing is lost: reads are bounded by the LSN of the cookie and never meet the image.",
                "See the page's rows: `wtcheck page DIR TABLE PAGE`.",
                PLAN,
            ],
        },
        Code::ObsoleteChainUncounted => Advice {
            recognised: "The rows of a page are a base, perhaps deltas, then a full image that no checkpoint reached, and a discard \
                record that names this image; and the excess of the tree's size has room for the chain below it.",
            cause: "The error path of a failed reconciliation discarded the new image and gave the page id up; the next attempt took \
                a new id, and the old chain was never subtracted (WT-17034, WT-16864).",
            evidence: "The LSNs of the chain and its bytes, and the failed image.",
            next: &["Nothing is lost, and the rows are discarded already: only the size is wrong.", PLAN],
        },
        Code::DuplicateDelta => Advice {
            recognised: "A delta that no cookie reaches, of a chain that went on another way after it.",
            cause: "A reconciliation failed behind the put of a delta, and was tried again.",
            evidence: "The row's LSN, and the delta that took its place.",
            next: &["Nothing to do. It is told so that every row of the page log is accounted for."],
        },
        Code::PageMissing => Advice {
            recognised: "A cookie of the checkpoint (in an internal page, or a tree's root, or the turtle page) names a page version, \
                and the page log has no row with that table, page and LSN.",
            cause: "A root that lies under the id of a table that was dropped (WT-18509): the finding names that id. A copy that was taken \
                while the node ran or that left files out; a database file that is damaged or absent (see \
                store-damaged); rows that were trimmed too early; a discard that should not have been.",
            evidence: "The page that holds the reference; whether other rows of the page are there; whether the file of its table is \
                listed as missing or damaged.",
            next: &[
                KEEP,
                "Compare the files of the copy with where they came from: a shard that is missing explains hundreds of these at once.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageChecksum => Advice {
            recognised: "The checksum field in the block's header is compared with the one its cookie (or the delta above it) expects, \
                and the crc32c of the block's bytes with the field.",
            cause: "Expected and stored differ: another block lies there, or the reference is damaged. Stored and computed differ: \
                bytes were changed after they were written; a single flipped bit points at memory or the medium.",
            evidence: "A flipped bit is located, by its byte and number; the audit puts it right in memory and goes on below it. \
                Zeros in multiples of 4,096 bytes point at the file system.",
            next: &[
                KEEP,
                "The engine panics when it reads this page ('fatal read error'): a node that does not start may die of it again and \
                 again. Do not restart it in a loop.",
                PAGE,
                "If a log holds the dump of the block, judge that: `wtcheck decode --from-log LOG`.",
                MEDIUM,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageHeader => Advice {
            recognised: "Page type, flags, sizes, record number, magic, versions and unused bytes of both headers are held against \
                the rules of the format.",
            cause: "With a checksum that holds: written that way, by software. Where the checksum covers the first 64 bytes only, \
                damage behind them can also show here.",
            evidence: "The field and its value; whether the block's flags say that the checksum covers everything.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER, REPLICA],
        },
        Code::PageUndecodable => Advice {
            recognised: "The block is decompressed, and its cells are parsed to the last one: types, order, counts, lengths, time \
                windows in themselves and against the parent's. --deep does so for leaf pages, too.",
            cause: "Damage that a checksum of 64 bytes does not cover; or a page written wrong; or a compressor that was guessed \
                wrong (the finding says which was tried).",
            evidence: "The rule that is broken and the byte where. Under a checksum over the whole block, suspect software.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER, REPLICA],
        },
        Code::ChainBroken => Advice {
            recognised: "The blocks of a page, newest first: each must name its predecessor by backlink LSN, base LSN and previous \
                checksum, deltas must be flagged so, and the last must be a base image.",
            cause: "A row is missing or was replaced: a copy that lacks frames of a write-ahead log, a damaged database file, a row \
                written over.",
            evidence: "Which link fails, and the rows that are there. Is one LSN of the chain absent, look for it in the table's other \
                rows.",
            next: &[
                KEEP,
                "Was the copy made without the -wal files? Copy database and -wal together, and audit again.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::ChainTooLong => Advice {
            recognised: "More than 32 deltas lie between the newest block of a page and its base image.",
            cause: "A writer without the limit, or rows of two chains that were taken for one.",
            evidence: "The number of deltas, and their backlinks.",
            next: &[KEEP, PAGE, WRITTEN_SO, OLDER],
        },
        Code::CookieSizeMismatch => Advice {
            recognised: "The size in a cookie is compared with the length of all blocks of the page's chain, and with that of the \
                newest one alone, which builds before 2026-01-29 wrote.",
            cause: "A row of the chain has another length than when it was written, or the cookie was packed from wrong numbers.",
            evidence: "Both lengths and the cookie's. The page itself can usually be read.",
            next: &[PAGE, "Readers are not stopped by it in release builds; sums of sizes are wrong.", WRITTEN_SO],
        },
        Code::CookieInvalid => Advice {
            recognised: "Address cookies are decoded field by field: version, page id, LSNs, size, and no byte left over. Of local \
                files: offset and size within the file, in whole allocation units.",
            cause: "The page that holds it is damaged (see its own finding), or it was packed wrong.",
            evidence: "The bytes of the cookie, and the page that holds it.",
            next: &[KEEP, "Decode it by itself: `wtcheck decode cookie HEX`.", PAGE, OLDER, REPLICA],
        },
        Code::CookieUnsupported => Advice {
            recognised: "A version pair whose minimum reader version is above what this wtcheck knows.",
            cause: "The store was written by a newer engine.",
            evidence: "Version and minimum version in the finding.",
            next: &[
                "Use a newer wtcheck. Nothing is said of what lies below.",
                "An engine that is older than the writer refuses the store in the same way: do not downgrade into it.",
            ],
        },
        Code::ChildNewerThanParent => Advice {
            recognised: "The LSN in a child's cookie is not below the LSN of the page that holds the cookie.",
            cause: "LSNs were given out twice (a counter that went back: see lsn-counter-behind), or the reference is not what was \
                written.",
            evidence: "Both LSNs, and the store's counter.",
            next: &[
                KEEP,
                PAGE,
                "Do not let anything write to this store: LSNs may be given out again.",
                OLDER,
                REPLICA,
            ],
        },
        Code::PageCycle => Advice {
            recognised: "On the way down from the root a page is met that is its own ancestor.",
            cause: "A reference that was packed wrong, or an internal page of another time.",
            evidence: "The page that holds the reference, and the page it leads back to.",
            next: &[
                KEEP,
                "A reader that follows it never ends: a node that hangs at start with one busy thread may be in here.",
                PAGE,
                OLDER,
                REPLICA,
            ],
        },
        Code::PageReferencedTwice => Advice {
            recognised: "Two cookies of one checkpoint's tree name the same page, or the same block of a file.",
            cause: "A split that was published twice, or an internal page of another time.",
            evidence: "Both parents. The keys between them tell which one is right.",
            next: &[
                KEEP,
                "Let nothing write to it: the next change below one parent frees a page that the other still needs.",
                PAGE,
                REPLICA,
            ],
        },
        Code::PageIdOutOfRange => Advice {
            recognised: "Page ids of trees are held against 100 (below are reserved) and the checkpoint's next_page_id.",
            cause: "A checkpoint entry of another time than its pages, or an id given out twice after a restart.",
            evidence: "The id, and next_page_id of the entry.",
            next: &[KEEP, PAGE, "If next_page_id is behind, the next writer gives out ids that are in use.", OLDER],
        },
        Code::KeyOutOfOrder => Advice {
            recognised: "--deep: keys are put together (prefixes, overflow keys) and compared in byte order, within a page, with the \
                separators above, and with the neighbours.",
            cause: "Software, where the checksum holds. A table with a collator of its own is in another order: then it is no fault.",
            evidence: "The two keys by their place (shown with --show), and the page.",
            next: &[
                "Does the table have a custom collator? wtcheck compares bytes and does not know it: ignore the finding then.",
                KEEP,
                PAGE,
                "Searches miss rows: validate the collection on a copy, and bring the table back from a healthy member.",
            ],
        },
        Code::DiscardedInUse => Advice {
            recognised: "A page that the checkpoint reaches has a discard record at or below the LSN of its tree's root; as a note, above \
                the root and at or below the LSN of the turtle page.",
            cause: "The page was freed twice, or its parent was written from a state before the free. Below the address of a truncated \
                page: builds of before June 2026 discarded it before the checkpoint was complete (WT-17430).",
            evidence: "The LSN of the discard record, and the page that refers to the discarded one.",
            next: &[
                KEEP,
                "The page log may drop the page at any time: copy the store now, while the page is there.",
                PAGE,
                REPLICA,
            ],
        },
        Code::TurtleChecksum => Advice {
            recognised: "The crc32c of the turtle page's bytes is compared with `metadata_checksum` of the completion record.",
            cause: "The page was damaged after it was written, or the record is of another page.",
            evidence: "Both checksums, and whether the page parses; a single flipped bit is named.",
            next: &[
                KEEP,
                "The pick-up of this checkpoint fails with EIO 'Checkpoint metadata corruption detected'; the one before it can be \
                 picked up. What each standby would do: `wtcheck pickup replay DIR`.",
                "Was everything lost that lies above the older checkpoint, and is that bearable? Then \
                 `wtcheck repair plan DIR --drop-completion LSN -o plan.yaml` falls back to it.",
                REPLICA,
            ],
        },
        Code::TurtleInvalid => Advice {
            recognised: "The text of the turtle is parsed: keys that must be there, numbers, the checkpoint list of the metadata, \
                versions that belong together.",
            cause: "Of a page log: another build's form, or damage. Of a local home: a file that was cut, emptied or mixed up by a \
                copy; editors; a full disk.",
            evidence: "The place and the rule. Of a local home: the copy of the checkpoint in WiredTiger.wt itself, which the audit \
                goes on from.",
            next: &[
                KEEP,
                "Of a local home: do not start the engine on it. Without a usable turtle it may take the directory for a new \
                 database, and renames WiredTiger.wt.",
                "Of a local home: `wtcheck repair plan DIR -o plan.yaml` proposes a turtle; apply it to a copy and audit that.",
                "Of a page log: `wtcheck decode turtle @FILE` on the page's bytes; pick up the older checkpoint.",
            ],
        },
        Code::CompletionInvalid => Advice {
            recognised: "The text of a completion record is parsed, and its metadata LSN must be below its own.",
            cause: "Another build's form, or damage in checkpoints.db.",
            evidence: "The text and the rule. Records before it are judged by themselves.",
            next: &[
                "Decode it: `wtcheck decode completion @FILE`.",
                "The audit stands on the newest record that can be used. What a standby does: `wtcheck pickup replay DIR`.",
                OLDER,
            ],
        },
        Code::CompletionMissing => Advice {
            recognised: "The store of completion records can be read, and holds none; or the counters name a later checkpoint as \
                completed than the newest record is of.",
            cause: "A store on which no checkpoint was ever completed; a checkpoints.db of another node, or emptied; a record taken out.",
            evidence: "Whether the page log has turtle pages (table 2, page 1): then there were checkpoints.",
            next: &[
                KEEP,
                "Is checkpoints.db the one that belongs here? Copy it again, with its -wal.",
                "The leader's or a standby's log quotes completion records: `wtcheck decode completion TEXT` tells whether one fits.",
            ],
        },
        Code::CheckpointOrder => Advice {
            recognised: "The checkpoints of the shared metadata, in the order of their completion records: number, root address, and the \
                schema epoch of the turtle page.",
            cause: "Two leaders, or a leader that began from an older checkpoint than the newest one. Builds since 2026-08-27 give every \
                checkpoint a higher number, whichever node writes it (WT-16494).",
            evidence: "Both numbers, and the record of the checkpoint before.",
            next: &[
                "Nothing is lost here: the audit stands on the newest record. A node that has the other checkpoint of this number in its \
                 local metadata discards that, with a warning.",
                "Were there two leaders at that time? The logs of the nodes tell, by the LSNs of both records.",
            ],
        },
        Code::MetadataInvalid => Advice {
            recognised: "Rows of the metadata are parsed as configuration text: the checkpoint list with its required keys, ids, \
                sources that lead to other rows.",
            cause: "A leaf of the metadata that is damaged, or a build with another form.",
            evidence: "The key of the row, and what of it is wrong.",
            next: &[KEEP, "The other trees were audited all the same; this one was not.", OLDER, REPLICA],
        },
        Code::DuplicateTreeId => Advice {
            recognised: "Two `file:` rows of the metadata carry the same `id=`.",
            cause: "Ids given out twice: by two leaders, or after the highest id in use was forgotten.",
            evidence: "Both URIs. Rows of the page log under this id may belong to either; the root of a file that has its data there is \
                found under the id, that of the other is not.",
            next: &[
                KEEP,
                "A standby panics on it: 'checkpoint pickup would leave btree ID N shared by ...'. An engine with local files does \
                 not open the directory.",
                "Drop neither of the two while they share the id: a drop trims every page under it, those of the other file too.",
                "See which of them has its pages under the id: `wtcheck audit DIR --checkpoint LSN` with checkpoints of before there \
                 were two. Copy the data of that one out, or make sure that a healthy member has it.",
                "wiredtiger_repair with fix=(id=(old,new)) gives a file a new id in the metadata only: its pages stay under the old \
                 id, and nobody finds them under the new one (WT-18201). So renumber the file whose data is not there, or is saved; \
                 never the only copy. Ask support before.",
                "Only then drop the file with the new id, and create it again from what was saved.",
            ],
        },
        Code::MissingStableFile => Advice {
            recognised: "A `layered:` row names a `stable` file that has no row of its own in the shared metadata.",
            cause: "A drop or a create that was published half: a table that was created again and not published, or one that was dropped \
                and came back (WT-18093).",
            evidence: "The layered URI and the file it wants. An older checkpoint that has the file speaks for a drop that came back; a \
                table of the page log that no checkpoint names, for a new file that was not published.",
            next: &[
                "A pick-up fails with EINVAL 'Missing shared file: metadata entry', at every standby: \
                 `wtcheck pickup replay DIR` shows the checkpoint they stop at.",
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
            cause: "Damage, or a header of a build that is newer or older than those known.",
            evidence: "The rule that fails. Payloads are never shown; `wtcheck decode keystore` tells length and checksum.",
            next: &[
                KEEP,
                "A wrong signature aborts the process that loads it: keep standbys from picking this checkpoint up.",
                "See every checkpoint's outcome: `wtcheck pickup replay DIR`.",
                OLDER,
            ],
        },
        Code::KeyNotRotated => Advice {
            recognised: "The key table has one page, at least two checkpoints embed it, and the newest of them is more than 90 days \
                younger, by their timestamps, or by LSNs that are made of times.",
            cause: "Rotation is off; or the provider is asked to load an empty key at every checkpoint and takes that for a fresh start \
                (WT-17692).",
            evidence: "When the key was written, when the newest checkpoint was, and how many embed it.",
            next: &[
                "Nothing is wrong with the data. Ask whether keys are to be rotated here, and how often.",
                "Rotate once by hand. If the next checkpoint embeds the new key page, the rotation clock is at fault.",
            ],
        },
        Code::PageIdReused => Advice {
            recognised: "An image in use lies above a discard record of its page, and its backlink names an image from before the discard.",
            cause: "Builds of before 2026-04-09 used a page id again that they had freed (WT-17130).",
            evidence: "The first such page of the table, the discard record, and how many pages there are.",
            next: &["Nothing to do: the pages are whole. Upgrade, so that it does not go on."],
        },
        Code::StaleKeystore => Advice {
            recognised: "For every completion record: the key LSN that its turtle page embeds, against the newest key page below the \
                record's metadata LSN.",
            cause: "A key rotation was written while the checkpoint was being taken: the key page is in the log before the turtle \
                page, which still names the key before.",
            evidence: "Both key LSNs and the record. Only standbys that have committed the newer key refuse it; a fresh one does not.",
            next: &[
                "Is a standby dead or falling behind? Its log tells: `wtcheck pickup explain LOG --home DIR` says which checkpoint and \
                 which rule it was.",
                "Complete another checkpoint on the leader: it embeds the newer key, and a standby can take it.",
                "A standby that aborts (SIGABRT after 'Invalid argument' at the key) meets the same checkpoint again at restart: hold \
                 it down until the next checkpoint is complete, or start it fresh.",
                "What each policy would do: `wtcheck pickup replay DIR`.",
            ],
        },
        Code::LsnCounterBehind => Advice {
            recognised: "The counters in the store's globals are compared with the highest LSN of any row or record, and with the number \
                of the newest completion record.",
            cause: "A globals.db of another time than the rest: a copy taken file by file while the node ran.",
            evidence: "The counter and the highest LSN.",
            next: &[
                "Do not start a writer on this copy: it would give LSNs out again, and rows would replace each other.",
                "Copy all files of the store together, with their -wal, from a node that is down.",
                "A repair that writes a checkpoint sets the counter first: `wtcheck repair plan DIR -o plan.yaml` says whether there is \
                 something else to mend.",
            ],
        },
        Code::StoreDamaged => Advice {
            recognised: "SQLite, the LMDB reader or the system says that a part of a file cannot be read, or a file is missing that the \
                store's own lists name.",
            cause: "A damaged database page, a file cut short, an error of the medium, a copy that ended early, a file without \
                permission.",
            evidence: "The file, the library's words, and which tables it may affect. Rows of those tables that are not found are not \
                reported as missing.",
            next: &[
                KEEP,
                MEDIUM,
                "Copy the file again from its source; compare sizes and checksums of the copies.",
                "For SQLite, its own recovery works on a copy (`sqlite3 FILE .recover`); audit what comes out of it.",
                REPLICA,
            ],
        },
        Code::UnlistedTable => Advice {
            recognised: "The page log has rows under a table id that no `file:` row of any readable checkpoint has.",
            cause: "A table created after the newest checkpoint, or a dropped one whose checkpoints are gone.",
            evidence: "Its rows and their LSNs, against the newest checkpoint's.",
            next: &[
                "Nothing to do while its rows are newer than the newest checkpoint.",
                "List what is left: `wtcheck orphans DIR`.",
            ],
        },
        Code::BlockChecksum => Advice {
            recognised: "The checksum in the block's header is compared with the one in the cookie that leads to it, and the crc32c of \
                the block (or of its first 64 bytes) with both.",
            cause: "Cookie and header differ: another block lies there, because a write was lost or went elsewhere, or the file is of \
                another time. The bytes differ: the medium, memory, or a tool that wrote into the file.",
            evidence: "A single flipped bit is located by byte and number. `needed by` tells which checkpoints need the block; zeros \
                and foreign blocks are named.",
            next: &[
                KEEP,
                "The engine panics when it reads the block ('potential hardware corruption, read checksum error'): do not restart it \
                 in a loop.",
                BLOCK,
                "Was the block dumped to the log? `wtcheck decode --from-log LOG`.",
                MEDIUM,
                FILE_BACK,
                "With nothing to restore from: salvage on a copy drops the block's rows and keeps the rest.",
            ],
        },
        Code::BlockHeader => Advice {
            recognised: "Page type, flags, sizes, unused bytes; of extent lists also order, alignment, magic.",
            cause: "Software, as the checksum holds; or a list block that belongs to another state of the file.",
            evidence: "The rule and the block's offset.",
            next: &[KEEP, BLOCK, FILE_BACK],
        },
        Code::ExtentOverlap => Advice {
            recognised: "Every byte of the file is booked: trees of all checkpoints, roots, list blocks, free space of the newest one. A \
                range with two owners that may not share it is told.",
            cause: "An avail list that names space in use: files of two times mixed, a salvage or a restore that was interrupted, or a \
                bug in freeing.",
            evidence: "The range and both owners; a picture of it: `wtcheck map FILE`.",
            next: &[
                KEEP,
                "Do not open the directory for writing: the next checkpoint may put a block over live data.",
                "The engine's verify does not see free space over a tree block; a clean verify does not contradict this.",
                "Dump the table from a copy opened read-only, or bring it back from a healthy member.",
            ],
        },
        Code::ExtentLost => Advice {
            recognised: "As extent-overlap: a range with no owner at all. Also a block of a tree that the checkpoint's allocation lists \
                do not name.",
            cause: "A free that was never booked, or a list that was written without the range.",
            evidence: "The range, and what lies in it: a valid block, which, or zeros.",
            next: &[
                "Space is lost and nothing else, unless the file has other findings: then read those first.",
                "See where: `wtcheck map FILE`, and what: `wtcheck page FILE --offset N`.",
                "Compact does not give it back. Dump and load, or an initial sync, does.",
            ],
        },
        Code::ExtentBeyondEof => Advice {
            recognised: "Offsets and sizes of cookies and list entries are held against the file size of the checkpoint that they \
                belong to.",
            cause: "A file that was cut, a file of an older time, or a reference that was written wrong.",
            evidence: "The address and the size; whether the file itself is shorter than its checkpoint says (file-size-mismatch).",
            next: &[KEEP, "Copy the file again from its source and compare the sizes.", FILE_BACK],
        },
        Code::FileSizeMismatch => Advice {
            recognised: "The size of the file is compared with the file size in the cookie of its newest checkpoint.",
            cause: "Too short: a copy that ended early, a full disk, a file system that lost its end. Too long: blocks written after \
                the last checkpoint (a crash; then it is a note), or garbage.",
            evidence: "How many bytes are missing or too many, and how many blocks of checkpoints lie behind the end.",
            next: &[
                "Too long, and only that: nothing to do; the engine cuts it at the next writable open.",
                KEEP,
                "Too short: copy the file again. Its source is likely to be whole.",
                FILE_BACK,
            ],
        },
        Code::CheckpointSizeMismatch => Advice {
            recognised: "`size=` of a checkpoint entry is compared with the sum of its tree's blocks and the root; the size in its \
                cookie with the sum without the root.",
            cause: "The running number went wrong at one checkpoint and has been carried on since.",
            evidence: "By how many bytes each of the two numbers is off, at each checkpoint: where it began.",
            next: &["No data is affected: it is a number in statistics.", PLAN],
        },
        Code::FileMissing => Advice {
            recognised: "Files that the metadata lists, and those that every home has, against the directory.",
            cause: "A copy that left files out; a directory-per-db or journal path of its own that was not copied; a deletion by hand.",
            evidence: "Who needs the file: the metadata row, or the engine at start.",
            next: &[
                KEEP,
                "Do not start the engine on it: without WiredTiger.turtle it takes the directory for a new database and renames \
                 WiredTiger.wt.",
                "Look where the directory came from, and on the same volume for the file (lost+found, a mount that is not there).",
                "A missing turtle can be written anew: `wtcheck repair plan DIR -o plan.yaml`, then apply it to a copy.",
                FILE_BACK,
            ],
        },
        Code::FileUnlisted => Advice {
            recognised: "Block files in the directory that no row of the metadata names, the log's newest commits among them.",
            cause: "A drop that left the file behind; a file copied in by hand; a table created after the last checkpoint.",
            evidence: "The name, and whether MongoDB's catalog or a metadata file that was put aside knows it: then it is an error.",
            next: &[
                "Do not delete it on a guess: `wtcheck audit FILE` says what is in it.",
                "The name of the table may stand in the log of the node: search it for a drop or a create.",
            ],
        },
        Code::MetadataReplaced => Advice {
            recognised: "A file WiredTiger.wt.N, and files in the directory that its rows name and the metadata's do not.",
            cause: "The turtle was lost or left out of a copy, and an engine opened the directory for writing.",
            evidence: "How many rows the file that was put aside has, and how many of their files are here.",
            next: &[
                "Stop the server and leave it stopped: a mongod on the new metadata finds no collection, and may drop files.",
                KEEP,
                "In the copy: remove WiredTiger.wt and WiredTiger.turtle, and rename WiredTiger.wt.1 to WiredTiger.wt.",
                "Have the turtle written: `wtcheck repair plan COPY -o plan.yaml`, then `wtcheck repair apply plan.yaml \
                 --output NEWDIR`. Log files that the new metadata wrote do not belong to the old one: leave those out.",
            ],
        },
        Code::ConfigurationInvalid => Advice {
            recognised: "The text is parsed as the engine does, and its keys and values are compared with those that the engine knows.",
            cause: "A bit that changed on the medium, a file that was edited or cut.",
            evidence: "The byte, and what is wrong there.",
            next: &[
                KEEP,
                "In the copy, put the byte right with an editor, or copy the file from a backup of the same home.",
                "mongod does not use WiredTiger.basecfg: of its homes that file can be left out.",
            ],
        },
        Code::CatalogMismatch => Advice {
            recognised: "Each ident in _mdb_catalog is looked up in the engine's metadata, and each collection-* and index-* table of \
                the metadata in the catalog.",
            cause: "A metadata file of another time, a table removed with the engine's tools, or a file deleted by hand before a start.",
            evidence: "The namespace, the index, the ident; whether its file lies in the directory.",
            next: &[
                KEEP,
                "Do not start mongod with --repair: it fails on such a catalog, or removes the collection from it.",
                REPLICA,
                "Where the file of the ident is still here, look into it: `wtcheck audit FILE`.",
            ],
        },
        Code::CountMismatch => Advice {
            recognised: "The rows of a collection are counted and compared with numRecords in sizeStorer, and with the entries of its \
                _id index. A file is only counted row by row where its page headers make the number doubtful, or with --deep.",
            cause: "A crash, which the stored count does not survive exactly; a fault that wrote a collection without its index.",
            evidence: "The two numbers, and the file that the wrong one is of.",
            next: &[
                "A stored count does no harm beyond a wrong count(). Validate the collection: that sets it right.",
                "An _id index with other entries than documents: validate with full: true, and resync the member or rebuild the index.",
            ],
        },
        Code::HistoryUnowned => Advice {
            recognised: "File numbers of the records in WiredTigerHS.wt that no row of the metadata has.",
            cause: "A table was dropped, or the files were copied one after the other while the server ran.",
            evidence: "The number, and how many records have it.",
            next: &["Nothing is to be done: nobody reads these records, and the engine removes them in time."],
        },
        Code::DescriptorInvalid => Advice {
            recognised: "Magic, version and checksum of the first block; the allocation size is what the checksum confirms.",
            cause: "The beginning of the file was overwritten or zeroed: a partition tool, a medium, a sparse copy.",
            evidence: "Whether the block is zero, and whether the blocks behind it are whole.",
            next: &[
                KEEP,
                "The engine says 'does not appear to be a WiredTiger file', or asks for salvage of WiredTiger.wt.",
                "Are blocks behind it whole? `wtcheck map FILE`. Then only this block is to be rebuilt, and it holds no data.",
                FILE_BACK,
            ],
        },
        Code::RecoveryMismatch => Advice {
            recognised: "The copy of the newest checkpoint behind the file's own avail list is compared, field by field, with the entry \
                in the metadata.",
            cause: "File and metadata are of different times: a restore of one file, a copy of a running node, an entry edited by \
                hand.",
            evidence: "Which fields differ, and the generation of the copy.",
            next: &[
                "Find out where both come from, and take both from the same copy.",
                "`wtcheck audit FILE` judges the file by its own copy.",
                KEEP,
            ],
        },
        Code::LogDamaged => Advice {
            recognised: "Log files are read record by record: length, checksum, flags, the link to the file before, and what follows the \
                end.",
            cause: "A hole or a bad checksum before the end is damage; a torn last record is normal and not told as this.",
            evidence: "File and offset of the damage, and whether commits follow it.",
            next: &[
                KEEP,
                "Recovery stops there: commits behind it are lost on this node. Where the node is a member of a set, they are on the \
                 others.",
                "Copy the log files again from their source.",
                REPLICA,
            ],
        },
        Code::RecoveryNeeded => Advice {
            recognised: "Commit records lie behind the last checkpoint record of the log.",
            cause: "The engine was not shut down cleanly: a crash, a kill, a copy of a running node.",
            evidence: "How many commits, and from which LSN on.",
            next: &[
                "Nothing to do: the engine replays them at the next start.",
                "If nothing may be changed, start it on a copy.",
            ],
        },
        Code::Encrypted => Advice {
            recognised: "Page or block flags say that the content is encrypted.",
            cause: "Encryption at rest. It is no fault.",
            evidence: "Checksums and sizes were verified; how many blocks could not be followed.",
            next: &[
                "Nothing to do. The verdict covers what can be seen without the key.",
                "Of a page log, trees below an encrypted root are not walked: rows of theirs count as undetermined, not as orphans.",
            ],
        },
        Code::UnsupportedCompressor => Advice {
            recognised: "The page is compressed, and no compressor that wtcheck has (snappy, zlib, zstd, lz4) fits its framing.",
            cause: "A compressor of the application's own.",
            evidence: "block_compressor= in the metadata of the table.",
            next: &["Nothing to do. Name it if it is a known one: `wtcheck decode page @FILE --compressor zstd`."],
        },
    }
}
