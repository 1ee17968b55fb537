//! Steps of advice that several codes share.

pub(super) const KEEP: &str = "Keep the evidence: copy the directory, or take a snapshot of its volume, before anything writes to it \
    again. Work on the copy.";
pub(super) const OLDER: &str = "See whether an older checkpoint is whole: `wtcheck audit DIR --checkpoint LSN`, with the LSNs that the \
    report lists. What that checkpoint holds can be served.";
pub(super) const REPLICA: &str = "Bring the node back from a healthy member: an initial sync, or a copy of its files. Data that only this \
    node has is worth asking support for before you do.";
pub(super) const PAGE: &str =
    "Look at the page: `wtcheck page DIR TABLE PAGE -v` shows its rows, its chain, headers and cells.";
pub(super) const BLOCK: &str =
    "Look at the block: `wtcheck page FILE --offset N` judges it: zeros, a flipped bit and which, another block.";
pub(super) const MEDIUM: &str =
    "Ask the medium: kernel log, SMART, the cloud's volume events, and the file system's own check.";
pub(super) const PLAN: &str = "Plan the repair and read it: `wtcheck repair plan DIR -o plan.yaml`. Apply it to a copy: \
    `wtcheck repair apply plan.yaml --output NEWDIR`. Start the node on NEWDIR when the exit code is 4.";
pub(super) const WRITTEN_SO: &str = "The checksum holds, so the bytes are what was written: report it with the engine's version, the \
    finding as JSON (`wtcheck audit DIR --format json`), and the page.";
pub(super) const FILE_BACK: &str = "Restore the file from a backup of the same time or the whole node from a healthy member. A file of \
    another time beside this metadata is damage of its own.";
