//! What a line of a server log is about: a file, a block, a page, a table, a time.

use super::cause::Cause;
use super::codes::Errno;
use super::template::{self, Field, Match};
use serde::Serialize;

/// Longest name of a file that is believed.
const LONGEST: usize = 512;

/// What a file of a home is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// `WiredTiger.wt`.
    Metadata,
    /// `WiredTiger.turtle`, `WiredTiger.turtle.set`.
    Turtle,
    /// `WiredTiger`, the version.
    VersionFile,
    /// `WiredTiger.lock`, `mongod.lock`.
    Lock,
    /// `WiredTiger.basecfg`, `WiredTiger.backup`.
    Settings,
    /// `WiredTigerHS.wt`, `WiredTigerSharedHS.wt_stable`.
    History,
    /// `WiredTigerLAS.wt`.
    Lookaside,
    /// `sizeStorer.wt`.
    Counts,
    /// `_mdb_catalog.wt`.
    Catalog,
    /// `collection-…`.
    Collection,
    /// `index-…`.
    Index,
    /// `internal-…`.
    Internal,
    /// `WiredTigerLog.N` and its like.
    WtLog,
    /// The directory of these.
    Journal,
    /// A file in the database of keys.
    KeyDatabase,
    /// A tree in a page log.
    PageLog,
    /// Another table.
    Table,
    /// Something else.
    Other,
}

impl FileKind {
    /// By a path or a name.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let numbered = |name: &str, stem: &str| {
            name.strip_prefix(stem)
                .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.').is_some_and(|n| n.parse::<u32>().is_ok()))
        };
        let below_keys = path.contains("key.db/") || path.contains("key.store/");
        match name {
            _ if below_keys => Self::KeyDatabase,
            "WiredTiger" => Self::VersionFile,
            "WiredTiger.lock" | "mongod.lock" => Self::Lock,
            "WiredTiger.turtle" | "WiredTiger.turtle.set" => Self::Turtle,
            "WiredTiger.basecfg" | "WiredTiger.backup" => Self::Settings,
            "journal" => Self::Journal,
            "sizeStorer.wt" => Self::Counts,
            "_mdb_catalog.wt" => Self::Catalog,
            "WiredTigerLAS.wt" => Self::Lookaside,
            "WiredTigerHS.wt" => Self::History,
            _ if numbered(name, "WiredTiger.wt") => Self::Metadata,
            _ if name.starts_with("WiredTigerSharedHS") => Self::History,
            _ if name.starts_with("WiredTigerLog.")
                || name.starts_with("WiredTigerPreplog.")
                || name.starts_with("WiredTigerTmplog.") =>
            {
                Self::WtLog
            }
            _ if name.ends_with(".wt_stable") || name.ends_with(".wt_ingest") => Self::PageLog,
            _ if name.starts_with("collection-") || path.contains("/collection/") => Self::Collection,
            _ if name.starts_with("index-") || path.contains("/index/") => Self::Index,
            _ if name.starts_with("internal-") => Self::Internal,
            _ if name.ends_with(".wti") => Self::Index,
            _ if name.ends_with(".wt") || name.ends_with(".lsm") => Self::Table,
            _ => Self::Other,
        }
    }
}

/// What a line is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "devtools", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Place {
    /// The file, without its directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The path, as the line has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileKind>,
    /// First byte of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The checksum that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_checksum: Option<u32>,
    /// The checksum that its address names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_checksum: Option<u32>,
    /// Page of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_id: Option<u64>,
    /// Tree of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_id: Option<u64>,
    /// LSN of a page log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsn: Option<u64>,
    /// The LSN that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_lsn: Option<u64>,
    /// Number of a wtlog file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wtlog: Option<u64>,
    /// Table or ident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ident: Option<String>,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the error: `EPERM`, `WT_ERROR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Fatal assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<u32>,
    /// The version that a file has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The newest one that the build takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_version: Option<String>,
    /// Where a file that was in the way went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<String>,
    /// A name that is not known: a compressor, a setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip)]
    pub errno: Option<Errno>,
}

