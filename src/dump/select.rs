//! Which tables are meant, and where each goes in the directory that is written: of MongoDB's collections in the
//! layout that mongorestore loads.

use super::form::Form;
use super::item::{Item, Role};
use super::report::{IndexLeftOut, IndexWhy, LeftOut, Skipped, Unread};
use super::shelf::Shelf;
use crate::mongo::layout::{self, Asked};
use crate::mongo::metadata::{self, Why};
use crate::mongo::server;
use std::collections::BTreeSet;

/// MongoDB's own collection of users and roles; loading them needs the document that says how they are stored.
const USERS: [&str; 2] = ["system.users", "system.roles"];
/// Since this release mongorestore does not ask for that document.
const WITHOUT_SCHEMA: (u16, u16) = (8, 1);

/// A table to dump.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its place in the list of tables.
    pub item: usize,
    /// Where it goes below the directory, without an ending.
    pub stem: Result<String, Unread>,
    /// The file beside it: name below the directory, text.
    pub metadata: Option<(String, Vec<u8>)>,
    pub indexes_left_out: Vec<IndexLeftOut>,
    /// Its metadata does not read back as it is stored.
    pub irreversible: bool,
}

/// What a dump will hold.
#[derive(Debug, Default)]
pub struct Plan {
    pub jobs: Vec<Job>,
    /// Files without rows: views, and what says which server this was.
    pub files: Vec<(String, Vec<u8>)>,
    pub left_out: Vec<Skipped>,
    /// Names that nothing here has.
    pub unknown: Vec<String>,
    pub mongod: Option<String>,
    pub fcv: Option<String>,
}

/// Choose. Without names: what mongodump would write, or every table of another store; `all`: everything.
pub fn choose(shelf: &Shelf, names: &[String], all: bool, form: Form) -> Plan {
    let mut out = Plan::default();
    out.servers(shelf);
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for name in names.iter().collect::<BTreeSet<_>>() {
        let mut found = false;
        let asked = if shelf.items.iter().any(|i| is_of(i, name)) { Asked::Database } else { Asked::Collection };
        for (n, item) in shelf.items.iter().enumerate() {
            let database = matches!(&item.role, Role::Collection { database, .. } if database == name);
            if database {
                found = true;
                match wanted(item, if all { Asked::All } else { asked }) {
                    Ok(()) => {
                        chosen.insert(n);
                    }
                    Err(why) => out.left_out.push(Skipped { namespace: item.name(), why }),
                }
            } else if is_named(item, name) {
                found = true;
                chosen.insert(n);
            }
        }
        let view = || {
            form == Form::Bson && views(shelf).iter().any(|(database, view, _)| format!("{database}.{view}") == **name)
        };
        if !found && !view() {
            out.unknown.push(name.clone());
        }
    }
    if names.is_empty() {
        for (n, item) in shelf.items.iter().enumerate() {
            // Forms of the engine take every table; those of documents the collections only.
            let documents = matches!(form, Form::Bson | Form::Json) && shelf.mongo;
            match &item.role {
                Role::Collection { .. } if documents => match wanted(item, asked(all)) {
                    Ok(()) => {
                        chosen.insert(n);
                    }
                    Err(why) => out.left_out.push(Skipped { namespace: item.name(), why }),
                },
                Role::Engine if !all => {}
                // Loading the table builds its indexes.
                _ if item.table.uri.starts_with("index:") && !all => {}
                _ if documents => {}
                _ => {
                    chosen.insert(n);
                }
            }
        }
        out.users(shelf, &mut chosen, all);
    }
    let mut taken = BTreeSet::new();
    for n in chosen {
        if let Some(item) = shelf.items.get(n) {
            let job = job(shelf, n, item, form, &mut taken);
            out.jobs.push(job);
        }
    }
    if form == Form::Bson && shelf.mongo {
        out.views(shelf, names);
        let tool = concat!("wtcheck ", env!("CARGO_PKG_VERSION"));
        out.files.push(("prelude.json".into(), metadata::prelude(out.mongod.as_deref(), tool)));
    }
    out
}

fn asked(all: bool) -> Asked {
    if all { Asked::All } else { Asked::Everything }
}

/// Whether a table is a collection of this database.
pub fn is_of(item: &Item, database: &str) -> bool {
    matches!(&item.role, Role::Collection { database: own, .. } if own == database)
}

/// Whether a table is called so.
pub fn is_named(item: &Item, name: &str) -> bool {
    let uri = item.table.uri.as_str();
    let bare = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    uri == name
        || bare == name
        || item.name() == name
        || bare.strip_suffix(".wt") == Some(name)
        || item.file.as_deref() == Some(name)
        || item.file.as_ref().is_some_and(|f| name.strip_prefix("file:") == Some(f))
}

fn wanted(item: &Item, asked: Asked) -> Result<(), LeftOut> {
    let Role::Collection { database, name } = &item.role else { return Ok(()) };
    layout::selected(database, name, asked)
}

