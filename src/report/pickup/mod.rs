//! What simulated pick-ups look like to people and programs.

pub mod explain;
