//! The directory that a dump of many tables is written into: a file a table, and `wtcheck-dump.json`, which says what
//! is in it, what is lost, and where a dump that was cut short goes on.

use super::report::{DumpReport, Identity, TableReport};
use crate::below::Odd;
use crate::output::{self, Eyes, OutputError, Target};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The report.
pub const REPORT: &str = "wtcheck-dump.json";
/// Longest report that is read.
const LONGEST: u64 = 256 << 20;

/// Why a directory cannot be written into.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Something lies there that no dump has written.
    #[error("{0} is not empty, and was not made by this command")]
    Foreign(PathBuf),
    /// A dump of something else, or of another state, or in another form.
    #[error("{0} holds a dump of something else, or of a different state of it")]
    Other(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// A directory with what is finished in it.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    finished: Vec<TableReport>,
}

impl Directory {
    /// Make it, or go on in it.
    pub fn open(path: &Path, identity: &Identity, force: bool) -> Result<Self, DirectoryError> {
        let io = |error: io::Error| DirectoryError::Io { path: path.to_path_buf(), error };
        output::make_directory(path, Eyes::Owner)?;
        output::outside(path)?;
        let mut entries = fs::read_dir(path).map_err(io)?;
        let mut finished = Vec::new();
        if entries.next().is_some() {
            let found = read(&path.join(REPORT)).map_err(io)?;
            match found {
                Some(report) if report.identity == *identity && !force => finished = report.tables,
                Some(_) if force => {}
                Some(_) => return Err(DirectoryError::Other(path.to_path_buf())),
                None if force => {}
                None => return Err(DirectoryError::Foreign(path.to_path_buf())),
            }
        }
        output::sweep(path);
        Ok(Self { path: path.to_path_buf(), finished })
    }

    /// What an earlier run says of a table that it finished, if all its files are as it left them.
    pub fn finished(&self, uri: &str) -> Option<&TableReport> {
        let report = self.finished.iter().find(|t| t.uri == uri && t.unread.is_none())?;
        let first = report.files.first()?;
        let there = |name: &String| fs::symlink_metadata(self.path.join(name)).ok().filter(fs::Metadata::is_file);
        let whole = report.files.iter().all(|name| there(name).is_some());
        (whole && there(first)?.len() == report.bytes).then_some(report)
    }

    /// A file of it that is to be written.
    pub fn target(&self, name: &str) -> Result<Target, OutputError> {
        let path = self.path.join(name);
        if let Some(above) = path.parent() {
            // A link in its place would lead out of the directory.
            if above != self.path && fs::symlink_metadata(above).is_ok_and(|m| m.is_symlink()) {
                return Err(OutputError::Odd { path: above.to_path_buf(), odd: Odd::Link });
            }
            output::make_directory(above, Eyes::Owner)?;
        }
        // What is there is of a run that was cut short, or was to be overwritten.
        Target::new(&path, true, Eyes::Owner)
    }

    /// Write a small file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        self.target(name)?.write(bytes)
    }

    /// Write the report.
    pub fn report(&self, report: &DumpReport) -> Result<(), OutputError> {
        let text = serde_json::to_vec_pretty(report).unwrap_or_default();
        self.write(REPORT, &text)
    }
}

fn read(path: &Path) -> io::Result<Option<DumpReport>> {
    let mut bytes = Vec::new();
    match crate::store::regular_file(path) {
        Ok(file) => file.take(LONGEST).read_to_end(&mut bytes)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    Ok(serde_json::from_slice(&bytes).ok())
}
