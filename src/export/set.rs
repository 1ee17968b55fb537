//! The directory of an export: a directory for each table, in it one for each shard, and a manifest for
//! each shard, written last. A shard without a manifest was never finished.

use super::part::Encoding;
use super::shard::Shard;
use crate::below::{Below, Odd};
use crate::id::{Lsn, TableId};
use crate::scratch::{self, Held, Unfinished};
use crate::store::StoreKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Directory of the manifests. Engines pass over names that begin with an underscore.
const MANIFESTS: &str = "_manifest";
/// Version of the tables and of the manifests.
pub const SCHEMA_VERSION: u32 = 1;
/// Longest manifest that is read.
const LONGEST_MANIFEST: u64 = 1 << 20;

/// What all shards of a set have to have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Identity {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Kind of the store.
    pub kind: StoreKind,
    /// Generation the rows were read under.
    pub generation: String,
    /// LSN of the newest completion record.
    pub newest_completion: Option<Lsn>,
    /// Completion records.
    pub completions: u64,
    /// The last LSN the store has assigned, if it says.
    pub lsn_counter: Option<Lsn>,
    /// `--table`.
    pub table: Option<String>,
    /// The format of the files.
    pub encoding: Encoding,
}

/// Files, rows and bytes of a table in a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct TableSums {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// A shard that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
pub struct Manifest {
    /// What all shards share.
    #[serde(flatten)]
    pub identity: Identity,
    /// Which one it is.
    pub shard: Shard,
    /// By table.
    pub tables: BTreeMap<String, TableSums>,
    /// Blocks that could not be read: rows of `versions` whose `readable` is false.
    pub unreadable: u64,
    /// What of the store could not be read, and may hide rows.
    pub problems: Vec<String>,
    /// Of dumps: the tables that they are of. What no shard has of them was not supplied, and is not missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied: Option<Vec<TableId>>,
}

/// Why a shard cannot be put beside those that are there.
#[derive(Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A manifest cannot be read.
    Manifest(String),
    /// Another number of shards.
    Count(Shard),
    /// Of another store, another state of it, or other tables of it.
    Identity(Shard),
}

/// The shards of a directory.
#[derive(Debug, Default)]
pub struct Set {
    pub shards: BTreeMap<u32, Manifest>,
}

impl Set {
    /// Look what is there; an empty or absent directory has no shards.
    pub fn read(dir: &Path) -> io::Result<Result<Self, Conflict>> {
        let mut set = Self::default();
        let entries = match fs::read_dir(dir.join(MANIFESTS)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ok(set)),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let parsed = read_manifest(&path)
                .map_err(|e| e.to_string())
                .and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).map_err(|e| e.to_string()));
            match parsed {
                Ok(manifest) => {
                    set.shards.insert(manifest.shard.index, manifest);
                }
                Err(reason) => return Ok(Err(Conflict::Manifest(format!("{}: {reason}", path.display())))),
            }
        }
        Ok(Ok(set))
    }

    /// Whether a shard may be put beside what is there. One that is there already is replaced.
    pub fn admits(&self, shard: Shard, identity: &Identity) -> Result<(), Conflict> {
        for other in self.shards.values() {
            if other.shard.of != shard.of {
                return Err(Conflict::Count(other.shard));
            }
            if other.identity != *identity && other.shard != shard {
                return Err(Conflict::Identity(other.shard));
            }
        }
        Ok(())
    }

    /// The shards that are not there.
    pub fn missing(&self, of: u32) -> Vec<u32> {
        (1..=of).filter(|index| !self.shards.contains_key(index)).collect()
    }
}

fn read_manifest(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    crate::store::regular_file(path)?.take(LONGEST_MANIFEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_MANIFEST {
        return Err(io::Error::other("too long for a manifest"));
    }
    Ok(bytes)
}

/// A shard in the making: files under a temporary directory beside their places.
pub struct Making {
    dir: PathBuf,
    shard: Shard,
    temporary: PathBuf,
    held: Held<Unfinished>,
    made: Option<Held<Unfinished>>,
}

impl Making {
    /// Begin. The directory is made if it is not there.
    pub fn begin(dir: &Path, shard: Shard) -> io::Result<Self> {
        // A directory that was made for nothing goes again, unless other shards may be under way in it.
        let made = match fs::symlink_metadata(dir) {
            Err(_) if shard.is_whole() => Some(Unfinished::hold(dir, String::new())?),
            _ => None,
        };
        fs::create_dir_all(dir)?;
        plain(dir)?;
        let temporary = dir.join(format!("_unfinished-{:05}-of-{:05}.{}", shard.index, shard.of, std::process::id()));
        let held = Unfinished::hold(&temporary, String::new())?;
        fs::create_dir(&temporary)?;
        Ok(Self { dir: dir.to_path_buf(), shard, temporary, held, made })
    }

    pub fn part(&self, table: &str, number: usize, encoding: Encoding) -> io::Result<PathBuf> {
        let dir = self.temporary.join(table);
        // Without its parent: what a signal has removed must not come back.
        match fs::create_dir(&dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        Ok(dir.join(format!("part-{number:06}.{}", encoding.extension())))
    }

    /// Put everything in its place. The old manifest goes first and the new one comes last, so that a
    /// shard that is only half in place is never taken for a whole one.
    pub fn publish(self, manifest: &Manifest) -> io::Result<()> {
        let Self { dir, shard, temporary, held, made } = self;
        let step = scratch::Step::begin("the export is being moved into place", made);
        let path = dir.join(MANIFESTS).join(format!("shard-{:05}-of-{:05}.json", shard.index, shard.of));
        let published = put(&dir, &temporary, &path, manifest);
        if published.is_err() {
            // What is perhaps not on the disk is not there.
            let _ = fs::remove_file(&path);
        }
        drop(held);
        drop(step);
        published
    }
}

/// What lies in an export are directories of its own: a link in place of one would lead what is written, and removed,
/// elsewhere.
fn plain(dir: &Path) -> io::Result<()> {
    let out = Below::open(dir)?;
    for name in out.names()? {
        match out.directory(Path::new(&name)) {
            Err(e) if e.get_ref().is_some_and(|odd| odd.is::<Odd>()) => {
                return Err(io::Error::other(format!("{} in it is not an export directory", name.display())));
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn put(dir: &Path, temporary: &Path, path: &Path, manifest: &Manifest) -> io::Result<()> {
    plain(dir)?;
    let manifests = dir.join(MANIFESTS);
    fs::create_dir_all(&manifests)?;
    remove_file(path)?;
    sync(&manifests)?;
    for table in manifest.tables.keys() {
        let home = dir.join(table);
        fs::create_dir_all(&home)?;
        let place = home.join(manifest.shard.directory());
        match fs::remove_dir_all(&place) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let made = temporary.join(table);
        sync(&made)?;
        fs::rename(&made, &place)?;
        sync(&home)?;
    }
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::from)?;
    let draft = temporary.join("manifest.json");
    fs::write(&draft, text)?;
    fs::File::open(&draft)?.sync_all()?;
    fs::rename(&draft, path)?;
    sync(&manifests)?;
    sync(dir)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A directory's entries, onto the disk.
fn sync(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}
