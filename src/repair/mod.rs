//! Repair: a plan first, then its application to a copy or in place, with an undo journal
//! (DESIGN section 4; spec 11.6).

pub mod local;
pub mod plan;
