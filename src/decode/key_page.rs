//! A key provider page as a document; its payload is in none.

use super::view::{Problem, Stamp, Sum};
use crate::format::key_page::{self, KeyLayout};
use serde::Serialize;

/// A key page. The payload itself is in no report.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeystoreReport {
    /// Bytes of the page.
    pub bytes: usize,
    /// The header; `None` if the page is damaged.
    #[serde(flatten)]
    pub header: Option<KeystoreHeader>,
    /// What the engine would refuse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// The header of a sound key page.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct KeystoreHeader {
    /// `A`, `B`, `v1` or `v2`.
    pub layout: &'static str,
    /// Version of the writer.
    pub version: u8,
    /// Minimum reader version.
    pub compatible_version: Option<u8>,
    /// Bytes of the header.
    pub header_size: u8,
    /// The checksum.
    pub checksum: Sum,
    /// It holds; a page where it does not has a problem instead of a header.
    pub checksum_ok: bool,
    /// Timestamp of the key.
    pub timestamp: Option<Stamp>,
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// crc32c of the payload: tells whether two pages hold the same key.
    pub payload_crc32c: Sum,
}

/// Decode a key page. Of the payload only length and checksum are told.
pub fn keystore(raw: &[u8]) -> KeystoreReport {
    let mut out = KeystoreReport { bytes: raw.len(), header: None, problems: Vec::new(), notes: Vec::new() };
    match key_page::parse(raw) {
        Ok(k) => {
            if k.version > key_page::READER_VERSION {
                out.notes.push(format!(
                    "written by version {}; this reader knows {}",
                    k.version,
                    key_page::READER_VERSION
                ));
            }
            out.header = Some(KeystoreHeader {
                layout: match k.layout {
                    KeyLayout::A => "A",
                    KeyLayout::B => "B",
                    KeyLayout::V1 => "v1",
                    KeyLayout::V2 => "v2",
                },
                version: k.version,
                compatible_version: k.compatible_version,
                header_size: k.header_size,
                checksum: Sum(k.checksum),
                checksum_ok: true,
                timestamp: k.timestamp.map(Stamp::new),
                payload_bytes: k.payload_len,
                payload_crc32c: Sum(k.payload_crc32c),
            });
        }
        Err(e) => out.problems.push(e.into()),
    }
    out
}
