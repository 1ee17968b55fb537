//! What `wtcheck pack` and `wtcheck unpack` made.

use crate::pack::image::Manifest;
use crate::pack::same::Difference;
use serde::Serialize;

/// An image that was written.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Packed<'a> {
    pub(crate) schema_version: u32,
    pub(crate) image: String,
    pub(crate) source_bytes: u64,
    pub(crate) image_bytes: u64,
    pub(crate) strings_looked_for: u64,
    pub(crate) key_memory: u64,
    pub(crate) same: bool,
    pub(crate) differences: &'a [Difference],
    pub(crate) manifest: &'a Manifest,
    pub(crate) exit_code: u8,
}

/// A directory that was made of an image.
#[derive(Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub(crate) struct Unpacked<'a> {
    pub(crate) schema_version: u32,
    pub(crate) directory: String,
    pub(crate) same: Option<bool>,
    pub(crate) differences: Option<&'a [Difference]>,
    pub(crate) manifest: &'a Manifest,
    pub(crate) exit_code: u8,
}
