//! What simulations start from: documents that people write, in YAML.
//!
//! A mistake in one is told by file, line, column and field. serde knows the place of what it cannot
//! take; for what only the meaning shows to be wrong (a time before the last one, an actor nobody
//! named), [`Document::wrong`] finds the place of a field once more.

pub mod duration;
pub mod random;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::path::Path;

/// Largest document read: far above any scenario, far below what hurts.
pub const MAX_BYTES: u64 = 4 << 20;

/// Deepest nesting of brackets. The YAML library takes time by the square of it before it refuses more than
/// 128 levels, hours for a document of [`MAX_BYTES`].
const MAX_NESTING: usize = 512;

/// Line and column, from 1, of the first bracket that is nested deeper than `MAX_NESTING`. Only brackets
/// where a value can begin count, so that those in prose do not.
pub fn too_deep(text: &str) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    for (line, content) in (1_usize..).zip(text.lines()) {
        let mut begins = true;
        for (column, c) in (1_usize..).zip(content.chars()) {
            match c {
                '[' | '{' if begins => {
                    depth += 1;
                    if depth > MAX_NESTING {
                        return Some((line, column));
                    }
                }
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            begins = matches!(c, '[' | '{' | ',' | ':' | '-' | '?') || (begins && c.is_whitespace());
        }
    }
    None
}

/// Most bytes that a document may come to once each alias is replaced by what it stands for, taking that for as long
/// as the whole document. None is needed in a scenario.
const MAX_ECHO: usize = 64 << 20;

/// Line and column, from 1, of the first alias of a document whose aliases could make it much longer than it is.
pub fn too_often(text: &str) -> Option<(usize, usize)> {
    let aliases = || {
        (1_usize..).zip(text.lines()).flat_map(|(line, content)| {
            content.match_indices('*').filter_map(move |(at, _)| {
                let (before, behind) = content.split_at_checked(at)?;
                let begins = before.chars().next_back().is_none_or(|c| c.is_whitespace() || "[{,:-".contains(c));
                let named = behind.chars().nth(1).is_some_and(|c| !c.is_whitespace());
                (begins && named).then_some((line, before))
            })
        })
    };
    let (line, before) = aliases().next()?;
    let over = aliases().count().saturating_mul(text.len()) > MAX_ECHO;
    over.then(|| (line, before.chars().count() + 1))
}

/// A document and its name, for messages.
#[derive(Debug, Clone)]
pub struct Document {
    /// As given, or what it was made from.
    pub name: String,
    pub text: String,
}

/// What is wrong with a document, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}:{column}: {reason}")]
pub struct Mistake {
    pub name: String,
    pub line: usize,
    pub column: usize,
    pub reason: String,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Unreadable {
    pub path: String,
    pub reason: String,
}

/// One step of the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Key(&'static str),
    /// An element of a list, from 0.
    At(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::At(at) => write!(f, "[{at}]"),
        }
    }
}

/// The way as people write it: `events[3].actor`.
fn spelled(way: &[Part]) -> String {
    let mut out = String::new();
    for part in way {
        if !out.is_empty() && !matches!(part, Part::At(_)) {
            out.push('.');
        }
        out.push_str(&part.to_string());
    }
    out
}

impl Document {
    /// A document from memory.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_string(), text: text.to_string() }
    }

    /// Read a file.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        use std::io::Read;
        let fail = |reason: String| Unreadable { path: path.display().to_string(), reason };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|e| fail(e.to_string()))?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| fail(e.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(fail(format!("more than {MAX_BYTES} bytes: not a scenario")));
        }
        let text = String::from_utf8(bytes).map_err(|e| fail(format!("not text: {e}")))?;
        Ok(Self { name: path.display().to_string(), text })
    }

    /// Read it as a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        if let Some((line, column)) = too_deep(&self.text) {
            let reason = format!("brackets are nested deeper than {MAX_NESTING}");
            return Err(Mistake { name: self.name.clone(), line, column, reason });
        }
        if let Some((line, column)) = too_often(&self.text) {
            let reason = "aliases expand to more than a document can hold; write out what they stand for".into();
            return Err(Mistake { name: self.name.clone(), line, column, reason });
        }
        serde_yaml::from_str(&self.text).map_err(|e| self.mistake(&e))
    }

    /// A mistake that lies in the meaning of a field.
    pub fn wrong(&self, way: &[Part], reason: impl fmt::Display) -> Mistake {
        let field = spelled(way);
        let reason = if field.is_empty() { reason.to_string() } else { format!("{field}: {reason}") };
        let found = Find { way, reason: &reason }.deserialize(serde_yaml::Deserializer::from_str(&self.text));
        match found {
            Err(e) => Mistake { reason, ..self.mistake(&e) },
            // The field was left out: the nearest thing there is holds it.
            Ok(()) => match way.split_last() {
                Some((_, shorter)) => Mistake { reason, ..self.wrong(shorter, "") },
                None => Mistake { name: self.name.clone(), line: 1, column: 1, reason },
            },
        }
    }

    fn mistake(&self, e: &serde_yaml::Error) -> Mistake {
        let (line, column) = e.location().map_or((1, 1), |l| (l.line(), l.column()));
        let text = e.to_string();
        // The library adds the place to its words; it stands in front already.
        let reason = text.split(" at line ").next().unwrap_or(&text).to_string();
        Mistake { name: self.name.clone(), line, column, reason }
    }
}

/// Walks to a field and fails there, so that the deserializer adds the place.
struct Find<'w> {
    way: &'w [Part],
    reason: &'w str,
}

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Find<'_> {
    fn here<T, E: serde::de::Error>(&self, other: T) -> Result<T, E> {
        if self.way.is_empty() { Err(E::custom(self.reason)) } else { Ok(other) }
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.way.split_first() else { return Err(A::Error::custom(self.reason)) };
        while let Some(key) = map.next_key::<serde_yaml::Value>()? {
            let wanted = match first {
                Part::Key(name) => key.as_str() == Some(*name),
                Part::At(_) => false,
            };
            if wanted {
                map.next_value_seed(Find { way: rest, reason: self.reason })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.way.split_first() else { return Err(A::Error::custom(self.reason)) };
        let mut at = 0;
        loop {
            let there = match first {
                Part::At(wanted) if *wanted == at => seq.next_element_seed(Find { way: rest, reason: self.reason })?,
                _ => seq.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if there.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.here(())
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.here(())
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.here(())
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.here(())
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.here(())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.here(())
    }
}
