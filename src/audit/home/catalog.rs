//! Names and numbers that are kept twice: MongoDB's catalog, the engine's metadata and the directory against each
//! other; stored counts and the index on `_id` against the rows of a collection.

use super::Whole;
use super::detail::{Cause, Counted, Fact};
use super::file::Audited;
use super::result::FileInfo;
use crate::audit::finding::{Code, Place, Remedy, Severity};
use crate::home::directory::{FileEntry, HISTORY_STORE, Home, Issue, METADATA, Unlisted};
use crate::home::files::MONGO_CATALOG;
use crate::home::names::What;
use crate::home::wtlog::{self, RowChange};
use crate::page::Depth;
use std::collections::HashMap;

/// The index that every collection has.
const ID_INDEX: &str = "_id_";

/// Files whose rows must be counted one by one, because the headers of their pages do not go with the counts that
/// are kept of them: in a leaf without deleted rows every row has a key and a value.
pub(super) fn doubtful(home: &Home, chosen: &[&FileEntry], audited: &[Audited], depth: Depth) -> Vec<usize> {
    if depth != Depth::Normal || home.names.rows == 0 {
        return Vec::new();
    }
    let mut ids = HashMap::new();
    let mut out = Vec::new();
    for (at, entry) in chosen.iter().enumerate() {
        let Some(name) = home.names.for_file(&entry.name) else { continue };
        let id = match (name.what, name.index.as_deref()) {
            (What::Collection, _) => 0,
            (What::Index, Some(ID_INDEX)) => 1,
            _ => continue,
        };
        ids.entry(name.namespace).or_insert([None, None])[id] = Some(at);
    }
    for [collection, index] in ids.into_values() {
        let Some(collection) = collection else { continue };
        let entries = |at: usize| audited.get(at).map_or(0, |a| a.entries);
        let stored = chosen.get(collection).and_then(|f| {
            let size = home.sizes.for_ident(f.name.strip_suffix(".wt")?)?;
            u64::try_from(size.records).ok()
        });
        let cells = entries(collection);
        if stored.is_some_and(|n| n.saturating_mul(2) != cells) || index.is_some_and(|i| entries(i) != cells) {
            out.push(collection);
            out.extend(index);
        }
    }
    out
}

