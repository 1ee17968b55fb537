//! Numbers that a server log shows: errors of the system, errors of the engine, and fatal assertions of
//! mongod; what each means, and how far it can be trusted.

use super::cause::Cause;

/// An error of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::upper_case_acronyms, reason = "the system's own names")]
pub enum Errno {
    EPERM,
    ENOENT,
    EIO,
    EBADF,
    EAGAIN,
    ENOMEM,
    EACCES,
    EBUSY,
    EEXIST,
    ENODEV,
    ENOTDIR,
    EISDIR,
    EINVAL,
    ENFILE,
    EMFILE,
    EFBIG,
    ENOSPC,
    EROFS,
    ENAMETOOLONG,
    ENOTSUP,
    ETIMEDOUT,
    ESTALE,
    EUCLEAN,
    EREMOTEIO,
    EDQUOT,
    /// One of the engine's own.
    Engine(i32),
}

/// What is known of an error of the system.
#[derive(Debug, Clone, Copy)]
pub struct ErrnoRow {
    pub errno: Errno,
    pub name: &'static str,
    /// On Linux.
    pub number: i32,
    /// As the C library says it, and Windows.
    pub texts: &'static [&'static str],
    pub meaning: &'static str,
    /// The cause that a failed system call with it has.
    pub cause: Option<Cause>,
}

macro_rules! errnos {
    ($($errno:ident $number:literal $texts:expr, $cause:expr, $meaning:literal;)+) => {
        /// Errors of the system that a server log may show.
        pub const ERRNOS: &[ErrnoRow] = &[$(ErrnoRow {
            errno: Errno::$errno,
            name: stringify!($errno),
            number: $number,
            texts: $texts,
            meaning: $meaning,
            cause: $cause,
        },)+];
    };
}

errnos! {
    EPERM 1 &["Operation not permitted"], Some(Cause::EpermOpen),
        "The engine opens files without access times (O_NOATIME), which only the owner of a file may do. The file belongs to someone else, or is on a bind-mounted file system that refuses it.";
    ENOENT 2 &["No such file or directory", "The system cannot find the file specified.", "The system cannot find the path specified."], None,
        "A file or a directory is missing. What that means depends on which one.";
    EIO 5 &["Input/output error", "The request could not be performed because of an I/O device error."], Some(Cause::Eio),
        "The device, or something between it and the system, failed a read or a write.";
    EBADF 9 &["Bad file descriptor"], Some(Cause::SystemCall),
        "A file was closed while it was in use: a program bug, not a disk problem.";
    EAGAIN 11 &["Resource temporarily unavailable", "The process cannot access the file because another process has locked a portion of the file."], Some(Cause::LockBusy),
        "For a lock: another process holds it.";
    ENOMEM 12 &["Cannot allocate memory", "Not enough memory resources are available to process this command."], Some(Cause::OutOfMemory),
        "The system had no memory left.";
    EACCES 13 &["Permission denied", "Access is denied."], Some(Cause::EaccesOpen),
        "The user that mongod runs as is not allowed to do that. Two messages about versions end in the same words but are not about permissions.";
    EBUSY 16 &["Device or resource busy"], Some(Cause::DropBusy),
        "Something else is using it. For drop, verify or salvage: an open cursor or a checkpoint; try again.";
    EEXIST 17 &["File exists"], Some(Cause::ObjectExists),
        "The file already exists. The engine sets it aside under another name and goes on.";
    ENODEV 19 &["No such device"], Some(Cause::MmapFailed),
        "For mmap: the file system cannot map files; the engine reads them the ordinary way.";
    ENOTDIR 20 &["Not a directory"], Some(Cause::EnoentHome),
        "Part of the path is a file.";
    EISDIR 21 &["Is a directory"], Some(Cause::SystemCall),
        "There is a directory where a file should be.";
    EINVAL 22 &["Invalid argument"], None,
        "A configuration, a row of the metadata, a rule about timestamps, or a pick-up was refused. The number alone says little: a failed pick-up always ends in it.";
    ENFILE 23 &["Too many open files in system"], Some(Cause::Emfile),
        "The system has no file handles left.";
    EMFILE 24 &["Too many open files"], Some(Cause::Emfile),
        "The process cannot open more files.";
    EFBIG 27 &["File too large"], Some(Cause::Enospc),
        "A file reached the limit of the file system or of the process.";
    ENOSPC 28 &["No space left on device", "There is not enough space on the disk."], Some(Cause::Enospc),
        "The disk is full, or has no inodes left.";
    EROFS 30 &["Read-only file system", "The media is write protected."], Some(Cause::Erofs),
        "The file system is mounted read-only, or was made so after errors.";
    ENAMETOOLONG 36 &["File name too long"], Some(Cause::SystemCall),
        "A path is longer than the file system allows.";
    ENOTSUP 95 &["Operation not supported"], None,
        "From the engine: a format or a configuration from a newer release.";
    ETIMEDOUT 110 &["Connection timed out"], Some(Cause::CacheStuck),
        "From the engine: the cache was full and nothing could be evicted for too long.";
    ESTALE 116 &["Stale file handle", "Stale NFS file handle"], Some(Cause::Estale),
        "A network file system lost the file.";
    EUCLEAN 117 &["Structure needs cleaning"], Some(Cause::FileSystemDamaged),
        "The file system reports that it is itself damaged.";
    EREMOTEIO 121 &["Remote I/O error"], Some(Cause::Eio),
        "A network file system or a remote device failed a read or a write.";
    EDQUOT 122 &["Disk quota exceeded"], Some(Cause::Enospc),
        "The user's disk quota is used up.";
}

