//! Server logs: what mongod and the engine write about themselves. Bytes of any form in, causes out: which
//! line came first, what it is about, what follows from it. Nothing here opens a store.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod cause;
mod causes;
pub mod codes;
pub mod engine_line;
pub mod entry;
pub mod form;
pub mod lines;
pub mod pickup_lines;
pub mod place;
pub mod source;
pub(crate) mod squeezed;
pub mod story;
pub mod template;
pub mod text;
pub mod wording;
