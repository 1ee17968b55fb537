//! A fetched tree: a directory with a manifest, the answer about each page, and what of them was decrypted.

use super::{Entry, EntryKind, Piece, answer};
use crate::id::Version;
use crate::store::regular_file;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest page file.
const LONGEST: u64 = 128 << 20;
/// Most pages of a tree.
const MOST_PAGES: usize = 4_000_000;
/// Where a block says what it is, and what it says.
const MAGIC_AT: usize = 28;
const DELTA: u8 = 0xdd;

/// Whether a directory is a fetched tree.
pub fn is_tree(dir: &Path) -> bool {
    dir.join("pages").is_dir() && dir.join("manifest.json").is_file()
}

/// The files of its pages, in order.
pub fn pages(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir.join("pages"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "json") && out.len() < MOST_PAGES {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

/// What of a tree was decrypted: by table, page and the LSN in the name.
#[derive(Debug, Default)]
pub struct Decrypted {
    images: BTreeMap<Version, PathBuf>,
    deltas: HashMap<Version, PathBuf>,
}

impl Decrypted {
    /// Look what there is.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let mut out = Self::default();
        let entries = match std::fs::read_dir(dir.join("decrypted")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(out),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(stem) = name.strip_prefix("decrypted_").and_then(|n| n.strip_suffix(".bin")) else { continue };
            let (page, delta) = match stem.strip_suffix(".delta").and_then(|s| s.rsplit_once('.')) {
                Some((page, lsn)) => (page, Some(lsn)),
                None => (stem, None),
            };
            let numbers: Option<Vec<u64>> = page.split('_').map(|n| n.parse().ok()).collect();
            let Some([_, table, id, lsn]) = numbers.as_deref().and_then(|n| <&[u64; 4]>::try_from(n).ok()) else {
                continue;
            };
            match delta.map(str::parse) {
                None => {
                    out.images.insert(Version::new((*table).into(), (*id).into(), (*lsn).into()), path);
                }
                Some(Ok(delta)) => {
                    out.deltas.insert(Version::new((*table).into(), (*id).into(), u64::into(delta)), path);
                }
                Some(Err(_)) => {}
            }
        }
        Ok(out)
    }

    /// Put what was decrypted in the place of what was not. `asked`: the LSN at which the page was asked for.
    fn put(&self, entries: &mut [Entry]) -> io::Result<()> {
        let newest = entries.last().map(|e| e.at);
        for entry in entries.iter_mut() {
            if let (EntryKind::Delta, Some(path)) = (entry.kind, self.deltas.get(&entry.at)) {
                entry.decrypted(bytes(path)?);
            }
        }
        // The name has the LSN that the page was asked for: that of its newest block, or a later one.
        let Some(newest) = newest else { return Ok(()) };
        let of_page = |at: &Version| (at.table, at.page) == (newest.table, newest.page);
        let Some((_, path)) = self.images.range(newest..).next().filter(|(at, _)| of_page(at)) else { return Ok(()) };
        let plain = bytes(path)?;
        // Older tools wrote each delta over the image, so that the last one is left.
        let target = match plain.get(MAGIC_AT) {
            Some(&DELTA) => entries.last_mut().filter(|e| e.kind == EntryKind::Delta),
            _ => entries.first_mut(),
        };
        if let Some(entry) = target {
            entry.decrypted(plain);
        }
        Ok(())
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    regular_file(path)?.take(LONGEST).read_to_end(&mut out)?;
    Ok(out)
}

/// One page of a tree.
pub fn page(path: &Path, decrypted: &Decrypted) -> io::Result<Piece> {
    let mut piece = answer::answer(&bytes(path)?);
    decrypted.put(&mut piece.entries)?;
    Ok(piece)
}