/// An error of the engine.
#[derive(Debug, Clone, Copy)]
pub struct EngineError {
    pub number: i32,
    pub name: &'static str,
    /// As the engine says it.
    pub text: &'static str,
    pub meaning: &'static str,
}

macro_rules! engine_errors {
    ($($number:literal $name:literal $text:literal, $meaning:literal;)+) => {
        /// Errors of the engine.
        pub const ENGINE_ERRORS: &[EngineError] = &[$(EngineError {
            number: $number,
            name: $name,
            text: $text,
            meaning: $meaning,
        },)+];
    };
}

engine_errors! {
    -31800 "WT_ROLLBACK" "conflict between concurrent operations",
        "A transaction conflicted with another and must be retried. Normal; eviction may also have rolled it back to make room.";
    -31801 "WT_DUPLICATE_KEY" "attempt to insert an existing key",
        "A key was inserted that already exists.";
    -31802 "WT_ERROR" "non-specific WiredTiger error",
        "Something about a block, a root, a short read or a wrong magic number. The text of the line says what.";
    -31803 "WT_NOTFOUND" "item not found",
        "What was looked for is not there. As the only answer to an open it means a truncated turtle.";
    -31804 "WT_PANIC" "WiredTiger library panic",
        "The engine stopped itself after an error it cannot recover from. It is never a cause: every later call of every thread gets it, on sound files too. The cause is the first error before it.";
    -31805 "WT_RESTART" "restart the operation (internal)",
        "Internal to the engine; it should never be seen.";
    -31806 "WT_RUN_RECOVERY" "recovery must be run to continue",
        "The dbPath was not shut down cleanly and was opened in a way that forbids recovery.";
    -31807 "WT_CACHE_FULL" "operation would overflow cache",
        "An in-memory engine is out of memory.";
    -31808 "WT_PREPARE_CONFLICT" "conflict with a prepared update",
        "A prepared transaction is in the way.";
    -31809 "WT_TRY_SALVAGE" "database corruption detected",
        "Weak evidence: the engine turns the error of a failed open into this whenever anything set its corruption flag, including a missing file, a full disk or a failed write. The cause is the first error before it.";
    -32000 "WT_NONE" "no additional context",
        "Nothing more is known.";
    -32001 "WT_BACKGROUND_COMPACT_ALREADY_RUNNING" "background compaction is already running",
        "Harmless.";
    -32002 "WT_CACHE_OVERFLOW" "cache capacity has overflown",
        "There is too little room in the cache.";
    -32003 "WT_WRITE_CONFLICT" "write conflict between concurrent operations",
        "Normal; the transaction is retried.";
    -32004 "WT_OLDEST_FOR_EVICTION" "oldest pinned transaction ID rolled back for eviction",
        "A transaction too large or too old for the cache was rolled back.";
    -32005 "WT_CONFLICT_BACKUP" "conflict with a backup operation",
        "A backup is under way; try again after it.";
    -32006 "WT_CONFLICT_DHANDLE" "another thread currently holds the data handle",
        "The table is in use; try again.";
    -32007 "WT_CONFLICT_SCHEMA_LOCK" "another thread currently holds the schema lock",
        "Another schema change is under way; try again.";
    -32008 "WT_UNCOMMITTED_DATA" "table has uncommitted data",
        "The table cannot be dropped or verified now.";
    -32009 "WT_DIRTY_DATA" "table has dirty data",
        "The table cannot be dropped or verified before a checkpoint.";
    -32010 "WT_CONFLICT_TABLE_LOCK" "another thread currently holds the table lock",
        "The tables are in use; try again.";
    -32011 "WT_CONFLICT_CHECKPOINT_LOCK" "another thread currently holds the checkpoint lock",
        "A checkpoint is under way; try again after it.";
    -32012 "WT_MODIFY_READ_UNCOMMITTED" "modify not supported under read-uncommitted isolation",
        "A bug in the program that called the engine.";
    -32013 "WT_CONFLICT_LIVE_RESTORE" "conflict with a live restore",
        "A live restore is under way.";
}

