//! The engine's lines about checkpoint pick-up, as templates: the model of a standby writes them, and the
//! readers of server logs read by them.

/// The inner function failed, until August 2026.
pub const FAILED: &str = "Failed to pick up disaggregated storage checkpoint for metadata_lsn={lsn}: ret={number}";
/// The same, with an error of the engine's own.
pub const FAILED_ENGINE: &str =
    "Failed to pick up disaggregated storage checkpoint for metadata_lsn={lsn}: ret=-{number}";
/// The inner function failed, since August 2026.
pub const FAILED_NEWEST: &str = "Failed to pick up checkpoint {lsn}";
/// The outer function failed, with the completion text.
pub const FAILED_CONFIG: &str = "Failed to pick up a new checkpoint with config: {text}";
pub const PARSE_FAILED: &str = "Failed to parse shared metadata for checkpoint {lsn}";
pub const KEYS_FAILED: &str = "Failed to load encryption keys for checkpoint {lsn}";
pub const MERGE_FAILED: &str = "Failed to merge checkpoint {lsn} into local metadata";
pub const OLDER: &str =
    "Attempting to pick up an older checkpoint: current metadata LSN = {lsn}, new metadata LSN = {backlink}";
pub const SAME: &str = "Picking up the same checkpoint again...";
pub const CHECKSUM: &str = "Checkpoint metadata corruption detected: lsn={lsn}, expected={expected}, got={found}";
pub const FETCH_FAILED: &str = "Disagg metadata fetching failed, with lsn: {lsn}";
pub const READ_FAILED: &str = "read failed for page ID {page}, lsn {lsn}";
pub const VERSION: &str = "Checkpoint meta compatible_version={number} requires reader version >= {limit}";
pub const KEY_TOO_SMALL: &str = "Encryption key data too small";
pub const SHARED_ID: &str = "checkpoint pickup would leave btree ID {table} shared by {text}";
pub const MISSING_FILE: &str = "Missing shared file: {text}";
pub const LEGACY_TIMESTAMP: &str = "Disaggregated checkpoint legacy metadata invalid timestamp entry";
pub const NO_CONFIG: &str = "Invalid checkpoint metadata: No checkpoint config string";
/// The key provider states both: since June 2026.
pub const STALE_KEY: &str = "persisted keystore timestamp {lsn} is behind last committed timestamp {backlink}";
/// The key provider could not load a key: since September 2026, and before.
pub const KEY_LINES: [&str; 6] = [
    "Key provider failed to load a key with no persisted encryption key data",
    "Failed to parse the key provider metadata: {text}",
    "Failed to read the persisted encryption key record from the key provider page log: page_id={page}, lsn={lsn}",
    "Invalid encryption key data: page_id={page}, lsn={lsn}",
    "key_provider->load_key failed",
    "__wti_disagg_load_crypt_key failed",
];
pub const INSTALLED: &str = "Finished picking up disaggregated storage checkpoint: metadata_lsn={lsn} in {number}ms";
pub const WROTE: &str = "Wrote disaggregated checkpoint metadata: lsn={lsn}";
pub const COMPLETED: &str = "Completed disaggregated storage checkpoint: lsn={lsn}";
