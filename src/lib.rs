//! `wtcheck` inspects WiredTiger data directories offline, above all those of disaggregated storage,
//! where pages live in a page log and a tree is a graph of address cookies.
//!
//! The layers, each knowing only those below it: [`report`] shows what [`audit`] finds (and [`repair`]
//! mends) by walking the
//! trees of a page log ([`pagelog`]) or of local block files ([`home`]) in the bytes that a [`store`]
//! hands out and [`mod@format`] decodes. [`simulate`] makes such stores from a [`scenario`]. What any of
//! them leaves lying about for a while is in [`scratch`], for the case that a signal ends the process.

pub mod audit;
pub mod cli;
pub mod coverage;
pub mod decode;
#[cfg(feature = "devtools")]
pub mod devtools;
pub mod exit;
pub mod export;
pub mod format;
pub mod home;
pub mod id;
pub mod pack;
pub mod page;
pub mod pagelog;
pub mod pickup;
pub mod repair;
pub mod report;
pub mod scenario;
pub mod schema;
pub mod scratch;
pub mod simulate;
pub mod store;
pub mod subject;
pub mod words;