/// The error whose words stand at the beginning of a squeezed text, and their length.
pub(crate) fn errno_at(lower: &[u8]) -> Option<(Errno, usize)> {
    let squeezed = |t: &str| -> Vec<u8> {
        t.bytes().filter(|c| !c.is_ascii_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
    };
    // Of "Too many open files in system" and its beginning the longer one.
    let system = ERRNOS.iter().flat_map(|row| row.texts.iter().map(move |t| (row.errno, squeezed(t))));
    let engine = ENGINE_ERRORS.iter().map(|e| (Errno::Engine(e.number), squeezed(e.name)));
    let found = system.chain(engine).filter(|(_, words)| lower.starts_with(words)).max_by_key(|(_, w)| w.len());
    let (errno, mut words) = found?;
    if let Errno::Engine(number) = errno
        && let Some(row) = engine_error(number)
    {
        let whole = squeezed(&format!("{}: {}", row.name, row.text));
        if lower.starts_with(&whole) {
            words = whole;
        }
    }
    Some((errno, words.len()))
}

/// The row of an error of the system.
pub fn errno_row(errno: Errno) -> Option<&'static ErrnoRow> {
    ERRNOS.iter().find(|row| row.errno == errno)
}

/// The row of an error of the engine.
pub fn engine_error(number: i32) -> Option<&'static EngineError> {
    ENGINE_ERRORS.iter().find(|e| e.number == number)
}

impl Errno {
    /// `EPERM`, `WT_PANIC`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine(number) => engine_error(number).map_or("WT_ERROR", |e| e.name),
            other => errno_row(other).map_or("?", |row| row.name),
        }
    }
}

/// A fatal assertion of mongod.
#[derive(Debug, Clone, Copy)]
pub struct Assertion {
    pub number: u32,
    /// What it says.
    pub meaning: &'static str,
    /// The cause, where the assertion is one itself; else it follows from a line before it.
    pub cause: Option<Cause>,
}

macro_rules! assertions {
    ($($number:literal $cause:expr, $meaning:literal;)+) => {
        /// Fatal assertions whose place in the server is known.
        pub const ASSERTIONS: &[Assertion] =
            &[$(Assertion { number: $number, meaning: $meaning, cause: $cause },)+];
    };
}