impl Plan {
    /// Which mongod ran here.
    fn servers(&mut self, shelf: &Shelf) {
        if !shelf.mongo {
            return;
        }
        let starts = shelf.documents("local.startup_log");
        let version = |document: &Vec<u8>| server::start(document).ok().and_then(|s| s.version.map(str::to_string));
        self.mongod = starts.iter().rev().find_map(version);
        let versions = shelf.documents("admin.system.version");
        let fcv =
            |document: &Vec<u8>| server::fcv(document).ok().flatten().and_then(|fcv| fcv.version.map(str::to_string));
        self.fcv = versions.iter().find_map(fcv);
    }

    /// Users and roles are loaded only with the document that says how they are stored, or by newer tools.
    fn users(&mut self, shelf: &Shelf, chosen: &mut BTreeSet<usize>, all: bool) {
        let is_users = |item: &Item| matches!(&item.role, Role::Collection { database, name } if database == "admin" && USERS.contains(&name.as_str()));
        if all || !chosen.iter().filter_map(|n| shelf.items.get(*n)).any(is_users) {
            return;
        }
        let newer = self.mongod.as_deref().and_then(server::Release::parse);
        let newer = newer.is_some_and(|r| (r.major, r.minor) >= WITHOUT_SCHEMA);
        let schema = || shelf.documents("admin.system.version").iter().any(|d| server::is_auth_schema(d) == Ok(true));
        if newer || schema() {
            return;
        }
        let gone: Vec<usize> = chosen.iter().copied().filter(|n| shelf.items.get(*n).is_some_and(is_users)).collect();
        for n in gone {
            chosen.remove(&n);
            if let Some(item) = shelf.items.get(n) {
                self.left_out.push(Skipped { namespace: item.name(), why: LeftOut::Users });
            }
        }
    }

    fn views(&mut self, shelf: &Shelf, names: &[String]) {
        for (database, view, text) in views(shelf) {
            let named = names.iter().any(|n| *n == database || *n == format!("{database}.{view}"));
            if !names.is_empty() && !named {
                continue;
            }
            if let (Ok(()), Ok(file)) = (layout::check_database(&database), layout::metadata_file(&view)) {
                self.files.push((format!("{database}/{file}"), text));
            }
        }
    }
}

/// The views of all databases: database, name, text of the metadata.
fn views(shelf: &Shelf) -> Vec<(String, String, Vec<u8>)> {
    let databases: BTreeSet<&str> = shelf
        .items
        .iter()
        .filter_map(|i| match &i.role {
            Role::Collection { database, name } if name == "system.views" => Some(database.as_str()),
            _ => None,
        })
        .collect();
    let mut out = Vec::new();
    for database in databases {
        for document in shelf.documents(&format!("{database}.system.views")) {
            if let Ok(Some((own, view, made))) = metadata::of_view(&document)
                && own == database
            {
                out.push((own.to_string(), view.to_string(), made.text));
            }
        }
    }
    out
}

fn job(shelf: &Shelf, n: usize, item: &Item, form: Form, taken: &mut BTreeSet<String>) -> Job {
    let mut out =
        Job { item: n, stem: Ok(String::new()), metadata: None, indexes_left_out: Vec::new(), irreversible: false };
    let bad = |e: layout::BadName| Unread::Name { error: e.to_string() };
    let documents = matches!(form, Form::Bson | Form::Json);
    out.stem = match &item.role {
        Role::Collection { database, name } if documents => layout::check_database(database)
            .and_then(|()| layout::file_stem(name))
            .map(|stem| format!("{database}/{stem}"))
            .map_err(bad),
        _ => {
            let uri = item.table.uri.as_str();
            // A file without a table has its own name.
            let name = uri.strip_prefix("table:").or_else(|| uri.strip_prefix("file:")).unwrap_or(uri);
            layout::file_stem(name).map_err(bad)
        }
    };
    if let Ok(stem) = &out.stem
        && !taken.insert(stem.clone())
    {
        out.stem = Err(Unread::Twice);
    }
    if form == Form::Bson
        && let Role::Collection { database, name } = &item.role
        && let Some(row) = shelf.catalog_row(&format!("{database}.{name}"))
        && let Ok(made) = metadata::of_collection(&row)
        && let (Ok(()), Ok(file)) = (layout::check_database(database), layout::metadata_file(name))
    {
        out.irreversible = !made.notes.reversible();
        out.metadata = Some((format!("{database}/{file}"), made.text));
        let left = |i: metadata::IndexLeftOut| IndexLeftOut {
            index: i.name,
            why: match i.why {
                Why::NotReady => IndexWhy::NotReady,
                Why::NoSpecification => IndexWhy::NoSpecification,
                Why::Buckets => IndexWhy::Buckets,
            },
        };
        out.indexes_left_out = made.left_out.into_iter().map(left).collect();
    }
    out
}
