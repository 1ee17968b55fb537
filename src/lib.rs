//! `wtcheck` inspects WiredTiger data directories offline, above all those of disaggregated storage,
//! where pages live in a page log and a tree is a graph of address cookies.
//!
//! The layers, each knowing only those below it: [`report`] shows what [`audit`] finds (and [`repair`]
//! mends) by walking the
//! trees of a page log ([`btree`]) or of local block files ([`local`]) in the bytes that a [`store`]
//! hands out and [`mod@format`] decodes. [`simulate`] makes such stores from a [`scenario`]. What any of
//! them leaves lying about for a while is in [`scratch`], for the case that a signal ends the process.

pub mod audit;
pub mod btree;
pub mod cli;
#[cfg(feature = "devtools")]
pub mod devtools;
pub mod export;
pub mod format;
pub mod local;
pub mod pack;
pub mod pickup;
pub mod repair;
pub mod report;
pub mod scenario;
pub mod scratch;
pub mod simulate;
pub mod store;
