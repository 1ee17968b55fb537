//! What a server log can name as the cause of a failure: one row each, with the lines that tell it by
//! release, whether data are damaged, what to do, and which verb goes on.

use super::causes;
use std::sync::LazyLock;

macro_rules! causes {
    ($($variant:ident $name:literal,)+) => {
        /// A cause, or a line that only follows from one. The names are API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each has its row, with a title and a meaning")]
        pub enum Cause { $($variant,)+ }

        impl Cause {
            /// Every cause, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

causes! {
    BlockChecksumContent "block-checksum-content",
    BlockChecksumHeader "block-checksum-header",
    BlockZeros "block-zeros",
    BlockChecksum30 "block-checksum-30",
    CorruptDump "corrupt-dump",
    FatalReadError "fatal-read-error",
    RootUnreadable "root-unreadable",
    MetadataUnreadable "metadata-unreadable",
    MetadataExtentList "metadata-extent-list",
    PageTypeInvalid "page-type-invalid",
    PageContent "page-content",
    DecompressFailed "decompress-failed",
    DecryptFailed "decrypt-failed",
    VerifyRanges "verify-ranges",
    VerifyReferencedTwice "verify-referenced-twice",
    ShortRead "short-read",
    FileTooSmall "file-too-small",
    NotAWiredTigerFile "not-a-wiredtiger-file",
    DescCorrupted "desc-corrupted",
    DescVersion "desc-version",
    KeyOrder "key-order",
    MongodRecordCorrupt "mongod-record-corrupt",
    TurtleUnreadable "turtle-unreadable",
    TurtleCut "turtle-cut",
    TurtleConfig "turtle-config",
    TurtleVersionMajor "turtle-version-major",
    TurtleVersionTooOld "turtle-version-too-old",
    TurtleMissing "turtle-missing",
    TurtleOnlySet "turtle-only-set",
    TurtleStale "turtle-stale",
    TurtleUpdateFailed "turtle-update-failed",
    WiredTigerFileMissing "wiredtiger-file-missing",
    WiredTigerFileEmpty "wiredtiger-file-empty",
    MetadataMissing "metadata-missing",
    MetadataCorruptedChange "metadata-corrupted-change",
    MetadataFileIdTwice "metadata-file-id-twice",
    MetadataUnroll "metadata-unroll",
    CheckpointConfig "checkpoint-config",
    BackupFileBad "backup-file-bad",
    BackupRecreate "backup-recreate",
    BasecfgGarbled "basecfg-garbled",
    ColumnGroups "column-groups",
    IndexesNotOpen "indexes-not-open",
    IdentMetadataMissing "ident-metadata-missing",
    CatalogIdentMissing "catalog-ident-missing",
    TableFileMissing "table-file-missing",
    FileUnexpected "file-unexpected",
    ObjectExists "object-exists",
    DropBusy "drop-busy",
    FilesOfDifferentMoments "files-of-different-moments",
    LogUnreadable "log-unreadable",
    LogDirMissing "log-dir-missing",
    LogMissingNeeded "log-missing-needed",
    LogEmpty "log-empty",
    LogMagic "log-magic",
    LogVersion "log-version",
    LogSystemRecord "log-system-record",
    LogRecordBad "log-record-bad",
    LogRequiresSalvage "log-requires-salvage",
    LogCompressed "log-compressed",
    LogEncrypted "log-encrypted",
    RecoveryApply "recovery-apply",
    RecoveryFailed "recovery-failed",
    RecoverySetup "recovery-setup",
    NeedsRecovery "needs-recovery",
    UpgradeUnclean "upgrade-unclean",
    LogWriteFailed "log-write-failed",
    UncleanStart "unclean-start",
    HsMissing "hs-missing",
    HsDamaged "hs-damaged",
    HsKeyLost "hs-key-lost",
    HsTooBig "hs-too-big",
    TsCommit "ts-commit",
    TsDurable "ts-durable",
    TsPrepare "ts-prepare",
    TsOrder "ts-order",
    TsGlobal "ts-global",
    TsRead "ts-read",
    UpdateInvisible "update-invisible",
    WriteConflict "write-conflict",
    TxnRollback "txn-rollback",
    TxnTooBig "txn-too-big",
    CacheFull "cache-full",
    CacheStuck "cache-stuck",
    EvictionFailed "eviction-failed",
    EpermOpen "eperm-open",
    EaccesOpen "eacces-open",
    EnoentHome "enoent-home",
    Emfile "emfile",
    Enospc "enospc",
    Eio "eio",
    Erofs "erofs",
    Estale "estale",
    FileSystemDamaged "file-system-damaged",
    FsyncFailed "fsync-failed",
    RenameFailed "rename-failed",
    MmapFailed "mmap-failed",
    SystemCall "system-call",
    LockBusy "lock-busy",
    OutOfMemory "out-of-memory",
    OomKill "oom-kill",
    ConfigUnknown "config-unknown",
    ConfigInvalid "config-invalid",
    ExtensionMissing "extension-missing",
    IncompatibleConfig "incompatible-config",
    CompatRefused "compat-refused",
    Fcv "fcv",
    UncleanClose "unclean-close",
    Panic "panic",
    Aborted "aborted",
    HeapCorrupted "heap-corrupted",
    FatalAssertion "fatal-assertion",
    OpenFailed "open-failed",
    CursorFailed "cursor-failed",
    OpenAdvice "open-advice",
    Redacted "redacted",
    EncKeyMissing "enc-key-missing",
    EncOtherKey "enc-other-key",
    EncPlainWithKey "enc-plain-with-key",
    EncConfig "enc-config",
    EncKeystore "enc-keystore",
    OplogGap "oplog-gap",
    OplogMinvalid "oplog-minvalid",
    OplogDuplicate "oplog-duplicate",
    OplogOrder "oplog-order",
    RollbackFailed "rollback-failed",
    InitialSync "initial-sync",
    RepairIncomplete "repair-incomplete",
    ReplConfig "repl-config",
    CatalogCreate "catalog-create",
    FormatVersion "format-version",
    Collation "collation",
    IndexEntries "index-entries",
    ValidateStructure "validate-structure",
    FastCount "fast-count",
    Compaction "compaction",
    IdentReaper "ident-reaper",
    Tls "tls",
    SocketFile "socket-file",
    KeyFile "key-file",
    StorageEngine "storage-engine",
    CpuUnsupported "cpu-unsupported",
    DisReadError "dis-read-error",
    DisHeaderSize "dis-header-size",
    DisRetry "dis-retry",
    DisNotFound "dis-not-found",
    DisFrontier "dis-frontier",
    DisPickup "dis-pickup",
    DisOlderCheckpoint "dis-older-checkpoint",
    DisMetadataChecksum "dis-metadata-checksum",
    DisMetadataFormat "dis-metadata-format",
    DisKeyStale "dis-key-stale",
    DisKeyMissing "dis-key-missing",
    DisChain "dis-chain",
    DisPutFailed "dis-put-failed",
    DisStoreDamaged "dis-store-damaged",
    DisVerifyIds "dis-verify-ids",
    DisSize "dis-size",
    DisSharedId "dis-shared-id",
    DisCookie "dis-cookie",
    DisPageLogMissing "dis-page-log-missing",
}

/// What a line is to a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It can be the cause.
    Primary,
    /// It follows from a cause above it. Alone it says that the cause is not in the log.
    Consequence,
    /// Advice that the engine prints after other errors.
    Advice,
    /// Worth knowing; nothing failed.
    Note,
}

/// Whether data are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Damaged {
    /// No: nothing on the disk is wrong.
    No,
    /// The log cannot tell.
    Perhaps,
    /// Yes.
    Yes,
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// Several causes have these lines.
    Low,
    /// Most likely.
    Medium,
    /// The lines say so, and nothing else has them.
    High,
}

/// The verb that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Audit the data directory.
    Audit,
    /// Audit it to the last cell.
    AuditDeep,
    /// Say what can be mended.
    Plan,
    /// Get the documents out.
    Dump,
    /// Judge the dumped blocks of the log.
    Dumps,
    /// Look at the block.
    Block,
    /// List what leaked.
    Orphans,
    /// Read the log for a pick-up.
    PickupExplain,
    /// Run the pick-up on the store.
    PickupReplay,
    /// Compare the log with the store.
    Check,
}

