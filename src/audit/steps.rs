//! Steps of advice that several codes share.

pub(super) const KEEP: &str = "Keep the evidence: copy the directory, or take a snapshot of its volume, before anything \
    else writes to it. Work on the copy.";
pub(super) const OLDER: &str = "Check whether an older checkpoint is intact: `wtcheck audit DIR --checkpoint LSN`, with \
    the LSNs that the report lists. Whatever that checkpoint holds can be served.";
pub(super) const REPLICA: &str = "Rebuild the node from a healthy member, by an initial sync or from a copy of its \
    files. If only this node has some of the data, ask support first.";
pub(super) const PAGE: &str =
    "Look at the page: `wtcheck page DIR TABLE PAGE -v` shows its rows, its chain, headers and cells.";
pub(super) const BLOCK: &str = "Look at the block: `wtcheck page FILE --offset N` tells whether it holds zeros, a flipped bit (and which), or \
    another block.";
pub(super) const MEDIUM: &str =
    "Check the storage: kernel log, SMART, the cloud provider's volume events, and a file system check.";
pub(super) const PLAN: &str = "Plan the repair and read the plan: `wtcheck repair plan DIR -o plan.yaml`. Apply it to a \
    copy: `wtcheck repair apply plan.yaml --output NEWDIR`. Start the node on NEWDIR when the exit code is 4.";
pub(super) const WRITTEN_SO: &str = "The checksum is valid, so the bytes are as written: report it with the engine \
    version, the finding as JSON (`wtcheck audit DIR --format json`), and the page.";
pub(super) const FILE_BACK: &str = "Restore the file from a backup taken at the same time, or the whole node from a \
    healthy member. A file from another time next to this metadata is damage in itself.";
