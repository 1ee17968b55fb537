//! The turtle page of a page log: the root of everything a checkpoint names.
//!
//! Not to be confused with the file `WiredTiger.turtle` of a home directory.

use super::checkpoint_list::{self, CheckpointEntry};
use super::config::{Config, Kind, Value, shorten, text_of};
use super::{FormatError, Result};
use crate::id::{Lsn, PageId};

/// The newest turtle page this reader understands. Version 3 brought `schema_epoch` (June 2026), version 4
/// `max_write_gen` (July 2026); all of them say that readers of version 1 may read them.
pub const READER_VERSION: u32 = 4;

/// Version of a page without version keys.
const DEFAULT_VERSION: u32 = 1;
/// The only page id a key page has.
const KEY_PAGE_ID: PageId = PageId(1);
/// The only version of a key reference.
const KEY_REFERENCE_VERSION: u32 = 1;
/// What the legacy form leaves out before its list.
const LIST_KEY: &str = "checkpoint=";
/// The highest write generation in use, since version 4.
pub const MAX_WRITE_GEN: &str = "max_write_gen";
/// The same in pages of before version 4.
pub const BASE_WRITE_GEN: &str = "base_write_gen";
/// How a page of the legacy form begins.
const LEGACY_PREFIX: &str = "(WiredTigerCheckpoint.";

/// The forms a turtle page has had, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurtleForm {
    /// Spring 2025: two lines, the metadata key and its configuration.
    Spring,
    /// Until December 2025: a bare checkpoint list, then a line with the timestamp.
    Legacy,
    /// December 2025, briefly: as [`Self::Legacy`], and a third line with the key reference.
    LegacyKey,
    /// MongoDB 8.3: one configuration text without version keys.
    V1,
    /// Since 9.0: one configuration text with version keys, version 2 and newer.
    V2,
}

/// A parsed turtle page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turtle {
    pub form: TurtleForm,
    /// Version of the writer, if the page states one.
    pub version: Option<u32>,
    /// Lowest version of a reader, if the page states one.
    pub compatible_version: Option<u32>,
    /// Checkpoints of the shared metadata; the last is the newest.
    pub checkpoints: Vec<CheckpointEntry>,
    /// Timestamp of the checkpoint; 0 = none.
    pub timestamp: u64,
    pub oldest_timestamp: Option<u64>,
    /// Schema epoch; 0 = off. Always there since version 3, and never goes back.
    pub schema_epoch: Option<u64>,
    /// Highest file index in use.
    pub largest_file_id: Option<u64>,
    /// Highest write generation in use (decimal); 0: to be derived. A reader raises its base write generation
    /// to one more.
    pub max_write_gen: Option<u64>,
    /// Where the key page lies.
    pub key_provider: Option<KeyReference>,
    /// Keys this reader does not know, with their text, in the order of the page.
    pub unknown: Vec<(String, String)>,
}

/// The reference to a key page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyReference {
    /// Page id, always 1.
    pub page_id: PageId,
    /// LSN of the key page.
    pub lsn: Lsn,
    /// Version of the reference, always 1.
    pub version: u32,
}

/// Parse a turtle page of any form.
pub fn parse(bytes: &[u8]) -> Result<Turtle> {
    let (turtle, wrong_key) = parse_as(bytes, READER_VERSION)?;
    wrong_key.map_or(Ok(turtle), |e| Err(e.within("turtle page")))
}

/// Parse a turtle page by the rules of a reader of a version, and say apart what is wrong with its key
/// reference: the engine looks at that later, when it loads the key.
pub fn parse_as(bytes: &[u8], reader: u32) -> Result<(Turtle, Option<FormatError>)> {
    let text = text_of(bytes).map_err(|e| e.within("turtle page"))?;
    let parsed = if text.starts_with(LEGACY_PREFIX) {
        parse_legacy(text)
    } else if let Some(config) = spring_config(text) {
        parse_spring(config)
    } else {
        parse_config(text, reader)
    };
    parsed.map_err(|e| e.within("turtle page"))
}

/// A page, and what is wrong with its key reference.
type Parsed = Result<(Turtle, Option<FormatError>)>;

/// Parse the value of `key_provider`, also in the short-lived form with doubled parentheses.
pub fn parse_key_reference(text: &str) -> Result<KeyReference> {
    reference(text).map_err(|e| e.within("key_provider"))
}

