//! A table that can be asked for, under the name that people know.

use crate::home::content::catalog::Table;

/// Idents of MongoDB's catalog and counts.
const OWN: [&str; 2] = ["_mdb_catalog", "sizeStorer"];

/// What a table is to MongoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// None of MongoDB's.
    Plain,
    Collection {
        database: String,
        name: String,
    },
    Index {
        database: String,
        collection: String,
        name: String,
    },
    /// The catalog, the counts, what is temporary.
    Own,
    /// The engine's own: metadata, history store.
    Engine,
}

/// A table that can be asked for.
#[derive(Debug, Clone)]
pub struct Item {
    pub table: Table,
    pub role: Role,
    /// Its first file.
    pub file: Option<String>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Documents, as MongoDB counts them: not exact after a crash.
    pub stated: Option<i64>,
    /// It is a tree of a page log.
    pub in_log: bool,
}

impl Item {
    /// `db.collection`, or the URI.
    pub fn name(&self) -> String {
        match &self.role {
            Role::Collection { database, name } => format!("{database}.{name}"),
            Role::Index { database, collection, name } => format!("{database}.{collection} index {name}"),
            Role::Plain | Role::Own | Role::Engine => self.table.uri.clone(),
        }
    }

    /// Values are documents.
    pub fn has_documents(&self) -> bool {
        matches!(self.role, Role::Collection { .. }) || self.table.uri.contains(OWN[0])
    }
}

/// Whether an ident is one of MongoDB's own.
pub fn is_own(ident: &str) -> bool {
    OWN.contains(&ident)
}
