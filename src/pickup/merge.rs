//! The merge of shared into local metadata: rules and checks.

use super::code::Code;
use crate::format::config::Config;
use crate::pagelog::catalog::{SHARED_HISTORY, SHARED_METADATA};
use crate::serverlog::pickup_lines as said;
use crate::serverlog::template::fill;
use std::collections::BTreeMap;

/// Local metadata, by URI.
pub type Local = BTreeMap<String, String>;

/// What the build of the engine checks beyond the release build's `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Checks {
    /// A diagnostic build compares all fields but those that may change.
    pub diagnostic: bool,
    /// Strict mode turns an EINVAL of the merge into a panic.
    pub strict: bool,
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The local metadata afterwards.
    pub local: Local,
    /// Created from the shared metadata.
    pub created: usize,
    /// Their checkpoint lists replaced.
    pub replaced: usize,
    /// Only in the local metadata: kept.
    pub kept: usize,
}

/// What stands against a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// A row that is no configuration text.
    Row,
    /// A layered table whose stable file has no row.
    MissingStable,
    /// A new object of which the local metadata has a part.
    LocalEntry,
    /// A field that must not change differs.
    Immutable,
    /// Stable files of one id.
    SameId,
}

/// A merge that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub conflict: Conflict,
    pub panics: bool,
    /// The engine's words, and which rows.
    pub reason: String,
}

/// Fields that may differ between two versions of a row, also for a diagnostic build.
const MAY_CHANGE: [&str; 12] = [
    "access_pattern_hint",
    "app_metadata",
    "assert",
    "cache_resident",
    "checkpoint",
    "checkpoint_backup_info",
    "checkpoint_lsn",
    "live_restore",
    "log",
    "os_cache_dirty_max",
    "os_cache_max",
    "verbose",
];
const MAY_CHANGE_TOO: &str = "write_timestamp_usage";

/// Merge the rows of a shared metadata into the local one.
pub fn merge(local: &Local, shared: &[(String, String)], checks: Checks) -> Result<Merged, Refused> {
    let mut out = Merged { local: local.clone(), created: 0, replaced: 0, kept: 0 };
    let invalid = |conflict, reason| Refused { code: Code::EINVAL, conflict, panics: checks.strict, reason };
    let names: BTreeMap<&str, &str> = shared.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    for (uri, value) in shared {
        let config = Config::parse(value).map_err(|e| invalid(Conflict::Row, format!("{uri}: {}", e.message)))?;
        if let Some(stable) = uri.strip_prefix("layered:").and(config.get("stable")) {
            let stable = stable.as_str();
            if !names.contains_key(stable) {
                return Err(invalid(
                    Conflict::MissingStable,
                    format!("Missing shared file: metadata entry {stable} of {uri}"),
                ));
            }
            let fresh = !local.contains_key(uri);
            let ingest = config.get("ingest").map(|v| v.as_str());
            let unexpected = [Some(stable), ingest].into_iter().flatten().find(|u| local.contains_key(*u));
            if let (true, Some(unexpected)) = (fresh, unexpected) {
                return Err(invalid(
                    Conflict::LocalEntry,
                    format!("new object {uri} has an unexpected local entry {unexpected}"),
                ));
            }
        }
        match local.get(uri) {
            Some(old) => {
                if ![SHARED_METADATA, SHARED_HISTORY].contains(&uri.as_str()) {
                    let old = Config::parse(old)
                        .map_err(|e| invalid(Conflict::Row, format!("local {uri}: {}", e.message)))?;
                    if let Some(field) = changed(&old, &config, checks) {
                        let reason = format!("{uri}: the immutable field `{field}` differs from the local one");
                        return Err(Refused {
                            code: Code::EINVAL,
                            conflict: Conflict::Immutable,
                            panics: true,
                            reason,
                        });
                    }
                }
                out.replaced += 1;
            }
            None => out.created += 1,
        }
        out.local.insert(uri.clone(), value.clone());
    }
    out.kept = local.keys().filter(|uri| !names.contains_key(uri.as_str())).count();
    match same_id(&out.local) {
        Some((id, uris)) => {
            let reason = fill(said::SHARED_ID, &[("table", &id), ("text", &uris.join(", "))]);
            Err(Refused { code: Code::EINVAL, conflict: Conflict::SameId, panics: true, reason })
        }
        None => Ok(out),
    }
}

/// The first immutable field that differs.
fn changed(old: &Config<'_>, new: &Config<'_>, checks: Checks) -> Option<String> {
    let text = |config: &Config<'_>, key: &str| config.get(key).map(|v| v.text.to_string());
    if !checks.diagnostic {
        return (text(old, "id") != text(new, "id")).then(|| "id".to_string());
    }
    let fixed = |key: &&str| !MAY_CHANGE.contains(key) && *key != MAY_CHANGE_TOO;
    let keys = old.entries().iter().chain(new.entries()).map(|e| e.key).filter(fixed);
    keys.into_iter().find(|key| text(old, key) != text(new, key)).map(str::to_string)
}

/// Stable files that share an id.
fn same_id(local: &Local) -> Option<(u64, Vec<&str>)> {
    let mut ids: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (uri, value) in local.iter().filter(|(uri, _)| uri.starts_with("file:") && uri.ends_with(".wt_stable")) {
        if let Some(id) = Config::parse(value).ok().and_then(|c| c.get("id")).and_then(|v| v.u64().ok()) {
            ids.entry(id).or_default().push(uri);
        }
    }
    ids.into_iter().find(|(_, uris)| uris.len() > 1)
}