/// A turtle page of any form with another newest checkpoint: its name, and those of the fields that it
/// has. Every other byte stays.
pub fn with_newest(text: &str, name: &str, fields: &[(&str, &str)]) -> Result<String> {
    // Where the list stands: behind the first line, on the first line without its key, or in the text.
    let (head, list, tail) = match spring_config(text) {
        Some(config) => {
            (text.get(..text.len().saturating_sub(config.len())).unwrap_or_default(), config.to_owned(), "")
        }
        None if text.starts_with(LEGACY_PREFIX) => {
            let end = text.find('\n').unwrap_or(text.len());
            let (line, rest) = text.split_at(end);
            ("", format!("{LIST_KEY}{line}"), rest)
        }
        None => ("", text.to_owned(), ""),
    };
    let inner = checkpoint_list::text_in(&list)?;
    let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or_default();
    let newest = Config::parse(inner)?.entries().last().map(|e| e.value.config()).transpose()?.unwrap_or_default();
    let there: Vec<(&str, &str)> = fields.iter().copied().filter(|(key, _)| newest.get(key).is_some()).collect();
    let changed = checkpoint_list::with_next(&list, name, &there, true)?;
    let bare = text.starts_with(LEGACY_PREFIX);
    let changed = if bare { changed.strip_prefix(LIST_KEY).unwrap_or(&changed) } else { &changed };
    Ok(format!("{head}{changed}{tail}"))
}

impl Turtle {
    fn new(form: TurtleForm) -> Self {
        Self {
            form,
            version: None,
            compatible_version: None,
            checkpoints: Vec::new(),
            timestamp: 0,
            oldest_timestamp: None,
            schema_epoch: None,
            largest_file_id: None,
            max_write_gen: None,
            key_provider: None,
            unknown: Vec::new(),
        }
    }

    /// Take every key but the versions and the checkpoint list.
    /// Answers what is wrong with the key reference.
    fn take(&mut self, config: &Config<'_>) -> Result<Option<FormatError>> {
        unique(config)?;
        let mut timestamp = None;
        let mut wrong_key = None;
        for entry in config.entries() {
            let value = entry.value;
            let key = entry.key;
            let done = match key {
                "version" | "compatible_version" | "checkpoint" => Ok(()),
                "timestamp" => value.hex_u64().map(|v| timestamp = Some(v)),
                "oldest_timestamp" => value.hex_u64().map(|v| self.oldest_timestamp = Some(v)),
                "schema_epoch" => value.hex_u64().map(|v| self.schema_epoch = Some(v)),
                "largest_file_id" => value.u64().map(|v| self.largest_file_id = Some(v)),
                MAX_WRITE_GEN => value.u64().map(|v| self.max_write_gen = Some(v)),
                // Its name while it was under review.
                BASE_WRITE_GEN if self.version != Some(READER_VERSION) => {
                    value.u64().map(|v| self.max_write_gen = Some(v))
                }
                // Its errors name the key themselves.
                "key_provider" => {
                    match parse_key_reference(value.text) {
                        Ok(reference) => self.key_provider = Some(reference),
                        Err(e) => wrong_key = Some(e),
                    }
                    Ok(())
                }
                _ => {
                    self.unknown.push((key.to_owned(), value.text.to_owned()));
                    Ok(())
                }
            };
            done.map_err(|e| e.within(key))?;
        }
        self.timestamp = timestamp.ok_or_else(|| FormatError::invalid("timestamp is missing"))?;
        Ok(wrong_key)
    }
}

/// Forms V1 and V2.
fn parse_config(text: &str, reader: u32) -> Parsed {
    let config = Config::parse(text)?;
    let (version, compatible) = (version(&config, "version")?, version(&config, "compatible_version")?);
    let form = match (version, compatible) {
        (None, None) => TurtleForm::V1,
        (Some(_), Some(_)) => TurtleForm::V2,
        (Some(_), None) => return Err(FormatError::invalid("version without compatible_version")),
        (None, Some(_)) => return Err(FormatError::invalid("compatible_version without version")),
    };
    if let Some(c) = compatible.filter(|c| *c > reader) {
        return Err(FormatError::unsupported(format!("compatible_version={c} is newer than this reader ({reader})")));
    }
    let mut turtle = Turtle { version, compatible_version: compatible, ..Turtle::new(form) };
    let list = config.get("checkpoint").ok_or_else(|| FormatError::invalid("checkpoint is missing"))?;
    turtle.checkpoints = checkpoint_list::parse(list)?;
    let wrong_key = turtle.take(&config)?;
    match turtle.unknown.first() {
        // A writer of the same version cannot know more keys than this reader. Others may.
        Some((key, _)) if version.unwrap_or(DEFAULT_VERSION) == reader => {
            Err(FormatError::invalid(format!("unknown key `{}`", shorten(key))))
        }
        _ => Ok((turtle, wrong_key)),
    }
}

