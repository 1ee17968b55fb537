//! The file `WiredTiger.turtle` of a home directory: where the metadata file's own metadata is.
//!
//! Not to be confused with the turtle page of a page log ([`super::pagelog_turtle`]).

use super::config::{Config, Kind, shorten};
use super::{Class, config_keys};
use std::fmt::Write as _;

/// Name of the file.
pub const FILE_NAME: &str = "WiredTiger.turtle";
/// Name under which a new one is written before it replaces the old one.
pub const TEMPORARY_NAME: &str = "WiredTiger.turtle.set";

/// Key lines, in the order of the engine's writer.
const COMPATIBILITY: &str = "Compatibility version";
const LIVE_RESTORE: &str = "Live Restore";
const VERSION_STRING: &str = "WiredTiger version string";
pub const VERSION: &str = "WiredTiger version";
pub const METADATA: &str = "file:WiredTiger.wt";
pub const KEYS: [&str; 5] = [COMPATIBILITY, LIVE_RESTORE, VERSION_STRING, VERSION, METADATA];

/// Version of the engine that wrote the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A key line and its value line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub key: String,
    /// Offset of its first byte.
    pub key_at: usize,
    /// The value line; `None` if the text ends before it.
    pub value: Option<String>,
    /// Offset of the value's first byte, or of where it should be.
    pub value_at: usize,
}

/// What a turtle file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeTurtle {
    /// Version text, e.g. `WiredTiger 12.0.0: (November 15, 2024)`.
    pub version_string: String,
    pub version: Version,
    /// Compatibility release, if the home is held to one: major, minor.
    pub compatibility: Option<(u32, u32)>,
    /// State of a live restore.
    pub live_restore: Option<String>,
    /// Metadata of the metadata file: configuration text with its checkpoint list.
    pub metadata: String,
    /// Offset of the metadata's first byte.
    pub metadata_at: usize,
    /// The metadata has no line end: the file is cut behind its checkpoint list, which the engine
    /// does not mind.
    pub cut: bool,
    /// Pairs whose key is not known.
    pub unknown: Vec<Pair>,
}

/// Why a turtle file does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("WiredTiger.turtle, byte {offset}: {message} ({class})")]
pub struct Fault {
    /// What the engine answers. (It turns WT_NOTFOUND of a whole key into WT_TRY_SALVAGE.)
    pub class: Class,
    pub offset: usize,
    /// The key line concerned.
    pub key: Option<&'static str>,
    /// What is missing or wrong, in words.
    pub message: String,
}

impl Fault {
    fn new(class: Class, offset: usize, key: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { class, offset, key, message: message.into() }
    }

    /// The fault of a home that has no turtle file.
    pub fn missing(metadata_present: bool) -> Self {
        let message = if metadata_present {
            "turtle missing, metadata present: if opened for writing, the engine would take the directory for a new \
             database and put an empty WiredTiger.wt in place of this one"
        } else {
            "turtle and metadata missing"
        };
        Self::new(Class::NotFound, 0, None, message)
    }
}

/// A line with its place.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    at: usize,
    /// It ends with a line end, not with the file.
    ended: bool,
}

