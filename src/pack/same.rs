//! Do two audits come to the same? (What an image must keep.)
//!
//! Compared are code, severity and place of every finding, the sizes and counts of every tree, the
//! classes of a page log's rows, orphans, keys, the use of every local file's space, verdict and exit
//! code. Not compared are the words of findings, checksums and cookies, which new content changes, the times of
//! checkpoints, which may have to change for a checksum, and MongoDB's names for files, which an image does not have.

use crate::audit::finding::{Code, Finding, Place, Severity};
use crate::audit::result::{Audit, Verdict};
use crate::id::{Lsn, PageId, TableId};
use crate::page::Depth;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Members of an audit of a local file that hold checksums, names, or times.
const CONTENT: [&str; 8] = ["cookie", "checksum", "namespace", "index", "documents", "content", "agrees_words", "time"];

/// What an audit came to, without what an image changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Essence {
    /// How much was read.
    pub depth: String,
    /// Verdict and exit code.
    pub outcome: Outcome,
    /// Code, severity and place of every finding.
    pub findings: Vec<Found>,
    /// Sizes, counts and classes.
    pub facts: Vec<Fact>,
}

/// Verdict and exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The verdict.
    pub verdict: String,
    /// The exit code.
    pub exit_code: u8,
}

/// A finding without its words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Found {
    /// Its severity.
    pub severity: String,
    /// Its code.
    pub code: String,
    /// `file:` URI of the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Page-log table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_id: Option<TableId>,
    /// Page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_id: Option<PageId>,
    /// LSN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn: Option<Lsn>,
    /// File, relative to the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Byte offset in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes from there on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// What an audit says of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Fact {
    /// The thing.
    pub about: Thing,
    /// Sizes, counts and states by their names in the audit.
    pub values: Map<String, Value>,
}

/// A thing that an audit says something of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "thing", rename_all = "kebab-case")]
pub enum Thing {
    /// The whole store.
    Store,
    /// The database total.
    Database,
    /// The audited checkpoint of a page log.
    Checkpoint,
    /// The catalog of a home.
    Catalog,
    /// The log files of a home.
    Log,
    /// A tree.
    Tree {
        /// Its URI.
        uri: String,
        /// Its table.
        table_id: TableId,
    },
    /// A file of a home.
    File {
        /// Its name.
        file: String,
    },
    /// Rows of a page log.
    Class {
        /// Their class.
        class: String,
    },
    /// An orphaned row.
    Orphan {
        /// Table.
        table_id: TableId,
        /// Page.
        page_id: PageId,
        /// LSN.
        lsn: Lsn,
    },
    /// A key page.
    KeyPage {
        /// Page.
        page_id: PageId,
        /// LSN.
        lsn: Lsn,
    },
    /// The key page that a checkpoint of a page log names.
    KeyUse {
        /// LSN of the checkpoint's completion record.
        lsn: Lsn,
    },
}

/// The values of a thing in the source and in the image.
type Sides<'v> = [Option<&'v Map<String, Value>>; 2];

/// One of the two that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The source.
    Source,
    /// The image.
    Image,
}

/// What differs between the audits of a source and of its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(tag = "difference", rename_all = "kebab-case")]
#[cfg_attr(feature = "devtools", schemars(rename = "ImageDifference"))]
pub enum Difference {
    /// What it all comes to.
    Outcome {
        /// Of the source.
        source: Outcome,
        /// Of the image.
        image: Outcome,
    },
    /// A finding that one of them has, or has more often.
    Finding {
        /// Which.
        only_in: Side,
        /// The finding.
        finding: Found,
    },
    /// A thing that one of them has.
    Thing {
        /// Which.
        only_in: Side,
        /// The thing.
        about: Thing,
    },
    /// Something that both have and that is not the same.
    Value {
        /// The thing.
        about: Thing,
        /// What of it: names, from the outside in.
        name: Vec<String>,
        /// Of the source.
        source: Value,
        /// Of the image.
        image: Value,
    },
    /// The image cannot be audited.
    NoAudit {
        /// Why.
        reason: String,
    },
}

