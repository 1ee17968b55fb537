//! What there is to dump in a store: tables under the names that people know, from a home or from a page log.

use super::item::{Item, Role, is_own};
use super::pagelog::LogTrees;
use super::table::{NoRows, Source};
use crate::format::config::Config;
use crate::home::content::catalog::{Parts, Table};
use crate::home::content::rows::Outcome;
use crate::home::content::{At, AtError, Recovered};
use crate::home::directory::{HISTORY_STORE, Home, METADATA};
use crate::home::names::Sizes;
use crate::mongo::catalog::{self as rows, Row};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// MongoDB's catalog and counts, as tables.
const CATALOG: &str = "table:_mdb_catalog";
const SIZES: &str = "table:sizeStorer";
/// Bytes of a file that has its description only.
pub const EMPTY: u64 = 4096;
/// The database of collections that no catalog names.
pub const RECOVERED: &str = "recovered";

/// Keys and values.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A home at a point in time.
pub struct Local {
    pub home: Home,
    pub recovered: Recovered,
}

/// A store, opened for its rows: a home, a page log, or both.
#[derive(Default)]
pub struct Shelf {
    pub local: Option<Local>,
    pub log: Option<LogTrees>,
    pub items: Vec<Item>,
    /// Values of the rows of MongoDB's catalog.
    pub catalog: Vec<Vec<u8>>,
    /// The home is one of MongoDB.
    pub mongo: bool,
    /// An unpacked image: names and values are not the user's.
    pub image: bool,
    /// Rows of the catalog could not be read, or all of it is gone.
    pub catalog_lost: bool,
    /// Files whose formats were guessed: name, key, value.
    pub guessed: Vec<(String, String, String)>,
}

/// Formats that a person gave, for files of which nothing says them.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub key_format: Option<String>,
    pub value_format: Option<String>,
}

impl Shelf {
    /// Open a home. `file`: only this file of it.
    pub fn with_home(mut self, home: Home, file: Option<&str>, at: At, told: &Told) -> Result<Self, AtError> {
        let mut recovered = Recovered::open(&home, at)?;
        let names: Vec<String> = recovered.files.keys().cloned().collect();
        for name in names {
            let Some(entry) = recovered.files.get_mut(&name) else { continue };
            let unknown = entry.key_format.is_empty();
            let alone = file == Some(name.as_str());
            if !unknown && !alone {
                continue;
            }
            if unknown {
                super::guess::formats(&home, entry);
            }
            if let Some(format) = &told.key_format {
                entry.key_format.clone_from(format);
            }
            if let Some(format) = &told.value_format {
                entry.value_format.clone_from(format);
            }
            if entry.key_format == "r" {
                entry.fixed_width = entry.value_format.strip_suffix('t').map(|n| n.parse().unwrap_or(1));
            }
            let (key, value) = (entry.key_format.clone(), entry.value_format.clone());
            if unknown && told.key_format.is_none() && file.is_none_or(|f| f == name) {
                self.guessed.push((name.clone(), key.clone(), value.clone()));
            }
            for table in &mut recovered.tables {
                if matches!(&table.parts, Parts::File(f) if *f == name) && table.uri.starts_with("file:") {
                    (table.key_format, table.value_format) = (key.clone(), value.clone());
                }
            }
        }
        for table in &recovered.tables {
            let files = files(table);
            let first = files.first().copied();
            // The engine's own files are dumped only if they are what was asked for.
            let own = first.is_some_and(|f| f == METADATA || f == HISTORY_STORE);
            if (own && file != first) || file.is_some_and(|f| Some(f) != first) {
                continue;
            }
            // What lies in the page log is read there.
            let there = self.items.iter().any(|i| i.in_log && i.table.uri == table.uri);
            if self.log.is_some() && (there || files.iter().any(|f| home.in_page_log.contains(*f))) {
                continue;
            }
            let bytes = files.iter().filter_map(|f| home.inventory.get(*f)).sum();
            self.items.push(Item {
                table: table.clone(),
                // What a follower has put over a stable table; mostly nothing.
                role: if first.is_some_and(|f| f.ends_with(".wt_ingest")) && bytes <= EMPTY {
                    Role::Engine
                } else {
                    Role::Plain
                },
                file: first.map(str::to_string),
                bytes,
                stated: None,
                in_log: false,
            });
        }
        let alone = home.alone;
        self.local = Some(Local { home, recovered });
        self.name(alone);
        Ok(self)
    }

    /// Open a page log.
    pub fn with_log(mut self, log: LogTrees) -> Self {
        self.items.extend(log.items());
        self.log = Some(log);
        self.name(false);
        self
    }