/// The list on the first line, `key=value` on the following ones.
fn parse_legacy(text: &str) -> Parsed {
    let (list, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = Config::parse(list)?;
    let [entry] = first.entries() else {
        return Err(FormatError::invalid("one checkpoint list wanted on the first line"));
    };
    let mut turtle = Turtle::new(TurtleForm::Legacy);
    turtle.checkpoints = checkpoint_list::parse_lenient(entry.value)?;
    // These lines end without commas. Values hold no line feeds, so the join changes nothing else.
    let wrong_key = turtle.take(&Config::parse(&rest.replace('\n', ","))?)?;
    if turtle.key_provider.is_some() {
        turtle.form = TurtleForm::LegacyKey;
    }
    Ok((turtle, wrong_key))
}

/// The second of two lines if the first is a metadata key such as `file:NAME`.
fn spring_config(text: &str) -> Option<&str> {
    let (key, config) = text.split_once('\n')?;
    let is_key = key.contains(':') && !key.contains(['=', '(', ',', '"']);
    is_key.then_some(config)
}

/// The configuration of the shared metadata file; its timestamp, if any, is nowhere in the page.
fn parse_spring(config: &str) -> Parsed {
    let config = Config::parse(config)?;
    let list = config.get("checkpoint").ok_or_else(|| FormatError::invalid("checkpoint is missing"))?;
    let mut turtle = Turtle::new(TurtleForm::Spring);
    turtle.checkpoints = checkpoint_list::parse_lenient(list)?;
    Ok((turtle, None))
}

/// A version key: 0 to 2^31-1.
pub fn version(config: &Config<'_>, key: &str) -> Result<Option<u32>> {
    let Some(value) = config.get(key) else { return Ok(None) };
    let number = value.u64().map_err(|e| e.within(key))?;
    match u32::try_from(number) {
        Ok(v) if v <= i32::MAX.cast_unsigned() => Ok(Some(v)),
        _ => Err(FormatError::invalid(format!("{key}={number} exceeds 31 bits"))),
    }
}

/// Repeated keys hit an assertion in the engine.
fn unique(config: &Config<'_>) -> Result<()> {
    let mut keys: Vec<_> = config.entries().iter().map(|e| e.key).collect();
    keys.sort_unstable();
    let twice = keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a == b);
    twice.map_or(Ok(()), |(key, _)| Err(FormatError::invalid(format!("key `{}` is repeated", shorten(key)))))
}

fn reference(text: &str) -> Result<KeyReference> {
    let outer = Config::parse(text)?;
    let [only] = outer.entries() else {
        return Err(FormatError::invalid("not one structure"));
    };
    if only.value.kind != Kind::Struct || !only.key.is_empty() {
        return Err(FormatError::invalid("not a structure"));
    }
    let config = only.value.config()?;
    let (mut page, mut version) = (None, None);
    // Doubled parentheses wrap either the page alone or everything; one extra level at most.
    let mut entries = Vec::new();
    for e in config.entries() {
        if e.key.is_empty() {
            entries.extend_from_slice(e.value.config()?.entries());
        } else {
            entries.push(*e);
        }
    }
    for e in entries {
        let slot = match e.key {
            "page.1" => &mut page,
            "version" => &mut version,
            key => return Err(FormatError::invalid(format!("unknown key `{}`", shorten(key)))),
        };
        if slot.replace(e.value).is_some() {
            return Err(FormatError::invalid(format!("key `{}` is repeated", e.key)));
        }
    }
    let version = version.ok_or_else(|| FormatError::invalid("version is missing"))?.u64()?;
    if version != u64::from(KEY_REFERENCE_VERSION) {
        return Err(FormatError::invalid(format!("version {version} is not {KEY_REFERENCE_VERSION}")));
    }
    let page = page.ok_or_else(|| FormatError::invalid("page.1 is missing"))?.config()?;
    unique(&page)?;
    if let Some(e) = page.entries().iter().find(|e| !matches!(e.key, "page_id" | "lsn")) {
        return Err(FormatError::invalid(format!("unknown key `{}`", shorten(e.key))));
    }
    let number = |key: &str| match page.get(key).map(|v: Value<'_>| v.u64()) {
        Some(Ok(0)) | None => Err(FormatError::invalid(format!("incomplete: {key} is missing or 0"))),
        Some(other) => other.map_err(|e| e.within(key)),
    };
    let (page_id, lsn) = (number("page_id")?, number("lsn")?);
    if KEY_PAGE_ID != page_id {
        return Err(FormatError::invalid(format!("page_id {page_id} is out of range")));
    }
    Ok(KeyReference { page_id: PageId(page_id), lsn: Lsn(lsn), version: KEY_REFERENCE_VERSION })
}
