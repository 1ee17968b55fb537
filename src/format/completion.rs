//! The completion record a page log stores when a checkpoint completes.

use super::config::{Config, Value};
use super::{FormatError, Result};
use crate::id::Lsn;
use std::fmt::Write as _;

/// The newest completion record this reader understands.
pub const READER_VERSION: u32 = 2;

/// Version of a record without version keys.
const DEFAULT_VERSION: u32 = 1;

/// A parsed completion record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// LSN of the turtle page.
    pub metadata_lsn: Lsn,
    /// crc32c of the turtle page; absent in the oldest builds.
    pub metadata_checksum: Option<u32>,
    /// Bytes of the whole database. Required by newer engines; whether its absence is an error
    /// depends on the generation of the store, which the caller knows.
    pub database_size: Option<u64>,
    /// Version of the writer.
    pub version: u32,
    /// Lowest version of a reader that may use the checkpoint.
    pub compatible_version: u32,
    /// The record names its versions. False: both are the default, 1.
    pub has_versions: bool,
    /// Checkpoint id, PALM stores only.
    pub id: Option<u64>,
}

impl Completion {
    /// The record in the writer's order.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        if let Some(id) = self.id {
            let _ = write!(out, "id={id},");
        }
        let _ = write!(out, "metadata_lsn={}", self.metadata_lsn);
        if let Some(sum) = self.metadata_checksum {
            let _ = write!(out, ",metadata_checksum={sum:x}");
        }
        if let Some(size) = self.database_size {
            let _ = write!(out, ",database_size={size}");
        }
        if self.has_versions {
            let _ = write!(out, ",version={},compatible_version={}", self.version, self.compatible_version);
        }
        out
    }
}

/// Parse a completion record. Unknown keys are accepted.
pub fn parse(text: &[u8]) -> Result<Completion> {
    let config = Config::parse_bytes(text)?;
    let (metadata_lsn, metadata_checksum) = (metadata_lsn(&config)?, metadata_checksum(&config)?);
    let database_size = database_size(&config)?;
    let (own, compatible) = versions(&config, READER_VERSION)?;
    Ok(Completion {
        metadata_lsn,
        metadata_checksum,
        database_size,
        version: own.unwrap_or(DEFAULT_VERSION),
        compatible_version: compatible.unwrap_or(DEFAULT_VERSION),
        has_versions: own.is_some() || compatible.is_some(),
        id: optional(&config, "id", Value::u64)?,
    })
}

fn optional<'a>(config: &Config<'a>, key: &str, read: fn(&Value<'a>) -> Result<u64>) -> Result<Option<u64>> {
    config.get(key).map(|v| read(&v).map_err(|e| e.within(key))).transpose()
}

/// The LSN of the turtle page; a record without one is WT_NOTFOUND.
pub fn metadata_lsn(config: &Config<'_>) -> Result<Lsn> {
    optional(config, "metadata_lsn", Value::u64)?
        .map(Lsn)
        .ok_or_else(|| FormatError::not_found("metadata_lsn is missing"))
}

/// The checksum of the turtle page, if the record has one.
pub fn metadata_checksum(config: &Config<'_>) -> Result<Option<u32>> {
    let narrow =
        |v: u64| u32::try_from(v).map_err(|_| FormatError::invalid(format!("metadata_checksum={v:x} exceeds 32 bits")));
    optional(config, "metadata_checksum", Value::hex_u64)?.map(narrow).transpose()
}

/// The database size, if the record has one.
pub fn database_size(config: &Config<'_>) -> Result<Option<u64>> {
    optional(config, "database_size", Value::u64)
}

/// `version` and `compatible_version` as far as they are stated, checked for a reader of a version.
pub fn versions(config: &Config<'_>, reader: u32) -> Result<(Option<u32>, Option<u32>)> {
    let version = |key: &str| match optional(config, key, Value::u64)? {
        Some(v) => u32::try_from(v).map(Some).map_err(|_| FormatError::invalid(format!("{key}={v} exceeds 32 bits"))),
        None => Ok(None),
    };
    let (own, compatible) = (version("version")?, version("compatible_version")?);
    let (of_writer, of_reader) = (own.unwrap_or(DEFAULT_VERSION), compatible.unwrap_or(DEFAULT_VERSION));
    if of_reader > reader {
        return Err(FormatError::unsupported(format!(
            "completion record: compatible_version={of_reader} is newer than this reader ({reader})"
        )));
    }
    if of_writer < of_reader {
        return Err(FormatError::invalid(format!(
            "completion record: version={of_writer} is below compatible_version={of_reader}"
        )));
    }
    Ok((own, compatible))
}
