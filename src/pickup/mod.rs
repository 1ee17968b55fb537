//! Checkpoint pick-up offline: a standby as a deterministic state machine, on the records of a real
//! store or of a scenario (spec 08, 09; DESIGN section 5).

pub mod code;
pub mod explain;
pub mod merge;
pub mod policy;
pub mod profile;
pub mod source;
pub mod standby;
pub mod step;
