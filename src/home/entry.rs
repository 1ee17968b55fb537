//! One block file as the catalog of a home describes it.

use super::files::{HISTORY_STORE, METADATA};
use super::recover::Recovered;
use crate::format::checkpoint_list::{self, CheckpointEntry};
use crate::format::compress::Compressor;
use crate::format::config::{Config, Value};
use crate::format::local;
use crate::format::page_header::PageType;
use crate::format::{FormatError, Result};

/// Where an entry of the catalog comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The turtle, for the metadata file.
    Turtle,
    /// A row of the metadata.
    Metadata,
    /// A row that recovery would take from the log.
    Log,
    /// The copy of its newest checkpoint in the file itself.
    Recovery,
    /// Nothing names its checkpoints.
    Nothing,
}

impl Source {
    /// It says whether there is a checkpoint; a file without one has no data then.
    pub fn states_checkpoints(self) -> bool {
        matches!(self, Self::Turtle | Self::Metadata | Self::Log)
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Turtle => "turtle",
            Self::Metadata => "metadata",
            Self::Log => "log",
            Self::Recovery => "recovery",
            Self::Nothing => "nothing",
        }
    }
}

/// One block file of the catalog.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Name below the home.
    pub name: String,
    pub uri: String,
    /// Where all this comes from.
    pub source: Source,
    pub id: Option<u64>,
    /// Allocation size.
    pub alloc: u32,
    /// Name of the compressor; empty for none.
    pub compressor: String,
    /// Name of the encryptor; empty for none or the connection's.
    pub encryptor: String,
    pub key_format: String,
    pub value_format: String,
    /// Bits of a value, fixed-length column stores.
    pub fixed_width: Option<u8>,
    /// Keys ascend in byte order; false with a collator, and where they are Huffman codes.
    pub byte_order: bool,
    /// Keys or values are Huffman codes.
    pub huffman: bool,
    /// A page is older than the page above it; not where the salvage of 2.9 may have written it.
    pub orders_generations: bool,
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub checksum: String,
    /// Values are BSON documents: a collection of MongoDB.
    pub documents: bool,
    /// Its pages live in a page log, not in this file.
    pub in_page_log: bool,
    /// Checkpoints, oldest first.
    pub checkpoints: Vec<CheckpointEntry>,
}

impl FileEntry {
    /// From the configuration text of a file's metadata.
    pub fn parse(name: &str, text: &str, source: Source) -> Result<Self> {
        let config = Config::parse(text)?;
        let get = |key: &str| config.get(key).map(|v| v.as_str().to_string()).unwrap_or_default();
        let alloc = match config.get("allocation_size") {
            Some(v) => allocation(v)?,
            None => return Err(FormatError::invalid("allocation_size is missing")),
        };
        let encryption = config.get("encryption").map(|v| v.config()).transpose()?;
        let encryptor = encryption.and_then(|e| e.get("name")).map(|v| v.as_str().to_string()).unwrap_or_default();
        let value_format = get("value_format");
        let fixed_width = value_format.strip_suffix('t').map(|bits| bits.parse().unwrap_or(1));
        let coded = |key: &str| !some_name(get(key)).is_empty();
        let huffman_key = coded("huffman_key");
        Ok(Self {
            name: name.to_string(),
            uri: format!("file:{name}"),
            source,
            id: config.get("id").map(|v| v.u64()).transpose()?,
            alloc,
            compressor: some_name(get("block_compressor")),
            encryptor: some_name(encryptor),
            key_format: get("key_format"),
            fixed_width: fixed_width.filter(|_| get("key_format") == "r"),
            value_format,
            byte_order: !coded("collator") && !huffman_key,
            huffman: huffman_key || coded("huffman_value"),
            orders_generations: true,
            checksum: get("checksum"),
            documents: false,
            // The shared metadata says so by its name only.
            in_page_log: get("block_manager") == "disagg" || name.ends_with(".wt_stable"),
            checkpoints: checkpoint_list::from_file_config(&config)?,
        })
    }

