//! The library: open a data directory, audit it, go through its pages and rows.

use crate::audit::result::Audit;
use crate::audit::{self, AuditError, Silent};
use crate::home::directory::Home;
use crate::home::rows;
use crate::id::Lsn;
use crate::page::Depth;
use crate::pagelog::catalog::{self, Catalog};
use crate::pagelog::scan::Scan;
use crate::store::blockfile::BlockFile;
use crate::store::{self, Affected, Index, PageLog, Problem, StoreError};
use crate::subject::{Kind, Subject};
use std::path::{Path, PathBuf};

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path is no data directory.
    #[error("{path}: {what}", path = path.display())]
    NoDirectory {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The store cannot be read, or is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There can be no audit.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The checkpoint has no such tree.
    #[error("there is no tree {0}")]
    NoTree(String),
}

/// The page log of a directory, with the trees of its newest checkpoint.
struct Log {
    store: Box<dyn PageLog>,
    index: Index,
    catalog: Catalog,
    /// Everything was read, and a checkpoint is there.
    whole: bool,
}

/// A data directory that nobody has open: a page log, a home of local block files, or both in one. It is only read.
///
/// ```
/// # fn main() -> Result<(), wtcheck::Error> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/palite/2026-07-leak-full");
/// let directory = wtcheck::Directory::open(path)?;
/// assert!(directory.is_whole());
/// assert!(directory.trees().iter().any(|uri| uri.starts_with("file:accounts")));
/// # Ok(())
/// # }
/// ```
pub struct Directory {
    path: PathBuf,
    log: Option<Log>,
    home: Option<Home>,
}

impl Directory {
    /// Open it. An error says what the path is instead, who holds it, or what of it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let subject = Subject::open(path.as_ref());
        if !matches!(subject.kind, Kind::PageLog(_) | Kind::Home | Kind::Both(_)) {
            let what = crate::report::subject::what(&subject);
            return Err(Error::NoDirectory { path: subject.path, what });
        }
        subject.check_live()?;
        let log = subject.page_log().map(|located| open_log(store::open_at(located, false)?)).transpose()?;
        let home = match subject.kind {
            Kind::PageLog(_) => None,
            _ => Some(subject.home(false)?.0),
        };
        Ok(Self { path: subject.path, log, home })
    }

    /// Audit it.
    ///
    /// ```
    /// # fn main() -> Result<(), wtcheck::Error> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/palite/2026-07-leak-full");
    /// use wtcheck::{Depth, Directory, Verdict};
    ///
    /// let audit = Directory::open(path)?.audit(Depth::Deep)?;
    /// assert_eq!(audit.verdict, Verdict::Findings);
    /// for finding in &audit.findings {
    ///     println!("{} {}: {:?}", finding.severity.name(), finding.code.name(), finding.place);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn audit(&self, depth: Depth) -> Result<Audit, Error> {
        let name = self.path.display().to_string();
        let log = self.log.as_ref().map(|log| {
            let options = audit::Options { depth, ..audit::Options::default() };
            audit::pagelog::run(&*log.store, &name, &options, &Silent)
        });
        let home = self.home.as_ref().map(|home| {
            let options = audit::home::Options { checkpoint: None, depth, no_mmap: false, tables: None };
            audit::home::run(home, &name, &options, &Silent).map(|(audit, _)| audit)
        });
        match (log.transpose()?, home.transpose()?) {
            (Some(log), Some(home)) => Ok(audit::both::join(log, home)),
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (None, None) => Err(Error::NoDirectory { path: self.path.clone(), what: "is empty".into() }),
        }
    }

    /// Every tree of the newest checkpoint is known: false where a file of the page log or a row of the metadata
    /// could not be read, or no checkpoint can be used. Then what is not listed is not known to be absent.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.log.iter().all(|l| l.whole) && self.home.iter().all(|h| h.complete)
    }

    /// The trees of the newest checkpoint, by `file:` URI; those of the page log first.
    #[must_use]
    pub fn trees(&self) -> Vec<&str> {
        let log = self.log.iter().flat_map(|l| &l.catalog.trees).map(|t| t.uri.as_str());
        log.chain(self.home.iter().flat_map(|h| &h.files).map(|f| f.uri.as_str())).collect()
    }

    /// The pages of a tree, in the order of their keys.
    ///
    /// ```
    /// # fn main() -> Result<(), wtcheck::Error> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/local/mongo");
    /// let mongo = wtcheck::Directory::open(path)?;
    /// let pages: Vec<_> = mongo.pages("file:_mdb_catalog.wt")?.collect();
    /// assert!(pages.iter().all(|page| page.whole));
    /// assert_eq!(pages[0].level, 0, "the root comes first");
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(&self, uri: &str) -> Result<impl Iterator<Item = Page>, Error> {
        let log = self.log.iter().find_map(|l| Some((l, l.catalog.trees.iter().find(|t| t.uri == uri)?)));
        if let Some((log, tree)) = log {
            let reader = log.store.reader()?;
            return Ok(Pages::Log(Scan::new(&log.index, reader, tree.table, tree.root, tree.compression)));
        }
        let none = || Error::NoTree(uri.to_string());
        let home = self.home.as_ref().ok_or_else(none)?;
        let entry = home.files.iter().find(|f| f.uri == uri).ok_or_else(none)?;
        let file = BlockFile::open(&home.dir.join(&entry.name), false)?;
        Ok(Pages::Home(rows::Scan::new(file, entry)))
    }

    /// The rows of a tree, in the order of their keys; those that are deleted are left out, and so are those of
    /// pages that cannot be read ([`Page::whole`] tells).
    ///
    /// ```
    /// # fn main() -> Result<(), wtcheck::Error> {
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/palite/2026-07-leak-full");
    /// let directory = wtcheck::Directory::open(path)?;
    /// // The metadata that all nodes share is a tree like any other.
    /// let uris: Vec<String> = directory.
    /// rows("file:WiredTigerShared.wt_stable")?.
    /// map(|row| String::from_utf8_lossy(&row.key).into_owned()).
    /// collect();
    /// assert!(uris.iter().any(|uri| uri.starts_with("file:accounts")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn rows(&self, uri: &str) -> Result<impl Iterator<Item = Row>, Error> {
        Ok(self.pages(uri)?.flat_map(|page| page.rows))
    }
}

