//! Do two audits come to the same? (What an image must keep.)
//!
//! Compared are code, severity and place of every finding, the sizes and counts of every tree, the
//! classes of a page log's rows, orphans, keys, the use of every local file's space, verdict and exit
//! code. Not compared are the words of findings, checksums and cookies, which new content changes, and
//! MongoDB's names for files, which an image does not have.

use crate::audit::finding::{Finding, Place};
use crate::audit::result::Audit;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Members of an audit of a local file that hold checksums or names.
const CONTENT: [&str; 7] = ["cookie", "checksum", "namespace", "index", "documents", "content", "agrees_words"];

/// What an audit came to, without what an image changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Essence {
    /// How much was read.
    pub depth: String,
    /// Its verdict.
    pub verdict: String,
    /// Its exit code.
    pub exit_code: u8,
    /// Code, severity and place of every finding.
    pub findings: Vec<String>,
    /// Sizes, counts and classes.
    pub facts: Vec<String>,
}

impl Essence {
    /// The essence of an audit.
    pub fn of(audit: &Audit) -> Self {
        let mut findings: Vec<String> = audit.findings.iter().map(finding).collect();
        findings.sort();
        let mut facts = Vec::new();
        for t in &audit.trees {
            facts.push(format!(
                "tree {} {} {:?}: published {:?} {:?}, recomputed {}, physical {}, difference {:?}, {:?}, rows {:?}, complete {}",
                t.uri, t.table_id, t.checkpoint, t.published_size, t.published_size_meaning, t.recomputed_size,
                t.physical_size, t.difference, t.pages, t.rows, t.complete
            ));
        }
        facts.push(format!("database {:?}", audit.database));
        facts.extend(
            audit.versions.iter().map(|(class, n)| format!("class {class}: {} rows, {} bytes", n.count, n.bytes)),
        );
        facts.extend(audit.orphans.iter().map(|o| format!("orphan {o:?}")));
        facts.extend(audit.keystore.pages.iter().map(|k| {
            format!("key page {} {} {:?} {} {:?} {}", k.page_id, k.lsn, k.version, k.bytes, k.payload_bytes, k.valid)
        }));
        facts.extend(audit.keystore.checkpoints.iter().map(|k| format!("key use {k:?}")));
        if let Some(c) = &audit.checkpoint {
            facts.push(format!(
                "checkpoint {} {} {:?} {} {} {:?} {:?}",
                c.lsn, c.metadata_lsn, c.database_size, c.version, c.compatible_version, c.keystore_lsn, c.name
            ));
        }
        facts.push(format!("store {:?} {} {} rows", audit.store.kind, audit.store.generation, audit.store.rows));
        let local = audit.local.as_ref().and_then(|l| serde_json::to_value(l).ok());
        if let Some(Value::Object(mut local)) = local {
            for file in local.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
                strip(file);
                facts.push(format!("file {file}"));
            }
            let catalog = local.get("catalog").and_then(Value::as_object).cloned().unwrap_or_default();
            facts.push(format!("catalog {:?} {:?}", catalog.get("source"), catalog.get("complete")));
            if let Some(Value::Object(mut log)) = local.remove("log") {
                // Files that a log needs not are left out of an image.
                log.remove("files");
                facts.push(format!("log {}", Value::Object(log)));
            }
        }
        facts.sort();
        let verdict = format!("{:?}", audit.verdict).to_lowercase();
        Self { depth: audit.store.depth.name().to_string(), verdict, exit_code: audit.exit_code, findings, facts }
    }

    /// What differs, `-` here and `+` there; empty if nothing does.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        if (&self.verdict, self.exit_code) != (&other.verdict, other.exit_code) {
            out.push(format!("- verdict {}, exit code {}", self.verdict, self.exit_code));
            out.push(format!("+ verdict {}, exit code {}", other.verdict, other.exit_code));
        }
        out.extend(apart(&self.findings, &other.findings));
        out.extend(apart(&self.facts, &other.facts));
        out
    }
}

/// Lines of one list only, with their number.
fn apart(here: &[String], there: &[String]) -> Vec<String> {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    here.iter().for_each(|l| *count.entry(l).or_default() += 1);
    there.iter().for_each(|l| *count.entry(l).or_default() -= 1);
    let line = |(l, n): (&str, i64)| {
        let sign = if n > 0 { '-' } else { '+' };
        (0..n.abs()).map(|_| format!("{sign} {l}")).collect::<Vec<_>>()
    };
    count.into_iter().filter(|(_, n)| *n != 0).flat_map(line).collect()
}

fn finding(f: &Finding) -> String {
    let mut out = format!("{} {}", f.severity.name(), f.code.name());
    let Place { uri, table_id, page_id, lsn, offset, length, file, namespace: _ } = &f.place;
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(out, ", {name} {value}");
        }
    };

    add("", uri.clone());
    add("table", table_id.map(|n| n.to_string()));
    add("page", page_id.map(|n| n.to_string()));
    add("LSN", lsn.map(|n| n.to_string()));
    add("file", file.clone());
    add("offset", offset.map(|n| n.to_string()));
    add("length", length.map(|n| n.to_string()));
    out
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !CONTENT.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}
