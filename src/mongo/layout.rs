//! The directory that mongodump writes and mongorestore loads: names of files, and what goes in by default
//! (spec 21.9).
//!
//! `OUT/DATABASE/COLLECTION.bson` has the documents, `OUT/DATABASE/COLLECTION.metadata.json` what they are.

use super::catalog::BUCKETS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest, Sha1};

/// The longest name of a database, in bytes.
const MAX_DATABASE: usize = 63;
/// The longest file name before its ending that mongodump writes, in bytes.
const MAX_STEM: usize = 238;
/// Of a longer one the first bytes, before `%24` and a digest of 27.
const KEPT_STEM: usize = 208;
/// What must not be in the name of a database.
const FORBIDDEN: [char; 7] = ['/', '\\', '.', '"', '$', ' ', '\0'];
/// Databases of mongod's own.
const INTERNAL: &str = "__mdb_internal";
/// Of `config` in a dump of everything.
const CONFIG: [&str; 7] = ["chunks", "collections", "databases", "settings", "shards", "tags", "version"];

/// Why no path is made of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("it is empty")]
    Empty,
    #[error("it has {0} bytes, and a database's at most {MAX_DATABASE}")]
    TooLong(usize),
    #[error("it has {0:?} in it")]
    Forbidden(char),
}

/// Whether a directory may be made with the name of this database.
///
/// # Errors
/// What is wrong with the name. MongoDB forbids the same.
pub fn check_database(name: &str) -> Result<(), BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    if name.len() > MAX_DATABASE {
        return Err(BadName::TooLong(name.len()));
    }
    match name.chars().find(|c| FORBIDDEN.contains(c) || c.is_control()) {
        Some(c) => Err(BadName::Forbidden(c)),
        None => Ok(()),
    }
}

/// The file name of a collection, before `.bson` or `.metadata.json`: URL query escaping, and a digest where it
/// is long. No slash, no NUL, at most 238 bytes.
///
/// # Errors
/// If the name is empty.
pub fn file_stem(collection: &str) -> Result<String, BadName> {
    if collection.is_empty() {
        return Err(BadName::Empty);
    }
    let mut stem = String::new();
    for byte in collection.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => stem.push(char::from(byte)),
            b' ' => stem.push('+'),
            other => stem.push_str(&format!("%{other:02X}")),
        }
    }
    if stem.len() <= MAX_STEM {
        return Ok(stem);
    }
    // All of it is ASCII. The cut may fall into a `%XX`, as mongodump's does.
    stem.truncate(KEPT_STEM);
    stem.push_str("%24");
    stem.push_str(&URL_SAFE_NO_PAD.encode(Sha1::digest(collection.as_bytes())));
    Ok(stem)
}

/// `COLLECTION.bson`.
///
/// # Errors
/// As of [`file_stem`].
#[cfg_attr(not(feature = "devtools"), allow(dead_code))]
pub fn data_file(collection: &str) -> Result<String, BadName> {
    file_stem(collection).map(|stem| stem + ".bson")
}

/// `COLLECTION.metadata.json`. That of the buckets of a time series has the name of the series.
///
/// # Errors
/// As of [`file_stem`].
pub fn metadata_file(collection: &str) -> Result<String, BadName> {
    let name = collection.strip_prefix(BUCKETS).unwrap_or(collection);
    file_stem(name).map(|stem| stem + ".metadata.json")
}

/// What the operator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing in particular: what mongodump writes.
    Everything,
    /// The database by name.
    Database,
    /// The collection by name.
    Collection,
    /// All there is (`--all`).
    All,
}

/// Why a collection is not in a dump unless it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
    /// `local` is of this node only.
    Local,
    /// mongod's own database.
    Internal,
    /// The keys that members sign with.
    Keys,
    /// Of `config` what is not of a sharded cluster's catalog.
    Config,
    /// `system.…` of a database.
    System,
    /// A name with `$`, which old releases gave to indexes.
    Dollar,
    /// Definitions of views: each goes in as metadata of its own.
    Views,
    /// Users and roles, where nothing says how they are stored: nothing loads them then.
    Users,
}

/// Whether a collection goes into a dump, as mongodump decides.
///
/// `system.views` never goes in as a collection but by name or with all.
///
/// # Errors
/// Why it does not.
pub fn selected(database: &str, collection: &str, asked: Asked) -> Result<(), LeftOut> {
    if matches!(asked, Asked::All | Asked::Collection) {
        return Ok(());
    }
    let by_name = asked == Asked::Database;
    if database.starts_with(INTERNAL) {
        return Err(LeftOut::Internal);
    }
    match database {
        "local" if !by_name => return Err(LeftOut::Local),
        "admin" if collection == "system.keys" => return Err(LeftOut::Keys),
        _ if collection == "system.views" => return Err(LeftOut::Views),
        "admin" => {}
        "config" if by_name || CONFIG.contains(&collection) => {}
        "config" => return Err(LeftOut::Config),
        _ if collection == "system.js" || collection.starts_with(BUCKETS) => {}
        _ if collection.starts_with("system.") => return Err(LeftOut::System),
        _ => {}
    }
    if collection.contains('$') {
        return Err(LeftOut::Dollar);
    }
    Ok(())
}
