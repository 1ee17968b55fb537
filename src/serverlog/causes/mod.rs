//! The rows of the table of causes, by what they are about.

mod blocks;
mod encryption;
mod history;
mod metadata;
mod pagelog;
mod process;
mod replication;
mod system;
mod wtlog;

use super::cause::Row;

/// All rows.
pub(super) const ALL: [&[Row]; 9] = [
    blocks::ROWS,
    metadata::ROWS,
    wtlog::ROWS,
    history::ROWS,
    system::ROWS,
    process::ROWS,
    encryption::ROWS,
    replication::ROWS,
    pagelog::ROWS,
];

/// Before anything else.
const COPY: &str = "Stop the node and copy the whole directory, journal included. Work on the copy; keep this log.";
/// Where a member can be rebuilt.
const PEER: &str = "A member of a replica set with a healthy peer: once the cause is gone, an initial sync is the \
                    quickest complete fix.";
/// Disks.
const DEVICE: &str = "Check the device before the node runs again: dmesg, smartctl, the storage system's own log.";
/// Nothing to repair.
const NO_REPAIR: &str = "Do not run --repair for this, and do not restore anything: the data is unchanged.";