assertions! {
    28520 None, "The catalog's table could not be created. The engine's line before it says why.";
    28545 Some(Cause::ReplConfig), "The local configuration of the replica set cannot be read.";
    28548 Some(Cause::FormatVersion), "The MongoDB part of a table's metadata cannot be read.";
    28558 None, "The engine reported a panic. The cause is the engine's first error before it.";
    28559 None, "A call to the engine returned a panic. The cause is the engine's first error before it, often from another thread.";
    28561 None, "Opening the engine failed with EINVAL: configuration, version, or recovery. The engine's line before it says which.";
    28562 Some(Cause::CatalogCreate), "The catalog's table could not be created: the configuration was refused.";
    28579 Some(Cause::FormatVersion), "An index has a format version outside the range this release accepts.";
    28595 None, "Opening the engine failed. The code next to it is weak evidence; the engine's lines before it name the cause.";
    28652 Some(Cause::Tls), "TLS could not be set up. Not a data problem.";
    28717 None, "Recovering the journal before a start without one failed with EINVAL. The engine's line before it says why.";
    28718 None, "Recovering the journal before a start without one failed. The engine's line before it says why.";
    28750 Some(Cause::OplogDuplicate), "While the oplog was being applied, a duplicate key was found, but not the document.";
    34433 Some(Cause::FormatVersion), "A collection has a format version outside the range this release accepts.";
    40052 Some(Cause::OplogMinvalid), "The document with the member's minimum valid time (minvalid) cannot be read.";
    40088 Some(Cause::InitialSync), "The initial sync failed.";
    40144 Some(Cause::Collation), "A collection's collation comes from another ICU version.";
    40290 None, "The newest entry of the oplog cannot be read. The status in the line says why.";
    40291 None, "The oplog entry at the starting point cannot be read. The status in the line says why.";
    40292 Some(Cause::OplogGap), "The oplog entry at the starting point is missing; another one was found.";
    40293 Some(Cause::OplogGap), "The oplog has no entry at or after the starting point.";
    40313 Some(Cause::OplogGap), "The data is ahead of the end of the oplog.";
    40354 Some(Cause::InitialSync), "The initial sync could not start.";
    40366 Some(Cause::RollbackFailed), "Authorization data could not be reloaded after a rollback.";
    40367 None, "The member's last vote cannot be read. The status in the line says why.";
    40486 Some(Cause::SocketFile), "The socket file could not be created. Not a data problem.";
    40488 Some(Cause::SocketFile), "IPv6 could not be set up. Not a data problem.";
    40496 Some(Cause::RollbackFailed), "Authorization data could not be reloaded after a rollback.";
    40662 None, "A timestamp could not be formatted as text.";
    50666 None, "TLS could not be set up, or a rollback failed, depending on the release: the text next to the number \
        says which.";
    50712 Some(Cause::RollbackFailed), "The document that makes the member part of a shard was rolled back.";
    50758 None, "The recovery timestamp cannot be read. The line before it has it.";
    50843 Some(Cause::OplogOrder), "Entries of a session came out of order while the oplog was being applied.";
    50853 None, "The engine reported a panic. The cause is the engine's first error before it.";
    50882 None, "A cursor on a table could not be opened. \"May be due to data corruption\" is also printed for a missing file, column groups and too many open files: the error next to it decides.";
    50883 None, "The table that a cursor should open was not found.";
    50922 Some(Cause::RepairIncomplete), "An earlier --repair did not finish.";
    50923 Some(Cause::ReplConfig), "A copy that was repaired on its own was started as a member of a replica set.";
    50944 None, "Opening the engine returned WT_TRY_SALVAGE, which has many causes, including a full disk. The engine's first error before it names the cause.";
    51023 Some(Cause::IdentReaper), "An ident was scheduled to be dropped twice at the same time.";
    51043 Some(Cause::Tls), "TLS could not be set up. Not a data problem.";
    51168 Some(Cause::EncKeystore), "Keys can only be rolled over with AES256-GCM.";
}

