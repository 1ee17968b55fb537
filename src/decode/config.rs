//! A configuration text as a document, the form of all metadata.

use super::view::{LISTED, Problem};
use crate::format::config::{Config, Kind, Value};
use serde::Serialize;

/// A configuration text.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ConfigReport {
    /// Entries in the order of the text; keys may be repeated, the last one counts.
    pub entries: Vec<ConfigEntry>,
    /// What does not parse.
    pub problems: Vec<Problem>,
    /// What is unusual.
    pub notes: Vec<String>,
}

/// An entry of a configuration text.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct ConfigEntry {
    /// The key; empty for a structure without one.
    pub key: String,
    /// The value.
    pub value: ConfigValue,
    /// `number`, `bool`, `string`, `id` or `struct`.
    pub kind: &'static str,
}

/// The value of a [`ConfigEntry`].
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ConfigValue {
    /// Its text.
    Text(String),
    /// The entries of a structure.
    Entries(Vec<ConfigEntry>),
}

/// Decode a configuration text.
pub fn config(raw: &[u8]) -> ConfigReport {
    let mut tree = Tree::default();
    let entries = match Config::parse_bytes(raw) {
        Ok(config) => tree.entries(&config),
        Err(e) => {
            tree.problems.push(e.into());
            Vec::new()
        }
    };
    let mut notes = Vec::new();
    if tree.count > LISTED {
        notes.push(format!("only the first {LISTED} entries are listed"));
    }
    ConfigReport { entries, problems: tree.problems, notes }
}

/// Builds the entries of a configuration text. The parser bounds the depth of brackets.
#[derive(Default)]
pub(super) struct Tree {
    count: usize,
    problems: Vec<Problem>,
}

impl Tree {
    fn entries(&mut self, config: &Config<'_>) -> Vec<ConfigEntry> {
        config.entries().iter().map_while(|e| self.entry(e.key, &e.value)).collect()
    }

    /// `None` once enough entries are listed.
    pub(super) fn entry(&mut self, key: &str, value: &Value<'_>) -> Option<ConfigEntry> {
        self.count += 1;
        if self.count > LISTED {
            return None;
        }
        let kind = match value.kind {
            Kind::Number => "number",
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Id => "id",
            Kind::Struct => "struct",
        };
        let value = if value.kind == Kind::Struct {
            ConfigValue::Entries(match value.config() {
                Ok(inner) => self.entries(&inner),
                Err(e) => {
                    let name = if key.is_empty() { "structure" } else { key };
                    self.problems.push(e.within(name).into());
                    Vec::new()
                }
            })
        } else if key == "secretkey" {
            // The one key of the engine's configuration whose value is a secret.
            ConfigValue::Text("(hidden)".to_string())
        } else {
            ConfigValue::Text(value.text.to_string())
        };
        Some(ConfigEntry { key: key.to_string(), value, kind })
    }
}