/// The lines up to the first empty one, where the engine stops to search.
struct Lines<'a> {
    lines: Vec<Line<'a>>,
    /// Where the search ends.
    end: usize,
    /// An empty line ended it, not the end of the file.
    empty_line: bool,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut at = 0_usize;
        for raw in text.split_inclusive('\n') {
            let line = raw.strip_suffix('\n').unwrap_or(raw);
            if line.is_empty() {
                return Self { lines, end: at, empty_line: true };
            }
            lines.push(Line { text: line, at, ended: line.len() < raw.len() });
            at = at.saturating_add(raw.len());
        }
        Self { lines, end: at, empty_line: false }
    }

    fn end_words(&self) -> &'static str {
        if self.empty_line { "an empty line ends the search here" } else { "the file ends here" }
    }

    /// The line behind the first line that equals `key`.
    ///
    /// Like the engine, which does not count lines: a value that reads like the key is taken for it.
    fn value(&self, key: &'static str) -> Result<Option<Line<'a>>, Fault> {
        let Some(index) = self.lines.iter().position(|l| l.text == key) else { return Ok(None) };
        match self.lines.get(index.saturating_add(1)) {
            Some(line) => Ok(Some(*line)),
            None => {
                let message = format!("value of `{key}` is missing: {}", self.end_words());
                Err(Fault::new(Class::NotFound, self.end, Some(key), message))
            }
        }
    }

    fn required(&self, key: &'static str) -> Result<Line<'a>, Fault> {
        if let Some(line) = self.value(key)? {
            return Ok(line);
        }
        // An overwritten key line is still there: the first unknown one is what to look at.
        let (at, found) = match self.pairs().into_iter().find(|p| !KEYS.contains(&p.key.as_str())) {
            Some(pair) => (pair.key_at, format!("; line `{}` is not a key", shorten(&pair.key))),
            None => (self.end, format!(": {}", self.end_words())),
        };
        Err(Fault::new(Class::NotFound, at, Some(key), format!("key `{key}` is missing{found}")))
    }

    /// The lines in pairs. A known key always begins a pair, so a lost line shifts only its own pair.
    fn pairs(&self) -> Vec<Pair> {
        let mut out = Vec::new();
        let mut lines = self.lines.iter().peekable();
        while let Some(key) = lines.next() {
            let known = KEYS.contains(&key.text);
            let value = lines.next_if(|next| known || !KEYS.contains(&next.text));
            let behind = key.at.saturating_add(key.text.len()).saturating_add(usize::from(key.ended));
            out.push(Pair {
                key: key.text.to_owned(),
                key_at: key.at,
                value: value.map(|v| v.text.to_owned()),
                value_at: value.map_or(behind, |v| v.at),
            });
        }
        out
    }
}

/// All pairs of a turtle file in their order, also of a damaged one; nothing is checked. The offsets
/// hold up to the first byte that is not UTF-8.
pub fn pairs(bytes: &[u8]) -> Vec<Pair> {
    Lines::of(&String::from_utf8_lossy(bytes)).pairs()
}

/// Parse a turtle file. The first fault in the order of the file's keys is reported.
pub fn parse(bytes: &[u8]) -> Result<HomeTurtle, Fault> {
    if bytes.is_empty() {
        return Err(Fault::new(Class::NotFound, 0, None, "the file is empty"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Fault::new(Class::Invalid, e.valid_up_to(), None, "the text is not UTF-8"))?;
    if let Some((at, what)) = strange(text, true) {
        return Err(Fault::new(Class::Invalid, at, None, what));
    }
    let lines = Lines::of(text);
    let compatibility = match lines.value(COMPATIBILITY)? {
        Some(line) => Some(numbers(COMPATIBILITY, line, ["major", "minor"]).map(|[major, minor]| (major, minor))?),
        None => None,
    };
    let live_restore = match lines.value(LIVE_RESTORE)? {
        Some(line) => {
            let config = config_of(LIVE_RESTORE, line)?;
            Some(field(&config, LIVE_RESTORE, line, "state")?.to_owned())
        }
        None => None,
    };
    let version_string = lines.required(VERSION_STRING)?.text.to_owned();
    let version = lines.required(VERSION)?;
    let [major, minor, patch] = numbers(VERSION, version, ["major", "minor", "patch"])?;
    let metadata = lines.required(METADATA)?;
    check_metadata(metadata)?;
    Ok(HomeTurtle {
        version_string,
        version: Version { major, minor, patch },
        compatibility,
        live_restore,
        metadata: metadata.text.to_owned(),
        metadata_at: metadata.at,
        cut: !metadata.ended,
        unknown: lines.pairs().into_iter().filter(|p| !KEYS.contains(&p.key.as_str())).collect(),
    })
}

/// A character that the engine does not write, and its place; names in a backup's list may hold any letters.
fn strange(text: &str, ascii: bool) -> Option<(usize, String)> {
    let (at, c) =
        text.char_indices().find(|(_, c)| (c.is_ascii_control() && *c != '\n') || (ascii && !c.is_ascii()))?;
    Some(match c {
        '\0' => (at, "a NUL byte, after which the engine reads nothing".into()),
        c => (at, format!("character {:#x}, which the engine does not write", u32::from(c))),
    })
}

/// Check the list of a backup: every key has its value, and every value is a configuration text.
pub fn check_backup(bytes: &[u8]) -> Result<(), (usize, String)> {
    let text = std::str::from_utf8(bytes).map_err(|e| (e.valid_up_to(), "the text is not UTF-8".to_string()))?;
    if let Some(found) = strange(text, false) {
        return Err(found);
    }
    if !text.ends_with('\n') {
        return Err((text.len(), "the text is truncated: its last line has no line end".into()));
    }
    let lines = Lines::of(text);
    if lines.empty_line {
        return Err((lines.end, "an empty line".into()));
    }
    let mut lines = lines.lines.iter();
    while let Some(key) = lines.next() {
        let Some(value) = lines.next() else { return Err((key.at, format!("`{}` has no value", shorten(key.text)))) };
        // The version is plain text.
        if key.text == VERSION_STRING {
            continue;
        }
        let checked = match key.text.split(':').next() {
            Some("file") => config_keys::check_file(value.text).map(drop),
            Some("table" | "colgroup" | "index") => config_keys::check_table(value.text),
            _ => Config::parse_to(value.text).map(drop).map_err(|(at, e)| (at, e.message)),
        };
        checked
            .map_err(|(at, what)| (value.at.saturating_add(at), format!("value of `{}`: {what}", shorten(key.text))))?;
    }
    Ok(())
}

/// A turtle around the metadata of the metadata file. `version` is the version text as the version
/// file has it, `WiredTiger 12.0.0: (November 15, 2024)`; `None` if it states no three numbers.
pub fn from_version_text(version: &str, metadata: String) -> Option<HomeTurtle> {
    let numbers = version.split_whitespace().nth(1)?.trim_end_matches(':');
    let mut numbers = numbers.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let parsed = Version { major: next()?, minor: next()?, patch: next()? };
    Some(HomeTurtle {
        version_string: version.to_owned(),
        version: parsed,
        compatibility: None,
        live_restore: None,
        metadata,
        metadata_at: 0,
        cut: false,
        unknown: Vec::new(),
    })
}

/// The text of a turtle file as the engine writes it. Unknown pairs are not its own and left out.
pub fn render(turtle: &HomeTurtle) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    if let Some((major, minor)) = turtle.compatibility {
        let _ = write!(out, "{COMPATIBILITY}\nmajor={major},minor={minor}\n");
    }
    if let Some(state) = &turtle.live_restore {
        let _ = write!(out, "{LIVE_RESTORE}\nstate={state}\n");
    }
    let Version { major, minor, patch } = turtle.version;
    let _ = write!(out, "{VERSION_STRING}\n{}\n", turtle.version_string);
    let _ = write!(out, "{VERSION}\nmajor={major},minor={minor},patch={patch}\n");
    let _ = write!(out, "{METADATA}\n{}\n", turtle.metadata);
    out
}

/// The metadata must be a configuration text and name a checkpoint: a text cut between two entries
/// still parses, but lacks what follows.
fn check_metadata(line: Line<'_>) -> Result<(), Fault> {
    let config = config_of(METADATA, line)?;
    let of_keys = || {
        config_keys::check_metadata(line.text).map_err(|(at, what)| {
            let at = line.at.saturating_add(at);
            Fault::new(Class::Invalid, at, Some(METADATA), format!("value of `{METADATA}`: {what}"))
        })
    };
    // Before the first checkpoint it is empty.
    match config.get("checkpoint") {
        Some(list) if list.kind == Kind::Struct || (line.ended && list.text.is_empty()) => return of_keys(),
        _ => {}
    }
    let end = line.at.saturating_add(line.text.len());
    let cut = if line.ended { "" } else { ", and the text is truncated there (no line end)" };
    let message = format!("value of `{METADATA}` ends here without `checkpoint`{cut}");
    Err(Fault::new(Class::NotFound, end, Some(METADATA), message))
}

fn config_of<'a>(key: &'static str, line: Line<'a>) -> Result<Config<'a>, Fault> {
    Config::parse_to(line.text).map_err(|(at, e)| {
        let at = at.min(line.text.len());
        let cut = if line.ended { "" } else { "; the text is truncated (no line end)" };
        let message = format!("value of `{key}`: {}{cut}", e.message);
        Fault::new(e.class, line.at.saturating_add(at), Some(key), message)
    })
}

fn field<'a>(config: &Config<'a>, key: &'static str, line: Line<'a>, name: &str) -> Result<&'a str, Fault> {
    config.get(name).map(|v| v.as_str()).ok_or_else(|| {
        Fault::new(
            Class::NotFound,
            line.at,
            Some(key),
            format!("value of `{key}` has no `{name}`: `{}`", shorten(line.text)),
        )
    })
}

fn numbers<const N: usize>(key: &'static str, line: Line<'_>, names: [&str; N]) -> Result<[u32; N], Fault> {
    let config = config_of(key, line)?;
    let mut out = [0; N];
    for (slot, name) in out.iter_mut().zip(names) {
        let text = field(&config, key, line, name)?;
        *slot = text.parse().map_err(|_| {
            let message = format!("value of `{key}`: `{name}` is not a number: `{}`", shorten(text));
            Fault::new(Class::Invalid, line.at, Some(key), message)
        })?;
    }
    Ok(out)
}