/// A line that tells a cause.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The text, with places in braces.
    pub template: &'static str,
    /// Releases that write it so.
    pub releases: &'static str,
    /// The cause is found by more than the words: the line stands here for people.
    pub shared: bool,
    /// The line tells the cause only where no error stands before it; else it tells this one.
    pub alone: Option<Cause>,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub cause: Cause,
    pub role: Role,
    pub damaged: Damaged,
    pub sure: Sure,
    /// What happened, as a headline.
    pub title: &'static str,
    pub meaning: &'static str,
    /// Why data are damaged, or are not.
    pub damage: &'static str,
    pub lines: &'static [Line],
    /// What to do, one step after the other.
    pub steps: &'static [&'static str],
    pub go: &'static [Go],
}

/// A line of a release.
pub(super) const fn line(template: &'static str, releases: &'static str) -> Line {
    Line { template, releases, shared: false, alone: None }
}

/// A line that stands in more than one row; what else it says decides.
pub(super) const fn shared(template: &'static str, releases: &'static str) -> Line {
    Line { template, releases, shared: true, alone: None }
}

/// A line that tells the cause only where no error stands before it; else it tells `otherwise`.
pub(super) const fn alone(template: &'static str, releases: &'static str, otherwise: Cause) -> Line {
    Line { template, releases, shared: false, alone: Some(otherwise) }
}

/// Every row, in the order of [`Cause::ALL`].
static ROWS: LazyLock<Vec<&'static Row>> = LazyLock::new(|| {
    let mut rows: Vec<&Row> = causes::ALL.iter().flat_map(|group| group.iter()).collect();
    rows.sort_by_key(|row| row.cause);
    rows
});

impl Cause {
    /// Its row.
    pub fn row(self) -> &'static Row {
        // One row each, which a test holds.
        ROWS.binary_search_by_key(&self, |row| row.cause).ok().and_then(|at| ROWS.get(at)).copied().unwrap_or(&UNKNOWN)
    }

    /// The cause of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == name)
    }
}

/// What a cause without a row would say.
static UNKNOWN: Row = Row {
    cause: Cause::SystemCall,
    role: Role::Primary,
    damaged: Damaged::Perhaps,
    sure: Sure::Low,
    title: "an error that is not in the table",
    meaning: "",
    damage: "",
    lines: &[],
    steps: &[],
    go: &[],
};

impl serde::Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "devtools")]
impl schemars::JsonSchema for Cause {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cause".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|c| c.name()).collect();
        schemars::json_schema!({
            "type": "string",
            "description": "A cause that a server log names; docs/causes has a page on each.",
            "enum": names,
        })
    }
}