impl Essence {
    /// The essence of an audit.
    pub fn of(audit: &Audit) -> Self {
        // Counts that MongoDB keeps are content, and an image has none.
        let kept = || audit.findings.iter().filter(|f| f.code != Code::CountMismatch);
        let mut findings: Vec<Found> = kept().map(finding).collect();
        findings.sort();
        // Nor are rows counted again for their sake.
        let counted = audit.store.depth == Depth::Deep;
        let mut facts = Vec::new();
        let mut add = |about: Thing, values: Value| {
            if let Value::Object(mut values) = values {
                strip(&mut values);
                facts.push(Fact { about, values });
            }
        };
        for t in &audit.trees {
            let mut values = json(t);
            without(&mut values, &["uri", "table_id", "root_cookie"]);
            if !counted {
                without(&mut values, &["rows"]);
            }
            add(Thing::Tree { uri: t.uri.clone(), table_id: t.table_id }, values);
        }
        add(Thing::Database, json(&audit.database));
        for (class, n) in &audit.versions {
            add(Thing::Class { class: (*class).to_string() }, json(n));
        }
        for o in &audit.orphans {
            add(Thing::Orphan { table_id: o.table_id, page_id: o.page_id, lsn: o.lsn }, json(o));
        }
        for k in &audit.keystore.pages {
            let mut values = json(k);
            without(&mut values, &["timestamp"]);
            add(Thing::KeyPage { page_id: k.page_id, lsn: k.lsn }, values);
        }
        for k in &audit.keystore.checkpoints {
            add(Thing::KeyUse { lsn: k.lsn }, json(k));
        }
        if let Some(c) = &audit.checkpoint {
            let mut values = json(c);
            without(&mut values, &["metadata_checksum", "timestamp", "oldest_timestamp"]);
            add(Thing::Checkpoint, values);
        }
        let store = &audit.store;
        let values =
            [("kind", json(&store.kind)), ("generation", json(&store.generation)), ("rows", json(&store.rows))];
        add(Thing::Store, values.into_iter().map(|(name, value)| (name.to_string(), value)).collect());
        if let Some(Value::Object(mut local)) = audit.local.as_ref().map(json) {
            for file in local.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
                let name = file.get("file").and_then(Value::as_str).unwrap_or_default().to_string();
                let checkpoints = file.get_mut("checkpoints").filter(|_| !counted);
                for checkpoint in checkpoints.and_then(Value::as_array_mut).into_iter().flatten() {
                    without(checkpoint, &["rows"]);
                }
                add(Thing::File { file: name }, file.take());
            }
            if let Some(Value::Object(catalog)) = local.remove("catalog") {
                let kept = ["source", "complete"].map(str::to_string);
                add(Thing::Catalog, catalog.into_iter().filter(|(name, _)| kept.contains(name)).collect());
            }
            if let Some(mut log) = local.remove("log") {
                // Files that a log needs not are left out of an image.
                without(&mut log, &["files"]);
                add(Thing::Log, log);
            }
        }
        facts.sort_by(|a, b| a.about.cmp(&b.about));
        let only_counts = audit.verdict == Verdict::Findings && kept().all(|f| f.severity == Severity::Note);
        let verdict = if only_counts { Verdict::Clean } else { audit.verdict };
        let outcome = Outcome { verdict: format!("{verdict:?}").to_lowercase(), exit_code: verdict.exit_code() };
        Self { depth: audit.store.depth.name().to_string(), outcome, findings, facts }
    }

    /// What differs, this being the source; empty if nothing does.
    pub fn differences(&self, image: &Self) -> Vec<Difference> {
        let mut out = Vec::new();
        if self.outcome != image.outcome {
            out.push(Difference::Outcome { source: self.outcome.clone(), image: image.outcome.clone() });
        }
        let mut count: BTreeMap<&Found, i64> = BTreeMap::new();
        self.findings.iter().for_each(|f| *count.entry(f).or_default() += 1);
        image.findings.iter().for_each(|f| *count.entry(f).or_default() -= 1);
        for (finding, n) in count {
            let only_in = if n > 0 { Side::Source } else { Side::Image };
            out.extend((0..n.abs()).map(|_| Difference::Finding { only_in, finding: finding.clone() }));
        }
        let mut things: BTreeMap<(&Thing, usize), Sides<'_>> = BTreeMap::new();
        for (side, facts) in [&self.facts, &image.facts].into_iter().enumerate() {
            let mut before: Option<(&Thing, usize)> = None;
            for fact in facts {
                // There may be two of the same name.
                let number = before.filter(|(thing, _)| *thing == &fact.about).map_or(0, |(_, n)| n + 1);
                before = Some((&fact.about, number));
                if let Some(slot) = things.entry((&fact.about, number)).or_default().get_mut(side) {
                    *slot = Some(&fact.values);
                }
            }
        }
        for ((about, _), values) in things {
            match values {
                [Some(source), Some(image)] => apart(about, &mut Vec::new(), source, image, &mut out),
                [source, _] => {
                    let only_in = if source.is_some() { Side::Source } else { Side::Image };
                    out.push(Difference::Thing { only_in, about: about.clone() });
                }
            }
        }
        out
    }
}

/// The values that differ, one by one.
fn apart(
    about: &Thing,
    name: &mut Vec<String>,
    source: &Map<String, Value>,
    image: &Map<String, Value>,
    out: &mut Vec<Difference>,
) {
    let mut keys: Vec<&String> = source.keys().chain(image.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (source, image) = (source.get(key), image.get(key));
        if source == image {
            continue;
        }
        name.push(key.clone());
        match (source.and_then(members), image.and_then(members)) {
            (Some(source), Some(image)) => apart(about, name, &source, &image, out),
            _ => {
                let value = |v: Option<&Value>| v.cloned().unwrap_or(Value::Null);
                let (source, image) = (value(source), value(image));
                out.push(Difference::Value { about: about.clone(), name: name.clone(), source, image });
            }
        }
        name.pop();
    }
}

/// The members of a structure, or of a list by their names or numbers.
fn members(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::Array(list) => {
            let name = |at: usize, v: &Value| {
                v.get("name").and_then(Value::as_str).map_or_else(|| (at + 1).to_string(), str::to_string)
            };
            Some(list.iter().enumerate().map(|(at, v)| (name(at, v), v.clone())).collect())
        }
        _ => None,
    }
}

fn finding(f: &Finding) -> Found {
    let Place { uri, table_id, page_id, lsn, offset, length, file, namespace: _ } = f.place.clone();
    let (severity, code) = (f.severity.name().to_string(), f.code.name().to_string());
    Found { severity, code, uri, table_id, page_id, lsn, file, offset, length }
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn without(value: &mut Value, names: &[&str]) {
    if let Value::Object(map) = value {
        map.retain(|key, _| !names.contains(&key.as_str()));
    }
}

fn strip(map: &mut Map<String, Value>) {
    map.retain(|key, _| !CONTENT.contains(&key.as_str()));
    map.values_mut().for_each(strip_value);
}

fn strip_value(value: &mut Value) {
    match value {
        Value::Object(map) => strip(map),
        Value::Array(list) => list.iter_mut().for_each(strip_value),
        _ => {}
    }
}