    /// Give the tables MongoDB's names. `alone`: one file without a home.
    fn name(&mut self, alone: bool) {
        let (rows, whole) = self.small_and_whole(CATALOG);
        self.catalog = rows.into_iter().map(|(_, value)| value).collect();
        let sizes = self.small(SIZES);
        let sizes = Sizes::from_rows(sizes.iter().map(|(k, v)| (k.as_slice(), v.as_slice())));
        let by_ident =
            |i: &Item| i.table.uri.split_once(':').is_some_and(|(_, ident)| ident.starts_with("collection-"));
        let has_catalog = self.items.iter().any(|i| i.table.uri == CATALOG);
        self.mongo = has_catalog || (!alone && self.items.iter().any(by_ident));
        let broken = self.catalog.iter().any(|v| match rows::row(v) {
            Ok(Row::Collection(row)) => row.damage.is_some() || row.names().is_none(),
            Ok(Row::Feature(_)) => false,
            Err(_) => true,
        });
        // Sound documents without any of the fields of a catalog: packing an image takes the names out of all of them.
        self.image = !self.catalog.is_empty()
            && self.catalog.iter().all(|v| match rows::row(v) {
                Ok(Row::Collection(row)) => row.damage.is_none() && row.ns.is_none() && row.ident.is_none(),
                _ => false,
            });
        self.catalog_lost = self.mongo && !self.image && (!has_catalog || !whole || broken);
        let roles = roles(&self.catalog);
        let mongo = self.mongo || alone;
        for item in &mut self.items {
            let ident = item.table.uri.split_once(':').map_or("", |(_, rest)| rest);
            let ident = ident.strip_suffix(".wt").unwrap_or(ident);
            if item.role == Role::Engine {
                continue;
            }
            item.role = match roles.get(ident) {
                Some(role) => role.clone(),
                None if is_own(ident) => Role::Own,
                None if mongo => guessed(ident, &item.table),
                None => Role::Plain,
            };
            item.stated = sizes.for_ident(ident).map(|s| s.records);
        }
    }

    /// All rows of a small table.
    fn small(&self, uri: &str) -> Rows {
        self.small_and_whole(uri).0
    }

    /// All rows of a small table, and whether these are all.
    fn small_and_whole(&self, uri: &str) -> (Rows, bool) {
        let Some(item) = self.items.iter().find(|i| i.table.uri == uri) else { return (Vec::new(), true) };
        if item.in_log {
            return (self.log.as_ref().map(|log| log.rows_of(item)).unwrap_or_default(), true);
        }
        let Some(Ok(source)) = self.source(&item.table) else { return (Vec::new(), false) };
        let (mut out, mut whole) = (Vec::new(), true);
        let _ = source.rows::<Rows>(
            &|rows, key, value| rows.push((key.packed(), value.to_vec())),
            &mut |rows, outcome: Outcome| {
                out.extend(rows);
                whole &= outcome.losses.is_empty();
                ControlFlow::Continue(())
            },
        );
        (out, whole)
    }

    /// The rows of a table of the home.
    pub fn source(&self, table: &Table) -> Option<Result<Source, NoRows>> {
        let local = self.local.as_ref()?;
        Some(Source::open(&local.home, &local.recovered, table))
    }

    /// The documents of a small collection, by namespace.
    pub fn documents(&self, namespace: &str) -> Vec<Vec<u8>> {
        let item = self.items.iter().find(|i| i.name() == namespace);
        item.map(|i| self.small(&i.table.uri).into_iter().map(|(_, value)| value).collect()).unwrap_or_default()
    }

    /// The row of the catalog about a collection.
    pub fn catalog_row(&self, namespace: &str) -> Option<Box<rows::Collection<'_>>> {
        self.catalog.iter().find_map(|value| match rows::row(value) {
            Ok(Row::Collection(collection)) if collection.ns == Some(namespace) => Some(collection),
            _ => None,
        })
    }
}

/// The files of a table.
pub fn files(table: &Table) -> Vec<&str> {
    match &table.parts {
        Parts::File(file) | Parts::Index { file, .. } => vec![file],
        Parts::Groups(groups) => groups.iter().map(|(file, _)| file.as_str()).collect(),
        Parts::Foreign(_) => Vec::new(),
    }
}

/// What each ident of the catalog is.
fn roles(catalog: &[Vec<u8>]) -> BTreeMap<String, Role> {
    let mut out = BTreeMap::new();
    for value in catalog {
        let Ok(Row::Collection(row)) = rows::row(value) else { continue };
        let Some((database, name)) = row.names() else { continue };
        if let Some(ident) = row.ident {
            let role = Role::Collection { database: database.to_string(), name: name.to_string() };
            out.entry(ident.to_string()).or_insert(role);
        }
        for (index, ident) in &row.index_idents {
            let role = Role::Index {
                database: database.to_string(),
                collection: name.to_string(),
                name: (*index).to_string(),
            };
            out.entry((*ident).to_string()).or_insert(role);
        }
    }
    out
}

/// What a table of MongoDB is that no catalog names: by its ident, and by its formats.
fn guessed(ident: &str, table: &Table) -> Role {
    let last = ident.rsplit('/').next().unwrap_or(ident);
    let formats = (table.key_format.as_str(), table.value_format.as_str());
    if (last.starts_with("collection-") || ident.contains("collection/")) && formats.1 == "u" {
        let name = ident.replace(['-', '/'], "_");
        return Role::Collection { database: RECOVERED.into(), name };
    }
    // Record ids and documents: nothing else looks like that.
    if formats == ("q", "u") && !is_own(last) {
        return Role::Collection { database: RECOVERED.into(), name: ident.replace(['-', '/', '.'], "_") };
    }
    Role::Own
}

/// The `formatVersion` that MongoDB wrote into the metadata of a table.
pub fn format_version(table: &Table) -> Option<u32> {
    table.config.iter().find_map(|text| {
        let config = Config::parse(text).ok()?;
        let metadata = config.get("app_metadata")?.config().ok()?;
        u32::try_from(metadata.get("formatVersion")?.u64().ok()?).ok()
    })
}
