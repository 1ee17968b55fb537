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
            return Err(fail(format!("more than {MAX_BYTES} bytes: no scenario")));
        }
        let text = String::from_utf8(bytes).map_err(|e| fail(format!("no text: {e}")))?;
        Ok(Self { name: path.display().to_string(), text })
    }

    /// Read it as a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Mistake> {
        if let Some((line, column)) = too_deep(&self.text) {
            let reason = format!("brackets are nested deeper than {MAX_NESTING}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        name: String,
        events: Vec<Event>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Event {
        at: u64,
        actor: String,
    }

    const TEXT: &str = "name: x\nevents:\n  - at: 1\n    actor: a\n  - {at: 2, actor: b}\n";

    fn place(m: &Mistake) -> (usize, usize) {
        (m.line, m.column)
    }

    #[test]
    fn what_serde_cannot_take_has_a_place() {
        let parse = |text: &str| Document::new("s.yaml", text).parse::<Sample>().unwrap_err();
        let unknown = parse("name: x\nevents:\n  - at: 1\n    actr: a\n");
        assert_eq!(place(&unknown), (4, 5));
        assert!(unknown.to_string().contains("unknown field `actr`"), "{unknown}");
        let wrong = parse("name: x\nevents:\n  - at: soon\n    actor: a\n");
        assert_eq!(place(&wrong), (3, 9));
        assert!(wrong.to_string().starts_with("s.yaml:3:9: events[0].at: invalid type"), "{wrong}");
        assert!(Document::new("s.yaml", TEXT).parse::<Sample>().is_ok());
        assert_eq!(place(&parse("@")).0, 1);
    }

    #[test]
    fn what_the_meaning_shows_has_a_place_too() {
        let document = Document::new("s.yaml", TEXT);
        let wrong = |way: &[Part]| document.wrong(way, "no");
        assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(0), Part::Key("actor")])), (4, 12));
        assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(1), Part::Key("actor")])), (5, 20));
        assert_eq!(place(&wrong(&[Part::Key("events"), Part::At(1)])), (5, 5));
        // A field that is not there: the place of what should hold it.
        let left_out = wrong(&[Part::Key("events"), Part::At(1), Part::Key("version")]);
        assert_eq!(place(&left_out), (5, 5));
        assert_eq!(left_out.reason, "events[1].version: no");
        assert_eq!(place(&wrong(&[])), (1, 1));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
        assert!(Document::new("b", bomb).parse::<Sample>().is_err());
        let _ = Document::new("b", bomb).wrong(&[Part::Key("g")], "no");
        let deep = "[".repeat(100_000);
        assert!(Document::new("d", &deep).parse::<Sample>().is_err());
        let _ = Document::new("d", &deep).wrong(&[Part::Key("g")], "no");
    }
}
