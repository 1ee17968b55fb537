//! Checkpoint pick-up offline: a standby as a deterministic state machine, on the records of a real
//! store or of a scenario.

pub mod code;
pub mod explain;
pub mod explore;
pub mod judge;
pub mod merge;
pub mod policy;
pub mod profile;
pub mod replay;
pub mod run;
pub mod scenario;
pub mod source;
pub mod standby;
pub mod step;
pub mod store;
pub mod world;
