//! The catalog of a home: files and ids from the rows of the metadata, as the engine would have them after a
//! replay of the log, and the rows that must go together.

use super::directory::{Home, Issue, Options, descriptor_alloc, read_rows};
use super::entry::{FileEntry, NewerCheckpoint, Source};
use super::files::METADATA;
use super::recover;
use super::wtlog::{self, RowChange, State};
use crate::format::config::{Config, Kind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path};

impl Home {
    /// Change rows of the metadata as a recovery would before it does anything else. The keys that it changed.
    pub(super) fn replayed(&mut self, rows: &mut Vec<(String, String)>) -> BTreeSet<String> {
        let sound = |log: &&wtlog::Summary| {
            log.state == State::NeedsRecovery && !log.problems.iter().any(|p| p.severity == wtlog::Severity::Damage)
        };
        let Some(log) = self.log.as_ref().ok().filter(sound) else { return BTreeSet::new() };
        let mut changes: BTreeMap<&str, &wtlog::MetadataChange> =
            log.metadata.iter().map(|(key, change)| (key.as_str(), change)).collect();
        let (mut changed, mut newer) = (BTreeSet::new(), Vec::new());
        rows.retain_mut(|(key, value)| match changes.remove(key.as_str()) {
            Some(change) if change.change == RowChange::Removed => false,
            Some(wtlog::MetadataChange { value: Some(new), .. }) => {
                if new != value {
                    newer.extend(NewerCheckpoint::of(key, value, new));
                    value.clone_from(new);
                    changed.insert(key.clone());
                }
                true
            }
            _ => true,
        });
        for (key, change) in changes {
            if let Some(value) = &change.value {
                rows.push((key.to_string(), value.clone()));
                changed.insert(key.to_string());
            }
        }
        self.newer_in_log = newer;
        changed
    }

    /// Entries, ids and sources from the rows of the metadata.
    /// `logged`: keys whose rows come from the log.
    pub(super) fn catalog(&mut self, rows: &[(String, String)], logged: &BTreeSet<String>) {
        let mut ids: HashMap<u64, Vec<String>> = HashMap::new();
        let mut sources = Vec::new();
        let mut groups = Vec::new();
        let source = |key: &String| if logged.contains(key) { Source::Log } else { Source::Metadata };
        for (key, value) in rows {
            let word = key.split_once(':').map_or(key.as_str(), |(word, _)| word);
            *self.rows.entry(word.to_string()).or_default() += 1;
            let bad = |reason: String| Issue::Row { key: key.clone(), reason };
            match key.split_once(':') {
                Some(("file", name)) => match FileEntry::parse(name, value, source(key)) {
                    Ok(_) if !is_below(name) => self.issue(bad("the name leaves the directory".into())),
                    Ok(entry) => {
                        if let Some(id) = entry.id {
                            ids.entry(id).or_default().push(entry.uri.clone());
                        }
                        if entry.in_page_log {
                            self.in_page_log.insert(entry.name);
                        } else {
                            self.files.push(entry);
                        }
                    }
                    Err(e) => self.issue(bad(e.to_string())),
                },
                _ => match Config::parse(value) {
                    Ok(config) => {
                        if let Some(source) = config.get("source").map(|v| v.as_str().to_string()) {
                            sources.push((key.clone(), source));
                        }
                        groups.extend(column_groups(key, &config));
                    }
                    Err(e) => self.issue(bad(e.to_string())),
                },
            }
        }
        for (id, uris) in ids.into_iter().filter(|(_, uris)| uris.len() > 1) {
            self.issue(Issue::DuplicateId { id, uris });
        }
        if self.complete {
            let known: BTreeSet<&str> = self.files.iter().map(|f| f.uri.as_str()).chain(self.broken_rows()).collect();
            let elsewhere = |source: &str| source.strip_prefix("file:").is_some_and(|n| self.in_page_log.contains(n));
            let gone: Vec<_> = sources
                .into_iter()
                .filter(|(_, source)| source.starts_with("file:") && !known.contains(source.as_str()))
                .filter(|(_, source)| !elsewhere(source))
                .collect();
            let there: BTreeSet<&str> = rows.iter().map(|(key, _)| key.as_str()).collect();
            for (key, source) in gone {
                let used = table_of(&key).is_none_or(|table| there.contains(table.as_str()));
                self.issue(Issue::Source { key, source, used });
            }
            for (key, missing) in groups.into_iter().filter(|(_, missing)| !there.contains(missing.as_str())) {
                self.issue(Issue::ColumnGroup { key, missing });
            }
        }
    }

    /// Metadata files that an engine has put aside, since it found no turtle and took the home for a new one.
    pub(super) fn set_aside(&mut self, options: Options) {
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        let aside = |name: &&String| {
            let number = name.strip_prefix(METADATA).and_then(|rest| rest.strip_prefix('.'));
            number.is_some_and(is_number)
        };
        let names: Vec<String> = self.inventory.keys().filter(aside).cloned().collect();
        let known: BTreeSet<String> =
            self.files.iter().map(|f| f.name.clone()).chain(self.in_page_log.iter().cloned()).collect();
        for name in names {
            let Some(file) = self.open_file(&name, options) else { continue };
            let found = recover::scan(&file, descriptor_alloc(&file), &|_| ());
            let entry = found.as_ref().and_then(|found| FileEntry::recovered(METADATA, found).ok());
            let rows = entry.map(|entry| read_rows(&file, &entry).rows).unwrap_or_default();
            if let Some(why) = file.failure() {
                self.coverage.not_checked(name.as_str(), why.clone());
            }
            self.coverage.audited(name.as_str());
            let lost = rows.iter().filter_map(|(key, _)| key.strip_prefix("file:"));
            let lost = lost.filter(|file| self.inventory.contains_key(*file) && !known.contains(*file)).count();
            self.issue(Issue::SetAside { name, rows: rows.len() as u64, lost: lost as u64 });
        }
    }

    /// Keys of the rows that are of no use.
    pub(super) fn broken_rows(&self) -> impl Iterator<Item = &str> {
        self.issues.iter().filter_map(|issue| match issue {
            Issue::Row { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }
}

/// The row of the table that a column group or an index belongs to.
fn table_of(key: &str) -> Option<String> {
    let name = key.strip_prefix("colgroup:").or_else(|| key.strip_prefix("index:"))?;
    Some(format!("table:{}", name.split(':').next().unwrap_or(name)))
}

/// The rows of column groups that a table cannot be used without.
fn column_groups(key: &str, config: &Config<'_>) -> Vec<(String, String)> {
    let (Some(table), Some(groups)) = (key.strip_prefix("table:"), config.get("colgroups")) else { return Vec::new() };
    let named = match groups.kind {
        Kind::Struct => groups.config().unwrap_or_default(),
        _ => Config::default(),
    };
    let names = named.entries().iter().map(|group| format!("colgroup:{table}:{}", group.key));
    let one = named.entries().is_empty().then(|| format!("colgroup:{table}"));
    names.chain(one).map(|missing| (key.to_string(), missing)).collect()
}

/// A name that stays below the home.
fn is_below(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}
