//! What an audit says of a store that a repair was begun on: old, new, or new but for what is taken back last.

use super::{path, wtcheck};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// What an audit says of a store, without what a path or a run changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub completion: Option<u64>,
    pub published: Vec<(String, Option<u64>, u64)>,
    pub database: Option<u64>,
    /// Code, table, page.
    pub findings: BTreeSet<(String, Option<u64>, Option<u64>)>,
}

pub fn told(home: &Path) -> Told {
    let (code, out, err) = wtcheck(&["audit", path(home), "--format", "json"]);
    assert!(code <= 1, "audit: {code} {err}");
    let audit: Value = serde_json::from_str(&out).unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_string();
    let tree = |t: &Value| (text(&t["uri"]), t["published_size"].as_u64(), t["recomputed_size"].as_u64().unwrap());
    // Notes tell of bytes a crash left behind the end of a file; they do no harm.
    let told = |f: &&Value| f["severity"] != "note";
    let finding = |f: &Value| {
        let place = &f["place"];
        (text(&f["code"]), place["table_id"].as_u64(), place["page_id"].as_u64())
    };
    Told {
        completion: audit["checkpoint"]["lsn"].as_u64(),
        published: audit["trees"].as_array().unwrap().iter().map(tree).collect(),
        database: audit["database"]["published_size"].as_u64(),
        findings: audit["findings"].as_array().unwrap().iter().filter(told).map(finding).collect(),
    }
}

/// The old state, the new one, or the new one before the last rows were taken back: sizes and
/// checkpoint are then new as a whole, and the images that are still there are told as such.
pub fn known(found: &Told, old: &Told, new: &Told) -> &'static str {
    if found == old {
        return "old";
    }
    if found == new {
        return "new";
    }
    let sizes = |t: &Told| (t.completion, t.published.clone(), t.database);
    assert_eq!(sizes(found), sizes(new), "neither old nor new");
    assert!(found.findings.iter().all(|f| f.0 == "orphan-image" && old.findings.contains(f)), "{found:?}");
    "new, an image not yet taken back"
}