/// The row of a fatal assertion.
pub fn assertion(number: u32) -> Option<&'static Assertion> {
    ASSERTIONS.iter().find(|a| a.number == number)
}

/// A part of the engine, by the names of its functions.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// How the name begins.
    pub prefix: &'static str,
    pub does: &'static str,
    /// The causes whose lines it writes.
    pub causes: &'static [Cause],
}

/// Functions of the engine that a server log names, the longest prefix first where two fit.
pub const FUNCTIONS: &[Function] = &[
    Function {
        prefix: "block_read_off",
        does: "reads a block of a local file and compares its checksum",
        causes: &[Cause::BlockChecksumContent, Cause::BlockChecksumHeader, Cause::BlockZeros],
    },
    Function {
        prefix: "bm_corrupt_dump",
        does: "writes the bytes of a damaged block to the log",
        causes: &[Cause::CorruptDump],
    },
    Function {
        prefix: "btree_tree_open",
        does: "reads the root page of a checkpoint",
        causes: &[Cause::RootUnreadable, Cause::MetadataUnreadable],
    },
    Function {
        prefix: "page_inmem",
        does: "builds a page in memory from its bytes",
        causes: &[Cause::PageTypeInvalid, Cause::DecompressFailed],
    },
    Function {
        prefix: "posix_open_file",
        does: "opens a file",
        causes: &[Cause::EpermOpen, Cause::EaccesOpen, Cause::TableFileMissing, Cause::Emfile],
    },
    Function { prefix: "posix_file_read", does: "reads from a file", causes: &[Cause::ShortRead, Cause::Eio] },
    Function { prefix: "posix_file_write", does: "writes to a file", causes: &[Cause::Enospc, Cause::Eio] },
    Function { prefix: "posix_sync", does: "syncs writes to the device", causes: &[Cause::FsyncFailed] },
    Function { prefix: "posix_directory_list", does: "lists a directory", causes: &[Cause::LogDirMissing] },
    Function { prefix: "posix_file_lock", does: "locks a file", causes: &[Cause::LockBusy] },
    Function {
        prefix: "log_open_verify",
        does: "opens a journal file and checks its header",
        causes: &[Cause::LogVersion, Cause::LogMagic],
    },
    Function {
        prefix: "log_",
        does: "reads or writes the journal (the engine's own log)",
        causes: &[Cause::LogRecordBad],
    },
    Function {
        prefix: "txn_recover",
        does: "replays the journal at startup",
        causes: &[Cause::LogMissingNeeded, Cause::RecoveryFailed],
    },
    Function { prefix: "turtle_", does: "reads or writes WiredTiger.turtle", causes: &[Cause::TurtleUnreadable] },
    Function { prefix: "verify_dsk", does: "checks the content of a page", causes: &[Cause::PageContent] },
    Function { prefix: "verify_", does: "checks a tree or a file", causes: &[Cause::VerifyRanges] },
    Function {
        prefix: "disagg_load_crypt_key",
        does: "loads the key page of a checkpoint",
        causes: &[Cause::DisKeyStale],
    },
    Function {
        prefix: "disagg_pick_up_checkpoint",
        does: "picks up a checkpoint on a standby",
        causes: &[Cause::DisPickup],
    },
    Function {
        prefix: "block_disagg",
        does: "reads or writes a block of a page log",
        causes: &[Cause::DisReadError, Cause::DisPutFailed],
    },
    Function { prefix: "conn_", does: "opens, configures or closes the connection", causes: &[] },
    Function { prefix: "evict", does: "writes pages out of the cache", causes: &[Cause::EvictionFailed] },
    Function { prefix: "rec_", does: "writes changed pages (reconciliation)", causes: &[Cause::UpdateInvisible] },
    Function { prefix: "rts_", does: "rolls back to the stable timestamp", causes: &[] },
    Function { prefix: "hs_", does: "reads or writes the history store", causes: &[Cause::HsDamaged] },
    Function { prefix: "txn_", does: "handles transactions and timestamps", causes: &[Cause::TsCommit] },
    Function { prefix: "meta_", does: "reads or writes the metadata, WiredTiger.wt", causes: &[] },
    Function { prefix: "ckpt", does: "writes a checkpoint", causes: &[] },
    Function { prefix: "checkpoint", does: "writes a checkpoint", causes: &[] },
    Function { prefix: "schema_", does: "creates, opens or drops tables", causes: &[Cause::ColumnGroups] },
    Function { prefix: "curfile_", does: "moves a cursor in a file", causes: &[] },
    Function { prefix: "cursor", does: "moves a cursor", causes: &[] },
    Function { prefix: "block_", does: "manages the blocks of a local file", causes: &[] },
    Function { prefix: "bm_", does: "manages the blocks of a local file", causes: &[] },
    Function { prefix: "panic", does: "stops the engine; the cause is before it", causes: &[Cause::Panic] },
    Function { prefix: "abort", does: "ends the process; the cause is before it", causes: &[Cause::Panic] },
];

