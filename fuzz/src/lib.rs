//! What the fuzz targets of wtcheck share: bytes made whole again behind a change, stores in memory,
//! homes in a temporary directory, and what must hold of every audit.

pub mod audits;
pub mod dumps;
pub mod fixtures;
pub mod homes;
pub mod memory;
pub mod seal;