/// Where a page lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a page log: id and LSN of the version.
    Version(u64, Lsn),
    /// In a local file: byte offset.
    Offset(u64),
    /// What leads to it cannot be decoded.
    Unknown,
}

/// A page of a tree.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it lies.
    pub place: Place,
    /// Levels above it.
    pub level: usize,
    /// What kind of page it is, where that could be read.
    pub page_type: Option<&'static str>,
    /// Nothing of it is lost.
    pub whole: bool,
    /// The rows of a leaf that are not deleted.
    pub rows: Vec<Row>,
}

/// A row of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

fn open_log(store: Box<dyn PageLog>) -> Result<Log, StoreError> {
    let (index, problems) = store.index(None, &|_| ())?;
    let (completions, more) = store.completions()?;
    let mut reader = store.reader()?;
    let newest = completions.iter().rev().find_map(|row| catalog::open(&index, &mut *reader, row).ok());
    let catalog = newest.map_or_else(Catalog::default, |c| catalog::read(&index, &mut *reader, &c));
    drop(reader);
    // Counters name no tree.
    let hides = |p: &Problem| p.affects != Affected::Counters;
    let whole = catalog.complete && !catalog.has_unreadable_rows() && !problems.iter().chain(&more).any(hides);
    Ok(Log { store, index, catalog, whole })
}

/// The pages of a tree of either family.
enum Pages<'a> {
    Log(Scan<'a>),
    Home(rows::Scan<'a, BlockFile>),
}

impl Iterator for Pages<'_> {
    type Item = Page;

    fn next(&mut self) -> Option<Page> {
        match self {
            Self::Log(scan) => {
                let page = scan.next()?;
                let mut whole = page.faults.iter().all(|f| f.recovered);
                let mut rows = Vec::with_capacity(page.rows.len());
                for (key, value) in page.rows {
                    match (scan.item(key), scan.item(value)) {
                        (Some(key), Some(value)) => rows.push(Row { key, value }),
                        _ => whole = false,
                    }
                }
                let place = Place::Version(page.cookie.page_id.get(), page.cookie.lsn);
                Some(Page { place, level: page.level, page_type: page.kind.map(|k| k.name()), whole, rows })
            }
            Self::Home(scan) => {
                let page = scan.next()?;
                let place = page.address.map_or(Place::Unknown, |a| Place::Offset(a.offset));
                let rows = page.rows.into_iter().map(|(key, value)| Row { key, value }).collect();
                let page_type = page.kind.map(|k| k.name());
                Some(Page { place, level: page.level, page_type, whole: page.whole, rows })
            }
        }
    }
}