/// What a function of the engine does, by its name: `__wt_block_read_off`, `__wti_block_read_off`.
pub fn function(name: &str) -> Option<&'static Function> {
    let bare = name.trim_start_matches('_');
    let is_engine = name.starts_with("__");
    let bare = ["wti_", "wt_", "win_"].iter().find_map(|p| bare.strip_prefix(p)).unwrap_or(bare);
    FUNCTIONS.iter().find(|f| is_engine && bare.starts_with(f.prefix))
}

/// A message of mongod, by its number.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    pub id: u32,
    pub meaning: &'static str,
}

macro_rules! messages {
    ($($id:literal $meaning:literal;)+) => {
        /// Numbers of mongod's messages that matter here.
        pub const MESSAGES: &[Message] = &[$(Message { id: $id, meaning: $meaning },)+];
    };
}

messages! {
    22435 "An error from the engine; the message has its text.";
    22436 "An error from the engine, from the handler without a session.";
    22430 "Engine messages other than errors, such as a renamed file or a truncated journal.";
    22431 "The progress of a long engine operation.";
    22315 "The engine is being opened, with this configuration.";
    4795906 "The engine was opened.";
    23987 "The timestamp that the data is recovered to.";
    22347 "The engine could not be opened. It follows every failed start, whatever the cause: \"upgrade or downgrade\" is only a guess.";
    22348 "The engine returned WT_TRY_SALVAGE, which has many causes.";
    22349 "mongod tries to salvage the metadata.";
    22271 "The previous process was not shut down cleanly.";
    22302 "Recovery starts at the last checkpoint.";
    22346 "A checkpoint hit a conflict and is retried.";
    22308 "A checkpoint took a long time.";
    22409 "The engine's verify failed: structural damage. Its lines just before name the page.";
    51782 "The engine's verify failed for an index: structural damage.";
    7887900 "The MongoDB part of the metadata has another format version.";
    23089 "A fatal assertion, with a backtrace.";
    23091 "A fatal assertion, without a backtrace.";
    20557 "An error during start; the process ends with exit code 100.";
    20573 "The data is from another major version; the process ends with exit code 62.";
    4615611 "mongod starts: its process id, port and data directory.";
    23403 "Build facts: the release of mongod.";
    22251 "A table that the catalog does not name is dropped.";
    22252 "An index of the catalog has no table and is rebuilt.";
    22266 "A collection of the catalog has no table and is removed from it.";
    40414 "The key provider could not read the keystore; the error has both timestamps.";
    11722300 "A rotation of the key was applied.";
    11722321 "The key provider could not load the keys.";
}

/// The row of a message.
pub fn message(id: u32) -> Option<&'static Message> {
    MESSAGES.iter().find(|m| m.id == id)
}
