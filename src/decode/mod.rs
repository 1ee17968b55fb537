//! What `decode` and `page` make of bytes: documents of single pieces of the formats, and the judgement
//! of a damaged block. Every function takes hostile bytes and answers with what could be decoded and
//! what the engine would say. How a document looks is the report's.

pub mod block;
pub mod bytes;
pub mod cells;
pub mod chains;
pub mod completion;
pub mod config;
pub mod cookies;
pub mod document;
pub mod dumps;
pub mod file_block;
pub mod judge;
pub mod judge_image;
pub mod key_page;
pub mod merged;
pub mod pagelog_turtle;
pub mod view;
pub mod wt_turtle;

pub use document::{cells, checkpoint, completion, config, cookies, keystore, page, turtle};