    /// From the copy in the file itself.
    pub fn recovered(name: &str, found: &Recovered) -> Result<Self> {
        let checkpoints = found.checkpoints()?;
        let text = found.recovery.file_metadata()?;
        let mut entry = match text.map(|t| Self::parse(name, t, Source::Recovery)) {
            Some(Ok(entry)) => entry,
            // Encrypted, or not to be parsed: the checkpoints are plain all the same.
            _ => {
                let config = Config::parse(&found.recovery.metadata)?;
                let encryption = config.get("encryption").map(|v| v.config()).transpose()?;
                let named = encryption.and_then(|e| e.get("name")).map(|v| v.as_str().to_string());
                Self { encryptor: some_name(named.unwrap_or_default()), ..Self::nothing(name, found.alloc) }
            }
        };
        entry.source = Source::Recovery;
        entry.alloc = found.alloc;
        entry.checkpoints = checkpoints;
        Ok(entry)
    }

    /// A file that nothing describes.
    pub fn nothing(name: &str, alloc: u32) -> Self {
        Self {
            name: name.to_string(),
            uri: format!("file:{name}"),
            source: Source::Nothing,
            id: None,
            alloc,
            compressor: String::new(),
            encryptor: String::new(),
            key_format: String::new(),
            value_format: String::new(),
            fixed_width: None,
            byte_order: true,
            huffman: false,
            orders_generations: true,
            checksum: String::new(),
            documents: false,
            in_page_log: false,
            checkpoints: Vec::new(),
        }
    }

    /// Something says how large its blocks are: a row, or the copy of a checkpoint that was read by it.
    pub fn knows_alloc(&self) -> bool {
        self.source.states_checkpoints() || !self.checkpoints.is_empty()
    }

    /// `row`, `column-variable`, `column-fixed`, or `unknown`.
    pub fn kind(&self) -> &'static str {
        match (self.key_format.as_str(), self.fixed_width) {
            ("", _) => "unknown",
            ("r", Some(_)) => "column-fixed",
            ("r", None) => "column-variable",
            _ => "row",
        }
    }

    /// The type of internal pages, if known.
    pub fn internal_type(&self) -> Option<PageType> {
        match self.kind() {
            "unknown" => None,
            "row" => Some(PageType::RowInternal),
            _ => Some(PageType::ColumnInternal),
        }
    }

    /// The type of leaf pages, if known.
    pub fn leaf_type(&self) -> Option<PageType> {
        match self.kind() {
            "row" => Some(PageType::RowLeaf),
            "column-fixed" => Some(PageType::ColumnFixed),
            "column-variable" => Some(PageType::ColumnVariable),
            _ => None,
        }
    }

    /// The compressor, where it is one this tool has; the framing decides otherwise.
    pub fn compression(&self) -> Option<Compressor> {
        Compressor::from_name(&self.compressor)
    }

    /// Time windows are compared with the parent's in every file but the metadata.
    pub fn compares_windows(&self) -> bool {
        self.name != METADATA
    }

    /// The history store.
    pub fn is_history_store(&self) -> bool {
        self.name == HISTORY_STORE
    }

    /// The checkpoints come from the file itself, so comparing them with it proves nothing.
    pub fn is_recovered(&self) -> bool {
        self.source == Source::Recovery
    }
}

/// A file of which the log has a newer checkpoint than the metadata, by write generation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct NewerCheckpoint {
    pub file: String,
    /// That of the metadata.
    pub metadata: u64,
    /// That of the log.
    pub log: u64,
}

impl NewerCheckpoint {
    pub(super) fn of(key: &str, metadata: &str, log: &str) -> Option<Self> {
        let newest = |text: &str| {
            let list = checkpoint_list::from_file_config(&Config::parse(text).ok()?).ok()?;
            Some(list.last().map_or(0, |c| c.write_gen))
        };
        let (file, metadata, log) = (key.strip_prefix("file:")?.to_string(), newest(metadata)?, newest(log)?);
        (log > metadata).then_some(Self { file, metadata, log })
    }
}

/// `none` and nothing are the same.
fn some_name(name: String) -> String {
    if name == "none" { String::new() } else { name }
}

/// The value of `allocation_size`.
fn allocation(value: Value<'_>) -> Result<u32> {
    let bytes = value.u64()?;
    u32::try_from(bytes)
        .ok()
        .filter(|a| a.is_power_of_two() && local::ALLOCATION_SIZES.contains(a))
        .ok_or_else(|| FormatError::invalid(format!("allocation_size {bytes} is not valid")))
}
