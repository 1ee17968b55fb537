//! Rows and documents out of a store, whole or damaged, as the engine would show them.

pub mod all;
pub mod directory;
pub mod form;
pub mod frame;
mod guess;
pub mod indexed;
pub mod item;
pub mod loss;
pub mod pagelog;
pub mod report;
pub mod run;
pub mod select;
pub mod shelf;
pub mod streams;
pub mod table;