impl Whole<'_> {
    /// Block files that no row of metadata names. They are no error but where something says that they belong here.
    pub(super) fn unlisted(&mut self) {
        let home = self.home;
        let damage = |p: &wtlog::Problem| p.severity == wtlog::Severity::Damage;
        let damaged = home.log.as_ref().is_ok_and(|l| l.problems.iter().any(damage));
        let unread = home.log.as_ref().map_or(true, |l| !l.unread.is_empty());
        let put_aside = home.issues.iter().any(|i| matches!(i, Issue::SetAside { lost: 1.., .. }));
        let is_own = |f: &FileEntry| [METADATA, HISTORY_STORE].contains(&f.name.as_str());
        let empty = home.files.iter().all(is_own) && home.in_page_log.is_empty();
        for Unlisted { name, empty: nothing } in &home.unlisted {
            // What an engine leaves of a salvage is its own, like what it has put aside.
            let own = *nothing || name.starts_with(METADATA);
            let uri = format!("file:{name}");
            let logged = home.log.as_ref().ok().and_then(|l| l.metadata.get(&uri));
            let bytes = home.inventory.get(name).copied().unwrap_or(0);
            let created = logged.filter(|c| c.change != RowChange::Removed).map(|c| c.lsn);
            let cause = match (logged, created) {
                (_, Some(_)) => Some(Cause::RowInLog),
                (None, _) if unread => Some(Cause::InUnreadLog),
                (None, _) if damaged => Some(Cause::InDamagedLog),
                _ if home.names.for_file(name).is_some_and(|n| !n.namespace.is_empty()) => Some(Cause::InCatalog),
                _ if own => None,
                _ if put_aside => Some(Cause::MetadataPutAside),
                _ if empty => Some(Cause::MetadataEmpty),
                _ => None,
            };
            let wrong = matches!(cause, Some(Cause::InCatalog | Cause::MetadataPutAside | Cause::MetadataEmpty));
            let fact = Fact::Unlisted { bytes, logged: created };
            let finding = self.find_because(Code::FileUnlisted, name, fact, cause);
            finding.place.uri = Some(uri);
            if wrong {
                finding.severity = Severity::Error;
                finding.remedy = Remedy::RestoreMetadata;
            }
            if created.is_some() {
                finding.remedy = Remedy::Recovery;
            }
        }
    }

    /// MongoDB's catalog against the metadata, where both could be read.
    pub(super) fn idents(&mut self) {
        let home = self.home;
        if !home.complete || home.names.rows == 0 {
            return;
        }
        let listed = |ident: &str| {
            let name = format!("{ident}.wt");
            let elsewhere = [&name, &format!("{name}_stable"), &format!("{name}_ingest")];
            home.file(&name).is_some()
                || elsewhere.iter().any(|n| home.in_page_log.contains(*n) || home.file(n).is_some())
        };
        // A row that cannot be parsed names its table all the same.
        let broken = |ident: &str| {
            let uri = format!("file:{ident}.wt");
            home.issues.iter().any(|i| matches!(i, Issue::Row { key, .. } if *key == uri))
        };
        let settled = home.is_shut_down();
        for (ident, name) in home.names.all().filter(|(ident, _)| !listed(ident) && !broken(ident)) {
            let file = home.inventory.contains_key(&format!("{ident}.wt"));
            let fact = Fact::Ident { ident: ident.to_string(), file };
            let finding = self.find(Code::CatalogMismatch, MONGO_CATALOG, fact);
            finding.place = Place { uri: Some(format!("table:{ident}")), ..std::mem::take(&mut finding.place) };
            finding.place.namespace = Some(match &name.index {
                Some(index) => format!("{} {index}", name.namespace),
                None => name.namespace.clone(),
            });
            // What the log changes in the catalog is not replayed here.
            if !settled {
                finding.severity = Severity::Warning;
            }
        }
        let of_mongo = |name: &str| {
            let base = name.rsplit('/').next().unwrap_or(name);
            base.starts_with("collection-") || base.starts_with("index-")
        };
        let unclaimed = |f: &&FileEntry| of_mongo(&f.name) && home.names.for_file(&f.name).is_none();
        let idents: Vec<String> =
            home.files.iter().filter(unclaimed).map(|f| f.name.trim_end_matches(".wt").to_string()).collect();
        if !idents.is_empty() && home.names.broken == 0 {
            let finding = self.find(Code::CatalogMismatch, MONGO_CATALOG, Fact::Unclaimed { idents });
            finding.severity = Severity::Note;
        }
    }

    /// Counts against rows, where those were counted.
    pub(super) fn counts(&mut self) {
        let rows = |f: &FileInfo| {
            let last = f.checkpoints.last()?;
            last.rows.filter(|_| last.complete).map(|r| r.live)
        };
        let index = |f: &&FileInfo| f.index.as_deref() == Some(ID_INDEX);
        let ids: HashMap<&str, (&FileInfo, u64)> = (self.local.files.iter().filter(index))
            .filter_map(|f| Some((f.namespace.as_deref()?, (f, rows(f)?))))
            .collect();
        let settled = self.home.is_shut_down();
        let mut found = Vec::new();
        for f in self.local.files.iter().filter(|f| f.index.is_none()) {
            let (Some(rows), Some(namespace)) = (rows(f), f.namespace.as_deref()) else { continue };
            // Rows that are deleted, and still in their pages.
            let keys = f.checkpoints.last().and_then(|c| c.rows).map_or(rows, |r| r.keys);
            let entries =
                ids.get(namespace).map(|(f, n)| (*f, Counted::IdIndex, i64::try_from(*n).unwrap_or(i64::MAX)));
            let stored = f.documents.map(|n| (f, Counted::Stored, n));
            for (file, of, stated) in stored.into_iter().chain(entries) {
                if i64::try_from(rows) != Ok(stated) {
                    let name = match of {
                        Counted::Stored => namespace.to_string(),
                        Counted::IdIndex => format!("{namespace} {ID_INDEX}"),
                    };
                    let between = u64::try_from(stated).is_ok_and(|n| (rows..=keys).contains(&n));
                    let sure = of == Counted::Stored && settled && !between;
                    found.push((file.file.clone(), name, sure, Fact::Counts { of, stated, rows }));
                }
            }
        }
        for (file, name, sure, fact) in found {
            let finding = self.find(Code::CountMismatch, &file, fact);
            finding.place.namespace = Some(name);
            // Only a stored count is known to be exact after a clean shutdown, but for deletes that it has not seen.
            if !sure {
                finding.severity = Severity::Note;
            }
        }
    }
}