impl Place {
    /// What the places of a line say.
    pub fn of(found: &Match) -> Self {
        let mut out = Self::default();
        let mut files = 0_u8;
        for (field, value) in &found.values {
            match field {
                Field::File if files > 0 => out.renamed_to = Some(value.clone()),
                Field::File => {
                    files = 1;
                    out.name_file(value);
                }
                Field::Path => {
                    // `A to B` of a rename.
                    let path = value.rsplit_once(" to ").map_or(value.as_str(), |(from, _)| from);
                    // Words in front of a path that begins later.
                    let path = match path.rsplit_once(' ') {
                        Some((_, last)) if last.starts_with('/') => last,
                        _ => path,
                    };
                    out.path = Some(path.to_string());
                    out.name_file(path);
                }
                Field::Ident => out.ident = Some(value.trim_start_matches("table:").to_string()),
                Field::Namespace => out.namespace = Some(value.clone()),
                Field::Offset => out.offset = value.parse().ok(),
                Field::Size => out.size = value.parse().ok(),
                Field::Found => out.found_checksum = checksum(value),
                Field::Expected => out.expected_checksum = checksum(value),
                Field::Errno => {
                    out.errno = template::errno(value);
                    out.error = out.errno.map(Errno::name);
                }
                Field::Lsn => out.lsn = value.parse().ok(),
                Field::Backlink => out.other_lsn = value.parse().ok(),
                Field::Page => out.page_id = value.parse().ok(),
                Field::Table => out.table_id = value.parse().ok(),
                Field::WtLog => {
                    out.wtlog = value.parse().ok();
                    out.kind = Some(FileKind::WtLog);
                }
                Field::Version => out.version = Some(value.clone()),
                Field::Newest => out.newest_version = Some(value.clone()),
                Field::Name => out.name = Some(value.clone()),
                Field::Number | Field::Limit | Field::Stamp | Field::Text => {}
            }
        }
        out
    }

    fn name_file(&mut self, path: &str) {
        // A whole line is no name.
        if path.contains(['[', '=', ';', '"', '\n']) || path.len() > LONGEST || path == "file" {
            self.path = None;
            return;
        }
        let path = path.trim_start_matches("file:").trim_end_matches('/');
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        self.kind = Some(FileKind::of(path));
        self.file = (!name.is_empty()).then(|| name.to_string());
        if let Some(number) = name.strip_prefix("WiredTigerLog.") {
            self.wtlog = number.parse().ok();
        }
    }

    /// Name the file of a wtlog that is only numbered.
    pub fn or_wtlog(&mut self) {
        if let Some(number) = self.wtlog.filter(|_| self.file.is_none()) {
            self.file = Some(format!("WiredTigerLog.{number:010}"));
        }
    }

    /// Name the file that a line is about by its words alone.
    pub fn or_implied(&mut self, cause: Cause) {
        let name = match cause {
            Cause::HsMissing => "WiredTigerHS.wt",
            Cause::TurtleUnreadable | Cause::TurtleUpdateFailed => "WiredTiger.turtle",
            Cause::TurtleMissing => "WiredTiger.turtle",
            Cause::WiredTigerFileMissing | Cause::WiredTigerFileEmpty => "WiredTiger",
            Cause::BackupFileBad | Cause::BackupRecreate => "WiredTiger.backup",
            _ => return,
        };
        if cause == Cause::TurtleMissing {
            self.renamed_to = self.file.take();
        }
        self.file = Some(name.to_string());
        self.kind = Some(FileKind::of(name));
    }

    /// Take what another line about the same has and this one does not.
    pub fn fill(&mut self, other: &Self) {
        fn or<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        or(&mut self.version, &other.version);
        or(&mut self.newest_version, &other.newest_version);
        or(&mut self.name, &other.name);
        or(&mut self.renamed_to, &other.renamed_to);
        or(&mut self.namespace, &other.namespace);
        or(&mut self.ident, &other.ident);
        or(&mut self.other_lsn, &other.other_lsn);
        or(&mut self.errno, &other.errno);
        or(&mut self.error, &other.error);
        if self.file.is_none() {
            or(&mut self.file, &other.file);
            or(&mut self.kind, &other.kind);
            or(&mut self.path, &other.path);
        }
    }

    /// Take the file from what the session worked on, where the line names none.
    pub fn or_handle(&mut self, handle: Option<&str>) {
        let Some(handle) = handle.filter(|_| self.file.is_none()) else { return };
        if let Some(file) = handle.strip_prefix("file:") {
            // A checkpoint of it may stand behind a slash.
            let file = match file.split_once(".wt_stable/") {
                Some((table, _)) => format!("{table}.wt_stable"),
                None => file.split("/WiredTigerCheckpoint").next().unwrap_or(file).to_string(),
            };
            self.kind = Some(FileKind::of(&file));
            self.file = Some(file);
        } else if let Some(table) = handle.strip_prefix("table:")
            && self.ident.is_none()
        {
            self.ident = Some(table.to_string());
        }
    }
}

/// A checksum, hexadecimal behind 0x, else decimal.
fn checksum(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
