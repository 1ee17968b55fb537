//! Tools to make stores and to injure them, for tests, benchmarks and trying `wtcheck` out. Not part of
//! `wtcheck` itself: `wtcheck-dev` and this module exist with the cargo feature `devtools` only.

pub mod damage;
pub mod forge;
