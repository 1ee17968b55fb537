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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Class;
    use proptest::prelude::*;

    const SAMPLE: &str =
        "metadata_lsn=124,metadata_checksum=33233555,database_size=1048677,version=2,compatible_version=2";

    #[test]
    fn sample_of_14_5() {
        let got = parse(SAMPLE.as_bytes()).unwrap();
        let want = Completion {
            metadata_lsn: Lsn(124),
            metadata_checksum: Some(0x3323_3555),
            database_size: Some(1_048_677),
            version: 2,
            compatible_version: 2,
            has_versions: true,
            id: None,
        };
        assert_eq!(got, want);
        assert_eq!(want.to_text(), SAMPLE);
    }

    #[test]
    fn older_texts() {
        for text in ["id=12,metadata_lsn=1260", "metadata_lsn=432,metadata_checksum=fcdaa74b", "metadata_lsn=1"] {
            let got = parse(text.as_bytes()).unwrap();
            assert!(!got.has_versions);
            assert_eq!((got.version, got.compatible_version, got.database_size), (1, 1, None));
            assert_eq!(got.to_text(), text);
        }
        assert_eq!(parse(b"id=12,metadata_lsn=1260").unwrap().id, Some(12));
        assert_eq!(parse(b"metadata_lsn=1,metadata_checksum=0\0").unwrap().metadata_checksum, Some(0));
    }

    #[test]
    fn classes_of_07_5_1() {
        for (text, class) in [
            ("", Class::NotFound),
            ("metadata_checksum=1", Class::NotFound),
            ("metadata_lsn=x", Class::Invalid),
            ("metadata_lsn=-1", Class::Invalid),
            ("metadata_lsn=1,metadata_checksum=100000000", Class::Invalid),
            ("metadata_lsn=1,metadata_checksum=xyz", Class::Invalid),
            ("metadata_lsn=1,metadata_checksum=", Class::Invalid),
            ("metadata_lsn=1,database_size=-5", Class::Invalid),
            ("metadata_lsn=1,version=-1", Class::Invalid),
            ("metadata_lsn=1,version=4294967296", Class::Invalid),
            ("metadata_lsn=1,compatible_version=4294967296", Class::Invalid),
            ("metadata_lsn=1,version=3,compatible_version=3", Class::Unsupported),
            ("metadata_lsn=1,version=1,compatible_version=2", Class::Invalid),
            ("metadata_lsn=1,compatible_version=2", Class::Invalid),
            ("metadata_lsn=(", Class::Invalid),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().class, class, "{text}");
        }
        assert!(parse(b"metadata_lsn=1,version=4294967295,compatible_version=2,new_key=(a=1)").is_ok());
        assert!(parse(b"metadata_lsn=1,version=2").unwrap().has_versions);
    }

    proptest! {
        #[test]
        fn round_trip(
            metadata_lsn: u64,
            metadata_checksum: Option<u32>,
            database_size: Option<u64>,
            id: Option<u64>,
            versions in proptest::option::of((1..=READER_VERSION, 0..5_u32)),
        ) {
            let (compatible_version, above) = versions.unwrap_or((1, 0));
            let completion = Completion {
                metadata_lsn: Lsn(metadata_lsn),
                metadata_checksum,
                database_size,
                version: compatible_version + above,
                compatible_version,
                has_versions: versions.is_some(),
                id,
            };
            prop_assert_eq!(parse(completion.to_text().as_bytes()).unwrap(), completion);
        }

        #[test]
        fn any_bytes_parse_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..SAMPLE.len()) {
            let _ = parse(&bytes);
            let mut text = SAMPLE.as_bytes()[..cut].to_vec();
            text.extend_from_slice(&bytes);
            let _ = parse(&text);
        }
    }
}
