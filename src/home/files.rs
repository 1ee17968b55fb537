//! The names that the engine and MongoDB give the files of a home.

/// The metadata file.
pub const METADATA: &str = "WiredTiger.wt";
/// The history store.
pub const HISTORY_STORE: &str = "WiredTigerHS.wt";
/// The file that says which engine wrote the home.
pub const VERSION_FILE: &str = "WiredTiger";
/// The metadata of a backup copy: lines of keys and values.
pub const BACKUP: &str = "WiredTiger.backup";
/// Configuration files of a home; the later one wins.
pub const CONFIGURATIONS: [&str; 2] = ["WiredTiger.basecfg", "WiredTiger.config"];
/// MongoDB's catalog.
pub const MONGO_CATALOG: &str = "_mdb_catalog.wt";
/// The lock file of mongod: empty after a clean shutdown.
pub const MONGO_LOCK: &str = "mongod.lock";
/// MongoDB's counts of documents.
pub const SIZE_STORER: &str = "sizeStorer.wt";
/// Where MongoDB keeps its log.
pub const JOURNAL: &str = "journal";
